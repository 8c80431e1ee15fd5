// The keys do the work of locks: (partition, person, year, seq) refuses the slower of two writers of one chain,
// (partition, number) a second owner of a partition, request_id a second execution, (bill, version) a second settlement
// or reversal. request_id and (bill, version) are unique over all partitions, so that an id used again for another
// person's bill is noticed too.
#include "store.h"
#include "common/base/hash.h"
#include "common/daemon/service.h"
#include "common/reconcile/standing.h"
#include "account_store.h"
#include "catalogue_store.h"
#include "readjudicate.h"
#include "touched_lines.h"
#include "visit_store.h"

// Version 1 of the table held one row a bill; PostgreSQL and SQLite both know this way to change its keys.
#define VERSIONS_SQL                                                                                                   \
    "CREATE TABLE decision_row (partition BIGINT NOT NULL, person TEXT NOT NULL, year BIGINT NOT NULL,"                \
    " seq BIGINT NOT NULL, number BIGINT NOT NULL, kind BIGINT NOT NULL, request_id TEXT, digest BYTEA,"               \
    " bill TEXT NOT NULL, version BIGINT NOT NULL, at_ms BIGINT NOT NULL, body BYTEA NOT NULL,"                        \
    " PRIMARY KEY (partition, person, year, seq), UNIQUE (partition, number), UNIQUE (request_id),"                    \
    " UNIQUE (bill, version));"                                                                                        \
    "INSERT INTO decision_row (partition, person, year, seq, number, kind, request_id, digest, bill, version, at_ms,"  \
    " body) SELECT partition, person, year, seq, number, 0, request_id, digest, bill, 1, at_ms, body FROM decision;"   \
    "DROP TABLE decision;"                                                                                             \
    "ALTER TABLE decision_row RENAME TO decision;"

const migration_t adjudication_migrations[ADJUDICATION_MIGRATIONS] = {
    {1, "CREATE TABLE decision (partition BIGINT NOT NULL, person TEXT NOT NULL, year BIGINT NOT NULL, seq BIGINT NOT "
        "NULL,"
        " number BIGINT NOT NULL, request_id TEXT NOT NULL, digest BYTEA NOT NULL, bill TEXT NOT NULL,"
        " at_ms BIGINT NOT NULL, body BYTEA NOT NULL, PRIMARY KEY (partition, person, year, seq),"
        " UNIQUE (partition, number), UNIQUE (request_id), UNIQUE (bill));"
        "CREATE TABLE policy_version (hash TEXT NOT NULL PRIMARY KEY, body BYTEA NOT NULL, at_ms BIGINT NOT NULL);"},
    {2, VERSIONS_SQL REQUEST_TABLE_SQL},
    {3, CONSUMER_TABLES_SQL READJUDICATION_TABLES_SQL},
    {4, CATALOGUE_TABLES_SQL VISIT_TABLES_SQL},
    {5, ACCOUNT_TABLES_SQL},
    {6, VISIT_SPLIT_SQL},
    {7, STANDING_TABLES_SQL},
    {8, TOUCHED_LINES_SQL},
    {9, ACCOUNT_UNTOLD_SQL},
};

static const struct {
    const char *name, *topic;
} row_kinds[ROW_KIND__COUNT] = {[ROW_SETTLED] = {"", "bill.settled"},
                                [ROW_REVERSED] = {"reversed", "bill.reversed"},
                                [ROW_RECOMPUTED] = {"recomputed", "bill.recomputed"},
                                [ROW_TOMBSTONE] = {"tombstone", "bill.reversed"}};

const char *row_kind_name(row_kind_t kind) { return row_kinds[kind].name; }
const char *row_kind_topic(row_kind_t kind) { return row_kinds[kind].topic; }

const stream_log_t adjudication_log = {
    .table = NULL,
    .head_sql = "SELECT COALESCE(MAX(number), 0) FROM decision WHERE partition = $1",
    .read_sql = "SELECT number, CAST(CASE kind WHEN 0 THEN 'bill.settled' WHEN 2 THEN 'bill.recomputed'"
                " WHEN 4 THEN 'account.changed' ELSE 'bill.reversed' END AS TEXT), at_ms, body FROM decision"
                " WHERE partition = $1 AND number >= $2 ORDER BY number LIMIT $3",
};

_Static_assert(ROW_ACCOUNT == 4, "the kind of an account's change stands in SQL");

// The LIMITs are known bounds, and they keep PostgreSQL from joining a growing table as a whole on statistics of an
// empty one.
int decisions_find_stored(store_t *store, const rows_t *keys, arena_t *arena, rows_t *found, err_t *err) {
    return store_each_query(store,
                            "SELECT 0, kind, digest, body FROM decision WHERE request_id = $1"
                            " UNION ALL SELECT 1, kind, digest, body FROM (SELECT kind, digest, body FROM decision"
                            " WHERE bill = $2 ORDER BY version DESC LIMIT 1) newest LIMIT 2",
                            keys, arena, found, err);
}

int decisions_find_heads(store_t *store, const rows_t *keys, arena_t *arena, rows_t *found, err_t *err) {
    return store_each_query(store,
                            "SELECT body FROM decision WHERE partition = $1 AND person = $2 AND year = $3"
                            " ORDER BY seq DESC LIMIT 1",
                            keys, arena, found, err);
}

