// Movements are a whitelist: the first entry that fits decides, and what none allows is refused.
#include "fund_rules.h"

int fund_named(const fund_rules_t *rules, const char *name) {
    for (uint32_t i = 0; i < rules->fund_count; i++)
        if (strcmp(rules->funds[i].name, name) == 0) return (int)i;
    return -1;
}

int fund_account_named(const fund_rules_t *rules, const char *name) {
    for (uint32_t i = 0; i < rules->account_count; i++)
        if (strcmp(rules->accounts[i].name, name) == 0) return (int)i;
    return -1;
}

const fund_flow_t *fund_flow_named(const fund_rules_t *rules, const char *name) {
    for (uint32_t i = 0; i < rules->flow_count; i++)
        if (strcmp(rules->flows[i].name, name) == 0) return &rules->flows[i];
    return NULL;
}

const fund_step_t *fund_step_named(const fund_flow_t *flow, const char *name) {
    for (uint32_t i = 0; i < flow->step_count; i++)
        if (strcmp(flow->steps[i].name, name) == 0) return &flow->steps[i];
    return NULL;
}

// ---- movements

static const fund_move_t *move_that_fits(const fund_rules_t *rules, int fund, int from, int to, date_t on) {
    for (uint32_t i = 0; i < rules->move_count; i++) {
        const fund_move_t *move = &rules->moves[i];
        const bool then = on == DATE_NONE || (on >= move->from && on <= move->to);
        const bool its = fund < 0 || !move->funds || move->funds >> fund & 1;
        if (then && its && move->from_accounts >> from & 1 && move->to_accounts >> to & 1) return move;
    }
    return NULL;
}

// Where no movement is listed: the rule of the account that closes it, the one that money would leave first.
static const char *rule_against(const fund_rules_t *rules, int from, int to) {
    const fund_account_t *out_of = &rules->accounts[from], *into = &rules->accounts[to];
    return out_of->out_rule ? out_of->out_rule : into->in_rule ? into->in_rule : rules->rule;
}

static const char *rule_between_funds(const fund_rules_t *rules, const fund_move_t *move) {
    if (move && move->matched_rule) return move->matched_rule;
    return rules->between_funds_rule ? rules->between_funds_rule : rules->rule;
}

int fund_movement(const policy_t *policy, int fund_from, int account_from, int fund_to, int account_to, date_t on,
                  fund_verdict_t *out, err_t *err) {
    const fund_rules_t *rules = policy->fund;
    if (!rules) return err_set(err, E_UNSUPPORTED, "%s has no rules for the fund's accounts", policy->city);
    CHECK(fund_from >= -1 && fund_from < (int)rules->fund_count && fund_to >= -1 && fund_to < (int)rules->fund_count);
    CHECK(account_from >= 0 && account_from < (int)rules->account_count);
    CHECK(account_to >= 0 && account_to < (int)rules->account_count);
    const int fund = fund_from >= 0 ? fund_from : fund_to;
    const fund_move_t *move = move_that_fits(rules, fund, account_from, account_to, on);
    char day[DATE_TEXT_MAX];
    if (!move && on != DATE_NONE && on < rules->from)
        return err_set(err, E_NOT_IN_FORCE, "the fund's accounts are those of the pool from %s (%s)",
                       date_format(rules->from, day), rules->rule);
    fund_verdict_t to = {.from = move ? move->from : rules->from, .to = move ? move->to : DATE_MAX};
    if (fund >= 0 && rules->funds[fund].apart)
        to.rule = rules->funds[fund].rule;
    else if (fund_from >= 0 && fund_to >= 0 && fund_from != fund_to)
        to.rule = rule_between_funds(rules, move);
    else if (!move)
        to.rule = rule_against(rules, account_from, account_to);
    else
        to.rule = move->rule, to.allowed = !move->refused;
    *out = to;
    return E_OK;
}

// ---- flows

static date_t year_day(int year, int32_t day) {
    return date_make(year, day / 100, day % 100);
} // day: 101 … 1231, no leap day

// A date as a number, 20211231.
static int date_of_number(const fund_due_t *due, step_days_t *to, err_t *err) {
    int64_t number = 0;
    int rc = ref_value(&due->date, date_make(2199, 12, 31), 0, &number, err); // the newest that is published
    if (rc) return rc;
    const int year = (int)(number / 10000), month = (int)(number / 100 % 100), day = (int)(number % 100);
    if (!date_valid(year, month, day))
        return err_field(err, E_OUT_OF_RANGE, "due", "%lld is no date like 20211231", (long long)number);
    to->first = to->last = date_make(year, month, day);
    return E_OK;
}

static int workday_span(const fund_due_t *due, const calendar_t *calendar, month_t month, step_days_t *to, err_t *err) {
    int rc = calendar_nth_workday(calendar, month, due->first, &to->first, err);
    return rc ? rc : calendar_nth_workday(calendar, month, due->last, &to->last, err);
}

static int cycle_days(const policy_t *policy, const calendar_t *calendar, month_t month, cycle_point_t point,
                      step_days_t *to, err_t *err) {
    cash_month_t days;
    int rc = cash_cycle_month(policy, calendar, month, &days, err);
    if (rc) return rc;
    to->last = cash_cycle_day(&days, point, &to->first);
    if (point == CYCLE_CITY_PLAN) to->latest = days.city_plan_latest;
    return E_OK;
}

