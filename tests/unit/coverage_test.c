// The coverage core, rule by rule, and against a slow version that works every month out from the definitions.
#include "services/collection/coverage.h"
#include "tests/check.h"
#include <time.h>

enum { SPANS_MAX = 128, MONTHS_MAX = 96, YEARS_MAX = 10 };

typedef struct story {
    coverage_month_t months[MONTHS_MAX];
    coverage_year_t years[YEARS_MAX];
    coverage_input_t in;
    coverage_span_t spans[SPANS_MAX];
    size_t count;
    char reason[160];
} story_t;

static policy_t *law;         // the first city
static policy_t *every_entry; // with the wait on every entry

static void load_law(void) {
    static const char overlay[] = "overlay: test\nstatus: synthetic\noptions:\n  flexible_wait: every_entry\n";
    const char *file = TC_SOURCE_DIR "/config/cities/jiangmen.yaml", *path = "coverage_test_overlay.yaml";
    err_t err = {0};
    if (law) return;
    if (policy_load(&law, file, NULL, &err)) fprintf(stderr, "%s\n", err.text);
    NEED(law != NULL);
    FILE *out = fopen(path, "w");
    NEED(out != NULL);
    fwrite(overlay, 1, sizeof overlay - 1, out);
    fclose(out);
    if (policy_load(&every_entry, file, (const char *const[]){path, NULL}, &err)) fprintf(stderr, "%s\n", err.text);
    remove(path);
    NEED(every_entry != NULL);
}

static story_t *story_begin(story_t *s) {
    load_law();
    *s = (story_t){.in = {.lifelong_from = MONTH_NONE, .born = DATE_NONE}};
    s->in.months = s->months;
    s->in.years = s->years;
    return s;
}

static month_t month(const char *text) {
    month_t out = MONTH_NONE;
    EQ(month_parse(text, &out), 0);
    return out;
}

static date_t day(const char *text) {
    date_t out = DATE_NONE;
    if (text) EQ(date_parse(text, &out), 0);
    return out;
}

// Contribution months first … last; paid NULL: unpaid, "on_time": on each month's last day.
static void owed(story_t *s, identity_t identity, const char *first, const char *last, const char *paid) {
    for (month_t m = month(first); m <= month(last); m++) {
        date_t on = !paid ? DATE_NONE : strcmp(paid, "on_time") == 0 ? month_last(m) : day(paid);
        NEED(s->in.month_count < MONTHS_MAX);
        s->months[s->in.month_count++] = (coverage_month_t){m, identity, on};
    }
}

static void resident(story_t *s, int year, const char *paid) {
    NEED(s->in.year_count < YEARS_MAX);
    s->years[s->in.year_count++] = (coverage_year_t){year, IDENTITY_RESIDENT, day(paid)};
}

static void tell_under(story_t *s, const policy_t *policy) {
    err_t err = {0};
    int rc = coverage_spans(policy, &s->in, s->spans, SPANS_MAX, &s->count, s->reason, &err);
    if (rc) fprintf(stderr, "%s\n", err.text);
    EQ(rc, 0);
}
static void tell(story_t *s) { tell_under(s, law); }

static int identity_in(const story_t *s, const char *text) {
    int32_t n1, n2;
    const coverage_span_t *span = coverage_at(s->spans, s->count, month(text), &n1, &n2);
    return span ? (int)span->identity : -1;
}
static bool covered(const story_t *s, const char *text) { return identity_in(s, text) >= 0; }

#define COUNTS(s, text, t1, t2)                                                                                        \
    do {                                                                                                               \
        int32_t n1 = -1, n2 = -1;                                                                                      \
        OK(coverage_at((s)->spans, (s)->count, month(text), &n1, &n2) != NULL);                                        \
        EQ(n1, t1);                                                                                                    \
        EQ(n2, t2);                                                                                                    \
    } while (0)

// ---- JM-E: when cover begins and ends
// -----------------------------------------------------------------------------------

