# To be sourced: a PostgreSQL of the bench's own, with the settings that docs/operations.md recommends. A log file that is
# used again is written over; one that the server makes anew is filled with zeros and synced first, while the session
# that needs it waits. A server that has been running for a while has its files, so they are made here before anything is
# measured.
pg_bin=$(dirname "$(ls /usr/lib/postgresql/*/bin/initdb | tail -n 1)")
pg_user=$([ "$(id -u)" = 0 ] && echo postgres || id -un)
pg_log_mb=2048

as_postgres() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; else "$@"; fi; }
pg_url() { echo "postgresql:///$2?host=$1/pg&user=$pg_user"; } # FOLDER DATABASE
pg_start() { # FOLDER DATABASE…: the server in FOLDER/pg, databases without tables
    pg_folder=$1
    shift
    mkdir -p "$pg_folder/pg"
    [ "$(id -u)" != 0 ] || { chown postgres "$pg_folder/pg" "$pg_folder" && chmod 755 "$pg_folder"; }
    as_postgres "$pg_bin/initdb" -D "$pg_folder/pg" --auth=trust -E UTF8 --locale=C >/dev/null
    as_postgres "$pg_bin/pg_ctl" -D "$pg_folder/pg" -w -l "$pg_folder/pg/log" -o "-k $pg_folder/pg -c listen_addresses= -c max_connections=60 \
        -c shared_buffers=256MB -c min_wal_size=${pg_log_mb}MB -c max_wal_size=4GB -c checkpoint_timeout=15min" start >/dev/null
    psql -q "$(pg_url "$pg_folder" postgres)" -o /dev/null -c CHECKPOINT -c "SELECT pg_logical_emit_message(false, 'bench', 'x'), pg_switch_wal()
        FROM generate_series(1, $((pg_log_mb / 16)))" -c CHECKPOINT
    for db in "$@"; do psql -q "$(pg_url "$pg_folder" postgres)" -c "CREATE DATABASE $db"; done
}
pg_stop() { as_postgres "$pg_bin/pg_ctl" -D "$1/pg" -m immediate stop >/dev/null 2>&1 || true; } # FOLDER
