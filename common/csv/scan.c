// One state machine over a fixed input buffer. A row that breaks a bound or a rule is followed to its end without being
// kept: its quotes still count, so what stands inside them is never taken for rows of its own.
#include "scan.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 64 * 1024 };

typedef enum state { AT_FIELD, PLAIN, QUOTED, BEHIND_QUOTE, BEHIND_RETURN } state_t;

struct scan {
    FILE *file;
    csv_limits_t limits;
    crypto_hash_sha256_state sha;
    bool ended, unreadable;
    size_t at, filled;
    int64_t rows;

    state_t state; // of the row at hand
    size_t raw;    // its bytes in the file
    size_t used;   // bytes kept
    size_t count;  // fields closed
    scan_field_t open;
    scan_wrong_t wrong;
    size_t wrong_at;

    char *kept;
    scan_field_t *fields;
    uint8_t chunk[CHUNK];
};

scan_t *scan_new(FILE *file, const csv_limits_t *limits) {
    scan_t *scan = calloc(1, sizeof *scan);
    if (!scan) return NULL;
    scan->file = file;
    scan->limits = *limits;
    scan->kept = malloc(limits->row_bytes);
    scan->fields = calloc(limits->columns, sizeof *scan->fields);
    if (!scan->kept || !scan->fields || crypto_hash_sha256_init(&scan->sha)) scan_destroy(&scan);
    return scan;
}

void scan_destroy(scan_t **scan) {
    if (!*scan) return;
    free((*scan)->kept);
    free((*scan)->fields);
    free(*scan);
    *scan = NULL;
}

void scan_set_columns(scan_t *scan, size_t columns) {
    CHECK(columns <= scan->limits.columns);
    scan->limits.columns = columns;
}

// ---- input

// false at the end and when unreadable.
static bool fill(scan_t *scan) {
    if (scan->ended) return false;
    scan->filled = fread(scan->chunk, 1, CHUNK, scan->file);
    scan->at = 0;
    if (scan->filled < CHUNK) {
        scan->ended = true;
        scan->unreadable = ferror(scan->file) != 0;
    }
    CHECK(crypto_hash_sha256_update(&scan->sha, scan->chunk, scan->filled) == 0);
    return scan->filled > 0 && !scan->unreadable;
}

bool scan_peek(scan_t *scan, const uint8_t **bytes, size_t *count, bool *whole) {
    CHECK(scan->at == 0 && scan->filled == 0);
    (void)fill(scan);
    *bytes = scan->chunk;
    *count = scan->filled;
    *whole = scan->ended;
    return !scan->unreadable;
}

void scan_skip(scan_t *scan, size_t skip) {
    CHECK(skip <= scan->filled - scan->at);
    scan->at += skip;
}

bool scan_digest(scan_t *scan, uint8_t out[static SHA256_BYTES]) {
    while (fill(scan)) {
    }
    scan->filled = scan->at = 0;
    crypto_hash_sha256_state sha = scan->sha; // finishing spoils it, and somebody may ask twice
    CHECK(crypto_hash_sha256_final(&sha, out) == 0);
    return !scan->unreadable;
}

// ---- one row

static void begin_row(scan_t *scan) {
    scan->state = AT_FIELD;
    scan->raw = scan->used = scan->count = 0;
    scan->open = (scan_field_t){0};
    scan->wrong = SCAN_FINE;
}

static void set_wrong(scan_t *scan, scan_wrong_t wrong) {
    if (scan->wrong) return;
    scan->wrong = wrong;
    scan->wrong_at = scan->count;
}

static void keep(scan_t *scan, const uint8_t *bytes, size_t count) {
    if (scan->wrong) return;
    if (scan->open.bytes + count > scan->limits.field_bytes) {
        set_wrong(scan, SCAN_FIELD_TOO_LONG);
        return;
    }
    memcpy(scan->kept + scan->used, bytes, count); // within row_bytes, because that was counted before
    scan->used += count;
    scan->open.bytes += count;
}

