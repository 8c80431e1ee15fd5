#include "cases.h"
#include "counties.h"
#include <stdlib.h>
#include <string.h>

enum {
    NUMBER,
    PAIR,
    KIND,
    PARTY,
    DAY,
    REFERENCE,
    WHAT,
    HERE,
    THERE,
    OWNER,
    STATE,
    BY_HAND,
    OPENED,
    ENDED,
    TEXT,
    STEPS
};
enum { LIST_DEFAULT = 500, LIST_MAX = 5000 };

static const char open_state[] = "open", explained[] = "explained", settled[] = "settled";

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for cases"); }
static int64_t now_of(const settlement_t *settlement) { return settlement->poster->now_ms(); }

// ---- writing

typedef struct writes {
    settlement_t *settlement;
    const case_scope_t *scope;
    rows_t cases, steps;
    int64_t now_ms;
} writes_t;

static void writes_init(writes_t *writes, settlement_t *settlement, const case_scope_t *scope) {
    *writes = (writes_t){.settlement = settlement, .scope = scope, .now_ms = now_of(settlement)};
    rows_init(&writes->cases, settlement->ctx->arena, CASE_COLUMNS);
    rows_init(&writes->steps, settlement->ctx->arena, CASE_STEP_COLUMNS);
}

// The next step of a case: its row as it will be, and the step.
static int step(writes_t *writes, const cell_t *row, const char *state, const char *owner, const char *text,
                bool by_hand, err_t *err) {
    cell_t *made = rows_add(&writes->cases), *kept = rows_add(&writes->steps);
    if (!made || !kept) return no_memory(err);
    memcpy(made, row, CASE_COLUMNS * sizeof *made);
    const bool ended = strcmp(state, settled) == 0;
    made[OWNER] = cell_text(owner);
    made[STATE] = cell_text(state);
    made[BY_HAND] = cell_i64(by_hand);
    made[ENDED] = cell_i64(ended ? writes->now_ms : 0);
    made[TEXT] = cell_text(text);
    made[STEPS] = cell_i64(row[STEPS].i64 + 1);
    kept[0] = row[NUMBER];
    kept[1] = made[STEPS];
    kept[2] = cell_i64(writes->now_ms);
    kept[3] = cell_text(writes->scope->by);
    kept[4] = cell_text(state);
    kept[5] = cell_text(owner);
    kept[6] = cell_text(text);
    return E_OK;
}

static int write_all(writes_t *writes, err_t *err) {
    store_t *store = writes->settlement->ctx->store;
    int rc = writes->cases.count ? cases_put(store, &writes->cases, err) : E_OK;
    if (!rc && writes->steps.count) rc = case_steps_insert(store, &writes->steps, err);
    return rc;
}

// ---- what a comparison found

static int open_new(writes_t *writes, const case_found_t *found, int64_t number, err_t *err) {
    const case_scope_t *scope = writes->scope;
    const cell_t row[CASE_COLUMNS] = {[NUMBER] = cell_i64(number),
                                      [PAIR] = cell_text(scope->pair),
                                      [KIND] = cell_text(found->kind),
                                      [PARTY] = cell_text(found->party),
                                      [DAY] = cell_text(found->day),
                                      [REFERENCE] = cell_text(found->reference),
                                      [WHAT] = cell_text(found->what),
                                      [HERE] = cell_i64(found->here),
                                      [THERE] = cell_i64(found->there),
                                      [OPENED] = cell_i64(writes->now_ms),
                                      [STEPS] = cell_i64(0)};
    return step(writes, row, open_state, scope->owner, found->text, false, err);
}

// A difference that has a case: nothing, unless its figures moved or it had gone meanwhile.
static int look_again(writes_t *writes, const case_found_t *found, const rows_t *known, size_t i, case_changes_t *out,
                      err_t *err) {
    cell_t row[CASE_COLUMNS];
    const cell_t *cells = rows_at(known, i) + 1; // behind the key
    const char *state = row_text(known, i, 1 + STATE);
    const bool ended = strcmp(state, settled) == 0, by_hand = row_i64(known, i, 1 + BY_HAND);
    const bool same = row_i64(known, i, 1 + HERE) == found->here && row_i64(known, i, 1 + THERE) == found->there;
    if (same && (!ended || by_hand)) return E_OK;
    memcpy(row, cells, sizeof row);
    row[HERE] = cell_i64(found->here);
    row[THERE] = cell_i64(found->there);
    if (ended) {
        row[OPENED] = cell_i64(writes->now_ms);
        out->opened++;
    }
    return step(writes, row, open_state, row_text(known, i, 1 + OWNER), found->text, false, err);
}

