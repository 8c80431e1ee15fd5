// What is due to facilities for a month: the core by hand-made cases and against a slow obvious version in random
// stories of bills, versions, recoveries, evaluations and months; orders from draft to payment; clearing by points.
// Built twice: on SQLite, and with ON_POSTGRES on a private PostgreSQL.
#include "adjudication.pb-c.h"
#include "common/base/hash.h"
#include "common/policy/policy.h"
#include "services/settlement/dues.h"
#include "services/settlement/dues_lines.h"
#include "services/settlement/dues_store.h"
#include "services/settlement/money.h"
#include "services/settlement/settlement.h"
#include "services/settlement/store.h"
#include "statement.pb-c.h"
#include "tests/service_rig.h"

#define T(text) ((char *)(text)) // protobuf-c wants char * where it only reads

static uint64_t seed, drawn;
static uint64_t draw(uint64_t below) { return hash64(&drawn, sizeof drawn, seed + drawn++) % below; }

// ---- the core, by hand

static arena_t *arena;

static const dues_part_t *part_at(const dues_sheet_t *sheet, const char *layer, const char *fund, const char *county) {
    for (size_t i = 0; i < sheet->part_count; i++) {
        const dues_key_t *key = &sheet->parts[i].key;
        if (strcmp(key->layer, layer) == 0 && strcmp(key->fund, fund) == 0 && strcmp(key->county, county) == 0)
            return &sheet->parts[i];
    }
    static const dues_part_t none;
    return &none;
}

static dues_sheet_t *sheet_of(const dues_input_t *in) {
    dues_sheet_t *sheet = arena_alloc(arena, sizeof *sheet);
    err_t err = {0};
    NEED(sheet && dues_draw(in, arena, sheet, &err) == E_OK);
    return sheet;
}

static const dues_key_t basic_a = {"basic", "RES", "330902", 2021}, basic_b = {"basic", "RES", "330903", 2021},
                        serious_a = {"critical_illness", "CII", "330902", 2021};
#define LIST(...)                                                                                                      \
    (dues_list_t) {                                                                                                    \
        (const dues_amount_t[]){__VA_ARGS__}, sizeof((const dues_amount_t[]){__VA_ARGS__}) / sizeof(dues_amount_t)     \
    }

TEST(bills_less_what_is_held_back) {
    const dues_input_t in = {.bills = LIST({basic_a, 100001, 3}, {serious_a, 5000, 1}),
                             .hold = 50000,
                             .hold_reference = "quality:2021",
                             .year = 2021};
    const dues_sheet_t *sheet = sheet_of(&in);
    EQ(sheet->total.bills, 105001);
    EQ(part_at(sheet, "basic", "RES", "330902")->of[DUES_HELD], 5000); // 5000.05
    EQ(part_at(sheet, "critical_illness", "CII", "330902")->of[DUES_HELD], 250);
    EQ(sheet->total.pay, 105001 - 5250);
    EQ(sheet->total.lines, 4);
    EQ(dues_residue(&sheet->total), 0);
}

TEST(a_recovery_waits_for_its_bill_and_never_takes_more_than_was_paid) {
    dues_recovery_t recovery = {.bill = "B1", .decided = 700};
    dues_input_t in = {.recoveries = &recovery, .recovery_count = 1, .year = 2021};
    EQ(sheet_of(&in)->item_count, 0); // no line of the bill yet
    recovery.paid = LIST({basic_a, 600, 0}, {serious_a, 300, 0});
    in.bills = LIST({basic_a, 600, 1}, {serious_a, 300, 1});
    const dues_sheet_t *sheet = sheet_of(&in);
    EQ(part_at(sheet, "basic", "RES", "330902")->of[DUES_RECOVERED], 467); // 466.67
    EQ(part_at(sheet, "critical_illness", "CII", "330902")->of[DUES_RECOVERED], 233);
    EQ(sheet->total.pay, 200);
    // Later the bill is worth 500: 200 come back. Later still it is reversed: so does the rest.
    recovery.taken = LIST({basic_a, 467, 0}, {serious_a, 233, 0});
    recovery.paid = LIST({basic_a, 500, 0}, {serious_a, 0, 0});
    in.bills = LIST({basic_a, -100, 1}, {serious_a, -300, 1});
    sheet = sheet_of(&in);
    EQ(sheet->total.of[DUES_RECOVERED], -200);
    recovery.taken = LIST({basic_a, 500, 0}, {serious_a, 0, 0});
    recovery.paid = LIST({basic_a, 0, 0}, {serious_a, 0, 0});
    in.bills = LIST({basic_a, -500, 1});
    sheet = sheet_of(&in);
    EQ(sheet->total.of[DUES_RECOVERED], -500);
    EQ(sheet->total.pay, 0);
}

TEST(a_fund_and_county_below_zero_is_carried_as_a_whole_and_pays_nobody_elses_bill) {
    dues_input_t in = {.bills = LIST({basic_a, -900, 1}, {basic_b, 400, 1}, {serious_a, 100, 1}), .year = 2021};
    const dues_sheet_t *sheet = sheet_of(&in);
    EQ(part_at(sheet, "basic", "RES", "330902")->of[DUES_CARRIED], -900);
    EQ(part_at(sheet, "basic", "RES", "330902")->pay, 0);
    EQ(sheet->total.pay, 500);
    in.bills = LIST({basic_a, 1000, 1});
    in.brought = LIST({basic_a, -900, 0});
    in.brought_from = "2021-03";
    sheet = sheet_of(&in);
    EQ(sheet->total.of[DUES_BROUGHT], -900);
    EQ(sheet->total.pay, 100);
}

TEST(an_evaluation_releases_its_share_and_forfeits_the_rest) {
    const dues_claim_t claim = {.kind = DUES_EVALUATION,
                                .reference = "quality:2020",
                                .held_reference = "quality:2020",
                                .share = 900000,
                                .held = LIST({basic_a, 1005, 0}, {serious_a, 100, 0})};
    const dues_input_t in = {.claims = &claim, .claim_count = 1, .year = 2021};
    const dues_sheet_t *sheet = sheet_of(&in);
    EQ(sheet->total.of[DUES_RELEASED], 905 + 90); // 904.5
    EQ(sheet->total.of[DUES_FORFEITED], 100 + 10);
    EQ(sheet->total.pay, 995);
}

TEST(clearing_goes_where_the_bills_are) {
    dues_claim_t claim = {.kind = DUES_CLEARING,
                          .reference = "points-2021-03-RES-basic",
                          .held_reference = "points:2021:RES:basic",
                          .fund = "RES",
                          .layer = "basic",
                          .amount = -100,
                          .hold = 51};
    dues_input_t in = {.bills = LIST({basic_a, 600, 1}, {basic_b, 300, 1}, {serious_a, 50, 1}),
                       .claims = &claim,
                       .claim_count = 1,
                       .year = 2021};
    const dues_sheet_t *sheet = sheet_of(&in);
    EQ(part_at(sheet, "basic", "RES", "330902")->of[DUES_ADDED], -67);
    EQ(part_at(sheet, "basic", "RES", "330903")->of[DUES_ADDED], -33);
    EQ(part_at(sheet, "critical_illness", "CII", "330902")->of[DUES_ADDED], 0);
    EQ(sheet->total.of[DUES_HELD], 51);
    EQ(sheet->total.pay, 950 - 100 - 51);
    in.bills = (dues_list_t){0}; // no bill: it stands by itself, and what is below zero waits
    sheet = sheet_of(&in);
    EQ(part_at(sheet, "basic", "RES", "")->of[DUES_CARRIED], -151);
    EQ(sheet->total.pay, 0);
}

