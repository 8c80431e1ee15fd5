// What the events of other services touch of bills that are settled already. An effect writes only what is to be done
// later: persons and years into the queue, changes of the register into a list that a scan takes up. It does so in the
// transaction that moves the consumer's cursor, so nothing is lost and nothing is asked for without a reason.
#pragma once
#include "affected.h"
#include "common/stream/stream.h"
#include "facility.pb-c.h"

// facility_known: the state of each facility as of the newest event, ascending `stamp`, so that an instance may catch
// up with what a recomputation has to know. facility_touched: task 0 until a scan takes it; days since 1970-01-01.
#define TOUCHED_TABLES_SQL                                                                                             \
    "CREATE TABLE facility_known (facility TEXT NOT NULL PRIMARY KEY, stamp BIGINT NOT NULL, body BYTEA NOT NULL);"    \
    "CREATE INDEX facility_known_stamp ON facility_known (stamp);"                                                     \
    "CREATE TABLE facility_touched (task BIGINT NOT NULL, facility TEXT NOT NULL, from_day BIGINT NOT NULL,"           \
    " until_day BIGINT NOT NULL, at_ms BIGINT NOT NULL, since_ms BIGINT NOT NULL, PRIMARY KEY (task, facility));"

enum {
    TOUCHED_ITEM_DELAY_MS = 1000,
    TOUCHED_SCAN_DELAY_MS = 5000, // within it every instance has heard of a change of the register
};

// Effects, inside a transaction; other topics of the service are passed over.
int touched_entitlements(store_t *store, arena_t *arena, const event_t *events, size_t count, int64_t now_ms,
                         err_t *err) MUST_USE;
int touched_facilities(store_t *store, arena_t *arena, const event_t *events, size_t count, int64_t now_ms,
                       err_t *err) MUST_USE;

// Make one task of the changes of the register that are old enough for every instance to have heard of them; none: 0.
int touched_make_task(store_t *store, arena_t *arena, int64_t now_ms, int64_t *number, err_t *err) MUST_USE;
// What a task has to look for; *list NULL when it is no such task.
int touched_of_task(store_t *store, int64_t number, arena_t *arena, const touched_list_t **list, err_t *err) MUST_USE;
// Forget what ended scans looked for. Before their tasks are forgotten.
int touched_forget(store_t *store, err_t *err) MUST_USE;
// The facilities whose state is newer than `stamp`: (stamp, body), oldest first.
int touched_known_since(store_t *store, int64_t stamp, arena_t *arena, rows_t *rows, err_t *err) MUST_USE;
