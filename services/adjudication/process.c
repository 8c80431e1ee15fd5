// A turn's ports bound to the real world, the register of facilities followed from the start of its stream, and the
// policy loaded, kept and published. The register is volatile: until it was read to its end once, bills are
// UNAVAILABLE.
#include "ahead.h"
#include "background.h"
#include "common/base/log.h"
#include "current.h"
#include "handlers.h"
#include "releases.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    COLLECTION_DEADLINE_MS = 1000, // well under WIRE_DEAD_AFTER_MS, since the main loop waits for it
    COLLECTION_REST_MS = 500,      // after a failure nobody asks for so long
    REGISTER_TICKS_MAX = 64,       // batches of events per tick
    POLICY_PUBLISH_MS = 60000,     // heals a flushed Redis
};

typedef struct process {
    adjudication_t *core;
    service_ctx_t *ctx;
    consumer_t *first_reading; // of the register; gone once it came to the end
    int64_t collection_rests_until_ms;
    int64_t policy_published_ms;
    current_t current;
    background_t *background; // what one instance does for all
} process_t;

// ---- ports
// --------------------------------------------------------------------------------------------------------------

static int64_t port_now_ms(void *self) {
    (void)self;
    return clock_now_ms();
}

static void port_reply(void *self, const request_t *request, int code, const err_t *err, const void *body,
                       size_t bytes) {
    process_t *process = self;
    server_reply(process->ctx->server, request, code, err, body, bytes);
}

static int call_collection(process_t *process, const void *body, size_t bytes, arena_t *arena, Tc__Entitlements **out,
                           err_t *err) {
    call_t call = {.service = "collection",
                   .method = "get_entitlements",
                   .key = "",
                   .body = body,
                   .body_bytes = bytes,
                   .deadline_ms = COLLECTION_DEADLINE_MS};
    reply_t reply;
    ProtobufCMessage *message;
    int rc = client_call(process->ctx->client, &call, &reply, err);
    if (!rc) rc = message_unpack(&message, &tc__entitlements__descriptor, reply.body, reply.body_bytes, arena, err);
    if (!rc) *out = (Tc__Entitlements *)message;
    return rc;
}

static int port_entitlements(void *self, const char *const *persons, size_t count, arena_t *arena,
                             Tc__Entitlements **out, err_t *err) {
    process_t *process = self;
    Tc__GetEntitlements ask = TC__GET_ENTITLEMENTS__INIT;
    err_t why = {0};
    size_t bytes;
    if (clock_now_ms() < process->collection_rests_until_ms)
        return err_set(err, E_UNAVAILABLE, "collection did not answer a moment ago");
    ask.n_persons = count;
    ask.persons = (char **)persons;
    void *body = message_pack(&ask.base, arena, &bytes);
    if (!body) return err_set(err, E_IO, "out of memory for the command to collection");
    int rc = call_collection(process, body, bytes, arena, out, &why);
    if (!rc) return 0;
    process->collection_rests_until_ms = clock_now_ms() + COLLECTION_REST_MS;
    log_warn("collection_silent", "persons=%zu code=%s text=%s", count, err_name(rc), log_value(why.text));
    return err_set(err, rc, "%s", why.text);
}

// ---- the register of facilities
// -------------------------------------------------------------------------------------------

static int apply_facilities(void *self, const event_t *events, size_t count, err_t *err) {
    process_t *process = self;
    arena_t *arena = arena_new(16 * 1024, 0);
    int rc = arena ? 0 : err_set(err, E_IO, "out of memory");
    for (size_t i = 0; !rc && i < count; i++) {
        ProtobufCMessage *message;
        if (strcmp(events[i].topic, "facility.changed") != 0) continue;
        rc =
            message_unpack(&message, &tc__facility_state__descriptor, events[i].body, events[i].body_bytes, arena, err);
        if (!rc) rc = facilities_apply(process->core->facilities, (const Tc__FacilityState *)message, err);
        arena_reset(arena);
    }
    arena_destroy(&arena);
    return rc;
}

