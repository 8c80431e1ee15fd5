// The ledger: what an event is worth in double entry, and that each event counts once. Built twice: on SQLite, and with
// ON_POSTGRES on a private PostgreSQL.
#include "common/base/hash.h"
#include "services/settlement/ledger.h"
#include "services/settlement/settlement.h"
#include "services/settlement/store.h"
#include "tests/check.h"
#include "tests/temp_store.h"
#include <zmq.h>

#define T(text) ((char *)(text)) // protobuf-c wants char * where it only reads

// ---- events
// -------------------------------------------------------------------------------------------------------------

static uint64_t seed, drawn;
static uint64_t draw(uint64_t below) { return hash64(&drawn, sizeof drawn, seed + drawn++) % below; }

enum { LAYERS = 3 };
typedef struct bill_event {
    Tc__Decision decision;
    Tc__Bill input;
    Tc__Amount paid[LAYERS];
    Tc__Amount *list[LAYERS];
    char number[24], facility[16];
} bill_event_t;

static void make_bill(bill_event_t *made, int number, const fen_t paid[LAYERS]) {
    static const char *const layers[LAYERS] = {"tier1", "tier2", "catastrophic"};
    tc__decision__init(&made->decision);
    tc__bill__init(&made->input);
    snprintf(made->number, sizeof made->number, "BILL-%d", number);
    snprintf(made->facility, sizeof made->facility, "H440703%05d", number % 7);
    for (int i = 0; i < LAYERS; i++) {
        tc__amount__init(&made->paid[i]);
        made->paid[i].name = (char *)layers[i];
        made->paid[i].amount_fen = paid[i];
        made->list[i] = &made->paid[i];
        made->decision.fund_fen += paid[i];
    }
    made->input.to = T("2018-03-10");
    made->decision.bill = made->number, made->decision.person = T("P1"), made->decision.facility = made->facility;
    made->decision.identity = T(number % 2 ? "employee" : "resident"), made->decision.division = T("440703");
    made->decision.decision = T("paid"), made->decision.total_fen = made->decision.fund_fen + 100;
    made->decision.input = &made->input, made->decision.paid = made->list, made->decision.n_paid = LAYERS;
}

enum { PARTS = 4 };
typedef struct receipt_event {
    Tc__Receipt receipt;
    Tc__Receipt__Part parts[PARTS];
    Tc__Receipt__Part *list[PARTS];
    char number[24];
} receipt_event_t;

static void make_receipt(receipt_event_t *made, int number, const fen_t amounts[PARTS]) {
    static const char *const items[PARTS] = {"tier1", "tier1", "tier2", "tier1"};
    static const char *const payers[PARTS] = {"employer", "person", "employer", "finance"};
    tc__receipt__init(&made->receipt);
    snprintf(made->number, sizeof made->number, "R-%d", number);
    for (int i = 0; i < PARTS; i++) {
        tc__receipt__part__init(&made->parts[i]);
        made->parts[i].item = (char *)items[i], made->parts[i].payer = (char *)payers[i];
        made->parts[i].identity = T(i == 3 ? "resident" : "employee"), made->parts[i].division = T("440704");
        made->parts[i].amount_fen = amounts[i];
        made->list[i] = &made->parts[i];
        made->receipt.amount_fen += amounts[i];
    }
    made->receipt.receipt = made->number, made->receipt.payer = T("E1"), made->receipt.paid_on = T("2018-03-05");
    made->receipt.parts = made->list, made->receipt.n_parts = PARTS;
}

// ---- the pure ledger
// ----------------------------------------------------------------------------------------------------

static const ledger_source_t source = {"adjudication", 7, 42};
static arena_t *arena;

static fen_t posted_to(const Tc__JournalEntry *entry, const char *account) {
    fen_t sum = 0;
    for (size_t i = 0; i < entry->n_postings; i++)
        if (strcmp(entry->postings[i]->account, account) == 0) sum += entry->postings[i]->amount_fen;
    return sum;
}

