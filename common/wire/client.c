// The calling side. Every accepted call owns a slot until its one outcome is handed out; a reply finds its slot through
// the tag that the broker echoes, so nothing is searched. Survives: lost, late, doubled and reordered replies, brokers
// that die or hang. Does not handle: being used by several threads.
#include "client.h"

#include "common/base/date.h"
#include "common/base/ids.h"
#include "common/base/metrics.h"
#include "lane.h"
#include "pack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    ATTEMPT_MS = 1000,
    DEADLINE_MS = 10000,
    WINDOW = 1024,
    WINDOW_MAX = 65536, // the slot number has 16 bits of the mark
    ATTEMPTS_MAX = 64,  // one bit each in slot_t.open
    PAUSE_MIN_MS = 10,
    PAUSE_MAX_MS = 500,
    RETRY_LEFT_MS = 100,  // no attempt after a clean refusal with less than this left: it would only blur the outcome
    CONNECT_PAUSE_MS = 2, // doubled up to CONNECT_PAUSE_MAX_MS while no broker can be reached
    CONNECT_PAUSE_MAX_MS = 50,
    TIMER_US = 1000, // slots are looked through for expired timers at most this often
    DRAIN_MAX = 256,
    PACK_WAIT_US = 1000, // requests that wait for company go out with the next call of the client after this
};

typedef enum slot_state {
    SLOT_FREE,
    SLOT_WAITING, // sent, no answer to the newest attempt yet
    SLOT_PAUSED,  // the newest attempt was refused, or no broker could be reached
    SLOT_DONE,
} slot_state_t;

typedef struct slot {
    slot_state_t state;
    bool own;          // client_call waits for it: not for client_next
    uint64_t serial;   // of the call: a reply to an earlier call of this slot does not match
    struct slot *next; // free list or done list
    int broker;
    int attempts;
    uint64_t pack;   // the newest attempt stands in the pack of its broker with this number
    uint64_t open;   // attempts without an answer
    bool maybe_done; // a broker said that an instance may have carried it out
    int pause_ms;
    int64_t started_us, due_us, deadline_us;
    zmq_msg_t request;              // kept for the next attempt
    zmq_msg_t answer;               // the message with the reply, shared by all that came in it
    size_t answer_at, answer_bytes; // its body
    void *tag;
    char request_id[WIRE_NAME_MAX + 1];
    err_t last; // the outcome, or the newest refusal
} slot_t;

struct client {
    void *sockets[WIRE_BROKERS_MAX];
    int64_t heard_us[WIRE_BROKERS_MAX];
    pack_t packs[WIRE_BROKERS_MAX];
    uint64_t pack_numbers[WIRE_BROKERS_MAX]; // of the pack that is being filled, from 1
    bool company; // since then a request was sent and the sockets not looked at: the next wait for each other
    int64_t company_us;
    int broker_count;
    int preferred; // where new calls go first
    int64_t attempt_us;
    int window, in_flight;
    int used; // the first so many slots have been taken at least once
    slot_t *slots, *free, *done_first, *done_last;
    uint64_t serial;
    int64_t timer_us; // the earliest moment at which a slot wants attention
    int connect_pause_ms;
    zmq_msg_t shown; // body of the reply handed out last
    arena_t *arena;
    metric_t *retries, *late, *timeouts;
};

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

static int open_socket(client_t *client, const client_conf_t *conf, const char *endpoint, err_t *err) {
    int immediate = 1; // a send to a broker that is not there fails at once and goes to the other one
    unsigned lane = LANE_BROKERS + (unsigned)client->broker_count;
    void *socket = zmq_socket(conf->context, ZMQ_DEALER);
    if (!socket) return err_set(err, E_IO, "client socket: %s", zmq_strerror(errno));
    client->sockets[client->broker_count++] = socket;
    int rc = curve_client(socket, conf->keys, conf->broker_key_name, err);
    if (rc != E_OK) return rc;
    if (lane_take(conf->context, socket, lane) != 0 ||
        zmq_setsockopt(socket, ZMQ_IMMEDIATE, &immediate, sizeof immediate) != 0 || zmq_connect(socket, endpoint) != 0)
        return err_set(err, E_IO, "broker endpoint %s: %s", endpoint, zmq_strerror(errno));
    return E_OK;
}

