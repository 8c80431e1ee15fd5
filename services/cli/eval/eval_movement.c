// Kind `movement`: may money move between two accounts; the steps of a flow with their days; is a step's condition
// met; and, asked for nothing, the funds, accounts and flows that there are.
#include "common/policy/tables.h"
#include "kind.h"
#include "services/settlement/fund_rules.h"

enum { PARTS_MAX = 1000 };

static const field_t fields[] = {
    {"from", FIELD_TEXT, "", "account that money leaves", NULL, NULL, false, NULL},
    {"to", FIELD_TEXT, "", "account that it enters", NULL, NULL, false, NULL},
    {"fund", FIELD_TEXT, "", "fund whose money it is", NULL, NULL, true, NULL},
    {"to_fund", FIELD_TEXT, "", "fund that it would belong to; without it the same", NULL, NULL, true, NULL},
    {"on", FIELD_DATE, "", "on which day; without it on any", NULL, NULL, true, NULL},
    {"flow", FIELD_TEXT, "", "a flow, instead of accounts", NULL, NULL, false, NULL},
    {"month", FIELD_MONTH, "", "for which the days of its steps are told", NULL, NULL, true, NULL},
    {"step", FIELD_TEXT, "", "a step of the flow, whose condition is judged by `amounts`", NULL, NULL, false, NULL},
    {"amounts", FIELD_OBJECT, "", "what is known of the step", NULL, NULL, false, NULL},
    {"amounts.amount", FIELD_MONEY, "0.00", "what moves, is planned, or goes out in an average month", NULL, NULL,
     false, NULL},
    {"amounts.balance", FIELD_MONEY, "0.00", "of the account or fund", NULL, NULL, false, NULL},
    {"amounts.due", FIELD_MONEY, "0.00", "what the law asks for in all", NULL, NULL, false, NULL},
    {"amounts.approved", FIELD_MONEY, "0.00", "budget line or plan", NULL, NULL, false, NULL},
    {"amounts.released", FIELD_MONEY, "0.00", "of the budget line so far", NULL, NULL, false, NULL},
    {"amounts.revenue", FIELD_MONEY, "0.00", "planned", NULL, NULL, false, NULL},
    {"amounts.parts", FIELD_MONEY_MAP, "", "what must add up to `amount`, by name", NULL, NULL, false, NULL},
};

// ---- may money move?

static int name_place(const eval_case_t *c, const char *field, int (*find)(const fund_rules_t *, const char *),
                      int *place) {
    const char *name = case_text(c, field);
    *place = -1;
    if (!name || !c->eval->policy->fund) return E_OK;
    *place = find(c->eval->policy->fund, name);
    return *place >= 0 ? E_OK : case_fail(c, E_INVALID_FIELD, field, "%s: the city has no %.40s", field, name);
}

static void write_rule(const eval_case_t *c, json_t *to, const char *rule) {
    answer_text(to, "rule", rule);
    answer_text(to, "source", policy_rule_source(c->eval->policy, rule));
    answer_text(to, "text", policy_rule_text_zh(c->eval->policy, rule));
    answer_text(to, "text_en", policy_rule_text(c->eval->policy, rule));
}

static void answer_day(json_t *to, const char *key, date_t date) {
    answer_date(to, key, date == DATE_MAX ? DATE_NONE : date);
}

static int run_movement(const eval_case_t *c, json_t *answer) {
    int from, to, fund, to_fund;
    int rc = name_place(c, "from", fund_account_named, &from);
    if (!rc) rc = name_place(c, "to", fund_account_named, &to);
    if (!rc) rc = name_place(c, "fund", fund_named, &fund);
    if (!rc) rc = name_place(c, "to_fund", fund_named, &to_fund);
    if (rc) return rc;
    fund_verdict_t verdict;
    if (to_fund < 0) to_fund = fund;
    rc = fund_movement(c->eval->policy, fund, from, to_fund, to, case_date(c, "on"), &verdict, c->err);
    if (rc) return rc;
    answer_yes(answer, "allowed", verdict.allowed);
    write_rule(c, answer, verdict.rule);
    answer_day(answer, "since", verdict.from);
    answer_day(answer, "until", verdict.to);
    return E_OK;
}

// ---- flows

static const char *account_name(const fund_rules_t *rules, int place) {
    return place < 0 ? NULL : rules->accounts[place].name;
}

