// Reconciliation in the services: business against finance over both services' tables, statements of accounts against
// the books, and what becomes of a difference. Built twice: on SQLite, and with ON_POSTGRES on a private PostgreSQL.
#include "adjudication.pb-c.h"
#include "collection.pb-c.h"
#include "services/adjudication/digests.h"
#include "services/adjudication/store.h"
#include "services/settlement/reconcile_handlers.h"
#include "tests/service_rig.h"

#define T(text) ((char *)(text)) // protobuf-c wants char * where it only reads
#define COUNTY "370402"

static uint64_t seed, drawn;
static uint64_t draw(uint64_t below) { return hash64(&drawn, sizeof drawn, seed + drawn++) % below; }

TEST(the_ground_is_laid) { rig_ground_start(); }
TEST(the_ground_is_cleared) { rig_ground_stop(); }

// ---- settlement with a city, and adjudication's tables

static rig_t books;
static settlement_t *settlement;
static store_t *business;
static arena_t *business_arena;
static int64_t today_ms;
static int64_t fixed_now(void) { return today_ms; }

static void start(void) {
    static int serial;
    char schema[32];
    err_t err = {0};
    policy_t *policy = NULL;
    rig_open(&books, &settlement_service);
    NEED(settlement_new(&settlement, &books.ctx, &err) == E_OK);
    if (policy_load(&policy, TC_SOURCE_DIR "/config/cities/zaozhuang.yaml", NULL, &err))
        fprintf(stderr, "%s\n", err.text);
    NEED(err.code == E_OK && settlement_set_law(settlement, policy, NULL, &err) == E_OK);
    books.self = settlement;
    today_ms = (int64_t)date_make(2020, 4, 10) * 86400000;
    settlement->poster->now_ms = fixed_now;
    snprintf(schema, sizeof schema, "business_%c", 'a' + serial++);
    NEED(store_open(&business, temp_store_url(), schema, &err) == E_OK);
    NEED(store_migrate(business, adjudication_migrations, ADJUDICATION_MIGRATIONS, &err) == E_OK);
    business_arena = arena_new(1 << 20, 0);
}

static void stop(void) {
    settlement_destroy(&settlement);
    store_close(&business);
    arena_destroy(&business_arena);
    rig_close(&books);
}

static int deliver(poster_source_t *from, const event_t *event) {
    const consumer_effect_t effect = {from, poster_apply, poster_committed, poster_rolled_back};
    int rc = rig_apply(&books, &effect, event, 1);
    if (rc) fprintf(stderr, "%s: %s\n", books.err.field, books.err.text);
    return rc;
}

// ---- bills: a row of adjudication's log, and the event that settlement hears of

enum { BILLS_MAX = 400 };
typedef struct bill {
    char number[16], person[16], facility[16], day[16];
    fen_t basic, serious, account; // as they stand
    int version;
} bill_t;
static bill_t bills[BILLS_MAX];
static int64_t heads[PARTITIONS];

static Tc__Amount *amount(const char *name, fen_t fen) {
    Tc__Amount *made = arena_alloc(business_arena, sizeof *made);
    NEED(made != NULL);
    tc__amount__init(made);
    made->name = T(name), made->amount_fen = fen;
    return made;
}

static Tc__Amount **two(fen_t basic, fen_t serious) {
    Tc__Amount **list = arena_alloc(business_arena, 2 * sizeof *list);
    NEED(list != NULL);
    list[0] = amount("basic", basic), list[1] = amount("critical_illness", serious);
    return list;
}

static void previous_of(const bill_t *bill, Tc__Previous *out) {
    tc__previous__init(out);
    out->n_paid = 2, out->paid = two(bill->basic, bill->serious);
    out->fund_fen = bill->basic + bill->serious, out->account_fen = bill->account;
    out->identity = T("resident"), out->division = T(COUNTY);
    out->total_fen = 9000000;
}

