// Collection through its handlers, with enrolment beside it: bills, receipts, entitlement states, and the cache that
// follows.
#include "services/collection/renew.h"
#include "tests/city_rig.h"

// Bill and pay a person's months, each on its 20th.
static void pay_months(city_t *city, const char *payer, const char *number, const char *first, const char *last) {
    month_t from = MONTH_NONE, to = MONTH_NONE;
    NEED(month_parse(first, &from) == 0 && month_parse(last, &to) == 0);
    for (month_t m = from; m <= to; m++) {
        char month[DATE_TEXT_MAX], on[DATE_TEXT_MAX];
        bill_month(city, month_format(m, month));
        pay(city, payer, number, month, date_format(month_first(m) + 19, on));
    }
}

static size_t events_of(city_t *city, const char *topic) {
    rows_t rows;
    size_t n = 0;
    rig_events(&city->collection, &rows);
    for (size_t i = 0; i < rows.count; i++) n += strcmp(row_text(&rows, i, 2), topic) == 0;
    return n;
}

TEST(the_ground_is_laid) { rig_ground_start(); }

// ---- bills
// --------------------------------------------------------------------------------------------------------------

static const Tc__ContributionBill *only_bill(city_t *city, const char *person) {
    RIG_DO(&city->collection, "get_bills", "{'person':'%s'}", person);
    const Tc__ContributionBills *bills = (const Tc__ContributionBills *)city->collection.reply;
    NEED(bills->n_bills == 1);
    return bills->bills[0];
}

static void add_we_19(city_t *city) {
    add_employer(city, "E1");
    add_person(city, "LOW", "employee", "2017-07", ",'employer':'E1','wage':'2500.00'");
    add_person(city, "HIGH", "employee", "2017-07", ",'employer':'E1','wage':'12000.00'");
    add_person(city, "MIDDLE", "employee", "2017-07", ",'employer':'E1','wage':'5432.10'");
    add_person(city, "FLEX", "flexible", "2017-07", "");
    add_person(city, "RES", "resident", "2017-01", "");
    add_person(city, "OLD", "retiree", "2017-07", "");
    pump(city);
}

TEST(WE_19_bills_of_september_2017) {
    static const struct {
        const char *person;
        fen_t total, lines[4];
    } expected[] = {
        {"LOW", 23248, {8718, 1453, 8718, 4359}},
        {"HIGH", 69744, {26154, 4359, 26154, 13077}},
        {"MIDDLE", 43456, {16296, 2716, 16296, 8148}},
        {"FLEX", 23248, {10171, 13077}},
        {"RES", 20000, {20000}},
    };
    city_t city;
    open_people(&city, NULL);
    add_we_19(&city);
    const Tc__BillRun *run = bill_month(&city, "2017-09");
    EQ(run->persons, 6);
    EQ(run->bills, 4);
    EQ(run->amount_fen, 23248 + 69744 + 43456 + 23248);
    OK(run->done);
    RIG_DO(&city.collection, "bill_year", "{'year':2017}");
    EQ(((const Tc__BillRun *)city.collection.reply)->amount_fen, 20000);
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        const Tc__ContributionBill *bill = only_bill(&city, expected[i].person);
        EQ(bill->total_fen, expected[i].total);
        fen_t sum = 0;
        for (size_t k = 0; k < 4 && expected[i].lines[k]; k++) {
            bool found = false;
            for (size_t n = 0; n < bill->n_lines; n++)
                found = found || bill->lines[n]->amount_fen == expected[i].lines[k];
            OK(found);
            sum += expected[i].lines[k];
        }
        EQ(sum, bill->total_fen);
    }
    EQ(due(&city, "employer", "E1", "2017-09"), 23248 + 69744 + 43456);
    EQ(due(&city, "person", "FLEX", "2017-09"), 23248);
    EQ(due(&city, "person", "LOW", "2017-09"), 0); // the employer pays it
    EQ(due(&city, "person", "RES", "2017"), 20000);
    close_people(&city);
}

