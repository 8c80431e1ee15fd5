// The file is read twice or thrice: to its end before anything is sent, so that wrong totals or a row that cannot be
// read stop it; dry, when that is asked for; and to take it in. One chunk after another, since what one receipt pays is
// no longer owed for the next.
#include "collect_import.h"
#include "common/base/date.h"
#include "common/base/hash.h"
#include "common/csv/write.h"
#include "receipt_file.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK_ROWS = 1000, TELL_MAX = 20, SHOW_US = 500000 };

typedef struct run {
    suite_t *suite;
    const collect_import_t *order;
    arena_t *rows_arena; // of the chunk's rows; the suite's own is for one message
    Tc__Receive *rows[CHUNK_ROWS];
    int64_t numbers[CHUNK_ROWS];
    size_t count;
    bool dry;
    char digest[2 * SHA256_BYTES + 1], id[UID_TEXT_MAX];
    csv_writer_t *report;
    int64_t total_rows, told, started_us, shown_us;
    int64_t done, matched, unchanged, parked, refused, bad;
    fen_t matched_fen, parked_fen;
} run_t;

// ---- what is told

static void tell(run_t *run, int64_t row, const char *code, const char *field, const char *text) {
    if (run->report) {
        csv_write_format(run->report, "%lld", (long long)row);
        csv_write(run->report, code);
        csv_write(run->report, field);
        csv_write(run->report, text);
        csv_write_end_row(run->report);
        return;
    }
    run->told++;
    if (run->told <= TELL_MAX)
        fprintf(stderr, "row %lld: %s%s%s: %s\n", (long long)row, code, *field ? " " : "", field, text);
    if (run->told == TELL_MAX + 1) fprintf(stderr, "… further rows only with --report FILE\n");
}

static void progress(run_t *run, bool end) {
    const int64_t now_us = clock_mono_us(), spent_us = now_us - run->started_us;
    if (run->order->common->quiet || !isatty(STDERR_FILENO) || (!end && now_us - run->shown_us < SHOW_US)) return;
    run->shown_us = now_us;
    fprintf(stderr, "\r\033[K%s%s: %lld of %lld rows, %lld/s", run->order->path, run->dry ? " (dry)" : "",
            (long long)run->done, (long long)run->total_rows,
            (long long)(spent_us ? run->done * 1000000 / spent_us : 0));
    if (end) fputc('\n', stderr);
}

static int unusable(const run_t *run, const char *what, const err_t *err) {
    fprintf(stderr, "%s: %s%s%s%s: %s\n", run->order->path, what, err_name(err->code), *err->field ? " " : "",
            err->field, err->text);
    return 2;
}

static void summary(const run_t *run, const char *outcome) {
    char matched[FEN_TEXT_MAX], parked[FEN_TEXT_MAX];
    fen_format(run->matched_fen, matched);
    fen_format(run->parked_fen, parked);
    const long long refused = run->refused + run->bad;
    if (run->order->common->json)
        printf(
            "{\"file\":\"%s\",\"outcome\":\"%s\",\"rows\":%lld,\"matched\":%lld,\"amount\":\"%s\",\"unchanged\":%lld,"
            "\"parked\":%lld,\"parked_amount\":\"%s\",\"refused\":%lld}\n",
            run->digest, outcome, (long long)run->total_rows, (long long)run->matched, matched,
            (long long)run->unchanged, (long long)run->parked, parked, refused);
    else
        printf("%s: %s: %lld rows: %lld matched (%s yuan), %lld unchanged, %lld parked (%s yuan), %lld refused\n",
               run->order->path, outcome, (long long)run->total_rows, (long long)run->matched, matched,
               (long long)run->unchanged, (long long)run->parked, parked, refused);
}

// ---- sending

