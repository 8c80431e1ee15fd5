#include "clearing_store.h"

int clearing_insert(store_t *store, const rows_t *rows, err_t *err) {
    CHECK(rows->width == CLEARING_COLUMNS);
    return store_insert(store, "points_clearing", "number, period, fund, layer, state, by_name, body", rows,
                        CONFLICT_FAILS, err);
}

int clearing_find(store_t *store, const char *number, arena_t *arena, rows_t *out, err_t *err) {
    const cell_t params[] = {cell_text(number)};
    return store_query(store, "SELECT state, body FROM points_clearing WHERE number = $1", params, COUNT_OF(params),
                       arena, out, err);
}

int clearing_close(store_t *store, const char *number, const void *body, size_t bytes, arena_t *arena, err_t *err) {
    const cell_t params[] = {cell_text(number), cell_blob(body, bytes)};
    rows_t found;
    int rc = store_query(store,
                         "UPDATE points_clearing SET state = 'settled', body = $2 WHERE number = $1 AND state = 'open'"
                         " RETURNING number",
                         params, COUNT_OF(params), arena, &found, err);
    if (!rc && !found.count) rc = err_set(err, E_RACE, "the clearing was settled by somebody else");
    return rc;
}

int clearing_months(store_t *store, int year, const char *fund, const char *layer, arena_t *arena, rows_t *out,
                    err_t *err) {
    const char *pattern = arena_text(arena, "%d-%%", year);
    if (!pattern) return err_set(err, E_IO, "out of memory for a query");
    const cell_t params[] = {cell_text(pattern), cell_text(fund), cell_text(layer)};
    return store_query(store,
                       "SELECT number FROM points_clearing WHERE period LIKE $1 AND fund = $2 AND layer = $3"
                       " AND state = 'settled' ORDER BY number",
                       params, COUNT_OF(params), arena, out, err);
}

int clearing_rows_put(store_t *store, const rows_t *rows, err_t *err) {
    CHECK(rows->width == CLEARING_ROW_COLUMNS);
    return store_put(store, "points_row", "clearing, kind, name, place, body", "clearing, kind, name", rows, err);
}

int clearing_rows_find(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    return store_each_query(store, "SELECT body FROM points_row WHERE clearing = $1 AND kind = $2 AND name = $3", keys,
                            arena, out, err);
}

int clearing_rows(store_t *store, const char *clearing, clearing_row_t kind, int64_t after, int limit, arena_t *arena,
                  rows_t *out, err_t *err) {
    const cell_t params[] = {cell_text(clearing), cell_i64(kind), cell_i64(after), cell_i64(limit)};
    return store_query(store,
                       "SELECT name, place, body FROM points_row WHERE clearing = $1 AND kind = $2 AND place > $3"
                       " ORDER BY place, name LIMIT $4",
                       params, COUNT_OF(params), arena, out, err);
}