// The main loop follows the register for good, but does not tell when it has come to the end. So a second consumer
// reads it once, side by side: states carry versions, and taking one twice changes nothing.
static void read_register(process_t *process) {
    consumer_state_t state;
    if (!process->first_reading) return;
    for (int i = 0; i < REGISTER_TICKS_MAX && consumer_tick(process->first_reading) == 1; i++) continue;
    consumer_state(process->first_reading, &state);
    if (!state.caught_up) return;
    consumer_destroy(&process->first_reading);
    process->core->facilities_ready = true;
    log_info("register_read", "facilities=%zu", facilities_count(process->core->facilities));
}

// ---- the policy
// -----------------------------------------------------------------------------------------------------------

static void publish_policy(process_t *process, int64_t now_ms) {
    const policy_t *policy = policies_current(process->core->policies);
    char key[80];
    size_t bytes;
    const void *packed = policy_packed(policy, &bytes);
    snprintf(key, sizeof key, "policy:%s", policy_hash(policy));
    cache_item_t item = {.key = key, .version = 1, .data = packed, .size = bytes};
    cache_put(process->ctx->cache, &item, 1, 0);
    process->policy_published_ms = now_ms;
}

static void tell_policy(process_t *process) {
    const policy_t *policy = policies_current(process->core->policies);
    publish_policy(process, clock_now_ms());
    log_info("policy_in_force", "city=%s policy=%s release=%lld", log_value(policy_city(policy)), policy_hash(policy),
             (long long)process->current.release);
}

// The configuration's policy is a release like any other; what is in force is the newest one.
static int keep_policy(process_t *process, err_t *err) {
    adjudication_t *core = process->core;
    const int64_t now_ms = clock_now_ms();
    bool changed;
    current_init(&process->current, core);
    int rc = release_configured(core->store, policies_current(core->policies), now_ms, core->arena, err);
    if (!rc) rc = current_policy(&process->current, now_ms, &changed, err);
    if (!rc) tell_policy(process);
    arena_reset(core->arena);
    return rc;
}

static int follow_releases(process_t *process, err_t *err) {
    bool changed;
    int rc = current_policy(&process->current, clock_now_ms(), &changed, err);
    if (!rc && changed) tell_policy(process);
    return rc;
}

// Before a recomputation both; before anything else the releases, when the last look is too long ago.
static int look_around(process_t *process, const request_t *requests, size_t count, err_t *err) {
    const int64_t passed_ms = clock_now_ms() - process->current.looked_ms;
    bool recomputes = false;
    err_t late = {0};
    for (size_t i = 0; !recomputes && i < count; i++) recomputes = strcmp(requests[i].header.method, "recompute") == 0;
    if (!recomputes && passed_ms < RELEASE_POLL_MS && passed_ms >= 0) return 0;
    int rc = follow_releases(process, &late);
    if (rc) log_warn("releases_unknown", "code=%s why=%s", err_name(rc), log_value(late.text));
    if (!rc && recomputes) rc = current_register(&process->current, &late);
    arena_reset(process->core->arena);
    // Whoever recomputes must know; a patient need not wait for that.
    return rc && recomputes ? err_set(err, E_STORE, "the database failed; ask again with the same request id") : 0;
}

static int load_policy(const service_ctx_t *ctx, policy_t **policy, err_t *err) {
    const char *city = conf_text(ctx->conf, "policy.city");
    if (!city[0]) return err_field(err, E_MISSING_FIELD, "policy.city", "policy.city must name the city's file");
    return policy_load(policy, city, conf_list(ctx->conf, "policy.overlays"), err);
}

// ---- hooks
// ----------------------------------------------------------------------------------------------------------------

