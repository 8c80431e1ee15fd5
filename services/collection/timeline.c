#include "timeline.h"
#include <string.h>

static const timeline_month_t blank = {DATE_NONE, MONTH_NONE, 0, 0, -1, -1, -1, -1, false, false, false, false, false};

static bool has_bit(uint32_t set, int identity) { return identity >= 0 && (set >> identity & 1); }
static month_t earlier(month_t a, month_t b) { return a < b ? a : b; }
static month_t later(month_t a, month_t b) { return a > b ? a : b; }

static month_t end_of(const timeline_t *t) { return t->begin + (month_t)t->count - 1; }

const timeline_month_t *timeline_at(const timeline_t *t, month_t month) {
    return month < t->begin || month > end_of(t) ? &blank : &t->months[month - t->begin];
}

static timeline_month_t *place(timeline_t *t, month_t month) {
    CHECK(month >= t->begin && month <= end_of(t));
    return &t->months[month - t->begin];
}

// ---- what the input lists

static bool known(date_t paid_on, date_t known_on) { return paid_on != DATE_NONE && paid_on <= known_on; }

// The months that a yearly fee covers; false when it is not paid, or came too late to cover any. A payment inside the
// year buys from the next month; a newborn's within the window covers from birth, whichever year it is made in.
static bool year_covers(const timeline_t *t, const coverage_input_t *in, const coverage_year_t *year, date_t known_on,
                        month_t *first, month_t *last) {
    const month_t begin = month_make(year->year, 1);
    const date_t paid_on = year->paid_on == PAID_ON_TIME ? month_first(begin) - 1 : year->paid_on;
    if (!known(paid_on, known_on)) return false;
    const month_t paid_in = month_of(paid_on), birth = month_of(in->born);
    const bool newborn = birth != MONTH_NONE && (int64_t)paid_on - in->born <= t->rules->newborn_days &&
                         paid_in <= birth + t->rules->newborn_months;
    *first = newborn || paid_in < begin ? begin : paid_in + 1;
    if (birth != MONTH_NONE) *first = later(*first, birth);
    *last = begin + 11;
    return *first <= *last;
}

static void reach(timeline_t *t, month_t first, month_t last) {
    t->first = t->first == MONTH_NONE ? first : earlier(t->first, first);
    t->last_told = t->last_told == MONTH_NONE ? last : later(t->last_told, last);
}

static bool applies(const timeline_t *t, const coverage_months_t *months) {
    return months->applied_on != DATE_NONE && has_bit(t->rules->from_application, (int)months->identity);
}

static void measure(timeline_t *t, const coverage_input_t *in, date_t known_on, month_t also) {
    const int lag = t->rules->lag_months;
    month_t first, last;
    t->first = t->last_told = MONTH_NONE;
    for (size_t i = 0; i < in->month_count; i++) reach(t, in->months[i].first, in->months[i].last + lag);
    for (size_t i = 0; i < in->year_count; i++)
        if (year_covers(t, in, &in->years[i], known_on, &first, &last)) reach(t, first, last);
    if (in->lifelong_from != MONTH_NONE) reach(t, in->lifelong_from, in->lifelong_from);
    first = t->first == MONTH_NONE ? also : t->first;
    last = t->first == MONTH_NONE ? also : later(t->last_told, also); // MONTH_NONE is before every month
    for (size_t i = 0; i < in->month_count; i++)
        if (applies(t, &in->months[i])) first = earlier(first, month_of(in->months[i].applied_on));
    if (also != MONTH_NONE) first = earlier(first, also);
    if (in->lifelong_from != MONTH_NONE) t->last_told = in->lifelong_from; // and nothing else after it
    t->begin = first == MONTH_NONE ? 0 : first - lag - 1;
    t->count = first == MONTH_NONE ? 0 : (size_t)(last - t->begin + 1);
    CHECK(t->count <= TIMELINE_MONTHS_MAX);
    for (size_t i = 0; i < t->count; i++) t->months[i] = blank;
}

// One more listing of a month: the earliest payment counts; of two on one day the identity that waits less.
static void list_month(timeline_t *t, month_t month, identity_t identity, date_t paid_on) {
    timeline_month_t *m = place(t, month);
    const int *wait = t->rules->wait_months;
    bool better = m->payer < 0;
    if (!better && paid_on != DATE_NONE)
        better = m->paid_on == DATE_NONE || paid_on < m->paid_on ||
                 (paid_on == m->paid_on && wait[identity] < wait[m->payer]);
    if (!better) return;
    m->payer = (int8_t)identity;
    m->paid_on = paid_on;
}

static void list(timeline_t *t, const coverage_input_t *in, date_t known_on) {
    month_t first, last;
    for (size_t i = 0; i < in->month_count; i++) {
        const coverage_months_t *months = &in->months[i];
        for (month_t month = months->first; month <= months->last; month++) {
            date_t paid_on = months->paid_on == PAID_ON_TIME ? month_last(month) : months->paid_on;
            list_month(t, month, months->identity, known(paid_on, known_on) ? paid_on : DATE_NONE);
        }
        if (applies(t, months) && month_of(months->applied_on) <= end_of(t))
            place(t, month_of(months->applied_on))->asked = true;
    }
    for (size_t i = 0; i < in->year_count; i++) {
        if (!year_covers(t, in, &in->years[i], known_on, &first, &last)) continue;
        for (month_t month = first; month <= last; month++) place(t, month)->yearly = (int8_t)in->years[i].identity;
    }
}

