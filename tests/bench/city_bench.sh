#!/bin/sh
# A whole city through the running suite: import, a monthly run, a file of receipts, states from scratch. Beside each step
# stands the bare writing of the rows that it left: how many times its time, and how many times its processor time (of the
# service and, on PostgreSQL, of its connection), which other work on the machine disturbs less. Then the service's memory
# before and after: its own, which must not grow with the city, + pages of files; at the end the peak of both services. A
# step that only reads is compared with the writing of the rows it looked at. On PostgreSQL the bare writing is COPY;
# behind it stands a prepared loop.
# Who follows sleeps meanwhile, collection while enrolment imports, adjudication and settlement while collection books or
# finds states lost: what follows is measured alone and as a whole.
#   tests/bench/city_bench.sh [--bin DIR] [--store sqlite:DIR|postgresql://…|postgresql|both] [people]
# "postgresql" and "both" (the default) start a server of their own (postgres.sh).
# 100,000 people take a few minutes; 1,000,000 about half an hour and 10 GB in $TMPDIR.
set -eu
bin=build/release/bin stores=both people=
while [ $# -gt 0 ]; do
    case $1 in
    --bin) bin=$2; shift 2 ;;
    --store) stores=$2; shift 2 ;;
    *) people=$1; shift ;;
    esac
done
people=${people:-100000}
work=$(mktemp -d)
port=$((20000 + $$ % 12000)) # below the ports that the system hands out
up= pg=
. tests/bench/postgres.sh

