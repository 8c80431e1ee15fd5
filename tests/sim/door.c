// A subscriber is a fiber on a node of its own that never dies. Its position moves only with what it was given.
#include "door.h"
#include "agency.pb-c.h"
#include "common/stream/stream.h"
#include "common/wire/curve.h"
#include "net.h"
#include "services/settlement/grants.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define T(text) ((char *)(uintptr_t)(text)) // protobuf-c wants char * where it only reads
#define COUNTY "440703"

enum { CREDIT = 64, SILENCE_US = 15 * 1000000, WORD_BYTES = 1 << 20, GRACE_US = 60 * 1000000 };

typedef struct subscriber {
    const char *name, *county; // NULL: all
    keys_t *keys;
    void *socket;
    int64_t last[PARTITIONS];
    uint64_t sequence;
    uint32_t open; // events of the credit
    int64_t events, heard_us, revoked_us;
    bool has_position, refused;
} subscriber_t;

static struct {
    const char *dir;
    int64_t revoke_us;
    subscriber_t stays, leaves;
} door;

// ---- grants

static void grant(const char *name, const char *topics, const char *county, const char *revoked) {
    char path[600];
    grants_t *grants = NULL;
    keys_t *keys = NULL;
    grant_t given = {.fields = GRANT_PERSON | GRANT_FACILITY | GRANT_AMOUNTS | GRANT_REFERENCE};
    err_t err = {0};
    snprintf(path, sizeof path, "%s/agencies.yaml", door.dir);
    CHECK(keys_load(&keys, door.dir, NULL, &err) == E_OK);
    snprintf(given.name, sizeof given.name, "%s", name);
    snprintf(given.key, sizeof given.key, "%s", keys_public_of(keys, name));
    snprintf(given.revoked, sizeof given.revoked, "%s", revoked);
    keys_destroy(&keys);
    int rc = grant_list_parse(&given.topics, "topics", topics, &err);
    if (!rc) rc = grant_list_parse(&given.counties, "counties", county, &err);
    if (!rc) rc = grant_list_parse(&given.funds, "funds", "all", &err);
    if (!rc) rc = grants_load(&grants, path, &err);
    if (!rc) rc = grants_put(grants, &given, &err);
    if (!rc) rc = grants_write(grants, path, &err);
    if (rc) world_fail("a grant: %s", err.text);
    grants_destroy(&grants);
}

static void revoke(void *self, uint64_t number) {
    (void)self, (void)number;
    trace("the grant of %s ends", DOOR_LEAVES);
    grant(DOOR_LEAVES, "posting", COUNTY, "2018-10-15");
    door.leaves.revoked_us = world_us();
}

// ---- words

static void say(subscriber_t *s, const Tc__Agency__ToDoor *word) {
    uint8_t bytes[4096];
    const size_t size = tc__agency__to_door__get_packed_size(word);
    CHECK(size <= sizeof bytes);
    tc__agency__to_door__pack(word, bytes);
    (void)zmq_send(s->socket, bytes, size, ZMQ_DONTWAIT); // what does not go out is said again after a silence
}

static void say_hello(subscriber_t *s) {
    Tc__Agency__ToDoor word = TC__AGENCY__TO_DOOR__INIT;
    Tc__Agency__Hello hello = TC__AGENCY__HELLO__INIT;
    Tc__Agency__Position after = TC__AGENCY__POSITION__INIT;
    after.log = T("settlement"), after.number = s->last, after.n_number = PARTITIONS;
    hello.version = 1, hello.credit = CREDIT;
    if (s->has_position) hello.after = &after;
    word.message_case = TC__AGENCY__TO_DOOR__MESSAGE_HELLO;
    word.hello = &hello;
    s->sequence = 0;
    s->open = CREDIT;
    say(s, &word);
}

static void say_credit(subscriber_t *s) {
    Tc__Agency__ToDoor word = TC__AGENCY__TO_DOOR__INIT;
    Tc__Agency__Credit credit = TC__AGENCY__CREDIT__INIT;
    if (s->open > CREDIT / 2) return;
    credit.events = CREDIT - s->open;
    s->open = CREDIT;
    word.message_case = TC__AGENCY__TO_DOOR__MESSAGE_CREDIT;
    word.credit = &credit;
    say(s, &word);
}

