// The policy in force and the few that stored decisions ask for: from memory, else from the table policy_version.
#pragma once
#include "common/policy/policy.h"
#include "store.h"

enum { POLICIES_PAST_MAX = 8 };

typedef struct policies policies_t;

policies_t *policies_new(policy_t **current); // takes the policy; NULL when out of memory
void policies_destroy(policies_t **policies);
// Put the policy of a hash in force; the one before joins the past ones. On failure nothing changes. Between batches:
// everything borrowed from here is invalid then.
int policies_take(policies_t *policies, store_t *store, const char *hash, arena_t *arena, err_t *err) MUST_USE;
const policy_t *policies_current(const policies_t *policies);
// The policy of a hash, borrowed until the next call that has to load one. E_NOT_FOUND when it was never in use here.
int policies_get(policies_t *policies, store_t *store, const char *hash, arena_t *arena, const policy_t **out,
                 err_t *err) MUST_USE;