TEST(JM_E_23_and_26_staff_are_covered_from_the_month_after_to_the_month_after) {
    story_t s;
    owed(story_begin(&s), IDENTITY_EMPLOYEE, "2018-03", "2018-05", "on_time");
    tell(&s);
    OK(!covered(&s, "2018-03"));
    COUNTS(&s, "2018-04", 1, 1);
    COUNTS(&s, "2018-06", 3, 3);
    OK(!covered(&s, "2018-07"));
    EQ(s.count, 1);
    HAS_TEXT(s.reason, "2018-06");
}

TEST(JM_E_24_the_unemployed_are_covered_from_the_month_of_application) {
    story_t s;
    owed(story_begin(&s), IDENTITY_UNEMPLOYED, "2018-03", "2018-05", "on_time");
    tell(&s);
    OK(!covered(&s, "2018-02"));
    COUNTS(&s, "2018-03", 0, 0);
    COUNTS(&s, "2018-04", 1, 1);
    COUNTS(&s, "2018-06", 3, 3);
    OK(!covered(&s, "2018-07"));
}

TEST(JM_E_25_flexible_workers_wait_until_the_fourth_month) {
    static const identity_t waiting[] = {IDENTITY_FLEXIBLE, IDENTITY_SOLE_TRADER};
    for (size_t i = 0; i < COUNT_OF(waiting); i++) {
        story_t s;
        owed(story_begin(&s), waiting[i], "2018-01", "2018-06", "on_time");
        tell(&s);
        OK(!covered(&s, "2018-03"));
        COUNTS(&s, "2018-04", 3, 3);
        OK(covered(&s, "2018-07"));
        EQ(s.spans[0].first, month("2018-04"));
    }
}

TEST(JM_E_25_a_wait_that_is_not_over_is_told) {
    story_t s;
    owed(story_begin(&s), IDENTITY_FLEXIBLE, "2018-01", "2018-02", "on_time");
    tell(&s);
    EQ(s.count, 0);
    HAS_TEXT(s.reason, "2018-04");
}

