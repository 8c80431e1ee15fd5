// The pure half of the stream: the bytes on the wire as docs/streams.md shows them, and the cursor against a network
// that drops, doubles and reorders while the consumer crashes, compared with the log itself.
#include "common/base/hash.h"
#include "common/stream/cursor.h"
#include "common/stream/frame.h"
#include "common/stream/rest.h"
#include "tests/check.h"

// ---- frames
// -----------------------------------------------------------------------------------------------------------

static void check_bytes(const void *bytes, size_t size, const char *hex, const char *what) {
    char text[2 * FRAME_BEAT_BYTES + 1];
    NEED(size <= FRAME_BEAT_BYTES);
    hex_encode(bytes, size, text);
    if (strcmp(text, hex) != 0) fprintf(stderr, "%s is %s, expected %s\n", what, text, hex);
    OK(strcmp(text, hex) == 0);
}

static bool read_address(const char *text, const char *service, frame_address_t *address) {
    return frame_read_address(text, strlen(text) + 1, service, address);
}

TEST(addresses_as_documented) {
    frame_address_t address;
    NEED(read_address("adjudication.2a.bill.settled", "adjudication", &address));
    OK(!address.beat);
    EQ(address.partition, 42);
    EQ(address.topic_bytes, 12);
    EQ_TEXT(address.topic, "bill.settled");
    EQ(address.rest_bytes, 0);
    NEED(read_address("adjudication.beat", "adjudication", &address));
    OK(address.beat);
}

TEST(addresses_refused) {
    static const char *const bad[] = {
        "",
        "adjudication",
        "adjudication.",
        "adjudication.40.bill", // partition 64
        "adjudication.2A.bill", // upper case
        "adjudication.2a.",
        "adjudication.2a",
        "adjudication.2a.a..b",
        "adjudication.2a.a.",
        "adjudication.2a.Bill",
        "adjudication.beats",
        "adjudication.be.bill",
        "adjudication_x.2a.bill",
        "settlement.2a.bill",
        "adjudication.2a.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", // 65
    };
    frame_address_t address;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        bool read = read_address(bad[i], "adjudication", &address);
        if (read) fprintf(stderr, "accepted %s\n", bad[i]);
        OK(!read);
    }
    OK(!frame_read_address("ledger.beat", 11, "ledger", &address)); // no NUL
    OK(frame_read_address("ledger.beat", 12, "ledger", &address));
}

TEST(packs_as_documented) {
    uint8_t bytes[400];
    frame_address_t address;
    frame_event_t event;
    frame_pack_t pack;
    size_t size = frame_write_pack_head(bytes, "ledger"), ends[3] = {size};
    check_bytes(bytes, size, "6c65646765722e7061636b005001", "pack");
    for (int i = 1; i <= 2; i++) {
        uint8_t *at = bytes + size;
        size_t head = frame_write_event_head(at + FRAME_PACK_LENGTH_BYTES, "ledger", (uint32_t)i, "a.b", 7 * i, 5);
        memset(at + FRAME_PACK_LENGTH_BYTES + head, 'x', (size_t)i);
        EQ(frame_write_pack_length(at, head + (size_t)i), FRAME_PACK_LENGTH_BYTES);
        ends[i] = size += FRAME_PACK_LENGTH_BYTES + head + (size_t)i;
    }
    // Cut anywhere: the events before the cut, and then it is told to be bad.
    for (size_t cut = ends[0]; cut <= size; cut++) {
        uint8_t *copy = malloc(cut); // so that a sanitizer sees a step outside
        NEED(copy != NULL);
        memcpy(copy, bytes, cut);
        NEED(frame_read_address(copy, cut, "ledger", &address) && address.pack);
        if (frame_read_pack(address.rest, address.rest_bytes, &pack)) {
            uint32_t count = 0;
            while (frame_next_event(&pack, "ledger", &address, &event)) {
                count++;
                EQ(address.partition, count);
                EQ(event.number, 7 * (int64_t)count);
            }
            EQ(count, (uint32_t)(cut >= ends[1]) + (cut >= ends[2]));
            EQ(pack.bad, cut != ends[1] && cut != ends[2]);
        } else {
            EQ(cut, ends[0]); // a pack of nothing
        }
        free(copy);
    }
    // Neither a beat nor a pack nor another service's event has a place in one.
    static const char *const strangers[] = {"ledger.beat", "ledger.pack", "other.00.a.b"};
    for (size_t i = 0; i < COUNT_OF(strangers); i++) {
        size_t length = strlen(strangers[i]) + 1;
        memcpy(bytes + ends[0] + FRAME_PACK_LENGTH_BYTES, strangers[i], length);
        memset(bytes + ends[0] + FRAME_PACK_LENGTH_BYTES + length, 1, 30);
        frame_write_pack_length(bytes + ends[0], length + 30);
        pack = (frame_pack_t){.at = bytes + ends[0], .left = FRAME_PACK_LENGTH_BYTES + length + 30};
        OK(!frame_next_event(&pack, "ledger", &address, &event) && pack.bad);
    }
}

