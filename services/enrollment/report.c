#include "report.h"
#include "common/base/metrics.h"
#include <string.h>

int report_init(report_t *report, arena_t *arena, size_t rows, err_t *err) {
    *report = (report_t){.message = arena_alloc(arena, sizeof *report->message), .arena = arena, .room = rows};
    Tc__ImportReport__Problem **problems = arena_alloc(arena, (rows + 1) * sizeof *problems);
    if (!report->message || !problems) return err_set(err, E_IO, "out of memory");
    tc__import_report__init(report->message);
    report->message->problems = problems;
    return 0;
}

bool report_takes(int code) {
    switch (code) {
    case E_INVALID_FIELD:
    case E_MISSING_FIELD:
    case E_OUT_OF_RANGE:
    case E_UNSUPPORTED:
    case E_NOT_IN_FORCE:
    case E_PARAMETER_MISSING:
    case E_NOT_FOUND:
    case E_EXISTS:
    case E_TOO_LARGE:
    case E_DENIED: return true;
    default: return false;
    }
}

static int add(report_t *report, int64_t row, const char *code, const char *field, const char *text, err_t *err) {
    CHECK(report->message->n_problems < report->room);
    Tc__ImportReport__Problem *problem = arena_alloc(report->arena, sizeof *problem);
    if (!problem) return err_set(err, E_IO, "out of memory");
    tc__import_report__problem__init(problem);
    problem->row = (int32_t)row;
    problem->code = arena_text(report->arena, "%s", code);
    problem->field = arena_text(report->arena, "%s", field);
    problem->text = arena_text(report->arena, "%s", text);
    if (!problem->code || !problem->field || !problem->text) return err_set(err, E_IO, "out of memory");
    report->message->problems[report->message->n_problems++] = problem;
    return 0;
}

int report_refused(report_t *report, int64_t row, const err_t *why, err_t *err) {
    report->message->refused++;
    return add(report, row, err_name(why->code), why->field, why->text, err);
}

int report_parked(report_t *report, int64_t row, const char *field, const char *why, err_t *err) {
    report->message->parked++;
    return add(report, row, "PARKED", field, why, err);
}

static void count(const char *kind, const char *outcome, int64_t rows) {
    char labels[96];
    if (rows == 0) return;
    snprintf(labels, sizeof labels, "kind=\"%s\",outcome=\"%s\"", kind, outcome);
    metric_add(metric_counter("import_rows_total", labels, "Rows of imports, by what became of them"), rows);
}

void report_count(const report_t *report, const char *kind) {
    const Tc__ImportReport *m = report->message;
    count(kind, "done", m->done);
    count(kind, "unchanged", m->unchanged);
    count(kind, "refused", m->refused);
    count(kind, "parked", m->parked);
    count(kind, "ended", m->ended);
}

int import_check(const char *file, int32_t first_row, size_t rows, err_t *err) {
    if (strlen(file) != IMPORT_FILE_HEX || strspn(file, "0123456789abcdef") != IMPORT_FILE_HEX)
        return err_field(err, E_INVALID_FIELD, "file", "file: expected the SHA-256 of the file, 64 hexadecimal digits");
    if (rows > IMPORT_ROWS_MAX)
        return err_field(err, E_TOO_LARGE, "rows", "%zu rows, at most %d go into one chunk", rows, IMPORT_ROWS_MAX);
    if (first_row < 1 || first_row > INT32_MAX - IMPORT_ROWS_MAX)
        return err_field(err, E_OUT_OF_RANGE, "first_row", "first_row: expected the number of a row, 1 or more");
    return 0;
}
