// The auditor: opens all stores to read only, reads everything, and proves that the books are right or names the record
// that is not. Memory does not grow with the city: everything is read page by page, in the order of its keys. Whatever
// is found in a store is only data here: a record that cannot be read is a broken record, not an error.
#pragma once
#include "cli.h"
#include "common/base/money.h"
#include "common/cache/cache.h"
#include "common/policy/policy.h"
#include "common/store/store.h"

enum { VERIFY_PAGE = 2000, VERIFY_TELL_MAX = 20, VERIFY_NAME_MAX = 160 };

typedef struct verify {
    store_t *enrollment, *facility, *collection, *adjudication, *settlement;
    cache_t *cache;
    policy_t *policy;     // of the configuration; NULL: none
    const char *keys_dir; // where the public key of the seals is
    arena_t *page;        // rows of one page; reset between pages
    arena_t *side;        // the other side of a comparison, which turns its pages at other times
    arena_t *work;        // messages of one row; reset between rows
    bool json;
    // of the running check
    const char *check;
    long long looked_at, broken;
    long long merged;    // numbers that stand for others, of the check `persons`
    const char *skipped; // why there was nothing to look at; NULL otherwise
    // of the whole run
    long long all_broken;
} verify_t;

// Note a broken record: what, where, what was expected.
void verify_broken(verify_t *verify, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Read rows whose columns are of these types: a letter each, i (number), t (text), b (bytes). SQLite would hold
// anything in any column: another type is E_STORE.
int verify_query(store_t *store, const char *types, const char *sql, const cell_t *params, size_t count, arena_t *arena,
                 rows_t *out, err_t *err) MUST_USE;
// The same for a query per key; the index of the key, which comes first, has no letter.
int verify_each(store_t *store, const char *types, const char *sql, const rows_t *keys, arena_t *arena, rows_t *out,
                err_t *err) MUST_USE;
// What `take` is given: up to a page of rows; their arena is the next page's afterwards.
typedef int (*verify_take_t)(verify_t *verify, void *self, const rows_t *rows, err_t *err);
// A question that is answered page by page in the order of a key. Its parameters are `count` of these and the number of
// rows of a page. Those from the `key`-th on, `keys` of them, say behind which row a page begins: first as they stand
// here, then as the first columns of the last row read.
enum { VERIFY_PARAMS_MAX = 6, VERIFY_KEYS_MAX = 5 };
typedef struct verify_pages {
    store_t *store;
    const char *types, *sql; // as for verify_query
    cell_t params[VERIFY_PARAMS_MAX];
    size_t count, key, keys;
    arena_t *arena; // reset before each page; NULL: `page`
    size_t rows;    // of a page; 0: VERIFY_PAGE
} verify_pages_t;
// Until `take` returns an error, which is returned. E_STORE also for a key longer than any we write.
int verify_pages(verify_t *verify, const verify_pages_t *pages, verify_take_t take, void *self, err_t *err) MUST_USE;
// The same for a partition's events of a topic: number and body.
int verify_events(verify_t *verify, store_t *store, int64_t partition, const char *topic, verify_take_t take,
                  void *self, err_t *err) MUST_USE;
// The message in a column, in the arena `work`; NULL when it is none, which is then noted as broken under `name`.
const ProtobufCMessage *verify_message(verify_t *verify, const ProtobufCMessageDescriptor *type, const rows_t *rows,
                                       size_t row, size_t column, const char *name);
// Keep the key that a page ended with; E_STORE when it is longer than any we write.
int verify_keep(char out[static VERIFY_NAME_MAX], const char *key, err_t *err) MUST_USE;
// A sum that stops at the ends of its range instead of overflowing: it equals nothing that is right then.
fen_t verify_sum(fen_t a, fen_t b);

// Each check returns 0 when it ran to its end (also when it found broken records), else the error of the store.
int verify_streams(verify_t *verify, err_t *err) MUST_USE;   // numbers of every log are 1 … n without a gap
int verify_cursors(verify_t *verify, err_t *err) MUST_USE;   // no consumer is ahead of a log, none is held back
int verify_states(verify_t *verify, err_t *err) MUST_USE;    // a state is what its newest event told
int verify_versions(verify_t *verify, err_t *err) MUST_USE;  // a person's versions are whole, in order, and told
int verify_persons(verify_t *verify, err_t *err) MUST_USE;   // members by list; merged numbers hold nothing
int verify_parked(verify_t *verify, err_t *err) MUST_USE;    // what imports put aside names registered persons
int verify_chains(verify_t *verify, err_t *err) MUST_USE;    // decisions add up; totals are the sum of their bills
int verify_bills(verify_t *verify, err_t *err) MUST_USE;     // contribution bills add up, and name their receipts
int verify_receipts(verify_t *verify, err_t *err) MUST_USE;  // receipts are the sums of their bills, and were told of
int verify_held(verify_t *verify, err_t *err) MUST_USE;      // parked receipts and credits are what the ledger holds
int verify_held_told(verify_t *verify, err_t *err) MUST_USE; // of it: events are what is stored
int verify_accounts(verify_t *verify, err_t *err) MUST_USE;  // paid months are credited once
int verify_personal(verify_t *verify, err_t *err) MUST_USE; // entries of accounts are credits and decisions, and add up
int verify_ledger(verify_t *verify, err_t *err) MUST_USE;   // entries sum to zero; balances are the sum of postings
int verify_money(verify_t *verify, err_t *err) MUST_USE;    // no account of the fund is below zero
int verify_seals(verify_t *verify, err_t *err) MUST_USE;    // days are sealed, chained and signed
int verify_posted(verify_t *verify, err_t *err) MUST_USE;   // every bill and receipt posted once, line by line
int verify_dues(verify_t *verify, err_t *err) MUST_USE;     // bills of the journal stand in the register of dues
int verify_statements(verify_t *verify, err_t *err) MUST_USE; // frozen statements are what was frozen
int verify_standing(verify_t *verify, err_t *err) MUST_USE;   // rows of reconciliation are the sums of their logs
int verify_cache(verify_t *verify, err_t *err) MUST_USE;      // what Redis holds equals the store
