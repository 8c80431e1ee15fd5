// Civil dates by arithmetic on day numbers: no time zone database, no libc calendar, the same answer everywhere.
#include "date.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY_MS INT64_C(86400000)
#define SHANGHAI_MS (8 * INT64_C(3600000))
#define ERA_DAYS 146097     // 400 years
#define EPOCH_OFFSET 719468 // from 0000-03-01 to 1970-01-01
#define FIRST_YEAR 1900
#define LAST_YEAR 2199

static bool leap(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

static int days_in_month(int64_t year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && leap(year));
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

// Far outside the valid years (an offset gone wild) the result sticks to the ends instead of wrapping around.
static date_t saturate(int64_t days) {
    if (days >= DATE_MAX) return DATE_MAX;
    return days <= DATE_NONE ? DATE_NONE + 1 : (date_t)days;
}

// Years begin in March here, so that the leap day is the last of its year and months have a regular length:
// (153 m + 2) / 5 days lie before month m of March..February.
static date_t from_civil(int64_t year, int month, int day) {
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = floor_div(y, 400);
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return saturate(era * ERA_DAYS + day_of_era - EPOCH_OFFSET);
}

bool date_valid(int year, int month, int day) {
    return year >= FIRST_YEAR && year <= LAST_YEAR && month >= 1 && month <= 12 && day >= 1 &&
           day <= days_in_month(year, month);
}

date_t date_make(int year, int month, int day) {
    CHECK(date_valid(year, month, day));
    return from_civil(year, month, day);
}

void date_split(date_t date, int *year, int *month, int *day) {
    int64_t days = (int64_t)date + EPOCH_OFFSET;
    int64_t era = floor_div(days, ERA_DAYS);
    int64_t day_of_era = days - era * ERA_DAYS;
    // Take out the leap days seen so far (one in 1461 days, none at 36524, one at the very end), then divide by 365.
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / (ERA_DAYS - 1)) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int march_month = (int)((5 * day_of_year + 2) / 153);
    *day = (int)(day_of_year - (153 * march_month + 2) / 5 + 1);
    *month = march_month < 10 ? march_month + 3 : march_month - 9;
    *year = (int)(era * 400 + year_of_era + (*month <= 2));
}

int date_year(date_t date) {
    int year, month, day;
    date_split(date, &year, &month, &day);
    return year;
}

int date_weekday(date_t date) {
    int64_t days = (int64_t)date + 3; // 1970-01-01 was a Thursday
    return (int)(days - floor_div(days, 7) * 7);
}

date_t date_add_years(date_t date, int years) {
    if (date == DATE_NONE || date == DATE_MAX) return date;
    int year, month, day;
    date_split(date, &year, &month, &day);
    int64_t then = (int64_t)year + years;
    int last = days_in_month(then, month);
    return from_civil(then, month, day < last ? day : last);
}

// Defined by date_add_years, so that "turns 60 on" and "is 60" cannot disagree for someone born on 29 February.
int date_age(date_t birth, date_t on) {
    int years = date_year(on) - date_year(birth);
    return on < date_add_years(birth, years) ? years - 1 : years;
}

month_t month_make(int year, int month) {
    CHECK(month >= 1 && month <= 12);
    return year * 12 + (month - 1);
}

month_t month_of(date_t date) {
    if (date == DATE_NONE) return MONTH_NONE;
    int year, month, day;
    date_split(date, &year, &month, &day);
    return month_make(year, month);
}

int month_year(month_t month) { return (int)floor_div(month, 12); }
int month_number(month_t month) { return month - month_year(month) * 12 + 1; }
date_t month_first(month_t month) { return from_civil(month_year(month), month_number(month), 1); }

date_t month_last(month_t month) {
    int year = month_year(month), number = month_number(month);
    return from_civil(year, number, days_in_month(year, number));
}

// `count` digits, or −1.
static int digits(const char *text, int count) {
    int value = 0;
    for (int i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9') return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

int date_parse(const char *text, date_t *out) {
    if (!text || strnlen(text, 11) != 10 || text[4] != '-' || text[7] != '-') return E_INVALID_FIELD;
    int year = digits(text, 4), month = digits(text + 5, 2), day = digits(text + 8, 2);
    if (!date_valid(year, month, day)) return E_INVALID_FIELD;
    *out = from_civil(year, month, day);
    return E_OK;
}

int month_parse(const char *text, month_t *out) {
    if (!text || strnlen(text, 8) != 7 || text[4] != '-') return E_INVALID_FIELD;
    int year = digits(text, 4), month = digits(text + 5, 2);
    if (!date_valid(year, month, 1)) return E_INVALID_FIELD;
    *out = month_make(year, month);
    return E_OK;
}

static char *put_digits(char *at, int number, int width) {
    for (int i = width - 1; i >= 0; i--, number /= 10) at[i] = (char)('0' + number % 10);
    return at + width;
}

// "2018-03" and where it ends; NULL for a year that has not four digits. By hand, because a run over a city writes
// millions of them.
static char *put_year_month(char *at, int year, int month) {
    if (year < 0 || year > 9999) return NULL;
    at = put_digits(at, year, 4);
    *at++ = '-';
    return put_digits(at, month, 2);
}

const char *date_format(date_t date, char text[static DATE_TEXT_MAX]) {
    text[0] = 0;
    if (date == DATE_NONE || date == DATE_MAX) return text;
    int year, month, day;
    date_split(date, &year, &month, &day);
    char *at = put_year_month(text, year, month);
    if (!at) {
        snprintf(text, DATE_TEXT_MAX, "%04d-%02d-%02d", year, month, day);
        return text;
    }
    *at++ = '-';
    *put_digits(at, day, 2) = 0;
    return text;
}

const char *month_format(month_t month, char text[static DATE_TEXT_MAX]) {
    text[0] = 0;
    if (month == MONTH_NONE) return text;
    char *at = put_year_month(text, month_year(month), month_number(month));
    if (at)
        *at = 0;
    else
        snprintf(text, DATE_TEXT_MAX, "%04d-%02d", month_year(month), month_number(month));
    return text;
}

#ifdef TC_CRASH_POINTS
// Tests let a whole suite live at another time: by how much its clock is ahead.
static int64_t ahead_ms(void) {
    const char *text = getenv("TC_CLOCK_AHEAD_MS");
    return text ? strtoll(text, NULL, 10) : 0;
}
#else
static int64_t ahead_ms(void) { return 0; }
#endif

int64_t clock_now_ms(void) {
    struct timespec now;
    CHECK(clock_gettime(CLOCK_REALTIME, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + ahead_ms();
}

int64_t clock_mono_us(void) {
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

date_t date_of_ms(int64_t unix_ms) {
    int64_t days = floor_div(unix_ms, DAY_MS);
    int64_t rest = unix_ms % DAY_MS;
    if (rest < 0) rest += DAY_MS;
    return saturate(days + (rest + SHANGHAI_MS >= DAY_MS));
}

int64_t date_end_ms(date_t date) { return ((int64_t)date + 1) * DAY_MS - SHANGHAI_MS; }
