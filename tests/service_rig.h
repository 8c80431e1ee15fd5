// A service's handlers without its process: a store, a stream nobody listens to, and requests as JSON. What the command
// shell does around a handler is done here in its plainest form: one transaction a request, rolled back on a refusal.
// One translation unit a program includes this.
#pragma once
#include "common/base/fault.h"
#include "common/base/ids.h"
#include "common/daemon/service.h"
#include "tests/check.h"
#include "tests/temp_store.h"
#include <stdarg.h>
#include <zmq.h>

typedef struct rig {
    const service_t *service;
    void *self; // set by the test
    service_ctx_t ctx;
    err_t err;                // of the last request
    ProtobufCMessage *reply;  // of the last request; lives until rig_close
    int64_t seen[PARTITIONS]; // for rig_pump
    bool failed;              // what the sweep ordered to fail was met before the end of the transaction
} rig_t;

static void *rig_zmq;
static keys_t *rig_keys;
static int rig_open_count;

static inline void rig_ground_start(void) {
    err_t err = {0};
    rig_zmq = zmq_ctx_new();
    NEED(rig_zmq && temp_store_start() == 0);
    NEED(keys_make(temp_store_dir(), "rig", "service", &err) == E_OK);
    NEED(keys_load(&rig_keys, temp_store_dir(), "rig", &err) == E_OK);
}

static inline void rig_ground_stop(void) {
    keys_destroy(&rig_keys);
    if (rig_open_count == 0)
        zmq_ctx_term(rig_zmq); // a test that failed half-way left its sockets open: it would wait for ever
    temp_store_stop();
}

// Schemas are numbered, so that every test begins with empty tables.
static inline void rig_open(rig_t *rig, const service_t *service) {
    static int serial;
    char schema[64];
    err_t err = {0};
    serial++;
    snprintf(schema, sizeof schema, "%s_%c%c", service->name, 'a' + serial / 26 % 26, 'a' + serial % 26);
    *rig = (rig_t){.service = service, .ctx = {.name = service->name, .keys = rig_keys, .zmq = rig_zmq}};
    rig->ctx.arena = arena_new(1 << 20, 0);
    NEED(rig->ctx.arena != NULL);
    rig_open_count++;
    NEED(store_open(&rig->ctx.store, temp_store_url(), schema, &err) == E_OK);
    if (store_migrate(rig->ctx.store, service->migrations, service->migration_count, &err))
        fprintf(stderr, "%s\n", err.text);
    NEED(err.code == E_OK);
    stream_conf_t conf = {.context = rig_zmq,
                          .keys = rig_keys,
                          .store = rig->ctx.store,
                          .service = service->name,
                          .live_bind = "tcp://127.0.0.1:*",
                          .replay_bind = "tcp://127.0.0.1:*",
                          .log = *service->log};
    NEED(stream_new(&rig->ctx.stream, &conf, &err) == E_OK);
}

static inline void rig_close(rig_t *rig) {
    rig_open_count--;
    stream_destroy(&rig->ctx.stream);
    store_close(&rig->ctx.store);
    arena_destroy(&rig->ctx.arena);
}

// Faults on order end here: what comes after the transaction has its own way to go on.
static inline void rig_end_faults(rig_t *rig) {
    const bool memory = fault_disarm(FAULT_MEMORY), store = fault_disarm(FAULT_STORE);
    rig->failed = memory || store;
}

// `dry`: all but the commit.
static inline int rig_commit(rig_t *rig, int code, bool dry) {
    if (code == E_OK && rig->service->log->table) code = stream_flush(rig->ctx.stream, &rig->err);
    if (code == E_OK && dry && fault_now(FAULT_STORE)) code = err_set(&rig->err, E_STORE, "the commit fails on order");
    rig_end_faults(rig);
    if (code == E_OK && !dry) code = store_commit(rig->ctx.store, &rig->err);
    if (code == E_OK && !dry) {
        stream_committed(rig->ctx.stream);
        if (rig->service->after_commit) rig->service->after_commit(rig->self);
        return E_OK;
    }
    store_rollback(rig->ctx.store);
    stream_rolled_back(rig->ctx.stream);
    if (rig->service->rolled_back) rig->service->rolled_back(rig->self);
    return code;
}

// ---- faults
// With TC_SWEEP=4 every command and every batch of events is tried with allocation, store call or send number n
// failing, n rising, before it is let through: a refused one must have changed nothing, and the test goes on after it
// as if nothing had been.

typedef struct sweep_work { // a command, or a batch of events
    rig_t *rig;
    const method_t *method;
    const request_t *request;
    const ProtobufCMessage *message;
    const consumer_effect_t *effect;
    const event_t *events;
    size_t count;
} sweep_work_t;
static inline int sweep(const sweep_work_t *work);
static inline int rig_try(const sweep_work_t *work, bool dry);

static inline int rig_send(rig_t *rig, const char *name, const char *json) {
    const method_t *method = NULL;
    ProtobufCMessage *message = NULL;
    request_t request = {.header = {.service = rig->service->name, .method = name, .caller = "admin:rig"}};
    rig->err = (err_t){0};
    rig->reply = NULL;
    for (size_t i = 0; i < rig->service->method_count; i++)
        if (strcmp(rig->service->methods[i].name, name) == 0) method = &rig->service->methods[i];
    NEED(method != NULL);
    int code = message_from_json(&message, method->request, json, strlen(json), rig->ctx.arena, &rig->err);
    if (code) return code;
    const sweep_work_t work = {rig, method, &request, message, NULL, NULL, 0};
    return sweep(&work);
}

