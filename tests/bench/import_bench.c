// Imports of persons and spells beside the bare writing of the same rows: what the service does with a chunk from its
// packed message to the commit and the packed answer (without the wire), and then the rows that this left, copied into
// fresh tables with the same indexes by a prepared loop (SQLite) or COPY (PostgreSQL), with as many rows to a commit.
//
//   import_bench sqlite DIR | postgresql://…   [people] [profile: only the imports]
#include "common/base/hash.h"
#include "common/base/ids.h"
#include "services/enrollment/handlers.h"
#include "services/enrollment/report.h"
#include "services/enrollment/store.h"
#include <libpq-fe.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zmq.h>

enum { CHUNK = 1000, CHUNKS = 8, BATCH = CHUNK * CHUNKS }; // of a commit: as many as the command line keeps in flight

static const char file_hex[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
static int64_t people = 200000;
static err_t err;

static void must(int rc) {
    if (rc == 0) return;
    fprintf(stderr, "import_bench: %s %s: %s\n", err_name(rc), err.field, err.text);
    exit(1);
}

static void tell(const char *what, const char *how, int64_t rows, int64_t us) {
    printf("%-10s %-28s %9lld rows  %8.2f s  %9.0f rows/s\n", what, how, (long long)rows, (double)us / 1e6,
           (double)rows * 1e6 / (double)us);
}

// ---- the service

typedef struct bench {
    service_ctx_t ctx;
    enrollment_t *enrollment;
    policy_t *policy;
    const char *division;
    arena_t *ask; // of the messages
    char keys_dir[64];
} bench_t;

static void open_service(bench_t *b, const char *url) {
    snprintf(b->keys_dir, sizeof b->keys_dir, "/tmp/import-bench-XXXXXX");
    CHECK(mkdtemp(b->keys_dir));
    b->ctx = (service_ctx_t){.name = "enrollment", .zmq = zmq_ctx_new(), .arena = arena_new(1 << 18, 1 << 28)};
    must(keys_make(b->keys_dir, "bench", "service", &err));
    must(keys_load(&b->ctx.keys, b->keys_dir, "bench", &err));
    must(store_open(&b->ctx.store, url, "enrollment", &err));
    must(store_migrate(b->ctx.store, enrollment_service.migrations, enrollment_service.migration_count, &err));
    const stream_conf_t conf = {.context = b->ctx.zmq,
                                .keys = b->ctx.keys,
                                .store = b->ctx.store,
                                .service = "enrollment",
                                .live_bind = "tcp://127.0.0.1:*",
                                .replay_bind = "tcp://127.0.0.1:*",
                                .log = stream_table_log};
    must(stream_new(&b->ctx.stream, &conf, &err));
    must(policy_load(&b->policy, TC_SOURCE_DIR "/config/cities/jiangmen.yaml", NULL, &err));
    b->enrollment = enrollment_new(&b->ctx, b->policy);
    b->ask = arena_new(1 << 18, 0);
    CHECK(b->enrollment && b->ask && b->ctx.arena);
}

static void close_service(bench_t *b) {
    char command[128];
    enrollment_destroy(&b->enrollment);
    policy_destroy(&b->policy);
    stream_destroy(&b->ctx.stream);
    store_close(&b->ctx.store);
    keys_destroy(&b->ctx.keys);
    zmq_ctx_term(b->ctx.zmq);
    arena_destroy(&b->ctx.arena);
    arena_destroy(&b->ask);
    snprintf(command, sizeof command, "rm -rf %s", b->keys_dir);
    if (system(command)) fprintf(stderr, "%s is left\n", b->keys_dir);
}

static const method_t *method_of(const char *name) {
    for (size_t i = 0; i < enrollment_service.method_count; i++)
        if (strcmp(enrollment_service.methods[i].name, name) == 0) return &enrollment_service.methods[i];
    CHECK(!"a method of enrolment");
    return NULL;
}

// What the command shell does with one request of a batch.
static void handle(bench_t *b, const char *name, const void *body, size_t bytes, rows_t *replies, int64_t expected) {
    const method_t *method = method_of(name);
    const request_t request = {.header = {.service = "enrollment", .method = name}};
    ProtobufCMessage *message, *reply;
    uint8_t *digest = arena_alloc(b->ctx.arena, SHA256_BYTES);
    char id[UID_TEXT_MAX];
    CHECK(digest);
    sha256(body, bytes, digest);
    must(message_unpack(&message, method->request, body, bytes, b->ctx.arena, &err));
    must(method->handle(b->enrollment, &request, message, &reply, &err));
    const Tc__ImportReport *report = (const Tc__ImportReport *)reply;
    if (report->done != expected)
        fprintf(stderr, "import_bench: %d of %lld done: %s\n", report->done, (long long)expected,
                report->n_problems ? report->problems[0]->text : "");
    size_t size;
    void *packed = message_pack(reply, b->ctx.arena, &size);
    cell_t *row = rows_add(replies);
    CHECK(packed && row);
    row[0] = cell_text(arena_text(b->ctx.arena, "%s", uid_new(id)));
    row[1] = cell_blob(digest, SHA256_BYTES);
    row[2] = cell_i64(clock_now_ms());
    row[3] = cell_blob(packed, size);
}

typedef void fill_cb(bench_t *b, int64_t number, int64_t count, void **body, size_t *bytes);

// The messages are made outside the time that is told. Returns microseconds.
static int64_t run(bench_t *b, const char *method, int64_t total, fill_cb *fill) {
    int64_t spent_us = 0;
    for (int64_t from = 0; from < total; from += BATCH) {
        void *body[CHUNKS];
        size_t bytes[CHUNKS], chunks = 0;
        int64_t rows[CHUNKS];
        arena_reset(b->ask);
        for (int64_t at = from; at < total && chunks < CHUNKS; at += CHUNK, chunks++) {
            rows[chunks] = total - at < CHUNK ? total - at : CHUNK;
            fill(b, at, rows[chunks], &body[chunks], &bytes[chunks]);
        }
        int64_t start_us = clock_mono_us();
        rows_t replies;
        arena_reset(b->ctx.arena);
        rows_init(&replies, b->ctx.arena, 4);
        must(store_begin(b->ctx.store, &err));
        for (size_t i = 0; i < chunks; i++) handle(b, method, body[i], bytes[i], &replies, rows[i]);
        must(store_insert(b->ctx.store, "request", "id, digest, at_ms, reply", &replies, CONFLICT_FAILS, &err));
        must(stream_flush(b->ctx.stream, &err));
        must(store_commit(b->ctx.store, &err));
        stream_committed(b->ctx.stream);
        spent_us += clock_mono_us() - start_us;
    }
    return spent_us;
}

// ---- rows

static char *text(bench_t *b, const char *before, int width, int64_t number) {
    char *made = arena_text(b->ask, "%s%0*lld", before, width, (long long)number);
    CHECK(made);
    return made;
}

static char *citizen_of(bench_t *b, int64_t number) {
    char id[32], day[DATE_TEXT_MAX];
    date_format(date_make(1950, 1, 1) + (date_t)(number / 500 % 18000), day);
    snprintf(id, sizeof id, "%06d%.4s%.2s%.2s%03d", 990001 + (int)(number / 9000000), day, day + 5, day + 8,
             (int)(number % 500) * 2);
    id[17] = citizen_id_check_char(id);
    id[18] = '\0';
    char *copy = arena_text(b->ask, "%s", id);
    CHECK(copy);
    return copy;
}

#define NEW_ROW(var, type, init)                                                                                       \
    type *var = arena_alloc(b->ask, sizeof *var);                                                                      \
    CHECK(var);                                                                                                        \
    init(var)

static void pack(bench_t *b, const ProtobufCMessage *message, void **body, size_t *bytes) {
    *body = message_pack(message, b->ask, bytes);
    CHECK(*body);
}

static void fill_persons(bench_t *b, int64_t from, int64_t count, void **body, size_t *bytes) {
    Tc__RegisterPerson *rows[CHUNK];
    Tc__ImportPersons message = TC__IMPORT_PERSONS__INIT;
    for (int64_t i = 0; i < count; i++) {
        NEW_ROW(row, Tc__RegisterPerson, tc__register_person__init);
        row->person = text(b, "P", 9, from + i);
        row->citizen_id = citizen_of(b, from + i);
        row->name = text(b, "示例参保人", 1, (from + i) * 7919 % 100003);
        row->division = (char *)b->division;
        row->household = text(b, "H", 8, (from + i) / 3);
        rows[i] = row;
    }
    message.file = (char *)file_hex;
    message.first_row = (int32_t)from + 2;
    message.rows = rows;
    message.n_rows = (size_t)count;
    pack(b, &message.base, body, bytes);
}

static void fill_employers(bench_t *b, int64_t from, int64_t count, void **body, size_t *bytes) {
    Tc__RegisterEmployer *rows[CHUNK];
    Tc__ImportEmployers message = TC__IMPORT_EMPLOYERS__INIT;
    for (int64_t i = 0; i < count; i++) {
        NEW_ROW(row, Tc__RegisterEmployer, tc__register_employer__init);
        row->employer = text(b, "E", 6, from + i);
        char *uscc = text(b, "91990001", 10, (from + i) * 10);
        uscc[17] = uscc_check_char(uscc);
        row->uscc = uscc;
        row->name = text(b, "示例单位", 1, from + i);
        row->kind = (char *)"enterprise";
        row->division = (char *)b->division;
        rows[i] = row;
    }
    message.file = (char *)file_hex;
    message.first_row = (int32_t)from + 2;
    message.rows = rows;
    message.n_rows = (size_t)count;
    pack(b, &message.base, body, bytes);
}

static void fill_spells(bench_t *b, int64_t from, int64_t count, void **body, size_t *bytes) {
    Tc__OpenSpell *rows[CHUNK];
    char *last[CHUNK];
    Tc__ImportSpells message = TC__IMPORT_SPELLS__INIT;
    for (int64_t i = 0; i < count; i++) {
        NEW_ROW(row, Tc__OpenSpell, tc__open_spell__init);
        row->person = text(b, "P", 9, from + i);
        row->identity = (char *)"employee";
        row->employer = text(b, "E", 6, (from + i) % (people / 50));
        row->from_month = (char *)"2018-01";
        row->wage_given_case = TC__OPEN_SPELL__WAGE_GIVEN_WAGE_FEN;
        row->wage_fen = 300000 + (from + i) % 1000000;
        rows[i] = row;
        last[i] = (char *)protobuf_c_empty_string;
    }
    message.file = (char *)file_hex;
    message.first_row = (int32_t)from + 2;
    message.rows = rows;
    message.n_rows = (size_t)count;
    message.last_months = last;
    message.n_last_months = (size_t)count;
    pack(b, &message.base, body, bytes);
}

// ---- the rows that the imports left

typedef struct left {
    arena_t *arena;
    rows_t persons, versions, events; // of one import, in order of events
} left_t;

static void read_left(store_t *store, left_t *left, int64_t version) {
    const cell_t which[] = {cell_i64(version)};
    left->arena = arena_new(1 << 22, 0);
    CHECK(left->arena);
    must(store_query(store,
                     "SELECT v.partition, v.person, v.version, p.citizen_id, p.name, v.state FROM person_version v"
                     " JOIN person p ON p.partition = v.partition AND p.person = v.person WHERE v.version = $1"
                     " ORDER BY v.person",
                     which, 1, left->arena, &left->persons, &err));
    must(store_query(store,
                     "SELECT partition, person, version, known_ms, state FROM person_version WHERE version = $1"
                     " ORDER BY person",
                     which, 1, left->arena, &left->versions, &err));
    // The events of an import are those whose number in the partition follows those of the import before it.
    rows_t all;
    must(store_query(store,
                     "SELECT e.partition, e.number, e.topic, e.at_ms, e.body FROM event e"
                     " WHERE e.topic = 'person.changed' ORDER BY e.partition, e.number",
                     NULL, 0, left->arena, &all, &err));
    rows_init(&left->events, left->arena, 5);
    for (size_t i = 0; i < all.count; i++) {
        size_t bytes;
        const uint8_t *body = row_blob(&all, i, 4, &bytes);
        size_t name = bytes > 1 ? body[1] : 0; // 0a NAME 10 VERSION
        if (name + 3 >= bytes || body[2 + name] != 0x10 || body[3 + name] != version) continue;
        memcpy(rows_add(&left->events), rows_at(&all, i), 5 * sizeof(cell_t));
    }
}

static void close_left(left_t *left) { arena_destroy(&left->arena); }

// ---- bare SQLite

static sqlite3 *bare_lite(const char *dir) {
    char path[512];
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/bare.db", dir);
    CHECK(sqlite3_open(path, &db) == SQLITE_OK);
    CHECK(sqlite3_exec(db,
                       "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -32768;"
                       "PRAGMA mmap_size = 268435456; PRAGMA wal_autocheckpoint = 4096;",
                       NULL, NULL, NULL) == SQLITE_OK);
    return db;
}

static void bind_row(sqlite3_stmt *stmt, const cell_t *cells, size_t width) {
    for (size_t i = 0; i < width; i++) {
        int at = (int)i + 1;
        if (cells[i].type == CELL_I64) sqlite3_bind_int64(stmt, at, cells[i].i64);
        if (cells[i].type == CELL_TEXT) sqlite3_bind_text(stmt, at, cells[i].data, (int)cells[i].size, SQLITE_STATIC);
        if (cells[i].type == CELL_BLOB) sqlite3_bind_blob(stmt, at, cells[i].data, (int)cells[i].size, SQLITE_STATIC);
    }
}

static void lite_rows(sqlite3 *db, const char *sql, const rows_t *rows, size_t from, size_t to) {
    sqlite3_stmt *stmt = NULL;
    CHECK(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK);
    for (size_t i = from; i < to; i++) {
        bind_row(stmt, rows_at(rows, i), rows->width);
        CHECK(sqlite3_step(stmt) == SQLITE_DONE);
        sqlite3_reset(stmt);
    }
    sqlite3_finalize(stmt);
}

static int64_t bare_lite_run(sqlite3 *db, const left_t *left, bool fresh) {
    int64_t start_us = clock_mono_us();
    for (size_t from = 0; from < left->persons.count; from += BATCH) {
        size_t to = from + BATCH < left->persons.count ? from + BATCH : left->persons.count;
        CHECK(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK);
        lite_rows(db,
                  fresh ? "INSERT INTO person (partition, person, version, citizen_id, name, state)"
                          " VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
                        : "UPDATE person SET version = ?3, state = ?6 WHERE partition = ?1 AND person = ?2",
                  &left->persons, from, to);
        lite_rows(db, "INSERT INTO person_version VALUES (?1, ?2, ?3, ?4, ?5)", &left->versions, from, to);
        lite_rows(db, "INSERT INTO event VALUES (?1, ?2, ?3, ?4, ?5)", &left->events, from, to);
        CHECK(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK);
    }
    return clock_mono_us() - start_us;
}

// ---- bare PostgreSQL

static void pg(PGconn *conn, const char *sql) {
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_COPY_IN) {
        fprintf(stderr, "import_bench: %s: %s\n", sql, PQerrorMessage(conn));
        exit(1);
    }
    PQclear(result);
}

