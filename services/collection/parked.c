#include "parked.h"
#include "common/policy/tables.h"
#include "debts.h"
#include "districts.h"
#include "held.h"
#include "life_store.h"
#include "merger.h"
#include "payment.h"
#include "receipts_store.h"
#include "subsidies.h"
#include <stdlib.h>
#include <string.h>

enum { LIST_DEFAULT = 100, LIST_MAX = 1000, REASON_MAX = 1000, PERIODS_MAX = 4096 };

static int out_of_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

// ---- the list

static int list_row(const rows_t *rows, size_t i, arena_t *arena, Tc__ParkedReceipt **out, err_t *err) {
    char day[DATE_TEXT_MAX];
    Tc__ParkedReceipt *parked = arena_alloc(arena, sizeof *parked);
    if (!parked) return out_of_memory(err);
    tc__parked_receipt__init(parked);
    parked->receipt = (char *)row_text(rows, i, PARKED_RECEIPT);
    parked->payer = (char *)row_text(rows, i, PARKED_PAYER);
    parked->period = (char *)row_text(rows, i, PARKED_PERIOD);
    parked->amount_fen = row_i64(rows, i, PARKED_AMOUNT);
    parked->paid_on = (char *)row_text(rows, i, PARKED_PAID_ON);
    parked->reason = (char *)row_text(rows, i, PARKED_REASON);
    parked->due_fen = row_i64(rows, i, PARKED_DUE);
    parked->since = arena_text(arena, "%s", date_format(date_of_ms(row_i64(rows, i, PARKED_SINCE)), day));
    parked->file = (char *)row_text(rows, i, PARKED_FILE);
    parked->row = (int32_t)row_i64(rows, i, PARKED_ROW);
    *out = parked;
    return parked->since ? 0 : out_of_memory(err);
}

int parked_list(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                err_t *err) {
    (void)request;
    collection_t *c = self;
    const Tc__ListReceiptsParked *ask = (const Tc__ListReceiptsParked *)message;
    rows_t rows;
    if (ask->limit < 0 || ask->limit > LIST_MAX)
        return err_field(err, E_OUT_OF_RANGE, "limit", "limit: 1 to %d, or 0 for %d", LIST_MAX, LIST_DEFAULT);
    const int32_t limit = ask->limit ? ask->limit : LIST_DEFAULT;
    int rc = parked_page(c->ctx->store, ask->after, limit, c->ctx->arena, &rows, err);
    if (rc) return rc;
    Tc__ParkedReceipts *out = arena_alloc(c->ctx->arena, sizeof *out);
    payer_key_t *payers = arena_alloc(c->ctx->arena, (rows.count + 1) * sizeof *payers);
    bool *own = arena_alloc(c->ctx->arena, rows.count + 1);
    if (!out || !payers || !own) return out_of_memory(err);
    for (size_t i = 0; i < rows.count; i++)
        payers[i] = payer_of(row_text(&rows, i, PARKED_KIND), row_text(&rows, i, PARKED_PAYER),
                             row_text(&rows, i, PARKED_PERIOD));
    tc__parked_receipts__init(out);
    if (!(out->parked = arena_alloc(c->ctx->arena, (rows.count + 1) * sizeof *out->parked))) return out_of_memory(err);
    if ((int32_t)rows.count == limit) out->next = (char *)row_text(&rows, rows.count - 1, PARKED_RECEIPT);
    rc = districts_own(c, payers, rows.count, own, err);
    for (size_t i = 0; rc == 0 && i < rows.count; i++)
        if (own[i]) rc = list_row(&rows, i, c->ctx->arena, &out->parked[out->n_parked++], err);
    *reply = &out->base;
    return rc;
}

// ---- a decision

typedef struct ruling {
    collection_t *c;
    const Tc__ResolveReceipt *ask;
    const char *by;
    const char *today;
    int64_t at_ms;
    payer_key_t parked; // as it was parked
    payer_key_t payer;  // the same, or whom that number leads to now
    fen_t amount;
    const char *paid_on;
    Tc__ReceiptReport *report;
} ruling_t;

