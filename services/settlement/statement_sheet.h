// What the store says is due to a facility for a month, drawn up: reads lines, recoveries, claims and terms, lets
// dues.h decide, and writes the sheet with the journal entry that tells of it. Inside the caller's transaction.
//
// The entry (kind "statement", reference STATEMENT_REFERENCE of facility and month) books what the bills do not say:
//   recovered and forfeited:  debit payable/<layer> [facility]   credit recovered/<layer> [facility]
//   clearing:                 debit clearing/<layer> [facility]  credit payable/<layer> [facility]
// so that payable is what the facility still gets, now or, held back, later.
#pragma once
#include "common/base/date.h"
#include "dues.h"
#include "settlement.h"
#include "statement.pb-c.h"

#define STATEMENT_REFERENCE "statement.%s.%s"

typedef struct statement_sheet {
    const char *facility;
    month_t month, since; // the months of its lines
    month_t before;       // of the statement before; 0: none
    dues_sheet_t *sheet;
    dues_list_t others; // of its bills, but of funds that do not pay facilities from the pool
    rate_t hold, warn;
    fen_t budget, used; // of the year; 0: no figure; used this statement included
    bool empty;         // there is nothing to say
} statement_sheet_t;

// E_EXISTS when the facility's statements are drawn up to this month or beyond. Texts live in the service's arena.
int statement_sheet_make(settlement_t *settlement, const char *facility, month_t month, statement_sheet_t **out,
                         err_t *err) MUST_USE;
// As a message in state `open`.
int statement_sheet_message(const settlement_t *settlement, const statement_sheet_t *sheet, Tc__FacilityStatement **out,
                            err_t *err) MUST_USE;
// Freeze it: digest, statement, items, claims taken, journal entry. `by`: the caller.
int statement_sheet_freeze(settlement_t *settlement, const statement_sheet_t *sheet, const char *by,
                           Tc__FacilityStatement **out, err_t *err) MUST_USE;

// Does the pool pay facilities out of this fund? With the rule of the whitelist; everything where the city has no
// books.
bool statement_pays(const settlement_t *settlement, const char *fund, date_t on);
// The share that is held back by the year's terms, else by the city's parameter `quality_hold` where it has one.
typedef struct statement_terms {
    rate_t hold, warn;
    fen_t budget;
    const char *paper, *by;
    bool found;
} statement_terms_t;
enum { HOLD_BY_CITY = -1 }; // in the table
int statement_terms_read(settlement_t *settlement, const char *facility, int year, date_t on, statement_terms_t *out,
                         err_t *err) MUST_USE;
// layer, fund, county, year, amount from a column on; `lines` of the next column where there is one.
int statement_amounts(const rows_t *rows, size_t column, bool lines, arena_t *arena, dues_list_t *out,
                      err_t *err) MUST_USE;
char *statement_month_text(int64_t month, arena_t *arena);
