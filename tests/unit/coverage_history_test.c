// The coverage core against a second, slow one: random histories, and every month of them worked out from the settled
// points (V-01 … V-11) and the printed rules, with the first city's numbers written here once more.
#include "services/collection/coverage.h"
#include "tests/check.h"
#include <time.h>

#ifdef __SANITIZE_ADDRESS__
enum { HISTORIES = 10000 };
#else
enum { HISTORIES = 100000 };
#endif
enum { ENTRIES_MAX = 16, YEARS_MAX = 8, SPANS_MAX = 192, DAYS_ASKED = 2 };

#define FROM (2010 * 12) // months looked at
#define TO (2026 * 12)
enum { MONTHS = 16 * 12 };

typedef struct story {
    coverage_months_t months[ENTRIES_MAX];
    coverage_year_t years[YEARS_MAX];
    coverage_input_t in;
} story_t;

static policy_t *law;         // the first city
static policy_t *every_entry; // with the wait on every entry

static void load_law(void) {
    const char *file = TC_SOURCE_DIR "/config/cities/jiangmen.yaml";
    static const char *const overlays[] = {TC_SOURCE_DIR "/config/samples/test-wait-every-entry.yaml", NULL};
    err_t err = {0};
    if (policy_load(&law, file, NULL, &err) || policy_load(&every_entry, file, overlays, &err))
        fprintf(stderr, "%s\n", err.text);
    NEED(law != NULL && every_entry != NULL);
}

// ---- the slow version: what holds in each month, as a person would fill it in
// -----------------------------------------------------

typedef struct slow_month {
    int payer;   // −1: no contribution is listed
    date_t paid; // DATE_NONE: not, as known
    bool resident, bought, life, applied, prior, prior2;
    int cover; // −1
} slow_month_t;

typedef struct slow {
    const coverage_input_t *in;
    bool every_entry;
    date_t known;
    month_t first; // of anything listed
    slow_month_t m[MONTHS];
} slow_t;

static slow_month_t *of(slow_t *w, month_t month) {
    static slow_month_t never;
    never = (slow_month_t){.payer = -1, .paid = DATE_NONE, .cover = -1};
    return month < FROM || month >= TO ? &never : &w->m[month - FROM];
}

static bool waits(int identity) { return identity == IDENTITY_FLEXIBLE || identity == IDENTITY_SOLE_TRADER; }

// V-02: by its earliest payment; of two on one day the one of who waits less.
static void fill_contribution(slow_t *w, month_t month) {
    slow_month_t *m = of(w, month);
    for (size_t i = 0; i < w->in->month_count; i++) {
        const coverage_months_t *e = &w->in->months[i];
        if (month < e->first || month > e->last) continue;
        date_t paid = e->paid_on == PAID_ON_TIME ? month_first(month + 1) - 1 : e->paid_on; // V-04
        if (paid != DATE_NONE && paid > w->known) paid = DATE_NONE;
        bool takes = m->payer < 0;
        if (m->paid == DATE_NONE && paid != DATE_NONE) takes = true;
        if (m->paid != DATE_NONE && paid != DATE_NONE && paid < m->paid) takes = true;
        if (m->paid != DATE_NONE && paid == m->paid && waits(m->payer) && !waits((int)e->identity)) takes = true;
        if (takes) *m = (slow_month_t){.payer = (int)e->identity, .paid = paid, .cover = -1};
    }
}

// JM-E-27, -28, -35, -36, -38, V-01: does a fee cover the month?
static bool is_resident(const slow_t *w, month_t month) {
    const date_t born = w->in->born;
    for (size_t i = 0; i < w->in->year_count; i++) {
        const coverage_year_t *y = &w->in->years[i];
        const date_t new_year = date_make(y->year, 1, 1);
        const date_t paid = y->paid_on == PAID_ON_TIME ? new_year - 1 : y->paid_on;
        if (y->year != month_year(month) || paid == DATE_NONE || paid > w->known) continue;
        if (born != DATE_NONE && month_last(month) < born) continue;
        if (paid < new_year || month_first(month) > paid) return true;
        if (born == DATE_NONE || paid - born > 300) continue;
        if (paid < month_first(month_of(born) + 4)) return true; // to the end of the third month after
    }
    return false;
}

