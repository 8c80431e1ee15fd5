#include "certificate.h"
#include "common/policy/statements.h"
#include "fields.h"
#include <string.h>

// The rule that asks for a paper of this group on this day; NULL: none does.
static const statement_t *asked_for(const policy_t *policy, const char *group, date_t from) {
    const statement_t *groups = policy_stated(policy, "certified_groups");
    const statement_t *since = policy_stated(policy, "certified_from");
    if (!statement_names(groups, group)) return NULL;
    return since && since->kind == STATEMENT_DATE && from < since->number ? NULL : groups;
}

// ---- one membership

static bool shortens(const Tc__PersonState *before, const Tc__SetGroup *ask) {
    for (size_t i = 0; i < before->n_groups; i++) {
        const Tc__Membership *have = before->groups[i];
        if (strcmp(have->group, ask->group) == 0 && strcmp(have->from, ask->from) == 0 &&
            strcmp(have->source, ask->source) == 0)
            return true;
    }
    return false;
}

static int check_one_of(const policy_t *policy, const char *field, const char *given, const char *name, err_t *err) {
    const statement_t *words = policy_stated(policy, name);
    char text[STATEMENT_TEXT_MAX];
    if (!words || statement_names(words, given)) return 0;
    return err_field(err, E_INVALID_FIELD, field, "%s: expected one of %s (%s)", field, statement_text(words, text),
                     words->rule);
}

static int check_given(const enrollment_rules_t *rules, const Tc__SetGroup *ask, err_t *err) {
    date_t issued_on;
    int rc = field_text("certificate", ask->certificate, err);
    if (rc == 0) rc = field_text("issuer", ask->issuer, err);
    if (rc == 0) rc = check_one_of(rules->policy, "issuer", ask->issuer, "certificate_issuers", err);
    if (rc == 0) rc = field_text("issuer_level", ask->issuer_level, err);
    if (rc == 0) rc = check_one_of(rules->policy, "issuer_level", ask->issuer_level, "certificate_levels", err);
    return rc ? rc : field_past_date("issued_on", ask->issued_on, rules->today, &issued_on, err);
}

static int check_category(const policy_t *policy, const char *category, err_t *err) {
    const statement_t *by = policy_stated(policy, "groups_defined_by");
    char text[STATEMENT_TEXT_MAX];
    if (!*category) return 0;
    if (policy_stated(policy, "group_categories"))
        return check_one_of(policy, "category", category, "group_categories", err);
    if (!by)
        return err_field(err, E_UNSUPPORTED, "category", "the law of %s knows no categories of a group",
                         policy_city(policy));
    return err_field(err, E_UNSUPPORTED, "category",
                     "category: the definitions of %s are not in the city file: state them as group_categories (%s)",
                     statement_text(by, text), by->rule);
}

int certificate_check(const enrollment_rules_t *rules, const Tc__PersonState *before, const Tc__SetGroup *ask,
                      err_t *err) {
    date_t from;
    char text[STATEMENT_TEXT_MAX];
    int rc = check_category(rules->policy, ask->category, err);
    if (rc || date_parse(ask->from, &from)) return rc; // a day that is none is told by who checks the membership
    const bool given = *ask->certificate || *ask->issuer || *ask->issuer_level || *ask->issued_on;
    const statement_t *rule = asked_for(rules->policy, ask->group, from);
    if (given) return check_given(rules, ask, err);
    if (!rule || shortens(before, ask)) return 0;
    return err_field(err, E_MISSING_FIELD, "certificate",
                     "certificate is missing: %s asks for one of %s, with its issuer_level (%s and above) and issued_on"
                     " (%s, %s)",
                     ask->group, statement_text(policy_stated(rules->policy, "certificate_issuers"), text),
                     policy_stated(rules->policy, "certificate_levels")
                         ? policy_stated(rules->policy, "certificate_levels")->words[0]
                         : "any",
                     rule->rule, policy_rule_source(rules->policy, rule->rule));
}

// ---- a list

static bool is_of(const char *source, const char *issuer) {
    const size_t length = strlen(issuer);
    return strncmp(source, issuer, length) == 0 && (!source[length] || strchr("._:-", source[length]));
}

int certificate_check_list(const policy_t *policy, const char *group, date_t as_of, const char *source, err_t *err) {
    const statement_t *rule = asked_for(policy, group, as_of), *issuers = policy_stated(policy, "certificate_issuers");
    char text[STATEMENT_TEXT_MAX];
    if (!rule || !issuers) return 0;
    for (uint32_t i = 0; i < issuers->word_count; i++)
        if (is_of(source, issuers->words[i])) return 0;
    return err_field(err, E_INVALID_FIELD, "source", "source: a list of %s comes from one of %s (%s, %s)", group,
                     statement_text(issuers, text), rule->rule, policy_rule_source(policy, rule->rule));
}
