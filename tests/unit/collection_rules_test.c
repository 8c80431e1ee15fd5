// The cities' workflow rules of collection (mark W) through the services: what the tax bureau collected comes as a file
// and is booked alike in every district; an employer's month is one sum; amended values hold from their day on.
#include "collection.pb-c.h"
#include "services/collection/collection.h"
#include "services/collection/desk.h"
#include "services/collection/own_share.h"
#include "tests/obligations_rig.h"
#include "tests/people_rig.h"
#include <unistd.h>

typedef struct place {
    const char *name, *month, *divisions[2];
} place_t;

static const place_t jiangmen = {"jiangmen", "2018-05", {"440703", "440705"}};
static const place_t places[] = {{"jiangmen", "2018-05", {"440703", "440705"}},
                                 {"zaozhuang", "2021-05", {"370402", "370403"}},
                                 {"zhoushan", "2021-05", {"330902", "330903"}},
                                 {"yancheng", "2021-05", {"320902", "320903"}},
                                 {"sanmenxia", "2022-05", {"411202", "411203"}}};

typedef struct city {
    const place_t *place;
    policy_t *law;
    rig_t enrollment, collection;
    consumer_effect_t feed;
    unsigned serial;
} city_t;

// `amendment`: text of one more overlay; NULL: none.
static policy_t *load_law(const char *name, const char *amendment) {
    char path[512], sample[512], amended[] = "/tmp/tongchou-amendment-XXXXXX";
    const char *overlays[] = {sample, amendment ? amended : NULL, NULL};
    policy_t *law = NULL;
    err_t err = {0};
    snprintf(path, sizeof path, TC_SOURCE_DIR "/config/cities/%s.yaml", name);
    snprintf(sample, sizeof sample, TC_SOURCE_DIR "/config/samples/%s-illustrative.yaml", name);
    if (amendment) {
        const int file = mkstemp(amended);
        NEED(file >= 0);
        NEED(write(file, amendment, strlen(amendment)) == (ssize_t)strlen(amendment));
        NEED(close(file) == 0);
    }
    if (policy_load(&law, path, overlays, &err)) fprintf(stderr, "%s\n", err.text);
    if (amendment) unlink(amended);
    NEED(law != NULL);
    return law;
}

static void open_city(city_t *city, const place_t *place, const char *amendment) {
    *city = (city_t){.place = place, .law = load_law(place->name, amendment)};
    people_open(&city->enrollment, &city->collection, &city->feed, city->law, NULL);
}

static void close_city(city_t *city) {
    people_close(&city->enrollment, &city->collection);
    policy_destroy(&city->law);
}

static void pump(city_t *city) { rig_pump(&city->enrollment, &city->collection, &city->feed); }

static void add_person(city_t *city, const char *person, int district) {
    city->serial++;
    RIG_DO(&city->enrollment, "register_person",
           "{'person':'%s','citizen_id':'%s','name':'人%u','division':'%s','registration':'local'}", person,
           rig_citizen(city->serial, "19800101", true), city->serial, city->place->divisions[district]);
}

static void add_employer(city_t *city, const char *employer, int district) {
    RIG_DO(&city->enrollment, "register_employer",
           "{'employer':'%s','uscc':'%s','name':'厂','kind':'enterprise','division':'%s'}", employer,
           rig_uscc(++city->serial), city->place->divisions[district]);
}

static void employ(city_t *city, const char *person, const char *employer, const char *wage) {
    RIG_DO(&city->enrollment, "open_spell",
           "{'person':'%s','identity':'employee','employer':'%s','from_month':'%s','wage':'%s'}", person, employer,
           city->place->month, wage);
}

static fen_t due(city_t *city, const char *kind, const char *number, const char *period) {
    RIG_DO(&city->collection, "get_due", "{'%s':'%s','period':'%s'}", kind, number, period);
    return ((const Tc__Due *)city->collection.reply)->amount_fen;
}

static const Tc__ReceiptReport *import(city_t *city, const char *receipt, const char *employer, fen_t amount) {
    char text[FEN_TEXT_MAX];
    RIG_DO(&city->collection, "import_receipts",
           "{'file':'%064d','first_row':2,'rows':[{'receipt':'%s','employer':'%s','period':'%s','amount':'%s',"
           "'paid_on':'%s-20'}]}",
           1, receipt, employer, city->place->month, fen_format(amount, text), city->place->month);
    return (const Tc__ReceiptReport *)city->collection.reply;
}

TEST(the_ground_is_laid) { rig_ground_start(); }

// ---- declared and collected

// Two employers in two districts declare, are billed, pay and are booked in one way (one procedure), by the tax
// bureau's file; what it sends twice is known.
TEST(SM_C09_YC_C07_YC_C08_YC_C09_ZS_C19_ZS_F09_ZZ_N07_the_tax_bureaus_file_is_booked_in_every_district) {
    for (size_t p = 0; p < COUNT_OF(places); p++) {
        city_t city;
        fen_t amounts[2];
        open_city(&city, &places[p], NULL);
        for (int i = 0; i < 2; i++) {
            char person[16], employer[16];
            snprintf(person, sizeof person, "P%d", i);
            snprintf(employer, sizeof employer, "E%d", i);
            add_employer(&city, employer, i);
            add_person(&city, person, i);
            employ(&city, person, employer, "8000.00");
            RIG_DO(&city.enrollment, "declare_wage", "{'person':'%s','from_month':'%s','wage':'9000.00'}", person,
                   places[p].month);
        }
        pump(&city);
        RIG_DO(&city.collection, "bill_month", "{'month':'%s'}", places[p].month);
        for (int i = 0; i < 2; i++) {
            char employer[16], receipt[16];
            snprintf(employer, sizeof employer, "E%d", i);
            snprintf(receipt, sizeof receipt, "T%d", i);
            amounts[i] = due(&city, "employer", employer, places[p].month);
            OK(amounts[i] > 0);
            EQ(import(&city, receipt, employer, amounts[i])->matched, 1);
            EQ(import(&city, receipt, employer, amounts[i])->unchanged, 1);
            EQ(due(&city, "employer", employer, places[p].month), 0);
        }
        EQ(amounts[0], amounts[1]);
        close_city(&city);
    }
}

// The employer pays one sum a month: both tiers, its own part and what it withholds of the wages.
TEST(JM_C_42_JM_C_44_an_employers_month_is_one_sum_of_both_tiers_and_both_parts) {
    city_t city;
    open_city(&city, &jiangmen, NULL);
    add_employer(&city, "E1", 0);
    add_person(&city, "P1", 0);
    add_person(&city, "P2", 1);
    employ(&city, "P1", "E1", "5000.00");
    employ(&city, "P2", "E1", "6000.00");
    pump(&city);
    RIG_DO(&city.collection, "bill_month", "{'month':'2018-05'}");
    // 2018: tier 1 3.0% and 0.5%, tier 2 2.8% and 1.5%.
    const fen_t tier1 = (500000 + 600000) * 35 / 1000, tier2 = (500000 + 600000) * 43 / 1000;
    const fen_t employees = (500000 + 600000) * 20 / 1000;
    EQ(due(&city, "employer", "E1", "2018-05"), tier1 + tier2);
    EQ(due(&city, "person", "P1", "2018-05"), 0); // nothing is left for the person to pay
    EQ(import(&city, "T1", "E1", tier1)->parked, 1);
    EQ(import(&city, "T2", "E1", tier1 + tier2 - employees)->parked, 1);
    EQ(due(&city, "employer", "E1", "2018-05"), tier1 + tier2);
    EQ(import(&city, "T3", "E1", tier1 + tier2)->matched, 1);
    close_city(&city);
}

// The agency owes the unemployed person's month, both tiers, every month; nothing of it is the person's.
TEST(JM_C_43_the_months_of_the_unemployed_are_the_funds) {
    city_t city;
    open_city(&city, &jiangmen, NULL);
    add_person(&city, "U1", 0);
    RIG_DO(&city.enrollment, "open_spell", "{'person':'U1','identity':'unemployed','from_month':'2018-05'}");
    pump(&city);
    for (int month = 5; month <= 7; month++) {
        RIG_DO(&city.collection, "bill_month", "{'month':'2018-0%d'}", month);
        (void)rig_obligations(&city.collection, 2018);
        const Tc__Obligations *all = (const Tc__Obligations *)city.collection.reply;
        NEED(all->n_lines == 2);
        for (size_t i = 0; i < 2; i++) EQ_TEXT(all->lines[i]->payer, "unemployment_fund");
        EQ(all->lines[0]->due_fen + all->lines[1]->due_fen, (month - 4) * due(&city, "person", "U1", "2018-05"));
    }
    close_city(&city);
}

// ---- amended by consent and published