// Owed, and not paid before the day. V-03, V-09: a month that is not listed is owed by who paid by the month before and
// was neither a resident since nor unemployed.
static bool is_open(slow_t *w, month_t month, date_t on) {
    if (month < FROM) return false;
    if (of(w, month)->payer >= 0) return of(w, month)->paid == DATE_NONE || of(w, month)->paid >= on;
    if (!w->in->gaps_owed) return false;
    for (month_t k = month; k >= FROM; k--) {
        if (of(w, k)->payer >= 0) return of(w, k)->payer != IDENTITY_UNEMPLOYED;
        if (of(w, k)->resident) return false;
    }
    return false;
}

// V-02, JM-G-11, -14, AMB-27.
static bool is_bought(slow_t *w, month_t month) {
    const date_t paid = of(w, month)->paid;
    month_t first = month, last = month;
    if (paid == DATE_NONE) return false;
    if (paid <= month_last(month)) return true;
    while (is_open(w, first - 1, paid)) first--;
    while (last + 1 < month_of(paid) && is_open(w, last + 1, paid)) last++;
    return last - first + 1 <= 3;
}

// V-05, V-10.
static bool is_applied(slow_t *w, month_t month) {
    for (size_t i = 0; i < w->in->month_count; i++) {
        const coverage_months_t *e = &w->in->months[i];
        if (e->identity != IDENTITY_UNEMPLOYED || !of(w, e->first)->bought) continue;
        if (of(w, e->first)->payer != IDENTITY_UNEMPLOYED) continue;
        if (e->applied_on != DATE_NONE) {
            if (month_of(e->applied_on) <= month && month <= e->first) return true;
        } else if (month == e->first && of(w, month - 1)->payer != IDENTITY_UNEMPLOYED) {
            return true;
        }
    }
    return false;
}

// JM-E-25, AMB-29, V-03: contributions of the run that `month` stands in give cover from here.
static month_t gives_from(slow_t *w, month_t month) {
    month_t entry = month, from = INT32_MAX;
    while (of(w, entry - 1)->bought && (!w->every_entry || of(w, entry - 1)->payer == of(w, month)->payer)) entry--;
    for (month_t k = entry; k <= month; k++) {
        const month_t own = of(w, k)->prior2 ? k : k + (waits(of(w, k)->payer) ? 3 : 1);
        if (own < from) from = own;
    }
    return from;
}

static int covered_as(slow_t *w, month_t month) {
    if (of(w, month)->life) return (int)w->in->lifelong_identity;
    if (month >= w->first && of(w, month - 1)->bought && gives_from(w, month - 1) <= month)
        return of(w, month - 1)->payer;
    if (of(w, month)->applied) return IDENTITY_UNEMPLOYED;
    return of(w, month)->resident ? IDENTITY_RESIDENT : -1;
}

static void fill_prior(slow_t *w) {
    const int payer = of(w, w->first)->payer;
    for (int back = 1; back <= w->in->prior_months_tier1 && w->first - back >= FROM; back++) {
        slow_month_t *m = of(w, w->first - back);
        m->prior = true;
        m->prior2 = back <= w->in->prior_months_tier2;
        m->bought = m->prior2 && payer >= 0;
        if (!m->bought) continue;
        m->payer = payer;
        m->paid = month_last(w->first - back);
    }
}

static void fill(slow_t *w) {
    bool bought[MONTHS];
    w->first = w->in->lifelong_from == MONTH_NONE ? INT32_MAX : w->in->lifelong_from;
    for (month_t k = FROM; k < TO; k++) {
        *of(w, k) = (slow_month_t){.payer = -1, .paid = DATE_NONE, .cover = -1};
        fill_contribution(w, k);
        of(w, k)->resident = is_resident(w, k);
        if (k < w->first && (of(w, k)->payer >= 0 || of(w, k)->resident)) w->first = k;
    }
    for (month_t k = FROM; k < TO; k++) bought[k - FROM] = is_bought(w, k);
    for (month_t k = FROM; k < TO; k++) of(w, k)->bought = bought[k - FROM];
    for (month_t k = FROM; k < TO && w->in->lifelong_from != MONTH_NONE; k++)
        if (k >= w->in->lifelong_from)
            *of(w, k) = (slow_month_t){.payer = -1, .paid = DATE_NONE, .life = true, .cover = -1};
    if (w->first < TO) fill_prior(w);
    for (month_t k = FROM; k < TO; k++) of(w, k)->applied = is_applied(w, k);
    for (month_t k = FROM; k < TO; k++) of(w, k)->cover = covered_as(w, k);
}

