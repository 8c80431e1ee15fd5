// Section `retirement` of a city file: the contribution years that give lifelong benefit, and what a shortfall costs.
#pragma once
#include "tables.h"

typedef struct retirement_rules {
    const char *rule;
} retirement_rules_t;
