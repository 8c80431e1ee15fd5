// One chunk of a billing run: the next persons in order, and bills for those who owe for the period and have none yet.
// The entitlement of those who were billed for a later period before is brought up to date with it.
#pragma once
#include "renew.h"
#include "walk.h"

// E_UNAVAILABLE when an employer is not here yet from enrolment.
int billing_run(const renew_env_t *env, const period_t *period, const walk_t *walk, Tc__BillRun **out,
                err_t *err) MUST_USE;
