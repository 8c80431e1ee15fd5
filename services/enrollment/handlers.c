// Message in, message out. Each handler reads, lets the core decide, then writes state and event; a refusal writes
// nothing.
#include "certificate.h"
#include "handlers.h"
#include "common/base/log.h"
#include "common/wire/scope.h"
#include "desk.h"
#include "employer_kind.h"
#include "fields.h"
#include "import.h"
#include "import_store.h"
#include "list.h"
#include "member_index.h"
#include "parked.h"
#include <string.h>

static int change_person(enrollment_t *e, Tc__PersonState *after, ProtobufCMessage **reply, err_t *err) {
    int rc = desk_change(e, &after, 1, e->now_ms(), err);
    if (rc == 0) *reply = &after->base;
    return rc;
}

// Who resembles a registered person is not registered; a person decides (resolve_parked). Asked again, the same answer.
static int park(enrollment_t *e, const Tc__RegisterPerson *ask, const char *like, ProtobufCMessage **reply,
                err_t *err) {
    const parking_t parking = {.ask = ask, .like = like};
    const char *number = NULL;
    bool dropped = false;
    int rc = parked_dropped(e->ctx->store, &parking, 1, e->ctx->arena, &dropped, err);
    if (rc == 0 && dropped)
        rc = err_field(err, E_EXISTS, "person", "it was decided that this is the same human being as person %s", like);
    if (rc == 0) rc = parked_add(e->ctx->store, "", &parking, 1, e->now_ms(), e->ctx->arena, err);
    if (rc == 0) rc = parked_number(e->ctx->store, ask, e->ctx->arena, &number, err);
    if (rc) return rc;
    Tc__PersonState *answer = arena_alloc(e->ctx->arena, sizeof *answer);
    if (!answer) return out_of_memory(err);
    tc__person_state__init(answer);
    answer->person = ask->person;
    answer->parked = (char *)number;
    answer->reason = arena_text(e->ctx->arena, "same name and birth as person %s, other citizen ID", like);
    *reply = &answer->base;
    return answer->reason ? 0 : out_of_memory(err);
}

static int register_person(void *self, const request_t *request, const ProtobufCMessage *message,
                           ProtobufCMessage **reply, err_t *err) {
    (void)request;
    enrollment_t *e = self;
    const Tc__RegisterPerson *ask = (const Tc__RegisterPerson *)message;
    enrollment_rules_t rules = desk_rules(e);
    Tc__PersonState *after = NULL, *known = NULL;
    const char *other = NULL;
    int rc = scope_check_division(e->ctx->scope, ask->division, err);
    if (rc == 0) rc = person_register(&rules, ask, &after, err);
    if (rc == 0) rc = person_fetch(e->ctx->store, ask->person, e->ctx->arena, &known, err);
    if (rc == 0 && known) rc = err_field(err, E_EXISTS, "person", "this person number is registered already");
    if (rc == 0) rc = person_by_citizen(e->ctx->store, ask->citizen_id, e->ctx->arena, &other, err);
    if (rc == 0 && other)
        rc = err_field(err, E_EXISTS, "citizen_id", "this citizen ID is registered under person number %s", other);
    const person_secrets_t secrets = {ask->citizen_id, ask->name};
    const char *like = NULL;
    if (rc == 0) rc = persons_alike(e->ctx->store, &secrets, 1, e->ctx->arena, &like, err);
    if (rc) return rc;
    if (like) return park(e, ask, like, reply, err);
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
    int rc = scope_check_division(e->ctx->scope, ask->division, err);
    if (rc == 0) rc = employer_register(&rules, ask, &after, err);
    if (rc == 0) rc = employer_fetch(e->ctx->store, ask->employer, e->ctx->arena, &known, err);
    if (rc == 0 && known) rc = err_field(err, E_EXISTS, "employer", "this employer number is registered already");
    if (rc == 0) rc = employer_by_uscc(e->ctx->store, ask->uscc, e->ctx->arena, &other, err);
    if (rc == 0 && other)
        rc = err_field(err, E_EXISTS, "uscc", "this credit code is registered under employer number %s", other);
    if (rc) return rc;
    const int64_t now_ms = e->now_ms();
    rc = employer_insert(e->ctx->store, after, ask->uscc, e->ctx->arena, err);
    if (rc == 0) rc = employer_versions_insert(e->ctx->store, &after, 1, now_ms, e->ctx->arena, err);
    if (rc == 0) rc = desk_publish(e, after->employer, "employer.changed", now_ms, &after->base, err);
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
        if (rc == 0) rc = spell_check_employer(&rules, after, ask, employer, err);
    }
    return rc ? rc : change_person(e, after, reply, err);
}

