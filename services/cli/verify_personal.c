// The entries of personal accounts: each chain adds up by itself; what collection credited is there, once; what the
// decisions say that accounts paid is there, once, and nothing else; what no bill made was told, once and as it is; and
// the ledger holds the same money.
#include "account.pb-c.h"
#include "adjudication.pb-c.h"
#include "collection.pb-c.h"
#include "common/base/hash.h"
#include "verify.h"
#include <poll.h>
#include <string.h>

enum { CATCH_UP_TRIES = 300, CATCH_UP_MS = 100 };

// ---- chains

enum { PERSON, SEQ, AMOUNT, BALANCE, OWED, KIND, REFERENCE };

typedef struct chain {
    char person[VERIFY_NAME_MAX];
    int64_t seq;
    fen_t net;
} chain_t;

static int follow(verify_t *verify, chain_t *chain, int64_t partition, const rows_t *rows, size_t row, err_t *err) {
    const char *person = row_text(rows, row, PERSON);
    const int64_t seq = row_i64(rows, row, SEQ);
    const fen_t balance = row_i64(rows, row, BALANCE), owed = row_i64(rows, row, OWED);
    if (strcmp(chain->person, person) != 0) {
        chain->seq = chain->net = 0;
        if (verify_keep(chain->person, person, err)) return err->code;
        if (partition_of(person) != partition)
            verify_broken(verify, "account of %s stands in partition %lld, it belongs into %u", person,
                          (long long)partition, partition_of(person));
    }
    if (seq != chain->seq + 1)
        verify_broken(verify, "account of %s: entry %lld follows %lld", person, (long long)seq, (long long)chain->seq);
    chain->seq = seq;
    chain->net = verify_sum(chain->net, row_i64(rows, row, AMOUNT));
    if (balance < 0 || owed < 0 || (balance && owed) || balance - owed != chain->net)
        verify_broken(verify, "account of %s: entry %lld (%s %s) leaves %lld fen, %lld owed; the entries sum to %lld",
                      person, (long long)seq, row_text(rows, row, KIND), row_text(rows, row, REFERENCE),
                      (long long)balance, (long long)owed, (long long)chain->net);
    chain->net = balance - owed;
    return E_OK;
}

static int check_chains(verify_t *verify, int64_t partition, err_t *err) {
    chain_t chain = {.person = ""};
    rows_t rows = {0};
    do {
        const cell_t params[] = {cell_i64(partition), cell_text(chain.person), cell_i64(chain.seq),
                                 cell_i64(VERIFY_PAGE)};
        arena_reset(verify->page);
        int rc =
            verify_query(verify->adjudication, "tiiiitt",
                         "SELECT person, seq, amount_fen, balance_fen, owed_fen, kind, reference FROM account_entry"
                         " WHERE partition = $1 AND (person, seq) > ($2, $3) ORDER BY person, seq LIMIT $4",
                         params, COUNT_OF(params), verify->page, &rows, err);
        for (size_t i = 0; !rc && i < rows.count; i++) rc = follow(verify, &chain, partition, &rows, i, err);
        if (rc) return rc;
        verify->looked_at += (long long)rows.count;
    } while (rows.count == VERIFY_PAGE);
    return E_OK;
}

// ---- what must be there

// Entries that something else speaks of: looked for a page at a time, and counted, so that none is left over.
typedef struct expected {
    rows_t keys; // person, kind, reference
    fen_t *amounts;
    size_t room;
    long long count; // of all pages
} expected_t;

static int begin_page(verify_t *verify, expected_t *expected, size_t room, err_t *err) {
    rows_init(&expected->keys, verify->side, 3);
    expected->room = room;
    expected->amounts = arena_alloc(verify->side, (room + 1) * sizeof *expected->amounts);
    return expected->amounts ? E_OK : err_set(err, E_IO, "out of memory");
}

