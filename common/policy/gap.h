// Section `gap` of a city file: what covers the gap of a year.
#pragma once
#include "tables.h"

typedef struct gap_rules {
    const char *rule;
} gap_rules_t;
