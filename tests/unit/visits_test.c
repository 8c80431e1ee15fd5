// Catalogues, visits and bills with lines on a real store: loading row by row, what an instance holds of it, lines
// registered and settled. Built twice: on SQLite, and with ON_POSTGRES on a private PostgreSQL.
#include "services/adjudication/fee_lines.h"
#include "services/adjudication/adjudication.h"
#include "services/adjudication/catalogue_store.h"
#include "readjudication.pb-c.h"
#include "services/adjudication/scan.h"
#include "services/adjudication/store.h"
#include "services/adjudication/touched_lines.h"
#include "tests/service_rig.h"

#define T(text) ((char *)(text)) // protobuf-c wants char * where it only reads
#define FILE_HEX "0000000000000000000000000000000000000000000000000000000000000000"

typedef struct world {
    rig_t rig;
    adjudication_t *core;
    cache_t *cache;
    Tc__Entitlement person;
    int code; // of the last request of a turn
    char field[64], text[256];
    uint8_t reply[WIRE_MESSAGE_MAX_BYTES];
    size_t reply_bytes;
    bool collection_down;
    int64_t now_ms;
    void (*while_reading)(struct world *); // once, when the register is asked: another instance is at work
} world_t;

// ---- a world of our own

static int64_t port_now_ms(void *self) { return ((world_t *)self)->now_ms; }

static void port_reply(void *self, const request_t *request, int code, const err_t *err, const void *body,
                       size_t bytes) {
    world_t *world = self;
    (void)request;
    world->code = code;
    snprintf(world->field, sizeof world->field, "%s", err ? err->field : "");
    snprintf(world->text, sizeof world->text, "%s", err ? err->text : "");
    CHECK(bytes <= sizeof world->reply);
    world->reply_bytes = bytes;
    if (bytes) memcpy(world->reply, body, bytes);
}

static int port_entitlements(void *self, const char *const *asked, size_t count, arena_t *arena, Tc__Entitlements **out,
                             err_t *err) {
    world_t *world = self;
    if (world->while_reading) {
        void (*once)(world_t *) = world->while_reading;
        world->while_reading = NULL;
        once(world);
    }
    if (world->collection_down) return err_set(err, E_TIMEOUT, "down");
    static Tc__Entitlements answer; // no allocation that a sweep could let fail: a silent collection is no fault here
    static Tc__Entitlement *list[8];
    CHECK(count <= COUNT_OF(list));
    tc__entitlements__init(&answer);
    answer.entitlements = list;
    *out = &answer;
    (void)arena;
    for (size_t i = 0; i < count; i++)
        if (strcmp(asked[i], "P1") == 0) (*out)->entitlements[(*out)->n_entitlements++] = &world->person;
    return 0;
}

static void add_facility(world_t *world, const char *code, const char *level) {
    Tc__Agreement agreement = TC__AGREEMENT__INIT, *list[] = {&agreement};
    Tc__FacilityState state = TC__FACILITY_STATE__INIT;
    err_t err;
    agreement.from = T("2018-01-01");
    state.facility = T(code), state.version = 1, state.level = T(level), state.agreements = list;
    state.n_agreements = 1;
    NEED(facilities_apply(world->core->facilities, &state, &err) == E_OK);
}

static void make_person(world_t *world) {
    static Tc__Entitlement__Span span, *spans[] = {&span};
    tc__entitlement__init(&world->person);
    tc__entitlement__span__init(&span);
    span.identity = T("employee"), span.first_month = T("2014-12"), span.months_tier1 = span.months_tier2 = 1;
    world->person.person = T("P1"), world->person.version = 3, world->person.division = T("440703");
    world->person.birth = T("1980-06-15"), world->person.sex = T("female");
    world->person.spans = spans, world->person.n_spans = 1;
}

static world_t *open_world(void) {
    static const uint8_t secret[32];
    world_t *world = calloc(1, sizeof *world);
    policy_t *policy = NULL;
    err_t err = {0};
    NEED(world != NULL);
    rig_open(&world->rig, &adjudication_service);
    NEED(policy_load(&policy, TC_SOURCE_DIR "/config/cities/jiangmen.yaml",
                     (const char *const[]){TC_SOURCE_DIR "/config/samples/jiangmen-illustrative.yaml", NULL},
                     &err) == E_OK);
    NEED(adjudication_new(&world->core, &policy, &err) == E_OK);
    NEED(cache_new(&world->cache, "", secret, 50, &err) == E_OK);
    world->core->store = world->rig.ctx.store, world->core->cache = world->cache;
    world->core->stream = world->rig.ctx.stream, world->core->arena = world->rig.ctx.arena;
    world->core->ports = (adjudication_ports_t){
        .self = world, .now_ms = port_now_ms, .reply = port_reply, .entitlements = port_entitlements};
    world->core->facilities_ready = true;
    world->rig.self = world->core;
    world->now_ms = (int64_t)date_make(2019, 6, 1) * 86400000;
    add_facility(world, "H44070300001", "1");
    add_facility(world, "H44070300003", "3");
    make_person(world);
    return world;
}

static void close_world(world_t *world) {
    adjudication_destroy(&world->core);
    cache_destroy(&world->cache);
    rig_close(&world->rig);
    free(world);
}

// ---- asking

static void follow(world_t *world) {
    err_t err = {0};
    world->now_ms += CATALOGUE_POLL_MS;
    if (catalogues_follow(world->core->catalogues, world->core->store, world->now_ms, &err))
        fprintf(stderr, "%s\n", err.text);
    EQ(err.code, E_OK);
}

// One request of a turn; single quotes stand for double ones.
static int turn(world_t *world, const char *method, const char *id, const char *json) {
    ProtobufCMessage *message;
    char text[8192];
    err_t err = {0};
    size_t bytes;
    snprintf(text, sizeof text, "%s", json);
    for (char *c = text; *c; c++)
        if (*c == '\'') *c = '"';
    const ProtobufCMessageDescriptor *type = strcmp(method, "reverse") == 0         ? &tc__reverse_bill__descriptor
                                             : strcmp(method, "recompute") == 0     ? &tc__recompute__descriptor
                                             : strcmp(method, "get_decisions") == 0 ? &tc__get_decisions__descriptor
                                             : strcmp(method, "get_versions") == 0  ? &tc__get_versions__descriptor
                                                                                    : &tc__bill__descriptor;
    if (message_from_json(&message, type, text, strlen(text), world->rig.ctx.arena, &err))
        fprintf(stderr, "%s: %s\n", err.field, err.text);
    NEED(err.code == E_OK);
    uint8_t *body = message_pack(message, world->rig.ctx.arena, &bytes);
    request_t request = {.header = {.service = "adjudication",
                                    .method = method,
                                    .request_id = id,
                                    .key = "",
                                    .trace_id = "",
                                    .deadline_ms = INT64_MAX,
                                    .caller = strcmp(method, "recompute") == 0 ? "clerk:c1" : "hospital:h1"},
                         .body = body,
                         .body_bytes = bytes};
    world->code = -1;
    adjudication_batch(world->core, &request, 1);
    if (world->code) fprintf(stderr, "  %s: %s: %s\n", method, world->field, world->text);
    return world->code;
}

static const Tc__Decision *decision(world_t *world) {
    ProtobufCMessage *message;
    err_t err = {0};
    EQ(world->code, E_OK);
    NEED(message_unpack(&message, &tc__decision__descriptor, world->reply, world->reply_bytes, world->rig.ctx.arena,
                        &err) == E_OK);
    return (const Tc__Decision *)message;
}

