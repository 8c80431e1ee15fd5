// Collection's books: bills and the receipts that pay them, each held against the other, against the events that told
// of them and against the journal.
#include "collection.pb-c.h"
#include "common/base/hash.h"
#include "common/wire/message.h"
#include "verify.h"
#include <string.h>

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

// ---- contribution bills

enum { PARTITION, PERSON, PERIOD, IDENTITY, EMPLOYER, TOTAL, PAID_ON, RECEIPT, BODY, OWN };

static const char *bill_name(char name[static 2 * VERIFY_NAME_MAX], const rows_t *rows, size_t row) {
    snprintf(name, 2 * VERIFY_NAME_MAX, "contribution bill %.64s %.16s", row_text(rows, row, PERSON),
             row_text(rows, row, PERIOD));
    return name;
}

static fen_t lines_of(const Tc__ContributionBill *bill) {
    fen_t sum = 0;
    for (size_t i = 0; i < bill->n_lines; i++) sum = verify_sum(sum, bill->lines[i]->amount_fen);
    return sum;
}

// What a receipt brings of a bill: the lines of employer and person; of those who have none, the unemployment fund's.
static bool is_own(const Tc__ContributionBill *bill, const Tc__ContributionLine *line) {
    bool payers = false;
    for (size_t i = 0; i < bill->n_lines; i++)
        payers |= strcmp(bill->lines[i]->payer, "employer") == 0 || strcmp(bill->lines[i]->payer, "person") == 0;
    if (!payers) return strcmp(line->payer, "unemployment_fund") == 0;
    return strcmp(line->payer, "employer") == 0 || strcmp(line->payer, "person") == 0;
}

static fen_t own_of(const Tc__ContributionBill *bill) {
    fen_t sum = 0;
    for (size_t i = 0; i < bill->n_lines; i++)
        if (is_own(bill, bill->lines[i])) sum = verify_sum(sum, bill->lines[i]->amount_fen);
    return sum;
}

static void check_bill(verify_t *verify, const rows_t *rows, size_t row) {
    char name[2 * VERIFY_NAME_MAX];
    bill_name(name, rows, row);
    arena_reset(verify->work);
    const Tc__ContributionBill *bill =
        (const Tc__ContributionBill *)verify_message(verify, &tc__contribution_bill__descriptor, rows, row, BODY, name);
    int64_t total = row_i64(rows, row, TOTAL);
    if (!bill) return;
    if (strcmp(bill->person, row_text(rows, row, PERSON)) != 0 ||
        strcmp(bill->period, row_text(rows, row, PERIOD)) != 0 ||
        strcmp(bill->identity, row_text(rows, row, IDENTITY)) != 0 ||
        strcmp(bill->employer, row_text(rows, row, EMPLOYER)) != 0)
        verify_broken(verify, "%s: its columns are not what its body says", name);
    if (partition_of(row_text(rows, row, PERSON)) != row_i64(rows, row, PARTITION))
        verify_broken(verify, "%s stands in partition %lld, it belongs into %u", name,
                      (long long)row_i64(rows, row, PARTITION), partition_of(row_text(rows, row, PERSON)));
    if (bill->total_fen != total || lines_of(bill) != total)
        verify_broken(verify, "%s is stored as %lld fen, its body says %lld, its lines add up to %lld", name,
                      (long long)total, (long long)bill->total_fen, (long long)lines_of(bill));
    // What was paid before shares were kept apart was paid whole.
    const bool whole = *row_text(rows, row, PAID_ON) && row_i64(rows, row, OWN) == total;
    if (row_i64(rows, row, OWN) != own_of(bill) && !whole)
        verify_broken(verify, "%s: its payer owes %lld fen as stored, %lld by its lines", name,
                      (long long)row_i64(rows, row, OWN), (long long)own_of(bill));
    if (!*row_text(rows, row, PAID_ON) != !*row_text(rows, row, RECEIPT))
        verify_broken(verify, "%s: paid on \"%s\" with receipt \"%s\", both or neither was expected", name,
                      row_text(rows, row, PAID_ON), row_text(rows, row, RECEIPT));
}

