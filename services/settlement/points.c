// The ten steps in order: groups, cases, sums, the fund's part, the sharing out, and the checks that nothing was lost.
#include "services/settlement/points.h"
#include "common/policy/points.h"

// base × cost stays below 10^13 × 10^12 × 10^9 (coefficient) < 2^127; 100,000 cases of 10^13 fit in 64 bits.
#define POINTS_MOST (INT64_C(1000000000) * POINT_ONE)
enum { DAYS_MAX = 36500 };

typedef struct thresholds {
    int64_t base, stable_cases, stable_variation, low, high[8], high_up_to[8];
    uint32_t high_count;
    int64_t month_share, overrun_borne, surplus_kept;
} thresholds_t;

static int read_thresholds(const points_rules_t *rules, bool yearly, date_t on, thresholds_t *t, err_t *err) {
    const struct {
        const ref_t *ref;
        int64_t *to;
    } wanted[] = {{&rules->base_points, &t->base},
                  {&rules->stable_cases, &t->stable_cases},
                  {&rules->stable_variation, &t->stable_variation},
                  {&rules->low_ratio, &t->low},
                  {yearly ? &rules->overrun_borne : &rules->month_share, yearly ? &t->overrun_borne : &t->month_share},
                  {yearly ? &rules->surplus_kept : &rules->month_share, yearly ? &t->surplus_kept : &t->month_share}};
    int rc = E_OK;
    for (size_t i = 0; i < COUNT_OF(wanted) && !rc; i++) rc = ref_value(wanted[i].ref, on, 0, wanted[i].to, err);
    t->high_count = rules->high_count;
    CHECK(t->high_count <= COUNT_OF(t->high));
    for (uint32_t i = 0; i < t->high_count && !rc; i++) {
        t->high_up_to[i] = INT64_MAX;
        if (rules->high[i].points_up_to.kind != REF_NONE)
            rc = ref_value(&rules->high[i].points_up_to, on, 0, &t->high_up_to[i], err);
        if (!rc) rc = ref_value(&rules->high[i].ratio, on, 0, &t->high[i], err);
    }
    return rc;
}

// ---- points

static int points_of(wide_t numerator, wide_t denominator, int64_t *out, err_t *err) {
    wide_t points = (numerator + denominator / 2) / denominator; // neither is below 0
    if (points > POINTS_MOST)
        return err_field(err, E_OUT_OF_RANGE, "cases", "more points than %lld", (long long)(POINTS_MOST / POINT_ONE));
    *out = (int64_t)points;
    return E_OK;
}

static int find_average(const points_pool_t *pool, fen_t *average, err_t *err) {
    wide_t cost = 0, cases = 0;
    *average = pool->average;
    for (size_t i = 0; i < pool->group_count; i++) {
        cost += (wide_t)pool->groups[i].mean * pool->groups[i].cases;
        cases += pool->groups[i].cases;
    }
    if (pool->average) return E_OK;
    if (cases == 0) return err_field(err, E_OUT_OF_RANGE, "groups", "no case to take the average of");
    *average = (fen_t)((cost + cases / 2) / cases);
    return E_OK;
}

static int rate_groups(const points_pool_t *pool, const thresholds_t *t, fen_t average, err_t *err) {
    int rc = E_OK;
    for (size_t i = 0; i < pool->group_count && !rc; i++) {
        points_group_t *g = &pool->groups[i];
        g->stable = g->cases >= t->stable_cases && g->variation <= t->stable_variation;
        rc = points_of((wide_t)t->base * POINT_ONE * g->mean, average, &g->points, err);
    }
    return rc;
}

static int64_t high_from(const thresholds_t *t, int64_t points) {
    uint32_t i = 0;
    while (i + 1 < t->high_count && (wide_t)points > (wide_t)t->high_up_to[i] * POINT_ONE) i++;
    return t->high[i];
}

