#include "failed_debits.h"
#include "common/base/hash.h"
#include "debits.h"
#include "districts.h"
#include <string.h>

enum { DIGITS_AS_OF_ACCOUNT = ACCOUNT_MIN, CURSOR_MAX = 128 };

static int out_of_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

// ---- what the bank says of one

static int check_text(const char *field, const char *text, err_t *err) {
    if (strlen(text) > FAILED_TEXT_MAX)
        return err_field(err, E_OUT_OF_RANGE, field, "%s: at most %d bytes", field, FAILED_TEXT_MAX);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if (*c < 0x20) return err_field(err, E_INVALID_FIELD, field, "%s is one line of text", field);
    return 0;
}

static int check_reason(const char *reason, err_t *err) {
    if (!*reason) return err_field(err, E_MISSING_FIELD, "reason", "reason is missing: one sentence");
    for (const char *c = reason; *c; c += *c ? 1 : 0) {
        const size_t digits = strspn(c, "0123456789");
        if (digits >= DIGITS_AS_OF_ACCOUNT)
            return err_field(err, E_INVALID_FIELD, "reason", "reason: %d digits in a row may be an account",
                             DIGITS_AS_OF_ACCOUNT);
        c += digits;
    }
    return check_text("reason", reason, err);
}

static int check_row(const Tc__ReportDebits__Row *row, date_t today, err_t *err) {
    date_t on;
    if (strlen(row->period) != 4 || strspn(row->period, "0123456789") != 4)
        return err_field(err, *row->period ? E_INVALID_FIELD : E_MISSING_FIELD, "period",
                         "period: expected a year like 2018");
    if (row->amount_fen <= 0) return err_field(err, E_OUT_OF_RANGE, "amount", "the amount must be above 0.00");
    if (date_parse(row->on, &on)) return err_field(err, E_INVALID_FIELD, "on", "on: expected a date like 2018-12-20");
    if (on > today) return err_field(err, E_OUT_OF_RANGE, "on", "on is in the future");
    int rc = check_reason(row->reason, err);
    return rc ? rc : check_text("bank_reference", row->bank_reference, err);
}

// ---- keeping it

typedef struct report {
    collection_t *c;
    const char *by;
    int64_t now_ms;
    Tc__DebitReport *out;
} report_t;

static int need_bill(collection_t *c, const char *person, const char *period, err_t *err) {
    const cell_t params[] = {cell_i64(partition_of(person)), cell_text(person), cell_text(period)};
    rows_t rows;
    int rc = store_query(c->ctx->store, "SELECT 1 FROM bill WHERE partition = $1 AND person = $2 AND period = $3",
                         params, COUNT_OF(params), c->ctx->arena, &rows, err);
    if (rc || rows.count) return rc;
    return err_field(err, E_NOT_FOUND, "period", "no fee of %s was billed to person %s", period, person);
}

static int same_row(const Tc__ReportDebits__Row *row, const rows_t *known, err_t *err) {
    if (row_i64(known, 0, 0) == row->amount_fen && strcmp(row_text(known, 0, 1), row->reason) == 0 &&
        strcmp(row_text(known, 0, 2), row->bank_reference) == 0)
        return 0;
    return err_field(err, E_CONFLICT, "on", "another content is known of this debit of %s", row->on);
}

