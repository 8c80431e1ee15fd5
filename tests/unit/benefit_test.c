// The benefit core under Jiangmen's policy: the worked examples (WE), each rule by its ID (JM), the settled points of
// the public interface (B), and 200,000 random bills against a slow version written from the order of computation
// alone.
#include "services/adjudication/benefit.h"
#include "tests/check.h"
#include <time.h>

#define CITY TC_SOURCE_DIR "/config/cities/jiangmen.yaml"
#define SAMPLE(name) TC_SOURCE_DIR "/config/samples/test-" name ".yaml"
#define YUAN(yuan, fen) ((fen_t)(yuan)*100 + (fen))

static policy_t *policy_with(const char *a, const char *b) {
    const char *overlays[] = {SAMPLE("worked-examples"), a, b, NULL};
    policy_t *policy;
    err_t err = {0};
    int rc = policy_load(&policy, CITY, overlays, &err);
    if (rc) fprintf(stderr, "%s\n", err.text);
    NEED(rc == E_OK);
    return policy;
}

static policy_t *policies[2][2]; // [catastrophic first][residual not counted]
static const policy_t *law(bool catastrophic_first, bool not_counted) {
    policy_t **p = &policies[catastrophic_first][not_counted];
    if (!*p)
        *p = policy_with(catastrophic_first ? SAMPLE("catastrophic-first") : SAMPLE("worked-examples"),
                         not_counted ? SAMPLE("residual-not-counted") : NULL);
    return *p;
}

enum { TIER1, TIER2, CATASTROPHIC };

static benefit_bill_t bill_of(identity_t identity, level_t level, fen_t amount) {
    return (benefit_bill_t){.identity = identity,
                            .covered = true,
                            .months_tier1 = 40,
                            .months_tier2 = identity == IDENTITY_RESIDENT ? 0 : 40,
                            .level = level,
                            .designated = true,
                            .visit = VISIT_INPATIENT,
                            .from = date_make(2018, 3, 1),
                            .to = date_make(2018, 3, 10),
                            .total = amount,
                            .in_scope = amount};
}
static benefit_bill_t resident(level_t level, fen_t amount) { return bill_of(IDENTITY_RESIDENT, level, amount); }
static benefit_bill_t employee(level_t level, fen_t amount) { return bill_of(IDENTITY_EMPLOYEE, level, amount); }
static benefit_bill_t retiree(level_t level, fen_t amount) { return bill_of(IDENTITY_RETIREE, level, amount); }
static benefit_bill_t elsewhere(benefit_bill_t bill, filing_t filing) {
    bill.area = AREA_OUTSIDE;
    bill.filing = filing;
    return bill;
}
static benefit_bill_t strange(benefit_bill_t bill) { // at a non-designated institution
    bill.designated = false;
    return bill;
}

// Every part is the sum of its steps, and the parts are the bill.
static void check_parts(const policy_t *policy, const benefit_bill_t *bill, const benefit_result_t *r) {
    fen_t sum[256] = {0}, fund = 0;
    for (int i = 0; i < r->step_count; i++) {
        sum[r->steps[i].part] += r->steps[i].amount;
        OK(*policy_rule_source(policy, r->steps[i].rule) && *policy_rule_text(policy, r->steps[i].rule) &&
           *policy_rule_text_zh(policy, r->steps[i].rule));
    }
    for (int i = 0; i < policy_layer_count(policy); i++) {
        EQ(sum[i], r->paid[i]);
        fund += r->paid[i];
    }
    EQ(sum[BENEFIT_PART_DEDUCTIBLE], r->deductible);
    EQ(sum[BENEFIT_PART_PERSON], r->person);
    EQ(fund, r->fund);
    EQ(r->fund + r->person, bill->total);
}

static benefit_result_t eval_under(const policy_t *policy, benefit_bill_t bill, const benefit_totals_t *before) {
    benefit_result_t r = {0};
    err_t err = {0};
    int rc = benefit_eval(policy, &bill, before, true, &r, &err);
    if (rc) fprintf(stderr, "%s %s: %s\n", err_name(rc), err.field, err.text);
    NEED(rc == E_OK);
    check_parts(policy, &bill, &r);
    return r;
}
static benefit_result_t eval(benefit_bill_t bill) { return eval_under(law(false, false), bill, NULL); }
static fen_t paid(benefit_bill_t bill, int layer) { return eval(bill).paid[layer]; }
static fen_t deductible(benefit_bill_t bill) { return eval(bill).deductible; }

static void expect(const benefit_result_t *r, fen_t less, fen_t p1, fen_t p2, fen_t p3, fen_t person) {
    EQ(r->decision, BENEFIT_PAID);
    EQ(r->deductible, less);
    EQ(r->paid[TIER1], p1);
    EQ(r->paid[TIER2], p2);
    EQ(r->paid[CATASTROPHIC], p3);
    EQ(r->person, person);
}

static const benefit_step_t *step_by(const benefit_result_t *r, int part, const char *rule) {
    for (int i = 0; i < r->step_count; i++)
        if (r->steps[i].part == part && strcmp(r->steps[i].rule, rule) == 0) return &r->steps[i];
    return NULL;
}
static fen_t amount_by(const benefit_result_t *r, int part, const char *rule) {
    const benefit_step_t *step = step_by(r, part, rule);
    return step ? step->amount : INT64_MIN;
}

static int total(const char *name) {
    int index = policy_total_from_name(law(false, false), name);
    NEED(index >= 0);
    return index;
}

static int refused(benefit_bill_t bill, const char *field) {
    benefit_result_t r;
    err_t err = {0};
    int rc = benefit_eval(law(false, false), &bill, NULL, true, &r, &err);
    EQ_TEXT(err.field, field);
    OK(*err.text != 0);
    return rc;
}

// ---- worked examples
// --------------------------------------------------------------------------------------------------

TEST(WE_01_resident_level_2) {
    benefit_result_t r = eval(resident(LEVEL_2, YUAN(12345, 67)));
    expect(&r, YUAN(600, 0), YUAN(9396, 54), 0, 0, YUAN(2949, 13));
}

TEST(WE_02_first_year_both_caps_at_half) {
    benefit_bill_t bill = resident(LEVEL_3, YUAN(260000, 0));
    bill.months_tier1 = 8;
    benefit_result_t r = eval(bill);
    expect(&r, YUAN(900, 0), YUAN(100000, 0), 0, YUAN(84370, 0), YUAN(75630, 0));
}

TEST(WE_03_month_24_against_month_25) {
    benefit_bill_t bill = resident(LEVEL_3, YUAN(260000, 0));
    bill.months_tier1 = 24;
    benefit_result_t r = eval(bill);
    expect(&r, YUAN(900, 0), YUAN(140000, 0), 0, YUAN(56460, 0), YUAN(63540, 0));
    bill.months_tier1 = 25;
    r = eval(bill);
    expect(&r, YUAN(900, 0), YUAN(142505, 0), 0, YUAN(54957, 0), YUAN(62538, 0));
}

TEST(WE_04_crossing_the_band_within_a_year) {
    benefit_bill_t bill = resident(LEVEL_3, YUAN(400000, 0));
    bill.months_tier1 = 12;
    benefit_result_t first = eval(bill);
    expect(&first, YUAN(900, 0), YUAN(100000, 0), 0, YUAN(120000, 0), YUAN(180000, 0));
    EQ(first.after.value[total("catastrophic_base")], YUAN(299100, 0));
    bill = resident(LEVEL_3, YUAN(100000, 0));
    bill.months_tier1 = 13;
    benefit_result_t second = eval_under(law(false, false), bill, &first.after);
    expect(&second, YUAN(900, 0), YUAN(40000, 0), 0, YUAN(41370, 0), YUAN(18630, 0));
    EQ(second.after.value[total("tier1_paid")], YUAN(140000, 0));
    EQ(second.after.value[total("catastrophic_paid")], YUAN(161370, 0));
}

