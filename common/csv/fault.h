// Faults: where, what was found, what was expected. Everything the reader tells passes here, so what may not be told
// is kept in one place.
#pragma once
#include "csv.h"

typedef struct place {
    int64_t row;
    size_t at;                  // index in the file, for columns the table does not have
    const csv_column_t *column; // NULL: unknown
} place_t;

#define NO_COLUMN SIZE_MAX

// `found` may be NULL. It is shortened, and left out when the column is personal. Returns code.
int fault_set(csv_fault_t *fault, int code, const place_t *place, const char *found, const char *expected, ...)
    __attribute__((format(printf, 5, 6)));
