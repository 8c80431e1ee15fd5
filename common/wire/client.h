// The calling side: synchronous calls and a pipelined window, over one or two brokers. A call ends in exactly one way:
// a reply (also a refusal), or at its deadline: E_TIMEOUT when somebody may have worked on it, else the last refusal
// (BUSY, UNAVAILABLE, STORE, RACE), and UNAVAILABLE when no broker could be reached at all. In between it is sent again
// under the same request id to the next broker whenever `attempt_ms` pass without an answer, or, after such a refusal,
// with a growing pause (10 ms … 500 ms); services answer a repeated id with the stored reply, so this is safe.
#pragma once
#include "curve.h"
#include "wire.h"

typedef struct client client_t;

typedef struct client_conf {
    void *context;               // zmq context, borrowed
    const keys_t *keys;          // borrowed
    const char *const *brokers;  // front endpoints, NULL-terminated
    const char *broker_key_name; // registry name of the brokers' shared key: "broker"
    int attempt_ms;              // 0: 1000
    int window;                  // most requests in flight; 0: 1024
} client_conf_t;

typedef struct call {
    const char *service, *method;
    const char *key;        // "" when any instance will do
    const char *request_id; // NULL: one is made
    const void *body;
    size_t body_bytes;
    int deadline_ms;      // from now; 0: 10000
    void *tag;            // comes back with the reply
    const char *trace_id; // NULL or "": none
} call_t;

typedef struct reply {
    int code; // E_OK or why not
    char field[64];
    char text[256];
    const void *body; // valid until the next client_* call that receives
    size_t body_bytes;
    void *tag;
    char request_id[UID_TEXT_MAX * 3]; // which request this answers
    int64_t elapsed_us;
    int attempts;
} reply_t;

int client_new(client_t **out, const client_conf_t *conf, err_t *err) MUST_USE;
void client_destroy(client_t **client);

// One call, waits for its end. Returns the reply's code (also filled into err with field and text).
int client_call(client_t *client, const call_t *call, reply_t *reply, err_t *err) MUST_USE;

// Pipelined: E_BUSY when the window is full. Every accepted call comes out of client_next() exactly once. There is no
// thread behind this: connecting, retries and deadlines happen inside client_call() and client_next(). The first call
// leaves at once; those that follow it travel together, with the next client_next() at the latest, so whoever turns to
// something else after sending calls client_flush().
int client_send(client_t *client, const call_t *call, err_t *err) MUST_USE;
void client_flush(client_t *client);
// The next finished call. Returns 1 with `reply` filled, 0 when nothing finished within timeout_ms.
int client_next(client_t *client, reply_t *reply, int timeout_ms) MUST_USE;
int client_in_flight(const client_t *client);

// For poll loops that embed a client: its sockets (at most two); call client_next(…, 0) when readable, and at least
// every 100 ms for retries.
size_t client_sockets(const client_t *client, void **sockets, size_t room);