TEST(WE_05_five_guarantee_level_1) {
    benefit_bill_t bill = resident(LEVEL_1, YUAN(8000, 5));
    bill.groups = GROUP_BIT(GROUP_FIVE_GUARANTEE) | GROUP_BIT(GROUP_EXTREME_HARDSHIP);
    benefit_result_t r = eval(bill);
    expect(&r, 0, YUAN(7600, 5), 0, 0, YUAN(400, 0));
}

TEST(WE_06_five_guarantee_level_3) {
    benefit_bill_t bill = resident(LEVEL_3, YUAN(60000, 0));
    bill.groups = GROUP_BIT(GROUP_FIVE_GUARANTEE) | GROUP_BIT(GROUP_EXTREME_HARDSHIP);
    benefit_result_t r = eval(bill);
    expect(&r, 0, YUAN(33000, 0), 0, YUAN(17600, 0), YUAN(9400, 0));
}

TEST(WE_07_minimum_living_non_designated) {
    benefit_bill_t bill = strange(resident(LEVEL_1, YUAN(40000, 0)));
    bill.groups = GROUP_BIT(GROUP_MINIMUM_LIVING);
    benefit_result_t r = eval(bill);
    expect(&r, YUAN(1500, 0), YUAN(15400, 0), 0, YUAN(9360, 0), YUAN(15240, 0));
}

TEST(WE_08_employee_level_3) {
    benefit_result_t r = eval(employee(LEVEL_3, YUAN(50000, 0)));
    expect(&r, YUAN(900, 0), YUAN(27005, 0), YUAN(17030, 75), 0, YUAN(5964, 25));
    EQ(r.after.value[total("tier1_paid")], YUAN(27005, 0));
    EQ(r.after.value[total("tier2_base")], YUAN(22095, 0));
    EQ(r.after.value[total("tier2_paid")], YUAN(17030, 75));
    EQ(r.after.value[total("catastrophic_base")], YUAN(5064, 25));
    EQ(r.after.value[total("catastrophic_paid")], 0);
}

TEST(WE_09_straddling_5000) {
    benefit_totals_t before = {0};
    before.value[total("tier2_base")] = YUAN(4321, 9);
    benefit_result_t r = eval_under(law(false, false), employee(LEVEL_2, YUAN(9876, 54)), &before);
    expect(&r, YUAN(600, 0), YUAN(7421, 23), YUAN(1339, 40), 0, YUAN(1115, 91));
}

TEST(WE_10_retiree) {
    benefit_result_t r = eval(retiree(LEVEL_3, YUAN(50000, 0)));
    expect(&r, YUAN(800, 0), YUAN(29520, 0), YUAN(14978, 0), 0, YUAN(5502, 0));
}

TEST(WE_11_employee_non_designated) {
    benefit_result_t r = eval(strange(employee(LEVEL_2, YUAN(30000, 0))));
    expect(&r, YUAN(1500, 0), YUAN(11400, 0), YUAN(11075, 0), 0, YUAN(7525, 0));
}

TEST(WE_12_unfiled_halves) {
    benefit_result_t r = eval(elsewhere(employee(LEVEL_3, YUAN(80000, 0)), FILING_UNFILED));
    expect(&r, YUAN(900, 0), YUAN(21752, 50), YUAN(23497, 69), YUAN(5309, 89), YUAN(29439, 92));
}

TEST(WE_13_all_three_caps_bind) {
    benefit_bill_t bill = employee(LEVEL_3, YUAN(900000, 0));
    bill.months_tier1 = bill.months_tier2 = 60;
    benefit_result_t r = eval(bill);
    expect(&r, YUAN(900, 0), YUAN(200000, 0), YUAN(200000, 0), YUAN(240000, 0), YUAN(260000, 0));
}

TEST(WE_14_order_a_against_order_b) {
    benefit_bill_t bill = employee(LEVEL_3, YUAN(300000, 0));
    benefit_result_t a = eval(bill);
    expect(&a, YUAN(900, 0), YUAN(164505, 0), YUAN(112655, 75), 0, YUAN(22839, 25));
    benefit_result_t b = eval_under(law(true, false), bill, NULL);
    expect(&b, YUAN(900, 0), YUAN(164505, 0), YUAN(55521, 73), YUAN(67216, 50), YUAN(12756, 77));
    EQ(b.after.value[total("catastrophic_base")], YUAN(134595, 0));
    EQ(b.after.value[total("tier2_base")], YUAN(67378, 50));
}

TEST(WE_15_referral_chain_and_family_bed) {
    benefit_result_t first = eval(resident(LEVEL_1, YUAN(3000, 0)));
    expect(&first, YUAN(500, 0), YUAN(2125, 0), 0, 0, YUAN(875, 0));
    benefit_bill_t up = resident(LEVEL_3, YUAN(20000, 0));
    up.referral = true;
    up.deductible_borne = YUAN(500, 0);
    benefit_result_t second = eval_under(law(false, false), up, &first.after);
    expect(&second, YUAN(400, 0), YUAN(10780, 0), 0, 0, YUAN(9220, 0));
    benefit_bill_t bed = resident(LEVEL_1, YUAN(1500, 0));
    bed.referral = bed.family_bed = true;
    bed.deductible_borne = YUAN(900, 0);
    benefit_result_t third = eval_under(law(false, false), bed, &second.after);
    expect(&third, 0, YUAN(1275, 0), 0, 0, YUAN(225, 0));
}

TEST(WE_16_maternity_floor) {
    benefit_bill_t bill = resident(LEVEL_1, YUAN(1000, 0));
    bill.childbirth = true;
    benefit_result_t r = eval(bill);
    expect(&r, YUAN(500, 0), YUAN(500, 0), 0, 0, YUAN(500, 0));
    EQ(amount_by(&r, TIER1, "JM-B-25"), YUAN(75, 0));
    bill.total = bill.in_scope = YUAN(1088, 24);
    r = eval(bill);
    EQ(r.paid[TIER1], YUAN(500, 0));
    OK(!step_by(&r, TIER1, "JM-B-25"));
    bill = resident(LEVEL_2, YUAN(5000, 0));
    bill.childbirth = true;
    r = eval(bill);
    expect(&r, YUAN(600, 0), YUAN(3520, 0), 0, 0, YUAN(1480, 0));
}

TEST(WE_23_two_counters) {
    benefit_bill_t bill = employee(LEVEL_3, YUAN(400000, 0));
    bill.months_tier1 = 41;
    bill.months_tier2 = 5;
    benefit_result_t r = eval(bill);
    expect(&r, YUAN(900, 0), YUAN(200000, 0), YUAN(100000, 0), YUAN(44460, 0), YUAN(55540, 0));
}

// ---- rules: tier 1
// ----------------------------------------------------------------------------------------------------

