// Runs over the city and what they leave: billing in parts, states rebuilt from scratch so that store, stream and Redis
// agree, and previews that the payment itself then bears out. On SQLite and on PostgreSQL.
#include "services/collection/walk.h"
#include "tests/city_rig.h"

static void bill(city_t *city, const char *period) {
    if (strlen(period) == 4)
        RIG_DO(&city->collection, "bill_year", "{'year':%s}", period);
    else
        RIG_DO(&city->collection, "bill_month", "{'month':'%s'}", period);
}

static void pay_due(city_t *city, const char *payer, const char *number, const char *period, const char *on) {
    if (due(city, payer, number, period)) pay(city, payer, number, period, on);
}

// What a version changed depends on the one before it, not on what holds.
static void leave_out_touched(Tc__Entitlement *state, const Tc__Entitlement *like) {
    state->touched_from = like->touched_from;
    state->touched_until = like->touched_until;
}

static void damage(city_t *city, const char *sql) {
    err_t err = {0};
    NEED(store_exec(city->collection.ctx.store, sql, NULL, 0, &err) == E_OK);
}

// The whole city, in lanes as the command line does it; how many states were changed.
static int rebuild(city_t *city, int parts, int limit) {
    int changed = 0;
    for (int part = 0; part < parts; part++) {
        char after[64] = "";
        for (bool done = false; !done;) {
            RIG_DO(&city->collection, "rebuild", "{'after':'%s','limit':%d,'part':%d,'parts':%d}", after, limit, part,
                   parts);
            const Tc__RebuildRun *run = (const Tc__RebuildRun *)city->collection.reply;
            changed += run->changed;
            done = run->done;
            snprintf(after, sizeof after, "%s", run->last_person);
        }
    }
    return changed;
}

// What the newest event about each person told is what is stored, byte for byte.
static void check_stream(city_t *city) {
    rows_t events, stored;
    err_t err = {0};
    arena_t *arena = city->collection.ctx.arena;
    rig_events(&city->collection, &events);
    NEED(store_query(city->collection.ctx.store, "SELECT person, version, body FROM entitlement", NULL, 0, arena,
                     &stored, &err) == E_OK);
    for (size_t i = 0; i < stored.count; i++) {
        size_t size, newest_size = 0, bytes;
        const void *body = row_blob(&stored, i, 2, &size), *newest = NULL;
        int64_t version = 0;
        for (size_t k = 0; k < events.count; k++) {
            ProtobufCMessage *message;
            if (strcmp(row_text(&events, k, 2), "entitlement.changed") != 0) continue;
            const void *event = row_blob(&events, k, 4, &bytes);
            NEED(message_unpack(&message, &tc__entitlement__descriptor, event, bytes, arena, &err) == E_OK);
            const Tc__Entitlement *told = (const Tc__Entitlement *)message;
            if (strcmp(told->person, row_text(&stored, i, 0)) != 0) continue;
            OK(told->version > version);
            version = told->version;
            newest = event;
            newest_size = bytes;
        }
        EQ(version, row_i64(&stored, i, 1));
        EQ(newest_size, size);
        OK(newest && newest_size == size && memcmp(newest, body, size) == 0);
    }
}

// Whatever Redis holds of a person is what the store holds; true when it holds something.
static bool check_cached(city_t *city, const char *person) {
    rows_t keys, rows;
    size_t size;
    err_t err = {0};
    char key[80];
    rig_t *c = &city->collection;
    snprintf(key, sizeof key, "ent:%s", person);
    cache_item_t item = {.key = key};
    if (!cache_get(city->cache, &item, 1, c->ctx.arena)) return false;
    rows_init(&keys, c->ctx.arena, 2);
    NEED(key_add(&keys, person, &err) == 0);
    NEED(entitlements_of(c->ctx.store, &keys, c->ctx.arena, &rows, &err) == 0 && rows.count == 1);
    const void *body = row_blob(&rows, 0, 2, &size);
    EQ(item.version, row_i64(&rows, 0, 1));
    OK(item.size == size && memcmp(item.data, body, size) == 0);
    return true;
}

