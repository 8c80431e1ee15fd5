#include "parked.h"
#include "common/wire/scope.h"
#include <string.h>

enum { PAGE_DEFAULT = 100, PAGE_MAX = 1000 };

static const char reason[] = "same name and birth, other citizen ID";

int parked_dropped(store_t *store, const parking_t *rows, size_t count, arena_t *arena, bool *out, err_t *err) {
    rows_t keys, found;
    rows_init(&keys, arena, 2);
    for (size_t i = 0; i < count; i++) {
        cell_t *key = rows_add(&keys);
        if (!key) return err_set(err, E_IO, "out of memory");
        key[0] = cell_text(rows[i].ask->citizen_id);
        key[1] = cell_text(rows[i].ask->person);
        out[i] = false;
    }
    int rc = store_each_query(store,
                              "SELECT 1 FROM parked_person WHERE citizen_id = $1 AND person = $2 AND decision = 'drop'"
                              " LIMIT 1",
                              &keys, arena, &found, err);
    for (size_t i = 0; rc == 0 && i < found.count; i++) out[row_i64(&found, i, 0)] = true;
    return rc;
}

static int parking_row(const parking_t *parking, const char *file, int64_t at_ms, arena_t *arena, cell_t *row,
                       err_t *err) {
    size_t size;
    char number[UID_TEXT_MAX];
    char *name = arena_text(arena, "%s", uid_new(number));
    void *ask = message_pack(&parking->ask->base, arena, &size);
    if (!name || !ask) return err_set(err, E_IO, "out of memory");
    row[0] = cell_text(name);
    row[1] = cell_text(parking->ask->citizen_id);
    row[2] = cell_text(parking->ask->person);
    row[3] = cell_text(parking->like);
    row[4] = cell_i64(at_ms);
    row[5] = cell_text(file);
    row[6] = cell_i64(parking->row);
    row[7] = cell_blob(ask, size);
    return 0;
}

int parked_add(store_t *store, const char *file, const parking_t *rows, size_t count, int64_t at_ms, arena_t *arena,
               err_t *err) {
    rows_t all;
    rows_init(&all, arena, 8);
    for (size_t i = 0; i < count; i++) {
        cell_t *row = rows_add(&all);
        int rc = row ? parking_row(&rows[i], file, at_ms, arena, row, err) : err_set(err, E_IO, "out of memory");
        if (rc) return rc;
    }
    return store_each_exec(
        store,
        "INSERT INTO parked_person (number, citizen_id, person, alike, since_ms, file, row_number, ask,"
        " decision, decided_by, decided_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', '', 0)"
        " ON CONFLICT (citizen_id, person) DO UPDATE SET ask = excluded.ask",
        &all, err);
}

int parked_number(store_t *store, const Tc__RegisterPerson *ask, arena_t *arena, const char **number, err_t *err) {
    const cell_t params[] = {cell_text(ask->citizen_id), cell_text(ask->person)};
    rows_t rows;
    int rc = store_query(store, "SELECT number FROM parked_person WHERE citizen_id = $1 AND person = $2", params,
                         COUNT_OF(params), arena, &rows, err);
    if (rc == 0 && rows.count == 0) rc = err_set(err, E_INTERNAL, "a row that was put aside is not there");
    if (rc == 0) *number = row_text(&rows, 0, 0);
    return rc;
}

// ---- what a person sees

static Tc__ParkedPerson *entry(const rows_t *rows, size_t i, arena_t *arena) {
    char day[DATE_TEXT_MAX];
    Tc__ParkedPerson *parked = arena_alloc(arena, sizeof *parked);
    if (!parked) return NULL;
    tc__parked_person__init(parked);
    parked->number = (char *)row_text(rows, i, 0);
    parked->person = (char *)row_text(rows, i, 1);
    parked->like = (char *)row_text(rows, i, 2);
    parked->since = arena_text(arena, "%s", date_format(date_of_ms(row_i64(rows, i, 3)), day));
    parked->file = (char *)row_text(rows, i, 4);
    parked->row = (int32_t)row_i64(rows, i, 5);
    parked->reason = arena_text(arena, "%s", reason);
    return parked->since && parked->reason ? parked : NULL;
}

static int unpack_ask(const rows_t *rows, size_t row, size_t column, arena_t *arena, Tc__RegisterPerson **ask,
                      err_t *err) {
    size_t size;
    const void *packed = row_blob(rows, row, column, &size);
    return message_unpack((ProtobufCMessage **)ask, &tc__register_person__descriptor, packed, size, arena, err);
}

