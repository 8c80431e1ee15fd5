// Collection as a service: its methods and its life. Tests attach it to a store of their own.
#pragma once
#include "common/daemon/service.h"
#include "common/policy/policy.h"

typedef struct collection collection_t;

extern const service_t collection_service;

// The state behind the handlers; the policy is borrowed. `caching`: entitlement states go to ctx->cache.
int collection_new(collection_t **out, service_ctx_t *ctx, const policy_t *policy, bool caching, err_t *err) MUST_USE;
void collection_destroy(collection_t **collection);
consumer_effect_t collection_feed(collection_t *collection); // what enrolment's stream does here