static int parked_row(ruling_t *r, bool *open, bool *found, err_t *err) {
    rows_t keys, rows;
    arena_t *arena = r->c->ctx->arena;
    rows_init(&keys, arena, 1);
    cell_t *key = rows_add(&keys);
    if (!key) return out_of_memory(err);
    key[0] = cell_text(r->ask->receipt);
    int rc = parked_of(r->c->ctx->store, &keys, arena, &rows, err);
    *found = rc == 0 && rows.count;
    if (!*found) return rc;
    *open = !*row_text(&rows, 0, 1 + PARKED_DECISION);
    r->parked = r->payer = payer_of(row_text(&rows, 0, 1 + PARKED_KIND), row_text(&rows, 0, 1 + PARKED_PAYER),
                                    row_text(&rows, 0, 1 + PARKED_PERIOD));
    r->amount = row_i64(&rows, 0, 1 + PARKED_AMOUNT);
    r->paid_on = row_text(&rows, 0, 1 + PARKED_PAID_ON);
    rc = merger_lead(r->c, r->payer.person, &r->payer.person, err);
    return rc ? rc : districts_check_payer(r->c, r->payer.employer, r->payer.person, err);
}

// What leaves the parked money, what comes to the payer's credit (or goes from it), and the decision itself.
static int close_parked(const ruling_t *r, fen_t credit, err_t *err) {
    const held_change_t changes[] = {{r->parked, r->ask->receipt, held_parked, -r->amount, r->today, r->ask->decision},
                                     {r->payer, r->ask->receipt, held_credit, credit, r->today, r->ask->decision}};
    int rc = held_write(r->c, changes, COUNT_OF(changes), err);
    return rc ? rc
              : parked_decide(r->c->ctx->store, r->ask->receipt, r->ask->decision, r->at_ms, r->by, r->ask->reason,
                              err);
}

static int match_again(ruling_t *r, err_t *err) {
    char due[FEN_TEXT_MAX], got[FEN_TEXT_MAX];
    debt_t debt = {.payer = r->payer};
    fen_t used;
    int rc = debts_read(r->c, &debt, 1, DEBTS_PAID, err);
    if (rc) return rc;
    const claim_t claim = claim_decide(&debt.owed, r->amount, &used);
    if (claim != CLAIM_MATCHED)
        return err_field(err, E_OUT_OF_RANGE, "receipt", "still %s: %s is due for %s, %s was received",
                         claim_name(claim), fen_format(debt.owed.due, due), r->payer.period,
                         fen_format(r->amount, got));
    const payment_t payment = {r->payer, r->ask->receipt, r->paid_on, debt.owed.due, used, debt.bills, debt.bill_count};
    rc = payments_book(r->c, &payment, 1, NULL, err);
    r->report->matched = 1;
    r->report->amount_fen = r->amount;
    return rc ? rc : close_parked(r, -used, err);
}

// ---- apply

typedef struct period_due {
    const char *period;
    int64_t bills;
    fen_t due;
} period_due_t;

static int by_period(const void *a, const void *b) {
    return strcmp(((const period_due_t *)a)->period, ((const period_due_t *)b)->period);
}

static int read_periods(const ruling_t *r, period_due_t **out, size_t *count, err_t *err) {
    rows_t rows;
    int rc = unpaid_periods(r->c->ctx->store, &r->payer, r->c->ctx->arena, &rows, err);
    if (rc) return rc;
    if (rows.count > PERIODS_MAX) return err_set(err, E_TOO_LARGE, "more than %d unpaid periods", PERIODS_MAX);
    *out = arena_alloc(r->c->ctx->arena, (rows.count + 1) * sizeof **out);
    if (!*out) return out_of_memory(err);
    *count = rows.count;
    for (size_t i = 0; i < rows.count; i++)
        (*out)[i] = (period_due_t){row_text(&rows, i, 0), row_i64(&rows, i, 1), row_i64(&rows, i, 2)};
    qsort(*out, *count, sizeof **out, by_period);
    return 0;
}

// Each period it pays gets a receipt of its own, with the period behind the number; a space cannot stand there.
static char *part_number(const ruling_t *r, const char *period) {
    char *number = arena_text(r->c->ctx->arena, "%s.%s", r->ask->receipt, period);
    for (char *c = number; c && *c; c++)
        if (*c == ' ') *c = '-';
    return number;
}

