// The worked examples of the law (docs/policy.md, WE-01 … WE-14 and WE-19) through real processes: enrolment,
// contributions, receipts, quote, settlement; on SQLite and on PostgreSQL. Amounts are yuan, as the papers print them.
#include "running.h"
#include "common/base/ids.h"
#include "tests/check.h"
#include "tests/postgres.h"

static running_t *suite;
static char postgres_url[256];
static err_t err;

#define call(...) running_callf(suite, &err, __VA_ARGS__)

// ---- the people of the examples
// ---------------------------------------------------------------------------------------

typedef struct insured {
    const char *example, *identity, *group[2];
    int n1, n2; // continuous months that shall hold in April 2018
} insured_t;

static const insured_t people[] = {
    {"WE01", "resident", {NULL}, 40, 0},
    {"WE02", "resident", {NULL}, 8, 0},
    {"WE03a", "resident", {NULL}, 24, 0},
    {"WE03b", "resident", {NULL}, 25, 0},
    {"WE04", "resident", {NULL}, 12, 0}, // and 13 in May
    {"WE05", "resident", {"five_guarantee", "extreme_hardship"}, 40, 0},
    {"WE06", "resident", {"five_guarantee", "extreme_hardship"}, 40, 0},
    {"WE07", "resident", {"minimum_living"}, 40, 0},
    {"WE08", "employee", {NULL}, 40, 40},
    {"WE09", "employee", {NULL}, 40, 40},
    {"WE10", "retiree", {NULL}, 40, 40},
    {"WE11", "employee", {NULL}, 40, 40},
    {"WE12", "employee", {NULL}, 40, 40},
    {"WE13", "employee", {NULL}, 60, 60},
    {"WE14", "employee", {NULL}, 40, 40},
    {"WE23", "employee", {NULL}, 41, 5},
};

// Under division 990001, which does not exist.
static void citizen_id(size_t number, char id[static 19]) {
    char body[32];
    snprintf(body, sizeof body, "99000119800101%03zu", number + 1);
    snprintf(id, 19, "%.17s%c", body, citizen_id_check_char(body));
}

// Monthly payers begin in January 2018 with what they bring along: January to March buy April.
static void enrol(size_t number, const insured_t *who) {
    bool yearly = strcmp(who->identity, "resident") == 0, works = strcmp(who->identity, "employee") == 0;
    int brought = yearly || strcmp(who->identity, "retiree") == 0 ? 4 : 3; // months of 2018 that count in April
    char id[19];
    citizen_id(number, id);
    NEED(call("enrollment", "register_person",
              "{\"person\":\"%s\",\"citizen_id\":\"%s\",\"name\":\"示例%zu\",\"division\":\"440703\"}", who->example,
              id, number) != NULL);
    NEED(call("enrollment", "open_spell",
              "{\"person\":\"%s\",\"identity\":\"%s\",\"from_month\":\"2018-01\",\"prior_months_tier1\":%d,\"prior_"
              "months_tier2\":%d%s}",
              who->example, who->identity, who->n1 - brought, yearly ? 0 : who->n2 - brought,
              works ? ",\"employer\":\"E1\",\"wage\":\"5000.00\"" : "") != NULL);
    for (int g = 0; g < 2 && who->group[g]; g++)
        NEED(call("enrollment", "set_group",
                  "{\"person\":\"%s\",\"group\":\"%s\",\"from\":\"2018-01-01\",\"source\":\"civil_affairs\"," PAPER "}",
                  who->example, who->group[g]) != NULL);
}

static void pay(const char *payer_field, const char *payer, const char *period, const char *on) {
    const json_t *due = call("collection", "get_due", "{\"%s\":\"%s\",\"period\":\"%s\"}", payer_field, payer, period);
    char amount[32];
    NEED(due != NULL);
    snprintf(amount, sizeof amount, "%s", running_text(due, "amount"));
    if (strcmp(amount, "0.00") == 0) return; // fully subsidised, or for life
    NEED(call("collection", "receive",
              "{\"receipt\":\"R-%s-%s\",\"%s\":\"%s\",\"period\":\"%s\",\"amount\":\"%s\",\"paid_on\":\"%s\"}", payer,
              period, payer_field, payer, period, amount, on) != NULL);
}

