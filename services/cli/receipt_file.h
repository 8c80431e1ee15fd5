// A file of receipts of the tax bureau, row by row: CSV (UTF-8 or GB18030) or JSON lines, told apart by the first
// character. Money must be whole: the file ends with its totals, and one that does not match refuses it.
#pragma once
#include "collection.pb-c.h"
#include "common/base/arena.h"
#include "common/csv/csv.h"

typedef enum receipt_got { RECEIPT_ROW, RECEIPT_BAD_ROW, RECEIPT_END, RECEIPT_REFUSED } receipt_got_t;

typedef struct receipt_file receipt_file_t;

// `file` is borrowed, from its beginning. E_IO when out of memory or when it cannot be read.
int receipt_file_open(receipt_file_t **out, FILE *file, err_t *err) MUST_USE;
void receipt_file_close(receipt_file_t **file);
// The next row, in the arena. `row`: as a spreadsheet or an editor counts. Of a row or a file at fault, `why` says
// what.
receipt_got_t receipt_file_next(receipt_file_t *file, arena_t *arena, Tc__Receive **out, int64_t *row,
                                err_t *why) MUST_USE;
// SHA-256 of all bytes in hex; reads what is left of the file first.
int receipt_file_digest(receipt_file_t *file, char hex[static 2 * SHA256_BYTES + 1], err_t *err) MUST_USE;
