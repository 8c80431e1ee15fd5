// A key of one district: what it reads, brings in, bills and decides is of that district, row by row where a message
// has many. Enrolment's imports and all of collection's methods, through their handlers. Built twice: on SQLite, and
// with ON_POSTGRES on a private PostgreSQL.
#include "collection.pb-c.h"
#include "enrollment.pb-c.h"
#include "services/collection/handlers.h"
#include "services/enrollment/handlers.h"
#include "tests/service_rig.h"

#define FILE_ID "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HERE "divisions=440703"
#define THERE "divisions=440704"

static rig_t enrollment, collection;
static consumer_effect_t feed;
static policy_t *law;

static void as(const char *scope) { enrollment.ctx.scope = collection.ctx.scope = scope; }

static void pump(void) {
    const char *scope = collection.ctx.scope;
    collection.ctx.scope = NULL; // the feed is nobody's request
    rig_pump(&enrollment, &collection, &feed);
    collection.ctx.scope = scope;
}

// In each of two districts an employer with an employee, and somebody who pays alone.
static void open_city(void) {
    static const char *const overlays[] = {TC_SOURCE_DIR "/config/samples/jiangmen-illustrative.yaml", NULL};
    err_t err = {0};
    collection_t *made = NULL;
    if (!law) NEED(policy_load(&law, TC_SOURCE_DIR "/config/cities/jiangmen.yaml", overlays, &err) == E_OK);
    rig_open(&enrollment, &enrollment_service);
    NEED((enrollment.self = enrollment_new(&enrollment.ctx, law)) != NULL);
    rig_open(&collection, &collection_service);
    NEED(collection_new(&made, &collection.ctx, law, false, &err) == E_OK);
    collection.self = made;
    feed = collection_feed(made);
    for (int i = 3; i <= 4; i++) {
        RIG_DO(&enrollment, "register_employer",
               "{'employer':'E%d','uscc':'%s','name':'厂','kind':'enterprise','division':'44070%d'}", i,
               rig_uscc((unsigned)i), i);
        for (int k = 0; k < 2; k++)
            RIG_DO(&enrollment, "register_person",
                   "{'person':'%c%d','citizen_id':'%s','name':'张%d%d','division':'44070%d'}", 'P' + k, i,
                   rig_citizen((unsigned)(10 * i + k), "19850115", true), i, k, i);
        RIG_DO(&enrollment, "open_spell",
               "{'person':'P%d','identity':'employee','from_month':'2018-01','employer':'E%d','wage':'5000.00'}", i, i);
        RIG_DO(&enrollment, "open_spell", "{'person':'Q%d','identity':'resident','from_month':'2018-01'}", i);
        RIG_DO(&enrollment, "set_group",
               "{'person':'Q%d','group':'minimum_living','from':'2017-01-01','source':'civil_affairs'}", i);
    }
    pump();
}

static void close_city(void) {
    enrollment_t *e = enrollment.self;
    collection_t *c = collection.self;
    as(NULL);
    enrollment_destroy(&e);
    collection_destroy(&c);
    rig_close(&enrollment);
    rig_close(&collection);
}

static int64_t number_of(const char *sql) {
    rows_t rows;
    err_t err = {0};
    NEED(store_query(collection.ctx.store, sql, NULL, 0, collection.ctx.arena, &rows, &err) == E_OK);
    return row_i64(&rows, 0, 0);
}

TEST(the_ground_is_laid) { rig_ground_start(); }

// ---- imports

static void refused_row(int row, const char *code) {
    const Tc__ImportReport *report = (const Tc__ImportReport *)enrollment.reply;
    for (size_t i = 0; report->n_problems > 1 && i < report->n_problems; i++)
        fprintf(stderr, "    row %d: %s\n", report->problems[i]->row, report->problems[i]->text);
    NEED(report->n_problems == 1);
    EQ(report->refused, 1);
    EQ(report->problems[0]->row, row);
    EQ_TEXT(report->problems[0]->code, code);
}

static const Tc__ImportReport *import(const char *what, const char *rows) {
    RIG_DO(&enrollment, what, "{'file':'" FILE_ID "','first_row':1,'rows':[%s]}", rows);
    return (const Tc__ImportReport *)enrollment.reply;
}

