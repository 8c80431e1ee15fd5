// Money between the accounts of the fund, what days are sealed with, and which fund and account events are booked
// under, by the five cities' own files. Built twice: on SQLite, and with ON_POSTGRES on a private PostgreSQL.
#include "common/base/hash.h"
#include "common/policy/tables.h"
#include "services/settlement/ledger.h"
#include "services/settlement/money.h"
#include "services/settlement/money_methods.h"
#include "services/settlement/seals.h"
#include "services/settlement/store.h"
#include "tests/check.h"
#include "tests/temp_store.h"
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#define T(text) ((char *)(uintptr_t)(text)) // protobuf-c wants char * where it only reads

typedef struct book { // one settlement process, without the process
    store_t *store;
    stream_t *stream;
    service_ctx_t ctx;
    settlement_t *settlement;
} book_t;

static void *zmq;
static keys_t *keys;
static arena_t *arena;
static err_t err;
static int64_t now_ms;
static int64_t clock_of_the_test(void) { return now_ms; }
static void set_today(const char *day) {
    date_t date = DATE_NONE;
    CHECK(date_parse(day, &date) == E_OK);
    now_ms = date_end_ms(date) - 12 * INT64_C(3600000); // noon
}

static void open_book(book_t *book, const char *schema, const char *city) {
    char path[256];
    policy_t *policy = NULL;
    calendar_t *calendar = NULL;
    *book = (book_t){0};
    NEED(store_open(&book->store, temp_store_url(), schema, &err) == E_OK);
    NEED(store_migrate(book->store, settlement_migrations, SETTLEMENT_MIGRATIONS, &err) == E_OK);
    stream_conf_t conf = {.context = zmq,
                          .keys = keys,
                          .store = book->store,
                          .service = T("settlement"),
                          .live_bind = T("tcp://127.0.0.1:*"),
                          .replay_bind = T("tcp://127.0.0.1:*"),
                          .log = settlement_log};
    NEED(stream_new(&book->stream, &conf, &err) == E_OK);
    book->ctx = (service_ctx_t){.store = book->store, .stream = book->stream, .arena = arena, .name = T("settlement")};
    NEED(settlement_new(&book->settlement, &book->ctx, &err) == E_OK);
    snprintf(path, sizeof path, "%s/config/cities/%s.yaml", TC_SOURCE_DIR, city);
    NEED(policy_load(&policy, path, NULL, &err) == E_OK);
    NEED(calendar_load(&calendar, TC_SOURCE_DIR "/config/calendar", &err) == E_OK);
    NEED(settlement_set_law(book->settlement, policy, calendar, &err) == E_OK);
    book->settlement->poster->now_ms = clock_of_the_test;
}

static void close_book(book_t *book) {
    settlement_destroy(&book->settlement);
    stream_destroy(&book->stream);
    store_close(&book->store);
}

// ---- commands, each in a transaction of its own as the service runs them

static ProtobufCMessage *answer;

static int command(book_t *book, money_method_t *method, const ProtobufCMessage *message) {
    answer = NULL;
    err = (err_t){0};
    int rc = store_begin(book->store, &err);
    if (rc) return rc;
    rc = method(book->settlement, NULL, message, &answer, &err);
    if (rc)
        store_rollback(book->store);
    else
        rc = store_commit(book->store, &err);
    if (rc) {
        stream_rolled_back(book->stream);
        book->settlement->writer->reload = true;
    } else {
        stream_committed(book->stream);
    }
    return rc;
}

typedef struct order {
    const char *reference, *from, *to, *fund, *county;
    fen_t amount;
    const char *on;
} order_t;

static Tc__MoveMoney message_of(const order_t *order) {
    Tc__MoveMoney move = TC__MOVE_MONEY__INIT;
    move.reference = T(order->reference), move.from = T(order->from), move.to = T(order->to);
    move.fund = T(order->fund), move.county = T(order->county ? order->county : "");
    move.amount_fen = order->amount, move.on = T(order->on ? order->on : "");
    return move;
}

static int move(book_t *book, order_t order) {
    const Tc__MoveMoney message = message_of(&order);
    return command(book, move_money, &message.base);
}

static int reserve(book_t *book, order_t order, const char *expires_on) {
    Tc__ReserveMoney ask = TC__RESERVE_MONEY__INIT;
    ask.reference = T(order.reference), ask.from = T(order.from), ask.to = T(order.to), ask.fund = T(order.fund);
    ask.county = T(order.county ? order.county : ""), ask.amount_fen = order.amount, ask.expires_on = T(expires_on);
    return command(book, reserve_money, &ask.base);
}

static int by_reference(book_t *book, money_method_t *method, const char *reference) {
    Tc__GetReservation ask = TC__GET_RESERVATION__INIT;
    ask.reference = T(reference);
    return command(book, method, &ask.base);
}

static int take_back(book_t *book, const char *reference) {
    Tc__ReverseEntry ask = TC__REVERSE_ENTRY__INIT;
    ask.reference = T(reference), ask.text = T("wrong account");
    return command(book, reverse_entry, &ask.base);
}

static fen_t balance(book_t *book, const char *account, const char *fund, const char *county) {
    fen_t out = -1;
    EQ(money_balance(book->settlement, account, fund, county, &out, &err), E_OK);
    return out;
}

static int64_t one_number(book_t *book, const char *sql) {
    rows_t rows;
    NEED(store_query(book->store, sql, NULL, 0, arena, &rows, &err) == E_OK);
    return rows.count ? row_i64(&rows, 0, 0) : 0;
}

static void check_books(book_t *book) {
    EQ(one_number(book, "SELECT COUNT(*) FROM (SELECT fund FROM balance GROUP BY fund HAVING SUM(amount_fen) <> 0) w"),
       0);
    EQ(one_number(book, "SELECT COUNT(*) FROM (SELECT partition, number, fund FROM posting GROUP BY partition, number,"
                        " fund HAVING SUM(amount_fen) <> 0) w"),
       0);
    EQ(one_number(book, "SELECT COUNT(*) FROM balance b WHERE b.amount_fen <> (SELECT SUM(p.amount_fen) FROM posting p"
                        " WHERE p.account = b.account AND p.fund = b.fund AND p.year = b.year AND"
                        " p.identity = b.identity AND p.division = b.division)"),
       0);
}

