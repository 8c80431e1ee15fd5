// Every write names the row as it was read, so of two that want it at once one finds nothing to change.
#include "lease.h"
#include <stdio.h>
#include <string.h>

lease_step_t lease_decide(const lease_t *lease, const char *self, int64_t now_ms) {
    const bool ours = strcmp(lease->holder, self) == 0;
    const bool lives = lease->until_ms > now_ms && lease->until_ms <= now_ms + 2 * LEASE_MS;
    if (!lives) return LEASE_TAKE;
    if (!ours) return LEASE_LEAVE;
    return lease->until_ms - LEASE_MS + LEASE_RENEW_MS <= now_ms ? LEASE_RENEW : LEASE_KEEP;
}

static int read_lease(store_t *store, const char *name, arena_t *arena, lease_t *out, err_t *err) {
    cell_t params[] = {cell_text(name)};
    rows_t rows;
    int rc = store_query(store, "SELECT holder, until_ms FROM lease WHERE name = $1", params, 1, arena, &rows, err);
    *out = (lease_t){0};
    if (rc || rows.count == 0) return rc;
    snprintf(out->holder, sizeof out->holder, "%s", row_text(&rows, 0, 0));
    out->until_ms = row_i64(&rows, 0, 1);
    return 0;
}

static int write_lease(store_t *store, const char *name, const char *self, const lease_t *seen, int64_t now_ms,
                       arena_t *arena, bool *leads, err_t *err) {
    cell_t params[] = {cell_text(name), cell_text(self), cell_i64(now_ms + LEASE_MS), cell_text(seen->holder),
                       cell_i64(seen->until_ms)};
    rows_t rows;
    int rc = store_query(store,
                         "INSERT INTO lease (name, holder, until_ms) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE"
                         " SET holder = excluded.holder, until_ms = excluded.until_ms"
                         " WHERE lease.holder = $4 AND lease.until_ms = $5 RETURNING name",
                         params, COUNT_OF(params), arena, &rows, err);
    *leads = !rc && rows.count == 1;
    return rc;
}

int lease_hold(store_t *store, const char *name, const char *self, int64_t now_ms, arena_t *arena, bool *leads,
               err_t *err) {
    lease_t seen;
    *leads = false;
    int rc = read_lease(store, name, arena, &seen, err);
    if (rc) return rc;
    switch (lease_decide(&seen, self, now_ms)) {
    case LEASE_LEAVE: return 0;
    case LEASE_KEEP: *leads = true; return 0;
    case LEASE_RENEW:
    case LEASE_TAKE: break;
    }
    return write_lease(store, name, self, &seen, now_ms, arena, leads, err);
}

void lease_release(store_t *store, const char *name, const char *self) {
    cell_t params[] = {cell_text(name), cell_text(self)};
    err_t ignored = {0};
    if (store_exec(store, "UPDATE lease SET until_ms = 0 WHERE name = $1 AND holder = $2", params, 2, &ignored)) return;
}
