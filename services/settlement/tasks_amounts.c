// The amounts of a step: where they come from (balance, papers, budget, plan, receipts, payments), line by line, and
// what the guard says to them.
#include "tasks_do.h"
#include <stdio.h>
#include <string.h>

static const char *account_of(const doing_t *doing, int place) { return doing->rules->accounts[place].name; }

// The county of the task where counties hold the account, "" for what none of them holds, else NULL.
static const char *held_county(const doing_t *doing, int place) {
    if (doing->step->unassigned && place == doing->step->from_account) return "";
    return doing->rules->accounts[place].holder == HOLDER_COUNTY && *doing->county ? doing->county : NULL;
}

static int total_of(const doing_t *doing, fen_t *out, err_t *err) {
    return doing_total(&doing->lines, NULL, NULL, NULL, out)
               ? err_field(err, E_OUT_OF_RANGE, "amount", "the amounts overflow")
               : E_OK;
}

// The given amount is that of all lines.
static int judge(doing_t *doing, guard_amounts_t *known, const fen_t *given, err_t *err) {
    known->on = doing->on;
    return task_amount(doing->step, known, given, &doing->amount, &doing->holds, err);
}

static const fen_t *given_total(doing_t *doing, fen_t *room) {
    if (!doing->ask->n_lines) return doing_given_amount(doing);
    return doing_total(&doing->lines, NULL, NULL, NULL, room) ? NULL : room;
}

static int nothing_said(const doing_t *doing, err_t *err) {
    return err_field(err, E_MISSING_FIELD, doing_given_amount(doing) ? "fund" : "amount",
                     "%s fixes no amount of %s: give --line FUND=YUAN, or --amount and --fund", doing->step->rule,
                     doing->step->name);
}

// ---- all of the balance

static int balance_lines(doing_t *doing, fen_t *balance, err_t *err) {
    const int from = doing->step->from_account;
    const uint32_t funds = doing_funds(doing);
    money_part_t *parts;
    size_t count;
    int rc = money_parts(doing->settlement, account_of(doing, from), held_county(doing, from), doing->arena, &parts,
                         &count, err);
    *balance = 0;
    for (size_t i = 0; !rc && i < count; i++) {
        const int fund = fund_named(doing->rules, parts[i].fund);
        if (funds && (fund < 0 || !(funds >> fund & 1))) continue;
        rc = doing_line(doing, parts[i].fund, parts[i].county, "", parts[i].amount, err);
        if (!rc && fen_add(*balance, parts[i].amount, balance))
            rc = err_field(err, E_OUT_OF_RANGE, "amount", "the amounts overflow");
    }
    return rc ? rc : doing_figure(doing, "balance", "", doing->county, *balance, err);
}

static int whole_balance(doing_t *doing, err_t *err) {
    guard_amounts_t known = {0};
    int rc = balance_lines(doing, &known.balance, err);
    known.due = known.balance;
    return rc ? rc : judge(doing, &known, doing_given_amount(doing), err);
}

// ---- what is due

// What money steps of the flow (or one step of it) have moved for it so far.
static int paid_so_far(doing_t *doing, const char *step, const char *fund, fen_t *out, err_t *err) {
    *out = 0;
    for (uint32_t i = 0; i < doing->flow->step_count; i++) {
        const fund_step_t *one = &doing->flow->steps[i];
        task_lines_t lines;
        fen_t sum = 0;
        if (one->from_account < 0 || (*step && strcmp(one->name, step) != 0)) continue;
        int rc = lines_of_step(doing->store, doing->flow->name, doing->period.text, one->name, doing->county,
                               doing->arena, &lines, err);
        if (rc) return rc;
        if (doing_total(&lines, *fund ? fund : NULL, NULL, NULL, &sum) || fen_add(*out, sum, out))
            return err_field(err, E_OUT_OF_RANGE, "amount", "the amounts overflow");
    }
    return E_OK;
}

// The least of a share, rounded up, and never more than what is left.
static int least_share(const doing_t *doing, fen_t due, fen_t left, fen_t *out, err_t *err) {
    int64_t share = RATE_ONE;
    int rc = doing->step->guard == GUARD_SHARE ? ref_value(&doing->step->share, doing->on, 0, &share, err) : E_OK;
    const wide_t least = ((wide_t)due * share + RATE_ONE - 1) / RATE_ONE;
    if (!rc) *out = least < left ? (fen_t)least : left;
    return rc;
}