TEST(amounts_beyond_all_bounds_are_refused) {
    dues_sheet_t *sheet = arena_alloc(arena, sizeof *sheet);
    err_t err = {0};
    const dues_input_t in = {.bills = LIST({basic_a, INT64_MAX, 1}, {basic_a, 1, 1}), .year = 2021};
    NEED(sheet != NULL);
    EQ(dues_draw(&in, arena, sheet, &err), E_OUT_OF_RANGE);
    dues_amount_t many[DUES_PARTS_MAX + 1];
    for (int i = 0; i <= DUES_PARTS_MAX; i++) many[i] = (dues_amount_t){{"basic", "RES", "330902", i}, 1, 1};
    const dues_input_t wide = {.bills = {many, DUES_PARTS_MAX + 1}};
    EQ(dues_draw(&wide, arena, sheet, &err), E_TOO_LARGE);
}

// ---- a settlement with a city

static int64_t now;
static int64_t test_clock(void) { return now; }
static void set_day(int year, int month, int day) {
    now = ((int64_t)date_make(year, month, day) * 24 + 4) * 3600 * 1000; // noon in Shanghai
}

typedef struct office {
    rig_t rig;
    settlement_t *settlement;
    int64_t numbers[PARTITIONS]; // of adjudication's events
    int requests;
} office_t;

static void open_office(office_t *office) {
    policy_t *policy = NULL;
    err_t err = {0};
    *office = (office_t){0};
    rig_open(&office->rig, &settlement_service);
    NEED(settlement_new(&office->settlement, &office->rig.ctx, &err) == E_OK);
    if (policy_load(&policy, TC_SOURCE_DIR "/config/cities/zhoushan.yaml", NULL, &err))
        fprintf(stderr, "%s\n", err.text);
    NEED(policy && settlement_set_law(office->settlement, policy, NULL, &err) == E_OK);
    office->settlement->poster->now_ms = test_clock;
    office->rig.self = office->settlement;
}

static void close_office(office_t *office) {
    settlement_destroy(&office->settlement);
    rig_close(&office->rig);
}

static const char *scope = ""; // of the callers

// A command of a caller; single quotes stand for double ones. Returns the code; the reply is rig.reply.
__attribute__((format(printf, 4, 5))) static int order(office_t *office, const char *caller, const char *name,
                                                       const char *format, ...) {
    static char json[65536];
    char id[32];
    rig_t *rig = &office->rig;
    const method_t *method = NULL;
    ProtobufCMessage *message = NULL;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(json, sizeof json, format, args);
    va_end(args);
    NEED(n > 0 && (size_t)n < sizeof json);
    for (char *c = json; *c; c++)
        if (*c == '\'') *c = '"';
    snprintf(id, sizeof id, "request-%d", ++office->requests);
    const request_t request = {.header = {.service = "settlement",
                                          .method = name,
                                          .caller = caller,
                                          .scope = scope,
                                          .request_id = arena_text(arena, "%s", id)}};
    for (size_t i = 0; i < rig->service->method_count; i++)
        if (strcmp(rig->service->methods[i].name, name) == 0) method = &rig->service->methods[i];
    NEED(method != NULL);
    rig->err = (err_t){0};
    int code = message_from_json(&message, method->request, json, strlen(json), rig->ctx.arena, &rig->err);
    if (code) return code;
    const sweep_work_t work = {rig, method, &request, message, NULL, NULL, 0};
    return sweep(&work);
}
static const char clerk[] = "clerk:ann", other[] = "clerk:bo";

#define DO(office, ...)                                                                                                \
    do {                                                                                                               \
        if (order((office), __VA_ARGS__))                                                                              \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, (office)->rig.err.field, (office)->rig.err.text);   \
        NEED((office)->rig.err.code == E_OK);                                                                          \
    } while (0)

// ---- bills

enum { LAYERS = 3, DIVISIONS = 4 };
static const char *const layers[LAYERS] = {"basic", "critical_illness", "assistance"};
static const char *const divisions[DIVISIONS] = {"330902", "330903", "330921", "330922"};

typedef struct version {    // what stands of a bill
    int identity, division; // 0 employee, 1 resident
    fen_t paid[LAYERS];
    int versions;
} version_t;

static void bill_name(int bill, char out[static 24]) { snprintf(out, 24, "BILL-%d", bill); }
static const char *facility_name(int facility) {
    static char names[4][32];
    snprintf(names[facility], sizeof names[facility], "H3309020000%d", facility + 1);
    return names[facility];
}

static void fill_paid(Tc__Amount *amounts, Tc__Amount **list, const version_t *v, fen_t *fund) {
    *fund = 0;
    for (int k = 0; k < LAYERS; k++) {
        tc__amount__init(&amounts[k]);
        amounts[k].name = T(layers[k]), amounts[k].amount_fen = v->paid[k];
        list[k] = &amounts[k];
        *fund += v->paid[k];
    }
}

// The event of a version; `before` NULL: the first.
static void settle_bill(office_t *office, int bill, int facility, int year, const version_t *after,
                        const version_t *before) {
    Tc__Decision d = TC__DECISION__INIT;
    Tc__Bill input = TC__BILL__INIT;
    Tc__Previous previous = TC__PREVIOUS__INIT;
    Tc__Amount amounts[2][LAYERS], *lists[2][LAYERS];
    char name[24];
    bill_name(bill, name);
    fill_paid(amounts[0], lists[0], after, &d.fund_fen);
    d.bill = name, d.person = T("P1"), d.facility = T(facility_name(facility)), d.year = year;
    d.identity = T(after->identity ? "resident" : "employee"), d.division = T(divisions[after->division]);
    d.decision = T("paid"), d.total_fen = d.fund_fen, d.paid = lists[0], d.n_paid = LAYERS;
    input.to = T(year == 2020 ? "2020-12-20" : "2021-01-10");
    d.input = &input;
    d.version = 1;
    if (before) {
        fill_paid(amounts[1], lists[1], before, &previous.fund_fen);
        previous.paid = lists[1], previous.n_paid = LAYERS, previous.total_fen = previous.fund_fen;
        previous.identity = T(before->identity ? "resident" : "employee");
        previous.division = T(divisions[before->division]);
        d.previous = &previous, d.version = 2, d.kind = T("recomputed");
    }
    static uint8_t body[4096];
    CHECK(protobuf_c_message_get_packed_size(&d.base) <= sizeof body);
    const uint32_t partition = (uint32_t)bill % 5;
    const event_t event = {.partition = partition,
                           .number = ++office->numbers[partition],
                           .topic = before ? "bill.recomputed" : "bill.settled",
                           .at_ms = now,
                           .body = body,
                           .body_bytes = protobuf_c_message_pack(&d.base, body)};
    const consumer_effect_t effect = {&office->settlement->adjudication, poster_apply, poster_committed,
                                      poster_rolled_back};
    if (rig_apply(&office->rig, &effect, &event, 1)) fprintf(stderr, "%s\n", office->rig.err.text);
    NEED(office->rig.err.code == E_OK);
}

