// Probes are cheap and bounded: SELECT 1 and PING once a second, the broker's directory every two. None of them waits
// for a broker; an answer that does not come within three rounds means that there is none.
#include "watch.h"
#include "common/base/date.h"
#include "common/base/log.h"
#include "envelope.pb-c.h"
#include <stdatomic.h>
#include <string.h>

enum {
    PROBE_US = 1000 * 1000,
    DIRECTORY_US = 2 * PROBE_US,
    DIRECTORY_DEADLINE_MS = 1500,
    FORGET_US = 3 * DIRECTORY_US
};

struct watch {
    char service[64], instance[128];
    _Atomic int state;
    _Atomic bool store_up, redis_up, redis_used, broker_up, caught_up, publishes;
    _Atomic int consumers, parked;
    client_t *client;
    int64_t next_probe_us, next_directory_us, listed_us; // main loop only
};

int watch_new(watch_t **out, const char *service, const char *instance, err_t *err) {
    watch_t *watch = calloc(1, sizeof *watch);
    if (!watch) return err_set(err, E_IO, "out of memory");
    snprintf(watch->service, sizeof watch->service, "%s", service);
    snprintf(watch->instance, sizeof watch->instance, "%s", instance);
    *out = watch;
    return E_OK;
}

void watch_destroy(watch_t **watch) {
    if (!watch || !*watch) return;
    client_destroy(&(*watch)->client);
    free(*watch);
    *watch = NULL;
}

void watch_state(watch_t *watch, watch_state_t state) { atomic_store(&watch->state, state); }

int watch_brokers(watch_t *watch, const client_conf_t *conf, err_t *err) {
    client_conf_t own = *conf;
    own.window = 1;
    return client_new(&watch->client, &own, err);
}

static void probe_store(watch_t *watch, service_ctx_t *ctx) {
    rows_t rows;
    err_t err = {0};
    bool up = store_query(ctx->store, "SELECT 1", NULL, 0, ctx->arena, &rows, &err) == E_OK;
    if (!up && store_begin(ctx->store, &err) == E_OK) { // a lost connection is made again by the next begin
        store_rollback(ctx->store);
        up = true;
    }
    arena_reset(ctx->arena);
    if (up != atomic_exchange(&watch->store_up, up)) {
        if (up)
            log_info("store_reachable", "service=%s", watch->service);
        else
            log_error("store_unreachable", "service=%s why=%s", watch->service, log_value(err.text));
    }
}

static bool lists_us(const watch_t *watch, const reply_t *reply, arena_t *arena) {
    ProtobufCMessage *message = NULL;
    err_t err;
    if (reply->code ||
        message_unpack(&message, &tc__directory__descriptor, reply->body, reply->body_bytes, arena, &err))
        return false;
    const Tc__Directory *directory = (const Tc__Directory *)message;
    for (size_t i = 0; i < directory->n_instances; i++)
        if (strcmp(directory->instances[i]->instance, watch->instance) == 0) return true;
    return false;
}

static void probe_brokers(watch_t *watch, service_ctx_t *ctx, int64_t now_us) {
    reply_t reply;
    while (client_next(watch->client, &reply, 0) == 1)
        if (lists_us(watch, &reply, ctx->arena)) watch->listed_us = now_us;
    arena_reset(ctx->arena);
    bool up = watch->listed_us != 0 && now_us - watch->listed_us < FORGET_US;
    if (up != atomic_exchange(&watch->broker_up, up))
        log_info("brokers", "service=%s listed=%s", watch->service, up ? "yes" : "no");
    if (now_us < watch->next_directory_us) return;
    Tc__DirectoryRequest ask = TC__DIRECTORY_REQUEST__INIT;
    ask.service = watch->service;
    size_t bytes = 0;
    void *body = message_pack(&ask.base, ctx->arena, &bytes);
    call_t call = {.service = "broker",
                   .method = "directory",
                   .key = "",
                   .body = body,
                   .body_bytes = bytes,
                   .deadline_ms = DIRECTORY_DEADLINE_MS};
    err_t err;
    if (body && client_send(watch->client, &call, &err) == E_OK)
        watch->next_directory_us = now_us + (up ? DIRECTORY_US : PROBE_US / 4);
    arena_reset(ctx->arena);
}

void watch_tick(watch_t *watch, service_ctx_t *ctx, int64_t now_us) {
    if (watch->client) probe_brokers(watch, ctx, now_us);
    if (now_us < watch->next_probe_us) return;
    watch->next_probe_us = now_us + PROBE_US;
    atomic_store(&watch->publishes, ctx->stream != NULL);
    atomic_store(&watch->redis_used, *conf_text(ctx->conf, "redis.url") != '\0');
    atomic_store(&watch->redis_up, cache_probe(ctx->cache));
    probe_store(watch, ctx);
}

void watch_consumers(watch_t *watch, consumer_t *const *consumers, size_t count) {
    int parked = 0;
    bool caught_up = true;
    for (size_t i = 0; i < count; i++) {
        consumer_state_t state;
        consumer_state(consumers[i], &state);
        parked += state.parked;
        caught_up = caught_up && state.caught_up;
    }
    atomic_store(&watch->consumers, (int)count);
    atomic_store(&watch->parked, parked);
    atomic_store(&watch->caught_up, caught_up);
}

bool watch_report(void *self, char *text, size_t room) {
    static const char *const states[] = {"starting", "ready", "draining"};
    watch_t *watch = self;
    int state = atomic_load(&watch->state);
    bool store = atomic_load(&watch->store_up), broker = atomic_load(&watch->broker_up);
    const char *redis = !atomic_load(&watch->redis_used) ? "off" : atomic_load(&watch->redis_up) ? "up" : "down";
    bool good = state == WATCH_READY && store && broker;
    // Names are checked ([A-Za-z0-9._:-]), so nothing here needs escaping.
    snprintf(
        text, room,
        "{\"healthy\":%s,\"service\":\"%s\",\"instance\":\"%s\",\"state\":\"%s\",\"store\":\"%s\",\"redis\":\"%s\","
        "\"brokers\":\"%s\",\"stream\":\"%s\",\"consumers\":%d,\"caught_up\":%s,\"parked\":%d}\n",
        good ? "true" : "false", watch->service, watch->instance, states[state], store ? "up" : "down", redis,
        broker ? "up" : "down", atomic_load(&watch->publishes) ? "publishing" : "none", atomic_load(&watch->consumers),
        atomic_load(&watch->caught_up) ? "true" : "false", atomic_load(&watch->parked));
    return good;
}
