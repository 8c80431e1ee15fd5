// All persons whom enrolment has told us of, chunk after chunk in order of partition and number, so that a run over the
// city needs no more memory than a chunk. Runs side by side each take one part of the partitions.
#pragma once
#include "collection.h"
#include "common/daemon/service.h"

enum { WALK_LIMIT_DEFAULT = 500, WALK_LIMIT_MAX = 2000 };

typedef struct walk {
    const char *after;   // the last person of the chunk before; "" begins
    int32_t limit;       // 0 = WALK_LIMIT_DEFAULT
    int32_t part, parts; // 0 parts: everybody
} walk_t;

typedef struct walked { // lives in ctx->arena
    Tc__PersonState **persons;
    size_t count;
    char *last; // `after` of the next chunk
    bool done;
} walked_t;

// E_OUT_OF_RANGE for a limit or part that cannot be.
int walk_chunk(service_ctx_t *ctx, const walk_t *walk, walked_t *out, err_t *err) MUST_USE;
