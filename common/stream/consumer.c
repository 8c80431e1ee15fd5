// One turn: hear who is there, take what arrived, ask for what is missing, apply one batch. The decisions per partition
// are cursor.c's; this file moves bytes between sockets, inbox and effect, and decides what a failed effect means:
//   the store or another process  → nothing is lost, the batch stays and is tried again after a growing pause
//   anything else                 → the events are applied one by one; the partition of the bad one rests and, after
//                                   CONSUMER_TRIES, is parked; the others go on
#include "consumer.h"
#include "common/base/crash.h"
#include "common/base/date.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "inbox.h"
#include "position.h"
#include "rest.h"
#include "sources.h"
#include <string.h>

#define MESSAGES_PER_TICK 4096
#define MESSAGES_PER_SOCKET 64 // or events of packs; then it is the next socket's turn
#define REPLAYS_MAX 8          // partitions asked for at once
#define ASKED_MIN 4096         // events asked for at once: so many, or two batches if that is more, and one ask besides
#define PAUSE_FIRST_MS 20
#define PAUSE_MAX_MS 1000
#define PARKED_LOOK_MS 500
#define PATIENCE 5 // tries of a whole batch whose effect says "try again", before its events are taken one by one

typedef struct trouble {
    int tries;             // failures of the event after `applied` that speak against the event
    int64_t pause_ms;      // 0: no trouble
    int64_t rest_until_ms; // 0: not resting
} trouble_t;

typedef struct consumer_metrics {
    metric_t *applied, *gaps, *duplicates, *malformed, *timeouts, *refusals, *failures, *races, *shorter, *rested,
        *parked;
} consumer_metrics_t;

struct consumer {
    char service[FRAME_SERVICE_MAX + 1], name[65];
    consumer_effect_t effect;
    position_t position;
    sources_t sources;
    inbox_t inbox;
    cursor_t cursors[PARTITIONS];
    const void *asked[PARTITIONS]; // whom for a replay: its socket, perhaps closed since
    uint32_t ask_turn;             // the partition to be asked for first
    trouble_t troubles[PARTITIONS];
    parked_t parked;
    event_t common[CONSUMER_BATCH_MAX], suspect[CONSUMER_BATCH_MAX];
    uint64_t last_request;
    int64_t applied;
    int64_t retry_at_ms, pause_ms; // the whole consumer waits
    int64_t parked_look_ms;
    int64_t gather_ms, gather_until_ms; // the batch at hand waits for company
    int rest_percent;
    int failed_batches;
    bool stale; // the position must be read again
    bool beat_heard;
    bool short_log; // a writer's log is shorter than what we applied
    size_t turn;
    consumer_metrics_t metrics;
};

// ---- life
// -------------------------------------------------------------------------------------------------------------

static void make_metrics(consumer_t *consumer) {
    char labels[160];
    snprintf(labels, sizeof labels, "consumer=\"%s\",service=\"%s\"", consumer->name, consumer->service);
    consumer_metrics_t *m = &consumer->metrics;
    m->applied = metric_counter("stream_applied_total", labels, "events whose effect was committed");
    m->gaps = metric_counter("stream_gaps_total", labels, "replays asked for because events were missing");
    m->duplicates = metric_counter("stream_duplicates_total", labels, "events dropped because they were known");
    m->malformed = metric_counter("stream_malformed_total", labels, "messages dropped because they could not be read");
    m->timeouts = metric_counter("stream_replay_timeouts_total", labels, "replays that were not answered in time");
    m->refusals = metric_counter("stream_replay_refusals_total", labels, "replays that a writer refused");
    m->failures = metric_counter("stream_effect_failures_total", labels, "tries of an effect that failed");
    m->races = metric_counter("stream_cursor_races_total", labels, "another process moved the cursor");
    m->shorter = metric_counter("stream_log_short_total", labels, "a writer's log is shorter than the cursor");
    m->rested = metric_counter("stream_rested_ms_total", labels, "milliseconds rested for others after full batches");
    m->parked = metric_gauge("stream_parked", labels, "partitions held back by an event that cannot be applied");
}

