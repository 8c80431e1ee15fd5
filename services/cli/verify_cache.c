// Redis against the store: a missing copy is fine, a different one is not.
#include "common/base/hash.h"
#include "verify.h"
#include <string.h>

static int check_page(verify_t *verify, const rows_t *rows, err_t *err) {
    cache_item_t *items = arena_alloc(verify->page, rows->count * sizeof *items);
    if (!items && rows->count) return err_set(err, E_IO, "out of memory");
    for (size_t i = 0; i < rows->count; i++)
        if (!(items[i].key = arena_text(verify->page, "ent:%s", row_text(rows, i, 0))))
            return err_set(err, E_IO, "out of memory");
    cache_get(verify->cache, items, rows->count, verify->page);
    for (size_t i = 0; i < rows->count; i++) {
        size_t bytes;
        const void *body = row_blob(rows, i, 2, &bytes);
        if (!items[i].data) continue;
        verify->looked_at++;
        if (items[i].version != row_i64(rows, i, 1) || items[i].size != bytes ||
            memcmp(items[i].data, body, bytes) != 0)
            verify_broken(verify, "entitlement of %s: Redis holds version %lld, the store %lld", row_text(rows, i, 0),
                          (long long)items[i].version, (long long)row_i64(rows, i, 1));
    }
    return E_OK;
}

static int one_partition(verify_t *verify, int64_t partition, err_t *err) {
    char after[VERIFY_NAME_MAX] = "";
    rows_t rows = {0};
    do {
        const cell_t params[] = {cell_i64(partition), cell_text(after), cell_i64(VERIFY_PAGE)};
        arena_reset(verify->page);
        int rc = verify_query(verify->collection, "tib",
                              "SELECT person, version, body FROM entitlement WHERE partition = $1 AND person > $2 "
                              "ORDER BY person LIMIT $3",
                              params, COUNT_OF(params), verify->page, &rows, err);
        if (!rc) rc = check_page(verify, &rows, err);
        if (!rc && rows.count) rc = verify_keep(after, row_text(&rows, rows.count - 1, 0), err);
        if (rc) return rc;
    } while (rows.count == VERIFY_PAGE);
    return E_OK;
}

// Redis that cannot be reached proves nothing, neither right nor wrong; also when it goes away on the way.
int verify_cache(verify_t *verify, err_t *err) {
    int rc = E_OK;
    bool reached = cache_probe(verify->cache);
    for (int64_t partition = 0; !rc && reached && partition < PARTITIONS; partition++) {
        rc = one_partition(verify, partition, err);
        reached = cache_is_up(verify->cache);
    }
    if (!reached && !verify->broken) verify->skipped = "Redis was not reached";
    return rc;
}
