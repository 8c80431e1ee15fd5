#include "standing.h"
#include <string.h>

static const char whole_kind[] = "whole";

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for standing rows"); }

// ---- following the log

int standing_change(rows_t *changes, const char *book, const char *day, const char *party, const char *kind,
                    const char *reference, fen_t amount, err_t *err) {
    digest_row_t row = {.party = *party ? party : "-", .kind = kind, .reference = reference, .amount = amount};
    if (!amount) return E_OK;
    int rc = date_parse(day, &row.day);
    if (rc || !digest_row_fits(&row))
        return err_field(err, E_INVALID_FIELD, "row", "a row of the log cannot be told: its day, or a text too long");
    cell_t *cells = rows_add(changes);
    if (!cells) return no_memory(err);
    cells[0] = cell_text(book);
    cells[1] = cell_text(day);
    cells[2] = cell_text(row.party);
    cells[3] = cell_text(reference);
    cells[4] = cell_text(kind);
    cells[5] = cell_i64(amount);
    return E_OK;
}

int standing_positions(store_t *store, arena_t *arena, int64_t numbers[static PARTITIONS], err_t *err) {
    rows_t found;
    memset(numbers, 0, PARTITIONS * sizeof *numbers);
    int rc = store_query(store, "SELECT partition, number FROM standing_cursor", NULL, 0, arena, &found, err);
    for (size_t i = 0; !rc && i < found.count; i++) {
        const int64_t partition = row_i64(&found, i, 0);
        if (partition >= 0 && partition < PARTITIONS) numbers[partition] = row_i64(&found, i, 1);
    }
    return rc;
}

static int move_cursor(store_t *store, int64_t partition, int64_t from, int64_t to, arena_t *arena, err_t *err) {
    const cell_t params[] = {cell_i64(partition), cell_i64(from), cell_i64(to)};
    rows_t moved;
    int rc = store_exec(
        store, "INSERT INTO standing_cursor (partition, number) VALUES ($1, 0) ON CONFLICT (partition) DO NOTHING",
        params, 1, err);
    if (!rc)
        rc = store_query(store,
                         "UPDATE standing_cursor SET number = $3 WHERE partition = $1 AND number = $2"
                         " RETURNING number",
                         params, COUNT_OF(params), arena, &moved, err);
    if (!rc && moved.count != 1) rc = err_set(err, E_RACE, "somebody else follows the log");
    return rc;
}

// One partition, at most `limit` rows of its log. *behind: more may be taken.
static int follow_partition(store_t *store, const standing_log_t *log, uint32_t partition, int64_t from, int64_t limit,
                            arena_t *arena, rows_t *changes, int64_t *taken, bool *behind, err_t *err) {
    const cell_t params[] = {cell_i64(partition), cell_i64(from), cell_i64(limit)};
    standing_verdict_t verdict = STANDING_TAKE;
    rows_t found;
    int64_t to = from;
    int rc = store_query(store, log->read_sql, params, COUNT_OF(params), arena, &found, err);
    if (rc) return rc;
    for (size_t i = 0; i < found.count; i++) {
        size_t bytes;
        const void *body = row_blob(&found, i, 1, &bytes);
        rc = log->changes(log->self, partition, body, bytes, arena, changes, &verdict, err);
        if (rc) return err_prefix(err, "log %u/%lld", partition, (long long)row_i64(&found, i, 0));
        if (verdict == STANDING_STOP) break;
        to = row_i64(&found, i, 0);
        (*taken)++;
    }
    *behind = verdict == STANDING_TAKE && (int64_t)found.count == limit;
    return to > from ? move_cursor(store, partition, from, to, arena, err) : E_OK;
}

int standing_follow(store_t *store, const standing_log_t *log, arena_t *arena, int64_t *taken, bool *done, err_t *err) {
    int64_t numbers[PARTITIONS];
    rows_t changes;
    *taken = 0;
    *done = true;
    rows_init(&changes, arena, STANDING_COLUMNS);
    int rc = standing_positions(store, arena, numbers, err);
    for (uint32_t p = 0; !rc && p < PARTITIONS && *done; p++) {
        bool behind = false;
        rc = follow_partition(store, log, p, numbers[p], STANDING_FOLLOW_ROWS - *taken, arena, &changes, taken, &behind,
                              err);
        if (behind) *done = false;
    }
    if (rc || !changes.count) return rc;
    return store_each_exec(store,
                           "INSERT INTO standing (book, day, party, reference, kind, amount_fen)"
                           " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (book, day, party, reference, kind)"
                           " DO UPDATE SET amount_fen = standing.amount_fen + excluded.amount_fen",
                           &changes, err);
}

// ---- telling what stands

enum { DAY, PARTY, REFERENCE, KIND, AMOUNT };

typedef struct page {
    digest_key_t key;
    bucket_t of;
    rows_t found;
    size_t count; // rows of the page; found may hold the beginning of the next
    bool more;
    bool whole;
} page_t;

static bool same_reference(const rows_t *rows, size_t a, size_t b) {
    return strcmp(row_text(rows, a, DAY), row_text(rows, b, DAY)) == 0 &&
           strcmp(row_text(rows, a, PARTY), row_text(rows, b, PARTY)) == 0 &&
           strcmp(row_text(rows, a, REFERENCE), row_text(rows, b, REFERENCE)) == 0;
}