static void found_the_city(void) {
    static const char *const levels[] = {"1", "2", "3", "3"};
    for (int i = 0; i < 4; i++) {
        NEED(call("facility", "register_facility",
                  "{\"facility\":\"H9900010000%d\",\"name\":\"示例医院\",\"kind\":\"hospital\",\"level\":\"%s\","
                  "\"division\":\"440703\"}",
                  i + 1, levels[i]) != NULL);
        if (i < 3) // nobody signed with the fourth
            NEED(call("facility", "sign_agreement",
                      "{\"facility\":\"H9900010000%d\",\"agreement\":\"A%d\",\"from\":\"2018-01-01\",\"until\":\"2018-"
                      "12-31\"}",
                      i + 1, i) != NULL);
    }
    NEED(call("enrollment", "register_employer",
              "{\"employer\":\"E1\",\"uscc\":\"91990001MA0000001%c\",\"name\":\"示例单位\",\"kind\":\"enterprise\","
              "\"division\":\"440703\"}",
              uscc_check_char("91990001MA0000001")) != NULL);
    for (size_t i = 0; i < COUNT_OF(people); i++) enrol(i, &people[i]);
    NEED(running_settle_down(suite) == 0);
    NEED(call("collection", "bill_year", "{\"year\":2018}") != NULL);
    for (size_t i = 0; i < COUNT_OF(people); i++)
        if (strcmp(people[i].identity, "resident") == 0) pay("person", people[i].example, "2018", "2017-12-20");
    static const char *const months[][2] = {
        {"2018-01", "2018-01-31"}, {"2018-02", "2018-02-28"}, {"2018-03", "2018-03-31"}, {"2018-04", "2018-04-30"}};
    for (size_t m = 0; m < COUNT_OF(months); m++) {
        NEED(call("collection", "bill_month", "{\"month\":\"%s\"}", months[m][0]) != NULL);
        pay("employer", "E1", months[m][0], months[m][1]);
    }
}

// ---- the bills
// --------------------------------------------------------------------------------------------------------

typedef struct stay {
    const char *example, *person;
    int facility; // 1, 2, 3: level; 4: not designated
    const char *to, *area, *filing, *fee;
    const char *deductible, *tier1, *tier2, *catastrophic, *own;
} stay_t;

static const stay_t stays[] = {
    {"WE-01", "WE01", 2, "2018-04-10", "city", "none", "12345.67", "600.00", "9396.54", "0.00", "0.00", "2949.13"},
    {"WE-02", "WE02", 3, "2018-04-10", "city", "none", "260000.00", "900.00", "100000.00", "0.00", "84370.00",
     "75630.00"},
    {"WE-03", "WE03a", 3, "2018-04-10", "city", "none", "260000.00", "900.00", "140000.00", "0.00", "56460.00",
     "63540.00"},
    {"WE-03", "WE03b", 3, "2018-04-10", "city", "none", "260000.00", "900.00", "142505.00", "0.00", "54957.00",
     "62538.00"},
    {"WE-04", "WE04", 3, "2018-04-10", "city", "none", "400000.00", "900.00", "100000.00", "0.00", "120000.00",
     "180000.00"},
    {"WE-04", "WE04", 3, "2018-05-10", "city", "none", "100000.00", "900.00", "40000.00", "0.00", "41370.00",
     "18630.00"},
    {"WE-05", "WE05", 1, "2018-04-10", "city", "none", "8000.05", "0.00", "7600.05", "0.00", "0.00", "400.00"},
    {"WE-06", "WE06", 3, "2018-04-10", "city", "none", "60000.00", "0.00", "33000.00", "0.00", "17600.00", "9400.00"},
    {"WE-07", "WE07", 4, "2018-04-10", "city", "none", "40000.00", "1500.00", "15400.00", "0.00", "9360.00",
     "15240.00"},
    {"WE-08", "WE08", 3, "2018-04-10", "city", "none", "50000.00", "900.00", "27005.00", "17030.75", "0.00", "5964.25"},
    // 22,205.45 at level 2 leaves the accumulator of 4,321.09 that the example starts from
    {"WE-09", "WE09", 2, "2018-04-01", "city", "none", "22205.45", "600.00", "17284.36", "2160.55", "0.00", "2760.54"},
    {"WE-09", "WE09", 2, "2018-04-20", "city", "none", "9876.54", "600.00", "7421.23", "1339.40", "0.00", "1115.91"},
    {"WE-10", "WE10", 3, "2018-04-10", "city", "none", "50000.00", "800.00", "29520.00", "14978.00", "0.00", "5502.00"},
    {"WE-11", "WE11", 4, "2018-04-10", "city", "none", "30000.00", "1500.00", "11400.00", "11075.00", "0.00",
     "7525.00"},
    {"WE-12", "WE12", 3, "2018-04-10", "outside", "unfiled", "80000.00", "900.00", "21752.50", "23497.69", "5309.89",
     "29439.92"},
    {"WE-13", "WE13", 3, "2018-04-10", "city", "none", "900000.00", "900.00", "200000.00", "200000.00", "240000.00",
     "260000.00"},
    {"WE-14", "WE14", 3, "2018-04-10", "city", "none", "300000.00", "900.00", "164505.00", "112655.75", "0.00",
     "22839.25"},
    {"WE-23", "WE23", 3, "2018-04-10", "city", "none", "400000.00", "900.00", "200000.00", "100000.00", "44460.00",
     "55540.00"},
};
static const stay_t catastrophic_first = // WE-14, order B
    {"WE-14",     "WE14",   3,           "2018-04-10", "city",     "none",
     "300000.00", "900.00", "164505.00", "55521.73",   "67216.50", "12756.77"};

