// Months brought along into a later stay (JM-G-20), against the same stay taken by itself.
#include "services/collection/coverage.h"
#include "common/base/hash.h"
#include "common/base/ids.h"
#include "tests/check.h"

enum { ROUNDS = 20000, SPANS = 64 };

static policy_t *law;
static uint64_t seed, drawn;

static int draw(int below) {
    drawn++;
    return (int)(hash64(&drawn, sizeof drawn, seed) % (uint64_t)below);
}

TEST(the_law_is_read) {
    err_t err = {0};
    random_bytes(&seed, sizeof seed);
    fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
    if (policy_load(&law, TC_SOURCE_DIR "/config/cities/jiangmen.yaml", NULL, &err)) fprintf(stderr, "%s\n", err.text);
    NEED(law != NULL);
}

typedef struct told {
    coverage_span_t spans[SPANS];
    size_t count;
    char reason[COVERAGE_REASON_MAX];
} told_t;

static void tell(const coverage_input_t *in, told_t *out) {
    err_t err = {0};
    if (coverage_spans(law, in, out->spans, SPANS, &out->count, out->reason, &err)) fprintf(stderr, "%s\n", err.text);
    NEED(err.code == E_OK);
}

static const month_t year_2018 = 2018 * 12;

static coverage_months_t paid(month_t first, int months, identity_t identity) {
    return (coverage_months_t){first, first + months - 1, identity, PAID_ON_TIME, DATE_NONE};
}

TEST(JM_G_20_a_second_stay_goes_on_with_the_months_that_it_brings) {
    // Five months here, two years elsewhere in which 30 months came together, then back.
    const coverage_months_t months[] = {paid(year_2018, 5, IDENTITY_EMPLOYEE),
                                        paid(year_2018 + 29, 3, IDENTITY_EMPLOYEE)};
    const coverage_brought_t brought[] = {{year_2018 + 29, 30, 24}};
    coverage_input_t in = {.months = months,
                           .month_count = 2,
                           .prior_months_tier1 = 2,
                           .prior_months_tier2 = 1,
                           .brought = brought,
                           .brought_count = 1,
                           .born = DATE_NONE,
                           .lifelong_from = MONTH_NONE};
    told_t told;
    tell(&in, &told);
    EQ(told.count, 2);
    EQ(told.spans[0].first, year_2018); // the last month of the former scheme buys the first one here
    EQ(told.spans[0].last, year_2018 + 5);
    EQ(told.spans[0].months_tier1, 2);
    EQ(told.spans[0].months_tier2, 1);
    EQ(told.spans[1].first, year_2018 + 29); // and so it does again: not before the stay
    EQ(told.spans[1].last, year_2018 + 32);
    EQ(told.spans[1].months_tier1, 30);
    EQ(told.spans[1].months_tier2, 24);
    in.brought_count = 0;
    tell(&in, &told);
    EQ(told.count, 2);
    EQ(told.spans[1].first, year_2018 + 30);
    EQ(told.spans[1].months_tier1, 1);
}

TEST(where_the_own_months_go_on_the_longer_run_counts) {
    const coverage_months_t months[] = {paid(year_2018, 8, IDENTITY_EMPLOYEE)};
    coverage_brought_t brought = {year_2018 + 5, 3, 3};
    const coverage_input_t in = {.months = months,
                                 .month_count = 1,
                                 .brought = &brought,
                                 .brought_count = 1,
                                 .born = DATE_NONE,
                                 .lifelong_from = MONTH_NONE};
    told_t told;
    tell(&in, &told);
    EQ(told.count, 1);
    EQ(told.spans[0].months_tier1 + (told.spans[0].last - told.spans[0].first), 8);
    brought.months_tier1 = brought.months_tier2 = 40;
    tell(&in, &told);
    EQ(told.count, 2);
    EQ(told.spans[1].months_tier1 + (told.spans[1].last - told.spans[1].first), 43);
}

