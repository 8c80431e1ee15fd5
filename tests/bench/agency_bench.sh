#!/bin/sh
# The door for other agencies over a long log, on SQLite: tests/bench/agency_bench.sh [events]
set -eu
cd "$(dirname "$0")/../.."
bin=${BIN:-build/release/bin}
work=$(mktemp -d "${TMPDIR:-/tmp}/agency-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT INT TERM
"$bin/agency_bench" "$work" "sqlite:$work" "${1:-1000000}" 2>"$work/log" || {
    tail -n 20 "$work/log" >&2
    exit 1
}