static unsigned new_seed(void) {
    unsigned seed = getenv("SEED") ? (unsigned)strtoul(getenv("SEED"), NULL, 10) : (unsigned)time(NULL);
    fprintf(stderr, "SEED=%u\n", seed);
    srand(seed);
    return seed;
}

TEST(the_ground_is_laid) { rig_ground_start(); }

// ---- runs in parts

static void add_thirty(city_t *city) {
    char person[16];
    for (int i = 0; i < 30; i++) {
        snprintf(person, sizeof person, "P%02d", i);
        add_person(city, person, "flexible", "2018-01", "");
    }
    pump(city);
}

TEST(parts_reach_everybody_once) {
    static const int splits[] = {1, 2, 3, 7, PARTITIONS};
    city_t city;
    char after[64] = "";
    open_people(&city, NULL);
    add_thirty(&city);
    for (size_t s = 0; s < COUNT_OF(splits); s++) {
        int persons = 0, bills = 0;
        for (int part = 0; part < splits[s]; part++) {
            after[0] = '\0';
            for (bool done = false; !done;) {
                RIG_DO(&city.collection, "bill_month",
                       "{'month':'2018-%02zu','after':'%s','limit':4,'part':%d,'parts':%d}", s + 1, after, part,
                       splits[s]);
                const Tc__BillRun *run = (const Tc__BillRun *)city.collection.reply;
                persons += run->persons;
                bills += run->bills;
                done = run->done;
                snprintf(after, sizeof after, "%s", run->last_person);
            }
        }
        EQ(persons, 30);
        EQ(bills, 30);
    }
    close_people(&city);
}

TEST(parts_that_cannot_be_name_the_field) {
    static const struct {
        const char *method, *json, *field;
    } cases[] = {
        {"bill_month", "{'month':'2018-01','part':1}", "part"},
        {"bill_month", "{'month':'2018-01','part':3,'parts':3}", "part"},
        {"bill_month", "{'month':'2018-01','part':-1,'parts':3}", "part"},
        {"bill_year", "{'year':2018,'parts':65}", "parts"},
        {"bill_year", "{'year':2018,'parts':-1}", "parts"},
        {"rebuild", "{'limit':3001}", "limit"},
        {"rebuild", "{'limit':-1}", "limit"},
        {"rebuild", "{'part':2,'parts':2}", "part"},
    };
    city_t city;
    open_people(&city, NULL);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        EQ(rig_ask(&city.collection, cases[i].method, "%s", cases[i].json), E_OUT_OF_RANGE);
        EQ_TEXT(city.collection.err.field, cases[i].field);
    }
    close_people(&city);
}

// Months are billed in any order; what was paid before counts by what is owed now.
TEST(JM_G_14_a_month_billed_late_counts_as_one_that_was_owed) {
    city_t city;
    char month[DATE_TEXT_MAX];
    open_people(&city, NULL);
    add_employer(&city, "E1");
    add_person(&city, "P1", "employee", "2018-01", ",'employer':'E1','wage':'5000.00'");
    pump(&city);
    bill(&city, "2018-01");
    bill(&city, "2018-05");
    pay_due(&city, "employer", "E1", "2018-01", "2018-01-20");
    pay_due(&city, "employer", "E1", "2018-05", "2018-06-20"); // one month late by what was billed so far
    const Tc__Entitlement *e = entitlement(&city, "P1");
    NEED(e->n_spans == 2);
    EQ_TEXT(e->spans[1]->first_month, "2018-06");
    for (int m = 2; m <= 4; m++) bill(&city, month_format(month_make(2018, m), month)); // four in a row by now
    e = entitlement(&city, "P1");
    EQ(e->n_spans, 1);
    EQ_TEXT(e->spans[0]->last_month, "2018-02");
    EQ(rebuild(&city, 1, 0), 0);
    check_stream(&city);
    close_people(&city);
}

