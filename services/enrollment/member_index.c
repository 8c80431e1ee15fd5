#include "member_index.h"
#include "common/base/hash.h"
#include "common/base/log.h"
#include <string.h>

enum { AGAIN_MS = 10000 }; // after a failure

static int out_of_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

static int add_members(const Tc__PersonState *state, rows_t *members, err_t *err) {
    for (size_t i = 0; i < state->n_groups; i++) {
        if (*state->groups[i]->until) continue;
        cell_t *row = rows_add(members);
        if (!row) return out_of_memory(err);
        row[0] = cell_text(state->groups[i]->group);
        row[1] = cell_text(state->groups[i]->source);
        row[2] = cell_i64(partition_of(state->person));
        row[3] = cell_text(state->person);
    }
    return 0;
}

static int read_page(store_t *store, const rows_t *at, arena_t *arena, rows_t *out, err_t *err) {
    const cell_t params[] = {cell_i64(row_i64(at, 0, 0)), cell_text(row_text(at, 0, 1)), cell_i64(MEMBER_INDEX_STEP)};
    return store_query(store,
                       "SELECT partition, person, state FROM person WHERE (partition, person) > ($1, $2)"
                       " ORDER BY partition, person LIMIT $3",
                       params, COUNT_OF(params), arena, out, err);
}

static int members_of_page(const rows_t *page, arena_t *arena, rows_t *members, err_t *err) {
    rows_init(members, arena, 4);
    for (size_t i = 0; i < page->count; i++) {
        size_t size;
        ProtobufCMessage *state = NULL;
        const void *packed = row_blob(page, i, 2, &size);
        int rc = message_unpack(&state, &tc__person_state__descriptor, packed, size, arena, err);
        if (rc == 0) rc = add_members((const Tc__PersonState *)state, members, err);
        if (rc) return err_prefix(err, "person %s", row_text(page, i, 1));
    }
    return 0;
}

static int save_place(store_t *store, const rows_t *page, bool more, err_t *err) {
    if (!more) return store_exec(store, "DELETE FROM member_backfill", NULL, 0, err);
    const cell_t params[] = {cell_i64(row_i64(page, page->count - 1, 0)),
                             cell_text(row_text(page, page->count - 1, 1))};
    return store_exec(store, "UPDATE member_backfill SET partition = $1, person = $2", params, COUNT_OF(params), err);
}

int member_index_step(enrollment_t *e, bool *more, err_t *err) {
    store_t *store = e->ctx->store;
    arena_t *arena = e->ctx->arena;
    rows_t at, page, members;
    *more = false;
    int rc = store_query(store, "SELECT partition, person FROM member_backfill", NULL, 0, arena, &at, err);
    if (rc || at.count == 0) return rc;
    rc = read_page(store, &at, arena, &page, err);
    if (rc == 0) rc = members_of_page(&page, arena, &members, err);
    if (rc) return rc;
    if (members.count)
        rc = store_insert(store, "member", "group_name, source, partition, person", &members, CONFLICT_SKIPS, err);
    *more = page.count == MEMBER_INDEX_STEP;
    return rc ? rc : save_place(store, &page, *more, err);
}

void member_index_tick(enrollment_t *e, int64_t now_ms) {
    err_t err = {0};
    bool more = false;
    if (e->indexed || now_ms < e->index_again_ms) return;
    int rc = store_begin(e->ctx->store, &err);
    if (rc == 0) rc = member_index_step(e, &more, &err);
    if (rc == 0)
        rc = store_commit(e->ctx->store, &err);
    else
        store_rollback(e->ctx->store);
    if (rc) {
        log_warn("member_index_failed", "text=%s", log_value(err.text));
        e->index_again_ms = now_ms + AGAIN_MS;
    }
    e->indexed = rc == 0 && !more;
    arena_reset(e->ctx->arena);
}
