// Two numbers of one human being: the histories are joined, item by item. The same item under both numbers is one;
// items that cannot both be true refuse the merge.
#include "fields.h"
#include "history.h"
#include <string.h>

typedef struct merge {
    const enrollment_rules_t *rules;
    const Tc__PersonState *from, *into;
    Tc__PersonState *joined;
    err_t *err;
} merge_t;

static int contradict(const merge_t *m, const char *what, const char *when) {
    return err_field(m->err, E_OUT_OF_RANGE, "from", "the histories contradict one another: %s %s", what, when);
}

static bool same(const char *a, const char *b) { return strcmp(a, b) == 0; }

// ---- lists

static bool same_wages(const Tc__Spell *a, const Tc__Spell *b) {
    if (a->wage_fen != b->wage_fen || a->n_wages != b->n_wages) return false;
    for (size_t i = 0; i < a->n_wages; i++)
        if (!same(a->wages[i]->from_month, b->wages[i]->from_month) || a->wages[i]->wage_fen != b->wages[i]->wage_fen)
            return false;
    return true;
}

static bool same_spell(const Tc__Spell *a, const Tc__Spell *b) {
    return same(a->identity, b->identity) && same(a->employer, b->employer) && same(a->from_month, b->from_month) &&
           same(a->last_month, b->last_month) && same_wages(a, b);
}

static int join_spells(const merge_t *m) {
    for (size_t i = 0; i < m->from->n_spells; i++) {
        Tc__Spell *spell = m->from->spells[i];
        const months_t months = spell_months(spell);
        bool known = false;
        for (size_t k = 0; k < m->into->n_spells && !known; k++) {
            const months_t other = spell_months(m->into->spells[k]);
            known = same_spell(spell, m->into->spells[k]);
            if (!known && months.from <= other.last && other.from <= months.last)
                return contradict(m, "two spells in",
                                  months.from > other.from ? spell->from_month : m->into->spells[k]->from_month);
        }
        if (!known) m->joined->spells[m->joined->n_spells++] = spell;
    }
    return 0;
}

// Of what one source began on one day the earlier end counts, as in person_set_group(). Other overlaps are not joined:
// who ended the longer one would end the other with it.
static int join_groups(const merge_t *m) {
    for (size_t i = 0; i < m->from->n_groups; i++) {
        Tc__Membership *group = m->from->groups[i];
        const days_t days = membership_days(group);
        size_t place = m->joined->n_groups;
        for (size_t k = 0; k < m->into->n_groups; k++) {
            const Tc__Membership *have = m->into->groups[k];
            const days_t other = membership_days(have);
            if (!same(group->group, have->group) || days.from > other.until || other.from > days.until) continue;
            if (days.from != other.from || !same(group->source, have->source))
                return contradict(m, group->group, days.from > other.from ? group->from : have->from);
            place = k;
        }
        const bool is_new = place == m->joined->n_groups;
        if (is_new || days.until < membership_days(m->into->groups[place]).until) m->joined->groups[place] = group;
        if (is_new) m->joined->n_groups++;
    }
    return 0;
}

static int join_deemed(const merge_t *m) {
    for (size_t i = 0; i < m->from->n_deemed; i++) {
        Tc__Deemed *deemed = m->from->deemed[i];
        bool known = false;
        for (size_t k = 0; k < m->into->n_deemed && !known; k++) {
            const Tc__Deemed *other = m->into->deemed[k];
            known = same(deemed->source, other->source);
            if (known && deemed->months != other->months) return contradict(m, "deemed months from", deemed->source);
        }
        if (!known) m->joined->deemed[m->joined->n_deemed++] = deemed;
    }
    return 0;
}

static int join_transfers(const merge_t *m) {
    for (size_t i = 0; i < m->from->n_transfers; i++) {
        Tc__Transfer *transfer = m->from->transfers[i];
        bool known = false;
        for (size_t k = 0; k < m->into->n_transfers && !known; k++) {
            const Tc__Transfer *other = m->into->transfers[k];
            known = same(transfer->on, other->on) && same(transfer->direction, other->direction) &&
                    same(transfer->place, other->place);
            if (known &&
                (transfer->months_tier1 != other->months_tier1 || transfer->months_tier2 != other->months_tier2))
                return contradict(m, "months of the transfer on", transfer->on);
        }
        if (!known) m->joined->transfers[m->joined->n_transfers++] = transfer;
    }
    return 0;
}

// Moves of both; where the number that stays began is where the person began.
static int join_divisions(const merge_t *m) {
    for (size_t i = 0; i < m->from->n_divisions; i++) {
        Tc__Residence *residence = m->from->divisions[i];
        bool known = !*residence->from;
        for (size_t k = 0; k < m->into->n_divisions && !known; k++) {
            known = same(residence->from, m->into->divisions[k]->from);
            if (known && !same(residence->division, m->into->divisions[k]->division))
                return contradict(m, "two moves on", residence->from);
        }
        if (!known) m->joined->divisions[m->joined->n_divisions++] = residence;
    }
    return 0;
}

