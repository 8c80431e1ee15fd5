// Bills through the running suite: as fast as they go with a window in flight, or offered at a fixed rate. Latency
// counts from the moment a bill was due to be sent, so a stall is not hidden by not sending. Bills go in the lawful
// order of a year (discharge, admission, number), none twice: --skip begins behind what an earlier run has sent. Their
// numbers look like real ones: facility, day of discharge, serial.
//
// SIGTERM ends the offering early: what is under way is waited for, and the report is as usual.
//
//   settle_bench --data DIR --bills FILE.jsonl [--skip N] [--count N] [--window N] [--clients N] [--rate PER_SECOND]
//                [--answered FILE]: a line for each bill accepted, its number and when its answer came (ms since
//                1970)
#include "adjudication.pb-c.h"
#include "common/base/date.h"
#include "common/base/hash.h"
#include "services/cli/cli.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <zmq.h>

enum { CLIENTS_MAX = 16, BILLS_MAX = 4 * 1000 * 1000 };

static volatile sig_atomic_t stop_asked;
static void on_signal(int number) {
    (void)number;
    stop_asked = 1;
}

typedef struct bill {
    const char *number, *person;
    void *body;
    size_t bytes;
    int client;
} bill_t;

typedef struct bench {
    suite_t suite;
    client_t *clients[CLIENTS_MAX]; // connections; a person's bills keep to one, so that they keep their order
    int64_t client_count, window;
    arena_t *arena; // the bills
    Tc__Bill **read;
    size_t read_count;
    bill_t *bills; // to be sent
    size_t count;
    int64_t *due_us, *latency_us; // by bill
    size_t answered, refused;
    char first_refusal[320];
    FILE *answers; // NULL: nobody asked for it
} bench_t;

static const command_t self = {
    .name = "settle_bench",
    .summary = "bills per second and latency through a running suite",
    .help =
        "options: --data DIR --bills FILE.jsonl --skip N --count N --window N --clients N --rate N --prefix TEXT --as "
        "NAME\n"};

// ---- the bills

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

static int read_line(bench_t *bench, const char *line, err_t *err) {
    ProtobufCMessage *message = NULL;
    if (bench->read_count == BILLS_MAX) return err_set(err, E_TOO_LARGE, "more than %d bills", BILLS_MAX);
    if ((bench->read_count & (bench->read_count - 1)) == 0) { // grows at every power of two
        Tc__Bill **grown = realloc(bench->read, (bench->read_count * 2 + 1) * sizeof(Tc__Bill *));
        if (!grown) return no_memory(err);
        bench->read = grown;
    }
    int rc = message_from_json(&message, &tc__bill__descriptor, line, strcspn(line, "\r\n"), bench->arena, err);
    if (!rc) bench->read[bench->read_count++] = (Tc__Bill *)message;
    return rc;
}

static int read_bills(bench_t *bench, const char *path, err_t *err) {
    FILE *in = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    int rc = E_OK;
    if (!in) return err_set(err, E_IO, "cannot read %s", path);
    while (!rc && getline(&line, &room, in) >= 0) rc = read_line(bench, line, err);
    free(line);
    fclose(in);
    return rc;
}

// The lawful order; the facility stands for the number that the bill will get.
static int in_order(const void *a, const void *b) {
    const Tc__Bill *x = *(Tc__Bill *const *)a, *y = *(Tc__Bill *const *)b;
    int order = strcmp(x->to, y->to);
    if (!order) order = strcmp(x->from, y->from);
    if (!order) order = strcmp(x->facility, y->facility);
    return order ? order : strcmp(x->bill, y->bill);
}

static int prepare_bill(bench_t *bench, Tc__Bill *from, size_t serial, const char *prefix, bill_t *to, err_t *err) {
    char number[128];
    snprintf(number, sizeof number, "%s%.16s-%.4s%.2s%.2s-%07zu", prefix, from->facility, from->to, from->to + 5,
             from->to + 8, serial);
    from->bill = number;
    to->number = arena_text(bench->arena, "%s", number);
    to->person = from->person;
    to->client = (int)(partition_of(from->person) % (uint32_t)bench->client_count);
    to->bytes = protobuf_c_message_get_packed_size(&from->base);
    to->body = arena_alloc(bench->arena, to->bytes);
    if (!to->body || !to->number) return no_memory(err);
    protobuf_c_message_pack(&from->base, to->body);
    return E_OK;
}