TEST(JM_B_01_one_system_from_2018) {
    benefit_bill_t bill = resident(LEVEL_1, YUAN(1000, 0));
    bill.from = bill.to = date_make(2018, 1, 1);
    EQ(paid(bill, TIER1), YUAN(425, 0));
    bill.from = bill.to = date_make(2017, 12, 31);
    EQ(refused(bill, "visit.to"), E_NOT_IN_FORCE);
    bill.to = date_make(2018, 1, 2); // the discharge decides
    EQ(paid(bill, TIER1), YUAN(425, 0));
}
TEST(JM_B_03_out_of_scope_is_the_persons) {
    benefit_bill_t bill = resident(LEVEL_1, YUAN(1500, 0));
    bill.in_scope = YUAN(1000, 0);
    benefit_result_t r = eval(bill);
    expect(&r, YUAN(500, 0), YUAN(425, 0), 0, 0, YUAN(1075, 0));
}
TEST(JM_B_03_and_44_tell_the_persons_three_shares_apart) {
    static const struct {
        const char *rule;
        fen_t amount;
    } expected[] = {{"JM-B-09", YUAN(500, 0)}, {"JM-B-44", YUAN(75, 0)}, {"JM-B-03", YUAN(500, 0)}};
    benefit_bill_t bill = resident(LEVEL_1, YUAN(1500, 0));
    bill.in_scope = YUAN(1000, 0);
    benefit_result_t r = eval(bill);
    size_t found = 0;
    for (int i = 0; i < r.step_count; i++) {
        if (r.steps[i].part != BENEFIT_PART_PERSON) continue;
        NEED(found < COUNT_OF(expected));
        EQ_TEXT(r.steps[i].rule, expected[found].rule);
        EQ(r.steps[i].amount, expected[found].amount);
        found++;
    }
    EQ(found, COUNT_OF(expected));
}
TEST(JM_B_04_primary_counts_as_level_1) {
    benefit_bill_t bill = resident(LEVEL_1, YUAN(1500, 0));
    bill.primary = true;
    EQ(paid(bill, TIER1), YUAN(850, 0));
}
TEST(JM_B_05_ratio_level_1) { EQ(paid(resident(LEVEL_1, YUAN(10500, 0)), TIER1), YUAN(8500, 0)); }
TEST(JM_B_06_ratio_level_2) { EQ(paid(resident(LEVEL_2, YUAN(10600, 0)), TIER1), YUAN(8000, 0)); }
TEST(JM_B_07_ratio_level_3) { EQ(paid(resident(LEVEL_3, YUAN(10900, 0)), TIER1), YUAN(5500, 0)); }
TEST(JM_B_08_ratio_non_designated) {
    for (int level = 0; level < LEVEL__COUNT; level++)
        EQ(paid(strange(resident((level_t)level, YUAN(11500, 0))), TIER1), YUAN(4000, 0));
}
TEST(JM_B_09_deductible_level_1) { EQ(deductible(resident(LEVEL_1, YUAN(10000, 0))), YUAN(500, 0)); }
TEST(JM_B_10_deductible_level_2) { EQ(deductible(resident(LEVEL_2, YUAN(10000, 0))), YUAN(600, 0)); }
TEST(JM_B_11_deductible_level_3) {
    EQ(deductible(resident(LEVEL_3, YUAN(10000, 0))), YUAN(900, 0));
    EQ(deductible(resident(LEVEL_3, YUAN(300, 0))), YUAN(300, 0)); // never more than the expense
}
TEST(JM_B_12_deductible_non_designated) { EQ(deductible(strange(resident(LEVEL_1, YUAN(10000, 0)))), YUAN(1500, 0)); }
TEST(JM_B_13_no_deductible_for_a_family_bed) {
    benefit_bill_t bill = employee(LEVEL_1, YUAN(1000, 0));
    bill.family_bed = true;
    benefit_result_t r = eval(bill);
    EQ(r.deductible, 0);
    EQ(amount_by(&r, BENEFIT_PART_DEDUCTIBLE, "JM-B-13"), -YUAN(500, 0));
}
TEST(JM_B_14_a_family_bed_needs_designation) {
    benefit_bill_t bill = strange(resident(LEVEL_2, YUAN(1000, 0)));
    bill.family_bed = true;
    EQ(refused(bill, "visit.family_bed"), E_INVALID_FIELD);
}
TEST(JM_B_15_caps_run_over_the_year) {
    benefit_totals_t before = {0};
    before.value[total("tier1_paid")] = YUAN(199999, 0);
    benefit_result_t r = eval_under(law(false, false), resident(LEVEL_1, YUAN(10500, 0)), &before);
    EQ(r.paid[TIER1], YUAN(1, 0));
    EQ(r.after.value[total("catastrophic_base")], YUAN(9999, 0)); // what is beyond the cap flows on (AMB-03)
}
TEST(JM_B_16_tier1_cap) {
    benefit_result_t r = eval(resident(LEVEL_1, YUAN(300500, 0)));
    EQ(r.paid[TIER1], YUAN(200000, 0));
    EQ(amount_by(&r, TIER1, "JM-B-16"), -YUAN(55000, 0));
}
TEST(JM_B_19_retiree_deductible) {
    EQ(deductible(retiree(LEVEL_1, YUAN(10000, 0))), YUAN(400, 0));
    EQ(deductible(retiree(LEVEL_2, YUAN(10000, 0))), YUAN(500, 0));
    EQ(deductible(retiree(LEVEL_3, YUAN(10000, 0))), YUAN(800, 0));
    EQ(deductible(strange(retiree(LEVEL_1, YUAN(10000, 0)))), YUAN(1400, 0));
}
TEST(JM_B_20_retiree_ratio) {
    EQ(paid(retiree(LEVEL_1, YUAN(10400, 0)), TIER1), YUAN(9000, 0));
    EQ(paid(retiree(LEVEL_2, YUAN(10500, 0)), TIER1), YUAN(8500, 0));
    EQ(paid(retiree(LEVEL_3, YUAN(10800, 0)), TIER1), YUAN(6000, 0));
    EQ(paid(strange(retiree(LEVEL_3, YUAN(11400, 0))), TIER1), YUAN(4500, 0));
    benefit_result_t r = eval(retiree(LEVEL_3, YUAN(10800, 0)));
    EQ(amount_by(&r, TIER1, "JM-B-20"), YUAN(500, 0));
}
static benefit_bill_t five(identity_t identity, level_t level) {
    benefit_bill_t bill = bill_of(identity, level, YUAN(10000, 0));
    bill.groups = GROUP_BIT(GROUP_FIVE_GUARANTEE);
    return bill;
}
TEST(JM_B_21_five_guarantee_no_deductible) {
    for (int level = 0; level < LEVEL__COUNT; level++) EQ(deductible(five(IDENTITY_RESIDENT, (level_t)level)), 0);
    EQ(deductible(strange(five(IDENTITY_RESIDENT, LEVEL_1))), 0);
}
TEST(JM_B_22_five_guarantee_ratio) {
    EQ(paid(five(IDENTITY_RESIDENT, LEVEL_1), TIER1), YUAN(9500, 0));
    EQ(paid(five(IDENTITY_RESIDENT, LEVEL_2), TIER1), YUAN(8000, 0));
    EQ(paid(five(IDENTITY_RESIDENT, LEVEL_3), TIER1), YUAN(5500, 0));
    EQ(paid(strange(five(IDENTITY_RESIDENT, LEVEL_1)), TIER1), YUAN(4000, 0));
}
TEST(JM_B_23_five_guarantee_in_tier_1_only) {
    EQ(deductible(five(IDENTITY_EMPLOYEE, LEVEL_1)), YUAN(500, 0));
    EQ(paid(five(IDENTITY_EMPLOYEE, LEVEL_1), TIER1), YUAN(8075, 0));
}
TEST(JM_B_24_childbirth_is_paid_like_any_stay) {
    benefit_bill_t bill = employee(LEVEL_2, YUAN(10600, 0));
    bill.childbirth = true;
    EQ(paid(bill, TIER1), YUAN(8000, 0));
}
TEST(JM_B_25_childbirth_floor) {
    benefit_bill_t bill = resident(LEVEL_3, YUAN(800, 0));
    bill.childbirth = true;
    EQ(paid(bill, TIER1), YUAN(500, 0)); // AMB-22: flat, here with nothing above the deductible
    bill.in_scope = YUAN(300, 0);
    EQ(paid(bill, TIER1), YUAN(500, 0));
    bill.total = YUAN(400, 0);
    EQ(paid(bill, TIER1), YUAN(400, 0)); // B-03: not more than the bill
    bill.in_scope = 0;
    EQ(paid(bill, TIER1), 0); // B-12: the floor needs an in-scope expense
    bill = elsewhere(resident(LEVEL_1, YUAN(1500, 0)), FILING_UNFILED);
    bill.childbirth = true;
    EQ(paid(bill, TIER1), YUAN(500, 0)); // halved to 425, then lifted
    benefit_totals_t before = {0};
    before.value[total("tier1_paid")] = YUAN(199900, 0);
    EQ(eval_under(law(false, false), bill, &before).paid[TIER1], YUAN(100, 0)); // under the cap
}
TEST(JM_B_26_no_floor_without_the_flag) { EQ(paid(resident(LEVEL_1, YUAN(1000, 0)), TIER1), YUAN(425, 0)); }

