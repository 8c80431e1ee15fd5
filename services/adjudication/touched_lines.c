#include "touched_lines.h"
#include "catalogue.h"
#include "recompute_queue.h"
#include <stdlib.h>
#include <string.h>

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

int touched_lines_note(store_t *store, const rows_t *rows, int64_t now_ms, arena_t *arena, err_t *err) {
    rows_t noted;
    rows_init(&noted, arena, 5);
    for (size_t i = 0; i < rows->count; i++) {
        cell_t *row = rows_add(&noted);
        if (!row) return no_memory(err);
        memcpy(row, rows_at(rows, i), 4 * sizeof *row);
        row[4] = cell_i64(now_ms);
    }
    return store_each_exec(store,
                           "INSERT INTO catalogue_touched (task, kind, code, from_day, until_day, since_ms)"
                           " VALUES (0, $1, $2, $3, $4, $5) ON CONFLICT (task, kind, code) DO UPDATE SET from_day ="
                           " CASE WHEN excluded.from_day < catalogue_touched.from_day THEN excluded.from_day"
                           " ELSE catalogue_touched.from_day END, until_day = CASE WHEN excluded.until_day >"
                           " catalogue_touched.until_day THEN excluded.until_day ELSE catalogue_touched.until_day END,"
                           " since_ms = excluded.since_ms",
                           &noted, err);
}

// ---- tasks

// No bill was discharged before the first day that is touched and is touched all the same.
static int begin_task(store_t *store, date_t from, arena_t *arena, int64_t now_ms, int64_t *number, err_t *err) {
    Tc__FindAffected what = TC__FIND_AFFECTED__INIT;
    char day[DATE_TEXT_MAX];
    what.from = (char *)date_format(from, day);
    int rc = task_add(store, &what, "the catalogues changed for days that are past", true, now_ms, now_ms, arena,
                      number, err);
    cell_t params[] = {cell_i64(*number)};
    return rc ? rc : store_exec(store, "UPDATE catalogue_touched SET task = $1 WHERE task = 0", params, 1, err);
}

int touched_lines_make_task(store_t *store, arena_t *arena, int64_t now_ms, int64_t *number, err_t *err) {
    rows_t rows;
    *number = 0;
    int rc = store_query(store,
                         "SELECT COUNT(*), COALESCE(MAX(since_ms), 0), COALESCE(MIN(from_day), 0) FROM"
                         " catalogue_touched WHERE task = 0",
                         NULL, 0, arena, &rows, err);
    if (rc || row_i64(&rows, 0, 0) == 0 || row_i64(&rows, 0, 1) + TOUCHED_LINES_DELAY_MS > now_ms) return rc;
    rc = store_begin(store, err);
    if (rc) return rc;
    rc = begin_task(store, (date_t)row_i64(&rows, 0, 2), arena, now_ms, number, err);
    if (!rc) return store_commit(store, err);
    store_rollback(store);
    return rc;
}

int touched_lines_forget(store_t *store, err_t *err) {
    return store_exec(store,
                      "DELETE FROM catalogue_touched WHERE task > 0 AND task NOT IN"
                      " (SELECT number FROM recompute_task WHERE scanned = 0)",
                      NULL, 0, err);
}

// ---- what to look for

static int by_code(const void *a, const void *b) {
    const touched_line_t *x = a, *y = b;
    const int order = strcmp(x->code, y->code);
    return order ? order : strcmp(x->kind, y->kind);
}

static int begin_lines(size_t count, arena_t *arena, touched_lines_t **out, touched_line_t **items, err_t *err) {
    *out = arena_alloc(arena, sizeof **out);
    *items = arena_alloc(arena, (count + 1) * sizeof **items);
    if (!*out || !*items) return no_memory(err);
    **out = (touched_lines_t){.items = *items, .from = DATE_NONE, .until = DATE_MAX, .decided_before_ms = INT64_MAX};
    return 0;
}

int touched_lines_of_task(store_t *store, int64_t number, arena_t *arena, const touched_lines_t **out, err_t *err) {
    const cell_t params[] = {cell_i64(number), cell_i64(TOUCHED_LINES_MAX + 1)};
    rows_t all, rows;
    touched_lines_t *made;
    touched_line_t *items;
    *out = NULL;
    int rc = store_query(store,
                         "SELECT COUNT(*), COALESCE(MIN(from_day), 0), COALESCE(MAX(until_day), 0),"
                         " COALESCE(MAX(since_ms), 0) FROM catalogue_touched WHERE task = $1",
                         params, 1, arena, &all, err);
    if (rc || row_i64(&all, 0, 0) == 0) return rc;
    rc = store_query(store, "SELECT kind, code, from_day, until_day FROM catalogue_touched WHERE task = $1 LIMIT $2",
                     params, COUNT_OF(params), arena, &rows, err);
    if (!rc) rc = begin_lines(rows.count, arena, &made, &items, err);
    if (rc) return rc;
    made->from = (date_t)row_i64(&all, 0, 1);
    made->until = (date_t)row_i64(&all, 0, 2);
    made->decided_before_ms = row_i64(&all, 0, 3) + TOUCHED_LINES_DELAY_MS;
    made->every = rows.count > TOUCHED_LINES_MAX;
    for (size_t i = 0; !made->every && i < rows.count; i++)
        items[made->count++] = (touched_line_t){row_text(&rows, i, 0), row_text(&rows, i, 1),
                                                (date_t)row_i64(&rows, i, 2), (date_t)row_i64(&rows, i, 3)};
    qsort(items, made->count, sizeof *items, by_code);
    *out = made;
    return 0;
}

int touched_lines_of_codes(char *const *codes, size_t count, arena_t *arena, const touched_lines_t **out, err_t *err) {
    touched_lines_t *made;
    touched_line_t *items;
    *out = NULL;
    if (count > TOUCHED_LINES_MAX) return err_field(err, E_TOO_LARGE, "codes", "codes: at most %d", TOUCHED_LINES_MAX);
    int rc = count ? begin_lines(count, arena, &made, &items, err) : 0;
    if (rc || count == 0) return rc;
    for (size_t i = 0; i < count; i++) {
        char *kind = arena_text(arena, "%s", codes[i]), *blank = kind ? strchr(kind, ' ') : NULL;
        if (!kind) return no_memory(err);
        if (blank) *blank = '\0';
        if (!blank || fee_kind_from_name(kind) < 0 || !catalogue_code_fits(blank + 1))
            return err_field(err, E_INVALID_FIELD, "codes", "codes: expected a kind and a code, like drug XA02BC0001");
        items[made->count++] = (touched_line_t){kind, blank + 1, DATE_NONE, DATE_MAX};
    }
    qsort(items, made->count, sizeof *items, by_code);
    *out = made;
    return 0;
}
