// Each city under its made-up values through real processes: enrolment, contributions, receipts, quote and settlement
// by a hospital, the explanation, the books. The amounts were worked out by hand from
// config/samples/*-illustrative.yaml.
#include "common/base/ids.h"
#include "running.h"
#include "tests/check.h"

enum { LAYERS_MAX = 5, MONTHS_MAX = 4, PEOPLE_MAX = 6, DUES_MAX = 5, OUT_MAX = 16384 };

static running_t *suite;
static err_t err;

#define call(...) running_callf(suite, &err, __VA_ARGS__)

typedef struct insured {
    const char *person, *identity, *groups[3];
} insured_t;

typedef struct due { // of a month, of a resident for the year
    const char *payer, *amount;
} due_t;

typedef struct bill {
    const char *says, *person;
    int facility;                                           // 1, 2, 3: that level; 4: a primary institution of level 1
    const char *type, *day, *where;                         // `where`: area and filing
    const char *more;                                       // further fields of the message
    const char *total, *in_scope, *deductible, *paid, *own; // `paid`: by each of the city's layers, in their order
} bill_t;

typedef struct city {
    const char *name, *division, *from, *until; // agreements
    const char *first_month, *months[MONTHS_MAX], *year;
    const char *layers[LAYERS_MAX];
    insured_t people[PEOPLE_MAX];
    due_t dues[DUES_MAX];
    const bill_t *bills;
    size_t bill_count;
} city_t;

#define IN_CITY "\"area\":\"city\",\"filing\":\"none\""
#define FILED "\"area\":\"outside\",\"filing\":\"filed\""
#define UNFILED "\"area\":\"outside\",\"filing\":\"unfiled\""
#define STAY "inpatient"
#define VISIT "outpatient"

static const bill_t jiangmen_bills[] = {
    {"level 3", "EMP", 3, STAY, "2018-04-10", IN_CITY, "", "50000.00", "50000.00", "900.00", "27005.00 17030.75 0.00",
     "5964.25"},
    {"the primary point: tier 2 pays what tier 1 does not, 3 × 35.00", "EMP", 4, VISIT, "2018-04-11", IN_CITY,
     ",\"point\":\"primary\"", "300.00", "300.00", "0.00", "180.00 30.00 0.00", "90.00"},
    {"the other point, referred 40 days before", "EMP", 2, VISIT, "2018-04-11", IN_CITY,
     ",\"point\":\"other\",\"referred_on\":\"2018-03-02\"", "100.00", "100.00", "0.00", "0.00 50.00 0.00", "50.00"},
    {"catastrophic, up to 12 months", "RES", 3, STAY, "2018-04-10", IN_CITY, "", "260000.00", "260000.00", "900.00",
     "100000.00 0.00 84370.00", "75630.00"},
    {"a resident at the primary point", "RES", 4, VISIT, "2018-04-11", IN_CITY, ",\"point\":\"primary\"", "100.00",
     "90.00", "0.00", "63.00 0.00 0.00", "37.00"},
    {"extreme hardship", "GRP", 3, STAY, "2018-04-10", IN_CITY, "", "60000.00", "60000.00", "0.00",
     "33000.00 0.00 17600.00", "9400.00"},
    {"unfiled", "MUM", 3, STAY, "2018-04-10", UNFILED, "", "80000.00", "80000.00", "900.00",
     "21752.50 23497.69 5309.89", "29439.92"},
    {"childbirth: the floor", "MUM", 2, STAY, "2018-04-12", IN_CITY, ",\"childbirth\":true", "1000.00", "900.00",
     "600.00", "500.00 0.00 0.00", "500.00"},
    {"for life, in the first month", "RET", 4, VISIT, "2018-01-31", IN_CITY, ",\"point\":\"primary\"", "300.00",
     "300.00", "0.00", "180.00 30.00 0.00", "90.00"},
};
static const city_t jiangmen = {.name = "jiangmen",
                                .division = "440703",
                                .from = "2018-01-01",
                                .until = "2018-12-31",
                                .first_month = "2018-01",
                                .months = {"2018-01", "2018-02", "2018-03"},
                                .year = "2018",
                                .layers = {"tier1", "tier2", "catastrophic"},
                                .people = {{"EMP", "employee", {NULL}},
                                           {"RES", "resident", {NULL}},
                                           {"GRP", "resident", {"five_guarantee", "extreme_hardship"}},
                                           {"MUM", "employee", {NULL}},
                                           {"RET", "retiree", {NULL}}},
                                .dues = {{"E1", "936.00"}, {"RES", "288.00"}, {"RET", "0.00"}},
                                .bills = jiangmen_bills,
                                .bill_count = COUNT_OF(jiangmen_bills)};
