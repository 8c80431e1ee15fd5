// What changes the past, through real processes: arrears paid late, an agreement signed backwards, a policy amended
// backwards. The bills that they concern are decided again, the books follow, a dry run said so before, and a leader
// that dies in the middle loses nothing. Two instances of adjudication.
#include "founding.h"
#include "common/base/date.h"
#include "common/store/store.h"
#include "tests/check.h"
#include "tests/postgres.h"
#include <poll.h>

enum { PEOPLE = 120, WAIT_MS = 60000 };

static running_t *suite;
static err_t err;
static const char *store_url; // NULL: SQLite in the suite's folder
static char postgres_url[256];
static char amended_file[300];
#define city_file TC_SOURCE_DIR "/config/cities/jiangmen.yaml"

#define call(...) running_callf(suite, &err, __VA_ARGS__)

static int tongchou(char *out, size_t room, const char *const *args) {
    int status = running_command(suite, out, room, args);
    if (status > 1) fprintf(stderr, "    %s %s: status %d: %s\n", args[0], args[1], status, out);
    return status;
}
#define RUN(out, ...) tongchou(out, sizeof(out), (const char *const[]){__VA_ARGS__, NULL})

// ---- the city: residents who paid, and E1, which has paid for January and February only

static void found_hospitals(void) {
    NEED(found_hospital(suite, "2018-01-01", "2018-12-31") == 0);
    NEED(call("facility", "register_facility",
              "{\"facility\":\"H99000100002\",\"name\":\"示例医院\",\"kind\":\"hospital\",\"level\":\"2\","
              "\"division\":\"440703\"}") != NULL);
}

static void found_people(void) {
    char name[16], receipt[32];
    NEED(found_employer(suite) == 0);
    NEED(found_person(suite, "W1", 900, EMPLOYEE) == 0);
    for (int i = 0; i < PEOPLE; i++) {
        snprintf(name, sizeof name, "P%d", i);
        NEED(found_person(suite, name, i, "\"identity\":\"resident\",\"prior_months_tier1\":40") == 0);
    }
    NEED(running_settle_down(suite) == 0);
    NEED(call("collection", "bill_year", "{\"year\":2018}") != NULL);
    for (int i = 0; i < PEOPLE; i++) {
        snprintf(name, sizeof name, "P%d", i);
        snprintf(receipt, sizeof receipt, "R%d", i);
        NEED(pay_due(suite, receipt, "person", name, "2018", "2017-12-20") == 0);
    }
    for (int m = 1; m <= 3; m++) NEED(call("collection", "bill_month", "{\"month\":\"2018-0%d\"}", m) != NULL);
    NEED(pay_due(suite, "E-1", "employer", "E1", "2018-01", "2018-01-31") == 0);
    NEED(pay_due(suite, "E-2", "employer", "E1", "2018-02", "2018-02-28") == 0);
    NEED(running_settle_down(suite) == 0);
}

static const json_t *settle(const char *bill, const char *person, int hospital, const char *to, const char *total) {
    return call("adjudication", "settle",
                "{\"bill\":\"%s\",\"person\":\"%s\",\"facility\":\"H9900010000%d\",\"type\":\"inpatient\","
                "\"from\":\"2018-03-01\",\"to\":\"%s\",\"area\":\"city\",\"filing\":\"none\",\"total\":\"%s\","
                "\"in_scope\":\"%s\"}",
                bill, person, hospital, to, total, total);
}

static void found(void) {
    static const char *const overlays[] = {"config/samples/jiangmen-illustrative.yaml", NULL};
    suite = running_start(&(running_conf_t){.store = store_url, .adjudication = 2, .overlays = overlays});
    NEED(suite != NULL);
    found_hospitals();
    found_people();
    snprintf(amended_file, sizeof amended_file, "%s/amended.yaml", running_dir(suite));
    FILE *file = fopen(amended_file, "w");
    NEED(file != NULL);
    fputs("overlay: amended\nstatus: draft\nparameters:\n  catastrophic_threshold:\n"
          "    - {from: 2018-01-01, value: 20000.00, source: \"an amendment made up for a test\"}\n",
          file);
    NEED(fclose(file) == 0);
}

// ---- waiting for what comes by itself

static const json_t *newest(const char *bill) {
    return running_callf(suite, &err, "adjudication", "get_decision", "{\"bill\":\"%s\"}", bill);
}

static int versions(const char *bill) {
    const json_t *now = newest(bill);
    return now ? (int)json_integer_value(json_object_get(now, "version")) : -1;
}

