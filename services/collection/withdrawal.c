#include "withdrawal.h"
#include "common/base/hash.h"
#include "common/base/log.h"
#include "crediting.h"
#include "held.h"
#include "life_store.h"
#include "receipts_store.h"
#include <string.h>

typedef struct taken { // a bill taken out
    const withdrawal_t *why;
    Tc__ContributionBill *bill;
    Tc__Receipt *receipt; // of this bill alone, under the new number
    const char *from;     // the receipt that paid it
    const void *body;
    size_t body_bytes;
    payer_key_t payer; // whose money is parked
} taken_t;

typedef struct work {
    collection_t *c;
    arena_t *arena;
    taken_t *taken;
    size_t count;
    int64_t at_ms;
} work_t;

static int out_of_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

static int add_key(rows_t *keys, const char *person, const char *period, err_t *err) {
    int rc = key_add(keys, person, err);
    if (rc == 0) rows_at(keys, keys->count - 1)[2] = cell_text(period);
    return rc;
}

// ---- what is taken out

// A number that no receipt has: a space cannot stand in one, and a bill is taken out once at a moment.
char *withdrawal_number(char letter, int64_t at_ms, const char *person, const char *period, arena_t *arena) {
    char *number = arena_text(arena, "%c.%lld.%s.%s", letter, (long long)at_ms, person, period);
    for (char *c = number; c && *c; c++)
        if (*c == ' ') *c = '-';
    return number;
}

static int take_row(work_t *w, const withdrawal_t *why, const rows_t *rows, size_t row, err_t *err) {
    taken_t *taken = &w->taken[w->count];
    const char *employer = row_text(rows, row, 1);
    Tc__Receive ask = TC__RECEIVE__INIT;
    *taken = (taken_t){.why = why, .from = row_text(rows, row, 2)};
    taken->body = row_blob(rows, row, 4, &taken->body_bytes);
    int rc = bill_unpack(taken->body, taken->body_bytes, row_i64(rows, row, 6), w->arena, &taken->bill, err);
    if (rc) return rc;
    taken->payer =
        payer_of(*employer ? payer_employer : payer_person, *employer ? employer : why->owner, taken->bill->period);
    ask.receipt = withdrawal_number('W', w->at_ms, taken->bill->person, taken->bill->period, w->arena);
    ask.person = (char *)row_text(rows, row, 5); // as the receipt that paid it names the payer
    ask.period = taken->bill->period;
    ask.paid_on = (char *)row_text(rows, row, 3);
    ask.amount_fen = taken->bill->own_fen;
    if (!ask.receipt) return out_of_memory(err);
    rc = receipt_make(&ask, &taken->bill, 1, w->arena, &taken->receipt, err);
    w->count += rc == 0;
    return rc;
}

static int read_bills(work_t *w, const withdrawal_t *withdrawals, size_t count, err_t *err) {
    rows_t keys, rows;
    int rc = 0;
    rows_init(&keys, w->arena, 3);
    if (!(w->taken = arena_alloc(w->arena, (count + 1) * sizeof *w->taken))) return out_of_memory(err);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = add_key(&keys, withdrawals[i].person, withdrawals[i].period, err);
    if (rc == 0) rc = bills_paid_of(w->c->ctx->store, &keys, w->arena, &rows, err);
    for (size_t i = 0; rc == 0 && i < rows.count; i++)
        rc = take_row(w, &withdrawals[row_i64(&rows, i, 0)], &rows, i, err);
    return rc;
}

// ---- writing

static int reverse_credits(const work_t *w, err_t *err) {
    paid_bill_t *bills = arena_alloc(w->arena, (w->count + 1) * sizeof *bills);
    if (!bills) return out_of_memory(err);
    for (size_t i = 0; i < w->count; i++)
        bills[i] = (paid_bill_t){.bill = w->taken[i].bill, .receipt = w->taken[i].from};
    return crediting_unpaid(w->c, bills, w->count, err);
}

