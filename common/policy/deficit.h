// Section `deficit` of a city file: how an old deficit of a county is paid off.
#pragma once
#include "tables.h"

typedef struct deficit_rules {
    const char *rule;
} deficit_rules_t;
