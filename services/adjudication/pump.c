// Answers are booked before anything new is sent. What could not be booked stays in `outcomes` and is tried again.
#include "pump.h"
#include "adjudication.pb-c.h"
#include "common/base/crash.h"
#include "common/wire/message.h"
#include <stdio.h>
#include <string.h>

enum { WAIT_MS = 20, LOOK_AGAIN_MS = 200, REFILL = PUMP_WINDOW / 4 };

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

void pump_init(pump_t *pump, store_t *store, arena_t *arena, const pump_ports_t *ports) {
    static const char name[] = "adjudication_recompute_total", help[] = "persons and years asked for, by outcome";
    *pump = (pump_t){.store = store, .arena = arena, .ports = *ports, .dry = true};
    pump->metrics = (pump_metrics_t){
        .recomputed = metric_counter(name, "outcome=\"done\"", help),
        .again = metric_counter(name, "outcome=\"again\"", help),
        .parked = metric_counter(name, "outcome=\"parked\"", help),
        .changed = metric_counter("adjudication_recompute_changed_total", "", "of them with new versions"),
        .versions = metric_counter("adjudication_recompute_versions_total", "", "versions that they brought"),
    };
}

// ---- answers

static int read_answer(const pump_reply_t *reply, recompute_outcome_t *out, arena_t *arena, err_t *err) {
    ProtobufCMessage *message;
    int rc = message_unpack(&message, &tc__recomputed__descriptor, reply->body, reply->body_bytes, arena, err);
    if (rc) return rc;
    const Tc__Recomputed *answer = (const Tc__Recomputed *)message;
    out->bills = answer->bills;
    out->versions = answer->versions;
    out->fund_fen = answer->fund_fen;
    out->own_fen = answer->own_fen;
    return 0;
}

static void count_outcome(const pump_metrics_t *metrics, const recompute_outcome_t *outcome) {
    int64_t ignored;
    const recompute_next_t next = recompute_after(outcome->code, 0, 0, &ignored);
    metric_add(next == RECOMPUTE_DONE    ? metrics->recomputed
               : next == RECOMPUTE_LATER ? metrics->again
                                         : metrics->parked,
               1);
    metric_add(metrics->changed, outcome->versions > 0);
    metric_add(metrics->versions, outcome->versions);
}

static void take_answer(pump_t *pump, const pump_reply_t *reply) {
    err_t err = {0};
    CHECK(reply->slot < PUMP_WINDOW && pump->slots[reply->slot].busy);
    recompute_outcome_t *outcome = &pump->outcomes[pump->answered++];
    *outcome = (recompute_outcome_t){.item = pump->slots[reply->slot].item, .code = reply->code};
    if (reply->code)
        snprintf(outcome->reason, sizeof outcome->reason, "%s: %s", err_name(reply->code), reply->text);
    else if ((outcome->code = read_answer(reply, outcome, pump->arena, &err)))
        snprintf(outcome->reason, sizeof outcome->reason, "%s: %s", err_name(outcome->code), err.text);
    pump->slots[reply->slot].busy = false;
    pump->in_flight--;
    count_outcome(&pump->metrics, outcome);
}

// A booking is a commit: it waits for company while answers keep coming.
static void take_answers(pump_t *pump) {
    pump_reply_t reply;
    while (pump->in_flight) {
        if (!pump->ports.next(pump->ports.self, pump->answered < PUMP_WINDOW / 2 ? WAIT_MS : 0, &reply)) return;
        take_answer(pump, &reply);
    }
}

// ---- what is due

static bool under_way(const pump_t *pump, const recompute_item_t *item) {
    for (size_t i = 0; i < PUMP_WINDOW; i++)
        if (pump->slots[i].busy && pump->slots[i].item.ticket == item->ticket) return true;
    return false;
}

static int send_item(pump_t *pump, const recompute_item_t *item, err_t *err) {
    Tc__Recompute ask = TC__RECOMPUTE__INIT;
    char request_id[40];
    size_t bytes, slot = 0;
    ask.person = (char *)item->person;
    ask.year = item->year;
    ask.cause = (char *)item->cause;
    const void *body = message_pack(&ask.base, pump->arena, &bytes);
    if (!body) return no_memory(err);
    while (pump->slots[slot].busy) slot++;
    snprintf(request_id, sizeof request_id, "recompute-%016llx", (unsigned long long)item->ticket);
    int rc = pump->ports.send(pump->ports.self, item->person, request_id, body, bytes, slot, err);
    if (rc) return rc;
    pump->slots[slot].busy = true;
    pump->slots[slot].item = *item;
    pump->in_flight++;
    return 0;
}

static int send_due(pump_t *pump, int64_t now_ms, bool *moved, err_t *err) {
    recompute_item_t *due = arena_alloc(pump->arena, 2 * PUMP_WINDOW * sizeof *due);
    int count;
    if (!due) return no_memory(err);
    int rc = recompute_due(pump->store, now_ms, 2 * PUMP_WINDOW, pump->arena, due, &count, err);
    pump->looked_ms = now_ms;
    for (int i = 0; !rc && i < count && pump->in_flight < PUMP_WINDOW; i++) {
        if (under_way(pump, &due[i])) continue;
        CRASH_POINT("pump_before_send");
        rc = send_item(pump, &due[i], err);
        *moved = true;
    }
    if (!rc) pump->dry = count < 2 * PUMP_WINDOW;
    return rc == E_BUSY ? 0 : rc; // the client's own window: later
}

int pump_tick(pump_t *pump, int64_t now_ms, bool *moved, err_t *err) {
    *moved = false;
    arena_reset(pump->arena);
    take_answers(pump);
    if (pump->answered) {
        CRASH_POINT("pump_before_booking");
        int rc = recompute_book(pump->store, pump->outcomes, pump->answered, now_ms, pump->arena, err);
        if (rc) return rc;
        CRASH_POINT("pump_after_booking");
        pump->answered = 0;
        *moved = true;
    }
    const bool room = pump->in_flight + REFILL <= PUMP_WINDOW;
    const bool due = !pump->dry || *moved || now_ms - pump->looked_ms >= LOOK_AGAIN_MS || now_ms < pump->looked_ms;
    return room && due ? send_due(pump, now_ms, moved, err) : 0;
}