// Cursors anew from the durable numbers; what was heard of heads stays true.
static void set_cursors(consumer_t *consumer, const int64_t numbers[static PARTITIONS]) {
    inbox_clear(&consumer->inbox);
    for (size_t p = 0; p < PARTITIONS; p++) {
        cursor_t *cursor = &consumer->cursors[p];
        int64_t head = cursor->head;
        cursor_init(cursor, numbers[p]);
        if (head > cursor->head) cursor->head = head;
        if (consumer->parked.held[p]) cursor_stop(cursor);
        consumer->troubles[p].rest_until_ms = 0;
    }
    metric_set(consumer->metrics.parked, consumer->parked.count);
}

static int load(consumer_t *consumer, err_t *err) {
    int64_t numbers[PARTITIONS];
    int code = position_load(&consumer->position, numbers, &consumer->parked, err);
    if (code != E_OK) return code;
    set_cursors(consumer, numbers);
    consumer->stale = false;
    return E_OK;
}

static int check_conf(const consumer_conf_t *conf, err_t *err) {
    if (!frame_service_valid(conf->service))
        return err_field(err, E_INVALID_FIELD, "service", "consumer: not a service name");
    if (conf->batch > CONSUMER_BATCH_MAX)
        return err_field(err, E_OUT_OF_RANGE, "batch", "consumer: a batch is %d events at most", CONSUMER_BATCH_MAX);
    if (!conf->name || !conf->name[0] || strlen(conf->name) > 64)
        return err_field(err, E_INVALID_FIELD, "name", "consumer: name must have 1 to 64 characters");
    for (size_t p = 0; conf->from && p < PARTITIONS; p++)
        if (conf->from[p] < 0) return err_field(err, E_OUT_OF_RANGE, "from", "consumer: number below 0");
    return E_OK;
}

int consumer_new(consumer_t **out, const consumer_conf_t *conf, err_t *err) {
    static const int64_t from_the_start[PARTITIONS];
    *out = NULL;
    int code = check_conf(conf, err);
    if (code != E_OK) return code;
    consumer_t *consumer = calloc(1, sizeof *consumer);
    if (!consumer) return err_set(err, E_IO, "consumer: out of memory");
    snprintf(consumer->service, sizeof consumer->service, "%s", conf->service);
    snprintf(consumer->name, sizeof consumer->name, "%s", conf->name);
    consumer->effect = conf->effect;
    consumer->gather_ms = conf->gather_ms;
    consumer->rest_percent = conf->rest_percent;
    consumer->inbox.batch_most = conf->batch;
    make_metrics(consumer);
    consumer->position = (position_t){conf->store, consumer->name, consumer->service, arena_new(16 * 1024, 0), 0};
    code = consumer->position.arena ? E_OK : err_set(err, E_IO, "consumer: out of memory");
    if (code == E_OK && conf->store) code = load(consumer, err);
    if (code == E_OK && !conf->store) set_cursors(consumer, conf->from ? conf->from : from_the_start);
    if (code == E_OK) code = sources_open(&consumer->sources, &conf->client, consumer->service, err);
    if (code != E_OK) consumer_destroy(&consumer);
    *out = consumer;
    return code;
}

void consumer_destroy(consumer_t **consumer) {
    consumer_t *c = *consumer;
    if (!c) return;
    sources_close(&c->sources);
    inbox_clear(&c->inbox);
    arena_destroy(&c->position.arena);
    free(c);
    *consumer = NULL;
}

static int64_t now_ms(void) { return clock_mono_us() / 1000; }

int64_t consumer_due_ms(const consumer_t *consumer, int64_t at_most_ms) {
    const int64_t now = now_ms();
    int64_t due_ms = consumer->retry_at_ms;
    if (!consumer->inbox.count && due_ms <= now) return at_most_ms;
    if (consumer->inbox.count && consumer->gather_until_ms > due_ms) due_ms = consumer->gather_until_ms;
    const int64_t left_ms = due_ms - now;
    return left_ms < 0 ? 0 : left_ms < at_most_ms ? left_ms : at_most_ms;
}

size_t consumer_sockets(const consumer_t *consumer, void **sockets, size_t room) {
    size_t count = client_sockets(consumer->sources.client, sockets, room);
    // While it waits, nothing is read: sockets that stay readable would make the caller's poll spin.
    if (now_ms() < consumer->retry_at_ms) return count;
    for (size_t i = 0; i < consumer->sources.count; i++) {
        if (count < room) sockets[count++] = consumer->sources.items[i].replay;
        if (count < room) sockets[count++] = consumer->sources.items[i].live;
    }
    return count;
}

