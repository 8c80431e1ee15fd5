#include "bill_list.h"
#include "common/base/ids.h"
#include <string.h>

enum { BILL, DAY, FUND, ACCOUNT };
static const csv_column_t columns[] = {
    {.name = "bill", .chinese = "就诊ID", .required = true},
    {.name = "day", .chinese = "出院日期", .required = true, .type = CSV_DATE},
    {.name = "fund", .chinese = "基金支付", .required = true, .type = CSV_MONEY, .may_be_negative = true},
    {.name = "account", .chinese = "个人账户支付", .type = CSV_MONEY, .may_be_negative = true}};
static const csv_table_t table = {.columns = columns,
                                  .count = COUNT_OF(columns),
                                  .totals = CSV_TOTALS_REQUIRED,
                                  .skip_unknown = true,
                                  .limits = {.rows = BILL_LIST_ROWS_MAX + 1000}};

static int keep(row_list_t *out, const csv_row_t *row, const char *facility, err_t *why, err_t *err) {
    const csv_cell_t *cells = row->cells;
    digest_row_t made = {.party = facility, .kind = "whole", .day = cells[DAY].date};
    // What was found is not shown: it might be anybody's number.
    if (name_check("bill", cells[BILL].text, why))
        return err_field(why, E_INVALID_FIELD, "bill", "bill (就诊ID): 1 to 64 of A-Z a-z 0-9 . _ : - was expected");
    if (fen_add(cells[FUND].fen, cells[ACCOUNT].given ? cells[ACCOUNT].fen : 0, &made.amount))
        return err_field(why, E_OUT_OF_RANGE, "fund", "the amount is out of range");
    if (!made.amount) return E_OK;
    made.reference = arena_text(out->arena, "%s", cells[BILL].text);
    if (!made.reference) return err_set(err, E_IO, "out of memory for the list");
    return row_list_add(out, &made, err);
}

int bill_list_read(FILE *file, const char *facility, void (*tell)(void *self, int64_t row, const err_t *why),
                   void *self, row_list_t *out, err_t *err) {
    csv_t *csv = NULL;
    csv_row_t row;
    csv_fault_t fault;
    csv_got_t got = CSV_ROW;
    int64_t bad = 0;
    int rc = csv_open(&csv, file, &table, err);
    while (!rc && ((got = csv_next(csv, &row, &fault)) == CSV_ROW || got == CSV_BAD_ROW)) {
        err_t why = {0}, fatal = {0};
        if (got == CSV_BAD_ROW)
            csv_fault_err(&fault, &why);
        else if (keep(out, &row, facility, &why, &fatal) && fatal.code)
            *err = fatal, rc = fatal.code;
        if (!why.code) continue;
        bad++;
        tell(self, got == CSV_BAD_ROW ? fault.row : row.number, &why);
    }
    if (!rc && got == CSV_REFUSED) rc = csv_fault_err(&fault, err);
    if (!rc && bad) rc = err_set(err, E_INVALID_FIELD, "%lld rows of the list cannot be read", (long long)bad);
    csv_destroy(&csv);
    return rc;
}
