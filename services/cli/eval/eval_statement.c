// Kind `statement`: what the law states under a name.
#include "kind.h"
#include "common/policy/statements.h"

static const field_t fields[] = {
    {"name", FIELD_TEXT, NULL, "a name of the city's section `statements`", NULL, NULL, false, NULL},
};

static json_t *value_of(const statement_t *s) {
    char day[DATE_TEXT_MAX];
    switch (s->kind) {
    case STATEMENT_YES_NO: return json_boolean(s->number);
    case STATEMENT_NUMBER: return json_integer(s->number);
    case STATEMENT_DATE: return json_string(date_format((date_t)s->number, day));
    case STATEMENT_WORD: return json_string(s->words[0]);
    default: break;
    }
    json_t *words = json_array();
    for (uint32_t i = 0; i < s->word_count; i++) json_array_append_new(words, json_string(s->words[i]));
    return words;
}

static int run(const eval_case_t *c, json_t *answer) {
    const policy_t *policy = c->eval->policy;
    const statement_t *statement;
    int rc = policy_statement(policy, case_text(c, "name"), &statement, c->err);
    if (rc) return rc;
    answer_text(answer, "name", statement->name);
    json_object_set_new(answer, "value", value_of(statement));
    answer_text(answer, "rule", statement->rule);
    answer_text(answer, "source", policy_rule_source(policy, statement->rule));
    answer_text(answer, "text", policy_rule_text_zh(policy, statement->rule));
    answer_text(answer, "text_en", policy_rule_text(policy, statement->rule));
    return E_OK;
}

const eval_kind_t kind_statement = {
    .name = "statement",
    .says = "What the law states under a name: true or false, a number, a date, a word or a "
            "list of words. A name that the city "
            "does not state is `UNSUPPORTED`.",
    .fields = fields,
    .field_count = COUNT_OF(fields),
    .run = run,
    .example = "{\"id\":\"t1\",\"name\":\"any_office_handles\"}",
    .answer = "{\"id\":\"t1\",\"name\":\"any_office_handles\",\"value\":true,\"rule\":\"ZZ-S06\","
              "\"source\":\"IV(5)\",\"text\":\"…\","
              "\"text_en\":\"…\"}",
};
