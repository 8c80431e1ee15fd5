// tongchou collect failed-debits FILE: debits that the bank could not make, and why.
#pragma once
#include "request.h"

// Returns the exit status: 0 all rows kept or known, 1 some at fault, 2 the file cannot be read.
int collect_failed_debits(suite_t *suite, const char *path, const common_options_t *options);
