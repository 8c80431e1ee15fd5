// From a plan and the amounts to the last fen: deductible, then turn by turn slices × rates, one rounding, floor, cap;
// what a layer leaves over goes to the next.
//
// Arithmetic of limits: a bill and every slice of it are at most MONEY_MAX fen and rates at most RATE_ONE, so the sum
// of slice × rate stays below 2^63; running totals are at most TOTAL_MAX. Nothing here can overflow.
//
// settle() is compiled twice, with steps and without, so that no bill pays for the other's branches.
#include "plan.h"

#define INLINE static inline __attribute__((always_inline))

typedef struct work {
    const plan_t *plan;
    const benefit_bill_t *bill;
    benefit_result_t *out;
    benefit_step_t *step; // the next; NULL when none are wanted
    fen_t scope;          // in-scope amount, less what is paid first
    fen_t left;           // of it above the deductible, as later layers see it
    fen_t borne;          // of the deductible, likewise
    fen_t cut[POLICY_LAYERS_MAX];
} work_t;

INLINE void take_step(work_t *w, bool steps, int part, const char *rule, fen_t base, rate_t rate, fen_t amount) {
    if (!steps) return;
    *w->step++ = (benefit_step_t){.rule = rule, .part = (uint8_t)part, .rate = rate, .base = base, .amount = amount};
}

// A step for a change, where there is one.
INLINE void step_change(work_t *w, bool steps, int part, const char *rule, fen_t before, fen_t after) {
    if (steps && before != after) take_step(w, true, part, rule, 0, 0, after - before);
}

// Half up to the fen; the division by a constant is what keeps this fast.
INLINE fen_t round_fen(int64_t numerator) { return (fen_t)((uint64_t)(numerator + RATE_ONE / 2) / RATE_ONE); }

// ---- amounts
// ----------------------------------------------------------------------------------------------------------

// Its outcome with the amounts of this bill.
INLINE int64_t live_value(const work_t *w, const chain_t *chain, const mark_t *mark, int64_t before) {
    if (!chain->live) return mark->value;
    if (mark == &w->plan->marks[chain->first])
        return chain->per_cover_month ? mark->value * w->bill->cover_months : mark->value;
    return adjusted_value(mark->op, before, mark->borne ? w->bill->deductible_borne : mark->value, TOTAL_MAX);
}

typedef struct bounds { // of an amount: at most `most`, less what is used up of it
    fen_t most, used;
} bounds_t;

INLINE fen_t within(fen_t amount, bounds_t bounds) { return fen_min(bounds.most, fen_max(0, amount - bounds.used)); }

// The chain's amount within its bounds, starting from `shown`; every mark that changes it is a step.
INLINE int64_t follow(work_t *w, bool steps, const chain_t *chain, int part, bounds_t bounds, fen_t shown) {
    const mark_t *marks = &w->plan->marks[chain->first];
    int64_t value = 0;
    if (!steps && !chain->live) return chain->value;
    for (int i = 0; i < chain->count; i++) {
        value = live_value(w, chain, &marks[i], value);
        const fen_t now = within(value, bounds);
        step_change(w, steps, part, marks[i].rule, shown, now);
        shown = now;
    }
    return value;
}

INLINE void deduct(work_t *w, bool steps) {
    const plan_t *plan = w->plan;
    w->scope = w->bill->in_scope;
    if (plan->first_pay) w->scope -= round_fen(w->bill->class_b * plan->first_pay);
    w->out->deductible = 0;
    if (plan->deductible.count) {
        const bounds_t bounds = {w->scope, 0};
        int64_t value = follow(w, steps, &plan->deductible, BENEFIT_PART_DEDUCTIBLE, bounds, 0);
        w->out->deductible = within(value, bounds);
    }
    w->left = w->scope - w->out->deductible;
    w->borne = w->out->deductible;
}

// ---- one turn
// ---------------------------------------------------------------------------------------------------------

