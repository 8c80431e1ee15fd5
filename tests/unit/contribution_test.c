// The contribution core under Jiangmen's policy: the worked example WE-19, each rate by its rule, the settled points
// (C).
#include "services/collection/contribution.h"
#include "tests/check.h"

#define CITY TC_SOURCE_DIR "/config/cities/jiangmen.yaml"
#define SAMPLE(name) TC_SOURCE_DIR "/config/samples/test-" name ".yaml"
#define YUAN(yuan, fen) ((fen_t)(yuan)*100 + (fen))

static policy_t *load(const char *overlay, const char *more) {
    const char *overlays[] = {overlay, more, NULL};
    policy_t *policy;
    err_t err = {0};
    int rc = policy_load(&policy, CITY, overlays, &err);
    if (rc) fprintf(stderr, "%s\n", err.text);
    NEED(rc == E_OK);
    return policy;
}
static const policy_t *law(void) {
    static policy_t *policy;
    if (!policy) policy = load(SAMPLE("worked-examples"), NULL);
    return policy;
}
static const policy_t *bare_law(void) {
    static policy_t *policy;
    if (!policy) policy = load(NULL, NULL);
    return policy;
}

static contribution_person_t person(identity_t identity, fen_t wage) {
    return (contribution_person_t){.identity = identity, .wage = wage, .birth = DATE_NONE};
}

static contribution_result_t month_of_person(contribution_person_t p, int year, int month) {
    contribution_result_t r = {0};
    err_t err = {0};
    int rc = contribution_month(law(), &p, month_make(year, month), &r, &err);
    if (rc) fprintf(stderr, "%s %s: %s\n", err_name(rc), err.field, err.text);
    NEED(rc == E_OK);
    fen_t sum = 0;
    for (int i = 0; i < r.line_count; i++) {
        sum += r.lines[i].amount;
        OK(*policy_rule_source(law(), r.lines[i].rule));
    }
    EQ(sum, r.total);
    return r;
}

static const contribution_line_t *line(const contribution_result_t *r, const char *item, payer_t payer) {
    for (int i = 0; i < r->line_count; i++)
        if (strcmp(r->lines[i].item, item) == 0 && r->lines[i].payer == payer) return &r->lines[i];
    static const contribution_line_t none = {.item = "none", .amount = -1, .rule = ""};
    return &none;
}

static contribution_result_t year_under(const policy_t *policy, uint32_t groups, date_t birth, int year) {
    contribution_person_t p = person(IDENTITY_RESIDENT, 0);
    contribution_result_t r = {0};
    err_t err = {0};
    p.groups = groups;
    p.birth = birth;
    int rc = contribution_year(policy, &p, year, &r, &err);
    if (rc) fprintf(stderr, "%s %s: %s\n", err_name(rc), err.field, err.text);
    NEED(rc == E_OK);
    EQ(r.line_count, 1);
    EQ(r.lines[0].amount, r.total);
    return r;
}

static int month_refused(const policy_t *policy, contribution_person_t p, int year, int month, const char *field) {
    contribution_result_t r = {.total = 77};
    err_t err = {0};
    int rc = contribution_month(policy, &p, month_make(year, month), &r, &err);
    EQ_TEXT(err.field, field);
    EQ(r.total, 77);
    return rc;
}

static void expect_employee(fen_t wage, fen_t base, fen_t employer1, fen_t person1, fen_t employer2, fen_t person2) {
    contribution_result_t r = month_of_person(person(IDENTITY_EMPLOYEE, wage), 2017, 7);
    EQ(r.line_count, 4);
    EQ(r.lines[0].base, base);
    EQ(line(&r, "tier1", PAYER_EMPLOYER)->amount, employer1);
    EQ(line(&r, "tier1", PAYER_PERSON)->amount, person1);
    EQ(line(&r, "tier2", PAYER_EMPLOYER)->amount, employer2);
    EQ(line(&r, "tier2", PAYER_PERSON)->amount, person2);
}

