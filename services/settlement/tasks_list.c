// Showing tasks, settling them without being done, opening cases, stating what is due.
#include "common/policy/tables.h"
#include "counties.h"
#include "deficit.h"
#include "surplus.h"
#include "tasks.h"
#include <stdio.h>
#include <string.h>

enum { LIST_DEFAULT = 500, REMARK_MAX = 500 };

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for the answer"); }

// ---- list

typedef struct seen { // the rows of the flow and period asked about last: a list comes in runs of them
    const char *flow, *period;
    task_view_t *views;
    size_t count;
} seen_t;

static int see(settlement_t *settlement, const fund_flow_t *flow, const task_row_t *row, seen_t *seen, err_t *err) {
    arena_t *arena = settlement->ctx->arena;
    task_row_t *rows;
    if (seen->flow && strcmp(seen->flow, row->flow) == 0 && strcmp(seen->period, row->period) == 0) return E_OK;
    int rc = task_of_period(settlement->ctx->store, row->flow, row->period, arena, &rows, &seen->count, err);
    if (!rc) rc = tasks_views(flow, rows, seen->count, arena, &seen->views, err);
    seen->flow = row->flow, seen->period = row->period;
    return rc;
}

static int list_row(settlement_t *settlement, const fund_rules_t *rules, const task_row_t *row, date_t on, seen_t *seen,
                    Tc__FundTasks *to, err_t *err) {
    const fund_flow_t *flow = fund_flow_named(rules, row->flow);
    const int place = flow ? tasks_step_place(flow, row->step) : -1, state = task_state_from_name(row->state);
    const fund_step_t *step = place < 0 ? NULL : &flow->steps[place];
    err_t why = {0};
    step_days_t days;
    tasks_days_parse(row, &days);
    if (step && state >= 0 && !task_state_settled((task_state_t)state)) {
        int rc = see(settlement, flow, row, seen, err);
        if (rc) return rc;
        rc = task_may(rules, flow, (uint32_t)place, row->county, &days, on, seen->views, seen->count, &why);
        if (rc && !why.code) return rc;
    }
    to->tasks[to->n_tasks] = tasks_message(rules, flow, step, row, on, &why, settlement->ctx->arena);
    return to->tasks[to->n_tasks++] ? E_OK : no_memory(err);
}

static bool by_actor(const fund_rules_t *rules, const task_row_t *row, const char *actor) {
    const fund_flow_t *flow = fund_flow_named(rules, row->flow);
    const int place = flow ? tasks_step_place(flow, row->step) : -1;
    if (!*actor) return true;
    if (place < 0) return false;
    const fund_actor_t *by = &rules->actors[flow->steps[place].actor];
    return strcmp(by->name, actor) == 0 || strcmp(by->name_zh, actor) == 0;
}

int tasks_list(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
               err_t *err) {
    settlement_t *settlement = self;
    const Tc__ListTasks *ask = (const Tc__ListTasks *)message;
    arena_t *arena = settlement->ctx->arena;
    const int64_t limit = ask->limit ? ask->limit : LIST_DEFAULT;
    const bool all = strcmp(ask->state, "all") == 0;
    const task_filter_t filter = {
        ask->flow,  ask->period, ask->step, ask->county, all ? "" : *ask->state ? ask->state : "unsettled",
        ask->after, (int)limit};
    const fund_rules_t *rules;
    task_row_t *rows;
    seen_t seen = {0};
    size_t count = 0;
    date_t on;
    (void)request;
    if (limit < 1 || limit > TASKS_LIST_MAX)
        return err_field(err, E_OUT_OF_RANGE, "limit", "1 to %d were expected", TASKS_LIST_MAX);
    if (*ask->state && !all && task_state_from_name(ask->state) < 0)
        return err_field(err, E_INVALID_FIELD, "state", "open, late, done, explained, void or all was expected");
    int rc = tasks_rules(settlement, &rules, err);
    if (!rc) rc = tasks_day("on", ask->on, &on, err);
    if (!rc) rc = task_select(settlement->ctx->store, &filter, arena, &rows, &count, err);
    Tc__FundTasks *tasks = rc ? NULL : arena_alloc(arena, sizeof *tasks);
    char day[DATE_TEXT_MAX];
    if (rc) return rc;
    if (!tasks) return no_memory(err);
    tc__fund_tasks__init(tasks);
    tasks->on = arena_text(arena, "%s", date_format(on, day));
    tasks->tasks = arena_alloc(arena, (count + 1) * sizeof *tasks->tasks);
    if (!tasks->tasks || !tasks->on) return no_memory(err);
    for (size_t i = 0; !rc && i < count; i++)
        if (by_actor(rules, &rows[i], ask->actor) && !counties_check(settlement, rows[i].county, NULL))
            rc = list_row(settlement, rules, &rows[i], on, &seen, tasks, err);
    if (!rc && count == (size_t)limit) tasks->next = (char *)task_position(&rows[count - 1], arena);
    if (!rc && !tasks->next) return no_memory(err);
    *reply = &tasks->base;
    return rc;
}

