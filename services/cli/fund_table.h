// A table for a clerk: columns aligned by what they take on a screen (a Chinese character takes two), or CSV.
#pragma once
#include "common/base/arena.h"
#include <stdbool.h>
#include <stddef.h>

enum { FUND_COLUMNS_MAX = 12 };

typedef struct fund_column {
    const char *head;
    bool right; // amounts
} fund_column_t;

typedef struct fund_row {
    const char *cell[FUND_COLUMNS_MAX];
    const char *note; // a line of its own below the row; NULL: none
    struct fund_row *next;
} fund_row_t;

typedef struct fund_table {
    arena_t *arena; // borrowed; holds the rows
    const fund_column_t *columns;
    size_t width;
    fund_row_t *first, *last;
} fund_table_t;

// A row to fill; texts are borrowed. NULL when memory is out.
fund_row_t *fund_table_row(fund_table_t *table);
// On standard output. CSV has no notes.
void fund_table_print(const fund_table_t *table, bool csv);