typedef struct owing {
    fen_t due, left, least;
} owing_t;

static int add_due(doing_t *doing, const char *step, const char *fund, fen_t due, owing_t *all, bool lines,
                   err_t *err) {
    fen_t paid = 0, least = 0;
    int rc = paid_so_far(doing, step, fund, &paid, err);
    const fen_t left = paid < due ? due - paid : 0;
    if (!rc) rc = least_share(doing, due, left, &least, err);
    if (!rc && (fen_add(all->due, due, &all->due) || fen_add(all->left, left, &all->left) ||
                fen_add(all->least, least, &all->least)))
        rc = err_field(err, E_OUT_OF_RANGE, "amount", "the amounts overflow");
    if (!rc && lines) rc = doing_line(doing, fund, doing->county, "", least, err);
    return rc ? rc : doing_figure(doing, "due", fund, doing->county, left, err);
}

// What papers say is due: of the step, else of the flow. *found: something is said.
static int stated_dues(doing_t *doing, owing_t *all, bool lines, bool *found, err_t *err) {
    due_row_t *dues;
    size_t count;
    bool own = false;
    int rc = due_of_flow(doing->store, doing->flow->name, doing->arena, &dues, &count, err);
    *found = false;
    for (int turn = 0; !rc && turn < 2; turn++) // first whether the step has its own
        for (size_t i = 0; !rc && i < count; i++) {
            const due_row_t *due = &dues[i];
            if (strcmp(due->period, doing->period.text) != 0 || strcmp(due->county, doing->county) != 0) continue;
            const bool of_step = strcmp(due->step, doing->step->name) == 0;
            if (turn == 0)
                own |= of_step;
            else if (of_step || (!own && !*due->step)) {
                *found = true;
                rc = add_due(doing, due->step, due->fund, due->amount, all, lines, err);
            }
        }
    return rc;
}

static const char *only_fund(const doing_t *doing) {
    const uint32_t funds = doing_funds(doing);
    if (*doing->ask->fund) return doing->ask->fund;
    if (*doing->opened.fund) return doing->opened.fund;
    if (doing->rules->fund_count == 1) return doing->rules->funds[0].name;
    return funds && !(funds & (funds - 1)) ? doing->rules->funds[__builtin_ctz(funds)].name : NULL;
}

static int find_dues(doing_t *doing, owing_t *all, bool lines, err_t *err) {
    const char *fund = only_fund(doing);
    bool found = false;
    if (doing->ask->due_given_case == TC__DO_TASK__DUE_GIVEN_DUE_FEN) {
        if (!fund && lines) return err_field(err, E_MISSING_FIELD, "fund", "say for which fund that is due");
        if (doing->ask->due_fen < 0) return err_field(err, E_OUT_OF_RANGE, "due", "an amount is not below 0");
        return add_due(doing, doing->step->name, fund ? fund : "", doing->ask->due_fen, all, lines, err);
    }
    int rc = stated_dues(doing, all, lines, &found, err);
    if (rc || found) return rc;
    if (doing->flow->every == EVERY_CASE && doing->opened.amount) {
        if (!fund && lines) return err_field(err, E_MISSING_FIELD, "fund", "say for which fund that is due");
        return add_due(doing, "", fund ? fund : "", doing->opened.amount, all, lines, err);
    }
    return err_field(err, E_MISSING_FIELD, "due",
                     "%s: nobody has said what is due; `tongchou fund due`, or --due with the paper",
                     doing->step->rule);
}

static int has_dues(doing_t *doing, bool *out, err_t *err) {
    owing_t all = {0};
    const size_t figures = doing->figure_count;
    *out = doing->ask->due_given_case == TC__DO_TASK__DUE_GIVEN_DUE_FEN || doing->opened.amount > 0;
    int rc = *out ? E_OK : stated_dues(doing, &all, false, out, err);
    doing->figure_count = figures;
    return rc;
}

