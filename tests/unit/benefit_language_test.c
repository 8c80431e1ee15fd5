// Every word of the benefit language (docs/policy.md) under a made-up town, and the memo: it changes no answer,
// whatever is asked after whatever, and whichever policy comes after which.
#include "services/adjudication/benefit.h"
#include "tests/check.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TOWN TC_SOURCE_DIR "/tests/data/benefit-language.yaml"
#define JIANGMEN TC_SOURCE_DIR "/config/cities/jiangmen.yaml"
#define SAMPLE(name) TC_SOURCE_DIR "/config/samples/test-" name ".yaml"
#define YUAN(yuan) ((fen_t)(yuan)*100)

enum { BASIC, EXTRA, LARGE, CRITICAL, ASSISTANCE };

static policy_t *load(const char *city, const char *overlay, const char *another) {
    const char *overlays[] = {overlay, another, NULL};
    policy_t *policy;
    err_t err = {0};
    if (policy_load(&policy, city, overlays, &err)) fprintf(stderr, "%s\n", err.text);
    NEED(policy != NULL);
    return policy;
}

static policy_t *town;
static const policy_t *law(void) {
    if (!town) town = load(TOWN, NULL, NULL);
    return town;
}

static benefit_bill_t stay(identity_t identity, fen_t amount) {
    return (benefit_bill_t){.identity = identity,
                            .covered = true,
                            .level = LEVEL_2,
                            .designated = true,
                            .visit = VISIT_INPATIENT,
                            .from = date_make(2021, 3, 1),
                            .to = date_make(2021, 3, 10),
                            .total = amount,
                            .in_scope = amount};
}

static benefit_bill_t visit(point_t point, fen_t amount, int32_t cover_months) {
    benefit_bill_t bill = stay(IDENTITY_EMPLOYEE, amount);
    bill.visit = VISIT_OUTPATIENT;
    bill.point = point;
    bill.primary = point == POINT_PRIMARY;
    bill.cover_months = cover_months;
    return bill;
}

static bool parts_add_up(const policy_t *policy, const benefit_bill_t *bill, const benefit_result_t *r) {
    fen_t sum[256] = {0}, fund = 0;
    bool same = true;
    for (int i = 0; i < r->step_count; i++) sum[r->steps[i].part] += r->steps[i].amount;
    for (int i = 0; i < policy_layer_count(policy); i++) {
        same &= sum[i] == r->paid[i] && r->paid[i] >= 0;
        fund += r->paid[i];
    }
    return same && sum[BENEFIT_PART_DEDUCTIBLE] == r->deductible && sum[BENEFIT_PART_PERSON] == r->person &&
           fund == r->fund && r->fund + r->person == bill->total && r->person >= 0;
}

static benefit_result_t eval_after(benefit_bill_t bill, const benefit_totals_t *before) {
    benefit_result_t r = {0};
    err_t err = {0};
    int rc = benefit_eval(law(), &bill, before, true, &r, &err);
    if (rc) fprintf(stderr, "%s %s: %s\n", err_name(rc), err.field, err.text);
    NEED(rc == E_OK);
    OK(parts_add_up(law(), &bill, &r));
    return r;
}
static benefit_result_t eval(benefit_bill_t bill) { return eval_after(bill, NULL); }

static int refused(benefit_bill_t bill, const char *field) {
    benefit_result_t r;
    err_t err = {0};
    int rc = benefit_eval(law(), &bill, NULL, true, &r, &err);
    EQ_TEXT(err.field, field);
    return rc;
}

static fen_t total_of(const benefit_result_t *r, const char *name) {
    int index = policy_total_from_name(law(), name);
    NEED(index >= 0);
    return r->after.value[index];
}

static const char *person_rule(const benefit_result_t *r) { // of the own share
    for (int i = 0; i < r->step_count; i++)
        if (r->steps[i].part == BENEFIT_PART_PERSON && strcmp(r->steps[i].rule, "W-6") != 0) return r->steps[i].rule;
    return "";
}

// ---- words

TEST(for_tells_schemes_apart_and_once_published_waits) {
    benefit_bill_t bill = stay(IDENTITY_RESIDENT, YUAN(1000));
    EQ(eval(bill).paid[BASIC], YUAN(650));
    bill.from = bill.to = date_make(2020, 12, 31);
    EQ(eval(bill).paid[BASIC], YUAN(600));
    bill.from = bill.to = date_make(2020, 6, 30);
    EQ(refused(bill, "visit.to"), E_NOT_IN_FORCE);
    bill.identity = IDENTITY_EMPLOYEE;
    EQ(eval(bill).paid[BASIC], YUAN(480));
}

