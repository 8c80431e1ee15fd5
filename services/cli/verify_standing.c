// The rows that reconciliation compares: each is the sum of what its log says under the reference, and what the log
// says has a row. The log counts as far as it was followed; both sides follow only when somebody asks.
#include "adjudication.pb-c.h"
#include "common/policy/fund.h"
#include "common/policy/tables.h"
#include "services/adjudication/bill_rows.h"
#include "services/settlement/book_rows.h"
#include "settlement.pb-c.h"
#include "verify.h"
#include <string.h>

enum { S_BOOK, S_DAY, S_PARTY, S_REFERENCE, S_KIND, S_AMOUNT }; // of `standing`, and of changes

typedef struct side { // a service whose log is added up
    store_t *store;
    const char *name;
    const ProtobufCMessageDescriptor *type;
    const char *by_reference; // $1 → body, of the log as far as it was followed
    const char *by_number;    // $1 partition, $2 number, $3 last number, $4 limit → number, body
    int (*changes)(const verify_t *verify, const ProtobufCMessage *message, arena_t *arena, rows_t *changes,
                   err_t *err);
} side_t;

static int changes_of_bill(const verify_t *verify, const ProtobufCMessage *message, arena_t *arena, rows_t *changes,
                           err_t *err) {
    (void)verify, (void)arena;
    return digests_of_decision((const Tc__Decision *)message, changes, err);
}

static int changes_of_entry(const verify_t *verify, const ProtobufCMessage *message, arena_t *arena, rows_t *changes,
                            err_t *err) {
    return books_of_entry(verify->policy ? verify->policy->fund : NULL, (const Tc__JournalEntry *)message, arena,
                          changes, err);
}

#define FOLLOWED(table)                                                                                                \
    " AND " table ".number <= COALESCE((SELECT c.number FROM standing_cursor c WHERE c.partition = " table             \
    ".partition), 0)"

// What a row of the log changes, in the arena `work`; a body that cannot be read is told and changes nothing.
static int changes_of(verify_t *verify, const side_t *side, const rows_t *rows, size_t row, size_t column,
                      rows_t *changes, err_t *err) {
    const ProtobufCMessage *message = verify_message(verify, side->type, rows, row, column, side->name);
    err_t why = {0};
    rows_init(changes, verify->work, STANDING_COLUMNS);
    if (!message || side->changes(verify, message, verify->work, changes, &why) == E_OK) return E_OK;
    if (why.code == E_IO) return *err = why, why.code;
    verify_broken(verify, "%s: a row of the log cannot be told: %s", side->name, why.text);
    changes->count = 0;
    return E_OK;
}

static const char *text_of(const cell_t *cells, size_t i) { return cells[i].data; }

static bool same_key(const cell_t *a, const cell_t *b) {
    for (size_t i = S_BOOK; i <= S_KIND; i++)
        if (strcmp(text_of(a, i), text_of(b, i)) != 0) return false;
    return true;
}

// ---- each row is the sum of its log

static int add_up(verify_t *verify, const side_t *side, const cell_t *standing, const rows_t *bodies, size_t *at,
                  size_t row, fen_t *sum, err_t *err) {
    rows_t changes;
    int rc = E_OK;
    *sum = 0;
    for (; !rc && *at < bodies->count && row_i64(bodies, *at, 0) == (int64_t)row; ++*at) {
        arena_reset(verify->work);
        rc = changes_of(verify, side, bodies, *at, 1, &changes, err);
        for (size_t i = 0; !rc && i < changes.count; i++)
            if (same_key(rows_at(&changes, i), standing)) *sum = verify_sum(*sum, rows_at(&changes, i)[S_AMOUNT].i64);
    }
    return rc;
}

static int check_page(verify_t *verify, void *self, const rows_t *standing, err_t *err) {
    const side_t *side = self;
    rows_t keys, bodies;
    size_t at = 0;
    arena_reset(verify->side);
    rows_init(&keys, verify->side, 1);
    for (size_t i = 0; i < standing->count; i++) {
        cell_t *key = rows_add(&keys);
        if (!key) return err_set(err, E_IO, "out of memory");
        key[0] = rows_at(standing, i)[S_REFERENCE];
    }
    int rc = verify_each(side->store, "b", side->by_reference, &keys, verify->side, &bodies, err);
    for (size_t i = 0; !rc && i < standing->count; i++) {
        const cell_t *row = rows_at(standing, i);
        fen_t sum;
        rc = add_up(verify, side, row, &bodies, &at, i, &sum, err);
        if (!rc && sum != row[S_AMOUNT].i64)
            verify_broken(verify, "%s: book %s, %s, %s, %s, %s stands at %lld fen, its log says %lld", side->name,
                          text_of(row, S_BOOK), text_of(row, S_DAY), text_of(row, S_PARTY), text_of(row, S_REFERENCE),
                          text_of(row, S_KIND), (long long)row[S_AMOUNT].i64, (long long)sum);
        verify->looked_at++;
    }
    return rc;
}

