// The envelope's readers and writers. See envelope.h for what they promise.
#include "envelope.h"

#include "common/base/ids.h"

#include <errno.h>
#include <string.h>

static void put_u64(uint8_t *out, uint64_t value) {
    for (int i = 0; i < 8; i++) out[i] = (uint8_t)(value >> (56 - 8 * i));
}

static uint64_t get_u64(const uint8_t *in) {
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) value = value << 8 | in[i];
    return value;
}

static bool has_body(unsigned kind) { return kind == WIRE_REQUEST || kind == WIRE_REPLY; }

// What follows the prefix of REQUEST and REPLY: the header's length, the header, the body.
static int read_parts(const uint8_t *in, size_t bytes, wire_frame_t *out, err_t *err) {
    if (bytes < WIRE_HEADER_LENGTH_BYTES) return err_set(err, E_INVALID_FIELD, "a frame that ends before its header");
    size_t header_bytes = (size_t)in[0] << 8 | in[1];
    in += WIRE_HEADER_LENGTH_BYTES;
    bytes -= WIRE_HEADER_LENGTH_BYTES;
    if (header_bytes > bytes)
        return err_set(err, E_INVALID_FIELD, "a header of %zu bytes in a frame that has %zu left", header_bytes, bytes);
    out->header = in;
    out->header_bytes = header_bytes;
    out->body = in + header_bytes;
    out->body_bytes = bytes - header_bytes;
    return E_OK;
}

int wire_frame_read(const void *data, size_t bytes, wire_frame_t *out, err_t *err) {
    const uint8_t *in = data;
    *out = (wire_frame_t){0};
    if (bytes < WIRE_PREFIX_BYTES)
        return err_set(err, E_INVALID_FIELD, "a frame of %zu bytes, expected at least %d", bytes, WIRE_PREFIX_BYTES);
    if (in[0] != WIRE_VERSION)
        return err_set(err, E_UNSUPPORTED, "wire version %u, expected %d", (unsigned)in[0], WIRE_VERSION);
    unsigned kind = in[1];
    if (kind < WIRE_READY || kind > WIRE_WHO) return err_set(err, E_INVALID_FIELD, "unknown kind %u of frame", kind);
    out->kind = (wire_kind_t)kind;
    out->mark = get_u64(in + 2);
    in += WIRE_PREFIX_BYTES;
    bytes -= WIRE_PREFIX_BYTES;
    if (has_body(kind)) return read_parts(in, bytes, out, err);
    out->header = in;
    out->header_bytes = bytes;
    return E_OK;
}

int wire_frame_make(zmq_msg_t *out, wire_kind_t kind, uint64_t mark, const ProtobufCMessage *header, const void *body,
                    size_t body_bytes, err_t *err) {
    size_t header_bytes = header ? protobuf_c_message_get_packed_size(header) : 0;
    size_t bytes = WIRE_PREFIX_BYTES + (has_body(kind) ? WIRE_HEADER_LENGTH_BYTES : 0) + header_bytes + body_bytes;
    CHECK(header_bytes <= UINT16_MAX);
    if (zmq_msg_init_size(out, bytes) != 0) return err_set(err, E_IO, "no memory for a frame of %zu bytes", bytes);
    uint8_t *at = zmq_msg_data(out);
    *at++ = WIRE_VERSION;
    *at++ = (uint8_t)kind;
    put_u64(at, mark);
    at += 8;
    if (has_body(kind)) {
        *at++ = (uint8_t)(header_bytes >> 8);
        *at++ = (uint8_t)header_bytes;
    }
    if (header) at += protobuf_c_message_pack(header, at);
    if (body_bytes) memcpy(at, body, body_bytes);
    return E_OK;
}

void wire_mark_write(uint8_t *frame, uint64_t mark) { put_u64(frame + 2, mark); }

static void *arena_alloc_cb(void *arena, size_t bytes) { return arena_alloc(arena, bytes); }
static void arena_free_cb(void *arena, void *pointer) { (void)arena, (void)pointer; }

static int unpack(const ProtobufCMessageDescriptor *type, const void *data, size_t bytes, size_t limit_bytes,
                  arena_t *arena, ProtobufCMessage **out, err_t *err) {
    if (bytes > limit_bytes)
        return err_set(err, E_TOO_LARGE, "%s of %zu bytes, at most %zu are allowed", type->short_name, bytes,
                       limit_bytes);
    ProtobufCAllocator allocator = {.alloc = arena_alloc_cb, .free = arena_free_cb, .allocator_data = arena};
    *out = protobuf_c_message_unpack(type, &allocator, bytes, data);
    if (!*out) return err_set(err, E_INVALID_FIELD, "not a %s message", type->short_name);
    return E_OK;
}

static int length_check(const char *field, const char *text, size_t limit, err_t *err) {
    size_t length = strnlen(text, limit + 1);
    if (length <= limit) return E_OK;
    return err_field(err, E_INVALID_FIELD, field, "%s is longer than %zu bytes", field, limit);
}

static int field_check(const char *field, const char *text, err_t *err) {
    err_t why = {0};
    if (name_check(field, text, &why) == E_OK) return E_OK;
    return err_field(err, E_INVALID_FIELD, field, "%s", why.text);
}

