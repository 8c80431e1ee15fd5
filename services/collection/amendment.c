#include "amendment.h"
#include "common/base/hash.h"
#include "common/base/log.h"
#include "crediting.h"
#include "difference.h"
#include "employer_kinds.h"
#include "life_store.h"
#include "receipts_store.h"
#include "withdrawal.h"
#include <string.h>

enum { P_KEY, P_PERIOD, P_EMPLOYER, P_IDENTITY, P_PAID_ON, P_RECEIPT, P_BODY, P_OWN, P_WAGE };

typedef struct amended { // a period of a person
    const Tc__PersonState *person;
    period_t period;
    const char *employer, *employer_kind; // of the paid bills
    const Tc__Spell *spell;
    size_t first, count;         // its rows
    Tc__ContributionBill **paid; // those of them that are paid, or wait for no receipt
    const size_t *row_of;        // of each
    size_t paid_count;
    bool other_wage, waived; // waived: finance pays all of it, so there is no receipt
} amended_t;

typedef struct work {
    collection_t *c;
    arena_t *arena;
    int64_t at_ms;
    rows_t rows; // bill_pieces_of
    amended_t *months;
    size_t count;
    withdrawal_t *withdrawals;
    size_t withdrawal_count;
    paid_bill_t *anew;
    size_t anew_count;
    rows_t inserted, receipts, wages, bodies;
    const Tc__Receipt **told; // of `receipts`
} work_t;

static int out_of_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

// ---- reading

static int read_rows(work_t *w, const Tc__PersonState *const *persons, const rows_t *amended, err_t *err) {
    rows_t keys;
    int rc = 0;
    rows_init(&keys, w->arena, 4);
    for (size_t i = 0; rc == 0 && i < amended->count; i++) {
        amended_t *month = &w->months[i];
        const cell_t *row = rows_at(amended, i);
        month->person = persons[row[0].i64];
        rc = period_parse(row[1].data, &month->period, err);
        if (rc == 0) rc = key_add(&keys, month->person->person, err);
        if (rc) return rc;
        const period_t last = period_of_difference(month->period.month, DIFFERENCES_MAX);
        cell_t *key = rows_at(&keys, i);
        key[2] = cell_text(month->period.text);
        key[3] = cell_text(arena_text(w->arena, "%s", month->period.yearly ? month->period.text : last.text));
        if (!key[3].data) return out_of_memory(err);
    }
    return bill_pieces_of(w->c->ctx->store, &keys, w->arena, &w->rows, err);
}

static int unpack(const work_t *w, size_t row, Tc__ContributionBill **out, err_t *err) {
    size_t size;
    const void *body = row_blob(&w->rows, row, P_BODY, &size);
    return bill_unpack(body, size, row_i64(&w->rows, row, P_OWN), w->arena, out, err);
}

static bool on_another_wage(const work_t *w, const amended_t *month, size_t row) {
    const Tc__Spell *spell = month->spell;
    const fen_t wage = row_i64(&w->rows, row, P_WAGE);
    return wage && spell && strcmp(spell->identity, row_text(&w->rows, row, P_IDENTITY)) == 0 &&
           strcmp(spell->employer, row_text(&w->rows, row, P_EMPLOYER)) == 0 &&
           wage != period_wage(spell, &month->period);
}

static int take_piece(work_t *w, amended_t *month, size_t row, size_t *row_of, err_t *err) {
    const bool paid = *row_text(&w->rows, row, P_PAID_ON);
    if (!paid && row_i64(&w->rows, row, P_OWN) > 0) return 0;
    if (month->paid_count == 0) {
        month->employer = row_text(&w->rows, row, P_EMPLOYER);
        month->waived = !paid;
    }
    month->other_wage |= paid && on_another_wage(w, month, row);
    row_of[month->paid_count] = row;
    return unpack(w, row, &month->paid[month->paid_count++], err);
}

