// Section `interest` of a city file: how interest of one bank account is shared by its ledgers.
#pragma once
#include "tables.h"

typedef enum interest_by {
    INTEREST_BY_DAILY_BALANCES,  // the sum over the days of the balance of each day
    INTEREST_BY_CLOSING_BALANCE, // the balance of the last day
    INTEREST_BY__COUNT
} interest_by_t;

typedef struct interest_rules {
    const char *rule;
    interest_by_t by;
} interest_rules_t;
