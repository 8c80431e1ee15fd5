// What would come back if everything a person owes were paid by a day: the unpaid bills, which of them would still
// count as continuous, the entitlement state that the payment would leave, and how cover and limits differ month by
// month. The same pure code as the payment itself, with payments that are only supposed.
#pragma once
#include "renew.h"

// The person's `bills` with their `paid_on`, in order of period. Versions are left 0. Results live in the arena.
int preview_make(const policy_t *policy, const Tc__PersonState *person, Tc__ContributionBill *const *bills,
                 size_t count, date_t pay_by, arena_t *arena, Tc__Preview **out, err_t *err) MUST_USE;
// Method preview. E_MISSING_FIELD, E_INVALID_FIELD, E_NOT_FOUND for a person that enrolment has not told us of.
int preview_ask(const renew_env_t *env, const Tc__PreviewPayment *ask, Tc__Preview **out, err_t *err) MUST_USE;