stop_suite() { [ -z "$up" ] || { kill "$up" 2>/dev/null && wait "$up" 2>/dev/null; } || true; up=; }
finish() {
    stop_suite
    [ -z "$pg" ] || pg_stop "$work"
    [ -n "${KEEP:-}" ] || rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

start_suite() { # STORE
    data=$work/data
    rm -rf "$data"
    : >"$work/up" # of a suite before it says ready, too
    "$bin/tongchou" up --data "$data" --store "$1" --adjudication 1 --port "$port" --city config/cities/jiangmen.yaml \
        --overlay config/samples/jiangmen-illustrative.yaml >"$work/up" 2>"$work/up.err" &
    up=$!
    waited=0
    until grep -q '^ready' "$work/up"; do
        waited=$((waited + 1))
        [ $waited -lt 600 ] || { tail -n 5 "$work/up.err" "$data"/log/*.log >&2; exit 1; }
        sleep 0.1
    done
    port=$((port + 5))
}

ms() { echo $(($(date +%s%N) / 1000000)); }
pid() { cat "$data/run/$1-1.pid"; }
# Its own memory, and the pages of the mapped database file, which are the system's to take back (256 MiB at most).
rss() { awk '/^RssAnon/ {a = $2} /^RssFile/ {f = $2} END {printf "%d+%d", a / 1024, f / 1024}' "/proc/$(pid "$1")/status"; }
# Hundredths of a second of the service and of its connection to PostgreSQL.
cpu() {
    connection=
    case $store in postgres*) connection=$(psql -At "$store" -c "SELECT pid FROM pg_stat_activity
        WHERE application_name = '$1' AND pid <> pg_backend_pid() ORDER BY backend_start LIMIT 1") ;; esac
    for process in "$(pid "$1")" $connection; do cat "/proc/$process/stat"; done | awk '{t += $14 + $15} END {print t}'
}
suite() { "$bin/tongchou" "$@" --data "$data"; }

begin() { before=$(rss "$1"); used=$(cpu "$1"); from=$(ms); }
multiple() { echo "$(($1 / $2)).$(($1 * 10 / $2 % 10)) times"; }
some() { [ "$1" -gt 0 ] && echo "$1" || echo 1; }
# Milliseconds, persons or rows of the step, then what it left: SERVICE TABLE WHERE …
tell() { # NAME SERVICE ROWS TABLE WHERE [TABLE WHERE …]
    took=$(some $(($(ms) - from))) name=$1 service=$2 done=$3
    used=$(($(cpu "$2") - used))
    shift 3
    bare=0 left=0 bare_used=0 loop=0
    while [ $# -gt 0 ]; do
        set -- "$1" "$2" $("$bin/city_bench" bare "$store" "$service" "$1" "$2" "$work") "$@"
        left=$((left + $3)) bare=$((bare + $4)) bare_used=$((bare_used + $5)) loop=$((loop + $6))
        shift 8
    done
    bare_used=$(some $bare_used) bare=$(some $bare)
    case $store in postgres*) loop="; prepared loop $loop ms $(multiple "$took" "$(some $loop)")" ;; *) loop= ;; esac
    printf '%-24s %8d in %7d ms %6d/s; bare %8d rows in %6d ms %6d/s; %s; cpu %d of %d ms %s%s; MiB %s to %s\n' \
        "$name" "$done" "$took" $((done * 1000 / took)) "$left" "$bare" $((left * 1000 / bare)) "$(multiple "$took" $bare)" \
        $((used * 10)) "$bare_used" "$(multiple $((used * 10)) $bare_used)" "$loop" "$before" "$(rss "$service")"
}

# The service's peak of memory, mapped files and all.
peak() { awk '/^VmHWM/ {printf "%d", $2 / 1024}' "/proc/$(pid "$1")/status"; }

send() { for to in $2; do kill "-$1" "$(pid "$to")"; done; } # SIGNAL "SERVICE …"
lines() { grep -c . "$1"; }
import() { suite import "$1" "$work/city/$1.csv" --quiet >"$work/out" || [ $? = 1 ]; }

followers="adjudication settlement" # of what collection tells
measure() { # STORE
    store=$1
    start_suite "$store"
    begin enrollment; import employers
    suite wait --timeout 3600 >/dev/null
    send STOP collection
    begin enrollment; import persons
    tell "import persons" enrollment "$people" person "version > 0" person_version "version = 1" event "topic = 'person.changed'"
    spells=$(($(lines "$work/city/spells.csv") - 1))
    begin enrollment; import spells
    tell "import spells" enrollment "$spells" person "version > 0" person_version "version > 1" \
        event "topic = 'person.changed'"
    begin collection; send CONT collection; suite wait --timeout 3600 >/dev/null
    tell "states follow" collection "$people" person "version > 0" entitlement "version > 0" \
        event "topic = 'entitlement.changed'"
    # The first month of a city tells every state anew; the second one is as all that follow.
    suite collect bill 2018-01 --quiet >/dev/null
    begin collection; suite collect bill 2018-02 --json >"$work/out"
    bills=$(sed 's/.*"new bills":\([0-9]*\).*/\1/' "$work/out")
    tell "monthly run" collection "$bills" bill "period = '2018-02'"
    begin collection; suite collect bill 2018-02 --json >"$work/out"
    tell "the same again" collection "$people" person "version > 0"
    "$bin/city_bench" receipts "$store" 2018-01 2018-01-28 >"$work/receipts.csv"
    since=$(date +%s%3N)
    send STOP "$followers"
    begin collection; suite collect import "$work/receipts.csv" --quiet >"$work/out" || { cat "$work/out"; exit 1; }
    tell "receipts (bills paid)" collection "$bills" bill "period = '2018-01'" receipt "period = '2018-01'" \
        entitlement "version > 1" account_credit "month = '2018-01'" event "at_ms >= $since"
    begin settlement; send CONT "$followers"; suite wait --timeout 3600 >/dev/null
    tell "ledger, accounts follow" settlement "$bills" journal "number > 0" posting "number > 0"
    begin collection; suite collect rebuild --json >"$work/out"
    grep -q '"changed":0' "$work/out" || { echo "a sound city was changed:"; cat "$work/out"; }
    tell "rebuild, nothing to do" collection "$people" person "version > 0" bill "person > ''" entitlement "version > 0"
    "$bin/city_bench" lose "$store"
    since=$(date +%s%3N)
    send STOP "$followers"
    begin collection; suite collect rebuild --json >"$work/out"
    tell "rebuild, all lost" collection "$people" entitlement "version > 0" event "at_ms >= $since"
    send CONT "$followers"
    # What public money owes: bills changed everywhere, then nothing.
    suite collect bill 2018 --quiet >/dev/null
    for when in "all bills new" "again"; do
        from=$(ms); used=$(cpu collection)
        suite collect obligations 2018 >"$work/out"
        printf '%-24s %s: %d ms, cpu %d ms\n' "obligations" "$when" $(($(ms) - from)) $((($(cpu collection) - used) * 10))
    done
    echo "peak of memory, MiB: enrollment $(peak enrollment), collection $(peak collection)"
    stop_suite
}

echo "machine: $(nproc) cores, $(uname -sr); $people people"
mkdir "$work/city"
"$bin/tongchou" sample city --people "$people" --employers $((people / 50)) --month 2018-01 --division 440703 --out "$work/city" \
    >/dev/null
case $stores in
both | sqlite*)
    echo; echo "-- SQLite"
    mkdir -p "$work/sqlite"
    case $stores in both) measure "sqlite:$work/sqlite" ;; *) measure "$stores" ;; esac ;;
esac
case $stores in
both | postgres*)
    echo; echo "-- PostgreSQL"
    case $stores in both | postgresql) # one of its own
        pg=1
        pg_start "$work" city
        stores=$(pg_url "$work" city) ;;
    esac
    measure "$stores" ;;
esac
