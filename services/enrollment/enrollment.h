// The decisions of enrolment (参保登记), pure: from the state before and the request to the state after, or why not.
// States are the event's message, so what is decided, stored and published is one shape. All results live in the arena.
//
// Every change names the day or month from which it holds; it may lie in the past. A state does not show in which order
// changes arrived (history.h). What a change touched up to today stands in touched_from and touched_until.
#pragma once
#include "common/base/arena.h"
#include "common/policy/policy.h"
#include "enrollment.pb-c.h"

enum {
    PERSON_SPELLS_MAX = 256,
    PERSON_GROUPS_MAX = 128,
    PERSON_DIVISIONS_MAX = 128,
    PERSON_DEEMED_MAX = 32,
    PERSON_TRANSFERS_MAX = 64,
    PERSON_NUMBERS_MAX = 32, // merged into one
    PRIOR_MONTHS_MAX = 1200,
    SPELL_WAGES_MAX = 480,
};

typedef struct enrollment_rules {
    const policy_t *policy;
    arena_t *arena;
    date_t today; // the day on which it becomes known
} enrollment_rules_t;

// All: 0, or E_INVALID_FIELD / E_MISSING_FIELD / E_OUT_OF_RANGE / E_TOO_LARGE / E_NOT_FOUND with the field at fault. A
// number that was merged into another one is E_NOT_FOUND person.
int person_register(const enrollment_rules_t *rules, const Tc__RegisterPerson *ask, Tc__PersonState **after,
                    err_t *err) MUST_USE;
int employer_register(const enrollment_rules_t *rules, const Tc__RegisterEmployer *ask, Tc__EmployerState **after,
                      err_t *err) MUST_USE;

// From a month on, until the next spell begins. Whether the city admits the person is asked of its section `enrollment`
// (scope.h) with what the request gives, what the identity claims (employee: employed …) and what the state knows;
// where the law is silent nothing is asked. E_INVALID_FIELD identity or from_month names the rule. Whether the employer
// exists is the caller's business (E_NOT_FOUND there): ask spell_needs_employer() first and spell_check_employer()
// after.
int person_open_spell(const enrollment_rules_t *rules, const Tc__PersonState *before, const Tc__OpenSpell *ask,
                      Tc__PersonState **after, err_t *err) MUST_USE;
bool spell_needs_employer(const Tc__OpenSpell *ask);
// Where the city has employees join at the employer's place: E_OUT_OF_RANGE employer when it is in another district.
int spell_check_employer(const enrollment_rules_t *rules, const Tc__PersonState *after, const Tc__OpenSpell *ask,
                         const Tc__EmployerState *employer, err_t *err) MUST_USE;
// Of the spell in force in that month: the open one, or, as a correction, a closed one that ends earlier than it did;
// or of the spell that is named by its identity, its first month or both. E_NOT_FOUND identity or from_month: no such
// spell; E_OUT_OF_RANGE from_month: the identity alone does not tell which.
int person_close_spell(const enrollment_rules_t *rules, const Tc__PersonState *before, const Tc__CloseSpell *ask,
                       Tc__PersonState **after, err_t *err) MUST_USE;
// From a month of a spell that pays on a wage, until the next declaration or the end of the spell; the same month again
// corrects it. E_OUT_OF_RANGE from_month outside such a spell; E_EXISTS wage: nothing would change.
int person_declare_wage(const enrollment_rules_t *rules, const Tc__PersonState *before, const Tc__DeclareWage *ask,
                        Tc__PersonState **after, err_t *err) MUST_USE;
// Is this wage what is recorded for exactly this month?
bool wage_declared(const Tc__PersonState *state, const Tc__DeclareWage *ask);
// A membership of the same group, first day and source ends earlier with `until`; any other overlap of the same group
// is refused.
int person_set_group(const enrollment_rules_t *rules, const Tc__PersonState *before, const Tc__SetGroup *ask,
                     Tc__PersonState **after, err_t *err) MUST_USE;

// To another district, without any break: spells and their months stay as they are.
int person_move(const enrollment_rules_t *rules, const Tc__PersonState *before, const Tc__MovePerson *ask,
                Tc__PersonState **after, err_t *err) MUST_USE;
// Replaces what the same source said before; 0 months take it away.
int person_record_deemed(const enrollment_rules_t *rules, const Tc__PersonState *before, const Tc__RecordDeemed *ask,
                         Tc__PersonState **after, err_t *err) MUST_USE;
// In: the months become months of former schemes (Spell.prior_months_*) of the first spell of the stay, which is where
// collection reads them; with those that OpenSpell gave they add up. Out: the spell in force ends with the month. A
// stay ends with a transfer out. The same direction, day and place again replaces.
int person_transfer(const enrollment_rules_t *rules, const Tc__PersonState *before, const Tc__TransferPerson *ask,
                    Tc__PersonState **after, err_t *err) MUST_USE;
// Ends spells with the month and memberships with the day; what would begin later falls away. An earlier day corrects.
int person_record_death(const enrollment_rules_t *rules, const Tc__PersonState *before, const Tc__RecordDeath *ask,
                        Tc__PersonState **after, err_t *err) MUST_USE;
// E_UNSUPPORTED where the city's law knows no end of the employee relation. Cannot be undone.
int person_end_relation(const enrollment_rules_t *rules, const Tc__PersonState *before, const Tc__EndRelation *ask,
                        Tc__PersonState **after, err_t *err) MUST_USE;
// Both histories in `into`; `from` keeps nothing but where it points. What contradicts is refused.
int person_merge(const enrollment_rules_t *rules, const Tc__PersonState *from, const Tc__PersonState *into,
                 const Tc__MergePersons *ask, Tc__PersonState **from_after, Tc__PersonState **into_after,
                 err_t *err) MUST_USE;

// What of a state holds on a day: that spell, those memberships, that district; what happened later is left out.
int person_on(const enrollment_rules_t *rules, const Tc__PersonState *state, date_t on, Tc__PersonState **out,
              err_t *err) MUST_USE;
