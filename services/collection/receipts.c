#include "receipts.h"
#include "common/base/ids.h"
#include "debts.h"
#include "districts.h"
#include "held.h"
#include "merger.h"
#include "payment.h"
#include "receipts_store.h"
#include <stdlib.h>
#include <string.h>

static int out_of_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

// ---- one receipt

static int check_receive(const Tc__Receive *ask, payer_key_t *payer, err_t *err) {
    date_t paid_on;
    if (!*ask->receipt) return err_field(err, E_MISSING_FIELD, "receipt", "receipt is missing");
    int rc = name_check("receipt", ask->receipt, err);
    if (rc) return err_field(err, rc, "receipt", "receipt: expected 1 to 64 of A-Z a-z 0-9 . _ : -");
    rc = desk_payer(ask->employer, ask->person, ask->period, payer, err);
    if (rc) return rc;
    if (ask->amount_given_case != TC__RECEIVE__AMOUNT_GIVEN_AMOUNT_FEN)
        return err_field(err, E_MISSING_FIELD, "amount", "amount is missing");
    if (ask->amount_fen <= 0) return err_field(err, E_OUT_OF_RANGE, "amount", "the amount must be above 0.00");
    if (!*ask->paid_on) return err_field(err, E_MISSING_FIELD, "paid_on", "paid_on is missing");
    if (date_parse(ask->paid_on, &paid_on))
        return err_field(err, E_INVALID_FIELD, "paid_on", "paid_on: expected a date like 2018-03-01");
    if (paid_on > date_of_ms(clock_now_ms()))
        return err_field(err, E_OUT_OF_RANGE, "paid_on", "paid_on is in the future");
    return 0;
}

static int need_new(collection_t *c, const char *receipt, err_t *err) {
    rows_t keys, booked, parked;
    rows_init(&keys, c->ctx->arena, 1);
    cell_t *key = rows_add(&keys);
    if (!key) return out_of_memory(err);
    key[0] = cell_text(receipt);
    int rc = receipts_of(c->ctx->store, &keys, c->ctx->arena, &booked, err);
    if (rc == 0) rc = parked_of(c->ctx->store, &keys, c->ctx->arena, &parked, err);
    if (rc) return rc;
    if (booked.count) return err_field(err, E_EXISTS, "receipt", "receipt %s is booked already", receipt);
    if (parked.count) return err_field(err, E_EXISTS, "receipt", "receipt %s came in a file and was parked", receipt);
    return 0;
}

static int mismatch(collection_t *c, const debt_t *debt, const Tc__Receive *ask, err_t *err) {
    char due[FEN_TEXT_MAX], got[FEN_TEXT_MAX];
    int rc = debt->owed.payer_known ? 0 : desk_need_payer(c, ask->employer, ask->person, err);
    if (rc) return rc;
    return err_field(err, E_OUT_OF_RANGE, "amount", "%s is due for %s, %s was received",
                     fen_format(debt->owed.due, due), ask->period, fen_format(ask->amount_fen, got));
}

int receipts_receive(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                     err_t *err) {
    (void)request;
    collection_t *c = self;
    const Tc__Receive *ask = (const Tc__Receive *)message;
    debt_t debt = {0};
    Tc__Receipt **receipts = NULL;
    fen_t used;
    int rc = check_receive(ask, &debt.payer, err);
    if (rc == 0) rc = merger_lead(c, debt.payer.person, &debt.payer.person, err);
    if (rc == 0) rc = districts_check_payer(c, debt.payer.employer, debt.payer.person, err);
    if (rc == 0) rc = need_new(c, ask->receipt, err);
    if (rc == 0) rc = debts_read(c, &debt, 1, DEBTS_PAID, err);
    if (rc) return rc;
    if (claim_decide(&debt.owed, ask->amount_fen, &used) != CLAIM_MATCHED) return mismatch(c, &debt, ask, err);
    const payment_t payment = {debt.payer, ask->receipt, ask->paid_on,   debt.owed.due,
                               used,       debt.bills,   debt.bill_count};
    const held_change_t change = {debt.payer, ask->receipt, held_credit, -used, ask->paid_on, "match"};
    rc = payments_book(c, &payment, 1, &receipts, err);
    if (rc == 0) rc = held_write(c, &change, 1, err);
    if (rc == 0) *reply = &receipts[0]->base;
    return rc;
}

// ---- a chunk of a file

typedef enum fate { FATE_OPEN, FATE_REFUSED, FATE_UNCHANGED, FATE_MATCHED, FATE_PARKED } fate_t;

