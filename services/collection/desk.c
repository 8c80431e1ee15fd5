#include "desk.h"
#include "common/base/hash.h"
#include "common/wire/scope.h"
#include "merger.h"

int desk_payer(const char *employer, const char *person, const char *period_text, payer_key_t *out, err_t *err) {
    period_t period;
    if (*employer && *person)
        return err_field(err, E_INVALID_FIELD, "person", "either an employer or a person pays, not both");
    if (!*employer && !*person) return err_field(err, E_MISSING_FIELD, "employer", "employer or person is missing");
    *out = (payer_key_t){.employer = employer, .person = person, .period = period_text};
    return period_parse(period_text, &period, err);
}

int desk_need_payer(collection_t *c, const char *employer, const char *person, err_t *err) {
    rows_t keys, rows;
    rows_init(&keys, c->ctx->arena, 2);
    int rc = key_add(&keys, *employer ? employer : person, err);
    if (rc == 0)
        rc = *employer ? employers_of(c->ctx->store, &keys, c->ctx->arena, &rows, err)
                       : persons_of(c->ctx->store, &keys, c->ctx->arena, &rows, err);
    if (rc || rows.count) return rc;
    const char *field = *employer ? "employer" : "person";
    return err_field(err, E_NOT_FOUND, field,
                     "no %s is known here under this number; a new one takes a moment to arrive", field);
}

int desk_person(collection_t *c, const char *person, Tc__PersonState **out, err_t *err) {
    rows_t keys, rows;
    size_t size;
    if (!*person) return err_field(err, E_MISSING_FIELD, "person", "person is missing");
    rows_init(&keys, c->ctx->arena, 2);
    int rc = merger_lead(c, person, &person, err);
    if (rc == 0) rc = key_add(&keys, person, err);
    if (rc == 0) rc = persons_of(c->ctx->store, &keys, c->ctx->arena, &rows, err);
    if (rc == 0 && rows.count == 0) rc = desk_need_payer(c, "", person, err);
    if (rc) return rc;
    const void *state = row_blob(&rows, 0, 2, &size);
    rc = message_unpack((ProtobufCMessage **)out, &tc__person_state__descriptor, state, size, c->ctx->arena, err);
    return rc ? rc : scope_check_division(c->ctx->scope, (*out)->division, err);
}

int64_t desk_moment_ms(collection_t *c) {
    const int64_t now_ms = clock_now_ms();
    return c->moment_ms = now_ms > c->moment_ms ? now_ms : c->moment_ms + 1;
}

int desk_tell(collection_t *c, const char *key, const char *topic, const ProtobufCMessage *message, err_t *err) {
    size_t size;
    int64_t number;
    void *body = message_pack(message, c->ctx->arena, &size);
    if (!body) return err_set(err, E_IO, "out of memory");
    return stream_reserve(c->ctx->stream, partition_of(key), topic, clock_now_ms(), body, size, &number, err);
}
