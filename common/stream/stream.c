// The writer. What was reserved in a transaction waits here until its commit; a socket never sees an event that the
// store may still lose. Heads are kept in memory: `committed` is what the store holds, `next` what a transaction has
// taken.
#include "stream.h"
#include "common/base/date.h"
#include "common/base/fault.h"
#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/wire/lane.h"
#include "frame.h"
#include "replay.h"
#include <errno.h>
#include <string.h>
#include <zmq.h>

#define PENDING_MAX 65536 // events of one transaction
#define BEAT_MS 500
#define REFRESH_MS 2000
#define GREETING_MS 50 // least distance of beats sent because somebody subscribed
#define SUBSCRIPTIONS_PER_TICK 256
#define LIVE_MARK 512 // messages kept for one slow subscriber, then the next are dropped and it replays
#define REPLAY_MARK 4096

const stream_log_t stream_table_log = {
    .table = "event",
    .head_sql = "SELECT COALESCE(MAX(number), 0) FROM event WHERE partition = $1",
    .read_sql = "SELECT number, topic, at_ms, body FROM event WHERE partition = $1 AND number >= $2"
                " ORDER BY number LIMIT $3",
};

struct stream {
    store_t *store;
    stream_log_t log;
    char service[FRAME_SERVICE_MAX + 1];
    char writer[UID_TEXT_MAX];
    void *live, *router;
    char live_endpoint[256], replay_endpoint[256];
    replay_t *replay;
    arena_t *arena, *scratch;
    event_t *pending; // in the arena
    size_t count, room, flushed;
    int64_t committed[PARTITIONS], taken[PARTITIONS];
    bool greeting; // somebody subscribed since the last beat
    bool store_down;
    int64_t beat_ms, refresh_ms; // when last done
    metric_t *published, *unpublished, *races;
};

_Static_assert(STREAM_REPLAY_VERSION == FRAME_REPLAY_VERSION, "what is announced is what is read");
_Static_assert(UID_TEXT_MAX <= FRAME_WRITER_MAX + 1, "a beat must hold the writer's id");

// ---- sockets
// ----------------------------------------------------------------------------------------------------------

static int set_int(void *socket, int option, int value) { return zmq_setsockopt(socket, option, &value, sizeof value); }

// The endpoint as bound, with a wildcard host replaced by the public one.
static int announce(void *socket, const char *public_host, char *out, size_t room, err_t *err) {
    char bound[256];
    size_t size = sizeof bound;
    if (zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, bound, &size) != 0)
        return err_set(err, E_IO, "stream: no endpoint: %s", zmq_strerror(errno));
    const char *port = strrchr(bound, ':');
    bool wildcard = strncmp(bound, "tcp://0.0.0.0:", 14) == 0 || strncmp(bound, "tcp://[::]:", 11) == 0;
    int written = wildcard && public_host && port ? snprintf(out, room, "tcp://%s%s", public_host, port)
                                                  : snprintf(out, room, "%s", bound);
    if (written < 0 || (size_t)written >= room) return err_set(err, E_TOO_LARGE, "stream: endpoint is too long");
    return E_OK;
}

static int open_socket(void **out, const stream_conf_t *conf, int type, const char *bind, err_t *err) {
    *out = zmq_socket(conf->context, type);
    if (!*out) return err_set(err, E_IO, "stream: no socket: %s", zmq_strerror(errno));
    int code = curve_server(*out, conf->keys, "stream", err);
    if (code != E_OK) return code;
    int bad = lane_take(conf->context, *out, LANE_LISTENERS) | set_int(*out, ZMQ_LINGER, 0);
    if (type == ZMQ_XPUB) {
        // Every subscription is shown, so that a newcomer gets a beat at once instead of waiting for the next.
        bad |= set_int(*out, ZMQ_XPUB_VERBOSE, 1) | set_int(*out, ZMQ_SNDHWM, LIVE_MARK);
    } else {
        bad |= set_int(*out, ZMQ_ROUTER_MANDATORY, 1) | set_int(*out, ZMQ_SNDHWM, REPLAY_MARK);
    }
    if (bad) return err_set(err, E_IO, "stream: socket option: %s", zmq_strerror(errno));
    if (zmq_bind(*out, bind) != 0) return err_set(err, E_IO, "stream: cannot bind %s: %s", bind, zmq_strerror(errno));
    return E_OK;
}

