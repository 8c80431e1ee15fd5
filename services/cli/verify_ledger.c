// The ledger: entries, each chained to the one before, the posting rows of each, and the balances.
#include "common/base/hash.h"
#include "services/settlement/chain.h"
#include "settlement.pb-c.h"
#include "verify.h"
#include <string.h>

// Rows in the order of their keys, page by page.
typedef struct lines {
    rows_t rows; // in the arena `side`
    size_t at;
    int64_t partition, number, line; // the last key of the page
    bool end;
} lines_t;

enum { L_PARTITION, L_NUMBER, L_LINE, L_ACCOUNT, L_IDENTITY, L_DIVISION, L_PARTY, L_AMOUNT, L_FUND, L_YEAR };
enum { PARTITION, NUMBER, REFERENCE, KIND, SOURCE, SOURCE_PARTITION, SOURCE_NUMBER, AT_MS, VALUE_DATE, BODY, CHAIN };

static int turn_page(verify_t *verify, lines_t *lines, err_t *err) {
    const cell_t params[] = {cell_i64(lines->partition), cell_i64(lines->number), cell_i64(lines->line),
                             cell_i64(VERIFY_PAGE)};
    arena_reset(verify->side);
    int rc = verify_query(verify->settlement, "iiittttiti",
                          "SELECT partition, number, line, account, identity, division, party, amount_fen, fund, year"
                          " FROM posting"
                          " WHERE (partition, number, line) > ($1, $2, $3) ORDER BY partition, number, line LIMIT $4",
                          params, COUNT_OF(params), verify->side, &lines->rows, err);
    if (rc) return rc;
    size_t count = lines->rows.count;
    verify->looked_at += (long long)count;
    lines->at = 0;
    lines->end = count == 0;
    if (lines->end) return E_OK;
    lines->partition = row_i64(&lines->rows, count - 1, L_PARTITION);
    lines->number = row_i64(&lines->rows, count - 1, L_NUMBER);
    lines->line = row_i64(&lines->rows, count - 1, L_LINE);
    return E_OK;
}

static int next_line(verify_t *verify, lines_t *lines, err_t *err) {
    return ++lines->at < lines->rows.count ? E_OK : turn_page(verify, lines, err);
}

// Whether the line at hand belongs before (−1), to (0) or behind (1) an entry.
static int place_of_line(const lines_t *lines, int64_t partition, int64_t number) {
    if (lines->end) return 1;
    int64_t p = row_i64(&lines->rows, lines->at, L_PARTITION), n = row_i64(&lines->rows, lines->at, L_NUMBER);
    if (p != partition) return p < partition ? -1 : 1;
    return n < number ? -1 : n > number;
}

static int skip_orphans(verify_t *verify, lines_t *lines, int64_t partition, int64_t number, err_t *err) {
    int rc = E_OK;
    while (!rc && place_of_line(lines, partition, number) < 0) {
        verify_broken(verify, "posting %lld/%lld line %lld belongs to no entry",
                      (long long)row_i64(&lines->rows, lines->at, L_PARTITION),
                      (long long)row_i64(&lines->rows, lines->at, L_NUMBER),
                      (long long)row_i64(&lines->rows, lines->at, L_LINE));
        rc = next_line(verify, lines, err);
    }
    return rc;
}

static bool same_posting(const Tc__Posting *posting, const rows_t *rows, size_t row) {
    return strcmp(posting->account, row_text(rows, row, L_ACCOUNT)) == 0 &&
           strcmp(posting->identity, row_text(rows, row, L_IDENTITY)) == 0 &&
           strcmp(posting->division, row_text(rows, row, L_DIVISION)) == 0 &&
           strcmp(posting->party, row_text(rows, row, L_PARTY)) == 0 &&
           strcmp(posting->fund, row_text(rows, row, L_FUND)) == 0 && posting->year == row_i64(rows, row, L_YEAR) &&
           posting->amount_fen == row_i64(rows, row, L_AMOUNT);
}

// The body of an entry is what subscribers see; the posting rows are what reports sum. Line by line they must be one.
static int check_lines(verify_t *verify, lines_t *lines, const char *name, const Tc__JournalEntry *entry,
                       const rows_t *rows, size_t row, err_t *err) {
    int64_t partition = row_i64(rows, row, PARTITION), number = row_i64(rows, row, NUMBER);
    size_t count = 0;
    fen_t sum = 0;
    int rc = skip_orphans(verify, lines, partition, number, err);
    for (; !rc && place_of_line(lines, partition, number) == 0; count++) {
        int64_t line = row_i64(&lines->rows, lines->at, L_LINE);
        sum = verify_sum(sum, row_i64(&lines->rows, lines->at, L_AMOUNT));
        if (entry && count < entry->n_postings &&
            (line != (int64_t)count + 1 || !same_posting(entry->postings[count], &lines->rows, lines->at)))
            verify_broken(verify, "%s: its posting line %lld is not what its body says", name, (long long)line);
        rc = next_line(verify, lines, err);
    }
    if (!rc && entry && count != entry->n_postings)
        verify_broken(verify, "%s has %zu postings, its body says %zu", name, count, entry->n_postings);
    if (!rc && sum != 0) verify_broken(verify, "%s sums to %lld fen, not to zero", name, (long long)sum);
    return rc;
}