static int what_is_due(doing_t *doing, err_t *err) {
    const fund_account_t *from = &doing->rules->accounts[doing->step->from_account];
    owing_t all = {0};
    bool said = false;
    fen_t sum = 0;
    char a[FEN_TEXT_MAX], b[FEN_TEXT_MAX];
    int rc = has_dues(doing, &said, err);
    if (!rc && !said && account_keeps_money(from->kind)) return whole_balance(doing, err); // all that is there
    if (!rc && doing_has_lines(doing)) rc = doing_given(doing, err);
    if (!rc) rc = find_dues(doing, &all, !doing_has_lines(doing), err);
    if (rc) return rc;
    const fen_t *given =
        doing->lines.count && doing_has_lines(doing) ? given_total(doing, &sum) : doing_given_amount(doing);
    const fen_t amount = given ? *given : all.least;
    guard_amounts_t known = {.due = doing->step->guard == GUARD_SHARE ? all.due : all.left};
    if (amount > all.left)
        return err_field(err, E_OUT_OF_RANGE, "amount", "%s: %s passes the %s that is still due", doing->step->rule,
                         fen_format(amount, a), fen_format(all.left, b));
    if (doing->step->guard == GUARD_SHARE && amount == all.left) { // all at once, or what is left
        doing->amount = amount;
        doing->holds = true;
    } else {
        rc = judge(doing, &known, &amount, err);
    }
    if (!rc && given && !doing_has_lines(doing) && doing->lines.count == 1) doing->lines.items[0].amount = amount;
    if (!rc) rc = total_of(doing, &sum, err);
    if (!rc && sum != doing->amount)
        rc =
            err_field(err, E_MISSING_FIELD, "line", "say of which fund the %s is: --line FUND=YUAN", doing->step->name);
    return rc;
}

// ---- within the budget, within the plan

typedef struct limits {
    task_lines_t approved, released, own; // own: of this task before, which a paper states anew
    bool plan;
    budget_head_t head;
} limits_t;

// The step whose figures limit this one: the last paper before it, else the last movement.
static const fund_step_t *plan_step(const doing_t *doing) {
    const fund_step_t *found = NULL;
    for (uint32_t i = 0; i < doing->place; i++) {
        const fund_step_t *before = &doing->flow->steps[i];
        if (!found || before->from_account < 0 || found->from_account >= 0) found = before;
    }
    return found;
}

static int read_limits(doing_t *doing, limits_t *to, err_t *err) {
    const char *flow = doing->flow->name, *period = doing->period.text, *step = doing->step->name;
    const fund_step_t *plan = plan_step(doing);
    *to = (limits_t){.plan = doing->step->guard == GUARD_WITHIN_PLAN};
    int rc = lines_of_step(doing->store, flow, period, step, doing->county, doing->arena, &to->own, err);
    if (rc) return rc;
    if (to->plan) {
        rc =
            plan ? lines_of_step(doing->store, flow, period, plan->name, NULL, doing->arena, &to->approved, err) : E_OK;
        return rc ? rc : lines_of_step(doing->store, flow, period, step, NULL, doing->arena, &to->released, err);
    }
    rc = budget_find(doing->store, doing->year, doing->arena, &to->head, &to->approved, err);
    if (!rc && !to->head.version)
        rc = err_field(err, E_DENIED, "amount", "%s: no budget of %d is approved", doing->step->rule, doing->year);
    return rc ? rc : lines_of_year(doing->store, flow, step, doing->year, doing->arena, &to->released, err);
}

// Of a line: what is approved, and what went before. A budget or plan without counties limits the city as a whole.
static int line_limit(const doing_t *doing, const limits_t *limits, const char *fund, const char *county,
                      guard_amounts_t *known) {
    const char *line = limits->plan ? NULL : "spending";
    fen_t by_county = 0, again = 0;
    int rc = doing_total(&limits->approved, fund, *county ? county : NULL, line, &known->approved);
    if (!rc && *county) rc = doing_total(&limits->approved, fund, county, line, &by_county);
    const bool whole = !*county || !by_county;
    if (!rc && whole) rc = doing_total(&limits->approved, fund, *county ? "" : NULL, line, &known->approved);
    if (!rc) rc = doing_total(&limits->released, fund, whole ? NULL : county, NULL, &known->released);
    if (!rc && doing->kind == TASK_PAPER) rc = doing_total(&limits->own, fund, whole ? NULL : county, NULL, &again);
    if (!rc) rc = fen_sub(known->released, again, &known->released);
    if (!rc && limits->plan) {
        known->approved = known->approved > known->released ? known->approved - known->released : 0;
        known->released = 0;
    }
    return rc;
}

