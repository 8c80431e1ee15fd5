// The fund's month end: finance covers what contributions do not, then every hospital's month is drawn up, confirmed,
// ordered by one key, approved by another, sent and confirmed by the bank.
#pragma once
#include "caller.h"

void books_subsidise(caller_t *caller); // a case of its own, and its task done; of the same amount in every run
void books_pay_month(caller_t *caller, caller_t *clerk, const char *month); // waits until the month is over
