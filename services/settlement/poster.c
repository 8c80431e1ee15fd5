// Per batch of events: one look-up, two inserts, one write of balances, whatever the number of events. Balances are
// added in the order of their keys, so that two posters never wait for each other in a circle.
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
    size_t postings;
} batch_t;

int poster_new(poster_t **out, store_t *store, stream_t *stream, err_t *err) {
    poster_t *poster = calloc(1, sizeof *poster);
    if (poster) poster->arena = arena_new(ARENA_BLOCK_BYTES, ARENA_LIMIT_BYTES);
    if (!poster || !poster->arena) {
        poster_destroy(&poster);
        return err_set(err, E_IO, "out of memory");
    }
    poster->store = store;
    poster->stream = stream;
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

typedef struct rule { // what an event of this topic becomes
    const char *topic;
    const ProtobufCMessageDescriptor *type;
    int (*entry)(const ProtobufCMessage *message, const ledger_source_t *source, int64_t posted_ms, arena_t *arena,
                 Tc__JournalEntry **out, err_t *err);
} rule_t;

#define OF(name, message_type)                                                                                         \
    static int name##_entry(const ProtobufCMessage *message, const ledger_source_t *source, int64_t posted_ms,         \
                            arena_t *arena, Tc__JournalEntry **out, err_t *err) {                                      \
        return ledger_of_##name((const message_type *)message, source, posted_ms, arena, out, err);                    \
    }
OF(bill, Tc__Decision)
OF(receipt, Tc__Receipt)
OF(return, Tc__Receipt)
OF(held, Tc__HeldMoney)
OF(credit, Tc__AccountCredit)
#undef OF

// NULL: the topic moves no money. An event of one of these may still cause no entry.
static const rule_t *rule_of(const char *topic) {
    static const rule_t rules[] = {{"bill.settled", &tc__decision__descriptor, bill_entry},
                                   {"bill.reversed", &tc__decision__descriptor, bill_entry},
                                   {"bill.recomputed", &tc__decision__descriptor, bill_entry},
                                   {"contribution.received", &tc__receipt__descriptor, receipt_entry},
                                   {"contribution.returned", &tc__receipt__descriptor, return_entry},
                                   {"money.held", &tc__held_money__descriptor, held_entry},
                                   {"account.credited", &tc__account_credit__descriptor, credit_entry}};
    for (size_t i = 0; i < COUNT_OF(rules); i++)
        if (strcmp(rules[i].topic, topic) == 0) return &rules[i];
    return NULL;
}

static int make_entry(const batch_t *batch, const event_t *event, const rule_t *rule, Tc__JournalEntry **out,
                      err_t *err) {
    poster_t *poster = batch->source->poster;
    ledger_source_t source = {batch->source->service, event->partition, event->number};
    ProtobufCMessage *message;
    int rc = message_unpack(&message, rule->type, event->body, event->body_bytes, poster->arena, err);
    if (!rc) rc = rule->entry(message, &source, poster->now_ms(), poster->arena, out, err);
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
    int rc = journal_find_sources(poster->store, &keys, poster->arena, &found, err);
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
        const rule_t *rule = rule_of(events[i].topic);
        if (posted[i] || !rule) continue;
        batch->events[batch->count] = &events[i];
        rc = make_entry(batch, &events[i], rule, &batch->entries[batch->count], err);
        if (rc)
            return err_prefix(err, "%s %u/%lld", batch->source->service, events[i].partition,
                              (long long)events[i].number);
        if (batch->entries[batch->count]) batch->postings += batch->entries[batch->count++]->n_postings;
    }
    return rc;
}

// ---- rows
// ---------------------------------------------------------------------------------------------------------------

static int add_journal_row(batch_t *batch, rows_t *rows, size_t i, int64_t *number, err_t *err) {
    poster_t *poster = batch->source->poster;
    const Tc__JournalEntry *entry = batch->entries[i];
    const event_t *event = batch->events[i];
    size_t bytes;
    void *body = message_pack(&entry->base, poster->arena, &bytes);
    cell_t *row = rows_add(rows);
    if (!body || !row) return no_memory(err);
    int rc = stream_reserve(poster->stream, event->partition, "settlement.posted", entry->posted_ms, body, bytes,
                            number, err);
    const cell_t cells[JOURNAL_COLUMNS] = {cell_i64(event->partition),       cell_i64(rc ? 0 : *number),
                                           cell_text(entry->reference),      cell_text(entry->kind),
                                           cell_text(entry->source_service), cell_i64(entry->source_partition),
                                           cell_i64(entry->source_number),   cell_i64(entry->posted_ms),
                                           cell_text(entry->value_date),     cell_blob(body, bytes)};
    memcpy(row, cells, sizeof cells);
    return rc;
}