TEST(WE_19_employees_in_2017) {
    expect_employee(YUAN(2500, 0), YUAN(2906, 0), YUAN(87, 18), YUAN(14, 53), YUAN(87, 18), YUAN(43, 59));
    expect_employee(YUAN(12000, 0), YUAN(8718, 0), YUAN(261, 54), YUAN(43, 59), YUAN(261, 54), YUAN(130, 77));
    expect_employee(YUAN(5432, 10), YUAN(5432, 10), YUAN(162, 96), YUAN(27, 16), YUAN(162, 96), YUAN(81, 48));
    EQ(month_of_person(person(IDENTITY_EMPLOYEE, YUAN(5432, 10)), 2017, 7).total, YUAN(434, 56)); // each part by itself
}
TEST(WE_19_flexible_in_2017) {
    contribution_result_t r = month_of_person(person(IDENTITY_FLEXIBLE, 0), 2017, 12);
    EQ(r.line_count, 2);
    EQ(line(&r, "tier1", PAYER_PERSON)->amount, YUAN(101, 71));
    EQ(line(&r, "tier2", PAYER_PERSON)->amount, YUAN(130, 77));
    EQ(r.total, YUAN(232, 48));
}
TEST(WE_19_residents) {
    EQ(year_under(law(), 0, DATE_NONE, 2017).total, YUAN(200, 0));
    EQ(year_under(law(), 0, DATE_NONE, 2018).total, YUAN(288, 0));
    EQ(year_under(law(), 0, DATE_NONE, 2019).total, YUAN(364, 0));
    EQ(year_under(law(), 0, DATE_NONE, 2020).total, YUAN(448, 0));
}