static void expect_decision(const stay_t *stay, const json_t *reply) {
    NEED(reply != NULL);
    EQ_TEXT(running_text(reply, "decision"), "paid");
    EQ_TEXT(running_text(reply, "deductible"), stay->deductible);
    EQ_TEXT(running_amount(reply, "paid", "tier1"), stay->tier1);
    EQ_TEXT(running_amount(reply, "paid", "tier2"), stay->tier2);
    EQ_TEXT(running_amount(reply, "paid", "catastrophic"), stay->catastrophic);
    EQ_TEXT(running_text(reply, "own"), stay->own);
}

// Quote, then settle: the same figures, those of the example.
static void stay_of(size_t number, const stay_t *stay) {
    char bill[1024];
    snprintf(bill, sizeof bill,
             "{\"bill\":\"BILL-%zu\",\"person\":\"%s\",\"facility\":\"H9900010000%d\",\"type\":\"inpatient\",\"from\":"
             "\"2018-03-25\","
             "\"to\":\"%s\",\"area\":\"%s\",\"filing\":\"%s\",\"total\":\"%s\",\"in_scope\":\"%s\"}",
             number, stay->person, stay->facility, stay->to, stay->area, stay->filing, stay->fee, stay->fee);
    printf("\n    %s %s … ", stay->example, stay->person);
    expect_decision(stay, call("adjudication", "quote", "%s", bill));
    expect_decision(stay, call("adjudication", "settle", "%s", bill));
}

static void all_examples(const char *store) {
    static const char *const overlays[] = {"config/samples/jiangmen-illustrative.yaml", NULL};
    suite = running_start(&(running_conf_t){.store = store, .adjudication = 2, .overlays = overlays});
    NEED(suite != NULL);
    found_the_city();
    for (size_t i = 0; i < COUNT_OF(stays); i++) stay_of(i, &stays[i]);
    NEED(running_settle_down(suite) == 0);
    char out[8192];
    const char *const verify[] = {"verify", NULL};
    EQ(running_command(suite, out, sizeof out, verify), 0);
    running_stop(&suite);
}

TEST(WE_01_to_WE_14_on_sqlite) { all_examples(NULL); }

TEST(WE_01_to_WE_14_on_postgresql) {
    NEED(postgres_start(postgres_url) == 0);
    all_examples(postgres_url);
    postgres_stop();
}

TEST(WE_14_catastrophic_first) {
    static const char *const overlays[] = {"config/samples/jiangmen-illustrative.yaml",
                                           "config/samples/test-catastrophic-first.yaml", NULL};
    suite = running_start(&(running_conf_t){.overlays = overlays});
    NEED(suite != NULL);
    found_the_city();
    stay_of(0, &catastrophic_first);
    running_stop(&suite);
}