static int expect(verify_t *verify, expected_t *expected, const char *person, const char *kind, const char *reference,
                  fen_t amount, err_t *err) {
    const char *kept = arena_text(verify->side, "%s", person);
    cell_t *key = rows_add(&expected->keys);
    if (!key || !kept || !reference) return err_set(err, E_IO, "out of memory");
    CHECK(expected->keys.count <= expected->room);
    key[0] = cell_text(kept);
    key[1] = cell_text(kind);
    key[2] = cell_text(reference);
    expected->amounts[expected->keys.count - 1] = amount;
    return E_OK;
}

static int find_page(verify_t *verify, expected_t *expected, err_t *err) {
    rows_t found;
    expected->count += (long long)expected->keys.count;
    if (!expected->keys.count) return E_OK;
    int rc = verify_each(verify->adjudication, "i",
                         "SELECT amount_fen FROM account_entry WHERE person = $1 AND kind = $2 AND reference = $3 LIMIT"
                         " 2",
                         &expected->keys, verify->side, &found, err);
    for (size_t i = 0, at = 0; !rc && i < expected->keys.count; i++) {
        const cell_t *key = rows_at(&expected->keys, i);
        fen_t sum = 0;
        size_t count = 0;
        for (; at < found.count && row_i64(&found, at, 0) == (int64_t)i; at++, count++)
            sum = verify_sum(sum, row_i64(&found, at, 1));
        if (count != 1 || sum != expected->amounts[i])
            verify_broken(verify, "account of %s: %s %s is there %zu times with %lld fen, once with %lld was expected",
                          (const char *)key[0].data, (const char *)key[1].data, (const char *)key[2].data, count,
                          (long long)sum, (long long)expected->amounts[i]);
    }
    return rc;
}

static int none_left_over(verify_t *verify, const char *what, const char *sql, const expected_t *expected, err_t *err) {
    rows_t rows;
    arena_reset(verify->page);
    int rc = verify_query(verify->adjudication, "i", sql, NULL, 0, verify->page, &rows, err);
    if (!rc && row_i64(&rows, 0, 0) != expected->count)
        verify_broken(verify, "there are %lld %s on personal accounts, %lld were expected",
                      (long long)row_i64(&rows, 0, 0), what, expected->count);
    return rc;
}

// ---- payments and refunds, by the decisions

static fen_t part_of(Tc__AccountPart *const *parts, size_t count, const char *person) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(parts[i]->person, person) == 0) return parts[i]->amount_fen;
    return 0;
}

// A first version pays; a later one gives back, never takes more.
static int expect_decision(verify_t *verify, expected_t *expected, const Tc__Decision *d, err_t *err) {
    const Tc__Previous *p = d->previous;
    const char *reference = arena_text(verify->side, "%s/%d", d->bill, d->version ? d->version : 1);
    int rc = E_OK;
    for (size_t i = 0; !rc && i < d->n_account_parts; i++) {
        const Tc__AccountPart *part = d->account_parts[i];
        if (!p) rc = expect(verify, expected, part->person, "payment", reference, -part->amount_fen, err);
        if (p && part->amount_fen > part_of(p->account_parts, p->n_account_parts, part->person))
            verify_broken(verify, "bill %s: version %d takes more from the account of %s than before", d->bill,
                          d->version, part->person);
    }
    for (size_t i = 0; !rc && p && i < p->n_account_parts; i++) {
        const Tc__AccountPart *part = p->account_parts[i];
        const fen_t back = part->amount_fen - part_of(d->account_parts, d->n_account_parts, part->person);
        if (back > 0) rc = expect(verify, expected, part->person, "refund", reference, back, err);
    }
    return rc;
}

static int count_parts(verify_t *verify, const rows_t *rows, size_t row, size_t *parts) {
    arena_reset(verify->work);
    const Tc__Decision *d =
        (const Tc__Decision *)verify_message(verify, &tc__decision__descriptor, rows, row, 1, "a decision");
    *parts += d ? d->n_account_parts + (d->previous ? d->previous->n_account_parts : 0) : 0;
    return E_OK;
}