static int make_slots(client_t *client, int window, err_t *err) {
    client->window = window;
    client->slots = calloc((size_t)window, sizeof *client->slots);
    client->arena = arena_new(4096, WIRE_ARENA_BYTES);
    if (!client->slots || !client->arena) return err_set(err, E_IO, "no memory for a window of %d calls", window);
    return E_OK;
}

int client_new(client_t **out, const client_conf_t *conf, err_t *err) {
    int window = conf->window ? conf->window : WINDOW;
    if (window < 1 || window > WINDOW_MAX)
        return err_set(err, E_OUT_OF_RANGE, "window %d, expected 1 to %d", window, WINDOW_MAX);
    client_t *client = calloc(1, sizeof *client);
    if (!client) return err_set(err, E_IO, "no memory for a client");
    zmq_msg_init(&client->shown);
    client->attempt_us = (int64_t)(conf->attempt_ms > 0 ? conf->attempt_ms : ATTEMPT_MS) * 1000;
    client->connect_pause_ms = CONNECT_PAUSE_MS;
    client->timer_us = INT64_MAX;
    for (int i = 0; i < WIRE_BROKERS_MAX; i++) client->pack_numbers[i] = 1;
    random_bytes(&client->serial, sizeof client->serial);
    client->retries = metric_counter("tongchou_client_retries_total", "", "Attempts after the first of a call");
    client->late = metric_counter("tongchou_client_late_replies_total", "", "Replies that came late, twice or unasked");
    client->timeouts = metric_counter("tongchou_client_timeouts_total", "", "Calls that ended at their deadline");
    int rc = make_slots(client, window, err);
    for (size_t i = 0; rc == E_OK && conf->brokers[i]; i++)
        rc = i < WIRE_BROKERS_MAX ? open_socket(client, conf, conf->brokers[i], err)
                                  : err_field(err, E_TOO_LARGE, "brokers", "at most %d brokers", WIRE_BROKERS_MAX);
    if (rc == E_OK && client->broker_count == 0) rc = err_set(err, E_MISSING_FIELD, "no broker endpoint");
    if (rc == E_OK)
        *out = client;
    else
        client_destroy(&client);
    return rc;
}

static void close_slot_messages(slot_t *slot) {
    zmq_msg_close(&slot->request);
    zmq_msg_close(&slot->answer);
}

void client_destroy(client_t **client) {
    client_t *c = *client;
    if (!c) return;
    for (int i = 0; i < c->broker_count; i++) {
        zmq_close(c->sockets[i]);
        pack_clear(&c->packs[i]);
    }
    for (int i = 0; c->slots && i < c->used; i++)
        if (c->slots[i].state != SLOT_FREE) close_slot_messages(&c->slots[i]);
    zmq_msg_close(&c->shown);
    arena_destroy(&c->arena);
    free(c->slots);
    free(c);
    *client = NULL;
}

// The mark: 40 bits of the call's serial, 8 of the attempt, 16 of the slot.
static uint64_t mark_of(const client_t *client, const slot_t *slot, int attempt) {
    return slot->serial << 24 | (uint64_t)attempt << 16 | (uint64_t)(slot - client->slots);
}

static void want_at(client_t *client, slot_t *slot, int64_t due_us) {
    slot->due_us = min64(due_us, slot->deadline_us);
    client->timer_us = min64(client->timer_us, slot->due_us);
}

// The call's one outcome is in slot->last: hand it to whoever waits.
static void finish(client_t *client, slot_t *slot) {
    slot->state = SLOT_DONE;
    slot->next = NULL;
    if (slot->own) return;
    if (client->done_last)
        client->done_last->next = slot;
    else
        client->done_first = slot;
    client->done_last = slot;
}

static void finish_at_deadline(client_t *client, slot_t *slot) {
    metric_add(client->timeouts, 1);
    if (slot->attempts == 0)
        err_set(&slot->last, E_UNAVAILABLE, "no broker could be reached before the deadline");
    else if (slot->open || slot->maybe_done)
        err_set(&slot->last, E_TIMEOUT, "no reply before the deadline after %d attempts; the outcome is unknown",
                slot->attempts);
    // else every attempt was refused before anybody worked on it, and the newest refusal says why
    finish(client, slot);
}