static void simple_bill(office_t *office, int bill, int facility, fen_t basic) {
    const version_t v = {.identity = 1, .paid = {basic}};
    settle_bill(office, bill, facility, 2021, &v, NULL);
}

static const Tc__FacilityStatement *statement(office_t *office, int facility, const char *month) {
    DO(office, clerk, "get_statement", "{'facility':'%s','month':'%s'}", facility_name(facility), month);
    return (const Tc__FacilityStatement *)office->rig.reply;
}

static void draw_up(office_t *office, int facility, const char *month) {
    DO(office, clerk, "draw_statements", "{'facility':'%s','month':'%s'}", facility_name(facility), month);
}

static fen_t ledger(office_t *office, const char *prefix) {
    rows_t rows;
    err_t err = {0};
    fen_t sum = 0;
    NEED(balances_read(office->rig.ctx.store, arena, &rows, &err) == E_OK);
    for (size_t i = 0; i < rows.count; i++)
        if (strncmp(row_text(&rows, i, 0), prefix, strlen(prefix)) == 0) sum += row_i64(&rows, i, 5);
    return sum;
}

// ---- stories

TEST(a_month_is_frozen_and_a_later_difference_comes_when_it_is_known) {
    office_t office;
    const version_t first = {.identity = 1, .paid = {10000, 0, 700}}, later = {.identity = 1, .paid = {9000, 500, 700}};
    open_office(&office);
    set_day(2021, 3, 5);
    settle_bill(&office, 1, 0, 2021, &first, NULL);
    EQ(order(&office, clerk, "draw_statements", "{'facility':'H33090200001','month':'2021-03'}"), E_OUT_OF_RANGE);
    HAS_TEXT(office.rig.err.text, "not over");
    EQ(order(&office, clerk, "draw_statements", "{'facility':'H33090200002','month':'2021-02'}"), E_NOT_FOUND);
    set_day(2021, 4, 2);
    draw_up(&office, 0, "2021-03");
    char digest[80];
    const Tc__FacilityStatement *march = statement(&office, 0, "2021-03");
    EQ_TEXT(march->state, "drawn");
    EQ(march->total->bills_fen, 10000); // assistance is not the pool's to pay (ZS-F01: apart)
    EQ((int64_t)march->n_others, 1);
    EQ(march->others[0]->bills_fen, 700);
    EQ(march->total->pay_fen, 10000);
    snprintf(digest, sizeof digest, "%s", march->digest);
    EQ((int64_t)strlen(digest), 64);
    settle_bill(&office, 1, 0, 2021, &later, &first);
    set_day(2021, 3, 31); // a clock that went back: the month is frozen all the same
    settle_bill(&office, 2, 0, 2021, &first, NULL);
    set_day(2021, 5, 3);
    EQ(statement(&office, 0, "2021-04")->n_parts, 0); // the lines are read at their own pace, or when it is drawn up
    draw_up(&office, 0, "2021-04");
    march = statement(&office, 0, "2021-03");
    EQ_TEXT(march->digest, digest);
    EQ(march->total->bills_fen, 10000);
    const Tc__FacilityStatement *april = statement(&office, 0, "2021-04");
    EQ(april->total->bills_fen, -1000 + 500 + 10000);
    EQ_TEXT(april->since, "2021-04");
    EQ(order(&office, clerk, "draw_statements", "{'facility':'H33090200001','month':'2021-04'}"), E_EXISTS);
    EQ(order(&office, clerk, "draw_statements", "{'facility':'H33090200001','month':'2021-02'}"), E_EXISTS);
    DO(&office, clerk, "get_statement_lines", "{'facility':'H33090200001','since':'2021-04','month':'2021-04'}");
    const Tc__StatementLines *lines = (const Tc__StatementLines *)office.rig.reply;
    fen_t sum = 0;
    for (size_t i = 0; i < lines->n_lines; i++)
        if (strcmp(lines->lines[i]->layer, "assistance") != 0) sum += lines->lines[i]->amount_fen;
    EQ(sum, april->total->bills_fen);
    close_office(&office);
}

static int64_t lines_read(const office_t *office) {
    rows_t rows;
    err_t err = {0};
    NEED(store_query(office->rig.ctx.store, "SELECT COUNT(*) FROM dues_line", NULL, 0, arena, &rows, &err) == E_OK);
    return row_i64(&rows, 0, 0);
}

TEST(a_rush_of_bills_goes_before_the_lines_of_statements) {
    office_t office;
    open_office(&office);
    set_day(2021, 3, 5);
    dues_tick(office.settlement, now);
    for (int i = 0; i < 1000; i++) simple_bill(&office, i, 0, 10000);
    dues_tick(office.settlement, now + 1000);
    EQ(lines_read(&office), 0);
    simple_bill(&office, 1000, 0, 10000);
    dues_tick(office.settlement, now + 2000);
    EQ(lines_read(&office), 1001);
    close_office(&office);
}

TEST(the_tick_reads_the_journal_and_drawing_up_again_after_a_rollback_is_the_same) {
    office_t a, b;
    open_office(&a);
    open_office(&b);
    set_day(2021, 3, 5);
    for (int i = 0; i < 40; i++) {
        const fen_t amount = 100 + (fen_t)draw(100000);
        simple_bill(&a, i, i % 3, amount);
        simple_bill(&b, i, i % 3, amount);
    }
    dues_tick(a.settlement, now);
    dues_tick(a.settlement, now); // not again within the second
    EQ(lines_read(&a), 40);
    set_day(2021, 4, 2);
    // b: the process dies before the commit of the first drawing up.
    const method_t *method = &settlement_service.methods[0];
    for (size_t i = 0; strcmp(method->name, "draw_statements") != 0; i++) method = &settlement_service.methods[i];
    Tc__DrawStatements ask = TC__DRAW_STATEMENTS__INIT;
    ask.month = T("2021-03");
    const request_t request = {.header = {.caller = clerk, .request_id = "r"}};
    const sweep_work_t work = {&b.rig, method, &request, &ask.base, NULL, NULL, 0};
    EQ(rig_try(&work, true), E_OK);
    DO(&a, clerk, "draw_statements", "{'month':'2021-03'}");
    EQ(((Tc__FacilityStatements *)a.rig.reply)->n_statements, 3);
    DO(&b, clerk, "draw_statements", "{'month':'2021-03','limit':2}");
    Tc__FacilityStatements *page = (Tc__FacilityStatements *)b.rig.reply;
    EQ((int64_t)page->n_statements, 2);
    EQ_TEXT(page->next, "H33090200002");
    DO(&b, clerk, "draw_statements", "{'month':'2021-03','after':'%s'}", page->next);
    for (int f = 0; f < 3; f++) {
        const Tc__FacilityStatement *one = statement(&a, f, "2021-03"), *two = statement(&b, f, "2021-03");
        EQ_TEXT(one->digest, two->digest);
        OK(one->total->pay_fen > 0);
    }
    close_office(&a);
    close_office(&b);
}

