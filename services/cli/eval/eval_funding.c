// Kind `funding`: does a residents' funding standard pass its tests.
#include "kind.h"
#include "services/collection/funding.h"

static const field_t fields[] = {
    {"year", FIELD_YEAR, NULL, "that the standard is for", NULL, NULL, false, NULL},
    {"personal", FIELD_MONEY, NULL, "a head and year", NULL, NULL, false, NULL},
    {"government", FIELD_MONEY, NULL, "a head and year", NULL, NULL, false, NULL},
};

static int run(const eval_case_t *c, json_t *answer) {
    funding_result_t result;
    int rc = funding_eval(c->eval->policy, (int)case_count(c, "year"), case_money(c, "personal"),
                          case_money(c, "government"), &result, c->err);
    if (rc) return rc;
    answer_money(answer, "floor", result.floor);
    answer_money(answer, "total", result.total);
    answer_yes(answer, "meets_floor", result.meets_floor);
    answer_yes(answer, "meets_ratio", result.meets_ratio);
    json_t *rules = answer_list(answer, "rules");
    json_array_append_new(rules, json_string(result.floor_rule));
    json_array_append_new(rules, json_string(result.ratio_rule));
    return E_OK;
}

const eval_kind_t kind_funding = {
    .name = "funding",
    .says = "Does a residents' funding standard of a year pass its tests? `floor` is rounded up to the fen.",
    .fields = fields,
    .field_count = COUNT_OF(fields),
    .run = run,
    .example = "{\"id\":\"f1\",\"year\":2022,\"personal\":\"520.00\",\"government\":\"1000.00\"}",
    .answer = "{\"id\":\"f1\",\"floor\":\"1521.20\",\"total\":\"1520.00\",\"meets_floor\":false,\"meets_ratio\":true,"
              "\"rules\":["
              "\"ZS-C07\",\"ZS-C08\"]}",
};