static const bill_t zaozhuang_bills[] = {
    {"level 3, first pay of class B", "EMP", 3, STAY, "2020-03-10", IN_CITY, ",\"class_b\":\"3000.00\"", "20000.00",
     "18000.00", "700.00", "14450.00 0.00 0.00 0.00", "5550.00"},
    {"level 1", "EMP", 1, STAY, "2020-03-20", IN_CITY, "", "10000.00", "10000.00", "300.00", "8730.00 0.00 0.00 0.00",
     "1270.00"},
    {"over the ceiling, and critical illness", "EMP", 3, STAY, "2020-04-10", IN_CITY, "", "300000.00", "280000.00",
     "700.00", "126820.00 25304.10 99526.50 0.00", "48349.40"},
    {"employees have their account for it", "EMP", 1, VISIT, "2020-04-11", IN_CITY, "", "100.00", "100.00", "0.00",
     "0.00 0.00 0.00 0.00", "100.00"},
    {"level 2", "RES", 2, STAY, "2020-02-10", IN_CITY, "", "8000.00", "7500.00", "500.00", "4900.00 0.00 0.00 0.00",
     "3100.00"},
    {"half", "RES", 1, VISIT, "2020-02-11", IN_CITY, "", "600.00", "600.00", "0.00", "300.00 0.00 0.00 0.00", "300.00"},
    {"up to the ceiling of visits", "RES", 1, VISIT, "2020-02-12", IN_CITY, "", "500.00", "500.00", "0.00",
     "100.00 0.00 0.00 0.00", "400.00"},
    {"assistance after critical illness", "GRP", 3, STAY, "2020-02-10", IN_CITY, "", "60000.00", "60000.00", "900.00",
     "32505.00 8097.00 0.00 13578.60", "5819.40"},
    {"without filing", "RET", 3, STAY, "2020-02-10", UNFILED, "", "10000.00", "10000.00", "700.00",
     "5580.00 0.00 0.00 0.00", "4420.00"},
    {"flexible", "FLX", 2, STAY, "2020-02-10", IN_CITY, "", "1000.00", "1000.00", "500.00", "435.00 0.00 0.00 0.00",
     "565.00"},
    {"unemployed, from the month of application", "UNE", 1, STAY, "2020-01-10", IN_CITY, "", "1000.00", "1000.00",
     "300.00", "630.00 0.00 0.00 0.00", "370.00"},
};
static const city_t zaozhuang = {
    .name = "zaozhuang",
    .division = "370402",
    .from = "2020-01-01",
    .until = "2020-12-31",
    .first_month = "2020-01",
    .months = {"2020-01", "2020-02", "2020-03"},
    .year = "2020",
    .layers = {"basic", "critical_illness", "large_illness_assistance", "assistance"},
    .people = {{"EMP", "employee", {NULL}},
               {"RES", "resident", {NULL}},
               {"GRP", "resident", {"minimum_living"}},
               {"RET", "retiree", {NULL}},
               {"FLX", "flexible", {NULL}},
               {"UNE", "unemployed", {NULL}}},
    .dues = {{"E1", "610.00"}, {"RES", "280.00"}, {"RET", "10.00"}, {"FLX", "148.27"}, {"UNE", "10.00"}},
    .bills = zaozhuang_bills,
    .bill_count = COUNT_OF(zaozhuang_bills)};