TEST(billing_again_makes_nothing_new_and_chunks_reach_everybody) {
    city_t city;
    char person[16], after[64] = "";
    open_people(&city, NULL);
    for (int i = 0; i < 30; i++) {
        snprintf(person, sizeof person, "P%02d", i);
        add_person(&city, person, "flexible", "2018-01", "");
    }
    pump(&city);
    int bills = 0, persons = 0, chunks = 0;
    for (bool done = false; !done; chunks++) {
        NEED(chunks < 20);
        RIG_DO(&city.collection, "bill_month", "{'month':'2018-01','after':'%s','limit':7}", after);
        const Tc__BillRun *run = (const Tc__BillRun *)city.collection.reply;
        bills += run->bills;
        persons += run->persons;
        done = run->done;
        snprintf(after, sizeof after, "%s", run->last_person);
    }
    EQ(persons, 30);
    EQ(bills, 30);
    EQ(chunks, 5);
    EQ(bill_month(&city, "2018-01")->bills, 0);
    EQ(bill_month(&city, "2017-12")->bills, 0); // before the spell
    EQ(number_of(&city.collection, "SELECT COUNT(*) FROM bill"), 30);
    close_people(&city);
}

TEST(bad_runs_name_the_field) {
    city_t city;
    open_people(&city, NULL);
    EQ(rig_ask(&city.collection, "bill_month", "{}"), E_MISSING_FIELD);
    EQ_TEXT(city.collection.err.field, "month");
    EQ(rig_ask(&city.collection, "bill_month", "{'month':'2018'}"), E_INVALID_FIELD);
    EQ(rig_ask(&city.collection, "bill_month", "{'month':'2018-01','limit':-1}"), E_OUT_OF_RANGE);
    EQ_TEXT(city.collection.err.field, "limit");
    EQ(rig_ask(&city.collection, "bill_year", "{'year':18}"), E_INVALID_FIELD);
    EQ_TEXT(city.collection.err.field, "year");
    add_person(&city, "P1", "flexible", "2000-01", "");
    pump(&city);
    OK(rig_ask(&city.collection, "bill_month", "{'month':'2016-01'}") != E_OK); // the law was not in force
    HAS_TEXT(city.collection.err.text, "P1");
    EQ(number_of(&city.collection, "SELECT COUNT(*) FROM bill"), 0);
    close_people(&city);
}

// One period ahead of the civil date, no further.
TEST(a_run_does_not_bill_the_far_future) {
    city_t city;
    char text[DATE_TEXT_MAX];
    open_people(&city, NULL); // nobody is there: the period alone decides
    month_t now = month_of(date_of_ms(clock_now_ms()));
    EQ(rig_ask(&city.collection, "bill_month", "{'month':'%s'}", month_format(now + 1, text)), E_OK);
    EQ(rig_ask(&city.collection, "bill_month", "{'month':'%s'}", month_format(now + 3, text)), E_OUT_OF_RANGE);
    EQ_TEXT(city.collection.err.field, "month");
    EQ(rig_ask(&city.collection, "bill_year", "{'year':%d}", month_year(now) + 1), E_OK);
    EQ(rig_ask(&city.collection, "bill_year", "{'year':%d}", month_year(now) + 3), E_OUT_OF_RANGE);
    EQ_TEXT(city.collection.err.field, "year");
    close_people(&city);
}

TEST(an_employer_that_has_not_arrived_makes_the_run_wait) {
    city_t city;
    rows_t rows;
    event_t event;
    open_people(&city, NULL);
    add_employer(&city, "E1");
    add_person(&city, "P1", "employee", "2018-01", ",'employer':'E1','wage':'5000.00'");
    rig_events(&city.enrollment, &rows);
    for (size_t i = 0; i < rows.count; i++) {
        event = (event_t){.partition = (uint32_t)row_i64(&rows, i, 0),
                          .number = row_i64(&rows, i, 1),
                          .topic = row_text(&rows, i, 2)};
        event.body = row_blob(&rows, i, 4, &event.body_bytes);
        if (strcmp(event.topic, "person.changed") == 0) EQ(rig_apply(&city.collection, &city.feed, &event, 1), E_OK);
    }
    EQ(rig_ask(&city.collection, "bill_month", "{'month':'2018-01'}"), E_UNAVAILABLE);
    EQ_TEXT(city.collection.err.field, "employer");
    pump(&city);
    EQ(bill_month(&city, "2018-01")->bills, 1);
    close_people(&city);
}

