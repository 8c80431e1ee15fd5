// What the methods of the fund's calendar share: names to flows, days and counties; rows to messages.
#include "tasks.h"
#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/policy/tables.h"
#include <stdio.h>
#include <string.h>

enum { REFERENCE_MAX = 64 };

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for the fund's tasks"); }

int tasks_rules(const settlement_t *settlement, const fund_rules_t **out, err_t *err) {
    *out = settlement->policy ? settlement->policy->fund : NULL;
    return *out ? E_OK : err_set(err, E_UNSUPPORTED, "no city with a section `fund` is configured");
}

int tasks_day(const char *field, const char *text, date_t *out, err_t *err) {
    const date_t today = date_of_ms(clock_now_ms());
    *out = today;
    if (!*text) return E_OK;
    if (date_parse(text, out))
        return err_field(err, E_INVALID_FIELD, field, "%s: a day like 2020-03-31 was expected", field);
    return E_OK;
}

int tasks_county(const settlement_t *settlement, const char *county, err_t *err) {
    if (!*county || policy_has_division(settlement->policy, county)) return E_OK;
    return err_field(err, E_NOT_FOUND, "county", "%.20s is no county of %s", county, policy_city(settlement->policy));
}

int tasks_fund(const fund_rules_t *rules, const char *fund, err_t *err) {
    if (fund_named(rules, fund) >= 0) return E_OK;
    return err_field(err, E_NOT_FOUND, "fund", "there is no fund %.40s", *fund ? fund : "\"\"");
}

// ---- days

static const char *day_text(date_t day, arena_t *arena) {
    char text[DATE_TEXT_MAX];
    return arena_text(arena, "%s", date_format(day, text));
}

int tasks_days_text(const step_days_t *days, task_row_t *row, arena_t *arena, err_t *err) {
    row->first_on = day_text(days->first, arena);
    row->due_on = day_text(days->last, arena);
    row->latest_on = day_text(days->latest, arena);
    row->missing = days->missing ? days->missing : "";
    return row->first_on && row->due_on && row->latest_on ? E_OK : no_memory(err);
}

static date_t day_or_none(const char *text) {
    date_t day;
    return date_parse(text, &day) ? DATE_NONE : day;
}

void tasks_days_parse(const task_row_t *row, step_days_t *out) {
    *out = (step_days_t){day_or_none(row->first_on), day_or_none(row->due_on), day_or_none(row->latest_on),
                         *row->missing ? row->missing : NULL};
}

// ---- names

int tasks_step_place(const fund_flow_t *flow, const char *step) {
    for (uint32_t i = 0; i < flow->step_count; i++)
        if (strcmp(flow->steps[i].name, step) == 0) return (int)i;
    return -1;
}

int tasks_step(const fund_rules_t *rules, const char *flow, const char *step, const fund_flow_t **out, uint32_t *place,
               err_t *err) {
    *out = NULL;
    for (uint32_t i = 0; i < rules->flow_count; i++) {
        const int at = tasks_step_place(&rules->flows[i], step);
        if (at < 0 || (*flow && strcmp(rules->flows[i].name, flow) != 0)) continue;
        if (*out)
            return err_field(err, E_INVALID_FIELD, "flow", "%s and %s both have a step %s: say which", (*out)->name,
                             rules->flows[i].name, step);
        *out = &rules->flows[i];
        *place = (uint32_t)at;
    }
    if (*out) return E_OK;
    return err_field(err, E_NOT_FOUND, "step", "no flow %.32s has a step %.32s", flow, *step ? step : "\"\"");
}

int tasks_period(const settlement_t *settlement, const fund_flow_t *flow, const char *text, arena_t *arena,
                 task_period_t *out, case_row_t *opened, err_t *err) {
    case_row_t found;
    bool there = false;
    if (flow->every != EVERY_CASE) return task_period_parse(flow->every, text, out, err);
    int rc = case_find(settlement->ctx->store, text, arena, &found, &there, err);
    if (rc) return rc;
    if (!there || strcmp(found.flow, flow->name) != 0)
        return err_field(err, E_NOT_FOUND, "period", "there is no case %.40s of %s", *text ? text : "\"\"", flow->name);
    *out = (task_period_t){.first = day_or_none(found.opened_on), .last = day_or_none(found.opened_on)};
    snprintf(out->text, sizeof out->text, "%s", text);
    if (opened) *opened = found;
    return E_OK;
}

