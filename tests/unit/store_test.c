// The promises of common/store/store.h, each body on both engines.
#include "common/base/date.h"
#include "common/store/store.h"
#include "tests/check.h"
#include "tests/postgres.h"
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static char sqlite_url[128], postgres_url[256];

#define ON_BOTH(name)                                                                                                  \
    static void name##_on(const char *url);                                                                            \
    TEST(name##_sqlite) { name##_on(sqlite_url); }                                                                     \
    TEST(name##_postgres) { name##_on(postgres_url); }                                                                 \
    static void name##_on(const char *url)
#define BOTH(name) CASE(name##_sqlite), CASE(name##_postgres)

// ---- help ----

static int remove_one(const char *path, const struct stat *info, int flag, struct FTW *ftw) {
    (void)info;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static pid_t owner;
static void remove_dir(void) {
    if (getpid() == owner) (void)nftw(sqlite_url + 7, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

TEST(both_engines_start) {
    snprintf(sqlite_url, sizeof sqlite_url, "sqlite:%s/tc-store-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    NEED(mkdtemp(sqlite_url + 7) != NULL);
    owner = getpid();
    atexit(remove_dir);
    NEED(postgres_start(postgres_url) == 0);
}

static void expect_ok(int code, const err_t *err, const char *file, int line) {
    if (code != E_OK) fprintf(stderr, "%s:%d: %s: %s\n", file, line, err_name(code), err->text);
    CU_assertImplementation(code == E_OK, (unsigned)line, "succeeds", file, "", CU_TRUE);
}
#define DONE(call) expect_ok((call), &err, __FILE__, __LINE__)

static store_t *opened(const char *url, const char *schema) {
    err_t err;
    store_t *store = NULL;
    DONE(store_open(&store, url, schema, &err));
    return store;
}

// A store with table t (id, name, body), in a schema of the test's own.
static store_t *with_table(const char *url, const char *schema) {
    static const migration_t steps[] = {
        {1, "CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, name TEXT, body BYTEA);"},
        {2, "CREATE TABLE u (id BIGINT NOT NULL, seq BIGINT NOT NULL, name TEXT, PRIMARY KEY (id, seq));"},
    };
    err_t err;
    store_t *store = opened(url, schema);
    DONE(store_migrate(store, steps, COUNT_OF(steps), &err));
    return store;
}

static int64_t ask(store_t *store, const char *sql) {
    err_t err;
    rows_t rows;
    arena_t *arena = arena_new(4096, 0);
    DONE(store_query(store, sql, NULL, 0, arena, &rows, &err));
    NEED(rows.count == 1);
    int64_t value = row_i64(&rows, 0, 0);
    arena_destroy(&arena);
    return value;
}
static int64_t count_t(store_t *store) { return ask(store, "SELECT count(*) FROM t"); }

static int insert_one(store_t *store, int64_t id, err_t *err) {
    cell_t cells[] = {cell_i64(id), cell_text("n")};
    return store_exec(store, "INSERT INTO t (id, name) VALUES ($1, $2)", cells, 2, err);
}

static void fill(rows_t *rows, arena_t *arena, int64_t first, int64_t count) {
    static const char body[300] = "the body of a row";
    rows_init(rows, arena, 3);
    for (int64_t i = 0; i < count; i++) {
        cell_t *cells = rows_add(rows);
        NEED(cells != NULL);
        cells[0] = cell_i64(first + i);
        cells[1] = cell_text(arena_text(arena, "name %lld", (long long)(first + i)));
        cells[2] = cell_blob(body, sizeof body);
    }
}

static bool same_cell(const cell_t *a, const cell_t *b) {
    if (a->null || b->null) return a->null && b->null;
    if (a->type != b->type) return false;
    if (a->type == CELL_I64) return a->i64 == b->i64;
    return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

static bool same_rows(const rows_t *a, const rows_t *b) {
    if (a->count != b->count || (a->count && a->width != b->width)) return false;
    for (size_t i = 0; i < a->count * a->width; i++)
        if (!same_cell(&a->cells[i], &b->cells[i])) return false;
    return true;
}

// ---- opening ----

TEST(bad_urls_and_schemas_are_refused) {
    static const struct {
        const char *url, *schema;
        int code;
    } cases[] = {
        {"", "a", E_INVALID_FIELD},
        {"sqlite:", "a", E_INVALID_FIELD},
        {"mysql://x", "a", E_INVALID_FIELD},
        {"sqlite::memory:", "", E_INVALID_FIELD},
        {"sqlite::memory:", "A", E_INVALID_FIELD},
        {"sqlite::memory:", "a; drop", E_INVALID_FIELD},
        {"sqlite:/dev/null/x", "a", E_STORE},
        {"postgresql:///x?host=/nowhere", "a", E_STORE},
        {"postgresql://%zz", "a", E_STORE},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        err_t err = {0};
        store_t *store = NULL;
        EQ(store_open(&store, cases[i].url, cases[i].schema, &err), cases[i].code);
        OK(store == NULL && err.text[0] != '\0');
    }
}

TEST(memory_is_a_store_of_its_own) {
    store_t *a = with_table("sqlite::memory:", "mem"), *b = with_table("sqlite::memory:", "mem");
    err_t err;
    DONE(insert_one(a, 1, &err));
    EQ(count_t(a), 1);
    EQ(count_t(b), 0);
    store_close(&a);
    store_close(&b);
    store_close(&b);
}

ON_BOTH(a_reader_makes_and_changes_nothing) {
    err_t err = {0};
    store_t *reader = NULL, *store;
    EQ(store_open_read_only(&reader, url, "nowhere", &err), E_STORE);
    OK(reader == NULL && err.text[0] != '\0');
    EQ(store_open_read_only(&reader, "sqlite:/tmp/tc-store-nowhere", "a", &err), E_STORE);
    EQ(access("/tmp/tc-store-nowhere", F_OK), -1);
    EQ(store_open_read_only(&reader, url, "nowhere", &err), E_STORE); // the first try has not made it
    store = with_table(url, "reading");
    DONE(insert_one(store, 1, &err));
    DONE(store_open_read_only(&reader, url, "reading", &err));
    EQ(count_t(reader), 1);
    EQ(insert_one(reader, 2, &err), E_STORE);
    EQ(store_exec(reader, "CREATE TABLE v (id BIGINT)", NULL, 0, &err), E_STORE);
    DONE(insert_one(store, 3, &err)); // a reader is in nobody's way, and sees what is new
    EQ(count_t(reader), 2);
    store_close(&store); // the last writer
    EQ(count_t(reader), 2);
    store_close(&reader);
    DONE(store_open_read_only(&reader, url, "reading", &err));
    EQ(count_t(reader), 2);
    store_close(&reader);
}

ON_BOTH(data_outlives_the_store) {
    err_t err;
    store_t *store = with_table(url, "reopen");
    EQ(store_is_postgres(store), url == postgres_url);
    DONE(store_begin(store, &err));
    DONE(insert_one(store, 1, &err));
    DONE(store_commit(store, &err));
    DONE(store_begin(store, &err));
    DONE(insert_one(store, 2, &err));
    store_close(&store); // rolls back
    store = with_table(url, "reopen");
    EQ(count_t(store), 1);
    store_t *other = with_table(url, "reopen_other"); // schemas do not see each other
    EQ(count_t(other), 0);
    store_close(&other);
    store_close(&store);
}

// ---- cells ----

static void add_values(rows_t *rows, arena_t *arena) {
    static const int64_t ints[] = {0, -1, 1, INT64_MAX, INT64_MIN, 1LL << 32, -(1LL << 31), 255};
    static const char *const texts[] = {"", "'", "''; DROP TABLE t; --", "$1", "\"\\", "统筹 基金", "\n\t", "😀"};
    uint8_t *bytes = arena_alloc(arena, 256);
    char *large = arena_alloc(arena, 200001);
    memset(large, 'x', 200000);
    for (int i = 0; i < 256; i++) bytes[i] = (uint8_t)i;
    rows_init(rows, arena, 3);
    for (size_t i = 0; i < COUNT_OF(ints); i++) {
        cell_t *cells = rows_add(rows);
        cells[0] = cell_i64(ints[i]);
        cells[1] = i == 3 ? cell_text(NULL) : cell_text(texts[i]);
        cells[2] = i == 4 ? cell_null(CELL_BLOB) : cell_blob(bytes, i * i * 5);
    }
    cell_t *cells = rows_add(rows);
    cells[0] = cell_i64(77);
    cells[1] = cell_text(large);
    cells[2] = cell_blob(NULL, 0);
}

#define READ_T "SELECT id, name, body FROM t WHERE id = $1"

static void expect_values(store_t *store, const rows_t *sent, arena_t *arena) {
    err_t err;
    for (size_t i = 0; i < sent->count; i++) {
        rows_t got;
        DONE(store_query(store, READ_T, rows_at(sent, i), 1, arena, &got, &err));
        NEED(got.count == 1 && got.width == 3);
        for (size_t c = 0; c < 3; c++) OK(same_cell(rows_at(&got, 0) + c, rows_at(sent, i) + c));
    }
    rows_t got;
    rows_t keys;
    rows_init(&keys, arena, 1);
    for (size_t i = 0; i < sent->count; i++) *rows_add(&keys) = *rows_at(sent, i);
    DONE(store_each_query(store, READ_T, &keys, arena, &got, &err));
    NEED(got.count == sent->count && got.width == 4);
    for (size_t i = 0; i < got.count; i++) {
        EQ(row_i64(&got, i, 0), i);
        for (size_t c = 0; c < 3; c++) OK(same_cell(rows_at(&got, i) + 1 + c, rows_at(sent, i) + c));
    }
}

ON_BOTH(every_value_comes_back) {
    err_t err;
    arena_t *arena = arena_new(1 << 16, 0);
    store_t *store = with_table(url, "values_");
    rows_t rows;
    add_values(&rows, arena);
    static const char sql[] = "INSERT INTO t (id, name, body) VALUES ($1, $2, $3)";
    for (size_t i = 0; i < rows.count; i++) DONE(store_exec(store, sql, rows_at(&rows, i), 3, &err));
    expect_values(store, &rows, arena);
    DONE(store_exec(store, "DELETE FROM t", NULL, 0, &err));
    DONE(store_insert(store, "t", "id, name, body", &rows, CONFLICT_FAILS, &err));
    expect_values(store, &rows, arena);
    DONE(store_exec(store, "DELETE FROM t", NULL, 0, &err));
    DONE(store_each_exec(store, sql, &rows, &err));
    expect_values(store, &rows, arena);
    store_close(&store);
    arena_destroy(&arena);
}

ON_BOTH(results_have_types_and_nulls) {
    err_t err;
    rows_t rows;
    size_t size;
    arena_t *arena = arena_new(4096, 0);
    store_t *store = with_table(url, "types");
    DONE(store_query(store,
                     "SELECT 1 = 1, CAST(-3 AS INTEGER), CAST('x' AS TEXT), CAST(NULL AS BIGINT), NULL, count(*),"
                     " CAST(sum(id) AS BIGINT) FROM t WHERE 1 = 0",
                     NULL, 0, arena, &rows, &err));
    NEED(rows.count == 1 && rows.width == 7);
    EQ(row_i64(&rows, 0, 0), 1);
    EQ(row_i64(&rows, 0, 1), -3);
    EQ_TEXT(row_text(&rows, 0, 2), "x");
    EQ(row_i64(&rows, 0, 3), 0); // a null is 0, "" or nothing, whatever its type
    EQ_TEXT(row_text(&rows, 0, 3), "");
    row_blob(&rows, 0, 4, &size);
    EQ(size, 0);
    OK(rows_at(&rows, 0)[6].null);
    EQ(store_query(store, "SELECT 1.5", NULL, 0, arena, &rows, &err), E_STORE);
    HAS_TEXT(err.text, "CAST");
    DONE(store_query(store, "SELECT id FROM t", NULL, 0, arena, &rows, &err));
    EQ(rows.count, 0);
    EQ(rows.width, 1);
    store_close(&store);
    arena_destroy(&arena);
}

ON_BOTH(a_result_over_the_arena_is_an_error) {
    err_t err;
    rows_t rows;
    arena_t *arena = arena_new(1 << 16, 0), *small = arena_new(4096, 8192);
    store_t *store = with_table(url, "small");
    fill(&rows, arena, 1, 500);
    DONE(store_insert(store, "t", "id, name, body", &rows, CONFLICT_FAILS, &err));
    EQ(store_query(store, "SELECT body FROM t", NULL, 0, small, &rows, &err), E_STORE);
    EQ(count_t(store), 500);
    store_close(&store);
    arena_destroy(&small);
    arena_destroy(&arena);
}

// ---- transactions ----

ON_BOTH(rollback_leaves_nothing) {
    err_t err;
    store_t *store = with_table(url, "rollback_");
    DONE(store_begin(store, &err));
    store_rollback(store); // nothing was sent
    DONE(store_begin(store, &err));
    DONE(store_commit(store, &err));
    DONE(store_begin(store, &err));
    DONE(insert_one(store, 1, &err));
    store_rollback(store); // queued
    store_rollback(store);
    DONE(store_begin(store, &err));
    DONE(insert_one(store, 1, &err));
    EQ(count_t(store), 1); // executed
    store_rollback(store);
    EQ(count_t(store), 0);
    store_close(&store);
}

ON_BOTH(a_unique_key_is_a_race_and_nothing_is_committed) {
    err_t err;
    store_t *a = with_table(url, "race"), *b = with_table(url, "race");
    DONE(insert_one(a, 1, &err));
    DONE(store_begin(b, &err));
    int code = insert_one(b, 2, &err);
    if (code == E_OK) code = insert_one(b, 1, &err);
    EQ(store_commit(b, &err), E_RACE); // told here at the latest
    HAS_TEXT(err.text, url == postgres_url ? "duplicate key" : "UNIQUE");
    EQ(count_t(a), 1);
    EQ(insert_one(b, 1, &err), E_RACE); // on its own
    DONE(insert_one(b, 2, &err));       // and it goes on
    EQ(count_t(a), 2);
    rows_t rows;
    arena_t *arena = arena_new(4096, 0);
    fill(&rows, arena, 1, 5);
    EQ(store_insert(b, "t", "id, name, body", &rows, CONFLICT_FAILS, &err), E_RACE);
    EQ(count_t(a), 2);
    arena_destroy(&arena);
    store_close(&a);
    store_close(&b);
}

ON_BOTH(other_constraints_are_no_race) {
    err_t err;
    store_t *store = with_table(url, "constraint_");
    EQ(store_exec(store, "INSERT INTO u (id, seq) VALUES (1, NULL)", NULL, 0, &err), E_STORE);
    store_close(&store);
}

ON_BOTH(the_first_failure_sticks) {
    err_t err;
    rows_t rows;
    arena_t *arena = arena_new(4096, 0);
    store_t *store = with_table(url, "sticky");
    DONE(store_begin(store, &err));
    DONE(insert_one(store, 1, &err));
    EQ(store_query(store, "SELECT nonsense FROM t", NULL, 0, arena, &rows, &err), E_STORE);
    HAS_TEXT(err.text, "nonsense");
    err = (err_t){0};
    EQ(insert_one(store, 2, &err), E_STORE);
    HAS_TEXT(err.text, "nonsense");
    fill(&rows, arena, 5, 2);
    EQ(store_insert(store, "t", "id, name, body", &rows, CONFLICT_FAILS, &err), E_STORE);
    EQ(store_each_exec(store, "DELETE FROM t WHERE id = $1", &rows, &err), E_STORE);
    err = (err_t){0};
    EQ(store_commit(store, &err), E_STORE);
    HAS_TEXT(err.text, "nonsense");
    EQ(count_t(store), 0);
    DONE(insert_one(store, 3, &err));
    EQ(count_t(store), 1);
    store_close(&store);
    arena_destroy(&arena);
}

// What is first used behind a failure in the same pipeline was never prepared; it must not be taken for prepared.
ON_BOTH(statements_behind_a_failure_work_later) {
    err_t err;
    store_t *store = with_table(url, "behind");
    DONE(store_begin(store, &err));
    int code = store_exec(store, "DELETE FROM missing", NULL, 0, &err);
    if (code == E_OK) code = store_exec(store, "DELETE FROM t WHERE id > 5", NULL, 0, &err);
    EQ(store_commit(store, &err), E_STORE);
    HAS_TEXT(err.text, "missing");
    DONE(store_exec(store, "DELETE FROM t WHERE id > 5", NULL, 0, &err));
    EQ(store_exec(store, "DELETE FROM missing", NULL, 0, &err), E_STORE);
    store_close(&store);
}

ON_BOTH(missing_parameters_are_an_error) {
    err_t err;
    cell_t cell = cell_i64(1);
    store_t *store = with_table(url, "missing");
    EQ(store_exec(store, "DELETE FROM t WHERE id = $1 AND name = $2", &cell, 1, &err), E_STORE);
    EQ(store_exec(store, "DELETE FROM t; DELETE FROM t", NULL, 0, &err), E_STORE);
    store_close(&store);
}

// ---- sets ----

ON_BOTH(inserts_of_any_size) {
    static const int64_t sizes[] = {0, 1, 64, 5000, 40000};
    err_t err;
    arena_t *arena = arena_new(1 << 20, 0);
    store_t *store = with_table(url, "many");
    int64_t next = 0;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        rows_t rows;
        fill(&rows, arena, next, sizes[i]);
        DONE(store_insert(store, "t", "id, name, body", &rows, CONFLICT_FAILS, &err));
        next += sizes[i];
        EQ(count_t(store), next);
    }
    EQ(ask(store, "SELECT CAST(sum(length(body)) AS BIGINT) FROM t"), next * 300);
    store_close(&store);
    arena_destroy(&arena);
}

// PostgreSQL takes many new rows another way than few.
ON_BOTH(many_rows_are_as_one) {
    err_t err;
    arena_t *arena = arena_new(1 << 20, 0);
    store_t *store = with_table(url, "copied");
    rows_t values, rows, more;
    add_values(&values, arena);
    rows_init(&rows, arena, 3);
    for (int64_t i = 0; i < 200; i++) {
        cell_t *cells = rows_add(&rows);
        NEED(cells != NULL);
        memcpy(cells, rows_at(&values, (size_t)i % values.count), 3 * sizeof *cells);
        cells[0] = cell_i64(i);
    }
    DONE(store_begin(store, &err));
    DONE(insert_one(store, 1000, &err)); // queued before it, and behind it
    DONE(store_insert(store, "t", "id, name, body", &rows, CONFLICT_FAILS, &err));
    DONE(insert_one(store, 1001, &err));
    DONE(store_commit(store, &err));
    DONE(store_exec(store, "DELETE FROM t WHERE id >= 1000", NULL, 0, &err));
    expect_values(store, &rows, arena);
    fill(&more, arena, 5000, 20000);
    rows_at(&more, 19000)[0] = cell_i64(7); // there already
    DONE(store_begin(store, &err));
    DONE(insert_one(store, 2000, &err));
    EQ(store_insert(store, "t", "id, name, body", &more, CONFLICT_FAILS, &err), E_RACE);
    EQ(insert_one(store, 2001, &err), E_RACE);
    EQ(store_commit(store, &err), E_RACE);
    EQ(count_t(store), 200);
    EQ(store_insert(store, "nowhere", "id, name, body", &more, CONFLICT_FAILS, &err), E_STORE);
    DONE(insert_one(store, 2000, &err));
    EQ(count_t(store), 201);
    store_close(&store);
    arena_destroy(&arena);
}

// PostgreSQL still takes the rows in when the caller goes on: whatever comes next hears of a key that was there.
ON_BOTH(of_many_rows_with_a_key_that_is_there_the_next_call_tells) {
    err_t err;
    rows_t rows, found;
    arena_t *arena = arena_new(1 << 16, 0);
    store_t *store = with_table(url, "copied_twice");
    enum { COMMITS, ASKS, WRITES, INSERTS_MANY, ROLLS_BACK, WAYS };
    fill(&rows, arena, 1, 200);
    DONE(insert_one(store, 150, &err));
    for (int way = 0; way < WAYS; way++) {
        DONE(store_begin(store, &err));
        int code = store_insert(store, "t", "id, name, body", &rows, CONFLICT_FAILS, &err);
        if (code == E_OK && way == ASKS) code = store_query(store, "SELECT * FROM t", NULL, 0, arena, &found, &err);
        if (code == E_OK && way == WRITES) code = insert_one(store, 1000, &err);
        if (code == E_OK && way == INSERTS_MANY)
            code = store_insert(store, "t", "id, name, body", &rows, CONFLICT_FAILS, &err);
        if (code == E_OK && way == COMMITS) code = store_commit(store, &err);
        if (way == ROLLS_BACK) store_rollback(store);
        EQ(code == E_RACE || (way == ROLLS_BACK && code == E_OK), true);
        if (way != COMMITS && way != ROLLS_BACK) EQ(store_commit(store, &err), E_RACE);
        if (way == COMMITS) store_rollback(store);
        EQ(count_t(store), 1);
    }
    store_close(&store);
    arena_destroy(&arena);
}

ON_BOTH(conflicts_can_be_skipped) {
    err_t err;
    rows_t rows;
    arena_t *arena = arena_new(1 << 16, 0);
    store_t *store = with_table(url, "skips");
    fill(&rows, arena, 1, 10);
    DONE(store_insert(store, "t", "id, name, body", &rows, CONFLICT_FAILS, &err));
    DONE(store_exec(store, "UPDATE t SET name = 'kept'", NULL, 0, &err));
    fill(&rows, arena, 6, 10);
    DONE(store_insert(store, "t", "id, name, body", &rows, CONFLICT_SKIPS, &err));
    EQ(count_t(store), 15);
    EQ(ask(store, "SELECT count(*) FROM t WHERE name = 'kept'"), 10);
    store_close(&store);
    arena_destroy(&arena);
}

ON_BOTH(a_put_replaces_what_is_there) {
    err_t err;
    rows_t rows;
    arena_t *arena = arena_new(1 << 16, 0);
    store_t *store = with_table(url, "puts");
    fill(&rows, arena, 1, 10);
    DONE(store_put(store, "t", "id, name, body", "id", &rows, &err));
    DONE(store_exec(store, "UPDATE t SET name = 'old'", NULL, 0, &err));
    fill(&rows, arena, 6, 10);
    DONE(store_put(store, "t", "id, name, body", "id", &rows, &err));
    EQ(count_t(store), 15);
    EQ(ask(store, "SELECT count(*) FROM t WHERE name = 'old' AND id < 6"), 5);
    EQ(ask(store, "SELECT count(*) FROM t WHERE name = 'old'"), 5);
    store_close(&store);
    arena_destroy(&arena);
}

ON_BOTH(an_update_changes_what_is_there_and_nothing_else) {
    err_t err;
    rows_t rows;
    arena_t *arena = arena_new(1 << 22, 0);
    store_t *store = with_table(url, "updates");
    fill(&rows, arena, 1, 40000); // more than one statement takes
    DONE(store_insert(store, "t", "id, name, body", &rows, CONFLICT_FAILS, &err));
    fill(&rows, arena, 21, 40000); // the last 20 are not there
    for (size_t i = 0; i < rows.count; i++) rows_at(&rows, i)[1] = cell_text("new");
    DONE(store_update(store, "t", "id, name, body", "id", "", &rows, &err));
    EQ(count_t(store), 40000);
    EQ(ask(store, "SELECT count(*) FROM t WHERE name = 'new'"), 39980);
    EQ(ask(store, "SELECT count(*) FROM t WHERE name = 'new' AND id <= 20"), 0);
    // Every key column counts.
    rows_init(&rows, arena, 3);
    for (int64_t i = 0; i < 4; i++) {
        cell_t *row = rows_add(&rows);
        row[0] = cell_i64(i + 19);
        row[1] = cell_text("new");
        row[2] = cell_blob("x", 1);
    }
    DONE(store_update(store, "t", "id, name, body", "id, name", "", &rows, &err));
    EQ(ask(store, "SELECT count(*) FROM t WHERE length(body) = 1"), 2);
    // And what is asked of the row besides.
    rows_at(&rows, 2)[2] = rows_at(&rows, 3)[2] = cell_blob("xyz", 3);
    DONE(store_update(store, "t", "id, name, body", "id, name", "id > 21 OR id < 19", &rows, &err));
    EQ(ask(store, "SELECT count(*) FROM t WHERE length(body) = 3"), 1);
    store_close(&store);
    arena_destroy(&arena);
}

ON_BOTH(what_an_update_asks_of_the_planner_ends_with_it) {
    err_t err;
    rows_t rows;
    arena_t *arena = arena_new(1 << 20, 0);
    store_t *store = with_table(url, "planner");
    fill(&rows, arena, 1, 1000);
    DONE(store_insert(store, "t", "id, name, body", &rows, CONFLICT_FAILS, &err));
    DONE(store_begin(store, &err));
    DONE(store_update(store, "t", "id, name, body", "id", "", &rows, &err));
    if (store_is_postgres(store))
        EQ(ask(store, "SELECT count(*) FROM pg_settings WHERE setting = 'on' AND name IN ('enable_hashjoin',"
                      " 'enable_mergejoin', 'enable_seqscan')"),
           3);
    DONE(store_commit(store, &err));
    store_close(&store);
    arena_destroy(&arena);
}

ON_BOTH(a_drop_takes_what_matches_in_every_column) {
    err_t err;
    rows_t rows, keys;
    arena_t *arena = arena_new(1 << 16, 0);
    store_t *store = with_table(url, "drops");
    fill(&rows, arena, 1, 10);
    DONE(store_insert(store, "t", "id, name, body", &rows, CONFLICT_FAILS, &err));
    rows_init(&keys, arena, 2);
    for (size_t i = 0; i < 12; i++) { // the last two are not there; every other one has another name
        cell_t *key = rows_add(&keys);
        key[0] = cell_i64((int64_t)i + 1);
        key[1] = i % 2 || i >= 10 ? cell_text("another") : rows_at(&rows, i)[1];
    }
    DONE(store_drop(store, "t", "id, name", &keys, &err));
    EQ(count_t(store), 5);
    EQ(ask(store, "SELECT count(*) FROM t WHERE id IN (2, 4, 6, 8, 10)"), 5);
    store_close(&store);
    arena_destroy(&arena);
}

static void fill_u(store_t *store, arena_t *arena, int64_t ids, int64_t each) {
    err_t err;
    rows_t rows;
    rows_init(&rows, arena, 3);
    for (int64_t i = 0; i < ids * each; i++) {
        cell_t *cells = rows_add(&rows);
        cells[0] = cell_i64(i % ids * 2); // even ids only
        cells[1] = cell_i64(i / ids);
        cells[2] = cell_text(arena_text(arena, "%lld/%lld", (long long)(i % ids * 2), (long long)(i / ids)));
    }
    DONE(store_insert(store, "u", "id, seq, name", &rows, CONFLICT_FAILS, &err));
}

// Many keys, from the last to the first, every third of them twice, every fifth unknown, two rows for each.
ON_BOTH(many_keys_in_any_order_are_answered_in_theirs) {
    enum { KEYS = 900 };
    err_t err;
    rows_t keys, found;
    size_t row = 0;
    arena_t *arena = arena_new(1 << 20, 0);
    store_t *store = with_table(url, "any_order");
    fill_u(store, arena, KEYS, 2);
    rows_init(&keys, arena, 1);
    for (int64_t i = 0; i < KEYS; i++)
        rows_add(&keys)[0] = cell_i64(i % 5 == 4 ? 1 : 2 * (KEYS - 1 - (i % 3 == 2 ? i - 1 : i)));
    DONE(store_each_query(store, "SELECT id, seq, name FROM u WHERE id = $1 ORDER BY seq", &keys, arena, &found, &err));
    for (int64_t i = 0; i < KEYS; i++) {
        const int64_t id = rows_at(&keys, (size_t)i)->i64;
        for (int64_t seq = 0; id % 2 == 0 && seq < 2; seq++, row++) {
            NEED(row < found.count);
            EQ(row_i64(&found, row, 0), i);
            EQ(row_i64(&found, row, 1), id);
            EQ(row_i64(&found, row, 2), seq);
        }
    }
    EQ(row, found.count);
    // Texts that begin alike.
    rows_init(&keys, arena, 2);
    for (int64_t i = 0; i < 100; i++) {
        cell_t *key = rows_add(&keys);
        key[0] = cell_i64(i % 2);
        key[1] = cell_text(arena_text(arena, "a long name %lld", (long long)(198 - 2 * i)));
    }
    DONE(store_each_query(store, "SELECT id FROM u WHERE seq = $1 AND 'a long name ' || CAST(id AS TEXT) = $2", &keys,
                          arena, &found, &err));
    NEED(found.count == 100);
    for (int64_t i = 0; i < 100; i++) {
        EQ(row_i64(&found, (size_t)i, 0), i);
        EQ(row_i64(&found, (size_t)i, 1), 198 - 2 * i);
    }
    store_close(&store);
    arena_destroy(&arena);
}

ON_BOTH(of_rows_with_one_key_the_first_is_kept_whatever_their_order) {
    err_t err;
    rows_t rows;
    arena_t *arena = arena_new(1 << 20, 0);
    store_t *store = with_table(url, "first_kept");
    rows_init(&rows, arena, 3);
    for (int64_t i = 0; i < 400; i++) {
        cell_t *row = rows_add(&rows);
        row[0] = cell_i64(200 - i % 200);
        row[1] = cell_text(i < 200 ? "first" : "a second");
        row[2] = cell_blob("x", 1);
    }
    DONE(store_insert(store, "t", "id, name, body", &rows, CONFLICT_SKIPS, &err));
    EQ(count_t(store), 200);
    EQ(ask(store, "SELECT count(*) FROM t WHERE name = 'first'"), 200);
    store_close(&store);
    arena_destroy(&arena);
}

ON_BOTH(each_query_keeps_key_order) {
    static const int64_t wanted[] = {8, 3, 0, 8, 99998, 2};
    err_t err;
    rows_t keys, got;
    arena_t *arena = arena_new(1 << 16, 0);
    store_t *store = with_table(url, "each");
    fill_u(store, arena, 5, 4);
    rows_init(&keys, arena, 1);
    DONE(store_each_query(store, "SELECT seq FROM u WHERE id = $1", &keys, arena, &got, &err));
    EQ(got.count, 0);
    for (size_t i = 0; i < COUNT_OF(wanted); i++) *rows_add(&keys) = cell_i64(wanted[i]);
    DONE(store_each_query(store,
                          "SELECT name, seq FROM u WHERE id = $1 AND name <> '$1' ORDER BY seq DESC LIMIT 3 -- $1",
                          &keys, arena, &got, &err));
    EQ(got.count, 12); // missing keys give nothing
    static const int64_t index[] = {0, 2, 3, 5};
    for (size_t i = 0; i < got.count; i++) {
        EQ(row_i64(&got, i, 0), index[i / 3]);
        EQ(row_i64(&got, i, 2), 3 - (int64_t)(i % 3));
        EQ_TEXT(row_text(&got, i, 1),
                arena_text(arena, "%lld/%lld", (long long)wanted[index[i / 3]], 3 - (long long)(i % 3)));
    }
    store_close(&store);
    arena_destroy(&arena);
}

// No index serves these keys: PostgreSQL hashes them and gives the rows in the order of the table.
ON_BOTH(each_query_keeps_key_order_whatever_the_plan) {
    err_t err;
    rows_t keys, got;
    arena_t *arena = arena_new(1 << 20, 0);
    store_t *store = with_table(url, "plan");
    fill_u(store, arena, 2000, 3);
    DONE(store_exec(store, "ANALYZE u", NULL, 0, &err));
    rows_init(&keys, arena, 1);
    for (int64_t i = 299; i >= 0; i--) *rows_add(&keys) = cell_i64(i);
    DONE(store_each_query(store, "SELECT seq, name FROM u WHERE seq = $1", &keys, arena, &got, &err));
    NEED(got.count == 6000 && got.width == 3);
    bool right = true;
    for (size_t i = 0; i < got.count; i++) {
        right &= row_i64(&got, i, 0) == 297 + (int64_t)(i / 2000);
        right &= row_i64(&got, i, 1) == 299 - row_i64(&got, i, 0);
    }
    OK(right);
    store_close(&store);
    arena_destroy(&arena);
}

ON_BOTH(each_query_takes_twelve_parameters) {
    err_t err;
    rows_t keys, got;
    arena_t *arena = arena_new(1 << 16, 0);
    store_t *store = with_table(url, "twelve");
    rows_init(&keys, arena, 12);
    for (int64_t row = 0; row < 3; row++) {
        cell_t *cells = rows_add(&keys);
        for (int64_t i = 0; i < 12; i++) cells[i] = cell_i64(row * 100 + i + 1);
    }
    DONE(store_each_query(store, "SELECT $12 - $1, $10, $2 /* $3 */ AS \"$4\"", &keys, arena, &got, &err));
    NEED(got.count == 3 && got.width == 4);
    for (size_t row = 0; row < 3; row++) {
        EQ(row_i64(&got, row, 0), row);
        EQ(row_i64(&got, row, 1), 11);
        EQ(row_i64(&got, row, 2), row * 100 + 10);
        EQ(row_i64(&got, row, 3), row * 100 + 2);
    }
    store_close(&store);
    arena_destroy(&arena);
}

ON_BOTH(each_exec_is_all_or_nothing) {
    err_t err;
    rows_t rows;
    arena_t *arena = arena_new(1 << 20, 0);
    store_t *store = with_table(url, "each_exec");
    fill(&rows, arena, 0, 1000);
    DONE(store_each_exec(store, "INSERT INTO t (id, name, body) VALUES ($1, $2, $3)", &rows, &err));
    EQ(count_t(store), 1000);
    DONE(store_each_exec(store, "UPDATE t SET name = $2 || '!', body = $3 WHERE id = $1 - 1", &rows, &err));
    EQ(ask(store, "SELECT count(*) FROM t WHERE name LIKE 'name %!'"), 999);
    rows_at(&rows, 999)[0] = cell_i64(1500);
    rows_at(&rows, 0)[0] = cell_i64(2000);
    EQ(store_each_exec(store, "INSERT INTO t (id, name, body) VALUES ($1, $2, $3)", &rows, &err), E_RACE);
    EQ(count_t(store), 1000);
    store_close(&store);
    arena_destroy(&arena);
}

// 16 MB go out while 96 MB come back: a side that only wrote would wait for ever.
ON_BOTH(large_answers_do_not_lock_the_pipeline) {
    err_t err;
    rows_t rows;
    arena_t *arena = arena_new(1 << 20, 0);
    store_t *store = with_table(url, "large");
    char *body = arena_alloc(arena, 8192);
    rows_init(&rows, arena, 2);
    for (int64_t i = 0; i < 2000; i++) {
        cell_t *cells = rows_add(&rows);
        cells[0] = cell_i64(i);
        cells[1] = cell_blob(body, 8192);
    }
    DONE(store_each_exec(store, "INSERT INTO t (id, body) VALUES ($1, $2) RETURNING body, body, body, body, body, body",
                         &rows, &err));
    EQ(count_t(store), 2000);
    store_close(&store);
    arena_destroy(&arena);
}

ON_BOTH(the_statement_cache_is_bounded) {
    err_t err;
    rows_t rows;
    char sql[64];
    arena_t *arena = arena_new(1 << 16, 0);
    store_t *store = with_table(url, "cache");
    for (int round = 0; round < 2; round++)
        for (int64_t i = 0; i < 600; i++) {
            cell_t cell = cell_i64(i);
            snprintf(sql, sizeof sql, "SELECT $1 + %lld", (long long)i);
            DONE(store_query(store, sql, &cell, 1, arena, &rows, &err));
            NEED(rows.count == 1 && row_i64(&rows, 0, 0) == 2 * i);
        }
    if (store_is_postgres(store)) OK(ask(store, "SELECT count(*) FROM pg_prepared_statements") <= 256);
    store_close(&store);
    arena_destroy(&arena);
}

// ---- migrations ----

static const migration_t good[] = {
    {1, "CREATE TABLE m (id BIGINT NOT NULL); CREATE INDEX m_id ON m (id);"},
    {2, "INSERT INTO m (id) VALUES (1); INSERT INTO m (id) VALUES (2);"},
    {3, "INSERT INTO m (id) VALUES (3); -- the end"},
};

ON_BOTH(a_step_for_one_engine_is_counted_on_both) {
    static const migration_t steps[] = {{1, "CREATE TABLE m (a BIGINT NOT NULL)"},
                                        {2, POSTGRES_ONLY "ALTER TABLE m SET (fillfactor = 60);"},
                                        {3, "ALTER TABLE m ADD COLUMN b BIGINT NOT NULL DEFAULT 7"},
                                        {4, SQLITE_ONLY "INSERT INTO m (a) SELECT 2 FROM sqlite_schema LIMIT 1;"}};
    err_t err;
    store_t *store = opened(url, "only");
    DONE(store_migrate(store, steps, 4, &err));
    DONE(store_migrate(store, steps, 4, &err));
    EQ(ask(store, "SELECT CAST(max(version) AS BIGINT) FROM schema_version"), 4);
    DONE(store_exec(store, "INSERT INTO m (a) VALUES (1)", NULL, 0, &err));
    EQ(ask(store, "SELECT b FROM m WHERE a = 1"), 7);
    EQ(ask(store, "SELECT COUNT(*) FROM m WHERE a = 2"), store_is_postgres(store) ? 0 : 1);
    if (store_is_postgres(store))
        EQ(ask(store, "SELECT COUNT(*) FROM pg_class WHERE relname = 'm' AND 'fillfactor=60' = ANY (reloptions)"), 1);
    store_close(&store);
}

ON_BOTH(migrations_go_on_where_they_stopped) {
    static const migration_t bad[] = {
        {1, "CREATE TABLE m (id BIGINT NOT NULL); CREATE INDEX m_id ON m (id);"},
        {2, "INSERT INTO m (id) VALUES (1); INSERT INTO nowhere (id) VALUES (2);"},
    };
    err_t err;
    store_t *store = opened(url, "migrate");
    DONE(store_migrate(store, good, 0, &err));
    EQ(store_migrate(store, bad, 2, &err), E_STORE);
    HAS_TEXT(err.text, "migration 2");
    HAS_TEXT(err.text, "nowhere");
    EQ(ask(store, "SELECT count(*) FROM m"), 0);
    EQ(ask(store, "SELECT max(version) FROM schema_version"), 1);
    DONE(store_migrate(store, good, 3, &err));
    DONE(store_migrate(store, good, 3, &err));
    EQ(ask(store, "SELECT count(*) FROM m"), 3);
    EQ(store_migrate(store, good, 2, &err), E_STORE);
    HAS_TEXT(err.text, "version 3");
    store_close(&store);
}

// Run `work` in `count` processes at once; the number of those that exited with 0.
static int in_processes(int count, int (*work)(const char *url, int index), const char *url) {
    pid_t children[8];
    int good_ends = 0;
    fflush(NULL);
    for (int i = 0; i < count; i++) {
        children[i] = fork();
        if (children[i] == 0) _exit(work(url, i));
    }
    for (int i = 0; i < count; i++) {
        int status = -1;
        if (children[i] > 0 && waitpid(children[i], &status, 0) == children[i]) good_ends += status == 0;
    }
    return good_ends;
}

static int migrate_work(const char *url, int index) {
    (void)index;
    err_t err;
    store_t *store;
    int code = store_open(&store, url, "together", &err);
    if (code == E_OK) code = store_migrate(store, good, 3, &err);
    if (code != E_OK) fprintf(stderr, "%s\n", err.text);
    if (code == E_OK) store_close(&store);
    return code;
}

ON_BOTH(processes_migrate_together) {
    EQ(in_processes(6, migrate_work, url), 6);
    store_t *store = opened(url, "together");
    EQ(ask(store, "SELECT count(*) FROM m"), 3);
    EQ(ask(store, "SELECT count(*) FROM schema_version"), 3);
    store_close(&store);
}

// ---- several processes ----

#define APPENDS 300

// Append to one numbered log: read the head, insert the next number, and if the other process was faster read again.
static int append_work(const char *url, int index) {
    err_t err;
    store_t *store;
    rows_t head;
    arena_t *arena = arena_new(4096, 0);
    int code = store_open(&store, url, "append", &err), races = 0;
    for (int done = 0; code == E_OK && done < APPENDS;) {
        arena_reset(arena);
        code = store_query(store, "SELECT coalesce(max(id), 0) FROM t", NULL, 0, arena, &head, &err);
        if (code == E_OK) code = store_begin(store, &err);
        if (code != E_OK) break;
        cell_t cells[] = {cell_i64(row_i64(&head, 0, 0) + 1), cell_text(index ? "b" : "a")};
        code = store_exec(store, "INSERT INTO t (id, name) VALUES ($1, $2)", cells, 2, &err);
        if (code == E_OK)
            code = store_commit(store, &err);
        else
            store_rollback(store);
        done += code == E_OK;
        races += code == E_RACE;
        if (code == E_RACE) code = E_OK;
    }
    if (code != E_OK) fprintf(stderr, "%s\n", err.text);
    if (races > 20 * APPENDS) return 99;
    return code;
}

ON_BOTH(two_writers_make_one_log_without_gaps) {
    store_t *store = with_table(url, "append");
    EQ(in_processes(2, append_work, url), 2);
    EQ(count_t(store), 2 * APPENDS);
    EQ(ask(store, "SELECT max(id) FROM t"), 2 * APPENDS);
    EQ(ask(store, "SELECT count(*) FROM t WHERE name = 'a'"), APPENDS);
    store_close(&store);
}

// Commits three rows per number and tells each committed number.
static void commit_for_ever(const char *url, int out) {
    err_t err;
    store_t *store;
    if (store_open(&store, url, "killed", &err) != E_OK) _exit(1);
    for (int32_t n = 1;; n++) {
        if (store_begin(store, &err) != E_OK) _exit(2);
        for (int64_t i = 0; i < 3; i++)
            if (insert_one(store, n * 3 + i, &err) != E_OK) _exit(3);
        if (store_commit(store, &err) != E_OK) _exit(4);
        if (write(out, &n, sizeof n) != sizeof n) _exit(5);
    }
}

ON_BOTH(what_was_acknowledged_outlives_kill_nine) {
    int ends[2];
    store_t *store = with_table(url, "killed");
    store_close(&store);
    NEED(pipe(ends) == 0);
    fflush(NULL);
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        close(ends[0]);
        commit_for_ever(url, ends[1]);
    }
    close(ends[1]);
    int32_t n = 0, last = 0;
    while (read(ends[0], &n, sizeof n) == sizeof n) {
        if (n == 200) kill(child, SIGKILL);
        last = n;
    }
    close(ends[0]);
    NEED(waitpid(child, NULL, 0) == child);
    OK(last >= 200);
    if (url == postgres_url) EQ(postgres_restart(true), 0); // the server dies too
    store = with_table(url, "killed");
    int64_t count = count_t(store);
    EQ(count % 3, 0);
    OK(count >= last * 3 && count <= (last + 1) * 3); // one more may have been committed but not told
    EQ(ask(store, "SELECT max(id) FROM t"), count + 2);
    store_close(&store);
}

// ---- faults ----

// 120 MB are written, and the log begins anew when it was copied.
TEST(the_log_of_sqlite_is_copied_beside_the_writer) {
    enum { TURNS = 60, ROWS = 500, BODY = 4000, LOG_MAX = 80 * 1024 * 1024 };
    static char body[BODY], path[256];
    err_t err;
    struct stat log;
    off_t longest = 0;
    store_t *store = with_table(sqlite_url, "long_log");
    arena_t *arena = arena_new(1 << 16, 0);
    snprintf(path, sizeof path, "%s/long_log.db-wal", sqlite_url + strlen("sqlite:"));
    for (int64_t turn = 0; turn < TURNS; turn++) {
        rows_t rows;
        arena_reset(arena);
        fill(&rows, arena, turn * ROWS, ROWS);
        for (size_t i = 0; i < rows.count; i++) rows_at(&rows, i)[2] = cell_blob(body, sizeof body);
        DONE(store_insert(store, "t", "id, name, body", &rows, CONFLICT_FAILS, &err));
        EQ(stat(path, &log), 0);
        if (log.st_size > longest) longest = log.st_size;
    }
    OK(longest > 0 && longest < LOG_MAX);
    EQ(count_t(store), TURNS * ROWS);
    store_close(&store);
    store = opened(sqlite_url, "long_log");
    EQ(count_t(store), TURNS * ROWS);
    store_close(&store);
    arena_destroy(&arena);
}

static int fill_disk_work(const char *url, int index) {
    (void)index;
    err_t err = {0};
    rows_t rows;
    arena_t *arena = arena_new(1 << 16, 0);
    store_t *store = with_table(url, "full_");
    signal(SIGXFSZ, SIG_IGN);
    fill(&rows, arena, 1, 64);
    if (store_insert(store, "t", "id, name, body", &rows, CONFLICT_FAILS, &err) != E_OK) return 1;
    struct rlimit limit = {.rlim_cur = 256 << 10, .rlim_max = RLIM_INFINITY};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
    int code = E_OK;
    for (int64_t i = 1; code == E_OK && i < 100; i++) {
        fill(&rows, arena, i * 1000, 64);
        code = store_insert(store, "t", "id, name, body", &rows, CONFLICT_FAILS, &err);
    }
    if (code != E_STORE || !strstr(err.text, "sqlite")) return 3;
    limit.rlim_cur = RLIM_INFINITY;
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 4;
    int64_t before = count_t(store);
    fill(&rows, arena, 1000000, 64);
    if (store_insert(store, "t", "id, name, body", &rows, CONFLICT_FAILS, &err) != E_OK) return 5;
    return before % 64 == 0 && count_t(store) == before + 64 ? 0 : 6;
}

TEST(a_full_disk_is_an_error_and_work_goes_on_after_it) { EQ(in_processes(1, fill_disk_work, sqlite_url), 1); }

TEST(a_lost_server_is_an_error_and_the_next_transaction_reconnects) {
    err_t err;
    rows_t rows;
    arena_t *arena = arena_new(1 << 16, 0);
    for (int immediate = 0; immediate < 2; immediate++) {
        store_t *store = with_table(postgres_url, immediate ? "lost_now" : "lost_fast");
        DONE(insert_one(store, 1, &err));
        DONE(store_begin(store, &err));
        DONE(insert_one(store, 2, &err));
        EQ(count_t(store), 2); // the server has seen it
        EQ(postgres_restart(immediate), 0);
        int code = insert_one(store, 3, &err);
        if (code == E_OK) EQ(store_commit(store, &err), E_STORE);
        store_rollback(store);
        DONE(store_begin(store, &err));
        DONE(insert_one(store, 4, &err)); // prepared anew
        DONE(store_commit(store, &err));
        EQ(count_t(store), 2);
        EQ(postgres_restart(immediate), 0); // while idle: not even an error
        DONE(insert_one(store, 5, &err));
        EQ(postgres_halt(immediate), 0);
        EQ(store_begin(store, &err), E_STORE);
        EQ(insert_one(store, 6, &err), E_STORE);
        EQ(postgres_resume(), 0);
        DONE(insert_one(store, 6, &err));
        EQ(count_t(store), 4);
        DONE(store_begin(store, &err));
        fill(&rows, arena, 1000, 200);
        DONE(store_insert(store, "t", "id, name, body", &rows, CONFLICT_FAILS, &err)); // its end is not waited for
        EQ(postgres_restart(immediate), 0);
        EQ(store_commit(store, &err), E_STORE);
        EQ(count_t(store), 4);
        store_close(&store);
    }
    arena_destroy(&arena);
}

TEST(a_changed_table_is_an_error_once) {
    err_t err;
    rows_t rows;
    arena_t *arena = arena_new(4096, 0);
    store_t *store = with_table(postgres_url, "changed");
    DONE(store_query(store, "SELECT * FROM t", NULL, 0, arena, &rows, &err));
    DONE(store_exec(store, "ALTER TABLE t ADD COLUMN more BIGINT", NULL, 0, &err));
    EQ(store_query(store, "SELECT * FROM t", NULL, 0, arena, &rows, &err), E_STORE);
    DONE(store_query(store, "SELECT * FROM t", NULL, 0, arena, &rows, &err));
    EQ(rows.width, 4);
    store_close(&store);
    arena_destroy(&arena);
}

// ---- one engine against the other ----

static uint64_t seed;
static int64_t dice(int64_t sides) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)((seed >> 33) % (uint64_t)sides);
}

static void random_rows(rows_t *rows, arena_t *arena) {
    rows_init(rows, arena, 3);
    for (int64_t i = dice(20); i >= 0; i--) {
        cell_t *cells = rows_add(rows);
        cells[0] = cell_i64(dice(60));
        cells[1] = dice(4) ? cell_text(arena_text(arena, "%lld", (long long)dice(1000))) : cell_text(NULL);
        size_t size = (size_t)dice(40);
        uint8_t *bytes = arena_alloc(arena, size + 1);
        for (size_t b = 0; b < size; b++) bytes[b] = (uint8_t)dice(256);
        cells[2] = dice(5) ? cell_blob(bytes, size) : cell_null(CELL_BLOB);
    }
}

static int random_step(store_t *store, int64_t what, const rows_t *rows, arena_t *arena, rows_t *out) {
    err_t err;
    rows_init(out, arena, 0);
    switch (what) {
    case 0: return store_insert(store, "t", "id, name, body", rows, CONFLICT_FAILS, &err);
    case 1: return store_insert(store, "t", "id, name, body", rows, CONFLICT_SKIPS, &err);
    case 2: return store_each_exec(store, "UPDATE t SET name = $2, body = $3 WHERE id = $1", rows, &err);
    case 3: return store_exec(store, "DELETE FROM t WHERE id = $1 OR name = $2", rows->cells, 2, &err);
    case 4:
        return store_query(store, "UPDATE t SET name = $2 WHERE id = $1 RETURNING name, body", rows->cells, 2, arena,
                           out, &err);
    default:
        return store_each_query(store,
                                "SELECT * FROM t WHERE id >= $1 AND ($2 IS NULL OR name <> $2) ORDER BY id LIMIT 3",
                                rows, arena, out, &err);
    }
}

TEST(both_engines_do_the_same) {
    static const char dump[] = "SELECT id, name, body FROM t ORDER BY id";
    const char *given = getenv("STORE_TEST_SEED");
    seed = given ? strtoull(given, NULL, 10) : (uint64_t)clock_now_ms();
    printf(" seed %llu ", (unsigned long long)seed);
    err_t err;
    arena_t *arena = arena_new(1 << 16, 0);
    store_t *a = with_table(sqlite_url, "same"), *b = with_table(postgres_url, "same");
    for (int turn = 0; turn < 150; turn++) {
        arena_reset(arena);
        DONE(store_begin(a, &err));
        DONE(store_begin(b, &err));
        int code_a = E_OK, code_b = E_OK;
        for (int64_t steps = dice(4); steps >= 0; steps--) {
            rows_t rows, from_a, from_b;
            int64_t what = dice(6);
            random_rows(&rows, arena);
            code_a = random_step(a, what, &rows, arena, &from_a);
            code_b = random_step(b, what, &rows, arena, &from_b);
            if (code_a == E_OK && code_b == E_OK) OK(same_rows(&from_a, &from_b));
        }
        if (dice(5) == 0) {
            store_rollback(a);
            store_rollback(b);
        } else {
            code_a = store_commit(a, &err);
            code_b = store_commit(b, &err);
            EQ(code_a, code_b);
        }
        rows_t all_a, all_b;
        DONE(store_query(a, dump, NULL, 0, arena, &all_a, &err));
        DONE(store_query(b, dump, NULL, 0, arena, &all_b, &err));
        NEED(same_rows(&all_a, &all_b));
    }
    store_close(&a);
    store_close(&b);
    arena_destroy(&arena);
}

TESTS("store", CASE(both_engines_start), CASE(bad_urls_and_schemas_are_refused), CASE(memory_is_a_store_of_its_own),
      BOTH(a_reader_makes_and_changes_nothing), BOTH(data_outlives_the_store), BOTH(every_value_comes_back),
      BOTH(results_have_types_and_nulls), BOTH(a_result_over_the_arena_is_an_error), BOTH(rollback_leaves_nothing),
      BOTH(a_unique_key_is_a_race_and_nothing_is_committed), BOTH(other_constraints_are_no_race),
      BOTH(the_first_failure_sticks), BOTH(statements_behind_a_failure_work_later),
      BOTH(missing_parameters_are_an_error), BOTH(inserts_of_any_size), BOTH(many_rows_are_as_one),
      BOTH(of_many_rows_with_a_key_that_is_there_the_next_call_tells), BOTH(conflicts_can_be_skipped),
      BOTH(a_put_replaces_what_is_there), BOTH(an_update_changes_what_is_there_and_nothing_else),
      BOTH(what_an_update_asks_of_the_planner_ends_with_it), BOTH(many_keys_in_any_order_are_answered_in_theirs),
      BOTH(of_rows_with_one_key_the_first_is_kept_whatever_their_order),
      BOTH(a_drop_takes_what_matches_in_every_column), BOTH(each_query_keeps_key_order),
      BOTH(each_query_keeps_key_order_whatever_the_plan), BOTH(each_query_takes_twelve_parameters),
      BOTH(each_exec_is_all_or_nothing), BOTH(large_answers_do_not_lock_the_pipeline),
      BOTH(the_statement_cache_is_bounded), BOTH(a_step_for_one_engine_is_counted_on_both),
      BOTH(migrations_go_on_where_they_stopped), BOTH(processes_migrate_together),
      BOTH(two_writers_make_one_log_without_gaps), BOTH(what_was_acknowledged_outlives_kill_nine),
      CASE(the_log_of_sqlite_is_copied_beside_the_writer), CASE(a_full_disk_is_an_error_and_work_goes_on_after_it),
      CASE(a_lost_server_is_an_error_and_the_next_transaction_reconnects), CASE(a_changed_table_is_an_error_once),
      CASE(both_engines_do_the_same))
