// The methods behind readjudication and policy releases: message in, message out (common/daemon/commands.h). `self` is
// the adjudication_t.
#pragma once
#include "common/daemon/service.h"
#include "lease.h"
#include "recompute_queue.h"
#include "releases.h"
#include "touched.h"

#define READJUDICATION_TABLES_SQL LEASE_TABLE_SQL RECOMPUTE_TABLES_SQL TOUCHED_TABLES_SQL RELEASE_TABLE_SQL

typedef int handle_t(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                     err_t *err);
handle_t readjudicate_find, readjudicate_begin, readjudicate_retry, readjudicate_task, readjudicate_tasks;
handle_t policy_stage, policy_release, policy_releases;

// One page of the oldest open task into the queue, and the ends of tasks: what the leader does when little is due.
// *moved: there may be more at once. Outside a transaction; resets the arena.
int readjudicate_scan(store_t *store, arena_t *arena, int64_t now_ms, bool *moved, err_t *err) MUST_USE;