static void connect_anew(subscriber_t *s) {
    err_t err = {0};
    const int one = 1;
    if (s->socket) zmq_close(s->socket);
    s->socket = zmq_socket(zmq_ctx_new(), ZMQ_DEALER);
    CHECK(s->socket && curve_client(s->socket, s->keys, "settlement", &err) == E_OK);
    zmq_setsockopt(s->socket, ZMQ_IMMEDIATE, &one, sizeof one);
    CHECK(zmq_connect(s->socket, DOOR_ENDPOINT) == 0);
    for (int i = 0; i < 40; i++) { // until there is a connection
        zmq_pollitem_t item = {.socket = s->socket, .events = ZMQ_POLLOUT};
        if (zmq_poll(&item, 1, 100) > 0) break;
        fiber_wait(world_us() + 100000);
    }
    s->heard_us = world_us();
    say_hello(s);
}

// ---- what is told

static void take_position(subscriber_t *s, const Tc__Agency__Position *position) {
    if (!position) return;
    if (position->n_number != PARTITIONS) world_fail("%s: a position of %zu numbers", s->name, position->n_number);
    for (size_t i = 0; i < PARTITIONS; i++) {
        if (position->number[i] < s->last[i])
            world_fail("%s: the position of partition %zu went back to %lld from %lld", s->name, i,
                       (long long)position->number[i], (long long)s->last[i]);
        s->last[i] = position->number[i];
    }
    s->has_position = true;
}

static void check_lines(const subscriber_t *s, const Tc__Agency__Event *event) {
    Tc__Agency__Entry *entry = tc__agency__entry__unpack(NULL, event->body.len, event->body.data);
    if (!entry) world_fail("%s: the body of %s is no entry", s->name, event->topic);
    for (size_t i = 0; s->county && i < entry->n_line; i++)
        if (*entry->line[i]->county && strcmp(entry->line[i]->county, s->county) != 0)
            world_fail("%s was told of the county %s", s->name, entry->line[i]->county);
    tc__agency__entry__free_unpacked(entry, NULL);
}

static void take_event(subscriber_t *s, const Tc__Agency__Event *event) {
    if (event->sequence != ++s->sequence)
        world_fail("%s: event %llu of the session came as %llu", s->name, (unsigned long long)s->sequence,
                   (unsigned long long)event->sequence);
    if (event->partition >= PARTITIONS || event->number <= s->last[event->partition])
        world_fail("%s: event %u.%lld after %lld", s->name, event->partition, (long long)event->number,
                   event->partition < PARTITIONS ? (long long)s->last[event->partition] : -1);
    const bool theirs = strcmp(event->topic, "posting.bill") == 0 || strcmp(event->topic, "posting.contribution") == 0;
    if (!s->county && !theirs) world_fail("%s was told of %s", s->name, event->topic);
    if (s->revoked_us && world_us() > s->revoked_us + GRACE_US)
        world_fail("%s gets events %lld s after its grant ended", s->name,
                   (long long)(world_us() - s->revoked_us) / 1000000);
    check_lines(s, event);
    s->last[event->partition] = event->number;
    s->has_position = true;
    s->events++;
    s->open -= s->open > 0;
}

// False: the session is over.
static bool take_refused(subscriber_t *s, const Tc__Agency__Refused *refused) {
    const bool lawful = refused->reason == TC__AGENCY__REFUSED__REASON__NO_HELLO ||
                        refused->reason == TC__AGENCY__REFUSED__REASON__BUSY ||
                        (refused->reason == TC__AGENCY__REFUSED__REASON__NOT_GRANTED && s->revoked_us);
    trace("%s is refused: %d %s", s->name, refused->reason, refused->text);
    if (!lawful) world_fail("%s is refused: %d %s", s->name, refused->reason, refused->text);
    s->refused = refused->reason == TC__AGENCY__REFUSED__REASON__NOT_GRANTED;
    return false;
}

