// Bases of contributions (缴费基数): amounts that a city builds from one another, step by step, under key `bases` of
// section `contribution`. Each step is rounded half up to the fen, so that what is due rests on amounts that can be
// published.
#pragma once
#include "tables.h"

enum { DIVISOR_MAX = 1000 };

typedef struct term { // a value; or a multiple of an earlier base; or absent
    ref_t value;
    bool is_base;
    uint8_t base; // its place in the list
    rate_t times;
} term_t;

struct base {
    const char *name, *rule;
    term_t of, at_least, at_most;
    uint32_t divided_by;
    bool on_wage; // the person's wage must be known; where it may stay unknown it counts as 0
};

// The base at place `at` for a day. `wage_fen` is a month's wage, used when the base is `on_wage`. Inside its bounds;
// where they contradict each other `at_least` wins. E_PARAMETER_MISSING, E_OUT_OF_RANGE (field person.wage).
int base_value(const bases_t *bases, uint32_t at, date_t on, fen_t wage_fen, fen_t *out, err_t *err) MUST_USE;
