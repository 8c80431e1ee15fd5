// One thread. An operation is in one place at a time: ahead in the plan, waiting for another one, in the queue of its
// hospital, in flight, or done. A question about what became of an operation travels like the operation itself.
#include "offer.h"
#include "adjudication.pb-c.h"
#include "common/base/date.h"
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum { STATUS_DEADLINE_MS = 5000 };

typedef struct ticket { // of a call in flight
    int32_t op;
    bool asks; // get_status
} ticket_t;

typedef struct hospital {
    client_t *client;
    ticket_t *tickets;
    int32_t *free; // of `tickets`
    int64_t free_count;
    int32_t first, last; // its queue
} hospital_t;

typedef struct offer_run {
    plan_t *plan;
    const offer_conf_t *conf;
    offer_result_t *out;
    hospital_t hospital[OFFER_HOSPITALS_MAX];
    int64_t queued, left; // in queues; without an answer
    size_t ahead;         // the next operation of the plan
    int64_t start_us;
    bool *ask_first; // by operation: what became of it is asked before it is sent again
    bool *said_done;
    arena_t *arena;
} offer_run_t;

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

// ---- queues

static void enqueue(offer_run_t *run, int32_t at) {
    op_t *op = &run->plan->ops[at];
    hospital_t *hospital = &run->hospital[op->hospital];
    op->next = NO_OP;
    if (hospital->last == NO_OP)
        hospital->first = at;
    else
        run->plan->ops[hospital->last].next = at;
    hospital->last = at;
    run->queued++;
}

static int32_t dequeue(offer_run_t *run, hospital_t *hospital) {
    const int32_t at = hospital->first;
    hospital->first = run->plan->ops[at].next;
    if (hospital->first == NO_OP) hospital->last = NO_OP;
    run->queued--;
    return at;
}

static bool is_due(const offer_run_t *run) {
    if (!run->conf->rate) return true;
    return run->start_us + (int64_t)run->ahead * 1000000 / run->conf->rate <= clock_mono_us();
}

// Only so far ahead that a hospital with a full window does not let the others wait for long.
static void look_ahead(offer_run_t *run) {
    const int64_t room = run->conf->window * run->plan->hospitals * 2;
    for (; run->ahead < run->plan->count && run->queued < room && is_due(run); run->ahead++) {
        op_t *op = &run->plan->ops[run->ahead];
        op->due_us = clock_mono_us();
        op_t *first = op->after == NO_OP ? NULL : &run->plan->ops[op->after];
        if (!first || first->done) {
            enqueue(run, (int32_t)run->ahead);
            continue;
        }
        op->next = first->waiting;
        first->waiting = (int32_t)run->ahead;
    }
}

// ---- sending

static int send_op(offer_run_t *run, hospital_t *hospital, int32_t at, err_t *err) {
    op_t *op = &run->plan->ops[at];
    const int32_t place = hospital->free[hospital->free_count - 1];
    ticket_t *ticket = &hospital->tickets[place];
    *ticket = (ticket_t){.op = at, .asks = run->ask_first[at]};
    call_t call = {.service = "adjudication",
                   .method = op->reverses ? "reverse" : "settle",
                   .key = op->person,
                   .request_id = op->id,
                   .body = op->body,
                   .body_bytes = op->bytes,
                   .deadline_ms = (int)run->conf->deadline_ms,
                   .tag = ticket};
    if (ticket->asks) {
        Tc__GetStatus ask = TC__GET_STATUS__INIT;
        ask.request_id = (char *)op->id;
        arena_reset(run->arena);
        call.body = message_pack(&ask.base, run->arena, &call.body_bytes);
        if (!call.body) return no_memory(err);
        call.method = "get_status";
        call.key = "";
        call.request_id = NULL;
        call.deadline_ms = STATUS_DEADLINE_MS;
    }
    int rc = client_send(hospital->client, &call, err);
    if (rc) return rc;
    hospital->free_count--;
    if (!ticket->asks) op->tries++;
    run->out->sent++;
    return 0;
}

