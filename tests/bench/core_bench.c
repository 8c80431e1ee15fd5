// How fast is the benefit core? One thread, bills of all kinds for as many persons as fit the cache, running totals
// carried from bill to bill. Prints bills a second with and without steps.
//
//   core_bench CITY.yaml [OVERLAY.yaml]…
#include "services/adjudication/benefit.h"
#include <time.h>

enum { BILLS = 4096, ROUNDS = 100, RUNS = 8, YEAR_BILLS = 4 };

static uint64_t next_random(uint64_t *seed) {
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

static benefit_bill_t random_bill(uint64_t *seed) {
    benefit_bill_t b = {
        .covered = true, .visit = VISIT_INPATIENT, .from = date_make(2019, 3, 1), .to = date_make(2019, 3, 9)};
    b.identity = (identity_t)(next_random(seed) % IDENTITY__COUNT);
    b.groups = next_random(seed) % 8 ? 0 : GROUP_BIT(next_random(seed) % GROUP__COUNT);
    b.months_tier1 = b.months_tier2 = (int32_t)(next_random(seed) % 60);
    b.level = (level_t)(next_random(seed) % LEVEL__COUNT);
    b.designated = next_random(seed) % 16 != 0;
    b.area = next_random(seed) % 8 ? AREA_CITY : AREA_OUTSIDE;
    if (b.area == AREA_OUTSIDE) b.filing = next_random(seed) % 4 ? FILING_FILED : FILING_UNFILED;
    b.childbirth = next_random(seed) % 32 == 0;
    b.in_scope = (fen_t)(next_random(seed) % (next_random(seed) % 16 ? 3000000 : 30000000));
    b.total = b.in_scope + (fen_t)(next_random(seed) % 100000);
    return b;
}

static int64_t cpu_us(void) {
    struct timespec now;
    CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int run_once(const policy_t *policy, const benefit_bill_t *bills, bool with_steps, int64_t *steps, err_t *err) {
    benefit_result_t result;
    benefit_totals_t totals = {0};
    for (int i = 0; i < BILLS * ROUNDS; i++) {
        if (i % YEAR_BILLS == 0) totals = (benefit_totals_t){0}; // the next person
        int rc = benefit_eval(policy, &bills[i % BILLS], &totals, with_steps, &result, err);
        if (rc) return rc;
        totals = result.after;
        *steps += result.step_count;
    }
    return E_OK;
}

// The fastest of several runs: what the machine does besides is not the core's.
static int run(const policy_t *policy, const benefit_bill_t *bills, bool with_steps, err_t *err) {
    int64_t best_us = INT64_MAX, steps = 0;
    for (int i = 0; i < RUNS; i++) {
        int64_t start_us = cpu_us();
        int rc = run_once(policy, bills, with_steps, &steps, err);
        if (rc) return rc;
        int64_t us = cpu_us() - start_us;
        if (us < best_us) best_us = us;
    }
    const int64_t bills_done = (int64_t)BILLS * ROUNDS, mean = steps * 100 / (bills_done * RUNS);
    printf("benefit %-13s %10lld bills/s  (best of %d runs of %lld bills, %lld.%02lld steps each)\n",
           with_steps ? "with steps" : "without steps", (long long)(bills_done * 1000000 / (best_us ? best_us : 1)),
           RUNS, (long long)bills_done, (long long)(mean / 100), (long long)(mean % 100));
    return E_OK;
}

int main(int argc, char **argv) {
    static benefit_bill_t bills[BILLS];
    policy_t *policy = NULL;
    err_t err = {0};
    uint64_t seed = 1;
    if (argc < 2) {
        fprintf(stderr, "usage: core_bench CITY.yaml [OVERLAY.yaml]...\n");
        return 2;
    }
    int rc = policy_load(&policy, argv[1], (const char *const *)(argv + 2), &err);
    for (int i = 0; i < BILLS; i++) bills[i] = random_bill(&seed);
    if (!rc) rc = run(policy, bills, true, &err);
    if (!rc) rc = run(policy, bills, false, &err);
    if (rc) fprintf(stderr, "%s: %s\n", err_name(rc), err.text);
    policy_destroy(&policy);
    return rc ? 1 : 0;
}
