// Who must or may join, in which scheme and as what (参保范围), by the city's section `enrollment`. Pure. The scope
// says what the law allows; whether the person is in fact what he or she claims is the office's to find out.
#pragma once
#include "common/policy/circumstance.h"
#include "common/policy/policy.h"

enum { SCOPE_CHOICES_MAX = 64, SCOPE_MORE_MAX = 32 };

typedef struct scope_person {
    uint32_t circumstances; // bits of circumstance_t
    uint32_t groups;        // bits of group_t
    date_t birth;           // DATE_NONE when unknown: then nobody is a newborn
} scope_person_t;

typedef struct scope_choice {
    const char *name, *rule; // of the class
    insurance_scheme_t scheme;
    identity_t identity;
    bool must;
    uint32_t tiers; // bits of tier_t; 0 in a city without tiers
    const char *tiers_rule;
    place_t place;
    const char *place_rule;
    const char *excluded_by; // rule that takes the choice away; NULL: it is open
} scope_choice_t;

typedef struct scope_more { // a class that may join during the year, or a scheme that follows of itself
    const char *name, *rule;
} scope_more_t;

typedef struct scope_result {
    int choice_count, mid_year_count, automatic_count;
    scope_choice_t choices[SCOPE_CHOICES_MAX]; // those taken away too, at their place
    scope_more_t mid_year[SCOPE_CHOICES_MAX];
    scope_more_t automatic[SCOPE_MORE_MAX];
} scope_result_t;

// E_UNSUPPORTED: the city has no such section; E_NOT_IN_FORCE: before its first day; E_PARAMETER_MISSING
// enrollment_scope: the scope has not been published; E_OUT_OF_RANGE person.birth after `on`.
int scope_decide(const policy_t *policy, const scope_person_t *person, date_t on, scope_result_t *out,
                 err_t *err) MUST_USE;
// May this person be registered under this identity on that day? E_INVALID_FIELD identity says why not, with the rule
// and its sentence; E_UNSUPPORTED identity: no class of the city has it, so the law says nothing. `*out` (may be NULL)
// is the choice, one that must be taken before one that may.
int scope_admit(const policy_t *policy, const scope_person_t *person, identity_t identity, date_t on,
                scope_choice_t *out, err_t *err) MUST_USE;
// May this person begin to pay by the year under this identity when the year has begun already? E_INVALID_FIELD
// from_month; E_UNSUPPORTED from_month: the city does not say who may.
int scope_admit_mid_year(const policy_t *policy, const scope_person_t *person, identity_t identity, date_t on,
                         err_t *err) MUST_USE;
