// The command round trip: one bare libzmq hop, a bare broker hop, and ours, in one run on one machine. Every role is a
// process of its own. 300-byte bodies.
//
//   bare    DEALER ↔ ROUTER
//   hop     DEALER ↔ ROUTER|ROUTER ↔ DEALER, no protocol: what any broker must cost; with and without CURVE
//   ours    client → tongchou-broker → server (echo), CURVE, ids, deadlines, credit
//
//   roundtrip_bench [messages]
#include "common/base/arena.h"
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

enum { BODY_BYTES = 300, WINDOW = 256, PORTS = 8 };

static char keys_dir[256], endpoint[PORTS][64];
static pid_t children[8];
static size_t child_count;

// ---- processes
// --------------------------------------------------------------------------------------------------------

static pid_t role(void (*run)(bool curve), bool curve) {
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        run(curve);
        _exit(0);
    }
    children[child_count++] = pid;
    return pid;
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

// A broker with no protocol: one worker, which says who it is first; client identities travel as a frame.
static void bare_broker(bool curve) {
    void *zmq = zmq_ctx_new();
    keys_t *keys = NULL;
    zap_t *zap = NULL;
    void *front = serve(zmq, endpoint[0], curve, &keys, &zap), *back = serve(zmq, endpoint[1], curve, &keys, &zap);
    char worker[64], ready[8];
    size_t worker_bytes = (size_t)zmq_recv(back, worker, sizeof worker, 0);
    zmq_recv(back, ready, sizeof ready, 0);
    for (;;) {
        zmq_pollitem_t items[2] = {{.socket = front, .events = ZMQ_POLLIN}, {.socket = back, .events = ZMQ_POLLIN}};
        zmq_poll(items, 2, -1);
        while (relay(front, back, worker, worker_bytes)) {
        }
        while (relay(back, front, NULL, 0)) {
        }
    }
}

static void bare_worker(bool curve) {
    void *zmq = zmq_ctx_new();
    keys_t *keys = NULL;
    void *socket = dial(zmq, ZMQ_DEALER, endpoint[1], curve, "settlement", &keys);
    char client[64], body[1024];
    zmq_send(socket, "ready", 5, 0);
    for (;;) {
        int id = zmq_recv(socket, client, sizeof client, 0), bytes = zmq_recv(socket, body, sizeof body, 0);
        zmq_send(socket, client, (size_t)id, ZMQ_SNDMORE);
        zmq_send(socket, body, (size_t)bytes, 0);
    }
}

static void bare_router(bool curve) {
    void *zmq = zmq_ctx_new();
    keys_t *keys = NULL;
    zap_t *zap = NULL;
    void *socket = serve(zmq, endpoint[0], curve, &keys, &zap);
    char client[64];
    size_t bytes;
    for (;;) {
        zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLIN};
        zmq_poll(&item, 1, -1);
        char body[1024];
        int id;
        while ((id = zmq_recv(socket, client, sizeof client, ZMQ_DONTWAIT)) >= 0) {
            bytes = (size_t)zmq_recv(socket, body, sizeof body, 0);
            zmq_send(socket, client, (size_t)id, ZMQ_SNDMORE);
            zmq_send(socket, body, bytes, 0);
        }
    }
}

static void our_broker(bool curve) {
    (void)curve;
    char program[512] = "";
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 32);
    CHECK(length > 0);
    snprintf(strrchr(program, '/'), 32, "/tongchou-broker"); // 32 bytes were left for it
    CHECK(freopen("/dev/null", "w", stdout) && freopen("/dev/null", "w", stderr));
    execl(program, program, "--broker.front", endpoint[2], "--broker.back", endpoint[3], "--keys.dir", keys_dir,
          "--service.instance", "bench", NULL);
    _exit(127);
}