// ---- settle

static int find_own(settlement_t *settlement, const Tc__SettleTask *ask, const fund_flow_t *flow, uint32_t place,
                    task_row_t *out, err_t *err) {
    const task_filter_t filter = {flow->name, ask->period, flow->steps[place].name, ask->county, "", "", 2};
    task_row_t *rows;
    size_t count;
    int rc = task_select(settlement->ctx->store, &filter, settlement->ctx->arena, &rows, &count, err);
    if (rc) return rc;
    if (count > 1)
        return err_field(err, E_INVALID_FIELD, "period", "several tasks are meant: say the period and county");
    if (!count) return err_field(err, E_NOT_FOUND, "step", "there is no such task; `tongchou fund plan` makes them");
    *out = rows[0];
    return E_OK;
}

int tasks_settle(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                 err_t *err) {
    settlement_t *settlement = self;
    const Tc__SettleTask *ask = (const Tc__SettleTask *)message;
    arena_t *arena = settlement->ctx->arena;
    const date_t today = date_of_ms(clock_now_ms());
    const int to = task_state_from_name(ask->state);
    const fund_rules_t *rules;
    const fund_flow_t *flow;
    uint32_t place;
    task_row_t row;
    if (to != TASK_EXPLAINED && to != TASK_VOID)
        return err_field(err, E_INVALID_FIELD, "state", "explained or void was expected");
    if (!*ask->text || strlen(ask->text) > REMARK_MAX)
        return err_field(err, E_MISSING_FIELD, "text", "a reason of 1 to %d bytes was expected", REMARK_MAX);
    int rc = tasks_rules(settlement, &rules, err);
    if (!rc) rc = tasks_step(rules, ask->flow, ask->step, &flow, &place, err);
    if (!rc) rc = find_own(settlement, ask, flow, place, &row, err);
    if (!rc) rc = counties_check(settlement, row.county, err);
    if (rc) return rc;
    const int from = task_state_from_name(row.state);
    if (from < 0 || !task_state_may((task_state_t)from, (task_state_t)to))
        return err_field(err, E_EXISTS, "state", "the task is %s and cannot become %s", row.state, ask->state);
    row.state = task_state_name((task_state_t)to), row.remark = ask->text;
    row.doer = request && request->header.caller ? request->header.caller : "";
    rc = task_update(settlement->ctx->store, &row, err);
    const task_told_t told = {to == TASK_VOID ? "task_void" : "task_explained", 0, NULL, today, ask->text};
    if (!rc) rc = tasks_tell(settlement, &row, &told, arena, err);
    if (rc) return rc;
    Tc__FundTask *task = tasks_message(rules, flow, &flow->steps[place], &row, today, NULL, arena);
    *reply = task ? &task->base : NULL;
    return task ? E_OK : no_memory(err);
}

// ---- cases

static int check_case(settlement_t *settlement, const fund_rules_t *rules, const Tc__OpenCase *ask,
                      const fund_flow_t *flow, err_t *err) {
    bool county = false;
    if (flow->every != EVERY_CASE)
        return err_field(err, E_INVALID_FIELD, "flow", "%s goes by the %s and has no cases", flow->name,
                         every_name(flow->every));
    for (uint32_t i = 0; i < flow->step_count; i++) county |= task_by_county(rules, &flow->steps[i]);
    if (county && !*ask->county)
        return err_field(err, E_MISSING_FIELD, "county", "a case of %s has a county", flow->name);
    if (!*ask->text || strlen(ask->text) > REMARK_MAX)
        return err_field(err, E_MISSING_FIELD, "text", "a reason of 1 to %d bytes was expected", REMARK_MAX);
    if (ask->amount_fen < 0) return err_field(err, E_OUT_OF_RANGE, "amount", "an amount is not below 0");
    if (*ask->fund && tasks_fund(rules, ask->fund, err)) return E_NOT_FOUND;
    int rc = tasks_county(settlement, ask->county, err);
    return rc ? rc : counties_check(settlement, ask->county, err);
}

