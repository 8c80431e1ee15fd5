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
. tests/bench/postgres.sh

finish() {
    pg_stop "$work"
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
pgbench() {
    printf 'pgbench -N -c 8 -j 2 -M prepared, %s the ledger: ' "$1"
    "$pg_bin/pgbench" -N -c 8 -j 2 -T "$seconds" -M prepared "$(pg_url "$work" bench)" 2>/dev/null | sed -n 's/^tps = \([0-9]*\).*/\1 transactions\/s/p'
}

mkdir -p "$work/sqlite"
pg_start "$work" bench ledger
"$pg_bin/pgbench" -q -i -s 10 "$(pg_url "$work" bench)" >/dev/null 2>&1

echo "-- SQLite"
"$bin/ledger_bench" sqlite "$work/sqlite" "$bills"
echo "-- PostgreSQL"
pgbench before
"$bin/ledger_bench" "$(pg_url "$work" ledger)" "$bills"
pgbench after