// ---- which contributions count

// Months that are not listed are owed after a monthly contribution, not after a yearly fee or a spell whose cover began
// with an application: such a person owed nothing when it ended.
static void tell_owing(timeline_t *t) {
    bool owing = false;
    for (size_t i = 0; i < t->count; i++) {
        timeline_month_t *m = &t->months[i];
        if (m->payer >= 0)
            owing = t->gaps_owed && !has_bit(t->rules->from_application, m->payer);
        else if (m->yearly >= 0)
            owing = false;
        m->owing = owing;
    }
}

bool timeline_owed(const timeline_t *t, month_t month) {
    if (t->count == 0 || month < t->begin) return false;
    const timeline_month_t *m = &t->months[earlier(month, end_of(t)) - t->begin]; // after the end: as at the end
    return (month <= end_of(t) && m->payer >= 0) || m->owing;
}

bool timeline_unpaid(const timeline_t *t, month_t month, date_t day) {
    const date_t paid_on = timeline_at(t, month)->paid_on;
    return timeline_owed(t, month) && (paid_on == DATE_NONE || paid_on >= day);
}

// A month paid late counts when the run of owed and unpaid months that it stands in at the payment, whether this
// payment pays them or not, is within the grace. The month of payment is not counted.
static bool counts(const timeline_t *t, month_t month) {
    const int grace = t->rules->grace_months;
    const date_t day = timeline_at(t, month)->paid_on;
    if (day == DATE_NONE) return false;
    const month_t paid_in = month_of(day);
    int run = 1;
    if (month >= paid_in) return true;
    for (month_t m = month - 1; run <= grace && timeline_unpaid(t, m, day); m--) run++;
    for (month_t m = month + 1; run <= grace && m < paid_in && timeline_unpaid(t, m, day); m++) run++;
    return run <= grace;
}

// ---- runs of months

static bool happens(const timeline_month_t *m) { return m->payer >= 0 || m->yearly >= 0 || m->life; }

// The first month of a stay, MONTH_NONE when nothing is listed before `end`.
static month_t first_listed(const timeline_t *t, month_t from, month_t end) {
    for (month_t month = later(from, t->begin); month <= end_of(t) && month < end; month++)
        if (happens(timeline_at(t, month))) return month;
    return MONTH_NONE;
}

// Months brought along, right before the first month of a stay, back to one that this pool knows better. Their last one
// buys the first month here.
static void bring_months(timeline_t *t, month_t first, int months_tier1, int months_tier2) {
    const int payer = timeline_at(t, first)->payer;
    for (int back = 1; first - back >= t->begin; back++) {
        timeline_month_t *m = place(t, first - back);
        if (happens(m)) break;
        m->brought = back <= months_tier1;
        if (back <= months_tier1) m->run1 = months_tier1 - back + 1;
        if (back > months_tier2) continue;
        m->run2 = months_tier2 - back + 1;
        m->bought = payer >= 0;
        m->payer = (int8_t)payer;
        m->paid_on = month_last(first - back);
        m->cover_from = first == t->first ? first - back : first; // nothing is told before the first stay
    }
}

// The first stay by the months of former schemes, later ones by what each brings along.
static void bring_in(timeline_t *t, const coverage_input_t *in) {
    if (t->first == MONTH_NONE) return;
    const month_t second = in->brought_count ? in->brought[0].from : INT32_MAX;
    if (t->first < second) bring_months(t, t->first, in->prior_months_tier1, in->prior_months_tier2);
    for (size_t i = 0; i < in->brought_count; i++) {
        const coverage_brought_t *b = &in->brought[i];
        const month_t end = i + 1 < in->brought_count ? in->brought[i + 1].from : INT32_MAX;
        const month_t first = first_listed(t, b->from, end);
        if (first != MONTH_NONE) bring_months(t, first, b->months_tier1, b->months_tier2);
    }
}

// Where this pool's own months stand right before a later stay, the longer run goes on.
static void carry(const timeline_t *t, const coverage_input_t *in, month_t month, int32_t *run1, int32_t *run2) {
    for (size_t i = 0; i < in->brought_count; i++) {
        const coverage_brought_t *b = &in->brought[i];
        const month_t end = i + 1 < in->brought_count ? in->brought[i + 1].from : INT32_MAX;
        if (month < b->from || month >= end || first_listed(t, b->from, end) != month) continue;
        *run1 = b->months_tier1 > *run1 ? b->months_tier1 : *run1;
        *run2 = b->months_tier2 > *run2 ? b->months_tier2 : *run2;
    }
}

