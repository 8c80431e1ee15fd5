// The command shell of a service: lookup of stored replies, role check, unpacking, handler, reply storage, commit,
// reply. service_main() runs it for every service without a batch hook of its own; tests run it without a process.
#pragma once
#include "common/base/metrics.h"
#include "service.h"

// service_results_total{code="…"}: every answer of a service by its code, also of services with their own batch.
typedef struct results {
    metric_t *of[E__COUNT];
} results_t;
void results_make(results_t *results);
void results_count(const results_t *results, int code); // a code that is none counts as INTERNAL

typedef struct commands commands_t;
int commands_new(commands_t **out, service_ctx_t *ctx, const service_t *service, void *self, err_t *err) MUST_USE;
void commands_destroy(commands_t **commands);
// Answer every request of the batch exactly once. Outside a transaction; the arena is reset.
void commands_batch(commands_t *commands, const request_t *requests, size_t count);
// Housekeeping, now and then: forget stored replies older than request.keep_days, in bounded chunks.
void commands_tick(commands_t *commands, int64_t now_ms);
// The part that services with their own batch share: 0, or E_NOT_FOUND / E_DENIED / E_TIMEOUT with a sentence, or
// E_INVALID_FIELD for a request id that is none. *method is the method as far as it is known, also beside an error,
// else NULL.
int commands_admit(const service_t *service, const request_t *request, const method_t **method, err_t *err) MUST_USE;
void commands_digest(const request_t *request, uint8_t digest[static SHA256_BYTES]); // service, method, body
