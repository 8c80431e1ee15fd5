// What a set of rows is, in forty bytes: how many, the sum of their amounts, and the sum modulo 2^128 of a keyed hash
// (SipHash-2-4, 128 bits) of each row. The order does not matter; rows are added and taken away one by one, digests of
// disjoint sets add up, and equal sets have equal digests. Pure.
//
// Two sets that differ have the same digest by chance once in 2^128. Whoever knows the key could choose rows whose
// hashes cancel: a key is drawn anew for each comparison, after the rows are there.
#pragma once
#include "common/base/date.h"
#include "common/base/money.h"
#include <stddef.h>

enum { DIGEST_KEY_BYTES = 16, DIGEST_TEXT_MAX = 128 };

typedef struct digest_key {
    uint8_t bytes[DIGEST_KEY_BYTES];
} digest_key_t;

typedef struct digest_row {
    const char *party;     // whose it is: facility or account; never ""
    const char *kind;      // layer of a bill, kind of an entry; never ""
    const char *reference; // number of the bill or entry
    date_t day;
    fen_t amount;
} digest_row_t;

typedef struct set_digest {
    int64_t count;
    fen_t sum; // modulo 2^64: right wherever the true sum fits
    uint64_t low, high;
} set_digest_t;

void digest_key_draw(digest_key_t *key);
// Texts of at most DIGEST_TEXT_MAX bytes, a day that can be written: what whoever takes rows from outside asks first.
bool digest_row_fits(const digest_row_t *row);
// The row fits.
void set_digest_add(set_digest_t *set, const digest_key_t *key, const digest_row_t *row);
void set_digest_take_away(set_digest_t *set, const digest_key_t *key, const digest_row_t *row);
// The union of disjoint sets.
void set_digest_join(set_digest_t *set, const set_digest_t *other);
bool set_digest_same(const set_digest_t *a, const set_digest_t *b);
// Keyed hash of a reference alone: it spreads rows over buckets, alike on both sides whatever the amounts say.
uint64_t reference_hash(const digest_key_t *key, const char *reference);
