// A small city for tests of collection: enrolment and collection through their handlers (tests/service_rig.h), the
// events of one carried to the other. With `redis` collection has a cache. What refuses where it must not ends the
// test.
#pragma once
#include "collection.pb-c.h"
#include "services/collection/store.h"
#include "tests/people_rig.h"
#include "tests/redis.h"
#include <time.h>

typedef struct city {
    rig_t enrollment, collection;
    rig_t settlement; // only with tests/city_books.h
    consumer_effect_t feed, books;
    cache_t *cache;
} city_t;

static policy_t *law;
static unsigned serial; // of citizen IDs, credit codes and receipts

static inline void load_law(void) {
    static const char *const overlays[] = {TC_SOURCE_DIR "/config/samples/jiangmen-illustrative.yaml", NULL};
    err_t err = {0};
    if (!law && policy_load(&law, TC_SOURCE_DIR "/config/cities/jiangmen.yaml", overlays, &err))
        fprintf(stderr, "%s\n", err.text);
    NEED(law != NULL);
}

static inline void open_people(city_t *city, const char *redis_url) {
    static const uint8_t secret[32] = {1};
    err_t err = {0};
    load_law();
    *city = (city_t){0};
    if (redis_url) NEED(cache_new(&city->cache, redis_url, secret, 500, &err) == E_OK);
    people_open(&city->enrollment, &city->collection, &city->feed, law, city->cache);
}

static inline void close_people(city_t *city) {
    people_close(&city->enrollment, &city->collection);
    cache_destroy(&city->cache);
}

static inline void pump(city_t *city) { rig_pump(&city->enrollment, &city->collection, &city->feed); }

// ---- who is there

static inline void add_employer(city_t *city, const char *employer) {
    RIG_DO(&city->enrollment, "register_employer",
           "{'employer':'%s','uscc':'%s','name':'A厂','kind':'enterprise','division':'440703'}", employer,
           rig_uscc(++serial));
}

// `rest`: further fields of the spell, each with a comma in front.
static inline void add_born(city_t *city, const char *person, const char *birth, const char *identity, const char *from,
                            const char *rest) {
    serial++;
    RIG_DO(&city->enrollment, "register_person",
           "{'person':'%s','citizen_id':'%s','name':'张三%u','division':'440703'}", person,
           rig_citizen(serial, birth, true), serial);
    RIG_DO(&city->enrollment, "open_spell", "{'person':'%s','identity':'%s','from_month':'%s'%s}", person, identity,
           from, rest);
}

static inline void add_person(city_t *city, const char *person, const char *identity, const char *from,
                              const char *rest) {
    const unsigned day = serial + 1;
    char birth[9];
    snprintf(birth, sizeof birth, "19%02u%02u%02u", 50 + day % 40, 1 + day / 28 % 12, 1 + day % 28);
    add_born(city, person, birth, identity, from, rest);
}

static inline void add_employee(city_t *city, const char *person, const char *employer, const char *from) {
    char rest[80];
    snprintf(rest, sizeof rest, ",'employer':'%s','wage':'5000.00'", employer);
    add_born(city, person, "19850115", "employee", from, rest);
}

// ---- what they owe and pay

static inline const Tc__BillRun *bill_month(city_t *city, const char *month) {
    RIG_DO(&city->collection, "bill_month", "{'month':'%s'}", month);
    return (const Tc__BillRun *)city->collection.reply;
}

static inline void bill_months(city_t *city, const char *first, const char *last) {
    month_t from = MONTH_NONE, to = MONTH_NONE;
    char text[DATE_TEXT_MAX];
    NEED(month_parse(first, &from) == 0 && month_parse(last, &to) == 0);
    for (month_t m = from; m <= to; m++) bill_month(city, month_format(m, text));
}

// `kind`: employer | person
static inline fen_t due(city_t *city, const char *kind, const char *number, const char *period) {
    RIG_DO(&city->collection, "get_due", "{'%s':'%s','period':'%s'}", kind, number, period);
    return ((const Tc__Due *)city->collection.reply)->amount_fen;
}

static inline void receive(city_t *city, const char *receipt, const char *kind, const char *number, const char *period,
                           const char *on) {
    char amount[FEN_TEXT_MAX];
    fen_format(due(city, kind, number, period), amount);
    RIG_DO(&city->collection, "receive", "{'receipt':'%s','%s':'%s','period':'%s','amount':'%s','paid_on':'%s'}",
           receipt, kind, number, period, amount, on);
}

// The same under a number of its own.
static inline void pay(city_t *city, const char *kind, const char *number, const char *period, const char *on) {
    char receipt[16];
    snprintf(receipt, sizeof receipt, "R-%u", ++serial);
    receive(city, receipt, kind, number, period, on);
}

// ---- what holds

static inline Tc__Entitlement *entitlement(city_t *city, const char *person) {
    RIG_DO(&city->collection, "get_entitlements", "{'persons':['%s']}", person);
    const Tc__Entitlements *answer = (const Tc__Entitlements *)city->collection.reply;
    NEED(answer->n_entitlements >= 1);
    EQ_TEXT(answer->entitlements[0]->person, person);
    return answer->entitlements[0];
}

static inline int64_t number_of(rig_t *rig, const char *sql) {
    rows_t rows;
    err_t err = {0};
    NEED(store_query(rig->ctx.store, sql, NULL, 0, rig->ctx.arena, &rows, &err) == E_OK);
    return rows.count ? row_i64(&rows, 0, 0) : 0;
}

#define COUNT(city, table_where) number_of(&(city)->collection, "SELECT COUNT(*) FROM " table_where)
#define SUM(city, column, table_where)                                                                                 \
    number_of(&(city)->collection, "SELECT CAST(COALESCE(SUM(" column "), 0) AS BIGINT) FROM " table_where)

static inline void rebuild_changes_nothing(city_t *city) {
    RIG_DO(&city->collection, "rebuild", "{'limit':2000}");
    EQ(((const Tc__RebuildRun *)city->collection.reply)->changed, 0);
}