// ---- receiving
// --------------------------------------------------------------------------------------------------------

static void take_event(consumer_t *consumer, const event_t *event, size_t topic_bytes, int64_t now) {
    cursor_t *cursor = &consumer->cursors[event->partition];
    cursor_verdict_t verdict = inbox_arrive(&consumer->inbox, cursor, event, topic_bytes, now);
    if (verdict == CURSOR_DUPLICATE) metric_add(consumer->metrics.duplicates, 1);
}

static bool take_beat(consumer_t *consumer, const frame_address_t *address, int64_t now) {
    frame_beat_t beat;
    if (!frame_read_beat(address->rest, address->rest_bytes, &beat)) return false;
    consumer->beat_heard = true;
    bool short_log = false;
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        cursor_t *cursor = &consumer->cursors[p];
        if (cursor_beat(cursor, beat.heads[p], now)) {
            short_log = true;
            metric_add(consumer->metrics.shorter, 1);
            log_error("stream_log_short", "service=%s writer=%s partition=%u head=%lld applied=%lld", consumer->service,
                      log_value(beat.writer), (unsigned)p, (long long)beat.heads[p], (long long)cursor->applied);
        }
    }
    if (short_log) consumer->short_log = true;
    return true;
}

static void take_live_event(consumer_t *consumer, const frame_address_t *address, const frame_event_t *fields,
                            int64_t now) {
    event_t event = {address->partition, fields->number, address->topic,
                     fields->at_ms,      fields->body,   fields->body_bytes};
    take_event(consumer, &event, address->topic_bytes, now);
}

// A message from SUB; of a pack only the beginning is looked at.
static bool take_live(consumer_t *consumer, source_t *source, zmq_msg_t *frame, int64_t now) {
    frame_address_t address;
    frame_event_t fields;
    if (!frame_read_address(zmq_msg_data(frame), zmq_msg_size(frame), consumer->service, &address)) return false;
    if (address.beat) return take_beat(consumer, &address, now);
    if (address.pack) {
        frame_pack_t pack;
        if (!frame_read_pack(address.rest, address.rest_bytes, &pack)) return false;
        source_open_pack(&source->pack, frame, zmq_msg_size(frame) - pack.left);
        return true;
    }
    if (!frame_read_event(address.rest, address.rest_bytes, &fields)) return false;
    take_live_event(consumer, &address, &fields, now);
    return true;
}

static void take_refusal(consumer_t *consumer, const frame_answer_t *answer, int64_t now) {
    if (!cursor_refused(&consumer->cursors[answer->partition], answer->request, now)) return;
    metric_add(consumer->metrics.refusals, 1);
    consumer->sources.turn++;
    log_warn("stream_replay_refused", "service=%s partition=%u reason=%s", consumer->service,
             (unsigned)answer->partition, frame_reason_name(answer->reason));
}

static void take_replayed(consumer_t *consumer, const frame_answer_t *answer, int64_t now) {
    event_t event = {answer->partition, answer->number, answer->topic, answer->at_ms, answer->body, answer->body_bytes};
    take_event(consumer, &event, answer->topic_bytes, now);
}

// A message from DEALER; of a pack only the beginning is looked at.
static bool take_answer(consumer_t *consumer, source_t *source, zmq_msg_t *frame, int64_t now) {
    frame_answer_t answer;
    if (!frame_read_answer(zmq_msg_data(frame), zmq_msg_size(frame), &answer)) return false;
    if (answer.kind == FRAME_REPLAYED) {
        take_replayed(consumer, &answer, now);
    } else if (answer.kind == FRAME_REPLAYED_PACK) {
        source->rest = answer;
        source_open_pack(&source->answer, frame, zmq_msg_size(frame) - answer.body_bytes);
    } else if (answer.kind == FRAME_REFUSED) {
        take_refusal(consumer, &answer, now);
    } else {
        cursor_answered(&consumer->cursors[answer.partition], answer.request, answer.number, answer.kind == FRAME_MORE,
                        now);
    }
    return true;
}

