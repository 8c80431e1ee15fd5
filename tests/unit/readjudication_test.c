// Readjudication without processes: the leader's lease, the queue and its tasks, the pump against answers of the test's
// own, what events touch, and policy releases. Built twice: on SQLite, and with ON_POSTGRES on a private PostgreSQL.
#include "adjudication.pb-c.h"
#include "collection.pb-c.h"
#include "common/base/hash.h"
#include "common/wire/message.h"
#include "services/adjudication/facilities.h"
#include "services/adjudication/lease.h"
#include "services/adjudication/pump.h"
#include "services/adjudication/releases.h"
#include "services/adjudication/scan.h"
#include "services/adjudication/policies.h"
#include "services/adjudication/second_look.h"
#include "services/adjudication/store.h"
#include "services/adjudication/touched.h"
#include "tests/check.h"
#include "tests/temp_store.h"

#define T(text) ((char *)(text))
enum { SEND_MAX = 512 };
#define NOW INT64_C(1530000000000) // 2018-06-26, Beijing
#define EARLIER (NOW - INT64_C(60) * 86400000)

static store_t *store;
static arena_t *arena;
static err_t err;
static uint64_t seed, drawn;

static uint64_t draw(uint64_t below) { return hash64(&drawn, sizeof drawn, seed + drawn++) % below; }

static void need(int rc) {
    if (rc) fprintf(stderr, "%s: %s\n", err_name(rc), err.text);
    NEED(rc == E_OK);
}

static void begin_empty(void) {
    static int serial;
    char schema[32];
    store_close(&store);
    snprintf(schema, sizeof schema, "adjudication_%c%c", 'a' + serial / 26, 'a' + serial % 26);
    serial++;
    need(store_open(&store, temp_store_url(), schema, &err));
    need(store_migrate(store, adjudication_migrations, ADJUDICATION_MIGRATIONS, &err));
    arena_reset(arena);
}

static int64_t number(const char *sql) {
    rows_t rows;
    need(store_query(store, sql, NULL, 0, arena, &rows, &err));
    return rows.count ? row_i64(&rows, 0, 0) : -1;
}

// ---- lease

TEST(a_lease_is_taken_when_free_or_run_out_kept_while_fresh_and_left_to_its_holder) {
    const lease_t free = {0}, ours = {"a", NOW + LEASE_MS}, theirs = {"b", NOW + LEASE_MS};
    const lease_t wrong_clock = {"b", NOW + 1000000};
    EQ(lease_decide(&free, "a", NOW), LEASE_TAKE);
    EQ(lease_decide(&ours, "a", NOW), LEASE_KEEP);
    EQ(lease_decide(&ours, "a", NOW + LEASE_RENEW_MS - 1), LEASE_KEEP);
    EQ(lease_decide(&ours, "a", NOW + LEASE_RENEW_MS), LEASE_RENEW);
    EQ(lease_decide(&ours, "a", NOW + LEASE_MS), LEASE_TAKE);
    EQ(lease_decide(&theirs, "a", NOW), LEASE_LEAVE);
    EQ(lease_decide(&theirs, "a", NOW + LEASE_MS - 1), LEASE_LEAVE);
    EQ(lease_decide(&theirs, "a", NOW + LEASE_MS), LEASE_TAKE);
    EQ(lease_decide(&wrong_clock, "a", NOW), LEASE_TAKE);
}

static bool holds(const char *self, int64_t now_ms) {
    bool leads;
    need(lease_hold(store, "work", self, now_ms, arena, &leads, &err));
    return leads;
}

TEST(of_two_instances_one_leads_and_the_other_follows_five_seconds_after_its_last_renewal) {
    begin_empty();
    OK(holds("a", NOW));
    OK(!holds("b", NOW + 10));
    OK(holds("a", NOW + 1500));
    OK(!holds("b", NOW + 1500 + LEASE_MS - 1));
    OK(holds("b", NOW + 1500 + LEASE_MS));
    OK(!holds("a", NOW + 1500 + LEASE_MS + 1));
    lease_release(store, "work", "a"); // not its own any more
    OK(!holds("a", NOW + 1500 + LEASE_MS + 2));
    lease_release(store, "work", "b");
    OK(holds("a", NOW + 1500 + LEASE_MS + 3));
}

// ---- queue

TEST(an_answer_ends_puts_off_or_parks_an_item) {
    int64_t due_ms = 0;
    EQ(recompute_after(E_OK, 0, NOW, &due_ms), RECOMPUTE_DONE);
    EQ(recompute_after(E_NOT_FOUND, 0, NOW, &due_ms), RECOMPUTE_PARK);
    EQ(recompute_after(E_PARAMETER_MISSING, 3, NOW, &due_ms), RECOMPUTE_PARK);
    EQ(recompute_after(E_INTERNAL, 3, NOW, &due_ms), RECOMPUTE_PARK);
    EQ(recompute_after(E_BUSY, 0, NOW, &due_ms), RECOMPUTE_LATER);
    EQ(due_ms, NOW + 1000);
    EQ(recompute_after(E_UNAVAILABLE, 3, NOW, &due_ms), RECOMPUTE_LATER);
    EQ(due_ms, NOW + 8000);
    EQ(recompute_after(E_TIMEOUT, 1000, NOW, &due_ms), RECOMPUTE_LATER);
    EQ(due_ms, NOW + 60000);
}

static void put(int64_t task, const char *const *persons, const int *years, size_t count, int64_t now_ms) {
    rows_t items;
    rows_init(&items, arena, 2);
    for (size_t i = 0; i < count; i++) {
        cell_t *item = rows_add(&items);
        item[0] = cell_text(persons[i]);
        item[1] = cell_i64(years[i]);
    }
    need(store_begin(store, &err));
    need(recompute_enqueue(store, task, "a test", &items, now_ms, now_ms, arena, &err));
    need(store_commit(store, &err));
}

static int take_due(recompute_item_t *out, int64_t now_ms) {
    int count;
    need(recompute_due(store, now_ms, 100, arena, out, &count, &err));
    return count;
}