// Whose attempt stood in a pack that could not be sent was heard by nobody and tries elsewhere.
static void undo_pack(client_t *client, int broker, int64_t now_us) {
    for (int i = 0; i < client->used; i++) {
        slot_t *slot = &client->slots[i];
        if (slot->state != SLOT_WAITING || slot->broker != broker || slot->pack != client->pack_numbers[broker])
            continue;
        slot->open &= ~(UINT64_C(1) << --slot->attempts);
        slot->state = SLOT_PAUSED;
        slot->broker = (broker + 1) % client->broker_count;
        want_at(client, slot, now_us);
    }
}

static bool send_pack(client_t *client, int broker) {
    zmq_msg_t message;
    if (client->packs[broker].count == 0) return true;
    bool made = pack_take(&client->packs[broker], &message, NULL) == E_OK;
    bool sent = made && wire_send(client->sockets[broker], &message, 1) == 0;
    if (made && !sent) wire_close(&message, 1);
    if (!sent) {
        pack_clear(&client->packs[broker]);
        undo_pack(client, broker, clock_mono_us());
    }
    client->pack_numbers[broker]++;
    return sent;
}

void client_flush(client_t *client) {
    for (int i = 0; i < client->broker_count; i++) (void)send_pack(client, i);
    client->company = false;
}

static void flush_if_old(client_t *client, int64_t now_us) {
    if (client->company && now_us - client->company_us > PACK_WAIT_US) client_flush(client);
}

// In the pack of the broker, which leaves when it is full, or with the next look at the sockets.
static bool pack_for(client_t *client, slot_t *slot, int broker, uint64_t mark) {
    pack_t *pack = &client->packs[broker];
    size_t bytes = zmq_msg_size(&slot->request);
    if (!pack_fits(pack, bytes) && !send_pack(client, broker)) return false;
    if (pack_add(pack, zmq_msg_data(&slot->request), bytes, mark) != E_OK) return false;
    slot->pack = client->pack_numbers[broker];
    return true;
}

// The first request goes at once; those that follow it before the next look at the sockets go together.
static bool send_to(client_t *client, slot_t *slot, int broker) {
    uint64_t mark = mark_of(client, slot, slot->attempts);
    if (client->company) return pack_for(client, slot, broker, mark);
    zmq_msg_t frame;
    // A copy of the bytes, not a shared one: each attempt has its own mark.
    if (wire_message_of(&frame, zmq_msg_data(&slot->request), zmq_msg_size(&slot->request), NULL) != E_OK) return false;
    wire_mark_write(zmq_msg_data(&frame), mark);
    client->company = wire_send(client->sockets[broker], &frame, 1) == 0;
    client->company_us = clock_mono_us();
    if (!client->company) wire_close(&frame, 1);
    return client->company;
}

// One more attempt, at slot->broker or, when that cannot be reached, the other.
static void attempt(client_t *client, slot_t *slot, int64_t now_us) {
    if (slot->attempts == ATTEMPTS_MAX) {
        slot->state = SLOT_PAUSED;
        want_at(client, slot, slot->deadline_us);
        return;
    }
    for (int i = 0; i < client->broker_count; i++) {
        int broker = (slot->broker + i) % client->broker_count;
        if (!send_to(client, slot, broker)) continue;
        if (slot->attempts > 0) metric_add(client->retries, 1);
        slot->open |= UINT64_C(1) << slot->attempts;
        slot->attempts++;
        slot->broker = broker;
        slot->state = SLOT_WAITING;
        client->connect_pause_ms = CONNECT_PAUSE_MS;
        want_at(client, slot, now_us + client->attempt_us);
        return;
    }
    slot->state = SLOT_PAUSED;
    want_at(client, slot, now_us + client->connect_pause_ms * 1000);
}

