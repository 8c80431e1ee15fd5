// The dimensions of decision tables, as bits. A case (one bill, one person) sets one bit in every dimension it knows; a
// condition allows a set of bits in every dimension. The condition holds when the case sets no bit that it does not
// allow, so a dimension that the case does not know never excludes a row. Groups are kept apart: one can be in several.
//
// Places and widths are part of the compiled form (proto/policy.proto): they have room to grow and never move.
#pragma once
#include "common/base/date.h"
#include "vocabulary.h"

typedef enum dimension_kind { DIM_WORD, DIM_YES_NO, DIM_NUMBER } dimension_kind_t;
// Where a dimension is known: of a bill; when contributions are due; of a person (account, retirement); of a facility.
enum {
    SCOPE_BENEFIT = 1,
    SCOPE_CONTRIBUTION = 2,
    SCOPE_PERSON = 4,
    SCOPE_FACILITY = 8,
    SCOPE_INSURED = SCOPE_BENEFIT | SCOPE_CONTRIBUTION | SCOPE_PERSON,
    DIMENSION_WORDS = 2,
    BANDS_MAX = 12
};

// code, key in the YAML, kind, word, first bit, width, where it is known
#define DIMENSION_TABLE(X)                                                                                             \
    X(DIM_IDENTITY, identity, DIM_WORD, 0, 0, 16, SCOPE_INSURED)                                                       \
    X(DIM_LEVEL, level, DIM_WORD, 0, 16, 8, SCOPE_BENEFIT | SCOPE_FACILITY)                                            \
    X(DIM_AREA, area, DIM_WORD, 0, 24, 4, SCOPE_BENEFIT)                                                               \
    X(DIM_FILING, filing, DIM_WORD, 0, 28, 16, SCOPE_BENEFIT)                                                          \
    X(DIM_DESIGNATED, designated, DIM_YES_NO, 0, 44, 2, SCOPE_BENEFIT)                                                 \
    X(DIM_PRIMARY, primary, DIM_YES_NO, 0, 46, 2, SCOPE_BENEFIT)                                                       \
    X(DIM_FAMILY_BED, family_bed, DIM_YES_NO, 0, 48, 2, SCOPE_BENEFIT)                                                 \
    X(DIM_REFERRAL, referral, DIM_YES_NO, 0, 50, 2, SCOPE_BENEFIT)                                                     \
    X(DIM_CHILDBIRTH, childbirth, DIM_YES_NO, 0, 52, 2, SCOPE_BENEFIT)                                                 \
    X(DIM_TIER2, tier2, DIM_YES_NO, 0, 54, 2, SCOPE_INSURED)                                                           \
    X(DIM_MONTHS_TIER1, months_tier1, DIM_NUMBER, 1, 0, BANDS_MAX, SCOPE_BENEFIT)                                      \
    X(DIM_MONTHS_TIER2, months_tier2, DIM_NUMBER, 1, 12, BANDS_MAX, SCOPE_BENEFIT)                                     \
    X(DIM_AGE, age, DIM_NUMBER, 1, 24, BANDS_MAX, SCOPE_CONTRIBUTION | SCOPE_PERSON)                                   \
    X(DIM_EMPLOYER, employer, DIM_WORD, 1, 36, 8, SCOPE_CONTRIBUTION | SCOPE_PERSON)                                   \
    X(DIM_POINT, point, DIM_WORD, 1, 44, 4, SCOPE_BENEFIT)                                                             \
    X(DIM_REFERRAL_DAYS, referral_days, DIM_NUMBER, 1, 48, BANDS_MAX, SCOPE_BENEFIT)                                   \
    X(DIM_SEX, sex, DIM_WORD, 1, 60, 2, SCOPE_PERSON)                                                                  \
    X(DIM_FACILITY_KIND, kind, DIM_WORD, 0, 56, 4, SCOPE_FACILITY)                                                     \
    X(DIM_URBAN, urban, DIM_YES_NO, 0, 60, 2, SCOPE_FACILITY)

typedef enum dimension {
#define X(code, name, kind, word, shift, width, scope) code,
    DIMENSION_TABLE(X)
#undef X
        DIM__COUNT
} dimension_t;

typedef struct dimension_info {
    const char *name;
    dimension_kind_t kind;
    uint8_t word, shift, width, scope;
} dimension_info_t;

static const dimension_info_t dimension_infos[DIM__COUNT] = {
#define X(code, name, kind, word, shift, width, scope) {#name, kind, word, shift, width, scope},
    DIMENSION_TABLE(X)
#undef X
};

typedef struct facts { // a case
    uint64_t dims[DIMENSION_WORDS];
    uint32_t groups;
} facts_t;

typedef struct when { // a condition, and the days on which it may hold
    uint64_t dims[DIMENSION_WORDS];
    uint32_t groups_any, groups_all, groups_none;
    date_t from, to;
} when_t;

// A number is known by the band it falls in; the starts of the bands are what the city's conditions distinguish.
typedef struct bands {
    uint32_t count; // of starts
    uint32_t starts[BANDS_MAX - 1];
} bands_t;

static inline uint64_t dimension_mask(dimension_t dimension) {
    const dimension_info_t *d = &dimension_infos[dimension];
    return ((UINT64_C(1) << d->width) - 1) << d->shift;
}

static inline void facts_set(facts_t *facts, dimension_t dimension, unsigned value) {
    const dimension_info_t *d = &dimension_infos[dimension];
    facts->dims[d->word] |= UINT64_C(1) << (d->shift + value);
}

static inline void facts_reset(facts_t *facts, dimension_t dimension, unsigned value) {
    facts->dims[dimension_infos[dimension].word] &= ~dimension_mask(dimension);
    facts_set(facts, dimension, value);
}

static inline unsigned band_of(const bands_t *bands, int64_t number) {
    unsigned band = 0; // counted without a branch, as when_misfit()
    for (uint32_t i = 0; i < bands->count; i++) band += number >= (int64_t)bands->starts[i];
    return band;
}

// Bits that the case has and the condition does not allow, or lacks and the condition asks for; 0 when it fits. Without
// a branch on purpose: bills are too different for the processor to foresee one.
static inline uint64_t when_misfit(const when_t *when, const facts_t *facts) {
    uint64_t misfit = (facts->dims[0] & ~when->dims[0]) | (facts->dims[1] & ~when->dims[1]);
    misfit |= (when->groups_all & ~facts->groups) | (facts->groups & when->groups_none);
    return misfit | ((when->groups_any != 0) & ((facts->groups & when->groups_any) == 0));
}

static inline bool when_fits(const when_t *when, const facts_t *facts) { return when_misfit(when, facts) == 0; }

static inline bool when_holds(const when_t *when, const facts_t *facts, date_t on) {
    return (when_misfit(when, facts) | (on < when->from) | (on > when->to)) == 0;
}

int dimension_from_name(const char *name);   // −1 when unknown
int dimension_values(dimension_t dimension); // how many words (or 2); 0 for numbers
int dimension_value_from_name(dimension_t dimension, const char *name);
const char *dimension_value_name(dimension_t dimension, int value);
