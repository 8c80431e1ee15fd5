// One question to the store for several partitions, whatever their number; they take turns when all do not fit.
#include "agency_reader.h"
#include "agency_topics.h"
#include "common/wire/message.h"
#include <string.h>

typedef struct batch { // events on their way into one frame
    Tc__Agency__Event event[AGENCY_FRAME_EVENTS];
    Tc__Agency__Event *list[AGENCY_FRAME_EVENTS];
    size_t count, bytes;
    int64_t at[PARTITIONS]; // where the session stands behind them
    arena_mark_t mark;      // what the batch needs begins here
} batch_t;

bool agency_may_step(const agency_session_t *session, const int64_t heads[PARTITIONS]) {
    if (session->waiting || session->ending || session->gone || !session->credit) return false;
    for (size_t i = 0; i < PARTITIONS; i++)
        if (session->position[i] < heads[i]) return true;
    return false;
}

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for a subscriber's events"); }

// (partition, first, limit) of the partitions whose turn it is.
static int choose(agency_session_t *session, const int64_t heads[PARTITIONS], rows_t *keys, err_t *err) {
    uint32_t chosen[AGENCY_STEP_PARTITIONS], count = 0, first = session->turn;
    for (uint32_t i = 0; i < PARTITIONS && count < AGENCY_STEP_PARTITIONS; i++) {
        const uint32_t partition = (first + i) % PARTITIONS;
        if (session->position[partition] >= heads[partition]) continue;
        chosen[count++] = partition;
        session->turn = partition + 1;
    }
    for (uint32_t i = 0; i < count; i++) {
        cell_t *key = rows_add(keys);
        if (!key) return no_memory(err);
        key[0] = cell_i64(chosen[i]);
        key[1] = cell_i64(session->position[chosen[i]] + 1);
        key[2] = cell_i64(AGENCY_STEP_ROWS / count);
    }
    return E_OK;
}

static void say(agency_reader_t *reader, agency_session_t *session, batch_t *batch) {
    agency_say_events(session, reader->router, batch->list, batch->count, batch->at);
    batch->count = batch->bytes = 0;
    arena_back(reader->arena, &batch->mark);
}

static int add(agency_reader_t *reader, const agency_session_t *session, batch_t *batch, const event_t *event,
               const agency_view_t *view, err_t *err) {
    Tc__Agency__Event *out = &batch->event[batch->count];
    tc__agency__event__init(out);
    out->sequence = session->sequence + batch->count + 1;
    out->partition = event->partition;
    out->number = event->number;
    out->topic = (char *)(uintptr_t)view->topic;
    out->at_ms = event->at_ms;
    out->body.data = message_pack(view->message, reader->arena, &out->body.len);
    if (!out->body.data) return no_memory(err);
    batch->list[batch->count++] = out;
    batch->bytes += out->body.len + strlen(view->topic) + 32;
    return E_OK;
}

// The row as the event that must stand here.
static int read_row(const rows_t *found, size_t row, const rows_t *keys, const batch_t *batch, event_t *out,
                    err_t *err) {
    const size_t key = (size_t)row_i64(found, row, 0);
    out->partition = (uint32_t)rows_at(keys, key)[0].i64;
    out->number = row_i64(found, row, 1);
    out->topic = row_text(found, row, 2);
    out->at_ms = row_i64(found, row, 3);
    out->body = row_blob(found, row, 4, &out->body_bytes);
    if (out->number == batch->at[out->partition] + 1) return E_OK;
    return err_set(err, E_INVALID_FIELD, "number %lld follows %lld in partition %u", (long long)out->number,
                   (long long)batch->at[out->partition], (unsigned)out->partition);
}

// One row. `*full`: nothing more may be taken in this step.
static int take(agency_reader_t *reader, agency_session_t *session, batch_t *batch, const event_t *event, bool *full,
                err_t *err) {
    agency_view_t view;
    const arena_mark_t before = arena_mark(reader->arena);
    int rc = agency_view(&session->grant, &session->wanted, event, reader->arena, &view, err);
    if (rc) return err_prefix(err, "partition %u, number %lld", (unsigned)event->partition, (long long)event->number);
    if (!view.message) {
        arena_back(reader->arena, &before);
    } else {
        *full = batch->count == session->credit;
        if (*full) return E_OK;
        if ((rc = add(reader, session, batch, event, &view, err)) != E_OK) return rc;
    }
    batch->at[event->partition] = event->number;
    if (batch->count < AGENCY_FRAME_EVENTS && batch->bytes < AGENCY_FRAME_BYTES) return E_OK;
    say(reader, session, batch);
    *full = session->waiting || session->gone;
    return E_OK;
}

int agency_step(agency_reader_t *reader, agency_session_t *session, const int64_t heads[PARTITIONS], err_t *err) {
    rows_t keys, found;
    event_t event;
    bool full = false;
    arena_reset(reader->arena);
    rows_init(&keys, reader->arena, 3);
    batch_t *batch = arena_alloc(reader->arena, sizeof *batch);
    int rc = batch ? choose(session, heads, &keys, err) : no_memory(err);
    if (!rc) rc = store_each_query(reader->store, reader->log->read_sql, &keys, reader->arena, &found, err);
    if (rc) return rc;
    memcpy(batch->at, session->position, sizeof batch->at);
    batch->mark = arena_mark(reader->arena);
    for (size_t row = 0; !rc && !full && row < found.count; row++) {
        rc = read_row(&found, row, &keys, batch, &event, err);
        if (!rc) rc = take(reader, session, batch, &event, &full, err);
    }
    // What stood before a bad row is theirs.
    if (batch->count)
        say(reader, session, batch);
    else if (!session->waiting && !session->gone)
        memcpy(session->position, batch->at, sizeof session->position);
    if (rc == E_OK || rc == E_IO) return rc;
    if (!session->waiting) agency_say_refused(session, reader->router, TC__AGENCY__REFUSED__REASON__LOG, err->text);
    return err->code = E_INVALID_FIELD;
}