static void book(const recompute_item_t *item, int code) {
    recompute_outcome_t outcome = {
        .item = *item, .code = code, .bills = 3, .versions = 2, .fund_fen = 5, .own_fen = -5};
    if (code) outcome = (recompute_outcome_t){.item = *item, .code = code, .reason = "because"};
    need(recompute_book(store, &outcome, 1, NOW, arena, &err));
}

TEST(put_twice_is_once_and_put_again_while_under_way_stays) {
    static const char *const persons[] = {"P1", "P1", "P2", "P1"};
    static const int years[] = {2018, 2018, 2018, 2017};
    recompute_item_t due[100];
    begin_empty();
    put(0, persons, years, 4, NOW);
    put(0, persons, years, 2, NOW);
    EQ(take_due(due, NOW), 3);
    EQ(take_due(due, NOW - 1), 0);
    put(0, (const char *const[]){due[0].person}, (const int[]){due[0].year}, 1, NOW);
    book(&due[0], E_OK); // an answer to what was asked before
    EQ(take_due(due, NOW), 3);
    for (int i = 0; i < 3; i++) book(&due[i], E_OK);
    EQ(take_due(due, NOW), 0);
    EQ(number("SELECT recomputed FROM recompute_task WHERE number = 0"), 4);
    EQ(number("SELECT fund_fen FROM recompute_task WHERE number = 0"), 20);
}

TEST(whatever_is_put_answered_or_put_off_the_queue_is_the_set_of_what_was_put_and_not_taken_out) {
    bool waits[4][3] = {{0}};
    char names[4][8];
    begin_empty();
    for (int p = 0; p < 4; p++) snprintf(names[p], sizeof names[p], "P%d", p);
    for (int step = 0; step < 300; step++) {
        recompute_item_t due[100];
        arena_reset(arena);
        if (draw(2)) {
            const uint64_t p = draw(4), y = draw(3);
            put(0, (const char *const[]){names[p]}, (const int[]){(int)(2016 + y)}, 1, NOW);
            waits[p][y] = true;
        } else {
            const int count = take_due(due, NOW + 100000000);
            const uint64_t pick = draw(100);
            if (!count) continue;
            const recompute_item_t *item = &due[pick % (uint64_t)count];
            const int code = draw(2) ? E_OK : E_BUSY;
            book(item, code);
            if (!code) waits[item->person[1] - '0'][item->year - 2016] = false;
        }
        int64_t expected = 0;
        for (int i = 0; i < 12; i++) expected += waits[i / 3][i % 3];
        EQ(number("SELECT COUNT(*) FROM recompute_queue"), expected);
    }
}

TEST(a_permanent_refusal_is_parked_with_its_reason_and_retried_when_asked) {
    recompute_item_t due[100];
    Tc__FindAffected what = TC__FIND_AFFECTED__INIT;
    Tc__Task *task;
    int64_t id, items, waiting, parked;
    begin_empty();
    need(store_begin(store, &err));
    need(task_add(store, &what, "a test", false, NOW, NOW, arena, &id, &err));
    need(store_commit(store, &err));
    EQ(id, 1);
    put(id, (const char *const[]){"P1", "P2"}, (const int[]){2018, 2018}, 2, NOW);
    EQ(number("SELECT COUNT(*) FROM recompute_queue"), 2);
    need(store_exec(store, "UPDATE recompute_task SET scanned = 1, found = 2 WHERE number = 1", NULL, 0, &err));
    EQ(take_due(due, NOW), 2);
    book(&due[0], E_NOT_FOUND);
    book(&due[1], E_BUSY);
    EQ(take_due(due, NOW), 0);
    need(tasks_end(store, NOW, &err));
    need(task_get(store, id, arena, &task, &err));
    EQ_TEXT(task->state, "open");
    EQ(task->parked, 1);
    EQ_TEXT(task->reason, "because");
    EQ(take_due(due, NOW + 1000), 1);
    EQ(due[0].tries, 1);
    book(&due[0], E_OK);
    need(tasks_end(store, NOW, &err));
    need(task_get(store, id, arena, &task, &err));
    EQ_TEXT(task->state, "parked");
    need(recompute_waiting(store, arena, &waiting, &parked, &err));
    EQ(waiting, 0);
    EQ(parked, 1);
    need(store_begin(store, &err));
    need(recompute_retry(store, -1, NOW, arena, &items, &err));
    need(store_commit(store, &err));
    EQ(items, 1);
    EQ(take_due(due, NOW), 1);
    book(&due[0], E_OK);
    need(tasks_end(store, NOW, &err));
    need(task_get(store, id, arena, &task, &err));
    EQ_TEXT(task->state, "done");
    EQ(task->recomputed, 2);
    EQ(task->gainers, 2);
    EQ(task_get(store, 99, arena, &task, &err), E_NOT_FOUND);
}

// ---- pump

typedef struct sent {
    char person[16], id[64];
    size_t slot;
    bool answered;
} sent_t;

static struct {
    sent_t sent[SEND_MAX];
    size_t count, in_flight, most;
    int code;    // of the next answers
    bool silent; // no answers for now
    uint8_t body[64];
} brokers;

static int stub_send(void *self, const char *person, const char *request_id, const void *body, size_t body_bytes,
                     size_t slot, err_t *ignored) {
    (void)self, (void)body, (void)body_bytes, (void)ignored;
    CHECK(brokers.count < SEND_MAX);
    sent_t *sent = &brokers.sent[brokers.count++];
    *sent = (sent_t){.slot = slot};
    snprintf(sent->person, sizeof sent->person, "%s", person);
    snprintf(sent->id, sizeof sent->id, "%s", request_id);
    brokers.in_flight++;
    if (brokers.in_flight > brokers.most) brokers.most = brokers.in_flight;
    return 0;
}

