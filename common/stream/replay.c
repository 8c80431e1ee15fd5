// Requests are kept per consumer and partition, served slice by slice in turn; docs/streams.md has the exchange.
#include "replay.h"
#include "common/base/date.h"
#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "frame.h"
#include <errno.h>
#include <string.h>
#include <zmq.h>

#define STORE_PAUSE_MS 200
#define PEER_ID_MAX 255 // ZMQ's own limit

typedef struct job {
    uint32_t credit; // 0: no job
    bool packed;     // the answer may come in packs
    uint64_t request;
    int64_t from;
} job_t;

typedef struct peer {
    size_t id_bytes; // 0: free
    uint8_t id[PEER_ID_MAX];
    bool stuck;    // its queue is full: not before the next tick
    uint32_t turn; // the partition that is served, until its job is done
    size_t job_count;
    job_t jobs[PARTITIONS]; // a new request for a partition takes the place of the old one
} peer_t;

struct replay {
    void *router;
    store_t *store;
    const char *service;
    const stream_log_t *log;
    arena_t *arena;
    peer_t *peers;
    size_t turn;
    int64_t pause_until_ms; // the store failed
    int64_t ended_us;       // the last call
    bool store_down;
    metric_t *replayed, *packs, *asks, *refused, *malformed;
};

int replay_new(replay_t **out, void *router, store_t *store, const char *service, const stream_log_t *log, err_t *err) {
    *out = NULL;
    replay_t *replay = calloc(1, sizeof *replay);
    if (!replay) return err_set(err, E_IO, "replay: out of memory");
    *replay = (replay_t){.router = router, .store = store, .service = service, .log = log};
    replay->arena = arena_new(256 * 1024, 0);
    replay->peers = calloc(REPLAY_PEERS_MAX, sizeof *replay->peers);
    if (!replay->arena || !replay->peers) {
        replay_destroy(&replay);
        return err_set(err, E_IO, "replay: out of memory");
    }
    replay->replayed = metric_counter("stream_replayed_total", "", "events sent in answer to replay requests");
    replay->packs =
        metric_counter("stream_replay_packs_total", "", "packs of events sent in answer to replay requests");
    replay->asks = metric_counter("stream_replay_requests_total", "", "replay requests taken");
    replay->refused = metric_counter("stream_replay_refused_total", "", "replay requests refused");
    replay->malformed = metric_counter("stream_replay_malformed_total", "", "messages on the replay socket dropped");
    *out = replay;
    return E_OK;
}

void replay_destroy(replay_t **replay) {
    if (!*replay) return;
    arena_destroy(&(*replay)->arena);
    free((*replay)->peers);
    free(*replay);
    *replay = NULL;
}

// ---- sending
// ----------------------------------------------------------------------------------------------------------

typedef enum sent { SENT, SENT_FULL, SENT_GONE } sent_t;

