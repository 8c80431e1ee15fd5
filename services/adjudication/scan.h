// From tasks to the queue: what the leader does when little is due.
#pragma once
#include "common/store/store.h"

// One page of the oldest task whose scan is not at its end, into the queue, in one transaction with the task's cursor;
// and the ends of tasks. *moved: there may be more at once. Outside a transaction; resets the arena.
int scan_step(store_t *store, arena_t *arena, int64_t now_ms, bool *moved, err_t *err) MUST_USE;