TEST(a_row_of_another_district_is_refused_and_takes_no_other_with_it) {
    char rows[1024];
    open_city();
    as(HERE);
    snprintf(rows, sizeof rows,
             "{'person':'N1','citizen_id':'%s','name':'李一','division':'440703'},"
             "{'person':'N2','citizen_id':'%s','name':'李二','division':'440704'}",
             rig_citizen(100, "19800101", true), rig_citizen(101, "19800101", true));
    EQ(import("import_persons", rows)->done, 1);
    refused_row(2, "DENIED");
    snprintf(rows, sizeof rows, // registered there, whatever the row says
             "{'person':'Q3','citizen_id':'%s','name':'张31','division':'440703'},"
             "{'person':'Q4','citizen_id':'%s','name':'张41','division':'440703'}",
             rig_citizen(31, "19850115", true), rig_citizen(41, "19850115", true));
    EQ(import("import_persons", rows)->unchanged, 1);
    refused_row(2, "DENIED");
    snprintf(rows, sizeof rows,
             "{'employer':'N1','uscc':'%s','name':'一厂','kind':'enterprise','division':'440704'},"
             "{'employer':'N2','uscc':'%s','name':'二厂','kind':'enterprise','division':'440703'}",
             rig_uscc(101), rig_uscc(102));
    EQ(import("import_employers", rows)->done, 1);
    refused_row(1, "DENIED");
    EQ(import("import_wages", "{'person':'P3','from_month':'2018-02','wage':'6000.00'},"
                              "{'person':'P4','from_month':'2018-02','wage':'6000.00'}")
           ->done,
       1);
    refused_row(2, "DENIED");
    EQ(import("import_spells", "{'person':'N1','identity':'resident','from_month':'2018-01'},"
                               "{'person':'Q4','identity':'resident','from_month':'2018-03'}")
           ->done,
       1);
    refused_row(2, "DENIED");
#define KIND(employer)                                                                                                 \
    "{'employer':'" employer "','kind':'enterprise','from':'2018-01-01','approved_on':'2018-01-01','document':'D1'}"
    EQ(import("import_employer_kinds", KIND("E4") "," KIND("E3"))->unchanged, 1);
    refused_row(1, "DENIED");
    close_city();
}

TEST(what_was_put_aside_in_another_district_is_not_shown_and_not_decided) {
    char number[64];
    open_city();
    RIG_DO(&enrollment, "register_person", "{'person':'N4','citizen_id':'%s','name':'张41','division':'440704'}",
           rig_citizen(77, "19850115", true));
    snprintf(number, sizeof number, "%s", ((const Tc__PersonState *)enrollment.reply)->parked);
    as(HERE);
    RIG_DO(&enrollment, "list_parked", "{'limit':1}");
    EQ(((const Tc__ParkedPersons *)enrollment.reply)->n_parked, 0);
    EQ_TEXT(((const Tc__ParkedPersons *)enrollment.reply)->next, number);
    EQ(rig_ask(&enrollment, "resolve_parked", "{'number':'%s','decision':'register'}", number), E_DENIED);
    as(THERE);
    RIG_DO(&enrollment, "list_parked", "{}");
    EQ(((const Tc__ParkedPersons *)enrollment.reply)->n_parked, 1);
    RIG_DO(&enrollment, "resolve_parked", "{'number':'%s','decision':'register'}", number);
    close_city();
}

// ---- collection

TEST(a_run_makes_bills_of_its_own_district_only) {
    open_city();
    as(HERE);
    RIG_DO(&collection, "bill_month", "{'month':'2018-01'}");
    const Tc__BillRun *run = (const Tc__BillRun *)collection.reply;
    EQ(run->persons, 2);
    EQ(run->bills, 1);
    OK(run->done);
    EQ(number_of("SELECT COUNT(*) FROM bill WHERE person = 'P4'"), 0);
    RIG_DO(&collection, "bill_year", "{'year':2018}");
    EQ(((const Tc__BillRun *)collection.reply)->bills, 1);
    EQ(number_of("SELECT COUNT(*) FROM bill"), 2);
    RIG_DO(&collection, "rebuild", "{}");
    EQ(((const Tc__RebuildRun *)collection.reply)->persons, 2);
    as(THERE);
    RIG_DO(&collection, "bill_month", "{'month':'2018-01','limit':1}"); // a chunk may hold nobody of theirs
    OK(!((const Tc__BillRun *)collection.reply)->done);
    RIG_DO(&collection, "credit_month", "{'month':'2018-01'}");
    EQ(((const Tc__CreditRun *)collection.reply)->persons, 2);
    close_city();
}

