// Two inserts and one write of balances, whatever the number of entries. Balances are added in the order of their keys,
// so that two writers never wait for each other in a circle. Every sum is of a key of its own (account, fund, year,
// identity, district), so no single hot row takes all postings; what a whole account holds is added up when it is
// asked.
#include "writer.h"
#include "common/base/crash.h"
#include "common/wire/message.h"
#include "ledger.h"
#include "store.h"
#include <stdlib.h>
#include <string.h>

const char writer_own_service[] = "settlement";

int writer_new(writer_t **out, store_t *store, stream_t *stream, err_t *err) {
    writer_t *writer = calloc(1, sizeof *writer);
    if (!writer) return err_set(err, E_IO, "out of memory");
    writer->store = store;
    writer->stream = stream;
    int rc = chain_new(&writer->chain, err);
    if (rc)
        writer_destroy(&writer);
    else
        *out = writer;
    return rc;
}

void writer_destroy(writer_t **writer) {
    if (!*writer) return;
    chain_destroy(&(*writer)->chain);
    free(*writer);
    *writer = NULL;
}

int writer_ready(writer_t *writer, err_t *err) {
    if (!writer->reload) return E_OK;
    memset(writer->heads, 0, sizeof writer->heads);
    int rc = stream_reload(writer->stream, err);
    writer->reload = rc != E_OK;
    return rc;
}

void writer_rolled_back(writer_t *writer) {
    stream_rolled_back(writer->stream);
    writer->reload = true;
}

static int no_memory(err_t *err) { return err_set(err, E_IO, "the batch of entries needs too much memory"); }

// ---- the chain

// What row `number` of the partition is chained to. The row before may be another writer's: then it is read.
static int chain_before(writer_t *writer, uint32_t partition, int64_t number, arena_t *arena, const uint8_t **out,
                        err_t *err) {
    chain_head_t *head = &writer->heads[partition];
    *out = head->chain;
    if (head->number == number - 1 && head->number > 0) return E_OK;
    *head = (chain_head_t){.number = number - 1};
    return number == 1 ? E_OK : journal_chain_read(writer->store, partition, number - 1, arena, head->chain, err);
}

static int chain_on(writer_t *writer, const chain_row_t *row, arena_t *arena, const void **out, err_t *err) {
    const uint8_t *before;
    uint8_t next[CHAIN_BYTES];
    chain_head_t *head = &writer->heads[row->partition];
    int rc = chain_before(writer, (uint32_t)row->partition, row->number, arena, &before, err);
    if (!rc) rc = chain_row(writer->chain, before, row, next, err);
    if (rc) {
        head->number = 0;
        return rc;
    }
    head->number = row->number;
    memcpy(head->chain, next, CHAIN_BYTES);
    *out = arena_copy(arena, next, CHAIN_BYTES);
    return *out ? E_OK : no_memory(err);
}

// ---- rows

typedef struct target {
    writer_t *writer;
    arena_t *arena;
    rows_t journal, postings;
} target_t;

static int add_journal_row(target_t *to, Tc__JournalEntry *entry, uint32_t partition, int64_t *number, err_t *err) {
    writer_t *writer = to->writer;
    size_t bytes;
    const void *chain = NULL;
    if (strcmp(entry->source_service, writer_own_service) == 0) {
        entry->source_partition = partition;
        entry->source_number = stream_next(writer->stream, partition);
    }
    void *body = message_pack(&entry->base, to->arena, &bytes);
    cell_t *row = rows_add(&to->journal);
    if (!body || !row) return no_memory(err);
    int rc = stream_reserve(writer->stream, partition, "settlement.posted", entry->posted_ms, body, bytes, number, err);
    if (rc) return rc;
    const chain_row_t link = {partition,
                              *number,
                              entry->reference,
                              entry->kind,
                              entry->source_service,
                              entry->source_partition,
                              entry->source_number,
                              entry->posted_ms,
                              entry->value_date,
                              body,
                              bytes};
    rc = chain_on(writer, &link, to->arena, &chain, err);
    if (rc) return rc;
    const cell_t cells[JOURNAL_COLUMNS] = {cell_i64(partition),
                                           cell_i64(*number),
                                           cell_text(entry->reference),
                                           cell_text(entry->kind),
                                           cell_text(entry->source_service),
                                           cell_i64(entry->source_partition),
                                           cell_i64(entry->source_number),
                                           cell_i64(entry->posted_ms),
                                           cell_text(entry->value_date),
                                           cell_blob(body, bytes),
                                           cell_blob(chain, CHAIN_BYTES)};
    memcpy(row, cells, sizeof cells);
    return E_OK;
}

static int add_posting_rows(target_t *to, const Tc__JournalEntry *entry, uint32_t partition, int64_t number,
                            err_t *err) {
    for (size_t line = 0; line < entry->n_postings; line++) {
        const Tc__Posting *posting = entry->postings[line];
        cell_t *row = rows_add(&to->postings);
        if (!row) return no_memory(err);
        const cell_t cells[POSTING_COLUMNS] = {cell_i64(partition),          cell_i64(number),
                                               cell_i64((int64_t)line + 1),  cell_text(posting->account),
                                               cell_text(posting->fund),     cell_i64(posting->year),
                                               cell_text(posting->identity), cell_text(posting->division),
                                               cell_text(posting->party),    cell_i64(posting->amount_fen)};
        memcpy(row, cells, sizeof cells);
    }
    return E_OK;
}

