// Money accounts never go below zero by what a command posts.
#pragma once
#include "settlement.h"
#include "settlement.pb-c.h"

// The place of "money/<account>" in the city's accounts; −1 for any other account.
int money_account_of(const fund_rules_t *fund, const char *account);

// Every sub-balance (account and fund; where counties hold the account, also county) that the entry reduces is enough
// for it, less what is reserved by others than `but` (a reservation's reference, NULL: by anybody); and an account that
// loses money does not end below zero. E_OUT_OF_RANGE (field "amount") with the account and what it has.
int money_limits(settlement_t *settlement, const Tc__JournalEntry *entry, const char *but, arena_t *arena,
                 err_t *err) MUST_USE;
