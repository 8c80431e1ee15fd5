// A fixed open-addressed table at most half full: codes are never removed (a facility that leaves keeps its history).
#include "facilities.h"
#include "common/base/hash.h"
#include "common/base/ids.h"
#include <stdlib.h>
#include <string.h>

enum { SLOTS = FACILITIES_MAX * 2 };

typedef struct period {
    date_t from, until;
} period_t;

typedef struct facility {
    char code[FACILITY_CODE_LENGTH + 1]; // "": free
    int64_t version;
    level_t level;
    bool primary;
    size_t period_count;
    period_t *periods;
} facility_t;

struct facilities {
    size_t count;
    facility_t slots[SLOTS];
};

facilities_t *facilities_new(void) { return calloc(1, sizeof(facilities_t)); }

void facilities_destroy(facilities_t **facilities) {
    if (!*facilities) return;
    for (size_t i = 0; i < SLOTS; i++) free((*facilities)->slots[i].periods);
    free(*facilities);
    *facilities = NULL;
}

static const facility_t *place(const facilities_t *facilities, const char *code) {
    size_t at = (size_t)hash64(code, strlen(code), 0) % SLOTS;
    while (facilities->slots[at].code[0] && strcmp(facilities->slots[at].code, code) != 0) at = (at + 1) % SLOTS;
    return &facilities->slots[at];
}

static int read_periods(const Tc__FacilityState *state, period_t *periods, err_t *err) {
    for (size_t i = 0; i < state->n_agreements; i++) {
        const Tc__Agreement *agreement = state->agreements[i];
        periods[i] = (period_t){.until = DATE_MAX};
        if (date_parse(agreement->from, &periods[i].from))
            return err_field(err, E_INVALID_FIELD, "agreements.from", "an agreement's from is not a date");
        if (agreement->until[0] && date_parse(agreement->until, &periods[i].until))
            return err_field(err, E_INVALID_FIELD, "agreements.until", "an agreement's until is not a date");
    }
    return 0;
}

static int read_state(const Tc__FacilityState *state, facility_t *out, err_t *err) {
    int level = level_from_name(state->level);
    if (facility_code_check(state->facility, NULL))
        return err_field(err, E_INVALID_FIELD, "facility", "the code of a facility is malformed");
    if (state->n_agreements > FACILITY_AGREEMENTS_MAX)
        return err_field(err, E_TOO_LARGE, "agreements", "more than %d agreements", FACILITY_AGREEMENTS_MAX);
    // A pharmacy has no level; it counts as the lowest.
    if (level < 0 && state->level[0]) return err_field(err, E_INVALID_FIELD, "level", "level is not 1, 2 or 3");
    *out = (facility_t){.version = state->version,
                        .level = level < 0 ? LEVEL_1 : (level_t)level,
                        .primary = state->primary,
                        .period_count = state->n_agreements};
    memcpy(out->code, state->facility, FACILITY_CODE_LENGTH + 1);
    out->periods = calloc(state->n_agreements + 1, sizeof *out->periods);
    if (!out->periods) return err_set(err, E_IO, "out of memory");
    int rc = read_periods(state, out->periods, err);
    if (rc) free(out->periods);
    return rc;
}

int facilities_apply(facilities_t *facilities, const Tc__FacilityState *state, err_t *err) {
    facility_t fresh;
    int rc = read_state(state, &fresh, err);
    if (rc) return rc;
    facility_t *held = (facility_t *)place(facilities, fresh.code);
    if (held->code[0] && held->version >= fresh.version) {
        free(fresh.periods);
        return 0;
    }
    if (!held->code[0] && facilities->count == FACILITIES_MAX) {
        free(fresh.periods);
        return err_set(err, E_TOO_LARGE, "more than %d facilities", FACILITIES_MAX);
    }
    if (!held->code[0]) facilities->count++;
    free(held->periods);
    *held = fresh;
    return 0;
}

bool facilities_find(const facilities_t *facilities, const char *code, date_t day, facility_on_t *out) {
    const facility_t *facility = place(facilities, code);
    if (!facility->code[0]) return false;
    *out = (facility_on_t){.level = facility->level, .primary = facility->primary};
    for (size_t i = 0; i < facility->period_count; i++)
        if (facility->periods[i].from <= day && day <= facility->periods[i].until) out->designated = true;
    return true;
}

size_t facilities_count(const facilities_t *facilities) { return facilities->count; }

// ---- what a change touches

static bool inside(const facility_t *facility, date_t day) {
    for (size_t i = 0; i < facility->period_count; i++)
        if (facility->periods[i].from <= day && day <= facility->periods[i].until) return true;
    return false;
}

// Whether both say the same from `day` on changes only at an end of a period of either.
static void widen(const facility_t *a, const facility_t *b, date_t day, date_t today, bool *differs, date_t *from,
                  date_t *until) {
    date_t last = today;
    if (day > today || inside(a, day) == inside(b, day)) return;
    const facility_t *both[] = {a, b};
    for (size_t f = 0; f < 2; f++)
        for (size_t i = 0; i < both[f]->period_count; i++) {
            const period_t *period = &both[f]->periods[i];
            if (period->from > day && period->from - 1 < last) last = period->from - 1;
            if (period->until >= day && period->until < last) last = period->until;
        }
    if (!*differs || day < *from) *from = day;
    if (!*differs || last > *until) *until = last;
    *differs = true;
}

static void compare(const facility_t *old, const facility_t *now, date_t today, bool *differs, date_t *from,
                    date_t *until) {
    const facility_t *both[] = {old, now};
    *differs = false;
    if (old->level != now->level || old->primary != now->primary) {
        *differs = true;
        *from = date_make(1900, 1, 1);
        *until = today;
        return;
    }
    for (size_t f = 0; f < 2; f++)
        for (size_t i = 0; i < both[f]->period_count; i++) {
            const period_t *period = &both[f]->periods[i];
            widen(old, now, period->from, today, differs, from, until);
            if (period->until < today) widen(old, now, period->until + 1, today, differs, from, until);
        }
}

int facility_difference(const Tc__FacilityState *old, const Tc__FacilityState *now, date_t today, bool *differs,
                        date_t *from, date_t *until, err_t *err) {
    facility_t before = {.level = LEVEL_3}, after;
    int rc = read_state(now, &after, err);
    if (rc) return rc;
    if (old) rc = read_state(old, &before, err);
    if (!rc) compare(&before, &after, today, differs, from, until);
    if (old && !rc) free(before.periods);
    free(after.periods);
    return rc;
}
