// Fee lines between the message and the split: checked field by field (errors name lines[i].field), split, filled, and
// the amounts of a bill taken from their sums. Pure but for the arena in which filled copies live.
#pragma once
#include "adjudication.pb-c.h"
#include "common/base/arena.h"
#include "split.h"

enum {
    FEE_LINES_MAX = 9999,     // of a visit, as lines are numbered
    FEE_LINES_AT_ONCE = 1000, // of one message
    FEE_NAME_MAX = 200,       // bytes
};

typedef struct fee_days { // of the visit; DATE_MAX: not known yet
    date_t from, to;
} fee_days_t;

// Form and arithmetic of a line; `index` is its place in the list. A day of use that is not given is the last day of
// the visit, when that is known.
int fee_line_read(const Tc__FeeLine *line, size_t index, const fee_days_t *days, split_line_t *out,
                  err_t *err) MUST_USE;
// The same of a list, whose numbers must differ. Adds the amounts up.
int fee_lines_check(Tc__FeeLine *const *lines, size_t count, const fee_days_t *days, fen_t *amount,
                    err_t *err) MUST_USE;

typedef struct fee_ask {
    Tc__FeeLine *const *lines;
    size_t count;
    fee_days_t days;
    const catalogue_t *catalogue;
    split_facts_t facts;
} fee_ask_t;

// Filled copies of the lines, sharing their texts, and their sums.
int fee_lines_split(const fee_ask_t *ask, arena_t *arena, Tc__FeeLine ***out, split_sums_t *sums, err_t *err) MUST_USE;

// Were the lines filled by a split before? Then what the bill says of amounts is the outcome of that one, not a claim.
bool fee_lines_filled(Tc__FeeLine *const *lines, size_t count);
// Amounts that a bill gives beside its lines must be those of the lines. E_OUT_OF_RANGE with the field.
int fee_header_check(const Tc__Bill *bill, const split_sums_t *sums, err_t *err) MUST_USE;
void fee_header_fill(Tc__Bill *bill, const split_sums_t *sums);
// A bill without lines: when one of full_own, over_limit and first_pay is given, they and in_scope must make the total.
int fee_header_adds_up(const Tc__Bill *bill, err_t *err) MUST_USE;