static void log_decision(const Tc__Decision *decision, uint32_t partition, const void *body, size_t bytes) {
    err_t err = {0};
    rows_t rows;
    rows_init(&rows, business_arena, DECISION_COLUMNS);
    cell_t *row = rows_add(&rows);
    const cell_t cells[DECISION_COLUMNS] = {cell_i64(partition),
                                            cell_text(decision->person),
                                            cell_i64(2020),
                                            cell_i64(heads[partition]), // of the partition: unique for the person too
                                            cell_i64(heads[partition]),
                                            cell_i64(decision->version == 1 ? ROW_SETTLED : ROW_RECOMPUTED),
                                            cell_null(CELL_TEXT),
                                            cell_null(CELL_BLOB),
                                            cell_text(decision->bill),
                                            cell_i64(decision->version),
                                            cell_i64(1),
                                            cell_blob(body, bytes)};
    memcpy(row, cells, sizeof cells);
    NEED(decisions_insert(business, &rows, &err) == E_OK);
}

// The next version of a bill with these figures. `tell`: settlement hears of it.
static void decide(bill_t *bill, fen_t basic, fen_t serious, fen_t account, bool tell) {
    Tc__Decision decision = TC__DECISION__INIT;
    Tc__Bill input = TC__BILL__INIT;
    Tc__Previous previous;
    size_t bytes;
    if (bill->version) previous_of(bill, &previous), decision.previous = &previous;
    input.to = bill->day;
    decision.bill = bill->number, decision.person = bill->person, decision.facility = bill->facility;
    decision.year = 2020, decision.identity = T("resident"), decision.division = T(COUNTY);
    decision.kind = T(bill->version ? "recomputed" : "");
    decision.input = &input, decision.decision = T("paid"), decision.version = ++bill->version;
    decision.n_paid = 2, decision.paid = two(basic, serious);
    decision.fund_fen = basic + serious, decision.account_fen = account, decision.total_fen = 9000000;
    bill->basic = basic, bill->serious = serious, bill->account = account;
    const uint32_t partition = partition_of(bill->person);
    const void *body = message_pack(&decision.base, business_arena, &bytes);
    const event_t event = {
        partition, ++heads[partition], decision.version == 1 ? "bill.settled" : "bill.recomputed", 1, body, bytes};
    NEED(body != NULL);
    log_decision(&decision, partition, body, bytes);
    if (tell) NEED(deliver(&settlement->adjudication, &event) == E_OK);
}

static bill_t *new_bill(int i) {
    bill_t *bill = &bills[i];
    *bill = (bill_t){0};
    snprintf(bill->number, sizeof bill->number, "D%06d", i);
    snprintf(bill->person, sizeof bill->person, "P%03d", i % 50);
    snprintf(bill->facility, sizeof bill->facility, "H370402%05d", i % 7);
    snprintf(bill->day, sizeof bill->day, "2020-03-%02d", 1 + i % 31);
    return bill;
}

static void decide_many(int count) {
    memset(heads, 0, sizeof heads);
    for (int i = 0; i < count; i++)
        decide(new_bill(i), 100 + (fen_t)draw(50000), (fen_t)draw(3) * 700, (fen_t)draw(2) * 90, true);
    for (int i = 0; i < count; i += 1 + (int)draw(5)) // later versions: more, less, nothing
        decide(&bills[i], (fen_t)draw(3) * 999, (fen_t)draw(2) * 500, (fen_t)draw(2) * 60, true);
}

// ---- the two services asked by their methods

static int ask_books(void *self, const char *method, const Tc__GetDigests *request,
                     const ProtobufCMessageDescriptor *type, ProtobufCMessage **reply, err_t *err) {
    const request_t none = {0};
    (void)self, (void)type;
    return strcmp(method, "get_digests") == 0 ? books_get_digests(settlement, &none, &request->base, reply, err)
                                              : books_get_rows(settlement, &none, &request->base, reply, err);
}