// A new minimum base from July on: June is billed as before, also after July.
TEST(JM_C_35_an_amended_base_holds_from_its_day_on) {
    static const char amendment[] = "overlay: notice\nstatus: synthetic\nparameters:\n  minimum_base:\n"
                                    "    - {from: 2018-07-01, value: 4000.00, source: \"a notice\"}\n";
    city_t plain, amended;
    city_t *const both[] = {&plain, &amended};
    open_city(&plain, &jiangmen, NULL);
    open_city(&amended, &jiangmen, amendment);
    for (size_t i = 0; i < 2; i++) {
        add_person(both[i], "F1", 0);
        RIG_DO(&both[i]->enrollment, "open_spell", "{'person':'F1','identity':'flexible','from_month':'2018-05'}");
        pump(both[i]);
        RIG_DO(&both[i]->collection, "bill_month", "{'month':'2018-07'}");
        RIG_DO(&both[i]->collection, "bill_month", "{'month':'2018-06'}");
    }
    EQ(due(&plain, "person", "F1", "2018-07"), 310000 * 78 / 1000);
    EQ(due(&amended, "person", "F1", "2018-07"), 400000 * 78 / 1000);
    EQ(due(&amended, "person", "F1", "2018-06"), due(&plain, "person", "F1", "2018-06"));
    close_city(&plain);
    close_city(&amended);
}

#define APPROVED "approved: {by: city_government, on: 2021-12-20}"

// The residents' fee is set anew for a year; the year before keeps its own, and the subsidy is owed beside it.
TEST(ZZ_C21_ZZ_C23_ZS_C17_the_residents_standard_is_set_by_year) {
    static const char amendment[] =
        "overlay: notice\nstatus: synthetic\nparameters:\n"
        "  resident_personal_fee:\n    - {from: 2022-01-01, value: 600.00, source: \"n\", " APPROVED "}\n"
        "  resident_subsidy:\n    - {from: 2022-01-01, value: 1200.00, source: \"n\", " APPROVED "}\n";
    static const fen_t before[2][2] = {{28000, 55000}, {51000, 101500}}; // fee and subsidy as the samples have them
    for (int p = 0; p < 2; p++) {
        city_t city;
        open_city(&city, &places[1 + p], amendment);
        add_person(&city, "R1", 0);
        RIG_DO(&city.enrollment, "open_spell", "{'person':'R1','identity':'resident','from_month':'2021-01'}");
        pump(&city);
        for (int year = 2021; year <= 2022; year++) {
            char period[16];
            fen_t basic = 0, finance = 0;
            RIG_DO(&city.collection, "bill_year", "{'year':%d}", year);
            (void)rig_obligations(&city.collection, year);
            const Tc__Obligations *all = (const Tc__Obligations *)city.collection.reply;
            for (size_t i = 0; i < all->n_lines; i++) {
                finance += all->lines[i]->due_fen;
                if (strcmp(all->lines[i]->item, "basic") == 0) basic += all->lines[i]->due_fen;
            }
            EQ(basic, year == 2021 ? before[p][1] : 120000);
            snprintf(period, sizeof period, "%d", year);
            EQ(finance, year == 2021 ? before[p][1] + (p == 1 ? 3000 : 0) : 120000 + (p == 1 ? 3000 : 0));
            EQ(due(&city, "person", "R1", period), year == 2021 ? before[p][0] : 60000);
        }
        close_city(&city);
    }
}

// ---- whose money it is

static const Tc__ContributionBill *only_bill(city_t *city, const char *person) {
    RIG_DO(&city->collection, "get_bills", "{'person':'%s'}", person);
    const Tc__ContributionBills *bills = (const Tc__ContributionBills *)city->collection.reply;
    NEED(bills->n_bills == 1);
    return bills->bills[0];
}

static const Tc__ReceiptReport *import_own(city_t *city, const char *receipt, const char *person, const char *period,
                                           const char *amount, const char *on) {
    RIG_DO(&city->collection, "import_receipts",
           "{'file':'%064d','first_row':2,'rows':[{'receipt':'%s','person':'%s','period':'%s','amount':'%s',"
           "'paid_on':'%s'}]}",
           2, receipt, person, period, amount, on);
    return (const Tc__ReceiptReport *)city->collection.reply;
}

static const Tc__Entitlement *entitlement(city_t *city, const char *person) {
    RIG_DO(&city->collection, "get_entitlements", "{'persons':['%s']}", person);
    const Tc__Entitlements *answer = (const Tc__Entitlements *)city->collection.reply;
    NEED(answer->n_entitlements == 1);
    return answer->entitlements[0];
}

static void join(city_t *city, const char *person, const char *identity, const char *from, const char *group) {
    add_person(city, person, 0);
    RIG_DO(&city->enrollment, "open_spell", "{'person':'%s','identity':'%s','from_month':'%s'}", person, identity,
           from);
    if (*group)
        RIG_DO(&city->enrollment, "set_group",
               "{'person':'%s','group':'%s','from':'2020-12-01','source':'civil_affairs'}", person, group);
}

// A resident pays the fee; the subsidy is finance's and holds nothing back.
TEST(ZZ_C20_a_resident_owes_the_fee_and_no_subsidy) {
    city_t city;
    open_city(&city, &places[1], NULL);
    join(&city, "R1", "resident", "2021-01", "");
    join(&city, "R2", "resident", "2021-01", "");
    pump(&city);
    RIG_DO(&city.collection, "bill_year", "{'year':2021}");
    EQ(only_bill(&city, "R1")->total_fen, 83000);
    EQ(only_bill(&city, "R1")->own_fen, 28000);
    EQ(due(&city, "person", "R1", "2021"), 28000);
    RIG_DO(&city.collection, "preview", "{'person':'R1','pay_by':'2020-12-20'}");
    EQ(((const Tc__Preview *)city.collection.reply)->amount_fen, 28000);
    OK(((const Tc__Preview *)city.collection.reply)->owed[0]->counts);
    EQ(import_own(&city, "T1", "R1", "2021", "830.00", "2020-12-20")->parked, 1);
    EQ(import_own(&city, "T2", "R1", "2021", "280.00", "2020-12-20")->matched, 1);
    RIG_DO(&city.collection, "receive",
           "{'receipt':'T3','person':'R2','period':'2021','amount':'280.00','paid_on':'2020-12-20'}");
    const Tc__Receipt *receipt = (const Tc__Receipt *)city.collection.reply;
    NEED(receipt->n_parts == 1);
    EQ_TEXT(receipt->parts[0]->payer, "person");
    EQ(receipt->parts[0]->amount_fen, 28000);
    EQ(due(&city, "person", "R1", "2021"), 0);
    EQ_TEXT(only_bill(&city, "R1")->paid_on, "2020-12-20");
    NEED(entitlement(&city, "R1")->n_spans == 1);
    EQ_TEXT(entitlement(&city, "R1")->spans[0]->last_month, "2021-12");
    (void)rig_obligations(&city.collection, 2021);
    EQ(((const Tc__Obligations *)city.collection.reply)->lines[0]->paid_fen, 0); // finance has paid nothing
    // What was parked pays itself back, and what was booked too: the fee, no more.
    RIG_DO(&city.collection, "resolve_receipt", "{'receipt':'T1','decision':'apply','reason':'no bill left'}");
    EQ(((const Tc__ReceiptReport *)city.collection.reply)->parked_amount_fen, 83000);
    RIG_DO(&city.collection, "resolve_receipt", "{'receipt':'T3','decision':'return','reason':'moved away'}");
    EQ(due(&city, "person", "R2", "2021"), 28000);
    close_city(&city);
}

// The unemployed of this city owe ten yuan a month themselves; the fund's part is the fund's.
TEST(ZZ_C12_ZZ_C18_the_unemployed_owe_their_own_line_only) {
    city_t city;
    open_city(&city, &places[1], NULL);
    join(&city, "U1", "unemployed", "2021-05", "");
    pump(&city);
    RIG_DO(&city.collection, "bill_month", "{'month':'2021-05'}");
    EQ(due(&city, "person", "U1", "2021-05"), 1000);
    EQ(import_own(&city, "T1", "U1", "2021-05", "10.00", "2021-05-20")->matched, 1);
    EQ(entitlement(&city, "U1")->n_spans, 1);
    close_city(&city);
}

// Where the fund pays all, its agency's receipt comes under the person's number.
TEST(JM_C_28_the_funds_receipt_pays_the_months_of_the_unemployed) {
    city_t city;
    open_city(&city, &jiangmen, NULL);
    join(&city, "U1", "unemployed", "2018-05", "");
    pump(&city);
    RIG_DO(&city.collection, "bill_month", "{'month':'2018-05'}");
    EQ(due(&city, "person", "U1", "2018-05"), 24180); // 7.8% of 3,100.00
    OK(only_bill(&city, "U1")->own_fen == only_bill(&city, "U1")->total_fen);
    EQ(import_own(&city, "T1", "U1", "2018-05", "241.80", "2018-05-20")->matched, 1);
    (void)rig_obligations(&city.collection, 2018);
    const Tc__Obligations *all = (const Tc__Obligations *)city.collection.reply;
    for (size_t i = 0; i < all->n_lines; i++) EQ(all->lines[i]->paid_fen, all->lines[i]->due_fen);
    close_city(&city);
}