// V-06: continuous months up to and including one, in tier 1 in any way and in tier 2.
static int32_t run1(slow_t *w, month_t k) {
    int32_t n = 0;
    for (; of(w, k)->bought || of(w, k)->resident || of(w, k)->life || of(w, k)->prior; k--) n++;
    return n;
}
static int32_t run2(slow_t *w, month_t k) {
    int32_t n = 0;
    for (; of(w, k)->bought || of(w, k)->life || of(w, k)->prior2; k--) n++;
    return n;
}

// ---- a day of the slow version

static month_t last_where(slow_t *w, month_t from, bool (*holds)(const slow_month_t *)) {
    for (month_t k = from; k >= FROM; k--)
        if (holds(of(w, k))) return k;
    return MONTH_NONE;
}
static bool was_bought(const slow_month_t *m) { return m->bought; }
static bool was_resident(const slow_month_t *m) { return m->resident; }
static bool was_covered(const slow_month_t *m) { return m->cover >= 0; }

// V-09 (e), V-11 (b): by the last that is listed or applied for, whatever was paid.
static bool is_unemployed(slow_t *w, month_t month) {
    month_t last = MONTH_NONE;
    bool unemployed = false;
    for (month_t k = FROM; k <= month; k++)
        if (of(w, k)->payer >= 0) {
            last = k;
            unemployed = of(w, k)->payer == IDENTITY_UNEMPLOYED;
        }
    for (size_t i = 0; i < w->in->month_count; i++) {
        const coverage_months_t *e = &w->in->months[i];
        if (e->applied_on == DATE_NONE || e->identity != IDENTITY_UNEMPLOYED) continue;
        if (month_of(e->applied_on) >= last && month_of(e->applied_on) <= month) unemployed = true;
    }
    return unemployed;
}

// V-08, V-09 (c)(d), V-11 (d).
static int32_t slow_arrears(slow_t *w, month_t month, month_t bought, month_t resident) {
    int32_t n = 0;
    if (bought == MONTH_NONE || resident >= bought || is_unemployed(w, month)) return 0;
    while (is_open(w, month - 1 - n, DATE_MAX)) n++;
    return n;
}

// V-09 (e), V-11 (a)(c): `w` knows what was paid by the day. Nobody is interrupted who had no cover by the month
// before.
static bool slow_interrupted(slow_t *w, month_t month) {
    month_t gap_last = month - 1;
    while (of(w, gap_last)->bought) gap_last--; // a wait: the gap is before it
    const month_t bought = last_where(w, gap_last, was_bought);
    if (bought == MONTH_NONE || is_unemployed(w, month)) return false;
    for (month_t k = gap_last; k >= bought; k--) {
        const slow_month_t *m = of(w, k);
        if (m->resident || (k > bought && m->payer < 0 && !is_open(w, k, DATE_MAX))) return false;
    }
    return gap_last - bought > 3;
}

static coverage_day_t slow_day(const coverage_input_t *in, bool every, date_t as_of, date_t known_on) {
    static slow_t full, then;
    const month_t month = month_of(as_of);
    coverage_day_t d = {.from = DATE_NONE, .until = DATE_NONE};
    full = (slow_t){.in = in, .every_entry = every, .known = known_on};
    fill(&full);
    const int cover = of(&full, month)->cover;
    d.covered = cover >= 0 && (in->born == DATE_NONE || in->born <= as_of);
    if (d.covered) {
        month_t first = month;
        while (of(&full, first - 1)->cover >= 0) first--;
        d.identity = (identity_t)cover;
        d.from = in->born != DATE_NONE && month_of(in->born) == first ? in->born : month_first(first);
        d.months_tier1 = run1(&full, of(&full, month)->resident ? month : month - 1);
        d.months_tier2 = cover == IDENTITY_RESIDENT ? 0 : run2(&full, month - 1);
    } else {
        then = (slow_t){.in = in, .every_entry = every, .known = known_on < as_of ? known_on : as_of};
        fill(&then);
        const month_t bought = last_where(&full, month - 1, was_bought);
        const month_t resident = last_where(&full, month - 1, was_resident);
        const month_t covered = last_where(&full, month - 1, was_covered);
        d.months_tier1 = run1(&full, bought > resident ? bought : resident);
        d.months_tier2 = run2(&full, bought);
        if (covered != MONTH_NONE) d.until = month_last(covered);
        d.arrears = slow_arrears(&full, month, bought, resident);
        d.interrupted = slow_interrupted(&then, month);
    }
    d.scale = d.months_tier1 <= 12 ? 500000 : d.months_tier1 <= 24 ? 700000 : 1000000;
    return d;
}