static const bill_t zhoushan_bills[] = {
    {"level 3, first pay of class B", "EMP", 3, STAY, "2021-03-10", IN_CITY, ",\"class_b\":\"2000.00\"", "20000.00",
     "18000.00", "1000.00", "13440.00 0.00 0.00 0.00 0.00", "6560.00"},
    {"primary", "EMP", 4, STAY, "2021-03-20", IN_CITY, "", "5000.00", "5000.00", "200.00",
     "4560.00 0.00 0.00 0.00 0.00", "440.00"},
    {"a visit, first pay of class B", "EMP", 2, VISIT, "2021-03-21", IN_CITY, ",\"class_b\":\"100.00\"", "1000.00",
     "1000.00", "0.00", "643.50 0.00 0.00 0.00 0.00", "356.50"},
    {"a visit to primary care", "EMP", 4, VISIT, "2021-03-22", IN_CITY, "", "1000.00", "1000.00", "0.00",
     "800.00 0.00 0.00 0.00 0.00", "200.00"},
    {"level 2", "RES", 2, STAY, "2021-02-10", IN_CITY, "", "8000.00", "7500.00", "600.00",
     "5175.00 0.00 0.00 0.00 0.00", "2825.00"},
    {"a resident's visit", "RES", 1, VISIT, "2021-02-11", IN_CITY, "", "500.00", "500.00", "0.00",
     "200.00 0.00 0.00 0.00 0.00", "300.00"},
    {"critical illness, both bands", "RES", 3, STAY, "2021-03-10", IN_CITY, "", "150000.00", "140000.00", "1200.00",
     "90220.00 19473.50 0.00 0.00 0.00", "40306.50"},
    {"childbirth is a stay like others", "HELPED", 1, STAY, "2021-03-10", IN_CITY, ",\"childbirth\":true", "4000.00",
     "4000.00", "300.00", "2960.00 0.00 1040.00 0.00 0.00", "0.00"},
    {"five payers", "GRP", 3, STAY, "2021-03-10", IN_CITY, ",\"class_b\":\"10000.00\"", "200000.00", "190000.00",
     "1000.00", "150400.00 11160.00 21952.00 2744.00 1097.60", "12646.40"},
};
static const city_t zhoushan = {.name = "zhoushan",
                                .division = "330902",
                                .from = "2021-01-01",
                                .until = "2021-12-31",
                                .first_month = "2021-01",
                                .months = {"2021-01", "2021-02", "2021-03"},
                                .year = "2021",
                                .layers = {"basic", "critical_illness", "assistance", "preferential", "mutual_aid"},
                                .people = {{"EMP", "employee", {NULL}},
                                           {"RES", "resident", {NULL}},
                                           {"GRP", "employee", {"minimum_living", "preferential", "mutual_aid"}},
                                           {"HELPED", "resident", {"extreme_hardship"}}},
                                .dues = {{"E1", "1200.00"}, {"RES", "510.00"}, {"HELPED", "0.00"}},
                                .bills = zhoushan_bills,
                                .bill_count = COUNT_OF(zhoushan_bills)};
static const bill_t sanmenxia_bills[] = {
    {"level 3", "EMP", 3, STAY, "2022-03-10", IN_CITY, "", "20000.00", "18000.00", "600.00",
     "14790.00 0.00 0.00 0.00 0.00", "5210.00"},
    {"over the ceiling", "EMP", 2, STAY, "2022-04-10", IN_CITY, "", "150000.00", "140000.00", "400.00",
     "85210.00 36387.00 0.00 0.00 0.00", "28403.00"},
    {"a visit", "EMP", 1, VISIT, "2022-04-11", IN_CITY, "", "500.00", "500.00", "0.00", "300.00 0.00 0.00 0.00 0.00",
     "200.00"},
    {"level 1", "RES", 1, STAY, "2022-02-10", IN_CITY, "", "3000.00", "3000.00", "150.00",
     "2565.00 0.00 0.00 0.00 0.00", "435.00"},
    {"a visit up to the ceiling", "RES", 2, VISIT, "2022-02-11", IN_CITY, "", "700.00", "700.00", "0.00",
     "300.00 0.00 0.00 0.00 0.00", "400.00"},
    {"critical illness", "RES", 3, STAY, "2022-03-10", IN_CITY, "", "100000.00", "95000.00", "900.00",
     "61165.00 0.00 13362.00 0.00 0.00", "25473.00"},
    {"assistance", "GRP", 3, STAY, "2022-03-10", IN_CITY, "", "50000.00", "50000.00", "900.00",
     "31915.00 0.00 3651.00 10103.80 0.00", "4330.20"},
    {"an employee's delivery", "MUM", 2, STAY, "2022-03-10", IN_CITY, ",\"childbirth\":true", "6000.00", "5500.00",
     "0.00", "0.00 0.00 0.00 0.00 3000.00", "3000.00"},
    {"a retiree outside, unregistered", "RET", 3, STAY, "2022-01-20", UNFILED, "", "10000.00", "10000.00", "600.00",
     "6392.00 0.00 0.00 0.00 0.00", "3608.00"},
};
static const city_t sanmenxia = {.name = "sanmenxia",
                                 .division = "411202",
                                 .from = "2022-01-01",
                                 .until = "2022-12-31",
                                 .first_month = "2022-01",
                                 .months = {"2022-01", "2022-02", "2022-03"},
                                 .year = "2022",
                                 .layers = {"basic", "large_supplement", "critical_illness", "assistance", "maternity"},
                                 .people = {{"EMP", "employee", {NULL}},
                                            {"RES", "resident", {NULL}},
                                            {"GRP", "resident", {"registered_poor"}},
                                            {"MUM", "employee", {NULL}},
                                            {"RET", "retiree", {NULL}}},
                                 .dues = {{"E1", "1200.00"}, {"RES", "320.00"}, {"RET", "0.00"}},
                                 .bills = sanmenxia_bills,
                                 .bill_count = COUNT_OF(sanmenxia_bills)};