// Whom finance pays all for is covered without any receipt; one that comes anyway is parked. Who joins during the year
// is covered from then on, and an unpaid year goes with the spell that owed it.
TEST(ZS_C09_whom_finance_pays_for_is_covered_without_a_receipt) {
    city_t city;
    open_city(&city, &places[2], NULL);
    join(&city, "H1", "resident", "2021-01", "extreme_hardship");
    join(&city, "H2", "resident", "2021-05", "extreme_hardship");
    pump(&city);
    RIG_DO(&city.collection, "bill_year", "{'year':2021}");
    EQ(due(&city, "person", "H1", "2021"), 0);
    EQ(only_bill(&city, "H1")->own_fen, 0);
    OK(only_bill(&city, "H1")->total_fen > 0);
    NEED(entitlement(&city, "H1")->n_spans == 1);
    EQ_TEXT(entitlement(&city, "H1")->spans[0]->first_month, "2021-01");
    EQ_TEXT(entitlement(&city, "H1")->spans[0]->last_month, "2021-12");
    NEED(entitlement(&city, "H2")->n_spans == 1);
    EQ_TEXT(entitlement(&city, "H2")->spans[0]->first_month, "2021-06");
    RIG_DO(&city.collection, "preview", "{'person':'H1','pay_by':'2021-03-01'}");
    EQ(((const Tc__Preview *)city.collection.reply)->n_owed, 0);
    EQ(((const Tc__Preview *)city.collection.reply)->n_changes, 0);
    const Tc__ReceiptReport *report = import_own(&city, "T1", "H1", "2021", "510.00", "2020-12-20");
    EQ(report->parked, 1);
    HAS_TEXT(report->problems[0]->text, "nothing_due");
    RIG_DO(&city.enrollment, "record_death", "{'person':'H1','on':'2020-12-30'}");
    pump(&city);
    RIG_DO(&city.collection, "get_bills", "{'person':'H1'}");
    EQ(((const Tc__ContributionBills *)city.collection.reply)->n_bills, 0);
    EQ(entitlement(&city, "H1")->n_spans, 0);
    close_city(&city);
}

static void execute(city_t *city, const char *sql) {
    err_t err = {0};
    if (store_exec(city->collection.ctx.store, sql, NULL, 0, &err)) fprintf(stderr, "%s\n", err.text);
    NEED(err.code == E_OK);
}

// A store from before payers' shares were kept: what was paid whole stays so, what is due is worked out.
TEST(ZZ_C20_the_shares_of_bills_from_before_are_worked_out) {
    city_t city;
    err_t err = {0};
    open_city(&city, &places[1], NULL);
    for (int i = 0; i < 3; i++) {
        char person[8];
        snprintf(person, sizeof person, "R%d", i);
        join(&city, person, "resident", "2021-01", "");
    }
    pump(&city);
    RIG_DO(&city.collection, "bill_year", "{'year':2021}");
    execute(&city, "UPDATE bill SET own_fen = total_fen WHERE person = 'R0'");
    RIG_DO(&city.collection, "receive",
           "{'receipt':'T1','person':'R0','period':'2021','amount':'830.00','paid_on':'2020-12-20'}");
    EQ(((const Tc__Receipt *)city.collection.reply)->n_parts, 2);
    execute(&city, "UPDATE bill SET own_fen = -1 WHERE paid_on = ''");
    execute(&city, "INSERT INTO own_backfill (partition, person, period) VALUES (-1, '', '')");
    for (int i = 0; i < 2; i++) EQ(own_share_fill(city.collection.ctx.store, city.collection.ctx.arena, &err), E_OK);
    EQ(due(&city, "person", "R1", "2021"), 28000);
    EQ(only_bill(&city, "R0")->own_fen, 83000);
    (void)rig_obligations(&city.collection, 2021);
    EQ(((const Tc__Obligations *)city.collection.reply)->lines[0]->paid_fen, 55000); // R0's, as it was told
    RIG_DO(&city.collection, "resolve_receipt", "{'receipt':'T1','decision':'return','reason':'moved away'}");
    EQ(due(&city, "person", "R0", "2021"), 28000);
    close_city(&city);
}

// ---- public money

static const Tc__Obligations *obligations(city_t *city, int year) { return rig_obligations(&city->collection, year); }

static size_t events_of(city_t *city, const char *topic) {
    rows_t rows;
    size_t n = 0;
    rig_events(&city->collection, &rows);
    for (size_t i = 0; i < rows.count; i++) n += strcmp(row_text(&rows, i, 2), topic) == 0;
    return n;
}

static int subsidise(city_t *city, const char *receipt, const char *tier, const char *amount, const char *reason) {
    return rig_ask(&city->collection, "receive_subsidy",
                   "{'receipt':'%s','division':'%s','tier':'%s','item':'basic','year':2022,'amount':'%s',"
                   "'paid_on':'2022-03-01','reason':'%s'}",
                   receipt, city->place->divisions[0], tier, amount, reason);
}

#define SHARE                                                                                                          \
    "overlay: shares\nstatus: synthetic\nparameters:\n  subsidy_city_share:\n"                                         \
    "    - {from: 2022-01-01, value: 0.333, source: \"n\"}\n"

// City and county each owe their share of what the bills of their residents say of finance; what each has paid is what
// came in, and the two are told apart.
TEST(SM_C06_SM_C08_YC_C06_YC_C12_each_tier_owes_its_share_and_pays_it) {
    for (size_t p = 3; p <= 4; p++) {
        city_t city;
        open_city(&city, &places[p], SHARE);
        for (int i = 0; i < 3; i++) {
            char person[8];
            snprintf(person, sizeof person, "R%d", i);
            add_person(&city, person, i == 2);
            RIG_DO(&city.enrollment, "open_spell", "{'person':'%s','identity':'resident','from_month':'2022-01'}",
                   person);
        }
        pump(&city);
        RIG_DO(&city.collection, "bill_year", "{'year':2022}");
        const Tc__Obligations *all = obligations(&city, 2022);
        NEED(all->n_lines == 4); // two districts
        EQ_TEXT(all->lines[0]->tier, "city");
        EQ_TEXT(all->lines[0]->payer, "finance");
        EQ_TEXT(all->lines[0]->identity, "resident");
        EQ(all->lines[0]->persons, 2);
        EQ(all->lines[0]->due_fen, 38628); // 33.3% of 2 × 580.00
        EQ_TEXT(all->lines[1]->tier, "county");
        EQ(all->lines[1]->due_fen, 116000 - 38628);
        EQ(all->lines[1]->open_fen, 116000 - 38628);
        EQ(all->lines[2]->due_fen, 19314);
        EQ(subsidise(&city, "F1", "county", "773.73", ""), E_OUT_OF_RANGE); // a fen too much
        EQ_TEXT(city.collection.err.field, "amount");
        HAS_TEXT(city.collection.err.text, "773.72 is open");
        EQ(subsidise(&city, "F1", "", "1.00", ""), E_NOT_FOUND); // whose it is must be said
        EQ(subsidise(&city, "F1", "county", "700.00", ""), E_OK);
        const Tc__Receipt *receipt = (const Tc__Receipt *)city.collection.reply;
        EQ_TEXT(receipt->payer, "finance");
        EQ_TEXT(receipt->period, "2022");
        NEED(receipt->n_parts == 1);
        EQ_TEXT(receipt->parts[0]->identity, "resident");
        EQ_TEXT(receipt->parts[0]->payer, "finance");
        EQ(receipt->parts[0]->amount_fen, 70000);
        EQ(events_of(&city, "contribution.received"), 1);
        EQ(subsidise(&city, "F1", "county", "700.00", ""), E_OK); // the same again
        EQ(((const Tc__Receipt *)city.collection.reply)->amount_fen, 70000);
        EQ(events_of(&city, "contribution.received"), 1);
        EQ(subsidise(&city, "F1", "county", "70.00", ""), E_CONFLICT);
        all = obligations(&city, 2022);
        EQ(all->lines[0]->paid_fen, 0);
        EQ(all->lines[1]->paid_fen, 70000);
        EQ(all->lines[1]->open_fen, 7372);
        EQ(subsidise(&city, "F2", "county", "100.00", ""), E_OUT_OF_RANGE);
        EQ(subsidise(&city, "F2", "county", "100.00", "for those who still join"), E_OK);
        EQ(obligations(&city, 2022)->lines[1]->open_fen, 7372 - 10000); // paid ahead
        RIG_DO(&city.collection, "resolve_receipt", "{'receipt':'F1','decision':'return','reason':'sent twice'}");
        EQ(((const Tc__ReceiptReport *)city.collection.reply)->amount_fen, 70000);
        EQ(events_of(&city, "contribution.returned"), 1);
        EQ(obligations(&city, 2022)->lines[1]->paid_fen, 10000);
        EQ(rig_ask(&city.collection, "resolve_receipt", "{'receipt':'F1','decision':'return','reason':'again'}"),
           E_EXISTS);
        EQ(subsidise(&city, "F1", "county", "700.00", ""), E_EXISTS);
        // A number is one of all receipts, whoever paid.
        EQ(rig_ask(&city.collection, "receive",
                   "{'receipt':'F2','person':'R0','period':'2022','amount':'%s','paid_on':'2021-12-20'}",
                   p == 3 ? "280.00" : "320.00"),
           E_EXISTS);
        close_city(&city);
    }
}

