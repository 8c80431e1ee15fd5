// Section `account` of a city file: what a month credits to the personal account (个人账户). Either a share of the
// person's base (`rate`), or a minimum that the standard of a former day and the person's own contribution may raise
// (`minimum`).
#pragma once
#include "tables.h"

enum { ACCOUNT_OWN_RATES_MAX = 4 };

typedef struct account_former { // the standard that held on `day` goes on for those who had an account then
    date_t day;                 // whose age bands its rates follow
    derived_t rate;             // of a base that is lower now
    const char *actual_rule, *highest_rule, *first_rule, *kept_rule;
} account_former_t;

typedef struct account_rules {
    const char *rule;
    date_t from;
    uint32_t identities; // who has an account, bits
    table_t none;        // who gets nothing after all; dates of its rows are those of first joining
    table_t unpaid;      // who gets nothing for a month that has not been paid
    table_t fixed;       // whose credit is an amount
    derived_t rate;      // of the base; no rows: the minimum
    derived_t minimum;   // by age; no rows: the rate
    bool has_former;     // with `minimum` only
    account_former_t former;
    ref_t own[ACCOUNT_OWN_RATES_MAX]; // what the person contributes: shares of the base, each rounded by itself
    uint32_t own_count;               // 0: does not count
    date_t own_from;
    const char *own_rule;
    policy_account_pays_t pays;
} account_rules_t;
