// A growing array of entries and, over it, an open-addressed table at most half full whose slots lead to the newest
// entry of a kind and code; from there the earlier ones are linked, newest first. A bill is mostly of recent days, so
// the first entry is nearly always the one. Texts of diagnoses live in an arena for good: entries that take another's
// place are rare.
#include "catalogue.h"
#include "common/base/arena.h"
#include "common/base/hash.h"
#include <stdlib.h>
#include <string.h>

enum { NOWHERE = 0, FIRST_ROOM = 1024, ARENA_BYTES = 16 * 1024 }; // places count from 1

struct catalogue {
    catalogue_entry_t *entries;
    uint32_t *slots; // places of the newest entries; a power of two
    size_t count, room, slot_count, codes;
    arena_t *texts;
};

catalogue_t *catalogue_new(void) {
    catalogue_t *made = calloc(1, sizeof *made);
    if (!made) return NULL;
    made->room = FIRST_ROOM;
    made->slot_count = FIRST_ROOM * 2;
    made->entries = malloc(made->room * sizeof *made->entries);
    made->slots = calloc(made->slot_count, sizeof *made->slots);
    made->texts = arena_new(ARENA_BYTES, 0);
    if (!made->entries || !made->slots || !made->texts) catalogue_destroy(&made);
    return made;
}

void catalogue_destroy(catalogue_t **catalogue) {
    if (!*catalogue) return;
    free((*catalogue)->entries);
    free((*catalogue)->slots);
    arena_destroy(&(*catalogue)->texts);
    free(*catalogue);
    *catalogue = NULL;
}

size_t catalogue_count(const catalogue_t *catalogue) { return catalogue->count; }

size_t catalogue_bytes(const catalogue_t *catalogue) {
    return sizeof *catalogue + catalogue->room * sizeof *catalogue->entries +
           catalogue->slot_count * sizeof *catalogue->slots + arena_used(catalogue->texts);
}

// ---- finding

static catalogue_entry_t *at(const catalogue_t *catalogue, uint32_t place) {
    return place == NOWHERE ? NULL : &catalogue->entries[place - 1];
}

// The slot of a kind and code, taken or free.
static uint32_t *slot_of(const catalogue_t *catalogue, unsigned kind, const char *code) {
    const size_t mask = catalogue->slot_count - 1;
    for (size_t i = (size_t)hash64(code, strlen(code), kind) & mask;; i = (i + 1) & mask) {
        const catalogue_entry_t *entry = at(catalogue, catalogue->slots[i]);
        if (!entry || (entry->kind == kind && strcmp(entry->code, code) == 0)) return &catalogue->slots[i];
    }
}

const catalogue_entry_t *catalogue_find(const void *catalogue, fee_kind_t kind, const char *code, date_t day) {
    const catalogue_t *in = catalogue;
    const catalogue_entry_t *entry = at(in, *slot_of(in, kind, code));
    while (entry && entry->from > day) entry = at(in, entry->earlier);
    return entry && day <= entry->until ? entry : NULL;
}

// ---- taking

static int grow_entries(catalogue_t *catalogue, err_t *err) {
    if (catalogue->count < catalogue->room) return 0;
    const size_t room = catalogue->room + catalogue->room / 2;
    catalogue_entry_t *grown = realloc(catalogue->entries, room * sizeof *grown);
    if (!grown) return err_set(err, E_IO, "out of memory for the catalogue");
    catalogue->entries = grown;
    catalogue->room = room;
    return 0;
}

static int grow_slots(catalogue_t *catalogue, err_t *err) {
    if (2 * (catalogue->codes + 1) <= catalogue->slot_count) return 0;
    const size_t old_count = catalogue->slot_count;
    uint32_t *old = catalogue->slots, *slots = calloc(2 * old_count, sizeof *slots);
    if (!slots) return err_set(err, E_IO, "out of memory for the catalogue");
    catalogue->slots = slots;
    catalogue->slot_count = 2 * old_count;
    for (size_t i = 0; i < old_count; i++)
        if (old[i]) *slot_of(catalogue, at(catalogue, old[i])->kind, at(catalogue, old[i])->code) = old[i];
    free(old);
    return 0;
}

// A list of prefixes with what ends it.
static size_t list_bytes(const char *list) {
    const char *end = list;
    while (*end) end += strlen(end) + 1;
    return (size_t)(end - list) + 1;
}

static int keep_texts(catalogue_t *catalogue, catalogue_entry_t *entry, err_t *err) {
    if (!entry->diagnoses) return 0;
    entry->diagnoses = arena_copy(catalogue->texts, entry->diagnoses, list_bytes(entry->diagnoses));
    return entry->diagnoses ? 0 : err_set(err, E_IO, "out of memory for the catalogue");
}

// Where the link to an entry of this first day stands, or would stand.
static uint32_t *link_of(catalogue_t *catalogue, uint32_t *link, date_t from) {
    while (*link && at(catalogue, *link)->from > from) link = &at(catalogue, *link)->earlier;
    return link;
}

int catalogue_put(catalogue_t *catalogue, const catalogue_entry_t *entry, err_t *err) {
    if (catalogue->count == CATALOGUE_ENTRIES_MAX)
        return err_set(err, E_TOO_LARGE, "more than %d entries in the catalogues", CATALOGUE_ENTRIES_MAX);
    catalogue_entry_t fresh = *entry;
    int rc = grow_entries(catalogue, err);
    if (!rc) rc = grow_slots(catalogue, err);
    if (!rc) rc = keep_texts(catalogue, &fresh, err);
    if (rc) return rc;
    uint32_t *newest = slot_of(catalogue, fresh.kind, fresh.code), *link = link_of(catalogue, newest, fresh.from);
    catalogue_entry_t *held = at(catalogue, *link);
    if (held && held->from == fresh.from) {
        fresh.earlier = held->earlier;
        *held = fresh;
        return 0;
    }
    catalogue->codes += *newest == NOWHERE;
    fresh.earlier = *link;
    catalogue->entries[catalogue->count] = fresh;
    *link = (uint32_t)++catalogue->count;
    return 0;
}
