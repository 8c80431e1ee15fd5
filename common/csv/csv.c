// The reader: heading first, then row by row until the end or until the file is refused.
#include "csv.h"
#include "cell.h"
#include "encoding.h"
#include "fault.h"
#include "heading.h"
#include "scan.h"
#include "totals.h"
#include <stdlib.h>
#include <string.h>

typedef enum phase { NEW, READING, ENDED, REFUSED } phase_t;

struct csv {
    const csv_table_t *table;
    csv_limits_t limits;
    scan_t *scan;
    decoder_t *decoder;
    csv_encoding_t encoding;
    phase_t phase;
    csv_fault_t refusal;

    size_t width;       // columns of the heading
    int *column_of;     // of the file's columns
    char *text;         // the row's fields as UTF-8, one behind the other
    size_t used;        // of text
    const char **field; // into text: the heading's names, the totals line's cells
    csv_cell_t cells[CSV_COLUMNS_MAX];
    totals_t totals;
    int64_t bad;
};

static csv_limits_t limits_of(const csv_limits_t *given) {
    return (csv_limits_t){.row_bytes = given->row_bytes ? given->row_bytes : 65536,
                          .field_bytes = given->field_bytes ? given->field_bytes : 4096,
                          .columns = given->columns ? given->columns : 256,
                          .rows = given->rows ? given->rows : 20000000};
}

int csv_open(csv_t **out, FILE *file, const csv_table_t *table, err_t *err) {
    CHECK(table->count >= 1 && table->count <= CSV_COLUMNS_MAX);
    csv_t *csv = calloc(1, sizeof *csv);
    if (!csv) return err_set(err, E_IO, "out of memory");
    csv->table = table;
    csv->limits = limits_of(&table->limits);
    csv->scan = scan_new(file, &csv->limits);
    csv->column_of = calloc(csv->limits.columns, sizeof *csv->column_of);
    csv->field = calloc(csv->limits.columns, sizeof *csv->field);
    csv->text = malloc(2 * csv->limits.row_bytes + csv->limits.columns); // what decoder_field asks for, and NULs
    if (!csv->scan || !csv->column_of || !csv->field || !csv->text) {
        csv_destroy(&csv);
        return err_set(err, E_IO, "out of memory");
    }
    *out = csv;
    return E_OK;
}

void csv_destroy(csv_t **csv) {
    if (!*csv) return;
    scan_destroy(&(*csv)->scan);
    decoder_destroy(&(*csv)->decoder);
    free((*csv)->column_of);
    free((*csv)->field);
    free((*csv)->text);
    free(*csv);
    *csv = NULL;
}

csv_encoding_t csv_encoding(const csv_t *csv) { return csv->encoding; }
int64_t csv_row_count(const csv_t *csv) { return csv->totals.rows; }
int64_t csv_bad_count(const csv_t *csv) { return csv->bad; }

int csv_digest(csv_t *csv, uint8_t out[static SHA256_BYTES], err_t *err) {
    bool done = scan_digest(csv->scan, out);
    if (csv->phase < ENDED) {
        csv->phase = REFUSED;
        fault_set(&csv->refusal, E_UNSUPPORTED, &(place_t){0, NO_COLUMN, NULL}, NULL,
                  "no reading behind the digest of the file");
    }
    return done ? E_OK : err_set(err, E_IO, "the file cannot be read to its end");
}

static const char *encoding_name(const csv_t *csv) { return csv->encoding == CSV_GB18030 ? "GB18030" : "UTF-8"; }

static place_t place_of(const csv_t *csv, int64_t row, size_t at) {
    bool known = at < csv->width && csv->column_of[at] >= 0;
    return (place_t){row, at, known ? &csv->table->columns[csv->column_of[at]] : NULL};
}

// ---- raw rows

// What the scanner found wrong with a row, as a fault.
static int raw_fault(const csv_t *csv, const scan_row_t *row, csv_fault_t *fault) {
    place_t place = place_of(csv, row->number, row->wrong_at), whole = {row->number, NO_COLUMN, NULL};
    switch (row->wrong) {
    case SCAN_ROW_TOO_LONG:
        return fault_set(fault, E_TOO_LARGE, &whole, NULL, "a row of at most %zu bytes", csv->limits.row_bytes);
    case SCAN_FIELD_TOO_LONG:
        return fault_set(fault, E_TOO_LARGE, &place, NULL, "at most %zu bytes", csv->limits.field_bytes);
    case SCAN_TOO_MANY_COLUMNS:
        if (!csv->width) return fault_set(fault, E_TOO_LARGE, &whole, NULL, "at most %zu columns", csv->limits.columns);
        return fault_set(fault, E_TOO_LARGE, &whole, NULL, "as many as in the heading: %zu columns, not more",
                         csv->width);
    case SCAN_QUOTE_INSIDE:
        return fault_set(fault, E_INVALID_FIELD, &place, NULL,
                         "no quote inside a field, unless the field stands in quotes and the quote is doubled");
    case SCAN_BEHIND_QUOTE:
        return fault_set(fault, E_INVALID_FIELD, &place, NULL, "a comma or the line's end behind the closing quote");
    case SCAN_CARRIAGE_RETURN:
        return fault_set(fault, E_INVALID_FIELD, &place, NULL, "lines that end in LF or CRLF, not in CR alone");
    case SCAN_NUL: return fault_set(fault, E_INVALID_FIELD, &place, NULL, "text without NUL bytes");
    case SCAN_FINE: break;
    }
    CHECK(!"a fault of the scanner");
    return E_INTERNAL;
}