static void write_step(const eval_case_t *c, const fund_step_t *step, const step_days_t *days, json_t *to) {
    const fund_rules_t *rules = c->eval->policy->fund;
    answer_text(to, "step", step->name);
    write_rule(c, to, step->rule);
    answer_text(to, "by", rules->actors[step->actor].name);
    answer_text(to, "from", account_name(rules, step->from_account));
    answer_text(to, "to", account_name(rules, step->to_account));
    answer_text(to, "sends", *step->document ? step->document : NULL);
    answer_text(to, "receiver", step->receiver < 0 ? NULL : rules->actors[step->receiver].name);
    answer_text(to, "guard", guard_name(step->guard));
    if (!days) return;
    answer_date(to, "first", days->first);
    answer_date(to, "due", days->last);
    answer_date(to, "latest", days->latest);
    if (days->missing) answer_text(to, "parameter", days->missing);
}

static int run_flow(const eval_case_t *c, const fund_flow_t *flow, json_t *answer) {
    step_days_t days[FLOW_STEPS_MAX];
    const bool dated = case_has(c, "month") || flow->every == EVERY_ONCE;
    // A single flow has days of its own: any month of its time will do.
    const month_t month = case_has(c, "month") ? case_month(c, "month") : month_make(2020, 1);
    int rc = dated ? fund_flow_days(c->eval->policy, c->eval->calendar, flow, month, days, c->err) : E_OK;
    if (rc) return rc;
    answer_text(answer, "flow", flow->name);
    answer_text(answer, "name", flow->name_zh);
    answer_text(answer, "rule", flow->rule);
    answer_text(answer, "every", every_name(flow->every));
    json_t *steps = answer_list(answer, "steps");
    for (uint32_t i = 0; i < flow->step_count; i++)
        write_step(c, &flow->steps[i], dated ? &days[i] : NULL, answer_entry(steps));
    return E_OK;
}

static int read_amounts(const eval_case_t *c, fen_t *parts, guard_amounts_t *to) {
    const char *key;
    json_t *value;
    *to = (guard_amounts_t){.amount = case_money(c, "amounts.amount"),
                            .balance = case_money(c, "amounts.balance"),
                            .due = case_money(c, "amounts.due"),
                            .approved = case_money(c, "amounts.approved"),
                            .released = case_money(c, "amounts.released"),
                            .revenue = case_money(c, "amounts.revenue"),
                            .parts = parts,
                            .on = case_has(c, "on") ? case_date(c, "on") : date_make(2199, 12, 31)};
    const json_t *map = case_node(c, "amounts.parts");
    if (json_object_size(map) > PARTS_MAX)
        return case_fail(c, E_OUT_OF_RANGE, "amounts.parts", "more than %d parts", PARTS_MAX);
    json_object_foreach((json_t *)map, key, value)
        CHECK(fen_parse(json_string_value(value), false, &parts[to->part_count++]) == E_OK);
    return E_OK;
}

static int run_guard(const eval_case_t *c, const fund_step_t *step, json_t *answer) {
    fen_t parts[PARTS_MAX];
    guard_amounts_t amounts;
    bool holds = false;
    int rc = read_amounts(c, parts, &amounts);
    if (!rc) rc = fund_guard(step, &amounts, &holds, c->err);
    if (rc) return rc;
    answer_text(answer, "step", step->name);
    answer_text(answer, "guard", guard_name(step->guard));
    answer_yes(answer, "holds", holds);
    write_rule(c, answer, step->rule);
    return E_OK;
}

// ---- everything

static void write_accounts(const fund_rules_t *rules, json_t *answer) {
    json_t *list = answer_list(answer, "accounts");
    for (uint32_t i = 0; i < rules->account_count; i++) {
        const fund_account_t *account = &rules->accounts[i];
        json_t *to = answer_entry(list);
        answer_text(to, "account", account->name);
        answer_text(to, "name", account->name_zh);
        answer_text(to, "kind", account_kind_name(account->kind));
        answer_text(to, "holder", holder_name(account->holder));
        answer_text(to, "rule", account->rule);
    }
}

static void write_funds(const fund_rules_t *rules, json_t *answer) {
    json_t *list = answer_list(answer, "funds");
    for (uint32_t i = 0; i < rules->fund_count; i++) {
        json_t *to = answer_entry(list);
        answer_text(to, "fund", rules->funds[i].name);
        answer_text(to, "name", rules->funds[i].name_zh);
        answer_yes(to, "apart", rules->funds[i].apart);
        answer_text(to, "rule", rules->funds[i].rule);
    }
}