// Whoever registers facilities is silent, or has more to tell than has been read.
static bool port_register_behind(void *self) {
    const process_t *process = self;
    consumer_state_t state;
    return !service_consumer_state(process->ctx, "facility", &state) || !state.caught_up;
}

// Only while nobody waits for us but the database.
static size_t port_next(void *self, const request_t **requests, size_t *room) {
    const process_t *process = self;
    *room = (size_t)conf_int(process->ctx->conf, "service.batch_max");
    return store_is_working(process->ctx->store) ? server_take_ahead(process->ctx->server, requests, *room) : 0;
}

static void stop(void *self) {
    process_t *process = self;
    background_stop(&process->background);
    consumer_destroy(&process->first_reading);
    adjudication_destroy(&process->core);
    free(process);
}

static int follow_facilities(process_t *process, err_t *err) {
    consumer_conf_t conf = {.client = process->ctx->client_conf,
                            .service = "facility",
                            .name = "register",
                            .effect = {.self = process, .apply = apply_facilities}};
    int rc = service_consume(process->ctx, &conf, err);
    return rc ? rc : consumer_new(&process->first_reading, &conf, err);
}

static int start(service_ctx_t *ctx, void **self, err_t *err) {
    policy_t *policy = NULL;
    process_t *process = calloc(1, sizeof *process);
    if (!process) return err_set(err, E_IO, "out of memory");
    process->ctx = ctx;
    int rc = load_policy(ctx, &policy, err);
    if (!rc) rc = adjudication_new(&process->core, &policy, err);
    if (rc) goto fail;
    process->core->store = ctx->store;
    process->core->cache = ctx->cache;
    process->core->stream = ctx->stream;
    process->core->arena = ctx->arena;
    process->core->ports = (adjudication_ports_t){.self = process,
                                                  .now_ms = port_now_ms,
                                                  .reply = port_reply,
                                                  .entitlements = port_entitlements,
                                                  .register_behind = port_register_behind,
                                                  .next = port_next};
    rc = ahead_new(&process->core->ahead, err);
    if (!rc) rc = commands_new(&process->core->commands, ctx, &adjudication_service, process->core, err);
    if (!rc) rc = keep_policy(process, err);
    if (!rc) rc = follow_facilities(process, err);
    if (!rc) rc = background_start(&process->background, ctx, err);
    if (rc) goto fail;
    *self = process;
    return 0;
fail:
    policy_destroy(&policy);
    stop(process);
    return rc;
}

static void batch(void *self, const request_t *requests, size_t count) {
    process_t *process = self;
    err_t err = {0};
    int rc = look_around(process, requests, count, &err);
    for (size_t i = 0; rc && i < count; i++) adjudication_refuse(process->core, &requests[i], rc, &err);
    if (!rc) adjudication_batch(process->core, requests, count);
}

static void follow_catalogues(process_t *process, int64_t now_ms) {
    err_t err = {0};
    int rc = catalogues_follow(process->core->catalogues, process->core->store, now_ms, &err);
    if (rc) log_warn("catalogues_unknown", "code=%s why=%s", err_name(rc), log_value(err.text));
}

static void tick(void *self, int64_t now_ms) {
    process_t *process = self;
    read_register(process);
    follow_catalogues(process, now_ms);
    commands_tick(process->core->commands, now_ms);
    if (look_around(process, NULL, 0, &(err_t){0})) return;
    if (now_ms - process->policy_published_ms > POLICY_PUBLISH_MS) publish_policy(process, now_ms);
}

const service_t adjudication_service = {
    .name = "adjudication",
    .migrations = adjudication_migrations,
    .migration_count = ADJUDICATION_MIGRATIONS,
    .log = &adjudication_log,
    .methods = adjudication_methods,
    .method_count = METHOD__COUNT,
    .start = start,
    .stop = stop,
    .batch = batch,
    .tick = tick,
    .elsewhere = background_consumers,
    .elsewhere_count = BACKGROUND_CONSUMERS,
};
