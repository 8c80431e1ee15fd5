// Heads are read from the store, not from memory: another instance may have written the newest.
#include "housekeeping.h"
#include "common/base/log.h"
#include "envelope.pb-c.h"
#include <string.h>

static const char POSITIONS[] = "positions", UNPARK[] = "unpark";

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

// The cursor of a consumer that another thread drives, here or in another instance: as the store says.
static int read_cursor(service_ctx_t *ctx, const elsewhere_t *what, Tc__Positions__Cursor *cursor, err_t *err) {
    const cell_t params[] = {cell_text(what->consumer), cell_text(what->service)};
    rows_t numbers, parked;
    tc__positions__cursor__init(cursor);
    cursor->service = (char *)what->service;
    cursor->consumer = (char *)what->consumer;
    cursor->applied = arena_alloc(ctx->arena, PARTITIONS * sizeof *cursor->applied);
    if (!cursor->applied) return err_set(err, E_IO, "out of memory");
    memset(cursor->applied, 0, PARTITIONS * sizeof *cursor->applied);
    cursor->n_applied = PARTITIONS;
    int code =
        store_query(ctx->store, "SELECT partition, number FROM stream_cursor WHERE consumer = $1 AND service = $2",
                    params, COUNT_OF(params), ctx->arena, &numbers, err);
    if (!code)
        code = store_query(ctx->store, "SELECT COUNT(*) FROM stream_parked WHERE consumer = $1 AND service = $2",
                           params, COUNT_OF(params), ctx->arena, &parked, err);
    if (code) return code;
    for (size_t i = 0; i < numbers.count; i++) {
        const int64_t partition = row_i64(&numbers, i, 0);
        if (partition >= 0 && partition < PARTITIONS) cursor->applied[partition] = row_i64(&numbers, i, 1);
    }
    cursor->parked = (int32_t)row_i64(&parked, 0, 0);
    return E_OK;
}

static int answer_positions(const housekeeping_t *house, ProtobufCMessage **reply, err_t *err) {
    service_ctx_t *ctx = house->ctx;
    const size_t own = house->consumer_count, count = own + house->elsewhere_count;
    Tc__Positions *out = arena_alloc(ctx->arena, sizeof *out);
    Tc__Positions__Cursor *cursors = arena_alloc(ctx->arena, (count + 1) * sizeof *cursors);
    consumer_state_t *states = arena_alloc(ctx->arena, (count + 1) * sizeof *states);
    if (!out || !cursors || !states) return err_set(err, E_IO, "out of memory");
    tc__positions__init(out);
    out->heads = arena_alloc(ctx->arena, PARTITIONS * sizeof *out->heads);
    out->cursors = arena_alloc(ctx->arena, (count + 1) * sizeof *out->cursors);
    if (!out->heads || !out->cursors) return err_set(err, E_IO, "out of memory");
    out->service = (char *)ctx->name;
    out->n_cursors = count;
    for (size_t i = 0; i < count; i++) out->cursors[i] = &cursors[i];
    for (size_t i = 0; i < own; i++) fill_cursor(&cursors[i], house->consumers[i], &states[i]);
    int code = E_OK;
    for (size_t i = own; !code && i < count; i++) code = read_cursor(ctx, &house->elsewhere[i - own], &cursors[i], err);
    if (code) return code;
    *reply = &out->base;
    if (!house->log) return E_OK;
    out->n_heads = PARTITIONS;
    return read_heads(ctx, house->log, out->heads, err);
}

static int answer_unpark(const housekeeping_t *house, const request_t *request, err_t *err) {
    ProtobufCMessage *message = NULL;
    int code =
        message_unpack(&message, &tc__unpark__descriptor, request->body, request->body_bytes, house->ctx->arena, err);
    if (code) return code;
    const Tc__Unpark *ask = (const Tc__Unpark *)message;
    bool listens = false;
    code = E_NOT_FOUND;
    // The first of our consumers of that stream that holds the partition back.
    for (size_t i = 0; code == E_NOT_FOUND && i < house->consumer_count + house->elsewhere_count; i++) {
        const bool own = i < house->consumer_count;
        const elsewhere_t what =
            own ? (elsewhere_t){consumer_service(house->consumers[i]), consumer_name(house->consumers[i])}
                : house->elsewhere[i - house->consumer_count];
        if (strcmp(what.service, ask->service) != 0) continue;
        listens = true;
        code = consumer_unpark(house->ctx->store, what.consumer, ask->service, ask->partition, err);
    }
    if (!code)
        log_warn("unparked", "service=%s partition=%u by=%s", ask->service, ask->partition,
                 log_value(request->header.caller));
    if (listens) return code;
    return err_field(err, E_NOT_FOUND, "service", "%s does not listen to %s", house->ctx->name,
                     log_value(ask->service));
}

bool housekeeping_takes(const request_t *request) {
    return strcmp(request->header.method, POSITIONS) == 0 || strcmp(request->header.method, UNPARK) == 0;
}

void housekeeping_answer(const housekeeping_t *house, const request_t *request) {
    service_ctx_t *ctx = house->ctx;
    bool unpark = strcmp(request->header.method, UNPARK) == 0;
    unsigned allowed = unpark ? ROLE_ADMIN : ROLE_ADMIN | ROLE_CLERK | ROLE_SERVICE;
    ProtobufCMessage *reply = NULL;
    err_t err = {0};
    int code = E_OK;
    size_t bytes = 0;
    void *body = NULL;
    if (!(wire_caller_role(request->header.caller) & allowed))
        code = err_field(&err, E_DENIED, "caller", "this role may not call %s", request->header.method);
    else
        code = unpark ? answer_unpark(house, request, &err) : answer_positions(house, &reply, &err);
    if (!code && reply && !(body = message_pack(reply, ctx->arena, &bytes)))
        code = err_set(&err, E_IO, "out of memory");
    server_reply(ctx->server, request, code, code ? &err : NULL, body, bytes);
    arena_reset(ctx->arena);
}
