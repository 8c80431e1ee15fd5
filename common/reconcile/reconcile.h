// Two sets of rows that should be one: totals first, then only the buckets that differ, down to the rows, and each
// difference by name. What is exchanged grows with the differences and the depth of the tree, not with the rows: per
// level of a bucket that differs one question to each side. Pure: the sides are two functions each, whatever stands
// behind them (a service, a file, a table in memory).
#pragma once
#include "buckets.h"

// here = the side that asks, there = the other.
#define DIFFERENCE_TABLE(X)                                                                                            \
    X(MISSING_HERE, "missing_here")   /* only there */                                                                 \
    X(MISSING_THERE, "missing_there") /* only here */                                                                  \
    X(OTHER_AMOUNT, "amount")         /* same party, day, kind and reference, other amount */                          \
    X(TWICE_HERE, "twice_here")       /* here more often than there */                                                 \
    X(TWICE_THERE, "twice_there")                                                                                      \
    X(OTHER_PLACE, "place") /* same reference and kind under another day or party */

#define X(code, name) code,
typedef enum difference_kind { DIFFERENCE_TABLE(X) DIFFERENCE__COUNT } difference_kind_t;
#undef X
const char *difference_name(difference_kind_t kind);

typedef struct difference {
    difference_kind_t kind;
    bool has_here, has_there;
    digest_row_t here, there;
} difference_t;

typedef struct row_list { // grows in an arena
    arena_t *arena;
    digest_row_t *rows;
    size_t count, room;
} row_list_t;
// Texts are borrowed. E_IO when memory is out.
int row_list_add(row_list_t *list, const digest_row_t *row, err_t *err) MUST_USE;

typedef struct traffic { // a side counts what it sends and gets; in memory nothing
    int64_t messages, bytes, rows;
} traffic_t;

typedef struct reconcile_side {
    void *self;
    // Join the digests of the bucket's children into `out`, which was made for them.
    int (*children)(void *self, buckets_t *out, err_t *err);
    // All rows of the bucket; texts live as long as the arena of `out`.
    int (*rows)(void *self, const bucket_t *of, row_list_t *out, err_t *err);
    traffic_t *traffic;
} reconcile_side_t;

typedef struct reconcile_limits { // 0 stands for the default
    size_t rows_at_once;          // 64: a bucket of at most so many on either side is told row by row
    size_t differences;           // 10,000
    int64_t questions;            // 100,000
} reconcile_limits_t;

typedef struct reconcile_result {
    set_digest_t here, there; // totals
    difference_t *differences;
    size_t count;
    bool more;         // further differences were not looked for
    bool moved;        // rows came that are not those of the digest told before: a side changed meanwhile, ask again
    int64_t questions; // to both sides
    size_t rows_told;
} reconcile_result_t;

// Everything in `result` lives in the arena or is the sides' own. E_TOO_LARGE when more questions were needed than
// allowed; else what a side returned.
int reconcile(const reconcile_side_t *here, const reconcile_side_t *there, const bucket_t *of, const digest_key_t *key,
              const reconcile_limits_t *limits, arena_t *arena, reconcile_result_t *result, err_t *err) MUST_USE;

// A side in memory: the list itself.
typedef struct row_set {
    const row_list_t *list;
    const digest_key_t *key;
} row_set_t;
int row_set_children(void *self, buckets_t *out, err_t *err);
int row_set_rows(void *self, const bucket_t *of, row_list_t *out, err_t *err);
