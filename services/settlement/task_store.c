#include "task_store.h"
#include <stdio.h>
#include <string.h>

#define TASK_COLUMNS                                                                                                   \
    "flow, period, step, county, first_on, due_on, latest_on, missing, state, amount_fen, turns, done_on, doer,"       \
    " paper, remark"
enum { TASK_WIDTH = 15, LINE_WIDTH = 11 };

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for the fund's tasks"); }

static int tasks_of(const rows_t *rows, arena_t *arena, task_row_t **out, size_t *count, err_t *err) {
    task_row_t *items = arena_alloc(arena, (rows->count + 1) * sizeof *items);
    if (!items) return no_memory(err);
    for (size_t i = 0; i < rows->count; i++)
        items[i] =
            (task_row_t){row_text(rows, i, 0),  row_text(rows, i, 1),  row_text(rows, i, 2), row_text(rows, i, 3),
                         row_text(rows, i, 4),  row_text(rows, i, 5),  row_text(rows, i, 6), row_text(rows, i, 7),
                         row_text(rows, i, 8),  row_i64(rows, i, 9),   row_i64(rows, i, 10), row_text(rows, i, 11),
                         row_text(rows, i, 12), row_text(rows, i, 13), row_text(rows, i, 14)};
    *out = items;
    *count = rows->count;
    return E_OK;
}

static int count_of(store_t *store, const char *sql, arena_t *arena, int64_t *out, err_t *err) {
    rows_t rows;
    int rc = store_query(store, sql, NULL, 0, arena, &rows, err);
    if (!rc) *out = row_i64(&rows, 0, 0);
    return rc;
}

int task_insert(store_t *store, const task_row_t *rows, size_t count, arena_t *arena, int64_t *made, err_t *err) {
    static const char counting[] = "SELECT COUNT(*) FROM fund_task";
    int64_t before = 0, after = 0;
    rows_t cells;
    *made = 0;
    if (!count) return E_OK;
    rows_init(&cells, arena, TASK_WIDTH);
    for (size_t i = 0; i < count; i++) {
        const task_row_t *r = &rows[i];
        cell_t *cell = rows_add(&cells);
        if (!cell) return no_memory(err);
        const cell_t values[TASK_WIDTH] = {cell_text(r->flow),      cell_text(r->period),   cell_text(r->step),
                                           cell_text(r->county),    cell_text(r->first_on), cell_text(r->due_on),
                                           cell_text(r->latest_on), cell_text(r->missing),  cell_text(r->state),
                                           cell_i64(r->amount),     cell_i64(r->turns),     cell_text(r->done_on),
                                           cell_text(r->doer),      cell_text(r->paper),    cell_text(r->remark)};
        memcpy(cell, values, sizeof values);
    }
    int rc = count_of(store, counting, arena, &before, err);
    if (!rc) rc = store_insert(store, "fund_task", TASK_COLUMNS, &cells, CONFLICT_SKIPS, err);
    if (!rc) rc = count_of(store, counting, arena, &after, err);
    if (!rc) *made = after - before;
    return rc;
}

int task_of_period(store_t *store, const char *flow, const char *period, arena_t *arena, task_row_t **out,
                   size_t *count, err_t *err) {
    const cell_t params[] = {cell_text(flow), cell_text(period), cell_i64(TASK_ROWS_MAX)};
    rows_t rows;
    int rc = store_query(store,
                         "SELECT " TASK_COLUMNS " FROM fund_task WHERE flow = $1 AND period = $2"
                         " ORDER BY step, county LIMIT $3",
                         params, COUNT_OF(params), arena, &rows, err);
    return rc ? rc : tasks_of(&rows, arena, out, count, err);
}

// The order of a list: days first (a letter sorts behind every digit), then the key.
#define TASK_ORDER                                                                                                     \
    "(CASE WHEN latest_on = '' THEN 'none' ELSE latest_on END || '|' || flow || '|' || period || '|' || step || '|' "  \
    "||"                                                                                                               \
    " county)"

const char *task_position(const task_row_t *row, arena_t *arena) {
    return arena_text(arena, "%s|%s|%s|%s|%s", *row->latest_on ? row->latest_on : "none", row->flow, row->period,
                      row->step, row->county);
}

