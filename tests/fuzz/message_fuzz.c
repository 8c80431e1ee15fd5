// A message from outside: the first byte says whether it is JSON, a decision with its bill, or the rest protobuf: of a
// decision too, of what an agency says to the door ('d'), of a file's receipts ('r') or persons ('n'). What is taken
// must survive another round.
#include "adjudication.pb-c.h"
#include "agency.pb-c.h"
#include "collection.pb-c.h"
#include "enrollment.pb-c.h"
#include "common/wire/message.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const ProtobufCMessageDescriptor *type_of(uint8_t first) {
    switch (first) {
    case 'd': return &tc__agency__to_door__descriptor;
    case 'r': return &tc__import_receipts__descriptor;
    case 'n': return &tc__import_persons__descriptor;
    default: return &tc__decision__descriptor;
    }
}

static int decode(ProtobufCMessage **out, const ProtobufCMessageDescriptor *type, bool json, const void *data,
                  size_t size, arena_t *arena) {
    err_t err;
    return json ? message_from_json(out, type, data, size, arena, &err)
                : message_unpack(out, type, data, size, arena, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static arena_t *arena;
    if (!arena) arena = arena_new(256 * 1024, 64 * 1024 * 1024);
    if (!arena || size == 0) return 0;
    arena_reset(arena);
    const bool json = data[0] == '{';
    const ProtobufCMessageDescriptor *type = type_of(data[0]);
    ProtobufCMessage *message = NULL, *again = NULL;
    if (decode(&message, type, json, json ? data : data + 1, json ? size : size - 1, arena)) return 0;
    size_t bytes;
    void *packed = message_pack(message, arena, &bytes);
    char *text = message_to_json(message, arena);
    if (!packed || !text) return 0;
    if (decode(&again, type, false, packed, bytes, arena)) abort();
    if (json && decode(&again, type, true, text, strlen(text), arena)) abort();
    return 0;
}
