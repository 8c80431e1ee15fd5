// Tables around receipts: what was parked, what is kept for a payer, what was given back, and what paid months credited
// to personal accounts. Set-based like store.h; results of a *_of function begin with the index of their key.
#pragma once
#include "store.h"

// A payer's kind and number are two columns: an employer and a person may have the same number.
#define RECEIPTS_TABLES_SQL                                                                                            \
    "CREATE TABLE parked_receipt (receipt TEXT NOT NULL PRIMARY KEY, payer_kind TEXT NOT NULL, payer TEXT NOT NULL,"   \
    " period TEXT NOT NULL, amount_fen BIGINT NOT NULL, paid_on TEXT NOT NULL, reason TEXT NOT NULL,"                  \
    " due_fen BIGINT NOT NULL, since_ms BIGINT NOT NULL, file TEXT NOT NULL, row_number BIGINT NOT NULL,"              \
    " decision TEXT NOT NULL, decided_ms BIGINT NOT NULL, decided_by TEXT NOT NULL, why TEXT NOT NULL);"               \
    "CREATE INDEX parked_open ON parked_receipt (since_ms, receipt) WHERE decision = '';"                              \
    "CREATE TABLE credit (payer_kind TEXT NOT NULL, payer TEXT NOT NULL, amount_fen BIGINT NOT NULL,"                  \
    " PRIMARY KEY (payer_kind, payer));"                                                                               \
    "CREATE TABLE credit_move (receipt TEXT NOT NULL, move TEXT NOT NULL, payer_kind TEXT NOT NULL,"                   \
    " payer TEXT NOT NULL, amount_fen BIGINT NOT NULL, at_ms BIGINT NOT NULL, PRIMARY KEY (receipt, move));"           \
    "CREATE INDEX credit_move_payer ON credit_move (payer_kind, payer);"                                               \
    "CREATE TABLE refund (receipt TEXT NOT NULL PRIMARY KEY, source TEXT NOT NULL, payer_kind TEXT NOT NULL,"          \
    " payer TEXT NOT NULL, period TEXT NOT NULL, amount_fen BIGINT NOT NULL, at_ms BIGINT NOT NULL,"                   \
    " decided_by TEXT NOT NULL, why TEXT NOT NULL);"                                                                   \
    "CREATE TABLE account_credit (partition BIGINT NOT NULL, person TEXT NOT NULL, month TEXT NOT NULL,"               \
    " turn BIGINT NOT NULL, amount_fen BIGINT NOT NULL, rule TEXT NOT NULL, receipt TEXT NOT NULL,"                    \
    " undecided TEXT NOT NULL, PRIMARY KEY (partition, person, month));"

extern const char payer_employer[], payer_person[]; // "employer", "person": the kinds as stored
const char *payer_kind(const payer_key_t *payer);
const char *payer_number(const payer_key_t *payer);
payer_key_t payer_of(const char *kind, const char *number, const char *period);

// ---- what payers owe

// keys of employers: employer, period; of persons: partition, person, period
// → key, bills of that period, those of which the payer owes something still, what of them, paid ones; a person
// without a bill of that period may be left out
int owed_of_employers(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
int owed_of_persons(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
// The same of each bill for itself, and the body of one of which something is owed still; by person. Behind the keys of
// an employer, how many of its bills at most.
int owed_by_employers(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
int owed_by_persons(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
// Those of which something is owed still, whole: key, body, own_fen; by person.
int unpaid_of_employers(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
int unpaid_of_persons(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
// Of one payer, all periods: period, bills of which something is owed still, what of them.
int unpaid_periods(store_t *store, const payer_key_t *payer, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
// Those of them that are named: partition, person, period, paid_on, receipt.
int bills_pay(store_t *store, const rows_t *rows, err_t *err) MUST_USE;
// Bills that a receipt paid: body, own_fen. And unpaid again.
int paid_by(store_t *store, const payer_key_t *payer, const char *receipt, arena_t *arena, rows_t *out,
            err_t *err) MUST_USE;
// The receipts that paid differences of the month, of persons whose month this receipt paid; `payer` and the period as
// the receipt has them. → receipt, one of them.
int differences_paid(store_t *store, const payer_key_t *payer, const char *receipt, arena_t *arena, rows_t *out,
                     err_t *err) MUST_USE;
int bills_unpay(store_t *store, const payer_key_t *payer, const char *receipt, err_t *err) MUST_USE;

// ---- receipts

// receipt → body, also of public money (subsidies.h), which shares the numbers
int receipts_of(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
enum { RECEIPT_COLUMNS = 6 };
// A row for receipts_insert; it borrows the receipt's texts.
int receipt_add(rows_t *rows, const Tc__Receipt *receipt, arena_t *arena, err_t *err) MUST_USE;
int receipts_insert(store_t *store, const rows_t *rows, err_t *err) MUST_USE;
enum {
    PARKED_RECEIPT,
    PARKED_KIND,
    PARKED_PAYER,
    PARKED_PERIOD,
    PARKED_AMOUNT,
    PARKED_PAID_ON,
    PARKED_REASON,
    PARKED_DUE,
    PARKED_SINCE,
    PARKED_FILE,
    PARKED_ROW,
    PARKED_DECISION,
    PARKED_DECIDED_MS,
    PARKED_DECIDED_BY,
    PARKED_WHY,
    PARKED_COLUMNS
};
int parked_of(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) MUST_USE; // key, columns
int parked_page(store_t *store, const char *after, int32_t limit, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
int parked_insert(store_t *store, const rows_t *rows, err_t *err) MUST_USE;
// decision, at, by, why
int parked_decide(store_t *store, const char *receipt, const char *decision, int64_t at_ms, const char *by,
                  const char *why, err_t *err) MUST_USE;

// ---- what is kept for payers and given back

int credits_of(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out,
               err_t *err) MUST_USE;                                      // kind, payer → amount
int credits_add(store_t *store, const rows_t *rows, err_t *err) MUST_USE; // kind, payer, amount to add
int credit_moves_insert(store_t *store, const rows_t *rows,
                        err_t *err) MUST_USE; // receipt, move, kind, payer, amount, at
int refund_known(store_t *store, const char *receipt, arena_t *arena, bool *out, err_t *err) MUST_USE;
typedef struct refund {
    const char *receipt, *source; // of what: parked | receipt
    payer_key_t payer;
    fen_t amount;
    int64_t at_ms;
    const char *by, *why;
} refund_t;
int refund_insert(store_t *store, const refund_t *refund, err_t *err) MUST_USE;

// ---- personal accounts

int account_credits_of(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out,
                       err_t *err) MUST_USE; // partition, person, month → key, turn, amount, rule, receipt
int account_credits_of_fund(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out,
                            err_t *err) MUST_USE; // partition, person → key, month credited without a bill
// partition, person, month, turn, amount, rule, receipt, undecided: months that have no row yet (E_RACE for others),
// and any months
int account_credits_insert(store_t *store, const rows_t *rows, err_t *err) MUST_USE;
int account_credits_put(store_t *store, const rows_t *rows, err_t *err) MUST_USE;
