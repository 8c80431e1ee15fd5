// Apart from the tests because the broker's `service_t` is what it knows about a service, not what a service is.
#include "broker_thread.h"
#include "services/broker/broker.h"
#include <pthread.h>
#include <stdio.h>

static broker_t *broker;
static pthread_t thread;
static bool started;

static void *run(void *unused) {
    (void)unused;
    err_t err;
    if (broker_run(broker, &err)) fprintf(stderr, "broker: %s\n", err.text);
    return NULL;
}

bool broker_thread_start(const char *keys_dir) {
    err_t err = {0};
    broker_conf_t conf = {
        .name = "broker-1", .front = "tcp://127.0.0.1:*", .back = "tcp://127.0.0.1:*", .keys_dir = keys_dir};
    if (broker_new(&broker, &conf, &err)) {
        fprintf(stderr, "broker: %s\n", err.text);
        return false;
    }
    started = pthread_create(&thread, NULL, run, NULL) == 0;
    return started;
}

void broker_thread_stop(void) {
    if (started) {
        broker_stop(broker);
        pthread_join(thread, NULL);
    }
    started = false;
    broker_destroy(&broker);
}

const char *broker_thread_front(void) { return broker_front(broker); }
const char *broker_thread_back(void) { return broker_back(broker); }
