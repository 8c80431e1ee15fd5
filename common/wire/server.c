// The serving side. A request taken holds a ticket until it is answered or its deadline has passed; the tickets bound
// what this process holds, whatever the brokers send. Survives: brokers that die, come back or forget us. A reply whose
// broker has gone is lost and counted; the caller asks again under the same id. One thread.
#include "server.h"

#include "common/base/date.h"
#include "common/base/ids.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "gate.h"
#include "lane.h"
#include "pack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    CREDIT = 256,
    HEADER_ROOM = 384,     // the broker adds caller and scope to a header that may be full already
    READY_MS = 50,         // between READYs while a broker has not answered
    CONNECT_WAIT_MS = 100, // at start, for the first broker
    GOODBYE_MS = 500,      // what was sent last may take this long to leave at the end
    CONTROLS_MAX = 64,     // control frames worked through in one turn, beside the requests
    EXPIRED_GRACE_MS = 1000,
};

typedef struct link {
    void *socket;
    bool up; // the broker knows us
    int64_t heard_us, said_us;
    zmq_msg_t open; // the message that is being taken, and how far
    pack_reader_t reader;
    bool is_open;
    size_t held;    // its place among the messages held for the batch that is filled, from 1; 0: not yet held
    pack_t replies; // that leave together
} link_t;

typedef struct ticket {
    struct ticket *next; // free list
    bool used;
    uint32_t generation;
    int link;
    uint64_t batch; // in which it came
    uint64_t mark;  // the broker's
    int64_t deadline_ms;
    char request_id[WIRE_NAME_MAX + 1];
} ticket_t;

// Requests that are handed out together, and what they point into.
typedef struct batch {
    request_t *requests;
    zmq_msg_t *held;
    size_t count, held_count;
    uint64_t number;
    size_t unanswered;
    arena_t *arena; // of their headers
} batch_t;

struct server {
    link_t links[WIRE_BROKERS_MAX];
    int link_count, turn;
    char service[WIRE_NAME_MAX + 1], instance[WIRE_NAME_MAX + 1], key_name[WIRE_NAME_MAX + 1];
    char live_endpoint[WIRE_ENDPOINT_MAX + 1], replay_endpoint[WIRE_ENDPOINT_MAX + 1];
    int credit, replay_version;
    bool draining;
    ticket_t *tickets, *free;
    size_t room, outstanding;
    batch_t batches[2], *now, *ahead; // `ahead` is empty, or was taken while `now` is worked on
    uint64_t batch_number;            // of the newest
    int64_t sweep_us;
    log_gate_t malformed_gate;
    metric_t *taken, *expired, *malformed, *lost;
};

static int set_presence(server_t *server, const server_conf_t *conf, err_t *err) {
    const struct {
        const char *what, *value;
        char *to;
        int room;
    } texts[] = {
        {"service", conf->service, server->service, WIRE_NAME_MAX},
        {"instance", conf->instance, server->instance, WIRE_NAME_MAX},
        {"key_name", conf->key_name ? conf->key_name : "", server->key_name, WIRE_NAME_MAX},
        {"live_endpoint", conf->live_endpoint ? conf->live_endpoint : "", server->live_endpoint, WIRE_ENDPOINT_MAX},
        {"replay_endpoint", conf->replay_endpoint ? conf->replay_endpoint : "", server->replay_endpoint,
         WIRE_ENDPOINT_MAX},
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (snprintf(texts[i].to, (size_t)texts[i].room + 1, "%s", texts[i].value) > texts[i].room)
            return err_field(err, E_INVALID_FIELD, texts[i].what, "%s is longer than %d bytes", texts[i].what,
                             texts[i].room);
    int rc = name_check("service", server->service, err);
    return rc == E_OK ? name_check("instance", server->instance, err) : rc;
}

static int open_link(server_t *server, const server_conf_t *conf, const char *endpoint, err_t *err) {
    int immediate = 1, linger = GOODBYE_MS;
    unsigned lane = LANE_BROKERS + (unsigned)server->link_count;
    void *socket = zmq_socket(conf->context, ZMQ_DEALER);
    if (!socket) return err_set(err, E_IO, "server socket: %s", zmq_strerror(errno));
    server->links[server->link_count++].socket = socket;
    int rc = curve_client(socket, conf->keys, conf->broker_key_name, err);
    if (rc != E_OK) return rc;
    if (lane_take(conf->context, socket, lane) != 0 ||
        zmq_setsockopt(socket, ZMQ_IMMEDIATE, &immediate, sizeof immediate) != 0 ||
        zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger) != 0 || zmq_connect(socket, endpoint) != 0)
        return err_set(err, E_IO, "broker endpoint %s: %s", endpoint, zmq_strerror(errno));
    return E_OK;
}