static int open_sockets(stream_t *stream, const stream_conf_t *conf, err_t *err) {
    int code = open_socket(&stream->live, conf, ZMQ_XPUB, conf->live_bind, err);
    if (code == E_OK) code = open_socket(&stream->router, conf, ZMQ_ROUTER, conf->replay_bind, err);
    if (code == E_OK)
        code = announce(stream->live, conf->public_host, stream->live_endpoint, sizeof stream->live_endpoint, err);
    if (code == E_OK)
        code =
            announce(stream->router, conf->public_host, stream->replay_endpoint, sizeof stream->replay_endpoint, err);
    return code;
}

int stream_new(stream_t **out, const stream_conf_t *conf, err_t *err) {
    *out = NULL;
    if (!frame_service_valid(conf->service))
        return err_field(err, E_INVALID_FIELD, "service",
                         "stream: service must be [a-z][a-z0-9_]*, at most %d characters", FRAME_SERVICE_MAX);
    stream_t *stream = calloc(1, sizeof *stream);
    if (!stream) return err_set(err, E_IO, "stream: out of memory");
    stream->store = conf->store;
    stream->log = conf->log;
    snprintf(stream->service, sizeof stream->service, "%s", conf->service);
    uid_new(stream->writer);
    stream->published = metric_counter("stream_published_total", "", "events sent on the live socket");
    stream->unpublished =
        metric_counter("stream_publish_failed_total", "", "events the live socket refused; replay brings them");
    stream->races = metric_counter("stream_reloads_total", "", "heads read again because another writer was faster");
    stream->arena = arena_new(256 * 1024, 0);
    stream->scratch = arena_new(16 * 1024, 0);
    int code = stream->arena && stream->scratch ? E_OK : err_set(err, E_IO, "stream: out of memory");
    if (code == E_OK) code = stream_reload(stream, err); // before the bind: nobody sees a head of 0 by mistake
    if (code == E_OK) code = open_sockets(stream, conf, err);
    if (code == E_OK)
        code = replay_new(&stream->replay, stream->router, stream->store, stream->service, &stream->log, err);
    if (code != E_OK) stream_destroy(&stream);
    *out = stream;
    return code;
}

void stream_destroy(stream_t **stream) {
    stream_t *s = *stream;
    if (!s) return;
    replay_destroy(&s->replay);
    if (s->live) zmq_close(s->live);
    if (s->router) zmq_close(s->router);
    arena_destroy(&s->arena);
    arena_destroy(&s->scratch);
    free(s);
    *stream = NULL;
}

const char *stream_live_endpoint(const stream_t *stream) { return stream->live_endpoint; }
const char *stream_replay_endpoint(const stream_t *stream) { return stream->replay_endpoint; }
const int64_t *stream_heads(const stream_t *stream) { return stream->committed; }

// ---- writing
// ----------------------------------------------------------------------------------------------------------

static int pending_room(stream_t *stream, err_t *err) {
    if (stream->count < stream->room) return E_OK;
    if (stream->count >= PENDING_MAX)
        return err_set(err, E_TOO_LARGE, "stream: more than %d events in one transaction", PENDING_MAX);
    size_t room = stream->room ? stream->room * 2 : 256;
    event_t *pending = arena_alloc(stream->arena, room * sizeof *pending);
    if (!pending) return err_set(err, E_IO, "stream: out of memory");
    if (stream->count) memcpy(pending, stream->pending, stream->count * sizeof *pending);
    stream->pending = pending;
    stream->room = room;
    return E_OK;
}

int stream_reserve(stream_t *stream, uint32_t partition, const char *topic, int64_t at_ms, const void *body,
                   size_t body_bytes, int64_t *number, err_t *err) {
    CHECK(partition < PARTITIONS);
    size_t topic_bytes = strlen(topic);
    if (!frame_topic_valid(topic, topic_bytes))
        return err_field(err, E_INVALID_FIELD, "topic",
                         "stream: topic must be words of [a-z_] joined by dots, at most %d characters",
                         FRAME_TOPIC_MAX);
    if (body_bytes > FRAME_BODY_MAX)
        return err_field(err, E_TOO_LARGE, "body", "stream: event of %zu bytes, at most %d are allowed", body_bytes,
                         FRAME_BODY_MAX);
    int code = pending_room(stream, err);
    if (code != E_OK) return code;
    event_t event = {.partition = partition, .number = stream->taken[partition] + 1, .at_ms = at_ms};
    event.topic = arena_copy(stream->arena, topic, topic_bytes + 1);
    // A body is never NULL, also when empty: its column is NOT NULL.
    event.body = arena_copy(stream->arena, body_bytes ? body : "", body_bytes ? body_bytes : 1);
    event.body_bytes = body_bytes;
    if (!event.topic || !event.body) return err_set(err, E_IO, "stream: out of memory");
    stream->pending[stream->count++] = event;
    stream->taken[partition] = event.number;
    *number = event.number;
    return E_OK;
}