TEST(a_facility_confirms_or_disputes_its_own_statement) {
    office_t office;
    open_office(&office);
    set_day(2021, 3, 5);
    simple_bill(&office, 1, 0, 5000);
    set_day(2021, 4, 2);
    draw_up(&office, 0, "2021-03");
#define SETTLE(who, verdict, why)                                                                                      \
    order(&office, who, "settle_statement",                                                                            \
          "{'facility':'H33090200001','month':'2021-03','verdict':'" verdict "','reason':'" why "'}")
    EQ(SETTLE("hospital:h33090200002", "confirmed", ""), E_DENIED);
    EQ(SETTLE("hospital:h33090200001", "disputed", ""), E_MISSING_FIELD);
    EQ(SETTLE("hospital:h33090200001", "disputed", "a bill is missing"), E_OK);
    EQ_TEXT(((Tc__FacilityStatement *)office.rig.reply)->state, "disputed");
    EQ(SETTLE("hospital:h33090200001", "confirmed", ""), E_EXISTS);
    EQ(SETTLE("hospital:h33090200001", "answered", "no"), E_DENIED);
    EQ(SETTLE(clerk, "answered", "it comes in April"), E_OK);
    EQ(SETTLE("hospital:h33090200001", "agreed", ""), E_INVALID_FIELD);
    EQ(SETTLE("hospital:h33090200001", "confirmed", ""), E_OK);
    EQ_TEXT(((Tc__FacilityStatement *)office.rig.reply)->state, "confirmed");
    EQ_TEXT(((Tc__FacilityStatement *)office.rig.reply)->by, "hospital:h33090200001");
    EQ(order(&office, "hospital:h33090200002", "get_statement", "{'facility':'H33090200001','month':'2021-03'}"),
       E_DENIED);
    scope = "facilities=H33090200001";
    EQ(order(&office, "hospital:dinghai", "get_statement", "{'facility':'H33090200001','month':'2021-03'}"), E_OK);
    EQ(order(&office, "hospital:dinghai", "get_statement", "{'facility':'H33090200002','month':'2021-03'}"), E_DENIED);
    scope = "divisions=330902"; // lists no facility
    EQ(order(&office, "hospital:dinghai", "get_statement", "{'facility':'H33090200001','month':'2021-03'}"), E_DENIED);
    scope = "";
    close_office(&office);
}

// Money on the accounts that facilities are paid from, for every fund and county.
static void give_money(office_t *office, fen_t each) {
    static const char *const way[] = {"payers", "treasury", "special_city", "expenditure_city", "expenditure_county"};
    static const char *const funds[] = {"EMP", "RES", "CII"};
    money_line_t lines[3 * DIVISIONS];
    err_t err = {0};
    for (int i = 0; i < 3 * DIVISIONS; i++)
        lines[i] = (money_line_t){funds[i / DIVISIONS], divisions[i % DIVISIONS], each};
    for (size_t i = 0; i + 1 < COUNT_OF(way); i++) {
        Tc__JournalEntry *entry;
        const money_move_t move = {.reference = arena_text(arena, "WAY-%zu", i),
                                   .from = way[i],
                                   .to = way[i + 1],
                                   .lines = lines,
                                   .count = COUNT_OF(lines),
                                   .on = date_make(2021, 1, 4),
                                   .text = ""};
        NEED(store_begin(office->rig.ctx.store, &err) == E_OK);
        if (money_move(office->settlement, &move, arena, &entry, &err)) fprintf(stderr, "%s\n", err.text);
        NEED(err.code == E_OK);
        NEED(store_commit(office->rig.ctx.store, &err) == E_OK);
        stream_committed(office->rig.ctx.stream);
    }
}

static const Tc__OrderReport__Outcome *confirm(office_t *office, const char *number, fen_t amount, const char *result) {
    char text[FEN_TEXT_MAX];
    DO(office, clerk, "confirm_orders",
       "{'rows':[{'row':2,'order':'%s','amount':'%s','result':'%s','on':'2021-04-06','reason':'%s','bank_reference':"
       "'BANK-1'}]}",
       number, fen_format(amount, text), result, strcmp(result, "paid") ? "closed account" : "");
    return ((Tc__OrderReport *)office->rig.reply)->outcomes[0];
}

TEST(ZZ_V03_an_order_takes_two_people_and_is_paid_whole_or_refused) {
    static const char first[] = "H33090200001-2021-03-1", second[] = "H33090200001-2021-03-2";
    office_t office;
    open_office(&office);
    set_day(2021, 3, 5);
    simple_bill(&office, 1, 0, 5000);
    set_day(2021, 4, 6);
    draw_up(&office, 0, "2021-03");
    EQ(order(&office, clerk, "draft_orders", "{'month':'2021-03','facility':'H33090200001'}"), E_NOT_FOUND);
    EQ(SETTLE(clerk, "confirmed", ""), E_OK);
    EQ(order(&office, clerk, "draft_orders", "{'month':'2021-03','account':'payers'}"), E_NOT_FOUND);
    DO(&office, clerk, "draft_orders", "{'month':'2021-03'}");
    const Tc__PaymentOrders *orders = (const Tc__PaymentOrders *)office.rig.reply;
    EQ(orders->sum_fen, 5000);
    EQ_TEXT(orders->orders[0]->number, first);
    EQ_TEXT(orders->orders[0]->account, "expenditure_county");
    EQ(order(&office, clerk, "approve_orders", "{'orders':['%s']}", first), E_DENIED);
    EQ(order(&office, clerk, "send_orders", "{'orders':['%s']}", first), E_EXISTS);
    DO(&office, other, "approve_orders", "{'orders':['%s']}", first);
    EQ(order(&office, clerk, "send_orders", "{'orders':['%s']}", first), E_OUT_OF_RANGE); // no money
    give_money(&office, 100000);
    EQ(order(&office, clerk, "send_orders", "{'orders':['%s','%s']}", first, first), E_INVALID_FIELD);
    DO(&office, clerk, "send_orders", "{'orders':['%s']}", first);
    EQ_TEXT(confirm(&office, first, 4999, "paid")->outcome, "fault");
    EQ_TEXT(confirm(&office, "H33090200001-2021-03-9", 5000, "paid")->outcome, "fault");
    EQ(ledger(&office, "payable/basic"), -5000);
    EQ_TEXT(confirm(&office, first, 5000, "refused")->outcome, "refused");
    EQ(ledger(&office, "payable/basic"), -5000); // still owed
    EQ_TEXT(statement(&office, 0, "2021-03")->state, "confirmed");
    DO(&office, clerk, "draft_orders", "{'month':'2021-03'}");
    DO(&office, other, "approve_orders", "{'orders':['%s']}", second);
    DO(&office, clerk, "send_orders", "{'orders':['%s']}", second);
    EQ_TEXT(confirm(&office, second, 5000, "paid")->outcome, "paid");
    EQ_TEXT(confirm(&office, second, 5000, "paid")->outcome, "repeated");
    EQ_TEXT(confirm(&office, second, 5000, "refused")->outcome, "fault");
    EQ_TEXT(confirm(&office, first, 5000, "paid")->outcome, "fault"); // it was refused
    EQ(ledger(&office, "payable/basic"), 0);
    EQ(ledger(&office, "money/expenditure_county"), 12 * 100000 - 5000);
    EQ_TEXT(statement(&office, 0, "2021-03")->state, "paid");
    EQ_TEXT(statement(&office, 0, "2021-03")->order, second);
    close_office(&office);
}