TEST(a_bill_is_an_expense_and_a_debt_to_the_facility) {
    bill_event_t bill;
    Tc__JournalEntry *entry;
    err_t err = {0};
    make_bill(&bill, 1, (const fen_t[]){2700500, 1703075, 0});
    NEED(ledger_of_bill(&bill.decision, NULL, &source, 99, arena, &entry, &err) == E_OK);
    EQ(entry->n_postings, 4); // no lines for the layer that pays nothing
    EQ(posted_to(entry, "expense/tier1"), 2700500);
    EQ(posted_to(entry, "payable/tier1"), -2700500);
    EQ(posted_to(entry, "expense/tier2"), 1703075);
    EQ(posted_to(entry, "payable/tier2"), -1703075);
    OK(ledger_balanced(entry));
    EQ_TEXT(entry->kind, "bill");
    EQ_TEXT(entry->reference, "BILL-1");
    EQ_TEXT(entry->value_date, "2018-03-10");
    EQ_TEXT(entry->postings[0]->identity, "employee");
    EQ_TEXT(entry->postings[0]->division, "440703");
    EQ_TEXT(entry->postings[1]->party, bill.facility);
    EQ(entry->fund_fen, 4403575);
    EQ(entry->source_partition, 7);
    EQ(entry->source_number, 42);
}

TEST(what_accounts_pay_is_owed_to_the_facility_and_given_back_as_a_difference) {
    bill_event_t bill;
    Tc__JournalEntry *entry;
    Tc__Previous before = TC__PREVIOUS__INIT;
    err_t err = {0};
    make_bill(&bill, 1, (const fen_t[]){2700500, 0, 0});
    bill.decision.account_fen = 70;
    NEED(ledger_of_bill(&bill.decision, NULL, &source, 99, arena, &entry, &err) == E_OK);
    EQ(entry->n_postings, 4);
    EQ(posted_to(entry, "personal/account"), 70);
    EQ(posted_to(entry, "payable/account"), -70);
    OK(ledger_balanced(entry));
    before.identity = bill.decision.identity, before.division = bill.decision.division;
    before.paid = bill.list, before.n_paid = LAYERS, before.fund_fen = bill.decision.fund_fen;
    before.total_fen = bill.decision.total_fen, before.account_fen = 100;
    bill.decision.previous = &before, bill.decision.version = 2;
    NEED(ledger_of_bill(&bill.decision, NULL, &source, 99, arena, &entry, &err) == E_OK);
    EQ(entry->n_postings, 2);
    EQ(posted_to(entry, "personal/account"), -30);
    EQ(posted_to(entry, "payable/account"), 30);
}

TEST(a_credited_month_is_the_persons_own_and_may_be_taken_back) {
    Tc__JournalEntry *entry;
    Tc__AccountCredit credit = TC__ACCOUNT_CREDIT__INIT;
    err_t err = {0};
    credit.person = T("P1"), credit.month = T("2018-03"), credit.turn = 1, credit.amount_fen = 6020;
    for (int turn = 1; turn <= 2; turn++, credit.amount_fen = -6020) {
        NEED(ledger_of_credit(&credit, NULL, &source, 99, arena, &entry, &err) == E_OK);
        EQ(posted_to(entry, "allotted/account"), credit.amount_fen);
        EQ(posted_to(entry, "personal/account"), -credit.amount_fen);
        OK(ledger_balanced(entry));
        EQ_TEXT(entry->kind, "account");
        EQ_TEXT(entry->value_date, "2018-03-01");
    }
}

static Tc__AccountChange change_of(const char *reason, fen_t amount) {
    Tc__AccountChange change = TC__ACCOUNT_CHANGE__INIT;
    change.person = T("P1"), change.seq = 3, change.reason = T(reason), change.source = T("K2018-7");
    change.amount_fen = amount, change.balance_fen = 9000, change.at_ms = 1521043200000; // 15 March 2018, 00:00
    return change;
}

TEST(a_corrected_account_is_booked_and_other_changes_are_booked_by_their_cause) {
    Tc__JournalEntry *entry;
    err_t err = {0};
    for (fen_t amount = -1200; amount <= 1200; amount += 2400) {
        const Tc__AccountChange change = change_of("correction", amount);
        NEED(ledger_of_change(&change, NULL, &source, 99, arena, &entry, &err) == E_OK);
        EQ(entry->n_postings, 2);
        EQ(posted_to(entry, "allotted/correction"), amount);
        EQ(posted_to(entry, "personal/account"), -amount);
        EQ(entry->postings[0]->year, 2018);
        OK(ledger_balanced(entry));
        EQ_TEXT(entry->kind, "correction");
        EQ_TEXT(entry->reference, "K2018-7");
        EQ_TEXT(entry->person, "P1");
        EQ_TEXT(entry->value_date, "2018-03-15");
        EQ(entry->total_fen, amount);
    }
    for (size_t i = 0; i < 3; i++) {
        const Tc__AccountChange other = change_of((const char *[]){"credit", "merge_out", "merge_in"}[i], 500);
        NEED(ledger_of_change(&other, NULL, &source, 99, arena, &entry, &err) == E_OK);
        OK(entry == NULL);
    }
}

