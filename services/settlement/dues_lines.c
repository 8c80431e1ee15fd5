#include "dues_lines.h"
#include "common/base/crash.h"
#include "common/base/date.h"
#include "common/base/log.h"
#include "dues_store.h"
#include "settlement.pb-c.h"
#include <string.h>

enum { TICK_ROWS = 4096, TICK_MS = 1000, CATCH_UP_ROWS = 500000 };
// While so many entries are posted in a second, statements stand back, but no farther than BEHIND_MAX: drawing up reads
// the rest itself and has to stay well under CATCH_UP_ROWS.
enum { RUSH_PER_SECOND = 1000, BEHIND_MAX = 100000 };

static const char payable[] = "payable/";

typedef struct taking { // of one chunk
    settlement_t *settlement;
    rows_t lines;
    rows_t facilities; // of the entries, each once: the keys of `drawn`
    rows_t fresh;      // those that are not known yet
    int64_t *drawn;    // by index of facilities
    Tc__JournalEntry **entries;
    int64_t *numbers;
    month_t *months; // of booking
    size_t count;
} taking_t;

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for the lines of statements"); }

static int unpack(taking_t *t, const rows_t *journal, err_t *err) {
    arena_t *arena = t->settlement->ctx->arena;
    t->entries = arena_alloc(arena, (journal->count + 1) * sizeof *t->entries);
    t->numbers = arena_alloc(arena, (journal->count + 1) * sizeof *t->numbers);
    t->months = arena_alloc(arena, (journal->count + 1) * sizeof *t->months);
    t->drawn = arena_alloc(arena, (journal->count + 1) * sizeof *t->drawn);
    if (!t->entries || !t->numbers || !t->months || !t->drawn) return no_memory(err);
    for (size_t i = 0; i < journal->count; i++, t->count++) {
        size_t bytes;
        const void *body = row_blob(journal, i, 2, &bytes);
        int rc = message_unpack((ProtobufCMessage **)&t->entries[i], &tc__journal_entry__descriptor, body, bytes, arena,
                                err);
        if (rc) return rc;
        t->numbers[i] = row_i64(journal, i, 0);
        t->months[i] = month_of(date_of_ms(row_i64(journal, i, 1)));
    }
    return 0;
}

static size_t facility_index(const taking_t *t, const char *facility) {
    size_t i = 0;
    while (i < t->facilities.count && strcmp(rows_at(&t->facilities, i)[0].data, facility) != 0) i++;
    return i;
}

// Which facilities the chunk is about, and the last month of each that is frozen.
static int look_up(taking_t *t, err_t *err) {
    service_ctx_t *ctx = t->settlement->ctx;
    rows_t found;
    rows_init(&t->fresh, ctx->arena, 3);
    rows_init(&t->facilities, ctx->arena, 1);
    for (size_t i = 0; i < t->count; i++) {
        if (!*t->entries[i]->facility || facility_index(t, t->entries[i]->facility) < t->facilities.count) continue;
        cell_t *key = rows_add(&t->facilities);
        if (!key) return no_memory(err);
        key[0] = cell_text(t->entries[i]->facility);
        t->drawn[t->facilities.count - 1] = -1;
    }
    if (!t->facilities.count) return 0;
    int rc = dues_drawn(ctx->store, &t->facilities, ctx->arena, &found, err);
    if (rc) return rc;
    for (size_t i = 0; i < found.count; i++) t->drawn[row_i64(&found, i, 0)] = row_i64(&found, i, 1);
    for (size_t i = 0; i < t->facilities.count; i++) {
        if (t->drawn[i] >= 0) continue;
        cell_t *row = rows_add(&t->fresh);
        if (!row) return no_memory(err);
        row[0] = rows_at(&t->facilities, i)[0];
        row[1] = row[2] = cell_i64(0);
    }
    return 0;
}

static int add_lines(taking_t *t, uint32_t partition, size_t i, err_t *err) {
    const Tc__JournalEntry *entry = t->entries[i];
    const int64_t drawn = t->drawn[facility_index(t, entry->facility)];
    const int64_t month = drawn >= t->months[i] ? drawn + 1 : t->months[i];
    for (size_t p = 0; p < entry->n_postings; p++) {
        const Tc__Posting *posting = entry->postings[p];
        if (strncmp(posting->account, payable, sizeof payable - 1) != 0) continue;
        if (posting->amount_fen == INT64_MIN) return err_set(err, E_OUT_OF_RANGE, "an amount of the journal");
        cell_t *row = rows_add(&t->lines);
        if (!row) return no_memory(err);
        const cell_t cells[DUES_LINE_COLUMNS] = {cell_text(entry->facility),
                                                 cell_i64(month),
                                                 cell_i64(partition),
                                                 cell_i64(t->numbers[i]),
                                                 cell_i64((int64_t)p + 1),
                                                 cell_text(entry->reference),
                                                 cell_text(posting->account + sizeof payable - 1),
                                                 cell_text(posting->fund),
                                                 cell_text(posting->division),
                                                 cell_i64(posting->year),
                                                 cell_i64(-posting->amount_fen)};
        memcpy(row, cells, sizeof cells);
    }
    return 0;
}