static int find_known(writes_t *writes, const case_found_t *found, size_t count, rows_t *known, err_t *err) {
    arena_t *arena = writes->settlement->ctx->arena;
    rows_t keys;
    rows_init(&keys, arena, 6);
    for (size_t i = 0; i < count; i++) {
        cell_t *key = rows_add(&keys);
        if (!key) return no_memory(err);
        key[0] = cell_text(writes->scope->pair);
        key[1] = cell_text(found[i].party);
        key[2] = cell_text(found[i].day);
        key[3] = cell_text(found[i].reference);
        key[4] = cell_text(found[i].what);
        key[5] = cell_text(found[i].kind);
    }
    return cases_find(writes->settlement->ctx->store, &keys, arena, known, err);
}

static int order_of_numbers(const void *a, const void *b) {
    const int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

// What was not settled and is no longer found.
static int settle_gone(writes_t *writes, int64_t *still, size_t still_count, case_changes_t *out, err_t *err) {
    const case_scope_t *scope = writes->scope;
    service_ctx_t *ctx = writes->settlement->ctx;
    rows_t rows;
    if (still_count) qsort(still, still_count, sizeof *still, order_of_numbers);
    int rc = cases_unsettled(ctx->store, scope->pair, scope->party, scope->from, scope->to, CASES_AT_ONCE_MAX + 1,
                             ctx->arena, &rows, err);
    if (!rc && rows.count > CASES_AT_ONCE_MAX) rc = err_set(err, E_TOO_LARGE, "too many cases at once");
    for (size_t i = 0; !rc && i < rows.count; i++) {
        const int64_t number = row_i64(&rows, i, NUMBER);
        const bool found = still_count && bsearch(&number, still, still_count, sizeof *still, order_of_numbers);
        out->open += found;
        if (found || !scope->complete) continue;
        rc = step(writes, rows_at(&rows, i), settled, row_text(&rows, i, OWNER), "the two sides agree now", false, err);
        out->settled++;
    }
    return rc;
}

static int order_of_found(const void *a, const void *b) {
    const case_found_t *left = a, *right = b;
    int order = strcmp(left->party, right->party);
    if (!order) order = strcmp(left->day, right->day);
    if (!order) order = strcmp(left->reference, right->reference);
    if (!order) order = strcmp(left->what, right->what);
    return order ? order : strcmp(left->kind, right->kind);
}

// In the order of their keys, each key once: what stands three times is one case with the sum of what is too much.
static int merge_same(const case_found_t *found, size_t count, arena_t *arena, case_found_t **out, size_t *merged,
                      err_t *err) {
    case_found_t *list = arena_alloc(arena, (count + 1) * sizeof *list);
    size_t kept = 0;
    if (!list) return no_memory(err);
    if (count) memcpy(list, found, count * sizeof *list);
    if (count) qsort(list, count, sizeof *list, order_of_found);
    for (size_t i = 0; i < count; i++) {
        if (!kept || order_of_found(&list[kept - 1], &list[i]) != 0)
            list[kept++] = list[i];
        else if (fen_add(list[kept - 1].here, list[i].here, &list[kept - 1].here) ||
                 fen_add(list[kept - 1].there, list[i].there, &list[kept - 1].there))
            return err_set(err, E_OUT_OF_RANGE, "the amounts of one difference overflow");
    }
    *out = list;
    *merged = kept;
    return E_OK;
}

int cases_update(settlement_t *settlement, const case_scope_t *scope, const case_found_t *all, size_t all_count,
                 case_changes_t *out, err_t *err) {
    service_ctx_t *ctx = settlement->ctx;
    writes_t writes;
    rows_t known;
    int64_t next;
    case_found_t *found = NULL;
    size_t count = 0, still_count = 0;
    *out = (case_changes_t){0};
    if (all_count > CASES_AT_ONCE_MAX)
        return err_set(err, E_TOO_LARGE, "more than %d differences at once", CASES_AT_ONCE_MAX);
    int rc = merge_same(all, all_count, ctx->arena, &found, &count, err);
    if (rc) return rc;
    int64_t *still = arena_alloc(ctx->arena, (count + 1) * sizeof *still);
    writes_init(&writes, settlement, scope);
    rc = still ? find_known(&writes, found, count, &known, err) : no_memory(err);
    if (!rc) rc = cases_next(ctx->store, ctx->arena, &next, err);
    for (size_t i = 0, k = 0; !rc && i < count; i++) {
        if (k < known.count && row_i64(&known, k, 0) == (int64_t)i) {
            still[still_count++] = row_i64(&known, k, 1 + NUMBER);
            rc = look_again(&writes, &found[i], &known, k++, out, err);
        } else {
            rc = open_new(&writes, &found[i], next++, err);
            out->opened++;
        }
    }
    if (!rc) rc = settle_gone(&writes, still, still_count, out, err);
    if (rc) return rc;
    out->open += out->opened;
    return write_all(&writes, err);
}

// ---- telling

static int64_t age_of(const settlement_t *settlement, const rows_t *rows, size_t i) {
    const int64_t ended = row_i64(rows, i, ENDED);
    return date_of_ms(ended ? ended : now_of(settlement)) - date_of_ms(row_i64(rows, i, OPENED));
}

static Tc__ReconcileCase *case_of(const settlement_t *settlement, const rows_t *rows, size_t i) {
    char day[DATE_TEXT_MAX];
    arena_t *arena = settlement->ctx->arena;
    Tc__ReconcileCase *made = arena_alloc(arena, sizeof *made);
    if (!made) return NULL;
    tc__reconcile_case__init(made);
    made->number = row_i64(rows, i, NUMBER);
    made->pair = (char *)row_text(rows, i, PAIR);
    made->kind = (char *)row_text(rows, i, KIND);
    made->party = (char *)row_text(rows, i, PARTY);
    made->day = (char *)row_text(rows, i, DAY);
    made->reference = (char *)row_text(rows, i, REFERENCE);
    made->what = (char *)row_text(rows, i, WHAT);
    made->here_fen = row_i64(rows, i, HERE);
    made->there_fen = row_i64(rows, i, THERE);
    made->owner = (char *)row_text(rows, i, OWNER);
    made->state = (char *)row_text(rows, i, STATE);
    made->text = (char *)row_text(rows, i, TEXT);
    made->opened_on = arena_text(arena, "%s", date_format(date_of_ms(row_i64(rows, i, OPENED)), day));
    made->age_days = age_of(settlement, rows, i);
    return made->opened_on ? made : NULL;
}

int cases_tell(settlement_t *settlement, const Tc__ListCases *ask, int64_t limit, Tc__ReconcileCase ***out,
               size_t *count, int64_t *next, err_t *err) {
    service_ctx_t *ctx = settlement->ctx;
    rows_t rows;
    int rc = cases_list(ctx->store, ask, limit, ctx->arena, &rows, err);
    if (rc) return rc;
    *out = arena_alloc(ctx->arena, (rows.count + 1) * sizeof **out);
    if (!*out) return no_memory(err);
    *count = 0;
    if (next && (int64_t)rows.count == limit) *next = row_i64(&rows, rows.count - 1, NUMBER);
    for (size_t i = 0; i < rows.count; i++) {
        if (!counties_has_party(settlement, row_text(&rows, i, PAIR), row_text(&rows, i, PARTY))) continue;
        if (!((*out)[(*count)++] = case_of(settlement, &rows, i))) return no_memory(err);
    }
    return E_OK;
}

int cases_get_list(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                   err_t *err) {
    settlement_t *settlement = self;
    const Tc__ListCases *ask = (const Tc__ListCases *)message;
    const int64_t limit = ask->limit ? ask->limit : LIST_DEFAULT;
    Tc__ReconcileCases *answer = arena_alloc(settlement->ctx->arena, sizeof *answer);
    (void)request;
    if (!answer) return no_memory(err);
    if (limit < 1 || limit > LIST_MAX)
        return err_field(err, E_OUT_OF_RANGE, "limit", "limit must be 1 to %d", LIST_MAX);
    tc__reconcile_cases__init(answer);
    int rc = cases_tell(settlement, ask, limit, &answer->cases, &answer->n_cases, &answer->next, err);
    *reply = &answer->base;
    return rc;
}

static int tell_history(settlement_t *settlement, Tc__ReconcileCase *made, err_t *err) {
    service_ctx_t *ctx = settlement->ctx;
    rows_t rows;
    int rc = case_steps_read(ctx->store, made->number, ctx->arena, &rows, err);
    if (rc) return rc;
    made->history = arena_alloc(ctx->arena, (rows.count + 1) * sizeof *made->history);
    Tc__CaseStep *steps = arena_alloc(ctx->arena, (rows.count + 1) * sizeof *steps);
    if (!made->history || !steps) return no_memory(err);
    for (size_t i = 0; i < rows.count; i++) {
        tc__case_step__init(&steps[i]);
        steps[i].at_ms = row_i64(&rows, i, 0);
        steps[i].by = (char *)row_text(&rows, i, 1);
        steps[i].state = (char *)row_text(&rows, i, 2);
        steps[i].owner = (char *)row_text(&rows, i, 3);
        steps[i].text = (char *)row_text(&rows, i, 4);
        made->history[made->n_history++] = &steps[i];
    }
    return E_OK;
}

static int read_case(settlement_t *settlement, int64_t number, rows_t *rows, err_t *err) {
    service_ctx_t *ctx = settlement->ctx;
    int rc = case_read(ctx->store, number, ctx->arena, rows, err);
    if (!rc && !rows->count) rc = err_field(err, E_NOT_FOUND, "number", "there is no case %lld", (long long)number);
    if (!rc && !counties_has_party(settlement, row_text(rows, 0, PAIR), row_text(rows, 0, PARTY)))
        rc = err_field(err, E_DENIED, "number", "this key works for other districts or facilities only");
    return rc;
}

static int tell_case(settlement_t *settlement, const rows_t *rows, ProtobufCMessage **reply, err_t *err) {
    Tc__ReconcileCase *made = case_of(settlement, rows, 0);
    int rc = made ? tell_history(settlement, made, err) : no_memory(err);
    if (!rc) *reply = &made->base;
    return rc;
}

int case_get(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
             err_t *err) {
    rows_t rows;
    (void)request;
    int rc = read_case(self, ((const Tc__GetCase *)message)->number, &rows, err);
    return rc ? rc : tell_case(self, &rows, reply, err);
}

// ---- what a clerk says

static bool may_move(const char *from, const char *to) {
    static const char *const moves[][2] = {{open_state, explained},
                                           {open_state, settled},
                                           {explained, settled},
                                           {explained, open_state},
                                           {settled, open_state}};
    for (size_t i = 0; i < COUNT_OF(moves); i++)
        if (strcmp(moves[i][0], from) == 0 && strcmp(moves[i][1], to) == 0) return true;
    return false;
}

static int check_change(const Tc__ChangeCase *ask, const rows_t *rows, err_t *err) {
    const char *state = row_text(rows, 0, STATE);
    if (!*ask->state && !*ask->owner)
        return err_field(err, E_MISSING_FIELD, "state", "a state or an owner was expected");
    if (strlen(ask->owner) > CASE_OWNER_BYTES_MAX || strlen(ask->text) > CASE_TEXT_BYTES_MAX)
        return err_field(err, E_TOO_LARGE, "text", "an owner has at most %d bytes, a text %d", CASE_OWNER_BYTES_MAX,
                         CASE_TEXT_BYTES_MAX);
    if (!*ask->state) return E_OK;
    if (!*ask->text) return err_field(err, E_MISSING_FIELD, "text", "text: why was expected");
    if (may_move(state, ask->state)) return E_OK;
    return err_field(err, E_INVALID_FIELD, "state", "a case that is %s becomes no %.20s one", state, ask->state);
}

int case_change(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                err_t *err) {
    settlement_t *settlement = self;
    const Tc__ChangeCase *ask = (const Tc__ChangeCase *)message;
    const case_scope_t scope = {.by = request->header.caller ? request->header.caller : ""};
    writes_t writes;
    rows_t rows;
    int rc = read_case(settlement, ask->number, &rows, err);
    if (!rc) rc = check_change(ask, &rows, err);
    if (rc) return rc;
    writes_init(&writes, settlement, &scope);
    const char *state = *ask->state ? ask->state : row_text(&rows, 0, STATE);
    rc = step(&writes, rows_at(&rows, 0), state, *ask->owner ? ask->owner : row_text(&rows, 0, OWNER),
              *ask->text ? ask->text : row_text(&rows, 0, TEXT), strcmp(state, settled) == 0, err);
    if (!rc) rc = write_all(&writes, err);
    if (!rc) rc = read_case(settlement, ask->number, &rows, err);
    return rc ? rc : tell_case(settlement, &rows, reply, err);
}
