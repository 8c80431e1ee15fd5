// Whole turns of adjudication without a process: a real store and a real policy, ports of the test's own. Built twice:
// on SQLite, and with ON_POSTGRES on a private PostgreSQL.
#include "common/base/fault.h"
#include "common/base/hash.h"
#include "services/adjudication/adjudication.h"
#include "services/adjudication/ahead.h"
#include "services/adjudication/course.h"
#include "services/adjudication/store.h"
#include "services/adjudication/second_look.h"
#include "tests/check.h"
#include "tests/sweep_log.h"
#include "tests/temp_store.h"
#include <poll.h>
#include <zmq.h>

#define T(text) ((char *)(text)) // protobuf-c wants char * where it only reads
enum { PERSONS_MAX = 96, SENT_MAX = 256, BODY_MAX = WIRE_MESSAGE_MAX_BYTES };

// ---- a world of our own
// ---------------------------------------------------------------------------------------------------

typedef struct person {
    char number[16];
    Tc__Entitlement state;
    Tc__Entitlement__Span span, *spans[1];
} person_t;

typedef struct sent { // one request and what came back
    request_t request;
    char id[40];
    uint8_t body[1024];
    int replies, code;
    char field[64];
    size_t reply_bytes;
    uint8_t reply[BODY_MAX]; // the last: a new request leaves it as it is
} sent_t;

typedef struct world { // one adjudication process, without the process
    store_t *store;
    stream_t *stream;
    cache_t *cache;
    arena_t *arena;
    adjudication_t *core;
    sent_t sent[SENT_MAX];
    size_t count;
    int asked; // commands to collection
    bool collection_down;
    int collection_slow_ms;
    void (*meanwhile)(void); // what others do while collection is asked
    const request_t *coming; // what port_next gives
    size_t coming_count;
} world_t;

static void *zmq;
static int worlds_open;
static keys_t *keys;
static person_t persons[PERSONS_MAX];
static size_t person_count;
static int64_t now_ms;
static uint64_t seed, drawn;

static uint64_t draw(uint64_t below) { return hash64(&drawn, sizeof drawn, seed + drawn++) % below; }

static const char *add_person(const char *number, const char *identity, const char *first_month, int n1, int n2) {
    CHECK(person_count < PERSONS_MAX);
    person_t *made = &persons[person_count++];
    snprintf(made->number, sizeof made->number, "%s", number);
    tc__entitlement__init(&made->state);
    tc__entitlement__span__init(&made->span);
    made->span.identity = T(identity), made->span.first_month = T(first_month);
    made->span.months_tier1 = n1, made->span.months_tier2 = n2;
    made->spans[0] = &made->span;
    made->state.person = made->number, made->state.version = 3, made->state.division = T("440703");
    made->state.spans = made->spans, made->state.n_spans = first_month ? 1 : 0;
    return made->number;
}

static int64_t port_now_ms(void *self) {
    (void)self;
    return now_ms;
}

static void port_reply(void *self, const request_t *request, int code, const err_t *err, const void *body,
                       size_t bytes) {
    sent_t *sent = &((world_t *)self)->sent[request->token];
    sent->replies++;
    sent->code = code;
    snprintf(sent->field, sizeof sent->field, "%s", err ? err->field : "");
    sent->reply_bytes = bytes;
    CHECK(bytes <= BODY_MAX);
    if (bytes) memcpy(sent->reply, body, bytes);
}

static int port_entitlements(void *self, const char *const *asked, size_t count, arena_t *arena, Tc__Entitlements **out,
                             err_t *err) {
    world_t *world = self;
    world->asked++;
    poll(NULL, 0, world->collection_slow_ms);
    if (world->meanwhile) world->meanwhile();
    if (world->collection_down) return err_set(err, E_TIMEOUT, "down");
    Tc__Entitlements *answer = arena_alloc(arena, sizeof *answer);
    if (!answer) return err_set(err, E_IO, "out of memory");
    tc__entitlements__init(answer);
    answer->entitlements = arena_alloc(arena, count * sizeof *answer->entitlements);
    if (!answer->entitlements) return err_set(err, E_IO, "out of memory");
    for (size_t i = 0; i < count; i++)
        for (size_t p = 0; p < person_count; p++)
            if (strcmp(persons[p].number, asked[i]) == 0)
                answer->entitlements[answer->n_entitlements++] = &persons[p].state;
    *out = answer;
    return 0;
}

static void add_place_again(world_t *world, const char *code, const char *level, bool primary, const char *from,
                            int version) {
    Tc__Agreement agreement = TC__AGREEMENT__INIT;
    Tc__Agreement *list[] = {&agreement};
    Tc__FacilityState state = TC__FACILITY_STATE__INIT;
    err_t err;
    agreement.from = T(from), agreement.until = T("");
    state.facility = T(code), state.version = version, state.level = T(level), state.primary = primary;
    state.agreements = list, state.n_agreements = from ? 1 : 0;
    NEED(facilities_apply(world->core->facilities, &state, &err) == E_OK);
}

static void add_place(world_t *world, const char *code, const char *level, bool primary, const char *from) {
    add_place_again(world, code, level, primary, from, 1);
}

static void add_facility(world_t *world, const char *code, const char *level, const char *from) {
    add_place(world, code, level, false, from);
}

static void need(int rc, const err_t *err) {
    if (rc) fprintf(stderr, "%s: %s\n", err_name(rc), err->text);
    NEED(rc == E_OK);
}

static world_t *open_world(const char *schema) {
    static const uint8_t secret[32];
    static const char *const overlays[] = {TC_SOURCE_DIR "/config/samples/jiangmen-illustrative.yaml", NULL};
    world_t *world = calloc(1, sizeof *world);
    policy_t *policy = NULL;
    err_t err = {0};
    NEED(world != NULL);
    worlds_open++;
    need(store_open(&world->store, temp_store_url(), schema, &err), &err);
    need(store_migrate(world->store, adjudication_migrations, ADJUDICATION_MIGRATIONS, &err), &err);
    stream_conf_t conf = {.context = zmq,
                          .keys = keys,
                          .store = world->store,
                          .service = "adjudication",
                          .live_bind = "tcp://127.0.0.1:*",
                          .replay_bind = "tcp://127.0.0.1:*",
                          .log = adjudication_log};
    need(stream_new(&world->stream, &conf, &err), &err);
    need(cache_new(&world->cache, "", secret, 50, &err), &err);
    world->arena = arena_new(1024 * 1024, 0);
    need(policy_load(&policy, TC_SOURCE_DIR "/config/cities/jiangmen.yaml", overlays, &err), &err);
    need(adjudication_new(&world->core, &policy, &err), &err);
    world->core->store = world->store, world->core->cache = world->cache;
    world->core->stream = world->stream, world->core->arena = world->arena;
    world->core->ports = (adjudication_ports_t){
        .self = world, .now_ms = port_now_ms, .reply = port_reply, .entitlements = port_entitlements};
    world->core->facilities_ready = true;
    add_facility(world, "H44070300001", "1", "2018-01-01");
    add_facility(world, "H44070300002", "2", "2018-01-01");
    add_facility(world, "H44070300003", "3", "2018-01-01");
    add_facility(world, "H44070300004", "3", NULL); // registered, no agreement
    add_place(world, "H44070300005", "1", true, "2018-01-01");
    return world;
}

static void close_world(world_t *world) {
    adjudication_destroy(&world->core);
    stream_destroy(&world->stream);
    cache_destroy(&world->cache);
    store_close(&world->store);
    arena_destroy(&world->arena);
    free(world);
    worlds_open--;
}

// ---- sending
// ----------------------------------------------------------------------------------------------------------------

static Tc__Bill bill_of(const char *number, const char *person, const char *facility, const char *to, fen_t total,
                        fen_t in_scope) {
    Tc__Bill bill = TC__BILL__INIT;
    bill.bill = T(number), bill.person = T(person), bill.facility = T(facility), bill.type = T("inpatient");
    bill.from = T(to), bill.to = T(to), bill.area = T("city"), bill.filing = T("none");
    bill.total_fen = total, bill.in_scope_fen = in_scope;
    bill.total_given_case = TC__BILL__TOTAL_GIVEN_TOTAL_FEN;
    bill.in_scope_given_case = TC__BILL__IN_SCOPE_GIVEN_IN_SCOPE_FEN;
    return bill;
}

static sent_t *put_as(world_t *world, const char *caller, const char *method, const char *id,
                      const ProtobufCMessage *message) {
    CHECK(world->count < SENT_MAX);
    sent_t *sent = &world->sent[world->count];
    memset(sent, 0, offsetof(sent_t, reply));
    sent->code = -1;
    CHECK(strlen(id) < sizeof sent->id);
    memcpy(sent->id, id, strlen(id) + 1);
    CHECK(protobuf_c_message_get_packed_size(message) <= sizeof sent->body);
    sent->request = (request_t){.header = {.service = "adjudication",
                                           .method = method,
                                           .request_id = sent->id,
                                           .key = "",
                                           .trace_id = "",
                                           .deadline_ms = INT64_MAX,
                                           .caller = caller},
                                .body = sent->body,
                                .body_bytes = protobuf_c_message_pack(message, sent->body),
                                .token = world->count++};
    return sent;
}

static sent_t *put(world_t *world, const char *method, const char *id, const Tc__Bill *bill) {
    return put_as(world, "hospital:h1", method, id, &bill->base);
}

// Everything put since the last run, as one batch. Each request must get exactly one reply.
static void run(world_t *world) {
    request_t requests[SENT_MAX];
    for (size_t i = 0; i < world->count; i++) requests[i] = world->sent[i].request;
    adjudication_batch(world->core, requests, world->count);
    arena_reset(world->arena);
    for (size_t i = 0; i < world->count; i++) EQ(world->sent[i].replies, 1);
    world->count = 0;
}

static sent_t *ask(world_t *world, const char *method, const char *id, const Tc__Bill *bill) {
    sent_t *sent = put(world, method, id, bill);
    run(world);
    return sent;
}

static sent_t *ask_about(world_t *world, const char *method, const char *bill) {
    Tc__GetDecision message = TC__GET_DECISION__INIT;
    message.bill = T(bill);
    sent_t *sent = put_as(world, "clerk:c1", method, "get", &message.base);
    run(world);
    return sent;
}

static Tc__Decision *decision_of(const sent_t *sent) {
    EQ(sent->code, E_OK);
    Tc__Decision *decision = tc__decision__unpack(NULL, sent->reply_bytes, sent->reply);
    NEED(decision != NULL);
    return decision;
}

static fen_t amount(size_t count, Tc__Amount *const *list, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i]->name, name) == 0) return list[i]->amount_fen;
    return 0; // those not listed are zero
}
// The same but for what tells that one is a quote and the other was written.
static void same_as_written(const Tc__Decision *quote, const Tc__Decision *written) {
    Tc__Decision supposed = *quote;
    static uint8_t a[BODY_MAX], b[BODY_MAX];
    EQ(quote->seq, 0);
    EQ(quote->version, 0);
    EQ(quote->decided_ms, 0);
    EQ(written->version, 1);
    supposed.seq = written->seq, supposed.decided_ms = written->decided_ms;
    supposed.version = written->version, supposed.request_id = written->request_id;
    size_t bytes = tc__decision__pack(&supposed, a);
    EQ(tc__decision__pack(written, b), bytes);
    OK(memcmp(a, b, bytes) == 0);
}

#define PAID(decision, layer) amount((decision)->n_paid, (decision)->paid, layer)
#define USED(decision, total) amount((decision)->n_used, (decision)->used, total)

static int64_t one_number(world_t *world, const char *sql) {
    rows_t rows;
    err_t err;
    need(store_query(world->store, sql, NULL, 0, world->arena, &rows, &err), &err);
    return row_i64(&rows, 0, 0);
}

// Every chain and every partition's numbers are 1, 2, 3 … without a gap.
static void check_numbers(world_t *world) {
    EQ(one_number(world, "SELECT COUNT(*) FROM (SELECT person FROM decision GROUP BY partition, person, year"
                         " HAVING MAX(seq) <> COUNT(*) OR MIN(seq) <> 1) gaps"),
       0);
    EQ(one_number(world, "SELECT COUNT(*) FROM (SELECT partition FROM decision GROUP BY partition"
                         " HAVING MAX(number) <> COUNT(*) OR MIN(number) <> 1) gaps"),
       0);
}

// ---- worked examples
// ----------------------------------------------------------------------------------------------------------

TEST(WE_08_employee_first_stay_at_level_3) {
    world_t *world = open_world("adj_we_eight");
    const char *person = add_person("WE08", "employee", "2014-12", 1, 1); // 40 months in March 2018
    Tc__Bill bill = bill_of("B1", person, "H44070300003", "2018-03-10", 6000000, 5000000);
    Tc__Decision *quote = decision_of(ask(world, "quote", "q", &bill));
    Tc__Decision *settled = decision_of(ask(world, "settle", "s", &bill));
    EQ_TEXT(settled->decision, "paid");
    EQ(settled->deductible_fen, 90000);
    EQ(PAID(settled, "tier1"), 2700500);
    EQ(PAID(settled, "tier2"), 1703075);
    EQ(PAID(settled, "catastrophic"), 0);
    EQ(settled->fund_fen, 4403575);
    EQ(settled->own_fen, 1596425);
    EQ(settled->seq, 1);
    EQ(settled->year, 2018);
    EQ(settled->based_on_seq, 0);
    EQ(settled->decided_ms, now_ms);
    EQ_TEXT(settled->identity, "employee");
    EQ_TEXT(settled->division, "440703");
    EQ(settled->entitlement, 3);
    same_as_written(quote, settled);
    tc__decision__free_unpacked(quote, NULL);
    tc__decision__free_unpacked(settled, NULL);
    close_world(world);
}

// A first bill brings the tier-2 accumulator to 4,321.09; the second straddles the 5,000.00 boundary.
static void check_we09(world_t *world, const char *person, bool one_batch) {
    char first_bill[24], second_bill[24];
    snprintf(first_bill, sizeof first_bill, "%s-1", person);
    snprintf(second_bill, sizeof second_bill, "%s-2", person);
    Tc__Bill first = bill_of(first_bill, person, "H44070300002", "2018-03-10", 2220545, 2220545);
    Tc__Bill second = bill_of(second_bill, person, "H44070300002", "2018-04-10", 987654, 987654);
    sent_t *one = put(world, "settle", first_bill, &first);
    if (!one_batch) run(world);
    sent_t *two = put(world, "settle", second_bill, &second);
    run(world);
    if (one_batch) {
        Tc__Decision *before = decision_of(one);
        EQ(USED(before, "tier2_base"), 432109);
        tc__decision__free_unpacked(before, NULL);
    }
    Tc__Decision *after = decision_of(two);
    EQ(PAID(after, "tier1"), 742123);
    EQ(PAID(after, "tier2"), 133940);
    EQ(after->own_fen, 111591);
    EQ(after->seq, 2);
    EQ(after->based_on_seq, 1);
    EQ(USED(after, "tier2_base"), 432109 + 185531);
    tc__decision__free_unpacked(after, NULL);
}

