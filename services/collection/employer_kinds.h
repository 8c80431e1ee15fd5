// What an employer is in a month (困难企业认定, ZZ-C09 … C11): enrolment's spans, kept beside the kind of its
// registration. A month counts by its first day, like groups and ages.
#pragma once
#include "renew.h"
#include "store.h"

// EmployerState.kinds as the column `kinds` keeps them: "2020-03-01/2021-02-28=distressed 2022-01-01/=distressed".
char *employer_kinds_text(const Tc__EmployerState *state, arena_t *arena);
// The kind in a month; `arena` may hold the answer. E_INTERNAL for a text that is none of ours.
int employer_kind_in(const char *kind, const char *kinds, month_t month, arena_t *arena, const char **out,
                     err_t *err) MUST_USE;
// The same of a row of employers_of.
int employer_kind_of(const rows_t *rows, size_t row, month_t month, arena_t *arena, const char **out,
                     err_t *err) MUST_USE;

// Employers that arrived: newer ones are kept. Unpaid bills of months in which they are of another kind than we knew
// are dropped, to be made again by the next run of their month; *persons are those whose bills were.
int employers_apply(const renew_env_t *env, Tc__EmployerState *const *states, size_t count, Tc__PersonState ***persons,
                    size_t *person_count, err_t *err) MUST_USE;
