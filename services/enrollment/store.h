// Enrolment's tables. A person's or employer's state is kept as the packed message that is also the event; beside it
// stand only the columns that are looked up, and the citizen ID and name that never leave this service.
#pragma once
#include "common/store/store.h"
#include "enrollment.pb-c.h"

extern const migration_t enrollment_migrations[];
extern const size_t enrollment_migration_count;

typedef struct person_secrets {
    const char *citizen_id, *name;
} person_secrets_t;

// NULL in *out when there is none.
int person_fetch(store_t *store, const char *person, arena_t *arena, Tc__PersonState **out, err_t *err) MUST_USE;
int person_by_citizen(store_t *store, const char *citizen_id, arena_t *arena, const char **person, err_t *err) MUST_USE;
int person_insert(store_t *store, const Tc__PersonState *state, const person_secrets_t *secrets, arena_t *arena,
                  err_t *err) MUST_USE;
int person_update(store_t *store, const Tc__PersonState *state, arena_t *arena, err_t *err) MUST_USE;

int employer_fetch(store_t *store, const char *employer, arena_t *arena, Tc__EmployerState **out, err_t *err) MUST_USE;
int employer_by_uscc(store_t *store, const char *uscc, arena_t *arena, const char **employer, err_t *err) MUST_USE;
int employer_insert(store_t *store, const Tc__EmployerState *state, const char *uscc, arena_t *arena,
                    err_t *err) MUST_USE;