static const bill_t yancheng_bills[] = {
    {"level 3", "EMP", 3, STAY, "2020-03-10", IN_CITY, "", "20000.00", "18000.00", "800.00", "14620.00 0.00",
     "5380.00"},
    {"level 1", "EMP", 1, STAY, "2020-03-20", IN_CITY, "", "5000.00", "5000.00", "300.00", "4324.00 0.00", "676.00"},
    {"a visit", "EMP", 2, VISIT, "2020-03-21", IN_CITY, "", "300.00", "300.00", "0.00", "195.00 0.00", "105.00"},
    {"up to the ceiling", "EMP", 2, STAY, "2020-03-30", IN_CITY, "", "400000.00", "380000.00", "500.00",
     "231056.00 0.00", "168944.00"},
    {"a filed referral: half the deductible", "RES", 3, STAY, "2020-02-10", FILED, ",\"referral\":true", "10000.00",
     "10000.00", "350.00", "5790.00 0.00", "4210.00"},
    {"a resident's delivery is a stay like others", "RES", 1, STAY, "2020-03-10", IN_CITY, ",\"childbirth\":true",
     "4000.00", "4000.00", "200.00", "3230.00 0.00", "770.00"},
    {"unregistered outside", "GRP", 3, STAY, "2020-03-10", UNFILED, "", "10000.00", "10000.00", "700.00",
     "3348.00 0.00", "6652.00"},
    {"an employee's delivery", "MUM", 2, STAY, "2020-03-10", IN_CITY, ",\"childbirth\":true", "5000.00", "4800.00",
     "0.00", "0.00 3500.00", "1500.00"},
    {"a retiree's visit", "RET", 1, VISIT, "2020-02-01", IN_CITY, "", "100.00", "90.00", "0.00", "63.00 0.00", "37.00"},
};
static const city_t yancheng = {.name = "yancheng",
                                .division = "320902",
                                .from = "2020-01-01",
                                .until = "2020-12-31",
                                .first_month = "2020-01",
                                .months = {"2020-01", "2020-02", "2020-03"},
                                .year = "2020",
                                .layers = {"basic", "maternity"},
                                .people = {{"EMP", "employee", {NULL}},
                                           {"RES", "resident", {NULL}},
                                           {"GRP", "resident", {"registered_poor"}},
                                           {"MUM", "employee", {NULL}},
                                           {"RET", "retiree", {NULL}}},
                                .dues = {{"E1", "1200.00"}, {"RES", "280.00"}, {"RET", "0.00"}},
                                .bills = yancheng_bills,
                                .bill_count = COUNT_OF(yancheng_bills)};

// ---- the city is founded
// ----------------------------------------------------------------------------------------------

static void found_facilities(const city_t *city) {
    for (int i = 1; i <= 4; i++) {
        NEED(
            call("facility", "register_facility",
                 "{\"facility\":\"H%s0000%d\",\"name\":\"示例医院\",\"kind\":\"hospital\",\"level\":\"%d\",\"primary\":"
                 "%s,\"division\":\"%s\"}",
                 city->division, i, i == 4 ? 1 : i, i == 4 ? "true" : "false", city->division) != NULL);
        NEED(call("facility", "sign_agreement",
                  "{\"facility\":\"H%s0000%d\",\"agreement\":\"A%d\",\"from\":\"%s\",\"until\":\"%s\"}", city->division,
                  i, i, city->from, city->until) != NULL);
    }
}

