// The end of the employee relation (终止职工医保关系): whether the city has it and what its law says of it.
#pragma once
#include "common/policy/policy.h"

typedef struct relation_rules {
    const char *ends;      // who lacks the years and does not make them up leaves the employee scheme
    const char *stays_out; // and does not come back
} relation_rules_t;

// False where the city's section `retirement` knows no such end.
bool relation_rules_of(const policy_t *policy, relation_rules_t *out);