TEST(who_is_in_another_district_is_not_asked_about) {
    static const struct {
        const char *method, *json;
    } asked[] = {
        {"get_due", "{'person':'Q4','period':'2018'}"},
        {"get_due", "{'employer':'E4','period':'2018-01'}"},
        {"get_bills", "{'person':'Q4'}"},
        {"get_years", "{'person':'P4'}"},
        {"assess_retirement", "{'person':'P4'}"},
        {"bill_lump_sum", "{'person':'P4'}"},
        {"preview", "{'person':'P4','pay_by':'2018-03-01'}"},
        {"get_entitlements", "{'persons':['P3','P4']}"},
        {"receive", "{'receipt':'R9','employer':'E4','period':'2018-01','amount':'1.00','paid_on':'2018-01-05'}"},
        {"receive_subsidy", "{'receipt':'S9','division':'440704','item':'resident','year':2018,'amount':'1.00',"
                            "'paid_on':'2018-01-05'}"},
    };
    open_city();
    RIG_DO(&collection, "bill_month", "{'month':'2018-01'}");
    RIG_DO(&collection, "bill_year", "{'year':2018}");
    as(HERE);
    for (size_t i = 0; i < COUNT_OF(asked); i++) {
        const int code = rig_ask(&collection, asked[i].method, "%s", asked[i].json);
        if (code != E_DENIED) fprintf(stderr, "    %s %s: %s\n", asked[i].method, asked[i].json, collection.err.text);
        EQ(code, E_DENIED);
    }
    RIG_DO(&collection, "get_due", "{'employer':'E3','period':'2018-01'}");
    RIG_DO(&collection, "get_bills", "{'person':'Q3'}");
    RIG_DO(&collection, "get_years", "{'person':'P3'}");
    RIG_DO(&collection, "preview", "{'person':'P3','pay_by':'2018-03-01'}");
    RIG_DO(&collection, "get_entitlements", "{'persons':['P3']}");
    RIG_DO(&collection, "get_obligations", "{'year':2018}");
    const Tc__Obligations *owed = (const Tc__Obligations *)collection.reply;
    OK(owed->n_lines > 0);
    for (size_t i = 0; i < owed->n_lines; i++) EQ_TEXT(owed->lines[i]->division, "440703");
    RIG_DO(&collection, "get_obligations", "{'year':2018,'all_payers':true}");
    owed = (const Tc__Obligations *)collection.reply;
    fen_t open = 0;
    for (size_t i = 0; i < owed->n_lines; i++) {
        EQ_TEXT(owed->lines[i]->division, "440703");
        open += owed->lines[i]->open_fen;
    }
    as(NULL);
    EQ(open, number_of("SELECT CAST(SUM(total_fen) AS BIGINT) FROM bill WHERE person IN ('P3', 'Q3')"));
    EQ(number_of("SELECT COUNT(*) FROM receipt"), 0);
    close_city();
}

static const char *due(const char *employer) {
    static char amount[FEN_TEXT_MAX];
    as(NULL);
    RIG_DO(&collection, "get_due", "{'employer':'%s','period':'2018-01'}", employer);
    return fen_format(((const Tc__Due *)collection.reply)->amount_fen, amount);
}

#define RECEIPT(number, employer, amount)                                                                              \
    "{'receipt':'" number "','employer':'" employer "','period':'2018-01','amount':'" amount "','paid_on':'2018-01-"   \
    "05'}"

