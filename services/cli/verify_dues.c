// What is due to facilities: every bill of the journal stands in the register of dues once, part by part, in its month
// or the first that was open; and every frozen statement is what it was frozen as, by its digest worked out again.
#include "common/base/date.h"
#include "common/base/hash.h"
#include "services/settlement/statement_digest.h"
#include "settlement.pb-c.h"
#include "verify.h"
#include <string.h>

static const char payable[] = "payable/";

// ---- the register of dues

enum { L_KEY, L_FACILITY, L_MONTH, L_LINE, L_LAYER, L_FUND, L_COUNTY, L_YEAR, L_AMOUNT };

typedef struct entry { // of the journal, and its lines in the register
    int64_t partition, number;
    month_t booked;
    const Tc__JournalEntry *said;
    const rows_t *lines;
    size_t first, end;
} entry_t;

static int is_drawn(verify_t *verify, const char *facility, int64_t month, bool *out, err_t *err) {
    const cell_t params[] = {cell_text(facility), cell_i64(month)};
    rows_t rows;
    int rc = verify_query(verify->settlement, "i", "SELECT 1 FROM dues_statement WHERE facility = $1 AND month = $2",
                          params, COUNT_OF(params), verify->work, &rows, err);
    *out = !rc && rows.count;
    return rc;
}

// A line stands in the month of its booking, or right behind a later month that was drawn up already.
static int check_month(verify_t *verify, const entry_t *entry, size_t row, err_t *err) {
    const int64_t month = row_i64(entry->lines, row, L_MONTH);
    char there[DATE_TEXT_MAX], booked[DATE_TEXT_MAX];
    bool drawn = false;
    int rc = month > entry->booked ? is_drawn(verify, entry->said->facility, month - 1, &drawn, err) : E_OK;
    if (!rc && month != entry->booked && !drawn)
        verify_broken(verify, "entry %lld/%lld (bill %s): its dues stand in %s, it was booked in %s",
                      (long long)entry->partition, (long long)entry->number, entry->said->reference,
                      month_format((month_t)month, there), month_format(entry->booked, booked));
    return rc;
}

static int check_line(verify_t *verify, const entry_t *entry, size_t p, size_t row, err_t *err) {
    const Tc__Posting *posting = entry->said->postings[p];
    const rows_t *lines = entry->lines;
    if (row >= entry->end || row_i64(lines, row, L_LINE) != (int64_t)p + 1) {
        verify_broken(verify, "entry %lld/%lld (bill %s): line %zu is missing from the register of dues",
                      (long long)entry->partition, (long long)entry->number, entry->said->reference, p + 1);
        return E_OK;
    }
    if (strcmp(row_text(lines, row, L_FACILITY), entry->said->facility) != 0 ||
        strcmp(row_text(lines, row, L_LAYER), posting->account + sizeof payable - 1) != 0 ||
        strcmp(row_text(lines, row, L_FUND), posting->fund) != 0 ||
        strcmp(row_text(lines, row, L_COUNTY), posting->division) != 0 ||
        row_i64(lines, row, L_YEAR) != posting->year ||
        verify_sum(row_i64(lines, row, L_AMOUNT), posting->amount_fen) != 0)
        verify_broken(verify, "entry %lld/%lld (bill %s): line %zu is %lld fen of %s in the register of dues, not %lld",
                      (long long)entry->partition, (long long)entry->number, entry->said->reference, p + 1,
                      (long long)row_i64(lines, row, L_AMOUNT), row_text(lines, row, L_LAYER),
                      (long long)-posting->amount_fen);
    return check_month(verify, entry, row, err);
}

static int check_entry(verify_t *verify, const entry_t *entry, long long *seen, err_t *err) {
    size_t row = entry->first;
    int rc = E_OK;
    for (size_t p = 0; !rc && *entry->said->facility && p < entry->said->n_postings; p++) {
        if (strncmp(entry->said->postings[p]->account, payable, sizeof payable - 1) != 0) continue;
        rc = check_line(verify, entry, p, row, err);
        if (row < entry->end && row_i64(entry->lines, row, L_LINE) == (int64_t)p + 1) row++;
        (*seen)++;
    }
    if (!rc && row != entry->end)
        verify_broken(verify, "entry %lld/%lld (bill %s): the register of dues has a line %lld of it",
                      (long long)entry->partition, (long long)entry->number, entry->said->reference,
                      (long long)row_i64(entry->lines, row, L_LINE));
    return rc;
}

static int read_lines(verify_t *verify, int64_t partition, const rows_t *journal, rows_t *lines, err_t *err) {
    rows_t keys;
    rows_init(&keys, verify->page, 3);
    for (size_t i = 0; i < journal->count; i++) {
        cell_t *key = rows_add(&keys);
        if (!key) return err_set(err, E_IO, "out of memory");
        key[0] = rows_at(journal, i)[2];
        key[1] = cell_i64(partition);
        key[2] = rows_at(journal, i)[0];
    }
    return verify_each(verify->settlement, "tiitttii",
                       "SELECT facility, month, line, layer, fund, county, year, amount_fen FROM dues_line"
                       " WHERE bill = $1 AND partition = $2 AND number = $3 ORDER BY line",
                       &keys, verify->page, lines, err);
}