// A subquery and not EXISTS, which PostgreSQL would turn into a join of the whole table.
#define IS_NEWEST                                                                                                      \
    " (SELECT later.version FROM decision later WHERE later.bill = d.bill AND later.version = d.version + 1 LIMIT 1)"  \
    " IS NULL"
#define STANDS " d.kind IN (0, 2) AND" IS_NEWEST

int decisions_find_standing(store_t *store, const rows_t *keys, int limit, arena_t *arena, rows_t *found, err_t *err) {
    rows_t limited;
    CHECK(keys->width == 3);
    rows_init(&limited, arena, 4);
    for (size_t i = 0; i < keys->count; i++) {
        cell_t *key = rows_add(&limited);
        if (!key) return err_set(err, E_IO, "out of memory for the keys of chains");
        for (size_t column = 0; column < 3; column++) key[column] = rows_at(keys, i)[column];
        key[3] = cell_i64(limit);
    }
    return store_each_query(store,
                            "SELECT d.body FROM decision d WHERE d.partition = $1 AND d.person = $2 AND d.year = $3"
                            " AND" STANDS " ORDER BY d.seq LIMIT $4",
                            &limited, arena, found, err);
}

int decisions_of_year(store_t *store, const char *person, int year, int64_t after, int limit, arena_t *arena,
                      rows_t *found, err_t *err) {
    cell_t params[] = {cell_i64(partition_of(person)), cell_text(person), cell_i64(year), cell_i64(after),
                       cell_i64(limit)};
    return store_query(store,
                       "SELECT d.seq, d.body FROM decision d WHERE d.partition = $1 AND d.person = $2 AND d.year = $3"
                       " AND d.seq > $4 AND" STANDS " ORDER BY d.seq LIMIT $5",
                       params, COUNT_OF(params), arena, found, err);
}

int decisions_from(store_t *store, const char *person, int year, int64_t from, int limit, arena_t *arena, rows_t *found,
                   err_t *err) {
    cell_t params[] = {cell_i64(partition_of(person)), cell_text(person), cell_i64(year), cell_i64(from),
                       cell_i64(limit)};
    return store_query(store,
                       "SELECT body FROM decision WHERE partition = $1 AND person = $2 AND year = $3 AND seq >= $4"
                       " ORDER BY seq LIMIT $5",
                       params, COUNT_OF(params), arena, found, err);
}

// A bill comes in once and goes out at most once.
int decisions_standing_at(store_t *store, const char *person, int year, int64_t seq, arena_t *arena, int64_t *out,
                          err_t *err) {
    cell_t params[] = {cell_i64(partition_of(person)), cell_text(person), cell_i64(year), cell_i64(seq)};
    rows_t found;
    int rc = store_query(store,
                         "SELECT CAST(COALESCE(SUM(CASE kind WHEN 0 THEN 1 WHEN 1 THEN -1 ELSE 0 END), 0) AS BIGINT)"
                         " FROM decision WHERE partition = $1 AND person = $2 AND year = $3 AND seq <= $4",
                         params, COUNT_OF(params), arena, &found, err);
    if (!rc) *out = row_i64(&found, 0, 0);
    return rc;
}

int decisions_find_bills(store_t *store, const rows_t *keys, arena_t *arena, rows_t *found, err_t *err) {
    return store_each_query(store, "SELECT body FROM decision WHERE bill = $1 ORDER BY version DESC LIMIT 1", keys,
                            arena, found, err);
}

int decisions_versions(store_t *store, const char *bill, int limit, arena_t *arena, rows_t *found, err_t *err) {
    cell_t params[] = {cell_text(bill), cell_i64(limit)};
    return store_query(store, "SELECT body FROM decision WHERE bill = $1 ORDER BY version LIMIT $2", params,
                       COUNT_OF(params), arena, found, err);
}

int decisions_find_request(store_t *store, const char *request_id, arena_t *arena, rows_t *found, err_t *err) {
    cell_t params[] = {cell_text(request_id)};
    return store_query(store,
                       "SELECT body FROM decision WHERE request_id = $1"
                       " UNION ALL SELECT CAST('' AS BYTEA) FROM request WHERE id = $1",
                       params, COUNT_OF(params), arena, found, err);
}

int decisions_insert(store_t *store, const rows_t *rows, err_t *err) {
    CHECK(rows->width == DECISION_COLUMNS);
    return store_insert(store, "decision",
                        "partition, person, year, seq, number, kind, request_id, digest, bill, version, at_ms, body",
                        rows, CONFLICT_FAILS, err);
}

int policy_version_save(store_t *store, const char *hash, const void *body, size_t bytes, int64_t at_ms, err_t *err) {
    cell_t params[] = {cell_text(hash), cell_blob(body, bytes), cell_i64(at_ms)};
    return store_exec(
        store, "INSERT INTO policy_version (hash, body, at_ms) VALUES ($1, $2, $3) ON CONFLICT (hash) DO NOTHING",
        params, COUNT_OF(params), err);
}

int policy_version_load(store_t *store, const char *hash, arena_t *arena, const void **body, size_t *bytes,
                        err_t *err) {
    cell_t params[] = {cell_text(hash)};
    rows_t found;
    int rc = store_query(store, "SELECT body FROM policy_version WHERE hash = $1", params, COUNT_OF(params), arena,
                         &found, err);
    if (rc) return rc;
    if (found.count == 0) return err_field(err, E_NOT_FOUND, "policy", "policy %.64s was never in use here", hash);
    *body = row_blob(&found, 0, 0, bytes);
    return 0;
}
