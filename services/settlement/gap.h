// What covers the gap of a year, and what a county answers for alone, by the city's section `gap`. Pure. All in fen.
#pragma once
#include "common/policy/gap.h"

typedef struct gap_county { // a county's own shortfalls
    fen_t subsidy_due, subsidy_received;
    fen_t policy_due, policy_charged; // contributions by the city's rules, and what was charged or collected
    fen_t other;                      // other causes, each approved
    fen_t topped_up, pursued;         // how it discharged them
} gap_county_t;

typedef struct gap_case {
    fen_t revenue, expense;
    fen_t accumulated; // surplus of the same fund
    fen_t reserve;     // risk reserve of the same fund
    date_t on;         // which values hold
    bool has_county;
    gap_county_t county;
} gap_case_t;

typedef struct gap_cover {
    fen_t deficit;                  // expense − revenue, not below 0
    fen_t taken[GAP_TAKE__COUNT];   // by whom; GAP_SHARED: the city and the county together
    fen_t city, county;             // of GAP_SHARED
    fen_t residual;                 // that nobody covers
    gap_action_t action;            // on the residual
    fen_t causes[GAP_CAUSE__COUNT]; // what the county answers for, whether or not there is a gap
    fen_t answers_for, open;        // their sum; less what it discharged
} gap_cover_t;

// E_OUT_OF_RANGE for sums that overflow or a county that discharged more than it answers for, E_UNSUPPORTED without
// the section or, with a county's figures, where the law gives a county nothing to answer for, E_PARAMETER_MISSING when
// something is left to share and the city's share is not published.
int gap_cover(const policy_t *policy, const gap_case_t *c, gap_cover_t *out, err_t *err) MUST_USE;
