#include "collect_debits.h"
#include "collection.pb-c.h"
#include "common/base/date.h"
#include "common/base/money.h"
#include "common/csv/write.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct debits_run {
    suite_t *suite;
    csv_writer_t *writer;
    char after[128];
    long long rows;
    fen_t amount;
    bool done;
} debits_run_t;

static int write_page(debits_run_t *run, const Tc__Debits *page, err_t *err) {
    char amount[FEN_TEXT_MAX];
    int rc = 0;
    for (size_t i = 0; i < page->n_rows && rc == 0; i++) {
        const Tc__Debits__Row *row = page->rows[i];
        csv_write(run->writer, row->person);
        csv_write(run->writer, row->period);
        csv_write(run->writer, row->kind);
        csv_write(run->writer, row->bank);
        csv_write(run->writer, row->account);
        csv_write(run->writer, fen_format(row->amount_fen, amount));
        csv_write_end_row(run->writer);
        run->rows++;
        if (fen_add(run->amount, row->amount_fen, &run->amount))
            rc = err_set(err, E_OUT_OF_RANGE, "the debits add up to more than can be counted");
    }
    snprintf(run->after, sizeof run->after, "%s", page->last_person);
    run->done = page->done;
    return rc;
}

static int next_page(debits_run_t *run, int year, const char *on, err_t *err) {
    Tc__ListDebits ask = TC__LIST_DEBITS__INIT;
    ProtobufCMessage *reply = NULL;
    ask.year = year;
    ask.on = (char *)(on ? on : "");
    ask.after = run->after;
    int rc = suite_call(run->suite, "collection", "list_debits", "", &ask.base, &tc__debits__descriptor, &reply, err);
    if (rc == 0 && run->writer) rc = write_page(run, (const Tc__Debits *)reply, err);
    arena_reset(run->suite->arena);
    return rc;
}

static void write_head(csv_writer_t *writer) {
    static const char *const heads[] = {"person", "period", "kind", "bank", "account", "amount"};
    for (size_t i = 0; i < COUNT_OF(heads); i++) csv_write(writer, heads[i]);
    csv_write_end_row(writer);
}

// With totals, as the file of receipts that comes back has them.
static void write_totals(const debits_run_t *run) {
    char amount[FEN_TEXT_MAX];
    csv_write(run->writer, "合计");
    csv_write_format(run->writer, "%lld", run->rows);
    for (int i = 0; i < 3; i++) csv_write(run->writer, "");
    csv_write(run->writer, fen_format(run->amount, amount));
    csv_write_end_row(run->writer);
}

static int write_all(debits_run_t *run, int year, const char *path, const char *on, err_t *err) {
    int rc = next_page(run, year, on, err); // refused before there is a file
    if (rc) return rc;
    const mode_t before = umask(077);
    rc = csv_writer_open(&run->writer, path, CSV_UTF8, err);
    umask(before);
    if (rc) return rc;
    write_head(run->writer);
    while (rc == 0 && !run->done) rc = next_page(run, year, on, err);
    if (rc == 0) write_totals(run);
    const int closed = csv_writer_close(&run->writer, rc ? NULL : err);
    return rc ? rc : closed;
}

int collect_debits(suite_t *suite, const char *year, const char *path, const char *on, bool json) {
    debits_run_t run = {.suite = suite};
    char amount[FEN_TEXT_MAX], *end;
    err_t err = {0};
    const long number = strtol(year, &end, 10);
    if (strlen(year) != 4 || *end || !date_valid((int)number, 1, 1))
        return cli_refused(&(err_t){E_INVALID_FIELD, "year", "a year like 2018 was expected"}, json);
    if (write_all(&run, (int)number, path, on, &err)) return cli_refused(&err, json);
    printf(json ? "{\"year\":%ld,\"rows\":%lld,\"amount\":\"%s\"}\n" : "%ld: %lld debits, %s yuan\n", number, run.rows,
           fen_format(run.amount, amount));
    return 0;
}