static void enrol(const city_t *city, size_t number, const insured_t *who) {
    bool works = strcmp(who->identity, "employee") == 0;
    char body[32];
    snprintf(body, sizeof body, "99000119800101%03zu", number + 1);
    NEED(call("enrollment", "register_person",
              "{\"person\":\"%s\",\"citizen_id\":\"%.17s%c\",\"name\":\"示例%zu\",\"division\":\"%s\"}", who->person,
              body, citizen_id_check_char(body), number, city->division) != NULL);
    NEED(call("enrollment", "open_spell", "{\"person\":\"%s\",\"identity\":\"%s\",\"from_month\":\"%s\"%s}",
              who->person, who->identity, city->first_month,
              works ? ",\"employer\":\"E1\",\"wage\":\"6000.00\"" : "") != NULL);
    for (size_t g = 0; g < COUNT_OF(who->groups) && who->groups[g]; g++)
        NEED(call("enrollment", "set_group",
                  "{\"person\":\"%s\",\"group\":\"%s\",\"from\":\"%s\",\"source\":\"civil_affairs\"," PAPER "}",
                  who->person, who->groups[g], city->from) != NULL);
}

static void found(const city_t *city) {
    found_facilities(city);
    NEED(call("enrollment", "register_employer",
              "{\"employer\":\"E1\",\"uscc\":\"91990001MA0000001%c\",\"name\":\"示例单位\",\"kind\":\"enterprise\","
              "\"division\":\"%s\"}",
              uscc_check_char("91990001MA0000001"), city->division) != NULL);
    for (size_t i = 0; i < PEOPLE_MAX && city->people[i].person; i++) enrol(city, i, &city->people[i]);
    NEED(running_settle_down(suite) == 0);
}

static void pay(const city_t *city, const char *payer_field, const char *payer, const char *period, const char *on) {
    const json_t *due = call("collection", "get_due", "{\"%s\":\"%s\",\"period\":\"%s\"}", payer_field, payer, period);
    char amount[32];
    NEED(due != NULL);
    snprintf(amount, sizeof amount, "%s", running_text(due, "amount"));
    for (size_t i = 0; i < DUES_MAX && city->dues[i].payer; i++)
        if (strcmp(city->dues[i].payer, payer) == 0) EQ_TEXT(amount, city->dues[i].amount);
    if (strcmp(amount, "0.00") == 0) return; // covered for life, or finance pays all of it
    NEED(call("collection", "receive",
              "{\"receipt\":\"R-%s-%s\",\"%s\":\"%s\",\"period\":\"%s\",\"amount\":\"%s\",\"paid_on\":\"%s\"}", payer,
              period, payer_field, payer, period, amount, on) != NULL);
}

static bool is(const insured_t *who, const char *identity) { return strcmp(who->identity, identity) == 0; }

static void collect_month(const city_t *city, const char *month) {
    char day[32];
    snprintf(day, sizeof day, "%s-15", month);
    NEED(call("collection", "bill_month", "{\"month\":\"%s\"}", month) != NULL);
    pay(city, "employer", "E1", month, day);
    for (const insured_t *who = city->people; who < city->people + PEOPLE_MAX && who->person; who++)
        if (!is(who, "employee") && !is(who, "resident")) pay(city, "person", who->person, month, day);
}

static void collect(const city_t *city) {
    char day[32];
    snprintf(day, sizeof day, "%d-12-20", atoi(city->year) - 1);
    NEED(call("collection", "bill_year", "{\"year\":%s}", city->year) != NULL);
    for (const insured_t *who = city->people; who < city->people + PEOPLE_MAX && who->person; who++)
        if (is(who, "resident")) pay(city, "person", who->person, city->year, day);
    for (size_t m = 0; m < MONTHS_MAX && city->months[m]; m++) collect_month(city, city->months[m]);
}

// ---- its bills
// --------------------------------------------------------------------------------------------------------

static const char *bill_json(const city_t *city, size_t number, const bill_t *bill) {
    static char json[1024];
    snprintf(json, sizeof json,
             "{\"bill\":\"BILL-%zu\",\"person\":\"%s\",\"facility\":\"H%s0000%d\",\"type\":\"%s\",\"from\":\"%s\","
             "\"to\":\"%s\",%s%s,\"total\":\"%s\",\"in_scope\":\"%s\"}",
             number, bill->person, city->division, bill->facility, bill->type, bill->day, bill->day, bill->where,
             bill->more, bill->total, bill->in_scope);
    return json;
}