TEST(events_as_documented) {
    uint8_t bytes[FRAME_EVENT_HEAD_BYTES + 3];
    frame_address_t address;
    frame_event_t event;
    size_t size = frame_write_event_head(bytes, "adjudication", 42, "bill.settled", 1000, 1772330400000);
    check_bytes(bytes, size,
                "61646a756469636174696f6e2e32612e62696c6c2e736574746c656400"
                "4501e80300000000000000b91fa79c010000",
                "event");
    memcpy(bytes + size, "xyz", 3);
    NEED(frame_read_address(bytes, size + 3, "adjudication", &address));
    NEED(frame_read_event(address.rest, address.rest_bytes, &event));
    EQ(event.number, 1000);
    EQ(event.at_ms, 1772330400000);
    EQ(event.body_bytes, 3);
    OK(memcmp(event.body, "xyz", 3) == 0);
}

TEST(asks_as_documented) {
    uint8_t bytes[FRAME_ASK_BYTES];
    frame_ask_t ask = {.request = 7, .partition = 42, .from = 991, .credit = 256, .service = "adjudication"}, back;
    size_t size = frame_write_ask(bytes, &ask);
    check_bytes(bytes, size, "410107000000000000002a000000df03000000000000000100000c61646a756469636174696f6e", "ask");
    NEED(frame_read_ask(bytes, size, &back));
    EQ(back.request, 7);
    EQ(back.partition, 42);
    EQ(back.from, 991);
    EQ(back.credit, 256);
    EQ_TEXT(back.service, "adjudication");
}

// Version 2 asks for packs; a writer that knows version 1 alone finds another version and drops it.
TEST(asks_for_packs_as_documented) {
    uint8_t bytes[FRAME_ASK_BYTES];
    frame_ask_t ask = {.packed = true, .request = 7, .partition = 42, .from = 991, .credit = 4096}, back;
    snprintf(ask.service, sizeof ask.service, "adjudication");
    size_t size = frame_write_ask(bytes, &ask);
    check_bytes(bytes, size, "410207000000000000002a000000df03000000000000001000000c61646a756469636174696f6e", "ask");
    NEED(frame_read_ask(bytes, size, &back));
    OK(back.packed);
    EQ(back.credit, 4096);
}

