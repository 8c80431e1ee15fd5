// The business side of reconciliation: what the newest versions of all bills grant, by facility, day and layer, told as
// digests of sets of rows and as rows (common/reconcile/standing.h). Only follow_rows writes, and only its own table;
// every call is bounded. Handlers of the command shell; `self` is the adjudication_t.
#pragma once
#include "bill_rows.h"
#include "common/daemon/service.h"

int digests_follow(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                   err_t *err);
int digests_get(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                err_t *err);
int digests_get_rows(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                     err_t *err);
// What follow_rows does: inside a transaction, a bounded piece of the log.
int digests_follow_log(store_t *store, arena_t *arena, Tc__Followed **out, err_t *err) MUST_USE;
