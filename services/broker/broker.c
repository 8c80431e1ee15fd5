// The broker's shell: it moves frames between the sockets and the core (dispatch.h), fills in who is calling, and
// answers what the core refuses.
#include "broker.h"

#include "common/base/date.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/wire/curve.h"
#include "common/wire/gate.h"
#include "front.h"
#include "own.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    IO_THREADS = 2,  // both do CURVE for half of the connections
    DRAIN_MAX = 256, // messages from one side before the other gets its turn
    ROUNDS_MAX = 64, // such turns before the clock is looked at again
    BACK_FRAMES = 4, // routing id, control, header, body
    ENDPOINT_BYTES = 256,
};

struct broker {
    char name[WIRE_NAME_MAX + 1];
    void *context, *front, *back;
    keys_t *keys;
    zap_t *zap;
    dispatch_t *dispatch;
    arena_t *arena;
    atomic_bool stop;
    int64_t tick_us, beat_us;
    char front_endpoint[ENDPOINT_BYTES], back_endpoint[ENDPOINT_BYTES];
    log_gate_t client_gate, service_gate;
    metric_t *malformed_front, *malformed_back, *stray_replies;
};

static int send_job(void *self, const instance_t *instance, const job_t *job) {
    broker_t *broker = self;
    uint8_t control[WIRE_CONTROL_MAX_BYTES];
    zmq_msg_t frames[BACK_FRAMES];
    size_t bytes = wire_control_write(control, WIRE_REQUEST, job->token);
    if (wire_message_of(&frames[0], instance->routing_id, instance->routing_id_bytes, NULL) != E_OK) return ENOMEM;
    if (wire_message_of(&frames[1], control, bytes, NULL) != E_OK) {
        wire_close(frames, 1);
        return ENOMEM;
    }
    zmq_msg_init(&frames[2]);
    zmq_msg_init(&frames[3]);
    // Copies share their bytes; the job keeps its own for another instance. zmq_msg_copy does not write to its source's
    // bytes.
    int rc = zmq_msg_copy(&frames[2], (zmq_msg_t *)(uintptr_t)&job->header);
    if (rc == 0) rc = zmq_msg_copy(&frames[3], (zmq_msg_t *)(uintptr_t)&job->body);
    rc = rc == 0 ? wire_send(broker->back, frames, BACK_FRAMES) : ENOMEM;
    if (rc != 0) wire_close(frames, BACK_FRAMES);
    return rc;
}

// [client][tag][header][body] to the front. All four are taken. A client that has gone gets nothing, and needs nothing.
static void send_front(broker_t *broker, zmq_msg_t *client, zmq_msg_t *tag, zmq_msg_t *header, zmq_msg_t *body) {
    zmq_msg_t frames[BACK_FRAMES];
    zmq_msg_t *from[BACK_FRAMES] = {client, tag, header, body};
    for (int i = 0; i < BACK_FRAMES; i++) {
        zmq_msg_init(&frames[i]);
        zmq_msg_move(&frames[i], from[i]);
    }
    if (wire_send(broker->front, frames, BACK_FRAMES) != 0) wire_close(frames, BACK_FRAMES);
}

static void answer(broker_t *broker, zmq_msg_t *client, zmq_msg_t *tag, const char *request_id, int code,
                   const char *field, const char *text, zmq_msg_t *body) {
    zmq_msg_t header;
    if (wire_reply_pack(&header, request_id, code, field, text, NULL) != E_OK)
        return; // out of memory: the client asks again
    send_front(broker, client, tag, &header, body);
    zmq_msg_close(&header);
}

static void refuse(broker_t *broker, zmq_msg_t *client, zmq_msg_t *tag, const char *request_id, const err_t *err) {
    zmq_msg_t body;
    zmq_msg_init(&body);
    answer(broker, client, tag, request_id, err->code, err->field, err->text, &body);
    zmq_msg_close(&body);
}

static void refuse_job(void *self, job_t *job, int code, const char *field, const char *text) {
    err_t err = {0};
    err_field(&err, code, field, "%s", text);
    refuse(self, &job->client, &job->tag, job->request_id, &err);
}