TEST(JM_B_27_special_diseases_need_a_person) {
    benefit_bill_t bill = resident(LEVEL_2, YUAN(1000, 0));
    bill.visit = VISIT_SPECIAL_OUTPATIENT;
    benefit_result_t r = eval(bill);
    EQ(r.decision, BENEFIT_MANUAL);
    EQ(r.person, YUAN(1000, 0));
    EQ(r.fund, 0);
    EQ(r.step_count, 1);
    EQ_TEXT(r.steps[0].rule, "JM-B-27");
    OK(*r.reason != 0);
}
TEST(JM_B_28_special_diseases_in_tier_2) {
    benefit_bill_t bill = employee(LEVEL_2, YUAN(1000, 0));
    bill.visit = VISIT_SPECIAL_OUTPATIENT;
    EQ_TEXT(eval(bill).steps[0].rule, "JM-B-28");
}

// ---- rules: catastrophic
// ----------------------------------------------------------------------------------------------

// A bill whose catastrophic base reaches from `start` over `base`, for a resident of `groups` at level 3.
static fen_t catastrophic(uint32_t groups, fen_t start, fen_t base, bool designated) {
    benefit_totals_t before = {0};
    before.value[total("catastrophic_base")] = start;
    before.value[total("tier1_paid")] = YUAN(200000, 0); // tier 1 is used up, so all of it goes on
    fen_t less = designated ? YUAN(900, 0) : YUAN(1500, 0);
    benefit_bill_t bill = resident(LEVEL_3, base + less);
    bill.designated = designated;
    bill.groups = groups;
    return eval_under(law(false, false), bill, &before).paid[CATASTROPHIC];
}
TEST(JM_B_40_on_top_of_tier_1) { EQ(paid(resident(LEVEL_3, YUAN(100900, 0)), CATASTROPHIC), YUAN(12000, 0)); }
TEST(JM_B_43_the_threshold_is_published) {
    policy_t *bare;
    err_t err = {0};
    NEED(policy_load(&bare, CITY, NULL, &err) == E_OK);
    benefit_bill_t bill = resident(LEVEL_1, YUAN(100, 0)); // B-10: every inpatient bill asks for it
    benefit_result_t r = {.fund = 77};
    EQ(benefit_eval(bare, &bill, NULL, true, &r, &err), E_PARAMETER_MISSING);
    EQ_TEXT(err.field, "catastrophic_threshold");
    EQ(r.fund, 77);
    bill.covered = false; // of a covered person
    EQ(benefit_eval(bare, &bill, NULL, true, &r, &err), E_OK);
    EQ(r.decision, BENEFIT_NOT_COVERED);
    policy_destroy(&bare);
}
TEST(JM_B_44_the_deductible_does_not_count) {
    benefit_result_t r = eval(resident(LEVEL_3, YUAN(10900, 0)));
    EQ(r.after.value[total("catastrophic_base")], YUAN(4500, 0));
}
TEST(JM_B_45_general_60) {
    EQ(catastrophic(0, 0, YUAN(25000, 0), true), 0); // strictly above the line
    EQ(catastrophic(0, 0, YUAN(25001, 0), true), 60);
    EQ(catastrophic(0, YUAN(119000, 0), YUAN(1000, 0), true), YUAN(600, 0));
}
TEST(JM_B_46_general_70) {
    EQ(catastrophic(0, YUAN(119000, 0), YUAN(2000, 0), true), YUAN(1300, 0));
    EQ(catastrophic(0, YUAN(120000, 0), YUAN(1000, 0), true), YUAN(700, 0));
}
TEST(JM_B_47_poor_70_above_30_percent) {
    const uint32_t groups[] = {GROUP_BIT(GROUP_REGISTERED_POOR), GROUP_BIT(GROUP_MINIMUM_LIVING)};
    for (size_t i = 0; i < COUNT_OF(groups); i++) {
        EQ(catastrophic(groups[i], 0, YUAN(7500, 0), true), 0);
        EQ(catastrophic(groups[i], 0, YUAN(8500, 0), true), YUAN(700, 0));
    }
}
TEST(JM_B_48_poor_80) {
    EQ(catastrophic(GROUP_BIT(GROUP_REGISTERED_POOR), YUAN(120000, 0), YUAN(1000, 0), true), YUAN(800, 0));
}
TEST(JM_B_49_hardship_80_above_20_percent) {
    EQ(catastrophic(GROUP_BIT(GROUP_EXTREME_HARDSHIP), 0, YUAN(5000, 0), true), 0);
    EQ(catastrophic(GROUP_BIT(GROUP_EXTREME_HARDSHIP), 0, YUAN(6000, 0), true), YUAN(800, 0));
    // B-01: of several groups the most favourable
    EQ(catastrophic(GROUP_BIT(GROUP_EXTREME_HARDSHIP) | GROUP_BIT(GROUP_MINIMUM_LIVING), 0, YUAN(6000, 0), true),
       YUAN(800, 0));
}
TEST(JM_B_50_hardship_90) {
    EQ(catastrophic(GROUP_BIT(GROUP_EXTREME_HARDSHIP), YUAN(120000, 0), YUAN(1000, 0), true), YUAN(900, 0));
}
// A starting line above 120,000 leaves the 60% band empty; above the line it is 70%.
TEST(JM_B_46_a_line_above_120000) {
    policy_t *policy = policy_with(SAMPLE("high-threshold"), NULL);
    benefit_totals_t before = {0};
    before.value[total("tier1_paid")] = YUAN(200000, 0);
    benefit_result_t r = eval_under(policy, resident(LEVEL_3, YUAN(160900, 0)), &before);
    EQ(r.paid[CATASTROPHIC], YUAN(7000, 0));
    EQ(amount_by(&r, CATASTROPHIC, "JM-B-46"), YUAN(7000, 0));
    OK(!step_by(&r, CATASTROPHIC, "JM-B-45"));
    benefit_bill_t poor = resident(LEVEL_3, YUAN(160900, 0)); // 30% of it is 45,000
    poor.groups = GROUP_BIT(GROUP_MINIMUM_LIVING);
    EQ(eval_under(policy, poor, &before).paid[CATASTROPHIC], YUAN(84500, 0));
    policy_destroy(&policy);
}
TEST(JM_B_51_cap) { EQ(catastrophic(0, YUAN(120000, 0), YUAN(400000, 0), true), YUAN(240000, 0)); }
TEST(JM_B_52_no_cap_for_the_poor) {
    const uint32_t groups[] = {GROUP_BIT(GROUP_REGISTERED_POOR), GROUP_BIT(GROUP_MINIMUM_LIVING),
                               GROUP_BIT(GROUP_EXTREME_HARDSHIP)};
    const fen_t expected[] = {YUAN(320000, 0), YUAN(320000, 0), YUAN(360000, 0)};
    for (size_t i = 0; i < COUNT_OF(groups); i++)
        EQ(catastrophic(groups[i], YUAN(120000, 0), YUAN(400000, 0), true), expected[i]);
    benefit_bill_t bill = resident(LEVEL_3, YUAN(900900, 0)); // AMB-11: nothing to scale in the first year either
    bill.groups = GROUP_BIT(GROUP_MINIMUM_LIVING);
    bill.months_tier1 = 1;
    EQ(paid(bill, CATASTROPHIC), YUAN(622750, 0));
}
TEST(JM_B_53_non_designated_10_less) {
    EQ(catastrophic(0, YUAN(30000, 0), YUAN(1000, 0), false), YUAN(500, 0));
    EQ(catastrophic(0, YUAN(120000, 0), YUAN(1000, 0), false), YUAN(600, 0));
    EQ(catastrophic(GROUP_BIT(GROUP_MINIMUM_LIVING), YUAN(30000, 0), YUAN(1000, 0), false), YUAN(600, 0));
    EQ(catastrophic(GROUP_BIT(GROUP_EXTREME_HARDSHIP), YUAN(120000, 0), YUAN(1000, 0), false), YUAN(800, 0));
    EQ(catastrophic(0, 0, YUAN(20000, 0), false), 0); // nothing is taken from the part below the line
}

