// The network between the nodes: libzmq's functions, as far as the project uses them, over messages that the world
// delivers. Sockets, connections, routing ids, high-water marks, reconnection and User-Id behave as libzmq 4.3.4's do;
// CURVE and ZAP are not here: who connects is who its public key says.
//
// What may happen to a message is drawn from the seed: net_faults_t. A connection keeps its order and loses nothing
// unless a fault says so or it breaks.
#pragma once
#include "world.h"

typedef struct net_faults {
    int64_t latency_min_us, latency_max_us;
    uint32_t drop_ppm, double_ppm, reorder_ppm, delay_ppm; // of messages
    int64_t delay_max_us;
    uint32_t crash_ppm;  // of sends: the sender dies before or after
    uint32_t silent_ppm; // of deaths: the peers hear nothing, as when a machine loses power
} net_faults_t;

extern net_faults_t net_faults;

void net_open(void);
void net_party(const char *public_key, const char *user); // "service:adjudication"
// Nothing passes from `a` to `b` until then; what was sent waits, or is lost when the connection breaks.
void net_cut(const node_t *a, const node_t *b, int64_t until_us);
// Connections to this endpoint are TCP's: nothing in them is lost, doubled or overtaken, they are only slow, held up or
// broken. For protocols that stand on it.
void net_ordered(const char *endpoint);
void net_heal(void);
void net_reset(const node_t *a, const node_t *b); // their connections break; they are made again
uint64_t net_delivered(void);
