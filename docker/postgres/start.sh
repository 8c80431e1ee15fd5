#!/bin/sh
# PostgreSQL in its container. On the first start the cluster is made beside its place, with roles and schemas, and moved
# there when it is whole: a first start that was broken off is begun anew, never taken for done. Arguments go to the
# server.
set -eu
umask 077
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    new=$PGDATA.new
    rm -rf "$new"
    initdb --pgdata="$new" --username=postgres --auth-local=peer --auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 \
        --data-checksums >/dev/null
    # Passwords only, from wherever the network lets somebody come; the local socket is for whoever is in the container.
    echo "host tongchou all all scram-sha-256" >>"$new/pg_hba.conf"
    pg_ctl --pgdata="$new" --wait --silent --options="-c listen_addresses='' -k /run/postgresql" start >/dev/null
    createdb --host=/run/postgresql tongchou
    tongchou-roles
    pg_ctl --pgdata="$new" --wait --silent --mode=fast stop >/dev/null
    mv "$new" "$PGDATA"
    echo "made a new cluster in $PGDATA"
fi
# Durability is not the operator's to forget: what was acknowledged is on the disk. Terse: the detail of an error would
# quote a row, and with it a person.
# Files of the log are kept and written over: to make one anew holds up whoever settles then (docs/operations.md).
exec postgres -D "$PGDATA" -k /run/postgresql -c listen_addresses='*' -c synchronous_commit=on -c fsync=on \
    -c full_page_writes=on -c log_error_verbosity=terse -c min_wal_size=2GB -c max_wal_size=4GB -c checkpoint_timeout=15min "$@"
