#!/bin/sh
# Put a backup of docker/backup.sh to use: docker/restore.sh FILE
# The services must be stopped. The dump goes into a database of its own, which takes the place of the former only when it
# is whole; the former, when it held anything, stays beside it as tongchou_before_<time>. Redis is emptied, since what it
# holds may be newer. Afterwards: docker compose up -d, then docker compose run --rm cli verify.
# COMPOSE: the command (docker compose); COMPOSE_FILE and COMPOSE_PROJECT_NAME hold as for every compose command.
set -eu
compose=${COMPOSE:-docker compose}
source=${1:?usage: docker/restore.sh FILE}
psql() { $compose exec -T postgres psql --host=/run/postgresql --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 "$@" </dev/null; }

for service in enrollment facility collection adjudication settlement; do
    [ -z "$($compose ps -q $service)" ] || [ "$(docker inspect -f '{{.State.Running}}' $($compose ps -q $service) | grep -c true)" = 0 ] ||
        { echo "$service runs: docker compose stop enrollment facility collection adjudication settlement" >&2; exit 2; }
done
if [ -e "$source.sha256" ]; then
    (cd "$(dirname "$source")" && sha256sum --quiet -c "$(basename "$source").sha256")
fi

$compose up -d postgres
waited=0
until $compose exec -T postgres pg_isready -q -h 127.0.0.1 -d tongchou; do
    waited=$((waited + 1))
    [ $waited -lt 120 ] || { echo "PostgreSQL does not come up" >&2; exit 1; }
    sleep 0.5
done
psql -d postgres -c 'DROP DATABASE IF EXISTS tongchou_new' -c 'CREATE DATABASE tongchou_new'
$compose exec -T postgres pg_restore --host=/run/postgresql --exit-on-error --single-transaction --dbname=tongchou_new <"$source"
$compose exec -T postgres tongchou-roles tongchou_new </dev/null

former="tongchou_before_$(date +%Y%m%d_%H%M%S)"
tables=$(psql -d tongchou -c "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')")
psql -d postgres -c "ALTER DATABASE tongchou RENAME TO $former" -c 'ALTER DATABASE tongchou_new RENAME TO tongchou'
if [ "$tables" = 0 ]; then
    psql -d postgres -c "DROP DATABASE $former"
else
    echo "what was there before is kept as database $former"
fi
[ -z "$($compose ps -q redis)" ] || $compose restart redis
echo "restored $source; start the services, then run verify"
