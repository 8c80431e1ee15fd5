// Civil dates and months in Asia/Shanghai (UTC+8, no daylight saving since 1991). A date is a day number, a month is a
// month number, so both compare and subtract as integers. The clock is an input: only clock_now_ms() reads it.
#pragma once
#include "check.h"
#include "err.h"
#include <stdbool.h>
#include <stdint.h>

typedef int32_t date_t;  // days since 1970-01-01
typedef int32_t month_t; // year * 12 + (month − 1)

#define DATE_NONE INT32_MIN
#define DATE_MAX INT32_MAX // "no end"
#define MONTH_NONE INT32_MIN
#define DATE_TEXT_MAX 16

bool date_valid(int year, int month, int day);  // years 1900..2199
date_t date_make(int year, int month, int day); // CHECKs date_valid
void date_split(date_t date, int *year, int *month, int *day);
int date_year(date_t date);
int date_weekday(date_t date);                 // 0 = Monday … 6 = Sunday
date_t date_add_years(date_t date, int years); // 29 February becomes 28 where there is none
int date_age(date_t birth, date_t on);         // completed years; below 0 before birth

month_t month_make(int year, int month); // month 1..12
month_t month_of(date_t date);
int month_year(month_t month);
int month_number(month_t month); // 1..12
date_t month_first(month_t month);
date_t month_last(month_t month);

int date_parse(const char *text, date_t *out) MUST_USE;   // "2018-03-01", exactly; E_INVALID_FIELD otherwise
int month_parse(const char *text, month_t *out) MUST_USE; // "2018-03"
// DATE_NONE, DATE_MAX and MONTH_NONE are written as "".
const char *date_format(date_t date, char text[static DATE_TEXT_MAX]);
const char *month_format(month_t month, char text[static DATE_TEXT_MAX]);

int64_t clock_now_ms(void);         // milliseconds since the epoch (UTC), for stamps and deadlines
int64_t clock_mono_us(void);        // monotonic microseconds, for measuring
date_t date_of_ms(int64_t unix_ms); // the civil date in Asia/Shanghai
int64_t date_end_ms(date_t date);   // the first millisecond after it
