// Every crash point (common/base/crash_points.h) is hit once while a person's bills are settled, decided again,
// reversed and readjudicated, paid from a personal account in part; the process comes back, the same commands go on
// under the same ids, and in the end there is nothing that tells the person's story from that of somebody who was never
// disturbed: versions, running totals, account and ledger. Two instances of adjudication; on SQLite and PostgreSQL.
#include "crash_dir.h"
#include "founding.h"
#include "tests/check.h"

#ifdef TC_CRASH_POINTS
#include "common/base/crash_points.h"
#include "common/base/date.h"
#include "services/cli/sample_person.h"
#include "tests/postgres.h"
#include <poll.h>

enum { STORY_MAX = 32768, WAIT_MS = 60000 };

#define ITS_NAME(name) name,
static const char *const points[] = {CRASH_POINTS(ITS_NAME)};
enum { POINTS = COUNT_OF(points), PERSONS = POINTS + 1 }; // the last one is not disturbed

static running_t *suite;
static err_t err;
static crash_dir_t dir;
static uint64_t seed;

#define call(...) running_callf(suite, &err, __VA_ARGS__)

// ---- the city

static void add_person(int i) {
    char person[16];
    snprintf(person, sizeof person, "P%d", i);
    NEED(found_person(suite, person, i, "\"identity\":\"resident\",\"prior_months_tier1\":40") == 0);
}

static void pay(int i) {
    char person[16], receipt[16];
    snprintf(person, sizeof person, "P%d", i);
    snprintf(receipt, sizeof receipt, "R%d", i);
    NEED(pay_due(suite, receipt, "person", person, "2018", "2017-12-20") == 0);
}

static void leave(void) {
    running_stop(&suite);
    crash_dir_remove(&dir);
}

static void found(const char *store) {
    static const char *const overlays[] = {"config/samples/jiangmen-illustrative.yaml", NULL};
    leave(); // what a failed test left
    NEED(crash_dir_make(&dir) == 0);
    suite = running_start(&(running_conf_t){.store = store, .adjudication = 2, .overlays = overlays});
    NEED(suite != NULL);
    NEED(found_hospital(suite, "2018-01-01", "2018-12-31") == 0);
    for (int i = 0; i < PERSONS; i++) add_person(i);
    NEED(running_settle_down(suite) == 0);
    NEED(call("collection", "bill_year", "{\"year\":2018}") != NULL);
    for (int i = 0; i < PERSONS; i++) pay(i);
    NEED(running_settle_down(suite) == 0);
    for (int i = 0; i < PERSONS; i++)
        NEED(call("adjudication", "correct_account",
                  "{\"person\":\"P%d\",\"number\":\"C%d\",\"amount\":\"6000.00\",\"reason\":\"a gift\"}", i,
                  i) != NULL);
}

// ---- what happens to a person

// As a hospital or clerk who asks again under the same id until there is an answer.
__attribute__((format(printf, 4, 5))) static void command(int person, const char *method, int serial,
                                                          const char *format, ...) {
    char json[1024], id[32];
    va_list args;
    va_start(args, format);
    vsnprintf(json, sizeof json, format, args);
    va_end(args);
    snprintf(id, sizeof id, "I%d-%d", person, serial);
    const json_t *reply = running_call(suite, "admin", "adjudication", method, id, json, &err);
    if (!reply) fprintf(stderr, "    %s %s: %s %s\n", method, json, err_name(err.code), err.text);
    NEED(reply != NULL);
}

static void settle(int person, int serial, const char *day, const char *total) {
    command(
        person, "settle", serial,
        "{\"bill\":\"B%d-%d\",\"person\":\"P%d\",\"facility\":\"H99000100001\",\"type\":\"inpatient\",\"from\":\"%s\","
        "\"to\":\"%s\",\"area\":\"city\",\"filing\":\"none\",\"total\":\"%s\",\"in_scope\":\"%s\","
        "\"pay_from_account\":true}",
        person, serial, person, day, day, total, total);
}

static bool any_task_open(void) {
    size_t i;
    json_t *task;
    const json_t *tasks = call("adjudication", "get_tasks", "{}");
    json_array_foreach(json_object_get(tasks, "tasks"), i, task) {
        // The first collects what comes from other services, and never ends.
        if (json_integer_value(json_object_get(task, "number")) && strcmp(running_text(task, "state"), "open") == 0)
            return true;
    }
    return tasks == NULL;
}

static void readjudicate(int person, int serial) {
    command(person, "readjudicate", serial, "{\"what\":{\"person\":\"P%d\"},\"cause\":\"somebody wants to know\"}",
            person);
    int64_t until = clock_now_ms() + WAIT_MS;
    while (any_task_open() && clock_now_ms() < until) poll(NULL, 0, 50);
    OK(clock_now_ms() < until);
}

