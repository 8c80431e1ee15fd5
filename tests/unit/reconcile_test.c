// Two sets compared by digests against the same two compared row by row, in the slowest and plainest way.
#include "common/reconcile/reconcile.h"
#include "common/base/hash.h"
#include "tests/check.h"

static uint64_t seed, drawn;
static uint64_t draw(uint64_t below) { return hash64(&drawn, sizeof drawn, seed + drawn++) % below; }

static arena_t *arena;
static digest_key_t key;
static const bucket_t march = {.from = 18322, .to = 18352}; // 2020-03-01 … 2020-03-31

enum { ROWS_MAX = 2000 };

static digest_row_t random_row(int references) {
    static const char *const parties[] = {"H1", "H2", "H3", "P1"}, *const kinds[] = {"tier1", "tier2", "account"};
    return (digest_row_t){parties[draw(COUNT_OF(parties))], kinds[draw(COUNT_OF(kinds))],
                          arena_text(arena, "D%d", (int)draw((uint64_t)references)), march.from + (date_t)draw(31),
                          (fen_t)draw(5) * 100 - 100};
}

static void add(row_list_t *list, const digest_row_t *row) {
    err_t err;
    NEED(row_list_add(list, row, &err) == E_OK);
}

static void compare(row_list_t *here, row_list_t *there, const reconcile_limits_t *limits, reconcile_result_t *result) {
    row_set_t left = {here, &key}, right = {there, &key};
    const reconcile_side_t sides[] = {{&left, row_set_children, row_set_rows, NULL},
                                      {&right, row_set_children, row_set_rows, NULL}};
    err_t err = {0};
    if (reconcile(&sides[0], &sides[1], &march, &key, limits, arena, result, &err)) fprintf(stderr, "%s\n", err.text);
    NEED(err.code == E_OK);
}

// ---- the slow way: pairs are struck out one by one

static int same_key(const digest_row_t *a, const digest_row_t *b) {
    return a->day == b->day && !strcmp(a->party, b->party) && !strcmp(a->kind, b->kind) &&
           !strcmp(a->reference, b->reference);
}

static int same_subject(const digest_row_t *a, const digest_row_t *b) {
    return !strcmp(a->kind, b->kind) && !strcmp(a->reference, b->reference);
}

typedef struct slow {
    const digest_row_t *rows;
    size_t count;
    bool out[ROWS_MAX];
} slow_t;

static bool less(const digest_row_t *a, const digest_row_t *b) {
    if (a->day != b->day) return a->day < b->day;
    int order = strcmp(a->party, b->party);
    return order ? order < 0 : a->amount < b->amount;
}

// The least of those that are still in and of the same key or subject.
static size_t least(const slow_t *side, const digest_row_t *like,
                    int (*same)(const digest_row_t *, const digest_row_t *)) {
    size_t found = side->count;
    for (size_t i = 0; i < side->count; i++)
        if (!side->out[i] && same(&side->rows[i], like) &&
            (found == side->count || less(&side->rows[i], &side->rows[found])))
            found = i;
    return found;
}

static bool has_key(const slow_t *side, const digest_row_t *row) {
    for (size_t i = 0; i < side->count; i++)
        if (same_key(&side->rows[i], row)) return true;
    return false;
}

static char told[2 * ROWS_MAX][200], expected[2 * ROWS_MAX][200];

static void write_difference(char *out, difference_kind_t kind, const digest_row_t *here, const digest_row_t *there) {
    static const digest_row_t none = {"", "", "", 0, 0};
    if (!here) here = &none;
    if (!there) there = &none;
    snprintf(out, 200, "%s %d %s %s %s %lld | %d %s %s %s %lld", difference_name(kind), here->day, here->party,
             here->kind, here->reference, (long long)here->amount, there->day, there->party, there->kind,
             there->reference, (long long)there->amount);
}

static void strike_equal(slow_t *here, slow_t *there) {
    for (size_t i = 0; i < here->count; i++)
        for (size_t j = 0; j < there->count && !here->out[i]; j++)
            if (!there->out[j] && same_key(&here->rows[i], &there->rows[j]) &&
                here->rows[i].amount == there->rows[j].amount)
                here->out[i] = there->out[j] = true;
}

