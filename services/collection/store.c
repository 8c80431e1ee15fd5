#include "receipts_store.h"
#include "common/base/hash.h"
#include "common/daemon/service.h"
#include "common/stream/consumer.h"

const migration_t collection_migrations[COLLECTION_MIGRATIONS] = {
    {1, REQUEST_TABLE_SQL STREAM_TABLE_SQL CONSUMER_TABLES_SQL
     "CREATE TABLE person (partition BIGINT NOT NULL, person TEXT NOT NULL, version BIGINT NOT NULL,"
     " state BYTEA NOT NULL, PRIMARY KEY (partition, person));"
     "CREATE TABLE employer (partition BIGINT NOT NULL, employer TEXT NOT NULL, version BIGINT NOT NULL,"
     " kind TEXT NOT NULL, PRIMARY KEY (partition, employer));"
     // paid_on and receipt are '' while unpaid; employer is '' where the person pays.
     "CREATE TABLE bill (partition BIGINT NOT NULL, person TEXT NOT NULL, period TEXT NOT NULL, identity TEXT NOT NULL,"
     " employer TEXT NOT NULL, total_fen BIGINT NOT NULL, paid_on TEXT NOT NULL, receipt TEXT NOT NULL,"
     " body BYTEA NOT NULL, PRIMARY KEY (partition, person, period));"
     "CREATE INDEX bill_employer ON bill (employer, period);"
     "CREATE TABLE receipt (receipt TEXT NOT NULL PRIMARY KEY, payer TEXT NOT NULL, period TEXT NOT NULL,"
     " amount_fen BIGINT NOT NULL, paid_on TEXT NOT NULL, body BYTEA NOT NULL);"
     "CREATE TABLE entitlement (partition BIGINT NOT NULL, person TEXT NOT NULL, version BIGINT NOT NULL,"
     " body BYTEA NOT NULL, PRIMARY KEY (partition, person));"
     "CREATE TABLE uncached (partition BIGINT NOT NULL, person TEXT NOT NULL, version BIGINT NOT NULL,"
     " PRIMARY KEY (partition, person));"},
    {2, RECEIPTS_TABLES_SQL},
    // The wage that it was made on; 0: on none, or made before this was kept.
    {3, "ALTER TABLE bill ADD COLUMN wage_fen BIGINT NOT NULL DEFAULT 0;"},
};

int key_add(rows_t *keys, const char *name, err_t *err) {
    cell_t *row = rows_add(keys);
    if (!row) return err_set(err, E_IO, "out of memory");
    row[0] = cell_i64(partition_of(name));
    row[1] = cell_text(name);
    return 0;
}

// The LIMITs are known bounds. They keep PostgreSQL from joining a whole table with the keys, on statistics that are
// older than the city: a chunk must cost the same however many persons there are.
#define ONE " LIMIT 1"
#define ALL_PERIODS " LIMIT 4000" // every month and year from 1900 to 2199

// ---- persons and employers
// ----------------------------------------------------------------------------------------------

int persons_page(store_t *store, const persons_range_t *range, int32_t limit, arena_t *arena, rows_t *out, err_t *err) {
    const bool begun = *range->after && partition_of(range->after) >= range->first;
    cell_t params[] = {cell_i64(begun ? partition_of(range->after) : range->first),
                       cell_text(begun ? range->after : ""), cell_i64(range->end), cell_i64(limit)};
    return store_query(store,
                       "SELECT state FROM person WHERE (partition, person) > ($1, $2) AND partition < $3"
                       " ORDER BY partition, person LIMIT $4",
                       params, COUNT_OF(params), arena, out, err);
}

int persons_of(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    return store_each_query(store, "SELECT version, state FROM person WHERE partition = $1 AND person = $2" ONE, keys,
                            arena, out, err);
}

int persons_put(store_t *store, const rows_t *rows, err_t *err) {
    return store_put(store, "person", "partition, person, version, state", "partition, person", rows, err);
}

int employers_of(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    return store_each_query(store, "SELECT kind FROM employer WHERE partition = $1 AND employer = $2" ONE, keys, arena,
                            out, err);
}

int employers_put(store_t *store, const rows_t *rows, err_t *err) {
    return store_each_exec(
        store,
        "INSERT INTO employer (partition, employer, version, kind) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (partition, employer) DO UPDATE SET version = excluded.version, kind = excluded.kind"
        " WHERE employer.version < excluded.version",
        rows, err);
}

