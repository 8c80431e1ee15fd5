// A facility's own list of the bills of a month as a CSV file (UTF-8 or GB18030): number, day of discharge, what the
// funds and, where given, personal accounts pay of it. It ends with its totals. Bills of which nothing is owed are
// passed over; other columns (names, diagnoses) are neither kept nor shown.
#pragma once
#include "common/csv/csv.h"
#include "common/reconcile/reconcile.h"

enum { BILL_LIST_ROWS_MAX = 1000000 };

// Rows of kind "whole" and the party given, texts in the arena of `out`. Faults of rows go to `tell`; any refuses the
// file in the end.
int bill_list_read(FILE *file, const char *facility, void (*tell)(void *self, int64_t row, const err_t *why),
                   void *self, row_list_t *out, err_t *err) MUST_USE;