static int64_t entries(book_t *book) { return one_number(book, "SELECT COUNT(*) FROM journal"); }

// ---- events

static int deliver(book_t *book, poster_source_t *from, const char *topic, int64_t number,
                   const ProtobufCMessage *message) {
    static uint8_t body[4096];
    CHECK(protobuf_c_message_get_packed_size(message) <= sizeof body);
    const size_t bytes = protobuf_c_message_pack(message, body);
    const event_t event = {
        .partition = 5, .number = number, .topic = topic, .at_ms = 1, .body = body, .body_bytes = bytes};
    err = (err_t){0};
    int rc = store_begin(book->store, &err);
    if (rc) return rc;
    rc = poster_apply(from, &event, 1, &err);
    if (rc)
        store_rollback(book->store);
    else
        rc = store_commit(book->store, &err);
    if (rc)
        poster_rolled_back(from);
    else
        poster_committed(from);
    return rc;
}

static int receive(book_t *book, int64_t number, const char *item, const char *identity, const char *payer,
                   const char *county, const char *period, fen_t amount) {
    Tc__Receipt receipt = TC__RECEIPT__INIT;
    Tc__Receipt__Part part = TC__RECEIPT__PART__INIT, *parts[] = {&part};
    char name[24];
    snprintf(name, sizeof name, "R%lld", (long long)number);
    part.item = T(item), part.identity = T(identity), part.payer = T(payer), part.division = T(county);
    part.amount_fen = receipt.amount_fen = amount;
    receipt.receipt = name, receipt.payer = T("E1"), receipt.period = T(period), receipt.paid_on = T("2020-01-05");
    receipt.parts = parts, receipt.n_parts = 1;
    return deliver(book, &book->settlement->collection, "contribution.received", number, &receipt.base);
}

static int hold(book_t *book, int64_t number, fen_t amount) {
    Tc__HeldMoney held = TC__HELD_MONEY__INIT;
    held.receipt = T("H1"), held.payer = T("E1"), held.kind = T("parked"), held.on = T("2020-01-05");
    held.amount_fen = amount;
    return deliver(book, &book->settlement->collection, "money.held", number, &held.base);
}

static int settle_bill(book_t *book, int64_t number, const char *identity, const char *county, const char *layer,
                       fen_t amount) {
    Tc__Decision decision = TC__DECISION__INIT;
    Tc__Bill input = TC__BILL__INIT;
    Tc__Amount paid = TC__AMOUNT__INIT, *list[] = {&paid};
    paid.name = T(layer), paid.amount_fen = amount;
    input.to = T("2020-01-20");
    decision.bill = T("B1"), decision.person = T("P1"), decision.facility = T("H37040200001"), decision.year = 2020;
    decision.identity = T(identity), decision.division = T(county), decision.decision = T("paid");
    decision.total_fen = decision.fund_fen = amount;
    decision.input = &input, decision.paid = list, decision.n_paid = 1;
    return deliver(book, &book->settlement->adjudication, "bill.settled", number, &decision.base);
}

static int credit(book_t *book, int64_t number, fen_t amount) {
    Tc__AccountCredit month = TC__ACCOUNT_CREDIT__INIT;
    month.person = T("P1"), month.month = T("2020-01"), month.turn = 1, month.amount_fen = amount;
    return deliver(book, &book->settlement->collection, "account.credited", number, &month.base);
}

static int correct(book_t *book, int64_t number, fen_t amount) {
    Tc__AccountChange change = TC__ACCOUNT_CHANGE__INIT;
    change.person = T("P1"), change.seq = number, change.reason = T("correction"), change.source = T("K1");
    change.amount_fen = amount, change.at_ms = 1583000000000; // 1 March 2020
    return deliver(book, &book->settlement->adjudication, "account.changed", number, &change.base);
}

static fen_t booked(book_t *book, const char *account, const char *fund, const char *identity, const char *county,
                    int64_t year) {
    const cell_t params[] = {cell_text(account), cell_text(fund), cell_text(identity), cell_text(county),
                             cell_i64(year)};
    rows_t rows;
    NEED(store_query(book->store,
                     "SELECT CAST(COALESCE(SUM(amount_fen), 0) AS BIGINT) FROM balance WHERE account = $1 AND"
                     " fund = $2 AND identity = $3 AND division = $4 AND year = $5",
                     params, COUNT_OF(params), arena, &rows, &err) == E_OK);
    return row_i64(&rows, 0, 0);
}

#define ZZ_A "370402"
#define ZZ_B "370403"

// Zaozhuang with 1000.00 of employees and 600.00 of residents in county A, 300.00 of employees in B.
static void open_zaozhuang(book_t *book, const char *schema) {
    set_today("2020-02-10");
    open_book(book, schema, "zaozhuang");
    EQ(receive(book, 1, "basic", "employee", "employer", ZZ_A, "2020-01", 100000), E_OK);
    EQ(receive(book, 2, "basic", "resident", "person", ZZ_A, "2020", 60000), E_OK);
    EQ(receive(book, 3, "basic", "employee", "person", ZZ_B, "2020-01", 30000), E_OK);
}

// ---- what is booked where
// -------------------------------------------------------------------------------------------------

TEST(the_ground_is_laid) {
    arena = arena_new(1024 * 1024, 0);
    zmq = zmq_ctx_new();
    NEED(arena && zmq);
    NEED(temp_store_start() == 0);
    NEED(keys_make(temp_store_dir(), "settlement", "service", &err) == E_OK);
    NEED(keys_load(&keys, temp_store_dir(), "settlement", &err) == E_OK);
}

TEST(ZZ_F01_ZZ_F02_each_ledger_is_a_fund_of_its_own) {
    book_t book;
    open_zaozhuang(&book, "zzfunds");
    EQ(balance(&book, "income_county", "EMP_POOL", NULL), 130000);
    EQ(balance(&book, "income_county", "RES_POOL", NULL), 60000);
    EQ(receive(&book, 4, "assistance", "employee", "person", ZZ_A, "2020-01", 1000), E_OK);
    EQ(balance(&book, "income_county", "EMP_LIA", NULL), 1000);
    EQ(settle_bill(&book, 1, "employee", ZZ_A, "critical_illness", 700), E_OK);
    EQ(booked(&book, "expense/critical_illness", "EMP_CII", "employee", ZZ_A, 2020), 700);
    EQ(booked(&book, "payable/critical_illness", "EMP_CII", "", ZZ_A, 2020), -700);
    EQ(settle_bill(&book, 2, "resident", ZZ_B, "critical_illness", 50), E_OK);
    EQ(booked(&book, "expense/critical_illness", "RES_CII", "resident", ZZ_B, 2020), 50);
    check_books(&book);
    close_book(&book);
}

