// One main loop for all services: configuration, logs, keys, store, cache, stream, commands, consumers, health and
// metrics, signals, graceful drain. A service is a table of methods and a few hooks.
//
// Per turn: take the batch that arrived, one transaction, commit, reply, publish, cache. A handler decides first and
// writes last: when it returns an error it has written nothing. If a batch fails as a whole (store error, race) it is
// rolled back and its requests are tried again one by one, so that one bad request never takes others with it.
//
// Idempotency: table `request` keeps id, SHA-256 of service, method and body, and the reply, written in the same
// transaction. Same id, same digest → stored reply; another digest → E_CONFLICT. Refusals change nothing and are not
// kept. Stored replies are kept for request.keep_days (30); a request repeated later than that is a new one.
#pragma once
#include "common/base/arena.h"
#include "common/cache/cache.h"
#include "common/store/store.h"
#include "common/stream/consumer.h"
#include "common/stream/stream.h"
#include "common/wire/client.h"
#include "common/wire/message.h"
#include "common/wire/server.h"
#include "conf.h"

// In every commanding service's first migration.
#define REQUEST_TABLE_SQL                                                                                              \
    "CREATE TABLE request (id TEXT NOT NULL PRIMARY KEY, digest BYTEA NOT NULL, at_ms BIGINT NOT NULL,"                \
    " reply BYTEA NOT NULL);"                                                                                          \
    "CREATE INDEX request_at ON request (at_ms);"

typedef struct service_ctx {
    const conf_t *conf;
    void *zmq;
    keys_t *keys;
    store_t *store;
    cache_t *cache;
    client_t *client; // for commands to other services (through the brokers)
    stream_t *stream; // NULL when the service publishes nothing
    server_t *server;
    arena_t *arena;    // reset after every batch
    const char *scope; // of the caller whose request is being handled (common/wire/scope.h); NULL: the whole city
    const char *name;  // service
    const char *instance;
    client_conf_t client_conf; // to make further clients or consumers
} service_ctx_t;

// Among the roles of a method: its handler checks what it reads and changes against the districts, or the facilities,
// of the caller's scope (common/wire/scope.h). A caller whose scope names what the handler does not check is kept out;
// without both only callers for the whole city are let in. docs/security.md lists them, and a test compares.
#define METHOD_DISTRICTS 0x10000u
#define METHOD_FACILITIES 0x20000u
#define METHOD_SCOPED (METHOD_DISTRICTS | METHOD_FACILITIES)

typedef struct method {
    const char *name; // "register_person"
    unsigned roles;   // who may call: bits of wire_role_t, METHOD_DISTRICTS, METHOD_FACILITIES
    bool reads_only;  // no transaction, no stored reply
    const ProtobufCMessageDescriptor *request;
    // Handle one request; `reply` to a message that lives in ctx->arena (or NULL for an empty body).
    int (*handle)(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                  err_t *err);
} method_t;

// A durable consumer that a thread of the service's own drives: `positions` tells its cursor too, `unpark` knows it.
typedef struct elsewhere {
    const char *service, *consumer;
} elsewhere_t;

typedef struct service {
    const char *name;
    const migration_t *migrations;
    size_t migration_count;
    const stream_log_t *log; // NULL: publishes nothing
    const method_t *methods;
    size_t method_count;
    int (*start)(service_ctx_t *ctx, void **self, err_t *err); // make state, add consumers
    void (*stop)(void *self);
    // Optional: take whole batches instead of `methods` one by one (adjudication). It replies itself.
    void (*batch)(void *self, const request_t *requests, size_t count);
    void (*after_commit)(void *self);         // optional: committed, not yet answered (cache)
    void (*rolled_back)(void *self);          // optional: forget what the failed batch had put aside
    void (*tick)(void *self, int64_t now_ms); // optional: every 100 ms or so, outside transactions
    // Optional: sockets of the service's own that wake the loop, and what it does each turn, outside transactions: 1
    // when there is more to do at once.
    size_t (*sockets)(const void *self, void **sockets, size_t room);
    int (*turn)(void *self);
    const elsewhere_t *elsewhere;
    size_t elsewhere_count;
} service_t;

// From `start`: a consumer that the main loop drives.
int service_consume(service_ctx_t *ctx, const consumer_conf_t *conf, err_t *err) MUST_USE;
// Where the main loop's consumer of that service's events stands; false: there is none.
bool service_consumer_state(const service_ctx_t *ctx, const char *service, consumer_state_t *out);

// The whole life of a process. Returns the exit status: 0 after SIGTERM/SIGINT and a clean drain, 1 otherwise.
// Prints "ready service=… instance=… health=http://…" on standard output when it serves.
int service_main(int argc, char **argv, const service_t *service);
