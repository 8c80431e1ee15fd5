// Double entry: from an event of adjudication or collection to the one journal entry it causes. Pure. The postings of
// an entry sum to zero; debits are positive. The chart of accounts, and why: docs/ledger.md.
#pragma once
#include "account.pb-c.h"
#include "adjudication.pb-c.h"
#include "collection.pb-c.h"
#include "common/base/arena.h"
#include "common/base/money.h"
#include "common/policy/fund.h"
#include "settlement.pb-c.h"

enum {
    LEDGER_POSTINGS_MAX = 1024,
    LEDGER_WORD_MAX = 32,
    LEDGER_ACCOUNT_MAX = 64,
    LEDGER_FUNDS_MAX = 64,
    LEDGER_FORM = 1
};

typedef struct ledger_source { // the event that causes the entry
    const char *service;
    uint32_t partition;
    int64_t number;
} ledger_source_t;

// `fund`: the city's section, NULL where there is none; without books in it everything is fund "" and money/treasury.
// The entry lives in the arena and borrows the event's texts. E_INVALID_FIELD or E_OUT_OF_RANGE when the event does not
// add up, uses a word that cannot name an account, or one that the books have no fund for; E_IO when the arena is used
// up.
// Of a later version of a bill: what it changes, on the identity and district of each version. `*out` NULL: it changes
// nothing that is booked, or the bill was reversed before it came.
int ledger_of_bill(const Tc__Decision *decision, const fund_rules_t *fund, const ledger_source_t *source,
                   int64_t posted_ms, arena_t *arena, Tc__JournalEntry **out, err_t *err) MUST_USE;
int ledger_of_receipt(const Tc__Receipt *receipt, const fund_rules_t *fund, const ledger_source_t *source,
                      int64_t posted_ms, arena_t *arena, Tc__JournalEntry **out, err_t *err) MUST_USE;
// Its money was given back: the same lines with the signs turned.
int ledger_of_return(const Tc__Receipt *receipt, const fund_rules_t *fund, const ledger_source_t *source,
                     int64_t posted_ms, arena_t *arena, Tc__JournalEntry **out, err_t *err) MUST_USE;
// A month credited to a personal account, or taken back: of the fund's money, what is the person's own from now on.
int ledger_of_credit(const Tc__AccountCredit *credit, const fund_rules_t *fund, const ledger_source_t *source,
                     int64_t posted_ms, arena_t *arena, Tc__JournalEntry **out, err_t *err) MUST_USE;
// A clerk's correction of a personal account, within the fund of the accounts. `*out` NULL: another change, which is
// booked by what caused it (a credit) or moves no money (a merger).
int ledger_of_change(const Tc__AccountChange *change, const fund_rules_t *fund, const ledger_source_t *source,
                     int64_t posted_ms, arena_t *arena, Tc__JournalEntry **out, err_t *err) MUST_USE;
// Money of a payer that pays no bill (yet) came or went.
int ledger_of_held(const Tc__HeldMoney *held, const fund_rules_t *fund, const ledger_source_t *source,
                   int64_t posted_ms, arena_t *arena, Tc__JournalEntry **out, err_t *err) MUST_USE;
bool ledger_balanced(const Tc__JournalEntry *entry); // for each fund
// "money" for an account that is kept for the fund, "transfer" for one that money comes from or goes to.
const char *ledger_account_head(const fund_rules_t *fund, int account);