TEST(what_an_order_or_a_statement_booked_is_not_reversed_behind_their_back) {
    static const char number[] = "H33090200001-2021-03-1", reference[] = "statement.H33090200001.2021-03";
    office_t office;
    open_office(&office);
    set_day(2021, 3, 5);
    simple_bill(&office, 1, 0, 5000);
    DO(&office, clerk, "recover",
       "{'facility':'H33090200001','bill':'BILL-1','amount':'1.00','reason':'counted twice'}");
    set_day(2021, 4, 6);
    draw_up(&office, 0, "2021-03");
    EQ(SETTLE(clerk, "confirmed", ""), E_OK);
    give_money(&office, 100000);
    DO(&office, clerk, "draft_orders", "{'month':'2021-03'}");
    DO(&office, other, "approve_orders", "{'orders':['%s']}", number);
    DO(&office, clerk, "send_orders", "{'orders':['%s']}", number);
    EQ_TEXT(confirm(&office, number, 4900, "paid")->outcome, "paid");
    EQ(order(&office, clerk, "reverse_entry", "{'reference':'%s','text':'paid by mistake'}", number), E_BLOCKED);
    EQ_TEXT(office.rig.err.field, "reference");
    HAS_TEXT(office.rig.err.text, "order H33090200001-2021-03-1");
    HAS_TEXT(office.rig.err.text, "fund recover");
    EQ(order(&office, clerk, "reverse_entry", "{'reference':'%s','text':'drawn by mistake'}", reference), E_BLOCKED);
    HAS_TEXT(office.rig.err.text, reference);
    EQ(ledger(&office, "payable/basic"), 0);
    EQ(ledger(&office, "recovered/basic"), -100);
    EQ_TEXT(statement(&office, 0, "2021-03")->state, "paid");
    close_office(&office);
}

TEST(recoveries_are_bounded_by_what_the_fund_paid_of_the_bill) {
    office_t office;
    const version_t v = {.identity = 0, .paid = {3000, 1000, 500}}, none = {.identity = 0};
    open_office(&office);
    set_day(2021, 3, 5);
    settle_bill(&office, 1, 0, 2021, &v, NULL);
#define RECOVER(amount)                                                                                                \
    order(&office, clerk, "recover",                                                                                   \
          "{'facility':'H33090200001','bill':'BILL-1','amount':'" amount "','reason':'no indication'}")
    EQ(RECOVER("40.01"), E_OUT_OF_RANGE); // assistance is not the pool's
    EQ(RECOVER("0.00"), E_OUT_OF_RANGE);
    EQ(RECOVER("30.00"), E_OK);
    EQ(((Tc__Recovery *)office.rig.reply)->paid_fen, 4000);
    EQ(RECOVER("10.01"), E_OUT_OF_RANGE);
    EQ(RECOVER("10.00"), E_OK);
    EQ(((Tc__Recovery *)office.rig.reply)->recovered_fen, 4000);
    EQ(order(&office, clerk, "recover",
             "{'facility':'H33090200002','bill':'BILL-1','amount':'1.00','reason':'no indication'}"),
       E_NOT_FOUND);
    set_day(2021, 4, 2);
    draw_up(&office, 0, "2021-03");
    EQ(statement(&office, 0, "2021-03")->total->recovered_fen, 4000);
    EQ(statement(&office, 0, "2021-03")->total->pay_fen, 0);
    EQ(ledger(&office, "recovered/"), -4000);
    EQ(ledger(&office, "payable/"), -500);
    settle_bill(&office, 1, 0, 2021, &none, &v); // reversed: what was taken back is given back with the difference
    set_day(2021, 5, 2);
    draw_up(&office, 0, "2021-04");
    EQ(statement(&office, 0, "2021-04")->total->bills_fen, -4000);
    EQ(statement(&office, 0, "2021-04")->total->recovered_fen, -4000);
    EQ(statement(&office, 0, "2021-04")->total->pay_fen, 0);
    EQ(ledger(&office, "recovered/"), 0);
    EQ(ledger(&office, "payable/"), 0);
    DO(&office, clerk, "get_statement_items", "{'facility':'H33090200001','reference':'BILL-1'}");
    EQ(((Tc__StatementItems *)office.rig.reply)->n_items, 4);
    close_office(&office);
}

TEST(ZS_F07_a_facilitys_yearly_figure_is_kept_and_warned_of) {
    office_t office;
    open_office(&office);
    EQ(order(&office, clerk, "set_terms", "{'facility':'H33090200001','year':2021,'hold':'1.01','paper':'x'}"),
       E_OUT_OF_RANGE);
    EQ(order(&office, clerk, "set_terms", "{'facility':'H33090200001','year':2021,'paper':'x'}"), E_MISSING_FIELD);
    DO(&office, clerk, "set_terms",
       "{'facility':'H33090200001','year':2021,'budget':'100.00','warn':'0.9','paper':'〔2021〕3号'}");
    DO(&office, clerk, "set_terms", "{'facility':'H33090200001','year':2021,'hold':'0.05','paper':'〔2021〕4号'}");
    for (int month = 1; month <= 3; month++) {
        set_day(2021, month, 5);
        simple_bill(&office, month, 0, 3000);
    }
    set_day(2021, 4, 2);
    draw_up(&office, 0, "2021-02");
    OK(!statement(&office, 0, "2021-02")->warned);
    EQ(statement(&office, 0, "2021-02")->year_fen, 6000);
    draw_up(&office, 0, "2021-03");
    const Tc__FacilityStatement *march = statement(&office, 0, "2021-03");
    EQ(march->year_fen, 9000);
    OK(march->warned); // 90.00 of 100.00
    EQ(march->total->held_fen, 150);
    DO(&office, clerk, "get_terms", "{'facility':'H33090200001','year':2021}");
    const Tc__FacilityTerms *terms = (const Tc__FacilityTerms *)office.rig.reply;
    EQ(terms->used_fen, 9000);
    EQ(terms->held_fen, 450);
    EQ(terms->budget_fen, 10000);
    OK(terms->warned);
    close_office(&office);
}

TEST(YC_D21_the_yearly_evaluation_releases_what_was_held_back) {
    office_t office;
    open_office(&office);
    DO(&office, clerk, "set_terms", "{'facility':'H33090200001','year':2021,'hold':'0.05','paper':'x'}");
    set_day(2021, 11, 5);
    simple_bill(&office, 1, 0, 10000);
    set_day(2021, 12, 2);
    draw_up(&office, 0, "2021-11");
#define EVALUATE "{'facility':'H33090200001','year':2021,'share':'0.9','paper':'y'}"
    EQ(order(&office, clerk, "evaluate", EVALUATE), E_OUT_OF_RANGE); // the year is not over
    simple_bill(&office, 2, 0, 2000);
    set_day(2022, 1, 5);
    EQ(order(&office, clerk, "evaluate", EVALUATE), E_OUT_OF_RANGE); // December is not drawn up
    draw_up(&office, 0, "2021-12");
    DO(&office, clerk, "evaluate", EVALUATE);
    EQ(((Tc__Evaluation *)office.rig.reply)->held_fen, 600);
    EQ(order(&office, clerk, "evaluate", EVALUATE), E_EXISTS);
    set_day(2022, 2, 5);
    draw_up(&office, 0, "2022-01");
    const Tc__FacilityStatement *january = statement(&office, 0, "2022-01");
    EQ(january->total->released_fen, 540);
    EQ(january->total->forfeited_fen, 60);
    EQ(january->total->pay_fen, 540);
    DO(&office, clerk, "get_terms", "{'facility':'H33090200001','year':2021}");
    EQ(((Tc__FacilityTerms *)office.rig.reply)->held_fen, 0);
    EQ(ledger(&office, "recovered/"), -60);
    close_office(&office);
}

