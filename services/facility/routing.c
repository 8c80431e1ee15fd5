// The first row that fits decides, then an exception of the facility's own replaces the agency of the steps it names.
#include "services/facility/routing.h"
#include "common/policy/tables.h"

static bool is_urban(const routing_rules_t *rules, const char *division) {
    for (uint32_t i = 0; i < rules->urban_count; i++)
        if (strcmp(rules->urban[i], division) == 0) return true;
    return false;
}

static const route_t *route_for(const route_table_t *table, const facts_t *facts) {
    for (uint32_t i = 0; i < table->count; i++)
        if (when_fits(&table->rows[i].when, facts)) return &table->rows[i];
    return NULL;
}

static const route_exception_t *exception_for(const routing_rules_t *rules, const char *code, int step) {
    for (uint32_t i = 0; code && i < rules->exception_count; i++)
        if ((rules->exceptions[i].steps >> step & 1) && strcmp(rules->exceptions[i].facility, code) == 0)
            return &rules->exceptions[i];
    return NULL;
}

int routing_decide(const policy_t *policy, const routing_facility_t *facility, routed_t out[static ROUTING_STEP__COUNT],
                   err_t *err) {
    const routing_rules_t *rules = policy->routing;
    if (facility->kind == FACILITY_KIND_HOSPITAL && facility->level < 0)
        return err_field(err, E_MISSING_FIELD, "facility.level", "facility.level is missing: a hospital has one");
    if (!rules) return err_set(err, E_UNSUPPORTED, "%s has no rules for routing", policy->city);
    if (!policy_has_division(policy, facility->division))
        return err_field(err, E_INVALID_FIELD, "facility.division", "facility.division: expected a division of %s",
                         policy->city);
    facts_t facts = {0};
    facts_set(&facts, DIM_FACILITY_KIND, facility->kind);
    if (facility->level >= 0) facts_set(&facts, DIM_LEVEL, (unsigned)facility->level);
    facts_set(&facts, DIM_URBAN, is_urban(rules, facility->division));
    for (int step = 0; step < ROUTING_STEP__COUNT; step++) {
        const route_t *route = route_for(&rules->steps[step], &facts);
        if (!route) return err_set(err, E_POLICY, "no row of routing fits"); // only in a damaged message
        out[step] = (routed_t){route->by == AGENCY_CITY ? "city" : facility->division, route->rule};
        const route_exception_t *exception = exception_for(rules, facility->code, step);
        if (exception) out[step] = (routed_t){exception->division ? exception->division : "city", exception->rule};
    }
    return E_OK;
}
