// The life of a service process: start in order, one poll loop, drain. Survives: a store, Redis or brokers that are not
// there yet or go away. Ends loudly: a configuration, key or policy that is unusable. SIGTERM and SIGINT are read from
// a descriptor, so nothing is ever interrupted in the middle.
#include "service.h"
#include "commands.h"
#include "common/base/date.h"
#include "common/base/ids.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/wire/lane.h"
#include "health.h"
#include "housekeeping.h"
#include "secret.h"
#include "watch.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

enum {
    CONSUMERS_MAX = 8,
    SOCKETS_MAX = 128,
    TICK_MS = 100,
    PAUSE_FIRST_MS = 100, // between tries to start; doubles
    PAUSE_MAX_MS = 5000,
    DRAIN_QUIET_MS = 300, // no request for so long: nothing is under way to us any more
    DRAIN_MAX_MS = 3000,
    ARENA_BLOCK_BYTES = 256 * 1024,
    ARENA_LIMIT_BYTES = 256 * 1024 * 1024,
    METHODS_MAX = 96,
};

#define STREAM_DOMAIN "stream"

typedef struct process {
    service_ctx_t ctx;
    const service_t *service;
    void *self;
    conf_t *conf;
    char instance[64];
    char public_host[256];
    int signals; // descriptor
    bool stop_asked;
    zap_t *zap;
    health_t *health;
    watch_t *watch;
    commands_t *commands;
    consumer_t *consumers[CONSUMERS_MAX];
    size_t consumer_count;
    int64_t next_tick_us;
    metric_t *latency[METHODS_MAX + 1]; // the last is for methods that do not exist
    metric_t *batch_sizes[6];
} process_t;

static process_t *running; // one per operating-system process

int service_consume(service_ctx_t *ctx, const consumer_conf_t *conf, err_t *err) {
    if (!running || ctx != &running->ctx)
        return err_set(err, E_INTERNAL, "service_consume: only from the start hook under service_main");
    if (running->consumer_count == CONSUMERS_MAX)
        return err_set(err, E_TOO_LARGE, "at most %d consumers", CONSUMERS_MAX);
    int code = consumer_new(&running->consumers[running->consumer_count], conf, err);
    if (!code) running->consumer_count++;
    return code;
}

bool service_consumer_state(const service_ctx_t *ctx, const char *service, consumer_state_t *out) {
    for (size_t i = 0; running && ctx == &running->ctx && i < running->consumer_count; i++) {
        if (strcmp(consumer_service(running->consumers[i]), service) != 0) continue;
        consumer_state(running->consumers[i], out);
        return true;
    }
    return false;
}

// ---- signals

static int catch_signals(process_t *process, err_t *err) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    signal(SIGPIPE, SIG_IGN);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0) return err_set(err, E_IO, "cannot block signals");
    process->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return process->signals < 0 ? err_set(err, E_IO, "no signal descriptor") : E_OK;
}

// Wait for `ms` or a signal.
static bool stop_asked(process_t *process, int64_t ms) {
    struct pollfd at = {.fd = process->signals, .events = POLLIN};
    struct signalfd_siginfo info;
    if (!process->stop_asked && poll(&at, 1, (int)ms) > 0 && read(process->signals, &info, sizeof info) > 0) {
        process->stop_asked = true;
        log_info("stopping", "signal=%u", info.ssi_signo);
    }
    return process->stop_asked;
}

// ---- start

static int name_instance(process_t *process, err_t *err) {
    const char *given = conf_text(process->conf, "service.instance");
    char host[128] = "host";
    if (gethostname(host, sizeof host - 1) != 0) snprintf(host, sizeof host, "host");
    if (*given)
        snprintf(process->instance, sizeof process->instance, "%s", given);
    else
        snprintf(process->instance, sizeof process->instance, "%s-%.24s-%d", process->service->name, host,
                 (int)getpid());
    int code = name_check("service.instance", *given ? given : process->instance, err);
    if (code) return code;
    const char *bind = conf_text(process->conf, "stream.bind_host"),
               *announced = conf_text(process->conf, "stream.public_host");
    bool anywhere = strcmp(bind, "*") == 0 || strcmp(bind, "0.0.0.0") == 0;
    snprintf(process->public_host, sizeof process->public_host, "%s", *announced || !anywhere ? announced : host);
    return E_OK;
}

