// Tables written as CSV: UTF-8 or GB18030, LF, quotes where a field needs them. The first failure sticks and is told by
// csv_writer_close, so rows can be written without looking at each.
#pragma once
#include "csv.h"

typedef struct csv_writer csv_writer_t;

// E_IO when the file cannot be made or the encoding (CSV_UTF8 or CSV_GB18030) cannot be had.
int csv_writer_open(csv_writer_t **out, const char *path, csv_encoding_t encoding, err_t *err) MUST_USE;
// The next field of the row: UTF-8. A row of more than 64 KiB fails with E_TOO_LARGE.
void csv_write(csv_writer_t *writer, const char *text);
void csv_write_format(csv_writer_t *writer, const char *format, ...) __attribute__((format(printf, 2, 3)));
void csv_write_end_row(csv_writer_t *writer);
// Ends the file and frees the writer. E_OK when everything is written; else the first failure.
int csv_writer_close(csv_writer_t **writer, err_t *err) MUST_USE;
