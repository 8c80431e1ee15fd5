// Kill -9 at every point of posting, month-end sweep, statements, payments and closing (FUND_CRASH_POINTS): one little
// city, whose bills and receipts are there; what settlement makes of them is thrown away, made again with a kill -9 at
// one point, and must be what it was undisturbed: journal, postings, balances, tasks, statements, orders, seals,
// cursors; and `tongchou verify` passes. Posting is played from an empty store in March 2020, the fund's year from the
// store of that evening in February 2021; at each stage of it the same point kills once more. Real processes; SQLite
// all points, PostgreSQL some of each kind.
#include "crash_dir.h"
#include "founding.h"
#include "tests/check.h"

#ifdef TC_CRASH_POINTS
#include "books.h"
#include "crash_play.h"
#include "common/base/crash_points.h"
#include "common/base/date.h"
#include "common/base/ids.h"
#include "services/cli/sample_person.h"
#include "tests/postgres.h"
#include <poll.h>

enum { PERSONS = 6, SETTLE_MS = 40000, PAUSE_MS = 100 };

static running_t *suite;
static books_t books;
static err_t err;
static crash_dir_t dir;
static uint64_t seed;

#define call(...) running_callf(suite, &err, __VA_ARGS__)

// ---- the city

// From now on it is ten o'clock of the day, for suites that are started from here on and for this test.
static void set_day(date_t day) {
    NEED(running_set_clock(date_end_ms(day) - 14 * 3600 * 1000) == 0);
    NEED(date_of_ms(clock_now_ms()) == day);
}

static const char *const counties[] = {"370402", "370403", "370404", "370405", "370406", "370481"};
static const char *const facilities[] = {"H37040200001", "H37040300001"};

static void found_facilities(void) {
    for (size_t i = 0; i < COUNT_OF(facilities); i++) {
        NEED(
            call(
                "facility", "register_facility",
                "{\"facility\":\"%s\",\"name\":\"示例医院\",\"kind\":\"hospital\",\"level\":\"1\",\"division\":\"%s\"}",
                facilities[i], counties[i]) != NULL);
        NEED(call("facility", "sign_agreement",
                  "{\"facility\":\"%s\",\"agreement\":\"A%zu\",\"from\":\"2020-01-01\",\"until\":\"2020-12-31\"}",
                  facilities[i], i) != NULL);
    }
}

static const char *identity_of(int i) { return i < 4 ? "resident" : "flexible"; }

static void add_person(int i) {
    char body[32];
    snprintf(body, sizeof body, "99000119800101%03d", i);
    NEED(call("enrollment", "register_person",
              "{\"person\":\"P%d\",\"citizen_id\":\"%s%c\",\"name\":\"示例%d\",\"division\":\"%s\"}", i, body,
              citizen_id_check_char(body), i, counties[i % 2]) != NULL);
    NEED(call("enrollment", "open_spell", "{\"person\":\"P%d\",\"identity\":\"%s\",\"from_month\":\"2020-01\"}", i,
              identity_of(i)) != NULL);
}

static void pay(int i, const char *period, const char *on) {
    char person[16], receipt[32];
    snprintf(person, sizeof person, "P%d", i);
    snprintf(receipt, sizeof receipt, "R%d-%s", i, period);
    NEED(pay_due(suite, receipt, "person", person, period, on) == 0);
}

static void contribute(void) {
    NEED(call("collection", "bill_year", "{\"year\":2020}") != NULL);
    for (int i = 0; i < 4; i++) pay(i, "2020", "2019-12-20");
    for (int m = 1; m <= 3; m++) {
        char month[16], day[16];
        snprintf(month, sizeof month, "2020-%02d", m);
        snprintf(day, sizeof day, "2020-%02d-02", m);
        NEED(call("collection", "bill_month", "{\"month\":\"%s\"}", month) != NULL);
        for (int i = 4; i < PERSONS; i++) pay(i, month, day);
    }
}