static const Tc__CatalogueReport *load(world_t *world, const char *rows, const char *more) {
    RIG_DO(&world->rig, "load_catalogue", "{'file':'" FILE_HEX "','first_row':2,%s'rows':[%s]}", more, rows);
    return (const Tc__CatalogueReport *)world->rig.reply;
}

static void report_is(const Tc__CatalogueReport *report, int added, int unchanged, int refused) {
    EQ(report->added, added);
    EQ(report->unchanged, unchanged);
    EQ(report->refused, refused);
    for (size_t i = 0; i < report->n_problems; i++)
        fprintf(stderr, "  row %d %s %s: %s\n", report->problems[i]->row, report->problems[i]->code,
                report->problems[i]->field, report->problems[i]->text);
    EQ(report->n_problems, refused);
}

#define ROW(code, class, from, rest)                                                                                   \
    "{'kind':'drug','code':'" code "','name':'synthetic','class':'" class "','from':'" from "'" rest "}"
#define A_2018 ROW("XA01", "A", "2018-01-01", "")
#define B_2018 ROW("XB01", "B", "2018-01-01", ",'shares':[{'first_pay':'0.1'}],'limits':[{'price':'10.00'}]")
#define B_CITY ROW("XB02", "B", "2018-01-01", "")
#define C_2018 ROW("XC01", "C", "2018-01-01", "")

static int64_t one_number(world_t *world, const char *sql) {
    rows_t rows;
    err_t err = {0};
    NEED(store_query(world->core->store, sql, NULL, 0, world->rig.ctx.arena, &rows, &err) == E_OK);
    return row_i64(&rows, 0, 0);
}

// ---- loading

TEST(rows_are_loaded_once_and_a_later_one_ends_an_open_one) {
    world_t *world = open_world();
    report_is(load(world, A_2018 "," B_2018, ""), 2, 0, 0);
    report_is(load(world, A_2018 "," B_2018, ""), 0, 2, 0);
    report_is(load(world, ROW("XA01", "B", "2019-01-01", ""), ""), 1, 0, 0);
    report_is(load(world, A_2018 "," ROW("XA01", "B", "2019-01-01", ""), ""), 0, 2, 0); // the whole file again
    RIG_DO(&world->rig, "get_catalogue_item", "{'kind':'drug','code':'XA01','on':'2018-12-31'}");
    const Tc__CatalogueItem *item = (const Tc__CatalogueItem *)world->rig.reply;
    EQ_TEXT(item->class_, "A");
    EQ_TEXT(item->until, "2018-12-31");
    RIG_DO(&world->rig, "get_catalogue_item", "{'kind':'drug','code':'XA01'}"); // today
    item = (const Tc__CatalogueItem *)world->rig.reply;
    EQ_TEXT(item->class_, "B");
    EQ_TEXT(item->until, "");
    EQ(rig_ask(&world->rig, "get_catalogue_item", "{'kind':'drug','code':'XA01','on':'2017-12-31'}"), E_NOT_FOUND);
    EQ(rig_ask(&world->rig, "get_catalogue_item", "{'kind':'food','code':'XA01'}"), E_INVALID_FIELD);
    EQ(rig_ask(&world->rig, "get_catalogue_item", "{'kind':'drug','code':'x'}"), E_INVALID_FIELD);
    EQ(rig_ask(&world->rig, "get_catalogue_item", "{'kind':'drug','code':'XA01','on':'x'}"), E_INVALID_FIELD);
    close_world(world);
}

TEST(rows_at_fault_are_told_by_number_and_field_and_the_others_are_taken) {
    world_t *world = open_world();
    const Tc__CatalogueReport *report =
        load(world,
             A_2018 "," ROW("XA01", "B", "2018-01-01", "") "," ROW("XA01", "A", "2017-06-01", "") "," //
             ROW("XD01", "D", "2018-01-01", "") "," ROW("XE01", "A", "2018-02-30", "") "," C_2018,
             "");
    report_is(report, 2, 0, 4);
    const struct {
        int row;
        const char *code, *field;
    } expected[] = {{5, "INVALID_FIELD", "class"},
                    {6, "INVALID_FIELD", "from"},
                    {3, "EXISTS", "from"},
                    {4, "OUT_OF_RANGE", "until"}};
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        EQ(report->problems[i]->row, expected[i].row);
        EQ_TEXT(report->problems[i]->code, expected[i].code);
        EQ_TEXT(report->problems[i]->field, expected[i].field);
    }
    // A closed one is not shortened, and one in a gap is welcome.
    report_is(load(world, ROW("XF01", "A", "2018-01-01", ",'until':'2018-06-30'"), ""), 1, 0, 0);
    report = load(world, ROW("XF01", "B", "2018-06-30", ""), "");
    report_is(report, 0, 0, 1);
    EQ_TEXT(report->problems[0]->field, "from");
    report_is(load(world, ROW("XF01", "B", "2018-07-01", ""), ""), 1, 0, 0);
    report_is(load(world, ROW("XF01", "A", "2017-01-01", ",'until':'2017-12-31'"), ""), 1, 0, 0);
    EQ(rig_ask(&world->rig, "load_catalogue", "{'file':'x','first_row':2}"), E_INVALID_FIELD);
    EQ(rig_ask(&world->rig, "load_catalogue", "{'file':'" FILE_HEX "','first_row':0}"), E_OUT_OF_RANGE);
    close_world(world);
}

TEST(a_dry_load_tells_the_same_and_changes_nothing) {
    world_t *world = open_world();
    const char *rows = A_2018 "," ROW("XA01", "B", "2019-01-01", "") "," ROW("XA01", "C", "2018-06-01", "");
    report_is(load(world, rows, "'dry':true,"), 2, 0, 1);
    EQ(one_number(world, "SELECT COUNT(*) FROM catalogue_item"), 0);
    EQ(one_number(world, "SELECT number FROM catalogue_load"), 0);
    report_is(load(world, rows, ""), 2, 0, 1);
    EQ(one_number(world, "SELECT COUNT(*) FROM catalogue_item"), 2);
    close_world(world);
}

static int class_on(world_t *world, const char *code, int year) {
    const catalogue_t *index = catalogues_index(world->core->catalogues);
    const catalogue_entry_t *entry = index ? catalogue_find(index, FEE_KIND_DRUG, code, date_make(year, 6, 1)) : NULL;
    return entry ? entry->fee_class : -1;
}

TEST(an_instance_reads_what_came_since_at_most_once_a_second) {
    world_t *world = open_world();
    err_t err = {0};
    OK(!catalogues_index(world->core->catalogues));
    follow(world);
    OK(catalogues_index(world->core->catalogues) != NULL); // read to its end, though it is empty
    load(world, A_2018, "");
    EQ(catalogues_follow(world->core->catalogues, world->core->store, world->now_ms + CATALOGUE_POLL_MS - 1, &err), 0);
    EQ(class_on(world, "XA01", 2018), -1);
    follow(world);
    EQ(class_on(world, "XA01", 2018), FEE_CLASS_A);
    EQ(class_on(world, "XA01", 2019), FEE_CLASS_A);
    load(world, ROW("XA01", "C", "2019-01-01", ""), "");
    for (int i = 0; i < 2 * CATALOGUE_LOADS_AT_ONCE + 3; i++) { // more loads than are read at once
        char row[200];
        snprintf(row, sizeof row, ROW("XZ%02d", "B", "2018-01-01", ""), i);
        load(world, row, "");
    }
    follow(world);
    EQ(class_on(world, "XA01", 2018), FEE_CLASS_A);
    EQ(class_on(world, "XA01", 2019), FEE_CLASS_C);
    EQ(catalogue_count(catalogues_index(world->core->catalogues)), 2 + 2 * CATALOGUE_LOADS_AT_ONCE + 3);
    // Whoever starts later reads the same.
    catalogues_t *fresh = catalogues_new();
    EQ(catalogues_follow(fresh, world->core->store, world->now_ms, &err), 0);
    EQ(catalogue_count(catalogues_index(fresh)), 2 + 2 * CATALOGUE_LOADS_AT_ONCE + 3);
    OK(!catalogue_find(catalogues_index(fresh), FEE_KIND_DRUG, "XA99", date_make(2018, 1, 1)));
    EQ(catalogue_find(catalogues_index(fresh), FEE_KIND_DRUG, "XA01", date_make(2018, 6, 1))->until,
       date_make(2018, 12, 31));
    catalogues_destroy(&fresh);
    close_world(world);
}