static int check_decisions(verify_t *verify, int64_t partition, expected_t *expected, err_t *err) {
    int64_t after = 0;
    rows_t rows = {0};
    do {
        const cell_t params[] = {cell_i64(partition), cell_i64(after), cell_i64(VERIFY_PAGE)};
        size_t parts = 0;
        arena_reset(verify->page);
        arena_reset(verify->side);
        int rc =
            verify_query(verify->adjudication, "ib",
                         "SELECT number, body FROM decision WHERE partition = $1 AND number > $2 AND kind < 4 ORDER BY"
                         " number LIMIT $3",
                         params, COUNT_OF(params), verify->page, &rows, err);
        for (size_t i = 0; !rc && i < rows.count; i++) rc = count_parts(verify, &rows, i, &parts);
        if (!rc) rc = begin_page(verify, expected, parts, err);
        for (size_t i = 0; !rc && parts && i < rows.count; i++) {
            arena_reset(verify->work);
            const Tc__Decision *d =
                (const Tc__Decision *)verify_message(verify, &tc__decision__descriptor, &rows, i, 1, "a decision");
            if (d) rc = expect_decision(verify, expected, d, err);
        }
        if (!rc) rc = find_page(verify, expected, err);
        if (rc) return rc;
        if (rows.count) after = row_i64(&rows, rows.count - 1, 0);
    } while (rows.count == VERIFY_PAGE);
    return E_OK;
}

// ---- credits, by collection's events

typedef struct told {
    expected_t expected;
    int64_t cursor[PARTITIONS]; // how far adjudication has come
    int64_t *upto;
} told_t;

static int take_credits(verify_t *verify, void *self, const rows_t *rows, err_t *err) {
    told_t *told = self;
    arena_reset(verify->side);
    int rc = begin_page(verify, &told->expected, rows->count, err);
    for (size_t i = 0; !rc && i < rows->count; i++) {
        if (row_i64(rows, i, 0) > *told->upto) continue;
        arena_reset(verify->work);
        const Tc__AccountCredit *c =
            (const Tc__AccountCredit *)verify_message(verify, &tc__account_credit__descriptor, rows, i, 1, "a credit");
        if (!c || c->amount_fen == 0) continue;
        rc = expect(verify, &told->expected, c->person, "credit", arena_text(verify->side, "%s/%d", c->month, c->turn),
                    c->amount_fen, err);
    }
    return rc ? rc : find_page(verify, &told->expected, err);
}

static int read_cursor(verify_t *verify, told_t *told, bool *caught_up, err_t *err) {
    rows_t rows, heads;
    arena_reset(verify->page);
    memset(told->cursor, 0, sizeof told->cursor);
    *caught_up = true;
    int rc = verify_query(verify->adjudication, "ii",
                          "SELECT partition, number FROM stream_cursor WHERE consumer = 'accounts' AND service ="
                          " 'collection'",
                          NULL, 0, verify->page, &rows, err);
    if (!rc)
        rc =
            verify_query(verify->collection, "ii",
                         "SELECT partition, MAX(number) FROM event WHERE topic = 'account.credited' GROUP BY partition",
                         NULL, 0, verify->page, &heads, err);
    for (size_t i = 0; !rc && i < rows.count; i++)
        if (row_i64(&rows, i, 0) >= 0 && row_i64(&rows, i, 0) < PARTITIONS)
            told->cursor[row_i64(&rows, i, 0)] = row_i64(&rows, i, 1);
    for (size_t i = 0; !rc && i < heads.count; i++)
        if (row_i64(&heads, i, 0) >= 0 && row_i64(&heads, i, 0) < PARTITIONS &&
            told->cursor[row_i64(&heads, i, 0)] < row_i64(&heads, i, 1))
            *caught_up = false;
    return rc;
}

// ---- what was told of entries that no bill made

enum { NUMBER, T_PERSON, T_SEQ, BODY, T_KIND, T_REFERENCE, T_AMOUNT, T_BALANCE, T_OWED, T_AT_MS };