static void our_worker(bool curve) {
    (void)curve;
    const char *const brokers[] = {endpoint[3], NULL};
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
// --------------------------------------------------------------------------------------------------------

static int by_value(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

typedef struct figures {
    double p50_us, p99_us, per_second;
} figures_t;

static figures_t figures(int64_t *latency_us, size_t n, double per_second) {
    qsort(latency_us, n, sizeof *latency_us, by_value);
    return (figures_t){(double)latency_us[n / 2], (double)latency_us[n * 99 / 100], per_second};
}

static figures_t measure_bare(bool curve, size_t messages) {
    void *zmq = zmq_ctx_new();
    keys_t *keys = NULL;
    void *socket = dial(zmq, ZMQ_DEALER, endpoint[0], curve, "admin", &keys);
    char body[BODY_BYTES] = {0}, answer[1024];
    int64_t *latency_us = malloc(messages * sizeof *latency_us);
    CHECK(latency_us);
    for (size_t i = 0; i < messages + 100; i++) { // the first 100 warm up
        int64_t start_us = clock_mono_us();
        zmq_send(socket, body, sizeof body, 0);
        zmq_recv(socket, answer, sizeof answer, 0);
        if (i >= 100) latency_us[i - 100] = clock_mono_us() - start_us;
    }
    size_t sent = 0, got = 0, all = messages * 10;
    int64_t start_us = clock_mono_us();
    while (got < all) {
        while (sent < all && sent - got < WINDOW && zmq_send(socket, body, sizeof body, ZMQ_DONTWAIT) >= 0) sent++;
        if (zmq_recv(socket, answer, sizeof answer, 0) >= 0) got++;
    }
    figures_t out = figures(latency_us, messages, (double)all * 1e6 / (double)(clock_mono_us() - start_us));
    free(latency_us);
    zmq_close(socket);
    zmq_ctx_term(zmq);
    keys_destroy(&keys);
    return out;
}

static figures_t measure_ours(size_t messages) {
    const char *const brokers[] = {endpoint[2], NULL};
    void *zmq = zmq_ctx_new();
    keys_t *keys = NULL;
    client_t *client = NULL;
    err_t err = {0};
    reply_t reply;
    char body[BODY_BYTES] = {0};
    int64_t *latency_us = malloc(messages * sizeof *latency_us);
    CHECK(latency_us && keys_load(&keys, keys_dir, "admin", &err) == E_OK);
    const client_conf_t conf = {
        .context = zmq, .keys = keys, .brokers = brokers, .broker_key_name = "broker", .window = WINDOW};
    CHECK(client_new(&client, &conf, &err) == E_OK);
    const call_t call = {
        .service = "echo", .method = "echo", .key = "", .body = body, .body_bytes = sizeof body, .deadline_ms = 30000};
    for (size_t i = 0; i < messages + 100; i++) {
        int64_t start_us = clock_mono_us();
        CHECK(client_call(client, &call, &reply, &err) == E_OK);
        if (i >= 100) latency_us[i - 100] = clock_mono_us() - start_us;
    }
    size_t sent = 0, got = 0, all = messages * 10;
    int64_t start_us = clock_mono_us();
    while (got < all) {
        while (sent < all && client_send(client, &call, NULL) == E_OK) sent++;
        while (client_next(client, &reply, sent - got < WINDOW ? 0 : 100) == 1) {
            CHECK(reply.code == E_OK);
            got++;
            if (sent < all) break;
        }
    }
    figures_t out = figures(latency_us, messages, (double)all * 1e6 / (double)(clock_mono_us() - start_us));
    free(latency_us);
    client_destroy(&client);
    keys_destroy(&keys);
    zmq_ctx_term(zmq);
    return out;
}

static void print(const char *name, figures_t f, double reference_us) {
    printf("%-44s p50 %7.0f us  p99 %7.0f us  window %d: %8.0f/s", name, f.p50_us, f.p99_us, WINDOW, f.per_second);
    if (reference_us > 0) printf("  round trip %.2f x the hop", f.p50_us / reference_us);
    putchar('\n');
    fflush(stdout);
}

int main(int argc, char **argv) {
    static const char *const parties[][2] = {{"broker", "broker"}, {"settlement", "service"}, {"admin", "admin"}};
    size_t messages = argc > 1 ? strtoul(argv[1], NULL, 10) : 5000;
    err_t err = {0};
    log_setup("bench", LOG_ERROR);
    snprintf(keys_dir, sizeof keys_dir, "%s/tongchou-bench-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    CHECK(mkdtemp(keys_dir));
    for (size_t i = 0; i < COUNT_OF(parties); i++)
        CHECK(keys_make(keys_dir, parties[i][0], parties[i][1], &err) == E_OK);
    for (int i = 0; i < PORTS; i++)
        snprintf(endpoint[i], sizeof endpoint[i], "tcp://127.0.0.1:%d", 24000 + (int)getpid() % 2000 * 16 + i);
    role(bare_router, false);
    print("bare DEALER-ROUTER", measure_bare(false, messages), 0);
    stop_roles();
    role(bare_broker, false);
    role(bare_worker, false);
    figures_t hop = measure_bare(false, messages);
    print("bare broker hop", hop, 0);
    stop_roles();
    role(bare_broker, true);
    role(bare_worker, true);
    print("bare broker hop with CURVE", measure_bare(true, messages), hop.p50_us);
    stop_roles();
    role(our_broker, true);
    role(our_worker, true);
    print("tongchou: client, broker, server (CURVE)", measure_ours(messages), hop.p50_us);
    stop_roles();
    char command[300];
    snprintf(command, sizeof command, "rm -rf %s", keys_dir);
    return system(command) ? 1 : 0;
}