// A method that asks the core for the state after and nothing else.
#define CHANGE(method, message_t, decide)                                                                              \
    static int method(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply, \
                      err_t *err) {                                                                                    \
        (void)request;                                                                                                 \
        enrollment_t *e = self;                                                                                        \
        const message_t *ask = (const message_t *)message;                                                             \
        enrollment_rules_t rules = desk_rules(e);                                                                      \
        Tc__PersonState *before = NULL, *after = NULL;                                                                 \
        int rc = desk_find(e, "person", ask->person, &before, err);                                                    \
        if (rc == 0) rc = decide(&rules, before, ask, &after, err);                                                    \
        return rc ? rc : change_person(e, after, reply, err);                                                          \
    }
CHANGE(close_spell, Tc__CloseSpell, person_close_spell)
CHANGE(declare_wage, Tc__DeclareWage, person_declare_wage)
CHANGE(move_person, Tc__MovePerson, person_move)
CHANGE(record_deemed, Tc__RecordDeemed, person_record_deemed)
CHANGE(transfer, Tc__TransferPerson, person_transfer)
CHANGE(record_death, Tc__RecordDeath, person_record_death)
CHANGE(end_relation, Tc__EndRelation, person_end_relation)

static int set_group(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                     err_t *err) {
    (void)request;
    enrollment_t *e = self;
    const Tc__SetGroup *ask = (const Tc__SetGroup *)message;
    enrollment_rules_t rules = desk_rules(e);
    Tc__PersonState *before = NULL, *after = NULL;
    int rc = desk_find(e, "person", ask->person, &before, err);
    if (rc == 0) rc = certificate_check(&rules, before, ask, err);
    if (rc == 0) rc = person_set_group(&rules, before, ask, &after, err);
    if (rc == 0) rc = change_person(e, after, reply, err);
    return rc ? rc : list_follow(e, after, err);
}

static int merge_persons(void *self, const request_t *request, const ProtobufCMessage *message,
                         ProtobufCMessage **reply, err_t *err) {
    (void)request;
    enrollment_t *e = self;
    const Tc__MergePersons *ask = (const Tc__MergePersons *)message;
    enrollment_rules_t rules = desk_rules(e);
    Tc__PersonState *from = NULL, *into = NULL, *after[2];
    int rc = desk_find(e, "from", ask->from, &from, err);
    if (rc == 0) rc = desk_find(e, "into", ask->into, &into, err);
    if (rc == 0) rc = person_merge(&rules, from, into, ask, &after[0], &after[1], err);
    if (rc == 0) rc = desk_change(e, after, COUNT_OF(after), e->now_ms(), err);
    if (rc == 0) rc = list_follow(e, after[1], err);
    if (rc == 0) *reply = &after[1]->base;
    return rc;
}

static int get_person(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                      err_t *err) {
    (void)request;
    Tc__PersonState *state = NULL;
    int rc = desk_find(self, "person", ((const Tc__GetPerson *)message)->person, &state, err);
    if (rc == 0) *reply = &state->base;
    return rc;
}

// The end of a day in Asia/Shanghai, which is eight hours ahead.
static int64_t day_end_ms(date_t day) {
    enum { HOUR_MS = 3600 * 1000, DAY_MS = 24 * HOUR_MS };
    return ((int64_t)day + 1) * DAY_MS - 8 * (int64_t)HOUR_MS;
}

static int find_version(enrollment_t *e, const Tc__GetPersonAsOf *ask, Tc__PersonState **state, err_t *err) {
    date_t known_on = DATE_NONE;
    int rc = desk_find(e, "person", ask->person, state, err);
    if (rc || !*ask->known_on) return rc;
    rc = field_date("known_on", ask->known_on, &known_on, err);
    if (rc == 0) rc = person_fetch_version(e->ctx->store, ask->person, day_end_ms(known_on), e->ctx->arena, state, err);
    if (rc == 0 && !*state)
        rc = err_field(err, E_NOT_FOUND, "known_on", "nothing was known of this person on %s", ask->known_on);
    return rc;
}

