// Section `funding` of a city file: the tests that a residents' funding standard must pass.
#pragma once
#include "tables.h"

typedef struct funding_rules {
    const char *rule;
} funding_rules_t;
