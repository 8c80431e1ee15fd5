// A person's decided bills of a year, and what they would be worth under another entitlement. Reads only, from the
// store: this instance may not own the partition.
#pragma once
#include "batch.h"

enum { HISTORY_PAGE = 50, HISTORY_BILLS_MAX = 4096 }; // decisions of one answer; bills of one chain

void history_get(adjudication_t *on, const request_t *request);
void history_quote_as(adjudication_t *on, const request_t *request);
