#include "store.h"
#include "common/base/hash.h"
#include "common/daemon/service.h"

const migration_t facility_migrations[] = {
    {1, REQUEST_TABLE_SQL STREAM_TABLE_SQL
     "CREATE TABLE facility (partition BIGINT NOT NULL, facility TEXT NOT NULL, version BIGINT NOT NULL,"
     " state BYTEA NOT NULL, PRIMARY KEY (partition, facility));"},
};
const size_t facility_migration_count = COUNT_OF(facility_migrations);

int facility_fetch(store_t *store, const char *facility, arena_t *arena, Tc__FacilityState **out, err_t *err) {
    cell_t params[] = {cell_i64(partition_of(facility)), cell_text(facility)};
    rows_t rows;
    size_t size;
    *out = NULL;
    int rc = store_query(store, "SELECT state FROM facility WHERE partition = $1 AND facility = $2", params,
                         COUNT_OF(params), arena, &rows, err);
    if (rc || rows.count == 0) return rc;
    const void *state = row_blob(&rows, 0, 0, &size);
    return message_unpack((ProtobufCMessage **)out, &tc__facility_state__descriptor, state, size, arena, err);
}

static int write_state(store_t *store, const char *sql, const Tc__FacilityState *state, arena_t *arena, err_t *err) {
    size_t size;
    void *data = message_pack(&state->base, arena, &size);
    if (!data) return err_set(err, E_IO, "out of memory");
    cell_t params[] = {cell_i64(partition_of(state->facility)), cell_text(state->facility), cell_i64(state->version),
                       cell_blob(data, size)};
    return store_exec(store, sql, params, COUNT_OF(params), err);
}

int facility_insert(store_t *store, const Tc__FacilityState *state, arena_t *arena, err_t *err) {
    return write_state(store, "INSERT INTO facility (partition, facility, version, state) VALUES ($1, $2, $3, $4)",
                       state, arena, err);
}

int facility_update(store_t *store, const Tc__FacilityState *state, arena_t *arena, err_t *err) {
    return write_state(store, "UPDATE facility SET version = $3, state = $4 WHERE partition = $1 AND facility = $2",
                       state, arena, err);
}
