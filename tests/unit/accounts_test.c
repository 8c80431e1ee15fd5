// Personal accounts: who pays what; entries that count once and never leave less than nothing; credits, mergers and
// corrections; and whole turns that pay, give back and race. Built twice: on SQLite, and with ON_POSTGRES on a private
// PostgreSQL.
#include "account.pb-c.h"
#include "common/base/fault.h"
#include "common/base/hash.h"
#include "services/adjudication/account_book.h"
#include "services/adjudication/account_credits.h"
#include "services/adjudication/account_parts.h"
#include "services/adjudication/account_tell.h"
#include "services/adjudication/accounts.h"
#include "services/adjudication/adjudication.h"
#include "services/adjudication/paying.h"
#include "services/adjudication/store.h"
#include "tests/check.h"
#include "tests/temp_store.h"
#include <zmq.h>

#define T(text) ((char *)(text)) // protobuf-c wants char * where it only reads
enum { BODY_MAX = 65536, ROUNDS = 2000 };

static void *zmq;
static int worlds_open;
static keys_t *keys;
static int64_t now_ms;
static uint64_t seed, drawn;
static err_t err;
static request_t caller; // whose scope holds

static uint64_t draw(uint64_t below) { return hash64(&drawn, sizeof drawn, seed + drawn++) % below; }

static void need(int rc) {
    if (rc) fprintf(stderr, "%s %s: %s\n", err_name(rc), err.field, err.text);
    NEED(rc == E_OK);
}

// ---- who pays what

TEST(parts_add_up_in_order_and_take_no_more_than_there_is) {
    for (int i = 0; i < ROUNDS; i++) {
        enum { MOST = 6 };
        const size_t count = 1 + draw(MOST);
        fen_t balances[MOST], parts[MOST], own = (fen_t)draw(100000), all = 0, sum = 0;
        for (size_t k = 0; k < count; k++) all += balances[k] = draw(3) ? (fen_t)draw(60000) : 0;
        const fen_t paid = account_parts_pay(own, balances, count, parts);
        for (size_t k = 0; k < count; k++) {
            NEED(parts[k] >= 0 && parts[k] <= balances[k]);
            sum += parts[k];
            for (size_t later = k + 1; later < count; later++)
                NEED(parts[later] == 0 || parts[k] == balances[k]); // the first gives all before the next gives any
        }
        NEED(paid == sum && paid == (own < all ? own : all));
    }
}

TEST(parts_are_cut_from_the_last_and_never_grow) {
    for (int i = 0; i < ROUNDS; i++) {
        enum { MOST = 6 };
        const size_t count = 1 + draw(MOST);
        fen_t before[MOST], parts[MOST], back[MOST], sum = 0, kept = 0;
        for (size_t k = 0; k < count; k++) sum += before[k] = parts[k] = (fen_t)draw(50000);
        const fen_t own = (fen_t)draw(200000);
        NEED(account_parts_cut(own, parts, count, back) == (own < sum ? own : sum));
        for (size_t k = 0; k < count; k++) {
            NEED(parts[k] >= 0 && back[k] >= 0 && parts[k] + back[k] == before[k]);
            kept += parts[k];
            for (size_t later = k + 1; later < count; later++) NEED(back[k] == 0 || parts[later] == 0);
        }
        NEED(kept <= own);
    }
}

// ---- a world of our own

typedef struct world { // one adjudication process, without the process
    store_t *store;
    stream_t *stream;
    cache_t *cache;
    arena_t *arena;
    adjudication_t *core;
    Tc__Entitlement state;
    Tc__Entitlement__Span span, *spans[1];
    char number[32];
    bool covered;
    void (*meanwhile)(void); // done once, between the reading of accounts and the writing
    int looks;
    int code;
    char field[64];
    uint8_t reply[BODY_MAX];
    size_t reply_bytes;
} world_t;

static int64_t port_now_ms(void *self) {
    world_t *world = self;
    if (world->meanwhile && ++world->looks == 2) {
        void (*todo)(void) = world->meanwhile;
        world->meanwhile = NULL;
        todo();
    }
    return now_ms;
}

static void port_reply(void *self, const request_t *request, int code, const err_t *why, const void *body,
                       size_t bytes) {
    (void)request;
    world_t *world = self;
    world->code = code;
    snprintf(world->field, sizeof world->field, "%s", why ? why->field : "");
    CHECK(bytes <= BODY_MAX);
    world->reply_bytes = bytes;
    if (bytes) memcpy(world->reply, body, bytes);
}

// Everybody is an employee of long standing, or, while `covered` is off, in arrears.
static int port_entitlements(void *self, const char *const *asked, size_t count, arena_t *arena, Tc__Entitlements **out,
                             err_t *why) {
    (void)why;
    world_t *world = self;
    Tc__Entitlements *answer = arena_alloc(arena, sizeof *answer);
    tc__entitlements__init(answer);
    answer->entitlements = arena_alloc(arena, count * sizeof *answer->entitlements);
    for (size_t i = 0; i < count; i++) {
        Tc__Entitlement *state = arena_alloc(arena, sizeof *state);
        *state = world->state;
        state->person = (char *)asked[i];
        state->n_spans = world->covered ? 1 : 0;
        answer->entitlements[answer->n_entitlements++] = state;
    }
    *out = answer;
    return 0;
}