typedef struct register_walk {
    int64_t partition;
    long long *seen;
} register_walk_t;

static int check_page(verify_t *verify, void *self, const rows_t *journal, err_t *err) {
    const register_walk_t *walk = self;
    rows_t lines;
    size_t at = 0;
    int rc = read_lines(verify, walk->partition, journal, &lines, err);
    for (size_t i = 0; !rc && i < journal->count; i++) {
        entry_t entry = {.partition = walk->partition,
                         .number = row_i64(journal, i, 0),
                         .booked = month_of(date_of_ms(row_i64(journal, i, 1))),
                         .lines = &lines,
                         .first = at};
        char name[VERIFY_NAME_MAX];
        while (at < lines.count && row_i64(&lines, at, L_KEY) == (int64_t)i) at++;
        entry.end = at;
        arena_reset(verify->work);
        snprintf(name, sizeof name, "entry %lld/%lld", (long long)entry.partition, (long long)entry.number);
        entry.said =
            (const Tc__JournalEntry *)verify_message(verify, &tc__journal_entry__descriptor, journal, i, 3, name);
        if (entry.said) rc = check_entry(verify, &entry, walk->seen, err);
        verify->looked_at++;
    }
    return rc;
}

// The journal of a partition as far as the register has read it.
static int one_partition(verify_t *verify, int64_t partition, int64_t cursor, long long *seen, err_t *err) {
    register_walk_t walk = {partition, seen};
    const verify_pages_t pages = {.store = verify->settlement,
                                  .types = "iitb",
                                  .sql = "SELECT number, at_ms, reference, body FROM journal WHERE partition = $1"
                                         " AND number > $2 AND number <= $3 AND kind = 'bill' ORDER BY number LIMIT $4",
                                  .params = {cell_i64(partition), cell_i64(0), cell_i64(cursor)},
                                  .count = 3,
                                  .key = 1,
                                  .keys = 1};
    return verify_pages(verify, &pages, check_page, &walk, err);
}

typedef struct cursors { // how far the register has read the journal
    int64_t at[PARTITIONS];
} cursors_t;

static int read_cursors(verify_t *verify, cursors_t *out, err_t *err) {
    rows_t rows;
    *out = (cursors_t){{0}};
    arena_reset(verify->page);
    int rc = verify_query(verify->settlement, "ii", "SELECT partition, number FROM dues_cursor", NULL, 0, verify->page,
                          &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++)
        if (row_i64(&rows, i, 0) >= 0 && row_i64(&rows, i, 0) < PARTITIONS)
            out->at[row_i64(&rows, i, 0)] = row_i64(&rows, i, 1);
    return rc;
}

static int name_others(verify_t *verify, err_t *err) {
    rows_t rows;
    arena_reset(verify->page);
    int rc = verify_query(verify->settlement, "tiii",
                          "SELECT d.bill, d.partition, d.number, d.line FROM dues_line d WHERE NOT EXISTS"
                          " (SELECT 1 FROM journal j WHERE j.partition = d.partition AND j.number = d.number"
                          " AND j.reference = d.bill AND j.kind = 'bill') ORDER BY d.partition, d.number, d.line"
                          " LIMIT 20",
                          NULL, 0, verify->page, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++)
        verify_broken(verify, "bill %s: the register of dues has line %lld of entry %lld/%lld, which is no entry of it",
                      row_text(&rows, i, 0), (long long)row_i64(&rows, i, 3), (long long)row_i64(&rows, i, 1),
                      (long long)row_i64(&rows, i, 2));
    return rc;
}

// Lines that no entry has. A register that read on meanwhile has more of them than were seen, rightly.
static int no_others(verify_t *verify, const cursors_t *read, long long seen, err_t *err) {
    cursors_t now;
    rows_t rows;
    arena_reset(verify->page);
    int rc = verify_query(verify->settlement, "i", "SELECT COUNT(*) FROM dues_line", NULL, 0, verify->page, &rows, err);
    const long long lines = rc ? 0 : row_i64(&rows, 0, 0);
    if (rc || lines == seen) return rc;
    rc = read_cursors(verify, &now, err);
    if (!rc && memcmp(&now, read, sizeof now) == 0)
        verify_broken(verify, "the register of dues has %lld lines, the journal that it has read %lld", lines, seen);
    return rc ? rc : name_others(verify, err);
}

int verify_dues(verify_t *verify, err_t *err) {
    cursors_t cursors;
    long long seen = 0;
    int rc = read_cursors(verify, &cursors, err);
    for (int64_t p = 0; !rc && p < PARTITIONS; p++)
        if (cursors.at[p]) rc = one_partition(verify, p, cursors.at[p], &seen, err);
    return rc ? rc : no_others(verify, &cursors, seen, err);
}

// ---- statements