// A person may have paid under a number that was merged into this one since.
static void check_payment(verify_t *verify, const rows_t *bills, size_t row, const rows_t *receipts, size_t at) {
    char name[2 * VERIFY_NAME_MAX];
    const char *employer = row_text(bills, row, EMPLOYER), *person = row_text(bills, row, PERSON);
    const bool same = strcmp(row_text(receipts, at, 1), *employer ? employer : person) == 0 ||
                      (!*employer && strcmp(row_text(receipts, at, 4), person) == 0);
    if (!same || strcmp(row_text(receipts, at, 2), row_text(bills, row, PERIOD)) != 0 ||
        strcmp(row_text(receipts, at, 3), row_text(bills, row, PAID_ON)) != 0)
        verify_broken(verify, "%s, paid on \"%s\": receipt %s is of %s for %s on %s", bill_name(name, bills, row),
                      row_text(bills, row, PAID_ON), row_text(bills, row, RECEIPT), row_text(receipts, at, 1),
                      row_text(receipts, at, 2), row_text(receipts, at, 3));
}

static int check_payments(verify_t *verify, const rows_t *bills, err_t *err) {
    rows_t keys, found;
    rows_init(&keys, verify->page, 1);
    for (size_t i = 0; i < bills->count; i++) {
        cell_t *key = rows_add(&keys);
        if (!key) return no_memory(err);
        key[0] = cell_text(row_text(bills, i, RECEIPT));
    }
    int rc = verify_each(verify->collection, "tttt",
                         "SELECT r.payer, r.period, r.paid_on, COALESCE(m.into_person, '') FROM receipt r"
                         " LEFT JOIN merged m ON m.person = r.payer WHERE r.receipt = $1",
                         &keys, verify->page, &found, err);
    for (size_t i = 0, at = 0; !rc && i < bills->count; i++) {
        char name[2 * VERIFY_NAME_MAX];
        bool there = at < found.count && row_i64(&found, at, 0) == (int64_t)i;
        if (there)
            check_payment(verify, bills, i, &found, at++);
        else if (*row_text(bills, i, RECEIPT))
            verify_broken(verify, "%s names receipt %s, which is not there", bill_name(name, bills, i),
                          row_text(bills, i, RECEIPT));
    }
    return rc;
}

int verify_bills(verify_t *verify, err_t *err) {
    int64_t partition = INT64_MIN;
    char person[VERIFY_NAME_MAX] = "", period[VERIFY_NAME_MAX] = "";
    rows_t rows = {0};
    do {
        const cell_t params[] = {cell_i64(partition), cell_text(person), cell_text(period), cell_i64(VERIFY_PAGE)};
        arena_reset(verify->page);
        int rc = verify_query(verify->collection, "ittttittbi",
                              "SELECT partition, person, period, identity, employer, total_fen, paid_on, receipt, body,"
                              " own_fen FROM bill WHERE (partition, person, period) > ($1, $2, $3)"
                              " ORDER BY partition, person, period LIMIT $4",
                              params, COUNT_OF(params), verify->page, &rows, err);
        for (size_t i = 0; !rc && i < rows.count; i++) check_bill(verify, &rows, i);
        if (!rc) rc = check_payments(verify, &rows, err);
        if (rc || !rows.count) return rc;
        partition = row_i64(&rows, rows.count - 1, PARTITION);
        rc = verify_keep(person, row_text(&rows, rows.count - 1, PERSON), err);
        if (!rc) rc = verify_keep(period, row_text(&rows, rows.count - 1, PERIOD), err);
        if (rc) return rc;
        verify->looked_at += (long long)rows.count;
    } while (rows.count == VERIFY_PAGE);
    return E_OK;
}

// ---- receipts: what they say against the bills that name them

enum { R_NUMBER, R_PAYER, R_PERIOD, R_AMOUNT, R_PAID_ON, R_BODY };

typedef struct tally { // what the bills of one receipt add up to
    const Tc__Receipt *receipt;
    fen_t *parts; // as many as the receipt has
    fen_t total;
    int64_t bills;
    bool stray; // a line that no part of the receipt speaks of
} tally_t;

static void tally_bill(tally_t *tally, const Tc__ContributionBill *bill, fen_t own) {
    const Tc__Receipt *receipt = tally->receipt;
    for (size_t i = 0; i < bill->n_lines; i++) {
        const Tc__ContributionLine *line = bill->lines[i];
        if (own != bill->total_fen && !is_own(bill, line)) continue;
        size_t at = 0;
        while (at < receipt->n_parts && (strcmp(receipt->parts[at]->item, line->item) != 0 ||
                                         strcmp(receipt->parts[at]->payer, line->payer) != 0 ||
                                         strcmp(receipt->parts[at]->identity, bill->identity) != 0 ||
                                         strcmp(receipt->parts[at]->division, bill->division) != 0))
            at++;
        if (at < receipt->n_parts)
            tally->parts[at] = verify_sum(tally->parts[at], line->amount_fen);
        else
            tally->stray = true;
        tally->total = verify_sum(tally->total, line->amount_fen);
    }
    tally->bills++;
}

