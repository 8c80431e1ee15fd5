// Visits in the store: append-only, one row a revision, so that the key (bill, revision) refuses the slower of two
// writers: lines that come while a bill settles make the settlement read again. Lines stand beside, one row each.
#pragma once
#include "adjudication.pb-c.h"
#include "common/store/store.h"

#define VISIT_TABLES_SQL                                                                                               \
    "CREATE TABLE visit (bill TEXT NOT NULL, revision BIGINT NOT NULL, state TEXT NOT NULL, line_count BIGINT NOT "    \
    "NULL,"                                                                                                            \
    " amount_fen BIGINT NOT NULL, at_ms BIGINT NOT NULL, body BYTEA NOT NULL, PRIMARY KEY (bill, revision));"          \
    "CREATE TABLE visit_line (bill TEXT NOT NULL, line BIGINT NOT NULL, body BYTEA NOT NULL,"                          \
    " PRIMARY KEY (bill, line));"

// What each version of a bill made of the lines of its visit, written with the version: SplitResults of up to
// VISIT_SPLIT_LINES lines, by the number of the last one in them.
#define VISIT_SPLIT_SQL                                                                                                \
    "CREATE TABLE visit_split (bill TEXT NOT NULL, version BIGINT NOT NULL, last_line BIGINT NOT NULL,"                \
    " body BYTEA NOT NULL, PRIMARY KEY (bill, version, last_line));"

enum { VISIT_SPLIT_LINES = 100, VISIT_SPLIT_COLUMNS = 4 };

typedef struct visit_row {
    int64_t revision;  // 0: there is none
    const char *state; // registered | cancelled | settled
    int64_t line_count;
    int64_t amount_fen;
    const Tc__RegisterVisit *asked;
} visit_row_t;

// keys: (bill). out[i]: the newest revision of key i.
int visits_find(store_t *store, const rows_t *keys, arena_t *arena, visit_row_t *out, err_t *err) MUST_USE;
// A new revision of each; told by `at_ms`.
int visits_insert(store_t *store, const visit_row_t *visits, size_t count, int64_t at_ms, arena_t *arena,
                  err_t *err) MUST_USE;
// keys: (bill, after, limit). found: (key, line, body) in order of line, from above `after`.
int visit_lines_find(store_t *store, const rows_t *keys, arena_t *arena, rows_t *found, err_t *err) MUST_USE;
// keys: (bill, line). found: (key, body).
int visit_lines_find_some(store_t *store, const rows_t *keys, arena_t *arena, rows_t *found, err_t *err) MUST_USE;
// rows: bill, line, body
int visit_lines_insert(store_t *store, const rows_t *rows, err_t *err) MUST_USE;
int visit_lines_drop(store_t *store, const rows_t *keys, err_t *err) MUST_USE; // keys: (bill, line)

// Put the lines of a version, in order of their numbers and ended by NULL, behind `rows` (of VISIT_SPLIT_COLUMNS).
int visit_split_rows(rows_t *rows, const char *bill, int version, Tc__FeeLine *const *lines, err_t *err) MUST_USE;
int visit_splits_insert(store_t *store, const rows_t *rows, err_t *err) MUST_USE;
// The split of the newest version up to `version` that has one, from above line `after`: (version, body) in order, so
// many as hold `limit` lines.
int visit_split_find(store_t *store, const char *bill, int version, int after, int limit, arena_t *arena, rows_t *found,
                     err_t *err) MUST_USE;
