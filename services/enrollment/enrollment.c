#include "enrollment.h"
#include "common/base/ids.h"
#include <string.h>

enum { NAME_BYTES_MAX = 200 };
static const fen_t WAGE_MAX_FEN = 1000000000000; // 10 billion yuan a month: a typing error for certain

static int out_of_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

// Names as people write them: not empty, bounded, one line. That they are UTF-8 was checked when they were unpacked.
static int check_text(const char *field, const char *text, err_t *err) {
    if (!*text) return err_field(err, E_MISSING_FIELD, field, "%s is missing", field);
    if (strlen(text) > NAME_BYTES_MAX)
        return err_field(err, E_TOO_LARGE, field, "%s is longer than %d bytes", field, NAME_BYTES_MAX);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if (*c < 0x20 || *c == 0x7f) return err_field(err, E_INVALID_FIELD, field, "%s has a control character", field);
    return 0;
}

static int name_field(const char *field, const char *text, err_t *err) {
    if (!*text) return err_field(err, E_MISSING_FIELD, field, "%s is missing", field);
    int rc = name_check(field, text, err);
    return rc ? err_field(err, rc, field, "%s: expected 1 to 64 of A-Z a-z 0-9 . _ : -", field) : 0;
}

// Put the field's name on what a checker of identifiers says.
static int named(const char *field, int rc, err_t *err) {
    if (rc && err) {
        err_t said = *err;
        return err_field(err, rc, field, "%s", said.text);
    }
    return rc;
}

static int check_division(const policy_t *policy, const char *division, err_t *err) {
    if (!*division) return err_field(err, E_MISSING_FIELD, "division", "division is missing");
    int rc = named("division", division_check(division, err), err);
    if (rc) return rc;
    if (!policy_has_division(policy, division))
        return err_field(err, E_OUT_OF_RANGE, "division", "%s is no district of this pool", division);
    return 0;
}

static int need_date(const char *field, const char *text, date_t *out, err_t *err) {
    if (!*text) return err_field(err, E_MISSING_FIELD, field, "%s is missing", field);
    if (date_parse(text, out))
        return err_field(err, E_INVALID_FIELD, field, "%s: expected a date like 2018-03-01", field);
    return 0;
}

static int need_month(const char *field, const char *text, month_t *out, err_t *err) {
    if (!*text) return err_field(err, E_MISSING_FIELD, field, "%s is missing", field);
    if (month_parse(text, out))
        return err_field(err, E_INVALID_FIELD, field, "%s: expected a month like 2018-03", field);
    return 0;
}

// ---- registration
// -----------------------------------------------------------------------------------------------------

int person_register(const enrollment_rules_t *rules, const Tc__RegisterPerson *ask, Tc__PersonState **after,
                    err_t *err) {
    citizen_t citizen;
    char birth[DATE_TEXT_MAX];
    int rc = name_field("person", ask->person, err);
    if (rc == 0 && !*ask->citizen_id) rc = err_field(err, E_MISSING_FIELD, "citizen_id", "citizen_id is missing");
    if (rc == 0) rc = named("citizen_id", citizen_id_check(ask->citizen_id, &citizen, err), err);
    if (rc == 0) rc = check_text("name", ask->name, err);
    if (rc == 0) rc = check_division(rules->policy, ask->division, err);
    if (rc) return rc;
    Tc__PersonState *state = arena_alloc(rules->arena, sizeof *state);
    if (!state) return out_of_memory(err);
    tc__person_state__init(state);
    state->person = ask->person;
    state->version = 1;
    state->division = ask->division;
    state->birth = arena_text(rules->arena, "%s", date_format(citizen.birth, birth));
    state->sex = arena_text(rules->arena, citizen.male ? "male" : "female");
    if (!state->birth || !state->sex) return out_of_memory(err);
    *after = state;
    return 0;
}

static int check_kind(const char *kind, err_t *err) {
    if (!*kind) return err_field(err, E_MISSING_FIELD, "kind", "kind is missing");
    if (employer_from_name(kind) >= 0) return 0;
    return err_field(err, E_INVALID_FIELD, "kind", "kind: expected one of %s", employer_names());
}

int employer_register(const enrollment_rules_t *rules, const Tc__RegisterEmployer *ask, Tc__EmployerState **after,
                      err_t *err) {
    int rc = name_field("employer", ask->employer, err);
    if (rc == 0 && !*ask->uscc) rc = err_field(err, E_MISSING_FIELD, "uscc", "uscc is missing");
    if (rc == 0) rc = named("uscc", uscc_check(ask->uscc, err), err);
    if (rc == 0) rc = check_text("name", ask->name, err);
    if (rc == 0) rc = check_kind(ask->kind, err);
    if (rc == 0) rc = check_division(rules->policy, ask->division, err);
    if (rc) return rc;
    Tc__EmployerState *state = arena_alloc(rules->arena, sizeof *state);
    if (!state) return out_of_memory(err);
    tc__employer_state__init(state);
    state->employer = ask->employer;
    state->version = 1;
    state->kind = ask->kind;
    state->division = ask->division;
    state->name = ask->name;
    *after = state;
    return 0;
}

