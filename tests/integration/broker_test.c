// Client, broker and server over real sockets with CURVE, with the failures that the mechanism promises to survive.
// Brokers and services run as threads with their own contexts; the one that is killed is a process.
#include "common/base/date.h"
#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/wire/client.h"
#include "common/wire/message.h"
#include "common/wire/server.h"
#include "services/broker/broker.h"
#include "tests/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 15000, IDS_MAX = 4096 };

static err_t err;
static char dir[64], strange_dir[64];

// Look again and again until it holds or patience ends.
#define SOON(condition)                                                                                                \
    do {                                                                                                               \
        int64_t end_ = clock_mono_us() + PATIENCE_MS * INT64_C(1000);                                                  \
        while (!(condition) && clock_mono_us() < end_) poll(NULL, 0, 2);                                               \
        NEED(condition);                                                                                               \
    } while (0)

// --- keys

static void make_keys(void) {
    static const struct {
        const char *name, *role;
    } parties[] = {
        {"broker", "broker"}, {"svc-1", "service"}, {"svc-2", "service"}, {"h-1", "hospital"}, {"root", "admin"}};
    char command[256];
    snprintf(dir, sizeof dir, "/tmp/broker-test-XXXXXX");
    snprintf(strange_dir, sizeof strange_dir, "/tmp/broker-test-XXXXXX");
    NEED(mkdtemp(dir) && mkdtemp(strange_dir));
    for (size_t i = 0; i < COUNT_OF(parties); i++) NEED(keys_make(dir, parties[i].name, parties[i].role, &err) == E_OK);
    // The stranger knows the broker's public key, but nobody knows his.
    snprintf(command, sizeof command, "cp %s/registry.yaml %s/", dir, strange_dir);
    NEED(system(command) == 0);
    NEED(keys_make(strange_dir, "stranger", "admin", &err) == E_OK);
}

static void remove_keys(void) {
    char command[256];
    snprintf(command, sizeof command, "rm -r %s %s", dir, strange_dir);
    EQ(system(command), 0);
}

// --- brokers

typedef struct bus {
    broker_t *broker;
    pthread_t thread;
    char front[256], back[256];
} bus_t;

static void *run_broker(void *broker) {
    err_t why = {0};
    if (broker_run(broker, &why) != E_OK) fprintf(stderr, "broker: %s\n", why.text);
    return NULL;
}

static void bus_start_at(bus_t *bus, const char *front, const char *back, dispatch_conf_t dispatch) {
    broker_conf_t conf = {.name = "broker-test", .front = front, .back = back, .keys_dir = dir, .dispatch = dispatch};
    NEED(broker_new(&bus->broker, &conf, &err) == E_OK);
    snprintf(bus->front, sizeof bus->front, "%s", broker_front(bus->broker));
    snprintf(bus->back, sizeof bus->back, "%s", broker_back(bus->broker));
    NEED(pthread_create(&bus->thread, NULL, run_broker, bus->broker) == 0);
}

static void bus_start(bus_t *bus) { bus_start_at(bus, "tcp://127.0.0.1:*", "tcp://127.0.0.1:*", (dispatch_conf_t){0}); }

static void bus_stop(bus_t *bus) {
    if (!bus->broker) return;
    broker_stop(bus->broker);
    pthread_join(bus->thread, NULL);
    broker_destroy(&bus->broker);
}

// --- services

typedef struct worker {
    const char *service, *instance, *key_name; // NULL: echo, w-1, svc-1
    const char *brokers[3];
    int credit;
    int drop_every;   // > 0: says nothing to every n-th request
    bool looks_ahead; // takes the next batch in the middle of each
    const request_t *ahead_batch;
    size_t ahead_count;
    atomic_int ahead, ahead_wrong; // requests taken so; batches that were not what was promised
    atomic_bool hold;              // takes requests and does not answer until this is false
    atomic_bool frozen;            // does nothing at all
    atomic_bool draining;
    atomic_bool stop;
    atomic_int taken, held, held_most;
    char ids[IDS_MAX][WIRE_NAME_MAX + 1]; // of the requests taken, in order
    pthread_t thread;
} worker_t;

// Body of the answer: "<instance>|<caller>|<body>", the caller with its scope in brackets where it has one.
static void echo(worker_t *worker, server_t *server, const request_t *request) {
    char *body = malloc(request->body_bytes + 512);
    if (!body) return;
    const char *scope = request->header.scope;
    int head = sprintf(body, *scope ? "%s|%s[%s]|" : "%s|%s%s|", worker->instance, request->header.caller, scope);
    if (request->body_bytes) memcpy(body + head, request->body, request->body_bytes);
    if (strcmp(request->header.method, "refuse") == 0) {
        err_t why = {0};
        err_field(&why, E_NOT_FOUND, "person", "no such person");
        server_reply(server, request, E_NOT_FOUND, &why, NULL, 0);
    } else if (strcmp(request->header.method, "huge") == 0) {
        char *huge = calloc(1, WIRE_MESSAGE_MAX_BYTES + 1);
        server_reply(server, request, E_OK, NULL, huge, WIRE_MESSAGE_MAX_BYTES + 1);
        free(huge);
    } else {
        server_reply(server, request, E_OK, NULL, body, (size_t)head + request->body_bytes);
    }
    free(body);
}

static void look_ahead(worker_t *worker, server_t *server) {
    const request_t *again;
    worker->ahead_count = server_take_ahead(server, &worker->ahead_batch, 64);
    if (!worker->ahead_count) return;
    worker->ahead += (int)worker->ahead_count;
    if (server_take_ahead(server, &again, 64) != worker->ahead_count || again != worker->ahead_batch)
        worker->ahead_wrong++;
}

static void take_batch(worker_t *worker, server_t *server, request_t *kept, int *kept_count) {
    const request_t *batch;
    size_t count = server_take(server, &batch, 64);
    if (worker->ahead_count && (count < worker->ahead_count || batch != worker->ahead_batch)) worker->ahead_wrong++;
    worker->ahead_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (worker->looks_ahead && i == count / 2) look_ahead(worker, server);
        int number = worker->taken;
        if (number < IDS_MAX)
            snprintf(worker->ids[number], sizeof worker->ids[number], "%s", batch[i].header.request_id);
        worker->taken = number + 1; // whoever sees this may read the id
        if (worker->drop_every > 0 && number % worker->drop_every == worker->drop_every - 1) continue;
        if (!worker->hold) {
            echo(worker, server, &batch[i]);
            continue;
        }
        // Kept over the batch: only what a late answer needs.
        kept[*kept_count] =
            (request_t){.token = batch[i].token, .header = {.method = "", .caller = "late", .scope = ""}};
        ++*kept_count;
    }
    worker->held = *kept_count;
    if (worker->held > worker->held_most) worker->held_most = worker->held;
}