TEST(JM_C_02_residents_pay_themselves) {
    contribution_result_t r = year_under(law(), 0, DATE_NONE, 2018);
    EQ(r.lines[0].payer, PAYER_PERSON);
    EQ_TEXT(r.lines[0].item, "tier1");
}
TEST(JM_C_03_hardship_residents_are_paid_for) {
    const uint32_t low = GROUP_BIT(GROUP_LOW_INCOME_FAMILY);
    const struct {
        uint32_t groups;
        date_t birth;
        payer_t payer;
    } cases[] = {
        {GROUP_BIT(GROUP_EXTREME_HARDSHIP), DATE_NONE, PAYER_FINANCE},
        {GROUP_BIT(GROUP_MINIMUM_LIVING), DATE_NONE, PAYER_FINANCE},
        {GROUP_BIT(GROUP_REGISTERED_POOR), DATE_NONE, PAYER_FINANCE},
        {GROUP_BIT(GROUP_FIVE_GUARANTEE), DATE_NONE, PAYER_PERSON},
        {GROUP_BIT(GROUP_SEVERELY_DISABLED), DATE_NONE, PAYER_PERSON},
        {low, date_make(1980, 1, 1), PAYER_PERSON},
        {low, date_make(1959, 1, 1), PAYER_FINANCE}, // 60 on 1 January 2019
        {low, date_make(1959, 1, 2), PAYER_PERSON},
        {low, date_make(2001, 1, 2), PAYER_FINANCE}, // 17
        {low, date_make(2001, 1, 1), PAYER_PERSON},  // 18
        {low, date_make(2019, 6, 1), PAYER_FINANCE}, // born within the year
        {low | GROUP_BIT(GROUP_SEVERELY_DISABLED), date_make(1980, 1, 1), PAYER_FINANCE},
        {low | GROUP_BIT(GROUP_SERIOUSLY_ILL), date_make(1980, 1, 1), PAYER_FINANCE},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        contribution_result_t r = year_under(law(), cases[i].groups, cases[i].birth, 2019);
        EQ(r.lines[0].payer, cases[i].payer);
        EQ(r.total, YUAN(364, 0));
    }
}
TEST(JM_C_09_unemployed_are_paid_for_by_the_fund) {
    contribution_result_t r = month_of_person(person(IDENTITY_UNEMPLOYED, 0), 2017, 7);
    EQ(r.line_count, 2);
    EQ(line(&r, "tier1", PAYER_UNEMPLOYMENT_FUND)->amount, YUAN(101, 71));
    EQ(line(&r, "tier2", PAYER_UNEMPLOYMENT_FUND)->amount, YUAN(130, 77));
}
TEST(JM_C_10_flexible_and_sole_traders_pay_all) {
    contribution_result_t a = month_of_person(person(IDENTITY_SOLE_TRADER, YUAN(9999, 0)), 2019, 1);
    EQ(line(&a, "tier1", PAYER_PERSON)->amount, YUAN(126, 0));
    EQ(line(&a, "tier2", PAYER_PERSON)->amount, YUAN(144, 0));
    EQ(a.line_count, 2);
}
TEST(JM_C_12_from_july_2017) { // E-07
    EQ(month_refused(law(), person(IDENTITY_EMPLOYEE, YUAN(5000, 0)), 2017, 6, "month"), E_NOT_IN_FORCE);
    EQ(month_refused(law(), person(IDENTITY_FLEXIBLE, 0), 2017, 6, "month"), E_NOT_IN_FORCE);
}
TEST(JM_C_13_income_of_the_year_before_last) {
    contribution_result_t r = year_under(law(), 0, DATE_NONE, 2019);
    EQ(r.lines[0].base, YUAN(26000, 0));
    EQ(r.lines[0].rate, 14000);
    contribution_person_t p = person(IDENTITY_RESIDENT, 0);
    err_t err = {0};
    EQ(contribution_year(law(), &p, 2021, &r, &err),
       E_PARAMETER_MISSING); // income of 2019: holds for its own year only
    EQ_TEXT(err.field, "resident_disposable_income");
}
TEST(JM_C_14_resident_rates) {
    const rate_t rates[] = {12000, 14000, 16000};
    for (int i = 0; i < 3; i++) EQ(year_under(law(), 0, DATE_NONE, 2018 + i).lines[0].rate, rates[i]);
}
TEST(JM_C_15_resident_fee_of_2017) {
    contribution_result_t r = year_under(bare_law(), 0, DATE_NONE, 2017);
    EQ(r.total, YUAN(200, 0));
    EQ(r.lines[0].base, 0); // C-04: not base × rate
    EQ(r.lines[0].rate, 0);
    contribution_person_t p = person(IDENTITY_RESIDENT, 0);
    err_t err = {0};
    EQ(contribution_year(bare_law(), &p, 2016, &r, &err), E_NOT_IN_FORCE);
}
TEST(JM_C_16_the_higher_national_fee) { // C-01: without one the city's fee stands (WE-19)
    policy_t *policy = load(SAMPLE("worked-examples"), SAMPLE("high-national-fee"));
    contribution_result_t r = year_under(policy, 0, DATE_NONE, 2018);
    EQ(r.total, YUAN(300, 0));
    EQ(r.lines[0].base, 0);
    EQ_TEXT(r.lines[0].rule, "JM-C-16");
    EQ(year_under(policy, 0, DATE_NONE, 2019).total, YUAN(364, 0));
    EQ_TEXT(year_under(policy, 0, DATE_NONE, 2019).lines[0].rule, "JM-C-14");
    EQ(year_under(policy, 0, DATE_NONE, 2017).total, YUAN(200, 0));
    policy_destroy(&policy);
}
TEST(JM_C_18_amount_is_base_times_rate) {
    contribution_result_t r = month_of_person(person(IDENTITY_EMPLOYEE, YUAN(5432, 10)), 2018, 3);
    for (int i = 0; i < r.line_count; i++) {
        fen_t amount;
        EQ(fen_rate(r.lines[i].base, r.lines[i].rate, &amount), E_OK);
        EQ(amount, r.lines[i].amount);
    }
}
TEST(JM_C_20_own_wage) {
    EQ(month_of_person(person(IDENTITY_EMPLOYEE, YUAN(4321, 9)), 2017, 8).lines[0].base, YUAN(4321, 9));
}
TEST(JM_C_21_ceiling) {
    EQ(month_of_person(person(IDENTITY_EMPLOYEE, YUAN(8718, 1)), 2017, 8).lines[0].base, YUAN(8718, 0));
    EQ(month_of_person(person(IDENTITY_EMPLOYEE, YUAN(99999, 0)), 2019, 8).lines[0].base, YUAN(10800, 0));
}
TEST(JM_C_22_floor) {
    EQ(month_of_person(person(IDENTITY_EMPLOYEE, 0), 2017, 8).lines[0].base, YUAN(2906, 0));
    EQ(month_of_person(person(IDENTITY_EMPLOYEE, YUAN(3599, 99)), 2019, 8).lines[0].base, YUAN(3600, 0));
}
TEST(JM_C_24_minimum_base_of_2017) {
    int64_t value;
    err_t err = {0};
    EQ(policy_parameter(bare_law(), "minimum_base", date_make(2017, 12, 31), &value, &err), E_OK);
    EQ(value, YUAN(2906, 0));
}
TEST(JM_C_25_minimum_base_is_published) {
    EQ(month_refused(bare_law(), person(IDENTITY_EMPLOYEE, YUAN(5000, 0)), 2018, 1, "minimum_base"),
       E_PARAMETER_MISSING);
    EQ(month_refused(bare_law(), person(IDENTITY_FLEXIBLE, 0), 2018, 1, "minimum_base"), E_PARAMETER_MISSING);
}