// The bills of an employer's receipt, or the one of a person's: each way has its index. Memory: one page of them.
static int tally_bills(verify_t *verify, tally_t *tally, const char *sql, err_t *err) {
    const Tc__Receipt *receipt = tally->receipt;
    int64_t partition = INT64_MIN;
    char person[VERIFY_NAME_MAX] = "";
    rows_t rows = {0};
    do {
        const cell_t params[] = {cell_i64(partition_of(receipt->payer)),
                                 cell_text(receipt->payer),
                                 cell_text(receipt->period),
                                 cell_text(receipt->receipt),
                                 cell_i64(partition),
                                 cell_text(person),
                                 cell_i64(VERIFY_PAGE)};
        arena_reset(verify->side);
        int rc = verify_query(verify->collection, "itbi", sql, params, COUNT_OF(params), verify->side, &rows, err);
        for (size_t i = 0; !rc && i < rows.count; i++) {
            ProtobufCMessage *bill = NULL;
            size_t bytes;
            const void *body = row_blob(&rows, i, 2, &bytes);
            // What cannot be read has been named with the bills; here its amount is missing.
            if (message_unpack(&bill, &tc__contribution_bill__descriptor, body, bytes, verify->side, NULL) == E_OK)
                tally_bill(tally, (const Tc__ContributionBill *)bill, row_i64(&rows, i, 3));
        }
        if (rc || !rows.count) return rc;
        partition = row_i64(&rows, rows.count - 1, 0);
        rc = verify_keep(person, row_text(&rows, rows.count - 1, 1), err);
        if (rc) return rc;
    } while (rows.count == VERIFY_PAGE);
    return E_OK;
}

#define OF_EMPLOYER                                                                                                    \
    "SELECT partition, person, body, own_fen FROM bill WHERE $1 >= 0 AND employer = $2 AND period = $3 AND receipt = " \
    "$4"                                                                                                               \
    " AND (partition, person) > ($5, $6) ORDER BY partition, person LIMIT $7"
#define OF_PERSON                                                                                                      \
    "SELECT partition, person, body, own_fen FROM bill WHERE partition = $1 AND person = $2 AND period = $3 AND "      \
    "employer = ''"                                                                                                    \
    " AND receipt = $4 AND (partition, person) > ($5, $6) ORDER BY partition, person LIMIT $7"

// Of a number that was merged into another one since; and those that were taken out of the receipt.
#define OF_MERGED                                                                                                      \
    "SELECT b.partition, b.person, b.body, b.own_fen FROM merged m JOIN bill b ON b.partition = m.into_partition"      \
    " AND b.person = m.into_person WHERE $1 >= 0 AND m.person = $2 AND b.period = $3 AND b.employer = ''"              \
    " AND b.receipt = $4 AND (b.partition, b.person) > ($5, $6) ORDER BY b.partition, b.person LIMIT $7"
#define OF_WITHDRAWN                                                                                                   \
    "SELECT CAST(0 AS BIGINT), number, body, amount_fen FROM withdrawn WHERE $1 >= 0 AND $2 <> '' AND period = $3"     \
    " AND receipt = $4 AND (0, number) > ($5, $6) ORDER BY number LIMIT $7"

static int was_returned(verify_t *verify, const Tc__Receipt *receipt, bool *returned, err_t *err) {
    const cell_t params[] = {cell_text(receipt->receipt)};
    rows_t rows;
    arena_reset(verify->side);
    int rc =
        verify_query(verify->collection, "i", "SELECT amount_fen FROM refund WHERE receipt = $1 AND source = 'receipt'",
                     params, COUNT_OF(params), verify->side, &rows, err);
    *returned = rc == 0 && rows.count > 0;
    if (*returned && row_i64(&rows, 0, 0) != receipt->amount_fen - receipt->credit_fen)
        verify_broken(verify, "receipt %s: %lld fen were returned, %lld were received", receipt->receipt,
                      (long long)row_i64(&rows, 0, 0), (long long)(receipt->amount_fen - receipt->credit_fen));
    return rc;
}

