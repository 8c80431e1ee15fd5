// Cells to and from the binary format of PostgreSQL, and the texts of set-based statements.
#pragma once
#include "link.h"

// One row of cells as parameters; they borrow from the cells.
void params_of_cells(params_t *params, const cell_t *cells, size_t count);
// Rows [from, to) as one array parameter for each column. `buffer` is what the parameters borrow from: the caller frees
// it.
int params_of_columns(params_t *params, const rows_t *rows, size_t from, size_t to, char **buffer, err_t *err) MUST_USE;
// Rows [from, to) as a whole stream for COPY. NULL when memory is out; the caller frees.
char *copy_of_rows(const rows_t *rows, size_t from, size_t to, size_t *size, err_t *err) MUST_USE;
// How many rows from `from` on go into one statement: bounded in rows and bytes, at least one.
size_t portion_of_rows(const rows_t *rows, size_t from);
// Append a result to `out`, whose width is the number of columns. int2/4/8 and bool become CELL_I64.
int rows_of_result(rows_t *out, const PGresult *result, err_t *err) MUST_USE;
// `sql` with each $n turned into each_key.cn, inside a SELECT over the keys. NULL when memory is out; the caller frees.
char *each_sql(const char *sql, size_t width);
