// One bill, from the facts to the last fen. Order: readings of the facts, deductible, then layer by layer in the
// policy's order: slices × rates, one rounding, floor, cap; what a layer leaves over goes to the next.
//
// Arithmetic of limits: a bill and every slice of it are at most MONEY_MAX fen and rates at most RATE_ONE, so the sum
// of slice × rate stays below 2^63; running totals are at most TOTAL_MAX. Nothing here can overflow.
#include "benefit.h"
#include "common/policy/tables.h"

_Static_assert((int)BENEFIT_LAYERS_MAX == (int)POLICY_LAYERS_MAX, "layers of an answer and of a policy");
_Static_assert((int)BENEFIT_TOTALS_MAX == (int)POLICY_TOTALS_MAX, "totals of an answer and of a policy");
_Static_assert((int)BENEFIT_STEPS_MAX == (int)STEPS_MAX, "policies are checked against the room for steps");

#define TOTAL_MAX (MONEY_MAX * 1000)

typedef struct work {
    const policy_t *policy;
    const scheme_t *scheme;
    const benefit_bill_t *bill;
    facts_t facts;
    bool with_steps;
    const char *deductible_rule; // set where the deductible is
    benefit_result_t *out;
    err_t *err;
} work_t;

// ---- steps
// ------------------------------------------------------------------------------------------------------------

static void step(work_t *w, int part, const char *rule, fen_t base, rate_t rate, fen_t amount) {
    if (!w->with_steps) return;
    CHECK(w->out->step_count < BENEFIT_STEPS_MAX); // steps_needed() of the policy is the bound
    w->out->steps[w->out->step_count++] =
        (benefit_step_t){.rule = rule, .part = (uint8_t)part, .rate = rate, .base = base, .amount = amount};
}

// A step for a change, where there is one.
static void step_change(work_t *w, int part, const char *rule, fen_t before, fen_t after) {
    if (before != after) step(w, part, rule, 0, 0, after - before);
}

// Half up to the fen; the division by a constant is what keeps this fast.
static fen_t round_fen(int64_t numerator) { return (numerator + RATE_ONE / 2) / RATE_ONE; }

// ---- what the caller says
// ---------------------------------------------------------------------------------------------

static int check_amounts(const benefit_bill_t *b, err_t *err) {
    if (b->total < 0 || b->total > MONEY_MAX)
        return err_field(err, E_OUT_OF_RANGE, "fees.total", "a bill is between 0.00 and 10 billion yuan");
    if (b->in_scope < 0 || b->in_scope > b->total)
        return err_field(err, E_OUT_OF_RANGE, "fees.in_scope", "in_scope must be between 0.00 and total");
    if (b->from > b->to) return err_field(err, E_OUT_OF_RANGE, "visit.from", "the admission is after the discharge");
    if (b->months_tier1 < 0) return err_field(err, E_OUT_OF_RANGE, "person.months.tier1", "months below 0");
    if (b->months_tier2 < 0) return err_field(err, E_OUT_OF_RANGE, "person.months.tier2", "months below 0");
    if (b->deductible_borne < 0 || b->deductible_borne > MONEY_MAX)
        return err_field(err, E_OUT_OF_RANGE, "visit.referral.deductible_borne", "an amount below 0 or over any bill");
    return E_OK;
}

static int check_words(const policy_t *policy, const benefit_bill_t *b, err_t *err) {
    if (!policy_has_identity(policy, b->identity))
        return err_field(err, E_INVALID_FIELD, "person.identity", "the city has no such identity");
    if (b->groups >> GROUP__COUNT) return err_field(err, E_INVALID_FIELD, "person.groups", "an unknown group");
    if ((unsigned)b->level >= LEVEL__COUNT) return err_field(err, E_INVALID_FIELD, "facility.level", "unknown level");
    if ((unsigned)b->visit >= VISIT__COUNT) return err_field(err, E_INVALID_FIELD, "visit.type", "unknown type");
    if ((unsigned)b->area >= AREA__COUNT) return err_field(err, E_INVALID_FIELD, "visit.area", "unknown area");
    if ((unsigned)b->filing >= FILING__COUNT || (b->area == AREA_CITY) != (b->filing == FILING_NONE))
        return err_field(err, E_INVALID_FIELD, "visit.filing",
                         "a visit in the city has filing none, one outside has another");
    return E_OK;
}

