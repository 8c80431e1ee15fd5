// Personal accounts through real processes: contributions credit them, bills are paid from them, reversals give back,
// and instances that are killed in between lose nothing and pay nothing twice. Two instances of adjudication.
#include "founding.h"
#include "common/base/date.h"
#include "tests/check.h"
#include "tests/postgres.h"
#include <poll.h>

enum { BILLS = 12, WAIT_MS = 60000 };

static running_t *suite;
static err_t err;
static const char *store_url; // NULL: SQLite in the suite's folder
static char postgres_url[256];

#define call(...) running_callf(suite, &err, __VA_ARGS__)

static void books_are_right(void) {
    static char said[16384];
    EQ(running_settle_down(suite), 0);
    const int status = running_command(suite, said, sizeof said, (const char *const[]){"verify", NULL});
    EQ(status, 0);
    if (status) fprintf(stderr, "%s\n", said);
}

static const char *balance(const char *person) {
    const json_t *account = call("adjudication", "get_account", "{\"person\":\"%s\"}", person);
    return account ? running_text(account, "balance") : "nobody answers";
}

static bool wait_balance(const char *person, const char *expected) {
    for (int64_t until = clock_now_ms() + WAIT_MS; clock_now_ms() < until; poll(NULL, 0, 100))
        if (strcmp(balance(person), expected) == 0) return true;
    fprintf(stderr, "    the account of %s has %s, not %s\n", person, balance(person), expected);
    return false;
}

static void pay_month(int month) {
    char receipt[16], period[16], day[16];
    snprintf(receipt, sizeof receipt, "E-%d", month);
    snprintf(period, sizeof period, "2018-%02d", month);
    snprintf(day, sizeof day, "2018-%02d-28", month);
    NEED(call("collection", "bill_month", "{\"month\":\"%s\"}", period) != NULL);
    NEED(pay_due(suite, receipt, "employer", "E1", period, day) == 0);
}

static void found(void) {
    static const char *const overlays[] = {"config/samples/jiangmen-illustrative.yaml",
                                           "tests/data/family-accounts.yaml", NULL};
    suite = running_start(&(running_conf_t){.store = store_url, .adjudication = 2, .overlays = overlays});
    NEED(suite != NULL);
    NEED(found_hospital(suite, "2018-01-01", "2018-12-31") == 0);
    NEED(found_employer(suite) == 0);
    NEED(found_person(suite, "W1", 1, EMPLOYEE) == 0);
    NEED(found_person(suite, "W2", 3, EMPLOYEE) == 0);
    NEED(running_settle_down(suite) == 0);
    for (int month = 1; month <= 4; month++) pay_month(month);
    NEED(running_settle_down(suite) == 0);
}

// Given again it is the same request.
static const json_t *settle(const char *bill, const char *person, const char *relative) {
    char body[512], id[32];
    snprintf(id, sizeof id, "settle-%s-%d", bill, relative != NULL);
    snprintf(body, sizeof body,
             "{\"bill\":\"%s\",\"person\":\"%s\",\"facility\":\"H99000100001\",\"type\":\"inpatient\","
             "\"from\":\"2018-04-01\",\"to\":\"2018-04-10\",\"area\":\"city\",\"filing\":\"none\",\"total\":"
             "\"12345.67\",\"in_scope\":\"12345.67\",\"pay_from_account\":true,\"account_of\":[%s%s%s]}",
             bill, person, relative ? "\"" : "", relative ? relative : "", relative ? "\"" : "");
    return running_call(suite, "admin", "adjudication", "settle", id, body, &err);
}

TEST(JM_A_11_contributions_are_credited_and_pay_the_own_part) {
    found();
    // 0.5% and 1.5% of 5,000.00 are more than the minimum of the age: 100.00 a month.
    OK(wait_balance("W1", "400.00"));
    OK(wait_balance("W2", "400.00"));
    books_are_right();
    const json_t *first = settle("B1", "W1", NULL);
    NEED(first != NULL);
    EQ_TEXT(running_text(first, "account"), "400.00");
    EQ_TEXT(running_text(first, "account_parts.0.person"), "W1");
    EQ_TEXT(balance("W1"), "0.00");
    books_are_right();
}

TEST(a_reversal_gives_back_and_relatives_pay_when_they_share) {
    NEED(suite != NULL);
    NEED(call("adjudication", "reverse", "{\"bill\":\"B1\",\"person\":\"W1\",\"reason\":\"a test\"}") != NULL);
    EQ_TEXT(balance("W1"), "400.00");
    OK(settle("B2", "W1", "W2") == NULL);
    EQ(err.code, E_DENIED);
    NEED(call("adjudication", "share_account", "{\"person\":\"W2\",\"relative\":\"W1\",\"from\":\"2018-01-01\"}") !=
         NULL);
    const json_t *second = settle("B2", "W1", "W2");
    NEED(second != NULL);
    EQ_TEXT(running_text(second, "account"), "800.00");
    EQ_TEXT(running_text(second, "account_parts.1.person"), "W2");
    EQ_TEXT(balance("W2"), "0.00");
    NEED(call("adjudication", "reverse", "{\"bill\":\"B2\",\"person\":\"W1\",\"reason\":\"a test\"}") != NULL);
    EQ_TEXT(balance("W2"), "400.00");
    books_are_right();
}

// Each instance dies in turn, between a settlement and the reversal of it; months are credited meanwhile.
TEST(nothing_is_lost_or_paid_twice_when_instances_are_killed) {
    NEED(suite != NULL);
    for (int i = 0; i < BILLS; i++) {
        char bill[16], name[32];
        snprintf(bill, sizeof bill, "K%d", i);
        snprintf(name, sizeof name, "adjudication-%d", 1 + i % 2);
        if (i < 4) pay_month(5 + i);
        const int pid = running_pid(suite, name);
        NEED(settle(bill, i % 2 ? "W1" : "W2", i % 2 ? "W2" : NULL) != NULL);
        if (i % 3 == 0) {
            EQ(running_kill(suite, name), 0);
            EQ(running_wait_restarted(suite, name, pid), 0);
        }
        NEED(settle(bill, i % 2 ? "W1" : "W2", i % 2 ? "W2" : NULL) != NULL); // the same request again
        if (i + 1 < BILLS)
            NEED(call("adjudication", "reverse", "{\"bill\":\"%s\",\"person\":\"W%d\",\"reason\":\"a test\"}", bill,
                      i % 2 ? 1 : 2) != NULL);
    }
    NEED(call("adjudication", "reverse", "{\"bill\":\"K%d\",\"person\":\"W1\",\"reason\":\"a test\"}", BILLS - 1) !=
         NULL);
    OK(wait_balance("W1", "800.00"));
    OK(wait_balance("W2", "800.00"));
    books_are_right();
}

TEST(the_suite_stops) { running_stop(&suite); }

TEST(the_same_on_postgresql) {
    NEED(postgres_start(postgres_url) == 0);
    store_url = postgres_url;
    JM_A_11_contributions_are_credited_and_pay_the_own_part();
    a_reversal_gives_back_and_relatives_pay_when_they_share();
    nothing_is_lost_or_paid_twice_when_instances_are_killed();
    running_stop(&suite);
    postgres_stop();
}

TESTS("personal accounts in a suite", CASE(JM_A_11_contributions_are_credited_and_pay_the_own_part),
      CASE(a_reversal_gives_back_and_relatives_pay_when_they_share),
      CASE(nothing_is_lost_or_paid_twice_when_instances_are_killed), CASE(the_suite_stops),
      CASE(the_same_on_postgresql))
