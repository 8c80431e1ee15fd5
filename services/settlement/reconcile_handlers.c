#include "reconcile_handlers.h"
#include <string.h>

enum { DIFFERENCES_MAX = 2000, REASON_MAX = 200 };

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for a comparison"); }

// ---- what a comparison said

static int check_record(const Tc__RecordComparison *ask, err_t *err) {
    date_t from, to;
    if (strcmp(ask->pair, "business") != 0 && strcmp(ask->pair, "facility") != 0)
        return err_field(err, E_INVALID_FIELD, "pair", "pair: business or facility was expected");
    if (date_parse(ask->from, &from) || date_parse(ask->to, &to) || from > to)
        return err_field(err, E_INVALID_FIELD, "from", "from and to: two days in order were expected");
    if (!ask->here || !ask->there)
        return err_field(err, E_MISSING_FIELD, ask->here ? "there" : "here", "the totals of both sides were expected");
    if (ask->n_differences > DIFFERENCES_MAX)
        return err_field(err, E_TOO_LARGE, "differences", "at most %d differences at once", DIFFERENCES_MAX);
    if (strlen(ask->party) > DIGEST_TEXT_MAX || strlen(ask->owner) > CASE_OWNER_BYTES_MAX)
        return err_field(err, E_TOO_LARGE, "party", "a party has at most %d bytes, an owner %d", DIGEST_TEXT_MAX,
                         CASE_OWNER_BYTES_MAX);
    return E_OK;
}

static bool is_kind(const char *kind) {
    for (difference_kind_t i = 0; i < DIFFERENCE__COUNT; i++)
        if (strcmp(difference_name(i), kind) == 0) return true;
    return false;
}

static int take_difference(const Tc__RecordComparison *ask, const Tc__Difference *difference, case_found_t *out,
                           err_t *err) {
    const Tc__DigestRow *row = difference->here ? difference->here : difference->there;
    digest_row_t read;
    if (!row || !is_kind(difference->kind) || strlen(difference->reason) > REASON_MAX)
        return err_field(err, E_INVALID_FIELD, "differences",
                         "a difference has a known kind, a row, and a reason of"
                         " at most %d bytes",
                         REASON_MAX);
    int rc = difference->here ? row_read(difference->here, &read, err) : E_OK;
    if (!rc && difference->there) rc = row_read(difference->there, &read, err);
    if (rc) return rc;
    if (strcmp(row->day, ask->from) < 0 || strcmp(row->day, ask->to) > 0)
        return err_field(err, E_OUT_OF_RANGE, "differences", "a difference lies outside the days that were compared");
    if (*ask->party && strcmp(row->party, ask->party) != 0)
        return err_field(err, E_INVALID_FIELD, "differences", "a difference is of another party");
    *out = (case_found_t){.kind = difference->kind,
                          .party = row->party,
                          .day = row->day,
                          .reference = row->reference,
                          .what = row->kind,
                          .text = difference->reason,
                          .here = difference->here ? difference->here->amount_fen : 0,
                          .there = difference->there ? difference->there->amount_fen : 0};
    return E_OK;
}

static int write_comparison(settlement_t *settlement, const Tc__RecordComparison *ask, int64_t number, err_t *err) {
    const cell_t cells[COMPARISON_COLUMNS] = {cell_i64(number),
                                              cell_text(ask->pair),
                                              cell_text(ask->party),
                                              cell_text(ask->from),
                                              cell_text(ask->to),
                                              cell_i64(ask->here->count),
                                              cell_i64(ask->here->amount_fen),
                                              cell_i64(ask->there->count),
                                              cell_i64(ask->there->amount_fen),
                                              cell_i64((int64_t)ask->n_differences),
                                              cell_i64(ask->more),
                                              cell_i64(settlement->poster->now_ms())};
    rows_t row;
    rows_init(&row, settlement->ctx->arena, COMPARISON_COLUMNS);
    cell_t *made = rows_add(&row);
    if (!made) return no_memory(err);
    memcpy(made, cells, sizeof cells);
    return comparison_insert(settlement->ctx->store, &row, err);
}

int comparison_record(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                      err_t *err) {
    settlement_t *settlement = self;
    service_ctx_t *ctx = settlement->ctx;
    const Tc__RecordComparison *ask = (const Tc__RecordComparison *)message;
    const case_scope_t scope = {.pair = ask->pair,
                                .owner = *ask->owner   ? ask->owner
                                         : *ask->party ? ask->party
                                                       : ask->pair,
                                .party = ask->party,
                                .from = ask->from,
                                .to = ask->to,
                                .by = request->header.caller ? request->header.caller : "",
                                .complete = !ask->more};
    Tc__Recorded *answer = arena_alloc(ctx->arena, sizeof *answer);
    case_found_t *found = arena_alloc(ctx->arena, (ask->n_differences + 1) * sizeof *found);
    case_changes_t changes;
    if (!answer || !found) return no_memory(err);
    tc__recorded__init(answer);
    int rc = check_record(ask, err);
    for (size_t i = 0; !rc && i < ask->n_differences; i++)
        rc = take_difference(ask, ask->differences[i], &found[i], err);
    if (!rc) rc = comparison_next(ctx->store, ctx->arena, &answer->comparison, err);
    if (!rc) rc = cases_update(settlement, &scope, found, ask->n_differences, &changes, err);
    if (!rc) rc = write_comparison(settlement, ask, answer->comparison, err);
    if (rc) return rc;
    answer->opened = changes.opened;
    answer->settled = changes.settled;
    answer->open = changes.open;
    *reply = &answer->base;
    return E_OK;
}