// Facts that contradict each other; the law has no answer for them.
static int check_together(const benefit_bill_t *b, err_t *err) {
    bool inpatient = b->visit == VISIT_INPATIENT;
    if (b->childbirth && !inpatient)
        return err_field(err, E_INVALID_FIELD, "visit.childbirth", "childbirth is for inpatient visits");
    if (b->family_bed && (!inpatient || !b->designated))
        return err_field(err, E_INVALID_FIELD, "visit.family_bed",
                         "a family bed is an inpatient visit at a designated facility");
    if (b->referral && (!inpatient || b->filing == FILING_UNFILED))
        return err_field(err, E_INVALID_FIELD, "visit.referral", "a referral is a filed inpatient visit");
    return E_OK;
}

static int check_totals(const policy_t *policy, const benefit_totals_t *before, err_t *err) {
    for (uint32_t i = 0; before && i < policy->total_count; i++) {
        if (before->value[i] >= 0 && before->value[i] <= TOTAL_MAX) continue;
        char field[sizeof err->field];
        snprintf(field, sizeof field, "used.%s", policy->totals[i]);
        return err_field(err, E_OUT_OF_RANGE, field, "a running total below 0.00 or too large");
    }
    return E_OK;
}

static int find_scheme(const policy_t *policy, const benefit_bill_t *b, const scheme_t **out, err_t *err) {
    bool known = false;
    for (uint32_t i = 0; i < policy->scheme_count; i++) {
        const scheme_t *scheme = &policy->schemes[i];
        if (scheme->visit != b->visit) continue;
        known = true;
        if (b->to < scheme->from || b->to > scheme->to) continue;
        *out = scheme;
        return E_OK;
    }
    char day[DATE_TEXT_MAX];
    if (!known)
        return err_field(err, E_UNSUPPORTED, "visit.type", "%s has no rules for %s visits", policy->city,
                         visit_name((int)b->visit));
    return err_field(err, E_NOT_IN_FORCE, "visit.to", "no rule is in force for a discharge on %s",
                     date_format(b->to, day));
}

// The facts as bits, then as the law reads them.
static void state_facts(work_t *w) {
    const benefit_bill_t *b = w->bill;
    const policy_t *p = w->policy;
    facts_t *f = &w->facts;
    *f = (facts_t){.groups = b->groups};
    facts_set(f, DIM_IDENTITY, b->identity);
    facts_set(f, DIM_LEVEL, b->level);
    facts_set(f, DIM_AREA, b->area);
    facts_set(f, DIM_FILING, b->filing);
    facts_set(f, DIM_DESIGNATED, b->designated);
    facts_set(f, DIM_PRIMARY, b->primary);
    facts_set(f, DIM_FAMILY_BED, b->family_bed);
    facts_set(f, DIM_REFERRAL, b->referral);
    facts_set(f, DIM_CHILDBIRTH, b->childbirth);
    facts_set(f, DIM_TIER2, p->coverage.tier2 >> b->identity & 1);
    facts_set(f, DIM_MONTHS_TIER1, band_of(&p->bands[DIM_MONTHS_TIER1], b->months_tier1));
    facts_set(f, DIM_MONTHS_TIER2, band_of(&p->bands[DIM_MONTHS_TIER2], b->months_tier2));
    for (uint32_t i = 0; i < w->scheme->reading_count; i++) {
        const reading_t *reading = &w->scheme->readings[i];
        if (when_holds(&reading->when, f, b->to)) facts_reset(f, reading->dimension, reading->value);
    }
}

