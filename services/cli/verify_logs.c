// The logs and their consumers.
#include "common/base/hash.h"
#include "verify.h"

typedef struct log {
    const char *summary, *gap;
} log_t;

static int gap(verify_t *verify, store_t *store, const char *service, const char *sql, const rows_t *rows, size_t row,
               err_t *err) {
    rows_t found;
    const cell_t params[] = {cell_i64(row_i64(rows, row, 0))};
    int64_t count = row_i64(rows, row, 1), low = row_i64(rows, row, 2), missing = 1;
    int rc = verify_query(store, "i", sql, params, 1, verify->work, &found, err);
    if (rc) return rc;
    if (low == 1) missing = row_i64(&found, 0, 0);
    verify_broken(verify, "%s %lld/%lld is missing: there are %lld events numbered %lld … %lld", service,
                  (long long)row_i64(rows, row, 0), (long long)missing, (long long)count, (long long)low,
                  (long long)row_i64(rows, row, 3));
    arena_reset(verify->work);
    return E_OK;
}

// One log: for each partition the count must equal the highest number and the lowest must be 1.
static int one_log(verify_t *verify, store_t *store, const char *service, const log_t *log, err_t *err) {
    rows_t rows;
    arena_reset(verify->page);
    int rc = verify_query(store, "iiii", log->summary, NULL, 0, verify->page, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++) {
        int64_t partition = row_i64(&rows, i, 0), count = row_i64(&rows, i, 1), low = row_i64(&rows, i, 2),
                high = row_i64(&rows, i, 3);
        verify->looked_at += count;
        if (partition < 0 || partition >= PARTITIONS)
            verify_broken(verify, "%s has events in partition %lld, 0 … %d was expected", service, (long long)partition,
                          PARTITIONS - 1);
        if (low != 1 || high != count) rc = gap(verify, store, service, log->gap, &rows, i, err);
    }
    return rc;
}

#define LOG(table)                                                                                                     \
    (const log_t) {                                                                                                    \
        "SELECT partition, COUNT(*), MIN(number), MAX(number) FROM " table " GROUP BY partition ORDER BY partition",   \
            "SELECT MIN(a.number) + 1 FROM " table " a LEFT JOIN " table                                               \
            " b ON b.partition = a.partition AND b.number = a.number + 1"                                              \
            " WHERE a.partition = $1 AND b.number IS NULL"                                                             \
    }

int verify_streams(verify_t *verify, err_t *err) {
    int rc = one_log(verify, verify->enrollment, "enrollment", &LOG("event"), err);
    if (!rc) rc = one_log(verify, verify->facility, "facility", &LOG("event"), err);
    if (!rc) rc = one_log(verify, verify->collection, "collection", &LOG("event"), err);
    if (!rc) rc = one_log(verify, verify->adjudication, "adjudication", &LOG("decision"), err);
    if (!rc) rc = one_log(verify, verify->settlement, "settlement", &LOG("journal"), err);
    return rc;
}

static int head_of(verify_t *verify, store_t *store, const char *sql, int64_t partition, int64_t *head, err_t *err) {
    rows_t rows;
    const cell_t params[] = {cell_i64(partition)};
    int rc = verify_query(store, "i", sql, params, 1, verify->work, &rows, err);
    if (!rc) *head = row_i64(&rows, 0, 0);
    arena_reset(verify->work);
    return rc;
}

static int cursors_of(verify_t *verify, store_t *consumer, const char *name, const char *service, store_t *log,
                      const char *head_sql, err_t *err) {
    rows_t rows;
    const cell_t params[] = {cell_text(service)};
    arena_reset(verify->page);
    int rc = verify_query(consumer, "tii",
                          "SELECT consumer, partition, number FROM stream_cursor WHERE service = $1 ORDER BY partition",
                          params, 1, verify->page, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++) {
        int64_t head = 0, partition = row_i64(&rows, i, 1), at = row_i64(&rows, i, 2);
        rc = head_of(verify, log, head_sql, partition, &head, err);
        verify->looked_at++;
        if (!rc && at > head)
            verify_broken(verify, "%s has taken in %s partition %lld up to %lld, but that log ends at %lld", name,
                          service, (long long)partition, (long long)at, (long long)head);
    }
    if (!rc)
        rc = verify_query(consumer, "iitt",
                          "SELECT partition, number, topic, reason FROM stream_parked WHERE service = $1", params, 1,
                          verify->page, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++)
        verify_broken(verify, "%s is held back at %s partition %lld number %lld (%s): %s", name, service,
                      (long long)row_i64(&rows, i, 0), (long long)row_i64(&rows, i, 1), row_text(&rows, i, 2),
                      row_text(&rows, i, 3));
    return rc;
}

#define HEAD(table) "SELECT COALESCE(MAX(number), 0) FROM " table " WHERE partition = $1"

int verify_cursors(verify_t *verify, err_t *err) {
    int rc = cursors_of(verify, verify->collection, "collection", "enrollment", verify->enrollment, HEAD("event"), err);
    if (!rc)
        rc = cursors_of(verify, verify->settlement, "settlement", "collection", verify->collection, HEAD("event"), err);
    if (!rc)
        rc = cursors_of(verify, verify->settlement, "settlement", "adjudication", verify->adjudication,
                        HEAD("decision"), err);
    return rc;
}
