#include "readjudicate.h"
#include "account_store.h"
#include "adjudication.h"
#include "common/base/log.h"
#include "touched_lines.h"
#include <string.h>

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

static int64_t now_of(const adjudication_t *on) { return on->ports.now_ms(on->ports.self); }

// ---- what is affected

int readjudicate_find(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                      err_t *err) {
    (void)request;
    adjudication_t *on = self;
    const Tc__FindAffected *ask = (const Tc__FindAffected *)message;
    int rc = affected_check(ask, err);
    return rc ? rc : affected_page(on->store, ask, NULL, NULL, on->arena, (Tc__Affected **)reply, err);
}

int readjudicate_begin(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                       err_t *err) {
    (void)request;
    adjudication_t *on = self;
    const Tc__Readjudicate *ask = (const Tc__Readjudicate *)message;
    const int64_t now_ms = now_of(on);
    int64_t number;
    if (!*ask->cause) return err_field(err, E_MISSING_FIELD, "cause", "cause is missing: it is kept in the versions");
    if (strlen(ask->cause) > RECOMPUTE_CAUSE_MAX)
        return err_field(err, E_TOO_LARGE, "cause", "cause: at most %d bytes", RECOMPUTE_CAUSE_MAX);
    if (!recompute_cause_fits(ask->cause))
        return err_field(err, E_INVALID_FIELD, "cause", "cause has control characters");
    if (!ask->what) return err_field(err, E_MISSING_FIELD, "what", "what is missing; an empty one is everybody");
    Tc__FindAffected what = *ask->what;
    const touched_lines_t *lines;
    int rc = affected_check(&what, err);
    if (!rc) rc = touched_lines_of_codes(what.codes, what.n_codes, on->arena, &lines, err);
    if (rc) return rc;
    what.after_partition = what.after_year = 0;
    what.after_person = (char *)"";
    rc = task_add(on->store, &what, ask->cause, false, now_ms, now_ms, on->arena, &number, err);
    return rc ? rc : task_get(on->store, number, on->arena, (Tc__Task **)reply, err);
}

// ---- tasks

int readjudicate_task(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                      err_t *err) {
    (void)request;
    adjudication_t *on = self;
    return task_get(on->store, ((const Tc__GetTask *)message)->number, on->arena, (Tc__Task **)reply, err);
}

int readjudicate_tasks(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                       err_t *err) {
    (void)request, (void)message;
    adjudication_t *on = self;
    int rc = tasks_list(on->store, on->arena, (Tc__Tasks **)reply, err);
    return rc ? rc : account_untold_count(on->store, on->arena, &((Tc__Tasks *)*reply)->untold, err);
}

int readjudicate_retry(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                       err_t *err) {
    (void)request;
    adjudication_t *on = self;
    const Tc__RetryTasks *ask = (const Tc__RetryTasks *)message;
    const bool one = ask->number_given_case == TC__RETRY_TASKS__NUMBER_GIVEN_NUMBER;
    Tc__RetriedTasks *answer = arena_alloc(on->arena, sizeof *answer);
    if (!answer) return no_memory(err);
    if (one && ask->number < 0) return err_field(err, E_OUT_OF_RANGE, "number", "number is negative");
    tc__retried_tasks__init(answer);
    *reply = &answer->base;
    return recompute_retry(on->store, one ? ask->number : -1, now_of(on), on->arena, &answer->items, err);
}

// ---- policies

int policy_stage(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                 err_t *err) {
    (void)request;
    adjudication_t *on = self;
    const Tc__StagePolicy *ask = (const Tc__StagePolicy *)message;
    Tc__PolicyRelease *answer = arena_alloc(on->arena, sizeof *answer);
    char hash[65];
    if (!answer) return no_memory(err);
    int rc = release_stage(on->store, policies_current(on->policies), ask->packed.data, ask->packed.len, now_of(on),
                           hash, err);
    if (rc) return rc;
    tc__policy_release__init(answer);
    answer->hash = arena_text(on->arena, "%s", hash);
    *reply = &answer->base;
    return answer->hash ? 0 : no_memory(err);
}

int policy_release(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                   err_t *err) {
    (void)request;
    adjudication_t *on = self;
    return release_policy(on->store, policies_current(on->policies), (const Tc__ReleasePolicy *)message, now_of(on),
                          on->arena, (Tc__PolicyRelease **)reply, err);
}

int policy_releases(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                    err_t *err) {
    (void)request, (void)message;
    adjudication_t *on = self;
    Tc__PolicyReleases *list = NULL;
    int rc = releases_list(on->store, on->arena, &list, err);
    if (rc) return rc;
    list->in_force = (char *)policy_hash(policies_current(on->policies));
    *reply = &list->base;
    return 0;
}