// ---- receipts
// -----------------------------------------------------------------------------------------------------------

TEST(a_receipt_pays_exactly_what_is_due_once) {
    city_t city;
    open_people(&city, NULL);
    add_we_19(&city);
    bill_month(&city, "2017-09");
    rig_t *c = &city.collection;
    size_t before = rig_event_count(c);
    EQ(rig_ask(c, "receive",
               "{'receipt':'R1','employer':'E1','period':'2017-09','amount':'1364.47','paid_on':'2017-09-20'}"),
       E_OUT_OF_RANGE);
    EQ_TEXT(c->err.field, "amount");
    HAS_TEXT(c->err.text, "1364.48");
    HAS_TEXT(c->err.text, "1364.47");
    EQ(rig_event_count(c), before);
    EQ(due(&city, "employer", "E1", "2017-09"), 136448);
    RIG_DO(c, "receive",
           "{'receipt':'R1','employer':'E1','period':'2017-09','amount':'1364.48','paid_on':'2017-09-20'}");
    const Tc__Receipt *receipt = (const Tc__Receipt *)c->reply;
    EQ(receipt->bills, 3);
    EQ(receipt->n_parts, 4); // two tiers, two payers
    fen_t sum = 0;
    for (size_t i = 0; i < receipt->n_parts; i++) {
        sum += receipt->parts[i]->amount_fen;
        EQ_TEXT(receipt->parts[i]->identity, "employee");
        EQ_TEXT(receipt->parts[i]->division, "440703");
    }
    EQ(sum, 136448);
    EQ(events_of(&city, "contribution.received"), 1);
    EQ(due(&city, "employer", "E1", "2017-09"), 0);
    EQ_TEXT(only_bill(&city, "LOW")->paid_on, "2017-09-20");
    EQ_TEXT(only_bill(&city, "FLEX")->paid_on, "");
    EQ(rig_ask(c, "receive",
               "{'receipt':'R1','person':'FLEX','period':'2017-09','amount':'232.48','paid_on':'2017-09-20'}"),
       E_EXISTS);
    EQ_TEXT(c->err.field, "receipt");
    EQ(rig_ask(c, "receive",
               "{'receipt':'R2','employer':'E1','period':'2017-09','amount':'1364.48','paid_on':'2017-09-20'}"),
       E_OUT_OF_RANGE);
    HAS_TEXT(c->err.text, "0.00 is due");
    close_people(&city);
}

