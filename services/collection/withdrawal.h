// Bills that were paid and are owed no longer: for months after a death or after the end of the employee relation, or
// under two numbers of one human being, or because another bill takes their place (amendment.h). Each is taken out of
// its receipt (event contribution.returned, under a number of its own), its credit to the personal account goes back,
// and its money, as far as it pays nothing else, is parked until somebody decides whose it is.
#pragma once
#include "desk.h"

typedef struct withdrawal {
    const char *person, *period; // of a paid bill
    const char *owner;           // whose the money is when the person paid it
    const char *reason;          // died | relation_ended | merged | wage_changed | moved
    fen_t kept;                  // of its money, what pays the bill that takes its place
} withdrawal_t;

// Inside the transaction; a bill that is not there or not paid is left out. `at_ms`: desk_moment_ms, part of the
// numbers: a bill may be taken out, paid anew and taken out again within one millisecond.
int withdrawals_write(collection_t *c, const withdrawal_t *withdrawals, size_t count, int64_t at_ms,
                      err_t *err) MUST_USE;
// "W.1521158400000.P1.2018-03"; with another first letter the number of the receipt that takes its place.
char *withdrawal_number(char letter, int64_t at_ms, const char *person, const char *period, arena_t *arena);
