// A person's standing bills of a year, each by its newest version, and what they would be worth under another
// entitlement. Both in order of seq, so that pages of one fit those of the other; the totals of the second run along
// the lawful order. Reads only, from the store: this instance may not own the partition.
#pragma once
#include "courses.h"

enum { HISTORY_PAGE = 50 }; // decisions of one answer

void history_get(adjudication_t *on, const request_t *request);
void history_quote_as(adjudication_t *on, const request_t *request);
