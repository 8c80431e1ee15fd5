// Per batch of events one look-up and one write, whatever the number of events.
#include "poster.h"
#include "common/base/date.h"
#include "common/wire/message.h"
#include "ledger.h"
#include "store.h"
#include <stdlib.h>
#include <string.h>

enum { ARENA_BLOCK_BYTES = 256 * 1024, ARENA_LIMIT_BYTES = 64 * 1024 * 1024 };

typedef struct batch {
    poster_source_t *source;
    Tc__JournalEntry **entries;
    const event_t **events; // of the entries
    size_t count;
} batch_t;

int poster_new(poster_t **out, writer_t *writer, err_t *err) {
    poster_t *poster = calloc(1, sizeof *poster);
    if (poster) poster->arena = arena_new(ARENA_BLOCK_BYTES, ARENA_LIMIT_BYTES);
    if (!poster || !poster->arena) {
        poster_destroy(&poster);
        return err_set(err, E_IO, "out of memory");
    }
    poster->writer = writer;
    poster->now_ms = clock_now_ms;
    poster->posted = metric_counter("settlement_entries_total", "outcome=\"posted\"", "events by what became of them");
    poster->repeated =
        metric_counter("settlement_entries_total", "outcome=\"repeated\"", "events by what became of them");
    *out = poster;
    return 0;
}

void poster_destroy(poster_t **poster) {
    if (!*poster) return;
    arena_destroy(&(*poster)->arena);
    free(*poster);
    *poster = NULL;
}

static int no_memory(err_t *err) { return err_set(err, E_IO, "the batch of events needs too much memory"); }

// ---- events to entries
// --------------------------------------------------------------------------------------------------

typedef struct topic_rule { // what an event of this topic becomes
    const char *topic;
    const ProtobufCMessageDescriptor *type;
    int (*entry)(const ProtobufCMessage *message, const fund_rules_t *fund, const ledger_source_t *source,
                 int64_t posted_ms, arena_t *arena, Tc__JournalEntry **out, err_t *err);
} topic_rule_t;

#define OF(name, message_type)                                                                                         \
    static int name##_entry(const ProtobufCMessage *message, const fund_rules_t *fund, const ledger_source_t *source,  \
                            int64_t posted_ms, arena_t *arena, Tc__JournalEntry **out, err_t *err) {                   \
        return ledger_of_##name((const message_type *)message, fund, source, posted_ms, arena, out, err);              \
    }
OF(bill, Tc__Decision)
OF(receipt, Tc__Receipt)
OF(return, Tc__Receipt)
OF(held, Tc__HeldMoney)
OF(credit, Tc__AccountCredit)
OF(change, Tc__AccountChange)
#undef OF

// NULL: the topic moves no money. An event of one of these may still cause no entry.
static const topic_rule_t *rule_of(const char *topic) {
    static const topic_rule_t rules[] = {{"bill.settled", &tc__decision__descriptor, bill_entry},
                                         {"bill.reversed", &tc__decision__descriptor, bill_entry},
                                         {"bill.recomputed", &tc__decision__descriptor, bill_entry},
                                         {"contribution.received", &tc__receipt__descriptor, receipt_entry},
                                         {"contribution.returned", &tc__receipt__descriptor, return_entry},
                                         {"money.held", &tc__held_money__descriptor, held_entry},
                                         {"account.credited", &tc__account_credit__descriptor, credit_entry},
                                         {"account.changed", &tc__account_change__descriptor, change_entry}};
    for (size_t i = 0; i < COUNT_OF(rules); i++)
        if (strcmp(rules[i].topic, topic) == 0) return &rules[i];
    return NULL;
}

static int make_entry(const batch_t *batch, const event_t *event, const topic_rule_t *rule, Tc__JournalEntry **out,
                      err_t *err) {
    poster_t *poster = batch->source->poster;
    ledger_source_t source = {batch->source->service, event->partition, event->number};
    ProtobufCMessage *message;
    int rc = message_unpack(&message, rule->type, event->body, event->body_bytes, poster->arena, err);
    if (!rc) rc = rule->entry(message, poster->fund, &source, poster->now_ms(), poster->arena, out, err);
    if (rc || !*out) return rc;
    // An entry follows from an event's bytes, so one that does not balance is the event's fault: it is parked.
    return ledger_balanced(*out) ? 0 : err_set(err, E_INVALID_FIELD, "the entry of this event does not balance");
}

