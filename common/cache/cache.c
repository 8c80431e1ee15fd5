// The cache over hiredis' protocol parser and a socket of our own, so that one deadline holds for the whole exchange:
// connecting, writing and reading. Survives: a Redis that is down, stopped, slow, flushed, or filled with other
// people's values. Detects: wrong bytes and values moved between keys (keyed hash), and deletes them. Does not hide: a
// Redis that serves an older value of the same key that was once true.
#include "cache.h"
#include "common/base/date.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include <errno.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PAUSE_US = 500 * 1000,
    MAC_BYTES = 16,
    VERSION_AT = 4,
    MAC_AT = 12,
    HEADER_BYTES = MAC_AT + MAC_BYTES,
    VALUE_MAX_BYTES = 1024 * 1024,
    REPLY_MAX_BYTES = 64 * 1024 * 1024, // of one exchange; more is not one of our values
    KEYS_MAX = 4096,                    // of one command
    SHA1_HEX = 40,
    PUTS_MAX = 512,                  // of one round trip, and
    PUT_BYTES_MAX = 4 * 1024 * 1024, // of its values before the last: bound our buffer, not the caller
    SCRIPT_KEYS = 64,                // of one script call: Redis serves nobody else meanwhile
};

static const char MAGIC[VERSION_AT] = {'T', 'C', 'C', '1'};

// Stores each ARGV[i] under KEYS[i] unless the value there is ours and has a higher version; the last ARGV is the time
// to live. How many were stored; the first refusal of Redis ends it. Versions are compared as two unsigned halves of
// the header (big-endian, sign bit flipped): a Lua number is a double, which holds no 64 bits, and its string order
// follows the locale. One read for all keys, because a call from the script costs more than the bytes of a value; what
// is no string reads as nothing. `mine` is what was stored since, for a key that is named twice.
static const char PUT_SCRIPT[] =
    "local byte, sub, call = string.byte, string.sub, redis.pcall\n"
    "local function half(s, at)\n"
    "  local a, b, c, d = byte(s, at, at + 3)\n"
    "  return ((a * 256 + b) * 256 + c) * 256 + d\n"
    "end\n"
    "local ttl, stored, mine, olds = ARGV[#ARGV], 0, {}, call('MGET', unpack(KEYS))\n"
    "if olds.err then return olds end\n"
    "for i = 1, #KEYS do\n"
    "  local key, new, keep = KEYS[i], ARGV[i], false\n"
    "  local old = mine[key] or olds[i]\n"
    "  if old and #old >= 12 and sub(old, 1, 4) == sub(new, 1, 4) then\n"
    "    local a, b = half(old, 5), half(new, 5)\n"
    "    keep = a > b or (a == b and half(old, 9) > half(new, 9))\n"
    "  end\n"
    "  if not keep then\n"
    "    local done = ttl == '0' and call('SET', key, new) or ttl ~= '0' and call('SET', key, new, 'EX', ttl)\n"
    "    if done.err then return done end\n"
    "    mine[key] = new\n"
    "    stored = stored + 1\n"
    "  end\n"
    "end\n"
    "return stored\n";

struct cache {
    char host[256]; // or the path of a unix socket
    int port;       // 0: unix socket
    int db;
    bool configured;
    bool up, told; // told: the log has heard of the state
    uint8_t secret[32];
    int timeout_ms;
    int64_t closed_until_us; // after a failure
    int64_t deadline_us;     // of the exchange at hand
    redisContext *link;
    char script_sha[SHA1_HEX + 1]; // "" until this connection's Redis has the script
    char *out;                     // bytes to send, and how many of them are sent
    size_t out_used, out_room, out_sent;
    char in[64 * 1024];
    metric_t *hits, *misses, *bad, *failures, *up_gauge;
};

// ---- making

static bool parse_number(const char *text, long min, long max, int *out) {
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || value < min || value > max) return false;
    *out = (int)value;
    return true;
}

