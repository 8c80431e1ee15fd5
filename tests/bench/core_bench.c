// How fast is the benefit core? One thread, inpatient bills of all kinds for as many persons as fit the cache, running
// totals carried from bill to bill: the core with and without steps, with and without a memo, beside the same rules
// written by hand in C. Every bill's answer must be the hand's. Prints bills a second and how many times slower than
// the hand; runs take turns, so that whatever else the machine does falls on all alike.
//
//   core_bench CITY.yaml [OVERLAY.yaml]…     (the hand knows Jiangmen only)
#include "services/adjudication/benefit.h"
#include <string.h>
#include <time.h>

enum { BILLS = 4096, ROUNDS = 25, RUNS = 24, YEAR_BILLS = 4 };

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

// ---- by hand
// ----------------------------------------------------------------------------------------------------------

static int64_t line_of_the_year; // of catastrophic insurance; the one value of the hand's that a city publishes

typedef struct hand_totals {
    int64_t paid1, paid2, base2, paid3, base3;
} hand_totals_t;

typedef struct hand {
    int64_t deductible, paid[3], fund, person;
    hand_totals_t after;
} hand_t;

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t half_up(int64_t points) { return (points + 5000) / 10000; }
static inline int64_t share_of(int32_t months) { return months <= 12 ? 5000 : months <= 24 ? 7000 : 10000; }
static inline int64_t room(int64_t limit, int64_t used) { return most(0, limit - used); }
static inline int64_t between(int64_t from, int64_t to, int64_t low, int64_t high) {
    return most(0, least(to, high) - most(from, low));
}

static inline int64_t hand_tier2(const hand_totals_t *t, int64_t left, int64_t less, bool halved, int32_t months) {
    const int64_t from = t->base2, to = from + left;
    const int64_t sum = between(from, to, 0, 500000) * (5000 - less) +
                        between(from, to, 500000, 20000000) * (8500 - less) +
                        between(from, to, 20000000, INT64_MAX) * (9000 - less);
    return least(half_up(halved ? sum / 2 : sum), room(20000000 * share_of(months) / 10000, t->paid2));
}

static inline int64_t hand_catastrophic(const hand_totals_t *t, int64_t left, int64_t less, uint32_t groups,
                                        int32_t months) {
    const bool extreme = groups & GROUP_BIT(GROUP_EXTREME_HARDSHIP);
    const bool poor = groups & (GROUP_BIT(GROUP_REGISTERED_POOR) | GROUP_BIT(GROUP_MINIMUM_LIVING));
    const int64_t line = extreme ? line_of_the_year / 5 : poor ? line_of_the_year * 3 / 10 : line_of_the_year;
    const int64_t low = (extreme ? 8000 : poor ? 7000 : 6000) - less, high = low + 1000;
    const int64_t from = t->base3, to = from + left;
    const int64_t sum = between(from, to, line, 12000000) * low + between(from, to, 12000000, INT64_MAX) * high;
    if (extreme || poor) return half_up(sum);
    return least(half_up(sum), room(24000000 * share_of(months) / 10000, t->paid3));
}

static void by_hand(const benefit_bill_t *b, const hand_totals_t *before, hand_t *out) {
    static const int64_t ratios[] = {8500, 8000, 5500}, deductibles[] = {50000, 60000, 90000};
    const bool resident = b->identity == IDENTITY_RESIDENT, retired = b->identity == IDENTITY_RETIREE;
    const bool designated = b->designated || (retired && b->filing == FILING_RESETTLED) ||
                            (b->identity == IDENTITY_EMPLOYEE && b->filing == FILING_POSTED);
    const bool halved = b->filing == FILING_UNFILED || b->filing == FILING_LATE;
    const bool guaranteed = resident && (b->groups & GROUP_BIT(GROUP_FIVE_GUARANTEE));
    int64_t ratio = designated ? ratios[b->level] : 4000, deductible = designated ? deductibles[b->level] : 150000;
    if (retired) ratio += 500, deductible -= 10000;
    if (guaranteed && designated && b->level == LEVEL_1) ratio += 1000;
    if (guaranteed || b->family_bed) deductible = 0;
    if (b->referral) deductible = most(0, deductible - b->deductible_borne);
    if (halved) ratio /= 2;
    out->after = *before;
    out->deductible = least(deductible, b->in_scope);
    int64_t left = b->in_scope - out->deductible, paid = half_up(left * ratio);
    if (b->childbirth && b->in_scope > 0) paid = most(paid, least(50000, b->total));
    out->paid[0] = least(paid, room(20000000 * share_of(b->months_tier1) / 10000, before->paid1));
    left = most(0, left - out->paid[0]);
    const int64_t less = designated ? 0 : 1000;
    out->paid[1] = resident ? 0 : hand_tier2(before, left, less, halved, b->months_tier2);
    out->after.base2 += resident ? 0 : left;
    left -= out->paid[1];
    out->paid[2] = hand_catastrophic(before, left, less, b->groups, b->months_tier1);
    out->after.base3 += left;
    out->after.paid1 += out->paid[0];
    out->after.paid2 += out->paid[1];
    out->after.paid3 += out->paid[2];
    out->fund = out->paid[0] + out->paid[1] + out->paid[2];
    out->person = b->total - out->fund;
}