// Where nothing is said of shares, finance is one payer; the fund's part of a bill that the person pays too is settled
// like it, and what the fund pays by receipts is not open to it.
TEST(ZZ_C12_ZZ_C20_public_money_is_paid_in_one_sum) {
    city_t city;
    open_city(&city, &places[1], NULL);
    join(&city, "R1", "resident", "2021-01", "");
    join(&city, "U1", "unemployed", "2021-05", "");
    pump(&city);
    RIG_DO(&city.collection, "bill_year", "{'year':2021}");
    RIG_DO(&city.collection, "bill_month", "{'month':'2021-05'}");
    const Tc__Obligations *all = obligations(&city, 2021);
    NEED(all->n_lines == 2);
    EQ_TEXT(all->lines[0]->payer, "finance");
    EQ_TEXT(all->lines[0]->tier, "");
    EQ(all->lines[0]->due_fen, 55000);
    const fen_t funds = all->lines[1]->due_fen;
    OK(funds > 0);
    char text[FEN_TEXT_MAX];
    RIG_DO(&city.collection, "receive_subsidy",
           "{'receipt':'S1','division':'370402','item':'basic','year':2021,'amount':'%s','paid_on':'2021-06-01',"
           "'payer':'unemployment_fund'}",
           fen_format(funds, text));
    EQ_TEXT(((const Tc__Receipt *)city.collection.reply)->parts[0]->identity, "unemployed");
    EQ(obligations(&city, 2021)->lines[1]->open_fen, 0);
    EQ(obligations(&city, 2021)->lines[0]->open_fen, 55000);
    close_city(&city);
    open_city(&city, &jiangmen, NULL);
    join(&city, "U1", "unemployed", "2018-05", "");
    pump(&city);
    RIG_DO(&city.collection, "bill_month", "{'month':'2018-05'}");
    EQ(rig_ask(&city.collection, "receive_subsidy",
               "{'receipt':'S1','division':'440703','item':'tier1','year':2018,'amount':'1.00','paid_on':'2018-06-01',"
               "'payer':'unemployment_fund'}"),
       E_OUT_OF_RANGE);
    HAS_TEXT(city.collection.err.text, "0.00 is open");
    close_city(&city);
}

// What finance owes of hardship residents comes from three funds that the law names; each payment may say which.
TEST(JM_C_06_JM_C_36_each_fund_that_bears_the_subsidy_is_told_with_what_it_paid) {
    static const char pay[] = "{'receipt':'%s','division':'440703','item':'tier1','year':2018,'amount':'%s',"
                              "'paid_on':'2018-03-01','fund':'%s'}";
    city_t city;
    open_city(&city, &jiangmen, NULL);
    join(&city, "R1", "resident", "2018-01", "");
    RIG_DO(&city.enrollment, "set_group",
           "{'person':'R1','group':'extreme_hardship','from':'2017-12-01','source':'civil_affairs'," RIG_PAPER "}");
    pump(&city);
    RIG_DO(&city.collection, "bill_year", "{'year':2018}");
    EQ(due(&city, "person", "R1", "2018"), 0);
    EQ(rig_ask(&city.collection, "receive_subsidy", pay, "F1", "1.00", "lottery"), E_INVALID_FIELD);
    EQ_TEXT(city.collection.err.field, "fund");
    HAS_TEXT(city.collection.err.text, "finance, medical_assistance_fund, disabled_employment_fund (JM-C-06)");
    RIG_DO(&city.collection, "receive_subsidy", pay, "F1", "30.00", "medical_assistance_fund");
    RIG_DO(&city.collection, "receive_subsidy", pay, "F2", "20.00", "");
    EQ(rig_ask(&city.collection, "receive_subsidy", pay, "F1", "30.00", "finance"), E_CONFLICT);
    const Tc__Obligations *all = obligations(&city, 2018);
    EQ_TEXT(all->bearers_rule, "JM-C-06");
    NEED(all->n_bearers == 3);
    EQ_TEXT(all->bearers[0]->fund, "finance");
    EQ(all->bearers[0]->paid_fen, 2000); // what does not say otherwise
    EQ_TEXT(all->bearers[1]->fund, "medical_assistance_fund");
    EQ(all->bearers[1]->paid_fen, 3000);
    EQ(all->bearers[2]->paid_fen, 0);
    // Catastrophic insurance is funded by rules of its own.
    EQ(rig_ask(&city.collection, "receive_subsidy",
               "{'receipt':'F3','division':'440703','item':'catastrophic','year':2018,'amount':'1.00',"
               "'paid_on':'2018-03-01'}"),
       E_UNSUPPORTED);
    HAS_TEXT(city.collection.err.text, "JM-C-36");
    const Tc__ContributionBill *bill = only_bill(&city, "R1");
    for (size_t i = 0; i < bill->n_lines; i++) EQ_TEXT(bill->lines[i]->item, "tier1");
    close_city(&city);
    open_city(&city, &places[1], NULL); // where the law names no funds, none can be named
    EQ(rig_ask(&city.collection, "receive_subsidy",
               "{'receipt':'F1','division':'370402','item':'basic','year':2021,'amount':'1.00','paid_on':'2021-06-01',"
               "'fund':'finance'}"),
       E_UNSUPPORTED);
    EQ(obligations(&city, 2021)->n_bearers, 0);
    close_city(&city);
}

#define ASSISTANCE SHARE "  medical_assistance_funding:\n    - {from: 2022-01-01, value: 20.00, source: \"n\"}\n"

// City and county each raise their share of medical assistance, beside the residents' subsidy; what is open after the
// year is late.
TEST(SM_C07_ZS_C20_ZS_C21_each_government_raises_its_share_of_medical_assistance) {
    city_t city;
    open_city(&city, &places[4], ASSISTANCE);
    join(&city, "R1", "resident", "2022-01", "");
    pump(&city);
    RIG_DO(&city.collection, "bill_year", "{'year':2022}");
    const Tc__Obligations *all = obligations(&city, 2022);
    NEED(all->n_lines == 4);
    EQ_TEXT(all->lines[0]->item, "assistance");
    EQ_TEXT(all->lines[0]->tier, "city");
    EQ(all->lines[0]->due_fen, 666);
    EQ_TEXT(all->lines[1]->tier, "county");
    EQ(all->lines[1]->due_fen, 1334);
    RIG_DO(&city.collection, "receive_subsidy",
           "{'receipt':'A1','division':'411202','tier':'county','item':'assistance','year':2022,'amount':'13.34',"
           "'paid_on':'2022-12-31'}");
    RIG_DO(&city.collection, "get_obligations", "{'year':2022,'as_of':'2022-12-31'}");
    all = (const Tc__Obligations *)city.collection.reply;
    EQ(all->lines[0]->late_days, 0); // the year lasts
    RIG_DO(&city.collection, "get_obligations", "{'year':2022,'as_of':'2023-01-31'}");
    all = (const Tc__Obligations *)city.collection.reply;
    EQ(all->lines[0]->late_days, 31);
    EQ(all->lines[1]->late_days, 0); // paid
    EQ(rig_ask(&city.collection, "get_obligations", "{'year':2022,'as_of':'soon'}"), E_INVALID_FIELD);
    close_city(&city);
}

// ---- what districts and yearly notices decide

#define OF_PENGJIANG                                                                                                   \
    "overlay: district\nstatus: synthetic\nparameters:\n  family_planning_own_part_440703:\n"                          \
    "    - {from: 2018-01-01, value: 100.00, source: \"n\"}\n"                                                         \
    "    - {from: 2019-01-01, value: 900.00, source: \"n\"}\n"

