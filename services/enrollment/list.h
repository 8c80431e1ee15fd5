// A list of one source for one group, complete as of a day: who is on it is a member from that day on, who was on the
// list before and is not on this one was a member until the day before. Its chunks are put aside (method import_list);
// nothing changes until `last`, which says how many rows there are in all. From then on every message with `last` works
// on at most LIST_STEP rows and says with `more` whether there is something left to do, so memory is bounded and a list
// that was interrupted goes on when its file is sent again.
#pragma once
#include "desk.h"

enum { LIST_STEP = 1000, LIST_ROWS_MAX = 5000000, LISTS_OPEN_MAX = 64, LIST_STALE_DAYS = 30, LIST_AHEAD_DAYS = 366 };

int import_list(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                err_t *err);
// After memberships were changed by hand: the next list of their source must know of those that are open. To be called
// for a state that is written in the same transaction.
int list_follow(enrollment_t *e, const Tc__PersonState *after, err_t *err) MUST_USE;
