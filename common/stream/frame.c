// Layouts as in docs/streams.md. A reader takes its fields in order and accepts only when exactly everything was used.
#include "frame.h"
#include <string.h>

_Static_assert(PARTITIONS == 64, "a beat carries 64 heads; the count byte and docs/streams.md say so");
_Static_assert(PARTITIONS <= 0xbe, "\"<service>.be…\" must never be a partition, it begins a beat's address");

typedef struct writer {
    uint8_t *at;
} writer_t;

static void put(writer_t *w, uint64_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) *w->at++ = (uint8_t)(value >> (8 * i));
}

static void put_text(writer_t *w, const char *text, size_t length) {
    put(w, length, 1);
    memcpy(w->at, text, length);
    w->at += length;
}

// Without its length, at most `most` bytes of it.
static void put_word(writer_t *w, const char *word, size_t most) {
    const size_t length = strnlen(word, most);
    memcpy(w->at, word, length);
    w->at += length;
}

typedef struct reader {
    const uint8_t *at;
    size_t left;
    bool bad; // sticky
} reader_t;

static uint64_t take(reader_t *r, size_t bytes) {
    uint64_t value = 0;
    if (r->bad || r->left < bytes) {
        r->bad = true;
        return 0;
    }
    for (size_t i = 0; i < bytes; i++) value |= (uint64_t)r->at[i] << (8 * i);
    r->at += bytes;
    r->left -= bytes;
    return value;
}

static int64_t take_positive(reader_t *r, int64_t lowest) {
    int64_t value = (int64_t)take(r, 8);
    if (value < lowest || value == INT64_MAX) r->bad = true; // number + 1 must not overflow anywhere
    return value;
}

static uint32_t take_partition(reader_t *r) {
    uint32_t partition = (uint32_t)take(r, 4);
    if (partition >= PARTITIONS) r->bad = true;
    return partition;
}

// A counted text without NUL inside, terminated in `out`.
static void take_text(reader_t *r, char *out, size_t max) {
    size_t length = take(r, 1);
    if (r->bad || length > max || length > r->left || memchr(r->at, 0, length)) {
        r->bad = true;
        return;
    }
    memcpy(out, r->at, length);
    out[length] = 0;
    r->at += length;
    r->left -= length;
}

static reader_t reader_of(const void *data, size_t bytes, uint8_t kind) {
    reader_t r = {data, bytes, false};
    if (take(&r, 1) != kind || take(&r, 1) != FRAME_VERSION) r.bad = true;
    return r;
}

static bool reader_done(const reader_t *r) { return !r->bad && r->left == 0; }

