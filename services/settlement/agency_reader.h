// Reads the log for one subscriber, a bounded step at a time, cuts each event to the grant and says it. An event that
// is not theirs moves the position and costs no credit.
#pragma once
#include "agency_session.h"
#include "common/store/store.h"
#include "common/stream/stream.h"

enum {
    AGENCY_STEP_ROWS = 256,
    AGENCY_STEP_PARTITIONS = 16,
    AGENCY_FRAME_EVENTS = 256,
    AGENCY_FRAME_BYTES = 32 * 1024 // full from here on, so at most one event more
};

typedef struct agency_reader {
    store_t *store; // borrowed, as is the log
    const stream_log_t *log;
    void *router;
    arena_t *arena; // of the reader's callers; reset by each step
} agency_reader_t;

// Whether a step would find something and may say it.
bool agency_may_step(const agency_session_t *session, const int64_t heads[PARTITIONS]);
// E_STORE and the like: the store failed, nothing has changed. A log with a hole or a bad row: the session is told, and
// E_INVALID_FIELD says where.
int agency_step(agency_reader_t *reader, agency_session_t *session, const int64_t heads[PARTITIONS],
                err_t *err) MUST_USE;
