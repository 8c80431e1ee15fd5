// What the rows add up to, and the totals line (合计) that must say the same.
#pragma once
#include "fault.h"

typedef struct totals {
    int64_t rows;               // all below the heading, the bad ones included
    int64_t unread;             // rows whose amounts are not in the sums
    fen_t sum[CSV_COLUMNS_MAX]; // by the table's index; money only
    bool over[CSV_COLUMNS_MAX]; // the sum does not fit
    bool seen;                  // the totals line was read
} totals_t;

bool totals_marks(const char *first); // is this first cell that of a totals line?
void totals_add(totals_t *totals, size_t column, fen_t amount);
// The totals line's cells (UTF-8, trimmed; `count` of them, column_of as in heading_match) against the rows. Returns
// E_OK or fills `fault` with both figures.
int totals_check(const totals_t *totals, const csv_table_t *table, int64_t row, const char *const *cells, size_t count,
                 size_t width, const int *column_of, csv_fault_t *fault) MUST_USE;
