// Kind `contribution`: what is due for a month or a year, line by line.
#include "kind.h"
#include "services/collection/contribution.h"
#include <string.h>

static const field_t fields[] = {
    {"month", FIELD_MONTH, "", "of identities that pay by the month", NULL, NULL, false, NULL},
    {"year", FIELD_YEAR, "", "of identities that pay by the year; a case has one of the two", NULL, NULL, false, NULL},
    {"person", FIELD_OBJECT, NULL, "", NULL, NULL, false, NULL},
    {"person.identity", FIELD_WORD, NULL, "", NULL, identity_names, false, NULL},
    {"person.wage", FIELD_MONEY, "", "a month; required where something due rests on it", NULL, NULL, false, NULL},
    {"person.groups", FIELD_WORDS, "", "in which the person counts", NULL, group_names, false, NULL},
    {"person.birth", FIELD_DATE, "", "required where an age decides who pays", NULL, NULL, false, NULL},
    {"person.division", FIELD_TEXT, "", "required where the rule of a district decides what is paid", NULL, NULL, false,
     NULL},
    {"employer", FIELD_OBJECT, "", "", NULL, NULL, false, NULL},
    {"employer.kind", FIELD_WORD, "enterprise", "", NULL, employer_names, false, NULL},
};

static contribution_person_t person_of(const eval_case_t *c) {
    return (contribution_person_t){
        .identity = (identity_t)case_word(c, "person.identity", identity_from_name),
        .wage = case_money(c, "person.wage"),
        .no_wage = !case_has(c, "person.wage"),
        .groups = case_words(c, "person.groups", group_from_name),
        .birth = case_date(c, "person.birth"),
        .employer_kind = case_text(c, "employer.kind"),
        .division = case_has(c, "person.division") ? case_text(c, "person.division") : NULL,
    };
}

// The facts that the amounts rest on, from what is well formed: a wage or a birth date that is missed is missed
// whatever else is wrong.
static int required_facts(const eval_case_t *c, int identity) {
    month_t month;
    contribution_result_t due;
    const json_t *person = json_object_get(c->node, "person"), *group;
    const char *text = json_string_value(json_object_get(c->node, "month"));
    contribution_person_t asked = {.identity = (identity_t)identity,
                                   .no_wage = !json_object_get(person, "wage"),
                                   .birth = json_object_get(person, "birth") ? date_make(1970, 1, 1) : DATE_NONE,
                                   .division = json_object_get(person, "division") ? "" : NULL};
    size_t i;
    json_array_foreach(json_object_get(person, "groups"), i, group) {
        const int code = json_is_string(group) ? group_from_name(json_string_value(group)) : -1;
        if (code >= 0) asked.groups |= GROUP_BIT(code);
    }
    int rc;
    if (policy_coverage(c->eval->policy)->yearly >> identity & 1)
        rc = contribution_year(c->eval->policy, &asked, (int)json_integer_value(json_object_get(c->node, "year")), &due,
                               c->err);
    else
        rc = text && month_parse(text, &month) == E_OK
                 ? contribution_month(c->eval->policy, &asked, month, &due, c->err)
                 : E_OK;
    return rc == E_MISSING_FIELD ? rc : E_OK;
}

// Who pays by the year names one, the others a month. Presence counts, not form.
static int required(const eval_case_t *c) {
    const int identity = case_word(c, "person.identity", identity_from_name);
    const bool insured = policy_has_identity(c->eval->policy, (identity_t)identity); // else either will do
    const char *asked = insured && policy_coverage(c->eval->policy)->yearly >> identity & 1 ? "year" : "month";
    const bool any = json_object_get(c->node, "month") || json_object_get(c->node, "year");
    if (!any || (insured && !json_object_get(c->node, asked)))
        return case_fail(c, E_MISSING_FIELD, asked, "%s is missing", asked);
    return insured ? required_facts(c, identity) : E_OK;
}

static int ask(const eval_case_t *c, contribution_result_t *due) {
    const contribution_person_t person = person_of(c);
    const bool monthly = case_has(c, "month"), yearly = case_has(c, "year");
    int rc;
    if (yearly)
        rc = contribution_year(c->eval->policy, &person, (int)case_count(c, "year"), due, c->err);
    else
        rc = contribution_month(c->eval->policy, &person, case_month(c, "month"), due, c->err);
    if (monthly && yearly && rc != E_MISSING_FIELD)
        return case_fail(c, E_INVALID_FIELD, "year", "expected a month or a year, not both");
    return rc;
}

static int run(const eval_case_t *c, json_t *answer) {
    contribution_result_t due;
    int rc = ask(c, &due);
    if (rc) return rc;
    json_t *lines = answer_list(answer, "lines");
    for (int i = 0; i < due.line_count; i++) {
        const contribution_line_t *from = &due.lines[i];
        json_t *line = answer_entry(lines);
        answer_text(line, "item", from->item);
        answer_text(line, "payer", payer_name((int)from->payer));
        if (from->computed) {
            answer_money(line, "base", from->base);
            answer_rate(line, "rate", from->rate);
        }
        answer_money(line, "amount", from->amount);
        answer_text(line, "rule", from->rule);
        if (strcmp(from->payer_rule, from->rule) != 0) answer_text(line, "payer_rule", from->payer_rule);
    }
    answer_money(answer, "total", due.total);
    if (due.due_by != DATE_NONE) answer_date(answer, "due_by", due.due_by);
    if (due.no_refund) answer_yes(answer, "refundable", false);
    return E_OK;
}

const eval_kind_t kind_contribution = {
    .name = "contribution",
    .says =
        "What is due for a month or a year. A line that is not `base` × `rate` carries neither. A payer who owes "
        "nothing "
        "has no "
        "line. `due_by` (the last day to pay for a year) and `refundable` stand where the city's law speaks of them.",
    .fields = fields,
    .field_count = COUNT_OF(fields),
    .run = run,
    .required = required,
    .example = "{\"id\":\"c1\",\"month\":\"2017-07\",\"person\":{\"identity\":\"flexible\"}}",
    .answer =
        "{\"id\":\"c1\",\"lines\":[{\"item\":\"tier1\",\"payer\":\"person\",\"base\":\"2906.00\",\"rate\":\"0.035\","
        "\"amount\":"
        "\"101.71\",\"rule\":\"JM-C-28\"},{\"item\":\"tier2\",\"payer\":\"person\",\"base\":\"2906.00\",\"rate\":\"0."
        "045\","
        "\"amount\":\"130.77\",\"rule\":\"JM-C-33\"}],\"total\":\"232.48\"}",
};