static int prepare(bench_t *bench, const char *path, size_t skip, const char *prefix, err_t *err) {
    int rc = read_bills(bench, path, err);
    if (rc) return rc;
    if (skip + bench->count > bench->read_count)
        return err_set(err, E_OUT_OF_RANGE, "%s has %zu bills, %zu behind the first %zu were asked for", path,
                       bench->read_count, bench->count, skip);
    qsort(bench->read, bench->read_count, sizeof(Tc__Bill *), in_order);
    bench->bills = calloc(bench->count, sizeof *bench->bills);
    bench->due_us = calloc(bench->count, sizeof *bench->due_us);
    bench->latency_us = calloc(bench->count, sizeof *bench->latency_us);
    if (!bench->bills || !bench->due_us || !bench->latency_us) return no_memory(err);
    for (size_t i = 0; !rc && i < bench->count; i++)
        rc = prepare_bill(bench, bench->read[skip + i], skip + i, prefix, &bench->bills[i], err);
    return rc;
}

// ---- sending and receiving

static void take_from(bench_t *bench, client_t *client) {
    reply_t reply;
    while (client_next(client, &reply, 0) == 1) {
        size_t at = (size_t)((bill_t *)reply.tag - bench->bills);
        bench->latency_us[bench->answered++] = clock_mono_us() - bench->due_us[at];
        if (reply.code == E_OK && bench->answers)
            fprintf(bench->answers, "%s %lld\n", bench->bills[at].number, (long long)clock_now_ms());
        if (reply.code != E_OK && bench->refused++ == 0)
            snprintf(bench->first_refusal, sizeof bench->first_refusal, "%s %s", err_name(reply.code), reply.text);
    }
}

// Waits at most `timeout_ms` for a reply on any connection, then takes all there are.
static void take(bench_t *bench, long timeout_ms) {
    zmq_pollitem_t items[CLIENTS_MAX * WIRE_BROKERS_MAX];
    int count = 0;
    for (int i = 0; i < bench->client_count; i++) {
        void *sockets[WIRE_BROKERS_MAX];
        size_t found = client_sockets(bench->clients[i], sockets, WIRE_BROKERS_MAX);
        client_flush(bench->clients[i]);
        for (size_t k = 0; k < found; k++)
            items[count++] = (zmq_pollitem_t){.socket = sockets[k], .events = ZMQ_POLLIN};
    }
    if (timeout_ms > 0 && zmq_poll(items, count, timeout_ms) < 0) return;
    for (int i = 0; i < bench->client_count; i++) take_from(bench, bench->clients[i]);
}

static int send_one(bench_t *bench, size_t at, err_t *err) {
    bill_t *bill = &bench->bills[at];
    const call_t call = {.service = "adjudication",
                         .method = "settle",
                         .key = bill->person,
                         .body = bill->body,
                         .body_bytes = bill->bytes,
                         .deadline_ms = 60000,
                         .tag = bill};
    return client_send(bench->clients[bill->client], &call, err);
}

// rate 0: whenever the window has room.
static int offer(bench_t *bench, int64_t rate, err_t *err) {
    int64_t start_us = clock_mono_us();
    size_t sent = 0;
    for (size_t at = 0; at < bench->count && !stop_asked; sent = at) {
        int64_t now_us = clock_mono_us(), due_us = rate ? start_us + (int64_t)at * 1000000 / rate : now_us;
        if (due_us > now_us || (int64_t)(at - bench->answered) >= bench->window) {
            take(bench, due_us > now_us + 1500 || !rate ? 1 : 0);
            continue;
        }
        bench->due_us[at] = due_us;
        if (send_one(bench, at, err)) return err->code;
        at++;
        if (rate) take(bench, 0);
    }
    while (bench->answered < sent) take(bench, 100);
    return E_OK;
}

// ---- the report