static int account(run_t *run, const Tc__ReceiptReport *report, size_t first, size_t count, err_t *err) {
    run->done += (int64_t)count;
    run->matched += report->matched;
    run->unchanged += report->unchanged;
    run->parked += report->parked;
    run->refused += report->refused;
    for (size_t i = 0; i < report->n_problems; i++) {
        const Tc__ReceiptReport__Problem *p = report->problems[i];
        const int64_t at = p->row - run->numbers[first];
        if (at < 0 || at >= (int64_t)count) return err_set(err, E_INTERNAL, "an answer about a row that was not sent");
        tell(run, run->numbers[first + (size_t)at], p->code, p->field, p->text);
    }
    progress(run, false);
    return fen_add(run->matched_fen, report->amount_fen, &run->matched_fen) ||
                   fen_add(run->parked_fen, report->parked_amount_fen, &run->parked_fen)
               ? err_set(err, E_OUT_OF_RANGE, "the amounts add up to more than can be counted")
               : 0;
}

// The id belongs to this run: sent again it is done once, but another run asks anew.
static void request_id(const run_t *run, size_t first, size_t count, char id[static 48]) {
    char text[256], hex[2 * SHA256_BYTES + 1];
    uint8_t digest[SHA256_BYTES];
    const int n = snprintf(text, sizeof text, "%s receipts %lld %zu %d %s", run->digest, (long long)run->numbers[first],
                           count, run->dry, run->id);
    CHECK(n > 0 && (size_t)n < sizeof text);
    sha256(text, (size_t)n, digest);
    hex_encode(digest, sizeof digest, hex);
    snprintf(id, 48, "receipts-%.32s", hex);
}

static int send_rows(run_t *run, size_t first, size_t count, err_t *err) {
    Tc__ImportReceipts ask = TC__IMPORT_RECEIPTS__INIT;
    ProtobufCMessage *report = NULL;
    char id[48];
    size_t bytes;
    reply_t reply;
    ask.file = run->digest;
    ask.first_row = (int32_t)run->numbers[first];
    ask.dry = run->dry;
    ask.rows = run->rows + first;
    ask.n_rows = count;
    arena_reset(run->suite->arena);
    void *body = message_pack(&ask.base, run->suite->arena, &bytes);
    if (!body) return err_set(err, E_IO, "out of memory");
    request_id(run, first, count, id);
    const call_t call = {.service = "collection",
                         .method = "import_receipts",
                         .key = "",
                         .request_id = id,
                         .body = body,
                         .body_bytes = bytes,
                         .deadline_ms = (int)run->order->common->deadline_s * 1000};
    int rc = client_call(run->suite->client, &call, &reply, err);
    if (rc == 0)
        rc = message_unpack(&report, &tc__receipt_report__descriptor, reply.body, reply.body_bytes, run->suite->arena,
                            err);
    return rc ? rc : account(run, (const Tc__ReceiptReport *)report, first, count, err);
}

// Rows whose numbers follow one another; halves, where they pay more bills than one message may.
static int send_run(run_t *run, size_t first, size_t count, err_t *err) {
    int rc = send_rows(run, first, count, err);
    if (rc != E_TOO_LARGE || count == 1) return rc;
    *err = (err_t){0};
    rc = send_run(run, first, count / 2, err);
    return rc ? rc : send_run(run, first + count / 2, count - count / 2, err);
}

static int send_chunk(run_t *run, err_t *err) {
    int rc = 0;
    for (size_t first = 0, next; rc == 0 && first < run->count; first = next) {
        for (next = first + 1; next < run->count && run->numbers[next] == run->numbers[next - 1] + 1;) next++;
        rc = send_run(run, first, next - first, err);
    }
    run->count = 0;
    arena_reset(run->rows_arena);
    return rc;
}

// ---- passes over the file

static int take_row(run_t *run, int64_t number, Tc__Receive *row, bool send, err_t *err) {
    if (number > INT32_MAX - CHUNK_ROWS) return err_set(err, E_TOO_LARGE, "the file has too many rows");
    if (!send) {
        run->total_rows++;
        arena_reset(run->rows_arena);
        return 0;
    }
    run->rows[run->count] = row;
    run->numbers[run->count++] = number;
    return run->count == CHUNK_ROWS ? send_chunk(run, err) : 0;
}

