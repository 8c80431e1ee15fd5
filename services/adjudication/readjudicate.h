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
