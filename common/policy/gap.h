// Section `gap` of a city file: what covers the gap of a year, and what a county answers for alone.
#pragma once
#include "tables.h"

typedef enum gap_take { // who bears what is left, in turn
    GAP_ACCUMULATED,    // the fund's own accumulated surplus
    GAP_COUNTY_CAUSED,  // the county, for what it caused
    GAP_RESERVE,        // the risk reserve
    GAP_SHARED,         // city and county: the city its share, the county the rest
    GAP_ACTION,         // nobody pays: an action is due
    GAP_TAKE__COUNT
} gap_take_t;

typedef enum gap_action { GAP_ACTION_NONE, GAP_ACTION_POLICY_ADJUSTMENT, GAP_ACTION__COUNT } gap_action_t;
// Why revenue is short through a county. Names as in `gap` of `tongchou eval`.
typedef enum gap_cause { GAP_CAUSE_SUBSIDY, GAP_CAUSE_POLICY, GAP_CAUSE_OTHER, GAP_CAUSE__COUNT } gap_cause_t;

enum { GAP_LAYERS_MAX = 8 };

typedef struct gap_layer {
    gap_take_t take;
    ref_t share; // the city's, with GAP_SHARED
    gap_action_t action;
    const char *rule;
} gap_layer_t;

typedef struct gap_rules {
    const char *rule;
    gap_layer_t layers[GAP_LAYERS_MAX];
    uint32_t layer_count;
    bool has_causes;
    const char *causes[GAP_CAUSE__COUNT]; // rules
    const char *discharge_rule;           // NULL: not said
} gap_rules_t;

const char *gap_action_name(gap_action_t action);