// `*known`: it was told before, with the same content.
static int keep(const report_t *r, const Tc__ReportDebits__Row *row, const char *person, bool *known, err_t *err) {
    store_t *store = r->c->ctx->store;
    const cell_t params[] = {cell_i64(partition_of(person)),
                             cell_text(person),
                             cell_text(row->period),
                             cell_text(row->on),
                             cell_i64(row->amount_fen),
                             cell_text(row->reason),
                             cell_text(row->bank_reference),
                             cell_text(r->by),
                             cell_i64(r->now_ms)};
    rows_t rows;
    int rc = store_query(store,
                         "SELECT amount_fen, reason, bank_reference FROM failed_debit WHERE partition = $1"
                         " AND person = $2 AND period = $3 AND failed_on = $4",
                         params, 4, r->c->ctx->arena, &rows, err);
    if (rc) return rc;
    if ((*known = rows.count > 0)) return same_row(row, &rows, err);
    return store_exec(store,
                      "INSERT INTO failed_debit (partition, person, period, failed_on, amount_fen, reason,"
                      " bank_reference, told_by, told_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                      params, COUNT_OF(params), err);
}

// A fault of the row is told with it; one of ours ends the request.
static bool is_of_row(int code) {
    return code == E_MISSING_FIELD || code == E_INVALID_FIELD || code == E_OUT_OF_RANGE || code == E_NOT_FOUND ||
           code == E_CONFLICT || code == E_DENIED;
}

static int take_row(const report_t *r, const Tc__ReportDebits__Row *row, err_t *err) {
    arena_t *arena = r->c->ctx->arena;
    Tc__PersonState *person = NULL;
    err_t why = {0};
    bool known = false;
    Tc__DebitReport__Outcome *outcome = arena_alloc(arena, sizeof *outcome);
    if (!outcome) return out_of_memory(err);
    tc__debit_report__outcome__init(outcome);
    int rc = check_row(row, date_of_ms(r->now_ms), &why);
    if (rc == 0) rc = desk_person(r->c, row->person, &person, &why);
    if (rc == 0) rc = need_bill(r->c, person->person, row->period, &why);
    if (rc == 0) rc = keep(r, row, person->person, &known, &why);
    if (rc && !is_of_row(rc)) {
        *err = why;
        return rc;
    }
    outcome->row = row->row;
    outcome->person = row->person;
    outcome->outcome = (char *)(rc ? "fault" : known ? "repeated" : "kept");
    outcome->code = (char *)(rc ? err_name(rc) : "");
    outcome->field = arena_text(arena, "%s", why.field);
    outcome->text = arena_text(arena, "%s", why.text);
    if (!outcome->field || !outcome->text) return out_of_memory(err);
    r->out->faults += rc != 0;
    r->out->repeated += rc == 0 && known;
    r->out->kept += rc == 0 && !known;
    r->out->outcomes[r->out->n_outcomes++] = outcome;
    return 0;
}

int failed_debits_report(void *self, const request_t *request, const ProtobufCMessage *message,
                         ProtobufCMessage **reply, err_t *err) {
    collection_t *c = self;
    const Tc__ReportDebits *ask = (const Tc__ReportDebits *)message;
    if (!ask->n_rows) return err_field(err, E_MISSING_FIELD, "rows", "rows are missing");
    if (ask->n_rows > FAILED_ROWS_MAX)
        return err_field(err, E_TOO_LARGE, "rows", "%zu rows, at most %d at once", ask->n_rows, FAILED_ROWS_MAX);
    Tc__DebitReport *out = arena_alloc(c->ctx->arena, sizeof *out);
    if (!out) return out_of_memory(err);
    tc__debit_report__init(out);
    if (!(out->outcomes = arena_alloc(c->ctx->arena, ask->n_rows * sizeof *out->outcomes))) return out_of_memory(err);
    const report_t report = {c, request->header.caller, clock_now_ms(), out};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ask->n_rows; i++) rc = take_row(&report, ask->rows[i], err);
    if (rc == 0) *reply = &out->base;
    return rc;
}

int failed_debits_move(collection_t *c, const rows_t *pairs, const rows_t *gone, err_t *err) {
    int rc = store_each_exec(c->ctx->store,
                             "INSERT INTO failed_debit (partition, person, period, failed_on, amount_fen, reason,"
                             " bank_reference, told_by, told_ms) SELECT $3, $4, period, failed_on, amount_fen, reason,"
                             " bank_reference, told_by, told_ms FROM failed_debit WHERE partition = $1 AND person = $2"
                             " ON CONFLICT (partition, person, period, failed_on) DO NOTHING",
                             pairs, err);
    return rc ? rc : store_drop(c->ctx->store, "failed_debit", "partition, person", gone, err);
}

// ---- looking

int failed_debits_newest(collection_t *c, const rows_t *keys, rows_t *out, err_t *err) {
    return store_each_query(c->ctx->store,
                            "SELECT failed_on, reason FROM failed_debit WHERE partition = $1 AND person = $2"
                            " AND period = $3 ORDER BY failed_on DESC LIMIT 1",
                            keys, c->ctx->arena, out, err);
}

typedef struct cursor { // of the last row of the page before
    char person[CURSOR_MAX], period[CURSOR_MAX], on[CURSOR_MAX];
} cursor_t;

static int read_cursor(const char *after, cursor_t *out, err_t *err) {
    *out = (cursor_t){0};
    if (!*after) return 0;
    if (strlen(after) < CURSOR_MAX && sscanf(after, "%127s %127s %127s", out->person, out->period, out->on) == 3)
        return 0;
    return err_field(err, E_INVALID_FIELD, "after", "after: expected `next` of the page before");
}

enum { ROW_PERSON, ROW_PERIOD, ROW_ON, ROW_AMOUNT, ROW_REASON, ROW_REFERENCE, ROW_BY, ROW_MS, ROW_OPEN };

