// Kind `enrollment`: who must or may join, and as what.
#include "kind.h"
#include "services/enrollment/scope.h"

static const field_t fields[] = {
    {"on", FIELD_DATE, NULL, "day of joining", NULL, NULL, false, NULL},
    {"person", FIELD_OBJECT, NULL, "", NULL, NULL, false, NULL},
    {"person.circumstances", FIELD_WORDS, NULL, "what is known of the person", NULL, circumstance_names, false, NULL},
    {"person.groups", FIELD_WORDS, "", "", NULL, group_names, false, NULL},
    {"person.birth", FIELD_DATE, "", "for newborns", NULL, NULL, true, NULL},
};

static void answer_tiers(json_t *to, uint32_t tiers) {
    json_t *list = answer_list(to, "tiers");
    for (int tier = 0; tier < TIER__COUNT; tier++)
        if (tiers >> tier & 1) json_array_append_new(list, json_string(tier_name((tier_t)tier)));
}

static void answer_choice(json_t *list, const scope_choice_t *choice) {
    json_t *to = answer_entry(list);
    answer_text(to, "class", choice->name);
    answer_text(to, "scheme", insurance_scheme_name(choice->scheme));
    answer_text(to, "identity", identity_name(choice->identity));
    answer_yes(to, "must", choice->must);
    answer_tiers(to, choice->tiers);
    if (choice->tiers_rule) answer_text(to, "tiers_rule", choice->tiers_rule);
    if (choice->place_rule) {
        answer_text(to, "place", place_name(choice->place));
        answer_text(to, "place_rule", choice->place_rule);
    }
    answer_text(to, "rule", choice->rule);
}

static void answer_excluded(json_t *list, const scope_choice_t *choice) {
    json_t *to = answer_entry(list);
    answer_text(to, "class", choice->name);
    answer_text(to, "identity", identity_name(choice->identity));
    answer_text(to, "rule", choice->excluded_by);
}

static void answer_more(json_t *list, const char *key, const scope_more_t *more, int count) {
    for (int i = 0; i < count; i++) {
        json_t *to = answer_entry(list);
        answer_text(to, key, more[i].name);
        answer_text(to, "rule", more[i].rule);
    }
}

static int run(const eval_case_t *c, json_t *answer) {
    const scope_person_t person = {.circumstances = case_words(c, "person.circumstances", circumstance_from_name),
                                   .groups = case_words(c, "person.groups", group_from_name),
                                   .birth = case_date(c, "person.birth")};
    scope_result_t result;
    int rc = scope_decide(c->eval->policy, &person, case_date(c, "on"), &result, c->err);
    if (rc) return rc;
    json_t *choices = answer_list(answer, "choices"), *excluded = answer_list(answer, "excluded");
    for (int i = 0; i < result.choice_count; i++) {
        if (result.choices[i].excluded_by)
            answer_excluded(excluded, &result.choices[i]);
        else
            answer_choice(choices, &result.choices[i]);
    }
    answer_more(answer_list(answer, "mid_year"), "class", result.mid_year, result.mid_year_count);
    answer_more(answer_list(answer, "automatic"), "scheme", result.automatic, result.automatic_count);
    return E_OK;
}

const eval_kind_t kind_enrollment = {
    .name = "enrollment",
    .says =
        "Who must or may join, in which scheme and as what; which of these may join during the year; which insurance "
        "follows "
        "of itself.",
    .fields = fields,
    .field_count = COUNT_OF(fields),
    .run = run,
    .example =
        "{\"id\":\"e1\",\"on\":\"2020-03-01\",\"person\":{\"circumstances\":[\"local_registration\"],\"birth\":null}}",
    .answer =
        "{\"id\":\"e1\",\"choices\":[{\"class\":\"local_residents\",\"scheme\":\"resident\",\"identity\":\"resident\","
        "\"must\":false,\"tiers\":[\"tier1\"],\"tiers_rule\":\"JM-E-14\",\"rule\":\"JM-E-05\"}],\"excluded\":[],"
        "\"mid_year\":[],\"automatic\":[{\"scheme\":\"catastrophic\",\"rule\":\"JM-E-02\"}]}",
};
