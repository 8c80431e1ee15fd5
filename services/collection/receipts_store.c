#include "receipts_store.h"
#include "common/base/hash.h"
#include "common/wire/message.h"
#include <string.h>

const char payer_employer[] = "employer", payer_person[] = "person";

const char *payer_kind(const payer_key_t *payer) { return *payer->employer ? payer_employer : payer_person; }
const char *payer_number(const payer_key_t *payer) { return *payer->employer ? payer->employer : payer->person; }

payer_key_t payer_of(const char *kind, const char *number, const char *period) {
    const bool employer = strcmp(kind, payer_employer) == 0;
    return (payer_key_t){.employer = employer ? number : "", .person = employer ? "" : number, .period = period};
}

// Known bounds, which also keep PostgreSQL from joining whole tables with the keys (store.c).
#define ONE " LIMIT 1"
#define ALL " LIMIT 10000000"

// ---- what payers owe

// A person's own bills are found by key. Compared with '', the employer would be found by index: with everybody else
// who has none.
#define OF_EMPLOYER " FROM bill WHERE employer = $1 AND period = $2"
#define OF_PERSON " FROM bill WHERE partition = $1 AND person = $2 AND period = $3 AND length(employer) = 0"
// What no receipt is waited for is not among them: finance pays it.
#define OPEN " paid_on = '' AND own_fen > 0"
#define OWED                                                                                                           \
    "SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN paid_on = '' AND own_fen > 0 THEN 1 ELSE 0 END), 0) AS BIGINT),"     \
    " CAST(COALESCE(SUM(CASE WHEN paid_on = '' THEN own_fen ELSE 0 END), 0) AS BIGINT),"                               \
    " CAST(COALESCE(SUM(CASE WHEN paid_on = '' THEN 0 ELSE 1 END), 0) AS BIGINT)"

int owed_of_employers(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    return store_each_query(store, OWED OF_EMPLOYER, keys, arena, out, err);
}

#define OWED_EACH                                                                                                      \
    "SELECT 1, CASE WHEN" OPEN " THEN 1 ELSE 0 END, CASE WHEN paid_on = '' THEN own_fen ELSE 0 END,"                   \
    " CASE WHEN paid_on = '' THEN 0 ELSE 1 END"
#define BODY_OWED ", CASE WHEN" OPEN " THEN body END"

// There is one at most.
int owed_of_persons(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    return store_each_query(store, OWED_EACH OF_PERSON ONE, keys, arena, out, err);
}

int owed_by_persons(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    return store_each_query(store, OWED_EACH BODY_OWED OF_PERSON ONE, keys, arena, out, err);
}

// No index is in the order of a sum: with a small LIMIT PostgreSQL might else go through all bills by person.
int owed_by_employers(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    return store_each_query(store, OWED_EACH BODY_OWED OF_EMPLOYER " ORDER BY partition + 0, person LIMIT $3", keys,
                            arena, out, err);
}

int unpaid_of_employers(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    return store_each_query(store, "SELECT body, own_fen" OF_EMPLOYER " AND" OPEN " ORDER BY partition, person" ALL,
                            keys, arena, out, err);
}

int unpaid_of_persons(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    return store_each_query(store, "SELECT body, own_fen" OF_PERSON " AND" OPEN ONE, keys, arena, out, err);
}

int unpaid_periods(store_t *store, const payer_key_t *payer, arena_t *arena, rows_t *out, err_t *err) {
#define PERIODS "SELECT period, COUNT(*), CAST(SUM(own_fen) AS BIGINT) FROM bill WHERE "
    if (*payer->employer) {
        const cell_t params[] = {cell_text(payer->employer)};
        return store_query(store, PERIODS "employer = $1 AND" OPEN " GROUP BY period", params, 1, arena, out, err);
    }
    const cell_t params[] = {cell_i64(partition_of(payer->person)), cell_text(payer->person)};
    return store_query(store,
                       PERIODS "partition = $1 AND person = $2 AND length(employer) = 0 AND" OPEN " GROUP BY period",
                       params, COUNT_OF(params), arena, out, err);
#undef PERIODS
}

int bills_pay(store_t *store, const rows_t *rows, err_t *err) {
    return store_update(store, "bill", "partition, person, period, paid_on, receipt", "partition, person, period", OPEN,
                        rows, err);
}

