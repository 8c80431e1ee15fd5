// What a client sent, read and checked: a pure function over the bytes of one message.
#pragma once
#include "common/wire/envelope.h"

typedef struct front_request {
    wire_frame_t frame;        // frame.kind is WIRE_REQUEST as soon as a refusal can be sent
    Tc__RequestHeader *header; // in the arena; NULL when it could not be read
} front_request_t;

// `out` is filled on failure too, as far as it could be read.
int front_parse(const void *data, size_t bytes, arena_t *arena, front_request_t *out, err_t *err) MUST_USE;
