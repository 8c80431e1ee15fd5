// What a client sent, read and checked: a pure function over the frames of one message.
#pragma once
#include "common/wire/envelope.h"

enum { FRONT_FRAMES = 3 }; // tag, RequestHeader, body

typedef struct front_frame {
    const void *data;
    size_t bytes;
} front_frame_t;

typedef struct front_request {
    bool answerable;           // there is a tag, so that a refusal can be sent
    Tc__RequestHeader *header; // in the arena; NULL when it could not be read
} front_request_t;

// `count` is the number of frames on the wire, of which at most FRONT_FRAMES are given. `out` is filled on failure too.
int front_parse(const front_frame_t *frames, size_t count, arena_t *arena, front_request_t *out, err_t *err) MUST_USE;
