#include "receipt_file.h"
#include "common/wire/message.h"
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <sodium.h>
#include <string.h>

enum { LINE_MAX_BYTES = 16 * 1024 };

struct receipt_file {
    FILE *file;
    csv_t *csv; // NULL: JSON lines
    // of JSON lines
    crypto_hash_sha256_state sha;
    char line[LINE_MAX_BYTES];
    int64_t rows, number;
    fen_t sum;
    receipt_got_t end; // how it ended; RECEIPT_ROW: not yet
    err_t why;
};

enum { RECEIPT, EMPLOYER, PERSON, PERIOD, AMOUNT, PAID_ON };
static const csv_column_t columns[] = {{.name = "receipt", .chinese = "税票号码", .required = true},
                                       {.name = "employer", .chinese = "单位编号"},
                                       {.name = "person", .chinese = "人员编号"},
                                       {.name = "period", .chinese = "费款所属期", .required = true},
                                       {.name = "amount", .chinese = "金额", .required = true, .type = CSV_MONEY},
                                       {.name = "paid_on", .chinese = "缴款日期", .required = true, .type = CSV_DATE}};
static const csv_table_t table = {
    .columns = columns, .count = COUNT_OF(columns), .totals = CSV_TOTALS_REQUIRED, .skip_unknown = true};

int receipt_file_open(receipt_file_t **out, FILE *file, err_t *err) {
    receipt_file_t *opened = calloc(1, sizeof *opened);
    if (!opened) return err_set(err, E_IO, "out of memory");
    opened->file = file;
    const int first = getc(file);
    if (first != EOF) ungetc(first, file);
    int rc = 0;
    if (first != '{') rc = csv_open(&opened->csv, file, &table, err);
    if (rc == 0 && crypto_hash_sha256_init(&opened->sha)) rc = err_set(err, E_IO, "no SHA-256");
    if (rc)
        receipt_file_close(&opened);
    else
        *out = opened;
    return rc;
}

void receipt_file_close(receipt_file_t **file) {
    if (!*file) return;
    csv_destroy(&(*file)->csv);
    free(*file);
    *file = NULL;
}

// ---- CSV

// 201803 is 2018-03.
static char *period_of(const csv_cell_t *cell, arena_t *arena) {
    const bool plain = cell->bytes == 6 && strspn(cell->text, "0123456789") == 6;
    return plain ? arena_text(arena, "%.4s-%.2s", cell->text, cell->text + 4) : arena_text(arena, "%s", cell->text);
}

static int from_cells(const csv_cell_t *cells, arena_t *arena, Tc__Receive **out, err_t *why) {
    char day[DATE_TEXT_MAX];
    Tc__Receive *row = arena_alloc(arena, sizeof *row);
    if (!row) return err_set(why, E_IO, "out of memory");
    tc__receive__init(row);
    row->receipt = arena_text(arena, "%s", cells[RECEIPT].text);
    row->employer = arena_text(arena, "%s", cells[EMPLOYER].text);
    row->person = arena_text(arena, "%s", cells[PERSON].text);
    row->period = period_of(&cells[PERIOD], arena);
    row->amount_given_case = TC__RECEIVE__AMOUNT_GIVEN_AMOUNT_FEN;
    row->amount_fen = cells[AMOUNT].fen;
    row->paid_on = arena_text(arena, "%s", date_format(cells[PAID_ON].date, day));
    *out = row;
    return row->receipt && row->employer && row->person && row->period && row->paid_on
               ? 0
               : err_set(why, E_IO, "out of memory");
}

static receipt_got_t next_csv(receipt_file_t *file, arena_t *arena, Tc__Receive **out, int64_t *number, err_t *why) {
    csv_row_t row;
    csv_fault_t fault;
    switch (csv_next(file->csv, &row, &fault)) {
    case CSV_ROW: *number = row.number; return from_cells(row.cells, arena, out, why) ? RECEIPT_REFUSED : RECEIPT_ROW;
    case CSV_BAD_ROW:
        *number = fault.row;
        csv_fault_err(&fault, why);
        snprintf(why->field, sizeof why->field, "%s", fault.column);
        return RECEIPT_BAD_ROW;
    case CSV_END: return RECEIPT_END;
    case CSV_REFUSED: break;
    }
    *number = fault.row;
    csv_fault_err(&fault, why);
    return RECEIPT_REFUSED;
}

// ---- JSON lines

