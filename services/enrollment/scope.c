// Classes that fit, less those that belong to a scheme which is only for people outside another one.
#include "services/enrollment/scope.h"
#include "common/policy/enrollment.h"
#include "common/policy/tables.h"
#include <stdio.h>

_Static_assert((int)SCOPE_CHOICES_MAX >= (int)SCOPE_CLASSES_MAX && (int)SCOPE_MORE_MAX >= (int)SCOPE_AUTOMATIC_MAX,
               "a result holds all classes of a city");

static bool fits(const scope_class_t *c, const scope_person_t *p, date_t on) {
    if ((p->circumstances & c->all) != c->all || (p->circumstances & c->none)) return false;
    if (c->any && !(p->circumstances & c->any)) return false;
    if (c->groups && !(p->groups & c->groups)) return false;
    return !c->born_within_days || (p->birth != DATE_NONE && on - p->birth <= c->born_within_days);
}

static const scope_tiers_t *tiers_of(const enrollment_rules_t *rules, identity_t identity) {
    for (uint32_t i = 0; i < rules->tiers_count; i++)
        if (rules->tiers[i].identities >> identity & 1) return &rules->tiers[i];
    return NULL;
}

static void add_choice(const enrollment_rules_t *rules, const scope_class_t *c, scope_result_t *out) {
    const scope_tiers_t *tiers = tiers_of(rules, c->identity);
    out->choices[out->choice_count++] = (scope_choice_t){.name = c->name,
                                                         .rule = c->rule,
                                                         .scheme = c->scheme,
                                                         .identity = c->identity,
                                                         .must = c->must,
                                                         .tiers = tiers ? tiers->tiers : 0,
                                                         .tiers_rule = tiers ? tiers->rule : NULL,
                                                         .place = c->place,
                                                         .place_rule = c->place_rule};
}

// Inside a scheme: a member of it, or bound to become one.
static bool inside(const scope_person_t *p, insurance_scheme_t scheme, const scope_result_t *found) {
    const uint32_t member =
        scheme == SCHEME_EMPLOYEE ? 1u << CIRCUMSTANCE_IN_EMPLOYEE_SCHEME : 1u << CIRCUMSTANCE_IN_RESIDENT_SCHEME;
    if (p->circumstances & member) return true;
    for (int i = 0; i < found->choice_count; i++)
        if (found->choices[i].scheme == scheme && found->choices[i].must) return true;
    return false;
}

static void exclude(const enrollment_rules_t *rules, const scope_person_t *p, scope_result_t *out) {
    for (uint32_t i = 0; i < rules->exclusion_count; i++) {
        const scope_exclusion_t *e = &rules->exclusions[i];
        if (!inside(p, e->outside, out)) continue;
        for (int k = 0; k < out->choice_count; k++)
            if (out->choices[k].scheme == e->scheme) out->choices[k].excluded_by = e->rule;
    }
}

static uint32_t open_identities(const scope_result_t *found) {
    uint32_t bits = 0;
    for (int i = 0; i < found->choice_count; i++)
        if (!found->choices[i].excluded_by) bits |= 1u << found->choices[i].identity;
    return bits;
}

static void add_more(const enrollment_rules_t *rules, const scope_person_t *p, date_t on, scope_result_t *out) {
    const uint32_t open = open_identities(out);
    for (uint32_t i = 0; i < rules->mid_year_count; i++) {
        const scope_class_t *c = &rules->mid_year[i];
        if ((open >> c->identity & 1) && fits(c, p, on))
            out->mid_year[out->mid_year_count++] = (scope_more_t){c->name, c->rule};
    }
    for (uint32_t i = 0; i < rules->automatic_count; i++) {
        const scope_automatic_t *a = &rules->automatic[i];
        if (a->identities && !(a->identities & open)) continue;
        if (a->groups && !(a->groups & p->groups)) continue;
        out->automatic[out->automatic_count++] = (scope_more_t){a->scheme, a->rule};
    }
}

int scope_decide(const policy_t *policy, const scope_person_t *person, date_t on, scope_result_t *out, err_t *err) {
    const enrollment_rules_t *rules = policy->enrollment;
    if (person->birth != DATE_NONE && person->birth > on)
        return err_field(err, E_OUT_OF_RANGE, "person.birth", "person.birth is after the day of joining");
    if (!rules) return err_set(err, E_UNSUPPORTED, "%s has no rules for enrollment", policy->city);
    if (on < rules->from)
        return err_set(err, E_NOT_IN_FORCE, "%s has no rules for enrollment on that day", policy->city);
    if (rules->missing)
        return err_field(err, E_PARAMETER_MISSING, "enrollment_scope", "%s has not published who joins", policy->city);
    *out = (scope_result_t){0};
    for (uint32_t i = 0; i < rules->class_count; i++)
        if (fits(&rules->classes[i], person, on)) add_choice(rules, &rules->classes[i], out);
    exclude(rules, person, out);
    add_more(rules, person, on, out);
    return E_OK;
}

// "JM-E-05, JM-E-06", the rules of the classes that have an identity; `*first` is the first of them, NULL when there is
// none.
static void rules_of(const scope_class_t *classes, uint32_t count, identity_t identity, char *text, size_t room,
                     const char **first) {
    size_t used = 0;
    *first = NULL;
    *text = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (classes[i].identity != identity) continue;
        if (used < room)
            used += (size_t)snprintf(text + used, room - used, "%s%s", *first ? ", " : "", classes[i].rule);
        if (!*first) *first = classes[i].rule;
    }
}

static int none_fits(const policy_t *policy, const scope_class_t *classes, uint32_t count, identity_t identity,
                     const char *field, err_t *err) {
    char rules[128];
    const char *first;
    rules_of(classes, count, identity, rules, sizeof rules, &first);
    if (!first)
        return err_field(err, E_UNSUPPORTED, field, "%s does not say who joins as %s", policy->city,
                         identity_name(identity));
    return err_field(err, E_INVALID_FIELD, field, "nothing that is known of this person fulfils %s: %s", rules,
                     policy_rule_text(policy, first));
}

int scope_admit(const policy_t *policy, const scope_person_t *person, identity_t identity, date_t on,
                scope_choice_t *out, err_t *err) {
    scope_result_t result;
    const scope_choice_t *found = NULL, *excluded = NULL;
    int rc = scope_decide(policy, person, on, &result, err);
    if (rc) return rc;
    for (int i = 0; i < result.choice_count; i++) {
        const scope_choice_t *c = &result.choices[i];
        if (c->identity != identity) continue;
        if (c->excluded_by)
            excluded = c;
        else if (!found || (c->must && !found->must))
            found = c;
    }
    if (!found && excluded)
        return err_field(err, E_INVALID_FIELD, "identity", "%s is not open to this person by %s: %s",
                         identity_name(identity), excluded->excluded_by,
                         policy_rule_text(policy, excluded->excluded_by));
    if (!found)
        return none_fits(policy, policy->enrollment->classes, policy->enrollment->class_count, identity, "identity",
                         err);
    if (out) *out = *found;
    return E_OK;
}

int scope_admit_mid_year(const policy_t *policy, const scope_person_t *person, identity_t identity, date_t on,
                         err_t *err) {
    scope_result_t result;
    int rc = scope_decide(policy, person, on, &result, err);
    if (rc) return rc;
    const enrollment_rules_t *rules = policy->enrollment;
    for (uint32_t i = 0; i < rules->mid_year_count; i++)
        if (rules->mid_year[i].identity == identity && fits(&rules->mid_year[i], person, on)) return E_OK;
    return none_fits(policy, rules->mid_year, rules->mid_year_count, identity, "from_month", err);
}
