#include "import_send.h"
#include <string.h>

enum { SHOW_US = 500000, ATTEMPT_MS = 5000, ARENA_BYTES = 256 * 1024, TELL_MAX = 20 };

// ---- life

int import_run_open(import_run_t *run, err_t *err) {
    if (run->window == 0) run->window = IMPORT_WINDOW_DEFAULT;
    uid_new(run->run);
    run->started_us = run->shown_us = clock_mono_us();
    run->slots = calloc((size_t)run->window, sizeof *run->slots);
    if (!run->slots) return err_set(err, E_IO, "out of memory");
    for (int64_t i = 0; i < run->window; i++) {
        run->slots[i].chunk.kind = run->kind;
        run->slots[i].chunk.arena = arena_new(ARENA_BYTES, 0);
        if (!run->slots[i].chunk.arena) return err_set(err, E_IO, "out of memory");
    }
    // A chunk takes longer than a single command, so there is more patience before it is sent again.
    client_conf_t conf = run->suite->client_conf;
    conf.attempt_ms = ATTEMPT_MS;
    return client_new(&run->client, &conf, err);
}

void import_run_close(import_run_t *run) {
    client_destroy(&run->client);
    for (int64_t i = 0; run->slots && i < run->window; i++) arena_destroy(&run->slots[i].chunk.arena);
    free(run->slots);
    run->slots = NULL;
}

// ---- what is told

// The first ones, for whoever asked for no report.
static void tell(import_run_t *run, int64_t row, const char *code, const char *field, const char *text) {
    if (!run->tells || run->told > TELL_MAX) return;
    if (run->shows) fputs("\r\033[K", stderr);
    if (++run->told > TELL_MAX)
        fputs("… further rows only with --report FILE\n", stderr);
    else if (strncmp(text, "row ", 4) == 0) // what the reader of the file found names row and column
        fprintf(stderr, "%s: %s\n", code, text);
    else
        fprintf(stderr, "row %lld: %s%s%s: %s\n", (long long)row, code, *field ? " " : "", field, text);
}

void import_problem(import_run_t *run, int64_t row, const char *code, const char *field, const char *text) {
    if (!run->report) {
        tell(run, row, code, field, text);
        return;
    }
    csv_write_format(run->report, "%lld", (long long)row);
    csv_write(run->report, code);
    csv_write(run->report, field);
    csv_write(run->report, text);
    csv_write_end_row(run->report);
}

void import_progress(import_run_t *run, bool end) {
    int64_t now_us = clock_mono_us(), spent_us = now_us - run->started_us;
    if (!run->shows || (!end && now_us - run->shown_us < SHOW_US)) return;
    run->shown_us = now_us;
    fprintf(stderr, "\r\033[K%s%s: %lld of %lld rows, %lld/s, %lld problems", run->path, run->about.dry ? " (dry)" : "",
            (long long)run->sums.rows, (long long)run->total_rows,
            (long long)(spent_us ? run->sums.rows * 1000000 / spent_us : 0),
            (long long)(run->sums.refused + run->sums.parked));
    if (end) fputc('\n', stderr);
}

static void account(import_run_t *run, const Tc__ImportReport *report, size_t rows) {
    run->sums.rows += (int64_t)rows;
    run->sums.done += report->done;
    run->sums.unchanged += report->unchanged;
    run->sums.refused += report->refused;
    run->sums.parked += report->parked;
    run->sums.ended += report->ended;
    for (size_t i = 0; i < report->n_problems; i++) {
        const Tc__ImportReport__Problem *p = report->problems[i];
        if (run->rehearses && run->about.dry && strcmp(p->code, "PARKED") == 0) continue;
        import_problem(run, p->row, p->code, p->field, p->text);
    }
}

// ---- answers

static int read_answer(import_slot_t *slot, const reply_t *reply) {
    ProtobufCMessage *message = NULL;
    if (reply->code) return err_field(&slot->err, reply->code, reply->field, "%s", reply->text);
    int rc = message_unpack(&message, &tc__import_report__descriptor, reply->body, reply->body_bytes, slot->chunk.arena,
                            &slot->err);
    slot->report = (Tc__ImportReport *)message;
    return rc;
}

// Take what has been answered, as far as nothing before it is outstanding.
static int take_in_order(import_run_t *run, err_t *err) {
    while (run->taken < run->sent) {
        import_slot_t *slot = &run->slots[run->taken % (uint64_t)run->window];
        if (!slot->answered) return 0;
        if (slot->err.code) {
            *err = slot->err;
            return err_prefix(err, "rows %lld to %lld", (long long)slot->chunk.first_row,
                              (long long)slot->chunk.first_row + (long long)slot->chunk.count - 1);
        }
        // The rows of a list count when it is applied.
        account(run, slot->report, run->kind->what == IMPORT_LIST ? 0 : slot->chunk.count);
        slot->used = false;
        run->taken++;
    }
    return 0;
}