static void add_place(world_t *world, const char *code, const char *level) {
    Tc__Agreement agreement = TC__AGREEMENT__INIT;
    Tc__Agreement *list[] = {&agreement};
    Tc__FacilityState state = TC__FACILITY_STATE__INIT;
    agreement.from = T("2018-01-01"), agreement.until = T("");
    state.facility = T(code), state.version = 1, state.level = T(level);
    state.agreements = list, state.n_agreements = 1;
    need(facilities_apply(world->core->facilities, &state, &err));
}

static world_t *open_world(const char *schema, bool family) {
    static const uint8_t secret[32];
    const char *const overlays[] = {TC_SOURCE_DIR "/config/samples/jiangmen-illustrative.yaml",
                                    family ? TC_SOURCE_DIR "/tests/data/family-accounts.yaml" : NULL, NULL};
    world_t *world = calloc(1, sizeof *world);
    policy_t *policy = NULL;
    NEED(world != NULL);
    worlds_open++;
    need(store_open(&world->store, temp_store_url(), schema, &err));
    need(store_migrate(world->store, adjudication_migrations, ADJUDICATION_MIGRATIONS, &err));
    stream_conf_t conf = {.context = zmq,
                          .keys = keys,
                          .store = world->store,
                          .service = "adjudication",
                          .live_bind = "tcp://127.0.0.1:*",
                          .replay_bind = "tcp://127.0.0.1:*",
                          .log = adjudication_log};
    need(stream_new(&world->stream, &conf, &err));
    need(cache_new(&world->cache, "", secret, 50, &err));
    world->arena = arena_new(1024 * 1024, 0);
    need(policy_load(&policy, TC_SOURCE_DIR "/config/cities/jiangmen.yaml", overlays, &err));
    need(adjudication_new(&world->core, &policy, &err));
    world->core->store = world->store, world->core->cache = world->cache;
    world->core->stream = world->stream, world->core->arena = world->arena;
    world->core->ports = (adjudication_ports_t){
        .self = world, .now_ms = port_now_ms, .reply = port_reply, .entitlements = port_entitlements};
    world->core->facilities_ready = true;
    add_place(world, "H44070300001", "1");
    add_place(world, "H44070300003", "3");
    tc__entitlement__init(&world->state);
    tc__entitlement__span__init(&world->span);
    world->span.identity = T("employee"), world->span.first_month = T("2018-01");
    world->span.months_tier1 = world->span.months_tier2 = 40;
    world->spans[0] = &world->span;
    world->state.version = 3, world->state.division = T("440703"), world->state.spans = world->spans;
    world->covered = true;
    return world;
}

static void close_world(world_t **world) {
    adjudication_destroy(&(*world)->core);
    stream_destroy(&(*world)->stream);
    cache_destroy(&(*world)->cache);
    store_close(&(*world)->store);
    arena_destroy(&(*world)->arena);
    free(*world);
    *world = NULL;
    worlds_open--;
}

// ---- asking

static void ask(world_t *world, const char *method, const char *id, const ProtobufCMessage *message) {
    uint8_t body[4096];
    CHECK(protobuf_c_message_get_packed_size(message) <= sizeof body);
    const request_t request = {.header = {.service = "adjudication",
                                          .method = T(method),
                                          .request_id = T(id),
                                          .key = T(""),
                                          .trace_id = T(""),
                                          .deadline_ms = INT64_MAX,
                                          .caller = T("clerk:c1")},
                               .body = body,
                               .body_bytes = protobuf_c_message_pack(message, body)};
    world->code = -1;
    adjudication_batch(world->core, &request, 1);
    arena_reset(world->arena);
}

static Tc__Bill bill_of(const char *number, const char *person, const char *to, fen_t total) {
    Tc__Bill bill = TC__BILL__INIT;
    bill.bill = T(number), bill.person = T(person), bill.facility = T("H44070300003"), bill.type = T("inpatient");
    bill.from = bill.to = T(to), bill.area = T("city"), bill.filing = T("none");
    bill.total_fen = bill.in_scope_fen = total;
    bill.total_given_case = TC__BILL__TOTAL_GIVEN_TOTAL_FEN;
    bill.in_scope_given_case = TC__BILL__IN_SCOPE_GIVEN_IN_SCOPE_FEN;
    bill.pay_from_account = true;
    return bill;
}

static Tc__Decision *decided(world_t *world) {
    if (world->code) fprintf(stderr, "%s in %s\n", err_name(world->code), world->field);
    NEED(world->code == E_OK);
    Tc__Decision *decision = tc__decision__unpack(NULL, world->reply_bytes, world->reply);
    NEED(decision != NULL);
    return decision;
}

