// Exact money: every product is taken in 128 bits, divided once and checked before it becomes an int64 again.
#include "money.h"
#include <stdlib.h>
#include <string.h>

static int narrow(wide_t value, fen_t *out) {
    if (value < INT64_MIN || value > INT64_MAX) return E_OUT_OF_RANGE;
    *out = (fen_t)value;
    return E_OK;
}

// Half up by magnitude, so that −x is always the mirror of x. The remainder carries the sign of the numerator.
static wide_t divide_half_up(wide_t numerator, wide_t denominator) {
    wide_t quotient = numerator / denominator;
    wide_t rest = numerator % denominator;
    if (rest >= denominator - rest) return quotient + 1;
    if (-rest >= denominator + rest) return quotient - 1;
    return quotient;
}

int fen_add(fen_t a, fen_t b, fen_t *out) { return narrow((wide_t)a + b, out); }

int fen_sub(fen_t a, fen_t b, fen_t *out) { return narrow((wide_t)a - b, out); }

int fen_round(wide_t numerator, fen_t *out) { return narrow(divide_half_up(numerator, RATE_ONE), out); }

int fen_rate(fen_t amount, rate_t rate, fen_t *out) { return fen_round((wide_t)amount * rate, out); }

int fen_mul_div(fen_t amount, int64_t numerator, int64_t denominator, fen_t *out) {
    CHECK(denominator > 0);
    return narrow(divide_half_up((wide_t)amount * numerator, denominator), out);
}

typedef struct share {
    wide_t rest; // of total * weight / sum
    fen_t part;
    size_t index;
} share_t;

static int by_rest(const void *left, const void *right) {
    const share_t *a = left, *b = right;
    if (a->rest != b->rest) return a->rest > b->rest ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static int sum_weights(const int64_t *weights, size_t n, wide_t *sum) {
    *sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (weights[i] < 0) return E_OUT_OF_RANGE;
        *sum += weights[i];
    }
    return *sum > 0 ? E_OK : E_OUT_OF_RANGE;
}

int fen_split(fen_t total, const int64_t *weights, size_t n, fen_t *parts) {
    share_t few[32], *shares = few;
    wide_t sum;
    if (total < 0 || sum_weights(weights, n, &sum)) return E_OUT_OF_RANGE;
    if (n > COUNT_OF(few)) shares = calloc(n, sizeof *shares);
    if (!shares) return E_IO;

    fen_t left = total;
    for (size_t i = 0; i < n; i++) {
        wide_t product = (wide_t)total * weights[i];
        shares[i] = (share_t){.rest = product % sum, .part = (fen_t)(product / sum), .index = i};
        left -= shares[i].part;
    }
    // The rests add up to left * sum and each is below sum, so fewer than n fen are left and every one finds a taker
    // with a rest above zero.
    qsort(shares, n, sizeof *shares, by_rest);
    for (size_t i = 0; i < n; i++) parts[shares[i].index] = shares[i].part + ((fen_t)i < left ? 1 : 0);
    if (shares != few) free(shares);
    return E_OK;
}

// Digits, then optionally "." and `least`..`most` decimals, as an integer of 10^−most units. `most` is at most 6.
static int parse_decimal(const char *text, int least, int most, wide_t limit, wide_t *out) {
    wide_t value = 0;
    int decimals = 0;
    const char *p = text;
    if (*p < '0' || *p > '9') return E_INVALID_FIELD;
    bool over = false; // keep reading: bad form outranks a number that is too large
    for (; *p >= '0' && *p <= '9'; p++) {
        value = value * 10 + (*p - '0');
        if (value > limit) over = true, value = 0;
    }
    if (*p == '.')
        for (p++; *p >= '0' && *p <= '9' && decimals <= most; p++, decimals++) value = value * 10 + (*p - '0');
    if (*p || decimals < least || decimals > most || (p[-1] == '.')) return E_INVALID_FIELD;
    for (; decimals < most; decimals++) value *= 10;
    if (over || value > limit) return E_OUT_OF_RANGE;
    *out = value;
    return E_OK;
}

int fen_parse(const char *text, bool may_be_negative, fen_t *out) {
    if (!text) return E_INVALID_FIELD;
    bool negative = may_be_negative && *text == '-';
    wide_t value;
    int rc = parse_decimal(text + negative, 2, 2, (wide_t)INT64_MAX + negative, &value);
    if (rc) return rc;
    *out = (fen_t)(negative ? -value : value);
    return E_OK;
}

int fen_parse_loose(const char *text, fen_t *out) {
    wide_t value;
    int rc = text ? parse_decimal(text, 0, 2, INT64_MAX, &value) : E_INVALID_FIELD;
    if (!rc) *out = (fen_t)value;
    return rc;
}

int rate_parse(const char *text, rate_t *out) {
    wide_t value;
    int rc = text ? parse_decimal(text, 0, 6, INT32_MAX, &value) : E_INVALID_FIELD;
    if (!rc) *out = (rate_t)value;
    return rc;
}

const char *fen_format(fen_t amount, char text[static FEN_TEXT_MAX]) {
    uint64_t size = amount < 0 ? 0 - (uint64_t)amount : (uint64_t)amount;
    snprintf(text, FEN_TEXT_MAX, "%s%llu.%02u", amount < 0 ? "-" : "", (unsigned long long)(size / 100),
             (unsigned)(size % 100));
    return text;
}

const char *rate_format(rate_t rate, char text[static FEN_TEXT_MAX]) {
    int64_t size = rate < 0 ? -(int64_t)rate : rate;
    snprintf(text, FEN_TEXT_MAX, "%s%lld.%06lld", rate < 0 ? "-" : "", (long long)(size / RATE_ONE),
             (long long)(size % RATE_ONE));
    size_t n = strlen(text);
    while (text[n - 1] == '0') n--;
    if (text[n - 1] == '.') n--;
    text[n] = 0;
    return text;
}