TEST(ZZ_F25_the_books_are_kept_by_county) {
    book_t book;
    open_zaozhuang(&book, "zzcounty");
    EQ(balance(&book, "income_county", "EMP_POOL", ZZ_A), 100000);
    EQ(balance(&book, "income_county", "EMP_POOL", ZZ_B), 30000);
    EQ(booked(&book, "contribution/basic", "EMP_POOL", "employee", ZZ_B, 2020), -30000);
    close_book(&book);
}

TEST(JM_F_03_JM_F_04_JM_F_05_residents_and_employees_and_districts_have_ledgers_of_their_own) {
    book_t book;
    set_today("2020-02-10");
    open_book(&book, "jmbooks", "jiangmen");
    EQ(receive(&book, 1, "tier1", "employee", "employer", "440703", "2020-01", 100), E_OK);
    EQ(receive(&book, 2, "tier1", "resident", "person", "440703", "2020", 30), E_OK);
    EQ(receive(&book, 3, "tier1", "resident", "person", "440704", "2020", 7), E_OK);
    EQ(booked(&book, "contribution/tier1", "BASIC", "employee", "440703", 2020), -100);
    EQ(booked(&book, "contribution/tier1", "BASIC", "resident", "440703", 2020), -30);
    EQ(booked(&book, "contribution/tier1", "BASIC", "resident", "440704", 2020), -7);
    EQ(balance(&book, "special_city", "BASIC", NULL), 137); // JM-F-03: all of it in the special account
    EQ(settle_bill(&book, 1, "resident", "440704", "catastrophic", 5), E_OK);
    EQ(booked(&book, "expense/catastrophic", "CATASTROPHIC", "resident", "440704", 2020), 5);
    check_books(&book);
    close_book(&book);
}

TEST(YC_E01_YC_C11_programmes_are_funds_and_prepaid_premiums_carry_their_year) {
    book_t book;
    set_today("2020-02-10");
    open_book(&book, "ycbooks", "yancheng");
    EQ(receive(&book, 1, "basic", "employee", "employer", "320902", "2020-01", 100), E_OK);
    EQ(receive(&book, 2, "basic", "resident", "person", "320902", "2021", 30), E_OK); // paid in 2020 for 2021
    EQ(settle_bill(&book, 1, "employee", "320902", "maternity", 9), E_OK);
    EQ(balance(&book, "treasury", "EMP", NULL), 100);
    EQ(balance(&book, "treasury", "RES", NULL), 30);
    EQ(booked(&book, "contribution/basic", "RES", "resident", "320902", 2021), -30);
    EQ(booked(&book, "expense/maternity", "MAT", "employee", "320902", 2020), 9);
    check_books(&book);
    close_book(&book);
}

TEST(what_no_row_of_the_books_names_is_not_posted) {
    book_t book;
    open_zaozhuang(&book, "zzunknown");
    EQ(receive(&book, 4, "tier9", "employee", "person", ZZ_A, "2020-01", 1000), E_INVALID_FIELD);
    EQ(settle_bill(&book, 1, "employee", ZZ_A, "tier9", 700), E_INVALID_FIELD);
    EQ(entries(&book), 3);
    close_book(&book);
}

// ---- movements
// ---------------------------------------------------------------------------------------------------------

TEST(ZZ_F07_ZZ_F08_a_countys_income_goes_to_the_citys_income_account_and_nowhere_else) {
    book_t book;
    open_zaozhuang(&book, "zzremit");
    EQ(move(&book, (order_t){"M1", "income_county", "income_city", "EMP_POOL", ZZ_A, 100000, "2020-01-30"}), E_OK);
    EQ(balance(&book, "income_county", "EMP_POOL", ZZ_A), 0);
    EQ(balance(&book, "income_city", "EMP_POOL", ZZ_A), 100000);
    EQ_TEXT(((Tc__JournalEntry *)answer)->rule, "ZZ-F08");
    EQ_TEXT(((Tc__JournalEntry *)answer)->value_date, "2020-01-30");
    EQ(move(&book, (order_t){"M2", "income_county", "special_city", "RES_POOL", ZZ_A, 100, NULL}), E_DENIED);
    HAS_TEXT(err.text, "ZZ-F08");
    EQ(move(&book, (order_t){"M3", "special_city", "income_city", "EMP_POOL", ZZ_A, 100, NULL}), E_DENIED);
    HAS_TEXT(err.text, "ZZ-F07");
    EQ(entries(&book), 4);
    check_books(&book);
    close_book(&book);
}

TEST(ZZ_F04_receipts_are_never_spent_where_they_come_in) {
    book_t book;
    open_zaozhuang(&book, "zzlines");
    static const char *const spends[] = {"expenditure_city", "expenditure_county", "providers"};
    EQ(move(&book, (order_t){"M1", "income_county", "income_city", "EMP_POOL", ZZ_A, 100000, NULL}), E_OK);
    for (size_t i = 0; i < COUNT_OF(spends); i++) {
        EQ(move(&book, (order_t){"M2", "income_city", spends[i], "EMP_POOL", ZZ_A, 1, NULL}), E_DENIED);
        HAS_TEXT(err.text, "ZZ-F04");
    }
    close_book(&book);
}

