// Digests of sets of rows, and the buckets they are told by.
#include "common/reconcile/buckets.h"
#include "common/base/hash.h"
#include "tests/check.h"

static const digest_key_t key = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
static uint64_t seed, drawn;
static uint64_t draw(uint64_t below) { return hash64(&drawn, sizeof drawn, seed + drawn++) % below; }

enum { ROWS = 200 };
static char numbers[ROWS][16];

static digest_row_t row_of(int i) {
    static const char *const parties[] = {"H440703000011", "H440703000029"}, *const kinds[] = {"tier1", "tier2",
                                                                                               "account"};
    snprintf(numbers[i], sizeof numbers[i], "D%06d", i);
    return (digest_row_t){parties[i % 2], kinds[i % 3], numbers[i], date_make(2020, 3, 1 + i % 7), 100 * i};
}

TEST(the_order_of_rows_does_not_matter) {
    set_digest_t up = {0}, down = {0};
    for (int i = 0; i < ROWS; i++) {
        digest_row_t row = row_of(i), other = row_of(ROWS - 1 - i);
        set_digest_add(&up, &key, &row);
        set_digest_add(&down, &key, &other);
    }
    OK(set_digest_same(&up, &down));
    EQ(up.count, ROWS);
    EQ(up.sum, 100 * ROWS * (ROWS - 1) / 2);
}

TEST(what_is_added_and_taken_away_leaves_no_trace) {
    set_digest_t set = {0}, before, nothing = {0};
    for (int i = 0; i < 100; i++) set_digest_add(&set, &key, &(digest_row_t){"p", "k", numbers[i], 0, i});
    before = set;
    for (int i = 100; i < ROWS; i++) set_digest_add(&set, &key, &(digest_row_t){"p", "k", numbers[i], 0, -i});
    for (int i = ROWS; i-- > 100;) set_digest_take_away(&set, &key, &(digest_row_t){"p", "k", numbers[i], 0, -i});
    OK(set_digest_same(&set, &before));
    for (int i = 0; i < 100; i++) set_digest_take_away(&set, &key, &(digest_row_t){"p", "k", numbers[i], 0, i});
    OK(set_digest_same(&set, &nothing));
}

TEST(every_field_of_a_row_counts_and_so_does_the_key) {
    const digest_row_t rows[] = {{"a", "k", "r", 10, 5}, {"b", "k", "r", 10, 5}, {"a", "l", "r", 10, 5},
                                 {"a", "k", "s", 10, 5}, {"a", "k", "r", 11, 5}, {"a", "k", "r", 10, -5},
                                 {"ak", "k", "", 10, 5}, {"a", "kk", "", 10, 5}}; // the same bytes, cut elsewhere
    const digest_key_t other = {{0}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        set_digest_t one = {0}, keyed = {0};
        set_digest_add(&one, &key, &rows[i]);
        set_digest_add(&keyed, &other, &rows[i]);
        OK(one.low != keyed.low);
        for (size_t j = 0; j < i; j++) {
            set_digest_t two = {0};
            set_digest_add(&two, &key, &rows[j]);
            OK(one.low != two.low && one.high != two.high);
        }
    }
}

TEST(a_sum_of_hashes_is_no_xor) { // a row that stands twice does not cancel itself
    set_digest_t once = {0}, thrice = {0};
    const digest_row_t row = {"a", "k", "r", 10, 0};
    set_digest_add(&once, &key, &row);
    for (int i = 0; i < 3; i++) set_digest_add(&thrice, &key, &row);
    OK(once.low != thrice.low);
}

TEST(what_does_not_fit_is_known_before_it_is_added) {
    char longest[DIGEST_TEXT_MAX + 2];
    memset(longest, 'x', sizeof longest);
    longest[DIGEST_TEXT_MAX + 1] = '\0';
    digest_row_t row = {"p", "k", longest, date_make(2020, 1, 1), 1};
    OK(!digest_row_fits(&row));
    longest[DIGEST_TEXT_MAX] = '\0';
    OK(digest_row_fits(&row));
    row.day = DATE_NONE;
    OK(!digest_row_fits(&row));
    row.day = date_make(2020, 1, 1), row.party = "";
    OK(!digest_row_fits(&row));
}