TEST(receipts_are_taken_parked_and_decided_where_their_payer_is) {
    open_city();
    RIG_DO(&collection, "bill_month", "{'month':'2018-01'}");
    as(HERE);
    RIG_DO(&collection, "import_receipts", "{'file':'" FILE_ID "','first_row':1,'rows':[%s,%s,%s]}",
           RECEIPT("R1", "E3", "0.01"), RECEIPT("R2", "E4", "0.01"), RECEIPT("R3", "E9", "0.01"));
    const Tc__ReceiptReport *report = (const Tc__ReceiptReport *)collection.reply;
    EQ(report->parked, 1);
    EQ(report->refused, 2);
    EQ(report->problems[1]->row, 2);
    EQ_TEXT(report->problems[1]->code, "DENIED");
    as(NULL);
    RIG_DO(&collection, "import_receipts", "{'file':'" FILE_ID "','first_row':1,'rows':[%s,%s]}",
           RECEIPT("R4", "E4", "0.01"), RECEIPT("R5", "E9", "0.01"));
    as(HERE);
    RIG_DO(&collection, "list_receipts_parked", "{'limit':2}");
    const Tc__ParkedReceipts *list = (const Tc__ParkedReceipts *)collection.reply;
    EQ(list->n_parked, 1);
    EQ_TEXT(list->parked[0]->receipt, "R1");
    OK(*list->next);
    EQ(rig_ask(&collection, "resolve_receipt", "{'receipt':'R4','decision':'return','reason':'x'}"), E_DENIED);
    EQ(rig_ask(&collection, "resolve_receipt", "{'receipt':'R5','decision':'return','reason':'x'}"), E_NOT_FOUND);
    RIG_DO(&collection, "resolve_receipt", "{'receipt':'R1','decision':'return','reason':'x'}");
    close_city();
}

TEST(a_booked_receipt_is_given_back_where_its_payer_is) {
    open_city();
    RIG_DO(&collection, "bill_month", "{'month':'2018-01'}");
    for (int i = 3; i <= 4; i++) {
        char employer[8];
        snprintf(employer, sizeof employer, "E%d", i);
        const char *amount = due(employer);
        as(i == 3 ? HERE : THERE);
        RIG_DO(&collection, "receive",
               "{'receipt':'R%d','employer':'%s','period':'2018-01','amount':'%s','paid_on':'2018-01-05'}", i, employer,
               amount);
    }
    as(HERE);
    EQ(rig_ask(&collection, "resolve_receipt", "{'receipt':'R4','decision':'return','reason':'x'}"), E_DENIED);
    RIG_DO(&collection, "get_obligations", "{'year':2018,'all_payers':true}"); // paid, so nothing is open
    const Tc__Obligations *owed = (const Tc__Obligations *)collection.reply;
    OK(owed->n_lines > 1);
    for (size_t i = 0; i < owed->n_lines; i++) EQ(owed->lines[i]->open_fen, 0);
    RIG_DO(&collection, "resolve_receipt", "{'receipt':'R3','decision':'return','reason':'x'}");
    EQ(number_of("SELECT COUNT(*) FROM bill WHERE paid_on <> ''"), 1);
    close_city();
}

TEST(an_employer_that_was_told_before_its_district_was_kept_is_in_none) {
    open_city();
    RIG_DO(&collection, "bill_month", "{'month':'2018-01'}");
    err_t err = {0};
    NEED(store_exec(collection.ctx.store, "UPDATE employer SET division = ''", NULL, 0, &err) == E_OK);
    as(HERE);
    EQ(rig_ask(&collection, "get_due", "{'employer':'E3','period':'2018-01'}"), E_DENIED);
    as(NULL);
    RIG_DO(&collection, "get_due", "{'employer':'E3','period':'2018-01'}");
    close_city();
}

TEST(the_ground_is_cleared) {
    policy_destroy(&law);
    rig_ground_stop();
}

TESTS("districts", CASE(the_ground_is_laid), CASE(a_row_of_another_district_is_refused_and_takes_no_other_with_it),
      CASE(what_was_put_aside_in_another_district_is_not_shown_and_not_decided),
      CASE(a_run_makes_bills_of_its_own_district_only), CASE(who_is_in_another_district_is_not_asked_about),
      CASE(receipts_are_taken_parked_and_decided_where_their_payer_is),
      CASE(a_booked_receipt_is_given_back_where_its_payer_is),
      CASE(an_employer_that_was_told_before_its_district_was_kept_is_in_none), CASE(the_ground_is_cleared))