TEST(ZZ_F09_ZZ_F10_ZZ_F11_ZZ_F12_an_expenditure_account_has_its_few_ways) {
    book_t book;
    open_zaozhuang(&book, "zzways");
    EQ(move(&book, (order_t){"M1", "income_county", "income_city", "EMP_POOL", ZZ_A, 100000, NULL}), E_OK);
    EQ(move(&book, (order_t){"M2", "income_city", "special_city", "EMP_POOL", ZZ_A, 100000, NULL}), E_OK);
    EQ(move(&book, (order_t){"M3", "special_city", "expenditure_county", "EMP_POOL", ZZ_A, 50000, NULL}), E_OK);
    EQ_TEXT(((Tc__JournalEntry *)answer)->rule, "ZZ-F09");
    EQ(move(&book, (order_t){"M4", "bank", "expenditure_county", "EMP_POOL", ZZ_A, 12, NULL}), E_OK);
    EQ_TEXT(((Tc__JournalEntry *)answer)->rule, "ZZ-F10");
    EQ(move(&book, (order_t){"M5", "expenditure_county", "handler", "EMP_POOL", ZZ_A, 1000, NULL}), E_OK);
    EQ_TEXT(((Tc__JournalEntry *)answer)->rule, "ZZ-F11");
    EQ(move(&book, (order_t){"M6", "expenditure_county", "income_county", "EMP_POOL", ZZ_A, 1000, NULL}), E_DENIED);
    HAS_TEXT(err.text, "ZZ-F12");
    EQ(balance(&book, "expenditure_county", NULL, ZZ_A), 49012);
    EQ(balance(&book, "handler", NULL, NULL), 1000); // transfer/handler
    check_books(&book);
    close_book(&book);
}

TEST(SM_F07_ZS_F02_no_fund_spends_anothers_money) {
    book_t book;
    set_today("2022-02-10");
    open_book(&book, "smfunds", "sanmenxia");
    EQ(receive(&book, 1, "basic", "employee", "employer", "411202", "2022-01", 100), E_OK);
    EQ(receive(&book, 2, "basic", "resident", "person", "411202", "2022", 30), E_OK);
    EQ(move(&book, (order_t){"M1", "treasury", "special_city", "RESIDENT", "411202", 31, NULL}), E_OUT_OF_RANGE);
    HAS_TEXT(err.text, "RESIDENT");
    EQ(move(&book, (order_t){"M1", "treasury", "special_city", "RESIDENT", "411202", 30, NULL}), E_OK);
    EQ(move(&book, (order_t){"M2", "treasury", "special_city", "EMP_POOL", "411202", 100, NULL}), E_OK);
    Tc__Allot allotment = TC__ALLOT__INIT;
    allotment.reference = T("A1"), allotment.allotment = T("help"), allotment.amount_fen = 1, allotment.year = 2022;
    EQ(command(&book, allot, &allotment.base), E_DENIED);
    HAS_TEXT(err.text, "SM-F07");
    Tc__SettleBetween between = TC__SETTLE_BETWEEN__INIT;
    between.reference = T("A2"), between.reason = T("account"), between.from = T("EMP_POOL"),
    between.to = T("RESIDENT");
    between.account = T("special_city"), between.amount_fen = 1;
    EQ(command(&book, settle_between, &between.base), E_OUT_OF_RANGE); // nothing is owed
    close_book(&book);
    open_book(&book, "zsfunds", "zhoushan");
    EQ(receive(&book, 1, "critical_illness", "resident", "person", "330902", "2022", 100), E_OK);
    EQ(move(&book, (order_t){"M1", "treasury", "special_city", "RES", "330902", 1, NULL}), E_OUT_OF_RANGE);
    EQ(move(&book, (order_t){"M1", "treasury", "special_city", "CII", "330902", 100, NULL}), E_OK);
    EQ(move(&book, (order_t){"M2", "special_city", "expenditure_city", "ASSISTANCE", "", 1, NULL}), E_DENIED);
    close_book(&book);
}

TEST(a_reference_is_carried_out_once_and_nothing_that_is_wrong_leaves_a_trace) {
    book_t book;
    open_zaozhuang(&book, "zzonce");
    EQ(move(&book, (order_t){"M1", "income_county", "income_city", "EMP_POOL", ZZ_A, 10, NULL}), E_OK);
    EQ(move(&book, (order_t){"M1", "income_county", "income_city", "EMP_POOL", ZZ_A, 10, NULL}), E_EXISTS);
    EQ(move(&book, (order_t){"M2", "income_county", "nowhere", "EMP_POOL", ZZ_A, 10, NULL}), E_NOT_FOUND);
    EQ(move(&book, (order_t){"M2", "income_county", "income_city", "NOFUND", ZZ_A, 10, NULL}), E_NOT_FOUND);
    EQ(move(&book, (order_t){"M2", "income_county", "income_city", "ASSISTANCE", ZZ_A, 10, NULL}), E_DENIED);
    EQ(move(&book, (order_t){"M2", "income_county", "income_city", "EMP_POOL", "999999", 10, NULL}), E_NOT_FOUND);
    EQ(move(&book, (order_t){"M2", "income_county", "income_city", "EMP_POOL", ZZ_A, 0, NULL}), E_OUT_OF_RANGE);
    EQ(move(&book, (order_t){"M2", "income_county", "income_city", "EMP_POOL", ZZ_A, -5, NULL}), E_OUT_OF_RANGE);
    EQ(move(&book, (order_t){"M2", "income_county", "income_city", "EMP_POOL", ZZ_A, 10, "2020-02-11"}),
       E_OUT_OF_RANGE);
    EQ(move(&book, (order_t){"M2", "income_county", "income_city", "EMP_POOL", ZZ_A, 99991, NULL}), E_OUT_OF_RANGE);
    EQ(move(&book, (order_t){"M2", "income_county", "income_city", "EMP_POOL", ZZ_B, 30001, NULL}), E_OUT_OF_RANGE);
    EQ(move(&book, (order_t){"M 2", "income_county", "income_city", "EMP_POOL", ZZ_A, 1, NULL}), E_INVALID_FIELD);
    EQ(entries(&book), 4);
    check_books(&book);
    close_book(&book);
}

