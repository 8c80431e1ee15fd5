// A statement of a bank, the treasury or the tax bureau as a CSV file (UTF-8 or GB18030): rows with the day, what came
// in or went out, and the number of the order or receipt. The file ends with its totals; where it shows balances, each
// must follow from the one before. Names of payers and remarks are passed over: they are neither kept nor shown.
#pragma once
#include "common/csv/csv.h"
#include "reconcile.pb-c.h"
#include "common/base/arena.h"

enum { BANK_FILE_ROWS_MAX = 100000, BANK_REFERENCE_MAX = 64 };

typedef struct bank_file {
    Tc__StatementRow **rows; // in the arena
    size_t count;
    fen_t in, out;         // sums
    char from[16], to[16]; // first and last day of the rows; "" without rows
    char digest[2 * SHA256_BYTES + 1];
} bank_file_t;

// Read all of `file`. Faults of rows go to `tell` (may be NULL) one by one with the row's number; any of them refuses
// the file as a whole in the end. E_INVALID_FIELD, E_TOO_LARGE …; E_IO.
int bank_file_read(FILE *file, arena_t *arena, void (*tell)(void *self, int64_t row, const err_t *why), void *self,
                   bank_file_t *out, err_t *err) MUST_USE;