static int read_page(collection_t *c, const Tc__ListFailedDebits *ask, const char *person, const char *year,
                     int32_t limit, rows_t *out, err_t *err) {
    cursor_t from;
    int rc = read_cursor(ask->after, &from, err);
    if (rc) return rc;
    const cell_t params[] = {cell_i64(*from.person ? (int64_t)partition_of(from.person) : -1),
                             cell_text(from.person),
                             cell_text(from.period),
                             cell_text(from.on),
                             cell_text(person),
                             cell_text(year),
                             cell_i64(limit)};
    return store_query(c->ctx->store,
                       "SELECT f.person, f.period, f.failed_on, f.amount_fen, f.reason, f.bank_reference, f.told_by,"
                       " f.told_ms, CAST(CASE WHEN b.paid_on = '' THEN 1 ELSE 0 END AS BIGINT) FROM failed_debit f"
                       " LEFT JOIN bill b ON b.partition = f.partition AND b.person = f.person AND b.period = f.period"
                       " WHERE (f.partition, f.person, f.period, f.failed_on) > ($1, $2, $3, $4)"
                       " AND ($5 = '' OR f.person = $5) AND ($6 = '' OR f.period = $6)"
                       " ORDER BY f.partition, f.person, f.period, f.failed_on LIMIT $7",
                       params, COUNT_OF(params), c->ctx->arena, out, err);
}

static int list_row(const rows_t *rows, size_t i, arena_t *arena, Tc__FailedDebit **out, err_t *err) {
    Tc__FailedDebit *row = arena_alloc(arena, sizeof *row);
    if (!row) return out_of_memory(err);
    tc__failed_debit__init(row);
    row->person = (char *)row_text(rows, i, ROW_PERSON);
    row->period = (char *)row_text(rows, i, ROW_PERIOD);
    row->on = (char *)row_text(rows, i, ROW_ON);
    row->amount_fen = row_i64(rows, i, ROW_AMOUNT);
    row->reason = (char *)row_text(rows, i, ROW_REASON);
    row->bank_reference = (char *)row_text(rows, i, ROW_REFERENCE);
    row->told_by = (char *)row_text(rows, i, ROW_BY);
    row->told_ms = row_i64(rows, i, ROW_MS);
    row->open = row_i64(rows, i, ROW_OPEN) != 0;
    *out = row;
    return 0;
}

// Rows of persons of other districts are left out.
static int fill(collection_t *c, const rows_t *rows, Tc__FailedDebits *out, err_t *err) {
    arena_t *arena = c->ctx->arena;
    payer_key_t *payers = arena_alloc(arena, (rows->count + 1) * sizeof *payers);
    bool *own = arena_alloc(arena, rows->count + 1);
    out->failed = arena_alloc(arena, (rows->count + 1) * sizeof *out->failed);
    if (!payers || !own || !out->failed) return out_of_memory(err);
    for (size_t i = 0; i < rows->count; i++)
        payers[i] = (payer_key_t){"", row_text(rows, i, ROW_PERSON), row_text(rows, i, ROW_PERIOD)};
    int rc = districts_own(c, payers, rows->count, own, err);
    for (size_t i = 0; rc == 0 && i < rows->count; i++)
        if (own[i]) rc = list_row(rows, i, arena, &out->failed[out->n_failed++], err);
    return rc;
}

int failed_debits_list(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                       err_t *err) {
    (void)request;
    collection_t *c = self;
    const Tc__ListFailedDebits *ask = (const Tc__ListFailedDebits *)message;
    const int32_t limit = ask->limit ? ask->limit : FAILED_LIMIT_DEFAULT;
    char year[PERIOD_TEXT_MAX] = "";
    Tc__PersonState *person = NULL;
    rows_t rows;
    if (ask->limit < 0 || ask->limit > FAILED_LIMIT_MAX)
        return err_field(err, E_OUT_OF_RANGE, "limit", "limit: expected 1 to %d", FAILED_LIMIT_MAX);
    if (ask->year && !date_valid(ask->year, 1, 1))
        return err_field(err, E_INVALID_FIELD, "year", "year: expected 1900 to 2199");
    if (ask->year) snprintf(year, sizeof year, "%04d", ask->year);
    int rc = *ask->person ? desk_person(c, ask->person, &person, err) : 0;
    if (rc == 0) rc = read_page(c, ask, person ? person->person : "", year, limit, &rows, err);
    if (rc) return rc;
    Tc__FailedDebits *out = arena_alloc(c->ctx->arena, sizeof *out);
    if (!out) return out_of_memory(err);
    tc__failed_debits__init(out);
    if ((int32_t)rows.count == limit) {
        const size_t last = rows.count - 1;
        out->next = arena_text(c->ctx->arena, "%s %s %s", row_text(&rows, last, ROW_PERSON),
                               row_text(&rows, last, ROW_PERIOD), row_text(&rows, last, ROW_ON));
        if (!out->next) return out_of_memory(err);
    }
    rc = fill(c, &rows, out, err);
    if (rc == 0) *reply = &out->base;
    return rc;
}