TEST(a_receipt_is_money_in_the_treasury_and_income_by_payer) {
    receipt_event_t receipt;
    Tc__JournalEntry *entry;
    err_t err = {0};
    make_receipt(&receipt, 1, (const fen_t[]){10000, 2000, 5000, 300});
    NEED(ledger_of_receipt(&receipt.receipt, NULL, &source, 99, arena, &entry, &err) == E_OK);
    EQ(posted_to(entry, "money/treasury"), 17300);
    EQ(posted_to(entry, "contribution/tier1"), -12300);
    EQ(posted_to(entry, "contribution/tier2"), -5000);
    EQ_TEXT(entry->postings[1]->party, "employer");
    EQ_TEXT(entry->postings[3]->party, "person");
    EQ_TEXT(entry->value_date, "2018-03-05");
    OK(ledger_balanced(entry));
}

TEST(a_receipt_given_back_is_posted_the_other_way_round) {
    receipt_event_t receipt;
    Tc__JournalEntry *there, *back;
    err_t err = {0};
    make_receipt(&receipt, 1, (const fen_t[]){10000, 2000, 500, 0});
    NEED(ledger_of_receipt(&receipt.receipt, NULL, &source, 99, arena, &there, &err) == E_OK);
    NEED(ledger_of_return(&receipt.receipt, NULL, &source, 99, arena, &back, &err) == E_OK);
    EQ_TEXT(back->kind, "return");
    EQ_TEXT(back->reference, "R-1");
    OK(ledger_balanced(back));
    NEED(back->n_postings == there->n_postings);
    for (size_t i = 0; i < back->n_postings; i++) {
        EQ_TEXT(back->postings[i]->account, there->postings[i]->account);
        EQ(back->postings[i]->amount_fen, -there->postings[i]->amount_fen);
    }
}

TEST(money_that_pays_no_bill_is_held) {
    Tc__HeldMoney held = TC__HELD_MONEY__INIT;
    Tc__JournalEntry *entry;
    err_t err = {0};
    held.receipt = T("T1"), held.payer = T("E1"), held.kind = T("parked"), held.on = T("2018-03-05");
    held.amount_fen = 4321;
    NEED(ledger_of_held(&held, NULL, &source, 99, arena, &entry, &err) == E_OK);
    EQ_TEXT(entry->kind, "held");
    EQ(entry->n_postings, 2);
    EQ(posted_to(entry, "money/treasury"), 4321);
    EQ(posted_to(entry, "held/parked"), -4321);
    EQ_TEXT(entry->postings[1]->party, "E1");
    OK(ledger_balanced(entry));
    held.kind = T("credit"), held.amount_fen = -21;
    NEED(ledger_of_held(&held, NULL, &source, 99, arena, &entry, &err) == E_OK);
    EQ(posted_to(entry, "held/credit"), 21);
    held.kind = T("Not a word");
    EQ(ledger_of_held(&held, NULL, &source, 99, arena, &entry, &err), E_INVALID_FIELD);
    held.kind = T("credit"), held.amount_fen = INT64_MIN;
    EQ(ledger_of_held(&held, NULL, &source, 99, arena, &entry, &err), E_OUT_OF_RANGE);
}

