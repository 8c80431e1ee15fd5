// Journal entries into the store: rows of the journal, each chained to the one before in its partition, their postings,
// and the balances that they move, in the caller's transaction. Everything that books goes through here: the poster of
// events and the commands that move money.
#pragma once
#include "chain.h"
#include "common/store/store.h"
#include "common/stream/stream.h"
#include "settlement.pb-c.h"

typedef struct writer {
    store_t *store; // borrowed, as is the stream
    stream_t *stream;
    chain_t *chain;
    chain_head_t heads[PARTITIONS]; // the last row of each partition that is known; number 0: none is
    bool reload;                    // a batch was rolled back: heads and numbers must be read again
} writer_t;

int writer_new(writer_t **out, store_t *store, stream_t *stream, err_t *err) MUST_USE;
void writer_destroy(writer_t **writer);
// Before the first entry of a transaction is decided.
int writer_ready(writer_t *writer, err_t *err) MUST_USE;
// Entries must balance. One whose source is "settlement" names its own place: source_partition and source_number are
// filled in. Its event is reserved in the stream; who commits calls stream_committed.
int writer_write(writer_t *writer, Tc__JournalEntry *const *entries, const uint32_t *partitions, size_t count,
                 arena_t *arena, err_t *err) MUST_USE;
void writer_rolled_back(writer_t *writer);

// Rows from before there was a chain get theirs, partition by partition, in transactions of their own. At start.
int writer_chain_old_rows(writer_t *writer, arena_t *arena, err_t *err) MUST_USE;

extern const char writer_own_service[]; // "settlement"
