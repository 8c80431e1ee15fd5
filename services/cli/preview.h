// tongchou collect preview: what a person owes, what paying it by a day would bring back, and what the bills of that
// time would then be worth.
#pragma once
#include "cli.h"

// `fields`: person and pay_by (or pay-by), name and value in turn. Exit status.
int preview_command(suite_t *suite, const words_t *fields, bool json);
