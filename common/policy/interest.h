// Section `interest` of a city file: how interest of one bank account is shared by its ledgers.
#pragma once
#include "tables.h"

typedef struct interest_rules {
    const char *rule;
} interest_rules_t;