bool frame_service_valid(const char *service) {
    size_t i = 0;
    if (!service || service[0] < 'a' || service[0] > 'z') return false;
    for (; service[i] && i <= FRAME_SERVICE_MAX; i++) {
        char c = service[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return false;
    }
    return i <= FRAME_SERVICE_MAX;
}

bool frame_topic_valid(const char *topic, size_t topic_bytes) {
    if (topic_bytes == 0 || topic_bytes > FRAME_TOPIC_MAX) return false;
    bool dot = true; // a word must come first and after each dot
    for (size_t i = 0; i < topic_bytes; i++) {
        char c = topic[i];
        if (c == '.' ? dot : !((c >= 'a' && c <= 'z') || c == '_')) return false;
        dot = c == '.';
    }
    return !dot;
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool frame_read_address(const void *data, size_t bytes, const char *service, frame_address_t *out) {
    const char *text = data;
    size_t prefix = strlen(service);
    const char *end = memchr(text, 0, bytes < FRAME_ADDRESS_BYTES ? bytes : FRAME_ADDRESS_BYTES);
    if (!end) return false;
    *out = (frame_address_t){.rest = end + 1, .rest_bytes = bytes - (size_t)(end - text) - 1};
    bytes = (size_t)(end - text);
    if (bytes < prefix + 1 || memcmp(text, service, prefix) != 0 || text[prefix] != '.') return false;
    const char *rest = text + prefix + 1;
    size_t left = bytes - prefix - 1;
    if (left == 4 && memcmp(rest, "beat", 4) == 0) {
        out->beat = true;
        return true;
    }
    if (left == 4 && memcmp(rest, "pack", 4) == 0) {
        out->pack = true;
        return true;
    }
    if (left < 4 || rest[2] != '.' || hex_value(rest[0]) < 0 || hex_value(rest[1]) < 0) return false;
    uint32_t partition = (uint32_t)(hex_value(rest[0]) * 16 + hex_value(rest[1]));
    if (partition >= PARTITIONS || !frame_topic_valid(rest + 3, left - 3)) return false;
    out->partition = partition;
    out->topic = rest + 3;
    out->topic_bytes = left - 3;
    return true;
}

size_t frame_write_event_head(uint8_t out[static FRAME_EVENT_HEAD_BYTES], const char *service, uint32_t partition,
                              const char *topic, int64_t number, int64_t at_ms) {
    static const char hex[] = "0123456789abcdef";
    writer_t w = {out};
    put_word(&w, service, FRAME_SERVICE_MAX);
    put(&w, '.', 1);
    put(&w, (uint8_t)hex[partition >> 4 & 15], 1);
    put(&w, (uint8_t)hex[partition & 15], 1);
    put(&w, '.', 1);
    put_word(&w, topic, FRAME_TOPIC_MAX);
    put(&w, '\0', 1);
    put(&w, 'E', 1);
    put(&w, FRAME_VERSION, 1);
    put(&w, (uint64_t)number, 8);
    put(&w, (uint64_t)at_ms, 8);
    return (size_t)(w.at - out);
}

// What is left over is the body.
static void take_body(reader_t *r, const void **body, size_t *body_bytes) {
    *body = r->at;
    *body_bytes = r->left;
    if (r->left > FRAME_BODY_MAX) r->bad = true;
    r->left = 0;
}

bool frame_read_event(const void *rest, size_t bytes, frame_event_t *out) {
    reader_t r = reader_of(rest, bytes, 'E');
    frame_event_t event = {.number = take_positive(&r, 1), .at_ms = (int64_t)take(&r, 8)};
    take_body(&r, &event.body, &event.body_bytes);
    if (!reader_done(&r)) return false;
    *out = event;
    return true;
}

size_t frame_write_pack_head(uint8_t out[static FRAME_PACK_HEAD_BYTES], const char *service) {
    int address = snprintf((char *)out, FRAME_PACK_HEAD_BYTES, "%.*s.pack", FRAME_SERVICE_MAX, service);
    writer_t w = {out + address + 1};
    put(&w, 'P', 1);
    put(&w, FRAME_VERSION, 1);
    return (size_t)(w.at - out);
}

size_t frame_write_pack_length(uint8_t out[static FRAME_PACK_LENGTH_BYTES], size_t event_bytes) {
    writer_t w = {out};
    put(&w, event_bytes, FRAME_PACK_LENGTH_BYTES);
    return FRAME_PACK_LENGTH_BYTES;
}

bool frame_read_pack(const void *rest, size_t bytes, frame_pack_t *out) {
    reader_t r = reader_of(rest, bytes, 'P');
    if (r.bad || r.left == 0) return false;
    *out = (frame_pack_t){.at = r.at, .left = r.left};
    return true;
}

bool frame_next_event(frame_pack_t *pack, const char *service, frame_address_t *address, frame_event_t *out) {
    if (pack->bad || pack->left == 0) return false;
    reader_t r = {pack->at, pack->left, false};
    size_t length = take(&r, FRAME_PACK_LENGTH_BYTES);
    pack->bad = r.bad || length > r.left || !frame_read_address(r.at, length, service, address) || address->beat ||
                address->pack || !frame_read_event(address->rest, address->rest_bytes, out);
    if (pack->bad) return false;
    pack->at = r.at + length;
    pack->left = r.left - length;
    return true;
}

size_t frame_write_beat(uint8_t out[static FRAME_BEAT_BYTES], const char *service, const frame_beat_t *beat) {
    int address = snprintf((char *)out, FRAME_ADDRESS_BYTES, "%.*s.beat", FRAME_SERVICE_MAX, service);
    writer_t w = {out + address + 1};
    put(&w, 'B', 1);
    put(&w, FRAME_VERSION, 1);
    put_text(&w, beat->writer, strlen(beat->writer));
    put(&w, PARTITIONS, 1);
    for (size_t i = 0; i < PARTITIONS; i++) put(&w, (uint64_t)beat->heads[i], 8);
    return (size_t)(w.at - out);
}

bool frame_read_beat(const void *rest, size_t bytes, frame_beat_t *out) {
    frame_beat_t beat;
    reader_t r = reader_of(rest, bytes, 'B');
    take_text(&r, beat.writer, FRAME_WRITER_MAX);
    if (take(&r, 1) != PARTITIONS) return false;
    for (size_t i = 0; i < PARTITIONS; i++) beat.heads[i] = take_positive(&r, 0);
    if (!reader_done(&r)) return false;
    *out = beat;
    return true;
}

size_t frame_write_ask(uint8_t out[static FRAME_ASK_BYTES], const frame_ask_t *ask) {
    writer_t w = {out};
    put(&w, 'A', 1);
    put(&w, ask->packed ? FRAME_REPLAY_VERSION : FRAME_VERSION, 1);
    put(&w, ask->request, 8);
    put(&w, ask->partition, 4);
    put(&w, (uint64_t)ask->from, 8);
    put(&w, ask->credit, 4);
    put_text(&w, ask->service, strlen(ask->service));
    return (size_t)(w.at - out);
}

bool frame_read_ask(const void *data, size_t bytes, frame_ask_t *out) {
    frame_ask_t ask;
    reader_t r = {data, bytes, false};
    const uint64_t kind = take(&r, 1), version = take(&r, 1);
    if (kind != 'A' || version < FRAME_VERSION || version > FRAME_REPLAY_VERSION) return false;
    ask.packed = version == FRAME_REPLAY_VERSION;
    ask.request = take(&r, 8);
    ask.partition = take_partition(&r);
    ask.from = take_positive(&r, 1);
    ask.credit = (uint32_t)take(&r, 4);
    take_text(&r, ask.service, FRAME_SERVICE_MAX);
    const uint32_t most = ask.packed ? FRAME_CREDIT_PACKED_MAX : FRAME_CREDIT_MAX;
    if (!reader_done(&r) || ask.credit == 0 || ask.credit > most) return false;
    *out = ask;
    return true;
}

size_t frame_write_answer_head(uint8_t out[static FRAME_ANSWER_HEAD_BYTES], const frame_answer_t *answer) {
    writer_t w = {out};
    put(&w, (uint64_t)answer->kind, 1);
    put(&w, FRAME_VERSION, 1);
    put(&w, answer->request, 8);
    put(&w, answer->partition, 4);
    put(&w, (uint64_t)answer->number, 8);
    if (answer->kind == FRAME_REPLAYED) {
        put(&w, (uint64_t)answer->at_ms, 8);
        put_text(&w, answer->topic, answer->topic_bytes);
    }
    if (answer->kind == FRAME_REFUSED) put(&w, (uint64_t)answer->reason, 1);
    return (size_t)(w.at - out);
}

static void take_event(reader_t *r, frame_answer_t *answer) {
    answer->at_ms = (int64_t)take(r, 8);
    answer->topic_bytes = take(r, 1);
    if (r->bad || answer->topic_bytes > r->left || !frame_topic_valid((const char *)r->at, answer->topic_bytes)) {
        r->bad = true;
        return;
    }
    answer->topic = (const char *)r->at;
    r->at += answer->topic_bytes;
    r->left -= answer->topic_bytes;
    take_body(r, &answer->body, &answer->body_bytes);
}

// The events of a pack, at least one, are looked at one by one.
static void take_rest(reader_t *r, frame_answer_t *answer) {
    answer->body = r->at;
    answer->body_bytes = r->left;
    if (r->left == 0) r->bad = true;
    r->left = 0;
}

bool frame_read_answer(const void *data, size_t bytes, frame_answer_t *out) {
    uint8_t kind = bytes ? *(const uint8_t *)data : 0;
    if (!memchr("RPCMX", kind, 5)) return false;
    reader_t r = reader_of(data, bytes, kind);
    frame_answer_t answer = {.kind = kind, .request = take(&r, 8), .partition = take_partition(&r)};
    answer.number = take_positive(&r, 1);
    if (kind == FRAME_REPLAYED) take_event(&r, &answer);
    if (kind == FRAME_REPLAYED_PACK) take_rest(&r, &answer);
    if (kind == FRAME_REFUSED) answer.reason = (frame_reason_t)take(&r, 1);
    if (!reader_done(&r) || (kind == FRAME_REFUSED && answer.reason == REFUSED_NONE)) return false;
    *out = answer;
    return true;
}

size_t frame_write_replayed(uint8_t out[static FRAME_REPLAYED_HEAD_BYTES], const frame_answer_t *event) {
    writer_t w = {out};
    put(&w, 8 + 1 + event->topic_bytes + event->body_bytes, FRAME_PACK_LENGTH_BYTES);
    put(&w, (uint64_t)event->at_ms, 8);
    put_text(&w, event->topic, event->topic_bytes);
    return (size_t)(w.at - out);
}

bool frame_next_replayed(frame_answer_t *pack, frame_answer_t *out) {
    reader_t r = {pack->body, pack->body_bytes, false};
    size_t length = take(&r, FRAME_PACK_LENGTH_BYTES);
    if (pack->body_bytes == 0 || r.bad || length > r.left || pack->number == INT64_MAX) return false;
    reader_t one = {r.at, length, false};
    frame_answer_t event = *pack;
    event.kind = FRAME_REPLAYED;
    take_event(&one, &event);
    if (!reader_done(&one)) return false;
    *out = event;
    pack->number++;
    pack->body = r.at + length;
    pack->body_bytes = r.left - length;
    return true;
}

const char *frame_reason_name(frame_reason_t reason) {
    static const char *const names[REFUSED__COUNT] = {"none", "other_service", "busy", "log_unreadable"};
    return reason < REFUSED__COUNT ? names[reason] : "unknown"; // a later version may know more reasons
}
