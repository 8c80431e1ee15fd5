// A day of a month in a city file: the 25th, moved earlier where it is no working day; the 5th of the next month.
#pragma once
#include "tables.h"

typedef enum shift { SHIFT_NONE, SHIFT_EARLIER, SHIFT_LATER, SHIFT__COUNT } shift_t;

typedef struct month_day {
    ref_t day; // 1..31; in a shorter month its last day
    uint8_t months_after;
    shift_t shift; // where the day is no working day
    bool before;   // the day itself is too late
} month_day_t;

// Does a date of a packed policy lie within the years of the calendar (1900 … 2199)?
static inline bool policy_day_sane(date_t day) {
    return day >= date_make(1900, 1, 1) && day <= date_make(2199, 12, 31);
}