// Takes the frame. The peer's id decides whether there is room; the frame after it belongs to the same message and
// cannot be refused.
static sent_t send_frame(replay_t *replay, const peer_t *peer, zmq_msg_t *frame) {
    sent_t outcome = SENT;
    if (zmq_send(replay->router, peer->id, peer->id_bytes, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
        outcome = errno == EAGAIN ? SENT_FULL : SENT_GONE;
    else if (zmq_msg_send(frame, replay->router, ZMQ_DONTWAIT) < 0)
        outcome = SENT_GONE;
    if (outcome != SENT) zmq_msg_close(frame);
    return outcome;
}

static sent_t send_to(replay_t *replay, const peer_t *peer, const frame_answer_t *answer) {
    uint8_t head[FRAME_ANSWER_HEAD_BYTES];
    zmq_msg_t frame;
    size_t head_bytes = frame_write_answer_head(head, answer);
    if (zmq_msg_init_size(&frame, head_bytes + answer->body_bytes) != 0) return SENT_FULL;
    uint8_t *data = zmq_msg_data(&frame);
    memcpy(data, head, head_bytes);
    if (answer->body_bytes) memcpy(data + head_bytes, answer->body, answer->body_bytes);
    return send_frame(replay, peer, &frame);
}

// `bytes` is what replayed_bytes() says of the events, which follow one another.
static sent_t send_pack(replay_t *replay, const peer_t *peer, const frame_answer_t *events, size_t count,
                        size_t bytes) {
    uint8_t head[FRAME_ANSWER_HEAD_BYTES];
    zmq_msg_t frame;
    const frame_answer_t pack = {.kind = FRAME_REPLAYED_PACK,
                                 .request = events[0].request,
                                 .partition = events[0].partition,
                                 .number = events[0].number};
    size_t head_bytes = frame_write_answer_head(head, &pack);
    if (zmq_msg_init_size(&frame, head_bytes + bytes) != 0) return SENT_FULL;
    uint8_t *at = zmq_msg_data(&frame), *end = at + head_bytes + bytes;
    memcpy(at, head, head_bytes);
    at += head_bytes;
    for (size_t i = 0; i < count; i++) {
        uint8_t event_head[FRAME_REPLAYED_HEAD_BYTES];
        head_bytes = frame_write_replayed(event_head, &events[i]);
        memcpy(at, event_head, head_bytes);
        if (events[i].body_bytes) memcpy(at + head_bytes, events[i].body, events[i].body_bytes);
        at += head_bytes + events[i].body_bytes;
    }
    CHECK(at == end);
    return send_frame(replay, peer, &frame);
}

static void forget_peer(peer_t *peer) { *peer = (peer_t){0}; }

static void end_job(peer_t *peer, job_t *job) {
    *job = (job_t){0};
    peer->turn = (uint32_t)(job - peer->jobs + 1) % PARTITIONS;
    peer->job_count--;
    if (peer->job_count == 0) forget_peer(peer);
}

// ---- requests
// ---------------------------------------------------------------------------------------------------------

static peer_t *peer_of(replay_t *replay, const void *id, size_t id_bytes) {
    peer_t *room = NULL;
    for (size_t i = 0; i < REPLAY_PEERS_MAX; i++) {
        peer_t *peer = &replay->peers[i];
        if (peer->id_bytes == id_bytes && memcmp(peer->id, id, id_bytes) == 0) return peer;
        if (peer->id_bytes == 0 && !room) room = peer;
    }
    if (room) {
        room->id_bytes = id_bytes;
        memcpy(room->id, id, id_bytes);
    }
    return room;
}

static void refuse(replay_t *replay, const void *id, size_t id_bytes, const frame_ask_t *ask, frame_reason_t reason) {
    peer_t peer = {.id_bytes = id_bytes};
    memcpy(peer.id, id, id_bytes);
    metric_add(replay->refused, 1);
    frame_answer_t answer = {FRAME_REFUSED, ask->request, ask->partition, ask->from, .reason = reason};
    (void)send_to(replay, &peer, &answer); // a hint: without it the consumer asks again after its timeout
}

static void take_ask(replay_t *replay, const void *id, size_t id_bytes, const void *data, size_t bytes) {
    frame_ask_t ask;
    if (!frame_read_ask(data, bytes, &ask)) {
        metric_add(replay->malformed, 1);
        return;
    }
    metric_add(replay->asks, 1);
    if (strcmp(ask.service, replay->service) != 0) {
        refuse(replay, id, id_bytes, &ask, REFUSED_SERVICE);
        return;
    }
    peer_t *peer = peer_of(replay, id, id_bytes);
    if (!peer) {
        refuse(replay, id, id_bytes, &ask, REFUSED_BUSY);
        return;
    }
    job_t *job = &peer->jobs[ask.partition];
    if (job->credit == 0) peer->job_count++;
    *job = (job_t){.credit = ask.credit, .packed = ask.packed, .request = ask.request, .from = ask.from};
}

// One message: id and one frame. What has more frames is read to its end and dropped. False when there is none.
static bool receive_ask(replay_t *replay) {
    uint8_t id[PEER_ID_MAX], data[FRAME_ASK_BYTES];
    int id_bytes = zmq_recv(replay->router, id, sizeof id, ZMQ_DONTWAIT);
    if (id_bytes < 0) return false;
    int bytes = 0, frames = 0, more = 0;
    for (;;) {
        size_t size = sizeof more;
        if (zmq_getsockopt(replay->router, ZMQ_RCVMORE, &more, &size) != 0 || !more) break;
        bytes = zmq_recv(replay->router, data, sizeof data, ZMQ_DONTWAIT);
        if (bytes < 0) break;
        frames++;
    }
    // zmq_recv tells the full length of a frame that it cut.
    if (frames == 1 && id_bytes > 0 && id_bytes <= PEER_ID_MAX && bytes >= 0 && (size_t)bytes <= sizeof data)
        take_ask(replay, id, (size_t)id_bytes, data, (size_t)bytes);
    else
        metric_add(replay->malformed, 1);
    return true;
}

// ---- serving
// ----------------------------------------------------------------------------------------------------------

// The row as an answer; false when it is not the row that must stand here.
static bool row_answer(const rows_t *rows, size_t row, const job_t *job, int64_t number, frame_answer_t *out) {
    out->kind = FRAME_REPLAYED;
    out->request = job->request;
    out->number = row_i64(rows, row, 0);
    out->topic = row_text(rows, row, 1);
    out->topic_bytes = strlen(out->topic);
    out->at_ms = row_i64(rows, row, 2);
    out->body = row_blob(rows, row, 3, &out->body_bytes);
    return out->number == number && frame_topic_valid(out->topic, out->topic_bytes) &&
           out->body_bytes <= FRAME_BODY_MAX;
}

static void log_unreadable(replay_t *replay, peer_t *peer, job_t *job, uint32_t partition) {
    log_error("stream_log_unreadable", "service=%s partition=%u number=%lld", replay->service, (unsigned)partition,
              (long long)job->from);
    frame_ask_t ask = {.request = job->request, .partition = partition, .from = job->from};
    refuse(replay, peer->id, peer->id_bytes, &ask, REFUSED_LOG);
    end_job(peer, job);
}

static int read_slice(replay_t *replay, uint32_t partition, const job_t *job, size_t limit, rows_t *rows,
                      int64_t now_ms) {
    err_t err = {0};
    arena_reset(replay->arena);
    cell_t params[] = {cell_i64(partition), cell_i64(job->from), cell_i64((int64_t)limit)};
    int code = store_query(replay->store, replay->log->read_sql, params, COUNT_OF(params), replay->arena, rows, &err);
    if (code != E_OK) {
        if (!replay->store_down) log_error("stream_replay_store", "error=%s", log_value(err.text));
        replay->pause_until_ms = now_ms + STORE_PAUSE_MS;
    } else if (replay->store_down) {
        log_info("stream_replay_store_back", "service=%s", replay->service);
    }
    replay->store_down = code != E_OK;
    return code;
}

static void end_slice(replay_t *replay, peer_t *peer, job_t *job, uint32_t partition, bool at_end) {
    if (!at_end && job->credit > 0) return; // goes on with the peer's next turn
    frame_answer_t answer = {.request = job->request, .partition = partition, .number = job->from};
    answer.kind = at_end ? FRAME_CAUGHT_UP : FRAME_MORE;
    // A lost end mark costs the consumer its timeout, nothing else.
    if (send_to(replay, peer, &answer) == SENT_GONE)
        forget_peer(peer);
    else
        end_job(peer, job);
}

static size_t replayed_bytes(const frame_answer_t *event) {
    return FRAME_REPLAYED_HEAD_BYTES - FRAME_TOPIC_MAX + event->topic_bytes + event->body_bytes;
}

// The rows from `first` on that go into one message: as many as a pack holds, or one. 0 when the first cannot be read.
static size_t portion(const rows_t *rows, size_t first, const job_t *job, uint32_t partition,
                      frame_answer_t events[static REPLAY_SLICE], size_t *bytes) {
    const size_t most = job->packed ? REPLAY_SLICE : 1;
    size_t count = 0;
    *bytes = 0;
    while (count < most && first + count < rows->count) {
        frame_answer_t *event = &events[count];
        *event = (frame_answer_t){.partition = partition};
        if (!row_answer(rows, first + count, job, job->from + (int64_t)count, event)) break;
        if (count > 0 && *bytes + replayed_bytes(event) > FRAME_PACK_MAX) break;
        *bytes += replayed_bytes(event);
        count++;
    }
    return count;
}

// Send the next slice of one job. Adds the body bytes sent to *bytes, returns the events sent or −1 when the store
// failed.
static int serve(replay_t *replay, peer_t *peer, uint32_t partition, size_t *bytes, int64_t now_ms) {
    job_t *job = &peer->jobs[partition];
    size_t limit = job->credit < REPLAY_SLICE ? job->credit : REPLAY_SLICE;
    rows_t rows;
    if (read_slice(replay, partition, job, limit, &rows, now_ms) != E_OK) return -1;
    size_t sent = 0;
    while (sent < rows.count) {
        frame_answer_t events[REPLAY_SLICE];
        size_t event_bytes, count = portion(&rows, sent, job, partition, events, &event_bytes);
        if (count == 0) {
            log_unreadable(replay, peer, job, partition);
            return (int)sent;
        }
        sent_t outcome =
            count > 1 ? send_pack(replay, peer, events, count, event_bytes) : send_to(replay, peer, &events[0]);
        if (outcome == SENT_FULL) peer->stuck = true;
        if (outcome == SENT_GONE) forget_peer(peer);
        if (outcome != SENT) return (int)sent;
        job->from += (int64_t)count;
        job->credit -= (uint32_t)count;
        sent += count;
        *bytes += event_bytes;
        metric_add(replay->replayed, (int64_t)count);
        if (count > 1) metric_add(replay->packs, 1);
    }
    end_slice(replay, peer, job, partition, rows.count < limit);
    return (int)sent;
}

static peer_t *next_peer(replay_t *replay) {
    for (size_t i = 0; i < REPLAY_PEERS_MAX; i++) {
        peer_t *peer = &replay->peers[(replay->turn + i) % REPLAY_PEERS_MAX];
        if (peer->job_count == 0 || peer->stuck) continue;
        replay->turn = (size_t)(peer - replay->peers) + 1;
        return peer;
    }
    return NULL;
}

static uint32_t next_partition(peer_t *peer) {
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        uint32_t partition = (peer->turn + i) % PARTITIONS;
        if (peer->jobs[partition].credit == 0) continue;
        peer->turn = partition;
        return partition;
    }
    CHECK(!"job_count says there is one");
    return 0;
}

static int64_t share_us(const replay_t *replay, int64_t now_us) {
    const int64_t share = replay->ended_us ? (now_us - replay->ended_us) / REPLAY_SHARE : 0;
    return share < REPLAY_SHARE_MAX_US ? share : REPLAY_SHARE_MAX_US;
}

// Slices for whoever asked. 1: there are more.
static int serve_some(replay_t *replay, int64_t now_ms) {
    const int64_t began_us = clock_mono_us(), until_us = began_us + share_us(replay, began_us);
    size_t bytes = 0;
    // Every slice costs a query, also an empty one, so slices are bounded as events are.
    for (int events = 0, slices = 0; bytes < REPLAY_TICK_BYTES; slices++) {
        const bool enough = events >= REPLAY_TICK_EVENTS || slices >= PARTITIONS;
        if (enough && clock_mono_us() >= until_us) break;
        peer_t *peer = next_peer(replay);
        if (!peer) return 0;
        int sent = serve(replay, peer, next_partition(peer), &bytes, now_ms);
        if (sent < 0) return 0;
        events += sent;
    }
    return next_peer(replay) != NULL;
}

int replay_tick(replay_t *replay, int64_t now_ms) {
    int asks = 0;
    while (asks < REPLAY_TICK_ASKS && receive_ask(replay)) asks++;
    if (now_ms < replay->pause_until_ms) return 0;
    for (size_t i = 0; i < REPLAY_PEERS_MAX; i++) replay->peers[i].stuck = false;
    const int more = serve_some(replay, now_ms);
    replay->ended_us = clock_mono_us();
    return more || asks == REPLAY_TICK_ASKS;
}