static size_t slow_compare(slow_t *here, slow_t *there) {
    size_t count = 0;
    static bool twice_here[ROWS_MAX], twice_there[ROWS_MAX];
    strike_equal(here, there);
    for (size_t n = 0; n < here->count; n++) { // amounts, the least first
        size_t i = least(here, &here->rows[n], same_key), j = least(there, &here->rows[n], same_key);
        if (i == here->count || j == there->count) continue;
        write_difference(expected[count++], OTHER_AMOUNT, &here->rows[i], &there->rows[j]);
        here->out[i] = there->out[j] = true;
    }
    for (size_t i = 0; i < here->count; i++) {
        twice_here[i] = !here->out[i] && has_key(there, &here->rows[i]);
        if (!twice_here[i]) continue;
        write_difference(expected[count++], TWICE_HERE, &here->rows[i], NULL);
        here->out[i] = true;
    }
    for (size_t j = 0; j < there->count; j++) {
        twice_there[j] = !there->out[j] && has_key(here, &there->rows[j]);
        if (!twice_there[j]) continue;
        write_difference(expected[count++], TWICE_THERE, NULL, &there->rows[j]);
        there->out[j] = true;
    }
    for (size_t n = 0; n < here->count; n++) { // the same row elsewhere
        size_t i = least(here, &here->rows[n], same_subject), j = least(there, &here->rows[n], same_subject);
        if (i == here->count || j == there->count) continue;
        write_difference(expected[count++], OTHER_PLACE, &here->rows[i], &there->rows[j]);
        here->out[i] = there->out[j] = true;
    }
    for (size_t i = 0; i < here->count; i++)
        if (!here->out[i]) write_difference(expected[count++], MISSING_THERE, &here->rows[i], NULL);
    for (size_t j = 0; j < there->count; j++)
        if (!there->out[j]) write_difference(expected[count++], MISSING_HERE, NULL, &there->rows[j]);
    return count;
}

static int text_order(const void *a, const void *b) { return strcmp(a, b); }

static void check_against_slow(row_list_t *here, row_list_t *there, const reconcile_limits_t *limits) {
    static slow_t left, right;
    reconcile_result_t result;
    left = (slow_t){.rows = here->rows, .count = here->count};
    right = (slow_t){.rows = there->rows, .count = there->count};
    size_t count = slow_compare(&left, &right);
    compare(here, there, limits, &result);
    EQ(result.count, count);
    OK(!result.more && !result.moved);
    for (size_t i = 0; i < result.count; i++) {
        const difference_t *d = &result.differences[i];
        write_difference(told[i], d->kind, d->has_here ? &d->here : NULL, d->has_there ? &d->there : NULL);
    }
    qsort(told, result.count, sizeof *told, text_order);
    qsort(expected, count, sizeof *expected, text_order);
    for (size_t i = 0; i < count && i < result.count; i++) EQ_TEXT(told[i], expected[i]);
}

// ---- random sets with random edits

static void edit(row_list_t *list, int references) {
    digest_row_t row = random_row(references);
    if (!list->count) {
        add(list, &row);
        return;
    }
    digest_row_t *at = &list->rows[draw(list->count)];
    switch (draw(6)) {
    case 0: *at = list->rows[--list->count]; break; // gone
    case 1: row = *at, add(list, &row); break;      // twice
    case 2: at->amount += 1 + (fen_t)draw(3); break;
    case 3: at->day = row.day; break;
    case 4: at->party = row.party; break;
    default: add(list, &row);
    }
}

static void random_case(int rows, int references, int edits, const reconcile_limits_t *limits) {
    row_list_t here = {.arena = arena}, there = {.arena = arena};
    for (int i = 0; i < rows; i++) {
        digest_row_t row = random_row(references);
        add(&here, &row);
        add(&there, &row);
    }
    for (int i = 0; i < edits; i++) edit(draw(2) ? &here : &there, references);
    check_against_slow(&here, &there, limits);
}

TEST(random_sets_with_random_edits_differ_as_the_slow_comparison_says) {
    for (int i = 0; i < 400; i++) {
        arena_reset(arena);
        digest_key_draw(&key);
        const int rows = (int)draw(600);
        // Few references: the same one many times, so that keys repeat and the tree goes to its leaves.
        const reconcile_limits_t limits = {.rows_at_once = 1 + draw(i % 2 ? 3 : 80)};
        random_case(rows, (int)(1 + draw(i % 3 ? 1000 : 5)), (int)draw(i % 5 ? 12 : 300), &limits);
    }
}

TEST(equal_sets_take_two_questions_and_no_row) {
    row_list_t here = {.arena = arena}, there = {.arena = arena};
    reconcile_result_t result;
    arena_reset(arena);
    for (int i = 0; i < 1000; i++) {
        digest_row_t row = random_row(1000);
        add(&here, &row);
    }
    for (size_t i = here.count; i-- > 0;) add(&there, &here.rows[i]);
    compare(&here, &there, &(reconcile_limits_t){0}, &result);
    EQ(result.count, 0);
    EQ(result.questions, 2);
    EQ(result.rows_told, 0);
    EQ(result.here.count, 1000);
    OK(set_digest_same(&result.here, &result.there));
}

