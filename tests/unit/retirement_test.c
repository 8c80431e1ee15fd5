// The retirement core on random cases of two cities: what holds for each of them. The rules one by one stand in
// tests/rules/*-retirement.jsonl.
#include "services/collection/retirement.h"
#include "tests/check.h"

#define CITY(name) TC_SOURCE_DIR "/config/cities/" name ".yaml"
#define SAMPLE(name) TC_SOURCE_DIR "/config/samples/test-" name ".yaml"

enum { CASES = 20000, SEED = 20191230 };

static policy_t *load(const char *city, const char *overlay) {
    const char *overlays[] = {overlay, NULL};
    policy_t *policy = NULL;
    err_t err = {0};
    int rc = policy_load(&policy, city, overlays, &err);
    if (rc) fprintf(stderr, "%s\n", err.text);
    NEED(rc == E_OK);
    return policy;
}

static int64_t next_random(uint64_t *seed, int64_t below) {
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)((*seed >> 33) % (uint64_t)below);
}

static retirement_person_t nobody(void) {
    return (retirement_person_t){.sex = -1, .joined = MONTH_NONE, .lifelong_since = DATE_NONE};
}

static retirement_result_t ask(const policy_t *policy, const retirement_person_t *p) {
    retirement_result_t r = {0};
    err_t err = {0};
    int rc = retirement_eval(policy, p, date_make(2020, 3, 15), &r, &err);
    if (rc) fprintf(stderr, "%s %s: %s\n", err_name(rc), err.field, err.text);
    NEED(rc == E_OK);
    fen_t sum = 0;
    for (int i = 0; i < r.step_count; i++) sum += r.steps[i].amount;
    EQ(sum, r.lump_sum);
    return r;
}

// A month made up counts in both tests: with the missing months made up nothing is missing, with one less something is.
TEST(ZZ_Y05_what_is_missing_is_exactly_what_must_be_made_up) {
    policy_t *policy = load(CITY("zaozhuang"), SAMPLE("provincial-wage"));
    uint64_t seed = SEED;
    printf("(seed %d) ", SEED);
    for (int i = 0; i < CASES; i++) {
        retirement_person_t p = nobody();
        p.sex = (int)next_random(&seed, SEX__COUNT);
        p.has_actual = true;
        p.actual_months = next_random(&seed, 400);
        p.deemed_months = next_random(&seed, 300);
        const retirement_result_t r = ask(policy, &p);
        EQ(r.lump_sum, r.missing * r.monthly);
        NEED(r.exempt == (r.missing == 0));
        p.actual_months += r.missing;
        NEED(ask(policy, &p).missing == 0);
        p.actual_months -= 1;
        if (r.missing > 0) NEED(ask(policy, &p).missing == 1);
    }
    policy_destroy(&policy);
}
TEST(JM_Y_07_local_months_are_never_part_of_the_lump_sum) {
    policy_t *policy = load(CITY("jiangmen"), SAMPLE("worked-examples"));
    uint64_t seed = SEED + 1;
    for (int i = 0; i < CASES; i++) {
        retirement_person_t p = nobody();
        p.joined = month_make(1995 + (int)next_random(&seed, 25), 1 + (int)next_random(&seed, 12));
        p.has_months = p.has_local = true;
        p.months = next_random(&seed, 400);
        p.local_months = next_random(&seed, p.months + 1);
        const retirement_result_t at_home = ask(policy, &p);
        EQ(at_home.required, p.joined < month_make(2018, 1) ? 240 : 300);
        p.transferred = true;
        const retirement_result_t moved = ask(policy, &p);
        EQ(moved.lump_sum, at_home.lump_sum);
        EQ(moved.local_missing, p.local_months < 120 ? 120 - p.local_months : 0);
        NEED(moved.exempt == (moved.missing == 0 && moved.local_missing == 0));
    }
    policy_destroy(&policy);
}
TEST(nothing_is_answered_on_a_refusal) {
    policy_t *policy = load(CITY("zaozhuang"), SAMPLE("provincial-wage"));
    retirement_result_t r = {.required = 77};
    err_t err = {0};
    retirement_person_t p = nobody();
    EQ(retirement_eval(policy, &p, date_make(2001, 1, 1), &r, &err), E_MISSING_FIELD); // E-04: before NOT_IN_FORCE
    EQ_TEXT(err.field, "person.sex");
    p.sex = SEX_FEMALE;
    p.has_actual = true;
    p.actual_months = -1;
    EQ(retirement_eval(policy, &p, date_make(2020, 1, 1), &r, &err), E_OUT_OF_RANGE);
    p.actual_months = 10;
    EQ(retirement_eval(policy, &p, date_make(2001, 1, 1), &r, &err), E_NOT_IN_FORCE);
    EQ(retirement_eval(policy, &p, date_make(2021, 1, 1), &r, &err), E_PARAMETER_MISSING);
    EQ_TEXT(err.field, "provincial_average_wage");
    EQ(r.required, 77);
    policy_destroy(&policy);
}

TESTS("retirement", CASE(ZZ_Y05_what_is_missing_is_exactly_what_must_be_made_up),
      CASE(JM_Y_07_local_months_are_never_part_of_the_lump_sum), CASE(nothing_is_answered_on_a_refusal))
