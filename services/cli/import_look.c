#include "import_look.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct hash_set { // of what was seen; 0 stands for nothing
    uint64_t *entries;
    size_t count, size;
} hash_set_t;

typedef struct look {
    import_run_t *run;
    const csv_table_t *table;
    bool whole;
    import_look_t *out;
    hash_set_t seen;
    uint64_t last_person;
    int64_t last_row;
} look_t;

void import_table(const import_run_t *run, bool skip_unknown, csv_table_t *table) {
    *table = (csv_table_t){.columns = run->kind->columns,
                           .count = run->kind->count,
                           .encoding = CSV_AUTO,
                           .totals = CSV_TOTALS_OPTIONAL,
                           .skip_unknown = skip_unknown};
}

static void put(uint64_t *entries, size_t size, uint64_t hash) {
    size_t at = hash & (size - 1);
    while (entries[at] && entries[at] != hash) at = (at + 1) & (size - 1);
    entries[at] = hash;
}

static int grow(hash_set_t *set, err_t *err) {
    size_t size = set->size ? 2 * set->size : 1 << 16;
    uint64_t *entries = calloc(size, sizeof *entries);
    if (!entries) return err_set(err, E_IO, "out of memory");
    for (size_t i = 0; i < set->size; i++)
        if (set->entries[i]) put(entries, size, set->entries[i]);
    free(set->entries);
    set->entries = entries;
    set->size = size;
    return 0;
}

// *twice: it was there. 64 bits tell 20 million rows apart with a doubt of one in a hundred thousand.
static int note(hash_set_t *set, uint64_t hash, bool *twice, err_t *err) {
    *twice = false;
    if (hash == 0) return 0;
    if (2 * set->count >= set->size) {
        int rc = grow(set, err);
        if (rc) return rc;
    }
    size_t at = hash & (set->size - 1);
    while (set->entries[at] && set->entries[at] != hash) at = (at + 1) & (set->size - 1);
    *twice = set->entries[at] == hash;
    set->count += !*twice;
    set->entries[at] = hash;
    return 0;
}

static void against(look_t *look, int64_t row, int code, const char *field, const char *text) {
    look->out->bad++;
    import_problem(look->run, row, err_name(code), field, text);
}

static int judge_codes(look_t *look, const csv_row_t *row, err_t *err) {
    const csv_column_t *columns = look->run->kind->columns;
    bool number_twice = false, code_twice = false;
    int rc = note(&look->seen, import_row_number(look->run->kind, row), &number_twice, err);
    if (rc == 0) rc = note(&look->seen, import_row_code(look->run->kind, row), &code_twice, err);
    if (rc == 0 && (number_twice || code_twice))
        against(look, row->number, E_EXISTS, columns[number_twice ? 0 : 1].name,
                "an earlier row of the file says the same");
    return rc;
}

static int judge_order(look_t *look, const csv_row_t *row, err_t *err) {
    const uint64_t person = import_row_number(look->run->kind, row);
    bool twice = false;
    int rc = 0;
    if (person != look->last_person)
        rc = note(&look->seen, person, &twice, err);
    else
        twice = row->number != look->last_row + 1;
    look->last_person = person;
    look->last_row = row->number;
    if (rc == 0 && twice)
        against(look, row->number, E_OUT_OF_RANGE, look->run->kind->columns[0].name,
                "the rows of one number must follow one another");
    return rc;
}

static int judge_month(look_t *look, const csv_row_t *row, err_t *err) {
    bool twice = false;
    int rc = note(&look->seen, import_row_month(row), &twice, err);
    if (rc == 0 && twice) {
        look->out->twice = true;
        against(look, row->number, E_EXISTS, "from_month", "an earlier row declares a wage for this person and month");
    }
    return rc;
}

static int take_row(look_t *look, const csv_row_t *row, err_t *err) {
    const import_what_t what = look->run->kind->what;
    if (what == IMPORT_LIST && !import_row_named(row)) {
        against(look, row->number, E_MISSING_FIELD, "person", "a row names a person by person or by id_number");
        return 0;
    }
    look->out->rows++;
    if (row->number > INT32_MAX - IMPORT_CHUNK_ROWS) return err_set(err, E_TOO_LARGE, "the file has too many rows");
    if (what == IMPORT_WAGES) return judge_month(look, row, err);
    if (!look->whole || what == IMPORT_LIST) return 0;
    return what == IMPORT_SPELLS || what == IMPORT_EMPLOYER_KINDS ? judge_order(look, row, err)
                                                                  : judge_codes(look, row, err);
}

static void take_fault(look_t *look, const csv_fault_t *fault) {
    err_t err = {0};
    csv_fault_err(fault, &err);
    against(look, fault->row, fault->code, fault->column, err.text);
}

static int read_all(look_t *look, csv_t *csv, err_t *err) {
    csv_row_t row;
    csv_fault_t fault;
    for (;;) {
        int rc = 0;
        switch (csv_next(csv, &row, &fault)) {
        case CSV_ROW:
            if (!import_row_passed(look->run->kind, &row, look->run->about.group)) rc = take_row(look, &row, err);
            if (rc) return rc;
            break;
        case CSV_BAD_ROW: take_fault(look, &fault); break;
        case CSV_REFUSED:
            import_problem(look->run, fault.row, err_name(fault.code), fault.column, "the file is refused");
            return csv_fault_err(&fault, err);
        case CSV_END: return 0;
        }
    }
}

// Has the heading of a list that names nobody a column that could name somebody? The reader tells for one column at a
// time.
static int check_heading(const import_run_t *run, const csv_table_t *table, err_t *err) {
    csv_column_t columns[CSV_COLUMNS_MAX];
    int rc = 0;
    for (size_t column = 0; column < 2; column++) { // person, id_number
        csv_table_t asked = *table;
        csv_row_t row;
        csv_fault_t fault;
        csv_t *csv = NULL;
        memcpy(columns, table->columns, table->count * sizeof *columns);
        columns[column].required = true;
        asked.columns = columns;
        FILE *file = fopen(run->path, "rb");
        if (!file) return err_set(err, E_IO, "cannot be read: %s", strerror(errno));
        rc = csv_open(&csv, file, &asked, err);
        const bool refused = rc == 0 && csv_next(csv, &row, &fault) == CSV_REFUSED;
        if (refused) rc = csv_fault_err(&fault, err);
        csv_destroy(&csv);
        fclose(file);
        if (!refused) return rc;
    }
    return rc;
}

int import_look(import_run_t *run, const csv_table_t *table, bool whole, import_look_t *out, err_t *err) {
    look_t look = {.run = run, .table = table, .whole = whole, .out = out};
    csv_t *csv = NULL;
    uint8_t digest[SHA256_BYTES];
    *out = (import_look_t){0};
    FILE *file = fopen(run->path, "rb");
    if (!file) return err_set(err, E_IO, "cannot be read: %s", strerror(errno));
    int rc = csv_open(&csv, file, table, err);
    if (rc == 0) rc = read_all(&look, csv, err);
    if (rc == 0) rc = csv_digest(csv, digest, err);
    if (rc == 0) hex_encode(digest, sizeof digest, out->digest);
    if (rc == 0 && run->kind->what == IMPORT_LIST && !out->rows && !out->bad) rc = check_heading(run, table, err);
    csv_destroy(&csv);
    fclose(file);
    free(look.seen.entries);
    return rc;
}
