// The split of fee lines by the catalogues (三大目录): which part of a line is full own pay (全自费), which lies above
// a price limit (超限价), which is paid first (先行自付), and what is left inside the policy scope (政策范围内). Pure:
// no I/O, no clock, no allocation; the catalogue is asked through a function.
//
// Order: a line that the catalogue does not have on the day, one of class C (丙) and one that breaks a limit of use are
// full own pay as a whole. Of the others what the price exceeds the limit by comes off first, then the share paid first
// of the rest, rounded half up once a line; the rest is in scope. The parts of a line add up to its amount to the fen,
// and the sums of a bill are the sums of its lines.
#pragma once
#include "catalogue.h"

typedef struct split_facts { // of the person and the visit
    identity_t identity;
    date_t birth; // DATE_NONE: not known
    int sex;      // sex_t; −1: not known
    level_t level;
    visit_t visit;
    const char *diagnosis; // main diagnosis code; "" = not given
    bool city_first_pay;   // the city's own file says which share of class B is paid first
} split_facts_t;

typedef struct split_line {
    fee_kind_t kind;
    const char *code;
    int64_t quantity_milli; // above 0
    fen_t price;            // of one unit
    fen_t amount;           // 0 … SPLIT_AMOUNT_MAX_FEN
    date_t used_on;
    int32_t days; // 0: not given
} split_line_t;

// Bounds of what may be asked; 9,999 lines of the greatest amount stay far from the end of int64.
#define SPLIT_AMOUNT_MAX_FEN INT64_C(100000000000)
#define SPLIT_QUANTITY_MAX_MILLI INT64_C(1000000000)

typedef enum split_reason {
    SPLIT_IN_SCOPE, // as a whole
    SPLIT_NOT_LISTED,
    SPLIT_CLASS_C,
    SPLIT_VISIT, // limits of use, from here …
    SPLIT_LEVEL,
    SPLIT_SEX,
    SPLIT_AGE,
    SPLIT_DIAGNOSIS,
    SPLIT_DAYS, // … to here
    SPLIT_OVER_LIMIT,
    SPLIT_FIRST_PAY,
    SPLIT_OVER_LIMIT_AND_FIRST_PAY,
    SPLIT_REASON__COUNT
} split_reason_t;

typedef struct split_parts { // full_own + over_limit + first_pay + in_scope = amount
    int fee_class;           // fee_class_t; −1: not in the catalogue
    rate_t first_pay_share;
    fen_t full_own, over_limit, first_pay, in_scope;
    fen_t class_b; // of in_scope: class B whose share the city's own file knows, not the catalogue
    split_reason_t reason;
} split_parts_t;

typedef struct split_sums {
    fen_t total, full_own, over_limit, first_pay, in_scope, class_b;
} split_sums_t;

typedef const catalogue_entry_t *(*split_find_t)(const void *catalogue, fee_kind_t kind, const char *code, date_t day);

// Is the amount quantity × price, to within one fen?
bool split_amount_fits(int64_t quantity_milli, fen_t price, fen_t amount);
split_parts_t split_one(split_find_t find, const void *catalogue, const split_facts_t *facts, const split_line_t *line);
void split_add(split_sums_t *sums, const split_line_t *line, const split_parts_t *parts);
// One sentence; "" for SPLIT_IN_SCOPE.
const char *split_reason_text(split_reason_t reason);
