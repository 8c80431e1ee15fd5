// The fund's calendar as tasks. Pure: from the city's flows, the working days, a period and what was done so far follow
// which tasks there are, by when they are due, whether one may be done on a day, and which amount its guard asks for.
#pragma once
#include "fund_rules.h"

enum { TASK_PERIOD_MAX = 48, TASK_WHAT_MAX = 80 };

#define TASK_STATE_TABLE(X)                                                                                            \
    X(TASK_OPEN, "open")                                                                                               \
    X(TASK_LATE, "late") /* open, and its latest day is over */                                                        \
    X(TASK_DONE, "done")                                                                                               \
    X(TASK_EXPLAINED, "explained") /* settled by a reason; it may still be done */                                     \
    X(TASK_VOID, "void")           /* not needed, for good */
typedef enum task_state {
#define X(code, name) code,
    TASK_STATE_TABLE(X)
#undef X
        TASK_STATE__COUNT
} task_state_t;
const char *task_state_name(task_state_t state);
int task_state_from_name(const char *name);              // −1 when there is none
bool task_state_may(task_state_t from, task_state_t to); // the table of moves
static inline bool task_state_settled(task_state_t state) { return state > TASK_LATE; }

typedef enum task_kind {
    TASK_PAPER,
    TASK_MOVE, // money moves by the command
    TASK_TOLD, // receipts: the ledger has them from collection, the task only states them
    TASK_PAYS  // facilities: the ledger has the payments from their orders
} task_kind_t;
task_kind_t task_kind(const fund_rules_t *rules, const fund_step_t *step);
// Is it done county by county: its actor is in each county, or one of its accounts is held by counties? Not where it
// takes what no county holds.
bool task_by_county(const fund_rules_t *rules, const fund_step_t *step);
// "income_county > income_city", or the paper.
const char *task_what(const fund_rules_t *rules, const fund_step_t *step, char out[static TASK_WHAT_MAX]);

// ---- periods

typedef struct task_period {
    char text[TASK_PERIOD_MAX]; // 2020-03-05, 2020-03, 2020-Q1, 2020, once; the number of a case
    date_t first, last;         // of a case: the day on which it was opened; of `once` no days
} task_period_t;

// E_INVALID_FIELD (field "period"). Not for EVERY_CASE, whose numbers only the store knows.
int task_period_parse(every_t every, const char *text, task_period_t *out, err_t *err) MUST_USE;
void task_period_at(every_t every, date_t on, task_period_t *out); // that holds the day
// Does the flow have tasks for it: in force, and, of a daily flow, a working day? E_PARAMETER_MISSING "calendar".
int task_period_counts(const policy_t *policy, const calendar_t *calendar, const fund_flow_t *flow,
                       const task_period_t *period, bool *out, err_t *err) MUST_USE;
// The year whose budget the money of the period belongs to.
int task_budget_year(const fund_flow_t *flow, const task_period_t *period);
// As fund_flow_days, for any period; `calendar` may be NULL. A year of working days that is not loaded is told as
// `missing` of the steps like a parameter.
int task_days(const policy_t *policy, const calendar_t *calendar, const fund_flow_t *flow, const task_period_t *period,
              step_days_t days[static FLOW_STEPS_MAX], err_t *err) MUST_USE;

// ---- may it be done

typedef struct task_view { // a task of the same flow and period
    uint8_t step;
    const char *county;
    task_state_t state;
} task_view_t;

// May step `place` be done on the day? A paper waits for all steps before it, money for the papers before it and for
// what fills the account that it leaves; those of other counties are waited for only by a step of the city. Receipts,
// which come by themselves, hold up nothing. E_NOT_IN_FORCE (field "on") before its first day, E_DENIED (field "step")
// with the step that is waited for, or when the task is void.
int task_may(const fund_rules_t *rules, const fund_flow_t *flow, uint32_t place, const char *county,
             const step_days_t *days, date_t on, const task_view_t *views, size_t count, err_t *err) MUST_USE;
// Late on that day, and by how many days (0: it is not).
int task_late_days(const step_days_t *days, date_t on);

// ---- the amount

// The amount of a step: the one that its guard fixes (all of the balance, all that is due, the sum of the parts), or
// the one given, which must agree. E_MISSING_FIELD (field "amount") where the guard fixes none and none is given;
// E_OUT_OF_RANGE (field "amount") with the rule and both figures where it does not hold. GUARD_MONTHS_COVERED never
// refuses: its outcome is in `holds`.
int task_amount(const fund_step_t *step, const guard_amounts_t *known, const fen_t *given, fen_t *amount, bool *holds,
                err_t *err) MUST_USE;
