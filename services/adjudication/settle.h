// The settle turn: a batch of settle, reverse and recompute becomes one insert of many rows, and every reply leaves
// after the commit.
#pragma once
#include "batch.h"

enum { SETTLE_TRIES = 8 };

void settle_turn(adjudication_t *on, const request_t *const *requests, size_t count);