static void turn(worker_t *worker, server_t *server, request_t *kept, int *kept_count) {
    zmq_pollitem_t items[2];
    void *sockets[2];
    size_t count = server_sockets(server, sockets, 2);
    for (size_t i = 0; i < count; i++) items[i] = (zmq_pollitem_t){sockets[i], 0, ZMQ_POLLIN, 0};
    if (zmq_poll(items, (int)count, 10) < 0) return;
    if (worker->frozen) {
        poll(NULL, 0, 5);
        return;
    }
    if (worker->draining) server_drain(server);
    server_tick(server);
    if (!worker->hold)
        while (*kept_count > 0) echo(worker, server, &kept[--*kept_count]);
    take_batch(worker, server, kept, kept_count);
}

static void *run_worker(void *argument) {
    worker_t *worker = argument;
    void *context = zmq_ctx_new();
    keys_t *keys = NULL;
    server_t *server = NULL;
    err_t why = {0};
    server_conf_t conf = {.context = context,
                          .brokers = worker->brokers,
                          .broker_key_name = "broker",
                          .service = worker->service,
                          .instance = worker->instance,
                          .credit = worker->credit,
                          .live_endpoint = "tcp://live:1",
                          .replay_endpoint = "tcp://replay:2",
                          .replay_version = 2,
                          .key_name = worker->key_name};
    request_t *kept = calloc(WIRE_CREDIT_MAX * 2, sizeof *kept);
    int kept_count = 0;
    int rc = keys_load(&keys, dir, worker->key_name, &why);
    if (rc != E_OK) goto out;
    conf.keys = keys;
    rc = server_new(&server, &conf, &why);
    if (rc != E_OK) goto out;
    while (!worker->stop) turn(worker, server, kept, &kept_count);
out:
    if (rc != E_OK) fprintf(stderr, "worker: %s\n", why.text);
    server_destroy(&server);
    keys_destroy(&keys);
    zmq_ctx_term(context);
    free(kept);
    return NULL;
}

static worker_t *worker_new(const char *instance, const bus_t *bus) {
    worker_t *worker = calloc(1, sizeof *worker);
    NEED(worker != NULL);
    worker->service = "echo";
    worker->instance = instance;
    worker->key_name = "svc-1";
    worker->brokers[0] = bus->back;
    worker->credit = 100;
    return worker;
}

static void worker_run(worker_t *worker) { NEED(pthread_create(&worker->thread, NULL, run_worker, worker) == 0); }

static worker_t *worker_start(const char *instance, const bus_t *bus) {
    worker_t *worker = worker_new(instance, bus);
    worker_run(worker);
    return worker;
}

static void worker_stop(worker_t **worker) {
    (*worker)->stop = true;
    pthread_join((*worker)->thread, NULL);
    free(*worker);
    *worker = NULL;
}

static const char *taken_id(const worker_t *worker, int number) {
    NEED(worker->taken > number);
    return worker->ids[number];
}

// --- callers

typedef struct caller {
    void *context;
    keys_t *keys;
    client_t *client;
} caller_t;

static void caller_start_in(caller_t *caller, const char *keys_dir, const char *name, const char *const *brokers,
                            int attempt_ms) {
    caller->context = zmq_ctx_new();
    NEED(keys_load(&caller->keys, keys_dir, name, &err) == E_OK);
    client_conf_t conf = {.context = caller->context,
                          .keys = caller->keys,
                          .brokers = brokers,
                          .broker_key_name = "broker",
                          .attempt_ms = attempt_ms};
    NEED(client_new(&caller->client, &conf, &err) == E_OK);
}

static void caller_start(caller_t *caller, const char *name, const bus_t *bus) {
    caller_start_in(caller, dir, name, (const char *const[]){bus->front, NULL}, 0);
}

static void caller_stop(caller_t *caller) {
    client_destroy(&caller->client);
    keys_destroy(&caller->keys);
    zmq_ctx_term(caller->context);
}

static call_t call_to(const char *method, const char *key, const char *body) {
    return (call_t){.service = "echo", .method = method, .key = key, .body = body, .body_bytes = strlen(body)};
}

static int ask(caller_t *caller, const call_t *call, reply_t *reply) {
    err = (err_t){0};
    return client_call(caller->client, call, reply, &err);
}

// Lets the client work; true while no call has ended.
static bool quiet(caller_t *caller) {
    reply_t reply;
    return client_next(caller->client, &reply, 0) == 0;
}

static const char *body_of(const reply_t *reply) {
    static char text[512];
    size_t bytes = reply->body_bytes < sizeof text - 1 ? reply->body_bytes : sizeof text - 1;
    memcpy(text, reply->body, bytes);
    text[bytes] = '\0';
    return text;
}

// The broker's view, through its own service. Lives in the arena.
static Tc__BrokerStatus *status(caller_t *caller, arena_t *arena) {
    call_t call = {.service = "broker", .method = "status"};
    reply_t reply;
    ProtobufCMessage *message = NULL;
    NEED(ask(caller, &call, &reply) == E_OK);
    arena_reset(arena);
    NEED(message_unpack(&message, &tc__broker_status__descriptor, reply.body, reply.body_bytes, arena, &err) == E_OK);
    return (Tc__BrokerStatus *)message;
}

typedef struct view {
    int instances, outstanding, queued;
} view_t;

// Of one instance, or of all with NULL.
static view_t view_of(caller_t *caller, const char *instance) {
    arena_t *arena = arena_new(4096, 0);
    view_t view = {0};
    const Tc__BrokerStatus *now = status(caller, arena);
    for (size_t i = 0; i < now->n_instances; i++) {
        if (instance && strcmp(now->instances[i]->instance, instance) != 0) continue;
        view.instances++;
        view.outstanding += now->instances[i]->outstanding;
        view.queued += now->instances[i]->queued;
    }
    arena_destroy(&arena);
    return view;
}

static void await_instances(const bus_t *bus, int count) {
    caller_t root;
    caller_start(&root, "root", bus);
    SOON(view_of(&root, NULL).instances == count);
    caller_stop(&root);
}

// --- a socket of our own, to say what a client never would

static void *raw_socket(void *context, int type, const char *name, const char *endpoint, keys_t **keys) {
    void *socket = zmq_socket(context, type);
    NEED(keys_load(keys, dir, name, &err) == E_OK);
    NEED(curve_client(socket, *keys, "broker", &err) == E_OK);
    NEED(zmq_connect(socket, endpoint) == 0);
    return socket;
}

static bool raw_receive(void *socket, zmq_msg_t *message, wire_frame_t *frame) {
    zmq_pollitem_t item = {socket, 0, ZMQ_POLLIN, 0};
    if (zmq_poll(&item, 1, PATIENCE_MS) != 1) return false;
    return wire_receive(socket, message, 1) == 1 &&
           wire_frame_read(zmq_msg_data(message), zmq_msg_size(message), frame, &err) == E_OK;
}

