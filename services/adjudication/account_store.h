// Personal accounts in the store: entries are never changed; the key (partition, person, seq) refuses the slower of two
// who write to one account, (person, kind, reference) what was counted before.
#pragma once
#include "common/store/store.h"

// account_share: what an owner allows a relative, newest revision last; from_day "" = nothing. account_lead: a number
// that stands for another person.
#define ACCOUNT_TABLES_SQL                                                                                             \
    "CREATE TABLE account_entry (partition BIGINT NOT NULL, person TEXT NOT NULL, seq BIGINT NOT NULL,"                \
    " kind TEXT NOT NULL, reference TEXT NOT NULL, amount_fen BIGINT NOT NULL, balance_fen BIGINT NOT NULL,"           \
    " owed_fen BIGINT NOT NULL, bill_person TEXT NOT NULL, reason TEXT NOT NULL, at_ms BIGINT NOT NULL,"               \
    " PRIMARY KEY (partition, person, seq), UNIQUE (person, kind, reference));"                                        \
    "CREATE TABLE account_share (person TEXT NOT NULL, relative TEXT NOT NULL, revision BIGINT NOT NULL,"              \
    " from_day TEXT NOT NULL, until_day TEXT NOT NULL, at_ms BIGINT NOT NULL,"                                         \
    " PRIMARY KEY (person, relative, revision));"                                                                      \
    "CREATE TABLE account_lead (person TEXT NOT NULL PRIMARY KEY, into_person TEXT NOT NULL);"

// Entries whose event has not been written yet (account_tell.h); in a store from before there were such events, all
// that no bill made.
#define ACCOUNT_UNTOLD_SQL                                                                                             \
    "CREATE TABLE account_untold (partition BIGINT NOT NULL, person TEXT NOT NULL, seq BIGINT NOT NULL,"               \
    " PRIMARY KEY (partition, person, seq));"                                                                          \
    "INSERT INTO account_untold (partition, person, seq) SELECT partition, person, seq FROM account_entry"             \
    " WHERE kind NOT IN ('payment', 'refund');"

enum { ACCOUNT_ENTRY_COLUMNS = 11, ACCOUNT_SHARES_MAX = 64 };

// keys: (partition, person). found: (key, seq, balance_fen, owed_fen, lead): one row for each key, of its newest entry
// (zeros when there is none) and of the person that the number stands for ("" = itself).
int accounts_find(store_t *store, const rows_t *keys, arena_t *arena, rows_t *found, err_t *err) MUST_USE;
// keys: (person, kind, reference). found: (key, seq) of the entries that are there.
int account_entries_known(store_t *store, const rows_t *keys, arena_t *arena, rows_t *found, err_t *err) MUST_USE;
// rows: partition, person, seq, kind, reference, amount_fen, balance_fen, owed_fen, bill_person, reason, at_ms
int account_entries_insert(store_t *store, const rows_t *rows, err_t *err) MUST_USE;
// rows: partition, person, seq. Inside the transaction that inserts the entries.
int account_untold_insert(store_t *store, const rows_t *rows, err_t *err) MUST_USE;
// The first partition that has some; -1: none has.
int account_untold_partition(store_t *store, arena_t *arena, int64_t *partition, err_t *err) MUST_USE;
// Up to `limit` of them in order: person, seq, kind, reference, amount_fen, balance_fen, owed_fen, at_ms
int account_untold_page(store_t *store, int64_t partition, int limit, arena_t *arena, rows_t *found,
                        err_t *err) MUST_USE;
int account_untold_drop(store_t *store, const rows_t *keys, err_t *err) MUST_USE; // keys: partition, person, seq
int account_untold_count(store_t *store, arena_t *arena, int64_t *count, err_t *err) MUST_USE;
// Newest first from below `before`: seq, kind, reference, amount_fen, balance_fen, owed_fen, bill_person, reason, at_ms
int account_entries_page(store_t *store, const char *person, int64_t before, int limit, arena_t *arena, rows_t *found,
                         err_t *err) MUST_USE;

// keys: (person, relative). found: (key, revision, from_day, until_day) of the newest revision.
int account_shares_find(store_t *store, const rows_t *keys, arena_t *arena, rows_t *found, err_t *err) MUST_USE;
// (relative, from_day, until_day): the newest revision of each, in order, at most ACCOUNT_SHARES_MAX.
int account_shares_of(store_t *store, const char *person, arena_t *arena, rows_t *found, err_t *err) MUST_USE;
int account_share_insert(store_t *store, const char *person, const char *relative, int64_t revision, const char *from,
                         const char *until, int64_t at_ms, err_t *err) MUST_USE;
// rows: person, into_person; a number that led elsewhere leads here now.
int account_leads_put(store_t *store, const rows_t *rows, err_t *err) MUST_USE;