// The last month of a former scheme buys the first month here, paid or not.
TEST(JM_G_20_the_first_bill_tells_where_months_brought_in_stand) {
    city_t city;
    open_people(&city, NULL);
    add_person(&city, "P1", "flexible", "2018-01", ",'prior_months_tier1':40,'prior_months_tier2':30");
    add_person(&city, "P2", "flexible", "2018-01", "");
    pump(&city);
    EQ(entitlement(&city, "P1")->n_spans, 0);
    bill(&city, "2018-01");
    NEED(entitlement(&city, "P1")->n_spans == 1);
    EQ_TEXT(entitlement(&city, "P1")->spans[0]->first_month, "2018-01");
    EQ_TEXT(entitlement(&city, "P1")->spans[0]->last_month, "2018-01");
    EQ(entitlement(&city, "P1")->version, 2);
    EQ(entitlement(&city, "P2")->version, 1);
    bill(&city, "2018-02");
    EQ(entitlement(&city, "P1")->version, 2);
    EQ(rebuild(&city, 1, 0), 0);
    close_people(&city);
}

// ---- states from scratch

// A city of random spells, groups, bills and payments.
static void live(city_t *city, int persons) {
    static const char *const identities[] = {"employee", "flexible", "resident", "retiree"};
    char name[16], rest[160], period[DATE_TEXT_MAX], on[DATE_TEXT_MAX];
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "E%d", i);
        add_employer(city, name);
    }
    for (int i = 0; i < persons; i++) {
        int identity = rand() % 4;
        snprintf(name, sizeof name, "P%02d", i);
        const int employer = rand() % 3, wage = 3000 + rand() % 9000;
        rest[0] = 0;
        if (!identity) snprintf(rest, sizeof rest, ",'employer':'E%d','wage':'%d.00'", employer, wage);
        if (rand() % 2) strcat(rest, ",'prior_months_tier1':40,'prior_months_tier2':30");
        snprintf(period, sizeof period, "2017-%02d", 7 + rand() % 5);
        add_person(city, name, identities[identity], identity == 2 ? "2018-01" : period, rest);
    }
    pump(city);
    bill(city, "2018");
    for (month_t m = month_make(2017, 8); m <= month_make(2018, 12); m++) {
        if (rand() % 8) bill(city, month_format(m, period));
        date_t day = month_first(m) + 10 + rand() % 20;
        date_format(day, on);
        for (int back = 0; back < 6; back += 1 + rand() % 3) {
            month_format(m - back, period);
            snprintf(name, sizeof name, "E%d", rand() % 3);
            if (rand() % 2) pay_due(city, "employer", name, period, on);
            for (int i = 0; i < persons; i++) {
                snprintf(name, sizeof name, "P%02d", i);
                if (rand() % 3 == 0) pay_due(city, "person", name, period, on);
                if (rand() % 20 == 0) pay_due(city, "person", name, "2018", on);
            }
        }
    }
}

TEST(a_sound_city_has_nothing_to_rebuild) {
    city_t city;
    new_seed();
    open_people(&city, NULL);
    live(&city, 24);
    int64_t events = (int64_t)rig_event_count(&city.collection);
    EQ(rebuild(&city, 3, 5), 0);
    EQ((int64_t)rig_event_count(&city.collection), events);
    check_stream(&city);
    close_people(&city);
}

TEST(what_was_lost_or_altered_comes_back_as_it_was) {
    city_t city;
    char name[16];
    new_seed();
    open_people(&city, NULL);
    live(&city, 24);
    RIG_DO(&city.collection, "get_entitlements", "{'persons':['P00','P01','P02','P03','P04','P05','P06','P07']}");
    const Tc__Entitlements *before = (const Tc__Entitlements *)city.collection.reply;
    damage(&city, "DELETE FROM entitlement WHERE person IN ('P00', 'P01', 'P02')");
    damage(&city, "UPDATE entitlement SET body = (SELECT e.body FROM entitlement e WHERE e.person = 'P07')"
                  " WHERE person IN ('P03', 'P04')");
    EQ(rebuild(&city, 4, 3), 5);
    EQ(rebuild(&city, 1, 0), 0);
    check_stream(&city);
    for (int i = 0; i < 8; i++) {
        snprintf(name, sizeof name, "P%02d", i);
        Tc__Entitlement *after = entitlement(&city, name);
        OK(i > 4 ? after->version == before->entitlements[i]->version
                 : after->version > before->entitlements[i]->version);
        after->version = before->entitlements[i]->version;
        after->reason = before->entitlements[i]->reason; // speaks of bills not due yet, too
        leave_out_touched(after, before->entitlements[i]);
        EQ_TEXT(message_to_json(&after->base, city.collection.ctx.arena),
                message_to_json(&before->entitlements[i]->base, city.collection.ctx.arena));
    }
    // Versions go on from there.
    RIG_DO(&city.enrollment, "set_group",
           "{'person':'P00','group':'minimum_living','from':'2018-02-01','source':'civil_affairs'," RIG_PAPER "}");
    int64_t version = entitlement(&city, "P00")->version;
    pump(&city);
    EQ(entitlement(&city, "P00")->version, version + 1);
    check_stream(&city);
    close_people(&city);
}

