#include "reconcile_store.h"

// ---- statements

int bank_statement_read(store_t *store, const char *source, const char *number, arena_t *arena, rows_t *out,
                        err_t *err) {
    const cell_t params[] = {cell_text(source), cell_text(number)};
    return store_query(
        store,
        "SELECT party, account, county, from_day, to_day, digest, rows, here, amount_fen, here_fen, state"
        " FROM bank_statement WHERE source = $1 AND number = $2",
        params, COUNT_OF(params), arena, out, err);
}

int bank_statement_put(store_t *store, const rows_t *row, err_t *err) {
    CHECK(row->width == BANK_STATEMENT_COLUMNS);
    return store_put(store, "bank_statement",
                     "source, number, party, account, county, from_day, to_day, digest, rows, here, amount_fen,"
                     " here_fen, state, at_ms",
                     "source, number", row, err);
}

int bank_statements_of(store_t *store, const char *source, const char *party, const char *from, const char *to,
                       arena_t *arena, rows_t *out, err_t *err) {
    const cell_t params[] = {cell_text(source), cell_text(party), cell_text(from), cell_text(to)};
    return store_query(
        store,
        "SELECT number, from_day, to_day, state FROM bank_statement WHERE source = $1 AND party = $2"
        " AND to_day >= $3 AND from_day <= $4 AND state <> 'loading' ORDER BY from_day, number LIMIT 1000",
        params, COUNT_OF(params), arena, out, err);
}

int bank_rows_find(store_t *store, const rows_t *keys, arena_t *arena, rows_t *found, err_t *err) {
    return store_each_query(store,
                            "SELECT day, reference, amount_fen FROM bank_row WHERE source = $1 AND number = $2"
                            " AND line = $3 LIMIT 1",
                            keys, arena, found, err);
}

int bank_rows_insert(store_t *store, const rows_t *rows, err_t *err) {
    CHECK(rows->width == BANK_ROW_COLUMNS);
    return store_insert(store, "bank_row", "source, number, line, party, day, reference, amount_fen, matched", rows,
                        CONFLICT_FAILS, err);
}

int bank_rows_left(store_t *store, const char *source, const char *party, const char *to, int64_t limit, arena_t *arena,
                   rows_t *out, err_t *err) {
    const cell_t params[] = {cell_text(source), cell_text(party), cell_text(to), cell_i64(limit)};
    return store_query(store,
                       "SELECT r.number, r.line, r.day, r.reference, r.amount_fen FROM bank_row r JOIN bank_statement s"
                       " ON s.source = r.source AND s.number = r.number WHERE r.source = $1 AND r.party = $2"
                       " AND r.matched = 0 AND r.day <= $3 AND s.state <> 'loading'"
                       " ORDER BY r.day, r.number, r.line LIMIT $4",
                       params, COUNT_OF(params), arena, out, err);
}

int bank_rows_matched(store_t *store, const rows_t *keys, err_t *err) {
    return store_each_exec(store, "UPDATE bank_row SET matched = 1 WHERE source = $1 AND number = $2 AND line = $3",
                           keys, err);
}

int book_rows_left(store_t *store, const char *source, const char *party, const char *from, const char *to,
                   int64_t limit, arena_t *arena, rows_t *out, err_t *err) {
    const cell_t params[] = {cell_text(source), cell_text(party), cell_text(from), cell_text(to), cell_i64(limit)};
    return store_query(store,
                       "SELECT b.day, b.reference, b.kind, b.amount_fen FROM standing b WHERE b.book = 'money'"
                       " AND b.party = $2 AND b.day >= $3 AND b.day <= $4 AND b.amount_fen <> 0 AND NOT EXISTS"
                       " (SELECT 1 FROM bank_match m WHERE m.source = $1 AND m.day = b.day AND m.party = b.party"
                       " AND m.reference = b.reference AND m.kind = b.kind)"
                       " ORDER BY b.day, b.reference, b.kind LIMIT $5",
                       params, COUNT_OF(params), arena, out, err);
}

int bank_matches_insert(store_t *store, const rows_t *rows, err_t *err) {
    CHECK(rows->width == BANK_MATCH_COLUMNS);
    return store_insert(store, "bank_match", "source, day, party, reference, kind, number, line, amount_fen", rows,
                        CONFLICT_FAILS, err);
}

int bank_sum(store_t *store, const char *source, const char *party, const char *from, const char *to, arena_t *arena,
             fen_t *statement, fen_t *books, err_t *err) {
    const cell_t params[] = {cell_text(source), cell_text(party), cell_text(from), cell_text(to)};
    rows_t rows;
    int rc = store_query(store,
                         "SELECT CAST(COALESCE((SELECT SUM(r.amount_fen) FROM bank_row r JOIN bank_statement s"
                         " ON s.source = r.source AND s.number = r.number WHERE r.source = $1 AND r.party = $2"
                         " AND r.day >= $3 AND r.day <= $4 AND s.state <> 'loading'), 0) AS BIGINT),"
                         " CAST(COALESCE((SELECT SUM(b.amount_fen) FROM standing b WHERE b.book = 'money'"
                         " AND b.party = $2 AND b.day >= $3 AND b.day <= $4), 0) AS BIGINT)",
                         params, COUNT_OF(params), arena, &rows, err);
    if (rc) return rc;
    *statement = row_i64(&rows, 0, 0);
    *books = row_i64(&rows, 0, 1);
    return E_OK;
}