// ---- random histories

static date_t random_payment(month_t first, month_t last, date_t *lump) {
    switch (rand() % 8) {
    case 0: return *lump = month_first(first) + rand() % 200;
    case 1: return month_first(last) + rand() % 150;
    case 2:
    case 3: return *lump != DATE_NONE && *lump > month_first(first) ? *lump : PAID_ON_TIME;
    default: return PAID_ON_TIME;
    }
}

static void random_months(story_t *s) {
    static const identity_t monthly[] = {IDENTITY_EMPLOYEE, IDENTITY_EMPLOYEE, IDENTITY_UNEMPLOYED, IDENTITY_FLEXIBLE,
                                         IDENTITY_SOLE_TRADER};
    month_t m = month_make(2015, 1) + rand() % 40;
    date_t lump = DATE_NONE; // several spans are often paid on one day
    identity_t identity = monthly[rand() % 5];
    // The slow version looks no further than TO.
    for (int n = rand() % 10; n > 0 && m < TO - 32; n--) {
        coverage_months_t *e = &s->months[s->in.month_count++];
        if (rand() % 3 == 0) identity = monthly[rand() % 5];
        if (rand() % 3 == 0) m += rand() % 8 - (rand() % 3 == 0 ? 4 : 0); // a gap, or months listed twice
        e->first = m;
        e->last = m + (rand() % 3 ? rand() % 5 : rand() % 16);
        e->identity = identity;
        e->paid_on = !s->in.gaps_owed && rand() % 8 == 0 ? DATE_NONE : random_payment(e->first, e->last, &lump);
        e->applied_on = identity == IDENTITY_UNEMPLOYED && s->in.gaps_owed && rand() % 3 == 0
                            ? month_first(m - rand() % 4 + rand() % 2) + rand() % 28
                            : DATE_NONE;
        m = e->last + 1;
    }
}

static void random_story(story_t *s) {
    *s = (story_t){.in = {.lifelong_from = MONTH_NONE, .born = DATE_NONE, .gaps_owed = rand() % 4 != 0}};
    s->in.months = s->months;
    s->in.years = s->years;
    random_months(s);
    if (rand() % 4 == 0) s->in.born = date_make(2017 + rand() % 3, 1 + rand() % 12, 1 + rand() % 28);
    for (int year = 2016 + rand() % 3; year < 2021 && rand() % 4; year++)
        if (rand() % 2)
            s->years[s->in.year_count++] = (coverage_year_t){year, IDENTITY_RESIDENT,
                                                             rand() % 3   ? PAID_ON_TIME
                                                             : rand() % 8 ? date_make(year, 1, 1) - 60 + rand() % 480
                                                                          : DATE_NONE};
    s->in.lifelong_identity = IDENTITY_RETIREE;
    if (s->in.born == DATE_NONE && rand() % 6 == 0) s->in.lifelong_from = month_make(2017, 1) + rand() % 48;
    if (s->in.gaps_owed || rand() % 2) return;
    s->in.prior_months_tier1 = rand() % 40;
    if (rand() % 2) s->in.prior_months_tier2 = rand() % (s->in.prior_months_tier1 + 1);
}

static void print_story(const story_t *s) {
    char a[DATE_TEXT_MAX], b[DATE_TEXT_MAX], c[DATE_TEXT_MAX], d[DATE_TEXT_MAX];
    for (size_t i = 0; i < s->in.month_count; i++) {
        const coverage_months_t *e = &s->months[i];
        fprintf(stderr, "  %s %s … %s paid %s applied %s\n", identity_name((int)e->identity), month_format(e->first, a),
                month_format(e->last, b), e->paid_on == PAID_ON_TIME ? "on time" : date_format(e->paid_on, c),
                date_format(e->applied_on, d));
    }
    for (size_t i = 0; i < s->in.year_count; i++)
        fprintf(stderr, "  %d paid %s\n", s->years[i].year,
                s->years[i].paid_on == PAID_ON_TIME ? "on time" : date_format(s->years[i].paid_on, a));
    fprintf(stderr, "  gaps owed %d, prior %d %d, lifelong %s, born %s\n", s->in.gaps_owed, s->in.prior_months_tier1,
            s->in.prior_months_tier2, month_format(s->in.lifelong_from, a), date_format(s->in.born, b));
}