// ---- values
// -----------------------------------------------------------------------------------------------------------

static const char *no_row_text = "the policy has no row for this case";

static int find_row(const work_t *w, const table_t *table, const row_t **out) {
    *out = table_row(table, &w->facts, w->bill->to);
    return *out ? E_OK : err_set(w->err, E_POLICY, "%s", no_row_text);
}

static int value_of(const work_t *w, const ref_t *ref, int64_t *out) {
    return ref_value(ref, w->bill->to, w->bill->deductible_borne, out, w->err);
}

static int deduct(work_t *w) {
    const derived_t *d = &w->scheme->deductible;
    const row_t *row;
    fen_t value, scope = w->bill->in_scope;
    int rc = find_row(w, &d->table, &row);
    if (!rc) rc = value_of(w, &row->amount, &value);
    if (rc) return rc;
    w->deductible_rule = row->rule;
    step_change(w, BENEFIT_PART_DEDUCTIBLE, row->rule, 0, fen_min(value, scope));
    for (uint32_t hits = adjusts_hold(d, &w->facts, w->bill->to); hits; hits &= hits - 1) {
        const adjust_t *adjust = &d->adjusts[__builtin_ctz(hits)];
        int64_t by;
        if ((rc = value_of(w, &adjust->by, &by))) return rc;
        fen_t next = adjusted_value(adjust->op, value, by, TOTAL_MAX);
        step_change(w, BENEFIT_PART_DEDUCTIBLE, adjust->rule, fen_min(value, scope), fen_min(next, scope));
        value = next;
    }
    w->out->deductible = fen_min(value, scope);
    return E_OK;
}

// ---- one layer
// --------------------------------------------------------------------------------------------------------

typedef struct turn { // a layer's turn at what is left over
    const stage_t *stage;
    fen_t base;  // what it looks at
    fen_t start; // where on the running total that begins
    fen_t paid;
    fen_t seen;            // what later layers take as paid; differs from `paid` when an adjustment is hidden
    uint32_t adjust_count; // of the rate, that hold for this case
    struct {
        const adjust_t *adjust;
        int64_t by;
    } adjusts[ADJUSTS_MAX];
    int64_t sum, seen_sum; // numerators in millionths of a fen
} turn_t;

static int collect_adjusts(const work_t *w, turn_t *t) {
    const derived_t *rate = &t->stage->rate;
    for (uint32_t hits = adjusts_hold(rate, &w->facts, w->bill->to); hits; hits &= hits - 1) {
        const adjust_t *adjust = &rate->adjusts[__builtin_ctz(hits)];
        int rc = value_of(w, &adjust->by, &t->adjusts[t->adjust_count].by);
        if (rc) return rc;
        t->adjusts[t->adjust_count++].adjust = adjust;
    }
    return E_OK;
}

// A part of the layer's sum. Amounts are differences of the rounded sum so far, so they add up to the rounded whole.
static void add_product(work_t *w, turn_t *t, const char *rule, fen_t base, int64_t rate) {
    fen_t before = round_fen(t->sum);
    t->sum += base * rate;
    step(w, t->stage->layer, rule, base, (rate_t)rate, round_fen(t->sum) - before);
}

// `base` at the slice's rate, then what every adjustment makes of it.
static void add_slice(work_t *w, turn_t *t, const char *rule, fen_t base, int64_t rate) {
    int64_t seen = rate;
    add_product(w, t, rule, base, rate);
    for (uint32_t i = 0; i < t->adjust_count; i++) {
        const adjust_t *adjust = t->adjusts[i].adjust;
        int64_t next = adjusted_value(adjust->op, rate, t->adjusts[i].by, RATE_ONE);
        if (!adjust->hidden) seen = adjusted_value(adjust->op, seen, t->adjusts[i].by, RATE_ONE);
        if (next != rate) add_product(w, t, adjust->rule, base, next - rate);
        rate = next;
    }
    t->seen_sum += base * seen;
}

