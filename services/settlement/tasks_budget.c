// The figures that budgets, their changes and final accounts carry from step to step: drafts of counties, their sum,
// the review, the approval that locks them. Spending stays within revenue for each fund, as none may draw on another.
#include "tasks_do.h"
#include "common/wire/scope.h"
#include <stdio.h>
#include <string.h>

static const char line_revenue[] = "revenue", line_spending[] = "spending";

static int overflow(err_t *err) { return err_field(err, E_OUT_OF_RANGE, "amount", "the amounts overflow"); }

// ---- where the figures come from

// Is the step behind the approval? Then it says what became of the budget.
static bool after_approval(const doing_t *doing) {
    for (uint32_t i = 0; i < doing->place; i++)
        if (doing->flow->steps[i].approves) return true;
    return false;
}

// Revenue and spending of the year by the ledger, by fund and county (of the task's county alone).
static int by_ledger(doing_t *doing, bool spending_only, err_t *err) {
    char from[DATE_TEXT_MAX], to[DATE_TEXT_MAX];
    fact_sum_t *sums;
    size_t count;
    date_format(date_make(doing->year, 1, 1), from);
    date_format(date_make(doing->year, 12, 31), to);
    int rc = facts_flows(doing->store, from, to, doing->arena, &sums, &count, err);
    for (size_t i = 0; !rc && i < count; i++) {
        const bool spent = facts_is_spending(sums[i].account);
        if ((!spent && (spending_only || !facts_is_revenue(sums[i].account))) ||
            fund_named(doing->rules, sums[i].fund) < 0 ||
            (*doing->county && strcmp(sums[i].county, doing->county) != 0))
            continue;
        rc = doing_line(doing, sums[i].fund, sums[i].county, spent ? line_spending : line_revenue,
                        spent ? sums[i].amount : -sums[i].amount, err);
    }
    return rc;
}

static int carry(doing_t *doing, err_t *err) {
    task_lines_t lines = {0};
    int rc = E_OK;
    for (uint32_t i = doing->place; !rc && !lines.count && i-- > 0;) {
        const bool own =
            task_by_county(doing->rules, doing->step) && task_by_county(doing->rules, &doing->flow->steps[i]);
        rc = lines_of_step(doing->store, doing->flow->name, doing->period.text, doing->flow->steps[i].name,
                           own ? doing->county : NULL, doing->arena, &lines, err);
    }
    for (size_t i = 0; !rc && i < lines.count; i++)
        rc = doing_line(doing, lines.items[i].fund, lines.items[i].county, lines.items[i].line, lines.items[i].amount,
                        err);
    return rc;
}

static int find_figures(doing_t *doing, err_t *err) {
    const bool executes = doing->step->guard == GUARD_WITHIN_BUDGET;
    if (doing_has_lines(doing)) return doing_given(doing, err);
    if (executes || after_approval(doing)) {
        if (doing->flow->keeps != KEEPS_FINAL_ACCOUNTS) return by_ledger(doing, executes, err);
    }
    int rc = carry(doing, err);
    if (!rc && !doing->lines.count && doing->flow->keeps == KEEPS_FINAL_ACCOUNTS) rc = by_ledger(doing, false, err);
    if (rc || doing->lines.count || doing->flow->keeps == KEEPS_FINAL_ACCOUNTS) return rc;
    return err_field(err, E_MISSING_FIELD, "lines",
                     "%s: no figures yet: --line revenue:FUND[@COUNTY]=YUAN and --line spending:FUND[@COUNTY]=YUAN",
                     doing->step->rule);
}

// ---- what the guard says to them

static int parts_of_counties(doing_t *doing, guard_amounts_t *known, err_t *err) {
    const policy_t *policy = doing->settlement->policy;
    fen_t *parts = arena_alloc(doing->arena, TASK_COUNTIES_MAX * sizeof *parts);
    task_lines_t lines = {0};
    const fund_step_t *source = NULL;
    if (!parts) return doing_no_memory(err);
    for (uint32_t i = 0; i < doing->place; i++)
        if (task_by_county(doing->rules, &doing->flow->steps[i])) source = &doing->flow->steps[i];
    int rc = source ? lines_of_step(doing->store, doing->flow->name, doing->period.text, source->name, NULL,
                                    doing->arena, &lines, err)
                    : E_OK;
    for (uint32_t i = 0; !rc && i < policy->divisions.count && i < TASK_COUNTIES_MAX; i++) {
        const char *county = policy->divisions.items[i].name;
        if (doing_total(&lines, NULL, county, line_spending, &parts[known->part_count])) return overflow(err);
        rc = doing_figure(doing, "county", "", county, parts[known->part_count++], err);
    }
    known->parts = parts;
    return rc;
}