static bool make_batch(batch_t *batch, size_t room) {
    batch->requests = calloc(room, sizeof *batch->requests);
    batch->held = calloc(room, sizeof *batch->held);
    batch->arena = arena_new(64 * 1024, 0);
    return batch->requests && batch->held && batch->arena;
}

static int make_tickets(server_t *server, err_t *err) {
    server->room = (size_t)server->credit * (size_t)server->link_count;
    server->tickets = calloc(server->room, sizeof *server->tickets);
    if (!server->tickets || !make_batch(server->now, server->room) || !make_batch(server->ahead, server->room))
        return err_set(err, E_IO, "no memory for a credit of %d", server->credit);
    for (size_t i = server->room; i-- > 0;) {
        server->tickets[i].next = server->free;
        server->free = &server->tickets[i];
    }
    return E_OK;
}

static void make_metrics(server_t *server) {
    server->taken = metric_counter("tongchou_server_requests_total", "outcome=\"taken\"", "Requests from the brokers");
    server->expired =
        metric_counter("tongchou_server_requests_total", "outcome=\"expired\"", "Requests from the brokers");
    server->malformed =
        metric_counter("tongchou_server_malformed_total", "", "Messages from a broker that could not be read");
    server->lost = metric_counter("tongchou_server_replies_lost_total", "",
                                  "Replies that could not be sent: broker gone, or answered twice");
}

// READY or BEAT, with what we are.
static bool say(server_t *server, link_t *link, wire_kind_t kind) {
    Tc__Presence presence = TC__PRESENCE__INIT;
    zmq_msg_t frame;
    presence.service = server->service;
    presence.instance = server->instance;
    presence.credit = server->draining ? 0 : server->credit;
    presence.live_endpoint = server->live_endpoint;
    presence.replay_endpoint = server->replay_endpoint;
    presence.replay_version = server->replay_version;
    presence.key_name = server->key_name;
    link->said_us = clock_mono_us();
    if (wire_frame_make(&frame, kind, 0, &presence.base, NULL, 0, NULL) != E_OK) return false;
    if (wire_send(link->socket, &frame, 1) == 0) return true;
    wire_close(&frame, 1);
    return false;
}

static void wait_for_connection(server_t *server) {
    zmq_pollitem_t item = {server->links[0].socket, 0, ZMQ_POLLOUT, 0};
    if (zmq_poll(&item, 1, CONNECT_WAIT_MS) < 0) return;
    for (int i = 0; i < server->link_count; i++) (void)say(server, &server->links[i], WIRE_READY);
}

int server_new(server_t **out, const server_conf_t *conf, err_t *err) {
    int credit = conf->credit ? conf->credit : CREDIT;
    if (credit < 1 || credit > WIRE_CREDIT_MAX)
        return err_field(err, E_OUT_OF_RANGE, "credit", "credit %d, expected 1 to %d", credit, WIRE_CREDIT_MAX);
    server_t *server = calloc(1, sizeof *server);
    if (!server) return err_set(err, E_IO, "no memory for a server");
    server->credit = credit;
    server->replay_version = conf->replay_version;
    server->now = &server->batches[0];
    server->ahead = &server->batches[1];
    make_metrics(server);
    int rc = set_presence(server, conf, err);
    for (size_t i = 0; rc == E_OK && conf->brokers[i]; i++)
        rc = i < WIRE_BROKERS_MAX ? open_link(server, conf, conf->brokers[i], err)
                                  : err_field(err, E_TOO_LARGE, "brokers", "at most %d brokers", WIRE_BROKERS_MAX);
    if (rc == E_OK && server->link_count == 0) rc = err_set(err, E_MISSING_FIELD, "no broker endpoint");
    if (rc == E_OK) rc = make_tickets(server, err);
    if (rc != E_OK) {
        server_destroy(&server);
        return rc;
    }
    wait_for_connection(server);
    *out = server;
    return E_OK;
}

