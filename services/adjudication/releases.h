// Which policy is in force: the newest row of policy_release, the same for every instance. A policy is staged first
// (kept, not in force), so that a dry run may suppose it, and then released. Instances look every second, and before
// whatever must not be decided on an older one; they take it up between two batches.
#pragma once
#include "common/store/store.h"
#include "readjudication.pb-c.h"

typedef struct policy policy_t; // common/policy/policy.h

#define RELEASE_TABLE_SQL                                                                                              \
    "CREATE TABLE policy_release (number BIGINT NOT NULL PRIMARY KEY, hash TEXT NOT NULL, amends_from TEXT NOT NULL,"  \
    " reason TEXT NOT NULL, at_ms BIGINT NOT NULL);"

enum { RELEASE_POLL_MS = 1000, RELEASE_SCAN_DELAY_MS = 5000, RELEASE_REASON_MAX = 200, RELEASES_MAX = 100 };

typedef struct release {
    int64_t number; // 0: none
    char hash[65];
} release_t;

int release_newest(store_t *store, arena_t *arena, release_t *out, err_t *err) MUST_USE;
// At the start: the policy of the configuration is the next release when its hash never was one. Several instances may
// start at once.
int release_configured(store_t *store, const policy_t *policy, int64_t now_ms, arena_t *arena, err_t *err) MUST_USE;

// Keep a policy for releases and dry runs. E_POLICY when it is none, or another city's than `current`, or does not know
// a running total that stored decisions count on.
int release_stage(store_t *store, const policy_t *current, const void *packed, size_t bytes, int64_t now_ms,
                  char hash[static 65], err_t *err) MUST_USE;
// Inside a transaction: put a staged policy in force, and make the task that recomputes what it amends. E_NOT_FOUND
// when it was not staged, E_EXISTS when it is in force already.
int release_policy(store_t *store, const policy_t *current, const Tc__ReleasePolicy *ask, int64_t now_ms,
                   arena_t *arena, Tc__PolicyRelease **out, err_t *err) MUST_USE;
int releases_list(store_t *store, arena_t *arena, Tc__PolicyReleases **out, err_t *err) MUST_USE; // newest first
