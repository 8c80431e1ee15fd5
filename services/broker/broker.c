// The broker's shell: it moves frames between the sockets and the core (dispatch.h), fills in who is calling, and
// answers what the core refuses.
#include "broker.h"

#include "common/base/date.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/wire/gate.h"
#include "common/wire/message.h"
#include "common/wire/registry.h"
#include "front.h"
#include "own.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    IO_THREADS = 2,  // both do CURVE for half of the connections
    DRAIN_MAX = 256, // requests or replies of one side before the other and the clock get their turn
    FRAMES_MAX = 2,  // routing id, frame
    ENDPOINT_BYTES = 256,
    REGISTRY_MS = 1000, // between looks at the registry
    BOXES_MAX = 64,     // clients whose replies are put together in one turn
};

// Replies to one client that leave together.
typedef struct box {
    uint8_t routing_id[ROUTING_ID_MAX];
    size_t routing_id_bytes;
    pack_t out;
} box_t;

struct broker {
    char name[WIRE_NAME_MAX + 1];
    void *context, *front, *back;
    keys_t *keys;
    registry_t *registry;
    zap_t *zap;
    dispatch_t *dispatch;
    box_t boxes[BOXES_MAX];
    size_t box_count; // in use in this turn
    arena_t *arena;
    atomic_bool stop;
    _Atomic int64_t turned_us;
    int64_t tick_us, beat_us, registry_us;
    char front_endpoint[ENDPOINT_BYTES], back_endpoint[ENDPOINT_BYTES];
    log_gate_t client_gate, service_gate;
    metric_t *malformed_front, *malformed_back, *stray_replies, *revoked;
};

// [routing id][frame]. Both are taken when it succeeds, else the frame stays the caller's.
static int send_to(void *socket, const void *routing_id, size_t bytes, zmq_msg_t *frame) {
    zmq_msg_t frames[FRAMES_MAX];
    if (wire_message_of(&frames[0], routing_id, bytes, NULL) != E_OK) return ENOMEM;
    zmq_msg_init(&frames[1]);
    zmq_msg_move(&frames[1], frame);
    int rc = wire_send(socket, frames, FRAMES_MAX);
    if (rc == 0) return 0;
    zmq_msg_move(frame, &frames[1]);
    wire_close(frames, FRAMES_MAX);
    return rc;
}

static int send_pack(void *socket, const void *routing_id, size_t bytes, pack_t *pack) {
    zmq_msg_t message;
    if (pack->count == 0) return 0;
    if (pack_take(pack, &message, NULL) != E_OK) return ENOMEM;
    int rc = send_to(socket, routing_id, bytes, &message);
    zmq_msg_close(&message);
    return rc;
}

static int send_instance(broker_t *broker, instance_t *instance) {
    return send_pack(broker->back, instance->routing_id, instance->routing_id_bytes, &instance->out);
}

// The job keeps its own copy of the frame, for another instance.
static int send_job(void *self, instance_t *instance, const job_t *job) {
    zmq_msg_t *message = (zmq_msg_t *)(uintptr_t)&job->message;
    size_t bytes = zmq_msg_size(message);
    if (!pack_fits(&instance->out, bytes)) {
        int rc = send_instance(self, instance);
        if (rc != 0) return rc;
    }
    return pack_add(&instance->out, zmq_msg_data(message), bytes, job->token) == E_OK ? 0 : ENOMEM;
}

// A client that has gone gets nothing, and needs nothing.
static void send_box(broker_t *broker, box_t *box) {
    if (send_pack(broker->front, box->routing_id, box->routing_id_bytes, &box->out) != 0) pack_clear(&box->out);
}

static void send_boxes(broker_t *broker) {
    for (size_t i = 0; i < broker->box_count; i++) send_box(broker, &broker->boxes[i]);
    broker->box_count = 0;
}

static box_t *box_of(broker_t *broker, const void *routing_id, size_t bytes) {
    for (size_t i = 0; i < broker->box_count; i++) {
        box_t *box = &broker->boxes[i];
        if (box->routing_id_bytes == bytes && memcmp(box->routing_id, routing_id, bytes) == 0) return box;
    }
    if (broker->box_count == BOXES_MAX) send_boxes(broker);
    box_t *box = &broker->boxes[broker->box_count++];
    memcpy(box->routing_id, routing_id, bytes);
    box->routing_id_bytes = bytes;
    return box;
}

