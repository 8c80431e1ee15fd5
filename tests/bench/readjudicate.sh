#!/bin/sh
# A policy amended backwards: every bill of a year decided again. Settling the same bills for the first time, through
# the same suite, is the reference. Memory of the leading instance is its own (RssAnon), before and after, and the most.
#   tests/bench/readjudicate.sh [--bin DIR] [--store sqlite:DIR|postgresql://…] [--instances N] [people] [bills]
set -eu
bin=build/release/bin store= instances=1
while [ $# -gt 0 ]; do
    case $1 in
    --bin) bin=$2; shift 2 ;;
    --store) store=$2; shift 2 ;;
    --instances) instances=$2; shift 2 ;;
    *) break ;;
    esac
done
people=${1:-16000}
bills=${2:-100000}
work=$(mktemp -d)
data=$work/data
port=$((20000 + $$ % 12000))
up=
finish() {
    [ -z "$up" ] || { kill "$up" 2>/dev/null && wait "$up" 2>/dev/null; } || true
    [ -n "${KEEP:-}" ] || rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

suite() { "$bin/tongchou" "$@" --data "$data"; }
rss() { for n in $(seq "$instances"); do awk '/^RssAnon/ {printf "%d ", $2 / 1024}' "/proc/$(cat "$data/run/adjudication-$n.pid")/status"; done; }
peak() { for n in $(seq "$instances"); do awk '/^VmHWM/ {printf "%d ", $2 / 1024}' "/proc/$(cat "$data/run/adjudication-$n.pid")/status"; done; }
ms() { echo $(($(date +%s%N) / 1000000)); }
field() { sed "s/.*\"$1\":\"\{0,1\}\([-0-9.]*\).*/\1/"; }

city=config/cities/jiangmen.yaml
sample=config/samples/jiangmen-illustrative.yaml
# Every deductible is 100 yuan lower: nearly every bill changes.
{
    echo "overlay: bench-amendment"
    echo "status: draft"
    awk '/^[a-z_]+:/ {on = /^benefit:/} on' "$city" |
        sed 's/{when: {level: 1}, amount: 500.00,/{when: {level: 1}, amount: 400.00,/
             s/{when: {level: 2}, amount: 600.00,/{when: {level: 2}, amount: 500.00,/
             s/{when: {level: 3}, amount: 900.00,/{when: {level: 3}, amount: 800.00,/'
} >"$work/amended.yaml"

"$bin/tongchou" sample --people "$people" --employers $((people / 50)) --bills "$bills" --out "$work" --division 440703 \
    --division 440704 --division 440705 --division 440781 >/dev/null
"$bin/tongchou" up --data "$data" --store "${store:-sqlite:$work/store}" --adjudication "$instances" --port "$port" \
    --city "$city" --overlay "$sample" >"$work/up" 2>"$work/up.err" &
up=$!
waited=0
until grep -q '^ready' "$work/up"; do
    waited=$((waited + 1))
    [ $waited -lt 600 ] || { tail -n 5 "$work/up.err" "$data"/log/*.log >&2; exit 1; }
    sleep 0.1
done
suite facility "$work/demo-facilities.jsonl" --window 256 --quiet >/dev/null
suite enroll "$work/demo-population.jsonl" --window 256 --quiet >/dev/null
suite wait
suite collect bill 2018 >/dev/null
suite collect receive-due "$work/demo-payers-yearly.jsonl" 2018 2017-12-20 >/dev/null
for end in 2018-01-31 2018-02-28 2018-03-31; do
    suite collect bill "${end%-*}" >/dev/null
    suite collect receive-due "$work/demo-payers-monthly.jsonl" "${end%-*}" "$end" >/dev/null
done
suite wait

echo "== $people people, $bills bills, $instances instance(s) of adjudication"
"$bin/settle_bench" --data "$data" --bills "$work/demo-bills.jsonl" --prefix bench --count "$bills" --window 256
suite wait --timeout 600
echo "own memory: $(rss)MiB"

amend() { suite policy release "$city" --overlay "$sample" --overlay "$work/amended.yaml" --amends-from 2018-01-01 --json "$@"; }
start=$(ms)
dry=$(amend --dry-run)
took=$(($(ms) - start))
echo "dry run: $dry"
echo "dry run: $took ms, $(($(echo "$dry" | field bills) * 1000 / took)) bills/s; own memory: $(rss)MiB"

start=$(ms)
suite readjudicate --facility H99999999999 --from 2018-01-01 --dry-run --json >/dev/null
took=$(($(ms) - start))
echo "looking for a facility that nobody visited: $took ms, $((bills * 1000 / took)) decisions/s"

amend --reason "a bench" --detach >/dev/null
while :; do
    task=$(suite tasks --json | tr '}' '\n' | grep '"number":1,')
    case $task in *'"state":"open"'*) sleep 0.2 ;; *) break ;; esac
done
# The task begins five seconds after the release, when every instance has the new policy.
took=$(($(echo "$task" | field ended_ms) - $(echo "$task" | field since_ms) - 5000))
recomputed=$(echo "$task" | field bills)
echo "for good: $recomputed bills of $(echo "$task" | field recomputed) persons and years, $(echo "$task" | field versions) new versions," \
    "$took ms, $((recomputed * 1000 / took)) bills/s"
echo "own memory: $(rss)MiB, at most (with mapped pages) $(peak)MiB"
for figure in changed versions fund own gainers losers; do
    a=$(echo "$dry" | field $figure) b=$(echo "$task" | field $figure)
    [ "$a" = "$b" ] || echo "DIFFERS: $figure $a in the dry run, $b for good"
done