static int check_rows(verify_t *verify, side_t *side, err_t *err) {
    const verify_pages_t pages = {.store = side->store,
                                  .types = "ttttti",
                                  .sql = "SELECT book, day, party, reference, kind, amount_fen FROM standing"
                                         " WHERE (book, day, party, reference, kind) > ($1, $2, $3, $4, $5)"
                                         " ORDER BY book, day, party, reference, kind LIMIT $6",
                                  .params = {cell_text(""), cell_text(""), cell_text(""), cell_text(""), cell_text("")},
                                  .count = 5,
                                  .keys = 5,
                                  .rows = 200}; // a reference may have many entries
    return verify_pages(verify, &pages, check_page, side, err);
}

// ---- what the log says has a row

static int keep_keys(verify_t *verify, const side_t *side, const rows_t *log, rows_t *keys, err_t *err) {
    int rc = E_OK;
    for (size_t i = 0; !rc && i < log->count; i++) {
        rows_t changes;
        arena_reset(verify->work);
        rc = changes_of(verify, side, log, i, 1, &changes, err);
        for (size_t k = 0; !rc && k < changes.count; k++) {
            cell_t *key = rows_add(keys);
            if (!key) return err_set(err, E_IO, "out of memory");
            for (size_t c = S_BOOK; c <= S_KIND; c++) {
                const char *copy = arena_text(verify->side, "%s", text_of(rows_at(&changes, k), c));
                if (!copy) return err_set(err, E_IO, "out of memory");
                key[c] = cell_text(copy);
            }
        }
    }
    return rc;
}

static int check_log_page(verify_t *verify, void *self, const rows_t *log, err_t *err) {
    const side_t *side = self;
    rows_t keys, found;
    size_t at = 0;
    arena_reset(verify->side);
    rows_init(&keys, verify->side, 5);
    int rc = keep_keys(verify, side, log, &keys, err);
    if (!rc)
        rc = verify_each(side->store, "i",
                         "SELECT 1 FROM standing WHERE book = $1 AND day = $2 AND party = $3 AND reference = $4"
                         " AND kind = $5",
                         &keys, verify->side, &found, err);
    for (size_t i = 0; !rc && i < keys.count; i++) {
        const cell_t *key = rows_at(&keys, i);
        if (at < found.count && row_i64(&found, at, 0) == (int64_t)i)
            at++;
        else
            verify_broken(verify, "%s: book %s, %s, %s, %s, %s: its log was followed, and no row is there", side->name,
                          text_of(key, S_BOOK), text_of(key, S_DAY), text_of(key, S_PARTY), text_of(key, S_REFERENCE),
                          text_of(key, S_KIND));
    }
    return rc;
}

static int check_log(verify_t *verify, side_t *side, int64_t partition, int64_t cursor, err_t *err) {
    const verify_pages_t pages = {.store = side->store,
                                  .types = "ib",
                                  .sql = side->by_number,
                                  .params = {cell_i64(partition), cell_i64(0), cell_i64(cursor)},
                                  .count = 3,
                                  .key = 1,
                                  .keys = 1};
    return verify_pages(verify, &pages, check_log_page, side, err);
}

static int check_side(verify_t *verify, side_t *side, err_t *err) {
    int64_t cursors[PARTITIONS];
    arena_reset(verify->page);
    int rc = standing_positions(side->store, verify->page, cursors, err);
    if (!rc) rc = check_rows(verify, side, err);
    for (int64_t p = 0; !rc && p < PARTITIONS; p++)
        if (cursors[p]) rc = check_log(verify, side, p, cursors[p], err);
    return rc;
}

int verify_standing(verify_t *verify, err_t *err) {
    side_t sides[] = {
        {verify->adjudication, "business", &tc__decision__descriptor,
         "SELECT decision.body FROM decision WHERE decision.bill = $1" FOLLOWED("decision") " ORDER BY version",
         "SELECT number, body FROM decision WHERE partition = $1 AND number > $2 AND number <= $3 AND kind < 4"
         " ORDER BY number LIMIT $4",
         changes_of_bill},
        {verify->settlement, "finance", &tc__journal_entry__descriptor,
         "SELECT journal.body FROM journal WHERE journal.reference = $1" FOLLOWED(
             "journal") " ORDER BY partition, number",
         "SELECT number, body FROM journal WHERE partition = $1 AND number > $2 AND number <= $3 ORDER BY number"
         " LIMIT $4",
         changes_of_entry}};
    int rc = E_OK;
    for (size_t i = 0; !rc && i < COUNT_OF(sides); i++) rc = check_side(verify, &sides[i], err);
    return rc;
}
