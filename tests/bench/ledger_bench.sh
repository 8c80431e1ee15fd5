#!/bin/sh
# The ledger with its chain on and one hot fund account, on SQLite and on PostgreSQL, each beside the bare insert of the
# same rows, and pgbench -N -c 8 on the same PostgreSQL right before and after: tests/bench/ledger_bench.sh [bills]
# Read the shares: they are of one run. PostgreSQL of its own, in a temporary folder.
set -eu
cd "$(dirname "$0")/../.."
bin=${BIN:-build/release/bin}
bills=${1:-50000}
seconds=${PGBENCH_SECONDS:-5}
work=$(mktemp -d "${TMPDIR:-/tmp}/ledger-bench-XXXXXX")
pg_bin=$(dirname "$(ls /usr/lib/postgresql/*/bin/initdb | tail -n 1)")
pg=

as_postgres() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; else "$@"; fi; }
finish() {
    [ -z "$pg" ] || as_postgres "$pg_bin/pg_ctl" -D "$work/pg" -m immediate stop >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
user=$([ "$(id -u)" = 0 ] && echo postgres || id -un)
url() { echo "postgresql:///$1?host=$work/pg&user=$user"; }
pgbench() {
    printf 'pgbench -N -c 8, %s the ledger: ' "$1"
    "$pg_bin/pgbench" -N -c 8 -j 2 -T "$seconds" -M prepared "$(url bench)" 2>/dev/null | sed -n 's/^tps = \([0-9]*\).*/\1 transactions\/s/p'
}

mkdir -p "$work/sqlite" "$work/pg"
[ "$(id -u)" != 0 ] || { chown postgres "$work/pg" "$work" && chmod 755 "$work"; }
as_postgres "$pg_bin/initdb" -D "$work/pg" --auth=trust -E UTF8 --locale=C >/dev/null
as_postgres "$pg_bin/pg_ctl" -D "$work/pg" -w -l "$work/pg/log" -o "-k $work/pg -c listen_addresses=" start >/dev/null
pg=1
for db in bench ledger; do psql -q "$(url postgres)" -c "CREATE DATABASE $db"; done
"$pg_bin/pgbench" -q -i -s 10 "$(url bench)" >/dev/null 2>&1

echo "-- SQLite"
"$bin/ledger_bench" sqlite "$work/sqlite" "$bills"
echo "-- PostgreSQL"
pgbench before
"$bin/ledger_bench" "$(url ledger)" "$bills"
pgbench after
