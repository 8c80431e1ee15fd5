// The coverage core, rule by rule and point by point.
#include "services/collection/coverage.h"
#include "tests/check.h"

enum { SPANS_MAX = 192, ENTRIES_MAX = 64, YEARS_MAX = 12 };

typedef struct story {
    coverage_months_t months[ENTRIES_MAX];
    coverage_year_t years[YEARS_MAX];
    coverage_input_t in;
    date_t known_on;
    coverage_span_t spans[SPANS_MAX];
    size_t count;
    char reason[COVERAGE_REASON_MAX];
} story_t;

static policy_t *law;         // the first city
static policy_t *every_entry; // with the wait on every entry

static void load_law(void) {
    const char *file = TC_SOURCE_DIR "/config/cities/jiangmen.yaml";
    static const char *const overlays[] = {TC_SOURCE_DIR "/config/samples/test-wait-every-entry.yaml", NULL};
    err_t err = {0};
    if (law) return;
    if (policy_load(&law, file, NULL, &err)) fprintf(stderr, "%s\n", err.text);
    NEED(law != NULL);
    if (policy_load(&every_entry, file, overlays, &err)) fprintf(stderr, "%s\n", err.text);
    NEED(every_entry != NULL);
}

static story_t *story_begin(story_t *s) {
    load_law();
    *s = (story_t){.in = {.lifelong_from = MONTH_NONE, .born = DATE_NONE}, .known_on = DATE_MAX};
    s->in.months = s->months;
    s->in.years = s->years;
    return s;
}

// A history as analysts tell it: a month that is not listed was owed and not paid.
static story_t *history(story_t *s) {
    story_begin(s)->in.gaps_owed = true;
    return s;
}

static month_t month(const char *text) {
    month_t out = MONTH_NONE;
    EQ(month_parse(text, &out), 0);
    return out;
}

static date_t day(const char *text) {
    date_t out = DATE_NONE;
    if (text && strcmp(text, "on_time") == 0) return PAID_ON_TIME;
    if (text) EQ(date_parse(text, &out), 0);
    return out;
}

