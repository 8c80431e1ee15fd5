// Entitlement states brought up to date for many persons at once: read their bills and states set-based, compute,
// compare, and keep what changed until it is written. Deciding and writing are apart, so that a refusal in between
// writes nothing.
#pragma once
#include "collection.h"
#include "common/daemon/service.h"
#include "recache.h"

typedef struct renew_env {
    service_ctx_t *ctx;
    const policy_t *policy;
    recache_t *recache;
    struct collection *desk; // whose environment it is
    arena_t *scratch;        // reset for every chunk of persons
} renew_env_t;

typedef struct renewal {
    rows_t changed; // as entitlements_put takes them
    rows_t dropped; // partition, person, period: unpaid bills that no spell owes any more
    rows_t same;    // renew_rebuild: index of the person, version and body of the stored states that stay
    rows_t voided;  // person, period, reason: paid bills that cannot have been owed (withdrawal.h)
    rows_t amended; // renew_arrived: index of the person, period: billed on another wage, or perhaps elsewhere
} renewal_t;

// `persons` hold each person once. `first_paid` (may be NULL), one for each: the first month paid of those that count
// as years (years.h), MONTH_NONE without any. Results live in `arena`. The scratch arena is free afterwards.
int renew_decide(const renew_env_t *env, const Tc__PersonState *const *persons, size_t count, month_t *first_paid,
                 arena_t *arena, renewal_t *out, err_t *err) MUST_USE;
// The same for states that arrived, which may say other things of what is billed than those before them. Of the first
// `strangers` no bill and no state is stored yet.
int renew_arrived(const renew_env_t *env, const Tc__PersonState *const *persons, size_t count, size_t strangers,
                  arena_t *arena, renewal_t *out, err_t *err) MUST_USE;
// The same from scratch for the persons of a page (walk.h), nobody left out. Everybody had a state once,
// so one that is missing was lost: it begins again above every version that can have been told of it.
int renew_rebuild(const renew_env_t *env, const Tc__PersonState *const *persons, size_t count, arena_t *arena,
                  renewal_t *out, err_t *err) MUST_USE;
// Rows, events entitlement.changed, and the note for the cache; inside the transaction.
int renew_write(const renew_env_t *env, const renewal_t *renewal, arena_t *arena, err_t *err) MUST_USE;
