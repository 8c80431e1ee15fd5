// The rows that a run over the city left, written again bare, into a table of the same columns and indexes and with the
// same room on its pages: by a prepared loop of 10,000 rows to a commit (SQLite), or by one COPY (PostgreSQL) and,
// beside it, by a prepared loop of the first 10,000. And a file of receipts that pays what everybody owes.
//
//   city_bench bare URL SERVICE TABLE WHERE FOLDER    prints rows, milliseconds of the writing, those of processor
//                                                     time, the server's too, and those of a prepared loop over all
//                                                     rows (0 on SQLite, where the writing is one)
//   city_bench receipts URL PERIOD DATE               prints the file
//   city_bench lose URL                               deletes the entitlement states
#include "common/base/date.h"
#include "common/base/money.h"
#include "common/store/store.h"
#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 10000, COLUMNS_MAX = 32, PAGE = 10000 };

static void must(bool good, const char *what) {
    if (good) return;
    fprintf(stderr, "city_bench: %s\n", what);
    exit(1);
}

typedef struct written {
    long long rows;
    int64_t us, cpu_us, loop_us;
} written_t;

static int64_t own_cpu_us(void) {
    struct timespec spent;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
    return spent.tv_sec * 1000000 + spent.tv_nsec / 1000;
}

// Of another process of this machine; 0 when it cannot be told.
static int64_t cpu_us_of(int pid) {
    char path[64];
    long long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lld %lld", &user, &system) != 2)
        user = system = 0;
    if (file) fclose(file);
    return (user + system) * 1000000 / sysconf(_SC_CLK_TCK);
}

// ---- SQLite

static void lite_do(sqlite3 *db, const char *sql) {
    char *why = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK) must(false, why ? why : sql);
}

static sqlite3 *lite_open(const char *path, int flags) {
    sqlite3 *db = NULL;
    must(sqlite3_open_v2(path, &db, flags, NULL) == SQLITE_OK, path);
    sqlite3_busy_timeout(db, 10000);
    return db;
}

static sqlite3_stmt *lite_prepare(sqlite3 *db, const char *sql) {
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK) must(false, sqlite3_errmsg(db));
    return stmt;
}

// The table and its indexes, as the service made them.
static void lite_like(sqlite3 *from, sqlite3 *to, const char *table) {
    sqlite3_stmt *ddl = lite_prepare(from, "SELECT sql FROM sqlite_master WHERE tbl_name = ?1 AND sql IS NOT NULL"
                                           " ORDER BY type DESC");
    sqlite3_bind_text(ddl, 1, table, -1, SQLITE_STATIC);
    while (sqlite3_step(ddl) == SQLITE_ROW) lite_do(to, (const char *)sqlite3_column_text(ddl, 0));
    sqlite3_finalize(ddl);
}

static size_t lite_take(sqlite3_stmt *rows, int columns, sqlite3_value **values) {
    size_t count = 0;
    for (; count < BATCH && sqlite3_step(rows) == SQLITE_ROW; count++)
        for (int i = 0; i < columns; i++)
            must((values[count * (size_t)columns + (size_t)i] = sqlite3_value_dup(sqlite3_column_value(rows, i))) !=
                     NULL,
                 "out of memory");
    return count;
}

static void lite_write(sqlite3 *db, sqlite3_stmt *insert, int columns, sqlite3_value **values, size_t count,
                       written_t *out) {
    const int64_t from_us = clock_mono_us(), cpu_us = own_cpu_us();
    lite_do(db, "BEGIN IMMEDIATE");
    for (size_t row = 0; row < count; row++) {
        for (int i = 0; i < columns; i++) sqlite3_bind_value(insert, i + 1, values[row * (size_t)columns + (size_t)i]);
        const bool good = sqlite3_step(insert) == SQLITE_DONE;
        must(good, sqlite3_errmsg(db));
        sqlite3_reset(insert);
    }
    lite_do(db, "COMMIT");
    out->rows += (long long)count;
    out->us += clock_mono_us() - from_us;
    out->cpu_us += own_cpu_us() - cpu_us;
}