typedef struct item { // a row
    const Tc__Receive *ask;
    size_t index;
    payer_key_t payer;
    fate_t fate;
    claim_t claim;
    fen_t used; // of the payer's credit
    size_t debt;
} item_t;

typedef struct intake {
    collection_t *c;
    arena_t *arena;
    const Tc__ImportReceipts *ask;
    item_t *items;
    item_t **order; // sorted, for grouping
    size_t count;
    debt_t *debts; // by payer and period
    size_t debt_count;
    Tc__ReceiptReport *report;
} intake_t;

static int tell(intake_t *in, const item_t *item, const char *code, const char *field, const char *text, err_t *err) {
    Tc__ReceiptReport__Problem *problem = arena_alloc(in->arena, sizeof *problem);
    if (!problem) return out_of_memory(err);
    tc__receipt_report__problem__init(problem);
    problem->row = in->ask->first_row + (int32_t)item->index;
    problem->code = (char *)code;
    problem->field = arena_text(in->arena, "%s", field);
    problem->text = arena_text(in->arena, "%s", text);
    if (!problem->field || !problem->text) return out_of_memory(err);
    in->report->problems[in->report->n_problems++] = problem;
    return 0;
}

static int refuse(intake_t *in, item_t *item, const err_t *why, err_t *err) {
    item->fate = FATE_REFUSED;
    in->report->refused++;
    return tell(in, item, err_name(why->code), why->field, why->text, err);
}

static int refuse_other(intake_t *in, item_t *item, err_t *err) {
    err_t why = {0};
    (void)err_field(&why, E_CONFLICT, "receipt", "another content is known under this receipt number");
    return refuse(in, item, &why, err);
}

static int check_rows(intake_t *in, err_t *err) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < in->count; i++) {
        item_t *item = &in->items[i];
        err_t why = {0};
        *item = (item_t){.ask = in->ask->rows[i], .index = i};
        in->order[i] = item;
        int code = check_receive(item->ask, &item->payer, &why);
        if (code == 0 && strlen(item->ask->receipt) > RECEIPT_TEXT_MAX)
            code = err_field(&why, E_INVALID_FIELD, "receipt", "receipt: at most %d characters in a file",
                             RECEIPT_TEXT_MAX);
        if (code) rc = refuse(in, item, &why, err);
    }
    return rc;
}

// Who pays under a number that was merged into another pays for that one.
static int lead_payers(intake_t *in, err_t *err) {
    const char **persons = arena_alloc(in->arena, (in->count + 1) * sizeof *persons);
    if (!persons) return out_of_memory(err);
    for (size_t i = 0; i < in->count; i++) persons[i] = in->items[i].payer.person;
    int rc = merger_lead_all(in->c, persons, in->count, err);
    for (size_t i = 0; rc == 0 && i < in->count; i++) in->items[i].payer.person = persons[i];
    return rc;
}

// A caller with some districts brings receipts of payers who are there.
static int keep_own(intake_t *in, err_t *err) {
    payer_key_t *payers = arena_alloc(in->arena, (in->count + 1) * sizeof *payers);
    bool *own = arena_alloc(in->arena, in->count + 1);
    if (!payers || !own) return out_of_memory(err);
    for (size_t i = 0; i < in->count; i++) payers[i] = in->items[i].payer;
    int rc = districts_own(in->c, payers, in->count, own, err);
    for (size_t i = 0; rc == 0 && i < in->count; i++) {
        err_t why = {0};
        if (own[i] || in->items[i].fate != FATE_OPEN) continue;
        (void)err_field(&why, E_DENIED, *payers[i].employer ? "employer" : "person",
                        "the payer is not in the districts that this key works for");
        rc = refuse(in, &in->items[i], &why, err);
    }
    return rc;
}

// ---- receipts that are known already

static bool same_ask(const Tc__Receive *a, const Tc__Receive *b) {
    return strcmp(a->employer, b->employer) == 0 && strcmp(a->person, b->person) == 0 &&
           strcmp(a->period, b->period) == 0 && strcmp(a->paid_on, b->paid_on) == 0 && a->amount_fen == b->amount_fen;
}

static int by_receipt(const void *a, const void *b) {
    const item_t *left = *(item_t *const *)a, *right = *(item_t *const *)b;
    const int order = strcmp(left->ask->receipt, right->ask->receipt);
    return order ? order : (left->index > right->index) - (left->index < right->index);
}

