#include "receipts_store.h"
#include "common/base/hash.h"
#include "common/daemon/service.h"
#include "common/stream/consumer.h"
#include "debits.h"
#include "failed_debits.h"
#include "dense.h"
#include "life_store.h"
#include "own_share.h"
#include "public_sums.h"
#include "subsidies.h"
#include "targets.h"
#include <string.h>

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
    // Those whose states one transaction changed, apart by blanks (recache.h).
    {4, "CREATE TABLE uncached_batch (batch TEXT NOT NULL PRIMARY KEY, persons TEXT NOT NULL);"},
    {5, LIFE_TABLES_SQL},
    // Rows that are changed later stay on their page, and their indexes as they are.
    {6, POSTGRES_ONLY "ALTER TABLE bill SET (fillfactor = 60); ALTER TABLE entitlement SET (fillfactor = 60);"
                      "ALTER TABLE person SET (fillfactor = 60);"},
    {7, OWN_SHARE_SQL},
    {8, SUBSIDY_TABLES_SQL},
    // What an employer is for some days (employer_kinds.h).
    {9, "ALTER TABLE employer ADD COLUMN kinds TEXT NOT NULL DEFAULT '';"},
    // Where it is registered; '': told before this was kept, and in no district until it is told again.
    {10, "ALTER TABLE employer ADD COLUMN division TEXT NOT NULL DEFAULT '';"},
    // Of a person who arrives the next state is often twice as long. And lists that are dropped at once are not packed.
    {11, POSTGRES_ONLY "ALTER TABLE person SET (fillfactor = 45);"
                       "ALTER TABLE uncached_batch ALTER COLUMN persons SET STORAGE EXTERNAL;"},
    {12, TARGET_TABLES_SQL},
    {13, PUBLIC_SUMS_SQL},
    {14, DEBIT_TABLES_SQL},
    {15, FAILED_DEBIT_TABLES_SQL},
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
// Every month and year from 1900 to 2199, and as a number that it reads only later PostgreSQL takes a tenth of them to
// be asked for: it goes along the index then, instead of sorting a bitmap for each person.
#define ALL_PERIODS " LIMIT (SELECT 4000)"

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

int person_keys_of(store_t *store, int64_t partition, const char *person, int32_t limit, arena_t *arena, rows_t *out,
                   err_t *err) {
    const cell_t params[] = {cell_i64(partition), cell_text(person), cell_i64(limit)};
    return store_query(store,
                       "SELECT partition, person FROM person WHERE partition = $1 AND person > $2 ORDER BY person"
                       " LIMIT $3",
                       params, COUNT_OF(params), arena, out, err);
}

int persons_of(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    return store_each_query(store, "SELECT version, state FROM person WHERE partition = $1 AND person = $2" ONE, keys,
                            arena, out, err);
}

int person_versions_of(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    static const dense_table_t person = {
        .by_key = "SELECT version FROM person WHERE partition = $1 AND person = $2" ONE,
        .by_part = "SELECT version, person FROM person WHERE partition = $1 ORDER BY person LIMIT $2",
        .rows_a_key = 3,
    };
    return dense_query(store, &person, keys, arena, out, err);
}

// Rows of `width` cells and one more, which says whether the row is there already: PostgreSQL takes new ones far
// faster.
static int put_apart(store_t *store, const char *table, const char *columns, size_t width, const rows_t *rows,
                     err_t *err) {
    rows_t new_ones, others;
    CHECK(rows->count == 0 || rows->width == width + 1);
    rows_init(&new_ones, rows->arena, width);
    rows_init(&others, rows->arena, width);
    for (size_t i = 0; i < rows->count; i++) {
        const cell_t *from = rows_at(rows, i);
        cell_t *row = rows_add(from[width].i64 ? &others : &new_ones);
        if (!row) return err_set(err, E_IO, "out of memory");
        memcpy(row, from, width * sizeof *row);
    }
    int rc = store_insert(store, table, columns, &new_ones, CONFLICT_FAILS, err);
    return rc ? rc : store_update(store, table, columns, "partition, person", "", &others, err);
}

int persons_put(store_t *store, const rows_t *rows, err_t *err) {
    return put_apart(store, "person", "partition, person, version, state", PERSON_COLUMNS - 1, rows, err);
}

int employers_of(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    return store_each_query(store,
                            "SELECT kind, kinds, version FROM employer WHERE partition = $1 AND employer = $2" ONE,
                            keys, arena, out, err);
}

int employer_divisions_of(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    return store_each_query(store, "SELECT division FROM employer WHERE partition = $1 AND employer = $2" ONE, keys,
                            arena, out, err);
}

