// Section `cash_cycle` of a city file: the days of a month on which the money moves.
#pragma once
#include "month_day.h"

// What happens in the cycle of a month, in order. Names as in `calendar` of `tongchou eval`.
#define CYCLE_POINT_TABLE(X)                                                                                           \
    X(CYCLE_REMIT, "remit")                                                                                            \
    X(CYCLE_SWEEP, "sweep")                                                                                            \
    X(CYCLE_PLAN, "plan_due")                                                                                          \
    X(CYCLE_CITY_PLAN, "city_plan_due")                                                                                \
    X(CYCLE_FINANCE_PAYS, "finance_pays_by")                                                                           \
    X(CYCLE_CITY_PAYS, "city_pays_by")

typedef enum cycle_point {
#define X(code, name) code,
    CYCLE_POINT_TABLE(X)
#undef X
        CYCLE__COUNT
} cycle_point_t;
const char *cycle_point_name(cycle_point_t point);

enum { REMIT_DAYS_MAX = 5, WORKDAYS_AFTER_MAX = 60 };

typedef struct cash_cycle_rules {
    const char *rule;
    date_t from; // the first day on which it holds
    const char *rules[CYCLE__COUNT];
    uint8_t remit_workdays;      // counties send their receipts up on the last so many working days
    month_day_t plan, city_plan; // for the next month
    bool city_plan_next_workday; // may still come on the working day after its day
    uint8_t finance_workdays;    // after the city's plan
    uint8_t city_workdays;       // after finance paid
} cash_cycle_rules_t;
