// Kind `deficit`: how an old deficit is paid off.
#include "common/policy/tables.h"
#include "kind.h"
#include "services/settlement/deficit.h"
#include <string.h>

static const field_t fields[] = {
    {"deficit", FIELD_MONEY, NULL, "accumulated deficit of the county, audited", NULL, NULL, false, NULL},
    {"contributed", FIELD_MONEY, NULL, "by the county to the adjustment fund over the years", NULL, NULL, false, NULL},
    {"enjoyed", FIELD_MONEY, NULL, "by the county out of it", NULL, NULL, false, NULL},
    {"paid", FIELD_MONEY_MAP, "", "what was paid by year; only years named here are judged", NULL, NULL, false, NULL},
};

// About a year that is none of the schedule's; the message names it.
static int paid_fail(const eval_case_t *c, int code, const char *year, const char *expected) {
    return case_fail(c, code, "paid", "paid.%.40s: expected %s", year, expected);
}

static int read_paid(const eval_case_t *c, const deficit_rules_t *rules, deficit_case_t *to) {
    char expected[64];
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)case_node(c, "paid"), key, value) {
        if (strlen(key) != 4 || strspn(key, "0123456789") != 4)
            return paid_fail(c, E_INVALID_FIELD, key, "a year like 2021");
    }
    json_object_foreach((json_t *)(rules ? case_node(c, "paid") : NULL), key, value) {
        const int place = deficit_year_place(rules, (int)strtol(key, NULL, 10));
        if (place < 0) {
            snprintf(expected, sizeof expected, "a year from %u to %u", rules->years[0].year,
                     rules->years[rules->year_count - 1].year);
            return paid_fail(c, E_OUT_OF_RANGE, key, expected);
        }
        CHECK(fen_parse(json_string_value(value), false, &to->paid[place]) == E_OK);
        to->judged[place] = true;
    }
    return E_OK;
}

// Minimums stand for the years with a share; what the last year owes is what is left.
static void write_years(json_t *answer, const deficit_rules_t *rules, const deficit_case_t *in,
                        const deficit_schedule_t *out) {
    json_t *minimum = answer_object(answer, "minimum"), *shortfall = answer_object(answer, "shortfall");
    for (uint32_t i = 0; i < rules->year_count; i++) {
        char year[8];
        snprintf(year, sizeof year, "%u", rules->years[i].year);
        if (i + 1 < rules->year_count) answer_money(minimum, year, out->minimum[i]);
        if (in->judged[i]) answer_money(shortfall, year, out->shortfall[i]);
    }
}

static void write_steps(json_t *answer, const policy_t *policy, const deficit_schedule_t *out) {
    const deficit_rules_t *rules = policy->deficit;
    json_t *steps = answer_list(answer, "steps");
    answer_step(steps, policy, rules->offset_rule, out->offset);
    answer_step(steps, policy, rules->rule, out->net);
    for (uint32_t i = 0; i < rules->year_count; i++) answer_step(steps, policy, rules->years[i].rule, out->minimum[i]);
    answer_step(steps, policy, rules->due_rule, out->outstanding);
}

static int run(const eval_case_t *c, json_t *answer) {
    const policy_t *policy = c->eval->policy;
    deficit_case_t in = {.deficit = case_money(c, "deficit"),
                         .contributed = case_money(c, "contributed"),
                         .enjoyed = case_money(c, "enjoyed")};
    deficit_schedule_t out;
    int rc = read_paid(c, policy->deficit, &in);
    if (!rc) rc = deficit_schedule(policy, &in, &out, c->err);
    if (rc) return rc;
    answer_money(answer, "offset", out.offset);
    answer_money(answer, "net", out.net);
    write_years(answer, policy->deficit, &in, &out);
    answer_money(answer, "outstanding", out.outstanding);
    answer_date(answer, "due", out.due);
    write_steps(answer, policy, &out);
    return E_OK;
}

const eval_kind_t kind_deficit = {
    .name = "deficit",
    .says = "How the deficit that a county brought into the pool is paid off: first out of its own past contributions "
            "to the "
            "adjustment fund, less what it enjoyed of it; then year by year, at least a share of the net gap, rounded "
            "up to "
            "the fen; the rest in the last year. `shortfall` of the last year is what is left.",
    .fields = fields,
    .field_count = COUNT_OF(fields),
    .run = run,
    .example = "{\"id\":\"d1\",\"deficit\":\"50000000.00\",\"contributed\":\"12345678.90\",\"enjoyed\":\"4000000.00\","
               "\"paid\":{\"2021\":\"12496296.33\"}}",
    .answer = "{\"id\":\"d1\",\"offset\":\"8345678.90\",\"net\":\"41654321.10\",\"minimum\":{\"2021\":\"12496296.33\","
              "\"2022\":\"12496296.33\"},\"shortfall\":{\"2021\":\"0.00\"},\"outstanding\":\"29158024.77\","
              "\"due\":\"2023-12-31\",\"steps\":[…]}",
};
