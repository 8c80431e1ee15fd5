#!/bin/sh
# ./dev bench: everything measured beside a bare reference of the same run. Machines are noisy: read the ratios.
#   tests/bench/run.sh [--long] [--city PEOPLE] [people] [bills]
# --long also compares millions of random cases with the second engine; --city is the size of the city that is imported,
# billed and rebuilt as a whole (100000; 1000000 takes about half an hour, see tests/bench/city_bench.sh).
set -eu
long=
city=100000
[ "${1:-}" != --long ] || { long=yes; shift; }
[ "${1:-}" != --city ] || { city=$2; shift 2; }
bin=build/release/bin
people=${1:-8000}
bills=${2:-40000}
imported=100000
work=$(mktemp -d)
port=$((20000 + $$ % 20000))
pg_bin=$(dirname "$(ls /usr/lib/postgresql/*/bin/initdb | tail -n 1)")
up= pg=

as_postgres() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; else "$@"; fi; }
stop_suite() { [ -z "$up" ] || { kill "$up" 2>/dev/null && wait "$up" 2>/dev/null; } || true; up=; }
finish() {
    stop_suite
    [ -z "$pg" ] || as_postgres "$pg_bin/pg_ctl" -D "$work/pg" -m immediate stop >/dev/null 2>&1 || true
    [ -n "${KEEP:-}" ] || rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

start_suite() { # NAME STORE INSTANCES
    data=$work/$1
    "$bin/tongchou" up --data "$data" --store "$2" --adjudication "$3" --port "$port" --city config/cities/jiangmen.yaml \
        --overlay config/samples/jiangmen-illustrative.yaml >"$work/$1.up" 2>"$work/$1.err" &
    up=$!
    waited=0
    until grep -q '^ready' "$work/$1.up"; do
        waited=$((waited + 1))
        [ $waited -lt 600 ] || { tail -n 5 "$work/$1.err" "$data"/log/*.log >&2; exit 1; }
        sleep 0.1
    done
    port=$((port + 4))
}

found_city() {
    for file in facilities population; do
        command=$([ $file = facilities ] && echo facility || echo enroll)
        printf '%-12s' "$command"
        "$bin/tongchou" $command "$work/demo-$file.jsonl" --window 256 --quiet --data "$data"
    done
    "$bin/tongchou" wait --data "$data"
    "$bin/tongchou" collect bill 2018 --data "$data" >/dev/null
    "$bin/tongchou" collect receive-due "$work/demo-payers-yearly.jsonl" 2018 2017-12-20 --data "$data" >/dev/null
    for end in 2018-01-31 2018-02-28 2018-03-31; do
        "$bin/tongchou" collect bill "${end%-*}" --data "$data" >/dev/null
        "$bin/tongchou" collect receive-due "$work/demo-payers-monthly.jsonl" "${end%-*}" "$end" --data "$data" >/dev/null
    done
    "$bin/tongchou" wait --data "$data"
}

settle() { # PREFIX args…
    prefix=$1
    shift
    "$bin/settle_bench" --data "$data" --bills "$work/demo-bills.jsonl" --prefix "$prefix" "$@"
}

measure_suite() { # NAME, and STORE with %d for the number of instances
    for instances in 1 2; do
        echo "-- $instances adjudication instance(s)"
        start_suite "$1-$instances" "$(echo "$2" | sed "s/%d/$instances/")" "$instances"
        found_city
        settle warm --count 2000 --window 64 >/dev/null
        settle full --count "$bills" --window 512
        "$bin/tongchou" wait --timeout 300 --data "$data"
        [ "$instances" = 2 ] || for rate in 26 260 2600; do settle "r$rate" --rate $rate --count $((rate * 5)); done
        "$bin/tongchou" wait --timeout 300 --data "$data"
        "$bin/tongchou" verify --data "$data" | tail -n 1
        stop_suite
    done
}

echo "machine: $(nproc) cores, $(uname -sr)"
"$bin/tongchou" sample --people "$people" --employers $((people / 50)) --bills 20000 --out "$work" --division 440703 --division 440704 \
    --division 440705 --division 440781

echo; echo "== core: evaluations per second"
"$bin/core_bench" config/cities/jiangmen.yaml config/samples/jiangmen-illustrative.yaml | tee "$work/core"
echo; echo "== general rule engines on the same rule"
if command -v npm >/dev/null; then
    mkdir -p build/bench-engines
    cp tests/bench/engines/* build/bench-engines/
    (cd build/bench-engines && npm install --no-package-lock --no-audit --no-fund --silent)
    node build/bench-engines/engines.mjs --program "$bin/tongchou" \
        --core "$(awk '/memo, with steps/ && !/no memo/ {print $5}' "$work/core")"
else
    echo "SKIPPED: node and npm are not installed (apt-get install nodejs npm)"
fi
echo; echo "== loading and checking a city"
for city in config/cities/*.yaml; do
    overlay=config/samples/$(basename "$city" .yaml)-illustrative.yaml
    start=$(date +%s%N)
    for _ in 1 2 3 4 5 6 7 8 9 10; do "$bin/tongchou" policy show "$city" --overlay "$overlay" >/dev/null; done
    echo "$(basename "$city") with its overlay: $((($(date +%s%N) - start) / 10000000)) ms, the start of the program included"
done
[ -z "$long" ] || python3 -B tests/oracle/compare.py --program "$bin/tongchou" --cases 2000000
echo; echo "== command round trip"
"$bin/roundtrip_bench"

echo; echo "== imports of enrolment, without the wire"
mkdir -p "$work/import"
"$bin/import_bench" sqlite "$work/import" "$imported"

echo; echo "== settlement on SQLite"
mkdir -p "$work/classical"
"$bin/classical_bench" sqlite "$work/classical" "$people" 5
measure_suite sqlite "sqlite:$work/sqlite%d"

echo; echo "== settlement on PostgreSQL"
mkdir -p "$work/pg"
[ "$(id -u)" != 0 ] || chown postgres "$work/pg" "$work" && chmod 755 "$work"
as_postgres "$pg_bin/initdb" -D "$work/pg" --auth=trust -E UTF8 --locale=C >/dev/null
as_postgres "$pg_bin/pg_ctl" -D "$work/pg" -w -l "$work/pg/log" -o "-k $work/pg -c listen_addresses= -c max_connections=60" start >/dev/null
pg=1
user=$([ "$(id -u)" = 0 ] && echo postgres || id -un)
url() { echo "postgresql:///$1?host=$work/pg&user=$user"; }
for db in bench classical import suite1 suite2; do psql -q "$(url postgres)" -c "CREATE DATABASE $db"; done
"$bin/classical_bench" "$(url classical)" "$people" 5
"$bin/import_bench" "$(url import)" "$imported"
"$pg_bin/pgbench" -q -i -s 10 "$(url bench)" >/dev/null 2>&1
printf 'pgbench -N -c 8: '
"$pg_bin/pgbench" -N -c 8 -j 2 -T 5 -M prepared "$(url bench)" 2>/dev/null | grep '^tps'
measure_suite postgresql "$(url suite%d)"

echo; echo "== a whole city"
stop_suite
sh tests/bench/city_bench.sh --bin "$bin" "$city"
