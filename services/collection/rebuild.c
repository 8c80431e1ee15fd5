#include "rebuild.h"
#include "store.h"

static int compare_cache(const renew_env_t *env, const walked_t *chunk, const rows_t *same, err_t *err) {
    rows_t keys;
    int rc = 0;
    rows_init(&keys, env->ctx->arena, 2);
    for (size_t i = 0; rc == 0 && i < chunk->count; i++) rc = key_add(&keys, chunk->persons[i]->person, err);
    return rc ? rc : recache_compare(env->recache, &keys, same, err);
}

int rebuild_run(const renew_env_t *env, const walk_t *walk, Tc__RebuildRun **out, err_t *err) {
    arena_t *arena = env->ctx->arena;
    walked_t chunk;
    renewal_t renewal;
    Tc__RebuildRun *reply = arena_alloc(arena, sizeof *reply);
    if (!reply) return err_set(err, E_IO, "out of memory");
    int rc = walk_chunk(env->ctx, walk, WALK_EVERYBODY, &chunk, err);
    if (rc == 0)
        rc = renew_rebuild(env, (const Tc__PersonState *const *)chunk.persons, chunk.count, arena, &renewal, err);
    if (rc == 0) rc = renew_write(env, &renewal, arena, err);
    if (rc == 0) rc = compare_cache(env, &chunk, &renewal.same, err);
    if (rc) return rc;
    tc__rebuild_run__init(reply);
    reply->persons = (int32_t)chunk.passed;
    reply->changed = (int32_t)renewal.changed.count;
    reply->last_person = chunk.last;
    reply->done = chunk.done;
    *out = reply;
    return 0;
}