// ---- balances

static int compare_postings(const void *a, const void *b) {
    const Tc__Posting *left = *(Tc__Posting *const *)a, *right = *(Tc__Posting *const *)b;
    int order = strcmp(left->account, right->account);
    if (!order) order = strcmp(left->fund, right->fund);
    if (!order) order = (left->year > right->year) - (left->year < right->year);
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
        row[1] = cell_text(sorted[first]->fund);
        row[2] = cell_i64(sorted[first]->year);
        row[3] = cell_text(sorted[first]->identity);
        row[4] = cell_text(sorted[first]->division);
        row[5] = cell_i64(sum);
        row[6] = cell_i64((int64_t)(i - first));
    }
    return E_OK;
}

static int write_balances(target_t *to, Tc__JournalEntry *const *entries, size_t count, err_t *err) {
    Tc__Posting **sorted = arena_alloc(to->arena, (to->postings.count + 1) * sizeof *sorted);
    size_t postings = 0;
    rows_t rows;
    if (!sorted) return no_memory(err);
    for (size_t i = 0; i < count; i++)
        for (size_t line = 0; line < entries[i]->n_postings; line++) sorted[postings++] = entries[i]->postings[line];
    qsort(sorted, postings, sizeof *sorted, compare_postings);
    rows_init(&rows, to->arena, BALANCE_COLUMNS);
    int rc = add_balance_rows(sorted, postings, &rows, err);
    if (!rc && rows.count) rc = balances_add(to->writer->store, &rows, err);
    return rc;
}

int writer_write(writer_t *writer, Tc__JournalEntry *const *entries, const uint32_t *partitions, size_t count,
                 arena_t *arena, err_t *err) {
    target_t to = {.writer = writer, .arena = arena};
    size_t postings = 0;
    int rc = E_OK;
    for (size_t i = 0; i < count; i++) postings += entries[i]->n_postings;
    rows_init(&to.journal, arena, JOURNAL_COLUMNS);
    rows_init(&to.postings, arena, POSTING_COLUMNS);
    if (!rows_reserve(&to.journal, count) || !rows_reserve(&to.postings, postings)) return no_memory(err);
    for (size_t i = 0; i < count && !rc; i++) {
        int64_t number = 0;
        CHECK(ledger_balanced(entries[i]));
        rc = add_journal_row(&to, entries[i], partitions[i], &number, err);
        if (!rc) rc = add_posting_rows(&to, entries[i], partitions[i], number, err);
    }
    CRASH_POINT("journal_before_insert");
    if (!rc && count) rc = journal_insert(writer->store, &to.journal, err);
    CRASH_POINT("journal_before_postings");
    if (!rc && to.postings.count) rc = postings_insert(writer->store, &to.postings, err);
    CRASH_POINT("journal_before_balances");
    if (!rc) rc = write_balances(&to, entries, count, err);
    CRASH_POINT("journal_written");
    return rc;
}

// ---- rows from before there was a chain

enum { OLD_ROWS = 1000 };

static chain_row_t row_of(const rows_t *rows, size_t i, int64_t partition) {
    chain_row_t row = {.partition = partition,
                       .number = row_i64(rows, i, 0),
                       .reference = row_text(rows, i, 1),
                       .kind = row_text(rows, i, 2),
                       .source_service = row_text(rows, i, 3),
                       .source_partition = row_i64(rows, i, 4),
                       .source_number = row_i64(rows, i, 5),
                       .at_ms = row_i64(rows, i, 6),
                       .value_date = row_text(rows, i, 7)};
    row.body = row_blob(rows, i, 8, &row.body_bytes);
    return row;
}

// One page; `*more` says whether there was one.
static int chain_page(writer_t *writer, uint32_t partition, arena_t *arena, bool *more, err_t *err) {
    rows_t rows, keys;
    int rc = journal_unchained(writer->store, partition, OLD_ROWS, arena, &rows, err);
    rows_init(&keys, arena, 3);
    for (size_t i = 0; i < rows.count && !rc; i++) {
        const chain_row_t row = row_of(&rows, i, partition);
        const void *chain = NULL;
        cell_t *key = rows_add(&keys);
        if (!key) return no_memory(err);
        rc = chain_on(writer, &row, arena, &chain, err);
        key[0] = cell_i64(partition), key[1] = cell_i64(row.number), key[2] = cell_blob(chain, CHAIN_BYTES);
    }
    *more = !rc && rows.count > 0;
    return *more ? journal_chain(writer->store, &keys, err) : rc;
}

int writer_chain_old_rows(writer_t *writer, arena_t *arena, err_t *err) {
    int rc = E_OK;
    for (uint32_t partition = 0; partition < PARTITIONS && !rc; partition++) {
        bool more = true;
        while (more && !rc) {
            arena_reset(arena);
            rc = store_begin(writer->store, err);
            if (rc) return rc;
            rc = chain_page(writer, partition, arena, &more, err);
            if (rc)
                store_rollback(writer->store);
            else
                rc = store_commit(writer->store, err);
        }
    }
    memset(writer->heads, 0, sizeof writer->heads);
    return rc;
}