static int get_person_as_of(void *self, const request_t *request, const ProtobufCMessage *message,
                            ProtobufCMessage **reply, err_t *err) {
    (void)request;
    enrollment_t *e = self;
    const Tc__GetPersonAsOf *ask = (const Tc__GetPersonAsOf *)message;
    enrollment_rules_t rules = desk_rules(e);
    Tc__PersonState *state = NULL;
    date_t on = DATE_NONE;
    int rc = *ask->on ? field_date("on", ask->on, &on, err) : 0;
    if (rc == 0) rc = find_version(e, ask, &state, err);
    if (rc == 0 && *ask->on) rc = person_on(&rules, state, on, &state, err);
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

static void tick(void *self, int64_t now_ms) { member_index_tick(self, now_ms); }

#define WRITERS (ROLE_ADMIN | ROLE_CLERK)
#define READERS (WRITERS | ROLE_SERVICE)
static const method_t methods[] = {
    {"register_person", WRITERS | METHOD_DISTRICTS, false, &tc__register_person__descriptor, register_person},
    {"register_employer", WRITERS | METHOD_DISTRICTS, false, &tc__register_employer__descriptor, register_employer},
    {"set_employer_kind", WRITERS | METHOD_DISTRICTS, false, &tc__set_employer_kind__descriptor, set_employer_kind},
    {"get_employer", READERS | METHOD_DISTRICTS, true, &tc__get_employer__descriptor, get_employer},
    {"open_spell", WRITERS | METHOD_DISTRICTS, false, &tc__open_spell__descriptor, open_spell},
    {"close_spell", WRITERS | METHOD_DISTRICTS, false, &tc__close_spell__descriptor, close_spell},
    {"declare_wage", WRITERS | METHOD_DISTRICTS, false, &tc__declare_wage__descriptor, declare_wage},
    {"set_group", WRITERS | METHOD_DISTRICTS, false, &tc__set_group__descriptor, set_group},
    {"move_person", WRITERS | METHOD_DISTRICTS, false, &tc__move_person__descriptor, move_person},
    {"record_deemed", WRITERS | METHOD_DISTRICTS, false, &tc__record_deemed__descriptor, record_deemed},
    {"transfer", WRITERS | METHOD_DISTRICTS, false, &tc__transfer_person__descriptor, transfer},
    {"record_death", WRITERS | METHOD_DISTRICTS, false, &tc__record_death__descriptor, record_death},
    {"end_relation", WRITERS | METHOD_DISTRICTS, false, &tc__end_relation__descriptor, end_relation},
    {"merge_persons", WRITERS | METHOD_DISTRICTS, false, &tc__merge_persons__descriptor, merge_persons},
    {"get_person_as_of", READERS | METHOD_DISTRICTS, true, &tc__get_person_as_of__descriptor, get_person_as_of},
    {"get_person", READERS | METHOD_DISTRICTS, true, &tc__get_person__descriptor, get_person},
    {"import_persons", WRITERS | METHOD_DISTRICTS, false, &tc__import_persons__descriptor, import_persons},
    {"import_employers", WRITERS | METHOD_DISTRICTS, false, &tc__import_employers__descriptor, import_employers},
    {"import_employer_kinds", WRITERS | METHOD_DISTRICTS, false, &tc__import_employer_kinds__descriptor,
     import_employer_kinds},
    {"import_spells", WRITERS | METHOD_DISTRICTS, false, &tc__import_spells__descriptor, import_spells},
    {"import_wages", WRITERS | METHOD_DISTRICTS, false, &tc__import_wages__descriptor, import_wages},
    {"import_list", WRITERS, false, &tc__import_list__descriptor, import_list},
    {"list_parked", WRITERS | METHOD_DISTRICTS, true, &tc__list_parked__descriptor, list_parked},
    {"resolve_parked", WRITERS | METHOD_DISTRICTS, false, &tc__resolve_parked__descriptor, resolve_parked},
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
    .tick = tick,
};