TEST(a_lost_table_is_rebuilt_as_a_whole) {
    city_t city;
    new_seed();
    open_people(&city, NULL);
    live(&city, 24);
    damage(&city, "DELETE FROM entitlement");
    EQ(rebuild(&city, 2, 7), 24);
    EQ(rebuild(&city, 2, 7), 0);
    check_stream(&city);
    close_people(&city);
}

// ---- Redis

static void put_wrong(city_t *city, const char *person, int64_t version, const char *bytes) {
    char key[80];
    snprintf(key, sizeof key, "ent:%s", person);
    const cache_item_t item = {.key = key, .version = version, .data = bytes, .size = strlen(bytes)};
    EQ(cache_put(city->cache, &item, 1, 600), 1);
}

static bool recached(city_t *city) {
    int64_t until = clock_now_ms() + 10000;
    while (clock_now_ms() < until) {
        collection_service.tick(city->collection.self, clock_now_ms());
        if (number_of(&city->collection, "SELECT COUNT(*) FROM uncached") == 0) return true;
        nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
    }
    return false;
}

// Values that pass for ours, as after a restored backup of either side: newer than the store's, of the same version but
// other bytes, and of a state that is being changed.
TEST(what_redis_holds_otherwise_is_gone_after_a_rebuild) {
    city_t city;
    test_redis_t *redis = test_redis_start();
    NEED(redis != NULL);
    open_people(&city, test_redis_url(redis));
    add_thirty(&city);
    bill(&city, "2018-01");
    pay_due(&city, "person", "P00", "2018-01", "2018-01-20");
    OK(recached(&city));
    OK(check_cached(&city, "P00"));
    put_wrong(&city, "P00", 99, "newer");
    put_wrong(&city, "P01", 1, "other");
    put_wrong(&city, "P02", 99, "newer");
    damage(&city, "DELETE FROM entitlement WHERE person = 'P02'");
    OK(test_redis_set(redis, "ent:P03", "rubbish", 7));
    EQ(rebuild(&city, 3, 7), 1);
    OK(recached(&city));
    for (int i = 0; i < 5; i++) {
        char person[8];
        snprintf(person, sizeof person, "P%02d", i);
        check_cached(&city, person);
    }
    OK(check_cached(&city, "P04")); // what was right stays
    OK(check_cached(&city, "P02")); // what was changed is there
    entitlement(&city, "P00");      // a reader who misses it puts it
    OK(check_cached(&city, "P00"));
    check_stream(&city);
    close_people(&city);
    test_redis_stop(&redis);
}

TEST(a_rebuild_does_without_redis_and_fills_it_when_it_is_back) {
    city_t city;
    test_redis_t *redis = test_redis_start();
    NEED(redis != NULL);
    open_people(&city, test_redis_url(redis));
    add_thirty(&city);
    OK(recached(&city));
    damage(&city, "DELETE FROM entitlement WHERE person < 'P10'");
    test_redis_kill(redis);
    EQ(rebuild(&city, 2, 6), 10);
    EQ(number_of(&city.collection, "SELECT COUNT(*) FROM uncached"), 10);
    NEED(test_redis_restart(redis));
    OK(recached(&city));
    OK(check_cached(&city, "P03"));
    OK(test_redis_flush(redis));
    EQ(rebuild(&city, 2, 6), 0);
    close_people(&city);
    test_redis_stop(&redis);
}

