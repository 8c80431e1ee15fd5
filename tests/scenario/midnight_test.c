// Over midnight of 31 December, with real processes whose clock a test build may set: bills are settled without a
// pause. A discharge of the new year is one of the future until the year has come; then it opens a new chain with
// totals of its own, while bills of the old year still find theirs.
#include "founding.h"
#include "common/base/date.h"
#include "tests/check.h"
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { BEFORE_MS = 12000, AFTER_MS = 3000, TELLER_MS = 15 }; // start-up takes some of BEFORE_MS

static running_t *suite;
static err_t err;

#define call(...) running_callf(suite, &err, __VA_ARGS__)

// 1 January 2019 in Shanghai is BEFORE_MS from now.
static void set_clock(void) {
    const int64_t midnight_ms = 1546272000000; // 2019-01-01 00:00 +08:00
    NEED(running_set_clock(midnight_ms - BEFORE_MS) == 0);
    NEED(date_of_ms(clock_now_ms()) == date_make(2018, 12, 31));
}

static void pay_year(int year, const char *receipt, const char *paid_on) {
    char period[16];
    snprintf(period, sizeof period, "%d", year);
    NEED(call("collection", "bill_year", "{\"year\":%d}", year) != NULL);
    NEED(pay_due(suite, receipt, "person", "P1", period, paid_on) == 0);
}

TEST(the_city_of_the_old_year_is_there) {
    static const char *const overlays[] = {"config/samples/jiangmen-illustrative.yaml", NULL};
    set_clock();
    suite = running_start(&(running_conf_t){.overlays = overlays, .adjudication = 2});
    NEED(suite != NULL);
    NEED(found_hospital(suite, "2018-01-01", "2019-12-31") == 0);
    NEED(found_person(suite, "P1", 1, RESIDENT) == 0);
    NEED(running_settle_down(suite) == 0);
    pay_year(2018, "R1", "2017-12-20");
    pay_year(2019, "R2", "2018-12-20");
    NEED(running_settle_down(suite) == 0);
    NEED(date_of_ms(clock_now_ms()) == date_make(2018, 12, 31)); // else BEFORE_MS is too short for this machine
}

static int settle(int number, const char *to, char *used, size_t room) {
    char json[512];
    snprintf(json, sizeof json,
             "{\"bill\":\"B%06d\",\"person\":\"P1\",\"facility\":\"H99000100001\",\"type\":\"inpatient\","
             "\"from\":\"2018-12-28\",\"to\":\"%s\",\"area\":\"city\",\"filing\":\"none\",\"total\":\"1000.00\","
             "\"in_scope\":\"1000.00\"}",
             number, to);
    const json_t *reply = running_call(suite, "admin", "adjudication", "settle", NULL, json, &err);
    if (!reply) return err.code;
    snprintf(used, room, "%lld/%lld", (long long)json_integer_value(json_object_get(reply, "year")),
             (long long)json_integer_value(json_object_get(reply, "seq")));
    return E_OK;
}

TEST(a_discharge_of_the_new_year_is_refused_until_it_has_come_and_opens_a_chain_of_its_own) {
    int old = 0, new = 0, refused = 0, number = 0;
    NEED(suite != NULL);
    const int64_t until_ms = clock_now_ms() + BEFORE_MS + AFTER_MS;
    bool over = false;
    for (int64_t over_ms = INT64_MAX; clock_now_ms() < until_ms && clock_now_ms() < over_ms; number += 2) {
        char used[32], expected[32];
        const bool before = date_of_ms(clock_now_ms()) == date_make(2018, 12, 31);
        int rc = settle(number, "2019-01-01", used, sizeof used);
        const bool still = date_of_ms(clock_now_ms()) == date_make(2018, 12, 31);
        if (before && still) EQ(rc, E_OUT_OF_RANGE);
        if (!before) EQ(rc, E_OK);
        refused += rc != E_OK;
        snprintf(expected, sizeof expected, "2019/%d", new + 1);
        if (rc == E_OK && ++new) EQ_TEXT(used, expected);
        EQ(settle(number + 1, "2018-12-31", used, sizeof used), E_OK);
        snprintf(expected, sizeof expected, "2018/%d", ++old);
        EQ_TEXT(used, expected);
        if (!before && !over) {
            over = true;
            over_ms = clock_now_ms() + AFTER_MS;
        }
        poll(NULL, 0, TELLER_MS);
    }
    OK(over && refused > 0 && new > 0 && old > new);
    fprintf(stderr, "    %d bills of the old year, %d of the new one, %d refused before it came\n", old, new, refused);
}

TEST(both_years_are_right_afterwards) {
    char out[1 << 15];
    const char *const verify[] = {"verify", NULL};
    NEED(suite != NULL);
    EQ(running_settle_down(suite), 0);
    EQ(running_command(suite, out, sizeof out, verify), 0);
    running_stop(&suite);
    OK(suite == NULL);
}

TESTS("midnight of 31 December", CASE(the_city_of_the_old_year_is_there),
      CASE(a_discharge_of_the_new_year_is_refused_until_it_has_come_and_opens_a_chain_of_its_own),
      CASE(both_years_are_right_afterwards))
