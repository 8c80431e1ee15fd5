#include "insured.h"
#include "common/wire/scope.h"
#include <string.h>

int insured_state(adjudication_t *on, const char *person, const Tc__Entitlement **out, err_t *err) {
    Tc__Entitlements *found = NULL;
    *out = NULL;
    int rc = on->ports.entitlements(on->ports.self, &person, 1, on->arena, &found, err);
    if (rc) return err_field(err, E_UNAVAILABLE, "person", "collection does not answer for the entitlement; try again");
    for (size_t i = 0; i < found->n_entitlements; i++)
        if (strcmp(found->entitlements[i]->person, person) == 0) *out = found->entitlements[i];
    return *out ? 0 : err_field(err, E_NOT_FOUND, "person", "person %.64s is not known to collection", person);
}

int insured_check(adjudication_t *on, const request_t *request, const char *person, err_t *err) {
    const Tc__Entitlement *state;
    if (!scope_names_divisions(request->header.scope)) return 0;
    int rc = insured_state(on, person, &state, err);
    return rc ? rc : scope_check_division(request->header.scope, state->division, err);
}