static void check_change(verify_t *verify, const rows_t *rows, size_t row) {
    const char *person = row_text(rows, row, T_PERSON), *kind = row_text(rows, row, T_KIND);
    const int64_t seq = row_i64(rows, row, T_SEQ);
    arena_reset(verify->work);
    const Tc__AccountChange *c = (const Tc__AccountChange *)verify_message(verify, &tc__account_change__descriptor,
                                                                           rows, row, BODY, "a change of an account");
    if (!c) return;
    if (!*kind) {
        verify_broken(verify, "account of %s: event %lld tells of entry %lld, which is not there", person,
                      (long long)row_i64(rows, row, NUMBER), (long long)seq);
        return;
    }
    if (strcmp(c->person, person) != 0 || c->seq != seq || strcmp(c->reason, kind) != 0 ||
        strcmp(c->source, row_text(rows, row, T_REFERENCE)) != 0 || c->amount_fen != row_i64(rows, row, T_AMOUNT) ||
        c->balance_fen != row_i64(rows, row, T_BALANCE) || c->owed_fen != row_i64(rows, row, T_OWED) ||
        c->at_ms != row_i64(rows, row, T_AT_MS))
        verify_broken(verify, "account of %s: entry %lld (%s %s, %lld fen) was told as %s %s, %lld fen", person,
                      (long long)seq, kind, row_text(rows, row, T_REFERENCE), (long long)row_i64(rows, row, T_AMOUNT),
                      c->reason, c->source, (long long)c->amount_fen);
}

static int check_told(verify_t *verify, int64_t partition, err_t *err) {
    int64_t after = 0;
    rows_t rows = {0};
    do {
        const cell_t params[] = {cell_i64(partition), cell_i64(after), cell_i64(VERIFY_PAGE)};
        arena_reset(verify->page);
        int rc = verify_query(
            verify->adjudication, "itibttiiii",
            "SELECT d.number, d.person, d.seq, d.body, COALESCE(e.kind, ''), COALESCE(e.reference, ''),"
            " COALESCE(e.amount_fen, 0), COALESCE(e.balance_fen, 0), COALESCE(e.owed_fen, 0), COALESCE(e.at_ms, 0)"
            " FROM decision d LEFT JOIN account_entry e ON e.partition = d.partition AND e.person = d.person"
            " AND e.seq = d.seq AND e.kind NOT IN ('payment', 'refund')"
            " WHERE d.partition = $1 AND d.number > $2 AND d.kind = 4 ORDER BY d.number LIMIT $3",
            params, COUNT_OF(params), verify->page, &rows, err);
        for (size_t i = 0; !rc && i < rows.count; i++) check_change(verify, &rows, i);
        if (rc) return rc;
        if (rows.count) after = row_i64(&rows, rows.count - 1, NUMBER);
        verify->looked_at += (long long)rows.count;
    } while (rows.count == VERIFY_PAGE);
    return E_OK;
}

// What is still to be told stands in a table of its own.
static int check_all_told(verify_t *verify, err_t *err) {
    rows_t rows;
    arena_reset(verify->page);
    int rc = verify_query(verify->adjudication, "titt",
                          "SELECT e.person, e.seq, e.kind, e.reference FROM account_entry e WHERE e.kind NOT IN"
                          " ('payment', 'refund') AND NOT EXISTS (SELECT 1 FROM account_untold u WHERE u.partition ="
                          " e.partition AND u.person = e.person AND u.seq = e.seq) AND NOT EXISTS (SELECT 1 FROM"
                          " decision d WHERE d.partition = e.partition AND d.person = e.person AND d.year = -1 AND"
                          " d.seq = e.seq) ORDER BY e.person, e.seq LIMIT 100",
                          NULL, 0, verify->page, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++)
        verify_broken(verify, "account of %s: entry %lld (%s %s) was never told", row_text(&rows, i, 0),
                      (long long)row_i64(&rows, i, 1), row_text(&rows, i, 2), row_text(&rows, i, 3));
    return rc;
}

