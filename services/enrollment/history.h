// The shape of a person's history, whatever changed it: lists sorted, so that the order in which changes arrived does
// not show; no spell or membership beyond what ends it (the next spell, a transfer out, the end of the employee
// relation, death); months of former schemes with the first spell of the stay they belong to. Limits only ever shorten,
// so that changes commute.
#pragma once
#include "enrollment.h"

enum { HISTORY_OPEN = INT32_MAX }; // last month of a spell that is open

typedef struct months { // of a spell
    month_t from, last;
} months_t;
typedef struct days { // of a membership
    date_t from, until;
} days_t;

// Stored dates are ours: CHECKed, not reported. "" gives the value in the second place.
date_t stored_date(const char *text, date_t otherwise);
months_t spell_months(const Tc__Spell *spell);
days_t membership_days(const Tc__Membership *membership);
bool spell_of_employee_scheme(const Tc__Spell *spell);
// Declared wages beyond the last month fall away. The list is shared with the spell before: only its length changes.
void spell_trim_wages(Tc__Spell *spell, month_t last);
// The spell that is in force in a month; the last that begins in or before it; the first that begins after it; or NULL.
const Tc__Spell *spell_in(const Tc__PersonState *state, month_t month);
const Tc__Spell *spell_before(const Tc__PersonState *state, month_t month);
const Tc__Spell *spell_after(const Tc__PersonState *state, month_t month);
// The district in which the person was insured on a day.
const char *division_on(const Tc__PersonState *state, date_t day);

// E_NOT_FOUND for a number that was merged into another.
int history_stands(const Tc__PersonState *before, err_t *err) MUST_USE;
// A copy that may change: its own lists, each with room for `more` further members, one version on, nothing touched.
// Members are shared with `before`. NULL: out of memory.
Tc__PersonState *history_next(const enrollment_rules_t *rules, const Tc__PersonState *before, size_t more);
// Months of former schemes that came with spells, not with transfers.
typedef struct prior {
    int32_t tier1, tier2;
} prior_t;
prior_t history_prior(const Tc__PersonState *state);
// Bring the changed copy into its shape; `own` months of former schemes go with its first spell. `*cut` (may be NULL)
// tells whether a limit other than the next spell shortened anything. E_IO only.
int history_settle(const enrollment_rules_t *rules, Tc__PersonState *state, prior_t own, bool *cut,
                   err_t *err) MUST_USE;
// The change touched these days; what lies after today is no history. `until` DATE_MAX: from then on. E_IO only.
int history_touch(const enrollment_rules_t *rules, Tc__PersonState *state, date_t from, date_t until,
                  err_t *err) MUST_USE;
int history_touch_months(const enrollment_rules_t *rules, Tc__PersonState *state, months_t months, err_t *err) MUST_USE;