static void malformed(metric_t *metric, log_gate_t *gate, const char *side, const char *who, const err_t *err) {
    uint64_t skipped = 0;
    metric_add(metric, 1);
    if (log_gate_open(gate, &skipped))
        log_warn("message_malformed", "side=%s from=%s reason=%s skipped=%llu", side, log_value(who),
                 log_value(err->text), (unsigned long long)skipped);
}

// Who sent it, by the key of the connection: "role:name", or NULL.
static const char *sender(zmq_msg_t *frame) { return zmq_msg_gets(frame, "User-Id"); }

static int fill_job(job_t *job, Tc__RequestHeader *header, const char *caller, zmq_msg_t *frames, int64_t now_us,
                    err_t *err) {
    int64_t left_ms = header->deadline_ms - clock_now_ms();
    if (left_ms > WIRE_DEADLINE_MAX_MS)
        left_ms = WIRE_DEADLINE_MAX_MS; // a client whose clock is wrong, or who is greedy
    job->deadline_us = now_us + left_ms * 1000;
    snprintf(job->request_id, sizeof job->request_id, "%s", header->request_id);
    header->caller = (char *)(uintptr_t)caller;
    zmq_msg_close(&job->header);
    int rc = wire_pack(&job->header, &header->base, err);
    if (rc != E_OK) {
        zmq_msg_init(&job->header);
        return rc;
    }
    zmq_msg_move(&job->client, &frames[0]);
    zmq_msg_move(&job->tag, &frames[1]);
    zmq_msg_move(&job->body, &frames[3]);
    return E_OK;
}

static void serve_own(broker_t *broker, const Tc__RequestHeader *header, const char *caller, zmq_msg_t *frames,
                      int64_t now_us) {
    zmq_msg_t body;
    err_t err = {0};
    int rc = own_call(broker->dispatch, header->method, caller, zmq_msg_data(&frames[3]), zmq_msg_size(&frames[3]),
                      broker->arena, now_us, &body, &err);
    answer(broker, &frames[0], &frames[1], header->request_id, rc, err.field, err.text, &body);
    zmq_msg_close(&body);
}

static void forward(broker_t *broker, Tc__RequestHeader *header, const char *caller, zmq_msg_t *frames,
                    int64_t now_us) {
    err_t err = {0};
    size_t bytes = zmq_msg_size(&frames[2]) + zmq_msg_size(&frames[3]);
    job_t *job = dispatch_job(broker->dispatch, bytes, &err);
    if (job && fill_job(job, header, caller, frames, now_us, &err) == E_OK) {
        dispatch_offer(broker->dispatch, job, header->service, header->key, now_us);
        return;
    }
    if (job) dispatch_done(broker->dispatch, &job, now_us);
    refuse(broker, &frames[0], &frames[1], header->request_id, &err);
}

static void take_request(broker_t *broker, zmq_msg_t *frames, size_t count, int64_t now_us) {
    front_frame_t parts[FRONT_FRAMES] = {0};
    front_request_t request;
    err_t err = {0};
    for (size_t i = 0; i < FRONT_FRAMES && i + 1 < count; i++)
        parts[i] = (front_frame_t){zmq_msg_data(&frames[i + 1]), zmq_msg_size(&frames[i + 1])};
    const char *caller = count > 1 ? sender(&frames[1]) : NULL;
    arena_reset(broker->arena);
    int rc = front_parse(parts, count - 1, broker->arena, &request, &err);
    if (!caller) {
        // Cannot be while ZAP is enforced; without an identity nobody is served.
        request.answerable = false;
        rc = err_set(&err, E_DENIED, "a message without an authenticated sender");
    }
    if (rc != E_OK) {
        malformed(broker->malformed_front, &broker->client_gate, "front", caller ? caller : "", &err);
        if (request.answerable)
            refuse(broker, &frames[0], &frames[1], request.header ? request.header->request_id : "", &err);
        return;
    }
    if (strcmp(request.header->service, "broker") == 0)
        serve_own(broker, request.header, caller, frames, now_us);
    else
        forward(broker, request.header, caller, frames, now_us);
}

