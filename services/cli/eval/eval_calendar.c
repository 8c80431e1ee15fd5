// Kind `calendar`: the days of a year's months on which the fund's money moves.
#include "common/policy/tables.h"
#include "kind.h"
#include "services/settlement/cash_cycle.h"

static const field_t fields[] = {
    {"year", FIELD_YEAR, NULL, "the year of the twelve months", NULL, NULL, false, NULL},
};

static void add_date(json_t *list, date_t date) {
    char text[DATE_TEXT_MAX];
    json_array_append_new(list, json_string(date_format(date, text)));
}

static void write_month(json_t *to, const cash_month_t *days) {
    answer_month(to, "month", days->month);
    json_t *remit = answer_list(to, "remit");
    for (uint32_t i = 0; i < days->remit_count; i++) add_date(remit, days->remit[i]);
    answer_date(to, "sweep", days->sweep);
    answer_date(to, "plan_due", days->plan_due);
    answer_date(to, "city_plan_due", days->city_plan_due);
    answer_date(to, "city_plan_latest", days->city_plan_latest);
    answer_date(to, "finance_pays_by", days->finance_pays_by);
    answer_date(to, "city_pays_by", days->city_pays_by);
}

static int run(const eval_case_t *c, json_t *answer) {
    const policy_t *policy = c->eval->policy;
    const month_t first = month_make((int)case_count(c, "year"), 1);
    json_t *months = answer_list(answer, "months");
    for (month_t month = first; month < first + 12; month++) {
        cash_month_t days;
        int rc = cash_cycle_month(policy, c->eval->calendar, month, &days, c->err);
        if (rc) return rc;
        write_month(answer_entry(months), &days);
    }
    json_t *rules = answer_object(answer, "rules");
    for (cycle_point_t point = 0; point < CYCLE__COUNT; point++)
        answer_text(rules, cycle_point_name(point), policy->cash_cycle->rules[point]);
    return E_OK;
}

const eval_kind_t kind_calendar = {
    .name = "calendar",
    .says =
        "The days of a year's months on which the fund's money moves: when counties remit, when the city's account is "
        "swept, when plans are due and until when they are paid. Every `…pays_by` counts from `city_plan_due`; "
        "`city_plan_latest` is the day on which the city's plan is late at last. `rules` names the rule of each.",
    .fields = fields,
    .field_count = COUNT_OF(fields),
    .run = run,
    .example = "{\"id\":\"k1\",\"year\":2020}",
    .answer = "{\"id\":\"k1\",\"months\":[{\"month\":\"2020-01\",\"remit\":[\"2020-01-22\",\"2020-01-23\"],"
              "\"sweep\":\"2020-01-23\",\"plan_due\":\"2020-01-23\",\"city_plan_due\":\"2020-02-05\","
              "\"city_plan_latest\":\"2020-02-05\",\"finance_pays_by\":\"2020-02-12\",\"city_pays_by\":\"2020-02-19\"},"
              "…],\"rules\":{\"remit\":\"ZZ-F33\",…}}",
};