// ---- comparisons

static int next_number(store_t *store, const char *sql, arena_t *arena, int64_t *out, err_t *err) {
    rows_t rows;
    int rc = store_query(store, sql, NULL, 0, arena, &rows, err);
    if (!rc) *out = row_i64(&rows, 0, 0) + 1;
    return rc;
}

int comparison_next(store_t *store, arena_t *arena, int64_t *out, err_t *err) {
    return next_number(store, "SELECT COALESCE(MAX(number), 0) FROM comparison", arena, out, err);
}

int comparison_insert(store_t *store, const rows_t *row, err_t *err) {
    CHECK(row->width == COMPARISON_COLUMNS);
    return store_insert(store, "comparison",
                        "number, pair, party, from_day, to_day, here_count, here_fen, there_count, there_fen,"
                        " differences, more, at_ms",
                        row, CONFLICT_FAILS, err);
}

int comparison_newest(store_t *store, const char *pair, const char *party, const char *from, const char *to,
                      arena_t *arena, rows_t *out, err_t *err) {
    const cell_t params[] = {cell_text(pair), cell_text(party), cell_text(from), cell_text(to)};
    return store_query(store,
                       "SELECT here_fen, there_fen, differences, more FROM comparison WHERE pair = $1 AND party = $2"
                       " AND from_day = $3 AND to_day = $4 ORDER BY number DESC LIMIT 1",
                       params, COUNT_OF(params), arena, out, err);
}

// ---- cases

#define CASE_FIELDS                                                                                                    \
    "number, pair, kind, party, day, reference, what, here_fen, there_fen, owner, state, by_hand, opened_ms, "         \
    "ended_ms,"                                                                                                        \
    " text, steps"

int cases_next(store_t *store, arena_t *arena, int64_t *out, err_t *err) {
    return next_number(store, "SELECT COALESCE(MAX(number), 0) FROM difference_case", arena, out, err);
}

int case_read(store_t *store, int64_t number, arena_t *arena, rows_t *out, err_t *err) {
    const cell_t params[] = {cell_i64(number)};
    return store_query(store, "SELECT " CASE_FIELDS " FROM difference_case WHERE number = $1", params, COUNT_OF(params),
                       arena, out, err);
}

int cases_find(store_t *store, const rows_t *keys, arena_t *arena, rows_t *found, err_t *err) {
    return store_each_query(store,
                            "SELECT " CASE_FIELDS " FROM difference_case WHERE pair = $1 AND party = $2 AND day = $3"
                            " AND reference = $4 AND what = $5 AND kind = $6 LIMIT 1",
                            keys, arena, found, err);
}

int cases_unsettled(store_t *store, const char *pair, const char *party, const char *from, const char *to,
                    int64_t limit, arena_t *arena, rows_t *out, err_t *err) {
    const cell_t params[] = {cell_text(pair), cell_text(party ? party : ""), cell_text(from), cell_text(to),
                             cell_i64(limit)};
    return store_query(store,
                       "SELECT " CASE_FIELDS " FROM difference_case WHERE state IN ('open', 'explained') AND pair = $1"
                       " AND ($2 = '' OR party = $2) AND day >= $3 AND day <= $4 ORDER BY number LIMIT $5",
                       params, COUNT_OF(params), arena, out, err);
}

int cases_list(store_t *store, const Tc__ListCases *ask, int64_t limit, arena_t *arena, rows_t *out, err_t *err) {
    const cell_t params[] = {cell_text(ask->pair),  cell_text(ask->party), cell_text(ask->owner),
                             cell_text(ask->state), cell_i64(ask->after),  cell_i64(limit)};
    return store_query(store,
                       "SELECT " CASE_FIELDS " FROM difference_case WHERE ($1 = '' OR pair = $1)"
                       " AND ($2 = '' OR party = $2) AND ($3 = '' OR owner = $3) AND ($4 = 'all' OR state = $4"
                       " OR ($4 = '' AND state <> 'settled')) AND number > $5 ORDER BY number LIMIT $6",
                       params, COUNT_OF(params), arena, out, err);
}

int cases_put(store_t *store, const rows_t *rows, err_t *err) {
    CHECK(rows->width == CASE_COLUMNS);
    return store_put(store, "difference_case", CASE_FIELDS, "number", rows, err);
}

int case_steps_insert(store_t *store, const rows_t *rows, err_t *err) {
    CHECK(rows->width == CASE_STEP_COLUMNS);
    return store_insert(store, "case_step", "number, step, at_ms, by_name, state, owner, text", rows, CONFLICT_FAILS,
                        err);
}

int case_steps_read(store_t *store, int64_t number, arena_t *arena, rows_t *out, err_t *err) {
    const cell_t params[] = {cell_i64(number)};
    return store_query(store,
                       "SELECT at_ms, by_name, state, owner, text FROM case_step WHERE number = $1 ORDER BY step"
                       " LIMIT 1000",
                       params, COUNT_OF(params), arena, out, err);
}
