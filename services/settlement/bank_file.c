#include "bank_file.h"
#include "common/base/ids.h"
#include <string.h>

enum { REFERENCE, DAY, IN, OUT, AMOUNT, BALANCE };
static const csv_column_t columns[] = {
    {.name = "reference", .chinese = "业务编号"},
    {.name = "day", .chinese = "交易日期", .required = true, .type = CSV_DATE},
    {.name = "in", .chinese = "收入金额", .type = CSV_MONEY, .may_be_negative = true},
    {.name = "out", .chinese = "支出金额", .type = CSV_MONEY, .may_be_negative = true},
    {.name = "amount", .chinese = "金额", .type = CSV_MONEY, .may_be_negative = true},
    {.name = "balance", .chinese = "余额"}, // text: the totals line does not sum it
};
static const csv_table_t table = {.columns = columns,
                                  .count = COUNT_OF(columns),
                                  .totals = CSV_TOTALS_REQUIRED,
                                  .skip_unknown = true,
                                  .limits = {.rows = BANK_FILE_ROWS_MAX + 1000}};

typedef struct reader {
    arena_t *arena;
    bank_file_t *out;
    size_t room;
    bool has_balance; // of the row before
    fen_t balance;
    void (*tell)(void *self, int64_t row, const err_t *why);
    void *self;
    int64_t bad;
} reader_t;

static void told(reader_t *reader, int64_t row, const err_t *why) {
    reader->bad++;
    if (reader->tell) reader->tell(reader->self, row, why);
}

// One of 收入, 支出 and 金额.
static int amount_of(const csv_cell_t *cells, fen_t *out, err_t *err) {
    const int given = cells[IN].given + cells[OUT].given + cells[AMOUNT].given;
    // Banks write 0.00 on the other side.
    const bool both = given == 2 && cells[IN].given && cells[OUT].given && (cells[IN].fen == 0 || cells[OUT].fen == 0);
    if (given != 1 && !both)
        return err_field(err, E_MISSING_FIELD, "amount",
                         "one of in (收入金额), out (支出金额), amount (金额) was expected");
    const fen_t in = cells[IN].given ? cells[IN].fen : 0, out_fen = cells[OUT].given ? cells[OUT].fen : 0;
    if (cells[AMOUNT].given)
        *out = cells[AMOUNT].fen;
    else if (fen_sub(in, out_fen, out))
        return err_field(err, E_OUT_OF_RANGE, "amount", "the amount is out of range");
    return *out ? E_OK : err_field(err, E_OUT_OF_RANGE, "amount", "an amount other than 0.00 was expected");
}

static int check_balance(reader_t *reader, const csv_cell_t *cell, fen_t amount, err_t *err) {
    char expected[FEN_TEXT_MAX];
    fen_t balance, due;
    if (!cell->given) {
        reader->has_balance = false;
        return E_OK;
    }
    if (fen_parse(cell->text, true, &balance))
        return err_field(err, E_INVALID_FIELD, "balance", "balance (余额): yuan with two decimals was expected");
    const bool follows = reader->has_balance && fen_add(reader->balance, amount, &due) == E_OK;
    reader->has_balance = true;
    reader->balance = balance;
    if (!follows || due == balance) return E_OK;
    return err_field(err, E_INVALID_FIELD, "balance",
                     "balance (余额): %s follows from the row before: a row is missing", fen_format(due, expected));
}

static int grow(reader_t *reader, err_t *err) {
    bank_file_t *out = reader->out;
    if (out->count < reader->room) return E_OK;
    if (out->count == BANK_FILE_ROWS_MAX)
        return err_set(err, E_TOO_LARGE, "a statement has at most %d rows", BANK_FILE_ROWS_MAX);
    const size_t room = reader->room ? 2 * reader->room : 256;
    Tc__StatementRow **rows = arena_alloc(reader->arena, room * sizeof *rows);
    if (!rows) return err_set(err, E_IO, "out of memory for the statement");
    if (out->count) memcpy(rows, out->rows, out->count * sizeof *rows);
    out->rows = rows;
    reader->room = room;
    return E_OK;
}

