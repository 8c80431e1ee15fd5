// What payers owe, read for many at once.
#pragma once
#include "claim.h"
#include "payment.h"

typedef struct debt {
    payer_key_t payer;
    owed_t owed;
    size_t same_payer;    // index of the first debt of the same payer: its `owed.credit` is the one to count on
    stored_bill_t *bills; // those of which something is owed still, where bills are asked for; NULL: they were not read
    size_t bill_count;
} debt_t;

typedef enum debt_use { DEBTS_LOOKED_AT, DEBTS_PAID } debt_use_t; // to be paid: with bills, for payment.h

// Fill `owed` and `bills` of the debts, which name each payer and period once, all of one payer side by side. There is
// no bound on an employer's bills: all employers together may have DEBTS_BILLS_MAX read, an equal share each, and those
// of one who has more are counted only.
enum { DEBTS_BILLS_MAX = 2 * PAYMENT_BILLS_MAX };
int debts_read(collection_t *c, debt_t *debts, size_t count, debt_use_t use, err_t *err) MUST_USE;