// ---- rules: tier 2
// ----------------------------------------------------------------------------------------------------

static benefit_result_t tier2(fen_t start, fen_t base, bool designated) {
    benefit_totals_t before = {0};
    before.value[total("tier2_base")] = start;
    before.value[total("tier1_paid")] = YUAN(200000, 0);
    fen_t less = designated ? YUAN(900, 0) : YUAN(1500, 0);
    benefit_bill_t bill = employee(LEVEL_3, base + less);
    bill.designated = designated;
    return eval_under(law(false, false), bill, &before);
}
TEST(JM_B_60_tier_2_on_top_of_tier_1) {
    const identity_t both[] = {IDENTITY_EMPLOYEE, IDENTITY_RETIREE, IDENTITY_UNEMPLOYED, IDENTITY_FLEXIBLE,
                               IDENTITY_SOLE_TRADER};
    for (size_t i = 0; i < COUNT_OF(both); i++) OK(paid(bill_of(both[i], LEVEL_3, YUAN(10900, 0)), TIER2) > 0);
    EQ(paid(resident(LEVEL_3, YUAN(10900, 0)), TIER2), 0);
}
TEST(JM_B_61_base_is_what_tier_1_left_without_the_deductible) {
    benefit_result_t r = eval(employee(LEVEL_3, YUAN(10900, 0)));
    EQ(r.after.value[total("tier2_base")], YUAN(4500, 0));
    EQ(r.paid[TIER2], YUAN(2250, 0));
}
TEST(JM_B_62_half_up_to_5000) { EQ(tier2(0, YUAN(5000, 0), true).paid[TIER2], YUAN(2500, 0)); }
TEST(JM_B_63_85_above_5000) {
    EQ(tier2(0, YUAN(5000, 2), true).paid[TIER2], YUAN(2500, 2)); // 0.017 rounds up
    EQ(tier2(YUAN(5000, 0), YUAN(1000, 0), true).paid[TIER2], YUAN(850, 0));
    EQ(tier2(YUAN(199000, 0), YUAN(1000, 0), true).paid[TIER2], YUAN(850, 0));
}
TEST(JM_B_64_90_above_200000) {
    EQ(tier2(YUAN(199000, 0), YUAN(2000, 0), true).paid[TIER2], YUAN(1750, 0));
    EQ(tier2(YUAN(200000, 0), YUAN(1000, 0), true).paid[TIER2], YUAN(900, 0));
}
TEST(JM_B_65_non_designated_10_less) {
    EQ(tier2(0, YUAN(1000, 0), false).paid[TIER2], YUAN(400, 0));
    EQ(tier2(YUAN(5000, 0), YUAN(1000, 0), false).paid[TIER2], YUAN(750, 0));
    benefit_result_t r = tier2(YUAN(200000, 0), YUAN(1000, 0), false);
    EQ(r.paid[TIER2], YUAN(800, 0));
    EQ(amount_by(&r, TIER2, "JM-B-65"), -YUAN(100, 0));
}
TEST(JM_B_66_tier2_cap) {
    benefit_result_t r = tier2(0, YUAN(400000, 0), true);
    EQ(r.paid[TIER2], YUAN(200000, 0));
    EQ(amount_by(&r, TIER2, "JM-B-66"), -YUAN(148250, 0)); // of 2,500 + 165,750 + 180,000
}

// ---- rules: referral, filing
// ------------------------------------------------------------------------------------------

TEST(JM_R_01_deductible_of_a_referral) {
    benefit_bill_t bill = resident(LEVEL_3, YUAN(10000, 0));
    bill.referral = true;
    bill.deductible_borne = YUAN(600, 0);
    EQ(deductible(bill), YUAN(300, 0));
    bill.deductible_borne = YUAN(900, 0);
    EQ(deductible(bill), 0);
    bill.level = LEVEL_1; // down: nothing is given back
    EQ(deductible(bill), 0);
    bill.referral = false;
    EQ(deductible(bill), YUAN(500, 0));
}
TEST(JM_R_03_resettled_retiree_as_in_the_city) {
    benefit_bill_t bill = elsewhere(retiree(LEVEL_3, YUAN(50000, 0)), FILING_RESETTLED);
    benefit_result_t r = eval(bill);
    expect(&r, YUAN(800, 0), YUAN(29520, 0), YUAN(14978, 0), 0, YUAN(5502, 0));
    r = eval(strange(bill)); // B-05: designated of its level in every layer
    expect(&r, YUAN(800, 0), YUAN(29520, 0), YUAN(14978, 0), 0, YUAN(5502, 0));
    EQ(paid(strange(elsewhere(employee(LEVEL_3, YUAN(11500, 0)), FILING_RESETTLED)), TIER1), YUAN(4000, 0));
}
TEST(JM_R_04_posted_staff_as_in_the_city) {
    benefit_result_t r = eval(strange(elsewhere(employee(LEVEL_3, YUAN(50000, 0)), FILING_POSTED)));
    expect(&r, YUAN(900, 0), YUAN(27005, 0), YUAN(17030, 75), 0, YUAN(5964, 25));
    EQ(deductible(strange(elsewhere(retiree(LEVEL_3, YUAN(50000, 0)), FILING_POSTED))), YUAN(1400, 0));
}
TEST(JM_R_05_unfiled_half_ratio) {
    benefit_result_t r = eval(elsewhere(resident(LEVEL_1, YUAN(10500, 0)), FILING_UNFILED));
    EQ(r.paid[TIER1], YUAN(4250, 0));
    EQ(amount_by(&r, TIER1, "JM-R-05"), -YUAN(4250, 0));
    EQ(paid(strange(elsewhere(retiree(LEVEL_1, YUAN(11400, 0)), FILING_UNFILED)), TIER1), YUAN(2250, 0));
    // tier 2: 50% − 10 points, then half
    EQ(paid(strange(elsewhere(employee(LEVEL_1, YUAN(2500, 0)), FILING_UNFILED)), TIER2), YUAN(160, 0));
    EQ(paid(elsewhere(resident(LEVEL_1, YUAN(10500, 0)), FILING_FILED), TIER1), YUAN(8500, 0));
}
TEST(JM_R_06_late_is_as_unfiled) {
    EQ(paid(elsewhere(resident(LEVEL_1, YUAN(10500, 0)), FILING_LATE), TIER1), YUAN(4250, 0));
}
TEST(JM_R_07_deductible_and_catastrophic_are_not_cut) {
    benefit_result_t r = eval(elsewhere(resident(LEVEL_3, YUAN(100900, 0)), FILING_UNFILED));
    EQ(r.deductible, YUAN(900, 0));
    EQ(r.paid[CATASTROPHIC], YUAN(28500, 0)); // 72,500 left over, 60% above 25,000
}

