// Years of contribution (缴费年限) and what is missing of them at retirement: get_years, assess_retirement and
// bill_lump_sum. Months count that were paid by the month, with tier 2 where the city has one (JM-Y-04, JM-Y-05); those
// brought in from former schemes and other cities, and those made up by a lump sum, are added.
#pragma once
#include "desk.h"

// Does a month under this identity count? What a retiree may still pay does not.
bool years_counts(const policy_t *policy, identity_t identity);
// The month in which the person first joined: the first one paid (MONTH_NONE: none), or that of the former scheme.
month_t years_first_tier2(const Tc__PersonState *person, month_t first_paid);

typedef struct years_bill { // a paid bill
    period_t period;
    identity_t identity;
    int32_t lump_months; // that a lump sum made up
} years_bill_t;

// What counts on `on`. `paid`: the bills paid by then, in any order, each period once. Pure.
void years_count(const policy_t *policy, const Tc__PersonState *person, const years_bill_t *paid, size_t count,
                 date_t on, Tc__Years *out, month_t *first_tier2);

// Methods.
int years_get(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
              err_t *err);
int years_assess(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                 err_t *err);
int years_bill_lump_sum(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                        err_t *err);
