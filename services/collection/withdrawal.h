// Bills that were paid and are owed no longer: for months after a death or after the end of the employee relation, or
// under two numbers of one human being. Each is taken out of its receipt (event contribution.returned, under a number
// of its own), its credit to the personal account goes back, and its money is parked until somebody decides whose it
// is.
#pragma once
#include "desk.h"

typedef struct withdrawal {
    const char *person, *period; // of a paid bill
    const char *owner;           // whose the money is when the person paid it
    const char *reason;          // died | relation_ended | merged
} withdrawal_t;

// Inside the transaction; a bill that is not there or not paid is left out.
int withdrawals_write(collection_t *c, const withdrawal_t *withdrawals, size_t count, err_t *err) MUST_USE;
