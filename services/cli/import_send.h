// Chunks on their way to enrolment: several in flight, answers taken in the order of rows, problems written to a report
// as they come. A request id belongs to this run: a message that got no answer is sent again under the same id and is
// done once; the same file in another run asks anew, because what was refused then may be welcome now.
#pragma once
#include "cli.h"
#include "common/csv/write.h"
#include "enrollment.pb-c.h"
#include "import_kind.h"

enum { IMPORT_WINDOW_MAX = 32, IMPORT_WINDOW_DEFAULT = 8 };

typedef struct import_sums {
    int64_t rows; // answered for
    int64_t done, unchanged, refused, parked, ended;
} import_sums_t;

typedef struct import_slot {
    bool used, answered;
    import_chunk_t chunk; // its keys, after it was sent
    Tc__ImportReport *report;
    err_t err;
} import_slot_t;

typedef struct import_run {
    suite_t *suite;
    client_t *client;
    const import_kind_t *kind;
    import_about_t about;
    const char *path; // for the eye
    char run[UID_TEXT_MAX];
    csv_writer_t *report; // NULL: none wanted
    int64_t window, deadline_s, total_rows;
    bool shows;     // progress
    bool rehearses; // a dry pass comes before the one that counts, and tells nothing of what is put aside
    bool tells;     // rows refused or put aside on standard error, when there is no report
    int told;       // of them
    import_sums_t sums;
    import_slot_t *slots; // `window` of them, a ring
    uint64_t sent, taken; // chunks
    int64_t started_us, shown_us;
} import_run_t;

// The chunk to fill next: waits for answers until there is room for it.
int import_next_chunk(import_run_t *run, import_chunk_t **chunk, err_t *err) MUST_USE;
// Send it.
int import_send(import_run_t *run, import_chunk_t *chunk, err_t *err) MUST_USE;
// Wait for all answers.
int import_drain(import_run_t *run, err_t *err) MUST_USE;
// After the rows of a list: apply it, step by step.
int import_last(import_run_t *run, int64_t total, err_t *err) MUST_USE;

int import_run_open(import_run_t *run, err_t *err) MUST_USE;
void import_run_close(import_run_t *run);
void import_problem(import_run_t *run, int64_t row, const char *code, const char *field, const char *text);
void import_progress(import_run_t *run, bool end);