int list_parked(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                err_t *err) {
    (void)request;
    enrollment_t *e = self;
    const Tc__ListParked *ask = (const Tc__ListParked *)message;
    if (ask->limit < 0 || ask->limit > PAGE_MAX)
        return err_field(err, E_OUT_OF_RANGE, "limit", "expected 0 to %d", PAGE_MAX);
    const int32_t limit = ask->limit ? ask->limit : PAGE_DEFAULT;
    cell_t params[] = {cell_text(ask->after), cell_i64(limit)};
    rows_t rows;
    int rc = store_query(e->ctx->store,
                         "SELECT number, person, alike, since_ms, file, row_number, ask FROM parked_person"
                         " WHERE decision = '' AND number > $1 ORDER BY number LIMIT $2",
                         params, COUNT_OF(params), e->ctx->arena, &rows, err);
    if (rc) return rc;
    Tc__ParkedPersons *list = arena_alloc(e->ctx->arena, sizeof *list);
    Tc__ParkedPerson **entries = arena_alloc(e->ctx->arena, (rows.count + 1) * sizeof *entries);
    if (!list || !entries) return err_set(err, E_IO, "out of memory");
    tc__parked_persons__init(list);
    list->parked = entries;
    if ((int32_t)rows.count == limit) list->next = (char *)row_text(&rows, rows.count - 1, 0);
    for (size_t i = 0; rc == 0 && i < rows.count; i++) {
        Tc__RegisterPerson *put_aside;
        rc = unpack_ask(&rows, i, 6, e->ctx->arena, &put_aside, err);
        if (rc || !scope_has_division(e->ctx->scope, put_aside->division)) continue;
        if (!(entries[list->n_parked++] = entry(&rows, i, e->ctx->arena))) return err_set(err, E_IO, "out of memory");
    }
    *reply = &list->base;
    return rc;
}

// ---- what a person decides

// The row as it was put aside, and whom it resembles. E_NOT_FOUND; E_DENIED: of another district; E_EXISTS when it is
// decided.
static int find(enrollment_t *e, const char *number, Tc__RegisterPerson **ask, const char **like, err_t *err) {
    cell_t params[] = {cell_text(number)};
    rows_t rows;
    if (!*number) return err_field(err, E_MISSING_FIELD, "number", "number is missing");
    int rc = store_query(e->ctx->store, "SELECT ask, alike, decision FROM parked_person WHERE number = $1", params,
                         COUNT_OF(params), e->ctx->arena, &rows, err);
    if (rc) return rc;
    if (rows.count == 0) return err_field(err, E_NOT_FOUND, "number", "nothing is put aside under this number");
    if ((rc = unpack_ask(&rows, 0, 0, e->ctx->arena, ask, err))) return rc;
    if ((rc = scope_check_division(e->ctx->scope, (*ask)->division, err))) return rc;
    *like = row_text(&rows, 0, 1);
    if (!*row_text(&rows, 0, 2)) return 0;
    return err_field(err, E_EXISTS, "number", "this was decided already: %s", row_text(&rows, 0, 2));
}

// Registered after all, unless somebody has come to hold the number or the citizen ID in the meantime.
static int register_it(enrollment_t *e, const Tc__RegisterPerson *ask, Tc__PersonState **after, err_t *err) {
    enrollment_rules_t rules = desk_rules(e);
    Tc__PersonState *known = NULL;
    const char *other = NULL;
    int rc = person_register(&rules, ask, after, err);
    if (rc == 0) rc = person_fetch(e->ctx->store, ask->person, e->ctx->arena, &known, err);
    if (rc == 0 && known) rc = err_field(err, E_EXISTS, "number", "its person number is registered by now");
    if (rc == 0) rc = person_by_citizen(e->ctx->store, ask->citizen_id, e->ctx->arena, &other, err);
    if (rc == 0 && other)
        rc = err_field(err, E_EXISTS, "number", "its citizen ID is registered by now, under person number %s", other);
    const person_secrets_t secrets = {ask->citizen_id, ask->name};
    return rc ? rc : desk_register(e, after, &secrets, 1, e->now_ms(), err);
}

int resolve_parked(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                   err_t *err) {
    enrollment_t *e = self;
    const Tc__ResolveParked *ask = (const Tc__ResolveParked *)message;
    bool registers = strcmp(ask->decision, "register") == 0;
    Tc__RegisterPerson *row = NULL;
    Tc__PersonState *state = NULL;
    const char *like = NULL;
    if (!registers && strcmp(ask->decision, "drop") != 0)
        return err_field(err, *ask->decision ? E_INVALID_FIELD : E_MISSING_FIELD, "decision",
                         "decision: expected one of register, drop");
    int rc = find(e, ask->number, &row, &like, err);
    if (rc == 0) rc = registers ? register_it(e, row, &state, err) : desk_find(e, "number", like, &state, err);
    if (rc) return rc;
    const char *caller = request->header.caller ? request->header.caller : "";
    cell_t params[] = {cell_text(ask->number), cell_text(ask->decision), cell_text(caller), cell_i64(e->now_ms())};
    rc = store_exec(e->ctx->store,
                    "UPDATE parked_person SET decision = $2, decided_by = $3, decided_ms = $4 WHERE number = $1",
                    params, COUNT_OF(params), err);
    if (rc == 0) *reply = &state->base;
    return rc;
}