static int ask_business(void *self, const char *method, const Tc__GetDigests *request,
                        const ProtobufCMessageDescriptor *type, ProtobufCMessage **reply, err_t *err) {
    (void)self, (void)type;
    return strcmp(method, "get_digests") == 0
               ? standing_digests(business, request, business_arena, (Tc__Digests **)reply, err)
               : standing_rows(business, request, business_arena, (Tc__DigestRows **)reply, err);
}

static void follow_business(int64_t positions[static PARTITIONS]) {
    Tc__Followed *answer = NULL;
    err_t err = {0};
    do {
        NEED(store_begin(business, &err) == E_OK);
        NEED(digests_follow_log(business, business_arena, &answer, &err) == E_OK);
        NEED(store_commit(business, &err) == E_OK);
    } while (!answer->done);
    memcpy(positions, answer->positions, PARTITIONS * sizeof *positions);
}

static void follow_books(int64_t *upto) {
    Tc__FollowRows ask = TC__FOLLOW_ROWS__INIT;
    Tc__Followed *answer = NULL;
    const request_t none = {0};
    err_t err = {0};
    if (upto) ask.n_upto = PARTITIONS, ask.upto = upto;
    do {
        NEED(store_begin(books.ctx.store, &err) == E_OK);
        NEED(books_follow(settlement, &none, &ask.base, (ProtobufCMessage **)&answer, &err) == E_OK);
        NEED(store_commit(books.ctx.store, &err) == E_OK);
    } while (!answer->done);
}

static const bucket_t march = {.from = 18322, .to = 18352};

static void compare(reconcile_result_t *result) {
    digest_key_t key;
    err_t err = {0};
    int64_t positions[PARTITIONS];
    digest_key_draw(&key);
    follow_business(positions);
    follow_books(positions);
    remote_side_t here = {.ask = ask_books, .book = "bills", .key = &key, .arena = books.ctx.arena},
                  there = {.ask = ask_business, .book = "bills", .key = &key, .arena = business_arena};
    const reconcile_side_t sides[] = {{&here, remote_children, remote_rows, &here.traffic},
                                      {&there, remote_children, remote_rows, &there.traffic}};
    if (reconcile(&sides[0], &sides[1], &march, &key, &(reconcile_limits_t){0}, books.ctx.arena, result, &err))
        fprintf(stderr, "%s\n", err.text);
    NEED(err.code == E_OK && !result->moved);
}

TEST(ZZ_F45_business_and_finance_agree_on_every_bill_and_its_versions) {
    reconcile_result_t result;
    start();
    decide_many(300);
    compare(&result);
    EQ(result.count, 0);
    OK(result.here.count > 200);
    fen_t owed = 0;
    for (int i = 0; i < 300; i++) owed += bills[i].basic + bills[i].serious + bills[i].account;
    EQ(result.here.sum, owed); // of the newest versions
    EQ(result.there.sum, owed);
    stop();
}

TEST(ZZ_F45_a_bill_that_finance_never_heard_of_and_one_with_another_amount_are_named) {
    reconcile_result_t result;
    const cell_t none[] = {cell_text("basic")};
    err_t err = {0};
    start();
    decide_many(120);
    decide(new_bill(200), 4200, 0, 0, false);
    compare(&result);
    NEED(result.count == 1);
    EQ(result.differences[0].kind, MISSING_HERE);
    EQ_TEXT(result.differences[0].there.reference, "D000200");
    EQ_TEXT(result.differences[0].there.kind, "basic");
    EQ(result.there.sum - result.here.sum, 4200);
    // Somebody changes what finance has: one fen of one row.
    NEED(store_exec(books.ctx.store,
                    "UPDATE standing SET amount_fen = amount_fen + 1 WHERE book = 'bills' AND kind = $1 AND reference ="
                    " (SELECT MIN(reference) FROM standing WHERE book = 'bills' AND kind = $1 AND amount_fen <> 0)",
                    none, 1, &err) == E_OK);
    compare(&result);
    NEED(result.count == 2);
    EQ(result.differences[0].kind, OTHER_AMOUNT);
    EQ(result.differences[0].here.amount - result.differences[0].there.amount, 1);
    stop();
}

