// The keys of one chunk, each with a number beside it: which row, which person. Made for one request, in its arena.
#pragma once
#include "common/base/arena.h"
#include "common/base/check.h"
#include "common/base/err.h"
#include <stdint.h>

typedef struct slot_entry {
    const char *key; // borrowed
    size_t value;    // 0 until the caller puts something there
} slot_entry_t;

typedef struct slots {
    slot_entry_t *entries;
    size_t mask, room; // `room` more keys may come
} slots_t;

int slots_init(slots_t *slots, arena_t *arena, size_t most, err_t *err) MUST_USE;
// The number beside `key`, which is put there with 0 when it is new.
size_t *slots_at(slots_t *slots, const char *key);