TEST(replayed_packs_as_documented) {
    uint8_t bytes[400];
    const frame_answer_t head = {.kind = FRAME_REPLAYED_PACK, .request = 7, .partition = 42, .number = 991};
    size_t size = frame_write_answer_head(bytes, &head), ends[3] = {size};
    check_bytes(bytes, size, "500107000000000000002a000000df03000000000000", "pack");
    for (size_t i = 1; i <= 2; i++) {
        const frame_answer_t one = {.at_ms = 5, .topic = "a.b", .topic_bytes = 3, .body = "xy", .body_bytes = i};
        const size_t head_bytes = frame_write_replayed(bytes + size, &one);
        memcpy(bytes + size + head_bytes, one.body, i);
        ends[i] = size += head_bytes + i;
    }
    check_bytes(bytes + ends[0], ends[1] - ends[0], "0d000000050000000000000003612e6278", "its first event");
    // Cut anywhere: the events before the cut, and then what is left says that it is bad.
    for (size_t cut = ends[0]; cut <= size; cut++) {
        uint8_t *copy = malloc(cut); // so that a sanitizer sees a step outside
        frame_answer_t pack, event;
        NEED(copy != NULL);
        memcpy(copy, bytes, cut);
        EQ(frame_read_answer(copy, cut, &pack), cut > ends[0]); // a pack of nothing is none
        size_t count = 0;
        while (cut > ends[0] && frame_next_replayed(&pack, &event)) {
            EQ(event.kind, FRAME_REPLAYED);
            EQ(event.number, 991 + (int64_t)count++);
            EQ(event.partition, 42);
            EQ(event.at_ms, 5);
            EQ(event.body_bytes, count);
            OK(event.topic_bytes == 3 && memcmp(event.topic, "a.b", 3) == 0);
        }
        EQ(count, (size_t)(cut >= ends[1]) + (cut >= ends[2]));
        if (cut > ends[0]) EQ(pack.body_bytes == 0, cut == ends[1] || cut == ends[2]);
        free(copy);
    }
    // The numbers end where an event alone could have none.
    frame_answer_t last, event;
    NEED(frame_read_answer(bytes, size, &last));
    last.number = INT64_MAX - 1;
    OK(frame_next_replayed(&last, &event) && event.number == INT64_MAX - 1);
    OK(!frame_next_replayed(&last, &event));
}

TEST(answers_as_documented) {
    static const struct {
        frame_answer_t answer;
        const char *hex;
    } answers[] = {
        {{.kind = FRAME_REPLAYED, .number = 991, .at_ms = 1772330400000, .topic = "bill.settled", .topic_bytes = 12},
         "520107000000000000002a000000df0300000000000000b91fa79c0100000c62696c6c2e736574746c6564"},
        {{.kind = FRAME_CAUGHT_UP, .number = 1001}, "430107000000000000002a000000e903000000000000"},
        {{.kind = FRAME_MORE, .number = 1247}, "4d0107000000000000002a000000df04000000000000"},
        {{.kind = FRAME_REFUSED, .number = 991, .reason = REFUSED_BUSY},
         "580107000000000000002a000000df0300000000000002"},
    };
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        uint8_t bytes[FRAME_ANSWER_HEAD_BYTES];
        frame_answer_t answer = answers[i].answer, back;
        answer.request = 7;
        answer.partition = 42;
        size_t size = frame_write_answer_head(bytes, &answer);
        check_bytes(bytes, size, answers[i].hex, "answer");
        NEED(frame_read_answer(bytes, size, &back));
        EQ(back.kind, answer.kind);
        EQ(back.request, 7);
        EQ(back.partition, 42);
        EQ(back.number, answer.number);
        EQ(back.at_ms, answer.at_ms);
        EQ(back.reason, answer.reason);
        EQ(back.topic_bytes, answer.topic_bytes);
        EQ(back.body_bytes, 0);
    }
}

TEST(a_beat_carries_all_heads) {
    frame_beat_t beat = {.writer = "01hq3v7k5m9b2c4d6f8g0h1j3n"}, back;
    frame_address_t address;
    uint8_t bytes[FRAME_BEAT_BYTES];
    for (int64_t i = 0; i < PARTITIONS; i++) beat.heads[i] = i * 1000003;
    size_t size = frame_write_beat(bytes, "ledger", &beat);
    EQ(size, 12 + 4 + 26 + 8 * 64);
    check_bytes(bytes, 12 + 4 + 26,
                "6c65646765722e6265617400"
                "42011a303168713376376b356d396232633464366638673068316a336e40",
                "beat");
    NEED(frame_read_address(bytes, size, "ledger", &address));
    NEED(address.beat && frame_read_beat(address.rest, address.rest_bytes, &back));
    EQ_TEXT(back.writer, beat.writer);
    OK(memcmp(back.heads, beat.heads, sizeof beat.heads) == 0);
}

