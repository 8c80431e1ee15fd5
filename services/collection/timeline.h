// A person's months, one after the other, as the contributions make them: which are paid, which count, how many are
// continuous, which are covered. Everything that the coverage core tells is read off here.
#pragma once
#include "coverage.h"

enum { TIMELINE_LAG_MAX = 12, TIMELINE_MONTHS_MAX = 300 * 12 + 4 * TIMELINE_LAG_MAX };

typedef struct timeline_month {
    date_t paid_on;           // the earliest payment of its monthly contribution that is known; DATE_NONE
    month_t cover_from;       // when it was bought: its run of contributions gives cover from here
    int32_t run1, run2;       // continuous months up to and including it: in tier 1 in any way, in tier 2
    int8_t payer;             // identity of the monthly contribution; −1: none is listed
    int8_t yearly;            // identity under which a yearly fee covers it; −1
    int8_t applied;           // identity under which an application covers it; −1
    int8_t cover;             // identity under which it is covered; −1
    bool bought, life, owing; // paid and counting; covered for life; a contribution not listed is owed
    bool asked;               // the month of an application that is dated
    bool brought;             // no month of this pool: brought along from another
} timeline_month_t;

typedef struct timeline {
    const policy_coverage_t *rules;
    bool gaps_owed;
    month_t begin;     // of months[0]
    month_t first;     // first that is listed, paid for or covered for life; MONTH_NONE when there is none
    month_t last_told; // last that contributions can cover
    size_t count;
    timeline_month_t months[TIMELINE_MONTHS_MAX];
} timeline_t;

// Payments after `known_on` do not count. `also`: a month that must be on the timeline, or MONTH_NONE. The input has
// been checked: months and years within 1900 … 2199, the identities' ways of paying.
void timeline_make(timeline_t *t, const policy_coverage_t *rules, const coverage_input_t *in, date_t known_on,
                   month_t also);
// A month; outside the timeline one in which nothing happens.
const timeline_month_t *timeline_at(const timeline_t *t, month_t month);
// Is a contribution owed for it, paid or not? And: owed, and not paid before `day`?
bool timeline_owed(const timeline_t *t, month_t month);
bool timeline_unpaid(const timeline_t *t, month_t month, date_t day);
// Continuous months that hold in a month: for a monthly payer up to the month that buys it, once a yearly fee covers it
// up to itself.
void timeline_counts(const timeline_t *t, month_t month, int32_t *months_tier1, int32_t *months_tier2);
// The last month not after `month` that a monthly contribution bought, that a yearly fee covers, that is covered in any
// way; MONTH_NONE.
month_t timeline_last_bought(const timeline_t *t, month_t month);
month_t timeline_last_yearly(const timeline_t *t, month_t month);
month_t timeline_last_covered(const timeline_t *t, month_t month);
// Is the person in a month one whose cover begins with an application: by an application, or by the last contribution
// listed, paid or not?
bool timeline_applicant(const timeline_t *t, month_t month);
