// The cache against a real Redis that is flushed, poisoned, stopped, killed and restarted under it.
#include "common/base/date.h"
#include "common/cache/cache.h"
#include "tests/check.h"
#include "tests/redis.h"
#include <signal.h>
#include <time.h>

enum { TIMEOUT_MS = 200 };

static const uint8_t SECRET[32] = {1, 2, 3}, OTHER_SECRET[32] = {3, 2, 1};

typedef struct rig {
    test_redis_t *redis;
    cache_t *cache;
    arena_t *arena;
} rig_t;

static cache_t *open_cache(const char *url, const uint8_t *secret) {
    cache_t *cache = NULL;
    err_t err;
    return cache_new(&cache, url, secret, TIMEOUT_MS, &err) ? NULL : cache;
}

static bool rig_up(rig_t *rig) {
    rig->redis = test_redis_start();
    rig->cache = rig->redis ? open_cache(test_redis_url(rig->redis), SECRET) : NULL;
    rig->arena = arena_new(4096, 0);
    return rig->cache && rig->arena;
}

static void rig_down(rig_t *rig) {
    cache_destroy(&rig->cache);
    test_redis_stop(&rig->redis);
    arena_destroy(&rig->arena);
}

static bool put(cache_t *cache, const char *key, int64_t version, const char *text) {
    cache_item_t item = {.key = key, .version = version, .data = text, .size = strlen(text)};
    return cache_put(cache, &item, 1, 0) == 1;
}

// The text under `key`, "" on a miss.
static const char *get(rig_t *rig, const char *key) {
    cache_item_t item = {.key = key};
    return cache_get(rig->cache, &item, 1, rig->arena) == 1 ? item.data : "";
}

// Wait out the pause after a failure: poll until the cache answers again.
static bool comes_back(cache_t *cache) {
    int64_t deadline = clock_mono_us() + 5 * 1000000;
    while (clock_mono_us() < deadline) {
        if (cache_probe(cache)) return true;
        nanosleep(&(struct timespec){.tv_nsec = 5 * 1000000}, NULL);
    }
    return false;
}

TEST(what_was_put_is_got_with_its_version) {
    rig_t rig;
    NEED(rig_up(&rig));
    cache_item_t in[] = {{"a", 7, "alpha", 5}, {"b", -3, "", 0}, {"c", INT64_MAX, "x\0y", 3}};
    EQ(cache_put(rig.cache, in, 3, 60), 3);
    cache_item_t out[] = {{.key = "c"}, {.key = "missing"}, {.key = "b"}, {.key = "a"}};
    EQ(cache_get(rig.cache, out, 4, rig.arena), 3);
    EQ(out[0].version, INT64_MAX);
    EQ(out[0].size, 3);
    OK(out[0].data && memcmp(out[0].data, "x\0y", 3) == 0);
    OK(out[1].data == NULL);
    EQ(out[2].version, -3);
    OK(out[2].data != NULL);
    EQ(out[2].size, 0);
    EQ(out[3].version, 7);
    EQ_TEXT(out[3].data, "alpha");
    cache_drop(rig.cache, (const char *[]){"a", "c"}, 2);
    EQ(cache_get(rig.cache, out, 4, rig.arena), 1);
    OK(cache_is_up(rig.cache));
    rig_down(&rig);
}

TEST(many_and_large_values_go_in_one_call) {
    enum { MANY = 5000, LARGE = 1000 * 1000 };
    rig_t rig;
    NEED(rig_up(&rig));
    static char names[MANY][16];
    static cache_item_t items[MANY];
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "key:%d", i);
        items[i] = (cache_item_t){.key = names[i], .version = i, .data = names[i], .size = strlen(names[i])};
    }
    EQ(cache_put(rig.cache, items, MANY, 0), MANY);
    EQ(cache_get(rig.cache, items, MANY, rig.arena), MANY);
    for (int i = 0; i < MANY; i += 617) EQ_TEXT(items[i].data, names[i]);
    char *large = calloc(1, LARGE + 100000);
    NEED(large != NULL);
    cache_item_t item = {.key = "large", .version = 1, .data = large, .size = LARGE};
    EQ(cache_put(rig.cache, &item, 1, 0), 1);
    EQ(cache_get(rig.cache, &item, 1, rig.arena), 1);
    EQ(item.size, LARGE);
    item = (cache_item_t){.key = "too large", .version = 1, .data = large, .size = LARGE + 100000};
    EQ(cache_put(rig.cache, &item, 1, 0), 0);
    OK(cache_is_up(rig.cache));
    free(large);
    rig_down(&rig);
}