static int64_t counter(const char *name, const char *labels) { return metric_value(metric_counter(name, labels, "")); }

// --- tests

TEST(a_call_gets_its_reply_and_the_service_knows_who_called) {
    bus_t bus;
    caller_t caller;
    reply_t reply;
    bus_start(&bus);
    worker_t *worker = worker_start("w-1", &bus);
    caller_start(&caller, "h-1", &bus);
    call_t call = call_to("say", "k", "hello");
    call.request_id = "my-own-id";
    call.tag = &call;
    EQ(ask(&caller, &call, &reply), E_OK);
    EQ_TEXT(body_of(&reply), "w-1|hospital:h-1|hello");
    EQ_TEXT(reply.request_id, "my-own-id");
    OK(reply.tag == &call);
    EQ_TEXT(taken_id(worker, 0), "my-own-id");
    call.method = "refuse";
    EQ(ask(&caller, &call, &reply), E_NOT_FOUND);
    EQ_TEXT(err.field, "person");
    EQ_TEXT(err.text, "no such person");
    EQ(client_in_flight(caller.client), 0);
    caller_stop(&caller);
    worker_stop(&worker);
    bus_stop(&bus);
}

TEST(a_caller_cannot_forge_who_he_is) {
    bus_t bus;
    keys_t *keys = NULL;
    zmq_msg_t message;
    wire_frame_t frame;
    void *context = zmq_ctx_new();
    bus_start(&bus);
    worker_t *worker = worker_start("w-1", &bus);
    void *socket = raw_socket(context, ZMQ_DEALER, "h-1", bus.front, &keys);
    Tc__RequestHeader header = TC__REQUEST_HEADER__INIT;
    header.service = (char *)(uintptr_t) "echo";
    header.method = header.request_id = (char *)(uintptr_t) "x";
    header.caller = (char *)(uintptr_t) "admin:root";
    header.scope = (char *)(uintptr_t) "divisions=440703";
    header.deadline_ms = clock_now_ms() + 10000;
    NEED(wire_frame_make(&message, WIRE_REQUEST, 42, &header.base, "b", 1, &err) == E_OK);
    NEED(zmq_msg_send(&message, socket, 0) > 0);
    NEED(raw_receive(socket, &message, &frame));
    EQ(frame.kind, WIRE_REPLY);
    EQ(frame.mark, 42);
    EQ(frame.body_bytes, strlen("w-1|hospital:h-1|b"));
    OK(memcmp(frame.body, "w-1|hospital:h-1|b", frame.body_bytes) == 0);
    zmq_msg_close(&message);
    zmq_close(socket);
    keys_destroy(&keys);
    zmq_ctx_term(context);
    worker_stop(&worker);
    bus_stop(&bus);
}

TEST(strangers_stay_outside_and_new_keys_come_in) {
    bus_t bus;
    caller_t caller;
    reply_t reply;
    bus_start(&bus);
    worker_t *worker = worker_start("w-1", &bus);
    int64_t refused = counter("tongchou_handshakes_total", "outcome=\"refused\"");
    caller_start_in(&caller, strange_dir, "stranger", (const char *const[]){bus.front, NULL}, 0);
    call_t call = call_to("say", "", "hello");
    call.deadline_ms = 800;
    EQ(ask(&caller, &call, &reply), E_UNAVAILABLE);
    EQ(reply.attempts, 0);
    OK(counter("tongchou_handshakes_total", "outcome=\"refused\"") > refused);
    EQ(worker->taken, 0);
    caller_stop(&caller);
    // Registered while the broker runs: no restart, no waiting for the next look at the file.
    EQ(keys_make(dir, "late", "clerk", &err), E_OK);
    caller_start(&caller, "late", &bus);
    EQ(ask(&caller, &call, &reply), E_OK);
    EQ_TEXT(body_of(&reply), "w-1|clerk:late|hello");
    caller_stop(&caller);
    worker_stop(&worker);
    bus_stop(&bus);
}

TEST(a_key_carries_its_scope_and_one_taken_out_has_no_say_any_more) {
    bus_t bus;
    caller_t caller;
    reply_t reply;
    EQ(keys_make_scoped(dir, "district", "clerk", "divisions=440703", &err), E_OK);
    bus_start(&bus);
    worker_t *worker = worker_start("w-1", &bus);
    caller_start(&caller, "district", &bus);
    call_t call = call_to("say", "", "hello");
    EQ(ask(&caller, &call, &reply), E_OK);
    EQ_TEXT(body_of(&reply), "w-1|clerk:district[divisions=440703]|hello");
    const int taken = worker->taken;
    EQ(keys_revoke(dir, "district", ROLE_CLERK, &err), E_OK);
    SOON(ask(&caller, &call, &reply) == E_DENIED); // on the same connection
    HAS_TEXT(err.text, "registry");
    const int until_then = worker->taken;
    OK(until_then >= taken);
    EQ(ask(&caller, &call, &reply), E_DENIED);
    EQ(worker->taken, until_then);
    caller_stop(&caller);
    worker_stop(&worker);
    bus_stop(&bus);
}

TEST(a_service_whose_key_is_taken_out_gets_nothing_more) {
    bus_t bus;
    caller_t root;
    EQ(keys_make(dir, "svc-3", "service", &err), E_OK);
    bus_start(&bus);
    worker_t *worker = worker_new("w-3", &bus);
    worker->key_name = "svc-3";
    worker_run(worker);
    await_instances(&bus, 1);
    EQ(keys_revoke(dir, "svc-3", ROLE_SERVICE, &err), E_OK);
    caller_start(&root, "root", &bus);
    SOON(view_of(&root, NULL).instances == 0);
    caller_stop(&root);
    worker_stop(&worker);
    bus_stop(&bus);
}

static int raw_tcp(const char *endpoint) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_port = htons((uint16_t)strtoul(strrchr(endpoint, ':') + 1, NULL, 10));
    NEED(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    return fd;
}

// Closed by the other side; what it says before (its greeting) is read away.
static bool hung_up(int fd) {
    char bytes[256];
    ssize_t got;
    do got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    while (got > 0);
    return got == 0 || (errno != EAGAIN && errno != EINTR);
}

