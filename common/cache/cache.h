// Redis as a cache, and only that: down, slow, flushed or poisoned, it changes latency and nothing else.
//
// A value is stored as magic, version, keyed BLAKE2b-128 over key name, version and payload, payload. Whatever does
// not check out is a miss (and counted). After a failure or a reply slower than `timeout_ms` the connection is dropped
// and not tried again for 500 ms; in that time every get is a miss and every put is skipped. Nothing here ever returns
// an error.
#pragma once
#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/check.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct cache cache_t;

typedef struct cache_item {
    const char *key;  // given
    int64_t version;  // put: given; get: found
    const void *data; // put: given; get: in the arena, NULL on a miss
    size_t size;
} cache_item_t;

// `url`: "redis://host:port[/db]", "unix:///path" or "" (no cache: every get a miss). `secret`: 32 bytes shared by the
// suite.
int cache_new(cache_t **out, const char *url, const uint8_t secret[static 32], int timeout_ms, err_t *err) MUST_USE;
void cache_destroy(cache_t **cache);

// One pipelined round trip. Returns the number of hits.
size_t cache_get(cache_t *cache, cache_item_t *items, size_t count, arena_t *arena);
// Best effort, pipelined; ttl_s 0 = none. A put never replaces a higher version. Returns the number stored.
size_t cache_put(cache_t *cache, const cache_item_t *items, size_t count, int ttl_s);
void cache_drop(cache_t *cache, const char *const *keys, size_t count);
// What the last exchange told, and the same after asking (a PING; false at once while the pause after a failure lasts).
bool cache_is_up(const cache_t *cache);
bool cache_probe(cache_t *cache);
