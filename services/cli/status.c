// tongchou status: what each broker sees: services, instances, load, and what was refused.
#include "cli.h"
#include "envelope.pb-c.h"
#include <string.h>

static void print_broker(const char *endpoint, const Tc__BrokerStatus *status) {
    printf("broker %s: %lld forwarded, %lld refused busy, %lld dispatched again, %lld expired\n", endpoint,
           (long long)status->forwarded, (long long)status->refused_busy, (long long)status->redispatched,
           (long long)status->expired);
    printf("  %-14s %-20s %8s %12s %8s %11s %10s\n", "service", "instance", "credit", "outstanding", "queued",
           "partitions", "silent");
    for (size_t i = 0; i < status->n_instances; i++) {
        const Tc__BrokerStatus__Instance *row = status->instances[i];
        printf("  %-14s %-20s %8d %12d %8d %11d %7lld ms\n", row->service, row->instance, row->credit, row->outstanding,
               row->queued, row->partitions, (long long)row->silent_ms);
    }
}

// Ask one broker alone, so that a dead one is seen and not silently replaced by the other.
static int ask(suite_t *suite, const char *endpoint, bool json) {
    const char *const only[] = {endpoint, NULL};
    client_conf_t conf = suite->client_conf;
    conf.brokers = only;
    client_t *client = NULL;
    err_t err = {0};
    reply_t reply;
    ProtobufCMessage *message = NULL;
    const call_t call = {
        .service = "broker", .method = "status", .key = "", .body = "", .body_bytes = 0, .deadline_ms = 2000};
    int rc = client_new(&client, &conf, &err);
    if (!rc) rc = client_call(client, &call, &reply, &err);
    if (!rc)
        rc = message_unpack(&message, &tc__broker_status__descriptor, reply.body, reply.body_bytes, suite->arena, &err);
    if (rc)
        printf(json ? "{\"broker\":\"%s\",\"error\":\"%s\"}\n" : "broker %s does not answer: %s\n", endpoint,
               err_name(rc));
    else if (json)
        printf("{\"broker\":\"%s\",\"status\":%s}\n", endpoint, message_to_json(message, suite->arena));
    else
        print_broker(endpoint, (const Tc__BrokerStatus *)message);
    client_destroy(&client);
    return rc;
}

static int run(int argc, char **argv, const command_t *self) {
    const char *data = cli_default_data, *as = "admin";
    bool json = false;
    const option_spec_t specs[] = {
        {.name = "data", .text = &data}, {.name = "as", .text = &as}, {.name = "json", .flag = &json}};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), NULL, NULL);
    if (status >= 0) return status;
    suite_t suite;
    if (suite_open(&suite, data, as)) return 2;
    int silent = 0;
    for (const char *const *endpoint = conf_list(suite.conf, "broker.front"); *endpoint; endpoint++)
        silent += ask(&suite, *endpoint, json) != E_OK;
    suite_close(&suite);
    return silent ? 1 : 0;
}

const command_t command_status = {
    .name = "status",
    .summary = "brokers, services, instances and their load",
    .run = run,
    .help = "usage: tongchou status [--json] [--data DIR]\n\nExit 1 when a broker does not answer.\n"};
