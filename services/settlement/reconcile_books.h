// Settlement's side of reconciliation: what the journal adds up to, by the books of book_rows.h.
#pragma once
#include "book_rows.h"
#include "settlement.h"

// The party of an account in book "money"; E_NOT_FOUND when the city keeps no money there, E_INVALID_FIELD when a
// county is missing or too much.
int books_party(const settlement_t *settlement, const char *account, const char *county, const char **out,
                err_t *err) MUST_USE;
// Inside a transaction: the journal followed to its end, or E_BUSY when that is more than one command may take on.
int books_catch_up(settlement_t *settlement, err_t *err) MUST_USE;

// Methods follow_rows, get_digests, get_digest_rows.
int books_follow(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                 err_t *err);
int books_get_digests(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                      err_t *err);
int books_get_rows(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                   err_t *err);
