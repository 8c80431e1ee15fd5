// How a county pays off the deficit that it brought into the pool, by the city's section `deficit`. Pure. All in fen.
#pragma once
#include "common/policy/deficit.h"

typedef struct deficit_case {
    fen_t deficit;                  // accumulated, audited; >= 0
    fen_t contributed;              // by the county to the adjustment fund over the years
    fen_t enjoyed;                  // by the county out of it
    fen_t paid[DEFICIT_YEARS_MAX];  // in each year of the section
    bool judged[DEFICIT_YEARS_MAX]; // whether that year is over
} deficit_case_t;

typedef struct deficit_schedule {
    fen_t offset; // what the county's own contributions cover: never more than them, less what it enjoyed
    fen_t net;    // deficit − offset
    // What is due at least: the share of the net gap, rounded up to the fen, at most what is left; in the last year all
    // that is left.
    fen_t minimum[DEFICIT_YEARS_MAX];
    fen_t shortfall[DEFICIT_YEARS_MAX]; // minimum − paid, not below 0; 0 for a year that is not judged
    fen_t outstanding;                  // net − all that was paid
    date_t due;                         // DATE_NONE when nothing is
} deficit_schedule_t;

// The year's place in the section, −1 when it has none.
int deficit_year_place(const deficit_rules_t *rules, int year);
// E_UNSUPPORTED without the section; E_OUT_OF_RANGE (field "paid") when more was paid than the net gap.
int deficit_schedule(const policy_t *policy, const deficit_case_t *c, deficit_schedule_t *out, err_t *err) MUST_USE;