static int take_lines(verify_t *verify, void *self, const rows_t *lines, err_t *err) {
    (void)verify;
    return statement_digest_lines(self, lines, err);
}

static int digest_lines(verify_t *verify, const char *facility, month_t since, int64_t month,
                        statement_digest_t *digest, err_t *err) {
    const verify_pages_t pages = {
        .store = verify->settlement,
        .types = "iiiittttii",
        .sql = "SELECT month, partition, number, line, bill, layer, fund, county, year, amount_fen FROM dues_line"
               " WHERE facility = $1 AND month <= $6 AND (month, partition, number, line) > ($2, $3, $4, $5)"
               " ORDER BY facility, month, partition, number, line LIMIT $7",
        .params = {cell_text(facility), cell_i64(since - 1), cell_i64(INT64_MAX), cell_i64(0), cell_i64(0),
                   cell_i64(month)},
        .count = 6,
        .key = 1,
        .keys = 4,
        .arena = verify->side};
    return verify_pages(verify, &pages, take_lines, digest, err);
}

static int take_items(verify_t *verify, void *self, const rows_t *items, err_t *err) {
    int rc = E_OK;
    (void)verify;
    for (size_t i = 0; !rc && i < items->count; i++) {
        const statement_item_t item = {row_text(items, i, 1), row_text(items, i, 2), row_text(items, i, 3),
                                       row_text(items, i, 4), row_text(items, i, 5), row_i64(items, i, 6),
                                       row_i64(items, i, 7)};
        rc = statement_digest_item(self, &item, err);
    }
    return rc;
}

static int digest_items(verify_t *verify, const char *facility, int64_t month, statement_digest_t *digest, err_t *err) {
    const verify_pages_t pages = {.store = verify->settlement,
                                  .types = "itttttii",
                                  .sql = "SELECT item, kind, reference, layer, fund, county, year, amount_fen"
                                         " FROM dues_item WHERE facility = $1 AND month = $2 AND item > $3"
                                         " ORDER BY item LIMIT $4",
                                  .params = {cell_text(facility), cell_i64(month), cell_i64(0)},
                                  .count = 3,
                                  .key = 2,
                                  .keys = 1,
                                  .arena = verify->side};
    return verify_pages(verify, &pages, take_items, digest, err);
}

static int check_statement(verify_t *verify, const rows_t *rows, size_t row, const char *name, err_t *err) {
    const char *facility = row_text(rows, row, 0), *hex = NULL;
    const int64_t month = row_i64(rows, row, 1);
    char text[DATE_TEXT_MAX];
    statement_digest_t digest = {{0}};
    month_t since = 1;
    const Tc__FacilityStatement *said =
        (const Tc__FacilityStatement *)verify_message(verify, &tc__facility_statement__descriptor, rows, row, 3, name);
    if (!said) return E_OK;
    if (strcmp(said->facility, facility) != 0 || strcmp(said->month, month_format((month_t)month, text)) != 0 ||
        (*said->since && month_parse(said->since, &since)) || !said->total ||
        said->total->pay_fen != row_i64(rows, row, 2)) {
        verify_broken(verify, "%s: its body says %s %s and %lld fen, its row %lld", name, said->facility, said->month,
                      said->total ? (long long)said->total->pay_fen : 0, (long long)row_i64(rows, row, 2));
        return E_OK;
    }
    int rc = digest_lines(verify, facility, since, month, &digest, err);
    if (!rc) rc = digest_items(verify, facility, month, &digest, err);
    if (!rc) rc = statement_digest_end(&digest, said, verify->work, &hex, err);
    if (rc == E_TOO_LARGE) rc = E_OK, hex = "";
    if (!rc && strcmp(hex, said->digest) != 0)
        verify_broken(verify,
                      "%s: it, its lines or its items are not what was frozen: their digest is %.16s…, not %.16s…",
                      name, hex, said->digest);
    return rc;
}

static int check_statements(verify_t *verify, void *self, const rows_t *rows, err_t *err) {
    char text[DATE_TEXT_MAX], name[VERIFY_NAME_MAX + 32];
    int rc = E_OK;
    (void)self;
    for (size_t i = 0; !rc && i < rows->count; i++) {
        snprintf(name, sizeof name, "statement %.100s %s", row_text(rows, i, 0),
                 month_format((month_t)row_i64(rows, i, 1), text));
        arena_reset(verify->work);
        rc = check_statement(verify, rows, i, name, err);
        verify->looked_at++;
    }
    return rc;
}

int verify_statements(verify_t *verify, err_t *err) {
    const verify_pages_t pages = {.store = verify->settlement,
                                  .types = "tiib",
                                  .sql = "SELECT facility, month, pay_fen, body FROM dues_statement"
                                         " WHERE (facility, month) > ($1, $2) ORDER BY facility, month LIMIT $3",
                                  .params = {cell_text(""), cell_i64(0)},
                                  .count = 2,
                                  .keys = 2};
    return verify_pages(verify, &pages, check_statements, NULL, err);
}
