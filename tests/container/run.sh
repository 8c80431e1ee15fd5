#!/bin/sh
# The data centre of compose.yaml, deployed for real and broken on purpose: tests/container/run.sh BIN
# BIN holds tongchou and settle_bench of this machine, the callers from outside. Where no container engine runs one is
# installed and started (engine.sh). Exit 77, with the reason, only where the kernel allows no containers.
# KEEP=yes leaves everything running at the end, and says how to reach it.
set -eu
bin=$(cd "${1:?the folder of the programs}" && pwd)
cd "$(dirname "$0")/../.."
. tests/container/engine.sh
if [ "$(id -u)" != 0 ] && ! docker version >/dev/null 2>&1; then
    command -v sudo >/dev/null || { echo "neither root, nor sudo, nor a container engine is at hand" >&2; exit 1; }
    exec sudo -E "$0" "$bin"
fi
why=
docker version >/dev/null 2>&1 || why=$(engine_kernel_allows) || { echo "SKIPPED: the container test: $why" >&2; exit 77; }

# ---- the stage

work=$(mktemp -d /var/tmp/tongchou-container.XXXXXX) # not in memory: images are large
engine_dir=$work/engine
export TMPDIR="$work/tmp" # the engine outlives the folder that it might be given
mkdir "$TMPDIR"
began=$(date +%s) step_began=$began step= failed=
bills=60000 skip=0 load= tag=tc$$