static size_t paid_params(const payer_key_t *payer, const char *receipt, cell_t params[static 4]) {
    size_t n = 0;
    if (!*payer->employer) params[n++] = cell_i64(partition_of(payer->person));
    params[n++] = cell_text(payer_number(payer));
    params[n++] = cell_text(payer->period);
    params[n++] = cell_text(receipt);
    return n;
}

int paid_by(store_t *store, const payer_key_t *payer, const char *receipt, arena_t *arena, rows_t *out, err_t *err) {
    cell_t params[4];
    const size_t n = paid_params(payer, receipt, params);
    return store_query(store,
                       *payer->employer ? "SELECT body, own_fen" OF_EMPLOYER
                                          " AND receipt = $3 ORDER BY partition, person"
                                        : "SELECT body, own_fen" OF_PERSON " AND receipt = $4",
                       params, n, arena, out, err);
}

int differences_paid(store_t *store, const payer_key_t *payer, const char *receipt, arena_t *arena, rows_t *out,
                     err_t *err) {
    cell_t params[5];
    size_t n = paid_params(payer, receipt, params);
    const char *last = arena_text(arena, "%s diff 99", payer->period);
    if (!last) return err_set(err, E_IO, "out of memory");
    params[n++] = cell_text(last);
#define DIFFERENCES "SELECT d.receipt FROM bill b JOIN bill d ON d.partition = b.partition AND d.person = b.person"
    return store_query(store,
                       *payer->employer ? DIFFERENCES " AND d.period > $2 AND d.period <= $4 AND d.paid_on <> ''"
                                                      " WHERE b.employer = $1 AND b.period = $2 AND b.receipt = $3" ONE
                                        : DIFFERENCES " AND d.period > $3 AND d.period <= $5 AND d.paid_on <> ''"
                                                      " WHERE b.partition = $1 AND b.person = $2 AND b.period = $3"
                                                      " AND length(b.employer) = 0 AND b.receipt = $4" ONE,
                       params, n, arena, out, err);
#undef DIFFERENCES
}

int bills_unpay(store_t *store, const payer_key_t *payer, const char *receipt, err_t *err) {
    cell_t params[4];
    const size_t n = paid_params(payer, receipt, params);
    return store_exec(store,
                      *payer->employer
                          ? "UPDATE bill SET paid_on = '', receipt = '' WHERE employer = $1 AND period = $2"
                            " AND receipt = $3"
                          : "UPDATE bill SET paid_on = '', receipt = '' WHERE partition = $1 AND person = $2"
                            " AND period = $3 AND length(employer) = 0 AND receipt = $4",
                      params, n, err);
}

// ---- receipts

int receipts_of(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    return store_each_query(store,
                            "SELECT body FROM receipt WHERE receipt = $1 UNION ALL SELECT body FROM subsidy"
                            " WHERE receipt = $1" ONE,
                            keys, arena, out, err);
}

int receipt_add(rows_t *rows, const Tc__Receipt *receipt, arena_t *arena, err_t *err) {
    size_t size;
    void *body = message_pack(&receipt->base, arena, &size);
    cell_t *row = rows_add(rows);
    if (!body || !row) return err_set(err, E_IO, "out of memory");
    row[0] = cell_text(receipt->receipt);
    row[1] = cell_text(receipt->payer);
    row[2] = cell_text(receipt->period);
    row[3] = cell_i64(receipt->amount_fen);
    row[4] = cell_text(receipt->paid_on);
    row[5] = cell_blob(body, size);
    return 0;
}

int receipts_insert(store_t *store, const rows_t *rows, err_t *err) {
    CHECK(rows->width == RECEIPT_COLUMNS);
    return store_insert(store, "receipt", "receipt, payer, period, amount_fen, paid_on, body", rows, CONFLICT_FAILS,
                        err);
}

#define PARKED_LIST                                                                                                    \
    "receipt, payer_kind, payer, period, amount_fen, paid_on, reason, due_fen, since_ms, file, row_number, decision,"  \
    " decided_ms, decided_by, why"

int parked_of(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    return store_each_query(store, "SELECT " PARKED_LIST " FROM parked_receipt WHERE receipt = $1" ONE, keys, arena,
                            out, err);
}