static int parse_tcp(cache_t *cache, const char *rest, err_t *err) {
    char text[256];
    if (snprintf(text, sizeof text, "%s", rest) >= (int)sizeof text)
        return err_set(err, E_INVALID_FIELD, "redis.url is too long");
    char *slash = strchr(text, '/');
    if (slash) *slash = '\0';
    char *colon = strrchr(text, ':');
    if (!colon || colon == text || !parse_number(colon + 1, 1, 65535, &cache->port) ||
        (slash && slash[1] && !parse_number(slash + 1, 0, 1023, &cache->db)))
        return err_field(err, E_INVALID_FIELD, "redis.url", "redis.url: redis://host:port[/db] expected");
    *colon = '\0';
    snprintf(cache->host, sizeof cache->host, "%s", text);
    return E_OK;
}

static int parse_url(cache_t *cache, const char *url, err_t *err) {
    if (!*url) return E_OK;
    cache->configured = true;
    if (strncmp(url, "redis://", 8) == 0) return parse_tcp(cache, url + 8, err);
    if (strncmp(url, "unix://", 7) == 0 && url[7] == '/' && strlen(url + 7) < sizeof cache->host) {
        snprintf(cache->host, sizeof cache->host, "%s", url + 7);
        return E_OK;
    }
    return err_field(err, E_INVALID_FIELD, "redis.url",
                     "redis.url: redis://host:port[/db], unix:///path or nothing expected");
}

int cache_new(cache_t **out, const char *url, const uint8_t secret[static 32], int timeout_ms, err_t *err) {
    CHECK(timeout_ms > 0);
    if (sodium_init() < 0) return err_set(err, E_INTERNAL, "libsodium does not start");
    cache_t *cache = calloc(1, sizeof *cache);
    if (!cache) return err_set(err, E_IO, "out of memory");
    cache->timeout_ms = timeout_ms;
    memcpy(cache->secret, secret, sizeof cache->secret);
    cache->hits = metric_counter("cache_hits_total", "", "Values found in the cache");
    cache->misses = metric_counter("cache_misses_total", "", "Values not found in the cache, for whatever reason");
    cache->bad = metric_counter("cache_bad_values_total", "", "Values that did not check out and were deleted");
    cache->failures = metric_counter("cache_failures_total", "", "Exchanges that failed or took too long");
    cache->up_gauge = metric_gauge("cache_up", "", "1 while the last exchange with the cache went well");
    int code = parse_url(cache, url, err);
    if (!code)
        *out = cache;
    else
        cache_destroy(&cache);
    return code;
}

static void disconnect(cache_t *cache) {
    if (cache->link) redisFree(cache->link);
    cache->link = NULL;
    cache->script_sha[0] = '\0';
}

void cache_destroy(cache_t **cache) {
    if (!cache || !*cache) return;
    disconnect(*cache);
    sodium_memzero((*cache)->secret, sizeof(*cache)->secret);
    free((*cache)->out);
    free(*cache);
    *cache = NULL;
}

// ---- one exchange under one deadline

static void set_up(cache_t *cache, bool up, const char *why) {
    if (cache->up != up || !cache->told) {
        if (up)
            log_info("cache_up", "url=%s", log_value(cache->host));
        else
            log_warn("cache_down", "url=%s why=%s", log_value(cache->host), log_value(why));
    }
    cache->up = up;
    cache->told = true;
    metric_set(cache->up_gauge, up);
}

// Drop the connection: what is still under way on it could be taken for the answer to the next question. An attempt
// that took much longer than it may (a resolver without answers) is followed by a pause in proportion.
static bool fail(cache_t *cache, const char *why) {
    int64_t now = clock_mono_us(), started = cache->deadline_us - (int64_t)cache->timeout_ms * 1000;
    int64_t pause = (now - started) * 10;
    if (now < cache->deadline_us + PAUSE_US / 10 || pause < PAUSE_US) pause = PAUSE_US;
    cache->closed_until_us = now + pause;
    disconnect(cache);
    metric_add(cache->failures, 1);
    set_up(cache, false, why);
    return false;
}

// Wait until the socket is ready for `events`; false at the deadline.
static bool wait_for(cache_t *cache, short events) {
    for (;;) {
        int64_t left_us = cache->deadline_us - clock_mono_us();
        if (left_us <= 0) return false;
        struct pollfd at = {.fd = cache->link->fd, .events = events};
        int ready = poll(&at, 1, (int)((left_us + 999) / 1000));
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return false;
    }
}

