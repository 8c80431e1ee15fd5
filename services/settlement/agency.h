// The door through which other agencies (finance, tax, civil affairs, audit, hospitals) receive what they were granted
// of settlement's events. Exchange, messages and an example session: docs/events.md.
//
// Promises: per subscriber and session, in order of each partition, without a gap and without a double; nothing that
// the grant does not name; nothing at all once key or grant are taken back, also on connections that stand. Survives: a
// subscriber that stalls, floods or dies (bounded memory, no blocking send, readers in turn), a store that is away, a
// port that another process holds (tried again). Driven by the loop of the service's thread.
#pragma once
#include "common/store/store.h"
#include "common/stream/stream.h"

typedef struct agency_door agency_door_t;

typedef struct agency_door_conf {
    void *context;        // zmq context with a ZAP handler that knows AGENCY_DOMAIN; borrowed, as all that follows
    const keys_t *keys;   // ours
    const char *keys_dir; // registry.yaml, agencies.yaml
    store_t *store;
    const stream_log_t *log;
    const char *bind; // "tcp://127.0.0.1:7804"
} agency_door_conf_t;

// E_POLICY for an address that cannot be one.
int agency_door_new(agency_door_t **out, const agency_door_conf_t *conf, err_t *err) MUST_USE;
void agency_door_destroy(agency_door_t **door);
const char *agency_door_endpoint(const agency_door_t *door); // as bound; "" while the port is not ours
size_t agency_door_sockets(const agency_door_t *door, void **sockets, size_t room);
// Take words, send what is due; bounded work. `heads`: what is committed. Never inside a transaction. Returns 1 when
// there is more to do at once.
int agency_door_turn(agency_door_t *door, const int64_t heads[PARTITIONS]);
