// Inside settlement: the pieces of which commands make entries of their own (movements, payments, what one fund owes
// another, counter-entries).
#pragma once
#include "common/policy/tables.h"
#include "money.h"

// The city's section with books; E_UNSUPPORTED without.
int money_rules(const settlement_t *settlement, const fund_rules_t **out, err_t *err) MUST_USE;
int money_account(const fund_rules_t *fund, const char *field, const char *name, int *out, err_t *err) MUST_USE;
int money_fund(const fund_rules_t *fund, const char *name, int *out, err_t *err) MUST_USE; // −1 for ""
int money_county(const settlement_t *settlement, const char *county, err_t *err) MUST_USE; // "" is none

typedef struct money_head {
    const char *kind, *reference;
    date_t on;
    const char *text;
} money_head_t;
// An entry of settlement's own with room for `postings` lines; borrows the texts.
int money_entry(const settlement_t *settlement, const money_head_t *head, size_t postings, arena_t *arena,
                Tc__JournalEntry **out, err_t *err) MUST_USE;

typedef struct money_posting {
    const char *head, *word; // head/word
    const char *fund, *county, *party;
    int32_t year;
    fen_t amount;
} money_posting_t;
int money_line(Tc__JournalEntry *entry, arena_t *arena, const money_posting_t *line, err_t *err) MUST_USE;

// Before anything about money is decided in a transaction: nobody else decides meanwhile, and our numbers are right.
int money_begin(settlement_t *settlement, arena_t *arena, err_t *err) MUST_USE;
// Write it, in the partition of its reference.
int money_post(settlement_t *settlement, Tc__JournalEntry *entry, arena_t *arena, err_t *err) MUST_USE;
// The entry of a movement with all checks made; `but`: a reservation that does not count against it.
int money_move_decide(settlement_t *settlement, const money_move_t *move, const char *but, arena_t *arena,
                      Tc__JournalEntry **out, err_t *err) MUST_USE;
