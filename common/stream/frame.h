// The bytes of the stream protocol (docs/streams.md): fixed layouts, little-endian, one version byte.
//
// Survives: any bytes from outside; a reader says false and leaves its output alone. Bounds: names, topics and bodies
// are checked here, so that what comes out may be copied without looking again.
#pragma once
#include "common/base/check.h"
#include "common/base/hash.h"
#include <stdbool.h>
#include <stdint.h>

#define FRAME_VERSION 1
#define FRAME_REPLAY_VERSION 2 // of asks: what a writer announces (Presence.replay_version); 1 if it announces nothing
#define FRAME_SERVICE_MAX 32   // characters of a service name
#define FRAME_TOPIC_MAX 64     // characters of an event topic
#define FRAME_WRITER_MAX 31    // characters of a writer's id
#define FRAME_BODY_MAX (1024 * 1024 - 4096)
#define FRAME_CREDIT_MAX 1024        // of an ask of version 1
#define FRAME_CREDIT_PACKED_MAX 4096 // of version 2
#define FRAME_PACK_MAX (32 * 1024)   // bytes of a pack, address and all

// A message is one frame: CURVE seals each frame by itself, which costs more than all else about a small one.
#define FRAME_ADDRESS_BYTES (FRAME_SERVICE_MAX + 1 + 2 + 1 + FRAME_TOPIC_MAX + 1) // with the NUL that ends it
#define FRAME_EVENT_HEAD_BYTES (FRAME_ADDRESS_BYTES + 18)
#define FRAME_PACK_HEAD_BYTES (FRAME_SERVICE_MAX + 1 + 5 + 2)
#define FRAME_PACK_LENGTH_BYTES 4 // before each event of a pack
#define FRAME_BEAT_BYTES (FRAME_ADDRESS_BYTES + 4 + FRAME_WRITER_MAX + 8 * PARTITIONS)
#define FRAME_ASK_BYTES (2 + 8 + 4 + 8 + 4 + 1 + FRAME_SERVICE_MAX)
#define FRAME_ANSWER_HEAD_BYTES (2 + 8 + 4 + 8 + 8 + 1 + FRAME_TOPIC_MAX)

bool frame_service_valid(const char *service);                 // [a-z][a-z0-9_]*, at most FRAME_SERVICE_MAX
bool frame_topic_valid(const char *topic, size_t topic_bytes); // words of [a-z_] joined by dots

// What every message on XPUB begins with: "<service>.<partition, 2 hex digits>.<topic>", "<service>.beat" or
// "<service>.pack", and a NUL.
typedef struct frame_address {
    bool beat, pack;
    uint32_t partition; // of an event
    const char *topic;  // of an event; points into the frame, terminated
    size_t topic_bytes;
    const void *rest; // behind the NUL
    size_t rest_bytes;
} frame_address_t;
bool frame_read_address(const void *data, size_t bytes, const char *service, frame_address_t *out) MUST_USE;

// Writers return the bytes written; the body of an event is appended by the caller. Readers point into the frame.
typedef struct frame_event {
    int64_t number, at_ms;
    const void *body;
    size_t body_bytes;
} frame_event_t;
size_t frame_write_event_head(uint8_t out[static FRAME_EVENT_HEAD_BYTES], const char *service, uint32_t partition,
                              const char *topic, int64_t number, int64_t at_ms);
bool frame_read_event(const void *rest, size_t bytes, frame_event_t *out) MUST_USE;

// Events that were committed together, as one message: each whole as it would go alone, its length before it.
size_t frame_write_pack_head(uint8_t out[static FRAME_PACK_HEAD_BYTES], const char *service);
size_t frame_write_pack_length(uint8_t out[static FRAME_PACK_LENGTH_BYTES], size_t event_bytes);
typedef struct frame_pack {
    const uint8_t *at;
    size_t left;
    bool bad; // the rest could not be read
} frame_pack_t;
bool frame_read_pack(const void *rest, size_t bytes, frame_pack_t *out) MUST_USE;
// The next event with its address; false at the end, or when the rest is none: then `bad`.
bool frame_next_event(frame_pack_t *pack, const char *service, frame_address_t *address, frame_event_t *out) MUST_USE;

typedef struct frame_beat {
    char writer[FRAME_WRITER_MAX + 1]; // fresh at every start of a writer
    int64_t heads[PARTITIONS];
} frame_beat_t;
size_t frame_write_beat(uint8_t out[static FRAME_BEAT_BYTES], const char *service, const frame_beat_t *beat);
bool frame_read_beat(const void *rest, size_t bytes, frame_beat_t *out) MUST_USE;

// Consumer → writer: send events of `partition` beginning with `from`, at most `credit`. `packed` is an ask of version
// 2: answer in packs. A writer that knows version 1 alone drops it unread.
typedef struct frame_ask {
    bool packed;
    uint64_t request; // comes back in every answer
    uint32_t partition;
    int64_t from;
    uint32_t credit;
    char service[FRAME_SERVICE_MAX + 1];
} frame_ask_t;
size_t frame_write_ask(uint8_t out[static FRAME_ASK_BYTES], const frame_ask_t *ask);
bool frame_read_ask(const void *data, size_t bytes, frame_ask_t *out) MUST_USE;

// Writer → consumer: an event or several, or the end of an answer.
typedef enum frame_kind {
    FRAME_REPLAYED = 'R',
    FRAME_REPLAYED_PACK = 'P', // events from `number` on without a gap, to whoever asked for packs
    FRAME_CAUGHT_UP = 'C',     // the log ends before `number`
    FRAME_MORE = 'M',          // credit used up; go on from `number`
    FRAME_REFUSED = 'X',       // `reason`
} frame_kind_t;
typedef enum frame_reason {
    REFUSED_NONE,
    REFUSED_SERVICE, // another service's stream
    REFUSED_BUSY,    // too many consumers replay at once
    REFUSED_LOG,     // the log cannot be read whole: a hole or a bad row
    REFUSED__COUNT
} frame_reason_t;
typedef struct frame_answer {
    frame_kind_t kind;
    uint64_t request;
    uint32_t partition;
    int64_t number;
    frame_reason_t reason; // FRAME_REFUSED
    int64_t at_ms;         // FRAME_REPLAYED, as the following
    const char *topic;     // not terminated
    size_t topic_bytes;
    const void *body; // of a pack: its events, for frame_next_replayed
    size_t body_bytes;
} frame_answer_t;
size_t frame_write_answer_head(uint8_t out[static FRAME_ANSWER_HEAD_BYTES], const frame_answer_t *answer);
bool frame_read_answer(const void *data, size_t bytes, frame_answer_t *out) MUST_USE;
// An event of a replayed pack: its length, time and topic; the body is appended by the caller.
#define FRAME_REPLAYED_HEAD_BYTES (FRAME_PACK_LENGTH_BYTES + 8 + 1 + FRAME_TOPIC_MAX)
size_t frame_write_replayed(uint8_t out[static FRAME_REPLAYED_HEAD_BYTES], const frame_answer_t *event);
// Take the first event out of the pack, as the FRAME_REPLAYED it would be alone. False at the end of the pack
// (body_bytes 0), or when the rest cannot be read.
bool frame_next_replayed(frame_answer_t *pack, frame_answer_t *out) MUST_USE;
const char *frame_reason_name(frame_reason_t reason);
