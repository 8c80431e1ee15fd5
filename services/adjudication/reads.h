// What changes nothing: quotes (the same decision as settle, without the commit) and stored decisions with or without
// their explanation.
#pragma once
#include "batch.h"

void quote_turn(adjudication_t *on, const request_t *const *requests, size_t count);
// get_decision, or explain when `explained`.
void decision_turn(adjudication_t *on, const request_t *const *requests, size_t count, bool explained);
