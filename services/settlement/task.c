#include "task.h"
#include "common/policy/tables.h"
#include <stdio.h>
#include <string.h>

#define X(code, name) [code] = name,
static const char *const states[TASK_STATE__COUNT] = {TASK_STATE_TABLE(X)};
#undef X

const char *task_state_name(task_state_t state) { return state < TASK_STATE__COUNT ? states[state] : ""; }

int task_state_from_name(const char *name) {
    for (int i = 0; i < TASK_STATE__COUNT; i++)
        if (strcmp(states[i], name) == 0) return i;
    return -1;
}

bool task_state_may(task_state_t from, task_state_t to) {
    static const uint8_t moves[TASK_STATE__COUNT] = {
        [TASK_OPEN] = 1 << TASK_LATE | 1 << TASK_DONE | 1 << TASK_EXPLAINED | 1 << TASK_VOID,
        [TASK_LATE] = 1 << TASK_OPEN | 1 << TASK_DONE | 1 << TASK_EXPLAINED | 1 << TASK_VOID,
        [TASK_DONE] = 1 << TASK_DONE, // again: what came in since
        [TASK_EXPLAINED] = 1 << TASK_DONE | 1 << TASK_EXPLAINED | 1 << TASK_VOID,
        [TASK_VOID] = 0};
    return moves[from] >> to & 1;
}

// ---- kinds

static bool receives(const fund_rules_t *rules, int8_t account) {
    const fund_books_t *books = rules->books;
    for (uint32_t i = 0; books && i < books->contribution_count; i++)
        if (books->contributions[i].account == account) return true;
    return false;
}

task_kind_t task_kind(const fund_rules_t *rules, const fund_step_t *step) {
    if (step->from_account < 0) return TASK_PAPER;
    if (rules->accounts[step->from_account].kind == ACCOUNT_OUTSIDE && receives(rules, step->to_account))
        return TASK_TOLD;
    return rules->books && step->to_account == rules->books->pays_to ? TASK_PAYS : TASK_MOVE;
}

static bool by_county(const fund_rules_t *rules, int8_t account) {
    return account >= 0 && rules->accounts[account].holder == HOLDER_COUNTY;
}

bool task_by_county(const fund_rules_t *rules, const fund_step_t *step) {
    if (step->unassigned) return false;
    return rules->actors[step->actor].county || by_county(rules, step->from_account) ||
           by_county(rules, step->to_account);
}

const char *task_what(const fund_rules_t *rules, const fund_step_t *step, char out[static TASK_WHAT_MAX]) {
    if (step->from_account < 0)
        snprintf(out, TASK_WHAT_MAX, "%s", step->document);
    else
        snprintf(out, TASK_WHAT_MAX, "%s > %s", rules->accounts[step->from_account].name,
                 rules->accounts[step->to_account].name);
    return out;
}

// ---- periods

static void period_of_months(month_t first, month_t last, task_period_t *out) {
    out->first = month_first(first);
    out->last = month_last(last);
}

void task_period_at(every_t every, date_t on, task_period_t *out) {
    const month_t month = month_of(on);
    const int year = month_year(month), quarter = (month_number(month) - 1) / 3;
    *out = (task_period_t){.first = on, .last = on};
    switch (every) {
    case EVERY_DAY: date_format(on, out->text); break;
    case EVERY_MONTH:
        period_of_months(month, month, out);
        month_format(month, out->text);
        break;
    case EVERY_QUARTER:
        period_of_months(month_make(year, quarter * 3 + 1), month_make(year, quarter * 3 + 3), out);
        snprintf(out->text, sizeof out->text, "%04d-Q%d", year, quarter + 1);
        break;
    case EVERY_YEAR:
        period_of_months(month_make(year, 1), month_make(year, 12), out);
        snprintf(out->text, sizeof out->text, "%04d", year);
        break;
    case EVERY_ONCE:
    case EVERY_CASE:
    case EVERY__COUNT: out->first = out->last = DATE_NONE; snprintf(out->text, sizeof out->text, "once");
    }
}

// A day within the period that the text names, DATE_NONE when it names none.
static date_t day_of(every_t every, const char *text) {
    date_t day = DATE_NONE;
    month_t month = MONTH_NONE;
    int year = 0, quarter = 0, end = 0;
    if (every == EVERY_DAY) return date_parse(text, &day) ? DATE_NONE : day;
    if (every == EVERY_MONTH) return month_parse(text, &month) ? DATE_NONE : month_first(month);
    if (every == EVERY_QUARTER && sscanf(text, "%4d-Q%1d%n", &year, &quarter, &end) == 2 && !text[end])
        return date_valid(year, 1, 1) && quarter >= 1 && quarter <= 4 ? date_make(year, quarter * 3, 1) : DATE_NONE;
    if (every == EVERY_YEAR && sscanf(text, "%4d%n", &year, &end) == 1 && !text[end])
        return date_valid(year, 1, 1) ? date_make(year, 1, 1) : DATE_NONE;
    return DATE_NONE;
}

