#include "history.h"
#include "fields.h"
#include <stdlib.h>
#include <string.h>

// ---- reading

date_t stored_date(const char *text, date_t otherwise) {
    date_t date = otherwise;
    CHECK(!*text || date_parse(text, &date) == 0);
    return date;
}

static month_t stored_month(const char *text, month_t otherwise) {
    month_t month = otherwise;
    CHECK(!*text || month_parse(text, &month) == 0);
    return month;
}

months_t spell_months(const Tc__Spell *spell) {
    return (months_t){stored_month(spell->from_month, MONTH_NONE), stored_month(spell->last_month, HISTORY_OPEN)};
}

days_t membership_days(const Tc__Membership *membership) {
    return (days_t){stored_date(membership->from, DATE_NONE), stored_date(membership->until, DATE_MAX)};
}

bool spell_of_employee_scheme(const Tc__Spell *spell) {
    return identity_from_name(spell->identity) != IDENTITY_RESIDENT;
}

const Tc__Spell *spell_before(const Tc__PersonState *state, month_t month) {
    for (size_t i = state->n_spells; i-- > 0;)
        if (spell_months(state->spells[i]).from <= month) return state->spells[i];
    return NULL;
}

const Tc__Spell *spell_after(const Tc__PersonState *state, month_t month) {
    for (size_t i = 0; i < state->n_spells; i++)
        if (spell_months(state->spells[i]).from > month) return state->spells[i];
    return NULL;
}

const Tc__Spell *spell_in(const Tc__PersonState *state, month_t month) {
    const Tc__Spell *spell = spell_before(state, month);
    return spell && spell_months(spell).last >= month ? spell : NULL;
}

const char *division_on(const Tc__PersonState *state, date_t day) {
    for (size_t i = state->n_divisions; i-- > 0;)
        if (stored_date(state->divisions[i]->from, DATE_NONE) <= day) return state->divisions[i]->division;
    return state->division;
}

int history_stands(const Tc__PersonState *before, err_t *err) {
    if (!*before->merged_into) return 0;
    return err_field(err, E_NOT_FOUND, "person", "this number stands for person %s", before->merged_into);
}

// ---- copying

static void *list_copy(arena_t *arena, void *list, size_t count, size_t more) {
    void **copy = arena_alloc(arena, (count + more + 1) * sizeof *copy);
    if (copy && count) memcpy(copy, list, count * sizeof *copy);
    return copy;
}

Tc__PersonState *history_next(const enrollment_rules_t *rules, const Tc__PersonState *before, size_t more) {
    arena_t *arena = rules->arena;
    Tc__PersonState *state = arena_copy(arena, before, sizeof *before);
    if (!state) return NULL;
    state->spells = list_copy(arena, before->spells, before->n_spells, more);
    state->groups = list_copy(arena, before->groups, before->n_groups, more);
    state->divisions = list_copy(arena, before->divisions, before->n_divisions, more + 1);
    state->deemed = list_copy(arena, before->deemed, before->n_deemed, more);
    state->transfers = list_copy(arena, before->transfers, before->n_transfers, more);
    if (!state->spells || !state->groups || !state->divisions || !state->deemed || !state->transfers) return NULL;
    state->touched_from = state->touched_until = (char *)protobuf_c_empty_string;
    state->version++;
    return state;
}

// ---- order

static int by_text(const char *a, const char *b, int otherwise) {
    int order = strcmp(a, b);
    return order ? order : otherwise;
}

static int by_spell(const void *a, const void *b) {
    return strcmp((*(Tc__Spell *const *)a)->from_month, (*(Tc__Spell *const *)b)->from_month);
}

static int by_membership(const void *a, const void *b) {
    const Tc__Membership *one = *(Tc__Membership *const *)a, *other = *(Tc__Membership *const *)b;
    return by_text(one->group, other->group, strcmp(one->from, other->from));
}

