// Tables of reconciliation: statements as they came, which row is which entry, what comparisons said, and cases. Rows
// of statements and steps of cases are never changed.
#pragma once
#include "common/reconcile/standing.h"
#include "reconcile.pb-c.h"

#define RECONCILE_TABLES_SQL                                                                                           \
    STANDING_TABLES_SQL                                                                                                \
    "CREATE TABLE bank_statement (source TEXT NOT NULL, number TEXT NOT NULL, party TEXT NOT NULL, account TEXT NOT"   \
    " NULL, county TEXT NOT NULL, from_day TEXT NOT NULL, to_day TEXT NOT NULL, digest TEXT NOT NULL,"                 \
    " rows BIGINT NOT NULL, here BIGINT NOT NULL, amount_fen BIGINT NOT NULL, here_fen BIGINT NOT NULL,"               \
    " state TEXT NOT NULL, at_ms BIGINT NOT NULL, PRIMARY KEY (source, number));"                                      \
    "CREATE INDEX bank_statement_party ON bank_statement (source, party, from_day);"                                   \
    "CREATE TABLE bank_row (source TEXT NOT NULL, number TEXT NOT NULL, line BIGINT NOT NULL, party TEXT NOT NULL,"    \
    " day TEXT NOT NULL, reference TEXT NOT NULL, amount_fen BIGINT NOT NULL, matched BIGINT NOT NULL,"                \
    " PRIMARY KEY (source, number, line));"                                                                            \
    "CREATE INDEX bank_row_left ON bank_row (source, party, day) WHERE matched = 0;"                                   \
    "CREATE TABLE bank_match (source TEXT NOT NULL, day TEXT NOT NULL, party TEXT NOT NULL, reference TEXT NOT NULL,"  \
    " kind TEXT NOT NULL, number TEXT NOT NULL, line BIGINT NOT NULL, amount_fen BIGINT NOT NULL,"                     \
    " PRIMARY KEY (source, day, party, reference, kind));"                                                             \
    "CREATE TABLE comparison (number BIGINT NOT NULL PRIMARY KEY, pair TEXT NOT NULL, party TEXT NOT NULL,"            \
    " from_day TEXT NOT NULL, to_day TEXT NOT NULL, here_count BIGINT NOT NULL, here_fen BIGINT NOT NULL,"             \
    " there_count BIGINT NOT NULL, there_fen BIGINT NOT NULL, differences BIGINT NOT NULL, more BIGINT NOT NULL,"      \
    " at_ms BIGINT NOT NULL);"                                                                                         \
    "CREATE INDEX comparison_scope ON comparison (pair, party, number);"                                               \
    "CREATE TABLE difference_case (number BIGINT NOT NULL PRIMARY KEY, pair TEXT NOT NULL, kind TEXT NOT NULL,"        \
    " party TEXT NOT NULL, day TEXT NOT NULL, reference TEXT NOT NULL, what TEXT NOT NULL, here_fen BIGINT NOT NULL,"  \
    " there_fen BIGINT NOT NULL, owner TEXT NOT NULL, state TEXT NOT NULL, by_hand BIGINT NOT NULL,"                   \
    " opened_ms BIGINT NOT NULL, ended_ms BIGINT NOT NULL, text TEXT NOT NULL, steps BIGINT NOT NULL,"                 \
    " UNIQUE (pair, party, day, reference, what, kind));"                                                              \
    "CREATE INDEX difference_case_state ON difference_case (state, number);"                                           \
    "CREATE TABLE case_step (number BIGINT NOT NULL, step BIGINT NOT NULL, at_ms BIGINT NOT NULL, by_name TEXT NOT"    \
    " NULL, state TEXT NOT NULL, owner TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (number, step));"

// ---- statements

// (party, account, county, from_day, to_day, digest, rows, here, amount_fen, here_fen, state)
int bank_statement_read(store_t *store, const char *source, const char *number, arena_t *arena, rows_t *out,
                        err_t *err) MUST_USE;
// source, number, party, account, county, from_day, to_day, digest, rows, here, amount_fen, here_fen, state, at_ms
enum { BANK_STATEMENT_COLUMNS = 14, BANK_ROW_COLUMNS = 8, BANK_MATCH_COLUMNS = 8 };
int bank_statement_put(store_t *store, const rows_t *row, err_t *err) MUST_USE;
// Whole statements of an account that touch these days: (number, from_day, to_day, state) by day.
int bank_statements_of(store_t *store, const char *source, const char *party, const char *from, const char *to,
                       arena_t *arena, rows_t *out, err_t *err) MUST_USE;
// keys: (source, number, line). found: (key, day, reference, amount_fen)
int bank_rows_find(store_t *store, const rows_t *keys, arena_t *arena, rows_t *found, err_t *err) MUST_USE;
// source, number, line, party, day, reference, amount_fen, matched
int bank_rows_insert(store_t *store, const rows_t *rows, err_t *err) MUST_USE;
// Not yet matched rows of whole statements of an account up to a day: (number, line, day, reference, amount_fen)
int bank_rows_left(store_t *store, const char *source, const char *party, const char *to, int64_t limit, arena_t *arena,
                   rows_t *out, err_t *err) MUST_USE;
int bank_rows_matched(store_t *store, const rows_t *keys, err_t *err) MUST_USE; // (source, number, line)
// Entries of an account that this source has not matched: (day, reference, kind, amount_fen)
int book_rows_left(store_t *store, const char *source, const char *party, const char *from, const char *to,
                   int64_t limit, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
// source, day, party, reference, kind, number, line, amount_fen
int bank_matches_insert(store_t *store, const rows_t *rows, err_t *err) MUST_USE;
// Σ of a statement's source over days: of the rows, and of the books.
int bank_sum(store_t *store, const char *source, const char *party, const char *from, const char *to, arena_t *arena,
             fen_t *statement, fen_t *books, err_t *err) MUST_USE;

// ---- comparisons

enum { COMPARISON_COLUMNS = 12 };
int comparison_insert(store_t *store, const rows_t *row, err_t *err) MUST_USE;
int comparison_next(store_t *store, arena_t *arena, int64_t *out, err_t *err) MUST_USE;
// The newest that covers the days: (here_fen, there_fen, differences, more); no row: none.
int comparison_newest(store_t *store, const char *pair, const char *party, const char *from, const char *to,
                      arena_t *arena, rows_t *out, err_t *err) MUST_USE;

// ---- cases

// (number, pair, kind, party, day, reference, what, here_fen, there_fen, owner, state, by_hand, opened_ms, ended_ms,
// text, steps)
enum { CASE_COLUMNS = 16, CASE_STEP_COLUMNS = 7 };
int cases_next(store_t *store, arena_t *arena, int64_t *out, err_t *err) MUST_USE;
int case_read(store_t *store, int64_t number, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
// keys: (pair, party, day, reference, what, kind). found: (key, case …)
int cases_find(store_t *store, const rows_t *keys, arena_t *arena, rows_t *found, err_t *err) MUST_USE;
// Those of a pair and party (NULL: all) whose day lies between, not settled. At most `limit`.
int cases_unsettled(store_t *store, const char *pair, const char *party, const char *from, const char *to,
                    int64_t limit, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
int cases_list(store_t *store, const Tc__ListCases *ask, int64_t limit, arena_t *arena, rows_t *out,
               err_t *err) MUST_USE;
int cases_put(store_t *store, const rows_t *rows, err_t *err) MUST_USE;
int case_steps_insert(store_t *store, const rows_t *rows,
                      err_t *err) MUST_USE; // number, step, at_ms, by, state, owner, text
int case_steps_read(store_t *store, int64_t number, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
