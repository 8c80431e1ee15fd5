// Bills through the running suite: as fast as they go with a window in flight, or offered at a fixed rate. Latency
// counts from the moment a bill was due to be sent, so a stall is not hidden by not sending.
//
//   settle_bench --data DIR --bills FILE.jsonl [--count N] [--window N] [--rate PER_SECOND] [--prefix TEXT]
#include "adjudication.pb-c.h"
#include "common/base/date.h"
#include "services/cli/cli.h"
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

typedef struct bill {
    char person[64];
    void *body;
    size_t bytes;
} bill_t;

typedef struct bench {
    suite_t suite;
    bill_t *bills;
    size_t count;
    int64_t *due_us, *latency_us; // by bill
    size_t answered, refused;
    char first_refusal[320];
} bench_t;

static const command_t self = {
    .name = "settle_bench",
    .summary = "bills per second and latency through a running suite",
    .help = "options: --data DIR --bills FILE.jsonl --count N --window N --rate N --prefix TEXT --as NAME\n"};

// Bills of the file, over and over, each under a new number.
static int load(bench_t *bench, const char *path, size_t count, const char *prefix, err_t *err) {
    FILE *in = fopen(path, "r");
    char *line = NULL, number[96];
    size_t room = 0, lines = 0;
    if (!in) return err_set(err, E_IO, "cannot read %s", path);
    bench->bills = calloc(count, sizeof *bench->bills);
    bench->due_us = calloc(count, sizeof *bench->due_us);
    bench->latency_us = calloc(count, sizeof *bench->latency_us);
    if (!bench->bills || !bench->due_us || !bench->latency_us) return err_set(err, E_IO, "out of memory");
    while (bench->count < count && err->code == E_OK) {
        ssize_t length = getline(&line, &room, in);
        if (length < 0) {
            if (!lines) break;
            rewind(in);
            continue;
        }
        lines++;
        ProtobufCMessage *message = NULL;
        arena_reset(bench->suite.arena);
        if (message_from_json(&message, &tc__bill__descriptor, line, strcspn(line, "\r\n"), bench->suite.arena, err))
            break;
        Tc__Bill *bill = (Tc__Bill *)message;
        bill_t *slot = &bench->bills[bench->count];
        snprintf(number, sizeof number, "%s-%zu", prefix, bench->count);
        bill->bill = number;
        snprintf(slot->person, sizeof slot->person, "%s", bill->person);
        slot->bytes = protobuf_c_message_get_packed_size(message);
        slot->body = malloc(slot->bytes);
        if (!slot->body) return err_set(err, E_IO, "out of memory");
        protobuf_c_message_pack(message, slot->body);
        bench->count++;
    }
    free(line);
    fclose(in);
    return err->code;
}

static void take(bench_t *bench, int timeout_ms) {
    reply_t reply;
    while (client_next(bench->suite.client, &reply, timeout_ms) == 1) {
        size_t at = (size_t)((bill_t *)reply.tag - bench->bills);
        bench->latency_us[bench->answered++] = clock_mono_us() - bench->due_us[at];
        if (reply.code != E_OK && bench->refused++ == 0)
            snprintf(bench->first_refusal, sizeof bench->first_refusal, "%s %s", err_name(reply.code), reply.text);
        timeout_ms = 0;
    }
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
    return client_send(bench->suite.client, &call, err);
}

// rate 0: whenever the window has room.
static int offer(bench_t *bench, int64_t rate, int64_t window, err_t *err) {
    int64_t start_us = clock_mono_us();
    for (size_t at = 0; at < bench->count;) {
        int64_t now_us = clock_mono_us(), due_us = rate ? start_us + (int64_t)at * 1000000 / rate : now_us;
        if (due_us > now_us || client_in_flight(bench->suite.client) >= window) {
            take(bench, due_us > now_us + 1500 || !rate ? 1 : 0);
            continue;
        }
        bench->due_us[at] = due_us;
        if (send_one(bench, at, err)) return err->code;
        at++;
        if (at % 16 == 0 || rate) take(bench, 0);
    }
    while (bench->answered < bench->count) take(bench, 100);
    return E_OK;
}

static int by_value(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void report(bench_t *bench, int64_t rate, int64_t window, int64_t us) {
    qsort(bench->latency_us, bench->answered, sizeof *bench->latency_us, by_value);
    const int64_t *sorted = bench->latency_us;
    size_t n = bench->answered;
    char offered[48];
    if (rate)
        snprintf(offered, sizeof offered, "%lld/s offered", (long long)rate);
    else
        snprintf(offered, sizeof offered, "window %lld", (long long)window);
    printf("settle  %-16s %8zu bills  %9.0f/s accepted  p50 %8.2f ms  p99 %8.2f ms  max %8.2f ms  refused %zu%s%s\n",
           offered, n, (double)n * 1e6 / (double)us, (double)sorted[n / 2] / 1e3, (double)sorted[n * 99 / 100] / 1e3,
           (double)sorted[n - 1] / 1e3, bench->refused, bench->refused ? ": " : "", bench->first_refusal);
}

int main(int argc, char **argv) {
    const char *data = cli_default_data, *as = "admin", *bills = NULL, *prefix = "X";
    int64_t count = 20000, window = 256, rate = 0;
    const option_spec_t specs[] = {{.name = "data", .text = &data},     {.name = "as", .text = &as},
                                   {.name = "bills", .text = &bills},   {.name = "prefix", .text = &prefix},
                                   {.name = "count", .number = &count}, {.name = "window", .number = &window},
                                   {.name = "rate", .number = &rate}};
    static bench_t bench;
    err_t err = {0};
    int status = options_parse(argc, argv, &self, specs, COUNT_OF(specs), NULL, NULL);
    if (status >= 0) return status;
    if (!bills || count < 1) {
        fprintf(stderr, "settle_bench: --bills FILE was expected\n");
        return 2;
    }
    if (suite_open(&bench.suite, data, as)) return 2;
    int rc = load(&bench, bills, (size_t)count, prefix, &err);
    int64_t start_us = clock_mono_us();
    if (!rc) rc = offer(&bench, rate, window, &err);
    if (rc)
        fprintf(stderr, "settle_bench: %s\n", err.text);
    else
        report(&bench, rate, window, clock_mono_us() - start_us);
    suite_close(&bench.suite);
    return rc ? 1 : 0;
}
