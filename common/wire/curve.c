// Sockets made safe before bind or connect: CURVE with our keys, and a bound on everything a peer can make us hold.
#include "party.h"

#include <errno.h>
#include <string.h>
#include <zmq.h>

// In 4.3.4 the library honours it, while its header shows it only to draft builds.
#ifndef ZMQ_ZAP_ENFORCE_DOMAIN
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#endif

// Half-open connections are found by TCP keepalive, not by ZMTP heartbeats: those make libzmq 4.3.4 drop the connection
// of a reader that rests, and when it reconnects with its queue full the library aborts the process ("_input_stopped",
// libzmq issue 3937). Our own beats tell who is alive.
static const struct {
    int option, value;
} limits[] = {
    {ZMQ_LINGER, 0},
    {ZMQ_RCVHWM, 1024},
    {ZMQ_SNDHWM, 4096},
    {ZMQ_HANDSHAKE_IVL, 5000},
    {ZMQ_BACKLOG, 1024},
    {ZMQ_RECONNECT_IVL, 50},
    {ZMQ_RECONNECT_IVL_MAX, 1000},
    {ZMQ_TCP_KEEPALIVE, 1},
    {ZMQ_TCP_KEEPALIVE_IDLE, 5},
    {ZMQ_TCP_KEEPALIVE_INTVL, 2},
    {ZMQ_TCP_KEEPALIVE_CNT, 3},
};

static int set(void *socket, int option, const void *value, size_t bytes, err_t *err) {
    if (zmq_setsockopt(socket, option, value, bytes) == 0) return E_OK;
    return err_set(err, E_IO, "socket option %d: %s", option, zmq_strerror(errno));
}

static int set_limits(void *socket, err_t *err) {
    // Room above the largest body, so that one slightly too large is answered with TOO_LARGE; far larger ones cost the
    // sender its connection.
    int64_t message_max = WIRE_MESSAGE_MAX_BYTES + 64 * 1024;
    int rc = set(socket, ZMQ_MAXMSGSIZE, &message_max, sizeof message_max, err);
    for (size_t i = 0; rc == E_OK && i < COUNT_OF(limits); i++)
        rc = set(socket, limits[i].option, &limits[i].value, sizeof limits[i].value, err);
    return rc;
}

static int check_self(const keys_t *keys, err_t *err) {
    if (keys_self(keys)[0]) return E_OK;
    return err_set(err, E_POLICY, "a socket needs a secret key, and none was loaded");
}

int curve_server(void *socket, const keys_t *keys, const char *domain, err_t *err) {
    int yes = 1, rc;
    if ((rc = check_self(keys, err)) != E_OK) return rc;
    if ((rc = set_limits(socket, err)) != E_OK) return rc;
    if ((rc = set(socket, ZMQ_CURVE_SERVER, &yes, sizeof yes, err)) != E_OK) return rc;
    if ((rc = set(socket, ZMQ_CURVE_SECRETKEY, keys_secret(keys), KEY_TEXT_BYTES, err)) != E_OK) return rc;
    if ((rc = set(socket, ZMQ_ZAP_DOMAIN, domain, strlen(domain), err)) != E_OK) return rc;
    return set(socket, ZMQ_ZAP_ENFORCE_DOMAIN, &yes, sizeof yes, err);
}

int curve_client(void *socket, const keys_t *keys, const char *server_name, err_t *err) {
    const char *server_key = keys_public_of(keys, server_name);
    int rc;
    if (!server_key) return err_set(err, E_POLICY, "no party named %s in the registry", server_name);
    if ((rc = check_self(keys, err)) != E_OK) return rc;
    if ((rc = set_limits(socket, err)) != E_OK) return rc;
    if ((rc = set(socket, ZMQ_CURVE_SERVERKEY, server_key, KEY_TEXT_BYTES, err)) != E_OK) return rc;
    if ((rc = set(socket, ZMQ_CURVE_PUBLICKEY, keys_own_public(keys), KEY_TEXT_BYTES, err)) != E_OK) return rc;
    return set(socket, ZMQ_CURVE_SECRETKEY, keys_secret(keys), KEY_TEXT_BYTES, err);
}