// ---- running
// ----------------------------------------------------------------------------------------------------------

typedef struct bench {
    const policy_t *policy;
    const benefit_bill_t *bills;
    benefit_memo_t *memo;
    int64_t steps, sum; // the sum keeps the compiler from leaving the work out, and must be the same for all
} bench_t;

static int64_t cpu_us(void) {
    struct timespec now;
    CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int run_hand(bench_t *b, err_t *err) {
    hand_t result = {0};
    (void)err;
    for (int i = 0; i < BILLS * ROUNDS; i++) {
        const hand_totals_t before = i % YEAR_BILLS ? result.after : (hand_totals_t){0}; // else the next person
        by_hand(&b->bills[i % BILLS], &before, &result);
        b->sum += result.person;
    }
    return E_OK;
}

static int run_core(bench_t *b, benefit_memo_t *memo, bool with_steps, err_t *err) {
    benefit_result_t results[2]; // the one before, and this one
    for (int i = 0; i < BILLS * ROUNDS; i++) {
        benefit_result_t *result = &results[i % 2];
        const benefit_totals_t *before = i % YEAR_BILLS ? &results[1 - i % 2].after : NULL; // else the next person
        int rc = benefit_eval_with(memo, b->policy, &b->bills[i % BILLS], before, with_steps, result, err);
        if (rc) return rc;
        b->steps += result->step_count;
        b->sum += result->person;
    }
    return E_OK;
}

static int run_steps(bench_t *b, err_t *err) { return run_core(b, b->memo, true, err); }
static int run_plain(bench_t *b, err_t *err) { return run_core(b, b->memo, false, err); }
static int run_fresh_steps(bench_t *b, err_t *err) { return run_core(b, NULL, true, err); }
static int run_fresh(bench_t *b, err_t *err) { return run_core(b, NULL, false, err); }

static const struct {
    const char *name;
    int (*run)(bench_t *b, err_t *err);
} ways[] = {{"by hand", run_hand},
            {"memo, no steps", run_plain},
            {"memo, with steps", run_steps},
            {"no memo, no steps", run_fresh},
            {"no memo, with steps", run_fresh_steps}};

// The fastest of several runs: what the machine does besides is not the core's.
static int run_all(const bench_t *with, err_t *err) {
    int64_t best_us[COUNT_OF(ways)], sum = 0, steps = 0;
    for (size_t w = 0; w < COUNT_OF(ways); w++) best_us[w] = INT64_MAX;
    for (int i = 0; i < RUNS; i++)
        for (size_t w = 0; w < COUNT_OF(ways); w++) {
            bench_t b = *with;
            const int64_t start_us = cpu_us();
            int rc = ways[w].run(&b, err);
            const int64_t us = cpu_us() - start_us;
            if (rc) return rc;
            if (i + w > 0 && b.sum != sum)
                return err_set(err, E_INTERNAL, "%s: another sum than by hand", ways[w].name);
            sum = b.sum;
            if (b.steps) steps = b.steps;
            if (us < best_us[w]) best_us[w] = us > 0 ? us : 1;
        }
    const int64_t bills = (int64_t)BILLS * ROUNDS, mean = steps * 100 / bills;
    for (size_t w = 0; w < COUNT_OF(ways); w++)
        printf("benefit %-20s %10lld bills/s  %5lld.%lld times the time by hand\n", ways[w].name,
               (long long)(bills * 1000000 / best_us[w]), (long long)(best_us[w] / best_us[0]),
               (long long)(best_us[w] * 10 / best_us[0] % 10));
    printf("(best of %d runs of %lld bills, %lld.%02lld steps each)\n", RUNS, (long long)bills, (long long)(mean / 100),
           (long long)(mean % 100));
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
    benefit_memo_t *memo = benefit_memo_new();
    int rc = memo ? policy_load(&policy, argv[1], (const char *const *)(argv + 2), &err)
                  : err_set(&err, E_IO, "no memory for a memo");
    for (int i = 0; i < BILLS; i++) bills[i] = random_bill(&seed);
    if (!rc) rc = policy_parameter(policy, "catastrophic_threshold", bills[0].to, &line_of_the_year, &err);
    if (!rc) rc = run_all(&(bench_t){.policy = policy, .bills = bills, .memo = memo}, &err);
    if (rc) fprintf(stderr, "%s: %s\n", err_name(rc), err.text);
    policy_destroy(&policy);
    benefit_memo_destroy(&memo);
    return rc ? 1 : 0;
}