TEST(WE_09_the_running_total_follows_the_chain) {
    world_t *world = open_world("adj_we_nine");
    check_we09(world, add_person("WE09A", "employee", "2014-12", 1, 1), false);
    check_we09(world, add_person("WE09B", "employee", "2014-12", 1, 1), true); // two of one person in one batch
    check_numbers(world);
    close_world(world);
}

TEST(WE_04_the_band_changes_inside_the_year) {
    world_t *world = open_world("adj_we_four");
    const char *person = add_person("WE04", "resident", "2017-04", 1, 0); // n = 12 in March 2018
    Tc__Bill first = bill_of("B1", person, "H44070300003", "2018-03-20", 40000000, 40000000);
    Tc__Bill second = bill_of("B2", person, "H44070300003", "2018-04-20", 10000000, 10000000);
    Tc__Decision *one = decision_of(ask(world, "settle", "s1", &first));
    EQ(PAID(one, "tier1"), 10000000);
    EQ(PAID(one, "catastrophic"), 12000000);
    EQ(one->own_fen, 18000000);
    Tc__Decision *two = decision_of(ask(world, "settle", "s2", &second));
    EQ(PAID(two, "tier1"), 4000000);
    EQ(PAID(two, "catastrophic"), 4137000);
    EQ(two->own_fen, 1863000);
    tc__decision__free_unpacked(one, NULL);
    tc__decision__free_unpacked(two, NULL);
    close_world(world);
}

// ---- the same thing twice
// -----------------------------------------------------------------------------------------------------

TEST(the_same_request_gives_the_same_answer_and_another_body_is_refused) {
    world_t *world = open_world("adj_twice");
    const char *person = add_person("TWICE", "employee", "2014-12", 1, 1);
    const char *other = add_person("OTHER", "employee", "2014-12", 1, 1);
    Tc__Bill bill = bill_of("B1", person, "H44070300003", "2018-03-10", 6000000, 5000000);
    Tc__Bill dearer = bill_of("B1", person, "H44070300003", "2018-03-10", 7000000, 5000000);
    Tc__Bill of_other = bill_of("B9", other, "H44070300003", "2018-03-10", 6000000, 5000000);
    sent_t first = *ask(world, "settle", "id-1", &bill);
    EQ(first.code, E_OK);
    now_ms += 1000;
    sent_t *again = ask(world, "settle", "id-1", &bill);
    EQ(again->code, E_OK);
    EQ(again->reply_bytes, first.reply_bytes);
    OK(memcmp(again->reply, first.reply, first.reply_bytes) == 0);
    EQ(ask(world, "settle", "id-1", &dearer)->code, E_CONFLICT);
    EQ(ask(world, "settle", "id-1", &of_other)->code, E_CONFLICT); // also in another partition
    sent_t *exists = ask(world, "settle", "id-2", &bill);
    EQ(exists->code, E_EXISTS);
    EQ_TEXT(exists->field, "bill");
    EQ(one_number(world, "SELECT COUNT(*) FROM decision"), 1);
    close_world(world);
}

TEST(the_same_holds_inside_one_batch) {
    world_t *world = open_world("adj_batch");
    const char *person = add_person("BATCH", "employee", "2014-12", 1, 1);
    Tc__Bill bill = bill_of("B1", person, "H44070300003", "2018-03-10", 6000000, 5000000);
    Tc__Bill dearer = bill_of("B1", person, "H44070300003", "2018-03-10", 7000000, 5000000);
    Tc__Bill refused = bill_of("B2", "NOBODY", "H44070300003", "2018-03-10", 7000000, 5000000);
    Tc__Bill taken = bill_of("B2", person, "H44070300003", "2018-03-11", 7000000, 5000000);
    sent_t *a = put(world, "settle", "id-1", &bill), *b = put(world, "settle", "id-1", &bill);
    sent_t *c = put(world, "settle", "id-1", &dearer), *d = put(world, "settle", "id-2", &bill);
    sent_t *e = put(world, "settle", "id-3", &refused), *f = put(world, "settle", "id-3", &taken);
    run(world);
    EQ(a->code, E_OK);
    EQ(b->code, E_OK);
    EQ(b->reply_bytes, a->reply_bytes);
    OK(memcmp(a->reply, b->reply, a->reply_bytes) == 0);
    EQ(c->code, E_CONFLICT);
    EQ(d->code, E_EXISTS);
    EQ(e->code, E_NOT_FOUND);
    EQ(f->code, E_OK); // a refusal leaves no trace: the id and the bill are free
    EQ(one_number(world, "SELECT COUNT(*) FROM decision"), 2);
    check_numbers(world);
    close_world(world);
}

// ---- refusals
// -----------------------------------------------------------------------------------------------------------------