// Connections that say nothing, or half a greeting, or nonsense: they are dropped after the time a handshake may take,
// and meanwhile nobody waits for them.
TEST(a_thousand_idle_connections_keep_nobody_out_and_are_dropped) {
    enum { IDLE = 1000 };
    static int idle[IDLE];
    static const char half[] = "\xff\0\0\0\0\0\0\0\x01\x7f\x03", nonsense[] = "GET / HTTP/1.1\r\nHost: broker\r\n\r\n";
    struct rlimit files;
    bus_t bus;
    caller_t caller;
    reply_t reply;
    size_t left = IDLE;
    NEED(getrlimit(RLIMIT_NOFILE, &files) == 0);
    files.rlim_cur = files.rlim_max;
    NEED(setrlimit(RLIMIT_NOFILE, &files) == 0);
    bus_start(&bus);
    worker_t *worker = worker_start("w-1", &bus);
    for (size_t i = 0; i < IDLE; i++) {
        idle[i] = raw_tcp(bus.front);
        if (i % 3 == 1) NEED(send(idle[i], half, sizeof half - 1, MSG_NOSIGNAL) > 0);
        if (i % 3 == 2) NEED(send(idle[i], nonsense, sizeof nonsense - 1, MSG_NOSIGNAL) > 0);
    }
    caller_start(&caller, "h-1", &bus); // a new connection among them
    call_t call = call_to("say", "", "hello");
    for (int i = 0; i < 20; i++) EQ(ask(&caller, &call, &reply), E_OK);
    for (int64_t end_us = clock_mono_us() + PATIENCE_MS * INT64_C(1000); left && clock_mono_us() < end_us;
         poll(NULL, 0, 20)) {
        left = 0;
        for (size_t i = 0; i < IDLE; i++) {
            if (idle[i] >= 0 && hung_up(idle[i])) close(idle[i]), idle[i] = -1;
            left += idle[i] >= 0;
        }
    }
    EQ(left, 0);
    EQ(ask(&caller, &call, &reply), E_OK);
    caller_stop(&caller);
    worker_stop(&worker);
    bus_stop(&bus);
}

TEST(the_back_door_is_for_services) {
    bus_t bus;
    caller_t root;
    bus_start(&bus);
    int64_t refused = counter("tongchou_handshakes_total", "outcome=\"refused\"");
    worker_t *worker = worker_new("w-1", &bus);
    worker->key_name = "h-1";
    worker_run(worker);
    SOON(counter("tongchou_handshakes_total", "outcome=\"refused\"") > refused + 1); // and again after it reconnects
    caller_start(&root, "root", &bus);
    EQ(view_of(&root, NULL).instances, 0);
    caller_stop(&root);
    worker_stop(&worker);
    bus_stop(&bus);
}

// The first event on `monitor` that settles a handshake.
static int handshake_outcome(void *monitor) {
    for (;;) {
        zmq_msg_t frames[2];
        zmq_pollitem_t item = {monitor, 0, ZMQ_POLLIN, 0};
        if (zmq_poll(&item, 1, PATIENCE_MS) != 1 || wire_receive(monitor, frames, 2) != 2) return 0;
        uint16_t event;
        memcpy(&event, zmq_msg_data(&frames[0]), sizeof event);
        wire_close(frames, 2);
        if (event != ZMQ_EVENT_ACCEPTED && event != ZMQ_EVENT_LISTENING) return event;
    }
}

TEST(without_a_handler_nobody_gets_in) {
    static const zap_domain_t domains[] = {{"front", ROLE_HOSPITAL}};
    for (int with_handler = 0; with_handler < 2; with_handler++) {
        void *context = zmq_ctx_new(), *outside = zmq_ctx_new();
        zap_t *zap = NULL;
        keys_t *keys = NULL, *client_keys = NULL;
        char endpoint[128];
        size_t bytes = sizeof endpoint;
        NEED(keys_load(&keys, dir, "broker", &err) == E_OK);
        if (with_handler) NEED(zap_start(&zap, context, dir, domains, 1, &err) == E_OK);
        void *router = zmq_socket(context, ZMQ_ROUTER), *monitor = zmq_socket(context, ZMQ_PAIR);
        NEED(zmq_socket_monitor(router, "inproc://monitor", ZMQ_EVENT_ALL) == 0);
        NEED(zmq_connect(monitor, "inproc://monitor") == 0);
        NEED(curve_server(router, keys, "front", &err) == E_OK);
        NEED(zmq_bind(router, "tcp://127.0.0.1:*") == 0);
        NEED(zmq_getsockopt(router, ZMQ_LAST_ENDPOINT, endpoint, &bytes) == 0);
        void *client = raw_socket(outside, ZMQ_DEALER, "h-1", endpoint, &client_keys);
        int outcome = handshake_outcome(monitor);
        OK(outcome != 0);
        EQ(outcome == ZMQ_EVENT_HANDSHAKE_SUCCEEDED, with_handler);
        zmq_close(client);
        zmq_close(monitor);
        zmq_close(router);
        zap_stop(&zap);
        zap_stop(&zap);
        keys_destroy(&keys);
        keys_destroy(&client_keys);
        zmq_ctx_term(outside);
        zmq_ctx_term(context);
    }
}

TEST(an_unknown_service_is_unavailable_at_the_deadline) {
    bus_t bus;
    caller_t caller;
    reply_t reply;
    bus_start(&bus);
    caller_start(&caller, "h-1", &bus);
    call_t call = call_to("say", "k", "hello");
    call.service = "nonesuch";
    call.deadline_ms = 700;
    EQ(ask(&caller, &call, &reply), E_UNAVAILABLE);
    HAS_TEXT(reply.text, "nonesuch");
    OK(reply.elapsed_us > 400000 && reply.elapsed_us < 2000000);
    // Somebody who comes in time still serves what waits.
    call.service = "echo";
    call.deadline_ms = PATIENCE_MS;
    EQ(client_send(caller.client, &call, &err), E_OK);
    worker_t *worker = worker_start("w-1", &bus);
    EQ(client_next(caller.client, &reply, PATIENCE_MS), 1);
    EQ(reply.code, E_OK);
    caller_stop(&caller);
    worker_stop(&worker);
    bus_stop(&bus);
}

TEST(a_service_never_holds_more_than_its_credit) {
    bus_t bus;
    caller_t caller, root;
    reply_t reply;
    bus_start(&bus);
    worker_t *worker = worker_new("w-1", &bus);
    worker->credit = 2;
    worker->hold = true;
    worker_run(worker);
    await_instances(&bus, 1);
    caller_start_in(&caller, dir, "h-1", (const char *const[]){bus.front, NULL}, PATIENCE_MS);
    caller_start(&root, "root", &bus);
    call_t call = call_to("say", "k", "hello");
    for (int i = 0; i < 10; i++) {
        if (i % 2)
            call.key = "";
        else
            call.key = "k";
        EQ(client_send(caller.client, &call, &err), E_OK);
    }
    SOON(quiet(&caller) && worker->held == 2 && view_of(&root, "w-1").outstanding == 2);
    EQ(client_next(caller.client, &reply, 0), 0);
    worker->hold = false;
    for (int i = 0; i < 10; i++) {
        EQ(client_next(caller.client, &reply, PATIENCE_MS), 1);
        EQ(reply.code, E_OK);
    }
    EQ(worker->held_most, 2);
    EQ(worker->taken, 10);
    caller_stop(&root);
    caller_stop(&caller);
    worker_stop(&worker);
    bus_stop(&bus);
}

typedef struct outcomes {
    int busy, full, timeouts;
} outcomes_t;

