#!/bin/sh
# Settlement through a running suite beside the bare classical transaction, on one store; part of ./dev bench.
#   tests/bench/settle_bench.sh --bin DIR --store sqlite:DIR | --store postgresql://… [--people N] [--bills N]
#       [--instances "1 2 4"] [--no-rates] [--window 512] [--reference postgresql://…]
# %d in the store stands for the number of instances: each begins with an empty one. The reference has a database of its
# own on PostgreSQL; on SQLite it writes beside the suite's files.
# Prints: the reference; for each number of instances the rate, the processor time of a bill by process, the time of a
# bill by stage of adjudication, and the stages' shares of the instances' time; latencies at fixed rates; at the end the
# rates beside the reference.
set -eu
people=8000 bills=40000 window=512 instances="1 2 4" rates="26 260 2600" reference= store= bin=
while [ $# -gt 0 ]; do
    case $1 in
    --no-rates) rates= && shift && continue ;;
    --bin) bin=$2 ;;
    --store) store=$2 ;;
    --people) people=$2 ;;
    --bills) bills=$2 ;;
    --instances) instances=$2 ;;
    --window) window=$2 ;;
    --reference) reference=$2 ;;
    *) echo "settle_bench.sh: $1?" >&2 && exit 2 ;;
    esac
    shift 2
done
work=$(mktemp -d)
port=$((20000 + $$ % 12000)) # below the ports that the system hands out
up=
warm=2000
stop_suite() { [ -z "$up" ] || { kill "$up" 2>/dev/null && wait "$up" 2>/dev/null; } || true; up=; }
trap 'stop_suite; [ -n "${KEEP:-}" ] || rm -rf "$work"' EXIT
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
    port=$((port + 5))
}

found_city() {
    for file in facilities population; do
        command=$([ $file = facilities ] && echo facility || echo enroll)
        "$bin/tongchou" $command "$work/demo-$file.jsonl" --window 256 --quiet --data "$data" >/dev/null
    done
    "$bin/tongchou" wait --data "$data" >/dev/null
    "$bin/tongchou" collect bill 2018 --data "$data" >/dev/null
    "$bin/tongchou" collect receive-due "$work/demo-payers-yearly.jsonl" 2018 2017-12-20 --data "$data" >/dev/null
    for end in 2018-01-31 2018-02-28 2018-03-31; do
        "$bin/tongchou" collect bill "${end%-*}" --data "$data" >/dev/null
        "$bin/tongchou" collect receive-due "$work/demo-payers-monthly.jsonl" "${end%-*}" "$end" --data "$data" >/dev/null
    done
    "$bin/tongchou" wait --data "$data" >/dev/null
}

settle() { # COUNT args…: the bills behind those settled before, in the order of the year
    count=$1
    shift
    "$bin/settle_bench" --data "$data" --bills "$work/demo-bills.jsonl" --skip "$skip" --count "$count" "$@"
    skip=$((skip + count))
}

catch_up() { "$bin/tongchou" wait --timeout 300 --data "$data" >/dev/null; }

# Processor time in ticks, by process; of PostgreSQL the sum over the sessions of the suite.
processor() {
    for file in "$data"/run/*.pid; do
        name=$(basename "$file" .pid)
        awk -v name="$name" '{sub(/.*\) /, ""); print name, $12 + $13}' "/proc/$(cat "$file")/stat"
    done
    case $store in
    postgresql*)
        server=$(head -n 1 "$(psql -Atc 'SHOW data_directory' "$reference")/postmaster.pid")
        for stat in /proc/[0-9]*/stat; do
            sed -n 's/^[0-9]* (postgres) //p' "$stat" 2>/dev/null || true
        done | awk -v server="$server" '$2 == server {sum += $12 + $13} END {print "postgresql", sum}'
        ;;
    esac
}

# Microseconds that the stages of settle turns have taken so far, over all instances.
stages() {
    for file in "$data"/run/adjudication-*.health; do
        python3 -c 'import sys, urllib.request as u; print(u.urlopen(sys.argv[1] + "/metrics").read().decode())' "$(cat "$file")"
    done | awk '/^adjudication_stage_seconds_sum/ {split($1, part, "\""); sum[part[2]] += $2 * 1e6}
        END {for (stage in sum) print stage, sum[stage]}'
}