// ---- contributions of the second half of 2017
// --------------------------------------------------------------------------

static const struct {
    const char *person, *identity, *wage, *lines[4], *total; // lines: tier 1 employer, person; tier 2 employer, person
} payers[] = {
    {"WE19a", "employee", "2500.00", {"87.18", "14.53", "87.18", "43.59"}, "232.48"},
    {"WE19b", "employee", "12000.00", {"261.54", "43.59", "261.54", "130.77"}, "697.44"},
    {"WE19c", "employee", "5432.10", {"162.96", "27.16", "162.96", "81.48"}, "434.56"},
    {"WE19d", "flexible", NULL, {NULL, "101.71", NULL, "130.77"}, "232.48"},
};

static const char *line_amount(const json_t *bill, const char *item, const char *payer) {
    size_t i;
    json_t *line;
    json_array_foreach(json_object_get(bill, "lines"), i,
                       line) if (strcmp(running_text(line, "item"), item) == 0 &&
                                 strcmp(running_text(line, "payer"), payer) == 0) return running_text(line, "amount");
    return NULL;
}

static void contributions_of(size_t i) {
    const json_t *reply = call("collection", "get_bills", "{\"person\":\"%s\"}", payers[i].person);
    NEED(reply != NULL);
    const json_t *bill = json_array_get(json_object_get(reply, "bills"), 0);
    static const char *const items[4][2] = {
        {"tier1", "employer"}, {"tier1", "person"}, {"tier2", "employer"}, {"tier2", "person"}};
    for (int l = 0; l < 4; l++) {
        const char *amount = line_amount(bill, items[l][0], items[l][1]);
        if (payers[i].lines[l])
            EQ_TEXT(amount, payers[i].lines[l]);
        else
            OK(amount == NULL);
    }
    EQ_TEXT(running_text(bill, "total"), payers[i].total);
}

TEST(WE_19_contributions_2017) {
    suite = running_start(&(running_conf_t){0});
    NEED(suite != NULL);
    NEED(call("enrollment", "register_employer",
              "{\"employer\":\"E1\",\"uscc\":\"91990001MA0000001%c\",\"name\":\"示例单位\",\"kind\":\"enterprise\","
              "\"division\":\"440703\"}",
              uscc_check_char("91990001MA0000001")) != NULL);
    for (size_t i = 0; i <= COUNT_OF(payers); i++) { // the last one is the resident
        char id[19];
        bool resident = i == COUNT_OF(payers);
        const char *person = resident ? "WE19e" : payers[i].person, *wage = resident ? NULL : payers[i].wage;
        citizen_id(i, id);
        NEED(call("enrollment", "register_person",
                  "{\"person\":\"%s\",\"citizen_id\":\"%s\",\"name\":\"示例%zu\",\"division\":\"440703\"}", person, id,
                  i) != NULL);
        NEED(call("enrollment", "open_spell", "{\"person\":\"%s\",\"identity\":\"%s\",\"from_month\":\"%s\"%s%s%s}",
                  person, resident ? "resident" : payers[i].identity, resident ? "2017-01" : "2017-07",
                  wage ? ",\"employer\":\"E1\",\"wage\":\"" : "", wage ? wage : "", wage ? "\"" : "") != NULL);
    }
    NEED(running_settle_down(suite) == 0);
    NEED(call("collection", "bill_month", "{\"month\":\"2017-09\"}") != NULL);
    NEED(call("collection", "bill_year", "{\"year\":2017}") != NULL);
    for (size_t i = 0; i < COUNT_OF(payers); i++) contributions_of(i);
    const json_t *resident = call("collection", "get_bills", "{\"person\":\"WE19e\"}");
    NEED(resident != NULL);
    EQ_TEXT(running_text(resident, "bills.0.total"), "200.00");
    running_stop(&suite);
}

TESTS("worked examples through the running services", CASE(WE_01_to_WE_14_on_sqlite),
      CASE(WE_01_to_WE_14_on_postgresql), CASE(WE_14_catastrophic_first), CASE(WE_19_contributions_2017))
