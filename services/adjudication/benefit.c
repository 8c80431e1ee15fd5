// A bill's facts: are they sound, which rules are they under, as what does the law read them. Then a plan (plan.c) says
// how such a case is settled, and plan_run.c settles it.
#include "plan.h"

enum { COVER_MONTHS_MAX = 12, NEVER_REFERRED = INT32_MAX };

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
    if (b->cover_months < 0 || b->cover_months > COVER_MONTHS_MAX)
        return err_field(err, E_OUT_OF_RANGE, "person.cover_months", "a year has 0 to 12 months of cover");
    if (b->class_b < 0 || b->class_b > b->in_scope)
        return err_field(err, E_OUT_OF_RANGE, "fees.class_b", "class_b must be between 0.00 and in_scope");
    if (b->deductible_borne < 0 || b->deductible_borne > MONEY_MAX)
        return err_field(err, E_OUT_OF_RANGE, "visit.referral.deductible_borne", "an amount below 0 or over any bill");
    return E_OK;
}

static int check_words(const benefit_bill_t *b, err_t *err) {
    if ((unsigned)b->identity >= IDENTITY__COUNT)
        return err_field(err, E_INVALID_FIELD, "person.identity", "unknown identity");
    if (b->groups >> GROUP__COUNT) return err_field(err, E_INVALID_FIELD, "person.groups", "an unknown group");
    if ((unsigned)b->level >= LEVEL__COUNT) return err_field(err, E_INVALID_FIELD, "facility.level", "unknown level");
    if ((unsigned)b->visit >= VISIT__COUNT) return err_field(err, E_INVALID_FIELD, "visit.type", "unknown type");
    if ((unsigned)b->area >= AREA__COUNT) return err_field(err, E_INVALID_FIELD, "visit.area", "unknown area");
    if ((unsigned)b->filing >= FILING__COUNT || (b->area == AREA_CITY) != (b->filing == FILING_NONE))
        return err_field(err, E_INVALID_FIELD, "visit.filing",
                         "a visit in the city has filing none, one outside has another");
    return E_OK;
}

// A chosen point is designated, primary or not as its kind says, and for outpatients.
static int check_point(const benefit_bill_t *b, err_t *err) {
    if ((unsigned)b->point >= POINT__COUNT) return err_field(err, E_INVALID_FIELD, "visit.point", "unknown point");
    if (b->point != POINT_NONE && b->visit == VISIT_INPATIENT)
        return err_field(err, E_INVALID_FIELD, "visit.point", "an inpatient visit has no chosen point");
    if (b->point != POINT_NONE && (!b->designated || b->primary != (b->point == POINT_PRIMARY)))
        return err_field(err, E_INVALID_FIELD, "visit.point",
                         "a chosen point is a designated facility, primary or not as the point is");
    if (b->referred && (b->point != POINT_OTHER || b->referred_on > b->to))
        return err_field(err, E_INVALID_FIELD, "visit.referred_on",
                         "the primary point refers to the other chosen one, no later than the visit");
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
    return check_point(b, err);
}

static bool total_fits(fen_t total) { return (uint64_t)total <= (uint64_t)TOTAL_MAX; }

static int check_totals(const policy_t *policy, const benefit_totals_t *before, err_t *err) {
    bool fit = true;
    for (uint32_t i = 0; before && i < policy->total_count; i++) fit &= total_fits(before->value[i]);
    if (fit) return E_OK;
    uint32_t at = 0;
    while (total_fits(before->value[at])) at++;
    char field[64];
    snprintf(field, sizeof field, "used.%s", policy->totals[at]);
    return err_field(err, E_OUT_OF_RANGE, field, "a running total below 0.00 or too large");
}

static int check_bill(const policy_t *policy, const benefit_bill_t *bill, const benefit_totals_t *before, err_t *err) {
    int rc = check_words(bill, err);
    if (!rc) rc = check_together(bill, err);
    if (!rc) rc = check_amounts(bill, err);
    if (!rc) rc = check_totals(policy, before, err);
    if (rc || policy_has_identity(policy, bill->identity)) return rc;
    return err_field(err, E_UNSUPPORTED, "person.identity", "%s does not insure %s", policy->city,
                     identity_name((int)bill->identity));
}

// ---- its rules
// --------------------------------------------------------------------------------------------------------

static facts_t facts_of(const policy_t *p, const benefit_bill_t *b) {
    facts_t facts = {.groups = b->groups}, *f = &facts;
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
    facts_set(f, DIM_POINT, b->point);
    // Whoever was never referred is beyond every number of days.
    const int64_t days = b->referred ? (int64_t)b->to - b->referred_on : NEVER_REFERRED;
    facts_set(f, DIM_REFERRAL_DAYS, band_of(&p->bands[DIM_REFERRAL_DAYS], days));
    return facts;
}

