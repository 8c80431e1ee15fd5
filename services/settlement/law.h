// The city's law as settlement needs it: the policy of `policy.city` and the working days beside it.
#pragma once
#include "common/base/calendar.h"
#include "common/daemon/conf.h"
#include "common/policy/policy.h"

// `*policy` is NULL when no city is configured. The calendar is the folder `policy.calendar`; where that says nothing,
// the folder calendar/ beside the one of the city's file, and NULL when there is none. The caller owns both. On failure
// neither is made.
int law_load(const conf_t *conf, policy_t **policy, calendar_t **calendar, err_t *err) MUST_USE;
