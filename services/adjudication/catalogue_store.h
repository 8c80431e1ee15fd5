// The catalogues in the store, and how every instance keeps its memory of them up: rows carry the number of the load
// that wrote them, so an instance asks once a second for the newest number and reads what came since. Loads are
// numbered in order of commit, because each takes the lock on the counter before it looks at anything.
#pragma once
#include "catalogue.h"
#include "common/store/store.h"

#define CATALOGUE_TABLES_SQL                                                                                           \
    "CREATE TABLE catalogue_load (id BIGINT NOT NULL PRIMARY KEY, number BIGINT NOT NULL);"                            \
    "INSERT INTO catalogue_load (id, number) VALUES (1, 0);"                                                           \
    "CREATE TABLE catalogue_item (kind TEXT NOT NULL, code TEXT NOT NULL, from_day BIGINT NOT NULL,"                   \
    " until_day BIGINT NOT NULL, number BIGINT NOT NULL, body BYTEA NOT NULL, PRIMARY KEY (kind, code, from_day));"    \
    "CREATE INDEX catalogue_item_number ON catalogue_item (number);"

enum {
    CATALOGUE_POLL_MS = 1000,
    CATALOGUE_LOADS_AT_ONCE = 16,      // of at most 1,000 rows, each of which may have ended another
    CATALOGUE_ROWS_PER_FOLLOW = 50000, // then the rest waits for the next tick
};

// ---- what every instance holds

typedef struct catalogues catalogues_t;
catalogues_t *catalogues_new(void); // NULL when out of memory
void catalogues_destroy(catalogues_t **catalogues);
// Ask for news when the last time is a second ago, and read it, a bounded part at a time. Between batches, outside
// transactions. On an error what is held stays as it is.
int catalogues_follow(catalogues_t *catalogues, store_t *store, int64_t now_ms, err_t *err) MUST_USE;
// Whether there is a load that was not read here: whoever asked after it was told of may count on it. Asks the
// store. What comes next is then read at the next tick.
int catalogues_behind(catalogues_t *catalogues, store_t *store, bool *behind, err_t *err) MUST_USE;
// NULL until everything was read once.
const catalogue_t *catalogues_index(const catalogues_t *catalogues);

// ---- what a load writes; inside a transaction

// The number of this load; from here on no other load writes.
int catalogue_begin_load(store_t *store, arena_t *arena, int64_t *number, err_t *err) MUST_USE;
// keys: (kind, code). found: (key, from_day, until_day, body) in order of from_day.
int catalogue_find_dated(store_t *store, const rows_t *keys, arena_t *arena, rows_t *found, err_t *err) MUST_USE;
enum { CATALOGUE_ITEM_COLUMNS = 6 };
// rows: kind, code, from_day, until_day, number, body
int catalogue_insert(store_t *store, const rows_t *rows, err_t *err) MUST_USE;
// keys: kind, code, from_day, until_day, number
int catalogue_end(store_t *store, const rows_t *keys, err_t *err) MUST_USE;