// One reply, under the client's mark; it leaves at the end of the turn, or when its pack is full.
static void post(broker_t *broker, const zmq_msg_t *client, uint64_t mark, const uint8_t *frame, size_t bytes) {
    zmq_msg_t *id = (zmq_msg_t *)(uintptr_t)client;
    pack_t own = {0};
    if (zmq_msg_size(id) > ROUTING_ID_MAX) { // a client that has named itself
        if (pack_add(&own, frame, bytes, mark) == E_OK)
            (void)send_pack(broker->front, zmq_msg_data(id), zmq_msg_size(id), &own);
        pack_clear(&own);
        return;
    }
    box_t *box = box_of(broker, zmq_msg_data(id), zmq_msg_size(id));
    if (!pack_fits(&box->out, bytes)) send_box(broker, box);
    (void)!pack_add(&box->out, frame, bytes, mark); // out of memory: no answer, and the client asks again
}

// What was put together in this turn. A lost instance is buried with the next entry into the core.
static void send_all(broker_t *broker) {
    team_t *const *teams;
    size_t count = dispatch_teams(broker->dispatch, &teams);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < teams[i]->count; k++)
            if (send_instance(broker, teams[i]->instances[k]) != 0)
                dispatch_lost(broker->dispatch, teams[i]->instances[k]);
    send_boxes(broker);
}

static void answer(broker_t *broker, const zmq_msg_t *client, uint64_t mark, const char *request_id,
                   const err_t *outcome, const void *body, size_t body_bytes) {
    zmq_msg_t frame;
    // Out of memory: no answer, and the client asks again.
    if (wire_reply_make(&frame, mark, request_id, outcome, body, body_bytes, NULL) != E_OK) return;
    post(broker, client, mark, zmq_msg_data(&frame), zmq_msg_size(&frame));
    zmq_msg_close(&frame);
}

static void refuse_job(void *self, const job_t *job, const err_t *why) {
    answer(self, &job->client, job->mark, job->request_id, why, NULL, 0);
}

static void malformed(metric_t *metric, log_gate_t *gate, const char *side, const char *who, const err_t *err) {
    uint64_t skipped = 0;
    metric_add(metric, 1);
    if (log_gate_open(gate, &skipped))
        log_warn("message_malformed", "side=%s from=%s reason=%s skipped=%llu", side, log_value(who),
                 log_value(err->text), (unsigned long long)skipped);
}

// Who sent it, by the key of the connection. That was admitted once; the registry is asked again for every message, so
// that a key which is taken out has no say any more, however long its connection lives.
typedef struct sender {
    const char *caller;   // "role:name"; NULL: nobody
    const party_t *party; // NULL: in the registry no longer
} sender_t;

static sender_t sender_of(const broker_t *broker, zmq_msg_t *frame) {
    const char *caller = zmq_msg_gets(frame, "User-Id"), *key = zmq_msg_gets(frame, ZAP_KEY_PROPERTY);
    const party_t *party = registry_still(broker->registry, caller, key);
    if (!party) { // it may have been registered a moment ago
        registry_refresh(broker->registry);
        party = registry_still(broker->registry, caller, key);
    }
    return (sender_t){caller, party};
}

static int fill_job(job_t *job, front_request_t *request, const sender_t *from, zmq_msg_t *client, int64_t now_us,
                    err_t *err) {
    Tc__RequestHeader *header = request->header;
    const wire_frame_t *frame = &request->frame;
    int64_t left_ms = header->deadline_ms - clock_now_ms();
    if (left_ms > WIRE_DEADLINE_MAX_MS)
        left_ms = WIRE_DEADLINE_MAX_MS; // a client whose clock is wrong, or who is greedy
    job->deadline_us = left_ms > 0 ? now_us + left_ms * 1000 : now_us;
    job->mark = frame->mark;
    snprintf(job->request_id, sizeof job->request_id, "%s", header->request_id);
    header->caller = (char *)(uintptr_t)from->caller;
    header->scope = (char *)(uintptr_t)from->party->scope;
    zmq_msg_t message;
    int rc = wire_frame_make(&message, WIRE_REQUEST, job->token, &header->base, frame->body, frame->body_bytes, err);
    if (rc != E_OK) return rc;
    zmq_msg_move(&job->message, &message);
    zmq_msg_close(&message);
    CHECK(zmq_msg_copy(&job->client, client) == 0);
    return E_OK;
}