static void release(batch_t *batch) {
    wire_close(batch->held, batch->held_count);
    batch->count = batch->held_count = batch->unanswered = 0;
    if (batch->arena) arena_reset(batch->arena);
}

static void destroy_batch(batch_t *batch) {
    release(batch);
    arena_destroy(&batch->arena);
    free(batch->held);
    free(batch->requests);
}

// A broker that cannot be reached finds out by our silence.
static void say_bye(link_t *link) {
    zmq_msg_t frame;
    if (wire_frame_make(&frame, WIRE_BYE, 0, NULL, NULL, 0, NULL) != E_OK) return;
    if (wire_send(link->socket, &frame, 1) != 0) wire_close(&frame, 1);
}

void server_destroy(server_t **server) {
    server_t *s = *server;
    if (!s) return;
    server_flush(s);
    for (int i = 0; i < s->link_count; i++) {
        if (s->links[i].up) say_bye(&s->links[i]);
        if (s->links[i].is_open) zmq_msg_close(&s->links[i].open);
        pack_clear(&s->links[i].replies);
        zmq_close(s->links[i].socket);
    }
    for (size_t i = 0; i < COUNT_OF(s->batches); i++) destroy_batch(&s->batches[i]);
    free(s->tickets);
    free(s);
    *server = NULL;
}

size_t server_sockets(const server_t *server, void **sockets, size_t room) {
    size_t count = 0;
    while (count < room && count < (size_t)server->link_count) {
        sockets[count] = server->links[count].socket;
        count++;
    }
    return count;
}

static void heard(server_t *server, link_t *link, int64_t now_us) {
    link->heard_us = now_us;
    if (link->up) return;
    link->up = true;
    log_info("broker_up", "service=%s instance=%s broker=%d", server->service, server->instance,
             (int)(link - server->links) + 1);
}

static void tick_link(server_t *server, link_t *link, int64_t now_us) {
    if (link->up && now_us - link->heard_us > (int64_t)WIRE_DEAD_AFTER_MS * 1000) {
        link->up = false;
        log_warn("broker_silent", "service=%s instance=%s broker=%d", server->service, server->instance,
                 (int)(link - server->links) + 1);
    }
    int64_t every_us = (int64_t)(link->up ? WIRE_HEARTBEAT_MS : READY_MS) * 1000;
    if (now_us - link->said_us < every_us) return;
    // A beat that cannot be sent means a broken connection: the next broker at that address does not know us.
    if (!say(server, link, link->up ? WIRE_BEAT : WIRE_READY)) link->up = false;
}

static void give_back(server_t *server, ticket_t *ticket) {
    ticket->used = false;
    ticket->next = server->free;
    server->free = ticket;
    server->outstanding--;
}

// What the service never answered: its caller has given up, and the broker has forgotten it.
static void sweep(server_t *server, int64_t now_ms) {
    for (size_t i = 0; i < server->room; i++)
        if (server->tickets[i].used && server->tickets[i].deadline_ms + EXPIRED_GRACE_MS < now_ms)
            give_back(server, &server->tickets[i]);
}

void server_tick(server_t *server) {
    int64_t now_us = clock_mono_us();
    server_flush(server);
    for (int i = 0; i < server->link_count; i++) tick_link(server, &server->links[i], now_us);
    if (now_us < server->sweep_us) return;
    server->sweep_us = now_us + 1000000;
    sweep(server, clock_now_ms());
}

static void malformed(server_t *server, const err_t *err) {
    uint64_t skipped = 0;
    metric_add(server->malformed, 1);
    if (log_gate_open(&server->malformed_gate, &skipped))
        log_warn("broker_message_malformed", "reason=%s skipped=%llu", log_value(err->text),
                 (unsigned long long)skipped);
}

static void send_replies(server_t *server, link_t *link) {
    zmq_msg_t message;
    size_t count = link->replies.count;
    if (count == 0) return;
    if (pack_take(&link->replies, &message, NULL) == E_OK) {
        if (wire_send(link->socket, &message, 1) == 0) return;
        wire_close(&message, 1);
    }
    pack_clear(&link->replies);
    metric_add(server->lost, (int64_t)count);
}