static int by_residence(const void *a, const void *b) {
    return strcmp((*(Tc__Residence *const *)a)->from, (*(Tc__Residence *const *)b)->from);
}

static int by_deemed(const void *a, const void *b) {
    return strcmp((*(Tc__Deemed *const *)a)->source, (*(Tc__Deemed *const *)b)->source);
}

static int by_transfer(const void *a, const void *b) {
    const Tc__Transfer *one = *(Tc__Transfer *const *)a, *other = *(Tc__Transfer *const *)b;
    return by_text(one->on, other->on, by_text(one->direction, other->direction, strcmp(one->place, other->place)));
}

static void sort_lists(Tc__PersonState *state) {
    qsort(state->spells, state->n_spells, sizeof *state->spells, by_spell);
    qsort(state->groups, state->n_groups, sizeof *state->groups, by_membership);
    qsort(state->divisions, state->n_divisions, sizeof *state->divisions, by_residence);
    qsort(state->deemed, state->n_deemed, sizeof *state->deemed, by_deemed);
    qsort(state->transfers, state->n_transfers, sizeof *state->transfers, by_transfer);
}

// ---- limits

static bool is_out(const Tc__Transfer *transfer) { return strcmp(transfer->direction, "out") == 0; }

static month_t month_of_day(const char *day) {
    return *day ? month_of(stored_date(day, DATE_NONE)) : (month_t)HISTORY_OPEN;
}

// The last month that a spell beginning in `from` can have.
static month_t limit_of(const Tc__PersonState *state, const Tc__Spell *spell) {
    const month_t from = spell_months(spell).from;
    month_t limit = month_of_day(state->died_on);
    if (spell_of_employee_scheme(spell) && month_of_day(state->ended_on) < limit) limit = month_of_day(state->ended_on);
    for (size_t i = 0; i < state->n_transfers; i++) {
        month_t left = month_of_day(state->transfers[i]->on);
        if (is_out(state->transfers[i]) && left >= from && left < limit) limit = left;
    }
    return limit;
}

static int end_spell(const enrollment_rules_t *rules, Tc__Spell **place, month_t last, err_t *err) {
    char text[DATE_TEXT_MAX];
    Tc__Spell *spell = arena_copy(rules->arena, *place, sizeof **place);
    if (!spell || !(spell->last_month = arena_text(rules->arena, "%s", month_format(last, text))))
        return out_of_memory(err);
    spell_trim_wages(spell, last);
    *place = spell;
    return 0;
}

// Spells that would begin beyond their limit never held: they are left out.
static int limit_spells(const enrollment_rules_t *rules, Tc__PersonState *state, bool *cut, err_t *err) {
    size_t kept = 0;
    for (size_t i = 0; i < state->n_spells; i++) {
        Tc__Spell *spell = state->spells[i];
        const months_t months = spell_months(spell);
        const month_t limit = limit_of(state, spell);
        month_t last = months.last < limit ? months.last : limit;
        if (last < months.last) *cut = true;
        if (last < months.from) continue;
        if (months.last == HISTORY_OPEN && i + 1 < state->n_spells) {
            const month_t next = spell_months(state->spells[i + 1]).from;
            if (next <= last) last = next - 1;
        }
        state->spells[kept] = spell;
        int rc = last < months.last ? end_spell(rules, &state->spells[kept], last, err) : 0;
        if (rc) return rc;
        kept++;
    }
    state->n_spells = kept;
    return 0;
}

static int limit_groups(const enrollment_rules_t *rules, Tc__PersonState *state, bool *cut, err_t *err) {
    const date_t died = stored_date(state->died_on, DATE_MAX);
    size_t kept = 0;
    for (size_t i = 0; i < state->n_groups; i++) {
        Tc__Membership *group = state->groups[i];
        const days_t days = membership_days(group);
        if (days.until > died) {
            *cut = true;
            if (days.from > died) continue;
            if (!(group = arena_copy(rules->arena, group, sizeof *group))) return out_of_memory(err);
            group->until = state->died_on;
        }
        state->groups[kept++] = group;
    }
    state->n_groups = kept;
    return 0;
}