static outcomes_t overload(caller_t *caller) {
    outcomes_t out = {0};
    reply_t reply;
    call_t call = call_to("say", "k", "hello");
    call.deadline_ms = 600;
    for (int i = 0; i < 20; i++) EQ(client_send(caller->client, &call, &err), E_OK);
    for (int i = 0; i < 20; i++) {
        NEED(client_next(caller->client, &reply, PATIENCE_MS) == 1);
        out.busy += reply.code == E_BUSY;
        out.timeouts += reply.code == E_TIMEOUT;
        out.full += strstr(reply.text, "w-1 is full (5 requests)") != NULL;
    }
    return out;
}

TEST(past_the_bound_the_answer_is_busy_at_once) {
    bus_t bus;
    caller_t caller;
    outcomes_t out = {0};
    int rounds = 0;
    bus_start_at(&bus, "tcp://127.0.0.1:*", "tcp://127.0.0.1:*", (dispatch_conf_t){.queue_max = 5});
    worker_t *worker = worker_new("w-1", &bus);
    worker->credit = 1;
    worker->hold = true;
    worker_run(worker);
    await_instances(&bus, 1);
    caller_start(&caller, "h-1", &bus);
    // Those that wait are refused 100 ms before the deadline: a machine that stands still just then spoils a round.
    for (; rounds < 3 && out.timeouts != 1; rounds++) out = overload(&caller);
    EQ(out.timeouts, 1); // the one that was begun
    EQ(out.busy, 19);    // and of the others everybody knows that nothing happened
    OK(out.full >= 9);
    OK(worker->taken >= rounds && worker->taken <= rounds * 6);
    caller_stop(&caller);
    worker_stop(&worker);
    bus_stop(&bus);
}

// Forked before there are threads; it waits for the endpoint on a pipe, takes requests and never answers.
static pid_t fork_worker(int *endpoint_pipe) {
    int ends[2];
    NEED(pipe(ends) == 0);
    pid_t pid = fork();
    NEED(pid >= 0);
    if (pid > 0) {
        close(ends[0]);
        *endpoint_pipe = ends[1];
        return pid;
    }
    bus_t bus = {0};
    close(ends[1]);
    if (read(ends[0], bus.back, sizeof bus.back - 1) <= 0) _exit(1);
    worker_t *worker = worker_new("w-dies", &bus);
    worker->hold = true;
    worker->key_name = "svc-2";
    run_worker(worker);
    _exit(0);
}

TEST(what_a_killed_process_had_goes_to_another) {
    bus_t bus;
    caller_t caller, root;
    reply_t reply;
    char key[32] = "";
    int pipe_end, outcome;
    pid_t pid = fork_worker(&pipe_end);
    bus_start(&bus);
    worker_t *worker = worker_start("w-lives", &bus);
    NEED(write(pipe_end, bus.back, strlen(bus.back)) > 0);
    await_instances(&bus, 2);
    // No attempt of the client's own within this test: the broker alone repairs it.
    caller_start_in(&caller, dir, "h-1", (const char *const[]){bus.front, NULL}, PATIENCE_MS);
    caller_start(&root, "root", &bus);
    call_t call = call_to("say", key, "hello");
    call.deadline_ms = 2 * PATIENCE_MS;
    for (int i = 0; i < 40; i++) {
        snprintf(key, sizeof key, "key-%d", i);
        EQ(client_send(caller.client, &call, &err), E_OK);
    }
    int alive = 0;
    while (client_next(caller.client, &reply, 300)) alive++;
    int lost = view_of(&root, "w-dies").outstanding;
    OK(lost > 0);
    EQ(alive + lost, 40);
    kill(pid, SIGKILL);
    waitpid(pid, &outcome, 0);
    for (int i = 0; i < lost; i++) {
        NEED(client_next(caller.client, &reply, PATIENCE_MS) == 1);
        EQ(reply.code, E_OK);
        EQ(reply.attempts, 1);
        HAS_TEXT(body_of(&reply), "w-lives");
    }
    EQ(client_next(caller.client, &reply, 0), 0);
    EQ(client_in_flight(caller.client), 0);
    close(pipe_end);
    caller_stop(&root);
    caller_stop(&caller);
    worker_stop(&worker);
    bus_stop(&bus);
}

TEST(what_a_silent_instance_had_goes_to_another) {
    bus_t bus;
    caller_t caller;
    reply_t reply;
    bus_start_at(&bus, "tcp://127.0.0.1:*", "tcp://127.0.0.1:*", (dispatch_conf_t){.dead_after_ms = 1200});
    worker_t *first = worker_new("w-1", &bus);
    first->hold = true;
    worker_run(first);
    await_instances(&bus, 1);
    caller_start_in(&caller, dir, "h-1", (const char *const[]){bus.front, NULL}, PATIENCE_MS);
    call_t call = call_to("say", "k", "hello");
    EQ(client_send(caller.client, &call, &err), E_OK);
    SOON(quiet(&caller) && first->held == 1);
    first->frozen = true;
    worker_t *second = worker_start("w-2", &bus);
    NEED(client_next(caller.client, &reply, PATIENCE_MS) == 1);
    EQ(reply.code, E_OK);
    HAS_TEXT(body_of(&reply), "w-2");
    EQ_TEXT(taken_id(first, 0), taken_id(second, 0));
    // It wakes up, answers what nobody waits for any more, and is let in again.
    int64_t stray = counter("tongchou_broker_stray_replies_total", "");
    first->hold = false;
    first->frozen = false;
    SOON(counter("tongchou_broker_stray_replies_total", "") > stray);
    await_instances(&bus, 2);
    EQ(client_next(caller.client, &reply, 0), 0);
    caller_stop(&caller);
    worker_stop(&first);
    worker_stop(&second);
    bus_stop(&bus);
}

TEST(a_second_broker_takes_over_under_the_same_request_id) {
    bus_t one, two;
    caller_t caller;
    reply_t reply;
    bus_start(&one);
    bus_start(&two);
    worker_t *worker = worker_new("w-1", &one);
    worker->brokers[1] = two.back;
    worker->hold = true;
    worker_run(worker);
    await_instances(&one, 1);
    await_instances(&two, 1);
    caller_start_in(&caller, dir, "h-1", (const char *const[]){one.front, two.front, NULL}, 300);
    call_t call = call_to("say", "k", "hello");
    EQ(client_send(caller.client, &call, &err), E_OK);
    SOON(quiet(&caller) && worker->held == 1);
    bus_stop(&one);
    while (worker->held < 2) NEED(client_next(caller.client, &reply, 10) == 0 && worker->taken < 3);
    EQ_TEXT(taken_id(worker, 0), taken_id(worker, 1));
    worker->hold = false;
    NEED(client_next(caller.client, &reply, PATIENCE_MS) == 1);
    EQ(reply.code, E_OK);
    EQ_TEXT(reply.request_id, taken_id(worker, 0));
    EQ(client_next(caller.client, &reply, 0), 0);
    // And the next call does not even try the dead one.
    EQ(ask(&caller, &call, &reply), E_OK);
    EQ(reply.attempts, 1);
    caller_stop(&caller);
    worker_stop(&worker);
    bus_stop(&two);
}