// ---- bills with lines of their own

#define LINE(n, code, quantity, price, amount)                                                                         \
    "{'line':" #n ",'kind':'drug','code':'" code "','quantity_milli':" quantity ",'price':'" price                     \
    "','amount':'" amount "'}"
#define BILL_HEAD(number)                                                                                              \
    "'bill':'" number "','person':'P1','facility':'H44070300003','type':'inpatient','from':'2018-03-01',"              \
    "'to':'2018-03-10','area':'city','filing':'none'"
// 3,000.00 of class A, 2,000 × 12.00 of class B above its limit of 10.00, 500.00 of class C, 100.00 of nothing.
#define LINES                                                                                                          \
    LINE(1, "XA01", "1000", "3000.00", "3000.00")                                                                      \
    "," LINE(2, "XB01", "2000000", "12.00", "24000.00") "," LINE(3, "XC01", "1000", "500.00", "500.00") "," LINE(      \
        4, "XN01", "2500", "40.00", "100.00")
#define WITH_LINES(number) "{" BILL_HEAD(number) ",'lines':[" LINES "]}"

static void bill_is_split(const Tc__Decision *d) {
    EQ(d->total_fen, 2760000);
    EQ(d->in_scope_fen, 300000 + 1800000);
    EQ(d->input->full_own_fen, 60000);
    EQ(d->input->over_limit_fen, 400000);
    EQ(d->input->first_pay_fen, 200000);
    EQ(d->input->in_scope_fen, d->in_scope_fen);
    EQ(d->input->total_fen, d->total_fen);
    EQ(d->fund_fen + d->own_fen, d->total_fen);
}

static world_t *world_with_catalogue(void) {
    world_t *world = open_world();
    report_is(load(world, A_2018 "," B_2018 "," C_2018, ""), 3, 0, 0);
    follow(world);
    return world;
}

TEST(a_bill_with_lines_is_one_with_their_sums) {
    world_t *world = world_with_catalogue();
    EQ(turn(world, "quote", "q1", WITH_LINES("B1")), E_OK);
    bill_is_split(decision(world));
    EQ(turn(world, "settle", "s1", WITH_LINES("B1")), E_OK);
    const Tc__Decision *settled = decision(world);
    bill_is_split(settled);
    NEED(settled->input->n_lines == 4);
    EQ_TEXT(settled->input->lines[1]->class_, "B");
    EQ(settled->input->lines[1]->over_limit_fen, 400000);
    EQ(settled->input->lines[1]->first_pay_fen, 200000);
    EQ(settled->input->lines[1]->in_scope_fen, 1800000);
    HAS_TEXT(settled->input->lines[3]->reason, "no such entry");
    // The same amounts without lines are worth the same.
    EQ(turn(world, "quote", "q2",
            "{" BILL_HEAD("B2") ",'total':'27600.00','in_scope':'21000.00','full_own':'600.00',"
                                "'over_limit':'4000.00','first_pay':'2000.00'}"),
       E_OK);
    EQ(turn(world, "settle", "s1", WITH_LINES("B1")), E_OK); // again
    EQ(decision(world)->seq, 1);
    close_world(world);
}

TEST(amounts_beside_lines_must_say_the_same) {
    world_t *world = world_with_catalogue();
    const struct {
        const char *said, *field;
        int code;
    } cases[] = {
        {"'total':'27600.00','in_scope':'21000.00'", "", E_OK},
        {"'total':'27600.01'", "total", E_OUT_OF_RANGE},
        {"'in_scope':'21000.01'", "in_scope", E_OUT_OF_RANGE},
        {"'full_own':'1.00'", "full_own", E_OUT_OF_RANGE},
        {"'over_limit':'1.00'", "over_limit", E_OUT_OF_RANGE},
        {"'first_pay':'1.00'", "first_pay", E_OUT_OF_RANGE},
        {"'class_b':'1.00'", "class_b", E_OUT_OF_RANGE},
        {"'diagnosis':'not a code'", "diagnosis", E_INVALID_FIELD},
        {"'lines_registered':true", "lines_registered", E_INVALID_FIELD},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char json[4096];
        snprintf(json, sizeof json, "{" BILL_HEAD("B1") ",%s,'lines':[" LINES "]}", cases[i].said);
        EQ(turn(world, "quote", "q", json), cases[i].code);
        EQ_TEXT(world->field, cases[i].field);
    }
    EQ(turn(world, "quote", "q", "{" BILL_HEAD("B1") ",'lines':[" LINE(1, "XA01", "1000", "5.00", "5.02") "]}"),
       E_OUT_OF_RANGE);
    EQ_TEXT(world->field, "lines[0].amount");
    EQ(turn(world, "quote", "q", "{" BILL_HEAD("B1") ",'lines':[" LINE(1, "XA01", "1000", "0.00", "0.00") "]}"),
       E_OUT_OF_RANGE);
    EQ_TEXT(world->field, "total");
    EQ(turn(world, "quote", "q", "{" BILL_HEAD("B1") ",'total':'10.00','in_scope':'5.00','full_own':'4.00'}"),
       E_OUT_OF_RANGE);
    EQ_TEXT(world->field, "total");
    EQ(turn(world, "quote", "q", "{" BILL_HEAD("B1") ",'in_scope':'5.00','full_own':'4.00'}"), E_MISSING_FIELD);
    close_world(world);
}

TEST(lines_wait_for_the_catalogues_and_bills_without_lines_do_not) {
    world_t *world = open_world();
    EQ(turn(world, "quote", "q", WITH_LINES("B1")), E_UNAVAILABLE);
    EQ_TEXT(world->field, "lines");
    EQ(turn(world, "quote", "q", "{" BILL_HEAD("B1") ",'total':'10.00','in_scope':'5.00'}"), E_OK);
    follow(world);
    EQ(turn(world, "quote", "q", WITH_LINES("B1")), E_NOT_IN_FORCE); // read, and empty
    EQ_TEXT(world->field, "lines");
    close_world(world);
}

