// The funding core: its two tests at their edges and on random standards. The rules one by one stand in
// tests/rules/zhoushan-funding.jsonl.
#include "services/collection/funding.h"
#include "tests/check.h"

#define CITY(name) TC_SOURCE_DIR "/config/cities/" name ".yaml"
#define SAMPLE(name) TC_SOURCE_DIR "/config/samples/test-" name ".yaml"

enum { CASES = 20000, SEED = 20210101 };

static policy_t *load(const char *city, const char *overlay, const char *more) {
    const char *overlays[] = {overlay, more, NULL};
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

static funding_result_t ask(const policy_t *policy, int year, fen_t personal, fen_t government) {
    funding_result_t r = {0};
    err_t err = {0};
    NEED(funding_eval(policy, year, personal, government, &r, &err) == E_OK);
    EQ(r.total, personal + government);
    return r;
}

// 2.5% of 55,824.01 is 1,395.60025: 1,395.60 does not reach it.
TEST(ZS_C07_the_floor_reaches_the_share) {
    policy_t *policy = load(CITY("zhoushan"), SAMPLE("funding-values"), NULL);
    EQ(ask(policy, 2021, 139560, 0).floor, 139561);
    OK(!ask(policy, 2021, 139560, 0).meets_floor);
    OK(ask(policy, 2021, 139561, 0).meets_floor);
    EQ(ask(policy, 2022, 0, 0).floor, 152120);
    policy_destroy(&policy);
}
TEST(ZS_C08_the_readings_of_the_ratio) {
    policy_t *literal = load(CITY("zhoushan"), SAMPLE("funding-values"), NULL);
    policy_t *other = load(CITY("zhoushan"), SAMPLE("funding-values"), SAMPLE("government-twice"));
    uint64_t seed = SEED;
    printf("(seed %d) ", SEED);
    for (int i = 0; i < CASES; i++) {
        const fen_t p = next_random(&seed, 100000), g = i % 3 ? next_random(&seed, 200000) : 2 * p + i % 5 - 2;
        if (g < 0) continue;
        NEED(ask(literal, 2022, p, g).meets_ratio == (2 * p >= g));
        NEED(ask(other, 2022, p, g).meets_ratio == (g >= 2 * p));
    }
    policy_destroy(&literal);
    policy_destroy(&other);
}
TEST(nothing_is_answered_on_a_refusal) {
    policy_t *policy = load(CITY("zhoushan"), NULL, NULL), *without = load(CITY("yancheng"), NULL, NULL);
    funding_result_t r = {.floor = 77};
    err_t err = {0};
    EQ(funding_eval(policy, 2022, 1, 1, &r, &err), E_PARAMETER_MISSING); // F-07
    EQ_TEXT(err.field, "disposable_income");
    EQ(funding_eval(policy, 2020, 1, 1, &r, &err), E_NOT_IN_FORCE);
    EQ(funding_eval(policy, 2020, -1, 1, &r, &err), E_OUT_OF_RANGE);
    EQ(funding_eval(policy, 1800, 1, 1, &r, &err), E_OUT_OF_RANGE);
    EQ(funding_eval(without, 2022, 1, 1, &r, &err), E_UNSUPPORTED); // E-05
    EQ(r.floor, 77);
    policy_destroy(&policy);
    policy_destroy(&without);
}

TESTS("funding", CASE(ZS_C07_the_floor_reaches_the_share), CASE(ZS_C08_the_readings_of_the_ratio),
      CASE(nothing_is_answered_on_a_refusal))
