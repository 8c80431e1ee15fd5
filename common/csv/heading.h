// The heading row: which column of the file is which of the table.
#pragma once
#include "fault.h"

// `names` are the heading's cells as UTF-8 without spaces around them; column_of[i] becomes the table's index of the
// file's column i, or −1 for one that is passed over. Returns E_OK or fills `fault`.
int heading_match(const csv_table_t *table, int64_t row, const char *const *names, size_t count, int *column_of,
                  csv_fault_t *fault) MUST_USE;
