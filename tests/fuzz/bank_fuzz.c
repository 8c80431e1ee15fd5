// Any bytes as a bank statement: it is read or refused, and what is read keeps its promises: lines in order, days
// within the span, references that can be names, amounts that add up to the sum.
#include "common/base/ids.h"
#include "services/settlement/bank_file.h"
#include "tests/fuzz/row_faults.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    static arena_t *arena;
    bank_file_t read;
    err_t err = {0};
    int64_t bad = 0, line = 0;
    fen_t in = 0, out = 0;
    if (!arena) arena = arena_new(1 << 16, 1 << 26);
    if (!bytes) return 0;
    arena_reset(arena);
    FILE *file = fmemopen((void *)(uintptr_t)data, bytes, "r");
    CHECK(arena && file);
    int rc = bank_file_read(file, arena, count_fault, &bad, &read, &err);
    CHECK(fclose(file) == 0 && (rc == E_OK || err.text[0]) && (rc != E_OK || !bad));
    for (size_t i = 0; rc == E_OK && i < read.count; i++) {
        const Tc__StatementRow *row = read.rows[i];
        CHECK(row->line > line && !row->in_fen != !row->out_fen);
        CHECK(fen_add(in, row->in_fen, &in) == E_OK && fen_add(out, row->out_fen, &out) == E_OK);
        CHECK(strcmp(row->day, read.from) >= 0 && strcmp(row->day, read.to) <= 0);
        CHECK(!*row->reference || name_check("reference", row->reference, &err) == E_OK);
        line = row->line;
    }
    CHECK(rc != E_OK ||
          (in == read.in && out == read.out && read.count > 0 && strlen(read.digest) == 2 * SHA256_BYTES));
    return 0;
}
