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
    int64_t value;     // the outcome, unless it is live
    uint8_t first, count;
    bool live;            // known only with the bill: the outcomes are worked out when it runs
    bool per_cover_month; // the row's amount counts once a month of cover
} chain_t;

typedef struct piece { // a slice: strictly above `above`, up to and including `upto`
    fen_t above, upto;
    rate_t rate, seen;    // adjusted; without the adjustments that are hidden from later layers
    uint8_t first, count; // marks: the row's rate, then each change of it
} piece_t;

typedef struct turn { // of a layer; what stands here is read for every bill
    uint8_t layer, over_cap_of;
    int8_t paid_total, base_total;
    bool plain; // looks at what is left over, and what is left over is so
    bool fixed, hides, has_floor, has_cap;
    uint8_t looks_at;     // looks_at_t
    uint8_t first, count; // pieces
    uint32_t less_paid_by;
    fen_t floor;
    chain_t cap, amount; // `amount` of a fixed one
} turn_t;

typedef struct turn_rules { // what is read for steps only
    const char *row, *floor, *less;
} turn_rules_t;

typedef struct plan {
    const piece_t *pieces;
    const turn_rules_t *rules; // of each turn
    const mark_t *marks;
    chain_t deductible;
    rate_t first_pay;
    bool hides; // a turn hides an adjustment from those after it
    bool cuts;  // a turn looks at what a limit cut off
    uint8_t turn_count, piece_count, mark_count;
    date_t from, to;
    const char *first_pay_rule, *deductible_rule, *own_share_rule, *out_of_scope_rule;
    turn_t turns[STAGES_MAX]; // a plan that is kept ends with its last turn
} plan_t;

typedef struct plan_room { // as large as a plan can be: every piece and mark can be a step
    plan_t plan;
    turn_rules_t rules[STAGES_MAX];
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

// Plans kept by the facts they were made for, as the bill gives them. One policy at a time: another one empties it.
typedef struct plan_key {
    uint64_t words[2];
} plan_key_t;
const plan_t *memo_find(benefit_memo_t *memo, const policy_t *policy, const plan_key_t *key, date_t on);
// Keeps a copy of the plan in `room`, made for a bill of that day after memo_find() had none; gives the copy.
const plan_t *memo_keep(benefit_memo_t *memo, const plan_key_t *key, date_t on, const plan_room_t *room);
