// Enrolment as a service: its methods and its life. Tests attach it to a store of their own.
#pragma once
#include "common/daemon/service.h"
#include "common/policy/policy.h"

typedef struct enrollment enrollment_t;

extern const service_t enrollment_service;

// The state behind the handlers; the policy is borrowed. NULL when out of memory.
enrollment_t *enrollment_new(service_ctx_t *ctx, const policy_t *policy);
void enrollment_destroy(enrollment_t **enrollment);
