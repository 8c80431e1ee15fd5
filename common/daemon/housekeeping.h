// The methods that every service answers, beside its own:
//   positions  how far its stream has come (as the store says) and how far it has taken in the streams of others
//   unpark     let a partition go on that a poison event held back, after its cause has been mended
#pragma once
#include "service.h"

typedef struct housekeeping {
    service_ctx_t *ctx;
    const stream_log_t *log; // NULL when the service publishes nothing
    consumer_t *const *consumers;
    size_t consumer_count;
    const elsewhere_t *elsewhere; // those that another thread drives: read from the store
    size_t elsewhere_count;
} housekeeping_t;

bool housekeeping_takes(const request_t *request);
// Answer one request that housekeeping_takes(), through ctx->server.
void housekeeping_answer(const housekeeping_t *house, const request_t *request);