static bool stub_next(void *self, int timeout_ms, pump_reply_t *reply) {
    (void)self, (void)timeout_ms;
    Tc__Recomputed answer = TC__RECOMPUTED__INIT;
    answer.bills = 2;
    answer.versions = 3; // of which none found room
    answer.versions = 3; // more than there was room for
    answer.fund_fen = 7;
    if (brokers.silent) return false;
    for (size_t i = 0; i < brokers.count; i++) {
        if (brokers.sent[i].answered) continue;
        brokers.sent[i].answered = true;
        brokers.in_flight--;
        *reply = (pump_reply_t){.slot = brokers.sent[i].slot,
                                .code = brokers.code,
                                .text = "so it is",
                                .body = brokers.body,
                                .body_bytes = tc__recomputed__pack(&answer, brokers.body)};
        return true;
    }
    return false;
}

static void pump_until_still(pump_t *pump, int64_t now_ms) {
    bool moved = true;
    for (int i = 0; moved && i < 100; i++) need(pump_tick(pump, now_ms + i * 1000, &moved, &err));
}

static void fill_queue(int64_t task, int count) {
    for (int i = 0; i < count; i++) {
        char name[16];
        snprintf(name, sizeof name, "P%d", i);
        put(task, (const char *const[]){name}, (const int[]){2018}, 1, NOW);
    }
}

TEST(the_pump_sends_each_item_once_within_its_window_and_books_the_answers) {
    static pump_t pump;
    const pump_ports_t ports = {NULL, stub_send, stub_next};
    arena_t *own = arena_new(1 << 16, 0);
    begin_empty();
    memset(&brokers, 0, sizeof brokers);
    fill_queue(0, 150);
    pump_init(&pump, store, own, &ports);
    pump_until_still(&pump, NOW);
    EQ(brokers.count, 150);
    OK(brokers.most <= PUMP_WINDOW);
    EQ(number("SELECT COUNT(*) FROM recompute_queue"), 0);
    EQ(number("SELECT recomputed FROM recompute_task WHERE number = 0"), 150);
    EQ(number("SELECT bills FROM recompute_task WHERE number = 0"), 300);
    EQ(number("SELECT fund_fen FROM recompute_task WHERE number = 0"), 1050);
    EQ(number("SELECT changed FROM recompute_task WHERE number = 0"), 150);
    EQ(number("SELECT versions FROM recompute_task WHERE number = 0"), 450);
    arena_destroy(&own);
}

TEST(a_leader_that_dies_loses_nothing_and_its_follower_asks_under_the_same_ids) {
    static pump_t first, second;
    const pump_ports_t ports = {NULL, stub_send, stub_next};
    arena_t *own = arena_new(1 << 16, 0);
    bool moved;
    begin_empty();
    memset(&brokers, 0, sizeof brokers);
    fill_queue(0, 10);
    pump_init(&first, store, own, &ports);
    brokers.silent = true;
    need(pump_tick(&first, NOW, &moved, &err));
    EQ(brokers.count, 10);
    EQ(number("SELECT COUNT(*) FROM recompute_queue"), 10);
    need(pump_tick(&first, NOW + 500, &moved, &err));
    EQ(brokers.count, 10);                  // what is under way is not sent again
    pump_init(&second, store, own, &ports); // the first one is no more
    need(pump_tick(&second, NOW + 1000, &moved, &err));
    EQ(brokers.count, 20);
    for (int i = 0; i < 10; i++) {
        int same = 0;
        for (int k = 10; k < 20; k++) same += strcmp(brokers.sent[i].id, brokers.sent[k].id) == 0;
        EQ(same, 1);
        brokers.sent[i].answered = true;
    }
    brokers.silent = false;
    pump_until_still(&second, NOW + 2000);
    EQ(number("SELECT COUNT(*) FROM recompute_queue"), 0);
    EQ(number("SELECT recomputed FROM recompute_task WHERE number = 0"), 10);
    arena_destroy(&own);
}

TEST(an_answer_that_two_leaders_got_is_counted_once) {
    recompute_item_t due[100];
    begin_empty();
    fill_queue(0, 1);
    EQ(take_due(due, NOW), 1);
    book(&due[0], E_OK);
    book(&due[0], E_OK);
    EQ(number("SELECT recomputed FROM recompute_task WHERE number = 0"), 1);
}

// ---- decisions to find

static int64_t stored;

static void add_row(const char *person, const char *bill, const char *facility, const char *to, const char *policy,
                    int64_t version, row_kind_t kind, int64_t at_ms) {
    Tc__Decision decision = TC__DECISION__INIT;
    Tc__Bill input = TC__BILL__INIT;
    rows_t rows;
    size_t bytes;
    decision.bill = input.bill = T(bill);
    decision.person = input.person = T(person);
    decision.facility = input.facility = T(facility);
    decision.policy = T(policy);
    decision.input = &input;
    decision.decided_ms = at_ms;
    input.to = T(to);
    const void *body = message_pack(&decision.base, arena, &bytes);
    stored++;
    rows_init(&rows, arena, DECISION_COLUMNS);
    cell_t *row = rows_add(&rows);
    const cell_t cells[] = {cell_i64(partition_of(person)),
                            cell_text(person),
                            cell_i64(atoi(to)),
                            cell_i64(stored),
                            cell_i64(stored),
                            cell_i64(kind),
                            cell_null(CELL_TEXT),
                            cell_null(CELL_BLOB),
                            cell_text(bill),
                            cell_i64(version),
                            cell_i64(at_ms),
                            cell_blob(body, bytes)};
    memcpy(row, cells, sizeof cells);
    need(decisions_insert(store, &rows, &err));
}

#define HOSPITAL "H44070300001"
#define CLINIC "H44070300002"
static const char old_law[65] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                  new_law[65] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

static void add_bills(void) {
    add_row("P1", "B1", HOSPITAL, "2018-02-10", old_law, 1, ROW_SETTLED, EARLIER);
    add_row("P1", "B2", CLINIC, "2018-03-10", old_law, 1, ROW_SETTLED, EARLIER);
    add_row("P1", "B3", CLINIC, "2017-03-10", old_law, 1, ROW_SETTLED, EARLIER);
    add_row("P2", "B4", HOSPITAL, "2018-03-10", old_law, 1, ROW_SETTLED, EARLIER);
    add_row("P2", "B4", HOSPITAL, "2018-03-10", new_law, 2, ROW_RECOMPUTED, EARLIER);
    add_row("P3", "B5", HOSPITAL, "2018-03-10", old_law, 1, ROW_SETTLED, EARLIER);
    add_row("P3", "B5", HOSPITAL, "2018-03-10", old_law, 2, ROW_REVERSED, EARLIER);
    add_row("P4", "B6", HOSPITAL, "0", "", 1, ROW_TOMBSTONE, EARLIER);
}