// ---- a person's further states
// ------------------------------------------------------------------------------------------

// A copy that may change: its own lists, with room for one more spell and one more membership. Items are shared.
static Tc__PersonState *next_state(const enrollment_rules_t *rules, const Tc__PersonState *before) {
    Tc__PersonState *state = arena_copy(rules->arena, before, sizeof *before);
    Tc__Spell **spells = arena_alloc(rules->arena, (before->n_spells + 1) * sizeof *spells);
    Tc__Membership **groups = arena_alloc(rules->arena, (before->n_groups + 1) * sizeof *groups);
    if (!state || !spells || !groups) return NULL;
    if (before->n_spells) memcpy(spells, before->spells, before->n_spells * sizeof *spells);
    if (before->n_groups) memcpy(groups, before->groups, before->n_groups * sizeof *groups);
    state->spells = spells;
    state->groups = groups;
    state->version++;
    return state;
}

bool spell_needs_employer(const Tc__OpenSpell *ask) { return identity_from_name(ask->identity) == IDENTITY_EMPLOYEE; }

static int check_employment(const Tc__OpenSpell *ask, err_t *err) {
    if (!spell_needs_employer(ask)) {
        if (*ask->employer) return err_field(err, E_OUT_OF_RANGE, "employer", "only an employee has an employer");
        if (ask->wage_fen) return err_field(err, E_OUT_OF_RANGE, "wage", "only an employee pays on a wage");
        return 0;
    }
    int rc = name_field("employer", ask->employer, err);
    if (rc) return rc;
    if (ask->wage_given_case != TC__OPEN_SPELL__WAGE_GIVEN_WAGE_FEN)
        return err_field(err, E_MISSING_FIELD, "wage", "wage is missing");
    if (ask->wage_fen <= 0 || ask->wage_fen > WAGE_MAX_FEN)
        return err_field(err, E_OUT_OF_RANGE, "wage", "an employee needs a monthly wage above 0.00");
    return 0;
}

static int check_prior(const Tc__PersonState *before, const Tc__OpenSpell *ask, err_t *err) {
    if (ask->prior_months_tier1 < 0 || ask->prior_months_tier1 > PRIOR_MONTHS_MAX)
        return err_field(err, E_OUT_OF_RANGE, "prior_months_tier1", "expected 0 to %d months", PRIOR_MONTHS_MAX);
    if (ask->prior_months_tier2 < 0 || ask->prior_months_tier2 > ask->prior_months_tier1)
        return err_field(err, E_OUT_OF_RANGE, "prior_months_tier2", "expected 0 to prior_months_tier1, %d",
                         (int)ask->prior_months_tier1);
    if (before->n_spells && ask->prior_months_tier1)
        return err_field(err, E_OUT_OF_RANGE, "prior_months_tier1",
                         "months of former schemes go with the first spell only");
    return 0;
}

// After the last spell, which must be closed; cover for life has no sequel.
static int check_sequence(const enrollment_rules_t *rules, const Tc__PersonState *before, month_t from, err_t *err) {
    if (!before->n_spells) return 0;
    const Tc__Spell *last = before->spells[before->n_spells - 1];
    month_t last_month = MONTH_NONE;
    if (policy_coverage(rules->policy)->lifelong >> identity_from_name(last->identity) & 1)
        return err_field(err, E_OUT_OF_RANGE, "identity", "the person is covered for life since %s", last->from_month);
    if (!*last->last_month)
        return err_field(err, E_OUT_OF_RANGE, "from_month", "the spell open since %s must be closed first",
                         last->from_month);
    if (month_parse(last->last_month, &last_month))
        return err_set(err, E_INTERNAL, "a stored spell has no valid last month");
    if (from <= last_month)
        return err_field(err, E_OUT_OF_RANGE, "from_month", "the spell before runs until %s", last->last_month);
    return 0;
}

int person_open_spell(const enrollment_rules_t *rules, const Tc__PersonState *before, const Tc__OpenSpell *ask,
                      Tc__PersonState **after, err_t *err) {
    month_t from;
    if (!*ask->identity) return err_field(err, E_MISSING_FIELD, "identity", "identity is missing");
    int identity = identity_from_name(ask->identity);
    if (identity < 0)
        return err_field(err, E_INVALID_FIELD, "identity", "identity: expected one of %s", identity_names());
    if (!policy_has_identity(rules->policy, (identity_t)identity))
        return err_field(err, E_OUT_OF_RANGE, "identity", "%s is not insured in this pool", ask->identity);
    int rc = need_month("from_month", ask->from_month, &from, err);
    if (rc == 0) rc = check_employment(ask, err);
    if (rc == 0) rc = check_prior(before, ask, err);
    if (rc == 0) rc = check_sequence(rules, before, from, err);
    if (rc == 0 && before->n_spells >= PERSON_SPELLS_MAX)
        rc = err_field(err, E_TOO_LARGE, "person", "the person has %d spells already", PERSON_SPELLS_MAX);
    if (rc) return rc;
    Tc__PersonState *state = next_state(rules, before);
    Tc__Spell *spell = arena_alloc(rules->arena, sizeof *spell);
    if (!state || !spell) return out_of_memory(err);
    tc__spell__init(spell);
    spell->identity = ask->identity;
    spell->employer = ask->employer;
    spell->from_month = ask->from_month;
    spell->wage_fen = ask->wage_fen;
    spell->prior_months_tier1 = ask->prior_months_tier1;
    spell->prior_months_tier2 = ask->prior_months_tier2;
    state->spells[state->n_spells++] = spell;
    *after = state;
    return 0;
}