// Money parked in the city's income account pays bills that are booked in a county's after it was swept: the sweep of
// the next month moves the negative part along, and nothing is left anywhere.
TEST(a_sweep_of_everything_moves_every_part_whatever_its_sign) {
    book_t book;
    open_zaozhuang(&book, "zzsweep");
    EQ(hold(&book, 4, 500), E_OK);
    EQ(balance(&book, "income_city", "", NULL), 500);
    EQ(move(&book, (order_t){"M1", "income_city", "special_city", "", "", 500, NULL}), E_OK);
    EQ(hold(&book, 5, -500), E_OK);
    EQ(receive(&book, 6, "basic", "employee", "employer", ZZ_A, "2020-01", 500), E_OK);
    EQ(balance(&book, "income_city", NULL, NULL), -500);
    EQ(move(&book, (order_t){"M2", "income_county", "income_city", "EMP_POOL", ZZ_A, 100500, NULL}), E_OK);
    money_part_t *parts;
    size_t count;
    NEED(money_parts(book.settlement, "income_city", NULL, arena, &parts, &count, &err) == E_OK);
    NEED(count == 2);
    money_line_t lines[2];
    for (size_t i = 0; i < count; i++) lines[i] = (money_line_t){parts[i].fund, parts[i].county, parts[i].amount};
    const money_move_t sweep = {"SWEEP", "income_city", "special_city", lines, count, date_make(2020, 1, 31), ""};
    Tc__JournalEntry *entry;
    NEED(store_begin(book.store, &err) == E_OK);
    EQ(money_move(book.settlement, &sweep, arena, &entry, &err), E_OK);
    NEED(store_commit(book.store, &err) == E_OK);
    stream_committed(book.stream);
    EQ(balance(&book, "income_city", NULL, NULL), 0);
    EQ(balance(&book, "special_city", "", NULL), 0);
    EQ(balance(&book, "special_city", "EMP_POOL", ZZ_A), 100500);
    check_books(&book);
    close_book(&book);
}

// ---- reservations, counter-entries
// -------------------------------------------------------------------------------------

TEST(what_is_reserved_is_spent_by_nobody_else) {
    book_t book;
    open_zaozhuang(&book, "zzreserve");
    const order_t order = {"P1", "income_county", "income_city", "EMP_POOL", ZZ_B, 20000, NULL};
    EQ(reserve(&book, order, "2020-02-12"), E_OK);
    EQ(err.code, E_OK); // that there was none before is no error
    EQ_TEXT(err.text, "");
    EQ(balance(&book, "income_county", "EMP_POOL", ZZ_B), 30000); // a reservation is no entry
    EQ(entries(&book), 3);
    EQ(reserve(&book, order, "2020-02-12"), E_EXISTS);
    EQ(move(&book, (order_t){"M1", "income_county", "income_city", "EMP_POOL", ZZ_B, 10001, NULL}), E_OUT_OF_RANGE);
    EQ(reserve(&book, (order_t){"P2", "income_county", "income_city", "EMP_POOL", ZZ_B, 10001, NULL}, "2020-02-12"),
       E_OUT_OF_RANGE);
    EQ(move(&book, (order_t){"M1", "income_county", "income_city", "EMP_POOL", ZZ_B, 10000, NULL}), E_OK);
    EQ(by_reference(&book, post_money, "P1"), E_OK);
    EQ(balance(&book, "income_county", "EMP_POOL", ZZ_B), 0);
    EQ(by_reference(&book, post_money, "P1"), E_EXISTS);
    EQ(by_reference(&book, void_money, "P1"), E_EXISTS);
    EQ(reserve(&book, (order_t){"P3", "income_county", "income_city", "EMP_POOL", ZZ_A, 100000, NULL}, "2020-02-12"),
       E_OK);
    EQ(by_reference(&book, void_money, "P3"), E_OK);
    EQ(reserve(&book, (order_t){"P4", "income_county", "income_city", "EMP_POOL", ZZ_A, 100000, NULL}, "2020-02-12"),
       E_OK);
    set_today("2020-02-13"); // run out
    EQ(by_reference(&book, post_money, "P4"), E_EXISTS);
    HAS_TEXT(err.text, "expired");
    EQ(move(&book, (order_t){"M5", "income_county", "income_city", "EMP_POOL", ZZ_A, 100000, NULL}), E_OK);
    EQ(by_reference(&book, post_money, "P9"), E_NOT_FOUND);
    check_books(&book);
    close_book(&book);
}

static int taken_back_by(book_t *book, const char *scope, const char *reference) {
    book->ctx.scope = scope;
    const int rc = take_back(book, reference);
    book->ctx.scope = NULL;
    return rc;
}

TEST(a_key_of_a_county_moves_shows_and_takes_back_what_is_its_countys) {
    book_t book;
    open_zaozhuang(&book, "zzcounty");
    const order_t city = {"M0", "income_city", "special_city", "EMP_POOL", NULL, 100, NULL};
    const order_t mine = {"M1", "income_county", "income_city", "EMP_POOL", ZZ_A, 100, NULL};
    const order_t other = {"M2", "income_county", "income_city", "EMP_POOL", ZZ_B, 100, NULL};
    const Tc__GetMovements all = TC__GET_MOVEMENTS__INIT;
    const char *const scope = "divisions=" ZZ_A;
    EQ(move(&book, other), E_OK);
    EQ(reserve(&book, (order_t){"P2", "income_county", "income_city", "EMP_POOL", ZZ_B, 100, NULL}, "2020-02-12"),
       E_OK);
    book.ctx.scope = scope;
    EQ(move(&book, mine), E_OK);
    EQ(move(&book, (order_t){"M3", "income_county", "income_city", "EMP_POOL", ZZ_B, 100, NULL}), E_DENIED);
    EQ(move(&book, city), E_DENIED);
    EQ(reserve(&book, (order_t){"P3", "income_county", "income_city", "EMP_POOL", ZZ_B, 100, NULL}, "2020-02-12"),
       E_DENIED);
    EQ(by_reference(&book, post_money, "P2"), E_DENIED);
    EQ(by_reference(&book, void_money, "P2"), E_DENIED);
    EQ(by_reference(&book, get_reservation, "P2"), E_DENIED);
    EQ(command(&book, get_movements, &all.base), E_OK);
    const Tc__JournalEntries *seen = (const Tc__JournalEntries *)answer;
    EQ(seen->n_entries, 1);
    EQ_TEXT(seen->entries[0]->reference, "M1");
    EQ(taken_back_by(&book, scope, "M2"), E_DENIED);
    EQ(taken_back_by(&book, scope, "M1"), E_OK);
    EQ(command(&book, get_movements, &all.base), E_OK);
    EQ(((const Tc__JournalEntries *)answer)->n_entries, 3);
    check_books(&book);
    close_book(&book);
}

