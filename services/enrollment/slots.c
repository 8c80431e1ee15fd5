#include "slots.h"
#include "common/base/hash.h"
#include <string.h>

int slots_init(slots_t *slots, arena_t *arena, size_t most, err_t *err) {
    size_t size = 16;
    while (size < 2 * most) size *= 2;
    *slots = (slots_t){.entries = arena_alloc(arena, size * sizeof *slots->entries), .mask = size - 1, .room = most};
    return slots->entries ? 0 : err_set(err, E_IO, "out of memory");
}

size_t *slots_at(slots_t *slots, const char *key) {
    size_t at = hash64(key, strlen(key), 0) & slots->mask;
    while (slots->entries[at].key && strcmp(slots->entries[at].key, key) != 0) at = (at + 1) & slots->mask;
    if (!slots->entries[at].key) {
        CHECK(slots->room > 0); // half of the table stays empty, so the search above ends
        slots->room--;
        slots->entries[at].key = key;
    }
    return &slots->entries[at].value;
}
