#include "recache.h"
#include "common/base/date.h"
#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "store.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    PAGE = 512,
    ITEMS_MAX = 16384,
    ARENA_BYTES = 64 * 1024,
    ARENA_LIMIT = 32 * 1024 * 1024,
    REPAIR_MS = 1000,
    RENEW_MS = 250,
    BATCHES_MAX = 1024, // of a transaction, and put but not taken off yet
    SPILL_MAX = 16,     // batches noted one by one at a time
    SPILLS_AT_ONCE = 4,
    LEASE_MARGIN_US = 250000
};

typedef struct batch { // items, and where they live
    arena_t *arena;
    size_t count;
    cache_item_t items[ITEMS_MAX]; // key "ent:<person>"
} batch_t;

struct recache {
    service_ctx_t *ctx;
    bool enabled;
    batch_t fresh; // of the transaction at hand
    batch_t put;   // in Redis, still on the table
    // Rows of `uncached_batch`: of the transaction at hand, and put as a whole.
    char fresh_rows[BATCHES_MAX][UID_TEXT_MAX], put_rows[BATCHES_MAX][UID_TEXT_MAX];
    size_t fresh_row_count, put_row_count;
    int64_t repair_at_ms, renew_at_ms;
    int64_t believed_until_us; // monotonic: the last lease has run out by then
    bool lost;                 // of the transaction at hand: one could not be remembered
    bool owes;                 // something committed may be missing in Redis: the lease is not renewed
    metric_t *repaired, *waited;
};

static const char PREFIX[] = ENTITLEMENT_KEY_PREFIX;

int recache_new(recache_t **out, service_ctx_t *ctx, bool enabled, err_t *err) {
    recache_t *r = calloc(1, sizeof *r);
    if (r) {
        r->ctx = ctx;
        r->enabled = enabled;
        r->owes = true; // until the table of what is not put is seen to be empty
        // A lease of the process before us may still hold.
        r->believed_until_us = clock_mono_us() + ENTITLEMENT_LEASE_S * 1000000LL;
        r->fresh.arena = arena_new(ARENA_BYTES, ARENA_LIMIT);
        r->put.arena = arena_new(ARENA_BYTES, ARENA_LIMIT);
        r->repaired =
            metric_counter("tongchou_collection_recached_total", "", "Entitlement states put into the cache again");
        r->waited = metric_counter("tongchou_collection_lease_waits_total", "",
                                   "Answers held back until no reader believed in an older state");
    }
    if (!r || !r->fresh.arena || !r->put.arena) {
        recache_destroy(&r);
        return err_set(err, E_IO, "out of memory");
    }
    *out = r;
    return 0;
}

void recache_destroy(recache_t **recache) {
    if (!recache || !*recache) return;
    arena_destroy(&(*recache)->fresh.arena);
    arena_destroy(&(*recache)->put.arena);
    free(*recache);
    *recache = NULL;
}

// "ent:<person>"; NULL when memory is out.
static char *key_of(arena_t *arena, const char *person) {
    const size_t length = strlen(person);
    char *key = arena_alloc(arena, sizeof PREFIX + length);
    if (!key) return NULL;
    memcpy(key, PREFIX, sizeof PREFIX - 1);
    memcpy(key + sizeof PREFIX - 1, person, length + 1);
    return key;
}

static void clear(batch_t *batch) {
    arena_reset(batch->arena);
    batch->count = 0;
}

// False when there is no room.
static bool add(batch_t *batch, const char *person, int64_t version, const void *body, size_t size) {
    if (batch->count == ITEMS_MAX) return false;
    cache_item_t item = {.key = key_of(batch->arena, person), .version = version, .size = size};
    if (body) item.data = arena_copy(batch->arena, body, size);
    if (!item.key || (body && !item.data)) return false;
    batch->items[batch->count++] = item;
    return true;
}

void recache_add(recache_t *recache, const char *person, int64_t version, const void *body, size_t size) {
    if (recache->enabled && !add(&recache->fresh, person, version, body, size)) recache->lost = true;
}

const char *recache_batch(recache_t *recache) {
    recache_t *r = recache;
    if (!r->enabled) return "";
    if (r->fresh_row_count == BATCHES_MAX) { // its last row is forgotten: the repair finds it
        r->lost = true;
        r->fresh_row_count--;
    }
    return uid_new(r->fresh_rows[r->fresh_row_count++]);
}

void recache_forget(recache_t *recache) {
    clear(&recache->fresh);
    recache->fresh_row_count = 0;
    recache->lost = false;
}

// Of items that may not all be stored: those that are, which is not told, are looked up and go to the front; a higher
// version than ours is as good. How many they are.
static size_t sift_stored(recache_t *r, cache_item_t *items, size_t count) {
    size_t stored = 0;
    cache_item_t *found = arena_alloc(r->ctx->arena, count * sizeof *found);
    if (!found) return 0;
    for (size_t i = 0; i < count; i++) found[i].key = items[i].key;
    if (cache_get(r->ctx->cache, found, count, r->ctx->arena) == 0) return 0;
    for (size_t i = 0; i < count; i++)
        if (found[i].data && found[i].version >= items[i].version) items[stored++] = items[i];
    return stored;
}