// Send again after a pause that grows. When no attempt fits before the deadline and all were refused, that is the
// outcome.
static void pause_slot(client_t *client, slot_t *slot, int64_t now_us) {
    slot->pause_ms = slot->pause_ms ? slot->pause_ms * 2 : PAUSE_MIN_MS;
    if (slot->pause_ms > PAUSE_MAX_MS) slot->pause_ms = PAUSE_MAX_MS;
    int64_t due_us = now_us + slot->pause_ms * 1000;
    slot->state = SLOT_PAUSED;
    slot->broker = (slot->broker + 1) % client->broker_count;
    if (due_us + RETRY_LEFT_MS * 1000 < slot->deadline_us)
        want_at(client, slot, due_us);
    else if (slot->open || slot->maybe_done)
        want_at(client, slot, slot->deadline_us);
    else
        finish_at_deadline(client, slot);
}

static void attempt_timed_out(client_t *client, slot_t *slot, int64_t now_us) {
    int silent = slot->broker;
    slot->broker = (silent + 1) % client->broker_count;
    // Others need not find out the hard way that this broker says nothing to anybody.
    if (client->preferred == silent && client->heard_us[silent] < now_us - client->attempt_us)
        client->preferred = slot->broker;
    attempt(client, slot, now_us);
}

// Look at every slot whose timer has run out and find the next moment to look. Linear in the slots used so far, but at
// most once a millisecond, and with all calls answered in time once per attempt_ms.
static void run_timers(client_t *client, int64_t now_us) {
    bool unreachable = false;
    client->timer_us = INT64_MAX;
    for (int i = 0; i < client->used; i++) {
        slot_t *slot = &client->slots[i];
        if (slot->state != SLOT_WAITING && slot->state != SLOT_PAUSED) continue;
        if (slot->due_us > now_us)
            client->timer_us = min64(client->timer_us, slot->due_us);
        else if (slot->deadline_us <= now_us)
            finish_at_deadline(client, slot);
        else if (slot->state == SLOT_WAITING)
            attempt_timed_out(client, slot, now_us);
        else
            attempt(client, slot, now_us);
        unreachable = unreachable || (slot->state == SLOT_PAUSED && slot->attempts == 0);
    }
    if (unreachable && client->connect_pause_ms < CONNECT_PAUSE_MAX_MS) client->connect_pause_ms *= 2;
    if (client->timer_us < now_us + TIMER_US) client->timer_us = now_us + TIMER_US;
}

// Refusals that say "nothing was done, it may work in a moment". Asking again is safe after any of them: same id.
static bool is_try_later(int code) {
    return code == E_BUSY || code == E_UNAVAILABLE || code == E_STORE || code == E_RACE;
}

static void take_answer(client_t *client, slot_t *slot, int attempt_number, const Tc__ReplyHeader *header,
                        int64_t now_us) {
    uint64_t bit = UINT64_C(1) << attempt_number;
    if (!(slot->open & bit)) {
        metric_add(client->late, 1);
        return;
    }
    slot->open &= ~bit;
    slot->last.code = header->code;
    snprintf(slot->last.field, sizeof slot->last.field, "%s", header->field);
    snprintf(slot->last.text, sizeof slot->last.text, "%s", header->text);
    if (!is_try_later(header->code)) {
        finish(client, slot);
        return;
    }
    if (strcmp(header->field, WIRE_FIELD_OUTCOME) == 0) slot->maybe_done = true;
    // The refusal of an older attempt changes nothing while the newest is still out.
    if (attempt_number == slot->attempts - 1) pause_slot(client, slot, now_us);
}

// The call that still waits for an answer with this mark, or NULL.
static slot_t *slot_of(client_t *client, uint64_t mark, int *attempt_number) {
    uint64_t index = mark & 0xffff;
    *attempt_number = (int)(mark >> 16 & 0xff);
    if (index >= (uint64_t)client->used || *attempt_number >= ATTEMPTS_MAX) return NULL;
    slot_t *slot = &client->slots[index];
    if (slot->state != SLOT_WAITING && slot->state != SLOT_PAUSED) return NULL;
    return mark_of(client, slot, *attempt_number) == mark ? slot : NULL;
}