static void expect_rates(int year, int month, rate_t employer2, rate_t all2) {
    contribution_result_t r = month_of_person(person(IDENTITY_EMPLOYEE, YUAN(5000, 0)), year, month);
    EQ(line(&r, "tier1", PAYER_EMPLOYER)->rate, 30000);
    EQ(line(&r, "tier1", PAYER_PERSON)->rate, 5000);
    EQ(line(&r, "tier2", PAYER_EMPLOYER)->rate, employer2);
    EQ(line(&r, "tier2", PAYER_PERSON)->rate, 15000);
    r = month_of_person(person(IDENTITY_FLEXIBLE, 0), year, month);
    EQ(line(&r, "tier1", PAYER_PERSON)->rate, 35000);
    EQ(line(&r, "tier2", PAYER_PERSON)->rate, all2);
}
TEST(JM_C_26_to_33_rates_by_date) {
    expect_rates(2017, 7, 30000, 45000);
    expect_rates(2017, 12, 30000, 45000);
    expect_rates(2018, 1, 28000, 43000);
    expect_rates(2018, 12, 28000, 43000);
    expect_rates(2019, 1, 25000, 40000);
    expect_rates(2025, 6, 25000, 40000);
}
TEST(JM_C_34_employers_rate_falls_to_5_5_percent) {
    contribution_result_t r = month_of_person(person(IDENTITY_EMPLOYEE, YUAN(5000, 0)), 2019, 1);
    EQ(line(&r, "tier1", PAYER_EMPLOYER)->rate + line(&r, "tier2", PAYER_EMPLOYER)->rate, 55000);
}

TEST(C_03_retirees_owe_nothing) {
    contribution_result_t r = month_of_person(person(IDENTITY_RETIREE, 0), 2018, 1);
    EQ(r.line_count, 0);
    EQ(r.total, 0);
}
TEST(C_03_kinds_of_employers) {
    contribution_person_t p = person(IDENTITY_EMPLOYEE, YUAN(5000, 0));
    fen_t usual = month_of_person(p, 2018, 1).total;
    p.employer_kind = "distressed";
    EQ(month_of_person(p, 2018, 1).total, usual);
    p.employer_kind = "circus";
    EQ(month_refused(law(), p, 2018, 1, "employer.kind"), E_INVALID_FIELD);
}
TEST(C_03_birth_is_needed_with_a_low_income_family) {
    contribution_person_t p = person(IDENTITY_RESIDENT, 0);
    contribution_result_t r;
    err_t err = {0};
    p.groups = GROUP_BIT(GROUP_LOW_INCOME_FAMILY) | GROUP_BIT(GROUP_SEVERELY_DISABLED);
    EQ(contribution_year(law(), &p, 2018, &r, &err), E_MISSING_FIELD);
    EQ_TEXT(err.field, "person.birth");
    EQ(contribution_year(law(), &p, 2012, &r, &err), E_MISSING_FIELD); // E-04: before NOT_IN_FORCE
}
// ---- any wage, in cities of different bases
// ---------------------------------------------------------------------------------------------------------

enum { WAGES = 20000, SEED = 20170701 };

typedef struct bounded_city {
    const char *city, *overlay;
    int year, month;
    fen_t floor, ceiling; // of an employee's own base; ceiling 0: none
} bounded_city_t;