static int run_overview(const eval_case_t *c, json_t *answer) {
    const fund_rules_t *rules = c->eval->policy->fund;
    answer_text(answer, "rule", rules->rule);
    answer_date(answer, "since", rules->from);
    write_funds(rules, answer);
    json_t *keys = answer_object(answer, "ledgers_by");
    for (ledger_key_t key = 0; key < LEDGER_KEY__COUNT; key++)
        if (rules->ledgers_by >> key & 1) answer_text(keys, ledger_key_name(key), rules->ledger_rules[key]);
    write_accounts(rules, answer);
    json_t *flows = answer_list(answer, "flows");
    for (uint32_t i = 0; i < rules->flow_count; i++) json_array_append_new(flows, json_string(rules->flows[i].name));
    return E_OK;
}

// ----

static const char *const of_accounts[] = {"from", "to", "fund", "to_fund"};

static bool asks_for_movement(const eval_case_t *c) {
    bool asks = case_has(c, "on");
    for (size_t i = 0; i < COUNT_OF(of_accounts); i++) asks |= case_has(c, of_accounts[i]);
    return asks && !case_has(c, "flow");
}

// A field that another one cannot do without.
static int required(const eval_case_t *c) {
    static const char *const needs[][2] = {{"step", "flow"}, {"amounts", "step"}, {"step", "amounts"}};
    for (size_t i = 0; i < COUNT_OF(needs); i++)
        if (case_has(c, needs[i][0]) && !case_has(c, needs[i][1]))
            return case_fail(c, E_MISSING_FIELD, needs[i][1], "%s is missing", needs[i][1]);
    for (size_t i = 0; i < 2 && asks_for_movement(c); i++)
        if (!case_has(c, of_accounts[i]))
            return case_fail(c, E_MISSING_FIELD, of_accounts[i], "%s is missing", of_accounts[i]);
    return E_OK;
}

static int check_question(const eval_case_t *c) {
    const bool flow = case_has(c, "flow");
    for (size_t i = 0; i < COUNT_OF(of_accounts); i++)
        if (flow && case_has(c, of_accounts[i]))
            return case_fail(c, E_INVALID_FIELD, of_accounts[i], "%s: a flow is asked for", of_accounts[i]);
    if (case_has(c, "month") && (!flow || case_has(c, "step")))
        return case_fail(c, E_INVALID_FIELD, "month", "month: belongs to a whole flow");
    return E_OK;
}

static int run_flow_or_step(const eval_case_t *c, json_t *answer) {
    const char *flow_name = case_text(c, "flow"), *step_name = case_text(c, "step");
    const fund_flow_t *flow = fund_flow_named(c->eval->policy->fund, flow_name);
    if (!flow) return case_fail(c, E_INVALID_FIELD, "flow", "flow: the city has no %.40s", flow_name);
    if (!step_name) return run_flow(c, flow, answer);
    const fund_step_t *step = fund_step_named(flow, step_name);
    if (!step) return case_fail(c, E_INVALID_FIELD, "step", "step: %s has no %.40s", flow->name, step_name);
    return run_guard(c, step, answer);
}

static int run(const eval_case_t *c, json_t *answer) {
    int rc = check_question(c);
    if (rc) return rc;
    if (asks_for_movement(c)) return run_movement(c, answer);
    if (!c->eval->policy->fund)
        return err_set(c->err, E_UNSUPPORTED, "%s has no rules for the fund's accounts", policy_city(c->eval->policy));
    return case_has(c, "flow") ? run_flow_or_step(c, answer) : run_overview(c, answer);
}

const eval_kind_t kind_movement = {
    .name = "movement",
    .says =
        "May money move between two accounts, under which rule or against which one. With `flow`: the steps of a flow, "
        "who takes them, between which accounts, under which condition and, with `month`, by which day (`parameter` "
        "names what the city has not published). With `step` and `amounts`: is the step's condition met. Without "
        "anything: the funds, accounts and flows that the city has.",
    .fields = fields,
    .field_count = COUNT_OF(fields),
    .run = run,
    .required = required,
    .example = "{\"id\":\"m1\",\"from\":\"income_county\",\"to\":\"income_city\",\"fund\":\"EMP_POOL\"}",
    .answer =
        "{\"id\":\"m1\",\"allowed\":true,\"rule\":\"ZZ-F08\",\"source\":\"IV(4)1\",\"text\":\"…\",\"text_en\":\"…\","
        "\"since\":\"2020-01-01\",\"until\":null}",
};
