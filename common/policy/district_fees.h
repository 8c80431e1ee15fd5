// Section `district_fees` of a city file: a group whose yearly fee follows the rule of its district (计生优待户,
// JM-C-07). `own_part` says what such a person pays of the fee; the rest is finance's. A district whose rule is not in
// the city file has a parameter without a value, and nobody's fee is guessed. Where the city alone fixes what
// residents' cover is funded with (statement `resident_funding_set_by: city`, YC-C05), a file with this section is
// refused, whichever overlay has it.
#pragma once
#include "tables.h"

enum { DISTRICT_FEES_MAX = 128 };

typedef struct district_fee {
    const char *division;
    ref_t own_part; // money a year
} district_fee_t;

typedef struct district_fees_rules {
    group_t group;
    const char *item;
    const district_fee_t *fees;
    uint32_t count;
    const char *rule;
} district_fees_rules_t;

// Does a line of this item that the person pays follow the district?
bool district_fees_apply(const policy_t *policy, uint32_t groups, const char *item);
// What the person pays at most. E_PARAMETER_MISSING, field `person.division`: the rule of this district is not known.
int district_fees_own_part(const policy_t *policy, const char *division, date_t on, fen_t *out, err_t *err) MUST_USE;