TEST(own_share_may_be_a_table) {
    benefit_bill_t bill = stay(IDENTITY_EMPLOYEE, YUAN(5000));
    benefit_result_t r = eval(bill);
    EQ_TEXT(person_rule(&r), "W-4");
    bill.childbirth = true;
    r = eval(bill);
    EQ_TEXT(person_rule(&r), "W-9");
}

TEST(first_pay_leaves_the_scope) {
    benefit_bill_t bill = stay(IDENTITY_EMPLOYEE, YUAN(1400));
    bill.class_b = YUAN(1000);
    benefit_result_t r = eval(bill); // 100 first, 1300 in scope, 400 deductible
    EQ(r.deductible, YUAN(400));
    EQ(r.paid[BASIC], YUAN(720));
    EQ(r.person, YUAN(680));
    bill.area = AREA_OUTSIDE;
    bill.filing = FILING_FILED;
    EQ(eval(bill).paid[BASIC], YUAN(680)); // 15% first
    bill.class_b = 1;
    EQ(eval(bill).paid[BASIC], YUAN(800)); // 0.15 fen is none
    bill.class_b = bill.in_scope + 1;
    EQ(refused(bill, "fees.class_b"), E_OUT_OF_RANGE);
    bill = stay(IDENTITY_RESIDENT, YUAN(100));
    bill.class_b = 1;
    EQ(refused(bill, "fees.class_b"), E_UNSUPPORTED);
    bill = visit(POINT_NONE, YUAN(100), 0);
    bill.class_b = 1;
    EQ(refused(bill, "fees.class_b"), E_UNSUPPORTED);
}

TEST(a_first_pay_that_is_not_published_is_asked_for_where_it_is_needed) {
    benefit_bill_t bill = stay(IDENTITY_EMPLOYEE, YUAN(1400));
    bill.from = bill.to = date_make(2022, 1, 1);
    EQ(eval(bill).paid[BASIC], YUAN(800));
    bill.class_b = 1;
    EQ(refused(bill, "first_share"), E_PARAMETER_MISSING);
}

TEST(a_deductible_follows_what_was_borne_then_the_next_adjustment) {
    benefit_bill_t bill = stay(IDENTITY_EMPLOYEE, YUAN(1400));
    bill.referral = true;
    bill.deductible_borne = YUAN(150);
    EQ(eval(bill).deductible, YUAN(250));
    bill.deductible_borne = YUAN(900);
    EQ(eval(bill).deductible, 0);
    bill.family_bed = true;
    EQ(eval(bill).deductible, YUAN(100));
}

TEST(fixed_pays_an_amount_at_most_what_it_looks_at) {
    benefit_bill_t bill = stay(IDENTITY_EMPLOYEE, YUAN(5000));
    bill.childbirth = true;
    EQ(eval(bill).paid[BASIC], YUAN(2000));
    bill.total = bill.in_scope = YUAN(1900);
    EQ(eval(bill).paid[BASIC], YUAN(1500));
}

TEST(over_cap_of_looks_at_what_a_limit_cut_off) {
    benefit_result_t r = eval(stay(IDENTITY_EMPLOYEE, YUAN(20400)));
    EQ(r.paid[BASIC], YUAN(10000)); // of 16,000
    EQ(r.paid[LARGE], YUAN(3000));
    r = eval(stay(IDENTITY_EMPLOYEE, YUAN(10400)));
    EQ(r.paid[LARGE], 0);
}

TEST(left_over_with_deductible) {
    benefit_bill_t bill = stay(IDENTITY_EMPLOYEE, YUAN(10400)); // basic 8,000; left 2,000 and 400
    benefit_result_t r = eval(bill);
    EQ(r.paid[CRITICAL], YUAN(700));
    EQ(total_of(&r, "critical_base"), YUAN(2400));
    bill.groups = GROUP_BIT(GROUP_MINIMUM_LIVING); // the rest of both
    r = eval(bill);
    EQ(r.paid[ASSISTANCE], YUAN(1700));
    EQ(r.person, 0);
}

TEST(whole_less_what_another_paid_and_no_more_than_is_left) {
    benefit_result_t r = eval(visit(POINT_PRIMARY, YUAN(100), 12));
    EQ(r.paid[BASIC], YUAN(70));
    EQ(r.paid[EXTRA], YUAN(20 + 10)); // 90 less 70; then 90 of the whole, of which 10 is left
    EQ(total_of(&r, "extra_base"), YUAN(100));
    EQ(total_of(&r, "month_paid"), YUAN(20));
    EQ(r.person, 0);
}