TEST(bad_receipts_name_the_field) {
    static const struct {
        const char *json;
        int code;
        const char *field;
    } cases[] = {
        {"{'person':'P','period':'2017-09','amount':'1.00','paid_on':'2017-09-20'}", E_MISSING_FIELD, "receipt"},
        {"{'receipt':'R 1','person':'P','period':'2017-09','amount':'1.00','paid_on':'2017-09-20'}", E_INVALID_FIELD,
         "receipt"},
        {"{'receipt':'R1','period':'2017-09','amount':'1.00','paid_on':'2017-09-20'}", E_MISSING_FIELD, "employer"},
        {"{'receipt':'R1','person':'P','employer':'E','period':'2017-09','amount':'1.00','paid_on':'2017-09-20'}",
         E_INVALID_FIELD, "person"},
        {"{'receipt':'R1','person':'P','period':'2017-9','amount':'1.00','paid_on':'2017-09-20'}", E_INVALID_FIELD,
         "period"},
        {"{'receipt':'R1','person':'P','amount':'1.00','paid_on':'2017-09-20'}", E_MISSING_FIELD, "period"},
        {"{'receipt':'R1','person':'P','period':'2017-09','paid_on':'2017-09-20'}", E_MISSING_FIELD, "amount"},
        {"{'receipt':'R1','person':'P','period':'2017-09','amount':'0.00','paid_on':'2017-09-20'}", E_OUT_OF_RANGE,
         "amount"},
        {"{'receipt':'R1','person':'P','period':'2017-09','amount':'1.00'}", E_MISSING_FIELD, "paid_on"},
        {"{'receipt':'R1','person':'P','period':'2017-09','amount':'1.00','paid_on':'2017-02-30'}", E_INVALID_FIELD,
         "paid_on"},
        {"{'receipt':'R1','person':'P','period':'2017-09','amount':'1.00','paid_on':'2199-01-01'}", E_OUT_OF_RANGE,
         "paid_on"},
    };
    city_t city;
    open_people(&city, NULL);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        EQ(rig_ask(&city.collection, "receive", "%s", cases[i].json), cases[i].code);
        EQ_TEXT(city.collection.err.field, cases[i].field);
    }
    EQ(rig_event_count(&city.collection), 0);
    close_people(&city);
}

TEST(a_payer_that_is_not_known_is_not_one_that_owes_nothing) {
    static const struct {
        const char *method, *json;
        int code;
        const char *field;
    } cases[] = {
        {"get_due", "{'person':'P9','period':'2017-09'}", E_NOT_FOUND, "person"},
        {"get_due", "{'employer':'E9','period':'2017-09'}", E_NOT_FOUND, "employer"},
        {"get_due", "{'person':'E1','period':'2017-09'}", E_NOT_FOUND, "person"},
        {"get_due", "{'person':'LOW','period':'2017-09'}", E_OK, ""}, // the employer pays
        {"get_due", "{'employer':'E1','period':'2017-09'}", E_OK, ""},
        {"get_bills", "{'person':'P9'}", E_NOT_FOUND, "person"},
        {"get_bills", "{'person':'LOW'}", E_OK, ""},
        {"receive", "{'receipt':'R1','person':'P9','period':'2017-09','amount':'1.00','paid_on':'2017-09-20'}",
         E_NOT_FOUND, "person"},
        {"receive", "{'receipt':'R1','person':'LOW','period':'2017-09','amount':'1.00','paid_on':'2017-09-20'}",
         E_OUT_OF_RANGE, "amount"},
    };
    city_t city;
    open_people(&city, NULL);
    add_we_19(&city);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        EQ(rig_ask(&city.collection, cases[i].method, "%s", cases[i].json), cases[i].code);
        if (cases[i].code) EQ_TEXT(city.collection.err.field, cases[i].field);
    }
    close_people(&city);
}

// ---- entitlement
// --------------------------------------------------------------------------------------------------------

TEST(JM_E_23_a_receipt_gives_cover_to_everybody_on_it) {
    city_t city;
    open_people(&city, NULL);
    add_we_19(&city);
    EQ(entitlement(&city, "LOW")->version, 1);
    EQ(entitlement(&city, "LOW")->n_spans, 0);
    pay_months(&city, "employer", "E1", "2017-09", "2017-11");
    static const char *const staff[] = {"LOW", "HIGH", "MIDDLE"};
    for (size_t i = 0; i < COUNT_OF(staff); i++) {
        const Tc__Entitlement *e = entitlement(&city, staff[i]);
        EQ(e->version, 4);
        NEED(e->n_spans == 1);
        EQ_TEXT(e->spans[0]->identity, "employee");
        EQ_TEXT(e->spans[0]->first_month, "2017-10");
        EQ_TEXT(e->spans[0]->last_month, "2017-12");
        EQ(e->spans[0]->months_tier1, 1);
    }
    EQ(entitlement(&city, "FLEX")->n_spans, 0);
    EQ(events_of(&city, "entitlement.changed"), 6 + 3 * 3);
    RIG_DO(&city.collection, "get_entitlements", "{'persons':['NOBODY','LOW']}");
    EQ(((const Tc__Entitlements *)city.collection.reply)->n_entitlements, 1);
    close_people(&city);
}

