// Section `enrollment` of a city file: who must or may join, and as what (参保范围).
#pragma once
#include "tables.h"

typedef struct enrollment_rules {
    const char *rule;
} enrollment_rules_t;