// What adjudication says a version changes is what the ledger owes for it, whatever the versions.
TEST(every_version_changes_the_same_on_both_sides) {
    reconcile_result_t result;
    start();
    memset(heads, 0, sizeof heads);
    for (int i = 0; i < 60; i++)
        decide(new_bill(i), (fen_t)draw(4) * 250, (fen_t)draw(2) * 70, (fen_t)draw(3) * 40, true);
    for (int step = 0; step < 200; step++) {
        bill_t *bill = &bills[draw(60)];
        decide(bill, (fen_t)draw(4) * 250, (fen_t)draw(2) * 70, (fen_t)draw(3) * 40, true);
        if (step % 40 == 0) {
            compare(&result); // the tables of rows are followed in pieces
            EQ(result.count, 0);
        }
    }
    compare(&result);
    EQ(result.count, 0);
    stop();
}

// ---- comparisons become cases

#define ROW(number, fen)                                                                                               \
    "{'day':'2020-03-05','party':'H37040200001','kind':'basic','reference':'" number "','amount':'" fen "'}"
#define RECORD(differences, more)                                                                                      \
    "{'pair':'business','from':'2020-03-01','to':'2020-03-31','here':{'count':2,'amount':'100.00'},"                   \
    "'there':{'count':3,'amount':'150.00'},'differences':[" differences "],'more':" more "}"

static const Tc__Recorded *recorded(void) { return (const Tc__Recorded *)books.reply; }
static const Tc__ReconcileCases *cases_now(const char *ask) {
    RIG_DO(&books, "list_cases", "%s", ask);
    return (const Tc__ReconcileCases *)books.reply;
}

TEST(ZZ_F42_a_difference_is_a_case_with_owner_and_age_until_it_is_settled) {
    const reconcile_scope_t scope = {"business", "", "", "2020-03-01", "2020-03-31"};
    reconcile_sides_t sides;
    err_t err = {0};
    start();
    EQ(reconcile_agrees(settlement, &scope, &sides, &err), E_NOT_FOUND);
    RIG_DO(&books, "record_comparison",
           RECORD("{'kind':'missing_here','reason':'not posted','there':" ROW(
                      "D7", "0.50") "},"
                                    "{'kind':'amount','here':" ROW("D8", "0.40") ",'there':" ROW("D8", "0.45") "}",
                  "false"));
    EQ(recorded()->opened, 2);
    EQ(recorded()->open, 2);
    NEED(reconcile_agrees(settlement, &scope, &sides, &err) == E_OK);
    EQ(sides.ours, 10000);
    EQ(sides.theirs, 10055);
    today_ms += 5 * 86400000LL;
    const Tc__ReconcileCases *list = cases_now("{}");
    NEED(list->n_cases == 2);
    EQ(list->cases[0]->age_days, 5);
    EQ_TEXT(list->cases[0]->state, "open");
    EQ_TEXT(list->cases[0]->owner, "business");
    const int64_t first = list->cases[0]->number, second = list->cases[1]->number;
    // The same comparison again: the same cases.
    RIG_DO(&books, "record_comparison",
           RECORD("{'kind':'missing_here','reason':'not posted','there':" ROW(
                      "D7", "0.50") "},"
                                    "{'kind':'amount','here':" ROW("D8", "0.40") ",'there':" ROW("D8", "0.45") "}",
                  "false"));
    EQ(recorded()->opened, 0);
    EQ(recorded()->open, 2);
    EQ(rig_ask(&books, "change_case", "{'number':%lld,'state':'explained'}", (long long)first), E_MISSING_FIELD);
    EQ(rig_ask(&books, "change_case", "{'number':%lld,'state':'lost','text':'x'}", (long long)first), E_INVALID_FIELD);
    EQ(rig_ask(&books, "change_case", "{'number':99,'state':'settled','text':'x'}"), E_NOT_FOUND);
    RIG_DO(&books, "change_case", "{'number':%lld,'owner':'desk 3','state':'explained','text':'posted tomorrow'}",
           (long long)first);
    RIG_DO(&books, "change_case", "{'number':%lld,'state':'settled','text':'put right by hand'}", (long long)second);
    NEED(reconcile_agrees(settlement, &scope, &sides, &err) == E_OK);
    EQ(sides.ours, sides.theirs); // what is left is understood
    RIG_DO(&books, "get_case", "{'number':%lld}", (long long)first);
    const Tc__ReconcileCase *one = (const Tc__ReconcileCase *)books.reply;
    EQ(one->n_history, 2);
    EQ_TEXT(one->history[1]->owner, "desk 3");
    EQ_TEXT(one->history[1]->text, "posted tomorrow");
    stop();
}

