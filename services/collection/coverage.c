// Both answers are read off the timeline. Whether cover was interrupted is asked of a second one, which knows only what
// was paid by the day itself.
#include "common/policy/tables.h"
#include "timeline.h"
#include <stdio.h>

enum { PRIOR_MAX = 1200, YEAR_MIN = 1900, YEAR_MAX = 2199 };

static bool has_bit(uint32_t set, int identity) { return identity >= 0 && (set >> identity & 1); }

// ---- is the input sound?

static bool month_sound(month_t month) { return month_year(month) >= YEAR_MIN && month_year(month) <= YEAR_MAX; }
static bool day_sound(date_t day) { return day == DATE_NONE || month_sound(month_of(day)); }

static int check_months(const coverage_months_t *m, const policy_coverage_t *rules, err_t *err) {
    if ((unsigned)m->identity >= IDENTITY__COUNT || has_bit(rules->yearly | rules->lifelong, (int)m->identity))
        return err_field(err, E_INVALID_FIELD, "months", "%s does not pay by the month",
                         identity_name((int)m->identity));
    if (m->first > m->last) return err_field(err, E_OUT_OF_RANGE, "months", "months end before they begin");
    if (!month_sound(m->first) || !month_sound(m->last) || !day_sound(m->applied_on) ||
        (m->paid_on != PAID_ON_TIME && !day_sound(m->paid_on)))
        return err_field(err, E_OUT_OF_RANGE, "months", "expected days and months from %d to %d", YEAR_MIN, YEAR_MAX);
    return 0;
}

static int check_year(const coverage_year_t *y, const policy_coverage_t *rules, err_t *err) {
    if (!has_bit(rules->yearly, (int)y->identity))
        return err_field(err, E_INVALID_FIELD, "years", "%s does not pay by the year", identity_name((int)y->identity));
    if (y->year < YEAR_MIN || y->year > YEAR_MAX || (y->paid_on != PAID_ON_TIME && !day_sound(y->paid_on)))
        return err_field(err, E_OUT_OF_RANGE, "years", "expected years from %d to %d", YEAR_MIN, YEAR_MAX);
    return 0;
}

static int check_prior(int months_tier1, int months_tier2, err_t *err) {
    if (months_tier1 < 0 || months_tier1 > PRIOR_MAX)
        return err_field(err, E_OUT_OF_RANGE, "prior_months_tier1", "expected 0 to %d months", PRIOR_MAX);
    if (months_tier2 < 0 || months_tier2 > months_tier1)
        return err_field(err, E_OUT_OF_RANGE, "prior_months_tier2", "expected 0 to prior_months_tier1");
    return 0;
}

static int check_brought(const coverage_input_t *in, err_t *err) {
    int rc = 0;
    for (size_t i = 0; i < in->brought_count && !rc; i++) {
        const coverage_brought_t *b = &in->brought[i];
        if (!month_sound(b->from) || (i > 0 && b->from <= in->brought[i - 1].from))
            return err_field(err, E_OUT_OF_RANGE, "brought", "expected months from %d to %d, each after the one before",
                             YEAR_MIN, YEAR_MAX);
        rc = check_prior(b->months_tier1, b->months_tier2, err);
    }
    return rc;
}

static int check_input(const policy_t *policy, const coverage_input_t *in, err_t *err) {
    const policy_coverage_t *rules = policy_coverage(policy);
    int rc = 0;
    if (!rules->decides)
        return err_set(err, E_UNSUPPORTED, "%s has no rules for what contributions cover", policy_city(policy));
    for (size_t i = 0; i < in->month_count && !rc; i++) rc = check_months(&in->months[i], rules, err);
    for (size_t i = 0; i < in->year_count && !rc; i++) rc = check_year(&in->years[i], rules, err);
    if (rc) return rc;
    rc = check_prior(in->prior_months_tier1, in->prior_months_tier2, err);
    if (!rc) rc = check_brought(in, err);
    if (rc) return rc;
    if (!day_sound(in->born)) return err_field(err, E_OUT_OF_RANGE, "born", "born: not a day that can be");
    if (in->lifelong_from == MONTH_NONE) return 0;
    if (!month_sound(in->lifelong_from))
        return err_field(err, E_OUT_OF_RANGE, "lifelong_from", "expected a month from %d to %d", YEAR_MIN, YEAR_MAX);
    if (!has_bit(rules->lifelong, (int)in->lifelong_identity))
        return err_field(err, E_INVALID_FIELD, "lifelong_identity", "%s is not covered for life",
                         identity_name((int)in->lifelong_identity));
    return 0;
}

