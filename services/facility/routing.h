// Which agency a facility belongs to, step by step (定点医药机构分级经办), by the city's section `routing`. Pure.
#pragma once
#include "common/policy/routing.h"

typedef struct routing_facility {
    const char *code;     // national facility code; NULL when not known: then no exception can apply
    const char *division; // where it stands
    facility_kind_t kind;
    int level; // level_t; −1 none. Hospitals need one.
} routing_facility_t;

typedef struct routed {
    const char *by; // "city", or the code of a county or district; owned by the policy or the facility
    const char *rule;
} routed_t;

// `out` has one entry for each step of routing_step_t. E_UNSUPPORTED: the city has no such rules; E_MISSING_FIELD
// facility.level of a hospital; E_INVALID_FIELD facility.division is not one of the city.
int routing_decide(const policy_t *policy, const routing_facility_t *facility, routed_t out[static ROUTING_STEP__COUNT],
                   err_t *err) MUST_USE;
