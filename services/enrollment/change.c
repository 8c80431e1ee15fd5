// What happens to a person beside spells and groups: moves, deemed months, transfers, the end of the employee relation,
// death.
#include "fields.h"
#include "history.h"
#include "relation.h"
#include <string.h>

// After death nothing happens any more.
static int check_alive(const Tc__PersonState *before, date_t day, const char *field, err_t *err) {
    if (day <= stored_date(before->died_on, DATE_MAX)) return 0;
    return err_field(err, E_OUT_OF_RANGE, field, "the person died on %s", before->died_on);
}

static int full(const char *what, int most, err_t *err) {
    return err_field(err, E_TOO_LARGE, "person", "the person has %d %s already", most, what);
}

// ---- moves within the pool

// States written before districts had a history begin it with the district they have.
static int add_residence(const enrollment_rules_t *rules, Tc__PersonState *state, char *division, char *from,
                         err_t *err) {
    Tc__Residence *residence = arena_alloc(rules->arena, sizeof *residence);
    if (!residence) return out_of_memory(err);
    tc__residence__init(residence);
    residence->division = division;
    residence->from = from;
    state->divisions[state->n_divisions++] = residence;
    return 0;
}

static int check_move(const enrollment_rules_t *rules, const Tc__PersonState *before, const Tc__MovePerson *ask,
                      date_t *from, err_t *err) {
    int rc = history_stands(before, err);
    if (rc == 0) rc = field_division("division", ask->division, rules->policy, err);
    if (rc == 0) rc = field_past_date("from", ask->from, rules->today, from, err);
    if (rc == 0) rc = check_alive(before, *from, "from", err);
    if (rc) return rc;
    for (size_t i = 0; i < before->n_divisions; i++)
        if (strcmp(before->divisions[i]->from, ask->from) == 0)
            return err_field(err, E_EXISTS, "from", "the person moved to %s on that day",
                             before->divisions[i]->division);
    if (strcmp(division_on(before, *from), ask->division) == 0)
        return err_field(err, E_OUT_OF_RANGE, "division", "the person is insured in %s already", ask->division);
    return before->n_divisions < PERSON_DIVISIONS_MAX ? 0 : full("moves", PERSON_DIVISIONS_MAX, err);
}

static date_t next_move(const Tc__PersonState *state, date_t from) {
    for (size_t i = 0; i < state->n_divisions; i++) {
        const date_t day = stored_date(state->divisions[i]->from, DATE_NONE);
        if (day > from) return day - 1;
    }
    return DATE_MAX;
}

int person_move(const enrollment_rules_t *rules, const Tc__PersonState *before, const Tc__MovePerson *ask,
                Tc__PersonState **after, err_t *err) {
    date_t from;
    int rc = check_move(rules, before, ask, &from, err);
    if (rc) return rc;
    Tc__PersonState *state = history_next(rules, before, 1);
    if (!state) return out_of_memory(err);
    if (state->n_divisions == 0)
        rc = add_residence(rules, state, before->division, (char *)protobuf_c_empty_string, err);
    if (rc == 0) rc = add_residence(rules, state, ask->division, ask->from, err);
    if (rc == 0) rc = history_settle(rules, state, history_prior(before), NULL, err);
    if (rc == 0) rc = history_touch(rules, state, from, next_move(state, from), err);
    if (rc == 0) *after = state;
    return rc;
}

// ---- deemed months

static size_t find_deemed(const Tc__PersonState *before, const char *source) {
    size_t place = 0;
    while (place < before->n_deemed && strcmp(before->deemed[place]->source, source) != 0) place++;
    return place;
}

static int check_deemed(const Tc__PersonState *before, const Tc__RecordDeemed *ask, size_t place, err_t *err) {
    int rc = history_stands(before, err);
    if (rc == 0) rc = field_months("months", ask->months, PRIOR_MONTHS_MAX, err);
    if (rc == 0) rc = field_text("source", ask->source, err);
    if (rc == 0 && ask->months) rc = field_text("evidence", ask->evidence, err);
    if (rc == 0 && !ask->months && place == before->n_deemed)
        rc = err_field(err, E_NOT_FOUND, "source", "no deemed months from this source are recorded");
    if (rc == 0 && place == PERSON_DEEMED_MAX) rc = full("sources of deemed months", PERSON_DEEMED_MAX, err);
    return rc;
}

