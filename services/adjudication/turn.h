// Inside the settle turn: one batch of settle, reverse and recompute on its way to one commit. Parts: stored.c (what
// was done before), operate.c (what each request does to its chain), settle.c (tries, transaction, answers).
#pragma once
#include "courses.h"

enum { BY_REQUEST, BY_BILL }; // tags of the map of this try's ids
enum { LOOK_FIRST_TURNS = 64 };

typedef struct turn {
    batch_t batch;
    textmap_t ids;             // request ids and bills decided in this try → item
    int64_t began_us, from_us; // the turn, and the stage it is in
} turn_t;

// settle.c: a turn without requests and with room for `room`; then more requests, unpacked and checked.
int turn_open(turn_t *turn, adjudication_t *on, size_t room, err_t *err) MUST_USE;
int turn_add(turn_t *turn, const request_t *const *requests, size_t count, err_t *err) MUST_USE;

// stored.c: answer those of `items` that are stored under their request id, refuse those whose bill rules them out, and
// find the chain of every reversal. Of settlements only when `look`, or those that come before the end of their chain
// when `late`.
typedef enum look { LOOK_NEEDED, LOOK_LATE, LOOK_ALL } look_t;
int stored_find(turn_t *turn, item_t *const *items, size_t count, look_t look, err_t *err) MUST_USE;

// operate.c: decide all open items in order, each on what those before it leave.
void operate_mark_courses(turn_t *turn, item_t *const *items, size_t count); // which chains have to be read whole
bool operate_is_late(const item_t *item);
void operate_all(turn_t *turn, item_t *const *items, size_t count);
// A recomputation that only asks, on what is stored now.
void operate_dry(turn_t *turn, item_t *item);
// The answer to a recomputation: `bills` stand, these are the new rows. Of them those after the first `after`, as many
// as a message may hold; `done` when none are left.
typedef struct recomputed {
    Tc__Decision *const *rows;
    size_t count, after;
    int64_t bills;
} recomputed_t;
int operate_recomputed(adjudication_t *on, const recomputed_t *made, const void **body, size_t *bytes,
                       err_t *err) MUST_USE;

void turn_answer(turn_t *turn, item_t *item, const void *body, size_t bytes);
void turn_refuse_conflict(turn_t *turn, item_t *item);
void turn_refuse_exists(turn_t *turn, item_t *item);   // the bill is settled already
void turn_refuse_reversed(turn_t *turn, item_t *item); // E_REVERSED to a settlement, E_EXISTS to a reversal