static Tc__Decision *settle(world_t *world, const char *number, const char *person, const char *to, fen_t total,
                            const char *relative) {
    char id[80], *relatives[] = {T(relative)};
    Tc__Bill bill = bill_of(number, person, to, total);
    bill.account_of = relatives, bill.n_account_of = relative ? 1 : 0;
    snprintf(id, sizeof id, "settle-%s", number);
    ask(world, "settle", id, &bill.base);
    return decided(world);
}

static Tc__Decision *reverse(world_t *world, const char *number, const char *person) {
    char id[80];
    Tc__ReverseBill message = TC__REVERSE_BILL__INIT;
    message.bill = T(number), message.person = T(person), message.reason = T("a test");
    snprintf(id, sizeof id, "reverse-%s", number);
    ask(world, "reverse", id, &message.base);
    return decided(world);
}

static void recompute(world_t *world, const char *id, const char *person) {
    Tc__Recompute message = TC__RECOMPUTE__INIT;
    message.person = T(person), message.year = 2018, message.cause = T("a test");
    ask(world, "recompute", id, &message.base);
    EQ(world->code, E_OK);
}

static Tc__Decision *newest(world_t *world, const char *number) {
    Tc__GetDecision message = TC__GET_DECISION__INIT;
    message.bill = T(number);
    ask(world, "get_decision", "read", &message.base);
    return decided(world);
}

static int64_t number(world_t *world, const char *sql) {
    rows_t rows;
    need(store_query(world->store, sql, NULL, 0, world->arena, &rows, &err));
    const int64_t value = rows.count ? row_i64(&rows, 0, 0) : -1;
    arena_reset(world->arena);
    return value;
}

static int64_t balance(world_t *world, const char *person) {
    account_book_t book;
    need(account_book_open(&book, world->store, world->arena, &person, 1, &err));
    const account_t *account = account_book_find(&book, person);
    const int64_t net = account->balance - account->owed;
    OK(account->balance == 0 || account->owed == 0);
    arena_reset(world->arena);
    return net;
}

// ---- collection's events

static event_t credit_event(world_t *world, const char *person, const char *month, int turn, fen_t amount) {
    Tc__AccountCredit credit = TC__ACCOUNT_CREDIT__INIT;
    size_t bytes;
    credit.person = T(person), credit.month = T(month), credit.turn = turn, credit.amount_fen = amount;
    void *body = message_pack(&credit.base, world->arena, &bytes);
    return (event_t){.topic = "account.credited", .body = body, .body_bytes = bytes};
}

static event_t merger_event(world_t *world, const char *person, const char *into) {
    Tc__Entitlement state = TC__ENTITLEMENT__INIT;
    size_t bytes;
    state.person = T(person), state.merged_into = T(into), state.version = 9;
    void *body = message_pack(&state.base, world->arena, &bytes);
    return (event_t){.topic = "entitlement.changed", .body = body, .body_bytes = bytes};
}

static void follow(world_t *world, const event_t *events, size_t count) {
    need(store_begin(world->store, &err));
    need(account_credits_follow(world->store, world->arena, events, count, now_ms, &err));
    need(store_commit(world->store, &err));
    arena_reset(world->arena);
}

static void credit(world_t *world, const char *person, const char *month, int turn, fen_t amount) {
    const event_t event = credit_event(world, person, month, turn, amount);
    follow(world, &event, 1);
}

// What must hold of the tables whatever was done.
static void check_books(world_t *world) {
    EQ(number(world, "SELECT COUNT(*) FROM account_entry WHERE balance_fen < 0 OR owed_fen < 0 OR (balance_fen > 0 AND"
                     " owed_fen > 0)"),
       0);
    EQ(number(world, "SELECT COUNT(*) FROM account_entry a WHERE balance_fen - owed_fen <> (SELECT SUM(b.amount_fen)"
                     " FROM account_entry b WHERE b.person = a.person AND b.seq <= a.seq)"),
       0);
    EQ(number(world, "SELECT COUNT(*) FROM account_entry a WHERE seq > 1 AND NOT EXISTS (SELECT 1 FROM account_entry b"
                     " WHERE b.person = a.person AND b.seq = a.seq - 1)"),
       0);
    EQ(number(world, "SELECT CAST(COALESCE(SUM(amount_fen), 0) AS BIGINT) FROM account_entry WHERE kind IN"
                     " ('merge_out', 'merge_in')"),
       0);
}

TEST(the_ground_is_laid) {
    date_t today = DATE_NONE;
    random_bytes(&seed, sizeof seed);
    fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
    NEED(date_parse("2020-06-01", &today) == 0);
    now_ms = (int64_t)today * 86400000;
    zmq = zmq_ctx_new();
    NEED(zmq != NULL);
    NEED(temp_store_start() == 0);
    need(keys_make(temp_store_dir(), "adjudication", "service", &err));
    need(keys_load(&keys, temp_store_dir(), "adjudication", &err));
}

// ---- credits

