// Sessions, words from outside, and whose turn it is. What is said and read is in agency_session.c and agency_reader.c.
#include "agency.h"
#include "agency_access.h"
#include "agency_reader.h"
#include "agency_topics.h"
#include "common/base/date.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/wire/gate.h"
#include "common/wire/message.h"
#include "common/wire/envelope.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    SESSIONS_MAX = 256,
    SESSIONS_OF_A_KEY = 4,
    WORDS_PER_TURN = 128,
    WORD_BYTES_MAX = 16 * 1024,
    SEND_MARK = 8, // frames on their way to one subscriber, and so many bytes in the kernel's hands
    SEND_BUFFER_BYTES = 256 * 1024,
    TURN_US = 5000, // reading for subscribers stands back behind the ledger after so long
    STORE_PAUSE_US = 200000,
    BIND_PAUSE_US = 1000000,
    HEADS_PAUSE_US = 100000,
    LOOK_PAUSE_US = 20000, // between looks at the registry and the grants
    FRAMES_OF_A_WORD = 2
};

struct agency_door {
    const keys_t *keys;
    void *context, *router;
    store_t *store;
    const stream_log_t *log;
    char bind[256], endpoint[256];
    bool told_bind; // that the port is not ours
    agency_access_t *access;
    agency_reader_t reader;
    agency_session_t *sessions[SESSIONS_MAX]; // NULL: free
    size_t count, turn;
    int64_t heads[PARTITIONS];
    int64_t bind_us, pause_until_us, heads_us, look_us;
    bool store_down;
    log_gate_t refused_gate;
    metric_t *open, *sent, *refused, *revoked;
};

// ---- life

static int open_router(agency_door_t *door, err_t *err) {
    const int one = 1, mark = SEND_MARK, buffer = SEND_BUFFER_BYTES;
    const int64_t largest = WORD_BYTES_MAX;
    door->router = zmq_socket(door->context, ZMQ_ROUTER);
    if (!door->router) return err_set(err, E_IO, "agency door: %s", zmq_strerror(errno));
    int rc = curve_server(door->router, door->keys, AGENCY_DOMAIN, err);
    if (rc) return rc;
    if (zmq_setsockopt(door->router, ZMQ_ROUTER_MANDATORY, &one, sizeof one) != 0 ||
        zmq_setsockopt(door->router, ZMQ_SNDHWM, &mark, sizeof mark) != 0 ||
        zmq_setsockopt(door->router, ZMQ_SNDBUF, &buffer, sizeof buffer) != 0 ||
        zmq_setsockopt(door->router, ZMQ_MAXMSGSIZE, &largest, sizeof largest) != 0)
        return err_set(err, E_IO, "agency door: socket option: %s", zmq_strerror(errno));
    return E_OK;
}

// Another process that holds the port, perhaps our own predecessor or an instance beside us, is waited for.
static int try_bind(agency_door_t *door, int64_t now_us, err_t *err) {
    size_t bytes = sizeof door->endpoint;
    if (door->endpoint[0] || now_us < door->bind_us) return E_OK;
    door->bind_us = now_us + BIND_PAUSE_US;
    if (zmq_bind(door->router, door->bind) != 0) {
        const int why = errno;
        if (why != EADDRINUSE && why != EADDRNOTAVAIL)
            return err_field(err, E_POLICY, "agency.bind", "agency.bind: %s: %s", door->bind, zmq_strerror(why));
        if (!door->told_bind)
            log_warn("agency_door_waits", "bind=%s why=%s", log_value(door->bind), log_value(zmq_strerror(why)));
        door->told_bind = true;
        return E_OK;
    }
    if (zmq_getsockopt(door->router, ZMQ_LAST_ENDPOINT, door->endpoint, &bytes) != 0)
        snprintf(door->endpoint, sizeof door->endpoint, "%s", door->bind);
    log_info("agency_door_open", "endpoint=%s", log_value(door->endpoint));
    return E_OK;
}