TEST(JM_E_27_and_28_a_resident_year_paid_before_and_inside) {
    static const struct {
        const char *paid, *last_without, *first_with;
    } cases[] = {
        {"2017-12-31", "2017-12", "2018-01"},
        {"2018-01-01", "2018-01", "2018-02"},
        {"2018-05-31", "2018-05", "2018-06"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        story_t s;
        resident(story_begin(&s), 2018, cases[i].paid);
        tell(&s);
        OK(!covered(&s, cases[i].last_without));
        COUNTS(&s, cases[i].first_with, 1, 0);
        OK(covered(&s, "2018-12"));
        OK(!covered(&s, "2019-01"));
    }
    story_t late;
    resident(story_begin(&late), 2018, "2018-12-01");
    resident(&late, 2019, "2020-01-01");
    tell(&late);
    EQ(late.count, 0);
}

TEST(WE_20_JM_E_36_a_newborn_inside_the_window_is_covered_from_birth) {
    story_t s;
    resident(story_begin(&s), 2018, "2019-02-28");
    resident(&s, 2019, "2019-02-28");
    s.in.born = day("2018-11-20");
    tell(&s);
    EQ(s.count, 1);
    OK(!covered(&s, "2018-10"));
    COUNTS(&s, "2018-11", 1, 0);
    COUNTS(&s, "2019-12", 14, 0);
}

TEST(WE_20_JM_E_38_a_newborn_after_the_window_is_covered_from_the_next_month) {
    story_t s;
    resident(story_begin(&s), 2018, "2019-03-01");
    resident(&s, 2019, "2019-03-01");
    s.in.born = day("2018-11-20");
    tell(&s);
    OK(!covered(&s, "2018-12"));
    OK(!covered(&s, "2019-03"));
    COUNTS(&s, "2019-04", 1, 0);
}

TEST(JM_E_36_the_new_year_alone_covers_from_january) {
    story_t s;
    resident(story_begin(&s), 2019, "2019-02-10");
    s.in.born = day("2018-12-05");
    tell(&s);
    OK(!covered(&s, "2018-12"));
    COUNTS(&s, "2019-01", 1, 0);
}

TEST(AMB_28_a_skipped_resident_year_starts_anew) {
    story_t s;
    resident(story_begin(&s), 2016, "2015-12-01");
    resident(&s, 2017, "2016-12-01");
    resident(&s, 2018, NULL);
    resident(&s, 2019, "2018-12-01");
    tell(&s);
    COUNTS(&s, "2017-12", 24, 0);
    OK(!covered(&s, "2018-06"));
    COUNTS(&s, "2019-01", 1, 0);
}

// ---- JM-G: arrears
// ------------------------------------------------------------------------------------------------------

static void twenty_months_then(story_t *s, identity_t identity) {
    owed(story_begin(s), identity, "2017-09", "2019-04", "on_time");
}

TEST(WE_22_JM_G_11_three_months_of_arrears_count_as_if_paid_on_time) {
    story_t s;
    twenty_months_then(&s, IDENTITY_EMPLOYEE);
    owed(&s, IDENTITY_EMPLOYEE, "2019-05", "2019-08", "2019-08-10");
    tell(&s);
    EQ(s.count, 1);
    COUNTS(&s, "2019-05", 20, 20);
    COUNTS(&s, "2019-07", 22, 22);
    COUNTS(&s, "2019-09", 24, 24);
}

TEST(WE_22_JM_G_14_to_16_four_months_interrupt_staff) {
    story_t s;
    twenty_months_then(&s, IDENTITY_EMPLOYEE);
    owed(&s, IDENTITY_EMPLOYEE, "2019-05", "2019-09", "2019-09-10");
    tell(&s);
    COUNTS(&s, "2019-05", 20, 20);
    OK(!covered(&s, "2019-06"));
    OK(!covered(&s, "2019-09"));
    COUNTS(&s, "2019-10", 1, 1);
}

TEST(WE_22_JM_G_17_after_four_months_a_flexible_worker_waits_again) {
    story_t s;
    twenty_months_then(&s, IDENTITY_FLEXIBLE);
    owed(&s, IDENTITY_FLEXIBLE, "2019-05", "2019-09", "2019-09-10");
    owed(&s, IDENTITY_FLEXIBLE, "2019-10", "2019-12", "on_time");
    tell(&s);
    COUNTS(&s, "2019-05", 20, 20);
    OK(!covered(&s, "2019-06"));
    OK(!covered(&s, "2019-11"));
    COUNTS(&s, "2019-12", 3, 3);
}

TEST(JM_G_14_unpaid_months_are_told) {
    story_t s;
    twenty_months_then(&s, IDENTITY_EMPLOYEE);
    owed(&s, IDENTITY_EMPLOYEE, "2019-05", "2019-08", NULL);
    tell(&s);
    COUNTS(&s, "2019-05", 20, 20);
    OK(!covered(&s, "2019-06"));
    HAS_TEXT(s.reason, "4 months from 2019-05");
}

TEST(JM_G_11_a_month_never_paid_breaks_the_run_however_short) {
    story_t s;
    twenty_months_then(&s, IDENTITY_EMPLOYEE);
    owed(&s, IDENTITY_EMPLOYEE, "2019-05", "2019-05", NULL);
    owed(&s, IDENTITY_EMPLOYEE, "2019-06", "2019-07", "on_time");
    tell(&s);
    COUNTS(&s, "2019-05", 20, 20);
    OK(!covered(&s, "2019-06"));
    COUNTS(&s, "2019-07", 1, 1);
}

TEST(JM_G_11_the_run_is_counted_at_the_payment_whatever_it_pays) {
    story_t s;
    twenty_months_then(&s, IDENTITY_EMPLOYEE);
    owed(&s, IDENTITY_EMPLOYEE, "2019-05", "2019-05", "2019-09-10"); // four months are open then
    owed(&s, IDENTITY_EMPLOYEE, "2019-06", "2019-08", NULL);
    tell(&s);
    OK(!covered(&s, "2019-06"));
}

TEST(JM_G_12_a_month_paid_ahead_counts) {
    story_t s;
    owed(story_begin(&s), IDENTITY_EMPLOYEE, "2018-01", "2018-12", "2018-01-05");
    tell(&s);
    COUNTS(&s, "2019-01", 12, 12);
}

TEST(JM_G_11_months_that_were_not_owed_end_the_run_of_arrears) {
    story_t s;
    owed(story_begin(&s), IDENTITY_EMPLOYEE, "2018-01", "2018-03", "on_time");
    owed(&s, IDENTITY_EMPLOYEE, "2019-01", "2019-03", "2019-04-02"); // a new job, paid three months late
    tell(&s);
    COUNTS(&s, "2019-02", 1, 1);
    COUNTS(&s, "2019-04", 3, 3);
}

// ---- moves between identities
// -------------------------------------------------------------------------------------------

TEST(JM_G_18_AMB_14_from_resident_to_staff_tier_1_goes_on_and_tier_2_begins) {
    story_t s;
    for (int year = 2016; year <= 2018; year++) {
        char paid[16];
        snprintf(paid, sizeof paid, "%d-12-01", year - 1);
        if (year == 2016) story_begin(&s);
        resident(&s, year, paid);
    }
    owed(&s, IDENTITY_EMPLOYEE, "2019-01", "2019-05", "on_time");
    tell(&s);
    EQ(identity_in(&s, "2018-12"), IDENTITY_RESIDENT);
    OK(!covered(&s, "2019-01"));
    EQ(identity_in(&s, "2019-06"), IDENTITY_EMPLOYEE);
    COUNTS(&s, "2019-06", 41, 5); // as in WE-23
}

TEST(JM_G_18_from_staff_to_resident) {
    story_t s;
    owed(story_begin(&s), IDENTITY_EMPLOYEE, "2018-01", "2018-12", "on_time");
    resident(&s, 2019, "2018-12-20");
    tell(&s);
    EQ(identity_in(&s, "2019-01"), IDENTITY_EMPLOYEE); // bought by December
    COUNTS(&s, "2019-01", 13, 12);
    EQ(identity_in(&s, "2019-02"), IDENTITY_RESIDENT);
    COUNTS(&s, "2019-02", 14, 0);
}

TEST(AMB_36_JM_G_19_two_identities_at_once_tier_2_wins_and_months_count_once) {
    story_t s;
    resident(story_begin(&s), 2018, "2017-12-01");
    owed(&s, IDENTITY_EMPLOYEE, "2018-04", "2018-06", "on_time");
    tell(&s);
    EQ(identity_in(&s, "2018-04"), IDENTITY_RESIDENT);
    EQ(identity_in(&s, "2018-05"), IDENTITY_EMPLOYEE);
    COUNTS(&s, "2018-05", 5, 1);
    EQ(identity_in(&s, "2018-08"), IDENTITY_RESIDENT);
    COUNTS(&s, "2018-12", 12, 0);
}

TEST(AMB_29_from_staff_to_flexible_without_a_gap) {
    story_t s;
    owed(story_begin(&s), IDENTITY_EMPLOYEE, "2018-01", "2018-06", "on_time");
    owed(&s, IDENTITY_FLEXIBLE, "2018-07", "2018-12", "on_time");
    tell(&s);
    EQ(identity_in(&s, "2018-07"), IDENTITY_EMPLOYEE); // bought by June
    EQ(identity_in(&s, "2018-08"), IDENTITY_FLEXIBLE);
    COUNTS(&s, "2018-08", 7, 7);
    tell_under(&s, every_entry);
    EQ(identity_in(&s, "2018-07"), IDENTITY_EMPLOYEE);
    OK(!covered(&s, "2018-08"));
    OK(!covered(&s, "2018-09"));
    COUNTS(&s, "2018-10", 9, 9);
}

TEST(JM_E_25_staff_who_were_waiting_as_flexible_wait_no_longer) {
    story_t s;
    owed(story_begin(&s), IDENTITY_FLEXIBLE, "2018-01", "2018-01", "on_time");
    owed(&s, IDENTITY_EMPLOYEE, "2018-02", "2018-03", "on_time");
    tell(&s);
    OK(!covered(&s, "2018-02"));
    COUNTS(&s, "2018-03", 2, 2);
}

TEST(JM_E_24_unemployment_after_a_gap_begins_with_the_month_of_application) {
    story_t s;
    owed(story_begin(&s), IDENTITY_EMPLOYEE, "2018-01", "2018-03", "on_time");
    owed(&s, IDENTITY_UNEMPLOYED, "2018-07", "2018-08", "on_time");
    tell(&s);
    OK(!covered(&s, "2018-06"));
    EQ(identity_in(&s, "2018-07"), IDENTITY_UNEMPLOYED);
    COUNTS(&s, "2018-07", 0, 0);
    COUNTS(&s, "2018-08", 1, 1);
}

TEST(JM_G_20_months_of_former_schemes_count_and_buy_the_first_month) {
    story_t s;
    owed(story_begin(&s), IDENTITY_FLEXIBLE, "2017-07", "2017-08", "on_time");
    s.in.prior_months_tier1 = 40;
    s.in.prior_months_tier2 = 10;
    tell(&s);
    COUNTS(&s, "2017-07", 40, 10); // no wait: not a first entry
    COUNTS(&s, "2017-09", 42, 12);
    s.in.prior_months_tier2 = 0; // former residents: their tier 2 begins here
    tell(&s);
    OK(!covered(&s, "2017-07"));
    OK(!covered(&s, "2017-09"));
}

TEST(JM_G_20_a_resident_brings_months_of_the_former_scheme) {
    story_t s;
    resident(story_begin(&s), 2018, "2017-11-30");
    s.in.prior_months_tier1 = 30;
    tell(&s);
    COUNTS(&s, "2018-01", 31, 0);
}

TEST(JM_Y_06_AMB_15_retirees_are_covered_for_life_and_count_on) {
    story_t s;
    owed(story_begin(&s), IDENTITY_EMPLOYEE, "2018-01", "2018-12", "on_time");
    s.in.lifelong_from = month("2019-01");
    s.in.lifelong_identity = IDENTITY_RETIREE;
    tell(&s);
    EQ(identity_in(&s, "2018-12"), IDENTITY_EMPLOYEE);
    EQ(identity_in(&s, "2019-01"), IDENTITY_RETIREE);
    COUNTS(&s, "2019-01", 12, 12);
    COUNTS(&s, "2049-01", 372, 372);
    HAS_TEXT(s.reason, "for life from 2019-01");
}

TEST(JM_Y_14_a_retiree_without_a_past_counts_from_nothing) {
    story_t s;
    story_begin(&s);
    s.in.lifelong_from = month("2018-01");
    s.in.lifelong_identity = IDENTITY_RETIREE;
    tell(&s);
    COUNTS(&s, "2018-01", 0, 0);
    COUNTS(&s, "2018-02", 1, 1);
    COUNTS(&s, "2020-02", 25, 25);
    s.in.prior_months_tier1 = s.in.prior_months_tier2 = 240;
    tell(&s);
    COUNTS(&s, "2018-01", 240, 240);
}

TEST(nothing_paid_is_no_cover) {
    story_t s;
    tell(story_begin(&s));
    EQ(s.count, 0);
    HAS_TEXT(s.reason, "no contribution");
}

TEST(bad_input_is_refused_by_name) {
    story_t s;
    err_t err = {0};
    owed(story_begin(&s), IDENTITY_EMPLOYEE, "2018-01", "2018-02", "on_time");
    s.months[1].month = s.months[0].month;
    EQ(coverage_spans(law, &s.in, s.spans, SPANS_MAX, &s.count, s.reason, &err), E_INVALID_FIELD);
    EQ_TEXT(err.field, "months");
    owed(story_begin(&s), IDENTITY_RESIDENT, "2018-01", "2018-02", "on_time");
    EQ(coverage_spans(law, &s.in, s.spans, SPANS_MAX, &s.count, s.reason, &err), E_INVALID_FIELD);
    owed(story_begin(&s), IDENTITY_EMPLOYEE, "2018-01", "2018-02", "on_time");
    s.in.prior_months_tier2 = 1;
    EQ(coverage_spans(law, &s.in, s.spans, SPANS_MAX, &s.count, s.reason, &err), E_OUT_OF_RANGE);
    EQ_TEXT(err.field, "prior_months_tier2");
    s.in.prior_months_tier2 = 0;
    EQ(coverage_spans(law, &s.in, s.spans, 0, &s.count, s.reason, &err), E_TOO_LARGE);
}

// ---- against the definitions
// ----------------------------------------------------------------------------------------------

typedef struct slow {
    const coverage_input_t *in;
    const policy_coverage_t *rules;
    month_t first; // of anything listed
} slow_t;

static const coverage_month_t *slow_owed(const slow_t *w, month_t m) {
    for (size_t i = 0; i < w->in->month_count; i++)
        if (w->in->months[i].month == m) return &w->in->months[i];
    return NULL;
}

static bool slow_open(const slow_t *w, month_t m, date_t on) { // owed, over, and not paid before `on`
    const coverage_month_t *owed_month = slow_owed(w, m);
    return owed_month && month_last(m) < on && m != month_of(on) &&
           (owed_month->paid_on == DATE_NONE || owed_month->paid_on >= on);
}

static bool slow_counts(const slow_t *w, month_t m) {
    const coverage_month_t *owed_month = slow_owed(w, m);
    if (!owed_month || owed_month->paid_on == DATE_NONE || m >= w->in->lifelong_from) return false;
    date_t on = owed_month->paid_on;
    if (on <= month_last(m)) return true;
    month_t first = m, last = m;
    while (slow_open(w, first - 1, on)) first--;
    while (slow_open(w, last + 1, on)) last++;
    return last - first + 1 <= w->rules->grace_months;
}

static bool slow_resident(const slow_t *w, month_t m) {
    for (size_t i = 0; i < w->in->year_count; i++) {
        const coverage_year_t *y = &w->in->years[i];
        date_t on = y->paid_on, born = w->in->born;
        if (y->year != month_year(m) || on == DATE_NONE || m >= w->in->lifelong_from) continue;
        if (born != DATE_NONE && month_last(m) < born) continue;
        bool newborn = born != DATE_NONE && on >= month_first(month_of(born)) && on <= month_last(month_of(born) + 3);
        if (newborn || on < date_make(y->year, 1, 1) || month_of(on) < m) return true;
    }
    return false;
}

static month_t slow_first(const slow_t *w) {
    month_t first = w->in->lifelong_from;
    for (month_t m = month_make(2010, 1); m < month_make(2030, 1); m++)
        if ((slow_owed(w, m) || slow_resident(w, m)) && m < first) first = m;
    return first;
}

static bool slow_prior2(const slow_t *w, month_t m) {
    return m < w->first && m >= w->first - w->in->prior_months_tier2;
}
static bool slow_prior2_buys(const slow_t *w, month_t m) {
    return slow_prior2(w, m) && w->in->month_count && w->in->months[0].month == w->first;
}
static bool slow_buys(const slow_t *w, month_t m) { return slow_counts(w, m) || slow_prior2_buys(w, m); }

static identity_t slow_buyer(const slow_t *w, month_t m) {
    return slow_counts(w, m) ? slow_owed(w, m)->identity : w->in->months[0].identity;
}

// The contribution of month m gives cover from this month on.
static month_t slow_gives_from(const slow_t *w, month_t m) {
    month_t entry = m, open = INT32_MAX;
    while (slow_buys(w, entry - 1) && !(w->rules->wait_every_entry && slow_buyer(w, entry - 1) != slow_buyer(w, m)))
        entry--;
    for (month_t k = entry; k <= m; k++) {
        int wait = slow_counts(w, k) ? w->rules->wait_months[slow_buyer(w, k)] : 0;
        month_t own = slow_counts(w, k) ? k + (wait > 1 ? wait : 1) : k;
        if (own < open) open = own;
    }
    return open;
}

static int slow_state(const slow_t *w, month_t m, int32_t *n1, int32_t *n2) {
    const coverage_month_t *own = slow_counts(w, m) ? slow_owed(w, m) : NULL;
    const coverage_month_t *before = slow_owed(w, m - 1);
    int identity = -1;
    if (m >= w->in->lifelong_from)
        identity = (int)w->in->lifelong_identity;
    else if (m < w->first)
        return -1;
    else if (slow_buys(w, m - 1) && slow_gives_from(w, m - 1) <= m)
        identity = (int)slow_buyer(w, m - 1);
    else if (own && own->identity == IDENTITY_UNEMPLOYED && !(before && before->identity == IDENTITY_UNEMPLOYED))
        identity = IDENTITY_UNEMPLOYED;
    else if (slow_resident(w, m))
        identity = IDENTITY_RESIDENT;
    if (identity < 0) return -1;
    month_t first = w->first, k = slow_resident(w, m) ? m : m - 1;
    for (*n1 = 0; slow_counts(w, k) || slow_resident(w, k) || k >= w->in->lifelong_from ||
                  (k < first && k >= first - w->in->prior_months_tier1);
         k--)
        ++*n1;
    *n2 = 0;
    if (identity == IDENTITY_RESIDENT) return identity;
    for (k = m - 1; slow_counts(w, k) || k >= w->in->lifelong_from || slow_prior2(w, k); k--) ++*n2;
    return identity;
}

static void random_story(story_t *s) {
    static const identity_t monthly[] = {IDENTITY_EMPLOYEE, IDENTITY_UNEMPLOYED, IDENTITY_FLEXIBLE,
                                         IDENTITY_SOLE_TRADER};
    story_begin(s);
    month_t m = month_make(2015, 1) + rand() % 24;
    date_t lump = DATE_NONE; // several late months are often paid on one day
    identity_t identity = monthly[rand() % 4];
    for (size_t n = (size_t)(rand() % 48); s->in.month_count < n; m++) {
        if (rand() % 8 == 0) identity = monthly[rand() % 4];
        if (rand() % 16 == 0) m += 1 + rand() % 6;
        date_t on = month_first(m) + rand() % 28;
        if (lump != DATE_NONE && lump > on && rand() % 4)
            on = lump;
        else if (rand() % 3 == 0)
            on = lump = month_first(m) + rand() % 200;
        else if (rand() % 16 == 0)
            on = DATE_NONE;
        s->months[s->in.month_count++] = (coverage_month_t){m, identity, on};
    }
    for (int year = 2015 + rand() % 3; year < 2021; year++)
        if (rand() % 2)
            s->years[s->in.year_count++] = (coverage_year_t){
                year, IDENTITY_RESIDENT, rand() % 6 ? date_make(year, 1, 1) - 60 + rand() % 480 : DATE_NONE};
    if (rand() % 4 == 0) s->in.born = date_make(2015 + rand() % 4, 1 + rand() % 12, 1 + rand() % 28);
    if (rand() % 3 == 0) s->in.prior_months_tier1 = rand() % 40;
    if (s->in.prior_months_tier1 && rand() % 2) s->in.prior_months_tier2 = rand() % (s->in.prior_months_tier1 + 1);
    s->in.lifelong_identity = IDENTITY_RETIREE;
    if (rand() % 4 == 0) s->in.lifelong_from = month_make(2016, 1) + rand() % 48;
}

static bool agrees(const story_t *s, const policy_t *policy) {
    // "Never" compares as later than every month.
    coverage_input_t in = s->in;
    if (in.lifelong_from == MONTH_NONE) in.lifelong_from = INT32_MAX;
    slow_t slow = {&in, policy_coverage(policy), 0};
    slow.first = slow_first(&slow);
    for (month_t m = month_make(2012, 1); m < month_make(2024, 1); m++) {
        int32_t a1 = 0, a2 = 0, b1 = 0, b2 = 0;
        const coverage_span_t *span = coverage_at(s->spans, s->count, m, &a1, &a2);
        int identity = slow_state(&slow, m, &b1, &b2);
        if ((span ? (int)span->identity : -1) == identity && (!span || (a1 == b1 && a2 == b2))) continue;
        char text[DATE_TEXT_MAX];
        fprintf(stderr, "%s: identity %d n %d %d, by the definitions %d n %d %d\n", month_format(m, text),
                span ? (int)span->identity : -1, a1, a2, identity, b1, b2);
        return false;
    }
    return true;
}

static void print_story(const story_t *s) {
    char a[DATE_TEXT_MAX], b[DATE_TEXT_MAX];
    for (size_t i = 0; i < s->in.month_count; i++)
        fprintf(stderr, "  %s %s paid %s\n", month_format(s->months[i].month, a),
                identity_name((int)s->months[i].identity),
                s->months[i].paid_on == DATE_NONE ? "never" : date_format(s->months[i].paid_on, b));
    for (size_t i = 0; i < s->in.year_count; i++)
        fprintf(stderr, "  %d paid %s\n", s->years[i].year,
                s->years[i].paid_on == DATE_NONE ? "never" : date_format(s->years[i].paid_on, b));
    fprintf(stderr, "  prior %d %d lifelong %d born %d\n", s->in.prior_months_tier1, s->in.prior_months_tier2,
            s->in.lifelong_from, s->in.born);
}

TEST(any_history_gives_what_the_definitions_give) {
    unsigned seed = getenv("SEED") ? (unsigned)strtoul(getenv("SEED"), NULL, 10) : (unsigned)time(NULL);
    fprintf(stderr, "SEED=%u\n", seed);
    srand(seed);
    for (int i = 0; i < 1500; i++) {
        story_t s;
        random_story(&s);
        const policy_t *policy = i % 4 ? law : every_entry;
        tell_under(&s, policy);
        bool same = agrees(&s, policy);
        if (!same) print_story(&s);
        NEED(same);
        for (size_t k = 1; k < s.count; k++) OK(s.spans[k].first > s.spans[k - 1].last);
    }
}

TESTS("coverage", CASE(JM_E_23_and_26_staff_are_covered_from_the_month_after_to_the_month_after),
      CASE(JM_E_24_the_unemployed_are_covered_from_the_month_of_application),
      CASE(JM_E_25_flexible_workers_wait_until_the_fourth_month), CASE(JM_E_25_a_wait_that_is_not_over_is_told),
      CASE(JM_E_27_and_28_a_resident_year_paid_before_and_inside),
      CASE(WE_20_JM_E_36_a_newborn_inside_the_window_is_covered_from_birth),
      CASE(WE_20_JM_E_38_a_newborn_after_the_window_is_covered_from_the_next_month),
      CASE(JM_E_36_the_new_year_alone_covers_from_january), CASE(AMB_28_a_skipped_resident_year_starts_anew),
      CASE(WE_22_JM_G_11_three_months_of_arrears_count_as_if_paid_on_time),
      CASE(WE_22_JM_G_14_to_16_four_months_interrupt_staff),
      CASE(WE_22_JM_G_17_after_four_months_a_flexible_worker_waits_again), CASE(JM_G_14_unpaid_months_are_told),
      CASE(JM_G_11_a_month_never_paid_breaks_the_run_however_short),
      CASE(JM_G_11_the_run_is_counted_at_the_payment_whatever_it_pays), CASE(JM_G_12_a_month_paid_ahead_counts),
      CASE(JM_G_11_months_that_were_not_owed_end_the_run_of_arrears),
      CASE(JM_G_18_AMB_14_from_resident_to_staff_tier_1_goes_on_and_tier_2_begins),
      CASE(JM_G_18_from_staff_to_resident),
      CASE(AMB_36_JM_G_19_two_identities_at_once_tier_2_wins_and_months_count_once),
      CASE(AMB_29_from_staff_to_flexible_without_a_gap),
      CASE(JM_E_25_staff_who_were_waiting_as_flexible_wait_no_longer),
      CASE(JM_E_24_unemployment_after_a_gap_begins_with_the_month_of_application),
      CASE(JM_G_20_months_of_former_schemes_count_and_buy_the_first_month),
      CASE(JM_G_20_a_resident_brings_months_of_the_former_scheme),
      CASE(JM_Y_06_AMB_15_retirees_are_covered_for_life_and_count_on),
      CASE(JM_Y_14_a_retiree_without_a_past_counts_from_nothing), CASE(nothing_paid_is_no_cover),
      CASE(bad_input_is_refused_by_name), CASE(any_history_gives_what_the_definitions_give))