static bool take_word(subscriber_t *s, const uint8_t *bytes, size_t size) {
    bool goes_on = true;
    Tc__Agency__FromDoor *word = tc__agency__from_door__unpack(NULL, size, bytes);
    if (!word) world_fail("%s: %zu bytes that are no word", s->name, size);
    switch (word->message_case) {
    case TC__AGENCY__FROM_DOOR__MESSAGE_EVENTS:
        for (size_t i = 0; i < word->events->n_event; i++) take_event(s, word->events->event[i]);
        take_position(s, word->events->position);
        say_credit(s);
        break;
    case TC__AGENCY__FROM_DOOR__MESSAGE_BEAT: take_position(s, word->beat->position); break;
    case TC__AGENCY__FROM_DOOR__MESSAGE_REFUSED: goes_on = take_refused(s, word->refused); break;
    case TC__AGENCY__FROM_DOOR__MESSAGE_REVOKED:
        if (!s->revoked_us) world_fail("%s lost a grant that it has", s->name);
        goes_on = false;
        break;
    default: break; // a welcome
    }
    tc__agency__from_door__free_unpacked(word, NULL);
    return goes_on;
}

static void *live(void *self) {
    static uint8_t bytes[WORD_BYTES];
    subscriber_t *s = self;
    err_t err = {0};
    if (keys_load(&s->keys, door.dir, s->name, &err)) world_fail("%s: %s", s->name, err.text);
    for (;;) {
        bool goes_on = true;
        connect_anew(s);
        while (goes_on && world_us() - s->heard_us < SILENCE_US) {
            zmq_pollitem_t item = {.socket = s->socket, .events = ZMQ_POLLIN};
            zmq_poll(&item, 1, 1000);
            const int size = zmq_recv(s->socket, bytes, sizeof bytes, ZMQ_DONTWAIT);
            if (size < 0) continue;
            s->heard_us = world_us();
            goes_on = take_word(s, bytes, (size_t)size);
        }
        fiber_wait(world_us() + draw_between(100000, 3000000));
    }
}

// ---- life

static int be(node_t *node) {
    fiber_new(node, live, &door.stays);
    fiber_new(node, live, &door.leaves);
    for (;;) fiber_wait(world_us() + INT64_C(3600) * 1000000);
    return 0;
}

void door_open(const char *door_dir, int64_t revoke_us) {
    static const node_ops_t ops = {.main = be};
    door.dir = door_dir;
    door.stays = (subscriber_t){.name = DOOR_STAYS};
    door.leaves = (subscriber_t){.name = DOOR_LEAVES, .county = COUNTY};
    grant(DOOR_STAYS, "posting.bill,posting.contribution", "all", "");
    grant(DOOR_LEAVES, "posting", COUNTY, "");
    net_ordered(DOOR_ENDPOINT);
    node_start(node_new("agencies", &ops, NULL));
    world_at(world_us() + revoke_us, revoke, NULL, 0);
}

bool door_is_level(store_t *settlement, char *why, size_t room) {
    arena_t *arena = arena_new(4096, 0);
    rows_t rows;
    err_t err = {0};
    CHECK(arena);
    if (store_query(settlement, "SELECT COUNT(*) FROM journal WHERE kind IN ('bill', 'contribution')", NULL, 0, arena,
                    &rows, &err))
        world_fail("the auditor cannot read the journal: %s", err.text);
    const int64_t entries = row_i64(&rows, 0, 0);
    arena_destroy(&arena);
    if (door.stays.events > entries)
        world_fail("%s has had %lld events of %lld", DOOR_STAYS, (long long)door.stays.events, (long long)entries);
    snprintf(why, room, "%s has had %lld of %lld events, %s %s", DOOR_STAYS, (long long)door.stays.events,
             (long long)entries, DOOR_LEAVES, door.leaves.refused ? "is refused" : "is not refused yet");
    return door.stays.events == entries && (!door.leaves.revoked_us || door.leaves.refused);
}