int agency_door_new(agency_door_t **out, const agency_door_conf_t *conf, err_t *err) {
    agency_door_t *door = calloc(1, sizeof *door);
    if (!door) return err_set(err, E_IO, "out of memory for the agency door");
    door->context = conf->context, door->keys = conf->keys;
    door->store = conf->store, door->log = conf->log;
    snprintf(door->bind, sizeof door->bind, "%s", conf->bind);
    door->open = metric_gauge("agency_sessions", "", "subscribers of other agencies connected just now");
    door->sent = metric_counter("agency_events_total", "", "events sent to other agencies");
    door->refused = metric_counter("agency_refused_total", "", "words of subscribers that were refused");
    door->revoked = metric_counter("agency_revoked_total", "", "sessions ended because key or grant were taken back");
    arena_t *arena = arena_new(256 * 1024, 0);
    int rc = arena ? open_router(door, err) : err_set(err, E_IO, "out of memory for the agency door");
    door->reader = (agency_reader_t){.store = conf->store, .log = conf->log, .router = door->router, .arena = arena};
    if (!rc) rc = agency_access_new(&door->access, conf->keys_dir, err);
    if (!rc) rc = try_bind(door, clock_mono_us(), err);
    if (rc)
        agency_door_destroy(&door);
    else
        *out = door;
    return rc;
}

void agency_door_destroy(agency_door_t **out) {
    agency_door_t *door = *out;
    if (!door) return;
    for (size_t i = 0; i < SESSIONS_MAX; i++) agency_session_destroy(&door->sessions[i]);
    agency_access_destroy(&door->access);
    arena_destroy(&door->reader.arena);
    if (door->router) zmq_close(door->router);
    free(door);
    *out = NULL;
}

const char *agency_door_endpoint(const agency_door_t *door) { return door->endpoint; }

size_t agency_door_sockets(const agency_door_t *door, void **sockets, size_t room) {
    if (room) sockets[0] = door->router;
    return room ? 1 : 0;
}

// ---- sessions

static agency_session_t **slot_of(agency_door_t *door, const agency_peer_t *peer) {
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        const agency_session_t *session = door->sessions[i];
        if (session && session->peer.bytes == peer->bytes && memcmp(session->peer.id, peer->id, peer->bytes) == 0)
            return &door->sessions[i];
    }
    return NULL;
}

// Room for one more of this key; NULL when there are too many, of all or of this key.
static agency_session_t **free_slot(agency_door_t *door, const char *key) {
    agency_session_t **slot = NULL;
    size_t own = 0;
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        if (!door->sessions[i])
            slot = slot ? slot : &door->sessions[i];
        else if (strcmp(door->sessions[i]->grant.key, key) == 0)
            own++;
    }
    return own < SESSIONS_OF_A_KEY ? slot : NULL;
}

static void close_session(agency_door_t *door, agency_session_t **slot, const char *why) {
    log_info("agency_gone", "agency=%s why=%s sent=%llu", (*slot)->grant.name, why,
             (unsigned long long)(*slot)->sequence);
    agency_session_destroy(slot);
    metric_set(door->open, (int64_t)--door->count);
}

// ---- what changes for those who are there

static bool same_grant(const grant_t *a, const grant_t *b) {
    return a->fields == b->fields && grant_list_same(&a->topics, &b->topics) &&
           grant_list_same(&a->counties, &b->counties) && grant_list_same(&a->funds, &b->funds);
}

// What waits was cut to the old grant: it is dropped and read again.
static void recheck(agency_door_t *door) {
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        agency_session_t *session = door->sessions[i];
        if (!session || session->ending) continue;
        const grant_t *now = agency_access_of(door->access, session->grant.key);
        if (!now) {
            metric_add(door->revoked, 1);
            log_warn("agency_revoked", "agency=%s", session->grant.name);
            agency_say_revoked(session, door->router, "the grant of this key was taken back");
        } else if (!same_grant(now, &session->grant)) {
            session->grant = *now;
            agency_say_welcome(session, door->router, door->heads);
        }
    }
}

