// From a batch of requests to the turns: admitted one by one, sorted by method, order of arrival kept within a method.
// What writes chains goes first, so that a quote sent after a settle of the same batch sees it. What has a handler goes
// through the command shell that all services share, last, since that shell empties the arena.
#include "handlers.h"
#include "account.pb-c.h"
#include "accounts.h"
#include "ahead.h"
#include "catalogue_load.h"
#include "digests.h"
#include "history.h"
#include "readjudicate.h"
#include "reads.h"
#include "settle.h"
#include "visits.h"
#include <stdlib.h>
#include <string.h>

enum { CALLERS = ROLE_HOSPITAL | ROLE_CLERK | ROLE_ADMIN | ROLE_SERVICE, OFFICE = ROLE_CLERK | ROLE_ADMIN };

const method_t adjudication_methods[METHOD__COUNT] = {
    [METHOD_QUOTE] = {"quote", CALLERS | METHOD_SCOPED, true, &tc__bill__descriptor, NULL},
    [METHOD_SETTLE] = {"settle", CALLERS | METHOD_SCOPED, false, &tc__bill__descriptor, NULL},
    [METHOD_REVERSE] = {"reverse", CALLERS | METHOD_SCOPED, false, &tc__reverse_bill__descriptor, NULL},
    [METHOD_RECOMPUTE] = {"recompute", OFFICE | ROLE_SERVICE, false, &tc__recompute__descriptor, NULL},
    [METHOD_GET_DECISION] = {"get_decision", CALLERS | METHOD_SCOPED, true, &tc__get_decision__descriptor, NULL},
    [METHOD_EXPLAIN] = {"explain", CALLERS | METHOD_SCOPED, true, &tc__get_decision__descriptor, NULL},
    [METHOD_GET_VERSIONS] = {"get_versions", CALLERS | METHOD_SCOPED, true, &tc__get_versions__descriptor, NULL},
    [METHOD_GET_STATUS] = {"get_status", CALLERS | METHOD_SCOPED, true, &tc__get_status__descriptor, NULL},
    [METHOD_GET_DECISIONS] = {"get_decisions", CALLERS | METHOD_SCOPED, true, &tc__get_decisions__descriptor, NULL},
    [METHOD_QUOTE_AS] = {"quote_as", CALLERS | METHOD_SCOPED, true, &tc__quote_as__descriptor, NULL},
    [METHOD_FIND_AFFECTED] = {"find_affected", OFFICE, true, &tc__find_affected__descriptor, readjudicate_find},
    [METHOD_READJUDICATE] = {"readjudicate", OFFICE, false, &tc__readjudicate__descriptor, readjudicate_begin},
    [METHOD_RETRY_TASKS] = {"retry_tasks", OFFICE, false, &tc__retry_tasks__descriptor, readjudicate_retry},
    [METHOD_GET_TASK] = {"get_task", OFFICE, true, &tc__get_task__descriptor, readjudicate_task},
    [METHOD_GET_TASKS] = {"get_tasks", OFFICE, true, &tc__get_tasks__descriptor, readjudicate_tasks},
    [METHOD_STAGE_POLICY] = {"stage_policy", ROLE_ADMIN, false, &tc__stage_policy__descriptor, policy_stage},
    [METHOD_RELEASE_POLICY] = {"release_policy", ROLE_ADMIN, false, &tc__release_policy__descriptor, policy_release},
    [METHOD_GET_RELEASES] = {"get_releases", OFFICE, true, &tc__get_releases__descriptor, policy_releases},
    [METHOD_LOAD_CATALOGUE] = {"load_catalogue", OFFICE, false, &tc__load_catalogue__descriptor, catalogue_load},
    [METHOD_GET_CATALOGUE_ITEM] = {"get_catalogue_item", CALLERS | METHOD_SCOPED, true,
                                   &tc__get_catalogue_item__descriptor, catalogue_get_item},
    [METHOD_SPLIT] = {"split", CALLERS | METHOD_FACILITIES, true, &tc__split_lines__descriptor, visit_split},
    [METHOD_REGISTER_VISIT] = {"register_visit", CALLERS | METHOD_FACILITIES, false, &tc__register_visit__descriptor,
                               visit_register},
    [METHOD_ADD_LINES] = {"add_lines", CALLERS | METHOD_FACILITIES, false, &tc__add_lines__descriptor, visit_add_lines},
    [METHOD_REMOVE_LINES] = {"remove_lines", CALLERS | METHOD_FACILITIES, false, &tc__remove_lines__descriptor,
                             visit_remove_lines},
    [METHOD_CANCEL_VISIT] = {"cancel_visit", CALLERS | METHOD_FACILITIES, false, &tc__cancel_visit__descriptor,
                             visit_cancel},
    [METHOD_GET_VISIT] = {"get_visit", CALLERS | METHOD_FACILITIES, true, &tc__get_visit__descriptor, visit_get},
    [METHOD_GET_ACCOUNT] = {"get_account", OFFICE | ROLE_SERVICE | METHOD_DISTRICTS, true, &tc__get_account__descriptor,
                            account_get},
    [METHOD_SHARE_ACCOUNT] = {"share_account", OFFICE | METHOD_DISTRICTS, false, &tc__share_account__descriptor,
                              account_share},
    [METHOD_CORRECT_ACCOUNT] = {"correct_account", OFFICE | METHOD_DISTRICTS, false, &tc__correct_account__descriptor,
                                account_correct},
    [METHOD_FOLLOW_ROWS] = {"follow_rows", OFFICE | ROLE_SERVICE, false, &tc__follow_rows__descriptor, digests_follow},
    [METHOD_GET_DIGESTS] = {"get_digests", OFFICE | ROLE_SERVICE, true, &tc__get_digests__descriptor, digests_get},
    [METHOD_GET_DIGEST_ROWS] = {"get_digest_rows", OFFICE | ROLE_SERVICE, true, &tc__get_digests__descriptor,
                                digests_get_rows},
};

