// Rows that stand: a log followed in pieces adds up to them, and what is told of them over messages is what they are.
// Built twice: on SQLite, and with ON_POSTGRES on a private PostgreSQL.
#include "common/reconcile/standing.h"
#include "common/base/hash.h"
#include "common/wire/message.h"
#include "tests/check.h"
#include "tests/temp_store.h"

static uint64_t seed, drawn;
static uint64_t draw(uint64_t below) { return hash64(&drawn, sizeof drawn, seed + drawn++) % below; }

static arena_t *arena;
static store_t *store;
static digest_key_t key;
static const bucket_t march = {.from = 18322, .to = 18352};

static const migration_t tables[] = {{1, STANDING_TABLES_SQL
                                      "CREATE TABLE entry (partition BIGINT NOT NULL, number BIGINT NOT NULL,"
                                      " body BYTEA NOT NULL, PRIMARY KEY (partition, number));"}};

static row_list_t model; // what stands, row by row
static int64_t heads[PARTITIONS];

static void start(void) {
    static int serial;
    char schema[16];
    err_t err = {0};
    store_close(&store);
    arena_reset(arena);
    snprintf(schema, sizeof schema, "standing_%c", 'a' + serial++);
    NEED(store_open(&store, temp_store_url(), schema, &err) == E_OK);
    NEED(store_migrate(store, tables, COUNT_OF(tables), &err) == E_OK);
    memset(heads, 0, sizeof heads);
    model = (row_list_t){.arena = arena};
}

// ---- a log of changes: "day|party|kind|reference|amount"

static void model_add(const digest_row_t *row) {
    err_t err;
    for (size_t i = 0; i < model.count; i++) {
        digest_row_t *at = &model.rows[i];
        if (at->day != row->day || strcmp(at->party, row->party) || strcmp(at->kind, row->kind) ||
            strcmp(at->reference, row->reference))
            continue;
        at->amount += row->amount;
        if (!at->amount) *at = model.rows[--model.count];
        return;
    }
    if (row->amount) NEED(row_list_add(&model, row, &err) == E_OK);
}

static void log_row(uint32_t partition, const digest_row_t *row, rows_t *out) {
    char day[DATE_TEXT_MAX];
    cell_t *cells = rows_add(out);
    const char *body = arena_text(arena, "%s|%s|%s|%s|%lld", date_format(row->day, day), row->party, row->kind,
                                  row->reference, (long long)row->amount);
    NEED(cells && body);
    cells[0] = cell_i64(partition);
    cells[1] = cell_i64(++heads[partition]);
    cells[2] = cell_blob(body, strlen(body) + 1);
    model_add(row);
}

static void random_log(int count, int references) {
    static const char *const parties[] = {"H1", "H2", "H3"}, *const kinds[] = {"tier1", "tier2", "account"};
    rows_t rows;
    err_t err = {0};
    rows_init(&rows, arena, 3);
    for (int i = 0; i < count; i++) {
        const int n = (int)draw((uint64_t)references); // a reference has its day, party and partition
        const digest_row_t row = {parties[n % 3], kinds[draw(3)], arena_text(arena, "D%d", n), march.from + n % 31,
                                  (fen_t)draw(5) - 2};
        log_row((uint32_t)n % 5, &row, &rows);
    }
    NEED(store_insert(store, "entry", "partition, number, body", &rows, CONFLICT_FAILS, &err) == E_OK);
}

static int64_t stop_at = INT64_MAX, seen;

static int changes(void *self, uint32_t partition, const void *body, size_t bytes, arena_t *in, rows_t *out,
                   standing_verdict_t *verdict, err_t *err) {
    char *field[5], *at = arena_copy(in, body, bytes);
    (void)self, (void)partition;
    for (size_t i = 0; i < COUNT_OF(field); i++) field[i] = strsep(&at, "|");
    if (seen++ == stop_at) *verdict = STANDING_STOP;
    return standing_change(out, "bills", field[0], field[1], field[2], field[3], strtoll(field[4], NULL, 10), err);
}

static const standing_log_t entries = {
    "SELECT number, body FROM entry WHERE partition = $1 AND number > $2 ORDER BY number LIMIT $3", changes, NULL};