int person_close_spell(const enrollment_rules_t *rules, const Tc__PersonState *before, const Tc__CloseSpell *ask,
                       Tc__PersonState **after, err_t *err) {
    month_t last, from;
    int rc = need_month("last_month", ask->last_month, &last, err);
    if (rc) return rc;
    const Tc__Spell *open = before->n_spells ? before->spells[before->n_spells - 1] : NULL;
    if (!open || *open->last_month) return err_field(err, E_NOT_FOUND, "person", "the person has no open spell");
    if (month_parse(open->from_month, &from))
        return err_set(err, E_INTERNAL, "a stored spell has no valid first month");
    if (last < from)
        return err_field(err, E_OUT_OF_RANGE, "last_month", "the open spell begins in %s", open->from_month);
    Tc__PersonState *state = next_state(rules, before);
    Tc__Spell *closed = arena_copy(rules->arena, open, sizeof *open);
    if (!state || !closed) return out_of_memory(err);
    closed->last_month = ask->last_month;
    state->spells[state->n_spells - 1] = closed;
    *after = state;
    return 0;
}

// ---- groups
// -------------------------------------------------------------------------------------------------------------

typedef struct period {
    date_t from, until;
} period_t;

static int check_group(const Tc__SetGroup *ask, period_t *period, err_t *err) {
    if (!*ask->group) return err_field(err, E_MISSING_FIELD, "group", "group is missing");
    if (group_from_name(ask->group) < 0)
        return err_field(err, E_INVALID_FIELD, "group", "group: expected one of %s", group_names());
    int rc = need_date("from", ask->from, &period->from, err);
    period->until = DATE_MAX;
    if (rc == 0 && *ask->until) rc = need_date("until", ask->until, &period->until, err);
    if (rc == 0 && period->until < period->from)
        rc = err_field(err, E_OUT_OF_RANGE, "until", "until must not be before from, %s", ask->from);
    return rc ? rc : check_text("source", ask->source, err);
}

static int stored_period(const Tc__Membership *membership, period_t *period, err_t *err) {
    period->until = DATE_MAX;
    if (date_parse(membership->from, &period->from) ||
        (*membership->until && date_parse(membership->until, &period->until)))
        return err_set(err, E_INTERNAL, "a stored membership has no valid dates");
    return 0;
}

static bool ends_open_one(const Tc__Membership *have, const Tc__SetGroup *ask) {
    return !*have->until && *ask->until && strcmp(have->from, ask->from) == 0 && strcmp(have->source, ask->source) == 0;
}

// Where the membership goes: the place of the open one it ends, or the end of the list. E_OUT_OF_RANGE on overlap.
static int find_place(const Tc__PersonState *before, const Tc__SetGroup *ask, const period_t *period, size_t *place,
                      err_t *err) {
    *place = before->n_groups;
    for (size_t i = 0; i < before->n_groups; i++) {
        const Tc__Membership *have = before->groups[i];
        period_t other;
        if (strcmp(have->group, ask->group) != 0) continue;
        if (ends_open_one(have, ask)) {
            *place = i;
            continue;
        }
        int rc = stored_period(have, &other, err);
        if (rc) return rc;
        if (period->from <= other.until && other.from <= period->until)
            return err_field(err, E_OUT_OF_RANGE, "from", "overlaps the membership from %s %s%s", have->from,
                             *have->until ? "until " : "on", have->until);
    }
    if (*place == PERSON_GROUPS_MAX)
        return err_field(err, E_TOO_LARGE, "person", "the person has %d memberships already", PERSON_GROUPS_MAX);
    return 0;
}

int person_set_group(const enrollment_rules_t *rules, const Tc__PersonState *before, const Tc__SetGroup *ask,
                     Tc__PersonState **after, err_t *err) {
    period_t period;
    size_t place;
    int rc = check_group(ask, &period, err);
    if (rc == 0) rc = find_place(before, ask, &period, &place, err);
    if (rc) return rc;
    Tc__PersonState *state = next_state(rules, before);
    Tc__Membership *membership = arena_alloc(rules->arena, sizeof *membership);
    if (!state || !membership) return out_of_memory(err);
    tc__membership__init(membership);
    membership->group = ask->group;
    membership->from = ask->from;
    membership->until = ask->until;
    membership->source = ask->source;
    state->groups[place] = membership;
    if (place == state->n_groups) state->n_groups++;
    *after = state;
    return 0;
}
