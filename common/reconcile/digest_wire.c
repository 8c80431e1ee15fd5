#include "digest_wire.h"
#include <string.h>

enum { PAGES_MAX = 100000 };

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for digests"); }

static int day_read(const char *field, const char *text, date_t *out, err_t *err) {
    if (date_parse(text, out) == E_OK) return E_OK;
    return err_field(err, E_INVALID_FIELD, field, "%s must be a day like 2020-03-01", field);
}

int bucket_by_read(const char *name, bucket_by_t *out, err_t *err) {
    for (bucket_by_t by = 0; by < BY__COUNT; by++)
        if (strcmp(bucket_by_name(by), name) == 0) {
            *out = by;
            return E_OK;
        }
    return err_field(err, E_INVALID_FIELD, "by", "by must be day, party, kind or prefix");
}

static bool text_fits(const char *text) { return strnlen(text, DIGEST_TEXT_MAX + 1) <= DIGEST_TEXT_MAX; }

int bucket_read(const Tc__GetDigests *message, digest_key_t *key, bucket_t *out, err_t *err) {
    const Tc__DigestBucket *of = message->of;
    if (message->key.len != DIGEST_KEY_BYTES)
        return err_field(err, E_INVALID_FIELD, "key", "key must be %d bytes", DIGEST_KEY_BYTES);
    if (!of) return err_field(err, E_MISSING_FIELD, "of", "of which rows is missing");
    *out = (bucket_t){.party = *of->party ? of->party : NULL,
                      .kind = *of->kind ? of->kind : NULL,
                      .prefix = (uint64_t)of->prefix,
                      .bits = (int)of->bits};
    int rc = day_read("of.from", of->from, &out->from, err);
    if (!rc) rc = day_read("of.to", of->to, &out->to, err);
    if (!rc && out->from > out->to) rc = err_field(err, E_OUT_OF_RANGE, "of.to", "of.to must not be before of.from");
    if (!rc && (!text_fits(of->party) || !text_fits(of->kind)))
        rc = err_field(err, E_TOO_LARGE, "of", "a party or kind has at most %d bytes", DIGEST_TEXT_MAX);
    if (!rc && (of->bits > BUCKET_BITS_MAX || of->bits % BUCKET_BITS != 0))
        rc = err_field(err, E_OUT_OF_RANGE, "of.bits", "of.bits must be 0 to %d by %d", BUCKET_BITS_MAX, BUCKET_BITS);
    if (!rc) memcpy(key->bytes, message->key.data, DIGEST_KEY_BYTES);
    return rc;
}

int row_read(const Tc__DigestRow *message, digest_row_t *out, err_t *err) {
    *out = (digest_row_t){
        .party = message->party, .kind = message->kind, .reference = message->reference, .amount = message->amount_fen};
    int rc = day_read("day", message->day, &out->day, err);
    if (!rc && !digest_row_fits(out))
        rc = err_field(err, E_INVALID_FIELD, "row", "party and kind must be given, texts have at most %d bytes",
                       DIGEST_TEXT_MAX);
    return rc;
}

int row_write(const digest_row_t *row, arena_t *arena, Tc__DigestRow **out, err_t *err) {
    char day[DATE_TEXT_MAX];
    Tc__DigestRow *message = arena_alloc(arena, sizeof *message);
    if (!message) return no_memory(err);
    tc__digest_row__init(message);
    message->day = arena_text(arena, "%s", date_format(row->day, day));
    message->party = (char *)row->party;
    message->kind = (char *)row->kind;
    message->reference = (char *)row->reference;
    message->amount_fen = row->amount;
    *out = message;
    return message->day ? E_OK : no_memory(err);
}

int digest_write(const set_digest_t *digest, arena_t *arena, Tc__SetDigest **out, err_t *err) {
    Tc__SetDigest *message = arena_alloc(arena, sizeof *message);
    if (!message) return no_memory(err);
    tc__set_digest__init(message);
    message->count = digest->count;
    message->amount_fen = digest->sum;
    message->low = (int64_t)digest->low;
    message->high = (int64_t)digest->high;
    *out = message;
    return E_OK;
}

// ---- children

static int child_write(bucket_by_t by, const child_t *child, arena_t *arena, Tc__Digests__Child **out, err_t *err) {
    char day[DATE_TEXT_MAX];
    Tc__Digests__Child *message = arena_alloc(arena, sizeof *message);
    if (!message) return no_memory(err);
    tc__digests__child__init(message);
    if (by == BY_PREFIX)
        message->prefix = (int64_t)child->name.prefix;
    else if (by == BY_DAY)
        message->name = arena_text(arena, "%s", date_format(child->name.day, day));
    else
        message->name = (char *)child->name.text;
    *out = message;
    return message->name ? digest_write(&child->digest, arena, &message->digest, err) : no_memory(err);
}

