// Differences as cases: opened when a comparison finds them, followed by an owner until they are explained or settled,
// settled by themselves when a later comparison no longer finds them. A difference that a clerk has settled stays so as
// long as its figures do; one that comes back with others, or after it had gone, is opened again. Every step is kept.
#pragma once
#include "reconcile_store.h"
#include "settlement.h"

enum { CASES_AT_ONCE_MAX = 20000, CASE_TEXT_BYTES_MAX = 500, CASE_OWNER_BYTES_MAX = 64 };

typedef struct case_found { // a difference as it is now
    const char *kind, *party, *day, *reference, *what, *text;
    fen_t here, there;
} case_found_t;

typedef struct case_scope { // of which differences the list is complete
    const char *pair, *owner;
    const char *party; // "": all
    const char *from, *to;
    const char *by;
    bool complete; // false: nothing is settled, because not everything was listed
} case_scope_t;

typedef struct case_changes {
    int64_t opened, settled, open;
} case_changes_t;

// Write what is new, changed or gone. E_TOO_LARGE over CASES_AT_ONCE_MAX; the last writes of a command.
int cases_update(settlement_t *settlement, const case_scope_t *scope, const case_found_t *found, size_t count,
                 case_changes_t *out, err_t *err) MUST_USE;
// The unsettled ones of the caller's counties or facilities as messages, the oldest first, of the next `limit`. `next`
// (may be NULL): the number behind which to go on, 0 when these were the last.
int cases_tell(settlement_t *settlement, const Tc__ListCases *ask, int64_t limit, Tc__ReconcileCase ***out,
               size_t *count, int64_t *next, err_t *err) MUST_USE;

// Methods: the handlers of service.h.
int cases_get_list(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                   err_t *err);
int case_get(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
             err_t *err);
int case_change(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                err_t *err);