TEST(an_order_is_taken_back_once_by_a_counter_entry) {
    book_t book;
    open_zaozhuang(&book, "zzcounter");
    EQ(move(&book, (order_t){"M1", "income_county", "income_city", "EMP_POOL", ZZ_A, 100, NULL}), E_OK);
    EQ(take_back(&book, "M1"), E_OK);
    const Tc__JournalEntry *counter = (const Tc__JournalEntry *)answer;
    EQ_TEXT(counter->kind, "counter");
    EQ(counter->counter_number, 1);
    EQ(counter->counter_partition, partition_of("M1"));
    EQ(balance(&book, "income_county", "EMP_POOL", ZZ_A), 100000);
    EQ(take_back(&book, "M1"), E_EXISTS);
    EQ(take_back(&book, "R1"), E_NOT_FOUND); // a receipt is corrected in collection
    EQ(move(&book, (order_t){"M2", "income_county", "income_city", "EMP_POOL", ZZ_A, 100, NULL}), E_OK);
    EQ(move(&book, (order_t){"M3", "income_city", "special_city", "EMP_POOL", ZZ_A, 100, NULL}), E_OK);
    EQ(take_back(&book, "M2"), E_OUT_OF_RANGE); // the money has gone on
    EQ(take_back(&book, "M3"), E_OK);
    EQ(take_back(&book, "M2"), E_OK);
    EQ(entries(&book), 3 + 6);
    check_books(&book);
    close_book(&book);
}

TEST(what_the_pool_owes_to_personal_accounts_is_paid_and_not_a_fen_more) {
    book_t book;
    open_zaozhuang(&book, "zzbetween");
    EQ(credit(&book, 4, 6020), E_OK);
    EQ(booked(&book, "allotted/account", "EMP_POOL", "", "", 2020), 6020);
    EQ(booked(&book, "personal/account", "EMP_PA", "", "", 0), -6020);
    EQ(booked(&book, "between/account", "EMP_POOL", "", "", 0), -6020);
    EQ(booked(&book, "between/account", "EMP_PA", "", "", 0), 6020);
    EQ(correct(&book, 5, 1000), E_OK); // stays within the fund of the accounts: the pool owes no more
    EQ(booked(&book, "personal/account", "EMP_PA", "", "", 0), -7020);
    EQ(booked(&book, "allotted/correction", "EMP_PA", "", "", 2020), 1000);
    EQ(booked(&book, "between/account", "EMP_PA", "", "", 0), 6020);
    EQ(move(&book, (order_t){"M1", "income_county", "income_city", "EMP_POOL", ZZ_A, 100000, NULL}), E_OK);
    EQ(move(&book, (order_t){"M2", "income_city", "special_city", "EMP_POOL", ZZ_A, 100000, NULL}), E_OK);
    Tc__SettleBetween ask = TC__SETTLE_BETWEEN__INIT;
    ask.reference = T("S1"), ask.reason = T("account"), ask.from = T("EMP_POOL"), ask.to = T("EMP_PA");
    ask.account = T("special_city"), ask.amount_fen = 6021;
    EQ(command(&book, settle_between, &ask.base), E_OUT_OF_RANGE);
    ask.amount_fen = 6020;
    EQ(command(&book, settle_between, &ask.base), E_OK);
    EQ(balance(&book, "special_city", "EMP_PA", NULL), 6020);
    EQ(balance(&book, "special_city", "EMP_POOL", NULL), 93980);
    EQ(balance(&book, "special_city", NULL, NULL), 100000);
    ask.reference = T("S2"), ask.amount_fen = 1;
    EQ(command(&book, settle_between, &ask.base), E_OUT_OF_RANGE);
    Tc__Allot allotment = TC__ALLOT__INIT;
    allotment.reference = T("A1"), allotment.allotment = T("employee_critical_illness"), allotment.amount_fen = 5000;
    allotment.year = 2020;
    EQ(command(&book, allot, &allotment.base), E_OK);
    EQ(booked(&book, "allotment/employee_critical_illness", "EMP_CII", "", "", 2020), -5000);
    check_books(&book);
    close_book(&book);
}

TEST(a_payment_is_taken_from_what_is_owed_and_from_what_is_there) {
    book_t book;
    open_zaozhuang(&book, "zzpay");
    EQ(settle_bill(&book, 1, "employee", ZZ_A, "basic", 700), E_OK);
    payment_line_t line = {"basic", "EMP_POOL", ZZ_A, 2020, 700};
    const payment_t payment = {"ORDER-1", "H37040200001", NULL, &line, 1, date_make(2020, 2, 1), ""};
    Tc__JournalEntry *entry;
    NEED(store_begin(book.store, &err) == E_OK);
    EQ(money_pay(book.settlement, &payment, arena, &entry, &err), E_OUT_OF_RANGE); // nothing came down yet
    store_rollback(book.store);
    EQ(move(&book, (order_t){"M1", "income_county", "income_city", "EMP_POOL", ZZ_A, 100000, NULL}), E_OK);
    EQ(move(&book, (order_t){"M2", "income_city", "special_city", "EMP_POOL", ZZ_A, 100000, NULL}), E_OK);
    EQ(move(&book, (order_t){"M3", "special_city", "expenditure_county", "EMP_POOL", ZZ_A, 700, NULL}), E_OK);
    NEED(store_begin(book.store, &err) == E_OK);
    EQ(money_pay(book.settlement, &payment, arena, &entry, &err), E_OK);
    NEED(store_commit(book.store, &err) == E_OK);
    stream_committed(book.stream);
    EQ(booked(&book, "payable/basic", "EMP_POOL", "", ZZ_A, 2020), 0);
    EQ(balance(&book, "expenditure_county", NULL, NULL), 0);
    EQ_TEXT(entry->facility, "H37040200001");
    line.amount = -1;
    NEED(store_begin(book.store, &err) == E_OK);
    EQ(money_pay(book.settlement, &payment, arena, &entry, &err), E_OUT_OF_RANGE);
    store_rollback(book.store);
    check_books(&book);
    close_book(&book);
}

// ---- balances of a day, chain and seals
// --------------------------------------------------------------------------------

static fen_t balance_on(book_t *book, const char *account, const char *on, const char *known_at) {
    Tc__GetBalances ask = TC__GET_BALANCES__INIT;
    ProtobufCMessage *reply = NULL;
    fen_t sum = 0;
    ask.account = T(account), ask.on = T(on), ask.known_at = T(known_at);
    NEED(settlement_service.methods[0].handle(book->settlement, NULL, &ask.base, &reply, &err) == E_OK);
    const Tc__Balances *balances = (const Tc__Balances *)reply;
    for (size_t i = 0; i < balances->n_rows; i++) sum += balances->rows[i]->balance_fen;
    return sum;
}

