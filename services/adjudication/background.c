#include "background.h"
#include "account_credits.h"
#include "account_tell.h"
#include "common/base/date.h"
#include "common/base/log.h"
#include "common/wire/gate.h"
#include "lease.h"
#include "pump.h"
#include "scan.h"
#include "second_look.h"
#include "touched.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    REST_MS = 50,         // when there is nothing to do
    FAULT_REST_MS = 1000, // after a failure
    SCAN_MS = 500,        // between looks for tasks
    TELL_MS = 200,        // between looks for changes of accounts that are not told yet
    TELLS_MAX = 16,       // partitions in a row
    COUNT_MS = 2000,      // between counts of the queue
    TICKS_MAX = 16,       // batches of events of one consumer in a row
    ANSWER_MS = 30000,
    ARENA_BLOCK = 256 * 1024,
    ARENA_LIMIT = 256 * 1024 * 1024,
};

static const char lease_name[] = "readjudication";

// A durable consumer that the leader drives. `name` is the cursor's. The effect runs inside the transaction that moves
// the cursor and writes into the tables of adjudication only.
typedef struct followed {
    int (*apply)(store_t *store, arena_t *arena, const event_t *events, size_t count, int64_t now_ms, err_t *err);
    bool twice; // a second look after whom its events name
} followed_t;

const elsewhere_t background_consumers[BACKGROUND_CONSUMERS] = {
    {"collection", "readjudicate"}, {"facility", "readjudicate"}, {"collection", "accounts"}};
static const followed_t effects[BACKGROUND_CONSUMERS] = {
    {touched_entitlements, true}, {touched_facilities, false}, {account_credits_follow, false}};

typedef struct following {
    struct background *of;
    const followed_t *what;
    consumer_t *consumer;
    arena_t *arena;
} following_t;

struct background {
    const service_ctx_t *ctx;
    pthread_t thread;
    atomic_bool stopping;
    store_t *store;
    arena_t *arena;
    client_t *client;
    bool leads;
    following_t following[BACKGROUND_CONSUMERS];
    pump_t pump;
    second_look_t *second_look;
    char tags[PUMP_WINDOW];                       // their addresses stand for the pump's slots
    int64_t lease_ms, scan_ms, tell_ms, count_ms; // when they were looked at last
    metric_t *leader, *waiting, *parked;
    log_gate_t gate;
};

// ---- the way to the brokers

static int port_send(void *self, const char *person, const char *request_id, const void *body, size_t body_bytes,
                     size_t slot, err_t *err) {
    background_t *b = self;
    const call_t call = {.service = "adjudication",
                         .method = "recompute",
                         .key = person,
                         .request_id = request_id,
                         .body = body,
                         .body_bytes = body_bytes,
                         .deadline_ms = ANSWER_MS,
                         .tag = &b->tags[slot]};
    return client_send(b->client, &call, err);
}

static bool port_next(void *self, int timeout_ms, pump_reply_t *out) {
    background_t *b = self;
    static _Thread_local reply_t reply;
    if (client_next(b->client, &reply, timeout_ms) != 1) return false;
    *out = (pump_reply_t){.slot = (size_t)((char *)reply.tag - b->tags),
                          .code = reply.code,
                          .text = reply.text,
                          .body = reply.body,
                          .body_bytes = reply.body_bytes};
    return true;
}

// ---- streams

static int apply(void *self, const event_t *events, size_t count, err_t *err) {
    following_t *f = self;
    const int64_t now_ms = clock_now_ms();
    arena_reset(f->arena);
    int rc = f->what->apply(f->of->store, f->arena, events, count, now_ms, err);
    if (rc || !f->what->twice) return rc;
    return second_look_note(f->of->second_look, events, count, now_ms, f->arena, err);
}

static void unfollow(background_t *b) {
    for (size_t i = 0; i < BACKGROUND_CONSUMERS; i++) {
        consumer_destroy(&b->following[i].consumer);
        arena_destroy(&b->following[i].arena);
    }
}

static int follow(background_t *b, err_t *err) {
    int rc = 0;
    for (size_t i = 0; !rc && i < BACKGROUND_CONSUMERS; i++) {
        following_t *f = &b->following[i];
        *f = (following_t){.of = b, .what = &effects[i], .arena = arena_new(ARENA_BLOCK, ARENA_LIMIT)};
        const consumer_conf_t conf = {.client = b->ctx->client_conf,
                                      .service = background_consumers[i].service,
                                      .name = background_consumers[i].consumer,
                                      .store = b->store,
                                      .effect = {.self = f, .apply = apply}};
        rc = f->arena ? consumer_new(&f->consumer, &conf, err) : err_set(err, E_IO, "out of memory");
    }
    if (rc) unfollow(b);
    return rc;
}

static bool take_events(background_t *b) {
    bool more = false;
    for (size_t i = 0; i < BACKGROUND_CONSUMERS; i++)
        for (int n = 0; n < TICKS_MAX; n++) {
            if (effects[i].twice && !second_look_has_room(b->second_look, CONSUMER_BATCH)) break;
            if (consumer_tick(b->following[i].consumer) != 1) break;
            more = true;
        }
    return more;
}

// ---- leading

static int begin_leading(background_t *b, err_t *err) {
    const pump_ports_t ports = {b, port_send, port_next};
    int rc = client_new(&b->client, &b->ctx->client_conf, err);
    if (!rc) rc = second_look_new(&b->second_look, clock_now_ms(), err);
    if (!rc) rc = follow(b, err);
    if (rc) {
        second_look_destroy(&b->second_look);
        client_destroy(&b->client);
        return rc;
    }
    pump_init(&b->pump, b->store, b->arena, &ports);
    b->leads = true;
    metric_set(b->leader, 1);
    log_info("readjudication_leads", "instance=%s", b->ctx->instance);
    return 0;
}