TEST(JM_E_27_and_JM_Y_06_residents_by_the_year_and_retirees_for_life) {
    city_t city;
    open_people(&city, NULL);
    add_we_19(&city);
    RIG_DO(&city.collection, "bill_year", "{'year':2018}");
    pay(&city, "person", "RES", "2018", "2017-12-31");
    const Tc__Entitlement *e = entitlement(&city, "RES");
    NEED(e->n_spans == 1);
    EQ_TEXT(e->spans[0]->first_month, "2018-01");
    EQ_TEXT(e->spans[0]->last_month, "2018-12");
    EQ(e->spans[0]->months_tier2, 0);
    e = entitlement(&city, "OLD");
    NEED(e->n_spans == 2); // the first month counts none before it
    EQ_TEXT(e->spans[0]->first_month, "2017-07");
    EQ_TEXT(e->spans[1]->last_month, "");
    RIG_DO(&city.enrollment, "close_spell", "{'person':'OLD','last_month':'2019-03'}");
    pump(&city);
    e = entitlement(&city, "OLD");
    NEED(e->n_spans == 2);
    EQ_TEXT(e->spans[1]->last_month, "2019-03");
    close_people(&city);
}

TEST(a_change_in_enrolment_is_a_new_entitlement_and_a_repeated_event_is_not) {
    city_t city;
    open_people(&city, NULL);
    add_we_19(&city);
    int64_t version = entitlement(&city, "RES")->version;
    RIG_DO(&city.enrollment, "set_group",
           "{'person':'RES','group':'minimum_living','from':'2018-01-01','source':'civil affairs'," RIG_PAPER "}");
    pump(&city);
    const Tc__Entitlement *e = entitlement(&city, "RES");
    EQ(e->version, version + 1);
    NEED(e->n_groups == 1);
    EQ_TEXT(e->groups[0]->group, "minimum_living");
    size_t events = rig_event_count(&city.collection);
    memset(city.enrollment.seen, 0, sizeof city.enrollment.seen); // everything comes a second time
    pump(&city);
    EQ(rig_event_count(&city.collection), events);
    EQ(entitlement(&city, "RES")->version, version + 1);
    rows_t rows; // an old state alone does not bring the past back
    rig_events(&city.enrollment, &rows);
    for (size_t i = 0; i < rows.count; i++) {
        event_t event = {.partition = (uint32_t)row_i64(&rows, i, 0),
                         .number = row_i64(&rows, i, 1),
                         .topic = row_text(&rows, i, 2)};
        event.body = row_blob(&rows, i, 4, &event.body_bytes);
        EQ(rig_apply(&city.collection, &city.feed, &event, 1), E_OK);
    }
    EQ(rig_event_count(&city.collection), events);
    close_people(&city);
}

TEST(an_unpaid_bill_goes_with_the_spell_that_owed_it_and_a_paid_one_stays) {
    city_t city;
    open_people(&city, NULL);
    add_person(&city, "P1", "flexible", "2018-01", "");
    pump(&city);
    bill_month(&city, "2018-01");
    pay(&city, "person", "P1", "2018-01", "2018-01-10");
    bill_month(&city, "2018-02");
    bill_month(&city, "2018-03");
    EQ(number_of(&city.collection, "SELECT COUNT(*) FROM bill"), 3);
    RIG_DO(&city.enrollment, "close_spell", "{'person':'P1','last_month':'2018-02'}");
    pump(&city);
    EQ(due(&city, "person", "P1", "2018-03"), 0);
    OK(due(&city, "person", "P1", "2018-02") > 0);
    EQ(number_of(&city.collection, "SELECT COUNT(*) FROM bill"), 2);
    close_people(&city);
}

