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
    WIRE_TAG_BYTES = 8,     // the client's own mark, echoed by the broker
    WIRE_CONTROL_BYTES = 2, // version, kind
    WIRE_TOKEN_BYTES = 8,   // follows in REQUEST and REPLY
    WIRE_CONTROL_MAX_BYTES = WIRE_CONTROL_BYTES + WIRE_TOKEN_BYTES,
    WIRE_KEY_MAX = 128, // length of a partition key
    WIRE_NAME_MAX = 64, // service, method, request id, instance (name_check)
    WIRE_ENDPOINT_MAX = 256,
    WIRE_CREDIT_MAX = 2048, // below the send high-water mark, so a send within credit never meets it
    WIRE_BROKERS_MAX = 2,
    WIRE_DEADLINE_MAX_MS = 300 * 1000,
    WIRE_ARENA_BYTES = 64 * 1024, // any header unpacks into this: it has at most 1 KiB
};

// What a broker says in `field` when it refuses a request that an instance may have carried out before it died.
#define WIRE_FIELD_OUTCOME "outcome"

typedef enum wire_kind {
    WIRE_READY = 1,   // service → broker: Presence
    WIRE_BEAT = 2,    // both ways; from a service with Presence
    WIRE_BYE = 3,     // service → broker
    WIRE_REQUEST = 4, // broker → service: token, RequestHeader, body
    WIRE_REPLY = 5,   // service → broker: token, ReplyHeader, body
    WIRE_WHO = 6,     // broker → service: not known here, say READY
} wire_kind_t;

typedef struct wire_control {
    wire_kind_t kind;
    uint64_t token; // REQUEST and REPLY, else 0
} wire_control_t;

size_t wire_control_write(uint8_t out[static WIRE_CONTROL_MAX_BYTES], wire_kind_t kind, uint64_t token);
int wire_control_read(const void *data, size_t bytes, wire_control_t *out, err_t *err) MUST_USE;

void wire_tag_write(uint8_t out[static WIRE_TAG_BYTES], uint64_t tag);
uint64_t wire_tag_read(const uint8_t in[static WIRE_TAG_BYTES]);

// Header bytes → checked header in the arena. E_TOO_LARGE over `limit_bytes`, E_INVALID_FIELD with the field's name.
// Unknown fields are kept and travel on, so that a newer client and a newer service understand each other.
int wire_request_read(const void *data, size_t bytes, size_t limit_bytes, arena_t *arena, Tc__RequestHeader **out,
                      err_t *err) MUST_USE;
int wire_reply_read(const void *data, size_t bytes, arena_t *arena, Tc__ReplyHeader **out, err_t *err) MUST_USE;
int wire_presence_read(const void *data, size_t bytes, arena_t *arena, Tc__Presence **out, err_t *err) MUST_USE;
int wire_request_check(const Tc__RequestHeader *header, err_t *err) MUST_USE;

// Pack into a fresh zmq message. E_IO when out of memory, `out` then uninitialised.
int wire_pack(zmq_msg_t *out, const ProtobufCMessage *message, err_t *err) MUST_USE;
int wire_reply_pack(zmq_msg_t *out, const char *request_id, int code, const char *field, const char *text,
                    err_t *err) MUST_USE;
int wire_message_of(zmq_msg_t *out, const void *data, size_t bytes, err_t *err) MUST_USE;

// Receive one whole multi-part message without waiting into at most `room` frames; more frames are read and thrown
// away, and counted. Returns the number of frames on the wire, 0 when there is none. Initialises min(room, returned)
// frames.
size_t wire_receive(void *socket, zmq_msg_t *frames, size_t room);
void wire_close(zmq_msg_t *frames, size_t count);
// Send all frames or none, without waiting; on success they are gone (zmq owns them), else still the caller's.
// Returns 0 or the errno of the first frame (EAGAIN, EHOSTUNREACH …).
int wire_send(void *socket, zmq_msg_t *frames, size_t count);
