// The ZAP 1.0 handler (ZeroMQ RFC 27): one thread per context that answers every handshake from the registry. Only
// CURVE, only registered keys, only roles that the domain admits. A registry that became unreadable is reported and the
// last good one stays in force; without a good one the handler does not start, and then nobody gets in.
#include "registry.h"

#include "common/base/date.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "envelope.h"
#include "gate.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"

enum { DOMAINS_MAX = 8, RELOAD_MS = 1000, FRAMES_MAX = 7 };

// The frames of a ZAP request, in order.
enum { ZAP_VERSION, ZAP_REQUEST_ID, ZAP_DOMAIN, ZAP_ADDRESS, ZAP_IDENTITY, ZAP_MECHANISM, ZAP_CREDENTIAL };

typedef struct domain {
    char name[PARTY_NAME_BYTES];
    unsigned roles;
} domain_t;

struct zap {
    void *handler;            // REP, served by the thread
    void *stop_in, *stop_out; // PAIR over inproc
    pthread_t thread;
    bool running;
    registry_t *registry;
    domain_t domains[DOMAINS_MAX];
    size_t domain_count;
    log_gate_t refused_gate;
    metric_t *admitted, *refused;
};

static bool frame_is(zmq_msg_t *frame, const char *text) {
    size_t bytes = strlen(text);
    return zmq_msg_size(frame) == bytes && memcmp(zmq_msg_data(frame), text, bytes) == 0;
}

static unsigned roles_of_domain(const zap_t *zap, zmq_msg_t *frame) {
    for (size_t i = 0; i < zap->domain_count; i++)
        if (frame_is(frame, zap->domains[i].name)) return zap->domains[i].roles;
    return 0;
}

// The party of a well-formed request that may enter, or NULL with the reason.
static const party_t *admit(zap_t *zap, zmq_msg_t *frames, size_t count, const char **reason) {
    *reason = "not a CURVE handshake";
    if (count != FRAMES_MAX || !frame_is(&frames[ZAP_VERSION], "1.0") || !frame_is(&frames[ZAP_MECHANISM], "CURVE") ||
        zmq_msg_size(&frames[ZAP_CREDENTIAL]) != KEY_BYTES)
        return NULL;
    const uint8_t *key = zmq_msg_data(&frames[ZAP_CREDENTIAL]);
    const party_t *party = keys_by_public(registry_keys(zap->registry), key);
    if (!party) {
        // The key may have been registered within the last second.
        registry_refresh(zap->registry);
        party = keys_by_public(registry_keys(zap->registry), key);
    }
    *reason = "key is not in the registry";
    if (!party) return NULL;
    *reason = "role is not admitted here";
    return party->role & roles_of_domain(zap, &frames[ZAP_DOMAIN]) ? party : NULL;
}

static void send_text(void *socket, const char *text, int flags) {
    // The peer is libzmq itself over inproc; a failed send means that the context is going down.
    if (zmq_send(socket, text, strlen(text), flags) < 0) return;
}

// ZMTP metadata: length and name, length and value. Returns the bytes written.
static size_t write_key(uint8_t out[static 1 + sizeof ZAP_KEY_PROPERTY + 4 + KEY_TEXT_BYTES], const party_t *party) {
    const size_t name_bytes = sizeof ZAP_KEY_PROPERTY - 1, value_bytes = KEY_TEXT_BYTES - 1;
    uint8_t *at = out;
    *at++ = (uint8_t)name_bytes;
    memcpy(at, ZAP_KEY_PROPERTY, name_bytes);
    at += name_bytes;
    memcpy(at, (const uint8_t[]){0, 0, 0, (uint8_t)value_bytes}, 4);
    at += 4;
    memcpy(at, party->key_text, value_bytes);
    return (size_t)(at - out) + value_bytes;
}

static void answer(zap_t *zap, zmq_msg_t *request_id, const party_t *party, const char *reason) {
    char user[WIRE_CALLER_MAX] = "";
    uint8_t metadata[1 + sizeof ZAP_KEY_PROPERTY + 4 + KEY_TEXT_BYTES];
    const size_t metadata_bytes = party ? write_key(metadata, party) : 0;
    if (party) snprintf(user, sizeof user, "%s:%s", wire_role_name(party->role), party->name);
    send_text(zap->handler, "1.0", ZMQ_SNDMORE);
    if (zmq_msg_send(request_id, zap->handler, ZMQ_SNDMORE) < 0) zmq_msg_close(request_id);
    // 300 closes the connection and lets an honest peer, whose key is being registered, try again; after 400 libzmq
    // would never reconnect.
    send_text(zap->handler, party ? "200" : "300", ZMQ_SNDMORE);
    send_text(zap->handler, party ? "OK" : reason, ZMQ_SNDMORE);
    send_text(zap->handler, user, ZMQ_SNDMORE);
    if (zmq_send(zap->handler, metadata, metadata_bytes, 0) < 0) return;
}

