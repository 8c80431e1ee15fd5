// What changes nothing: quotes (the same decision as settle, without the commit) and stored decisions with or without
// their explanation.
#pragma once
#include "batch.h"

// A bill is quoted at its lawful place: on the totals of the bills that come before it.
void quote_turn(adjudication_t *on, const request_t *const *requests, size_t count);
// get_decision, or explain when `explained`.
void decision_turn(adjudication_t *on, const request_t *const *requests, size_t count, bool explained);
// get_versions: what a bill was worth at all times. get_status: what became of a request id.
void versions_get(adjudication_t *on, const request_t *request);
void status_get(adjudication_t *on, const request_t *request);
