// The command round trip beside what libzmq itself costs, in one run on one machine. Every role is a process of its
// own. 300-byte bodies.
//
//   bare    DEALER ↔ ROUTER
//   hop     DEALER ↔ ROUTER|ROUTER ↔ DEALER, no protocol: what any broker must cost; with and without CURVE
//   ours    client → tongchou-broker → server (echo), CURVE, ids, deadlines, credit
//
// Broker and workers poll before they receive, in all of them: a process that also beats, keeps deadlines or listens
// for a signal cannot block in one socket. All run side by side and are asked in turn, a round each, so that other work
// on the machine meets them alike; the table shows the medians of the rounds.
//
//   roundtrip_bench [calls of each, 5000]
#include "common/base/date.h"
#include "common/base/log.h"
#include "common/wire/client.h"
#include "common/wire/server.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

enum { BODY_BYTES = 300, WINDOW = 256, PORTS = 8, ROUNDS = 25, WARM_UP = 100, CALLS_MIN = 20 * ROUNDS };

static char keys_dir[256], endpoint[PORTS][64];
static pid_t children[8];
static size_t child_count;

// ---- processes

// `ports`: the endpoints of its system begin there.
static void role(void (*run)(int ports, bool curve), int ports, bool curve) {
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        run(ports, curve);
        _exit(0);
    }
    children[child_count++] = pid;
}

static void stop_roles(void) {
    while (child_count > 0) {
        kill(children[--child_count], SIGKILL);
        waitpid(children[child_count], NULL, 0);
    }
}

static void *dial(void *zmq, int type, const char *where, bool curve, const char *self, keys_t **keys) {
    void *socket = zmq_socket(zmq, type);
    err_t err = {0};
    CHECK(socket);
    if (curve) {
        CHECK(keys_load(keys, keys_dir, self, &err) == E_OK);
        CHECK(curve_client(socket, *keys, "broker", &err) == E_OK);
    }
    CHECK(zmq_connect(socket, where) == 0);
    return socket;
}

static void *serve(void *zmq, const char *where, bool curve, keys_t **keys, zap_t **zap) {
    static const zap_domain_t domains[] = {{"bench", ~0u}};
    void *socket = zmq_socket(zmq, ZMQ_ROUTER);
    err_t err = {0};
    CHECK(socket);
    if (curve) {
        if (!*zap) CHECK(zap_start(zap, zmq, keys_dir, domains, 1, &err) == E_OK);
        if (!*keys) CHECK(keys_load(keys, keys_dir, "broker", &err) == E_OK);
        CHECK(curve_server(socket, *keys, "bench", &err) == E_OK);
    }
    CHECK(zmq_bind(socket, where) == 0);
    return socket;
}

// Pass on one message of two or three frames; false when none waits. `to_whom` goes in front when given, else the first
// frame of the message (who sent it) is dropped.
static bool relay(void *from, void *to, const char *to_whom, size_t to_whom_bytes) {
    zmq_msg_t part;
    zmq_msg_init(&part);
    if (zmq_msg_recv(&part, from, ZMQ_DONTWAIT) < 0) return false;
    if (to_whom) {
        zmq_send(to, to_whom, to_whom_bytes, ZMQ_SNDMORE);
        zmq_msg_send(&part, to, ZMQ_SNDMORE);
    }
    for (bool more = true; more;) {
        zmq_msg_recv(&part, from, 0);
        more = zmq_msg_more(&part);
        zmq_msg_send(&part, to, more ? ZMQ_SNDMORE : 0);
    }
    zmq_msg_close(&part);
    return true;
}

static void wait_for(void *one, void *other) {
    zmq_pollitem_t items[2] = {{.socket = one, .events = ZMQ_POLLIN}, {.socket = other, .events = ZMQ_POLLIN}};
    zmq_poll(items, other ? 2 : 1, -1);
}

// A broker with no protocol: one worker, which says who it is first; client identities travel as a frame.
static void bare_broker(int ports, bool curve) {
    void *zmq = zmq_ctx_new();
    keys_t *keys = NULL;
    zap_t *zap = NULL;
    void *front = serve(zmq, endpoint[ports], curve, &keys, &zap);
    void *back = serve(zmq, endpoint[ports + 1], curve, &keys, &zap);
    char worker[64], ready[8];
    size_t worker_bytes = (size_t)zmq_recv(back, worker, sizeof worker, 0);
    zmq_recv(back, ready, sizeof ready, 0);
    for (;;) {
        wait_for(front, back);
        while (relay(front, back, worker, worker_bytes)) {
        }
        while (relay(back, front, NULL, 0)) {
        }
    }
}