// As a hospital; a copy, since the next call drops the answer.
static json_t *ask(const char *method, const char *json) {
    const json_t *reply = running_call(suite, "hospital", "adjudication", method, NULL, json, &err);
    if (!reply) fprintf(stderr, "%s %s: %s %s: %s\n", method, json, err_name(err.code), err.field, err.text);
    NEED(reply != NULL);
    return json_deep_copy(reply);
}

static const char *paid_by(const bill_t *bill, int layer, char out[static 32]) {
    const char *at = bill->paid;
    for (; layer > 0; layer--) at += strcspn(at, " ") + 1;
    snprintf(out, 32, "%.*s", (int)strcspn(at, " "), at);
    return out;
}

static void expect_parts(const city_t *city, const bill_t *bill, const json_t *reply) {
    char paid[32];
    EQ_TEXT(running_text(reply, "decision"), "paid");
    EQ_TEXT(running_text(reply, "deductible"), bill->deductible);
    EQ_TEXT(running_text(reply, "own"), bill->own);
    for (int i = 0; i < LAYERS_MAX && city->layers[i]; i++)
        EQ_TEXT(running_amount(reply, "paid", city->layers[i]), paid_by(bill, i, paid));
}

// Quoted, then settled: one figure as the other, and nothing else differs but what says which is which.
static void settle(const city_t *city, size_t number, const bill_t *bill) {
    const char *json = bill_json(city, number, bill);
    printf("\n    %s %s: %s … ", city->name, bill->person, bill->says);
    json_t *quote = ask("quote", json), *settled = ask("settle", json);
    expect_parts(city, bill, quote);
    expect_parts(city, bill, settled);
    static const char *const apart[] = {"seq", "decided_ms", "version", "request_id"};
    for (size_t i = 0; i < COUNT_OF(apart); i++) {
        EQ(json_object_del(quote, apart[i]), 0);
        EQ(json_object_del(settled, apart[i]), 0);
    }
    OK(json_equal(quote, settled));
    json_decref(quote);
    json_decref(settled);
}

static const char *posted_to(const json_t *entry, const char *account) {
    size_t i;
    json_t *posting;
    json_array_foreach(json_object_get(entry, "postings"), i,
                       posting) if (strcmp(running_text(posting, "account"), account) ==
                                    0) return running_text(posting, "amount");
    return "0.00";
}

// What each layer paid is an expense of its own account, owed to the facility.
static void expect_posted(const city_t *city, size_t number, const bill_t *bill) {
    const json_t *entry = call("settlement", "get_entry", "{\"reference\":\"BILL-%zu\"}", number);
    NEED(entry != NULL);
    for (int i = 0; i < LAYERS_MAX && city->layers[i]; i++) {
        char account[64], paid[32], owed[40];
        snprintf(account, sizeof account, "expense/%s", city->layers[i]);
        EQ_TEXT(posted_to(entry, account), paid_by(bill, i, paid));
        snprintf(account, sizeof account, "payable/%s", city->layers[i]);
        snprintf(owed, sizeof owed, "%s%s", strcmp(paid, "0.00") == 0 ? "" : "-", paid);
        EQ_TEXT(posted_to(entry, account), owed);
    }
}

// "21952.00" as "21,952.00".
static const char *grouped(const char *amount, char out[static 32]) {
    size_t whole = strcspn(amount, "."), at = 0;
    for (size_t i = 0; i < whole; i++) {
        if (i && (whole - i) % 3 == 0) out[at++] = ',';
        out[at++] = amount[i];
    }
    snprintf(out + at, 32 - at, "%s", amount + whole);
    return out;
}

// A line for each payer, with its amount.
static void expect_explained(const city_t *city, size_t number, const bill_t *bill) {
    static char out[OUT_MAX];
    char name[32], line[64], paid[32], amount[32];
    snprintf(name, sizeof name, "BILL-%zu", number);
    const char *const explain[] = {"explain", name, NULL};
    EQ(running_command(suite, out, sizeof out, explain), 0);
    for (int i = 0; i < LAYERS_MAX && city->layers[i]; i++) {
        snprintf(line, sizeof line, "Paid by %s ", city->layers[i]);
        const char *at = strstr(out, line);
        NEED(at != NULL);
        size_t length = strcspn(at, "\n");
        grouped(paid_by(bill, i, paid), amount);
        OK(length > strlen(amount) && strncmp(at + length - strlen(amount), amount, strlen(amount)) == 0);
    }
}