int employers_put(store_t *store, const rows_t *rows, err_t *err) {
    return store_each_exec(
        store,
        "INSERT INTO employer (partition, employer, version, kind, kinds, division) VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT (partition, employer) DO UPDATE SET version = excluded.version, kind = excluded.kind,"
        " kinds = excluded.kinds, division = excluded.division"
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

// Public money owes what the payer does not, or all of a bill without an employer.
static bool may_owe_public(const cell_t *bill) { return bill[10].i64 < bill[5].i64 || bill[4].size == 0; }

int bills_insert(store_t *store, const rows_t *rows, err_t *err) {
    CHECK(rows->width == BILL_COLUMNS);
    int rc = public_sums_touch(store, rows, may_owe_public, err);
    return rc ? rc
              : store_insert(store, "bill",
                             "partition, person, period, identity, employer, total_fen, paid_on, receipt, body,"
                             " wage_fen, own_fen",
                             rows, CONFLICT_FAILS, err);
}

// The two ways to name a payer need a plan each: an employer's bills are found by index, a person's by primary key.
#define UNPAID_OF_EMPLOYER " FROM bill WHERE employer = $1 AND period = $2 AND paid_on = '' AND own_fen > 0"
#define UNPAID_OF_PERSON                                                                                               \
    " FROM bill WHERE partition = $1 AND person = $2 AND period = $3 AND employer = '' AND paid_on = ''"               \
    " AND own_fen > 0"

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
#define SUMS "SELECT COUNT(*), CAST(COALESCE(SUM(own_fen), 0) AS BIGINT)"
    int rc = store_query(store, *payer->employer ? SUMS UNPAID_OF_EMPLOYER : SUMS UNPAID_OF_PERSON, params, n, arena,
                         &rows, err);
#undef SUMS
    if (rc) return rc;
    *count = row_i64(&rows, 0, 0);
    *amount = row_i64(&rows, 0, 1);
    return 0;
}

int bills_history(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
#define BILL "SELECT period, identity, employer, paid_on, wage_fen, own_fen"
    static const dense_table_t bill = {
        .by_key = BILL " FROM bill WHERE partition = $1 AND person = $2 ORDER BY period" ALL_PERIODS,
        .by_part = BILL ", person FROM bill WHERE partition = $1 ORDER BY person, period LIMIT $2",
        .rows_a_key = 1,
    };
#undef BILL
    return dense_query(store, &bill, keys, arena, out, err);
}

// What `sql` finds for runs of persons ($1 partition, $2 the first, $3 the last), the person in its last column, in the
// order of `keys`. False in *good when a row is of nobody among them.
static int read_runs(store_t *store, const char *sql, const rows_t *keys, arena_t *arena, rows_t *out, bool *good,
                     err_t *err) {
    rows_t runs;
    cell_t *run = NULL;
    rows_init(&runs, arena, 3);
    for (size_t i = 0; i < keys->count; i++) {
        const cell_t *key = rows_at(keys, i);
        if (i == 0 || key[0].i64 != run[0].i64) {
            if (!(run = rows_add(&runs))) return err_set(err, E_IO, "out of memory");
            run[0] = key[0];
            run[1] = key[1];
        }
        run[2] = key[1];
    }
    int rc = store_each_query(store, sql, &runs, arena, out, err);
    size_t key = 0;
    for (size_t i = 0; rc == 0 && i < out->count; i++) {
        const char *person = row_text(out, i, out->width - 1);
        while (key < keys->count && strcmp(rows_at(keys, key)[1].data, person) != 0) key++;
        if (key == keys->count) break;
        rows_at(out, i)[0].i64 = (int64_t)key;
    }
    *good = rc == 0 && (key < keys->count || out->count == 0);
    return rc;
}

#define ALL " LIMIT 100000000" // as ALL_PERIODS

int bills_history_run(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    bool good;
    int rc =
        read_runs(store,
                  "SELECT period, identity, employer, paid_on, wage_fen, own_fen, person FROM bill WHERE partition = $1"
                  " AND person >= $2 AND person <= $3 ORDER BY person, period" ALL,
                  keys, arena, out, &good, err);
    return rc || good ? rc : bills_history(store, keys, arena, out, err);
}

int bills_between(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    return store_each_query(
        store,
        "SELECT paid_on, body, own_fen FROM bill WHERE partition = $1 AND person = $2 AND period >= $3"
        " AND period < $4 ORDER BY period" ALL_PERIODS,
        keys, arena, out, err);
}

int bills_of(store_t *store, const char *person, arena_t *arena, rows_t *out, err_t *err) {
    cell_t params[] = {cell_i64(partition_of(person)), cell_text(person)};
    return store_query(store,
                       "SELECT body, paid_on, own_fen FROM bill WHERE partition = $1 AND person = $2 ORDER BY period",
                       params, COUNT_OF(params), arena, out, err);
}

int unpaid_of_employer(store_t *store, const char *employer, arena_t *arena, rows_t *out, err_t *err) {
    const cell_t params[] = {cell_text(employer)};
    return store_query(store, "SELECT partition, person, period FROM bill WHERE employer = $1 AND paid_on = ''", params,
                       COUNT_OF(params), arena, out, err);
}

int bills_drop(store_t *store, const rows_t *rows, err_t *err) {
    int rc = public_sums_touch(store, rows, NULL, err);
    return rc ? rc
              : store_each_exec(
                    store, "DELETE FROM bill WHERE partition = $1 AND person = $2 AND period = $3 AND paid_on = ''",
                    rows, err);
}

// ---- entitlements
// -------------------------------------------------------------------------------------------------------

int entitlements_of(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    static const dense_table_t entitlement = {
        .by_key = "SELECT version, body FROM entitlement WHERE partition = $1 AND person = $2" ONE,
        .by_part = "SELECT version, body, person FROM entitlement WHERE partition = $1 ORDER BY person LIMIT $2",
        .rows_a_key = 3,
    };
    return dense_query(store, &entitlement, keys, arena, out, err);
}

int entitlements_run(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    bool good;
    int rc = read_runs(store,
                       "SELECT version, body, person FROM entitlement WHERE partition = $1 AND person >= $2"
                       " AND person <= $3 ORDER BY person" ALL,
                       keys, arena, out, &good, err);
    return rc || good ? rc : entitlements_of(store, keys, arena, out, err);
}

static int mark_each(store_t *store, const rows_t *rows, arena_t *arena, err_t *err) {
    rows_t marks;
    rows_init(&marks, arena, 3);
    for (size_t i = 0; i < rows->count; i++) {
        cell_t *mark = rows_add(&marks);
        if (!mark) return err_set(err, E_IO, "out of memory");
        memcpy(mark, rows_at(rows, i), 3 * sizeof *mark);
    }
    return store_put(store, "uncached", "partition, person, version", "partition, person", &marks, err);
}

static int mark_batch(store_t *store, const rows_t *rows, const char *batch, arena_t *arena, err_t *err) {
    size_t size = 0;
    for (size_t i = 0; i < rows->count; i++) size += rows_at(rows, i)[1].size + 1;
    char *persons = arena_alloc(arena, size + 1), *at = persons;
    if (!persons) return err_set(err, E_IO, "out of memory");
    for (size_t i = 0; i < rows->count; i++) {
        const cell_t *person = &rows_at(rows, i)[1];
        memcpy(at, person->data, person->size);
        at += person->size;
        *at++ = ' ';
    }
    const cell_t params[] = {cell_text(batch), cell_text(persons)};
    return store_exec(store, "INSERT INTO uncached_batch (batch, persons) VALUES ($1, $2)", params, COUNT_OF(params),
                      err);
}

int entitlements_put(store_t *store, const rows_t *rows, const char *batch, arena_t *arena, err_t *err) {
    if (rows->count == 0) return 0;
    int rc = put_apart(store, "entitlement", "partition, person, version, body", ENTITLEMENT_COLUMNS - 1, rows, err);
    if (rc) return rc;
    return *batch ? mark_batch(store, rows, batch, arena, err) : mark_each(store, rows, arena, err);
}

int uncached_page(store_t *store, int32_t limit, arena_t *arena, rows_t *out, err_t *err) {
    cell_t params[] = {cell_i64(limit)};
    return store_query(store, "SELECT partition, person FROM uncached ORDER BY partition, person LIMIT $1", params,
                       COUNT_OF(params), arena, out, err);
}

int uncached_drop(store_t *store, const rows_t *rows, err_t *err) {
    return store_each_exec(store, "DELETE FROM uncached WHERE partition = $1 AND person = $2 AND version <= $3", rows,
                           err);
}

int uncached_batches(store_t *store, int32_t limit, arena_t *arena, rows_t *out, err_t *err) {
    const cell_t params[] = {cell_i64(limit)};
    return store_query(store, "SELECT batch, persons FROM uncached_batch ORDER BY batch LIMIT $1", params,
                       COUNT_OF(params), arena, out, err);
}

int uncached_batches_drop(store_t *store, const rows_t *batches, err_t *err) {
    return store_drop(store, "uncached_batch", "batch", batches, err);
}

int uncached_note(store_t *store, const rows_t *persons, arena_t *arena, err_t *err) {
    rows_t found, rows;
    rows_init(&rows, arena, 3);
    int rc = entitlements_of(store, persons, arena, &found, err);
    for (size_t i = 0; rc == 0 && i < found.count; i++) {
        const cell_t *person = rows_at(persons, (size_t)row_i64(&found, i, 0));
        cell_t *row = rows_add(&rows);
        if (!row) return err_set(err, E_IO, "out of memory");
        row[0] = person[0];
        row[1] = person[1];
        row[2] = cell_i64(row_i64(&found, i, 1));
    }
    return rc ? rc
              : store_each_exec(store,
                                "INSERT INTO uncached (partition, person, version) VALUES ($1, $2, $3)"
                                " ON CONFLICT (partition, person) DO UPDATE SET version = excluded.version"
                                " WHERE uncached.version < excluded.version",
                                &rows, err);
}
