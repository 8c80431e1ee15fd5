// The broker as a library: two ROUTER sockets, one poll loop, its own context and ZAP handler. It keeps nothing on
// disk: what it holds when it dies, its callers ask for again under the same request id. Grammar and timing:
// docs/wire.md.
#pragma once
#include "dispatch.h"

typedef struct broker broker_t;

typedef struct broker_conf {
    const char *name;         // "broker-1": for logs
    const char *front, *back; // endpoints to bind; port * takes a free one
    const char *keys_dir;
    const char *key_name; // NULL: "broker", which all brokers of a deployment share
    dispatch_conf_t dispatch;
} broker_conf_t;

int broker_new(broker_t **out, const broker_conf_t *conf, err_t *err) MUST_USE;
void broker_destroy(broker_t **broker);
const char *broker_front(const broker_t *broker); // as bound
const char *broker_back(const broker_t *broker);

// Serve until broker_stop(), which may be called from any thread and from a signal handler. E_IO when a socket fails.
int broker_run(broker_t *broker, err_t *err) MUST_USE;
void broker_stop(broker_t *broker);
bool broker_is_serving(const broker_t *broker); // its loop turned within the last two seconds; from any thread
