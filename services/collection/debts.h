// What payers owe, read for many at once.
#pragma once
#include "claim.h"
#include "desk.h"

typedef struct debt {
    payer_key_t payer;
    owed_t owed;
    size_t same_payer;  // index of the first debt of the same payer: its `owed.credit` is the one to count on
    stored_bill_t bill; // of a person who owes something, where bills are asked for
} debt_t;

typedef enum debt_use { DEBTS_LOOKED_AT, DEBTS_PAID } debt_use_t; // to be paid: with persons' bills, for payment.h

// Fill `owed` and `bill` of the debts, which name each payer and period once, all of one payer side by side. There is
// no bound on an employer's bills, so they are counted here, not read.
int debts_read(collection_t *c, debt_t *debts, size_t count, debt_use_t use, err_t *err) MUST_USE;