// ---- spans

typedef struct spans {
    coverage_span_t *items;
    size_t room, count;
} spans_t;

static int add_span(spans_t *spans, coverage_span_t span, err_t *err) {
    if (spans->count == spans->room)
        return err_set(err, E_TOO_LARGE, "more than %zu spans of cover for one person", spans->room);
    spans->items[spans->count++] = span;
    return 0;
}

// Does the month continue the last span, counters and all?
static bool continues(const spans_t *spans, const coverage_span_t *month) {
    const coverage_span_t *last = spans->count ? &spans->items[spans->count - 1] : NULL;
    if (!last || last->last != month->first - 1 || last->identity != month->identity) return false;
    const int32_t passed = month->first - last->first;
    const int32_t months_tier2 = last->months_tier2 ? last->months_tier2 + passed : 0;
    return month->months_tier1 == last->months_tier1 + passed && month->months_tier2 == months_tier2;
}

// Cover for life counts on by itself. A tier-2 counter that begins at 0 needs a span of its own for the first month,
// since inside a span 0 stays 0.
static int add_life(spans_t *spans, coverage_span_t span, bool tier2, err_t *err) {
    if (!tier2 || span.months_tier2) {
        span.last = INT32_MAX;
        return add_span(spans, span, err);
    }
    int rc = add_span(spans, span, err);
    const coverage_span_t rest = {span.identity, span.first + 1, INT32_MAX, span.months_tier1 + 1, 1};
    return rc ? rc : add_span(spans, rest, err);
}

static int add_months(spans_t *spans, const timeline_t *t, err_t *err) {
    int rc = 0;
    for (month_t month = t->begin; t->count && month <= t->last_told && !rc; month++) {
        const timeline_month_t *m = timeline_at(t, month);
        if (m->cover < 0) continue;
        coverage_span_t span = {.identity = (identity_t)m->cover, .first = month, .last = month};
        timeline_counts(t, month, &span.months_tier1, &span.months_tier2);
        if (m->life)
            rc = add_life(spans, span, has_bit(t->rules->tier2, m->cover), err);
        else if (continues(spans, &span))
            spans->items[spans->count - 1].last = month;
        else
            rc = add_span(spans, span, err);
    }
    return rc;
}

// The last month that a contribution is listed for, and how many at the end do not count.
static month_t last_listed(const timeline_t *t, int *not_counting) {
    month_t last = MONTH_NONE;
    *not_counting = 0;
    for (month_t month = t->last_told; t->count && month >= t->begin; month--) {
        const timeline_month_t *m = timeline_at(t, month);
        if (last == MONTH_NONE && m->payer >= 0) last = month;
        if (last == MONTH_NONE) continue;
        if (m->bought) break;
        *not_counting += m->payer >= 0;
    }
    return last;
}

static void tell_last(const spans_t *spans, const timeline_t *t, month_t lifelong_from,
                      char reason[static COVERAGE_REASON_MAX]) {
    char a[DATE_TEXT_MAX] = "", b[DATE_TEXT_MAX];
    const coverage_span_t *last = spans->count ? &spans->items[spans->count - 1] : NULL;
    int open;
    const month_t listed = last_listed(t, &open);
    const char *until = last ? "covered until " : "", *then = last ? "; " : "";
    if (last) month_format(last->last, a);
    if (lifelong_from != MONTH_NONE) {
        snprintf(reason, COVERAGE_REASON_MAX, "covered for life from %s", month_format(lifelong_from, a));
    } else if (open) {
        const month_t counted = timeline_last_bought(t, listed);
        month_t first = counted == MONTH_NONE ? t->begin : counted + 1;
        while (timeline_at(t, first)->payer < 0) first++;
        snprintf(reason, COVERAGE_REASON_MAX, "%s%s%s%d month%s from %s not paid, or paid too late to count", until, a,
                 last ? "; " : "not covered: ", open, open == 1 ? "" : "s", month_format(first, b));
    } else if (listed != MONTH_NONE && timeline_at(t, listed)->cover_from > listed + t->rules->lag_months) {
        snprintf(reason, COVERAGE_REASON_MAX, "%s%s%swaiting period: contributions give cover from %s", until, a, then,
                 month_format(timeline_at(t, listed)->cover_from, b));
    } else if (last) {
        snprintf(reason, COVERAGE_REASON_MAX, "covered until %s by what is paid", a);
    } else {
        snprintf(reason, COVERAGE_REASON_MAX, "no contribution that gives cover");
    }
}

