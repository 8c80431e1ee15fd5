// The compiled policy as flat arrays: what the cores of services/ read. Built by policy_unpack() from the message,
// never changed after. Only the policy library and the pure cores include this; everybody else uses policy.h.
#pragma once
#include "common/base/arena.h"
#include "dimension.h"
#include "policy.h"
#include <string.h>

// The sections besides coverage, contribution and benefit. Each has a header <section>.h here with `<section>_rules_t`,
// and <section>.c that loads and unpacks it.
#define SECTION_TABLE(X)                                                                                               \
    X(account)                                                                                                         \
    X(retirement)                                                                                                      \
    X(cash_cycle)                                                                                                      \
    X(deficit)                                                                                                         \
    X(interest)                                                                                                        \
    X(surplus)                                                                                                         \
    X(funding)                                                                                                         \
    X(standards)                                                                                                       \
    X(district_fees)                                                                                                   \
    X(fee_window)                                                                                                      \
    X(gap)                                                                                                             \
    X(routing)                                                                                                         \
    X(points)                                                                                                          \
    X(enrollment)                                                                                                      \
    X(statements)                                                                                                      \
    X(fund)

typedef enum unit { UNIT_MONEY = 1, UNIT_RATE = 2, UNIT_FACTOR = 3, UNIT_COUNT = 4, UNIT__COUNT } unit_t;

enum {
    POLICY_FORMAT = 2,
    FACTOR_MAX = 1000 * RATE_ONE, // `times` and `multiply` stay below; × MONEY_MAX is done in 128 bits
    STEPS_MAX = 96,               // that any bill can need, counted when the tables are built
    STAGES_MAX = 16,              // of a scheme
    ADVICE_MAX = 8,               // of a scheme
    ADVICE_SETS_MAX = 4,
    SLICES_MAX = 8,
    ADJUSTS_MAX = 16,
    LINES_MAX = 32,
    BASES_MAX = 16,
    RULES_MAX = 1000,
    ROWS_MAX = 64, // of a table
    PACKED_MAX = 1024 * 1024,
    COUNT_MAX = 100000000, // months, days, cases
    COVERAGE_DAYS_MAX = 3660,
};
#define MONEY_MAX INT64_C(1000000000000) // 10 billion yuan in a policy or on a bill: × RATE_ONE stays within int64

typedef struct value { // of a series, from … to
    date_t from, to;
    bool missing;
    int64_t value;
    const char *status, *source;
    const char *approved_by; // "": not said
    date_t approved_on;      // where it is said
    const char *const *regards;
    uint32_t regard_count;
} value_t;

typedef struct series {
    const char *name; // of the parameter, or ""
    unit_t unit;
    bool yearly; // dated by the year it describes
    const value_t *values;
    uint32_t count;
} series_t;

typedef enum ref_kind { REF_NONE, REF_CONST, REF_SERIES, REF_BORNE, REF_WAGE, REF__COUNT } ref_kind_t;

typedef struct ref { // where an amount or a rate comes from
    ref_kind_t kind;
    int64_t value;          // REF_CONST
    const series_t *series; // REF_SERIES
    rate_t times;
    uint8_t years_ago;
    bool if_published; // a missing value is no error: there is none
} ref_t;

typedef struct slice {
    ref_t above, rate;
    const char *rule;
} slice_t;

typedef struct row { // of a decision table: the first that holds decides
    when_t when;
    const char *rule;
    ref_t amount;
    const slice_t *slices;
    uint32_t slice_count;
    bool none;
    bool per_cover_month; // the amount counts once for each month of cover in the year
    payer_t payer;
} row_t;

typedef enum adjust_op { ADJUST_ADD = 1, ADJUST_SUBTRACT, ADJUST_SET, ADJUST_MULTIPLY, ADJUST__COUNT } adjust_op_t;

typedef struct adjust { // all that hold are applied, in order
    when_t when;
    const char *rule;
    adjust_op_t op;
    ref_t by;
    bool hidden; // later layers see the bill as if it had not been applied
} adjust_t;

typedef struct table {
    const row_t *rows;
    uint32_t count;
} table_t;

typedef struct derived { // a value: a decision table, then adjustments
    table_t table;
    const adjust_t *adjusts;
    uint32_t adjust_count;
} derived_t;

typedef struct reading { // a fact that the law reads differently
    when_t when;
    const char *rule;
    dimension_t dimension;
    uint8_t value;
} reading_t;

typedef enum looks_at { // what a stage works on
    LOOKS_AT_LEFT_OVER, // in-scope less deductible, less what earlier stages paid
    LOOKS_AT_WHOLE,     // in-scope less deductible, whatever was paid before
    LOOKS_AT_LEFT_OVER_WITH_DEDUCTIBLE,
    LOOKS_AT_OVER_CAP, // what the limit of another layer cut off
    LOOKS_AT__COUNT
} looks_at_t;

typedef struct stage { // one turn of a layer in the computation
    uint8_t layer;
    looks_at_t looks_at;
    uint8_t over_cap_of;   // a layer, with LOOKS_AT_OVER_CAP
    uint32_t less_paid_by; // bit per layer whose payment on this bill is taken off
    const char *less_rule;
    when_t when;
    derived_t rate;  // either rates with slices …
    derived_t fixed; // … or an amount
    table_t floor;
    derived_t cap;                 // no rows: no cap
    int8_t paid_total, base_total; // −1: not counted
} stage_t;

typedef struct fact { // of a bill, set to a value; a number is known by itself
    dimension_t dimension;
    uint32_t value;
} fact_t;

typedef struct advice { // where it applies: these facts might have cost the person less
    when_t when;
    const char *rule, *text, *text_zh;
    const fact_t *set;
    uint32_t set_count;
} advice_t;