static void settle(int i, int serial, const char *day, const char *total) {
    NEED(call("adjudication", "settle",
              "{\"bill\":\"B%d-%d\",\"person\":\"P%d\",\"facility\":\"%s\",\"type\":\"inpatient\",\"from\":\"%s\","
              "\"to\":\"%s\",\"area\":\"city\",\"filing\":\"none\",\"total\":\"%s\",\"in_scope\":\"%s\"}",
              i, serial, i, facilities[(i + serial) % 2], day, day, total, total) != NULL);
}

static void fall_ill(void) {
    for (int i = 0; i < PERSONS; i++) {
        settle(i, 1, "2020-02-20", "3000.00");
        settle(i, 2, "2020-03-05", "4000.00");
        settle(i, 3, "2020-02-11", "1234.56"); // before the others
    }
    NEED(call("adjudication", "reverse", "{\"bill\":\"B1-2\",\"person\":\"P1\",\"reason\":\"entered twice\"}") != NULL);
}

static void leave(void) {
    running_stop(&suite);
    crash_dir_remove(&dir);
}

static void found(const char *store) {
    static const char *const overlays[] = {"config/samples/zaozhuang-illustrative.yaml", NULL};
    leave(); // what a failed test left
    NEED(crash_dir_make(&dir) == 0);
    set_day(date_make(2020, 3, 10));
    suite = running_start(&(running_conf_t){.city = "zaozhuang", .store = store, .overlays = overlays});
    NEED(suite != NULL);
    books_of(&books, running_dir(suite), store);
    found_facilities();
    for (int i = 0; i < PERSONS; i++) add_person(i);
    NEED(running_settle_down(suite) == 0);
    contribute();
    NEED(running_settle_down(suite) == 0);
    fall_ill();
    NEED(running_settle_down(suite) == 0);
}

// ---- the fund's year, as a clerk who asks again under the same id until there is an answer

