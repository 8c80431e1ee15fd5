// How the interest of one bank account is shared by the ledgers that it holds, by the city's section `interest`. Pure;
// the caller brings the ledgers with room for their parts. The parts add up to the interest to the fen: each gets the
// whole fen of its proportion, what is left goes to the largest remainders, the earlier ledger first.
#pragma once
#include "common/policy/interest.h"

enum { INTEREST_LEDGERS_MAX = 1000 };

typedef struct interest_balance { // from the day `from` until the next one
    date_t from;
    fen_t amount; // >= 0
} interest_balance_t;

typedef struct interest_ledger {
    const char *name;
    const interest_balance_t *balances; // the first on the first day of the period, in the order of their days
    size_t balance_count;
    fen_t interest; // out
    wide_t weight;  // out: fen-days (or fen) that it is measured by
    wide_t rest;    // scratch
} interest_ledger_t;

// `from` and `to` are both included. E_INVALID_FIELD: two ledgers of one name. E_OUT_OF_RANGE: the period ends before
// it begins, more than INTEREST_LEDGERS_MAX ledgers, balances that are missing, out of order or outside the period, or
// nothing but zeros to share by. Then E_UNSUPPORTED without the section. On failure no `interest` counts.
int interest_share(const policy_t *policy, date_t from, date_t to, fen_t amount, interest_ledger_t *ledgers,
                   size_t count, err_t *err) MUST_USE;