int coverage_spans(const policy_t *policy, const coverage_input_t *input, coverage_span_t *spans, size_t room,
                   size_t *count, char reason[static COVERAGE_REASON_MAX], err_t *err) {
    timeline_t t;
    spans_t to = {.items = spans, .room = room};
    int rc = check_input(policy, input, err);
    if (rc) return rc;
    timeline_make(&t, policy_coverage(policy), input, DATE_MAX, MONTH_NONE);
    rc = add_months(&to, &t, err);
    if (rc) return rc;
    tell_last(&to, &t, input->lifelong_from, reason);
    *count = to.count;
    return 0;
}

const coverage_span_t *coverage_at(const coverage_span_t *spans, size_t count, month_t month, int32_t *months_tier1,
                                   int32_t *months_tier2) {
    for (size_t i = 0; i < count; i++) {
        if (month < spans[i].first || month > spans[i].last) continue;
        int32_t passed = month - spans[i].first;
        *months_tier1 = spans[i].months_tier1 + passed;
        *months_tier2 = spans[i].months_tier2 ? spans[i].months_tier2 + passed : 0;
        return &spans[i];
    }
    return NULL;
}

// ---- a day

// Of a person not covered: n1 after the last month that was bought in any way, n2 after the last one paid by the month.
static void counts_before(const timeline_t *t, month_t month, coverage_day_t *out) {
    const month_t bought = timeline_last_bought(t, month - t->rules->lag_months);
    const month_t yearly = timeline_last_yearly(t, month - 1);
    out->months_tier1 = timeline_at(t, bought > yearly ? bought : yearly)->run1;
    out->months_tier2 = timeline_at(t, bought)->run2;
}

static int32_t arrears_before(const timeline_t *t, month_t month) {
    const month_t bought = timeline_last_bought(t, month - 1);
    int32_t arrears = 0;
    if (bought == MONTH_NONE || timeline_last_yearly(t, month - 1) >= bought || timeline_applicant(t, month)) return 0;
    while (timeline_unpaid(t, month - 1 - arrears, DATE_MAX)) arrears++;
    return arrears;
}

// Do more months than the grace lie between the last contribution that counted and now, or the entry whose cover has
// not begun, all of them owed?
static bool is_interrupted(const timeline_t *t, month_t month) {
    int gap = 0;
    if (timeline_applicant(t, month)) return false;
    month--;
    while (timeline_at(t, month)->bought) month--;
    for (; !timeline_at(t, month)->bought && timeline_owed(t, month); month--) {
        if (timeline_at(t, month)->yearly >= 0) return false;
        gap++;
    }
    return gap > t->rules->grace_months && timeline_at(t, month)->bought && timeline_at(t, month)->yearly < 0;
}

static int find_scale(const policy_t *policy, date_t as_of, coverage_day_t *out, err_t *err) {
    facts_t facts = {0};
    int64_t scale = RATE_ONE;
    const bool tier2 = out->covered ? has_bit(policy->coverage.tier2, (int)out->identity) : out->months_tier2 > 0;
    facts_set(&facts, DIM_TIER2, tier2);
    facts_set(&facts, DIM_MONTHS_TIER1, band_of(&policy->bands[DIM_MONTHS_TIER1], out->months_tier1));
    facts_set(&facts, DIM_MONTHS_TIER2, band_of(&policy->bands[DIM_MONTHS_TIER2], out->months_tier2));
    int rc = policy->coverage_scale.table.count
                 ? derived_value(&policy->coverage_scale, &facts, as_of, &scale, NULL, err)
                 : 0;
    out->scale = (rate_t)scale;
    return rc;
}

