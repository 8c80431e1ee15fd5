// From the entitlement state of a person to what holds on one day: covered or not, under which identity, with how many
// continuous months, in which groups. Pure.
#pragma once
#include "collection.pb-c.h"
#include "common/base/date.h"
#include "common/base/err.h"
#include "common/policy/vocabulary.h"

typedef struct entitled {
    bool covered;
    int identity;         // identity_t; when not covered that of the last span before the day, −1 when there is none
    const char *division; // where insured on the day; borrowed from the state
    uint32_t groups;      // GROUP_BITs in force on the day
    int32_t months_tier1; // n1 and n2 of the day's month; 0 when not covered
    int32_t months_tier2;
    int32_t cover_months; // k: months of tier-2 cover in the year, up to and including the day's month
} entitled_t;

// `tier2` has a bit per identity that holds tier 2. E_INTERNAL (field "entitlement") when the state is malformed: it
// comes from our own collection service.
int entitled_on(const Tc__Entitlement *state, uint32_t tier2, date_t day, entitled_t *out, err_t *err) MUST_USE;
