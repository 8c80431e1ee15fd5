// The answer to a chunk of an import: what happened to its rows, and why not to some. Texts are those of the core,
// which never hold a name or a citizen ID.
#pragma once
#include "common/base/arena.h"
#include "common/base/check.h"
#include "common/base/err.h"
#include "enrollment.pb-c.h"
#include <stdbool.h>

typedef struct report {
    Tc__ImportReport *message;
    arena_t *arena;
    size_t room;
} report_t;

// For at most `rows` problems.
int report_init(report_t *report, arena_t *arena, size_t rows, err_t *err) MUST_USE;
// Is this the fault of a row? What is not (store, memory, our own bugs) fails the whole chunk.
bool report_takes(int code);
int report_refused(report_t *report, int64_t row, const err_t *why, err_t *err) MUST_USE;
int report_parked(report_t *report, int64_t row, const char *field, const char *why, err_t *err) MUST_USE;
// tongchou_import_rows_total{kind,outcome}: after the chunk has been decided; dry ones are not counted.
void report_count(const report_t *report, const char *kind);

enum { IMPORT_ROWS_MAX = 1000, IMPORT_FILE_HEX = 64 };
// What every chunk must say: its file's SHA-256, at most IMPORT_ROWS_MAX rows, and row numbers that fit.
int import_check(const char *file, int32_t first_row, size_t rows, err_t *err) MUST_USE;
