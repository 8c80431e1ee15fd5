#include "second_look.h"
#include "collection.pb-c.h"
#include "common/base/hash.h"
#include "common/wire/message.h"
#include "recompute_queue.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TAKE_MAX = 1024, YEARS_MAX = 300, RECENT_PER_PARTITION = 1024 };

typedef struct named {
    int64_t at_ms;
    char person[RECOMPUTE_PERSON_MAX + 1];
} named_t;

struct second_look {  // a ring, oldest first
    int64_t began_ms; // 0: what was decided before was asked for
    size_t first, count;
    named_t ring[SECOND_LOOK_ROOM];
};

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

int second_look_new(second_look_t **out, int64_t now_ms, err_t *err) {
    *out = calloc(1, sizeof **out);
    if (!*out) return no_memory(err);
    (*out)->began_ms = now_ms;
    return 0;
}

void second_look_destroy(second_look_t **look) {
    free(*look);
    *look = NULL;
}

bool second_look_has_room(const second_look_t *look, size_t count) { return look->count + count <= SECOND_LOOK_ROOM; }

static const named_t *oldest(const second_look_t *look, size_t n) {
    return &look->ring[(look->first + n) % SECOND_LOOK_ROOM];
}

static void note(second_look_t *look, const char *person, int64_t now_ms) {
    named_t *named = &look->ring[(look->first + look->count++) % SECOND_LOOK_ROOM];
    named->at_ms = now_ms;
    snprintf(named->person, sizeof named->person, "%s", person);
}

int second_look_note(second_look_t *look, const event_t *events, size_t count, int64_t now_ms, arena_t *arena,
                     err_t *err) {
    for (size_t i = 0; i < count; i++) {
        ProtobufCMessage *message;
        if (strcmp(events[i].topic, "entitlement.changed") != 0) continue;
        if (!second_look_has_room(look, 1)) return err_set(err, E_BUSY, "too many persons wait for a second look");
        int rc =
            message_unpack(&message, &tc__entitlement__descriptor, events[i].body, events[i].body_bytes, arena, err);
        if (rc) return rc;
        note(look, ((const Tc__Entitlement *)message)->person, now_ms);
    }
    return 0;
}

// (key row, person, year) → (person, year) into the queue.
static int ask_for(store_t *store, const rows_t *found, int64_t now_ms, arena_t *arena, err_t *err) {
    rows_t items;
    rows_init(&items, arena, 2);
    for (size_t i = 0; i < found->count; i++) {
        cell_t *item = rows_add(&items);
        if (!item) return no_memory(err);
        item[0] = rows_at(found, i)[1];
        item[1] = rows_at(found, i)[2];
    }
    return recompute_ask(store, "decided while the entitlement changed", &items, now_ms, arena, err);
}

// The newest years decided about a person come from the primary key, a handful of rows.
static int look_again(const second_look_t *look, size_t count, store_t *store, arena_t *arena, int64_t now_ms,
                      err_t *err) {
    rows_t keys, found;
    rows_init(&keys, arena, 5);
    for (size_t i = 0; i < count; i++) {
        cell_t *key = rows_add(&keys);
        if (!key) return no_memory(err);
        key[0] = cell_i64(partition_of(oldest(look, i)->person));
        key[1] = cell_text(oldest(look, i)->person);
        key[2] = cell_i64(oldest(look, i)->at_ms - SECOND_LOOK_BEFORE_MS);
        key[3] = cell_i64(oldest(look, i)->at_ms + SECOND_LOOK_AFTER_MS);
        key[4] = cell_i64(YEARS_MAX);
    }
    int rc = store_each_query(store,
                              "SELECT DISTINCT person, year FROM decision WHERE partition = $1 AND person = $2"
                              " AND year > 0 AND at_ms BETWEEN $3 AND $4 LIMIT $5",
                              &keys, arena, &found, err);
    return rc ? rc : ask_for(store, &found, now_ms, arena, err);
}

// A leader that died may have noted what nobody took.
static int look_at_recent(store_t *store, int64_t began_ms, arena_t *arena, int64_t now_ms, err_t *err) {
    rows_t keys, found;
    rows_init(&keys, arena, 4);
    for (uint32_t partition = 0; partition < PARTITIONS; partition++) {
        cell_t *key = rows_add(&keys);
        if (!key) return no_memory(err);
        key[0] = cell_i64(partition);
        key[1] = cell_i64(RECENT_PER_PARTITION);
        key[2] = cell_i64(began_ms - SECOND_LOOK_LEADER_MS);
        key[3] = cell_i64(began_ms + SECOND_LOOK_AFTER_MS);
    }
    int rc = store_each_query(store,
                              "SELECT DISTINCT person, year FROM (SELECT person, year, at_ms FROM decision"
                              " WHERE partition = $1 ORDER BY number DESC LIMIT $2) AS recent"
                              " WHERE year > 0 AND at_ms BETWEEN $3 AND $4",
                              &keys, arena, &found, err);
    return rc ? rc : ask_for(store, &found, now_ms, arena, err);
}

int second_look_take(second_look_t *look, store_t *store, arena_t *arena, int64_t now_ms, bool *moved, err_t *err) {
    size_t ripe = 0;
    *moved = false;
    while (ripe < look->count && ripe < TAKE_MAX && now_ms - oldest(look, ripe)->at_ms >= SECOND_LOOK_MS) ripe++;
    const bool recent = look->began_ms && now_ms - look->began_ms >= SECOND_LOOK_MS;
    if (ripe == 0 && !recent) return 0;
    arena_reset(arena);
    int rc = recent ? look_at_recent(store, look->began_ms, arena, now_ms, err) : 0;
    if (!rc) look->began_ms = recent ? 0 : look->began_ms;
    if (!rc && ripe) rc = look_again(look, ripe, store, arena, now_ms, err);
    if (rc) return rc;
    look->count -= ripe;
    look->first = look->count ? (look->first + ripe) % SECOND_LOOK_ROOM : 0; // so that a short ring stays in its pages
    *moved = ripe == TAKE_MAX;
    return 0;
}