// The field at `at` as UTF-8; NULL when its bytes are none, with `fault` filled.
static char *decode(csv_t *csv, const scan_row_t *row, size_t at, size_t *bytes, csv_fault_t *fault) {
    const scan_field_t *field = &row->fields[at];
    char *text = csv->text + csv->used;
    if (decoder_field(csv->decoder, row->bytes + field->start, field->bytes, text, bytes)) {
        place_t place = place_of(csv, row->number, at);
        fault_set(fault, E_INVALID_FIELD, &place, NULL, "bytes that are %s", encoding_name(csv));
        return NULL;
    }
    csv->used += 2 * field->bytes + 1;
    return text;
}

// All fields of the row, trimmed, into csv->field.
static int decode_all(csv_t *csv, const scan_row_t *row, csv_fault_t *fault) {
    csv->used = 0;
    for (size_t i = 0; i < row->count; i++) {
        size_t bytes;
        char *text = decode(csv, row, i, &bytes, fault);
        if (!text) return fault->code;
        csv->field[i] = cell_trim(text, &bytes);
    }
    return E_OK;
}

// ---- refusals

static csv_got_t refused(csv_t *csv, csv_fault_t *fault) {
    csv->phase = REFUSED;
    csv->refusal = *fault;
    return CSV_REFUSED;
}

// The scanner came to an end that is none.
static csv_got_t cut_short(csv_t *csv, scan_got_t got, const scan_row_t *row, csv_fault_t *fault) {
    place_t place = place_of(csv, row->number, row->wrong_at), none = {0, NO_COLUMN, NULL};
    if (got == SCAN_OPEN_QUOTE)
        fault_set(fault, E_INVALID_FIELD, &place, NULL,
                  "the closing quote of a field before the end of the file, which seems cut off");
    else if (got == SCAN_TOO_MANY_ROWS)
        fault_set(fault, E_TOO_LARGE, &none, NULL, "at most %lld rows", (long long)csv->limits.rows);
    else
        fault_set(fault, E_IO, &none, NULL, "a file that can be read to its end");
    return refused(csv, fault);
}

// ---- heading

static int detect(csv_t *csv, csv_fault_t *fault) {
    const uint8_t *bytes;
    size_t count, mark;
    bool whole;
    const char *found = NULL;
    place_t none = {0, NO_COLUMN, NULL};
    if (!scan_peek(csv->scan, &bytes, &count, &whole))
        return fault_set(fault, E_IO, &none, NULL, "a file that can be read");
    if (encoding_detect(csv->table->encoding, bytes, count, whole, &csv->encoding, &mark, &found))
        return fault_set(fault, E_INVALID_FIELD, &none, found, "%s",
                         csv->table->encoding == CSV_UTF8      ? "UTF-8"
                         : csv->table->encoding == CSV_GB18030 ? "GB18030"
                                                               : "UTF-8 or GB18030");
    scan_skip(csv->scan, mark);
    if (decoder_new(&csv->decoder, csv->encoding))
        return fault_set(fault, E_IO, &none, NULL, "memory, and iconv with GB18030");
    return E_OK;
}

static csv_got_t read_heading(csv_t *csv, csv_fault_t *fault) {
    scan_row_t row;
    scan_got_t got;
    if (detect(csv, fault)) return refused(csv, fault);
    while ((got = scan_next(csv->scan, &row)) == SCAN_ROW && row.empty) {
    }
    if (got == SCAN_END) {
        fault_set(fault, E_MISSING_FIELD, &(place_t){0, NO_COLUMN, NULL}, "an empty file",
                  "a heading with the names of the columns");
        return refused(csv, fault);
    }
    if (got != SCAN_ROW) return cut_short(csv, got, &row, fault);
    if (row.wrong ? raw_fault(csv, &row, fault) : decode_all(csv, &row, fault)) return refused(csv, fault);
    if (heading_match(csv->table, row.number, csv->field, row.count, csv->column_of, fault)) return refused(csv, fault);
    csv->width = row.count;
    scan_set_columns(csv->scan, csv->width);
    csv->phase = READING;
    return CSV_ROW;
}

// ---- rows

