// The first look at a file, before anything is sent: is it readable to its end, do its totals match, which rows cannot
// be read, what is its SHA-256. With `whole` (nothing or all) also whether each row can be judged by itself: no number
// and no citizen ID or credit code twice, and the rows of one person together. That no two wages are declared for one
// person and month is looked at in any case: whichever came last would hold.
#pragma once
#include "import_send.h"

typedef struct import_look {
    int64_t rows; // to be sent
    int64_t bad;  // cannot be read, or stand against another row
    bool twice;   // of wages: two rows are of one person and month
    char digest[2 * SHA256_BYTES + 1];
} import_look_t;

void import_table(const import_run_t *run, bool skip_unknown, csv_table_t *table);
// 0, or why the file as a whole is unusable.
int import_look(import_run_t *run, const csv_table_t *table, bool whole, import_look_t *look, err_t *err) MUST_USE;