// Send everything back to whom it came from: two frames, in and out.
static void echo_all(void *socket) {
    char client[64], body[1024];
    for (;;) {
        int id;
        wait_for(socket, NULL);
        while ((id = zmq_recv(socket, client, sizeof client, ZMQ_DONTWAIT)) >= 0) {
            int bytes = zmq_recv(socket, body, sizeof body, 0);
            zmq_send(socket, client, (size_t)id, ZMQ_SNDMORE);
            zmq_send(socket, body, (size_t)bytes, 0);
        }
    }
}

static void bare_worker(int ports, bool curve) {
    void *zmq = zmq_ctx_new();
    keys_t *keys = NULL;
    void *socket = dial(zmq, ZMQ_DEALER, endpoint[ports + 1], curve, "settlement", &keys);
    zmq_send(socket, "ready", 5, 0);
    echo_all(socket);
}

static void bare_router(int ports, bool curve) {
    void *zmq = zmq_ctx_new();
    keys_t *keys = NULL;
    zap_t *zap = NULL;
    echo_all(serve(zmq, endpoint[ports], curve, &keys, &zap));
}

static void our_broker(int ports, bool curve) {
    (void)curve;
    char program[512] = "";
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 32);
    CHECK(length > 0);
    snprintf(strrchr(program, '/'), 32, "/tongchou-broker"); // 32 bytes were left for it
    CHECK(freopen("/dev/null", "w", stdout) && freopen("/dev/null", "w", stderr));
    execl(program, program, "--broker.front", endpoint[ports], "--broker.back", endpoint[ports + 1], "--keys.dir",
          keys_dir, "--service.instance", "bench", NULL);
    _exit(127);
}

static void our_worker(int ports, bool curve) {
    (void)curve;
    const char *const brokers[] = {endpoint[ports + 1], NULL};
    void *zmq = zmq_ctx_new();
    keys_t *keys = NULL;
    server_t *server = NULL;
    err_t err = {0};
    CHECK(keys_load(&keys, keys_dir, "settlement", &err) == E_OK);
    const server_conf_t conf = {.context = zmq,
                                .keys = keys,
                                .brokers = brokers,
                                .broker_key_name = "broker",
                                .service = "echo",
                                .instance = "echo-1",
                                .credit = WINDOW,
                                .live_endpoint = "",
                                .replay_endpoint = "",
                                .key_name = "settlement"};
    CHECK(server_new(&server, &conf, &err) == E_OK);
    for (;;) {
        void *sockets[4];
        zmq_pollitem_t items[4];
        size_t count = server_sockets(server, sockets, 4);
        for (size_t i = 0; i < count; i++) items[i] = (zmq_pollitem_t){.socket = sockets[i], .events = ZMQ_POLLIN};
        zmq_poll(items, (int)count, 100);
        server_tick(server);
        const request_t *batch;
        size_t taken = server_take(server, &batch, WINDOW);
        for (size_t i = 0; i < taken; i++)
            server_reply(server, &batch[i], E_OK, NULL, batch[i].body, batch[i].body_bytes);
    }
}

// ---- measuring

// One of the four, with the asking end of it in this process.
typedef struct subject {
    const char *name;
    int ports;
    bool curve;
    void *zmq, *socket; // bare
    client_t *client;   // ours
    keys_t *keys;
    double p50_us[ROUNDS], p99_us[ROUNDS], per_second[ROUNDS];
} subject_t;

static void open_bare(subject_t *subject) {
    subject->zmq = zmq_ctx_new();
    subject->socket = dial(subject->zmq, ZMQ_DEALER, endpoint[subject->ports], subject->curve, "admin", &subject->keys);
}

static void open_ours(subject_t *subject) {
    const char *const brokers[] = {endpoint[subject->ports], NULL};
    err_t err = {0};
    subject->zmq = zmq_ctx_new();
    CHECK(keys_load(&subject->keys, keys_dir, "admin", &err) == E_OK);
    const client_conf_t conf = {.context = subject->zmq,
                                .keys = subject->keys,
                                .brokers = brokers,
                                .broker_key_name = "broker",
                                .window = WINDOW};
    CHECK(client_new(&subject->client, &conf, &err) == E_OK);
}

static void close_subject(subject_t *subject) {
    if (subject->socket) zmq_close(subject->socket);
    client_destroy(&subject->client);
    keys_destroy(&subject->keys);
    zmq_ctx_term(subject->zmq);
}

static const char body[BODY_BYTES];
static const call_t echo_call = {
    .service = "echo", .method = "echo", .key = "", .body = body, .body_bytes = sizeof body, .deadline_ms = 30000};

static void call_once(subject_t *subject) {
    char answer[1024];
    reply_t reply;
    if (subject->client) {
        CHECK(client_call(subject->client, &echo_call, &reply, NULL) == E_OK);
        return;
    }
    CHECK(zmq_send(subject->socket, body, sizeof body, 0) == sizeof body);
    CHECK(zmq_recv(subject->socket, answer, sizeof answer, 0) == sizeof body);
}