// ---- rules: linkage
// ---------------------------------------------------------------------------------------------------

static benefit_result_t linked(identity_t identity, int n1, int n2) {
    benefit_bill_t bill = bill_of(identity, LEVEL_3, YUAN(1200000, 0));
    bill.months_tier1 = n1;
    bill.months_tier2 = n2;
    return eval(bill);
}
TEST(JM_G_01_tier_1_only_first_year) {
    EQ(linked(IDENTITY_RESIDENT, 0, 0).paid[TIER1], YUAN(100000, 0)); // B-12
    benefit_result_t r = linked(IDENTITY_RESIDENT, 12, 0);
    EQ(r.paid[TIER1], YUAN(100000, 0));
    EQ(amount_by(&r, TIER1, "JM-G-01"), -YUAN(100000, 0));
}
TEST(JM_G_02_catastrophic_first_year) { EQ(linked(IDENTITY_RESIDENT, 12, 0).paid[CATASTROPHIC], YUAN(120000, 0)); }
TEST(JM_G_03_tier_1_only_second_year) {
    EQ(linked(IDENTITY_RESIDENT, 13, 0).paid[TIER1], YUAN(140000, 0));
    EQ(linked(IDENTITY_RESIDENT, 24, 0).paid[TIER1], YUAN(140000, 0));
}
TEST(JM_G_04_catastrophic_second_year) { EQ(linked(IDENTITY_RESIDENT, 24, 0).paid[CATASTROPHIC], YUAN(168000, 0)); }
TEST(JM_G_05_over_two_years_full) {
    benefit_result_t r = linked(IDENTITY_RESIDENT, 25, 0);
    EQ(r.paid[TIER1], YUAN(200000, 0));
    EQ(r.paid[CATASTROPHIC], YUAN(240000, 0));
}
TEST(JM_G_06_both_tiers_first_year) {
    benefit_result_t r = linked(IDENTITY_EMPLOYEE, 12, 12);
    EQ(r.paid[TIER1], YUAN(100000, 0));
    EQ(r.paid[TIER2], YUAN(100000, 0));
    OK(step_by(&r, TIER1, "JM-G-06") && step_by(&r, TIER2, "JM-G-06"));
}
TEST(JM_G_07_both_tiers_second_year) {
    benefit_result_t r = linked(IDENTITY_EMPLOYEE, 13, 24);
    EQ(r.paid[TIER1], YUAN(140000, 0));
    EQ(r.paid[TIER2], YUAN(140000, 0));
}
TEST(JM_G_08_both_tiers_full) {
    benefit_result_t r = linked(IDENTITY_EMPLOYEE, 25, 25);
    EQ(r.paid[TIER1], YUAN(200000, 0));
    EQ(r.paid[TIER2], YUAN(200000, 0));
}
TEST(JM_G_09_catastrophic_by_tier_1_months) {
    EQ(linked(IDENTITY_EMPLOYEE, 12, 12).paid[CATASTROPHIC], YUAN(120000, 0));
    EQ(linked(IDENTITY_EMPLOYEE, 24, 3).paid[CATASTROPHIC], YUAN(168000, 0));
    EQ(linked(IDENTITY_EMPLOYEE, 25, 3).paid[CATASTROPHIC], YUAN(240000, 0));
}
TEST(JM_G_10_only_caps_are_scaled) {
    benefit_bill_t bill = employee(LEVEL_3, YUAN(50000, 0));
    bill.months_tier1 = bill.months_tier2 = 1;
    benefit_result_t r = eval(bill);
    expect(&r, YUAN(900, 0), YUAN(27005, 0), YUAN(17030, 75), 0, YUAN(5964, 25));
    benefit_totals_t before = {0}; // a cap that shrinks claws nothing back (AMB-13)
    before.value[total("tier1_paid")] = YUAN(150000, 0);
    EQ(eval_under(law(false, false), bill, &before).paid[TIER1], 0);
}

// ---- settled points of the interface
// ----------------------------------------------------------------------------------

TEST(B_02_amounts_and_dates_out_of_range) {
    benefit_bill_t bill = resident(LEVEL_1, YUAN(1000, 0));
    bill.in_scope++;
    EQ(refused(bill, "fees.in_scope"), E_OUT_OF_RANGE);
    bill = resident(LEVEL_1, YUAN(1000, 0));
    bill.from = bill.to + 1;
    EQ(refused(bill, "visit.from"), E_OUT_OF_RANGE);
    bill = resident(LEVEL_1, -1);
    EQ(refused(bill, "fees.total"), E_OUT_OF_RANGE);
}
TEST(B_04_filing_goes_with_area) {
    benefit_bill_t bill = resident(LEVEL_1, YUAN(1000, 0));
    bill.filing = FILING_FILED;
    EQ(refused(bill, "visit.filing"), E_INVALID_FIELD);
    bill = elsewhere(bill, FILING_NONE);
    EQ(refused(bill, "visit.filing"), E_INVALID_FIELD);
}
TEST(B_06_residual_not_counted) {
    benefit_bill_t bill = elsewhere(employee(LEVEL_3, YUAN(80000, 0)), FILING_UNFILED);
    // X = 79,100: P1 = 21,752.50 but seen as 43,505.00, so S1' = 35,595.00; P2 at half 25%, 42.5% is 14,252.88 (from
    // 14,252.875), seen as 28,505.75; catastrophic looks at 7,089.25, below the line.
    benefit_result_t r = eval_under(law(false, true), bill, NULL);
    expect(&r, YUAN(900, 0), YUAN(21752, 50), YUAN(14252, 88), 0, YUAN(43994, 62));
    EQ(r.after.value[total("tier2_base")], YUAN(35595, 0));
    EQ(r.after.value[total("catastrophic_base")], YUAN(7089, 25));
    // catastrophic first: on 35,595.00, 60% above 25,000; tier 2 on the rest at half
    r = eval_under(law(true, true), bill, NULL);
    expect(&r, YUAN(900, 0), YUAN(21752, 50), YUAN(11551, 15), YUAN(6357, 0), YUAN(40339, 35));
    EQ(r.after.value[total("catastrophic_base")], YUAN(35595, 0));
    EQ(r.after.value[total("tier2_base")], YUAN(29238, 0));
    bill.filing = FILING_FILED; // touches unfiled stays only
    benefit_result_t a = eval_under(law(false, true), bill, NULL), b = eval(bill);
    EQ(a.person, b.person);
}
TEST(B_07_contradictions) {
    benefit_bill_t bill = elsewhere(resident(LEVEL_1, YUAN(1000, 0)), FILING_UNFILED);
    bill.referral = true;
    EQ(refused(bill, "visit.referral"), E_INVALID_FIELD);
    bill = resident(LEVEL_1, YUAN(1000, 0));
    bill.visit = VISIT_SPECIAL_OUTPATIENT; // B-14
    bill.childbirth = true;
    EQ(refused(bill, "visit.childbirth"), E_INVALID_FIELD);
}
TEST(B_11_not_covered) {
    benefit_bill_t bill = employee(LEVEL_3, YUAN(50000, 0));
    bill.covered = false;
    benefit_totals_t before = {0};
    before.value[total("tier1_paid")] = 55;
    benefit_result_t r = eval_under(law(false, false), bill, &before);
    EQ(r.decision, BENEFIT_NOT_COVERED);
    EQ_TEXT(benefit_decision_name(r.decision), "not_covered");
    EQ(r.deductible, 0);
    EQ(r.fund, 0);
    EQ(r.person, YUAN(50000, 0));
    EQ(r.step_count, 1); // B-15
    EQ_TEXT(benefit_part_name(law(false, false), r.steps[0].part), "person");
    OK(memcmp(&r.after, &before, sizeof before) == 0);
    OK(*r.reason != 0);
}
TEST(running_totals_out_of_range) {
    benefit_bill_t bill = resident(LEVEL_1, YUAN(100, 0));
    benefit_totals_t before = {0};
    benefit_result_t r;
    err_t err = {0};
    before.value[total("tier2_base")] = -1;
    EQ(benefit_eval(law(false, false), &bill, &before, true, &r, &err), E_OUT_OF_RANGE);
    EQ_TEXT(err.field, "used.tier2_base");
}
TEST(E_05_a_visit_without_rules_is_unsupported) {
    policy_t *policy;
    benefit_bill_t bill = resident(LEVEL_1, YUAN(100, 0));
    benefit_result_t r;
    err_t err = {0};
    NEED(policy_load(&policy, TC_SOURCE_DIR "/tests/data/policy-bad/sound.yaml", NULL, &err) == E_OK);
    bill.visit = VISIT_OUTPATIENT;
    EQ(benefit_eval(policy, &bill, NULL, true, &r, &err), E_UNSUPPORTED);
    EQ_TEXT(err.field, "visit.type");
    policy_destroy(&policy);
}
TEST(steps_may_be_left_out) {
    benefit_bill_t bill = employee(LEVEL_3, YUAN(50000, 0));
    benefit_result_t with = eval(bill), without = {0};
    err_t err;
    NEED(benefit_eval(law(false, false), &bill, NULL, false, &without, &err) == E_OK);
    EQ(without.step_count, 0);
    with.step_count = 0;
    OK(memcmp(&with, &without, offsetof(benefit_result_t, steps)) == 0);
}