// What is in flight is asked again, under the same ids, by whoever leads next.
static void end_leading(background_t *b) {
    if (!b->leads) return;
    unfollow(b);
    second_look_destroy(&b->second_look);
    client_destroy(&b->client);
    b->leads = false;
    metric_set(b->leader, 0);
    log_info("readjudication_rests", "instance=%s", b->ctx->instance);
}

static int hold_lease(background_t *b, int64_t now_ms, err_t *err) {
    bool leads;
    if (now_ms - b->lease_ms < LEASE_RENEW_MS && now_ms >= b->lease_ms) return 0;
    arena_reset(b->arena);
    int rc = lease_hold(b->store, lease_name, b->ctx->instance, now_ms, b->arena, &leads, err);
    if (rc) return rc;
    b->lease_ms = now_ms;
    if (!leads) end_leading(b);
    return leads && !b->leads ? begin_leading(b, err) : 0;
}

static int count_queue(background_t *b, int64_t now_ms, err_t *err) {
    int64_t waiting, parked;
    if (now_ms - b->count_ms < COUNT_MS && now_ms >= b->count_ms) return 0;
    b->count_ms = now_ms;
    int rc = recompute_waiting(b->store, b->arena, &waiting, &parked, err);
    if (rc) return rc;
    metric_set(b->waiting, waiting);
    metric_set(b->parked, parked);
    return 0;
}

// Tasks are scanned when little is due: so the queue stays short, however large the city.
static int scan(background_t *b, int64_t now_ms, bool *moved, err_t *err) {
    *moved = false;
    if (!b->pump.dry || (now_ms - b->scan_ms < SCAN_MS && now_ms >= b->scan_ms)) return 0;
    int rc = scan_step(b->store, b->arena, now_ms, moved, err);
    b->scan_ms = *moved ? 0 : now_ms;
    if (*moved) b->pump.dry = false;
    return rc;
}

static int tell_accounts(background_t *b, int64_t now_ms, bool *moved, err_t *err) {
    *moved = false;
    if (now_ms - b->tell_ms < TELL_MS && now_ms >= b->tell_ms) return 0;
    int rc = 0;
    bool more = true;
    for (int i = 0; !rc && more && i < TELLS_MAX; i++) {
        rc = account_tell_step(b->store, b->arena, &more, err);
        *moved |= more;
    }
    b->tell_ms = more && !rc ? 0 : now_ms;
    return rc;
}

static int work(background_t *b, bool *busy, err_t *err) {
    const int64_t now_ms = clock_now_ms();
    bool pumped = false, scanned = false, looked = false, told = false;
    int rc = hold_lease(b, now_ms, err);
    if (rc || !b->leads) return rc;
    *busy = take_events(b);
    rc = second_look_take(b->second_look, b->store, b->arena, now_ms, &looked, err);
    if (!rc) rc = pump_tick(&b->pump, now_ms, &pumped, err);
    if (!rc) rc = scan(b, now_ms, &scanned, err);
    if (!rc) rc = tell_accounts(b, now_ms, &told, err);
    if (!rc) rc = count_queue(b, now_ms, err);
    *busy |= looked || pumped || scanned || told || b->pump.in_flight;
    return rc;
}

static void rest(int64_t ms) {
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static void *run(void *self) {
    background_t *b = self;
    uint64_t skipped;
    while (!atomic_load(&b->stopping)) {
        err_t err = {0};
        bool busy = false;
        int rc = work(b, &busy, &err);
        if (rc && log_gate_open(&b->gate, &skipped))
            log_warn("readjudication_failed", "code=%s why=%s skipped=%llu", err_name(rc), log_value(err.text),
                     (unsigned long long)skipped);
        if (rc && rc != E_RACE)
            rest(FAULT_REST_MS);
        else if (!busy)
            rest(REST_MS);
    }
    if (b->leads) lease_release(b->store, lease_name, b->ctx->instance);
    end_leading(b);
    return NULL;
}

// ---- life

static void release(background_t **background) {
    background_t *b = *background;
    store_close(&b->store);
    arena_destroy(&b->arena);
    free(b);
    *background = NULL;
}

int background_start(background_t **out, const service_ctx_t *ctx, err_t *err) {
    background_t *b = calloc(1, sizeof *b);
    if (!b) return err_set(err, E_IO, "out of memory");
    b->ctx = ctx;
    b->leader = metric_gauge("adjudication_readjudication_leader", "", "1 in the instance that readjudicates for all");
    b->waiting =
        metric_gauge("adjudication_recompute_queue", "state=\"waiting\"", "persons and years, as the leader counts");
    b->parked =
        metric_gauge("adjudication_recompute_queue", "state=\"parked\"", "persons and years, as the leader counts");
    b->arena = arena_new(ARENA_BLOCK, ARENA_LIMIT);
    int rc = b->arena ? store_open(&b->store, conf_text(ctx->conf, "store.url"), ctx->name, err)
                      : err_set(err, E_IO, "out of memory");
    if (!rc && pthread_create(&b->thread, NULL, run, b)) rc = err_set(err, E_IO, "cannot start a thread");
    if (rc) {
        release(&b);
        return rc;
    }
    *out = b;
    return 0;
}

void background_stop(background_t **background) {
    if (!*background) return;
    atomic_store(&(*background)->stopping, true);
    pthread_join((*background)->thread, NULL);
    release(background);
}
