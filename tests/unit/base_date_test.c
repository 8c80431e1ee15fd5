// Dates: every day of 1900..2199 against a counter that knows only month lengths and the leap rule.
#include "tests/check.h"
#include "common/base/date.h"

static bool slow_leap(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

static int slow_length(int year, int month) {
    if (month == 2) return slow_leap(year) ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

static int check_day(date_t day, int year, int month, int number, int weekday) {
    char text[DATE_TEXT_MAX], expected[DATE_TEXT_MAX + 32];
    int y, m, d, wrong = 0;
    date_t back = 0;
    date_split(day, &y, &m, &d);
    snprintf(expected, sizeof expected, "%04d-%02d-%02d", year, month, number);
    wrong += y != year || m != month || d != number || !date_valid(year, month, number);
    wrong += date_make(year, month, number) != day || date_weekday(day) != weekday || date_year(day) != year;
    wrong += strcmp(date_format(day, text), expected) != 0;
    wrong += date_parse(expected, &back) != E_OK || back != day;
    wrong += month_of(day) != month_make(year, month);
    wrong += date_of_ms((int64_t)day * 86400000 - 8 * 3600000) != day;
    wrong += date_of_ms((int64_t)day * 86400000 + 16 * 3600000 - 1) != day;
    return wrong;
}

TEST(every_day_of_three_centuries_round_trips) {
    date_t day = -25567; // 1900-01-01, a Monday
    int weekday = 0, wrong = 0;
    for (int year = 1900; year <= 2199; year++)
        for (int month = 1; month <= 12; month++) {
            month_t m = month_make(year, month);
            wrong += month_year(m) != year || month_number(m) != month || month_first(m) != day;
            wrong += month_last(m) != day + slow_length(year, month) - 1;
            for (int number = 1; number <= slow_length(year, month); number++, day++, weekday = (weekday + 1) % 7)
                wrong += check_day(day, year, month, number, weekday);
            wrong += date_valid(year, month, slow_length(year, month) + 1) || date_valid(year, month, 0);
        }
    EQ(wrong, 0);
    EQ(day, date_make(2199, 12, 31) + 1);
}

TEST(known_days) {
    EQ(date_make(1970, 1, 1), 0);
    EQ(date_weekday(date_make(1970, 1, 1)), 3);
    EQ(date_weekday(date_make(2020, 1, 24)), 4); // 除夕, a Friday
    EQ(date_make(2000, 3, 1) - date_make(2000, 2, 28), 2);
    EQ(date_make(1900, 3, 1) - date_make(1900, 2, 28), 1);
    EQ(date_make(2100, 3, 1) - date_make(2100, 2, 28), 1);
    EQ(date_of_ms(0), 0);
    EQ(date_of_ms(16 * 3600000 - 1), 0);
    EQ(date_of_ms(16 * 3600000), 1); // 1970-01-02 begins in Shanghai
    EQ(date_of_ms(-8 * 3600000 - 1), -1);
    EQ(date_of_ms(INT64_MAX), DATE_MAX);
    EQ(date_of_ms(INT64_MIN), DATE_NONE + 1);
}

TEST(only_real_dates_are_valid) {
    OK(!date_valid(1899, 12, 31));
    OK(!date_valid(2200, 1, 1));
    OK(!date_valid(2021, 2, 29));
    OK(!date_valid(2100, 2, 29));
    OK(date_valid(2000, 2, 29));
    OK(!date_valid(2021, 0, 1));
    OK(!date_valid(2021, 13, 1));
    OK(!date_valid(2021, 4, 31));
    OK(!date_valid(2021, 4, -1));
}

TEST(bad_texts_are_refused_and_change_nothing) {
    static const char *const dates[] = {
        "",           "2018-3-1",    "2018-03-1",  "2018-03-01 ", " 2018-03-01", "2018/03/01",
        "20180301",   "2018-02-29",  "2018-13-01", "2018-00-01",  "1899-12-31",  "2200-01-01",
        "+018-03-01", "2018-03-01T", "2018-03--1", "２018-03-01", "2018-03"};
    for (size_t i = 0; i < COUNT_OF(dates); i++) {
        date_t out = 7;
        EQ(date_parse(dates[i], &out), E_INVALID_FIELD);
        EQ(out, 7);
    }
    static const char *const months[] = {"",           "2018-3",  "2018-13", "2018-00",
                                         "2018-03-01", "1899-12", "2200-01", "2018-3 "};
    for (size_t i = 0; i < COUNT_OF(months); i++) {
        month_t out = 7;
        EQ(month_parse(months[i], &out), E_INVALID_FIELD);
        EQ(out, 7);
    }
    date_t out = 7;
    EQ(date_parse(NULL, &out), E_INVALID_FIELD);
    EQ(month_parse(NULL, &out), E_INVALID_FIELD);
    EQ(out, 7);
}

TEST(months_count_as_integers) {
    month_t month;
    char text[DATE_TEXT_MAX];
    NEED(month_parse("2018-12", &month) == E_OK);
    EQ_TEXT(month_format(month + 1, text), "2019-01");
    EQ_TEXT(month_format(month - 12, text), "2017-12");
    EQ(month_make(2020, 1) - month_make(2018, 12), 13);
    EQ_TEXT(date_format(month_last(month_make(2020, 2)), text), "2020-02-29");
    EQ_TEXT(date_format(month_last(month_make(2021, 2)), text), "2021-02-28");
}

TEST(years_are_added_on_the_calendar) {
    EQ(date_add_years(date_make(2020, 2, 29), 1), date_make(2021, 2, 28));
    EQ(date_add_years(date_make(2020, 2, 29), 4), date_make(2024, 2, 29));
    EQ(date_add_years(date_make(2020, 2, 29), -120), date_make(1900, 2, 28));
    EQ(date_add_years(date_make(1960, 12, 31), 60), date_make(2020, 12, 31));
    EQ(date_add_years(DATE_MAX, 5), DATE_MAX);
    EQ(date_add_years(DATE_NONE, 5), DATE_NONE);
    EQ(date_add_years(date_make(2020, 1, 1), INT32_MAX), DATE_MAX);
}

TEST(ages_are_completed_years) {
    date_t birth = date_make(1960, 5, 20), leap = date_make(2000, 2, 29);
    EQ(date_age(birth, date_make(2020, 5, 19)), 59);
    EQ(date_age(birth, date_make(2020, 5, 20)), 60);
    EQ(date_age(birth, birth), 0);
    EQ(date_age(birth, birth - 1), -1);
    EQ(date_age(leap, date_make(2018, 2, 27)), 17);
    EQ(date_age(leap, date_make(2018, 2, 28)), 18);
    EQ(date_age(leap, date_make(2020, 2, 28)), 19);
    EQ(date_age(leap, date_make(2020, 2, 29)), 20);
}

TEST(an_age_begins_on_the_day_that_adding_years_gives) {
    int wrong = 0;
    for (date_t birth = date_make(1999, 12, 1); birth <= date_make(2000, 3, 31); birth++)
        for (int years = 0; years <= 100; years++) {
            date_t turns = date_add_years(birth, years);
            wrong += date_age(birth, turns) != years || date_age(birth, turns - 1) != years - 1;
        }
    EQ(wrong, 0);
}

TEST(no_date_and_no_end_are_written_as_nothing) {
    char text[DATE_TEXT_MAX] = "x";
    EQ_TEXT(date_format(DATE_NONE, text), "");
    EQ_TEXT(date_format(DATE_MAX, text), "");
    EQ_TEXT(month_format(MONTH_NONE, text), "");
    EQ(month_of(DATE_NONE), MONTH_NONE);
    date_format(DATE_MAX - 1, text); // the longest text fits
    EQ_TEXT(date_format(DATE_MAX - 1, text), "5881580-07-10");
}

TEST(the_clocks_run) {
    int64_t before = clock_mono_us();
    OK(clock_now_ms() > INT64_C(1577836800000)); // later than 2020
    OK(clock_mono_us() >= before);
}

TESTS("base date", CASE(every_day_of_three_centuries_round_trips), CASE(known_days), CASE(only_real_dates_are_valid),
      CASE(bad_texts_are_refused_and_change_nothing), CASE(months_count_as_integers),
      CASE(years_are_added_on_the_calendar), CASE(ages_are_completed_years),
      CASE(an_age_begins_on_the_day_that_adding_years_gives), CASE(no_date_and_no_end_are_written_as_nothing),
      CASE(the_clocks_run))