TEST(buckets_of_every_kind_add_up_to_the_whole) {
    const bucket_t all = {.from = date_make(2020, 3, 1), .to = date_make(2020, 3, 31)};
    arena_t *arena = arena_new(1 << 16, 0);
    err_t err;
    set_digest_t whole = {0};
    NEED(arena != NULL);
    for (int i = 0; i < ROWS; i++) {
        digest_row_t row = row_of(i);
        set_digest_add(&whole, &key, &row);
    }
    const size_t expected[BY__COUNT] = {[BY_DAY] = 7, [BY_PARTY] = 2, [BY_KIND] = 3};
    for (bucket_by_t by = 0; by < BY__COUNT; by++) {
        buckets_t buckets;
        set_digest_t sum = {0};
        buckets_init(&buckets, arena, &key, &all, by);
        for (int i = 0; i < ROWS; i++) {
            digest_row_t row = row_of(i);
            EQ(buckets_add(&buckets, &row, &err), E_OK);
        }
        buckets_sort(&buckets);
        for (size_t i = 0; i < buckets.count; i++) set_digest_join(&sum, &buckets.children[i].digest);
        for (size_t i = 1; i < buckets.count; i++)
            OK(bucket_name_order(by, &buckets.children[i - 1].name, &buckets.children[i].name) < 0);
        OK(set_digest_same(&sum, &whole));
        if (by != BY_PREFIX) EQ(buckets.count, expected[by]);
    }
    arena_destroy(&arena);
}

// Random rows, descended by every level: a row is in exactly one child at each.
TEST(a_row_is_in_exactly_one_child) {
    arena_t *arena = arena_new(1 << 16, 0);
    err_t err;
    NEED(arena != NULL);
    for (int i = 0; i < 50; i++) {
        digest_row_t row = row_of((int)draw(ROWS));
        bucket_t at = {.from = date_make(2020, 1, 1), .to = date_make(2020, 12, 31)};
        for (bucket_by_t by; (by = bucket_next(&at)) != BY__COUNT;) {
            buckets_t buckets;
            buckets_init(&buckets, arena, &key, &at, by);
            NEED(buckets_add(&buckets, &row, &err) == E_OK && buckets.count == 1);
            at = bucket_within(&at, by, &buckets.children[0].name);
            OK(bucket_has(&at, &key, &row));
        }
        EQ(at.bits, BUCKET_BITS_MAX);
    }
    arena_destroy(&arena);
}

TEST(too_many_buckets_are_refused) {
    arena_t *arena = arena_new(1 << 20, 0);
    err_t err = {0};
    buckets_t buckets;
    const bucket_t all = {.from = 0, .to = 1};
    char name[16];
    int rc = E_OK, i;
    NEED(arena != NULL);
    buckets_init(&buckets, arena, &key, &all, BY_PARTY);
    for (i = 0; !rc && i <= BUCKETS_MAX; i++) {
        snprintf(name, sizeof name, "P%d", i);
        rc = buckets_add(&buckets, &(digest_row_t){name, "k", "r", 0, 1}, &err);
    }
    EQ(rc, E_TOO_LARGE);
    EQ(i, BUCKETS_MAX + 1);
    arena_destroy(&arena);
}

int main(void) {
    static const check_case_t cases[] = {CASE(the_order_of_rows_does_not_matter),
                                         CASE(what_is_added_and_taken_away_leaves_no_trace),
                                         CASE(every_field_of_a_row_counts_and_so_does_the_key),
                                         CASE(a_sum_of_hashes_is_no_xor),
                                         CASE(what_does_not_fit_is_known_before_it_is_added),
                                         CASE(buckets_of_every_kind_add_up_to_the_whole),
                                         CASE(a_row_is_in_exactly_one_child),
                                         CASE(too_many_buckets_are_refused)};
    random_bytes(&seed, sizeof seed);
    printf("seed %llu\n", (unsigned long long)seed);
    return check_run("set digest", cases, COUNT_OF(cases));
}