TEST(a_case_is_settled_when_the_difference_is_gone_and_comes_back_with_it) {
    start();
    RIG_DO(&books, "record_comparison", RECORD("{'kind':'missing_here','there':" ROW("D7", "0.50") "}", "false"));
    EQ(recorded()->opened, 1);
    RIG_DO(&books, "record_comparison", RECORD("", "true")); // not everything was listed: nothing is settled
    EQ(recorded()->settled, 0);
    RIG_DO(&books, "record_comparison", RECORD("", "false"));
    EQ(recorded()->settled, 1);
    EQ(cases_now("{}")->n_cases, 0);
    RIG_DO(&books, "record_comparison", RECORD("{'kind':'missing_here','there':" ROW("D7", "0.50") "}", "false"));
    EQ(recorded()->opened, 1);
    NEED(cases_now("{}")->n_cases == 1);
    // A clerk has settled it: it stays so while its figures do.
    RIG_DO(&books, "change_case", "{'number':1,'state':'settled','text':'known'}");
    RIG_DO(&books, "record_comparison", RECORD("{'kind':'missing_here','there':" ROW("D7", "0.50") "}", "false"));
    EQ(recorded()->open, 0);
    RIG_DO(&books, "record_comparison", RECORD("{'kind':'missing_here','there':" ROW("D7", "0.60") "}", "false"));
    EQ(recorded()->open, 1);
    // What stands three times is one case.
    RIG_DO(
        &books, "record_comparison",
        RECORD("{'kind':'twice_here','here':" ROW("D9", "0.10") "},{'kind':'twice_here','here':" ROW("D9", "0.10") "}",
               "false"));
    NEED(cases_now("{}")->n_cases == 1);
    EQ(((const Tc__ReconcileCases *)books.reply)->cases[0]->here_fen, 20);
    EQ(rig_ask(&books, "record_comparison", RECORD("{'kind':'odd','here':" ROW("D9", "0.10") "}", "false")),
       E_INVALID_FIELD);
    stop();
}

// ---- statements

static void receive(const char *number, const char *on, fen_t fen) {
    static int64_t numbers[PARTITIONS];
    Tc__Receipt receipt = TC__RECEIPT__INIT;
    Tc__Receipt__Part part = TC__RECEIPT__PART__INIT, *list[] = {&part};
    size_t bytes;
    part.item = T("basic"), part.identity = T("employee"), part.division = T(COUNTY), part.payer = T("employer");
    part.amount_fen = receipt.amount_fen = fen;
    receipt.receipt = T(number), receipt.payer = T("E1"), receipt.paid_on = T(on);
    receipt.parts = list, receipt.n_parts = 1;
    const uint32_t partition = partition_of(number);
    const void *body = message_pack(&receipt.base, books.ctx.arena, &bytes);
    const event_t event = {partition, ++numbers[partition], "contribution.received", 1, body, bytes};
    NEED(deliver(&settlement->collection, &event) == E_OK);
}

