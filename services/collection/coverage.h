// The coverage core: from paid contributions to covered months and continuous-month counters. Pure; the numbers (lag,
// wait, grace, a newborn's window, share of the limits) come from the policy's `coverage` section. Spans and the answer
// for a day are read off one timeline (timeline.h). Law for the first city: JM-E-23…39, JM-G-11…20; how it is read
// where it leaves a choice stands in docs/policy.md, "Coverage".
#pragma once
#include "common/policy/policy.h"

#define PAID_ON_TIME DATE_MAX // each month on its last day, a year on the last day before it

enum { COVERAGE_REASON_MAX = 160 };

typedef struct coverage_months { // contributions of a monthly payer for some months in a row, paid on one day
    month_t first, last;
    identity_t identity;
    date_t paid_on;    // PAID_ON_TIME; DATE_NONE: unpaid
    date_t applied_on; // for benefit (from_application); DATE_NONE: in the first month of the spell
} coverage_months_t;

typedef struct coverage_year { // one insurance year of a yearly payer
    int year;
    identity_t identity;
    date_t paid_on; // PAID_ON_TIME; DATE_NONE: unpaid
} coverage_year_t;

typedef struct coverage_brought { // what a person brings along who comes (back) from another pool
    month_t from;                 // the stay that it opens: right before the first month from here on that is listed
    int months_tier1, months_tier2;
} coverage_brought_t;

typedef struct coverage_input {
    const coverage_months_t *months; // in any order; a month listed twice counts once, by its earliest payment
    size_t month_count;
    const coverage_year_t *years; // in any order
    size_t year_count;
    // True: a monthly payer owes every month after the first one, listed or not. False: the listed months only, since
    // the caller knows when nobody had to pay.
    bool gaps_owed;
    int prior_months_tier1;            // continuous months brought in from former schemes, right before the first month
    int prior_months_tier2;            // of them with tier 2, the latest ones
    const coverage_brought_t *brought; // into later stays, by `from`; one in which nothing is listed brings nothing
    size_t brought_count;
    date_t born;           // DATE_NONE when unknown; a newborn's window needs it
    month_t lifelong_from; // MONTH_NONE, or covered for life under `lifelong_identity` from this month
    identity_t lifelong_identity;
} coverage_input_t;

typedef struct coverage_span { // an unbroken run of covered months under one identity
    identity_t identity;
    month_t first, last;                // last = INT32_MAX: for life
    int32_t months_tier1, months_tier2; // that hold in `first`; one more each month after (tier 2: 0 stays 0)
} coverage_span_t;

// Spans in order, not overlapping (where two identities cover one month, the one with tier 2 wins: AMB-36). `reason` is
// a sentence about the last state. E_TOO_LARGE when `room` spans do not do; E_INVALID_FIELD and E_OUT_OF_RANGE name a
// member of the input; E_UNSUPPORTED when the city has no such rules.
int coverage_spans(const policy_t *policy, const coverage_input_t *input, coverage_span_t *spans, size_t room,
                   size_t *count, char reason[static COVERAGE_REASON_MAX], err_t *err) MUST_USE;
// The span that covers a month, or NULL; counters of that month (n1, n2).
const coverage_span_t *coverage_at(const coverage_span_t *spans, size_t count, month_t month, int32_t *months_tier1,
                                   int32_t *months_tier2);

typedef struct coverage_day { // what holds for a person on a day
    bool covered;
    identity_t identity;                // when covered
    int32_t months_tier1, months_tier2; // continuous; of a person not covered: after the last month that was bought
    rate_t scale;                       // share of the limits that those months give
    int32_t arrears;                    // unpaid contribution months in a row before this month; 0 when covered
    bool interrupted;                   // not covered because arrears passed the grace, the wait after them included
    date_t from;                        // first day of the unbroken cover; DATE_NONE when not covered
    date_t until;                       // last covered day before; DATE_NONE when covered, or when there was none
    char reason[COVERAGE_REASON_MAX];
} coverage_day_t;

// The answer for a day, by what was paid up to and including `known_on` (DATE_MAX: whatever was paid). Errors as
// coverage_spans(), and E_NOT_IN_FORCE before the day from which the city's rules tell.
int coverage_on(const policy_t *policy, const coverage_input_t *input, date_t as_of, date_t known_on,
                coverage_day_t *out, err_t *err) MUST_USE;