static size_t drain_front(broker_t *broker, int64_t now_us) {
    size_t done = 0;
    while (done < DRAIN_MAX) {
        zmq_msg_t frames[BACK_FRAMES];
        size_t count = wire_receive(broker->front, frames, BACK_FRAMES);
        if (count == 0) break;
        take_request(broker, frames, count, now_us);
        wire_close(frames, count < BACK_FRAMES ? count : BACK_FRAMES);
        done++;
    }
    return done;
}

// BEAT or WHO; 0 or an errno.
static int say(broker_t *broker, const void *routing_id, size_t bytes, wire_kind_t kind) {
    uint8_t control[WIRE_CONTROL_MAX_BYTES];
    zmq_msg_t frames[2];
    if (wire_message_of(&frames[0], routing_id, bytes, NULL) != E_OK) return ENOMEM;
    if (wire_message_of(&frames[1], control, wire_control_write(control, kind, 0), NULL) != E_OK) {
        wire_close(frames, 1);
        return ENOMEM;
    }
    int rc = wire_send(broker->back, frames, 2);
    if (rc != 0) wire_close(frames, 2);
    return rc;
}

static void say_who(broker_t *broker, zmq_msg_t *routing_id) {
    // Whoever cannot be reached any more needs no answer.
    (void)say(broker, zmq_msg_data(routing_id), zmq_msg_size(routing_id), WIRE_WHO);
}

static int take_presence(broker_t *broker, zmq_msg_t *frames, size_t count, int64_t now_us, err_t *err) {
    const char *caller = sender(&frames[1]);
    Tc__Presence *presence = NULL;
    if (count != 3) return err_set(err, E_INVALID_FIELD, "a presence of %zu frames, expected 2", count - 1);
    if (!caller || wire_caller_role(caller) != ROLE_SERVICE)
        return err_set(err, E_DENIED, "only the role service may serve");
    arena_reset(broker->arena);
    int rc = wire_presence_read(zmq_msg_data(&frames[2]), zmq_msg_size(&frames[2]), broker->arena, &presence, err);
    if (rc != E_OK) return rc;
    if (strcmp(presence->service, "broker") == 0) return err_set(err, E_DENIED, "the service \"broker\" is our own");
    return dispatch_join(broker->dispatch, presence, strchr(caller, ':') + 1, zmq_msg_data(&frames[0]),
                         zmq_msg_size(&frames[0]), now_us, err);
}

// Pass an answer on. One that nobody waits for (late, doubled, or of an instance that was given up) is counted and
// dropped.
static void take_reply(broker_t *broker, instance_t *instance, uint64_t token, zmq_msg_t *frames, int64_t now_us) {
    job_t *job = dispatch_answered(broker->dispatch, instance, token);
    if (!job) {
        metric_add(broker->stray_replies, 1);
        return;
    }
    send_front(broker, &job->client, &job->tag, &frames[2], &frames[3]);
    dispatch_done(broker->dispatch, &job, now_us);
}

static int take_known(broker_t *broker, instance_t *instance, const wire_control_t *control, zmq_msg_t *frames,
                      size_t count, int64_t now_us, err_t *err) {
    instance->heard_us = now_us;
    if (control->kind == WIRE_BYE) {
        dispatch_leave(broker->dispatch, instance, "bye", now_us);
        return E_OK;
    }
    if (control->kind != WIRE_REPLY)
        return err_set(err, E_INVALID_FIELD, "kind %d is not for brokers", (int)control->kind);
    if (count != BACK_FRAMES) return err_set(err, E_INVALID_FIELD, "a REPLY of %zu frames, expected 3", count - 1);
    take_reply(broker, instance, control->token, frames, now_us);
    return E_OK;
}

