#include "targets.h"
#include "common/policy/tables.h"
#include "target_report.h"
#include <string.h>

enum { DOCUMENT_MAX = 200 };

static int out_of_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

static const char *const kind_names[] = {"insured", "collected", "raised"};
const char *target_kind_name(target_kind_t kind) { return kind_names[kind]; }

static int kind_from_name(const char *name) {
    for (int kind = 0; kind < TARGET__COUNT; kind++)
        if (strcmp(kind_names[kind], name) == 0) return kind;
    return -1;
}

// ---- what is asked

static bool in_lines(const lines_t *lines, const char *item) {
    for (uint32_t i = 0; i < lines->count; i++)
        if (strcmp(lines->items[i].item, item) == 0) return true;
    return false;
}

static bool is_item(const policy_t *policy, const char *item) {
    return in_lines(&policy->monthly, item) || in_lines(&policy->yearly, item);
}

static int check_whose(const Tc__SetTarget *ask, int kind, const policy_t *policy, err_t *err) {
    if (*ask->division && !policy_has_division(policy, ask->division))
        return err_field(err, E_NOT_FOUND, "division", "there is no district %.10s in this city", ask->division);
    if (kind != TARGET_RAISED && (*ask->tier || *ask->item))
        return err_field(err, E_INVALID_FIELD, *ask->tier ? "tier" : "item", "tier and item go with what is raised");
    if (*ask->tier && strcmp(ask->tier, "city") != 0 && strcmp(ask->tier, "county") != 0)
        return err_field(err, E_INVALID_FIELD, "tier", "tier: expected city or county, or nothing");
    if (*ask->item && !is_item(policy, ask->item))
        return err_field(err, E_NOT_FOUND, "item", "nothing is contributed for %.40s in this city", ask->item);
    return 0;
}

static int check_number(const Tc__SetTarget *ask, int kind, err_t *err) {
    const bool persons = kind == TARGET_INSURED;
    const char *field = persons ? "persons" : "amount";
    const Tc__SetTarget__TargetGivenCase wanted =
        persons ? TC__SET_TARGET__TARGET_GIVEN_PERSONS : TC__SET_TARGET__TARGET_GIVEN_AMOUNT_FEN;
    if (ask->target_given_case != wanted) return err_field(err, E_MISSING_FIELD, field, "%s is missing", field);
    const int64_t number = persons ? ask->persons : ask->amount_fen;
    if (number <= 0 || number > MONEY_MAX)
        return err_field(err, E_OUT_OF_RANGE, field, "%s: a target is above 0 and at most %s", field,
                         persons ? "1000000000000" : "10000000000.00");
    return 0;
}

static int check_ask(const Tc__SetTarget *ask, const policy_t *policy, err_t *err) {
    const int kind = kind_from_name(ask->kind);
    if (!*ask->kind) return err_field(err, E_MISSING_FIELD, "kind", "kind is missing");
    if (kind < 0) return err_field(err, E_INVALID_FIELD, "kind", "kind: expected insured, collected or raised");
    if (!date_valid(ask->year, 1, 1)) return err_field(err, E_INVALID_FIELD, "year", "year: expected 1900 to 2199");
    int rc = check_whose(ask, kind, policy, err);
    if (rc == 0) rc = check_number(ask, kind, err);
    if (rc == 0 && !*ask->document)
        rc = err_field(err, E_MISSING_FIELD, "document", "document is missing: what sets the target");
    if (rc == 0 && strlen(ask->document) > DOCUMENT_MAX)
        rc = err_field(err, E_TOO_LARGE, "document", "document: at most %d bytes", DOCUMENT_MAX);
    return rc;
}

// ---- rows

static int unpack(collection_t *c, const rows_t *rows, size_t row, Tc__Target **out, err_t *err) {
    size_t size;
    const void *body = row_blob(rows, row, 0, &size);
    return message_unpack((ProtobufCMessage **)out, &tc__target__descriptor, body, size, c->ctx->arena, err);
}

// NULL: none is set.
static int newest(collection_t *c, const Tc__SetTarget *ask, Tc__Target **out, err_t *err) {
    const cell_t params[] = {cell_i64(ask->year), cell_text(ask->kind), cell_text(ask->division), cell_text(ask->tier),
                             cell_text(ask->item)};
    rows_t rows;
    *out = NULL;
    int rc = store_query(c->ctx->store,
                         "SELECT body FROM target WHERE year = $1 AND kind = $2 AND division = $3 AND tier = $4"
                         " AND item = $5 ORDER BY number DESC LIMIT 1",
                         params, COUNT_OF(params), c->ctx->arena, &rows, err);
    return rc || rows.count == 0 ? rc : unpack(c, &rows, 0, out, err);
}

