// The reference to measure against: the classical transaction, bare, on one connection, without any service. Batches of
// 64 bills of distinct persons: lock the persons' accumulator rows, insert the bills (300-byte body), update the
// accumulators, insert the outbox rows (200 bytes), commit.
//
//   classical_bench sqlite DIR | postgresql://…   [persons] [seconds]
#include "common/base/check.h"
#include "common/base/date.h"
#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <endian.h>

enum { BATCH = 64, BILL_BYTES = 300, OUTBOX_BYTES = 200 };

static const char ddl[] =
    "CREATE TABLE acc (person BIGINT PRIMARY KEY, paid BIGINT NOT NULL, bills BIGINT NOT NULL);"
    "CREATE TABLE bill (id BIGINT PRIMARY KEY, person BIGINT NOT NULL, day BIGINT NOT NULL, body BYTEA NOT NULL);"
    "CREATE INDEX bill_person ON bill (person, day);"
    "CREATE TABLE outbox (id BIGINT PRIMARY KEY, body BYTEA NOT NULL);";

static uint64_t state = 42;
static uint64_t draw(void) {
    uint64_t z = (state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    return (z ^ (z >> 27)) * 0x94d049bb133111ebull;
}

static int by_value(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

// 64 distinct persons in order, so that locks are always taken in one order.
static void draw_persons(int64_t persons, int64_t out[static BATCH]) {
    do {
        for (int i = 0; i < BATCH; i++) out[i] = (int64_t)(draw() % (uint64_t)persons);
        qsort(out, BATCH, sizeof *out, by_value);
        int doubled = 0;
        for (int i = 1; i < BATCH; i++) doubled |= out[i] == out[i - 1];
        if (!doubled) return;
    } while (1);
}

// ---- SQLite
// -----------------------------------------------------------------------------------------------------------

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql) {
    sqlite3_stmt *statement = NULL;
    CHECK(sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK);
    return statement;
}

static void step(sqlite3_stmt *statement) {
    int rc;
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
    }
    CHECK(rc == SQLITE_DONE);
    CHECK(sqlite3_reset(statement) == SQLITE_OK);
}

static int64_t run_sqlite(const char *dir, int64_t persons, int64_t until_us) {
    char path[512], body[BILL_BYTES] = "b";
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/classical.db", dir);
    CHECK(sqlite3_open(path, &db) == SQLITE_OK);
    CHECK(sqlite3_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536;", NULL, NULL,
                       NULL) == SQLITE_OK);
    CHECK(sqlite3_exec(db, ddl, NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_stmt *begin = prepare(db, "BEGIN IMMEDIATE"), *commit = prepare(db, "COMMIT"),
                 *lock = prepare(db, "SELECT paid FROM acc WHERE person = ?1"),
                 *bill = prepare(db, "INSERT INTO bill VALUES (?1, ?2, ?3, ?4)"),
                 *update = prepare(db, "UPDATE acc SET paid = paid + 1, bills = bills + 1 WHERE person = ?1"),
                 *outbox = prepare(db, "INSERT INTO outbox VALUES (?1, ?2)"),
                 *person = prepare(db, "INSERT INTO acc VALUES (?1, 0, 0)");
    step(begin);
    for (int64_t i = 0; i < persons; i++) {
        sqlite3_bind_int64(person, 1, i);
        step(person);
    }
    step(commit);
    int64_t done = 0, start_us = clock_mono_us(), batch[BATCH];
    while (clock_mono_us() - start_us < until_us) {
        draw_persons(persons, batch);
        step(begin);
        for (int i = 0; i < BATCH; i++, done++) {
            sqlite3_bind_int64(lock, 1, batch[i]);
            step(lock);
            sqlite3_bind_int64(bill, 1, done);
            sqlite3_bind_int64(bill, 2, batch[i]);
            sqlite3_bind_int64(bill, 3, done % 365);
            sqlite3_bind_blob(bill, 4, body, BILL_BYTES, SQLITE_STATIC);
            step(bill);
            sqlite3_bind_int64(update, 1, batch[i]);
            step(update);
            sqlite3_bind_int64(outbox, 1, done);
            sqlite3_bind_blob(outbox, 2, body, OUTBOX_BYTES, SQLITE_STATIC);
            step(outbox);
        }
        step(commit);
    }
    return done;
}

// ---- PostgreSQL: one pipeline with binary arrays
// ------------------------------------------------------------------------

// A one-dimensional binary array of int8, or of BATCH equal bytea values.
static int array_i64(char *out, const int64_t *values) {
    uint32_t head[5] = {htonl(1), 0, htonl(20), htonl(BATCH), htonl(1)}, size = htonl(8);
    memcpy(out, head, sizeof head);
    char *at = out + sizeof head;
    for (int i = 0; i < BATCH; i++, at += 12) {
        uint64_t big = htobe64((uint64_t)values[i]);
        memcpy(at, &size, 4);
        memcpy(at + 4, &big, 8);
    }
    return (int)(at - out);
}

static int array_bytes(char *out, int bytes) {
    uint32_t head[5] = {htonl(1), 0, htonl(17), htonl(BATCH), htonl(1)}, size = htonl((uint32_t)bytes);
    memcpy(out, head, sizeof head);
    char *at = out + sizeof head;
    for (int i = 0; i < BATCH; i++, at += 4 + bytes) {
        memcpy(at, &size, 4);
        memset(at + 4, 'b', (size_t)bytes);
    }
    return (int)(at - out);
}

static void must(PGconn *db, PGresult *result) {
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_PIPELINE_SYNC) {
        fprintf(stderr, "classical_bench: %s\n", PQerrorMessage(db));
        exit(1);
    }
    PQclear(result);
}