TEST(a_broker_that_comes_back_finds_its_services_again) {
    bus_t bus;
    caller_t caller;
    reply_t reply;
    char front[256], back[256];
    bus_start(&bus);
    snprintf(front, sizeof front, "%s", bus.front);
    snprintf(back, sizeof back, "%s", bus.back);
    worker_t *worker = worker_start("w-1", &bus);
    caller_start_in(&caller, dir, "h-1", (const char *const[]){front, NULL}, 300);
    call_t call = call_to("say", "k", "hello");
    call.deadline_ms = PATIENCE_MS;
    EQ(ask(&caller, &call, &reply), E_OK);
    bus_stop(&bus);
    EQ(client_send(caller.client, &call, &err), E_OK);
    bus_start_at(&bus, front, back, (dispatch_conf_t){0});
    NEED(client_next(caller.client, &reply, PATIENCE_MS) == 1);
    EQ(reply.code, E_OK);
    caller_stop(&caller);
    worker_stop(&worker);
    bus_stop(&bus);
}

static void who_serves(caller_t *caller, char owners[][32], int keys) {
    char key[32] = "";
    reply_t reply;
    call_t call = call_to("say", key, "");
    for (int i = 0; i < keys; i++) {
        snprintf(key, sizeof key, "person-%d", i);
        NEED(ask(caller, &call, &reply) == E_OK);
        snprintf(owners[i], 32, "%.*s", (int)strcspn(body_of(&reply), "|"), body_of(&reply));
    }
}

TEST(a_key_stays_with_one_instance_and_moves_only_to_a_joiner) {
    enum { KEYS = 200 };
    static char before[KEYS][32], again[KEYS][32], after[KEYS][32];
    bus_t bus;
    caller_t caller;
    int moved = 0;
    bus_start(&bus);
    worker_t *workers[3] = {worker_start("w-1", &bus), worker_start("w-2", &bus), NULL};
    await_instances(&bus, 2);
    caller_start(&caller, "h-1", &bus);
    who_serves(&caller, before, KEYS);
    who_serves(&caller, again, KEYS);
    for (int i = 0; i < KEYS; i++) EQ_TEXT(before[i], again[i]);
    workers[2] = worker_start("w-3", &bus);
    await_instances(&bus, 3);
    who_serves(&caller, after, KEYS);
    for (int i = 0; i < KEYS; i++) {
        if (strcmp(before[i], after[i]) == 0) continue;
        EQ_TEXT(after[i], "w-3");
        moved++;
    }
    OK(moved > KEYS / 6 && moved < KEYS / 2);
    caller_stop(&caller);
    for (int i = 0; i < 3; i++) worker_stop(&workers[i]);
    bus_stop(&bus);
}

static void expect_refusal(void *socket, uint64_t mark, int code) {
    zmq_msg_t message;
    wire_frame_t frame;
    Tc__ReplyHeader *header = NULL;
    arena_t *arena = arena_new(4096, 0);
    NEED(raw_receive(socket, &message, &frame));
    EQ(frame.kind, WIRE_REPLY);
    EQ(frame.mark, mark);
    NEED(wire_reply_read(frame.header, frame.header_bytes, arena, &header, &err) == E_OK);
    EQ(header->code, code);
    EQ_TEXT(header->code_name, err_name(code));
    OK(header->text[0] != '\0');
    arena_destroy(&arena);
    zmq_msg_close(&message);
}

TEST(malformed_messages_are_answered_or_dropped_and_harm_nobody) {
    static const uint8_t no_header[] = {1, WIRE_REQUEST, 0, 0, 0, 0, 0, 0, 0, 7, 0, 3, 0xff, 0xff, 0xff};
    static const uint8_t short_header[] = {1, WIRE_REQUEST, 0, 0, 0, 0, 0, 0, 0, 8, 0xff, 0xff, 1};
    static const uint8_t reply_kind[] = {1, WIRE_REPLY, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0};
    static const uint8_t bad_pack[] = {1,    WIRE_PACK, 0, 0,  0,    0,
                                       0,    0,         0, 0, // prefix
                                       0,    0,         0, 15, 1,    WIRE_REQUEST,
                                       0,    0,         0, 0,  0,    0,
                                       0,    12,        0, 3,  0xff, 0xff,
                                       0xff, // no header
                                       0,    0,         0, 10, 1,    WIRE_BYE,
                                       0,    0,         0, 0,  0,    0,
                                       0,    0};
    bus_t bus;
    caller_t caller;
    reply_t reply;
    keys_t *keys = NULL;
    zmq_msg_t message;
    void *context = zmq_ctx_new();
    char *body = calloc(1, WIRE_MESSAGE_MAX_BYTES + 1);
    bus_start(&bus);
    worker_t *worker = worker_start("w-1", &bus);
    void *socket = raw_socket(context, ZMQ_DEALER, "h-1", bus.front, &keys);
    int64_t seen = counter("tongchou_broker_malformed_total", "side=\"front\"");
    zmq_send(socket, "", 0, 0);
    zmq_send(socket, "junk", 4, 0);
    zmq_send(socket, "two", 3, ZMQ_SNDMORE);
    zmq_send(socket, "frames", 6, 0);
    zmq_send(socket, reply_kind, sizeof reply_kind, 0);
    zmq_send(socket, no_header, sizeof no_header, 0);
    expect_refusal(socket, 7, E_INVALID_FIELD);
    zmq_send(socket, short_header, sizeof short_header, 0);
    expect_refusal(socket, 8, E_INVALID_FIELD);
    Tc__RequestHeader header = TC__REQUEST_HEADER__INIT;
    header.service = header.method = header.request_id = (char *)(uintptr_t) "echo";
    header.deadline_ms = clock_now_ms() + 10000;
    NEED(body &&
         wire_frame_make(&message, WIRE_REQUEST, 11, &header.base, body, WIRE_MESSAGE_MAX_BYTES + 1, &err) == E_OK);
    NEED(zmq_msg_send(&message, socket, 0) > 0);
    expect_refusal(socket, 11, E_TOO_LARGE);
    // Of a pack every item is answered by itself, up to the fault; control frames have no place in one.
    zmq_send(socket, bad_pack, sizeof bad_pack, 0);
    expect_refusal(socket, 12, E_INVALID_FIELD);
    EQ(counter("tongchou_broker_malformed_total", "side=\"front\"") - seen, 9);
    // The largest allowed body still goes both ways, and too large ones are stopped at their source.
    caller_start(&caller, "h-1", &bus);
    call_t call = {.service = "echo", .method = "huge", .body = body, .body_bytes = WIRE_MESSAGE_MAX_BYTES};
    EQ(ask(&caller, &call, &reply), E_TOO_LARGE);
    EQ(reply.attempts, 1);
    call.body_bytes++;
    EQ(ask(&caller, &call, &reply), E_TOO_LARGE);
    EQ(reply.attempts, 0);
    call = call_to("say", "", "still there");
    EQ(ask(&caller, &call, &reply), E_OK);
    caller_stop(&caller);
    zmq_close(socket);
    keys_destroy(&keys);
    zmq_ctx_term(context);
    free(body);
    worker_stop(&worker);
    bus_stop(&bus);
}

