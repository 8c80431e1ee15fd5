// Two targets in one, chosen by the first byte. Even: any bytes into every frame reader; what is accepted must write
// back to the same bytes. Odd: the bytes are a script of arrivals, beats, answers, commits, stops and crashes for
// cursor and inbox; every number must come out once and in order.
#include "common/stream/frame.h"
#include "common/stream/inbox.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

// Events of a pack lie behind one another inside it, and write back to the same bytes.
static void check_pack(const uint8_t *data, size_t bytes, const frame_address_t *whole) {
    uint8_t out[FRAME_EVENT_HEAD_BYTES];
    frame_address_t address;
    frame_event_t event;
    frame_pack_t pack;
    if (!frame_read_pack(whole->rest, whole->rest_bytes, &pack)) return;
    for (const uint8_t *at = pack.at; frame_next_event(&pack, "ledger", &address, &event); at = pack.at) {
        size_t size =
            frame_write_event_head(out, "ledger", address.partition, address.topic, event.number, event.at_ms);
        at += FRAME_PACK_LENGTH_BYTES;
        CHECK(memcmp(out, at, size) == 0 && at + size + event.body_bytes == pack.at && pack.at <= data + bytes);
    }
    CHECK(pack.bad || pack.left == 0);
}

static void check_live(const uint8_t *data, size_t bytes) {
    uint8_t out[FRAME_BEAT_BYTES];
    frame_address_t address;
    frame_event_t event;
    frame_beat_t beat;
    if (!frame_read_address(data, bytes, "ledger", &address)) return;
    if (address.beat && frame_read_beat(address.rest, address.rest_bytes, &beat))
        CHECK(frame_write_beat(out, "ledger", &beat) == bytes && memcmp(out, data, bytes) == 0);
    if (address.pack) check_pack(data, bytes, &address);
    if (!address.beat && !address.pack && frame_read_event(address.rest, address.rest_bytes, &event)) {
        size_t size =
            frame_write_event_head(out, "ledger", address.partition, address.topic, event.number, event.at_ms);
        CHECK(event.number > 0 && size + event.body_bytes == bytes && memcmp(out, data, size) == 0);
        CHECK((const uint8_t *)event.body + event.body_bytes == data + bytes);
    }
}

static void check_replayed(frame_answer_t *pack) {
    uint8_t out[FRAME_REPLAYED_HEAD_BYTES];
    frame_answer_t event;
    for (const uint8_t *at = pack->body; frame_next_replayed(pack, &event); at = pack->body) {
        size_t size = frame_write_replayed(out, &event);
        CHECK(event.number > 0 && event.number < INT64_MAX && memcmp(out, at, size) == 0);
        CHECK(at + size + event.body_bytes == (const uint8_t *)pack->body);
    }
}

static void check_frames(const uint8_t *data, size_t bytes) {
    uint8_t out[FRAME_BEAT_BYTES];
    frame_ask_t ask;
    frame_answer_t answer;
    check_live(data, bytes);
    if (frame_read_ask(data, bytes, &ask))
        CHECK(ask.partition < PARTITIONS && frame_write_ask(out, &ask) == bytes && memcmp(out, data, bytes) == 0);
    if (frame_read_answer(data, bytes, &answer)) {
        size_t size = frame_write_answer_head(out, &answer);
        CHECK(answer.partition < PARTITIONS && size + answer.body_bytes == bytes && memcmp(out, data, size) == 0);
        CHECK(frame_reason_name(answer.reason));
        if (answer.kind == FRAME_REPLAYED_PACK) check_replayed(&answer);
    }
}

typedef struct script {
    inbox_t inbox;
    cursor_t cursors[2];
    int64_t durable[2];
    int64_t now_ms;
    uint64_t request;
} script_t;

static void commit(script_t *s) {
    inbox_sort(&s->inbox);
    for (size_t i = 0; i < s->inbox.count; i++) {
        const event_t *event = &s->inbox.batch[i]->event;
        CHECK(event->number == s->durable[event->partition] + 1);
        CHECK(event->body_bytes == (size_t)event->number % 7 && strcmp(event->topic, "a.b") == 0);
        s->durable[event->partition]++;
    }
    for (size_t p = 0; p < 2; p++) cursor_commit(&s->cursors[p], s->durable[p]);
    inbox_forget_batch(&s->inbox);
}

static void arrive(script_t *s, uint32_t p, int64_t number) {
    event_t event = {p, number, "a.bXX", 1, "bodybody", (size_t)number % 7};
    if (inbox_full(&s->inbox)) commit(s);
    (void)inbox_arrive(&s->inbox, &s->cursors[p], &event, 3, s->now_ms);
}

static void step(script_t *s, uint8_t what, uint8_t value) {
    uint32_t p = what & 1;
    cursor_t *cursor = &s->cursors[p];
    int64_t near = cursor->taken + (int64_t)(value % 80) - 8;
    if (near < 1) near = 1;
    switch (what / 2 % 9) {
    case 0: arrive(s, p, near); break;
    case 1:
        for (int64_t n = 0; n < value % 80; n++) arrive(s, p, near + n);
        break;
    case 2: (void)cursor_beat(cursor, near, s->now_ms); break;
    case 3:
        if (!cursor_wants(cursor, s->now_ms)) break;
        CHECK(!cursor->stopped && cursor->head > cursor->taken);
        cursor_asked(cursor, ++s->request, 1 + value, s->now_ms);
        break;
    case 4: cursor_answered(cursor, s->request - value % 2, near, value & 4, s->now_ms); break;
    case 5: commit(s); break;
    case 6:
        cursor_stop(cursor);
        inbox_forget(&s->inbox, p);
        if (value & 1) cursor_resume(cursor);
        break;
    case 7:
        s->now_ms += value * 8;
        (void)cursor_timed_out(cursor, s->now_ms - value, s->now_ms);
        (void)cursor_refused(cursor, value, s->now_ms);
        inbox_release(&s->inbox, cursor, p, s->now_ms);
        break;
    case 8:
        inbox_clear(&s->inbox);
        for (size_t i = 0; i < 2; i++) cursor_init(&s->cursors[i], s->durable[i]);
        break;
    }
    CHECK(cursor->taken >= cursor->applied && cursor->applied == s->durable[p]);
    CHECK((cursor->held_last == 0) == (s->inbox.held[p].first == NULL));
}

static void run_script(const uint8_t *data, size_t bytes) {
    script_t *s = calloc(1, sizeof *s);
    CHECK(s);
    for (size_t p = 0; p < 2; p++) cursor_init(&s->cursors[p], 0);
    for (size_t i = 0; i + 1 < bytes; i += 2) step(s, data[i], data[i + 1]);
    commit(s);
    inbox_clear(&s->inbox);
    CHECK(s->inbox.held_bytes == 0 && s->inbox.batch_bytes == 0);
    free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    if (bytes == 0) return 0;
    if (data[0] % 2)
        run_script(data + 1, bytes - 1);
    else
        check_frames(data + 1, bytes - 1);
    return 0;
}
