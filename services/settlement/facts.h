// What the ledger says that the fund's calendar asks: receipts, payments, what is owed, revenue and spending. Sums over
// postings by value date; they read, and decide nothing.
#pragma once
#include "task_store.h"

// What came into a money account by receipts with value dates from … to, by fund and county (of one county where
// `county` is not NULL).
int facts_received(store_t *store, const char *account, const char *county, const char *from, const char *to,
                   arena_t *arena, task_lines_t *out, err_t *err) MUST_USE;
// What facilities were paid out of it.
int facts_paid(store_t *store, const char *account, const char *county, const char *from, const char *to,
               arena_t *arena, task_lines_t *out, err_t *err) MUST_USE;

typedef struct fact_owed { // to a facility, of one layer and year
    const char *facility, *layer, *fund, *county;
    int32_t year;
    fen_t amount; // not 0; below 0: it owes
} fact_owed_t;
// For bills with value dates up to `to`, less all payments; in the order of facilities; of one county where that is not
// NULL. At most TASK_LINES_MAX.
int facts_owed(store_t *store, const char *county, const char *to, arena_t *arena, fact_owed_t **out, size_t *count,
               err_t *err) MUST_USE;

typedef struct fact_sum {
    const char *account, *fund, *county;
    const char *identity;
    int32_t year;
    fen_t amount; // debit > 0
} fact_sum_t;
// Revenue and spending of value dates from … to, without closings: accounts contribution/, transfer/, expense/,
// allotted/, allotment/. By account, fund and county.
int facts_flows(store_t *store, const char *from, const char *to, arena_t *arena, fact_sum_t **out, size_t *count,
                err_t *err) MUST_USE;
// The same accounts up to `to`, closings counted, with all dimensions: what a closing still has to carry over.
int facts_unclosed(store_t *store, const char *to, arena_t *arena, fact_sum_t **out, size_t *count,
                   err_t *err) MUST_USE;
// A money account's changes by value date up to `to`: days in `account`, amounts by fund.
int facts_days(store_t *store, const char *account, const char *to, arena_t *arena, fact_sum_t **out, size_t *count,
               err_t *err) MUST_USE;
// Balances of accounts that begin with `prefix`, by account, fund and county.
int facts_balances(store_t *store, const char *prefix, arena_t *arena, fact_sum_t **out, size_t *count,
                   err_t *err) MUST_USE;
// Facilities: granted, paid and open in value dates from … to; facility in `account`, what in `identity`.
int facts_facilities(store_t *store, const char *from, const char *to, arena_t *arena, fact_sum_t **out, size_t *count,
                     err_t *err) MUST_USE;
// Is an account of the ledger one of revenue (contributions, interest, subsidies, what other funds give)?
bool facts_is_revenue(const char *account);
// … or of spending?
bool facts_is_spending(const char *account);
