// How the auditor turns pages: every row once, in the order of the key, wherever a page ends; what it cannot keep or
// does not expect is an error.
#include "services/cli/verify.h"
#include "tests/check.h"
#include "tests/temp_store.h"

static verify_t verify;
static err_t err;
static store_t *store;

typedef struct taken {
    char told[200];
    int pages, stop_at; // 0: never
} taken_t;

static int take(verify_t *self, void *to, const rows_t *rows, err_t *why) {
    taken_t *taken = to;
    (void)self;
    for (size_t i = 0; i < rows->count; i++) {
        const size_t at = strlen(taken->told);
        snprintf(taken->told + at, sizeof taken->told - at, "%s%lld ", row_text(rows, i, 0),
                 (long long)row_i64(rows, i, 1));
    }
    return ++taken->pages == taken->stop_at ? err_set(why, E_RACE, "enough") : E_OK;
}

static int read_pages(size_t rows, taken_t *taken) {
    const verify_pages_t pages = {.store = store,
                                  .types = "tii",
                                  .sql =
                                      "SELECT name, number, amount FROM thing WHERE kind = $1"
                                      " AND (name, number) > ($2, $3) AND amount < $4 ORDER BY name, number LIMIT $5",
                                  .params = {cell_i64(7), cell_text("a"), cell_i64(1), cell_i64(100)},
                                  .count = 4,
                                  .key = 1,
                                  .keys = 2,
                                  .rows = rows};
    return verify_pages(&verify, &pages, take, taken, &err);
}

static void add(const char *name, int64_t number, int64_t kind) {
    const cell_t params[] = {cell_text(name), cell_i64(number), cell_i64(kind)};
    NEED(store_exec(store, "INSERT INTO thing VALUES ($1, $2, $3, 5)", params, COUNT_OF(params), &err) == E_OK);
}

TEST(the_ground_is_laid) {
    NEED(temp_store_start() == 0 && store_open(&store, temp_store_url(), "pages", &err) == E_OK);
    NEED(store_exec(store, "CREATE TABLE thing (name TEXT, number BIGINT, kind BIGINT, amount BIGINT)", NULL, 0,
                    &err) == E_OK);
    verify.page = arena_new(1 << 16, 1 << 20);
    NEED(verify.page != NULL);
    add("a", 1, 7); // the first page begins behind it
    add("a", 3, 7);
    add("b", 1, 7);
    add("b", 2, 7);
    add("b", 2, 8); // of another kind
    add("c", 9, 7);
}

TEST(every_row_comes_once_wherever_a_page_ends) {
    static const struct {
        size_t rows;
        int pages;
    } sizes[] = {{1, 5}, {2, 3}, {3, 2}, {4, 2}, {5, 1}, {0, 1}};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        taken_t taken = {0};
        EQ(read_pages(sizes[i].rows, &taken), E_OK);
        EQ_TEXT(taken.told, "a3 b1 b2 c9 ");
        EQ(taken.pages, sizes[i].pages);
    }
}

TEST(an_error_of_who_takes_ends_it) {
    taken_t taken = {.stop_at = 2};
    EQ(read_pages(1, &taken), E_RACE);
    EQ_TEXT(taken.told, "a3 b1 ");
}

TEST(a_key_longer_than_any_that_we_write_is_an_error_of_the_store) {
    char name[VERIFY_NAME_MAX + 1];
    memset(name, 'z', sizeof name - 1);
    name[sizeof name - 1] = 0;
    add(name, 1, 7);
    taken_t taken = {0};
    EQ(read_pages(2, &taken), E_STORE);
    HAS_TEXT(err.text, "too long");
}

TEST(the_ground_is_cleared) {
    store_close(&store);
    arena_destroy(&verify.page);
    temp_store_stop();
}

TESTS("the auditor's pages", CASE(the_ground_is_laid), CASE(every_row_comes_once_wherever_a_page_ends),
      CASE(an_error_of_who_takes_ends_it), CASE(a_key_longer_than_any_that_we_write_is_an_error_of_the_store),
      CASE(the_ground_is_cleared))