static void serve_own(broker_t *broker, const front_request_t *request, const char *caller, const zmq_msg_t *client,
                      int64_t now_us) {
    const ProtobufCMessage *message = NULL;
    void *body = NULL;
    size_t body_bytes = 0;
    err_t err = {0};
    int rc = own_call(broker->dispatch, request->header->method, caller, request->frame.body, request->frame.body_bytes,
                      broker->arena, now_us, &message, &err);
    if (rc == E_OK) err = (err_t){0}; // whatever was tried on the way
    if (rc == E_OK && !(body = message_pack(message, broker->arena, &body_bytes)))
        err_set(&err, E_IO, "no memory for the reply");
    if (body_bytes > WIRE_MESSAGE_MAX_BYTES) {
        err_set(&err, E_TOO_LARGE, "more instances than one reply holds: ask for one service");
        body_bytes = 0;
    }
    answer(broker, client, request->frame.mark, request->header->request_id, &err, body, body_bytes);
}

static void forward(broker_t *broker, front_request_t *request, const sender_t *from, zmq_msg_t *client,
                    int64_t now_us) {
    const wire_frame_t *frame = &request->frame;
    err_t err = {0};
    job_t *job = dispatch_job(broker->dispatch, frame->header_bytes + frame->body_bytes, &err);
    if (job && fill_job(job, request, from, client, now_us, &err) == E_OK) {
        dispatch_offer(broker->dispatch, job, request->header->service, request->header->key, now_us);
        return;
    }
    if (job) dispatch_done(broker->dispatch, &job, now_us);
    answer(broker, client, frame->mark, request->header->request_id, &err, NULL, 0);
}

static int refuse_gone(err_t *err) { return err_set(err, E_DENIED, "this key is in the registry no longer"); }

static void take_request(broker_t *broker, zmq_msg_t *client, const sender_t *from, const uint8_t *frame, size_t bytes,
                         int64_t now_us) {
    front_request_t request = {0};
    err_t err = {0};
    arena_reset(broker->arena);
    if (front_parse(frame, bytes, broker->arena, &request, &err) != E_OK) {
        malformed(broker->malformed_front, &broker->client_gate, "front", from->caller, &err);
        const char *request_id = request.header ? request.header->request_id : "";
        if (request.frame.kind == WIRE_REQUEST) answer(broker, client, request.frame.mark, request_id, &err, NULL, 0);
    } else if (!from->party) {
        refuse_gone(&err);
        answer(broker, client, request.frame.mark, request.header->request_id, &err, NULL, 0);
        metric_add(broker->revoked, 1);
    } else if (strcmp(request.header->service, "broker") == 0) {
        serve_own(broker, &request, from->caller, client, now_us);
    } else {
        forward(broker, &request, from, client, now_us);
    }
}

// Returns the number of requests.
static size_t take_client_message(broker_t *broker, zmq_msg_t *frames, size_t count, int64_t now_us) {
    const sender_t from = count > 1 ? sender_of(broker, &frames[1]) : (sender_t){0};
    err_t err = {0};
    // Without a sender cannot be while ZAP is enforced; nobody unknown is served or answered.
    if (!from.caller)
        err_set(&err, E_DENIED, "a message without an authenticated sender");
    else if (count != FRAMES_MAX)
        err_set(&err, E_INVALID_FIELD, "a message of %zu frames, expected one", count - 1);
    pack_reader_t reader = {0};
    const uint8_t *frame;
    size_t bytes;
    if (err.code == E_OK) {
        reader = pack_open(zmq_msg_data(&frames[1]), zmq_msg_size(&frames[1]));
        while (pack_next(&reader, &frame, &bytes)) take_request(broker, &frames[0], &from, frame, bytes, now_us);
        if (reader.bad) pack_error(&reader, &err);
    }
    if (err.code != E_OK)
        malformed(broker->malformed_front, &broker->client_gate, "front", from.caller ? from.caller : "", &err);
    return reader.count > 0 ? reader.count : 1;
}