// Whatever fails before this has written nothing, and here only the store can fail.
static int write_chunk(const taking_t *t, uint32_t partition, int64_t last, err_t *err) {
    const service_ctx_t *ctx = t->settlement->ctx;
    rows_t cursor;
    rows_init(&cursor, ctx->arena, 2);
    cell_t *row = rows_add(&cursor);
    if (!row) return no_memory(err);
    row[0] = cell_i64(partition);
    row[1] = cell_i64(last);
    int rc = t->fresh.count ? dues_facilities_add(ctx->store, &t->fresh, err) : 0;
    if (!rc && t->lines.count) rc = dues_lines_insert(ctx->store, &t->lines, err);
    return rc ? rc : dues_cursors_put(ctx->store, &cursor, err);
}

static int take_chunk(settlement_t *settlement, uint32_t partition, int64_t first, int64_t last, err_t *err) {
    service_ctx_t *ctx = settlement->ctx;
    const arena_mark_t mark = arena_mark(ctx->arena);
    taking_t t = {.settlement = settlement};
    rows_t journal;
    int rc = dues_journal(ctx->store, partition, first, last, ctx->arena, &journal, err);
    if (!rc) rc = unpack(&t, &journal, err);
    if (!rc) rc = look_up(&t, err);
    if (!rc) rows_init(&t.lines, ctx->arena, DUES_LINE_COLUMNS);
    for (size_t i = 0; i < t.count && !rc; i++)
        if (*t.entries[i]->facility) rc = add_lines(&t, partition, i, err);
    if (!rc) rc = write_chunk(&t, partition, last, err);
    arena_back(ctx->arena, &mark);
    return rc;
}

static int read_cursors(const service_ctx_t *ctx, int64_t cursors[static PARTITIONS], err_t *err) {
    rows_t found;
    memset(cursors, 0, PARTITIONS * sizeof *cursors);
    int rc = dues_cursors(ctx->store, ctx->arena, &found, err);
    for (size_t i = 0; i < found.count && !rc; i++)
        if (row_i64(&found, i, 0) >= 0 && row_i64(&found, i, 0) < PARTITIONS)
            cursors[row_i64(&found, i, 0)] = row_i64(&found, i, 1);
    return rc;
}

int dues_collect(settlement_t *settlement, int64_t limit, int64_t *left, err_t *err) {
    const service_ctx_t *ctx = settlement->ctx;
    const int64_t *heads = stream_heads(ctx->stream);
    int64_t after[PARTITIONS], taken = 0;
    int rc = read_cursors(ctx, after, err);
    *left = 0;
    for (uint32_t p = 0; p < PARTITIONS && !rc; p++) {
        while (after[p] < heads[p] && taken < limit && !rc) {
            const int64_t last = heads[p] - after[p] > DUES_CHUNK ? after[p] + DUES_CHUNK : heads[p];
            rc = take_chunk(settlement, p, after[p], last, err);
            taken += last - after[p];
            after[p] = last;
        }
        *left += heads[p] > after[p] ? heads[p] - after[p] : 0;
    }
    return rc;
}

int dues_catch_up(settlement_t *settlement, err_t *err) {
    int64_t left;
    int rc = dues_collect(settlement, CATCH_UP_ROWS, &left, err);
    if (!rc && left)
        rc = err_set(err, E_BUSY, "statements are %lld journal entries behind; they are being read", (long long)left);
    return rc;
}

// ---- the tick

static int64_t sum(const int64_t numbers[static PARTITIONS]) {
    int64_t all = 0;
    for (uint32_t p = 0; p < PARTITIONS; p++) all += numbers[p];
    return all;
}

static bool is_rush(settlement_t *settlement, int64_t entries, int64_t now_ms) {
    const int64_t posted = entries - settlement->dues.entries, took_ms = now_ms - settlement->dues.looked_ms;
    settlement->dues.entries = entries;
    settlement->dues.looked_ms = now_ms;
    return posted * 1000 >= RUSH_PER_SECOND * took_ms;
}

// Are there entries to be read, and is now the time for it?
static bool is_due(settlement_t *settlement, int64_t now_ms, err_t *err) {
    const int64_t entries = sum(stream_heads(settlement->ctx->stream));
    int64_t cursors[PARTITIONS];
    const bool rush = is_rush(settlement, entries, now_ms);
    if (read_cursors(settlement->ctx, cursors, err)) return false;
    return entries - sum(cursors) > (rush ? BEHIND_MAX : 0);
}

void dues_tick(settlement_t *settlement, int64_t now_ms) {
    service_ctx_t *ctx = settlement->ctx;
    int64_t left = 0;
    err_t err = {0};
    if (now_ms < settlement->dues.next_ms) return;
    settlement->dues.next_ms = now_ms + TICK_MS;
    const arena_mark_t mark = arena_mark(ctx->arena);
    if (is_due(settlement, now_ms, &err)) {
        int rc = store_begin(ctx->store, &err);
        if (!rc) rc = dues_collect(settlement, TICK_ROWS, &left, &err);
        CRASH_POINT("dues_before_commit");
        if (!rc)
            rc = store_commit(ctx->store, &err);
        else
            store_rollback(ctx->store);
        CRASH_POINT("dues_after_commit");
        if (!rc && left) settlement->dues.next_ms = now_ms; // the next tick goes on
    }
    arena_back(ctx->arena, &mark);
    if (err.code && err.code != E_RACE) log_warn("dues_collect_failed", "why=%s", log_value(err.text));
}
