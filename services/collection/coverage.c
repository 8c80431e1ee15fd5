// One sweep over the months, oldest first. What a month needs to know of earlier ones is kept in a short ring: the runs
// of counting months up to it (tier 1, tier 2) and from when the run that stands there gives cover.
#include "coverage.h"
#include <stdio.h>
#include <string.h>

enum { RING = 16, LAG_MAX = RING - 1, PRIOR_MAX = 1200, BIRTH_WINDOW_MONTHS = 3 };

typedef struct mark {   // a month that was passed
    int32_t run1, run2; // counting months in a row up to and including it
    bool bought;        // a monthly contribution counts here
    identity_t identity;
    month_t cover_from; // the run of contributions gives cover from here
} mark_t;

typedef struct sweep {
    const coverage_input_t *in;
    const policy_coverage_t *rules;
    month_t first; // of anything listed
    month_t end;   // last month to look at
    size_t month, year;
    month_t cover_from; // of the last contribution that counts
    mark_t ring[RING];
    coverage_span_t *spans;
    size_t room, count;
} sweep_t;

typedef struct state {
    bool covered;
    identity_t identity;
    int32_t n1, n2;
} state_t;

static bool has_bit(uint32_t set, identity_t identity) { return set >> identity & 1; }

static bool unpaid_at(const coverage_month_t *month, date_t day) {
    return month->paid_on == DATE_NONE || month->paid_on >= day;
}

// Does the payment of months[i] count? See the header for the run of unpaid months.
static bool month_counts(const coverage_input_t *in, size_t i, int grace) {
    const coverage_month_t *m = in->months;
    date_t day = m[i].paid_on;
    if (day == DATE_NONE) return false;
    month_t paid_in = month_of(day);
    if (m[i].month >= paid_in) return true;
    int run = 1;
    for (size_t j = i; run <= grace && j > 0 && m[j - 1].month == m[j].month - 1 && unpaid_at(&m[j - 1], day); j--)
        run++;
    for (size_t j = i + 1; run <= grace && j < in->month_count && m[j].month == m[j - 1].month + 1 &&
                           m[j].month < paid_in && unpaid_at(&m[j], day);
         j++)
        run++;
    return run <= grace;
}

// The months that a yearly fee covers; false when it came too late to cover any.
static bool year_covers(const coverage_input_t *in, const coverage_year_t *year, month_t *first, month_t *last) {
    if (year->paid_on == DATE_NONE) return false;
    month_t begin = month_make(year->year, 1), end = month_make(year->year, 12), paid_in = month_of(year->paid_on);
    month_t birth = in->born == DATE_NONE ? MONTH_NONE : month_of(in->born);
    bool in_window = birth != MONTH_NONE && paid_in >= birth && paid_in <= birth + BIRTH_WINDOW_MONTHS;
    *first = in_window || paid_in < begin ? begin : paid_in + 1;
    if (birth != MONTH_NONE && *first < birth) *first = birth;
    *last = end;
    return *first <= end;
}

static const coverage_month_t *contribution_at(sweep_t *s, month_t month) {
    while (s->month < s->in->month_count && s->in->months[s->month].month < month) s->month++;
    if (s->month == s->in->month_count || s->in->months[s->month].month != month) return NULL;
    if (!month_counts(s->in, s->month, s->rules->grace_months)) return NULL;
    return &s->in->months[s->month];
}

static const coverage_year_t *year_at(sweep_t *s, month_t month) {
    month_t first, last;
    while (s->year < s->in->year_count && s->in->years[s->year].year < month_year(month)) s->year++;
    if (s->year == s->in->year_count || s->in->years[s->year].year != month_year(month)) return NULL;
    if (!year_covers(s->in, &s->in->years[s->year], &first, &last) || month < first) return NULL;
    return &s->in->years[s->year];
}

// The listed month is the first of an unemployed spell: the month of application.
static bool is_application(const sweep_t *s, const coverage_month_t *month) {
    if (!month || !has_bit(s->rules->from_application, month->identity)) return false;
    const coverage_month_t *before = month > s->in->months ? month - 1 : NULL;
    return !before || before->month != month->month - 1 || before->identity != month->identity;
}

static mark_t *mark_of(sweep_t *s, month_t month) { return &s->ring[(unsigned)month % RING]; }