// A case of a stable group, by the ratio of its cost to the group's mean.
static int rate_grouped(points_case_t *c, const points_group_t *g, const thresholds_t *t, err_t *err) {
    const wide_t cost = (wide_t)c->cost * RATE_ONE;
    const int64_t high = high_from(t, g->points);
    int64_t extra = 0;
    int rc = points_of((wide_t)g->points * c->coefficient, RATE_ONE, &c->points, err);
    c->kind = POINTS_NORMAL;
    if (rc) return rc;
    if (cost < (wide_t)t->low * g->mean) {
        int64_t low = 0;
        c->kind = POINTS_LOW;
        rc = points_of((wide_t)g->points * c->coefficient * c->cost, (wide_t)RATE_ONE * g->mean, &low, err);
        if (!rc && low < c->points) c->points = low;
    } else if (c->reviewed && cost >= (wide_t)high * g->mean) {
        c->kind = POINTS_HIGH;
        rc = points_of(g->points * (cost - (wide_t)high * g->mean), (wide_t)RATE_ONE * g->mean, &extra, err);
        c->points += extra;
    }
    return rc;
}

static int rate_case(points_case_t *c, const points_pool_t *pool, const thresholds_t *t, fen_t average, err_t *err) {
    const points_group_t *g = c->group < 0 ? NULL : &pool->groups[c->group];
    const wide_t base = (wide_t)t->base * POINT_ONE;
    int rc = E_OK;
    if (c->denied) {
        c->kind = POINTS_DENIED;
        c->points = 0;
    } else if (c->mode == POINTS_BY_BED_DAY) {
        c->kind = POINTS_BED_DAY;
        rc = points_of(base * c->daily * c->days, average, &c->points, err);
    } else if (c->mode == POINTS_BY_DRG && g && g->stable) {
        rc = rate_grouped(c, g, t, err);
    } else {
        c->kind = c->mode == POINTS_BY_ITEM ? POINTS_ITEM : g ? POINTS_UNSTABLE : POINTS_UNGROUPED;
        rc = points_of(base * c->cost, average, &c->points, err);
    }
    c->points -= c->penalty;
    return rc;
}

static int rate_cases(const points_pool_t *pool, const thresholds_t *t, points_result_t *out, err_t *err) {
    for (size_t i = 0; i < pool->case_count; i++) {
        points_case_t *c = &pool->cases[i];
        points_hospital_t *h = &pool->hospitals[c->hospital];
        int rc = rate_case(c, pool, t, out->average, err);
        if (rc) return rc;
        h->points += c->points;
        out->points += c->points;
        if (c->denied) continue;
        h->patient += c->patient;
        h->by_item += c->cost - c->patient;
        out->fees += c->cost;
        out->patient += c->patient;
    }
    out->by_item = out->fees - out->patient;
    return E_OK;
}

// ---- money

static int find_fund(const points_pool_t *pool, const thresholds_t *t, points_result_t *out, err_t *err) {
    fen_t part = 0;
    int rc = E_OK;
    out->difference = out->by_item - pool->budget;
    out->fund = pool->budget;
    if (!pool->yearly) return E_OK;
    if (out->difference > 0) {
        rc = fen_rate(out->difference, (rate_t)t->overrun_borne, &part);
        out->fund = pool->budget + part;
    } else if (out->difference < 0) {
        rc = fen_rate(-out->difference, (rate_t)t->surplus_kept, &part);
        out->fund = out->by_item + part;
    }
    return rc ? err_set(err, rc, "the fund's part is too large") : E_OK;
}

static int pay_hospital(const points_pool_t *pool, const thresholds_t *t, points_hospital_t *h) {
    h->due = h->gross - h->patient;
    if (!pool->yearly) {
        int rc = fen_rate(fen_max(h->due, 0), (rate_t)t->month_share, &h->pay);
        h->held = h->due - h->pay;
        return rc;
    }
    int rc = fen_rate(h->due, h->quality, &h->pay);
    h->pay -= h->paid;
    return rc;
}

static int share_out(const points_pool_t *pool, const thresholds_t *t, const points_result_t *out, err_t *err) {
    fen_t gross = 0, due = 0;
    for (size_t i = 0; i < pool->hospital_count; i++) {
        if (pool->hospitals[i].points < 0)
            return err_field(err, E_OUT_OF_RANGE, "hospitals", "hospital %zu has less than no points", i + 1);
        pool->weights[i] = pool->hospitals[i].points;
    }
    if (out->points == 0) return err_field(err, E_OUT_OF_RANGE, "cases", "no points to share the fund out by");
    int rc = fen_split(out->fund + out->patient, pool->weights, pool->hospital_count, pool->shares);
    for (size_t i = 0; i < pool->hospital_count && !rc; i++) {
        points_hospital_t *h = &pool->hospitals[i];
        h->gross = pool->shares[i];
        rc = pay_hospital(pool, t, h);
        gross += h->gross;
        due += h->due;
    }
    if (rc) return err_set(err, rc, "the fund could not be shared out");
    CHECK(gross == out->fund + out->patient && due == out->fund);
    return E_OK;
}

