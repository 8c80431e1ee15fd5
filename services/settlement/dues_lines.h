// The lines of statements, read from the journal behind a cursor: at its own pace while the service runs, and up to the
// end before anything is drawn up. Cursor and lines move in one transaction, so each entry counts once.
#pragma once
#include "settlement.h"

enum { DUES_CHUNK = 256 }; // journal rows of one partition at a time

// Take at most about `limit` journal rows; inside a transaction. `*left`: rows of the journal not yet read.
int dues_collect(settlement_t *settlement, int64_t limit, int64_t *left, err_t *err) MUST_USE;
// All there is, or E_BUSY when that is more than one command may take on; inside a transaction.
int dues_catch_up(settlement_t *settlement, err_t *err) MUST_USE;
// Outside transactions, from the service's tick: some rows, in a transaction of its own; while many entries are posted,
// only what statements are more than 100,000 entries behind.
void dues_tick(settlement_t *settlement, int64_t now_ms);