int person_record_deemed(const enrollment_rules_t *rules, const Tc__PersonState *before, const Tc__RecordDeemed *ask,
                         Tc__PersonState **after, err_t *err) {
    const size_t place = find_deemed(before, ask->source);
    int rc = check_deemed(before, ask, place, err);
    if (rc) return rc;
    Tc__PersonState *state = history_next(rules, before, 1);
    Tc__Deemed *deemed = arena_alloc(rules->arena, sizeof *deemed);
    if (!state || !deemed) return out_of_memory(err);
    tc__deemed__init(deemed);
    deemed->months = ask->months;
    deemed->source = ask->source;
    deemed->evidence = ask->evidence;
    if (place == state->n_deemed) state->n_deemed++;
    state->deemed[place] = ask->months ? deemed : state->deemed[--state->n_deemed];
    rc = history_settle(rules, state, history_prior(before), NULL, err);
    if (rc == 0) *after = state;
    return rc;
}

// ---- transfers into and out of the pool

static bool is_in(const Tc__TransferPerson *ask) { return strcmp(ask->direction, "in") == 0; }

static int check_place(const policy_t *policy, const char *place, err_t *err) {
    int rc = field_division("place", place, NULL, err);
    if (rc == 0 && policy_has_division(policy, place))
        rc = err_field(err, E_OUT_OF_RANGE, "place", "%s belongs to this pool: that is a move", place);
    return rc;
}

static int check_transfer(const enrollment_rules_t *rules, const Tc__PersonState *before, const Tc__TransferPerson *ask,
                          date_t *on, err_t *err) {
    int rc = history_stands(before, err);
    if (rc == 0 && !is_in(ask) && strcmp(ask->direction, "out") != 0)
        rc = err_field(err, *ask->direction ? E_INVALID_FIELD : E_MISSING_FIELD, "direction",
                       "direction: expected in or out");
    if (rc == 0) rc = field_past_date("on", ask->on, rules->today, on, err);
    if (rc == 0) rc = check_alive(before, *on, "on", err);
    if (rc == 0) rc = check_place(rules->policy, ask->place, err);
    if (rc == 0) rc = field_months("months_tier1", ask->months_tier1, PRIOR_MONTHS_MAX, err);
    if (rc == 0) rc = field_months("months_tier2", ask->months_tier2, ask->months_tier1, err);
    if (rc == 0 && !is_in(ask) && !spell_before(before, month_of(*on)))
        rc = err_field(err, E_OUT_OF_RANGE, "on", "the person was not insured here by then");
    return rc;
}

static size_t find_transfer(const Tc__PersonState *before, const Tc__TransferPerson *ask) {
    size_t place = 0;
    for (; place < before->n_transfers; place++) {
        const Tc__Transfer *t = before->transfers[place];
        if (strcmp(t->on, ask->on) == 0 && strcmp(t->direction, ask->direction) == 0 &&
            strcmp(t->place, ask->place) == 0)
            break;
    }
    return place;
}

static Tc__Transfer *transfer_of(const enrollment_rules_t *rules, const Tc__TransferPerson *ask) {
    Tc__Transfer *transfer = arena_alloc(rules->arena, sizeof *transfer);
    if (!transfer) return NULL;
    tc__transfer__init(transfer);
    transfer->direction = ask->direction;
    transfer->on = ask->on;
    transfer->place = ask->place;
    transfer->months_tier1 = ask->months_tier1;
    transfer->months_tier2 = ask->months_tier2;
    return transfer;
}

// The first spell whose months of former schemes changed, and all that follows; or the months after a transfer out.
static int touch_transfer(const enrollment_rules_t *rules, const Tc__PersonState *before, Tc__PersonState *state,
                          const Tc__TransferPerson *ask, date_t on, err_t *err) {
    if (!is_in(ask)) return history_touch_months(rules, state, (months_t){month_of(on) + 1, HISTORY_OPEN}, err);
    for (size_t i = 0; i < state->n_spells; i++)
        if (state->spells[i] != before->spells[i])
            return history_touch_months(rules, state, (months_t){spell_months(state->spells[i]).from, HISTORY_OPEN},
                                        err);
    return 0;
}

