// Blocks in a list, filled front to back. The blocks behind `current` are the empty ones kept from before a reset.
#include "arena.h"
#include "check.h"
#include "fault.h"
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#define ALIGN 16

typedef struct block {
    struct block *next;
    size_t size;
    size_t used;
    _Alignas(ALIGN) unsigned char data[];
} block_t;

struct arena {
    block_t *first;
    block_t *current;
    size_t block_bytes;
    size_t limit_bytes; // of `used`; SIZE_MAX when there is none
    size_t used;        // handed out since the last reset, each piece rounded up to ALIGN
};

static block_t *block_new(size_t size) {
    if (size > SIZE_MAX - sizeof(block_t)) return NULL;
    block_t *block = malloc(sizeof *block + size);
    if (block) *block = (block_t){.size = size};
    return block;
}

arena_t *arena_new(size_t block_bytes, size_t limit_bytes) {
    arena_t *arena = malloc(sizeof *arena);
    if (!arena) return NULL;
    if (block_bytes < ALIGN) block_bytes = ALIGN;
    *arena = (arena_t){.first = block_new(block_bytes), .block_bytes = block_bytes};
    arena->limit_bytes = limit_bytes ? limit_bytes : SIZE_MAX;
    arena->current = arena->first;
    if (!arena->first) arena_destroy(&arena);
    return arena;
}

void arena_destroy(arena_t **arena) {
    if (!*arena) return;
    for (block_t *block = (*arena)->first, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    free(*arena);
    *arena = NULL;
}

void arena_reset(arena_t *arena) {
    for (block_t *block = arena->first; block; block = block->next) block->used = 0;
    arena->current = arena->first;
    arena->used = 0;
}

// Make a block with room for `bytes` the current one: the first kept block that is large enough, moved up so that the
// smaller ones in between stay usable, or a new one.
static int advance(arena_t *arena, size_t bytes) {
    block_t **link = &arena->current->next;
    while (*link && (*link)->size < bytes) link = &(*link)->next;
    block_t *block = *link;
    if (block)
        *link = block->next;
    else
        block = block_new(bytes > arena->block_bytes ? bytes : arena->block_bytes);
    if (!block) return -1;
    block->next = arena->current->next;
    arena->current->next = block;
    arena->current = block;
    return 0;
}

void *arena_room(arena_t *arena, size_t bytes) {
    if (bytes > SIZE_MAX - ALIGN || fault_now(FAULT_MEMORY)) return NULL;
    size_t size = bytes ? (bytes + ALIGN - 1) / ALIGN * ALIGN : ALIGN;
    if (size > arena->limit_bytes - arena->used) return NULL;
    if (size > arena->current->size - arena->current->used && advance(arena, size)) return NULL;
    void *data = arena->current->data + arena->current->used;
    arena->current->used += size;
    arena->used += size;
    return data;
}

void *arena_alloc(arena_t *arena, size_t bytes) {
    void *data = arena_room(arena, bytes);
    return data ? memset(data, 0, bytes) : NULL;
}

void *arena_copy(arena_t *arena, const void *data, size_t bytes) {
    void *copy = arena_room(arena, bytes);
    if (copy && bytes) memcpy(copy, data, bytes);
    return copy;
}

char *arena_text(arena_t *arena, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    if (strcmp(format, "%s") == 0) { // nearly all of them
        const char *whole = va_arg(args, const char *);
        va_end(args);
        return arena_copy(arena, whole, strlen(whole) + 1);
    }
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    char *text = n < 0 ? NULL : arena_alloc(arena, (size_t)n + 1);
    if (text && vsnprintf(text, (size_t)n + 1, format, again) != n) text = NULL;
    va_end(again);
    va_end(args);
    return text;
}

arena_mark_t arena_mark(const arena_t *arena) {
    return (arena_mark_t){arena->current, arena->current->used, arena->used};
}

void arena_back(arena_t *arena, const arena_mark_t *mark) {
    arena->current = mark->block;
    for (block_t *block = arena->current->next; block; block = block->next) block->used = 0;
    arena->current->used = mark->block_used;
    arena->used = mark->used;
}

size_t arena_used(const arena_t *arena) { return arena->used; }
