// What of the books a caller has to do with who has some counties of the city only. An entry is theirs when it names a
// county and all that it names are; what names none is the city's.
#pragma once
#include "settlement.h"
#include "settlement.pb-c.h"

// E_DENIED for another county, and for "", the city, unless the caller has the whole city.
int counties_check(const settlement_t *settlement, const char *county, err_t *err) MUST_USE;
bool counties_has_entry(const settlement_t *settlement, const Tc__JournalEntry *entry);
int counties_check_entry(const settlement_t *settlement, const Tc__JournalEntry *entry, err_t *err) MUST_USE;
// A party of the reconciliation as reconcile_books.h names it: of a county's account "account@county", of pairs of
// bills the facility.
bool counties_has_party(const settlement_t *settlement, const char *pair, const char *party);
