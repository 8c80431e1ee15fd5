// Requests or replies for one peer that are there at the same time travel as one message: CURVE, system calls and
// ZeroMQ cost by the message, not by the byte. Who is alone goes as the frame it is, so a single call pays nothing for
// this. Grammar and bounds: docs/wire.md. Whatever the bytes, a reader stays inside them.
#pragma once
#include "envelope.h"

enum {
    PACK_ITEMS_MAX = 64,        // what a sender puts into one pack
    PACK_BYTES_MAX = 64 * 1024, // likewise, unless one frame alone is larger
    PACK_READ_ITEMS_MAX = 256,  // what a reader takes from one
    PACK_ITEM_LENGTH_BYTES = 4,
};

// Frames on their way to one peer. All zero: empty.
typedef struct pack {
    uint8_t *bytes; // room for the prefix, then length and frame of each
    size_t used, room, count;
} pack_t;

// Whether a frame of so many bytes still goes along; into an empty pack any does.
bool pack_fits(const pack_t *pack, size_t bytes);
// Copies the frame and writes `mark` into the copy. It must fit. E_IO: out of memory, nothing was added.
int pack_add(pack_t *pack, const void *frame, size_t bytes, uint64_t mark) MUST_USE;
// The message to send, and an empty pack: of one frame that frame, of several a pack. Not for an empty one. E_IO: out
// of memory, all stays.
int pack_take(pack_t *pack, zmq_msg_t *out, err_t *err) MUST_USE;
void pack_clear(pack_t *pack); // and gives back its memory

typedef struct pack_reader {
    const uint8_t *at;
    size_t left;
    size_t count; // items read
    bool packed;
    bool bad; // the rest could not be read
} pack_reader_t;

// A message that is no pack is read as its own only item, whatever it is.
pack_reader_t pack_open(const void *data, size_t bytes);
// The next REQUEST or REPLY frame, in place; false at the end, or when the rest is none: then `bad`.
bool pack_next(pack_reader_t *reader, const uint8_t **frame, size_t *bytes) MUST_USE;
int pack_error(const pack_reader_t *reader, err_t *err); // what to say of a bad one: E_INVALID_FIELD
