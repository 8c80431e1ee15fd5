// Two numbers of one human being: what stood under the number that is no longer used goes to the one that is. Enrolment
// says so in the state of the person who remains (PersonState.merged_from), whose spells are the joined ones by then;
// so it does not matter which of both states arrives first.
#pragma once
#include "desk.h"

// Inside the transaction, before the states are renewed, with those that have just arrived. Bills move, one of each
// period: a paid one rather than an unpaid one; what was paid twice is withdrawn (withdrawal.h). Credits to the
// personal account follow their bills, money kept for the old number is kept for the other, and so is the account that
// fees are debited from, unless the other has one. `also`: persons not among `states` who have to be renewed, too.
int merger_apply(collection_t *c, Tc__PersonState *const *states, size_t count, Tc__PersonState ***also,
                 size_t *also_count, err_t *err) MUST_USE;
// The number that this one leads to: itself, or whose it is now. The text lives in the arena or is the one given.
int merger_lead(collection_t *c, const char *person, const char **out, err_t *err) MUST_USE;
// The same for many at once, in place; a NULL is left alone.
int merger_lead_all(collection_t *c, const char **persons, size_t count, err_t *err) MUST_USE;
