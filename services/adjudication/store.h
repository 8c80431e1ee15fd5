// The tables of adjudication: the append-only chain of decisions, which is also the log of its stream, and the policies
// that decisions were made under. All set-based; nothing here is called once per bill.
#pragma once
#include "common/store/store.h"
#include "common/stream/stream.h"

enum { ADJUDICATION_MIGRATIONS = 9 };
// What a row of the chain is; column `kind`. It picks the topic of the event that the row is.
typedef enum row_kind { ROW_SETTLED, ROW_REVERSED, ROW_RECOMPUTED, ROW_TOMBSTONE, ROW_KIND__COUNT } row_kind_t;
const char *row_kind_name(row_kind_t kind);  // as in Decision.kind; "" for a settled one
const char *row_kind_topic(row_kind_t kind); // bill.settled, bill.reversed, bill.recomputed
// A row of the log that is no decision: an AccountChange (account_tell.h), event account.changed. It stands in a chain
// that belongs to no year of bills, by the number of its entry, and in the place of the bill it has a name that no bill
// can have.
enum { ROW_ACCOUNT = ROW_KIND__COUNT, ACCOUNT_CHAIN_YEAR = -1 };

extern const migration_t adjudication_migrations[ADJUDICATION_MIGRATIONS];
extern const stream_log_t adjudication_log;

// keys: (request_id, bill). found: (key, by_bill, kind, digest, body): the row that was made under the request id
// (by_bill 0), and the newest version of the bill (by_bill 1; its digest may be null).
int decisions_find_stored(store_t *store, const rows_t *keys, arena_t *arena, rows_t *found, err_t *err) MUST_USE;
// keys: (partition, person, year). found: (key, body) of the newest row, none when there is no row yet.
int decisions_find_heads(store_t *store, const rows_t *keys, arena_t *arena, rows_t *found, err_t *err) MUST_USE;
// keys as above. found: (key, body) of the newest version of each bill that stands, at most `limit` a key.
int decisions_find_standing(store_t *store, const rows_t *keys, int limit, arena_t *arena, rows_t *found,
                            err_t *err) MUST_USE;
// The same of one chain from after `after` on: (seq, body) in order of seq.
int decisions_of_year(store_t *store, const char *person, int year, int64_t after, int limit, arena_t *arena,
                      rows_t *found, err_t *err) MUST_USE;
// All rows of a chain from `from` on: (body) in order of seq.
int decisions_from(store_t *store, const char *person, int year, int64_t from, int limit, arena_t *arena, rows_t *found,
                   err_t *err) MUST_USE;
// How many bills of the year stood when `seq` was the newest row.
int decisions_standing_at(store_t *store, const char *person, int year, int64_t seq, arena_t *arena, int64_t *out,
                          err_t *err) MUST_USE;
// keys: (bill). found: (key, body) of the newest version.
int decisions_find_bills(store_t *store, const rows_t *keys, arena_t *arena, rows_t *found, err_t *err) MUST_USE;
// All versions of a bill: (body) in order.
int decisions_versions(store_t *store, const char *bill, int limit, arena_t *arena, rows_t *found, err_t *err) MUST_USE;
// What was done under a request id: (body), empty for a command that made no decision. No row: nothing.
int decisions_find_request(store_t *store, const char *request_id, arena_t *arena, rows_t *found, err_t *err) MUST_USE;

enum { DECISION_COLUMNS = 12 };
// rows: partition, person, year, seq, number, kind, request_id, digest, bill, version, at_ms, body. Of the rows of one
// change the first has request id and digest, the others have nulls.
int decisions_insert(store_t *store, const rows_t *rows, err_t *err) MUST_USE;

int policy_version_save(store_t *store, const char *hash, const void *body, size_t bytes, int64_t at_ms,
                        err_t *err) MUST_USE;
// E_NOT_FOUND when the hash was never in use here.
int policy_version_load(store_t *store, const char *hash, arena_t *arena, const void **body, size_t *bytes,
                        err_t *err) MUST_USE;