static int take_service_message(broker_t *broker, zmq_msg_t *frames, size_t count, int64_t now_us, err_t *err) {
    wire_control_t control;
    if (count < 2) return err_set(err, E_INVALID_FIELD, "an empty message");
    int rc = wire_control_read(zmq_msg_data(&frames[1]), zmq_msg_size(&frames[1]), &control, err);
    if (rc != E_OK) return rc;
    instance_t *instance = dispatch_find(broker->dispatch, zmq_msg_data(&frames[0]), zmq_msg_size(&frames[0]));
    if (control.kind == WIRE_READY || (control.kind == WIRE_BEAT && instance)) {
        rc = take_presence(broker, frames, count, now_us, err);
        // A joiner hears at once that it is known, not half a second later.
        if (rc == E_OK && control.kind == WIRE_READY)
            (void)say(broker, zmq_msg_data(&frames[0]), zmq_msg_size(&frames[0]), WIRE_BEAT);
        return rc;
    }
    if (instance) return take_known(broker, instance, &control, frames, count, now_us, err);
    if (control.kind == WIRE_BEAT)
        say_who(broker, &frames[0]);
    else if (control.kind == WIRE_REPLY)
        metric_add(broker->stray_replies, 1);
    return E_OK;
}

static size_t drain_back(broker_t *broker, int64_t now_us) {
    size_t done = 0;
    while (done < DRAIN_MAX) {
        zmq_msg_t frames[BACK_FRAMES];
        err_t err = {0};
        size_t count = wire_receive(broker->back, frames, BACK_FRAMES);
        if (count == 0) break;
        if (take_service_message(broker, frames, count, now_us, &err) != E_OK) {
            const char *who = count > 1 ? sender(&frames[1]) : NULL;
            malformed(broker->malformed_back, &broker->service_gate, "back", who ? who : "", &err);
        }
        wire_close(frames, count < BACK_FRAMES ? count : BACK_FRAMES);
        done++;
    }
    return done;
}

// A send to an instance whose connection is gone fails at once: the quickest news of a killed process.
static void beat_all(broker_t *broker) {
    service_t *const *services;
    size_t count = dispatch_services(broker->dispatch, &services);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < services[i]->count; k++) {
            instance_t *instance = services[i]->instances[k];
            if (say(broker, instance->routing_id, instance->routing_id_bytes, WIRE_BEAT) != 0)
                dispatch_lost(broker->dispatch, instance);
        }
}

static void tick(broker_t *broker, int64_t now_us) {
    if (now_us < broker->tick_us) return;
    broker->tick_us = now_us + DISPATCH_TICK_MS * 1000;
    if (now_us >= broker->beat_us) {
        broker->beat_us = now_us + WIRE_HEARTBEAT_MS * 1000;
        beat_all(broker);
    }
    dispatch_tick(broker->dispatch, now_us);
}

// Replies first: they free credit for the requests behind them.
static void turn(broker_t *broker) {
    for (int i = 0; i < ROUNDS_MAX; i++) {
        int64_t now_us = clock_mono_us();
        size_t done = drain_back(broker, now_us);
        done += drain_front(broker, now_us);
        if (done == 0) break;
    }
    tick(broker, clock_mono_us());
}

int broker_run(broker_t *broker, err_t *err) {
    zmq_pollitem_t items[] = {{broker->front, 0, ZMQ_POLLIN, 0}, {broker->back, 0, ZMQ_POLLIN, 0}};
    while (!atomic_load_explicit(&broker->stop, memory_order_relaxed)) {
        if (zmq_poll(items, 2, DISPATCH_TICK_MS) < 0 && errno != EINTR)
            return err_set(err, E_IO, "poll: %s", zmq_strerror(errno));
        turn(broker);
    }
    return E_OK;
}

void broker_stop(broker_t *broker) { atomic_store_explicit(&broker->stop, true, memory_order_relaxed); }