static int send_queued(offer_run_t *run, err_t *err) {
    for (int32_t i = 0; i < run->plan->hospitals; i++) {
        hospital_t *hospital = &run->hospital[i];
        while (hospital->first != NO_OP && hospital->free_count) {
            int rc = send_op(run, hospital, dequeue(run, hospital), err);
            if (rc) return rc;
        }
        client_flush(hospital->client);
    }
    return 0;
}

// ---- answers

static void complain(const offer_run_t *run, const op_t *op, const char *what, const char *text) {
    const offer_result_t *out = run->out;
    if (out->unlawful + out->unlike + out->status_lied > OFFER_TELL_MAX) return;
    fprintf(stderr, "replay: %s %s of bill %s: %s %s %s\n", op->reverses ? "reverse" : "settle", op->id, op->bill, what,
            err_name(op->code), text);
}

static bool same_answer(const op_t *a, const op_t *b) {
    return a->code == b->code && (a->code || memcmp(a->digest, b->digest, SHA256_BYTES) == 0);
}

static void finish(offer_run_t *run, int32_t at, const reply_t *reply) {
    op_t *op = &run->plan->ops[at];
    op->done = true;
    op->code = reply->code;
    op->latency_us = clock_mono_us() - op->due_us;
    if (!reply->code) sha256(reply->body, reply->body_bytes, op->digest);
    run->out->by_code[op->code]++;
    run->left--;
    if (!(op->lawful >> op->code & 1)) {
        run->out->unlawful++;
        complain(run, op, "the plan does not allow", reply->text);
    }
    // What has the id of something else is told what became of that.
    if (run->said_done[at] && op->code && (op->lawful >> E_OK & 1)) {
        run->out->status_lied++;
        complain(run, op, "get_status said done, now", reply->text);
    }
    while (op->waiting != NO_OP) {
        const int32_t next = op->waiting;
        op->waiting = run->plan->ops[next].next;
        enqueue(run, next);
    }
}

// What a caller is told when nobody could do it in time: nothing is known.
static bool is_open(int code) {
    return code == E_TIMEOUT || code == E_BUSY || code == E_UNAVAILABLE || code == E_STORE || code == E_RACE;
}

static int take_status(offer_run_t *run, int32_t at, const reply_t *reply, err_t *err) {
    ProtobufCMessage *message = NULL;
    if (reply->code) return 0; // asked again
    arena_reset(run->arena);
    int rc = message_unpack(&message, &tc__status__descriptor, reply->body, reply->body_bytes, run->arena, err);
    if (rc) return rc;
    const bool done = strcmp(((const Tc__Status *)message)->state, "done") == 0;
    run->ask_first[at] = false;
    run->said_done[at] |= done;
    *(done ? &run->out->done_after_all : &run->out->not_done) += 1;
    return 0;
}

static int take_reply(offer_run_t *run, hospital_t *hospital, const reply_t *reply, err_t *err) {
    const ticket_t ticket = *(ticket_t *)reply->tag;
    op_t *op = &run->plan->ops[ticket.op];
    int rc = 0;
    hospital->free[hospital->free_count++] = (int32_t)((ticket_t *)reply->tag - hospital->tickets);
    run->out->attempts += reply->attempts;
    const int64_t past_us =
        reply->elapsed_us - (ticket.asks ? STATUS_DEADLINE_MS : run->conf->deadline_ms) * (int64_t)1000;
    if (past_us > run->out->past_deadline_us) run->out->past_deadline_us = past_us;
    if (ticket.asks) {
        rc = take_status(run, ticket.op, reply, err);
    } else if (!is_open(reply->code)) {
        run->out->answered++;
        finish(run, ticket.op, reply);
        return 0;
    } else {
        run->out->late++;
        run->out->repeated++;
        run->ask_first[ticket.op] = true;
    }
    if (rc) return rc;
    if (op->tries >= OFFER_TRIES_MAX)
        return err_set(err, E_TIMEOUT, "%s got no answer in %d calls", op->id, OFFER_TRIES_MAX);
    enqueue(run, ticket.op);
    return 0;
}

