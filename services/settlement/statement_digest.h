// The digest of a frozen statement: a chain of SHA-256 over its lines and items, in order, and then over its body
// without the digest. Whoever freezes it and whoever audits it work it out here.
#pragma once
#include "common/base/arena.h"
#include "common/base/hash.h"
#include "common/store/store.h"
#include "statement.pb-c.h"

typedef struct statement_digest {
    uint8_t chain[SHA256_BYTES]; // zeros to begin with
} statement_digest_t;

// Rows month, partition, number, line, bill, layer, fund, county, year, amount, in that order of their keys; a
// statement's lines are those since the month after the statement before. E_TOO_LARGE: no line of ours is so long.
int statement_digest_lines(statement_digest_t *digest, const rows_t *lines, err_t *err) MUST_USE;

typedef struct statement_item {
    const char *kind, *reference, *layer, *fund, *county;
    int64_t year, amount_fen;
} statement_item_t;
int statement_digest_item(statement_digest_t *digest, const statement_item_t *item, err_t *err) MUST_USE;
// Hexadecimal, in the arena; what the statement says as its digest is left aside.
int statement_digest_end(const statement_digest_t *digest, const Tc__FacilityStatement *said, arena_t *arena,
                         const char **hex, err_t *err) MUST_USE;