static int check_line(doing_t *doing, const limits_t *limits, const task_line_t *line, err_t *err) {
    guard_amounts_t known = {.on = doing->on};
    fen_t amount = 0;
    if (line_limit(doing, limits, line->fund, line->county, &known))
        return err_field(err, E_OUT_OF_RANGE, "amount", "the amounts overflow");
    int rc = doing_figure(doing, limits->plan ? "plan" : "approved", line->fund, line->county, known.approved, err);
    if (!rc && !limits->plan) rc = doing_figure(doing, "released", line->fund, line->county, known.released, err);
    if (!rc) rc = task_amount(doing->step, &known, &line->amount, &amount, &doing->holds, err);
    return rc == E_OUT_OF_RANGE ? err_prefix(err, "%s%s%s", line->fund, *line->county ? " of " : "", line->county) : rc;
}

static int check_lines(doing_t *doing, const limits_t *limits, err_t *err) {
    int rc = E_OK;
    for (size_t i = 0; !rc && i < doing->lines.count; i++) rc = check_line(doing, limits, &doing->lines.items[i], err);
    return rc ? rc : total_of(doing, &doing->amount, err);
}

// What is left of the plan for this task.
static int rest_of_plan(doing_t *doing, const limits_t *limits, err_t *err) {
    int rc = E_OK;
    for (size_t i = 0; !rc && i < limits->approved.count; i++) {
        const task_line_t *line = &limits->approved.items[i];
        fen_t done = 0;
        if (*doing->county && strcmp(line->county, doing->county) != 0) continue;
        if (doing_total(&limits->released, line->fund, line->county, NULL, &done)) return E_OUT_OF_RANGE;
        if (line->amount > done) rc = doing_line(doing, line->fund, line->county, "", line->amount - done, err);
    }
    return rc;
}

// Does the plan speak of the task at all, if only with 0.00?
static bool planned(const doing_t *doing, const limits_t *limits) {
    for (size_t i = 0; i < limits->approved.count; i++)
        if (!*doing->county || strcmp(limits->approved.items[i].county, doing->county) == 0) return true;
    return false;
}

static int within(doing_t *doing, err_t *err) {
    limits_t limits;
    fen_t sum = 0;
    int rc = read_limits(doing, &limits, err);
    if (!rc && doing_has_lines(doing))
        rc = doing_given(doing, err);
    else if (!rc && limits.plan)
        rc = rest_of_plan(doing, &limits, err);
    if (!rc) rc = total_of(doing, &sum, err);
    const fen_t *given = doing_given_amount(doing);
    if (rc || (doing->lines.count && (!given || *given == sum))) return rc ? rc : check_lines(doing, &limits, err);
    if (given || !limits.plan || !planned(doing, &limits)) return nothing_said(doing, err);
    return E_OK; // the plan has nothing (more) for it
}

// ---- the counties' figures, the two sides of a reconciliation, what must be empty

static int of_counties(doing_t *doing, err_t *err) {
    const fund_step_t *source = NULL;
    task_lines_t lines = {0};
    fen_t *parts = arena_alloc(doing->arena, TASK_COUNTIES_MAX * sizeof *parts), room = 0;
    guard_amounts_t known = {.parts = parts};
    const policy_t *policy = doing->settlement->policy;
    if (!parts) return doing_no_memory(err);
    for (uint32_t i = 0; i < doing->place; i++)
        if (task_by_county(doing->rules, &doing->flow->steps[i])) source = &doing->flow->steps[i];
    int rc = source ? lines_of_step(doing->store, doing->flow->name, doing->period.text, source->name, NULL,
                                    doing->arena, &lines, err)
                    : E_OK;
    for (uint32_t i = 0; !rc && i < policy->divisions.count && i < TASK_COUNTIES_MAX; i++) {
        const char *county = policy->divisions.items[i].name;
        if (doing_total(&lines, NULL, county, NULL, &parts[known.part_count]))
            return err_field(err, E_OUT_OF_RANGE, "amount", "the amounts overflow");
        rc = doing_figure(doing, "county", "", county, parts[known.part_count++], err);
    }
    if (!rc && doing_has_lines(doing)) {
        rc = doing_given(doing, err);
    } else {
        for (size_t i = 0; !rc && i < lines.count; i++)
            rc = doing_line(doing, lines.items[i].fund, lines.items[i].county, "", lines.items[i].amount, err);
    }
    return rc ? rc : judge(doing, &known, given_total(doing, &room), err);
}