// Cut start … start + base at the slices' lines. A line below an earlier one begins where that one does.
static int add_slices(work_t *w, turn_t *t) {
    const row_t *row;
    int rc = find_row(w, &t->stage->rate.table, &row);
    if (rc) return rc;
    fen_t above[SLICES_MAX + 1];
    int64_t rate;
    for (uint32_t i = 0; i < row->slice_count; i++) {
        if ((rc = value_of(w, &row->slices[i].above, &above[i]))) return rc;
        if (i > 0) above[i] = fen_max(above[i], above[i - 1]);
    }
    fen_t end = t->start + t->base;
    above[row->slice_count] = fen_max(end, row->slice_count ? above[row->slice_count - 1] : 0);
    for (uint32_t i = 0; i < row->slice_count; i++) {
        if ((rc = value_of(w, &row->slices[i].rate, &rate))) return rc;
        fen_t base = fen_min(end, above[i + 1]) - fen_max(t->start, above[i]);
        if (base > 0) add_slice(w, t, row->slices[i].rule, base, rate);
    }
    t->paid = round_fen(t->sum);
    t->seen = round_fen(t->seen_sum);
    return E_OK;
}

// The least a layer pays; it may reach beyond the in-scope expense but not beyond the bill.
static int lift(work_t *w, turn_t *t) {
    if (t->stage->floor.count == 0 || w->bill->in_scope == 0) return E_OK;
    const row_t *row = table_row(&t->stage->floor, &w->facts, w->bill->to);
    if (!row) return E_OK;
    fen_t least;
    int rc = value_of(w, &row->amount, &least);
    if (rc) return rc;
    least = fen_min(least, w->bill->total - w->out->fund);
    fen_t lifted = fen_max(t->paid, least);
    step_change(w, t->stage->layer, row->rule, t->paid, lifted);
    t->paid = lifted;
    t->seen = fen_max(t->seen, least);
    return E_OK;
}

static fen_t within(fen_t amount, fen_t limit, fen_t used) { return fen_min(amount, fen_max(0, limit - used)); }

// The most a layer pays in the year; every adjustment of the limit tells its own cut.
static int limit(work_t *w, turn_t *t, fen_t used) {
    const derived_t *cap = &t->stage->cap;
    if (cap->table.count == 0) return E_OK;
    const row_t *row;
    int64_t most, by;
    int rc = find_row(w, &cap->table, &row);
    if (rc || row->none) return rc;
    if ((rc = value_of(w, &row->amount, &most))) return rc;
    const fen_t raw = t->paid;
    step_change(w, t->stage->layer, row->rule, raw, within(raw, most, used));
    for (uint32_t hits = adjusts_hold(cap, &w->facts, w->bill->to); hits; hits &= hits - 1) {
        const adjust_t *adjust = &cap->adjusts[__builtin_ctz(hits)];
        if ((rc = value_of(w, &adjust->by, &by))) return rc;
        int64_t next = adjusted_value(adjust->op, most, by, TOTAL_MAX);
        step_change(w, t->stage->layer, adjust->rule, within(raw, most, used), within(raw, next, used));
        most = next;
    }
    t->paid = within(raw, most, used);
    t->seen = within(t->seen, most, used);
    return E_OK;
}

static int take_turn(work_t *w, const stage_t *stage, fen_t *left) {
    benefit_totals_t *totals = &w->out->after;
    if (!when_holds(&stage->when, &w->facts, w->bill->to)) return E_OK;
    turn_t t; // not zeroed as a whole: the room for adjustments is large
    t.stage = stage;
    t.base = *left;
    t.start = stage->base_total >= 0 ? totals->value[stage->base_total] : 0;
    t.adjust_count = 0;
    t.sum = t.seen_sum = 0;
    int rc = collect_adjusts(w, &t);
    if (!rc) rc = add_slices(w, &t);
    if (!rc) rc = lift(w, &t);
    if (!rc) rc = limit(w, &t, stage->paid_total >= 0 ? totals->value[stage->paid_total] : 0);
    if (rc) return rc;
    w->out->paid[stage->layer] = t.paid;
    w->out->fund += t.paid;
    if (stage->paid_total >= 0) totals->value[stage->paid_total] += t.paid;
    if (stage->base_total >= 0) totals->value[stage->base_total] += t.base;
    *left = fen_max(0, *left - t.seen);
    return E_OK;
}

