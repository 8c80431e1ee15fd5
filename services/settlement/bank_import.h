// Statements of banks, the treasury and the tax bureau come in (import_statement) and are held against the books
// (match_statement); what is not matched on either side becomes a case. The same statement twice changes nothing; its
// number with other content is refused.
#pragma once
#include "reconcile_store.h"
#include "settlement.h"

enum { STATEMENT_PART_MAX = 5000, STATEMENT_ROWS_MAX = 100000, TOLERANCE_DAYS_MAX = 31 };

int statement_import(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                     err_t *err);
int statement_match(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                    err_t *err);