int children_write(const buckets_t *buckets, arena_t *arena, Tc__Digests **out, err_t *err) {
    Tc__Digests *message = arena_alloc(arena, sizeof *message);
    if (!message) return no_memory(err);
    tc__digests__init(message);
    message->children = arena_alloc(arena, (buckets->count + 1) * sizeof *message->children);
    if (!message->children) return no_memory(err);
    for (size_t i = 0; i < buckets->count; i++) {
        int rc = child_write(buckets->by, &buckets->children[i], arena, &message->children[i], err);
        if (rc) return rc;
        message->n_children++;
    }
    *out = message;
    return E_OK;
}

static int child_read(bucket_by_t by, const Tc__Digests__Child *child, bucket_name_t *out, err_t *err) {
    *out = (bucket_name_t){0};
    if (!child->digest) return err_field(err, E_MISSING_FIELD, "digest", "a bucket without its digest");
    if (by == BY_DAY) return day_read("name", child->name, &out->day, err);
    if (by == BY_PREFIX) {
        out->prefix = (uint64_t)child->prefix;
        return E_OK;
    }
    out->text = child->name;
    return *child->name && text_fits(child->name)
               ? E_OK
               : err_field(err, E_INVALID_FIELD, "name", "the name of a bucket has 1 to %d bytes", DIGEST_TEXT_MAX);
}

int children_read(const Tc__Digests *message, buckets_t *out, err_t *err) {
    for (size_t i = 0; i < message->n_children; i++) {
        const Tc__Digests__Child *child = message->children[i];
        bucket_name_t name;
        int rc = child_read(out->by, child, &name, err);
        if (rc) return rc;
        const set_digest_t digest = {child->digest->count, child->digest->amount_fen, (uint64_t)child->digest->low,
                                     (uint64_t)child->digest->high};
        rc = buckets_join(out, &name, &digest, err);
        if (rc) return rc;
    }
    return E_OK;
}

// ---- the other end of a connection

static int question_write(const remote_side_t *side, const bucket_t *of, const char *by, Tc__GetDigests *request,
                          Tc__DigestBucket *bucket, err_t *err) {
    char day[DATE_TEXT_MAX];
    tc__get_digests__init(request);
    tc__digest_bucket__init(bucket);
    bucket->from = arena_text(side->arena, "%s", date_format(of->from, day));
    bucket->to = arena_text(side->arena, "%s", date_format(of->to, day));
    if (of->party) bucket->party = (char *)of->party;
    if (of->kind) bucket->kind = (char *)of->kind;
    bucket->prefix = (int64_t)of->prefix;
    bucket->bits = (uint32_t)of->bits;
    request->book = (char *)side->book;
    request->key = (ProtobufCBinaryData){DIGEST_KEY_BYTES, (uint8_t *)(uintptr_t)side->key->bytes};
    request->of = bucket;
    request->by = (char *)by;
    request->whole = side->whole;
    return bucket->from && bucket->to ? E_OK : no_memory(err);
}

static int ask(remote_side_t *side, const char *method, Tc__GetDigests *request,
               const ProtobufCMessageDescriptor *reply_type, ProtobufCMessage **reply, err_t *err) {
    int rc = side->ask(side->self, method, request, reply_type, reply, err);
    if (rc) return rc;
    side->traffic.messages += 2;
    side->traffic.bytes +=
        (int64_t)(protobuf_c_message_get_packed_size(&request->base) + protobuf_c_message_get_packed_size(*reply));
    return E_OK;
}

int remote_children(void *self, buckets_t *out, err_t *err) {
    remote_side_t *side = self;
    Tc__GetDigests request;
    Tc__DigestBucket bucket;
    ProtobufCMessage *reply = NULL;
    int rc = question_write(side, &out->of, bucket_by_name(out->by), &request, &bucket, err);
    for (int pages = 0; !rc && pages < PAGES_MAX; pages++) {
        rc = ask(side, "get_digests", &request, &tc__digests__descriptor, &reply, err);
        if (rc) return rc;
        const Tc__Digests *digests = (const Tc__Digests *)reply;
        rc = children_read(digests, out, err);
        if (!rc && !digests->next) return E_OK;
        request.after = digests->next;
    }
    return rc ? rc : err_set(err, E_TOO_LARGE, "the other side's digests have no end");
}

int remote_rows(void *self, const bucket_t *of, row_list_t *out, err_t *err) {
    remote_side_t *side = self;
    Tc__GetDigests request;
    Tc__DigestBucket bucket;
    ProtobufCMessage *reply = NULL;
    digest_row_t row;
    int rc = question_write(side, of, "", &request, &bucket, err);
    for (int pages = 0; !rc && pages < PAGES_MAX; pages++) {
        rc = ask(side, "get_digest_rows", &request, &tc__digest_rows__descriptor, &reply, err);
        if (rc) return rc;
        const Tc__DigestRows *rows = (const Tc__DigestRows *)reply;
        for (size_t i = 0; !rc && i < rows->n_rows; i++) {
            rc = row_read(rows->rows[i], &row, err);
            if (!rc) rc = row_list_add(out, &row, err);
        }
        side->traffic.rows += (int64_t)rows->n_rows;
        if (!rc && !rows->next) return E_OK;
        request.after = rows->next;
    }
    return rc ? rc : err_set(err, E_TOO_LARGE, "the other side's rows have no end");
}