int task_period_parse(every_t every, const char *text, task_period_t *out, err_t *err) {
    static const char *const forms[EVERY__COUNT] = {[EVERY_DAY] = "a day like 2020-03-05",
                                                    [EVERY_MONTH] = "a month like 2020-03",
                                                    [EVERY_QUARTER] = "a quarter like 2020-Q1",
                                                    [EVERY_YEAR] = "a year like 2020",
                                                    [EVERY_ONCE] = "once",
                                                    [EVERY_CASE] = "the number of a case"};
    CHECK(every < EVERY__COUNT);
    const date_t day = day_of(every, text);
    task_period_t found;
    task_period_at(every, day == DATE_NONE ? 0 : day, &found);
    if ((every != EVERY_ONCE && day == DATE_NONE) || strcmp(found.text, text) != 0)
        return err_field(err, E_INVALID_FIELD, "period", "%s was expected as the period of this flow", forms[every]);
    *out = found;
    return E_OK;
}

int task_period_counts(const policy_t *policy, const calendar_t *calendar, const fund_flow_t *flow,
                       const task_period_t *period, bool *out, err_t *err) {
    *out = true;
    if (flow->every == EVERY_ONCE) return E_OK;
    const date_t about = period->last + (flow->for_next ? 1 : 0); // the eve of the pool plans its first money
    *out = about >= flow->from && period->first <= flow->to && about >= policy->fund->from;
    if (!*out || flow->every != EVERY_DAY) return E_OK;
    if (!calendar) return err_field(err, E_PARAMETER_MISSING, "calendar", "no calendar of working days is loaded");
    return calendar_is_workday(calendar, period->first, out, err);
}

int task_budget_year(const fund_flow_t *flow, const task_period_t *period) {
    if (period->first == DATE_NONE) return 0;
    return month_year(month_of(flow->for_next ? period->last + 1 : period->first));
}

static void no_day_known(const fund_flow_t *flow, const char *missing, step_days_t *days) {
    for (uint32_t i = 0; i < flow->step_count; i++)
        days[i] = (step_days_t){DATE_NONE, DATE_NONE, DATE_NONE, flow->steps[i].due.kind == DUE_NONE ? NULL : missing};
}

int task_days(const policy_t *policy, const calendar_t *calendar, const fund_flow_t *flow, const task_period_t *period,
              step_days_t days[static FLOW_STEPS_MAX], err_t *err) {
    const date_t from = flow->from > policy->fund->from ? flow->from : policy->fund->from;
    const bool before = period->first == DATE_NONE || period->first < from; // a year that begins before the pool does
    err_t why = {0};
    if (!calendar || (before && period->last < from && flow->every != EVERY_ONCE)) {
        no_day_known(flow, calendar ? NULL : "calendar", days);
        return E_OK;
    }
    int rc = fund_flow_days(policy, calendar, flow, month_of(before ? policy->fund->from : period->first), days, &why);
    if (rc == E_PARAMETER_MISSING) { // the calendar's year; a step's own parameter is no error there
        no_day_known(flow, "calendar", days);
        return E_OK;
    }
    if (rc && err) *err = why;
    return rc;
}

// ---- may it be done

// Is there a first day before which it may not be done? A day by which a thing is due is none.
static bool has_window(const fund_due_t *due) {
    return due->kind == DUE_WORKDAY || (due->kind == DUE_YEAR_DAY && due->first != due->last) ||
           (due->kind == DUE_CYCLE && (due->last == CYCLE_REMIT || due->last == CYCLE_SWEEP));
}

static bool waits_for(const fund_rules_t *rules, const fund_step_t *step, const fund_step_t *before) {
    const task_kind_t kind = task_kind(rules, before);
    if (kind == TASK_TOLD) return false;
    if (kind == TASK_PAPER || step->from_account < 0) return true;
    return before->to_account == step->from_account;
}

static bool concerns(const fund_rules_t *rules, const fund_step_t *step, const char *county, const task_view_t *view) {
    return !task_by_county(rules, step) || !*view->county || strcmp(view->county, county) == 0;
}

static int must_wait(const fund_step_t *step, const fund_step_t *before, const char *county, err_t *err) {
    return err_field(err, E_DENIED, "step", "%s waits for %s%s%s (%s): do, explain or void it first", step->name,
                     before->name, *county ? " of " : "", county, before->rule);
}

