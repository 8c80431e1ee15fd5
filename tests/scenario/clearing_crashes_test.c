// Kill -9 at every point of clearing by points (CLEARING_CRASH_POINTS), and of commands and posting on its way: a
// little city of Zhoushan has its bills of March 2021; in May a clerk clears the month, statements are drawn up, the
// year is cleared, and statements release what the month held. All of it is made undisturbed, then again from the same
// evening with a kill at one point in each stage that meets it, and must be the same: rows, claims, items, statements,
// journal, balances, request ids; and `tongchou verify` passes. Real processes; SQLite all points, PostgreSQL some.
#include "crash_dir.h"
#include "founding.h"
#include "tests/check.h"

#ifdef TC_CRASH_POINTS
#include "books.h"
#include "common/base/crash_points.h"
#include "common/base/ids.h"
#include "crash_play.h"
#include "services/cli/sample_person.h"
#include "tests/postgres.h"

enum { PERSONS = 4 };
#define FIRST "H33090200001"
#define SECOND "H33090200002"

static running_t *suite;
static books_t books;
static err_t err;
static crash_dir_t dir;

#define call(...) running_callf(suite, &err, __VA_ARGS__)

// ---- the city

// From now on it is ten o'clock of the day, for suites that are started from here on and for this test.
static void set_day(date_t day) {
    NEED(running_set_clock(date_end_ms(day) - 14 * 3600 * 1000) == 0);
    NEED(date_of_ms(clock_now_ms()) == day);
}

static void found_facilities(void) {
    static const char *const facilities[] = {FIRST, SECOND};
    for (size_t i = 0; i < COUNT_OF(facilities); i++) {
        NEED(call("facility", "register_facility",
                  "{\"facility\":\"%s\",\"name\":\"示例医院\",\"kind\":\"hospital\",\"level\":\"2\",\"division\":"
                  "\"330902\"}",
                  facilities[i]) != NULL);
        NEED(call("facility", "sign_agreement",
                  "{\"facility\":\"%s\",\"agreement\":\"A%zu\",\"from\":\"2021-01-01\",\"until\":\"2021-12-31\"}",
                  facilities[i], i) != NULL);
    }
}

static void add_person(int i) {
    char body[32];
    snprintf(body, sizeof body, "99000119800101%03d", i);
    NEED(call("enrollment", "register_person",
              "{\"person\":\"P%d\",\"citizen_id\":\"%s%c\",\"name\":\"示例%d\",\"division\":\"330902\"}", i, body,
              citizen_id_check_char(body), i) != NULL);
    NEED(call("enrollment", "open_spell", "{\"person\":\"P%d\",\"identity\":\"resident\",\"from_month\":\"2021-01\"}",
              i) != NULL);
}

static void settle(int i) {
    NEED(call("adjudication", "settle",
              "{\"bill\":\"B%d\",\"person\":\"P%d\",\"facility\":\"%s\",\"type\":\"inpatient\",\"from\":"
              "\"2021-03-10\",\"to\":\"2021-03-18\",\"area\":\"city\",\"filing\":\"none\",\"total\":\"40000.00\","
              "\"in_scope\":\"38000.00\"}",
              i, i, i % 2 ? SECOND : FIRST) != NULL);
}

static void leave(void) {
    running_stop(&suite);
    crash_dir_remove(&dir);
}

static void found(const char *store) {
    static const char *const overlays[] = {"config/samples/zhoushan-illustrative.yaml", NULL};
    leave(); // what a failed test left
    NEED(crash_dir_make(&dir) == 0);
    set_day(date_make(2021, 3, 25));
    suite = running_start(&(running_conf_t){.city = "zhoushan", .store = store, .overlays = overlays});
    NEED(suite != NULL);
    books_of(&books, running_dir(suite), store);
    found_facilities();
    for (int i = 0; i < PERSONS; i++) add_person(i);
    NEED(running_settle_down(suite) == 0);
    NEED(call("collection", "bill_year", "{\"year\":2021}") != NULL);
    for (int i = 0; i < PERSONS; i++) {
        char person[16], receipt[16];
        snprintf(person, sizeof person, "P%d", i);
        snprintf(receipt, sizeof receipt, "R%d", i);
        NEED(pay_due(suite, receipt, "person", person, "2021", "2020-12-20") == 0);
    }
    NEED(running_settle_down(suite) == 0);
    for (int i = 0; i < PERSONS; i++) settle(i);
    NEED(running_settle_down(suite) == 0);
}

