// The seals of days: made once a day is over, by the process that books, with the key beside its own.
#pragma once
#include "chain.h"
#include "common/base/date.h"
#include "common/store/store.h"
#include "settlement.pb-c.h"

// Seal every booking day before `today` on which something was posted and that is not sealed. Transactions of its own.
// `*made` counts the seals. Without rows from before the last seal's heads nothing is made.
int seals_make(store_t *store, chain_t *chain, const seal_key_t *key, date_t today, int64_t now_ms, arena_t *arena,
               int *made, err_t *err) MUST_USE;
// Seals of days from … to ("" = open), in their order.
int seals_read(store_t *store, const char *from, const char *to, arena_t *arena, Tc__Seals **out, err_t *err) MUST_USE;
