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

// key, bills, unpaid ones, due, paid ones; of persons' bills that are `whole` the body and what is owed, too
static void note_owed(debt_t *debt, const rows_t *found, size_t row, bool whole) {
    owed_t *owed = &debt->owed;
    owed->bills = row_i64(found, row, 1);
    owed->unpaid = row_i64(found, row, 2);
    owed->due = row_i64(found, row, 3);
    owed->paid = row_i64(found, row, 4);
    owed->payer_known = owed->bills > 0;
    if (!whole || owed->unpaid == 0) return;
    debt->bill.body = row_blob(found, row, 5, &debt->bill.size);
    debt->bill.own = owed->due;
}

static int read_owed(collection_t *c, debt_t *debts, size_t count, bool employers, debt_use_t use, err_t *err) {
    asked_t asked;
    rows_t found;
    const bool whole = !employers && use == DEBTS_PAID;
    arena_t *arena = c->ctx->arena;
    int rc = asked_open(&asked, count, employers ? 2 : 3, arena, err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (is_employer(&debts[i]) != employers) continue;
        cell_t *key = rows_add(&asked.keys);
        if (!key) return out_of_memory(err);
        asked.debt[asked.keys.count - 1] = i;
        if (!employers) *key++ = cell_i64(partition_of(debts[i].payer.person));
        *key++ = cell_text(payer_number(&debts[i].payer));
        *key = cell_text(debts[i].payer.period);
    }
    if (rc || asked.keys.count == 0) return rc;
    rc = employers ? owed_of_employers(c->ctx->store, &asked.keys, arena, &found, err)
                   : owed_of_persons(c->ctx->store, &asked.keys, whole, arena, &found, err);
    for (size_t i = 0; rc == 0 && i < found.count; i++)
        note_owed(&debts[asked.debt[row_i64(&found, i, 0)]], &found, i, whole);
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
    for (size_t i = 0; i < count; i++) {
        debts[i].owed = (owed_t){0};
        debts[i].bill = (stored_bill_t){0};
    }
    int rc = read_owed(c, debts, count, true, use, err);
    if (rc == 0) rc = read_owed(c, debts, count, false, use, err);
    if (rc == 0) rc = find_payers(c, debts, count, true, err);
    if (rc == 0) rc = find_payers(c, debts, count, false, err);
    return rc ? rc : read_credits(c, debts, count, err);
}