static void lite_bare(const char *dir, const char *service, const char *table, const char *where, const char *folder,
                      written_t *out) {
    static sqlite3_value *values[BATCH * COLUMNS_MAX];
    char path[512], sql[1024], marks[4 * COLUMNS_MAX] = "?";
    snprintf(path, sizeof path, "%s/%s.db", dir, service);
    sqlite3 *from = lite_open(path, SQLITE_OPEN_READONLY);
    snprintf(path, sizeof path, "%s/bare.db", folder);
    sqlite3 *to = lite_open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    lite_do(to, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -32768;"
                "PRAGMA mmap_size = 268435456; PRAGMA wal_autocheckpoint = 4096;");
    snprintf(sql, sizeof sql, "DROP TABLE IF EXISTS %s", table);
    lite_do(to, sql);
    lite_like(from, to, table);
    snprintf(sql, sizeof sql, "SELECT * FROM %s WHERE %s", table, where);
    sqlite3_stmt *read = lite_prepare(from, sql);
    const int columns = sqlite3_column_count(read);
    must(columns > 0 && columns <= COLUMNS_MAX, "a table of more columns than expected");
    for (int i = 1; i < columns; i++) strcat(marks, ",?");
    snprintf(sql, sizeof sql, "INSERT INTO %s VALUES (%s)", table, marks);
    sqlite3_stmt *insert = lite_prepare(to, sql);
    // A statement that is asked again after its last row begins anew.
    for (size_t count = BATCH; count == BATCH;) {
        count = lite_take(read, columns, values);
        lite_write(to, insert, columns, values, count, out);
        for (size_t i = 0; i < count * (size_t)columns; i++) sqlite3_value_free(values[i]);
    }
    sqlite3_finalize(read);
    sqlite3_finalize(insert);
    sqlite3_close(from);
    sqlite3_close(to);
    unlink(path);
}

// ---- PostgreSQL

static PGresult *pg_do(PGconn *conn, const char *sql) {
    PGresult *result = PQexec(conn, sql);
    const ExecStatusType status = PQresultStatus(result);
    must(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_COPY_IN || status == PGRES_COPY_OUT,
         PQerrorMessage(conn));
    return result;
}

static void pg_run(PGconn *conn, const char *sql) { PQclear(pg_do(conn, sql)); }

static void pg_out(PGconn *conn, const char *sql, FILE *file) {
    char *data;
    pg_run(conn, sql);
    for (int size; (size = PQgetCopyData(conn, &data, 0)) > 0; PQfreemem(data))
        must(fwrite(data, (size_t)size, 1, file) == 1, "cannot write the copied rows");
    PQclear(PQgetResult(conn));
    must(!PQgetResult(conn), "COPY out");
}

static long long pg_in(PGconn *conn, const char *sql, FILE *file) {
    static char data[1 << 16];
    size_t size;
    pg_run(conn, sql);
    while ((size = fread(data, 1, sizeof data, file)) > 0)
        must(PQputCopyData(conn, data, (int)size) == 1, PQerrorMessage(conn));
    must(PQputCopyEnd(conn, NULL) == 1, PQerrorMessage(conn));
    PGresult *result = PQgetResult(conn);
    must(PQresultStatus(result) == PGRES_COMMAND_OK, PQerrorMessage(conn));
    long long rows = strtoll(PQcmdTuples(result), NULL, 10);
    PQclear(result);
    must(!PQgetResult(conn), "COPY in");
    return rows;
}

// With the same room on its pages, too, which LIKE leaves out.
static void pg_fresh(PGconn *conn, const char *service, const char *table) {
    char sql[1024];
    snprintf(sql, sizeof sql, "DROP TABLE IF EXISTS bare_%s", table);
    pg_run(conn, sql);
    snprintf(sql, sizeof sql,
             "SELECT 'WITH (' || array_to_string(reloptions, ', ') || ')' FROM pg_class WHERE oid = '%s.%s'::regclass",
             service, table);
    PGresult *options = pg_do(conn, sql);
    snprintf(sql, sizeof sql, "CREATE TABLE bare_%s (LIKE %s.%s INCLUDING ALL) %s", table, service, table,
             PQgetvalue(options, 0, 0));
    PQclear(options);
    pg_run(conn, sql);
}

