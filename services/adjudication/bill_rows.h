// What a version of a bill changes in the book of bills that is compared with finance and facilities. Pure: the service
// and the auditor use it alike.
#pragma once
#include "adjudication.pb-c.h"
#include "common/reconcile/standing.h"

// standing_change() of what its facility is owed, for each layer, and of what personal accounts pay (kind "account").
int digests_of_decision(const Tc__Decision *decision, rows_t *changes, err_t *err) MUST_USE;
