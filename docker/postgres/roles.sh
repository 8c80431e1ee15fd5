#!/bin/sh
# Make or mend roles, schemas and rights, with the passwords of /run/secrets. Can be repeated, and is after an upgrade
# that brings a new service and after passwords were changed:
#   docker compose exec postgres tongchou-roles
set -eu
exec psql --host=/run/postgresql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --file=/usr/share/tongchou/roles.sql "${1:-tongchou}"