// Contribution months first … last; paid NULL: unpaid, "on_time": on each month's last day.
static coverage_months_t *owed(story_t *s, identity_t identity, const char *first, const char *last, const char *paid) {
    NEED(s->in.month_count < ENTRIES_MAX);
    coverage_months_t *entry = &s->months[s->in.month_count++];
    *entry = (coverage_months_t){month(first), month(last), identity, day(paid), DATE_NONE};
    return entry;
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

static coverage_day_t ask_under(const story_t *s, const policy_t *policy, const char *as_of) {
    coverage_day_t out;
    err_t err = {0};
    int rc = coverage_on(policy, &s->in, day(as_of), s->known_on, &out, &err);
    if (rc) fprintf(stderr, "%s\n", err.text);
    EQ(rc, 0);
    return out;
}
static coverage_day_t ask(const story_t *s, const char *as_of) { return ask_under(s, law, as_of); }

static const char *text_of(date_t date) {
    static char text[DATE_TEXT_MAX];
    return date_format(date, text);
}

#define IN(s, as_of, n1, n2, since)                                                                                    \
    do {                                                                                                               \
        coverage_day_t d_ = ask(s, as_of);                                                                             \
        OK(d_.covered);                                                                                                \
        EQ(d_.months_tier1, n1);                                                                                       \
        EQ(d_.months_tier2, n2);                                                                                       \
        EQ_TEXT(text_of(d_.from), since);                                                                              \
        EQ(d_.until, DATE_NONE);                                                                                       \
        EQ(d_.arrears, 0);                                                                                             \
        OK(!d_.interrupted);                                                                                           \
    } while (0)

#define OUT(s, as_of, n1, n2, last_day, unpaid, cut)                                                                   \
    do {                                                                                                               \
        coverage_day_t d_ = ask(s, as_of);                                                                             \
        OK(!d_.covered);                                                                                               \
        EQ(d_.months_tier1, n1);                                                                                       \
        EQ(d_.months_tier2, n2);                                                                                       \
        EQ(d_.from, DATE_NONE);                                                                                        \
        EQ_TEXT(text_of(d_.until), last_day);                                                                          \
        EQ(d_.arrears, unpaid);                                                                                        \
        EQ(d_.interrupted, cut);                                                                                       \
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

// ---- the settled points, one by one
// ---------------------------------------------------------------------------------------

static policy_t *law_with(const char *coverage) {
    const char *file = TC_SOURCE_DIR "/config/cities/jiangmen.yaml", *path = "coverage_test_overlay.yaml";
    policy_t *policy = NULL;
    err_t err = {0};
    FILE *out = fopen(path, "w");
    if (!out) return NULL;
    fprintf(out, "overlay: test\nstatus: synthetic\ncoverage:\n%s", coverage);
    fclose(out);
    if (policy_load(&policy, file, (const char *const[]){path, NULL}, &err)) fprintf(stderr, "%s\n", err.text);
    remove(path);
    return policy;
}

TEST(V_01_JM_E_28_to_34_a_payment_inside_the_year_buys_from_the_next_month) {
    story_t s;
    resident(history(&s), 2018, "2018-05-31");
    OUT(&s, "2018-05-31", 0, 0, "", 0, false);
    IN(&s, "2018-06-01", 1, 0, "2018-06-01");
    IN(&s, "2018-12-31", 7, 0, "2018-06-01");
}

TEST(V_01_a_child_born_at_most_300_days_before_the_payment_is_a_newborn) {
    policy_t *wide = law_with("  lag: {months: 1, rule: JM-E-23}\n  grace: {months: 3, rule: JM-G-11}\n"
                              "  newborn: {window_months: 12, recent_days: 300, rule: JM-E-35}\n"
                              "  yearly: {identities: [resident], rule: JM-E-27}\n");
    NEED(wide != NULL);
    story_t s;
    resident(history(&s), 2018, "2018-11-06");
    s.in.born = day("2018-01-10");
    EQ_TEXT(text_of(ask_under(&s, wide, "2018-12-31").from), "2018-01-10");
    s.years[0].paid_on = day("2018-11-07");
    EQ_TEXT(text_of(ask_under(&s, wide, "2018-12-31").from), "2018-12-01");
    IN(&s, "2018-12-31", 1, 0, "2018-12-01"); // the law's own window is three months
    policy_destroy(&wide);
}

TEST(V_02_JM_G_19_a_month_counts_once_by_its_earliest_payment) {
    story_t s;
    owed(history(&s), IDENTITY_EMPLOYEE, "2018-01", "2018-06", "on_time");
    owed(&s, IDENTITY_EMPLOYEE, "2018-05", "2018-06", "2019-03-01"); // again, and too late
    IN(&s, "2018-07-10", 6, 6, "2018-02-01");
    owed(history(&s), IDENTITY_EMPLOYEE, "2018-05", "2018-06", "2019-03-01");
    owed(&s, IDENTITY_EMPLOYEE, "2018-01", "2018-06", "on_time");
    IN(&s, "2018-07-10", 6, 6, "2018-02-01");
}

TEST(V_02_of_two_payments_on_one_day_that_of_the_shorter_wait) {
    story_t s;
    owed(history(&s), IDENTITY_FLEXIBLE, "2018-01", "2018-02", "on_time");
    owed(&s, IDENTITY_EMPLOYEE, "2018-01", "2018-02", "on_time");
    IN(&s, "2018-02-10", 1, 1, "2018-02-01");
}

TEST(V_02_JM_G_14_months_in_arrears_that_nobody_pays_count_into_the_run) {
    story_t s;
    owed(history(&s), IDENTITY_EMPLOYEE, "2018-01", "2018-06", "on_time");
    owed(&s, IDENTITY_EMPLOYEE, "2018-09", "2018-10", "2018-11-10"); // 07, 08 are open as well
    OUT(&s, "2018-11-15", 6, 6, "2018-07-31", 0, true);
    owed(history(&s), IDENTITY_EMPLOYEE, "2018-01", "2018-06", "on_time");
    owed(&s, IDENTITY_EMPLOYEE, "2018-08", "2018-09", "2018-10-10"); // three open, two of them paid
    IN(&s, "2018-10-15", 2, 2, "2018-09-01");
}

TEST(V_02_the_first_month_of_all_begins_the_run) {
    story_t s;
    owed(history(&s), IDENTITY_EMPLOYEE, "2018-01", "2018-03", "2018-04-02");
    IN(&s, "2018-02-01", 1, 1, "2018-02-01");
    s.months[0].paid_on = day("2018-05-02");
    OUT(&s, "2018-02-01", 0, 0, "", 0, false);
}

TEST(V_02_nobody_owes_after_a_yearly_fee_or_a_spell_of_unemployment) {
    story_t s;
    resident(history(&s), 2018, "on_time");
    owed(&s, IDENTITY_EMPLOYEE, "2019-08", "2019-08", "2019-09-05");
    IN(&s, "2019-09-10", 1, 1, "2019-09-01");
    owed(history(&s), IDENTITY_EMPLOYEE, "2017-01", "2017-12", "on_time");
    resident(&s, 2018, "on_time");
    owed(&s, IDENTITY_EMPLOYEE, "2019-08", "2019-08", "2019-09-05");
    IN(&s, "2019-09-10", 1, 1, "2019-09-01");
    owed(history(&s), IDENTITY_UNEMPLOYED, "2018-01", "2018-06", "on_time");
    owed(&s, IDENTITY_EMPLOYEE, "2019-08", "2019-08", "2019-09-05");
    IN(&s, "2019-09-10", 1, 1, "2019-09-01");
    owed(history(&s), IDENTITY_EMPLOYEE, "2018-01", "2018-06", "on_time");
    owed(&s, IDENTITY_EMPLOYEE, "2019-08", "2019-08", "2019-09-05"); // here 14 months are open
    OUT(&s, "2019-09-10", 6, 6, "2018-07-31", 0, true);
}

TEST(V_03_months_never_paid_break_the_run_and_the_next_is_an_entry) {
    story_t s;
    owed(history(&s), IDENTITY_FLEXIBLE, "2018-01", "2018-06", "on_time");
    owed(&s, IDENTITY_FLEXIBLE, "2018-08", "2018-12", "on_time");
    IN(&s, "2018-07-31", 6, 6, "2018-04-01");
    OUT(&s, "2018-08-10", 6, 6, "2018-07-31", 1, false);
    OUT(&s, "2018-10-31", 2, 2, "2018-07-31", 0, false);
    IN(&s, "2018-11-01", 3, 3, "2018-11-01");
}

TEST(V_04_on_time_is_the_last_day_of_the_month) {
    story_t s;
    owed(history(&s), IDENTITY_EMPLOYEE, "2018-01", "2018-05", "on_time");
    s.known_on = day("2018-05-30");
    OUT(&s, "2018-06-01", 4, 4, "2018-05-31", 1, false);
    s.known_on = day("2018-05-31");
    IN(&s, "2018-06-01", 5, 5, "2018-02-01");
}

TEST(V_04_JM_E_39_a_yearly_fee_on_time_is_paid_on_31_december_before) {
    story_t s;
    resident(history(&s), 2018, "on_time");
    s.known_on = day("2017-12-30");
    OUT(&s, "2018-06-01", 0, 0, "", 0, false);
    s.known_on = day("2017-12-31");
    IN(&s, "2018-06-01", 6, 0, "2018-01-01");
}

TEST(V_05_a_resumption_buys_from_the_next_month) {
    story_t s;
    owed(history(&s), IDENTITY_EMPLOYEE, "2018-01", "2018-03", "on_time");
    owed(&s, IDENTITY_EMPLOYEE, "2018-05", "2018-06", "on_time");
    OUT(&s, "2018-05-31", 3, 3, "2018-04-30", 1, false);
    IN(&s, "2018-06-01", 1, 1, "2018-06-01");
}

TEST(V_05_the_month_of_a_change_to_flexible_is_bought_by_the_month_before) {
    story_t s;
    owed(history(&s), IDENTITY_EMPLOYEE, "2018-01", "2018-06", "on_time");
    owed(&s, IDENTITY_FLEXIBLE, "2018-07", "2018-12", "on_time");
    IN(&s, "2018-07-15", 6, 6, "2018-02-01");
    IN(&s, "2018-08-15", 7, 7, "2018-02-01");
    coverage_day_t d = ask_under(&s, every_entry, "2018-07-15");
    OK(d.covered && d.identity == IDENTITY_EMPLOYEE);
    OK(!ask_under(&s, every_entry, "2018-09-15").covered);
    OK(ask_under(&s, every_entry, "2018-10-01").covered);
}

TEST(V_06_the_resident_month_itself_counts_and_tier_2_does_not) {
    story_t s;
    owed(history(&s), IDENTITY_EMPLOYEE, "2018-01", "2018-11", "on_time");
    resident(&s, 2019, "on_time");
    IN(&s, "2018-12-15", 11, 11, "2018-02-01");
    IN(&s, "2019-01-15", 1, 0, "2018-02-01"); // December was not paid
    owed(&s, IDENTITY_EMPLOYEE, "2018-12", "2018-12", "on_time");
    IN(&s, "2019-01-15", 13, 12, "2018-02-01");
    IN(&s, "2019-02-15", 14, 0, "2018-02-01");
}

TEST(V_06_JM_E_24_no_months_in_the_month_of_application) {
    story_t s;
    owed(history(&s), IDENTITY_UNEMPLOYED, "2018-03", "2018-05", "on_time");
    OUT(&s, "2018-02-28", 0, 0, "", 0, false);
    IN(&s, "2018-03-01", 0, 0, "2018-03-01");
    IN(&s, "2018-04-01", 1, 1, "2018-03-01");
}

TEST(V_07_WE_20_JM_E_36_the_month_of_birth_is_month_one) {
    story_t s;
    resident(history(&s), 2018, "2019-02-28");
    resident(&s, 2019, "2019-02-28"); // JM-E-37: both years
    s.in.born = day("2018-11-20");
    OUT(&s, "2018-11-19", 0, 0, "", 0, false);
    IN(&s, "2018-11-20", 1, 0, "2018-11-20");
    IN(&s, "2019-12-31", 14, 0, "2018-11-20");
    s.years[0].paid_on = s.years[1].paid_on = day("2019-03-01"); // JM-E-38
    OUT(&s, "2018-12-31", 0, 0, "", 0, false);
    OUT(&s, "2019-03-31", 0, 0, "", 0, false);
    IN(&s, "2019-04-01", 1, 0, "2019-04-01");
}

TEST(V_08_WE_22_JM_G_11_12_13_arrears_of_three_months_paid_back) {
    story_t s;
    owed(history(&s), IDENTITY_EMPLOYEE, "2017-09", "2019-04", "on_time");
    owed(&s, IDENTITY_EMPLOYEE, "2019-05", "2019-08", "2019-08-10");
    IN(&s, "2019-07-20", 22, 22, "2017-10-01");
    IN(&s, "2019-09-20", 24, 24, "2017-10-01");
    EQ(ask(&s, "2019-07-20").scale, 700000);
    s.known_on = day("2019-08-09");
    OUT(&s, "2019-08-09", 20, 20, "2019-05-31", 3, false);
}

TEST(V_08_WE_22_JM_G_14_15_16_arrears_of_four_months_interrupt) {
    story_t s;
    owed(history(&s), IDENTITY_EMPLOYEE, "2017-09", "2019-04", "on_time");
    owed(&s, IDENTITY_EMPLOYEE, "2019-05", "2019-09", "2019-09-10");
    IN(&s, "2019-05-31", 20, 20, "2017-10-01");
    OUT(&s, "2019-06-15", 20, 20, "2019-05-31", 0, false); // one was open on that day; all are paid by now
    OUT(&s, "2019-09-20", 20, 20, "2019-05-31", 0, true);
    IN(&s, "2019-10-01", 1, 1, "2019-10-01");
    EQ(ask(&s, "2019-10-01").scale, 500000);
    s.known_on = day("2019-09-05");
    OUT(&s, "2019-08-31", 20, 20, "2019-05-31", 3, false);
    OUT(&s, "2019-09-05", 20, 20, "2019-05-31", 4, true);
}

TEST(V_08_WE_22_JM_G_17_the_wait_after_an_interruption_belongs_to_it) {
    static const identity_t waiting[] = {IDENTITY_FLEXIBLE, IDENTITY_SOLE_TRADER};
    for (size_t i = 0; i < COUNT_OF(waiting); i++) {
        story_t s;
        owed(history(&s), waiting[i], "2017-09", "2019-04", "on_time");
        owed(&s, waiting[i], "2019-05", "2019-09", "2019-09-10");
        owed(&s, waiting[i], "2019-10", "2019-12", "on_time");
        OUT(&s, "2019-09-20", 20, 20, "2019-05-31", 0, true);
        OUT(&s, "2019-11-30", 2, 2, "2019-05-31", 0, true);
        IN(&s, "2019-12-01", 3, 3, "2019-12-01");
    }
}

TEST(V_08_a_first_wait_is_no_interruption) {
    story_t s;
    owed(history(&s), IDENTITY_FLEXIBLE, "2018-01", "2018-06", "on_time");
    OUT(&s, "2018-01-15", 0, 0, "", 0, false);
    OUT(&s, "2018-03-31", 2, 2, "", 0, false);
    IN(&s, "2018-04-01", 3, 3, "2018-04-01");
}

TEST(V_09b_JM_G_20_months_before_the_plan_follow_the_same_rules) {
    story_t s;
    owed(history(&s), IDENTITY_EMPLOYEE, "2014-01", "2017-12", "on_time");
    IN(&s, "2018-01-15", 48, 48, "2014-02-01");
    owed(history(&s), IDENTITY_EMPLOYEE, "2014-01", "2016-12", "on_time");
    owed(&s, IDENTITY_EMPLOYEE, "2017-01", "2017-05", "2017-05-10"); // four months open
    owed(&s, IDENTITY_EMPLOYEE, "2017-06", "2017-12", "on_time");
    IN(&s, "2018-01-15", 8, 8, "2017-06-01");
}

TEST(V_09c_V_09d_residents_are_in_no_arrears) {
    story_t s;
    owed(history(&s), IDENTITY_EMPLOYEE, "2018-01", "2018-12", "on_time");
    resident(&s, 2019, "on_time");
    OUT(&s, "2020-06-15", 24, 12, "2019-12-31", 0, false);
    resident(history(&s), 2018, "on_time");
    owed(&s, IDENTITY_EMPLOYEE, "2019-01", "2019-03", "on_time");
    OUT(&s, "2019-08-15", 15, 3, "2019-04-30", 4, true);
    resident(history(&s), 2018, "on_time");
    OUT(&s, "2019-05-10", 12, 0, "2018-12-31", 0, false);
}

TEST(V_09d_before_the_first_contribution) {
    story_t s;
    owed(history(&s), IDENTITY_EMPLOYEE, "2018-09", "2018-12", "on_time");
    OUT(&s, "2018-03-10", 0, 0, "", 0, false);
    OUT(history(&s), "2018-03-10", 0, 0, "", 0, false);
}

TEST(V_09e_the_unemployed_are_in_no_arrears) {
    story_t s;
    owed(history(&s), IDENTITY_UNEMPLOYED, "2018-01", "2018-03", "on_time");
    OUT(&s, "2018-12-15", 3, 3, "2018-04-30", 0, false);
}

TEST(V_09f_months_bought_too_late_leave_n_as_it_was) {
    story_t s;
    owed(history(&s), IDENTITY_EMPLOYEE, "2018-01", "2018-06", "on_time");
    owed(&s, IDENTITY_EMPLOYEE, "2018-07", "2018-10", "2018-11-05");
    OUT(&s, "2018-12-15", 6, 6, "2018-07-31", 1, true);
}

TEST(V_10_cover_begins_with_the_month_of_application) {
    story_t s;
    owed(history(&s), IDENTITY_UNEMPLOYED, "2019-05", "2019-08", "on_time")->applied_on = day("2019-03-15");
    OUT(&s, "2019-02-28", 0, 0, "", 0, false);
    IN(&s, "2019-03-01", 0, 0, "2019-03-01");
    IN(&s, "2019-05-31", 0, 0, "2019-03-01");
    IN(&s, "2019-06-01", 1, 1, "2019-03-01");
    owed(&s, IDENTITY_EMPLOYEE, "2018-01", "2018-06", "on_time");
    OUT(&s, "2019-02-28", 6, 6, "2018-07-31", 7, true);
    IN(&s, "2019-03-20", 0, 0, "2019-03-01"); // V-11 (b)
}

TEST(V_11a_interrupted_by_what_is_unpaid_on_the_day_whatever_is_paid_later) {
    story_t s;
    owed(history(&s), IDENTITY_EMPLOYEE, "2018-01", "2018-06", "on_time");
    owed(&s, IDENTITY_EMPLOYEE, "2018-07", "2018-12", "2018-12-20");
    OUT(&s, "2018-10-31", 6, 6, "2018-07-31", 0, false); // 07 … 09
    OUT(&s, "2018-11-01", 6, 6, "2018-07-31", 0, true);
    OUT(&s, "2018-12-31", 6, 6, "2018-07-31", 0, true);
    IN(&s, "2019-01-01", 1, 1, "2019-01-01");
    owed(history(&s), IDENTITY_FLEXIBLE, "2018-01", "2018-06", "on_time");
    owed(&s, IDENTITY_FLEXIBLE, "2018-08", "2018-08", "2018-11-01");
    owed(&s, IDENTITY_FLEXIBLE, "2018-09", "2018-10", "2018-11-20"); // counts: two are open by then
    OUT(&s, "2018-11-10", 2, 2, "2018-07-31", 0, true);
}

TEST(V_11b_V_09e_an_unemployed_person_by_status_whatever_is_paid) {
    story_t s;
    owed(history(&s), IDENTITY_EMPLOYEE, "2018-01", "2018-06", "on_time");
    owed(&s, IDENTITY_UNEMPLOYED, "2019-03", "2019-06", "on_time");
    s.known_on = day("2019-03-20"); // nothing paid for the spell yet
    OUT(&s, "2019-02-28", 6, 6, "2018-07-31", 7, true);
    OUT(&s, "2019-03-20", 6, 6, "2018-07-31", 0, false);
    s.months[1].applied_on = day("2019-02-03");
    OUT(&s, "2019-02-28", 6, 6, "2018-07-31", 0, false);
    owed(&s, IDENTITY_FLEXIBLE, "2019-07", "2019-12", "on_time"); // later arrears are the flexible worker's own
    OUT(&s, "2019-09-20", 6, 6, "2018-07-31", 14, true);
}

TEST(V_11c_a_wait_after_unemployment_or_a_resident_year_is_no_interruption) {
    story_t s;
    owed(history(&s), IDENTITY_UNEMPLOYED, "2018-01", "2018-06", "on_time");
    owed(&s, IDENTITY_FLEXIBLE, "2019-03", "2019-12", "on_time");
    OUT(&s, "2019-04-10", 1, 1, "2018-07-31", 0, false);
    resident(history(&s), 2018, "on_time");
    owed(&s, IDENTITY_FLEXIBLE, "2019-01", "2019-12", "on_time");
    OUT(&s, "2019-02-10", 13, 1, "2018-12-31", 0, false);
    IN(&s, "2019-04-10", 15, 3, "2019-04-01");
}

TEST(V_11d_last_contribution_and_last_resident_month_the_same_is_a_resident) {
    story_t s;
    resident(history(&s), 2019, "on_time");
    owed(&s, IDENTITY_EMPLOYEE, "2019-10", "2019-12", "on_time");
    IN(&s, "2020-01-31", 12, 3, "2019-01-01");
    OUT(&s, "2020-06-05", 12, 3, "2020-01-31", 0, false);
}

TEST(JM_G_01_to_08_WE_23_AMB_10_the_share_of_the_limits) {
    static const struct {
        const char *from, *first_day;
        int32_t scale;
    } cases[] = {{"2017-12", "2018-12-31", 500000},
                 {"2017-12", "2019-01-01", 700000},
                 {"2016-12", "2018-12-31", 700000},
                 {"2016-12", "2019-01-01", 1000000}};
    story_t s;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        owed(history(&s), IDENTITY_EMPLOYEE, cases[i].from, "2019-12", "on_time");
        EQ(ask(&s, cases[i].first_day).scale, cases[i].scale);
    }
    history(&s);
    for (int year = 2016; year <= 2018; year++) resident(&s, year, "on_time");
    EQ(ask(&s, "2018-01-01").scale, 1000000); // 25 months
    owed(&s, IDENTITY_EMPLOYEE, "2018-12", "2019-05", "on_time");
    coverage_day_t d = ask(&s, "2019-06-15"); // the limits of tier 1 and catastrophic go by tier 1's months
    EQ(d.months_tier1, 41);
    EQ(d.months_tier2, 6);
    EQ(d.scale, 1000000);
    history(&s);
    for (int year = 2017; year <= 2018; year++) resident(&s, year, "on_time");
    EQ(ask(&s, "2018-01-01").scale, 700000);
    EQ(ask(history(&s), "2018-01-01").scale, 500000); // no months at all
}

TEST(JM_Y_06_Y_14_AMB_15_cover_for_life_on_a_day) {
    story_t s;
    owed(history(&s), IDENTITY_EMPLOYEE, "2018-01", "2018-12", "on_time");
    s.in.lifelong_from = month("2019-01");
    s.in.lifelong_identity = IDENTITY_RETIREE;
    IN(&s, "2018-12-31", 11, 11, "2018-02-01");
    IN(&s, "2019-01-31", 12, 12, "2018-02-01");
    IN(&s, "2049-01-31", 372, 372, "2018-02-01");
    EQ(ask(&s, "2049-01-31").identity, IDENTITY_RETIREE);
}

TEST(E_05_a_city_without_rules_of_cover) {
    policy_t *none = law_with("  yearly: {identities: [resident], rule: JM-E-27}\n");
    NEED(none != NULL);
    story_t s;
    coverage_day_t d;
    err_t err = {0};
    resident(history(&s), 2018, "on_time");
    OK(policy_coverage(none)->yearly == 1u << IDENTITY_RESIDENT);
    EQ(coverage_on(none, &s.in, day("2018-02-01"), DATE_MAX, &d, &err), E_UNSUPPORTED);
    EQ(coverage_spans(none, &s.in, s.spans, SPANS_MAX, &s.count, s.reason, &err), E_UNSUPPORTED);
    policy_destroy(&none);
}

TEST(V_09a_E_06_before_2018_nothing_is_told) {
    story_t s;
    coverage_day_t d;
    err_t err = {0};
    resident(history(&s), 2017, "on_time");
    resident(&s, 2018, "on_time");
    EQ(coverage_on(law, &s.in, day("2017-12-31"), DATE_MAX, &d, &err), E_NOT_IN_FORCE);
    IN(&s, "2018-01-01", 13, 0, "2017-01-01");
}

TEST(the_ends_of_time) {
    story_t s;
    owed(history(&s), IDENTITY_EMPLOYEE, "1900-01", "2199-12", "on_time")->applied_on = day("1900-01-01");
    resident(&s, 1900, "on_time");
    resident(&s, 2199, "2199-12-31");
    IN(&s, "2199-12-31", 3599, 3599, "1900-01-01");
    tell(&s);
    COUNTS(&s, "2199-12", 3599, 3599);
}

TEST(bad_input_is_refused_by_name) {
    story_t s;
    coverage_day_t d;
    err_t err = {0};
    owed(story_begin(&s), IDENTITY_EMPLOYEE, "2018-02", "2018-01", "on_time");
    EQ(coverage_spans(law, &s.in, s.spans, SPANS_MAX, &s.count, s.reason, &err), E_OUT_OF_RANGE);
    EQ_TEXT(err.field, "months");
    s.months[0].first = month("2018-01") - 200 * 12;
    EQ(coverage_spans(law, &s.in, s.spans, SPANS_MAX, &s.count, s.reason, &err), E_OUT_OF_RANGE);
    owed(story_begin(&s), IDENTITY_RESIDENT, "2018-01", "2018-02", "on_time");
    EQ(coverage_spans(law, &s.in, s.spans, SPANS_MAX, &s.count, s.reason, &err), E_INVALID_FIELD);
    owed(story_begin(&s), IDENTITY_RETIREE, "2018-01", "2018-02", "on_time");
    EQ(coverage_on(law, &s.in, day("2018-05-01"), DATE_MAX, &d, &err), E_INVALID_FIELD);
    resident(story_begin(&s), 2018, "on_time");
    s.years[0].identity = IDENTITY_EMPLOYEE;
    EQ(coverage_on(law, &s.in, day("2018-05-01"), DATE_MAX, &d, &err), E_INVALID_FIELD);
    EQ_TEXT(err.field, "years");
    s.years[0] = (coverage_year_t){2200, IDENTITY_RESIDENT, DATE_NONE};
    EQ(coverage_on(law, &s.in, day("2018-05-01"), DATE_MAX, &d, &err), E_OUT_OF_RANGE);
    s.years[0].year = 2018;
    EQ(coverage_on(law, &s.in, DATE_NONE, DATE_MAX, &d, &err), E_OUT_OF_RANGE);
    s.in.lifelong_from = month("2018-01");
    s.in.lifelong_identity = IDENTITY_EMPLOYEE;
    EQ(coverage_on(law, &s.in, day("2018-05-01"), DATE_MAX, &d, &err), E_INVALID_FIELD);
    owed(story_begin(&s), IDENTITY_EMPLOYEE, "2018-01", "2018-02", "on_time");
    s.in.prior_months_tier2 = 1;
    EQ(coverage_spans(law, &s.in, s.spans, SPANS_MAX, &s.count, s.reason, &err), E_OUT_OF_RANGE);
    EQ_TEXT(err.field, "prior_months_tier2");
    s.in.prior_months_tier2 = 0;
    EQ(coverage_spans(law, &s.in, s.spans, 0, &s.count, s.reason, &err), E_TOO_LARGE);
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
      CASE(V_01_JM_E_28_to_34_a_payment_inside_the_year_buys_from_the_next_month),
      CASE(V_01_a_child_born_at_most_300_days_before_the_payment_is_a_newborn),
      CASE(V_02_JM_G_19_a_month_counts_once_by_its_earliest_payment),
      CASE(V_02_of_two_payments_on_one_day_that_of_the_shorter_wait),
      CASE(V_02_JM_G_14_months_in_arrears_that_nobody_pays_count_into_the_run),
      CASE(V_02_the_first_month_of_all_begins_the_run),
      CASE(V_02_nobody_owes_after_a_yearly_fee_or_a_spell_of_unemployment),
      CASE(V_03_months_never_paid_break_the_run_and_the_next_is_an_entry),
      CASE(V_04_on_time_is_the_last_day_of_the_month),
      CASE(V_04_JM_E_39_a_yearly_fee_on_time_is_paid_on_31_december_before),
      CASE(V_05_a_resumption_buys_from_the_next_month),
      CASE(V_05_the_month_of_a_change_to_flexible_is_bought_by_the_month_before),
      CASE(V_06_the_resident_month_itself_counts_and_tier_2_does_not),
      CASE(V_06_JM_E_24_no_months_in_the_month_of_application),
      CASE(V_07_WE_20_JM_E_36_the_month_of_birth_is_month_one),
      CASE(V_08_WE_22_JM_G_11_12_13_arrears_of_three_months_paid_back),
      CASE(V_08_WE_22_JM_G_14_15_16_arrears_of_four_months_interrupt),
      CASE(V_08_WE_22_JM_G_17_the_wait_after_an_interruption_belongs_to_it), CASE(V_08_a_first_wait_is_no_interruption),
      CASE(V_09b_JM_G_20_months_before_the_plan_follow_the_same_rules), CASE(V_09c_V_09d_residents_are_in_no_arrears),
      CASE(V_09d_before_the_first_contribution), CASE(V_09e_the_unemployed_are_in_no_arrears),
      CASE(V_09f_months_bought_too_late_leave_n_as_it_was), CASE(V_10_cover_begins_with_the_month_of_application),
      CASE(V_11a_interrupted_by_what_is_unpaid_on_the_day_whatever_is_paid_later),
      CASE(V_11b_V_09e_an_unemployed_person_by_status_whatever_is_paid),
      CASE(V_11c_a_wait_after_unemployment_or_a_resident_year_is_no_interruption),
      CASE(V_11d_last_contribution_and_last_resident_month_the_same_is_a_resident),
      CASE(JM_G_01_to_08_WE_23_AMB_10_the_share_of_the_limits), CASE(JM_Y_06_Y_14_AMB_15_cover_for_life_on_a_day),
      CASE(E_05_a_city_without_rules_of_cover), CASE(V_09a_E_06_before_2018_nothing_is_told), CASE(the_ends_of_time),
      CASE(bad_input_is_refused_by_name))