int64_t stream_next(const stream_t *stream, uint32_t partition) {
    CHECK(partition < PARTITIONS);
    return stream->taken[partition] + 1;
}

int stream_flush(stream_t *stream, err_t *err) {
    if (!stream->log.table || stream->flushed == stream->count) return E_OK;
    rows_t rows;
    arena_reset(stream->scratch);
    rows_init(&rows, stream->scratch, 5);
    if (!rows_reserve(&rows, stream->count - stream->flushed)) return err_set(err, E_IO, "stream: out of memory");
    for (size_t i = stream->flushed; i < stream->count; i++) {
        const event_t *event = &stream->pending[i];
        cell_t *row = rows_add(&rows);
        if (!row) return err_set(err, E_IO, "stream: out of memory");
        row[0] = cell_i64(event->partition);
        row[1] = cell_i64(event->number);
        row[2] = cell_text(event->topic);
        row[3] = cell_i64(event->at_ms);
        row[4] = cell_blob(event->body, event->body_bytes);
    }
    int code = store_insert(stream->store, stream->log.table, "partition, number, topic, at_ms, body", &rows,
                            CONFLICT_FAILS, err);
    if (code == E_OK) stream->flushed = stream->count;
    return code;
}

static void forget_pending(stream_t *stream) {
    stream->pending = NULL;
    stream->count = stream->room = stream->flushed = 0;
    arena_reset(stream->arena);
}

// At `at`, where there is room for event_bytes() of them.
static uint8_t *put_event(const stream_t *stream, const event_t *event, uint8_t *at) {
    uint8_t head[FRAME_EVENT_HEAD_BYTES];
    size_t head_bytes =
        frame_write_event_head(head, stream->service, event->partition, event->topic, event->number, event->at_ms);
    memcpy(at, head, head_bytes);
    memcpy(at + head_bytes, event->body, event->body_bytes);
    return at + head_bytes + event->body_bytes;
}

static size_t event_bytes(const stream_t *stream, const event_t *event) {
    return FRAME_EVENT_HEAD_BYTES - FRAME_SERVICE_MAX - FRAME_TOPIC_MAX + strlen(stream->service) +
           strlen(event->topic) + event->body_bytes;
}

// One message of `count` events, packed when there are several; `bytes` is what event_bytes() says of them.
static bool publish(stream_t *stream, const event_t *events, size_t count, size_t bytes) {
    uint8_t head[FRAME_PACK_HEAD_BYTES];
    zmq_msg_t frame;
    size_t head_bytes = frame_write_pack_head(head, stream->service);
    if (count > 1) bytes += head_bytes + count * FRAME_PACK_LENGTH_BYTES;
    if (zmq_msg_init_size(&frame, bytes) != 0) return false;
    uint8_t *at = zmq_msg_data(&frame), *end = at + bytes;
    if (count > 1) {
        memcpy(at, head, head_bytes);
        at += head_bytes;
    }
    for (size_t i = 0; i < count; i++) {
        if (count > 1) at += frame_write_pack_length(at, event_bytes(stream, &events[i]));
        at = put_event(stream, &events[i], at);
    }
    CHECK(at == end);
    if (!fault_now(FAULT_SEND) && zmq_msg_send(&frame, stream->live, ZMQ_DONTWAIT) >= 0) return true;
    zmq_msg_close(&frame);
    return false;
}

// How many events from `first` on go into one message, at least one, and their bytes.
static size_t portion(const stream_t *stream, size_t first, size_t *bytes) {
    size_t count = 0;
    *bytes = 0;
    for (size_t total = FRAME_PACK_HEAD_BYTES; first + count < stream->count; count++) {
        size_t next = event_bytes(stream, &stream->pending[first + count]);
        total += FRAME_PACK_LENGTH_BYTES + next;
        if (count > 0 && total > FRAME_PACK_MAX) break;
        *bytes += next;
    }
    return count;
}

