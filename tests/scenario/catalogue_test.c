// A catalogue from a file, and a visit under it, through real processes: lines → quote → settle → get_visit → reverse.
// The catalogue is the shipped synthetic one; the amounts of its entries are worked out by hand here.
#include "common/store/store.h"
#include "founding.h"
#include "tests/check.h"

static running_t *suite;
static err_t err;

#define call(...) running_callf(suite, &err, __VA_ARGS__)
#define CATALOGUE TC_SOURCE_DIR "/config/samples/demo-catalogue.csv"

static int run(char *out, size_t room, const char *const *words) { return running_command(suite, out, room, words); }

static void found_the_city(void) {
    NEED(found_hospital(suite, "2018-01-01", "2018-12-31") == 0);
    NEED(found_person(suite, "P1", 1, RESIDENT) == 0);
    NEED(running_settle_down(suite) == 0);
    NEED(call("collection", "bill_year", "{\"year\":2018}") != NULL);
    NEED(pay_due(suite, "R1", "person", "P1", "2018", "2017-12-20") == 0);
    NEED(running_settle_down(suite) == 0);
}

TEST(the_suite_comes_up) {
    static const char *const overlays[] = {"config/samples/jiangmen-illustrative.yaml", NULL};
    suite = running_start(&(running_conf_t){.adjudication = 2, .overlays = overlays});
    NEED(suite != NULL);
    found_the_city();
}

TEST(a_file_is_loaded_once_and_shown) {
    char out[4096], path[512];
    snprintf(path, sizeof path, "%s", running_dir(suite));
    const char *dry[] = {"catalogue", "load", CATALOGUE, "--dry", "--data", path, NULL};
    const char *load[] = {"catalogue", "load", CATALOGUE, "--data", path, NULL};
    const char *show[] = {"catalogue", "show", "drug", "XR04XXD000B000040394397", "--on", "2018-03-01",
                          "--data",    path,   NULL};
    const char *none[] = {"catalogue", "show", "drug", "XR04XXD000B000040394397", "--on", "2017-03-01",
                          "--data",    path,   NULL};
    EQ(run(out, sizeof out, dry), 0);
    HAS_TEXT(out, "4085 added, 0 unchanged, 0 refused");
    EQ(run(out, sizeof out, load), 0);
    HAS_TEXT(out, "4085 added, 0 unchanged, 0 refused");
    EQ(run(out, sizeof out, load), 0);
    HAS_TEXT(out, "0 added, 4085 unchanged, 0 refused");
    EQ(run(out, sizeof out, show), 0);
    HAS_TEXT(out, "class B");
    HAS_TEXT(out, "price limit (限价): 14.00");
    EQ(run(out, sizeof out, none), 1);
}

#define LINES                                                                                                          \
    "{\"line\":1,\"kind\":\"drug\",\"code\":\"XR04XXD000B000040394397\",\"quantity_milli\":10000,\"price\":\"15.00\"," \
    "\"amount\":\"150.00\",\"used_on\":\"2018-03-02\"},"                                                               \
    "{\"line\":2,\"kind\":\"item\",\"code\":\"000112000060000\",\"quantity_milli\":2000,\"price\":\"500.00\","         \
    "\"amount\":\"1000.00\"},"                                                                                         \
    "{\"line\":3,\"kind\":\"material\",\"code\":\"C000\",\"quantity_milli\":1000,\"price\":\"50.00\","                 \
    "\"amount\":\"50.00\"}"
#define BILL                                                                                                           \
    "{\"bill\":\"V1\",\"person\":\"P1\",\"facility\":\"H99000100001\",\"type\":\"inpatient\",\"from\":\"2018-03-01\"," \
    "\"to\":\"2018-03-09\",\"area\":\"city\",\"filing\":\"none\",\"lines_registered\":true}"

// 10 × 15.00 above a limit of 14.00: 10.00 off; 5 % of 140.00 first: 7.00; 1,000.00 of class A; 50.00 of nothing.
static void is_split(const json_t *decision) {
    EQ_TEXT(running_text(decision, "total"), "1200.00");
    EQ_TEXT(running_text(decision, "in_scope"), "1133.00");
    EQ_TEXT(running_text(decision, "input.full_own"), "50.00");
    EQ_TEXT(running_text(decision, "input.over_limit"), "10.00");
    EQ_TEXT(running_text(decision, "input.first_pay"), "7.00");
    EQ_TEXT(running_text(decision, "decision"), "paid");
}

static const char *state(void) {
    return running_text(call("adjudication", "get_visit", "{\"bill\":\"V1\",\"person\":\"P1\"}"), "state");
}

