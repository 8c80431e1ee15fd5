// The ledger: zero sums, balances, and that every cause is posted exactly once.
#include "adjudication.pb-c.h"
#include "collection.pb-c.h"
#include "common/base/hash.h"
#include "settlement.pb-c.h"
#include "verify.h"
#include <string.h>

static int entries_sum_to_zero(verify_t *verify, err_t *err) {
    rows_t rows;
    arena_reset(verify->page);
    int rc =
        store_query(verify->settlement,
                    "SELECT partition, number, CAST(SUM(amount_fen) AS BIGINT) FROM posting GROUP BY partition, number"
                    " HAVING SUM(amount_fen) <> 0 ORDER BY partition, number LIMIT 100",
                    NULL, 0, verify->page, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++)
        verify_broken(verify, "entry %lld/%lld sums to %lld fen, not to zero", (long long)row_i64(&rows, i, 0),
                      (long long)row_i64(&rows, i, 1), (long long)row_i64(&rows, i, 2));
    return rc;
}

static int balances_are_sums(verify_t *verify, err_t *err) {
    rows_t rows;
    arena_reset(verify->page);
    int rc = store_query(
        verify->settlement,
        "SELECT a.account, a.identity, a.division, CAST(SUM(a.balance) AS BIGINT), CAST(SUM(a.posted) AS BIGINT),"
        " CAST(SUM(a.lines) AS BIGINT), CAST(SUM(a.counted) AS BIGINT) FROM ("
        "SELECT account, identity, division, amount_fen AS balance, 0 AS posted, postings AS lines, 0 AS counted"
        " FROM balance UNION ALL "
        "SELECT account, identity, division, 0, SUM(amount_fen), 0, COUNT(*) FROM posting"
        " GROUP BY account, identity, division) a GROUP BY a.account, a.identity, a.division"
        " ORDER BY a.account, a.identity, a.division",
        NULL, 0, verify->page, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++) {
        verify->looked_at += row_i64(&rows, i, 6);
        if (row_i64(&rows, i, 3) == row_i64(&rows, i, 4) && row_i64(&rows, i, 5) == row_i64(&rows, i, 6)) continue;
        verify_broken(verify, "balance of %s %s %s is %lld fen in %lld postings; its postings are %lld fen in %lld",
                      row_text(&rows, i, 0), row_text(&rows, i, 1), row_text(&rows, i, 2),
                      (long long)row_i64(&rows, i, 3), (long long)row_i64(&rows, i, 5), (long long)row_i64(&rows, i, 4),
                      (long long)row_i64(&rows, i, 6));
    }
    return rc;
}

// The body of an entry is what subscribers see; the posting rows are what reports sum. Both must tell the same.
static int rows_equal_entries(verify_t *verify, err_t *err) {
    rows_t rows;
    arena_reset(verify->page);
    int rc =
        store_query(verify->settlement,
                    "SELECT p.partition, p.number FROM posting p LEFT JOIN journal j ON j.partition = p.partition AND"
                    " j.number = p.number WHERE j.number IS NULL LIMIT 100",
                    NULL, 0, verify->page, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++)
        verify_broken(verify, "posting %lld/%lld belongs to no entry", (long long)row_i64(&rows, i, 0),
                      (long long)row_i64(&rows, i, 1));
    return rc;
}

int verify_ledger(verify_t *verify, err_t *err) {
    int rc = entries_sum_to_zero(verify, err);
    if (!rc) rc = balances_are_sums(verify, err);
    if (!rc) rc = rows_equal_entries(verify, err);
    return rc;
}

// ---- posted exactly once
// ----------------------------------------------------------------------------------------------

typedef struct cause { // what the ledger must hold of one source event
    const char *reference;
    int64_t total_fen, fund_fen;
} cause_t;

typedef struct source {
    const char *service;
    store_t *store;
    const char *sql; // $1 partition, $2 after, $3 limit → (number, body), the events that must be posted
    const ProtobufCMessageDescriptor *type;
} source_t;

static cause_t cause_of(const source_t *source, const ProtobufCMessage *message) {
    if (source->type == &tc__decision__descriptor) {
        const Tc__Decision *d = (const Tc__Decision *)message;
        return (cause_t){d->bill, d->total_fen, d->fund_fen};
    }
    const Tc__Receipt *r = (const Tc__Receipt *)message;
    return (cause_t){r->receipt, r->amount_fen, r->amount_fen};
}

static int64_t debits(const Tc__JournalEntry *entry) {
    int64_t sum = 0;
    for (size_t i = 0; i < entry->n_postings; i++)
        if (entry->postings[i]->amount_fen > 0) sum += entry->postings[i]->amount_fen;
    return sum;
}