// A process that dies between the commit and the cache leaves the row of its transaction.
TEST(what_a_dead_process_did_not_put_is_put_by_the_next) {
    city_t city;
    test_redis_t *redis = test_redis_start();
    NEED(redis != NULL);
    open_people(&city, test_redis_url(redis));
    add_thirty(&city);
    OK(recached(&city));
    OK(test_redis_flush(redis));
    damage(&city, "INSERT INTO uncached_batch (batch, persons) VALUES ('dead', 'P03 P04 NOBODY P03 ')");
    for (int i = 0; i < 200 && number_of(&city.collection, "SELECT COUNT(*) FROM uncached_batch") > 0; i++) {
        collection_service.tick(city.collection.self, clock_now_ms());
        nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
    }
    EQ(number_of(&city.collection, "SELECT COUNT(*) FROM uncached_batch"), 0);
    OK(recached(&city));
    OK(check_cached(&city, "P03"));
    OK(check_cached(&city, "P04"));
    close_people(&city);
    test_redis_stop(&redis);
}

// ---- previews

static const Tc__Preview *preview(city_t *city, const char *person, const char *pay_by) {
    RIG_DO(&city->collection, "preview", "{'person':'%s','pay_by':'%s'}", person, pay_by);
    return (const Tc__Preview *)city->collection.reply;
}

// Pay everything that the preview says is owed, on that day: the state is the one that it promised.
static void bear_out(city_t *city, const char *person, const Tc__Preview *told, const char *on) {
    arena_t *arena = city->collection.ctx.arena;
    for (size_t i = 0; i < told->n_owed; i++) {
        bool own = !*told->owed[i]->employer;
        pay_due(city, own ? "person" : "employer", own ? person : told->owed[i]->employer, told->owed[i]->period, on);
    }
    Tc__Entitlement *real = entitlement(city, person);
    if (told->n_owed == 1) EQ(real->version, told->then->version);
    // Each payment touches something of its own; one that changes nothing leaves the span of the change before.
    if (told->n_owed != 1 || told->then->version == told->now->version) leave_out_touched(real, told->then);
    real->version = told->then->version;
    EQ_TEXT(message_to_json(&real->base, arena), message_to_json(&told->then->base, arena));
}

static void owe(city_t *city, const char *identity, const char *rest, int first, int last) {
    char month[DATE_TEXT_MAX];
    open_people(city, NULL);
    add_employer(city, "E1");
    add_person(city, "P1", identity, "2018-01", rest);
    pump(city);
    for (int m = 1; m <= last; m++) {
        bill(city, month_format(month_make(2018, m), month));
        if (m < first) pay_due(city, *rest ? "employer" : "person", *rest ? "E1" : "P1", month, "2018-01-20");
    }
}
#define STAFF ",'employer':'E1','wage':'5000.00'"

TEST(JM_G_11_three_months_of_arrears_would_count) {
    city_t city;
    owe(&city, "employee", STAFF, 3, 5);
    size_t events = rig_event_count(&city.collection);
    const Tc__Preview *told = preview(&city, "P1", "2018-06-10");
    EQ(rig_event_count(&city.collection), events);
    NEED(told->n_owed == 3);
    fen_t sum = 0;
    for (size_t i = 0; i < 3; i++) {
        OK(told->owed[i]->counts);
        EQ_TEXT(told->owed[i]->employer, "E1");
        sum += told->owed[i]->amount_fen;
    }
    EQ(told->amount_fen, sum);
    EQ_TEXT(told->owed[0]->period, "2018-03");
    EQ_TEXT(told->now->spans[0]->last_month, "2018-03");
    EQ_TEXT(told->then->spans[0]->last_month, "2018-06");
    NEED(told->n_changes == 1);
    EQ_TEXT(told->changes[0]->first_month, "2018-04");
    EQ_TEXT(told->changes[0]->last_month, "2018-06");
    EQ_TEXT(told->changes[0]->identity, "employee");
    OK(!told->changes[0]->covered_now);
    EQ(told->changes[0]->share_now_ppm, 0);
    OK(told->changes[0]->share_then_ppm > 0);
    bear_out(&city, "P1", told, "2018-06-10");
    EQ(preview(&city, "P1", "2018-06-10")->n_changes, 0);
    EQ(((const Tc__Preview *)city.collection.reply)->n_owed, 0);
    close_people(&city);
}