// A catalogue that was loaded a moment ago, by any instance, and not read here yet.
TEST(no_refusal_is_final_while_a_load_was_not_read) {
    world_t *world = open_world();
    char json[4096];
    follow(world); // read, and empty
    EQ(turn(world, "settle", "s0", WITH_LINES("B1")), E_NOT_IN_FORCE);
    report_is(load(world, A_2018 "," ROW("XB01", "B", "2018-01-01", ",'shares':[{'first_pay':'0.1'}]"), ""), 2, 0, 0);
    EQ(turn(world, "quote", "q1", WITH_LINES("B1")), E_UNAVAILABLE);
    EQ_TEXT(world->field, "lines");
    EQ(turn(world, "settle", "s1", WITH_LINES("B1")), E_UNAVAILABLE);
    EQ(rig_ask(&world->rig, "split",
               "{'person':'P1','facility':'H44070300003','type':'inpatient','to':'2018-03-10',"
               "'lines':[" LINE(1, "XB01", "1000", "100.00", "100.00") "]}"),
       E_UNAVAILABLE);
    follow(world);
    EQ(turn(world, "settle", "s1", WITH_LINES("B1")), E_OK);
    // Amounts that a hospital got from an instance that has read more: not refused for good either.
    report_is(load(world, ROW("XC09", "C", "2018-01-01", ""), ""), 1, 0, 0);
    snprintf(json, sizeof json, "{" BILL_HEAD("B2") ",'total':'99.00','lines':[%s]}",
             LINE(1, "XA01", "1000", "100.00", "100.00"));
    EQ(turn(world, "settle", "s2", json), E_UNAVAILABLE);
    EQ(one_number(world, "SELECT COUNT(*) FROM decision"), 1);
    follow(world);
    EQ(turn(world, "settle", "s2", json), E_OUT_OF_RANGE);
    EQ_TEXT(world->field, "total");
    close_world(world);
}

// ---- visits

#define VISIT(number)                                                                                                  \
    "{'bill':'" number "','person':'P1','facility':'H44070300003','type':'inpatient','from':'2018-03-01'}"
#define REGISTERED(number) "{" BILL_HEAD(number) ",'lines_registered':true}"

static const Tc__Visit *visit(world_t *world) { return (const Tc__Visit *)world->rig.reply; }

static void state_is(world_t *world, const char *number, const char *state) {
    RIG_DO(&world->rig, "get_visit", "{'bill':'%s','person':'P1'}", number);
    EQ_TEXT(visit(world)->state, state);
}

static int add_lines(world_t *world, const char *number, const char *lines) {
    return rig_ask(&world->rig, "add_lines", "{'bill':'%s','person':'P1','lines':[%s]}", number, lines);
}

TEST(a_visit_goes_from_lines_to_quote_to_settlement_to_reversal) {
    world_t *world = world_with_catalogue();
    RIG_DO(&world->rig, "register_visit", VISIT("V1"));
    EQ_TEXT(visit(world)->state, "registered");
    EQ(add_lines(world, "V1", LINE(1, "XA01", "1000", "3000.00", "3000.00")), E_OK);
    EQ(add_lines(world, "V1", LINES), E_OK); // line 1 is there and the same
    EQ(visit(world)->line_count, 4);
    EQ(visit(world)->amount_fen, 2760000);
    EQ(turn(world, "quote", "q1", REGISTERED("V1")), E_OK);
    bill_is_split(decision(world));
    EQ(turn(world, "quote", "q1", "{" BILL_HEAD("V1") ",'lines_registered':true,'total':'1.00'}"), E_OUT_OF_RANGE);
    state_is(world, "V1", "registered");
    EQ(turn(world, "settle", "s1", REGISTERED("V1")), E_OK);
    bill_is_split(decision(world));
    EQ(decision(world)->input->n_lines, 0); // they stay with the visit
    OK(decision(world)->input->lines_registered);
    EQ(turn(world, "settle", "s1", REGISTERED("V1")), E_OK);
    EQ(decision(world)->seq, 1);
    EQ(turn(world, "settle", "s2", REGISTERED("V1")), E_EXISTS);
    state_is(world, "V1", "settled");
    NEED(visit(world)->n_lines == 4);
    EQ_TEXT(visit(world)->lines[1]->class_, "B");
    EQ(visit(world)->lines[1]->first_pay_fen, 200000);
    EQ(add_lines(world, "V1", LINE(5, "XA01", "1000", "1.00", "1.00")), E_EXISTS);
    EQ(rig_ask(&world->rig, "remove_lines", "{'bill':'V1','person':'P1'}"), E_EXISTS);
    EQ(rig_ask(&world->rig, "cancel_visit", "{'bill':'V1','person':'P1'}"), E_EXISTS);
    EQ(turn(world, "reverse", "r1", "{'bill':'V1','person':'P1','reason':'entered twice'}"), E_OK);
    state_is(world, "V1", "reversed");
    EQ(add_lines(world, "V1", LINE(5, "XA01", "1000", "1.00", "1.00")), E_REVERSED);
    EQ(rig_ask(&world->rig, "register_visit", VISIT("V1")), E_EXISTS);
    close_world(world);
}

TEST(lines_come_and_go_until_the_visit_is_settled_or_cancelled) {
    world_t *world = world_with_catalogue();
    RIG_DO(&world->rig, "register_visit", VISIT("V1"));
    EQ(add_lines(world, "V1", LINES), E_OK);
    EQ(add_lines(world, "V1", LINE(1, "XA01", "1000", "3000.00", "3000.01")), E_EXISTS);
    EQ_TEXT(world->rig.err.field, "lines[0].line");
    EQ(rig_ask(&world->rig, "remove_lines", "{'bill':'V1','person':'P1','lines':[2,9]}"), E_NOT_FOUND);
    EQ(rig_ask(&world->rig, "remove_lines", "{'bill':'V1','person':'P1','lines':[2,2]}"), E_INVALID_FIELD);
    RIG_DO(&world->rig, "remove_lines", "{'bill':'V1','person':'P1','lines':[2,4]}");
    EQ(visit(world)->line_count, 2);
    EQ(visit(world)->amount_fen, 350000);
    EQ(add_lines(world, "V1", LINE(2, "XA01", "1000", "1.00", "1.00")), E_OK); // the number is free again
    RIG_DO(&world->rig, "get_visit", "{'bill':'V1','person':'P1','after_line':1}");
    EQ(visit(world)->n_lines, 2);
    EQ(visit(world)->line_count, 3);
    RIG_DO(&world->rig, "remove_lines", "{'bill':'V1','person':'P1'}");
    EQ(visit(world)->line_count, 0);
    EQ(visit(world)->amount_fen, 0);
    EQ(turn(world, "quote", "q1", REGISTERED("V1")), E_MISSING_FIELD);
    EQ_TEXT(world->field, "lines");
    RIG_DO(&world->rig, "cancel_visit", "{'bill':'V1','person':'P1'}");
    EQ_TEXT(visit(world)->state, "cancelled");
    EQ(add_lines(world, "V1", LINES), E_REVERSED);
    EQ(turn(world, "settle", "s1", REGISTERED("V1")), E_REVERSED);
    EQ(rig_ask(&world->rig, "cancel_visit", "{'bill':'V1','person':'P1'}"), E_REVERSED);
    close_world(world);
}

