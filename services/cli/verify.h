// The auditor: opens all stores, reads everything, and proves that the books are right or names the record that is not.
// It writes nothing. Memory does not grow with the city: everything is read page by page, partition by partition.
#pragma once
#include "cli.h"
#include "common/cache/cache.h"
#include "common/store/store.h"

enum { VERIFY_PAGE = 2000, VERIFY_TELL_MAX = 20 };

typedef struct verify {
    store_t *enrollment, *facility, *collection, *adjudication, *settlement;
    cache_t *cache;
    arena_t *page; // rows of one page; reset between pages
    arena_t *work; // messages of one row; reset between rows
    bool json;
    // of the running check
    const char *check;
    long long looked_at, broken;
    // of the whole run
    long long all_broken;
} verify_t;

// Note a broken record: what, where, what was expected.
void verify_broken(verify_t *verify, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Each check returns 0 when it ran to its end (also when it found broken records), else the error of the store.
int verify_streams(verify_t *verify, err_t *err) MUST_USE; // numbers of every log are 1 … n without a gap
int verify_cursors(verify_t *verify, err_t *err) MUST_USE; // no consumer is ahead of a log, none is held back
int verify_chains(verify_t *verify, err_t *err) MUST_USE;  // decisions add up; totals are the sum of their bills
int verify_ledger(verify_t *verify, err_t *err) MUST_USE;  // entries sum to zero; balances are the sum of postings
int verify_posted(verify_t *verify, err_t *err) MUST_USE; // every bill and receipt posted exactly once, with its amount
int verify_cache(verify_t *verify, err_t *err) MUST_USE;  // what Redis holds equals the store