// Every frame cut anywhere, made longer, of another version, or with a number out of range is refused.
TEST(damaged_frames_are_refused) {
    uint8_t bytes[FRAME_BEAT_BYTES + 1] = {0};
    frame_event_t event;
    frame_ask_t ask = {.request = 1, .partition = 63, .from = 1, .credit = 1, .service = "x"};
    frame_answer_t answer = {.kind = FRAME_MORE, .request = 1, .partition = 63, .number = 1};
    frame_beat_t beat = {.writer = "w"};
    // Behind "x.00.a" and its NUL: what follows the 18 bytes of an event is its body, so only cuts are damage.
    size_t size = frame_write_event_head(bytes, "x", 0, "a", 1, 1) - 7;
    for (size_t cut = 0; cut <= size + 1; cut++) EQ(frame_read_event(bytes + 7, cut, &event), cut >= size);
    size = frame_write_ask(bytes, &ask);
    for (size_t cut = 0; cut <= size + 1; cut++) EQ(frame_read_ask(bytes, cut, &ask), cut == size);
    size = frame_write_answer_head(bytes, &answer);
    for (size_t cut = 0; cut <= size + 1; cut++) EQ(frame_read_answer(bytes, cut, &answer), cut == size);
    bytes[1] = 2;
    OK(!frame_read_answer(bytes, size, &answer));
    answer = (frame_answer_t){.kind = FRAME_REPLAYED, .request = 1, .number = 1, .topic = "a.b", .topic_bytes = 3};
    size = frame_write_answer_head(bytes, &answer);
    for (size_t cut = 0; cut <= size + 1; cut++) EQ(frame_read_answer(bytes, cut, &answer), cut >= size);
    size = frame_write_beat(bytes, "x", &beat) - 7;
    for (size_t cut = 0; cut <= size + 1; cut++) EQ(frame_read_beat(bytes + 7, cut, &beat), cut == size);

    static const int64_t no_numbers[] = {0, -1, INT64_MAX};
    for (size_t i = 0; i < COUNT_OF(no_numbers); i++) {
        size = frame_write_event_head(bytes, "x", 0, "a", no_numbers[i], 1);
        OK(!frame_read_event(bytes + 7, size - 7, &event));
    }
    static const frame_ask_t no_asks[] = {{false, 1, 64, 1, 1, "x"},
                                          {false, 1, 1, 0, 1, "x"},
                                          {false, 1, 1, 1, 0, "x"},
                                          {false, 1, 1, 1, FRAME_CREDIT_MAX + 1, "x"},
                                          {true, 1, 1, 1, FRAME_CREDIT_PACKED_MAX + 1, "x"}};
    for (size_t i = 0; i < COUNT_OF(no_asks); i++)
        OK(!frame_read_ask(bytes, frame_write_ask(bytes, &no_asks[i]), &ask));
    ask = (frame_ask_t){.request = 1, .partition = 1, .from = 1, .credit = 1, .service = "x"};
    size = frame_write_ask(bytes, &ask);
    bytes[1] = FRAME_REPLAY_VERSION + 1; // of a version to come
    OK(!frame_read_ask(bytes, size, &ask));
}

TEST(names) {
    OK(frame_service_valid("adjudication"));
    OK(frame_service_valid("a2_b"));
    OK(!frame_service_valid(""));
    OK(!frame_service_valid("2a"));
    OK(!frame_service_valid("a.b"));
    OK(frame_service_valid("abcdefghijklmnopqrstuvwxyzabcdef"));
    OK(!frame_service_valid("abcdefghijklmnopqrstuvwxyzabcdefg"));
    OK(frame_topic_valid("bill.settled", 12));
    OK(frame_topic_valid("a", 1));
    OK(!frame_topic_valid("", 0));
    OK(!frame_topic_valid(".a", 2));
    OK(!frame_topic_valid("a.", 2));
    OK(!frame_topic_valid("a b", 3));
}

// ---- cursor
// -----------------------------------------------------------------------------------------------------------

TEST(events_in_order_are_applied) {
    cursor_t c;
    cursor_init(&c, 10);
    EQ(cursor_arrive(&c, 11, 0), CURSOR_APPLY);
    EQ(cursor_arrive(&c, 11, 0), CURSOR_DUPLICATE);
    EQ(cursor_arrive(&c, 3, 0), CURSOR_DUPLICATE);
    EQ(cursor_arrive(&c, 12, 0), CURSOR_APPLY);
    EQ(c.taken, 12);
    EQ(c.applied, 10);
    cursor_commit(&c, 12);
    EQ(c.applied, 12);
    OK(!cursor_wants(&c, 100000));
}

