// The working-day calendar: the shipped years against the notices, missing years, and files that must be refused.
#include "tests/check.h"
#include "common/base/calendar.h"
#include <unistd.h>

static calendar_t *shipped(void) {
    calendar_t *calendar = NULL;
    err_t err = {0};
    int rc = calendar_load(&calendar, TC_SOURCE_DIR "/config/calendar", &err);
    if (rc) fprintf(stderr, "%s\n", err.text);
    NEED(rc == E_OK);
    return calendar;
}

static date_t day(const char *text) {
    date_t date = DATE_NONE;
    NEED(date_parse(text, &date) == E_OK);
    return date;
}

TEST(working_days_follow_the_notices) {
    static const struct {
        const char *date;
        bool workday;
    } rows[] = {{"2019-04-28", true},  {"2019-05-02", false}, {"2019-05-04", false}, {"2019-05-05", true},
                {"2019-05-06", true},  {"2020-01-19", true},  {"2020-01-23", true},  {"2020-01-24", false},
                {"2020-01-31", false}, {"2020-02-01", false}, {"2020-02-03", true},  {"2020-06-28", true},
                {"2021-02-20", true},  {"2021-09-18", true},  {"2021-10-08", true},  {"2021-10-09", true},
                {"2022-12-31", false}, {"2023-01-02", false}, {"2024-02-09", true},  {"2024-02-18", true},
                {"2025-02-04", false}, {"2025-04-27", true},  {"2026-01-04", true},  {"2026-02-23", false}};
    calendar_t *calendar = shipped();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool workday = !rows[i].workday;
        EQ(calendar_is_workday(calendar, day(rows[i].date), &workday, NULL), E_OK);
        if (workday != rows[i].workday) fprintf(stderr, "%s\n", rows[i].date);
        EQ(workday, rows[i].workday);
    }
    calendar_destroy(&calendar);
}

// Weekdays of the year less 11 statutory days (13 since 2025). Only 2020 differs: the Spring Festival that was made
// longer took the working Saturday of 1 February, and Mid-Autumn fell on National Day, which gave a day in its place.
TEST(a_year_has_as_many_working_days_as_the_notices_leave) {
    static const int expected[][2] = {{2019, 250}, {2020, 249}, {2021, 250}, {2022, 249},
                                      {2023, 249}, {2024, 251}, {2025, 248}, {2026, 248}};
    calendar_t *calendar = shipped();
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        int year = expected[i][0], count = 0;
        OK(calendar_has_year(calendar, year));
        for (date_t date = date_make(year, 1, 1); date_year(date) == year; date++) {
            bool workday = false;
            EQ(calendar_is_workday(calendar, date, &workday, NULL), E_OK);
            count += workday;
        }
        EQ(count, expected[i][1]);
    }
    calendar_destroy(&calendar);
}

TEST(working_days_of_a_month_count_from_both_ends) {
    static const struct {
        int year, month, n;
        const char *date;
    } rows[] = {{2020, 1, -1, "2020-01-23"}, {2020, 1, -2, "2020-01-22"}, {2020, 1, 1, "2020-01-02"},
                {2020, 2, 1, "2020-02-03"},  {2021, 2, -1, "2021-02-26"}, {2021, 10, 1, "2021-10-08"},
                {2021, 10, 2, "2021-10-09"}, {2019, 5, 2, "2019-05-06"},  {2019, 5, 1, "2019-05-05"}};
    calendar_t *calendar = shipped();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        date_t date = DATE_NONE;
        char text[DATE_TEXT_MAX];
        month_t month = month_make(rows[i].year, rows[i].month);
        EQ(calendar_nth_workday(calendar, month, rows[i].n, &date, NULL), E_OK);
        EQ_TEXT(date_format(date, text), rows[i].date);
    }
    calendar_destroy(&calendar);
}

TEST(numbers_that_no_month_has_are_refused) {
    static const int bad[] = {0, 24, -24, INT32_MIN, INT32_MAX};
    calendar_t *calendar = shipped();
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        err_t err = {0};
        date_t date = 7;
        EQ(calendar_nth_workday(calendar, month_make(2020, 1), bad[i], &date, &err), E_OUT_OF_RANGE);
        HAS_TEXT(err.text, "2020-01");
        EQ(date, 7);
    }
    calendar_destroy(&calendar);
}

TEST(working_days_are_added_over_holidays) {
    static const struct {
        const char *from;
        int n;
        const char *to;
    } rows[] = {{"2020-01-23", 0, "2020-01-23"}, {"2020-01-24", 0, "2020-02-03"}, {"2020-01-23", 1, "2020-02-03"},
                {"2020-01-24", 1, "2020-02-03"}, {"2020-01-24", 2, "2020-02-04"}, {"2019-12-31", 1, "2020-01-02"},
                {"2020-01-18", 0, "2020-01-19"}, {"2021-09-30", 3, "2021-10-11"}};
    calendar_t *calendar = shipped();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        date_t date = DATE_NONE;
        char text[DATE_TEXT_MAX];
        EQ(calendar_add_workdays(calendar, day(rows[i].from), rows[i].n, &date, NULL), E_OK);
        EQ_TEXT(date_format(date, text), rows[i].to);
    }
    date_t date = 7;
    EQ(calendar_add_workdays(calendar, day("2020-01-01"), -1, &date, NULL), E_OUT_OF_RANGE);
    EQ(calendar_add_workdays(calendar, DATE_MAX, 1, &date, NULL), E_OUT_OF_RANGE);
    EQ(calendar_add_workdays(calendar, DATE_NONE, 0, &date, NULL), E_OUT_OF_RANGE);
    EQ(date, 7);
    calendar_destroy(&calendar);
}