// The next event of the pack; at its end, or where it cannot be read, it is closed.
static void take_from_answer(consumer_t *consumer, source_t *source, int64_t now) {
    frame_answer_t event;
    open_pack_t *pack = &source->answer;
    const size_t size = zmq_msg_size(&pack->message);
    source->rest.body = (const uint8_t *)zmq_msg_data(&pack->message) + pack->at;
    source->rest.body_bytes = size - pack->at;
    if (frame_next_replayed(&source->rest, &event)) {
        pack->at = size - source->rest.body_bytes;
        take_replayed(consumer, &event, now);
        return;
    }
    if (pack->at < size) metric_add(consumer->metrics.malformed, 1);
    source_drop_pack(pack);
}

// Also what is left of a pack that the inbox had no room for.
static int receive_answers(consumer_t *consumer, source_t *source, int64_t now) {
    int count = 0;
    zmq_msg_t frame;
    for (; count < MESSAGES_PER_SOCKET && !inbox_full(&consumer->inbox); count++) {
        if (source->answer.open) {
            take_from_answer(consumer, source, now);
            continue;
        }
        if (!source_receive(source->replay, &frame)) break;
        source->heard_ms = source->answered_ms = now;
        if (!take_answer(consumer, source, &frame, now)) metric_add(consumer->metrics.malformed, 1);
        zmq_msg_close(&frame);
    }
    return count;
}

// The next event of the pack; at its end, or where it cannot be read, it is closed.
static void take_from_pack(consumer_t *consumer, source_t *source, int64_t now) {
    frame_address_t address;
    frame_event_t fields;
    open_pack_t *pack = &source->pack;
    size_t size = zmq_msg_size(&pack->message);
    const uint8_t *bytes = zmq_msg_data(&pack->message);
    frame_pack_t rest = {.at = bytes + pack->at, .left = size - pack->at};
    if (frame_next_event(&rest, consumer->service, &address, &fields)) {
        pack->at = size - rest.left;
        take_live_event(consumer, &address, &fields, now);
        return;
    }
    if (rest.bad) metric_add(consumer->metrics.malformed, 1);
    source_drop_pack(pack);
}

// Also what is left of a pack that the inbox had no room for.
static int receive_live(consumer_t *consumer, source_t *source, int64_t now) {
    int count = 0;
    zmq_msg_t frame;
    for (; count < MESSAGES_PER_SOCKET && !inbox_full(&consumer->inbox); count++) {
        if (source->pack.open) {
            take_from_pack(consumer, source, now);
            continue;
        }
        if (!source_receive(source->live, &frame)) break;
        source->heard_ms = now;
        if (!take_live(consumer, source, &frame, now)) metric_add(consumer->metrics.malformed, 1);
        zmq_msg_close(&frame);
    }
    return count;
}

// True when the sockets may hold more.
static bool receive(consumer_t *consumer, int64_t now) {
    int total = 0;
    for (int round = 1; round > 0;) {
        round = 0;
        for (size_t i = 0; i < consumer->sources.count; i++) {
            source_t *source = &consumer->sources.items[(consumer->turn + i) % consumer->sources.count];
            round += receive_answers(consumer, source, now);
            round += receive_live(consumer, source, now);
        }
        total += round;
        if (inbox_full(&consumer->inbox) || total >= MESSAGES_PER_TICK) {
            consumer->turn++; // who was served last when it became full is served first next time
            return true;
        }
    }
    return false;
}

// ---- asking
// -----------------------------------------------------------------------------------------------------------

// No more than is missing, and a mark behind it: a batch at once, so that one partition is followed far before the
// next. What happened to one person then often meets in a batch, and so do the neighbours in a store's index.
static uint32_t credit_for(const consumer_t *consumer, const source_t *source, const cursor_t *cursor) {
    const bool packed = source->replay_version >= FRAME_REPLAY_VERSION;
    int64_t credit = packed ? FRAME_CREDIT_PACKED_MAX : FRAME_CREDIT_MAX;
    const int64_t batch = (int64_t)inbox_most(&consumer->inbox), missing = cursor->head - cursor->taken;
    if (credit > batch) credit = batch;
    return (uint32_t)(credit <= missing ? credit : missing + 1);
}

