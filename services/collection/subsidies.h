// Public money that was really paid for a year (财政补助到账): booked on what is open of an obligation, told as
// contribution.received, and given back by a decision. Method receive_subsidy: all of it or nothing, and
// E_UNAVAILABLE with field "count" while the city is walked over for it (owed.h).
#pragma once
#include "desk.h"

// `body`: the Receipt as it was told. returned_ms 0: it stands.
#define SUBSIDY_TABLES_SQL                                                                                             \
    "CREATE TABLE subsidy (receipt TEXT NOT NULL PRIMARY KEY, year BIGINT NOT NULL, division TEXT NOT NULL,"           \
    " tier TEXT NOT NULL, item TEXT NOT NULL, payer TEXT NOT NULL, amount_fen BIGINT NOT NULL, paid_on TEXT NOT NULL," \
    " body BYTEA NOT NULL, returned_ms BIGINT NOT NULL, returned_by TEXT NOT NULL, returned_why TEXT NOT NULL);"       \
    "CREATE INDEX subsidy_year ON subsidy (year);"

// Those that stand, in ctx->arena.
int subsidies_of_year(collection_t *c, int year, Tc__Receipt ***out, size_t *count, err_t *err) MUST_USE;

int subsidies_receive(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                      err_t *err);
// Gives one back: event contribution.returned. False in *found when the receipt is none; E_EXISTS when it was returned.
int subsidies_return(collection_t *c, const char *receipt, int64_t at_ms, const char *by, const char *why, bool *found,
                     fen_t *amount, err_t *err) MUST_USE;
