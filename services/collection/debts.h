// What payers owe, read for many at once.
#pragma once
#include "claim.h"
#include "desk.h"

typedef struct debt {
    payer_key_t payer;
    owed_t owed;
    size_t same_payer; // index of the first debt of the same payer: its `owed.credit` is the one to count on
} debt_t;

// Fill `owed` of the debts, which name each payer and period once, all of one payer side by side.
int debts_read(collection_t *c, debt_t *debts, size_t count, err_t *err) MUST_USE;
