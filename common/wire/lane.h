// An I/O thread ("lane") of its own for each peer that we dial. libzmq looks a peer's name up in the I/O thread of its
// socket, again at every reconnect, and stands still until the answer is there: for a name that has gone away that can
// take many seconds, and nobody else may be waiting behind it.
#pragma once
#include <stdint.h>
#include <zmq.h>

enum {
    LANES = 8,
    LANE_LISTENERS = 0,
    LANE_BROKERS = 1, // and the next, for the second
    LANE_PEERS = 4,   // and the three after it: dealt out by lane_of()
};

// Before the first socket of a context that dials peers by name. A context without this has one lane for all.
static inline int lane_open_all(void *context) { return zmq_ctx_set(context, ZMQ_IO_THREADS, LANES); }

static inline unsigned lane_of(uint64_t hash) { return LANE_PEERS + (unsigned)(hash % (LANES - LANE_PEERS)); }

// Before bind or connect. 0, or −1 with errno, as zmq_setsockopt() has it.
static inline int lane_take(void *context, void *socket, unsigned lane) {
    int lanes = zmq_ctx_get(context, ZMQ_IO_THREADS);
    uint64_t affinity = UINT64_C(1) << (lanes > 0 ? lane % (unsigned)lanes : 0);
    return zmq_setsockopt(socket, ZMQ_AFFINITY, &affinity, sizeof affinity);
}
