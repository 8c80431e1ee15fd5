// Section `points` of a city file: points settlement with hospitals (DRG点数付费). The law may demand the method
// without its numbers: thresholds are references to parameters, so each can be confirmed or replaced by itself.
#pragma once
#include "tables.h"

// What a rule is named for: the method (all inpatient cost), the modes (DRG, bed-day, item), the hospital's yearly
// figure, the clearing of a year, the sharing of what is saved or overspent.
#define POINTS_RULE_TABLE(X)                                                                                           \
    X(POINTS_METHOD, "method")                                                                                         \
    X(POINTS_MODES, "modes")                                                                                           \
    X(POINTS_FIGURE, "figure")                                                                                         \
    X(POINTS_CLEARING, "clearing")                                                                                     \
    X(POINTS_SHARING, "sharing")

#define X(code, name) code,
typedef enum points_rule { POINTS_RULE_TABLE(X) POINTS_RULE__COUNT } points_rule_t;
#undef X

typedef struct points_high { // above which ratio of cost to the group's mean a case is a high outlier
    ref_t points_up_to;      // groups of at most so many base points (a count); REF_NONE in the last row
    ref_t ratio;             // a factor
} points_high_t;

typedef struct points_rules {
    date_t from;
    const char *status; // what the numbers count as: draft = defaults to be confirmed
    const char *rules[POINTS_RULE__COUNT];
    ref_t base_points;                    // of a case that costs what all cases cost on average
    ref_t stable_cases, stable_variation; // at least, at most
    ref_t low_ratio;                      // below: an incomplete case
    const points_high_t *high;
    uint32_t high_count;
    ref_t month_share; // of what is due for a month, paid at once
    ref_t overrun_borne, surplus_kept;
} points_rules_t;
