// What collection tells about personal accounts: months credited and taken back (account.credited), and numbers that
// stand for another person (entitlement.changed with merged_into). An effect of a durable consumer (background.c): one
// event counts once, whoever leads, and all of a batch take a fixed number of round trips.
#pragma once
#include "common/stream/stream.h"

int account_credits_follow(store_t *store, arena_t *arena, const event_t *events, size_t count, int64_t now_ms,
                           err_t *err) MUST_USE;
