// A bank statement against the books of its account: which row is which entry. Pure; the arrays are the caller's.
//
// In this order: same reference and amount within the tolerance; one row that is the sum of a day's receipts; without a
// known reference the same amount within the tolerance, when there is one candidate and it has no other. What is left
// of the same reference is a pair with another amount or a day out of tolerance. Nothing is guessed beyond that.
#pragma once
#include "common/base/arena.h"
#include "common/base/date.h"
#include "common/base/money.h"

enum { MATCH_ROWS_MAX = 200000, MATCH_ALIKE_MAX = 64 };

typedef enum match_state {
    MATCH_OPEN,   // nothing like it on the other side
    MATCH_SURE,   // it is `partner`
    MATCH_AMOUNT, // same reference as `partner`, other amount
    MATCH_LATE,   // same reference and amount as `partner`, days too far apart
} match_state_t;

typedef struct match_row {
    const char *reference;
    date_t day;
    fen_t amount;
    bool receipt; // books: came in with others, which a bank may show as one sum
    // out
    match_state_t state;
    size_t partner; // index on the other side; of a bank row that is a day's receipts the first of them
} match_row_t;

// At most MATCH_ROWS_MAX rows each, states 0. E_IO when memory is out.
int bank_match(match_row_t *bank, size_t bank_count, match_row_t *books, size_t book_count, int tolerance_days,
               arena_t *arena, err_t *err) MUST_USE;
