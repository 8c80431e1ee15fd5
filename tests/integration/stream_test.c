// The stream over real sockets with CURVE and real stores: what it promises under slow joiners, restarts, kills, lost
// messages, poison, stalled subscribers, strangers and second writers. Built twice: on SQLite, and with
// STREAM_ON_POSTGRES on a private PostgreSQL.
//
// The effect appends to a table without any key, so an event applied twice shows as a second row.
#include "common/base/date.h"
#include "common/base/metrics.h"
#include "common/stream/consumer.h"
#include "common/wire/server.h"
#include "services/broker/broker.h"
#include "tests/check.h"
#ifdef STREAM_ON_POSTGRES
#include "tests/postgres.h"
#endif
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#define SERVICE "adjudication"
#define DEADLINE_MS 30000

static const migration_t log_migration[] = {{1, STREAM_TABLE_SQL}};
static const migration_t consumer_migration[] = {
    {1,
     CONSUMER_TABLES_SQL "CREATE TABLE effect (id BIGINT NOT NULL, partition BIGINT NOT NULL, number BIGINT NOT NULL,"
                         " body BYTEA NOT NULL);"}};

static int64_t now_ms(void) { return clock_mono_us() / 1000; }

// ---- the deployment: keys, a directory, stores
// ------------------------------------------------------------------------

typedef struct writer {
    store_t *store;
    stream_t *stream;
    server_t *server; // announces the stream's endpoints
} writer_t;

typedef struct deployment {
    char dir[64], keys_dir[96], stranger_dir[96], url[300];
    void *server_context, *client_context;
    keys_t *writer_keys, *consumer_keys, *stranger_keys;
    zap_t *zap;
    broker_t *broker;
    pthread_t thread;
    bool thread_runs;
    bool announces_nothing; // writers as before asks of version 2
    writer_t writers[4];
    char schemas[2][16]; // of the log and of the consumer
} deployment_t;

static deployment_t city;

static int remove_entry(const char *path, const struct stat *info, int flag, struct FTW *walk) {
    (void)info, (void)flag, (void)walk;
    return remove(path);
}

static void *broker_thread(void *unused) {
    err_t err = {0};
    (void)unused;
    if (broker_run(city.broker, &err) != E_OK) fprintf(stderr, "broker: %s\n", err.text);
    return NULL;
}

static void broker_open(void) {
    err_t err = {0};
    broker_conf_t conf = {.name = "broker-1", .front = "tcp://127.0.0.1:*", .back = "tcp://127.0.0.1:*"};
    conf.keys_dir = city.keys_dir;
    NEED(broker_new(&city.broker, &conf, &err) == E_OK);
    NEED(pthread_create(&city.thread, NULL, broker_thread, NULL) == 0);
    city.thread_runs = true;
}

static void make_keys(void) {
    err_t err;
    NEED(keys_make(city.keys_dir, "broker", "broker", &err) == E_OK);
    NEED(keys_make(city.keys_dir, "writer", "service", &err) == E_OK);
    char command[300]; // the stranger knows the public keys, and nobody knows the stranger's
    snprintf(command, sizeof command, "cp %s/registry.yaml %s/", city.keys_dir, city.stranger_dir);
    NEED(system(command) == 0);
    NEED(keys_make(city.keys_dir, "ledger", "service", &err) == E_OK);
    NEED(keys_make(city.stranger_dir, "stranger", "service", &err) == E_OK);
    NEED(keys_load(&city.writer_keys, city.keys_dir, "writer", &err) == E_OK);
    NEED(keys_load(&city.consumer_keys, city.keys_dir, "ledger", &err) == E_OK);
    NEED(keys_load(&city.stranger_keys, city.stranger_dir, "stranger", &err) == E_OK);
}

static void choose_stores(void) {
    static int round;
    snprintf(city.schemas[0], sizeof city.schemas[0], "log_%c%c", 'a' + round / 26, 'a' + round % 26);
    snprintf(city.schemas[1], sizeof city.schemas[1], "ledger_%c%c", 'a' + round / 26, 'a' + round % 26);
    round++;
#ifdef STREAM_ON_POSTGRES
    static char url[256];
    if (!url[0]) NEED(postgres_start(url) == 0);
    snprintf(city.url, sizeof city.url, "%s", url);
#else
    snprintf(city.url, sizeof city.url, "sqlite:%s", city.dir);
#endif
}