static written_t pg_copy(PGconn *conn, const char *table, FILE *file) {
    char sql[1024];
    written_t out = {0};
    rewind(file);
    const int server = PQbackendPID(conn);
    const int64_t from_us = clock_mono_us(), cpu_us = own_cpu_us() + cpu_us_of(server);
    snprintf(sql, sizeof sql, "COPY bare_%s FROM STDIN (FORMAT binary)", table);
    out.rows = pg_in(conn, sql, file);
    out.us = clock_mono_us() - from_us;
    out.cpu_us = own_cpu_us() + cpu_us_of(server) - cpu_us;
    return out;
}

static void pg_insert(PGconn *conn, const PGresult *rows, int row) {
    const char *values[COLUMNS_MAX];
    int sizes[COLUMNS_MAX], binary[COLUMNS_MAX];
    const int columns = PQnfields(rows);
    for (int i = 0; i < columns; i++) {
        values[i] = PQgetisnull(rows, row, i) ? NULL : PQgetvalue(rows, row, i);
        sizes[i] = PQgetlength(rows, row, i);
        binary[i] = 1;
    }
    PGresult *result = PQexecPrepared(conn, "bare", columns, values, sizes, binary, 1);
    must(PQresultStatus(result) == PGRES_COMMAND_OK, PQerrorMessage(conn));
    PQclear(result);
}

// Microseconds of a prepared loop over the first rows, in one transaction; *count how many those are.
static int64_t pg_loop(PGconn *conn, const char *service, const char *table, const char *where, int *count) {
    char sql[1024], marks[4 * COLUMNS_MAX + 1] = "";
    snprintf(sql, sizeof sql, "SELECT * FROM %s.%s WHERE %s LIMIT %d", service, table, where, BATCH);
    PGresult *rows = PQexecParams(conn, sql, 0, NULL, NULL, NULL, NULL, 1);
    must(PQresultStatus(rows) == PGRES_TUPLES_OK && PQnfields(rows) <= COLUMNS_MAX, PQerrorMessage(conn));
    for (int i = 0; i < PQnfields(rows); i++)
        snprintf(marks + strlen(marks), sizeof marks - strlen(marks), i ? ",$%d" : "$%d", i + 1);
    snprintf(sql, sizeof sql, "PREPARE bare AS INSERT INTO bare_%s VALUES (%s)", table, marks);
    pg_run(conn, sql);
    const int64_t from_us = clock_mono_us();
    pg_run(conn, "BEGIN");
    for (int row = 0; row < PQntuples(rows); row++) pg_insert(conn, rows, row);
    pg_run(conn, "COMMIT");
    const int64_t took_us = clock_mono_us() - from_us;
    *count = PQntuples(rows);
    PQclear(rows);
    return took_us;
}

static void pg_bare(const char *url, const char *service, const char *table, const char *where, const char *folder,
                    written_t *out) {
    char path[512], sql[1024];
    int looped;
    PGconn *conn = PQconnectdb(url);
    must(PQstatus(conn) == CONNECTION_OK, PQerrorMessage(conn));
    snprintf(path, sizeof path, "%s/bare.copy", folder);
    FILE *file = fopen(path, "w+");
    must(file != NULL, path);
    pg_run(conn, "SET client_min_messages = warning");
    snprintf(sql, sizeof sql, "COPY (SELECT * FROM %s.%s WHERE %s) TO STDOUT (FORMAT binary)", service, table, where);
    pg_out(conn, sql, file);
    pg_fresh(conn, service, table);
    *out = pg_copy(conn, table, file);
    pg_fresh(conn, service, table);
    const int64_t loop_us = pg_loop(conn, service, table, where, &looped);
    out->loop_us = looped ? loop_us * out->rows / looped : 0;
    snprintf(sql, sizeof sql, "DROP TABLE bare_%s", table);
    pg_run(conn, sql);
    fclose(file);
    unlink(path);
    PQfinish(conn);
}