static void report_refusal(zap_t *zap, zmq_msg_t *frames, size_t count, const char *reason) {
    char address[64] = "";
    uint64_t skipped = 0;
    metric_add(zap->refused, 1);
    if (!log_gate_open(&zap->refused_gate, &skipped)) return;
    if (count > ZAP_ADDRESS)
        snprintf(address, sizeof address, "%.*s", (int)zmq_msg_size(&frames[ZAP_ADDRESS]),
                 (const char *)zmq_msg_data(&frames[ZAP_ADDRESS]));
    log_warn("handshake_refused", "address=%s reason=%s skipped=%llu", log_value(address), log_value(reason),
             (unsigned long long)skipped);
}

static void serve_one(zap_t *zap) {
    zmq_msg_t frames[FRAMES_MAX];
    size_t count = wire_receive(zap->handler, frames, FRAMES_MAX);
    if (count == 0) return;
    size_t kept = count < FRAMES_MAX ? count : FRAMES_MAX;
    const char *reason = "";
    const party_t *party = admit(zap, frames, count, &reason);
    if (party)
        metric_add(zap->admitted, 1);
    else
        report_refusal(zap, frames, kept, reason);
    zmq_msg_t request_id;
    zmq_msg_init(&request_id);
    if (kept > ZAP_REQUEST_ID) zmq_msg_move(&request_id, &frames[ZAP_REQUEST_ID]);
    answer(zap, &request_id, party, reason);
    wire_close(frames, kept);
}

static void *serve(void *argument) {
    zap_t *zap = argument;
    int64_t reload_us = 0;
    zmq_pollitem_t items[] = {{zap->handler, 0, ZMQ_POLLIN, 0}, {zap->stop_out, 0, ZMQ_POLLIN, 0}};
    for (;;) {
        if (zmq_poll(items, 2, RELOAD_MS) < 0 && errno != EINTR) break;
        if (items[1].revents) break;
        if (items[0].revents) serve_one(zap);
        int64_t now_us = clock_mono_us();
        if (now_us < reload_us) continue;
        registry_refresh(zap->registry);
        reload_us = now_us + RELOAD_MS * 1000;
    }
    return NULL;
}

static int open_sockets(zap_t *zap, void *context, err_t *err) {
    char endpoint[64];
    int none = 0;
    snprintf(endpoint, sizeof endpoint, "inproc://zap-stop-%p", (void *)zap);
    zap->handler = zmq_socket(context, ZMQ_REP);
    zap->stop_in = zmq_socket(context, ZMQ_PAIR);
    zap->stop_out = zmq_socket(context, ZMQ_PAIR);
    if (!zap->handler || !zap->stop_in || !zap->stop_out || zmq_bind(zap->stop_out, endpoint) != 0 ||
        zmq_connect(zap->stop_in, endpoint) != 0)
        return err_set(err, E_IO, "ZAP sockets: %s", zmq_strerror(errno));
    if (zmq_setsockopt(zap->handler, ZMQ_LINGER, &none, sizeof none) != 0 || zmq_bind(zap->handler, ZAP_ENDPOINT) != 0)
        return err_set(err, E_IO, "ZAP handler: %s (one per context)", zmq_strerror(errno));
    return E_OK;
}

static int copy_domains(zap_t *zap, const zap_domain_t *domains, size_t count, err_t *err) {
    if (count > DOMAINS_MAX) return err_set(err, E_TOO_LARGE, "%zu ZAP domains, at most %d", count, DOMAINS_MAX);
    for (size_t i = 0; i < count; i++) {
        snprintf(zap->domains[i].name, sizeof zap->domains[i].name, "%s", domains[i].name);
        zap->domains[i].roles = domains[i].roles;
    }
    zap->domain_count = count;
    return E_OK;
}

int zap_start(zap_t **out, void *zmq_context, const char *dir, const zap_domain_t *domains, size_t count, err_t *err) {
    zap_t *zap = calloc(1, sizeof *zap);
    if (!zap) return err_set(err, E_IO, "no memory for the ZAP handler");
    int rc = copy_domains(zap, domains, count, err);
    if (rc != E_OK) goto failed;
    zap->admitted = metric_counter("tongchou_handshakes_total", "outcome=\"admitted\"", "CURVE handshakes");
    zap->refused = metric_counter("tongchou_handshakes_total", "outcome=\"refused\"", "CURVE handshakes");
    if ((rc = registry_open(&zap->registry, dir, err)) != E_OK) goto failed;
    if ((rc = open_sockets(zap, zmq_context, err)) != E_OK) goto failed;
    if (pthread_create(&zap->thread, NULL, serve, zap) != 0) {
        rc = err_set(err, E_IO, "no thread for the ZAP handler");
        goto failed;
    }
    zap->running = true;
    *out = zap;
    return E_OK;
failed:
    zap_stop(&zap);
    return rc;
}

void zap_stop(zap_t **zap) {
    zap_t *z = *zap;
    if (!z) return;
    if (z->running) {
        send_text(z->stop_in, "", 0);
        pthread_join(z->thread, NULL);
    }
    if (z->handler) zmq_close(z->handler);
    if (z->stop_in) zmq_close(z->stop_in);
    if (z->stop_out) zmq_close(z->stop_out);
    registry_close(&z->registry);
    free(z);
    *zap = NULL;
}