static void take_reply(client_t *client, zmq_msg_t *message, const uint8_t *bytes, size_t size, int64_t now_us) {
    Tc__ReplyHeader *header = NULL;
    wire_frame_t frame;
    int attempt_number;
    if (wire_frame_read(bytes, size, &frame, NULL) != E_OK || frame.kind != WIRE_REPLY) goto stray;
    slot_t *slot = slot_of(client, frame.mark, &attempt_number);
    if (!slot) goto stray;
    arena_reset(client->arena);
    if (wire_reply_read(frame.header, frame.header_bytes, client->arena, &header, NULL) != E_OK) goto stray;
    take_answer(client, slot, attempt_number, header, now_us);
    if (slot->state != SLOT_DONE) return;
    // The bytes stay where they are: every reply of a pack holds on to them.
    CHECK(zmq_msg_copy(&slot->answer, message) == 0);
    slot->answer_at = (size_t)(frame.body - (const uint8_t *)zmq_msg_data(message));
    slot->answer_bytes = frame.body_bytes;
    return;
stray:
    metric_add(client->late, 1);
}

static void take_message(client_t *client, zmq_msg_t *message, int64_t now_us) {
    pack_reader_t reader = pack_open(zmq_msg_data(message), zmq_msg_size(message));
    const uint8_t *bytes;
    size_t size;
    while (pack_next(&reader, &bytes, &size)) take_reply(client, message, bytes, size, now_us);
    if (reader.bad) metric_add(client->late, 1);
}

static void drain(client_t *client, int broker, int64_t now_us) {
    for (int i = 0; i < DRAIN_MAX; i++) {
        zmq_msg_t message;
        size_t count = wire_receive(client->sockets[broker], &message, 1);
        if (count == 0) return;
        client->heard_us[broker] = now_us;
        take_message(client, &message, now_us);
        zmq_msg_close(&message);
    }
}

static void pump(client_t *client) {
    int64_t now_us = clock_mono_us();
    client_flush(client);
    for (int i = 0; i < client->broker_count; i++) drain(client, i, now_us);
    if (now_us >= client->timer_us) run_timers(client, now_us);
}

// Wait for a reply, a timer or `until_us`.
static void wait_until(client_t *client, int64_t until_us) {
    zmq_pollitem_t items[WIRE_BROKERS_MAX];
    client_flush(client);
    int64_t left_us = min64(until_us, client->timer_us) - clock_mono_us();
    long left_ms = left_us <= 0 ? 0 : (long)min64((left_us + 999) / 1000, 60000);
    for (int i = 0; i < client->broker_count; i++) items[i] = (zmq_pollitem_t){client->sockets[i], 0, ZMQ_POLLIN, 0};
    // EINTR and ETERM alike: the caller's loop looks at its clock.
    if (zmq_poll(items, client->broker_count, left_ms) < 0) return;
}

static int pack_request(slot_t *slot, const call_t *call, int deadline_ms, err_t *err) {
    Tc__RequestHeader header = TC__REQUEST_HEADER__INIT;
    header.service = (char *)(uintptr_t)(call->service ? call->service : "");
    header.method = (char *)(uintptr_t)(call->method ? call->method : "");
    header.request_id = slot->request_id;
    header.key = (char *)(uintptr_t)(call->key ? call->key : "");
    header.trace_id = (char *)(uintptr_t)(call->trace_id ? call->trace_id : "");
    header.deadline_ms = clock_now_ms() + deadline_ms;
    int rc = wire_request_check(&header, err);
    if (rc != E_OK) return rc;
    return wire_frame_make(&slot->request, WIRE_REQUEST, 0, &header.base, call->body, call->body_bytes, err);
}

static int set_request_id(slot_t *slot, const call_t *call, err_t *err) {
    char fresh[UID_TEXT_MAX];
    const char *id = call->request_id ? call->request_id : uid_new(fresh);
    int length = snprintf(slot->request_id, sizeof slot->request_id, "%s", id);
    if (length > 0 && length <= WIRE_NAME_MAX) return E_OK;
    return err_field(err, E_INVALID_FIELD, "request_id", "request_id must have 1 to %d characters", WIRE_NAME_MAX);
}

static slot_t *free_slot(client_t *client) {
    if (client->free) return client->free;
    return client->used < client->window ? &client->slots[client->used] : NULL;
}

