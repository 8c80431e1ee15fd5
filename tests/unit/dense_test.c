// Many keys of a partition at once: the answer is that of a lookup for each, whichever way it was had. The column
// `way` says which. Built twice: on SQLite, and with ON_POSTGRES.
#include "services/collection/dense.h"
#include "tests/check.h"
#ifdef ON_POSTGRES
#include "tests/postgres.h"
#endif

enum { LOOKUP = 1, WHOLE = 2 };

static store_t *store;
static arena_t *arena;
static err_t err;

static const dense_table_t thing = {
    .by_key = "SELECT n, 1 AS way FROM thing WHERE partition = $1 AND person = $2 ORDER BY n",
    .by_part = "SELECT n, 2 AS way, person FROM thing WHERE partition = $1 ORDER BY person, n LIMIT $2",
    .rows_a_key = 3,
};

static void need(int code) {
    if (code) fprintf(stderr, "%s\n", err.text);
    NEED(code == E_OK);
}

static void open_things(void) {
    static const migration_t steps[] = {{1, "CREATE TABLE thing (partition BIGINT NOT NULL, person TEXT NOT NULL,"
                                            " n BIGINT NOT NULL, PRIMARY KEY (partition, person, n));"}};
    const char *url = "sqlite::memory:";
#ifdef ON_POSTGRES
    static char server[256];
    if (!server[0]) NEED(postgres_start(server) == 0);
    url = server;
#endif
    arena = arena_new(64 * 1024, 0);
    need(store_open(&store, url, "things", &err));
    need(store_migrate(store, steps, COUNT_OF(steps), &err));
    need(store_exec(store, "DELETE FROM thing", NULL, 0, &err));
}

static void close_things(void) {
    store_close(&store);
    arena_destroy(&arena);
}

// Rows 1 … each of the persons from, from + step … below end of a partition.
static void put(int64_t partition, int from, int end, int step, int each) {
    rows_t rows;
    rows_init(&rows, arena, 3);
    for (int i = from; i < end; i += step)
        for (int n = 1; n <= each; n++) {
            cell_t *row = rows_add(&rows);
            NEED(row != NULL);
            row[0] = cell_i64(partition);
            row[1] = cell_text(arena_text(arena, "P%d", i)); // not in the order of the numbers
            row[2] = cell_i64(n);
        }
    need(store_insert(store, "thing", "partition, person, n", &rows, CONFLICT_FAILS, &err));
}

// From the last to the first, so that it is no order of an index.
static void add_keys(rows_t *keys, int64_t partition, int from, int end, int step) {
    if (!keys->arena) rows_init(keys, arena, 2);
    for (int i = end - 1; i >= from; i -= step) {
        cell_t *row = rows_add(keys);
        NEED(row != NULL);
        row[0] = cell_i64(partition);
        row[1] = cell_text(arena_text(arena, "P%d", i));
    }
}

// In partition 4 the rows are had by `way_of_4`.
static void check(const rows_t *keys, int way, int way_of_4) {
    rows_t found, expected;
    need(dense_query(store, &thing, keys, arena, &found, &err));
    need(store_each_query(store, thing.by_key, keys, arena, &expected, &err));
    EQ(found.count, expected.count);
    NEED(found.count == expected.count && found.count > 0);
    for (size_t i = 0; i < found.count; i++) {
        EQ(row_i64(&found, i, 0), row_i64(&expected, i, 0));
        EQ(row_i64(&found, i, 1), row_i64(&expected, i, 1));
        const int64_t partition = rows_at(keys, (size_t)row_i64(&found, i, 0))[0].i64;
        EQ(row_i64(&found, i, 2), partition == 4 ? way_of_4 : way);
    }
}

TEST(many_of_a_partition_are_read_with_it) {
    rows_t keys = {0};
    open_things();
    put(3, 0, 1000, 1, 2);
    put(5, 0, 1000, 2, 1);
    put(7, 0, 1000, 1, 1);            // of no concern
    add_keys(&keys, 3, 300, 1300, 1); // some are not there, and of some that are there nobody asked
    add_keys(&keys, 5, 0, 1000, 1);
    check(&keys, WHOLE, WHOLE);
    close_things();
}

TEST(few_of_a_partition_are_looked_up) {
    rows_t keys = {0};
    open_things();
    put(3, 0, 1000, 1, 1);
    add_keys(&keys, 3, 0, 1000, 5); // 200
    check(&keys, LOOKUP, LOOKUP);
    close_things();
    rows_t more = {0};
    open_things();
    put(3, 0, 1000, 1, 1);
    put(4, 0, 100, 1, 1);
    add_keys(&more, 3, 0, 1000, 1);
    add_keys(&more, 4, 0, 100, 1);
    add_keys(&more, 5, 0, 1000, 1); // where nobody is
    check(&more, WHOLE, LOOKUP);
    close_things();
}

// The bound is that of each partition: one row more than it may have, and nothing of it is believed.
TEST(of_a_partition_too_large_nothing_is_left_out) {
    for (int beyond = 0; beyond <= 1; beyond++) {
        rows_t keys = {0};
        open_things();
        put(3, 0, 300, 1, 1);
        put(4, 0, 900 + beyond, 1, 1);
        add_keys(&keys, 3, 0, 300, 1);
        add_keys(&keys, 4, 600, 900, 1);
        check(&keys, WHOLE, beyond ? LOOKUP : WHOLE);
        close_things();
    }
}

TEST(a_key_twice_is_answered_twice) {
    rows_t keys = {0};
    open_things();
    put(3, 0, 400, 1, 1);
    add_keys(&keys, 3, 0, 400, 1);
    add_keys(&keys, 3, 10, 11, 1);
    check(&keys, LOOKUP, LOOKUP);
    close_things();
}

TEST(nobody_is_no_error) {
    rows_t keys = {0}, found;
    open_things();
    rows_init(&keys, arena, 2);
    need(dense_query(store, &thing, &keys, arena, &found, &err));
    EQ(found.count, 0);
    add_keys(&keys, 3, 0, 400, 1);
    need(dense_query(store, &thing, &keys, arena, &found, &err));
    EQ(found.count, 0);
    close_things();
}

TESTS("dense", CASE(many_of_a_partition_are_read_with_it), CASE(few_of_a_partition_are_looked_up),
      CASE(of_a_partition_too_large_nothing_is_left_out), CASE(a_key_twice_is_answered_twice), CASE(nobody_is_no_error))