static int read_pieces(work_t *w, err_t *err) {
    size_t next = 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < w->count; i++) {
        amended_t *month = &w->months[i];
        month->spell = period_spell(w->c->env.policy, month->person, &month->period);
        month->first = next;
        while (next < w->rows.count && row_i64(&w->rows, next, P_KEY) == (int64_t)i) next++;
        month->count = next - month->first;
        size_t *row_of = arena_alloc(w->arena, (month->count + 1) * sizeof *row_of);
        month->paid = arena_alloc(w->arena, (month->count + 1) * sizeof(Tc__ContributionBill *));
        if (!row_of || !month->paid) return out_of_memory(err);
        month->row_of = row_of;
        for (size_t row = month->first; rc == 0 && row < next; row++) rc = take_piece(w, month, row, row_of, err);
    }
    return rc;
}

static int read_kinds(work_t *w, err_t *err) {
    rows_t keys, kinds;
    size_t *asked = arena_alloc(w->arena, (w->count + 1) * sizeof *asked);
    int rc = 0;
    if (!asked) return out_of_memory(err);
    rows_init(&keys, w->arena, 2);
    for (size_t i = 0; rc == 0 && i < w->count; i++) {
        if (!w->months[i].employer || !*w->months[i].employer) continue;
        asked[keys.count] = i;
        rc = key_add(&keys, w->months[i].employer, err);
    }
    if (rc || keys.count == 0) return rc;
    rc = employers_of(w->c->ctx->store, &keys, w->arena, &kinds, err);
    for (size_t i = 0; rc == 0 && i < kinds.count; i++) {
        amended_t *month = &w->months[asked[row_i64(&kinds, i, 0)]];
        rc = employer_kind_of(&kinds, i, month->period.month, w->arena, &month->employer_kind, err);
    }
    return rc;
}

// ---- one period

static int insert_bill(work_t *w, const amended_t *month, const Tc__ContributionBill *bill, const char *period,
                       const char *paid_on, const char *receipt, err_t *err) {
    size_t size;
    void *body = message_pack(&bill->base, w->arena, &size);
    cell_t *row = rows_add(&w->inserted);
    if (!body || !row) return out_of_memory(err);
    const fen_t wage =
        month->other_wage ? period_wage(month->spell, &month->period) : row_i64(&w->rows, month->row_of[0], P_WAGE);
    const cell_t cells[BILL_COLUMNS] = {cell_i64(partition_of(bill->person)),
                                        cell_text(bill->person),
                                        cell_text(period),
                                        cell_text(bill->identity),
                                        cell_text(bill->employer),
                                        cell_i64(bill->total_fen),
                                        cell_text(paid_on),
                                        cell_text(receipt),
                                        cell_blob(body, size),
                                        cell_i64(wage),
                                        cell_i64(bill->own_fen)};
    memcpy(row, cells, sizeof cells);
    return 0;
}

// The number of the next difference of the period.
static int next_number(const work_t *w, const amended_t *month) {
    period_t last;
    const size_t end = month->first + month->count;
    return period_parse(row_text(&w->rows, end - 1, P_PERIOD), &last, NULL) ? 1 : last.difference + 1;
}

// Beside what was paid.
static int bill_more(work_t *w, const amended_t *month, Tc__ContributionBill *more, err_t *err) {
    more->period = arena_text(w->arena, "%s", period_of_difference(month->period.month, next_number(w, month)).text);
    return more->period ? insert_bill(w, month, more, more->period, "", "", err) : out_of_memory(err);
}

static int keep_receipt(work_t *w, const Tc__Receipt *receipt, err_t *err) {
    int rc = receipt_add(&w->receipts, receipt, w->arena, err);
    if (rc == 0) w->told[w->receipts.count - 1] = receipt;
    return rc;
}