static void tell_covered(const timeline_t *t, month_t month, coverage_day_t *out) {
    char text[DATE_TEXT_MAX];
    const timeline_month_t *m = timeline_at(t, month), *buyer = timeline_at(t, month - t->rules->lag_months);
    const char *who = identity_name(m->cover);
    if (m->life)
        snprintf(out->reason, sizeof out->reason, "covered for life as %s", who);
    else if (buyer->bought && month >= buyer->cover_from)
        snprintf(out->reason, sizeof out->reason, "covered as %s by the contribution of %s", who,
                 month_format(month - t->rules->lag_months, text));
    else if (m->applied >= 0)
        snprintf(out->reason, sizeof out->reason, "covered as %s from the month of application", who);
    else
        snprintf(out->reason, sizeof out->reason, "covered as %s by the fee of %d", who, month_year(month));
}

static void tell_uncovered(const timeline_t *t, month_t month, coverage_day_t *out) {
    char text[DATE_TEXT_MAX];
    const timeline_month_t *m = timeline_at(t, month), *before = timeline_at(t, month - 1);
    const timeline_month_t *paying = m->bought ? m : before->bought ? before : NULL;
    const char *cause = out->interrupted ? "interrupted by arrears; " : "";
    if (paying)
        snprintf(out->reason, sizeof out->reason, "not covered: %scontributions give cover from %s", cause,
                 month_format(paying->cover_from, text));
    else if (out->arrears)
        snprintf(out->reason, sizeof out->reason, "not covered: %s%d contribution months in a row unpaid", cause,
                 (int)out->arrears);
    else if (out->until != DATE_NONE)
        snprintf(out->reason, sizeof out->reason, "not covered: %scover ended on %s", cause,
                 date_format(out->until, text));
    else
        snprintf(out->reason, sizeof out->reason, "not covered: no contribution gives cover yet");
}

static void tell_day(const timeline_t *t, const coverage_input_t *in, month_t month, coverage_day_t *out) {
    if (out->covered) {
        month_t first = month;
        while (timeline_at(t, first - 1)->cover >= 0) first--;
        out->identity = (identity_t)timeline_at(t, month)->cover;
        out->from = first == month_of(in->born) ? in->born : month_first(first);
        timeline_counts(t, month, &out->months_tier1, &out->months_tier2);
        return;
    }
    const month_t last = timeline_last_covered(t, month - 1);
    if (last != MONTH_NONE) out->until = month_last(last);
    out->arrears = arrears_before(t, month);
    counts_before(t, month, out);
}

int coverage_on(const policy_t *policy, const coverage_input_t *input, date_t as_of, date_t known_on,
                coverage_day_t *out, err_t *err) {
    timeline_t t, then;
    const policy_coverage_t *rules = policy_coverage(policy);
    const month_t month = month_of(as_of);
    char text[DATE_TEXT_MAX];
    *out = (coverage_day_t){.from = DATE_NONE, .until = DATE_NONE};
    int rc = check_input(policy, input, err);
    if (rc) return rc;
    if (as_of == DATE_NONE || !day_sound(as_of))
        return err_field(err, E_OUT_OF_RANGE, "as_of", "expected a day from %d to %d", YEAR_MIN, YEAR_MAX);
    if (as_of < rules->from)
        return err_field(err, E_NOT_IN_FORCE, "as_of", "whether a person is covered is told from %s on",
                         date_format(rules->from, text));
    timeline_make(&t, rules, input, known_on, month);
    out->covered = timeline_at(&t, month)->cover >= 0 && (input->born == DATE_NONE || as_of >= input->born);
    tell_day(&t, input, month, out);
    if (!out->covered) {
        timeline_make(&then, rules, input, known_on < as_of ? known_on : as_of, month);
        out->interrupted = is_interrupted(&then, month);
        tell_uncovered(&t, month, out);
    } else {
        tell_covered(&t, month, out);
    }
    return find_scale(policy, as_of, out, err);
}
