// Section `fee_window` of a city file: from when to when the yearly fee of a year is paid, as it is published for each
// year (JM-C-39). Bills of a year are made once its window is known.
#pragma once
#include "tables.h"

enum { FEE_WINDOWS_MAX = 200 };

typedef struct year_window {
    int year; // that is paid for
    date_t opens, closes;
    const char *source;
} year_window_t;

typedef struct fee_window_rules {
    int from; // the first year that needs one
    const year_window_t *years;
    uint32_t count;
    const char *rule;
} fee_window_rules_t;

// The window of a year; NULL where the city asks for none. E_PARAMETER_MISSING (field `year`) says what is to be
// published.
int fee_window_of(const policy_t *policy, int year, const year_window_t **out, err_t *err) MUST_USE;