static bool ask(consumer_t *consumer, uint32_t partition, int64_t now) {
    cursor_t *cursor = &consumer->cursors[partition];
    source_t *source = sources_for_replay(&consumer->sources, now);
    if (!source) return false;
    frame_ask_t fields = {.request = ++consumer->last_request, .partition = partition, .from = cursor->taken + 1};
    fields.packed = source->replay_version >= FRAME_REPLAY_VERSION;
    fields.credit = credit_for(consumer, source, cursor);
    snprintf(fields.service, sizeof fields.service, "%s", consumer->service);
    uint8_t bytes[FRAME_ASK_BYTES];
    if (zmq_send(source->replay, bytes, frame_write_ask(bytes, &fields), ZMQ_DONTWAIT) < 0) return false;
    cursor_asked(cursor, fields.request, fields.credit, now);
    consumer->asked[partition] = source->replay;
    consumer->ask_turn = (partition + 1) % PARTITIONS;
    metric_add(consumer->metrics.gaps, 1);
    return true;
}

// While the inbox is full answers lie unread, so nobody is late.
static void give_up_late(consumer_t *consumer, int64_t now) {
    bool late = false;
    if (inbox_full(&consumer->inbox)) return;
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        if (!consumer->cursors[p].asking) continue;
        const source_t *source = sources_with(&consumer->sources, consumer->asked[p]);
        if (!cursor_timed_out(&consumer->cursors[p], source ? source->answered_ms : 0, now)) continue;
        late = true;
        metric_add(consumer->metrics.timeouts, 1);
    }
    if (late) consumer->sources.turn++;
}

// The next ones are asked for before what came is applied, so that they are on their way meanwhile.
static void ask_for_missing(consumer_t *consumer, int64_t now) {
    int asking = 0;
    int64_t expected = 0, most = 2 * (int64_t)inbox_most(&consumer->inbox);
    give_up_late(consumer, now);
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        asking += consumer->cursors[p].asking;
        expected += cursor_expected(&consumer->cursors[p]);
    }
    if (most < ASKED_MIN) most = ASKED_MIN;
    // Beginning behind the last one served, so that a partition that is always behind does not starve the others.
    const uint32_t first = consumer->ask_turn;
    for (uint32_t i = 0; i < PARTITIONS && asking < REPLAYS_MAX && expected < most; i++) {
        const uint32_t p = (first + i) % PARTITIONS;
        if (!cursor_wants(&consumer->cursors[p], now) || !ask(consumer, p, now)) continue;
        asking++;
        expected += cursor_expected(&consumer->cursors[p]);
    }
}

// ---- applying
// ---------------------------------------------------------------------------------------------------------

static void wait_and_retry(consumer_t *consumer, int64_t now) {
    consumer->pause_ms = consumer->pause_ms ? consumer->pause_ms * 2 : PAUSE_FIRST_MS;
    if (consumer->pause_ms > PAUSE_MAX_MS) consumer->pause_ms = PAUSE_MAX_MS;
    consumer->retry_at_ms = now + consumer->pause_ms;
}

static void advance(consumer_t *consumer, const event_t *events, size_t count) {
    for (size_t i = 0; i < count; i++) {
        cursor_commit(&consumer->cursors[events[i].partition], events[i].number);
        consumer->troubles[events[i].partition] = (trouble_t){0};
    }
    consumer->pause_ms = 0;
    consumer->failed_batches = 0;
    consumer->applied += (int64_t)count;
    metric_add(consumer->metrics.applied, (int64_t)count);
}

// One transaction: claim, effect, cursors, commit. On failure nothing has changed; `stale` is set when it was not ours
// to move.
static int apply(consumer_t *consumer, const event_t *events, size_t count, err_t *err) {
    const consumer_effect_t *effect = &consumer->effect;
    int code = position_begin(&consumer->position, err);
    if (code != E_OK) {
        consumer->stale = code == E_RACE;
        return code;
    }
    code = effect->apply(effect->self, events, count, err);
    if (code == E_OK) code = position_move(&consumer->position, events, count, err);
    CRASH_POINT("effect_before_commit");
    if (code == E_OK)
        code = position_commit(&consumer->position, err);
    else
        position_rollback(&consumer->position);
    if (code != E_OK) {
        metric_add(consumer->metrics.failures, 1);
        if (effect->rolled_back) effect->rolled_back(effect->self);
        return code;
    }
    CRASH_POINT("effect_after_commit");
    advance(consumer, events, count);
    if (effect->committed) effect->committed(effect->self);
    return E_OK;
}

