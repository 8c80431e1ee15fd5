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
chmod 711 "$work" # PostgreSQL runs as another user than root in folders below it
pg= memory=
. tests/bench/postgres.sh

finish() {
    for folder in $pg; do pg_stop "$folder"; done
    [ -z "$memory" ] || rm -rf "$memory"
    [ -n "${KEEP:-}" ] || rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

start_postgres() { pg="$pg $1" && pg_start "$@"; } # FOLDER DATABASE…
settlement() { TMPDIR=$work sh tests/bench/settle_bench.sh --bin "$bin" --people "$people" --bills "$bills" "$@"; }

echo "machine: $(nproc) cores, $(uname -sr)"
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
for file in config/cities/*.yaml; do
    overlay=config/samples/$(basename "$file" .yaml)-illustrative.yaml
    start=$(date +%s%N)
    for _ in 1 2 3 4 5 6 7 8 9 10; do "$bin/tongchou" policy show "$file" --overlay "$overlay" >/dev/null; done
    echo "$(basename "$file") with its overlay: $((($(date +%s%N) - start) / 10000000)) ms, the start of the program included"
done
[ -z "$long" ] || python3 -B tests/oracle/compare.py --program "$bin/tongchou" --cases 2000000
echo; echo "== command round trip"
"$bin/roundtrip_bench"

echo; echo "== imports of enrolment, without the wire"
mkdir -p "$work/import"
"$bin/import_bench" sqlite "$work/import" "$imported"

echo; echo "== the ledger with its chain, beside the bare insert of the same rows and pgbench, on both stores"
BIN=$bin TMPDIR=$work sh tests/bench/ledger_bench.sh

echo; echo "== reconciliation of 1,000,000 rows with one planted difference, after load"
"$bin/reconcile_bench"

echo; echo "== events for other agencies: four subscribers, alone and beside one that never reads (docs/events.md)"
events=${long:+1000000}
BIN=$bin TMPDIR=$work sh tests/bench/agency_bench.sh "${events:-100000}"

echo; echo "== settlement on SQLite"
settlement --store "sqlite:$work/sqlite%d"
if [ -w /dev/shm ]; then
    echo; echo "== the same without a disk: SQLite on tmpfs"
    memory=$(mktemp -d /dev/shm/tongchou-bench.XXXXXX)
    settlement --store "sqlite:$memory/sqlite%d" --instances 1 --no-rates
    rm -rf "$memory" && memory=
fi

echo; echo "== settlement on PostgreSQL"
start_postgres "$work" bench classical import suite1 suite2 suite4
"$bin/import_bench" "$(pg_url "$work" import)" "$imported"
"$pg_bin/pgbench" -q -i -s 10 "$(pg_url "$work" bench)" >/dev/null 2>&1
for options in "" "-j 2 -M prepared"; do
    printf 'pgbench -N -c 8 %s: ' "$options"
    "$pg_bin/pgbench" -N -c 8 $options -T 5 "$(pg_url "$work" bench)" 2>/dev/null | grep '^tps'
done
settlement --store "$(pg_url "$work" suite%d)" --reference "$(pg_url "$work" classical)"
if [ -w /dev/shm ]; then
    echo; echo "== the same without a disk: PostgreSQL on tmpfs"
    memory=$(mktemp -d /dev/shm/tongchou-bench.XXXXXX)
    start_postgres "$memory" classical suite1
    settlement --store "$(pg_url "$memory" suite%d)" --reference "$(pg_url "$memory" classical)" --instances 1 --no-rates
    pg_stop "$memory"
    pg=$work
    rm -rf "$memory" && memory=
fi

echo; echo "== a year of hospitals replayed, held against the second engine to the fen; then under faults (docs/reliability.md)"
replayed=${long:+200000}
replayed=${replayed:-$bills}
for db in replay2 faults2; do psql -q "$(pg_url "$work" postgres)" -c "CREATE DATABASE $db"; done
replay() { TMPDIR=$work sh tests/bench/replay_bench.sh --bin "$bin" --people $((replayed / 10)) --bills "$replayed" "$@"; }
replay
replay --store "$(pg_url "$work" replay%d)" --instances 2
replay --instances 2 --faults-every 2000
replay --store "$(pg_url "$work" faults%d)" --instances 2 --faults-every 2000 --restart-store \
    "$([ "$(id -u)" != 0 ] || echo setpriv --reuid=postgres --regid=postgres --clear-groups) $pg_bin/pg_ctl -D $work/pg -w -m immediate restart"

echo; echo "== a whole city"
sh tests/bench/city_bench.sh --bin "$bin" "$city"
