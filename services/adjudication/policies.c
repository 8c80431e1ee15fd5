// Past policies take each other's place in a ring: explaining old decisions is rare and a load is one read.
#include "policies.h"
#include <stdlib.h>
#include <string.h>

struct policies {
    policy_t *current;
    policy_t *past[POLICIES_PAST_MAX];
    size_t next;
};

policies_t *policies_new(policy_t **current) {
    policies_t *policies = calloc(1, sizeof *policies);
    if (!policies) return NULL;
    policies->current = *current;
    *current = NULL;
    return policies;
}

void policies_destroy(policies_t **policies) {
    if (!*policies) return;
    policy_destroy(&(*policies)->current);
    for (size_t i = 0; i < POLICIES_PAST_MAX; i++) policy_destroy(&(*policies)->past[i]);
    free(*policies);
    *policies = NULL;
}

const policy_t *policies_current(const policies_t *policies) { return policies->current; }

static const policy_t *from_memory(const policies_t *policies, const char *hash) {
    if (strcmp(policy_hash(policies->current), hash) == 0) return policies->current;
    for (size_t i = 0; i < POLICIES_PAST_MAX; i++)
        if (policies->past[i] && strcmp(policy_hash(policies->past[i]), hash) == 0) return policies->past[i];
    return NULL;
}

static int load(store_t *store, const char *hash, arena_t *arena, policy_t **out, err_t *err) {
    const void *body;
    size_t bytes;
    int rc = policy_version_load(store, hash, arena, &body, &bytes, err);
    return rc ? rc : policy_unpack(out, body, bytes, err);
}

static void keep(policies_t *policies, policy_t *policy) {
    policy_t **place = &policies->past[policies->next++ % POLICIES_PAST_MAX];
    policy_destroy(place);
    *place = policy;
}

int policies_get(policies_t *policies, store_t *store, const char *hash, arena_t *arena, const policy_t **out,
                 err_t *err) {
    policy_t *loaded = NULL;
    *out = from_memory(policies, hash);
    if (*out) return 0;
    int rc = load(store, hash, arena, &loaded, err);
    if (rc) return rc;
    keep(policies, loaded);
    *out = loaded;
    return 0;
}

int policies_take(policies_t *policies, store_t *store, const char *hash, arena_t *arena, err_t *err) {
    policy_t *loaded = NULL;
    int rc = load(store, hash, arena, &loaded, err);
    if (rc) return rc;
    keep(policies, policies->current);
    policies->current = loaded;
    return 0;
}
