// A file with a row that cannot be read is not used at all; the rest goes to collection in pieces, each row for itself.
#include "collect_failed.h"
#include "collection.pb-c.h"
#include "common/base/hash.h"
#include "common/csv/csv.h"
#include <errno.h>
#include <string.h>

enum { PIECE_ROWS = 500, FILE_ROWS_MAX = 200000 };
enum { PERSON, PERIOD, AMOUNT, FAILED_ON, REASON, REFERENCE };
static const csv_column_t columns[] = {{.name = "person", .chinese = "人员编号", .required = true},
                                       {.name = "period", .chinese = "费款所属期", .required = true},
                                       {.name = "amount", .chinese = "金额", .required = true, .type = CSV_MONEY},
                                       {.name = "failed_on", .chinese = "扣款日期", .required = true, .type = CSV_DATE},
                                       {.name = "reason", .chinese = "原因", .required = true},
                                       {.name = "bank_reference", .chinese = "流水号"}};
static const csv_table_t table = {.columns = columns,
                                  .count = COUNT_OF(columns),
                                  .totals = CSV_TOTALS_OPTIONAL,
                                  .skip_unknown = true,
                                  .limits = {.rows = FILE_ROWS_MAX}};

typedef struct run {
    suite_t *suite;
    const common_options_t *options;
    bool dry; // only read
    Tc__ReportDebits__Row *rows[PIECE_ROWS];
    size_t count;
    long long bad, kept, repeated, faults;
} run_t;

static int take(run_t *run, const csv_row_t *from, err_t *err) {
    char day[DATE_TEXT_MAX];
    arena_t *arena = run->suite->arena;
    Tc__ReportDebits__Row *row = arena_alloc(arena, sizeof *row);
    if (!row) return err_set(err, E_IO, "out of memory");
    tc__report_debits__row__init(row);
    row->row = from->number;
    row->person = arena_text(arena, "%s", from->cells[PERSON].text);
    row->period = arena_text(arena, "%s", from->cells[PERIOD].text);
    row->amount_fen = from->cells[AMOUNT].fen;
    row->on = arena_text(arena, "%s", date_format(from->cells[FAILED_ON].date, day));
    row->reason = arena_text(arena, "%s", from->cells[REASON].text);
    row->bank_reference = arena_text(arena, "%s", from->cells[REFERENCE].text);
    run->rows[run->count++] = row;
    return row->person && row->period && row->on && row->reason && row->bank_reference
               ? 0
               : err_set(err, E_IO, "out of memory");
}

static void account(run_t *run, const Tc__DebitReport *report) {
    run->kept += report->kept;
    run->repeated += report->repeated;
    run->faults += report->faults;
    for (size_t i = 0; i < report->n_outcomes; i++) {
        const Tc__DebitReport__Outcome *one = report->outcomes[i];
        if (strcmp(one->outcome, "fault") == 0)
            fprintf(stderr, "row %lld, person %s: %s%s%s: %s\n", (long long)one->row, one->person, one->code,
                    *one->field ? " " : "", one->field, one->text);
    }
}

// A row that was told before is told as repeated: the id need not be the file's.
static int send_piece(run_t *run, err_t *err) {
    Tc__ReportDebits ask = TC__REPORT_DEBITS__INIT;
    ProtobufCMessage *reply = NULL;
    int rc = 0;
    ask.rows = run->rows;
    ask.n_rows = run->count;
    if (run->count && !run->dry)
        rc = suite_call(run->suite, "collection", "report_debits", "", &ask.base, &tc__debit_report__descriptor, &reply,
                        err);
    if (rc == 0 && reply) account(run, (const Tc__DebitReport *)reply);
    run->count = 0;
    arena_reset(run->suite->arena);
    return rc;
}

static int read_all(run_t *run, csv_t *csv, err_t *err) {
    csv_row_t row;
    csv_fault_t fault;
    int rc = 0;
    while (rc == 0) {
        const csv_got_t got = csv_next(csv, &row, &fault);
        if (got == CSV_ROW) rc = take(run, &row, err);
        if (got == CSV_BAD_ROW || got == CSV_REFUSED) csv_fault_err(&fault, err);
        if (got == CSV_BAD_ROW) {
            fprintf(stderr, "%s\n", err->text);
            run->bad++;
        }
        if (got == CSV_REFUSED) rc = err->code;
        if (rc == 0 && (got == CSV_END || run->count == PIECE_ROWS)) rc = send_piece(run, err);
        if (got == CSV_END) break;
    }
    return rc;
}

// Dry first, so that a file that cannot be read to its end is not used at all.
static int pass(run_t *run, FILE *file, bool dry, err_t *err) {
    csv_t *csv = NULL;
    run->dry = dry;
    rewind(file);
    int rc = csv_open(&csv, file, &table, err);
    if (rc == 0) rc = read_all(run, csv, err);
    csv_destroy(&csv);
    return rc;
}

static void report(const run_t *run, const char *path) {
    if (run->options->json)
        printf("{\"kept\":%lld,\"repeated\":%lld,\"faults\":%lld}\n", run->kept, run->repeated, run->faults);
    else
        printf("%s: %lld kept, %lld known before, %lld at fault\n", path, run->kept, run->repeated, run->faults);
}

int collect_failed_debits(suite_t *suite, const char *path, const common_options_t *options) {
    run_t run = {.suite = suite, .options = options};
    err_t err = {0};
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "tongchou: %s: %s\n", path, strerror(errno));
        return 2;
    }
    int rc = pass(&run, file, true, &err);
    if (rc == 0 && run.bad == 0) rc = pass(&run, file, false, &err);
    fclose(file);
    if (rc) {
        (void)cli_refused(&err, options->json);
        return 2;
    }
    if (run.bad) {
        fprintf(stderr, "nothing of the file was used\n");
        return 2;
    }
    report(&run, path);
    return run.faults > 0;
}