TEST(a_gap_is_closed_by_reordering_within_the_grace) {
    cursor_t c;
    cursor_init(&c, 0);
    EQ(cursor_arrive(&c, 1, 0), CURSOR_APPLY);
    EQ(cursor_arrive(&c, 3, 0), CURSOR_HOLD);
    EQ(cursor_arrive(&c, 3, 0), CURSOR_DUPLICATE);
    EQ(cursor_arrive(&c, 4, 0), CURSOR_HOLD);
    EQ(cursor_arrive(&c, 6, 0), CURSOR_DROP);
    OK(!cursor_wants(&c, 0));
    EQ(cursor_next_held(&c, 0), CURSOR_DROP);
    EQ(cursor_arrive(&c, 2, 10), CURSOR_APPLY);
    EQ(cursor_next_held(&c, 10), CURSOR_APPLY);
    EQ(cursor_next_held(&c, 10), CURSOR_APPLY);
    EQ(cursor_next_held(&c, 10), CURSOR_DROP);
    EQ(c.taken, 4);
    OK(!cursor_wants(&c, 40)); // 6 was heard of, its lag begins here
    OK(cursor_wants(&c, 40 + CURSOR_GRACE_MS));
}

TEST(a_newcomer_asks_at_once_and_is_level_at_the_end_mark) {
    cursor_t c;
    cursor_init(&c, 0);
    OK(!cursor_wants(&c, 0)); // nothing heard yet
    OK(!cursor_beat(&c, 3, 0));
    OK(cursor_wants(&c, 0));
    cursor_asked(&c, 1, 100, 0);
    OK(!cursor_wants(&c, 0));
    for (int64_t n = 1; n <= 3; n++) EQ(cursor_arrive(&c, n, 1), CURSOR_APPLY);
    cursor_answered(&c, 1, 4, false, 2);
    OK(c.level);
    OK(!cursor_wants(&c, 100000));
}

TEST(a_lost_last_message_is_noticed_by_the_beat) {
    cursor_t c;
    cursor_init(&c, 5);
    OK(!cursor_beat(&c, 5, 0));
    OK(c.level);
    OK(!cursor_beat(&c, 6, 1000));
    OK(!cursor_wants(&c, 1000));
    OK(cursor_wants(&c, 1000 + CURSOR_GRACE_MS));
}

TEST(an_answer_is_complete_when_its_events_are_taken) {
    cursor_t c;
    cursor_init(&c, 0);
    cursor_beat(&c, 10, 0);
    cursor_asked(&c, 1, 3, 0);
    EQ(cursor_expected(&c), 3);
    EQ(cursor_arrive(&c, 1, 0), CURSOR_APPLY);
    EQ(cursor_arrive(&c, 2, 0), CURSOR_APPLY);
    EQ(cursor_expected(&c), 1);
    OK(!cursor_wants(&c, 0));
    EQ(cursor_arrive(&c, 3, 0), CURSOR_APPLY);
    EQ(cursor_expected(&c), 0);
    OK(cursor_wants(&c, 0));
    cursor_asked(&c, 2, 100, 0);
    EQ(cursor_expected(&c), 7);         // as far as is known
    cursor_answered(&c, 1, 4, true, 0); // the end mark of the first comes late
    OK(c.asking);
}

// A writer answers one partition after the other.
TEST(who_answers_others_is_waited_for_but_not_for_ever) {
    cursor_t c;
    cursor_init(&c, 0);
    cursor_beat(&c, 10, 0);
    cursor_asked(&c, 1, 100, 0);
    for (int64_t now = 0; now < CURSOR_ASK_PATIENCE_MS; now += 100) OK(!cursor_timed_out(&c, now, now));
    OK(cursor_timed_out(&c, CURSOR_ASK_PATIENCE_MS, CURSOR_ASK_PATIENCE_MS));
    cursor_asked(&c, 2, 100, 0);
    OK(!cursor_timed_out(&c, 500, 500 + CURSOR_ASK_TIMEOUT_MS - 1));
    OK(cursor_timed_out(&c, 500, 500 + CURSOR_ASK_TIMEOUT_MS));
}

