#!/bin/sh
# ./dev demo: a city in two minutes. Starts the suite on SQLite, enrols 2,000 synthetic people with 40 employers, collects half
# a year of contributions, settles 3,000 hospital bills, and proves that the books are right.
set -eu
bin=${BIN:-build/release/bin}
samples=config/samples
city=${CITY:-config/cities/jiangmen.yaml}
overlay=${OVERLAY:-config/samples/jiangmen-illustrative.yaml}
data=$(mktemp -d)
port=$((20000 + $$ % 20000))

tongchou() { command=$1; shift; "$bin/tongchou" "$command" "$@" --data "$data"; }
step() { printf '\n== %s\n' "$*"; }
finish() {
    status=$?
    [ -z "${up:-}" ] || { kill "$up" 2>/dev/null && wait "$up" 2>/dev/null; } || true
    if [ $status -ne 0 ]; then
        echo "the demo failed; its logs are in $data/log" >&2
    elif [ -n "${KEEP:-}" ]; then
        echo "kept: $data"
    else
        rm -rf "$data"
    fi
}
trap finish EXIT
trap 'exit 130' INT TERM

step "start: Redis, two brokers, five services, two adjudication instances"
"$bin/tongchou" up --data "$data" --city "$city" --overlay "$overlay" --adjudication 2 --port "$port" >"$data.up" 2>"$data.up.err" &
up=$!
waited=0
until grep -q '^ready' "$data.up" 2>/dev/null; do
    kill -0 "$up" 2>/dev/null && [ $waited -lt 600 ] || { cat "$data.up.err" "$data"/log/*.log >&2; exit 1; }
    waited=$((waited + 1))
    sleep 0.1
done
cat "$data.up"
rm -f "$data.up" "$data.up.err"

step "facilities, employers, people, their identities and groups"
tongchou facility $samples/demo-facilities.jsonl
tongchou enroll $samples/demo-population.jsonl
tongchou wait

step "contributions: residents for the year, everyone else for six months"
tongchou collect bill 2018
tongchou collect receive-due $samples/demo-payers-yearly.jsonl 2018 2017-12-20
for end in 2018-01-31 2018-02-28 2018-03-31 2018-04-30 2018-05-31 2018-06-30; do
    tongchou collect bill "${end%-*}"
    tongchou collect receive-due $samples/demo-payers-monthly.jsonl "${end%-*}" "$end"
done

step "3,000 inpatient bills"
tongchou settle $samples/demo-bills.jsonl --window 128
step "the same file again: the same answers, nothing paid twice"
tongchou settle $samples/demo-bills.jsonl --window 128

step "one bill, every fen with its article"
tongchou explain "${BILL:-D000620}"

step "catalogues, and a bill by its fee lines: a drug above its price limit, an item of class A, something in no catalogue"
tongchou catalogue load $samples/demo-catalogue.csv
tongchou settle - <<'BILL'
{"bill":"L000001","person":"P0000010","facility":"H99000100002","type":"inpatient","from":"2018-07-16","to":"2018-07-26","area":"city","filing":"none","lines":[{"line":1,"kind":"drug","code":"XR04XXD000B000040394397","quantity_milli":10000,"price":"15.00","amount":"150.00"},{"line":2,"kind":"item","code":"000112000060000","quantity_milli":2000,"price":"5000.00","amount":"10000.00"},{"line":3,"kind":"material","code":"C00","quantity_milli":1000,"price":"50.00","amount":"50.00"}]}
BILL
tongchou explain L000001

step "what a subscriber outside sees"
tongchou wait
tongchou events tail --topic settlement.posted --until-now | grep -m 1 '"kind":"bill"'

step "the fund by identity and district"
tongchou ledger balances

step "proof"
tongchou verify
