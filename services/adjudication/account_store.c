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
