#include "import_store.h"
#include "common/base/hash.h"
#include "common/wire/message.h"

// The LIMITs are known bounds: by these keys there is one. They keep PostgreSQL from joining the whole table with the
// keys, on statistics that are older than the city: a chunk must cost the same however many persons there are.
#define ONE " LIMIT 1"

static int one_key(rows_t *keys, const char *text, err_t *err) {
    cell_t *row = rows_add(keys);
    if (!row) return err_set(err, E_IO, "out of memory");
    row[0] = cell_text(text);
    return 0;
}

static int place_keys(rows_t *keys, const char *const *names, size_t count, arena_t *arena, err_t *err) {
    rows_init(keys, arena, 2);
    for (size_t i = 0; i < count; i++) {
        cell_t *row = rows_add(keys);
        if (!row) return err_set(err, E_IO, "out of memory");
        row[0] = cell_i64(partition_of(names[i]));
        row[1] = cell_text(names[i]);
    }
    return 0;
}

static int unpack(const rows_t *rows, size_t row, size_t column, const ProtobufCMessageDescriptor *type, arena_t *arena,
                  void *out, err_t *err) {
    size_t size;
    const void *state = row_blob(rows, row, column, &size);
    ProtobufCMessage *message = NULL;
    int rc = message_unpack(&message, type, state, size, arena, err);
    *(ProtobufCMessage **)out = message;
    return rc;
}

int persons_known(store_t *store, const char *const *persons, size_t count, arena_t *arena, known_person_t *out,
                  err_t *err) {
    rows_t keys, rows;
    int rc = place_keys(&keys, persons, count, arena, err);
    for (size_t i = 0; i < count; i++) out[i] = (known_person_t){0};
    if (rc == 0)
        rc = store_each_query(store,
                              "SELECT citizen_id, name, state FROM person WHERE partition = $1 AND person = $2" ONE,
                              &keys, arena, &rows, err);
    for (size_t i = 0; rc == 0 && i < rows.count; i++) {
        known_person_t *known = &out[row_i64(&rows, i, 0)];
        known->citizen_id = row_text(&rows, i, 1);
        known->name = row_text(&rows, i, 2);
        rc = unpack(&rows, i, 3, &tc__person_state__descriptor, arena, &known->state, err);
    }
    return rc;
}

// One text for each key; the first row found counts.
static int texts(store_t *store, const char *sql, const rows_t *keys, arena_t *arena, const char **out, err_t *err) {
    rows_t rows;
    for (size_t i = 0; i < keys->count; i++) out[i] = NULL;
    int rc = store_each_query(store, sql, keys, arena, &rows, err);
    for (size_t i = 0; rc == 0 && i < rows.count; i++) {
        const char **at = &out[row_i64(&rows, i, 0)];
        if (!*at) *at = row_text(&rows, i, 1);
    }
    return rc;
}

static int texts_of_texts(store_t *store, const char *sql, const char *const *keys, size_t count, arena_t *arena,
                          const char **out, err_t *err) {
    rows_t rows;
    int rc = 0;
    rows_init(&rows, arena, 1);
    for (size_t i = 0; rc == 0 && i < count; i++) rc = one_key(&rows, keys[i], err);
    return rc ? rc : texts(store, sql, &rows, arena, out, err);
}

int persons_of_citizens(store_t *store, const char *const *citizen_ids, size_t count, arena_t *arena, const char **out,
                        err_t *err) {
    return texts_of_texts(store, "SELECT person FROM person WHERE citizen_id = $1" ONE, citizen_ids, count, arena, out,
                          err);
}

// Positions 7 to 14 of a citizen ID are the birth; the index person_alike is over name and these.
int persons_alike(store_t *store, const person_secrets_t *persons, size_t count, arena_t *arena, const char **out,
                  err_t *err) {
    rows_t keys;
    rows_init(&keys, arena, 3);
    for (size_t i = 0; i < count; i++) {
        cell_t *row = rows_add(&keys);
        char *birth = arena_text(arena, "%.8s", persons[i].citizen_id + 6);
        if (!row || !birth) return err_set(err, E_IO, "out of memory");
        row[0] = cell_text(persons[i].name);
        row[1] = cell_text(birth);
        row[2] = cell_text(persons[i].citizen_id);
    }
    return texts(store,
                 "SELECT person FROM person WHERE name = $1 AND substr(citizen_id, 7, 8) = $2 AND citizen_id <> $3"
                 " ORDER BY citizen_id LIMIT 1",
                 &keys, arena, out, err);
}

int employers_known(store_t *store, const char *const *employers, size_t count, arena_t *arena, known_employer_t *out,
                    err_t *err) {
    rows_t keys, rows;
    int rc = place_keys(&keys, employers, count, arena, err);
    for (size_t i = 0; i < count; i++) out[i] = (known_employer_t){0};
    if (rc == 0)
        rc = store_each_query(store, "SELECT uscc, state FROM employer WHERE partition = $1 AND employer = $2" ONE,
                              &keys, arena, &rows, err);
    for (size_t i = 0; rc == 0 && i < rows.count; i++) {
        known_employer_t *known = &out[row_i64(&rows, i, 0)];
        known->uscc = row_text(&rows, i, 1);
        rc = unpack(&rows, i, 2, &tc__employer_state__descriptor, arena, &known->state, err);
    }
    return rc;
}

int employers_of_codes(store_t *store, const char *const *usccs, size_t count, arena_t *arena, const char **out,
                       err_t *err) {
    return texts_of_texts(store, "SELECT employer FROM employer WHERE uscc = $1" ONE, usccs, count, arena, out, err);
}

int employers_insert(store_t *store, Tc__EmployerState *const *states, const char *const *usccs, size_t count,
                     arena_t *arena, err_t *err) {
    rows_t rows;
    rows_init(&rows, arena, 5);
    for (size_t i = 0; i < count; i++) {
        size_t size;
        cell_t *row = rows_add(&rows);
        void *state = message_pack(&states[i]->base, arena, &size);
        if (!row || !state) return err_set(err, E_IO, "out of memory");
        row[0] = cell_i64(partition_of(states[i]->employer));
        row[1] = cell_text(states[i]->employer);
        row[2] = cell_i64(states[i]->version);
        row[3] = cell_text(usccs[i]);
        row[4] = cell_blob(state, size);
    }
    return store_insert(store, "employer", "partition, employer, version, uscc, state", &rows, CONFLICT_FAILS, err);
}
