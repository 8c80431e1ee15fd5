#include "set_digest.h"
#include "common/base/hash.h"
#include <sodium.h>
#include <string.h>

_Static_assert(DIGEST_KEY_BYTES == crypto_shorthash_siphashx24_KEYBYTES, "a key of SipHash-2-4-128");
_Static_assert(crypto_shorthash_siphashx24_BYTES == 2 * sizeof(uint64_t), "128 bits");

__extension__ typedef unsigned __int128 hash128_t;

void digest_key_draw(digest_key_t *key) { random_bytes(key->bytes, sizeof key->bytes); }

static bool text_fits(const char *text) { return strnlen(text, DIGEST_TEXT_MAX + 1) <= DIGEST_TEXT_MAX; }

bool digest_row_fits(const digest_row_t *row) {
    return *row->party && *row->kind && text_fits(row->party) && text_fits(row->kind) && text_fits(row->reference) &&
           row->day > date_make(1900, 1, 1) && row->day < date_make(2199, 12, 31);
}

// Texts end with their NUL, so that no two rows have the same bytes.
static size_t put_text(uint8_t *at, const char *text) {
    const size_t bytes = strlen(text) + 1;
    CHECK(bytes <= DIGEST_TEXT_MAX + 1);
    memcpy(at, text, bytes);
    return bytes;
}

static size_t put_number(uint8_t *at, uint64_t number) {
    for (size_t i = 0; i < sizeof number; i++) at[i] = (uint8_t)(number >> 8 * i);
    return sizeof number;
}

static uint64_t take_number(const uint8_t *at) {
    uint64_t number = 0;
    for (size_t i = 0; i < sizeof number; i++) number |= (uint64_t)at[i] << 8 * i;
    return number;
}

static hash128_t hash_row(const digest_key_t *key, const digest_row_t *row) {
    uint8_t text[3 * (DIGEST_TEXT_MAX + 1) + 2 * sizeof(uint64_t)], hash[crypto_shorthash_siphashx24_BYTES];
    size_t bytes = put_number(text, (uint64_t)row->day);
    bytes += put_number(text + bytes, (uint64_t)row->amount);
    bytes += put_text(text + bytes, row->party);
    bytes += put_text(text + bytes, row->kind);
    bytes += put_text(text + bytes, row->reference);
    crypto_shorthash_siphashx24(hash, text, bytes, key->bytes);
    return (hash128_t)take_number(hash + 8) << 64 | take_number(hash);
}

static hash128_t hash_of(const set_digest_t *set) { return (hash128_t)set->high << 64 | set->low; }

static void set_hash(set_digest_t *set, hash128_t hash) {
    set->low = (uint64_t)hash;
    set->high = (uint64_t)(hash >> 64);
}

static fen_t wrapping_sum(fen_t a, uint64_t b) { return (fen_t)((uint64_t)a + b); }

void set_digest_add(set_digest_t *set, const digest_key_t *key, const digest_row_t *row) {
    set->count++;
    set->sum = wrapping_sum(set->sum, (uint64_t)row->amount);
    set_hash(set, hash_of(set) + hash_row(key, row));
}

void set_digest_take_away(set_digest_t *set, const digest_key_t *key, const digest_row_t *row) {
    set->count--;
    set->sum = wrapping_sum(set->sum, 0 - (uint64_t)row->amount);
    set_hash(set, hash_of(set) - hash_row(key, row));
}

void set_digest_join(set_digest_t *set, const set_digest_t *other) {
    set->count += other->count;
    set->sum = wrapping_sum(set->sum, (uint64_t)other->sum);
    set_hash(set, hash_of(set) + hash_of(other));
}

bool set_digest_same(const set_digest_t *a, const set_digest_t *b) {
    return a->count == b->count && a->sum == b->sum && a->low == b->low && a->high == b->high;
}

uint64_t reference_hash(const digest_key_t *key, const char *reference) {
    uint8_t hash[crypto_shorthash_siphash24_BYTES];
    crypto_shorthash_siphash24(hash, (const unsigned char *)reference, strlen(reference), key->bytes);
    return take_number(hash);
}
