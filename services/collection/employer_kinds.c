#include "employer_kinds.h"
#include "common/base/hash.h"
#include "common/base/log.h"
#include <stdlib.h>
#include <string.h>

static int out_of_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

// ---- what holds in a month

char *employer_kinds_text(const Tc__EmployerState *state, arena_t *arena) {
    char *text = arena_text(arena, "%s", "");
    for (size_t i = 0; text && i < state->n_kinds; i++) {
        const Tc__EmployerKind *kind = state->kinds[i];
        text = arena_text(arena, "%s%s%s/%s=%s", text, i ? " " : "", kind->from, kind->until, kind->kind);
    }
    return text;
}

static int malformed(err_t *err) { return err_set(err, E_INTERNAL, "the stored kinds of an employer are malformed"); }

int employer_kind_in(const char *kind, const char *kinds, month_t month, arena_t *arena, const char **out, err_t *err) {
    const date_t day = month_first(month);
    *out = kind;
    for (const char *at = kinds; *at;) {
        char from[DATE_TEXT_MAX], until[DATE_TEXT_MAX];
        date_t first, last = DATE_MAX;
        const size_t size = strcspn(at, " "), slash = strcspn(at, "/"), equals = strcspn(at, "=");
        if (slash >= equals || equals >= size || slash >= sizeof from || equals - slash > sizeof until)
            return malformed(err);
        snprintf(from, sizeof from, "%.*s", (int)slash, at);
        snprintf(until, sizeof until, "%.*s", (int)(equals - slash - 1), at + slash + 1);
        if (date_parse(from, &first) || (*until && date_parse(until, &last))) return malformed(err);
        if (first <= day && day <= last) {
            *out = arena_text(arena, "%.*s", (int)(size - equals - 1), at + equals + 1);
            return *out ? 0 : out_of_memory(err);
        }
        at += size + (at[size] == ' ');
    }
    return 0;
}

int employer_kind_of(const rows_t *rows, size_t row, month_t month, arena_t *arena, const char **out, err_t *err) {
    return employer_kind_in(row_text(rows, row, 1), row_text(rows, row, 2), month, arena, out, err);
}

// ---- what arrives

static int keys_of(Tc__EmployerState *const *states, size_t count, arena_t *arena, rows_t *keys, err_t *err) {
    int rc = 0;
    rows_init(keys, arena, 2);
    for (size_t i = 0; rc == 0 && i < count; i++) rc = key_add(keys, states[i]->employer, err);
    return rc;
}

// The unpaid bills of one employer that were made on another kind.
static int find_changed(const renew_env_t *env, const rows_t *known, size_t row, const Tc__EmployerState *state,
                        rows_t *dropped, err_t *err) {
    arena_t *arena = env->ctx->arena;
    rows_t bills;
    const char *kinds = employer_kinds_text(state, arena);
    if (!kinds) return out_of_memory(err);
    if (strcmp(row_text(known, row, 1), state->kind) == 0 && strcmp(row_text(known, row, 2), kinds) == 0) return 0;
    int rc = unpaid_of_employer(env->ctx->store, state->employer, arena, &bills, err);
    for (size_t i = 0; rc == 0 && i < bills.count; i++) {
        period_t period;
        const char *was, *is;
        rc = period_parse(row_text(&bills, i, 2), &period, err);
        if (rc == 0) rc = employer_kind_of(known, row, period.month, arena, &was, err);
        if (rc == 0) rc = employer_kind_in(state->kind, kinds, period.month, arena, &is, err);
        if (rc || strcmp(was, is) == 0) continue;
        cell_t *cell = rows_add(dropped);
        if (!cell) return out_of_memory(err);
        memcpy(cell, rows_at(&bills, i), 3 * sizeof *cell);
    }
    return rc;
}

static int by_person(const void *a, const void *b) {
    const cell_t *left = *(cell_t *const *)a, *right = *(cell_t *const *)b;
    return strcmp(left[1].data, right[1].data);
}

// Each person of the bills once.
static int read_persons(const renew_env_t *env, const rows_t *bills, Tc__PersonState ***out, size_t *count,
                        err_t *err) {
    arena_t *arena = env->ctx->arena;
    rows_t keys, rows;
    const cell_t **sorted = arena_alloc(arena, (bills->count + 1) * sizeof *sorted);
    if (!sorted) return out_of_memory(err);
    for (size_t i = 0; i < bills->count; i++) sorted[i] = rows_at((rows_t *)bills, i);
    qsort(sorted, bills->count, sizeof *sorted, by_person);
    rows_init(&keys, arena, 2);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < bills->count; i++)
        if (i == 0 || by_person(&sorted[i - 1], &sorted[i]) != 0) rc = key_add(&keys, sorted[i][1].data, err);
    if (rc == 0) rc = persons_of(env->ctx->store, &keys, arena, &rows, err);
    if (rc) return rc;
    if (!(*out = arena_alloc(arena, (rows.count + 1) * sizeof(Tc__PersonState *)))) return out_of_memory(err);
    for (size_t i = 0; rc == 0 && i < rows.count; i++) {
        size_t size;
        const void *state = row_blob(&rows, i, 2, &size);
        rc = message_unpack((ProtobufCMessage **)&(*out)[(*count)++], &tc__person_state__descriptor, state, size, arena,
                            err);
    }
    return rc;
}

static int put_all(const renew_env_t *env, Tc__EmployerState *const *states, size_t count, err_t *err) {
    rows_t rows;
    rows_init(&rows, env->ctx->arena, 6);
    for (size_t i = 0; i < count; i++) {
        cell_t *row = rows_add(&rows);
        const char *kinds = employer_kinds_text(states[i], env->ctx->arena);
        if (!row || !kinds) return out_of_memory(err);
        row[0] = cell_i64(partition_of(states[i]->employer));
        row[1] = cell_text(states[i]->employer);
        row[2] = cell_i64(states[i]->version);
        row[3] = cell_text(states[i]->kind);
        row[4] = cell_text(kinds);
        row[5] = cell_text(states[i]->division);
    }
    return employers_put(env->ctx->store, &rows, err);
}

int employers_apply(const renew_env_t *env, Tc__EmployerState *const *states, size_t count, Tc__PersonState ***persons,
                    size_t *person_count, err_t *err) {
    rows_t keys, known, dropped;
    *person_count = 0;
    if (count == 0) return 0;
    rows_init(&dropped, env->ctx->arena, 3);
    int rc = keys_of(states, count, env->ctx->arena, &keys, err);
    if (rc == 0) rc = employers_of(env->ctx->store, &keys, env->ctx->arena, &known, err);
    for (size_t i = 0; rc == 0 && i < known.count; i++) {
        const Tc__EmployerState *state = states[row_i64(&known, i, 0)];
        if (state->version > row_i64(&known, i, 3)) rc = find_changed(env, &known, i, state, &dropped, err);
    }
    if (rc == 0) rc = put_all(env, states, count, err);
    if (rc || dropped.count == 0) return rc;
    rc = bills_drop(env->ctx->store, &dropped, err);
    if (rc == 0) rc = read_persons(env, &dropped, persons, person_count, err);
    if (rc == 0) log_info("bills_dropped", "count=%zu why=employer_kind", dropped.count);
    return rc;
}