static int start_log(process_t *process, err_t *err) {
    const char *level = conf_text(process->conf, "log.level");
    int number = log_level_from_name(level);
    if (number < 0)
        return err_field(err, E_INVALID_FIELD, "log.level", "log.level: debug, info, warn or error expected, not %s",
                         level);
    log_setup(process->instance, (log_level_t)number);
    return E_OK;
}

static int start_cache(process_t *process, err_t *err) {
    uint8_t secret[SECRET_BYTES];
    int code = secret_load(conf_text(process->conf, "keys.dir"), secret, err);
    if (!code)
        code = cache_new(&process->ctx.cache, conf_text(process->conf, "redis.url"), secret,
                         (int)conf_int(process->conf, "redis.timeout_ms"), err);
    explicit_bzero(secret, sizeof secret);
    return code;
}

static int start_sockets(process_t *process, err_t *err) {
    service_ctx_t *ctx = &process->ctx;
    const char *keys_dir = conf_text(process->conf, "keys.dir"), *self = conf_text(process->conf, "keys.self");
    // Agencies hear what they were granted, at a door of their own, and never the streams themselves.
    static const zap_domain_t domains[] = {{STREAM_DOMAIN, ROLE_SERVICE | ROLE_ADMIN | ROLE_CLERK},
                                           {AGENCY_DOMAIN, ROLE_AGENCY}};
    int code = keys_load(&ctx->keys, keys_dir, *self ? self : process->service->name, err);
    if (code) return code;
    ctx->zmq = zmq_ctx_new();
    if (!ctx->zmq || lane_open_all(ctx->zmq) != 0) return err_set(err, E_IO, "no ZeroMQ context");
    code = zap_start(&process->zap, ctx->zmq, keys_dir, domains, COUNT_OF(domains), err);
    if (code) return code;
    ctx->client_conf = (client_conf_t){.context = ctx->zmq,
                                       .keys = ctx->keys,
                                       .brokers = conf_list(process->conf, "broker.front"),
                                       .broker_key_name = conf_text(process->conf, "broker.key_name"),
                                       .attempt_ms = (int)conf_int(process->conf, "client.attempt_ms")};
    code = client_new(&ctx->client, &ctx->client_conf, err);
    if (!code) code = watch_brokers(process->watch, &ctx->client_conf, err);
    return code;
}

// Everything that asks nobody outside this machine.
static int start_here(process_t *process, err_t *err) {
    service_ctx_t *ctx = &process->ctx;
    ctx->conf = process->conf;
    // Before any thread is made: they inherit it.
    if (setpriority(PRIO_PROCESS, 0, (int)conf_int(process->conf, "service.nice")))
        return err_set(err, E_IO, "service.nice: %s", strerror(errno));
    ctx->name = process->service->name;
    ctx->instance = process->instance;
    ctx->arena = arena_new(ARENA_BLOCK_BYTES, ARENA_LIMIT_BYTES);
    if (!ctx->arena) return err_set(err, E_IO, "out of memory");
    int code = watch_new(&process->watch, ctx->name, ctx->instance, err);
    if (!code)
        code =
            health_start(&process->health, conf_text(process->conf, "health.bind"), watch_report, process->watch, err);
    if (!code) code = start_cache(process, err);
    if (!code) code = start_sockets(process, err);
    return code;
}

static void drop_store(process_t *process) {
    if (process->self && process->service->stop) process->service->stop(process->self);
    process->self = NULL;
    for (size_t i = 0; i < process->consumer_count; i++) consumer_destroy(&process->consumers[i]);
    process->consumer_count = 0;
    stream_destroy(&process->ctx.stream);
    store_close(&process->ctx.store);
}