int targets_of_year(collection_t *c, int year, target_list_t *out, err_t *err) {
    const cell_t params[] = {cell_i64(year), cell_i64(TARGETS_OF_YEAR_MAX)};
    rows_t rows;
    int rc = store_query(c->ctx->store,
                         "SELECT body FROM target WHERE year = $1 ORDER BY kind, division, tier, item, number LIMIT $2",
                         params, COUNT_OF(params), c->ctx->arena, &rows, err);
    *out = (target_list_t){0};
    if (rc) return rc;
    if (!(out->items = arena_alloc(c->ctx->arena, (rows.count + 1) * sizeof *out->items))) return out_of_memory(err);
    for (; rc == 0 && out->count < rows.count; out->count++)
        rc = unpack(c, &rows, out->count, &out->items[out->count], err);
    return rc;
}

// ---- setting

static int check_room(collection_t *c, int year, err_t *err) {
    const cell_t params[] = {cell_i64(year)};
    rows_t rows;
    int rc = store_query(c->ctx->store, "SELECT count(*) FROM target WHERE year = $1", params, COUNT_OF(params),
                         c->ctx->arena, &rows, err);
    if (rc || row_i64(&rows, 0, 0) < TARGETS_OF_YEAR_MAX) return rc;
    return err_field(err, E_TOO_LARGE, "year", "targets of %d were set %d times already", year, TARGETS_OF_YEAR_MAX);
}

static int keep(collection_t *c, const Tc__Target *target, err_t *err) {
    size_t size;
    void *body = message_pack(&target->base, c->ctx->arena, &size);
    if (!body) return out_of_memory(err);
    const cell_t params[] = {cell_i64(target->year),  cell_text(target->kind), cell_text(target->division),
                             cell_text(target->tier), cell_text(target->item), cell_i64(target->number),
                             cell_blob(body, size)};
    return store_exec(c->ctx->store,
                      "INSERT INTO target (year, kind, division, tier, item, number, body) VALUES ($1, $2, $3, $4, $5,"
                      " $6, $7)",
                      params, COUNT_OF(params), err);
}

static Tc__Target *target_of(collection_t *c, const Tc__SetTarget *ask, const Tc__Target *before, const char *by) {
    Tc__Target *target = arena_alloc(c->ctx->arena, sizeof *target);
    if (!target) return NULL;
    tc__target__init(target);
    target->kind = ask->kind;
    target->year = ask->year;
    target->division = ask->division;
    target->tier = ask->tier;
    target->item = ask->item;
    target->number = before ? before->number + 1 : 1;
    if (strcmp(ask->kind, kind_names[TARGET_INSURED]) == 0)
        target->persons = ask->persons;
    else
        target->amount_fen = ask->amount_fen;
    target->document = ask->document;
    target->set_by = (char *)(uintptr_t)(by ? by : "");
    target->set_ms = clock_now_ms();
    return target;
}

int targets_set(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                err_t *err) {
    collection_t *c = self;
    const Tc__SetTarget *ask = (const Tc__SetTarget *)message;
    Tc__Target *before, *target;
    int rc = check_ask(ask, c->env.policy, err);
    if (rc == 0) rc = newest(c, ask, &before, err);
    if (rc) return rc;
    if (!(target = target_of(c, ask, before, request->header.caller))) return out_of_memory(err);
    if (before && before->persons == target->persons && before->amount_fen == target->amount_fen &&
        strcmp(before->document, target->document) == 0) {
        *reply = &before->base;
        return 0;
    }
    rc = check_room(c, ask->year, err);
    if (rc == 0) rc = keep(c, target, err);
    if (rc == 0) *reply = &target->base;
    return rc;
}

// ---- asking

int targets_get(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                err_t *err) {
    (void)request;
    collection_t *c = self;
    const Tc__GetTargets *ask = (const Tc__GetTargets *)message;
    if (!date_valid(ask->year, 1, 1)) return err_field(err, E_INVALID_FIELD, "year", "year: expected 1900 to 2199");
    const date_t today = date_of_ms(clock_now_ms()), end = date_make(ask->year, 12, 31);
    target_ask_t what = {ask->year, today < end ? today : end, today, ask->history};
    if (*ask->as_of && date_parse(ask->as_of, &what.as_of))
        return err_field(err, E_INVALID_FIELD, "as_of", "as_of: expected a date like 2018-03-01");
    if (*ask->as_of) what.late_on = what.as_of;
    return target_report(c, &what, (Tc__Targets **)reply, err);
}
