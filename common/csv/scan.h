// Bytes to rows of raw fields: quotes, line ends and bounds, before any encoding is looked at. That works for GB18030
// too: no byte of a longer character is a comma, a quote or a line end, so a broken character never swallows more than
// its field.
//
// Why not libcsv: its field buffer is bounded only by refusing memory, and a parser refused once takes no further byte,
// so an endless field could not be skipped; a callback cannot stop it; and it counts no rows.
#pragma once
#include "csv.h"

typedef struct scan_field {
    size_t start, bytes;
    bool quoted;
} scan_field_t;

typedef enum scan_wrong {
    SCAN_FINE,
    SCAN_ROW_TOO_LONG,
    SCAN_FIELD_TOO_LONG,
    SCAN_TOO_MANY_COLUMNS,
    SCAN_QUOTE_INSIDE,    // ab"c
    SCAN_BEHIND_QUOTE,    // "ab"c
    SCAN_CARRIAGE_RETURN, // a CR that no LF follows
    SCAN_NUL,
} scan_wrong_t;

typedef struct scan_row {
    int64_t number;
    scan_wrong_t wrong; // the first thing wrong; the fields are not to be used then
    size_t wrong_at;    // … and the index of its field
    const char *bytes;
    const scan_field_t *fields;
    size_t count;
    bool empty; // no field holds anything
} scan_row_t;

typedef enum scan_got { SCAN_ROW, SCAN_END, SCAN_OPEN_QUOTE, SCAN_TOO_MANY_ROWS, SCAN_UNREADABLE } scan_got_t;

typedef struct scan scan_t;

scan_t *scan_new(FILE *file, const csv_limits_t *limits); // NULL when out of memory; limits are all given
void scan_destroy(scan_t **scan);
// The first bytes of the file, up to 64 KiB, and whether they are all of it; then pass over `skip` of them. false when
// unreadable.
bool scan_peek(scan_t *scan, const uint8_t **bytes, size_t *count, bool *whole);
void scan_skip(scan_t *scan, size_t skip);
void scan_set_columns(scan_t *scan, size_t columns); // at most as many as the limits said
// With SCAN_OPEN_QUOTE and SCAN_TOO_MANY_ROWS, row->number and wrong_at say where.
scan_got_t scan_next(scan_t *scan, scan_row_t *row);
bool scan_digest(scan_t *scan, uint8_t out[static SHA256_BYTES]); // reads to the end; false when unreadable
