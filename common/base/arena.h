// A bump allocator: everything that lives for one message or one batch, freed at once. Blocks are kept over a reset, so
// a warm arena allocates nothing.
#pragma once
#include <stddef.h>

typedef struct arena arena_t;

arena_t *arena_new(size_t block_bytes, size_t limit_bytes); // NULL when out of memory; limit 0 = none
void arena_destroy(arena_t **arena);
void arena_reset(arena_t *arena);

// Zeroed, aligned to 16. NULL when memory or the limit is used up.
void *arena_alloc(arena_t *arena, size_t bytes);
void *arena_room(arena_t *arena, size_t bytes); // the same, not zeroed: for what is written before it is read
void *arena_copy(arena_t *arena, const void *data, size_t bytes);
char *arena_text(arena_t *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Where the arena stands, and back to there: what was handed out since is gone, and its room can be had again. A reset
// voids the mark.
typedef struct arena_mark {
    void *block;
    size_t block_used, used;
} arena_mark_t;
arena_mark_t arena_mark(const arena_t *arena);
void arena_back(arena_t *arena, const arena_mark_t *mark);
size_t arena_used(const arena_t *arena);
