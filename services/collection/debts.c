#include "debts.h"
#include "common/base/hash.h"
#include "receipts_store.h"
#include <string.h>

static int out_of_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

static bool is_employer(const debt_t *debt) { return *debt->payer.employer != '\0'; }

static bool same_payer(const debt_t *a, const debt_t *b) {
    return strcmp(a->payer.employer, b->payer.employer) == 0 && strcmp(a->payer.person, b->payer.person) == 0;
}

typedef struct asked { // keys, and which debts they stand for
    rows_t keys;
    size_t *debt;
} asked_t;

static int asked_open(asked_t *asked, size_t count, size_t width, arena_t *arena, err_t *err) {
    rows_init(&asked->keys, arena, width);
    asked->debt = arena_alloc(arena, (count + 1) * sizeof *asked->debt);
    return asked->debt ? 0 : out_of_memory(err);
}

// Those whose bills were not read; `most` bills of each employer, 0: no bound is asked for.
static int ask(const debt_t *debts, size_t count, bool employers, int64_t most, asked_t *asked, arena_t *arena,
               err_t *err) {
    int rc = asked_open(asked, count, employers && !most ? 2 : 3, arena, err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (is_employer(&debts[i]) != employers || debts[i].bills) continue;
        cell_t *key = rows_add(&asked->keys);
        if (!key) return out_of_memory(err);
        asked->debt[asked->keys.count - 1] = i;
        if (!employers) *key++ = cell_i64(partition_of(debts[i].payer.person));
        *key++ = cell_text(payer_number(&debts[i].payer));
        *key++ = cell_text(debts[i].payer.period);
        if (employers && most) *key = cell_i64(most);
    }
    return rc;
}

// key, bills, unpaid ones, due, paid ones
static int add_owed(owed_t *owed, const rows_t *found, size_t row, err_t *err) {
    owed->bills += row_i64(found, row, 1);
    owed->unpaid += row_i64(found, row, 2);
    owed->paid += row_i64(found, row, 4);
    owed->payer_known = owed->bills > 0;
    return fen_add(owed->due, row_i64(found, row, 3), &owed->due)
               ? err_set(err, E_OUT_OF_RANGE, "more is due than can be counted")
               : 0;
}

// The body behind these columns.
static void keep_bill(debt_t *debt, const rows_t *found, size_t row) {
    if (row_i64(found, row, 2) == 0) return;
    stored_bill_t *bill = &debt->bills[debt->bill_count++];
    bill->own = row_i64(found, row, 3);
    bill->body = row_blob(found, row, 5, &bill->size);
}

static int64_t share_of_each(const debt_t *debts, size_t count) {
    int64_t employers = 0;
    for (size_t i = 0; i < count; i++) employers += is_employer(&debts[i]);
    return employers ? DEBTS_BILLS_MAX / employers + 1 : 0;
}

// What is owed, from the bills; who has as many as were asked for may have more, and is counted.
static int read_bills(collection_t *c, debt_t *debts, size_t count, bool employers, err_t *err) {
    asked_t asked;
    rows_t found;
    store_t *store = c->ctx->store;
    arena_t *arena = c->ctx->arena;
    const int64_t most = employers ? share_of_each(debts, count) : 2;
    int rc = ask(debts, count, employers, most, &asked, arena, err);
    if (rc || asked.keys.count == 0) return rc;
    rc = employers ? owed_by_employers(store, &asked.keys, arena, &found, err)
                   : owed_by_persons(store, &asked.keys, arena, &found, err);
    if (rc) return rc;
    stored_bill_t *bills = arena_alloc(arena, (found.count + 1) * sizeof *bills);
    if (!bills) return out_of_memory(err);
    for (size_t key = 0, row = 0, end = 0; rc == 0 && key < asked.keys.count; key++, row = end) {
        debt_t *debt = &debts[asked.debt[key]];
        while (end < found.count && row_i64(&found, end, 0) == (int64_t)key) end++;
        if (end - row >= (size_t)most) continue;
        debt->bills = bills + row;
        for (size_t i = row; rc == 0 && i < end; i++) {
            rc = add_owed(&debt->owed, &found, i, err);
            keep_bill(debt, &found, i);
        }
    }
    return rc;
}

static int count_bills(collection_t *c, debt_t *debts, size_t count, bool employers, err_t *err) {
    asked_t asked;
    rows_t found;
    store_t *store = c->ctx->store;
    arena_t *arena = c->ctx->arena;
    int rc = ask(debts, count, employers, 0, &asked, arena, err);
    if (rc || asked.keys.count == 0) return rc;
    rc = employers ? owed_of_employers(store, &asked.keys, arena, &found, err)
                   : owed_of_persons(store, &asked.keys, arena, &found, err);
    for (size_t i = 0; rc == 0 && i < found.count; i++)
        rc = add_owed(&debts[asked.debt[row_i64(&found, i, 0)]].owed, &found, i, err);
    return rc;
}

// Who was never billed may still be known.
static int find_payers(collection_t *c, debt_t *debts, size_t count, bool employers, err_t *err) {
    asked_t asked;
    rows_t found;
    arena_t *arena = c->ctx->arena;
    int rc = asked_open(&asked, count, 2, arena, err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (is_employer(&debts[i]) != employers || debts[i].owed.payer_known) continue;
        rc = key_add(&asked.keys, payer_number(&debts[i].payer), err);
        if (rc == 0) asked.debt[asked.keys.count - 1] = i;
    }
    if (rc || asked.keys.count == 0) return rc;
    rc = employers ? employers_of(c->ctx->store, &asked.keys, arena, &found, err)
                   : persons_of(c->ctx->store, &asked.keys, arena, &found, err);
    for (size_t i = 0; rc == 0 && i < found.count; i++)
        debts[asked.debt[row_i64(&found, i, 0)]].owed.payer_known = true;
    return rc;
}

static int read_credits(collection_t *c, debt_t *debts, size_t count, err_t *err) {
    asked_t asked;
    rows_t found;
    int rc = asked_open(&asked, count, 2, c->ctx->arena, err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        const bool same = i > 0 && same_payer(&debts[i - 1], &debts[i]);
        debts[i].same_payer = same ? debts[i - 1].same_payer : i;
        if (same) continue;
        cell_t *key = rows_add(&asked.keys);
        if (!key) return out_of_memory(err);
        asked.debt[asked.keys.count - 1] = i;
        key[0] = cell_text(payer_kind(&debts[i].payer));
        key[1] = cell_text(payer_number(&debts[i].payer));
    }
    if (rc == 0) rc = credits_of(c->ctx->store, &asked.keys, c->ctx->arena, &found, err);
    for (size_t i = 0; rc == 0 && i < found.count; i++)
        debts[asked.debt[row_i64(&found, i, 0)]].owed.credit = row_i64(&found, i, 1);
    return rc;
}

int debts_read(collection_t *c, debt_t *debts, size_t count, debt_use_t use, err_t *err) {
    if (count == 0) return 0;
    for (size_t i = 0; i < count; i++) debts[i] = (debt_t){.payer = debts[i].payer};
    int rc = use == DEBTS_PAID ? read_bills(c, debts, count, true, err) : 0;
    if (rc == 0 && use == DEBTS_PAID) rc = read_bills(c, debts, count, false, err);
    if (rc == 0) rc = count_bills(c, debts, count, true, err);
    if (rc == 0) rc = count_bills(c, debts, count, false, err);
    if (rc == 0) rc = find_payers(c, debts, count, true, err);
    if (rc == 0) rc = find_payers(c, debts, count, false, err);
    return rc ? rc : read_credits(c, debts, count, err);
}
