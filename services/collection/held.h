// Money of payers that pays no bill: parked until somebody decides, or kept as the payer's credit. Each change is told
// as event money.held, so that the ledger knows of every fen; credits also stand in a table, with each of their moves.
#pragma once
#include "desk.h"

extern const char held_parked[], held_credit[]; // HeldMoney.kind

typedef struct held_change {
    payer_key_t payer;
    const char *receipt;
    const char *kind;
    fen_t amount;       // negative when it goes; 0 is no change
    const char *on;     // the day of it
    const char *reason; // why it was parked, or the decision
} held_change_t;

int held_write(collection_t *c, const held_change_t *changes, size_t count, err_t *err) MUST_USE;