// Whoever got the money back owes the bills again: none names the receipt then.
static int check_sums(verify_t *verify, const Tc__Receipt *receipt, err_t *err) {
    tally_t tally = {.receipt = receipt, .parts = arena_alloc(verify->work, (receipt->n_parts + 1) * sizeof(fen_t))};
    fen_t parts = 0;
    bool same = true, returned = false;
    if (!tally.parts) return no_memory(err);
    int rc = tally_bills(verify, &tally, OF_PERSON, err);
    if (!rc) rc = tally_bills(verify, &tally, OF_EMPLOYER, err);
    if (!rc) rc = tally_bills(verify, &tally, OF_MERGED, err);
    if (!rc) rc = tally_bills(verify, &tally, OF_WITHDRAWN, err);
    if (!rc) rc = was_returned(verify, receipt, &returned, err);
    if (rc) return rc;
    if (returned) {
        if (tally.bills)
            verify_broken(verify, "receipt %s was returned, %lld bills name it", receipt->receipt,
                          (long long)tally.bills);
        return E_OK;
    }
    for (size_t i = 0; i < receipt->n_parts; i++) {
        parts = verify_sum(parts, receipt->parts[i]->amount_fen);
        same &= tally.parts[i] == receipt->parts[i]->amount_fen;
    }
    if (tally.bills != receipt->bills || tally.total != receipt->amount_fen)
        verify_broken(verify, "receipt %s is of %lld fen for %d bills; %lld bills of %lld fen name it",
                      receipt->receipt, (long long)receipt->amount_fen, receipt->bills, (long long)tally.bills,
                      (long long)tally.total);
    else if (parts != receipt->amount_fen || !same || tally.stray)
        verify_broken(verify, "receipt %s: its parts are not the lines of its bills", receipt->receipt);
    return E_OK;
}

static int check_receipt(verify_t *verify, const rows_t *rows, size_t row, err_t *err) {
    char name[VERIFY_NAME_MAX];
    snprintf(name, sizeof name, "receipt %.64s", row_text(rows, row, R_NUMBER));
    arena_reset(verify->work);
    const Tc__Receipt *receipt =
        (const Tc__Receipt *)verify_message(verify, &tc__receipt__descriptor, rows, row, R_BODY, name);
    if (!receipt) return E_OK;
    if (strcmp(receipt->receipt, row_text(rows, row, R_NUMBER)) != 0 ||
        strcmp(receipt->payer, row_text(rows, row, R_PAYER)) != 0 ||
        strcmp(receipt->period, row_text(rows, row, R_PERIOD)) != 0 ||
        strcmp(receipt->paid_on, row_text(rows, row, R_PAID_ON)) != 0 ||
        receipt->amount_fen != row_i64(rows, row, R_AMOUNT)) {
        verify_broken(verify, "%s: its columns are not what its body says", name);
        return E_OK;
    }
    return check_sums(verify, receipt, err);
}

// What a receipt says of the payer's credit is what the credit says of the receipt.
static int check_credits(verify_t *verify, const rows_t *rows, err_t *err) {
    rows_t keys, moves;
    rows_init(&keys, verify->page, 1);
    for (size_t i = 0; i < rows->count; i++) {
        cell_t *key = rows_add(&keys);
        if (!key) return no_memory(err);
        key[0] = cell_text(row_text(rows, i, R_NUMBER));
    }
    int rc = verify_each(verify->collection, "i",
                         "SELECT CAST(COALESCE(SUM(-amount_fen), 0) AS BIGINT) FROM credit_move"
                         " WHERE receipt = $1 AND move = 'match'",
                         &keys, verify->page, &moves, err);
    for (size_t i = 0; !rc && i < rows->count; i++) {
        ProtobufCMessage *message = NULL;
        size_t bytes;
        const void *body = row_blob(rows, i, R_BODY, &bytes);
        arena_reset(verify->work);
        // What cannot be read has been named.
        if (message_unpack(&message, &tc__receipt__descriptor, body, bytes, verify->work, NULL)) continue;
        const Tc__Receipt *receipt = (const Tc__Receipt *)message;
        if (receipt->credit_fen != row_i64(&moves, i, 1) || receipt->credit_fen < 0 ||
            receipt->credit_fen > receipt->amount_fen)
            verify_broken(verify, "receipt %s of %lld fen says %lld of credit, of which %lld were taken",
                          receipt->receipt, (long long)receipt->amount_fen, (long long)receipt->credit_fen,
                          (long long)row_i64(&moves, i, 1));
    }
    return rc;
}

// ---- receipts against the events that told of them: the entry in the journal names the event

