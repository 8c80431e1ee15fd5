// What clerks decide about a facility: the terms of its agreement for a year, money taken back of a bill, the yearly
// evaluation. Each takes effect with the next statement that is drawn up.
#include "dues_lines.h"
#include "dues_store.h"
#include "statement_sheet.h"
#include "statements.h"
#include "common/base/ids.h"
#include <string.h>

enum { YEAR_FIRST = 1990, YEAR_LAST = 2199 };

static int check_year(int32_t year, err_t *err) {
    if (year >= YEAR_FIRST && year <= YEAR_LAST) return 0;
    return err_field(err, E_OUT_OF_RANGE, "year", "a year was expected, like 2021");
}

static int check_share(const char *field, int32_t share, err_t *err) {
    if (share >= 0 && share <= RATE_ONE) return 0;
    return err_field(err, E_OUT_OF_RANGE, field, "a share from 0 to 1 was expected");
}

// ---- terms

static int terms_message(settlement_t *settlement, const char *facility, int year, Tc__FacilityTerms **out,
                         err_t *err) {
    service_ctx_t *ctx = settlement->ctx;
    statement_terms_t terms;
    rows_t found;
    Tc__FacilityTerms *said = arena_alloc(ctx->arena, sizeof *said);
    char *reference = arena_text(ctx->arena, "quality:%d", year);
    if (!said || !reference) return dues_no_memory(err);
    tc__facility_terms__init(said);
    int rc = statement_terms_read(settlement, facility, year, date_make(year, 12, 31), &terms, err);
    if (!rc) rc = dues_held(ctx->store, facility, reference, ctx->arena, &found, err);
    for (size_t i = 0; !rc && i < found.count; i++)
        if (fen_add(said->held_fen, row_i64(&found, i, 4), &said->held_fen))
            rc = err_field(err, E_OUT_OF_RANGE, "held", "the amounts overflow");
    if (!rc) rc = dues_statement_before(ctx->store, facility, month_make(year + 1, 1), ctx->arena, &found, err);
    if (rc) return rc;
    if (found.count && month_year((month_t)row_i64(&found, 0, 0)) == year) said->used_fen = row_i64(&found, 0, 1);
    said->facility = (char *)facility, said->year = year;
    said->hold_ppm = terms.hold, said->budget_fen = terms.budget, said->warn_ppm = terms.warn;
    said->paper = (char *)terms.paper, said->by = (char *)terms.by;
    said->warned =
        terms.budget > 0 && terms.warn > 0 && (wide_t)said->used_fen * RATE_ONE >= (wide_t)terms.budget * terms.warn;
    *out = said;
    return 0;
}

static int check_terms(const Tc__SetTerms *ask, err_t *err) {
    int rc = check_year(ask->year, err);
    if (!rc && ask->hold_given_case) rc = check_share("hold", ask->hold_ppm, err);
    if (!rc && ask->warn_given_case) rc = check_share("warn", ask->warn_ppm, err);
    if (!rc && ask->budget_given_case && ask->budget_fen < 0)
        rc = err_field(err, E_OUT_OF_RANGE, "budget", "a budget is not below 0.00");
    if (!rc && !ask->hold_given_case && !ask->warn_given_case && !ask->budget_given_case)
        rc = err_field(err, E_MISSING_FIELD, "hold", "nothing is said: hold, budget or warn was expected");
    return rc ? rc : dues_text("paper", ask->paper, true, err);
}

static int put_terms(settlement_t *settlement, const Tc__SetTerms *ask, const char *by, err_t *err) {
    service_ctx_t *ctx = settlement->ctx;
    rows_t rows, found;
    int rc = dues_terms_find(ctx->store, ask->facility, ask->year, ctx->arena, &found, err);
    if (rc) return rc;
    rows_init(&rows, ctx->arena, DUES_TERMS_COLUMNS);
    cell_t *row = rows_add(&rows);
    if (!row) return dues_no_memory(err);
    const int64_t hold = found.count ? row_i64(&found, 0, 0) : HOLD_BY_CITY;
    const int64_t budget = found.count ? row_i64(&found, 0, 1) : 0, warn = found.count ? row_i64(&found, 0, 2) : 0;
    const cell_t cells[DUES_TERMS_COLUMNS] = {cell_text(ask->facility),
                                              cell_i64(ask->year),
                                              cell_i64(ask->hold_given_case ? ask->hold_ppm : hold),
                                              cell_i64(ask->budget_given_case ? ask->budget_fen : budget),
                                              cell_i64(ask->warn_given_case ? ask->warn_ppm : warn),
                                              cell_text(ask->paper),
                                              cell_text(by)};
    memcpy(row, cells, sizeof cells);
    return dues_terms_put(ctx->store, &rows, err);
}

