// Any bytes as a table, under small bounds: the reader ends, every cell it gives keeps the promises of its type, every
// fault says where and what was expected, no personal value is told, and a second reading says the same.
#include "common/csv/csv.h"
#include "common/csv/encoding.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const csv_word_t words[] = {{"local", "本地"}, {"elsewhere", "外地"}};
static const csv_column_t columns[] = {
    {.name = "id", .chinese = "编号", .required = true},
    {.name = "name", .chinese = "姓名", .personal = true},
    {.name = "day", .chinese = "日期", .type = CSV_DATE},
    {.name = "month", .chinese = "月份", .type = CSV_MONTH},
    {.name = "amount", .chinese = "金额", .type = CSV_MONEY, .may_be_negative = true},
    {.name = "count", .chinese = "数", .type = CSV_NUMBER},
    {.name = "word", .chinese = "户籍", .type = CSV_WORD, .words = words, .word_count = COUNT_OF(words)},
    {.name = "yes", .chinese = "是否", .type = CSV_YES_NO},
};

static void check_row(const csv_row_t *row, int64_t last) {
    CHECK(row->number > last && row->cells[0].given);
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        const csv_cell_t *cell = &row->cells[i];
        CHECK(strlen(cell->text) == cell->bytes && cell->given == (cell->bytes > 0));
        CHECK(utf8_valid(cell->text, cell->bytes, false));
        if (!cell->given) continue;
        int year, month, day;
        if (columns[i].type == CSV_DATE) {
            date_split(cell->date, &year, &month, &day);
            CHECK(date_valid(year, month, day));
        }
        if (columns[i].type == CSV_NUMBER) CHECK(cell->number >= 0 && cell->number < INT64_C(1000000000000000));
        if (columns[i].type == CSV_WORD) CHECK(cell->word >= 0 && cell->word < (int)COUNT_OF(words));
    }
}

static void check_fault(const csv_fault_t *fault) {
    err_t err;
    CHECK(fault->code != E_OK && fault->expected[0] && csv_fault_err(fault, &err) == fault->code);
    CHECK(strcmp(fault->column, "name") != 0 || !fault->found[0]);
    CHECK(utf8_valid(err.text, strlen(err.text), false) && !strchr(err.text, '\n'));
}

// How it ended, with a mix of everything that was seen.
static uint64_t read_all(const uint8_t *data, size_t bytes, const csv_table_t *table) {
    err_t err;
    csv_t *csv = NULL;
    csv_row_t row;
    csv_fault_t fault = {0};
    csv_got_t got;
    int64_t last = 0, good = 0, bad = 0;
    uint64_t seen = 0;
    FILE *file = fmemopen((void *)(uintptr_t)data, bytes, "r");
    CHECK(file && csv_open(&csv, file, table, &err) == E_OK);
    while ((got = csv_next(csv, &row, &fault)) == CSV_ROW || got == CSV_BAD_ROW) {
        if (got == CSV_ROW) check_row(&row, last), good++, last = row.number;
        if (got == CSV_BAD_ROW) check_fault(&fault), bad++, last = fault.row;
        for (size_t i = 0; got == CSV_ROW && i < COUNT_OF(columns); i++)
            seen = hash64(row.cells[i].text, row.cells[i].bytes, seen + i);
    }
    if (got == CSV_REFUSED) check_fault(&fault);
    CHECK(csv_next(csv, &row, &fault) == got && bad == csv_bad_count(csv) && good + bad <= csv_row_count(csv));
    uint8_t digest[SHA256_BYTES], whole[SHA256_BYTES];
    CHECK(csv_digest(csv, digest, &err) == E_OK);
    sha256(data, bytes, whole);
    CHECK(memcmp(digest, whole, sizeof whole) == 0);
    csv_destroy(&csv);
    CHECK(fclose(file) == 0);
    return seen + (uint64_t)got;
}

// The first byte chooses how the rest is read.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    if (bytes < 2) return 0;
    csv_table_t table = {.columns = columns,
                         .count = COUNT_OF(columns),
                         .encoding = (csv_encoding_t)(data[0] % 3),
                         .totals = (csv_totals_t)(data[0] / 3 % 3),
                         .skip_unknown = data[0] / 9 % 2 == 1,
                         .limits = {.row_bytes = 300, .field_bytes = 60, .columns = 12, .rows = 1000}};
    CHECK(read_all(data + 1, bytes - 1, &table) == read_all(data + 1, bytes - 1, &table));
    return 0;
}
