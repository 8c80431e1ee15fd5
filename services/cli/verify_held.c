// Money of payers that pays no bill: what collection has parked, keeps and gave back, held against its receipts and
// against the ledger. A parked receipt is no paid one until somebody decides so; what a payer's credit pays came in
// before.
#include "verify.h"
#include <string.h>

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

// ---- the whole

static int sum_of(store_t *store, verify_t *verify, const char *sql, int64_t *out, err_t *err) {
    rows_t rows;
    int rc = verify_query(store, "i", sql, NULL, 0, verify->page, &rows, err);
    if (!rc) *out = rows.count ? row_i64(&rows, 0, 0) : 0;
    return rc;
}

// Both sides of one kind of held money.
static int check_kind(verify_t *verify, const char *kind, const char *kept_sql, const char *held_sql, err_t *err) {
    int64_t kept = 0, held = 0;
    arena_reset(verify->page);
    int rc = sum_of(verify->collection, verify, kept_sql, &kept, err);
    if (!rc) rc = sum_of(verify->settlement, verify, held_sql, &held, err);
    if (!rc && kept != held)
        verify_broken(verify, "collection has %lld fen of kind %s, the ledger holds %lld", (long long)kept, kind,
                      (long long)held);
    return rc;
}

#define SUM(column) "SELECT CAST(COALESCE(SUM(" column "), 0) AS BIGINT) FROM "

static int check_sums(verify_t *verify, err_t *err) {
    int rc = check_kind(verify, "parked", SUM("amount_fen") "parked_receipt WHERE decision = ''",
                        SUM("-amount_fen") "balance WHERE account = 'held/parked'", err);
    if (rc) return rc;
    return check_kind(verify, "credit", SUM("amount_fen") "credit",
                      SUM("-amount_fen") "balance WHERE account = 'held/credit'", err);
}

// ---- collection's tables against one another: rows that do not fit, with two names, what is there and what should be

// One number was merged into the other since.
#define IS_MERGED(from, into)                                                                                          \
    "EXISTS (SELECT 1 FROM merged x WHERE x.person = " from " AND (x.into_person = " into                              \
    " OR x.into_person = (SELECT y.into_person FROM merged y WHERE y.person = " into ")))"

