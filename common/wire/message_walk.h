// How protobuf-c lays a message out in memory: how many values a field holds and where each of them stands. Shared by
// the decoder and the JSON forms.
#pragma once
#include "common/base/check.h"
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

static inline void *walk_at(const ProtobufCMessage *message, unsigned offset) {
    return (char *)(uintptr_t)message + offset;
}

static inline bool walk_is_oneof(const ProtobufCFieldDescriptor *field) {
    return (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
}

static inline size_t walk_size(const ProtobufCFieldDescriptor *field) {
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_ENUM: return sizeof(int32_t);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64: return sizeof(int64_t);
    case PROTOBUF_C_TYPE_BOOL: return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_STRING: return sizeof(char *);
    case PROTOBUF_C_TYPE_BYTES: return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_MESSAGE: return sizeof(ProtobufCMessage *);
    default: break;
    }
    CHECK(!"a message type without floating point");
    return 0;
}

// Values the field holds: the length of a list; 0 for an absent member of a oneof; else 1.
static inline size_t walk_count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field) {
    if (field->label == PROTOBUF_C_LABEL_REPEATED) return *(size_t *)walk_at(message, field->quantifier_offset);
    if (walk_is_oneof(field)) return *(uint32_t *)walk_at(message, field->quantifier_offset) == field->id;
    return 1;
}

static inline void *walk_value(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t n) {
    void *place = walk_at(message, field->offset);
    if (field->label == PROTOBUF_C_LABEL_REPEATED) return *(char **)place + n * walk_size(field);
    return place;
}