TEST(a_refusal_names_the_field_and_changes_nothing) {
    world_t *world = open_world("adj_refusals");
    const char *person = add_person("REFUSED", "employee", "2014-12", 1, 1);
    static const struct {
        const char *person, *facility, *to, *area, *filing;
        int code;
        const char *field;
    } cases[] = {
        {"NOBODY", "H44070300003", "2018-03-10", "city", "none", E_NOT_FOUND, "person"},
        {"REFUSED", "H44070399999", "2018-03-10", "city", "none", E_NOT_FOUND, "facility"},
        {"REFUSED", "H440703", "2018-03-10", "city", "none", E_INVALID_FIELD, "facility"},
        {"REFUSED", "H44070300003", "2018-03-10", "city", "filed", E_INVALID_FIELD, "filing"},
        {"REFUSED", "H44070300003", "2199-03-10", "city", "none", E_OUT_OF_RANGE, "to"},
        {"REFUSED", "H44070300003", "2017-12-31", "city", "none", E_NOT_IN_FORCE, ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        Tc__Bill bill = bill_of("B1", cases[i].person, cases[i].facility, cases[i].to, 6000000, 5000000);
        bill.area = T(cases[i].area), bill.filing = T(cases[i].filing);
        const char *methods[] = {"quote", "settle"};
        for (size_t m = 0; m < COUNT_OF(methods); m++) {
            sent_t *sent = ask(world, methods[m], "id", &bill);
            EQ(sent->code, cases[i].code);
            if (cases[i].field[0]) EQ_TEXT(sent->field, cases[i].field);
        }
    }
    Tc__Bill bill = bill_of("B1", person, "H44070300003", "2018-03-10", 6000000, 5000000);
    sent_t *sent = put_as(world, "agency:a1", "settle", "id", &bill.base);
    run(world);
    EQ(sent->code, E_DENIED);
    sent = put(world, "settle", "id", &bill);
    sent->request.body_bytes--;
    run(world);
    EQ(sent->code, E_INVALID_FIELD);
    EQ(ask(world, "pay", "id", &bill)->code, E_NOT_FOUND);
    EQ(ask(world, "settle", "an id", &bill)->code, E_INVALID_FIELD);
    EQ(one_number(world, "SELECT COUNT(*) FROM decision"), 0);
    EQ(ask(world, "settle", "id", &bill)->code, E_OK);
    close_world(world);
}

static bool is_behind(void *self) {
    (void)self;
    return true;
}

TEST(what_is_not_known_now_is_unavailable_and_only_for_those_it_concerns) {
    world_t *world = open_world("adj_down");
    const char *person = add_person("DOWN", "employee", "2014-12", 1, 1);
    Tc__Bill bill = bill_of("B1", person, "H44070300003", "2018-03-10", 6000000, 5000000);
    world->collection_down = true;
    sent_t *sent = ask(world, "settle", "id", &bill);
    EQ(sent->code, E_UNAVAILABLE);
    EQ_TEXT(sent->field, "person");
    world->collection_down = false;
    world->core->facilities_ready = false;
    sent = ask(world, "settle", "id", &bill);
    EQ(sent->code, E_UNAVAILABLE);
    EQ_TEXT(sent->field, "facility");
    world->core->facilities_ready = true;
    EQ(ask(world, "settle", "id", &bill)->code, E_OK);
    // Nobody knows yet whether a hospital is registered while the register is behind; one that is known needs no word.
    Tc__Bill other = bill_of("B2", person, "H44070399999", "2018-03-10", 6000000, 5000000);
    world->core->ports.register_behind = is_behind;
    EQ(ask(world, "settle", "id2", &other)->code, E_UNAVAILABLE);
    EQ(ask(world, "quote", "id2", &other)->code, E_UNAVAILABLE);
    EQ(ask(world, "settle", "id", &bill)->code, E_OK);
    world->core->ports.register_behind = NULL;
    EQ(ask(world, "settle", "id2", &other)->code, E_NOT_FOUND);
    // Nor whether one that is known has an agreement by now: what is refused for want of it is not refused for good.
    Tc__Bill bed = bill_of("B3", person, "H44070300004", "2018-03-10", 6000000, 5000000);
    bed.family_bed = true;
    world->core->ports.register_behind = is_behind;
    for (int i = 0; i < 2; i++) {
        sent = ask(world, i ? "settle" : "quote", "id3", &bed);
        EQ(sent->code, E_UNAVAILABLE);
        EQ_TEXT(sent->field, "facility");
    }
    bed.facility = T("H44070300003"), bed.filing = T("referral"); // it has one: what is wrong is wrong for good
    EQ(ask(world, "quote", "id3", &bed)->code, E_INVALID_FIELD);
    bed.facility = T("H44070300004"), bed.filing = T("none");
    world->core->ports.register_behind = NULL;
    EQ(ask(world, "settle", "id3", &bed)->code, E_INVALID_FIELD);
    add_place_again(world, "H44070300004", "3", false, "2018-01-01", 2);
    EQ(ask(world, "settle", "id3", &bed)->code, E_OK);
    close_world(world);
}

TEST(a_batch_asks_collection_once) {
    world_t *world = open_world("adj_once");
    for (int i = 0; i < 20; i++) {
        char number[16];
        snprintf(number, sizeof number, "ONCE%d", i % 10);
        if (i < 10) add_person(number, "employee", "2014-12", 1, 1);
        char bill_number[16];
        snprintf(bill_number, sizeof bill_number, "B%d", i);
        Tc__Bill bill = bill_of(bill_number, number, "H44070300003", "2018-03-10", 6000000, 5000000);
        put(world, "settle", bill_number, &bill);
    }
    run(world);
    EQ(world->asked, 1);
    EQ(one_number(world, "SELECT COUNT(*) FROM decision WHERE version = 1"), 20);
    check_numbers(world);
    close_world(world);
}

TEST(a_turn_that_lasts_long_asks_for_its_own_bills) {
    world_t *world = open_world("adj_slow");
    add_person("QUICK", "employee", "2014-12", 1, 1);
    add_person("SLOW", "employee", "2014-12", 1, 1);
    Tc__Bill quick = bill_of("B1", "QUICK", "H44070300003", "2018-03-10", 6000000, 5000000);
    Tc__Bill slow = bill_of("B2", "SLOW", "H44070300003", "2018-03-10", 6000000, 5000000);
    ask(world, "settle", "B1", &quick);
    EQ(one_number(world, "SELECT COUNT(*) FROM recompute_queue"), 0);
    world->collection_slow_ms = SECOND_LOOK_MS;
    ask(world, "settle", "B2", &slow);
    EQ(one_number(world, "SELECT COUNT(*) FROM recompute_queue"), 1);
    EQ(one_number(world, "SELECT COUNT(*) FROM recompute_queue WHERE person = 'SLOW' AND year = 2018"), 1);
    close_world(world);
}

TEST(who_is_not_covered_pays_alone_and_it_is_on_record) {
    world_t *world = open_world("adj_uncovered");
    add_person("LATER", "employee", "2018-06", 1, 1);
    add_person("NEVER", "", NULL, 0, 0);
    Tc__Bill bills[] = {bill_of("B1", "LATER", "H44070300003", "2018-03-10", 6000000, 5000000),
                        bill_of("B2", "NEVER", "H44070300003", "2018-03-10", 6000000, 5000000)};
    for (int i = 0; i < 2; i++) {
        Tc__Decision *decision = decision_of(ask(world, "settle", bills[i].bill, &bills[i]));
        EQ_TEXT(decision->decision, "not_covered");
        OK(decision->reason[0] != '\0');
        EQ_TEXT(decision->identity, "");
        EQ(decision->fund_fen, 0);
        EQ(decision->own_fen, 6000000);
        EQ(decision->seq, 1);
        tc__decision__free_unpacked(decision, NULL);
    }
    close_world(world);
}

TEST(a_place_outside_that_nobody_knows_is_not_designated) {
    world_t *world = open_world("adj_outside");
    const char *person = add_person("OUTSIDE", "employee", "2014-12", 1, 1);
    Tc__Bill known = bill_of("B1", person, "H44070300004", "2018-03-10", 3000000, 3000000); // registered, no agreement
    Tc__Decision *in_city = decision_of(ask(world, "quote", "q1", &known));
    EQ(in_city->deductible_fen, 150000); // WE-11
    EQ(in_city->own_fen, 752500);
    Tc__Bill unknown = bill_of("B2", person, "H11010100001", "2018-03-10", 3000000, 3000000);
    unknown.area = T("outside"), unknown.filing = T("filed");
    Tc__Decision *outside = decision_of(ask(world, "quote", "q2", &unknown));
    EQ(outside->deductible_fen, 150000);
    tc__decision__free_unpacked(in_city, NULL);
    tc__decision__free_unpacked(outside, NULL);
    close_world(world);
}

// ---- visits, and what would have cost less
// -----------------------------------------------------------------------------------------

static Tc__Bill visit_of(const char *number, const char *person, const char *facility, const char *point,
                         const char *referred_on, fen_t total) {
    Tc__Bill bill = bill_of(number, person, facility, "2018-03-31", total, total);
    bill.type = T("outpatient"), bill.point = T(point), bill.referred_on = T(referred_on);
    return bill;
}

// Quoted, then settled: the same figures.
static Tc__Decision *settled_as_quoted(world_t *world, const Tc__Bill *bill) {
    Tc__Decision *quote = decision_of(ask(world, "quote", "q", bill));
    Tc__Decision *settled = decision_of(ask(world, "settle", bill->bill, bill));
    EQ(quote->n_advice, settled->n_advice);
    same_as_written(quote, settled);
    tc__decision__free_unpacked(quote, NULL);
    return settled;
}

// Three months of cover in 2018 by March: 3 × 35.00 at the primary point, 3 × 40.00 at the other one.
TEST(visits_are_paid_by_point_referral_and_months_of_cover) {
    world_t *world = open_world("adj_visits");
    const char *person = add_person("VISITS", "employee", "2018-01", 1, 1);
    static const struct {
        const char *facility, *point, *referred_on;
        fen_t total, tier1, tier2, less; // less: what the advice says, 0: there is none
    } cases[] = {
        {"H44070300005", "primary", "", 30000, 18000, 3000, 0},        // 70%: tier 1 to its limit, tier 2 the rest
        {"H44070300005", "primary", "", 30000, 0, 7500, 0},            // 105.00 less 30.00
        {"H44070300005", "", "", 10000, 0, 0, 0},                      // both limits reached: choosing it is no help
        {"H44070300002", "other", "2018-03-01", 10000, 0, 6000, 0},    // day 30
        {"H44070300002", "other", "2018-02-28", 10000, 0, 5000, 1000}, // day 31
        {"H44070300002", "other", "", 10000, 0, 1000, 0},              // 120.00 less 110.00, referred or not
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char number[8];
        snprintf(number, sizeof number, "V%zu", i);
        Tc__Bill bill =
            visit_of(number, person, cases[i].facility, cases[i].point, cases[i].referred_on, cases[i].total);
        Tc__Decision *settled = settled_as_quoted(world, &bill);
        EQ(PAID(settled, "tier1"), cases[i].tier1);
        EQ(PAID(settled, "tier2"), cases[i].tier2);
        EQ(settled->n_advice, cases[i].less > 0);
        if (settled->n_advice) EQ(settled->advice[0]->less_fen, cases[i].less);
        tc__decision__free_unpacked(settled, NULL);
    }
    EQ(one_number(world, "SELECT COUNT(*) FROM decision WHERE person = 'VISITS'"), COUNT_OF(cases));
    close_world(world);
}

TEST(a_visit_that_cannot_be_is_refused_with_its_field) {
    world_t *world = open_world("adj_visit_faults");
    const char *person = add_person("FAULTS", "employee", "2018-01", 1, 1);
    Tc__Bill bills[] = {visit_of("F1", person, "H44070300002", "primary", "", 10000),
                        visit_of("F2", person, "H44070300005", "primary", "2018-03-01", 10000),
                        visit_of("F3", person, "H44070300005", "primary", "", 10000),
                        visit_of("F4", person, "H44070300005", "third", "", 10000)};
    bills[2].class_b_fen = 1; // the city has no first-pay share
    static const char *const fields[] = {"point", "referred_on", "class_b", "point"};
    for (size_t i = 0; i < COUNT_OF(bills); i++) {
        sent_t *sent = ask(world, "settle", bills[i].bill, &bills[i]);
        EQ(sent->code, i == 2 ? E_UNSUPPORTED : E_INVALID_FIELD);
        EQ_TEXT(sent->field, fields[i]);
    }
    EQ(one_number(world, "SELECT COUNT(*) FROM decision"), 0);
    close_world(world);
}

// WE-12: unfiled the person pays 29,439.92; filed tier 1 pays 43,505.00 and tier 2 28,505.75 of the same bill.
TEST(WE_12_JM_R_05_what_filing_would_have_saved) {
    world_t *world = open_world("adj_advice");
    const char *person = add_person("UNFILED", "employee", "2014-12", 1, 1);
    Tc__Bill bill = bill_of("B1", person, "H44070300003", "2018-03-10", 8000000, 8000000);
    bill.area = T("outside"), bill.filing = T("unfiled");
    Tc__Decision *unfiled = settled_as_quoted(world, &bill);
    EQ(unfiled->own_fen, 2943992);
    EQ(unfiled->n_advice, 1);
    for (size_t i = 0; i < unfiled->n_advice; i++) {
        EQ_TEXT(unfiled->advice[i]->rule, "JM-R-05");
        EQ(unfiled->advice[i]->own_fen, 8000000 - 4350500 - 2850575);
        EQ(unfiled->advice[i]->less_fen, 2943992 - unfiled->advice[i]->own_fen);
        OK(unfiled->advice[i]->text[0] && unfiled->advice[i]->text_zh[0]);
    }
    tc__decision__free_unpacked(unfiled, NULL);
    Tc__Decision *explained = decision_of(ask_about(world, "explain", "B1"));
    EQ(explained->n_advice, 1);
    tc__decision__free_unpacked(explained, NULL);
    bill.bill = T("B2"), bill.filing = T("filed"), bill.to = bill.from = T("2019-03-10"); // another year's chain
    Tc__Decision *filed = settled_as_quoted(world, &bill);
    EQ(filed->n_advice, 0);
    EQ(filed->own_fen, 8000000 - 4350500 - 2850575);
    tc__decision__free_unpacked(filed, NULL);
    close_world(world);
}

// ---- reading back
// -------------------------------------------------------------------------------------------------------------

TEST(a_decision_is_read_back_and_explained_under_its_own_policy) {
    world_t *world = open_world("adj_explain");
    const char *person = add_person("EXPLAIN", "employee", "2014-12", 1, 1);
    Tc__Bill bill = bill_of("B1", person, "H44070300003", "2018-03-10", 6000000, 5000000);
    sent_t settled = *ask(world, "settle", "id", &bill);
    sent_t *got = ask_about(world, "get_decision", "B1");
    EQ(got->reply_bytes, settled.reply_bytes);
    OK(memcmp(got->reply, settled.reply, settled.reply_bytes) == 0);
    Tc__Decision *explained = decision_of(ask_about(world, "explain", "B1"));
    fen_t tier1 = 0;
    OK(explained->n_steps > 2);
    for (size_t i = 0; i < explained->n_steps; i++) {
        OK(explained->steps[i]->source[0] != '\0');
        OK(explained->steps[i]->text[0] != '\0');
        OK(explained->steps[i]->text_zh[0] != '\0');
        if (strcmp(explained->steps[i]->part, "tier1") == 0) tier1 += explained->steps[i]->amount_fen;
    }
    EQ(tier1, PAID(explained, "tier1"));
    tc__decision__free_unpacked(explained, NULL);
    EQ(ask_about(world, "get_decision", "B2")->code, E_NOT_FOUND);
    EQ(ask_about(world, "explain", "")->code, E_INVALID_FIELD);

    // Another instance has another policy in force: the decision's own comes from the table.
    err_t err = {0};
    size_t bytes;
    const policy_t *old = policies_current(world->core->policies);
    const void *packed = policy_packed(old, &bytes);
    need(policy_version_save(world->store, policy_hash(old), packed, bytes, 1, &err), &err);
    need(policy_version_save(world->store, policy_hash(old), packed, bytes, 2, &err), &err);
    policy_t *fresh = NULL;
    need(policy_load(&fresh, TC_SOURCE_DIR "/config/cities/jiangmen.yaml", (const char *const[]){NULL}, &err), &err);
    policies_t *policies = policies_new(&fresh);
    const policy_t *found;
    need(policies_get(policies, world->store, policy_hash(old), world->arena, &found, &err), &err);
    EQ_TEXT(policy_hash(found), policy_hash(old));
    EQ(policies_get(policies, world->store, "00", world->arena, &found, &err), E_NOT_FOUND);
    policies_destroy(&policies);
    close_world(world);
}

TEST(the_rows_are_the_stream) {
    world_t *world = open_world("adj_stream");
    const char *person = add_person("STREAM", "employee", "2014-12", 1, 1);
    Tc__Bill bill = bill_of("B1", person, "H44070300003", "2018-03-10", 6000000, 5000000);
    sent_t settled = *ask(world, "settle", "id", &bill);
    cell_t params[] = {cell_i64(partition_of(person)), cell_i64(1), cell_i64(10)};
    rows_t rows;
    err_t err;
    need(store_query(world->store, adjudication_log.head_sql, params, 1, world->arena, &rows, &err), &err);
    EQ(row_i64(&rows, 0, 0), 1);
    need(store_query(world->store, adjudication_log.read_sql, params, 3, world->arena, &rows, &err), &err);
    NEED(rows.count == 1);
    EQ(row_i64(&rows, 0, 0), 1);
    EQ_TEXT(row_text(&rows, 0, 1), "bill.settled");
    EQ(row_i64(&rows, 0, 2), now_ms);
    size_t bytes;
    const void *body = row_blob(&rows, 0, 3, &bytes);
    EQ(bytes, settled.reply_bytes);
    OK(memcmp(body, settled.reply, bytes) == 0);
    close_world(world);
}

// ---- two instances
// ------------------------------------------------------------------------------------------------------------

TEST(a_stale_head_is_refused_by_the_key_and_decided_again) {
    world_t *a = open_world("adj_race"), *b = open_world("adj_race");
    const char *person = add_person("RACE", "employee", "2014-12", 1, 1);
    int64_t races = metric_value(a->core->metrics.races);
    for (int i = 0; i < 6; i++) {
        char number[16];
        snprintf(number, sizeof number, "B%d", i);
        Tc__Bill bill = bill_of(number, person, "H44070300002", "2018-03-10", 2220545, 2220545);
        Tc__Bill next = bill_of("BQ", person, "H44070300002", "2018-03-10", 2220545, 2220545);
        Tc__Decision *settled = decision_of(ask(i % 2 ? b : a, "settle", number, &bill));
        EQ(settled->seq, i + 1);
        EQ(USED(settled, "tier2_base"), 432109 * (i + 1));
        tc__decision__free_unpacked(settled, NULL);
        // The other one is behind now; its quote must not be.
        Tc__Decision *quote = decision_of(ask(i % 2 ? a : b, "quote", "q", &next));
        EQ(quote->based_on_seq, i + 1);
        EQ(USED(quote, "tier2_base"), 432109 * (i + 2));
        tc__decision__free_unpacked(quote, NULL);
    }
    OK(metric_value(a->core->metrics.races) > races);
    Tc__Bill first = bill_of("B0", person, "H44070300002", "2018-03-10", 2220545, 2220545);
    EQ(ask(b, "settle", "B0", &first)->code, E_OK); // settled by the other one: its answer
    EQ(ask(b, "settle", "B0-again", &first)->code, E_EXISTS);
    check_numbers(a);
    close_world(a);
    close_world(b);
}

// ---- any bills, any order
// -----------------------------------------------------------------------------------------------------

enum { CROWD = 7, ROUNDS = 60, ROUND_MAX = 12, STANDING_MAX = 4096 };

static Tc__Bill random_bill(char number[static 16], int i) {
    static char person[CROWD][16];
    static const char *const facilities[] = {"H44070300001", "H44070300002", "H44070300003", "H44070300004"};
    static const char *const days[] = {"2018-01-01", "2018-05-31", "2018-12-31", "2019-01-01", "2019-08-08"};
    snprintf(number, 16, "R%d", i);
    uint64_t who = draw(CROWD);
    snprintf(person[who], sizeof person[who], "CROWD%d", (int)who);
    fen_t in_scope = (fen_t)draw(draw(5) ? 3000000 : 90000000);
    return bill_of(number, person[who], facilities[draw(4)], days[draw(5)], in_scope + (fen_t)draw(100000), in_scope);
}

static void add_crowd(void) {
    for (int i = 0; i < CROWD; i++) {
        char number[16];
        bool known = false;
        snprintf(number, sizeof number, "CROWD%d", i);
        for (size_t p = 0; p < person_count; p++) known |= strcmp(persons[p].number, number) == 0;
        if (!known) add_person(number, i % 3 ? "employee" : "resident", "2016-01", 1, i % 3 ? 1 : 0);
    }
}

// The slow way: the standing bills of every chain, by their newest versions, summed up in lawful order.
static int compare_decisions(const void *left, const void *right) {
    const Tc__Decision *a = *(Tc__Decision *const *)left, *b = *(Tc__Decision *const *)right;
    int d = strcmp(a->person, b->person);
    if (!d) d = (a->year > b->year) - (a->year < b->year);
    if (!d) d = strcmp(a->input->to, b->input->to);
    if (!d) d = strcmp(a->input->from, b->input->from);
    return d ? d : strcmp(a->bill, b->bill);
}

static size_t standing_bills(world_t *world, Tc__Decision **out, size_t room) {
    rows_t rows;
    err_t err = {0};
    need(store_query(world->store,
                     "SELECT d.body FROM decision d WHERE d.kind IN (0, 2) AND NOT EXISTS"
                     " (SELECT 1 FROM decision n WHERE n.bill = d.bill AND n.version > d.version)",
                     NULL, 0, world->arena, &rows, &err),
         &err);
    NEED(rows.count <= room);
    for (size_t row = 0; row < rows.count; row++) {
        size_t bytes;
        const void *body = row_blob(&rows, row, 0, &bytes);
        out[row] = tc__decision__unpack(NULL, bytes, body);
        NEED(out[row] != NULL);
    }
    qsort(out, rows.count, sizeof *out, compare_decisions);
    return rows.count;
}

static void check_chains(world_t *world) {
    static const struct {
        const char *layer, *total;
    } pairs[] = {{"tier1", "tier1_paid"}, {"tier2", "tier2_paid"}, {"catastrophic", "catastrophic_paid"}};
    static Tc__Decision *bills[STANDING_MAX];
    size_t count = standing_bills(world, bills, STANDING_MAX);
    fen_t sums[COUNT_OF(pairs)] = {0};
    err_t err = {0};
    for (size_t b = 0; b < count; b++) {
        const Tc__Decision *decision = bills[b], *before = b ? bills[b - 1] : NULL;
        if (!before || strcmp(before->person, decision->person) != 0 || before->year != decision->year)
            memset(sums, 0, sizeof sums);
        EQ(decision_check_sums(decision, &err), E_OK);
        for (size_t i = 0; i < COUNT_OF(pairs); i++) {
            sums[i] += PAID(decision, pairs[i].layer);
            EQ(USED(decision, pairs[i].total), sums[i]);
        }
    }
    for (size_t b = 0; b < count; b++) tc__decision__free_unpacked(bills[b], NULL);
}

TEST(totals_are_the_sums_of_the_bills_whoever_settled_them) {
    world_t *worlds[] = {open_world("adj_random"), open_world("adj_random")};
    static char numbers[ROUNDS * ROUND_MAX][16];
    static Tc__Bill bills[ROUNDS * ROUND_MAX];
    int made = 0, repeated = 0;
    add_crowd();
    for (int round = 0; round < ROUNDS; round++) {
        world_t *world = worlds[draw(2)];
        sent_t *sent[ROUND_MAX];
        size_t count = 1 + draw(ROUND_MAX - 1);
        for (size_t i = 0; i < count; i++) {
            bool again = made > 0 && draw(8) == 0; // one of this batch, or of any before, to any instance
            size_t which = again ? draw((uint64_t)made) : (size_t)made;
            if (again)
                repeated++;
            else
                bills[made] = random_bill(numbers[made], made), made++;
            sent[i] = put(world, "settle", numbers[which], &bills[which]);
        }
        run(world);
        for (size_t i = 0; i < count; i++) EQ(sent[i]->code, E_OK);
    }
    EQ(one_number(worlds[0], "SELECT COUNT(*) FROM decision WHERE version = 1"), made);
    OK(repeated > 0);
    check_chains(worlds[1]);
    check_numbers(worlds[0]);
    close_world(worlds[0]);
    close_world(worlds[1]);
}

// What the alarms look at: every reply by its code, and of settle also the bills.
TEST(every_answer_is_counted_by_its_code) {
    world_t *world = open_world("adj_counted");
    const adjudication_metrics_t *counters = &world->core->metrics;
    const char *person = add_person("COUNTED", "resident", "2016-01", 1, 0);
    int64_t good = metric_value(counters->results.of[E_OK]), absent = metric_value(counters->results.of[E_NOT_FOUND]);
    int64_t denied = metric_value(counters->results.of[E_DENIED]);
    int64_t missing = metric_value(counters->results.of[E_MISSING_FIELD]);
    int64_t refused = metric_value(counters->refused[E_MISSING_FIELD]);
    Tc__Bill bill = bill_of("CB1", person, "H44070300003", "2018-03-10", 100000, 100000), bare = bill;
    bare.bill = T("CB2");
    bare.in_scope_given_case = TC__BILL__IN_SCOPE_GIVEN__NOT_SET;
    put(world, "settle", "c1", &bill);
    put(world, "settle", "c2", &bare);
    put(world, "quote", "c3", &bare);
    put_as(world, "nobody:n1", "settle", "c4", &bill.base);
    run(world);
    ask_about(world, "get_decision", "CB9");
    EQ(metric_value(counters->results.of[E_OK]), good + 1);
    EQ(metric_value(counters->results.of[E_MISSING_FIELD]), missing + 2);
    EQ(metric_value(counters->results.of[E_DENIED]), denied + 1);
    EQ(metric_value(counters->results.of[E_NOT_FOUND]), absent + 1);
    EQ(metric_value(counters->refused[E_MISSING_FIELD]), refused + 1); // the quote is no bill
    EQ(one_number(world, "SELECT COUNT(*) FROM decision WHERE bill = 'CB2'"), 0);
    char *text = metrics_text(&(size_t){0});
    NEED(text != NULL);
    HAS_TEXT(text, "adjudication_bills_total{outcome=\"refused\",code=\"MISSING_FIELD\"}");
    HAS_TEXT(text, "service_results_total{code=\"MISSING_FIELD\"}");
    free(text);
    close_world(world);
}

TEST(the_ground_is_laid) {
    err_t err = {0};
    date_t today = DATE_NONE;
    random_bytes(&seed, sizeof seed);
    fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
    NEED(date_parse("2020-06-01", &today) == 0);
    now_ms = (int64_t)today * 86400000;
    zmq = zmq_ctx_new();
    NEED(zmq != NULL);
    NEED(temp_store_start() == 0);
    need(keys_make(temp_store_dir(), "adjudication", "service", &err), &err);
    need(keys_load(&keys, temp_store_dir(), "adjudication", &err), &err);
}

TEST(the_ground_is_cleared) {
    keys_destroy(&keys);
    // A test that failed half-way left its sockets open: the context would wait for them for ever.
    if (worlds_open == 0) zmq_ctx_term(zmq);
    temp_store_stop();
}

// ---- a year's bills again, under another entitlement
// ---------------------------------------------------------------------------

static Tc__Decisions *decisions_of(const sent_t *sent) {
    EQ(sent->code, E_OK);
    Tc__Decisions *decisions = tc__decisions__unpack(NULL, sent->reply_bytes, sent->reply);
    NEED(decisions != NULL);
    return decisions;
}

static sent_t *get_decisions(world_t *world, const char *person, int year, int64_t after) {
    Tc__GetDecisions message = TC__GET_DECISIONS__INIT;
    message.person = T(person), message.year = year, message.after = after;
    sent_t *sent = put_as(world, "clerk:c1", "get_decisions", "get", &message.base);
    run(world);
    return sent;
}

static sent_t *quote_as(world_t *world, const char *person, int year, int64_t after, Tc__Entitlement *state) {
    Tc__QuoteAs message = TC__QUOTE_AS__INIT;
    message.person = T(person), message.year = year, message.after = after, message.entitlement = state;
    sent_t *sent = put_as(world, "clerk:c1", "quote_as", "quote", &message.base);
    run(world);
    return sent;
}

static void settle_some(world_t *world, const char *person, int count) {
    char number[32];
    for (int i = 0; i < count; i++) {
        snprintf(number, sizeof number, "%s-%03d", person, i); // in the order of their numbers
        fen_t total = (fen_t)(100000 + draw(3000000));
        Tc__Bill bill = bill_of(number, person, i % 3 ? "H44070300002" : "H44070300003", "2018-05-10", total,
                                total - (fen_t)draw(50000));
        tc__decision__free_unpacked(decision_of(ask(world, "settle", number, &bill)), NULL);
    }
}

// Under the entitlement that a person has, the chain quoted again is the chain as it was decided.
TEST(a_chain_quoted_under_its_own_entitlement_is_itself) {
    enum { BILLS = 2 * 50 + 3 };
    world_t *world = open_world("adj_chain_again");
    const char *person = add_person("AGAIN", "employee", "2014-12", 1, 1);
    Tc__Entitlement *state = &persons[person_count - 1].state;
    int64_t after = 0;
    size_t seen = 0;
    settle_some(world, person, BILLS);
    for (bool done = false; !done;) {
        Tc__Decisions *decided = decisions_of(get_decisions(world, person, 2018, after));
        Tc__Decisions *again = decisions_of(quote_as(world, person, 2018, after, state));
        NEED(decided->n_decisions > 0 && decided->n_decisions == again->n_decisions);
        EQ(decided->done, again->done);
        for (size_t i = 0; i < decided->n_decisions; i++, seen++) {
            Tc__Decision *a = decided->decisions[i], *b = again->decisions[i];
            EQ(a->seq, (int64_t)seen + 1);
            EQ(b->seq, a->seq);
            b->seq = 0, b->based_on_seq = a->based_on_seq;
            same_as_written(b, a);
            after = a->seq;
        }
        done = decided->done;
        tc__decisions__free_unpacked(decided, NULL);
        tc__decisions__free_unpacked(again, NULL);
    }
    EQ(seen, BILLS);
    EQ(one_number(world, "SELECT COUNT(*) FROM decision"), BILLS); // nothing was written
    close_world(world);
}

// Bills of a person who was not covered, as if covered, are those of a person who was.
TEST(bills_not_covered_are_worth_what_they_are_under_cover) {
    world_t *world = open_world("adj_quote_as");
    const char *without = add_person("WITHOUT", "employee", NULL, 0, 0);
    const char *with = add_person("WITH", "employee", "2014-12", 1, 1);
    Tc__Entitlement supposed = persons[person_count - 1].state;
    supposed.person = T(without);
    for (int i = 0; i < 3; i++) {
        char a[16], b[16];
        snprintf(a, sizeof a, "A%d", i), snprintf(b, sizeof b, "B%d", i);
        Tc__Bill first = bill_of(a, without, "H44070300003", "2018-03-10", 6000000 + i, 5000000);
        Tc__Bill second = bill_of(b, with, "H44070300003", "2018-03-10", 6000000 + i, 5000000);
        Tc__Decision *refused = decision_of(ask(world, "settle", a, &first));
        EQ_TEXT(refused->decision, "not_covered");
        tc__decision__free_unpacked(refused, NULL);
        tc__decision__free_unpacked(decision_of(ask(world, "settle", b, &second)), NULL);
    }
    Tc__Decisions *quoted = decisions_of(quote_as(world, without, 2018, 0, &supposed));
    Tc__Decisions *real = decisions_of(get_decisions(world, with, 2018, 0));
    NEED(quoted->n_decisions == 3 && real->n_decisions == 3);
    OK(quoted->done);
    for (size_t i = 0; i < 3; i++) {
        EQ_TEXT(quoted->decisions[i]->decision, "paid");
        EQ(quoted->decisions[i]->fund_fen, real->decisions[i]->fund_fen);
        EQ(quoted->decisions[i]->own_fen, real->decisions[i]->own_fen);
        EQ(quoted->decisions[i]->deductible_fen, real->decisions[i]->deductible_fen);
    }
    tc__decisions__free_unpacked(quoted, NULL);
    tc__decisions__free_unpacked(real, NULL);
    close_world(world);
}

TEST(questions_about_a_year_name_the_field) {
    world_t *world = open_world("adj_year_bad");
    const char *person = add_person("ASKED", "employee", "2014-12", 1, 1);
    Tc__Entitlement foreign = persons[person_count - 1].state, broken = foreign;
    Tc__Entitlement__Span span = *broken.spans[0], *spans[] = {&span};
    foreign.person = T("OTHER");
    span.identity = T("nobody");
    broken.spans = spans;
    EQ(get_decisions(world, "", 2018, 0)->code, E_MISSING_FIELD);
    EQ(get_decisions(world, "A B", 2018, 0)->code, E_INVALID_FIELD);
    EQ(get_decisions(world, person, 18, 0)->code, E_INVALID_FIELD);
    EQ(get_decisions(world, person, 2018, -1)->code, E_OUT_OF_RANGE);
    sent_t *sent = quote_as(world, person, 2018, 0, NULL);
    EQ(sent->code, E_MISSING_FIELD);
    EQ_TEXT(sent->field, "entitlement");
    EQ(quote_as(world, person, 2018, 0, &foreign)->code, E_INVALID_FIELD);
    EQ(quote_as(world, person, 2018, 0, &broken)->code, E_INVALID_FIELD);
    Tc__Decisions *none = decisions_of(get_decisions(world, person, 2018, 0));
    EQ(none->n_decisions, 0);
    OK(none->done);
    tc__decisions__free_unpacked(none, NULL);
    close_world(world);
}

// ---- versions: late bills, reversals, recomputations
// ----------------------------------------------------------------------------

static sent_t *put_reversal(world_t *world, const char *id, const char *bill, const char *person, const char *reason) {
    Tc__ReverseBill message = TC__REVERSE_BILL__INIT;
    message.bill = T(bill), message.person = T(person), message.reason = T(reason);
    return put_as(world, "hospital:h1", "reverse", id, &message.base);
}

static sent_t *reverse(world_t *world, const char *id, const char *bill, const char *person) {
    sent_t *sent = put_reversal(world, id, bill, person, "entered twice");
    run(world);
    return sent;
}

TEST(a_key_of_some_districts_or_facilities_has_no_say_in_others) {
    static const char here[] = "divisions=440703;facilities=H44070300003", *const elsewhere[] = {
                                                                               "divisions=440704",
                                                                               "facilities=H44070300001",
                                                                               "divisions=440703;facilities=H1",
                                                                           };
    world_t *world = open_world("adj_scope");
    add_person("SCOPED", "employee", "2014-12", 1, 1);
    Tc__Bill bill = bill_of("B1", "SCOPED", "H44070300003", "2018-03-10", 6000000, 5000000);
#define ASKED(put, scope_)                                                                                             \
    ({                                                                                                                 \
        sent_t *sent_ = put;                                                                                           \
        sent_->request.header.scope = scope_;                                                                          \
        run(world);                                                                                                    \
        sent_->code;                                                                                                   \
    })
    for (size_t i = 0; i < COUNT_OF(elsewhere); i++) {
        EQ(ASKED(put(world, "settle", "B1", &bill), elsewhere[i]), E_DENIED);
        EQ(ASKED(put(world, "quote", "Q1", &bill), elsewhere[i]), E_DENIED);
    }
    EQ(one_number(world, "SELECT COUNT(*) FROM decision"), 0);
    EQ(ASKED(put(world, "settle", "B1", &bill), here), E_OK);
    EQ(ASKED(put(world, "settle", "B1", &bill), here), E_OK); // asked again
    EQ(ASKED(put(world, "settle", "B1", &bill), ""), E_CONFLICT);
    Tc__GetDecision get = TC__GET_DECISION__INIT;
    get.bill = T("B1");
    static const char *const reads[] = {"get_decision", "explain", "get_versions"};
    for (size_t m = 0; m < COUNT_OF(reads); m++) {
        for (size_t i = 0; i < COUNT_OF(elsewhere); i++)
            EQ(ASKED(put_as(world, "clerk:c1", reads[m], "get", &get.base), elsewhere[i]), E_DENIED);
        EQ(ASKED(put_as(world, "clerk:c1", reads[m], "get", &get.base), here), E_OK);
    }
    for (size_t i = 0; i < COUNT_OF(elsewhere); i++)
        EQ(ASKED(put_reversal(world, "R1", "B1", "SCOPED", "wrong"), elsewhere[i]), E_DENIED);
    EQ(ASKED(put_reversal(world, "R2", "B2", "SCOPED", "wrong"), here), E_NOT_FOUND); // nobody buries another's bill
    EQ(one_number(world, "SELECT COUNT(*) FROM decision"), 1);
    EQ(ASKED(put_reversal(world, "R1", "B1", "SCOPED", "wrong"), here), E_OK);
    Tc__Recompute again = TC__RECOMPUTE__INIT;
    again.person = T("SCOPED"), again.year = 2018, again.cause = T("x");
    EQ(ASKED(put_as(world, "clerk:c1", "recompute", "again", &again.base), here), E_DENIED); // for the whole city
    close_world(world);
}

// Bills of one year at two hospitals: each sees its own, and neither what all of them would be.
TEST(a_years_bills_are_shown_to_keys_of_their_facilities_and_district) {
    world_t *world = open_world("adj_scope_year");
    add_person("SCOPED", "employee", "2014-12", 1, 1);
    Tc__Bill bills[] = {bill_of("B1", "SCOPED", "H44070300003", "2018-03-10", 6000000, 5000000),
                        bill_of("B2", "SCOPED", "H44070300001", "2018-04-10", 6000000, 5000000)};
    for (size_t i = 0; i < COUNT_OF(bills); i++) EQ(ASKED(put(world, "settle", bills[i].bill, &bills[i]), ""), E_OK);
    Tc__GetDecisions get = TC__GET_DECISIONS__INIT;
    get.person = T("SCOPED"), get.year = 2018;
    static const struct {
        const char *scope;
        size_t seen;
        int quote;
    } keys_of[] = {{"", 2, E_OK},
                   {"divisions=440703", 2, E_OK},
                   {"divisions=440704", 0, E_DENIED},
                   {"facilities=H44070300003", 1, E_DENIED},
                   {"facilities=H44070300003,H44070300001", 2, E_OK}};
    for (size_t i = 0; i < COUNT_OF(keys_of); i++) {
        sent_t *sent = put_as(world, "clerk:c1", "get_decisions", "get", &get.base);
        EQ(ASKED(sent, keys_of[i].scope), E_OK);
        Tc__Decisions *seen = tc__decisions__unpack(NULL, sent->reply_bytes, sent->reply);
        NEED(seen != NULL);
        EQ(seen->n_decisions, keys_of[i].seen);
        OK(seen->done && seen->next > 0);
        tc__decisions__free_unpacked(seen, NULL);
        Tc__QuoteAs quote = TC__QUOTE_AS__INIT;
        Tc__Entitlement state = TC__ENTITLEMENT__INIT;
        state.person = T("SCOPED"), state.division = T("440703");
        quote.person = T("SCOPED"), quote.year = 2018, quote.entitlement = &state;
        EQ(ASKED(put_as(world, "clerk:c1", "quote_as", "quote", &quote.base), keys_of[i].scope), keys_of[i].quote);
    }
#undef ASKED
    close_world(world);
}

static sent_t *put_recomputation(world_t *world, const char *id, const char *person, int year, bool dry) {
    Tc__Recompute message = TC__RECOMPUTE__INIT;
    message.person = T(person), message.year = year, message.cause = T("the entitlement changed"), message.dry = dry;
    return put_as(world, "clerk:c1", "recompute", id, &message.base);
}

static sent_t *recompute(world_t *world, const char *id, const char *person, int year, bool dry) {
    sent_t *sent = put_recomputation(world, id, person, year, dry);
    run(world);
    return sent;
}

static Tc__Recomputed *recomputed_of(const sent_t *sent) {
    EQ(sent->code, E_OK);
    Tc__Recomputed *made = tc__recomputed__unpack(NULL, sent->reply_bytes, sent->reply);
    NEED(made != NULL);
    return made;
}

static Tc__Status *status_of(world_t *world, const char *id) {
    Tc__GetStatus message = TC__GET_STATUS__INIT;
    message.request_id = T(id);
    sent_t *sent = put_as(world, "hospital:h1", "get_status", "ask", &message.base);
    run(world);
    EQ(sent->code, E_OK);
    Tc__Status *status = tc__status__unpack(NULL, sent->reply_bytes, sent->reply);
    NEED(status != NULL);
    return status;
}

static Tc__Decisions *versions_of(world_t *world, const char *bill) {
    Tc__GetVersions message = TC__GET_VERSIONS__INIT;
    message.bill = T(bill);
    sent_t *sent = put_as(world, "hospital:h1", "get_versions", "ask", &message.base);
    run(world);
    return decisions_of(sent);
}

// Settle a bill of 22,205.45 on that day; under its own number as request id.
static void settle_on(world_t *world, const char *number, const char *person, const char *day, int expected) {
    Tc__Bill bill = bill_of(number, person, "H44070300002", day, 2220545, 2220545);
    EQ(ask(world, "settle", number, &bill)->code, expected);
}

// The standing bills of `a` are worth what those of `b` are, in lawful order; the persons may differ.
static void same_year(world_t *world, const char *a, const char *b, int year) {
    static Tc__Decision *bills[STANDING_MAX];
    size_t count = standing_bills(world, bills, STANDING_MAX), n = 0, m = 0;
    Tc__Decision *left[64], *right[64];
    for (size_t i = 0; i < count; i++) {
        if (bills[i]->year == year && strcmp(bills[i]->person, a) == 0) left[n++] = bills[i];
        if (bills[i]->year == year && strcmp(bills[i]->person, b) == 0) right[m++] = bills[i];
        NEED(n < 64 && m < 64);
    }
    EQ(n, m);
    for (size_t i = 0; i < n && i < m; i++) {
        EQ(left[i]->fund_fen, right[i]->fund_fen);
        EQ(left[i]->own_fen, right[i]->own_fen);
        EQ(left[i]->deductible_fen, right[i]->deductible_fen);
        for (size_t t = 0; t < left[i]->n_used; t++)
            EQ(left[i]->used[t]->amount_fen, USED(right[i], left[i]->used[t]->name));
    }
    for (size_t i = 0; i < count; i++) tc__decision__free_unpacked(bills[i], NULL);
}

TEST(a_late_bill_takes_its_lawful_place_and_those_after_it_are_decided_again) {
    world_t *world = open_world("adj_late");
    const char *late = add_person("LATE", "employee", "2014-12", 1, 1);
    const char *straight = add_person("STRAIGHT", "employee", "2014-12", 1, 1);
    settle_on(world, "L2", late, "2018-04-10", E_OK);
    settle_on(world, "L3", late, "2018-05-10", E_OK);
    Tc__Bill bill = bill_of("L1", late, "H44070300002", "2018-03-10", 2220545, 2220545);
    Tc__Decision *quote = decision_of(ask(world, "quote", "q", &bill));
    EQ(quote->based_on_seq, 2);
    EQ(USED(quote, "tier2_base"), 432109); // nothing lies before it
    Tc__Quoted quoted = TC__QUOTED__INIT;
    quoted.based_on_seq = 2, quoted.entitlement = 3, quoted.policy = quote->policy, quoted.own_fen = quote->own_fen;
    bill.quoted = &quoted;
    Tc__Decision *first = decision_of(ask(world, "settle", "L1", &bill));
    EQ(first->n_changed, 0);
    EQ(first->seq, 3);
    EQ(first->version, 1);
    EQ(first->own_fen, quote->own_fen);
    EQ(USED(first, "tier2_base"), 432109);
    for (int i = 1; i <= 3; i++) {
        char number[8], day[16];
        snprintf(number, sizeof number, "S%d", i);
        snprintf(day, sizeof day, "2018-0%d-10", i + 2);
        settle_on(world, number, straight, day, E_OK);
    }
    same_year(world, late, straight, 2018);
    Tc__Decisions *versions = versions_of(world, "L3");
    NEED(versions->n_decisions == 2);
    Tc__Decision *was = versions->decisions[0], *is = versions->decisions[1];
    EQ(was->version, 1);
    EQ(is->version, 2);
    EQ(is->seq, 5);
    EQ_TEXT(is->kind, "recomputed");
    EQ_TEXT(is->request_id, "L1");
    HAS_TEXT(is->cause, "bill L1");
    NEED(is->previous != NULL);
    EQ(is->previous->seq, was->seq);
    EQ(is->previous->own_fen, was->own_fen);
    EQ(is->previous->fund_fen, was->fund_fen);
    OK(is->head == NULL); // it is the last bill
    Tc__Decision *got = decision_of(ask_about(world, "get_decision", "L3"));
    EQ(got->version, 2);
    Tc__Decision *explained = decision_of(ask_about(world, "explain", "L3"));
    EQ(explained->version, 2);
    // The stream tells of all of it, in the order of the rows.
    EQ(one_number(world, "SELECT COUNT(*) FROM decision WHERE person = 'LATE' AND kind = 2 AND request_id IS NULL"), 2);
    check_numbers(world);
    settle_on(world, "L4", late, "2018-06-10", E_OK); // goes on from there
    settle_on(world, "S4", straight, "2018-06-10", E_OK);
    same_year(world, late, straight, 2018);
    sent_t sent = *ask(world, "settle", "L1", &bill); // again: the same answer
    Tc__Decision *again = decision_of(&sent);
    EQ(again->seq, 3);
    tc__decision__free_unpacked(quote, NULL);
    tc__decision__free_unpacked(first, NULL);
    tc__decision__free_unpacked(got, NULL);
    tc__decision__free_unpacked(again, NULL);
    tc__decision__free_unpacked(explained, NULL);
    tc__decisions__free_unpacked(versions, NULL);
    close_world(world);
}

TEST(a_settlement_tells_what_moved_since_the_quote) {
    world_t *world = open_world("adj_moved");
    const char *person = add_person("MOVED", "employee", "2014-12", 1, 1);
    Tc__Bill bill = bill_of("M2", person, "H44070300002", "2018-04-10", 2220545, 2220545);
    Tc__Decision *quote = decision_of(ask(world, "quote", "q", &bill));
    Tc__Quoted quoted = TC__QUOTED__INIT;
    quoted.based_on_seq = quote->based_on_seq, quoted.entitlement = quote->entitlement;
    quoted.policy = quote->policy, quoted.own_fen = quote->own_fen;
    settle_on(world, "M1", person, "2018-03-10", E_OK);
    bill.quoted = &quoted;
    quoted.entitlement = 2;
    Tc__Decision *settled = decision_of(ask(world, "settle", "M2", &bill));
    NEED(settled->n_changed == 3);
    EQ_TEXT(settled->changed[0], "chain");
    EQ_TEXT(settled->changed[1], "entitlement");
    EQ_TEXT(settled->changed[2], "own");
    tc__decision__free_unpacked(quote, NULL);
    tc__decision__free_unpacked(settled, NULL);
    close_world(world);
}

// Three bills, one of them reversed: the year is that of the other two.
static void reverse_one_of_three(world_t *world, int which) {
    static const char *const days[] = {"2018-03-10", "2018-04-10", "2018-05-10"};
    char person[24], other[24], number[32], id[32];
    snprintf(person, sizeof person, "THREE%d", which);
    snprintf(other, sizeof other, "TWO%d", which);
    add_person(person, "employee", "2014-12", 1, 1);
    add_person(other, "employee", "2014-12", 1, 1);
    for (int i = 0; i < 3; i++) {
        snprintf(number, sizeof number, "T%d%d", which, i);
        settle_on(world, number, person, days[i], E_OK);
        snprintf(number, sizeof number, "W%d%d", which, i);
        if (i != which) settle_on(world, number, other, days[i], E_OK);
    }
    snprintf(number, sizeof number, "T%d%d", which, which);
    snprintf(id, sizeof id, "reverse-%d", which);
    Tc__Decision *reversed = decision_of(reverse(world, id, number, person));
    EQ_TEXT(reversed->decision, "reversed");
    EQ_TEXT(reversed->kind, "reversed");
    EQ_TEXT(reversed->cause, "entered twice");
    EQ(reversed->version, 2);
    EQ(reversed->total_fen + reversed->fund_fen + reversed->own_fen + reversed->deductible_fen, 0);
    EQ(PAID(reversed, "tier1"), 0);
    EQ(reversed->n_steps, 0);
    EQ(reversed->input->total_fen, 2220545);
    EQ(reversed->previous->total_fen, 2220545);
    same_year(world, person, other, 2018);
    settle_on(world, number, person, days[which], E_OK); // the same request: what it was answered
    Tc__Bill renumbered = bill_of(number, person, "H44070300002", days[which], 2220545, 2220545);
    EQ(ask(world, "settle", "another", &renumbered)->code, E_REVERSED);
    snprintf(number, sizeof number, "T%d9", which);
    settle_on(world, number, person, "2018-06-10", E_OK); // goes on from there
    snprintf(number, sizeof number, "W%d9", which);
    settle_on(world, number, other, "2018-06-10", E_OK);
    same_year(world, person, other, 2018);
    tc__decision__free_unpacked(reversed, NULL);
}

TEST(a_reversed_bill_no_longer_counts_wherever_it_stood) {
    world_t *world = open_world("adj_reversed");
    for (int which = 0; which < 3; which++) reverse_one_of_three(world, which);
    check_chains(world);
    check_numbers(world);
    close_world(world);
}

TEST(the_only_bill_reversed_leaves_an_empty_year) {
    world_t *world = open_world("adj_only");
    const char *person = add_person("ONLY", "employee", "2014-12", 1, 1);
    settle_on(world, "O1", person, "2018-05-10", E_OK);
    Tc__Decision *reversed = decision_of(reverse(world, "r1", "O1", person));
    NEED(reversed->head != NULL);
    EQ_TEXT(reversed->head->last_bill, "");
    heads_clear(world->core->heads); // from the row alone
    Tc__Bill bill = bill_of("O2", person, "H44070300002", "2018-03-10", 2220545, 2220545);
    Tc__Decision *next = decision_of(ask(world, "settle", "O2", &bill));
    EQ(next->seq, 3);
    EQ(USED(next, "tier2_base"), 432109);
    tc__decision__free_unpacked(reversed, NULL);
    tc__decision__free_unpacked(next, NULL);
    Tc__Decisions *standing = decisions_of(get_decisions(world, person, 2018, 0));
    NEED(standing->n_decisions == 1);
    EQ_TEXT(standing->decisions[0]->bill, "O2");
    tc__decisions__free_unpacked(standing, NULL);
    close_world(world);
}

TEST(a_reversal_is_done_once_and_says_what_is_wrong_with_it) {
    world_t *world = open_world("adj_once_reversed"), *other = open_world("adj_once_reversed");
    const char *person = add_person("UNDONE", "employee", "2014-12", 1, 1);
    settle_on(world, "U1", person, "2018-05-10", E_OK);
    EQ(reverse(world, "r0", "U1", "SOMEBODY")->code, E_INVALID_FIELD);
    sent_t first = *reverse(world, "r1", "U1", person);
    EQ(first.code, E_OK);
    now_ms += 5000;
    // The answer was lost: asked again, of any instance, it is the same.
    world_t *both[] = {world, other};
    for (int i = 0; i < 2; i++) {
        sent_t *again = reverse(both[i], "r1", "U1", person);
        EQ(again->code, E_OK);
        EQ(again->reply_bytes, first.reply_bytes);
        OK(memcmp(again->reply, first.reply, first.reply_bytes) == 0);
        EQ(reverse(both[i], "r2", "U1", person)->code, E_EXISTS);
        sent_t *differs = put_reversal(both[i], "r1", "U1", person, "another reason");
        run(both[i]);
        EQ(differs->code, E_CONFLICT);
    }
    sent_t *bare = put_reversal(world, "r3", "U1", person, "");
    run(world);
    EQ(bare->code, E_MISSING_FIELD);
    EQ_TEXT(bare->field, "reason");
    Tc__Status *done = status_of(other, "r1"), *settled = status_of(other, "U1"), *none = status_of(other, "r2");
    EQ_TEXT(done->state, "done");
    NEED(done->decision && settled->decision);
    EQ_TEXT(done->decision->kind, "reversed");
    EQ(settled->decision->version, 1);
    EQ_TEXT(none->state, "unknown");
    OK(none->decision == NULL);
    tc__status__free_unpacked(done, NULL);
    tc__status__free_unpacked(settled, NULL);
    tc__status__free_unpacked(none, NULL);
    EQ(one_number(world, "SELECT COUNT(*) FROM decision"), 2);
    close_world(world);
    close_world(other);
}

// The register is followed by each instance for itself, and one may be behind.
TEST(a_settled_bill_is_known_also_where_its_hospital_is_not) {
    world_t *world = open_world("adj_unplaced"), *behind = open_world("adj_unplaced");
    const char *person = add_person("PLACED", "employee", "2014-12", 1, 1);
    add_facility(world, "H44070300009", "2", "2018-01-01");
    Tc__Bill bill = bill_of("N1", person, "H44070300009", "2018-05-10", 2220545, 2220545);
    sent_t *first = put(world, "settle", "N1", &bill);
    run(world);
    EQ(first->code, E_OK);
    sent_t *again = put(behind, "settle", "N1", &bill), *otherwise = put(behind, "settle", "N1-2", &bill);
    run(behind);
    EQ(again->code, E_OK);
    EQ(again->reply_bytes, first->reply_bytes);
    OK(memcmp(again->reply, first->reply, first->reply_bytes) == 0);
    EQ(otherwise->code, E_EXISTS);
    bill.bill = T("N2");
    sent_t *fresh = put(behind, "settle", "N2", &bill);
    run(behind);
    EQ(fresh->code, E_NOT_FOUND);
    EQ_TEXT(fresh->field, "facility");
    close_world(world);
    close_world(behind);
}

// Nor is a lawful command refused for good because a later bill's hospital is not known here yet.
TEST(a_reversal_before_a_bill_of_a_hospital_not_heard_of_is_asked_again) {
    world_t *world = open_world("adj_behind"), *behind = open_world("adj_behind");
    const char *person = add_person("BEHIND", "employee", "2014-12", 1, 1);
    add_facility(world, "H44070300009", "2", "2018-01-01");
    Tc__Bill late = bill_of("L2", person, "H44070300009", "2018-05-10", 2220545, 2220545);
    settle_on(world, "L1", person, "2018-03-10", E_OK);
    EQ(ask(world, "settle", "L2", &late)->code, E_OK);
    EQ(reverse(behind, "r1", "L1", person)->code, E_UNAVAILABLE);
    EQ(recompute(behind, "n1", person, 2018, false)->code, E_UNAVAILABLE);
    Tc__Bill earlier = bill_of("L0", person, "H44070300003", "2018-02-10", 2220545, 2220545);
    EQ(ask(behind, "settle", "L0", &earlier)->code, E_UNAVAILABLE);
    EQ(reverse(world, "r1", "L1", person)->code, E_OK);
    EQ(one_number(world, "SELECT COUNT(*) FROM decision WHERE kind = 1"), 1);
    close_world(world);
    close_world(behind);
}

static world_t *the_other;
static sent_t *there;
static void reverse_there(void) { there = reverse(the_other, "r1", "W1", "TWICE"); }

// A command that was sent again reaches two instances at once, and collection lets one of them wait.
TEST(a_reversal_that_another_instance_does_meanwhile_is_no_refusal) {
    world_t *world = open_world("adj_reversed_there");
    the_other = open_world("adj_reversed_there");
    const char *person = add_person("TWICE", "employee", "2014-12", 1, 1);
    settle_on(world, "W1", person, "2018-05-10", E_OK);
    settle_on(world, "W2", person, "2018-06-10", E_OK);
    world->meanwhile = reverse_there;
    EQ(reverse(world, "r1", "W1", person)->code, E_RACE);
    world->meanwhile = NULL;
    sent_t *again = reverse(world, "r1", "W1", person);
    EQ(there->code, E_OK);
    EQ(again->code, E_OK);
    EQ(again->reply_bytes, there->reply_bytes);
    OK(memcmp(again->reply, there->reply, there->reply_bytes) == 0);
    EQ(one_number(world, "SELECT COUNT(*) FROM decision WHERE bill = 'W1'"), 2);
    close_world(world);
    close_world(the_other);
}

// A caller who missed the answer asks again while somebody else reverses the bill: the two may meet in one batch.
TEST(a_repeated_settlement_that_meets_the_reversal_in_one_batch_gets_its_old_answer) {
    world_t *world = open_world("adj_meets_reversal");
    const char *person = add_person("MEETS", "employee", "2014-12", 1, 1);
    Tc__Bill bill = bill_of("M1", person, "H44070300002", "2018-05-10", 2220545, 2220545);
    const sent_t settled = *ask(world, "settle", "m1", &bill);
    EQ(settled.code, E_OK);
    sent_t *reversal = put_reversal(world, "r1", "M1", person, "entered twice"),
           *again = put(world, "settle", "m1", &bill), *other_id = put(world, "settle", "m2", &bill);
    bill.total_fen += 1;
    sent_t *other_body = put(world, "settle", "m1", &bill);
    run(world);
    EQ(reversal->code, E_OK);
    EQ(again->code, E_OK);
    EQ(again->reply_bytes, settled.reply_bytes);
    OK(memcmp(again->reply, settled.reply, settled.reply_bytes) == 0);
    OK(other_id->code == E_EXISTS || other_id->code == E_REVERSED); // both are true
    EQ(other_body->code, E_CONFLICT);
    EQ(one_number(world, "SELECT COUNT(*) FROM decision"), 2);
    check_numbers(world);
    close_world(world);
}

TEST(a_bill_reversed_before_it_arrives_is_never_settled) {
    world_t *a = open_world("adj_tombstone"), *b = open_world("adj_tombstone");
    const char *person = add_person("EARLY", "employee", "2014-12", 1, 1);
    const char *other = add_person("EARLY2", "employee", "2014-12", 1, 1);
    settle_on(a, "E0", person, "2018-05-10", E_OK);
    Tc__Decision *tombstone = decision_of(reverse(a, "r1", "E1", person));
    EQ_TEXT(tombstone->kind, "tombstone");
    EQ(tombstone->year, 0);
    EQ(tombstone->version, 1);
    settle_on(a, "E1", person, "2018-06-10", E_REVERSED);
    settle_on(b, "E1", person, "2018-06-10", E_REVERSED);
    settle_on(b, "E1", other, "2018-06-10", E_REVERSED); // whoever it is said to be of
    EQ(reverse(b, "r2", "E1", person)->code, E_EXISTS);
    sent_t *again = reverse(b, "r1", "E1", person);
    EQ(again->code, E_OK);
    Tc__Decision *got = decision_of(ask_about(b, "explain", "E1"));
    EQ_TEXT(got->kind, "tombstone");
    // Two of one batch, in both orders.
    Tc__Bill bill = bill_of("E2", person, "H44070300002", "2018-07-10", 2220545, 2220545);
    sent_t *first = put_reversal(a, "r3", "E2", person, "wrong"), *second = put(a, "settle", "E2", &bill);
    run(a);
    EQ(first->code, E_OK);
    EQ(second->code, E_REVERSED);
    bill.bill = T("E3");
    first = put(b, "settle", "E3", &bill), second = put_reversal(b, "r4", "E3", person, "wrong");
    sent_t *third = put_reversal(b, "r4", "E3", person, "wrong"),
           *fourth = put_reversal(b, "r5", "E4", person, "wrong");
    run(b);
    EQ(first->code, E_OK);
    Tc__Decision *reversed = decision_of(second);
    EQ_TEXT(reversed->kind, "reversed");
    EQ(third->code, E_OK);
    EQ(fourth->code, E_OK);
    EQ(one_number(a, "SELECT COUNT(*) FROM decision WHERE year = 0"), 3);
    EQ(one_number(a, "SELECT COUNT(*) FROM decision WHERE year > 0"), 3);
    check_numbers(a);
    tc__decision__free_unpacked(tombstone, NULL);
    tc__decision__free_unpacked(got, NULL);
    tc__decision__free_unpacked(reversed, NULL);
    close_world(a);
    close_world(b);
}

TEST(a_recomputation_follows_the_entitlement_and_a_dry_one_tells_it) {
    world_t *world = open_world("adj_again"), *other = open_world("adj_again");
    const char *person = add_person("PAID_LATER", "employee", "2018-06", 1, 1);
    person_t *entry = &persons[person_count - 1];
    const char *always = add_person("PAID_ALWAYS", "employee", "2014-12", 1, 1);
    static const char *const days[] = {"2018-03-10", "2018-04-10", "2018-07-10"};
    for (int i = 0; i < 3; i++) {
        char a[8], b[8];
        snprintf(a, sizeof a, "A%d", i), snprintf(b, sizeof b, "B%d", i);
        settle_on(world, a, person, days[i], E_OK);
        settle_on(world, b, always, days[i], E_OK);
    }
    sent_t *sent = recompute(world, "n1", person, 2018, false); // nothing has changed
    Tc__Recomputed *none = recomputed_of(sent);
    EQ(none->bills, 3);
    EQ(none->n_rows, 0);
    Tc__Status *status = status_of(world, "n1");
    EQ_TEXT(status->state, "unknown");
    entry->span.first_month = T("2014-12");
    sent_t dry = *recompute(world, "n2", person, 2018, true);
    EQ(one_number(world, "SELECT COUNT(*) FROM decision WHERE kind = 2"), 0);
    sent_t real = *recompute(world, "n2", person, 2018, false);
    EQ(dry.reply_bytes, real.reply_bytes);
    OK(memcmp(dry.reply, real.reply, real.reply_bytes) == 0);
    Tc__Recomputed *made = recomputed_of(&real);
    EQ(made->bills, 3);
    EQ(made->n_rows, 3);
    OK(made->fund_fen > 0);
    EQ(made->fund_fen, -made->own_fen);
    EQ_TEXT(made->rows[0]->cause, "the entitlement changed");
    same_year(world, person, always, 2018);
    settle_on(world, "A9", person, "2018-08-10", E_OK);
    sent_t *again = recompute(other, "n2", person, 2018, false); // the answer was lost
    EQ(again->reply_bytes, real.reply_bytes);
    OK(memcmp(again->reply, real.reply, real.reply_bytes) == 0);
    EQ(recompute(other, "n2", person, 2019, false)->code, E_CONFLICT);
    EQ(recompute(other, "n3", person, 1, false)->code, E_INVALID_FIELD);
    tc__status__free_unpacked(status, NULL);
    tc__recomputed__free_unpacked(none, NULL);
    tc__recomputed__free_unpacked(made, NULL);
    close_world(world);
    close_world(other);
}

static Tc__Recomputed *recompute_after(world_t *world, const char *id, const char *person, bool dry, int after) {
    Tc__Recompute message = TC__RECOMPUTE__INIT;
    message.person = T(person), message.year = 2018, message.cause = T("the entitlement changed"), message.dry = dry;
    message.after = after;
    sent_t *sent = put_as(world, "clerk:c1", "recompute", id, &message.base);
    run(world);
    return recomputed_of(sent);
}

// All rows, in order and whole, however many answers it takes.
static void check_answers(world_t *world, const char *id, const char *person, bool dry, int count) {
    fen_t fund = 0;
    int told = 0, answers = 0;
    for (bool done = false; !done; answers++) {
        Tc__Recomputed *part = recompute_after(world, id, person, dry, told);
        EQ(part->versions, count);
        EQ(part->bills, count);
        for (size_t i = 0; i < part->n_rows; i++) {
            OK(part->rows[i]->n_steps > 0);
            OK(part->rows[i]->input != NULL);
            EQ(part->rows[i]->seq, count + told + (int)i + 1);
            fund += part->rows[i]->fund_fen - part->rows[i]->previous->fund_fen;
        }
        told += (int)part->n_rows;
        done = part->done;
        if (done) EQ(part->fund_fen, fund);
        tc__recomputed__free_unpacked(part, NULL);
        NEED(answers < 100);
    }
    EQ(told, count);
    OK(answers > 1);
}

TEST(a_recomputation_too_long_for_one_answer_is_told_in_several) {
    enum { BILLS = 3000, TOGETHER = 200 };
    world_t *world = open_world("adj_long");
    const char *person = add_person("LONG_YEAR", "employee", "2018-12", 1, 1);
    person_t *entry = &persons[person_count - 1];
    for (int i = 0; i < BILLS; i++) {
        char number[16], day[DATE_TEXT_MAX];
        snprintf(number, sizeof number, "L%04d", i);
        date_format(date_make(2018, 1, 1) + i / 10, day);
        Tc__Bill bill = bill_of(number, person, "H44070300002", day, 50000, 40000);
        put(world, "settle", number, &bill);
        if (i % TOGETHER == TOGETHER - 1) run(world);
    }
    entry->span.first_month = T("2014-12");
    check_answers(world, "L-dry", person, true, BILLS);
    EQ(one_number(world, "SELECT COUNT(*) FROM decision"), BILLS);
    // Nothing was done under the id yet: there is no rest of it.
    Tc__Recompute message = TC__RECOMPUTE__INIT;
    message.person = T(person), message.year = 2018, message.cause = T("the entitlement changed"), message.after = 7;
    sent_t *sent = put_as(world, "clerk:c1", "recompute", "L-real", &message.base);
    run(world);
    EQ(sent->code, E_NOT_FOUND);
    check_answers(world, "L-real", person, false, BILLS);
    EQ(one_number(world, "SELECT COUNT(*) FROM decision"), 2 * BILLS);
    close_world(world);
}

// What cannot be decided again stops the change that would need it, and nothing is written.
TEST(a_change_that_needs_what_is_not_known_changes_nothing) {
    world_t *world = open_world("adj_stopped");
    const char *person = add_person("STOPPED", "employee", "2014-12", 1, 1);
    settle_on(world, "P1", person, "2018-03-10", E_OK);
    settle_on(world, "P2", person, "2018-04-10", E_OK);
    world->collection_down = true;
    EQ(reverse(world, "r1", "P1", person)->code, E_UNAVAILABLE);
    EQ(recompute(world, "n1", person, 2018, false)->code, E_UNAVAILABLE);
    EQ(recompute(world, "n1", person, 2018, true)->code, E_UNAVAILABLE);
    EQ(one_number(world, "SELECT COUNT(*) FROM decision"), 2);
    EQ(reverse(world, "r2", "P2", person)->code, E_OK); // nothing comes after it
    world->collection_down = false;
    EQ(reverse(world, "r1", "P1", person)->code, E_OK);
    close_world(world);
}

// Two instances do everything to a few persons at once; in the end, recomputed, each year is that of its standing
// bills settled in lawful order by a third one that knows nothing else.
typedef struct fate {
    bool settled, reversed;
} fate_t;

static int in_order(const void *left, const void *right) {
    const Tc__Bill *a = left, *b = right;
    int d = strcmp(a->to, b->to);
    return d ? d : strcmp(a->bill, b->bill);
}

TEST(whatever_the_order_of_arrival_the_end_is_lawful) {
    enum { BILLS_ALL = 60, STEPS = 50, AT_ONCE = 6 };
    world_t *worlds[] = {open_world("adj_any_order"), open_world("adj_any_order")}, *fresh = open_world("adj_lawful");
    static char numbers[BILLS_ALL][16];
    static Tc__Bill bills[BILLS_ALL];
    fate_t fates[BILLS_ALL] = {0};
    add_crowd();
    for (int i = 0; i < BILLS_ALL; i++) bills[i] = random_bill(numbers[i], i);
    for (int step = 0; step < STEPS; step++) {
        world_t *world = worlds[draw(2)];
        sent_t *sent[AT_ONCE];
        int which[AT_ONCE];
        bool reverses[AT_ONCE];
        for (int i = 0; i < AT_ONCE; i++) {
            char id[24];
            which[i] = (int)draw(BILLS_ALL);
            reverses[i] = draw(4) == 0 && fates[which[i]].settled;
            snprintf(id, sizeof id, "%s-%s", reverses[i] ? "reverse" : "settle", numbers[which[i]]);
            sent[i] = reverses[i] ? put_reversal(world, id, numbers[which[i]], bills[which[i]].person, "wrong")
                                  : put(world, "settle", id, &bills[which[i]]);
        }
        if (draw(5) == 0) put_recomputation(world, "some", bills[which[0]].person, 2018, false);
        run(world);
        for (int i = 0; i < AT_ONCE; i++) {
            EQ(sent[i]->code, E_OK); // of a repeated request too
            fates[which[i]].settled = true;
            fates[which[i]].reversed |= reverses[i];
        }
    }
    check_chains(worlds[0]);
    check_numbers(worlds[0]);
    static Tc__Bill sorted[BILLS_ALL];
    size_t count = 0;
    for (int i = 0; i < BILLS_ALL; i++)
        if (fates[i].settled && !fates[i].reversed) sorted[count++] = bills[i];
    qsort(sorted, count, sizeof *sorted, in_order);
    for (size_t i = 0; i < count; i++) EQ(ask(fresh, "settle", sorted[i].bill, &sorted[i])->code, E_OK);
    EQ(one_number(fresh, "SELECT COUNT(*) FROM decision"), count); // all in order: one version each
    static Tc__Decision *left[STANDING_MAX], *right[STANDING_MAX];
    size_t n = standing_bills(worlds[1], left, STANDING_MAX), m = standing_bills(fresh, right, STANDING_MAX);
    EQ(n, m);
    for (size_t i = 0; i < n && i < m; i++) {
        EQ_TEXT(left[i]->bill, right[i]->bill);
        EQ(left[i]->fund_fen, right[i]->fund_fen);
        EQ(left[i]->own_fen, right[i]->own_fen);
        for (size_t t = 0; t < right[i]->n_used; t++)
            EQ(USED(left[i], right[i]->used[t]->name), right[i]->used[t]->amount_fen);
    }
    for (size_t i = 0; i < n; i++) tc__decision__free_unpacked(left[i], NULL);
    for (size_t i = 0; i < m; i++) tc__decision__free_unpacked(right[i], NULL);
    close_world(worlds[0]);
    close_world(worlds[1]);
    close_world(fresh);
}

// The answer was lost, and by now the bill would be refused: whoever asks again is told what was done.
// ---- faults
// One call after the other fails: an allocation, a call of the store, an event that does not go out. Each request is
// answered once, a refused one has left nothing, and asked again under its id it comes to what it comes to undisturbed.

static void put_three(world_t *world, const char *person) {
    static const struct {
        const char *bill, *to;
    } of[] = {{"1", "2018-03-10"}, {"2", "2018-04-10"}, {"0", "2018-02-01"}}; // the last one is late
    for (size_t i = 0; i < COUNT_OF(of); i++) {
        char number[32];
        snprintf(number, sizeof number, "%s-%s", person, of[i].bill);
        Tc__Bill bill = bill_of(number, person, "H44070300003", of[i].to, 6000000, 5000000);
        put(world, "settle", number, &bill);
    }
}

static void put_its_reversal(world_t *world, const char *person) {
    char number[32], id[40];
    snprintf(number, sizeof number, "%s-1", person);
    snprintf(id, sizeof id, "r-%s", number);
    put_reversal(world, id, number, person, "entered twice");
}

// What reads, and a recomputation that changes nothing.
static void put_questions(world_t *world, const char *person) {
    char number[32], id[40], again[40];
    snprintf(number, sizeof number, "%s-2", person);
    snprintf(again, sizeof again, "%s-q", person);
    snprintf(id, sizeof id, "c-%s", person);
    Tc__Bill bill = bill_of(again, person, "H44070300003", "2018-05-10", 100000, 90000);
    put(world, "quote", "q", &bill);
    Tc__Recompute recompute = TC__RECOMPUTE__INIT;
    recompute.person = T(person), recompute.year = 2018, recompute.cause = T("to be sure");
    put_as(world, "clerk:c1", "recompute", id, &recompute.base);
    Tc__GetDecision decision = TC__GET_DECISION__INIT;
    decision.bill = number;
    put_as(world, "clerk:c1", "get_decision", "a", &decision.base);
    put_as(world, "clerk:c1", "explain", "b", &decision.base);
    Tc__GetVersions versions = TC__GET_VERSIONS__INIT;
    versions.bill = number;
    put_as(world, "clerk:c1", "get_versions", "d", &versions.base);
    Tc__GetStatus status = TC__GET_STATUS__INIT;
    status.request_id = number;
    put_as(world, "clerk:c1", "get_status", "e", &status.base);
    Tc__GetDecisions decisions = TC__GET_DECISIONS__INIT;
    decisions.person = T(person), decisions.year = 2018;
    put_as(world, "clerk:c1", "get_decisions", "f", &decisions.base);
    Tc__Entitlement__Span span = TC__ENTITLEMENT__SPAN__INIT, *spans[] = {&span};
    Tc__Entitlement entitled = TC__ENTITLEMENT__INIT;
    span.identity = T("resident"), span.first_month = T("2018-01"), span.months_tier1 = 40;
    entitled.person = T(person), entitled.division = T("440703"), entitled.birth = T("1980-06-15");
    entitled.sex = T("female"), entitled.spans = spans, entitled.n_spans = 1;
    Tc__QuoteAs as = TC__QUOTE_AS__INIT;
    as.person = T(person), as.year = 2018, as.entitlement = &entitled;
    put_as(world, "clerk:c1", "quote_as", "g", &as.base);
}

static int64_t rows_of(world_t *world, const char *person, const char *more) {
    char sql[256];
    snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM decision WHERE person = '%s'%s", person, more);
    return one_number(world, sql);
}

// Runs what was put, the nth call of the kind failing; then what was refused once more. Did it fail?
static bool run_with_fault(world_t *world, void (*put_all)(world_t *, const char *), const char *person, fault_t kind,
                           long nth) {
    bool refused = false;
    put_all(world, person);
    const size_t count = world->count;
    fault_arm(kind, nth);
    run(world);
    const bool failed = fault_disarm(kind);
    for (size_t i = 0; i < count; i++) refused |= world->sent[i].code != E_OK;
    OK(failed || !refused);
    for (size_t i = 0; i < count && nth == 1; i++) sweep_tell("adjudication", world->sent[i].request.header.method);
    put_all(world, person);
    run(world);
    for (size_t i = 0; i < count; i++) EQ(world->sent[i].code, E_OK);
    return failed;
}

static int64_t fund_of_year(world_t *world, const char *person) {
    int64_t sum = 0;
    for (int i = 0; i < 3; i++) {
        char number[32];
        snprintf(number, sizeof number, "%s-%d", person, i);
        Tc__Decision *decision = decision_of(ask_about(world, "get_decision", number));
        sum += decision->fund_fen * (i + 1);
        tc__decision__free_unpacked(decision, NULL);
    }
    return sum;
}

static bool person_with_fault(world_t *world, fault_t kind, long nth, int64_t fund, int64_t fund_after) {
    char person[24];
    snprintf(person, sizeof person, "F%d-%ld", (int)kind, nth);
    add_person(person, "employee", "2014-12", 1, 1);
    bool failed = run_with_fault(world, put_three, person, kind, nth);
    EQ(fund_of_year(world, person), fund);
    EQ(rows_of(world, person, " AND version = 1"), 3);
    failed |= run_with_fault(world, put_its_reversal, person, kind, nth);
    EQ(fund_of_year(world, person), fund_after);
    EQ(rows_of(world, person, " AND request_id LIKE 'r-%'"), 1);
    failed |= run_with_fault(world, put_questions, person, kind, nth);
    EQ(fund_of_year(world, person), fund_after);
    person_count--;
    return failed;
}

TEST(no_call_that_fails_loses_or_doubles_a_bill) {
    world_t *world = open_world("adj_faults");
    add_person("WELL", "employee", "2014-12", 1, 1);
    put_three(world, "WELL");
    run(world);
    const int64_t fund = fund_of_year(world, "WELL");
    put_its_reversal(world, "WELL");
    run(world);
    const int64_t fund_after = fund_of_year(world, "WELL");
    OK(fund > 0 && fund_after > 0 && fund != fund_after);
    for (int kind = 0; kind < FAULT__COUNT; kind++) {
        bool failed = true;
        for (long n = 1; failed; n += n < 100 ? 1 : n / 20)
            failed = person_with_fault(world, (fault_t)kind, n, fund, fund_after);
    }
    check_numbers(world);
    close_world(world);
}

TEST(a_settled_bill_is_never_refused_to_whoever_asks_again) {
    world_t *world = open_world("adj_refused_again"), *other = open_world("adj_refused_again");
    add_person("GONE", "employee", "2014-12", 1, 1);
    Tc__Bill bill = bill_of("G1", "GONE", "H44070300003", "2018-03-10", 6000000, 5000000);
    sent_t first = *ask(world, "settle", "g1", &bill);
    EQ(first.code, E_OK);
    snprintf(persons[person_count - 1].number, sizeof persons[0].number, "MOVED");
    sent_t *again = ask(other, "settle", "g1", &bill);
    EQ(again->code, E_OK);
    EQ(again->reply_bytes, first.reply_bytes);
    EQ(ask(other, "settle", "g2", &bill)->code, E_EXISTS);
    bill.bill = T("G2");
    again = ask(other, "settle", "g3", &bill);
    EQ(again->code, E_NOT_FOUND);
    EQ(again->replies, 1);
    close_world(world);
    close_world(other);
}

// A chain that cannot be read is a matter of its person alone.
TEST(a_chain_that_cannot_be_read_harms_no_other) {
    world_t *world = open_world("adj_poison"), *other = open_world("adj_poison");
    const char *bad = add_person("POISON", "employee", "2014-12", 1, 1);
    const char *good = add_person("NEIGHBOUR", "employee", "2014-12", 1, 1);
    err_t err = {0};
    settle_on(world, "X1", bad, "2018-03-10", E_OK);
    need(store_exec(world->store, "UPDATE decision SET body = $1 WHERE bill = 'X1'",
                    (cell_t[]){cell_blob("\xff\xff", 2)}, 1, &err),
         &err);
    const char *methods[] = {"quote", "settle"};
    for (size_t m = 0; m < COUNT_OF(methods); m++) {
        Tc__Bill bills[] = {bill_of("X2", bad, "H44070300003", "2018-04-10", 6000000, 5000000),
                            bill_of("Y1", good, "H44070300003", "2018-04-10", 6000000, 5000000),
                            bill_of("X0", bad, "H44070300003", "2018-01-10", 6000000, 5000000)};
        sent_t *sent[] = {put(other, methods[m], "x2", &bills[0]), put(other, methods[m], "y1", &bills[1]),
                          put(other, methods[m], "x0", &bills[2])};
        run(other);
        OK(sent[0]->code != E_OK);
        EQ(sent[1]->code, E_OK);
        OK(sent[2]->code != E_OK);
        for (int i = 0; i < 3; i++) EQ(sent[i]->replies, 1);
    }
    close_world(world);
    close_world(other);
}

// The stored bill as it would be if its facility had never been registered.
static void make_undecidable(world_t *world, const char *bill) {
    err_t err = {0};
    rows_t rows;
    size_t bytes;
    arena_t *arena = arena_new(1 << 16, 0);
    cell_t params[] = {cell_text(bill), cell_null(CELL_BLOB)};
    need(store_query(world->store, "SELECT body FROM decision WHERE bill = $1", params, 1, arena, &rows, &err), &err);
    const uint8_t *body = row_blob(&rows, 0, 0, &bytes);
    Tc__Decision *stored = tc__decision__unpack(NULL, bytes, body);
    NEED(stored != NULL);
    memcpy(stored->input->facility, "H44070399999", 12);
    const size_t size = tc__decision__get_packed_size(stored);
    uint8_t *changed = arena_alloc(arena, size);
    params[1] = cell_blob(changed, tc__decision__pack(stored, changed));
    need(store_exec(world->store, "UPDATE decision SET body = $2 WHERE bill = $1", params, 2, &err), &err);
    tc__decision__free_unpacked(stored, NULL);
    arena_destroy(&arena);
}

// Later bills that cannot be decided again stop a reversal, which names the first of them; taken out from the last one
// on, they make room for it.
TEST(a_clerk_can_always_go_on_from_the_last_bill) {
    world_t *world = open_world("adj_clerk");
    const char *person = add_person("CLERK", "employee", "2014-12", 1, 1);
    static const char *const bills[] = {"C1", "C2", "C3", "C4"}, *const days[] = {"2018-03-10", "2018-04-10",
                                                                                  "2018-05-10", "2018-06-10"};
    for (size_t i = 0; i < COUNT_OF(bills); i++) settle_on(world, bills[i], person, days[i], E_OK);
    make_undecidable(world, "C3");
    make_undecidable(world, "C4");
    EQ(reverse(world, "r1", "C1", person)->code, E_UNAVAILABLE);
    EQ(reverse(world, "r3", "C3", person)->code, E_UNAVAILABLE);
    EQ(recompute(world, "n1", person, 2018, false)->code, E_UNAVAILABLE);
    settle_on(world, "C5", person, "2018-07-10", E_OK); // who comes after them is not held up
    EQ(reverse(world, "r5", "C5", person)->code, E_OK);
    EQ(reverse(world, "r4", "C4", person)->code, E_OK);
    EQ(reverse(world, "r3", "C3", person)->code, E_OK);
    EQ(reverse(world, "r1", "C1", person)->code, E_OK);
    EQ(one_number(world, "SELECT COUNT(*) FROM decision WHERE kind = 1"), 4);
    settle_on(world, "C6", person, "2018-05-10", E_OK);
    check_numbers(world);
    close_world(world);
}

// The bound of a year's bills is a bound for every way in, so that a chain can always be read whole, and changed.
TEST(a_year_takes_no_more_bills_than_can_be_decided_again) {
    enum { AT_ONCE = 128 };
    world_t *world = open_world("adj_bound");
    const char *person = add_person("BOUND", "employee", "2014-12", 1, 1);
    char numbers[AT_ONCE][16];
    Tc__Bill bills[AT_ONCE];
    for (int made = 0; made < COURSE_BILLS_MAX; made += AT_ONCE) {
        for (int i = 0; i < AT_ONCE; i++) {
            snprintf(numbers[i], sizeof numbers[i], "M%05d", made + i);
            bills[i] = bill_of(numbers[i], person, "H44070300003", "2018-03-10", 100000, 90000);
            put(world, "settle", numbers[i], &bills[i]);
        }
        run(world);
    }
    EQ(one_number(world, "SELECT COUNT(*) FROM decision"), COURSE_BILLS_MAX);
    settle_on(world, "N1", person, "2018-03-11", E_TOO_LARGE);
    settle_on(world, "L1", person, "2018-03-09", E_TOO_LARGE);
    const int64_t from_us = clock_mono_us();
    EQ(reverse(world, "r1", "M00000", person)->code, E_OK); // decides all of them again
    printf("%lld ms for a year of %d bills ", (long long)(clock_mono_us() - from_us) / 1000, COURSE_BILLS_MAX);
    settle_on(world, "N1", person, "2018-03-11", E_OK);
    check_numbers(world);
    close_world(world);
}

// A store from before bills had versions.
// ---- batches that are prepared ahead

enum { LINE = 240, LINE_BATCH_MAX = 12 };

static size_t port_next(void *self, const request_t **requests, size_t *room) {
    const world_t *world = self;
    *requests = world->coming;
    *room = LINE_BATCH_MAX;
    return world->coming_count;
}

static void look_ahead(world_t *world) {
    err_t err;
    need(ahead_new(&world->core->ahead, &err), &err);
    world->core->ports.next = port_next;
}

// A request of any kind: bills, some of them sent twice, with another body, faulty or reversed.
static void put_any(world_t *world, size_t number, Tc__Bill *bills, char names[LINE][2][16]) {
    static const char *const places[] = {"H44070300001", "H44070300002", "H44070300003", "H44070399999"};
    char day[16];
    const size_t before = number ? draw(number) : 0, person = draw(6);
    const uint64_t kind = number ? draw(20) : 19;
    snprintf(day, sizeof day, "2018-0%d-1%d", (int)(1 + draw(9)), (int)draw(10));
    snprintf(names[number][0], sizeof names[number][0], "LINE%zu", person);
    snprintf(names[number][1], sizeof names[number][1], "L%zu", number);
    bills[number] =
        bill_of(names[number][1], person == 5 && kind % 2 ? "NOBODY" : names[number][0], places[draw(40) ? draw(3) : 3],
                kind == 4 ? "2018-02-30" : day, 100000 + (fen_t)draw(900000), 100000);
    if (kind == 0)
        put_reversal(world, names[number][1], names[before][1], bills[before].person, "entered twice");
    else if (kind == 1)
        put(world, "settle", names[before][1], &bills[before]); // again
    else if (kind == 2)
        put(world, "settle", names[before][1], &bills[number]); // the id again, with another bill
    else
        put(world, kind == 3 ? "quote" : "settle", names[number][1], &bills[number]);
    if (kind == 4) bills[number].to = bills[number].from = T("2018-02-27");
}

// The same requests in the same batches; with `ahead` the beginnings of the next ones are given while one is settled.
static world_t *settle_line(const char *schema, bool ahead) {
    static Tc__Bill bills[LINE];
    static char names[LINE][2][16];
    request_t line[LINE];
    world_t *world = open_world(schema);
    if (ahead) look_ahead(world);
    drawn = 1;
    for (size_t i = 0; i < LINE; i++) {
        put_any(world, i, bills, names);
        line[i] = world->sent[i].request;
    }
    for (size_t from = 0, end = 1, after; from < LINE; from = end, end = after) {
        after = end + 1 + draw(LINE_BATCH_MAX);
        if (after > LINE) after = LINE;
        world->coming = &line[end];
        world->coming_count = end < LINE ? draw(after - end + 1) : 0; // the others come behind them
        adjudication_batch(world->core, line + from, end - from);
        arena_reset(world->arena);
        for (size_t i = 0; i < LINE; i++) EQ(world->sent[i].replies, i < end);
    }
    world->count = 0;
    return world;
}

TEST(a_batch_prepared_ahead_is_settled_as_if_it_had_not_been) {
    char persons_made[5][16];
    for (int i = 0; i < 5; i++) {
        snprintf(persons_made[i], sizeof persons_made[i], "LINE%d", i);
        add_person(persons_made[i], "employee", "2014-12", 1, 1);
    }
    world_t *plain = settle_line("adj_line_plain", false);
    const int64_t prepared = metric_value(plain->core->metrics.prepared);
    world_t *ahead = settle_line("adj_line_ahead", true);
    OK(metric_value(ahead->core->metrics.prepared) > prepared);
    for (size_t i = 0; i < LINE; i++) {
        EQ(plain->sent[i].code, ahead->sent[i].code);
        EQ_TEXT(plain->sent[i].field, ahead->sent[i].field);
        EQ(plain->sent[i].reply_bytes, ahead->sent[i].reply_bytes);
        if (plain->sent[i].code == E_OK)
            OK(memcmp(plain->sent[i].reply, ahead->sent[i].reply, plain->sent[i].reply_bytes) == 0);
    }
    check_numbers(ahead);
    EQ(one_number(plain, "SELECT COUNT(*) FROM decision"), one_number(ahead, "SELECT COUNT(*) FROM decision"));
    close_world(plain);
    close_world(ahead);
}

TEST(a_policy_released_meanwhile_decides_what_was_prepared) {
    world_t *world = open_world("adj_line_policy");
    const char *person = add_person("MEANWHILE", "employee", "2014-12", 1, 1);
    Tc__Bill first = bill_of("M1", person, "H44070300003", "2018-03-10", 6000000, 5000000);
    Tc__Bill second = bill_of("M2", person, "H44070300003", "2018-04-10", 6000000, 5000000);
    policy_t *fresh = NULL;
    err_t err = {0};
    size_t bytes;
    look_ahead(world);
    put(world, "settle", "m1", &first);
    sent_t *sent = put(world, "settle", "m2", &second);
    world->coming = &sent->request;
    world->coming_count = 1;
    adjudication_batch(world->core, &world->sent[0].request, 1);
    world->coming_count = 0;
    EQ(sent->replies, 0);
    need(policy_load(&fresh, TC_SOURCE_DIR "/config/cities/jiangmen.yaml", (const char *const[]){NULL}, &err), &err);
    const void *packed = policy_packed(fresh, &bytes);
    need(policy_version_save(world->store, policy_hash(fresh), packed, bytes, 1, &err), &err);
    need(policies_take(world->core->policies, world->store, policy_hash(fresh), world->arena, &err), &err);
    const int64_t prepared = metric_value(world->core->metrics.prepared);
    adjudication_batch(world->core, &sent->request, 1);
    EQ(metric_value(world->core->metrics.prepared), prepared);
    EQ(world->sent[0].code, E_OK);
    EQ(sent->code, E_PARAMETER_MISSING); // the city's own file leaves its inpatient benefits to an overlay
    policy_destroy(&fresh);
    world->count = 0;
    close_world(world);
}

TEST(a_prepared_batch_that_never_comes_is_not_taken_for_the_next_at_its_place) {
    world_t *world = open_world("adj_line_gone");
    const char *person = add_person("GONE", "employee", "2014-12", 1, 1);
    Tc__Bill bills[3];
    request_t line[2];
    look_ahead(world);
    for (int i = 0; i < 3; i++) {
        static const char *const numbers[] = {"G1", "G2", "G3"};
        bills[i] = bill_of(numbers[i], person, "H44070300003", "2018-03-10", 6000000, 5000000);
        put(world, "settle", numbers[i], &bills[i]);
    }
    line[0] = world->sent[0].request;
    line[1] = world->sent[1].request;
    world->coming = &line[1];
    world->coming_count = 1;
    adjudication_batch(world->core, line, 1);
    line[1] = world->sent[2].request; // the second was refused by whoever calls us
    world->coming_count = 0;
    adjudication_batch(world->core, &line[1], 1);
    EQ(world->sent[1].replies, 0);
    EQ(world->sent[2].replies, 1);
    EQ(world->sent[2].code, E_OK);
    EQ(one_number(world, "SELECT COUNT(*) FROM decision WHERE bill = 'G3'"), 1);
    world->count = 0;
    close_world(world);
}

TEST(rows_of_old_become_first_versions) {
    store_t *store;
    err_t err = {0};
    rows_t rows;
    arena_t *arena = arena_new(1 << 16, 0);
    need(store_open(&store, temp_store_url(), "adj_old_rows", &err), &err);
    need(store_migrate(store, adjudication_migrations, 1, &err), &err);
    need(store_exec(store,
                    "INSERT INTO decision (partition, person, year, seq, number, request_id, digest, bill, at_ms, body)"
                    " VALUES (7, 'P', 2018, 1, 1, 'id', $1, 'B1', 5, $1)",
                    (cell_t[]){cell_blob("x", 1)}, 1, &err),
         &err);
    need(store_migrate(store, adjudication_migrations, ADJUDICATION_MIGRATIONS, &err), &err);
    need(store_query(store, "SELECT kind, version, request_id, bill, body FROM decision", NULL, 0, arena, &rows, &err),
         &err);
    NEED(rows.count == 1);
    EQ(row_i64(&rows, 0, 0), ROW_SETTLED);
    EQ(row_i64(&rows, 0, 1), 1);
    EQ_TEXT(row_text(&rows, 0, 2), "id");
    EQ_TEXT(row_text(&rows, 0, 3), "B1");
    need(store_query(store, adjudication_log.read_sql, (cell_t[]){cell_i64(7), cell_i64(1), cell_i64(9)}, 3, arena,
                     &rows, &err),
         &err);
    NEED(rows.count == 1);
    EQ_TEXT(row_text(&rows, 0, 1), "bill.settled");
    store_close(&store);
    arena_destroy(&arena);
}

TESTS("adjudication turns", CASE(the_ground_is_laid), CASE(WE_08_employee_first_stay_at_level_3),
      CASE(WE_09_the_running_total_follows_the_chain), CASE(WE_04_the_band_changes_inside_the_year),
      CASE(the_same_request_gives_the_same_answer_and_another_body_is_refused), CASE(the_same_holds_inside_one_batch),
      CASE(a_refusal_names_the_field_and_changes_nothing),
      CASE(what_is_not_known_now_is_unavailable_and_only_for_those_it_concerns),
      CASE(a_key_of_some_districts_or_facilities_has_no_say_in_others),
      CASE(a_years_bills_are_shown_to_keys_of_their_facilities_and_district), CASE(a_batch_asks_collection_once),
      CASE(a_turn_that_lasts_long_asks_for_its_own_bills), CASE(no_call_that_fails_loses_or_doubles_a_bill),
      CASE(who_is_not_covered_pays_alone_and_it_is_on_record),
      CASE(a_place_outside_that_nobody_knows_is_not_designated),
      CASE(visits_are_paid_by_point_referral_and_months_of_cover),
      CASE(a_visit_that_cannot_be_is_refused_with_its_field), CASE(WE_12_JM_R_05_what_filing_would_have_saved),
      CASE(a_decision_is_read_back_and_explained_under_its_own_policy), CASE(the_rows_are_the_stream),
      CASE(a_stale_head_is_refused_by_the_key_and_decided_again),
      CASE(totals_are_the_sums_of_the_bills_whoever_settled_them), CASE(every_answer_is_counted_by_its_code),
      CASE(a_chain_quoted_under_its_own_entitlement_is_itself),
      CASE(bills_not_covered_are_worth_what_they_are_under_cover), CASE(questions_about_a_year_name_the_field),
      CASE(a_late_bill_takes_its_lawful_place_and_those_after_it_are_decided_again),
      CASE(a_settlement_tells_what_moved_since_the_quote), CASE(a_reversed_bill_no_longer_counts_wherever_it_stood),
      CASE(the_only_bill_reversed_leaves_an_empty_year), CASE(a_reversal_is_done_once_and_says_what_is_wrong_with_it),
      CASE(a_settled_bill_is_known_also_where_its_hospital_is_not),
      CASE(a_reversal_before_a_bill_of_a_hospital_not_heard_of_is_asked_again),
      CASE(a_reversal_that_another_instance_does_meanwhile_is_no_refusal),
      CASE(a_repeated_settlement_that_meets_the_reversal_in_one_batch_gets_its_old_answer),
      CASE(a_bill_reversed_before_it_arrives_is_never_settled),
      CASE(a_recomputation_follows_the_entitlement_and_a_dry_one_tells_it),
      CASE(a_recomputation_too_long_for_one_answer_is_told_in_several),
      CASE(a_change_that_needs_what_is_not_known_changes_nothing),
      CASE(whatever_the_order_of_arrival_the_end_is_lawful),
      CASE(a_settled_bill_is_never_refused_to_whoever_asks_again), CASE(a_chain_that_cannot_be_read_harms_no_other),
      CASE(a_batch_prepared_ahead_is_settled_as_if_it_had_not_been),
      CASE(a_policy_released_meanwhile_decides_what_was_prepared),
      CASE(a_prepared_batch_that_never_comes_is_not_taken_for_the_next_at_its_place),
      CASE(a_clerk_can_always_go_on_from_the_last_bill), CASE(a_year_takes_no_more_bills_than_can_be_decided_again),
      CASE(rows_of_old_become_first_versions), CASE(the_ground_is_cleared))