static int keep(reader_t *reader, const csv_row_t *row, fen_t amount, err_t *err) {
    bank_file_t *out = reader->out;
    Tc__StatementRow *made = arena_alloc(reader->arena, sizeof *made);
    char day[DATE_TEXT_MAX];
    int rc = grow(reader, err);
    if (rc || !made) return rc ? rc : err_set(err, E_IO, "out of memory for the statement");
    tc__statement_row__init(made);
    made->line = row->number;
    made->day = arena_text(reader->arena, "%s", date_format(row->cells[DAY].date, day));
    made->reference = arena_text(reader->arena, "%s", row->cells[REFERENCE].text);
    if (amount > 0)
        made->in_fen = amount;
    else if (fen_sub(0, amount, &made->out_fen))
        return err_field(err, E_OUT_OF_RANGE, "amount", "an amount is out of range");
    if (!made->day || !made->reference) return err_set(err, E_IO, "out of memory for the statement");
    if (fen_add(out->in, made->in_fen, &out->in) || fen_add(out->out, made->out_fen, &out->out))
        return err_field(err, E_OUT_OF_RANGE, "amount", "the amounts add up to more than can be counted");
    if (!out->from[0] || strcmp(day, out->from) < 0) snprintf(out->from, sizeof out->from, "%s", day);
    if (strcmp(day, out->to) > 0) snprintf(out->to, sizeof out->to, "%s", day);
    out->rows[out->count++] = made;
    return E_OK;
}

// A fault of the row is told and counted; what is returned ends the reading.
static int take(reader_t *reader, const csv_row_t *row, err_t *err) {
    err_t why = {0};
    fen_t amount = 0;
    const char *reference = row->cells[REFERENCE].text;
    int rc = amount_of(row->cells, &amount, &why);
    if (!rc) rc = check_balance(reader, &row->cells[BALANCE], amount, &why);
    // What was found is not shown: it might be anybody's number.
    if (!rc && *reference && name_check("reference", reference, &why))
        rc = err_field(&why, E_INVALID_FIELD, "reference",
                       "reference (业务编号): 1 to %d of A-Z a-z 0-9 . _ : - was expected", BANK_REFERENCE_MAX);
    if (rc) {
        told(reader, row->number, &why);
        return E_OK;
    }
    return keep(reader, row, amount, err);
}

static int read_rows(reader_t *reader, csv_t *csv, err_t *err) {
    csv_row_t row;
    csv_fault_t fault;
    for (;;) {
        int rc = E_OK;
        err_t why = {0};
        switch (csv_next(csv, &row, &fault)) {
        case CSV_ROW: rc = take(reader, &row, err); break;
        case CSV_BAD_ROW:
            csv_fault_err(&fault, &why);
            told(reader, fault.row, &why);
            break;
        case CSV_END: return E_OK;
        case CSV_REFUSED:
        default: return csv_fault_err(&fault, err);
        }
        if (rc) return rc;
    }
}

int bank_file_read(FILE *file, arena_t *arena, void (*tell)(void *self, int64_t row, const err_t *why), void *self,
                   bank_file_t *out, err_t *err) {
    reader_t reader = {.arena = arena, .out = out, .tell = tell, .self = self};
    uint8_t digest[SHA256_BYTES];
    csv_t *csv = NULL;
    *out = (bank_file_t){0};
    int rc = csv_open(&csv, file, &table, err);
    if (!rc) rc = read_rows(&reader, csv, err);
    if (!rc && reader.bad)
        rc = err_set(err, E_INVALID_FIELD, "%lld rows of the statement cannot be read", (long long)reader.bad);
    if (!rc && !out->count) rc = err_set(err, E_MISSING_FIELD, "the statement has no row");
    if (!rc) rc = csv_digest(csv, digest, err);
    if (!rc) hex_encode(digest, sizeof digest, out->digest);
    csv_destroy(&csv);
    return rc;
}