static void drain_front(broker_t *broker, int64_t now_us) {
    for (size_t taken = 0; taken < DRAIN_MAX;) {
        zmq_msg_t frames[FRAMES_MAX];
        size_t count = wire_receive(broker->front, frames, FRAMES_MAX);
        if (count == 0) return;
        taken += take_client_message(broker, frames, count, now_us);
        wire_close(frames, count < FRAMES_MAX ? count : FRAMES_MAX);
    }
}

// BEAT or WHO; 0 or an errno.
static int say(broker_t *broker, const void *routing_id, size_t bytes, wire_kind_t kind) {
    zmq_msg_t frame;
    if (wire_frame_make(&frame, kind, 0, NULL, NULL, 0, NULL) != E_OK) return ENOMEM;
    int rc = send_to(broker->back, routing_id, bytes, &frame);
    zmq_msg_close(&frame);
    return rc;
}

static int take_presence(broker_t *broker, zmq_msg_t *frames, const wire_frame_t *frame, int64_t now_us, err_t *err) {
    const sender_t from = sender_of(broker, &frames[1]);
    Tc__Presence *presence = NULL;
    if (!from.caller || wire_caller_role(from.caller) != ROLE_SERVICE)
        return err_set(err, E_DENIED, "only the role service may serve");
    if (!from.party) return refuse_gone(err);
    arena_reset(broker->arena);
    int rc = wire_presence_read(frame->header, frame->header_bytes, broker->arena, &presence, err);
    if (rc != E_OK) return rc;
    if (strcmp(presence->service, "broker") == 0) return err_set(err, E_DENIED, "the service \"broker\" is our own");
    return dispatch_join(broker->dispatch, presence, from.party->name, zmq_msg_data(&frames[0]),
                         zmq_msg_size(&frames[0]), now_us, err);
}

// Pass an answer on, under the client's mark. One that nobody waits for (late, doubled, or of an instance that was
// given up) is counted and dropped.
static void take_reply(broker_t *broker, const instance_t *instance, uint64_t token, const uint8_t *bytes, size_t size,
                       int64_t now_us) {
    job_t *job = dispatch_answered(broker->dispatch, instance, token);
    if (!job) {
        metric_add(broker->stray_replies, 1);
        return;
    }
    post(broker, &job->client, job->mark, bytes, size);
    dispatch_done(broker->dispatch, &job, now_us);
}

static int take_service_frame(broker_t *broker, zmq_msg_t *frames, const uint8_t *bytes, size_t size, int64_t now_us,
                              err_t *err) {
    wire_frame_t frame;
    int rc = wire_frame_read(bytes, size, &frame, err);
    if (rc != E_OK) return rc;
    const void *id = zmq_msg_data(&frames[0]);
    size_t id_bytes = zmq_msg_size(&frames[0]);
    // Looked up for every frame: whatever one does may bury the instance.
    instance_t *instance = dispatch_find(broker->dispatch, id, id_bytes);
    if (frame.kind == WIRE_REQUEST || frame.kind == WIRE_WHO)
        return err_set(err, E_INVALID_FIELD, "kind %d is not for brokers", (int)frame.kind);
    if (frame.kind == WIRE_READY || (frame.kind == WIRE_BEAT && instance)) {
        rc = take_presence(broker, frames, &frame, now_us, err);
        // A joiner hears at once that it is known, not half a second later. If this fails, its next beat does.
        if (rc == E_OK && frame.kind == WIRE_READY) (void)say(broker, id, id_bytes, WIRE_BEAT);
        return rc;
    }
    if (instance) instance->heard_us = now_us;
    if (instance && frame.kind == WIRE_BYE)
        dispatch_leave(broker->dispatch, instance, "bye", now_us);
    else if (instance && frame.kind == WIRE_REPLY)
        take_reply(broker, instance, frame.mark, bytes, size, now_us);
    else if (frame.kind == WIRE_BEAT)
        (void)say(broker, id, id_bytes, WIRE_WHO); // gone already: nothing to be done
    else if (frame.kind == WIRE_REPLY)
        metric_add(broker->stray_replies, 1);
    return E_OK;
}