// ---- the slow, obvious version: part 3 of the rule catalogue, in basis points
// -----------------------------------------

typedef struct slow {
    int64_t less, p[3], person;
    int64_t y1, y2, y3, a2, a3; // running totals after
} slow_t;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t half_up(int64_t numerator_bp) { return (numerator_bp + 5000) / 10000; }
static int64_t band(int n) { return n <= 12 ? 5000 : n <= 24 ? 7000 : 10000; }
static int64_t clip(int64_t x, int64_t room) { return most(0, least(x, room)); }

// One fen after another would be slower still; this walks the pieces between the lines.
static int64_t cut(int64_t from, int64_t to, const int64_t *lines, const int64_t *rates, int n) {
    int64_t sum = 0;
    for (int64_t at = from; at < to;) {
        int64_t next = to, rate = 0;
        for (int i = 0; i < n; i++) {
            if (at >= lines[i]) rate = rates[i];
            if (at < lines[i]) next = least(next, lines[i]);
        }
        if (at < lines[0]) rate = 0; // nothing below the starting line
        sum += (next - at) * rate;
        at = next;
    }
    return sum;
}

static int64_t slow_tier2(int64_t a, int64_t s, bool designated, bool halved, int64_t room) {
    int64_t lines[] = {0, 500000, 20000000}, rates[] = {5000, 8500, 9000};
    for (int i = 0; i < 3; i++) {
        if (!designated) rates[i] -= 1000;
        if (halved) rates[i] /= 2;
    }
    return clip(half_up(cut(a, a + s, lines, rates, 3)), room);
}

static int64_t slow_catastrophic(const benefit_bill_t *b, int64_t a, int64_t s, bool designated, int64_t paid_before) {
    bool extreme = b->groups & GROUP_BIT(GROUP_EXTREME_HARDSHIP);
    bool poor = b->groups & (GROUP_BIT(GROUP_REGISTERED_POOR) | GROUP_BIT(GROUP_MINIMUM_LIVING));
    int64_t start = 2500000, low = 6000, high = 7000;
    if (poor) start = 750000, low = 7000, high = 8000;
    if (extreme) start = 500000, low = 8000, high = 9000;
    int64_t lines[] = {start, 12000000}, rates[] = {low - (designated ? 0 : 1000), high - (designated ? 0 : 1000)};
    int64_t sum = half_up(cut(a, a + s, lines, rates, 2));
    if (extreme || poor) return sum;
    return clip(sum, 24000000 * band(b->months_tier1) / 10000 - paid_before);
}

static slow_t slow_eval(const benefit_bill_t *b, slow_t t, bool catastrophic_first, bool not_counted) {
    static const int64_t ratio[] = {8500, 8000, 5500}, standard[] = {50000, 60000, 90000};
    bool both = b->identity != IDENTITY_RESIDENT, retired = b->identity == IDENTITY_RETIREE;
    bool five_only = !both && (b->groups & GROUP_BIT(GROUP_FIVE_GUARANTEE));
    bool as_city =
        (retired && b->filing == FILING_RESETTLED) || (b->identity == IDENTITY_EMPLOYEE && b->filing == FILING_POSTED);
    bool designated = b->designated || as_city;
    bool halved = b->filing == FILING_UNFILED || b->filing == FILING_LATE;
    int64_t r1 = designated ? ratio[b->level] : 4000, d = designated ? standard[b->level] : 150000;
    if (retired) r1 += 500, d -= 10000;
    if (five_only) d = 0;
    if (five_only && designated && b->level == LEVEL_1) r1 += 1000;
    if (b->family_bed) d = 0;
    if (b->referral) d = most(0, d - b->deductible_borne);
    t.less = least(d, b->in_scope);
    int64_t x = b->in_scope - t.less, room1 = 20000000 * band(b->months_tier1) / 10000 - t.y1;
    int64_t raw = half_up(x * (halved ? r1 / 2 : r1)), full = half_up(x * r1);
    if (b->childbirth && b->in_scope > 0) {
        raw = most(raw, least(50000, b->total));
        full = most(full, least(50000, b->total));
    }
    t.p[0] = clip(raw, room1);
    int64_t s1 = most(0, x - (not_counted ? clip(full, room1) : t.p[0]));
    int64_t room2 = 20000000 * band(b->months_tier2) / 10000 - t.y2, s = s1;
    t.p[1] = t.p[2] = 0;
    if (catastrophic_first) {
        t.p[2] = slow_catastrophic(b, t.a3, s, designated, t.y3);
        t.a3 += s;
        s -= t.p[2];
    }
    if (both) {
        t.p[1] = slow_tier2(t.a2, s, designated, halved, room2);
        int64_t seen = slow_tier2(t.a2, s, designated, false, room2);
        t.a2 += s;
        s -= not_counted ? seen : t.p[1];
    }
    if (!catastrophic_first) {
        t.p[2] = slow_catastrophic(b, t.a3, s, designated, t.y3);
        t.a3 += s;
    }
    t.y1 += t.p[0];
    t.y2 += t.p[1];
    t.y3 += t.p[2];
    t.person = b->total - t.p[0] - t.p[1] - t.p[2];
    return t;
}

// ---- random bills
// -----------------------------------------------------------------------------------------------------

static uint64_t seed;
static uint64_t next_random(void) {
    seed += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = seed;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}
static int pick(int n) { return (int)(next_random() % (uint64_t)n); }

static benefit_bill_t random_bill(identity_t identity) {
    static const int64_t sizes[] = {100, 60000, 200000, 2000000, 30000000, 120000000};
    benefit_bill_t b = bill_of(identity, (level_t)pick(LEVEL__COUNT), 0);
    b.in_scope = (fen_t)(next_random() % (uint64_t)sizes[pick(6)]);
    b.total = b.in_scope + (pick(2) ? pick(100000) : 0);
    b.groups = pick(3) ? 0 : (uint32_t)pick(1 << GROUP__COUNT);
    b.months_tier1 = pick(4) ? pick(40) : 12 * (1 + pick(2)) + pick(2);
    b.months_tier2 = pick(40);
    b.designated = pick(4) != 0;
    b.primary = pick(2);
    if (pick(3) == 0) b = elsewhere(b, (filing_t)(1 + pick(FILING__COUNT - 1)));
    b.childbirth = pick(8) == 0;
    b.family_bed = b.designated && pick(8) == 0;
    b.referral = b.filing != FILING_UNFILED && pick(6) == 0;
    if (b.referral) b.deductible_borne = pick(100000);
    return b;
}

