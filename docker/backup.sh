#!/bin/sh
# Back up a data centre's PostgreSQL while it serves: docker/backup.sh FILE
# One dump is one moment of all schemas together: all that was acknowledged before the command began is in it, and no
# consumer stands ahead of the log it follows. The dump is read to its end before it gets its name. FILE.sha256 says when
# it began; `sha256sum -c` reads it. Keys and passwords (secrets/) are not in it; Redis needs no backup.
# COMPOSE: the command (docker compose); COMPOSE_FILE and COMPOSE_PROJECT_NAME hold as for every compose command.
set -eu
umask 077
compose=${COMPOSE:-docker compose}
target=${1:?usage: docker/backup.sh FILE}
for file in "$target" "$target.sha256"; do
    [ ! -e "$file" ] || { echo "$file is there already" >&2; exit 2; }
done
trap 'rm -f "$target.part"' EXIT

mark=$(date +%Y-%m-%dT%H:%M:%S%z)
$compose exec -T postgres pg_dump --host=/run/postgresql --format=custom --compress=1 tongchou >"$target.part"
$compose exec -T postgres pg_restore --file=/dev/null <"$target.part"
sync "$target.part"
{
    echo "# all that was acknowledged before $mark is in it"
    sha256sum "$target.part" | sed "s|  .*|  $(basename "$target")|"
} >"$target.sha256"
mv "$target.part" "$target"
sync "$(dirname "$target")" "$target.sha256"
echo "backup in $target: all that was acknowledged before $mark is in it"