finish() {
    status=$?
    trap - EXIT INT TERM
    [ $status -eq 0 ] || {
        echo "FAILED in: $step" >&2
        docker ps -a --format '{{.Names}} {{.Status}}' 2>/dev/null | grep "$tag" >&2 || true
        tail -n 5 "$work"/*.log >&2 2>/dev/null || true
        for name in ${suites:-}; do suite "$name" && compose logs --no-color --tail 15 >&2 2>/dev/null || true; done
    }
    if [ -n "${KEEP:-}" ]; then
        echo "kept: export DOCKER_HOST=${DOCKER_HOST:-} DOCKER_CONFIG=${DOCKER_CONFIG:-} COMPOSE_PROJECT_NAME=${COMPOSE_PROJECT_NAME:-} SECRETS=${SECRETS:-}; $work"
        exit $status
    fi
    [ -z "$load" ] || kill "$load" 2>/dev/null || true
    for name in ${suites:-}; do suite "$name" && docker compose down -v -t 3 >"$work/down.log" 2>&1 || true; done
    engine_stop
    rm -rf "$work"
    [ $status -ne 0 ] || echo "== the container test passed: $(($(date +%s) - began)) s"
    exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM

step() {
    [ -z "$step" ] || echo "   $(($(date +%s) - step_began)) s"
    step=$* step_began=$(date +%s)
    echo "== $step"
}
fail() { echo "$*" >&2; exit 1; }
compose() { docker compose "$@"; }
quietly() { "$@" >"$work/compose.out" 2>&1 || { tail -n 40 "$work/compose.out" >&2; return 1; }; }

suites=
suite() { # NAME: the suite that all commands below are about
    export COMPOSE_PROJECT_NAME="$tag$1" SECRETS="$work/$1/secrets"
    export COMPOSE_FILE="compose.yaml:tests/container/compose.test.yaml"
    data=$work/$1/caller
    door=$port
    [ "$1" = one ] || door=$((port + 3))
    export FRONT_PORT_1=$door FRONT_PORT_2=$((door + 1)) AGENCY_PORT=$((door + 2))
}
port=$((20000 + $$ % 10000))
export CITY=jiangmen OVERLAYS=/usr/share/tongchou/config/samples/jiangmen-illustrative.yaml FRONT_BIND=127.0.0.1
export CPUS=2.0
[ "$(nproc)" -ge 2 ] || export CPUS=1.0

# Secrets of a new suite, and the folder of a caller outside: the public registry, an admin's key and the published doors.
new_suite() { # NAME
    suites="$suites $1"
    mkdir -p "$work/$1/secrets" "$work/$1/caller"
    suite "$1"
    quietly compose run --rm setup
    quietly compose run --rm --entrypoint sh -v "$data:/caller" setup -c "cp -R /secrets/admin /caller/keys && chown -R $(id -u):$(id -g) /caller/keys"
    rm "$data/keys/pgpass" # nobody outside has it
    cat >"$data/tongchou.yaml" <<YAML
broker:
  front: ["tcp://127.0.0.1:$FRONT_PORT_1", "tcp://127.0.0.1:$FRONT_PORT_2"]
keys:
  dir: $data/keys
YAML
}
tongchou() { command=$1; shift; "$bin/tongchou" "$command" "$@" --data "$data"; }
up() { quietly compose up -d "$@" && healthy_again; }
container() { compose ps -q "$1" | sed -n "${2:-1}p"; } # SERVICE [NUMBER]
name_of() { docker inspect -f '{{.Name}}' "$1" | tr -d /; }
verify() { compose run --rm cli verify >"$work/verify" 2>"$work/verify.err" || { cat "$work/verify" "$work/verify.err" >&2; fail "the books are wrong"; }; tail -n 1 "$work/verify"; }

# ---- load from outside, through the published ports

start_load() { # NAME args…: in the background until stop_load
    report=$work/load.$1
    shift
    "$bin/settle_bench" --data "$data" --bills "$work/demo-bills.jsonl" --skip "$skip" --count $((bills - skip)) "$@" >"$report" 2>&1 &
    load=$!
}
stop_load() { # no request may have failed
    kill -TERM "$load" 2>/dev/null || fail "the load ended before its time: $(cat "$report")"
    wait "$load" || fail "the load failed: $(cat "$report")"
    load=
    sed 's/^settle  /   /; s/  generator.*//' "$report"
    grep -q 'refused 0' "$report" || fail "requests failed"
    skip=$((skip + $(awk '{for (i = 2; i <= NF; i++) if ($i == "bills") print $(i - 1)}' "$report") + 1))
}

# ---- faults

murder() { # CONTAINER: as if by kill -9 from nowhere, of all its processes; the restart policy is on its own then
    pid=$(docker inspect -f '{{.State.Pid}}' "$1")
    restarts=$(docker inspect -f '{{.RestartCount}}' "$1")
    if [ "$(id -u)" = 0 ] && grep -q "$1" "/proc/$pid/cgroup" 2>/dev/null; then
        kill -9 "$pid"
    else # an engine elsewhere: to it a kill is a wish, which it does not undo
        docker kill "$1" >/dev/null && docker start "$1" >/dev/null
        return
    fi
    for _ in $(seq 100); do
        [ "$(docker inspect -f '{{.RestartCount}}' "$1")" = "$restarts" ] || return 0
        sleep 0.1
    done
    fail "$(name_of "$1") was not restarted"
}
healthy_again() {
    for id in $(compose ps -q); do
        tries=0
        until [ "$(docker inspect -f '{{.State.Health.Status}}' "$id")" = healthy ]; do
            tries=$((tries + 1))
            [ $tries -lt 720 ] || fail "$(name_of "$id") does not get healthy"
            sleep 0.25
        done
    done
}

# ---- the test

step "engine, base image"
engine_start "$engine_dir"

step "build the images"
suite one
quietly compose build

step "first start: secrets, two brokers, five services with three instances of adjudication, PostgreSQL, Redis"
new_suite one
up --scale adjudication=3
compose ps --format '{{.Name}} {{.Status}}' | sed 's/^/   /'

step "what a container may: no root, no writing, no capabilities, no secrets of others, nothing in its environment"
for service in broker-1 adjudication enrollment postgres redis; do
    id=$(container $service)
    docker exec "$id" sh -c '[ "$(id -u)" != 0 ] && ! touch /usr/x 2>/dev/null && ! touch /x 2>/dev/null' || fail "$service is root, or writes"
    docker exec "$id" grep -q '^CapEff:[[:space:]]*0*$' /proc/self/status || fail "$service has capabilities"
    docker inspect -f '{{range .Config.Env}}{{println .}}{{end}}{{.Config.Cmd}}' "$id" >"$work/seen"
    for secret in "$SECRETS"/*/*.key "$SECRETS"/postgres/*.password; do
        ! grep -qF -f "$secret" "$work/seen" || fail "$service shows $(basename "$secret")"
    done
done
[ "$(docker exec "$(container enrollment)" sh -c 'ls /run/tongchou' | tr '\n' ' ')" = "cache.secret enrollment.key pgpass registry.yaml " ] || fail "enrollment sees more than its own"
stranger() { # ROLE SQL: must be refused by the database
    docker exec -i "$(container postgres)" sh -c "PGPASSWORD=\$(cat /run/secrets/$1.password) psql -qAt -h 127.0.0.1 -U $1 tongchou" >"$work/stranger" 2>&1 <<SQL
\set ON_ERROR_STOP 1
$2
SQL
    [ $? -ne 0 ]
}
for sql in 'SELECT * FROM settlement.journal LIMIT 1' 'SELECT * FROM enrollment.person LIMIT 1' 'CREATE SCHEMA mine' \
    'CREATE TABLE public.mine (a int)' 'CREATE TEMP TABLE mine (a int)'; do
    stranger adjudication "$sql" || fail "adjudication's role may: $sql"
    grep -q 'permission denied' "$work/stranger" || fail "adjudication: $sql: $(cat "$work/stranger")"
done
stranger auditor 'DELETE FROM adjudication.decision' || fail "the auditor's role writes"
[ "$(docker port "$(container postgres)"; docker port "$(container redis)"; docker port "$(container adjudication)")" = "" ] || fail "a store or a service is published"

step "a city from outside: 2,000 people, half a year of contributions"
"$bin/tongchou" sample --people 2000 --bills $bills --out "$work" --division 440703 --division 440704 --division 440705 --division 440781 >/dev/null
found() {
    tongchou facility "$work/demo-facilities.jsonl" --quiet
    tongchou enroll "$work/demo-population.jsonl" --quiet
    tongchou wait
    tongchou collect bill 2018
    tongchou collect receive-due "$work/demo-payers-yearly.jsonl" 2018 2017-12-20
    for end in 2018-01-31 2018-02-28 2018-03-31 2018-04-30 2018-05-31 2018-06-30; do
        tongchou collect bill "${end%-*}"
        tongchou collect receive-due "$work/demo-payers-monthly.jsonl" "${end%-*}" "$end"
    done
    tongchou wait
}
quietly found

step "faults at 100 bills/s: an instance, a broker, Redis and PostgreSQL are killed, networks are cut"
start_load faults --rate 100
sleep 1
echo "   kill -9 adjudication" && murder "$(container adjudication 1)" && sleep 1
echo "   kill -9 broker-1" && murder "$(container broker-1)" && sleep 2
echo "   kill -9 redis" && murder "$(container redis)" && sleep 1
echo "   kill -9 postgres" && murder "$(container postgres)" && sleep 3
cut=$(container adjudication 2)
echo "   adjudication cut from brokers for 5 s" && docker network disconnect "${COMPOSE_PROJECT_NAME}_back" "$cut" && sleep 5 &&
    docker network connect "${COMPOSE_PROJECT_NAME}_back" "$cut"
cut=$(container broker-2)
echo "   broker-2 cut from services for 4 s" && docker network disconnect "${COMPOSE_PROJECT_NAME}_back" "$cut" && sleep 4 &&
    docker network connect --alias broker-2 "${COMPOSE_PROJECT_NAME}_back" "$cut"
cut=$(container collection)
echo "   collection cut from the stores for 4 s" && docker network disconnect "${COMPOSE_PROJECT_NAME}_store" "$cut" && sleep 4 &&
    docker network connect "${COMPOSE_PROJECT_NAME}_store" "$cut"
healthy_again
stop_load
quietly tongchou wait
verify

step "rolling restart of every process at 260 bills/s"
start_load roll --rate 260
sleep 2
docker/roll.sh broker-1 broker-2 facility enrollment collection settlement adjudication | sed 's/^/   /'
stop_load
start_load stores --rate 260
sleep 1
docker/roll.sh redis postgres | sed 's/^/   /'
stop_load
quietly tongchou wait
verify

step "backup under load"
start_load backup --rate 260 --answered "$work/answered"
until [ -e "$work/answered" ] && [ "$(wc -l <"$work/answered")" -ge 1000 ]; do
    kill -0 "$load" || fail "the load failed: $(cat "$report")"
    sleep 0.1
done
mark_ms=$(date +%s%3N)
docker/backup.sh "$work/city.dump" | sed 's/^/   /'
sleep 1
stop_load
quietly compose stop -t 5

step "restored elsewhere: other keys, other passwords, another PostgreSQL"
new_suite two
docker/restore.sh "$work/city.dump" 2>"$work/restore.log" | sed 's/^/   /'
up
quietly tongchou wait
verify
awk -v mark="$mark_ms" '$2 < mark {print $1}' "$work/answered" | sort >"$work/acknowledged"
docker exec "$(container postgres)" psql -h /run/postgresql -qAt -c 'SELECT bill FROM adjudication.decision WHERE kind = 0' tongchou | sort >"$work/restored"
missing=$(comm -23 "$work/acknowledged" "$work/restored" | wc -l)
echo "   $(wc -l <"$work/acknowledged") bills were acknowledged before the mark, $missing of them are missing"
[ -s "$work/acknowledged" ] && [ "$missing" = 0 ] || fail "the backup lacks what was acknowledged"
quietly tongchou explain "$(tail -n 1 "$work/acknowledged")"

step "tear down"
