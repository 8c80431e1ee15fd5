// Rows grouped into buckets, each with its digest: by day, by party, by kind, or by the next bits of the hash of the
// reference. What either side of a comparison makes of its rows, whatever they come from. Bounded; memory is the
// caller's arena.
#pragma once
#include "common/base/arena.h"
#include "set_digest.h"

enum { BUCKETS_MAX = 65536, BUCKET_BITS = 8, BUCKET_BITS_MAX = 64 };

// Which rows: all that fit every one of these.
typedef struct bucket {
    date_t from, to;
    const char *party; // NULL: all
    const char *kind;  // NULL: all
    uint64_t prefix;   // the first `bits` of reference_hash(); 0 bits: all
    int bits;
} bucket_t;

typedef enum bucket_by { BY_DAY, BY_PARTY, BY_KIND, BY_PREFIX, BY__COUNT } bucket_by_t;
const char *bucket_by_name(bucket_by_t by); // day, party, kind, prefix

bool bucket_has(const bucket_t *bucket, const digest_key_t *key, const digest_row_t *row);
// What still can be told apart in a bucket; BY__COUNT: nothing.
bucket_by_t bucket_next(const bucket_t *bucket);

typedef struct bucket_name { // one of these, as `by` says
    date_t day;
    const char *text; // in the arena
    uint64_t prefix;  // bits of the bucket and BUCKET_BITS more
} bucket_name_t;

typedef struct child {
    bucket_name_t name;
    set_digest_t digest;
} child_t;

typedef struct buckets {
    arena_t *arena; // borrowed
    const digest_key_t *key;
    bucket_t of;
    bucket_by_t by;
    child_t *children;
    size_t count, room;
    uint32_t *slots; // hash table of index + 1
    size_t slot_count;
    size_t last; // index of the child used last
} buckets_t;

// `of` and `key` are borrowed with their texts.
void buckets_init(buckets_t *buckets, arena_t *arena, const digest_key_t *key, const bucket_t *of, bucket_by_t by);
// A row that is not of the bucket is passed over. E_TOO_LARGE over BUCKETS_MAX buckets, E_IO when memory is out.
int buckets_add(buckets_t *buckets, const digest_row_t *row, err_t *err) MUST_USE;
// A bucket that another page or another side told.
int buckets_join(buckets_t *buckets, const bucket_name_t *name, const set_digest_t *digest, err_t *err) MUST_USE;
// In the order of their names.
void buckets_sort(buckets_t *buckets);
int bucket_name_order(bucket_by_t by, const bucket_name_t *a, const bucket_name_t *b);
// The bucket of that name within `of`.
bucket_t bucket_within(const bucket_t *of, bucket_by_t by, const bucket_name_t *name);
