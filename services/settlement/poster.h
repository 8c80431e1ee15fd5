// The effect of the ledger's consumers: a batch of events becomes journal entries, postings and balances in the
// transaction that also moves the cursor. An event that was posted before is passed over, so delivering twice changes
// nothing.
#pragma once
#include "common/base/metrics.h"
#include "common/policy/fund.h"
#include "common/stream/consumer.h"
#include "writer.h"

typedef struct poster {
    writer_t *writer;         // borrowed
    const fund_rules_t *fund; // the city's section, borrowed; NULL: none
    arena_t *arena;           // own: a batch's entries
    int64_t (*now_ms)(void);
    metric_t *posted, *repeated;
} poster_t;

typedef struct poster_source { // one per consumer
    poster_t *poster;
    const char *service;
} poster_source_t;

int poster_new(poster_t **out, writer_t *writer, err_t *err) MUST_USE;
void poster_destroy(poster_t **poster);
// consumer_effect_t with `self` = a poster_source_t.
int poster_apply(void *self, const event_t *events, size_t count, err_t *err);
void poster_committed(void *self);
void poster_rolled_back(void *self);
