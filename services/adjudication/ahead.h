// The next batch of settlements, unpacked and looked up in the cache while the store works on the rows of the present
// one. It has an arena of its own and is told to nobody: what follows is as if it had been taken when its turn came,
// but for its clock, its entitlements and the register of facilities, which are those of the moment in which it was
// prepared. A batch that does not begin with settlements alone, or of which something would be refused at once, is not
// prepared.
//
// What comes behind it until its turn joins it: the room is there.
#pragma once
#include "turn.h"

typedef struct ahead ahead_t;

int ahead_new(ahead_t **out, err_t *err) MUST_USE;
void ahead_destroy(ahead_t **ahead);

// Prepare what ports.next gives, unless something is prepared already. How many microseconds that took.
int64_t ahead_prepare(adjudication_t *on);
// The turn of `count` requests is here. If they begin with those that were prepared, under the policy that is in force:
// the turn that has taken them, and on->arena is its arena until ahead_end. Else NULL.
turn_t *ahead_begin(adjudication_t *on, const request_t *requests, size_t count);
void ahead_end(adjudication_t *on);