static int make_case(settlement_t *settlement, const fund_flow_t *flow, const case_row_t *row, date_t on,
                     Tc__FundCase *to, err_t *err) {
    arena_t *arena = settlement->ctx->arena;
    task_row_t rows[FLOW_STEPS_MAX];
    task_period_t period = {.first = on, .last = on};
    size_t count = 0;
    snprintf(period.text, sizeof period.text, "%s", row->number);
    int rc = case_insert(settlement->ctx->store, row, arena, err);
    if (!rc) rc = tasks_make(settlement, flow, &period, row->county, arena, rows, COUNT_OF(rows), &count, err);
    return rc ? rc : task_insert(settlement->ctx->store, rows, count, arena, &to->tasks, err);
}

int tasks_open_case(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                    err_t *err) {
    settlement_t *settlement = self;
    const Tc__OpenCase *ask = (const Tc__OpenCase *)message;
    arena_t *arena = settlement->ctx->arena;
    const fund_rules_t *rules;
    int64_t cases = 0;
    char day[DATE_TEXT_MAX];
    date_t on;
    (void)request;
    int rc = tasks_rules(settlement, &rules, err);
    const fund_flow_t *flow = rc ? NULL : fund_flow_named(rules, ask->flow);
    if (!rc && !flow) rc = err_field(err, E_NOT_FOUND, "flow", "there is no flow %.40s", ask->flow);
    if (!rc) rc = check_case(settlement, rules, ask, flow, err);
    if (!rc) rc = tasks_day("on", ask->on, &on, err);
    if (!rc) rc = case_count(settlement->ctx->store, arena, &cases, err);
    Tc__FundCase *opened = rc ? NULL : arena_alloc(arena, sizeof *opened);
    if (rc) return rc;
    if (!opened) return no_memory(err);
    tc__fund_case__init(opened);
    opened->number = arena_text(arena, "C%lld", (long long)cases + 1);
    opened->opened_on = arena_text(arena, "%s", date_format(on, day));
    if (!opened->number || !opened->opened_on) return no_memory(err);
    opened->flow = ask->flow, opened->county = ask->county, opened->fund = ask->fund;
    opened->amount_fen = ask->amount_fen, opened->text = ask->text;
    const case_row_t row = {opened->number, ask->flow,         ask->county,    ask->fund,
                            ask->text,      opened->opened_on, ask->amount_fen};
    *reply = &opened->base;
    return make_case(settlement, flow, &row, on, opened, err);
}

// ---- what is due

// By the city's sections, the instalments of an old deficit or surplus.
static int add_instalment(Tc__FundDue *to, date_t due, fen_t amount, arena_t *arena) {
    char day[DATE_TEXT_MAX];
    Tc__FundDue__Instalment *one = arena_alloc(arena, sizeof *one);
    if (!one) return E_IO;
    tc__fund_due__instalment__init(one);
    one->due = arena_text(arena, "%s", date_format(due, day));
    one->amount_fen = amount;
    to->instalments[to->n_instalments++] = one;
    return one->due ? E_OK : E_IO;
}

static int deficit_due(const policy_t *policy, const Tc__StateDue *ask, Tc__FundDue *to, arena_t *arena, err_t *err) {
    const deficit_case_t deficit = {
        .deficit = ask->amount_fen, .contributed = ask->contributed_fen, .enjoyed = ask->enjoyed_fen};
    deficit_schedule_t schedule;
    int rc = deficit_schedule(policy, &deficit, &schedule, err);
    if (rc) return rc;
    to->amount_fen = schedule.net, to->offset_fen = schedule.offset;
    for (uint32_t i = 0; !rc && i < policy->deficit->year_count; i++)
        rc = add_instalment(to, date_make(policy->deficit->years[i].year, 12, 31), schedule.minimum[i], arena);
    return rc ? no_memory(err) : E_OK;
}