static int pay_periods(ruling_t *r, const period_due_t *periods, size_t count, fen_t *left, err_t *err) {
    payment_t *payments = arena_alloc(r->c->ctx->arena, (count + 1) * sizeof *payments);
    size_t n = 0;
    int64_t bills = 0;
    if (!payments) return out_of_memory(err);
    for (; n < count && periods[n].due <= *left; n++) {
        const char *number = part_number(r, periods[n].period);
        if (!number) return out_of_memory(err);
        bills += periods[n].bills;
        if (n > 0 && bills > PAYMENT_BILLS_MAX) break;
        payments[n] = (payment_t){r->payer, number, r->paid_on, periods[n].due, 0, NULL, 0};
        payments[n].payer.period = periods[n].period;
        *left -= periods[n].due;
    }
    r->report->matched = (int32_t)n;
    return payments_book(r->c, payments, n, NULL, err);
}

static int apply(ruling_t *r, err_t *err) {
    debt_t debt = {.payer = r->payer};
    period_due_t *periods = NULL;
    size_t count = 0;
    fen_t left = 0;
    int rc = debts_read(r->c, &debt, 1, DEBTS_LOOKED_AT, err);
    if (rc == 0 && !debt.owed.payer_known)
        rc = err_field(err, E_NOT_FOUND, "receipt", "its payer is not known here: nothing can be kept for it");
    if (rc == 0) rc = read_periods(r, &periods, &count, err);
    if (rc == 0 && fen_add(r->amount, debt.owed.credit, &left))
        rc = err_set(err, E_OUT_OF_RANGE, "the payer's credit is too large");
    const fen_t whole = rc ? 0 : left;
    if (rc == 0) rc = pay_periods(r, periods, count, &left, err);
    if (rc) return rc;
    r->report->amount_fen = whole - left;
    r->report->parked_amount_fen = left;
    return close_parked(r, left - debt.owed.credit, err);
}

// ---- return

static int note_refund(const ruling_t *r, const char *source, const payer_key_t *payer, fen_t amount, err_t *err) {
    const refund_t refund = {r->ask->receipt, source, *payer, amount, r->at_ms, r->by, r->ask->reason};
    return refund_insert(r->c->ctx->store, &refund, err);
}

static int return_parked(ruling_t *r, err_t *err) {
    int rc = note_refund(r, "parked", &r->parked, r->amount, err);
    return rc ? rc : close_parked(r, 0, err);
}

static int find_receipt(const ruling_t *r, Tc__Receipt **out, err_t *err) {
    rows_t keys, rows;
    arena_t *arena = r->c->ctx->arena;
    size_t size;
    rows_init(&keys, arena, 1);
    cell_t *key = rows_add(&keys);
    if (!key) return out_of_memory(err);
    key[0] = cell_text(r->ask->receipt);
    int rc = receipts_of(r->c->ctx->store, &keys, arena, &rows, err);
    if (rc) return rc;
    if (rows.count == 0) return err_field(err, E_NOT_FOUND, "receipt", "no receipt is known under this number");
    const void *body = row_blob(&rows, 0, 1, &size);
    return message_unpack((ProtobufCMessage **)out, &tc__receipt__descriptor, body, size, arena, err);
}

// Whose bills it paid: of an employer, or of a person.
static int find_payer(ruling_t *r, const Tc__Receipt *receipt, err_t *err) {
    rows_t rows;
    r->payer = payer_of(payer_person, receipt->payer, receipt->period);
    int rc = merger_lead(r->c, r->payer.person, &r->payer.person, err);
    if (rc == 0) rc = paid_by(r->c->ctx->store, &r->payer, receipt->receipt, r->c->ctx->arena, &rows, err);
    if (rc == 0 && rows.count == 0) r->payer = payer_of(payer_employer, receipt->payer, receipt->period);
    return rc;
}

// A yearly fee may not be paid back once its year has begun, where the law says so (JM-C-40).
// What was paid beside a month rests on it.
static int no_difference_paid(const ruling_t *r, const Tc__Receipt *receipt, err_t *err) {
    rows_t rows;
    period_t period;
    int rc = period_parse(receipt->period, &period, err);
    if (rc || period.yearly || period.lump || period.difference) return rc;
    rc = differences_paid(r->c->ctx->store, &r->payer, receipt->receipt, r->c->ctx->arena, &rows, err);
    return rc || rows.count == 0
               ? rc
               : err_field(err, E_OUT_OF_RANGE, "receipt",
                           "receipt %s paid a difference of this month: return that first", row_text(&rows, 0, 0));
}