static void close_field(scan_t *scan) {
    if (scan->wrong) return;
    if (scan->count == scan->limits.columns) {
        set_wrong(scan, SCAN_TOO_MANY_COLUMNS);
        return;
    }
    scan->fields[scan->count++] = scan->open;
    scan->open = (scan_field_t){.start = scan->used};
}

static bool ordinary(uint8_t c) { return c != ',' && c != '"' && c != '\n' && c != '\r' && c != 0; }

// A byte outside quotes. true when it ends the row.
static bool step_plain(scan_t *scan, uint8_t c) {
    switch (c) {
    case '\n': return true;
    case '\r': scan->state = BEHIND_RETURN; return false;
    case ',':
        close_field(scan);
        scan->state = AT_FIELD;
        return false;
    case '"':
        if (scan->state == AT_FIELD) {
            scan->state = QUOTED;
            scan->open.quoted = true;
        } else
            set_wrong(scan, SCAN_QUOTE_INSIDE);
        return false;
    default:
        if (scan->state == BEHIND_QUOTE) set_wrong(scan, SCAN_BEHIND_QUOTE);
        if (c == 0) set_wrong(scan, SCAN_NUL);
        scan->state = PLAIN;
        keep(scan, &c, 1);
        return false;
    }
}

static bool step(scan_t *scan, uint8_t c) {
    switch (scan->state) {
    case QUOTED:
        if (c == 0) set_wrong(scan, SCAN_NUL);
        if (c == '"')
            scan->state = BEHIND_QUOTE;
        else
            keep(scan, &c, 1);
        return false;
    case BEHIND_QUOTE:
        if (c != '"') return step_plain(scan, c);
        scan->state = QUOTED; // "" is a quote
        keep(scan, &c, 1);
        return false;
    case BEHIND_RETURN:
        if (c == '\n') return true;
        set_wrong(scan, SCAN_CARRIAGE_RETURN);
        scan->state = PLAIN;
        return step_plain(scan, c);
    default: return step_plain(scan, c);
    }
}

// The bytes from `at` on that need no decision.
static size_t run_length(const scan_t *scan) {
    size_t n = 0, left = scan->filled - scan->at;
    const uint8_t *p = scan->chunk + scan->at;
    if (scan->state == PLAIN)
        while (n < left && ordinary(p[n])) n++;
    else if (scan->state == QUOTED)
        while (n < left && p[n] != '"' && p[n] != 0) n++;
    return n;
}

// true when the row's end was reached.
static bool advance(scan_t *scan) {
    size_t run = run_length(scan), bytes = run ? run : 1;
    const uint8_t *p = scan->chunk + scan->at;
    scan->at += bytes;
    if (!scan->wrong && bytes > scan->limits.row_bytes - scan->raw) set_wrong(scan, SCAN_ROW_TOO_LONG);
    if (!scan->wrong) scan->raw += bytes;
    if (!run) return step(scan, *p);
    keep(scan, p, run);
    return false;
}

static scan_got_t give_row(scan_t *scan, scan_row_t *row) {
    close_field(scan);
    *row = (scan_row_t){.number = scan->rows,
                        .wrong = scan->wrong,
                        .wrong_at = scan->wrong_at,
                        .bytes = scan->kept,
                        .fields = scan->fields,
                        .count = scan->count,
                        .empty = !scan->wrong && scan->used == 0};
    return SCAN_ROW;
}

scan_got_t scan_next(scan_t *scan, scan_row_t *row) {
    if (scan->unreadable) return SCAN_UNREADABLE;
    if (scan->at == scan->filled && !fill(scan)) return scan->unreadable ? SCAN_UNREADABLE : SCAN_END;
    *row = (scan_row_t){.number = ++scan->rows};
    if (scan->rows > scan->limits.rows) return SCAN_TOO_MANY_ROWS;
    begin_row(scan);
    for (;;) {
        while (scan->at < scan->filled)
            if (advance(scan)) return give_row(scan, row);
        if (fill(scan)) continue;
        if (scan->unreadable) return SCAN_UNREADABLE;
        if (scan->state != QUOTED) return give_row(scan, row); // the last line may lack its end
        row->wrong_at = scan->wrong ? scan->wrong_at : scan->count;
        return SCAN_OPEN_QUOTE;
    }
}
