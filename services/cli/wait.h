// Waiting until the services have taken in what the others told them.
#pragma once
#include "cli.h"

// Ask every service for its positions until every cursor stands at the head of its stream and nothing moves any more.
// 0, or E_TIMEOUT naming who lags behind whom.
int wait_caught_up(suite_t *suite, int64_t timeout_s, err_t *err) MUST_USE;
