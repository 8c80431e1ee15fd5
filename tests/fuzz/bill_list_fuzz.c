// Any bytes as a facility's list of bills: it is read or refused, and what is read keeps its promises: references that
// can be names, amounts that are something, the party that was asked for. A refusal says why.
#include "common/base/ids.h"
#include "services/cli/bill_list.h"
#include "tests/fuzz/row_faults.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    static arena_t *arena;
    err_t err = {0};
    int64_t bad = 0;
    if (!arena) arena = arena_new(1 << 16, 1 << 26);
    if (!bytes) return 0;
    arena_reset(arena);
    row_list_t list = {.arena = arena};
    FILE *file = fmemopen((void *)(uintptr_t)data, bytes, "r");
    CHECK(arena && file);
    int rc = bill_list_read(file, "H1", count_fault, &bad, &list, &err);
    CHECK(fclose(file) == 0 && (rc == E_OK || err.text[0]) && (rc != E_OK || !bad));
    for (size_t i = 0; rc == E_OK && i < list.count; i++) {
        const digest_row_t *row = &list.rows[i];
        CHECK(row->amount && strcmp(row->party, "H1") == 0 && strcmp(row->kind, "whole") == 0);
        CHECK(name_check("bill", row->reference, &err) == E_OK);
    }
    return 0;
}