static int64_t follow_all(void) {
    int64_t all = 0, taken;
    bool done = false;
    err_t err = {0};
    for (int calls = 0; !done; calls++) {
        NEED(calls < 1000 && store_begin(store, &err) == E_OK);
        NEED(standing_follow(store, &entries, arena, &taken, &done, &err) == E_OK);
        NEED(store_commit(store, &err) == E_OK);
        OK(taken <= STANDING_FOLLOW_ROWS);
        all += taken;
    }
    return all;
}

// ---- asked over messages, packed and unpacked

static int ask(void *self, const char *method, const Tc__GetDigests *request, const ProtobufCMessageDescriptor *type,
               ProtobufCMessage **reply, err_t *err) {
    ProtobufCMessage *got = NULL, *made = NULL;
    size_t bytes;
    (void)self;
    void *body = message_pack(&request->base, arena, &bytes);
    NEED(body && message_unpack(&got, &tc__get_digests__descriptor, body, bytes, arena, err) == E_OK);
    int rc = strcmp(method, "get_digests") == 0
                 ? standing_digests(store, (Tc__GetDigests *)got, arena, (Tc__Digests **)&made, err)
                 : standing_rows(store, (Tc__GetDigests *)got, arena, (Tc__DigestRows **)&made, err);
    if (rc) return rc;
    body = message_pack(made, arena, &bytes);
    NEED(body != NULL);
    return message_unpack(reply, type, body, bytes, arena, err);
}

static void compare(const row_list_t *there, bool whole, reconcile_result_t *result) {
    remote_side_t remote = {.ask = ask, .book = "bills", .whole = whole, .key = &key, .arena = arena};
    row_set_t set = {there, &key};
    const reconcile_side_t left = {&remote, remote_children, remote_rows, &remote.traffic},
                           right = {&set, row_set_children, row_set_rows, NULL};
    err_t err = {0};
    if (reconcile(&left, &right, &march, &key, &(reconcile_limits_t){0}, arena, result, &err))
        fprintf(stderr, "%s: %s\n", err.field, err.text);
    NEED(err.code == E_OK);
}

TEST(a_log_followed_in_pieces_is_what_it_adds_up_to) {
    reconcile_result_t result;
    start();
    for (int round = 0; round < 3; round++) {
        random_log(3000, 700);
        EQ(follow_all(), 3000);
        EQ(follow_all(), 0);
        compare(&model, false, &result);
        EQ(result.count, 0);
        EQ(result.here.count, (int64_t)model.count);
        OK(set_digest_same(&result.here, &result.there));
    }
}

TEST(a_difference_is_found_over_pages) { // of the table left by the test before: more days than rows at once
    reconcile_result_t result;
    NEED(model.count > 100);
    model.rows[50].amount += 7;
    compare(&model, false, &result);
    NEED(result.count == 1);
    EQ(result.differences[0].kind, OTHER_AMOUNT);
    EQ_TEXT(result.differences[0].here.reference, model.rows[50].reference);
    EQ(result.differences[0].there.amount - result.differences[0].here.amount, 7);
    model.rows[50].amount -= 7;
}

// The kinds of a reference are told as one row; where they cancel each other there is none.
TEST(kinds_told_as_one_are_their_sum) {
    row_list_t merged = {.arena = arena};
    reconcile_result_t result;
    err_t err;
    for (size_t i = 0; i < model.count; i++) {
        size_t at = 0;
        while (at < merged.count && strcmp(merged.rows[at].reference, model.rows[i].reference) != 0) at++;
        digest_row_t row = model.rows[i];
        row.kind = "whole";
        if (at < merged.count)
            merged.rows[at].amount += row.amount;
        else
            NEED(row_list_add(&merged, &row, &err) == E_OK);
    }
    for (size_t i = merged.count; i-- > 0;)
        if (!merged.rows[i].amount) merged.rows[i] = merged.rows[--merged.count];
    compare(&merged, true, &result);
    EQ(result.count, 0);
    EQ(result.here.count, (int64_t)merged.count);
}

