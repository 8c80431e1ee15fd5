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

static bool has_token(unsigned kind) { return kind == WIRE_REQUEST || kind == WIRE_REPLY; }

size_t wire_control_write(uint8_t out[static WIRE_CONTROL_MAX_BYTES], wire_kind_t kind, uint64_t token) {
    out[0] = WIRE_VERSION;
    out[1] = (uint8_t)kind;
    if (!has_token(kind)) return WIRE_CONTROL_BYTES;
    put_u64(out + WIRE_CONTROL_BYTES, token);
    return WIRE_CONTROL_MAX_BYTES;
}

int wire_control_read(const void *data, size_t bytes, wire_control_t *out, err_t *err) {
    const uint8_t *in = data;
    if (bytes < WIRE_CONTROL_BYTES)
        return err_set(err, E_INVALID_FIELD, "control frame of %zu bytes, expected 2 or 10", bytes);
    if (in[0] != WIRE_VERSION)
        return err_set(err, E_UNSUPPORTED, "wire version %u, expected %d", (unsigned)in[0], WIRE_VERSION);
    unsigned kind = in[1];
    if (kind < WIRE_READY || kind > WIRE_WHO)
        return err_set(err, E_INVALID_FIELD, "unknown kind %u of a control frame", kind);
    size_t expected = has_token(kind) ? WIRE_CONTROL_MAX_BYTES : WIRE_CONTROL_BYTES;
    if (bytes != expected)
        return err_set(err, E_INVALID_FIELD, "control frame of %zu bytes, expected %zu for kind %u", bytes, expected,
                       kind);
    *out = (wire_control_t){.kind = (wire_kind_t)kind, .token = has_token(kind) ? get_u64(in + WIRE_CONTROL_BYTES) : 0};
    return E_OK;
}

void wire_tag_write(uint8_t out[static WIRE_TAG_BYTES], uint64_t tag) { put_u64(out, tag); }
uint64_t wire_tag_read(const uint8_t in[static WIRE_TAG_BYTES]) { return get_u64(in); }

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

int wire_pack(zmq_msg_t *out, const ProtobufCMessage *message, err_t *err) {
    size_t bytes = protobuf_c_message_get_packed_size(message);
    if (zmq_msg_init_size(out, bytes) != 0) return err_set(err, E_IO, "no memory for a header of %zu bytes", bytes);
    protobuf_c_message_pack(message, zmq_msg_data(out));
    return E_OK;
}

int wire_reply_pack(zmq_msg_t *out, const char *request_id, int code, const char *field, const char *text, err_t *err) {
    // protobuf-c strings are not const, though packing never writes to them.
    Tc__ReplyHeader header = TC__REPLY_HEADER__INIT;
    header.request_id = (char *)(uintptr_t)request_id;
    header.code = code;
    header.code_name = (char *)(uintptr_t)err_name(code);
    header.field = (char *)(uintptr_t)field;
    header.text = (char *)(uintptr_t)text;
    return wire_pack(out, &header.base, err);
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