typedef struct sorted {
    const request_t **requests[METHOD__COUNT];
    size_t count[METHOD__COUNT];
    size_t handled; // in adjudication_t.handled
} sorted_t;

static bool is_handled(const request_t *request) {
    for (size_t m = 0; m < COUNT_OF(adjudication_methods); m++)
        if (strcmp(adjudication_methods[m].name, request->header.method) == 0) return adjudication_methods[m].handle;
    return false;
}

static int make_room(adjudication_t *on, size_t count) {
    if (count <= on->handled_room) return 0;
    request_t *grown = realloc(on->handled, count * sizeof *grown);
    if (!grown) return -1;
    on->handled = grown;
    on->handled_room = count;
    return 0;
}

// The first `prepared` are settlements that were let in before.
static int sort_requests(adjudication_t *on, const request_t *requests, size_t count, size_t prepared,
                         sorted_t *sorted) {
    for (int m = 0; m < METHOD__COUNT; m++) {
        sorted->requests[m] = arena_alloc(on->arena, (count + 1) * sizeof *sorted->requests[m]);
        if (!sorted->requests[m]) return -1;
    }
    if (on->commands && make_room(on, count)) return -1;
    for (size_t i = 0; i < prepared; i++)
        sorted->requests[METHOD_SETTLE][sorted->count[METHOD_SETTLE]++] = &requests[i];
    for (size_t i = prepared; i < count; i++) {
        const method_t *method;
        err_t err = {0};
        if (on->commands && is_handled(&requests[i])) {
            on->handled[sorted->handled++] = requests[i];
            continue;
        }
        int rc = commands_admit(&adjudication_service, &requests[i], &method, &err);
        if (!rc && method->handle) rc = err_set(&err, E_UNAVAILABLE, "nobody handles commands here");
        if (rc) {
            adjudication_refuse(on, &requests[i], rc, &err);
            continue;
        }
        size_t m = (size_t)(method - adjudication_methods);
        // One turn for all that write chains, in the order in which they arrived.
        if (m == METHOD_REVERSE || m == METHOD_RECOMPUTE) m = METHOD_SETTLE;
        sorted->requests[m][sorted->count[m]++] = &requests[i];
    }
    return 0;
}

static void do_batch(adjudication_t *on, turn_t *prepared, const request_t *requests, size_t count) {
    sorted_t sorted = {0};
    if (sort_requests(on, requests, count, prepared ? prepared->batch.count : 0, &sorted)) {
        err_t err = {0};
        int rc = err_set(&err, E_IO, "out of memory for the batch");
        for (size_t i = 0; i < count; i++) adjudication_refuse(on, &requests[i], rc, &err);
        return;
    }
    if (sorted.count[METHOD_SETTLE])
        settle_turn(on, prepared, sorted.requests[METHOD_SETTLE], sorted.count[METHOD_SETTLE]);
    if (sorted.count[METHOD_QUOTE]) quote_turn(on, sorted.requests[METHOD_QUOTE], sorted.count[METHOD_QUOTE]);
    for (int m = METHOD_GET_DECISION; m <= METHOD_EXPLAIN; m++)
        if (sorted.count[m]) decision_turn(on, sorted.requests[m], sorted.count[m], m == METHOD_EXPLAIN);
    for (size_t i = 0; i < sorted.count[METHOD_GET_VERSIONS]; i++)
        versions_get(on, sorted.requests[METHOD_GET_VERSIONS][i]);
    for (size_t i = 0; i < sorted.count[METHOD_GET_STATUS]; i++) status_get(on, sorted.requests[METHOD_GET_STATUS][i]);
    for (size_t i = 0; i < sorted.count[METHOD_GET_DECISIONS]; i++)
        history_get(on, sorted.requests[METHOD_GET_DECISIONS][i]);
    for (size_t i = 0; i < sorted.count[METHOD_QUOTE_AS]; i++)
        history_quote_as(on, sorted.requests[METHOD_QUOTE_AS][i]);
    if (sorted.handled) commands_batch(on->commands, on->handled, sorted.handled);
}

void adjudication_batch(void *self, const request_t *requests, size_t count) {
    adjudication_t *on = self;
    turn_t *prepared = ahead_begin(on, requests, count);
    do_batch(on, prepared, requests, count);
    if (prepared) ahead_end(on);
}