TEST(events_that_do_not_add_up_are_refused) {
    bill_event_t bill;
    receipt_event_t receipt;
    Tc__JournalEntry *entry = NULL;
    err_t err = {0};
    make_bill(&bill, 1, (const fen_t[]){1, 2, 3});
    bill.decision.fund_fen++;
    EQ(ledger_of_bill(&bill.decision, NULL, &source, 1, arena, &entry, &err), E_INVALID_FIELD);
    make_bill(&bill, 1, (const fen_t[]){1, 2, 3});
    bill.paid[1].name = T("tier 2");
    EQ(ledger_of_bill(&bill.decision, NULL, &source, 1, arena, &entry, &err), E_INVALID_FIELD);
    make_bill(&bill, 1, (const fen_t[]){INT64_MAX - 100, 0, 0});
    bill.paid[1].amount_fen = 101;
    EQ(ledger_of_bill(&bill.decision, NULL, &source, 1, arena, &entry, &err), E_OUT_OF_RANGE);
    make_bill(&bill, 1, (const fen_t[]){1, 2, 3});
    bill.decision.input = NULL;
    EQ(ledger_of_bill(&bill.decision, NULL, &source, 1, arena, &entry, &err), E_MISSING_FIELD);
    make_receipt(&receipt, 1, (const fen_t[]){1, 2, 3, 4});
    receipt.receipt.amount_fen--;
    EQ(ledger_of_receipt(&receipt.receipt, NULL, &source, 1, arena, &entry, &err), E_INVALID_FIELD);
    make_receipt(&receipt, 1, (const fen_t[]){1, 2, -3, 4});
    EQ(ledger_of_receipt(&receipt.receipt, NULL, &source, 1, arena, &entry, &err), E_OUT_OF_RANGE);
    make_receipt(&receipt, 1, (const fen_t[]){1, 2, 3, 4});
    receipt.parts[0].item = T("../tier1");
    EQ(ledger_of_receipt(&receipt.receipt, NULL, &source, 1, arena, &entry, &err), E_INVALID_FIELD);
    OK(entry == NULL);
}

TEST(every_entry_sums_to_zero_and_no_fen_is_lost) {
    for (int i = 0; i < 5000; i++) {
        bill_event_t bill;
        receipt_event_t receipt;
        Tc__JournalEntry *entry;
        fen_t amounts[PARTS], expenses = 0, income = 0;
        for (int k = 0; k < PARTS; k++) amounts[k] = draw(4) ? (fen_t)draw(100000000) : 0;
        make_bill(&bill, i, amounts);
        NEED(ledger_of_bill(&bill.decision, NULL, &source, 1, arena, &entry, NULL) == E_OK);
        OK(ledger_balanced(entry));
        for (size_t p = 0; p < entry->n_postings; p++)
            if (strncmp(entry->postings[p]->account, "expense/", 8) == 0) expenses += entry->postings[p]->amount_fen;
        EQ(expenses, bill.decision.fund_fen);
        make_receipt(&receipt, i, amounts);
        NEED(ledger_of_receipt(&receipt.receipt, NULL, &source, 1, arena, &entry, NULL) == E_OK);
        OK(ledger_balanced(entry));
        for (size_t p = 0; p < entry->n_postings; p++)
            if (strncmp(entry->postings[p]->account, "contribution/", 13) == 0)
                income -= entry->postings[p]->amount_fen;
        EQ(income, receipt.receipt.amount_fen);
        arena_reset(arena);
    }
}

// ---- posting
// ------------------------------------------------------------------------------------------------------------

typedef struct book { // one settlement process, without the process
    store_t *store;
    stream_t *stream;
    service_ctx_t ctx;
    settlement_t *settlement;
} book_t;

static void *zmq;
static keys_t *keys;

static void open_book(book_t *book, const char *schema) {
    err_t err = {0};
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
}

static void close_book(book_t *book) {
    settlement_destroy(&book->settlement);
    stream_destroy(&book->stream);
    store_close(&book->store);
}