int parked_page(store_t *store, const char *after, int32_t limit, arena_t *arena, rows_t *out, err_t *err) {
    const cell_t params[] = {cell_text(after), cell_i64(limit)};
    return store_query(store,
                       *after ? "SELECT " PARKED_LIST " FROM parked_receipt WHERE decision = '' AND (since_ms, receipt)"
                                " > (SELECT p.since_ms, p.receipt FROM parked_receipt p WHERE p.receipt = $1)"
                                " ORDER BY since_ms, receipt LIMIT $2"
                              : "SELECT " PARKED_LIST " FROM parked_receipt WHERE decision = '' AND receipt > $1"
                                " ORDER BY since_ms, receipt LIMIT $2",
                       params, COUNT_OF(params), arena, out, err);
}

int parked_insert(store_t *store, const rows_t *rows, err_t *err) {
    CHECK(rows->width == PARKED_COLUMNS);
    return store_insert(store, "parked_receipt", PARKED_LIST, rows, CONFLICT_FAILS, err);
}

int parked_decide(store_t *store, const char *receipt, const char *decision, int64_t at_ms, const char *by,
                  const char *why, err_t *err) {
    const cell_t params[] = {cell_text(receipt), cell_text(decision), cell_i64(at_ms), cell_text(by), cell_text(why)};
    return store_exec(store,
                      "UPDATE parked_receipt SET decision = $2, decided_ms = $3, decided_by = $4, why = $5"
                      " WHERE receipt = $1 AND decision = ''",
                      params, COUNT_OF(params), err);
}

// ---- what is kept for payers and given back

int credits_of(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    return store_each_query(store, "SELECT amount_fen FROM credit WHERE payer_kind = $1 AND payer = $2" ONE, keys,
                            arena, out, err);
}

int credits_add(store_t *store, const rows_t *rows, err_t *err) {
    return store_each_exec(store,
                           "INSERT INTO credit (payer_kind, payer, amount_fen) VALUES ($1, $2, $3)"
                           " ON CONFLICT (payer_kind, payer) DO UPDATE SET"
                           " amount_fen = credit.amount_fen + excluded.amount_fen",
                           rows, err);
}

int credit_moves_insert(store_t *store, const rows_t *rows, err_t *err) {
    return store_insert(store, "credit_move", "receipt, move, payer_kind, payer, amount_fen, at_ms", rows,
                        CONFLICT_FAILS, err);
}

int refund_known(store_t *store, const char *receipt, arena_t *arena, bool *out, err_t *err) {
    const cell_t params[] = {cell_text(receipt)};
    rows_t rows;
    int rc = store_query(store, "SELECT receipt FROM refund WHERE receipt = $1", params, 1, arena, &rows, err);
    if (rc == 0) *out = rows.count > 0;
    return rc;
}

int refund_insert(store_t *store, const refund_t *r, err_t *err) {
    const cell_t params[] = {cell_text(r->receipt),
                             cell_text(r->source),
                             cell_text(payer_kind(&r->payer)),
                             cell_text(payer_number(&r->payer)),
                             cell_text(r->payer.period),
                             cell_i64(r->amount),
                             cell_i64(r->at_ms),
                             cell_text(r->by),
                             cell_text(r->why)};
    return store_exec(store,
                      "INSERT INTO refund (receipt, source, payer_kind, payer, period, amount_fen, at_ms, decided_by,"
                      " why) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                      params, COUNT_OF(params), err);
}

// ---- personal accounts

int account_credits_of(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    return store_each_query(
        store,
        "SELECT turn, amount_fen, rule, receipt FROM account_credit WHERE partition = $1 AND person = $2"
        " AND month = $3" ONE,
        keys, arena, out, err);
}

int account_credits_of_fund(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    return store_each_query(store,
                            "SELECT month FROM account_credit WHERE partition = $1 AND person = $2 AND receipt = ''"
                            " AND amount_fen <> 0 ORDER BY month LIMIT 4000",
                            keys, arena, out, err);
}

#define CREDIT_LIST "partition, person, month, turn, amount_fen, rule, receipt, undecided"

int account_credits_insert(store_t *store, const rows_t *rows, err_t *err) {
    return store_insert(store, "account_credit", CREDIT_LIST, rows, CONFLICT_FAILS, err);
}

int account_credits_put(store_t *store, const rows_t *rows, err_t *err) {
    return store_put(store, "account_credit", CREDIT_LIST, "partition, person, month", rows, err);
}