static void mark_unchanged(intake_t *in, item_t *item) {
    item->fate = FATE_UNCHANGED;
    in->report->unchanged++;
}

// The same number twice in the chunk: the first one counts.
static int find_doubles(intake_t *in, err_t *err) {
    int rc = 0;
    item_t *first = NULL;
    qsort(in->order, in->count, sizeof *in->order, by_receipt);
    for (size_t i = 0; rc == 0 && i < in->count; i++) {
        item_t *item = in->order[i];
        if (item->fate != FATE_OPEN) continue;
        if (!first || strcmp(first->ask->receipt, item->ask->receipt) != 0)
            first = item;
        else if (same_ask(first->ask, item->ask))
            mark_unchanged(in, item);
        else
            rc = refuse_other(in, item, err);
    }
    return rc;
}

// Under the number of the row, or the one that it leads to now: it may have been merged since.
static bool is_payer(const item_t *item, const char *number) {
    const char *asked = *item->ask->employer ? item->ask->employer : item->ask->person;
    return strcmp(number, payer_number(&item->payer)) == 0 || strcmp(number, asked) == 0;
}

static int same_as_booked(const intake_t *in, const item_t *item, const rows_t *rows, size_t row, bool *same,
                          err_t *err) {
    Tc__Receipt *known;
    size_t size;
    const void *body = row_blob(rows, row, 1, &size);
    int rc = message_unpack((ProtobufCMessage **)&known, &tc__receipt__descriptor, body, size, in->arena, err);
    if (rc) return rc;
    *same = is_payer(item, known->payer) && strcmp(known->period, item->ask->period) == 0 &&
            strcmp(known->paid_on, item->ask->paid_on) == 0 &&
            known->amount_fen - known->credit_fen == item->ask->amount_fen;
    return 0;
}

static bool same_as_parked(const item_t *item, const rows_t *rows, size_t row) {
    return strcmp(row_text(rows, row, 1 + PARKED_KIND), payer_kind(&item->payer)) == 0 &&
           is_payer(item, row_text(rows, row, 1 + PARKED_PAYER)) &&
           strcmp(row_text(rows, row, 1 + PARKED_PERIOD), item->ask->period) == 0 &&
           strcmp(row_text(rows, row, 1 + PARKED_PAID_ON), item->ask->paid_on) == 0 &&
           row_i64(rows, row, 1 + PARKED_AMOUNT) == item->ask->amount_fen;
}

static int settle_known(intake_t *in, item_t *item, bool same, err_t *err) {
    if (item->fate != FATE_OPEN) return 0;
    if (!same) return refuse_other(in, item, err);
    mark_unchanged(in, item);
    return 0;
}

static int find_known(intake_t *in, err_t *err) {
    rows_t keys, booked, parked;
    store_t *store = in->c->ctx->store;
    item_t **asked = arena_alloc(in->arena, (in->count + 1) * sizeof *asked);
    if (!asked) return out_of_memory(err);
    rows_init(&keys, in->arena, 1);
    for (size_t i = 0; i < in->count; i++) {
        if (in->items[i].fate != FATE_OPEN) continue;
        cell_t *key = rows_add(&keys);
        if (!key) return out_of_memory(err);
        asked[keys.count - 1] = &in->items[i];
        key[0] = cell_text(in->items[i].ask->receipt);
    }
    if (keys.count == 0) return 0;
    int rc = parked_of(store, &keys, in->arena, &parked, err);
    if (rc == 0) rc = receipts_of(store, &keys, in->arena, &booked, err);
    // What was parked first: a decision may have booked it under its number with another amount.
    for (size_t i = 0; rc == 0 && i < parked.count; i++) {
        item_t *item = asked[row_i64(&parked, i, 0)];
        rc = settle_known(in, item, same_as_parked(item, &parked, i), err);
    }
    for (size_t i = 0; rc == 0 && i < booked.count; i++) {
        item_t *item = asked[row_i64(&booked, i, 0)];
        bool same = false;
        rc = same_as_booked(in, item, &booked, i, &same, err);
        if (rc == 0) rc = settle_known(in, item, same, err);
    }
    return rc;
}

// ---- what each one pays

static int by_payer(const void *a, const void *b) {
    const item_t *left = *(item_t *const *)a, *right = *(item_t *const *)b;
    int order = strcmp(left->payer.employer, right->payer.employer);
    if (!order) order = strcmp(left->payer.person, right->payer.person);
    return order ? order : strcmp(left->payer.period, right->payer.period);
}

