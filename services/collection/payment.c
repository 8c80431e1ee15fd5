#include "payment.h"
#include "common/base/hash.h"
#include "crediting.h"
#include "employer_kinds.h"
#include "own_share.h"
#include "public_sums.h"
#include "receipts_store.h"
#include <stdlib.h>
#include <string.h>

typedef struct book {
    collection_t *c;
    arena_t *arena;
    const payment_t *payments;
    size_t count;
    Tc__Receipt **receipts; // one for each payment
    // All bills with what personal accounts need to know of each: in order of payments, and then of their persons.
    paid_bill_t *bills;
    size_t bill_count;
    const Tc__PersonState **persons; // by partition and number, each once
    size_t *person_of;               // of each bill, in `persons`
    size_t person_count;
    renewal_t renewal;
} book_t;

static int out_of_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

// Something was written already: only a race takes the whole transaction back (common/daemon).
static int spoil(err_t *err) {
    if (err->code != E_STORE) err->code = E_RACE;
    return err->code;
}

// ---- the bills

static int unpack_bill(book_t *book, const stored_bill_t *from, const char *receipt, err_t *err) {
    paid_bill_t *bill = &book->bills[book->bill_count];
    Tc__ContributionBill *stored = NULL;
    int rc = bill_unpack(from->body, from->size, from->own, book->arena, &stored, err);
    bill->bill = stored;
    bill->receipt = receipt;
    if (rc == 0) book->bill_count++;
    return rc;
}

// The body in `column`, what its payer owes in the next one.
static stored_bill_t bill_in(const rows_t *rows, size_t row, size_t column) {
    stored_bill_t bill = {.own = row_i64(rows, row, column + 1)};
    bill.body = row_blob(rows, row, column, &bill.size);
    return bill;
}

// Those that nobody has read yet.
static int find_bills(const book_t *book, bool employers, rows_t *out, err_t *err) {
    rows_t keys;
    store_t *store = book->c->ctx->store;
    rows_init(&keys, book->arena, employers ? 2 : 3);
    for (size_t i = 0; i < book->count; i++) {
        const payer_key_t *payer = &book->payments[i].payer;
        if ((*payer->employer != '\0') != employers || book->payments[i].bills) continue;
        cell_t *key = rows_add(&keys);
        if (!key) return out_of_memory(err);
        if (!employers) *key++ = cell_i64(partition_of(payer->person));
        *key++ = cell_text(payer_number(payer));
        *key = cell_text(payer->period);
    }
    rows_init(out, book->arena, 3);
    if (keys.count == 0) return 0;
    return employers ? unpaid_of_employers(store, &keys, book->arena, out, err)
                     : unpaid_of_persons(store, &keys, book->arena, out, err);
}

// The receipt of payment i from its bills, which begin at `first`.
static int make_receipt(book_t *book, size_t i, size_t first, err_t *err) {
    const payment_t *payment = &book->payments[i];
    const size_t count = book->bill_count - first;
    Tc__Receive ask = TC__RECEIVE__INIT;
    Tc__ContributionBill **bills = arena_alloc(book->arena, (count + 1) * sizeof *bills);
    if (!bills) return out_of_memory(err);
    for (size_t k = 0; k < count; k++) bills[k] = (Tc__ContributionBill *)book->bills[first + k].bill;
    ask.receipt = (char *)payment->receipt;
    ask.employer = (char *)payment->payer.employer;
    ask.person = (char *)payment->payer.person;
    ask.period = (char *)payment->payer.period;
    ask.paid_on = (char *)payment->paid_on;
    ask.amount_given_case = TC__RECEIVE__AMOUNT_GIVEN_AMOUNT_FEN;
    ask.amount_fen = payment->amount;
    int rc = receipt_make(&ask, bills, count, book->arena, &book->receipts[i], err);
    if (rc == 0) book->receipts[i]->credit_fen = payment->credit;
    return rc;
}

typedef struct found_bills { // rows come in the order of their keys, and those in the order of payments
    rows_t rows;
    size_t next, key;
} found_bills_t;

