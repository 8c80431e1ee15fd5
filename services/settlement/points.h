// Points settlement with hospitals (DRG点数付费) for a month or a year, by the city's section `points`. Pure: the
// caller brings groups, hospitals and cases and room for what is found out about each.
//
// All integers. Points are in ten-thousandths (4 decimals), money in fen, coefficients and quality in millionths; each
// product is taken in 128 bits and divided once, half up:
//   average    = Σ mean × cases / Σ cases of the groups, unless it is given
//   base points of a group        = base × mean / average
//   normal                        = base points × coefficient
//   low (ratio below low.ratio)   = base points × coefficient × cost / mean, at most the normal points
//   high (ratio from high.ratio on, reviewed) = normal + base points × (cost − high.ratio × mean) / mean, each rounded
//   unstable group, no group, by item = base × cost / average;  bed-day = base × daily × days / average
//   denied                        = 0, and the case takes no further part; penalties are subtracted everywhere
// where ratio = cost / mean is never divided out but compared as a product. A year's fund is the budget plus the share
// of an overrun that the fund bears, or the cost by item plus the share of a surplus that hospitals keep, rounded half
// up. Fund and patients' part together are shared out by points with the largest remainder, so the parts add up to the
// fen.
#pragma once
#include "common/policy/policy.h"

#define POINT_ONE INT64_C(10000) // one point
enum { POINTS_GROUPS_MAX = 5000, POINTS_HOSPITALS_MAX = 2000, POINTS_CASES_MAX = 100000 };

typedef enum points_mode { POINTS_BY_DRG, POINTS_BY_BED_DAY, POINTS_BY_ITEM } points_mode_t;
typedef enum points_kind {
    POINTS_NORMAL,
    POINTS_LOW,
    POINTS_HIGH,
    POINTS_UNSTABLE,
    POINTS_UNGROUPED,
    POINTS_ITEM,
    POINTS_BED_DAY,
    POINTS_DENIED,
    POINTS_KIND__COUNT
} points_kind_t;

typedef struct points_group { // over the reference period, outliers trimmed
    fen_t mean;               // > 0
    int64_t cases;
    rate_t variation; // coefficient of variation
    // found out:
    int64_t points; // base points
    bool stable;
} points_group_t;

typedef struct points_hospital {
    rate_t quality; // of the year's evaluation
    fen_t paid;     // so far in the year
    // found out:
    int64_t points;
    fen_t by_item; // what the fund would have paid by item
    fen_t gross, patient, due;
    fen_t pay;  // month: now. Year: the clearing, below 0 when the hospital gives back
    fen_t held; // month: kept for the yearly check
} points_hospital_t;

typedef struct points_case {
    int32_t hospital, group; // indexes; group −1 none
    points_mode_t mode;
    rate_t coefficient;  // of the hospital in the group
    fen_t cost, patient; // patient: paid by patients and other payers, at most cost
    fen_t daily;         // bed-day: standard of a day
    int64_t days;
    bool reviewed, denied; // a high outlier counts as one only after review
    int64_t penalty;       // points taken off
    // found out:
    points_kind_t kind;
    int64_t points; // penalty included, so may be below 0
} points_case_t;

typedef struct points_pool { // what is settled together: one fund, one month or year
    bool yearly;
    date_t on;     // last day of the month or year: its values apply
    fen_t budget;  // of the month or year
    fen_t average; // mean cost of all cases; 0: from the groups
    points_group_t *groups;
    size_t group_count;
    points_hospital_t *hospitals;
    size_t hospital_count;
    points_case_t *cases;
    size_t case_count;
    int64_t *weights; // room: one for each hospital
    fen_t *shares;    // the same
} points_pool_t;

typedef struct points_result {
    fen_t average;
    int64_t points;
    fen_t fees, patient, by_item;
    fen_t difference; // by_item − budget
    fen_t fund;       // final
    int64_t value;    // yuan per point, in hundred-thousandths; told, never computed with
    const char *status;
    const char *method_rule, *modes_rule, *figure_rule, *clearing_rule, *sharing_rule;
} points_result_t;

// E_UNSUPPORTED, E_NOT_IN_FORCE, E_PARAMETER_MISSING; E_OUT_OF_RANGE: amounts or points beyond what is sensible,
// patients paid more than the cost, a hospital's points below 0, no points at all (field = "cases" …).
int points_settle(const policy_t *policy, const points_pool_t *pool, points_result_t *out, err_t *err) MUST_USE;