// A page ends with a reference, so that its kinds can be told as one.
static void cut_page(page_t *page, size_t limit) {
    page->count = page->found.count;
    page->more = page->count > limit;
    if (!page->more) return;
    page->count = limit;
    while (page->count > 1 && same_reference(&page->found, page->count - 1, page->count)) page->count--;
}

static int read_page(store_t *store, const Tc__GetDigests *request, size_t limit, arena_t *arena, page_t *page,
                     err_t *err) {
    int rc = bucket_read(request, &page->key, &page->of, err);
    if (rc) return rc;
    const Tc__DigestRow *after = request->after;
    const cell_t params[] = {cell_text(request->book),
                             cell_text(request->of->to),
                             cell_i64((int64_t)limit + 1),
                             cell_text(after ? after->day : request->of->from),
                             cell_text(after ? after->reference : ""),
                             cell_text(after ? after->kind : ""),
                             cell_text(page->of.party ? page->of.party
                                       : after        ? after->party
                                                      : "")};
    page->whole = request->whole;
    rc = store_query(store,
                     page->of.party ? "SELECT day, party, reference, kind, amount_fen FROM standing WHERE book = $1"
                                      " AND party = $7 AND day <= $2 AND (day, reference, kind) > ($4, $5, $6)"
                                      " AND amount_fen <> 0 ORDER BY day, reference, kind LIMIT $3"
                                    : "SELECT day, party, reference, kind, amount_fen FROM standing WHERE book = $1"
                                      " AND day <= $2 AND (day, party, reference, kind) > ($4, $7, $5, $6)"
                                      " AND amount_fen <> 0 ORDER BY day, party, reference, kind LIMIT $3",
                     params, COUNT_OF(params), arena, &page->found, err);
    if (!rc) cut_page(page, limit);
    return rc;
}

static int page_row(const page_t *page, size_t i, digest_row_t *out, err_t *err) {
    const rows_t *rows = &page->found;
    *out = (digest_row_t){row_text(rows, i, PARTY), row_text(rows, i, KIND), row_text(rows, i, REFERENCE), 0,
                          row_i64(rows, i, AMOUNT)};
    if (date_parse(row_text(rows, i, DAY), &out->day) || !digest_row_fits(out))
        return err_set(err, E_STORE, "a standing row cannot be read");
    return E_OK;
}

// The row at *i, or with `whole` all of its reference as one, and *i behind it.
static int next_row(const page_t *page, size_t *i, digest_row_t *out, err_t *err) {
    const size_t first = (*i)++;
    int rc = page_row(page, first, out, err);
    if (rc || !page->whole) return rc;
    out->kind = whole_kind;
    for (; *i < page->count && same_reference(&page->found, first, *i); (*i)++)
        if (fen_add(out->amount, row_i64(&page->found, *i, AMOUNT), &out->amount))
            return err_set(err, E_OUT_OF_RANGE, "the kinds of one reference overflow");
    return E_OK;
}

static int next_page(const page_t *page, arena_t *arena, Tc__DigestRow **next, err_t *err) {
    digest_row_t last;
    if (!page->more) return E_OK;
    int rc = page_row(page, page->count - 1, &last, err);
    return rc ? rc : row_write(&last, arena, next, err);
}

int standing_digests(store_t *store, const Tc__GetDigests *request, arena_t *arena, Tc__Digests **out, err_t *err) {
    page_t page = {0};
    bucket_by_t by;
    buckets_t buckets;
    digest_row_t row;
    int rc = bucket_by_read(request->by, &by, err);
    if (!rc) rc = read_page(store, request, STANDING_PAGE_ROWS, arena, &page, err);
    if (!rc && by == BY_PREFIX && page.of.bits == BUCKET_BITS_MAX)
        rc = err_field(err, E_OUT_OF_RANGE, "of.bits", "there are no further bits");
    if (rc) return rc;
    buckets_init(&buckets, arena, &page.key, &page.of, by);
    for (size_t i = 0; !rc && i < page.count;) {
        rc = next_row(&page, &i, &row, err);
        if (!rc && row.amount) rc = buckets_add(&buckets, &row, err);
    }
    if (!rc) rc = children_write(&buckets, arena, out, err);
    return rc ? rc : next_page(&page, arena, &(*out)->next, err);
}

int standing_rows(store_t *store, const Tc__GetDigests *request, arena_t *arena, Tc__DigestRows **out, err_t *err) {
    page_t page = {0};
    digest_row_t row;
    Tc__DigestRows *rows = arena_alloc(arena, sizeof *rows);
    int rc = rows ? read_page(store, request, DIGEST_PAGE_ROWS, arena, &page, err) : no_memory(err);
    if (rc) return rc;
    tc__digest_rows__init(rows);
    rows->rows = arena_alloc(arena, (page.count + 1) * sizeof *rows->rows);
    if (!rows->rows) return no_memory(err);
    for (size_t i = 0; !rc && i < page.count;) {
        rc = next_row(&page, &i, &row, err);
        if (!rc && row.amount && bucket_has(&page.of, &page.key, &row))
            rc = row_write(&row, arena, &rows->rows[rows->n_rows++], err);
    }
    *out = rows;
    return rc ? rc : next_page(&page, arena, &rows->next, err);
}
