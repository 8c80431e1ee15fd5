// Section `points` of a city file: points settlement with hospitals (DRG点数付费).
#pragma once
#include "tables.h"

typedef struct points_rules {
    const char *rule;
} points_rules_t;
