// A bill from outside: the first byte says whether the rest is protobuf or JSON. What is taken must survive another
// round.
#include "adjudication.pb-c.h"
#include "common/wire/message.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int decode(ProtobufCMessage **out, bool json, const void *data, size_t size, arena_t *arena) {
    err_t err;
    return json ? message_from_json(out, &tc__decision__descriptor, data, size, arena, &err)
                : message_unpack(out, &tc__decision__descriptor, data, size, arena, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static arena_t *arena;
    if (!arena) arena = arena_new(256 * 1024, 64 * 1024 * 1024);
    if (!arena || size == 0) return 0;
    arena_reset(arena);
    bool json = data[0] == '{';
    ProtobufCMessage *message = NULL, *again = NULL;
    if (decode(&message, json, json ? data : data + 1, json ? size : size - 1, arena)) return 0;
    size_t bytes;
    void *packed = message_pack(message, arena, &bytes);
    char *text = message_to_json(message, arena);
    if (!packed || !text) return 0;
    if (decode(&again, false, packed, bytes, arena)) abort();
    if (json && decode(&again, true, text, strlen(text), arena)) abort();
    return 0;
}
