// The settlement service: the ledger behind two consumers, and what it answers.
#pragma once
#include "common/daemon/service.h"
#include "poster.h"

typedef struct settlement {
    service_ctx_t *ctx;
    poster_t *poster;
    poster_source_t adjudication, collection;
} settlement_t;

extern const service_t settlement_service;
// Everything but the consumers, for use without a process.
int settlement_new(settlement_t **out, service_ctx_t *ctx, err_t *err) MUST_USE;
void settlement_destroy(settlement_t **settlement);