// A family-planning household pays what its district says, and finance the rest. Where the district's rule is not known
// the household is not billed, and everybody else is.
TEST(JM_C_07_a_family_planning_household_follows_the_rule_of_its_district) {
    city_t city;
    open_city(&city, &jiangmen, OF_PENGJIANG);
    for (int i = 0; i < 3; i++) {
        char person[8];
        snprintf(person, sizeof person, "R%d", i);
        add_person(&city, person, i == 1);
        RIG_DO(&city.enrollment, "open_spell", "{'person':'%s','identity':'resident','from_month':'2018-01'}", person);
        if (i < 2)
            RIG_DO(&city.enrollment, "set_group",
                   "{'person':'%s','group':'family_planning','from':'2017-12-01','source':'health bureau'}", person);
    }
    pump(&city);
    RIG_DO(&city.collection, "bill_year", "{'year':2018}");
    const Tc__BillRun *run = (const Tc__BillRun *)city.collection.reply;
    EQ(run->bills, 2);
    NEED(run->n_undecided == 1);
    EQ_TEXT(run->undecided[0]->person, "R1");
    HAS_TEXT(run->undecided[0]->reason,
             "family_planning pays follows the rule of district 440705 新会区, which is not in"
             " the city file: family_planning_own_part_440705 (JM-C-07");
    const fen_t fee = due(&city, "person", "R2", "2018"); // 1.2% of 24,000.00
    EQ(fee, 28800);
    EQ(due(&city, "person", "R0", "2018"), 10000);
    const Tc__ContributionBill *bill = only_bill(&city, "R0");
    EQ(bill->total_fen, fee);
    NEED(bill->n_lines == 2);
    EQ_TEXT(bill->lines[0]->payer, "person");
    EQ_TEXT(bill->lines[0]->rule, "JM-C-07");
    EQ_TEXT(bill->lines[1]->payer, "finance");
    EQ(bill->lines[1]->amount_fen, fee - 10000);
    EQ(due(&city, "person", "R1", "2018"), 0); // nothing was guessed
    RIG_DO(&city.collection, "bill_year", "{'year':2019}");
    EQ(due(&city, "person", "R0", "2019"), due(&city, "person", "R2", "2019")); // never more than the fee
    close_city(&city);
}

#define ONE_WINDOW                                                                                                     \
    "overlay: notice\nstatus: synthetic\nfee_window:\n  from: 2018\n  rule: JM-C-39\n  years:\n"                       \
    "    - {year: 2019, opens: 2018-09-15, closes: 2018-12-20, source: \"n\"}\n"

TEST(JM_C_39_a_year_is_billed_once_its_payment_window_is_published) {
    city_t city;
    open_city(&city, &jiangmen, ONE_WINDOW);
    join(&city, "R1", "resident", "2017-01", "");
    pump(&city);
    EQ(rig_ask(&city.collection, "bill_year", "{'year':2018}"), E_PARAMETER_MISSING);
    EQ_TEXT(city.collection.err.field, "year");
    HAS_TEXT(city.collection.err.text, "the window in which the fee of 2018 is paid is not published: `opens` and"
                                       " `closes` of 2018 belong in section fee_window (JM-C-39");
    RIG_DO(&city.collection, "bill_year", "{'year':2017}"); // before windows were published
    EQ_TEXT(((const Tc__BillRun *)city.collection.reply)->opens, "");
    RIG_DO(&city.collection, "bill_year", "{'year':2019}");
    const Tc__BillRun *run = (const Tc__BillRun *)city.collection.reply;
    EQ(run->bills, 1);
    EQ_TEXT(run->opens, "2018-09-15");
    EQ_TEXT(run->closes, "2018-12-20");
    close_city(&city);
}

// ---- debits

// The fee is debited from the account of the card or another one that is named, on a day of the window; whole or not at
// all. Who has too little stays unpaid, and is debited again.
TEST(JM_C_45_JM_C_46_the_fee_is_debited_from_the_named_account_whole_or_not_at_all) {
    static const char account[] = "{'person':'%s','kind':'%s','bank':'ICBC','account':'%s'}";
    static const struct {
        const char *person, *kind, *account;
        int code;
        const char *field;
    } refused[] = {{"R0", "purse", "6222001234567890", E_INVALID_FIELD, "kind"},
                   {"R0", "card", "6222-0012-3456-78", E_INVALID_FIELD, "account"},
                   {"R0", "card", "6222001", E_INVALID_FIELD, "account"},
                   {"R9", "card", "6222001234567890", E_NOT_FOUND, "person"}};
    city_t city;
    open_city(&city, &jiangmen, ONE_WINDOW);
    for (int i = 0; i < 4; i++) {
        char person[8];
        snprintf(person, sizeof person, "R%d", i);
        add_person(&city, person, 0);
        RIG_DO(&city.enrollment, "open_spell", "{'person':'%s','identity':'resident','from_month':'2019-01'}", person);
    }
    RIG_DO(&city.enrollment, "set_group",
           "{'person':'R3','group':'extreme_hardship','from':'2018-12-01','source':'civil_affairs'," RIG_PAPER "}");
    pump(&city);
    RIG_DO(&city.collection, "bill_year", "{'year':2019}");
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        EQ(rig_ask(&city.collection, "set_debit_account", account, refused[i].person, refused[i].kind,
                   refused[i].account),
           refused[i].code);
        EQ_TEXT(city.collection.err.field, refused[i].field);
        OK(strstr(city.collection.err.text, "6222") == NULL); // an account is nobody's business
    }
    RIG_DO(&city.collection, "set_debit_account", account, "R0", "card", "6222000000000001");
    EQ_TEXT(((const Tc__DebitAccount *)city.collection.reply)->account, "…0001");
    RIG_DO(&city.collection, "set_debit_account", account, "R1", "card", "6222000000000002");
    RIG_DO(&city.collection, "set_debit_account", account, "R1", "other", "6222000000000003");
    RIG_DO(&city.collection, "set_debit_account", account, "R3", "card", "6222000000000004"); // owes nothing
    EQ(rig_ask(&city.collection, "list_debits", "{'year':2018,'on':'2017-12-01'}"), E_PARAMETER_MISSING);
    EQ(rig_ask(&city.collection, "list_debits", "{'year':2019,'on':'2018-12-21'}"), E_OUT_OF_RANGE);
    HAS_TEXT(city.collection.err.text, "the fee of 2019 is paid from 2018-09-15 to 2018-12-20 (JM-C-39)");
    RIG_DO(&city.collection, "list_debits", "{'year':2019,'on':'2018-12-20'}");
    const Tc__Debits *debits = (const Tc__Debits *)city.collection.reply;
    NEED(debits->n_rows == 2); // R2 has named none
    OK(debits->done);
    const fen_t fee = debits->rows[0]->amount_fen;
    EQ(fee, 36400); // 1.4% of 26,000.00
    for (size_t i = 0; i < 2; i++)
        if (strcmp(debits->rows[i]->person, "R1") == 0) EQ_TEXT(debits->rows[i]->account, "6222000000000003");
    // What the bank took comes back as receipts: less than the fee buys nothing.
    EQ(import_own(&city, "B1", "R0", "2019", "364.00", "2018-12-20")->matched, 1);
    EQ(import_own(&city, "B2", "R1", "2019", "100.00", "2018-12-20")->parked, 1);
    EQ(entitlement(&city, "R1")->n_spans, 0);
    EQ(entitlement(&city, "R0")->n_spans, 1);
    size_t pages = 0, left = 0;
    const char *after = "";
    for (bool done = false; !done; pages++) { // page by page
        RIG_DO(&city.collection, "list_debits", "{'year':2019,'on':'2018-12-20','limit':1,'after':'%s'}", after);
        debits = (const Tc__Debits *)city.collection.reply;
        for (size_t i = 0; i < debits->n_rows; i++) EQ_TEXT(debits->rows[i]->person, "R1");
        left += debits->n_rows;
        done = debits->done;
        after = debits->last_person;
    }
    EQ(left, 1);
    EQ(pages, 4); // three accounts, and the page that finds no more
    EQ(rig_ask(&city.collection, "list_debits", "{'year':2019,'on':'2018-12-20','limit':2001}"), E_OUT_OF_RANGE);
    close_city(&city);
}

static const Tc__FailedDebits *failed_debits(city_t *city, const char *of) {
    RIG_DO(&city->collection, "list_failed_debits", "{%s}", of);
    return (const Tc__FailedDebits *)city->collection.reply;
}

#define FAILED(person, on, reason)                                                                                     \
    "{'person':'" person "','period':'2019','amount':'364.00','on':'" on "','reason':'" reason "'}"

static const Tc__DebitReport *report_debits(city_t *city, const char *rows) {
    RIG_DO(&city->collection, "report_debits", "{'rows':[%s]}", rows);
    return (const Tc__DebitReport *)city->collection.reply;
}

