// Adds with one statement, so that two instances may work on the same tally; the event number is what they race for.
#include "toy.h"
#include "adjudication.pb-c.h"
#include "common/base/date.h"
#include <string.h>

static int start(service_ctx_t *ctx, void **self, err_t *err) {
    (void)err;
    *self = ctx;
    return E_OK;
}

static int total_of(service_ctx_t *ctx, const char *name, int64_t *out, err_t *err) {
    rows_t rows;
    cell_t params[] = {cell_text(name)};
    int code = store_query(ctx->store, "SELECT total FROM tally WHERE name = $1", params, 1, ctx->arena, &rows, err);
    if (!code) *out = rows.count ? row_i64(&rows, 0, 0) : 0;
    return code;
}

static int make_reply(service_ctx_t *ctx, const char *name, int64_t total, ProtobufCMessage **reply, err_t *err) {
    Tc__Amount *amount = arena_alloc(ctx->arena, sizeof *amount);
    if (!amount) return err_set(err, E_IO, "out of memory");
    tc__amount__init(amount);
    amount->name = arena_copy(ctx->arena, name, strlen(name) + 1);
    amount->amount_fen = total;
    *reply = &amount->base;
    return amount->name ? E_OK : err_set(err, E_IO, "out of memory");
}

static int add(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
               err_t *err) {
    (void)request;
    service_ctx_t *ctx = self;
    const Tc__Amount *amount = (const Tc__Amount *)message;
    int64_t before, number;
    int code = total_of(ctx, amount->name, &before, err);
    if (code) return code;
    if (strncmp(amount->name, "bad", 3) == 0) return err_field(err, E_OUT_OF_RANGE, "name", "this tally takes nothing");
    rows_t rows;
    cell_t params[] = {cell_text(amount->name), cell_i64(amount->amount_fen)};
    code = store_query(
        ctx->store,
        "INSERT INTO tally (name, total) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET total = tally.total + "
        "excluded.total RETURNING total",
        params, 2, ctx->arena, &rows, err);
    if (!code)
        code = stream_reserve(ctx->stream, partition_of(amount->name), "tally.changed", clock_now_ms(), "x", 1, &number,
                              err);
    if (!code) code = make_reply(ctx, amount->name, row_i64(&rows, 0, 0), reply, err);
    return code;
}

static int get(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
               err_t *err) {
    (void)request;
    const Tc__Amount *amount = (const Tc__Amount *)message;
    int64_t total = 0;
    int code = total_of(self, amount->name, &total, err);
    return code ? code : make_reply(self, amount->name, total, reply, err);
}

static const migration_t migrations[] = {
    {1,
     REQUEST_TABLE_SQL STREAM_TABLE_SQL "CREATE TABLE tally (name TEXT NOT NULL PRIMARY KEY, total BIGINT NOT NULL);"}};

static const method_t methods[] = {
    {"add", ROLE_CLERK, false, &tc__amount__descriptor, add},
    {"get", ROLE_CLERK | ROLE_HOSPITAL, true, &tc__amount__descriptor, get},
};

const service_t toy_service = {
    .name = "toy",
    .migrations = migrations,
    .migration_count = COUNT_OF(migrations),
    .log = &stream_table_log,
    .methods = methods,
    .method_count = COUNT_OF(methods),
    .start = start,
};