static int collect(import_run_t *run, err_t *err) {
    reply_t reply;
    if (client_next(run->client, &reply, 200) == 1) {
        import_slot_t *slot = reply.tag;
        CHECK(slot && slot->used && !slot->answered);
        slot->answered = true;
        slot->err.code = read_answer(slot, &reply);
    }
    import_progress(run, false);
    return take_in_order(run, err);
}

int import_drain(import_run_t *run, err_t *err) {
    int rc = 0;
    while (rc == 0 && run->taken < run->sent) rc = collect(run, err);
    return rc;
}

// ---- sending

int import_next_chunk(import_run_t *run, import_chunk_t **chunk, err_t *err) {
    import_slot_t *slot = &run->slots[run->sent % (uint64_t)run->window];
    int rc = 0;
    while (rc == 0 && slot->used) rc = collect(run, err);
    if (rc) return rc;
    import_chunk_reset(&slot->chunk);
    *chunk = &slot->chunk;
    return 0;
}

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static bool share_keys(const import_chunk_t *one, const import_chunk_t *other) {
    for (size_t i = 0, k = 0; i < one->key_count && k < other->key_count;) {
        if (one->keys[i] == other->keys[k]) return true;
        if (one->keys[i] < other->keys[k])
            i++;
        else
            k++;
    }
    return false;
}

static bool must_wait(const import_run_t *run, const import_chunk_t *chunk) {
    for (uint64_t i = run->taken; i < run->sent; i++) {
        const import_slot_t *other = &run->slots[i % (uint64_t)run->window];
        if (!other->answered && share_keys(&other->chunk, chunk)) return true;
    }
    return false;
}

static void request_id(const import_run_t *run, const char *what, int64_t number, char id[static 48]) {
    char text[256], hex[2 * SHA256_BYTES + 1];
    uint8_t digest[SHA256_BYTES];
    int n = snprintf(text, sizeof text, "%s %s %s %lld %d %s", run->about.file, run->kind->method, what,
                     (long long)number, run->about.dry, run->run);
    CHECK(n > 0 && (size_t)n < sizeof text);
    sha256(text, (size_t)n, digest);
    hex_encode(digest, sizeof digest, hex);
    snprintf(id, 48, "import-%.32s", hex);
}

int import_send(import_run_t *run, import_chunk_t *chunk, err_t *err) {
    import_slot_t *slot = &run->slots[run->sent % (uint64_t)run->window];
    void *body = NULL;
    size_t bytes = 0;
    char id[48], key[33];
    CHECK(chunk == &slot->chunk && !slot->used);
    qsort(chunk->keys, chunk->key_count, sizeof *chunk->keys, by_value);
    int rc = import_chunk_pack(chunk, &run->about, &body, &bytes, err);
    while (rc == 0 && must_wait(run, chunk)) rc = collect(run, err);
    if (rc) return rc;
    request_id(run, "rows", chunk->first_row, id);
    snprintf(key, sizeof key, "%.32s", run->about.file); // one instance takes the whole file
    const call_t call = {.service = "enrollment",
                         .method = run->kind->method,
                         .key = key,
                         .request_id = id,
                         .body = body,
                         .body_bytes = bytes,
                         .deadline_ms = (int)run->deadline_s * 1000,
                         .tag = slot};
    rc = client_send(run->client, &call, err);
    if (rc) return rc;
    slot->used = true;
    slot->answered = false;
    slot->err = (err_t){0};
    run->sent++;
    return 0;
}

static int last_step(import_run_t *run, int64_t step, int64_t total, bool *more, err_t *err) {
    import_slot_t *slot = &run->slots[0];
    void *body = NULL;
    size_t bytes = 0;
    char id[48], key[33];
    reply_t reply;
    import_chunk_reset(&slot->chunk);
    int rc = import_last_pack(slot->chunk.arena, &run->about, total, &body, &bytes, err);
    if (rc) return rc;
    request_id(run, "last", step, id);
    snprintf(key, sizeof key, "%.32s", run->about.file);
    const call_t call = {.service = "enrollment",
                         .method = run->kind->method,
                         .key = key,
                         .request_id = id,
                         .body = body,
                         .body_bytes = bytes,
                         .deadline_ms = (int)run->deadline_s * 1000};
    rc = client_call(run->client, &call, &reply, err);
    if (rc) return rc;
    slot->err = (err_t){0};
    rc = read_answer(slot, &reply);
    if (rc) {
        *err = slot->err;
        return rc;
    }
    const Tc__ImportReport *report = slot->report;
    account(run, report, (size_t)report->done + (size_t)report->unchanged + (size_t)report->refused);
    *more = report->more;
    return 0;
}

int import_last(import_run_t *run, int64_t total, err_t *err) {
    bool more = true;
    int rc = import_drain(run, err);
    for (int64_t step = 0; rc == 0 && more; step++) {
        rc = last_step(run, step, total, &more, err);
        import_progress(run, false);
    }
    return rc;
}
