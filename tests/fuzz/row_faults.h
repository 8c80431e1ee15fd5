// What a reader of rows says of a row at fault: a row, and why. Counted.
#pragma once
#include "common/base/check.h"
#include "common/base/err.h"

static void count_fault(void *count, int64_t row, const err_t *why) {
    CHECK(row > 0 && why->code != E_OK && why->text[0]);
    (*(int64_t *)count)++;
}
