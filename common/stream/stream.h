// How events leave a service. The log is the truth, the socket is a hint.
//
// An event row is written in the transaction that made the change and carries the next number of its partition. The
// writer commits one batch after another, so numbers follow commit order without a gap; the unique key (partition,
// number) refuses a second writer (E_RACE), who calls stream_reload() and decides again. After the commit the event
// goes out on XPUB; a ROUTER answers replays from the store; a beat carries the heads. At least once, ordered per
// partition. Wire format: docs/streams.md.
#pragma once
#include "common/store/store.h"
#include "common/wire/curve.h"

typedef struct event {
    uint32_t partition;
    int64_t number;    // 1, 2, 3 … per partition
    const char *topic; // "bill.settled"; words of [a-z_], joined by dots
    int64_t at_ms;     // unix ms of the decision
    const void *body;  // protobuf, message named in docs/streams.md by topic
    size_t body_bytes;
} event_t;

// Where the rows live. `table` NULL: the service's own rows are the events (adjudication's decisions, settlement's
// journal entries) and the service inserts them itself, with the numbers it got from stream_reserve().
typedef struct stream_log {
    const char *table;    // has columns partition, number, topic, at_ms, body; see STREAM_TABLE_SQL
    const char *head_sql; // $1 = partition → one row: the highest number or 0
    const char *read_sql; // $1 = partition, $2 = first number, $3 = limit → (number, topic, at_ms, body) in order
} stream_log_t;

// The standard log: put STREAM_TABLE_SQL into a migration and use &stream_table_log.
#define STREAM_TABLE_SQL                                                                                               \
    "CREATE TABLE event (partition BIGINT NOT NULL, number BIGINT NOT NULL, topic TEXT NOT NULL,"                      \
    " at_ms BIGINT NOT NULL, body BYTEA NOT NULL, PRIMARY KEY (partition, number));"
extern const stream_log_t stream_table_log;

typedef struct stream stream_t;

typedef struct stream_conf {
    void *context; // zmq context, borrowed
    const keys_t *keys;
    store_t *store;        // borrowed; used by the caller's thread only
    const char *service;   // topic prefix on the wire
    const char *live_bind; // "tcp://127.0.0.1:*"
    const char *replay_bind;
    const char *public_host; // host name announced in endpoints when binding to a wildcard address; NULL = as bound
    stream_log_t log;
} stream_conf_t;

int stream_new(stream_t **out, const stream_conf_t *conf, err_t *err) MUST_USE;
void stream_destroy(stream_t **stream);
const char *stream_live_endpoint(const stream_t *stream); // as bound, for server_conf_t
const char *stream_replay_endpoint(const stream_t *stream);
#define STREAM_REPLAY_VERSION 2 // of asks for a replay that are read there
// The last committed number of each partition; what another writer committed is in it after 2 s at the latest.
const int64_t *stream_heads(const stream_t *stream);

// Inside a transaction: take the next number of `partition` and remember the event (body is copied) for publication.
int stream_reserve(stream_t *stream, uint32_t partition, const char *topic, int64_t at_ms, const void *body,
                   size_t body_bytes, int64_t *number, err_t *err) MUST_USE;
// The number that the next stream_reserve of the partition will give.
int64_t stream_next(const stream_t *stream, uint32_t partition);
// Standard log only: write the remembered events into the table, one set-based insert. Call before store_commit.
int stream_flush(stream_t *stream, err_t *err) MUST_USE;
void stream_committed(stream_t *stream);                  // after a successful commit and after the replies: publish
void stream_rolled_back(stream_t *stream);                // forget what was reserved; heads are as they were
int stream_reload(stream_t *stream, err_t *err) MUST_USE; // after E_RACE: read the heads again from the store

size_t stream_sockets(const stream_t *stream, void **sockets, size_t room); // XPUB and ROUTER, for zmq_poll
// Answer replays (bounded work per call), send beats when due, refresh heads every 2 s. Never inside a transaction.
// Returns 1 when there is more to do at once.
int stream_tick(stream_t *stream);