// What a consumer does with a batch.
static int deliver(book_t *book, poster_source_t *from, const event_t *events, size_t count) {
    err_t err = {0};
    int rc = store_begin(book->store, &err);
    if (rc) return rc;
    rc = poster_apply(from, events, count, &err);
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

static event_t event_of(uint32_t partition, int64_t number, const char *topic, const ProtobufCMessage *message) {
    static uint8_t bodies[512][1024];
    static size_t next;
    uint8_t *body = bodies[next++ % COUNT_OF(bodies)];
    CHECK(protobuf_c_message_get_packed_size(message) <= sizeof bodies[0]);
    size_t bytes = protobuf_c_message_pack(message, body);
    return (event_t){
        .partition = partition, .number = number, .topic = topic, .at_ms = 1, .body = body, .body_bytes = bytes};
}

static event_t random_bill_event(int number, fen_t *fund) {
    bill_event_t bill;
    fen_t paid[LAYERS];
    for (int k = 0; k < LAYERS; k++) paid[k] = draw(3) ? (fen_t)draw(1000000) : 0;
    make_bill(&bill, number, paid);
    *fund += bill.decision.fund_fen;
    return event_of((uint32_t)(number % 3), number / 3 + 1, "bill.settled", &bill.decision.base);
}

static int64_t one_number(book_t *book, const char *sql) {
    rows_t rows;
    err_t err;
    NEED(store_query(book->store, sql, NULL, 0, arena, &rows, &err) == E_OK);
    return row_i64(&rows, 0, 0);
}

static fen_t balance_under(book_t *book, const char *prefix, size_t *rows) {
    Tc__GetBalances ask = TC__GET_BALANCES__INIT;
    ProtobufCMessage *reply = NULL;
    fen_t sum = 0;
    err_t err;
    ask.account = (char *)prefix;
    NEED(settlement_service.methods[0].handle(book->settlement, NULL, &ask.base, &reply, &err) == E_OK);
    const Tc__Balances *balances = (const Tc__Balances *)reply;
    for (size_t i = 0; i < balances->n_rows; i++) sum += balances->rows[i]->balance_fen;
    if (rows) *rows = balances->n_rows;
    return sum;
}

// Balances against the slow way: the sum of all postings.
static void check_books(book_t *book) {
    EQ(one_number(book, "SELECT CAST(COALESCE(SUM(amount_fen), 0) AS BIGINT) FROM posting"), 0);
    EQ(one_number(book, "SELECT CAST(COALESCE(SUM(amount_fen), 0) AS BIGINT) FROM balance"), 0);
    EQ(one_number(book, "SELECT CAST(COALESCE(SUM(postings), 0) AS BIGINT) FROM balance"),
       one_number(book, "SELECT COUNT(*) FROM posting"));
    EQ(one_number(book, "SELECT COUNT(*) FROM balance b WHERE b.amount_fen <> (SELECT SUM(p.amount_fen) FROM posting p"
                        " WHERE p.account = b.account AND p.identity = b.identity AND p.division = b.division)"),
       0);
    EQ(one_number(book, "SELECT COUNT(*) FROM (SELECT partition, number FROM posting GROUP BY partition, number"
                        " HAVING SUM(amount_fen) <> 0) wrong"),
       0);
    EQ(one_number(book, "SELECT COUNT(*) FROM (SELECT partition FROM journal GROUP BY partition"
                        " HAVING MAX(number) <> COUNT(*) OR MIN(number) <> 1) gaps"),
       0);
}

TEST(an_event_counts_once_however_often_it_comes) {
    enum { EVENTS = 200 };
    book_t book;
    event_t events[EVENTS];
    fen_t fund = 0;
    open_book(&book, "settlement_once");
    for (int i = 0; i < EVENTS; i++) events[i] = random_bill_event(i, &fund);
    EQ(deliver(&book, &book.settlement->adjudication, events, 120), E_OK);
    EQ(deliver(&book, &book.settlement->adjudication, events + 60, 140), E_OK); // overlaps
    EQ(deliver(&book, &book.settlement->adjudication, events, EVENTS), E_OK);   // all again
    EQ(one_number(&book, "SELECT COUNT(*) FROM journal"), EVENTS);
    EQ(balance_under(&book, "expense/", NULL), fund);
    EQ(balance_under(&book, "payable/", NULL), -fund);
    EQ(balance_under(&book, "", NULL), 0);
    check_books(&book);
    close_book(&book);
}

TEST(the_same_number_of_another_service_is_another_event) {
    book_t book;
    bill_event_t bill;
    receipt_event_t receipt;
    open_book(&book, "settlement_services");
    make_bill(&bill, 1, (const fen_t[]){500, 0, 0});
    make_receipt(&receipt, 1, (const fen_t[]){100, 20, 50, 3});
    event_t settled = event_of(5, 1, "bill.settled", &bill.decision.base);
    event_t received = event_of(5, 1, "contribution.received", &receipt.receipt.base);
    event_t other = event_of(5, 2, "entitlement.changed", &receipt.receipt.base);
    EQ(deliver(&book, &book.settlement->adjudication, &settled, 1), E_OK);
    EQ(deliver(&book, &book.settlement->collection, &received, 1), E_OK);
    EQ(deliver(&book, &book.settlement->collection, &other, 1), E_OK); // not ours: passed over
    EQ(one_number(&book, "SELECT COUNT(*) FROM journal"), 2);
    EQ(balance_under(&book, "money/", NULL), 173);
    EQ(balance_under(&book, "contribution/tier2", NULL), -50);
    size_t rows;
    EQ(balance_under(&book, "contribution/", &rows), -173);
    EQ(rows, 3); // tier1 of two identities, tier2 of one
    check_books(&book);
    close_book(&book);
}

TEST(a_correction_is_posted_once_and_no_other_change) {
    book_t book;
    open_book(&book, "settlement_corrected");
    const Tc__AccountChange credit = change_of("credit", 6020), more = change_of("correction", 700),
                            less = change_of("correction", -200);
    event_t events[] = {event_of(5, 1, "account.changed", &credit.base), event_of(5, 2, "account.changed", &more.base),
                        event_of(5, 3, "account.changed", &less.base)};
    for (int again = 0; again < 2; again++) {
        EQ(deliver(&book, &book.settlement->adjudication, events, 3), E_OK);
        EQ(one_number(&book, "SELECT COUNT(*) FROM journal WHERE kind = 'correction'"), 2);
        EQ(one_number(&book, "SELECT COUNT(*) FROM journal"), 2);
        EQ(balance_under(&book, "personal/account", NULL), -500);
        EQ(balance_under(&book, "allotted/correction", NULL), 500);
    }
    check_books(&book);
    close_book(&book);
}

TEST(an_event_that_does_not_add_up_writes_nothing) {
    book_t book;
    bill_event_t good, bad;
    open_book(&book, "settlement_bad");
    make_bill(&good, 1, (const fen_t[]){500, 0, 0});
    make_bill(&bad, 2, (const fen_t[]){500, 0, 0});
    bad.decision.fund_fen++;
    event_t events[] = {event_of(5, 1, "bill.settled", &good.decision.base),
                        event_of(5, 2, "bill.settled", &bad.decision.base)};
    EQ(deliver(&book, &book.settlement->adjudication, events, 2), E_INVALID_FIELD);
    EQ(one_number(&book, "SELECT COUNT(*) FROM journal"), 0);
    events[1].body_bytes--; // nor does one that is cut off
    EQ(deliver(&book, &book.settlement->adjudication, events, 2), E_INVALID_FIELD);
    EQ(deliver(&book, &book.settlement->adjudication, events, 1), E_OK);
    EQ(one_number(&book, "SELECT COUNT(*) FROM journal"), 1);
    check_books(&book);
    close_book(&book);
}

TEST(a_second_poster_is_refused_and_goes_on_from_the_truth) {
    book_t first, second;
    event_t events[40];
    fen_t fund = 0;
    open_book(&first, "settlement_two");
    open_book(&second, "settlement_two");
    for (int i = 0; i < 40; i++) events[i] = random_bill_event(i, &fund);
    EQ(deliver(&first, &first.settlement->adjudication, events, 10), E_OK);
    // Its numbers are behind: the key refuses, the next try reads them again.
    EQ(deliver(&second, &second.settlement->adjudication, events + 10, 10), E_RACE);
    EQ(deliver(&second, &second.settlement->adjudication, events + 10, 10), E_OK);
    EQ(deliver(&first, &first.settlement->adjudication, events + 5, 35), E_RACE);
    EQ(deliver(&first, &first.settlement->adjudication, events + 5, 35), E_OK);
    EQ(one_number(&first, "SELECT COUNT(*) FROM journal"), 40);
    EQ(balance_under(&second, "expense/", NULL), fund);
    check_books(&second);
    close_book(&first);
    close_book(&second);
}

TEST(an_entry_is_found_by_its_reference) {
    book_t book;
    bill_event_t bill;
    Tc__GetEntry ask = TC__GET_ENTRY__INIT;
    ProtobufCMessage *reply = NULL;
    err_t err = {0};
    open_book(&book, "settlement_entry");
    make_bill(&bill, 3, (const fen_t[]){0, 0, 0}); // a bill that nobody pays is in the journal too
    event_t event = event_of(9, 1, "bill.settled", &bill.decision.base);
    EQ(deliver(&book, &book.settlement->adjudication, &event, 1), E_OK);
    int (*get_entry)(void *, const request_t *, const ProtobufCMessage *, ProtobufCMessage **, err_t *) =
        settlement_service.methods[1].handle;
    ask.reference = T("BILL-3");
    NEED(get_entry(book.settlement, NULL, &ask.base, &reply, &err) == E_OK);
    const Tc__JournalEntry *entry = (const Tc__JournalEntry *)reply;
    EQ(entry->n_postings, 0);
    EQ(entry->total_fen, 100);
    EQ_TEXT(entry->source_service, "adjudication");
    EQ(entry->source_number, 1);
    ask.reference = T("BILL-4");
    EQ(get_entry(book.settlement, NULL, &ask.base, &reply, &err), E_NOT_FOUND);
    ask.reference = T("");
    EQ(get_entry(book.settlement, NULL, &ask.base, &reply, &err), E_INVALID_FIELD);
    close_book(&book);
}

// ---- versions of a bill

static void replace_by(Tc__Previous *previous, bill_event_t *made, const bill_event_t *before) {
    tc__previous__init(previous);
    previous->paid = (Tc__Amount **)before->list, previous->n_paid = LAYERS;
    previous->fund_fen = before->decision.fund_fen, previous->total_fen = before->decision.total_fen;
    previous->identity = before->decision.identity, previous->division = before->decision.division;
    made->decision.previous = previous;
    made->decision.version = 2;
}

TEST(a_later_version_is_posted_as_what_it_changes) {
    bill_event_t before, after;
    Tc__Previous previous;
    Tc__JournalEntry *entry;
    err_t err;
    make_bill(&before, 1, (const fen_t[]){500, 300, 0});
    make_bill(&after, 1, (const fen_t[]){700, 300, 0});
    after.decision.total_fen = before.decision.total_fen;
    replace_by(&previous, &after, &before);
    NEED(ledger_of_bill(&after.decision, NULL, &source, 99, arena, &entry, &err) == E_OK && entry);
    EQ(entry->n_postings, 2);
    EQ_TEXT(entry->postings[0]->account, "expense/tier1");
    EQ(entry->postings[0]->amount_fen, 200);
    EQ(entry->fund_fen, 200);
    EQ(entry->total_fen, 0);
    EQ_TEXT(entry->reference, "BILL-1");
    // The same amounts on another identity: both are turned.
    after = before;
    after.decision.input = &before.input, after.decision.identity = T("resident");
    replace_by(&previous, &after, &before);
    NEED(ledger_of_bill(&after.decision, NULL, &source, 99, arena, &entry, &err) == E_OK && entry);
    EQ(entry->n_postings, 8);
    OK(ledger_balanced(entry));
    EQ(entry->fund_fen, 0);
    // Nothing that is booked has changed.
    after = before;
    after.decision.input = &before.input;
    replace_by(&previous, &after, &before);
    NEED(ledger_of_bill(&after.decision, NULL, &source, 99, arena, &entry, &err) == E_OK);
    OK(entry == NULL);
    // Reversed: every line turned. A layer that the city gave up since is turned too.
    make_bill(&after, 1, (const fen_t[]){0, 0, 0});
    after.decision.total_fen = 0, after.decision.n_paid = 1;
    replace_by(&previous, &after, &before);
    NEED(ledger_of_bill(&after.decision, NULL, &source, 99, arena, &entry, &err) == E_OK && entry);
    EQ(entry->n_postings, 4);
    EQ(entry->total_fen, -before.decision.total_fen);
    EQ(entry->fund_fen, -800);
    previous.fund_fen++;
    EQ(ledger_of_bill(&after.decision, NULL, &source, 99, arena, &entry, &err), E_INVALID_FIELD);
    Tc__Decision tombstone = TC__DECISION__INIT;
    tombstone.kind = T("tombstone");
    EQ(ledger_of_bill(&tombstone, NULL, &source, 99, arena, &entry, &err), E_OK);
    OK(entry == NULL);
}

// Bills of many versions, reversed or not: the balances are those of the newest ones.
TEST(balances_are_those_of_the_newest_versions) {
    enum { VERSIONED = 30, VERSIONS = 5 };
    book_t book;
    fen_t expected[2] = {0};
    err_t err = {0};
    open_book(&book, "settlement_versions");
    for (int i = 0; i < VERSIONED; i++) {
        bill_event_t versions[VERSIONS];
        Tc__Previous previous[VERSIONS];
        event_t events[VERSIONS];
        int count = 1 + (int)draw(VERSIONS);
        bool reversed = count > 1 && draw(3) == 0;
        for (int v = 0; v < count; v++) {
            bool last = v + 1 == count;
            fen_t paid[LAYERS] = {0};
            for (int k = 0; k < LAYERS && !(last && reversed); k++) paid[k] = draw(3) ? (fen_t)draw(1000000) : 0;
            if (v > 0 && draw(4) == 0 && !(last && reversed))
                for (int k = 0; k < LAYERS; k++) paid[k] = versions[v - 1].paid[k].amount_fen; // only totals moved
            make_bill(&versions[v], i, paid);
            versions[v].decision.identity = T(draw(4) ? "employee" : "resident");
            if (v > 0) replace_by(&previous[v], &versions[v], &versions[v - 1]);
            if (v > 0) versions[v].decision.total_fen = last && reversed ? 0 : versions[v - 1].decision.total_fen;
            events[v] = event_of((uint32_t)i, v + 1,
                                 v == 0             ? "bill.settled"
                                 : last && reversed ? "bill.reversed"
                                                    : "bill.recomputed",
                                 &versions[v].decision.base);
        }
        const Tc__Decision *newest = &versions[count - 1].decision;
        expected[strcmp(newest->identity, "resident") == 0] += newest->fund_fen;
        EQ(deliver(&book, &book.settlement->adjudication, events, (size_t)count), E_OK);
        EQ(deliver(&book, &book.settlement->adjudication, events, (size_t)count), E_OK); // once more
    }
    EQ(one_number(&book, "SELECT CAST(COALESCE(SUM(amount_fen), 0) AS BIGINT) FROM balance"
                         " WHERE account LIKE 'expense/%' AND identity = 'employee'"),
       expected[0]);
    EQ(one_number(&book, "SELECT CAST(COALESCE(SUM(amount_fen), 0) AS BIGINT) FROM balance"
                         " WHERE account LIKE 'expense/%' AND identity = 'resident'"),
       expected[1]);
    EQ(-balance_under(&book, "payable/", NULL), expected[0] + expected[1]);
    check_books(&book);
    Tc__GetEntry ask = TC__GET_ENTRY__INIT;
    ProtobufCMessage *reply = NULL;
    ask.reference = T("BILL-0");
    NEED(settlement_service.methods[2].handle(book.settlement, NULL, &ask.base, &reply, &err) == E_OK);
    EQ((int64_t)((const Tc__JournalEntries *)reply)->n_entries,
       one_number(&book, "SELECT COUNT(*) FROM journal WHERE reference = 'BILL-0'"));
    close_book(&book);
}

TEST(the_ground_is_laid) {
    err_t err = {0};
    random_bytes(&seed, sizeof seed);
    fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
    arena = arena_new(1024 * 1024, 0);
    zmq = zmq_ctx_new();
    NEED(arena && zmq);
    NEED(temp_store_start() == 0);
    NEED(keys_make(temp_store_dir(), "settlement", "service", &err) == E_OK);
    NEED(keys_load(&keys, temp_store_dir(), "settlement", &err) == E_OK);
}

TEST(the_ground_is_cleared) {
    keys_destroy(&keys);
    zmq_ctx_term(zmq);
    arena_destroy(&arena);
    temp_store_stop();
}

TESTS("settlement", CASE(the_ground_is_laid), CASE(a_bill_is_an_expense_and_a_debt_to_the_facility),
      CASE(what_accounts_pay_is_owed_to_the_facility_and_given_back_as_a_difference),
      CASE(a_credited_month_is_the_persons_own_and_may_be_taken_back),
      CASE(a_corrected_account_is_booked_and_other_changes_are_booked_by_their_cause),
      CASE(a_receipt_is_money_in_the_treasury_and_income_by_payer),
      CASE(a_receipt_given_back_is_posted_the_other_way_round), CASE(money_that_pays_no_bill_is_held),
      CASE(events_that_do_not_add_up_are_refused), CASE(every_entry_sums_to_zero_and_no_fen_is_lost),
      CASE(an_event_counts_once_however_often_it_comes), CASE(the_same_number_of_another_service_is_another_event),
      CASE(a_correction_is_posted_once_and_no_other_change), CASE(an_event_that_does_not_add_up_writes_nothing),
      CASE(a_second_poster_is_refused_and_goes_on_from_the_truth), CASE(an_entry_is_found_by_its_reference),
      CASE(a_later_version_is_posted_as_what_it_changes), CASE(balances_are_those_of_the_newest_versions),
      CASE(the_ground_is_cleared))