static void look_at_files(agency_door_t *door, int64_t now_us) {
    door->look_us = now_us + LOOK_PAUSE_US;
    if (agency_access_refresh(door->access)) recheck(door);
}

// ---- words from outside

typedef struct word { // one message, and who its key says it is from
    agency_peer_t peer;
    char key[GRANT_KEY_BYTES];
    char caller[WIRE_CALLER_MAX];
    Tc__Agency__ToDoor *message;
} word_t;

static void refuse(agency_door_t *door, const word_t *word, Tc__Agency__Refused__Reason reason, const char *text) {
    uint64_t skipped = 0;
    agency_session_t **slot = slot_of(door, &word->peer);
    if (slot && (*slot)->ending) return; // it has been told
    metric_add(door->refused, 1);
    if (log_gate_open(&door->refused_gate, &skipped))
        log_warn("agency_refused", "caller=%s why=%s skipped=%llu", log_value(word->caller), log_value(text),
                 (unsigned long long)skipped);
    if (slot)
        agency_say_refused(*slot, door->router, reason, text);
    else
        agency_turn_away(&word->peer, door->router, reason, text);
}

// A subscriber may know more than we do: another instance committed it.
static void read_heads(agency_door_t *door) {
    rows_t keys, heads;
    err_t err = {0};
    const int64_t now_us = clock_mono_us();
    if (now_us < door->heads_us) return;
    door->heads_us = now_us + HEADS_PAUSE_US;
    arena_reset(door->reader.arena);
    rows_init(&keys, door->reader.arena, 1);
    for (int64_t partition = 0; partition < PARTITIONS; partition++) {
        cell_t *key = rows_add(&keys);
        if (!key) return;
        key[0] = cell_i64(partition);
    }
    if (store_each_query(door->store, door->log->head_sql, &keys, door->reader.arena, &heads, &err)) return;
    for (size_t i = 0; i < heads.count; i++) door->heads[row_i64(&heads, i, 0)] = row_i64(&heads, i, 1);
}

static bool is_ahead(const agency_door_t *door, const int64_t numbers[PARTITIONS]) {
    for (size_t i = 0; i < PARTITIONS; i++)
        if (numbers[i] > door->heads[i]) return true;
    return false;
}

static bool read_position(agency_door_t *door, const Tc__Agency__Hello *hello, int64_t out[PARTITIONS]) {
    const Tc__Agency__Position *after = hello->after;
    memset(out, 0, PARTITIONS * sizeof *out);
    if (hello->from_now) memcpy(out, door->heads, PARTITIONS * sizeof *out);
    if (!after || (!after->n_number && !*after->log)) return true;
    if (hello->from_now || after->n_number != PARTITIONS || strcmp(after->log, "settlement") != 0) return false;
    for (size_t i = 0; i < PARTITIONS; i++)
        if (after->number[i] < 0) return false;
    memcpy(out, after->number, PARTITIONS * sizeof *out);
    if (!is_ahead(door, out)) return true;
    int64_t wanted[PARTITIONS];
    memcpy(wanted, out, sizeof wanted); // the message lives in the arena that the look at the store resets
    read_heads(door);
    memcpy(out, wanted, sizeof wanted);
    return !is_ahead(door, out);
}

static bool read_topics(const Tc__Agency__Hello *hello, grant_list_t *out) {
    *out = (grant_list_t){0};
    for (size_t i = 0; i < hello->n_topics; i++) {
        if (out->count == GRANT_WORDS_MAX || strlen(hello->topics[i]) >= GRANT_WORD_BYTES ||
            !agency_topic_known(hello->topics[i]))
            return false;
        snprintf(out->word[out->count++], GRANT_WORD_BYTES, "%s", hello->topics[i]);
    }
    return true;
}