TEST(what_is_wrong_with_a_visit_is_told_by_field) {
    world_t *world = world_with_catalogue();
    const struct {
        const char *method, *json;
        int code;
        const char *field;
    } cases[] = {
        {"register_visit", "{'person':'P1'}", E_MISSING_FIELD, "bill"},
        {"register_visit", "{'bill':'V 1','person':'P1'}", E_INVALID_FIELD, "bill"},
        {"register_visit", "{'bill':'V2','person':'P1','facility':'x'}", E_INVALID_FIELD, "facility"},
        {"register_visit", "{'bill':'V2','person':'P1','facility':'H44070300003','type':'x'}", E_INVALID_FIELD, "type"},
        {"register_visit", "{'bill':'V2','person':'P1','facility':'H44070300003','type':'inpatient'}", E_MISSING_FIELD,
         "from"},
        {"register_visit",
         "{'bill':'V2','person':'P1','facility':'H44070300003','type':'inpatient','from':'2199-01-01'}", E_OUT_OF_RANGE,
         "from"},
        {"register_visit",
         "{'bill':'V2','person':'P1','facility':'H44070300003','type':'inpatient','from':'2018-01-01',"
         "'diagnosis':'?'}",
         E_INVALID_FIELD, "diagnosis"},
        {"add_lines", "{'bill':'V9','person':'P1','lines':[" LINES "]}", E_NOT_FOUND, "bill"},
        {"add_lines", "{'bill':'V1','person':'P2','lines':[" LINES "]}", E_OUT_OF_RANGE, "person"},
        {"add_lines", "{'bill':'V1','person':'P1'}", E_MISSING_FIELD, "lines"},
        {"add_lines", "{'bill':'V1','person':'P1','lines':[{'line':1,'kind':'drug','code':'XA01'}]}", E_OUT_OF_RANGE,
         "lines[0].quantity_milli"},
        {"add_lines",
         "{'bill':'V1','person':'P1','lines':[{'line':1,'kind':'drug','code':'XA01','quantity_milli':1000,"
         "'price':'1.00','amount':'1.00','used_on':'2018-02-28'}]}",
         E_OUT_OF_RANGE, "lines[0].used_on"},
        {"get_visit", "{'bill':'V9','person':'P1'}", E_NOT_FOUND, "bill"},
        {"get_visit", "{'bill':'V1','person':'P1','after_line':-1}", E_OUT_OF_RANGE, "after_line"},
    };
    RIG_DO(&world->rig, "register_visit", VISIT("V1"));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        EQ(rig_ask(&world->rig, cases[i].method, "%s", cases[i].json), cases[i].code);
        EQ_TEXT(world->rig.err.field, cases[i].field);
    }
    EQ(turn(world, "settle", "s1", REGISTERED("V9")), E_NOT_FOUND);
    EQ(add_lines(world, "V1", LINES), E_OK);
    EQ(turn(world, "settle", "s1",
            "{'bill':'V1','person':'P1','facility':'H44070300001','type':'inpatient','from':'2018-03-01',"
            "'to':'2018-03-10','area':'city','filing':'none','lines_registered':true}"),
       E_OUT_OF_RANGE);
    EQ_TEXT(world->field, "facility");
    EQ(one_number(world, "SELECT COUNT(*) FROM decision"), 0);
    close_world(world);
}

// Another instance takes lines while this one decides: the key refuses the settlement, which then reads them too.
static void add_one_more(world_t *world) {
    Tc__FeeLine line = TC__FEE_LINE__INIT;
    uint8_t body[256];
    err_t err = {0};
    line.line = 9, line.kind = T("drug"), line.code = T("XA01"), line.quantity_milli = 1000;
    line.price_fen = line.amount_fen = 300000;
    cell_t params[] = {cell_blob(body, protobuf_c_message_pack(&line.base, body))};
    NEED(store_exec(world->core->store, "INSERT INTO visit_line (bill, line, body) VALUES ('V1', 9, $1)", params, 1,
                    &err) == E_OK);
    NEED(store_exec(world->core->store,
                    "INSERT INTO visit (bill, revision, state, line_count, amount_fen, at_ms, body) SELECT bill,"
                    " revision + 1, state, line_count + 1, amount_fen + 300000, at_ms, body FROM visit"
                    " WHERE bill = 'V1' AND revision = 2",
                    NULL, 0, &err) == E_OK);
}

TEST(lines_that_come_while_a_bill_settles_are_in_it) {
    world_t *world = world_with_catalogue();
    RIG_DO(&world->rig, "register_visit", VISIT("V1"));
    EQ(add_lines(world, "V1", LINES), E_OK);
    world->while_reading = add_one_more; // after the lines were read, before the row is written
    EQ(turn(world, "settle", "s1", REGISTERED("V1")), E_OK);
    EQ(one_number(world, "SELECT COUNT(*) FROM decision"), 1);
    fen_t lines = 0;
    RIG_DO(&world->rig, "get_visit", "{'bill':'V1','person':'P1'}");
    EQ_TEXT(visit(world)->state, "settled");
    for (size_t i = 0; i < visit(world)->n_lines; i++) lines += visit(world)->lines[i]->amount_fen;
    EQ(lines, 3060000);
    EQ(decision(world)->total_fen, lines);
    EQ(visit(world)->amount_fen, lines);
    close_world(world);
}

// ---- decided again

static const Tc__Decision *newest(world_t *world, const char *bill) {
    ProtobufCMessage *message;
    rows_t rows;
    err_t err = {0};
    size_t bytes;
    cell_t params[] = {cell_text(bill)};
    NEED(store_query(world->core->store, "SELECT body FROM decision WHERE bill = $1 ORDER BY version DESC LIMIT 1",
                     params, 1, world->rig.ctx.arena, &rows, &err) == E_OK);
    const void *body = row_blob(&rows, 0, 0, &bytes);
    NEED(message_unpack(&message, &tc__decision__descriptor, body, bytes, world->rig.ctx.arena, &err) == E_OK);
    return (const Tc__Decision *)message;
}

// With a catalogue in which what a retiree pays first is less than what others do.
static world_t *open_world_of_shares(void) {
    world_t *world = open_world();
    report_is(load(world,
                   A_2018 "," ROW("XB01", "B", "2018-01-01",
                                  ",'shares':[{'first_pay':'0.1'},{'who':'retiree','first_pay':'0.05'}]"),
                   ""),
              2, 0, 0);
    follow(world);
    return world;
}

// A later look at the person finds another identity: what is paid first changes with it, for lines of a bill and for
// lines of a visit alike, in every version from then on.
static void split_again(const char *lines_of_bill) {
    world_t *world = open_world_of_shares();
    char bill[4096];
    snprintf(bill, sizeof bill, "{" BILL_HEAD("V1") ",%s}", lines_of_bill);
    if (strstr(lines_of_bill, "registered")) {
        RIG_DO(&world->rig, "register_visit", VISIT("V1"));
        EQ(add_lines(world, "V1", LINE(1, "XB01", "1000", "10000.00", "10000.00")), E_OK);
    }
    EQ(turn(world, "settle", "s1", bill), E_OK);
    EQ(decision(world)->input->first_pay_fen, 100000);
    // A bill that comes late is put before it, and both keep their own lines.
    EQ(turn(world, "settle", "s2",
            "{'bill':'V0','person':'P1','facility':'H44070300003','type':'inpatient','from':'2018-02-01',"
            "'to':'2018-02-10','area':'city','filing':'none','total':'100.00','lines':[" LINE(1, "XB01", "1000",
                                                                                              "100.00", "100.00") "]}"),
       E_OK);
    EQ(decision(world)->input->first_pay_fen, 1000);
    EQ(turn(world, "settle", "s3",
            "{'bill':'V2','person':'P1','facility':'H44070300003','type':'inpatient','from':'2018-02-01',"
            "'to':'2018-02-11','area':'city','filing':'none','total':'101.00','lines':[" LINE(1, "XB01", "1000",
                                                                                              "100.00", "100.00") "]}"),
       E_OUT_OF_RANGE); // also of a late bill the amounts must say the same
    world->person.spans[0]->identity = T("retiree");
    world->person.version++;
    EQ(turn(world, "recompute", "r1", "{'person':'P1','year':2018,'cause':'retired earlier'}"), E_OK);
    EQ(one_number(world, "SELECT COUNT(*) FROM decision WHERE kind = 2"), 2);
    EQ(newest(world, "V1")->input->first_pay_fen, 50000);
    EQ(newest(world, "V1")->input->in_scope_fen, 950000);
    EQ(newest(world, "V1")->total_fen, 1000000);
    EQ(newest(world, "V0")->input->first_pay_fen, 500);
    EQ_TEXT(newest(world, "V1")->kind, "recomputed");
    close_world(world);
}