static const bounded_city_t bounded_cities[] = {
    {CITY, SAMPLE("worked-examples"), 2019, 3, YUAN(3600, 0), YUAN(10800, 0)},
    {TC_SOURCE_DIR "/config/cities/zaozhuang.yaml", SAMPLE("provincial-wage"), 2020, 6, YUAN(3456, 75),
     YUAN(17283, 75)},
    {TC_SOURCE_DIR "/config/cities/zhoushan.yaml", SAMPLE("funding-values"), 2021, 6, YUAN(6000, 0), 0},
    {TC_SOURCE_DIR "/config/cities/sanmenxia.yaml", TC_SOURCE_DIR "/config/samples/sanmenxia-illustrative.yaml", 2021,
     8, YUAN(3180, 0), YUAN(15900, 0)},
};

static policy_t *load_city(const bounded_city_t *c) {
    const char *overlays[] = {c->overlay, NULL};
    policy_t *policy = NULL;
    err_t err = {0};
    int rc = policy_load(&policy, c->city, overlays, &err);
    if (rc) fprintf(stderr, "%s\n", err.text);
    NEED(rc == E_OK);
    return policy;
}

static contribution_result_t due_of(const policy_t *policy, const bounded_city_t *c, fen_t wage) {
    contribution_result_t r = {0};
    err_t err = {0};
    const contribution_person_t p = person(IDENTITY_EMPLOYEE, wage);
    NEED(contribution_month(policy, &p, month_make(c->year, c->month), &r, &err) == E_OK);
    return r;
}

static void expect_bounds(const bounded_city_t *c, fen_t wage, const contribution_result_t *r) {
    fen_t sum = 0, amount;
    for (int i = 0; i < r->line_count; i++) {
        const contribution_line_t *l = &r->lines[i];
        sum += l->amount;
        if (!l->computed) continue;
        NEED(fen_rate(l->base, l->rate, &amount) == E_OK && amount == l->amount);
        if (l->payer != PAYER_PERSON) continue;
        NEED(l->base >= c->floor && (c->ceiling == 0 || l->base <= c->ceiling));
        if (wage >= c->floor && (c->ceiling == 0 || wage <= c->ceiling)) NEED(l->base == wage);
    }
    NEED(sum == r->total);
}

TEST(parts_add_up_and_bases_stay_within_floor_and_ceiling) {
    printf("(seed %d) ", SEED);
    for (size_t c = 0; c < COUNT_OF(bounded_cities); c++) {
        policy_t *policy = load_city(&bounded_cities[c]);
        uint64_t seed = SEED + c;
        for (int i = 0; i < WAGES; i++) {
            seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            const fen_t wage = (fen_t)((seed >> 33) % 2500000);
            const contribution_result_t r = due_of(policy, &bounded_cities[c], wage);
            expect_bounds(&bounded_cities[c], wage, &r);
        }
        policy_destroy(&policy);
    }
}
TEST(a_higher_wage_never_owes_less) {
    for (size_t c = 0; c < COUNT_OF(bounded_cities); c++) {
        policy_t *policy = load_city(&bounded_cities[c]);
        fen_t before = 0;
        for (fen_t wage = 0; wage < 2500000; wage += 97) {
            const fen_t total = due_of(policy, &bounded_cities[c], wage).total;
            NEED(total >= before);
            before = total;
        }
        policy_destroy(&policy);
    }
}
// The example of ZZ-A8: three of the staff, the unit's sum.
TEST(ZZ_C02_the_employers_part_is_the_sum_of_the_staff) {
    static const fen_t wages[] = {YUAN(8000, 0), YUAN(3000, 0), YUAN(20000, 0)};
    const bounded_city_t *c = &bounded_cities[1];
    const char *overlays[] = {c->overlay, SAMPLE("raw-payroll"), NULL};
    policy_t *clamped = load_city(c), *raw = NULL;
    err_t err = {0};
    NEED(policy_load(&raw, c->city, overlays, &err) == E_OK);
    fen_t sum_clamped = 0, sum_raw = 0;
    for (size_t i = 0; i < COUNT_OF(wages); i++) {
        sum_clamped += due_of(clamped, c, wages[i]).lines[0].amount;
        sum_raw += due_of(raw, c, wages[i]).lines[0].amount;
    }
    EQ(sum_clamped, YUAN(2299, 24));
    EQ(sum_raw, YUAN(2480, 0));
    policy_destroy(&clamped);
    policy_destroy(&raw);
}
TEST(JM_C_19_the_employers_part_is_the_sum_of_the_staff) {
    fen_t bases = 0, sum = 0;
    for (fen_t wage = YUAN(3600, 0); wage <= YUAN(10800, 0); wage += YUAN(100, 0)) {
        contribution_result_t r = month_of_person(person(IDENTITY_EMPLOYEE, wage), 2019, 3);
        bases += r.lines[0].base;
        sum += line(&r, "tier1", PAYER_EMPLOYER)->amount;
    }
    EQ(sum, bases * 3 / 100);
}
TEST(an_unknown_wage_is_missed_where_it_counts) {
    contribution_person_t p = person(IDENTITY_EMPLOYEE, 0);
    p.no_wage = true;
    EQ(month_refused(law(), p, 2018, 1, "person.wage"), E_MISSING_FIELD);
    EQ(month_refused(law(), p, 2012, 1, "person.wage"), E_MISSING_FIELD); // E-04: before NOT_IN_FORCE
    p.identity = IDENTITY_FLEXIBLE;
    EQ(month_of_person(p, 2019, 1).total, YUAN(270, 0));
}
TEST(JM_C_38_and_40_terms_of_a_yearly_fee) {
    contribution_result_t r = year_under(law(), 0, DATE_NONE, 2019);
    EQ(r.due_by, date_make(2018, 12, 31));
    EQ_TEXT(r.due_rule, "JM-C-38");
    OK(r.no_refund);
    EQ(month_of_person(person(IDENTITY_FLEXIBLE, 0), 2019, 1).due_by, DATE_NONE);
}

