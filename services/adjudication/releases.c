// The number is the key: of two releases at once one is refused and asked again.
#include "releases.h"
#include "common/policy/policy.h"
#include "recompute_queue.h"
#include "store.h"
#include <stdio.h>
#include <string.h>

enum { START_TRIES = 5 };

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

int release_newest(store_t *store, arena_t *arena, release_t *out, err_t *err) {
    rows_t rows;
    *out = (release_t){0};
    int rc = store_query(store, "SELECT number, hash FROM policy_release ORDER BY number DESC LIMIT 1", NULL, 0, arena,
                         &rows, err);
    if (rc || rows.count == 0) return rc;
    out->number = row_i64(&rows, 0, 0);
    snprintf(out->hash, sizeof out->hash, "%s", row_text(&rows, 0, 1));
    return 0;
}

static int insert(store_t *store, const char *hash, const char *amends_from, const char *reason, int64_t now_ms,
                  arena_t *arena, int64_t *number, err_t *err) {
    cell_t params[] = {cell_text(hash), cell_text(amends_from), cell_text(reason), cell_i64(now_ms)};
    rows_t rows;
    int rc = store_query(store,
                         "INSERT INTO policy_release SELECT COALESCE(MAX(number), 0) + 1, $1, $2, $3, $4"
                         " FROM policy_release RETURNING number",
                         params, COUNT_OF(params), arena, &rows, err);
    if (!rc) *number = row_i64(&rows, 0, 0);
    return rc;
}

// ---- the configuration's

static int add_configured(store_t *store, const char *hash, int64_t now_ms, arena_t *arena, err_t *err) {
    cell_t params[] = {cell_text(hash)};
    rows_t rows;
    int64_t number;
    int rc = store_begin(store, err);
    if (rc) return rc;
    rc = store_query(store, "SELECT number FROM policy_release WHERE hash = $1 LIMIT 1", params, 1, arena, &rows, err);
    if (!rc && rows.count == 0)
        rc = insert(store, hash, "", "the configuration's city file", now_ms, arena, &number, err);
    if (!rc) return store_commit(store, err);
    store_rollback(store);
    return rc;
}

int release_configured(store_t *store, const policy_t *policy, int64_t now_ms, arena_t *arena, err_t *err) {
    size_t bytes;
    const void *packed = policy_packed(policy, &bytes);
    int rc = policy_version_save(store, policy_hash(policy), packed, bytes, now_ms, err);
    if (rc) return rc;
    for (int i = 0; i < START_TRIES; i++) {
        rc = add_configured(store, policy_hash(policy), now_ms, arena, err);
        if (rc != E_RACE) return rc;
    }
    return rc;
}

// ---- staged and released

static int check_fits(const policy_t *current, const policy_t *staged, err_t *err) {
    if (strcmp(policy_city(current), policy_city(staged)) != 0)
        return err_field(err, E_POLICY, "packed", "this is the law of %s, and not of %s", policy_city(staged),
                         policy_city(current));
    for (int i = 0; i < policy_total_count(current); i++) {
        const char *total = policy_total_name(current, i);
        if (policy_total_from_name(staged, total) < 0)
            return err_field(err, E_POLICY, "packed",
                             "the running total %s stands in decisions, and this policy does not know it", total);
    }
    return 0;
}

int release_stage(store_t *store, const policy_t *current, const void *packed, size_t bytes, int64_t now_ms,
                  char hash[static 65], err_t *err) {
    policy_t *staged = NULL;
    err_t why = {0};
    if (policy_unpack(&staged, packed, bytes, &why))
        return err_field(err, E_POLICY, "packed", "no policy: %.200s", why.text);
    int rc = check_fits(current, staged, err);
    // As this program packs it: what is loaded by its hash must have it.
    const void *own = policy_packed(staged, &bytes);
    snprintf(hash, 65, "%s", policy_hash(staged));
    if (!rc) rc = policy_version_save(store, hash, own, bytes, now_ms, err);
    policy_destroy(&staged);
    return rc;
}