int task_select(store_t *store, const task_filter_t *filter, arena_t *arena, task_row_t **out, size_t *count,
                err_t *err) {
    const cell_t params[] = {cell_text(filter->flow),   cell_text(filter->period), cell_text(filter->step),
                             cell_text(filter->county), cell_text(filter->state),  cell_text(filter->after),
                             cell_i64(filter->limit)};
    rows_t rows;
    int rc = store_query(store,
                         "SELECT " TASK_COLUMNS " FROM fund_task WHERE ($1 = '' OR flow = $1)"
                         " AND ($2 = '' OR period = $2) AND ($3 = '' OR step = $3) AND ($4 = '' OR county = $4)"
                         " AND ($5 = '' OR state = $5 OR ($5 = 'unsettled' AND state IN ('open', 'late')))"
                         " AND ($6 = '' OR " TASK_ORDER " > $6) ORDER BY " TASK_ORDER " LIMIT $7",
                         params, COUNT_OF(params), arena, &rows, err);
    return rc ? rc : tasks_of(&rows, arena, out, count, err);
}

int task_overdue(store_t *store, const char *on, int limit, arena_t *arena, task_row_t **out, size_t *count,
                 err_t *err) {
    const cell_t params[] = {cell_text(on), cell_i64(limit)};
    rows_t rows;
    int rc = store_query(store,
                         "SELECT " TASK_COLUMNS " FROM fund_task WHERE state = 'open' AND latest_on <> ''"
                         " AND latest_on < $1 ORDER BY latest_on, flow, period, step, county LIMIT $2",
                         params, COUNT_OF(params), arena, &rows, err);
    return rc ? rc : tasks_of(&rows, arena, out, count, err);
}

int task_undated(store_t *store, int limit, arena_t *arena, task_row_t **out, size_t *count, err_t *err) {
    const cell_t params[] = {cell_i64(limit)};
    rows_t rows;
    int rc = store_query(store,
                         "SELECT " TASK_COLUMNS " FROM fund_task WHERE state = 'open' AND missing <> ''"
                         " ORDER BY flow, period, step, county LIMIT $1",
                         params, COUNT_OF(params), arena, &rows, err);
    return rc ? rc : tasks_of(&rows, arena, out, count, err);
}

int task_update(store_t *store, const task_row_t *r, err_t *err) {
    const cell_t params[] = {cell_text(r->flow),      cell_text(r->period),   cell_text(r->step),
                             cell_text(r->county),    cell_text(r->first_on), cell_text(r->due_on),
                             cell_text(r->latest_on), cell_text(r->missing),  cell_text(r->state),
                             cell_i64(r->amount),     cell_i64(r->turns),     cell_text(r->done_on),
                             cell_text(r->doer),      cell_text(r->paper),    cell_text(r->remark)};
    return store_exec(store,
                      "UPDATE fund_task SET first_on = $5, due_on = $6, latest_on = $7, missing = $8, state = $9,"
                      " amount_fen = $10, turns = $11, done_on = $12, doer = $13, paper = $14, remark = $15"
                      " WHERE flow = $1 AND period = $2 AND step = $3 AND county = $4",
                      params, COUNT_OF(params), err);
}

// ---- amounts

int lines_insert(store_t *store, const line_key_t *key, const task_lines_t *lines, arena_t *arena, err_t *err) {
    rows_t rows;
    rows_init(&rows, arena, LINE_WIDTH);
    for (size_t i = 0; i < lines->count; i++) {
        const task_line_t *line = &lines->items[i];
        cell_t *cell = rows_add(&rows);
        if (!cell) return no_memory(err);
        const cell_t values[LINE_WIDTH] = {cell_text(key->flow),    cell_text(key->period), cell_text(key->step),
                                           cell_text(key->county),  cell_i64(key->turn),    cell_text(line->fund),
                                           cell_text(line->county), cell_text(line->line),  cell_i64(key->year),
                                           cell_i64(line->amount),  cell_text(key->done_on)};
        memcpy(cell, values, sizeof values);
    }
    return rows.count ? store_insert(store, "fund_line",
                                     "flow, period, step, county, turn, fund, line_county, line, year, amount_fen,"
                                     " done_on",
                                     &rows, CONFLICT_FAILS, err)
                      : E_OK;
}

