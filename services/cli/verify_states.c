// A state table holds, for each name, what the newest event about it told, byte for byte. The log has no index by name,
// so a slice of the table is kept in memory (SLICE rows at most) while the log of its partition is walked once; only a
// partition of more rows than a slice is walked again.
#include "collection.pb-c.h"
#include "common/base/hash.h"
#include "enrollment.pb-c.h"
#include "facility.pb-c.h"
#include "verify.h"
#include <string.h>

enum { SLICE = 65536 };

typedef struct kind {
    const char *what, *topic;
    const ProtobufCMessageDescriptor *type; // field 1 is the name, field 2 the version
    const char *rows_sql;                   // $1 partition, $2 after, $3 limit → name, version, body
    const char *find_sql;                   // $1 partition, $2 name → version
    const char *count_sql;                  // $1 partition → rows
    const char *astray_sql;                 // rows in no partition
} kind_t;

#define KIND(table, name, column, topic, type)                                                                         \
    {                                                                                                                  \
        table, topic, &tc__##type##__descriptor,                                                                       \
            "SELECT " name ", version, " column " FROM " table " WHERE partition = $1 AND " name                       \
            " > $2 ORDER BY " name " LIMIT $3",                                                                        \
            "SELECT version FROM " table " WHERE partition = $1 AND " name " = $2",                                    \
            "SELECT COUNT(*) FROM " table " WHERE partition = $1",                                                     \
            "SELECT " name " FROM " table " WHERE partition < 0 OR partition >= $1 ORDER BY " name " LIMIT 100"        \
    }

typedef struct state {
    const char *name;
    int64_t version, newest; // of the row; of the events so far, 0 before the first
    const void *body;
    size_t bytes;
    bool same; // the newest event has the body of the row
} state_t;

typedef struct slice {
    const kind_t *kind;
    store_t *store;
    int64_t partition;
    char after[VERIFY_NAME_MAX]; // the last name of the slice before, then of this one
    bool first, last;            // of its partition
    state_t *states;
    size_t count, room; // at most SLICE
    uint32_t *places;   // hash table of twice as many places: index + 1, 0 = free
} slice_t;

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

// ---- the slice

static uint32_t *place_of(const slice_t *slice, const char *name) {
    size_t place = hash64(name, strlen(name), 0) % (2 * slice->room);
    while (slice->places[place] && strcmp(slice->states[slice->places[place] - 1].name, name) != 0)
        place = (place + 1) % (2 * slice->room);
    return &slice->places[place];
}

static int add_row(verify_t *verify, slice_t *slice, const rows_t *rows, size_t row, err_t *err) {
    state_t *state = &slice->states[slice->count];
    size_t bytes;
    const void *body = row_blob(rows, row, 2, &bytes);
    const char *name = row_text(rows, row, 0);
    *state = (state_t){.name = arena_text(verify->side, "%s", name),
                       .version = row_i64(rows, row, 1),
                       .body = arena_copy(verify->side, body, bytes),
                       .bytes = bytes};
    if (!state->name || !state->body) return no_memory(err);
    if (partition_of(name) != slice->partition)
        verify_broken(verify, "%s %s stands in partition %lld, it belongs into %u", slice->kind->what, name,
                      (long long)slice->partition, partition_of(name));
    *place_of(slice, name) = (uint32_t)++slice->count;
    return E_OK;
}

// No larger than the partition, with a place to spare: the slice that ends it is not full.
static int make_room(verify_t *verify, slice_t *slice, err_t *err) {
    rows_t rows;
    const cell_t params[] = {cell_i64(slice->partition)};
    arena_reset(verify->side);
    int rc = verify_query(slice->store, "i", slice->kind->count_sql, params, 1, verify->side, &rows, err);
    if (rc) return rc;
    slice->room = row_i64(&rows, 0, 0) < SLICE ? (size_t)row_i64(&rows, 0, 0) + 1 : SLICE;
    slice->states = arena_alloc(verify->side, slice->room * sizeof *slice->states);
    slice->places = arena_alloc(verify->side, 2 * slice->room * sizeof *slice->places);
    return slice->states && slice->places ? E_OK : no_memory(err);
}

static int load_slice(verify_t *verify, slice_t *slice, err_t *err) {
    rows_t rows = {0};
    slice->count = 0;
    if (make_room(verify, slice, err)) return err->code;
    do {
        int64_t room = (int64_t)(slice->room - slice->count), limit = room < VERIFY_PAGE ? room : VERIFY_PAGE;
        const cell_t params[] = {cell_i64(slice->partition), cell_text(slice->after), cell_i64(limit)};
        arena_reset(verify->page);
        int rc = verify_query(slice->store, "tib", slice->kind->rows_sql, params, COUNT_OF(params), verify->page, &rows,
                              err);
        for (size_t i = 0; !rc && i < rows.count; i++) rc = add_row(verify, slice, &rows, i, err);
        if (!rc && rows.count) rc = verify_keep(slice->after, row_text(&rows, rows.count - 1, 0), err);
        if (rc) return rc;
        slice->last = rows.count < (size_t)limit;
    } while (!slice->last && slice->count < slice->room);
    return E_OK;
}

// ---- its events

static const char *name_of(const ProtobufCMessage *message) {
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(message->descriptor, 1);
    return *(char *const *)((const char *)message + field->offset);
}

static int64_t version_of(const ProtobufCMessage *message) {
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(message->descriptor, 2);
    return *(const int64_t *)((const char *)message + field->offset);
}