// The cell of the file's column `at`. A fault that is no money's leaves the sums right.
static int read_cell(csv_t *csv, const scan_row_t *row, size_t at, csv_fault_t *fault) {
    size_t index = (size_t)csv->column_of[at];
    const csv_column_t *column = &csv->table->columns[index];
    csv_cell_t *cell = &csv->cells[index];
    place_t place = {row->number, at, column};
    size_t bytes;
    char expected[sizeof fault->expected];
    char *text = decode(csv, row, at, &bytes, fault);
    if (!text) return fault->code;
    bool as_it_is = column->type == CSV_TEXT && row->fields[at].quoted;
    cell->text = as_it_is ? text : cell_trim(text, &bytes);
    cell->bytes = bytes;
    cell->given = bytes > 0;
    if (cell->given && cell_parse(column, cell)) {
        if (column->type == CSV_MONEY) totals_add(&csv->totals, index, cell->fen);
        return E_OK;
    }
    if (!cell->given && !column->required) return E_OK;
    cell_expected(column, expected, sizeof expected);
    return fault_set(fault, cell->given ? E_INVALID_FIELD : E_MISSING_FIELD, &place,
                     cell->given ? cell->text : "nothing", "%s", expected);
}

static csv_got_t bad_row(csv_t *csv, bool amounts_read) {
    csv->bad++;
    if (!amounts_read) csv->totals.unread++;
    return CSV_BAD_ROW;
}

// Every cell is read even behind a fault, for the sums; the first fault is the one that is told.
static csv_got_t read_cells(csv_t *csv, const scan_row_t *raw, csv_row_t *row, csv_fault_t *fault) {
    bool good = true, amounts_read = true;
    csv->used = 0;
    for (size_t i = 0; i < csv->table->count; i++) csv->cells[i] = (csv_cell_t){.text = ""};
    for (size_t at = 0; at < csv->width; at++) {
        csv_fault_t later;
        if (csv->column_of[at] < 0 || !read_cell(csv, raw, at, good ? fault : &later)) continue;
        if (csv->table->columns[csv->column_of[at]].type == CSV_MONEY) amounts_read = false;
        good = false;
    }
    if (!good) return bad_row(csv, amounts_read);
    *row = (csv_row_t){.number = raw->number, .cells = csv->cells};
    return CSV_ROW;
}

// Is this row the totals line? Its first cell says so; one that cannot be decoded is no totals line.
static bool is_totals(csv_t *csv, const scan_row_t *row) {
    csv_fault_t ignored;
    size_t bytes;
    if (csv->table->totals == CSV_TOTALS_NONE || row->fields[0].bytes > 64) return false;
    csv->used = 0;
    char *text = decode(csv, row, 0, &bytes, &ignored);
    return text && totals_marks(cell_trim(text, &bytes));
}

static csv_got_t read_row(csv_t *csv, const scan_row_t *raw, csv_row_t *row, csv_fault_t *fault) {
    if (csv->totals.seen) {
        fault_set(fault, E_INVALID_FIELD, &(place_t){raw->number, NO_COLUMN, NULL}, NULL,
                  "nothing behind the totals line");
        return refused(csv, fault);
    }
    if (!raw->wrong && is_totals(csv, raw)) {
        csv->totals.seen = true;
        if (decode_all(csv, raw, fault) || totals_check(&csv->totals, csv->table, raw->number, csv->field, raw->count,
                                                        csv->width, csv->column_of, fault))
            return refused(csv, fault);
        return CSV_END;
    }
    csv->totals.rows++;
    if (raw->wrong) {
        raw_fault(csv, raw, fault);
        return bad_row(csv, false);
    }
    if (raw->count != csv->width) {
        fault_set(fault, E_INVALID_FIELD, &(place_t){raw->number, NO_COLUMN, NULL}, NULL,
                  "as many as in the heading: %zu columns, not %zu", csv->width, raw->count);
        return bad_row(csv, false);
    }
    return read_cells(csv, raw, row, fault);
}

static csv_got_t at_end(csv_t *csv, csv_fault_t *fault) {
    if (csv->table->totals == CSV_TOTALS_REQUIRED && !csv->totals.seen) {
        fault_set(fault, E_MISSING_FIELD, &(place_t){0, NO_COLUMN, NULL}, NULL,
                  "a totals line (合计) at the end of the file, which may be cut off; %lld rows were read",
                  (long long)csv->totals.rows);
        return refused(csv, fault);
    }
    csv->phase = ENDED;
    return CSV_END;
}

csv_got_t csv_next(csv_t *csv, csv_row_t *row, csv_fault_t *fault) {
    if (csv->phase == ENDED) return CSV_END;
    if (csv->phase == REFUSED) {
        *fault = csv->refusal;
        return CSV_REFUSED;
    }
    if (csv->phase == NEW && read_heading(csv, fault) == CSV_REFUSED) return CSV_REFUSED;
    for (;;) {
        scan_row_t raw;
        scan_got_t got = scan_next(csv->scan, &raw);
        if (got == SCAN_END) return at_end(csv, fault);
        if (got != SCAN_ROW) return cut_short(csv, got, &raw, fault);
        if (raw.empty) continue;
        csv_got_t answer = read_row(csv, &raw, row, fault);
        if (answer != CSV_END) return answer; // behind the totals line only empty lines may follow: look
    }
}
