#include "account_store.h"
#include "common/base/hash.h"

// The LIMITs keep PostgreSQL from joining tables as a whole.
int accounts_find(store_t *store, const rows_t *keys, arena_t *arena, rows_t *found, err_t *err) {
    return store_each_query(
        store,
        "SELECT COALESCE((SELECT seq FROM account_entry WHERE partition = $1 AND person = $2 ORDER BY seq DESC LIMIT"
        " 1), 0), COALESCE((SELECT balance_fen FROM account_entry WHERE partition = $1 AND person = $2 ORDER BY seq"
        " DESC LIMIT 1), 0), COALESCE((SELECT owed_fen FROM account_entry WHERE partition = $1 AND person = $2"
        " ORDER BY seq DESC LIMIT 1), 0), COALESCE((SELECT into_person FROM account_lead WHERE person = $2 LIMIT 1),"
        " CAST('' AS TEXT))",
        keys, arena, found, err);
}

int account_entries_known(store_t *store, const rows_t *keys, arena_t *arena, rows_t *found, err_t *err) {
    return store_each_query(store,
                            "SELECT seq FROM account_entry WHERE person = $1 AND kind = $2 AND reference = $3 LIMIT 1",
                            keys, arena, found, err);
}

int account_entries_insert(store_t *store, const rows_t *rows, err_t *err) {
    CHECK(rows->width == ACCOUNT_ENTRY_COLUMNS);
    return store_insert(store, "account_entry",
                        "partition, person, seq, kind, reference, amount_fen, balance_fen, owed_fen, bill_person,"
                        " reason, at_ms",
                        rows, CONFLICT_FAILS, err);
}

// ---- what is still to be told

int account_untold_insert(store_t *store, const rows_t *rows, err_t *err) {
    if (!rows->count) return 0;
    return store_insert(store, "account_untold", "partition, person, seq", rows, CONFLICT_FAILS, err);
}

int account_untold_partition(store_t *store, arena_t *arena, int64_t *partition, err_t *err) {
    rows_t found;
    int rc = store_query(store, "SELECT partition FROM account_untold ORDER BY partition, person, seq LIMIT 1", NULL, 0,
                         arena, &found, err);
    if (!rc) *partition = found.count ? row_i64(&found, 0, 0) : -1;
    return rc;
}

int account_untold_page(store_t *store, int64_t partition, int limit, arena_t *arena, rows_t *found, err_t *err) {
    cell_t params[] = {cell_i64(partition), cell_i64(limit)};
    return store_query(store,
                       "SELECT u.person, u.seq, e.kind, e.reference, e.amount_fen, e.balance_fen, e.owed_fen, e.at_ms"
                       " FROM (SELECT partition, person, seq FROM account_untold WHERE partition = $1"
                       " ORDER BY partition, person, seq LIMIT $2) u JOIN account_entry e ON e.partition ="
                       " u.partition AND e.person = u.person AND e.seq = u.seq ORDER BY u.person, u.seq",
                       params, COUNT_OF(params), arena, found, err);
}

int account_untold_drop(store_t *store, const rows_t *keys, err_t *err) {
    return keys->count ? store_drop(store, "account_untold", "partition, person, seq", keys, err) : 0;
}

int account_untold_count(store_t *store, arena_t *arena, int64_t *count, err_t *err) {
    rows_t found;
    int rc = store_query(store, "SELECT COUNT(*) FROM account_untold", NULL, 0, arena, &found, err);
    if (!rc) *count = row_i64(&found, 0, 0);
    return rc;
}

// ---- statements

int account_entries_page(store_t *store, const char *person, int64_t before, int limit, arena_t *arena, rows_t *found,
                         err_t *err) {
    cell_t params[] = {cell_i64(partition_of(person)), cell_text(person), cell_i64(before), cell_i64(limit)};
    return store_query(store,
                       "SELECT seq, kind, reference, amount_fen, balance_fen, owed_fen, bill_person, reason, at_ms"
                       " FROM account_entry WHERE partition = $1 AND person = $2 AND seq < $3 ORDER BY seq DESC"
                       " LIMIT $4",
                       params, COUNT_OF(params), arena, found, err);
}

int account_shares_find(store_t *store, const rows_t *keys, arena_t *arena, rows_t *found, err_t *err) {
    return store_each_query(store,
                            "SELECT revision, from_day, until_day FROM account_share WHERE person = $1 AND relative"
                            " = $2 ORDER BY revision DESC LIMIT 1",
                            keys, arena, found, err);
}

int account_shares_of(store_t *store, const char *person, arena_t *arena, rows_t *found, err_t *err) {
    cell_t params[] = {cell_text(person), cell_i64(ACCOUNT_SHARES_MAX)};
    return store_query(store,
                       "SELECT relative, from_day, until_day FROM account_share s WHERE person = $1 AND revision ="
                       " (SELECT MAX(revision) FROM account_share n WHERE n.person = s.person AND n.relative ="
                       " s.relative) ORDER BY relative LIMIT $2",
                       params, COUNT_OF(params), arena, found, err);
}

int account_share_insert(store_t *store, const char *person, const char *relative, int64_t revision, const char *from,
                         const char *until, int64_t at_ms, err_t *err) {
    cell_t params[] = {cell_text(person), cell_text(relative), cell_i64(revision),
                       cell_text(from),   cell_text(until),    cell_i64(at_ms)};
    return store_exec(store,
                      "INSERT INTO account_share (person, relative, revision, from_day, until_day, at_ms)"
                      " VALUES ($1, $2, $3, $4, $5, $6)",
                      params, COUNT_OF(params), err);
}

int account_leads_put(store_t *store, const rows_t *rows, err_t *err) {
    return rows->count ? store_put(store, "account_lead", "person, into_person", "person", rows, err) : 0;
}
