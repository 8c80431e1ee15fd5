// tongchou collect debits YEAR FILE: the list of the yearly fee for the bank, as CSV. The file holds bank accounts in
// full: only its owner may read it.
#pragma once
#include "cli.h"

// `on` NULL: today. Exit status.
int collect_debits(suite_t *suite, const char *year, const char *path, const char *on, bool json);
