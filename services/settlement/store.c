// The unique key of journal's source_service, source_partition and source_number is what makes an event count once,
// whoever delivers it how often.
#include "store.h"
#include "common/daemon/service.h"
#include "common/stream/consumer.h"

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
                        " value_date, body",
                        rows, CONFLICT_FAILS, err);
}

int postings_insert(store_t *store, const rows_t *rows, err_t *err) {
    CHECK(rows->width == POSTING_COLUMNS);
    return store_insert(store, "posting", "partition, number, line, account, identity, division, party, amount_fen",
                        rows, CONFLICT_FAILS, err);
}

int balances_add(store_t *store, const rows_t *rows, err_t *err) {
    CHECK(rows->width == BALANCE_COLUMNS);
    return store_each_exec(store,
                           "INSERT INTO balance (account, identity, division, amount_fen, postings)"
                           " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (account, identity, division) DO UPDATE SET"
                           " amount_fen = balance.amount_fen + excluded.amount_fen,"
                           " postings = balance.postings + excluded.postings",
                           rows, err);
}

int balances_read(store_t *store, arena_t *arena, rows_t *out, err_t *err) {
    cell_t params[] = {cell_i64(BALANCES_MAX)};
    return store_query(store,
                       "SELECT account, identity, division, amount_fen, postings FROM balance"
                       " ORDER BY account, identity, division LIMIT $1",
                       params, COUNT_OF(params), arena, out, err);
}

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