static void expect_balances(const city_t *city) {
    static char out[OUT_MAX];
    const char *const balances[] = {"ledger", "balances", NULL};
    EQ(running_command(suite, out, sizeof out, balances), 0);
    for (int i = 0; i < LAYERS_MAX && city->layers[i]; i++) {
        char account[64];
        snprintf(account, sizeof account, "expense/%s ", city->layers[i]);
        HAS_TEXT(out, account);
    }
    HAS_TEXT(out, "sum of all accounts: 0.00 yuan");
}

static void expect_verified(void) {
    static char out[OUT_MAX];
    const char *const verify[] = {"verify", NULL};
    EQ(running_command(suite, out, sizeof out, verify), 0);
}

static void open_city(const city_t *city, const char *const *overlays) {
    suite = running_start(&(running_conf_t){.city = city->name, .overlays = overlays});
    NEED(suite != NULL);
    found(city);
}

static void whole_city(const city_t *city) {
    char overlay[128];
    snprintf(overlay, sizeof overlay, "config/samples/%s-illustrative.yaml", city->name);
    open_city(city, (const char *const[]){overlay, NULL});
    collect(city);
    for (size_t i = 0; i < city->bill_count; i++) settle(city, i, &city->bills[i]);
    NEED(running_settle_down(suite) == 0);
    for (size_t i = 0; i < city->bill_count; i++) {
        expect_posted(city, i, &city->bills[i]);
        expect_explained(city, i, &city->bills[i]);
    }
    expect_balances(city);
}

static void close_city(void) {
    expect_verified();
    running_stop(&suite);
}

// On record, with nothing paid: a special disease, which a person decides; a person who is not covered yet.
static void expect_unpaid(const city_t *city, const char *type, const char *person, const char *day,
                          const char *decision) {
    char json[512];
    snprintf(json, sizeof json,
             "{\"bill\":\"U-%s\",\"person\":\"%s\",\"facility\":\"H%s00003\",\"type\":\"%s\",\"from\":\"%s\",\"to\":"
             "\"%s\"," IN_CITY ",\"total\":\"100.00\",\"in_scope\":\"100.00\"}",
             type, person, city->division, type, day, day);
    json_t *quote = ask("quote", json), *settled = ask("settle", json);
    EQ_TEXT(running_text(quote, "decision"), decision);
    EQ_TEXT(running_text(settled, "decision"), decision);
    EQ_TEXT(running_text(settled, "own"), "100.00");
    EQ_TEXT(running_text(settled, "fund"), "0.00");
    json_decref(quote);
    json_decref(settled);
}

TEST(jiangmen_three_layers_visits_and_advice) {
    static char out[OUT_MAX];
    whole_city(&jiangmen);
    // Filed, the unfiled stay would have been 43,505.00 of tier 1 and 28,505.75 of tier 2.
    const char *const explain[] = {"explain", "BILL-6", NULL};
    EQ(running_command(suite, out, sizeof out, explain), 0);
    HAS_TEXT(out, "21,450.67 less to pay (7,989.25)");
    HAS_TEXT(out, "可少付 21,450.67 元（个人负担 7,989.25 元）");
    HAS_TEXT(out, "[JM-R-05]");
    const char *const quote[] = {"quote",        "--bill",  "Q1",         "--person",   "EMP",        "--facility",
                                 "H44070300002", "--type",  "outpatient", "--from",     "2018-04-12", "--to",
                                 "2018-04-12",   "--area",  "city",       "--filing",   "none",       "--point",
                                 "other",        "--total", "60.00",      "--in_scope", "60.00",      NULL};
    EQ(running_command(suite, out, sizeof out, quote), 0);
    HAS_TEXT(out, "6.00 less to pay (24.00)"); // referred: 60% of 60.00 instead of 50%
    const char *const plain[] = {"explain", "BILL-0", NULL};
    EQ(running_command(suite, out, sizeof out, plain), 0);
    OK(strstr(out, "less to pay") == NULL);
    expect_unpaid(&jiangmen, "special_outpatient", "RES", "2018-04-13", "manual");
    close_city();
}