// Of one fund: planned spending against planned revenue, or spending against what was approved.
static int check_fund(doing_t *doing, const task_lines_t *approved, const char *fund, err_t *err) {
    guard_amounts_t known = {.on = doing->on};
    fen_t amount = 0;
    bool holds = true;
    if (doing_total(&doing->lines, fund, NULL, line_spending, &known.amount) ||
        doing_total(&doing->lines, fund, NULL, line_revenue, &known.revenue) ||
        doing_total(approved, fund, NULL, line_spending, &known.approved))
        return overflow(err);
    const bool executes = doing->step->guard == GUARD_WITHIN_BUDGET;
    int rc = doing_figure(doing, executes ? "approved" : "revenue", fund, "", executes ? known.approved : known.revenue,
                          err);
    if (!rc) rc = doing_figure(doing, "spending", fund, "", known.amount, err);
    if (!rc) rc = task_amount(doing->step, &known, &known.amount, &amount, &holds, err);
    return rc == E_OUT_OF_RANGE ? err_prefix(err, "%s", fund) : rc;
}

static int check_funds(doing_t *doing, err_t *err) {
    task_lines_t approved = {0};
    budget_head_t head;
    int rc = budget_find(doing->store, doing->year, doing->arena, &head, &approved, err);
    if (!rc && doing->step->guard == GUARD_WITHIN_BUDGET && !head.version)
        rc = err_field(err, E_DENIED, "amount", "%s: no budget of %d is approved", doing->step->rule, doing->year);
    for (uint32_t i = 0; !rc && i < doing->rules->fund_count; i++) {
        fen_t spending = 0, revenue = 0;
        const char *fund = doing->rules->funds[i].name;
        if (doing_total(&doing->lines, fund, NULL, line_spending, &spending) ||
            doing_total(&doing->lines, fund, NULL, line_revenue, &revenue))
            return overflow(err);
        if (spending || revenue) rc = check_fund(doing, &approved, fund, err);
    }
    return rc;
}

int doing_figures(doing_t *doing, err_t *err) {
    guard_amounts_t known = {.on = doing->on};
    fen_t spending = 0;
    doing->holds = true;
    int rc = find_figures(doing, err);
    if (!rc && doing_total(&doing->lines, NULL, NULL, line_spending, &spending)) rc = overflow(err);
    doing->amount = spending;
    if (rc) return rc;
    switch (doing->step->guard) {
    case GUARD_NONE: return E_OK;
    case GUARD_SUM_OF_COUNTIES:
        rc = parts_of_counties(doing, &known, err);
        return rc ? rc : task_amount(doing->step, &known, &spending, &doing->amount, &doing->holds, err);
    case GUARD_REVENUE_COVERS:
    case GUARD_WITHIN_BUDGET: return check_funds(doing, err);
    default:
        return err_set(err, E_UNSUPPORTED, "the guard %s has no meaning for a budget", guard_name(doing->step->guard));
    }
}

// ---- what follows

// A change says new figures of some lines; the others stay.
static int merge(doing_t *doing, const task_lines_t *before, task_lines_t *to, err_t *err) {
    to->count = 0;
    to->items = arena_alloc(doing->arena, (before->count + doing->lines.count + 1) * sizeof *to->items);
    if (!to->items) return doing_no_memory(err);
    for (size_t i = 0; i < before->count; i++) {
        const task_line_t *old = &before->items[i];
        bool changed = false;
        for (size_t k = 0; k < doing->lines.count; k++)
            changed |= strcmp(old->fund, doing->lines.items[k].fund) == 0 &&
                       strcmp(old->county, doing->lines.items[k].county) == 0 &&
                       strcmp(old->line, doing->lines.items[k].line) == 0;
        if (!changed) to->items[to->count++] = *old;
    }
    for (size_t k = 0; k < doing->lines.count; k++) to->items[to->count++] = doing->lines.items[k];
    return E_OK;
}

static int approve(doing_t *doing, err_t *err) {
    const bool change = doing->flow->keeps == KEEPS_BUDGET_CHANGE;
    task_lines_t before = {0}, to = doing->lines;
    budget_head_t head;
    int rc = budget_find(doing->store, doing->year, doing->arena, &head, &before, err);
    if (!rc && !change && head.version)
        rc = err_field(err, E_EXISTS, "step", "the budget of %d is approved already (%s)", doing->year,
                       doing->flow->rule);
    if (!rc && change) rc = merge(doing, &before, &to, err);
    if (rc) return rc;
    head = (budget_head_t){head.version + 1, doing->day, doing->ask->paper};
    rc = budget_insert(doing->store, doing->year, &head, &to, doing->arena, err);
    return rc ? rc
              : doing_note(doing,
                           arena_text(doing->arena, "the budget of %d is approved and locked, version %lld",
                                      doing->year, (long long)head.version),
                           err);
}

