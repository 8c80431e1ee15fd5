// Debits of the residents' yearly fee (代扣代缴, JM-C-45): the account of each, and the list for the bank. What the
// bank took comes back as receipts (receipts.h): the whole fee, or nothing; less is parked as underpaid, and the fee
// stays unpaid (JM-C-46); why it took nothing is kept apart (failed_debits.h). An account is personal data: replies but
// for the list mask it, errors and logs never hold it.
#pragma once
#include "desk.h"

#define DEBIT_TABLES_SQL                                                                                               \
    "CREATE TABLE debit_account (partition BIGINT NOT NULL, person TEXT NOT NULL, kind TEXT NOT NULL,"                 \
    " bank TEXT NOT NULL, account TEXT NOT NULL, PRIMARY KEY (partition, person));"

enum { DEBITS_LIMIT_DEFAULT = 1000, DEBITS_LIMIT_MAX = 2000, ACCOUNT_MIN = 8, ACCOUNT_MAX = 32, BANK_MAX = 100 };

int debits_set_account(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                       err_t *err);
int debits_list(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                err_t *err);
// The account of a number becomes that of the number it was merged into, which keeps its own if it has one, and its
// failed debits go there too. A row of `pairs` is partition and number, then those it leads to.
int debits_move(collection_t *c, const rows_t *pairs, err_t *err) MUST_USE;
