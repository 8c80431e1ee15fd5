// Tables that other agencies and the tax bureau send, as CSV: read as a stream in bounded memory, whatever the bytes.
// Every row comes out typed, or as one fault that says the row, the column, what was found and what was expected; the
// reader then goes on with the next row. What makes the whole file doubtful (no heading, totals that do not match, a
// quote that is never closed) refuses the file, so a caller applies nothing before CSV_END.
//
// Encodings: UTF-8 with or without a byte order mark, GB18030. Lines end in LF or CRLF; fields may stand in quotes,
// with "" for a quote, and then hold commas and line ends. The first row that is not empty is the heading; its names,
// English or Chinese, stand in any order.
#pragma once
#include "common/base/date.h"
#include "common/base/hash.h"
#include "common/base/money.h"
#include <stdio.h>

typedef enum csv_encoding {
    CSV_AUTO, // a byte order mark, else UTF-8 when the first 64 KiB are valid, else GB18030
    CSV_UTF8,
    CSV_GB18030,
} csv_encoding_t;

typedef enum csv_type {
    CSV_TEXT,
    CSV_DATE,   // 2018-03-01, 2018/3/1 or 20180301
    CSV_MONTH,  // 2018-03, 2018/3 or 201803
    CSV_MONEY,  // yuan with at most two decimals, read as fen
    CSV_NUMBER, // whole, not negative, at most 15 digits
    CSV_WORD,   // one of the column's words, English or Chinese
    CSV_YES_NO, // 是 or 否, yes or no
} csv_type_t;

typedef struct csv_word {
    const char *name, *chinese;
} csv_word_t;

typedef struct csv_column {
    const char *name, *chinese; // either of them in the heading
    csv_type_t type;
    bool required;           // must stand in the heading, and no cell may be empty
    bool personal;           // what was found there is never told
    bool may_be_negative;    // money only: refunds
    const csv_word_t *words; // words only
    size_t word_count;
} csv_column_t;

// The totals line (合计): last, with `合计` or `total` in its first column, the number of rows in one column that holds
// no money, and the sum of every money column of the file.
typedef enum csv_totals { CSV_TOTALS_NONE, CSV_TOTALS_OPTIONAL, CSV_TOTALS_REQUIRED } csv_totals_t;

typedef struct csv_limits { // 0 stands for the default
    size_t row_bytes;       // 65,536, as they stand in the file
    size_t field_bytes;     // 4,096
    size_t columns;         // 256 in the heading; a row then has as many as the heading
    int64_t rows;           // 20,000,000, empty lines counted
} csv_limits_t;

#define CSV_COLUMNS_MAX 64 // of a caller's table

typedef struct csv_table {
    const csv_column_t *columns;
    size_t count;
    csv_encoding_t encoding;
    csv_totals_t totals;
    bool skip_unknown; // columns that the table does not have are passed over; else they refuse the file
    csv_limits_t limits;
} csv_table_t;

typedef struct csv_cell {
    bool given;       // false: empty, or the file has no such column; nothing below holds then but text ""
    const char *text; // UTF-8. Without spaces around it, except text in quotes, which is kept as it is
    size_t bytes;
    union {
        date_t date;
        month_t month;
        fen_t fen;
        int64_t number;
        int word; // index into the column's words
        bool yes;
    };
} csv_cell_t;

typedef struct csv_row {
    int64_t number; // as a spreadsheet counts: the heading is row 1 when nothing stands above it, empty lines count
    const csv_cell_t *cells; // in the order of the caller's table; valid until the next call
} csv_row_t;

typedef struct csv_fault {
    int code;           // E_INVALID_FIELD, E_MISSING_FIELD, E_TOO_LARGE …
    int64_t row;        // 0 when the fault is of the file as a whole
    const char *column; // English name of the table's column, or ""
    char place[80];     // "金额 (amount)", "column 7", or ""
    char found[96];     // never of a personal column; "" when there is nothing to show
    char expected[160];
} csv_fault_t;

typedef enum csv_got {
    CSV_ROW,     // `row` is filled
    CSV_BAD_ROW, // `fault` is filled; the next call goes on behind that row
    CSV_END,     // everything was read, and the totals matched
    CSV_REFUSED, // `fault` is filled; nothing of this file may be used; every further call says the same
} csv_got_t;

typedef struct csv csv_t;

// Read `file` (borrowed, from where it stands) as `table` (borrowed, with everything in it). E_IO when out of memory or
// when the C library has no GB18030.
int csv_open(csv_t **out, FILE *file, const csv_table_t *table, err_t *err) MUST_USE;
void csv_destroy(csv_t **csv);
csv_got_t csv_next(csv_t *csv, csv_row_t *row, csv_fault_t *fault) MUST_USE;

// SHA-256 of all bytes of the file, to see that one comes twice. Reads what is left of it first; nothing can be read
// afterwards. E_IO when the file cannot be read.
int csv_digest(csv_t *csv, uint8_t out[static SHA256_BYTES], err_t *err) MUST_USE;
csv_encoding_t csv_encoding(const csv_t *csv); // the one in use; CSV_AUTO before the first row
int64_t csv_row_count(const csv_t *csv);       // rows below the heading so far, the bad ones included, empty ones not
int64_t csv_bad_count(const csv_t *csv);

// The fault as one sentence: "row 7, 金额 (amount): found "12.345", expected …". Returns fault->code.
int csv_fault_err(const csv_fault_t *fault, err_t *err);