static fen_t sum_of_fund(const Tc__JournalEntry *entry, const char *fund) {
    fen_t sum = 0;
    for (size_t i = 0; i < entry->n_postings; i++)
        if (strcmp(entry->postings[i]->fund, fund) == 0) sum = verify_sum(sum, entry->postings[i]->amount_fen);
    return sum;
}

static void check_columns(verify_t *verify, const char *name, const Tc__JournalEntry *entry, const rows_t *rows,
                          size_t row) {
    if (strcmp(entry->reference, row_text(rows, row, REFERENCE)) != 0 ||
        strcmp(entry->kind, row_text(rows, row, KIND)) != 0 ||
        strcmp(entry->source_service, row_text(rows, row, SOURCE)) != 0 ||
        entry->source_partition != row_i64(rows, row, SOURCE_PARTITION) ||
        entry->source_number != row_i64(rows, row, SOURCE_NUMBER) ||
        strcmp(entry->value_date, row_text(rows, row, VALUE_DATE)) != 0 ||
        entry->posted_ms != row_i64(rows, row, AT_MS))
        verify_broken(verify, "%s: its columns are not what its body says, which is %s %s of %s", name, entry->kind,
                      entry->reference, entry->value_date);
    if (row_i64(rows, row, PARTITION) != row_i64(rows, row, SOURCE_PARTITION))
        verify_broken(verify, "%s stands in another partition than its cause, %lld", name,
                      (long long)row_i64(rows, row, SOURCE_PARTITION));
    if (strcmp(entry->source_service, "settlement") == 0 && entry->source_number != row_i64(rows, row, NUMBER))
        verify_broken(verify, "%s names another place as its own: %lld", name, (long long)entry->source_number);
    for (size_t i = 0; i < entry->n_postings; i++) {
        const fen_t sum = sum_of_fund(entry, entry->postings[i]->fund);
        if (sum == 0) continue;
        verify_broken(verify, "%s: the postings of its body sum to %lld fen in fund \"%s\"", name, (long long)sum,
                      entry->postings[i]->fund);
        break;
    }
}

// What the row is chained to, in the order of the rows.
typedef struct links {
    chain_t *chain;
    int64_t partition, number;
    uint8_t before[CHAIN_BYTES];
} links_t;

// The first row of a partition that was changed, moved or taken out breaks here, and is named. The next is measured by
// what this one says, so that one change is told once.
static int check_chain(verify_t *verify, links_t *links, const char *name, const rows_t *rows, size_t row, err_t *err) {
    uint8_t expected[CHAIN_BYTES];
    size_t bytes = 0;
    chain_row_t link = {.partition = row_i64(rows, row, PARTITION),
                        .number = row_i64(rows, row, NUMBER),
                        .reference = row_text(rows, row, REFERENCE),
                        .kind = row_text(rows, row, KIND),
                        .source_service = row_text(rows, row, SOURCE),
                        .source_partition = row_i64(rows, row, SOURCE_PARTITION),
                        .source_number = row_i64(rows, row, SOURCE_NUMBER),
                        .at_ms = row_i64(rows, row, AT_MS),
                        .value_date = row_text(rows, row, VALUE_DATE)};
    link.body = row_blob(rows, row, BODY, &link.body_bytes);
    if (link.partition != links->partition) {
        memset(links->before, 0, CHAIN_BYTES);
        links->number = 0;
    }
    int rc = chain_row(links->chain, links->before, &link, expected, err);
    if (rc) return rc;
    const void *chain = row_blob(rows, row, CHAIN, &bytes);
    if (bytes != CHAIN_BYTES)
        verify_broken(verify, "%s is not chained", name);
    else if (memcmp(chain, expected, CHAIN_BYTES) != 0)
        verify_broken(verify, "%s breaks the chain: it, or its place behind %lld/%lld, is not what was booked", name,
                      (long long)link.partition, (long long)links->number);
    memcpy(links->before, bytes == CHAIN_BYTES ? chain : expected, CHAIN_BYTES);
    links->partition = link.partition, links->number = link.number;
    return E_OK;
}

