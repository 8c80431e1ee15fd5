#!/bin/sh
# A synthetic year through real processes, held against the second engine to the fen; part of ./dev bench.
#   tests/bench/replay_bench.sh --bin DIR [--store sqlite:DIR | --store postgresql://…] [--people N] [--bills N]
#       [--hospitals N] [--window N] [--instances "1 2 4"] [--rate N] [--seed S] [--faults-every MS] [--restart-store COMMAND]
# %d in the store stands for the number of instances: each begins with an empty one. Without --store: SQLite in a
# directory of its own. --faults-every draws faults from the seed (docs/reliability.md), MS apart on average.
# Exit status 1 when an answer was not lawful, a settlement lost or doubled, `verify` not content, or a figure another.
set -eu
people=20000 bills=200000 hospitals=8 window=64 instances="1 2 4" rate=0 seed=1 every= restart= store= bin=
while [ $# -gt 1 ]; do
    case $1 in
    --bin) bin=$2 ;;
    --store) store=$2 ;;
    --people) people=$2 ;;
    --bills) bills=$2 ;;
    --hospitals) hospitals=$2 ;;
    --window) window=$2 ;;
    --instances) instances=$2 ;;
    --seed) seed=$2 ;;
    --rate) rate=$2 ;;
    --faults-every) every=$2 ;;
    --restart-store) restart=$2 ;;
    *) echo "replay_bench.sh: $1?" >&2 && exit 2 ;;
    esac
    shift 2
done
[ -n "$bin" ] || { echo "replay_bench.sh: --bin DIR was expected" >&2; exit 2; }
work=$(mktemp -d)
[ -n "$store" ] || store="sqlite:$work/sqlite%d"
port=$((20000 + $$ % 12000)) # below the ports that the system hands out
up= wrong=0
city=config/cities/jiangmen.yaml
overlay=config/samples/jiangmen-illustrative.yaml
stop_suite() { [ -z "$up" ] || { kill "$up" 2>/dev/null && wait "$up" 2>/dev/null; } || true; up=; }
trap 'stop_suite; [ -n "${KEEP:-}" ] || rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

tongchou() { "$bin/tongchou" "$@" --data "$data"; }

start_suite() { # INSTANCES
    data=$work/suite$1
    "$bin/tongchou" up --data "$data" --store "$(echo "$store" | sed "s/%d/$1/")" --adjudication "$1" --port "$port" \
        --city $city --overlay $overlay >"$work/up$1" 2>"$work/up$1.err" &
    up=$!
    waited=0
    until grep -q "^ready" "$work/up$1" 2>/dev/null; do
        waited=$((waited + 1))
        [ $waited -lt 600 ] || { tail -n 5 "$work/up$1.err" "$data"/log/*.log >&2; exit 1; }
        sleep 0.1
    done
    port=$((port + 5))
}

found_city() { # all months are paid in time, the year's fee by most
    tongchou facility "$work/demo-facilities.jsonl" --window 256 --quiet >/dev/null
    tongchou enroll "$work/demo-population.jsonl" --window 256 --quiet >/dev/null
    tongchou wait --timeout 300 >/dev/null
    tongchou collect bill 2018 >/dev/null
    tongchou collect receive-due "$work/payers-yearly.jsonl" 2018 2017-12-20 >/dev/null
    for month in 01 02 03 04 05 06 07 08 09 10 11; do
        tongchou collect bill 2018-$month >/dev/null
        tongchou collect receive-due "$work/payers-monthly.jsonl" 2018-$month 2018-$month-28 >/dev/null
    done
    tongchou wait --timeout 300 >/dev/null
}

# Another policy each time, by its hash; what it changes lies far ahead. Half of them amend the year, so that all bills
# are decided again while others arrive.
write_release() {
    cat >"$work/release.sh" <<RELEASE
at=\$(date +%s%N)
cat >$work/release-\$at.yaml <<YAML
overlay: release-\$at
status: draft
parameters:
  catastrophic_threshold:
    - {from: 2018-01-01, value: 25000.00, source: "made up for illustration"}
    - {from: 2090-01-01, value: \$((at / 1000000 % 100000 + 1)).00, source: "made up for a test"}
YAML
amends=
[ \$((at / 1000000 % 2)) = 0 ] || amends="--amends-from 2018-01-01"
exec $bin/tongchou policy release $city --overlay $overlay --overlay $work/release-\$at.yaml \$amends --detach \\
    --reason "a replay releases" --data $data
RELEASE
}

replay() {
    write_release
    set -- --data "$data" --plan "$work/plan.jsonl" --standing "$work/standing.jsonl" --window "$window" --rate "$rate" \
        --bin "$bin"
    [ -z "$every" ] || set -- "$@" --faults-every "$every" --seed "$seed" --deadline 1000 --release "sh $work/release.sh"
    [ -z "$restart" ] || set -- "$@" --restart-store "$restart"
    "$bin/replay_bench" "$@"
}

measure() { # INSTANCES
    echo "-- $1 adjudication instance(s)"
    start_suite "$1"
    found_city
    replay || wrong=1
    tongchou wait --timeout 600 >/dev/null || wrong=1
    python3 -B tests/bench/replay/compare.py --year "$work" --sample "$work" --standing "$work/standing.jsonl" || wrong=1
    tongchou verify >"$work/verify" || { wrong=1; cat "$work/verify"; }
    tail -n 1 "$work/verify"
    stop_suite
}

"$bin/tongchou" sample --people "$people" --employers $((people / 100 + 1)) --bills 1 --out "$work" --division 440703 \
    --division 440704 --division 440705 --division 440781 >/dev/null
# Those who pay by themselves every month and have bills: the unemployed.
grep -v person "$work/demo-payers-monthly.jsonl" >"$work/payers-monthly.jsonl"
sed -n 's/.*"person":"\(P[0-9]*\)","identity":"unemployed".*/{"person":"\1"}/p' "$work/demo-population.jsonl" \
    >>"$work/payers-monthly.jsonl"
python3 -B tests/bench/replay/year.py --sample "$work" --out "$work" --bills "$bills" --hospitals "$hospitals" --seed "$seed"
for number in $instances; do measure "$number"; done
exit $wrong
