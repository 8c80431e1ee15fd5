// What public money owes and what receipts brought of it, by the bills of one partition and one year, kept so that who
// asks does not walk over the city (obligations.h). A transaction that changes such bills counts it; sums hold while
// the count is the one that they were made at, also when two instances write, and are made again by the next who asks.
#pragma once
#include "common/store/store.h"

#define PUBLIC_SUMS_SQL                                                                                                \
    "CREATE TABLE public_change (year TEXT NOT NULL, partition BIGINT NOT NULL, changes BIGINT NOT NULL,"              \
    " PRIMARY KEY (year, partition));"                                                                                 \
    "CREATE TABLE public_sum (year TEXT NOT NULL, partition BIGINT NOT NULL, changes BIGINT NOT NULL,"                 \
    " body BYTEA NOT NULL, PRIMARY KEY (year, partition));"

// Inside the transaction: bills that are made, go or become others, rows of partition, person, period …; those for
// which `counts` (NULL: every one) says so.
int public_sums_touch(store_t *store, const rows_t *bills, bool (*counts)(const cell_t *bill), err_t *err) MUST_USE;
// How often the bills of the year have changed: partition, changes; a partition without a row: 0. To be asked before
// its bills are read.
int public_changes_of(store_t *store, const char *year, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
// What is kept of the year: partition, changes, body (PublicSums).
int public_sums_of(store_t *store, const char *year, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
int public_sums_put(store_t *store, const rows_t *rows, err_t *err) MUST_USE; // year, partition, changes, body
