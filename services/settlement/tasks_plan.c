// Making tasks: the periods of a span of days, those whose day was not known, and what became late.
#include "common/base/crash.h"
#include "common/base/log.h"
#include "common/policy/tables.h"
#include "tasks.h"
#include <string.h>

enum { ROWS_FIRST = 256, TICK_MS = 60000, TICK_RETRY_MS = 10000 };

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for the fund's tasks"); }

typedef struct plan {
    const settlement_t *settlement;
    arena_t *arena;
    task_row_t *rows;
    size_t count, room;
    bool once; // also what was before the pool
} plan_t;

// For all tasks of one period; what is more than TASKS_MADE_MAX tasks_make() refuses.
static int make_room(plan_t *plan, err_t *err) {
    const uint32_t counties = plan->settlement->policy->divisions.count;
    const size_t wanted = plan->count + (size_t)FLOW_STEPS_MAX * (counties ? counties : 1);
    size_t room = plan->room ? plan->room : ROWS_FIRST;
    while (room < wanted) room *= 2;
    if (room > TASKS_MADE_MAX) room = TASKS_MADE_MAX;
    if (room <= plan->room) return E_OK;
    task_row_t *rows = arena_alloc(plan->arena, room * sizeof *rows);
    if (!rows) return no_memory(err);
    if (plan->count) memcpy(rows, plan->rows, plan->count * sizeof *rows);
    plan->rows = rows;
    plan->room = room;
    return E_OK;
}

static int plan_period(plan_t *plan, const fund_flow_t *flow, const task_period_t *period, err_t *err) {
    bool counts = false;
    err_t why = {0};
    int rc = task_period_counts(plan->settlement->policy, plan->settlement->calendar, flow, period, &counts, &why);
    if (rc == E_PARAMETER_MISSING) return E_OK; // whether it is a working day will be known when the calendar is
    if (rc || !counts) {
        if (rc && err) *err = why;
        return rc;
    }
    rc = make_room(plan, err);
    return rc ? rc
              : tasks_make(plan->settlement, flow, period, NULL, plan->arena, plan->rows, plan->room, &plan->count,
                           err);
}

static int plan_flow(plan_t *plan, const fund_flow_t *flow, date_t from, date_t to, err_t *err) {
    task_period_t period;
    int rc = E_OK;
    if (flow->every == EVERY_CASE || (flow->every == EVERY_ONCE && !plan->once)) return E_OK;
    task_period_at(flow->every, from, &period);
    if (flow->every == EVERY_ONCE) return plan_period(plan, flow, &period, err);
    while (!rc && period.first <= to) {
        rc = plan_period(plan, flow, &period, err);
        task_period_at(flow->every, period.last + 1, &period);
    }
    return rc;
}

static int make_all(const settlement_t *settlement, date_t from, date_t to, bool once, arena_t *arena, int64_t *made,
                    err_t *err) {
    const fund_rules_t *rules;
    plan_t plan = {.settlement = settlement, .arena = arena, .once = once};
    int rc = tasks_rules(settlement, &rules, err);
    if (rc) return rc;
    for (uint32_t i = 0; !rc && i < rules->flow_count; i++) rc = plan_flow(&plan, &rules->flows[i], from, to, err);
    return rc ? rc : task_insert(settlement->ctx->store, plan.rows, plan.count, arena, made, err);
}

// ---- days that were not known

static int date_again(settlement_t *settlement, const task_row_t *row, arena_t *arena, int64_t *dated, err_t *err) {
    const fund_flow_t *flow = fund_flow_named(settlement->policy->fund, row->flow);
    const int place = flow ? tasks_step_place(flow, row->step) : -1;
    task_period_t period;
    step_days_t days[FLOW_STEPS_MAX];
    task_row_t to = *row;
    if (place < 0) return E_OK;
    int rc = tasks_period(settlement, flow, row->period, arena, &period, NULL, err);
    if (!rc) rc = task_days(settlement->policy, settlement->calendar, flow, &period, days, err);
    if (!rc) rc = tasks_days_text(&days[place], &to, arena, err);
    if (rc || (strcmp(to.latest_on, row->latest_on) == 0 && strcmp(to.missing, row->missing) == 0)) return rc;
    ++*dated;
    return task_update(settlement->ctx->store, &to, err);
}

