// A map from (text, tag) to a pointer, for the work of one batch: sized once, in an arena, never grown. Texts are
// borrowed.
#pragma once
#include "common/base/arena.h"
#include "common/base/check.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct textmap_slot {
    const char *text; // NULL: free
    int64_t tag;
    void *value;
} textmap_slot_t;

typedef struct textmap {
    textmap_slot_t *slots;
    size_t mask, room, used;
} textmap_t;

// Room for `entries`; -1 when the arena is used up.
int textmap_init(textmap_t *map, arena_t *arena, size_t entries) MUST_USE;
// The value's place, made (as NULL) when it is not there yet. CHECKs the room.
void **textmap_place(textmap_t *map, const char *text, int64_t tag);
void *textmap_find(const textmap_t *map, const char *text, int64_t tag); // NULL: not there
void textmap_clear(textmap_t *map);