// Returns the number of frames worked on; the first fault of the message stands in `err`.
static size_t take_service_message(broker_t *broker, zmq_msg_t *frames, size_t count, int64_t now_us, err_t *err) {
    const uint8_t *bytes;
    size_t size;
    if (count != FRAMES_MAX) {
        err_set(err, E_INVALID_FIELD, "a message of %zu frames, expected one", count - 1);
        return 1;
    }
    pack_reader_t reader = pack_open(zmq_msg_data(&frames[1]), zmq_msg_size(&frames[1]));
    while (pack_next(&reader, &bytes, &size)) {
        err_t fault = {0};
        if (take_service_frame(broker, frames, bytes, size, now_us, &fault) != E_OK && err->code == E_OK) *err = fault;
    }
    if (reader.bad) pack_error(&reader, err);
    return reader.count > 0 ? reader.count : 1;
}

static void drain_back(broker_t *broker, int64_t now_us) {
    for (size_t taken = 0; taken < DRAIN_MAX;) {
        zmq_msg_t frames[FRAMES_MAX];
        err_t err = {0};
        size_t count = wire_receive(broker->back, frames, FRAMES_MAX);
        if (count == 0) return;
        taken += take_service_message(broker, frames, count, now_us, &err);
        if (err.code != E_OK) {
            const char *who = count > 1 ? sender_of(broker, &frames[1]).caller : NULL;
            malformed(broker->malformed_back, &broker->service_gate, "back", who ? who : "", &err);
        }
        wire_close(frames, count < FRAMES_MAX ? count : FRAMES_MAX);
    }
}

// A send to an instance whose connection is gone fails at once: the quickest news of a killed process.
static void beat_all(broker_t *broker) {
    team_t *const *teams;
    size_t count = dispatch_teams(broker->dispatch, &teams);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < teams[i]->count; k++) {
            instance_t *instance = teams[i]->instances[k];
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
    if (now_us >= broker->registry_us) {
        broker->registry_us = now_us + REGISTRY_MS * 1000;
        registry_refresh(broker->registry);
    }
    dispatch_tick(broker->dispatch, now_us);
}

// Only the sides that have something: asking a ROUTER in vain costs system calls. Replies first: they free credit for
// the requests behind them.
static void turn(broker_t *broker, bool front, bool back) {
    int64_t now_us = clock_mono_us();
    atomic_store_explicit(&broker->turned_us, now_us, memory_order_relaxed);
    if (back) drain_back(broker, now_us);
    if (front) drain_front(broker, now_us);
    tick(broker, now_us);
    send_all(broker);
}

int broker_run(broker_t *broker, err_t *err) {
    zmq_pollitem_t items[] = {{broker->front, 0, ZMQ_POLLIN, 0}, {broker->back, 0, ZMQ_POLLIN, 0}};
    while (!atomic_load_explicit(&broker->stop, memory_order_relaxed)) {
        if (zmq_poll(items, 2, DISPATCH_TICK_MS) < 0 && errno != EINTR)
            return err_set(err, E_IO, "poll: %s", zmq_strerror(errno));
        turn(broker, items[0].revents & ZMQ_POLLIN, items[1].revents & ZMQ_POLLIN);
    }
    return E_OK;
}

bool broker_is_serving(const broker_t *broker) {
    return clock_mono_us() - atomic_load_explicit(&broker->turned_us, memory_order_relaxed) < 2 * 1000 * 1000;
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
    if (rc == E_OK) rc = registry_open(&broker->registry, conf->keys_dir, err);
    return rc == E_OK ? zap_start(&broker->zap, broker->context, conf->keys_dir, domains, COUNT_OF(domains), err) : rc;
}

static void make_metrics(broker_t *broker) {
    static const char name[] = "tongchou_broker_malformed_total", help[] = "Messages that could not be read";
    broker->malformed_front = metric_counter(name, "side=\"front\"", help);
    broker->malformed_back = metric_counter(name, "side=\"back\"", help);
    broker->revoked = metric_counter("tongchou_broker_revoked_total", "", "Requests of keys taken out of the registry");
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
    for (size_t i = 0; i < BOXES_MAX; i++) pack_clear(&b->boxes[i].out);
    if (b->front) zmq_close(b->front);
    if (b->back) zmq_close(b->back);
    dispatch_destroy(&b->dispatch);
    zap_stop(&b->zap);
    if (b->context) zmq_ctx_term(b->context);
    keys_destroy(&b->keys);
    registry_close(&b->registry);
    arena_destroy(&b->arena);
    free(b);
    *broker = NULL;
}

const char *broker_front(const broker_t *broker) { return broker->front_endpoint; }
const char *broker_back(const broker_t *broker) { return broker->back_endpoint; }
