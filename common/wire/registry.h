// The registry of parties as its file says now, for those who serve: read again when the file changes. One that cannot
// be used is reported once, and the last good one stays in force. Belongs to one thread.
#pragma once
#include "party.h"

typedef struct registry registry_t;

int registry_open(registry_t **out, const char *dir, err_t *err) MUST_USE; // errors as keys_load()
void registry_close(registry_t **registry);
void registry_refresh(registry_t *registry); // looks at the file now; callers do so about once a second
const keys_t *registry_keys(const registry_t *registry);
// Is this still the party that it was at its handshake: the same name, role and key? `caller` is the User-Id, `key` the
// ZAP_KEY_PROPERTY of a message; NULL when not.
const party_t *registry_still(const registry_t *registry, const char *caller, const char *key);