TEST(lines_of_a_bill_are_split_anew_when_it_is_decided_again) {
    split_again("'lines':[" LINE(1, "XB01", "1000", "10000.00", "10000.00") "]");
}
TEST(lines_of_a_visit_are_split_anew_when_its_bill_is_decided_again) { split_again("'lines_registered':true"); }

// ---- many visits in one turn

enum { STAYS = 12 };

// Visits of a year, each with lines of its own, then what has them decided again: a late one, a reversal, another
// identity. Tells how many round trips for visits and lines the last three took.
static void live_through(world_t *world, int64_t reads[3]) {
    char json[512], id[16];
    metric_t *counted = world->core->metrics.visit_reads;
    for (int i = STAYS - 1; i >= 0; i--) { // the last is handed in first: each is late but that
        const int month = 1 + i;
        RIG_DO(&world->rig, "register_visit",
               "{'bill':'S%d','person':'P1','facility':'H44070300003','type':'inpatient','from':'2018-%02d-01'}", i,
               month);
        for (int line = 1; line <= 1 + i % 3; line++)
            RIG_DO(&world->rig, "add_lines",
                   "{'bill':'S%d','person':'P1','lines':[{'line':%d,'kind':'drug','code':'XB01','quantity_milli':1000,"
                   "'price':'%d.00','amount':'%d.00'}]}",
                   i, line, 4000 + 100 * i + line, 4000 + 100 * i + line);
        snprintf(json, sizeof json,
                 "{'bill':'S%d','person':'P1','facility':'H44070300003','type':'inpatient','from':'2018-%02d-01',"
                 "'to':'2018-%02d-05','area':'city','filing':'none','lines_registered':true}",
                 i, month, month);
        snprintf(id, sizeof id, "s%d", i);
        reads[0] = metric_value(counted);
        EQ(turn(world, "settle", id, json), E_OK);
        reads[0] = metric_value(counted) - reads[0];
    }
    reads[1] = metric_value(counted);
    EQ(turn(world, "reverse", "r", "{'bill':'S3','person':'P1','reason':'entered twice'}"), E_OK);
    reads[1] = metric_value(counted) - reads[1];
    world->person.spans[0]->identity = T("retiree");
    world->person.version++;
    reads[2] = metric_value(counted);
    EQ(turn(world, "recompute", "all", "{'person':'P1','year':2018,'cause':'retired earlier'}"), E_OK);
    reads[2] = metric_value(counted) - reads[2];
}

static uint64_t everything(world_t *world) {
    static const char *const tables[] = {
        "SELECT bill, version, kind, seq, body FROM decision ORDER BY number",
        "SELECT bill, version, last_line, body FROM visit_split ORDER BY 1, 2, 3",
        "SELECT bill, revision, state, line_count, amount_fen FROM visit ORDER BY 1, 2"};
    uint64_t sum = 0;
    err_t err = {0};
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        rows_t rows;
        NEED(store_query(world->core->store, tables[i], NULL, 0, world->rig.ctx.arena, &rows, &err) == E_OK);
        OK(rows.count >= STAYS);
        for (size_t cell = 0; cell < rows.count * rows.width; cell++) {
            const cell_t *c = &rows.cells[cell];
            sum = c->type == CELL_I64 ? hash64(&c->i64, sizeof c->i64, sum) : hash64(c->data, c->size, sum);
        }
    }
    return sum;
}

TEST(lines_of_many_visits_are_read_at_once_and_the_answers_are_those_of_one_by_one) {
    static const int64_t some = 7; // lines: the first visits are read ahead, the others one by one
    const int64_t ahead[] = {ADJUDICATION_LINES_AHEAD, 0, some};
    uint64_t sums[3];
    int64_t reads[3][3];
    for (int i = 0; i < 3; i++) {
        world_t *world = open_world_of_shares();
        world->core->lines_ahead = ahead[i];
        live_through(world, reads[i]);
        sums[i] = everything(world);
        fprintf(stderr,
                "    lines ahead %lld: queries for visits and lines of a late bill before %d, a reversal before"
                " %d, a recomputation of %d: %lld, %lld, %lld\n",
                (long long)ahead[i], STAYS - 1, STAYS - 4, STAYS - 1, (long long)reads[i][0], (long long)reads[i][1],
                (long long)reads[i][2]);
        close_world(world);
    }
    OK(sums[0] == sums[1] && sums[0] == sums[2]);
    EQ(reads[0][0], 4); // the bill's own visit and lines, those of all others
    EQ(reads[0][1], 2);
    EQ(reads[0][2], 2);
    EQ(reads[1][2], 1 + 2 * (STAYS - 1));
    OK(reads[2][2] > reads[0][2] && reads[2][2] < reads[1][2]);
}

// ---- an entry amended backwards

static void scan(world_t *world) {
    arena_t *own = arena_new(1 << 16, 0);
    err_t err = {0};
    bool moved = true;
    NEED(own != NULL);
    for (int i = 0; moved && i < 100; i++)
        if (scan_step(world->core->store, own, world->now_ms, &moved, &err)) fprintf(stderr, "%s\n", err.text);
    EQ(err.code, E_OK);
    arena_destroy(&own);
}

static int affected(world_t *world, const char *question) {
    int bills = 0;
    RIG_DO(&world->rig, "find_affected", "%s", question);
    const Tc__Affected *answer = (const Tc__Affected *)world->rig.reply;
    for (size_t i = 0; i < answer->n_items; i++) bills += answer->items[i]->bills;
    OK(answer->done);
    return bills;
}

#define ONE_LINE(number, day, line)                                                                                    \
    "{'bill':'" number "','person':'P1','facility':'H44070300003','type':'inpatient','from':'" day "','to':'" day      \
    "','area':'city','filing':'none','lines':[" line "]}"

TEST(an_entry_amended_backwards_asks_for_the_bills_with_its_lines) {
    for (int registered = 0; registered < 2; registered++) {
        world_t *world = world_with_catalogue();
        world->now_ms += TOUCHED_LINES_DELAY_MS;
        scan(world); // of the first load: nobody had a bill
        EQ(one_number(world, "SELECT COUNT(*) FROM recompute_queue"), 0);
        EQ(one_number(world, "SELECT COUNT(*) FROM catalogue_touched"), 0);
        EQ(turn(world, "settle", "s1", ONE_LINE("B1", "2018-01-10", LINE(1, "XA01", "1000", "3000.00", "3000.00"))), 0);
        if (registered) {
            RIG_DO(&world->rig, "register_visit", VISIT("B2"));
            EQ(add_lines(world, "B2", LINES), E_OK);
        }
        EQ(turn(world, "settle", "s2", registered ? REGISTERED("B2") : WITH_LINES("B2")), E_OK);
        const fen_t before = newest(world, "B2")->in_scope_fen;
        EQ(affected(world, "{'codes':['drug XA01']}"), 2);
        EQ(affected(world, "{'codes':['drug XB01','drug XC99']}"), 1);
        EQ(affected(world, "{'codes':['drug XA01'],'from':'2018-02-01'}"), 1);
        EQ(affected(world, "{'codes':['item XA01']}"), 0);
        EQ(rig_ask(&world->rig, "find_affected", "{'codes':['XA01']}"), E_INVALID_FIELD);
        // Of class C from March on: the bill of January is not asked for by it, and neither is one decided after it.
        load(world, ROW("XA01", "C", "2018-03-01", ""), "");
        scan(world);
        EQ(one_number(world, "SELECT COUNT(*) FROM recompute_queue"), 0); // not yet everywhere
        world->now_ms += TOUCHED_LINES_DELAY_MS;
        follow(world);
        EQ(turn(world, "settle", "s3", ONE_LINE("B3", "2018-03-20", LINE(1, "XA01", "1000", "3000.00", "3000.00"))), 0);
        EQ(decision(world)->in_scope_fen, 0);
        scan(world);
        EQ(one_number(world, "SELECT COUNT(*) FROM recompute_queue WHERE person = 'P1' AND year = 2018"), 1);
        EQ(one_number(world, "SELECT found FROM recompute_task ORDER BY number DESC LIMIT 1"), 1);
        EQ(turn(world, "recompute", "r1", "{'person':'P1','year':2018,'cause':'the catalogues changed'}"), E_OK);
        EQ(newest(world, "B2")->in_scope_fen, before - 300000);
        EQ(newest(world, "B1")->version, 1);
        // Tomorrow's entry touches nobody.
        load(world, ROW("XC01", "B", "2199-01-01", ""), "");
        EQ(one_number(world, "SELECT COUNT(*) FROM catalogue_touched WHERE task = 0"), 0);
        close_world(world);
    }
}

