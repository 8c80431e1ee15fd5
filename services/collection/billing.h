// One chunk of a billing run: the next persons in order, and bills for those who owe for the period and have none yet.
// Where an unpaid bill alone may change what a person is entitled to, the state is brought up to date with it.
#pragma once
#include "renew.h"
#include "walk.h"

// E_UNAVAILABLE when an employer is not here yet from enrolment.
int billing_run(const renew_env_t *env, const period_t *period, const walk_t *walk, Tc__BillRun **out,
                err_t *err) MUST_USE;
