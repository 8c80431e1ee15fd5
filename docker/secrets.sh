#!/bin/sh
# Make what is missing of a data centre's secrets, as root in a container (compose.yaml: setup):
#   tongchou-secrets FOLDER                           all of a suite: keys, database passwords
#   tongchou-secrets FOLDER NAME ROLE [option…]       one more party, as a second hospital (tongchou keys --help)
# FOLDER then holds registry.yaml (public) and a folder for each party with what it alone may read: the registry, its key
# and, for services, the cache's secret and a password. What is there is kept; registry.yaml is handed out anew each time.
# To take a right away: take the party out of FOLDER/registry.yaml and run this again. To change a password: remove
# postgres/ROLE.password, run this, `docker compose exec postgres tongchou-roles`, and restart the service.
set -eu
umask 077
root=${1:?a folder}
daemon=10001 # the user of the image, and of PostgreSQL's
postgres=999
services="enrollment facility collection adjudication settlement"

if [ $# -lt 2 ]; then
    tongchou keys --dir "$root"
else
    name=$2 role=${3:?a role}
    shift 3
    tongchou keys --dir "$root" "$name" --role "$role" "$@"
fi

# What days are sealed with: settlement's, made once; who verifies has the public half.
mkdir -p "$root/settlement" "$root/admin"
if [ -e "$root/seal.key" ] && [ ! -e "$root/settlement/seal.key" ]; then
    mv "$root/seal.key" "$root/seal.pub" "$root/settlement/"
fi
rm -f "$root/seal.key" "$root/seal.pub"
[ ! -e "$root/settlement/seal.pub" ] || cp "$root/settlement/seal.pub" "$root/admin/seal.pub"

for key in "$root"/*.key; do
    [ -e "$key" ] || continue
    name=$(basename "$key" .key)
    mkdir -p "$root/$name"
    mv "$key" "$root/$name/"
done

mkdir -p "$root/postgres"
for role in $services auditor; do
    file=$root/postgres/$role.password
    [ -s "$file" ] || od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$file"
    holder=$root/$role
    [ "$role" != auditor ] || holder=$root/admin # who runs `tongchou verify`
    printf 'postgres:5432:*:%s:%s\n' "$role" "$(cat "$file")" >"$holder/pgpass.new"
    mv "$holder/pgpass.new" "$holder/pgpass"
    cp "$root/cache.secret" "$holder/cache.secret"
done

for folder in "$root"/*/; do
    name=$(basename "$folder")
    if [ "$name" = postgres ]; then
        chown -R $postgres:$postgres "$folder"
        continue
    fi
    cp "$root/registry.yaml" "$folder/registry.yaml.new"
    mv "$folder/registry.yaml.new" "$folder/registry.yaml"
    if [ "$name" = settlement ] && [ -e "$root/agencies.yaml" ]; then # who gets which events
        cp "$root/agencies.yaml" "$folder/agencies.yaml.new"
        mv "$folder/agencies.yaml.new" "$folder/agencies.yaml"
    fi
    chown -R $daemon:$daemon "$folder"
done
chmod 0711 "$root" # those that the folders belong to pass through
echo "secrets in $root:" $(cd "$root" && ls -d */ | tr -d /)