TEST(a_year_that_is_not_loaded_is_an_error) {
    calendar_t *calendar = shipped();
    err_t err = {0};
    bool workday = true;
    date_t date = 7;
    OK(!calendar_has_year(calendar, 2018));
    OK(!calendar_has_year(calendar, 1));
    EQ(calendar_is_workday(calendar, day("2018-12-31"), &workday, &err), E_PARAMETER_MISSING);
    EQ_TEXT(err.field, "calendar");
    HAS_TEXT(err.text, "2018");
    EQ(calendar_nth_workday(calendar, month_make(2150, 1), 1, &date, &err), E_PARAMETER_MISSING);
    EQ(calendar_add_workdays(calendar, day("2026-12-31"), 1, &date, &err), E_PARAMETER_MISSING);
    HAS_TEXT(err.text, "2027");
    EQ(calendar_is_workday(calendar, DATE_MAX, &workday, &err), E_PARAMETER_MISSING);
    EQ(date, 7);
    calendar_destroy(&calendar);
    calendar_destroy(&calendar); // twice is fine
}

// Write `text` as YYYY.yaml into a fresh folder, try to load it and clean up.
static int load_text(const char *file, const char *text, calendar_t **calendar, err_t *err) {
    char dir[] = "/tmp/tc_calendar_XXXXXX", path[64];
    NEED(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/%s", dir, file);
    FILE *out = fopen(path, "w");
    NEED(out != NULL);
    fputs(text, out);
    NEED(fclose(out) == 0);
    int rc = calendar_load(calendar, dir, err);
    unlink(path);
    rmdir(dir);
    return rc;
}

TEST(bad_files_are_refused_with_their_line) {
    static const struct {
        const char *text, *part;
    } rows[] = {
        {"year: 2020\nsource: x\nholidays: [2021-01-01]\nworkdays: []\n", "2020.yaml:3: 2021-01-01 is not in 2020"},
        {"year: 2020\nsource: x\nholidays:\n- 2020-01-01\n- 2020-01-01\nworkdays: []\n",
         ":5: 2020-01-01 stands here twice"},
        {"year: 2020\nsource: x\nholidays: [2020-02-01]\nworkdays:\n- 2020-02-01\n", ":5: 2020-02-01 cannot be"},
        {"year: 2020\nsource: x\nholidays: []\nworkdays: [2020-01-03]\n", ":4: 2020-01-03 is no weekend"},
        {"year: 2020\nsource: x\nholidays: [2020-02-30]\nworkdays: []\n", ":3: expected a date"},
        {"year: 2020\nsource: x\nholidays: [[2020-02-03]]\nworkdays: []\n", ":3: expected a date"},
        {"year: 2020\nsource: x\nholidays: [~]\nworkdays: []\n", ":3: expected a date"},
        {"year: 2020\nsource: x\nholidays: []\nworkday: []\n", ":4: workday: unknown key"},
        {"year: 2020\nsource: x\nholidays: []\n", ":1: workdays: expected a list"},
        {"year: 2020\nsource: x\nholidays: 2020-01-01\nworkdays: []\n", ":3: holidays: expected a list"},
        {"year: 2020\nsource:\nholidays: []\nworkdays: []\n", ":2: source: expected"},
        {"year: 2019\nsource: x\nholidays: []\nworkdays: []\n", ":1: year: expected 2020"},
        {"source: x\nholidays: []\nworkdays: []\n", "year: expected 2020"},
        {"- 2020-01-01\n", "expected a map"},
        {"", "empty"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        calendar_t *calendar = NULL;
        err_t err = {0};
        EQ(load_text("2020.yaml", rows[i].text, &calendar, &err), E_POLICY);
        HAS_TEXT(err.text, rows[i].part);
        OK(calendar == NULL);
        calendar_destroy(&calendar);
    }
}

TEST(a_folder_without_years_is_refused) {
    calendar_t *calendar = NULL;
    err_t err = {0};
    EQ(load_text("notes.yaml", "year: 2020\n", &calendar, &err), E_POLICY);
    HAS_TEXT(err.text, "no calendar file");
    EQ(calendar_load(&calendar, "/nowhere/calendar", &err), E_IO);
    HAS_TEXT(err.text, "/nowhere/calendar");
    OK(calendar == NULL);
}

TESTS("base calendar", CASE(working_days_follow_the_notices),
      CASE(a_year_has_as_many_working_days_as_the_notices_leave), CASE(working_days_of_a_month_count_from_both_ends),
      CASE(numbers_that_no_month_has_are_refused), CASE(working_days_are_added_over_holidays),
      CASE(a_year_that_is_not_loaded_is_an_error), CASE(bad_files_are_refused_with_their_line),
      CASE(a_folder_without_years_is_refused))