static void queue(PGconn *db, const char *name, int n, const char *const *values, const int *lengths) {
    static const int binary[4] = {1, 1, 1, 1};
    CHECK(PQsendQueryPrepared(db, name, n, values, lengths, binary, 1) == 1);
}

static void sync_pipeline(PGconn *db, int statements) {
    CHECK(PQpipelineSync(db) == 1);
    for (int i = 0; i < statements; i++) {
        must(db, PQgetResult(db));
        CHECK(PQgetResult(db) == NULL);
    }
    must(db, PQgetResult(db));
}

static int64_t run_postgresql(const char *url, int64_t persons, int64_t until_us) {
    static const char *const statements[][2] = {
        {"begin", "BEGIN"},
        {"lock", "SELECT person, paid FROM acc WHERE person = ANY($1::bigint[]) ORDER BY person FOR UPDATE"},
        {"bill", "INSERT INTO bill SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[])"},
        {"update",
         "UPDATE acc SET paid = paid + 1, bills = bills + 1 FROM unnest($1::bigint[]) AS u(p) WHERE person = u.p"},
        {"outbox", "INSERT INTO outbox SELECT * FROM unnest($1::bigint[], $2::bytea[])"},
        {"commit", "COMMIT"}};
    static char persons_text[32 + 12 * BATCH], ids[32 + 12 * BATCH], days[32 + 12 * BATCH],
        bodies[32 + (4 + BILL_BYTES) * BATCH], events[32 + (4 + OUTBOX_BYTES) * BATCH];
    char sql[256];
    PGconn *db = PQconnectdb(url);
    CHECK(PQstatus(db) == CONNECTION_OK);
    must(db,
         PQexec(db, "DROP SCHEMA IF EXISTS classical CASCADE; CREATE SCHEMA classical; SET search_path TO classical"));
    must(db, PQexec(db, ddl));
    snprintf(sql, sizeof sql, "INSERT INTO acc SELECT g, 0, 0 FROM generate_series(0, %lld) g", (long long)persons - 1);
    must(db, PQexec(db, sql));
    for (size_t i = 0; i < COUNT_OF(statements); i++)
        must(db, PQprepare(db, statements[i][0], statements[i][1], 0, NULL));
    CHECK(PQenterPipelineMode(db) == 1);
    const int body_bytes = array_bytes(bodies, BILL_BYTES), event_bytes = array_bytes(events, OUTBOX_BYTES);
    int64_t done = 0, start_us = clock_mono_us(), batch[BATCH], numbers[BATCH], day[BATCH];
    while (clock_mono_us() - start_us < until_us) {
        draw_persons(persons, batch);
        for (int i = 0; i < BATCH; i++) {
            numbers[i] = done + i;
            day[i] = (done + i) % 365;
        }
        const int size = array_i64(persons_text, batch);
        array_i64(ids, numbers);
        array_i64(days, day);
        const char *const values[4] = {ids, persons_text, days, bodies}, *const outbox[2] = {ids, events},
                          *const who[1] = {persons_text};
        const int lengths[4] = {size, size, size, body_bytes}, outbox_lengths[2] = {size, event_bytes};
        queue(db, "begin", 0, NULL, NULL);
        queue(db, "lock", 1, who, &size);
        sync_pipeline(db, 2); // the service would decide here, on what it read
        queue(db, "bill", 4, values, lengths);
        queue(db, "update", 1, who, &size);
        queue(db, "outbox", 2, outbox, outbox_lengths);
        queue(db, "commit", 0, NULL, NULL);
        sync_pipeline(db, 4);
        done += BATCH;
    }
    PQfinish(db);
    return done;
}

int main(int argc, char **argv) {
    if (argc < 2 || (strcmp(argv[1], "sqlite") == 0 && argc < 3)) {
        fprintf(stderr, "usage: classical_bench sqlite DIR | postgresql://… [persons] [seconds]\n");
        return 2;
    }
    int lite = strcmp(argv[1], "sqlite") == 0, next = lite ? 3 : 2;
    int64_t persons = argc > next ? strtoll(argv[next], NULL, 10) : 20000,
            seconds = argc > next + 1 ? strtoll(argv[next + 1], NULL, 10) : 5;
    int64_t done =
        lite ? run_sqlite(argv[2], persons, seconds * 1000000) : run_postgresql(argv[1], persons, seconds * 1000000);
    printf("classical transaction, %s, 1 connection, batches of %d: %.0f bills/s\n", lite ? "SQLite" : "PostgreSQL",
           BATCH, (double)done / (double)seconds);
    return 0;
}
