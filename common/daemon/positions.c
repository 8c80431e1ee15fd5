// Heads are read from the store, not from memory: another instance may have written the newest.
#include "positions.h"
#include "envelope.pb-c.h"

static int read_heads(service_ctx_t *ctx, const stream_log_t *log, int64_t heads[static PARTITIONS], err_t *err) {
    rows_t keys, found;
    rows_init(&keys, ctx->arena, 1);
    for (int64_t partition = 0; partition < PARTITIONS; partition++) {
        cell_t *key = rows_add(&keys);
        if (!key) return err_set(err, E_IO, "out of memory");
        *key = cell_i64(partition);
    }
    int code = store_each_query(ctx->store, log->head_sql, &keys, ctx->arena, &found, err);
    for (size_t i = 0; !code && i < found.count; i++) heads[row_i64(&found, i, 0)] = row_i64(&found, i, 1);
    return code;
}

static void fill_cursor(Tc__Positions__Cursor *cursor, consumer_t *consumer, consumer_state_t *state) {
    tc__positions__cursor__init(cursor);
    consumer_state(consumer, state);
    cursor->service = (char *)consumer_service(consumer);
    cursor->consumer = (char *)consumer_name(consumer);
    cursor->applied = state->cursor;
    cursor->n_applied = PARTITIONS;
    cursor->parked = state->parked;
}

static int fill(service_ctx_t *ctx, const stream_log_t *log, consumer_t *const *consumers, size_t count,
                Tc__Positions *out, err_t *err) {
    Tc__Positions__Cursor *cursors = arena_alloc(ctx->arena, (count + 1) * sizeof *cursors);
    consumer_state_t *states = arena_alloc(ctx->arena, (count + 1) * sizeof *states);
    out->heads = arena_alloc(ctx->arena, PARTITIONS * sizeof *out->heads);
    out->cursors = arena_alloc(ctx->arena, (count + 1) * sizeof *out->cursors);
    if (!cursors || !states || !out->heads || !out->cursors) return err_set(err, E_IO, "out of memory");
    out->service = (char *)ctx->name;
    out->n_cursors = count;
    for (size_t i = 0; i < count; i++) {
        fill_cursor(&cursors[i], consumers[i], &states[i]);
        out->cursors[i] = &cursors[i];
    }
    if (!log) return E_OK;
    out->n_heads = PARTITIONS;
    return read_heads(ctx, log, out->heads, err);
}

void positions_answer(service_ctx_t *ctx, const stream_log_t *log, consumer_t *const *consumers, size_t count,
                      const request_t *request) {
    Tc__Positions positions = TC__POSITIONS__INIT;
    err_t err = {0};
    int code = E_OK;
    size_t bytes = 0;
    void *body = NULL;
    if (!(wire_caller_role(request->header.caller) & POSITIONS_ROLES))
        code = err_field(&err, E_DENIED, "caller", "this role may not ask for positions");
    if (!code) code = fill(ctx, log, consumers, count, &positions, &err);
    if (!code && !(body = message_pack(&positions.base, ctx->arena, &bytes)))
        code = err_set(&err, E_IO, "out of memory");
    server_reply(ctx->server, request, code, code ? &err : NULL, body, bytes);
    arena_reset(ctx->arena);
}
