// Points settlement: nothing is lost whatever the pool, more points never bring less, and amounts at the edge of what
// is allowed are either settled exactly or refused.
#include "services/settlement/points.h"
#include "tests/check.h"
#include <time.h>

enum { GROUPS = 6, HOSPITALS = 5, CASES = 40 };

typedef struct sample {
    points_group_t groups[GROUPS];
    points_hospital_t hospitals[HOSPITALS];
    points_case_t cases[CASES];
    int64_t weights[HOSPITALS];
    fen_t shares[HOSPITALS];
    points_pool_t pool;
} sample_t;

static const policy_t *law(void) {
    static policy_t *policy;
    err_t err = {0};
    if (!policy && policy_load(&policy, TC_SOURCE_DIR "/config/cities/zhoushan.yaml", NULL, &err))
        fprintf(stderr, "%s\n", err.text);
    NEED(policy != NULL);
    return policy;
}

static int64_t below(int64_t limit) { return (((int64_t)random() << 31) ^ random()) % limit; }

static points_case_t random_case(void) {
    points_case_t c = {.hospital = (int32_t)below(HOSPITALS),
                       .group = (int32_t)below(GROUPS + 1) - 1,
                       .mode = below(6) ? POINTS_BY_DRG : (points_mode_t)below(3),
                       .coefficient = (rate_t)(500000 + below(1000000)),
                       .cost = 1 + below(below(2) ? 500000 : 20000000),
                       .reviewed = below(2),
                       .denied = below(15) == 0};
    c.patient = below(c.cost + 1);
    if (c.mode == POINTS_BY_BED_DAY) c.days = below(200), c.daily = below(100000);
    return c;
}

static void random_sample(sample_t *s) {
    memset(s, 0, sizeof *s);
    for (int i = 0; i < GROUPS; i++)
        s->groups[i] =
            (points_group_t){.mean = 50000 + below(3000000), .cases = below(60), .variation = (rate_t)below(1500000)};
    s->groups[0].cases = 10;
    for (int i = 0; i < HOSPITALS; i++)
        s->hospitals[i] = (points_hospital_t){.quality = RATE_ONE, .paid = below(10000000)};
    for (int i = 0; i < CASES; i++) s->cases[i] = random_case();
    s->cases[0] = (points_case_t){.group = 0, .coefficient = RATE_ONE, .cost = s->groups[0].mean};
    s->pool = (points_pool_t){.yearly = below(2), .on = date_make(2022, 12, 31), .budget = below(400000000)};
    s->pool.groups = s->groups, s->pool.group_count = GROUPS;
    s->pool.hospitals = s->hospitals, s->pool.hospital_count = HOSPITALS;
    s->pool.cases = s->cases, s->pool.case_count = CASES;
    s->pool.weights = s->weights, s->pool.shares = s->shares;
}

// Step 10: everything adds up to the fen; the fund ends between the budget and the cost by item, on the side that the
// shares say.
static void check_sums(const sample_t *s, const points_result_t *r) {
    fen_t gross = 0, due = 0, patient = 0, by_item = 0;
    int64_t points = 0, of_cases = 0;
    for (int i = 0; i < HOSPITALS; i++) {
        const points_hospital_t *h = &s->hospitals[i];
        gross += h->gross, due += h->due, patient += h->patient, by_item += h->by_item, points += h->points;
        OK(h->gross >= 0);
        if (!s->pool.yearly) EQ(h->pay + h->held, h->due);
        for (int k = 0; k < HOSPITALS; k++)
            OK(h->points <= s->hospitals[k].points || h->gross >= s->hospitals[k].gross);
    }
    for (int i = 0; i < CASES; i++) of_cases += s->cases[i].points;
    EQ(gross, r->fund + r->patient);
    EQ(due, r->fund);
    EQ(patient, r->patient);
    EQ(by_item, r->by_item);
    EQ(points, r->points);
    EQ(of_cases, r->points);
    if (!s->pool.yearly) EQ(r->fund, s->pool.budget);
    if (s->pool.yearly && r->difference > 0) OK(r->fund >= s->pool.budget && r->fund <= r->by_item);
    if (s->pool.yearly && r->difference <= 0) OK(r->fund <= s->pool.budget && r->fund >= r->by_item);
}

static void check_cases(const sample_t *s) {
    for (int i = 0; i < CASES; i++) {
        const points_case_t *c = &s->cases[i];
        if (c->kind != POINTS_NORMAL && c->kind != POINTS_LOW && c->kind != POINTS_HIGH) continue;
        const points_group_t *g = &s->groups[c->group];
        const int64_t normal = (g->points * c->coefficient + RATE_ONE / 2) / RATE_ONE;
        OK(g->stable);
        if (c->kind == POINTS_NORMAL) EQ(c->points, normal);
        if (c->kind == POINTS_LOW) OK(c->points <= normal && c->cost * 10 < g->mean * 4);
        if (c->kind == POINTS_HIGH) OK(c->points >= normal && c->cost >= 2 * g->mean && c->reviewed);
    }
}

TEST(ZS_B11_whatever_the_pool_nothing_is_lost) {
    unsigned seed = (unsigned)time(NULL);
    printf("seed %u ", seed);
    srandom(seed);
    for (int i = 0; i < 5000; i++) {
        static sample_t s;
        points_result_t r;
        err_t err = {0};
        random_sample(&s);
        NEED(points_settle(law(), &s.pool, &r, &err) == E_OK);
        check_sums(&s, &r);
        check_cases(&s);
    }
}

TEST(settling_again_gives_the_same) {
    static sample_t s;
    points_result_t first, again;
    err_t err = {0};
    srandom(7);
    random_sample(&s);
    EQ(points_settle(law(), &s.pool, &first, &err), E_OK);
    EQ(points_settle(law(), &s.pool, &again, &err), E_OK);
    EQ(first.points, again.points);
    EQ(first.fund, again.fund);
    check_sums(&s, &again);
}

TEST(amounts_at_the_edge) {
    static sample_t s;
    points_result_t r;
    err_t err = {0};
    srandom(7);
    random_sample(&s);
    s.cases[0].cost = INT64_C(1000000000000);
    s.cases[0].coefficient = 1000 * RATE_ONE;
    s.cases[0].reviewed = true;
    int rc = points_settle(law(), &s.pool, &r, &err);
    OK(rc == E_OK || rc == E_OUT_OF_RANGE);
    s.cases[0].cost++;
    EQ(points_settle(law(), &s.pool, &r, &err), E_OUT_OF_RANGE);
    s.cases[0].cost = 100;
    s.groups[0].mean = 0;
    EQ(points_settle(law(), &s.pool, &r, &err), E_OUT_OF_RANGE);
    s.groups[0].mean = 1;
    s.pool.average = INT64_C(1000000000000) + 1;
    EQ(points_settle(law(), &s.pool, &r, &err), E_OUT_OF_RANGE);
}

TESTS("points", CASE(ZS_B11_whatever_the_pool_nothing_is_lost), CASE(settling_again_gives_the_same),
      CASE(amounts_at_the_edge))
