// Spells (参保关系): opened, closed and corrected. The scope of the city says who may; a person is in one scheme at a
// time, because spells do not overlap.
#include "fields.h"
#include "history.h"
#include "relation.h"
#include "scope.h"
#include <string.h>

typedef struct opening { // a spell that is asked for
    const enrollment_rules_t *rules;
    const Tc__PersonState *before;
    const Tc__OpenSpell *ask;
    identity_t identity;
    month_t from;
    const Tc__Spell *last, *next; // spells around it
    err_t *err;
} opening_t;

// ---- the request by itself

bool spell_needs_employer(const Tc__OpenSpell *ask) { return identity_from_name(ask->identity) == IDENTITY_EMPLOYEE; }

static int check_employment(const Tc__OpenSpell *ask, err_t *err) {
    if (!spell_needs_employer(ask)) {
        if (*ask->employer) return err_field(err, E_OUT_OF_RANGE, "employer", "only an employee has an employer");
        if (ask->wage_fen) return err_field(err, E_OUT_OF_RANGE, "wage", "only an employee pays on a wage");
        return 0;
    }
    int rc = field_name("employer", ask->employer, err);
    if (rc) return rc;
    return field_wage(ask->wage_given_case == TC__OPEN_SPELL__WAGE_GIVEN_WAGE_FEN, ask->wage_fen, err);
}

static int check_identity(const policy_t *policy, const char *identity, err_t *err) {
    if (!*identity) return err_field(err, E_MISSING_FIELD, "identity", "identity is missing");
    int code = identity_from_name(identity);
    if (code >= 0 && policy_has_identity(policy, (identity_t)code)) return 0;
    if (code >= 0)
        return err_field(err, E_OUT_OF_RANGE, "identity", "the city does not know the identity %s", identity);
    return err_field(err, E_INVALID_FIELD, "identity", "identity: expected one of %s", identity_names());
}

static int check_prior(const opening_t *o) {
    const Tc__OpenSpell *ask = o->ask;
    const prior_t own = history_prior(o->before);
    int rc = field_months("prior_months_tier1", ask->prior_months_tier1, PRIOR_MONTHS_MAX, o->err);
    if (rc) return rc;
    if (ask->prior_months_tier2 < 0 || ask->prior_months_tier2 > ask->prior_months_tier1)
        return err_field(o->err, E_OUT_OF_RANGE, "prior_months_tier2", "expected 0 to prior_months_tier1, %d",
                         (int)ask->prior_months_tier1);
    if (ask->prior_months_tier1 && (o->last || own.tier1))
        return err_field(o->err, E_OUT_OF_RANGE, "prior_months_tier1",
                         "months of former schemes go with the first spell only");
    return 0;
}

// ---- the request beside what is known

static bool for_life(const opening_t *o, int identity) {
    return policy_coverage(o->rules->policy)->lifelong >> identity & 1;
}

// After the spell before, which must be closed; cover for life has no sequel.
static int check_sequence(const opening_t *o) {
    if (o->next && for_life(o, (int)o->identity))
        return err_field(o->err, E_OUT_OF_RANGE, "identity", "cover for life has no sequel, but a spell begins in %s",
                         o->next->from_month);
    if (!o->last) return 0;
    if (for_life(o, identity_from_name(o->last->identity)))
        return err_field(o->err, E_OUT_OF_RANGE, "identity", "the person is covered for life since %s",
                         o->last->from_month);
    if (!*o->last->last_month)
        return err_field(o->err, E_OUT_OF_RANGE, "from_month", "the spell open since %s must be closed first",
                         o->last->from_month);
    if (o->from <= spell_months(o->last).last)
        return err_field(o->err, E_OUT_OF_RANGE, "from_month", "the spell before runs until %s", o->last->last_month);
    return 0;
}

static int check_life(const opening_t *o) {
    const date_t birth = stored_date(o->before->birth, DATE_NONE);
    if (birth != DATE_NONE && o->from < month_of(birth))
        return err_field(o->err, E_OUT_OF_RANGE, "from_month", "the person was born on %s", o->before->birth);
    if (*o->before->died_on && o->from > month_of(stored_date(o->before->died_on, DATE_NONE)))
        return err_field(o->err, E_OUT_OF_RANGE, "from_month", "the person died on %s", o->before->died_on);
    return 0;
}

