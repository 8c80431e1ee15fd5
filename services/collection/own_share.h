// What of each bill its own payer owes (bill_own in collection.h), kept beside the bill so that what is due can be
// added up. Bills from before it was kept: what was paid was paid whole, lines of public money as well, and says its
// total; what was not is worked out from its lines before the service serves.
#pragma once
#include "common/store/store.h"

// own_fen -1: not worked out yet. `own_backfill` holds how far that has come, and nothing when all is done.
#define OWN_SHARE_SQL                                                                                                  \
    "ALTER TABLE bill ADD COLUMN own_fen BIGINT NOT NULL DEFAULT -1;"                                                  \
    "UPDATE bill SET own_fen = total_fen WHERE paid_on <> '';"                                                         \
    "CREATE TABLE own_backfill (partition BIGINT NOT NULL, person TEXT NOT NULL, period TEXT NOT NULL);"               \
    "INSERT INTO own_backfill (partition, person, period) SELECT -1, '', ''"                                           \
    " WHERE EXISTS (SELECT 1 FROM bill WHERE own_fen < 0);"

enum { OWN_SHARE_STEP = 2000 };

// All that are missing, in transactions of OWN_SHARE_STEP bills each; a start that was broken off goes on where it was.
// Outside any transaction; `arena` is reset. Nothing to do: one read.
int own_share_fill(store_t *store, arena_t *arena, err_t *err) MUST_USE;
// partition, person, period, own_fen
int own_share_put(store_t *store, const rows_t *rows, err_t *err) MUST_USE;