// What the bank says of a debit that it could not make is kept with who told it, and shown where a clerk looks; the fee
// stays as unpaid as it was.
TEST(JM_C_46_why_a_debit_failed_is_kept_and_told) {
    static const struct {
        const char *row, *code, *field;
    } faults[] = {{FAILED("R9", "2018-12-20", "no money"), "NOT_FOUND", "person"},
                  {FAILED("R4", "2018-12-20", "no money"), "NOT_FOUND", "period"}, // no fee was billed
                  {FAILED("R0", "2018-12-20", "nothing on 6222000000000001"), "INVALID_FIELD", "reason"},
                  {FAILED("R0", "2018-12-20", ""), "MISSING_FIELD", "reason"},
                  {FAILED("R0", "2199-12-20", "no money"), "OUT_OF_RANGE", "on"},
                  {FAILED("R0", "soon", "no money"), "INVALID_FIELD", "on"},
                  {"{'person':'R0','period':'2019','on':'2018-12-20','reason':'x'}", "OUT_OF_RANGE", "amount"},
                  {"{'person':'R0','period':'2019-01','amount':'1.00','on':'2018-12-20','reason':'x'}", "INVALID_FIELD",
                   "period"}};
    static const char account[] = "{'person':'%s','kind':'card','bank':'ICBC','account':'622200000000000%d'}";
    city_t city;
    open_city(&city, &jiangmen, ONE_WINDOW);
    for (int i = 0; i < 5; i++) {
        char person[8];
        snprintf(person, sizeof person, "R%d", i);
        add_person(&city, person, i == 1);
        if (i == 4) continue;
        RIG_DO(&city.enrollment, "open_spell", "{'person':'%s','identity':'resident','from_month':'2019-01'}", person);
    }
    pump(&city);
    RIG_DO(&city.collection, "bill_year", "{'year':2019}");
    RIG_DO(&city.collection, "set_debit_account", account, "R0", 0);
    RIG_DO(&city.collection, "set_debit_account", account, "R1", 1);
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        const Tc__DebitReport *report = report_debits(&city, faults[i].row);
        NEED(report->n_outcomes == 1 && report->faults == 1);
        EQ_TEXT(report->outcomes[0]->outcome, "fault");
        EQ_TEXT(report->outcomes[0]->code, faults[i].code);
        EQ_TEXT(report->outcomes[0]->field, faults[i].field);
        OK(strstr(report->outcomes[0]->text, "6222") == NULL);
    }
    EQ(rig_ask(&city.collection, "report_debits", "{}"), E_MISSING_FIELD);
    EQ(failed_debits(&city, "")->n_failed, 0);
    EQ(report_debits(&city, FAILED("R0", "2018-12-10", "no money") "," FAILED("R0", "2018-12-20", "account closed"))
           ->kept,
       2);
    const Tc__DebitReport *report =
        report_debits(&city, FAILED("R0", "2018-12-20", "account closed") "," FAILED(
                                 "R0", "2018-12-20", "no money") "," FAILED("R1", "2018-12-20", "no money"));
    EQ(report->repeated, 1);
    EQ(report->faults, 1);
    EQ_TEXT(report->outcomes[1]->code, "CONFLICT");
    EQ(report->kept, 1); // the others stand
    const Tc__FailedDebits *all = failed_debits(&city, "'person':'R0'");
    NEED(all->n_failed == 2);
    EQ_TEXT(all->failed[0]->on, "2018-12-10");
    EQ_TEXT(all->failed[1]->reason, "account closed");
    EQ(all->failed[1]->amount_fen, 36400);
    EQ_TEXT(all->failed[1]->told_by, "admin:rig");
    OK(all->failed[1]->open);
    EQ(failed_debits(&city, "'year':2019")->n_failed, 3);
    EQ(failed_debits(&city, "'year':2018")->n_failed, 0);
    EQ(entitlement(&city, "R0")->n_spans, 0);
    RIG_DO(&city.collection, "list_debits", "{'year':2019,'on':'2018-12-20'}");
    const Tc__Debits *debits = (const Tc__Debits *)city.collection.reply;
    NEED(debits->n_rows == 2);
    for (size_t i = 0; i < 2; i++) {
        const bool first = strcmp(debits->rows[i]->person, "R0") == 0;
        EQ_TEXT(debits->rows[i]->failed_on, "2018-12-20");
        EQ_TEXT(debits->rows[i]->reason, first ? "account closed" : "no money");
    }
    EQ(import_own(&city, "B1", "R0", "2019", "364.00", "2018-12-20")->matched, 1);
    OK(!failed_debits(&city, "'person':'R0'")->failed[0]->open); // paid since, and known still
    size_t seen = 0;
    char after[64] = "";
    do { // page by page
        char of[128];
        snprintf(of, sizeof of, "'limit':1,'after':'%s'", after);
        all = failed_debits(&city, of);
        seen += all->n_failed;
        snprintf(after, sizeof after, "%s", all->next);
    } while (*after);
    EQ(seen, 3);
    EQ(rig_ask(&city.collection, "list_failed_debits", "{'after':'x'}"), E_INVALID_FIELD);
    EQ(rig_ask(&city.collection, "list_failed_debits", "{'limit':1001}"), E_OUT_OF_RANGE);
    EQ(rig_ask(&city.collection, "list_failed_debits", "{'year':19}"), E_INVALID_FIELD);
    char scope[64];
    snprintf(scope, sizeof scope, "divisions=%s", city.place->divisions[1]); // R1 is there
    city.collection.ctx.scope = scope;
    all = failed_debits(&city, "");
    NEED(all->n_failed == 1);
    EQ_TEXT(all->failed[0]->person, "R1");
    EQ(rig_ask(&city.collection, "list_failed_debits", "{'person':'R0'}"), E_DENIED);
    EQ_TEXT(report_debits(&city, FAILED("R0", "2018-12-11", "no money"))->outcomes[0]->code, "DENIED");
    city.collection.ctx.scope = NULL;
    close_city(&city);
}

// ---- targets

static const Tc__Targets *targets(city_t *city, const char *rest) {
    RIG_DO(&city->collection, "get_targets", "{'year':2022%s}", rest);
    return (const Tc__Targets *)city->collection.reply;
}

static const Tc__Targets__Line *line_of(const Tc__Targets *all, const char *kind, const char *division,
                                        const char *tier) {
    for (size_t i = 0; i < all->n_lines; i++)
        if (strcmp(all->lines[i]->kind, kind) == 0 && strcmp(all->lines[i]->division, division) == 0 &&
            strcmp(all->lines[i]->tier, tier) == 0)
            return all->lines[i];
    NEED(false);
    return NULL;
}

#define TARGET(city, what) RIG_DO(&(city)->collection, "set_target", "{'year':2022,'document':'No. 7'," what "}")

// Two residents in one district, one in the other; one of the first has paid.
static void open_settled(city_t *city, const place_t *place) {
    char fee[FEN_TEXT_MAX];
    open_city(city, place, NULL);
    for (int i = 0; i < 3; i++) {
        char person[8];
        snprintf(person, sizeof person, "R%d", i);
        add_person(city, person, i == 2);
        RIG_DO(&city->enrollment, "open_spell", "{'person':'%s','identity':'resident','from_month':'2022-01'}", person);
    }
    pump(city);
    RIG_DO(&city->collection, "bill_year", "{'year':2022}");
    fen_format(due(city, "person", "R0", "2022"), fee);
    EQ(import_own(city, "T1", "R0", "2022", fee, "2021-12-20")->matched, 1);
}

TEST(SM_E03_SM_C05_YC_E08_YC_C10_targets_of_districts_are_held_against_what_is_done) {
    static const struct {
        size_t place;
        const char *insured, *collected;
        size_t answers;
    } cities[] = {{3, "YC-E08", "YC-C10", 0}, {4, "SM-E03", "SM-C05", 2}};
    for (size_t k = 0; k < COUNT_OF(cities); k++) {
        city_t city;
        char here[32], there[32];
        open_settled(&city, &places[cities[k].place]);
        const char *first = city.place->divisions[0], *second = city.place->divisions[1];
        const fen_t fee = due(&city, "person", "R2", "2022");
        snprintf(here, sizeof here, "%s", first);
        snprintf(there, sizeof there, "%s", second);
        TARGET(&city, "'kind':'insured','persons':5"); // as a higher level gave it
        RIG_DO(&city.collection, "set_target",
               "{'year':2022,'document':'No. 7','kind':'insured','persons':3,'division':'%s'}", here);
        RIG_DO(&city.collection, "set_target",
               "{'year':2022,'document':'No. 8','kind':'insured','persons':4,'division':'%s'}", here);
        RIG_DO(&city.collection, "set_target",
               "{'year':2022,'document':'No. 8','kind':'insured','persons':4,'division':'%s'}", here);
        EQ(((const Tc__Target *)city.collection.reply)->number, 2); // the same again is no third setting
        RIG_DO(&city.collection, "set_target",
               "{'year':2022,'document':'No. 7','kind':'collected','amount':'1000.00','division':'%s'}", there);
        const Tc__Targets *all = targets(&city, ",'history':true");
        EQ_TEXT(all->as_of, "2022-12-31");
        EQ(all->n_history, 4);
        const Tc__Targets__Line *line = line_of(all, "insured", "", "");
        EQ(line->target, 5);
        EQ(line->done, 1);
        EQ(line->broken_down, 4);
        EQ_TEXT(line->rule, cities[k].insured);
        EQ(line->n_answers, cities[k].answers);
        if (line->n_answers) EQ_TEXT(line->answers[1], "county");
        line = line_of(all, "insured", here, "");
        EQ(line->target, 4);
        EQ(line->done, 1);
        EQ(line->missing, 3);
        EQ(line->share, 250000);
        EQ_TEXT(line->document, "No. 8");
        line = line_of(all, "insured", there, "");
        EQ(line->target, 0); // none is set, and the law sets none
        EQ(line->missing, 0);
        line = line_of(all, "collected", here, "");
        EQ(line->done, fee);
        line = line_of(all, "collected", there, "");
        EQ(line->missing, 100000);
        EQ_TEXT(line->rule, cities[k].collected);
        OK(line->late_days > 365); // today
        EQ(line_of(targets(&city, ",'as_of':'2022-12-31'"), "collected", there, "")->late_days, 0);
        EQ(line_of(targets(&city, ",'as_of':'2023-01-10'"), "collected", there, "")->late_days, 10);
        EQ(line_of(targets(&city, ",'as_of':'2023-01-10'"), "insured", here, "")->done, 0); // the year is over
        close_city(&city);
    }
}