TEST(a_lost_answer_times_out_and_an_old_one_is_ignored) {
    cursor_t c;
    cursor_init(&c, 0);
    cursor_beat(&c, 10, 0);
    cursor_asked(&c, 1, 100, 0);
    OK(!cursor_timed_out(&c, -CURSOR_ASK_TIMEOUT_MS, CURSOR_ASK_TIMEOUT_MS - 1));
    OK(cursor_timed_out(&c, -CURSOR_ASK_TIMEOUT_MS, CURSOR_ASK_TIMEOUT_MS));
    OK(!cursor_timed_out(&c, -CURSOR_ASK_TIMEOUT_MS, CURSOR_ASK_TIMEOUT_MS));
    OK(cursor_wants(&c, CURSOR_ASK_TIMEOUT_MS));
    cursor_asked(&c, 2, 100, 1000);
    cursor_answered(&c, 1, 11, false, 1001); // the first request's
    OK(c.asking);
    EQ(cursor_arrive(&c, 1, 1500), CURSOR_APPLY); // but its events count, and are a sign of life
    OK(!cursor_timed_out(&c, -CURSOR_ASK_TIMEOUT_MS, 2400));
    OK(!cursor_refused(&c, 1, 2400));
    OK(cursor_refused(&c, 2, 2400));
    OK(!cursor_wants(&c, 2400));
    OK(cursor_wants(&c, 2400 + CURSOR_REFUSED_PAUSE_MS));
}

TEST(an_answer_with_holes_is_asked_for_again_at_once) {
    cursor_t c;
    cursor_init(&c, 0);
    cursor_beat(&c, 3, 0);
    cursor_asked(&c, 1, 100, 0);
    EQ(cursor_arrive(&c, 1, 0), CURSOR_APPLY);
    EQ(cursor_arrive(&c, 3, 0), CURSOR_HOLD);
    cursor_answered(&c, 1, 4, false, 0);
    OK(cursor_wants(&c, 0));
}

TEST(a_stopped_partition_takes_nothing_and_goes_on_from_where_it_was) {
    cursor_t c;
    cursor_init(&c, 0);
    EQ(cursor_arrive(&c, 1, 0), CURSOR_APPLY);
    cursor_commit(&c, 1);
    EQ(cursor_arrive(&c, 2, 0), CURSOR_APPLY);
    cursor_stop(&c);
    EQ(c.taken, 1);
    EQ(cursor_arrive(&c, 2, 0), CURSOR_DROP);
    OK(!cursor_wants(&c, 10000));
    cursor_resume(&c);
    OK(cursor_wants(&c, 10000));
}

TEST(a_log_that_became_shorter_is_told_but_a_late_beat_is_not) {
    cursor_t c;
    cursor_init(&c, 100);
    OK(!cursor_beat(&c, 90, 0));
    OK(!cursor_beat(&c, 95, 9000));
    OK(!cursor_beat(&c, 100, 9500)); // another instance, only late
    OK(!cursor_beat(&c, 90, 10000));
    OK(!cursor_beat(&c, 90, 19999));
    OK(cursor_beat(&c, 90, 20000));
    OK(!cursor_beat(&c, 90, 20001)); // once per period
}

// ---- a random network
// -------------------------------------------------------------------------------------------------

static uint64_t random_state;
static uint64_t next_random(void) { // xorshift64*
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 2685821657736338717ull;
}
static bool chance(unsigned percent) { return next_random() % 100 < percent; }

typedef enum kind { LIVE, BEAT, ASK, REPLAYED, END } kind_t;
typedef struct packet {
    kind_t kind;
    int64_t number, due_ms;
    uint64_t request;
    bool more;
} packet_t;

#define PACKETS_MAX 4096
#define LOG_LENGTH 3000

typedef struct world {
    unsigned drop, twice, late, crash; // percent; late: of packets that take a detour
    unsigned jitter_ms;
    int64_t now_ms, log_head, last_beat_ms;
    packet_t packets[PACKETS_MAX];
    size_t count;
    cursor_t cursor;
    uint64_t request;
    int64_t effects; // durable: 1 … effects were applied once each
    int64_t batch[64];
    size_t batch_count;
    int64_t held[CURSOR_HELD_MAX + 1];
    size_t held_count;
    bool wrong;
} world_t;

