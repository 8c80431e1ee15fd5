// A row keeps the message as it was loaded; its last day stands beside it, because a later row may end it.
#include "catalogue_store.h"
#include "common/base/log.h"
#include "common/wire/message.h"
#include <stdlib.h>

enum { ARENA_BYTES = 256 * 1024 };

struct catalogues {
    catalogue_t *index;
    arena_t *arena;
    int64_t number;       // of the last load that was read
    int64_t next_poll_ms; // 0: at once
    bool ready;
};

catalogues_t *catalogues_new(void) {
    catalogues_t *made = calloc(1, sizeof *made);
    if (!made) return NULL;
    made->index = catalogue_new();
    made->arena = arena_new(ARENA_BYTES, 0);
    if (!made->index || !made->arena) catalogues_destroy(&made);
    return made;
}

void catalogues_destroy(catalogues_t **catalogues) {
    if (!*catalogues) return;
    catalogue_destroy(&(*catalogues)->index);
    arena_destroy(&(*catalogues)->arena);
    free(*catalogues);
    *catalogues = NULL;
}

const catalogue_t *catalogues_index(const catalogues_t *catalogues) {
    return catalogues->ready ? catalogues->index : NULL;
}

// ---- following

static int newest_load(catalogues_t *catalogues, store_t *store, int64_t *number, err_t *err) {
    rows_t found;
    int rc =
        store_query(store, "SELECT number FROM catalogue_load WHERE id = 1", NULL, 0, catalogues->arena, &found, err);
    if (!rc && found.count != 1) rc = err_set(err, E_INTERNAL, "the number of the last catalogue load is missing");
    if (!rc) *number = row_i64(&found, 0, 0);
    return rc;
}

static int take_row(catalogues_t *catalogues, const rows_t *rows, size_t row, err_t *err) {
    ProtobufCMessage *message;
    catalogue_room_t room;
    catalogue_entry_t entry;
    size_t bytes;
    const void *body = row_blob(rows, row, 1, &bytes);
    int rc = message_unpack(&message, &tc__catalogue_item__descriptor, body, bytes, catalogues->arena, err);
    if (!rc) rc = catalogue_read((const Tc__CatalogueItem *)message, &room, &entry, err);
    if (rc) return err_prefix(err, "a stored entry of the catalogue");
    entry.until = (date_t)row_i64(rows, row, 0);
    return catalogue_put(catalogues->index, &entry, err);
}

// The rows of loads after the last one up to and including `upto`.
static int read_loads(catalogues_t *catalogues, store_t *store, int64_t upto, size_t *rows_read, err_t *err) {
    cell_t params[] = {cell_i64(catalogues->number), cell_i64(upto)};
    rows_t rows;
    int rc = store_query(store, "SELECT until_day, body FROM catalogue_item WHERE number > $1 AND number <= $2", params,
                         COUNT_OF(params), catalogues->arena, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++) rc = take_row(catalogues, &rows, i, err);
    if (rc) return rc;
    *rows_read += rows.count;
    catalogues->number = upto;
    return 0;
}

static void caught_up(catalogues_t *catalogues, size_t rows, int64_t now_ms) {
    if (rows || !catalogues->ready)
        log_info("catalogue_read", "entries=%zu rows=%zu bytes=%zu load=%lld", catalogue_count(catalogues->index), rows,
                 catalogue_bytes(catalogues->index), (long long)catalogues->number);
    catalogues->ready = true;
    catalogues->next_poll_ms = now_ms + CATALOGUE_POLL_MS;
}

int catalogues_follow(catalogues_t *catalogues, store_t *store, int64_t now_ms, err_t *err) {
    const int64_t wait_ms = catalogues->next_poll_ms - now_ms;
    int64_t newest = 0;
    size_t rows = 0;
    if (wait_ms > 0 && wait_ms <= CATALOGUE_POLL_MS) return 0; // further off: the clock was set back
    int rc = newest_load(catalogues, store, &newest, err);
    while (!rc && catalogues->number < newest && rows < CATALOGUE_ROWS_PER_FOLLOW) {
        const int64_t step = catalogues->number + CATALOGUE_LOADS_AT_ONCE;
        rc = read_loads(catalogues, store, step < newest ? step : newest, &rows, err);
        arena_reset(catalogues->arena);
    }
    arena_reset(catalogues->arena);
    if (rc) catalogues->next_poll_ms = now_ms + CATALOGUE_POLL_MS;
    if (!rc && catalogues->number == newest) caught_up(catalogues, rows, now_ms);
    return rc;
}

int catalogues_behind(catalogues_t *catalogues, store_t *store, bool *behind, err_t *err) {
    int64_t newest = 0;
    int rc = newest_load(catalogues, store, &newest, err);
    arena_reset(catalogues->arena);
    if (rc) return rc;
    *behind = catalogues->number < newest;
    if (*behind) catalogues->next_poll_ms = 0;
    return 0;
}

// ---- loading

int catalogue_begin_load(store_t *store, arena_t *arena, int64_t *number, err_t *err) {
    rows_t made;
    int rc = store_query(store, "UPDATE catalogue_load SET number = number + 1 WHERE id = 1 RETURNING number", NULL, 0,
                         arena, &made, err);
    if (!rc && made.count != 1) rc = err_set(err, E_INTERNAL, "the number of the last catalogue load is missing");
    if (!rc) *number = row_i64(&made, 0, 0);
    return rc;
}

int catalogue_find_dated(store_t *store, const rows_t *keys, arena_t *arena, rows_t *found, err_t *err) {
    return store_each_query(store,
                            "SELECT from_day, until_day, body FROM catalogue_item WHERE kind = $1 AND code = $2"
                            " ORDER BY from_day",
                            keys, arena, found, err);
}

int catalogue_insert(store_t *store, const rows_t *rows, err_t *err) {
    CHECK(rows->width == CATALOGUE_ITEM_COLUMNS);
    if (!rows->count) return 0;
    return store_insert(store, "catalogue_item", "kind, code, from_day, until_day, number, body", rows, CONFLICT_FAILS,
                        err);
}

int catalogue_end(store_t *store, const rows_t *keys, err_t *err) {
    if (!keys->count) return 0;
    return store_each_exec(store,
                           "UPDATE catalogue_item SET until_day = $4, number = $5"
                           " WHERE kind = $1 AND code = $2 AND from_day = $3",
                           keys, err);
}