TEST(a_put_never_replaces_a_higher_version) {
    static const struct {
        int64_t first, second;
        const char *left;
    } cases[] = {{1, 2, "second"},
                 {2, 1, "first"},
                 {2, 2, "second"},
                 {255, 256, "second"},
                 {256, 255, "first"},
                 {-1, 0, "second"},
                 {0, -1, "first"},
                 {-2, -1, "second"},
                 {INT64_MAX, 5, "first"},
                 {INT64_MIN, INT64_MAX, "second"},
                 {(1LL << 53) + 1, 1LL << 53, "first"}};
    rig_t rig;
    NEED(rig_up(&rig));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        cache_drop(rig.cache, (const char *[]){"k"}, 1);
        OK(put(rig.cache, "k", cases[i].first, "first"));
        EQ(put(rig.cache, "k", cases[i].second, "second"), strcmp(cases[i].left, "second") == 0);
        EQ_TEXT(get(&rig, "k"), cases[i].left);
    }
    rig_down(&rig);
}

TEST(one_put_of_many_compares_each_with_its_own_and_with_what_went_before) {
    enum { MANY = 200 }; // more than one script call
    static char names[MANY][16];
    static cache_item_t items[MANY];
    rig_t rig;
    NEED(rig_up(&rig));
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "key:%d", i);
        if (i % 3 == 0) OK(put(rig.cache, names[i], 10, "newer"));
        if (i % 3 == 1) OK(put(rig.cache, names[i], 4, "older"));
        items[i] = (cache_item_t){.key = names[i], .version = 5, .data = "new", .size = 3};
    }
    EQ(cache_put(rig.cache, items, MANY, 60), MANY - (MANY + 2) / 3);
    for (int i = 0; i < MANY; i++) EQ_TEXT(get(&rig, names[i]), i % 3 == 0 ? "newer" : "new");
    const cache_item_t twice[] = {{"t", 2, "second", 6}, {"t", 1, "first", 5}, {"t", 3, "third", 5}};
    EQ(cache_put(rig.cache, twice, 2, 0), 1);
    EQ_TEXT(get(&rig, "t"), "second");
    EQ(cache_put(rig.cache, twice, 3, 0), 2);
    EQ_TEXT(get(&rig, "t"), "third");
    rig_down(&rig);
}

TEST(a_flushed_redis_misses_and_takes_values_again) {
    rig_t rig;
    NEED(rig_up(&rig));
    OK(put(rig.cache, "k", 9, "old"));
    NEED(test_redis_flush(rig.redis));
    EQ_TEXT(get(&rig, "k"), "");
    OK(put(rig.cache, "k", 1, "new")); // the script is gone as well and is loaded again
    EQ_TEXT(get(&rig, "k"), "new");
    rig_down(&rig);
}

TEST(a_poisoned_value_is_a_miss_and_is_deleted) {
    rig_t rig;
    NEED(rig_up(&rig));
    char bytes[256];
    OK(put(rig.cache, "mine", 5, "payload"));
    ssize_t size = test_redis_get(rig.redis, "mine", bytes, sizeof bytes);
    NEED(size > 28);
    for (ssize_t at = 0; at < size; at++) { // any bit of header or payload
        bytes[at] ^= 1;
        NEED(test_redis_set(rig.redis, "mine", bytes, (size_t)size));
        EQ_TEXT(get(&rig, "mine"), "");
        EQ(test_redis_get(rig.redis, "mine", bytes + 128, 128), -1);
        bytes[at] ^= 1;
    }
    for (ssize_t cut = 0; cut < size; cut++) {
        NEED(test_redis_set(rig.redis, "mine", bytes, (size_t)cut));
        EQ_TEXT(get(&rig, "mine"), "");
    }
    NEED(test_redis_set(rig.redis, "mime", bytes, (size_t)size)); // a true value under another key
    EQ_TEXT(get(&rig, "mime"), "");
    NEED(test_redis_set(rig.redis, "mine", bytes, (size_t)size));
    EQ_TEXT(get(&rig, "mine"), "payload");
    cache_t *stranger = open_cache(test_redis_url(rig.redis), OTHER_SECRET);
    NEED(stranger != NULL);
    OK(put(stranger, "mine", INT64_MAX, "forged"));
    EQ_TEXT(get(&rig, "mine"), "");
    OK(put(rig.cache, "mine", 6, "healed")); // the forged version does not stay in the way
    EQ_TEXT(get(&rig, "mine"), "healed");
    cache_destroy(&stranger);
    rig_down(&rig);
}

