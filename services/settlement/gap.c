// The layers take from what is left in their order; none takes more than that.
#include "gap.h"

static fen_t short_of(fen_t due, fen_t received) { return due > received ? due - received : 0; }

static int add_up(const fen_t *parts, size_t count, fen_t *out) {
    fen_t sum = 0;
    int rc = E_OK;
    for (size_t i = 0; i < count && !rc; i++) rc = parts[i] < 0 ? E_OUT_OF_RANGE : fen_add(sum, parts[i], &sum);
    if (!rc) *out = sum;
    return rc;
}

static int county_gap(const gap_county_t *c, gap_cover_t *out, err_t *err) {
    const fen_t discharged[] = {c->topped_up, c->pursued};
    fen_t done = 0;
    out->causes[GAP_CAUSE_SUBSIDY] = short_of(c->subsidy_due, c->subsidy_received);
    out->causes[GAP_CAUSE_POLICY] = short_of(c->policy_due, c->policy_charged);
    out->causes[GAP_CAUSE_OTHER] = c->other;
    if (add_up(out->causes, GAP_CAUSE__COUNT, &out->answers_for) || add_up(discharged, COUNT_OF(discharged), &done))
        return err_field(err, E_OUT_OF_RANGE, "county", "county: sums that are too large");
    if (done > out->answers_for)
        return err_field(err, E_OUT_OF_RANGE, "county", "county: more was discharged than it answers for");
    out->open = out->answers_for - done;
    return E_OK;
}

static int take_share(const gap_layer_t *layer, date_t on, fen_t left, gap_cover_t *out, err_t *err) {
    int64_t share = 0;
    int rc = ref_value(&layer->share, on, 0, &share, err);
    if (!rc) rc = fen_rate(left, RATE_ONE - (rate_t)share, &out->county);
    if (rc) return rc;
    out->city = left - out->county; // half a fen falls to the county: the last to pay takes the rounding
    return E_OK;
}

static int cover(const gap_rules_t *rules, const gap_case_t *c, gap_cover_t *out, err_t *err) {
    fen_t left = out->deficit;
    for (uint32_t i = 0; i < rules->layer_count && left > 0; i++) {
        const gap_layer_t *layer = &rules->layers[i];
        const fen_t has[GAP_TAKE__COUNT] = {[GAP_ACCUMULATED] = c->accumulated,
                                            [GAP_COUNTY_CAUSED] = out->answers_for,
                                            [GAP_RESERVE] = c->reserve,
                                            [GAP_SHARED] = left};
        int rc = layer->take == GAP_SHARED ? take_share(layer, c->on, left, out, err) : E_OK;
        if (rc) return rc;
        if (layer->take == GAP_ACTION) out->action = layer->action;
        out->taken[layer->take] = fen_min(left, has[layer->take]);
        left -= out->taken[layer->take];
    }
    out->residual = left;
    return E_OK;
}

int gap_cover(const policy_t *policy, const gap_case_t *c, gap_cover_t *out, err_t *err) {
    const gap_rules_t *rules = policy->gap;
    gap_cover_t to = {.deficit = short_of(c->expense, c->revenue)};
    if (c->revenue < 0 || c->expense < 0 || c->accumulated < 0 || c->reserve < 0)
        return err_field(err, E_OUT_OF_RANGE, "revenue", "amounts of a gap are not below 0");
    int rc = c->has_county ? county_gap(&c->county, &to, err) : E_OK;
    if (!rc && !rules) rc = err_set(err, E_UNSUPPORTED, "%s has no rules for the gap of a year", policy->city);
    if (!rc && c->has_county && !rules->has_causes)
        rc = err_field(err, E_UNSUPPORTED, "county", "%s has no rules for gaps that a county caused", policy->city);
    if (!rc) rc = cover(rules, c, &to, err);
    if (!rc) *out = to;
    return rc;
}
