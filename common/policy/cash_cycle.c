// Section `cash_cycle`, from the file and from the message.
#include "cash_cycle.h"
#include "month_day_io.h"

const char *cycle_point_name(cycle_point_t point) {
    static const char *const names[CYCLE__COUNT] = {
#define X(code, name) [code] = name,
        CYCLE_POINT_TABLE(X)
#undef X
    };
    return point < CYCLE__COUNT ? names[point] : "";
}

// A part of the section with its rule, whose number goes to the place of `point`.
static const yaml_node_t *part_of(loader_t *l, const yaml_node_t *section, const char *key, const char *const *keys,
                                  cycle_point_t point, Tc__PolicyCashCycle *to) {
    const yaml_node_t *part = need(l, section, key);
    only(l, part, keys);
    uint32_t rule = rule_of(l, part);
    if (!l->rc) to->rules[point] = rule;
    return part;
}

static uint32_t workdays_of(loader_t *l, const yaml_node_t *section, const char *key, cycle_point_t point,
                            Tc__PolicyCashCycle *to) {
    static const char *const keys[] = {"workdays", "rule", NULL};
    const yaml_node_t *part = part_of(l, section, key, keys, point, to);
    return (uint32_t)number_of(l, need(l, part, "workdays"), 1, WORKDAYS_AFTER_MAX);
}

static void load_plans(loader_t *l, const yaml_node_t *section, Tc__PolicyCashCycle *to) {
    static const char *const keys[] = {MONTH_DAY_KEYS, "rule", NULL};
    static const char *const city_keys[] = {MONTH_DAY_KEYS, "next_workday_at_the_latest", "rule", NULL};
    to->plan = month_day_of(l, part_of(l, section, "plan", keys, CYCLE_PLAN, to));
    const yaml_node_t *part = part_of(l, section, "city_plan", city_keys, CYCLE_CITY_PLAN, to);
    to->city_plan = month_day_of(l, part);
    const yaml_node_t *latest = may(l, part, "next_workday_at_the_latest");
    if (latest) to->city_plan_next_workday = truth_of(l, latest);
    if (!l->rc && to->city_plan->shift == SHIFT_NONE)
        fail(l, part, "shift is missing: working days are counted from this day, so it must be one");
}

int load_cash_cycle(loader_t *l) {
    static const char *const keys[] = {"rule",      "from",         "remit",     "sweep", "plan",
                                       "city_plan", "finance_pays", "city_pays", NULL};
    static const char *const remit_keys[] = {"last_workdays", "rule", NULL}, *const sweep_keys[] = {"rule", NULL};
    const yaml_node_t *section = section_of(l, "cash_cycle");
    if (!section) return l->rc;
    Tc__PolicyCashCycle *to = take(l, 1, sizeof *to);
    if (!to) return l->rc;
    *to = (Tc__PolicyCashCycle)TC__POLICY_CASH_CYCLE__INIT;
    to->rules = take(l, CYCLE__COUNT, sizeof *to->rules);
    if (!to->rules) return l->rc;
    to->n_rules = CYCLE__COUNT;
    only(l, section, keys);
    to->rule = rule_of(l, section);
    to->from = date_of(l, need(l, section, "from"));
    const yaml_node_t *remit = part_of(l, section, "remit", remit_keys, CYCLE_REMIT, to);
    to->remit_workdays = (uint32_t)number_of(l, need(l, remit, "last_workdays"), 1, REMIT_DAYS_MAX);
    part_of(l, section, "sweep", sweep_keys, CYCLE_SWEEP, to);
    load_plans(l, section, to);
    to->finance_workdays = workdays_of(l, section, "finance_pays", CYCLE_FINANCE_PAYS, to);
    to->city_workdays = workdays_of(l, section, "city_pays", CYCLE_CITY_PAYS, to);
    l->rule = NULL;
    l->out->cash_cycle = to;
    return l->rc;
}

int unpack_cash_cycle(const unpacker_t *r) {
    const Tc__PolicyCashCycle *from = r->message->cash_cycle;
    r->policy->cash_cycle = NULL;
    if (!from) return E_OK;
    if (from->n_rules != CYCLE__COUNT || !policy_day_sane(from->from) || from->remit_workdays < 1 ||
        from->remit_workdays > REMIT_DAYS_MAX || from->finance_workdays < 1 ||
        from->finance_workdays > WORKDAYS_AFTER_MAX || from->city_workdays < 1 ||
        from->city_workdays > WORKDAYS_AFTER_MAX)
        return unpack_bad(r, "cash_cycle");
    cash_cycle_rules_t *to = unpack_take(r, 1, sizeof *to);
    if (!to) return unpack_no_memory(r);
    *to = (cash_cycle_rules_t){.from = from->from,
                               .remit_workdays = (uint8_t)from->remit_workdays,
                               .city_plan_next_workday = from->city_plan_next_workday,
                               .finance_workdays = (uint8_t)from->finance_workdays,
                               .city_workdays = (uint8_t)from->city_workdays};
    int rc = unpack_rule(r, from->rule, &to->rule);
    for (int i = 0; i < CYCLE__COUNT && !rc; i++) rc = unpack_rule(r, from->rules[i], &to->rules[i]);
    if (!rc) rc = unpack_month_day(r, from->plan, &to->plan);
    if (!rc) rc = unpack_month_day(r, from->city_plan, &to->city_plan);
    if (!rc && to->city_plan.shift == SHIFT_NONE) rc = unpack_bad(r, "cash_cycle");
    if (!rc) r->policy->cash_cycle = to;
    return rc;
}