// ---- the clearing, by a clerk who asks again under the same id until there is an answer

__attribute__((format(printf, 3, 4))) static void command(const char *id, const char *method, const char *format, ...) {
    char json[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(json, sizeof json, format, args);
    va_end(args);
    const json_t *reply = running_call(suite, "clerk", "settlement", method, id, json, &err);
    if (!reply) fprintf(stderr, "    %s %s: %s %s\n", method, json, err_name(err.code), err.text);
    NEED(reply != NULL);
}

static void open_clearing(const char *period, const char *budget, const char *quality) {
    char id[32], clearing[64];
    snprintf(clearing, sizeof clearing, "points-%s-RES-basic", period);
    snprintf(id, sizeof id, "open-%s", period);
    command(id, "open_clearing", "{\"period\":\"%s\",\"fund\":\"RES\",\"layer\":\"basic\",\"budget\":\"%s\"}", period,
            budget);
    snprintf(id, sizeof id, "lists-%s", period);
    command(id, "add_clearing_rows",
            "{\"clearing\":\"%s\",\"groups\":[{\"name\":\"A\",\"mean\":\"30000.00\",\"cases\":30,\"variation\":"
            "\"0.4\"},{\"name\":\"B\",\"mean\":\"52000.00\",\"cases\":20,\"variation\":\"0.6\"}],\"hospitals\":["
            "{\"facility\":\"" FIRST "\",\"quality\":\"1\"},{\"facility\":\"" SECOND "\",\"quality\":\"%s\"}]}",
            clearing, quality);
    snprintf(id, sizeof id, "cases-%s", period);
    command(id, "add_clearing_rows",
            "{\"clearing\":\"%s\",\"cases\":["
            "{\"row\":2,\"visit\":\"B0\",\"facility\":\"" FIRST "\",\"group\":\"A\",\"mode\":\"drg\",\"coefficient\":"
            "\"1.1\",\"cost\":\"40000.00\",\"patient\":\"12000.00\"},"
            "{\"row\":3,\"visit\":\"B1\",\"facility\":\"" SECOND "\",\"group\":\"A\",\"mode\":\"drg\",\"coefficient\":"
            "\"0.95\",\"cost\":\"40000.00\",\"patient\":\"12000.00\"},"
            "{\"row\":4,\"visit\":\"B2\",\"facility\":\"" FIRST "\",\"group\":\"B\",\"mode\":\"drg\",\"coefficient\":"
            "\"1.05\",\"cost\":\"40000.00\",\"patient\":\"12000.00\"},"
            "{\"row\":5,\"visit\":\"B3\",\"facility\":\"" SECOND "\",\"group\":\"B\",\"mode\":\"drg\",\"coefficient\":"
            "\"0.92\",\"cost\":\"40000.00\",\"patient\":\"12000.00\"}]}",
            clearing);
}

static void open_month(void) { open_clearing("2021-03", "120000.00", "1"); }
static void settle_month(void) {
    command("settle-month", "settle_clearing", "{\"clearing\":\"points-2021-03-RES-basic\"}");
}
static void draw_month(void) { command("draw-03", "draw_statements", "{\"month\":\"2021-03\"}"); }
static void clear_year(void) {
    open_clearing("2021", "125000.00", "0.98");
    command("settle-year", "settle_clearing", "{\"clearing\":\"points-2021-RES-basic\"}");
}
static void draw_release(void) { command("draw-04", "draw_statements", "{\"month\":\"2021-04\"}"); }

// ---- the points

typedef enum stage { OPENING, MONTH, STATEMENTS, YEAR, RELEASE, STAGES } stage_t;
static void (*const plays[STAGES])(void) = {open_month, settle_month, draw_month, clear_year, draw_release};

// Where a point is met, and how often at least (in the order of stages): all of clearing's, and those of others that
// lie on its way.
#define ITS_NAME(name) name,
static const char *const clearing_points[] = {CLEARING_CRASH_POINTS(ITS_NAME)};
static const char *const other_points[] = {"command_before_write", "command_before_commit",   "command_after_commit",
                                           "command_after_reply",  "journal_before_postings", "statement_before_entry"};
static const struct meeting {
    const char *prefix;
    uint8_t times[STAGES];
} meetings[] = {{"clearing_rows_in", {2, 0, 0, 2, 0}},
                {"clearing_before_", {0, 1, 0, 1, 0}},
                {"command_", {3, 1, 1, 4, 1}},
                {"journal_", {0, 0, 2, 0, 2}},
                {"statement_", {0, 0, 2, 0, 2}}};

static uint8_t times_met(const char *point, stage_t stage) {
    for (size_t i = 0; i < COUNT_OF(meetings); i++)
        if (strncmp(point, meetings[i].prefix, strlen(meetings[i].prefix)) == 0) return meetings[i].times[stage];
    NEED(!"a point has no stage");
    return 0;
}

// From the evening on; `point` NULL: undisturbed.
static void play(const char *point, draw_t *draw) {
    running_halt(suite);
    NEED(books_give_back(&books) == 0);
    NEED(running_resume(suite) == 0);
    for (stage_t stage = 0; stage < STAGES; stage++) {
        const uint8_t times = point ? times_met(point, stage) : 0;
        if (times) NEED(crash_dir_arm(&dir, point, 1 + (int)draw_below(draw, times)) == 0);
        plays[stage]();
        if (times) crash_play_expect_hit(&dir, point, (int)stage);
    }
}

static void play_each(const char *const *points, size_t count, const char *undisturbed, draw_t *draw) {
    for (size_t i = 0; i < count; i++) {
        play(points[i], draw);
        crash_play_expect(suite, &books, undisturbed);
    }
}

static char *undisturbed_books(draw_t *draw) {
    running_halt(suite);
    NEED(books_keep(&books) == 0);
    set_day(date_make(2021, 5, 10));
    play(NULL, draw);
    char *told = crash_play_rest(&books, "|clearing|points-2021-RES-basic|2021|RES|basic|settled|");
    HAS_TEXT(told, "|claim|" SECOND "|points-2021-RES-basic.release|");
    HAS_TEXT(told, "|clearing|points-2021-03-RES-basic|basic|RES|330902|"); // items of statements
    HAS_TEXT(told, "|released|points:2021:RES:basic|");
    crash_play_expect(suite, &books, told);
    return told;
}

TEST(each_point_is_hit_at_each_stage_of_a_clearing_and_leaves_no_trace) {
    draw_t draw = {crash_dir_seed()};
    found(NULL);
    char *told = undisturbed_books(&draw);
    play_each(clearing_points, COUNT_OF(clearing_points), told, &draw);
    play_each(other_points, COUNT_OF(other_points), told, &draw);
    free(told);
    leave();
}

TEST(a_clearing_on_postgresql_leaves_no_trace_either) {
    static const char *const some[] = {"clearing_rows_in", "clearing_before_claims", "command_after_commit"};
    draw_t draw = {crash_dir_seed()};
    char url[256];
    NEED(postgres_start(url) == 0);
    found(url);
    char *told = undisturbed_books(&draw);
    play_each(some, COUNT_OF(some), told, &draw);
    free(told);
    leave();
    postgres_stop();
}

int main(void) {
    static const check_case_t cases[] = {CASE(each_point_is_hit_at_each_stage_of_a_clearing_and_leaves_no_trace),
                                         CASE(a_clearing_on_postgresql_leaves_no_trace_either)};
    int status = check_run("clearing crashes", cases, COUNT_OF(cases));
    leave();
    return status;
}
#else
int main(void) {
    puts("SKIPPED: built without TC_CRASH_POINTS");
    return 0;
}
#endif
