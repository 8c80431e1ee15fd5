// The method "positions" that every service answers: how far its own stream has come (as the store says) and how far it
// has taken in the streams of others. It is what `tongchou wait` and operators read; it changes nothing.
#pragma once
#include "service.h"

#define POSITIONS_METHOD "positions"
#define POSITIONS_ROLES (ROLE_ADMIN | ROLE_CLERK | ROLE_SERVICE)

// Answer one request for positions through ctx->server. `log` NULL when the service publishes nothing.
void positions_answer(service_ctx_t *ctx, const stream_log_t *log, consumer_t *const *consumers, size_t count,
                      const request_t *request);