static bool same_as_slow(const benefit_result_t *r, const slow_t *s) {
    const fen_t *after = r->after.value;
    return r->deductible == s->less && r->paid[0] == s->p[0] && r->paid[1] == s->p[1] && r->paid[2] == s->p[2] &&
           r->person == s->person && after[total("tier1_paid")] == s->y1 && after[total("tier2_paid")] == s->y2 &&
           after[total("tier2_base")] == s->a2 && after[total("catastrophic_paid")] == s->y3 &&
           after[total("catastrophic_base")] == s->a3;
}

static void check_limits(const benefit_bill_t *b, const slow_t *before, const benefit_result_t *r) {
    OK(r->deductible <= b->in_scope && r->deductible >= 0 && r->person >= 0);
    OK(r->paid[TIER1] == 0 || before->y1 + r->paid[TIER1] <= 20000000 * band(b->months_tier1) / 10000);
    OK(r->paid[TIER2] == 0 || before->y2 + r->paid[TIER2] <= 20000000 * band(b->months_tier2) / 10000);
}

TEST(random_bills_agree_with_the_slow_version) {
    const int people = 40000, bills = 5;
    seed = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 10) : (uint64_t)time(NULL);
    printf("seed %llu ", (unsigned long long)seed);
    for (int i = 0, wrong = 0; i < people && !wrong; i++) {
        bool first = pick(2), not_counted = pick(2);
        const policy_t *policy = law(first, not_counted);
        identity_t identity = (identity_t)pick(IDENTITY__COUNT);
        benefit_totals_t totals = {0};
        slow_t slow = {0};
        for (int k = 0; k < bills && !wrong; k++) {
            benefit_bill_t b = random_bill(identity);
            slow_t before = slow;
            slow = slow_eval(&b, slow, first, not_counted);
            benefit_result_t r = eval_under(policy, b, &totals);
            wrong = !same_as_slow(&r, &slow);
            check_limits(&b, &before, &r);
            totals = r.after;
        }
        EQ(wrong, 0);
    }
}

// The person's share of a bill that is wholly in scope grows with the bill.
TEST(a_larger_bill_never_costs_the_person_less) {
    seed = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 10) : (uint64_t)time(NULL) + 1;
    printf("seed %llu ", (unsigned long long)seed);
    for (int i = 0; i < 20000; i++) {
        benefit_bill_t b = random_bill((identity_t)pick(IDENTITY__COUNT));
        b.total = b.in_scope;
        fen_t small = eval(b).person;
        b.total = b.in_scope += pick(20000);
        OK(eval(b).person >= small - 2); // each of three layers may round by half a fen
    }
}

TESTS("benefit", CASE(WE_01_resident_level_2), CASE(WE_02_first_year_both_caps_at_half),
      CASE(WE_03_month_24_against_month_25), CASE(WE_04_crossing_the_band_within_a_year),
      CASE(WE_05_five_guarantee_level_1), CASE(WE_06_five_guarantee_level_3), CASE(WE_07_minimum_living_non_designated),
      CASE(WE_08_employee_level_3), CASE(WE_09_straddling_5000), CASE(WE_10_retiree),
      CASE(WE_11_employee_non_designated), CASE(WE_12_unfiled_halves), CASE(WE_13_all_three_caps_bind),
      CASE(WE_14_order_a_against_order_b), CASE(WE_15_referral_chain_and_family_bed), CASE(WE_16_maternity_floor),
      CASE(WE_23_two_counters), CASE(JM_B_01_one_system_from_2018), CASE(JM_B_03_out_of_scope_is_the_persons),
      CASE(JM_B_03_and_44_tell_the_persons_three_shares_apart), CASE(JM_B_04_primary_counts_as_level_1),
      CASE(JM_B_05_ratio_level_1), CASE(JM_B_06_ratio_level_2), CASE(JM_B_07_ratio_level_3),
      CASE(JM_B_08_ratio_non_designated), CASE(JM_B_09_deductible_level_1), CASE(JM_B_10_deductible_level_2),
      CASE(JM_B_11_deductible_level_3), CASE(JM_B_12_deductible_non_designated),
      CASE(JM_B_13_no_deductible_for_a_family_bed), CASE(JM_B_14_a_family_bed_needs_designation),
      CASE(JM_B_15_caps_run_over_the_year), CASE(JM_B_16_tier1_cap), CASE(JM_B_19_retiree_deductible),
      CASE(JM_B_20_retiree_ratio), CASE(JM_B_21_five_guarantee_no_deductible), CASE(JM_B_22_five_guarantee_ratio),
      CASE(JM_B_23_five_guarantee_in_tier_1_only), CASE(JM_B_24_childbirth_is_paid_like_any_stay),
      CASE(JM_B_25_childbirth_floor), CASE(JM_B_26_no_floor_without_the_flag),
      CASE(JM_B_27_special_diseases_need_a_person), CASE(JM_B_28_special_diseases_in_tier_2),
      CASE(JM_B_40_on_top_of_tier_1), CASE(JM_B_43_the_threshold_is_published),
      CASE(JM_B_44_the_deductible_does_not_count), CASE(JM_B_45_general_60), CASE(JM_B_46_general_70),
      CASE(JM_B_47_poor_70_above_30_percent), CASE(JM_B_48_poor_80), CASE(JM_B_49_hardship_80_above_20_percent),
      CASE(JM_B_50_hardship_90), CASE(JM_B_46_a_line_above_120000), CASE(JM_B_51_cap),
      CASE(JM_B_52_no_cap_for_the_poor), CASE(JM_B_53_non_designated_10_less), CASE(JM_B_60_tier_2_on_top_of_tier_1),
      CASE(JM_B_61_base_is_what_tier_1_left_without_the_deductible), CASE(JM_B_62_half_up_to_5000),
      CASE(JM_B_63_85_above_5000), CASE(JM_B_64_90_above_200000), CASE(JM_B_65_non_designated_10_less),
      CASE(JM_B_66_tier2_cap), CASE(JM_R_01_deductible_of_a_referral), CASE(JM_R_03_resettled_retiree_as_in_the_city),
      CASE(JM_R_04_posted_staff_as_in_the_city), CASE(JM_R_05_unfiled_half_ratio), CASE(JM_R_06_late_is_as_unfiled),
      CASE(JM_R_07_deductible_and_catastrophic_are_not_cut), CASE(JM_G_01_tier_1_only_first_year),
      CASE(JM_G_02_catastrophic_first_year), CASE(JM_G_03_tier_1_only_second_year),
      CASE(JM_G_04_catastrophic_second_year), CASE(JM_G_05_over_two_years_full), CASE(JM_G_06_both_tiers_first_year),
      CASE(JM_G_07_both_tiers_second_year), CASE(JM_G_08_both_tiers_full), CASE(JM_G_09_catastrophic_by_tier_1_months),
      CASE(JM_G_10_only_caps_are_scaled), CASE(B_02_amounts_and_dates_out_of_range), CASE(B_04_filing_goes_with_area),
      CASE(B_06_residual_not_counted), CASE(B_07_contradictions), CASE(B_11_not_covered),
      CASE(running_totals_out_of_range), CASE(E_05_a_visit_without_rules_is_unsupported), CASE(steps_may_be_left_out),
      CASE(random_bills_agree_with_the_slow_version), CASE(a_larger_bill_never_costs_the_person_less))
