// From the queue to the owners of the partitions: sends `recompute` for what is due, a bounded number at a time, and
// books the answers. The request id is the item's ticket, so a leader that takes over asks for the same thing again and
// is answered as the first one was.
#pragma once
#include "common/base/metrics.h"
#include "recompute_queue.h"

enum { PUMP_WINDOW = 64 };

typedef struct pump_reply {
    size_t slot; // as sent
    int code;
    const char *text;
    const void *body; // Recomputed; until the next call
    size_t body_bytes;
} pump_reply_t;

typedef struct pump_ports { // the way to the brokers, or a test's own
    void *self;
    int (*send)(void *self, const char *person, const char *request_id, const void *body, size_t body_bytes,
                size_t slot, err_t *err);
    bool (*next)(void *self, int timeout_ms, pump_reply_t *reply); // false: nothing yet
} pump_ports_t;

typedef struct pump_metrics {
    metric_t *recomputed, *changed, *versions, *again, *parked;
} pump_metrics_t;

typedef struct pump {
    store_t *store; // borrowed, as is the arena
    arena_t *arena;
    pump_ports_t ports;
    pump_metrics_t metrics;
    struct {
        bool busy;
        recompute_item_t item;
    } slots[PUMP_WINDOW];
    recompute_outcome_t outcomes[PUMP_WINDOW]; // answered, not yet booked
    size_t in_flight, answered;
    bool dry; // the last look found less than there was room for
    int64_t looked_ms;
} pump_t;

void pump_init(pump_t *pump, store_t *store, arena_t *arena, const pump_ports_t *ports);
// Take answers, book them, send what is due. *moved: something happened. Resets the arena.
int pump_tick(pump_t *pump, int64_t now_ms, bool *moved, err_t *err) MUST_USE;