static int by_value(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static int64_t processor_us(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (int64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 + used.ru_utime.tv_usec +
           used.ru_stime.tv_usec;
}

static void report(bench_t *bench, int64_t rate, int64_t us, int64_t cpu_us) {
    qsort(bench->latency_us, bench->answered, sizeof *bench->latency_us, by_value);
    const int64_t *sorted = bench->latency_us;
    size_t n = bench->answered;
    char offered[48];
    if (rate)
        snprintf(offered, sizeof offered, "%lld/s offered", (long long)rate);
    else
        snprintf(offered, sizeof offered, "window %lld", (long long)bench->window);
    printf("settle  %-16s %8zu bills  %9.0f/s accepted  p50 %8.2f ms  p99 %8.2f ms  max %8.2f ms  refused %zu%s%s  "
           "generator %.1f us/bill\n",
           offered, n, (double)n * 1e6 / (double)us, (double)sorted[n / 2] / 1e3, (double)sorted[n * 99 / 100] / 1e3,
           (double)sorted[n - 1] / 1e3, bench->refused, bench->refused ? ": " : "", bench->first_refusal,
           (double)cpu_us / (double)n);
}

// All brokers must have answered first: calls that go to whichever is there by then might overtake each other.
static int connect_first(bench_t *bench, int at, err_t *err) {
    void *sockets[WIRE_BROKERS_MAX];
    int rc = client_new(&bench->clients[at], &bench->suite.client_conf, err);
    size_t count = rc ? 0 : client_sockets(bench->clients[at], sockets, WIRE_BROKERS_MAX);
    for (size_t i = 0; !rc && i < count; i++) {
        zmq_pollitem_t item = {.socket = sockets[i], .events = ZMQ_POLLOUT};
        if (zmq_poll(&item, 1, 5000) != 1) rc = err_set(err, E_UNAVAILABLE, "a broker does not answer");
    }
    return rc;
}

static int run(bench_t *bench, const char *path, size_t skip, int64_t rate, const char *prefix, err_t *err) {
    bench->arena = arena_new(1024 * 1024, 0);
    if (!bench->arena) return no_memory(err);
    int rc = prepare(bench, path, skip, prefix, err);
    for (int i = 0; !rc && i < bench->client_count; i++) rc = connect_first(bench, i, err);
    int64_t start_us = clock_mono_us(), cpu_us = processor_us();
    if (!rc) rc = offer(bench, rate, err);
    if (!rc && !bench->answered) rc = err_set(err, E_UNAVAILABLE, "stopped before the first answer");
    if (!rc) report(bench, rate, clock_mono_us() - start_us, processor_us() - cpu_us);
    for (int i = 0; i < bench->client_count; i++) client_destroy(&bench->clients[i]);
    arena_destroy(&bench->arena);
    return rc;
}

int main(int argc, char **argv) {
    const char *data = cli_default_data, *as = "admin", *bills = NULL, *prefix = "", *answered = NULL;
    int64_t count = 20000, skip = 0, rate = 0;
    static bench_t bench = {.client_count = 4, .window = 256};
    const option_spec_t specs[] = {
        {.name = "data", .text = &data},     {.name = "as", .text = &as},
        {.name = "bills", .text = &bills},   {.name = "prefix", .text = &prefix},
        {.name = "count", .number = &count}, {.name = "window", .number = &bench.window},
        {.name = "skip", .number = &skip},   {.name = "clients", .number = &bench.client_count},
        {.name = "rate", .number = &rate},   {.name = "answered", .text = &answered}};
    err_t err = {0};
    int status = options_parse(argc, argv, &self, specs, COUNT_OF(specs), NULL, NULL);
    if (status >= 0) return status;
    if (!bills || count < 1 || skip < 0 || bench.client_count < 1 || bench.client_count > CLIENTS_MAX) {
        fprintf(stderr, "settle_bench: --bills FILE was expected, and 1 to %d --clients\n", CLIENTS_MAX);
        return 2;
    }
    bench.count = (size_t)count;
    if (answered && !(bench.answers = fopen(answered, "w"))) {
        fprintf(stderr, "settle_bench: %s: %s\n", answered, strerror(errno));
        return 2;
    }
    if (bench.answers) setvbuf(bench.answers, NULL, _IOLBF, 0); // whoever looks sees what was answered so far
    if (suite_open(&bench.suite, data, as)) return 2;
    const struct sigaction stop = {.sa_handler = on_signal};
    sigaction(SIGTERM, &stop, NULL);
    int rc = run(&bench, bills, (size_t)skip, rate, prefix, &err);
    if (rc) fprintf(stderr, "settle_bench: %s\n", err.text);
    suite_close(&bench.suite);
    if (bench.answers && fclose(bench.answers) && !rc) rc = E_IO;
    return rc ? 1 : 0;
}
