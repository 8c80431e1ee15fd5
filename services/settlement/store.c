// The unique key of journal's source_service, source_partition and source_number is what makes an event count once,
// whoever delivers it how often.
#include "store.h"
#include "common/daemon/service.h"
#include "common/stream/consumer.h"
#include "clearing_store.h"
#include "direct.h"
#include "dues_store.h"
#include "money_store.h"
#include "reconcile_store.h"
#include "task_store.h"
#include <string.h>

const migration_t settlement_migrations[SETTLEMENT_MIGRATIONS] = {
    {1, REQUEST_TABLE_SQL CONSUMER_TABLES_SQL
     "CREATE TABLE journal (partition BIGINT NOT NULL, number BIGINT NOT NULL, reference TEXT NOT NULL, kind TEXT NOT "
     "NULL,"
     " source_service TEXT NOT NULL, source_partition BIGINT NOT NULL, source_number BIGINT NOT NULL,"
     " at_ms BIGINT NOT NULL, value_date TEXT NOT NULL, body BYTEA NOT NULL, PRIMARY KEY (partition, number),"
     " UNIQUE (source_service, source_partition, source_number));"
     "CREATE INDEX journal_reference ON journal (reference);"
     "CREATE TABLE posting (partition BIGINT NOT NULL, number BIGINT NOT NULL, line BIGINT NOT NULL, account TEXT NOT "
     "NULL,"
     " identity TEXT NOT NULL, division TEXT NOT NULL, party TEXT NOT NULL, amount_fen BIGINT NOT NULL,"
     " PRIMARY KEY (partition, number, line));"
     "CREATE TABLE balance (account TEXT NOT NULL, identity TEXT NOT NULL, division TEXT NOT NULL,"
     " amount_fen BIGINT NOT NULL, postings BIGINT NOT NULL, PRIMARY KEY (account, identity, division));"},
    // Numbers first: nearly every comparison of a search ends before it comes to the text.
    {2, POSTGRES_ONLY "ALTER TABLE journal DROP CONSTRAINT journal_source_service_source_partition_source_number_key;"
                      "ALTER TABLE journal ADD UNIQUE (source_partition, source_number, source_service);"},
    // The rows in their key: one tree instead of two.
    {3, SQLITE_ONLY
     "CREATE TABLE posting_row (partition BIGINT NOT NULL, number BIGINT NOT NULL, line BIGINT NOT NULL, account TEXT"
     " NOT NULL, identity TEXT NOT NULL, division TEXT NOT NULL, party TEXT NOT NULL, amount_fen BIGINT NOT NULL,"
     " PRIMARY KEY (partition, number, line)) WITHOUT ROWID;"
     "INSERT INTO posting_row SELECT * FROM posting ORDER BY partition, number, line;"
     "DROP TABLE posting;"
     "ALTER TABLE posting_row RENAME TO posting;"},
    // Funds and years are kept apart, which no key of a table can learn on SQLite: the rows are copied.
    {4, SQLITE_ONLY
     "CREATE TABLE posting_row (partition BIGINT NOT NULL, number BIGINT NOT NULL, line BIGINT NOT NULL, account TEXT"
     " NOT NULL, fund TEXT NOT NULL, year BIGINT NOT NULL, identity TEXT NOT NULL, division TEXT NOT NULL, party TEXT"
     " NOT NULL, amount_fen BIGINT NOT NULL, PRIMARY KEY (partition, number, line)) WITHOUT ROWID;"
     "INSERT INTO posting_row SELECT partition, number, line, account, '', 0, identity, division, party, amount_fen"
     " FROM posting ORDER BY partition, number, line;"
     "DROP TABLE posting;"
     "ALTER TABLE posting_row RENAME TO posting;"
     "CREATE TABLE balance_row (account TEXT NOT NULL, fund TEXT NOT NULL, year BIGINT NOT NULL, identity TEXT NOT "
     "NULL,"
     " division TEXT NOT NULL, amount_fen BIGINT NOT NULL, postings BIGINT NOT NULL,"
     " PRIMARY KEY (account, fund, year, identity, division)) WITHOUT ROWID;"
     "INSERT INTO balance_row SELECT account, '', 0, identity, division, amount_fen, postings FROM balance;"
     "DROP TABLE balance;"
     "ALTER TABLE balance_row RENAME TO balance;"},
    {5, POSTGRES_ONLY "ALTER TABLE posting ADD COLUMN fund TEXT NOT NULL DEFAULT '', ADD COLUMN year BIGINT NOT NULL"
                      " DEFAULT 0;"
                      "ALTER TABLE balance ADD COLUMN fund TEXT NOT NULL DEFAULT '', ADD COLUMN year BIGINT NOT NULL"
                      " DEFAULT 0;"
                      "ALTER TABLE balance DROP CONSTRAINT balance_pkey;"
                      "ALTER TABLE balance ADD PRIMARY KEY (account, fund, year, identity, division);"},
    {6, LEDGER_TABLES_SQL MONEY_TABLES_SQL},
    {7, DUES_TABLES_SQL CLEARING_TABLES_SQL},
    {8, TASK_TABLES_SQL},
    {9, RECONCILE_TABLES_SQL},
    {10, DIRECT_TABLES_SQL},
    // Reports ask for days and months; entries come nearly in order of their days, so the tree grows at its end.
    {11, "CREATE INDEX journal_value_date ON journal (value_date);"},
};

const stream_log_t settlement_log = {
    .table = NULL,
    .head_sql = "SELECT COALESCE(MAX(number), 0) FROM journal WHERE partition = $1",
    .read_sql = "SELECT number, CAST('settlement.posted' AS TEXT), at_ms, body FROM journal"
                " WHERE partition = $1 AND number >= $2 ORDER BY number LIMIT $3",
};