TEST(JM_A_16_a_credit_counts_once_and_may_be_taken_back) {
    world_t *world = open_world("credits", false);
    const event_t events[] = {credit_event(world, "P1", "2018-01", 1, 6020),
                              credit_event(world, "P2", "2018-01", 1, 100),
                              credit_event(world, "P1", "2018-02", 1, 6020)};
    follow(world, events, 3);
    EQ(balance(world, "P1"), 12040);
    EQ(balance(world, "P2"), 100);
    credit(world, "P1", "2018-02", 1, 6020); // told again
    EQ(balance(world, "P1"), 12040);
    credit(world, "P1", "2018-02", 2, -6020); // the month is unpaid again
    EQ(balance(world, "P1"), 6020);
    EQ(number(world, "SELECT COUNT(*) FROM account_entry"), 4);
    check_books(world);
    close_world(&world);
}

TEST(JM_A_19_what_is_taken_back_after_it_was_spent_is_owed_and_settled_by_the_next_credit) {
    world_t *world = open_world("owed", false);
    credit(world, "P1", "2018-01", 1, 6020);
    Tc__Decision *d = settle(world, "B1", "P1", "2018-03-10", 1000000, NULL);
    EQ(d->account_fen, 6020);
    tc__decision__free_unpacked(d, NULL);
    credit(world, "P1", "2018-01", 2, -6020);
    EQ(balance(world, "P1"), -6020);
    d = settle(world, "B2", "P1", "2018-03-11", 1000000, NULL);
    EQ(d->account_fen, 0);
    tc__decision__free_unpacked(d, NULL);
    credit(world, "P1", "2018-02", 1, 7000);
    EQ(balance(world, "P1"), 980);
    check_books(world);
    close_world(&world);
}

TEST(a_merged_number_gives_everything_to_the_person_whatever_comes_first) {
    for (int late = 0; late < 3; late++) {
        char schema[16];
        snprintf(schema, sizeof schema, "merged_%c", 'a' + late);
        world_t *world = open_world(schema, false);
        credit(world, "OLD", "2018-01", 1, 6020);
        credit(world, "NEW", "2018-02", 1, 100);
        Tc__Decision *d = settle(world, "B1", "OLD", "2018-03-10", 1000000, NULL);
        EQ(d->account_fen, 6020);
        tc__decision__free_unpacked(d, NULL);
        // Collection takes the credit from one and gives it to the other, and tells the merger, in any order.
        event_t events[3] = {merger_event(world, "OLD", "NEW"), credit_event(world, "OLD", "2018-01", 2, -6020),
                             credit_event(world, "NEW", "2018-01", 1, 6020)};
        const event_t first = events[0];
        events[0] = events[late], events[late] = first;
        follow(world, events, 3);
        EQ(balance(world, "OLD"), 0);
        EQ(balance(world, "NEW"), 100);
        const event_t again[] = {merger_event(world, "OLD", "NEW"), merger_event(world, "NEW", "OLD")};
        follow(world, again, 2);         // told twice, and in a circle
        d = reverse(world, "B1", "OLD"); // the refund goes where the money is
        tc__decision__free_unpacked(d, NULL);
        EQ(balance(world, "OLD"), 0);
        EQ(balance(world, "NEW"), 6120);
        check_books(world);
        close_world(&world);
    }
}

// ---- payments

TEST(a_bill_is_paid_as_quoted_once) {
    world_t *world = open_world("paid", false);
    credit(world, "P1", "2018-01", 1, 50000);
    Tc__Bill bill = bill_of("B1", "P1", "2018-03-10", 6000000);
    ask(world, "quote", "read", &bill.base);
    Tc__Decision *quote = decided(world);
    EQ(quote->account_fen, 50000);
    EQ(number(world, "SELECT COUNT(*) FROM account_entry"), 1);
    for (int i = 0; i < 2; i++) {
        Tc__Decision *d = settle(world, "B1", "P1", "2018-03-10", 6000000, NULL);
        EQ(d->account_fen, 50000);
        EQ(d->own_fen, quote->own_fen);
        NEED(d->n_account_parts == 1);
        EQ_TEXT(d->account_parts[0]->person, "P1");
        tc__decision__free_unpacked(d, NULL);
    }
    tc__decision__free_unpacked(quote, NULL);
    EQ(balance(world, "P1"), 0);
    EQ(number(world, "SELECT COUNT(*) FROM account_entry WHERE kind = 'payment' AND reference = 'B1/1'"), 1);
    bill = bill_of("B2", "P1", "2018-03-11", 6000000);
    bill.pay_from_account = false;
    credit(world, "P1", "2018-02", 1, 700);
    ask(world, "settle", "s2", &bill.base);
    Tc__Decision *d = decided(world);
    EQ(d->account_fen, 0);
    tc__decision__free_unpacked(d, NULL);
    EQ(balance(world, "P1"), 700);
    close_world(&world);
}

TEST(JM_A_17_JM_G_15_the_account_pays_where_the_pools_do_not) {
    world_t *world = open_world("arrears", false);
    credit(world, "P1", "2018-01", 1, 50000);
    world->covered = false;
    Tc__Decision *d = settle(world, "B1", "P1", "2018-03-10", 30000, NULL);
    EQ_TEXT(d->decision, "not_covered");
    EQ(d->own_fen, 30000);
    EQ(d->account_fen, 30000);
    tc__decision__free_unpacked(d, NULL);
    EQ(balance(world, "P1"), 20000);
    close_world(&world);
}

