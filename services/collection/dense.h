// Rows of many persons of one partition: where they are a good part of it, the whole partition is read, which costs a
// fraction of a lookup for each of them. What catches up with a long stream comes partition by partition.
#pragma once
#include "common/store/store.h"

// Two statements about one table keyed by (partition, person, …).
typedef struct dense_table {
    const char *by_key;  // $1 partition, $2 person
    const char *by_part; // $1 partition, $2 how many rows at most: the same columns and behind them the person, by
                         // person (else PostgreSQL might read the table), and of one in the order of by_key
    size_t rows_a_key;   // of the partition, at most: more are not worth reading for the sake of one key
} dense_table_t;

// As store_each_query() of by_key with `keys` (partition, person): index of the key, then the columns, in
// the order of the keys.
int dense_query(store_t *store, const dense_table_t *table, const rows_t *keys, arena_t *arena, rows_t *out,
                err_t *err) MUST_USE;