// The reserve covers the months: what would follow from a warning is not needed.
static int void_rest(doing_t *doing, err_t *err) {
    int rc = E_OK;
    for (size_t i = 0; !rc && i < doing->row_count; i++) {
        task_row_t *row = &doing->rows[i];
        const int state = task_state_from_name(row->state);
        if (tasks_step_place(doing->flow, row->step) <= (int)doing->place || state < 0 ||
            task_state_settled((task_state_t)state))
            continue;
        row->state = task_state_name(TASK_VOID), row->remark = "the reserve covers the months asked for";
        row->doer = doing->doer;
        rc = task_update(doing->store, row, err);
        const task_told_t told = {"task_void", 0, NULL, doing->on, row->remark};
        if (!rc) rc = tasks_tell(doing->settlement, row, &told, doing->arena, err);
    }
    return rc ? rc : doing_note(doing, "the reserve covers the months asked for: no further step is needed", err);
}

static int warn(doing_t *doing, err_t *err) {
    const char *text =
        arena_text(doing->arena, "warning: the balance does not cover the months asked for (%s)", doing->step->rule);
    int rc = doing_note(doing, text, err);
    const task_told_t told = {"fund_warning", doing->amount, &doing->lines, doing->on, text};
    return rc ? rc : tasks_tell(doing->settlement, doing->own, &told, doing->arena, err);
}

int doing_follow(doing_t *doing, err_t *err) {
    if (doing->step->approves && doing->flow->keeps != KEEPS_FINAL_ACCOUNTS) return approve(doing, err);
    if (doing->step->guard == GUARD_MONTHS_COVERED) return doing->holds ? void_rest(doing, err) : warn(doing, err);
    return E_OK;
}

// ---- the method

static int add_row(Tc__Budget *to, const char *fund, const char *county, const char *line, arena_t *arena,
                   Tc__Budget__Row **out) {
    for (size_t i = 0; i < to->n_rows; i++) {
        *out = to->rows[i];
        if (strcmp((*out)->fund, fund) == 0 && strcmp((*out)->county, county) == 0 && strcmp((*out)->line, line) == 0)
            return E_OK;
    }
    *out = arena_alloc(arena, sizeof **out);
    if (!*out) return E_IO;
    tc__budget__row__init(*out);
    (*out)->fund = (char *)fund, (*out)->county = (char *)county, (*out)->line = (char *)line;
    to->rows[to->n_rows++] = *out;
    return E_OK;
}

static bool wanted(const settlement_t *settlement, const Tc__GetBudget *ask, const char *fund, const char *county) {
    return scope_has_division(settlement->ctx->scope, county) && (!*ask->fund || strcmp(ask->fund, fund) == 0) &&
           (!*ask->county || strcmp(ask->county, county) == 0);
}

static int fill_budget(settlement_t *settlement, const Tc__GetBudget *ask, const task_lines_t *lines,
                       const fact_sum_t *sums, size_t count, Tc__Budget *to, err_t *err) {
    arena_t *arena = settlement->ctx->arena;
    Tc__Budget__Row *row;
    to->rows = arena_alloc(arena, (lines->count + count + 1) * sizeof *to->rows);
    if (!to->rows) return doing_no_memory(err);
    for (size_t i = 0; i < lines->count; i++) {
        const task_line_t *line = &lines->items[i];
        if (!wanted(settlement, ask, line->fund, line->county)) continue;
        if (add_row(to, line->fund, line->county, line->line, arena, &row)) return doing_no_memory(err);
        row->approved_fen = line->amount;
    }
    for (size_t i = 0; i < count; i++) {
        const bool spent = facts_is_spending(sums[i].account);
        if ((!spent && !facts_is_revenue(sums[i].account)) || !wanted(settlement, ask, sums[i].fund, sums[i].county))
            continue;
        if (add_row(to, sums[i].fund, sums[i].county, spent ? line_spending : line_revenue, arena, &row))
            return doing_no_memory(err);
        if (fen_add(row->done_fen, spent ? sums[i].amount : -sums[i].amount, &row->done_fen)) return overflow(err);
    }
    return E_OK;
}

int tasks_get_budget(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                     err_t *err) {
    settlement_t *settlement = self;
    const Tc__GetBudget *ask = (const Tc__GetBudget *)message;
    service_ctx_t *ctx = settlement->ctx;
    char from[DATE_TEXT_MAX], to[DATE_TEXT_MAX];
    task_lines_t lines;
    budget_head_t head;
    fact_sum_t *sums;
    size_t count = 0;
    (void)request;
    if (ask->year < 1900 || ask->year > 2199) return err_field(err, E_INVALID_FIELD, "year", "a year was expected");
    Tc__Budget *budget = arena_alloc(ctx->arena, sizeof *budget);
    if (!budget) return doing_no_memory(err);
    tc__budget__init(budget);
    int rc = budget_find(ctx->store, ask->year, ctx->arena, &head, &lines, err);
    if (!rc)
        rc = facts_flows(ctx->store, date_format(date_make((int)ask->year, 1, 1), from),
                         date_format(date_make((int)ask->year, 12, 31), to), ctx->arena, &sums, &count, err);
    if (!rc) rc = fill_budget(settlement, ask, &lines, sums, count, budget, err);
    budget->year = ask->year, budget->version = head.version;
    budget->approved_on = (char *)head.approved_on, budget->paper = (char *)head.paper;
    *reply = &budget->base;
    return rc;
}
