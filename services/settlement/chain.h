// What makes a stored journal tell of every change: each row's SM3 over the one before and its own columns, and once a
// day a seal over the heads of all partitions, chained to the seal before and signed with SM2. Pure but for key files.
#pragma once
#include "common/base/check.h"
#include "common/base/err.h"
#include "common/base/hash.h"
#include "common/base/money.h"
#include <stddef.h>
#include <stdint.h>

enum { CHAIN_BYTES = 32, SEAL_SIGNATURE_MAX = 96, SEAL_HEAD_BYTES = 8 + CHAIN_BYTES };

typedef struct chain chain_t; // a reusable SM3; of one thread
int chain_new(chain_t **out, err_t *err) MUST_USE;
void chain_destroy(chain_t **chain);

typedef struct chain_row {
    int64_t partition, number;
    const char *reference, *kind, *source_service;
    int64_t source_partition, source_number, at_ms;
    const char *value_date;
    const void *body;
    size_t body_bytes;
} chain_row_t;
// SM3(before ‖ row): numbers as 8 bytes, highest first; texts and the body behind their length of 4. Before the first
// row of a partition `before` is zeros. E_IO when the library fails.
int chain_row(chain_t *chain, const uint8_t before[static CHAIN_BYTES], const chain_row_t *row,
              uint8_t out[static CHAIN_BYTES], err_t *err) MUST_USE;

typedef struct chain_head {
    int64_t number; // 0: the partition is empty
    uint8_t chain[CHAIN_BYTES];
} chain_head_t;

typedef struct seal {
    int64_t number;
    const char *day;
    int64_t entries;
    fen_t debit;
    chain_head_t heads[PARTITIONS];
} seal_t;
// SM3(before ‖ number ‖ day ‖ entries ‖ debits ‖ heads), as above; before the first seal zeros.
int seal_digest(chain_t *chain, const uint8_t before[static CHAIN_BYTES], const seal_t *seal,
                uint8_t out[static CHAIN_BYTES], err_t *err) MUST_USE;
// The heads as they are stored, PARTITIONS × SEAL_HEAD_BYTES, and back.
void seal_heads_pack(const seal_t *seal, uint8_t out[static PARTITIONS * SEAL_HEAD_BYTES]);
int seal_heads_unpack(seal_t *seal, const void *data, size_t bytes) MUST_USE; // E_INVALID_FIELD for another length

// ---- the key

// <dir>/seal.key (PEM, mode 0600) and <dir>/seal.pub. What is there is kept: 0 and `*made` false.
int seal_key_make(const char *dir, bool *made, err_t *err) MUST_USE;

typedef struct seal_key seal_key_t;
// The secret one to sign, the public one to check. E_NOT_FOUND when there is none; E_DENIED when others can read the
// secret; E_INVALID_FIELD when the file holds no SM2 key.
int seal_key_load(seal_key_t **out, const char *dir, bool secret, err_t *err) MUST_USE;
void seal_key_destroy(seal_key_t **key);
// DER, at most SEAL_SIGNATURE_MAX.
int seal_sign(const seal_key_t *key, const uint8_t digest[static CHAIN_BYTES],
              uint8_t signature[static SEAL_SIGNATURE_MAX], size_t *bytes, err_t *err) MUST_USE;
bool seal_signed(const seal_key_t *key, const uint8_t digest[static CHAIN_BYTES], const void *signature, size_t bytes);