// All pages of `limit`, as "P1/2018=2 …" in a sorted text; pages are counted.
static int by_text(const void *a, const void *b) { return strcmp(a, b); }
static const char *find(Tc__FindAffected ask, int limit) {
    static char lines[100][40], out[4000];
    size_t count = 0;
    Tc__Affected *page = NULL;
    ask.limit = limit;
    need(affected_check(&ask, &err));
    for (int i = 0; (!page || !page->done) && i < 100; i++) {
        need(affected_page(store, &ask, NULL, NULL, arena, &page, &err));
        for (size_t k = 0; k < page->n_items; k++)
            snprintf(lines[count++], sizeof lines[0], "%s/%d=%d ", page->items[k]->person, page->items[k]->year,
                     page->items[k]->bills);
        ask.after_partition = page->partition;
        ask.after_person = page->person;
        ask.after_year = page->year;
    }
    OK(page->done);
    qsort(lines, count, sizeof lines[0], by_text);
    out[0] = 0;
    for (size_t i = 0; i < count; i++) strcat(out, lines[i]);
    return out;
}

TEST(what_is_affected_are_standing_bills_by_each_filter_whatever_the_size_of_the_pages) {
    begin_empty();
    add_bills();
    for (int limit = 1; limit <= 6; limit++) {
        Tc__FindAffected ask = TC__FIND_AFFECTED__INIT;
        arena_reset(arena);
        EQ_TEXT(find(ask, limit), "P1/2017=1 P1/2018=2 P2/2018=1 ");
        ask.facility = T(HOSPITAL);
        EQ_TEXT(find(ask, limit), "P1/2018=1 P2/2018=1 ");
        ask.not_policy = T(new_law);
        EQ_TEXT(find(ask, limit), "P1/2018=1 ");
        ask.facility = T("");
        EQ_TEXT(find(ask, limit), "P1/2017=1 P1/2018=2 ");
        ask.from = T("2018-02-10"), ask.until = T("2018-03-09");
        EQ_TEXT(find(ask, limit), "P1/2018=1 ");
        ask.from = T("2018-02-11");
        EQ_TEXT(find(ask, limit), "");
        ask.from = T("2017-01-01"), ask.until = T(""), ask.person = T("P2"), ask.not_policy = T("");
        EQ_TEXT(find(ask, limit), "P2/2018=1 ");
        ask.from = T("");
        EQ_TEXT(find(ask, limit), "P2/2018=1 ");
    }
}

TEST(a_question_with_bad_fields_is_refused_by_field) {
    static const struct {
        const char *field;
        Tc__FindAffected ask;
    } bad[] = {
#define ASK(...) {.base = PROTOBUF_C_MESSAGE_INIT(&tc__find_affected__descriptor), __VA_ARGS__}
        {"from", ASK(.facility = T(""), .from = T("2018"), .until = T(""), .not_policy = T(""), .person = T(""))},
        {"until", ASK(.facility = T(""), .from = T("2018-02-01"), .until = T("2018-01-01"), .not_policy = T(""),
                      .person = T(""))},
        {"facility", ASK(.facility = T("X"), .from = T(""), .until = T(""), .not_policy = T(""), .person = T(""))},
        {"not_policy", ASK(.facility = T(""), .from = T(""), .until = T(""), .not_policy = T("ab"), .person = T(""))},
        {"person", ASK(.facility = T(""), .from = T(""), .until = T(""), .not_policy = T(""), .person = T("a b"))},
        {"limit",
         ASK(.facility = T(""), .from = T(""), .until = T(""), .not_policy = T(""), .person = T(""), .limit = 5001)},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        OK(affected_check(&bad[i].ask, &err) != E_OK);
        EQ_TEXT(err.field, bad[i].field);
    }
}

// ---- events of entitlements

static event_t entitlement_event(const char *person, const char *from, const char *until, int64_t at_ms) {
    Tc__Entitlement state = TC__ENTITLEMENT__INIT;
    event_t event = {.topic = "entitlement.changed", .at_ms = at_ms};
    state.person = T(person), state.touched_from = T(from), state.touched_until = T(until);
    event.body = message_pack(&state.base, arena, &event.body_bytes);
    return event;
}

static int64_t queued_after(const event_t *events, size_t count) {
    need(store_begin(store, &err));
    need(touched_entitlements(store, arena, events, count, NOW, &err));
    need(store_commit(store, &err));
    return number("SELECT COUNT(*) FROM recompute_queue");
}

TEST(a_change_of_the_past_asks_for_the_years_in_which_the_person_has_bills_and_for_nothing_else) {
    begin_empty();
    add_bills();
    const event_t nothing = entitlement_event("P1", "", "", NOW);
    EQ(queued_after(&nothing, 1), 0);
    const event_t elsewhere[] = {entitlement_event("P9", "2017-01", "2018-05", NOW),
                                 entitlement_event("P2", "2016-01", "2017-12", NOW)};
    EQ(queued_after(elsewhere, 2), 0);
    const event_t both[] = {entitlement_event("P1", "2017-11", "2018-01", NOW),
                            entitlement_event("P2", "2018-04", "2018-04", NOW),
                            entitlement_event("P1", "2017-12", "2018-01", NOW)};
    EQ(queued_after(both, 3), 3);
    EQ(number("SELECT COUNT(*) FROM recompute_queue WHERE person = 'P1' AND year = 2017"), 1);
    EQ(number("SELECT COUNT(*) FROM recompute_queue WHERE person = 'P2' AND year = 2018"), 1);
    EQ(queued_after(both, 3), 3);
}

