// Memberships of groups that other agencies' lists name.
#include "fields.h"
#include "history.h"
#include <string.h>

static int check_group(const Tc__PersonState *before, const Tc__SetGroup *ask, days_t *days, err_t *err) {
    int rc = history_stands(before, err);
    if (rc) return rc;
    if (!*ask->group) return err_field(err, E_MISSING_FIELD, "group", "group is missing");
    if (group_from_name(ask->group) < 0)
        return err_field(err, E_INVALID_FIELD, "group", "group: expected one of %s", group_names());
    rc = field_date("from", ask->from, &days->from, err);
    days->until = DATE_MAX;
    if (rc == 0 && *ask->until) rc = field_date("until", ask->until, &days->until, err);
    if (rc == 0 && days->until < days->from)
        rc = err_field(err, E_OUT_OF_RANGE, "until", "until must not be before from, %s", ask->from);
    if (rc == 0 && days->from > stored_date(before->died_on, DATE_MAX))
        rc = err_field(err, E_OUT_OF_RANGE, "from", "the person died on %s", before->died_on);
    return rc ? rc : field_text("source", ask->source, err);
}

static bool shortens(const Tc__Membership *have, const Tc__SetGroup *ask, days_t days) {
    return strcmp(have->from, ask->from) == 0 && strcmp(have->source, ask->source) == 0 &&
           days.until < membership_days(have).until;
}

// Where the membership goes: the place of the one it shortens, or the end of the list. E_OUT_OF_RANGE on overlap.
static int find_place(const Tc__PersonState *before, const Tc__SetGroup *ask, days_t days, size_t *place, err_t *err) {
    *place = before->n_groups;
    for (size_t i = 0; i < before->n_groups; i++) {
        const Tc__Membership *have = before->groups[i];
        const days_t other = membership_days(have);
        if (strcmp(have->group, ask->group) != 0) continue;
        if (shortens(have, ask, days)) {
            *place = i;
            continue;
        }
        if (days.from <= other.until && other.from <= days.until)
            return err_field(err, E_OUT_OF_RANGE, "from", "overlaps the membership from %s %s%s", have->from,
                             *have->until ? "until " : "on", have->until);
    }
    if (*place == PERSON_GROUPS_MAX)
        return err_field(err, E_TOO_LARGE, "person", "the person has %d memberships already", PERSON_GROUPS_MAX);
    return 0;
}

// `have`: the one that it takes the place of, or NULL. Whoever ends it need not show its paper again.
static Tc__Membership *membership_of(const enrollment_rules_t *rules, const Tc__SetGroup *ask,
                                     const Tc__Membership *have) {
    Tc__Membership *membership = arena_alloc(rules->arena, sizeof *membership);
    if (!membership) return NULL;
    tc__membership__init(membership);
    const bool keeps = have && !*ask->certificate;
    membership->certificate = keeps ? have->certificate : ask->certificate;
    membership->issuer = keeps ? have->issuer : ask->issuer;
    membership->issuer_level = keeps ? have->issuer_level : ask->issuer_level;
    membership->issued_on = keeps ? have->issued_on : ask->issued_on;
    membership->category = have && !*ask->category ? have->category : ask->category;
    membership->group = ask->group;
    membership->from = ask->from;
    membership->until = ask->until;
    membership->source = ask->source;
    return membership;
}

int person_set_group(const enrollment_rules_t *rules, const Tc__PersonState *before, const Tc__SetGroup *ask,
                     Tc__PersonState **after, err_t *err) {
    days_t days;
    size_t place = 0;
    int rc = check_group(before, ask, &days, err);
    if (rc == 0) rc = find_place(before, ask, days, &place, err);
    if (rc) return rc;
    if (place < before->n_groups) // only the days that are lost
        days = (days_t){days.until + 1, membership_days(before->groups[place]).until};
    Tc__PersonState *state = history_next(rules, before, 1);
    const Tc__Membership *have = place < before->n_groups ? before->groups[place] : NULL;
    if (!state || !(state->groups[place] = membership_of(rules, ask, have))) return out_of_memory(err);
    if (place == state->n_groups) state->n_groups++;
    rc = history_settle(rules, state, history_prior(before), NULL, err);
    if (rc == 0) rc = history_touch(rules, state, days.from, days.until, err);
    if (rc == 0) *after = state;
    return rc;
}