// How many are in Redis for certain: they stand in front.
static size_t put_items(recache_t *r, cache_item_t *items, size_t count) {
    size_t stored = 0;
    for (size_t i = 0; i < count; i += PAGE) {
        const size_t n = count - i < PAGE ? count - i : PAGE;
        size_t put = cache_put(r->ctx->cache, items + i, n, ENTITLEMENT_TTL_S);
        if (put < n) put = sift_stored(r, items + i, n);
        if (stored < i) memmove(items + stored, items + i, put * sizeof *items);
        stored += put;
        if (!cache_is_up(r->ctx->cache)) break; // the repair takes over
    }
    return stored;
}

static void wait_until_not_believed(recache_t *r) {
    int64_t left_us = r->believed_until_us - clock_mono_us();
    if (left_us <= 0) return;
    metric_add(r->waited, 1);
    nanosleep(&(struct timespec){.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000}, NULL);
}

static int add_name(rows_t *rows, const char *name, err_t *err) {
    cell_t *row = rows_add(rows);
    if (!row) return err_set(err, E_IO, "out of memory");
    *row = cell_text(name);
    return 0;
}

// The names of a batch, apart by blanks; `persons` is cut to pieces.
static int add_persons(rows_t *keys, char *persons, err_t *err) {
    int rc = 0;
    char *rest = NULL;
    for (char *name = strtok_r(persons, " ", &rest); rc == 0 && name; name = strtok_r(NULL, " ", &rest))
        rc = key_add(keys, name, err);
    return rc;
}

static int move_batches(recache_t *r, const rows_t *batches, err_t *err) {
    rows_t names, persons;
    arena_t *arena = r->ctx->arena;
    int rc = 0;
    rows_init(&names, arena, 1);
    rows_init(&persons, arena, 2);
    for (size_t i = 0; rc == 0 && i < batches->count; i++) {
        rc = add_name(&names, row_text(batches, i, 0), err);
        if (rc == 0) rc = add_persons(&persons, (char *)row_text(batches, i, 1), err);
    }
    if (rc == 0) rc = uncached_note(r->ctx->store, &persons, arena, err);
    return rc ? rc : uncached_batches_drop(r->ctx->store, &names, err);
}

// Batches whose persons are not all in Redis for certain: their persons one by one. How many batches were moved.
static int spill(recache_t *r, size_t *moved, err_t *err) {
    store_t *store = r->ctx->store;
    rows_t batches;
    *moved = 0;
    int rc = uncached_batches(store, 1, r->ctx->arena, &batches, err); // a look needs no lock
    if (rc || batches.count == 0) return rc;
    if ((rc = store_begin(store, err))) return rc;
    rc = uncached_batches(store, SPILL_MAX, r->ctx->arena, &batches, err);
    if (rc == 0 && batches.count) rc = move_batches(r, &batches, err);
    if (rc)
        store_rollback(store);
    else if ((rc = store_commit(store, err)) == 0)
        *moved = batches.count;
    return rc;
}

// The transaction's batches are in Redis; they leave the table later, or go to `uncached` where there is no room to
// remember them.
static void note_rows(recache_t *r) {
    for (size_t i = 0; i < r->fresh_row_count && r->put_row_count < BATCHES_MAX; i++)
        memcpy(r->put_rows[r->put_row_count++], r->fresh_rows[i], UID_TEXT_MAX);
}

static int take_off_rows(recache_t *r, err_t *err) {
    rows_t rows;
    int rc = 0;
    rows_init(&rows, r->ctx->arena, 1);
    for (size_t i = 0; rc == 0 && i < r->put_row_count; i++) rc = add_name(&rows, r->put_rows[i], err);
    if (rc == 0) rc = uncached_batches_drop(r->ctx->store, &rows, err); // a transaction of its own
    if (rc == 0) r->put_row_count = 0;
    return rc;
}

// At once, so that whoever looks at the store finds what Redis is owed; what is left is for the tick.
static void spill_at_once(recache_t *r) {
    err_t err = {0};
    size_t moved = 1;
    int rc = take_off_rows(r, &err);
    for (int i = 0; rc == 0 && moved && i < SPILLS_AT_ONCE; i++) rc = spill(r, &moved, &err);
    if (rc) log_warn("recache_failed", "code=%s text=%s", err_name(rc), log_value(err.text));
}

void recache_flush(recache_t *recache) {
    const size_t count = recache->fresh.count;
    if (recache->lost || (count && put_items(recache, recache->fresh.items, count) < count)) {
        recache->owes = true;
        wait_until_not_believed(recache);
        spill_at_once(recache);
    } else {
        note_rows(recache);
    }
    recache_forget(recache);
}

// Of the states `found` (index of the key, version, body); NULL when out of memory.
static cache_item_t *items_of(recache_t *r, const rows_t *keys, const rows_t *found) {
    arena_t *arena = r->ctx->arena;
    cache_item_t *items = arena_alloc(arena, (found->count + 1) * sizeof *items);
    for (size_t i = 0; items && i < found->count; i++) {
        const cell_t *key = rows_at(keys, (size_t)row_i64(found, i, 0));
        items[i].key = key_of(arena, key[1].data);
        items[i].version = row_i64(found, i, 1);
        items[i].data = row_blob(found, i, 2, &items[i].size);
        if (!items[i].key) return NULL;
    }
    return items;
}

