// The keys do the work of locks: (partition, person, year, seq) refuses the slower of two writers of one chain,
// (partition, number) a second owner of a partition, request_id and bill a second settlement. request_id and bill are
// unique over all partitions, so that an id used again for another person's bill is noticed too.
#include "store.h"
#include "common/base/hash.h"

const migration_t adjudication_migrations[ADJUDICATION_MIGRATIONS] = {
    {1, "CREATE TABLE decision (partition BIGINT NOT NULL, person TEXT NOT NULL, year BIGINT NOT NULL, seq BIGINT NOT "
        "NULL,"
        " number BIGINT NOT NULL, request_id TEXT NOT NULL, digest BYTEA NOT NULL, bill TEXT NOT NULL,"
        " at_ms BIGINT NOT NULL, body BYTEA NOT NULL, PRIMARY KEY (partition, person, year, seq),"
        " UNIQUE (partition, number), UNIQUE (request_id), UNIQUE (bill));"
        "CREATE TABLE policy_version (hash TEXT NOT NULL PRIMARY KEY, body BYTEA NOT NULL, at_ms BIGINT NOT NULL);"},
};

const stream_log_t adjudication_log = {
    .table = NULL,
    .head_sql = "SELECT COALESCE(MAX(number), 0) FROM decision WHERE partition = $1",
    .read_sql = "SELECT number, CAST('bill.settled' AS TEXT), at_ms, body FROM decision"
                " WHERE partition = $1 AND number >= $2 ORDER BY number LIMIT $3",
};

// The LIMITs are known bounds, and they keep PostgreSQL from joining a growing table as a whole on statistics of an
// empty one.
int decisions_find_settled(store_t *store, const rows_t *keys, arena_t *arena, rows_t *found, err_t *err) {
    return store_each_query(store,
                            "SELECT request_id, digest, body FROM decision WHERE request_id = $1"
                            " UNION ALL SELECT request_id, digest, body FROM decision WHERE bill = $2 LIMIT 2",
                            keys, arena, found, err);
}

int decisions_find_heads(store_t *store, const rows_t *keys, arena_t *arena, rows_t *found, err_t *err) {
    return store_each_query(store,
                            "SELECT body FROM decision WHERE partition = $1 AND person = $2 AND year = $3"
                            " ORDER BY seq DESC LIMIT 1",
                            keys, arena, found, err);
}

int decisions_of_year(store_t *store, const char *person, int year, int64_t after, int limit, arena_t *arena,
                      rows_t *found, err_t *err) {
    cell_t params[] = {cell_i64(partition_of(person)), cell_text(person), cell_i64(year), cell_i64(after),
                       cell_i64(limit)};
    return store_query(store,
                       "SELECT seq, body FROM decision WHERE partition = $1 AND person = $2 AND year = $3 AND seq > $4"
                       " ORDER BY seq LIMIT $5",
                       params, COUNT_OF(params), arena, found, err);
}

int decisions_find_bills(store_t *store, const rows_t *keys, arena_t *arena, rows_t *found, err_t *err) {
    return store_each_query(store, "SELECT body FROM decision WHERE bill = $1 LIMIT 1", keys, arena, found, err);
}

int decisions_insert(store_t *store, const rows_t *rows, err_t *err) {
    CHECK(rows->width == DECISION_COLUMNS);
    return store_insert(store, "decision",
                        "partition, person, year, seq, number, request_id, digest, bill, at_ms, body", rows,
                        CONFLICT_FAILS, err);
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