static void put_cell(FILE *out, const cell_t *cell) {
    static const char hex[] = "0123456789abcdef";
    const uint8_t *bytes = cell->data;
    if (cell->type == CELL_I64) fprintf(out, "%lld", (long long)cell->i64);
    if (cell->type == CELL_TEXT) fwrite(cell->data, 1, cell->size, out); // ours have nothing to escape
    if (cell->type != CELL_BLOB) return;
    fputs("\\\\x", out);
    for (size_t i = 0; i < cell->size; i++) {
        putc_unlocked(hex[bytes[i] >> 4], out);
        putc_unlocked(hex[bytes[i] & 15], out);
    }
}

static void copy_rows(PGconn *conn, const char *sql, const rows_t *rows, size_t from, size_t to) {
    char *data = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&data, &size);
    CHECK(out);
    for (size_t i = from; i < to; i++)
        for (size_t c = 0; c < rows->width; c++) {
            put_cell(out, &rows_at(rows, i)[c]);
            putc_unlocked(c + 1 < rows->width ? '\t' : '\n', out);
        }
    fclose(out);
    pg(conn, sql);
    CHECK(PQputCopyData(conn, data, (int)size) == 1 && PQputCopyEnd(conn, NULL) == 1);
    PGresult *result = PQgetResult(conn);
    CHECK(PQresultStatus(result) == PGRES_COMMAND_OK);
    PQclear(result);
    CHECK(!PQgetResult(conn));
    free(data);
}