static int check_entry(verify_t *verify, const source_t *source, int64_t partition, int64_t number,
                       const cause_t *cause, rows_t *found, size_t row, err_t *err) {
    size_t bytes;
    const void *body = row_blob(found, row, 2, &bytes);
    ProtobufCMessage *message = NULL;
    int rc = message_unpack(&message, &tc__journal_entry__descriptor, body, bytes, verify->work, err);
    if (rc) return rc;
    const Tc__JournalEntry *entry = (const Tc__JournalEntry *)message;
    if (strcmp(entry->reference, cause->reference) != 0 || entry->total_fen != cause->total_fen ||
        debits(entry) != cause->fund_fen)
        verify_broken(verify, "%s %s (%s %lld/%lld) has %lld fen to post, its entry %s has %lld", source->service,
                      cause->reference, source->service, (long long)partition, (long long)number,
                      (long long)cause->fund_fen, entry->reference, (long long)debits(entry));
    return E_OK;
}

// One page of causes against the entries that name them.
static int check_page(verify_t *verify, const source_t *source, int64_t partition, const rows_t *causes, err_t *err) {
    rows_t keys, found;
    rows_init(&keys, verify->page, 3);
    for (size_t i = 0; i < causes->count; i++) {
        cell_t *key = rows_add(&keys);
        if (!key) return err_set(err, E_IO, "out of memory");
        key[0] = cell_text(source->service);
        key[1] = cell_i64(partition);
        key[2] = cell_i64(row_i64(causes, i, 0));
    }
    int rc = store_each_query(verify->settlement,
                              "SELECT number, body FROM journal WHERE source_service = $1 AND source_partition = $2"
                              " AND source_number = $3",
                              &keys, verify->page, &found, err);
    for (size_t i = 0, at = 0; !rc && i < causes->count; i++) {
        size_t bytes, entries = 0;
        const void *body = row_blob(causes, i, 1, &bytes);
        ProtobufCMessage *message = NULL;
        arena_reset(verify->work);
        rc = message_unpack(&message, source->type, body, bytes, verify->work, err);
        if (rc) break;
        const cause_t cause = cause_of(source, message);
        for (; !rc && at < found.count && row_i64(&found, at, 0) == (int64_t)i; at++, entries++)
            rc = check_entry(verify, source, partition, row_i64(causes, i, 0), &cause, &found, at, err);
        if (!rc && entries != 1)
            verify_broken(verify, "%s %s (%s %lld/%lld) is posted %zu times, once was expected", source->service,
                          cause.reference, source->service, (long long)partition, (long long)row_i64(causes, i, 0),
                          entries);
    }
    return rc;
}

static int check_source(verify_t *verify, const source_t *source, err_t *err) {
    int rc = E_OK;
    for (int64_t partition = 0; !rc && partition < PARTITIONS; partition++) {
        int64_t after = 0;
        rows_t causes = {0};
        do {
            const cell_t params[] = {cell_i64(partition), cell_i64(after), cell_i64(VERIFY_PAGE)};
            arena_reset(verify->page);
            rc = store_query(source->store, source->sql, params, COUNT_OF(params), verify->page, &causes, err);
            if (!rc) rc = check_page(verify, source, partition, &causes, err);
            if (rc || !causes.count) break;
            after = row_i64(&causes, causes.count - 1, 0);
            verify->looked_at += (long long)causes.count;
        } while (causes.count == VERIFY_PAGE);
    }
    return rc;
}

// No entry without its cause: the counts must agree too.
static int no_more_entries(verify_t *verify, long long causes, err_t *err) {
    rows_t rows;
    arena_reset(verify->page);
    int rc = store_query(verify->settlement, "SELECT COUNT(*) FROM journal", NULL, 0, verify->page, &rows, err);
    if (!rc && row_i64(&rows, 0, 0) != causes)
        verify_broken(verify, "the journal has %lld entries for %lld causes", (long long)row_i64(&rows, 0, 0), causes);
    return rc;
}

int verify_posted(verify_t *verify, err_t *err) {
    const source_t sources[] = {
        {"adjudication", verify->adjudication,
         "SELECT number, body FROM decision WHERE partition = $1 AND number > $2 ORDER BY number LIMIT $3",
         &tc__decision__descriptor},
        {"collection", verify->collection,
         "SELECT number, body FROM event WHERE partition = $1 AND number > $2 AND topic = 'contribution.received' "
         "ORDER BY number LIMIT $3",
         &tc__receipt__descriptor},
    };
    int rc = E_OK;
    for (size_t i = 0; !rc && i < COUNT_OF(sources); i++) rc = check_source(verify, &sources[i], err);
    return rc ? rc : no_more_entries(verify, verify->looked_at, err);
}