// From when contributions give cover: the wait of the identity at entry; a later identity with a shorter one ends it. A
// city may take every change of identity for an entry.
static month_t cover_from(const sweep_t *s, const coverage_month_t *month, const mark_t *before) {
    int wait = s->rules->wait_months[month->identity];
    month_t own = month->month + (wait > s->rules->lag_months ? wait : s->rules->lag_months);
    bool goes_on = before->bought && (!s->rules->wait_every_entry || before->identity == month->identity);
    return goes_on && before->cover_from < own ? before->cover_from : own;
}

static void put_mark(sweep_t *s, month_t month, const coverage_month_t *paid, bool yearly) {
    const mark_t before = *mark_of(s, month - 1);
    bool prior1 = month < s->first && month >= s->first - s->in->prior_months_tier1;
    bool prior2 = month < s->first && month >= s->first - s->in->prior_months_tier2;
    mark_t mark = {.cover_from = month};
    if (paid) {
        mark.bought = true;
        mark.identity = paid->identity;
        mark.cover_from = s->cover_from = cover_from(s, paid, &before);
    } else if (prior2 && s->in->month_count && s->in->months[0].month == s->first) {
        mark.bought = true; // the former scheme's last month buys the first one here
        mark.identity = s->in->months[0].identity;
    }
    bool tier2 = prior2 || (paid && has_bit(s->rules->tier2, paid->identity));
    bool lifelong = month == s->in->lifelong_from;
    mark.run1 = paid || yearly || prior1 || lifelong ? before.run1 + 1 : 0;
    mark.run2 = tier2 || (lifelong && has_bit(s->rules->tier2, s->in->lifelong_identity)) ? before.run2 + 1 : 0;
    *mark_of(s, month) = mark;
}

static state_t state_at(sweep_t *s, month_t month, const coverage_month_t *paid, const coverage_year_t *year) {
    const mark_t *buyer = mark_of(s, month - s->rules->lag_months);
    state_t state = {.covered = true};
    if (month == s->in->lifelong_from)
        state.identity = s->in->lifelong_identity;
    else if (buyer->bought && month >= buyer->cover_from)
        state.identity = buyer->identity;
    else if (is_application(s, paid))
        state.identity = paid->identity;
    else if (year)
        state.identity = year->identity;
    else
        state.covered = false;
    state.n1 = year ? mark_of(s, month)->run1 : buyer->run1;
    state.n2 = has_bit(s->rules->tier2, state.identity) ? buyer->run2 : 0;
    return state;
}

static int add_span(sweep_t *s, coverage_span_t span, err_t *err) {
    if (s->count == s->room) return err_set(err, E_TOO_LARGE, "more than %zu spans of cover for one person", s->room);
    s->spans[s->count++] = span;
    return 0;
}

static int add_month(sweep_t *s, month_t month, state_t state, err_t *err) {
    coverage_span_t *last = s->count ? &s->spans[s->count - 1] : NULL;
    if (last && last->last == month - 1 && last->identity == state.identity) {
        int32_t passed = month - last->first;
        int32_t n2 = last->months_tier2 ? last->months_tier2 + passed : 0;
        if (state.n1 == last->months_tier1 + passed && state.n2 == n2) {
            last->last = month;
            return 0;
        }
    }
    return add_span(s, (coverage_span_t){state.identity, month, month, state.n1, state.n2}, err);
}

// Cover for life counts on by itself. A tier-2 counter that begins at 0 needs a span of its own for the first month,
// since inside a span 0 stays 0.
static int add_lifelong(sweep_t *s, month_t month, state_t state, err_t *err) {
    bool tier2 = has_bit(s->rules->tier2, state.identity);
    int rc = add_span(s, (coverage_span_t){state.identity, month, INT32_MAX, state.n1, state.n2}, err);
    if (rc || !tier2 || state.n2) return rc;
    s->spans[s->count - 1].last = month;
    return add_span(s, (coverage_span_t){state.identity, month + 1, INT32_MAX, state.n1 + 1, 1}, err);
}