// What the socket takes at once.
static bool flush_out(cache_t *cache) {
    while (cache->out_sent < cache->out_used) {
        ssize_t n =
            send(cache->link->fd, cache->out + cache->out_sent, cache->out_used - cache->out_sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
        cache->out_sent += (size_t)n;
    }
    return true;
}

static bool feed_in(cache_t *cache, size_t *received) {
    ssize_t n = recv(cache->link->fd, cache->in, sizeof cache->in, 0);
    if (n < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    if (n == 0) return false;
    *received += (size_t)n;
    if (*received > REPLY_MAX_BYTES) return false;
    return redisReaderFeed(cache->link->reader, cache->in, (size_t)n) == REDIS_OK;
}

static void free_replies(redisReply **replies, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (replies[i]) freeReplyObject(replies[i]);
}

// Send what was appended and collect `count` replies. Reading and writing take turns, so that neither side's buffers
// can stand still against each other.
static bool exchange(cache_t *cache, redisReply **replies, size_t count) {
    size_t received = 0, got = 0;
    memset(replies, 0, count * sizeof *replies);
    while (got < count) {
        const char *why = "timeout";
        bool alive = flush_out(cache) &&
                     wait_for(cache, cache->out_sent < cache->out_used ? (short)(POLLIN | POLLOUT) : (short)POLLIN);
        if (alive) {
            why = "connection lost";
            alive = feed_in(cache, &received);
        }
        void *reply = NULL;
        while (alive && got < count && (alive = redisReaderGetReply(cache->link->reader, &reply) == REDIS_OK) && reply)
            replies[got++] = reply;
        if (!alive) {
            free_replies(replies, got);
            cache->out_used = cache->out_sent = 0;
            return fail(cache, why);
        }
    }
    cache->out_used = cache->out_sent = 0;
    return true;
}

// Room for `size` more bytes to send.
static bool reserve(cache_t *cache, size_t size) {
    const size_t needed = cache->out_used + size;
    if (needed <= cache->out_room) return true;
    char *grown = realloc(cache->out, needed * 2);
    if (!grown) return false;
    cache->out = grown;
    cache->out_room = needed * 2;
    return true;
}

static void append_bytes(cache_t *cache, const void *bytes, size_t size) {
    memcpy(cache->out + cache->out_used, bytes, size);
    cache->out_used += size;
}

static bool append(cache_t *cache, int argc, const char **argv, const size_t *lengths) {
    char *command = NULL;
    int size = redisFormatCommandArgv(&command, argc, argv, lengths);
    if (size < 0) return false;
    const bool room = reserve(cache, (size_t)size);
    if (room) append_bytes(cache, command, (size_t)size);
    redisFreeCommand(command);
    return room;
}

static bool append_words(cache_t *cache, int argc, const char **argv) {
    size_t lengths[4];
    CHECK(argc <= (int)COUNT_OF(lengths));
    for (int i = 0; i < argc; i++) lengths[i] = strlen(argv[i]);
    return append(cache, argc, argv, lengths);
}

static bool is_error(const redisReply *reply) { return reply->type == REDIS_REPLY_ERROR; }

static bool select_db(cache_t *cache) {
    char number[16];
    snprintf(number, sizeof number, "%d", cache->db);
    redisReply *reply;
    if (!append_words(cache, 2, (const char *[]){"SELECT", number})) return fail(cache, "out of memory");
    if (!exchange(cache, &reply, 1)) return false;
    bool good = !is_error(reply);
    freeReplyObject(reply);
    return good || fail(cache, "no such database");
}

static bool connected(cache_t *cache) {
    int error = 0;
    socklen_t size = sizeof error;
    return wait_for(cache, POLLOUT) && getsockopt(cache->link->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 &&
           error == 0;
}

// Begin an exchange: the deadline starts here. False while the pause after a failure lasts, or when there is no
// connection.
static bool begin(cache_t *cache) {
    int64_t now = clock_mono_us();
    if (!cache->configured || now < cache->closed_until_us) return false;
    cache->deadline_us = now + (int64_t)cache->timeout_ms * 1000;
    cache->out_used = cache->out_sent = 0;
    if (cache->link) return true;
    cache->link = cache->port ? redisConnectNonBlock(cache->host, cache->port) : redisConnectUnixNonBlock(cache->host);
    if (!cache->link || cache->link->err || !connected(cache)) return fail(cache, "cannot connect");
    return cache->db == 0 || select_db(cache);
}

// ---- values

static void put_version(uint8_t out[static 8], int64_t version) {
    uint64_t biased = (uint64_t)version ^ (UINT64_C(1) << 63); // order of bytes = order of numbers
    for (int i = 0; i < 8; i++) out[i] = (uint8_t)(biased >> (56 - 8 * i));
}

static int64_t get_version(const uint8_t in[static 8]) {
    uint64_t biased = 0;
    for (int i = 0; i < 8; i++) biased = biased << 8 | in[i];
    return (int64_t)(biased ^ (UINT64_C(1) << 63));
}

static void mac_of(const cache_t *cache, const char *key, const uint8_t version[static 8], const void *data,
                   size_t size, uint8_t out[static MAC_BYTES]) {
    crypto_generichash_state state;
    uint8_t length[8];
    put_version(length, (int64_t)strlen(key)); // so that key and payload cannot trade bytes
    crypto_generichash_init(&state, cache->secret, sizeof cache->secret, MAC_BYTES);
    crypto_generichash_update(&state, length, sizeof length);
    crypto_generichash_update(&state, (const uint8_t *)key, strlen(key));
    crypto_generichash_update(&state, version, 8);
    if (size) crypto_generichash_update(&state, data, size);
    crypto_generichash_final(&state, out, MAC_BYTES);
}

static bool open_value(const cache_t *cache, cache_item_t *item, const char *bytes, size_t size, arena_t *arena) {
    const uint8_t *value = (const uint8_t *)bytes;
    uint8_t mac[MAC_BYTES];
    if (size < HEADER_BYTES || size > HEADER_BYTES + VALUE_MAX_BYTES || memcmp(value, MAGIC, sizeof MAGIC) != 0)
        return false;
    mac_of(cache, item->key, value + VERSION_AT, value + HEADER_BYTES, size - HEADER_BYTES, mac);
    if (sodium_memcmp(mac, value + MAC_AT, MAC_BYTES) != 0) return false;
    void *data = arena_alloc(arena, size - HEADER_BYTES + 1);
    if (data) memcpy(data, value + HEADER_BYTES, size - HEADER_BYTES);
    item->data = data;
    item->size = data ? size - HEADER_BYTES : 0;
    item->version = get_version(value + VERSION_AT);
    return true;
}

static bool append_keys(cache_t *cache, const char *verb, const char *const *keys, size_t count) {
    const char *argv[KEYS_MAX + 1];
    size_t lengths[KEYS_MAX + 1];
    argv[0] = verb;
    lengths[0] = strlen(verb);
    for (size_t i = 0; i < count; i++) {
        argv[i + 1] = keys[i];
        lengths[i + 1] = strlen(keys[i]);
    }
    return append(cache, (int)count + 1, argv, lengths);
}

static bool drop_some(cache_t *cache, const char *const *keys, size_t count) {
    redisReply *reply;
    if (count == 0 || !begin(cache)) return false;
    if (!append_keys(cache, "UNLINK", keys, count)) return fail(cache, "out of memory");
    if (!exchange(cache, &reply, 1)) return false;
    freeReplyObject(reply);
    set_up(cache, true, "");
    return true;
}

// A value that does not check out would also keep good ones away if its version is high: delete it.
static size_t open_all(cache_t *cache, cache_item_t *items, size_t count, const redisReply *reply, arena_t *arena) {
    const char *bad[KEYS_MAX];
    size_t hits = 0, bad_count = 0;
    for (size_t i = 0; i < count; i++) {
        const redisReply *value = reply->element[i];
        if (value->type != REDIS_REPLY_STRING) continue;
        if (!open_value(cache, &items[i], value->str, (size_t)value->len, arena))
            bad[bad_count++] = items[i].key;
        else if (items[i].data)
            hits++;
    }
    metric_add(cache->bad, (int64_t)bad_count);
    drop_some(cache, bad, bad_count);
    return hits;
}

static size_t get_some(cache_t *cache, cache_item_t *items, size_t count, arena_t *arena) {
    const char *keys[KEYS_MAX];
    redisReply *reply;
    if (count == 0 || !begin(cache)) return 0;
    for (size_t i = 0; i < count; i++) keys[i] = items[i].key;
    if (!append_keys(cache, "MGET", keys, count)) {
        fail(cache, "out of memory");
        return 0;
    }
    if (!exchange(cache, &reply, 1)) return 0;
    size_t hits = 0;
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == count) {
        set_up(cache, true, "");
        hits = open_all(cache, items, count, reply, arena);
    } else {
        fail(cache, is_error(reply) ? reply->str : "not an answer to MGET");
    }
    freeReplyObject(reply);
    return hits;
}

size_t cache_get(cache_t *cache, cache_item_t *items, size_t count, arena_t *arena) {
    size_t hits = 0;
    for (size_t i = 0; i < count; i++) {
        items[i].data = NULL;
        items[i].size = 0;
        items[i].version = 0;
    }
    for (size_t at = 0; at < count; at += KEYS_MAX)
        hits += get_some(cache, items + at, count - at < KEYS_MAX ? count - at : KEYS_MAX, arena);
    metric_add(cache->hits, (int64_t)hits);
    metric_add(cache->misses, (int64_t)(count - hits));
    return hits;
}

// ---- putting

static bool load_script(cache_t *cache) {
    redisReply *reply;
    if (!append_words(cache, 3, (const char *[]){"SCRIPT", "LOAD", PUT_SCRIPT})) return fail(cache, "out of memory");
    if (!exchange(cache, &reply, 1)) return false;
    bool good = reply->type == REDIS_REPLY_STRING && reply->len == SHA1_HEX;
    if (good) memcpy(cache->script_sha, reply->str, SHA1_HEX + 1);
    freeReplyObject(reply);
    return good || fail(cache, "the put script was refused");
}

// The protocol's "$5" and "*3": a string of so many bytes follows, or an array of so many.
static bool append_length(cache_t *cache, char kind, size_t length) {
    char text[32];
    const int size = snprintf(text, sizeof text, "%c%zu\r\n", kind, length);
    if (!reserve(cache, (size_t)size)) return false;
    append_bytes(cache, text, (size_t)size);
    return true;
}

static bool append_string(cache_t *cache, const char *text, size_t size) {
    if (!append_length(cache, '$', size) || !reserve(cache, size + 2)) return false;
    append_bytes(cache, text, size);
    append_bytes(cache, "\r\n", 2);
    return true;
}

static bool append_number(cache_t *cache, size_t number) {
    char text[24];
    return append_string(cache, text, (size_t)snprintf(text, sizeof text, "%zu", number));
}

// Written where it is sent from: values are most of what goes to Redis.
static bool append_value(cache_t *cache, const cache_item_t *item) {
    uint8_t header[HEADER_BYTES];
    memcpy(header, MAGIC, sizeof MAGIC);
    put_version(header + VERSION_AT, item->version);
    mac_of(cache, item->key, header + VERSION_AT, item->data, item->size, header + MAC_AT);
    if (!append_length(cache, '$', sizeof header + item->size) || !reserve(cache, sizeof header + item->size + 2))
        return false;
    append_bytes(cache, header, sizeof header);
    if (item->size) append_bytes(cache, item->data, item->size);
    append_bytes(cache, "\r\n", 2);
    return true;
}

// One script call for `count` items.
static bool append_puts(cache_t *cache, const cache_item_t *items, size_t count, int ttl_s) {
    bool good = append_length(cache, '*', 3 + 2 * count + 1) && append_string(cache, "EVALSHA", 7) &&
                append_string(cache, cache->script_sha, SHA1_HEX) && append_number(cache, count);
    for (size_t i = 0; good && i < count; i++) good = append_string(cache, items[i].key, strlen(items[i].key));
    for (size_t i = 0; good && i < count; i++) good = append_value(cache, &items[i]);
    return good && append_number(cache, ttl_s > 0 ? (size_t)ttl_s : 0);
}

static size_t count_stored(cache_t *cache, redisReply **replies, size_t count, bool *script_lost) {
    size_t stored = 0;
    const char *refusal = NULL;
    for (size_t i = 0; i < count; i++) {
        if (replies[i]->type == REDIS_REPLY_INTEGER && replies[i]->integer > 0) stored += (size_t)replies[i]->integer;
        if (is_error(replies[i]) && strncmp(replies[i]->str, "NOSCRIPT", 8) == 0)
            *script_lost = true;
        else if (is_error(replies[i]))
            refusal = replies[i]->str; // out of memory, read only, still loading …
    }
    if (refusal)
        fail(cache, refusal);
    else
        set_up(cache, true, "");
    free_replies(replies, count);
    return stored;
}

// Redis stores the first of them while the next ones are written here.
static bool send_puts(cache_t *cache, const cache_item_t *items, size_t count, int ttl_s, size_t *calls) {
    for (size_t i = 0; i < count; i += SCRIPT_KEYS) {
        const size_t n = count - i < SCRIPT_KEYS ? count - i : SCRIPT_KEYS;
        if (!append_puts(cache, items + i, n, ttl_s)) return fail(cache, "out of memory");
        if (!flush_out(cache)) return fail(cache, "connection lost");
        ++*calls;
    }
    return true;
}

static size_t put_some(cache_t *cache, const cache_item_t *items, size_t count, int ttl_s) {
    redisReply *replies[PUTS_MAX / SCRIPT_KEYS];
    size_t stored = 0;
    bool again = true;
    for (int attempt = 0; again && attempt < 2; attempt++) { // the second after SCRIPT FLUSH or a restart
        again = false;
        size_t calls = 0;
        if (!begin(cache) || (!cache->script_sha[0] && !load_script(cache))) return 0;
        if (!send_puts(cache, items, count, ttl_s, &calls) || !exchange(cache, replies, calls)) return 0;
        stored = count_stored(cache, replies, calls, &again);
        if (again) cache->script_sha[0] = '\0';
    }
    return stored;
}

// How many of `items` go into the next round trip, all of a size that is allowed; *skipped of the wrong size stand
// first.
static size_t next_puts(const cache_item_t *items, size_t count, size_t *skipped) {
    size_t n = 0, bytes = 0;
    *skipped = 0;
    while (*skipped < count && items[*skipped].size > VALUE_MAX_BYTES) ++*skipped;
    items += *skipped;
    count -= *skipped;
    while (n < count && n < PUTS_MAX && bytes < PUT_BYTES_MAX && items[n].size <= VALUE_MAX_BYTES)
        bytes += items[n++].size;
    return n;
}

size_t cache_put(cache_t *cache, const cache_item_t *items, size_t count, int ttl_s) {
    size_t stored = 0, skipped;
    for (size_t at = 0; at < count;) {
        const size_t n = next_puts(items + at, count - at, &skipped);
        at += skipped;
        if (n) stored += put_some(cache, items + at, n, ttl_s);
        at += n;
    }
    return stored;
}

void cache_drop(cache_t *cache, const char *const *keys, size_t count) {
    for (size_t at = 0; at < count; at += KEYS_MAX)
        drop_some(cache, keys + at, count - at < KEYS_MAX ? count - at : KEYS_MAX);
}

bool cache_is_up(const cache_t *cache) { return cache->up; }

bool cache_probe(cache_t *cache) {
    redisReply *reply;
    if (!begin(cache)) return false;
    if (!append_words(cache, 1, (const char *[]){"PING"})) return fail(cache, "out of memory");
    if (!exchange(cache, &reply, 1)) return false;
    bool good = !is_error(reply);
    freeReplyObject(reply);
    if (!good) return fail(cache, "PING refused");
    set_up(cache, true, "");
    return true;
}
