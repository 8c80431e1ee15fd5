// Debits that the bank could not make, and why, as it says (JM-C-46): kept by person, year and day, and told to whoever
// looks. Nothing of the bill changes by it: it is unpaid before and after, and what was taken comes as receipts. A
// reason holds no account: one that looks as if it did is refused.
#pragma once
#include "desk.h"

// `failed_on`: the day of the debit; a fee that is debited again and again has a row for each.
#define FAILED_DEBIT_TABLES_SQL                                                                                        \
    "CREATE TABLE failed_debit (partition BIGINT NOT NULL, person TEXT NOT NULL, period TEXT NOT NULL,"                \
    " failed_on TEXT NOT NULL, amount_fen BIGINT NOT NULL, reason TEXT NOT NULL, bank_reference TEXT NOT NULL,"        \
    " told_by TEXT NOT NULL, told_ms BIGINT NOT NULL, PRIMARY KEY (partition, person, period, failed_on));"

enum { FAILED_ROWS_MAX = 500, FAILED_LIMIT_DEFAULT = 100, FAILED_LIMIT_MAX = 1000, FAILED_TEXT_MAX = 300 };

int failed_debits_report(void *self, const request_t *request, const ProtobufCMessage *message,
                         ProtobufCMessage **reply, err_t *err);
int failed_debits_list(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                       err_t *err);
// keys of partition, person, period → key, failed_on, reason of the newest one
int failed_debits_newest(collection_t *c, const rows_t *keys, rows_t *out, err_t *err) MUST_USE;
// Those of a number go to the number that it was merged into, unless that has one of the same fee and day: `pairs` as
// of debits_move (debits.h), whose first two columns are `gone`.
int failed_debits_move(collection_t *c, const rows_t *pairs, const rows_t *gone, err_t *err) MUST_USE;
