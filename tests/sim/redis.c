// The cache as common/cache/cache.h promises it, over one table for all nodes instead of Redis: versions never go back,
// what does not check out is a miss and is deleted, nothing is an error. Hashes and wire are not here.
#include "redis.h"
#include "common/cache/cache.h"
#include "common/daemon/secret.h"
#include "system.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUES_MAX = 4096, KEY_BYTES = 96, ROUND_TRIP_US = 120 };

typedef struct value {
    char key[KEY_BYTES];
    int64_t version;
    void *data; // NULL: free
    size_t size;
    bool poisoned;
} value_t;

struct cache {
    bool up;
};

static value_t values[VALUES_MAX];
static size_t value_count;
int64_t redis_down_until_us;

static value_t *find(const char *key) {
    for (size_t i = 0; i < value_count; i++)
        if (values[i].data && strcmp(values[i].key, key) == 0) return &values[i];
    return NULL;
}

static void forget(value_t *value) {
    free(value->data);
    *value = (value_t){0};
}

void redis_flush(void) {
    for (size_t i = 0; i < value_count; i++) forget(&values[i]);
    value_count = 0;
}

void redis_poison(void) {
    for (size_t i = 0; i < value_count; i++)
        if (values[i].data) values[i].poisoned = true;
}

size_t redis_values(void) {
    size_t count = 0;
    for (size_t i = 0; i < value_count; i++) count += values[i].data && !values[i].poisoned;
    return count;
}

int __wrap_secret_load(const char *dir, uint8_t out[static SECRET_BYTES], err_t *err);
int __wrap_secret_load(const char *dir, uint8_t out[static SECRET_BYTES], err_t *err) {
    (void)dir, (void)err;
    memset(out, 7, SECRET_BYTES);
    return E_OK;
}

int __wrap_cache_new(cache_t **out, const char *url, const uint8_t secret[static 32], int timeout_ms, err_t *err);
int __wrap_cache_new(cache_t **out, const char *url, const uint8_t secret[static 32], int timeout_ms, err_t *err) {
    (void)url, (void)secret, (void)timeout_ms;
    *out = calloc(1, sizeof **out);
    return *out ? E_OK : err_set(err, E_IO, "out of memory");
}

void __wrap_cache_destroy(cache_t **cache);
void __wrap_cache_destroy(cache_t **cache) {
    free(*cache);
    *cache = NULL;
}

static bool reach(cache_t *cache) {
    fiber_work(ROUND_TRIP_US);
    return cache->up = world_us() >= redis_down_until_us;
}

size_t __wrap_cache_get(cache_t *cache, cache_item_t *items, size_t count, arena_t *arena);
size_t __wrap_cache_get(cache_t *cache, cache_item_t *items, size_t count, arena_t *arena) {
    const bool up = reach(cache);
    size_t hits = 0;
    for (size_t i = 0; i < count; i++) {
        value_t *value = up ? find(items[i].key) : NULL;
        items[i].data = NULL;
        items[i].size = 0;
        items[i].version = 0;
        if (value && value->poisoned) forget(value);
        if (!value || !value->data) continue;
        void *data = arena_alloc(arena, value->size + 1);
        if (!data) continue;
        memcpy(data, value->data, value->size);
        items[i].data = data;
        items[i].size = value->size;
        items[i].version = value->version;
        hits++;
    }
    return hits;
}

static bool put(const cache_item_t *item) {
    value_t *value = find(item->key);
    if (value && !value->poisoned && value->version > item->version) return false;
    if (!value) {
        size_t i = 0;
        while (i < value_count && values[i].data) i++;
        if (i == VALUES_MAX) return false;
        value = &values[i];
        value_count += i == value_count;
    }
    free(value->data);
    snprintf(value->key, sizeof value->key, "%s", item->key);
    value->version = item->version;
    value->size = item->size;
    value->poisoned = false;
    CHECK((value->data = malloc(item->size + 1)) != NULL);
    memcpy(value->data, item->data, item->size);
    return true;
}

size_t __wrap_cache_put(cache_t *cache, const cache_item_t *items, size_t count, int ttl_s);
size_t __wrap_cache_put(cache_t *cache, const cache_item_t *items, size_t count, int ttl_s) {
    size_t stored = 0;
    (void)ttl_s;
    if (!reach(cache)) return 0;
    for (size_t i = 0; i < count; i++) stored += put(&items[i]);
    return stored;
}

void __wrap_cache_drop(cache_t *cache, const char *const *keys, size_t count);
void __wrap_cache_drop(cache_t *cache, const char *const *keys, size_t count) {
    if (!reach(cache)) return;
    for (size_t i = 0; i < count; i++) {
        value_t *value = find(keys[i]);
        if (value) forget(value);
    }
}

bool __wrap_cache_is_up(const cache_t *cache);
bool __wrap_cache_is_up(const cache_t *cache) { return cache->up; }
bool __wrap_cache_probe(cache_t *cache);
bool __wrap_cache_probe(cache_t *cache) { return reach(cache); }