__attribute__((format(printf, 3, 4))) static void command(const char *id, const char *method, const char *format, ...) {
    char json[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(json, sizeof json, format, args);
    va_end(args);
    const char *as = strcmp(method, "approve_orders") == 0 ? "clerk" : "admin"; // who drafts does not approve
    const json_t *reply = running_call(suite, as, "settlement", method, id, json, &err);
    if (!reply) fprintf(stderr, "    %s %s: %s %s\n", method, json, err_name(err.code), err.text);
    NEED(reply != NULL);
}

static void move(const char *reference, const char *fund, const char *from, const char *to, const char *county,
                 const char *amount, const char *on) {
    command(reference, "move_money",
            "{\"reference\":\"%s\",\"fund\":\"%s\",\"from\":\"%s\",\"to\":\"%s\",\"county\":\"%s\",\"amount\":\"%s\","
            "\"on\":\"%s\"}",
            reference, fund, from, to, county, amount, on);
}

static void money_comes_in(void) {
    move("IN-1", "RES_POOL", "payers", "income_county", counties[0], "50000.00", "2020-03-20");
    move("IN-2", "RES_POOL", "payers", "income_county", counties[1], "50000.00", "2020-03-20");
    move("IN-3", "EMP_POOL", "payers", "income_county", counties[0], "50000.00", "2020-03-20");
    move("IN-4", "EMP_POOL", "payers", "income_county", counties[1], "50000.00", "2020-03-20");
}

static void sweep_month(void) {
    char id[32];
    for (size_t i = 0; i < COUNT_OF(counties); i++) {
        snprintf(id, sizeof id, "remit-%zu", i);
        command(id, "do_task",
                "{\"flow\":\"remit_and_sweep\",\"step\":\"remit\",\"period\":\"2020-03\",\"county\":\"%s\",\"on\":"
                "\"2020-03-30\"}",
                counties[i]);
    }
    command("sweep", "do_task",
            "{\"flow\":\"remit_and_sweep\",\"step\":\"sweep\",\"period\":\"2020-03\",\"on\":\"2020-03-31\"}");
    command("empty", "do_task",
            "{\"flow\":\"remit_and_sweep\",\"step\":\"check_empty\",\"period\":\"2020-03\",\"on\":\"2020-03-31\"}");
}

static void draw_statements(void) {
    command("draw", "draw_statements", "{\"month\":\"2020-03\"}");
    for (size_t i = 0; i < COUNT_OF(facilities); i++) {
        char id[32];
        snprintf(id, sizeof id, "confirm-%zu", i);
        command(id, "settle_statement", "{\"facility\":\"%s\",\"month\":\"2020-03\",\"verdict\":\"confirmed\"}",
                facilities[i]);
    }
}

static void pay_orders(void) {
    static const char *const funds[] = {"RES_POOL", "EMP_POOL"};
    char numbers[128], id[32], amounts[2][32];
    for (size_t i = 0; i < 4; i++) {
        snprintf(id, sizeof id, "out-%zu", i);
        move(id, funds[i / 2], "special_city", "expenditure_county", counties[i % 2], "40000.00", "2020-04-05");
    }
    command("draft", "draft_orders", "{\"month\":\"2020-03\"}");
    for (size_t i = 0; i < COUNT_OF(facilities); i++) {
        const json_t *said =
            call("settlement", "get_statement", "{\"facility\":\"%s\",\"month\":\"2020-03\"}", facilities[i]);
        NEED(said != NULL);
        snprintf(amounts[i], sizeof amounts[i], "%s", running_text(said, "total.pay"));
    }
    snprintf(numbers, sizeof numbers, "{\"orders\":[\"%s-2020-03-1\",\"%s-2020-03-1\"]}", facilities[0], facilities[1]);
    command("approve", "approve_orders", "%s", numbers);
    command("send", "send_orders", "%s", numbers);
    command("bank", "confirm_orders",
            "{\"rows\":[{\"row\":1,\"order\":\"%s-2020-03-1\",\"amount\":\"%s\",\"result\":\"paid\",\"on\":"
            "\"2020-04-10\"},{\"row\":2,\"order\":\"%s-2020-03-1\",\"amount\":\"%s\",\"result\":\"paid\",\"on\":"
            "\"2020-04-10\"}]}",
            facilities[0], amounts[0], facilities[1], amounts[1]);
}

static void close_books(void) { command("close", "close_year", "{\"year\":2020,\"text\":\"2020\"}"); }

// ---- the points

#define ITS_NAME(name) name,
static const char *const points[] = {FUND_CRASH_POINTS(ITS_NAME)};

typedef enum stage { POSTING, STARTING, MONEY, SWEEP, STATEMENTS, ORDERS, CLOSING, STAGES } stage_t;
static void (*const plays[STAGES])(void) = {[MONEY] = money_comes_in,
                                            [SWEEP] = sweep_month,
                                            [STATEMENTS] = draw_statements,
                                            [ORDERS] = pay_orders,
                                            [CLOSING] = close_books};
// Where a point is met, and how often at least (in the order of stages).
static const struct meeting {
    const char *prefix;
    uint8_t times[STAGES];
} meetings[] = {{"command_", {0, 0, 4, 8, 3, 8, 1}}, {"journal_", {2, 1, 4, 4, 2, 6, 2}},
                {"effect_", {2, 0, 0, 0, 0, 0, 0}},  {"task_", {0, 0, 0, 8, 0, 0, 0}},
                {"closing_", {0, 0, 0, 0, 0, 0, 1}}, {"statement_", {0, 0, 0, 0, 2, 0, 0}},
                {"payment_", {0, 0, 0, 0, 0, 2, 0}}, {"tasks_tick_", {1, 1, 0, 0, 0, 0, 0}},
                {"dues_", {1, 0, 0, 0, 0, 0, 0}},    {"seal_", {0, 1, 0, 0, 0, 0, 0}}};

static uint8_t times_met(const char *point, stage_t stage) {
    for (size_t i = 0; i < COUNT_OF(meetings); i++)
        if (strncmp(point, meetings[i].prefix, strlen(meetings[i].prefix)) == 0) return meetings[i].times[stage];
    NEED(!"a point has no stage");
    return 0;
}

static bool met_in_year(const char *point) {
    for (stage_t stage = STARTING; stage < STAGES; stage++)
        if (times_met(point, stage)) return true;
    return false;
}

static void arm(const char *point, stage_t stage, draw_t *draw) {
    const uint8_t times = times_met(point, stage);
    if (times) NEED(crash_dir_arm(&dir, point, 1 + (int)draw_below(draw, times)) == 0);
}

static void expect_hit(const char *point, stage_t stage) {
    if (!times_met(point, stage)) return;
    crash_play_expect_hit(&dir, point, (int)stage);
}

// ---- a play

// Everything is posted again from nothing.
static void play_posting(const char *point, const char *undisturbed, draw_t *draw) {
    running_halt(suite);
    NEED(books_forget(&books) == 0);
    arm(point, POSTING, draw);
    NEED(running_resume(suite) == 0);
    expect_hit(point, POSTING);
    crash_play_expect(suite, &books, undisturbed);
}

// Lateness is marked before the first command, or one task more would be late when it is done.
static void wait_for_tick(void) {
    for (int64_t until = clock_now_ms() + SETTLE_MS; clock_now_ms() < until; poll(NULL, 0, PAUSE_MS)) {
        const json_t *late = call("settlement", "list_tasks", "{\"state\":\"late\",\"flow\":\"remit_and_sweep\"}");
        if (late && json_array_size(json_object_get(late, "tasks"))) return;
    }
    NEED(!"no task became late");
}

// The year from the evening on; `point` NULL: undisturbed.
static void play_year(const char *point, draw_t *draw) {
    running_halt(suite);
    NEED(books_give_back(&books) == 0);
    if (point) arm(point, STARTING, draw);
    NEED(running_resume(suite) == 0);
    if (point) expect_hit(point, STARTING);
    wait_for_tick();
    for (stage_t stage = MONEY; stage < STAGES; stage++) {
        if (point) arm(point, stage, draw);
        plays[stage]();
        if (point) expect_hit(point, stage);
    }
}

static void play_all(bool (*is_asked)(const char *point)) {
    draw_t draw = {seed};
    char *posted = crash_play_rest(&books, "|task|");
    for (size_t i = 0; i < COUNT_OF(points); i++)
        if (times_met(points[i], POSTING) && (!is_asked || is_asked(points[i]))) play_posting(points[i], posted, &draw);
    if (!is_asked || is_asked("effect_after_commit")) {
        play_posting("effect_before_commit", posted, &draw);
        play_posting("effect_after_commit", posted, &draw);
    }
    free(posted);
    running_halt(suite);
    NEED(books_keep(&books) == 0);
    set_day(date_make(2021, 2, 20));
    play_year(NULL, &draw);
    char *year = crash_play_rest(&books, "|task|");
    HAS_TEXT(year, "|paid|");
    HAS_TEXT(year, "close.2020.2");
    crash_play_expect(suite, &books, year);
    for (size_t i = 0; i < COUNT_OF(points); i++) {
        if (!met_in_year(points[i]) || (is_asked && !is_asked(points[i]))) continue;
        play_year(points[i], &draw);
        crash_play_expect(suite, &books, year);
    }
    free(year);
}

TEST(each_point_is_hit_at_each_stage_and_leaves_no_trace) {
    seed = crash_dir_seed();
    found(NULL);
    play_all(NULL);
    leave();
}

static bool for_postgres(const char *point) {
    static const char *const some[] = {"command_after_commit", "journal_before_balances", "task_before_close",
                                       "effect_after_commit"};
    for (size_t i = 0; i < COUNT_OF(some); i++)
        if (strcmp(some[i], point) == 0) return true;
    return false;
}

TEST(the_same_on_postgresql) {
    char url[256];
    NEED(postgres_start(url) == 0);
    found(url);
    play_all(for_postgres);
    leave();
    postgres_stop();
}

int main(void) {
    static const check_case_t cases[] = {CASE(each_point_is_hit_at_each_stage_and_leaves_no_trace),
                                         CASE(the_same_on_postgresql)};
    int status = check_run("fund crashes", cases, COUNT_OF(cases));
    leave();
    return status;
}
#else
int main(void) {
    puts("SKIPPED: built without TC_CRASH_POINTS");
    return 0;
}
#endif