TEST(a_balance_is_told_of_a_day_and_as_it_was_known_on_a_day) {
    book_t book;
    open_zaozhuang(&book, "zzpoint"); // value date 2020-01-05, booked on 2020-02-10
    set_today("2020-02-12");
    EQ(move(&book, (order_t){"M1", "income_county", "income_city", "EMP_POOL", ZZ_A, 40000, "2020-01-31"}), E_OK);
    EQ(balance_on(&book, "money/income_county", "", ""), 150000);
    EQ(balance_on(&book, "money/income_county", "2020-01-30", ""), 190000);
    EQ(balance_on(&book, "money/income_county", "2020-01-31", ""), 150000);
    EQ(balance_on(&book, "money/income_county", "2020-01-04", ""), 0);
    EQ(balance_on(&book, "money/income_county", "", "2020-02-11"), 190000);
    EQ(balance_on(&book, "money/income_county", "", "2020-02-09"), 0);
    EQ(balance_on(&book, "money/income_county", "2020-01-31", "2020-02-11"), 190000);
    EQ(balance_on(&book, "", "2020-01-31", ""), 0);
    close_book(&book);
}

// Every row's chain, worked out again from what is stored.
static int broken_links(book_t *book) {
    rows_t rows;
    chain_t *chain;
    uint8_t before[CHAIN_BYTES], expected[CHAIN_BYTES];
    int64_t partition = -1;
    int broken = 0;
    NEED(chain_new(&chain, &err) == E_OK);
    NEED(
        store_query(book->store,
                    "SELECT partition, number, reference, kind, source_service, source_partition, source_number, at_ms,"
                    " value_date, body, chain FROM journal ORDER BY partition, number",
                    NULL, 0, arena, &rows, &err) == E_OK);
    for (size_t i = 0; i < rows.count; i++) {
        size_t bytes;
        chain_row_t row = {row_i64(&rows, i, 0),
                           row_i64(&rows, i, 1),
                           row_text(&rows, i, 2),
                           row_text(&rows, i, 3),
                           row_text(&rows, i, 4),
                           row_i64(&rows, i, 5),
                           row_i64(&rows, i, 6),
                           row_i64(&rows, i, 7),
                           row_text(&rows, i, 8),
                           NULL,
                           0};
        row.body = row_blob(&rows, i, 9, &row.body_bytes);
        if (row.partition != partition) memset(before, 0, sizeof before);
        partition = row.partition;
        NEED(chain_row(chain, before, &row, expected, &err) == E_OK);
        const void *stored = row_blob(&rows, i, 10, &bytes);
        broken += bytes != CHAIN_BYTES || memcmp(stored, expected, CHAIN_BYTES) != 0;
        memcpy(before, expected, CHAIN_BYTES);
    }
    chain_destroy(&chain);
    return broken;
}

static void run_sql(book_t *book, const char *sql) { NEED(store_exec(book->store, sql, NULL, 0, &err) == E_OK); }

TEST(every_row_is_chained_and_any_change_of_one_breaks_the_chain) {
    book_t book;
    open_zaozhuang(&book, "zzchain");
    EQ(move(&book, (order_t){"M1", "income_county", "income_city", "EMP_POOL", ZZ_A, 40000, NULL}), E_OK);
    EQ(move(&book, (order_t){"M0", "income_county", "nowhere", "EMP_POOL", ZZ_A, 40000, NULL}), E_NOT_FOUND);
    EQ(receive(&book, 4, "basic", "employee", "person", ZZ_B, "2020-01", 1), E_OK); // after a roll-back
    EQ(broken_links(&book), 0);
    run_sql(&book, "UPDATE journal SET value_date = '2020-01-06' WHERE reference = 'R2'");
    OK(broken_links(&book) > 0);
    run_sql(&book, "UPDATE journal SET value_date = '2020-01-05' WHERE reference = 'R2'");
    EQ(broken_links(&book), 0);
    run_sql(&book, "UPDATE journal SET number = 99 WHERE reference = 'R1'");
    OK(broken_links(&book) > 0);
    close_book(&book);
}

TEST(rows_from_before_the_chain_are_chained_at_start) {
    book_t book;
    open_zaozhuang(&book, "zzold");
    run_sql(&book, "UPDATE journal SET chain = NULL");
    EQ(receive(&book, 4, "basic", "employee", "person", ZZ_B, "2020-01", 1), E_OK); // the writer still knows its head
    run_sql(&book, "UPDATE journal SET chain = NULL");
    book.settlement->writer->reload = true;
    EQ(receive(&book, 5, "basic", "employee", "person", ZZ_B, "2020-01", 1), E_STORE); // never a chain from nowhere
    arena_t *own = arena_new(1 << 16, 0);
    EQ(writer_chain_old_rows(book.settlement->writer, own, &err), E_OK);
    arena_destroy(&own);
    EQ(receive(&book, 5, "basic", "employee", "person", ZZ_B, "2020-01", 1), E_OK);
    EQ(broken_links(&book), 0);
    close_book(&book);
}

