// The coverage core: from paid contributions to covered months and continuous-month counters. Pure; the numbers (lag,
// wait, grace) come from the policy's `coverage` section. Law for the first city: JM-E-23…28, JM-E-35…38, JM-G-11…20 in
// docs/policy.md.
//
// How it reads the law where that leaves a choice:
// - A month paid late counts when, at the payment, the run of owed and unpaid months it stands in is at most
//   `grace_months` long, the month of payment not counted. Months that are not listed were not owed and end such a run.
// - A month that does not count breaks the run, however short the gap; the next one that counts is a new entry with the
//   wait of its identity. A change of identity inside a run is an entry only where the policy says `wait_every_entry`.
// - Months brought in from former schemes stand right before the first listed month or year.
#pragma once
#include "common/policy/policy.h"

typedef struct coverage_month { // one contribution month of a monthly payer
    month_t month;
    identity_t identity;
    date_t paid_on; // DATE_NONE: unpaid
} coverage_month_t;

typedef struct coverage_year { // one insurance year of a yearly payer
    int year;
    identity_t identity;
    date_t paid_on;
} coverage_year_t;

typedef struct coverage_input {
    const coverage_month_t *months; // ascending, each month once
    size_t month_count;
    const coverage_year_t *years; // ascending, each year once
    size_t year_count;
    int prior_months_tier1; // continuous months brought in from former schemes, right before the first month
    int prior_months_tier2; // of them with tier 2, the latest ones
    date_t born;            // DATE_NONE when unknown; a yearly payer's birth window needs it (JM-E-35, -36)
    month_t lifelong_from;  // MONTH_NONE, or covered for life under `lifelong_identity` from this month
    identity_t lifelong_identity;
} coverage_input_t;

typedef struct coverage_span { // an unbroken run of covered months under one identity
    identity_t identity;
    month_t first, last;                // last = INT32_MAX: for life
    int32_t months_tier1, months_tier2; // that hold in `first`; one more each month after (tier 2: 0 stays 0)
} coverage_span_t;

// Spans in order, not overlapping (where two identities cover one month, the one with tier 2 wins: AMB-36). `reason` is
// a sentence about the last state. E_TOO_LARGE when `room` spans do not do.
int coverage_spans(const policy_t *policy, const coverage_input_t *input, coverage_span_t *spans, size_t room,
                   size_t *count, char reason[static 160], err_t *err) MUST_USE;
// The span that covers a month, or NULL; counters of that month (n1, n2).
const coverage_span_t *coverage_at(const coverage_span_t *spans, size_t count, month_t month, int32_t *months_tier1,
                                   int32_t *months_tier2);
