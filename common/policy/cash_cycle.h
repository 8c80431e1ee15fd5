// Section `cash_cycle` of a city file: the days of a month on which the money moves.
#pragma once
#include "tables.h"

typedef struct cash_cycle_rules {
    const char *rule;
} cash_cycle_rules_t;