TEST(a_limit_by_months_of_cover) {
    benefit_totals_t before = {0};
    before.value[policy_total_from_name(law(), "visit_paid")] = YUAN(100);
    benefit_bill_t bill = visit(POINT_PRIMARY, YUAN(1000), 3);
    benefit_result_t r = eval_after(bill, &before);
    EQ(total_of(&r, "month_paid"), YUAN(90));
    bill.groups = GROUP_BIT(GROUP_MINIMUM_LIVING);
    r = eval_after(bill, &before);
    EQ(total_of(&r, "month_paid"), YUAN(180));
    bill.cover_months = 0;
    r = eval_after(bill, &before);
    EQ(total_of(&r, "month_paid"), 0);
    bill.cover_months = 13;
    EQ(refused(bill, "person.cover_months"), E_OUT_OF_RANGE);
}

TEST(days_of_a_referral) {
    benefit_bill_t bill = visit(POINT_OTHER, YUAN(100), 0);
    EQ(eval(bill).paid[EXTRA], YUAN(10)); // never referred is beyond every number of days
    bill.referred = true;
    bill.referred_on = bill.to - 7;
    EQ(eval(bill).paid[EXTRA], YUAN(60));
    bill.referred_on--;
    EQ(eval(bill).paid[EXTRA], YUAN(10));
}

TEST(advice_tells_what_would_have_cost_less) {
    benefit_bill_t bill = stay(IDENTITY_EMPLOYEE, YUAN(1800));
    benefit_advice_t advice[BENEFIT_ADVICE_MAX];
    bill.level = LEVEL_3;
    bill.area = AREA_OUTSIDE;
    bill.filing = FILING_UNFILED;
    benefit_result_t r = eval(bill); // 600 of 1000, critical (1200 − 1000) / 2
    EQ(r.person, YUAN(1100));
    NEED(benefit_advise(law(), &bill, NULL, &r, advice) == 2);
    EQ_TEXT(advice[0].rule, "W-8");
    EQ_TEXT(advice[0].text, "File first.");
    EQ(advice[0].person, YUAN(1000));
    EQ(advice[0].less, YUAN(100));
    EQ_TEXT(advice[1].text_zh, "选择二级医院。");
    EQ(advice[1].less, r.person - advice[1].person);
    bill = stay(IDENTITY_EMPLOYEE, YUAN(1800)); // facts that cannot be together are no advice
    r = eval(bill);
    EQ(benefit_advise(law(), &bill, NULL, &r, advice), 0);
    bill = visit(POINT_OTHER, YUAN(100), 0);
    r = eval(bill);
    NEED(benefit_advise(law(), &bill, NULL, &r, advice) == 1);
    EQ(advice[0].less, YUAN(50));
}

// ---- the memo

static uint64_t seed;
static uint64_t next_random(void) {
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return seed >> 33;
}
static int pick(int n) { return (int)(next_random() % (uint64_t)n); }
static void seed_from_clock(void) {
    seed = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 10) : (uint64_t)time(NULL);
    printf("seed %llu ", (unsigned long long)seed);
}

static benefit_bill_t random_bill(void) {
    static const point_t points[] = {POINT_NONE, POINT_PRIMARY, POINT_OTHER};
    benefit_bill_t b = {.identity = pick(2) ? IDENTITY_EMPLOYEE : IDENTITY_RESIDENT,
                        .covered = pick(30) != 0,
                        .groups = pick(3) ? 0 : (uint32_t)pick(1 << GROUP__COUNT),
                        .months_tier1 = pick(40),
                        .months_tier2 = pick(40),
                        .cover_months = pick(13),
                        .level = (level_t)pick(LEVEL__COUNT),
                        .designated = pick(8) != 0,
                        .primary = pick(2),
                        .visit = pick(3) ? VISIT_INPATIENT : (visit_t)pick(VISIT__COUNT),
                        .area = pick(4) ? AREA_CITY : AREA_OUTSIDE,
                        .childbirth = pick(8) == 0,
                        .family_bed = pick(8) == 0,
                        .referral = pick(8) == 0,
                        .deductible_borne = pick(100000),
                        .in_scope = pick(4) ? pick(500000) : pick(90000000)};
    if (b.area == AREA_OUTSIDE) b.filing = (filing_t)pick(FILING__COUNT);
    if (b.visit != VISIT_INPATIENT && pick(4)) b.childbirth = b.family_bed = b.referral = false;
    if (b.visit != VISIT_INPATIENT || pick(50) == 0) b.point = points[pick(3)];
    b.referred = pick(3) == 0;
    b.to = date_make(2017 + pick(6), 1 + pick(12), 1 + pick(28));
    b.from = b.to - pick(9) + (pick(40) == 0 ? 9 : 0);
    b.referred_on = b.to - pick(40) + 2;
    b.class_b = pick(3) ? 0 : pick(2000);
    b.total = b.in_scope + pick(1000) - (pick(60) == 0 ? 2000 : 0);
    return b;
}

