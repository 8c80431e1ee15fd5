// The fund by the city's section `fund`: may money move between two accounts, which steps does a flow have and on which
// days, and is what a step asks for given. Pure: settlement makes its tasks from the flows and asks before it posts.
#pragma once
#include "cash_cycle.h"
#include "common/policy/fund.h"

int fund_named(const fund_rules_t *rules, const char *name);         // its place, −1 when there is none
int fund_account_named(const fund_rules_t *rules, const char *name); // its place, −1 when there is none
const fund_flow_t *fund_flow_named(const fund_rules_t *rules, const char *name);
const fund_step_t *fund_step_named(const fund_flow_t *flow, const char *name);

typedef struct fund_verdict {
    bool allowed;
    const char *rule; // that allows it, or that stands against it
    date_t from, to;  // of the movement that decided; the section's otherwise
} fund_verdict_t;

// May money of fund `fund_from` move from one account to another (of fund `fund_to`)? Funds are −1 where it does not
// matter; `on` is DATE_NONE for any day. E_UNSUPPORTED without the section, E_NOT_IN_FORCE for a day before it.
int fund_movement(const policy_t *policy, int fund_from, int account_from, int fund_to, int account_to, date_t on,
                  fund_verdict_t *out, err_t *err) MUST_USE;

typedef struct step_days {
    date_t first, last;  // the days on which it may be done, `last` the one by which it must; DATE_NONE: no day is said
    date_t latest;       // on which it is late at last; else as `last`
    const char *missing; // the parameter that the city has not published and without which no day is known; NULL
} step_days_t;

// The days of every step of a flow for a month (a year's flow looks at its year, a single one at no month).
// E_NOT_IN_FORCE outside the flow's dates, E_PARAMETER_MISSING "calendar" for a year that is not loaded. A parameter
// that is missing is no error: it is told of the steps that need it.
int fund_flow_days(const policy_t *policy, const calendar_t *calendar, const fund_flow_t *flow, month_t month,
                   step_days_t days[static FLOW_STEPS_MAX], err_t *err) MUST_USE;

typedef struct guard_amounts { // what is known where the step is to be done
    fen_t amount;              // that moves, is planned, or goes out in an average month
    fen_t balance, due, approved, released, revenue;
    const fen_t *parts;
    size_t part_count;
    date_t on;
} guard_amounts_t;

// Is the step's condition met? E_OUT_OF_RANGE for amounts below 0 or sums that overflow, E_PARAMETER_MISSING for a
// share or number of months that is not published.
int fund_guard(const fund_step_t *step, const guard_amounts_t *amounts, bool *holds, err_t *err) MUST_USE;