static void move(const char *reference, const char *from, const char *to, const char *on, const char *yuan) {
    RIG_DO(&books, "move_money",
           "{'reference':'%s','fund':'EMP_POOL','from':'%s','to':'%s','county':'" COUNTY "','amount':'%s','on':'%s'}",
           reference, from, to, yuan, on);
}

#define DIGEST "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'"
#define OTHER_DIGEST "'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb'"
#define STATEMENT(source, number, account, county, rows, in, out, digest, part)                                        \
    "{'source':'" source "','number':'" number "','account':'" account "','county':'" county                           \
    "','from':'2020-03-01','to':'2020-03-31','digest':" digest ",'rows':" rows ",'in':'" in "','out':'" out            \
    "','part':[" part "]}"
#define LINE(line, day, reference, yuan) "{'line':" line ",'day':'" day "','reference':'" reference "','in':'" yuan "'}"
#define LINE_OUT(line, day, reference, yuan)                                                                           \
    "{'line':" line ",'day':'" day "','reference':'" reference "','out':'" yuan "'}"

static const Tc__Matched *matched(void) { return (const Tc__Matched *)books.reply; }

static void collect_and_sweep(void) {
    receive("R-1", "2020-03-05", 10000);
    receive("R-2", "2020-03-05", 25000);
    receive("R-3", "2020-03-06", 7000);
    move("M-1", "income_county", "income_city", "2020-03-25", "420.00");
    move("M-2", "income_city", "special_city", "2020-03-26", "420.00");
}

TEST(ZZ_F46_books_agree_with_the_statements_of_every_account) {
    const reconcile_scope_t county = {"bank", "income_county", COUNTY, "2020-03-01", "2020-03-31"};
    reconcile_sides_t sides;
    err_t err = {0};
    start();
    collect_and_sweep();
    EQ(reconcile_agrees(settlement, &county, &sides, &err), E_NOT_FOUND);
    // The bank shows what the tax bureau passed on as one sum a day, with a number of its own, a day later.
    RIG_DO(&books, "import_statement", "%s",
           STATEMENT("bank", "B-3", "income_county", COUNTY, "3", "420.00", "420.00", DIGEST,
                     LINE("2", "2020-03-06", "TIPS-77", "350.00") "," LINE("3", "2020-03-06", "", "70.00") "," LINE_OUT(
                         "4", "2020-03-25", "M-1", "420.00")));
    EQ_TEXT(((const Tc__StatementState *)books.reply)->state, "whole");
    EQ(reconcile_agrees(settlement, &county, &sides, &err), E_NOT_FOUND); // not matched yet
    RIG_DO(&books, "match_statement", "{'source':'bank','number':'B-3','tolerance_days':3}");
    EQ(matched()->rows, 3);
    EQ(matched()->matched, 3);
    EQ(matched()->entries, 4);
    EQ(matched()->cases, 0);
    EQ(matched()->statement_fen, 0);
    EQ(matched()->books_fen, 0);
    NEED(reconcile_agrees(settlement, &county, &sides, &err) == E_OK);
    EQ(sides.ours, 0);
    EQ(sides.theirs, 0);
    stop();
}