TEST(JM_G_20_months_of_former_schemes_reach_the_entitlement) {
    city_t city;
    open_people(&city, NULL);
    add_employer(&city, "E1");
    add_person(&city, "P1", "employee", "2018-01",
               ",'employer':'E1','wage':'5000.00','prior_months_tier1':40,'prior_months_tier2':30");
    pump(&city);
    pay_months(&city, "employer", "E1", "2018-01", "2018-02");
    const Tc__Entitlement *e = entitlement(&city, "P1");
    NEED(e->n_spans == 1);
    EQ_TEXT(e->spans[0]->first_month, "2018-01");
    EQ(e->spans[0]->months_tier1, 40);
    EQ(e->spans[0]->months_tier2, 30);
    close_people(&city);
}

// ---- the cache
// ----------------------------------------------------------------------------------------------------------

static int64_t cached_version(city_t *city, const char *person) {
    char key[80];
    snprintf(key, sizeof key, "ent:%s", person);
    cache_item_t item = {.key = key};
    return cache_get(city->cache, &item, 1, city->collection.ctx.arena) ? item.version : 0;
}

// The tick, until the table of what is not cached is empty.
static bool recached(city_t *city) {
    int64_t until = clock_now_ms() + 10000;
    while (clock_now_ms() < until) {
        collection_service.tick(city->collection.self, clock_now_ms());
        if (number_of(&city->collection, "SELECT COUNT(*) FROM uncached") == 0) return true;
        nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
    }
    return false;
}

TEST(entitlements_are_in_the_cache_after_the_commit) {
    city_t city;
    test_redis_t *redis = test_redis_start();
    NEED(redis != NULL);
    open_people(&city, test_redis_url(redis));
    add_we_19(&city);
    EQ(cached_version(&city, "OLD"), 1);
    pay_months(&city, "employer", "E1", "2017-09", "2017-10");
    EQ(cached_version(&city, "LOW"), 3);
    OK(recached(&city));
    EQ(rig_ask(&city.collection, "receive",
               "{'receipt':'X','employer':'E1','period':'2017-11','amount':'1.00','paid_on':'2017-11-20'}"),
       E_OUT_OF_RANGE);
    EQ(cached_version(&city, "LOW"), 3);
    close_people(&city);
    test_redis_stop(&redis);
}

TEST(what_a_dead_cache_missed_is_put_when_it_is_back) {
    city_t city;
    test_redis_t *redis = test_redis_start();
    NEED(redis != NULL);
    open_people(&city, test_redis_url(redis));
    add_we_19(&city);
    OK(recached(&city));
    test_redis_kill(redis);
    pay_months(&city, "employer", "E1", "2017-09", "2017-09");
    EQ(number_of(&city.collection, "SELECT COUNT(*) FROM uncached"), 3);
    // Another process of the service finds the work in the store.
    collection_t *again = NULL;
    err_t err = {0};
    NEED(collection_new(&again, &city.collection.ctx, law, true, &err) == E_OK);
    collection_t *old = city.collection.self;
    collection_destroy(&old);
    city.collection.self = again;
    NEED(test_redis_restart(redis));
    OK(recached(&city));
    EQ(cached_version(&city, "LOW"), 2);
    EQ(cached_version(&city, "MIDDLE"), 2);
    close_people(&city);
    test_redis_stop(&redis);
}

// ---- many persons
// -------------------------------------------------------------------------------------------------------