static int keep_withdrawn(const work_t *w, err_t *err) {
    rows_t rows, keys;
    int rc = 0;
    rows_init(&rows, w->arena, WITHDRAWN_COLUMNS);
    rows_init(&keys, w->arena, 3);
    for (size_t i = 0; rc == 0 && i < w->count; i++) {
        const taken_t *t = &w->taken[i];
        cell_t *row = rows_add(&rows);
        if (!row) return out_of_memory(err);
        const cell_t cells[WITHDRAWN_COLUMNS] = {
            cell_text(t->receipt->receipt), cell_text(t->from),         cell_i64(partition_of(t->bill->person)),
            cell_text(t->bill->person),     cell_text(t->bill->period), cell_i64(t->bill->own_fen),
            cell_text(t->why->reason),      cell_i64(w->at_ms),         cell_blob(t->body, t->body_bytes)};
        memcpy(row, cells, sizeof cells);
        rc = add_key(&keys, t->bill->person, t->bill->period, err);
    }
    if (rc == 0) rc = bills_take_out(w->c->ctx->store, &keys, err);
    return rc ? rc : withdrawn_insert(w->c->ctx->store, &rows, err);
}

static fen_t surplus_of(const taken_t *t) { return t->bill->own_fen - t->why->kept; }

static int park_row(const work_t *w, const taken_t *t, rows_t *rows, err_t *err) {
    if (surplus_of(t) == 0) return 0;
    cell_t *row = rows_add(rows);
    if (!row) return out_of_memory(err);
    const cell_t cells[PARKED_COLUMNS] = {[PARKED_RECEIPT] = cell_text(t->receipt->receipt),
                                          [PARKED_KIND] = cell_text(payer_kind(&t->payer)),
                                          [PARKED_PAYER] = cell_text(payer_number(&t->payer)),
                                          [PARKED_PERIOD] = cell_text(t->bill->period),
                                          [PARKED_AMOUNT] = cell_i64(surplus_of(t)),
                                          [PARKED_PAID_ON] = cell_text(t->receipt->paid_on),
                                          [PARKED_REASON] = cell_text(t->why->reason),
                                          [PARKED_DUE] = cell_i64(0),
                                          [PARKED_SINCE] = cell_i64(w->at_ms),
                                          [PARKED_FILE] = cell_text(""),
                                          [PARKED_ROW] = cell_i64(0),
                                          [PARKED_DECISION] = cell_text(""),
                                          [PARKED_DECIDED_MS] = cell_i64(0),
                                          [PARKED_DECIDED_BY] = cell_text(""),
                                          [PARKED_WHY] = cell_text("")};
    memcpy(row, cells, sizeof cells);
    return 0;
}

static int park(const work_t *w, err_t *err) {
    rows_t rows;
    int rc = 0;
    held_change_t *changes = arena_alloc(w->arena, (w->count + 1) * sizeof *changes);
    if (!changes) return out_of_memory(err);
    rows_init(&rows, w->arena, PARKED_COLUMNS);
    for (size_t i = 0; rc == 0 && i < w->count; i++) {
        const taken_t *t = &w->taken[i];
        changes[i] = (held_change_t){t->payer,      t->receipt->receipt, held_parked,
                                     surplus_of(t), t->receipt->paid_on, t->why->reason};
        rc = desk_tell(w->c, t->receipt->payer, "contribution.returned", &t->receipt->base, err);
        if (rc == 0) rc = park_row(w, t, &rows, err);
    }
    if (rc == 0) rc = held_write(w->c, changes, w->count, err);
    return rc ? rc : parked_insert(w->c->ctx->store, &rows, err);
}

int withdrawals_write(collection_t *c, const withdrawal_t *withdrawals, size_t count, int64_t at_ms, err_t *err) {
    work_t w = {.c = c, .arena = c->ctx->arena, .at_ms = at_ms};
    if (count == 0) return 0;
    int rc = read_bills(&w, withdrawals, count, err);
    if (rc || w.count == 0) return rc;
    rc = keep_withdrawn(&w, err);
    if (rc == 0) rc = reverse_credits(&w, err); // by what is still paid then
    if (rc == 0) rc = park(&w, err);
    if (rc == 0) log_info("bills_withdrawn", "count=%zu", w.count);
    return rc;
}