TEST(a_reversal_gives_back_what_stood) {
    world_t *world = open_world("reversed", false);
    credit(world, "P1", "2018-01", 1, 50000);
    Tc__Decision *d = settle(world, "B1", "P1", "2018-03-10", 6000000, NULL);
    tc__decision__free_unpacked(d, NULL);
    EQ(balance(world, "P1"), 0);
    for (int i = 0; i < 2; i++) {
        d = reverse(world, "B1", "P1");
        EQ(d->account_fen, 0);
        EQ(d->n_account_parts, 0);
        NEED(d->previous && d->previous->n_account_parts == 1);
        EQ(d->previous->account_fen, 50000);
        tc__decision__free_unpacked(d, NULL);
        EQ(balance(world, "P1"), 50000);
    }
    check_books(world);
    close_world(&world);
}

// ---- the family

static void share(world_t *world, const char *owner, const char *relative, const char *from, int expected) {
    Tc__ShareAccount message = TC__SHARE_ACCOUNT__INIT;
    ProtobufCMessage *reply = NULL;
    message.person = T(owner), message.relative = T(relative), message.from = T(from);
    need(store_begin(world->store, &err));
    EQ(account_share(world->core, &caller, &message.base, &reply, &err), expected);
    if (!expected) EQ(((Tc__Account *)reply)->n_shared_with, *from ? 1 : 0);
    need(store_commit(world->store, &err));
    arena_reset(world->arena);
}

static int correct(world_t *world, const char *id, fen_t amount) {
    Tc__CorrectAccount message = TC__CORRECT_ACCOUNT__INIT;
    ProtobufCMessage *reply = NULL;
    message.person = T("P1"), message.number = T(id), message.amount_fen = amount, message.reason = T("on paper");
    need(store_begin(world->store, &err));
    int rc = account_correct(world->core, &caller, &message.base, &reply, &err);
    if (rc)
        store_rollback(world->store);
    else
        need(store_commit(world->store, &err));
    arena_reset(world->arena);
    return rc;
}

TEST(an_account_is_shown_shared_and_corrected_in_the_district_of_its_owner) {
    Tc__GetAccount get = TC__GET_ACCOUNT__INIT;
    ProtobufCMessage *reply = NULL;
    world_t *world = open_world("scoped", true);
    credit(world, "MOTHER", "2018-01", 1, 50000);
    get.person = T("MOTHER");
    caller.header.scope = T("divisions=440704");
    EQ(account_get(world->core, &caller, &get.base, &reply, &err), E_DENIED);
    share(world, "MOTHER", "CHILD", "2018-01-01", E_DENIED);
    EQ(correct(world, "K1", 500), E_DENIED);
    caller.header.scope = T("divisions=440703");
    EQ(account_get(world->core, &caller, &get.base, &reply, &err), E_OK);
    share(world, "MOTHER", "CHILD", "2018-01-01", E_OK);
    EQ(correct(world, "K1", 500), E_OK);
    caller.header.scope = NULL;
    close_world(&world);
}

static int refused(world_t *world, const char *person, const char *relative, const char *field) {
    char *relatives[] = {T(relative)};
    Tc__Bill bill = bill_of("REFUSED", person, "2018-03-10", 100000);
    bill.account_of = relatives, bill.n_account_of = 1;
    ask(world, "quote", "read", &bill.base);
    EQ_TEXT(world->field, field);
    return world->code;
}

TEST(a_relative_pays_only_where_the_city_and_the_owner_allow_it) {
    world_t *world = open_world("refused", false);
    credit(world, "MOTHER", "2018-01", 1, 50000);
    EQ(refused(world, "CHILD", "MOTHER", "account_of"), E_UNSUPPORTED);
    share(world, "MOTHER", "CHILD", "2018-01-01", E_UNSUPPORTED);
    close_world(&world);
    world = open_world("refused", true);
    EQ(refused(world, "CHILD", "MOTHER", "account_of"), E_DENIED);
    EQ(refused(world, "CHILD", "CHILD", "account_of"), E_INVALID_FIELD);
    EQ(refused(world, "CHILD", "not a name", "account_of"), E_INVALID_FIELD);
    share(world, "MOTHER", "CHILD", "2018-01-01", E_OK);
    EQ(refused(world, "CHILD", "MOTHER", ""), E_OK);
    EQ(refused(world, "MOTHER", "CHILD", "account_of"), E_DENIED); // not the other way round
    share(world, "MOTHER", "CHILD", "", E_OK);
    EQ(refused(world, "CHILD", "MOTHER", "account_of"), E_DENIED);
    close_world(&world);
}