static void city_open(void) {
    static const zap_domain_t domains[] = {{"stream", ROLE_SERVICE | ROLE_AGENCY}};
    err_t err;
    memset(&city, 0, sizeof city);
    snprintf(city.dir, sizeof city.dir, "%s/stream_test_XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    NEED(mkdtemp(city.dir) != NULL);
    snprintf(city.keys_dir, sizeof city.keys_dir, "%s/keys", city.dir);
    snprintf(city.stranger_dir, sizeof city.stranger_dir, "%s/stranger", city.dir);
    NEED(mkdir(city.keys_dir, 0700) == 0 && mkdir(city.stranger_dir, 0700) == 0);
    choose_stores();
    make_keys();
    city.server_context = zmq_ctx_new();
    city.client_context = zmq_ctx_new();
    NEED(zap_start(&city.zap, city.server_context, city.keys_dir, domains, COUNT_OF(domains), &err) == E_OK);
    broker_open();
}

static void writer_open(writer_t *writer, const char *instance) {
    err_t err = {0};
    stream_conf_t conf = {.context = city.server_context,
                          .keys = city.writer_keys,
                          .service = SERVICE,
                          .live_bind = "tcp://127.0.0.1:*",
                          .replay_bind = "tcp://127.0.0.1:*",
                          .log = stream_table_log};
    NEED(store_open(&writer->store, city.url, city.schemas[0], &err) == E_OK);
    NEED(store_migrate(writer->store, log_migration, COUNT_OF(log_migration), &err) == E_OK);
    conf.store = writer->store;
    int code = stream_new(&writer->stream, &conf, &err);
    if (code != E_OK) fprintf(stderr, "stream_new: %s\n", err.text);
    NEED(code == E_OK);
    const char *brokers[] = {broker_back(city.broker), NULL};
    server_conf_t server = {.context = city.server_context,
                            .keys = city.writer_keys,
                            .brokers = brokers,
                            .broker_key_name = "broker",
                            .service = SERVICE,
                            .instance = instance,
                            .key_name = "writer"};
    server.live_endpoint = stream_live_endpoint(writer->stream);
    server.replay_endpoint = stream_replay_endpoint(writer->stream);
    server.replay_version = city.announces_nothing ? 0 : STREAM_REPLAY_VERSION;
    NEED(server_new(&writer->server, &server, &err) == E_OK);
}

static void writer_close(writer_t *writer) {
    server_destroy(&writer->server);
    stream_destroy(&writer->stream);
    store_close(&writer->store);
}

static void city_close(void) {
    for (size_t i = 0; i < COUNT_OF(city.writers); i++) writer_close(&city.writers[i]);
    if (city.thread_runs) {
        broker_stop(city.broker);
        pthread_join(city.thread, NULL);
    }
    broker_destroy(&city.broker);
    zap_stop(&city.zap);
    keys_destroy(&city.writer_keys);
    keys_destroy(&city.consumer_keys);
    keys_destroy(&city.stranger_keys);
    zmq_ctx_term(city.client_context);
    zmq_ctx_term(city.server_context);
    nftw(city.dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

// ---- writing
// ----------------------------------------------------------------------------------------------------------

static int put_one(writer_t *writer, uint32_t partition, const char *body, err_t *err) {
    int64_t number;
    int code = store_begin(writer->store, err);
    if (code != E_OK) return code;
    code = stream_reserve(writer->stream, partition, "bill.settled", 1, body, strlen(body), &number, err);
    if (code == E_OK) code = stream_flush(writer->stream, err);
    if (code == E_OK)
        code = store_commit(writer->store, err);
    else
        store_rollback(writer->store);
    return code;
}

static void put(writer_t *writer, uint32_t partition, const char *body) {
    err_t err = {0};
    NEED(put_one(writer, partition, body, &err) == E_OK);
    stream_committed(writer->stream);
}

// `each` events into every partition of first … first + partitions − 1, in one transaction.
static void put_many(writer_t *writer, uint32_t first, uint32_t partitions, int each, size_t body_bytes) {
    char body[4096];
    int64_t number;
    err_t err = {0};
    NEED(body_bytes <= sizeof body);
    memset(body, 'x', sizeof body);
    NEED(store_begin(writer->store, &err) == E_OK);
    for (int i = 0; i < each; i++)
        for (uint32_t p = first; p < first + partitions; p++)
            NEED(stream_reserve(writer->stream, p, "bill.settled", clock_now_ms(), body, body_bytes, &number, &err) ==
                 E_OK);
    NEED(stream_flush(writer->stream, &err) == E_OK);
    NEED(store_commit(writer->store, &err) == E_OK);
    stream_committed(writer->stream);
}

// ---- consuming
// --------------------------------------------------------------------------------------------------------

typedef struct ledger {
    store_t *store;
    consumer_t *consumer;
    int64_t calls, seen; // of apply; events seen by a volatile one
    int64_t kill_at;     // call number at which the process dies, after its writes
    bool accept_poison;
    int fail_code;  // every apply fails with it
    int fails_left; // … so many times
    int committed, rolled_back;
    int64_t gather_ms;
    size_t batch;
    int rest_percent, slow_ms; // how long apply takes
    int64_t last[PARTITIONS];  // of a volatile one
    bool wrong;
} ledger_t;

static int write_effect(ledger_t *ledger, const event_t *events, size_t count, err_t *err) {
    static int64_t id;
    arena_t *arena = arena_new(64 * 1024, 0);
    rows_t rows;
    rows_init(&rows, arena, 4);
    for (size_t i = 0; i < count; i++) {
        cell_t *row = rows_add(&rows);
        row[0] = cell_i64(++id);
        row[1] = cell_i64(events[i].partition);
        row[2] = cell_i64(events[i].number);
        row[3] = cell_blob(events[i].body, events[i].body_bytes);
    }
    int code = store_insert(ledger->store, "effect", "id, partition, number, body", &rows, CONFLICT_FAILS, err);
    arena_destroy(&arena);
    return code;
}

static int apply_cb(void *self, const event_t *events, size_t count, err_t *err) {
    ledger_t *ledger = self;
    ledger->calls++;
    if (ledger->slow_ms) nanosleep(&(struct timespec){.tv_nsec = ledger->slow_ms * 1000000L}, NULL);
    if (ledger->fails_left > 0) {
        ledger->fails_left--;
        return err_set(err, ledger->fail_code, "told to fail");
    }
    for (size_t i = 0; i < count; i++)
        if (!ledger->accept_poison && events[i].body_bytes == 6 && memcmp(events[i].body, "poison", 6) == 0)
            return err_field(err, E_NOT_FOUND, "facility", "no such facility");
    if (!ledger->store) {
        for (size_t i = 0; i < count; i++) {
            if (events[i].number != ledger->last[events[i].partition] + 1) ledger->wrong = true;
            ledger->last[events[i].partition] = events[i].number;
            ledger->seen++;
        }
        return E_OK;
    }
    int code = write_effect(ledger, events, count, err);
    if (ledger->calls == ledger->kill_at) kill(getpid(), SIGKILL);
    return code;
}

static void committed_cb(void *self) { ((ledger_t *)self)->committed++; }
static void rolled_back_cb(void *self) { ((ledger_t *)self)->rolled_back++; }

static void ledger_open_as(ledger_t *ledger, void *context, const keys_t *keys, bool durable, const int64_t *from) {
    static const char *brokers[2];
    err_t err = {0};
    brokers[0] = broker_front(city.broker);
    consumer_conf_t conf = {.service = SERVICE,
                            .name = "ledger",
                            .from = from,
                            .gather_ms = ledger->gather_ms,
                            .batch = ledger->batch,
                            .rest_percent = ledger->rest_percent};
    conf.client = (client_conf_t){.context = context, .keys = keys, .brokers = brokers, .broker_key_name = "broker"};
    conf.effect = (consumer_effect_t){ledger, apply_cb, committed_cb, rolled_back_cb};
    if (durable) {
        NEED(store_open(&ledger->store, city.url, city.schemas[1], &err) == E_OK);
        NEED(store_migrate(ledger->store, consumer_migration, COUNT_OF(consumer_migration), &err) == E_OK);
        conf.store = ledger->store;
    }
    int code = consumer_new(&ledger->consumer, &conf, &err);
    if (code != E_OK) fprintf(stderr, "consumer_new: %s\n", err.text);
    NEED(code == E_OK);
}

static void ledger_open(ledger_t *ledger) {
    ledger_open_as(ledger, city.client_context, city.consumer_keys, true, NULL);
}

static void ledger_close(ledger_t *ledger) {
    consumer_destroy(&ledger->consumer);
    store_close(&ledger->store);
}

// ---- turning
// ----------------------------------------------------------------------------------------------------------

static void turn(ledger_t *const *ledgers, size_t count) {
    void *sockets[64];
    zmq_pollitem_t items[64];
    size_t used = 0;
    int more = 0;
    for (size_t i = 0; i < COUNT_OF(city.writers); i++) {
        if (!city.writers[i].stream) continue;
        more |= stream_tick(city.writers[i].stream);
        used += stream_sockets(city.writers[i].stream, sockets + used, COUNT_OF(sockets) - used);
        const request_t *requests; // nobody asks, but beats come this way
        server_tick(city.writers[i].server);
        (void)server_take(city.writers[i].server, &requests, 16);
        used += server_sockets(city.writers[i].server, sockets + used, COUNT_OF(sockets) - used);
    }
    for (size_t i = 0; i < count; i++) {
        more |= consumer_tick(ledgers[i]->consumer);
        used += consumer_sockets(ledgers[i]->consumer, sockets + used, COUNT_OF(sockets) - used);
    }
    for (size_t i = 0; i < used; i++) items[i] = (zmq_pollitem_t){.socket = sockets[i], .events = ZMQ_POLLIN};
    zmq_poll(items, (int)used, more ? 0 : 20);
}

static consumer_state_t state_of(const ledger_t *ledger) {
    consumer_state_t state;
    consumer_state(ledger->consumer, &state);
    return state;
}

static int64_t cursor_sum(const ledger_t *ledger) {
    consumer_state_t state = state_of(ledger);
    int64_t sum = 0;
    for (size_t p = 0; p < PARTITIONS; p++) sum += state.cursor[p];
    return sum;
}

// Until the consumer's cursors add up to `total`.
static void turn_until(ledger_t *ledger, int64_t total) {
    int64_t deadline = now_ms() + DEADLINE_MS;
    while (cursor_sum(ledger) < total && now_ms() < deadline) turn(&ledger, 1);
    EQ(cursor_sum(ledger), total);
}

static void turn_for(ledger_t *const *ledgers, size_t count, int64_t ms) {
    int64_t deadline = now_ms() + ms;
    while (now_ms() < deadline) turn(ledgers, count);
}

// Every event up to the cursor of each partition has exactly one effect, in order.
static void check_effects(ledger_t *ledger, int64_t total) {
    rows_t rows;
    err_t err = {0};
    int64_t last[PARTITIONS] = {0};
    arena_t *arena = arena_new(1024 * 1024, 0);
    NEED(store_query(ledger->store, "SELECT partition, number FROM effect ORDER BY partition, number", NULL, 0, arena,
                     &rows, &err) == E_OK);
    EQ(rows.count, total);
    for (size_t i = 0; i < rows.count; i++) {
        int64_t partition = row_i64(&rows, i, 0);
        NEED(partition >= 0 && partition < PARTITIONS);
        EQ(row_i64(&rows, i, 1), last[partition] + 1);
        last[partition] = row_i64(&rows, i, 1);
    }
    arena_destroy(&arena);
}

// ---- the stories
// ------------------------------------------------------------------------------------------------------

TEST(slow_joiner_gets_everything) {
    city_open();
    ledger_t ledger = {0}, *one = &ledger;
    writer_t *writer = &city.writers[0];
    writer_open(writer, "adjudication-1");
    put_many(writer, 0, PARTITIONS, 40, 100);
    ledger_open(&ledger);
    for (int i = 0; i < 40; i++) { // and the writer does not wait for it
        put_many(writer, 0, PARTITIONS, 1, 100);
        turn(&one, 1);
    }
    turn_until(&ledger, 80 * PARTITIONS);
    check_effects(&ledger, 80 * PARTITIONS);
    turn_for(&one, 1, 600); // a beat
    OK(state_of(&ledger).caught_up);
    EQ(state_of(&ledger).applied, 80 * PARTITIONS);
    OK(ledger.committed > 0);
    ledger_close(&ledger);
    city_close();
}

TEST(events_that_gather_are_applied_together) {
    city_open();
    ledger_t ledger = {.gather_ms = 1000}, *one = &ledger;
    writer_t *writer = &city.writers[0];
    writer_open(writer, "adjudication-1");
    ledger_open(&ledger);
    put_many(writer, 0, 1, 1, 100);
    turn_until(&ledger, 1);
    const int before = ledger.committed;
    for (int i = 0; i < 10; i++) {
        put_many(writer, 0, 1, 1, 100);
        turn_for(&one, 1, 20);
    }
    turn_until(&ledger, 11);
    check_effects(&ledger, 11);
    OK(ledger.committed - before <= 3); // one, but for a machine that stands still
    ledger_close(&ledger);
    city_close();
}

// As long as a full batch took nothing is applied, nor read: others have the store meanwhile.
TEST(a_consumer_rests_after_full_batches) {
    city_open();
    ledger_t ledger = {.batch = 32, .rest_percent = 100, .slow_ms = 30};
    metric_t *rested = metric_counter("stream_rested_ms_total", "consumer=\"ledger\",service=\"" SERVICE "\"", "");
    writer_t *writer = &city.writers[0];
    writer_open(writer, "adjudication-1");
    ledger_open(&ledger);
    put_many(writer, 0, 1, 320, 100);
    turn_until(&ledger, 320);
    check_effects(&ledger, 320);
    const int64_t for_full_ones = metric_value(rested);
    OK(for_full_ones >= 30);
    put_many(writer, 0, 1, 10, 100);
    turn_until(&ledger, 330);
    EQ(metric_value(rested), for_full_ones);
    ledger_close(&ledger);
    city_close();
}

TEST(writer_restarts_on_another_port) {
    city_open();
    ledger_t ledger = {0};
    writer_t *writer = &city.writers[0];
    writer_open(writer, "adjudication-1");
    ledger_open(&ledger);
    put_many(writer, 0, PARTITIONS, 2, 10);
    turn_until(&ledger, 2 * PARTITIONS);
    writer_close(writer);
    writer_open(writer, "adjudication-1");
    put_many(writer, 0, PARTITIONS, 2, 10);
    turn_until(&ledger, 4 * PARTITIONS);
    check_effects(&ledger, 4 * PARTITIONS);
    ledger_close(&ledger);
    city_close();
}

static void consume_until_killed(int64_t kill_at) {
    ledger_t ledger = {.kill_at = kill_at}, *one = &ledger;
    ledger_open_as(&ledger, zmq_ctx_new(), city.consumer_keys, true, NULL);
    turn_for(&one, 1, DEADLINE_MS); // its own writers are the parent's: see below
    _exit(1);
}

TEST(killed_between_apply_and_commit_has_the_effect_once) {
    city_open();
    writer_t *writer = &city.writers[0];
    writer_open(writer, "adjudication-1");
    put_many(writer, 0, PARTITIONS, 40, 10);
    for (int64_t kill_at = 1; kill_at <= 3; kill_at++) {
        int status = 0;
        pid_t child = fork();
        if (child == 0) {
            city.writers[0].stream = NULL; // the child only consumes
            consume_until_killed(kill_at);
        }
        int64_t deadline = now_ms() + DEADLINE_MS;
        while (waitpid(child, &status, WNOHANG) == 0 && now_ms() < deadline) turn(NULL, 0);
        OK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
    ledger_t ledger = {0};
    ledger_open(&ledger);
    int64_t before = cursor_sum(&ledger);
    OK(before > 0 && before < 40 * PARTITIONS); // the killed ones got somewhere
    turn_until(&ledger, 40 * PARTITIONS);
    check_effects(&ledger, 40 * PARTITIONS);
    ledger_close(&ledger);
    city_close();
}

TEST(unpublished_events_are_found_by_the_beat) {
    city_open();
    ledger_t ledger = {0};
    err_t err = {0};
    writer_t *writer = &city.writers[0];
    writer_open(writer, "adjudication-1");
    ledger_open(&ledger);
    put(writer, 7, "first");
    turn_until(&ledger, 1);
    NEED(put_one(writer, 7, "forgotten", &err) == E_OK); // died here, as it were: committed, never published
    NEED(stream_reload(writer->stream, &err) == E_OK);
    turn_until(&ledger, 2);
    put(writer, 7, "third");
    turn_until(&ledger, 3);
    check_effects(&ledger, 3);
    ledger_close(&ledger);
    city_close();
}

TEST(poison_parks_its_partition_only) {
    city_open();
    ledger_t ledger = {0}, *one = &ledger;
    err_t err = {0};
    writer_t *writer = &city.writers[0];
    writer_open(writer, "adjudication-1");
    ledger_open(&ledger);
    put(writer, 3, "good");
    put(writer, 3, "poison");
    put(writer, 3, "behind it");
    put_many(writer, 4, 10, 20, 10);
    turn_until(&ledger, 1 + 200);
    int64_t deadline = now_ms() + DEADLINE_MS;
    while (state_of(&ledger).parked == 0 && now_ms() < deadline) turn(&one, 1);
    EQ(state_of(&ledger).parked, 1);
    EQ(state_of(&ledger).cursor[3], 1);
    OK(!state_of(&ledger).caught_up);
    put_many(writer, 4, 10, 1, 10); // others go on
    turn_until(&ledger, 1 + 210);

    rows_t rows;
    arena_t *arena = arena_new(4096, 0);
    NEED(store_query(ledger.store, "SELECT number, topic, reason, tries FROM stream_parked", NULL, 0, arena, &rows,
                     &err) == E_OK);
    NEED(rows.count == 1);
    EQ(row_i64(&rows, 0, 0), 2);
    EQ_TEXT(row_text(&rows, 0, 1), "bill.settled");
    HAS_TEXT(row_text(&rows, 0, 2), "NOT_FOUND");
    HAS_TEXT(row_text(&rows, 0, 2), "facility");
    EQ(row_i64(&rows, 0, 3), CONSUMER_TRIES);
    arena_destroy(&arena);

    ledger_close(&ledger); // still held after a restart
    ledger.accept_poison = true;
    ledger_open(&ledger);
    EQ(state_of(&ledger).parked, 1);
    turn_for(&one, 1, 1500);
    EQ(state_of(&ledger).cursor[3], 1);
    EQ(consumer_unpark(ledger.store, "ledger", SERVICE, 4, &err), E_NOT_FOUND);
    NEED(consumer_unpark(ledger.store, "ledger", SERVICE, 3, &err) == E_OK);
    int64_t unparked_ms = now_ms();
    turn_until(&ledger, 3 + 210);
    OK(now_ms() - unparked_ms < 2000);
    EQ(state_of(&ledger).parked, 0);
    check_effects(&ledger, 3 + 210);
    ledger_close(&ledger);
    city_close();
}

TEST(a_failing_store_parks_nothing) {
    // Of the last two, PATIENCE tries fail the batch and more than CONSUMER_TRIES fail the single event behind it.
    static const int codes[] = {E_STORE, E_UNAVAILABLE, E_RACE}, fails[] = {7, 12, 12};
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        city_open();
        ledger_t ledger = {.fail_code = codes[i], .fails_left = fails[i]};
        writer_t *writer = &city.writers[0];
        writer_open(writer, "adjudication-1");
        ledger_open(&ledger);
        put_many(writer, 0, 1, 20, 10);
        turn_until(&ledger, 20);
        EQ(ledger.fails_left, 0);
        EQ(state_of(&ledger).parked, 0);
        EQ(ledger.rolled_back, fails[i]);
        check_effects(&ledger, 20);
        ledger_close(&ledger);
        city_close();
    }
}

// One subscriber that never reads, and one that asks for replays and never reads them.
TEST(stalled_subscribers_do_not_slow_others) {
    city_open();
    ledger_t ledger = {0}, stalled = {0}, *both[] = {&ledger, &stalled};
    writer_t *writer = &city.writers[0];
    writer_open(writer, "adjudication-1");
    put_many(writer, 0, PARTITIONS, 1, 10);
    ledger_open(&ledger);
    ledger_open_as(&stalled, city.client_context, city.consumer_keys, false, NULL);
    turn_for(both, 2, 1000);
    EQ(stalled.seen, PARTITIONS); // it is connected; from here on it is not turned any more
    metric_t *replayed = metric_counter("stream_replayed_total", "", "");
    int64_t begun_ms = now_ms(), total = PARTITIONS, replayed_before = metric_value(replayed);
    for (int i = 0; i < 30; i++) {
        put_many(writer, 0, PARTITIONS, 10, 4000); // 8 to a message
        total += 10 * PARTITIONS;
        turn(both, 1);
    }
    turn_until(&ledger, total);
    fprintf(stderr, "%lld events beside a stalled subscriber in %lld ms ", (long long)total,
            (long long)(now_ms() - begun_ms));
    check_effects(&ledger, total);
    turn_for(both, 2, 100); // the stalled one wakes up and catches up
    int64_t deadline = now_ms() + DEADLINE_MS;
    while (stalled.seen < total && now_ms() < deadline) turn(both, 2);
    EQ(stalled.seen, total);
    OK(!stalled.wrong);
    // More was published than all queues on the way hold, so the live feed alone cannot have done it.
    OK(metric_value(replayed) - replayed_before > 5000);
    ledger_close(&ledger);
    ledger_close(&stalled);
    city_close();
}

// A raw peer that sends rubbish and requests beyond every bound to the replay socket, and never reads.
TEST(a_rude_peer_is_bounded) {
    city_open();
    ledger_t ledger = {0};
    err_t err = {0};
    writer_t *writer = &city.writers[0];
    writer_open(writer, "adjudication-1");
    put_many(writer, 0, PARTITIONS, 200, 100);
    void *rude = zmq_socket(city.client_context, ZMQ_DEALER);
    NEED(curve_client(rude, city.consumer_keys, "writer", &err) == E_OK);
    NEED(zmq_connect(rude, stream_replay_endpoint(writer->stream)) == 0);
    for (int i = 0; i < 2000; i++) {
        uint8_t junk[100];
        random_bytes(junk, sizeof junk);
        junk[0] = i % 2 ? 'A' : junk[0];
        junk[1] = 1;
        zmq_send(rude, junk, (size_t)(i % 100), ZMQ_DONTWAIT | (i % 7 == 0 ? ZMQ_SNDMORE : 0));
    }
    zmq_send(rude, "", 0, ZMQ_DONTWAIT);
    for (uint32_t i = 0; i < 20 * PARTITIONS; i++) { // as many asks as it likes: one per partition counts
        uint8_t bytes[] = {'A', 1,   1,   0,   0,   0,   0,   0,   0,   0,   (uint8_t)(i % PARTITIONS),
                           0,   0,   0,   1,   0,   0,   0,   0,   0,   0,   0,
                           0,   4,   0,   0,   12,  'a', 'd', 'j', 'u', 'd', 'i',
                           'c', 'a', 't', 'i', 'o', 'n'};
        zmq_send(rude, bytes, sizeof bytes, ZMQ_DONTWAIT);
    }
    ledger_open(&ledger);
    turn_until(&ledger, 200 * PARTITIONS);
    check_effects(&ledger, 200 * PARTITIONS);
    OK(metric_value(metric_counter("stream_replay_malformed_total", "", "")) > 0);
    zmq_close(rude);
    ledger_close(&ledger);
    city_close();
}

// Messages that begin with each kind, in answer to an ask for all of partition 0, until its end.
static void count_answers(writer_t *writer, uint8_t version, int *replayed, int *packs) {
    err_t err = {0};
    const uint8_t ask[] = {'A', version, 1, 0, 0, 0, 0,  0,   0,   0,   0,   0,   0,   0,   1,   0,   0,   0,   0,  0,
                           0,   0,       0, 4, 0, 0, 12, 'a', 'd', 'j', 'u', 'd', 'i', 'c', 'a', 't', 'i', 'o', 'n'};
    void *peer = zmq_socket(city.client_context, ZMQ_DEALER);
    NEED(curve_client(peer, city.consumer_keys, "writer", &err) == E_OK);
    NEED(zmq_connect(peer, stream_replay_endpoint(writer->stream)) == 0);
    zmq_send(peer, ask, sizeof ask, 0);
    *replayed = *packs = 0;
    uint8_t frame[64] = {0};
    for (int64_t until_ms = now_ms() + DEADLINE_MS; frame[0] != 'C' && now_ms() < until_ms;) {
        turn(NULL, 0);
        while (frame[0] != 'C' && zmq_recv(peer, frame, sizeof frame, ZMQ_DONTWAIT) >= 0) {
            *replayed += frame[0] == 'R';
            *packs += frame[0] == 'P';
        }
    }
    EQ(frame[0], 'C');
    zmq_close(peer);
}

TEST(who_does_not_ask_for_packs_gets_none) {
    city_open();
    int replayed, packs;
    writer_open(&city.writers[0], "adjudication-1");
    put_many(&city.writers[0], 0, 1, 200, 100);
    put_many(&city.writers[0], 0, 1, 2, 4000);
    count_answers(&city.writers[0], 1, &replayed, &packs);
    EQ(replayed, 202);
    EQ(packs, 0);
    count_answers(&city.writers[0], 2, &replayed, &packs);
    OK(packs > 0 && replayed + packs < 20);
    city_close();
}

// A writer that announces nothing drops asks for packs: it must not be sent any.
TEST(a_writer_from_before_packs_is_asked_as_it_understands) {
    city_open();
    ledger_t ledger = {0};
    city.announces_nothing = true;
    writer_open(&city.writers[0], "adjudication-1");
    put_many(&city.writers[0], 0, PARTITIONS, 50, 100);
    const metric_t *replayed = metric_counter("stream_replayed_total", "", "");
    const metric_t *packed = metric_counter("stream_replay_packs_total", "", "");
    const int64_t replayed_before = metric_value(replayed), packed_before = metric_value(packed);
    ledger_open(&ledger);
    turn_until(&ledger, 50 * PARTITIONS);
    check_effects(&ledger, 50 * PARTITIONS);
    OK(metric_value(replayed) - replayed_before >= 50 * PARTITIONS);
    EQ(metric_value(packed), packed_before);
    ledger_close(&ledger);
    city_close();
}

TEST(a_consumer_far_behind_gets_full_batches) {
    city_open();
    ledger_t ledger = {0};
    writer_open(&city.writers[0], "adjudication-1");
    for (int i = 0; i < 3; i++) put_many(&city.writers[0], 0, 8, 1000, 100);
    const metric_t *packed = metric_counter("stream_replay_packs_total", "", "");
    const int64_t packed_before = metric_value(packed);
    ledger_open(&ledger);
    turn_until(&ledger, 8 * 3000);
    check_effects(&ledger, 8 * 3000);
    OK(metric_value(packed) - packed_before >= 8 * 3000 / 64);
    OK(ledger.calls < 100); // full batches, not what came in a turn of the writer
    ledger_close(&ledger);
    city_close();
}

TEST(a_stranger_is_refused) {
    city_open();
    ledger_t ledger = {0}, *one = &ledger;
    err_t err = {0};
    writer_t *writer = &city.writers[0];
    writer_open(writer, "adjudication-1");
    put_many(writer, 0, PARTITIONS, 1, 10);
    // The stranger is not let in by the directory, so it is given the endpoints.
    void *live = zmq_socket(city.client_context, ZMQ_SUB), *replay = zmq_socket(city.client_context, ZMQ_DEALER);
    NEED(curve_client(live, city.stranger_keys, "writer", &err) == E_OK);
    NEED(curve_client(replay, city.stranger_keys, "writer", &err) == E_OK);
    NEED(zmq_setsockopt(live, ZMQ_SUBSCRIBE, "", 0) == 0);
    NEED(zmq_connect(live, stream_live_endpoint(writer->stream)) == 0);
    NEED(zmq_connect(replay, stream_replay_endpoint(writer->stream)) == 0);
    static const uint8_t ask[] = {'A', 1, 1, 0, 0, 0, 0,  0,   0,   0,   0,   0,   0,   0,   1,   0,   0,   0,   0,  0,
                                  0,   0, 0, 4, 0, 0, 12, 'a', 'd', 'j', 'u', 'd', 'i', 'c', 'a', 't', 'i', 'o', 'n'};
    zmq_send(replay, ask, sizeof ask, ZMQ_DONTWAIT);
    ledger_open(&ledger);
    turn_until(&ledger, PARTITIONS); // a registered party gets everything meanwhile
    put_many(writer, 0, PARTITIONS, 1, 10);
    turn_until(&ledger, 2 * PARTITIONS);
    turn_for(&one, 1, 1200); // several beats and reconnections long
    uint8_t byte;
    EQ(zmq_recv(live, &byte, 1, ZMQ_DONTWAIT), -1);
    EQ(zmq_recv(replay, &byte, 1, ZMQ_DONTWAIT), -1);
    zmq_close(live);
    zmq_close(replay);
    ledger_close(&ledger);
    city_close();
}

TEST(a_second_writer_is_refused_reloads_and_leaves_no_gap) {
    city_open();
    ledger_t ledger = {0};
    err_t err = {0};
    writer_t *a = &city.writers[0], *b = &city.writers[1];
    writer_open(a, "adjudication-1");
    writer_open(b, "adjudication-2");
    ledger_open(&ledger);
    for (int i = 0; i < 10; i++) put(a, 5, "by a");
    EQ(put_one(b, 5, "by b", &err), E_RACE); // b still believes in an empty partition
    stream_rolled_back(b->stream);
    NEED(stream_reload(b->stream, &err) == E_OK);
    for (int i = 0; i < 10; i++) put(b, 5, "by b");
    EQ(put_one(a, 5, "by a", &err), E_RACE);
    NEED(stream_reload(a->stream, &err) == E_OK);
    put(a, 5, "by a");
    turn_until(&ledger, 21);
    check_effects(&ledger, 21);
    writer_close(a); // what a published, b replays
    ledger_close(&ledger);
    ledger_t second = {0};
    ledger_open_as(&second, city.client_context, city.consumer_keys, false, NULL);
    turn_until(&second, 21);
    OK(!second.wrong);
    ledger_close(&second);
    city_close();
}

TEST(a_rollback_leaves_no_gap) {
    city_open();
    ledger_t ledger = {0};
    err_t err = {0};
    int64_t number = 0;
    writer_t *writer = &city.writers[0];
    writer_open(writer, "adjudication-1");
    ledger_open(&ledger);
    put(writer, 9, "one");
    NEED(store_begin(writer->store, &err) == E_OK);
    NEED(stream_reserve(writer->stream, 9, "bill.settled", 1, "x", 1, &number, &err) == E_OK);
    EQ(number, 2);
    NEED(stream_reserve(writer->stream, 9, "bill.settled", 1, "x", 1, &number, &err) == E_OK);
    EQ(number, 3);
    NEED(stream_flush(writer->stream, &err) == E_OK);
    store_rollback(writer->store);
    stream_rolled_back(writer->stream);
    put(writer, 9, "two");
    turn_until(&ledger, 2);
    check_effects(&ledger, 2);
    EQ(state_of(&ledger).head[9], 2);
    ledger_close(&ledger);
    city_close();
}

// Rather silent than wrong: what stands behind the hole is not delivered, and the consumer does not call itself level.
TEST(a_hole_in_the_log_stops_its_partition) {
    city_open();
    ledger_t ledger = {0}, *one = &ledger;
    err_t err = {0};
    writer_t *writer = &city.writers[0];
    writer_open(writer, "adjudication-1");
    put_many(writer, 0, 2, 10, 10);
    NEED(store_exec(writer->store, "DELETE FROM event WHERE partition = 1 AND number = 4", NULL, 0, &err) == E_OK);
    ledger_open(&ledger);
    turn_until(&ledger, 10 + 3);
    turn_for(&one, 1, 500);
    EQ(state_of(&ledger).cursor[0], 10);
    EQ(state_of(&ledger).cursor[1], 3);
    OK(!state_of(&ledger).caught_up);
    OK(metric_value(metric_counter("stream_replay_refused_total", "", "")) > 0);
    check_effects(&ledger, 13);
    ledger_close(&ledger);
    city_close();
}

TEST(two_consumers_of_one_name_apply_once) {
    city_open();
    ledger_t a = {0}, b = {0}, *both[] = {&a, &b};
    writer_t *writer = &city.writers[0];
    writer_open(writer, "adjudication-1");
    ledger_open(&a);
    ledger_open(&b);
    int64_t total = 0, deadline = now_ms() + DEADLINE_MS;
    for (int i = 0; i < 30; i++) {
        put_many(writer, 0, PARTITIONS, 2, 10);
        total += 2 * PARTITIONS;
        turn(both, 2);
    }
    while ((cursor_sum(&a) < total || cursor_sum(&b) < total) && now_ms() < deadline) {
        if (cursor_sum(&a) == total || cursor_sum(&b) == total) put(writer, 0, "wakes the other"), total++;
        turn(both, 2);
        if (state_of(&a).applied + state_of(&b).applied >= total) break;
    }
    EQ(state_of(&a).applied + state_of(&b).applied, total);
    check_effects(&a, total);
    ledger_close(&a);
    ledger_close(&b);
    city_close();
}

TEST(a_volatile_consumer_begins_where_it_is_told) {
    city_open();
    ledger_t ledger = {0}, *one = &ledger;
    int64_t from[PARTITIONS] = {0};
    writer_t *writer = &city.writers[0];
    writer_open(writer, "adjudication-1");
    put_many(writer, 0, PARTITIONS, 10, 10);
    for (size_t p = 0; p < PARTITIONS; p++) from[p] = ledger.last[p] = (int64_t)p % 11;
    ledger_open_as(&ledger, city.client_context, city.consumer_keys, false, from);
    int64_t deadline = now_ms() + DEADLINE_MS;
    while (!state_of(&ledger).caught_up && now_ms() < deadline) turn(&one, 1);
    OK(state_of(&ledger).caught_up);
    OK(!ledger.wrong);
    EQ(cursor_sum(&ledger), 10 * PARTITIONS);
    ledger_close(&ledger);
    city_close();
}

TEST(an_empty_stream_is_caught_up_soon) {
    city_open();
    ledger_t ledger = {0}, *one = &ledger;
    writer_open(&city.writers[0], "adjudication-1");
    ledger_open(&ledger);
    OK(!state_of(&ledger).caught_up); // nobody was heard yet
    int64_t begun_ms = now_ms();
    while (!state_of(&ledger).caught_up && now_ms() - begun_ms < DEADLINE_MS) turn(&one, 1);
    OK(state_of(&ledger).caught_up);
    OK(now_ms() - begun_ms < 1500);
    ledger_close(&ledger);
    city_close();
}

TEST(reservations_are_checked) {
    city_open();
    err_t err = {0};
    int64_t number = 0;
    writer_t *writer = &city.writers[0];
    writer_open(writer, "adjudication-1");
    char *large = calloc(1, 2 * 1024 * 1024);
    EQ(stream_reserve(writer->stream, 0, "Bill", 1, "", 0, &number, &err), E_INVALID_FIELD);
    EQ(stream_reserve(writer->stream, 0, "", 1, "", 0, &number, &err), E_INVALID_FIELD);
    EQ(stream_reserve(writer->stream, 0, "bill", 1, large, 2 * 1024 * 1024, &number, &err), E_TOO_LARGE);
    EQ(number, 0);
    put(writer, 0, ""); // an empty body is a body
    NEED(stream_reload(writer->stream, &err) == E_OK);
    free(large);
    city_close();
}

TESTS("stream", CASE(reservations_are_checked), CASE(an_empty_stream_is_caught_up_soon),
      CASE(slow_joiner_gets_everything), CASE(events_that_gather_are_applied_together),
      CASE(a_consumer_rests_after_full_batches), CASE(writer_restarts_on_another_port),
      CASE(killed_between_apply_and_commit_has_the_effect_once), CASE(unpublished_events_are_found_by_the_beat),
      CASE(poison_parks_its_partition_only), CASE(a_failing_store_parks_nothing),
      CASE(stalled_subscribers_do_not_slow_others), CASE(a_rude_peer_is_bounded),
      CASE(who_does_not_ask_for_packs_gets_none), CASE(a_writer_from_before_packs_is_asked_as_it_understands),
      CASE(a_consumer_far_behind_gets_full_batches), CASE(a_stranger_is_refused),
      CASE(a_second_writer_is_refused_reloads_and_leaves_no_gap), CASE(a_rollback_leaves_no_gap),
      CASE(a_hole_in_the_log_stops_its_partition), CASE(two_consumers_of_one_name_apply_once),
      CASE(a_volatile_consumer_begins_where_it_is_told))