int task_may(const fund_rules_t *rules, const fund_flow_t *flow, uint32_t place, const char *county,
             const step_days_t *days, date_t on, const task_view_t *views, size_t count, err_t *err) {
    const fund_step_t *step = &flow->steps[place];
    char day[DATE_TEXT_MAX];
    for (size_t i = 0; i < count; i++) {
        const task_view_t *view = &views[i];
        if (view->step == place && strcmp(view->county, county) == 0 && view->state == TASK_VOID)
            return err_field(err, E_DENIED, "step", "%s is void: it is not needed", step->name);
        if (view->step >= place || task_state_settled(view->state)) continue;
        const fund_step_t *before = &flow->steps[view->step];
        if (waits_for(rules, step, before) && concerns(rules, step, county, view))
            return must_wait(step, before, view->county, err);
    }
    if (has_window(&step->due) && days->first != DATE_NONE && on < days->first)
        return err_field(err, E_NOT_IN_FORCE, "on", "%s is done from %s on, not before (%s)", step->name,
                         date_format(days->first, day), step->rule);
    return E_OK;
}

int task_late_days(const step_days_t *days, date_t on) {
    return days->latest != DATE_NONE && on > days->latest ? on - days->latest : 0;
}

// ---- the amount

static int parts_sum(const guard_amounts_t *known, fen_t *out) {
    *out = 0;
    for (size_t i = 0; i < known->part_count; i++)
        if (fen_add(*out, known->parts[i], out)) return E_OUT_OF_RANGE;
    return E_OK;
}

static bool fixed_amount(const fund_step_t *step, const guard_amounts_t *known, fen_t *out) {
    switch (step->guard) {
    case GUARD_FULL_BALANCE: *out = known->balance; return true;
    case GUARD_FULL_AMOUNT: *out = known->due; return true;
    case GUARD_SUM_OF_COUNTIES: return parts_sum(known, out) == E_OK;
    case GUARD_ZERO_AFTER:
    case GUARD_REVENUE_COVERS:
    case GUARD_MONTHS_COVERED: *out = known->amount; return true; // known beforehand, nobody gives it
    default: return false;
    }
}

static int does_not_hold(const fund_step_t *step, const guard_amounts_t *known, err_t *err) {
    char a[FEN_TEXT_MAX], b[FEN_TEXT_MAX], c[FEN_TEXT_MAX];
    fen_t sum = 0;
    fen_format(known->amount, a);
    if (parts_sum(known, &sum)) sum = 0;
    switch (step->guard) {
    case GUARD_FULL_BALANCE:
        return err_field(err, E_OUT_OF_RANGE, "amount", "%s: all of the balance goes; %s is there, %s was given",
                         step->rule, fen_format(known->balance, b), a);
    case GUARD_FULL_AMOUNT:
        return err_field(err, E_OUT_OF_RANGE, "amount", "%s: %s is due in full, %s was given", step->rule,
                         fen_format(known->due, b), a);
    case GUARD_ZERO_AFTER:
        return err_field(err, E_OUT_OF_RANGE, "amount", "%s: nothing may be left, %s is there and not 0.00", step->rule,
                         fen_format(known->balance, b));
    case GUARD_WITHIN_BUDGET:
        return err_field(err, E_OUT_OF_RANGE, "amount", "%s: %s so far and %s now pass the approved %s", step->rule,
                         fen_format(known->released, b), a, fen_format(known->approved, c));
    case GUARD_WITHIN_PLAN:
        return err_field(err, E_OUT_OF_RANGE, "amount", "%s: %s passes the %s that is left of the plan", step->rule, a,
                         fen_format(known->approved, b));
    case GUARD_SUM_OF_COUNTIES:
        return err_field(err, E_OUT_OF_RANGE, "amount", "%s: the counties' figures add up to %s, not to %s", step->rule,
                         fen_format(sum, b), a);
    case GUARD_BOOKS_AGREE:
        return err_field(err, E_OUT_OF_RANGE, "amount", "%s: the books do not agree, %s here and %s there", step->rule,
                         a, fen_format(sum, b));
    case GUARD_REVENUE_COVERS:
        return err_field(err, E_OUT_OF_RANGE, "amount", "%s: planned spending %s passes planned revenue %s", step->rule,
                         a, fen_format(known->revenue, b));
    case GUARD_SHARE:
        return err_field(err, E_OUT_OF_RANGE, "amount", "%s: %s is less than the share that is due of %s", step->rule,
                         a, fen_format(known->due, b));
    case GUARD_NONE:
    case GUARD_MONTHS_COVERED:
    case GUARD__COUNT: break;
    }
    return E_OK;
}

int task_amount(const fund_step_t *step, const guard_amounts_t *known, const fen_t *given, fen_t *amount, bool *holds,
                err_t *err) {
    guard_amounts_t all = *known;
    const bool money = step->from_account >= 0;
    fen_t fixed = 0;
    const bool is_fixed = fixed_amount(step, known, &fixed);
    if (!given && !is_fixed && (money || step->guard != GUARD_NONE))
        return err_field(err, E_MISSING_FIELD, "amount", "%s fixes no amount of %s: it has to be given", step->rule,
                         step->name);
    all.amount = given ? *given : fixed;
    int rc = fund_guard(step, &all, holds, err);
    if (rc) return rc;
    if (!*holds) rc = does_not_hold(step, &all, err);
    if (!rc) *amount = all.amount;
    return rc;
}
