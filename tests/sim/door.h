// Two agencies at the door for subscribers, while everything fails around them: one keeps its grant, of bills and
// contributions; the other has one county, and loses it in the middle. Each goes on from its last position after every
// break, and holds what it gets against its grant and against the order of the log.
#pragma once
#include "common/store/store.h"
#include "world.h"

#define DOOR_ENDPOINT "tcp://settlement-1:7790"
#define DOOR_STAYS "agency-stays"
#define DOOR_LEAVES "agency-leaves"

// `door_dir`: keys and grants as settlement reads them; the second grant ends after `revoke_us`.
void door_open(const char *door_dir, int64_t revoke_us);
// The one has had each entry of its kinds exactly once, and the other is refused.
bool door_is_level(store_t *settlement, char *why, size_t room);