// As the leader does: events are told, then time passes.
static int64_t queued_at(second_look_t *look, int64_t now_ms) {
    bool moved;
    need(second_look_take(look, store, arena, now_ms, &moved, &err));
    OK(!moved);
    return number("SELECT COUNT(*) FROM recompute_queue");
}

TEST(a_first_bill_that_was_being_decided_when_the_change_was_told_is_asked_for_a_little_later) {
    second_look_t *look;
    const event_t told[] = {entitlement_event("P1", "2018-01", "2018-03", NOW),
                            entitlement_event("P2", "2018-01", "2018-03", NOW)};
    begin_empty();
    need(second_look_new(&look, NOW - SECOND_LOOK_MS, &err));
    EQ(queued_after(told, 2), 0);
    need(second_look_note(look, told, 2, NOW, arena, &err));
    EQ(queued_at(look, NOW), 0); // the look of a leader that begins finds nothing
    add_row("P1", "B1", HOSPITAL, "2018-03-01", old_law, 1, ROW_SETTLED, NOW - 200);
    add_row("P2", "B2", HOSPITAL, "2018-02-01", old_law, 1, ROW_SETTLED, NOW - SECOND_LOOK_BEFORE_MS - 1);
    add_row("P2", "B3", HOSPITAL, "2017-02-01", old_law, 1, ROW_SETTLED, NOW + SECOND_LOOK_AFTER_MS + 1);
    EQ(queued_at(look, NOW + SECOND_LOOK_MS - 1), 0);
    EQ(queued_at(look, NOW + SECOND_LOOK_MS), 1);
    EQ(number("SELECT COUNT(*) FROM recompute_queue WHERE person = 'P1' AND year = 2018"), 1);
    need(store_exec(store, "DELETE FROM recompute_queue", NULL, 0, &err));
    EQ(queued_at(look, NOW + INT64_C(10) * SECOND_LOOK_MS), 0); // once
    second_look_destroy(&look);
}

TEST(a_leader_that_takes_over_asks_for_what_was_decided_a_moment_ago) {
    second_look_t *look;
    begin_empty();
    add_row("P1", "B1", HOSPITAL, "2018-03-01", old_law, 1, ROW_SETTLED, NOW - 3000);
    add_row("P2", "B2", HOSPITAL, "2018-03-01", old_law, 1, ROW_SETTLED, NOW - INT64_C(3600000));
    add_row("P3", "B3", HOSPITAL, "2018-03-01", old_law, 1, ROW_SETTLED, NOW + 3000);
    need(second_look_new(&look, NOW, &err));
    EQ(queued_at(look, NOW + SECOND_LOOK_MS - 1), 0);
    EQ(queued_at(look, NOW + SECOND_LOOK_MS), 1);
    EQ(number("SELECT COUNT(*) FROM recompute_queue WHERE person = 'P1'"), 1);
    second_look_destroy(&look);
}

TEST(a_second_look_takes_no_more_than_there_is_room_for) {
    second_look_t *look;
    const event_t told = entitlement_event("P1", "2018-01", "2018-03", NOW);
    need(second_look_new(&look, NOW, &err));
    for (int i = 0; i < SECOND_LOOK_ROOM; i++) need(second_look_note(look, &told, 1, NOW, arena, &err));
    OK(!second_look_has_room(look, 1));
    EQ(second_look_note(look, &told, 1, NOW, arena, &err), E_BUSY);
    second_look_destroy(&look);
}

TEST(in_the_month_of_a_change_bills_decided_in_that_month_are_asked_for) {
    begin_empty();
    add_row("P1", "B1", HOSPITAL, "2018-06-01", old_law, 1, ROW_SETTLED, NOW);
    add_row("P2", "B2", HOSPITAL, "2018-05-01", old_law, 1, ROW_SETTLED, NOW - INT64_C(40) * 86400000);
    const event_t events[] = {entitlement_event("P1", "", "", NOW), entitlement_event("P2", "", "", NOW)};
    EQ(queued_after(events, 2), 1);
    EQ(number("SELECT COUNT(*) FROM recompute_queue WHERE person = 'P1'"), 1);
}

// Decided before midnight of New Year's Eve and told after it: the year that ended is asked for, and the new one too.
TEST(a_change_told_after_midnight_of_the_last_day_reaches_the_year_that_ended) {
    const int64_t new_year_ms = ((int64_t)date_make(2019, 1, 1) * 24 - 8) * 3600 * 1000, day_ms = 86400000;
    for (int i = 0; i < 2; i++) {
        begin_empty();
        const event_t late[] = {entitlement_event("P1", "", "", new_year_ms + 5),
                                entitlement_event("P2", "", "", new_year_ms + 5)};
        const event_t early[] = {entitlement_event("P1", "", "", new_year_ms - 5)};
        add_row("P1", "B1", HOSPITAL, "2018-12-20", old_law, 1, ROW_SETTLED, new_year_ms - 3 * day_ms);
        add_row("P2", "B2", HOSPITAL, "2018-11-20", old_law, 1, ROW_SETTLED, new_year_ms - 40 * day_ms);
        add_row("P2", "B3", HOSPITAL, "2019-01-01", old_law, 1, ROW_SETTLED, new_year_ms + 4);
        EQ(i ? queued_after(early, 1) : queued_after(late, 2), i ? 1 : 2);
        EQ(number("SELECT COUNT(*) FROM recompute_queue WHERE person = 'P1' AND year = 2018"), 1);
        EQ(number("SELECT COUNT(*) FROM recompute_queue WHERE person = 'P2' AND year = 2019"), !i);
    }
}

// ---- events of facilities

typedef struct place { // a FacilityState with room
    Tc__FacilityState state;
    Tc__Agreement agreements[4], *list[4];
} place_t;

static void place_make(place_t *place, const char *code, const char *level) {
    tc__facility_state__init(&place->state);
    place->state.facility = T(code), place->state.level = T(level), place->state.version = 1;
    place->state.agreements = place->list;
}