static int bills_of_payment(book_t *book, const payment_t *payment, found_bills_t *found, err_t *err) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < payment->bill_count; i++)
        rc = unpack_bill(book, &payment->bills[i], payment->receipt, err);
    if (payment->bills) return rc;
    while (rc == 0 && found->next < found->rows.count && row_i64(&found->rows, found->next, 0) == (int64_t)found->key) {
        const stored_bill_t bill = bill_in(&found->rows, found->next++, 1);
        rc = unpack_bill(book, &bill, payment->receipt, err);
    }
    found->key++;
    return rc;
}

static int read_bills(book_t *book, err_t *err) {
    found_bills_t found[2] = {0}; // of persons, of employers
    int rc = find_bills(book, false, &found[0].rows, err);
    if (rc == 0) rc = find_bills(book, true, &found[1].rows, err);
    if (rc) return rc;
    size_t room = found[0].rows.count + found[1].rows.count;
    for (size_t i = 0; i < book->count; i++) room += book->payments[i].bill_count;
    book->bills = arena_alloc(book->arena, (room + 1) * sizeof *book->bills);
    book->receipts = arena_alloc(book->arena, (book->count + 1) * sizeof *book->receipts);
    if (!book->bills || !book->receipts) return out_of_memory(err);
    for (size_t i = 0; rc == 0 && i < book->count; i++) {
        const payment_t *payment = &book->payments[i];
        const size_t first = book->bill_count;
        rc = bills_of_payment(book, payment, &found[*payment->payer.employer ? 1 : 0], err);
        for (size_t k = first; k < book->bill_count; k++) book->bills[k].paid_on = payment->paid_on;
        if (rc == 0) rc = make_receipt(book, i, first, err);
    }
    return rc;
}

// ---- their persons

typedef struct place { // of a bill
    uint32_t partition;
    size_t at;
    paid_bill_t bill;
} place_t;

