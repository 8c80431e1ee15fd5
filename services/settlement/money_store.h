// The tables of money movements: what is reserved, and what the accounts hold.
#pragma once
#include "common/store/store.h"

#define MONEY_TABLES_SQL                                                                                               \
    "CREATE TABLE reservation (reference TEXT NOT NULL PRIMARY KEY, account TEXT NOT NULL, fund TEXT NOT NULL,"        \
    " county TEXT NOT NULL, amount_fen BIGINT NOT NULL, expires_ms BIGINT NOT NULL, state TEXT NOT NULL,"              \
    " at_ms BIGINT NOT NULL, ended_ms BIGINT NOT NULL, body BYTEA NOT NULL);"                                          \
    "CREATE INDEX reservation_open ON reservation (account) WHERE state = 'open';"                                     \
    "CREATE INDEX journal_own ON journal (value_date, reference) WHERE source_service = 'settlement';"

// Until the end of the transaction nobody else decides about money. On SQLite the transaction itself sees to that.
int money_lock(store_t *store, arena_t *arena, err_t *err) MUST_USE;

// What a ledger account (money/<account>) holds: (fund, county, amount), none of 0, in that order; `county` NULL: all.
int money_parts_read(store_t *store, const char *account, const char *county, arena_t *arena, rows_t *out,
                     err_t *err) MUST_USE;
// Σ of what is reserved on it at `now_ms`, the reservation `but` aside: (fund, county, amount).
int money_reserved_read(store_t *store, const char *account, const char *but, int64_t now_ms, arena_t *arena,
                        rows_t *out, err_t *err) MUST_USE;
// Σ of a ledger account by fund: what `between` holds.
int money_fund_read(store_t *store, const char *account, const char *fund, arena_t *arena, int64_t *out,
                    err_t *err) MUST_USE;

// Entries of settlement's own commands with this reference: (body), the oldest first.
int own_entries_read(store_t *store, const char *reference, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
// … with value dates from … to: (body), at most `limit`.
int own_entries_between(store_t *store, const char *from, const char *to, int limit, arena_t *arena, rows_t *out,
                        err_t *err) MUST_USE;

// row: reference, account, fund, county, amount_fen, expires_ms, state, at_ms, ended_ms, body
enum { RESERVATION_COLUMNS = 10 };
int reservation_insert(store_t *store, const rows_t *row, err_t *err) MUST_USE;
int reservation_read(store_t *store, const char *reference, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
int reservation_end(store_t *store, const char *reference, const char *state, int64_t now_ms, err_t *err) MUST_USE;
