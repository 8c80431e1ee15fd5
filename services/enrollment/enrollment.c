// Registration of persons and employers.
#include "enrollment.h"
#include "common/base/ids.h"
#include "fields.h"
#include <string.h>

// Household registration (户籍): here unless something else is said.
static int check_household(const Tc__RegisterPerson *ask, err_t *err) {
    if (*ask->registration && strcmp(ask->registration, "local") != 0 && strcmp(ask->registration, "elsewhere") != 0)
        return err_field(err, E_INVALID_FIELD, "registration", "registration: expected local or elsewhere");
    return *ask->household ? field_name("household", ask->household, err) : 0;
}

static int first_residence(const enrollment_rules_t *rules, Tc__PersonState *state, err_t *err) {
    Tc__Residence *first = arena_alloc(rules->arena, sizeof *first);
    state->divisions = arena_alloc(rules->arena, sizeof *state->divisions);
    if (!first || !state->divisions) return out_of_memory(err);
    tc__residence__init(first);
    first->division = state->division;
    state->divisions[state->n_divisions++] = first;
    return 0;
}

int person_register(const enrollment_rules_t *rules, const Tc__RegisterPerson *ask, Tc__PersonState **after,
                    err_t *err) {
    citizen_t citizen;
    char birth[DATE_TEXT_MAX];
    int rc = field_name("person", ask->person, err);
    if (rc == 0 && !*ask->citizen_id) rc = err_field(err, E_MISSING_FIELD, "citizen_id", "citizen_id is missing");
    if (rc == 0) rc = field_named("citizen_id", citizen_id_check(ask->citizen_id, &citizen, err), err);
    if (rc == 0) rc = field_text("name", ask->name, err);
    if (rc == 0) rc = field_division("division", ask->division, rules->policy, err);
    if (rc == 0) rc = check_household(ask, err);
    if (rc) return rc;
    Tc__PersonState *state = arena_alloc(rules->arena, sizeof *state);
    if (!state) return out_of_memory(err);
    tc__person_state__init(state);
    state->person = ask->person;
    state->version = 1;
    state->division = ask->division;
    state->birth = arena_text(rules->arena, "%s", date_format(citizen.birth, birth));
    state->sex = arena_text(rules->arena, citizen.male ? "male" : "female");
    state->registration = *ask->registration ? ask->registration : arena_text(rules->arena, "local");
    state->household = ask->household;
    if (!state->birth || !state->sex || !state->registration) return out_of_memory(err);
    rc = first_residence(rules, state, err);
    if (rc == 0) *after = state;
    return rc;
}

static int check_kind(const char *kind, err_t *err) {
    if (!*kind) return err_field(err, E_MISSING_FIELD, "kind", "kind is missing");
    if (employer_from_name(kind) >= 0) return 0;
    return err_field(err, E_INVALID_FIELD, "kind", "kind: expected one of %s", employer_names());
}

int employer_register(const enrollment_rules_t *rules, const Tc__RegisterEmployer *ask, Tc__EmployerState **after,
                      err_t *err) {
    int rc = field_name("employer", ask->employer, err);
    if (rc == 0 && !*ask->uscc) rc = err_field(err, E_MISSING_FIELD, "uscc", "uscc is missing");
    if (rc == 0) rc = field_named("uscc", uscc_check(ask->uscc, err), err);
    if (rc == 0) rc = field_text("name", ask->name, err);
    if (rc == 0) rc = check_kind(ask->kind, err);
    if (rc == 0) rc = field_division("division", ask->division, rules->policy, err);
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