// More codes than are looked for one by one: any line of their days.
TEST(a_load_of_very_many_entries_asks_for_every_line_of_their_days) {
    world_t *world = world_with_catalogue();
    err_t err = {0};
    rows_t rows;
    const touched_lines_t *lines;
    arena_t *arena = world->rig.ctx.arena;
    rows_init(&rows, arena, 4);
    for (int i = 0; i <= TOUCHED_LINES_MAX; i++) {
        cell_t *row = rows_add(&rows);
        NEED(row != NULL);
        row[0] = cell_text("drug");
        row[1] = cell_text(arena_text(arena, "Z%05d", i));
        row[2] = cell_i64(date_make(2018, 3, 1));
        row[3] = cell_i64(date_make(2018, 3, 31));
    }
    EQ(store_exec(world->core->store, "DELETE FROM catalogue_touched", NULL, 0, &err), 0);
    EQ(touched_lines_note(world->core->store, &rows, world->now_ms, arena, &err), 0);
    EQ(touched_lines_of_task(world->core->store, 0, arena, &lines, &err), 0);
    OK(lines->every);
    EQ(turn(world, "settle", "s1", ONE_LINE("B1", "2018-02-10", LINE(1, "XA01", "1000", "3000.00", "3000.00"))), 0);
    EQ(turn(world, "settle", "s2", WITH_LINES("B2")), E_OK);
    world->now_ms += TOUCHED_LINES_DELAY_MS;
    scan(world);
    EQ(one_number(world, "SELECT found FROM recompute_task ORDER BY number DESC LIMIT 1"), 1);
    close_world(world);
}

// The split of a settled visit is that of its decision, whatever the catalogues and the person became since; every
// version keeps its own.
TEST(every_version_keeps_the_lines_it_was_decided_on) {
    world_t *world = open_world_of_shares();
    RIG_DO(&world->rig, "register_visit", VISIT("V1"));
    for (int line = 1; line <= 250; line++) { // more than stand in one row
        char text[200];
        snprintf(text, sizeof text,
                 "{'line':%d,'kind':'drug','code':'XB01','quantity_milli':1000,'price':'100.00','amount':'100.00'}",
                 line);
        if (line == 250) snprintf(text, sizeof text, "%s", LINE(9999, "XA01", "1000", "5000.00", "5000.00"));
        EQ(add_lines(world, "V1", text), E_OK);
    }
    EQ(turn(world, "settle", "s1", REGISTERED("V1")), E_OK);
    EQ(decision(world)->input->first_pay_fen, 249 * 1000);
    EQ(decision(world)->input->n_lines, 0);
    world->person.spans[0]->identity = T("retiree");
    world->person.version++;
    RIG_DO(&world->rig, "get_visit", "{'bill':'V1','person':'P1'}");
    NEED(visit(world)->n_lines == 250);
    EQ(visit(world)->lines[0]->first_pay_fen, 1000);
    EQ(visit(world)->lines[249]->line, 9999);
    EQ(visit(world)->version, 1);
    EQ(turn(world, "recompute", "r0", "{'person':'P1','year':2018,'cause':'retired earlier','dry':true}"), E_OK);
    EQ(one_number(world, "SELECT COUNT(DISTINCT version) FROM visit_split"), 1);
    EQ(turn(world, "recompute", "r1", "{'person':'P1','year':2018,'cause':'retired earlier'}"), E_OK);
    RIG_DO(&world->rig, "get_visit", "{'bill':'V1','person':'P1','after_line':199}");
    NEED(visit(world)->n_lines == 51);
    EQ(visit(world)->lines[0]->line, 200);
    EQ(visit(world)->lines[0]->first_pay_fen, 500);
    EQ(visit(world)->version, 2);
    RIG_DO(&world->rig, "get_visit", "{'bill':'V1','person':'P1','version':1}");
    EQ(visit(world)->lines[0]->first_pay_fen, 1000);
    EQ(visit(world)->version, 1);
    // Reversed, it shows what it last stood for; the reversal has no lines of its own.
    EQ(turn(world, "reverse", "x1", "{'bill':'V1','person':'P1','reason':'entered twice'}"), E_OK);
    RIG_DO(&world->rig, "get_visit", "{'bill':'V1','person':'P1'}");
    EQ_TEXT(visit(world)->state, "reversed");
    EQ(visit(world)->version, 2);
    EQ(visit(world)->lines[0]->first_pay_fen, 500);
    close_world(world);
}

// Whatever was decided can be read, sent and told: what would grow past a message is refused before.
static int settle_long(world_t *world, const char *number, const char *day, size_t lines, size_t name, size_t policy) {
    Tc__Bill bill = TC__BILL__INIT;
    Tc__Quoted quoted = TC__QUOTED__INIT;
    arena_t *arena = arena_new(1 << 20, 0);
    bill.bill = T(number), bill.person = T("P1"), bill.facility = T("H44070300003"), bill.type = T("inpatient");
    bill.from = bill.to = T(day), bill.area = T("city"), bill.filing = T("none");
    bill.lines = arena_alloc(arena, lines * sizeof *bill.lines);
    for (; bill.n_lines < lines; bill.n_lines++) {
        Tc__FeeLine *line = bill.lines[bill.n_lines] = arena_alloc(arena, sizeof *line);
        tc__fee_line__init(line);
        line->line = (int)bill.n_lines + 1, line->kind = T("drug"), line->code = T("XN01");
        line->quantity_milli = 1000, line->price_fen = line->amount_fen = 100;
        line->name = memset(arena_alloc(arena, name + 1), 'n', name);
    }
    if (policy) {
        quoted.policy = memset(arena_alloc(arena, policy + 1), 'p', policy);
        bill.quoted = &quoted;
    }
    size_t bytes;
    const void *body = message_pack(&bill.base, arena, &bytes);
    request_t request = {.header = {.service = "adjudication",
                                    .method = "settle",
                                    .request_id = number,
                                    .key = "",
                                    .trace_id = "",
                                    .deadline_ms = INT64_MAX,
                                    .caller = "hospital:h1"},
                         .body = body,
                         .body_bytes = bytes};
    world->code = -1;
    adjudication_batch(world->core, &request, 1);
    arena_destroy(&arena);
    return world->code;
}