TEST(zaozhuang_four_payers) {
    whole_city(&zaozhuang);
    expect_unpaid(&zaozhuang, "special_outpatient", "EMP", "2020-04-13", "manual");
    expect_unpaid(&zaozhuang, STAY, "EMP", "2020-01-20", "not_covered"); // January buys February
    close_city();
}

TEST(zhoushan_five_payers_of_one_bill) {
    whole_city(&zhoushan);
    close_city();
}

TEST(sanmenxia_five_payers_with_maternity) {
    whole_city(&sanmenxia);
    expect_unpaid(&sanmenxia, "special_outpatient", "RES", "2022-03-12", "manual");
    close_city();
}

TEST(yancheng_basic_and_maternity) {
    whole_city(&yancheng);
    expect_unpaid(&yancheng, "special_outpatient", "RES", "2020-03-12", "manual");
    close_city();
}

// ---- what is not published
// --------------------------------------------------------------------------------------------

static void expect_refused(const char *method, const char *json, int code, const char *field) {
    OK(running_call(suite, "hospital", "adjudication", method, NULL, json, &err) == NULL);
    EQ(err.code, code);
    EQ_TEXT(err.field, field);
}

// Refused to the hospital, and nothing is left of it.
static void expect_nothing_settled(const city_t *city, const bill_t *bill, int code, const char *field) {
    const char *json = bill_json(city, 0, bill);
    expect_refused("quote", json, code, field);
    expect_refused("settle", json, code, field);
    expect_refused("get_decision", "{\"bill\":\"BILL-0\"}", E_NOT_FOUND, "bill");
    NEED(running_settle_down(suite) == 0);
    OK(running_call(suite, "admin", "settlement", "get_entry", NULL, "{\"reference\":\"BILL-0\"}", &err) == NULL);
    EQ(err.code, E_NOT_FOUND);
    close_city();
}

// Covered for life, a person needs no contribution; the first value that the stay needs is missing.
TEST(a_missing_value_is_told_to_the_hospital_and_changes_nothing) {
    static const char *const cover_only[] = {"config/samples/test-coverage-only.yaml", NULL};
    static const struct {
        const city_t *city;
        const char *day, *parameter;
    } cases[] = {{&jiangmen, "2018-04-10", "catastrophic_threshold"},
                 {&zaozhuang, "2020-04-10", "employee_inpatient_deductible_level3"},
                 {&zhoushan, "2021-04-10", "employee_inpatient_deductible_level3"},
                 {&sanmenxia, "2022-04-10", "employee_inpatient_deductible_level3"},
                 {&yancheng, "2020-04-10", "employee_inpatient_deductible_level3"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        city_t city = *cases[i].city;
        const bill_t stay = {.person = "RET",
                             .facility = 3,
                             .type = STAY,
                             .day = cases[i].day,
                             .where = IN_CITY,
                             .more = "",
                             .total = "50000.00",
                             .in_scope = "50000.00"};
        memset(city.people, 0, sizeof city.people);
        city.people[0] = (insured_t){"RET", "retiree", {NULL}};
        open_city(&city, i ? cover_only : NULL);
        expect_nothing_settled(&city, &stay, E_PARAMETER_MISSING, cases[i].parameter);
    }
}

// Nobody knows who is covered: no answer, rather than "not covered".
TEST(a_city_without_rules_of_cover_gives_no_answer) {
    const bill_t stay = {.person = "EMP",
                         .facility = 3,
                         .type = STAY,
                         .day = "2021-03-10",
                         .where = IN_CITY,
                         .more = "",
                         .total = "50000.00",
                         .in_scope = "50000.00"};
    open_city(&zhoushan, NULL);
    expect_nothing_settled(&zhoushan, &stay, E_UNSUPPORTED, "person");
}

TESTS("five cities through the running services", CASE(jiangmen_three_layers_visits_and_advice),
      CASE(zaozhuang_four_payers), CASE(zhoushan_five_payers_of_one_bill), CASE(sanmenxia_five_payers_with_maternity),
      CASE(yancheng_basic_and_maternity), CASE(a_missing_value_is_told_to_the_hospital_and_changes_nothing),
      CASE(a_city_without_rules_of_cover_gives_no_answer))