typedef struct scheme { // the benefit of one kind of visit, from … to, for whom `when` holds
    visit_t visit;
    date_t from, to;
    when_t when;
    const series_t *const *once_published; // not in force while one of these is missing
    uint32_t once_count;
    table_t not_covered, manual;
    const reading_t *readings;
    uint32_t reading_count;
    derived_t first_pay;  // no rows: class B is not told apart
    derived_t deductible; // no rows: none
    const advice_t *advice;
    uint32_t advice_count;
    const stage_t *stages;
    uint32_t stage_count;
    table_t own_share; // under which rule the person bears what is left
    const char *out_of_scope_rule;
    const date_t *days; // ascending: on which a condition or a value of it changes
    uint32_t day_count;
} scheme_t;

typedef struct base base_t; // bases.h
typedef struct bases {
    const base_t *items;
    uint32_t count;
} bases_t;

typedef struct line { // of a contribution
    const char *item, *rule;
    when_t when;
    table_t payers;
    bool computed;      // base × rate …
    uint8_t base;       // place in the list of bases
    ref_t rate, amount; // … or an amount
    ref_t at_least;
    const char *at_least_rule; // says so when it lifts the amount
} line_t;

typedef struct lines {
    date_t from;
    // Of a year: the last day to pay before it (month 1…12; 0: not said), and whether it is paid back within the year.
    uint8_t due_month, due_day;
    const char *due_rule, *no_refund_rule; // NULL: not said
    const line_t *items;
    uint32_t count;
} lines_t;

typedef struct rule {
    const char *id, *source, *text, *text_zh;
} rule_t;

typedef struct named {
    const char *name, *more; // layer and fund, division and name, option and choice, overlay and status
} named_t;

typedef struct nameds {
    const named_t *items;
    uint32_t count;
} nameds_t;

struct policy {
    arena_t *arena;  // owns everything below
    uint64_t serial; // no other policy of this process has or had it
    const void *packed;
    size_t packed_bytes;
    char hash[65];
    const char *city, *name, *name_zh, *status;
    uint32_t identities;
    nameds_t overlays, options, divisions, layers;
    const char *const *totals;
    uint32_t total_count;
    const rule_t *rules; // sorted by id
    uint32_t rule_count;
    const series_t *series;
    uint32_t series_count;
    bands_t bands[DIM__COUNT];
    policy_coverage_t coverage;
    derived_t coverage_scale; // share of the limits by continuous months; no rows: all of them, always
    const scheme_t *schemes;
    uint32_t scheme_count;
    bases_t bases;
    lines_t monthly, yearly;
    ref_t subsidy_city_share; // of what finance pays of these lines, the rest is the county's; REF_NONE: not said
    const char *subsidy_rule; // NULL: not said
    // Sections with a header of their own; NULL: the city has none (E_UNSUPPORTED).
#define X(section) const struct section##_rules *section;
    SECTION_TABLE(X)
#undef X
};

// The value of a reference on a day. REF_BORNE and REF_WAGE are `given` by the caller. E_PARAMETER_MISSING names the
// parameter; with if_published a missing value leaves `out` alone and `found` false. `found` may be NULL.
int ref_series_value(const ref_t *ref, date_t on, int64_t *out, bool *found, err_t *err) MUST_USE;

static inline int ref_value(const ref_t *ref, date_t on, fen_t given, int64_t *out, err_t *err) {
    switch (ref->kind) {
    case REF_CONST: *out = ref->value; return E_OK;
    case REF_BORNE:
    case REF_WAGE: *out = given; return E_OK;
    case REF_SERIES: return ref_series_value(ref, on, out, NULL, err);
    default: return err_set(err, E_INTERNAL, "a value that stands nowhere");
    }
}

// value × rate, half up: 64 bits where they do, as for every amount that is not absurd.
static inline int times_rate(int64_t value, rate_t rate, int64_t *out) {
    int64_t product;
    if (__builtin_mul_overflow(value, rate, &product) || product > INT64_MAX - RATE_ONE)
        return fen_rate(value, rate, out);
    *out = (product + RATE_ONE / 2) / RATE_ONE;
    return E_OK;
}

// One adjustment on an amount or a rate; the outcome stays within 0 … most.
static inline int64_t adjusted_value(adjust_op_t op, int64_t value, int64_t by, int64_t most) {
    switch (op) {
    case ADJUST_ADD: value += by; break;
    case ADJUST_SUBTRACT: value -= by; break;
    case ADJUST_SET: value = by; break;
    case ADJUST_MULTIPLY:
        if (times_rate(value, (rate_t)by, &value)) value = most;
        break;
    default: break;
    }
    return value < 0 ? 0 : value > most ? most : value;
}

static inline const row_t *table_row(const table_t *table, const facts_t *facts, date_t on) {
    uint64_t hits = 0;
    for (uint32_t i = 0; i < table->count; i++) hits |= (uint64_t)when_holds(&table->rows[i].when, facts, on) << i;
    return hits ? &table->rows[__builtin_ctzll(hits)] : NULL;
}

// Bit i: adjustment i holds.
static inline uint32_t adjusts_hold(const derived_t *derived, const facts_t *facts, date_t on) {
    uint32_t hits = 0;
    for (uint32_t i = 0; i < derived->adjust_count; i++)
        hits |= (uint32_t)when_holds(&derived->adjusts[i].when, facts, on) << i;
    return hits;
}

// A value of a table of values: the first row that holds, then its adjustments (never below 0). `rule` (may be NULL) is
// the row's. E_NOT_IN_FORCE when no row holds for the case on that day, E_PARAMETER_MISSING as ref_value().
int derived_value(const derived_t *derived, const facts_t *facts, date_t on, int64_t *out, const char **rule,
                  err_t *err) MUST_USE;