TEST(what_costs_less_goes_back_to_the_relative_first_and_what_costs_more_is_not_taken) {
    world_t *world = open_world("family", true);
    credit(world, "MOTHER", "2018-01", 1, 500000);
    credit(world, "CHILD", "2018-01", 1, 100000);
    share(world, "MOTHER", "CHILD", "2018-01-01", E_OK);
    world->covered = false; // everything is the person's
    Tc__Decision *d = settle(world, "B1", "CHILD", "2018-03-10", 400000, "MOTHER");
    EQ(d->own_fen, 400000);
    NEED(d->n_account_parts == 2);
    EQ(d->account_parts[0]->amount_fen, 100000);
    EQ_TEXT(d->account_parts[1]->person, "MOTHER");
    EQ(d->account_parts[1]->amount_fen, 300000);
    tc__decision__free_unpacked(d, NULL);
    EQ(number(world, "SELECT COUNT(*) FROM account_entry WHERE person = 'MOTHER' AND bill_person = 'CHILD'"), 1);
    world->covered = true;
    recompute(world, "r1", "CHILD");
    d = newest(world, "B1");
    const fen_t own = d->own_fen;
    NEED(own > 100000 && own < 400000);
    EQ(d->account_fen, own);
    EQ(d->account_parts[0]->amount_fen, 100000);
    tc__decision__free_unpacked(d, NULL);
    EQ(balance(world, "MOTHER"), 500000 - (own - 100000));
    EQ(balance(world, "CHILD"), 0);
    world->covered = false;
    recompute(world, "r2", "CHILD");
    d = newest(world, "B1");
    EQ(d->version, 3);
    EQ(d->own_fen, 400000);
    EQ(d->account_fen, own); // nothing more is taken
    tc__decision__free_unpacked(d, NULL);
    EQ(balance(world, "MOTHER"), 500000 - (own - 100000));
    check_books(world);
    close_world(&world);
}

// ---- races

static world_t *here, *there;

static void father_pays_elsewhere(void) {
    Tc__Decision *d = settle(there, "B2", "SON", "2018-03-10", 400000, "FATHER");
    EQ(d->account_fen, 400000);
    tc__decision__free_unpacked(d, NULL);
}

TEST(two_bills_of_one_family_at_once_on_two_instances_end_right) {
    here = open_world("race", true);
    there = open_world("race", true);
    here->covered = there->covered = false;
    credit(here, "FATHER", "2018-01", 1, 500000);
    share(here, "FATHER", "SON", "2018-01-01", E_OK);
    need(store_begin(here->store, &err));
    need(account_share_insert(here->store, "FATHER", "DAUGHTER", 1, "2018-01-01", "", now_ms, &err));
    need(store_commit(here->store, &err));
    here->looks = 0;
    here->meanwhile = father_pays_elsewhere;
    Tc__Decision *d = settle(here, "B1", "DAUGHTER", "2018-03-10", 400000, "FATHER");
    OK(here->meanwhile == NULL);
    EQ(d->account_fen, 100000); // what the other bill left
    tc__decision__free_unpacked(d, NULL);
    EQ(balance(here, "FATHER"), 0);
    check_books(here);
    close_world(&here);
    close_world(&there);
}

// ---- corrections and the statement

TEST(a_correction_has_a_number_and_never_goes_below_zero) {
    world_t *world = open_world("corrected", false);
    EQ(correct(world, "K1", -1), E_OUT_OF_RANGE);
    EQ(correct(world, "K1", 0), E_MISSING_FIELD);
    EQ(correct(world, "K1", 500), E_OK);
    EQ(correct(world, "K1", 500), E_EXISTS);
    EQ(correct(world, "K2", -501), E_OUT_OF_RANGE);
    EQ(correct(world, "K2", -500), E_OK);
    EQ(balance(world, "P1"), 0);
    check_books(world);
    close_world(&world);
}

// ---- what is told

static void tell_all(world_t *world) {
    for (bool moved = true; moved;) need(account_tell_step(world->store, world->arena, &moved, &err));
}

// Everything is told, once, with what its entry says, and the log has no hole.
static int64_t check_told(world_t *world) {
    rows_t rows;
    EQ(number(world, "SELECT COUNT(*) FROM account_untold"), 0);
    EQ(number(world, "SELECT COUNT(*) FROM (SELECT partition FROM decision GROUP BY partition HAVING MAX(number) <>"
                     " COUNT(*)) AS holes"),
       0);
    EQ(number(world, "SELECT COUNT(*) FROM account_entry WHERE kind NOT IN ('payment', 'refund')"),
       number(world, "SELECT COUNT(*) FROM decision WHERE kind = 4"));
    need(store_query(world->store,
                     "SELECT d.body, e.kind, e.reference, e.amount_fen, e.balance_fen, e.owed_fen, e.at_ms, e.seq,"
                     " e.person FROM decision d JOIN account_entry e ON e.partition = d.partition AND e.person ="
                     " d.person AND e.seq = d.seq WHERE d.kind = 4 ORDER BY d.partition, d.number",
                     NULL, 0, world->arena, &rows, &err));
    const int64_t count = (int64_t)rows.count;
    for (size_t i = 0; i < rows.count; i++) {
        size_t bytes;
        const void *body = row_blob(&rows, i, 0, &bytes);
        Tc__AccountChange *change = tc__account_change__unpack(NULL, bytes, body);
        NEED(change != NULL);
        EQ_TEXT(change->reason, row_text(&rows, i, 1));
        EQ_TEXT(change->source, row_text(&rows, i, 2));
        EQ(change->amount_fen, row_i64(&rows, i, 3));
        EQ(change->balance_fen, row_i64(&rows, i, 4));
        EQ(change->owed_fen, row_i64(&rows, i, 5));
        EQ(change->at_ms, row_i64(&rows, i, 6));
        EQ(change->seq, row_i64(&rows, i, 7));
        EQ_TEXT(change->person, row_text(&rows, i, 8));
        tc__account_change__free_unpacked(change, NULL);
    }
    EQ(number(world, "SELECT COUNT(*) FROM decision a JOIN decision b ON b.person = a.person AND b.kind = 4 AND"
                     " b.seq > a.seq AND b.number < a.number WHERE a.kind = 4"),
       0); // a person's in order
    arena_reset(world->arena);
    return count;
}