static int64_t bare_pg_run(PGconn *conn, const left_t *left, bool fresh) {
    int64_t start_us = clock_mono_us();
    for (size_t from = 0; from < left->persons.count; from += BATCH) {
        size_t to = from + BATCH < left->persons.count ? from + BATCH : left->persons.count;
        pg(conn, "BEGIN");
        if (fresh) {
            copy_rows(conn, "COPY person (partition, person, version, citizen_id, name, state) FROM STDIN",
                      &left->persons, from, to);
        } else {
            pg(conn, "CREATE TEMP TABLE news (LIKE person) ON COMMIT DROP");
            copy_rows(conn, "COPY news (partition, person, version, citizen_id, name, state) FROM STDIN",
                      &left->persons, from, to);
            pg(conn, "UPDATE person p SET version = n.version, state = n.state FROM news n"
                     " WHERE p.partition = n.partition AND p.person = n.person");
        }
        copy_rows(conn, "COPY person_version FROM STDIN", &left->versions, from, to);
        copy_rows(conn, "COPY event FROM STDIN", &left->events, from, to);
        pg(conn, "COMMIT");
    }
    return clock_mono_us() - start_us;
}

// ---- together

static void bare(const char *url, const char *dir, const left_t *left, bool fresh, int64_t us, const char *what) {
    int64_t bare_us;
    if (dir) {
        sqlite3 *db = bare_lite(dir);
        bare_us = bare_lite_run(db, left, fresh);
        sqlite3_close(db);
    } else {
        PGconn *conn = PQconnectdb(url);
        CHECK(PQstatus(conn) == CONNECTION_OK);
        pg(conn, "SET search_path = bare");
        bare_us = bare_pg_run(conn, left, fresh);
        PQfinish(conn);
    }
    tell(what, dir ? "prepared loop" : "COPY", (int64_t)left->persons.count, bare_us);
    printf("%-10s %.2f times the bare writing\n", what, (double)us / (double)bare_us);
}

