// The receiving end of a stream: finds the instances of a service through the broker's directory, follows them all, and
// applies every event of every partition exactly once, in order.
//
// With a store the cursor is durable and moves in the same transaction as the effect (table stream_cursor). Without one
// it lives in memory and starts at 0 (replay everything: reference data) or where the caller says. Gap, reconnect or a
// beat ahead of the cursor → replay with credit until the "caught up" mark, then live. An event whose effect fails
// CONSUMER_TRIES times for another reason than the store is parked (table stream_parked: owner, reason, age) and holds
// back only its partition until `tongchou events unpark`.
#pragma once
#include "common/wire/client.h"
#include "stream.h"

#define CONSUMER_TRIES 5
#define CONSUMER_BATCH 1024     // events of a batch, unless the consumer says another number
#define CONSUMER_BATCH_MAX 4096 // which may be this

// Put into the migrations of a consuming service.
#define CONSUMER_TABLES_SQL                                                                                            \
    "CREATE TABLE stream_cursor (consumer TEXT NOT NULL, service TEXT NOT NULL, partition BIGINT NOT NULL,"            \
    " number BIGINT NOT NULL, PRIMARY KEY (consumer, service, partition));"                                            \
    "CREATE TABLE stream_consumer (consumer TEXT NOT NULL, service TEXT NOT NULL, moves BIGINT NOT NULL,"              \
    " PRIMARY KEY (consumer, service));"                                                                               \
    "CREATE TABLE stream_parked (consumer TEXT NOT NULL, service TEXT NOT NULL, partition BIGINT NOT NULL,"            \
    " number BIGINT NOT NULL, topic TEXT NOT NULL, reason TEXT NOT NULL, tries BIGINT NOT NULL,"                       \
    " since_ms BIGINT NOT NULL, PRIMARY KEY (consumer, service, partition));"

// Survives: lost, doubled and reordered messages, death of either side at any point, two processes under one name (the
// cursor moves by compare-and-set, see position.h), a store that is down (it waits, nothing is parked). Detects: a
// writer whose log became shorter than the cursor (logged, stream_log_short_total, not caught up). Does not handle: an
// effect that leaves traces outside the transaction when it fails; without a store, an effect that fails half done.
typedef struct consumer consumer_t;

typedef struct consumer_effect {
    void *self;
    // Apply `count` events (one partition after another, each in order). With a store: inside its transaction.
    int (*apply)(void *self, const event_t *events, size_t count, err_t *err);
    void (*committed)(void *self);   // may be NULL: after the commit (publish what was reserved)
    void (*rolled_back)(void *self); // may be NULL
} consumer_effect_t;

typedef struct consumer_conf {
    client_conf_t client; // for the directory; context and keys are taken from here too
    const char *service;  // whose stream
    const char *name;     // the cursor's name: "ledger"
    store_t *store;       // NULL: volatile cursor
    const int64_t *from;  // volatile only: PARTITIONS numbers of the last event already known; NULL = all 0
    size_t batch;         // apply at most so many events at once, up to CONSUMER_BATCH_MAX; 0: CONSUMER_BATCH
    int64_t gather_ms;    // events wait so long for company before they are applied, unless a batch is full; 0: never
    int rest_percent;     // after a full batch, of the time that it took (rest.h); 0: never
    consumer_effect_t effect;
} consumer_conf_t;

int consumer_new(consumer_t **out, const consumer_conf_t *conf, err_t *err) MUST_USE;
void consumer_destroy(consumer_t **consumer);
size_t consumer_sockets(const consumer_t *consumer, void **sockets,
                        size_t room); // changes over time: ask before each poll
// Receive, replay, apply one batch at most. Call when readable and at least every 200 ms. Returns 1 when
// there is more to do at once.
int consumer_tick(consumer_t *consumer);
// How long until events that gather are due, or a rest is over: at most `at_most_ms`.
int64_t consumer_due_ms(const consumer_t *consumer, int64_t at_most_ms);

typedef struct consumer_state {
    int64_t applied; // events applied by this process
    int64_t cursor[PARTITIONS];
    int64_t head[PARTITIONS]; // highest number heard of
    int parked;               // partitions held back
    bool caught_up;           // every partition at its head, and a beat heard from the service
} consumer_state_t;
void consumer_state(const consumer_t *consumer, consumer_state_t *out);
const char *consumer_service(const consumer_t *consumer);
const char *consumer_name(const consumer_t *consumer);

// What an operator does once the cause is removed: the partition goes on with the parked event, in a running consumer
// within a second. E_NOT_FOUND when nothing is parked there.
int consumer_unpark(store_t *store, const char *consumer, const char *service, uint32_t partition, err_t *err) MUST_USE;
