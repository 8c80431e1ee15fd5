#include "relation.h"
#include "common/policy/retirement.h"

bool relation_rules_of(const policy_t *policy, relation_rules_t *out) {
    const retirement_rules_t *rules = policy->retirement;
    if (!rules || !rules->refused_rule || !rules->ended_rule) return false;
    *out = (relation_rules_t){rules->refused_rule, rules->ended_rule};
    return true;
}
