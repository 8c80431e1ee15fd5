// Section `enrollment` of a city file: who must or may join, in which scheme and as what (参保范围); who may join
// during the year; which insurance follows of itself. Classes say which circumstances must all hold, which one at
// least, and which none.
#pragma once
#include "circumstance.h"
#include "policy.h"

enum { SCOPE_CLASSES_MAX = 64, SCOPE_AUTOMATIC_MAX = 32 };

typedef struct scope_class {
    const char *name, *rule;
    uint32_t all, any, none; // circumstances; any 0: no matter
    uint32_t groups;         // in one of these; 0: whoever
    int born_within_days;    // on the day of joining; 0: whenever
    bool must;
    insurance_scheme_t scheme;
    identity_t identity;
    place_t place;
    const char *place_rule; // NULL with PLACE_ANY
} scope_class_t;

typedef struct scope_tiers {
    uint32_t identities, tiers; // bits
    const char *rule;
} scope_tiers_t;

typedef struct scope_exclusion { // `scheme` is for those outside `outside`
    insurance_scheme_t scheme, outside;
    const char *rule;
} scope_exclusion_t;

typedef struct scope_automatic {
    const char *scheme, *rule;
    uint32_t identities; // of one that the person may join as; 0: whoever
    uint32_t groups;     // in one of these; 0: whoever
} scope_automatic_t;

typedef struct enrollment_rules {
    date_t from;
    const char *rule;
    bool missing; // the scope has not been published
    const scope_class_t *classes, *mid_year;
    uint32_t class_count, mid_year_count;
    const scope_tiers_t *tiers;
    uint32_t tiers_count;
    const scope_exclusion_t *exclusions;
    uint32_t exclusion_count;
    const scope_automatic_t *automatic;
    uint32_t automatic_count;
} enrollment_rules_t;