static const struct {
    const char *what, *sql;
} misfits[] = {
    {"the credit of",
     "SELECT c.payer_kind, c.payer, c.amount_fen, CAST(COALESCE((SELECT SUM(m.amount_fen) FROM credit_move m"
     " WHERE m.payer_kind = c.payer_kind AND m.payer = c.payer), 0) AS BIGINT) FROM credit c"
     " WHERE c.amount_fen < 0 OR c.amount_fen <> COALESCE((SELECT SUM(m.amount_fen) FROM credit_move m"
     " WHERE m.payer_kind = c.payer_kind AND m.payer = c.payer), 0) ORDER BY c.payer_kind, c.payer LIMIT 100"},
    {"no credit is kept for",
     "SELECT m.payer_kind, m.payer, CAST(0 AS BIGINT), CAST(SUM(m.amount_fen) AS BIGINT) FROM credit_move m"
     " WHERE NOT EXISTS (SELECT 1 FROM credit c WHERE c.payer_kind = m.payer_kind AND c.payer = m.payer)"
     " GROUP BY m.payer_kind, m.payer ORDER BY m.payer_kind, m.payer LIMIT 100"},
    // A receipt that pays takes from the credit; what was decided leaves credit or takes it; what is given back
    // restores.
    {"no receipt explains the credit moved by",
     "SELECT m.receipt, m.move, m.amount_fen, CAST(0 AS BIGINT) FROM credit_move m"
     " LEFT JOIN receipt r ON r.receipt = m.receipt LEFT JOIN parked_receipt p ON p.receipt = m.receipt"
     " LEFT JOIN refund f ON f.receipt = m.receipt"
     " WHERE NOT (m.move = 'match' AND m.amount_fen < 0 AND COALESCE(r.payer, '') = m.payer"
     " OR m.move = 'apply' AND COALESCE(p.decision, '') = 'apply' AND p.payer_kind = m.payer_kind"
     " AND (p.payer = m.payer OR " IS_MERGED(
         "p.payer",
         "m.payer") ")"
                    " OR m.move = 'merge_out' AND m.amount_fen < 0 AND EXISTS (SELECT 1 FROM merged x WHERE x.person = "
                    "m.payer)"
                    " OR m.move = 'merge_in' AND m.amount_fen > 0 AND EXISTS (SELECT 1 FROM merged x"
                    " WHERE x.person = m.payer OR x.into_person = m.payer)"
                    " OR m.move = 'return' AND m.amount_fen > 0 AND COALESCE(f.source, '') = 'receipt' AND f.payer = "
                    "m.payer)"
                    " ORDER BY m.receipt, m.move LIMIT 100"},
    {"not all that merged numbers had came to the others:",
     "SELECT CAST('merge_out' AS TEXT), CAST('merge_in' AS TEXT), CAST(SUM(amount_fen) AS BIGINT), CAST(0 AS BIGINT)"
     " FROM credit_move WHERE move IN ('merge_out', 'merge_in') HAVING SUM(amount_fen) <> 0"},
    {"counted as paid, though parked, is receipt",
     "SELECT p.receipt, p.decision, r.amount_fen, CAST(0 AS BIGINT) FROM parked_receipt p"
     " JOIN receipt r ON r.receipt = p.receipt WHERE p.decision <> 'match' ORDER BY p.receipt LIMIT 100"},
    {"the parked receipt that was matched,",
     "SELECT p.receipt, p.payer, COALESCE(r.amount_fen, 0) + COALESCE(m.amount_fen, 0), p.amount_fen"
     " FROM parked_receipt p LEFT JOIN receipt r ON r.receipt = p.receipt"
     " LEFT JOIN credit_move m ON m.receipt = p.receipt AND m.move = 'match' WHERE p.decision = 'match'"
     " AND (r.receipt IS NULL OR NOT (r.payer = p.payer OR " IS_MERGED(
         "p.payer",
         "r.payer") ") OR r.period <> p.period OR r.paid_on <> p.paid_on"
                    " OR r.amount_fen + COALESCE(m.amount_fen, 0) <> p.amount_fen) ORDER BY p.receipt LIMIT 100"},
    // Each period that it pays has a receipt of its own, numbered <receipt>.<period>.
    {"paid and kept, of the parked receipt that was applied,",
     "SELECT p.receipt, p.payer, CAST(COALESCE(a.paid, 0) + COALESCE(m.amount_fen, 0) AS BIGINT), p.amount_fen"
     " FROM parked_receipt p LEFT JOIN (SELECT q.receipt AS receipt, SUM(r.amount_fen) AS paid FROM receipt r"
     " JOIN parked_receipt q ON q.receipt = CASE WHEN length(r.receipt) > length(r.period) + 1"
     " THEN substr(r.receipt, 1, length(r.receipt) - length(r.period) - 1) ELSE '' END"
     " AND q.decision = 'apply' AND (q.payer = r.payer OR " IS_MERGED(
         "q.payer",
         "r.payer") ") AND q.paid_on = r.paid_on"
                    " WHERE r.receipt = q.receipt || '.' || replace(r.period, ' ', '-') GROUP BY q.receipt) a ON "
                    "a.receipt = p.receipt"
                    " LEFT JOIN credit_move m ON m.receipt = p.receipt AND m.move = 'apply' WHERE p.decision = 'apply'"
                    " AND p.amount_fen <> COALESCE(a.paid, 0) + COALESCE(m.amount_fen, 0) ORDER BY p.receipt LIMIT "
                    "100"},
    {"given back, of the parked receipt that was returned,",
     "SELECT p.receipt, p.payer, COALESCE(f.amount_fen, 0), p.amount_fen FROM parked_receipt p"
     " LEFT JOIN refund f ON f.receipt = p.receipt AND f.source = 'parked' WHERE p.decision = 'return'"
     " AND (f.receipt IS NULL OR f.amount_fen <> p.amount_fen OR f.payer <> p.payer OR f.payer_kind <> p.payer_kind)"
     " ORDER BY p.receipt LIMIT 100"},
    {"no receipt was returned, but there is the refund of",
     "SELECT f.receipt, f.source, f.amount_fen, CAST(0 AS BIGINT) FROM refund f"
     " LEFT JOIN parked_receipt p ON p.receipt = f.receipt LEFT JOIN receipt r ON r.receipt = f.receipt"
     " WHERE NOT (f.source = 'parked' AND COALESCE(p.decision, '') = 'return'"
     " OR f.source = 'receipt' AND (COALESCE(r.payer, '') = f.payer OR " IS_MERGED(
         "r.payer", "f.payer") ")) ORDER BY f.receipt LIMIT 100"},
    // What takes the place of bills is numbered as the first of them, with an A.
    {"kept and parked, of the bills taken out of receipts for",
     "SELECT w.person, MIN(w.period), CAST(SUM(w.amount_fen) AS BIGINT), CAST(SUM(COALESCE(p.amount_fen, 0)"
     " + COALESCE(r.amount_fen, 0)) AS BIGINT) FROM withdrawn w LEFT JOIN parked_receipt p ON p.receipt = w.number"
     " LEFT JOIN receipt r ON r.receipt = 'A' || substr(w.number, 2) GROUP BY w.person, substr(w.period, 1, 7), w.at_ms"
     " HAVING SUM(w.amount_fen) <> SUM(COALESCE(p.amount_fen, 0) + COALESCE(r.amount_fen, 0))"
     " ORDER BY w.person LIMIT 100"},
    {"the decision does not fit the moment of it: parked receipt",
     "SELECT receipt, decision, decided_ms, since_ms FROM parked_receipt"
     " WHERE decision NOT IN ('', 'match', 'apply', 'return') OR (decision = '') <> (decided_ms = 0)"
     " ORDER BY receipt LIMIT 100"},
};

