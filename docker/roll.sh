#!/bin/sh
# Replace processes one at a time while the suite serves: docker/roll.sh [SERVICE…]   (all, when none is named)
# For a restart, for other settings and for a new image alike: each container is stopped (it drains), removed and made
# anew from compose.yaml, and the next one waits until it is healthy and, for a broker, until all services have found it.
# Callers see a pause of a second or less, PostgreSQL's a few. The number of adjudication instances stays as it is.
# COMPOSE: the command (docker compose); COMPOSE_FILE and COMPOSE_PROJECT_NAME hold as for every compose command.
set -eu
compose=${COMPOSE:-docker compose}
services="facility enrollment collection settlement adjudication"
[ $# -gt 0 ] || set -- broker-1 broker-2 $services redis postgres

fail() { echo "roll.sh: $*" >&2; exit 1; }

healthy() { # CONTAINER: as its own check says, without waiting for the engine's next look
    case $(docker inspect -f '{{.Config.Image}}' "$1") in
    tongchou-redis*) docker exec "$1" redis-cli ping >/dev/null 2>&1 ;;
    tongchou-postgres*) docker exec "$1" pg_isready -q -h 127.0.0.1 -d tongchou ;;
    *) docker exec "$1" tongchou health >/dev/null 2>&1 ;;
    esac
}

patiently() { # WHAT command…: until it succeeds, 60 s at most
    what=$1
    shift
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ $tries -lt 240 ] || fail "$what"
        sleep 0.25
    done
}

all_healthy() { # SERVICE
    for container in $($compose ps -q "$1"); do healthy "$container" || return 1; done
}

heard_by() { # BROKER: it knows as many instances as there are containers of services
    heard=$(docker exec "$($compose ps -q "$1")" tongchou health | sed -n 's/.*"instances":\([0-9]*\).*/\1/p')
    [ "${heard:-0}" -ge "$($compose ps -q $services | wc -l)" ]
}

for service; do
    old=$($compose ps -q "$service")
    [ -n "$old" ] || fail "there is no container of $service"
    count=$(echo "$old" | wc -l)
    for container in $old; do
        docker stop "$container" >/dev/null
        docker rm "$container" >/dev/null
        $compose up -d --no-deps --no-recreate --scale "$service=$count" "$service" >/dev/null 2>&1 || fail "cannot start $service"
        patiently "$service is not healthy again" all_healthy "$service"
        case $service in broker-*) patiently "not all services have found $service" heard_by "$service" ;; esac
    done
    echo "rolled $service ($count)"
done
