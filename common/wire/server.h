// The serving side of the command mechanism: one DEALER to every broker, registration, credit, heartbeats. The service
// sees batches: whatever arrived while the last batch was worked on, in order of arrival.
#pragma once
#include "curve.h"
#include "wire.h"

typedef struct server server_t;

typedef struct server_conf {
    void *context;
    const keys_t *keys;
    const char *const *brokers;  // back endpoints, NULL-terminated
    const char *broker_key_name; // "broker"
    const char *service;         // "adjudication"
    const char *instance;        // "adjudication-1"; unique in the deployment
    int credit;                  // requests a broker may have outstanding here; 0: 256
    // Where this instance publishes its stream (announced through the broker's directory); "" when it does not.
    const char *live_endpoint;   // XPUB
    const char *replay_endpoint; // ROUTER
    int replay_version;          // of asks that it reads
    const char *key_name;        // registry name of our key
} server_conf_t;

typedef struct request {
    wire_header_t header; // pointers live as long as the batch
    const uint8_t *body;
    size_t body_bytes;
    uint64_t token;      // the server's own, for server_reply
    int64_t received_us; // clock_mono_us
} request_t;

int server_new(server_t **out, const server_conf_t *conf, err_t *err) MUST_USE;
void server_destroy(server_t **server); // says goodbye: brokers send nothing more and pass on what was not answered

size_t server_sockets(const server_t *server, void **sockets, size_t room); // for zmq_poll
// Beats, reconnection, broker death. Call at least every WIRE_HEARTBEAT_MS / 2.
void server_tick(server_t *server);
// Take up to `max` requests that have arrived, without waiting. Requests past their deadline are dropped and counted
// (their caller has been told TIMEOUT by its own clock). The batch lives until the next server_take.
size_t server_take(server_t *server, const request_t **batch, size_t max);
// What the next server_take will give first, at the same place, taken already while the present batch waits for
// something: it may be prepared, and is not answered before it was given. Asked again it is the same.
size_t server_take_ahead(server_t *server, const request_t **batch, size_t max);
// Answer. `code` E_OK with a body, or a refusal with field and text from `err`. Answers to one batch leave together:
// with the last of them, with the next server_tick or server_take, or with server_flush.
void server_reply(server_t *server, const request_t *request, int code, const err_t *err, const void *body,
                  size_t body_bytes);
void server_flush(server_t *server);
// Stop taking: credit 0, existing requests are still answered. For a graceful drain.
void server_drain(server_t *server);