static int date_all(settlement_t *settlement, arena_t *arena, int64_t *dated, err_t *err) {
    task_row_t *rows;
    size_t count;
    int rc = task_undated(settlement->ctx->store, TASK_ROWS_MAX, arena, &rows, &count, err);
    for (size_t i = 0; !rc && i < count; i++) rc = date_again(settlement, &rows[i], arena, dated, err);
    return rc;
}

// ---- lateness

static int mark_late(settlement_t *settlement, date_t on, arena_t *arena, int64_t *late, err_t *err) {
    char day[DATE_TEXT_MAX];
    task_row_t *rows;
    size_t count;
    int rc = task_overdue(settlement->ctx->store, date_format(on, day), TASKS_LATE_MAX, arena, &rows, &count, err);
    for (size_t i = 0; !rc && i < count; i++) {
        rows[i].state = task_state_name(TASK_LATE);
        rc = task_update(settlement->ctx->store, &rows[i], err);
        const task_told_t told = {"task_late", 0, NULL, on, "its latest day is over"};
        if (!rc) rc = tasks_tell(settlement, &rows[i], &told, arena, err);
    }
    if (!rc) *late = (int64_t)count;
    return rc;
}

static metric_t *late_metric(void) {
    return metric_counter("settlement_tasks_late_total", "", "Tasks of the fund that became late");
}

// ---- the method and the tick

int tasks_plan(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
               err_t *err) {
    settlement_t *settlement = self;
    const Tc__PlanTasks *ask = (const Tc__PlanTasks *)message;
    arena_t *arena = settlement->ctx->arena;
    const date_t today = date_of_ms(clock_now_ms());
    date_t from, to;
    (void)request;
    if (date_parse(ask->from, &from)) return err_field(err, E_INVALID_FIELD, "from", "a day was expected");
    if (date_parse(ask->to, &to)) return err_field(err, E_INVALID_FIELD, "to", "a day was expected");
    if (to < from || to - from > TASKS_SPAN_DAYS)
        return err_field(err, E_OUT_OF_RANGE, "to", "at most %d days, from the earlier to the later one",
                         TASKS_SPAN_DAYS);
    Tc__PlannedTasks *planned = arena_alloc(arena, sizeof *planned);
    if (!planned) return no_memory(err);
    tc__planned_tasks__init(planned);
    int rc = make_all(settlement, from, to, true, arena, &planned->made, err);
    if (!rc) rc = date_all(settlement, arena, &planned->dated, err);
    if (!rc) rc = mark_late(settlement, to < today ? to : today, arena, &planned->late, err);
    if (!rc) metric_add(late_metric(), planned->late);
    *reply = &planned->base;
    return rc;
}

static int tick_once(settlement_t *settlement, date_t today, int64_t *late, err_t *err) {
    arena_t *arena = settlement->ctx->arena;
    int64_t made = 0, dated = 0;
    int rc = store_begin(settlement->ctx->store, err);
    if (rc) return rc;
    rc = make_all(settlement, month_first(month_of(today)), today + TASKS_AHEAD_DAYS, false, arena, &made, err);
    if (!rc) rc = date_all(settlement, arena, &dated, err);
    if (!rc) rc = mark_late(settlement, today, arena, late, err);
    CRASH_POINT("tasks_tick_before_commit");
    if (rc)
        store_rollback(settlement->ctx->store);
    else
        rc = store_commit(settlement->ctx->store, err);
    CRASH_POINT("tasks_tick_after_commit");
    if (rc)
        writer_rolled_back(settlement->writer);
    else
        stream_committed(settlement->ctx->stream);
    if (!rc && (made || *late)) log_info("fund_tasks", "made=%lld late=%lld", (long long)made, (long long)*late);
    return rc;
}

void tasks_tick(settlement_t *settlement, int64_t now_ms) {
    const date_t today = date_of_ms(now_ms);
    int64_t late = 0;
    err_t err = {0};
    if (!settlement->policy || !settlement->policy->fund) return;
    if (now_ms < settlement->tasks.next_ms || (today == settlement->tasks.day && !settlement->tasks.more)) return;
    arena_reset(settlement->ctx->arena);
    int rc = tick_once(settlement, today, &late, &err);
    arena_reset(settlement->ctx->arena);
    settlement->tasks.next_ms = now_ms + (rc ? TICK_RETRY_MS : TICK_MS);
    if (rc) {
        log_warn("fund_tasks_wait", "code=%s why=%s", err_name(rc), log_value(err.text));
        return;
    }
    metric_add(late_metric(), late);
    settlement->tasks.day = today;
    settlement->tasks.more = late == TASKS_LATE_MAX;
}
