// Section `surplus` of a city file: how an old surplus of a county is handed over.
#pragma once
#include "tables.h"

typedef struct surplus_rules {
    const char *rule;
} surplus_rules_t;
