// All persons whom enrolment has told us of, chunk after chunk in order of partition and number, so that a run over the
// city needs no more memory than a chunk. Runs side by side each take one part of the partitions. Who has some
// districts only gets the persons who are there; a chunk may then hold none and not be the last.
#pragma once
#include "collection.h"
#include "common/daemon/service.h"

// So many that an answer which names each of them with a reason is below the largest message.
enum { WALK_LIMIT_DEFAULT = 500, WALK_LIMIT_MAX = 3000 };

typedef struct walk {
    const char *after;   // the last person of the chunk before; "" begins
    int32_t limit;       // 0 = WALK_LIMIT_DEFAULT
    int32_t part, parts; // 0 parts: everybody
} walk_t;

typedef struct walked { // lives in ctx->arena
    Tc__PersonState **persons;
    size_t count;
    size_t passed; // everybody in the chunk whom the caller may see, also who was left out
    char *last;    // `after` of the next chunk
    bool done;
} walked_t;

enum { WALK_EVERYBODY = 0 };

// `identities`: WALK_EVERYBODY, or a set of identities; whose spells have none of them is left out unread, which is
// most of the work where a run concerns few. E_OUT_OF_RANGE for a limit or part that cannot be.
int walk_chunk(service_ctx_t *ctx, const walk_t *walk, uint32_t identities, walked_t *out, err_t *err) MUST_USE;

// The identities of the spells in a packed person state, and in *person its number, not terminated. UINT32_MAX and NULL
// for bytes that cannot be read so: whoever unpacks them is told why.
uint32_t walk_identities(const void *state, size_t bytes, const char **person, size_t *person_bytes);