// ---- do the books agree?

// What is open: how many, and Σ theirs less ours.
static int open_differences(settlement_t *settlement, const reconcile_scope_t *scope, const char *party, int64_t *count,
                            fen_t *sum, err_t *err) {
    const service_ctx_t *ctx = settlement->ctx;
    const cell_t params[] = {cell_text(scope->pair), cell_text(party), cell_text(scope->from), cell_text(scope->to)};
    rows_t rows;
    int rc = store_query(ctx->store,
                         "SELECT COUNT(*), CAST(COALESCE(SUM(there_fen - here_fen), 0) AS BIGINT) FROM difference_case"
                         " WHERE state = 'open' AND pair = $1 AND ($2 = '' OR party = $2) AND day >= $3 AND day <= $4",
                         params, COUNT_OF(params), ctx->arena, &rows, err);
    if (rc) return rc;
    *count = row_i64(&rows, 0, 0);
    *sum = row_i64(&rows, 0, 1);
    return E_OK;
}

// Every day of the scope lies in a statement that was matched.
static int check_covered(settlement_t *settlement, const reconcile_scope_t *scope, const char *party, err_t *err) {
    const service_ctx_t *ctx = settlement->ctx;
    date_t next, from, to, last;
    rows_t rows;
    if (date_parse(scope->from, &next) || date_parse(scope->to, &last))
        return err_field(err, E_INVALID_FIELD, "from", "from and to: two days were expected");
    int rc = bank_statements_of(ctx->store, scope->pair, party, scope->from, scope->to, ctx->arena, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++) {
        if (strcmp(row_text(&rows, i, 3), "matched") != 0) continue;
        if (date_parse(row_text(&rows, i, 1), &from) || date_parse(row_text(&rows, i, 2), &to))
            return err_set(err, E_STORE, "the days of a statement cannot be read");
        if (from <= next && to >= next) next = to + 1;
    }
    if (rc || next > last) return rc;
    char day[DATE_TEXT_MAX];
    return err_field(err, E_NOT_FOUND, "from", "no matched %.16s statement of %.64s covers %s", scope->pair, party,
                     date_format(next, day));
}

static int statement_figures(settlement_t *settlement, const reconcile_scope_t *scope, const char **party, fen_t *ours,
                             err_t *err) {
    const service_ctx_t *ctx = settlement->ctx;
    fen_t statement;
    int rc = books_party(settlement, scope->party, scope->county, party, err);
    if (!rc) rc = check_covered(settlement, scope, *party, err);
    if (!rc) rc = bank_sum(ctx->store, scope->pair, *party, scope->from, scope->to, ctx->arena, &statement, ours, err);
    return rc;
}

static int comparison_figures(settlement_t *settlement, const reconcile_scope_t *scope, fen_t *ours, fen_t *theirs,
                              bool *more, err_t *err) {
    const service_ctx_t *ctx = settlement->ctx;
    rows_t rows;
    int rc = comparison_newest(ctx->store, scope->pair, scope->party, scope->from, scope->to, ctx->arena, &rows, err);
    if (!rc && !rows.count)
        rc = err_field(err, E_NOT_FOUND, "from", "%.16s was not compared for %.10s to %.10s", scope->pair, scope->from,
                       scope->to);
    if (rc) return rc;
    *ours = row_i64(&rows, 0, 0);
    *theirs = row_i64(&rows, 0, 1);
    *more = row_i64(&rows, 0, 3);
    return E_OK;
}

int reconcile_agrees(settlement_t *settlement, const reconcile_scope_t *scope, reconcile_sides_t *out, err_t *err) {
    const bool compared = strcmp(scope->pair, "business") == 0 || strcmp(scope->pair, "facility") == 0;
    const char *party = scope->party;
    reconcile_sides_t sides = {0};
    fen_t open;
    bool more = false;
    int rc = compared ? comparison_figures(settlement, scope, &sides.ours, &sides.theirs, &more, err)
                      : statement_figures(settlement, scope, &party, &sides.ours, err);
    if (!rc) rc = open_differences(settlement, scope, party, &sides.open, &open, err);
    if (!rc && !more && fen_add(sides.ours, open, &sides.theirs))
        rc = err_set(err, E_OUT_OF_RANGE, "the differences overflow");
    if (!rc) *out = sides;
    return rc;
}

int reconcile_knows(settlement_t *settlement, const reconcile_scope_t *scope, bool *out, err_t *err) {
    const char *party;
    rows_t rows;
    int rc = books_party(settlement, scope->party, scope->county, &party, err);
    if (!rc) rc = books_catch_up(settlement, err);
    if (rc) return rc;
    const cell_t params[] = {cell_text(party), cell_text(scope->to)};
    rc = store_query(settlement->ctx->store,
                     "SELECT 1 WHERE EXISTS (SELECT 1 FROM standing WHERE book = 'money' AND party = $1 AND day <= $2)"
                     " OR EXISTS (SELECT 1 FROM bank_statement WHERE party = $1 AND from_day <= $2)",
                     params, COUNT_OF(params), settlement->ctx->arena, &rows, err);
    if (!rc) *out = rows.count > 0;
    return rc;
}