static bool is_published(const series_t *series, date_t on) {
    const ref_t ref = {.kind = REF_SERIES, .series = series, .times = RATE_ONE, .if_published = true};
    int64_t value;
    bool found = false;
    return ref_series_value(&ref, on, &value, &found, NULL) == E_OK && found;
}

static bool in_force(const scheme_t *scheme, const facts_t *facts, date_t on) {
    if (on < scheme->from || on > scheme->to || !when_holds(&scheme->when, facts, on)) return false;
    for (uint32_t i = 0; i < scheme->once_count; i++)
        if (!is_published(scheme->once_published[i], on)) return false;
    return true;
}

static int no_scheme(const policy_t *policy, const benefit_bill_t *b, err_t *err) {
    bool known = false, tells_class_b = false;
    char day[DATE_TEXT_MAX];
    for (uint32_t i = 0; i < policy->scheme_count; i++) {
        if (policy->schemes[i].visit != b->visit) continue;
        known = true;
        tells_class_b |= policy->schemes[i].first_pay.table.count > 0;
    }
    if (!known)
        return err_field(err, E_UNSUPPORTED, "visit.type", "%s has no rules for %s visits", policy->city,
                         visit_name((int)b->visit));
    if (b->class_b > 0 && !tells_class_b)
        return err_field(err, E_UNSUPPORTED, "fees.class_b", "%s has no share of class B that is paid first",
                         policy->city);
    return err_field(err, E_NOT_IN_FORCE, "visit.to", "no rule is in force for a discharge on %s",
                     date_format(b->to, day));
}

static int find_scheme(const policy_t *policy, const benefit_bill_t *b, const facts_t *facts, const scheme_t **out,
                       err_t *err) {
    for (uint32_t i = 0; i < policy->scheme_count; i++) {
        const scheme_t *scheme = &policy->schemes[i];
        if (scheme->visit != b->visit || !in_force(scheme, facts, b->to)) continue;
        *out = scheme;
        if (b->class_b == 0 || scheme->first_pay.table.count > 0) return E_OK;
        return err_field(err, E_UNSUPPORTED, "fees.class_b", "%s has no share of class B that is paid first here",
                         policy->city);
    }
    return no_scheme(policy, b, err);
}

// ---- the answer
// -------------------------------------------------------------------------------------------------------

typedef struct question {
    const policy_t *policy;
    const benefit_bill_t *bill;
    const benefit_totals_t *before;
    bool with_steps;
} question_t;

static int refuse(const question_t *q, const facts_t *facts, benefit_decision_t decision, const table_t *why,
                  benefit_result_t *out, err_t *err) {
    const row_t *row = table_row(why, facts, q->bill->to);
    if (!row) return err_set(err, E_POLICY, "the policy has no row for this case");
    memset(out, 0, offsetof(benefit_result_t, steps));
    out->decision = decision;
    out->reason = policy_rule_text(q->policy, row->rule);
    out->person = q->bill->total;
    if (q->before) out->after = *q->before;
    if (q->with_steps)
        out->steps[out->step_count++] =
            (benefit_step_t){.rule = row->rule, .part = BENEFIT_PART_PERSON, .amount = q->bill->total};
    return E_OK;
}

static void read_facts(const scheme_t *scheme, facts_t *facts, date_t on) {
    for (uint32_t i = 0; i < scheme->reading_count; i++) {
        const reading_t *reading = &scheme->readings[i];
        if (when_holds(&reading->when, facts, on)) facts_reset(facts, reading->dimension, reading->value);
    }
}

static int pay(benefit_memo_t *memo, const plan_key_t *key, const question_t *q, const scheme_t *scheme, facts_t *facts,
               benefit_result_t *out, err_t *err) {
    const date_t on = q->bill->to;
    plan_room_t room; // not zeroed: plan_make() fills what it uses
    read_facts(scheme, facts, on);
    int rc = plan_make(&room, scheme, facts, on, q->bill->class_b > 0, err);
    if (rc) return rc;
    if (memo) memo_keep(memo, key, on, &room);
    plan_run(&room.plan, q->bill, q->before, q->with_steps, out);
    return E_OK;
}

static int answer(benefit_memo_t *memo, const plan_key_t *key, const question_t *q, benefit_result_t *out, err_t *err) {
    const scheme_t *scheme;
    int rc = check_bill(q->policy, q->bill, q->before, err);
    if (rc) return rc;
    facts_t facts = facts_of(q->policy, q->bill);
    if ((rc = find_scheme(q->policy, q->bill, &facts, &scheme, err))) return rc;
    if (!q->bill->covered) return refuse(q, &facts, BENEFIT_NOT_COVERED, &scheme->not_covered, out, err);
    if (scheme->manual.count > 0) return refuse(q, &facts, BENEFIT_MANUAL, &scheme->manual, out, err);
    return pay(memo, key, q, scheme, &facts, out, err);
}

