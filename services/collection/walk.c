#include "walk.h"
#include "common/base/hash.h"
#include "store.h"

static int check(const walk_t *walk, err_t *err) {
    if (walk->limit < 0 || walk->limit > WALK_LIMIT_MAX)
        return err_field(err, E_OUT_OF_RANGE, "limit", "expected 0 to %d persons", WALK_LIMIT_MAX);
    if (walk->parts < 0 || walk->parts > PARTITIONS)
        return err_field(err, E_OUT_OF_RANGE, "parts", "expected 0 to %d parts", PARTITIONS);
    if (walk->part < 0 || walk->part >= (walk->parts ? walk->parts : 1))
        return err_field(err, E_OUT_OF_RANGE, "part", "expected 0 to parts - 1");
    return 0;
}

// The partitions from `first` to the one before `end`, which of all parts cover each partition once.
static void range_of(const walk_t *walk, persons_range_t *out) {
    const int32_t parts = walk->parts ? walk->parts : 1;
    out->first = walk->part * PARTITIONS / parts;
    out->end = (walk->part + 1) * PARTITIONS / parts;
    out->after = walk->after;
}

int walk_chunk(service_ctx_t *ctx, const walk_t *walk, walked_t *out, err_t *err) {
    const int32_t limit = walk->limit ? walk->limit : WALK_LIMIT_DEFAULT;
    persons_range_t range;
    rows_t rows;
    int rc = check(walk, err);
    if (rc) return rc;
    range_of(walk, &range);
    if ((rc = persons_page(ctx->store, &range, limit, ctx->arena, &rows, err))) return rc;
    *out = (walked_t){.last = (char *)walk->after, .done = rows.count < (size_t)limit};
    if (!(out->persons = arena_alloc(ctx->arena, (rows.count + 1) * sizeof *out->persons)))
        return err_set(err, E_IO, "out of memory");
    for (; rc == 0 && out->count < rows.count; out->count++) {
        size_t size;
        const void *data = row_blob(&rows, out->count, 0, &size);
        rc = message_unpack((ProtobufCMessage **)&out->persons[out->count], &tc__person_state__descriptor, data, size,
                            ctx->arena, err);
        if (rc == 0) out->last = out->persons[out->count]->person;
    }
    return rc;
}