int wire_request_check(const Tc__RequestHeader *header, err_t *err) {
    int rc;
    if ((rc = field_check("service", header->service, err)) != E_OK) return rc;
    if ((rc = field_check("method", header->method, err)) != E_OK) return rc;
    if ((rc = field_check("request_id", header->request_id, err)) != E_OK) return rc;
    if (header->trace_id[0] && (rc = field_check("trace_id", header->trace_id, err)) != E_OK) return rc;
    if ((rc = length_check("key", header->key, WIRE_KEY_MAX, err)) != E_OK) return rc;
    if (header->deadline_ms <= 0)
        return err_field(err, E_INVALID_FIELD, "deadline_ms", "deadline_ms must be a time in unix milliseconds");
    return E_OK;
}

int wire_request_read(const void *data, size_t bytes, size_t limit_bytes, arena_t *arena, Tc__RequestHeader **out,
                      err_t *err) {
    ProtobufCMessage *message = NULL;
    int rc = unpack(&tc__request_header__descriptor, data, bytes, limit_bytes, arena, &message, err);
    if (rc != E_OK) return rc;
    rc = wire_request_check((Tc__RequestHeader *)message, err);
    if (rc == E_OK) *out = (Tc__RequestHeader *)message;
    return rc;
}

int wire_reply_read(const void *data, size_t bytes, arena_t *arena, Tc__ReplyHeader **out, err_t *err) {
    ProtobufCMessage *message = NULL;
    int rc = unpack(&tc__reply_header__descriptor, data, bytes, WIRE_HEADER_MAX_BYTES, arena, &message, err);
    if (rc != E_OK) return rc;
    *out = (Tc__ReplyHeader *)message;
    if ((*out)->code < 0 || (*out)->code >= E__COUNT) (*out)->code = E_INTERNAL;
    return E_OK;
}

int wire_presence_read(const void *data, size_t bytes, arena_t *arena, Tc__Presence **out, err_t *err) {
    ProtobufCMessage *message = NULL;
    int rc = unpack(&tc__presence__descriptor, data, bytes, WIRE_HEADER_MAX_BYTES, arena, &message, err);
    if (rc != E_OK) return rc;
    Tc__Presence *presence = (Tc__Presence *)message;
    if ((rc = field_check("service", presence->service, err)) != E_OK) return rc;
    if ((rc = field_check("instance", presence->instance, err)) != E_OK) return rc;
    if ((rc = length_check("live_endpoint", presence->live_endpoint, WIRE_ENDPOINT_MAX, err)) != E_OK) return rc;
    if ((rc = length_check("replay_endpoint", presence->replay_endpoint, WIRE_ENDPOINT_MAX, err)) != E_OK) return rc;
    if (presence->credit < 0 || presence->credit > WIRE_CREDIT_MAX)
        return err_field(err, E_OUT_OF_RANGE, "credit", "credit %d, expected 0 to %d", presence->credit,
                         WIRE_CREDIT_MAX);
    *out = presence;
    return E_OK;
}

int wire_reply_make(zmq_msg_t *out, uint64_t mark, const char *request_id, const err_t *outcome, const void *body,
                    size_t body_bytes, err_t *err) {
    // protobuf-c strings are not const, though packing never writes to them.
    Tc__ReplyHeader header = TC__REPLY_HEADER__INIT;
    header.request_id = (char *)(uintptr_t)request_id;
    header.code = outcome->code;
    header.code_name = (char *)(uintptr_t)err_name(outcome->code);
    header.field = (char *)(uintptr_t)outcome->field;
    header.text = (char *)(uintptr_t)outcome->text;
    return wire_frame_make(out, WIRE_REPLY, mark, &header.base, body, body_bytes, err);
}

int wire_message_of(zmq_msg_t *out, const void *data, size_t bytes, err_t *err) {
    if (zmq_msg_init_size(out, bytes) != 0) return err_set(err, E_IO, "no memory for a frame of %zu bytes", bytes);
    if (bytes) memcpy(zmq_msg_data(out), data, bytes);
    return E_OK;
}

// Parts of a message arrive together, so the parts after the first never make us wait.
static bool receive_part(void *socket, zmq_msg_t *part) {
    zmq_msg_init(part);
    int rc;
    do rc = zmq_msg_recv(part, socket, ZMQ_DONTWAIT);
    while (rc < 0 && errno == EINTR);
    if (rc < 0) zmq_msg_close(part);
    return rc >= 0;
}

size_t wire_receive(void *socket, zmq_msg_t *frames, size_t room) {
    size_t count = 0;
    bool more = true;
    while (more) {
        zmq_msg_t spare;
        zmq_msg_t *part = count < room ? &frames[count] : &spare;
        if (!receive_part(socket, part)) break;
        more = zmq_msg_more(part);
        if (part == &spare) zmq_msg_close(part);
        count++;
    }
    return count;
}

void wire_close(zmq_msg_t *frames, size_t count) {
    for (size_t i = 0; i < count; i++) zmq_msg_close(&frames[i]);
}

int wire_send(void *socket, zmq_msg_t *frames, size_t count) {
    for (size_t i = 0; i < count; i++) {
        int flags = ZMQ_DONTWAIT | (i + 1 < count ? ZMQ_SNDMORE : 0);
        int rc;
        do rc = zmq_msg_send(&frames[i], socket, flags);
        while (rc < 0 && errno == EINTR);
        if (rc < 0 && i == 0) return errno;
        // Once the first part is in, zmq takes the rest or, when the peer has gone meanwhile, throws it away.
        if (rc < 0) wire_close(&frames[i], 1);
    }
    return 0;
}
