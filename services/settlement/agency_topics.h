// Which events of settlement's own stream other agencies may receive, under which names, and what they then say: a
// table, so that a further kind of event is a row with its converter (docs/events.md). Pure.
#pragma once
#include "common/base/arena.h"
#include "common/stream/stream.h"
#include "grants.h"
#include <protobuf-c/protobuf-c.h>

// A topic of the table, or what stands before a dot in one.
bool agency_topic_known(const char *word);

typedef struct agency_view { // an event as one subscriber may see it
    const char *topic;
    ProtobufCMessage *message; // NULL: it is not theirs
} agency_view_t;

// Cut `event` to the grant, and to `wanted` when that is not empty. Everything lives in the arena. An error means that
// the event cannot be read.
int agency_view(const grant_t *grant, const grant_list_t *wanted, const event_t *event, arena_t *arena,
                agency_view_t *out, err_t *err) MUST_USE;
