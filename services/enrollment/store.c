#include "store.h"
#include "common/base/hash.h"
#include "common/daemon/service.h"
#include "common/stream/stream.h"
#include "import_tables.h"
#include "slots.h"
#include <string.h>

const migration_t enrollment_migrations[] = {
    {1, REQUEST_TABLE_SQL STREAM_TABLE_SQL
     "CREATE TABLE person (partition BIGINT NOT NULL, person TEXT NOT NULL, version BIGINT NOT NULL,"
     " citizen_id TEXT NOT NULL, name TEXT NOT NULL, state BYTEA NOT NULL, PRIMARY KEY (partition, person));"
     "CREATE UNIQUE INDEX person_citizen ON person (citizen_id);"
     "CREATE TABLE employer (partition BIGINT NOT NULL, employer TEXT NOT NULL, version BIGINT NOT NULL,"
     " uscc TEXT NOT NULL, state BYTEA NOT NULL, PRIMARY KEY (partition, employer));"
     "CREATE UNIQUE INDEX employer_uscc ON employer (uscc);"},
    // Of persons registered before versions were kept only the last state is left, and that it was known by the last
    // event.
    {2, "CREATE TABLE person_version (partition BIGINT NOT NULL, person TEXT NOT NULL, version BIGINT NOT NULL,"
        " known_ms BIGINT NOT NULL, state BYTEA NOT NULL, PRIMARY KEY (partition, person, version));"
        "INSERT INTO person_version (partition, person, version, known_ms, state)"
        " SELECT partition, person, version, (SELECT COALESCE(max(at_ms), 0) FROM event), state FROM person;"},
    {3, IMPORT_TABLES_SQL},
    {4, LIST_FAULT_SQL MEMBER_BACKFILL_SQL},
    // As person_version. Employers changed for the first time after this step.
    {5, "CREATE TABLE employer_version (partition BIGINT NOT NULL, employer TEXT NOT NULL, version BIGINT NOT NULL,"
        " known_ms BIGINT NOT NULL, state BYTEA NOT NULL, PRIMARY KEY (partition, employer, version));"
        "INSERT INTO employer_version (partition, employer, version, known_ms, state)"
        " SELECT partition, employer, version, (SELECT COALESCE(max(at_ms), 0) FROM event), state FROM employer;"},
    // A row that is changed later stays on its page, and its indexes as they are.
    {6, POSTGRES_ONLY "ALTER TABLE person SET (fillfactor = 60);"},
};
_Static_assert(COUNT_OF(enrollment_migrations) == ENROLLMENT_MIGRATIONS, "the service runs all steps");
const size_t enrollment_migration_count = COUNT_OF(enrollment_migrations);

static int read_state(const rows_t *rows, const ProtobufCMessageDescriptor *type, arena_t *arena,
                      ProtobufCMessage **out, err_t *err) {
    size_t size;
    *out = NULL;
    if (rows->count == 0) return 0;
    const void *state = row_blob(rows, 0, 0, &size);
    return message_unpack(out, type, state, size, arena, err);
}

