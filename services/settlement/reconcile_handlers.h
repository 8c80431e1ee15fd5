// Methods of reconciliation: rows for the service's table, and what other parts of settlement ask.
#pragma once
#include "bank_import.h"
#include "cases.h"
#include "reconcile_books.h"

int comparison_record(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                      err_t *err);

typedef struct reconcile_scope {
    const char *pair;      // business, facility, bank, treasury or tax
    const char *party;     // facility; account of the city file; "" = all
    const char *county;    // where counties hold the account; else ""
    const char *from, *to; // days
} reconcile_scope_t;
typedef struct reconcile_sides {
    fen_t ours, theirs; // theirs: ours and every difference that is still open
    int64_t open;       // such differences
} reconcile_sides_t;
// The two sides of a reconciliation, for guards: explained and settled differences are understood, so the sides are
// equal when nothing is left to be understood. E_NOT_FOUND when these days were not compared yet: no comparison of just
// this scope, or no statements that were matched and cover every day of it.
int reconcile_agrees(settlement_t *settlement, const reconcile_scope_t *scope, reconcile_sides_t *out,
                     err_t *err) MUST_USE;
// Has the account of the scope ever had an entry or a statement up to its last day?
int reconcile_knows(settlement_t *settlement, const reconcile_scope_t *scope, bool *out, err_t *err) MUST_USE;

#define RECONCILE_METHODS(readers, clerks)                                                                             \
    {"follow_rows", clerks | ROLE_SERVICE, false, &tc__follow_rows__descriptor, books_follow},                         \
        {"get_digests", readers, true, &tc__get_digests__descriptor, books_get_digests},                               \
        {"get_digest_rows", readers, true, &tc__get_digests__descriptor, books_get_rows},                              \
        {"import_statement", (clerks) | METHOD_DISTRICTS, false, &tc__import_statement__descriptor, statement_import}, \
        {"match_statement", (clerks) | METHOD_DISTRICTS, false, &tc__match_statement__descriptor, statement_match},    \
        {"record_comparison", clerks, false, &tc__record_comparison__descriptor, comparison_record},                   \
        {"list_cases", (readers) | METHOD_SCOPED, true, &tc__list_cases__descriptor, cases_get_list},                  \
        {"get_case", (readers) | METHOD_SCOPED, true, &tc__get_case__descriptor, case_get},                            \
        {"change_case", (clerks) | METHOD_SCOPED, false, &tc__change_case__descriptor, case_change},