static void pipeline_bare(void *socket, size_t calls) {
    char answer[1024];
    for (size_t sent = 0, got = 0; got < calls;) {
        while (sent < calls && sent - got < WINDOW && zmq_send(socket, body, sizeof body, ZMQ_DONTWAIT) >= 0) sent++;
        if (zmq_recv(socket, answer, sizeof answer, 0) >= 0) got++;
    }
}

static void pipeline_ours(client_t *client, size_t calls) {
    reply_t reply;
    for (size_t sent = 0, got = 0; got < calls;) {
        while (sent < calls && client_send(client, &echo_call, NULL) == E_OK) sent++;
        if (client_next(client, &reply, 100) != 1) continue;
        CHECK(reply.code == E_OK);
        got++;
    }
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(const double of[static ROUNDS]) {
    double sorted[ROUNDS];
    memcpy(sorted, of, sizeof sorted);
    qsort(sorted, ROUNDS, sizeof *sorted, by_value);
    return sorted[ROUNDS / 2];
}

static void measure(subject_t *subject, int round, size_t calls) {
    double *latency_us = malloc(calls * sizeof *latency_us);
    CHECK(latency_us);
    for (int i = 0; i < WARM_UP; i++) call_once(subject);
    for (size_t i = 0; i < calls; i++) {
        int64_t start_us = clock_mono_us();
        call_once(subject);
        latency_us[i] = (double)(clock_mono_us() - start_us);
    }
    qsort(latency_us, calls, sizeof *latency_us, by_value);
    subject->p50_us[round] = latency_us[calls / 2];
    subject->p99_us[round] = latency_us[calls * 99 / 100];
    free(latency_us);
    int64_t start_us = clock_mono_us();
    if (subject->client)
        pipeline_ours(subject->client, calls * 10);
    else
        pipeline_bare(subject->socket, calls * 10);
    subject->per_second[round] = (double)calls * 10 * 1e6 / (double)(clock_mono_us() - start_us);
}

// Round against the same round of the other: what slowed the machine down then slowed both.
static double against(const subject_t *subject, const subject_t *other) {
    double ratios[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) ratios[i] = subject->p50_us[i] / other->p50_us[i];
    return median(ratios);
}

static void print(const subject_t *subject, const subject_t *plain, const subject_t *curve) {
    printf("%-42s p50 %5.0f us  p99 %6.0f us  window %d: %7.0f/s  %.2f x hop  %.2f x hop with CURVE\n", subject->name,
           median(subject->p50_us), median(subject->p99_us), WINDOW, median(subject->per_second),
           against(subject, plain), against(subject, curve));
}

static void make_place(void) {
    static const char *const parties[][2] = {{"broker", "broker"}, {"settlement", "service"}, {"admin", "admin"}};
    err_t err = {0};
    snprintf(keys_dir, sizeof keys_dir, "%s/tongchou-bench-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    CHECK(mkdtemp(keys_dir));
    for (size_t i = 0; i < COUNT_OF(parties); i++)
        CHECK(keys_make(keys_dir, parties[i][0], parties[i][1], &err) == E_OK);
    for (int i = 0; i < PORTS; i++) // below the ports that the system hands out
        snprintf(endpoint[i], sizeof endpoint[i], "tcp://127.0.0.1:%d", 20000 + (int)getpid() % 1000 * PORTS + i);
}

int main(int argc, char **argv) {
    size_t calls = argc > 1 ? strtoul(argv[1], NULL, 10) : 5000;
    subject_t bare = {.name = "bare DEALER-ROUTER", .ports = 0}, plain = {.name = "bare broker hop", .ports = 2};
    subject_t curve = {.name = "bare broker hop with CURVE", .ports = 4, .curve = true};
    subject_t ours = {.name = "tongchou: client, broker, server (CURVE)", .ports = 6, .curve = true};
    subject_t *const subjects[] = {&bare, &plain, &curve, &ours};
    char command[300];
    log_setup("bench", LOG_ERROR);
    if (calls < CALLS_MIN) calls = CALLS_MIN;
    make_place();
    role(bare_router, bare.ports, false);
    for (size_t i = 1; i <= 2; i++) {
        role(bare_broker, subjects[i]->ports, subjects[i]->curve);
        role(bare_worker, subjects[i]->ports, subjects[i]->curve);
    }
    role(our_broker, ours.ports, true);
    role(our_worker, ours.ports, true);
    for (size_t i = 0; i < 3; i++) open_bare(subjects[i]);
    open_ours(&ours);
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < COUNT_OF(subjects); i++) measure(subjects[i], round, calls / ROUNDS);
    for (size_t i = 0; i < COUNT_OF(subjects); i++) print(subjects[i], &plain, &curve);
    for (size_t i = 0; i < COUNT_OF(subjects); i++) close_subject(subjects[i]);
    stop_roles();
    snprintf(command, sizeof command, "rm -rf %s", keys_dir);
    return system(command) ? 1 : 0;
}