spent() { # BEFORE AFTER COUNT SCALE UNIT: differences by name
    awk -v count="$3" -v scale="$4" 'NR == FNR {before[$1] = $2; next}
        {used = ($2 - before[$1]) * scale / count; total += used; if (used >= 0.05) printf " %s %.1f,", $1, used}
        END {printf " together %.1f\n", total}' "$1" "$2"
}

# What an instance does with its time. Looking up heads is the store's, replies and waiting for requests the wire's.
shares() { # BEFORE AFTER COUNT RATE INSTANCES
    awk -v count="$3" -v rate="$4" -v instances="$5" 'NR == FNR {before[$1] = $2; next}
        {used[$1 == "lookup" ? "store" : $1] += $2 - before[$1]}
        END {whole = instances * 1e6 * count / rate; wire = whole - used["decode"] - used["cache"] - used["core"] - used["store"]
            printf " wire %.0f %%, decode %.0f %%, cache %.0f %%, core %.0f %%, store %.0f %%\n", 100 * wire / whole,
                100 * used["decode"] / whole, 100 * used["cache"] / whole, 100 * used["core"] / whole, 100 * used["store"] / whole}' "$1" "$2"
}

rate_of() { sed -n 's|.* \([0-9]*\)/s accepted.*|\1|p' "$1"; }

measure() { # INSTANCES
    echo "-- $1 adjudication instance(s)"
    start_suite "suite$1" "$(echo "$store" | sed "s/%d/$1/")" "$1"
    found_city
    skip=0
    settle $warm --window 64 >/dev/null
    catch_up
    processor >"$work/cpu0" && stages >"$work/stages0"
    settle "$bills" --window "$window" >"$work/settled$1" # no pipe: `skip` goes on
    cat "$work/settled$1"
    processor >"$work/cpu1" && stages >"$work/stages1"
    behind=$(date +%s%N)
    catch_up
    processor >"$work/cpu2"
    echo "the ledger was level $((($(date +%s%N) - behind) / 1000000)) ms later"
    printf 'us of processor time a bill while settling:' && spent "$work/cpu0" "$work/cpu1" "$bills" "$tick_us"
    printf 'us of processor time a bill until level:   ' && spent "$work/cpu0" "$work/cpu2" "$bills" "$tick_us"
    printf 'us a bill in the stages of adjudication:   ' && spent "$work/stages0" "$work/stages1" "$bills" 1
    printf 'an instance spends its time on:            ' &&
        shares "$work/stages0" "$work/stages1" "$bills" "$(rate_of "$work/settled$1")" "$1"
    [ "$1" != 1 ] || for rate in $rates; do settle $((rate * 5)) --rate "$rate"; done
    catch_up
    "$bin/tongchou" verify --data "$data" | tail -n 1
    stop_suite
}

classical() { # NUMBER
    case $store in
    sqlite:*)
        mkdir -p "${store#sqlite:}.classical$1"
        "$bin/classical_bench" sqlite "${store#sqlite:}.classical$1" "$people" 5
        ;;
    *) PGOPTIONS=-cclient_min_messages=warning "$bin/classical_bench" "$reference" "$people" 5 ;;
    esac
}

tick_us=$((1000000 / $(getconf CLK_TCK)))
"$bin/tongchou" sample --people "$people" --employers $((people / 50)) --bills $((bills + warm + 15000)) --out "$work" \
    --division 440703 --division 440704 --division 440705 --division 440781 >/dev/null
# Before and after, since machines are noisy.
classical 1 | tee "$work/classical"
for number in $instances; do measure "$number"; done
classical 2 | tee -a "$work/classical"
bare=$(awk '{sum += $(NF - 1)} END {print int(sum / NR)}' "$work/classical")
for number in $instances; do
    echo "settled with $number instance(s): $((100 * $(rate_of "$work/settled$number") / bare)) % of the classical transaction"
done