int terms_set(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
              err_t *err) {
    settlement_t *settlement = self;
    const Tc__SetTerms *ask = (const Tc__SetTerms *)message;
    Tc__FacilityTerms *said;
    int rc = dues_facility(request, ask->facility, err);
    if (!rc) rc = check_terms(ask, err);
    if (!rc) rc = put_terms(settlement, ask, request->header.caller, err);
    if (!rc) rc = terms_message(settlement, ask->facility, ask->year, &said, err);
    if (!rc) *reply = &said->base;
    return rc;
}

int terms_get(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
              err_t *err) {
    const Tc__GetTerms *ask = (const Tc__GetTerms *)message;
    Tc__FacilityTerms *said;
    int rc = dues_facility(request, ask->facility, err);
    if (!rc) rc = check_year(ask->year, err);
    if (!rc) rc = terms_message(self, ask->facility, ask->year, &said, err);
    if (!rc) *reply = &said->base;
    return rc;
}

// ---- money taken back

// Of the bill: what the pool paid by all of its lines, and what is decided so far.
static int bill_so_far(settlement_t *settlement, const Tc__Recover *ask, fen_t *paid, fen_t *decided, err_t *err) {
    service_ctx_t *ctx = settlement->ctx;
    rows_t found;
    int rc = dues_lines_of_bill(ctx->store, ask->facility, ask->bill, ctx->arena, &found, err);
    if (rc) return rc;
    if (!found.count) return err_field(err, E_NOT_FOUND, "bill", "the fund paid nothing of this bill to this facility");
    *paid = *decided = 0;
    for (size_t i = 0; i < found.count; i++)
        if (statement_pays(settlement, row_text(&found, i, 6), dues_today(settlement)) &&
            fen_add(*paid, row_i64(&found, i, 9), paid))
            return err_field(err, E_OUT_OF_RANGE, "amount", "the amounts overflow");
    rc = dues_recoveries(ctx->store, ask->facility, ask->bill, 1, ctx->arena, &found, err);
    if (!rc && found.count) *decided = row_i64(&found, 0, 1);
    return rc;
}

static int insert_recovery(settlement_t *settlement, const Tc__Recover *ask, const request_t *request, err_t *err) {
    service_ctx_t *ctx = settlement->ctx;
    rows_t rows;
    rows_init(&rows, ctx->arena, DUES_RECOVERY_COLUMNS);
    cell_t *row = rows_add(&rows);
    if (!row) return dues_no_memory(err);
    const cell_t cells[DUES_RECOVERY_COLUMNS] = {cell_text(request->header.request_id),
                                                 cell_text(ask->facility),
                                                 cell_text(ask->bill),
                                                 cell_i64(ask->amount_fen),
                                                 cell_text(ask->reason),
                                                 cell_text(request->header.caller),
                                                 cell_i64(settlement->poster->now_ms())};
    memcpy(row, cells, sizeof cells);
    int rc = dues_recovery_insert(ctx->store, &rows, err);
    return rc ? rc : dues_facility_pending(ctx->store, ask->facility, err);
}

static int check_recovery(const Tc__Recover *ask, fen_t paid, fen_t decided, err_t *err) {
    char amount[FEN_TEXT_MAX], of[FEN_TEXT_MAX], already[FEN_TEXT_MAX];
    fen_t sum;
    if (ask->amount_fen <= 0) return err_field(err, E_OUT_OF_RANGE, "amount", "an amount above 0.00 was expected");
    if (fen_add(decided, ask->amount_fen, &sum) == 0 && sum <= paid) return 0;
    return err_field(err, E_OUT_OF_RANGE, "amount",
                     "%s is more than the fund paid of the bill: %s, of which %s is"
                     " taken back already",
                     fen_format(ask->amount_fen, amount), fen_format(paid, of), fen_format(decided, already));
}

int terms_recover(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                  err_t *err) {
    settlement_t *settlement = self;
    const Tc__Recover *ask = (const Tc__Recover *)message;
    fen_t paid, decided;
    int rc = dues_facility(request, ask->facility, err);
    if (!rc && name_check("bill", ask->bill, NULL))
        rc = err_field(err, E_INVALID_FIELD, "bill", "bill must be 1 to 64 of A-Z a-z 0-9 . _ : -");
    if (!rc) rc = dues_text("reason", ask->reason, true, err);
    if (!rc) rc = dues_catch_up(settlement, err);
    if (!rc) rc = bill_so_far(settlement, ask, &paid, &decided, err);
    if (!rc) rc = check_recovery(ask, paid, decided, err);
    Tc__Recovery *said = rc ? NULL : arena_alloc(settlement->ctx->arena, sizeof *said);
    if (!rc && !said) rc = dues_no_memory(err);
    if (!rc) rc = insert_recovery(settlement, ask, request, err);
    if (rc) return rc;
    tc__recovery__init(said);
    said->number = (char *)request->header.request_id;
    said->facility = ask->facility, said->bill = ask->bill, said->reason = ask->reason;
    said->amount_fen = ask->amount_fen;
    said->by = (char *)request->header.caller;
    said->paid_fen = paid, said->recovered_fen = decided + ask->amount_fen; // checked
    *reply = &said->base;
    return 0;
}