static int find_debts(intake_t *in, err_t *err) {
    size_t open = 0;
    in->debts = arena_alloc(in->arena, (in->count + 1) * sizeof *in->debts);
    if (!in->debts) return out_of_memory(err);
    for (size_t i = 0; i < in->count; i++)
        if (in->items[i].fate == FATE_OPEN) in->order[open++] = &in->items[i];
    qsort(in->order, open, sizeof *in->order, by_payer);
    for (size_t i = 0; i < open; i++) {
        if (i == 0 || by_payer(&in->order[i - 1], &in->order[i]) != 0)
            in->debts[in->debt_count++].payer = in->order[i]->payer;
        in->order[i]->debt = in->debt_count - 1;
    }
    return debts_read(in->c, in->debts, in->debt_count, in->ask->dry ? DEBTS_LOOKED_AT : DEBTS_PAID, err);
}

static int count_amount(intake_t *in, const item_t *item, err_t *err) {
    int64_t *sum = item->fate == FATE_MATCHED ? &in->report->amount_fen : &in->report->parked_amount_fen;
    return fen_add(*sum, item->ask->amount_fen, sum)
               ? err_set(err, E_OUT_OF_RANGE, "the receipts add up to more than can be counted")
               : 0;
}

static int park(intake_t *in, item_t *item, err_t *err) {
    char due[FEN_TEXT_MAX], got[FEN_TEXT_MAX];
    const debt_t *debt = &in->debts[item->debt];
    item->fate = FATE_PARKED;
    in->report->parked++;
    const char *text =
        arena_text(in->arena, "%s: %s is due for %s, %s was received", claim_name(item->claim),
                   fen_format(debt->owed.due, due), item->ask->period, fen_format(item->ask->amount_fen, got));
    return text ? tell(in, item, "PARKED", "amount", text, err) : out_of_memory(err);
}

// In the order of the file: what one row pays is no longer owed for the next.
static int decide_rows(intake_t *in, int64_t *bills, err_t *err) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < in->count; i++) {
        item_t *item = &in->items[i];
        if (item->fate != FATE_OPEN) continue;
        debt_t *debt = &in->debts[item->debt];
        fen_t *credit = &in->debts[debt->same_payer].owed.credit;
        debt->owed.credit = *credit;
        item->claim = claim_decide(&debt->owed, item->ask->amount_fen, &item->used);
        if (item->claim == CLAIM_MATCHED) {
            item->fate = FATE_MATCHED;
            in->report->matched++;
            *bills += debt->owed.unpaid;
            *credit -= item->used;
            debt->owed.paid += debt->owed.unpaid;
            debt->owed.unpaid = 0;
        } else {
            rc = park(in, item, err);
        }
        if (rc == 0) rc = count_amount(in, item, err);
    }
    return rc;
}

// ---- writing

static int write_parked(const intake_t *in, err_t *err) {
    rows_t rows;
    const int64_t now_ms = clock_now_ms();
    rows_init(&rows, in->arena, PARKED_COLUMNS);
    for (size_t i = 0; i < in->count; i++) {
        const item_t *item = &in->items[i];
        if (item->fate != FATE_PARKED) continue;
        cell_t *row = rows_add(&rows);
        if (!row) return out_of_memory(err);
        const cell_t cells[PARKED_COLUMNS] = {
            [PARKED_RECEIPT] = cell_text(item->ask->receipt),
            [PARKED_KIND] = cell_text(payer_kind(&item->payer)),
            [PARKED_PAYER] = cell_text(payer_number(&item->payer)),
            [PARKED_PERIOD] = cell_text(item->ask->period),
            [PARKED_AMOUNT] = cell_i64(item->ask->amount_fen),
            [PARKED_PAID_ON] = cell_text(item->ask->paid_on),
            [PARKED_REASON] = cell_text(claim_name(item->claim)),
            [PARKED_DUE] = cell_i64(item->claim == CLAIM_ALREADY_PAID ? 0 : in->debts[item->debt].owed.due),
            [PARKED_SINCE] = cell_i64(now_ms),
            [PARKED_FILE] = cell_text(in->ask->file),
            [PARKED_ROW] = cell_i64(in->ask->first_row + (int64_t)item->index),
            [PARKED_DECISION] = cell_text(""),
            [PARKED_DECIDED_MS] = cell_i64(0),
            [PARKED_DECIDED_BY] = cell_text(""),
            [PARKED_WHY] = cell_text("")};
        memcpy(row, cells, sizeof cells);
    }
    return rows.count ? parked_insert(in->c->ctx->store, &rows, err) : 0;
}