// ---- points

static void add_points(office_t *office, const char *clearing, bool yearly) {
    DO(office, clerk, "add_clearing_rows",
       "{'clearing':'%s','groups':[{'name':'A','mean':'9600.00','cases':30,'variation':'0.4'},{'name':'B','mean':"
       "'24000.00','cases':20,'variation':'0.6'},{'name':'C','mean':'5000.00','cases':50,'variation':'1'}],"
       "'hospitals':[{'facility':'H33090200001','quality':'1'},{'facility':'H33090200002','quality':'%s'}]}",
       clearing, yearly ? "0.98" : "1");
    EQ(((Tc__ClearingReport *)office->rig.reply)->taken, 5);
#define CASES                                                                                                          \
    "{'row':2,'visit':'V1','facility':'H33090200001','group':'A','mode':'drg','coefficient':'1.1','cost':'10500.00',"  \
    "'patient':'2500.00'},"                                                                                            \
    "{'row':3,'visit':'V2','facility':'H33090200001','group':'B','mode':'drg','coefficient':'1.05','cost':"            \
    "'60000.00','patient':'15000.00','reviewed':true},"                                                                \
    "{'row':4,'visit':'V3','facility':'H33090200001','group':'C','mode':'drg','coefficient':'1.08','cost':"            \
    "'1500.00','patient':'345.00'},"                                                                                   \
    "{'row':5,'visit':'V4','facility':'H33090200001','group':'B','mode':'drg','coefficient':'1.05','cost':"            \
    "'24500.00','patient':'6100.00'},"                                                                                 \
    "{'row':6,'visit':'V5','facility':'H33090200002','group':'C','mode':'drg','coefficient':'0.95','cost':"            \
    "'16000.00','patient':'4000.00','reviewed':true},"                                                                 \
    "{'row':7,'visit':'V6','facility':'H33090200002','group':'A','mode':'drg','coefficient':'0.92','cost':"            \
    "'9000.00','patient':'2250.00'},"                                                                                  \
    "{'row':8,'visit':'V7','facility':'H33090200002','group':'C','mode':'drg','coefficient':'0.95','cost':"            \
    "'4900.00','patient':'1025.00'}"
    DO(office, clerk, "add_clearing_rows", "{'clearing':'%s','cases':[" CASES "]}", clearing);
    EQ(((Tc__ClearingReport *)office->rig.reply)->taken, 7);
}

// Bills as the cases say: fund by item 95,180.00, of which 73,555.00 … of the first hospital.
static void points_bills(office_t *office) {
    simple_bill(office, 1, 0, 800000), simple_bill(office, 2, 0, 4500000), simple_bill(office, 3, 0, 115500);
    simple_bill(office, 4, 0, 1840000), simple_bill(office, 5, 1, 1200000), simple_bill(office, 6, 1, 675000);
    simple_bill(office, 7, 1, 387500);
}

TEST(ZS_B11_a_month_is_paid_by_points_at_its_share) {
    office_t office;
    open_office(&office);
    set_day(2022, 3, 5);
    points_bills(&office);
    EQ(order(&office, clerk, "open_clearing",
             "{'period':'2022-03','fund':'ASSISTANCE','layer':'basic','budget':'1.00'}"),
       E_NOT_FOUND);
    DO(&office, clerk, "open_clearing", "{'period':'2022-03','fund':'RES','layer':'basic','budget':'80000.00'}");
    add_points(&office, "points-2022-03-RES-basic", false);
    DO(&office, clerk, "add_clearing_rows", "{'clearing':'points-2022-03-RES-basic','cases':[" CASES "]}");
    EQ(((Tc__ClearingReport *)office.rig.reply)->repeated, 7);
    DO(&office, clerk, "add_clearing_rows",
       "{'clearing':'points-2022-03-RES-basic','cases':[{'row':9,'visit':'V8','facility':'H33090200009','mode':'drg'},"
       "{'row':10,'visit':'V9','facility':'H33090200001','mode':'day'},"
       "{'row':11,'visit':'V1','facility':'H33090200001','mode':'item','cost':'1.00'}]}");
    const Tc__ClearingReport *report = (const Tc__ClearingReport *)office.rig.reply;
    EQ((int64_t)report->n_faults, 3);
    EQ(report->faults[0]->row, 9);
    HAS_TEXT(report->faults[0]->text, "hospitals");
    HAS_TEXT(report->faults[1]->text, "mode");
    HAS_TEXT(report->faults[2]->text, "other content");
    DO(&office, clerk, "settle_clearing", "{'clearing':'points-2022-03-RES-basic','dry':true}");
    const Tc__Clearing *dry = (const Tc__Clearing *)office.rig.reply;
    EQ(dry->points, 9225149);
    EQ(dry->fund_fen, 8000000);
    EQ_TEXT(dry->state, "open");
    DO(&office, clerk, "settle_clearing", "{'clearing':'points-2022-03-RES-basic'}");
    const Tc__Clearing *said = (const Tc__Clearing *)office.rig.reply;
    EQ(said->hospitals[0]->pay_fen + said->hospitals[0]->held_fen, said->hospitals[0]->due_fen);
    const fen_t pay[2] = {said->hospitals[0]->pay_fen, said->hospitals[1]->pay_fen};
    EQ(order(&office, clerk, "settle_clearing", "{'clearing':'points-2022-03-RES-basic'}"), E_EXISTS);
    set_day(2022, 4, 5);
    draw_up(&office, 0, "2022-03");
    draw_up(&office, 1, "2022-03");
    for (int f = 0; f < 2; f++) EQ(statement(&office, f, "2022-03")->total->pay_fen, pay[f]);
    EQ(ledger(&office, "clearing/"), 8000000 - 9518000); // the bills said 95,180.00, the month's budget is 80,000.00
    close_office(&office);
}

TEST(ZS_F08_the_year_is_cleared_and_what_the_months_held_back_is_released) {
    office_t office;
    open_office(&office);
    set_day(2022, 3, 5);
    points_bills(&office);
    DO(&office, clerk, "open_clearing", "{'period':'2022-03','fund':'RES','layer':'basic','budget':'80000.00'}");
    add_points(&office, "points-2022-03-RES-basic", false);
    DO(&office, clerk, "settle_clearing", "{'clearing':'points-2022-03-RES-basic'}");
    DO(&office, clerk, "open_clearing", "{'period':'2022','fund':'RES','layer':'basic','budget':'80000.00'}");
    add_points(&office, "points-2022-RES-basic", true);
    EQ(order(&office, clerk, "settle_clearing", "{'clearing':'points-2022-RES-basic'}"), E_OUT_OF_RANGE);
    HAS_TEXT(office.rig.err.text, "draw it up first");
    set_day(2022, 4, 5);
    draw_up(&office, 0, "2022-03");
    draw_up(&office, 1, "2022-03");
    const fen_t march[2] = {statement(&office, 0, "2022-03")->total->pay_fen,
                            statement(&office, 1, "2022-03")->total->pay_fen};
    DO(&office, clerk, "settle_clearing", "{'clearing':'points-2022-RES-basic'}");
    const Tc__Clearing *year = (const Tc__Clearing *)office.rig.reply;
    EQ(year->fund_fen, 8227700);
    EQ(year->value, 12302999);
    EQ(year->hospitals[0]->due_fen, 6618838);
    EQ(year->hospitals[1]->due_fen, 1608862);
    EQ(year->hospitals[0]->paid_fen, march[0]);
    EQ(order(&office, clerk, "open_clearing", "{'period':'2022-04','fund':'RES','layer':'basic','budget':'80000.00'}"),
       E_EXISTS);
    set_day(2023, 2, 5);
    draw_up(&office, 0, "2023-01");
    draw_up(&office, 1, "2023-01");
    const Tc__FacilityStatement *january = statement(&office, 0, "2023-01");
    OK(january->total->released_fen > 0);
    EQ(march[0] + january->total->pay_fen, 6618838);
    // The second hospital's quality is 0.98: it has 15,766.85 of 16,088.62 by the end of the year.
    EQ(march[1] + statement(&office, 1, "2023-01")->total->pay_fen, 1576685);
    EQ(-ledger(&office, "payable/"), 6618838 + 1576685); // nothing is paid yet, nothing is held any more
    close_office(&office);
}