static int read_file(run_t *run, receipt_file_t *file, bool send, err_t *err) {
    for (;;) {
        Tc__Receive *row = NULL;
        int64_t number = 0;
        err_t why;
        int rc = 0;
        switch (receipt_file_next(file, run->rows_arena, &row, &number, &why)) {
        case RECEIPT_ROW: rc = take_row(run, number, row, send, err); break;
        case RECEIPT_BAD_ROW:
            run->bad++;
            tell(run, number, err_name(why.code), why.field, why.text);
            break;
        case RECEIPT_REFUSED:
            if (run->report) tell(run, number, err_name(why.code), why.field, "the file is refused");
            *err = why;
            return why.code;
        case RECEIPT_END: return send && run->count ? send_chunk(run, err) : 0;
        }
        if (rc) return rc;
    }
}

static int pass(run_t *run, bool send, err_t *err) {
    receipt_file_t *file = NULL;
    char digest[2 * SHA256_BYTES + 1];
    FILE *in = fopen(run->order->path, "rb");
    if (!in) return err_set(err, E_IO, "cannot be read: %s", strerror(errno));
    run->started_us = run->shown_us = clock_mono_us();
    run->done = run->matched = run->unchanged = run->parked = run->refused = 0;
    run->matched_fen = run->parked_fen = 0;
    run->told = 0;
    int rc = receipt_file_open(&file, in, err);
    if (rc == 0) rc = read_file(run, file, send, err);
    if (rc == 0) rc = receipt_file_digest(file, digest, err);
    if (rc == 0 && send && strcmp(digest, run->digest) != 0)
        rc = err_set(err, E_CONFLICT, "the file was changed while it was read");
    if (rc == 0) memcpy(run->digest, digest, sizeof digest);
    receipt_file_close(&file);
    fclose(in);
    if (send) progress(run, true);
    return rc;
}

static int take_in(run_t *run) {
    err_t err = {0};
    if (pass(run, false, &err)) return unusable(run, "nothing was taken in: ", &err);
    if (run->bad) {
        fprintf(stderr, "%s: %lld rows cannot be read, and receipts must be whole: nothing was taken in\n",
                run->order->path, (long long)run->bad);
        return 2;
    }
    if (run->order->dry || run->order->whole) {
        run->dry = true;
        if (pass(run, true, &err)) return unusable(run, "", &err);
        if (run->order->dry || run->refused) {
            summary(run, run->order->dry ? "dry, nothing changed" : "nothing taken in");
            return run->refused || run->parked ? 1 : 0;
        }
    }
    run->dry = false;
    if (pass(run, true, &err)) return unusable(run, "broken off; the same command goes on with it: ", &err);
    summary(run, "taken in");
    return run->refused || run->parked ? 1 : 0;
}

static int open_report(run_t *run, err_t *err) {
    static const char *const heading[] = {"row", "code", "field", "text"};
    if (!run->order->report) return 0;
    int rc = csv_writer_open(&run->report, run->order->report, CSV_UTF8, err);
    for (size_t i = 0; rc == 0 && i < COUNT_OF(heading); i++) csv_write(run->report, heading[i]);
    if (rc == 0) csv_write_end_row(run->report);
    return rc;
}

int collect_import_file(suite_t *suite, const collect_import_t *order) {
    static run_t run; // one file a process
    err_t err = {0};
    int status = 2;
    run = (run_t){.suite = suite, .order = order, .rows_arena = arena_new(1 << 20, 0)};
    uid_new(run.id);
    if (!run.rows_arena)
        fprintf(stderr, "out of memory\n");
    else if (open_report(&run, &err))
        unusable(&run, order->report, &err);
    else
        status = take_in(&run);
    if (run.report && csv_writer_close(&run.report, &err)) status = unusable(&run, order->report, &err);
    arena_destroy(&run.rows_arena);
    return status;
}