TEST(month_and_year_are_not_mixed) {
    contribution_person_t p = person(IDENTITY_EMPLOYEE, YUAN(5000, 0));
    contribution_result_t r;
    err_t err = {0};
    EQ(contribution_year(law(), &p, 2018, &r, &err), E_INVALID_FIELD);
    EQ(month_refused(law(), person(IDENTITY_RESIDENT, 0), 2018, 1, "month"), E_INVALID_FIELD);
}
TEST(wages_out_of_range) {
    EQ(month_refused(law(), person(IDENTITY_EMPLOYEE, -1), 2018, 1, "person.wage"), E_OUT_OF_RANGE);
    EQ(month_refused(law(), person(IDENTITY_EMPLOYEE, INT64_MAX), 2018, 1, "person.wage"), E_OUT_OF_RANGE);
}

TESTS("contribution", CASE(WE_19_employees_in_2017), CASE(WE_19_flexible_in_2017), CASE(WE_19_residents),
      CASE(JM_C_02_residents_pay_themselves), CASE(JM_C_03_hardship_residents_are_paid_for),
      CASE(JM_C_09_unemployed_are_paid_for_by_the_fund), CASE(JM_C_10_flexible_and_sole_traders_pay_all),
      CASE(JM_C_12_from_july_2017), CASE(JM_C_13_income_of_the_year_before_last), CASE(JM_C_14_resident_rates),
      CASE(JM_C_15_resident_fee_of_2017), CASE(JM_C_16_the_higher_national_fee),
      CASE(JM_C_18_amount_is_base_times_rate), CASE(JM_C_20_own_wage), CASE(JM_C_21_ceiling), CASE(JM_C_22_floor),
      CASE(JM_C_24_minimum_base_of_2017), CASE(JM_C_25_minimum_base_is_published), CASE(JM_C_26_to_33_rates_by_date),
      CASE(JM_C_34_employers_rate_falls_to_5_5_percent), CASE(C_03_retirees_owe_nothing), CASE(C_03_kinds_of_employers),
      CASE(C_03_birth_is_needed_with_a_low_income_family), CASE(parts_add_up_and_bases_stay_within_floor_and_ceiling),
      CASE(a_higher_wage_never_owes_less), CASE(ZZ_C02_the_employers_part_is_the_sum_of_the_staff),
      CASE(JM_C_19_the_employers_part_is_the_sum_of_the_staff), CASE(an_unknown_wage_is_missed_where_it_counts),
      CASE(JM_C_38_and_40_terms_of_a_yearly_fee), CASE(month_and_year_are_not_mixed), CASE(wages_out_of_range))
