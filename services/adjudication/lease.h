// Who of several instances does the background work: a row in the store that its holder renews while it lives, and that
// anybody may take once it ran out. It saves work, it protects nothing: two holders for a moment only do the same thing
// twice. Hosts' clocks agree within 200 ms.
#pragma once
#include "common/store/store.h"

enum { LEASE_MS = 5000, LEASE_RENEW_MS = 1000, LEASE_HOLDER_MAX = 64 };

#define LEASE_TABLE_SQL                                                                                                \
    "CREATE TABLE lease (name TEXT NOT NULL PRIMARY KEY, holder TEXT NOT NULL, until_ms BIGINT NOT NULL);"

typedef struct lease {
    char holder[LEASE_HOLDER_MAX + 1]; // "": nobody ever held it
    int64_t until_ms;
} lease_t;

typedef enum lease_step {
    LEASE_LEAVE, // somebody else holds it
    LEASE_KEEP,  // ours, and fresh enough
    LEASE_RENEW, // ours: write it again
    LEASE_TAKE   // free, or run out: try to get it
} lease_step_t;

// What to do about a lease as it was read. Pure. A lease that runs out later than one of us could have written it (a
// clock that was wrong) counts as run out.
lease_step_t lease_decide(const lease_t *lease, const char *self, int64_t now_ms);

// Read the lease, decide, write. *leads: it is ours until it is asked again within LEASE_RENEW_MS or so.
int lease_hold(store_t *store, const char *name, const char *self, int64_t now_ms, arena_t *arena, bool *leads,
               err_t *err) MUST_USE;
// Give it up at a clean end, so that the next one need not wait. Best effort.
void lease_release(store_t *store, const char *name, const char *self);