static void hold_back(consumer_t *consumer, const event_t *event, const err_t *reason, int64_t now) {
    trouble_t *trouble = &consumer->troubles[event->partition];
    err_t err = {0};
    int code = position_park(&consumer->position, event, trouble->tries, reason, &err);
    if (code != E_OK) { // it rests and comes here again
        consumer->stale |= code == E_RACE;
        log_warn("stream_park_failed", "consumer=%s error=%s", consumer->name, log_value(err.text));
        return;
    }
    log_error("stream_parked", "consumer=%s service=%s partition=%u number=%lld topic=%s tries=%d code=%s field=%s",
              consumer->name, consumer->service, (unsigned)event->partition, (long long)event->number, event->topic,
              trouble->tries, err_name(reason->code), log_value(reason->field));
    *trouble = (trouble_t){0};
    consumer->parked.held[event->partition] = true;
    consumer->parked.count++;
    consumer->parked_look_ms = now;
    metric_set(consumer->metrics.parked, consumer->parked.count);
}

// The event could not be applied: its partition rests, or is parked.
static void strike(consumer_t *consumer, const event_t *event, const err_t *reason, int64_t now) {
    trouble_t *trouble = &consumer->troubles[event->partition];
    cursor_stop(&consumer->cursors[event->partition]);
    trouble->pause_ms = trouble->pause_ms ? trouble->pause_ms * 2 : PAUSE_FIRST_MS;
    if (trouble->pause_ms > PAUSE_MAX_MS) trouble->pause_ms = PAUSE_MAX_MS;
    trouble->rest_until_ms = now + trouble->pause_ms;
    if (!err_may_retry(reason->code)) trouble->tries++;
    if (trouble->tries >= CONSUMER_TRIES) hold_back(consumer, event, reason, now);
}

static bool store_failed(int code) { return code == E_STORE || code == E_IO; }

// One by one. False when it had to stop because of the store or another process.
static bool apply_singly(consumer_t *consumer, const event_t *events, size_t count, int64_t now) {
    for (size_t i = 0; i < count; i++) {
        err_t err = {0};
        if (consumer->cursors[events[i].partition].stopped) continue;
        int code = apply(consumer, &events[i], 1, &err);
        if (code == E_OK) continue;
        if (!consumer->stale && store_failed(code)) wait_and_retry(consumer, now);
        if (consumer->stale || store_failed(code)) return false;
        err.code = code; // an effect may have returned a code without a sentence
        strike(consumer, &events[i], &err, now);
        if (consumer->stale) return false;
    }
    return true;
}

// What is applied, or belongs to a partition that went back, leaves the batch; the rest waits for the next try.
static void prune(consumer_t *consumer) {
    inbox_t *inbox = &consumer->inbox;
    size_t kept = 0;
    for (size_t i = 0; i < inbox->count; i++) {
        letter_t *letter = inbox->batch[i];
        const cursor_t *cursor = &consumer->cursors[letter->event.partition];
        if (letter->event.number > cursor->applied && letter->event.number <= cursor->taken) {
            inbox->batch[kept++] = letter;
            continue;
        }
        inbox->batch_bytes -= letter->event.body_bytes;
        free(letter);
    }
    inbox->count = kept;
    for (uint32_t p = 0; p < PARTITIONS; p++)
        if (consumer->cursors[p].held_last == 0) inbox_forget_held(inbox, p);
}

// The whole batch but for partitions in trouble. False as apply_singly().
static bool apply_common(consumer_t *consumer, size_t count, int64_t now) {
    err_t err = {0};
    if (count == 0) return true;
    int code = apply(consumer, consumer->common, count, &err);
    if (code == E_OK) return true;
    if (consumer->stale) return false;
    if (store_failed(code) || (err_may_retry(code) && ++consumer->failed_batches < PATIENCE)) {
        if (consumer->pause_ms == 0)
            log_warn("stream_batch_waits", "consumer=%s service=%s code=%s error=%s", consumer->name, consumer->service,
                     err_name(code), log_value(err.text));
        wait_and_retry(consumer, now);
        return false;
    }
    consumer->failed_batches = 0;
    return apply_singly(consumer, consumer->common, count, now);
}

// Unless it waits already, because something failed.
static void rest(consumer_t *consumer, const rest_batch_t *batch) {
    const int64_t ms = rest_ms(consumer->rest_percent, batch), now = now_ms();
    if (ms == 0 || consumer->retry_at_ms > now) return;
    consumer->retry_at_ms = now + ms;
    metric_add(consumer->metrics.rested, ms);
}

