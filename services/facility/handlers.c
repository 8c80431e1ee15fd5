// Message in, message out. Each handler reads, lets the core decide, then writes state and event; a refusal writes
// nothing.
#include "handlers.h"
#include "common/base/date.h"
#include "common/wire/scope.h"
#include "facility.h"
#include "store.h"

static int publish(service_ctx_t *ctx, const Tc__FacilityState *state, ProtobufCMessage **reply, err_t *err) {
    size_t size;
    int64_t number;
    void *body = message_pack(&state->base, ctx->arena, &size);
    if (!body) return err_set(err, E_IO, "out of memory");
    int rc = stream_reserve(ctx->stream, partition_of(state->facility), "facility.changed", clock_now_ms(), body, size,
                            &number, err);
    if (rc == 0) *reply = (ProtobufCMessage *)&state->base;
    return rc;
}

static int find_facility(service_ctx_t *ctx, const char *facility, Tc__FacilityState **state, err_t *err) {
    if (!*facility) return err_field(err, E_MISSING_FIELD, "facility", "facility is missing");
    int rc = facility_fetch(ctx->store, facility, ctx->arena, state, err);
    if (rc == 0 && !*state) rc = err_field(err, E_NOT_FOUND, "facility", "no facility is registered under this code");
    return rc;
}

// To change it; the register itself is open to all.
static int find_own(service_ctx_t *ctx, const char *facility, Tc__FacilityState **state, err_t *err) {
    int rc = find_facility(ctx, facility, state, err);
    return rc ? rc : scope_check_division(ctx->scope, (*state)->division, err);
}

static int register_facility(void *self, const request_t *request, const ProtobufCMessage *message,
                             ProtobufCMessage **reply, err_t *err) {
    (void)request;
    service_ctx_t *ctx = self;
    const Tc__RegisterFacility *ask = (const Tc__RegisterFacility *)message;
    Tc__FacilityState *after = NULL, *known = NULL;
    int rc = scope_check_division(ctx->scope, ask->division, err);
    if (rc == 0) rc = facility_register(ask, ctx->arena, &after, err);
    if (rc == 0) rc = facility_fetch(ctx->store, ask->facility, ctx->arena, &known, err);
    if (rc == 0 && known) rc = err_field(err, E_EXISTS, "facility", "this facility code is registered already");
    if (rc == 0) rc = facility_insert(ctx->store, after, ctx->arena, err);
    return rc ? rc : publish(ctx, after, reply, err);
}

static int sign_agreement(void *self, const request_t *request, const ProtobufCMessage *message,
                          ProtobufCMessage **reply, err_t *err) {
    (void)request;
    service_ctx_t *ctx = self;
    const Tc__SignAgreement *ask = (const Tc__SignAgreement *)message;
    Tc__FacilityState *before = NULL, *after = NULL;
    int rc = find_own(ctx, ask->facility, &before, err);
    if (rc == 0) rc = facility_sign(before, ask, ctx->arena, &after, err);
    if (rc == 0) rc = facility_update(ctx->store, after, ctx->arena, err);
    return rc ? rc : publish(ctx, after, reply, err);
}

static int end_agreement(void *self, const request_t *request, const ProtobufCMessage *message,
                         ProtobufCMessage **reply, err_t *err) {
    (void)request;
    service_ctx_t *ctx = self;
    const Tc__EndAgreement *ask = (const Tc__EndAgreement *)message;
    Tc__FacilityState *before = NULL, *after = NULL;
    int rc = find_own(ctx, ask->facility, &before, err);
    if (rc == 0) rc = facility_end(before, ask, ctx->arena, &after, err);
    if (rc == 0) rc = facility_update(ctx->store, after, ctx->arena, err);
    return rc ? rc : publish(ctx, after, reply, err);
}

static int get_facility(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                        err_t *err) {
    (void)request;
    Tc__FacilityState *state = NULL;
    int rc = find_facility(self, ((const Tc__GetFacility *)message)->facility, &state, err);
    if (rc == 0) *reply = &state->base;
    return rc;
}

static int start(service_ctx_t *ctx, void **self, err_t *err) {
    (void)err;
    *self = ctx;
    return 0;
}

#define WRITERS (ROLE_ADMIN | ROLE_CLERK)
#define READERS (WRITERS | ROLE_HOSPITAL | ROLE_SERVICE)
static const method_t methods[] = {
    {"register_facility", WRITERS | METHOD_DISTRICTS, false, &tc__register_facility__descriptor, register_facility},
    {"sign_agreement", WRITERS | METHOD_DISTRICTS, false, &tc__sign_agreement__descriptor, sign_agreement},
    {"end_agreement", WRITERS | METHOD_DISTRICTS, false, &tc__end_agreement__descriptor, end_agreement},
    {"get_facility", READERS | METHOD_SCOPED, true, &tc__get_facility__descriptor, get_facility},
};

const service_t facility_service = {
    .name = "facility",
    .migrations = facility_migrations,
    .migration_count = 1,
    .log = &stream_table_log,
    .methods = methods,
    .method_count = COUNT_OF(methods),
    .start = start,
};