TEST(every_fen_billed_is_paid_and_booked_and_two_thousand_persons_take_seconds) {
    enum { PERSONS = 2000, EMPLOYERS = 20 };
    unsigned seed = getenv("SEED") ? (unsigned)strtoul(getenv("SEED"), NULL, 10) : (unsigned)time(NULL);
    city_t city;
    char name[16], rest[80];
    fprintf(stderr, "SEED=%u\n", seed);
    srand(seed);
    open_people(&city, NULL);
    for (int i = 0; i < EMPLOYERS; i++) {
        snprintf(name, sizeof name, "E%d", i);
        add_employer(&city, name);
    }
    for (int i = 0; i < PERSONS; i++) {
        snprintf(name, sizeof name, "P%d", i);
        snprintf(rest, sizeof rest, ",'employer':'E%d','wage':'%d.%02d'", rand() % EMPLOYERS, 1000 + rand() % 15000,
                 rand() % 100);
        add_person(&city, name, "employee", "2018-01", rest);
    }
    int64_t at[4] = {clock_mono_us()};
    pump(&city);
    at[1] = clock_mono_us();
    fen_t billed = 0;
    char after[64] = "";
    for (bool done = false; !done;) {
        RIG_DO(&city.collection, "bill_month", "{'month':'2018-03','after':'%s'}", after);
        const Tc__BillRun *run = (const Tc__BillRun *)city.collection.reply;
        billed += run->amount_fen;
        done = run->done;
        snprintf(after, sizeof after, "%s", run->last_person);
    }
    at[2] = clock_mono_us();
    fen_t paid = 0;
    for (int i = 0; i < EMPLOYERS; i++) {
        snprintf(name, sizeof name, "E%d", i);
        pay(&city, "employer", name, "2018-03", "2018-03-20");
        const Tc__Receipt *receipt = (const Tc__Receipt *)city.collection.reply;
        fen_t sum = 0;
        for (size_t k = 0; k < receipt->n_parts; k++) sum += receipt->parts[k]->amount_fen;
        EQ(sum, receipt->amount_fen);
        paid += sum;
    }
    at[3] = clock_mono_us();
    EQ(paid, billed);
    EQ(number_of(&city.collection, "SELECT COUNT(*) FROM bill WHERE paid_on = ''"), 0);
    EQ(number_of(&city.collection, "SELECT CAST(SUM(total_fen) AS BIGINT) FROM bill"), billed);
    EQ(number_of(&city.collection, "SELECT COUNT(*) FROM entitlement WHERE version = 2"), PERSONS);
    EQ(events_of(&city, "entitlement.changed"), 2 * PERSONS);
    fprintf(stderr, "%d persons: feed %lld ms, bills %lld ms, receipts %lld ms\n", PERSONS,
            (long long)(at[1] - at[0]) / 1000, (long long)(at[2] - at[1]) / 1000, (long long)(at[3] - at[2]) / 1000);
    OK(at[3] - at[1] < 20 * 1000 * 1000);
    close_people(&city);
}

TEST(the_ground_is_cleared) {
    policy_destroy(&law);
    rig_ground_stop();
}

TESTS("collection", CASE(the_ground_is_laid), CASE(WE_19_bills_of_september_2017),
      CASE(billing_again_makes_nothing_new_and_chunks_reach_everybody), CASE(bad_runs_name_the_field),
      CASE(a_run_does_not_bill_the_far_future), CASE(an_employer_that_has_not_arrived_makes_the_run_wait),
      CASE(a_receipt_pays_exactly_what_is_due_once), CASE(bad_receipts_name_the_field),
      CASE(a_payer_that_is_not_known_is_not_one_that_owes_nothing),
      CASE(JM_E_23_a_receipt_gives_cover_to_everybody_on_it),
      CASE(JM_E_27_and_JM_Y_06_residents_by_the_year_and_retirees_for_life),
      CASE(a_change_in_enrolment_is_a_new_entitlement_and_a_repeated_event_is_not),
      CASE(an_unpaid_bill_goes_with_the_spell_that_owed_it_and_a_paid_one_stays),
      CASE(JM_G_20_months_of_former_schemes_reach_the_entitlement),
      CASE(entitlements_are_in_the_cache_after_the_commit), CASE(what_a_dead_cache_missed_is_put_when_it_is_back),
      CASE(every_fen_billed_is_paid_and_booked_and_two_thousand_persons_take_seconds), CASE(the_ground_is_cleared))