static void post_once(world_t *w, packet_t packet) {
    if (w->count == PACKETS_MAX || chance(w->drop)) return;
    packet.due_ms =
        w->now_ms + 1 + (int64_t)(chance(w->late) ? next_random() % 200 : next_random() % (w->jitter_ms + 1));
    w->packets[w->count++] = packet;
}

static void post(world_t *w, packet_t packet) {
    post_once(w, packet);
    if (chance(w->twice)) post_once(w, packet);
}

static void answer(world_t *w, int64_t from, uint64_t request) {
    int64_t credit = 1 + (int64_t)(next_random() % 40), number = from;
    for (; number <= w->log_head && credit > 0; number++, credit--)
        post(w, (packet_t){.kind = REPLAYED, .number = number, .request = request});
    post(w, (packet_t){.kind = END, .number = number, .request = request, .more = number <= w->log_head});
}

static void commit(world_t *w) {
    if (w->batch_count == 0) return;
    for (size_t i = 0; i < w->batch_count; i++) {
        if (w->batch[i] != w->effects + 1) w->wrong = true;
        w->effects++;
    }
    cursor_commit(&w->cursor, w->effects);
    w->batch_count = 0;
}

static void to_batch(world_t *w, int64_t number) {
    if (w->batch_count == COUNT_OF(w->batch)) commit(w);
    w->batch[w->batch_count++] = number;
}

static void event(world_t *w, int64_t number) {
    cursor_verdict_t verdict = cursor_arrive(&w->cursor, number, w->now_ms);
    if (verdict == CURSOR_HOLD) {
        NEED(w->held_count < CURSOR_HELD_MAX);
        w->held[w->held_count++] = number;
    }
    if (verdict != CURSOR_APPLY) return;
    to_batch(w, number);
    while ((verdict = cursor_next_held(&w->cursor, w->now_ms)) != CURSOR_DROP) {
        if (verdict == CURSOR_APPLY) to_batch(w, w->held[0]);
        memmove(w->held, w->held + 1, --w->held_count * sizeof *w->held);
    }
}

static void crash(world_t *w) { // memory is lost, what was committed is not
    w->batch_count = w->held_count = 0;
    cursor_init(&w->cursor, w->effects);
}

static void deliver(world_t *w, packet_t packet) {
    switch (packet.kind) {
    case LIVE:
    case REPLAYED: event(w, packet.number); break;
    case BEAT: OK(!cursor_beat(&w->cursor, packet.number, w->now_ms) || w->late); break;
    case ASK: answer(w, packet.number, packet.request); break;
    case END: cursor_answered(&w->cursor, packet.request, packet.number, packet.more, w->now_ms); break;
    }
}

static void step(world_t *w, int64_t log_end) {
    w->now_ms++;
    for (uint64_t n = next_random() % 4; n > 0 && w->log_head < log_end; n--)
        post(w, (packet_t){.kind = LIVE, .number = ++w->log_head});
    if (w->now_ms - w->last_beat_ms >= 100) {
        w->last_beat_ms = w->now_ms;
        post(w, (packet_t){.kind = BEAT, .number = w->log_head});
    }
    for (size_t i = 0; i < w->count;) {
        packet_t packet = w->packets[i];
        if (packet.due_ms > w->now_ms) {
            i++;
            continue;
        }
        w->count--;
        memmove(&w->packets[i], &w->packets[i + 1], (w->count - i) * sizeof packet); // in order of sending
        deliver(w, packet);
    }
    if (chance(30)) commit(w);
    if (next_random() % 1000 < w->crash) crash(w);
    cursor_timed_out(&w->cursor, w->now_ms - (int64_t)(next_random() % 2000), w->now_ms);
    if (cursor_wants(&w->cursor, w->now_ms)) {
        cursor_asked(&w->cursor, ++w->request, 1 + (uint32_t)(next_random() % 40), w->now_ms);
        post(w, (packet_t){.kind = ASK, .number = w->cursor.taken + 1, .request = w->request});
    }
}

static uint64_t first_seed(void) {
    const char *given = getenv("TC_SEED");
    uint64_t seed = 0;
    if (given) return strtoull(given, NULL, 10);
    random_bytes(&seed, sizeof seed);
    return seed;
}

