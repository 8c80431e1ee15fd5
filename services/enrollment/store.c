#include "store.h"
#include "common/base/hash.h"
#include "common/daemon/service.h"
#include "common/stream/stream.h"

const migration_t enrollment_migrations[] = {
    {1, REQUEST_TABLE_SQL STREAM_TABLE_SQL
     "CREATE TABLE person (partition BIGINT NOT NULL, person TEXT NOT NULL, version BIGINT NOT NULL,"
     " citizen_id TEXT NOT NULL, name TEXT NOT NULL, state BYTEA NOT NULL, PRIMARY KEY (partition, person));"
     "CREATE UNIQUE INDEX person_citizen ON person (citizen_id);"
     "CREATE TABLE employer (partition BIGINT NOT NULL, employer TEXT NOT NULL, version BIGINT NOT NULL,"
     " uscc TEXT NOT NULL, state BYTEA NOT NULL, PRIMARY KEY (partition, employer));"
     "CREATE UNIQUE INDEX employer_uscc ON employer (uscc);"},
};
const size_t enrollment_migration_count = COUNT_OF(enrollment_migrations);

static int fetch_state(store_t *store, const char *sql, const char *key, const ProtobufCMessageDescriptor *type,
                       arena_t *arena, ProtobufCMessage **out, err_t *err) {
    cell_t params[] = {cell_i64(partition_of(key)), cell_text(key)};
    rows_t rows;
    size_t size;
    *out = NULL;
    int rc = store_query(store, sql, params, COUNT_OF(params), arena, &rows, err);
    if (rc || rows.count == 0) return rc;
    const void *state = row_blob(&rows, 0, 0, &size);
    return message_unpack(out, type, state, size, arena, err);
}

static int fetch_name(store_t *store, const char *sql, const char *key, arena_t *arena, const char **out, err_t *err) {
    cell_t params[] = {cell_text(key)};
    rows_t rows;
    *out = NULL;
    int rc = store_query(store, sql, params, COUNT_OF(params), arena, &rows, err);
    if (rc == 0 && rows.count) *out = row_text(&rows, 0, 0);
    return rc;
}

static int pack(const ProtobufCMessage *state, arena_t *arena, cell_t *out, err_t *err) {
    size_t size;
    void *data = message_pack(state, arena, &size);
    if (!data) return err_set(err, E_IO, "out of memory");
    *out = cell_blob(data, size);
    return 0;
}

int person_fetch(store_t *store, const char *person, arena_t *arena, Tc__PersonState **out, err_t *err) {
    return fetch_state(store, "SELECT state FROM person WHERE partition = $1 AND person = $2", person,
                       &tc__person_state__descriptor, arena, (ProtobufCMessage **)out, err);
}

int person_by_citizen(store_t *store, const char *citizen_id, arena_t *arena, const char **person, err_t *err) {
    return fetch_name(store, "SELECT person FROM person WHERE citizen_id = $1", citizen_id, arena, person, err);
}

int person_insert(store_t *store, const Tc__PersonState *state, const person_secrets_t *secrets, arena_t *arena,
                  err_t *err) {
    cell_t params[] = {cell_i64(partition_of(state->person)), cell_text(state->person), cell_i64(state->version),
                       cell_text(secrets->citizen_id),        cell_text(secrets->name), cell_null(CELL_BLOB)};
    int rc = pack(&state->base, arena, &params[5], err);
    if (rc) return rc;
    return store_exec(store,
                      "INSERT INTO person (partition, person, version, citizen_id, name, state)"
                      " VALUES ($1, $2, $3, $4, $5, $6)",
                      params, COUNT_OF(params), err);
}

int person_update(store_t *store, const Tc__PersonState *state, arena_t *arena, err_t *err) {
    cell_t params[] = {cell_i64(partition_of(state->person)), cell_text(state->person), cell_i64(state->version),
                       cell_null(CELL_BLOB)};
    int rc = pack(&state->base, arena, &params[3], err);
    if (rc) return rc;
    return store_exec(store, "UPDATE person SET version = $3, state = $4 WHERE partition = $1 AND person = $2", params,
                      COUNT_OF(params), err);
}

int employer_fetch(store_t *store, const char *employer, arena_t *arena, Tc__EmployerState **out, err_t *err) {
    return fetch_state(store, "SELECT state FROM employer WHERE partition = $1 AND employer = $2", employer,
                       &tc__employer_state__descriptor, arena, (ProtobufCMessage **)out, err);
}

int employer_by_uscc(store_t *store, const char *uscc, arena_t *arena, const char **employer, err_t *err) {
    return fetch_name(store, "SELECT employer FROM employer WHERE uscc = $1", uscc, arena, employer, err);
}

int employer_insert(store_t *store, const Tc__EmployerState *state, const char *uscc, arena_t *arena, err_t *err) {
    cell_t params[] = {cell_i64(partition_of(state->employer)), cell_text(state->employer), cell_i64(state->version),
                       cell_text(uscc), cell_null(CELL_BLOB)};
    int rc = pack(&state->base, arena, &params[4], err);
    if (rc) return rc;
    return store_exec(store,
                      "INSERT INTO employer (partition, employer, version, uscc, state) VALUES ($1, $2, $3, $4, $5)",
                      params, COUNT_OF(params), err);
}
