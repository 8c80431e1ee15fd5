// A facility is paid in one of two ways: month by month, by statements and payment orders, or directly, by the task of
// a flow (`do_task` with `direct`). Statements are drawn from bills, direct payments from what is owed, so either would
// pay again what the other has paid. What began one way therefore goes on that way; a direct payment that is taken back
// (reverse_entry) counts no more. Called inside a transaction that holds the lock of money (money_begin).
#pragma once
#include "common/store/store.h"

#define DIRECT_TABLES_SQL                                                                                              \
    "CREATE TABLE direct_payment (reference TEXT NOT NULL PRIMARY KEY, facility TEXT NOT NULL, paid_on TEXT NOT "      \
    "NULL);"                                                                                                           \
    "CREATE INDEX direct_payment_facility ON direct_payment (facility, paid_on);"                                      \
    "INSERT INTO direct_payment SELECT DISTINCT j.reference, p.party, j.value_date FROM journal j JOIN posting p"      \
    " ON p.partition = j.partition AND p.number = j.number WHERE j.kind = 'payment' AND p.account LIKE 'payable/%'"    \
    " AND NOT EXISTS (SELECT 1 FROM payment_order o WHERE o.number = j.reference)"                                     \
    " AND NOT EXISTS (SELECT 1 FROM journal c WHERE c.reference = j.reference AND c.kind = 'counter');"

// May it be paid directly? E_EXISTS (field "direct") when it has statements, or something that waits for them: a share
// to hold back, a recovery.
int direct_may_pay(store_t *store, const char *facility, arena_t *arena, err_t *err) MUST_USE;
// May a statement of it be drawn up, or an order drafted? E_EXISTS (field "facility") when it was paid directly.
int direct_may_state(store_t *store, const char *facility, arena_t *arena, err_t *err) MUST_USE;
int direct_keep(store_t *store, const char *reference, const char *facility, const char *paid_on, arena_t *arena,
                err_t *err) MUST_USE;
int direct_taken_back(store_t *store, const char *reference, err_t *err) MUST_USE; // of any order; may be none of these