static void place_agree(place_t *place, const char *from, const char *until) {
    const size_t at = place->state.n_agreements++;
    tc__agreement__init(&place->agreements[at]);
    place->agreements[at].from = T(from), place->agreements[at].until = T(until);
    place->list[at] = &place->agreements[at];
}

static bool brute_inside(const place_t *place, date_t day) {
    for (size_t i = 0; i < place->state.n_agreements; i++) {
        date_t from, until = DATE_MAX;
        NEED(date_parse(place->agreements[i].from, &from) == E_OK);
        if (*place->agreements[i].until) NEED(date_parse(place->agreements[i].until, &until) == E_OK);
        if (from <= day && day <= until) return true;
    }
    return false;
}

TEST(the_difference_of_two_states_of_a_facility_spans_the_days_that_differ) {
    const date_t first = date_make(2018, 1, 1), today = date_make(2018, 2, 9);
    for (int round = 0; round < 2000; round++) {
        static char texts[2][4][2][DATE_TEXT_MAX];
        place_t sides[2];
        bool differs;
        date_t from = 0, until = 0, low = DATE_NONE, high = DATE_NONE;
        for (size_t s = 0; s < 2; s++) {
            place_make(&sides[s], HOSPITAL, "2");
            date_t at = first + (date_t)draw(10);
            for (uint64_t n = draw(4), i = 0; i < n; i++) {
                const date_t end = at + (date_t)draw(15);
                date_format(at, texts[s][i][0]);
                date_format(i + 1 == n && draw(3) == 0 ? DATE_MAX : end, texts[s][i][1]);
                place_agree(&sides[s], texts[s][i][0], texts[s][i][1]);
                at = end + 1 + (date_t)draw(5);
            }
        }
        for (date_t day = first - 5; day <= today; day++) {
            if (brute_inside(&sides[0], day) == brute_inside(&sides[1], day)) continue;
            if (low == DATE_NONE) low = day;
            high = day;
        }
        need(facility_difference(&sides[0].state, &sides[1].state, today, &differs, &from, &until, &err));
        EQ(differs, low != DATE_NONE);
        if (!differs || low == DATE_NONE) continue;
        EQ(from, low);
        EQ(until, high);
        if (from != low || until != high) fprintf(stderr, "seed %llu round %d\n", (unsigned long long)seed, round);
    }
}

TEST(another_level_touches_every_day_and_an_unknown_facility_is_one_of_level_3_without_agreement) {
    place_t old, new;
    bool differs;
    date_t from, until;
    place_make(&old, HOSPITAL, "2");
    place_make(&new, HOSPITAL, "3");
    need(facility_difference(&old.state, &new.state, date_make(2018, 6, 1), &differs, &from, &until, &err));
    OK(differs);
    EQ(until, date_make(2018, 6, 1));
    OK(from < date_make(1950, 1, 1));
    need(facility_difference(NULL, &new.state, date_make(2018, 6, 1), &differs, &from, &until, &err));
    OK(!differs);
    place_agree(&new, "2018-05-30", "");
    need(facility_difference(NULL, &new.state, date_make(2018, 6, 1), &differs, &from, &until, &err));
    OK(differs);
    EQ(from, date_make(2018, 5, 30));
    EQ(until, date_make(2018, 6, 1));
    new.agreements[0].from = T("soon");
    EQ(facility_difference(NULL, &new.state, date_make(2018, 6, 1), &differs, &from, &until, &err), E_INVALID_FIELD);
}

static void tell_place(const place_t *place, int64_t at_ms) {
    event_t event = {.topic = "facility.changed", .at_ms = at_ms};
    event.body = message_pack(&place->state.base, arena, &event.body_bytes);
    need(store_begin(store, &err));
    need(touched_facilities(store, arena, &event, 1, at_ms, &err));
    need(store_commit(store, &err));
}

static void scan_all(int64_t now_ms) {
    arena_t *own = arena_new(1 << 16, 0);
    bool moved = true;
    for (int i = 0; moved && i < 100; i++) need(scan_step(store, own, now_ms, &moved, &err));
    arena_destroy(&own);
}

TEST(a_backdated_agreement_finds_the_bills_of_its_days_that_were_decided_before) {
    place_t place;
    begin_empty();
    add_bills();
    place_make(&place, HOSPITAL, "3");
    place_agree(&place, "2018-06-01", "");
    tell_place(&place, NOW);
    scan_all(NOW + TOUCHED_SCAN_DELAY_MS);
    EQ(number("SELECT COUNT(*) FROM recompute_queue"), 0); // nobody was there in June
    EQ(number("SELECT COUNT(*) FROM recompute_task"), 1);  // and no word is lost about it
    place.agreements[0].from = T("2018-03-01");
    tell_place(&place, NOW);
    scan_all(NOW);
    EQ(number("SELECT COUNT(*) FROM recompute_queue"), 0); // not before every instance has heard of it
    scan_all(NOW + TOUCHED_SCAN_DELAY_MS);
    EQ(number("SELECT COUNT(*) FROM recompute_queue"), 1);
    EQ(number("SELECT COUNT(*) FROM recompute_queue WHERE person = 'P2' AND year = 2018"), 1);
    EQ(number("SELECT found FROM recompute_task WHERE number = 1"), 1);
    tell_place(&place, NOW); // the same again
    scan_all(NOW + 2 * TOUCHED_SCAN_DELAY_MS);
    EQ(number("SELECT COUNT(*) FROM recompute_task"), 2);
}

// The stream of the register was cut off for a minute: what was decided in it rests on the old one.
TEST(bills_decided_before_a_late_word_of_the_register_are_found) {
    place_t place;
    begin_empty();
    add_row("P1", "B1", HOSPITAL, "2018-06-01", old_law, 1, ROW_SETTLED, NOW - 30000);
    place_make(&place, HOSPITAL, "3");
    place_agree(&place, "2018-05-01", "");
    event_t event = {.topic = "facility.changed", .at_ms = NOW - 60000};
    event.body = message_pack(&place.state.base, arena, &event.body_bytes);
    need(store_begin(store, &err));
    need(touched_facilities(store, arena, &event, 1, NOW, &err));
    need(store_commit(store, &err));
    scan_all(NOW + TOUCHED_SCAN_DELAY_MS);
    EQ(number("SELECT COUNT(*) FROM recompute_queue WHERE person = 'P1'"), 1);
}