static int surplus_due(const policy_t *policy, const Tc__StateDue *ask, Tc__FundDue *to, arena_t *arena, err_t *err) {
    surplus_schedule_t schedule;
    int rc = surplus_schedule(policy, ask->amount_fen, NULL, &schedule, err);
    for (uint32_t i = 0; !rc && i < schedule.count; i++)
        rc = add_instalment(to, policy->surplus->instalments[i].due, schedule.amount[i], arena) ? no_memory(err) : E_OK;
    return rc;
}

// Does the flow hand over what counties held themselves, or does county finance pay for what is missing?
static bool out_of_special(const fund_rules_t *rules, const fund_flow_t *flow) {
    for (uint32_t i = 0; i < flow->step_count; i++)
        if (flow->steps[i].from_account >= 0 && rules->accounts[flow->steps[i].from_account].kind == ACCOUNT_SPECIAL)
            return true;
    return false;
}

static int work_out(const settlement_t *settlement, const fund_flow_t *flow, const Tc__StateDue *ask, Tc__FundDue *to,
                    err_t *err) {
    const policy_t *policy = settlement->policy;
    arena_t *arena = settlement->ctx->arena;
    const bool deducts = ask->contributed_fen || ask->enjoyed_fen, once = flow->every == EVERY_ONCE && !*ask->step;
    to->instalments = arena_alloc(arena, (DEFICIT_YEARS_MAX + INSTALMENTS_MAX) * sizeof *to->instalments);
    if (!to->instalments) return no_memory(err);
    if (once && policy->surplus && out_of_special(policy->fund, flow) && !deducts)
        return surplus_due(policy, ask, to, arena, err);
    if (once && policy->deficit && !out_of_special(policy->fund, flow)) return deficit_due(policy, ask, to, arena, err);
    if (deducts)
        return err_field(err, E_UNSUPPORTED, "contributed", "the city sets nothing off against %s", flow->name);
    return E_OK;
}

static int check_due(settlement_t *settlement, const Tc__StateDue *ask, const fund_flow_t **flow, task_period_t *period,
                     err_t *err) {
    const fund_rules_t *rules;
    int rc = tasks_rules(settlement, &rules, err);
    if (rc) return rc;
    *flow = fund_flow_named(rules, ask->flow);
    if (!*flow) return err_field(err, E_NOT_FOUND, "flow", "there is no flow %.40s", ask->flow);
    if (*ask->step && tasks_step_place(*flow, ask->step) < 0)
        return err_field(err, E_NOT_FOUND, "step", "%s has no step %.40s", ask->flow, ask->step);
    if (ask->amount_fen < 0 || ask->contributed_fen < 0 || ask->enjoyed_fen < 0)
        return err_field(err, E_OUT_OF_RANGE, "amount", "an amount is not below 0");
    rc = tasks_fund(rules, ask->fund, err);
    if (!rc) rc = tasks_county(settlement, ask->county, err);
    if (!rc) rc = counties_check(settlement, ask->county, err);
    const char *text = *ask->period || (*flow)->every != EVERY_ONCE ? ask->period : "once";
    return rc ? rc : tasks_period(settlement, *flow, text, settlement->ctx->arena, period, NULL, err);
}

int tasks_state_due(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                    err_t *err) {
    settlement_t *settlement = self;
    const Tc__StateDue *ask = (const Tc__StateDue *)message;
    arena_t *arena = settlement->ctx->arena;
    const fund_flow_t *flow = NULL;
    task_period_t period;
    (void)request;
    int rc = check_due(settlement, ask, &flow, &period, err);
    Tc__FundDue *due = rc ? NULL : arena_alloc(arena, sizeof *due);
    if (rc) return rc;
    if (!due) return no_memory(err);
    tc__fund_due__init(due);
    due->flow = ask->flow, due->step = ask->step, due->county = ask->county, due->fund = ask->fund;
    due->period = arena_text(arena, "%s", period.text);
    due->amount_fen = ask->amount_fen, due->paper = ask->paper;
    if (!due->period) return no_memory(err);
    rc = work_out(settlement, flow, ask, due, err);
    const due_row_t row = {due->flow, due->step,  due->period,     due->county,
                           due->fund, due->paper, due->amount_fen, due->offset_fen};
    *reply = &due->base;
    return rc ? rc : due_put(settlement->ctx->store, &row, arena, err);
}