// Safety while the network is at its worst, then liveness when it heals.
TEST(any_network_gives_every_event_once_and_in_order) {
    uint64_t seed = first_seed();
    fprintf(stderr, "seed=%llu ", (unsigned long long)seed);
    for (int run = 0; run < 100; run++) {
        random_state = seed + (uint64_t)run * 0x9e3779b97f4a7c15ull;
        if (random_state == 0) random_state = 1;
        world_t *w = calloc(1, sizeof *w);
        NEED(w != NULL);
        w->drop = (unsigned)(next_random() % 60);
        w->twice = (unsigned)(next_random() % 40);
        w->late = (unsigned)(next_random() % 60);
        w->crash = (unsigned)(next_random() % 8); // per mille
        w->jitter_ms = (unsigned)(next_random() % 4);
        cursor_init(&w->cursor, 0);
        while (w->now_ms < 4000 && !w->wrong) step(w, LOG_LENGTH);
        OK(!w->wrong);
        OK(w->effects <= w->log_head);
        w->drop = w->twice = w->late = w->crash = w->jitter_ms = 0;
        int64_t healed_ms = w->now_ms;
        while (w->effects < LOG_LENGTH && w->now_ms - healed_ms < 30000 && !w->wrong) step(w, LOG_LENGTH);
        if (w->wrong || w->effects != LOG_LENGTH)
            fprintf(stderr, "run %d: %lld of %d\n", run, (long long)w->effects, LOG_LENGTH);
        OK(!w->wrong);
        EQ(w->effects, LOG_LENGTH);
        free(w);
    }
}

// In order and without loss no replay is needed at all.
TEST(a_healthy_network_costs_no_replay) {
    world_t *w = calloc(1, sizeof *w);
    NEED(w != NULL);
    random_state = 88172645463325252ull;
    cursor_init(&w->cursor, 0);
    while (w->effects < LOG_LENGTH && w->now_ms < 60000) step(w, LOG_LENGTH);
    EQ(w->effects, LOG_LENGTH);
    EQ(w->request, 0);
    free(w);
}

// ---- rests

TEST(a_full_batch_is_followed_by_a_rest_unless_the_consumer_is_behind) {
    rest_batch_t batch = {.full = true, .took_ms = 80, .behind_ms = 300};
    EQ(rest_ms(100, &batch), 80);
    EQ(rest_ms(50, &batch), 40);
    EQ(rest_ms(0, &batch), 0);
    batch.took_ms = 3000;
    EQ(rest_ms(100, &batch), REST_MAX_MS);
    batch.behind_ms = REST_BEHIND_MS;
    EQ(rest_ms(100, &batch), 0);
    batch.behind_ms = -40; // clocks of two hosts
    EQ(rest_ms(100, &batch), REST_MAX_MS);
    batch.full = false;
    EQ(rest_ms(100, &batch), 0);
}

TESTS("stream", CASE(addresses_as_documented), CASE(addresses_refused), CASE(packs_as_documented),
      CASE(events_as_documented), CASE(asks_as_documented), CASE(asks_for_packs_as_documented),
      CASE(replayed_packs_as_documented), CASE(an_answer_is_complete_when_its_events_are_taken),
      CASE(who_answers_others_is_waited_for_but_not_for_ever), CASE(answers_as_documented),
      CASE(a_beat_carries_all_heads), CASE(damaged_frames_are_refused), CASE(names), CASE(events_in_order_are_applied),
      CASE(a_gap_is_closed_by_reordering_within_the_grace), CASE(a_newcomer_asks_at_once_and_is_level_at_the_end_mark),
      CASE(a_lost_last_message_is_noticed_by_the_beat), CASE(a_lost_answer_times_out_and_an_old_one_is_ignored),
      CASE(an_answer_with_holes_is_asked_for_again_at_once),
      CASE(a_stopped_partition_takes_nothing_and_goes_on_from_where_it_was),
      CASE(a_log_that_became_shorter_is_told_but_a_late_beat_is_not),
      CASE(any_network_gives_every_event_once_and_in_order), CASE(a_healthy_network_costs_no_replay),
      CASE(a_full_batch_is_followed_by_a_rest_unless_the_consumer_is_behind))