TEST(what_no_bill_made_is_told_once_and_bills_go_on) {
    world_t *world = open_world("told", false);
    credit(world, "P1", "2018-01", 1, 6020);
    credit(world, "P2", "2018-01", 1, 100);
    EQ(correct(world, "K1", 500), E_OK);
    EQ(number(world, "SELECT COUNT(*) FROM account_untold"), 3);
    tell_all(world);
    EQ(check_told(world), 3);
    // The turn's numbers are old: it meets the keys, reads again and settles.
    Tc__Decision *d = settle(world, "B1", "P1", "2018-03-10", 1000000, NULL);
    EQ(d->account_fen, 6520);
    tc__decision__free_unpacked(d, NULL);
    EQ(number(world, "SELECT COUNT(*) FROM account_untold"), 0); // a payment rides in its decision
    const event_t merger = merger_event(world, "P1", "P2");
    follow(world, &merger, 1);
    tc__decision__free_unpacked(reverse(world, "B1", "P1"), NULL); // the refund is passed on
    EQ(balance(world, "P2"), 6620);
    tell_all(world);
    tell_all(world);
    EQ(check_told(world), 5); // merge_out and merge_in are new
    EQ(number(world, "SELECT COUNT(*) FROM decision WHERE kind = 4 AND year <> -1"), 0);
    recompute(world, "r1", "P1");
    rows_t rows;
    const cell_t params[] = {cell_i64(partition_of("P1")), cell_i64(1), cell_i64(1)};
    need(store_query(world->store, adjudication_log.read_sql, params, 3, world->arena, &rows, &err));
    EQ_TEXT(row_text(&rows, 0, 1), "account.changed");
    check_books(world);
    close_world(&world);
}

TEST(many_changes_are_told_a_page_at_a_time_by_whoever_comes) {
    enum { MANY = ACCOUNT_TELL_ROWS + 7 };
    world_t *world = open_world("many", false), *other = open_world("many", false);
    bool moved = true;
    for (int i = 0; i < MANY; i++) {
        char month[16];
        snprintf(month, sizeof month, "%d-%02d", 1990 + i / 12, 1 + i % 12);
        credit(world, "P1", month, 1, 100 + i);
    }
    need(account_tell_step(world->store, world->arena, &moved, &err));
    EQ(number(world, "SELECT COUNT(*) FROM account_untold"), MANY - ACCOUNT_TELL_ROWS);
    need(account_tell_step(other->store, other->arena, &moved, &err));
    OK(moved);
    need(account_tell_step(world->store, world->arena, &moved, &err));
    OK(!moved);
    EQ(check_told(world), MANY);
    close_world(&world);
    close_world(&other);
}

TEST(a_telling_that_fails_tells_nothing_and_is_done_again) {
    world_t *world = open_world("tellfault", false);
    for (int kind = 0, month = 1; kind < FAULT__COUNT; kind++) {
        bool failed = true, moved;
        for (long n = 1; failed; n++, month++) {
            char text[16];
            snprintf(text, sizeof text, "%d-%02d", 1950 + month / 12, 1 + month % 12);
            credit(world, "P1", text, 1, 100);
            const int64_t told = number(world, "SELECT COUNT(*) FROM decision");
            fault_arm((fault_t)kind, n);
            const int rc = account_tell_step(world->store, world->arena, &moved, &err);
            failed = fault_disarm((fault_t)kind);
            OK(failed || rc == E_OK);
            if (rc) EQ(number(world, "SELECT COUNT(*) FROM decision"), told);
            tell_all(world);
            EQ(number(world, "SELECT COUNT(*) FROM decision"), told + 1);
        }
    }
    check_told(world);
    close_world(&world);
}

static size_t page(world_t *world, int64_t before, bool *done) {
    Tc__GetAccount message = TC__GET_ACCOUNT__INIT;
    ProtobufCMessage *reply = NULL;
    message.person = T("P1"), message.before = before;
    need(account_get(world->core, &caller, &message.base, &reply, &err));
    const Tc__Account *account = (const Tc__Account *)reply;
    const size_t count = account->n_entries;
    *done = account->done;
    for (size_t i = 1; i < count; i++) EQ(account->entries[i]->seq, account->entries[i - 1]->seq - 1);
    arena_reset(world->arena);
    return count;
}