TEST(the_register_told_from_its_beginning_asks_for_nothing_that_was_decided_after_it) {
    place_t place;
    begin_empty();
    add_bills();
    place_make(&place, HOSPITAL, "2");
    place_agree(&place, "2017-01-01", "");
    tell_place(&place, EARLIER - TOUCHED_SCAN_DELAY_MS);
    scan_all(NOW + TOUCHED_SCAN_DELAY_MS);
    EQ(number("SELECT COUNT(*) FROM recompute_queue"), 0);
}

TEST(what_the_leader_has_heard_of_the_register_others_can_read) {
    place_t place;
    rows_t rows;
    begin_empty();
    place_make(&place, HOSPITAL, "2");
    tell_place(&place, NOW);
    place_make(&place, CLINIC, "1");
    tell_place(&place, NOW);
    need(touched_known_since(store, 0, arena, &rows, &err));
    EQ(rows.count, 2);
    const int64_t stamp = row_i64(&rows, 1, 0);
    need(touched_known_since(store, stamp, arena, &rows, &err));
    EQ(rows.count, 0);
    place_make(&place, HOSPITAL, "3");
    tell_place(&place, NOW);
    need(touched_known_since(store, stamp, arena, &rows, &err));
    EQ(rows.count, 1);
}

// ---- scans

TEST(a_scan_that_is_broken_off_goes_on_where_it_was_and_finds_each_once) {
    arena_t *own = arena_new(1 << 16, 0);
    Tc__FindAffected what = TC__FIND_AFFECTED__INIT;
    int64_t id;
    bool moved = true;
    begin_empty();
    for (int i = 0; i < 1200; i++) {
        char person[16], bill[16];
        snprintf(person, sizeof person, "P%d", i);
        snprintf(bill, sizeof bill, "B%d", i);
        add_row(person, bill, HOSPITAL, "2018-03-10", old_law, 1, ROW_SETTLED, NOW);
    }
    what.not_policy = T(new_law);
    need(store_begin(store, &err));
    need(task_add(store, &what, "a test", false, NOW, NOW, arena, &id, &err));
    need(store_commit(store, &err));
    need(scan_step(store, own, NOW, &moved, &err));
    EQ(number("SELECT COUNT(*) FROM recompute_queue"), AFFECTED_LIMIT);
    scan_all(NOW); // by another
    EQ(number("SELECT COUNT(*) FROM recompute_queue"), 1200);
    EQ(number("SELECT found FROM recompute_task WHERE number = 1"), 1200);
    EQ(number("SELECT scanned FROM recompute_task WHERE number = 1"), 1);
    arena_destroy(&own);
}

// ---- releases

static policy_t *load_city(const char *city) {
    char path[256];
    policy_t *policy = NULL;
    snprintf(path, sizeof path, TC_SOURCE_DIR "/config/cities/%s.yaml", city);
    need(policy_load(&policy, path, NULL, &err));
    return policy;
}

static policy_t *load_amended(void) {
    static const char *const overlays[] = {TC_SOURCE_DIR "/config/samples/jiangmen-illustrative.yaml", NULL};
    policy_t *policy = NULL;
    need(policy_load(&policy, TC_SOURCE_DIR "/config/cities/jiangmen.yaml", overlays, &err));
    return policy;
}

static int release_it(const policy_t *current, const char *hash, const char *amends_from, const char *reason,
                      Tc__PolicyRelease **made) {
    Tc__ReleasePolicy ask = TC__RELEASE_POLICY__INIT;
    ask.hash = T(hash), ask.amends_from = T(amends_from), ask.reason = T(reason);
    need(store_begin(store, &err));
    int rc = release_policy(store, current, &ask, NOW, arena, made, &err);
    if (!rc)
        need(store_commit(store, &err));
    else
        store_rollback(store);
    return rc;
}

// A sentence in Chinese takes three bytes a sign: none is cut in the middle on its way to whoever recomputes.
TEST(the_reason_of_a_release_reaches_the_recomputation_whole) {
    policy_t *city = load_city("jiangmen"), *amended = load_amended();
    char hash[65], reason[RELEASE_REASON_MAX + 1] = "";
    size_t bytes;
    Tc__PolicyRelease *made;
    recompute_item_t *due = arena_alloc(arena, 100 * sizeof *due);
    int count;
    begin_empty();
    add_bills();
    need(release_configured(store, city, NOW, arena, &err));
    const void *packed = policy_packed(amended, &bytes);
    need(release_stage(store, city, packed, bytes, NOW, hash, &err));
    for (size_t i = 0; i < RELEASE_REASON_MAX / 3; i++) memcpy(reason + 3 * i, "改", 4);
    EQ(release_it(city, hash, "2017-01-01", "two\nlines", &made), E_INVALID_FIELD);
    EQ(release_it(city, hash, "2017-01-01", reason, &made), E_OK);
    scan_all(NOW + RELEASE_SCAN_DELAY_MS);
    need(recompute_due(store, NOW + RELEASE_SCAN_DELAY_MS, 100, arena, due, &count, &err));
    NEED(count > 0);
    HAS_TEXT(due[0].cause, reason);
    policy_destroy(&city);
    policy_destroy(&amended);
}