static const Tc__Decisions *many(world_t *world, const char *method, const char *json) {
    ProtobufCMessage *message;
    err_t err = {0};
    EQ(turn(world, method, "m", json), E_OK);
    NEED(message_unpack(&message, &tc__decisions__descriptor, world->reply, world->reply_bytes, world->rig.ctx.arena,
                        &err) == E_OK);
    return (const Tc__Decisions *)message;
}

TEST(decisions_of_any_length_can_be_read) {
    world_t *world = world_with_catalogue();
    EQ(settle_long(world, "L0", "2018-02-01", FEE_LINES_AT_ONCE + 1, 1, 0), E_TOO_LARGE);
    EQ_TEXT(world->field, "lines");
    EQ(settle_long(world, "L0", "2018-02-01", 1, 1, 900 * 1024), E_TOO_LARGE);
    EQ_TEXT(world->field, "bill");
    const char *days[] = {"2018-02-01", "2018-02-02", "2018-02-03", "2018-02-04", "2018-02-05"};
    char number[8];
    for (size_t i = 0; i < COUNT_OF(days); i++) {
        snprintf(number, sizeof number, "L%zu", i);
        EQ(settle_long(world, number, days[i], FEE_LINES_AT_ONCE, FEE_NAME_MAX, 0), E_OK);
    }
    size_t read = 0;
    int64_t after = 0;
    for (bool done = false; !done;) {
        char json[100];
        snprintf(json, sizeof json, "{'person':'P1','year':2018,'after':%lld}", (long long)after);
        const Tc__Decisions *page = many(world, "get_decisions", json);
        NEED(page->n_decisions > 0);
        for (size_t i = 0; i < page->n_decisions; i++) EQ(page->decisions[i]->input->n_lines, FEE_LINES_AT_ONCE);
        read += page->n_decisions;
        after = page->decisions[page->n_decisions - 1]->seq;
        done = page->done;
    }
    EQ(read, COUNT_OF(days));
    for (int i = 0; i < 4; i++) { // each time the bill is decided again
        char json[200];
        snprintf(json, sizeof json,
                 "{'bill':'E%d','person':'P1','facility':'H44070300003','type':'inpatient','from':'2018-01-0%d',"
                 "'to':'2018-01-0%d','area':'city','filing':'none','total':'9000.00','in_scope':'9000.00'}",
                 i, i + 1, i + 1);
        snprintf(number, sizeof number, "e%d", i);
        EQ(turn(world, "settle", number, json), E_OK);
    }
    const Tc__Decisions *versions = many(world, "get_versions", "{'bill':'L0'}");
    NEED(versions->n_decisions == 5);
    EQ(versions->decisions[4]->input->n_lines, FEE_LINES_AT_ONCE);
    EQ(versions->decisions[0]->total_fen, 100 * FEE_LINES_AT_ONCE);
    close_world(world);
}

// ---- the split alone

TEST(lines_are_split_without_a_visit) {
    world_t *world = world_with_catalogue();
    RIG_DO(&world->rig, "split",
           "{'person':'P1','facility':'H44070300003','type':'inpatient','to':'2018-03-10','lines':[" LINES "]}");
    const Tc__SplitResult *result = (const Tc__SplitResult *)world->rig.reply;
    EQ(result->total_fen, 2760000);
    EQ(result->full_own_fen, 60000);
    EQ(result->over_limit_fen, 400000);
    EQ(result->first_pay_fen, 200000);
    EQ(result->in_scope_fen, 2100000);
    NEED(result->n_lines == 4);
    EQ_TEXT(result->lines[2]->class_, "C");
#define ASK "{'person':'%s','facility':'H44070300003','type':'%s','to':'%s','lines':[]}"
    EQ(rig_ask(&world->rig, "split", ASK, "P9", "inpatient", "2018-03-10"), E_NOT_FOUND);
    EQ(rig_ask(&world->rig, "split", ASK, "P1", "x", "2018-03-10"), E_INVALID_FIELD);
    EQ(rig_ask(&world->rig, "split", ASK, "P1", "inpatient", ""), E_MISSING_FIELD);
    world->collection_down = true;
    EQ(rig_ask(&world->rig, "split", ASK, "P1", "inpatient", "2018-03-10"), E_UNAVAILABLE);
    close_world(world);
}

// What limits of use ask of the person comes from the entitlement.
TEST(sex_and_age_are_those_of_the_entitlement) {
    world_t *world = open_world();
    load(world,
         ROW("XM01", "A", "2018-01-01", ",'sex':'male'") "," ROW("XF01", "A", "2018-01-01", ",'sex':'female'") "," ROW(
             "XK01", "A", "2018-01-01", ",'age_max':14") "," ROW("XI01", "A", "2018-01-01", ",'diagnoses':['I10']"),
         "");
    follow(world);
    EQ(turn(world, "quote", "q",
            "{" BILL_HEAD("B1") ",'diagnosis':'I10.x','lines':[" LINE(1, "XM01", "1000", "1.00", "1.00") "," LINE(
                2, "XF01", "1000", "2.00", "2.00") "," LINE(3, "XK01", "1000", "4.00",
                                                            "4.00") "," LINE(4, "XI01", "1000", "8.00", "8.00") "]}"),
       E_OK);
    EQ(decision(world)->in_scope_fen, 1000);
    HAS_TEXT(decision(world)->input->lines[0]->reason, "sex");
    HAS_TEXT(decision(world)->input->lines[2]->reason, "age");
    world->person.sex = T(""), world->person.birth = T("");
    EQ(turn(world, "quote", "q",
            "{" BILL_HEAD("B1") ",'lines':[" LINE(1, "XM01", "1000", "1.00", "1.00") "," LINE(
                3, "XK01", "1000", "4.00", "4.00") "," LINE(4, "XI01", "1000", "8.00", "8.00") "]}"),
       E_OK);
    EQ(decision(world)->in_scope_fen, 500); // no diagnosis was given
    close_world(world);
}

TEST(the_ground_is_laid) { rig_ground_start(); }
TEST(the_ground_is_cleared) { rig_ground_stop(); }

TESTS("visits", CASE(the_ground_is_laid), CASE(rows_are_loaded_once_and_a_later_one_ends_an_open_one),
      CASE(rows_at_fault_are_told_by_number_and_field_and_the_others_are_taken),
      CASE(a_dry_load_tells_the_same_and_changes_nothing),
      CASE(an_instance_reads_what_came_since_at_most_once_a_second), CASE(a_bill_with_lines_is_one_with_their_sums),
      CASE(amounts_beside_lines_must_say_the_same), CASE(lines_wait_for_the_catalogues_and_bills_without_lines_do_not),
      CASE(no_refusal_is_final_while_a_load_was_not_read),
      CASE(a_visit_goes_from_lines_to_quote_to_settlement_to_reversal),
      CASE(lines_come_and_go_until_the_visit_is_settled_or_cancelled),
      CASE(what_is_wrong_with_a_visit_is_told_by_field), CASE(lines_that_come_while_a_bill_settles_are_in_it),
      CASE(lines_of_a_bill_are_split_anew_when_it_is_decided_again),
      CASE(lines_of_a_visit_are_split_anew_when_its_bill_is_decided_again),
      CASE(lines_of_many_visits_are_read_at_once_and_the_answers_are_those_of_one_by_one),
      CASE(an_entry_amended_backwards_asks_for_the_bills_with_its_lines),
      CASE(a_load_of_very_many_entries_asks_for_every_line_of_their_days),
      CASE(every_version_keeps_the_lines_it_was_decided_on), CASE(decisions_of_any_length_can_be_read),
      CASE(lines_are_split_without_a_visit), CASE(sex_and_age_are_those_of_the_entitlement),
      CASE(the_ground_is_cleared))
