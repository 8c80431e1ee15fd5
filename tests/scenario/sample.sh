#!/bin/sh
# The shipped sample is what `tongchou sample` makes, byte for byte: sample.sh PROGRAM SAMPLES
set -eu
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
"$1" sample --out "$made" --division 440703 --division 440704 --division 440705 --division 440781 --division 440783 \
    --division 440784 --division 440785
"$1" sample catalogue --seed 1 --out "$made/demo-catalogue.csv"
for file in "$made"/*.jsonl "$made"/*.csv; do
    cmp "$file" "$2/${file##*/}"
done