INLINE fen_t base_of(const work_t *w, const turn_t *turn) {
    if (turn->plain) return w->left;
    switch ((looks_at_t)turn->looks_at) {
    case LOOKS_AT_WHOLE: return w->scope - w->out->deductible;
    case LOOKS_AT_LEFT_OVER_WITH_DEDUCTIBLE: return w->left + w->borne;
    case LOOKS_AT_OVER_CAP: return w->cut[turn->over_cap_of];
    case LOOKS_AT_LEFT_OVER:
    case LOOKS_AT__COUNT: break;
    }
    return w->left;
}

// `base` at one rate after another. Amounts are differences of the rounded sum so far, so they add up to the rounded
// whole.
INLINE int64_t add_piece(work_t *w, bool steps, const turn_t *turn, const piece_t *piece, fen_t base, int64_t sum) {
    if (!steps) return sum + base * piece->rate;
    fen_t before = round_fen(sum);
    for (int i = 0; i < piece->count; i++) {
        const mark_t *mark = &w->plan->marks[piece->first + i];
        sum += base * mark->value;
        const fen_t after = round_fen(sum);
        take_step(w, true, turn->layer, mark->rule, base, (rate_t)mark->value, after - before);
        before = after;
    }
    return sum;
}

// Cut start … start + base at the slices' lines. Without steps every slice is computed, empty or not: bills are too
// different for the processor to foresee which are.
INLINE fen_t add_pieces(work_t *w, bool steps, const turn_t *turn, fen_t start, fen_t base, fen_t *seen) {
    const piece_t *piece = &w->plan->pieces[turn->first], *end = piece + turn->count;
    const fen_t stop = start + base;
    int64_t sum = 0, seen_sum = 0;
    for (; piece < end; piece++) {
        const fen_t part = fen_max(0, fen_min(stop, piece->upto) - fen_max(start, piece->above));
        if (steps && part == 0) continue;
        sum = add_piece(w, steps, turn, piece, part, sum);
        if (turn->hides) seen_sum += part * piece->seen;
    }
    const fen_t paid = round_fen(sum);
    *seen = turn->hides ? round_fen(seen_sum) : paid;
    return paid;
}

// The rules of a turn, for its steps.
INLINE const turn_rules_t *rules_of(const work_t *w, const turn_t *turn) {
    return &w->plan->rules[turn - w->plan->turns];
}

INLINE fen_t paid_by(const work_t *w, uint32_t layers) {
    fen_t sum = 0;
    for (; layers; layers &= layers - 1) sum += w->out->paid[__builtin_ctz(layers)];
    return sum;
}

// Less what the named layers paid; no more than is left of the bill.
INLINE fen_t take_off(work_t *w, bool steps, const turn_t *turn, fen_t paid, fen_t *seen) {
    if (turn->plain) return paid; // a share of what is left is no more than that
    fen_t left = w->scope - w->out->fund;
    if (turn->looks_at != LOOKS_AT_LEFT_OVER_WITH_DEDUCTIBLE) left -= w->out->deductible;
    if (turn->less_paid_by) {
        const fen_t less = paid_by(w, turn->less_paid_by), rest = fen_max(0, paid - less);
        step_change(w, steps, turn->layer, rules_of(w, turn)->less, paid, rest);
        *seen = fen_max(0, *seen - less);
        paid = rest;
    }
    const fen_t bound = fen_min(paid, fen_max(0, left));
    step_change(w, steps, turn->layer, rules_of(w, turn)->row, paid, bound);
    return bound;
}

// The least a layer pays; it may reach beyond the in-scope expense but not beyond the bill.
INLINE fen_t lift(work_t *w, bool steps, const turn_t *turn, fen_t paid, fen_t *seen) {
    if (!turn->has_floor || w->bill->in_scope == 0) return paid;
    const fen_t least = fen_min(turn->floor, w->bill->total - w->out->fund);
    const fen_t lifted = fen_max(paid, least);
    step_change(w, steps, turn->layer, rules_of(w, turn)->floor, paid, lifted);
    *seen = fen_max(*seen, least);
    return lifted;
}

