// Nothing here decides: rows in, rows out.
#include "money_store.h"

int money_lock(store_t *store, arena_t *arena, err_t *err) {
    rows_t rows;
    if (!store_is_postgres(store)) return E_OK;
    // Of this schema: services share a database.
    return store_query(store,
                       "SELECT 1 FROM (SELECT pg_advisory_xact_lock(hashtext('money'), hashtext(current_schema())))"
                       " AS l",
                       NULL, 0, arena, &rows, err);
}

int money_parts_read(store_t *store, const char *account, const char *county, arena_t *arena, rows_t *out, err_t *err) {
    cell_t params[] = {cell_text(account), cell_i64(county != NULL), cell_text(county ? county : "")};
    return store_query(store,
                       "SELECT fund, division, CAST(SUM(amount_fen) AS BIGINT) FROM balance WHERE account = $1"
                       " AND ($2 = 0 OR division = $3) GROUP BY fund, division HAVING SUM(amount_fen) <> 0"
                       " ORDER BY fund, division",
                       params, COUNT_OF(params), arena, out, err);
}

int money_reserved_read(store_t *store, const char *account, const char *but, int64_t now_ms, arena_t *arena,
                        rows_t *out, err_t *err) {
    cell_t params[] = {cell_text(account), cell_i64(now_ms), cell_text(but)};
    return store_query(
        store,
        "SELECT fund, county, CAST(SUM(amount_fen) AS BIGINT) FROM reservation WHERE account = $1"
        " AND state = 'open' AND expires_ms > $2 AND reference <> $3 GROUP BY fund, county ORDER BY fund, county",
        params, COUNT_OF(params), arena, out, err);
}

int money_fund_read(store_t *store, const char *account, const char *fund, arena_t *arena, int64_t *out, err_t *err) {
    cell_t params[] = {cell_text(account), cell_text(fund)};
    rows_t rows;
    int rc = store_query(store,
                         "SELECT CAST(COALESCE(SUM(amount_fen), 0) AS BIGINT) FROM balance WHERE account = $1"
                         " AND fund = $2",
                         params, COUNT_OF(params), arena, &rows, err);
    if (!rc) *out = row_i64(&rows, 0, 0);
    return rc;
}

int own_entries_read(store_t *store, const char *reference, arena_t *arena, rows_t *out, err_t *err) {
    cell_t params[] = {cell_text(reference)};
    return store_query(store,
                       "SELECT body FROM journal WHERE reference = $1 AND source_service = 'settlement'"
                       " ORDER BY partition, number LIMIT 1000",
                       params, COUNT_OF(params), arena, out, err);
}

int own_entries_between(store_t *store, const char *from, const char *to, int limit, arena_t *arena, rows_t *out,
                        err_t *err) {
    cell_t params[] = {cell_text(from), cell_text(to), cell_i64(limit)};
    return store_query(store,
                       "SELECT body FROM journal WHERE source_service = 'settlement' AND value_date >= $1"
                       " AND value_date <= $2 ORDER BY value_date, reference, partition, number LIMIT $3",
                       params, COUNT_OF(params), arena, out, err);
}

int reservation_insert(store_t *store, const rows_t *row, err_t *err) {
    CHECK(row->width == RESERVATION_COLUMNS);
    return store_insert(store, "reservation",
                        "reference, account, fund, county, amount_fen, expires_ms, state, at_ms, ended_ms, body", row,
                        CONFLICT_FAILS, err);
}

int reservation_read(store_t *store, const char *reference, arena_t *arena, rows_t *out, err_t *err) {
    cell_t params[] = {cell_text(reference)};
    return store_query(store, "SELECT state, expires_ms, at_ms, ended_ms, body FROM reservation WHERE reference = $1",
                       params, COUNT_OF(params), arena, out, err);
}

int reservation_end(store_t *store, const char *reference, const char *state, int64_t now_ms, err_t *err) {
    cell_t params[] = {cell_text(reference), cell_text(state), cell_i64(now_ms)};
    return store_exec(store, "UPDATE reservation SET state = $2, ended_ms = $3 WHERE reference = $1", params,
                      COUNT_OF(params), err);
}
