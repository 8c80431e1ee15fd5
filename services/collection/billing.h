// One chunk of a billing run: the next persons in order, and bills for those who owe for the period and have none yet.
#pragma once
#include "collection.h"
#include "common/daemon/service.h"

// `after` "" begins; `limit` 0 = 500, at most 2000. E_UNAVAILABLE when an employer is not here yet from enrolment.
int billing_run(service_ctx_t *ctx, const policy_t *policy, const period_t *period, const char *after, int32_t limit,
                Tc__BillRun **out, err_t *err) MUST_USE;
