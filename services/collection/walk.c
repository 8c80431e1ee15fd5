#include "walk.h"
#include "common/base/hash.h"
#include "common/wire/scope.h"
#include "store.h"
#include <string.h>

static int check(const walk_t *walk, err_t *err) {
    if (walk->limit < 0 || walk->limit > WALK_LIMIT_MAX)
        return err_field(err, E_OUT_OF_RANGE, "limit", "expected 0 to %d persons", WALK_LIMIT_MAX);
    if (walk->parts < 0 || walk->parts > PARTITIONS)
        return err_field(err, E_OUT_OF_RANGE, "parts", "expected 0 to %d parts", PARTITIONS);
    if (walk->part < 0 || walk->part >= (walk->parts ? walk->parts : 1))
        return err_field(err, E_OUT_OF_RANGE, "part", "expected 0 to parts - 1");
    return 0;
}

// The partitions from `first` to the one before `end`, which of all parts cover each partition once.
static void range_of(const walk_t *walk, persons_range_t *out) {
    const int32_t parts = walk->parts ? walk->parts : 1;
    out->first = walk->part * PARTITIONS / parts;
    out->end = (walk->part + 1) * PARTITIONS / parts;
    out->after = walk->after;
}

// ---- a look into a packed state

// Of wire.proto's encoding: a key is field number * 8 + wire type; lengths and keys are varints.
enum { VARINT = 0, BYTES = 2, PERSON_KEY = 1 << 3 | BYTES, SPELL_KEY = 6 << 3 | BYTES, IDENTITY_KEY = 1 << 3 | BYTES };

typedef struct reader {
    const uint8_t *at, *end;
    bool bad;
} reader_t;

typedef struct field {
    uint64_t key;
    reader_t bytes; // of wire type BYTES
} field_t;

static uint64_t read_varint(reader_t *r) {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        if (r->at == r->end) break;
        const uint8_t byte = *r->at++;
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) return value;
    }
    r->bad = true;
    return 0;
}

// The next field; false at the end, or where it is none of the types that a state has.
static bool next_field(reader_t *r, field_t *out) {
    if (r->bad || r->at == r->end) return false;
    *out = (field_t){.key = read_varint(r)};
    const uint64_t value = read_varint(r);
    if ((out->key & 7) == VARINT) return !r->bad;
    if ((out->key & 7) != BYTES || value > (uint64_t)(r->end - r->at)) r->bad = true;
    if (r->bad) return false;
    out->bytes = (reader_t){.at = r->at, .end = r->at + value};
    r->at += value;
    return true;
}

static uint32_t identity_bit(const reader_t *name) {
    char text[64];
    const size_t size = (size_t)(name->end - name->at);
    if (size >= sizeof text) return UINT32_MAX;
    memcpy(text, name->at, size);
    text[size] = '\0';
    const int identity = identity_from_name(text);
    return identity < 0 ? UINT32_MAX : UINT32_C(1) << identity;
}

static uint32_t identity_of(reader_t spell, bool *bad) {
    field_t field;
    uint32_t set = 0;
    while (next_field(&spell, &field))
        if (field.key == IDENTITY_KEY) set |= identity_bit(&field.bytes);
    *bad |= spell.bad;
    return set ? set : UINT32_MAX;
}

uint32_t walk_identities(const void *state, size_t bytes, const char **person, size_t *person_bytes) {
    reader_t reader = {.at = state, .end = (const uint8_t *)state + bytes};
    field_t field;
    uint32_t set = 0;
    *person = NULL;
    while (next_field(&reader, &field)) {
        if (field.key == SPELL_KEY) set |= identity_of(field.bytes, &reader.bad);
        if (field.key != PERSON_KEY) continue;
        *person = (const char *)field.bytes.at;
        *person_bytes = (size_t)(field.bytes.end - field.bytes.at);
    }
    if (!reader.bad && *person) return set;
    *person = NULL;
    return UINT32_MAX;
}

// ---- chunks

static int unpack_person(walked_t *out, const void *state, size_t bytes, arena_t *arena, err_t *err) {
    ProtobufCMessage *message = NULL;
    int rc = message_unpack(&message, &tc__person_state__descriptor, state, bytes, arena, err);
    if (rc) return rc;
    out->persons[out->count++] = (Tc__PersonState *)message;
    out->last = out->persons[out->count - 1]->person;
    return 0;
}

// Who is left out is not unpacked, unless the caller has some districts only: the state alone says where somebody is.
static int take_person(const service_ctx_t *ctx, walked_t *out, const void *state, size_t bytes, uint32_t identities,
                       err_t *err) {
    const char *person;
    size_t size;
    if (identities != WALK_EVERYBODY && !scope_names_divisions(ctx->scope) &&
        !(walk_identities(state, bytes, &person, &size) & identities)) {
        out->passed++;
        out->last = arena_text(ctx->arena, "%.*s", (int)size, person);
        return out->last ? 0 : err_set(err, E_IO, "out of memory");
    }
    int rc = unpack_person(out, state, bytes, ctx->arena, err);
    if (rc) return rc;
    const bool own = scope_has_division(ctx->scope, out->persons[out->count - 1]->division);
    out->count -= !own;
    out->passed += own;
    return 0;
}

int walk_chunk(service_ctx_t *ctx, const walk_t *walk, uint32_t identities, walked_t *out, err_t *err) {
    const int32_t limit = walk->limit ? walk->limit : WALK_LIMIT_DEFAULT;
    persons_range_t range;
    rows_t rows;
    int rc = check(walk, err);
    if (rc) return rc;
    range_of(walk, &range);
    if ((rc = persons_page(ctx->store, &range, limit, ctx->arena, &rows, err))) return rc;
    *out = (walked_t){.last = (char *)walk->after, .done = rows.count < (size_t)limit};
    if (!(out->persons = arena_alloc(ctx->arena, (rows.count + 1) * sizeof *out->persons)))
        return err_set(err, E_IO, "out of memory");
    for (size_t i = 0; rc == 0 && i < rows.count; i++) {
        size_t size;
        const void *state = row_blob(&rows, i, 0, &size);
        rc = take_person(ctx, out, state, size, identities, err);
    }
    return rc;
}
