// The register's table: the state of a facility as the packed message that is also the event.
#pragma once
#include "common/store/store.h"
#include "facility.pb-c.h"

extern const migration_t facility_migrations[];
extern const size_t facility_migration_count;

// NULL in *out when there is none.
int facility_fetch(store_t *store, const char *facility, arena_t *arena, Tc__FacilityState **out, err_t *err) MUST_USE;
int facility_insert(store_t *store, const Tc__FacilityState *state, arena_t *arena, err_t *err) MUST_USE;
int facility_update(store_t *store, const Tc__FacilityState *state, arena_t *arena, err_t *err) MUST_USE;