// ---- the whole

static int check_case(const points_pool_t *pool, const points_case_t *c, size_t i, err_t *err) {
    CHECK(c->hospital >= 0 && (size_t)c->hospital < pool->hospital_count);
    CHECK(c->group < 0 || (size_t)c->group < pool->group_count);
    if (c->patient > c->cost)
        return err_field(err, E_OUT_OF_RANGE, "cases", "case %zu: the patient's part exceeds the cost", i + 1);
    if (c->cost > MONEY_MAX || c->daily > MONEY_MAX || c->days > DAYS_MAX || c->penalty > POINTS_MOST ||
        c->coefficient > FACTOR_MAX)
        return err_field(err, E_OUT_OF_RANGE, "cases", "case %zu: cost, days, coefficient or penalty too large", i + 1);
    return E_OK;
}

static int check_pool(const points_pool_t *pool, err_t *err) {
    if (pool->group_count > POINTS_GROUPS_MAX || pool->hospital_count > POINTS_HOSPITALS_MAX ||
        pool->case_count > POINTS_CASES_MAX)
        return err_field(err, E_OUT_OF_RANGE, "cases", "at most %d groups, %d hospitals, %d cases", POINTS_GROUPS_MAX,
                         POINTS_HOSPITALS_MAX, POINTS_CASES_MAX);
    if (pool->budget > MONEY_MAX * 100 || pool->average > MONEY_MAX)
        return err_field(err, E_OUT_OF_RANGE, "budget", "the budget or the average is too large");
    int rc = E_OK;
    for (size_t i = 0; i < pool->group_count && !rc; i++)
        if (pool->groups[i].mean <= 0 || pool->groups[i].mean > MONEY_MAX || pool->groups[i].cases > COUNT_MAX)
            rc = err_field(err, E_OUT_OF_RANGE, "groups", "group %zu: mean or number of cases", i + 1);
    for (size_t i = 0; i < pool->case_count && !rc; i++) rc = check_case(pool, &pool->cases[i], i, err);
    return rc;
}

// fen / (points / 10^4) in 10^−5 yuan.
static int find_value(points_result_t *out, err_t *err) {
    wide_t value = ((wide_t)(out->fund + out->patient) * 10000000 + out->points / 2) / out->points;
    if (value > INT64_MAX) return err_field(err, E_OUT_OF_RANGE, "cases", "too few points for the money");
    out->value = (int64_t)value;
    return E_OK;
}

static void name_rules(const points_rules_t *rules, points_result_t *out) {
    out->status = rules->status;
    out->method_rule = rules->rules[POINTS_METHOD];
    out->modes_rule = rules->rules[POINTS_MODES];
    out->figure_rule = rules->rules[POINTS_FIGURE];
    out->clearing_rule = rules->rules[POINTS_CLEARING];
    out->sharing_rule = rules->rules[POINTS_SHARING];
}

static void forget(const points_pool_t *pool) {
    for (size_t i = 0; i < pool->hospital_count; i++)
        pool->hospitals[i] =
            (points_hospital_t){.quality = pool->hospitals[i].quality, .paid = pool->hospitals[i].paid};
}

int points_settle(const policy_t *policy, const points_pool_t *pool, points_result_t *out, err_t *err) {
    thresholds_t t = {0};
    points_result_t found = {0};
    const points_rules_t *rules = policy->points;
    int rc = check_pool(pool, err);
    if (!rc) rc = find_average(pool, &found.average, err);
    if (rc) return rc;
    if (!rules) return err_set(err, E_UNSUPPORTED, "%s has no rules for points", policy->city);
    if (pool->on < rules->from) return err_set(err, E_NOT_IN_FORCE, "%s has no points on that day", policy->city);
    forget(pool);
    rc = read_thresholds(rules, pool->yearly, pool->on, &t, err);
    if (!rc) rc = rate_groups(pool, &t, found.average, err);
    if (!rc) rc = rate_cases(pool, &t, &found, err);
    if (!rc) rc = find_fund(pool, &t, &found, err);
    if (!rc) rc = share_out(pool, &t, &found, err);
    if (!rc) rc = find_value(&found, err);
    if (!rc) name_rules(rules, &found);
    if (!rc) *out = found;
    return rc;
}