int person_transfer(const enrollment_rules_t *rules, const Tc__PersonState *before, const Tc__TransferPerson *ask,
                    Tc__PersonState **after, err_t *err) {
    date_t on;
    int rc = check_transfer(rules, before, ask, &on, err);
    if (rc) return rc;
    const size_t place = find_transfer(before, ask);
    if (place == PERSON_TRANSFERS_MAX) return full("transfers", PERSON_TRANSFERS_MAX, err);
    Tc__PersonState *state = history_next(rules, before, 1);
    if (!state || !(state->transfers[place] = transfer_of(rules, ask))) return out_of_memory(err);
    if (place == state->n_transfers) state->n_transfers++;
    rc = history_settle(rules, state, history_prior(before), NULL, err);
    if (rc == 0) rc = touch_transfer(rules, before, state, ask, on, err);
    if (rc == 0) *after = state;
    return rc;
}

// ---- ends

static int check_death(const enrollment_rules_t *rules, const Tc__PersonState *before, const Tc__RecordDeath *ask,
                       date_t *on, err_t *err) {
    int rc = history_stands(before, err);
    if (rc == 0) rc = field_past_date("on", ask->on, rules->today, on, err);
    if (rc) return rc;
    if (*on < stored_date(before->birth, DATE_NONE))
        return err_field(err, E_OUT_OF_RANGE, "on", "the person was born on %s", before->birth);
    if (*on >= stored_date(before->died_on, DATE_MAX))
        return err_field(err, E_EXISTS, "on", "the death on %s is recorded; only an earlier day corrects it",
                         before->died_on);
    if (before->n_spells && !spell_before(before, month_of(*on)) && history_prior(before).tier1)
        return err_field(err, E_OUT_OF_RANGE, "on", "the months of former schemes came with a spell that begins in %s",
                         before->spells[0]->from_month);
    return 0;
}

int person_record_death(const enrollment_rules_t *rules, const Tc__PersonState *before, const Tc__RecordDeath *ask,
                        Tc__PersonState **after, err_t *err) {
    date_t on;
    int rc = check_death(rules, before, ask, &on, err);
    if (rc) return rc;
    Tc__PersonState *state = history_next(rules, before, 0);
    if (!state) return out_of_memory(err);
    state->died_on = ask->on;
    rc = history_settle(rules, state, history_prior(before), NULL, err);
    if (rc == 0) rc = history_touch(rules, state, on + 1, DATE_MAX, err);
    if (rc == 0) *after = state;
    return rc;
}

static bool in_employee_scheme(const Tc__PersonState *before, month_t last) {
    for (size_t i = 0; i < before->n_spells; i++)
        if (spell_of_employee_scheme(before->spells[i]) && spell_months(before->spells[i]).from <= last) return true;
    return false;
}

static int check_end(const enrollment_rules_t *rules, const Tc__PersonState *before, const Tc__EndRelation *ask,
                     date_t *on, err_t *err) {
    relation_rules_t relation;
    int rc = history_stands(before, err);
    if (rc) return rc;
    if (!relation_rules_of(rules->policy, &relation))
        return err_set(err, E_UNSUPPORTED, "the law of %s knows no end of the employee relation",
                       policy_city(rules->policy));
    if (*before->ended_on)
        return err_field(err, E_EXISTS, "person", "the employee relation ended on %s by %s: %s", before->ended_on,
                         relation.stays_out, policy_rule_text(rules->policy, relation.stays_out));
    rc = field_past_date("on", ask->on, rules->today, on, err);
    if (rc == 0) rc = check_alive(before, *on, "on", err);
    if (rc == 0) rc = field_text("reason", ask->reason, err);
    if (rc) return rc;
    if (!in_employee_scheme(before, month_of(*on)))
        return err_field(err, E_NOT_FOUND, "person", "the person was not in the employee scheme by %s", ask->on);
    for (size_t i = 0; i < before->n_spells; i++)
        if (spell_of_employee_scheme(before->spells[i]) && spell_months(before->spells[i]).from > month_of(*on))
            return err_field(err, E_OUT_OF_RANGE, "on", "a spell of the employee scheme begins in %s",
                             before->spells[i]->from_month);
    return 0;
}

int person_end_relation(const enrollment_rules_t *rules, const Tc__PersonState *before, const Tc__EndRelation *ask,
                        Tc__PersonState **after, err_t *err) {
    date_t on;
    int rc = check_end(rules, before, ask, &on, err);
    if (rc) return rc;
    Tc__PersonState *state = history_next(rules, before, 0);
    if (!state) return out_of_memory(err);
    state->ended_on = ask->on;
    state->reason = ask->reason;
    rc = history_settle(rules, state, history_prior(before), NULL, err);
    if (rc == 0) rc = history_touch_months(rules, state, (months_t){month_of(on) + 1, HISTORY_OPEN}, err);
    if (rc == 0) *after = state;
    return rc;
}