// What reconciliation says; a figure that is given must be the same.
static int two_sides(doing_t *doing, err_t *err) {
    const fen_t *given = doing_given_amount(doing);
    fen_t ours = 0, theirs = 0;
    guard_amounts_t known = {.parts = &theirs, .part_count = 1};
    if (doing->ask->other_given_case == TC__DO_TASK__OTHER_GIVEN_OTHER_FEN)
        return err_field(err, E_INVALID_FIELD, "other", "the other side is what was compared, not what is said here");
    int rc = doing_books_agree(doing, &ours, &theirs, err);
    return rc ? rc : judge(doing, &known, given ? given : &ours, err);
}

// Of the accounts that the flow empties before this step.
static int what_is_left(doing_t *doing, err_t *err) {
    guard_amounts_t known = {0};
    uint32_t seen = 0;
    int rc = E_OK;
    for (uint32_t i = 0; !rc && i < doing->place; i++) {
        const int from = doing->flow->steps[i].from_account;
        fen_t balance = 0;
        if (from < 0 || seen >> from & 1 || !account_keeps_money(doing->rules->accounts[from].kind)) continue;
        seen |= 1u << from;
        rc = money_balance(doing->settlement, account_of(doing, from), NULL, held_county(doing, from), &balance, err);
        if (!rc) rc = doing_figure(doing, account_of(doing, from), "", doing->county, balance, err);
        if (!rc && fen_add(known.balance, balance, &known.balance))
            rc = err_field(err, E_OUT_OF_RANGE, "amount", "the balances overflow");
    }
    return rc ? rc : judge(doing, &known, NULL, err);
}

// ---- receipts and payments, which the ledger has already

// From the first day of the budget year, so that what came in on a free day is in the next task.
static int since_new_year(const doing_t *doing, char from[static DATE_TEXT_MAX], char to[static DATE_TEXT_MAX]) {
    const date_t last = doing->period.last != DATE_NONE && doing->period.last < doing->on && !doing->flow->for_next
                            ? doing->period.last
                            : doing->on;
    date_format(date_make(doing->year ? doing->year : date_year(doing->on), 1, 1), from);
    date_format(last, to);
    return E_OK;
}

// Of `sums`, what was not in a task before, as lines.
static int not_told_yet(doing_t *doing, const task_lines_t *sums, err_t *err) {
    const uint32_t funds = doing_funds(doing);
    task_lines_t told;
    int rc = lines_of_year(doing->store, doing->flow->name, doing->step->name, doing->year, doing->arena, &told, err);
    for (size_t i = 0; !rc && i < sums->count; i++) {
        const task_line_t *sum = &sums->items[i];
        const int fund = fund_named(doing->rules, sum->fund);
        fen_t before = 0, now = 0;
        if (funds && (fund < 0 || !(funds >> fund & 1))) continue;
        if (doing_total(&told, sum->fund, sum->county, NULL, &before) || fen_sub(sum->amount, before, &now))
            return err_field(err, E_OUT_OF_RANGE, "amount", "the amounts overflow");
        if (now) rc = doing_line(doing, sum->fund, sum->county, "", now, err);
    }
    return rc;
}

