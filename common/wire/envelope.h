// The envelope on the wire: control frames of the back door, request and reply headers. Pure functions over bytes,
// shared by client, server and broker; everything from outside is checked here and nowhere else. Grammar: docs/wire.md.
#pragma once
#include "common/base/arena.h"
#include "common/base/check.h"
#include "common/base/err.h"
#include "envelope.pb-c.h"
#include "wire.h"

#include <stdbool.h>
#include <zmq.h>

enum {
    WIRE_VERSION = 1,
    WIRE_PREFIX_BYTES = 10,       // version, kind, mark
    WIRE_HEADER_LENGTH_BYTES = 2, // in REQUEST and REPLY, before header and body
    WIRE_KEY_MAX = 128,           // length of a partition key
    WIRE_NAME_MAX = 64,           // service, method, request id, instance (name_check)
    WIRE_ENDPOINT_MAX = 256,
    WIRE_DEADLINE_MAX_MS = 300 * 1000,
    WIRE_ARENA_BYTES = 64 * 1024, // any header unpacks into this: it has at most 1 KiB
};

// What a broker says in `field` when it refuses a request that an instance may have carried out before it died.
#define WIRE_FIELD_OUTCOME "outcome"

typedef enum wire_kind {
    WIRE_READY = 1,   // service → broker: Presence
    WIRE_BEAT = 2,    // both ways; from a service with Presence
    WIRE_BYE = 3,     // service → broker
    WIRE_REQUEST = 4, // client → broker → service: RequestHeader, body
    WIRE_REPLY = 5,   // service → broker → client: ReplyHeader, body
    WIRE_WHO = 6,     // broker → service: not known here, say READY
    WIRE_PACK = 7,    // all ways: several REQUESTs or REPLYs in one message; only pack.h reads it
} wire_kind_t;

// One message is one frame: CURVE seals each frame by itself, which costs more than all else that happens to a small
// one. The mark belongs to whoever asks, and comes back with the answer: the client's towards the broker, the broker's
// own towards the service.
typedef struct wire_frame {
    wire_kind_t kind; // 0 when not even the prefix could be read
    uint64_t mark;
    const uint8_t *header; // or the Presence
    size_t header_bytes;
    const uint8_t *body;
    size_t body_bytes;
} wire_frame_t;

// The parts of a frame, in place. `out` holds what was good so far when it fails.
int wire_frame_read(const void *data, size_t bytes, wire_frame_t *out, err_t *err) MUST_USE;
// A fresh frame; E_IO when out of memory, `out` is then not initialised. `header` may be NULL for BEAT, BYE and WHO.
int wire_frame_make(zmq_msg_t *out, wire_kind_t kind, uint64_t mark, const ProtobufCMessage *header, const void *body,
                    size_t body_bytes, err_t *err) MUST_USE;
int wire_reply_make(zmq_msg_t *out, uint64_t mark, const char *request_id, const err_t *outcome, const void *body,
                    size_t body_bytes, err_t *err) MUST_USE;
// Into the bytes of a frame, at least WIRE_PREFIX_BYTES of them, that nobody else shares.
void wire_mark_write(uint8_t *frame, uint64_t mark);

// Header bytes → checked header in the arena. E_TOO_LARGE over `limit_bytes`, E_INVALID_FIELD with the field's name.
// Unknown fields are kept and travel on, so that a newer client and a newer service understand each other.
int wire_request_read(const void *data, size_t bytes, size_t limit_bytes, arena_t *arena, Tc__RequestHeader **out,
                      err_t *err) MUST_USE;
int wire_reply_read(const void *data, size_t bytes, arena_t *arena, Tc__ReplyHeader **out, err_t *err) MUST_USE;
int wire_presence_read(const void *data, size_t bytes, arena_t *arena, Tc__Presence **out, err_t *err) MUST_USE;
int wire_request_check(const Tc__RequestHeader *header, err_t *err) MUST_USE;

int wire_message_of(zmq_msg_t *out, const void *data, size_t bytes, err_t *err) MUST_USE;

// Receive one whole multi-part message without waiting into at most `room` frames; more frames are read and thrown
// away, and counted. Returns the number of frames on the wire, 0 when there is none. Initialises min(room, returned)
// frames.
size_t wire_receive(void *socket, zmq_msg_t *frames, size_t room);
void wire_close(zmq_msg_t *frames, size_t count);
// Send all frames or none, without waiting; on success they are gone (zmq owns them), else still the caller's.
// Returns 0 or the errno of the first frame (EAGAIN, EHOSTUNREACH …).
int wire_send(void *socket, zmq_msg_t *frames, size_t count);
