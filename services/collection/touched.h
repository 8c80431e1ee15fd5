// What a new version of an entitlement state changed of the past, pure: the first and the last month before a given one
// in which cover, identity, continuous months, memberships or the district are not what the version before said.
// Whoever decided by the former version finds there which of its bills to look at again.
#pragma once
#include "collection.pb-c.h"
#include "common/base/arena.h"
#include "common/base/date.h"
#include "common/base/err.h"

typedef struct touched {
    month_t first, last; // MONTH_NONE both: nothing of the past
} touched_t;

// `before` may be NULL: there was no state. Months of a state are ours: one that cannot be read is E_INTERNAL.
int touched_find(const Tc__Entitlement *before, const Tc__Entitlement *after, month_t now, arena_t *arena,
                 touched_t *out, err_t *err) MUST_USE;
// The same, written into `after`; its texts live in the arena.
int touched_mark(const Tc__Entitlement *before, Tc__Entitlement *after, month_t now, arena_t *arena,
                 err_t *err) MUST_USE;
// Do the packed states say the same but for what they changed? Those fields are the last ones of a state.
bool touched_same(const void *stored, size_t stored_bytes, const void *now, size_t now_bytes);