static void live(int person) {
    settle(person, 1, "2018-03-10", "20000.00");
    settle(person, 2, "2018-04-10", "30000.00");
    settle(person, 3, "2018-02-10", "9000.00"); // before the others
    command(person, "reverse", 4, "{\"bill\":\"B%d-2\",\"person\":\"P%d\",\"reason\":\"entered twice\"}", person,
            person);
    settle(person, 5, "2018-05-10", "150000.00");
    command(person, "correct_account", 8,
            "{\"person\":\"P%d\",\"number\":\"C%d-8\",\"amount\":\"70.00\",\"reason\":"
            "\"forgotten\"}",
            person, person);
    command(person, "recompute", 6, "{\"person\":\"P%d\",\"year\":2018,\"cause\":\"to be sure\"}", person);
    readjudicate(person, 7);
    NEED(running_settle_down(suite) == 0);
}

// ---- what is left of it

static void write_members(char *out, const json_t *object, const char *const *names) {
    for (size_t i = 0; names[i]; i++) {
        char *text = json_dumps(json_object_get(object, names[i]), JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
        const size_t at = strlen(out);
        snprintf(out + at, STORY_MAX - at, "%s=%s ", names[i], text ? text : "");
        free(text);
    }
    const size_t at = strlen(out);
    snprintf(out + at, STORY_MAX - at, "\n");
}

static void write_list(char *out, const json_t *reply, const char *list, const char *const *names) {
    size_t i;
    json_t *entry;
    NEED(reply != NULL);
    json_array_foreach(json_object_get(reply, list), i, entry) write_members(out, entry, names);
}

// Nothing of it names the person or the time.
static void tell_story(int person, char *out) {
    static const char *const version[] = {"seq", "version", "kind",    "decision", "total", "fund",
                                          "own", "paid",    "account", "used",     "steps", NULL},
                             *const entry[] = {"seq", "kind", "amount", "balance", "owed", NULL},
                             *const posted[] = {"postings", NULL};
    char bill[32];
    out[0] = 0;
    for (int serial = 1; serial <= 5; serial++) {
        if (serial == 4) continue;
        snprintf(bill, sizeof bill, "B%d-%d", person, serial);
        write_list(out, call("adjudication", "get_versions", "{\"bill\":\"%s\"}", bill), "decisions", version);
        write_list(out, call("settlement", "get_entries", "{\"reference\":\"%s\"}", bill), "entries", posted);
    }
    write_list(out, call("settlement", "get_entries", "{\"reference\":\"C%d-8\"}", person), "entries", posted);
    write_list(out, call("adjudication", "get_account", "{\"person\":\"P%d\"}", person), "entries", entry);
}

// ---- the points

// How often a story comes by at least. A consumer that is behind takes all events at once, the pump what is due.
static int least_meetings(const char *point) {
    if (strncmp(point, "pump_", 5) == 0 || strncmp(point, "effect_", 7) == 0 || strncmp(point, "tell_", 5) == 0)
        return 1;
    return strncmp(point, "in_", 3) == 0 ? 2 : 4;
}

// What the store has to do with is hit on each.
static bool concerns_store(const char *point) {
    return strstr(point, "commit") || strstr(point, "insert") || strstr(point, "reply") || strstr(point, "booking");
}

static void hit_all(bool (*is_asked)(const char *point)) {
    static char undisturbed[STORY_MAX], story[STORY_MAX];
    draw_t draw = {seed};
    live(POINTS);
    tell_story(POINTS, undisturbed);
    HAS_TEXT(undisturbed, "reversed");
    HAS_TEXT(undisturbed, "refund");
    HAS_TEXT(undisturbed, "allotted/correction");
    for (int i = 0; i < POINTS; i++) {
        if (is_asked && !is_asked(points[i])) continue;
        const int nth = 1 + (int)draw_below(&draw, least_meetings(points[i]));
        NEED(crash_dir_arm(&dir, points[i], nth) == 0);
        live(i);
        const bool was_hit = crash_dir_was_hit(&dir, points[i]);
        if (!was_hit) fprintf(stderr, "    %s was not hit (meeting %d)\n", points[i], nth);
        OK(was_hit);
        tell_story(i, story);
        if (strcmp(story, undisturbed) != 0)
            fprintf(stderr, "    %s, meeting %d: not the undisturbed story:\n%s\nbut\n%s\n", points[i], nth,
                    undisturbed, story);
        OK(strcmp(story, undisturbed) == 0);
    }
}

static void books_are_right(void) {
    static char said[16384];
    const int status = running_command(suite, said, sizeof said, (const char *const[]){"verify", NULL});
    EQ(status, 0);
    if (status) fprintf(stderr, "%s\n", said);
}

TEST(each_point_is_hit_and_leaves_no_trace) {
    seed = crash_dir_seed();
    found(NULL);
    hit_all(NULL);
    books_are_right();
    leave();
}

TEST(the_same_on_postgresql) {
    char url[256];
    NEED(postgres_start(url) == 0);
    found(url);
    hit_all(concerns_store);
    books_are_right();
    leave();
    postgres_stop();
}

int main(void) {
    static const check_case_t cases[] = {CASE(each_point_is_hit_and_leaves_no_trace), CASE(the_same_on_postgresql)};
    int status = check_run("crash points", cases, COUNT_OF(cases));
    leave();
    return status;
}
#else
int main(void) {
    puts("SKIPPED: built without TC_CRASH_POINTS");
    return 0;
}
#endif