TEST(JM_G_14_and_JM_G_15_four_months_would_not) {
    city_t city;
    owe(&city, "employee", STAFF, 3, 6);
    const Tc__Preview *told = preview(&city, "P1", "2018-07-10");
    NEED(told->n_owed == 4);
    for (size_t i = 0; i < 4; i++) OK(!told->owed[i]->counts);
    EQ(told->n_changes, 0);
    bear_out(&city, "P1", told, "2018-07-10");
    close_people(&city);
}

TEST(JM_G_11_a_day_later_a_month_more_is_too_late) {
    city_t city;
    owe(&city, "employee", STAFF, 3, 6);
    const Tc__Preview *told = preview(&city, "P1", "2018-06-30"); // the month of payment does not count
    NEED(told->n_owed == 4);
    for (size_t i = 0; i < 4; i++) OK(told->owed[i]->counts);
    EQ(told->n_changes, 1);
    for (size_t i = 0; i < 4; i++) OK(!preview(&city, "P1", "2018-07-01")->owed[i]->counts);
    bear_out(&city, "P1", told, "2018-06-30");
    close_people(&city);
}

TEST(JM_E_25_and_JM_G_17_who_pays_alone_waits) {
    city_t city;
    owe(&city, "flexible", "", 1, 2);
    const Tc__Preview *told = preview(&city, "P1", "2018-02-20");
    NEED(told->n_owed == 2);
    OK(told->owed[0]->counts && told->owed[1]->counts);
    EQ(told->now->n_spans, 0);
    EQ_TEXT(told->owed[0]->employer, "");
    bear_out(&city, "P1", told, "2018-02-20");
    close_people(&city);
}

TEST(JM_E_27_a_year_paid_within_it_covers_the_rest_of_it) {
    city_t city;
    open_people(&city, NULL);
    add_person(&city, "R1", "resident", "2018-01", "");
    pump(&city);
    bill(&city, "2018");
    const Tc__Preview *told = preview(&city, "R1", "2018-12-05");
    NEED(told->n_owed == 1);
    OK(!told->owed[0]->counts); // from the next month on there is no month left
    EQ(told->n_changes, 0);
    told = preview(&city, "R1", "2018-04-05");
    OK(told->owed[0]->counts);
    NEED(told->n_changes == 1);
    EQ_TEXT(told->changes[0]->first_month, "2018-05");
    EQ_TEXT(told->changes[0]->last_month, "2018-12");
    EQ_TEXT(told->changes[0]->identity, "resident");
    bear_out(&city, "R1", told, "2018-04-05");
    close_people(&city);
}

TEST(random_previews_are_borne_out_by_the_payment) {
    city_t city;
    char name[16], on[DATE_TEXT_MAX];
    new_seed();
    open_people(&city, NULL);
    live(&city, 24);
    for (int i = 0; i < 24; i++) {
        snprintf(name, sizeof name, "P%02d", i);
        date_format(date_make(2018, 1, 1) + rand() % 600, on);
        const Tc__Preview *told = preview(&city, name, on);
        EQ(told->now->version, entitlement(&city, name)->version);
        bear_out(&city, name, told, on);
    }
    EQ(rebuild(&city, 1, 0), 0);
    close_people(&city);
}

TEST(bad_previews_name_the_field) {
    static const struct {
        const char *json;
        int code;
        const char *field;
    } cases[] = {
        {"{'pay_by':'2018-01-01'}", E_MISSING_FIELD, "person"},
        {"{'person':'P1'}", E_MISSING_FIELD, "pay_by"},
        {"{'person':'P1','pay_by':'2018-02-30'}", E_INVALID_FIELD, "pay_by"},
        {"{'person':'P9','pay_by':'2018-02-20'}", E_NOT_FOUND, "person"},
    };
    city_t city;
    owe(&city, "flexible", "", 1, 1);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        EQ(rig_ask(&city.collection, "preview", "%s", cases[i].json), cases[i].code);
        EQ_TEXT(city.collection.err.field, cases[i].field);
    }
    close_people(&city);
}

