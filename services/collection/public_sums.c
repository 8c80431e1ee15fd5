#include "public_sums.h"
#include <stdlib.h>
#include <string.h>

enum { YEAR_CHARS = 4 }; // in front of every period

// The year of the period; NULL when memory is out.
static const char *year_of(const cell_t *period, arena_t *arena) {
    return arena_text(arena, "%.*s", YEAR_CHARS, (const char *)period->data);
}

static bool is_of(const cell_t *key, const cell_t *bill) {
    return key[1].i64 == bill[0].i64 && strncmp(key[0].data, bill[2].data, YEAR_CHARS) == 0;
}

// Bills of a partition and a year often stand together, so the last key is looked at first.
static bool is_known(const rows_t *keys, const cell_t *bill) {
    for (size_t i = keys->count; i-- > 0;)
        if (is_of(rows_at(keys, i), bill)) return true;
    return false;
}

// Two writers take the rows in the same order.
static int by_year_and_partition(const void *a, const void *b) {
    const cell_t *x = a, *y = b;
    const int order = strcmp(x[0].data, y[0].data);
    return order ? order : (x[1].i64 > y[1].i64) - (x[1].i64 < y[1].i64);
}

int public_sums_touch(store_t *store, const rows_t *bills, bool (*counts)(const cell_t *bill), err_t *err) {
    rows_t keys;
    rows_init(&keys, bills->arena, 2);
    for (size_t i = 0; i < bills->count; i++) {
        const cell_t *bill = rows_at(bills, i);
        if ((counts && !counts(bill)) || is_known(&keys, bill)) continue;
        const char *year = year_of(&bill[2], bills->arena);
        cell_t *key = rows_add(&keys);
        if (!key || !year) return err_set(err, E_IO, "out of memory");
        key[0] = cell_text(year);
        key[1] = cell_i64(bill[0].i64);
    }
    if (keys.count == 0) return 0;
    qsort(keys.cells, keys.count, 2 * sizeof *keys.cells, by_year_and_partition);
    return store_each_exec(store,
                           "INSERT INTO public_change (year, partition, changes) VALUES ($1, $2, 1)"
                           " ON CONFLICT (year, partition) DO UPDATE SET changes = public_change.changes + 1",
                           &keys, err);
}

int public_changes_of(store_t *store, const char *year, arena_t *arena, rows_t *out, err_t *err) {
    const cell_t params[] = {cell_text(year)};
    return store_query(store, "SELECT partition, changes FROM public_change WHERE year = $1", params, COUNT_OF(params),
                       arena, out, err);
}

int public_sums_of(store_t *store, const char *year, arena_t *arena, rows_t *out, err_t *err) {
    const cell_t params[] = {cell_text(year)};
    return store_query(store, "SELECT partition, changes, body FROM public_sum WHERE year = $1 ORDER BY partition",
                       params, COUNT_OF(params), arena, out, err);
}

int public_sums_put(store_t *store, const rows_t *rows, err_t *err) {
    return store_put(store, "public_sum", "year, partition, changes, body", "year, partition", rows, err);
}
