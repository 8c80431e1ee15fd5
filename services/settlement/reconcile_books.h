// Settlement's side of reconciliation: what the journal adds up to. Book "bills": what is owed to facilities for bills,
// by layer, under the day of discharge; what is paid of it is no part of it. Book "money": every entry that moved a
// money account, under the account (account@county where counties hold it).
#pragma once
#include "common/reconcile/standing.h"
#include "settlement.h"

// standing_change() for each row that an entry changes. Pure.
int books_of_entry(const fund_rules_t *fund, const Tc__JournalEntry *entry, arena_t *arena, rows_t *changes,
                   err_t *err) MUST_USE;
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