_Static_assert(CONSUMER_BATCH <= JOURNAL_RUN_MAX, "a run of a batch is asked for in one go");

// The end of the run of one partition that begins at `first`.
static size_t run_end(const event_t *events, size_t count, size_t first) {
    size_t end = first + 1;
    while (end < count && events[end].partition == events[first].partition && end - first < JOURNAL_RUN_MAX) end++;
    return end;
}

static void mark_posted(const event_t *events, size_t count, size_t first, int64_t number, bool *posted) {
    for (size_t i = first; i < run_end(events, count, first); i++)
        if (events[i].number == number) posted[i] = true;
}

// One question for each partition: events come one partition after another, each in order.
static int find_posted(const batch_t *batch, const event_t *events, size_t count, bool *posted, err_t *err) {
    poster_t *poster = batch->source->poster;
    size_t *firsts = arena_alloc(poster->arena, (count + 1) * sizeof *firsts);
    rows_t keys, found;
    if (!firsts) return no_memory(err);
    rows_init(&keys, poster->arena, 4);
    for (size_t i = 0; i < count; i = run_end(events, count, i)) {
        cell_t *key = rows_add(&keys);
        if (!key) return no_memory(err);
        key[0] = cell_text(batch->source->service);
        key[1] = cell_i64(events[i].partition);
        key[2] = cell_i64(events[i].number);
        key[3] = cell_i64(events[run_end(events, count, i) - 1].number);
        firsts[keys.count - 1] = i;
    }
    int rc = journal_find_sources(poster->writer->store, &keys, poster->arena, &found, err);
    for (size_t row = 0; !rc && row < found.count; row++)
        mark_posted(events, count, firsts[row_i64(&found, row, 0)], row_i64(&found, row, 1), posted);
    return rc;
}

static int make_entries(batch_t *batch, const event_t *events, size_t count, err_t *err) {
    poster_t *poster = batch->source->poster;
    bool *posted = arena_alloc(poster->arena, count + 1);
    batch->entries = arena_alloc(poster->arena, (count + 1) * sizeof *batch->entries);
    batch->events = arena_alloc(poster->arena, (count + 1) * sizeof *batch->events);
    if (!posted || !batch->entries || !batch->events) return no_memory(err);
    int rc = find_posted(batch, events, count, posted, err);
    for (size_t i = 0; !rc && i < count; i++) {
        if (posted[i]) metric_add(poster->repeated, 1);
        const topic_rule_t *rule = rule_of(events[i].topic);
        if (posted[i] || !rule) continue;
        batch->events[batch->count] = &events[i];
        rc = make_entry(batch, &events[i], rule, &batch->entries[batch->count], err);
        if (rc)
            return err_prefix(err, "%s %u/%lld", batch->source->service, events[i].partition,
                              (long long)events[i].number);
        if (batch->entries[batch->count]) batch->count++;
    }
    return rc;
}

// ---- the effect
// ---------------------------------------------------------------------------------------------------------

static int write_batch(const batch_t *batch, err_t *err) {
    poster_t *poster = batch->source->poster;
    uint32_t *partitions = arena_alloc(poster->arena, batch->count * sizeof *partitions);
    if (!partitions) return no_memory(err);
    for (size_t i = 0; i < batch->count; i++) partitions[i] = batch->events[i]->partition;
    return writer_write(poster->writer, batch->entries, partitions, batch->count, poster->arena, err);
}

int poster_apply(void *self, const event_t *events, size_t count, err_t *err) {
    batch_t batch = {.source = self};
    poster_t *poster = batch.source->poster;
    arena_reset(poster->arena);
    int rc = writer_ready(poster->writer, err);
    if (!rc) rc = make_entries(&batch, events, count, err);
    if (rc || !batch.count) return rc;
    rc = write_batch(&batch, err);
    if (!rc) metric_add(poster->posted, (int64_t)batch.count);
    return rc;
}

void poster_committed(void *self) { stream_committed(((poster_source_t *)self)->poster->writer->stream); }

void poster_rolled_back(void *self) { writer_rolled_back(((poster_source_t *)self)->poster->writer); }
