// A run over the whole city in chunks of persons: bills of a month or a year, credits to personal accounts without a
// bill, entitlement states from scratch. Several
// chunks are in flight, each lane over its own part of the persons. What a chunk has done is done: a run that was
// interrupted is given again and goes on where work is left.
#pragma once
#include "request.h"

int city_run_bill(suite_t *suite, const char *period, const common_options_t *options); // exit status
int city_run_credit(suite_t *suite, const char *month, const common_options_t *options);
int city_run_rebuild(suite_t *suite, const common_options_t *options);
