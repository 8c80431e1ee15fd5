// The fund's calendar at work: methods of settlement that make tasks, show them, do them and settle them, and the tick
// that makes those of the next days and tells of lateness. What is decided is decided by task.h; here it is read,
// written and posted, in the transaction of the command. A refusal writes nothing.
#pragma once
#include "fund.pb-c.h"
#include "settlement.h"
#include "task_store.h"

enum {
    TASKS_AHEAD_DAYS = 40,  // the tick makes tasks this far ahead
    TASKS_SPAN_DAYS = 800,  // most that plan_tasks takes at once
    TASKS_MADE_MAX = 50000, // by one command
    TASKS_LATE_MAX = 500,   // told by one tick or command
    TASKS_LIST_MAX = 2000,
    TASK_COUNTIES_MAX = 64
};

// Methods: the handlers of service.h.
#define TASKS_METHOD(name)                                                                                             \
    int name(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,          \
             err_t *err)
TASKS_METHOD(tasks_plan);
TASKS_METHOD(tasks_list);
TASKS_METHOD(tasks_do);
TASKS_METHOD(tasks_settle);
TASKS_METHOD(tasks_open_case);
TASKS_METHOD(tasks_state_due);
TASKS_METHOD(tasks_get_budget);
TASKS_METHOD(closing_open_balance);
TASKS_METHOD(closing_close_year);
TASKS_METHOD(closing_share_interest);
TASKS_METHOD(closing_assess_gap);
TASKS_METHOD(report_get);
#define TASKS_METHODS(readers, clerks)                                                                                 \
    {"plan_tasks", clerks, false, &tc__plan_tasks__descriptor, tasks_plan},                                            \
        {"list_tasks", (readers) | METHOD_DISTRICTS, true, &tc__list_tasks__descriptor, tasks_list},                   \
        {"do_task", (clerks) | METHOD_DISTRICTS, false, &tc__do_task__descriptor, tasks_do},                           \
        {"settle_task", (clerks) | METHOD_DISTRICTS, false, &tc__settle_task__descriptor, tasks_settle},               \
        {"open_case", (clerks) | METHOD_DISTRICTS, false, &tc__open_case__descriptor, tasks_open_case},                \
        {"state_due", (clerks) | METHOD_DISTRICTS, false, &tc__state_due__descriptor, tasks_state_due},                \
        {"get_budget", (readers) | METHOD_DISTRICTS, true, &tc__get_budget__descriptor, tasks_get_budget},             \
        {"open_balance", ROLE_ADMIN, false, &tc__open_balance__descriptor, closing_open_balance},                      \
        {"close_year", clerks, false, &tc__close_year__descriptor, closing_close_year},                                \
        {"share_interest", clerks, false, &tc__share_interest__descriptor, closing_share_interest},                    \
        {"assess_gap", readers, true, &tc__assess_gap__descriptor, closing_assess_gap},                                \
        {"get_report", (readers) | METHOD_DISTRICTS, true, &tc__get_report__descriptor, report_get},

// Once a minute at most, and at once on a new day: makes the tasks of the next days and marks those that became late,
// in a transaction of its own. A failure is logged and tried again. The flows of what was before the pool (`once`) are
// planned by a command only.
void tasks_tick(settlement_t *settlement, int64_t now_ms);

// ---- shared by the files of tasks_*.c

// E_UNSUPPORTED where the city has no section `fund`.
int tasks_rules(const settlement_t *settlement, const fund_rules_t **out, err_t *err) MUST_USE;
// The day of a field, today where it is "".
int tasks_day(const char *field, const char *text, date_t *out, err_t *err) MUST_USE;
// A division of the city, or "".
int tasks_county(const settlement_t *settlement, const char *county, err_t *err) MUST_USE;
// The fund's name of the city file.
int tasks_fund(const fund_rules_t *rules, const char *fund, err_t *err) MUST_USE;
// Days into a row.
int tasks_days_text(const step_days_t *days, task_row_t *row, arena_t *arena, err_t *err) MUST_USE;
void tasks_days_parse(const task_row_t *row, step_days_t *out);
// The rows of a flow and period, and what the core needs to see of them.
int tasks_views(const fund_flow_t *flow, const task_row_t *rows, size_t count, arena_t *arena, task_view_t **out,
                err_t *err) MUST_USE;
int tasks_step_place(const fund_flow_t *flow, const char *step); // −1 when there is none
// The flow and step that the names mean; `flow` "" where one flow alone has such a step.
int tasks_step(const fund_rules_t *rules, const char *flow, const char *step, const fund_flow_t **out, uint32_t *place,
               err_t *err) MUST_USE;
// The period of a row: of a case the day on which it was opened.
int tasks_period(const settlement_t *settlement, const fund_flow_t *flow, const char *text, arena_t *arena,
                 task_period_t *out, case_row_t *opened, err_t *err) MUST_USE;
// The row of a step as a message; `why` (may be NULL): what stands against it.
Tc__FundTask *tasks_message(const fund_rules_t *rules, const fund_flow_t *flow, const fund_step_t *step,
                            const task_row_t *row, date_t on, const err_t *why, arena_t *arena);
// Rows for the steps of a period: of `county` alone where that is not NULL (a case).
int tasks_make(const settlement_t *settlement, const fund_flow_t *flow, const task_period_t *period, const char *county,
               arena_t *arena, task_row_t *rows, size_t room, size_t *count, err_t *err) MUST_USE;
typedef struct task_told {
    const char *kind; // of the entry
    fen_t amount;
    const task_lines_t *lines; // the amount by fund and county; NULL or none: the county of the task
    date_t on;
    const char *text;
} task_told_t;
// Tell of what became of a task: an entry of the journal that books nothing (tell.h).
int tasks_tell(settlement_t *settlement, const task_row_t *row, const task_told_t *told, arena_t *arena,
               err_t *err) MUST_USE;
const char *tasks_reference(const task_row_t *row, int64_t turn, arena_t *arena); // of the journal; NULL without memory