static bool read_line(receipt_file_t *file, bool *whole) {
    if (!fgets(file->line, sizeof file->line, file->file)) return false;
    const size_t bytes = strlen(file->line);
    *whole = bytes && (file->line[bytes - 1] == '\n' || feof(file->file));
    return crypto_hash_sha256_update(&file->sha, (const unsigned char *)file->line, bytes) == 0;
}

// {"rows":3,"amount":"120.00"}; false when the line is something else.
static bool is_total(const char *line, int64_t *rows, fen_t *amount) {
    json_t *object = json_loads(line, 0, NULL);
    const json_t *count = json_object_get(object, "rows");
    const char *sum = json_string_value(json_object_get(object, "amount"));
    const bool total = json_is_integer(count) && sum && fen_parse(sum, false, amount) == 0;
    if (total) *rows = json_integer_value(count);
    json_decref(object);
    return total;
}

static receipt_got_t finish(receipt_file_t *file, receipt_got_t end) { return file->end = end; }

static receipt_got_t check_total(receipt_file_t *file, int64_t rows, fen_t amount, err_t *why) {
    char told[FEN_TEXT_MAX], read[FEN_TEXT_MAX];
    bool whole;
    while (read_line(file, &whole))
        if (file->line[strspn(file->line, " \t\r\n")]) {
            (void)err_set(why, E_INVALID_FIELD, "line %lld: something stands behind the totals",
                          (long long)file->number);
            return finish(file, RECEIPT_REFUSED);
        }
    if (rows == file->rows && amount == file->sum) return finish(file, RECEIPT_END);
    (void)err_set(why, E_INVALID_FIELD, "the totals say %lld rows of %s, the file has %lld of %s", (long long)rows,
                  fen_format(amount, told), (long long)file->rows, fen_format(file->sum, read));
    return finish(file, RECEIPT_REFUSED);
}

static receipt_got_t take_line(receipt_file_t *file, arena_t *arena, Tc__Receive **out, err_t *why) {
    int64_t rows;
    fen_t amount;
    if (is_total(file->line, &rows, &amount)) return check_total(file, rows, amount, why);
    file->rows++;
    int rc = message_from_json((ProtobufCMessage **)out, &tc__receive__descriptor, file->line, strlen(file->line),
                               arena, why);
    if (rc == 0 && fen_add(file->sum, (*out)->amount_fen, &file->sum))
        rc = err_field(why, E_OUT_OF_RANGE, "amount", "the amounts add up to more than can be counted");
    if (rc == 0) return RECEIPT_ROW;
    err_prefix(why, "line %lld: ", (long long)file->number);
    return RECEIPT_BAD_ROW;
}

static receipt_got_t next_json(receipt_file_t *file, arena_t *arena, Tc__Receive **out, int64_t *number, err_t *why) {
    bool whole = true;
    if (file->end != RECEIPT_ROW) return file->end;
    while (read_line(file, &whole)) {
        *number = ++file->number;
        if (!whole) {
            (void)err_set(why, E_TOO_LARGE, "line %lld is longer than %d bytes, or holds a NUL",
                          (long long)file->number, LINE_MAX_BYTES - 2);
            return finish(file, RECEIPT_REFUSED);
        }
        if (file->line[strspn(file->line, " \t\r\n")]) return take_line(file, arena, out, why);
    }
    if (ferror(file->file))
        (void)err_set(why, E_IO, "cannot be read: %s", strerror(errno));
    else
        (void)err_set(why, E_MISSING_FIELD, "the last line must tell the totals: {\"rows\":…,\"amount\":\"…\"}");
    return finish(file, RECEIPT_REFUSED);
}

receipt_got_t receipt_file_next(receipt_file_t *file, arena_t *arena, Tc__Receive **out, int64_t *row, err_t *why) {
    *row = 0;
    *why = (err_t){0};
    return file->csv ? next_csv(file, arena, out, row, why) : next_json(file, arena, out, row, why);
}

int receipt_file_digest(receipt_file_t *file, char hex[static 2 * SHA256_BYTES + 1], err_t *err) {
    uint8_t digest[SHA256_BYTES];
    bool whole;
    int rc = 0;
    if (file->csv) {
        rc = csv_digest(file->csv, digest, err);
    } else {
        while (read_line(file, &whole)) continue;
        if (ferror(file->file) || crypto_hash_sha256_final(&file->sha, digest))
            rc = err_set(err, E_IO, "cannot be read: %s", strerror(errno));
    }
    if (rc == 0) hex_encode(digest, sizeof digest, hex);
    return rc;
}
