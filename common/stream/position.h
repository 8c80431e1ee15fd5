// The durable side of a consumer: its cursor and its parked partitions, in the database of the effect.
//
// Two processes under one name cannot apply an event twice: every transaction first counts up the consumer's row of
// stream_consumer from the value it knows. Who finds another value has been overtaken (E_RACE) and reads its position
// again.
#pragma once
#include "consumer.h"

typedef struct position {
    store_t *store; // NULL: volatile, nothing is kept
    const char *consumer, *service;
    arena_t *arena;
    int64_t moves; // what we know of stream_consumer.moves
} position_t;

typedef struct parked {
    bool held[PARTITIONS];
    int count;
} parked_t;

// Read everything; makes the consumer's row when it is new.
int position_load(position_t *position, int64_t numbers[static PARTITIONS], parked_t *parked, err_t *err) MUST_USE;
int position_parked(position_t *position, parked_t *parked, err_t *err) MUST_USE;

// Begin a transaction and claim the consumer. On failure there is no transaction.
int position_begin(position_t *position, err_t *err) MUST_USE;
// Inside it: the last numbers of the partitions of `events` (sorted by partition).
int position_move(position_t *position, const event_t *events, size_t count, err_t *err) MUST_USE;
int position_commit(position_t *position, err_t *err) MUST_USE;
void position_rollback(position_t *position);

// Park the partition of `event` behind it, in a transaction of its own.
int position_park(position_t *position, const event_t *event, int tries, const err_t *reason, err_t *err) MUST_USE;
