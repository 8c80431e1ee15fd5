// The work that one instance does for all: following the streams whose events touch what is settled already, and
// bringing the persons and years they concern to whoever settles them. A thread with a store and sockets of its own, so
// that a patient never waits for it. It works while it holds the lease; a leader that dies is followed by another after
// LEASE_MS, which goes on where the tables say. Two at once do things twice, which changes nothing.
#pragma once
#include "common/daemon/service.h"

typedef struct background background_t;

enum { BACKGROUND_CONSUMERS = 3 };
extern const elsewhere_t background_consumers[BACKGROUND_CONSUMERS];

// The store must have been migrated. The context is borrowed.
int background_start(background_t **out, const service_ctx_t *ctx, err_t *err) MUST_USE;
void background_stop(background_t **background);