// ---- months of former schemes

// A stay ends with a transfer out: the number of the stay that a day belongs to.
static size_t stay_of(const Tc__PersonState *state, date_t day) {
    size_t stay = 0;
    for (size_t i = 0; i < state->n_transfers; i++)
        stay += is_out(state->transfers[i]) && stored_date(state->transfers[i]->on, DATE_NONE) < day;
    return stay;
}

// A spell cannot begin in the month in which one that was transferred out ended.
static size_t stay_of_spell(const Tc__PersonState *state, const Tc__Spell *spell) {
    return stay_of(state, month_first(spell_months(spell).from));
}

static prior_t brought_into(const Tc__PersonState *state, size_t stay) {
    prior_t sum = {0, 0};
    for (size_t i = 0; i < state->n_transfers; i++) {
        const Tc__Transfer *t = state->transfers[i];
        if (is_out(t) || stay_of(state, stored_date(t->on, DATE_NONE)) != stay) continue;
        sum.tier1 += t->months_tier1;
        sum.tier2 += t->months_tier2;
    }
    return sum;
}

prior_t history_prior(const Tc__PersonState *state) {
    if (!state->n_spells) return (prior_t){0, 0};
    const prior_t brought = brought_into(state, stay_of_spell(state, state->spells[0]));
    return (prior_t){state->spells[0]->prior_months_tier1 - brought.tier1,
                     state->spells[0]->prior_months_tier2 - brought.tier2};
}

static int place_prior(const enrollment_rules_t *rules, Tc__PersonState *state, prior_t own, err_t *err) {
    for (size_t i = 0; i < state->n_spells; i++) {
        Tc__Spell *spell = state->spells[i];
        const size_t stay = stay_of_spell(state, spell);
        prior_t prior = {0, 0};
        if (i == 0 || stay_of_spell(state, state->spells[i - 1]) != stay) prior = brought_into(state, stay);
        if (i == 0) {
            prior.tier1 += own.tier1;
            prior.tier2 += own.tier2;
        }
        if (spell->prior_months_tier1 == prior.tier1 && spell->prior_months_tier2 == prior.tier2) continue;
        if (!(spell = arena_copy(rules->arena, spell, sizeof *spell))) return out_of_memory(err);
        spell->prior_months_tier1 = prior.tier1;
        spell->prior_months_tier2 = prior.tier2;
        state->spells[i] = spell;
    }
    return 0;
}

int history_settle(const enrollment_rules_t *rules, Tc__PersonState *state, prior_t own, bool *cut, err_t *err) {
    bool shortened = false;
    sort_lists(state);
    if (state->n_divisions) state->division = state->divisions[state->n_divisions - 1]->division;
    int rc = limit_spells(rules, state, &shortened, err);
    if (rc == 0) rc = limit_groups(rules, state, &shortened, err);
    if (rc == 0) rc = place_prior(rules, state, own, err);
    if (cut) *cut = shortened;
    return rc;
}

int history_touch(const enrollment_rules_t *rules, Tc__PersonState *state, date_t from, date_t until, err_t *err) {
    char text[DATE_TEXT_MAX];
    if (from > rules->today || until < from) return 0;
    state->touched_from = arena_text(rules->arena, "%s", date_format(from, text));
    state->touched_until =
        until == DATE_MAX ? (char *)protobuf_c_empty_string : arena_text(rules->arena, "%s", date_format(until, text));
    return state->touched_from && state->touched_until ? 0 : out_of_memory(err);
}

int history_touch_months(const enrollment_rules_t *rules, Tc__PersonState *state, months_t months, err_t *err) {
    if (months.from > month_of(rules->today)) return 0;
    return history_touch(rules, state, month_first(months.from),
                         months.last == HISTORY_OPEN ? DATE_MAX : month_last(months.last), err);
}