// Whether every correction came to the ledger's consumer.
static int read_ledger_cursor(verify_t *verify, bool *caught_up, err_t *err) {
    rows_t untold, heads, cursors;
    int64_t applied[PARTITIONS] = {0};
    int rc = verify_query(verify->adjudication, "i", "SELECT COUNT(*) FROM account_untold", NULL, 0, verify->page,
                          &untold, err);
    if (!rc)
        rc = verify_query(verify->adjudication, "ii",
                          "SELECT partition, MAX(number) FROM decision WHERE kind = 4 GROUP BY partition", NULL, 0,
                          verify->page, &heads, err);
    if (!rc)
        rc = verify_query(verify->settlement, "ii",
                          "SELECT partition, number FROM stream_cursor WHERE consumer = 'ledger' AND service ="
                          " 'adjudication'",
                          NULL, 0, verify->page, &cursors, err);
    if (rc) return rc;
    if (row_i64(&untold, 0, 0) > 0) *caught_up = false;
    for (size_t i = 0; i < cursors.count; i++)
        if (row_i64(&cursors, i, 0) >= 0 && row_i64(&cursors, i, 0) < PARTITIONS)
            applied[row_i64(&cursors, i, 0)] = row_i64(&cursors, i, 1);
    for (size_t i = 0; i < heads.count; i++)
        if (row_i64(&heads, i, 0) >= 0 && row_i64(&heads, i, 0) < PARTITIONS &&
            applied[row_i64(&heads, i, 0)] < row_i64(&heads, i, 1))
            *caught_up = false;
    return E_OK;
}

static int read_cursors(verify_t *verify, told_t *told, bool *caught_up, err_t *err) {
    int rc = read_cursor(verify, told, caught_up, err);
    return rc ? rc : read_ledger_cursor(verify, caught_up, err);
}

// ---- the ledger

static int check_money(verify_t *verify, err_t *err) {
    rows_t entries, ledger;
    arena_reset(verify->page);
    int rc = verify_query(verify->adjudication, "ii",
                          "SELECT CAST(COALESCE(SUM(amount_fen), 0) AS BIGINT), CAST(COALESCE(SUM(CASE WHEN kind IN "
                          "('merge_out', 'merge_in')"
                          " THEN amount_fen ELSE 0 END), 0) AS BIGINT) FROM account_entry",
                          NULL, 0, verify->page, &entries, err);
    if (!rc)
        rc = verify_query(verify->settlement, "i",
                          "SELECT CAST(COALESCE(SUM(amount_fen), 0) AS BIGINT) FROM balance WHERE account ="
                          " 'personal/account'",
                          NULL, 0, verify->page, &ledger, err);
    if (rc) return rc;
    if (verify_sum(row_i64(&entries, 0, 0), row_i64(&ledger, 0, 0)) != 0)
        verify_broken(verify, "personal accounts hold %lld fen, the ledger owes them %lld",
                      (long long)row_i64(&entries, 0, 0), -(long long)row_i64(&ledger, 0, 0));
    if (row_i64(&entries, 0, 1) != 0)
        verify_broken(verify, "what merged numbers gave and got differs by %lld fen",
                      (long long)row_i64(&entries, 0, 1));
    return E_OK;
}

int verify_personal(verify_t *verify, err_t *err) {
    expected_t paid = {0};
    told_t told = {0};
    bool caught_up = false;
    int rc = read_cursors(verify, &told, &caught_up, err);
    for (int i = 0; !rc && !caught_up && i < CATCH_UP_TRIES; i++) {
        poll(NULL, 0, CATCH_UP_MS);
        rc = read_cursors(verify, &told, &caught_up, err);
    }
    for (int64_t partition = 0; !rc && partition < PARTITIONS; partition++) {
        told.upto = &told.cursor[partition];
        rc = check_chains(verify, partition, err);
        if (!rc) rc = check_decisions(verify, partition, &paid, err);
        if (!rc) rc = check_told(verify, partition, err);
        if (!rc)
            rc = verify_events(verify, verify->collection, partition, "account.credited", take_credits, &told, err);
    }
    if (!rc) rc = check_all_told(verify, err);
    if (!rc)
        rc = none_left_over(verify, "payments and refunds",
                            "SELECT COUNT(*) FROM account_entry WHERE kind IN ('payment', 'refund')", &paid, err);
    if (!rc && caught_up)
        rc = none_left_over(verify, "credits", "SELECT COUNT(*) FROM account_entry WHERE kind = 'credit'",
                            &told.expected, err);
    return rc || !caught_up ? rc : check_money(verify, err);
}
