// Bills paid by receipts, and unpaid again: bills, receipts, events, personal accounts and entitlement states of many
// payments in one go.
#pragma once
#include "desk.h"

enum { PAYMENT_BILLS_MAX = 20000 }; // of several payments at once; a single one may pay more

typedef struct payment { // what a payer owes for a period: of all its unpaid bills the payer's own lines
    payer_key_t payer;
    const char *receipt; // a new number
    const char *paid_on;
    fen_t amount;               // what is due; E_OUT_OF_RANGE when it is not the sum of the bills
    fen_t credit;               // of it, what the payer's credit pays (the caller writes that change)
    const stored_bill_t *bills; // as debts.h read them in this transaction, by person; NULL: they are read here
    size_t bill_count;
} payment_t;

// Inside the transaction; no payer and period twice. States are computed from what was written, so a failure is told as
// E_RACE, which takes the whole transaction back. `receipts` (may be NULL): one for each payment.
int payments_book(collection_t *c, const payment_t *payments, size_t count, Tc__Receipt ***receipts,
                  err_t *err) MUST_USE;
// The other way round: the bills that this receipt paid are owed again. Failures likewise.
int payment_undo(collection_t *c, const payer_key_t *payer, const Tc__Receipt *receipt, err_t *err) MUST_USE;
