// Protobuf bodies, safely: size cap before unpacking, unpacked into an arena, unknown fields refused by number, and
// JSON both ways by reflection so that the command line and scripts need no code per message.
//
// JSON form: field names as in the .proto, except that an int64 field `x_fen` is `"x": "1234.50"` (yuan, two decimals)
// and an int32 field `x_ppm` (millionths) is `"x": "0.55"` text; enums by name in lower case without their prefix;
// bytes as hex; dates and months are strings in both forms. Unknown keys, wrong types and doubled keys are errors that
// name the field with its path (E_UNKNOWN_FIELD, E_INVALID_FIELD, E_INVALID_JSON).
#pragma once
#include "common/base/arena.h"
#include "common/base/check.h"
#include "common/base/err.h"
#include <protobuf-c/protobuf-c.h>
#include <stdint.h>

// Unpack into the arena. E_TOO_LARGE over WIRE_MESSAGE_MAX_BYTES, E_INVALID_FIELD when it is not this message,
// E_UNKNOWN_FIELD (field = "<message>.#<number>") when a field is not ours, also in nested messages.
int message_unpack(ProtobufCMessage **out, const ProtobufCMessageDescriptor *type, const void *data, size_t bytes,
                   arena_t *arena, err_t *err) MUST_USE;
// Pack into the arena; NULL when out of memory.
void *message_pack(const ProtobufCMessage *message, arena_t *arena, size_t *bytes);

int message_from_json(ProtobufCMessage **out, const ProtobufCMessageDescriptor *type, const char *json, size_t bytes,
                      arena_t *arena, err_t *err) MUST_USE;
// One line of JSON in the arena (default values included, so that a reader sees every field; of a oneof only the member
// that is given, so a oneof of one member tells an amount left out from 0.00); NULL when out of memory.
char *message_to_json(const ProtobufCMessage *message, arena_t *arena);
