// Redis against the store: a missing copy is fine, a different one is not.
#include "common/base/hash.h"
#include "verify.h"
#include <string.h>

static int check_page(verify_t *verify, const rows_t *rows, err_t *err) {
    cache_item_t *items = arena_alloc(verify->page, rows->count * sizeof *items);
    if (!items && rows->count) return err_set(err, E_IO, "out of memory");
    for (size_t i = 0; i < rows->count; i++) items[i].key = arena_text(verify->page, "ent:%s", row_text(rows, i, 0));
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

int verify_cache(verify_t *verify, err_t *err) {
    for (int64_t partition = 0; partition < PARTITIONS; partition++) {
        char after[128] = "";
        rows_t rows = {0};
        do {
            const cell_t params[] = {cell_i64(partition), cell_text(after), cell_i64(VERIFY_PAGE)};
            arena_reset(verify->page);
            int rc = store_query(verify->collection,
                                 "SELECT person, version, body FROM entitlement WHERE partition = $1 AND person > $2 "
                                 "ORDER BY person LIMIT $3",
                                 params, COUNT_OF(params), verify->page, &rows, err);
            if (!rc) rc = check_page(verify, &rows, err);
            if (rc) return rc;
            if (rows.count) snprintf(after, sizeof after, "%s", row_text(&rows, rows.count - 1, 0));
        } while (rows.count == VERIFY_PAGE);
    }
    return E_OK;
}