static int may_return(const ruling_t *r, const Tc__Receipt *receipt, err_t *err) {
    const policy_t *policy = r->c->env.policy;
    period_t period;
    bool known = false, taken = false;
    int rc = refund_known(r->c->ctx->store, receipt->receipt, r->c->ctx->arena, &known, err);
    if (rc == 0 && known) rc = err_field(err, E_EXISTS, "receipt", "this receipt was returned already");
    if (rc == 0) rc = withdrawn_of(r->c->ctx->store, receipt->receipt, r->c->ctx->arena, &taken, err);
    if (rc == 0 && taken)
        rc = err_field(err, E_OUT_OF_RANGE, "receipt",
                       "bills were taken out of this receipt; their money is parked and decided by itself");
    if (rc == 0) rc = period_parse(receipt->period, &period, err);
    if (rc == 0 && period.yearly && policy->yearly.no_refund_rule && date_of_ms(r->at_ms) >= month_first(period.month))
        rc = err_field(err, E_OUT_OF_RANGE, "receipt", "nothing is paid back once the year has begun (%s)",
                       policy->yearly.no_refund_rule);
    return rc;
}

static int return_booked(ruling_t *r, err_t *err) {
    Tc__Receipt *receipt;
    bool public_money = false;
    int rc = subsidies_return(r->c, r->ask->receipt, r->at_ms, r->by, r->ask->reason, &public_money,
                              &r->report->amount_fen, err);
    if (rc || public_money) return rc;
    rc = find_receipt(r, &receipt, err);
    if (rc == 0) rc = may_return(r, receipt, err);
    if (rc == 0) rc = find_payer(r, receipt, err);
    if (rc == 0) rc = districts_check_payer(r->c, r->payer.employer, r->payer.person, err);
    if (rc == 0) rc = no_difference_paid(r, receipt, err);
    if (rc == 0) rc = payment_undo(r->c, &r->payer, receipt, err);
    if (rc) return rc;
    const held_change_t restored = {r->payer, r->ask->receipt, held_credit, receipt->credit_fen,
                                    r->today, r->ask->decision};
    rc = held_write(r->c, &restored, 1, err);
    return rc ? rc : note_refund(r, "receipt", &r->payer, receipt->amount_fen - receipt->credit_fen, err);
}

// ----

static int check_ruling(const Tc__ResolveReceipt *ask, err_t *err) {
    if (!*ask->receipt) return err_field(err, E_MISSING_FIELD, "receipt", "receipt is missing");
    if (!*ask->decision) return err_field(err, E_MISSING_FIELD, "decision", "decision is missing");
    if (strcmp(ask->decision, "match") != 0 && strcmp(ask->decision, "apply") != 0 &&
        strcmp(ask->decision, "return") != 0)
        return err_field(err, E_INVALID_FIELD, "decision", "decision: expected match, apply or return");
    if (!*ask->reason) return err_field(err, E_MISSING_FIELD, "reason", "every decision says why: reason is missing");
    if (strlen(ask->reason) > REASON_MAX)
        return err_field(err, E_TOO_LARGE, "reason", "reason: at most %d bytes", REASON_MAX);
    return 0;
}

static int rule_parked(ruling_t *r, err_t *err) {
    switch (*r->ask->decision) {
    case 'm': return match_again(r, err);
    case 'a': return apply(r, err);
    default: return return_parked(r, err);
    }
}

int parked_resolve(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                   err_t *err) {
    collection_t *c = self;
    char day[DATE_TEXT_MAX];
    ruling_t r = {.c = c, .ask = (const Tc__ResolveReceipt *)message, .at_ms = clock_now_ms()};
    bool open = false, found = false;
    int rc = check_ruling(r.ask, err);
    if (rc) return rc;
    r.by = request->header.caller ? request->header.caller : "";
    r.today = arena_text(c->ctx->arena, "%s", date_format(date_of_ms(r.at_ms), day));
    r.report = arena_alloc(c->ctx->arena, sizeof *r.report);
    if (!r.today || !r.report) return out_of_memory(err);
    tc__receipt_report__init(r.report);
    rc = parked_row(&r, &open, &found, err);
    if (rc) return rc;
    if (open)
        rc = rule_parked(&r, err);
    else if (*r.ask->decision == 'r')
        rc = return_booked(&r, err);
    else
        rc = err_field(err, found ? E_EXISTS : E_NOT_FOUND, "receipt",
                       found ? "this receipt was decided already" : "no receipt is parked under this number");
    if (rc == 0) *reply = &r.report->base;
    return rc;
}