static long resident_kib(void) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%*d %ld", &pages) != 1) pages = 0;
    if (file) fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void measure(bench_t *b, const char *url, const char *dir, bool profile) {
    store_t *store = NULL;
    left_t left[2];
    tell("employers", "import", people / 50, run(b, "import_employers", people / 50, fill_employers));
    long before = resident_kib();
    int64_t persons_us = run(b, "import_persons", people, fill_persons);
    tell("persons", "import", people, persons_us);
    int64_t spells_us = run(b, "import_spells", people, fill_spells);
    tell("spells", "import", people, spells_us);
    printf("resident: %ld MiB before, %ld MiB after\n", before / 1024, resident_kib() / 1024);
    if (profile) return;
    must(store_open(&store, url, "bare", &err));
    must(store_migrate(store, enrollment_service.migrations, enrollment_service.migration_count, &err));
    store_close(&store);
    read_left(b->ctx.store, &left[0], 1);
    bare(url, dir, &left[0], true, persons_us, "persons");
    close_left(&left[0]);
    read_left(b->ctx.store, &left[1], 2);
    bare(url, dir, &left[1], false, spells_us, "spells");
    close_left(&left[1]);
}

int main(int argc, char **argv) {
    static bench_t b = {.division = "440703"};
    char url[512];
    bool lite = argc > 2 && strcmp(argv[1], "sqlite") == 0;
    int next = lite ? 3 : 2;
    if (argc < next) {
        fprintf(stderr, "usage: import_bench sqlite DIR | postgresql://…  [people] [profile]\n");
        return 2;
    }
    snprintf(url, sizeof url, lite ? "sqlite:%s" : "%s", lite ? argv[2] : argv[1]);
    if (argc > next) people = strtoll(argv[next], NULL, 10);
    if (people < 1000) people = 1000;
    open_service(&b, url);
    measure(&b, url, lite ? argv[2] : NULL, argc > next + 1);
    close_service(&b);
    return 0;
}