// ---- the answer
// -------------------------------------------------------------------------------------------------------

static int refuse(work_t *w, benefit_decision_t decision, const table_t *why) {
    const row_t *row;
    int rc = find_row(w, why, &row);
    if (rc) return rc;
    w->out->decision = decision;
    w->out->reason = policy_rule_text(w->policy, row->rule);
    w->out->person = w->bill->total;
    step(w, BENEFIT_PART_PERSON, row->rule, 0, 0, w->bill->total);
    return E_OK;
}

static int pay(work_t *w) {
    int rc = deduct(w);
    fen_t left = w->bill->in_scope - w->out->deductible;
    for (uint32_t i = 0; i < w->scheme->stage_count && !rc; i++) rc = take_turn(w, &w->scheme->stages[i], &left);
    if (rc) return rc;
    const benefit_bill_t *b = w->bill;
    benefit_result_t *out = w->out;
    out->decision = BENEFIT_PAID;
    out->person = b->total - out->fund;
    // The deductible is explained by its own steps and stands here once more as the part of the person's share it is.
    step_change(w, BENEFIT_PART_PERSON, w->deductible_rule, 0, out->deductible);
    step_change(w, BENEFIT_PART_PERSON, w->scheme->own_share_rule, 0, b->in_scope - out->deductible - out->fund);
    step_change(w, BENEFIT_PART_PERSON, w->scheme->out_of_scope_rule, 0, b->total - b->in_scope);
    return E_OK;
}

static int decide(work_t *w) {
    if (!w->bill->covered) return refuse(w, BENEFIT_NOT_COVERED, &w->scheme->not_covered);
    if (w->scheme->manual.count > 0) return refuse(w, BENEFIT_MANUAL, &w->scheme->manual);
    return pay(w);
}

static int check_bill(const policy_t *policy, const benefit_bill_t *bill, const benefit_totals_t *before, err_t *err) {
    int rc = check_words(policy, bill, err);
    if (!rc) rc = check_together(bill, err);
    if (!rc) rc = check_amounts(bill, err);
    if (!rc) rc = check_totals(policy, before, err);
    return rc;
}

int benefit_eval(const policy_t *policy, const benefit_bill_t *bill, const benefit_totals_t *before, bool with_steps,
                 benefit_result_t *out, err_t *err) {
    benefit_result_t result; // the steps are left unset on purpose: only those taken are copied
    work_t w = {.policy = policy, .bill = bill, .with_steps = with_steps, .out = &result, .err = err};
    memset(&result, 0, offsetof(benefit_result_t, steps));
    int rc = check_bill(policy, bill, before, err);
    if (!rc) rc = find_scheme(policy, bill, &w.scheme, err);
    if (rc) return rc;
    if (before) result.after = *before;
    state_facts(&w);
    if ((rc = decide(&w))) return rc;
    memcpy(out, &result, offsetof(benefit_result_t, steps) + (size_t)result.step_count * sizeof result.steps[0]);
    return E_OK;
}

const char *benefit_decision_name(benefit_decision_t decision) {
    static const char *const names[] = {"paid", "not_covered", "manual"};
    return (unsigned)decision < COUNT_OF(names) ? names[decision] : "";
}

const char *benefit_part_name(const policy_t *policy, int part) {
    if (part == BENEFIT_PART_DEDUCTIBLE) return "deductible";
    if (part == BENEFIT_PART_PERSON) return "person";
    return policy_layer_name(policy, part);
}