static int bind_router(broker_t *broker, void **socket, const char *domain, const char *endpoint,
                       char bound[static ENDPOINT_BYTES], err_t *err) {
    size_t bytes = ENDPOINT_BYTES;
    int yes = 1;
    *socket = zmq_socket(broker->context, ZMQ_ROUTER);
    if (!*socket) return err_set(err, E_IO, "broker socket: %s", zmq_strerror(errno));
    int rc = curve_server(*socket, broker->keys, domain, err);
    if (rc != E_OK) return rc;
    if (strcmp(domain, "back") == 0 && zmq_setsockopt(*socket, ZMQ_ROUTER_MANDATORY, &yes, sizeof yes) != 0)
        return err_set(err, E_IO, "socket option: %s", zmq_strerror(errno));
    if (zmq_bind(*socket, endpoint) != 0) return err_set(err, E_IO, "bind %s: %s", endpoint, zmq_strerror(errno));
    if (zmq_getsockopt(*socket, ZMQ_LAST_ENDPOINT, bound, &bytes) != 0)
        return err_set(err, E_IO, "endpoint of %s: %s", endpoint, zmq_strerror(errno));
    return E_OK;
}

static int open_context(broker_t *broker, const broker_conf_t *conf, err_t *err) {
    static const zap_domain_t domains[] = {
        {"front", ROLE_ADMIN | ROLE_CLERK | ROLE_HOSPITAL | ROLE_AGENCY | ROLE_SERVICE},
        {"back", ROLE_SERVICE},
    };
    broker->context = zmq_ctx_new();
    if (!broker->context || zmq_ctx_set(broker->context, ZMQ_IO_THREADS, IO_THREADS) != 0 ||
        zmq_ctx_set(broker->context, ZMQ_MAX_SOCKETS, 65535) != 0)
        return err_set(err, E_IO, "zmq context: %s", zmq_strerror(errno));
    int rc = keys_load(&broker->keys, conf->keys_dir, conf->key_name ? conf->key_name : "broker", err);
    return rc == E_OK ? zap_start(&broker->zap, broker->context, conf->keys_dir, domains, COUNT_OF(domains), err) : rc;
}

static void make_metrics(broker_t *broker) {
    static const char name[] = "tongchou_broker_malformed_total", help[] = "Messages that could not be read";
    broker->malformed_front = metric_counter(name, "side=\"front\"", help);
    broker->malformed_back = metric_counter(name, "side=\"back\"", help);
    broker->stray_replies = metric_counter("tongchou_broker_stray_replies_total", "", "Replies that nobody waited for");
}

int broker_new(broker_t **out, const broker_conf_t *conf, err_t *err) {
    broker_t *broker = calloc(1, sizeof *broker);
    if (!broker) return err_set(err, E_IO, "no memory for the broker");
    dispatch_ops_t ops = {.self = broker, .send = send_job, .refuse = refuse_job};
    snprintf(broker->name, sizeof broker->name, "%s", conf->name);
    make_metrics(broker);
    int rc = dispatch_new(&broker->dispatch, &conf->dispatch, &ops, err);
    if (rc != E_OK) goto failed;
    if (!(broker->arena = arena_new(64 * 1024, 0))) {
        rc = err_set(err, E_IO, "no memory for the broker");
        goto failed;
    }
    if ((rc = open_context(broker, conf, err)) != E_OK) goto failed;
    if ((rc = bind_router(broker, &broker->front, "front", conf->front, broker->front_endpoint, err)) != E_OK)
        goto failed;
    if ((rc = bind_router(broker, &broker->back, "back", conf->back, broker->back_endpoint, err)) != E_OK) goto failed;
    *out = broker;
    return E_OK;
failed:
    broker_destroy(&broker);
    return rc;
}

void broker_destroy(broker_t **broker) {
    broker_t *b = *broker;
    if (!b) return;
    if (b->front) zmq_close(b->front);
    if (b->back) zmq_close(b->back);
    dispatch_destroy(&b->dispatch);
    zap_stop(&b->zap);
    if (b->context) zmq_ctx_term(b->context);
    keys_destroy(&b->keys);
    arena_destroy(&b->arena);
    free(b);
    *broker = NULL;
}

const char *broker_front(const broker_t *broker) { return broker->front_endpoint; }
const char *broker_back(const broker_t *broker) { return broker->back_endpoint; }
