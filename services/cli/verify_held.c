// Money of payers that pays no bill: collection's tables of it against each other and against the ledger's balances.
#include "verify.h"
#include <string.h>

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

static int tell_rows(verify_t *verify, const char *sql, const char *what, err_t *err) {
    rows_t rows;
    arena_reset(verify->page);
    int rc = verify_query(verify->collection, "ttii", sql, NULL, 0, verify->page, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++)
        verify_broken(verify, "%s %s %s: %lld fen, %lld were expected", what, row_text(&rows, i, 0),
                      row_text(&rows, i, 1), (long long)row_i64(&rows, i, 2), (long long)row_i64(&rows, i, 3));
    return rc;
}

#define SUM(column) "SELECT CAST(COALESCE(SUM(" column "), 0) AS BIGINT) FROM "

int verify_held(verify_t *verify, err_t *err) {
    int64_t rows = 0;
    int rc = check_kind(verify, "parked", SUM("amount_fen") "parked_receipt WHERE decision = ''",
                        SUM("-amount_fen") "balance WHERE account = 'held/parked'", err);
    if (!rc)
        rc = check_kind(verify, "credit", SUM("amount_fen") "credit",
                        SUM("-amount_fen") "balance WHERE account = 'held/credit'", err);
    if (!rc)
        rc = tell_rows(verify,
                       "SELECT c.payer_kind, c.payer, c.amount_fen, CAST(COALESCE((SELECT SUM(m.amount_fen) FROM"
                       " credit_move m WHERE m.payer_kind = c.payer_kind AND m.payer = c.payer), 0) AS BIGINT)"
                       " FROM credit c WHERE c.amount_fen < 0 OR c.amount_fen <> COALESCE((SELECT SUM(m.amount_fen)"
                       " FROM credit_move m WHERE m.payer_kind = c.payer_kind AND m.payer = c.payer), 0)"
                       " ORDER BY c.payer_kind, c.payer LIMIT 100",
                       "the credit of", err);
    if (!rc)
        rc = tell_rows(verify,
                       "SELECT r.receipt, r.source, r.amount_fen, p.amount_fen FROM refund r JOIN parked_receipt p"
                       " ON p.receipt = r.receipt WHERE r.source = 'parked' AND (r.amount_fen <> p.amount_fen OR"
                       " p.decision <> 'return') ORDER BY r.receipt LIMIT 100",
                       "the refund of", err);
    if (!rc) rc = sum_of(verify->collection, verify, SUM("1") "parked_receipt", &rows, err);
    verify->looked_at += rows;
    if (!rc) rc = sum_of(verify->collection, verify, SUM("1") "credit", &rows, err);
    verify->looked_at += rows;
    return rc;
}
