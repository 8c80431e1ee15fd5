// The days of a month on which the fund's money moves, by the city's section `cash_cycle` and the calendar of working
// days. Pure: the same policy, calendar and month give the same days.
#pragma once
#include "common/base/calendar.h"
#include "common/policy/cash_cycle.h"

typedef struct cash_month {
    month_t month;
    date_t remit[REMIT_DAYS_MAX]; // days on which counties send their receipts up, the last one that of the sweep
    uint32_t remit_count;
    date_t sweep;            // of the city's income account into the special fiscal account
    date_t plan_due;         // counties' plans for the next month
    date_t city_plan_due;    // the city's plan; everything after counts from here
    date_t city_plan_latest; // on which it is late at last
    date_t finance_pays_by;
    date_t city_pays_by;
} cash_month_t;

// E_UNSUPPORTED without the section, E_NOT_IN_FORCE for a month before it, E_PARAMETER_MISSING with the parameter's
// name, or "calendar" where a year of working days is not loaded. On failure `out` is untouched.
int cash_cycle_month(const policy_t *policy, const calendar_t *calendar, month_t month, cash_month_t *out,
                     err_t *err) MUST_USE;
// The day of one point of the cycle; `first` (may be NULL) gets the first day of a span.
date_t cash_cycle_day(const cash_month_t *days, cycle_point_t point, date_t *first);

// A day of a month as the law says it. `latest` (may be NULL) gets the working day on or after the day that is named,
// before any shift.
int month_day_date(const month_day_t *rule, const calendar_t *calendar, month_t month, date_t *out, date_t *latest,
                   err_t *err) MUST_USE;