static int start(client_t *client, const call_t *call, bool own, slot_t **out, err_t *err) {
    int deadline_ms = call->deadline_ms ? call->deadline_ms : DEADLINE_MS;
    slot_t *slot = free_slot(client);
    if (call->body_bytes > WIRE_MESSAGE_MAX_BYTES)
        return err_set(err, E_TOO_LARGE, "a body of %zu bytes, at most %d are allowed", call->body_bytes,
                       WIRE_MESSAGE_MAX_BYTES);
    if (deadline_ms < 1 || deadline_ms > WIRE_DEADLINE_MAX_MS)
        return err_field(err, E_OUT_OF_RANGE, "deadline_ms", "a deadline of %d ms, expected 1 to %d", deadline_ms,
                         WIRE_DEADLINE_MAX_MS);
    if (!slot) return err_set(err, E_BUSY, "the window of %d calls is full", client->window);
    int rc = set_request_id(slot, call, err);
    if (rc == E_OK) rc = pack_request(slot, call, deadline_ms, err);
    if (rc != E_OK) return rc;
    if (slot == client->free)
        client->free = slot->next;
    else
        client->used++;
    client->in_flight++;
    zmq_msg_init(&slot->answer);
    slot->answer_at = slot->answer_bytes = 0;
    slot->pack = 0;
    slot->own = own;
    slot->serial = ++client->serial & ((UINT64_C(1) << 40) - 1);
    slot->broker = client->preferred;
    slot->attempts = slot->pause_ms = 0;
    slot->open = 0;
    slot->maybe_done = false;
    slot->tag = call->tag;
    slot->last = (err_t){0};
    slot->started_us = clock_mono_us();
    slot->deadline_us = slot->started_us + (int64_t)deadline_ms * 1000;
    flush_if_old(client, slot->started_us);
    attempt(client, slot, slot->started_us);
    *out = slot;
    return E_OK;
}

// Show the outcome to the caller and free the slot; the body lives on in client->shown.
static void hand_out(client_t *client, slot_t *slot, reply_t *reply) {
    zmq_msg_move(&client->shown, &slot->answer);
    *reply = (reply_t){.code = slot->last.code, .tag = slot->tag, .attempts = slot->attempts};
    snprintf(reply->field, sizeof reply->field, "%s", slot->last.field);
    snprintf(reply->text, sizeof reply->text, "%s", slot->last.text);
    snprintf(reply->request_id, sizeof reply->request_id, "%s", slot->request_id);
    reply->body = (const uint8_t *)zmq_msg_data(&client->shown) + slot->answer_at;
    reply->body_bytes = slot->answer_bytes;
    reply->elapsed_us = clock_mono_us() - slot->started_us;
    close_slot_messages(slot);
    slot->state = SLOT_FREE;
    slot->next = client->free;
    client->free = slot;
    client->in_flight--;
}

int client_send(client_t *client, const call_t *call, err_t *err) {
    slot_t *slot;
    return start(client, call, false, &slot, err);
}

int client_call(client_t *client, const call_t *call, reply_t *reply, err_t *err) {
    slot_t *slot = NULL;
    int rc = start(client, call, true, &slot, err);
    if (rc != E_OK) {
        *reply = (reply_t){.code = rc, .tag = call->tag};
        return rc;
    }
    do {
        wait_until(client, slot->deadline_us);
        pump(client);
    } while (slot->state != SLOT_DONE);
    hand_out(client, slot, reply);
    if (reply->code != E_OK) err_field(err, reply->code, reply->field, "%s", reply->text);
    return reply->code;
}

int client_next(client_t *client, reply_t *reply, int timeout_ms) {
    int64_t until_us = clock_mono_us() + (int64_t)timeout_ms * 1000;
    for (;;) {
        if (!client->done_first) pump(client);
        slot_t *slot = client->done_first;
        if (slot) {
            client->done_first = slot->next;
            if (!client->done_first) client->done_last = NULL;
            hand_out(client, slot, reply);
            flush_if_old(client, clock_mono_us());
            return 1;
        }
        if (clock_mono_us() >= until_us) return 0;
        wait_until(client, until_us);
    }
}

int client_in_flight(const client_t *client) { return client->in_flight; }

size_t client_sockets(const client_t *client, void **sockets, size_t room) {
    size_t count = 0;
    while (count < room && count < (size_t)client->broker_count) {
        sockets[count] = client->sockets[count];
        count++;
    }
    return count;
}