TEST(malformed_messages_of_services_harm_nobody) {
    bus_t bus;
    caller_t caller;
    reply_t reply;
    keys_t *keys = NULL;
    static const uint8_t bye[] = {1, WIRE_BYE, 0, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t stray[] = {1, WIRE_REPLY, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0};
    static const uint8_t request[] = {1, WIRE_REQUEST, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t bad_ready[] = {1, WIRE_READY, 0, 0, 0, 0, 0, 0, 0, 0, 0xff};
    static const uint8_t bad_pack[] = {
        1, WIRE_PACK, 0, 0,  0, 0,          0, 0, 0, 0,                             // prefix
        0, 0,         0, 12, 1, WIRE_REPLY, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 9}; // a stray, then a length of nothing
    void *context = zmq_ctx_new();
    bus_start(&bus);
    worker_t *worker = worker_start("w-1", &bus);
    await_instances(&bus, 1);
    void *socket = raw_socket(context, ZMQ_DEALER, "svc-2", bus.back, &keys);
    int64_t seen = counter("tongchou_broker_malformed_total", "side=\"back\"");
    int64_t strays = counter("tongchou_broker_stray_replies_total", "");
    zmq_send(socket, "junk", 4, 0);
    zmq_send(socket, bye, sizeof bye, 0);
    zmq_send(socket, stray, sizeof stray, 0);
    zmq_send(socket, request, sizeof request, 0);
    zmq_send(socket, bad_ready, sizeof bad_ready, 0);
    zmq_send(socket, bad_pack, sizeof bad_pack, 0);
    SOON(counter("tongchou_broker_malformed_total", "side=\"back\"") - seen == 4);
    EQ(counter("tongchou_broker_stray_replies_total", "") - strays, 2);
    caller_start(&caller, "h-1", &bus);
    call_t call = call_to("say", "k", "hello");
    EQ(ask(&caller, &call, &reply), E_OK);
    caller_stop(&caller);
    zmq_close(socket);
    keys_destroy(&keys);
    zmq_ctx_term(context);
    worker_stop(&worker);
    bus_stop(&bus);
}

// Once with a service that takes each next batch in the middle of the one before.
static void pipeline_calls(bool looks_ahead) {
    enum { CALLS = 1000 };
    static int ended[CALLS];
    bus_t bus;
    caller_t caller;
    reply_t reply;
    int sent = 0, done = 0, retried = 0;
    char key[32] = "", body[32];
    memset(ended, 0, sizeof ended);
    bus_start(&bus);
    worker_t *worker = worker_new("w-1", &bus);
    worker->drop_every = 10;
    worker->credit = 1000;
    worker->looks_ahead = looks_ahead;
    worker_run(worker);
    await_instances(&bus, 1);
    caller_start_in(&caller, dir, "h-1", (const char *const[]){bus.front, NULL}, 200);
    call_t call = call_to("say", key, "");
    call.body = body;
    call.deadline_ms = 4 * PATIENCE_MS;
    while (done < CALLS) {
        for (; sent < CALLS && client_in_flight(caller.client) < 256; sent++) {
            snprintf(key, sizeof key, "key-%d", sent);
            call.body_bytes = (size_t)snprintf(body, sizeof body, "%d", sent);
            call.tag = &ended[sent];
            NEED(client_send(caller.client, &call, &err) == E_OK);
        }
        NEED(client_next(caller.client, &reply, PATIENCE_MS) == 1);
        EQ(reply.code, E_OK);
        EQ(atoi(strrchr(body_of(&reply), '|') + 1), (int *)reply.tag - ended);
        ++*(int *)reply.tag;
        retried += reply.attempts > 1;
        done++;
    }
    for (int i = 0; i < CALLS; i++) EQ(ended[i], 1);
    OK(retried >= CALLS / 20);
    EQ(client_next(caller.client, &reply, 0), 0);
    EQ(client_in_flight(caller.client), 0);
    EQ(worker->ahead > 0, looks_ahead);
    EQ(worker->ahead_wrong, 0);
    caller_stop(&caller);
    worker_stop(&worker);
    bus_stop(&bus);
}

TEST(every_pipelined_call_ends_once_though_one_in_ten_is_ignored) {
    pipeline_calls(false);
    pipeline_calls(true);
}

TEST(an_instance_that_drains_loses_nothing) {
    bus_t bus;
    caller_t caller, root;
    reply_t reply;
    char key[32] = "";
    bus_start(&bus);
    worker_t *leaves = worker_new("w-1", &bus), *stays = worker_start("w-2", &bus);
    leaves->looks_ahead = true;
    worker_run(leaves);
    await_instances(&bus, 2);
    caller_start_in(&caller, dir, "h-1", (const char *const[]){bus.front, NULL}, PATIENCE_MS);
    caller_start(&root, "root", &bus);
    call_t call = call_to("say", key, "hello");
    int sent = 0, done = 0;
    while (done < 2000) {
        for (; sent < 2000 && client_in_flight(caller.client) < 64; sent++) {
            snprintf(key, sizeof key, "key-%d", sent);
            NEED(client_send(caller.client, &call, &err) == E_OK);
        }
        if (done == 500) leaves->draining = true;
        NEED(client_next(caller.client, &reply, PATIENCE_MS) == 1);
        EQ(reply.code, E_OK);
        EQ(reply.attempts, 1);
        done++;
    }
    EQ(leaves->taken + stays->taken, 2000);
    worker_stop(&leaves);
    SOON(view_of(&root, NULL).instances == 1);
    caller_stop(&root);
    caller_stop(&caller);
    worker_stop(&stays);
    bus_stop(&bus);
}

TEST(the_directory_is_for_all_and_the_status_is_not) {
    bus_t bus;
    caller_t caller;
    reply_t reply;
    ProtobufCMessage *message = NULL;
    arena_t *arena = arena_new(4096, 0);
    bus_start(&bus);
    worker_t *worker = worker_start("w-1", &bus);
    await_instances(&bus, 1);
    caller_start(&caller, "h-1", &bus);
    call_t call = {.service = "broker", .method = "directory"};
    EQ(ask(&caller, &call, &reply), E_OK);
    NEED(message_unpack(&message, &tc__directory__descriptor, reply.body, reply.body_bytes, arena, &err) == E_OK);
    const Tc__Directory *directory = (Tc__Directory *)message;
    NEED(directory->n_instances == 1);
    EQ_TEXT(directory->instances[0]->instance, "w-1");
    EQ_TEXT(directory->instances[0]->key_name, "svc-1");
    EQ_TEXT(directory->instances[0]->live_endpoint, "tcp://live:1");
    EQ_TEXT(directory->instances[0]->replay_endpoint, "tcp://replay:2");
    EQ(directory->instances[0]->replay_version, 2);
    call.body = "\x0a\x04none";
    call.body_bytes = 6;
    EQ(ask(&caller, &call, &reply), E_OK);
    EQ(reply.body_bytes, 0);
    call = (call_t){.service = "broker", .method = "status"};
    EQ(ask(&caller, &call, &reply), E_DENIED);
    call.method = "shutdown";
    EQ(ask(&caller, &call, &reply), E_NOT_FOUND);
    arena_destroy(&arena);
    caller_stop(&caller);
    worker_stop(&worker);
    bus_stop(&bus);
}

// A broker that answers everything twice, the second time after the client has gone on.
TEST(late_and_doubled_replies_change_nothing) {
    static const zap_domain_t domains[] = {{"front", ROLE_HOSPITAL}};
    void *context = zmq_ctx_new();
    zap_t *zap = NULL;
    keys_t *keys = NULL;
    caller_t caller;
    reply_t reply;
    char endpoint[128];
    size_t bytes = sizeof endpoint;
    NEED(keys_load(&keys, dir, "broker", &err) == E_OK);
    NEED(zap_start(&zap, context, dir, domains, 1, &err) == E_OK);
    void *router = zmq_socket(context, ZMQ_ROUTER);
    NEED(curve_server(router, keys, "front", &err) == E_OK && zmq_bind(router, "tcp://127.0.0.1:*") == 0);
    NEED(zmq_getsockopt(router, ZMQ_LAST_ENDPOINT, endpoint, &bytes) == 0);
    caller_start_in(&caller, dir, "h-1", (const char *const[]){endpoint, NULL}, PATIENCE_MS);
    int64_t late = counter("tongchou_client_late_replies_total", "");
    const err_t fine = {0};
    call_t call = call_to("say", "", "");
    for (int i = 0; i < 5; i++) {
        zmq_msg_t frames[2], answer;
        wire_frame_t frame;
        char body[16];
        NEED(client_send(caller.client, &call, &err) == E_OK);
        zmq_pollitem_t item = {router, 0, ZMQ_POLLIN, 0};
        for (int64_t until = clock_now_ms() + PATIENCE_MS; zmq_poll(&item, 1, 0) == 0 && clock_now_ms() < until;)
            NEED(client_next(caller.client, &reply, 10) == 0); // lets it connect and send
        NEED(wire_receive(router, frames, 2) == 2);
        NEED(wire_frame_read(zmq_msg_data(&frames[1]), zmq_msg_size(&frames[1]), &frame, &err) == E_OK);
        for (int k = 0; k < 2; k++) {
            snprintf(body, sizeof body, "%d.%d", i, k);
            NEED(wire_reply_make(&answer, frame.mark, "", &fine, body, strlen(body), &err) == E_OK);
            NEED(zmq_send(router, zmq_msg_data(&frames[0]), zmq_msg_size(&frames[0]), ZMQ_SNDMORE) > 0);
            NEED(zmq_msg_send(&answer, router, 0) > 0);
        }
        wire_close(frames, 2);
        snprintf(body, sizeof body, "%d.0", i);
        NEED(client_next(caller.client, &reply, PATIENCE_MS) == 1);
        EQ_TEXT(body_of(&reply), body);
    }
    EQ(client_next(caller.client, &reply, 100), 0);
    EQ(counter("tongchou_client_late_replies_total", "") - late, 5);
    caller_stop(&caller);
    zmq_close(router);
    zap_stop(&zap);
    keys_destroy(&keys);
    zmq_ctx_term(context);
}

TEST(a_full_window_says_so) {
    bus_t bus;
    caller_t caller;
    reply_t reply;
    bus_start(&bus);
    caller.context = zmq_ctx_new();
    NEED(keys_load(&caller.keys, dir, "h-1", &err) == E_OK);
    client_conf_t conf = {.context = caller.context,
                          .keys = caller.keys,
                          .brokers = (const char *const[]){bus.front, NULL},
                          .broker_key_name = "broker",
                          .window = 2};
    NEED(client_new(&caller.client, &conf, &err) == E_OK);
    call_t call = call_to("say", "", "");
    call.deadline_ms = 300;
    EQ(client_send(caller.client, &call, &err), E_OK);
    EQ(client_send(caller.client, &call, &err), E_OK);
    EQ(client_send(caller.client, &call, &err), E_BUSY);
    EQ(ask(&caller, &call, &reply), E_BUSY);
    for (int i = 0; i < 2; i++) EQ(client_next(caller.client, &reply, PATIENCE_MS), 1);
    EQ(client_send(caller.client, &call, &err), E_OK);
    caller_stop(&caller);
    bus_stop(&bus);
}

TEST(keys_are_there) {
    log_setup("broker-test", LOG_ERROR);
    make_keys();
}
TEST(keys_are_removed) { remove_keys(); }

TESTS("broker", CASE(keys_are_there), CASE(a_call_gets_its_reply_and_the_service_knows_who_called),
      CASE(a_caller_cannot_forge_who_he_is), CASE(strangers_stay_outside_and_new_keys_come_in),
      CASE(a_key_carries_its_scope_and_one_taken_out_has_no_say_any_more),
      CASE(a_service_whose_key_is_taken_out_gets_nothing_more),
      CASE(a_thousand_idle_connections_keep_nobody_out_and_are_dropped), CASE(the_back_door_is_for_services),
      CASE(without_a_handler_nobody_gets_in), CASE(an_unknown_service_is_unavailable_at_the_deadline),
      CASE(a_service_never_holds_more_than_its_credit), CASE(past_the_bound_the_answer_is_busy_at_once),
      CASE(what_a_killed_process_had_goes_to_another), CASE(what_a_silent_instance_had_goes_to_another),
      CASE(a_second_broker_takes_over_under_the_same_request_id),
      CASE(a_broker_that_comes_back_finds_its_services_again),
      CASE(a_key_stays_with_one_instance_and_moves_only_to_a_joiner),
      CASE(malformed_messages_are_answered_or_dropped_and_harm_nobody),
      CASE(malformed_messages_of_services_harm_nobody),
      CASE(every_pipelined_call_ends_once_though_one_in_ten_is_ignored), CASE(an_instance_that_drains_loses_nothing),
      CASE(the_directory_is_for_all_and_the_status_is_not), CASE(late_and_doubled_replies_change_nothing),
      CASE(a_full_window_says_so), CASE(keys_are_removed))