static void take_hello(agency_door_t *door, const word_t *word) {
    const Tc__Agency__Hello *hello = word->message->hello;
    const uint32_t credit = hello->credit;
    grant_list_t wanted;
    int64_t position[PARTITIONS];
    look_at_files(door, clock_mono_us()); // it may have been granted or revoked just now
    const grant_t *grant = agency_access_of(door->access, word->key);
    if (hello->version != AGENCY_VERSION)
        return refuse(door, word, TC__AGENCY__REFUSED__REASON__VERSION, "version 1 was expected");
    if (!grant) return refuse(door, word, TC__AGENCY__REFUSED__REASON__NOT_GRANTED, "this key has no grant here");
    if (credit < 1 || credit > AGENCY_CREDIT_MAX)
        return refuse(door, word, TC__AGENCY__REFUSED__REASON__MALFORMED, "credit: 1 to 4096 was expected");
    if (!read_topics(hello, &wanted))
        return refuse(door, word, TC__AGENCY__REFUSED__REASON__MALFORMED, "topics: there is no such topic");
    if (!read_position(door, hello, position))
        return refuse(door, word, TC__AGENCY__REFUSED__REASON__POSITION,
                      "after: 64 numbers of the log settlement, none beyond its end, were expected");
    agency_session_t **slot = slot_of(door, &word->peer);
    if (slot) close_session(door, slot, "hello"); // it begins anew
    slot = free_slot(door, grant->key);
    if (slot) *slot = agency_session_new(&word->peer, grant);
    if (!slot || !*slot) return refuse(door, word, TC__AGENCY__REFUSED__REASON__BUSY, "too many sessions: try later");
    metric_set(door->open, (int64_t)++door->count);
    (*slot)->wanted = wanted;
    (*slot)->credit = credit;
    memcpy((*slot)->position, position, sizeof position);
    log_info("agency_connected", "agency=%s", (*slot)->grant.name);
    agency_say_welcome(*slot, door->router, door->heads);
}

static void take_credit(agency_door_t *door, const word_t *word) {
    const uint32_t more = word->message->credit->events;
    agency_session_t **slot = slot_of(door, &word->peer);
    if (!slot || (*slot)->gone)
        return refuse(door, word, TC__AGENCY__REFUSED__REASON__NO_HELLO, "there is no session: say Hello");
    if ((*slot)->ending) return;
    if (more < 1 || more > AGENCY_CREDIT_MAX - (*slot)->credit)
        return refuse(door, word, TC__AGENCY__REFUSED__REASON__MALFORMED,
                      "credit: at least 1, and at most 4096 open at a time, was expected");
    (*slot)->credit += more;
}

static void take_word(agency_door_t *door, const word_t *word) {
    agency_session_t **slot = slot_of(door, &word->peer);
    // An address whose connection broke may be somebody else's now.
    if (slot && strcmp((*slot)->grant.key, word->key) != 0) close_session(door, slot, "replaced");
    slot = slot_of(door, &word->peer);
    switch (word->message ? word->message->message_case : TC__AGENCY__TO_DOOR__MESSAGE__NOT_SET) {
    case TC__AGENCY__TO_DOOR__MESSAGE_HELLO: take_hello(door, word); break;
    case TC__AGENCY__TO_DOOR__MESSAGE_CREDIT: take_credit(door, word); break;
    case TC__AGENCY__TO_DOOR__MESSAGE_BYE:
        if (slot) close_session(door, slot, "bye");
        break;
    default: refuse(door, word, TC__AGENCY__REFUSED__REASON__MALFORMED, "one ToDoor message was expected"); break;
    }
}

