// How a county hands over the surplus that it had before the pool, by the city's section `surplus`. Pure. All in fen.
#pragma once
#include "common/policy/surplus.h"

typedef struct surplus_schedule { // by place of the instalment in the section
    fen_t amount[INSTALMENTS_MAX];
    uint32_t count;
} surplus_schedule_t;

// Each instalment but the last is its share of the sum, half up to the fen, of the provisional figure where one is
// given (NULL: none); the last is what is left of the audited sum, so they always add up to it.
// E_INVALID_FIELD (field "provisional") where the law knows no provisional figure, E_OUT_OF_RANGE where the instalments
// paid on it exceed the audited sum, E_UNSUPPORTED without the section.
int surplus_schedule(const policy_t *policy, fen_t surplus, const fen_t *provisional, surplus_schedule_t *out,
                     err_t *err) MUST_USE;