// `days` holds those of the steps before.
static int step_due(const policy_t *policy, const calendar_t *calendar, const fund_due_t *due, month_t month,
                    const step_days_t *days, step_days_t *to, err_t *err) {
    int rc = E_OK;
    switch (due->kind) {
    case DUE_NONE: return E_OK;
    case DUE_WORKDAY: rc = workday_span(due, calendar, month, to, err); break;
    case DUE_DAY:
        rc = month_day_date(&due->day, calendar, month, &to->last, NULL, err);
        to->first = to->last;
        break;
    case DUE_YEAR_DAY:
        to->first = year_day(month_year(month) + due->after, due->first);
        to->last = year_day(month_year(month) + due->after, due->last);
        break;
    case DUE_DATE:
        to->first = to->last = due->last;
        if (due->date.kind != REF_NONE) rc = date_of_number(due, to, err);
        break;
    case DUE_WORKDAYS:
        *to = days[due->last];
        if (to->missing) return E_OK;
        rc = calendar_add_workdays(calendar, days[due->last].last, due->after, &to->last, err);
        to->first = to->latest = to->last;
        break;
    case DUE_CYCLE: return cycle_days(policy, calendar, month, (cycle_point_t)due->last, to, err);
    case DUE__COUNT: CHECK(due->kind != DUE__COUNT);
    }
    return rc;
}

// The parameter that a day hangs on, NULL when it hangs on none.
static const char *parameter_of(const fund_due_t *due) {
    const ref_t *ref = due->kind == DUE_DAY ? &due->day.day : &due->date;
    return (due->kind == DUE_DAY || due->kind == DUE_DATE) && ref->kind == REF_SERIES ? ref->series->name : NULL;
}

int fund_flow_days(const policy_t *policy, const calendar_t *calendar, const fund_flow_t *flow, month_t month,
                   step_days_t days[static FLOW_STEPS_MAX], err_t *err) {
    if (flow->every != EVERY_ONCE && (month_last(month) < flow->from || month_first(month) > flow->to))
        return err_set(err, E_NOT_IN_FORCE, "the flow %s is not in force in that month (%s)", flow->name, flow->rule);
    for (uint32_t i = 0; i < flow->step_count; i++) {
        step_days_t to = {.first = DATE_NONE, .last = DATE_NONE, .latest = DATE_NONE};
        err_t why = {0};
        int rc = step_due(policy, calendar, &flow->steps[i].due, month, days, &to, &why);
        const char *parameter = parameter_of(&flow->steps[i].due);
        if (rc == E_PARAMETER_MISSING && parameter && strcmp(why.field, parameter) == 0) {
            to = (step_days_t){DATE_NONE, DATE_NONE, DATE_NONE, parameter};
        } else if (rc) {
            if (err) *err = why;
            return rc;
        }
        if (to.latest == DATE_NONE) to.latest = to.last;
        days[i] = to;
    }
    return E_OK;
}

// ---- guards

// The sides of a reconciliation are what an account gained or lost; money without a county may be below zero for a
// while, having gone up before its county's books knew of it.
static bool is_signed(const fund_step_t *step) { return step->guard == GUARD_BOOKS_AGREE || step->unassigned; }

static int sum_parts(const fund_step_t *step, const guard_amounts_t *a, fen_t *out) {
    fen_t sum = 0;
    for (size_t i = 0; i < a->part_count; i++)
        if ((a->parts[i] < 0 && !is_signed(step)) || fen_add(sum, a->parts[i], &sum)) return E_OUT_OF_RANGE;
    *out = sum;
    return E_OK;
}

static int at_least_share(const fund_step_t *step, const guard_amounts_t *a, bool *holds, err_t *err) {
    int64_t share = 0;
    int rc = ref_value(&step->share, a->on, 0, &share, err);
    if (!rc) *holds = (wide_t)a->amount * RATE_ONE >= (wide_t)a->due * share;
    return rc;
}

static int covers_months(const fund_step_t *step, const guard_amounts_t *a, bool *holds, err_t *err) {
    int64_t months = 0;
    int rc = ref_value(&step->guard_count, a->on, 0, &months, err);
    if (!rc) *holds = (wide_t)a->balance >= (wide_t)a->amount * months;
    return rc;
}

int fund_guard(const fund_step_t *step, const guard_amounts_t *a, bool *holds, err_t *err) {
    fen_t parts = 0;
    if (((a->amount < 0 || a->balance < 0 || a->due < 0) && !is_signed(step)) || a->approved < 0 || a->released < 0 ||
        a->revenue < 0 || sum_parts(step, a, &parts))
        return err_field(err, E_OUT_OF_RANGE, "amounts", "amounts: below 0 or too large");
    switch (step->guard) {
    case GUARD_NONE: *holds = true; break;
    case GUARD_FULL_BALANCE: *holds = a->amount == a->balance; break;
    case GUARD_FULL_AMOUNT: *holds = a->amount == a->due; break;
    case GUARD_ZERO_AFTER: *holds = a->balance == 0; break;
    case GUARD_WITHIN_BUDGET: *holds = (wide_t)a->released + a->amount <= a->approved; break;
    case GUARD_WITHIN_PLAN: *holds = a->amount <= a->approved; break;
    case GUARD_SUM_OF_COUNTIES:
    case GUARD_BOOKS_AGREE: *holds = parts == a->amount; break;
    case GUARD_REVENUE_COVERS: *holds = a->amount <= a->revenue; break;
    case GUARD_MONTHS_COVERED: return covers_months(step, a, holds, err);
    case GUARD_SHARE: return at_least_share(step, a, holds, err);
    case GUARD__COUNT: CHECK(step->guard != GUARD__COUNT);
    }
    return E_OK;
}