static int told(doing_t *doing, err_t *err) {
    const int into = doing->step->to_account;
    const fen_t *given = doing_given_amount(doing);
    char from[DATE_TEXT_MAX], to[DATE_TEXT_MAX], a[FEN_TEXT_MAX], b[FEN_TEXT_MAX];
    task_lines_t sums;
    if (doing->flow->every == EVERY_CASE) { // which receipts are those of the case, the clerk says
        doing->amount = given ? *given : doing->opened.amount;
        return doing->amount < 0 ? err_field(err, E_OUT_OF_RANGE, "amount", "an amount is not below 0") : E_OK;
    }
    int rc = since_new_year(doing, from, to);
    if (!rc)
        rc = facts_received(doing->store, arena_text(doing->arena, "money/%s", account_of(doing, into)),
                            held_county(doing, into), from, to, doing->arena, &sums, err);
    if (!rc) rc = not_told_yet(doing, &sums, err);
    if (!rc) rc = total_of(doing, &doing->amount, err);
    if (!rc) rc = doing_figure(doing, "received", "", doing->county, doing->amount, err);
    if (!rc && given && *given != doing->amount)
        rc = err_field(err, E_OUT_OF_RANGE, "amount", "%s: by the ledger %s came in, %s was given", doing->step->rule,
                       fen_format(doing->amount, a), fen_format(*given, b));
    return rc;
}

// Does the facility get money of every fund and county? One that owes some itself is passed over.
static bool pays_out(const fact_owed_t *owed, size_t first, size_t end) {
    for (size_t i = first; i < end; i++) {
        fen_t sum = 0;
        for (size_t k = first; k < end; k++)
            if (strcmp(owed[k].fund, owed[i].fund) == 0 && strcmp(owed[k].county, owed[i].county) == 0 &&
                fen_add(sum, owed[k].amount, &sum))
                return false;
        if (sum < 0) return false;
    }
    return true;
}

// What is owed for bills up to the end of the period, of the pool's own funds.
static int owed_lines(doing_t *doing, fen_t *open, err_t *err) {
    char to[DATE_TEXT_MAX];
    const char *county = held_county(doing, doing->step->from_account);
    fact_owed_t *owed;
    size_t count, kept = 0;
    date_format(doing->period.last == DATE_NONE || doing->period.last > doing->on ? doing->on : doing->period.last, to);
    int rc = facts_owed(doing->store, county, to, doing->arena, &owed, &count, err);
    *open = 0;
    for (size_t i = 0; !rc && i < count; i++)
        if (fund_named(doing->rules, owed[i].fund) >= 0) owed[kept++] = owed[i];
    for (size_t i = 0; !rc && i < kept;) {
        size_t end = i + 1;
        while (end < kept && strcmp(owed[end].facility, owed[i].facility) == 0) end++;
        const bool pays = pays_out(owed, i, end);
        for (; !rc && i < end; i++) {
            if (!pays) continue;
            if (fen_add(*open, owed[i].amount, open)) return err_field(err, E_OUT_OF_RANGE, "amount", "too large");
            if (!doing->ask->direct) continue;
            owed[doing->owed_count++] = owed[i];
            rc = doing_line(doing, owed[i].fund, owed[i].county, "", owed[i].amount, err);
        }
    }
    doing->owed = owed;
    return rc ? rc : doing_figure(doing, "owed", "", doing->county, *open, err);
}

static int pays(doing_t *doing, err_t *err) {
    const int account = doing->step->from_account;
    char from[DATE_TEXT_MAX], to[DATE_TEXT_MAX];
    task_lines_t sums;
    limits_t limits;
    fen_t open = 0, sum = 0;
    int rc = since_new_year(doing, from, to);
    if (!rc)
        rc = facts_paid(doing->store, arena_text(doing->arena, "money/%s", account_of(doing, account)),
                        held_county(doing, account), from, date_format(doing->on, to), doing->arena, &sums, err);
    if (!rc) rc = not_told_yet(doing, &sums, err);
    if (!rc) rc = total_of(doing, &sum, err);
    if (!rc) rc = doing_figure(doing, "paid", "", doing->county, sum, err);
    if (!rc) rc = owed_lines(doing, &open, err);
    if (rc) return rc;
    if (doing->step->guard == GUARD_WITHIN_BUDGET) {
        rc = read_limits(doing, &limits, err);
        return rc ? rc : check_lines(doing, &limits, err);
    }
    guard_amounts_t known = {0};
    rc = total_of(doing, &doing->amount, err);
    if (!rc && fen_add(sum, open, &known.due)) rc = err_field(err, E_OUT_OF_RANGE, "amount", "too large");
    const fen_t amount = doing->amount;
    return rc ? rc : judge(doing, &known, &amount, err);
}

// ---- months of reserve

