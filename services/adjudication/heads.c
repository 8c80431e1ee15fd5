// Direct-mapped: one place per hash, so a lookup is one comparison and no list has to be kept.
#include "heads.h"
#include "common/base/hash.h"
#include <stdlib.h>
#include <string.h>

enum { PERSON_MAX = 64 };

typedef struct entry {
    char person[PERSON_MAX + 1]; // "": free
    int year;
    head_t head;
} entry_t;

struct heads {
    size_t mask;
    entry_t *entries;
};

heads_t *heads_new(size_t entries) {
    CHECK(entries && (entries & (entries - 1)) == 0);
    heads_t *heads = calloc(1, sizeof *heads);
    if (!heads) return NULL;
    heads->mask = entries - 1;
    heads->entries = calloc(entries, sizeof *heads->entries);
    if (!heads->entries) heads_destroy(&heads);
    return heads;
}

void heads_destroy(heads_t **heads) {
    if (!*heads) return;
    free((*heads)->entries);
    free(*heads);
    *heads = NULL;
}

static entry_t *place(const heads_t *heads, const char *person, int year) {
    return &heads->entries[hash64(person, strlen(person), (uint64_t)year) & heads->mask];
}

static bool holds(const entry_t *entry, const char *person, int year) {
    return entry->year == year && strcmp(entry->person, person) == 0;
}

bool heads_get(const heads_t *heads, const char *person, int year, head_t *out) {
    const entry_t *entry = place(heads, person, year);
    if (!holds(entry, person, year)) return false;
    *out = entry->head;
    return true;
}

void heads_put(heads_t *heads, const char *person, int year, const head_t *head) {
    entry_t *entry = place(heads, person, year);
    size_t length = strlen(person);
    CHECK(length <= PERSON_MAX);
    memcpy(entry->person, person, length + 1);
    entry->year = year;
    entry->head = *head;
}

void heads_drop(heads_t *heads, const char *person, int year) {
    entry_t *entry = place(heads, person, year);
    if (holds(entry, person, year)) entry->person[0] = '\0';
}

void heads_clear(heads_t *heads) { memset(heads->entries, 0, (heads->mask + 1) * sizeof *heads->entries); }