static void apply_batch(consumer_t *consumer, int64_t now) {
    size_t common = 0, suspect = 0;
    rest_batch_t batch = {.full = inbox_full(&consumer->inbox)};
    int64_t newest_ms = 0;
    inbox_sort(&consumer->inbox);
    for (size_t i = 0; i < consumer->inbox.count; i++) {
        const event_t *event = &consumer->inbox.batch[i]->event;
        if (event->at_ms > newest_ms) newest_ms = event->at_ms;
        if (consumer->troubles[event->partition].pause_ms)
            consumer->suspect[suspect++] = *event;
        else
            consumer->common[common++] = *event;
    }
    if (apply_common(consumer, common, now)) (void)apply_singly(consumer, consumer->suspect, suspect, now);
    prune(consumer);
    batch.took_ms = now_ms() - now;
    batch.behind_ms = clock_now_ms() - newest_ms;
    rest(consumer, &batch);
}

// ---- the turn
// ---------------------------------------------------------------------------------------------------------

static void read_position_again(consumer_t *consumer, int64_t now) {
    err_t err = {0};
    int code = load(consumer, &err);
    metric_add(consumer->metrics.races, 1);
    if (code == E_OK) {
        log_info("stream_cursor_reloaded", "consumer=%s service=%s", consumer->name, consumer->service);
        return;
    }
    wait_and_retry(consumer, now);
}

// An operator may have let a parked partition go on, or another process may have parked one.
static void look_at_parked(consumer_t *consumer, int64_t now) {
    parked_t found;
    err_t err = {0};
    if (!consumer->position.store || consumer->parked.count == 0) return;
    if (now - consumer->parked_look_ms < PARKED_LOOK_MS) return;
    consumer->parked_look_ms = now;
    if (position_parked(&consumer->position, &found, &err) != E_OK) return; // next time
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        if (consumer->parked.held[p] && !found.held[p]) {
            log_info("stream_unparked", "consumer=%s service=%s partition=%u", consumer->name, consumer->service,
                     (unsigned)p);
            cursor_resume(&consumer->cursors[p]);
        } else if (!consumer->parked.held[p] && found.held[p]) {
            cursor_stop(&consumer->cursors[p]);
            inbox_forget(&consumer->inbox, p);
        }
    }
    consumer->parked = found;
    metric_set(consumer->metrics.parked, found.count);
}

static void wake_the_rested(consumer_t *consumer, int64_t now) {
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        trouble_t *trouble = &consumer->troubles[p];
        if (trouble->rest_until_ms == 0 || now < trouble->rest_until_ms) continue;
        trouble->rest_until_ms = 0;
        if (!consumer->parked.held[p]) cursor_resume(&consumer->cursors[p]);
    }
}

int consumer_tick(consumer_t *consumer) {
    int64_t now = now_ms();
    sources_tick(&consumer->sources, now);
    if (now < consumer->retry_at_ms) return 0;
    if (consumer->stale) read_position_again(consumer, now);
    if (consumer->stale) return 0;
    look_at_parked(consumer, now);
    wake_the_rested(consumer, now);
    if (!consumer->inbox.count) consumer->gather_until_ms = now + consumer->gather_ms;
    for (uint32_t p = 0; p < PARTITIONS; p++) inbox_release(&consumer->inbox, &consumer->cursors[p], p, now);
    bool more = receive(consumer, now);
    ask_for_missing(consumer, now);
    const bool due = inbox_full(&consumer->inbox) || now >= consumer->gather_until_ms;
    if (consumer->inbox.count && due) apply_batch(consumer, now);
    return more && now_ms() >= consumer->retry_at_ms && !consumer->stale;
}

void consumer_state(const consumer_t *consumer, consumer_state_t *out) {
    *out = (consumer_state_t){.applied = consumer->applied, .parked = consumer->parked.count};
    out->caught_up = consumer->beat_heard && !consumer->stale && !consumer->short_log;
    for (size_t p = 0; p < PARTITIONS; p++) {
        out->cursor[p] = consumer->cursors[p].applied;
        out->head[p] = consumer->cursors[p].head;
        if (out->cursor[p] < out->head[p]) out->caught_up = false;
    }
}

const char *consumer_service(const consumer_t *consumer) { return consumer->service; }
const char *consumer_name(const consumer_t *consumer) { return consumer->name; }
