#include "rest.h"

int64_t rest_ms(int percent, const rest_batch_t *batch) {
    if (!batch->full || batch->behind_ms >= REST_BEHIND_MS) return 0;
    const int64_t ms = batch->took_ms * percent / 100;
    return ms < REST_MAX_MS ? ms : REST_MAX_MS;
}
