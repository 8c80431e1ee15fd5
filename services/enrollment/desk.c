#include "desk.h"
#include "common/base/ids.h"
#include "common/wire/scope.h"

enrollment_rules_t desk_rules(const enrollment_t *e) {
    return (enrollment_rules_t){e->policy, e->ctx->arena, date_of_ms(e->now_ms())};
}

int desk_find(enrollment_t *e, const char *field, const char *person, Tc__PersonState **out, err_t *err) {
    if (!*person) return err_field(err, E_MISSING_FIELD, field, "%s is missing", field);
    int rc = person_fetch(e->ctx->store, person, e->ctx->arena, out, err);
    if (rc == 0 && !*out) rc = err_field(err, E_NOT_FOUND, field, "no person is registered under this number");
    return rc ? rc : scope_check_division(e->ctx->scope, (*out)->division, err);
}

int desk_publish(enrollment_t *e, const char *key, const char *topic, int64_t at_ms, const ProtobufCMessage *state,
                 err_t *err) {
    size_t size;
    int64_t number;
    void *body = message_pack(state, e->ctx->arena, &size);
    if (!body) return err_set(err, E_IO, "out of memory");
    return stream_reserve(e->ctx->stream, partition_of(key), topic, at_ms, body, size, &number, err);
}

static int publish_all(enrollment_t *e, Tc__PersonState *const *states, size_t count, int64_t at_ms, err_t *err) {
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = desk_publish(e, states[i]->person, "person.changed", at_ms, &states[i]->base, err);
    return rc;
}

int desk_register(enrollment_t *e, Tc__PersonState *const *states, const person_secrets_t *secrets, size_t count,
                  int64_t at_ms, err_t *err) {
    int rc = persons_insert(e->ctx->store, states, secrets, count, at_ms, e->ctx->arena, err);
    return rc ? rc : publish_all(e, states, count, at_ms, err);
}

int desk_change(enrollment_t *e, Tc__PersonState *const *states, size_t count, int64_t at_ms, err_t *err) {
    int rc = persons_update(e->ctx->store, states, count, at_ms, e->ctx->arena, err);
    return rc ? rc : publish_all(e, states, count, at_ms, err);
}