int lines_forget(store_t *store, const line_key_t *key, err_t *err) {
    const cell_t params[] = {cell_text(key->flow), cell_text(key->period), cell_text(key->step),
                             cell_text(key->county)};
    return store_exec(store, "DELETE FROM fund_line WHERE flow = $1 AND period = $2 AND step = $3 AND county = $4",
                      params, COUNT_OF(params), err);
}

static int lines_query(store_t *store, const char *sql, const cell_t *params, size_t count, arena_t *arena,
                       task_lines_t *out, err_t *err) {
    rows_t rows;
    int rc = store_query(store, sql, params, count, arena, &rows, err);
    if (rc) return rc;
    out->items = arena_alloc(arena, (rows.count + 1) * sizeof *out->items);
    if (!out->items) return no_memory(err);
    for (size_t i = 0; i < rows.count; i++)
        out->items[i] =
            (task_line_t){row_text(&rows, i, 0), row_text(&rows, i, 1), row_text(&rows, i, 2), row_i64(&rows, i, 3)};
    out->count = rows.count;
    return E_OK;
}

int lines_of_step(store_t *store, const char *flow, const char *period, const char *step, const char *county,
                  arena_t *arena, task_lines_t *out, err_t *err) {
    const cell_t params[] = {cell_text(flow),   cell_text(period),
                             cell_text(step),   cell_text(county ? county : ""),
                             cell_i64(!county), cell_i64(TASK_LINES_MAX)};
    return lines_query(store,
                       "SELECT fund, line_county, line, CAST(SUM(amount_fen) AS BIGINT) FROM fund_line"
                       " WHERE flow = $1 AND period = $2 AND step = $3 AND ($5 = 1 OR county = $4)"
                       " GROUP BY fund, line_county, line ORDER BY fund, line_county, line LIMIT $6",
                       params, COUNT_OF(params), arena, out, err);
}

int lines_of_year(store_t *store, const char *flow, const char *step, int64_t year, arena_t *arena, task_lines_t *out,
                  err_t *err) {
    const cell_t params[] = {cell_text(flow), cell_text(step), cell_i64(year), cell_i64(TASK_LINES_MAX)};
    return lines_query(store,
                       "SELECT fund, line_county, line, CAST(SUM(amount_fen) AS BIGINT) FROM fund_line"
                       " WHERE flow = $1 AND step = $2 AND year = $3"
                       " GROUP BY fund, line_county, line ORDER BY fund, line_county, line LIMIT $4",
                       params, COUNT_OF(params), arena, out, err);
}

// ---- cases

int case_count(store_t *store, arena_t *arena, int64_t *out, err_t *err) {
    return count_of(store, "SELECT COUNT(*) FROM fund_case", arena, out, err);
}

int case_insert(store_t *store, const case_row_t *r, arena_t *arena, err_t *err) {
    rows_t rows;
    rows_init(&rows, arena, 7);
    cell_t *cell = rows_add(&rows);
    if (!cell) return no_memory(err);
    const cell_t values[7] = {cell_text(r->number), cell_text(r->flow),   cell_text(r->county),   cell_text(r->fund),
                              cell_i64(r->amount),  cell_text(r->remark), cell_text(r->opened_on)};
    memcpy(cell, values, sizeof values);
    return store_insert(store, "fund_case", "number, flow, county, fund, amount_fen, remark, opened_on", &rows,
                        CONFLICT_FAILS, err);
}

int case_find(store_t *store, const char *number, arena_t *arena, case_row_t *out, bool *found, err_t *err) {
    const cell_t params[] = {cell_text(number)};
    rows_t rows;
    int rc = store_query(store,
                         "SELECT number, flow, county, fund, remark, opened_on, amount_fen FROM fund_case"
                         " WHERE number = $1",
                         params, COUNT_OF(params), arena, &rows, err);
    if (rc) return rc;
    *found = rows.count > 0;
    if (*found)
        *out = (case_row_t){row_text(&rows, 0, 0), row_text(&rows, 0, 1), row_text(&rows, 0, 2), row_text(&rows, 0, 3),
                            row_text(&rows, 0, 4), row_text(&rows, 0, 5), row_i64(&rows, 0, 6)};
    return E_OK;
}

