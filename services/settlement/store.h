// The tables of settlement: the journal, which is also the log of its stream; its postings, one row a line; and the
// balances that follow from them. Entries are never changed.
#pragma once
#include "common/store/store.h"
#include "common/stream/stream.h"

enum {
    SETTLEMENT_MIGRATIONS = 11,
    JOURNAL_COLUMNS = 11,
    POSTING_COLUMNS = 10,
    BALANCE_COLUMNS = 7,
    BALANCES_MAX = 65536,
    JOURNAL_RUN_MAX = 1024
};

extern const migration_t settlement_migrations[SETTLEMENT_MIGRATIONS];
extern const stream_log_t settlement_log;

// keys: (source_service, source_partition, first, last source_number), a run of at most JOURNAL_RUN_MAX. found: (key,
// source_number) of those posted already.
int journal_find_sources(store_t *store, const rows_t *keys, arena_t *arena, rows_t *found, err_t *err) MUST_USE;
// rows: partition, number, reference, kind, source_service, source_partition, source_number, at_ms, value_date, body,
// chain
int journal_insert(store_t *store, const rows_t *rows, err_t *err) MUST_USE;
// rows: partition, number, line, account, fund, year, identity, division, party, amount_fen
int postings_insert(store_t *store, const rows_t *rows, err_t *err) MUST_USE;
// rows: account, fund, year, identity, division, amount_fen, postings; each account and dimension once. Added to what
// stands there.
int balances_add(store_t *store, const rows_t *rows, err_t *err) MUST_USE;
// All balances, in order: account, fund, year, identity, division, amount_fen, postings. At most BALANCES_MAX.
int balances_read(store_t *store, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
// The same from the postings of value dates up to `on` that were booked before `before_ms`. Reads the whole journal.
int balances_read_on(store_t *store, const char *on, int64_t before_ms, arena_t *arena, rows_t *out,
                     err_t *err) MUST_USE;

// The chain value of a row; E_STORE when it is not there.
int journal_chain_read(store_t *store, uint32_t partition, int64_t number, arena_t *arena, uint8_t chain[static 32],
                       err_t *err) MUST_USE;
// Rows without one, from the first: number, reference, kind, source_service, source_partition, source_number, at_ms,
// value_date, body.
int journal_unchained(store_t *store, uint32_t partition, int limit, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
// keys: (partition, number, chain)
int journal_chain(store_t *store, const rows_t *keys, err_t *err) MUST_USE;

// A row's link to the one before, and the seals of days (chain.h, seal.h).
#define LEDGER_TABLES_SQL                                                                                              \
    "ALTER TABLE journal ADD COLUMN chain BYTEA;"                                                                      \
    "CREATE INDEX journal_unchained ON journal (partition, number) WHERE chain IS NULL;"                               \
    "CREATE TABLE seal (number BIGINT NOT NULL PRIMARY KEY, day TEXT NOT NULL UNIQUE, entries BIGINT NOT NULL,"        \
    " debit_fen BIGINT NOT NULL, heads BYTEA NOT NULL, digest BYTEA NOT NULL, signature BYTEA NOT NULL,"               \
    " at_ms BIGINT NOT NULL);"
// The entry of a bill (the newest) or of a receipt coming in: its packed body; E_NOT_FOUND when there is none.
int journal_find_reference(store_t *store, const char *reference, arena_t *arena, const void **body, size_t *bytes,
                           err_t *err) MUST_USE;
// All entries of a bill or receipt: (body) in the order in which they were posted, at most `limit`.
int journal_of_reference(store_t *store, const char *reference, int limit, arena_t *arena, rows_t *found,
                         err_t *err) MUST_USE;