TEST(bad_months_brought_along_are_refused) {
    static const coverage_brought_t cases[][2] = {{{2018 * 12, 3, 4}, {2019 * 12, 1, 1}},
                                                  {{2018 * 12, -1, 0}, {2019 * 12, 1, 1}},
                                                  {{2018 * 12, 1201, 0}, {2019 * 12, 1, 1}},
                                                  {{2019 * 12, 1, 1}, {2019 * 12, 1, 1}},
                                                  {{2018 * 12, 1, 1}, {MONTH_NONE, 1, 1}}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const coverage_input_t in = {
            .brought = cases[i], .brought_count = 2, .born = DATE_NONE, .lifelong_from = MONTH_NONE};
        told_t told;
        err_t err = {0};
        EQ(coverage_spans(law, &in, told.spans, SPANS, &told.count, told.reason, &err), E_OUT_OF_RANGE);
    }
}

// ---- at random: stays far enough apart know nothing of one another

typedef struct stay {
    coverage_months_t months[6];
    size_t count;
    int tier1, tier2;
    month_t from, last;
} stay_t;

static void random_stay(stay_t *stay, month_t from) {
    static const identity_t identities[] = {IDENTITY_EMPLOYEE, IDENTITY_FLEXIBLE};
    *stay = (stay_t){.from = from, .tier1 = draw(4) ? draw(40) : 0, .last = from};
    stay->tier2 = stay->tier1 ? draw(stay->tier1 + 1) : 0;
    for (month_t month = from + draw(3); stay->count < 6 && draw(6); month++) {
        coverage_months_t *to = &stay->months[stay->count++];
        *to = paid(month, 1, identities[draw(2)]);
        if (draw(5) == 0) to->paid_on = draw(2) ? DATE_NONE : month_first(month) + draw(200);
        month += draw(4) == 0;
        stay->last = month;
    }
}

static void alone(const stay_t *stay, told_t *out) {
    const coverage_input_t in = {.months = stay->months,
                                 .month_count = stay->count,
                                 .prior_months_tier1 = stay->tier1,
                                 .prior_months_tier2 = stay->tier2,
                                 .born = DATE_NONE,
                                 .lifelong_from = MONTH_NONE};
    tell(&in, out);
}

TEST(JM_G_20_stays_far_apart_are_what_each_is_alone) {
    for (int round = 0; round < ROUNDS; round++) {
        stay_t stays[3];
        coverage_months_t months[18];
        coverage_brought_t brought[2];
        coverage_input_t in = {.months = months, .brought = brought, .born = DATE_NONE, .lifelong_from = MONTH_NONE};
        told_t together, one;
        size_t at = 0;
        month_t from = year_2018 + draw(6);
        for (int i = 0; i < 3; i++) {
            random_stay(&stays[i], from);
            from = stays[i].last + 14 + draw(12);
            memcpy(&months[in.month_count], stays[i].months, stays[i].count * sizeof *months);
            in.month_count += stays[i].count;
        }
        in.prior_months_tier1 = stays[0].tier1;
        in.prior_months_tier2 = stays[0].tier2;
        for (int i = 1; i < 3; i++)
            brought[in.brought_count++] = (coverage_brought_t){stays[i].from, stays[i].tier1, stays[i].tier2};
        tell(&in, &together);
        for (int i = 0; i < 3; i++) {
            alone(&stays[i], &one);
            for (size_t k = 0; k < one.count; k++, at++) {
                NEED(at < together.count);
                EQ(together.spans[at].first, one.spans[k].first);
                EQ(together.spans[at].last, one.spans[k].last);
                EQ(together.spans[at].identity, one.spans[k].identity);
                EQ(together.spans[at].months_tier1, one.spans[k].months_tier1);
                EQ(together.spans[at].months_tier2, one.spans[k].months_tier2);
            }
        }
        EQ(at, together.count);
    }
}

TEST(the_law_is_put_away) { policy_destroy(&law); }

TESTS("coverage: stays", CASE(the_law_is_read), CASE(JM_G_20_a_second_stay_goes_on_with_the_months_that_it_brings),
      CASE(where_the_own_months_go_on_the_longer_run_counts), CASE(bad_months_brought_along_are_refused),
      CASE(JM_G_20_stays_far_apart_are_what_each_is_alone), CASE(the_law_is_put_away))
