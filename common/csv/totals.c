// Sums are kept of every amount that could be read, also in rows that are bad elsewhere: the totals line speaks of what
// was sent.
#include "totals.h"
#include "cell.h"
#include <string.h>

bool totals_marks(const char *first) { return strcmp(first, "合计") == 0 || strcmp(first, "total") == 0; }

void totals_add(totals_t *totals, size_t column, fen_t amount) {
    if (fen_add(totals->sum[column], amount, &totals->sum[column])) totals->over[column] = true;
}

static int check_sum(const totals_t *totals, const csv_column_t *column, size_t index, const place_t *place,
                     const char *text, csv_fault_t *fault) {
    csv_column_t signs = *column;
    signs.may_be_negative = true;
    csv_cell_t cell = {.text = text};
    char sum[FEN_TEXT_MAX], without[64] = "";
    if (totals->over[index]) return fault_set(fault, E_OUT_OF_RANGE, place, NULL, "amounts whose sum can be counted");
    if (totals->unread)
        snprintf(without, sizeof without, ", without %lld that could not be read", (long long)totals->unread);
    if (!*text || !cell_parse(&signs, &cell) || cell.fen != totals->sum[index])
        return fault_set(fault, E_INVALID_FIELD, place, *text ? text : "nothing",
                         "%s, the sum of the %lld rows above%s", fen_format(totals->sum[index], sum),
                         (long long)totals->rows, without);
    return E_OK;
}

static int check_count(const totals_t *totals, const place_t *place, const char *text, csv_fault_t *fault) {
    static const csv_column_t number = {.type = CSV_NUMBER};
    csv_cell_t cell = {.text = text};
    if (cell_parse(&number, &cell) && cell.number == totals->rows) return E_OK;
    return fault_set(fault, E_INVALID_FIELD, place, text, "%lld, the count of the rows above", (long long)totals->rows);
}

int totals_check(const totals_t *totals, const csv_table_t *table, int64_t row, const char *const *cells, size_t count,
                 size_t width, const int *column_of, csv_fault_t *fault) {
    bool counted = false, countable = false;
    for (size_t i = 1; i < width; i++) {
        if (column_of[i] < 0) continue;
        const csv_column_t *column = &table->columns[column_of[i]];
        const char *text = i < count ? cells[i] : "";
        place_t place = {row, i, column};
        int rc = E_OK;
        if (column->type == CSV_MONEY)
            rc = check_sum(totals, column, (size_t)column_of[i], &place, text, fault);
        else if (*text && counted)
            rc = fault_set(fault, E_INVALID_FIELD, &place, text, "nothing: the totals line has its count already");
        else if (*text) {
            rc = check_count(totals, &place, text, fault);
            counted = true;
        } else
            countable = true;
        if (rc) return rc;
    }
    if (countable && !counted)
        return fault_set(fault, E_MISSING_FIELD, &(place_t){row, NO_COLUMN, NULL}, NULL,
                         "the count of the rows in the totals line: %lld stand above", (long long)totals->rows);
    return E_OK;
}
