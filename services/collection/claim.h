// What becomes of a receipt: does it pay a payer's bills of a period? Pure. Bills of a period are paid all or none;
// what the payer has left with us from earlier receipts makes up for what the receipt lacks.
#pragma once
#include "common/base/money.h"
#include <stdbool.h>

typedef enum claim {
    CLAIM_MATCHED,
    CLAIM_UNMATCHED,     // the payer is known, but was never billed for the period
    CLAIM_OVERPAID,      // more than is due
    CLAIM_UNDERPAID,     // less than is due, the payer's credit counted in
    CLAIM_UNKNOWN_PAYER, // enrolment has not told us of this employer or person
    CLAIM_ALREADY_PAID,  // every bill of the period is paid
    CLAIM_NOTHING_DUE,   // finance pays all of it, and not by a receipt of this payer
} claim_t;

typedef struct owed { // of a payer for a period
    bool payer_known;
    int64_t bills, unpaid; // of them, those of which the payer owes something still
    fen_t due;             // sum of the payer's own lines of the unpaid ones
    fen_t credit;          // what the payer has left with us
    int64_t paid;          // of the bills
} owed_t;

// *used: how much of the credit a match takes, 0 otherwise.
claim_t claim_decide(const owed_t *owed, fen_t amount, fen_t *used);
const char *claim_name(claim_t claim); // "overpaid": ParkedReceipt.reason; "matched"
