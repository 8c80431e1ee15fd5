// Personal accounts of those who pay nothing by the month because they are covered for life (JM-A-12 … A-15, ZZ-B06): a
// run over the city credits a month from the pooled fund. No bill stands behind it; a month is credited once, and taken
// back when it turns out not to be one of theirs.
#pragma once
#include "desk.h"
#include "walk.h"

// One chunk. E_OUT_OF_RANGE for a limit or part that cannot be.
int fund_credit_run(collection_t *c, month_t month, const walk_t *walk, Tc__CreditRun **out, err_t *err) MUST_USE;
// States that arrived: months credited after a death, or to a number that stands for somebody else, go back.
int fund_credit_settle(collection_t *c, Tc__PersonState *const *states, size_t count, err_t *err) MUST_USE;