static int open_stream(process_t *process, err_t *err) {
    char bind[300];
    snprintf(bind, sizeof bind, "tcp://%s:*", conf_text(process->conf, "stream.bind_host"));
    stream_conf_t conf = {.context = process->ctx.zmq,
                          .keys = process->ctx.keys,
                          .store = process->ctx.store,
                          .service = process->service->name,
                          .live_bind = bind,
                          .replay_bind = bind,
                          .public_host = *process->public_host ? process->public_host : NULL,
                          .log = *process->service->log};
    return stream_new(&process->ctx.stream, &conf, err);
}

// Store, schema, stream and the service's own state: all of it or none.
static int open_store(process_t *process, err_t *err) {
    const service_t *service = process->service;
    int code = store_open(&process->ctx.store, conf_text(process->conf, "store.url"), service->name, err);
    if (!code) code = store_migrate(process->ctx.store, service->migrations, service->migration_count, err);
    if (!code && service->log) code = open_stream(process, err);
    if (!code && service->start) code = service->start(&process->ctx, &process->self, err);
    if (code) drop_store(process);
    return code;
}

// Try until it works, is hopeless, or somebody asks us to stop.
static int open_store_patiently(process_t *process, err_t *err) {
    char told[sizeof err->text] = "";
    for (int64_t pause_ms = PAUSE_FIRST_MS;; pause_ms = pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS) {
        *err = (err_t){0};
        int code = open_store(process, err);
        if (!code || !err_may_retry(code)) return code;
        if (strcmp(told, err->text) != 0)
            log_warn("start_waits", "code=%s why=%s", err_name(code), log_value(err->text));
        snprintf(told, sizeof told, "%s", err->text);
        if (stop_asked(process, pause_ms)) return E_OK;
    }
}

static int start_server(process_t *process, err_t *err) {
    service_ctx_t *ctx = &process->ctx;
    server_conf_t conf = {.context = ctx->zmq,
                          .keys = ctx->keys,
                          .brokers = conf_list(process->conf, "broker.back"),
                          .broker_key_name = conf_text(process->conf, "broker.key_name"),
                          .service = ctx->name,
                          .instance = ctx->instance,
                          .credit = (int)conf_int(process->conf, "service.credit"),
                          .live_endpoint = ctx->stream ? stream_live_endpoint(ctx->stream) : "",
                          .replay_endpoint = ctx->stream ? stream_replay_endpoint(ctx->stream) : "",
                          .replay_version = ctx->stream ? STREAM_REPLAY_VERSION : 0,
                          .key_name = keys_self(ctx->keys)};
    int code = server_new(&ctx->server, &conf, err);
    if (!code && !process->service->batch)
        code = commands_new(&process->commands, ctx, process->service, process->self, err);
    return code;
}

static void make_metrics(process_t *process) {
    static const char *const sizes[] = {"1", "2-4", "5-16", "17-64", "65-256", "more"};
    char label[128];
    CHECK(process->service->method_count <= METHODS_MAX);
    for (size_t i = 0; i <= process->service->method_count; i++) {
        bool known = i < process->service->method_count;
        snprintf(label, sizeof label, "method=\"%s\"", known ? process->service->methods[i].name : "unknown");
        process->latency[known ? i : METHODS_MAX] =
            metric_histogram("service_request_seconds", label, "From arrival to the end of the batch");
    }
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        snprintf(label, sizeof label, "requests=\"%s\"", sizes[i]);
        process->batch_sizes[i] = metric_counter("service_batches_total", label, "Batches by number of requests");
    }
}

// ---- the loop