TEST(a_visit_from_its_lines_to_its_settlement) {
    NEED(call("adjudication", "register_visit",
              "{\"bill\":\"V1\",\"person\":\"P1\",\"facility\":\"H99000100001\",\"type\":\"inpatient\","
              "\"from\":\"2018-03-01\"}") != NULL);
    NEED(call("adjudication", "add_lines", "{\"bill\":\"V1\",\"person\":\"P1\",\"lines\":[" LINES "]}") != NULL);
    char own[32], fund[32];
    const json_t *quote = call("adjudication", "quote", BILL);
    NEED(quote != NULL);
    is_split(quote);
    snprintf(own, sizeof own, "%s", running_text(quote, "own"));
    snprintf(fund, sizeof fund, "%s", running_text(quote, "fund"));
    EQ_TEXT(state(), "registered");
    const json_t *settled = call("adjudication", "settle", BILL);
    NEED(settled != NULL);
    is_split(settled);
    EQ_TEXT(running_text(settled, "own"), own);
    EQ_TEXT(running_text(settled, "fund"), fund);
    const json_t *visit = call("adjudication", "get_visit", "{\"bill\":\"V1\",\"person\":\"P1\"}");
    NEED(visit != NULL);
    EQ_TEXT(running_text(visit, "state"), "settled");
    EQ_TEXT(running_text(visit, "amount"), "1200.00");
    EQ_TEXT(running_text(visit, "lines.0.class"), "B");
    EQ_TEXT(running_text(visit, "lines.0.first_pay"), "7.00");
    EQ_TEXT(running_text(visit, "lines.0.over_limit"), "10.00");
    EQ_TEXT(running_text(visit, "lines.1.in_scope"), "1000.00");
    EQ_TEXT(running_text(visit, "lines.2.full_own"), "50.00");
    OK(!call("adjudication", "add_lines", "{\"bill\":\"V1\",\"person\":\"P1\",\"lines\":[" LINES "]}"));
    EQ(err.code, E_EXISTS);
}

// Enrolment reads the sex from the citizen ID, collection passes it on: P1 is a man.
TEST(a_limit_to_one_sex_reaches_from_enrolment_to_the_line) {
    const json_t *split = call("adjudication", "split",
                               "{\"person\":\"P1\",\"facility\":\"H99000100001\",\"type\":\"inpatient\","
                               "\"to\":\"2018-03-09\",\"lines\":["
                               "{\"line\":1,\"kind\":\"drug\",\"code\":\"XM02ADH019F000050298617\","
                               "\"quantity_milli\":1000,\"price\":\"5.00\",\"amount\":\"5.00\"},"
                               "{\"line\":2,\"kind\":\"item\",\"code\":\"000112001580000\","
                               "\"quantity_milli\":1000,\"price\":\"5.00\",\"amount\":\"5.00\"}]}");
    NEED(split != NULL);
    EQ_TEXT(running_text(split, "lines.0.full_own"), "5.00");
    HAS_TEXT(running_text(split, "lines.0.reason"), "other sex");
    EQ_TEXT(running_text(split, "lines.1.in_scope"), "5.00");
}

TEST(the_books_are_right_with_it) {
    char out[8192];
    NEED(running_settle_down(suite) == 0);
    EQ(run(out, sizeof out, (const char *[]){"verify", "--data", running_dir(suite), NULL}), 0);
    // The lines that a decision was made on belong to the books too.
    char url[512];
    store_t *store;
    snprintf(url, sizeof url, "sqlite:%s/store", running_dir(suite));
    NEED(store_open(&store, url, "adjudication", &err) == E_OK);
    NEED(store_exec(store, "DELETE FROM visit_split", NULL, 0, &err) == E_OK);
    store_close(&store);
    EQ(run(out, sizeof out, (const char *[]){"verify", "--data", running_dir(suite), NULL}), 1);
    HAS_TEXT(out, "BROKEN chains            1 records");
}

TEST(its_reversal_is_the_visits) {
    NEED(call("adjudication", "reverse", "{\"bill\":\"V1\",\"person\":\"P1\",\"reason\":\"entered twice\"}") != NULL);
    EQ_TEXT(state(), "reversed");
    running_stop(&suite);
}

TESTS("catalogue", CASE(the_suite_comes_up), CASE(a_file_is_loaded_once_and_shown),
      CASE(a_visit_from_its_lines_to_its_settlement), CASE(a_limit_to_one_sex_reaches_from_enrolment_to_the_line),
      CASE(the_books_are_right_with_it), CASE(its_reversal_is_the_visits))