TEST(one_difference_is_named_with_few_questions) {
    row_list_t here = {.arena = arena}, there = {.arena = arena};
    reconcile_result_t result;
    arena_reset(arena);
    for (int i = 0; i < 50000; i++) {
        digest_row_t row = random_row(1000000);
        row.reference = arena_text(arena, "D%d", i);
        add(&here, &row);
        add(&there, &row);
    }
    there.rows[777].amount += 1;
    compare(&here, &there, &(reconcile_limits_t){0}, &result);
    NEED(result.count == 1);
    EQ(result.differences[0].kind, OTHER_AMOUNT);
    EQ_TEXT(result.differences[0].here.reference, "D777");
    EQ(result.there.sum - result.here.sum, 1);
    OK(result.questions <= 10); // day, party, kind, prefix, rows; each of both sides
    OK(result.rows_told <= 2 * 64);
}

TEST(a_whole_day_that_is_missing_asks_only_the_side_that_has_it) {
    row_list_t here = {.arena = arena}, there = {.arena = arena};
    reconcile_result_t result;
    arena_reset(arena);
    for (int i = 0; i < 500; i++) {
        digest_row_t row = random_row(10);
        row.reference = arena_text(arena, "D%d", i);
        add(&here, &row);
        if (row.day != march.from + 4) add(&there, &row);
    }
    compare(&here, &there, &(reconcile_limits_t){0}, &result);
    EQ((int64_t)result.count, (int64_t)(here.count - there.count));
    for (size_t i = 0; i < result.count; i++) EQ(result.differences[i].kind, MISSING_THERE);
    EQ(result.questions, 3);
}

TEST(what_is_too_much_is_cut_and_said) {
    row_list_t here = {.arena = arena}, there = {.arena = arena};
    reconcile_result_t result;
    arena_reset(arena);
    for (int i = 0; i < 500; i++) {
        digest_row_t row = random_row(10);
        row.reference = arena_text(arena, "D%d", i);
        add(&here, &row);
    }
    compare(&here, &there, &(reconcile_limits_t){.differences = 20}, &result);
    EQ(result.count, 20);
    OK(result.more);
    EQ(result.here.count, 500);
    row_set_t left = {&here, &key}, right = {&there, &key};
    const reconcile_side_t sides[] = {{&left, row_set_children, row_set_rows, NULL},
                                      {&right, row_set_children, row_set_rows, NULL}};
    err_t err;
    EQ(reconcile(&sides[0], &sides[1], &march, &key, &(reconcile_limits_t){.questions = 5}, arena, &result, &err),
       E_TOO_LARGE);
}

// A side whose rows are no longer those of the digest it told.
static int moving_rows(void *self, const bucket_t *of, row_list_t *out, err_t *err) {
    int rc = row_set_rows(self, of, out, err);
    if (!rc && out->count) out->rows[0].amount++;
    return rc;
}

TEST(a_side_that_changes_meanwhile_is_noticed) {
    row_list_t here = {.arena = arena}, there = {.arena = arena};
    reconcile_result_t result;
    err_t err;
    arena_reset(arena);
    digest_row_t row = random_row(10);
    add(&here, &row);
    row_set_t left = {&here, &key}, right = {&there, &key};
    const reconcile_side_t sides[] = {{&left, row_set_children, moving_rows, NULL},
                                      {&right, row_set_children, row_set_rows, NULL}};
    NEED(reconcile(&sides[0], &sides[1], &march, &key, &(reconcile_limits_t){0}, arena, &result, &err) == E_OK);
    OK(result.moved);
}

int main(void) {
    static const check_case_t cases[] = {CASE(random_sets_with_random_edits_differ_as_the_slow_comparison_says),
                                         CASE(equal_sets_take_two_questions_and_no_row),
                                         CASE(one_difference_is_named_with_few_questions),
                                         CASE(a_whole_day_that_is_missing_asks_only_the_side_that_has_it),
                                         CASE(what_is_too_much_is_cut_and_said),
                                         CASE(a_side_that_changes_meanwhile_is_noticed)};
    random_bytes(&seed, sizeof seed);
    printf("seed %llu\n", (unsigned long long)seed);
    arena = arena_new(1 << 20, 0);
    digest_key_draw(&key);
    int status = check_run("reconcile", cases, COUNT_OF(cases));
    arena_destroy(&arena);
    return status;
}
