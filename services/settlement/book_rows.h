// What an entry of the journal changes in the books that are compared with business and banks: book "bills", what is
// owed to facilities for bills, by layer, under the day of discharge (what is paid of it is no part of it), and book
// "money", every entry that moved a money account, under the account (account@county where counties hold it). Pure: the
// service and the auditor use it alike.
#pragma once
#include "common/policy/fund.h"
#include "common/reconcile/standing.h"
#include "settlement.pb-c.h"

// standing_change() for each row that an entry changes. `fund` NULL: a city without the section.
int books_of_entry(const fund_rules_t *fund, const Tc__JournalEntry *entry, arena_t *arena, rows_t *changes,
                   err_t *err) MUST_USE;
const fund_account_t *book_account(const fund_rules_t *fund, const char *name); // NULL: the city has none
// The party of an account in book "money"; NULL without memory.
const char *book_party_name(const fund_rules_t *fund, const char *account, const char *county, arena_t *arena);