// From when contributions give cover: the wait of the identity at entry; a later identity with a shorter one ends it. A
// city may take every change of identity for an entry.
static month_t cover_from(const timeline_t *t, month_t month) {
    const timeline_month_t *m = timeline_at(t, month), *before = timeline_at(t, month - 1);
    const int wait = t->rules->wait_months[m->payer];
    const month_t own = month + (wait > t->rules->lag_months ? wait : t->rules->lag_months);
    const bool goes_on = before->bought && (!t->rules->wait_every_entry || before->payer == m->payer);
    return goes_on ? earlier(before->cover_from, own) : own;
}

static void run_on(timeline_t *t, const coverage_input_t *in) {
    const bool life2 = has_bit(t->rules->tier2, (int)in->lifelong_identity);
    if (t->first == MONTH_NONE) return;
    for (month_t month = t->first; month <= end_of(t); month++) {
        timeline_month_t *m = place(t, month);
        const timeline_month_t *before = timeline_at(t, month - 1);
        const bool tier2 = (m->bought && has_bit(t->rules->tier2, m->payer)) || (m->life && life2);
        if (m->brought) continue;
        if (m->bought) m->cover_from = cover_from(t, month);
        int32_t run1 = before->run1, run2 = before->run2;
        carry(t, in, month, &run1, &run2);
        m->run1 = m->bought || m->yearly >= 0 || m->life ? run1 + 1 : 0;
        m->run2 = tier2 ? run2 + 1 : 0;
    }
}

// ---- cover

// A spell of such an identity is covered from the month of application up to its first contribution month.
static void apply(timeline_t *t, const coverage_input_t *in) {
    for (size_t i = 0; i < in->month_count; i++) {
        const coverage_months_t *months = &in->months[i];
        const timeline_month_t *m = timeline_at(t, months->first), *before = timeline_at(t, months->first - 1);
        const int identity = (int)months->identity;
        if (!has_bit(t->rules->from_application, identity) || !m->bought || m->payer != identity) continue;
        month_t from = months->first + (before->payer == identity);
        if (applies(t, months)) from = month_of(months->applied_on);
        for (month_t month = from; month <= months->first; month++) place(t, month)->applied = (int8_t)identity;
    }
}

static void cover(timeline_t *t, const coverage_input_t *in) {
    for (size_t i = 0; i < t->count; i++) {
        timeline_month_t *m = &t->months[i];
        const month_t month = t->begin + (month_t)i;
        const timeline_month_t *buyer = timeline_at(t, month - t->rules->lag_months);
        if (m->life)
            m->cover = (int8_t)in->lifelong_identity;
        else if (month >= t->first && buyer->bought && month >= buyer->cover_from)
            m->cover = buyer->payer;
        else if (m->applied >= 0)
            m->cover = m->applied;
        else
            m->cover = m->yearly;
    }
}

static void begin_life(timeline_t *t, const coverage_input_t *in) {
    if (in->lifelong_from == MONTH_NONE) return;
    for (month_t month = in->lifelong_from; month <= end_of(t); month++) {
        *place(t, month) = blank;
        place(t, month)->life = true;
    }
}

void timeline_make(timeline_t *t, const policy_coverage_t *rules, const coverage_input_t *in, date_t known_on,
                   month_t also) {
    t->rules = rules;
    t->gaps_owed = in->gaps_owed;
    measure(t, in, known_on, also);
    list(t, in, known_on);
    tell_owing(t);
    for (size_t i = 0; i < t->count; i++) t->months[i].bought = counts(t, t->begin + (month_t)i);
    begin_life(t, in);
    bring_in(t, in);
    run_on(t, in);
    apply(t, in);
    cover(t, in);
}

// ---- questions

void timeline_counts(const timeline_t *t, month_t month, int32_t *months_tier1, int32_t *months_tier2) {
    const timeline_month_t *m = timeline_at(t, month), *buyer = timeline_at(t, month - t->rules->lag_months);
    *months_tier1 = m->yearly >= 0 ? m->run1 : buyer->run1;
    *months_tier2 = has_bit(t->rules->tier2, m->cover) ? buyer->run2 : 0;
}

month_t timeline_last_bought(const timeline_t *t, month_t month) {
    for (month = earlier(month, end_of(t)); month >= t->begin; month--)
        if (timeline_at(t, month)->bought) return month;
    return MONTH_NONE;
}

month_t timeline_last_yearly(const timeline_t *t, month_t month) {
    for (month = earlier(month, end_of(t)); month >= t->begin; month--)
        if (timeline_at(t, month)->yearly >= 0) return month;
    return MONTH_NONE;
}

month_t timeline_last_covered(const timeline_t *t, month_t month) {
    for (month = earlier(month, end_of(t)); month >= t->begin; month--)
        if (timeline_at(t, month)->cover >= 0) return month;
    return MONTH_NONE;
}

bool timeline_applicant(const timeline_t *t, month_t month) {
    for (month = earlier(month, end_of(t)); month >= t->begin; month--) {
        const timeline_month_t *m = timeline_at(t, month);
        if (m->asked) return true;
        if (m->payer >= 0) return has_bit(t->rules->from_application, m->payer);
    }
    return false;
}
