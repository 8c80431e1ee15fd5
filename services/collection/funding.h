// The funding core: does a residents' funding standard of a year pass the tests of the law? Pure. Law: section
// `funding` of the city file (ZS-C07, ZS-C08 in docs/rules/). The tests look at the standard, never at what an exempt
// person pays.
#pragma once
#include "common/policy/policy.h"

typedef struct funding_result {
    fen_t floor; // the least in all, rounded up to the fen: a total that reaches it reaches the share
    fen_t total;
    bool meets_floor, meets_ratio; // under the reading in force
    const char *floor_rule, *ratio_rule;
} funding_result_t;

// `personal` and `government` are the two parts of the yearly standard a head. The first of several faults, in this
// order: E_OUT_OF_RANGE, E_UNSUPPORTED, E_NOT_IN_FORCE, E_PARAMETER_MISSING (the floor's value of the year before).
int funding_eval(const policy_t *policy, int year, fen_t personal, fen_t government, funding_result_t *out,
                 err_t *err) MUST_USE;
