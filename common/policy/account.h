// Section `account` of a city file: what a month credits to the personal account (个人账户).
#pragma once
#include "tables.h"

typedef struct account_rules {
    const char *rule;
} account_rules_t;