void server_flush(server_t *server) {
    for (int i = 0; i < server->link_count; i++) send_replies(server, &server->links[i]);
}

// Put aside; it leaves with the last reply of its batch, or when the pack is full.
static void add_reply(server_t *server, int index, uint64_t mark, const char *request_id, const err_t *outcome,
                      const void *body, size_t body_bytes) {
    link_t *link = &server->links[index];
    zmq_msg_t frame;
    if (wire_reply_make(&frame, mark, request_id, outcome, body, body_bytes, NULL) != E_OK) {
        metric_add(server->lost, 1);
        return;
    }
    if (!pack_fits(&link->replies, zmq_msg_size(&frame))) send_replies(server, link);
    if (pack_add(&link->replies, zmq_msg_data(&frame), zmq_msg_size(&frame), mark) != E_OK) metric_add(server->lost, 1);
    zmq_msg_close(&frame);
}

static void fill_header(wire_header_t *to, const Tc__RequestHeader *from) {
    *to = (wire_header_t){.service = from->service,
                          .method = from->method,
                          .request_id = from->request_id,
                          .key = from->key,
                          .trace_id = from->trace_id,
                          .deadline_ms = from->deadline_ms,
                          .caller = from->caller,
                          .scope = from->scope};
}

// The message that the link's requests of this batch point into; one copy of the reference, whatever their number.
static zmq_msg_t *hold(batch_t *batch, link_t *link) {
    if (link->held == 0) {
        zmq_msg_t *held = &batch->held[batch->held_count];
        zmq_msg_init(held);
        CHECK(zmq_msg_copy(held, &link->open) == 0);
        link->held = ++batch->held_count;
    }
    return &batch->held[link->held - 1];
}

static void add_to_batch(server_t *server, batch_t *batch, int index, const wire_frame_t *frame,
                         const Tc__RequestHeader *header) {
    link_t *link = &server->links[index];
    ticket_t *ticket = server->free;
    request_t *request = &batch->requests[batch->count++];
    server->free = ticket->next;
    server->outstanding++;
    batch->unanswered++;
    ticket->used = true;
    ticket->generation++;
    ticket->link = index;
    ticket->batch = batch->number;
    ticket->mark = frame->mark;
    ticket->deadline_ms = header->deadline_ms;
    snprintf(ticket->request_id, sizeof ticket->request_id, "%s", header->request_id);
    fill_header(&request->header, header);
    // A small message lives inside its zmq_msg_t, so the body is where the held one is.
    size_t at = (size_t)(frame->body - (const uint8_t *)zmq_msg_data(&link->open));
    request->body = (const uint8_t *)zmq_msg_data(hold(batch, link)) + at;
    request->body_bytes = frame->body_bytes;
    request->token = (uint64_t)ticket->generation << 32 | (uint64_t)(ticket - server->tickets);
    request->received_us = clock_mono_us();
    metric_add(server->taken, 1);
}

static void take_request(server_t *server, batch_t *batch, int link, const wire_frame_t *frame) {
    Tc__RequestHeader *header = NULL;
    err_t err = {0};
    int rc = wire_request_read(frame->header, frame->header_bytes, WIRE_HEADER_MAX_BYTES + HEADER_ROOM, batch->arena,
                               &header, &err);
    if (rc != E_OK) {
        malformed(server, &err);
        return;
    }
    err = (err_t){0};
    if (header->deadline_ms <= clock_now_ms()) {
        metric_add(server->expired, 1);
        err_set(&err, E_TIMEOUT, "%s: the deadline passed before the work began", server->instance);
    } else if (!server->free) {
        // Only a broker that does not keep to the credit, or has forgotten what it sent, comes here. Reading on all the
        // same keeps its beats from looking like silence.
        err_set(&err, E_BUSY, "%s: all %zu places are taken", server->instance, server->room);
    }
    if (err.code != E_OK)
        add_reply(server, link, frame->mark, header->request_id, &err, NULL, 0);
    else
        add_to_batch(server, batch, link, frame, header);
}

