// One chunk of a billing run: the next persons in order, and bills for those who owe for the period and have none yet.
#pragma once
#include "walk.h"

// E_UNAVAILABLE when an employer is not here yet from enrolment.
int billing_run(service_ctx_t *ctx, const policy_t *policy, const period_t *period, const walk_t *walk,
                Tc__BillRun **out, err_t *err) MUST_USE;
