// What becomes of persons, with real processes: merged numbers, a death, credits without a bill, money that pays no
// bill any more and is decided. `tongchou verify` holds all books against each other after each step.
#include "founding.h"
#include "common/base/check.h"
#include "common/base/ids.h"
#include "common/base/money.h"
#include "tests/check.h"
#include "tests/postgres.h"
#include <stdarg.h>

static running_t *suite;
static unsigned serial;

// Single quotes in `format` stand for double ones.
__attribute__((format(printf, 3, 4))) static const json_t *ask(const char *service, const char *method,
                                                               const char *format, ...) {
    char json[1024];
    err_t err = {0};
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(json, sizeof json, format, args);
    va_end(args);
    NEED(n > 0 && (size_t)n < sizeof json);
    for (char *c = json; *c; c++)
        if (*c == '\'') *c = '"';
    const json_t *reply = running_callf(suite, &err, service, method, "%s", json);
    NEED(reply != NULL);
    return reply;
}

static void run(int status, const char *const *args) {
    static char out[65536];
    const int got = running_command(suite, out, sizeof out, args);
    if (got != status) fprintf(stderr, "%s %s: %s\n", args[0], args[1] ? args[1] : "", out);
    EQ(got, status);
}
#define RUN(status, ...) run(status, (const char *const[]){__VA_ARGS__, NULL})

static void check_books(void) {
    NEED(running_settle_down(suite) == 0);
    RUN(0, "verify");
}

static void add_person(const char *person, const char *birth, const char *identity, const char *from) {
    char id[20];
    snprintf(id, sizeof id, "440703%s%03u", birth, ++serial * 2 % 1000);
    id[17] = citizen_id_check_char(id);
    id[18] = 0;
    ask("enrollment", "register_person", "{'person':'%s','citizen_id':'%s','name':'示例%u','division':'440703'}",
        person, id, serial);
    ask("enrollment", "open_spell", "{'person':'%s','identity':'%s','from_month':'%s'}", person, identity, from);
}

static void pay(const char *receipt, const char *person, const char *period, const char *on) {
    NEED(pay_due(suite, receipt, "person", person, period, on) == 0);
}

static void settle_down(void) { NEED(running_settle_down(suite) == 0); }

static void found_city(const char *store) {
    static const char *const overlays[] = {"config/samples/jiangmen-illustrative.yaml", NULL};
    suite = running_start(&(running_conf_t){.overlays = overlays, .store = store});
    NEED(suite != NULL);
    add_person("OLD", "19850115", "flexible", "2018-01");
    add_person("NEW", "19850115", "flexible", "2018-01");
    add_person("DEAD", "19600115", "flexible", "2018-01");
    add_person("RETIRED1", "19550115", "retiree", "2017-06");
    add_person("RETIRED2", "19550115", "retiree", "2017-06");
    settle_down();
    RUN(0, "collect", "bill", "2018-01", "--quiet");
    RUN(0, "collect", "bill", "2018-02", "--quiet");
    RUN(0, "collect", "bill", "2018-03", "--quiet");
    RUN(0, "collect", "credit", "2018-01", "--quiet");
    RUN(0, "collect", "credit", "2018-02", "--quiet");
    pay("R1", "OLD", "2018-01", "2018-01-20");
    pay("R2", "OLD", "2018-02", "2018-02-20");
    pay("R3", "NEW", "2018-02", "2018-02-20");
    pay("R4", "DEAD", "2018-01", "2018-01-20");
    pay("R5", "DEAD", "2018-02", "2018-02-20");
    pay("R6", "DEAD", "2018-03", "2018-03-20");
    check_books();
}

static void merge_numbers(void) {
    ask("enrollment", "merge_persons", "{'from':'OLD','into':'NEW','reason':'one human being'}");
    ask("enrollment", "merge_persons", "{'from':'RETIRED1','into':'RETIRED2','reason':'one human being'}");
    check_books();
    pay("R7", "OLD", "2018-03", "2018-03-20");
    check_books();
}

static void record_deaths(void) {
    ask("enrollment", "record_death", "{'person':'DEAD','on':'2018-01-31'}");
    ask("enrollment", "record_death", "{'person':'RETIRED2','on':'2018-01-31'}");
    check_books();
}

// Two months of the dead, and one that was paid under both numbers.
static void decide_what_was_taken_out(void) {
    static const char *const decisions[] = {"return", "apply", "return"};
    char receipts[3][100];
    const json_t *list = ask("collection", "list_receipts_parked", "{}");
    NEED(json_array_size(json_object_get(list, "parked")) == 3);
    for (size_t i = 0; i < 3; i++) {
        char path[40];
        snprintf(path, sizeof path, "parked.%zu.receipt", i);
        snprintf(receipts[i], sizeof receipts[i], "%s", running_text(list, path));
    }
    for (size_t i = 0; i < 3; i++) {
        ask("collection", "resolve_receipt", "{'receipt':'%s','decision':'%s','reason':'decided'}", receipts[i],
            decisions[i]);
        check_books();
    }
    ask("collection", "resolve_receipt", "{'receipt':'R1','decision':'return','reason':'asked for it'}");
    check_books();
    RUN(0, "collect", "rebuild", "--quiet");
    check_books();
}

static void live(const char *store) {
    found_city(store);
    merge_numbers();
    record_deaths();
    decide_what_was_taken_out();
    running_stop(&suite);
}

TEST(mergers_deaths_and_decisions_leave_the_books_right) { live(NULL); }

TEST(and_on_postgresql) {
    static char url[256];
    NEED(postgres_start(url) == 0);
    live(url);
    postgres_stop();
}

TESTS("life", CASE(mergers_deaths_and_decisions_leave_the_books_right), CASE(and_on_postgresql))
