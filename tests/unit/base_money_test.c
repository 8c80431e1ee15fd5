// Money: exact at both ends of the range, half up with a mirror, splits that add up, against slow obvious versions.
#include "tests/check.h"
#include "common/base/money.h"
#include <time.h>

#define UNTOUCHED INT64_C(424242)

static uint64_t state;

static void seed_random(const char *test) {
    const char *given = getenv("TC_SEED");
    state = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    printf("%s: TC_SEED=%llu ", test, (unsigned long long)state);
}

static uint64_t next_random(void) { // splitmix64
    uint64_t z = state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

TEST(sums_stop_at_both_ends) {
    static const struct {
        fen_t a, b;
        int rc;
        fen_t sum;
    } rows[] = {{1, 2, E_OK, 3},
                {-1, 1, E_OK, 0},
                {INT64_MAX, 0, E_OK, INT64_MAX},
                {INT64_MAX - 1, 1, E_OK, INT64_MAX},
                {INT64_MAX, 1, E_OUT_OF_RANGE, UNTOUCHED},
                {INT64_MIN, 0, E_OK, INT64_MIN},
                {INT64_MIN, -1, E_OUT_OF_RANGE, UNTOUCHED},
                {INT64_MIN, INT64_MIN, E_OUT_OF_RANGE, UNTOUCHED},
                {INT64_MAX, INT64_MIN, E_OK, -1}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        fen_t out = UNTOUCHED;
        EQ(fen_add(rows[i].a, rows[i].b, &out), rows[i].rc);
        EQ(out, rows[i].sum);
    }
}

TEST(differences_stop_at_both_ends) {
    fen_t out = UNTOUCHED;
    EQ(fen_sub(0, INT64_MIN, &out), E_OUT_OF_RANGE);
    EQ(fen_sub(INT64_MIN, 1, &out), E_OUT_OF_RANGE);
    EQ(fen_sub(INT64_MAX, -1, &out), E_OUT_OF_RANGE);
    EQ(out, UNTOUCHED);
    EQ(fen_sub(-1, INT64_MIN, &out), E_OK);
    EQ(out, INT64_MAX);
    EQ(fen_sub(5, 7, &out), E_OK);
    EQ(out, -2);
}

TEST(half_up_at_the_exact_half_and_its_mirror) {
    static const struct {
        int64_t numerator;
        fen_t fen;
    } rows[] = {{0, 0},        {499999, 0},    {500000, 1},    {500001, 1},   {1000000, 1},
                {1499999, 1},  {1500000, 2},   {2500000, 3},   {-499999, 0},  {-500000, -1},
                {-500001, -1}, {-1499999, -1}, {-1500000, -2}, {-2500000, -3}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        fen_t out = UNTOUCHED;
        EQ(fen_round(rows[i].numerator, &out), E_OK);
        EQ(out, rows[i].fen);
    }
}

TEST(rounding_stops_at_both_ends) {
    fen_t out = UNTOUCHED;
    EQ(fen_round((wide_t)INT64_MAX * RATE_ONE + 500000, &out), E_OUT_OF_RANGE);
    EQ(fen_round((wide_t)INT64_MIN * RATE_ONE - 500000, &out), E_OUT_OF_RANGE);
    EQ(out, UNTOUCHED);
    EQ(fen_round((wide_t)INT64_MAX * RATE_ONE + 499999, &out), E_OK);
    EQ(out, INT64_MAX);
    EQ(fen_round((wide_t)INT64_MIN * RATE_ONE - 499999, &out), E_OK);
    EQ(out, INT64_MIN);
    EQ(fen_rate(INT64_MAX, RATE_ONE, &out), E_OK);
    EQ(out, INT64_MAX);
    EQ(fen_rate(INT64_MIN, RATE_ONE, &out), E_OK);
    EQ(out, INT64_MIN);
    EQ(fen_rate(INT64_MAX, RATE_ONE + 1, &out), E_OUT_OF_RANGE);
    EQ(fen_rate(INT64_MIN, INT32_MIN, &out), E_OUT_OF_RANGE);
    EQ(out, INT64_MIN);
}

// One fen after the other: as many as fit, and one more when at least half a fen is left.
static fen_t slow_rate(int64_t amount, int64_t rate) {
    int64_t left = (amount < 0 ? -amount : amount) * rate, fen = 0;
    while (left >= RATE_ONE) left -= RATE_ONE, fen++;
    if (2 * left >= RATE_ONE) fen++;
    return amount < 0 ? -fen : fen;
}

TEST(rates_agree_with_counting_fen) {
    static const rate_t rates[] = {0, 1, 499999, 500000, 550000, 333333, 666667, 850000, 999999, RATE_ONE, 1500000};
    int wrong = 0;
    for (fen_t amount = -1200; amount <= 1200; amount++)
        for (size_t i = 0; i < COUNT_OF(rates); i++) {
            fen_t out = UNTOUCHED, mirror = UNTOUCHED;
            wrong += fen_rate(amount, rates[i], &out) != E_OK || out != slow_rate(amount, rates[i]);
            wrong += fen_rate(-amount, rates[i], &mirror) != E_OK || mirror != -out;
        }
    EQ(wrong, 0);
}

TEST(mul_div_is_half_up_and_mirrors) {
    seed_random(__func__);
    int wrong = 0;
    for (int i = 0; i < 20000; i++) {
        int64_t amount = (int64_t)(next_random() % 2000001), n = (int64_t)(next_random() % 1001);
        int64_t d = 1 + (int64_t)(next_random() % 997);
        fen_t out = UNTOUCHED, mirror = UNTOUCHED;
        // x is the half-up quotient exactly when (2x − 1) d <= 2 amount n < (2x + 1) d.
        wrong += fen_mul_div(amount, n, d, &out) != E_OK;
        wrong += !((2 * out - 1) * d <= 2 * amount * n && 2 * amount * n < (2 * out + 1) * d);
        wrong += fen_mul_div(-amount, n, d, &mirror) != E_OK || mirror != -out;
    }
    EQ(wrong, 0);
    fen_t out = UNTOUCHED;
    EQ(fen_mul_div(INT64_MAX, INT64_MAX, 1, &out), E_OUT_OF_RANGE);
    EQ(fen_mul_div(INT64_MIN, -1, 1, &out), E_OUT_OF_RANGE);
    EQ(out, UNTOUCHED);
    EQ(fen_mul_div(INT64_MIN, INT64_MAX, INT64_MAX, &out), E_OK);
    EQ(out, INT64_MIN);
    EQ(fen_mul_div(INT64_MAX, 1, INT64_MAX, &out), E_OK);
    EQ(out, 1);
}

// Whole shares first, then fen by fen to the first part with the largest rest that has not had one.
static void slow_split(int64_t total, const int64_t *weights, size_t n, int64_t *parts) {
    int64_t rests[128], sum = 0, left = total;
    for (size_t i = 0; i < n; i++) sum += weights[i];
    for (size_t i = 0; i < n; i++) {
        parts[i] = total * weights[i] / sum;
        rests[i] = total * weights[i] % sum;
        left -= parts[i];
    }
    for (; left > 0; left--) {
        size_t best = 0;
        for (size_t i = 1; i < n; i++)
            if (rests[i] > rests[best]) best = i;
        parts[best]++;
        rests[best] = -1;
    }
}

TEST(splits_agree_with_handing_out_fen_by_fen) {
    seed_random(__func__);
    int wrong = 0;
    for (int round = 0; round < 5000; round++) {
        int64_t weights[128], parts[128], slow[128], sum = 0;
        size_t n = 1 + next_random() % (round % 10 ? 12 : 128);
        int64_t top = round % 3 ? 10 : 1000000; // small weights make ties
        for (size_t i = 0; i < n; i++) weights[i] = (int64_t)(next_random() % (uint64_t)top);
        weights[next_random() % n] += 1;
        int64_t total = (int64_t)(next_random() % (round % 2 ? 50 : 100000000));
        wrong += fen_split(total, weights, n, parts) != E_OK;
        slow_split(total, weights, n, slow);
        for (size_t i = 0; i < n; i++) wrong += parts[i] != slow[i], sum += parts[i];
        wrong += sum != total;
    }
    EQ(wrong, 0);
}

TEST(splits_add_up_at_the_end_of_the_range) {
    seed_random(__func__);
    for (int round = 0; round < 200; round++) {
        int64_t weights[40], parts[40];
        wide_t sum = 0;
        for (size_t i = 0; i < 40; i++) weights[i] = (int64_t)(next_random() >> 1);
        NEED(fen_split(INT64_MAX, weights, 40, parts) == E_OK);
        for (size_t i = 0; i < 40; i++) sum += parts[i];
        OK(sum == INT64_MAX);
    }
}

TEST(ties_go_to_the_earlier_part) {
    int64_t parts[3];
    NEED(fen_split(100, (int64_t[]){1, 1, 1}, 3, parts) == E_OK);
    EQ(parts[0], 34);
    EQ(parts[1], 33);
    NEED(fen_split(1, (int64_t[]){0, 5, 5}, 3, parts) == E_OK);
    EQ(parts[0], 0);
    EQ(parts[1], 1);
    EQ(parts[2], 0);
}

TEST(impossible_splits_change_nothing) {
    int64_t parts[2] = {UNTOUCHED, UNTOUCHED};
    EQ(fen_split(10, (int64_t[]){0, 0}, 2, parts), E_OUT_OF_RANGE);
    EQ(fen_split(10, (int64_t[]){2, -1}, 2, parts), E_OUT_OF_RANGE);
    EQ(fen_split(-1, (int64_t[]){1, 1}, 2, parts), E_OUT_OF_RANGE);
    EQ(fen_split(10, (int64_t[]){1}, 0, parts), E_OUT_OF_RANGE);
    EQ(parts[0], UNTOUCHED);
    EQ(parts[1], UNTOUCHED);
}

TEST(amounts_are_read_exactly) {
    static const struct {
        const char *text;
        bool negative;
        int rc;
        fen_t fen;
    } rows[] = {{"1234.50", false, E_OK, 123450},
                {"0.00", false, E_OK, 0},
                {"0.01", false, E_OK, 1},
                {"-0.01", true, E_OK, -1},
                {"-0.01", false, E_INVALID_FIELD, UNTOUCHED},
                {"92233720368547758.07", false, E_OK, INT64_MAX},
                {"92233720368547758.08", false, E_OUT_OF_RANGE, UNTOUCHED},
                {"92233720368547758.08", true, E_OUT_OF_RANGE, UNTOUCHED},
                {"-92233720368547758.08", true, E_OK, INT64_MIN},
                {"-92233720368547758.09", true, E_OUT_OF_RANGE, UNTOUCHED},
                {"99999999999999999999999999999999999999999999999999.00", false, E_OUT_OF_RANGE, UNTOUCHED},
                {"99999999999999999999999999999999999999999999999999x", false, E_INVALID_FIELD, UNTOUCHED},
                {"", false, E_INVALID_FIELD, UNTOUCHED},
                {"-", true, E_INVALID_FIELD, UNTOUCHED},
                {"--1.00", true, E_INVALID_FIELD, UNTOUCHED},
                {"+1.00", true, E_INVALID_FIELD, UNTOUCHED},
                {" 1.00", false, E_INVALID_FIELD, UNTOUCHED},
                {"1.00 ", false, E_INVALID_FIELD, UNTOUCHED},
                {"1", false, E_INVALID_FIELD, UNTOUCHED},
                {"1.", false, E_INVALID_FIELD, UNTOUCHED},
                {"1.0", false, E_INVALID_FIELD, UNTOUCHED},
                {"1.000", false, E_INVALID_FIELD, UNTOUCHED},
                {".50", false, E_INVALID_FIELD, UNTOUCHED},
                {"1,000.00", false, E_INVALID_FIELD, UNTOUCHED},
                {"1e2", false, E_INVALID_FIELD, UNTOUCHED},
                {NULL, false, E_INVALID_FIELD, UNTOUCHED}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        fen_t out = UNTOUCHED;
        EQ(fen_parse(rows[i].text, rows[i].negative, &out), rows[i].rc);
        EQ(out, rows[i].fen);
    }
}

TEST(policy_amounts_may_leave_decimals_out) {
    static const struct {
        const char *text;
        int rc;
        fen_t fen;
    } rows[] = {{"25000", E_OK, 2500000},
                {"25000.5", E_OK, 2500050},
                {"25000.00", E_OK, 2500000},
                {"0", E_OK, 0},
                {"25000.", E_INVALID_FIELD, UNTOUCHED},
                {"1.005", E_INVALID_FIELD, UNTOUCHED},
                {"-1", E_INVALID_FIELD, UNTOUCHED},
                {"", E_INVALID_FIELD, UNTOUCHED},
                {"1_000", E_INVALID_FIELD, UNTOUCHED},
                {"92233720368547758.07", E_OK, INT64_MAX},
                {"92233720368547759", E_OUT_OF_RANGE, UNTOUCHED},
                {NULL, E_INVALID_FIELD, UNTOUCHED}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        fen_t out = UNTOUCHED;
        EQ(fen_parse_loose(rows[i].text, &out), rows[i].rc);
        EQ(out, rows[i].fen);
    }
}

TEST(rates_are_read_to_the_millionth) {
    static const struct {
        const char *text;
        int rc;
        rate_t rate;
    } rows[] = {{"0.55", E_OK, 550000},
                {"1", E_OK, RATE_ONE},
                {"0", E_OK, 0},
                {"0.000001", E_OK, 1},
                {"2147.483647", E_OK, INT32_MAX},
                {"2147.483648", E_OUT_OF_RANGE, -7},
                {"0.0000001", E_INVALID_FIELD, -7},
                {"-0.5", E_INVALID_FIELD, -7},
                {"55%", E_INVALID_FIELD, -7},
                {".5", E_INVALID_FIELD, -7},
                {"", E_INVALID_FIELD, -7},
                {NULL, E_INVALID_FIELD, -7}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rate_t out = -7;
        EQ(rate_parse(rows[i].text, &out), rows[i].rc);
        EQ(out, rows[i].rate);
    }
}

TEST(written_amounts_read_back) {
    char text[FEN_TEXT_MAX];
    EQ_TEXT(fen_format(0, text), "0.00");
    EQ_TEXT(fen_format(5, text), "0.05");
    EQ_TEXT(fen_format(-5, text), "-0.05");
    EQ_TEXT(fen_format(123450, text), "1234.50");
    EQ_TEXT(fen_format(INT64_MAX, text), "92233720368547758.07");
    EQ_TEXT(fen_format(INT64_MIN, text), "-92233720368547758.08");
    EQ_TEXT(rate_format(550000, text), "0.55");
    EQ_TEXT(rate_format(RATE_ONE, text), "1");
    EQ_TEXT(rate_format(10 * RATE_ONE, text), "10");
    EQ_TEXT(rate_format(0, text), "0");
    EQ_TEXT(rate_format(1, text), "0.000001");
    EQ_TEXT(rate_format(INT32_MIN, text), "-2147.483648");
    seed_random(__func__);
    int wrong = 0;
    for (int i = 0; i < 20000; i++) {
        fen_t fen = (fen_t)(next_random() >> next_random() % 64), back = 0;
        rate_t rate = (rate_t)(next_random() >> 33), rate_back = -1;
        if (i % 2) fen = (fen_t)(0 - (uint64_t)fen);
        wrong += fen_parse(fen_format(fen, text), true, &back) != E_OK || back != fen;
        wrong += rate_parse(rate_format(rate, text), &rate_back) != E_OK || rate_back != rate;
    }
    EQ(wrong, 0);
}

TESTS("base money", CASE(sums_stop_at_both_ends), CASE(differences_stop_at_both_ends),
      CASE(half_up_at_the_exact_half_and_its_mirror), CASE(rounding_stops_at_both_ends),
      CASE(rates_agree_with_counting_fen), CASE(mul_div_is_half_up_and_mirrors),
      CASE(splits_agree_with_handing_out_fen_by_fen), CASE(splits_add_up_at_the_end_of_the_range),
      CASE(ties_go_to_the_earlier_part), CASE(impossible_splits_change_nothing), CASE(amounts_are_read_exactly),
      CASE(policy_amounts_may_leave_decimals_out), CASE(rates_are_read_to_the_millionth),
      CASE(written_amounts_read_back))