// Whoever has left the employee scheme for good stays out of it.
static int check_relation(const opening_t *o) {
    relation_rules_t relation;
    if (!*o->before->ended_on || o->identity == IDENTITY_RESIDENT) return 0;
    if (o->from <= month_of(stored_date(o->before->ended_on, DATE_NONE))) return 0;
    const char *rule = relation_rules_of(o->rules->policy, &relation) ? relation.stays_out : "";
    return err_field(o->err, E_OUT_OF_RANGE, "identity", "the employee relation ended on %s by %s: %s",
                     o->before->ended_on, rule, policy_rule_text(o->rules->policy, rule));
}

// ---- scope

#define IS(name) (1u << CIRCUMSTANCE_##name)

static int given_circumstances(const opening_t *o, uint32_t *out) {
    *out = 0;
    for (size_t i = 0; i < o->ask->n_circumstances; i++) {
        int code = circumstance_from_name(o->ask->circumstances[i]);
        if (code < 0)
            return err_field(o->err, E_INVALID_FIELD, "circumstances", "circumstances: expected some of %s",
                             circumstance_names());
        *out |= 1u << code;
    }
    if ((*out & IS(LOCAL_REGISTRATION)) && strcmp(o->before->registration, "elsewhere") == 0)
        return err_field(o->err, E_INVALID_FIELD, "circumstances", "the person is registered elsewhere");
    return 0;
}

// Who asks for an identity says of himself what it stands for, unless he said it in other words.
static uint32_t claimed_by(identity_t identity, uint32_t given) {
    const uint32_t own_account = IS(FLEXIBLE) | IS(SOLE_TRADER) | IS(PART_TIME);
    switch (identity) {
    case IDENTITY_EMPLOYEE: return given & IS(HIRES_WORKERS) ? 0 : IS(EMPLOYED);
    case IDENTITY_RETIREE: return IS(RETIRED);
    case IDENTITY_UNEMPLOYED: return IS(UNEMPLOYMENT_BENEFIT);
    case IDENTITY_FLEXIBLE: return given & own_account ? 0 : IS(FLEXIBLE);
    case IDENTITY_SOLE_TRADER: return IS(SOLE_TRADER);
    default: return 0;
    }
}

static uint32_t known_of(const opening_t *o) {
    uint32_t known = strcmp(o->before->registration, "elsewhere") == 0 ? 0 : IS(LOCAL_REGISTRATION);
    if (!o->last) return known;
    const bool works = spell_of_employee_scheme(o->last);
    const month_t last = spell_months(o->last).last;
    if (last >= o->from) return known | (works ? IS(IN_EMPLOYEE_SCHEME) : IS(IN_RESIDENT_SCHEME));
    // Out of work in this year, or with the end of the year before, as after the last benefit (JM-E-31).
    if (works && last >= month_make(month_year(o->from), 1) - 1) known |= IS(LOST_WORK);
    return known;
}

static uint32_t groups_on(const Tc__PersonState *state, date_t day) {
    uint32_t groups = 0;
    for (size_t i = 0; i < state->n_groups; i++) {
        const days_t days = membership_days(state->groups[i]);
        const int code = group_from_name(state->groups[i]->group);
        if (code >= 0 && days.from <= day && day <= days.until) groups |= GROUP_BIT(code);
    }
    return groups;
}

// The law is silent: no such section, not yet, not published, or nothing about this identity.
static bool silent(int rc) { return rc == E_UNSUPPORTED || rc == E_NOT_IN_FORCE || rc == E_PARAMETER_MISSING; }

static int scope_of(const opening_t *o, scope_person_t *person, date_t *on) {
    uint32_t given;
    int rc = given_circumstances(o, &given);
    if (rc) return rc;
    person->birth = stored_date(o->before->birth, DATE_NONE);
    *on = month_first(o->from);
    if (person->birth != DATE_NONE && person->birth > *on) *on = person->birth; // joined in the month of birth
    person->circumstances = given | claimed_by(o->identity, given) | known_of(o);
    person->groups = groups_on(o->before, *on);
    return 0;
}