static int check_release(const Tc__ReleasePolicy *ask, err_t *err) {
    date_t day;
    if (!*ask->hash) return err_field(err, E_MISSING_FIELD, "hash", "hash is missing");
    if (!*ask->reason)
        return err_field(err, E_MISSING_FIELD, "reason", "reason is missing: it is kept with the release");
    if (strlen(ask->reason) > RELEASE_REASON_MAX)
        return err_field(err, E_TOO_LARGE, "reason", "reason: at most %d bytes", RELEASE_REASON_MAX);
    if (!recompute_cause_fits(ask->reason))
        return err_field(err, E_INVALID_FIELD, "reason", "reason has control characters");
    if (*ask->amends_from && date_parse(ask->amends_from, &day))
        return err_field(err, E_INVALID_FIELD, "amends_from", "amends_from: expected a date like 2018-03-01");
    return 0;
}

static int check_staged(store_t *store, const policy_t *current, const char *hash, arena_t *arena, err_t *err) {
    policy_t *staged = NULL;
    const void *body;
    size_t bytes;
    int rc = policy_version_load(store, hash, arena, &body, &bytes, err);
    if (rc == E_NOT_FOUND) return err_field(err, E_NOT_FOUND, "hash", "no policy of this hash was staged");
    if (!rc) rc = policy_unpack(&staged, body, bytes, err);
    if (!rc) rc = check_fits(current, staged, err);
    policy_destroy(&staged);
    return rc;
}

// The scan begins when every instance has the new policy: what one of them settles meanwhile by the old one is found.
static int add_scan(store_t *store, const Tc__ReleasePolicy *ask, int64_t number, int64_t now_ms, arena_t *arena,
                    int64_t *task, err_t *err) {
    Tc__FindAffected what = TC__FIND_AFFECTED__INIT;
    if (!*ask->amends_from) return 0;
    what.not_policy = ask->hash;
    what.from = ask->amends_from;
    const char *cause = arena_text(arena, "policy release %lld: %s", (long long)number, ask->reason);
    if (!cause) return no_memory(err);
    return task_add(store, &what, cause, false, now_ms, now_ms + RELEASE_SCAN_DELAY_MS, arena, task, err);
}

int release_policy(store_t *store, const policy_t *current, const Tc__ReleasePolicy *ask, int64_t now_ms,
                   arena_t *arena, Tc__PolicyRelease **out, err_t *err) {
    release_t newest;
    int64_t number = 0;
    int rc = check_release(ask, err);
    if (!rc) rc = release_newest(store, arena, &newest, err);
    if (!rc && strcmp(newest.hash, ask->hash) == 0)
        rc = err_field(err, E_EXISTS, "hash", "this policy is in force already, as release %lld",
                       (long long)newest.number);
    if (!rc) rc = check_staged(store, current, ask->hash, arena, err);
    Tc__PolicyRelease *made = arena_alloc(arena, sizeof *made);
    if (!rc && !made) rc = no_memory(err);
    if (!rc) rc = insert(store, ask->hash, ask->amends_from, ask->reason, now_ms, arena, &number, err);
    if (rc) return rc;
    tc__policy_release__init(made);
    rc = add_scan(store, ask, number, now_ms, arena, &made->task, err);
    if (rc) return rc;
    made->number = number;
    made->hash = ask->hash;
    made->amends_from = ask->amends_from;
    made->reason = ask->reason;
    made->at_ms = now_ms;
    *out = made;
    return 0;
}

int releases_list(store_t *store, arena_t *arena, Tc__PolicyReleases **out, err_t *err) {
    cell_t params[] = {cell_i64(RELEASES_MAX)};
    rows_t rows;
    int rc = store_query(store,
                         "SELECT number, hash, amends_from, reason, at_ms FROM policy_release ORDER BY number DESC"
                         " LIMIT $1",
                         params, 1, arena, &rows, err);
    if (rc) return rc;
    Tc__PolicyReleases *list = *out = arena_alloc(arena, sizeof *list);
    if (!list) return no_memory(err);
    tc__policy_releases__init(list);
    list->releases = arena_alloc(arena, (rows.count + 1) * sizeof *list->releases);
    for (size_t i = 0; list->releases && i < rows.count; i++) {
        Tc__PolicyRelease *release = list->releases[list->n_releases++] = arena_alloc(arena, sizeof *release);
        if (!release) return no_memory(err);
        tc__policy_release__init(release);
        release->number = row_i64(&rows, i, 0);
        release->hash = (char *)row_text(&rows, i, 1);
        release->amends_from = (char *)row_text(&rows, i, 2);
        release->reason = (char *)row_text(&rows, i, 3);
        release->at_ms = row_i64(&rows, i, 4);
    }
    return list->releases ? 0 : no_memory(err);
}