// ---- against a slow obvious version

enum { FACILITIES = 3, BILLS = 40, MONTHS = 8, KEYS = 24, LINES = 4000, RECOVERIES = 30 };
// A key is (fund, county, year), in the order of names: CII, EMP, RES; the layer follows from the fund.
static const char *const key_funds[] = {"CII", "EMP", "RES"};

typedef struct model_line {
    int facility, bill, month, key;
    fen_t amount;
} model_line_t;

typedef struct model {
    version_t bills[BILLS];
    int facility_of[BILLS], year_of[BILLS];
    model_line_t lines[LINES];
    int line_count;
    struct {
        int bill;
        fen_t amount;
    } recoveries[RECOVERIES];
    int recovery_count;
    int drawn[FACILITIES]; // months 1 …; 0 none
    fen_t taken[BILLS][KEYS], carried[FACILITIES][KEYS], held[FACILITIES][KEYS], pay[FACILITIES][KEYS];
    rate_t hold[FACILITIES];
    fen_t paid;
} model_t;

static int key_of(int layer, const version_t *v, int year) {
    const int fund = layer == 1 ? 0 : v->identity ? 2 : 1;
    return fund * 8 + v->division * 2 + (year - 2020);
}

static void model_version(model_t *m, int bill, int month, const version_t *after) {
    const version_t *before = &m->bills[bill];
    for (int sign = -1; sign <= 1; sign += 2) {
        const version_t *v = sign < 0 ? before : after;
        for (int k = 0; k < 2; k++) {
            if (v->paid[k] == 0) continue;
            NEED(m->line_count < LINES);
            m->lines[m->line_count++] =
                (model_line_t){m->facility_of[bill], bill, month, key_of(k, v, m->year_of[bill]), sign * v->paid[k]};
        }
    }
}

static void model_sum(const model_t *m, int facility, int bill, int from, int to, fen_t out[KEYS]) {
    memset(out, 0, KEYS * sizeof *out);
    for (int i = 0; i < m->line_count; i++) {
        const model_line_t *line = &m->lines[i];
        if (line->facility == facility && (bill < 0 || line->bill == bill) && line->month >= from && line->month <= to)
            out[line->key] += line->amount;
    }
}

// Largest remainder, one fen after the other.
static void slow_split(fen_t total, const fen_t weights[KEYS], fen_t out[KEYS]) {
    fen_t sum = 0, given = 0;
    bool had[KEYS] = {false};
    for (int k = 0; k < KEYS; k++) sum += weights[k];
    for (int k = 0; k < KEYS; k++) given += out[k] = sum ? (fen_t)((wide_t)total * weights[k] / sum) : 0;
    while (sum && given < total) {
        int best = -1;
        wide_t most = -1;
        for (int k = 0; k < KEYS; k++) {
            const wide_t rest = (wide_t)total * weights[k] % sum;
            if (!had[k] && rest > most) best = k, most = rest;
        }
        had[best] = true;
        out[best]++, given++;
    }
}

static fen_t slow_rate(fen_t amount, rate_t rate) {
    const fen_t size = amount < 0 ? -amount : amount,
                part = (fen_t)(((wide_t)size * rate * 2 + RATE_ONE) / (2 * RATE_ONE));
    return amount < 0 ? -part : part;
}

// What the next statement must say, part by part: pay in m->pay.
static void model_draw(model_t *m, int facility, int month) {
    fen_t bills[KEYS], recovered[KEYS] = {0};
    model_sum(m, facility, -1, m->drawn[facility] + 1, month, bills);
    for (int bill = 0; bill < BILLS; bill++) {
        fen_t decided = 0, paid[KEYS], target[KEYS], all = 0;
        for (int i = 0; i < m->recovery_count; i++)
            if (m->recoveries[i].bill == bill) decided += m->recoveries[i].amount;
        if (!decided || m->facility_of[bill] != facility) continue;
        model_sum(m, facility, bill, 1, month, paid);
        for (int k = 0; k < KEYS; k++) all += paid[k];
        slow_split(decided < all ? decided : all, paid, target);
        for (int k = 0; k < KEYS; k++) {
            recovered[k] += target[k] - m->taken[bill][k];
            m->taken[bill][k] = target[k];
        }
    }
    for (int group = 0; group < KEYS; group += 2) {
        fen_t net[2];
        for (int i = 0; i < 2; i++) {
            const int k = group + i;
            const fen_t held = slow_rate(bills[k] - recovered[k], m->hold[facility]);
            net[i] = bills[k] - recovered[k] - held + m->carried[facility][k];
            m->held[facility][k] += held;
        }
        const bool carry = net[0] + net[1] < 0;
        for (int i = 0; i < 2; i++) {
            m->carried[facility][group + i] = carry ? net[i] : 0;
            m->pay[facility][group + i] = carry ? 0 : net[i];
        }
    }
    m->drawn[facility] = month;
}

static version_t random_version(void) {
    version_t v = {.identity = (int)draw(2), .division = (int)draw(DIVISIONS)};
    for (int k = 0; k < LAYERS; k++) v.paid[k] = draw(3) ? (fen_t)draw(1000000) : 0;
    return v;
}

static void story_bills(office_t *office, model_t *m, int month) {
    for (int i = 0; i < 25; i++) {
        const int bill = (int)draw(BILLS);
        version_t *before = &m->bills[bill], after = random_version();
        if (draw(4) == 0) after = (version_t){.identity = before->identity, .division = before->division}; // reversed
        if (draw(3) == 0) after.identity = before->identity, after.division = before->division;
        after.versions = before->versions + 1;
        set_day(2021, month, 1 + (int)draw(28));
        if (!before->versions) m->facility_of[bill] = (int)draw(FACILITIES), m->year_of[bill] = 2020 + (int)draw(2);
        settle_bill(office, bill, m->facility_of[bill], m->year_of[bill], &after, before->versions ? before : NULL);
        model_version(m, bill, month, &after);
        *before = after;
    }
}