// All states are lost, whatever the store. The table is as empty as the one that the bare writing fills: rows that a
// DELETE leaves dead on PostgreSQL until it is vacuumed would be looked at for every key.
static void lose(const char *url) {
    store_t *store = NULL;
    err_t err = {0};
    must(store_open(&store, url, "collection", &err) == E_OK, err.text);
    must(store_exec(store, store_is_postgres(store) ? "TRUNCATE entitlement" : "DELETE FROM entitlement", NULL, 0,
                    &err) == E_OK,
         err.text);
    store_close(&store);
}

// ---- receipts

#define SUMS "CAST(COUNT(*) AS BIGINT), CAST(SUM(total_fen) AS BIGINT) FROM bill WHERE period = $1 AND paid_on = ''"

static void write_receipts(store_t *store, const char *heading, const char *sql, const char *period, const char *on,
                           fen_t *sum, long long *serial) {
    char last[128] = "", amount[FEN_TEXT_MAX];
    arena_t *arena = arena_new(1 << 20, 0);
    err_t err = {0};
    must(arena != NULL, "out of memory");
    for (size_t count = PAGE; count == PAGE;) {
        const cell_t params[] = {cell_text(period), cell_text(last), cell_i64(PAGE)};
        rows_t rows;
        arena_reset(arena);
        must(store_query(store, sql, params, COUNT_OF(params), arena, &rows, &err) == E_OK, err.text);
        for (size_t i = 0; i < rows.count; i++) {
            const fen_t due = row_i64(&rows, i, 2);
            printf("B-%s-%lld,%s%s%s,%s,%s,%s\n", period, ++*serial, *heading == 'e' ? row_text(&rows, i, 0) : "", ",",
                   *heading == 'p' ? row_text(&rows, i, 0) : "", period, fen_format(due, amount), on);
            must(fen_add(*sum, due, sum) == 0, "the sum is too large");
        }
        count = rows.count;
        if (count) snprintf(last, sizeof last, "%s", row_text(&rows, count - 1, 0));
    }
    arena_destroy(&arena);
}

static void receipts(const char *url, const char *period, const char *on) {
    store_t *store = NULL;
    err_t err = {0};
    fen_t sum = 0;
    long long serial = 0;
    char amount[FEN_TEXT_MAX];
    must(store_open_read_only(&store, url, "collection", &err) == E_OK, err.text);
    printf("receipt,employer,person,period,amount,paid_on\n");
    write_receipts(store, "employer",
                   "SELECT employer, " SUMS " AND employer > $2 GROUP BY employer ORDER BY employer LIMIT $3", period,
                   on, &sum, &serial);
    write_receipts(store, "person",
                   "SELECT person, " SUMS " AND employer = '' AND person > $2 GROUP BY person ORDER BY person LIMIT $3",
                   period, on, &sum, &serial);
    printf("合计,%lld,,,%s,\n", serial, fen_format(sum, amount));
    store_close(&store);
}

int main(int argc, char **argv) {
    written_t written = {0};
    if (argc == 5 && strcmp(argv[1], "receipts") == 0) {
        receipts(argv[2], argv[3], argv[4]);
        return 0;
    }
    if (argc == 3 && strcmp(argv[1], "lose") == 0) {
        lose(argv[2]);
        return 0;
    }
    must(argc == 7 && strcmp(argv[1], "bare") == 0, "bare URL SERVICE TABLE WHERE FOLDER, or receipts URL PERIOD DATE");
    if (strncmp(argv[2], "sqlite:", 7) == 0)
        lite_bare(argv[2] + 7, argv[3], argv[4], argv[5], argv[6], &written);
    else
        pg_bare(argv[2], argv[3], argv[4], argv[5], argv[6], &written);
    printf("%lld %lld %lld %lld\n", written.rows, (long long)(written.us / 1000), (long long)(written.cpu_us / 1000),
           (long long)(written.loop_us / 1000));
    return 0;
}