TEST(many_rows_of_one_day_take_several_pages) {
    reconcile_result_t result;
    rows_t rows;
    err_t err = {0};
    start();
    rows_init(&rows, arena, 3);
    for (int i = 0; i < 2 * STANDING_PAGE_ROWS + 500; i++) {
        digest_row_t row = {"H1", i % 2 ? "tier1" : "tier2", arena_text(arena, "D%d", (i + 1) / 2), march.from,
                            100 + i};
        char day[DATE_TEXT_MAX];
        const char *body = arena_text(arena, "%s|%s|%s|%s|%lld", date_format(row.day, day), row.party, row.kind,
                                      row.reference, (long long)row.amount);
        cell_t *cells = rows_add(&rows);
        cells[0] = cell_i64(0), cells[1] = cell_i64(i + 1), cells[2] = cell_blob(body, strlen(body) + 1);
        NEED(row_list_add(&model, &row, &err) == E_OK);
    }
    NEED(store_insert(store, "entry", "partition, number, body", &rows, CONFLICT_FAILS, &err) == E_OK);
    EQ(follow_all(), 2 * STANDING_PAGE_ROWS + 500);
    model.rows[STANDING_PAGE_ROWS - 1].amount++;
    compare(&model, false, &result);
    NEED(result.count == 1);
    EQ_TEXT(result.differences[0].there.reference, model.rows[STANDING_PAGE_ROWS - 1].reference);
    // A page does not end within a reference: each is one row, though the first has one kind and the others two.
    compare(&model, true, &result);
    EQ(result.here.count, STANDING_PAGE_ROWS + 250 + 1);
    EQ(result.here.sum, result.there.sum - 1);
}

TEST(a_stop_leaves_the_rest_for_later) {
    err_t err = {0};
    int64_t taken;
    bool done;
    start();
    random_log(100, 1); // all of one partition
    seen = 0, stop_at = 40;
    NEED(store_begin(store, &err) == E_OK);
    NEED(standing_follow(store, &entries, arena, &taken, &done, &err) == E_OK);
    NEED(store_commit(store, &err) == E_OK);
    EQ(taken, 40);
    OK(done);
    stop_at = INT64_MAX;
    EQ(follow_all(), 60);
}

TEST(what_is_rolled_back_was_not_followed) {
    err_t err = {0};
    int64_t taken;
    bool done;
    start();
    random_log(10, 1);
    NEED(store_begin(store, &err) == E_OK);
    NEED(standing_follow(store, &entries, arena, &taken, &done, &err) == E_OK);
    EQ(taken, 10);
    store_rollback(store); // nothing was moved
    EQ(follow_all(), 10);
}

TEST(a_question_that_is_none_is_refused) {
    Tc__GetDigests request = TC__GET_DIGESTS__INIT;
    Tc__DigestBucket of = TC__DIGEST_BUCKET__INIT;
    Tc__Digests *reply;
    err_t err;
    uint8_t bytes[DIGEST_KEY_BYTES] = {0};
    request.by = (char *)"hour";
    EQ(standing_digests(store, &request, arena, &reply, &err), E_INVALID_FIELD);
    request.by = (char *)"day";
    EQ(standing_digests(store, &request, arena, &reply, &err), E_INVALID_FIELD);
    EQ_TEXT(err.field, "key");
    request.key = (ProtobufCBinaryData){sizeof bytes, bytes};
    EQ(standing_digests(store, &request, arena, &reply, &err), E_MISSING_FIELD);
    request.of = &of;
    EQ(standing_digests(store, &request, arena, &reply, &err), E_INVALID_FIELD);
    of.from = (char *)"2020-03-02", of.to = (char *)"2020-03-01";
    EQ(standing_digests(store, &request, arena, &reply, &err), E_OUT_OF_RANGE);
    of.to = of.from, of.bits = 12;
    EQ(standing_digests(store, &request, arena, &reply, &err), E_OUT_OF_RANGE);
    of.bits = 64, request.by = (char *)"prefix";
    EQ(standing_digests(store, &request, arena, &reply, &err), E_OUT_OF_RANGE);
}

int main(void) {
    static const check_case_t cases[] = {CASE(a_log_followed_in_pieces_is_what_it_adds_up_to),
                                         CASE(a_difference_is_found_over_pages),
                                         CASE(kinds_told_as_one_are_their_sum),
                                         CASE(many_rows_of_one_day_take_several_pages),
                                         CASE(a_stop_leaves_the_rest_for_later),
                                         CASE(what_is_rolled_back_was_not_followed),
                                         CASE(a_question_that_is_none_is_refused)};
    random_bytes(&seed, sizeof seed);
    printf("seed %llu\n", (unsigned long long)seed);
    digest_key_draw(&key);
    arena = arena_new(1 << 20, 0);
    int status = temp_store_start() ? 2 : check_run("standing", cases, COUNT_OF(cases));
    store_close(&store);
    temp_store_stop();
    arena_destroy(&arena);
    return status;
}