// Returns the code; single quotes in `format` stand for double ones.
__attribute__((format(printf, 3, 4))) static inline int rig_ask(rig_t *rig, const char *name, const char *format, ...) {
    char json[4096];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(json, sizeof json, format, args);
    va_end(args);
    NEED(n > 0 && (size_t)n < sizeof json);
    for (char *c = json; *c; c++)
        if (*c == '\'') *c = '"';
    return rig_send(rig, name, json);
}

// For what the rest of a test stands on.
// The paper behind a membership of a group, where the city asks for one.
#define RIG_PAPER "'certificate':'C-1','issuer':'civil_affairs','issuer_level':'county','issued_on':'2017-06-01'"

#define RIG_DO(rig, ...)                                                                                               \
    do {                                                                                                               \
        if (rig_ask((rig), __VA_ARGS__))                                                                               \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, (rig)->err.field, (rig)->err.text);                 \
        NEED((rig)->err.code == E_OK);                                                                                 \
    } while (0)

// What reconciliation asks of a book: its log followed, its sums, its rows.
static inline void rig_digests(rig_t *rig, const char *book) {
    static const char of[] = "'key':'000102030405060708090a0b0c0d0e0f','of':{'from':'2018-01-01','to':'2018-12-31'}";
    RIG_DO(rig, "follow_rows", "{}");
    RIG_DO(rig, "get_digests", "{'book':'%s',%s,'by':'day'}", book, of);
    RIG_DO(rig, "get_digest_rows", "{'book':'%s',%s}", book, of);
}

static inline const char *rig_reply(rig_t *rig) {
    const char *json = rig->reply ? message_to_json(rig->reply, rig->ctx.arena) : "";
    return json ? json : "";
}

// All events in the store, by partition and number: partition, number, topic, at_ms, body.
static inline void rig_events(rig_t *rig, rows_t *out) {
    err_t err = {0};
    NEED(store_query(rig->ctx.store,
                     "SELECT partition, number, topic, at_ms, body FROM event ORDER BY partition, number", NULL, 0,
                     rig->ctx.arena, out, &err) == E_OK);
}

static inline size_t rig_event_count(rig_t *rig) {
    rows_t rows;
    rig_events(rig, &rows);
    return rows.count;
}

// What a consumer does with a batch.
static inline int rig_take(rig_t *to, const consumer_effect_t *effect, const event_t *events, size_t count, bool dry) {
    int code = store_begin(to->ctx.store, &to->err);
    if (code) return code;
    code = effect->apply(effect->self, events, count, &to->err);
    if (code == E_OK && dry && fault_now(FAULT_STORE)) code = err_set(&to->err, E_STORE, "the commit fails on order");
    rig_end_faults(to);
    if (code == E_OK && !dry) code = store_commit(to->ctx.store, &to->err);
    if (code != E_OK || dry) store_rollback(to->ctx.store);
    if (code == E_OK && !dry && effect->committed) effect->committed(effect->self);
    if ((code != E_OK || dry) && effect->rolled_back) effect->rolled_back(effect->self);
    return code;
}

static inline int rig_run(rig_t *rig, const sweep_work_t *work, bool dry) {
    const method_t *method = work->method;
    rig->reply = NULL;
    if (method->reads_only) return method->handle(rig->self, work->request, work->message, &rig->reply, &rig->err);
    int code = store_begin(rig->ctx.store, &rig->err);
    if (code) return code;
    code = method->handle(rig->self, work->request, work->message, &rig->reply, &rig->err);
    return rig_commit(rig, code, dry);
}

static inline int rig_try(const sweep_work_t *work, bool dry) {
    work->rig->err = (err_t){0};
    if (work->effect) return rig_take(work->rig, work->effect, work->events, work->count, dry);
    return rig_run(work->rig, work, dry);
}

static inline int rig_apply(rig_t *to, const consumer_effect_t *effect, const event_t *events, size_t count) {
    const sweep_work_t work = {to, NULL, NULL, NULL, effect, events, count};
    return sweep(&work);
}

// Deliver what `from` published since the last time.
static inline void rig_pump(rig_t *from, rig_t *to, const consumer_effect_t *effect) {
    rows_t rows;
    event_t batch[CONSUMER_BATCH];
    size_t n = 0;
    rig_events(from, &rows);
    for (size_t i = 0; i < rows.count; i++) {
        event_t event = {.partition = (uint32_t)row_i64(&rows, i, 0),
                         .number = row_i64(&rows, i, 1),
                         .topic = row_text(&rows, i, 2),
                         .at_ms = row_i64(&rows, i, 3)};
        event.body = row_blob(&rows, i, 4, &event.body_bytes);
        if (event.number > from->seen[event.partition]) {
            from->seen[event.partition] = event.number;
            batch[n++] = event;
        }
        if (n == CONSUMER_BATCH || (n && i + 1 == rows.count)) {
            if (rig_apply(to, effect, batch, n)) fprintf(stderr, "%s\n", to->err.text);
            NEED(to->err.code == E_OK);
            n = 0;
        }
    }
}

#include "tests/sweep.h"

// ---- identifiers that pass their checks
// ---------------------------------------------------------------------------------

static inline const char *rig_citizen(unsigned serial, const char *birth, bool male) {
    static char id[8][20];
    static unsigned turn;
    char *out = id[turn++ % 8];
    snprintf(out, 20, "440703%s%03u", birth, serial % 500 * 2 + (male ? 1 : 0));
    out[17] = citizen_id_check_char(out);
    out[18] = '\0';
    return out;
}

static inline const char *rig_uscc(unsigned serial) {
    static char code[8][20];
    static unsigned turn;
    char *out = code[turn++ % 8];
    snprintf(out, 20, "91440703%09u", serial);
    out[17] = uscc_check_char(out);
    out[18] = '\0';
    return out;
}