void recache_warm(recache_t *recache, const rows_t *keys, const rows_t *found) {
    const cache_item_t *items = recache->enabled ? items_of(recache, keys, found) : NULL;
    if (items) cache_put(recache->ctx->cache, items, found->count, ENTITLEMENT_TTL_S);
}

static bool is_stored(const cache_item_t *item, const rows_t *stored, size_t row) {
    size_t size;
    const void *body = row_blob(stored, row, 2, &size);
    return item->version == row_i64(stored, row, 1) && item->size == size && memcmp(item->data, body, size) == 0;
}

int recache_compare(recache_t *recache, const rows_t *keys, const rows_t *same, err_t *err) {
    arena_t *arena = recache->ctx->arena;
    size_t count = 0, wrong = 0;
    if (!recache->enabled || keys->count == 0) return 0;
    cache_item_t *items = arena_alloc(arena, (same->count + 1) * sizeof *items);
    const char **dropped = arena_alloc(arena, (keys->count + 1) * sizeof *dropped);
    if (!items || !dropped) return err_set(err, E_IO, "out of memory");
    for (size_t i = 0; i < keys->count; i++) {
        const char *key = key_of(arena, rows_at(keys, i)[1].data);
        if (!key) return err_set(err, E_IO, "out of memory");
        if (count < same->count && row_i64(same, count, 0) == (int64_t)i)
            items[count++].key = key;
        else
            dropped[wrong++] = key;
    }
    cache_get(recache->ctx->cache, items, count, arena);
    for (size_t i = 0; i < count; i++)
        if (items[i].data && !is_stored(&items[i], same, i)) dropped[wrong++] = items[i].key;
    cache_drop(recache->ctx->cache, dropped, wrong);
    return 0;
}

static void renew_lease(recache_t *r, int64_t now_ms) {
    if (!r->enabled || r->owes || now_ms < r->renew_at_ms) return;
    const cache_item_t lease = {.key = ENTITLEMENT_LEASE_KEY, .version = now_ms, .data = "1", .size = 1};
    r->renew_at_ms = now_ms + RENEW_MS;
    cache_put(r->ctx->cache, &lease, 1, ENTITLEMENT_LEASE_S);
    // Also when the put seems to have failed: its answer may have been lost, not the lease.
    r->believed_until_us = clock_mono_us() + ENTITLEMENT_LEASE_S * 1000000LL + LEASE_MARGIN_US;
}

static int take_off(recache_t *r, err_t *err) {
    rows_t rows;
    rows_init(&rows, r->ctx->arena, 3);
    for (size_t i = 0; i < r->put.count; i++) {
        int rc = key_add(&rows, r->put.items[i].key + sizeof PREFIX - 1, err);
        if (rc) return rc;
        rows_at(&rows, i)[2] = cell_i64(r->put.items[i].version);
    }
    return uncached_drop(r->ctx->store, &rows, err); // a transaction of its own
}

static int put_page(recache_t *r, const rows_t *keys, err_t *err) {
    rows_t rows;
    cache_item_t *items;
    int rc = entitlements_of(r->ctx->store, keys, r->ctx->arena, &rows, err);
    if (rc) return rc;
    if (!(items = items_of(r, keys, &rows))) return err_set(err, E_IO, "out of memory");
    const size_t put = put_items(r, items, rows.count);
    for (size_t i = 0; i < put; i++) add(&r->put, items[i].key + sizeof PREFIX - 1, items[i].version, NULL, 0);
    metric_add(r->repaired, (int64_t)put);
    if (put == rows.count) r->repair_at_ms = 0; // it works: look at once whether there is more
    return 0;
}

static int repair(recache_t *r, err_t *err) {
    rows_t keys;
    size_t moved;
    int rc = spill(r, &moved, err);
    if (rc == 0) rc = uncached_page(r->ctx->store, PAGE, r->ctx->arena, &keys, err);
    if (rc == 0 && keys.count) rc = put_page(r, &keys, err);
    if (rc == 0 && moved == 0 && keys.count == 0) r->owes = false;
    if (rc == 0 && moved) r->repair_at_ms = 0;
    return rc;
}

void recache_tick(recache_t *recache, int64_t now_ms) {
    err_t err = {0};
    int rc = 0;
    if (recache->put_row_count) rc = take_off_rows(recache, &err);
    if (rc == 0 && recache->put.count && (rc = take_off(recache, &err)) == 0) clear(&recache->put);
    if (rc == 0 && recache->enabled && now_ms >= recache->repair_at_ms) {
        recache->repair_at_ms = now_ms + REPAIR_MS;
        rc = repair(recache, &err);
    }
    if (!rc) renew_lease(recache, now_ms);
    if (rc) log_warn("recache_failed", "code=%s text=%s", err_name(rc), log_value(err.text));
    arena_reset(recache->ctx->arena);
}