static int tell_misfits(verify_t *verify, err_t *err) {
    int rc = E_OK;
    for (size_t i = 0; !rc && i < COUNT_OF(misfits); i++) {
        rows_t rows;
        arena_reset(verify->page);
        rc = verify_query(verify->collection, "ttii", misfits[i].sql, NULL, 0, verify->page, &rows, err);
        for (size_t row = 0; !rc && row < rows.count; row++)
            verify_broken(verify, "%s %s %s: %lld, %lld was expected", misfits[i].what, row_text(&rows, row, 0),
                          row_text(&rows, row, 1), (long long)row_i64(&rows, row, 2),
                          (long long)row_i64(&rows, row, 3));
    }
    return rc;
}

// ---- each row against the lines of the journal that name its receipt

typedef struct posted {
    const char *what;
    const char *rows_sql;  // $1 after, $2 limit → receipt, payer, sum and number of lines expected
    const char *lines_sql; // $1 receipt, $2 payer → sum and number of lines
} posted_t;

#define HELD(account)                                                                                                  \
    "SELECT CAST(COALESCE(SUM(p.amount_fen), 0) AS BIGINT), COUNT(*) FROM journal j JOIN posting p"                    \
    " ON p.partition = j.partition AND p.number = j.number WHERE j.reference = $1 AND j.kind = 'held'"                 \
    " AND p.account = 'held/" account "' AND p.party = $2"

static const posted_t held[] = {
    {"parked receipt",
     "SELECT receipt, payer, CASE WHEN decision = '' THEN -amount_fen ELSE 0 END,"
     " CAST(CASE WHEN decision = '' THEN 1 ELSE 2 END AS BIGINT) FROM parked_receipt WHERE receipt > $1"
     " ORDER BY receipt LIMIT $2",
     HELD("parked")},
    {"credit by receipt",
     "SELECT receipt, MIN(payer), CAST(-SUM(amount_fen) AS BIGINT), COUNT(*) FROM credit_move WHERE receipt > $1"
     " GROUP BY receipt ORDER BY receipt LIMIT $2",
     HELD("credit")},
    // Of the receipts given back, each has one entry that takes its contribution back; what it was of is checked there.
    {"refund of receipt",
     "SELECT receipt, payer, CAST(0 AS BIGINT), CAST(1 AS BIGINT) FROM refund WHERE source = 'receipt' AND receipt > $1"
     " ORDER BY receipt LIMIT $2",
     "SELECT CAST(0 AS BIGINT), COUNT(*) FROM journal WHERE reference = $1 AND kind = 'return' AND $2 <> ''"},
    {"bill taken out of a receipt",
     "SELECT number, person, CAST(0 AS BIGINT), CAST(1 AS BIGINT) FROM withdrawn WHERE number > $1"
     " ORDER BY number LIMIT $2",
     "SELECT CAST(0 AS BIGINT), COUNT(*) FROM journal WHERE reference = $1 AND kind = 'return' AND $2 <> ''"},
};

static int check_page(verify_t *verify, const posted_t *posted, const rows_t *rows, err_t *err) {
    rows_t keys, lines;
    rows_init(&keys, verify->page, 2);
    for (size_t i = 0; i < rows->count; i++) {
        cell_t *key = rows_add(&keys);
        if (!key) return no_memory(err);
        key[0] = cell_text(row_text(rows, i, 0));
        key[1] = cell_text(row_text(rows, i, 1));
    }
    int rc = verify_each(verify->settlement, "ii", posted->lines_sql, &keys, verify->page, &lines, err);
    for (size_t i = 0; !rc && i < rows->count; i++)
        if (row_i64(&lines, i, 1) != row_i64(rows, i, 2) || row_i64(&lines, i, 2) != row_i64(rows, i, 3))
            verify_broken(verify, "%s %s of %s: the journal has %lld fen in %lld entries, %lld in %lld were expected",
                          posted->what, row_text(rows, i, 0), row_text(rows, i, 1), (long long)row_i64(&lines, i, 1),
                          (long long)row_i64(&lines, i, 2), (long long)row_i64(rows, i, 2),
                          (long long)row_i64(rows, i, 3));
    return rc;
}

static int check_posted(verify_t *verify, const posted_t *posted, err_t *err) {
    char after[VERIFY_NAME_MAX] = "";
    rows_t rows = {0};
    do {
        const cell_t params[] = {cell_text(after), cell_i64(VERIFY_PAGE)};
        arena_reset(verify->page);
        int rc = verify_query(verify->collection, "ttii", posted->rows_sql, params, COUNT_OF(params), verify->page,
                              &rows, err);
        if (!rc) rc = check_page(verify, posted, &rows, err);
        if (!rc && rows.count) rc = verify_keep(after, row_text(&rows, rows.count - 1, 0), err);
        if (rc) return rc;
        verify->looked_at += (long long)rows.count;
    } while (rows.count == VERIFY_PAGE);
    return E_OK;
}

int verify_held(verify_t *verify, err_t *err) {
    int rc = check_sums(verify, err);
    if (!rc) rc = tell_misfits(verify, err);
    for (size_t i = 0; !rc && i < COUNT_OF(held); i++) rc = check_posted(verify, &held[i], err);
    return rc ? rc : verify_held_told(verify, err);
}