static int fetch_state(store_t *store, const char *sql, const char *key, const ProtobufCMessageDescriptor *type,
                       arena_t *arena, ProtobufCMessage **out, err_t *err) {
    cell_t params[] = {cell_i64(partition_of(key)), cell_text(key)};
    rows_t rows;
    int rc = store_query(store, sql, params, COUNT_OF(params), arena, &rows, err);
    return rc ? rc : read_state(&rows, type, arena, out, err);
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

// One row for each state: partition, person, version, `more` cells to fill, the packed state.
static int state_rows(Tc__PersonState *const *states, size_t count, size_t more, arena_t *arena, rows_t *out,
                      err_t *err) {
    rows_init(out, arena, 4 + more);
    for (size_t i = 0; i < count; i++) {
        cell_t *row = rows_add(out);
        if (!row) return err_set(err, E_IO, "out of memory");
        row[0] = cell_i64(partition_of(states[i]->person));
        row[1] = cell_text(states[i]->person);
        row[2] = cell_i64(states[i]->version);
        int rc = pack(&states[i]->base, arena, &row[3 + more], err);
        if (rc) return rc;
    }
    return 0;
}

// A clock that was set back must not put what became known later before what was known: then the moment of the last
// version stored holds. $1 partition, $2 name, $3 version, $4 now.
#define KNOWN_LATER(kind)                                                                                              \
    "SELECT b.known_ms FROM (SELECT known_ms FROM " kind "_version WHERE partition = $1 AND " kind " = $2"             \
    " AND version < $3 ORDER BY version DESC LIMIT 1) b WHERE b.known_ms > $4"

// The first four columns of `versions` are those parameters; the fourth becomes the moment since which each is known.
static int not_before(store_t *store, const char *known_later, rows_t *versions, err_t *err) {
    rows_t keys, later;
    rows_init(&keys, versions->arena, 4);
    for (size_t i = 0; i < versions->count; i++) {
        cell_t *key = rows_add(&keys);
        if (!key) return err_set(err, E_IO, "out of memory");
        memcpy(key, rows_at(versions, i), 4 * sizeof *key);
    }
    int rc = store_each_query(store, known_later, &keys, versions->arena, &later, err);
    for (size_t i = 0; rc == 0 && i < later.count; i++)
        rows_at(versions, (size_t)row_i64(&later, i, 0))[3] = cell_i64(row_i64(&later, i, 1));
    return rc;
}

// partition, name, version, known_ms, state
static int version_rows(const rows_t *from, int64_t known_ms, arena_t *arena, rows_t *out, err_t *err) {
    rows_init(out, arena, 5);
    for (size_t i = 0; i < from->count; i++) {
        const cell_t *state = rows_at(from, i);
        cell_t *row = rows_add(out);
        if (!row) return err_set(err, E_IO, "out of memory");
        memcpy(row, state, 3 * sizeof *row);
        row[3] = cell_i64(known_ms);
        row[4] = state[from->width - 1];
    }
    return 0;
}

static int put_person_versions(store_t *store, const rows_t *rows, err_t *err) {
    return store_insert(store, "person_version", "partition, person, version, known_ms, state", rows, CONFLICT_FAILS,
                        err);
}

int persons_insert(store_t *store, Tc__PersonState *const *states, const person_secrets_t *secrets, size_t count,
                   int64_t known_ms, arena_t *arena, err_t *err) {
    rows_t rows, versions;
    int rc = state_rows(states, count, 2, arena, &rows, err);
    if (rc || count == 0) return rc;
    for (size_t i = 0; i < count; i++) {
        rows_at(&rows, i)[3] = cell_text(secrets[i].citizen_id);
        rows_at(&rows, i)[4] = cell_text(secrets[i].name);
    }
    rc = store_insert(store, "person", "partition, person, version, citizen_id, name, state", &rows, CONFLICT_FAILS,
                      err);
    if (rc == 0) rc = version_rows(&rows, known_ms, arena, &versions, err);
    return rc ? rc : put_person_versions(store, &versions, err);
}

// Of several rows for one name the last: partition, name, version, state.
static int last_of_each(const rows_t *from, arena_t *arena, rows_t *out, err_t *err) {
    slots_t places;
    int rc = slots_init(&places, arena, from->count, err);
    rows_init(out, arena, 4);
    for (size_t i = 0; rc == 0 && i < from->count; i++) {
        const cell_t *row = rows_at(from, i);
        size_t *place = slots_at(&places, row[1].data);
        if (!*place && !rows_add(out)) return err_set(err, E_IO, "out of memory");
        if (!*place) *place = out->count;
        cell_t *last = rows_at(out, *place - 1);
        memcpy(last, row, 3 * sizeof *last);
        last[3] = row[from->width - 1];
    }
    return rc;
}

int persons_update(store_t *store, Tc__PersonState *const *states, size_t count, int64_t known_ms, arena_t *arena,
                   err_t *err) {
    rows_t rows, versions, last;
    int rc = state_rows(states, count, 0, arena, &rows, err);
    if (rc || count == 0) return rc;
    rc = version_rows(&rows, known_ms, arena, &versions, err);
    if (rc == 0) rc = not_before(store, KNOWN_LATER("person"), &versions, err);
    if (rc == 0) rc = last_of_each(&rows, arena, &last, err);
    if (rc == 0)
        rc = store_update(store, "person", "partition, person, version, state", "partition, person", "", &last, err);
    return rc ? rc : put_person_versions(store, &versions, err);
}

int person_fetch_version(store_t *store, const char *person, int64_t before_ms, arena_t *arena, Tc__PersonState **out,
                         err_t *err) {
    cell_t params[] = {cell_i64(partition_of(person)), cell_text(person), cell_i64(before_ms)};
    rows_t rows;
    int rc = store_query(store,
                         "SELECT state FROM person_version WHERE partition = $1 AND person = $2 AND known_ms < $3"
                         " ORDER BY version DESC LIMIT 1",
                         params, COUNT_OF(params), arena, &rows, err);
    return rc ? rc : read_state(&rows, &tc__person_state__descriptor, arena, (ProtobufCMessage **)out, err);
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

// partition, employer, version, known_ms, state
static int employer_rows(Tc__EmployerState *const *states, size_t count, int64_t known_ms, arena_t *arena, rows_t *out,
                         err_t *err) {
    rows_init(out, arena, 5);
    for (size_t i = 0; i < count; i++) {
        cell_t *row = rows_add(out);
        if (!row) return err_set(err, E_IO, "out of memory");
        row[0] = cell_i64(partition_of(states[i]->employer));
        row[1] = cell_text(states[i]->employer);
        row[2] = cell_i64(states[i]->version);
        row[3] = cell_i64(known_ms);
        int rc = pack(&states[i]->base, arena, &row[4], err);
        if (rc) return rc;
    }
    return 0;
}

static int put_versions(store_t *store, const rows_t *rows, err_t *err) {
    if (rows->count == 0) return 0;
    return store_insert(store, "employer_version", "partition, employer, version, known_ms, state", rows,
                        CONFLICT_FAILS, err);
}

int employer_versions_insert(store_t *store, Tc__EmployerState *const *states, size_t count, int64_t known_ms,
                             arena_t *arena, err_t *err) {
    rows_t rows;
    int rc = employer_rows(states, count, known_ms, arena, &rows, err);
    return rc ? rc : put_versions(store, &rows, err);
}

int employers_update(store_t *store, Tc__EmployerState *const *states, size_t count, int64_t known_ms, arena_t *arena,
                     err_t *err) {
    rows_t versions, last;
    int rc = employer_rows(states, count, known_ms, arena, &versions, err);
    if (rc == 0) rc = not_before(store, KNOWN_LATER("employer"), &versions, err);
    if (rc == 0) rc = last_of_each(&versions, arena, &last, err);
    if (rc == 0)
        rc = store_update(store, "employer", "partition, employer, version, state", "partition, employer", "", &last,
                          err);
    return rc ? rc : put_versions(store, &versions, err);
}

int employer_fetch_version(store_t *store, const char *employer, int64_t before_ms, arena_t *arena,
                           Tc__EmployerState **out, err_t *err) {
    cell_t params[] = {cell_i64(partition_of(employer)), cell_text(employer), cell_i64(before_ms)};
    rows_t rows;
    int rc = store_query(store,
                         "SELECT state FROM employer_version WHERE partition = $1 AND employer = $2 AND known_ms < $3"
                         " ORDER BY version DESC LIMIT 1",
                         params, COUNT_OF(params), arena, &rows, err);
    return rc ? rc : read_state(&rows, &tc__employer_state__descriptor, arena, (ProtobufCMessage **)out, err);
}
