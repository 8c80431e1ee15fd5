// Tables around what becomes of a person: bills that were paid and are owed no longer, and numbers that stand for
// somebody else. Set-based like store.h.
#pragma once
#include "store.h"

// `number`: of the parked money and of the event that took the bill out of its receipt. `body`: the bill.
#define LIFE_TABLES_SQL                                                                                                \
    "CREATE TABLE withdrawn (number TEXT NOT NULL PRIMARY KEY, receipt TEXT NOT NULL, partition BIGINT NOT NULL,"      \
    " person TEXT NOT NULL, period TEXT NOT NULL, amount_fen BIGINT NOT NULL, reason TEXT NOT NULL,"                   \
    " at_ms BIGINT NOT NULL, body BYTEA NOT NULL);"                                                                    \
    "CREATE INDEX withdrawn_receipt ON withdrawn (receipt);"                                                           \
    "CREATE TABLE merged (person TEXT NOT NULL PRIMARY KEY, into_partition BIGINT NOT NULL, into_person TEXT NOT"      \
    " NULL);"                                                                                                          \
    "CREATE INDEX merged_into ON merged (into_person);"

// ---- paid bills that are owed no longer

// partition, person, period → key, employer, receipt, paid_on, body, payer of the receipt, own_fen
int bills_paid_of(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
int bills_take_out(store_t *store, const rows_t *rows,
                   err_t *err) MUST_USE; // partition, person, period; paid ones only
enum { WITHDRAWN_COLUMNS = 9 };
int withdrawn_insert(store_t *store, const rows_t *rows, err_t *err) MUST_USE; // in the order of the table
int withdrawn_of(store_t *store, const char *receipt, arena_t *arena, bool *any, err_t *err) MUST_USE;

// All bills of a period, differences among them: partition, person, period, period of the last difference there can be
// → key, period, employer, identity, paid_on, receipt, body, own_fen, wage_fen; by period
int bill_pieces_of(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
// partition, person, period, wage: that they are right on now
int bills_put_wages(store_t *store, const rows_t *rows, err_t *err) MUST_USE;
// partition, person, period, body: of unpaid ones
int bills_put_bodies(store_t *store, const rows_t *rows, err_t *err) MUST_USE;

// ---- numbers that stand for somebody else

int merged_of(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) MUST_USE; // person → person
int merged_put(store_t *store, const rows_t *rows,
               err_t *err) MUST_USE; // person, partition and number that it leads to
int merged_lead_on(store_t *store, const rows_t *rows,
                   err_t *err) MUST_USE; // number that led there, leads to: part., no.
// partition, person → key, period, employer, total, paid_on, receipt, body, wage, identity, own_fen; by period
int bills_whole(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
int bills_remove(store_t *store, const rows_t *rows,
                 err_t *err) MUST_USE; // partition, person, period; whatever they are
