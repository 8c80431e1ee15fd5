// What becomes of personal accounts without a bill is told on adjudication's stream: credits, corrections, mergers
// (AccountChange, event account.changed). Whoever writes such an entry notes it in the same transaction; here it gets
// its event, afterwards. So a clerk's command, a bill whose refund is passed on and a month that credits a whole city
// need no numbers of streams, and cannot hold up the bills of those who own them: this takes the numbers of one
// partition at a time, and where an owner was faster it comes again.
#pragma once
#include "common/store/store.h"

enum { ACCOUNT_TELL_ROWS = 256 };

// Write the events of up to ACCOUNT_TELL_ROWS entries of one partition, in one transaction with the note that they are
// told; in order for each person. *moved: there may be more. An event is written once, whoever does it: E_OK also when
// another was faster, then nothing is written. Outside a transaction; resets the arena.
int account_tell_step(store_t *store, arena_t *arena, bool *moved, err_t *err) MUST_USE;
