// Protobuf bytes in and out of an arena. Survives any bytes: the size cap stands before the decoder, the arena's limit
// bounds what it can allocate, and none of our message types contains itself, so nesting is bounded by the type. After
// decoding, fields that we do not know and text that is not UTF-8 are refused.
#include "message.h"
#include "message_walk.h"
#include "wire.h"
#include <string.h>

typedef struct arena_source {
    arena_t *arena;
    bool exhausted;
} arena_source_t;

static void *source_alloc(void *data, size_t bytes) {
    arena_source_t *source = data;
    void *block = arena_room(source->arena, bytes); // the decoder begins each with its type's defaults
    if (!block) source->exhausted = true;
    return block;
}

static void source_free(void *data, void *block) {
    (void)data;
    (void)block; // the arena is freed as a whole
}

static bool utf8_continues(const unsigned char *text, int count) {
    for (int i = 0; i < count; i++)
        if ((text[i] & 0xC0) != 0x80) return false;
    return true;
}

// Well-formed UTF-8 as of RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. A database refuses
// anything else, and would do so in the middle of a batch.
static bool utf8_valid(const char *text) {
    const unsigned char *p = (const unsigned char *)text;
    while (*p) {
        unsigned lead = p[0];
        if (lead < 0x80) {
            p += 1;
        } else if (lead >= 0xC2 && lead <= 0xDF) {
            if (!utf8_continues(p + 1, 1)) return false;
            p += 2;
        } else if (lead >= 0xE0 && lead <= 0xEF) {
            if (!utf8_continues(p + 1, 2) || (lead == 0xE0 && p[1] < 0xA0) || (lead == 0xED && p[1] > 0x9F))
                return false;
            p += 3;
        } else if (lead >= 0xF0 && lead <= 0xF4) {
            if (!utf8_continues(p + 1, 3) || (lead == 0xF0 && p[1] < 0x90) || (lead == 0xF4 && p[1] > 0x8F))
                return false;
            p += 4;
        } else {
            return false;
        }
    }
    return true;
}

static int check_message(const ProtobufCMessage *message, err_t *err);

static int check_value(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field, const void *value,
                       err_t *err) {
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        const ProtobufCMessage *child = *(ProtobufCMessage *const *)value;
        return child ? check_message(child, err) : E_OK;
    }
    if (field->type == PROTOBUF_C_TYPE_STRING) {
        const char *text = *(const char *const *)value;
        if (text && !utf8_valid(text))
            return err_field(err, E_INVALID_FIELD, field->name, "%s.%s is not valid UTF-8", type->short_name,
                             field->name);
    }
    return E_OK;
}

static int check_message(const ProtobufCMessage *message, err_t *err) {
    const ProtobufCMessageDescriptor *type = message->descriptor;
    if (message->n_unknown_fields > 0) {
        char name[64];
        snprintf(name, sizeof name, "%s.#%u", type->short_name, message->unknown_fields[0].tag);
        return err_field(err, E_UNKNOWN_FIELD, name, "%s has no field number %u", type->short_name,
                         message->unknown_fields[0].tag);
    }
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        if (field->type != PROTOBUF_C_TYPE_MESSAGE && field->type != PROTOBUF_C_TYPE_STRING) continue;
        size_t count = walk_count(message, field);
        for (size_t n = 0; n < count; n++) {
            int code = check_value(type, field, walk_value(message, field, n), err);
            if (code) return code;
        }
    }
    return E_OK;
}

int message_unpack(ProtobufCMessage **out, const ProtobufCMessageDescriptor *type, const void *data, size_t bytes,
                   arena_t *arena, err_t *err) {
    if (bytes > WIRE_MESSAGE_MAX_BYTES)
        return err_set(err, E_TOO_LARGE, "%s of %zu bytes: at most %d are taken", type->short_name, bytes,
                       WIRE_MESSAGE_MAX_BYTES);
    arena_source_t source = {.arena = arena};
    ProtobufCAllocator allocator = {.alloc = source_alloc, .free = source_free, .allocator_data = &source};
    static const uint8_t nothing[1];
    ProtobufCMessage *message = protobuf_c_message_unpack(type, &allocator, bytes, bytes ? data : nothing);
    if (!message && source.exhausted)
        return err_set(err, E_TOO_LARGE, "%s needs more memory than one batch may use", type->short_name);
    if (!message) return err_set(err, E_INVALID_FIELD, "these %zu bytes are not a %s", bytes, type->short_name);
    int code = check_message(message, err);
    if (!code) *out = message;
    return code;
}

void *message_pack(const ProtobufCMessage *message, arena_t *arena, size_t *bytes) {
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *data = arena_room(arena, size);
    if (!data) return NULL;
    *bytes = protobuf_c_message_pack(message, data);
    CHECK(*bytes == size);
    return data;
}