static int add_posting_rows(const Tc__JournalEntry *entry, uint32_t partition, int64_t number, rows_t *rows,
                            err_t *err) {
    for (size_t line = 0; line < entry->n_postings; line++) {
        const Tc__Posting *posting = entry->postings[line];
        cell_t *row = rows_add(rows);
        if (!row) return no_memory(err);
        const cell_t cells[POSTING_COLUMNS] = {cell_i64(partition),          cell_i64(number),
                                               cell_i64((int64_t)line + 1),  cell_text(posting->account),
                                               cell_text(posting->identity), cell_text(posting->division),
                                               cell_text(posting->party),    cell_i64(posting->amount_fen)};
        memcpy(row, cells, sizeof cells);
    }
    return 0;
}

static int write_entries(batch_t *batch, err_t *err) {
    poster_t *poster = batch->source->poster;
    rows_t journal, postings;
    rows_init(&journal, poster->arena, JOURNAL_COLUMNS);
    rows_init(&postings, poster->arena, POSTING_COLUMNS);
    for (size_t i = 0; i < batch->count; i++) {
        int64_t number;
        int rc = add_journal_row(batch, &journal, i, &number, err);
        if (!rc) rc = add_posting_rows(batch->entries[i], batch->events[i]->partition, number, &postings, err);
        if (rc) return rc;
    }
    int rc = journal_insert(poster->store, &journal, err);
    if (!rc && postings.count) rc = postings_insert(poster->store, &postings, err);
    return rc;
}

// ---- balances
// -----------------------------------------------------------------------------------------------------------

static int compare_postings(const void *a, const void *b) {
    const Tc__Posting *left = *(Tc__Posting *const *)a, *right = *(Tc__Posting *const *)b;
    int order = strcmp(left->account, right->account);
    if (!order) order = strcmp(left->identity, right->identity);
    return order ? order : strcmp(left->division, right->division);
}

// Sums of neighbours with the same key.
static int add_balance_rows(Tc__Posting *const *sorted, size_t count, rows_t *rows, err_t *err) {
    for (size_t i = 0; i < count;) {
        size_t first = i;
        fen_t sum = 0;
        for (; i < count && compare_postings(&sorted[first], &sorted[i]) == 0; i++)
            if (fen_add(sum, sorted[i]->amount_fen, &sum)) return err_set(err, E_OUT_OF_RANGE, "a balance overflows");
        cell_t *row = rows_add(rows);
        if (!row) return no_memory(err);
        row[0] = cell_text(sorted[first]->account);
        row[1] = cell_text(sorted[first]->identity);
        row[2] = cell_text(sorted[first]->division);
        row[3] = cell_i64(sum);
        row[4] = cell_i64((int64_t)(i - first));
    }
    return 0;
}

static int write_balances(const batch_t *batch, err_t *err) {
    poster_t *poster = batch->source->poster;
    Tc__Posting **sorted = arena_alloc(poster->arena, (batch->postings + 1) * sizeof *sorted);
    size_t count = 0;
    rows_t rows;
    if (!sorted) return no_memory(err);
    for (size_t i = 0; i < batch->count; i++)
        for (size_t line = 0; line < batch->entries[i]->n_postings; line++)
            sorted[count++] = batch->entries[i]->postings[line];
    qsort(sorted, count, sizeof *sorted, compare_postings);
    rows_init(&rows, poster->arena, BALANCE_COLUMNS);
    int rc = add_balance_rows(sorted, count, &rows, err);
    if (!rc && rows.count) rc = balances_add(poster->store, &rows, err);
    return rc;
}

// ---- the effect
// ---------------------------------------------------------------------------------------------------------

int poster_apply(void *self, const event_t *events, size_t count, err_t *err) {
    batch_t batch = {.source = self};
    poster_t *poster = batch.source->poster;
    arena_reset(poster->arena);
    int rc = poster->reload ? stream_reload(poster->stream, err) : 0;
    if (rc) return rc;
    poster->reload = false;
    rc = make_entries(&batch, events, count, err);
    if (rc || !batch.count) return rc;
    rc = write_entries(&batch, err);
    if (!rc) rc = write_balances(&batch, err);
    if (!rc) metric_add(poster->posted, (int64_t)batch.count);
    return rc;
}

void poster_committed(void *self) { stream_committed(((poster_source_t *)self)->poster->stream); }

void poster_rolled_back(void *self) {
    poster_t *poster = ((poster_source_t *)self)->poster;
    stream_rolled_back(poster->stream);
    poster->reload = true;
}