static int check_scope(const opening_t *o) {
    const policy_t *policy = o->rules->policy;
    scope_person_t person;
    err_t said = {0};
    date_t on;
    int rc = scope_of(o, &person, &on);
    if (rc) return rc;
    rc = scope_admit(policy, &person, o->identity, on, NULL, &said);
    const bool yearly = policy_coverage(policy)->yearly >> o->identity & 1;
    if (rc == 0 && yearly && month_number(o->from) != 1)
        rc = scope_admit_mid_year(policy, &person, o->identity, on, &said);
    if (rc == 0 || silent(rc)) return 0;
    return err_field(o->err, rc, said.field, "%s", said.text);
}

// ---- opening

static int read_opening(opening_t *o) {
    int rc = history_stands(o->before, o->err);
    if (rc == 0) rc = check_identity(o->rules->policy, o->ask->identity, o->err);
    if (rc == 0) rc = field_month("from_month", o->ask->from_month, &o->from, o->err);
    if (rc) return rc;
    o->identity = (identity_t)identity_from_name(o->ask->identity);
    o->last = spell_before(o->before, o->from);
    o->next = spell_after(o->before, o->from);
    return 0;
}

static int check_opening(const opening_t *o) {
    int rc = check_employment(o->ask, o->err);
    if (rc == 0) rc = check_prior(o);
    if (rc == 0) rc = check_life(o);
    if (rc == 0) rc = check_relation(o);
    if (rc == 0) rc = check_scope(o);
    if (rc == 0) rc = check_sequence(o);
    if (rc == 0 && o->before->n_spells >= PERSON_SPELLS_MAX)
        rc = err_field(o->err, E_TOO_LARGE, "person", "the person has %d spells already", PERSON_SPELLS_MAX);
    return rc;
}

static Tc__Spell *spell_of(const opening_t *o) {
    Tc__Spell *spell = arena_alloc(o->rules->arena, sizeof *spell);
    if (!spell) return NULL;
    tc__spell__init(spell);
    spell->identity = o->ask->identity;
    spell->employer = o->ask->employer;
    spell->from_month = o->ask->from_month;
    spell->wage_fen = o->ask->wage_fen;
    return spell;
}

int person_open_spell(const enrollment_rules_t *rules, const Tc__PersonState *before, const Tc__OpenSpell *ask,
                      Tc__PersonState **after, err_t *err) {
    opening_t o = {.rules = rules, .before = before, .ask = ask, .err = err};
    int rc = read_opening(&o);
    if (rc == 0) rc = check_opening(&o);
    if (rc) return rc;
    prior_t own = history_prior(before);
    own.tier1 += ask->prior_months_tier1;
    own.tier2 += ask->prior_months_tier2;
    Tc__PersonState *state = history_next(rules, before, 1);
    if (!state || !(state->spells[state->n_spells] = spell_of(&o))) return out_of_memory(err);
    state->n_spells++;
    rc = history_settle(rules, state, own, NULL, err);
    if (rc) return rc;
    rc = history_touch_months(rules, state, spell_months(spell_in(state, o.from)), err);
    if (rc == 0) *after = state;
    return rc;
}

int spell_check_employer(const enrollment_rules_t *rules, const Tc__PersonState *after, const Tc__OpenSpell *ask,
                         const Tc__EmployerState *employer, err_t *err) {
    opening_t o = {.rules = rules, .before = after, .ask = ask, .err = err};
    scope_person_t person;
    scope_choice_t choice;
    date_t on;
    int rc = read_opening(&o);
    if (rc) return rc;
    o.last = NULL; // the spell itself is among them now
    rc = scope_of(&o, &person, &on);
    if (rc) return rc;
    if (scope_admit(rules->policy, &person, o.identity, on, &choice, NULL) || choice.place != PLACE_EMPLOYER) return 0;
    if (strcmp(division_on(after, on), employer->division) == 0) return 0;
    return err_field(err, E_OUT_OF_RANGE, "employer", "the employer is in %s, the person in %s; by %s: %s",
                     employer->division, division_on(after, on), choice.place_rule,
                     policy_rule_text(rules->policy, choice.place_rule));
}