// ---- bills
// --------------------------------------------------------------------------------------------------------------

int bills_newest(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    return store_each_query(store,
                            "SELECT period FROM bill WHERE partition = $1 AND person = $2 ORDER BY period DESC" ONE,
                            keys, arena, out, err);
}

int bills_known(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    return store_each_query(store, "SELECT period FROM bill WHERE partition = $1 AND person = $2 AND period = $3" ONE,
                            keys, arena, out, err);
}

int bills_insert(store_t *store, const rows_t *rows, err_t *err) {
    CHECK(rows->width == BILL_COLUMNS);
    return store_insert(store, "bill",
                        "partition, person, period, identity, employer, total_fen, paid_on, receipt, body, wage_fen",
                        rows, CONFLICT_FAILS, err);
}

// The two ways to name a payer need a plan each: an employer's bills are found by index, a person's by primary key.
#define UNPAID_OF_EMPLOYER " FROM bill WHERE employer = $1 AND period = $2 AND paid_on = ''"
#define UNPAID_OF_PERSON                                                                                               \
    " FROM bill WHERE partition = $1 AND person = $2 AND period = $3 AND employer = '' AND paid_on = ''"

static size_t payer_params(const payer_key_t *payer, cell_t params[static 3]) {
    size_t n = 0;
    if (!*payer->employer) params[n++] = cell_i64(partition_of(payer->person));
    params[n++] = cell_text(*payer->employer ? payer->employer : payer->person);
    params[n++] = cell_text(payer->period);
    return n;
}

int bills_sum(store_t *store, const payer_key_t *payer, arena_t *arena, int64_t *count, fen_t *amount, err_t *err) {
    cell_t params[3];
    rows_t rows;
    size_t n = payer_params(payer, params);
#define SUMS "SELECT COUNT(*), CAST(COALESCE(SUM(total_fen), 0) AS BIGINT)"
    int rc = store_query(store, *payer->employer ? SUMS UNPAID_OF_EMPLOYER : SUMS UNPAID_OF_PERSON, params, n, arena,
                         &rows, err);
#undef SUMS
    if (rc) return rc;
    *count = row_i64(&rows, 0, 0);
    *amount = row_i64(&rows, 0, 1);
    return 0;
}

int bills_history(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    return store_each_query(store,
                            "SELECT period, identity, employer, paid_on, wage_fen FROM bill"
                            " WHERE partition = $1 AND person = $2 ORDER BY period" ALL_PERIODS,
                            keys, arena, out, err);
}

int bills_of(store_t *store, const char *person, arena_t *arena, rows_t *out, err_t *err) {
    cell_t params[] = {cell_i64(partition_of(person)), cell_text(person)};
    return store_query(store, "SELECT body, paid_on FROM bill WHERE partition = $1 AND person = $2 ORDER BY period",
                       params, COUNT_OF(params), arena, out, err);
}

int bills_drop(store_t *store, const rows_t *rows, err_t *err) {
    return store_each_exec(
        store, "DELETE FROM bill WHERE partition = $1 AND person = $2 AND period = $3 AND paid_on = ''", rows, err);
}

// ---- entitlements
// -------------------------------------------------------------------------------------------------------

int entitlements_of(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    return store_each_query(store, "SELECT version, body FROM entitlement WHERE partition = $1 AND person = $2" ONE,
                            keys, arena, out, err);
}

int entitlements_put(store_t *store, const rows_t *rows, arena_t *arena, err_t *err) {
    rows_t marks;
    rows_init(&marks, arena, 3);
    for (size_t i = 0; i < rows->count; i++) {
        cell_t *mark = rows_add(&marks);
        if (!mark) return err_set(err, E_IO, "out of memory");
        for (size_t k = 0; k < 3; k++) mark[k] = rows_at(rows, i)[k];
    }
    int rc = store_put(store, "entitlement", "partition, person, version, body", "partition, person", rows, err);
    return rc ? rc : store_put(store, "uncached", "partition, person, version", "partition, person", &marks, err);
}

int uncached_page(store_t *store, int32_t limit, arena_t *arena, rows_t *out, err_t *err) {
    cell_t params[] = {cell_i64(limit)};
    return store_query(store, "SELECT partition, person FROM uncached ORDER BY partition, person LIMIT $1", params,
                       COUNT_OF(params), arena, out, err);
}

int uncached_drop(store_t *store, const rows_t *rows, err_t *err) {
    return store_drop(store, "uncached", "partition, person, version", rows, err);
}