// Whoever holds something under one of these numbers finds here whose it is now.
static int join_numbers(const merge_t *m) {
    const size_t count = m->into->n_merged_from + m->from->n_merged_from + 1;
    char **numbers = arena_alloc(m->rules->arena, count * sizeof *numbers);
    if (!numbers) return out_of_memory(m->err);
    size_t n = 0;
    for (size_t i = 0; i < m->into->n_merged_from; i++) numbers[n++] = m->into->merged_from[i];
    for (size_t i = 0; i < m->from->n_merged_from; i++) numbers[n++] = m->from->merged_from[i];
    numbers[n++] = m->from->person;
    m->joined->merged_from = numbers;
    m->joined->n_merged_from = n;
    return 0;
}

// A fact of which there is one: of either number.
static int join_day(const merge_t *m, const char *what, const char *from, char **into) {
    if (!*from || same(from, *into)) return 0;
    if (**into) return contradict(m, what, from);
    *into = (char *)from;
    return 0;
}

static int check_room(const merge_t *m) {
    const Tc__PersonState *s = m->joined;
    if (s->n_spells > PERSON_SPELLS_MAX || s->n_groups > PERSON_GROUPS_MAX || s->n_divisions > PERSON_DIVISIONS_MAX ||
        s->n_deemed > PERSON_DEEMED_MAX || s->n_transfers > PERSON_TRANSFERS_MAX ||
        s->n_merged_from > PERSON_NUMBERS_MAX)
        return err_field(m->err, E_TOO_LARGE, "from", "the joined history is longer than one person's may be");
    return 0;
}

static int join(const merge_t *m) {
    int rc = join_spells(m);
    if (rc == 0) rc = join_groups(m);
    if (rc == 0) rc = join_deemed(m);
    if (rc == 0) rc = join_transfers(m);
    if (rc == 0) rc = join_divisions(m);
    if (rc == 0) rc = join_numbers(m);
    if (rc == 0) rc = join_day(m, "died on", m->from->died_on, &m->joined->died_on);
    if (rc == 0) rc = join_day(m, "the employee relation ended on", m->from->ended_on, &m->joined->ended_on);
    if (rc == 0 && !*m->joined->household) m->joined->household = m->from->household;
    return rc ? rc : check_room(m);
}

static int settle(const merge_t *m) {
    const prior_t one = history_prior(m->from), other = history_prior(m->into);
    bool cut = false;
    if (one.tier1 && other.tier1) return contradict(m, "both bring months of former schemes,", "by their first spells");
    int rc = history_settle(m->rules, m->joined, one.tier1 ? one : other, &cut, m->err);
    if (rc == 0 && cut)
        rc = contradict(m, "one goes on after the other ended by", "death, transfer or end of relation");
    return rc;
}

// ---- the merge

static int check(const merge_t *m, const Tc__MergePersons *ask) {
    int rc = field_named("from", history_stands(m->from, m->err), m->err);
    if (rc == 0) rc = field_named("into", history_stands(m->into, m->err), m->err);
    if (rc == 0) rc = field_text("reason", ask->reason, m->err);
    if (rc) return rc;
    if (same(m->from->person, m->into->person))
        return err_field(m->err, E_INVALID_FIELD, "into", "a number cannot be merged into itself");
    if (!same(m->from->birth, m->into->birth)) return contradict(m, "born on another day than", m->into->birth);
    if (!same(m->from->sex, m->into->sex)) return contradict(m, "of another sex than", m->into->sex);
    return 0;
}

static date_t first_day(const Tc__PersonState *state) {
    date_t first = DATE_MAX;
    if (state->n_spells) first = month_first(spell_months(state->spells[0]).from);
    for (size_t i = 0; i < state->n_groups; i++)
        if (membership_days(state->groups[i]).from < first) first = membership_days(state->groups[i]).from;
    return first;
}

// The old number: nothing holds for it any more.
static int pointer_of(const merge_t *m, const Tc__MergePersons *ask, Tc__PersonState **out) {
    Tc__PersonState *state = history_next(m->rules, m->from, 0);
    if (!state) return out_of_memory(m->err);
    state->n_spells = state->n_groups = state->n_deemed = state->n_transfers = state->n_merged_from = 0;
    state->merged_into = m->into->person;
    state->reason = ask->reason;
    *out = state;
    return history_touch(m->rules, state, first_day(m->from), DATE_MAX, m->err);
}

int person_merge(const enrollment_rules_t *rules, const Tc__PersonState *from, const Tc__PersonState *into,
                 const Tc__MergePersons *ask, Tc__PersonState **from_after, Tc__PersonState **into_after, err_t *err) {
    merge_t m = {.rules = rules, .from = from, .into = into, .err = err};
    Tc__PersonState *pointer = NULL;
    int rc = check(&m, ask);
    if (rc) return rc;
    const size_t more = from->n_spells + from->n_groups + from->n_divisions + from->n_deemed + from->n_transfers;
    if (!(m.joined = history_next(rules, into, more))) return out_of_memory(err);
    rc = join(&m);
    if (rc == 0) rc = settle(&m);
    if (rc == 0) rc = history_touch(rules, m.joined, first_day(from), DATE_MAX, err);
    if (rc == 0) rc = pointer_of(&m, ask, &pointer);
    if (rc) return rc;
    *from_after = pointer;
    *into_after = m.joined;
    return 0;
}
