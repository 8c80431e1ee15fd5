// Section `funding` of a city file: what the residents' funding standard (居民医保筹资标准) of a year must reach.
#pragma once
#include "tables.h"

typedef struct funding_rules {
    const char *rule;
    date_t from;
    ref_t floor_of; // personal and government part together reach `floor_share` of this
    rate_t floor_share;
    const char *floor_rule;
    bool at_most; // the government's part is at most, else at least, `times` the personal part
    rate_t times;
    const char *ratio_rule;
} funding_rules_t;
