// Money of the fund between its accounts: movements that the city's whitelist allows, payments to facilities, what one
// fund owes another. Each is one journal entry, posted in the caller's transaction, whose postings sum to zero for each
// fund. Money accounts are those of the city file that are kept for the fund (income, expenditure, special, treasury):
// money/<account>. Others hold no money of the fund; a movement from or to them stands against transfer/<account>.
//
// Limits (checked before anything is written): what leaves an account is there, of that fund, less what is reserved;
// where counties hold the account, of that county. A line below zero may only move a whole sub-balance that is below
// zero (a sweep of everything), and never takes the account itself below zero.
#pragma once
#include "common/base/date.h"
#include "common/base/money.h"
#include "settlement.h"
#include "settlement.pb-c.h"

enum { MONEY_LINES_MAX = 256, MONEY_TEXT_MAX = 256 };

typedef struct money_line {
    const char *fund;   // of the city file; "" = money that no fund has yet
    const char *county; // division; "" = none
    fen_t amount;       // not 0
} money_line_t;

typedef struct money_move {
    const char *reference; // 1 to 64 of A-Z a-z 0-9 . _ : -; decides the partition
    const char *from, *to; // accounts of the city file
    const money_line_t *lines;
    size_t count; // 1 to MONEY_LINES_MAX; no two lines of one fund and county
    date_t on;    // value date
    const char *text;
} money_move_t;

// Post a movement. E_UNSUPPORTED without section `fund`; E_NOT_FOUND for an account or fund that the city does not
// have; E_DENIED where the whitelist is against it (the rule stands in the sentence), E_OUT_OF_RANGE (field "amount")
// over a limit. Inside the caller's transaction, after which it calls stream_committed or stream_rolled_back as always.
// The entry lives in the arena.
int money_move(settlement_t *settlement, const money_move_t *move, arena_t *arena, Tc__JournalEntry **out,
               err_t *err) MUST_USE;
// The same checks and nothing written: would it be posted?
int money_check(settlement_t *settlement, const money_move_t *move, err_t *err) MUST_USE;

typedef struct payment_line { // of what is owed: payable/<layer>
    const char *layer;        // of the city's benefits, or "account"
    const char *fund, *county;
    int32_t year; // benefit year
    fen_t amount; // not 0; below 0 is taken back
} payment_line_t;

typedef struct payment {
    const char *reference, *facility;
    const char *from; // money account; NULL: that of fund.books.pays
    const payment_line_t *lines;
    size_t count; // 1 to MONEY_LINES_MAX
    date_t on;
    const char *text;
} payment_t;

// Pay a facility out of a money account against what it is owed. Errors as money_move; the whitelist is asked for the
// way to the account of fund.books.pays that stands for the facilities. The sums by fund and county may not be below 0.
int money_pay(settlement_t *settlement, const payment_t *payment, arena_t *arena, Tc__JournalEntry **out,
              err_t *err) MUST_USE;

// What an account of the city file holds now, of a fund and county (NULL: of all).
int money_balance(settlement_t *settlement, const char *account, const char *fund, const char *county, fen_t *out,
                  err_t *err) MUST_USE;

typedef struct money_part {
    const char *fund, *county; // in the arena
    fen_t amount;              // not 0
} money_part_t;
// What it holds by fund and county, in that order; of one county where `county` is not NULL. For sweeps: these are the
// lines of a movement of the whole account.
int money_parts(settlement_t *settlement, const char *account, const char *county, arena_t *arena, money_part_t **out,
                size_t *count, err_t *err) MUST_USE;
