#include "buckets.h"
#include "common/base/hash.h"
#include <stdlib.h>
#include <string.h>

const char *bucket_by_name(bucket_by_t by) {
    static const char *const names[BY__COUNT] = {"day", "party", "kind", "prefix"};
    return names[by];
}

static uint64_t first_bits(uint64_t hash, int bits) { return bits ? hash >> (BUCKET_BITS_MAX - bits) : 0; }

bool bucket_has(const bucket_t *bucket, const digest_key_t *key, const digest_row_t *row) {
    if (row->day < bucket->from || row->day > bucket->to) return false;
    if (bucket->party && strcmp(bucket->party, row->party) != 0) return false;
    if (bucket->kind && strcmp(bucket->kind, row->kind) != 0) return false;
    return !bucket->bits || first_bits(reference_hash(key, row->reference), bucket->bits) == bucket->prefix;
}

bucket_by_t bucket_next(const bucket_t *bucket) {
    if (bucket->from < bucket->to) return BY_DAY;
    if (!bucket->party) return BY_PARTY;
    if (!bucket->kind) return BY_KIND;
    return bucket->bits < BUCKET_BITS_MAX ? BY_PREFIX : BY__COUNT;
}

void buckets_init(buckets_t *buckets, arena_t *arena, const digest_key_t *key, const bucket_t *of, bucket_by_t by) {
    CHECK(by < BY__COUNT && (by != BY_PREFIX || of->bits + BUCKET_BITS <= BUCKET_BITS_MAX));
    *buckets = (buckets_t){.arena = arena, .key = key, .of = *of, .by = by};
}

int bucket_name_order(bucket_by_t by, const bucket_name_t *a, const bucket_name_t *b) {
    if (by == BY_DAY) return (a->day > b->day) - (a->day < b->day);
    if (by == BY_PREFIX) return (a->prefix > b->prefix) - (a->prefix < b->prefix);
    return strcmp(a->text, b->text);
}

bucket_t bucket_within(const bucket_t *of, bucket_by_t by, const bucket_name_t *name) {
    bucket_t within = *of;
    if (by == BY_DAY) within.from = within.to = name->day;
    if (by == BY_PARTY) within.party = name->text;
    if (by == BY_KIND) within.kind = name->text;
    if (by == BY_PREFIX) within.prefix = name->prefix, within.bits += BUCKET_BITS;
    return within;
}

// ---- a hash table that grows

static size_t slot_of(const buckets_t *buckets, const bucket_name_t *name) {
    uint64_t hash;
    if (buckets->by == BY_DAY)
        hash = (uint64_t)(uint32_t)name->day;
    else if (buckets->by == BY_PREFIX)
        hash = name->prefix;
    else
        hash = hash64(name->text, strlen(name->text), 0);
    size_t slot = (size_t)(hash * UINT64_C(0x9E3779B97F4A7C15) >> 32) % buckets->slot_count;
    while (buckets->slots[slot] &&
           bucket_name_order(buckets->by, &buckets->children[buckets->slots[slot] - 1].name, name) != 0)
        slot = (slot + 1) % buckets->slot_count;
    return slot;
}

static int grow(buckets_t *buckets, err_t *err) {
    const size_t room = buckets->room ? buckets->room * 2 : 64;
    if (room > BUCKETS_MAX)
        return err_set(err, E_TOO_LARGE, "more than %d %ss in one bucket", BUCKETS_MAX, bucket_by_name(buckets->by));
    child_t *children = arena_alloc(buckets->arena, room * sizeof *children);
    uint32_t *slots = arena_alloc(buckets->arena, 2 * room * sizeof *slots);
    if (!children || !slots) return err_set(err, E_IO, "out of memory for digests");
    if (buckets->count) memcpy(children, buckets->children, buckets->count * sizeof *children);
    buckets->children = children;
    buckets->room = room;
    buckets->slots = slots;
    buckets->slot_count = 2 * room;
    for (size_t i = 0; i < buckets->count; i++) slots[slot_of(buckets, &children[i].name)] = (uint32_t)i + 1;
    return E_OK;
}

static int find_or_make(buckets_t *buckets, const bucket_name_t *name, err_t *err) {
    // Rows mostly come in the order of their keys.
    if (buckets->count && bucket_name_order(buckets->by, &buckets->children[buckets->last].name, name) == 0)
        return E_OK;
    int rc = buckets->count == buckets->room ? grow(buckets, err) : E_OK;
    if (rc) return rc;
    const size_t slot = slot_of(buckets, name);
    if (!buckets->slots[slot]) {
        child_t *made = &buckets->children[buckets->count];
        *made = (child_t){.name = *name};
        if (name->text && !(made->name.text = arena_copy(buckets->arena, name->text, strlen(name->text) + 1)))
            return err_set(err, E_IO, "out of memory for digests");
        buckets->slots[slot] = (uint32_t)++buckets->count;
    }
    buckets->last = buckets->slots[slot] - 1;
    return E_OK;
}

int buckets_add(buckets_t *buckets, const digest_row_t *row, err_t *err) {
    if (!bucket_has(&buckets->of, buckets->key, row)) return E_OK;
    bucket_name_t name = {0};
    switch (buckets->by) {
    case BY_DAY: name.day = row->day; break;
    case BY_PARTY: name.text = row->party; break;
    case BY_KIND: name.text = row->kind; break;
    case BY_PREFIX:
    default: name.prefix = first_bits(reference_hash(buckets->key, row->reference), buckets->of.bits + BUCKET_BITS);
    }
    int rc = find_or_make(buckets, &name, err);
    if (!rc) set_digest_add(&buckets->children[buckets->last].digest, buckets->key, row);
    return rc;
}

int buckets_join(buckets_t *buckets, const bucket_name_t *name, const set_digest_t *digest, err_t *err) {
    int rc = find_or_make(buckets, name, err);
    if (!rc) set_digest_join(&buckets->children[buckets->last].digest, digest);
    return rc;
}

#define ORDER(suffix, by)                                                                                              \
    static int order_##suffix(const void *a, const void *b) {                                                          \
        return bucket_name_order(by, &((const child_t *)a)->name, &((const child_t *)b)->name);                        \
    }
ORDER(days, BY_DAY)
ORDER(texts, BY_PARTY)
ORDER(prefixes, BY_PREFIX)
#undef ORDER

void buckets_sort(buckets_t *buckets) {
    static int (*const orders[BY__COUNT])(const void *, const void *) = {order_days, order_texts, order_texts,
                                                                         order_prefixes};
    if (buckets->count) qsort(buckets->children, buckets->count, sizeof *buckets->children, orders[buckets->by]);
    buckets->last = 0;
    // Places have changed: the table is made anew when a bucket is looked up again.
    if (buckets->slots) memset(buckets->slots, 0, buckets->slot_count * sizeof *buckets->slots);
    for (size_t i = 0; i < buckets->count; i++)
        buckets->slots[slot_of(buckets, &buckets->children[i].name)] = (uint32_t)i + 1;
}