static int write_all(const intake_t *in, err_t *err) {
    payment_t *payments = arena_alloc(in->arena, (in->count + 1) * sizeof *payments);
    held_change_t *changes = arena_alloc(in->arena, (in->count + 1) * sizeof *changes);
    size_t paid = 0, held = 0;
    if (!payments || !changes) return out_of_memory(err);
    for (size_t i = 0; i < in->count; i++) {
        const item_t *item = &in->items[i];
        const Tc__Receive *ask = item->ask;
        const debt_t *debt = &in->debts[item->debt];
        if (item->fate == FATE_MATCHED) {
            payments[paid++] = (payment_t){item->payer, ask->receipt, ask->paid_on,    debt->owed.due,
                                           item->used,  debt->bills,  debt->bill_count};
            changes[held++] =
                (held_change_t){item->payer, ask->receipt, held_credit, -item->used, ask->paid_on, "match"};
        } else if (item->fate == FATE_PARKED) {
            changes[held++] = (held_change_t){item->payer,     ask->receipt, held_parked,
                                              ask->amount_fen, ask->paid_on, claim_name(item->claim)};
        }
    }
    // The payments first: only they can still fail for another reason than the store.
    int rc = payments_book(in->c, payments, paid, NULL, err);
    if (rc == 0) rc = write_parked(in, err);
    return rc ? rc : held_write(in->c, changes, held, err);
}

static int by_row(const void *a, const void *b) {
    const Tc__ReceiptReport__Problem *left = *(Tc__ReceiptReport__Problem *const *)a,
                                     *right = *(Tc__ReceiptReport__Problem *const *)b;
    return (left->row > right->row) - (left->row < right->row);
}

static int check_import(const Tc__ImportReceipts *ask, err_t *err) {
    if (strlen(ask->file) != 64 || strspn(ask->file, "0123456789abcdef") != 64)
        return err_field(err, E_INVALID_FIELD, "file", "file: expected the SHA-256 of the file, 64 of 0-9 a-f");
    if (ask->first_row < 1 || ask->first_row > INT32_MAX - RECEIPTS_PER_IMPORT)
        return err_field(err, E_OUT_OF_RANGE, "first_row", "first_row: rows count from 1");
    if (ask->n_rows > RECEIPTS_PER_IMPORT)
        return err_field(err, E_TOO_LARGE, "rows", "at most %d rows at once", RECEIPTS_PER_IMPORT);
    return 0;
}

static int intake_open(intake_t *in, collection_t *c, const Tc__ImportReceipts *ask, err_t *err) {
    arena_t *arena = c->ctx->arena;
    *in = (intake_t){.c = c, .arena = arena, .ask = ask, .count = ask->n_rows};
    in->items = arena_alloc(arena, (in->count + 1) * sizeof *in->items);
    in->order = arena_alloc(arena, (in->count + 1) * sizeof *in->order);
    in->report = arena_alloc(arena, sizeof *in->report);
    if (!in->items || !in->order || !in->report) return out_of_memory(err);
    tc__receipt_report__init(in->report);
    in->report->problems = arena_alloc(arena, (in->count + 1) * sizeof *in->report->problems);
    return in->report->problems ? 0 : out_of_memory(err);
}

int receipts_import(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                    err_t *err) {
    (void)request;
    const Tc__ImportReceipts *ask = (const Tc__ImportReceipts *)message;
    intake_t in;
    int64_t bills = 0;
    int rc = check_import(ask, err);
    if (rc == 0) rc = intake_open(&in, self, ask, err);
    if (rc == 0) rc = check_rows(&in, err);
    if (rc == 0) rc = find_doubles(&in, err);
    if (rc == 0) rc = lead_payers(&in, err);
    if (rc == 0) rc = keep_own(&in, err);
    if (rc == 0) rc = find_known(&in, err);
    if (rc == 0) rc = find_debts(&in, err);
    if (rc == 0) rc = decide_rows(&in, &bills, err);
    if (rc == 0 && bills > PAYMENT_BILLS_MAX && in.count > 1)
        rc = err_field(err, E_TOO_LARGE, "rows", "these rows pay %lld bills, at most %d at once", (long long)bills,
                       PAYMENT_BILLS_MAX);
    if (rc == 0 && !ask->dry) rc = write_all(&in, err);
    if (rc) return rc;
    qsort(in.report->problems, in.report->n_problems, sizeof *in.report->problems, by_row);
    *reply = &in.report->base;
    return 0;
}