static void hold_against(verify_t *verify, slice_t *slice, const ProtobufCMessage *message, int64_t number,
                         const void *body, size_t bytes) {
    const char *name = name_of(message);
    int64_t version = version_of(message);
    uint32_t place = *place_of(slice, name);
    if (slice->first && partition_of(name) != slice->partition)
        verify_broken(verify, "%s %lld/%lld is about %s, which belongs into partition %u", slice->kind->topic,
                      (long long)slice->partition, (long long)number, name, partition_of(name));
    if (!place && slice->first && slice->last)
        verify_broken(verify, "%s %s: %lld/%lld told of version %lld, but it is not stored", slice->kind->what, name,
                      (long long)slice->partition, (long long)number, (long long)version);
    if (!place) return;
    state_t *state = &slice->states[place - 1];
    if (version <= state->newest)
        verify_broken(verify, "%s %s: %lld/%lld told of version %lld after version %lld", slice->kind->what, name,
                      (long long)slice->partition, (long long)number, (long long)version, (long long)state->newest);
    state->newest = version;
    state->same = bytes == state->bytes && memcmp(body, state->body, bytes) == 0;
}

// Names that got their first version must be stored; where one slice is the whole partition that has been seen already.
static int firsts_are_stored(verify_t *verify, slice_t *slice, const rows_t *firsts, err_t *err) {
    rows_t found;
    if (slice->last || !firsts->count) return E_OK;
    int rc = verify_each(slice->store, "i", slice->kind->find_sql, firsts, verify->page, &found, err);
    for (size_t i = 0, at = 0; !rc && i < firsts->count; i++) {
        if (at < found.count && row_i64(&found, at, 0) == (int64_t)i)
            at++;
        else
            verify_broken(verify, "%s %s: events told of it, but it is not stored", slice->kind->what,
                          (const char *)rows_at(firsts, i)[1].data);
    }
    return rc;
}

static int take_events(verify_t *verify, void *self, const rows_t *rows, err_t *err) {
    slice_t *slice = self;
    rows_t firsts;
    rows_init(&firsts, verify->page, 2);
    for (size_t i = 0; i < rows->count; i++) {
        char where[VERIFY_NAME_MAX];
        size_t bytes;
        const void *body = row_blob(rows, i, 1, &bytes);
        snprintf(where, sizeof where, "%s %lld/%lld", slice->kind->topic, (long long)slice->partition,
                 (long long)row_i64(rows, i, 0));
        arena_reset(verify->work);
        const ProtobufCMessage *message = verify_message(verify, slice->kind->type, rows, i, 1, where);
        if (!message) continue;
        hold_against(verify, slice, message, row_i64(rows, i, 0), body, bytes);
        if (!slice->first || version_of(message) != 1) continue;
        cell_t *key = rows_add(&firsts);
        const char *name = arena_text(verify->page, "%s", name_of(message));
        if (!key || !name) return no_memory(err);
        key[0] = cell_i64(slice->partition);
        key[1] = cell_text(name);
    }
    return slice->first ? firsts_are_stored(verify, slice, &firsts, err) : E_OK;
}

static void judge(verify_t *verify, const slice_t *slice) {
    for (size_t i = 0; i < slice->count; i++) {
        const state_t *state = &slice->states[i];
        if (state->newest != state->version)
            verify_broken(verify, "%s %s is stored as version %lld, its newest event told of %lld", slice->kind->what,
                          state->name, (long long)state->version, (long long)state->newest);
        else if (!state->same)
            verify_broken(verify, "%s %s: what is stored is not what its newest event told", slice->kind->what,
                          state->name);
    }
    verify->looked_at += (long long)slice->count;
}

static int one_partition(verify_t *verify, const kind_t *kind, store_t *store, int64_t partition, err_t *err) {
    slice_t slice = {.kind = kind, .store = store, .partition = partition, .first = true};
    do {
        int rc = load_slice(verify, &slice, err);
        if (!rc) rc = verify_events(verify, store, partition, kind->topic, take_events, &slice, err);
        if (rc) return rc;
        judge(verify, &slice);
        slice.first = false;
    } while (!slice.last);
    return E_OK;
}

static int one_kind(verify_t *verify, const kind_t *kind, store_t *store, err_t *err) {
    rows_t rows;
    const cell_t params[] = {cell_i64(PARTITIONS)};
    arena_reset(verify->page);
    int rc = verify_query(store, "t", kind->astray_sql, params, 1, verify->page, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++)
        verify_broken(verify, "%s %s stands in no partition", kind->what, row_text(&rows, i, 0));
    for (int64_t partition = 0; !rc && partition < PARTITIONS; partition++)
        rc = one_partition(verify, kind, store, partition, err);
    return rc;
}

int verify_states(verify_t *verify, err_t *err) {
    static const kind_t person = KIND("person", "person", "state", "person.changed", person_state),
                        employer = KIND("employer", "employer", "state", "employer.changed", employer_state),
                        facility = KIND("facility", "facility", "state", "facility.changed", facility_state),
                        entitlement = KIND("entitlement", "person", "body", "entitlement.changed", entitlement);
    int rc = one_kind(verify, &person, verify->enrollment, err);
    if (!rc) rc = one_kind(verify, &employer, verify->enrollment, err);
    if (!rc) rc = one_kind(verify, &facility, verify->facility, err);
    return rc ? rc : one_kind(verify, &entitlement, verify->collection, err);
}