void stream_committed(stream_t *stream) {
    // A forgotten flush would publish what the log does not hold.
    CHECK(!stream->log.table || stream->flushed == stream->count);
    memcpy(stream->committed, stream->taken, sizeof stream->committed);
    for (size_t i = 0, count; i < stream->count; i += count) {
        size_t bytes;
        count = portion(stream, i, &bytes);
        metric_add(publish(stream, stream->pending + i, count, bytes) ? stream->published : stream->unpublished,
                   (int64_t)count);
    }
    forget_pending(stream);
}

void stream_rolled_back(stream_t *stream) {
    memcpy(stream->taken, stream->committed, sizeof stream->taken);
    forget_pending(stream);
}

static int read_heads(stream_t *stream, err_t *err) {
    rows_t keys, heads;
    arena_reset(stream->scratch);
    rows_init(&keys, stream->scratch, 1);
    for (int64_t partition = 0; partition < PARTITIONS; partition++) {
        cell_t *row = rows_add(&keys);
        if (!row) return err_set(err, E_IO, "stream: out of memory");
        row[0] = cell_i64(partition);
    }
    int code = store_each_query(stream->store, stream->log.head_sql, &keys, stream->scratch, &heads, err);
    if (code != E_OK) return code;
    if (heads.count != PARTITIONS)
        return err_set(err, E_STORE, "stream: head_sql gave %zu rows for %d partitions", heads.count, PARTITIONS);
    for (size_t i = 0; i < PARTITIONS; i++) {
        CHECK(row_i64(&heads, i, 0) == (int64_t)i);
        stream->committed[i] = stream->taken[i] = row_i64(&heads, i, 1);
    }
    return E_OK;
}

int stream_reload(stream_t *stream, err_t *err) {
    stream_rolled_back(stream);
    metric_add(stream->races, 1);
    return read_heads(stream, err);
}

// ---- the turn
// ---------------------------------------------------------------------------------------------------------

size_t stream_sockets(const stream_t *stream, void **sockets, size_t room) {
    size_t count = 0;
    if (count < room) sockets[count++] = stream->live;
    if (count < room) sockets[count++] = stream->router;
    return count;
}

// What subscribers send: subscriptions, and whatever else they like, which is dropped. True when there may be more.
static bool take_subscriptions(stream_t *stream) {
    uint8_t frame[1 + FRAME_ADDRESS_BYTES];
    for (int i = 0; i < SUBSCRIPTIONS_PER_TICK; i++) {
        int bytes = zmq_recv(stream->live, frame, sizeof frame, ZMQ_DONTWAIT);
        if (bytes < 0) return false;
        if (bytes > 0 && frame[0] == 1) stream->greeting = true;
    }
    return true;
}

static void refresh(stream_t *stream, int64_t now_ms) {
    err_t err = {0};
    stream->refresh_ms = now_ms; // also after a failure: no hammering
    int code = read_heads(stream, &err);
    if (code != E_OK && !stream->store_down) log_error("stream_heads", "error=%s", log_value(err.text));
    if (code == E_OK && stream->store_down) log_info("stream_heads_back", "service=%s", stream->service);
    stream->store_down = code != E_OK;
}

static void beat(stream_t *stream, int64_t now_ms) {
    uint8_t bytes[FRAME_BEAT_BYTES];
    frame_beat_t fields;
    snprintf(fields.writer, sizeof fields.writer, "%s", stream->writer);
    memcpy(fields.heads, stream->committed, sizeof fields.heads);
    // A beat that cannot be sent is as good as one that is lost: the next says the same.
    (void)zmq_send(stream->live, bytes, frame_write_beat(bytes, stream->service, &fields), ZMQ_DONTWAIT);
    stream->beat_ms = now_ms;
    stream->greeting = false;
}

int stream_tick(stream_t *stream) {
    CHECK(stream->count == 0); // inside a transaction the store would answer with what may be rolled back
    int64_t now_ms = clock_mono_us() / 1000;
    bool more = take_subscriptions(stream);
    bool greet = stream->greeting && now_ms - stream->beat_ms >= GREETING_MS;
    // A newcomer takes the first beat for the state of the log, so it must not be an old one.
    if (greet || now_ms - stream->refresh_ms >= REFRESH_MS) refresh(stream, now_ms);
    if (greet || now_ms - stream->beat_ms >= BEAT_MS) beat(stream, now_ms);
    return replay_tick(stream->replay, now_ms) || more;
}