static void take_frame(server_t *server, batch_t *batch, int index, const uint8_t *bytes, size_t size) {
    link_t *link = &server->links[index];
    wire_frame_t frame;
    err_t err = {0};
    if (wire_frame_read(bytes, size, &frame, &err) != E_OK) {
        malformed(server, &err);
    } else if (frame.kind == WIRE_WHO) {
        link->heard_us = clock_mono_us();
        (void)say(server, link, WIRE_READY); // if it is lost, the next beat brings the same question
    } else {
        heard(server, link, clock_mono_us());
        if (frame.kind == WIRE_REQUEST) take_request(server, batch, index, &frame);
    }
}

static void close_message(server_t *server, link_t *link) {
    err_t err = {0};
    if (link->reader.bad) {
        pack_error(&link->reader, &err);
        malformed(server, &err);
    }
    zmq_msg_close(&link->open);
    link->is_open = false;
    link->held = 0;
}

// One step of a link: open its next message (only when `fresh`), take a frame of it, or close it. False when there was
// nothing to do.
static bool take_item(server_t *server, batch_t *batch, int index, bool fresh) {
    link_t *link = &server->links[index];
    const uint8_t *bytes;
    size_t size;
    if (!link->is_open) {
        if (!fresh || wire_receive(link->socket, &link->open, 1) == 0) return false;
        link->is_open = true;
        link->reader = pack_open(zmq_msg_data(&link->open), zmq_msg_size(&link->open));
    }
    if (pack_next(&link->reader, &bytes, &size))
        take_frame(server, batch, index, bytes, size);
    else
        close_message(server, link);
    return true;
}

static void begin(server_t *server, batch_t *batch) {
    release(batch);
    batch->number = ++server->batch_number;
    for (int i = 0; i < server->link_count; i++) server->links[i].held = 0;
}

// One request of each broker in turn, so that a busy one does not starve the other; one that had nothing is not asked
// again, since asking costs as much as taking. What is left of an opened message when the batch is full comes first in
// the next.
static void fill(server_t *server, batch_t *batch, size_t max) {
    bool dry[WIRE_BROKERS_MAX] = {false};
    int wet = server->link_count;
    size_t budget = 2 * max + CONTROLS_MAX;
    while (wet > 0 && batch->count < max) {
        const int index = server->turn;
        if (!dry[index] && !take_item(server, batch, index, budget > 0)) dry[index] = true, wet--;
        server->turn = (index + 1) % server->link_count;
        if (budget > 0) budget--;
    }
}

size_t server_take(server_t *server, const request_t **batch, size_t max) {
    batch_t *answered = server->now;
    server_flush(server);
    if (server->ahead->count) {
        server->now = server->ahead;
        server->ahead = answered;
        release(answered);
    } else {
        begin(server, server->now);
    }
    fill(server, server->now, max);
    server_flush(server); // refusals, when nobody else is there to carry them
    *batch = server->now->requests;
    return server->now->count;
}

size_t server_take_ahead(server_t *server, const request_t **batch, size_t max) {
    if (server->ahead->count == 0) {
        begin(server, server->ahead);
        fill(server, server->ahead, max);
    }
    *batch = server->ahead->requests;
    return server->ahead->count;
}

void server_reply(server_t *server, const request_t *request, int code, const err_t *err, const void *body,
                  size_t body_bytes) {
    uint64_t index = request->token & 0xffffffff;
    CHECK(index < server->room);
    ticket_t *ticket = &server->tickets[index];
    if (!ticket->used || ticket->generation != request->token >> 32) {
        metric_add(server->lost, 1); // answered twice, or long after the deadline
        return;
    }
    err_t outcome = {0};
    if (code != E_OK && err) outcome = *err;
    outcome.code = code;
    if (body_bytes > WIRE_MESSAGE_MAX_BYTES) {
        err_set(&outcome, E_TOO_LARGE, "the reply would have %zu bytes, at most %d are allowed", body_bytes,
                WIRE_MESSAGE_MAX_BYTES);
        body_bytes = 0;
    }
    bool late = ticket->batch != server->now->number;
    add_reply(server, ticket->link, ticket->mark, ticket->request_id, &outcome, body, body_bytes);
    give_back(server, ticket);
    if (!late) server->now->unanswered--;
    if (late || server->now->unanswered == 0) server_flush(server);
}

void server_drain(server_t *server) {
    server->draining = true;
    for (int i = 0; i < server->link_count; i++)
        if (server->links[i].up) (void)say(server, &server->links[i], WIRE_BEAT); // the next beat says it again
}
