// What a replay left behind, read through the service: every row of every person of the plan. Holds the rows against
// the answers that were given, and writes the bills that stand.
#pragma once
#include "plan.h"

typedef struct read_back {
    int64_t stands, versions, reversed, tombstones; // `versions`: of bills with more than one, or none that stands
    int64_t lost;                                   // answered as settled or reversed, and not there as it was answered
    int64_t twice;             // first versions of one bill beyond the first; and gaps in versions or chains
    int64_t unasked;           // bills that nobody sent
    int64_t fund_fen, own_fen; // of all that stand
} read_back_t;

// `standing`: a JSON object a line. `year`: the benefit year of all bills.
int read_back(const plan_t *plan, suite_t *suite, int year, FILE *standing, read_back_t *out, err_t *err) MUST_USE;
