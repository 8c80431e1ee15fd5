// The state of one adjudication process, and the seam through which a turn reaches the world. A turn needs no process:
// tests make the state with a store in a temporary folder and ports of their own.
#pragma once
#include "collection.pb-c.h"
#include "common/daemon/commands.h"
#include "catalogue_store.h"
#include "decision.h"
#include "facilities.h"
#include "intake.h"
#include "payments.h"
#include "policies.h"

typedef struct adjudication_ports {
    void *self;
    int64_t (*now_ms)(void *self);
    void (*reply)(void *self, const request_t *request, int code, const err_t *err, const void *body, size_t bytes);
    // One command to collection for all `persons`; those who do not exist are left out of the answer.
    int (*entitlements)(void *self, const char *const *persons, size_t count, arena_t *arena, Tc__Entitlements **out,
                        err_t *err);
    // Is there more of the register of facilities than was read? NULL: never.
    bool (*register_behind)(void *self);
    // While the store works on the rows of a batch: the requests with which the next one begins, and for how many in
    // all there has to be room. None: there is no time, or there are none. NULL: never any.
    size_t (*next)(void *self, const request_t **requests, size_t *room);
} adjudication_ports_t;

typedef enum stage {
    STAGE_DECODE,
    STAGE_LOOKUP,
    STAGE_CACHE,
    STAGE_CORE,
    STAGE_STORE,
    STAGE_REPLY,
    STAGE__COUNT
} stage_t;

typedef struct adjudication_metrics {
    metric_t *stages[STAGE__COUNT];
    metric_t *heads_hit, *heads_read, *races, *settled, *repeated, *reversed, *recomputed;
    metric_t *prepared;          // batches that were, while the store worked on the one before
    metric_t *visit_reads;       // round trips for registered visits and their lines
    metric_t *courses_read;      // chains of which the bills were read, because something came before their end
    metric_t *refused[E__COUNT]; // bills that settle refused, by code
    results_t results;           // all replies
} adjudication_metrics_t;

typedef struct adjudication {
    store_t *store; // borrowed, as are the next three
    cache_t *cache;
    stream_t *stream;
    arena_t *arena; // reset by the owner after every batch
    adjudication_ports_t ports;
    policies_t *policies;
    facilities_t *facilities;
    bool facilities_ready; // the register was read to its end once
    catalogues_t *catalogues;
    heads_t *heads;
    int64_t lines_ahead;        // of visits whose bills are decided again, at most so many are read at once
    int look_first;             // turns that still look for repeated requests before they insert
    const payments_t *payments; // NULL: no personal accounts
    struct paying *paying;      // … which these are
    struct ahead *ahead;        // the batch of ports.next
    decision_frame_t frame;
    benefit_memo_t *memo;
    // For the methods that have a handler: one transaction a batch, replies stored by request id (common/daemon). The
    // owner makes it; without one those methods are refused.
    commands_t *commands;
    request_t *handled; // requests of the batch that go there; outlives the arena
    size_t handled_room;
    adjudication_metrics_t metrics;
} adjudication_t;

enum { ADJUDICATION_HEADS = 65536, ADJUDICATION_LINES_AHEAD = 20000 };

// Takes the policy. The borrowed members and the ports are the caller's to fill before the first batch.
int adjudication_new(adjudication_t **out, policy_t **policy, err_t *err) MUST_USE;
void adjudication_destroy(adjudication_t **adjudication);

extern const service_t adjudication_service;
// The service's batch hook: settle first, as one group commit; then what only reads; then the methods with a handler.
void adjudication_batch(void *self, const request_t *requests, size_t count);

// Observe the time since *from_us under `stage` and move *from_us to now.
void stage_done(adjudication_t *adjudication, stage_t stage, int64_t *from_us);
// The only ways to a caller: through the port, and counted.
void adjudication_reply(adjudication_t *adjudication, const request_t *request, const void *body, size_t bytes);
void adjudication_refuse(adjudication_t *adjudication, const request_t *request, int code, const err_t *err);
