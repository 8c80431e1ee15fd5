// Open addressing with linear probing, at most half full, so that a probe ends soon and always.
#include "textmap.h"
#include "common/base/hash.h"
#include <string.h>

int textmap_init(textmap_t *map, arena_t *arena, size_t entries) {
    size_t slots = 16;
    while (slots < entries * 2) slots *= 2;
    map->slots = arena_alloc(arena, slots * sizeof *map->slots);
    map->mask = slots - 1;
    map->room = slots / 2;
    map->used = 0;
    return map->slots ? 0 : -1;
}

void **textmap_place(textmap_t *map, const char *text, int64_t tag) {
    size_t at = (size_t)hash64(text, strlen(text), (uint64_t)tag) & map->mask;
    for (; map->slots[at].text; at = (at + 1) & map->mask)
        if (map->slots[at].tag == tag && strcmp(map->slots[at].text, text) == 0) return &map->slots[at].value;
    CHECK(map->used < map->room);
    map->used++;
    map->slots[at] = (textmap_slot_t){.text = text, .tag = tag};
    return &map->slots[at].value;
}

void *textmap_find(const textmap_t *map, const char *text, int64_t tag) {
    size_t at = (size_t)hash64(text, strlen(text), (uint64_t)tag) & map->mask;
    for (; map->slots[at].text; at = (at + 1) & map->mask)
        if (map->slots[at].tag == tag && strcmp(map->slots[at].text, text) == 0) return map->slots[at].value;
    return NULL;
}

void textmap_clear(textmap_t *map) {
    memset(map->slots, 0, (map->mask + 1) * sizeof *map->slots);
    map->used = 0;
}
