// tongchou collect targets YEAR: what a year is to reach, what of it is done, and what is missing, by district.
#pragma once
#include "cli.h"

typedef struct collect_targets {
    const char *year, *as_of; // as_of NULL: today, or the end of a year that is over
    bool history, csv, json;
} collect_targets_t;

// Exit status.
int collect_targets(suite_t *suite, const collect_targets_t *what);