int journal_find_sources(store_t *store, const rows_t *keys, arena_t *arena, rows_t *found, err_t *err) {
    return store_each_query(store,
                            "SELECT source_number FROM journal WHERE source_service = $1 AND source_partition = $2"
                            " AND source_number >= $3 AND source_number <= $4 LIMIT 1024",
                            keys, arena, found, err);
}

int journal_insert(store_t *store, const rows_t *rows, err_t *err) {
    CHECK(rows->width == JOURNAL_COLUMNS);
    return store_insert(store, "journal",
                        "partition, number, reference, kind, source_service, source_partition, source_number, at_ms,"
                        " value_date, body, chain",
                        rows, CONFLICT_FAILS, err);
}

int postings_insert(store_t *store, const rows_t *rows, err_t *err) {
    CHECK(rows->width == POSTING_COLUMNS);
    return store_insert(store, "posting",
                        "partition, number, line, account, fund, year, identity, division, party,"
                        " amount_fen",
                        rows, CONFLICT_FAILS, err);
}

int balances_add(store_t *store, const rows_t *rows, err_t *err) {
    CHECK(rows->width == BALANCE_COLUMNS);
    return store_each_exec(store,
                           "INSERT INTO balance (account, fund, year, identity, division, amount_fen, postings)"
                           " VALUES ($1, $2, $3, $4, $5, $6, $7)"
                           " ON CONFLICT (account, fund, year, identity, division) DO UPDATE SET"
                           " amount_fen = balance.amount_fen + excluded.amount_fen,"
                           " postings = balance.postings + excluded.postings",
                           rows, err);
}

int balances_read(store_t *store, arena_t *arena, rows_t *out, err_t *err) {
    cell_t params[] = {cell_i64(BALANCES_MAX)};
    return store_query(store,
                       "SELECT account, fund, year, identity, division, amount_fen, postings FROM balance"
                       " ORDER BY account, fund, year, identity, division LIMIT $1",
                       params, COUNT_OF(params), arena, out, err);
}

int balances_read_on(store_t *store, const char *on, int64_t before_ms, arena_t *arena, rows_t *out, err_t *err) {
    cell_t params[] = {cell_text(on), cell_i64(before_ms), cell_i64(BALANCES_MAX)};
    return store_query(store,
                       "SELECT p.account, p.fund, p.year, p.identity, p.division, CAST(SUM(p.amount_fen) AS BIGINT),"
                       " COUNT(*) FROM posting p JOIN journal j ON j.partition = p.partition AND j.number = p.number"
                       " WHERE j.value_date <= $1 AND j.at_ms < $2"
                       " GROUP BY p.account, p.fund, p.year, p.identity, p.division"
                       " ORDER BY p.account, p.fund, p.year, p.identity, p.division LIMIT $3",
                       params, COUNT_OF(params), arena, out, err);
}

// ---- the chain

int journal_chain_read(store_t *store, uint32_t partition, int64_t number, arena_t *arena, uint8_t chain[static 32],
                       err_t *err) {
    cell_t params[] = {cell_i64(partition), cell_i64(number)};
    rows_t found;
    size_t bytes = 0;
    int rc = store_query(store,
                         "SELECT COALESCE(chain, body) FROM journal WHERE partition = $1 AND number = $2"
                         " AND chain IS NOT NULL",
                         params, COUNT_OF(params), arena, &found, err);
    if (rc) return rc;
    const void *value = found.count ? row_blob(&found, 0, 0, &bytes) : NULL;
    if (!value || bytes != 32)
        return err_set(err, E_STORE, "journal row %u/%lld, which the next is chained to, is not there or has no chain",
                       partition, (long long)number);
    memcpy(chain, value, bytes);
    return E_OK;
}

int journal_unchained(store_t *store, uint32_t partition, int limit, arena_t *arena, rows_t *out, err_t *err) {
    cell_t params[] = {cell_i64(partition), cell_i64(limit)};
    return store_query(store,
                       "SELECT number, reference, kind, source_service, source_partition, source_number, at_ms,"
                       " value_date, body FROM journal WHERE partition = $1 AND chain IS NULL ORDER BY number LIMIT $2",
                       params, COUNT_OF(params), arena, out, err);
}

int journal_chain(store_t *store, const rows_t *keys, err_t *err) {
    return store_each_exec(store, "UPDATE journal SET chain = $3 WHERE partition = $1 AND number = $2", keys, err);
}

// ---- entries

int journal_find_reference(store_t *store, const char *reference, arena_t *arena, const void **body, size_t *bytes,
                           err_t *err) {
    cell_t params[] = {cell_text(reference)};
    rows_t found;
    int rc = store_query(store, "SELECT body FROM journal WHERE reference = $1 ORDER BY kind, number DESC LIMIT 1",
                         params, COUNT_OF(params), arena, &found, err);
    if (rc) return rc;
    if (!found.count) return err_field(err, E_NOT_FOUND, "reference", "no journal entry for this reference");
    *body = row_blob(&found, 0, 0, bytes);
    return 0;
}

int journal_of_reference(store_t *store, const char *reference, int limit, arena_t *arena, rows_t *found, err_t *err) {
    cell_t params[] = {cell_text(reference), cell_i64(limit)};
    return store_query(store,
                       "SELECT body FROM journal WHERE reference = $1 ORDER BY at_ms, partition, number LIMIT $2",
                       params, COUNT_OF(params), arena, found, err);
}
