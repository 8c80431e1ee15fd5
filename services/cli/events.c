// tongchou events tail: follow a service's stream as another service would: from the beginning, from a number, or live.
#include "common/base/date.h"
#include "common/stream/consumer.h"
#include "envelope.pb-c.h"
#include "request.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

enum { SILENT_MS = 5000 };

typedef struct tail {
    const char *service, *topic;
    int64_t printed, count; // count 0: no end
    arena_t *arena;
} tail_t;

static volatile sig_atomic_t stop_asked;
static void on_signal(int number) {
    (void)number;
    stop_asked = 1;
}

static void print_event(const tail_t *tail, const event_t *event) {
    ProtobufCMessage *message = NULL;
    err_t err = {0};
    const ProtobufCMessageDescriptor *type = event_type(event->topic);
    printf("{\"service\":\"%s\",\"partition\":%u,\"number\":%lld,\"topic\":\"%s\",\"at_ms\":%lld,\"body\":",
           tail->service, event->partition, (long long)event->number, event->topic, (long long)event->at_ms);
    if (type && !message_unpack(&message, type, event->body, event->body_bytes, tail->arena, &err))
        printf("%s}\n", message_to_json(message, tail->arena));
    else
        printf("null,\"bytes\":%zu}\n", event->body_bytes); // a topic younger than this program
}

static int apply(void *self, const event_t *events, size_t count, err_t *err) {
    tail_t *tail = self;
    (void)err;
    for (size_t i = 0; i < count; i++) {
        if (tail->count && tail->printed == tail->count) return E_OK;
        if (strncmp(events[i].topic, tail->topic, strlen(tail->topic)) != 0) continue;
        print_event(tail, &events[i]);
        arena_reset(tail->arena);
        tail->printed++;
    }
    fflush(stdout);
    return E_OK;
}

static void wait_readable(const consumer_t *consumer) {
    void *sockets[64];
    zmq_pollitem_t items[64];
    size_t count = consumer_sockets(consumer, sockets, COUNT_OF(sockets));
    for (size_t i = 0; i < count; i++) items[i] = (zmq_pollitem_t){.socket = sockets[i], .events = ZMQ_POLLIN};
    zmq_poll(items, (int)count, 100);
}

// Until Ctrl-C, `count` events, the end of the log (`until_now`), or the reader of our output has gone. A silent stream
// and one that is not there, or that this key may not hear, look alike: after a while that is said, and with
// `until_now` it is the end. Exit status.
static int follow(consumer_t *consumer, tail_t *tail, bool until_now) {
    int64_t tell_ms = clock_now_ms() + SILENT_MS;
    consumer_state_t state;
    while (!stop_asked && !(tail->count && tail->printed >= tail->count) && !ferror(stdout)) {
        if (!consumer_tick(consumer)) wait_readable(consumer);
        consumer_state(consumer, &state);
        if (until_now && state.caught_up) return 0;
        if (state.applied || state.caught_up) tell_ms = INT64_MAX;
        if (clock_now_ms() < tell_ms) continue;
        fprintf(stderr, "nothing heard from %s: it is not running, or this key may not hear it%s\n", tail->service,
                until_now ? "" : "; still listening");
        if (until_now) return 1;
        tell_ms = INT64_MAX;
    }
    return 0;
}

static int run_tail(suite_t *suite, tail_t *tail, int64_t from, bool until_now) {
    int64_t cursor[PARTITIONS];
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    for (size_t i = 0; i < PARTITIONS; i++) cursor[i] = from - 1;
    tail->arena = suite->arena;
    consumer_t *consumer = NULL;
    err_t err = {0};
    const consumer_conf_t conf = {.client = suite->client_conf,
                                  .service = tail->service,
                                  .name = "tail",
                                  .from = cursor,
                                  .effect = {.self = tail, .apply = apply}};
    int status = consumer_new(&consumer, &conf, &err) ? cli_refused(&err, false) : follow(consumer, tail, until_now);
    consumer_destroy(&consumer);
    return status;
}

// events unpark LISTENER SERVICE PARTITION
static int run_unpark(suite_t *suite, const words_t *words, bool json) {
    Tc__Unpark request = TC__UNPARK__INIT;
    err_t err = {0};
    char *end = NULL;
    request.service = (char *)words->word[2];
    request.partition = (uint32_t)strtoul(words->word[3], &end, 10);
    if (*end || request.partition >= PARTITIONS)
        return cli_refused(&(err_t){E_OUT_OF_RANGE, "partition", "a partition, 0 to 63, was expected"}, json);
    int rc = suite_call(suite, words->word[1], "unpark", "", &request.base, NULL, NULL, &err);
    if (rc) return cli_refused(&err, json);
    puts(json ? "{\"unparked\":true}" : "the partition goes on within a second; see `tongchou wait`");
    return 0;
}

static bool known(const char *service) {
    static const char *const services[] = {"settlement", "adjudication", "collection", "enrollment", "facility"};
    for (size_t i = 0; i < COUNT_OF(services); i++)
        if (strcmp(services[i], service) == 0) return true;
    return false;
}

static int run(int argc, char **argv, const command_t *self) {
    const char *data = cli_default_data, *as = NULL;
    tail_t tail = {.service = "settlement", .topic = ""};
    int64_t from = 1;
    bool json = false, until_now = false;
    const option_spec_t specs[] = {{.name = "data", .text = &data},
                                   {.name = "as", .text = &as},
                                   {.name = "service", .text = &tail.service},
                                   {.name = "topic", .text = &tail.topic},
                                   {.name = "from", .number = &from},
                                   {.name = "count", .number = &tail.count},
                                   {.name = "until-now", .flag = &until_now},
                                   {.name = "json", .flag = &json}};
    words_t words = {0};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    bool unpark = words.count == 4 && strcmp(words.word[0], "unpark") == 0;
    request_name_unknown(self, &words, "tail unpark");
    if (!unpark && (words.count != 1 || strcmp(words.word[0], "tail") != 0 || from < 1 || !known(tail.service))) {
        fprintf(stderr,
                "tongchou events: \"tail\" with a known --service and --from 1 or more, or \"unpark LISTENER SERVICE "
                "PARTITION\", was expected; see `tongchou events --help`\n");
        return 2;
    }
    suite_t suite;
    if (suite_open(&suite, data, as ? as : unpark ? "admin" : "clerk")) return 2;
    status = unpark ? run_unpark(&suite, &words, json) : run_tail(&suite, &tail, from, until_now);
    suite_close(&suite);
    return status;
}

const command_t command_events = {
    .name = "events",
    .summary = "follow what the services tell the world, one JSON line per event",
    .run = run,
    .help = "usage: tongchou events tail [options]\n"
            "       tongchou events unpark LISTENER SERVICE PARTITION   go on after a poison event, its cause being "
            "mended\n\n"
            "  --service NAME   whose stream: settlement (default), adjudication, collection, enrollment, facility\n"
            "  --from N         begin with event number N of every partition (default 1: everything)\n"
            "  --topic PREFIX   only topics that begin so\n"
            "  --count N        stop after N events\n"
            "  --until-now      stop at the end of the log instead of following\n"
            "  --as NAME        whose key (default clerk; admin to unpark)\n\n"
            "Order holds within a partition. Each event comes at least once; (partition, number) tells doubles "
            "apart.\n\nexamples:\n"
            "  tongchou events tail --topic settlement.posted --count 10\n"
            "  tongchou events tail --service adjudication --until-now > decisions.jsonl\n"
            "  tongchou events unpark settlement adjudication 17\n"};