static bool same_answer(const policy_t *policy, benefit_memo_t *memo, const benefit_bill_t *bill,
                        const benefit_totals_t *before, benefit_totals_t *after) {
    benefit_result_t with = {0}, without = {0}, bare = {0};
    err_t a = {0}, b = {0};
    const int rc = benefit_eval_with(memo, policy, bill, before, true, &with, &a);
    const int expected = benefit_eval(policy, bill, before, true, &without, &b);
    if (rc != expected || strcmp(a.field, b.field) != 0 || strcmp(a.text, b.text) != 0) return false;
    if (memcmp(&with, &without, offsetof(benefit_result_t, steps)) != 0) return false;
    for (int i = 0; i < with.step_count; i++)
        if (with.steps[i].rule != without.steps[i].rule || with.steps[i].part != without.steps[i].part ||
            with.steps[i].base != without.steps[i].base || with.steps[i].rate != without.steps[i].rate ||
            with.steps[i].amount != without.steps[i].amount)
            return false;
    if (rc) return true;
    *after = with.after;
    if (benefit_eval_with(memo, policy, bill, before, false, &bare, &a) || bare.step_count) return false;
    bare.step_count = with.step_count;
    return memcmp(&bare, &with, offsetof(benefit_result_t, steps)) == 0 && parts_add_up(policy, bill, &with);
}

TEST(a_memo_changes_no_answer) {
    policy_t *policies[] = {load(TOWN, NULL, NULL), load(JIANGMEN, SAMPLE("worked-examples"), NULL),
                            load(JIANGMEN, SAMPLE("worked-examples"), SAMPLE("residual-not-counted")),
                            load(JIANGMEN, SAMPLE("jiangmen-former"), NULL)};
    benefit_memo_t *memo = benefit_memo_new();
    NEED(memo != NULL);
    seed_from_clock();
    int wrong = 0, paid = 0;
    for (int i = 0; i < 120000 && !wrong; i++) {
        const policy_t *policy = policies[i / 20000 % 4];
        static benefit_totals_t totals;
        if (i % 5 == 0) totals = (benefit_totals_t){0};
        const benefit_totals_t before = totals;
        const benefit_bill_t bill = random_bill();
        wrong = !same_answer(policy, memo, &bill, &before, &totals);
        paid += memcmp(&before, &totals, sizeof totals) != 0;
    }
    EQ(wrong, 0);
    OK(paid > 20000);
    benefit_memo_destroy(&memo);
    for (size_t i = 0; i < COUNT_OF(policies); i++) policy_destroy(&policies[i]);
}

// A policy may come to lie where the one before lay; its plans are still its own.
TEST(a_memo_forgets_the_policy_before) {
    benefit_memo_t *memo = benefit_memo_new();
    const benefit_bill_t bill = {.identity = IDENTITY_EMPLOYEE,
                                 .covered = true,
                                 .designated = true,
                                 .area = AREA_OUTSIDE,
                                 .filing = FILING_UNFILED,
                                 .level = LEVEL_3,
                                 .from = date_make(2019, 5, 1),
                                 .to = date_make(2019, 5, 1),
                                 .total = YUAN(90000),
                                 .in_scope = YUAN(90000)};
    NEED(memo != NULL);
    for (int i = 0; i < 6; i++) {
        policy_t *policy = load(JIANGMEN, SAMPLE("worked-examples"), i % 2 ? SAMPLE("residual-not-counted") : NULL);
        benefit_totals_t after;
        OK(same_answer(policy, memo, &bill, NULL, &after));
        policy_destroy(&policy);
    }
    benefit_memo_destroy(&memo);
}

TESTS("benefit_language", CASE(for_tells_schemes_apart_and_once_published_waits), CASE(own_share_may_be_a_table),
      CASE(first_pay_leaves_the_scope), CASE(a_first_pay_that_is_not_published_is_asked_for_where_it_is_needed),
      CASE(a_deductible_follows_what_was_borne_then_the_next_adjustment),
      CASE(fixed_pays_an_amount_at_most_what_it_looks_at), CASE(over_cap_of_looks_at_what_a_limit_cut_off),
      CASE(left_over_with_deductible), CASE(whole_less_what_another_paid_and_no_more_than_is_left),
      CASE(a_limit_by_months_of_cover), CASE(days_of_a_referral), CASE(advice_tells_what_would_have_cost_less),
      CASE(a_memo_changes_no_answer), CASE(a_memo_forgets_the_policy_before))