// ---- dues

int due_put(store_t *store, const due_row_t *r, arena_t *arena, err_t *err) {
    rows_t rows;
    rows_init(&rows, arena, 8);
    cell_t *cell = rows_add(&rows);
    if (!cell) return no_memory(err);
    const cell_t values[8] = {cell_text(r->flow), cell_text(r->step),  cell_text(r->period), cell_text(r->county),
                              cell_text(r->fund), cell_i64(r->amount), cell_i64(r->offset),  cell_text(r->paper)};
    memcpy(cell, values, sizeof values);
    return store_put(store, "fund_due", "flow, step, period, county, fund, amount_fen, offset_fen, paper",
                     "flow, step, period, county, fund", &rows, err);
}

int due_of_flow(store_t *store, const char *flow, arena_t *arena, due_row_t **out, size_t *count, err_t *err) {
    const cell_t params[] = {cell_text(flow ? flow : ""), cell_i64(TASK_ROWS_MAX)};
    rows_t rows;
    int rc = store_query(store,
                         "SELECT flow, step, period, county, fund, paper, amount_fen, offset_fen FROM fund_due"
                         " WHERE $1 = '' OR flow = $1 ORDER BY flow, period, county, step, fund LIMIT $2",
                         params, COUNT_OF(params), arena, &rows, err);
    if (rc) return rc;
    due_row_t *items = arena_alloc(arena, (rows.count + 1) * sizeof *items);
    if (!items) return no_memory(err);
    for (size_t i = 0; i < rows.count; i++)
        items[i] =
            (due_row_t){row_text(&rows, i, 0), row_text(&rows, i, 1), row_text(&rows, i, 2), row_text(&rows, i, 3),
                        row_text(&rows, i, 4), row_text(&rows, i, 5), row_i64(&rows, i, 6),  row_i64(&rows, i, 7)};
    *out = items;
    *count = rows.count;
    return E_OK;
}

// ---- budgets

int budget_find(store_t *store, int64_t year, arena_t *arena, budget_head_t *head, task_lines_t *out, err_t *err) {
    const cell_t params[] = {cell_i64(year), cell_i64(TASK_LINES_MAX)};
    rows_t rows;
    *head = (budget_head_t){0, "", ""};
    int rc = store_query(store,
                         "SELECT version, approved_on, paper FROM fund_budget WHERE year = $1"
                         " ORDER BY version DESC LIMIT 1",
                         params, 1, arena, &rows, err);
    if (!rc && rows.count) *head = (budget_head_t){row_i64(&rows, 0, 0), row_text(&rows, 0, 1), row_text(&rows, 0, 2)};
    if (rc) return rc;
    const cell_t of[] = {cell_i64(year), cell_i64(head->version), cell_i64(TASK_LINES_MAX)};
    return lines_query(store,
                       "SELECT fund, county, line, amount_fen FROM fund_budget WHERE year = $1 AND version = $2"
                       " ORDER BY fund, county, line LIMIT $3",
                       of, COUNT_OF(of), arena, out, err);
}

int budget_insert(store_t *store, int64_t year, const budget_head_t *head, const task_lines_t *lines, arena_t *arena,
                  err_t *err) {
    rows_t rows;
    rows_init(&rows, arena, 8);
    for (size_t i = 0; i < lines->count; i++) {
        const task_line_t *line = &lines->items[i];
        cell_t *cell = rows_add(&rows);
        if (!cell) return no_memory(err);
        const cell_t values[8] = {
            cell_i64(year),        cell_i64(head->version), cell_text(line->fund),        cell_text(line->county),
            cell_text(line->line), cell_i64(line->amount),  cell_text(head->approved_on), cell_text(head->paper)};
        memcpy(cell, values, sizeof values);
    }
    return rows.count
               ? store_insert(store, "fund_budget", "year, version, fund, county, line, amount_fen, approved_on, paper",
                              &rows, CONFLICT_FAILS, err)
               : E_OK;
}
