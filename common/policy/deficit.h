// Section `deficit` of a city file: how an old deficit of a county is paid off.
#pragma once
#include "tables.h"

enum { DEFICIT_YEARS_MAX = 10 };

typedef struct deficit_year { // in order; the last one pays the rest
    uint16_t year;
    rate_t least; // of the net gap, rounded up to the fen; 0 in the last
    const char *rule;
} deficit_year_t;

typedef struct deficit_rules {
    const char *rule;
    const char *offset_rule; // the county's own past contributions to the adjustment fund go first …
    const char *limit_rule;  // … less what it enjoyed of it, never more than contributed
    const char *due_rule;
    date_t due;
    deficit_year_t years[DEFICIT_YEARS_MAX];
    uint32_t year_count;
} deficit_rules_t;