// Where the law says that everybody is insured and all that is due is collected and paid, that is the target of whoever
// has no other.
TEST(ZS_E12_ZS_C20_ZS_C21_the_law_itself_is_the_target) {
    city_t city;
    open_settled(&city, &places[2]);
    const fen_t fee = due(&city, "person", "R1", "2022");
    const Tc__Targets__Line *line = line_of(targets(&city, ""), "insured", "330902", "");
    EQ(line->target, 2); // two are known there
    EQ(line->done, 1);
    EQ_TEXT(line->rule, "ZS-E12");
    line = line_of(targets(&city, ""), "collected", "330902", "");
    EQ(line->target, 2 * fee);
    EQ(line->done, fee);
    EQ(line->share, 500000);
    EQ_TEXT(line->rule, "ZS-C20");
    line = line_of(targets(&city, ""), "raised", "330903", "");
    EQ_TEXT(line->rule, "ZS-C21");
    OK(line->target > 0);
    EQ(line->missing, line->target);
    TARGET(&city, "'kind':'raised','division':'330903','item':'assistance','amount':'99.00'");
    RIG_DO(&city.collection, "receive_subsidy",
           "{'receipt':'A1','division':'330903','item':'assistance','year':2022,'amount':'30.00',"
           "'paid_on':'2022-02-01'}");
    line = line_of(targets(&city, ""), "raised", "330903", "");
    EQ_TEXT(line->item, "assistance");
    EQ(line->target, 9900);
    EQ(line->done, 3000);
    EQ_TEXT(line->document, "No. 7");
    city.collection.ctx.scope = "divisions=330903"; // a district sees its own
    EQ(targets(&city, ",'history':true")->n_history, 1);
    for (size_t i = 0; i < targets(&city, "")->n_lines; i++) EQ_TEXT(targets(&city, "")->lines[i]->division, "330903");
    city.collection.ctx.scope = NULL;
    close_city(&city);
}

// A count over the city does not keep others waiting: between two slices collection does what else it is asked.
static void ask_in_slices(city_t *city, const char *method, const char *json, const char *whole) {
    collection_t *self = city->collection.self;
    self->slice_us = 0;
    for (int part = 1; part < PARTITIONS; part++) {
        char told[64];
        snprintf(told, sizeof told, "%d of %d parts so far", part, PARTITIONS);
        EQ(rig_ask(&city->collection, method, "%s", json), E_UNAVAILABLE);
        EQ_TEXT(city->collection.err.field, "count");
        HAS_TEXT(city->collection.err.text, told);
        if (part != 20) continue;
        EQ(rig_ask(&city->collection, "get_obligations", "{'year':2019}"), E_BUSY); // one count at a time
        EQ_TEXT(city->collection.err.field, "count");
        RIG_DO(&city->collection, "set_debit_account",
               "{'person':'R0','kind':'card','bank':'ICBC','account':'62220000'}");
    }
    RIG_DO(&city->collection, method, "%s", json);
    EQ_TEXT(rig_reply(&city->collection), whole);
    self->slice_us = INT64_MAX;
}

TEST(a_count_over_the_city_goes_on_slice_by_slice) {
    static const struct {
        const char *method, *json;
    } counts[] = {{"get_targets", "{'year':2022}"},
                  {"get_obligations", "{'year':2022}"},
                  {"get_obligations", "{'year':2022,'all_payers':true}"}};
    city_t city;
    open_settled(&city, &places[4]);
    collection_t *self = city.collection.self;
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        err_t err = {0};
        RIG_DO(&city.collection, counts[i].method, "%s", counts[i].json);
        char *whole = strdup(rig_reply(&city.collection));
        NEED(whole != NULL);
        OK(strlen(whole) > 300);
        NEED(store_exec(city.collection.ctx.store, "DELETE FROM public_sum", NULL, 0, &err) == E_OK);
        ask_in_slices(&city, counts[i].method, counts[i].json, whole);
        free(whole);
    }
    self->slice_us = 0;
    EQ(rig_ask(&city.collection, "get_targets", "{'year':2022}"), E_UNAVAILABLE);
    self->stale_us = 0; // nobody asks for it any more
    EQ(rig_ask(&city.collection, "get_obligations", "{'year':2022}"), E_UNAVAILABLE);
    HAS_TEXT(city.collection.err.text, "obligations are being counted, 1 of");
    close_city(&city);
}

#define SUBSIDY                                                                                                        \
    "{'receipt':'F1','division':'411202','tier':'%s','item':'basic','year':2022,'amount':'%s','paid_on':"              \
    "'2022-03-01'}"

// A booking waits for the walk over the city slice by slice too. Until the walk came by everywhere nothing is booked,
// and what is asked meanwhile is done; then it is booked once, against other subsidies as they stand then.
TEST(a_subsidy_waits_for_the_count_slice_by_slice) {
    city_t city;
    open_settled(&city, &places[4]);
    collection_t *self = city.collection.self;
    const Tc__Obligations__Line *line = NULL;
    const Tc__Obligations *all = obligations(&city, 2022);
    const size_t told = events_of(&city, "contribution.received");
    char open[FEN_TEXT_MAX], more[FEN_TEXT_MAX];
    for (size_t i = 0; i < all->n_lines; i++)
        if (strcmp(all->lines[i]->division, "411202") == 0 && strcmp(all->lines[i]->item, "basic") == 0)
            line = all->lines[i];
    NEED(line && line->open_fen > 100);
    char tier[16];
    snprintf(tier, sizeof tier, "%s", line->tier); // it goes with the next count
    fen_format(line->open_fen, open);
    fen_format(line->open_fen + 1, more);
    err_t err = {0};
    NEED(store_exec(city.collection.ctx.store, "DELETE FROM public_sum", NULL, 0, &err) == E_OK);
    self->slice_us = 0;
    for (int part = 0; part < PARTITIONS; part++) {
        char so_far[64];
        snprintf(so_far, sizeof so_far, "%d of %d parts so far", part, PARTITIONS);
        EQ(rig_ask(&city.collection, "receive_subsidy", SUBSIDY, tier, open), E_UNAVAILABLE);
        EQ_TEXT(city.collection.err.field, "count");
        HAS_TEXT(city.collection.err.text, so_far);
        EQ(events_of(&city, "contribution.received"), told);
        if (part != 20) continue;
        RIG_DO(&city.collection, "set_debit_account",
               "{'person':'R0','kind':'card','bank':'ICBC','account':'62220000'}");
        EQ(rig_ask(&city.collection, "receive_subsidy",
                   "{'receipt':'F9','division':'411202','item':'basic','year':2021,'amount':'1.00',"
                   "'paid_on':'2021-03-01'}"),
           E_BUSY); // one year at a time
        EQ_TEXT(city.collection.err.field, "count");
    }
    RIG_DO(&city.collection, "receive_subsidy", SUBSIDY, tier, open);
    char *booked = strdup(rig_reply(&city.collection));
    NEED(booked != NULL);
    EQ(events_of(&city, "contribution.received"), told + 1);
    NEED(store_exec(city.collection.ctx.store, "DELETE FROM public_sum", NULL, 0, &err) == E_OK);
    RIG_DO(&city.collection, "receive_subsidy", SUBSIDY, tier, open); // known: nothing is walked over
    EQ_TEXT(rig_reply(&city.collection), booked);
    EQ(rig_ask(&city.collection, "receive_subsidy", SUBSIDY, tier, more), E_CONFLICT);
    EQ(events_of(&city, "contribution.received"), told + 1);
    self->slice_us = INT64_MAX;
    free(booked);
    close_city(&city);
}

// On a busy day bills change while the walk is under way: a partition that it came by stands as it was then, for one
// booking, and what changed is not taken for what was walked over afterwards.
TEST(bills_that_change_meanwhile_do_not_keep_a_subsidy_waiting_for_ever) {
    static const char touch[] = "UPDATE public_change SET changes = changes + 1";
    city_t city;
    open_settled(&city, &places[4]);
    collection_t *self = city.collection.self;
    char tier[16] = "";
    err_t err = {0};
    const Tc__Obligations *all = obligations(&city, 2022);
    for (size_t i = 0; i < all->n_lines; i++)
        if (strcmp(all->lines[i]->division, "411202") == 0) snprintf(tier, sizeof tier, "%s", all->lines[i]->tier);
    NEED(store_exec(city.collection.ctx.store, "DELETE FROM public_sum", NULL, 0, &err) == E_OK);
    self->slice_us = 0;
    int code, asked = 0;
    do {
        code = rig_ask(&city.collection, "receive_subsidy", SUBSIDY, tier, "1.00");
        NEED(store_exec(city.collection.ctx.store, touch, NULL, 0, &err) == E_OK);
    } while (code == E_UNAVAILABLE && ++asked < 2 * PARTITIONS);
    EQ(code, E_OK);
    EQ(asked, PARTITIONS);
    EQ(rig_ask(&city.collection, "receive_subsidy",
               "{'receipt':'F2','division':'411202','tier':'%s','item':'basic','year':2022,'amount':'1.00',"
               "'paid_on':'2022-03-01'}",
               tier),
       E_UNAVAILABLE);  // the next one is its own walk
    self->stale_us = 0; // nobody asks for it any more: it begins anew
    EQ(rig_ask(&city.collection, "receive_subsidy",
               "{'receipt':'F3','division':'411202','tier':'%s','item':'basic','year':2022,'amount':'1.00',"
               "'paid_on':'2022-03-01'}",
               tier),
       E_UNAVAILABLE);
    HAS_TEXT(city.collection.err.text, ", 0 of");
    close_city(&city);
}