static bool wait_version(const char *bill, int version) {
    for (int64_t until = clock_now_ms() + WAIT_MS; clock_now_ms() < until; poll(NULL, 0, 100))
        if (versions(bill) >= version) return true;
    fprintf(stderr, "    %s has no version %d\n", bill, version);
    return false;
}

static bool wait_ended(long long task, char *state, size_t room) {
    for (int64_t until = clock_now_ms() + WAIT_MS; clock_now_ms() < until; poll(NULL, 0, 100)) {
        const json_t *now = running_callf(suite, &err, "adjudication", "get_task", "{\"number\":%lld}", task);
        snprintf(state, room, "%s", now ? running_text(now, "state") : "nobody answers");
        if (now && strcmp(state, "open") != 0) return true;
    }
    return false;
}

static void books_are_right(void) {
    static char said[16384];
    EQ(running_settle_down(suite), 0);
    const int status = RUN(said, "verify");
    EQ(status, 0);
    if (status) fprintf(stderr, "%s\n", said);
}

static long long field_of(const char *json, const char *field) {
    json_t *object = json_loads(json, 0, NULL);
    long long value = json_integer_value(json_object_get(object, field));
    json_decref(object);
    return value;
}

// ---- the stories

TEST(arrears_paid_late_pay_the_bill_of_the_time_that_they_cover) {
    found();
    const json_t *first = settle("W1-1", "W1", 1, "2018-04-10", "12345.67");
    NEED(first != NULL);
    EQ_TEXT(running_text(first, "decision"), "not_covered");
    NEED(pay_due(suite, "E-3", "employer", "E1", "2018-03", "2018-05-20") == 0);
    OK(wait_version("W1-1", 2));
    const json_t *now = newest("W1-1");
    EQ_TEXT(running_text(now, "decision"), "paid");
    EQ_TEXT(running_text(now, "kind"), "recomputed");
    EQ_TEXT(running_text(now, "previous.fund"), "0.00");
    OK(strcmp(running_text(now, "fund"), "0.00") != 0);
    books_are_right();
}

TEST(an_agreement_signed_backwards_counts_for_the_bills_of_its_days) {
    char before[32];
    NEED(suite != NULL);
    const json_t *first = settle("P0-1", "P0", 2, "2018-04-10", "12345.67");
    NEED(first != NULL);
    snprintf(before, sizeof before, "%s", running_text(first, "own"));
    NEED(settle("P1-1", "P1", 2, "2018-07-10", "12345.67") != NULL);
    NEED(
        call("facility", "sign_agreement",
             "{\"facility\":\"H99000100002\",\"agreement\":\"A2\",\"from\":\"2018-04-01\",\"until\":\"2018-06-30\"}") !=
        NULL);
    OK(wait_version("P0-1", 2));
    const json_t *now = newest("P0-1");
    EQ_TEXT(running_text(now, "previous.own"), before);
    OK(strcmp(running_text(now, "own"), before) != 0);
    EQ(versions("P1-1"), 1); // outside the days of the agreement
    books_are_right();
}

static void settle_everybody(void) {
    char bill[16], person[16], total[32];
    for (int i = 2; i < PEOPLE; i++) {
        snprintf(bill, sizeof bill, "P%d-c", i);
        snprintf(person, sizeof person, "P%d", i);
        snprintf(total, sizeof total, "%d.00", 20000 + i * 1500); // some never reach the threshold
        NEED(settle(bill, person, 1, "2018-05-10", total) != NULL);
    }
}

TEST(a_dry_run_of_an_amended_policy_says_what_the_release_then_does) {
    static char dry[4096], again[4096], real[4096];
    NEED(suite != NULL);
    settle_everybody();
    EQ(RUN(dry, "policy", "release", city_file, "--overlay", TC_SOURCE_DIR "/config/samples/jiangmen-illustrative.yaml",
           "--overlay", amended_file, "--amends-from", "2018-01-01", "--dry-run", "--json"),
       0);
    OK(field_of(dry, "changed") > 10);
    OK(field_of(dry, "changed") < field_of(dry, "found"));
    EQ(field_of(dry, "gainers"), field_of(dry, "changed"));
    EQ(versions("P100-c"), 1);
    EQ(RUN(again, "readjudicate", "--dry-run", "--policy", city_file, "--overlay",
           TC_SOURCE_DIR "/config/samples/jiangmen-illustrative.yaml", "--overlay", amended_file, "--from",
           "2018-01-01", "--json"),
       0);
    EQ_TEXT(again, dry);
    EQ(RUN(real, "policy", "release", city_file, "--overlay",
           TC_SOURCE_DIR "/config/samples/jiangmen-illustrative.yaml", "--overlay", amended_file, "--amends-from",
           "2018-01-01", "--reason", "the threshold was lowered", "--json"),
       0);
    EQ_TEXT(real, dry);
    EQ(versions("P100-c"), 2);
    books_are_right();
}

