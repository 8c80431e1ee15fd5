#!/bin/sh
# The parts of the documentation that the program prints: tests/docs.sh check|write PROGRAM
# docs/eval.md from its marker on, and docs/rules.md (in which no computable rule may be without a test).
set -eu
mode=$1
program=$2
root=$(dirname "$0")/..
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sed '/^<!-- What follows is printed/q' "$root/docs/eval.md" >"$work/eval.md"
echo >>"$work/eval.md"
"$program" eval --fields >>"$work/eval.md"
"$program" policy rules --strict --config "$root/config" >"$work/rules.md" || untested=yes

if [ "$mode" = write ]; then
    cp "$work/eval.md" "$root/docs/eval.md"
    cp "$work/rules.md" "$root/docs/rules.md"
fi
failed=
for page in eval rules; do
    diff -u "$root/docs/$page.md" "$work/$page.md" >&2 || failed=yes
done
[ -z "$failed" ] || { echo "docs/ is not what the program prints: run ./dev docs" >&2; exit 1; }
[ -z "${untested:-}" ] || { echo "computable rules without a test, see above" >&2; exit 1; }
