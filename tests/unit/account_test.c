// The personal-account core on random cases of Jiangmen's policy: what holds for each of them. The rules one by one
// stand in tests/rules/*-account.jsonl.
#include "services/collection/account.h"
#include "tests/check.h"

#define CITY TC_SOURCE_DIR "/config/cities/jiangmen.yaml"
#define RATES TC_SOURCE_DIR "/config/samples/test-account-rates.yaml"

enum { CASES = 20000, SEED = 20170101 };

static policy_t *policy;

static void load(void) {
    const char *overlays[] = {RATES, NULL};
    err_t err = {0};
    if (policy) return;
    int rc = policy_load(&policy, CITY, overlays, &err);
    if (rc) fprintf(stderr, "%s\n", err.text);
    NEED(rc == E_OK);
}

static int64_t next_random(uint64_t *seed, int64_t below) {
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)((*seed >> 33) % (uint64_t)below);
}

static account_person_t random_person(uint64_t *seed) {
    account_person_t p = {
        .identity = next_random(seed, 2) ? IDENTITY_EMPLOYEE : IDENTITY_FLEXIBLE,
        .birth = date_make(1960, 1, 1) + (date_t)next_random(seed, 15000),
        .has_base = true,
        .base = next_random(seed, 1500000),
        .has_reference = true,
        .joined = MONTH_NONE,
    };
    p.reference.kind = (account_reference_kind_t)next_random(seed, 3);
    if (p.reference.kind == REFERENCE_NONE) return p;
    p.reference.has_amount = true;
    p.reference.amount = next_random(seed, 20000);
    p.reference.has_base = p.reference.kind == REFERENCE_ACTUAL || next_random(seed, 2);
    if (p.reference.has_base) p.reference.base = next_random(seed, 1000000);
    return p;
}

static account_result_t credit(const account_person_t *p, int year, int month) {
    account_result_t r = {0};
    err_t err = {0};
    int rc = account_credit(policy, p, month_make(year, month), &r, &err);
    if (rc) fprintf(stderr, "%s %s: %s\n", err_name(rc), err.field, err.text);
    NEED(rc == E_OK);
    return r;
}

static fen_t own_of(fen_t base) { // 0.5% and 1.5%, each rounded by itself
    return (base * 5 + 500) / 1000 + (base * 15 + 500) / 1000;
}

TEST(steps_add_up_to_the_credit) {
    uint64_t seed = SEED;
    load();
    printf("(seed %d) ", SEED);
    for (int i = 0; i < CASES; i++) {
        const account_person_t p = random_person(&seed);
        const account_result_t r = credit(&p, 2016 + 1 + i % 8, 1 + i % 12);
        fen_t sum = 0;
        for (int k = 0; k < r.step_count; k++) {
            sum += r.steps[k].amount;
            OK(*policy_rule_source(policy, r.steps[k].rule));
        }
        NEED(sum == r.credit && r.credit >= 0);
    }
}
TEST(JM_A_11_never_below_the_own_contribution) {
    uint64_t seed = SEED + 1;
    load();
    for (int i = 0; i < CASES; i++) {
        const account_person_t p = random_person(&seed);
        NEED(credit(&p, 2018, 3).credit >= own_of(p.base));
    }
}
TEST(JM_A_05_who_joined_first_never_has_less_than_the_minimum_of_the_age) {
    uint64_t seed = SEED + 2;
    load();
    for (int i = 0; i < CASES; i++) {
        account_person_t p = random_person(&seed);
        p.reference = (account_reference_t){0};
        const int age = date_age(p.birth, date_make(2018, 3, 1));
        const fen_t least = age <= 35 ? 6020 : age <= 45 ? 7224 : 8428;
        const fen_t got = credit(&p, 2018, 3).credit;
        NEED(got == (own_of(p.base) > least ? own_of(p.base) : least));
    }
}
TEST(a_higher_base_never_lowers_the_credit) {
    uint64_t seed = SEED + 3;
    load();
    for (int i = 0; i < CASES; i++) {
        account_person_t p = random_person(&seed);
        if (p.reference.kind == REFERENCE_ACTUAL)
            continue; // the former credit may be less than the rate of a lower base
        if (p.reference.has_base) continue;
        const fen_t before = credit(&p, 2019, 1).credit;
        p.base += 1 + next_random(&seed, 100000);
        NEED(credit(&p, 2019, 1).credit >= before);
    }
}
TEST(nothing_is_answered_on_a_refusal) {
    account_result_t r = {.credit = 77};
    err_t err = {0};
    load();
    const account_person_t resident = {.identity = IDENTITY_RESIDENT, .birth = DATE_NONE, .joined = MONTH_NONE};
    EQ(account_credit(policy, &resident, month_make(2018, 1), &r, &err), E_UNSUPPORTED);
    EQ(r.credit, 77);
    const account_person_t bare = {.identity = IDENTITY_EMPLOYEE, .birth = DATE_NONE, .joined = MONTH_NONE};
    EQ(account_credit(policy, &bare, month_make(2016, 1), &r, &err), E_MISSING_FIELD); // E-04: before NOT_IN_FORCE
    EQ_TEXT(err.field, "person.birth");
    account_person_t huge = {.identity = IDENTITY_EMPLOYEE,
                             .birth = date_make(1980, 1, 1),
                             .has_base = true,
                             .base = INT64_MAX,
                             .has_reference = true,
                             .joined = MONTH_NONE};
    EQ(account_credit(policy, &huge, month_make(2018, 1), &r, &err), E_OUT_OF_RANGE);
    EQ_TEXT(err.field, "person.base");
    EQ(r.credit, 77);
    policy_destroy(&policy);
}

TESTS("account", CASE(steps_add_up_to_the_credit), CASE(JM_A_11_never_below_the_own_contribution),
      CASE(JM_A_05_who_joined_first_never_has_less_than_the_minimum_of_the_age),
      CASE(a_higher_base_never_lowers_the_credit), CASE(nothing_is_answered_on_a_refusal))
