// Message in, message out. Each handler reads, lets the core decide, then writes state and event; a refusal writes
// nothing.
#include "handlers.h"
#include "common/base/log.h"
#include "desk.h"
#include <string.h>

static int change_person(enrollment_t *e, Tc__PersonState *after, ProtobufCMessage **reply, err_t *err) {
    int rc = desk_change(e, &after, 1, e->now_ms(), err);
    if (rc == 0) *reply = &after->base;
    return rc;
}

static int register_person(void *self, const request_t *request, const ProtobufCMessage *message,
                           ProtobufCMessage **reply, err_t *err) {
    (void)request;
    enrollment_t *e = self;
    const Tc__RegisterPerson *ask = (const Tc__RegisterPerson *)message;
    enrollment_rules_t rules = desk_rules(e);
    Tc__PersonState *after = NULL, *known = NULL;
    const char *other = NULL;
    int rc = person_register(&rules, ask, &after, err);
    if (rc == 0) rc = person_fetch(e->ctx->store, ask->person, e->ctx->arena, &known, err);
    if (rc == 0 && known) rc = err_field(err, E_EXISTS, "person", "this person number is registered already");
    if (rc == 0) rc = person_by_citizen(e->ctx->store, ask->citizen_id, e->ctx->arena, &other, err);
    if (rc == 0 && other)
        rc = err_field(err, E_EXISTS, "citizen_id", "this citizen ID is registered under person number %s", other);
    if (rc) return rc;
    person_secrets_t secrets = {ask->citizen_id, ask->name};
    rc = desk_register(e, &after, &secrets, 1, e->now_ms(), err);
    if (rc == 0) *reply = &after->base;
    return rc;
}

static int register_employer(void *self, const request_t *request, const ProtobufCMessage *message,
                             ProtobufCMessage **reply, err_t *err) {
    (void)request;
    enrollment_t *e = self;
    const Tc__RegisterEmployer *ask = (const Tc__RegisterEmployer *)message;
    enrollment_rules_t rules = desk_rules(e);
    Tc__EmployerState *after = NULL, *known = NULL;
    const char *other = NULL;
    int rc = employer_register(&rules, ask, &after, err);
    if (rc == 0) rc = employer_fetch(e->ctx->store, ask->employer, e->ctx->arena, &known, err);
    if (rc == 0 && known) rc = err_field(err, E_EXISTS, "employer", "this employer number is registered already");
    if (rc == 0) rc = employer_by_uscc(e->ctx->store, ask->uscc, e->ctx->arena, &other, err);
    if (rc == 0 && other)
        rc = err_field(err, E_EXISTS, "uscc", "this credit code is registered under employer number %s", other);
    if (rc) return rc;
    rc = employer_insert(e->ctx->store, after, ask->uscc, e->ctx->arena, err);
    if (rc == 0) rc = desk_publish(e, after->employer, "employer.changed", e->now_ms(), &after->base, err);
    if (rc == 0) *reply = &after->base;
    return rc;
}

static int open_spell(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                      err_t *err) {
    (void)request;
    enrollment_t *e = self;
    const Tc__OpenSpell *ask = (const Tc__OpenSpell *)message;
    enrollment_rules_t rules = desk_rules(e);
    Tc__PersonState *before = NULL, *after = NULL;
    Tc__EmployerState *employer = NULL;
    int rc = desk_find(e, "person", ask->person, &before, err);
    if (rc == 0) rc = person_open_spell(&rules, before, ask, &after, err);
    if (rc == 0 && spell_needs_employer(ask)) {
        rc = employer_fetch(e->ctx->store, ask->employer, e->ctx->arena, &employer, err);
        if (rc == 0 && !employer)
            rc = err_field(err, E_NOT_FOUND, "employer", "no employer is registered under this number");
    }
    return rc ? rc : change_person(e, after, reply, err);
}

static int close_spell(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                       err_t *err) {
    (void)request;
    enrollment_t *e = self;
    const Tc__CloseSpell *ask = (const Tc__CloseSpell *)message;
    enrollment_rules_t rules = desk_rules(e);
    Tc__PersonState *before = NULL, *after = NULL;
    int rc = desk_find(e, "person", ask->person, &before, err);
    if (rc == 0) rc = person_close_spell(&rules, before, ask, &after, err);
    return rc ? rc : change_person(e, after, reply, err);
}

static int set_group(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                     err_t *err) {
    (void)request;
    enrollment_t *e = self;
    const Tc__SetGroup *ask = (const Tc__SetGroup *)message;
    enrollment_rules_t rules = desk_rules(e);
    Tc__PersonState *before = NULL, *after = NULL;
    int rc = desk_find(e, "person", ask->person, &before, err);
    if (rc == 0) rc = person_set_group(&rules, before, ask, &after, err);
    return rc ? rc : change_person(e, after, reply, err);
}

static int get_person(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                      err_t *err) {
    (void)request;
    Tc__PersonState *state = NULL;
    int rc = desk_find(self, "person", ((const Tc__GetPerson *)message)->person, &state, err);
    if (rc == 0) *reply = &state->base;
    return rc;
}

enrollment_t *enrollment_new(service_ctx_t *ctx, const policy_t *policy) {
    enrollment_t *e = calloc(1, sizeof *e);
    if (!e) return NULL;
    e->ctx = ctx;
    e->policy = policy;
    e->now_ms = clock_now_ms;
    return e;
}

void enrollment_destroy(enrollment_t **enrollment) {
    if (!enrollment || !*enrollment) return;
    policy_destroy(&(*enrollment)->own_policy);
    free(*enrollment);
    *enrollment = NULL;
}

static int start(service_ctx_t *ctx, void **self, err_t *err) {
    policy_t *policy = NULL;
    int rc = policy_load(&policy, conf_text(ctx->conf, "policy.city"), conf_list(ctx->conf, "policy.overlays"), err);
    if (rc) return rc;
    enrollment_t *e = enrollment_new(ctx, policy);
    if (!e) {
        policy_destroy(&policy);
        return err_set(err, E_IO, "out of memory");
    }
    e->own_policy = policy;
    log_info("policy_loaded", "city=%s hash=%s", log_value(policy_city(policy)), policy_hash(policy));
    *self = e;
    return 0;
}

static void stop(void *self) {
    enrollment_t *e = self;
    enrollment_destroy(&e);
}

#define WRITERS (ROLE_ADMIN | ROLE_CLERK)
#define READERS (WRITERS | ROLE_SERVICE)
static const method_t methods[] = {
    {"register_person", WRITERS, false, &tc__register_person__descriptor, register_person},
    {"register_employer", WRITERS, false, &tc__register_employer__descriptor, register_employer},
    {"open_spell", WRITERS, false, &tc__open_spell__descriptor, open_spell},
    {"close_spell", WRITERS, false, &tc__close_spell__descriptor, close_spell},
    {"set_group", WRITERS, false, &tc__set_group__descriptor, set_group},
    {"get_person", READERS, true, &tc__get_person__descriptor, get_person},
};

const service_t enrollment_service = {
    .name = "enrollment",
    .migrations = enrollment_migrations,
    .migration_count = ENROLLMENT_MIGRATIONS,
    .log = &stream_table_log,
    .methods = methods,
    .method_count = COUNT_OF(methods),
    .start = start,
    .stop = stop,
};
