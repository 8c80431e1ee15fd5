// Two places: one for the batch whose turn it is, one for the next. Their arenas are only these batches', so that the
// owner's, which is emptied after every batch, has no part in it.
#include "ahead.h"
#include "common/base/date.h"
#include "handlers.h"
#include <stdlib.h>
#include <string.h>

enum { ARENA_BYTES = 256 * 1024, ARENA_LIMIT_BYTES = 256 * 1024 * 1024, HASH_TEXT_MAX = 80 };

typedef struct place {
    turn_t turn;
    arena_t *arena, *owners;
    const request_t *requests; // as they were given; NULL: nothing is prepared
    size_t count, room;
    uint64_t first, last; // their tokens: requests come at the same place again and again
    char policy[HASH_TEXT_MAX];
} place_t;

struct ahead {
    place_t places[2];
    size_t next; // the place of the batch that is prepared, or will be; the other one is that of the present batch
};

int ahead_new(ahead_t **out, err_t *err) {
    ahead_t *ahead = calloc(1, sizeof *ahead);
    bool good = ahead != NULL;
    for (size_t i = 0; good && i < COUNT_OF(ahead->places); i++)
        good = (ahead->places[i].arena = arena_new(ARENA_BYTES, ARENA_LIMIT_BYTES)) != NULL;
    if (!good) ahead_destroy(&ahead);
    *out = ahead;
    return good ? 0 : err_set(err, E_IO, "out of memory");
}

void ahead_destroy(ahead_t **ahead) {
    if (!*ahead) return;
    for (size_t i = 0; i < COUNT_OF((*ahead)->places); i++) arena_destroy(&(*ahead)->places[i].arena);
    free(*ahead);
    *ahead = NULL;
}

static bool is_settlement(const request_t *request) {
    const method_t *method;
    err_t refusal;
    return commands_admit(&adjudication_service, request, &method, &refusal) == 0 &&
           method == &adjudication_methods[METHOD_SETTLE];
}

// False when the batch has to be taken in the ordinary way, which then tells why.
static bool take(adjudication_t *on, place_t *place) {
    err_t untold;
    batch_t *batch = &place->turn.batch;
    const request_t **list = arena_room(on->arena, place->count * sizeof *list);
    if (!list) return false;
    for (size_t i = 0; i < place->count; i++) {
        list[i] = &place->requests[i];
        if (!is_settlement(list[i])) return false;
    }
    if (turn_open(&place->turn, on, place->room, &untold)) return false;
    batch->ahead = true;
    if (turn_add(&place->turn, list, place->count, &untold) || batch->spoiled) return false;
    int64_t from_us = clock_mono_us();
    int rc = batch_entitle_cached(batch, &untold);
    stage_done(on, STAGE_CACHE, &from_us);
    batch->ahead = false;
    return rc == 0;
}

int64_t ahead_prepare(adjudication_t *on) {
    if (!on->ahead || !on->ports.next) return 0;
    const int64_t began_us = clock_mono_us();
    place_t *place = &on->ahead->places[on->ahead->next];
    if (place->requests) return 0;
    place->count = on->ports.next(on->ports.self, &place->requests, &place->room);
    CHECK(place->count <= place->room);
    place->owners = on->arena;
    on->arena = place->arena;
    if (place->count == 0 || !take(on, place)) place->requests = NULL;
    on->arena = place->owners;
    if (place->requests) {
        place->first = place->requests[0].token;
        place->last = place->requests[place->count - 1].token;
        snprintf(place->policy, sizeof place->policy, "%s", policy_hash(policies_current(on->policies)));
    } else {
        arena_reset(place->arena);
    }
    return clock_mono_us() - began_us;
}

// A batch that was prepared may have been refused as a whole before it came here, and a policy that is gone may have
// left its address to another.
static bool still_holds(const place_t *place, const policy_t *policy, const request_t *requests, size_t count) {
    return count >= place->count && count <= place->room && requests[0].token == place->first &&
           requests[place->count - 1].token == place->last && place->turn.batch.policy == policy &&
           strcmp(place->policy, policy_hash(policy)) == 0;
}

turn_t *ahead_begin(adjudication_t *on, const request_t *requests, size_t count) {
    place_t *place = on->ahead ? &on->ahead->places[on->ahead->next] : NULL;
    if (!place || place->requests != requests) return NULL;
    place->requests = NULL;
    if (!still_holds(place, policies_current(on->policies), requests, count)) {
        arena_reset(place->arena);
        return NULL;
    }
    metric_add(on->metrics.prepared, 1);
    on->ahead->next = 1 - on->ahead->next;
    place->owners = on->arena;
    on->arena = place->arena;
    return &place->turn;
}

void ahead_end(adjudication_t *on) {
    place_t *place = &on->ahead->places[1 - on->ahead->next];
    arena_reset(place->arena);
    on->arena = place->owners;
}
