// Kind `account`: what a month credits to the personal account.
#include "kind.h"
#include "services/collection/account.h"
#include <string.h>

static const field_t fields[] = {
    {"month", FIELD_MONTH, NULL, "", NULL, NULL, false, NULL},
    {"person", FIELD_OBJECT, NULL, "", NULL, NULL, false, NULL},
    {"person.identity", FIELD_WORD, NULL, "", NULL, identity_names, false, NULL},
    {"person.birth", FIELD_DATE, "", "required where the age decides; completed years on the 1st of the month", NULL,
     NULL, false, NULL},
    {"person.base", FIELD_MONEY, "", "of contribution, this month; required where the credit rests on it", NULL, NULL,
     false, NULL},
    {"person.reference", FIELD_OBJECT, "", "required where a former standard goes on", NULL, NULL, false, NULL},
    {"person.reference.kind", FIELD_WORD, NULL,
     "what was credited in the last month of the former standard, or at most ever", "none, actual, highest", NULL,
     false, NULL},
    {"person.reference.amount", FIELD_MONEY, "", "required with actual and highest", NULL, NULL, false, NULL},
    {"person.reference.base", FIELD_MONEY, "", "it was credited on; required with actual", NULL, NULL, false, NULL},
    {"person.first_tier2", FIELD_MONTH, "", "first joined a scheme with accounts; none: long ago", NULL, NULL, false,
     NULL},
    {"person.paid", FIELD_YES_NO, "true", "the month has been paid, in time or later", NULL, NULL, false, NULL},
    {"employer", FIELD_OBJECT, "", "of a retiree: the former employer", NULL, NULL, false, NULL},
    {"employer.kind", FIELD_WORD, "enterprise", "", NULL, employer_names, false, NULL},
};

static account_reference_t reference_of(const eval_case_t *c) {
    const char *kind = case_text(c, "person.reference.kind");
    return (account_reference_t){
        .kind = !kind || strcmp(kind, "none") == 0 ? REFERENCE_NONE
                : strcmp(kind, "actual") == 0      ? REFERENCE_ACTUAL
                                                   : REFERENCE_HIGHEST,
        .has_amount = case_has(c, "person.reference.amount"),
        .has_base = case_has(c, "person.reference.base"),
        .amount = case_money(c, "person.reference.amount"),
        .base = case_money(c, "person.reference.base"),
    };
}

// ---- what the credit asks for: by presence alone, and by the words that are known ones

static const char *word_at(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

static date_t day_known(const json_t *person) { // a day of no meaning stands for one that is not well formed
    const char *text = word_at(person, "birth");
    date_t birth;
    if (!json_object_get(person, "birth")) return DATE_NONE;
    return text && date_parse(text, &birth) == E_OK ? birth : date_make(1970, 1, 1);
}

static account_reference_t reference_told(const json_t *reference) {
    const char *kind = word_at(reference, "kind");
    return (account_reference_t){
        .kind = kind && strcmp(kind, "actual") == 0    ? REFERENCE_ACTUAL
                : kind && strcmp(kind, "highest") == 0 ? REFERENCE_HIGHEST
                                                       : REFERENCE_NONE,
        .has_amount = json_object_get(reference, "amount"),
        .has_base = json_object_get(reference, "base"),
    };
}

// A month that is not well formed asks for what the first one under the rules does.
static int required(const eval_case_t *c) {
    const json_t *person = json_object_get(c->node, "person"), *paid = json_object_get(person, "paid");
    const char *who = word_at(person, "identity"), *since = word_at(person, "first_tier2");
    const char *employer = word_at(json_object_get(c->node, "employer"), "kind"), *text = word_at(c->node, "month");
    const int identity = who ? identity_from_name(who) : -1;
    month_t month, joined;
    account_result_t result;
    if (identity < 0) return E_OK;
    const account_person_t asked = {
        .identity = (identity_t)identity,
        .birth = day_known(person),
        .has_base = json_object_get(person, "base"),
        .has_reference = json_object_get(person, "reference"),
        .reference = reference_told(json_object_get(person, "reference")),
        .joined = since && month_parse(since, &joined) == E_OK ? joined : MONTH_NONE,
        .employer_kind = employer && employer_from_name(employer) >= 0 ? employer : NULL,
        .unpaid = json_is_false(paid),
    };
    if (!text || month_parse(text, &month) != E_OK) month = month_of(date_make(1900, 1, 1));
    int rc = account_credit(c->eval->policy, &asked, month, &result, c->err);
    return rc == E_MISSING_FIELD ? rc : E_OK;
}

static int run(const eval_case_t *c, json_t *answer) {
    const account_person_t person = {
        .identity = (identity_t)case_word(c, "person.identity", identity_from_name),
        .birth = case_date(c, "person.birth"),
        .has_base = case_has(c, "person.base"),
        .base = case_money(c, "person.base"),
        .has_reference = case_has(c, "person.reference"),
        .reference = reference_of(c),
        .joined = case_month(c, "person.first_tier2"),
        .employer_kind = case_text(c, "employer.kind"),
        .unpaid = !case_yes(c, "person.paid"),
    };
    account_result_t result;
    int rc = account_credit(c->eval->policy, &person, case_month(c, "month"), &result, c->err);
    if (rc) return rc;
    answer_money(answer, "credit", result.credit);
    json_t *steps = answer_list(answer, "steps");
    for (int i = 0; i < result.step_count; i++)
        answer_step(steps, c->eval->policy, result.steps[i].rule, result.steps[i].amount);
    return E_OK;
}

const eval_kind_t kind_account = {
    .name = "account",
    .says =
        "What a month credits to the personal account. The steps add up to the credit; a step of 0.00 says which rule "
        "decided.",
    .fields = fields,
    .field_count = COUNT_OF(fields),
    .run = run,
    .required = required,
    .example =
        "{\"id\":\"p1\",\"month\":\"2018-03\",\"person\":{\"identity\":\"employee\",\"birth\":\"1975-05-20\",\"base\":"
        "\"5000."
        "00\",\"reference\":{\"kind\":\"none\"}}}",
    .answer = "{\"id\":\"p1\",\"credit\":\"100.00\",\"steps\":[…]}",
};