TEST(bad_targets_name_the_field) {
    static const struct {
        const char *json, *field;
    } cases[] = {
        {"{'year':2022,'document':'n','persons':1}", "kind"},
        {"{'kind':'happy','year':2022,'document':'n','persons':1}", "kind"},
        {"{'kind':'insured','document':'n','persons':1}", "year"},
        {"{'kind':'insured','year':2022,'persons':1}", "document"},
        {"{'kind':'insured','year':2022,'document':'n'}", "persons"},
        {"{'kind':'insured','year':2022,'document':'n','amount':'1.00'}", "persons"},
        {"{'kind':'insured','year':2022,'document':'n','persons':0}", "persons"},
        {"{'kind':'collected','year':2022,'document':'n','persons':1}", "amount"},
        {"{'kind':'collected','year':2022,'document':'n','amount':'10000000000.01'}", "amount"},
        {"{'kind':'collected','year':2022,'document':'n','amount':'1.00','tier':'city'}", "tier"},
        {"{'kind':'raised','year':2022,'document':'n','amount':'1.00','tier':'state'}", "tier"},
        {"{'kind':'raised','year':2022,'document':'n','amount':'1.00','item':'bread'}", "item"},
        {"{'kind':'raised','year':2022,'document':'n','amount':'1.00','division':'999999'}", "division"},
    };
    city_t city;
    open_city(&city, &places[2], NULL);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        OK(rig_ask(&city.collection, "set_target", "%s", cases[i].json) != E_OK);
        EQ_TEXT(city.collection.err.field, cases[i].field);
    }
    EQ(rig_ask(&city.collection, "get_targets", "{'year':22}"), E_INVALID_FIELD);
    EQ(rig_ask(&city.collection, "get_targets", "{'year':2022,'as_of':'now'}"), E_INVALID_FIELD);
    EQ(targets(&city, "")->n_lines, 0);
    close_city(&city);
}

// Who was employed in another pooling area: what is made up follows State and province, so a clerk names the decision.
TEST(JM_Y_11_who_came_from_another_pooling_area_makes_up_by_a_named_decision_only) {
    city_t city;
    open_city(&city, &jiangmen, NULL);
    add_person(&city, "P1", 0);
    RIG_DO(&city.enrollment, "open_spell", "{'person':'P1','identity':'flexible','from_month':'2018-05'}");
    RIG_DO(&city.enrollment, "transfer",
           "{'person':'P1','direction':'in','on':'2018-05-01','place':'440105','months_tier1':12,'months_tier2':12}");
    pump(&city);
    RIG_DO(&city.collection, "bill_month", "{'month':'2018-05'}");
    char fee[FEN_TEXT_MAX];
    fen_format(due(&city, "person", "P1", "2018-05"), fee);
    EQ(import_own(&city, "T1", "P1", "2018-05", fee, "2018-05-20")->matched, 1);
    EQ(rig_ask(&city.collection, "bill_lump_sum", "{'person':'P1','on':'2020-03-10'}"), E_MISSING_FIELD);
    EQ_TEXT(city.collection.err.field, "document");
    HAS_TEXT(city.collection.err.text, "JM-Y-11");
    RIG_DO(&city.collection, "bill_lump_sum", "{'person':'P1','on':'2020-03-10','document':'YHR 2020-15'}");
    EQ_TEXT(((const Tc__ContributionBill *)city.collection.reply)->document, "YHR 2020-15");
    close_city(&city);
}

TEST(bad_subsidies_name_the_field) {
    static const struct {
        const char *json, *field;
    } cases[] = {
        {"{'division':'370402','item':'basic','year':2021,'amount':'1.00','paid_on':'2021-06-01'}", "receipt"},
        {"{'receipt':'S','item':'basic','year':2021,'amount':'1.00','paid_on':'2021-06-01'}", "division"},
        {"{'receipt':'S','division':'370402','year':2021,'amount':'1.00','paid_on':'2021-06-01'}", "item"},
        {"{'receipt':'S','division':'370402','item':'basic','year':21,'amount':'1.00','paid_on':'2021-06-01'}", "year"},
        {"{'receipt':'S','division':'370402','item':'basic','year':2021,'paid_on':'2021-06-01'}", "amount"},
        {"{'receipt':'S','division':'370402','item':'basic','year':2021,'amount':'0.00','paid_on':'2021-06-01'}",
         "amount"},
        {"{'receipt':'S','division':'370402','item':'basic','year':2021,'amount':'1.00'}", "paid_on"},
        {"{'receipt':'S','division':'370402','item':'basic','year':2021,'amount':'1.00','paid_on':'2199-06-01'}",
         "paid_on"},
        {"{'receipt':'S','division':'370402','item':'basic','year':2021,'amount':'1.00','paid_on':'2021-06-01',"
         "'payer':'person'}",
         "payer"},
        {"{'receipt':'S','division':'370402','item':'basic','year':2021,'amount':'1.00','paid_on':'2021-06-01',"
         "'tier':'state'}",
         "tier"},
        {"{'receipt':'S','division':'370402','item':'basic','year':2021,'amount':'1.00','paid_on':'2021-06-01'}",
         "item"},
    };
    city_t city;
    open_city(&city, &places[1], NULL);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        OK(rig_ask(&city.collection, "receive_subsidy", "%s", cases[i].json) != E_OK);
        EQ_TEXT(city.collection.err.field, cases[i].field);
    }
    close_city(&city);
}

TEST(the_ground_is_cleared) { rig_ground_stop(); }

TESTS("collection_rules", CASE(the_ground_is_laid),
      CASE(SM_C09_YC_C07_YC_C08_YC_C09_ZS_C19_ZS_F09_ZZ_N07_the_tax_bureaus_file_is_booked_in_every_district),
      CASE(JM_C_42_JM_C_44_an_employers_month_is_one_sum_of_both_tiers_and_both_parts),
      CASE(ZZ_C20_a_resident_owes_the_fee_and_no_subsidy), CASE(ZZ_C12_ZZ_C18_the_unemployed_owe_their_own_line_only),
      CASE(JM_C_28_the_funds_receipt_pays_the_months_of_the_unemployed),
      CASE(ZS_C09_whom_finance_pays_for_is_covered_without_a_receipt),
      CASE(ZZ_C20_the_shares_of_bills_from_before_are_worked_out),
      CASE(SM_C06_SM_C08_YC_C06_YC_C12_each_tier_owes_its_share_and_pays_it),
      CASE(ZZ_C12_ZZ_C20_public_money_is_paid_in_one_sum), CASE(bad_subsidies_name_the_field),
      CASE(JM_C_06_JM_C_36_each_fund_that_bears_the_subsidy_is_told_with_what_it_paid),
      CASE(SM_C07_ZS_C20_ZS_C21_each_government_raises_its_share_of_medical_assistance),
      CASE(SM_E03_SM_C05_YC_E08_YC_C10_targets_of_districts_are_held_against_what_is_done),
      CASE(ZS_E12_ZS_C20_ZS_C21_the_law_itself_is_the_target), CASE(a_count_over_the_city_goes_on_slice_by_slice),
      CASE(a_subsidy_waits_for_the_count_slice_by_slice),
      CASE(bills_that_change_meanwhile_do_not_keep_a_subsidy_waiting_for_ever), CASE(bad_targets_name_the_field),
      CASE(JM_C_45_JM_C_46_the_fee_is_debited_from_the_named_account_whole_or_not_at_all),
      CASE(JM_C_46_why_a_debit_failed_is_kept_and_told),
      CASE(JM_C_07_a_family_planning_household_follows_the_rule_of_its_district),
      CASE(JM_C_39_a_year_is_billed_once_its_payment_window_is_published),
      CASE(JM_Y_11_who_came_from_another_pooling_area_makes_up_by_a_named_decision_only),
      CASE(JM_C_43_the_months_of_the_unemployed_are_the_funds), CASE(JM_C_35_an_amended_base_holds_from_its_day_on),
      CASE(ZZ_C21_ZZ_C23_ZS_C17_the_residents_standard_is_set_by_year), CASE(the_ground_is_cleared))
