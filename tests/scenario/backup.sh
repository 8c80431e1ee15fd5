#!/bin/sh
# tongchou backup and restore: tests/scenario/backup.sh BIN
# A suite on SQLite is backed up three times while bills are settled, people enrolled and contributions collected. Each
# backup is restored elsewhere, started, and audited; what was acknowledged before it began is there. Files that were
# changed, cut off or are not all there are refused, and nothing is overwritten.
set -eu
bin=$1
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
port=$((20000 + $$ % 1500 * 8))
up= load=
finish() {
    status=$?
    for pid in $load $up; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true; done
    [ $status -eq 0 ] || tail -n 5 "$work"/*/log/*.log "$work"/*.out >&2 || true
    rm -rf "$work"
    exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM
fail() { echo "backup.sh: $*" >&2; exit 1; }
tongchou() { command=$1; shift; "$bin/tongchou" "$command" "$@" --data "$data"; }
refused() { # WHY command…: exit 2, and the reason is told
    why=$1
    shift
    status=0
    "$@" >"$work/said" 2>&1 || status=$?
    [ $status = 2 ] && grep -q "$why" "$work/said" || fail "expected \"$why\" from: $*; got $status: $(cat "$work/said")"
}
start() { # NAME: a suite on the folder of that name
    data=$work/$1
    "$bin/tongchou" up --data "$data" --city "$root/config/cities/jiangmen.yaml" --adjudication 2 --port $port \
        --overlay "$root/config/samples/jiangmen-illustrative.yaml" >"$work/$1.out" 2>&1 &
    up=$!
    tries=0
    until grep -q '^ready' "$work/$1.out" 2>/dev/null; do
        kill -0 $up && [ $tries -lt 600 ] || fail "$1 does not come up"
        tries=$((tries + 1))
        sleep 0.1
    done
}
stop() { kill $up && wait $up || true; up=; }

"$bin/tongchou" sample --people 400 --employers 8 --bills 20000 --out "$work" --division 440703 --division 440704 >/dev/null
head -n 600 "$work/demo-population.jsonl" >"$work/first.jsonl"
tail -n +601 "$work/demo-population.jsonl" >"$work/rest.jsonl"
start one

# The probe of one process.
"$bin/tongchou" health "$(cat "$data/run/collection-1.health")" | grep -q '"healthy":true' || fail "collection is not healthy"
refused 'address of a process' "$bin/tongchou" health somewhere

tongchou facility "$work/demo-facilities.jsonl" --quiet >/dev/null
tongchou enroll "$work/first.jsonl" --quiet >/dev/null
tongchou wait
tongchou collect bill 2018 >/dev/null
tongchou collect receive-due "$work/demo-payers-yearly.jsonl" 2018 2017-12-20 >/dev/null 2>&1 || true # some are to come
: >"$work/answered"
"$bin/settle_bench" --data "$data" --bills "$work/demo-bills.jsonl" --count 20000 --rate 400 --answered "$work/answered" >"$work/load.out" 2>&1 &
load=$!
{
    tongchou enroll "$work/rest.jsonl" --window 4 --quiet
    for month in 01 02 03 04; do
        tongchou collect bill 2018-$month
        tongchou collect receive-due "$work/demo-payers-monthly.jsonl" 2018-$month 2018-$month-28
    done
} >"$work/changes.out" 2>&1 &
changes=$!
for number in 1 2 3; do
    tries=0
    until [ "$(wc -l <"$work/answered" )" -ge $((number * 300)) ]; do
        tries=$((tries + 1))
        [ $tries -lt 600 ] || fail "the load does not come on"
        sleep 0.1
    done
    date +%s%3N >"$work/mark.$number"
    tongchou backup "$work/backup$number" >/dev/null
done
wait $changes || true
kill -0 $load || fail "the load ended before its time"
kill $load && wait $load || fail "the load failed"
load=
grep -q 'refused 0' "$work/load.out" || fail "bills were refused"
refused 'is not empty' "$bin/tongchou" backup "$work/backup1" --data "$data"
tongchou verify >"$work/said" || fail "the books are wrong: $(cat "$work/said")"
health=$(cat "$data/run/collection-1.health")
stop
status=0
"$bin/tongchou" health "$health" 2>/dev/null || status=$?
[ $status = 1 ] || fail "who is gone is not healthy: $status"

for number in 1 2 3; do
    mkdir "$work/again$number"
    (cd "$work/backup$number" && sha256sum --quiet -c backup.txt)
    "$bin/tongchou" restore "$work/backup$number" --store "$work/again$number/store" >/dev/null
    refused 'is not empty' "$bin/tongchou" restore "$work/backup$number" --store "$work/again$number/store"
    start again$number
    tongchou wait
    tongchou verify >"$work/said" || fail "the restored books are wrong: $(cat "$work/said")"
    stop
    python3 - "$work" "$number" <<'PY'
import sqlite3, sys
work, number = sys.argv[1:]
mark = int(open(f"{work}/mark.{number}").read())
lines = [line.split() for line in open(f"{work}/answered")]
before = {bill for bill, ms in lines if int(ms) < mark}
store = sqlite3.connect(f"{work}/again{number}/store/adjudication.db")
kept = {row[0] for row in store.execute("SELECT bill FROM decision WHERE kind = 0")}
print(f"backup {number}: {len(before)} of {len(lines)} bills were acknowledged before it, {len(before - kept)} are missing, {len(kept - before)} more are in it")
sys.exit(bool(before - kept) or not before or len(kept) >= len(lines))
PY
done

# What is no whole backup, or not what was backed up, changes nothing.
cp -R "$work/backup3" "$work/changed"
printf 'x' | dd of="$work/changed/collection.db" bs=1 seek=5000 conv=notrunc 2>/dev/null
refused 'collection.db is not what was backed up' "$bin/tongchou" restore "$work/changed" --store "$work/nowhere"
rm "$work/changed/backup.txt"
refused 'no whole backup' "$bin/tongchou" restore "$work/changed" --store "$work/nowhere"
[ ! -e "$work/nowhere/settlement.db" ] && [ ! -e "$work/nowhere.new" ] || fail "a refused restore left something"

# PostgreSQL has tools of its own.
mkdir "$work/other"
echo 'store: {url: "postgresql:///nowhere"}' >"$work/other/tongchou.yaml"
refused 'pg_dump' "$bin/tongchou" backup "$work/backup4" --data "$work/other"

# Keys are made once; a party can be added.
"$bin/tongchou" keys --dir "$work/keys"
cp -R "$work/keys" "$work/keys.before"
"$bin/tongchou" keys --dir "$work/keys"
diff -r "$work/keys" "$work/keys.before" || fail "keys were made twice"
"$bin/tongchou" keys --dir "$work/keys" hospital-2 --role hospital
grep -q 'hospital-2' "$work/keys/registry.yaml" && [ "$(stat -c %a "$work/keys/hospital-2.key")" = 600 ] || fail "no key for hospital-2"
refused 'role must be' "$bin/tongchou" keys --dir "$work/keys" somebody --role emperor
echo "backup and restore: all as it should be"
