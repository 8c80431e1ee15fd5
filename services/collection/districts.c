// One question for all employers and one for all persons, whatever their number.
#include "districts.h"
#include "common/wire/scope.h"

typedef struct asked { // payers of one kind: their keys, and where they stand among all
    rows_t keys;
    size_t *places, count;
} asked_t;

static int out_of_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

static int list(asked_t *asked, const payer_key_t *payers, size_t count, bool employers, arena_t *arena, err_t *err) {
    int rc = 0;
    rows_init(&asked->keys, arena, 2);
    if (!(asked->places = arena_alloc(arena, (count + 1) * sizeof *asked->places))) return out_of_memory(err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if ((*payers[i].employer != '\0') != employers) continue;
        rc = key_add(&asked->keys, employers ? payers[i].employer : payers[i].person, err);
        asked->places[asked->count++] = i;
    }
    return rc;
}

static int own_employers(collection_t *c, const asked_t *asked, bool *own, err_t *err) {
    rows_t found;
    int rc = employer_divisions_of(c->ctx->store, &asked->keys, c->ctx->arena, &found, err);
    for (size_t i = 0; rc == 0 && i < found.count; i++)
        own[asked->places[row_i64(&found, i, 0)]] = scope_has_division(c->ctx->scope, row_text(&found, i, 1));
    return rc;
}

static int own_persons(collection_t *c, const asked_t *asked, bool *own, err_t *err) {
    rows_t found;
    int rc = persons_of(c->ctx->store, &asked->keys, c->ctx->arena, &found, err);
    for (size_t i = 0; rc == 0 && i < found.count; i++) {
        size_t size;
        ProtobufCMessage *state = NULL;
        const void *body = row_blob(&found, i, 2, &size);
        rc = message_unpack(&state, &tc__person_state__descriptor, body, size, c->ctx->arena, err);
        if (rc == 0)
            own[asked->places[row_i64(&found, i, 0)]] =
                scope_has_division(c->ctx->scope, ((const Tc__PersonState *)state)->division);
    }
    return rc;
}

int districts_own(collection_t *c, const payer_key_t *payers, size_t count, bool *own, err_t *err) {
    const bool whole = !scope_names_divisions(c->ctx->scope);
    asked_t employers = {0}, persons = {0};
    for (size_t i = 0; i < count; i++) own[i] = whole;
    if (whole || count == 0) return 0;
    int rc = list(&employers, payers, count, true, c->ctx->arena, err);
    if (rc == 0) rc = list(&persons, payers, count, false, c->ctx->arena, err);
    if (rc == 0) rc = own_employers(c, &employers, own, err);
    return rc ? rc : own_persons(c, &persons, own, err);
}

int districts_check_payer(collection_t *c, const char *employer, const char *person, err_t *err) {
    const payer_key_t payer = {.employer = employer, .person = person};
    bool own = true;
    if (!scope_names_divisions(c->ctx->scope)) return 0;
    int rc = desk_need_payer(c, employer, person, err);
    if (rc == 0) rc = districts_own(c, &payer, 1, &own, err);
    if (rc || own) return rc;
    return err_field(err, E_DENIED, *employer ? "employer" : "person", "this key works for other districts only");
}