TEST(the_configuration_is_a_release_once_and_another_one_takes_its_place_by_release_only) {
    policy_t *city = load_city("jiangmen"), *amended = load_amended();
    char hash[65];
    size_t bytes;
    release_t newest;
    Tc__PolicyRelease *made;
    begin_empty();
    need(release_configured(store, city, NOW, arena, &err));
    need(release_configured(store, city, NOW, arena, &err));
    EQ(number("SELECT COUNT(*) FROM policy_release"), 1);
    EQ(release_it(city, policy_hash(amended), "", "an amendment", &made), E_NOT_FOUND);
    const void *packed = policy_packed(amended, &bytes);
    need(release_stage(store, city, packed, bytes, NOW, hash, &err));
    EQ_TEXT(hash, policy_hash(amended));
    need(release_newest(store, arena, &newest, &err));
    EQ_TEXT(newest.hash, policy_hash(city));
    EQ(release_it(city, hash, "", "", &made), E_MISSING_FIELD);
    EQ(release_it(city, hash, "2018", "an amendment", &made), E_INVALID_FIELD);
    EQ(release_it(city, hash, "2018-01-01", "an amendment", &made), E_OK);
    EQ(made->number, 2);
    EQ(made->task, 1);
    EQ(release_it(amended, hash, "", "again", &made), E_EXISTS);
    need(release_configured(store, city, NOW, arena, &err)); // a restart: what was released stays in force
    need(release_newest(store, arena, &newest, &err));
    EQ_TEXT(newest.hash, hash);
    EQ(release_it(amended, policy_hash(city), "", "back", &made), E_OK);
    EQ(made->number, 3);
    EQ(made->task, 0);
    policy_destroy(&city);
    policy_destroy(&amended);
}

TEST(a_policy_of_another_city_or_bytes_that_are_none_are_not_staged) {
    policy_t *city = load_city("jiangmen"), *other = load_city("zhoushan");
    char hash[65];
    size_t bytes;
    begin_empty();
    const void *packed = policy_packed(other, &bytes);
    EQ(release_stage(store, city, packed, bytes, NOW, hash, &err), E_POLICY);
    EQ(release_stage(store, city, "rubbish", 7, NOW, hash, &err), E_POLICY);
    EQ(release_stage(store, city, packed, bytes / 2, NOW, hash, &err), E_POLICY);
    EQ(number("SELECT COUNT(*) FROM policy_version"), 0);
    policy_destroy(&city);
    policy_destroy(&other);
}

TEST(a_policy_taken_into_force_leaves_the_one_before_among_the_past_ones) {
    policy_t *city = load_city("jiangmen"), *amended = load_amended();
    char first[65], second[65];
    size_t bytes;
    const policy_t *past;
    begin_empty();
    need(release_configured(store, city, NOW, arena, &err));
    snprintf(first, sizeof first, "%s", policy_hash(city));
    const void *packed = policy_packed(amended, &bytes);
    need(release_stage(store, city, packed, bytes, NOW, second, &err));
    policies_t *policies = policies_new(&city);
    need(policies_take(policies, store, second, arena, &err));
    EQ_TEXT(policy_hash(policies_current(policies)), second);
    EQ(policies_take(policies, store, old_law, arena, &err), E_NOT_FOUND);
    EQ_TEXT(policy_hash(policies_current(policies)), second);
    need(policies_get(policies, store, first, arena, &past, &err));
    EQ_TEXT(policy_hash(past), first);
    policies_destroy(&policies);
    policy_destroy(&amended);
}

static int run_tests(void) {
    static const check_case_t cases[] = {
        CASE(a_lease_is_taken_when_free_or_run_out_kept_while_fresh_and_left_to_its_holder),
        CASE(of_two_instances_one_leads_and_the_other_follows_five_seconds_after_its_last_renewal),
        CASE(an_answer_ends_puts_off_or_parks_an_item),
        CASE(put_twice_is_once_and_put_again_while_under_way_stays),
        CASE(whatever_is_put_answered_or_put_off_the_queue_is_the_set_of_what_was_put_and_not_taken_out),
        CASE(a_permanent_refusal_is_parked_with_its_reason_and_retried_when_asked),
        CASE(the_pump_sends_each_item_once_within_its_window_and_books_the_answers),
        CASE(a_leader_that_dies_loses_nothing_and_its_follower_asks_under_the_same_ids),
        CASE(an_answer_that_two_leaders_got_is_counted_once),
        CASE(what_is_affected_are_standing_bills_by_each_filter_whatever_the_size_of_the_pages),
        CASE(a_question_with_bad_fields_is_refused_by_field),
        CASE(a_change_of_the_past_asks_for_the_years_in_which_the_person_has_bills_and_for_nothing_else),
        CASE(in_the_month_of_a_change_bills_decided_in_that_month_are_asked_for),
        CASE(a_change_told_after_midnight_of_the_last_day_reaches_the_year_that_ended),
        CASE(a_first_bill_that_was_being_decided_when_the_change_was_told_is_asked_for_a_little_later),
        CASE(a_leader_that_takes_over_asks_for_what_was_decided_a_moment_ago),
        CASE(a_second_look_takes_no_more_than_there_is_room_for),
        CASE(the_difference_of_two_states_of_a_facility_spans_the_days_that_differ),
        CASE(another_level_touches_every_day_and_an_unknown_facility_is_one_of_level_3_without_agreement),
        CASE(a_backdated_agreement_finds_the_bills_of_its_days_that_were_decided_before),
        CASE(the_register_told_from_its_beginning_asks_for_nothing_that_was_decided_after_it),
        CASE(bills_decided_before_a_late_word_of_the_register_are_found),
        CASE(what_the_leader_has_heard_of_the_register_others_can_read),
        CASE(a_scan_that_is_broken_off_goes_on_where_it_was_and_finds_each_once),
        CASE(the_reason_of_a_release_reaches_the_recomputation_whole),
        CASE(the_configuration_is_a_release_once_and_another_one_takes_its_place_by_release_only),
        CASE(a_policy_of_another_city_or_bytes_that_are_none_are_not_staged),
        CASE(a_policy_taken_into_force_leaves_the_one_before_among_the_past_ones),
    };
    return check_run("readjudication", cases, COUNT_OF(cases));
}

int main(void) {
    const char *given = getenv("TC_SEED");
    random_bytes(&seed, sizeof seed);
    if (given) seed = strtoull(given, NULL, 10);
    fprintf(stderr, "seed %llu (TC_SEED)\n", (unsigned long long)seed);
    if (temp_store_start()) return 2;
    arena = arena_new(1 << 20, 0);
    int status = run_tests();
    store_close(&store);
    arena_destroy(&arena);
    temp_store_stop();
    return status;
}