// A store from before funds were kept apart: the first three migrations, an entry, and then the rest.
TEST(an_old_journal_is_carried_over_as_it_is) {
    static const char *const rows[] = {
        "INSERT INTO journal (partition, number, reference, kind, source_service, source_partition, source_number,"
        " at_ms, value_date, body) SELECT 3, 1, 'R1', 'contribution', 'collection', 3, 1, 5, '2018-03-05', reply"
        " FROM request",
        "INSERT INTO posting (partition, number, line, account, identity, division, party, amount_fen)"
        " VALUES (3, 1, 1, 'treasury/tier1', '', '', 'E1', 70)",
        "INSERT INTO posting (partition, number, line, account, identity, division, party, amount_fen)"
        " VALUES (3, 1, 2, 'contribution/tier1', 'employee', '440703', 'employer', -70)",
        "INSERT INTO balance (account, identity, division, amount_fen, postings) VALUES ('treasury/tier1', '', '', 70,"
        " 1)",
        "INSERT INTO balance (account, identity, division, amount_fen, postings)"
        " VALUES ('contribution/tier1', 'employee', '440703', -70, 1)"};
    const cell_t request[] = {cell_blob("\012\014contribution", 14)};
    store_t *store = NULL;
    book_t book;
    NEED(store_open(&store, temp_store_url(), "zzbefore", &err) == E_OK);
    NEED(store_migrate(store, settlement_migrations, 3, &err) == E_OK);
    NEED(store_exec(store, "INSERT INTO request (id, digest, at_ms, reply) VALUES ('x', $1, 1, $1)", request, 1,
                    &err) == E_OK);
    for (size_t i = 0; i < COUNT_OF(rows); i++) NEED(store_exec(store, rows[i], NULL, 0, &err) == E_OK);
    store_close(&store);
    set_today("2020-02-10");
    open_book(&book, "zzbefore", "zaozhuang");
    check_books(&book);
    EQ(booked(&book, "treasury/tier1", "", "", "", 0), 70);
    EQ(booked(&book, "contribution/tier1", "", "employee", "440703", 0), -70);
    EQ(one_number(&book, "SELECT COUNT(*) FROM posting WHERE fund = '' AND year = 0"), 2);
    arena_t *own = arena_new(1 << 16, 0);
    EQ(writer_chain_old_rows(book.settlement->writer, own, &err), E_OK);
    arena_destroy(&own);
    EQ(receive(&book, 7, "basic", "employee", "person", ZZ_B, "2020-01", 1), E_OK);
    EQ(broken_links(&book), 0);
    check_books(&book);
    close_book(&book);
}

TEST(days_are_sealed_once_they_are_over_chained_and_signed) {
    const char *const dir = temp_store_dir();
    char path[256];
    seal_key_t *secret, *public;
    Tc__Seals *seals;
    struct stat status;
    book_t book;
    bool is_new = false;
    int made;
    NEED(seal_key_make(dir, &is_new, &err) == E_OK && is_new);
    NEED(seal_key_make(dir, &is_new, &err) == E_OK && !is_new);
    snprintf(path, sizeof path, "%s/seal.key", dir);
    EQ(stat(path, &status), 0);
    EQ(status.st_mode & 0777, 0600);
    NEED(seal_key_load(&secret, dir, true, &err) == E_OK);
    NEED(seal_key_load(&public, dir, false, &err) == E_OK);
    open_zaozhuang(&book, "zzseal");
    arena_t *own = arena_new(1 << 16, 0);
    writer_t *writer = book.settlement->writer;
    NEED(seals_make(book.store, writer->chain, secret, date_of_ms(now_ms), now_ms, own, &made, &err) == E_OK);
    EQ(made, 0); // today is not over
    set_today("2020-02-14");
    EQ(move(&book, (order_t){"M1", "income_county", "income_city", "EMP_POOL", ZZ_A, 40000, NULL}), E_OK);
    set_today("2020-02-20");
    NEED(seals_make(book.store, writer->chain, secret, date_of_ms(now_ms), now_ms, own, &made, &err) == E_OK);
    EQ(made, 2);
    NEED(seals_make(book.store, writer->chain, secret, date_of_ms(now_ms), now_ms, own, &made, &err) == E_OK);
    EQ(made, 0);
    NEED(seals_read(book.store, "", "", arena, &seals, &err) == E_OK && seals->n_seals == 2);
    EQ_TEXT(seals->seals[0]->day, "2020-02-10");
    EQ(seals->seals[0]->entries, 3);
    EQ(seals->seals[0]->debit_fen, 190000);
    EQ_TEXT(seals->seals[1]->day, "2020-02-14");
    EQ(seals->seals[1]->entries, 1);
    EQ(seals->seals[1]->debit_fen, 40000);
    OK(seal_signed(public, seals->seals[1]->digest.data, seals->seals[1]->signature.data,
                   seals->seals[1]->signature.len));
    OK(!seal_signed(public, seals->seals[0]->digest.data, seals->seals[1]->signature.data,
                    seals->seals[1]->signature.len));
    chmod(path, 0644);
    seal_key_t *open_key;
    EQ(seal_key_load(&open_key, dir, true, &err), E_DENIED);
    EQ(seal_key_load(&open_key, "/nowhere", true, &err), E_NOT_FOUND);
    seal_key_destroy(&secret);
    seal_key_destroy(&public);
    arena_destroy(&own);
    close_book(&book);
}

TEST(the_ground_is_cleared) {
    keys_destroy(&keys);
    zmq_ctx_term(zmq);
    arena_destroy(&arena);
    temp_store_stop();
}

TESTS("money", CASE(the_ground_is_laid), CASE(ZZ_F01_ZZ_F02_each_ledger_is_a_fund_of_its_own),
      CASE(ZZ_F25_the_books_are_kept_by_county),
      CASE(JM_F_03_JM_F_04_JM_F_05_residents_and_employees_and_districts_have_ledgers_of_their_own),
      CASE(YC_E01_YC_C11_programmes_are_funds_and_prepaid_premiums_carry_their_year),
      CASE(what_no_row_of_the_books_names_is_not_posted),
      CASE(ZZ_F07_ZZ_F08_a_countys_income_goes_to_the_citys_income_account_and_nowhere_else),
      CASE(ZZ_F04_receipts_are_never_spent_where_they_come_in),
      CASE(ZZ_F09_ZZ_F10_ZZ_F11_ZZ_F12_an_expenditure_account_has_its_few_ways),
      CASE(SM_F07_ZS_F02_no_fund_spends_anothers_money),
      CASE(a_reference_is_carried_out_once_and_nothing_that_is_wrong_leaves_a_trace),
      CASE(a_sweep_of_everything_moves_every_part_whatever_its_sign), CASE(what_is_reserved_is_spent_by_nobody_else),
      CASE(a_key_of_a_county_moves_shows_and_takes_back_what_is_its_countys),
      CASE(an_order_is_taken_back_once_by_a_counter_entry),
      CASE(what_the_pool_owes_to_personal_accounts_is_paid_and_not_a_fen_more),
      CASE(a_payment_is_taken_from_what_is_owed_and_from_what_is_there),
      CASE(a_balance_is_told_of_a_day_and_as_it_was_known_on_a_day),
      CASE(every_row_is_chained_and_any_change_of_one_breaks_the_chain),
      CASE(rows_from_before_the_chain_are_chained_at_start), CASE(an_old_journal_is_carried_over_as_it_is),
      CASE(days_are_sealed_once_they_are_over_chained_and_signed), CASE(the_ground_is_cleared))