static int take(offer_run_t *run, long timeout_ms, err_t *err) {
    zmq_pollitem_t items[OFFER_HOSPITALS_MAX * WIRE_BROKERS_MAX];
    int count = 0, rc = 0;
    reply_t reply;
    for (int32_t i = 0; i < run->plan->hospitals; i++) {
        void *sockets[WIRE_BROKERS_MAX];
        const size_t found = client_sockets(run->hospital[i].client, sockets, WIRE_BROKERS_MAX);
        for (size_t k = 0; k < found; k++)
            items[count++] = (zmq_pollitem_t){.socket = sockets[k], .events = ZMQ_POLLIN};
    }
    if (zmq_poll(items, count, timeout_ms) < 0) return 0;
    for (int32_t i = 0; !rc && i < run->plan->hospitals; i++)
        while (!rc && client_next(run->hospital[i].client, &reply, 0) == 1)
            rc = take_reply(run, &run->hospital[i], &reply, err);
    return rc;
}

// ---- a run

// Twins are compared when both are there, whichever was answered first.
static void compare_twins(offer_run_t *run) {
    for (size_t i = 0; i < run->plan->count; i++) {
        const op_t *op = &run->plan->ops[i];
        if (op->same == NO_OP || same_answer(op, &run->plan->ops[op->same])) continue;
        run->out->unlike++;
        complain(run, op, "another answer than the same id got before:", "");
    }
}

static int by_value(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int measure(offer_run_t *run, err_t *err) {
    const size_t n = run->plan->count;
    int64_t *sorted = malloc(n * sizeof *sorted);
    if (!sorted) return no_memory(err);
    for (size_t i = 0; i < n; i++) sorted[i] = run->plan->ops[i].latency_us;
    qsort(sorted, n, sizeof *sorted, by_value);
    run->out->p50_us = sorted[n / 2];
    run->out->p99_us = sorted[n * 99 / 100];
    run->out->max_us = sorted[n - 1];
    free(sorted);
    return 0;
}

static int open_hospital(offer_run_t *run, hospital_t *hospital, err_t *err) {
    client_conf_t conf = *run->conf->client;
    const int64_t window = run->conf->window;
    conf.window = (int)window;
    hospital->first = hospital->last = NO_OP;
    hospital->tickets = calloc((size_t)window, sizeof *hospital->tickets);
    hospital->free = calloc((size_t)window, sizeof *hospital->free);
    if (!hospital->tickets || !hospital->free) return no_memory(err);
    for (int64_t i = 0; i < window; i++) hospital->free[hospital->free_count++] = (int32_t)i;
    return client_new(&hospital->client, &conf, err);
}

static int open_run(offer_run_t *run, err_t *err) {
    const size_t n = run->plan->count;
    if (run->plan->hospitals > OFFER_HOSPITALS_MAX)
        return err_set(err, E_TOO_LARGE, "at most %d hospitals", OFFER_HOSPITALS_MAX);
    run->arena = arena_new(64 * 1024, 0);
    run->ask_first = calloc(n, sizeof *run->ask_first);
    run->said_done = calloc(n, sizeof *run->said_done);
    int rc = run->arena && run->ask_first && run->said_done ? 0 : no_memory(err);
    for (int32_t i = 0; !rc && i < run->plan->hospitals; i++) rc = open_hospital(run, &run->hospital[i], err);
    return rc;
}

static void close_run(offer_run_t *run) {
    for (int32_t i = 0; i < OFFER_HOSPITALS_MAX; i++) {
        client_destroy(&run->hospital[i].client);
        free(run->hospital[i].tickets);
        free(run->hospital[i].free);
    }
    free(run->ask_first);
    free(run->said_done);
    arena_destroy(&run->arena);
}

int offer(plan_t *plan, const offer_conf_t *conf, offer_result_t *out, err_t *err) {
    static offer_run_t run;
    *out = (offer_result_t){0};
    run = (offer_run_t){.plan = plan, .conf = conf, .out = out, .left = (int64_t)plan->count};
    int rc = open_run(&run, err);
    run.start_us = clock_mono_us();
    while (!rc && run.left) {
        look_ahead(&run);
        rc = send_queued(&run, err);
        if (!rc) rc = take(&run, 5, err);
        if (conf->meanwhile) conf->meanwhile(conf->self);
    }
    out->us = clock_mono_us() - run.start_us;
    if (!rc) compare_twins(&run);
    if (!rc) rc = measure(&run, err);
    close_run(&run);
    return rc;
}
