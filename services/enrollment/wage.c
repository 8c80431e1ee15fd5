// Contribution wages declared while a spell runs (缴费工资申报): each holds from its month until the next one.
#include "fields.h"
#include "history.h"
#include <string.h>

static const fen_t WAGE_MAX_FEN = 1000000000000; // 10 billion yuan a month: a typing error for certain

int field_wage(bool given, fen_t wage, err_t *err) {
    if (!given) return err_field(err, E_MISSING_FIELD, "wage", "wage is missing");
    if (wage > 0 && wage <= WAGE_MAX_FEN) return 0;
    return err_field(err, E_OUT_OF_RANGE, "wage", "expected a monthly wage above 0.00, at most 10 billion yuan");
}

static month_t month_at(const Tc__Spell *spell, size_t i) {
    month_t month = MONTH_NONE;
    CHECK(month_parse(spell->wages[i]->from_month, &month) == 0);
    return month;
}

void spell_trim_wages(Tc__Spell *spell, month_t last) {
    while (spell->n_wages && month_at(spell, spell->n_wages - 1) > last) spell->n_wages--;
}

bool wage_declared(const Tc__PersonState *state, const Tc__DeclareWage *ask) {
    month_t from;
    if (month_parse(ask->from_month, &from)) return false;
    const Tc__Spell *spell = spell_in(state, from);
    if (!spell || !spell->wage_fen) return false;
    for (size_t i = 0; i < spell->n_wages; i++)
        if (month_at(spell, i) == from) return spell->wages[i]->wage_fen == ask->wage_fen;
    return spell_months(spell).from == from && spell->wage_fen == ask->wage_fen;
}

static int find_spell(const Tc__PersonState *before, month_t from, size_t *place, err_t *err) {
    const Tc__Spell *spell = spell_in(before, from);
    if (!spell) return err_field(err, E_OUT_OF_RANGE, "from_month", "the person has no spell in that month");
    if (!spell->wage_fen)
        return err_field(err, E_OUT_OF_RANGE, "from_month", "under the identity %s since %s nobody pays on a wage",
                         spell->identity, spell->from_month);
    for (*place = 0; before->spells[*place] != spell;) ++*place;
    return 0;
}

// The spell with one wage more, or another one in that month; `*next` is the month of the declaration that follows.
static Tc__Spell *with_wage(arena_t *arena, const Tc__Spell *before, const Tc__DeclareWage *ask, month_t from,
                            month_t *next) {
    Tc__Spell *spell = arena_copy(arena, before, sizeof *spell);
    Tc__DeclaredWage *wage = arena_alloc(arena, sizeof *wage);
    Tc__DeclaredWage **wages = arena_alloc(arena, (before->n_wages + 1) * sizeof(Tc__DeclaredWage *));
    if (!spell || !wage || !wages) return NULL;
    tc__declared_wage__init(wage);
    wage->from_month = ask->from_month;
    wage->wage_fen = ask->wage_fen;
    spell->wages = wages;
    spell->n_wages = 0;
    size_t i = 0;
    while (i < before->n_wages && month_at(before, i) < from) wages[spell->n_wages++] = before->wages[i++];
    wages[spell->n_wages++] = wage;
    if (i < before->n_wages && month_at(before, i) == from) i++;
    *next = i < before->n_wages ? month_at(before, i) : (month_t)HISTORY_OPEN;
    while (i < before->n_wages) wages[spell->n_wages++] = before->wages[i++];
    return spell;
}

int person_declare_wage(const enrollment_rules_t *rules, const Tc__PersonState *before, const Tc__DeclareWage *ask,
                        Tc__PersonState **after, err_t *err) {
    month_t from = MONTH_NONE, next = (month_t)HISTORY_OPEN;
    size_t place = 0;
    int rc = history_stands(before, err);
    if (rc == 0) rc = field_month("from_month", ask->from_month, &from, err);
    if (rc == 0) rc = field_wage(ask->wage_given_case == TC__DECLARE_WAGE__WAGE_GIVEN_WAGE_FEN, ask->wage_fen, err);
    if (rc == 0) rc = find_spell(before, from, &place, err);
    if (rc == 0 && wage_declared(before, ask))
        rc = err_field(err, E_EXISTS, "wage", "this wage is recorded for %s already", ask->from_month);
    if (rc) return rc;
    Tc__PersonState *state = history_next(rules, before, 0);
    Tc__Spell *spell = with_wage(rules->arena, before->spells[place], ask, from, &next);
    if (!state || !spell) return out_of_memory(err);
    if (spell->n_wages > SPELL_WAGES_MAX)
        return err_field(err, E_TOO_LARGE, "person", "the spell has %d declared wages already", SPELL_WAGES_MAX);
    state->spells[place] = spell;
    const month_t last = spell_months(spell).last;
    rc = history_touch_months(rules, state, (months_t){from, next <= last ? next - 1 : last}, err);
    if (rc == 0) *after = state;
    return rc;
}
