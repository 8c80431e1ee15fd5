// Enrolment's tables. A person's or employer's state is kept as the packed message that is also the event; beside it
// stand only the columns that are looked up, and the citizen ID and name that never leave this service. person_version
// keeps every state that a person ever had, with the time since which it was known.
#pragma once
#include "common/store/store.h"
#include "enrollment.pb-c.h"

enum { ENROLLMENT_MIGRATIONS = 6 };
extern const migration_t enrollment_migrations[];
extern const size_t enrollment_migration_count;

typedef struct person_secrets {
    const char *citizen_id, *name;
} person_secrets_t;

// NULL in *out when there is none.
int person_fetch(store_t *store, const char *person, arena_t *arena, Tc__PersonState **out, err_t *err) MUST_USE;
int person_by_citizen(store_t *store, const char *citizen_id, arena_t *arena, const char **person, err_t *err) MUST_USE;
// New persons and their first versions; changed ones and one version more each. Set-based: `states` and `secrets` have
// `count` members; two states of one person must stand in order. E_RACE when a number, a citizen ID or a version is
// taken, told here or by the commit.
int persons_insert(store_t *store, Tc__PersonState *const *states, const person_secrets_t *secrets, size_t count,
                   int64_t known_ms, arena_t *arena, err_t *err) MUST_USE;
int persons_update(store_t *store, Tc__PersonState *const *states, size_t count, int64_t known_ms, arena_t *arena,
                   err_t *err) MUST_USE;
// The newest version known before the moment `before_ms`; NULL in *out when there is none.
int person_fetch_version(store_t *store, const char *person, int64_t before_ms, arena_t *arena, Tc__PersonState **out,
                         err_t *err) MUST_USE;

// A row of employer_version for each state, known since that moment; E_RACE for a version that is taken.
int employer_versions_insert(store_t *store, Tc__EmployerState *const *states, size_t count, int64_t known_ms,
                             arena_t *arena, err_t *err) MUST_USE;
// New versions of registered employers, those rows too; two states of one employer must stand in order.
int employers_update(store_t *store, Tc__EmployerState *const *states, size_t count, int64_t known_ms, arena_t *arena,
                     err_t *err) MUST_USE;
int employer_fetch_version(store_t *store, const char *employer, int64_t before_ms, arena_t *arena,
                           Tc__EmployerState **out, err_t *err) MUST_USE;
int employer_fetch(store_t *store, const char *employer, arena_t *arena, Tc__EmployerState **out, err_t *err) MUST_USE;
int employer_by_uscc(store_t *store, const char *uscc, arena_t *arena, const char **employer, err_t *err) MUST_USE;
int employer_insert(store_t *store, const Tc__EmployerState *state, const char *uscc, arena_t *arena,
                    err_t *err) MUST_USE;
