// A state seen from one day.
#include "fields.h"
#include "history.h"
#include <string.h>

static bool not_later(const char *day, date_t on) { return stored_date(day, DATE_MAX) <= on; }

static int keep_spell(const enrollment_rules_t *rules, Tc__PersonState *state, month_t month, err_t *err) {
    const Tc__Spell *held = spell_in(state, month);
    state->n_spells = held != NULL;
    if (!held) return 0;
    Tc__Spell *spell = arena_copy(rules->arena, held, sizeof *held);
    if (!spell) return out_of_memory(err);
    spell_trim_wages(spell, month);
    state->spells[0] = spell;
    return 0;
}

static void keep_groups(Tc__PersonState *state, date_t on) {
    size_t kept = 0;
    for (size_t i = 0; i < state->n_groups; i++) {
        const days_t days = membership_days(state->groups[i]);
        if (days.from <= on && on <= days.until) state->groups[kept++] = state->groups[i];
    }
    state->n_groups = kept;
}

static void keep_division(Tc__PersonState *state, date_t on) {
    size_t kept = 0;
    while (kept < state->n_divisions && stored_date(state->divisions[kept]->from, DATE_NONE) <= on) kept++;
    if (!kept) return;
    state->divisions[0] = state->divisions[kept - 1];
    state->n_divisions = 1;
    state->division = state->divisions[0]->division;
}

static void keep_transfers(Tc__PersonState *state, date_t on) {
    size_t kept = 0;
    for (size_t i = 0; i < state->n_transfers; i++)
        if (not_later(state->transfers[i]->on, on)) state->transfers[kept++] = state->transfers[i];
    state->n_transfers = kept;
}

int person_on(const enrollment_rules_t *rules, const Tc__PersonState *state, date_t on, Tc__PersonState **out,
              err_t *err) {
    Tc__PersonState *seen = history_next(rules, state, 0);
    if (!seen) return out_of_memory(err);
    seen->version = state->version;
    int rc = keep_spell(rules, seen, month_of(on), err);
    if (rc) return rc;
    keep_groups(seen, on);
    keep_division(seen, on);
    keep_transfers(seen, on);
    if (!not_later(seen->died_on, on)) seen->died_on = (char *)protobuf_c_empty_string;
    if (!not_later(seen->ended_on, on)) seen->ended_on = (char *)protobuf_c_empty_string;
    *out = seen;
    return 0;
}
