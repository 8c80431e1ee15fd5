// The tables of settlement: the journal, which is also the log of its stream; its postings, one row a line; and the
// balances that follow from them. Entries are never changed.
#pragma once
#include "common/store/store.h"
#include "common/stream/stream.h"

enum {
    SETTLEMENT_MIGRATIONS = 3,
    JOURNAL_COLUMNS = 10,
    POSTING_COLUMNS = 8,
    BALANCE_COLUMNS = 5,
    BALANCES_MAX = 65536,
    JOURNAL_RUN_MAX = 1024
};

extern const migration_t settlement_migrations[SETTLEMENT_MIGRATIONS];
extern const stream_log_t settlement_log;

// keys: (source_service, source_partition, first, last source_number), a run of at most JOURNAL_RUN_MAX. found: (key,
// source_number) of those posted already.
int journal_find_sources(store_t *store, const rows_t *keys, arena_t *arena, rows_t *found, err_t *err) MUST_USE;
// rows: partition, number, reference, kind, source_service, source_partition, source_number, at_ms, value_date, body
int journal_insert(store_t *store, const rows_t *rows, err_t *err) MUST_USE;
// rows: partition, number, line, account, identity, division, party, amount_fen
int postings_insert(store_t *store, const rows_t *rows, err_t *err) MUST_USE;
// rows: account, identity, division, amount_fen, postings; each account and dimension once. Added to what stands there.
int balances_add(store_t *store, const rows_t *rows, err_t *err) MUST_USE;
// All balances, in order: account, identity, division, amount_fen, postings. At most BALANCES_MAX.
int balances_read(store_t *store, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
// The entry of a bill (the newest) or of a receipt coming in: its packed body; E_NOT_FOUND when there is none.
int journal_find_reference(store_t *store, const char *reference, arena_t *arena, const void **body, size_t *bytes,
                           err_t *err) MUST_USE;
// All entries of a bill or receipt: (body) in the order in which they were posted, at most `limit`.
int journal_of_reference(store_t *store, const char *reference, int limit, arena_t *arena, rows_t *found,
                         err_t *err) MUST_USE;