// ---- the yearly evaluation

static int check_new(settlement_t *settlement, const char *facility, const char *reference, err_t *err) {
    service_ctx_t *ctx = settlement->ctx;
    rows_t found;
    int rc = dues_claim_find(ctx->store, facility, reference, ctx->arena, &found, err);
    if (!rc && found.count) rc = err_field(err, E_EXISTS, "year", "the year is evaluated already");
    return rc;
}

static int insert_evaluation(settlement_t *settlement, const Tc__Evaluate *ask, const char *reference, const char *by,
                             err_t *err) {
    service_ctx_t *ctx = settlement->ctx;
    rows_t rows;
    rows_init(&rows, ctx->arena, DUES_CLAIM_COLUMNS);
    cell_t *row = rows_add(&rows);
    if (!row) return dues_no_memory(err);
    const cell_t cells[DUES_CLAIM_COLUMNS] = {cell_text(ask->facility),
                                              cell_text(reference),
                                              cell_i64(DUES_EVALUATION),
                                              cell_text(reference),
                                              cell_text(""),
                                              cell_text(""),
                                              cell_i64(0),
                                              cell_i64(0),
                                              cell_i64(ask->share_ppm),
                                              cell_text(ask->paper),
                                              cell_text(by),
                                              cell_i64(0)};
    memcpy(row, cells, sizeof cells);
    int rc = dues_claim_insert(ctx->store, &rows, err);
    return rc ? rc : dues_facility_pending(ctx->store, ask->facility, err);
}

// All of the year must be drawn up: nothing is held back for a year that is evaluated (statement_sheet.c).
static int check_year_drawn(settlement_t *settlement, const Tc__Evaluate *ask, err_t *err) {
    service_ctx_t *ctx = settlement->ctx;
    const month_t last = month_make(ask->year, 12);
    rows_t found;
    if (dues_today(settlement) <= month_last(last))
        return err_field(err, E_OUT_OF_RANGE, "year", "%d is not over", ask->year);
    int rc = dues_statement_before(ctx->store, ask->facility, last + 1, ctx->arena, &found, err);
    const int64_t drawn = !rc && found.count ? row_i64(&found, 0, 0) : 0;
    if (!rc) rc = dues_sums(ctx->store, ask->facility, drawn + 1, last, 1, ctx->arena, &found, err);
    if (!rc && found.count)
        rc = err_field(err, E_OUT_OF_RANGE, "year", "the facility's statements are not drawn up to the end of %d",
                       ask->year);
    return rc;
}

int terms_evaluate(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                   err_t *err) {
    settlement_t *settlement = self;
    service_ctx_t *ctx = settlement->ctx;
    const Tc__Evaluate *ask = (const Tc__Evaluate *)message;
    const char *reference = arena_text(ctx->arena, "quality:%d", ask->year);
    Tc__FacilityTerms *terms;
    Tc__Evaluation *said = arena_alloc(ctx->arena, sizeof *said);
    if (!reference || !said) return dues_no_memory(err);
    int rc = dues_facility(request, ask->facility, err);
    if (!rc) rc = check_year(ask->year, err);
    if (!rc && !ask->share_given_case) rc = err_field(err, E_MISSING_FIELD, "share", "share is missing");
    if (!rc) rc = check_share("share", ask->share_ppm, err);
    if (!rc) rc = dues_text("paper", ask->paper, true, err);
    if (!rc) rc = check_new(settlement, ask->facility, reference, err);
    if (!rc) rc = dues_catch_up(settlement, err);
    if (!rc) rc = check_year_drawn(settlement, ask, err);
    if (!rc) rc = terms_message(settlement, ask->facility, ask->year, &terms, err);
    if (!rc) rc = insert_evaluation(settlement, ask, reference, request->header.caller, err);
    if (rc) return rc;
    tc__evaluation__init(said);
    said->facility = ask->facility, said->year = ask->year, said->share_ppm = ask->share_ppm;
    said->paper = ask->paper, said->held_fen = terms->held_fen;
    *reply = &said->base;
    return 0;
}