TEST(ZZ_F43_city_finance_and_city_agency_reconcile_and_a_difference_is_named) {
    const reconcile_scope_t scope = {"treasury", "special_city", "", "2020-03-01", "2020-03-31"};
    reconcile_sides_t sides;
    err_t err = {0};
    start();
    collect_and_sweep();
    RIG_DO(&books, "import_statement", "%s",
           STATEMENT("treasury", "T-3", "special_city", "", "2", "420.05", "0.00", DIGEST,
                     LINE("2", "2020-03-26", "M-2", "420.00") "," LINE("3", "2020-03-31", "INT-1", "0.05")));
    RIG_DO(&books, "match_statement", "{'source':'treasury','number':'T-3','tolerance_days':0,'owner':'city_finance'}");
    EQ(matched()->matched, 1);
    EQ(matched()->cases, 1);
    NEED(matched()->n_open == 1);
    EQ_TEXT(matched()->open[0]->kind, "not_in_books");
    EQ_TEXT(matched()->open[0]->owner, "city_finance");
    EQ_TEXT(matched()->open[0]->what, "T-3:3");
    EQ(matched()->open[0]->there_fen, 5);
    NEED(reconcile_agrees(settlement, &scope, &sides, &err) == E_OK);
    EQ(sides.ours, 42000);
    EQ(sides.theirs, 42005);
    // Interest is booked: the case settles itself.
    RIG_DO(&books, "move_money",
           "{'reference':'INT-1','fund':'EMP_POOL','from':'finance','to':'special_city','amount':'0.05','on':"
           "'2020-03-31'}");
    RIG_DO(&books, "match_statement", "{'source':'treasury','number':'T-3','tolerance_days':0}");
    EQ(matched()->settled, 1);
    EQ(matched()->n_open, 0);
    NEED(reconcile_agrees(settlement, &scope, &sides, &err) == E_OK);
    EQ(sides.ours, sides.theirs);
    stop();
}

TEST(ZZ_F44_the_districts_accounts_are_reconciled_one_by_one) {
    start();
    collect_and_sweep();
    EQ(rig_ask(&books, "import_statement", "%s",
               STATEMENT("bank", "B-4", "income_county", "", "1", "350.00", "0.00", DIGEST,
                         LINE("2", "2020-03-06", "", "350.00"))),
       E_INVALID_FIELD); // which district?
    EQ(rig_ask(&books, "import_statement", "%s",
               STATEMENT("bank", "B-4", "payers", "", "1", "350.00", "0.00", DIGEST,
                         LINE("2", "2020-03-06", "", "350.00"))),
       E_NOT_FOUND); // no money of the fund lies there
    RIG_DO(&books, "import_statement", "%s",
           STATEMENT("bank", "B-4", "income_county", COUNTY, "2", "350.00", "419.00", DIGEST,
                     LINE("2", "2020-03-06", "", "350.00") "," LINE_OUT("3", "2020-03-25", "M-1", "419.00")));
    RIG_DO(&books, "match_statement", "{'source':'bank','number':'B-4','tolerance_days':1}");
    EQ(matched()->matched, 1);
    EQ(matched()->cases, 2); // M-1 with another amount; R-3 on no statement
    NEED(matched()->n_open == 2);
    EQ_TEXT(matched()->open[0]->party, "income_county@" COUNTY);
    stop();
}

