#include "claim.h"

claim_t claim_decide(const owed_t *owed, fen_t amount, fen_t *used) {
    *used = 0;
    if (owed->bills == 0) return owed->payer_known ? CLAIM_UNMATCHED : CLAIM_UNKNOWN_PAYER;
    if (owed->unpaid == 0) return owed->paid ? CLAIM_ALREADY_PAID : CLAIM_NOTHING_DUE;
    if (amount > owed->due) return CLAIM_OVERPAID;
    if (owed->due - amount > owed->credit) return CLAIM_UNDERPAID;
    *used = owed->due - amount;
    return CLAIM_MATCHED;
}

const char *claim_name(claim_t claim) {
    switch (claim) {
    case CLAIM_MATCHED: return "matched";
    case CLAIM_UNMATCHED: return "unmatched";
    case CLAIM_OVERPAID: return "overpaid";
    case CLAIM_UNDERPAID: return "underpaid";
    case CLAIM_UNKNOWN_PAYER: return "unknown_payer";
    case CLAIM_ALREADY_PAID: return "already_paid";
    case CLAIM_NOTHING_DUE: return "nothing_due";
    }
    return "unmatched";
}