TEST(a_stopped_redis_costs_one_timeout_and_then_nothing) {
    rig_t rig;
    NEED(rig_up(&rig));
    OK(put(rig.cache, "k", 1, "value"));
    kill(test_redis_pid(rig.redis), SIGSTOP);
    int64_t start = clock_mono_us();
    EQ_TEXT(get(&rig, "k"), "");
    int64_t first_us = clock_mono_us() - start;
    OK(first_us >= (TIMEOUT_MS - 5) * 1000);
    OK(first_us < (TIMEOUT_MS + 150) * 1000);
    OK(!cache_is_up(rig.cache));
    start = clock_mono_us();
    for (int i = 0; i < 100; i++) {
        EQ_TEXT(get(&rig, "k"), "");
        OK(!put(rig.cache, "k", 2, "skipped"));
    }
    OK(clock_mono_us() - start < 100 * 1000);
    kill(test_redis_pid(rig.redis), SIGCONT);
    OK(comes_back(rig.cache));
    EQ_TEXT(get(&rig, "k"), "value"); // and not an answer to an earlier question
    rig_down(&rig);
}

TEST(a_large_put_to_a_stopped_redis_ends_at_the_timeout) {
    enum { PARTS = 200, PART_BYTES = 100 * 1000 };
    rig_t rig;
    NEED(rig_up(&rig));
    OK(put(rig.cache, "k", 1, "value"));
    char *part = calloc(1, PART_BYTES);
    NEED(part != NULL);
    cache_item_t items[PARTS];
    for (int i = 0; i < PARTS; i++)
        items[i] = (cache_item_t){.key = "big", .version = i, .data = part, .size = PART_BYTES};
    kill(test_redis_pid(rig.redis), SIGSTOP);
    int64_t start = clock_mono_us();
    EQ(cache_put(rig.cache, items, PARTS, 0), 0);
    OK(clock_mono_us() - start < (TIMEOUT_MS + 300) * 1000);
    kill(test_redis_pid(rig.redis), SIGCONT);
    free(part);
    rig_down(&rig);
}

TEST(a_killed_redis_misses_and_a_restarted_one_serves) {
    rig_t rig;
    NEED(rig_up(&rig));
    OK(put(rig.cache, "k", 1, "value"));
    test_redis_kill(rig.redis);
    EQ_TEXT(get(&rig, "k"), "");
    OK(!put(rig.cache, "k", 1, "value"));
    OK(!cache_is_up(rig.cache));
    NEED(test_redis_restart(rig.redis));
    OK(comes_back(rig.cache));
    EQ_TEXT(get(&rig, "k"), "");
    OK(put(rig.cache, "k", 1, "again"));
    EQ_TEXT(get(&rig, "k"), "again");
    rig_down(&rig);
}

TEST(without_a_cache_every_get_misses) {
    cache_t *cache = open_cache("", SECRET);
    arena_t *arena = arena_new(4096, 0);
    NEED(cache && arena);
    cache_item_t item = {.key = "k", .data = "x", .size = 1};
    EQ(cache_put(cache, &item, 1, 0), 0);
    EQ(cache_get(cache, &item, 1, arena), 0);
    OK(item.data == NULL);
    OK(!cache_is_up(cache));
    cache_destroy(&cache);
    cache_destroy(&cache);
    arena_destroy(&arena);
}

TEST(a_wrong_url_is_refused_with_what_was_expected) {
    static const char *const urls[] = {"redis://",           "redis://host",        "redis://host:0",
                                       "redis://host:70000", "redis://host:6379/x", "unix://relative",
                                       "http://host:1",      "redis://:6379"};
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        cache_t *cache = NULL;
        err_t err = {0};
        EQ(cache_new(&cache, urls[i], SECRET, 50, &err), E_INVALID_FIELD);
        HAS_TEXT(err.text, "expected");
        OK(cache == NULL);
    }
}

TESTS("cache", CASE(what_was_put_is_got_with_its_version), CASE(many_and_large_values_go_in_one_call),
      CASE(a_put_never_replaces_a_higher_version),
      CASE(one_put_of_many_compares_each_with_its_own_and_with_what_went_before),
      CASE(a_flushed_redis_misses_and_takes_values_again), CASE(a_poisoned_value_is_a_miss_and_is_deleted),
      CASE(a_stopped_redis_costs_one_timeout_and_then_nothing),
      CASE(a_large_put_to_a_stopped_redis_ends_at_the_timeout), CASE(a_killed_redis_misses_and_a_restarted_one_serves),
      CASE(without_a_cache_every_get_misses), CASE(a_wrong_url_is_refused_with_what_was_expected))