static int check_entry(verify_t *verify, lines_t *lines, links_t *links, const rows_t *rows, size_t row, err_t *err) {
    char name[VERIFY_NAME_MAX];
    snprintf(name, sizeof name, "entry %lld/%lld (%.64s)", (long long)row_i64(rows, row, PARTITION),
             (long long)row_i64(rows, row, NUMBER), row_text(rows, row, REFERENCE));
    arena_reset(verify->work);
    const Tc__JournalEntry *entry =
        (const Tc__JournalEntry *)verify_message(verify, &tc__journal_entry__descriptor, rows, row, BODY, name);
    if (entry) check_columns(verify, name, entry, rows, row);
    int rc = check_chain(verify, links, name, rows, row, err);
    return rc ? rc : check_lines(verify, lines, name, entry, rows, row, err);
}

static int entries_equal_rows(verify_t *verify, links_t *links, err_t *err) {
    lines_t lines = {.partition = INT64_MIN};
    int64_t partition = INT64_MIN, number = 0;
    rows_t rows = {0};
    int rc = turn_page(verify, &lines, err);
    if (rc) return rc;
    do {
        const cell_t params[] = {cell_i64(partition), cell_i64(number), cell_i64(VERIFY_PAGE)};
        arena_reset(verify->page);
        rc = verify_query(
            verify->settlement, "iitttiiitbb",
            "SELECT partition, number, reference, kind, source_service, source_partition, source_number,"
            " at_ms, value_date, body, COALESCE(chain, body) FROM journal WHERE (partition, number) > ($1, $2)"
            " ORDER BY partition, number LIMIT $3",
            params, COUNT_OF(params), verify->page, &rows, err);
        for (size_t i = 0; !rc && i < rows.count; i++) rc = check_entry(verify, &lines, links, &rows, i, err);
        if (rc || !rows.count) break;
        partition = row_i64(&rows, rows.count - 1, PARTITION);
        number = row_i64(&rows, rows.count - 1, NUMBER);
    } while (rows.count == VERIFY_PAGE);
    return rc ? rc : skip_orphans(verify, &lines, INT64_MAX, INT64_MAX, err);
}

static int balances_are_sums(verify_t *verify, err_t *err) {
    rows_t rows;
    arena_reset(verify->page);
    int rc = verify_query(
        verify->settlement, "ttittiiii",
        "SELECT a.account, a.fund, a.year, a.identity, a.division, CAST(SUM(a.balance) AS BIGINT),"
        " CAST(SUM(a.posted) AS BIGINT), CAST(SUM(a.lines) AS BIGINT), CAST(SUM(a.counted) AS BIGINT) FROM ("
        "SELECT account, fund, year, identity, division, amount_fen AS balance, 0 AS posted, postings AS lines,"
        " 0 AS counted FROM balance UNION ALL "
        "SELECT account, fund, year, identity, division, 0, SUM(amount_fen), 0, COUNT(*) FROM posting"
        " GROUP BY account, fund, year, identity, division) a"
        " GROUP BY a.account, a.fund, a.year, a.identity, a.division"
        " ORDER BY a.account, a.fund, a.year, a.identity, a.division",
        NULL, 0, verify->page, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++) {
        if (row_i64(&rows, i, 5) == row_i64(&rows, i, 6) && row_i64(&rows, i, 7) == row_i64(&rows, i, 8)) continue;
        verify_broken(
            verify, "balance of %s %s %lld %s %s is %lld fen in %lld postings; its postings are %lld fen in %lld",
            row_text(&rows, i, 0), row_text(&rows, i, 1), (long long)row_i64(&rows, i, 2), row_text(&rows, i, 3),
            row_text(&rows, i, 4), (long long)row_i64(&rows, i, 5), (long long)row_i64(&rows, i, 7),
            (long long)row_i64(&rows, i, 6), (long long)row_i64(&rows, i, 8));
    }
    return rc;
}

static int funds_sum_to_zero(verify_t *verify, err_t *err) {
    rows_t rows;
    arena_reset(verify->page);
    int rc = verify_query(verify->settlement, "ti",
                          "SELECT fund, CAST(SUM(amount_fen) AS BIGINT) FROM balance GROUP BY fund"
                          " HAVING SUM(amount_fen) <> 0 ORDER BY fund",
                          NULL, 0, verify->page, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++)
        verify_broken(verify, "the accounts of fund \"%s\" sum to %lld fen, not to zero", row_text(&rows, i, 0),
                      (long long)row_i64(&rows, i, 1));
    return rc;
}

int verify_ledger(verify_t *verify, err_t *err) {
    links_t links = {.partition = INT64_MIN};
    int rc = chain_new(&links.chain, err);
    if (!rc) rc = entries_equal_rows(verify, &links, err);
    chain_destroy(&links.chain);
    if (!rc) rc = balances_are_sums(verify, err);
    return rc ? rc : funds_sum_to_zero(verify, err);
}