// The paid bills go, oldest money first pays the one that comes.
static void take_out(work_t *w, const amended_t *month, fen_t kept) {
    const char *person = month->person->person;
    for (size_t i = 0; i < month->paid_count; i++) {
        const fen_t own = month->paid[i]->own_fen, keep = own < kept ? own : kept;
        kept -= keep;
        w->withdrawals[w->withdrawal_count++] =
            (withdrawal_t){person, row_text(&w->rows, month->row_of[i], P_PERIOD), person,
                           month->other_wage ? "wage_changed" : "moved", keep};
    }
}

static int pay_anew(work_t *w, const amended_t *month, Tc__ContributionBill *anew, err_t *err) {
    const char *paid_on = row_text(&w->rows, month->row_of[0], P_PAID_ON);
    Tc__Receipt *receipt = NULL;
    Tc__Receive ask = TC__RECEIVE__INIT;
    anew->period = (char *)row_text(&w->rows, month->row_of[0], P_PERIOD);
    ask.receipt = withdrawal_number('A', w->at_ms, anew->person, anew->period, w->arena);
    ask.employer = anew->employer;
    ask.person = anew->person;
    ask.period = anew->period;
    ask.paid_on = (char *)paid_on;
    ask.amount_fen = anew->own_fen;
    if (!ask.receipt) return out_of_memory(err);
    int rc = receipt_make(&ask, &anew, 1, w->arena, &receipt, err);
    if (rc == 0) rc = keep_receipt(w, receipt, err);
    if (rc == 0) rc = insert_bill(w, month, anew, anew->period, paid_on, ask.receipt, err);
    take_out(w, month, anew->own_fen);
    w->anew[w->anew_count++] = (paid_bill_t){
        .bill = anew, .person = month->person, .employer_kind = month->employer_kind, .receipt = ask.receipt};
    return rc;
}

// The place of a bill that no receipt has paid stands in its body only.
static int put_place(work_t *w, size_t row, const char *division, err_t *err) {
    Tc__ContributionBill *bill = NULL;
    size_t size;
    int rc = unpack(w, row, &bill, err);
    if (rc || strcmp(bill->division, division) == 0) return rc;
    bill->division = (char *)division;
    void *body = message_pack(&bill->base, w->arena, &size);
    cell_t *cell = rows_add(&w->bodies);
    if (!body || !cell) return out_of_memory(err);
    cell[0] = cell_i64(partition_of(bill->person));
    cell[1] = cell_text(bill->person);
    cell[2] = cell_text(row_text(&w->rows, row, P_PERIOD));
    cell[3] = cell_blob(body, size);
    return 0;
}

static int put_places(work_t *w, const amended_t *month, const char *division, err_t *err) {
    int rc = 0;
    for (size_t row = month->first; rc == 0 && row < month->first + month->count; row++)
        if (!*row_text(&w->rows, row, P_PAID_ON)) rc = put_place(w, row, division, err);
    return rc;
}

static int put_wages(work_t *w, const amended_t *month, err_t *err) {
    for (size_t i = 0; i < month->paid_count; i++) {
        cell_t *cell = rows_add(&w->wages);
        if (!cell) return out_of_memory(err);
        cell[0] = cell_i64(partition_of(month->person->person));
        cell[1] = cell_text(month->person->person);
        cell[2] = cell_text(row_text(&w->rows, month->row_of[i], P_PERIOD));
        cell[3] = cell_i64(period_wage(month->spell, &month->period));
    }
    return 0;
}

// What the period owes now; NULL: as much as before.
static int make_target(const work_t *w, const amended_t *month, Tc__ContributionBill **out, err_t *err) {
    *out = NULL;
    if (!month->other_wage) return 0;
    int rc = bill_make(w->c->env.policy, month->person, month->spell, month->employer_kind, &month->period, w->arena,
                       out, err);
    return rc == 0 && !*out ? err_set(err, E_UNSUPPORTED, "nothing is due for a month that was paid") : rc;
}

static int settle(work_t *w, const amended_t *month, const char *division, const difference_t *difference, err_t *err) {
    int rc = difference->anew ? pay_anew(w, month, difference->anew, err) : 0;
    if (rc == 0 && difference->more) rc = bill_more(w, month, difference->more, err);
    if (rc == 0 && month->other_wage && !difference->anew) rc = put_wages(w, month, err);
    return rc ? rc : put_places(w, month, division, err);
}

