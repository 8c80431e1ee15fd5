// Packs: writing and reading. See pack.h.
#include "pack.h"

#include <stdlib.h>
#include <string.h>

enum { KIND_AT = 1, FIRST_AT = WIRE_PREFIX_BYTES + PACK_ITEM_LENGTH_BYTES, FIRST_ROOM = 4096 };

bool pack_fits(const pack_t *pack, size_t bytes) {
    if (pack->count == 0) return true;
    return pack->count < PACK_ITEMS_MAX && pack->used + PACK_ITEM_LENGTH_BYTES + bytes <= PACK_BYTES_MAX;
}

static int make_room(pack_t *pack, size_t bytes) {
    size_t room = pack->room ? pack->room : FIRST_ROOM;
    while (room < bytes) room *= 2;
    if (room == pack->room) return E_OK;
    uint8_t *grown = realloc(pack->bytes, room);
    if (!grown) return E_IO;
    pack->bytes = grown;
    pack->room = room;
    return E_OK;
}

int pack_add(pack_t *pack, const void *frame, size_t bytes, uint64_t mark) {
    CHECK(bytes >= WIRE_PREFIX_BYTES && bytes <= UINT32_MAX && pack_fits(pack, bytes));
    size_t at = pack->count ? pack->used : WIRE_PREFIX_BYTES;
    if (make_room(pack, at + PACK_ITEM_LENGTH_BYTES + bytes) != E_OK) return E_IO;
    for (int i = 0; i < PACK_ITEM_LENGTH_BYTES; i++) pack->bytes[at++] = (uint8_t)(bytes >> (24 - 8 * i));
    memcpy(pack->bytes + at, frame, bytes);
    wire_mark_write(pack->bytes + at, mark);
    pack->used = at + bytes;
    pack->count++;
    return E_OK;
}

int pack_take(pack_t *pack, zmq_msg_t *out, err_t *err) {
    CHECK(pack->count > 0);
    if (pack->count > 1) {
        memset(pack->bytes, 0, WIRE_PREFIX_BYTES);
        pack->bytes[0] = WIRE_VERSION;
        pack->bytes[KIND_AT] = WIRE_PACK;
    }
    size_t from = pack->count > 1 ? 0 : FIRST_AT;
    int rc = wire_message_of(out, pack->bytes + from, pack->used - from, err);
    if (rc != E_OK) return rc;
    pack->used = pack->count = 0;
    if (pack->room > PACK_BYTES_MAX) pack_clear(pack); // after a large frame
    return E_OK;
}

void pack_clear(pack_t *pack) {
    free(pack->bytes);
    *pack = (pack_t){0};
}

pack_reader_t pack_open(const void *data, size_t bytes) {
    pack_reader_t reader = {.at = data, .left = bytes};
    reader.packed = bytes >= WIRE_PREFIX_BYTES && reader.at[0] == WIRE_VERSION && reader.at[KIND_AT] == WIRE_PACK;
    if (!reader.packed) return reader;
    reader.at += WIRE_PREFIX_BYTES;
    reader.left -= WIRE_PREFIX_BYTES;
    return reader;
}

static bool is_item(const uint8_t *frame, size_t bytes) {
    return bytes >= WIRE_PREFIX_BYTES && (frame[KIND_AT] == WIRE_REQUEST || frame[KIND_AT] == WIRE_REPLY);
}

static bool next_of_pack(pack_reader_t *reader, const uint8_t **frame, size_t *bytes) {
    size_t length = 0;
    if (reader->count == PACK_READ_ITEMS_MAX || reader->left < PACK_ITEM_LENGTH_BYTES) return false;
    for (int i = 0; i < PACK_ITEM_LENGTH_BYTES; i++) length = length << 8 | *reader->at++;
    reader->left -= PACK_ITEM_LENGTH_BYTES;
    if (length > reader->left || !is_item(reader->at, length)) return false;
    *frame = reader->at;
    *bytes = length;
    reader->at += length;
    reader->left -= length;
    reader->count++;
    return true;
}

bool pack_next(pack_reader_t *reader, const uint8_t **frame, size_t *bytes) {
    if (!reader->packed) {
        *frame = reader->at;
        *bytes = reader->left;
        return reader->count++ == 0;
    }
    if (reader->bad || (reader->left == 0 && reader->count > 0)) return false;
    reader->bad = !next_of_pack(reader, frame, bytes);
    return !reader->bad;
}

int pack_error(const pack_reader_t *reader, err_t *err) {
    return err_set(err, E_INVALID_FIELD, "a pack that cannot be read behind item %zu", reader->count);
}
