// Section `statements` of a city file: facts that the law states and services keep to.
#pragma once
#include "tables.h"

typedef struct statements_rules {
    const char *rule;
} statements_rules_t;