// ---- closing

static int check_closing(const policy_t *policy, const Tc__CloseSpell *ask, month_t *last, err_t *err) {
    month_t from;
    int rc = field_month("last_month", ask->last_month, last, err);
    if (rc == 0 && *ask->identity) rc = check_identity(policy, ask->identity, err);
    if (rc == 0 && *ask->from_month) rc = field_month("from_month", ask->from_month, &from, err);
    return rc;
}

// Whoever names none may mean any.
static bool means(const Tc__CloseSpell *ask, const Tc__Spell *spell) {
    return (!*ask->identity || strcmp(ask->identity, spell->identity) == 0) &&
           (!*ask->from_month || strcmp(ask->from_month, spell->from_month) == 0);
}

// Among those that may be meant the one in force in the month, else the only one.
static int find_named(const Tc__PersonState *before, const Tc__CloseSpell *ask, month_t last, size_t *place,
                      err_t *err) {
    size_t count = 0;
    for (size_t i = 0; i < before->n_spells; i++) {
        const months_t months = spell_months(before->spells[i]);
        if (!means(ask, before->spells[i])) continue;
        *place = i;
        if (months.from <= last && last <= months.last) return 0;
        count++;
    }
    if (count == 1) return 0;
    if (count == 0)
        return err_field(err, E_NOT_FOUND, *ask->from_month ? "from_month" : "identity",
                         "the person has no such spell");
    return err_field(err, E_OUT_OF_RANGE, "from_month",
                     "%zu spells under this identity, none of them in force in that month: say in which one begins",
                     count);
}

// Unnamed: the spell that is in force in the month; else the open one, for which the month is too early.
static int find_unnamed(const Tc__PersonState *before, month_t last, size_t *place, err_t *err) {
    for (*place = before->n_spells; (*place)-- > 0;) {
        const months_t months = spell_months(before->spells[*place]);
        if (months.from <= last && last <= months.last) return 0;
    }
    if (before->n_spells && !*before->spells[before->n_spells - 1]->last_month) {
        *place = before->n_spells - 1;
        return 0;
    }
    return err_field(err, E_NOT_FOUND, "person", "the person has no open spell");
}

static int find_closing(const Tc__PersonState *before, const Tc__CloseSpell *ask, month_t last, size_t *place,
                        err_t *err) {
    const bool named = *ask->identity || *ask->from_month;
    int rc = named ? find_named(before, ask, last, place, err) : find_unnamed(before, last, place, err);
    if (rc) return rc;
    const Tc__Spell *spell = before->spells[*place];
    const months_t months = spell_months(spell);
    if (last < months.from)
        return err_field(err, E_OUT_OF_RANGE, "last_month", "the spell begins in %s", spell->from_month);
    if (last >= months.last)
        return err_field(err, E_OUT_OF_RANGE, "last_month", "the spell since %s ends in %s already", spell->from_month,
                         spell->last_month);
    return 0;
}

int person_close_spell(const enrollment_rules_t *rules, const Tc__PersonState *before, const Tc__CloseSpell *ask,
                       Tc__PersonState **after, err_t *err) {
    month_t last;
    size_t place = 0;
    int rc = history_stands(before, err);
    if (rc == 0) rc = check_closing(rules->policy, ask, &last, err);
    if (rc == 0) rc = find_closing(before, ask, last, &place, err);
    if (rc) return rc;
    const months_t lost = {last + 1, spell_months(before->spells[place]).last};
    Tc__PersonState *state = history_next(rules, before, 0);
    Tc__Spell *closed = arena_copy(rules->arena, before->spells[place], sizeof *closed);
    if (!state || !closed) return out_of_memory(err);
    closed->last_month = ask->last_month;
    spell_trim_wages(closed, last);
    state->spells[place] = closed;
    rc = history_touch_months(rules, state, lost, err);
    if (rc == 0) *after = state;
    return rc;
}