static int entries_of(verify_t *verify, const rows_t *receipts, rows_t *entries, err_t *err) {
    rows_t keys;
    rows_init(&keys, verify->page, 1);
    for (size_t i = 0; i < receipts->count; i++) {
        cell_t *key = rows_add(&keys);
        if (!key) return no_memory(err);
        key[0] = cell_text(row_text(receipts, i, R_NUMBER));
    }
    return verify_each(verify->settlement, "ii",
                       "SELECT source_partition, source_number FROM journal WHERE reference = $1"
                       " AND kind = 'contribution' AND source_service = 'collection' LIMIT 3",
                       &keys, verify->page, entries, err);
}

static int events_of(verify_t *verify, const rows_t *entries, rows_t *events, err_t *err) {
    rows_t keys;
    rows_init(&keys, verify->page, 2);
    for (size_t i = 0; i < entries->count; i++) {
        cell_t *key = rows_add(&keys);
        if (!key) return no_memory(err);
        key[0] = cell_i64(row_i64(entries, i, 1));
        key[1] = cell_i64(row_i64(entries, i, 2));
    }
    return verify_each(verify->collection, "b",
                       "SELECT body FROM event WHERE partition = $1 AND number = $2 AND topic = "
                       "'contribution.received'",
                       &keys, verify->page, events, err);
}

static bool same_body(const rows_t *a, size_t a_row, size_t a_column, const rows_t *b, size_t b_row, size_t b_column) {
    size_t a_bytes, b_bytes;
    const void *a_body = row_blob(a, a_row, a_column, &a_bytes), *b_body = row_blob(b, b_row, b_column, &b_bytes);
    return a_bytes == b_bytes && memcmp(a_body, b_body, a_bytes) == 0;
}

static int check_told(verify_t *verify, const rows_t *receipts, err_t *err) {
    rows_t entries, events;
    int rc = entries_of(verify, receipts, &entries, err);
    if (!rc) rc = events_of(verify, &entries, &events, err);
    for (size_t i = 0, entry = 0, event = 0; !rc && i < receipts->count; i++) {
        const char *number = row_text(receipts, i, R_NUMBER);
        size_t posted = 0;
        for (; entry < entries.count && row_i64(&entries, entry, 0) == (int64_t)i; entry++, posted++) {
            bool there = event < events.count && row_i64(&events, event, 0) == (int64_t)entry;
            if (!there || !same_body(receipts, i, R_BODY, &events, event, 1))
                verify_broken(verify, "receipt %s: event collection %lld/%lld does not tell of it", number,
                              (long long)row_i64(&entries, entry, 1), (long long)row_i64(&entries, entry, 2));
            event += there;
        }
        if (posted != 1)
            verify_broken(verify, "receipt %s has %zu entries in the journal, one was expected", number, posted);
    }
    return rc;
}

// ---- and the other way round: every event has its receipt

static int check_events(verify_t *verify, void *self, const rows_t *events, err_t *err) {
    const int64_t partition = *(const int64_t *)self;
    rows_t keys, found;
    rows_init(&keys, verify->page, 1);
    for (size_t i = 0; i < events->count; i++) {
        char where[VERIFY_NAME_MAX];
        snprintf(where, sizeof where, "event collection %lld/%lld", (long long)partition,
                 (long long)row_i64(events, i, 0));
        arena_reset(verify->work);
        const Tc__Receipt *receipt =
            (const Tc__Receipt *)verify_message(verify, &tc__receipt__descriptor, events, i, 1, where);
        cell_t *key = rows_add(&keys);
        const char *number = arena_text(verify->page, "%s", receipt ? receipt->receipt : "");
        if (!key || !number) return no_memory(err);
        key[0] = cell_text(number);
    }
    int rc = verify_each(verify->collection, "b",
                         "SELECT body FROM receipt WHERE receipt = $1 UNION ALL SELECT body"
                         " FROM subsidy WHERE receipt = $1",
                         &keys, verify->page, &found, err);
    for (size_t i = 0, at = 0; !rc && i < events->count; i++) {
        bool there = at < found.count && row_i64(&found, at, 0) == (int64_t)i;
        if (!there || !same_body(events, i, 1, &found, at, 1))
            verify_broken(verify, "receipt %s: event collection %lld/%lld tells of it, but it is %s",
                          (const char *)rows_at(&keys, i)[0].data, (long long)partition,
                          (long long)row_i64(events, i, 0), there ? "stored otherwise" : "not stored");
        at += there;
    }
    return rc;
}

// ---- public money: no bill names it

