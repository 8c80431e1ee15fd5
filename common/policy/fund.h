// Section `fund` of a city file: funds, accounts, allowed movements, flows with their steps and deadlines.
#pragma once
#include "tables.h"

typedef struct fund_rules {
    const char *rule;
} fund_rules_t;