static void observe(process_t *process, const request_t *batch, size_t count) {
    static const size_t bounds[] = {1, 4, 16, 64, 256};
    size_t class = 0;
    while (class < COUNT_OF(bounds) && count > bounds[class]) class ++;
    metric_add(process->batch_sizes[class], 1);
    int64_t now_us = clock_mono_us();
    for (size_t i = 0; i < count; i++) {
        size_t method = 0;
        while (method < process->service->method_count &&
               strcmp(process->service->methods[method].name, batch[i].header.method) != 0)
            method++;
        if (method == process->service->method_count) method = METHODS_MAX;
        metric_observe_us(process->latency[method], now_us - batch[i].received_us);
    }
}

static void serve_batch(process_t *process, const request_t *batch, size_t count) {
    if (count == 0) return;
    if (process->commands) {
        commands_batch(process->commands, batch, count);
    } else {
        process->service->batch(process->self, batch, count);
        arena_reset(process->ctx.arena);
    }
    observe(process, batch, count);
}

// Take what has arrived and answer it. Returns the number of requests. Housekeeping is done here, for every service
// alike; what stands between goes on as batches.
static size_t serve(process_t *process) {
    size_t max = (size_t)conf_int(process->conf, "service.batch_max"), from = 0;
    const request_t *batch;
    server_tick(process->ctx.server);
    size_t count = server_take(process->ctx.server, &batch, max);
    const housekeeping_t house = {.ctx = &process->ctx,
                                  .log = process->service->log,
                                  .consumers = process->consumers,
                                  .consumer_count = process->consumer_count,
                                  .elsewhere = process->service->elsewhere,
                                  .elsewhere_count = process->service->elsewhere_count};
    for (size_t i = 0; i < count; i++) {
        if (!housekeeping_takes(&batch[i])) continue;
        serve_batch(process, batch + from, i - from);
        housekeeping_answer(&house, &batch[i]);
        from = i + 1;
    }
    serve_batch(process, batch + from, count - from);
    return count;
}

// The sockets of this turn; the first is the signal descriptor, the next `servers` belong to the server.
static size_t collect(process_t *process, zmq_pollitem_t *items, size_t *servers) {
    void *sockets[SOCKETS_MAX];
    service_ctx_t *ctx = &process->ctx;
    size_t room = SOCKETS_MAX - 1, count = *servers = server_sockets(ctx->server, sockets, room);
    if (ctx->stream) count += stream_sockets(ctx->stream, sockets + count, room - count);
    for (size_t i = 0; i < process->consumer_count && count < room; i++)
        count += consumer_sockets(process->consumers[i], sockets + count, room - count);
    if (process->service->sockets && count < room)
        count += process->service->sockets(process->self, sockets + count, room - count);
    if (process->service->tick && client_in_flight(ctx->client) > 0 && count < room)
        count += client_sockets(ctx->client, sockets + count, room - count);
    items[0] = (zmq_pollitem_t){.fd = process->signals, .events = ZMQ_POLLIN};
    for (size_t i = 0; i < count; i++) items[i + 1] = (zmq_pollitem_t){.socket = sockets[i], .events = ZMQ_POLLIN};
    return count + 1;
}

// Once a request is there, a little patience makes one commit of several requests, when the configuration says so.
static void wait_for_company(process_t *process, const zmq_pollitem_t *items, size_t servers) {
    int64_t wait_us = conf_int(process->conf, "service.batch_wait_us");
    bool arrived = false;
    for (size_t i = 1; i <= servers; i++) arrived = arrived || (items[i].revents & ZMQ_POLLIN);
    if (arrived && wait_us > 0) nanosleep(&(struct timespec){.tv_nsec = wait_us * 1000}, NULL);
}

static void ticks(process_t *process) {
    int64_t now_us = clock_mono_us(), now_ms = clock_now_ms();
    if (now_us < process->next_tick_us) return;
    process->next_tick_us = now_us + TICK_MS * 1000;
    if (process->service->tick) process->service->tick(process->self, now_ms);
    if (process->commands) commands_tick(process->commands, now_ms);
    watch_consumers(process->watch, process->consumers, process->consumer_count);
    watch_tick(process->watch, &process->ctx, now_us);
}