TEST(a_statement_comes_once_and_its_number_stands_for_one_content) {
    const char *const first = STATEMENT("bank", "B-5", "income_city", "", "2", "3.00", "0.00", DIGEST,
                                        LINE("2", "2020-03-06", "X-1", "1.00"));
    start();
    RIG_DO(&books, "import_statement", "%s", first);
    EQ_TEXT(((const Tc__StatementState *)books.reply)->state, "loading");
    EQ(rig_ask(&books, "match_statement", "{'source':'bank','number':'B-5'}"), E_INVALID_FIELD); // not all is here
    RIG_DO(&books, "import_statement", "%s", first);                                             // the part again
    EQ(((const Tc__StatementState *)books.reply)->here, 1);
    EQ(rig_ask(&books, "import_statement", "%s",
               STATEMENT("bank", "B-5", "income_city", "", "2", "3.00", "0.00", DIGEST,
                         LINE("2", "2020-03-06", "X-1", "1.01"))),
       E_EXISTS);
    EQ(rig_ask(&books, "import_statement", "%s",
               STATEMENT("bank", "B-5", "income_city", "", "2", "3.00", "0.00", DIGEST,
                         LINE("3", "2020-03-06", "X-2", "5.00"))),
       E_INVALID_FIELD); // not what the totals say
    RIG_DO(&books, "import_statement", "%s",
           STATEMENT("bank", "B-5", "income_city", "", "2", "3.00", "0.00", DIGEST,
                     LINE("3", "2020-03-06", "X-2", "2.00")));
    EQ_TEXT(((const Tc__StatementState *)books.reply)->state, "whole");
    OK(!((const Tc__StatementState *)books.reply)->known);
    RIG_DO(&books, "import_statement", "%s", first);
    OK(((const Tc__StatementState *)books.reply)->known);
    EQ(((const Tc__StatementState *)books.reply)->here, 2);
    EQ(rig_ask(&books, "import_statement", "%s",
               STATEMENT("bank", "B-5", "income_city", "", "2", "3.00", "0.00", OTHER_DIGEST,
                         LINE("2", "2020-03-06", "X-1", "1.00"))),
       E_EXISTS);
    EQ(rig_ask(&books, "import_statement", "%s",
               STATEMENT("bank", "B-6", "income_city", "", "1", "1.00", "0.00", DIGEST,
                         LINE("2", "2020-04-06", "X-1", "1.00"))),
       E_OUT_OF_RANGE); // outside its days
    EQ(rig_ask(&books, "match_statement", "{'source':'bank','number':'B-9'}"), E_NOT_FOUND);
    EQ(rig_ask(&books, "match_statement", "{'source':'till','number':'B-5'}"), E_INVALID_FIELD);
    stop();
}

TEST(what_one_statement_lacks_the_next_may_show) {
    start();
    collect_and_sweep();
    RIG_DO(&books, "import_statement", "%s",
           STATEMENT("bank", "B-7", "income_city", "", "1", "420.00", "0.00", DIGEST,
                     LINE("2", "2020-03-25", "M-1", "420.00")));
    RIG_DO(&books, "match_statement", "{'source':'bank','number':'B-7','tolerance_days':7}");
    EQ(matched()->cases, 1); // M-2 went out of the books on the 26th
    RIG_DO(
        &books, "import_statement", "%s",
        "{'source':'bank','number':'B-8','account':'income_city','from':'2020-04-01','to':'2020-04-30','digest':" DIGEST
        ",'rows':1,'out':'420.00','part':[{'line':2,'day':'2020-04-01','reference':'M-2','out':'420.00'}]}");
    RIG_DO(&books, "match_statement", "{'source':'bank','number':'B-8','tolerance_days':7}");
    EQ(matched()->matched, 1);
    EQ(matched()->settled, 1);
    EQ(matched()->n_open, 0);
    stop();
}

int main(void) {
    static const check_case_t cases[] = {
        CASE(the_ground_is_laid),
        CASE(ZZ_F45_business_and_finance_agree_on_every_bill_and_its_versions),
        CASE(ZZ_F45_a_bill_that_finance_never_heard_of_and_one_with_another_amount_are_named),
        CASE(every_version_changes_the_same_on_both_sides),
        CASE(ZZ_F42_a_difference_is_a_case_with_owner_and_age_until_it_is_settled),
        CASE(a_case_is_settled_when_the_difference_is_gone_and_comes_back_with_it),
        CASE(ZZ_F46_books_agree_with_the_statements_of_every_account),
        CASE(ZZ_F43_city_finance_and_city_agency_reconcile_and_a_difference_is_named),
        CASE(ZZ_F44_the_districts_accounts_are_reconciled_one_by_one),
        CASE(a_statement_comes_once_and_its_number_stands_for_one_content),
        CASE(what_one_statement_lacks_the_next_may_show),
        CASE(the_ground_is_cleared)};
    random_bytes(&seed, sizeof seed);
    printf("seed %llu\n", (unsigned long long)seed);
    return check_run("reconcile service", cases, COUNT_OF(cases));
}