TEST(a_statement_has_pages_newest_first) {
    world_t *world = open_world("statement", false);
    char month[16];
    bool done;
    EQ(page(world, 0, &done), 0);
    OK(done);
    for (int i = 0; i < 130; i++) {
        snprintf(month, sizeof month, "%d-%02d", 2008 + i / 12, 1 + i % 12);
        credit(world, "P1", month, 1, 100);
    }
    EQ(page(world, 0, &done), 100);
    OK(!done);
    EQ(page(world, 31, &done), 30);
    OK(done);
    close_world(&world);
}

// ---- whatever happens

TEST(whatever_happens_accounts_and_decisions_hold_the_same_money) {
    world_t *world = open_world("anything", true);
    static const char *const people[] = {"A", "B", "C"};
    fen_t standing = 0;
    share(world, "A", "B", "2018-01-01", E_OK);
    share(world, "C", "A", "2018-01-01", E_OK);
    for (int i = 0, bills = 0; i < 120; i++) {
        char text[24], month[16], day[16], id[24];
        const size_t who = draw(3);
        const char *relative = who == 1 ? "A" : who == 0 ? "C" : NULL;
        Tc__Decision *d = NULL;
        switch (draw(4)) {
        case 0:
            snprintf(month, sizeof month, "%d-%02d", 2000 + i / 12, 1 + i % 12);
            credit(world, people[who], month, 1, (fen_t)draw(300000) - 30000);
            break;
        case 1:
            world->covered = draw(2);
            snprintf(id, sizeof id, "r%d", i);
            recompute(world, id, people[who]);
            break;
        case 2:
            if (!bills) break;
            snprintf(text, sizeof text, "N%d", (int)draw((uint64_t)bills));
            d = newest(world, text);
            if (strcmp(d->kind, "reversed") != 0) tc__decision__free_unpacked(reverse(world, text, d->person), NULL);
            break;
        default:
            snprintf(text, sizeof text, "N%d", bills++);
            snprintf(day, sizeof day, "2018-%02d-%02d", 1 + (int)draw(12), 1 + (int)draw(28));
            d = settle(world, text, people[who], day, 1000 + (fen_t)draw(800000), draw(2) ? relative : NULL);
            OK(d->account_fen >= 0 && d->account_fen <= d->own_fen);
        }
        if (d) tc__decision__free_unpacked(d, NULL);
    }
    for (int i = 0;; i++) {
        char text[24];
        Tc__GetDecision message = TC__GET_DECISION__INIT;
        snprintf(text, sizeof text, "N%d", i);
        message.bill = text;
        ask(world, "get_decision", "read", &message.base);
        if (world->code == E_NOT_FOUND) break;
        Tc__Decision *d = decided(world);
        fen_t parts = 0;
        for (size_t k = 0; k < d->n_account_parts; k++) parts += d->account_parts[k]->amount_fen;
        EQ(parts, d->account_fen);
        OK(d->account_fen <= d->own_fen);
        standing += d->account_fen;
        tc__decision__free_unpacked(d, NULL);
    }
    EQ(number(world, "SELECT CAST(COALESCE(SUM(amount_fen), 0) AS BIGINT) FROM account_entry WHERE kind IN ('payment',"
                     " 'refund')"),
       -standing);
    tell_all(world);
    check_told(world);
    check_books(world);
    close_world(&world);
}

TEST(the_ground_is_cleared) {
    keys_destroy(&keys);
    // A test that failed half-way left its sockets open: the context would wait for them for ever.
    if (worlds_open == 0) zmq_ctx_term(zmq);
    temp_store_stop();
}

TESTS("personal accounts", CASE(the_ground_is_laid), CASE(parts_add_up_in_order_and_take_no_more_than_there_is),
      CASE(parts_are_cut_from_the_last_and_never_grow), CASE(JM_A_16_a_credit_counts_once_and_may_be_taken_back),
      CASE(JM_A_19_what_is_taken_back_after_it_was_spent_is_owed_and_settled_by_the_next_credit),
      CASE(a_merged_number_gives_everything_to_the_person_whatever_comes_first), CASE(a_bill_is_paid_as_quoted_once),
      CASE(JM_A_17_JM_G_15_the_account_pays_where_the_pools_do_not), CASE(a_reversal_gives_back_what_stood),
      CASE(an_account_is_shown_shared_and_corrected_in_the_district_of_its_owner),
      CASE(a_relative_pays_only_where_the_city_and_the_owner_allow_it),
      CASE(what_costs_less_goes_back_to_the_relative_first_and_what_costs_more_is_not_taken),
      CASE(two_bills_of_one_family_at_once_on_two_instances_end_right),
      CASE(a_correction_has_a_number_and_never_goes_below_zero), CASE(what_no_bill_made_is_told_once_and_bills_go_on),
      CASE(many_changes_are_told_a_page_at_a_time_by_whoever_comes),
      CASE(a_telling_that_fails_tells_nothing_and_is_done_again), CASE(a_statement_has_pages_newest_first),
      CASE(whatever_happens_accounts_and_decisions_hold_the_same_money), CASE(the_ground_is_cleared))
