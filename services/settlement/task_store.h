// The tables of the fund's calendar: tasks, the amounts of each doing, cases, what papers say is due, and budgets.
#pragma once
#include "common/base/money.h"
#include "common/store/store.h"
#include "task.h"

#define TASK_TABLES_SQL                                                                                                \
    "CREATE TABLE fund_task (flow TEXT NOT NULL, period TEXT NOT NULL, step TEXT NOT NULL, county TEXT NOT NULL,"      \
    " first_on TEXT NOT NULL, due_on TEXT NOT NULL, latest_on TEXT NOT NULL, missing TEXT NOT NULL,"                   \
    " state TEXT NOT NULL, amount_fen BIGINT NOT NULL, turns BIGINT NOT NULL, done_on TEXT NOT NULL,"                  \
    " doer TEXT NOT NULL, paper TEXT NOT NULL, remark TEXT NOT NULL, PRIMARY KEY (flow, period, step, county));"       \
    "CREATE INDEX fund_task_state ON fund_task (state, latest_on);"                                                    \
    "CREATE TABLE fund_line (flow TEXT NOT NULL, period TEXT NOT NULL, step TEXT NOT NULL, county TEXT NOT NULL,"      \
    " turn BIGINT NOT NULL, fund TEXT NOT NULL, line_county TEXT NOT NULL, line TEXT NOT NULL, year BIGINT NOT NULL,"  \
    " amount_fen BIGINT NOT NULL, done_on TEXT NOT NULL,"                                                              \
    " PRIMARY KEY (flow, period, step, county, turn, fund, line_county, line));"                                       \
    "CREATE TABLE fund_case (number TEXT NOT NULL PRIMARY KEY, flow TEXT NOT NULL, county TEXT NOT NULL,"              \
    " fund TEXT NOT NULL, amount_fen BIGINT NOT NULL, remark TEXT NOT NULL, opened_on TEXT NOT NULL);"                 \
    "CREATE TABLE fund_due (flow TEXT NOT NULL, step TEXT NOT NULL, period TEXT NOT NULL, county TEXT NOT NULL,"       \
    " fund TEXT NOT NULL, amount_fen BIGINT NOT NULL, offset_fen BIGINT NOT NULL, paper TEXT NOT NULL,"                \
    " PRIMARY KEY (flow, step, period, county, fund));"                                                                \
    "CREATE TABLE fund_budget (year BIGINT NOT NULL, version BIGINT NOT NULL, fund TEXT NOT NULL,"                     \
    " county TEXT NOT NULL, line TEXT NOT NULL, amount_fen BIGINT NOT NULL, approved_on TEXT NOT NULL,"                \
    " paper TEXT NOT NULL, PRIMARY KEY (year, version, fund, county, line));"

enum { TASK_ROWS_MAX = 4096, TASK_LINES_MAX = 4096, BALANCES_MAX_SUMS = 65536 };

typedef struct task_row {
    const char *flow, *period, *step, *county;
    const char *first_on, *due_on, *latest_on, *missing; // days as text, "" = none
    const char *state;
    fen_t amount;
    int64_t turns;
    const char *done_on, *doer, *paper, *remark;
} task_row_t;

typedef struct task_line { // an amount of a doing
    const char *fund, *county, *line;
    fen_t amount;
} task_line_t;

typedef struct task_lines {
    task_line_t *items;
    size_t count;
} task_lines_t;

// Insert those that are not there; *made counts them.
int task_insert(store_t *store, const task_row_t *rows, size_t count, arena_t *arena, int64_t *made,
                err_t *err) MUST_USE;
// The tasks of a flow and period, in the order of counties.
int task_of_period(store_t *store, const char *flow, const char *period, arena_t *arena, task_row_t **out,
                   size_t *count, err_t *err) MUST_USE;
typedef struct task_filter {                           // "" = all
    const char *flow, *period, *step, *county, *state; // state "unsettled": open and late
    const char *after;                                 // a position that task_position() made
    int limit;
} task_filter_t;
// In the order of their days, those without a day last.
int task_select(store_t *store, const task_filter_t *filter, arena_t *arena, task_row_t **out, size_t *count,
                err_t *err) MUST_USE;
const char *task_position(const task_row_t *row, arena_t *arena);
// Open tasks whose latest day is before `on`, and those whose day is not known; at most `limit`.
int task_overdue(store_t *store, const char *on, int limit, arena_t *arena, task_row_t **out, size_t *count,
                 err_t *err) MUST_USE;
int task_undated(store_t *store, int limit, arena_t *arena, task_row_t **out, size_t *count, err_t *err) MUST_USE;
// Everything but the key.
int task_update(store_t *store, const task_row_t *row, err_t *err) MUST_USE;

// ---- amounts

typedef struct line_key {
    const char *flow, *period, *step, *county;
    int64_t turn, year;
    const char *done_on;
} line_key_t;
int lines_insert(store_t *store, const line_key_t *key, const task_lines_t *lines, arena_t *arena, err_t *err) MUST_USE;
int lines_forget(store_t *store, const line_key_t *key, err_t *err) MUST_USE; // of every turn
// Of a step of a period, all turns added up: of one county's task, or (county NULL) of all, whose lines then say the
// county. In order of fund, county, line.
int lines_of_step(store_t *store, const char *flow, const char *period, const char *step, const char *county,
                  arena_t *arena, task_lines_t *out, err_t *err) MUST_USE;
// What a step moved or planned in a budget year, by fund and county.
int lines_of_year(store_t *store, const char *flow, const char *step, int64_t year, arena_t *arena, task_lines_t *out,
                  err_t *err) MUST_USE;
// ---- cases, dues, budgets

typedef struct case_row {
    const char *number, *flow, *county, *fund, *remark, *opened_on;
    fen_t amount;
} case_row_t;
int case_count(store_t *store, arena_t *arena, int64_t *out, err_t *err) MUST_USE;
int case_insert(store_t *store, const case_row_t *row, arena_t *arena, err_t *err) MUST_USE;
int case_find(store_t *store, const char *number, arena_t *arena, case_row_t *out, bool *found, err_t *err) MUST_USE;

typedef struct due_row {
    const char *flow, *step, *period, *county, *fund, *paper;
    fen_t amount, offset;
} due_row_t;
int due_put(store_t *store, const due_row_t *row, arena_t *arena, err_t *err) MUST_USE;
// Those of a flow (NULL: of all), at most TASK_ROWS_MAX.
int due_of_flow(store_t *store, const char *flow, arena_t *arena, due_row_t **out, size_t *count, err_t *err) MUST_USE;

typedef struct budget_head {
    int64_t version; // 0: none is approved
    const char *approved_on, *paper;
} budget_head_t;
int budget_find(store_t *store, int64_t year, arena_t *arena, budget_head_t *head, task_lines_t *out,
                err_t *err) MUST_USE;
int budget_insert(store_t *store, int64_t year, const budget_head_t *head, const task_lines_t *lines, arena_t *arena,
                  err_t *err) MUST_USE;
