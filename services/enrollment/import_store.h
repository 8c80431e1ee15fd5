// What imports read and write, in sets: every function takes `count` keys and asks once. All results live in the arena.
#pragma once
#include "store.h"

typedef struct known_person {
    const char *citizen_id, *name;
    Tc__PersonState *state; // NULL: nobody has that number
} known_person_t;

// out[i] belongs to persons[i].
int persons_known(store_t *store, const char *const *persons, size_t count, arena_t *arena, known_person_t *out,
                  err_t *err) MUST_USE;
// The number under which this citizen ID is registered, or NULL.
int persons_of_citizens(store_t *store, const char *const *citizen_ids, size_t count, arena_t *arena, const char **out,
                        err_t *err) MUST_USE;
// Somebody registered with the same name and birth (the birth in the citizen ID) but another citizen ID, or NULL.
int persons_alike(store_t *store, const person_secrets_t *persons, size_t count, arena_t *arena, const char **out,
                  err_t *err) MUST_USE;

typedef struct known_employer {
    const char *uscc;
    Tc__EmployerState *state; // NULL: nobody has that number
} known_employer_t;

int employers_known(store_t *store, const char *const *employers, size_t count, arena_t *arena, known_employer_t *out,
                    err_t *err) MUST_USE;
int employers_of_codes(store_t *store, const char *const *usccs, size_t count, arena_t *arena, const char **out,
                       err_t *err) MUST_USE;
int employers_insert(store_t *store, Tc__EmployerState *const *states, const char *const *usccs, size_t count,
                     arena_t *arena, err_t *err) MUST_USE;