static int amend(work_t *w, const amended_t *month, err_t *err) {
    err_t why = {0};
    difference_t difference = {0};
    Tc__ContributionBill *target = NULL;
    if (!month->spell || month->count == 0) return 0;
    const char *division = person_division(month->person, period_place_day(month->spell, &month->period));
    if (month->paid_count == 0 || month->waived) return put_places(w, month, division, err);
    int rc = make_target(w, month, &target, &why);
    if (rc == 0) rc = difference_find(month->paid, month->paid_count, target, division, w->arena, &difference, &why);
    if (rc == 0 && difference.more && next_number(w, month) > DIFFERENCES_MAX)
        rc = err_set(&why, E_TOO_LARGE, "a month has more than %d differences", DIFFERENCES_MAX);
    if (rc == E_IO) return err_set(err, rc, "%s", why.text);
    if (rc) {
        log_warn("difference_undecided", "code=%s period=%s", err_name(rc), month->period.text);
        return 0;
    }
    return settle(w, month, division, &difference, err);
}

// ---- all of them

static int make_room(work_t *w, size_t count, err_t *err) {
    w->months = arena_alloc(w->arena, (count + 1) * sizeof *w->months);
    rows_init(&w->inserted, w->arena, BILL_COLUMNS);
    rows_init(&w->receipts, w->arena, RECEIPT_COLUMNS);
    rows_init(&w->wages, w->arena, 4);
    rows_init(&w->bodies, w->arena, 4);
    return w->months ? 0 : out_of_memory(err);
}

static int decide(work_t *w, err_t *err) {
    w->withdrawals = arena_alloc(w->arena, (w->rows.count + 1) * sizeof *w->withdrawals);
    w->anew = arena_alloc(w->arena, (w->count + 1) * sizeof *w->anew);
    w->told = arena_alloc(w->arena, (w->count + 1) * sizeof(Tc__Receipt *));
    if (!w->withdrawals || !w->anew || !w->told) return out_of_memory(err);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < w->count; i++) rc = amend(w, &w->months[i], err);
    return rc;
}

static int write_all(work_t *w, err_t *err) {
    store_t *store = w->c->ctx->store;
    int rc = withdrawals_write(w->c, w->withdrawals, w->withdrawal_count, w->at_ms, err);
    for (size_t i = 0; rc == 0 && i < w->receipts.count; i++)
        rc = desk_tell(w->c, w->told[i]->payer, "contribution.received", &w->told[i]->base, err);
    if (rc == 0 && w->inserted.count) rc = bills_insert(store, &w->inserted, err);
    if (rc == 0 && w->receipts.count) rc = receipts_insert(store, &w->receipts, err);
    if (rc == 0 && w->wages.count) rc = bills_put_wages(store, &w->wages, err);
    if (rc == 0 && w->bodies.count) rc = bills_put_bodies(store, &w->bodies, err);
    return rc ? rc : crediting_paid(w->c, w->anew, w->anew_count, NULL, err);
}

int amendments_write(collection_t *c, const Tc__PersonState *const *persons, const rows_t *amended, err_t *err) {
    work_t w = {.c = c, .arena = c->ctx->arena, .at_ms = desk_moment_ms(c), .count = amended->count};
    if (amended->count == 0) return 0;
    int rc = make_room(&w, amended->count, err);
    if (rc == 0) rc = read_rows(&w, persons, amended, err);
    if (rc == 0) rc = read_pieces(&w, err);
    if (rc == 0) rc = read_kinds(&w, err);
    if (rc == 0) rc = decide(&w, err);
    if (rc == 0) rc = write_all(&w, err);
    if (rc == 0 && w.inserted.count)
        log_info("bills_amended", "count=%zu taken_out=%zu", w.inserted.count, w.withdrawal_count);
    return rc;
}
