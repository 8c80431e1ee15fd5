// How a case is settled, once resolved: which deductible, rates, floors and limits the law has for a kind of bill.
// Everything about a bill but its amounts, the running totals and the months counted. Making a plan asks the tables;
// running one is arithmetic. A plan holds for every bill with the same facts on the days `from` … `to`.
#pragma once
#include "benefit.h"
#include "common/policy/tables.h"

_Static_assert((int)BENEFIT_LAYERS_MAX == (int)POLICY_LAYERS_MAX, "layers of an answer and of a policy");
_Static_assert((int)BENEFIT_TOTALS_MAX == (int)POLICY_TOTALS_MAX, "totals of an answer and of a policy");
_Static_assert((int)BENEFIT_STEPS_MAX == (int)STEPS_MAX, "policies are checked against the room for steps");
_Static_assert((int)BENEFIT_ADVICE_MAX == (int)ADVICE_MAX, "advice of an answer and of a policy");

#define TOTAL_MAX (MONEY_MAX * 1000)

typedef struct mark { // what one rule does to an amount or a rate
    const char *rule;
    int64_t value; // the outcome; in a live chain what it is changed by; of a rate the change
    adjust_op_t op;
    bool borne; // changed by what the bill bore already
} mark_t;

typedef struct chain { // an amount: a row's, then its adjustments
    uint8_t first, count;
    bool live;            // known only with the bill: the outcomes are worked out when it runs
    bool per_cover_month; // the row's amount counts once a month of cover
} chain_t;

typedef struct piece { // a slice that begins strictly above `above`
    fen_t above;
    rate_t rate, seen;    // adjusted; without the adjustments that are hidden from later layers
    uint8_t first, count; // marks: the row's rate, then each change of it
} piece_t;

typedef struct turn { // of a layer
    uint8_t layer, over_cap_of;
    int8_t paid_total, base_total;
    bool fixed, hides, has_floor, has_cap;
    looks_at_t looks_at;
    uint32_t less_paid_by;
    uint8_t first, count; // pieces
    chain_t amount, cap;  // `amount` of a fixed one
    fen_t floor;
    const char *row_rule, *floor_rule, *less_rule;
} turn_t;

typedef struct plan {
    date_t from, to;
    rate_t first_pay;
    bool cuts; // a turn looks at what a limit cut off
    uint8_t turn_count, piece_count, mark_count;
    chain_t deductible;
    const char *first_pay_rule, *deductible_rule, *own_share_rule, *out_of_scope_rule;
    const turn_t *turns;
    const piece_t *pieces;
    const mark_t *marks;
} plan_t;

typedef struct plan_room { // as large as a plan can be: every piece and mark can be a step
    plan_t plan;
    turn_t turns[STAGES_MAX];
    piece_t pieces[STEPS_MAX];
    mark_t marks[STEPS_MAX];
} plan_room_t;

// `facts` are those of the bill as the law reads them; `class_b` when there is a class-B amount. E_PARAMETER_MISSING
// when a value that the case needs is not published.
int plan_make(plan_room_t *room, const scheme_t *scheme, const facts_t *facts, date_t on, bool class_b,
              err_t *err) MUST_USE;

// Settles a bill. Fills all of `out`; the bill and the totals were checked before.
void plan_run(const plan_t *plan, const benefit_bill_t *bill, const benefit_totals_t *before, bool with_steps,
              benefit_result_t *out);

// Plans kept by the facts they were made for. One policy at a time: another one empties it.
typedef struct plan_key {
    uint64_t dims[DIMENSION_WORDS];
    uint64_t rest; // groups, class B, scheme
} plan_key_t;
const plan_t *memo_find(benefit_memo_t *memo, const policy_t *policy, const plan_key_t *key, date_t on);
// Keeps a copy of the plan in `room`, made for a bill of that day after memo_find() had none; gives the copy.
const plan_t *memo_keep(benefit_memo_t *memo, const plan_key_t *key, date_t on, const plan_room_t *room);