TEST(a_bill_settled_after_the_release_is_decided_by_the_new_policy_in_every_instance) {
    NEED(suite != NULL);
    const json_t *first = newest("P100-c");
    char policy[80];
    NEED(first != NULL);
    snprintf(policy, sizeof policy, "%s", running_text(first, "policy"));
    for (int i = 2; i < 12; i++) {
        char bill[16], person[16];
        snprintf(bill, sizeof bill, "P%d-n", i);
        snprintf(person, sizeof person, "P%d", i);
        const json_t *made = settle(bill, person, 1, "2018-06-10", "1000.00");
        NEED(made != NULL);
        EQ_TEXT(running_text(made, "policy"), policy);
    }
}

static void leader(char *name, size_t room) {
    char url[300];
    store_t *store = NULL;
    arena_t *arena = arena_new(4096, 0);
    rows_t rows;
    snprintf(url, sizeof url, "sqlite:%s/store", running_dir(suite));
    NEED(store_open_read_only(&store, store_url ? store_url : url, "adjudication", &err) == E_OK);
    NEED(store_query(store, "SELECT holder FROM lease", NULL, 0, arena, &rows, &err) == E_OK && rows.count == 1);
    snprintf(name, room, "%s", row_text(&rows, 0, 0));
    arena_destroy(&arena);
    store_close(&store);
}

TEST(a_leader_that_is_killed_in_the_middle_is_followed_and_the_figures_are_those_of_the_dry_run) {
    static char dry[4096], out[4096];
    char name[80], state[32];
    NEED(suite != NULL);
    EQ(RUN(dry, "policy", "release", city_file, "--overlay", TC_SOURCE_DIR "/config/samples/jiangmen-illustrative.yaml",
           "--amends-from", "2018-01-01", "--dry-run", "--json"),
       0);
    OK(field_of(dry, "changed") > 10);
    EQ(RUN(out, "policy", "release", city_file, "--overlay", TC_SOURCE_DIR "/config/samples/jiangmen-illustrative.yaml",
           "--amends-from", "2018-01-01", "--reason", "the amendment was repealed", "--detach", "--json"),
       0);
    const long long task = field_of(out, "task");
    OK(task > 0);
    leader(name, sizeof name);
    for (int64_t until = clock_now_ms() + WAIT_MS; clock_now_ms() < until; poll(NULL, 0, 2)) {
        const json_t *now = running_callf(suite, &err, "adjudication", "get_task", "{\"number\":%lld}", task);
        if (now && json_integer_value(json_object_get(now, "found")) > 0) break;
    }
    EQ(running_kill(suite, name), 0);
    OK(wait_ended(task, state, sizeof state));
    EQ_TEXT(state, "done");
    const json_t *now = running_callf(suite, &err, "adjudication", "get_task", "{\"number\":%lld}", task);
    NEED(now != NULL);
    EQ(json_integer_value(json_object_get(now, "changed")), field_of(dry, "changed"));
    EQ(json_integer_value(json_object_get(now, "recomputed")), field_of(dry, "found"));
    EQ(json_integer_value(json_object_get(now, "versions")), field_of(dry, "versions"));
    HAS_TEXT(dry, running_text(now, "fund"));
    HAS_TEXT(dry, running_text(now, "own"));
    EQ(versions("P100-c"), 3);
    books_are_right();
    running_stop(&suite);
}

TEST(the_same_on_postgresql) {
    store_url = postgres_url;
    NEED(postgres_start(postgres_url) == 0);
    arrears_paid_late_pay_the_bill_of_the_time_that_they_cover();
    an_agreement_signed_backwards_counts_for_the_bills_of_its_days();
    a_dry_run_of_an_amended_policy_says_what_the_release_then_does();
    a_leader_that_is_killed_in_the_middle_is_followed_and_the_figures_are_those_of_the_dry_run();
    postgres_stop();
}

int main(void) {
    static const check_case_t cases[] = {
        CASE(arrears_paid_late_pay_the_bill_of_the_time_that_they_cover),
        CASE(an_agreement_signed_backwards_counts_for_the_bills_of_its_days),
        CASE(a_dry_run_of_an_amended_policy_says_what_the_release_then_does),
        CASE(a_bill_settled_after_the_release_is_decided_by_the_new_policy_in_every_instance),
        CASE(a_leader_that_is_killed_in_the_middle_is_followed_and_the_figures_are_those_of_the_dry_run),
        CASE(the_same_on_postgresql),
    };
    int status = check_run("readjudicate", cases, COUNT_OF(cases));
    running_stop(&suite);
    return status;
}
