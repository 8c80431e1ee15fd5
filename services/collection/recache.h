// Entitlement states into Redis, so that no older one stays there for good.
//
// The transaction that changes states also notes their persons, all in one row of table `uncached_batch`. After the
// commit the states are put; a batch that was put as a whole for certain is taken off the table by a later transaction.
// The persons of any other batch, also of one that a dead process left, go to table `uncached` one by one, and their
// states are put again every second, also after a restart or when Redis comes back. A Redis that itself goes back in
// time (an old dump loaded) is bounded by the time to live.
#pragma once
#include "common/cache/entitlement_keys.h"
#include "common/daemon/service.h"

typedef struct recache recache_t;

int recache_new(recache_t **out, service_ctx_t *ctx, bool enabled, err_t *err) MUST_USE;
void recache_destroy(recache_t **recache);

// Inside the transaction: a new name for its row in `uncached_batch`; "" where no Redis is configured and persons are
// noted one by one. Lives until the end of the transaction.
const char *recache_batch(recache_t *recache);
// Inside the transaction: remember for recache_flush (copied). When memory is short the repair does it instead.
void recache_add(recache_t *recache, const char *person, int64_t version, const void *body, size_t size);
void recache_forget(recache_t *recache); // rolled back
// Committed, not yet answered: put what was remembered. When that fails, wait until no reader believes in what Redis
// holds (common/cache/entitlement_keys.h): a little over a second at most, and once per outage.
void recache_flush(recache_t *recache);
// A reader asked for these because Redis did not have them: put them, best effort.
// `keys` (partition, person) and what was `found` for them (index of the key, version, body).
void recache_warm(recache_t *recache, const rows_t *keys, const rows_t *found);
// Inside the transaction: what Redis holds of `keys` (partition, person) otherwise than the store is dropped, whatever
// its version. `same`: index of the key, version and body, as stored, of those that the transaction did not change; the
// others are dropped unseen. Best effort where Redis goes away on the way.
int recache_compare(recache_t *recache, const rows_t *keys, const rows_t *same, err_t *err) MUST_USE;
// Outside transactions: take what was put off the table; once a second put what is still on it; renew the lease while
// nothing is owed to Redis.
void recache_tick(recache_t *recache, int64_t now_ms);