static int check_input(const coverage_input_t *in, const policy_coverage_t *rules, err_t *err) {
    for (size_t i = 0; i < in->month_count; i++) {
        if (i && in->months[i].month <= in->months[i - 1].month)
            return err_field(err, E_INVALID_FIELD, "months", "contribution months must ascend, each once");
        if (has_bit(rules->yearly | rules->lifelong, in->months[i].identity))
            return err_field(err, E_INVALID_FIELD, "months", "%s does not pay by the month",
                             identity_name((int)in->months[i].identity));
    }
    for (size_t i = 0; i < in->year_count; i++) {
        if (i && in->years[i].year <= in->years[i - 1].year)
            return err_field(err, E_INVALID_FIELD, "years", "insurance years must ascend, each once");
        if (!has_bit(rules->yearly, in->years[i].identity))
            return err_field(err, E_INVALID_FIELD, "years", "%s does not pay by the year",
                             identity_name((int)in->years[i].identity));
    }
    if (in->prior_months_tier1 < 0 || in->prior_months_tier1 > PRIOR_MAX)
        return err_field(err, E_OUT_OF_RANGE, "prior_months_tier1", "expected 0 to %d months", PRIOR_MAX);
    if (in->prior_months_tier2 < 0 || in->prior_months_tier2 > in->prior_months_tier1)
        return err_field(err, E_OUT_OF_RANGE, "prior_months_tier2", "expected 0 to prior_months_tier1");
    if (rules->lag_months < 0 || rules->lag_months > LAG_MAX)
        return err_field(err, E_POLICY, "lag_months", "expected 0 to %d months", LAG_MAX);
    return 0;
}

// First and last month of interest; false when there is nothing at all.
static bool find_range(sweep_t *s) {
    const coverage_input_t *in = s->in;
    s->first = INT32_MAX;
    s->end = INT32_MIN;
    if (in->month_count) {
        s->first = in->months[0].month;
        s->end = in->months[in->month_count - 1].month + s->rules->lag_months;
    }
    for (size_t i = 0; i < in->year_count; i++) {
        month_t first, last;
        if (!year_covers(in, &in->years[i], &first, &last)) continue;
        if (first < s->first) s->first = first;
        if (last > s->end) s->end = last;
    }
    if (in->lifelong_from != MONTH_NONE) {
        if (in->lifelong_from < s->first) s->first = in->lifelong_from;
        s->end = in->lifelong_from;
    }
    return s->first != INT32_MAX;
}

static int run_sweep(sweep_t *s, err_t *err) {
    int rc = 0;
    for (month_t month = s->first - s->in->prior_months_tier1; rc == 0 && month <= s->end; month++) {
        bool lifelong = month == s->in->lifelong_from;
        const coverage_month_t *paid = lifelong ? NULL : contribution_at(s, month);
        const coverage_year_t *year = lifelong ? NULL : year_at(s, month);
        put_mark(s, month, paid, year != NULL);
        if (month < s->first) continue;
        state_t state = state_at(s, month, paid, year);
        if (lifelong)
            rc = add_lifelong(s, month, state, err);
        else if (state.covered)
            rc = add_month(s, month, state, err);
    }
    return rc;
}

// Listed months at the end that do not count.
static size_t tail_not_counting(const sweep_t *s) {
    size_t n = s->in->month_count, tail = 0;
    while (tail < n && !month_counts(s->in, n - 1 - tail, s->rules->grace_months)) tail++;
    return tail;
}

static void tell_reason(sweep_t *s, char reason[static 160]) {
    char a[DATE_TEXT_MAX] = "", b[DATE_TEXT_MAX] = "";
    size_t tail = tail_not_counting(s), n = s->in->month_count;
    const coverage_span_t *last = s->count ? &s->spans[s->count - 1] : NULL;
    if (s->in->lifelong_from != MONTH_NONE) {
        snprintf(reason, 160, "covered for life from %s", month_format(s->in->lifelong_from, a));
        return;
    }
    if (last) month_format(last->last, a);
    if (tail) {
        month_format(s->in->months[n - tail].month, b);
        snprintf(reason, 160, "%s%s%s%zu month%s from %s not paid, or paid too late to count",
                 last ? "covered until " : "", a, last ? "; " : "not covered: ", tail, tail == 1 ? "" : "s", b);
        return;
    }
    if (n && s->cover_from > s->in->months[n - 1].month + s->rules->lag_months)
        snprintf(reason, 160, "%s%s%swaiting period: contributions give cover from %s", last ? "covered until " : "", a,
                 last ? "; " : "", month_format(s->cover_from, b));
    else if (last)
        snprintf(reason, 160, "covered until %s by what is paid", a);
    else
        snprintf(reason, 160, "no contribution that gives cover");
}

int coverage_spans(const policy_t *policy, const coverage_input_t *input, coverage_span_t *spans, size_t room,
                   size_t *count, char reason[static 160], err_t *err) {
    sweep_t sweep = {.in = input, .rules = policy_coverage(policy), .spans = spans, .room = room};
    int rc = check_input(input, sweep.rules, err);
    if (rc) return rc;
    if (find_range(&sweep)) rc = run_sweep(&sweep, err);
    if (rc) return rc;
    tell_reason(&sweep, reason);
    *count = sweep.count;
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