// The most a layer pays in the year; every change of the limit tells its own cut.
INLINE fen_t limit(work_t *w, bool steps, const turn_t *turn, fen_t paid, fen_t *seen) {
    if (!turn->has_cap) return paid;
    bounds_t bounds = {paid, w->out->after.value[turn->paid_total]};
    const int64_t most = follow(w, steps, &turn->cap, turn->layer, bounds, paid);
    const fen_t limited = within(most, bounds);
    bounds.most = *seen;
    *seen = within(most, bounds);
    if (w->plan->cuts) w->cut[turn->layer] += paid - limited;
    return limited;
}

INLINE void count_turn(work_t *w, const turn_t *turn, fen_t base, fen_t paid, fen_t seen) {
    benefit_result_t *out = w->out;
    out->paid[turn->layer] += paid;
    out->fund += paid;
    if (turn->paid_total >= 0) out->after.value[turn->paid_total] += paid;
    if (turn->base_total >= 0) out->after.value[turn->base_total] += base;
    if (!turn->plain && turn->looks_at == LOOKS_AT_LEFT_OVER_WITH_DEDUCTIBLE)
        w->borne -= fen_min(w->borne, fen_max(0, seen - w->left));
    w->left = fen_max(0, w->left - seen);
}

INLINE void take_turn(work_t *w, bool steps, const turn_t *turn) {
    const fen_t base = base_of(w, turn);
    fen_t paid, seen;
    if (turn->fixed) {
        const bounds_t bounds = {base, 0};
        paid = seen = within(follow(w, steps, &turn->amount, turn->layer, bounds, 0), bounds);
    } else {
        const fen_t start = turn->base_total >= 0 ? w->out->after.value[turn->base_total] : 0;
        paid = add_pieces(w, steps, turn, start, base, &seen);
    }
    paid = take_off(w, steps, turn, paid, &seen);
    paid = lift(w, steps, turn, paid, &seen);
    paid = limit(w, steps, turn, paid, &seen);
    count_turn(w, turn, base, paid, seen);
}

// ---- the whole
// --------------------------------------------------------------------------------------------------------

// The deductible is explained by its own steps and stands here once more as the part of the person's share it is.
INLINE void person(work_t *w, bool steps) {
    const plan_t *plan = w->plan;
    const benefit_bill_t *bill = w->bill;
    benefit_result_t *out = w->out;
    out->person = bill->total - out->fund;
    step_change(w, steps, BENEFIT_PART_PERSON, plan->first_pay_rule, 0, bill->in_scope - w->scope);
    step_change(w, steps, BENEFIT_PART_PERSON, plan->deductible_rule, 0, out->deductible);
    step_change(w, steps, BENEFIT_PART_PERSON, plan->own_share_rule, 0, w->scope - out->deductible - out->fund);
    step_change(w, steps, BENEFIT_PART_PERSON, plan->out_of_scope_rule, 0, bill->total - bill->in_scope);
}

INLINE void settle(work_t *w, bool steps) {
    deduct(w, steps);
    for (int i = 0; i < w->plan->turn_count; i++) take_turn(w, steps, &w->plan->turns[i]);
    person(w, steps);
}

void plan_run(const plan_t *plan, const benefit_bill_t *bill, const benefit_totals_t *before, bool with_steps,
              benefit_result_t *out) {
    work_t w; // not zeroed as a whole: most of it is set on the way
    w.plan = plan;
    w.bill = bill;
    w.out = out;
    w.step = out->steps;
    if (plan->cuts) memset(w.cut, 0, sizeof w.cut);
    out->decision = BENEFIT_PAID;
    out->reason = NULL;
    out->fund = 0;
    memset(out->paid, 0, sizeof out->paid);
    if (before)
        out->after = *before;
    else
        memset(&out->after, 0, sizeof out->after);
    if (with_steps)
        settle(&w, true);
    else
        settle(&w, false);
    out->step_count = (int)(w.step - out->steps);
    CHECK(out->step_count <= BENEFIT_STEPS_MAX); // steps_needed() of the policy is the bound
}