// As unpacked, whatever else the state says; and of bytes that are cut or altered at least what can be unpacked of
// them.
TEST(a_look_into_a_state_misses_no_identity) {
    static Tc__Spell spells[4];
    static Tc__Membership group;
    char number[] = "P-1";
    arena_t *arena = arena_new(1 << 16, 0);
    new_seed();
    for (int turn = 0; turn < 20000; turn++) {
        Tc__PersonState state = TC__PERSON_STATE__INIT, *cut = NULL;
        Tc__Spell *list[COUNT_OF(spells)];
        Tc__Membership *groups[] = {&group};
        uint32_t wanted = 0;
        const char *person;
        size_t bytes, person_bytes;
        arena_reset(arena);
        state.person = number;
        state.version = rand();
        state.spells = list;
        state.n_spells = (size_t)rand() % (COUNT_OF(spells) + 1);
        state.groups = groups;
        state.n_groups = (size_t)rand() % 2;
        tc__membership__init(&group);
        group.group = number;
        for (size_t i = 0; i < state.n_spells; i++) {
            const int identity = rand() % IDENTITY__COUNT;
            tc__spell__init(list[i] = &spells[i]);
            spells[i].identity = (char *)identity_name(identity);
            spells[i].wage_fen = rand() % 2 ? rand() : 0;
            wanted |= UINT32_C(1) << identity;
        }
        uint8_t *packed = message_pack(&state.base, arena, &bytes);
        NEED(packed != NULL);
        NEED(walk_identities(packed, bytes, &person, &person_bytes) == wanted);
        OK(person_bytes == 3 && memcmp(person, "P-1", 3) == 0);
        bytes = (size_t)rand() % (bytes + 1);
        if (bytes) packed[(size_t)rand() % bytes] ^= (uint8_t)(1 << rand() % 8);
        const uint32_t seen = walk_identities(packed, bytes, &person, &person_bytes);
        if (message_unpack((ProtobufCMessage **)&cut, &tc__person_state__descriptor, packed, bytes, arena, NULL))
            continue;
        for (size_t i = 0; i < cut->n_spells; i++) {
            const int identity = identity_from_name(cut->spells[i]->identity);
            NEED(identity < 0 ? seen == UINT32_MAX : seen >> identity & 1);
        }
    }
    arena_destroy(&arena);
}

TEST(the_ground_is_cleared) {
    policy_destroy(&law);
    rig_ground_stop();
}

TESTS("collection: runs over the city", CASE(the_ground_is_laid), CASE(parts_reach_everybody_once),
      CASE(parts_that_cannot_be_name_the_field), CASE(JM_G_14_a_month_billed_late_counts_as_one_that_was_owed),
      CASE(JM_G_20_the_first_bill_tells_where_months_brought_in_stand), CASE(a_sound_city_has_nothing_to_rebuild),
      CASE(what_was_lost_or_altered_comes_back_as_it_was), CASE(a_lost_table_is_rebuilt_as_a_whole),
      CASE(what_redis_holds_otherwise_is_gone_after_a_rebuild),
      CASE(a_rebuild_does_without_redis_and_fills_it_when_it_is_back),
      CASE(what_a_dead_process_did_not_put_is_put_by_the_next), CASE(JM_G_11_three_months_of_arrears_would_count),
      CASE(JM_G_14_and_JM_G_15_four_months_would_not), CASE(JM_G_11_a_day_later_a_month_more_is_too_late),
      CASE(JM_E_25_and_JM_G_17_who_pays_alone_waits), CASE(JM_E_27_a_year_paid_within_it_covers_the_rest_of_it),
      CASE(random_previews_are_borne_out_by_the_payment), CASE(bad_previews_name_the_field),
      CASE(a_look_into_a_state_misses_no_identity), CASE(the_ground_is_cleared))