static int sum_net(doing_t *doing, const char *prefix, fen_t *net, err_t *err) {
    fact_sum_t *sums;
    size_t count;
    int rc = facts_balances(doing->store, prefix, doing->arena, &sums, &count, err);
    for (size_t i = 0; !rc && i < count; i++)
        if (fund_named(doing->rules, sums[i].fund) >= 0 && fen_sub(*net, sums[i].amount, net))
            rc = err_field(err, E_OUT_OF_RANGE, "amount", "the balances overflow");
    return rc;
}

static int spent_in(doing_t *doing, month_t month, fen_t *spent, err_t *err) {
    char from[DATE_TEXT_MAX], to[DATE_TEXT_MAX];
    fact_sum_t *sums;
    size_t count;
    int rc = facts_flows(doing->store, date_format(month_first(month), from), date_format(month_last(month), to),
                         doing->arena, &sums, &count, err);
    *spent = 0;
    for (size_t i = 0; !rc && i < count; i++)
        if (facts_is_spending(sums[i].account) && fund_named(doing->rules, sums[i].fund) >= 0 &&
            fen_add(*spent, sums[i].amount, spent))
            rc = err_field(err, E_OUT_OF_RANGE, "amount", "the amounts overflow");
    return rc;
}

// The accumulated balance against the average of the last twelve months, of those in which the fund paid.
static int months(doing_t *doing, err_t *err) {
    static const char *const net_of[] = {"contribution/", "transfer/", "allotment/",
                                         "expense/",      "allotted/", "surplus/"};
    guard_amounts_t known = {0};
    fen_t all = 0, one = 0;
    int64_t paying = 0;
    const month_t last = month_of(doing->period.last < doing->on ? doing->period.last : doing->on);
    int rc = E_OK;
    for (size_t i = 0; !rc && i < COUNT_OF(net_of); i++) rc = sum_net(doing, net_of[i], &known.balance, err);
    for (int back = 0; !rc && back < 12; back++) {
        rc = spent_in(doing, last - back, &one, err);
        paying += one > 0;
        if (!rc && fen_add(all, one, &all)) rc = err_field(err, E_OUT_OF_RANGE, "amount", "the amounts overflow");
    }
    if (!rc && paying && all > 0) rc = fen_mul_div(all, 1, paying, &known.amount);
    if (!rc) rc = doing_figure(doing, "balance", "", "", known.balance, err);
    if (!rc) rc = doing_figure(doing, "month", "", "", known.amount, err);
    if (known.balance < 0) known.balance = 0; // a deficit covers no month
    return rc ? rc : judge(doing, &known, NULL, err);
}

// ---- by guard

static int free_amount(doing_t *doing, err_t *err) {
    int rc = doing_has_lines(doing) ? doing_given(doing, err) : E_OK;
    if (!rc && doing->kind != TASK_PAPER && !doing->lines.count) return nothing_said(doing, err);
    if (!rc) rc = total_of(doing, &doing->amount, err);
    if (!rc && !doing->lines.count && doing_given_amount(doing)) doing->amount = *doing_given_amount(doing);
    return rc;
}

int doing_amounts(doing_t *doing, err_t *err) {
    doing->holds = true;
    if (doing->kind == TASK_TOLD) return told(doing, err);
    if (doing->kind == TASK_PAYS) return pays(doing, err);
    switch (doing->step->guard) {
    case GUARD_FULL_BALANCE: return whole_balance(doing, err);
    case GUARD_FULL_AMOUNT:
    case GUARD_SHARE: return what_is_due(doing, err);
    case GUARD_ZERO_AFTER: return what_is_left(doing, err);
    case GUARD_WITHIN_BUDGET:
    case GUARD_WITHIN_PLAN: return within(doing, err);
    case GUARD_SUM_OF_COUNTIES: return of_counties(doing, err);
    case GUARD_BOOKS_AGREE: return two_sides(doing, err);
    case GUARD_MONTHS_COVERED: return months(doing, err);
    case GUARD_REVENUE_COVERS:
        return err_set(err, E_UNSUPPORTED, "%s has no budget whose revenue could cover it", doing->flow->name);
    case GUARD_NONE: return free_amount(doing, err);
    case GUARD__COUNT: CHECK(doing->step->guard != GUARD__COUNT);
    }
    return E_OK;
}