// All of a bill that picks its rules, in places of 8 bits; false when a word does not fit and so is none.
static bool key_of(const policy_t *p, const benefit_bill_t *b, plan_key_t *key) {
    const unsigned words = (unsigned)b->identity | (unsigned)b->level | (unsigned)b->visit | (unsigned)b->area |
                           (unsigned)b->filing | (unsigned)b->point;
    const unsigned first = band_of(&p->bands[DIM_MONTHS_TIER1], b->months_tier1);
    const unsigned second = band_of(&p->bands[DIM_MONTHS_TIER2], b->months_tier2);
    const unsigned days = b->referred ? 1 + band_of(&p->bands[DIM_REFERRAL_DAYS], (int64_t)b->to - b->referred_on) : 0;
    const unsigned flags = (unsigned)b->designated | (unsigned)b->primary << 1 | (unsigned)b->family_bed << 2 |
                           (unsigned)b->referral << 3 | (unsigned)b->childbirth << 4 | (unsigned)(b->class_b > 0) << 5;
    key->words[0] = (uint64_t)b->identity | (uint64_t)b->level << 8 | (uint64_t)b->visit << 16 |
                    (uint64_t)b->area << 24 | (uint64_t)b->filing << 32 | (uint64_t)b->point << 40 |
                    (uint64_t)first << 48 | (uint64_t)second << 56;
    key->words[1] = b->groups | (uint64_t)days << 32 | (uint64_t)flags << 40;
    return words < 256 && !(b->referred && b->referred_on > b->to);
}

// A plan is kept only for a bill that was sound, so a bill with the same key needs its amounts checked and no more.
int benefit_eval_with(benefit_memo_t *memo, const policy_t *policy, const benefit_bill_t *bill,
                      const benefit_totals_t *before, bool with_steps, benefit_result_t *out, err_t *err) {
    const question_t q = {policy, bill, before, with_steps};
    plan_key_t key;
    if (!memo || !bill->covered || !key_of(policy, bill, &key)) return answer(NULL, NULL, &q, out, err);
    const plan_t *plan = memo_find(memo, policy, &key, bill->to);
    if (!plan) return answer(memo, &key, &q, out, err);
    int rc = check_amounts(bill, err);
    if (!rc) rc = check_totals(policy, before, err);
    if (!rc) plan_run(plan, bill, before, with_steps, out);
    return rc;
}

int benefit_eval(const policy_t *policy, const benefit_bill_t *bill, const benefit_totals_t *before, bool with_steps,
                 benefit_result_t *out, err_t *err) {
    return benefit_eval_with(NULL, policy, bill, before, with_steps, out, err);
}

// ---- advice
// -----------------------------------------------------------------------------------------------------------

static void set_fact(benefit_bill_t *bill, const fact_t *fact) {
    switch (fact->dimension) {
    case DIM_LEVEL: bill->level = (level_t)fact->value; break;
    case DIM_AREA: bill->area = (area_t)fact->value; break;
    case DIM_FILING: bill->filing = (filing_t)fact->value; break;
    case DIM_DESIGNATED: bill->designated = fact->value; break;
    case DIM_PRIMARY: bill->primary = fact->value; break;
    case DIM_POINT: bill->point = (point_t)fact->value; break;
    case DIM_REFERRAL_DAYS:
        bill->referred = true;
        bill->referred_on = bill->to - (date_t)fact->value;
        break;
    default: break; // the loader lets no other pass
    }
}

int benefit_advise(const policy_t *policy, const benefit_bill_t *bill, const benefit_totals_t *before,
                   const benefit_result_t *answer, benefit_advice_t out[BENEFIT_ADVICE_MAX]) {
    const facts_t facts = facts_of(policy, bill);
    const scheme_t *scheme;
    err_t err;
    int count = 0;
    if (answer->decision != BENEFIT_PAID || find_scheme(policy, bill, &facts, &scheme, &err)) return 0;
    for (uint32_t i = 0; i < scheme->advice_count; i++) {
        const advice_t *advice = &scheme->advice[i];
        benefit_bill_t other = *bill;
        benefit_result_t better;
        if (!when_holds(&advice->when, &facts, bill->to)) continue;
        for (uint32_t k = 0; k < advice->set_count; k++) set_fact(&other, &advice->set[k]);
        // Facts that cannot be together, or a value that is not published: no advice.
        if (benefit_eval(policy, &other, before, false, &better, &err) || better.person >= answer->person) continue;
        out[count++] = (benefit_advice_t){advice->rule, advice->text, advice->text_zh, better.person,
                                          answer->person - better.person};
    }
    return count;
}

bool benefit_has_first_pay(const policy_t *policy, const benefit_bill_t *bill) {
    benefit_bill_t any = *bill;
    const scheme_t *scheme;
    err_t err;
    any.class_b = 0;
    const facts_t facts = facts_of(policy, &any);
    return !find_scheme(policy, &any, &facts, &scheme, &err) && scheme->first_pay.table.count > 0;
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