// One message, if there is one; what cannot be read comes with no message.
static bool receive(agency_door_t *door, word_t *word) {
    zmq_msg_t frames[FRAMES_OF_A_WORD];
    ProtobufCMessage *message = NULL;
    err_t err;
    *word = (word_t){0};
    const size_t count = wire_receive(door->router, frames, FRAMES_OF_A_WORD);
    if (!count) return false;
    word->peer.bytes = zmq_msg_size(&frames[0]);
    if (word->peer.bytes <= AGENCY_PEER_ID_MAX) memcpy(word->peer.id, zmq_msg_data(&frames[0]), word->peer.bytes);
    if (count >= FRAMES_OF_A_WORD) {
        // Of the handshake: nobody can write them into a message.
        const char *key = zmq_msg_gets(&frames[1], ZAP_KEY_PROPERTY), *caller = zmq_msg_gets(&frames[1], "User-Id");
        snprintf(word->key, sizeof word->key, "%s", key ? key : "");
        snprintf(word->caller, sizeof word->caller, "%s", caller ? caller : "");
    }
    arena_reset(door->reader.arena);
    if (count == FRAMES_OF_A_WORD &&
        !message_unpack(&message, &tc__agency__to_door__descriptor, zmq_msg_data(&frames[1]), zmq_msg_size(&frames[1]),
                        door->reader.arena, &err))
        word->message = (Tc__Agency__ToDoor *)message;
    wire_close(frames, count < FRAMES_OF_A_WORD ? count : FRAMES_OF_A_WORD);
    return true;
}

// ---- what is due for those who are there

static void tend(agency_door_t *door, int64_t now_us) {
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        agency_session_t *session = door->sessions[i];
        if (!session) continue;
        const uint64_t before = session->sequence;
        agency_session_retry(session, door->router);
        metric_add(door->sent, (int64_t)(session->sequence - before));
        if (!session->waiting && !session->gone && now_us - session->spoken_us >= AGENCY_BEAT_MS * 1000)
            agency_say_beat(session, door->router);
        if (session->gone) close_session(door, &door->sessions[i], session->ending ? "ended" : "left");
    }
}

// ---- reading

static agency_session_t *next_session(agency_door_t *door) {
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        const size_t at = (door->turn + i) % SESSIONS_MAX;
        if (!door->sessions[at] || !agency_may_step(door->sessions[at], door->heads)) continue;
        door->turn = at + 1;
        return door->sessions[at];
    }
    return NULL;
}

static void note_store(agency_door_t *door, int rc, const err_t *err) {
    const bool down = rc != E_OK && rc != E_INVALID_FIELD;
    if (rc == E_INVALID_FIELD) log_error("agency_log_unreadable", "why=%s", log_value(err->text));
    if (down && !door->store_down) log_error("agency_store", "why=%s", log_value(err->text));
    if (!down && door->store_down) log_info("agency_store_back", "endpoint=%s", log_value(door->endpoint));
    if (down) door->pause_until_us = clock_mono_us() + STORE_PAUSE_US;
    door->store_down = down;
}

// One step for each in turn, until the time is up. True when there is more.
static bool serve(agency_door_t *door, int64_t now_us) {
    if (now_us < door->pause_until_us) return false;
    for (agency_session_t *session; (session = next_session(door)) != NULL;) {
        err_t err = {0};
        const uint64_t before = session->sequence;
        const int rc = agency_step(&door->reader, session, door->heads, &err);
        metric_add(door->sent, (int64_t)(session->sequence - before));
        note_store(door, rc, &err);
        if (door->store_down) return false;
        if (clock_mono_us() - now_us >= TURN_US) return next_session(door) != NULL;
    }
    return false;
}

int agency_door_turn(agency_door_t *door, const int64_t heads[PARTITIONS]) {
    const int64_t now_us = clock_mono_us();
    err_t err = {0};
    word_t word;
    int words = 0;
    if (try_bind(door, now_us, &err)) log_error("agency_door_closed", "why=%s", log_value(err.text));
    for (size_t i = 0; i < PARTITIONS; i++)
        if (heads[i] > door->heads[i]) door->heads[i] = heads[i];
    if (now_us >= door->look_us) look_at_files(door, now_us);
    for (; words < WORDS_PER_TURN && receive(door, &word); words++) take_word(door, &word);
    tend(door, now_us);
    const bool more = door->count && serve(door, now_us);
    return more || words == WORDS_PER_TURN;
}
