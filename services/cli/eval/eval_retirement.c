// Kind `retirement`: the contribution years that lifelong benefit asks for, and what a shortfall costs.
#include "kind.h"
#include "services/collection/retirement.h"
#include <string.h>

enum { HISTORY_MAX = 64 };

static const field_t fields[] = {
    {"on", FIELD_DATE, NULL, "the day of the formality", NULL, NULL, false, NULL},
    {"person", FIELD_OBJECT, NULL, "", NULL, NULL, false, NULL},
    {"person.sex", FIELD_WORD, "", "required where it decides", NULL, sex_names, false, NULL},
    {"person.first_tier2", FIELD_MONTH, "", "first joined the scheme; required where that decides", NULL, NULL, false,
     NULL},
    {"person.pension", FIELD_YES_NO, "false", "never joined, but has a right to the city's pension", NULL, NULL, false,
     NULL},
    {"person.months", FIELD_COUNT, "", "of contribution in all; a case has these, `actual_months` or `history`", NULL,
     NULL, false, NULL},
    {"person.actual_months", FIELD_COUNT, "", "really paid; required where the law asks for them apart", NULL, NULL,
     false, NULL},
    {"person.deemed_months", FIELD_COUNT, "0", "that count as paid", NULL, NULL, false, NULL},
    {"person.history", FIELD_LIST, "", "what the months consist of", NULL, NULL, false, NULL},
    {"person.history[].kind", FIELD_TEXT, NULL, "a name under `retirement.periods` of the city file", NULL, NULL, false,
     NULL},
    {"person.history[].months", FIELD_COUNT, NULL, "", NULL, NULL, false, NULL},
    {"person.transferred", FIELD_YES_NO, "false", "moved in from another city", NULL, NULL, false, NULL},
    {"person.local_months", FIELD_COUNT, "", "of all, those in this city; required of who moved in", NULL, NULL, false,
     NULL},
    {"person.lifelong_since", FIELD_DATE, "", "had lifelong benefit under former rules from this day on", NULL, NULL,
     false, NULL},
    {"person.relation", FIELD_WORD, "open",
     "the person makes up what is missing; refuses to; or was out of the scheme for it before", "open, refused, ended",
     NULL, false, NULL},
};

// By presence alone: the values have not been looked at yet.
static const char *absent_of(const eval_case_t *c) {
    const int asks = retirement_asks(c->eval->policy);
    const json_t *person = json_object_get(c->node, "person");
    if (!json_is_object(person)) return NULL;
    const bool actual = json_object_get(person, "actual_months");
    if (asks & RETIREMENT_ASKS_SEX && !json_object_get(person, "sex")) return "person.sex";
    if (asks & RETIREMENT_ASKS_JOINED && !json_object_get(person, "first_tier2") && !json_object_get(person, "pension"))
        return "person.first_tier2";
    if (asks & RETIREMENT_ASKS_ACTUAL && !actual) return "person.actual_months";
    if (!actual && !json_object_get(person, "months") && !json_object_get(person, "history")) return "person.months";
    const bool moved = json_is_true(json_object_get(person, "transferred"));
    return asks & RETIREMENT_ASKS_LOCAL && moved && !json_object_get(person, "local_months") ? "person.local_months"
                                                                                             : NULL;
}

static int required(const eval_case_t *c) {
    const char *absent = absent_of(c);
    return absent ? case_fail(c, E_MISSING_FIELD, absent, "%s is missing", absent) : E_OK;
}

static retirement_person_t person_of(const eval_case_t *c) {
    const char *relation = case_text(c, "person.relation");
    return (retirement_person_t){
        .sex = case_word(c, "person.sex", sex_from_name),
        .has_months = case_has(c, "person.months"),
        .has_actual = case_has(c, "person.actual_months"),
        .has_local = case_has(c, "person.local_months"),
        .months = case_count(c, "person.months"),
        .actual_months = case_count(c, "person.actual_months"),
        .deemed_months = case_count(c, "person.deemed_months"),
        .joined = case_month(c, "person.first_tier2"),
        .pension = case_yes(c, "person.pension"),
        .transferred = case_yes(c, "person.transferred"),
        .local_months = case_count(c, "person.local_months"),
        .lifelong_since = case_date(c, "person.lifelong_since"),
        .relation = strcmp(relation, "open") == 0      ? RELATION_OPEN
                    : strcmp(relation, "refused") == 0 ? RELATION_REFUSED
                                                       : RELATION_ENDED,
    };
}

static void answer_with(const eval_case_t *c, const retirement_result_t *r, json_t *answer) {
    answer_count(answer, "required", r->required);
    answer_count(answer, "missing", r->missing);
    answer_money(answer, "monthly", r->monthly);
    answer_money(answer, "lump_sum", r->lump_sum);
    answer_yes(answer, "exempt", r->exempt);
    if (r->has_local) answer_count(answer, "local_missing", r->local_missing);
    if (r->tells_relation) answer_text(answer, "relation", r->ended ? "ended" : "kept");
    json_t *steps = answer_list(answer, "steps");
    for (int i = 0; i < r->step_count; i++) answer_step(steps, c->eval->policy, r->steps[i].rule, r->steps[i].amount);
}

static int run(const eval_case_t *c, json_t *answer) {
    retirement_person_t person = person_of(c);
    retirement_time_t history[HISTORY_MAX];
    retirement_result_t result;
    const size_t count = case_size(c, "person.history");
    if (count > HISTORY_MAX) return case_fail(c, E_OUT_OF_RANGE, "person.history", "at most %d entries", HISTORY_MAX);
    for (size_t i = 0; i < count; i++) {
        const eval_case_t item = case_item(c, "person.history", i);
        history[i] = (retirement_time_t){case_text(&item, "kind"), case_count(&item, "months")};
    }
    if (case_has(c, "person.history")) person.time = history;
    person.time_count = count;
    int rc = retirement_eval(c->eval->policy, &person, case_date(c, "on"), &result, c->err);
    if (!rc) answer_with(c, &result, answer);
    return rc;
}

const eval_kind_t kind_retirement = {
    .name = "retirement",
    .says = "The contribution years that lifelong benefit asks for, and what a shortfall costs. `monthly` is the price "
            "of one "
            "month "
            "on that day, whatever is missing. `local_missing` stands where the law asks for months in the city of who "
            "moved "
            "in, "
            "`relation` where it says what becomes of who does not make up.",
    .fields = fields,
    .field_count = COUNT_OF(fields),
    .run = run,
    .example = "{\"id\":\"r1\",\"on\":\"2020-03-15\",\"person\":{\"sex\":\"male\",\"actual_months\":114,\"deemed_"
               "months\":150}}",
    .answer = "{\"id\":\"r1\",\"required\":300,\"missing\":36,\"monthly\":\"230.45\",\"lump_sum\":\"8296.20\","
              "\"exempt\":false,"
              "\"relation\":\"kept\",\"steps\":[…]}",
    .required = required,
};
