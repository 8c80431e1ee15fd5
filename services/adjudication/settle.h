// The settle turn: a batch of settle, reverse and recompute becomes one insert of many rows, and every reply leaves
// after the commit.
#pragma once
#include "turn.h"

enum { SETTLE_TRIES = 8 };

// `prepared`: a turn that has taken the first of `requests` (ahead.h), or NULL.
void settle_turn(adjudication_t *on, turn_t *prepared, const request_t *const *requests, size_t count);