static int by_person(const void *a, const void *b) {
    const place_t *x = a, *y = b;
    if (x->partition != y->partition) return x->partition < y->partition ? -1 : 1;
    const int order = strcmp(x->bill.bill->person, y->bill.bill->person);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

// Bills in the order in which tables keep persons: what is read and written one after the other is on few pages.
static int sort_bills(book_t *book, err_t *err) {
    place_t *places = arena_alloc(book->arena, (book->bill_count + 1) * sizeof *places);
    if (!places) return out_of_memory(err);
    for (size_t i = 0; i < book->bill_count; i++)
        places[i] = (place_t){partition_of(book->bills[i].bill->person), i, book->bills[i]};
    qsort(places, book->bill_count, sizeof *places, by_person);
    for (size_t i = 0; i < book->bill_count; i++) book->bills[i] = places[i].bill;
    return 0;
}

static int list_persons(book_t *book, rows_t *keys, err_t *err) {
    book->person_of = arena_alloc(book->arena, (book->bill_count + 1) * sizeof *book->person_of);
    rows_init(keys, book->arena, 2);
    if (!book->person_of || !rows_reserve(keys, book->bill_count)) return out_of_memory(err);
    for (size_t i = 0; i < book->bill_count; i++) {
        const char *person = book->bills[i].bill->person;
        int rc = i && strcmp(book->bills[i - 1].bill->person, person) == 0 ? 0 : key_add(keys, person, err);
        if (rc) return rc;
        book->person_of[i] = keys->count - 1;
    }
    book->person_count = keys->count;
    return 0;
}

static int unpack_persons(book_t *book, const rows_t *rows, err_t *err) {
    int rc = 0;
    book->persons = arena_alloc(book->arena, (rows->count + 1) * sizeof *book->persons);
    if (!book->persons) return out_of_memory(err);
    for (size_t i = 0; rc == 0 && i < rows->count; i++) {
        size_t size;
        const void *state = row_blob(rows, i, 2, &size);
        rc = message_unpack((ProtobufCMessage **)&book->persons[i], &tc__person_state__descriptor, state, size,
                            book->arena, err);
    }
    for (size_t i = 0; rc == 0 && i < book->bill_count; i++) book->bills[i].person = book->persons[book->person_of[i]];
    return rc;
}

static int read_persons(book_t *book, err_t *err) {
    rows_t keys, rows;
    int rc = sort_bills(book, err);
    if (rc == 0) rc = list_persons(book, &keys, err);
    if (rc == 0) rc = persons_of(book->c->ctx->store, &keys, book->arena, &rows, err);
    if (rc == 0 && rows.count != keys.count) rc = err_set(err, E_INTERNAL, "a bill's person is not known");
    return rc ? rc : unpack_persons(book, &rows, err);
}

static int kind_of_bill(const book_t *book, paid_bill_t *bill, const rows_t *kinds, size_t row, err_t *err) {
    period_t period;
    int rc = period_parse(bill->bill->period, &period, err);
    return rc ? rc : employer_kind_of(kinds, row, period.month, book->arena, &bill->employer_kind, err);
}

// The kind of the employer behind each bill; in order of payments those of one employer stand together.
static int read_employers(book_t *book, err_t *err) {
    rows_t keys, kinds;
    int rc = 0;
    rows_init(&keys, book->arena, 2);
    for (size_t i = 0; rc == 0 && i < book->bill_count; i++)
        if (i == 0 || strcmp(book->bills[i].bill->employer, book->bills[i - 1].bill->employer) != 0)
            rc = key_add(&keys, book->bills[i].bill->employer, err);
    if (rc || keys.count == 0) return rc;
    rc = employers_of(book->c->ctx->store, &keys, book->arena, &kinds, err);
    size_t key = 0, row = 0;
    for (size_t i = 0; rc == 0 && i < book->bill_count; i++) {
        if (i > 0 && strcmp(book->bills[i].bill->employer, book->bills[i - 1].bill->employer) != 0) key++;
        while (row < kinds.count && row_i64(&kinds, row, 0) < (int64_t)key) row++;
        if (row < kinds.count && row_i64(&kinds, row, 0) == (int64_t)key)
            rc = kind_of_bill(book, &book->bills[i], &kinds, row, err);
    }
    return rc;
}

// ---- writing

// Does what is paid, or is not any more, count as paid by public money?
static bool brings_public(const Tc__ContributionBill *bill) {
    bool any = false;
    for (size_t i = 0; i < bill->n_lines; i++) {
        const int payer = payer_from_name(bill->lines[i]->payer);
        any |= (payer == PAYER_FINANCE || payer == PAYER_UNEMPLOYMENT_FUND) && bill_brings(bill, bill->lines[i]);
    }
    return any;
}

static int touch_sums(const book_t *book, err_t *err) {
    rows_t rows;
    rows_init(&rows, book->arena, 3);
    for (size_t i = 0; i < book->bill_count; i++) {
        const Tc__ContributionBill *bill = book->bills[i].bill;
        if (!brings_public(bill)) continue;
        cell_t *row = rows_add(&rows);
        if (!row) return out_of_memory(err);
        row[0] = cell_i64(partition_of(bill->person));
        row[1] = cell_text(bill->person);
        row[2] = cell_text(bill->period);
    }
    return public_sums_touch(book->c->ctx->store, &rows, NULL, err);
}

static int mark_paid(const book_t *book, err_t *err) {
    rows_t rows;
    rows_init(&rows, book->arena, 5);
    if (!rows_reserve(&rows, book->bill_count)) return out_of_memory(err);
    for (size_t i = 0; i < book->bill_count; i++) {
        const Tc__ContributionBill *bill = book->bills[i].bill;
        cell_t *row = rows_add(&rows);
        if (!row) return out_of_memory(err);
        row[0] = cell_i64(partition_of(bill->person));
        row[1] = cell_text(bill->person);
        row[2] = cell_text(bill->period);
        row[3] = cell_text(book->bills[i].paid_on);
        row[4] = cell_text(book->bills[i].receipt);
    }
    return bills_pay(book->c->ctx->store, &rows, err);
}

static int keep_receipts(const book_t *book, err_t *err) {
    rows_t rows;
    int rc = 0;
    rows_init(&rows, book->arena, RECEIPT_COLUMNS);
    if (!rows_reserve(&rows, book->count)) return out_of_memory(err);
    for (size_t i = 0; rc == 0 && i < book->count; i++) {
        const Tc__Receipt *receipt = book->receipts[i];
        rc = receipt_add(&rows, receipt, book->arena, err);
        if (rc == 0) rc = desk_tell(book->c, receipt->payer, "contribution.received", &receipt->base, err);
    }
    return rc ? rc : receipts_insert(book->c->ctx->store, &rows, err);
}

static int decide(book_t *book, month_t *first_paid, err_t *err) {
    return renew_decide(&book->c->env, book->persons, book->person_count, first_paid, book->arena, &book->renewal, err);
}

static int renew(const book_t *book, err_t *err) {
    return renew_write(&book->c->env, &book->renewal, book->arena, err);
}

// Accounts and states are both made of what was paid up to now, which is read once.
static int credit_and_renew(book_t *book, err_t *err) {
    month_t *by_person = arena_alloc(book->arena, (book->person_count + 1) * sizeof *by_person);
    month_t *by_bill = arena_alloc(book->arena, (book->bill_count + 1) * sizeof *by_bill);
    if (!by_person || !by_bill) return out_of_memory(err);
    int rc = decide(book, by_person, err);
    for (size_t i = 0; i < book->bill_count; i++) by_bill[i] = by_person[book->person_of[i]];
    if (rc == 0) rc = crediting_paid(book->c, book->bills, book->bill_count, by_bill, err);
    return rc ? rc : renew(book, err);
}

int payments_book(collection_t *c, const payment_t *payments, size_t count, Tc__Receipt ***receipts, err_t *err) {
    book_t book = {.c = c, .arena = c->ctx->arena, .payments = payments, .count = count};
    if (count == 0) return 0;
    int rc = read_bills(&book, err);
    if (rc == 0) rc = read_employers(&book, err);
    if (rc == 0) rc = read_persons(&book, err);
    if (rc) return rc;
    rc = mark_paid(&book, err);
    if (rc == 0) rc = touch_sums(&book, err);
    if (rc == 0) rc = keep_receipts(&book, err);
    if (rc == 0) rc = credit_and_renew(&book, err);
    if (rc) return spoil(err);
    if (receipts) *receipts = book.receipts;
    return 0;
}

// ---- and back

static int read_paid(book_t *book, const payer_key_t *payer, const char *receipt, err_t *err) {
    rows_t rows;
    int rc = paid_by(book->c->ctx->store, payer, receipt, book->arena, &rows, err);
    if (rc) return rc;
    if (!(book->bills = arena_alloc(book->arena, (rows.count + 1) * sizeof *book->bills))) return out_of_memory(err);
    for (size_t i = 0; rc == 0 && i < rows.count; i++) {
        const stored_bill_t bill = bill_in(&rows, i, 0);
        rc = unpack_bill(book, &bill, receipt, err);
    }
    return rc;
}

// A receipt from before payers' shares were kept brought the lines of public money as well; they are not owed again.
static int renew_shares(const book_t *book, err_t *err) {
    rows_t rows;
    rows_init(&rows, book->arena, 4);
    for (size_t i = 0; i < book->bill_count; i++) {
        const Tc__ContributionBill *bill = book->bills[i].bill;
        const fen_t own = bill_own(bill);
        if (own == bill->own_fen) continue;
        cell_t *row = rows_add(&rows);
        if (!row) return out_of_memory(err);
        row[0] = cell_i64(partition_of(bill->person));
        row[1] = cell_text(bill->person);
        row[2] = cell_text(bill->period);
        row[3] = cell_i64(own);
    }
    return rows.count ? own_share_put(book->c->ctx->store, &rows, err) : 0;
}

int payment_undo(collection_t *c, const payer_key_t *payer, const Tc__Receipt *receipt, err_t *err) {
    book_t book = {.c = c, .arena = c->ctx->arena};
    int rc = read_paid(&book, payer, receipt->receipt, err);
    if (rc == 0) rc = read_employers(&book, err);
    if (rc == 0) rc = read_persons(&book, err);
    if (rc) return rc;
    rc = bills_unpay(c->ctx->store, payer, receipt->receipt, err);
    if (rc == 0) rc = touch_sums(&book, err);
    if (rc == 0) rc = renew_shares(&book, err);
    if (rc == 0) rc = desk_tell(c, receipt->payer, "contribution.returned", &receipt->base, err);
    if (rc == 0) rc = crediting_unpaid(c, book.bills, book.bill_count, err);
    if (rc == 0) rc = decide(&book, NULL, err);
    if (rc == 0) rc = renew(&book, err);
    return rc ? spoil(err) : 0;
}
