// The decisions of enrolment (参保登记), pure: from the state before and the request to the state after, or why not.
// States are the event's message, so what is decided, stored and published is one shape. All results live in the arena.
#pragma once
#include "common/base/arena.h"
#include "common/policy/policy.h"
#include "enrollment.pb-c.h"

enum { PERSON_SPELLS_MAX = 256, PERSON_GROUPS_MAX = 128, PRIOR_MONTHS_MAX = 1200 };

typedef struct enrollment_rules {
    const policy_t *policy;
    arena_t *arena;
    date_t today; // the day on which it becomes known
} enrollment_rules_t;

// All: 0, or E_INVALID_FIELD / E_MISSING_FIELD / E_OUT_OF_RANGE / E_TOO_LARGE / E_NOT_FOUND with the field at fault.
int person_register(const enrollment_rules_t *rules, const Tc__RegisterPerson *ask, Tc__PersonState **after,
                    err_t *err) MUST_USE;
int employer_register(const enrollment_rules_t *rules, const Tc__RegisterEmployer *ask, Tc__EmployerState **after,
                      err_t *err) MUST_USE;
// Whether the employer exists is the caller's business (E_NOT_FOUND there): ask spell_needs_employer() first.
int person_open_spell(const enrollment_rules_t *rules, const Tc__PersonState *before, const Tc__OpenSpell *ask,
                      Tc__PersonState **after, err_t *err) MUST_USE;
bool spell_needs_employer(const Tc__OpenSpell *ask);
int person_close_spell(const enrollment_rules_t *rules, const Tc__PersonState *before, const Tc__CloseSpell *ask,
                       Tc__PersonState **after, err_t *err) MUST_USE;
// A membership without an end gets one by the same group, first day and source with `until`; any other overlap of the
// same group is refused.
int person_set_group(const enrollment_rules_t *rules, const Tc__PersonState *before, const Tc__SetGroup *ask,
                     Tc__PersonState **after, err_t *err) MUST_USE;