static void story_recovery(office_t *office, model_t *m) {
    const int bill = (int)draw(BILLS);
    char name[24], amount[FEN_TEXT_MAX];
    fen_t paid[KEYS], all = 0, decided = 0;
    if (m->recovery_count == RECOVERIES || !m->bills[bill].versions) return;
    model_sum(m, m->facility_of[bill], bill, 1, MONTHS, paid);
    for (int k = 0; k < KEYS; k++) all += paid[k];
    for (int i = 0; i < m->recovery_count; i++)
        if (m->recoveries[i].bill == bill) decided += m->recoveries[i].amount;
    const fen_t wanted = 1 + (fen_t)draw(600000);
    bill_name(bill, name);
    const int code = order(office, clerk, "recover", "{'facility':'%s','bill':'%s','amount':'%s','reason':'drawn'}",
                           facility_name(m->facility_of[bill]), name, fen_format(wanted, amount));
    if (code == E_NOT_FOUND) { // a bill of no fund has no line
        EQ(all, 0);
        return;
    }
    EQ(code, decided + wanted <= all ? E_OK : E_OUT_OF_RANGE);
    if (code == E_OK) m->recoveries[m->recovery_count].bill = bill, m->recoveries[m->recovery_count++].amount = wanted;
}

static void check_statement(office_t *office, const model_t *m, int facility, const char *month) {
    const Tc__FacilityStatement *said = statement(office, facility, month);
    fen_t pay[KEYS] = {0}, carried[KEYS] = {0};
    for (size_t i = 0; i < said->n_parts; i++) {
        const Tc__StatementPart *part = said->parts[i];
        int fund = 0, county = 0;
        while (strcmp(key_funds[fund], part->fund) != 0) fund++;
        while (strcmp(divisions[county], part->county) != 0) county++;
        const int key = fund * 8 + county * 2 + (part->year - 2020);
        pay[key] += part->pay_fen, carried[key] += part->carried_fen;
        EQ(part->pay_fen, part->bills_fen + part->brought_fen - part->held_fen - part->recovered_fen +
                              part->released_fen + part->clearing_fen - part->carried_fen);
    }
    for (int k = 0; k < KEYS; k++) {
        EQ(pay[k], m->pay[facility][k]);
        EQ(carried[k], m->carried[facility][k]);
    }
}

static void pay_statement(office_t *office, model_t *m, int facility, const char *month) {
    fen_t sum = 0;
    for (int k = 0; k < KEYS; k++) sum += m->pay[facility][k];
    DO(office, clerk, "settle_statement", "{'facility':'%s','month':'%s','verdict':'confirmed'}",
       facility_name(facility), month);
    if (sum == 0) return;
    DO(office, clerk, "draft_orders", "{'month':'%s','facility':'%s'}", month, facility_name(facility));
    const char *number = ((Tc__PaymentOrders *)office->rig.reply)->orders[0]->number;
    DO(office, other, "approve_orders", "{'orders':['%s']}", number);
    DO(office, clerk, "send_orders", "{'orders':['%s']}", number);
    char text[FEN_TEXT_MAX];
    DO(office, clerk, "confirm_orders", "{'rows':[{'order':'%s','amount':'%s','result':'paid','on':'2021-01-20'}]}",
       number, fen_format(sum, text));
    EQ(((Tc__OrderReport *)office->rig.reply)->paid_fen, sum);
    m->paid += sum;
}

// Bills − recovered = paid + held + what the last statement carried, to the fen; and the ledger owes what is left.
static void check_end(office_t *office, const model_t *m) {
    fen_t bills = 0, taken = 0, held = 0, carried = 0, others = 0;
    for (int i = 0; i < m->line_count; i++) bills += m->lines[i].amount;
    for (int b = 0; b < BILLS; b++) {
        others += m->bills[b].paid[2];
        for (int k = 0; k < KEYS; k++) taken += m->taken[b][k];
    }
    for (int f = 0; f < FACILITIES; f++)
        for (int k = 0; k < KEYS; k++) held += m->held[f][k], carried += m->carried[f][k];
    EQ(bills - taken, m->paid + held + carried);
    EQ(-ledger(office, "payable/"), held + carried + others);
    EQ(-ledger(office, "recovered/"), taken);
}

TEST(every_fen_of_every_month_is_explained) {
    for (int round = 0; round < 4; round++) {
        static model_t m;
        office_t office;
        memset(&m, 0, sizeof m);
        open_office(&office);
        set_day(2021, 1, 4);
        give_money(&office, 100000000000);
        for (int f = 0; f < FACILITIES; f++) {
            char rate[FEN_TEXT_MAX];
            m.hold[f] = f ? (rate_t)draw(200000) : 0;
            DO(&office, clerk, "set_terms", "{'facility':'%s','year':2021,'hold':'%s','paper':'x'}", facility_name(f),
               rate_format(m.hold[f], rate));
        }
        for (int month = 1; month <= MONTHS; month++) {
            char name[16];
            snprintf(name, sizeof name, "2021-%02d", month);
            story_bills(&office, &m, month);
            for (int i = 0; i < 4; i++) story_recovery(&office, &m);
            set_day(2021, month + 1, 2);
            for (int f = 0; f < FACILITIES; f++) {
                if (month < MONTHS && draw(3) == 0) continue; // left to the next month
                const int code =
                    order(&office, clerk, "draw_statements", "{'facility':'%s','month':'%s'}", facility_name(f), name);
                if (code == E_NOT_FOUND) continue;
                NEED(code == E_OK);
                model_draw(&m, f, month);
                check_statement(&office, &m, f, name);
                pay_statement(&office, &m, f, name);
            }
        }
        check_end(&office, &m);
        close_office(&office);
        arena_reset(arena);
    }
}

TEST(the_ground_is_laid) {
    random_bytes(&seed, sizeof seed);
    if (getenv("SEED")) seed = strtoull(getenv("SEED"), NULL, 10);
    fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
    arena = arena_new(1024 * 1024, 0);
    NEED(arena != NULL);
    rig_ground_start();
}

TEST(the_ground_is_cleared) {
    rig_ground_stop();
    arena_destroy(&arena);
}

TESTS("statement", CASE(the_ground_is_laid), CASE(bills_less_what_is_held_back),
      CASE(a_recovery_waits_for_its_bill_and_never_takes_more_than_was_paid),
      CASE(a_fund_and_county_below_zero_is_carried_as_a_whole_and_pays_nobody_elses_bill),
      CASE(an_evaluation_releases_its_share_and_forfeits_the_rest), CASE(clearing_goes_where_the_bills_are),
      CASE(amounts_beyond_all_bounds_are_refused),
      CASE(a_month_is_frozen_and_a_later_difference_comes_when_it_is_known),
      CASE(a_rush_of_bills_goes_before_the_lines_of_statements),
      CASE(the_tick_reads_the_journal_and_drawing_up_again_after_a_rollback_is_the_same),
      CASE(a_facility_confirms_or_disputes_its_own_statement),
      CASE(what_an_order_or_a_statement_booked_is_not_reversed_behind_their_back),
      CASE(ZZ_V03_an_order_takes_two_people_and_is_paid_whole_or_refused),
      CASE(recoveries_are_bounded_by_what_the_fund_paid_of_the_bill),
      CASE(ZS_F07_a_facilitys_yearly_figure_is_kept_and_warned_of),
      CASE(YC_D21_the_yearly_evaluation_releases_what_was_held_back),
      CASE(ZS_B11_a_month_is_paid_by_points_at_its_share),
      CASE(ZS_F08_the_year_is_cleared_and_what_the_months_held_back_is_released),
      CASE(every_fen_of_every_month_is_explained), CASE(the_ground_is_cleared))