static void print_day(const char *who, const coverage_day_t *d) {
    char a[DATE_TEXT_MAX], b[DATE_TEXT_MAX];
    fprintf(stderr, "  %s: covered %d as %d, n %d %d, scale %d, arrears %d, interrupted %d, from %s until %s\n", who,
            d->covered, (int)d->identity, d->months_tier1, d->months_tier2, (int)d->scale, d->arrears, d->interrupted,
            date_format(d->from, a), date_format(d->until, b));
}

static bool same_day(const coverage_day_t *a, const coverage_day_t *b) {
    return a->covered == b->covered && a->identity == b->identity && a->months_tier1 == b->months_tier1 &&
           a->months_tier2 == b->months_tier2 && a->scale == b->scale && a->arrears == b->arrears &&
           a->interrupted == b->interrupted && a->from == b->from && a->until == b->until;
}

static bool day_agrees(const story_t *s, const policy_t *policy) {
    const date_t as_of = date_make(2018, 1, 1) + rand() % 1400;
    const date_t known_on = rand() % 3 ? DATE_MAX : as_of - 200 + rand() % 400;
    coverage_day_t fast, slow = slow_day(&s->in, policy == every_entry, as_of, known_on);
    err_t err = {0};
    char a[DATE_TEXT_MAX], b[DATE_TEXT_MAX];
    if (coverage_on(policy, &s->in, as_of, known_on, &fast, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return false;
    }
    if (same_day(&fast, &slow)) return true;
    fprintf(stderr, "%s known on %s%s\n", date_format(as_of, a), date_format(known_on, b),
            policy == every_entry ? ", every entry waits" : "");
    print_day("core", &fast);
    print_day("slow", &slow);
    return false;
}

// The spans tell the same of every month.
static bool spans_agree(const story_t *s, const policy_t *policy) {
    static slow_t w;
    coverage_span_t spans[SPANS_MAX];
    char reason[COVERAGE_REASON_MAX], text[DATE_TEXT_MAX];
    size_t count = 0;
    err_t err = {0};
    if (coverage_spans(policy, &s->in, spans, SPANS_MAX, &count, reason, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return false;
    }
    for (size_t k = 1; k < count; k++)
        if (spans[k].first <= spans[k - 1].last) return false;
    w = (slow_t){.in = &s->in, .every_entry = policy == every_entry, .known = DATE_MAX};
    fill(&w);
    for (month_t m = FROM + 12; m < TO; m++) {
        int32_t n1 = 0, n2 = 0, slow1 = 0, slow2 = 0;
        const coverage_span_t *span = coverage_at(spans, count, m, &n1, &n2);
        const int cover = of(&w, m)->cover;
        if (cover >= 0) slow1 = run1(&w, of(&w, m)->resident ? m : m - 1);
        if (cover >= 0 && cover != IDENTITY_RESIDENT) slow2 = run2(&w, m - 1);
        if ((span ? (int)span->identity : -1) == cover && n1 == slow1 && n2 == slow2) continue;
        fprintf(stderr, "spans: %s: as %d n %d %d, slow %d n %d %d\n", month_format(m, text),
                span ? (int)span->identity : -1, n1, n2, cover, slow1, slow2);
        return false;
    }
    return true;
}

TEST(V_01_to_V_11_any_history_gives_what_the_points_give) {
    unsigned seed = getenv("SEED") ? (unsigned)strtoul(getenv("SEED"), NULL, 10) : (unsigned)time(NULL);
    int covered = 0, interrupted = 0, in_arrears = 0;
    fprintf(stderr, "SEED=%u\n", seed);
    srand(seed);
    load_law();
    for (int i = 0; i < HISTORIES; i++) {
        story_t s;
        random_story(&s);
        const policy_t *policy = i % 4 ? law : every_entry;
        bool same = i % 4 || spans_agree(&s, policy);
        for (int k = 0; k < DAYS_ASKED && same; k++) same = day_agrees(&s, policy);
        if (!same) print_story(&s);
        NEED(same);
        const coverage_day_t d = slow_day(&s.in, false, date_make(2019, 6, 15), DATE_MAX);
        covered += d.covered;
        interrupted += d.interrupted;
        in_arrears += d.arrears > 0;
    }
    // The histories are no monotony.
    OK(covered > HISTORIES / 10 && interrupted > HISTORIES / 50 && in_arrears > HISTORIES / 20);
    policy_destroy(&law);
    policy_destroy(&every_entry);
}

TESTS("coverage history", CASE(V_01_to_V_11_any_history_gives_what_the_points_give))