int tasks_views(const fund_flow_t *flow, const task_row_t *rows, size_t count, arena_t *arena, task_view_t **out,
                err_t *err) {
    task_view_t *views = arena_alloc(arena, (count + 1) * sizeof *views);
    if (!views) return no_memory(err);
    for (size_t i = 0; i < count; i++) {
        const int place = tasks_step_place(flow, rows[i].step), state = task_state_from_name(rows[i].state);
        // A step that the law does not have any more holds up nothing.
        views[i] = (task_view_t){(uint8_t)(place < 0 ? FLOW_STEPS_MAX : place), rows[i].county,
                                 state < 0 ? TASK_OPEN : (task_state_t)state};
    }
    *out = views;
    return E_OK;
}

// ---- messages

static int64_t late_days(const task_row_t *row, date_t on) {
    step_days_t days;
    const int state = task_state_from_name(row->state);
    tasks_days_parse(row, &days);
    if (state == TASK_DONE) return task_late_days(&days, day_or_none(row->done_on));
    return state == TASK_OPEN || state == TASK_LATE ? task_late_days(&days, on) : 0;
}

Tc__FundTask *tasks_message(const fund_rules_t *rules, const fund_flow_t *flow, const fund_step_t *step,
                            const task_row_t *row, date_t on, const err_t *why, arena_t *arena) {
    Tc__FundTask *task = arena_alloc(arena, sizeof *task);
    char what[TASK_WHAT_MAX];
    if (!task) return NULL;
    tc__fund_task__init(task);
    task->flow = (char *)row->flow, task->period = (char *)row->period, task->step = (char *)row->step;
    task->county = (char *)row->county, task->state = (char *)row->state;
    task->first = (char *)row->first_on, task->due = (char *)row->due_on, task->latest = (char *)row->latest_on;
    task->missing = (char *)row->missing, task->amount_fen = row->amount, task->done_on = (char *)row->done_on;
    task->by = (char *)row->doer, task->paper = (char *)row->paper, task->text = (char *)row->remark;
    task->late_days = late_days(row, on);
    if (!flow || !step) return task; // the law has changed since
    task->actor = (char *)rules->actors[step->actor].name_zh;
    task->what = arena_text(arena, "%s", task_what(rules, step, what));
    task->guard = (char *)guard_name(step->guard);
    task->rule = (char *)step->rule;
    task->ready = !why || !why->code;
    if (why && why->code) task->why = arena_text(arena, "%s", why->text);
    return task->what && task->why ? task : NULL;
}

// ---- rows of a period

static int make_row(const fund_flow_t *flow, const task_period_t *period, uint32_t place, const char *county,
                    const step_days_t *days, arena_t *arena, task_row_t *row, err_t *err) {
    *row = (task_row_t){.flow = flow->name,
                        .period = arena_text(arena, "%s", period->text),
                        .step = flow->steps[place].name,
                        .county = county,
                        .state = task_state_name(TASK_OPEN),
                        .done_on = "",
                        .doer = "",
                        .paper = "",
                        .remark = ""};
    return row->period ? tasks_days_text(&days[place], row, arena, err) : no_memory(err);
}

int tasks_make(const settlement_t *settlement, const fund_flow_t *flow, const task_period_t *period, const char *county,
               arena_t *arena, task_row_t *rows, size_t room, size_t *count, err_t *err) {
    const policy_t *policy = settlement->policy;
    step_days_t days[FLOW_STEPS_MAX];
    int rc = task_days(policy, settlement->calendar, flow, period, days, err);
    for (uint32_t s = 0; !rc && s < flow->step_count; s++) {
        const bool split = !county && task_by_county(policy->fund, &flow->steps[s]) && policy->divisions.count;
        const uint32_t times = split ? policy->divisions.count : 1;
        if (*count + times > room) return err_set(err, E_TOO_LARGE, "more than %zu tasks at once", room);
        for (uint32_t i = 0; !rc && i < times; i++) {
            const char *of = split ? policy->divisions.items[i].name : county ? county : "";
            rc = make_row(flow, period, s, of, days, arena, &rows[(*count)++], err);
        }
    }
    return rc;
}

// ---- the journal

const char *tasks_reference(const task_row_t *row, int64_t turn, arena_t *arena) {
    uint8_t digest[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    const char *plain =
        arena_text(arena, "%s.%s.%s%s%s", row->flow, row->step, row->period, *row->county ? "." : "", row->county);
    if (plain && turn > 1) plain = arena_text(arena, "%s.%lld", plain, (long long)turn);
    if (!plain || strlen(plain) <= REFERENCE_MAX) return plain;
    sha256(plain, strlen(plain), digest);
    hex_encode(digest, SHA256_BYTES, hex);
    return arena_text(arena, "%.30s.%.32s", plain, hex); // long names: what it is begins with, and a digest
}
