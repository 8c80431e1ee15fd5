// Money and rates, exactly. Amounts are int64 fen (1 yuan = 100 fen), rates are integers in millionths (0.55 = 550000).
// No floating point. Every operation that can overflow says so with E_OUT_OF_RANGE and leaves its output untouched.
#pragma once
#include "check.h"
#include "err.h"
#include <stdbool.h>
#include <stdint.h>

typedef int64_t fen_t;
typedef int32_t rate_t;
__extension__ typedef __int128 wide_t; // products of fen and rate, before the one division

#define RATE_ONE 1000000
#define FEN_TEXT_MAX 24 // "-92233720368547758.07" and its NUL

int fen_add(fen_t a, fen_t b, fen_t *out) MUST_USE;
int fen_sub(fen_t a, fen_t b, fen_t *out) MUST_USE;

// Round a numerator in millionths of a fen half up to the fen: the single rounding of a layer whose slices were
// summed as `amount * rate` before. Half up means away from zero for exact halves of positive amounts; for negative
// ones it mirrors (−0.5 → −1), so that a reversal is the exact opposite.
int fen_round(wide_t numerator, fen_t *out) MUST_USE;
// fen_round(amount * rate).
int fen_rate(fen_t amount, rate_t rate, fen_t *out) MUST_USE;
// amount * numerator / denominator, half up. denominator > 0.
int fen_mul_div(fen_t amount, int64_t numerator, int64_t denominator, fen_t *out) MUST_USE;

// Split `total` over n parts in proportion to weights[i] >= 0 (sum > 0) by largest remainder; ties go to the earlier
// part. The parts add up to `total` exactly. total >= 0.
int fen_split(fen_t total, const int64_t *weights, size_t n, fen_t *parts) MUST_USE;

// "1234.50": optional minus only when `may_be_negative`, no sign, no spaces, exactly two decimals.
int fen_parse(const char *text, bool may_be_negative, fen_t *out) MUST_USE;
// Policy files: "25000", "25000.5" and "25000.00" are all fine, at most two decimals.
int fen_parse_loose(const char *text, fen_t *out) MUST_USE;
// "0.55", "1", at most six decimals, not negative. The bound 0..1 is the policy check's business.
int rate_parse(const char *text, rate_t *out) MUST_USE;

const char *fen_format(fen_t amount, char text[static FEN_TEXT_MAX]); // "1234.50"; returns text
const char *rate_format(rate_t rate, char text[static FEN_TEXT_MAX]); // shortest: "0.55", "1"; returns text
static inline fen_t fen_min(fen_t a, fen_t b) { return a < b ? a : b; }
static inline fen_t fen_max(fen_t a, fen_t b) { return a > b ? a : b; }