enum { S_TIER = R_BODY + 1, S_DIVISION, S_ITEM };

static bool is_of_line(const Tc__Receipt *receipt, const rows_t *rows, size_t row) {
    bool same = strcmp(receipt->tier, row_text(rows, row, S_TIER)) == 0 && receipt->n_parts > 0;
    for (size_t i = 0; i < receipt->n_parts; i++)
        same &= strcmp(receipt->parts[i]->division, row_text(rows, row, S_DIVISION)) == 0 &&
                strcmp(receipt->parts[i]->item, row_text(rows, row, S_ITEM)) == 0 &&
                strcmp(receipt->parts[i]->payer, receipt->payer) == 0;
    return same;
}

static void check_subsidy(verify_t *verify, const rows_t *rows, size_t row) {
    char name[VERIFY_NAME_MAX];
    fen_t parts = 0;
    snprintf(name, sizeof name, "subsidy %.64s", row_text(rows, row, R_NUMBER));
    arena_reset(verify->work);
    const Tc__Receipt *receipt =
        (const Tc__Receipt *)verify_message(verify, &tc__receipt__descriptor, rows, row, R_BODY, name);
    if (!receipt) return;
    if (strcmp(receipt->receipt, row_text(rows, row, R_NUMBER)) != 0 ||
        strcmp(receipt->payer, row_text(rows, row, R_PAYER)) != 0 ||
        strcmp(receipt->period, row_text(rows, row, R_PERIOD)) != 0 ||
        strcmp(receipt->paid_on, row_text(rows, row, R_PAID_ON)) != 0 ||
        receipt->amount_fen != row_i64(rows, row, R_AMOUNT) || !is_of_line(receipt, rows, row))
        verify_broken(verify, "%s: its columns are not what its body says", name);
    for (size_t i = 0; i < receipt->n_parts; i++) parts = verify_sum(parts, receipt->parts[i]->amount_fen);
    if (parts != receipt->amount_fen)
        verify_broken(verify, "%s is of %lld fen, its parts add up to %lld", name, (long long)receipt->amount_fen,
                      (long long)parts);
}

static int verify_subsidies(verify_t *verify, err_t *err) {
    char after[VERIFY_NAME_MAX] = "";
    rows_t rows = {0};
    do {
        const cell_t params[] = {cell_text(after), cell_i64(VERIFY_PAGE)};
        arena_reset(verify->page);
        int rc = verify_query(verify->collection, "tttitbttt",
                              "SELECT receipt, payer, CAST(year AS TEXT), amount_fen, paid_on, body, tier, division,"
                              " item FROM subsidy WHERE receipt > $1 ORDER BY receipt LIMIT $2",
                              params, COUNT_OF(params), verify->page, &rows, err);
        for (size_t i = 0; !rc && i < rows.count; i++) check_subsidy(verify, &rows, i);
        if (!rc) rc = check_told(verify, &rows, err);
        if (!rc && rows.count) rc = verify_keep(after, row_text(&rows, rows.count - 1, R_NUMBER), err);
        if (rc) return rc;
        verify->looked_at += (long long)rows.count;
    } while (rows.count == VERIFY_PAGE);
    return E_OK;
}

// ---- all of them

int verify_receipts(verify_t *verify, err_t *err) {
    char after[VERIFY_NAME_MAX] = "";
    rows_t rows = {0};
    do {
        const cell_t params[] = {cell_text(after), cell_i64(VERIFY_PAGE)};
        arena_reset(verify->page);
        int rc = verify_query(verify->collection, "tttitb",
                              "SELECT receipt, payer, period, amount_fen, paid_on, body FROM receipt"
                              " WHERE receipt > $1 ORDER BY receipt LIMIT $2",
                              params, COUNT_OF(params), verify->page, &rows, err);
        for (size_t i = 0; !rc && i < rows.count; i++) rc = check_receipt(verify, &rows, i, err);
        if (!rc) rc = check_credits(verify, &rows, err);
        if (!rc) rc = check_told(verify, &rows, err);
        if (!rc && rows.count) rc = verify_keep(after, row_text(&rows, rows.count - 1, R_NUMBER), err);
        if (rc) return rc;
        verify->looked_at += (long long)rows.count;
    } while (rows.count == VERIFY_PAGE);
    int rc = verify_subsidies(verify, err);
    for (int64_t partition = 0; !rc && partition < PARTITIONS; partition++)
        rc = verify_events(verify, verify->collection, partition, "contribution.received", check_events, &partition,
                           err);
    return rc;
}
