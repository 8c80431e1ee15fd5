// The working-day calendar: State Council notices (国务院办公厅关于…节假日安排的通知) with their make-up workdays, one
// YAML file a year in config/calendar/. A year that was not loaded is an error, never a guess.
#pragma once
#include "date.h"

typedef struct calendar calendar_t;

// Load every YYYY.yaml of `dir`. Each file: `year`, `source`, `holidays: [dates]`, `workdays: [dates]` (make-up days at
// a weekend). Refuses unknown keys, dates outside the year, doubled dates, a holiday that is also a workday.
int calendar_load(calendar_t **out, const char *dir, err_t *err) MUST_USE;
void calendar_destroy(calendar_t **calendar);

bool calendar_has_year(const calendar_t *calendar, int year);
// E_PARAMETER_MISSING (field "calendar") when the year of `date` is not loaded.
int calendar_is_workday(const calendar_t *calendar, date_t date, bool *out, err_t *err) MUST_USE;
// The n-th working day of a month: n = 1 is the first, n = −1 the last, n = −2 the one before it.
int calendar_nth_workday(const calendar_t *calendar, month_t month, int n, date_t *out, err_t *err) MUST_USE;
// n working days after `date` (n >= 0; 0 gives the first working day on or after `date`).
int calendar_add_workdays(const calendar_t *calendar, date_t date, int n, date_t *out, err_t *err) MUST_USE;