// Until a consumer has gathered its batch, a tick at most.
static int64_t rest_ms(const process_t *process) {
    int64_t ms = TICK_MS;
    for (size_t i = 0; i < process->consumer_count; i++) ms = consumer_due_ms(process->consumers[i], ms);
    return ms;
}

// One turn: returns the number of requests served; *more: somebody has work left.
static size_t turn(process_t *process, bool *more) {
    zmq_pollitem_t items[SOCKETS_MAX];
    size_t servers, count = collect(process, items, &servers);
    if (zmq_poll(items, (int)count, *more ? 0 : (long)rest_ms(process)) > 0) wait_for_company(process, items, servers);
    if (items[0].revents) stop_asked(process, 0);
    size_t served = serve(process);
    *more = served > 0;
    if (process->ctx.stream && stream_tick(process->ctx.stream) == 1) *more = true;
    for (size_t i = 0; i < process->consumer_count; i++)
        if (consumer_tick(process->consumers[i]) == 1) *more = true;
    if (process->service->turn && process->service->turn(process->self) == 1) *more = true;
    ticks(process);
    return served;
}

static void drain(process_t *process) {
    watch_state(process->watch, WATCH_DRAINING);
    server_drain(process->ctx.server);
    int64_t start_us = clock_mono_us(), quiet_since_us = start_us;
    bool more = true;
    for (int64_t now_us = start_us;
         now_us - start_us < DRAIN_MAX_MS * 1000 && now_us - quiet_since_us < DRAIN_QUIET_MS * 1000;
         now_us = clock_mono_us())
        if (turn(process, &more) > 0) quiet_since_us = clock_mono_us();
}

static int live(process_t *process, err_t *err) {
    int code = open_store_patiently(process, err);
    if (code || process->stop_asked) return code;
    code = start_server(process, err);
    if (code) return code;
    make_metrics(process);
    watch_state(process->watch, WATCH_READY);
    log_info("ready", "service=%s instance=%s", process->ctx.name, process->instance);
    printf("ready service=%s instance=%s health=%s\n", process->ctx.name, process->instance,
           health_url(process->health));
    fflush(stdout);
    bool more = true;
    while (!process->stop_asked) turn(process, &more);
    drain(process);
    return E_OK;
}

// Safe at any stage of the start. The server says goodbye before anything that a request could need goes away.
static void end(process_t *process) {
    server_destroy(&process->ctx.server);
    commands_destroy(&process->commands);
    drop_store(process);
    client_destroy(&process->ctx.client);
    health_stop(&process->health);
    watch_destroy(&process->watch);
    zap_stop(&process->zap);
    if (process->ctx.zmq) zmq_ctx_term(process->ctx.zmq);
    cache_destroy(&process->ctx.cache);
    keys_destroy(&process->ctx.keys);
    arena_destroy(&process->ctx.arena);
    if (process->signals >= 0) close(process->signals);
    conf_destroy(&process->conf);
}

int service_main(int argc, char **argv, const service_t *service) {
    process_t process = {.service = service, .signals = -1};
    err_t err = {0};
    log_setup(service->name, LOG_INFO);
    int code = conf_load(&process.conf, argc, argv, &err);
    if (!code && conf_help_asked(process.conf)) {
        conf_manual(stdout);
        conf_destroy(&process.conf);
        return 0;
    }
    running = &process;
    if (!code) code = name_instance(&process, &err);
    if (!code) code = start_log(&process, &err);
    if (!code) code = catch_signals(&process, &err);
    if (!code) code = start_here(&process, &err);
    if (!code) code = live(&process, &err);
    if (code)
        log_error("stopped", "code=%s field=%s why=%s", err_name(code), log_value(err.field), log_value(err.text));
    end(&process);
    running = NULL;
    if (!code) log_info("stopped", "service=%s", service->name);
    return code ? 1 : 0;
}
