// The seals: each worked out again from the journal and the seal before, and its signature checked with the public key.
#include "services/settlement/chain.h"
#include "verify.h"
#include <string.h>

enum { NUMBER, DAY, ENTRIES, DEBIT, HEADS, DIGEST, SIGNATURE };

typedef struct checker {
    verify_t *verify;
    chain_t *chain;
    seal_key_t *key;
    seal_t before;
    uint8_t digest[CHAIN_BYTES]; // of the seal before
} checker_t;

// (partition, former head, head) of the partitions that the seal moves on in.
static int spans_of(const checker_t *c, const seal_t *seal, rows_t *keys, err_t *err) {
    rows_init(keys, c->verify->side, 3);
    for (int64_t p = 0; p < PARTITIONS; p++) {
        if (seal->heads[p].number == c->before.heads[p].number) continue;
        cell_t *key = rows_add(keys);
        if (!key) return err_set(err, E_IO, "out of memory");
        key[0] = cell_i64(p), key[1] = cell_i64(c->before.heads[p].number), key[2] = cell_i64(seal->heads[p].number);
    }
    return E_OK;
}

static void check_heads(const checker_t *c, const seal_t *seal, const rows_t *keys, const rows_t *found) {
    for (size_t i = 0, at = 0; i < keys->count; i++) {
        const int64_t p = rows_at(keys, i)[0].i64;
        size_t bytes = 0;
        const bool there = at < found->count && row_i64(found, at, 0) == (int64_t)i;
        const void *chain = there ? row_blob(found, at, 1, &bytes) : NULL;
        at += there;
        if (bytes != CHAIN_BYTES || memcmp(chain, seal->heads[p].chain, CHAIN_BYTES) != 0)
            verify_broken(c->verify, "day %s: entry %lld/%lld is not the one that was sealed", seal->day, (long long)p,
                          (long long)seal->heads[p].number);
    }
}

static int check_journal(const checker_t *c, const seal_t *seal, err_t *err) {
    rows_t keys, heads, sums, counts;
    int64_t entries = 0;
    fen_t debit = 0;
    arena_reset(c->verify->side);
    int rc = spans_of(c, seal, &keys, err);
    if (!rc)
        rc = verify_each(c->verify->settlement, "b",
                         "SELECT COALESCE(chain, body) FROM journal WHERE partition = $1 AND number = $3 AND $2 >= 0",
                         &keys, c->verify->side, &heads, err);
    if (!rc)
        rc = verify_each(c->verify->settlement, "i",
                         "SELECT CAST(COALESCE(SUM(amount_fen), 0) AS BIGINT) FROM posting WHERE partition = $1"
                         " AND number > $2 AND number <= $3 AND amount_fen > 0",
                         &keys, c->verify->side, &sums, err);
    if (!rc)
        rc = verify_each(c->verify->settlement, "i",
                         "SELECT COUNT(*) FROM journal WHERE partition = $1 AND number > $2 AND number <= $3", &keys,
                         c->verify->side, &counts, err);
    if (rc) return rc;
    check_heads(c, seal, &keys, &heads);
    for (size_t i = 0; i < sums.count; i++) debit = verify_sum(debit, row_i64(&sums, i, 1));
    for (size_t i = 0; i < counts.count; i++) entries += row_i64(&counts, i, 1);
    if (debit != seal->debit || entries != seal->entries)
        verify_broken(c->verify, "day %s: %lld entries with debits of %lld fen were sealed, there are %lld with %lld",
                      seal->day, (long long)seal->entries, (long long)seal->debit, (long long)entries,
                      (long long)debit);
    return E_OK;
}

static int check_seal(checker_t *c, const rows_t *rows, size_t row, err_t *err) {
    uint8_t digest[CHAIN_BYTES];
    size_t bytes = 0, signature_bytes = 0;
    seal_t seal = {.number = row_i64(rows, row, NUMBER),
                   .day = row_text(rows, row, DAY),
                   .entries = row_i64(rows, row, ENTRIES),
                   .debit = row_i64(rows, row, DEBIT)};
    const void *heads = row_blob(rows, row, HEADS, &bytes);
    if (seal_heads_unpack(&seal, heads, bytes)) {
        verify_broken(c->verify, "day %s: the heads of its seal cannot be read", seal.day);
        return E_OK;
    }
    if (seal.number != c->before.number + 1)
        verify_broken(c->verify, "seal %lld of %s follows seal %lld", (long long)seal.number, seal.day,
                      (long long)c->before.number);
    int rc = seal_digest(c->chain, c->digest, &seal, digest, err);
    if (rc) return rc;
    const void *stored = row_blob(rows, row, DIGEST, &bytes);
    const void *signature = row_blob(rows, row, SIGNATURE, &signature_bytes);
    if (bytes != CHAIN_BYTES || memcmp(stored, digest, CHAIN_BYTES) != 0)
        verify_broken(c->verify, "day %s: its seal is not what its figures and the seal before give", seal.day);
    else if (!seal_signed(c->key, digest, signature, signature_bytes))
        verify_broken(c->verify, "day %s: its seal is not signed with seal.pub", seal.day);
    rc = check_journal(c, &seal, err);
    c->before = seal;
    c->before.day = "";
    if (bytes == CHAIN_BYTES) memcpy(c->digest, stored, CHAIN_BYTES);
    return rc;
}

static int check_all(checker_t *c, err_t *err) {
    verify_t *verify = c->verify;
    rows_t rows = {0};
    do {
        const cell_t params[] = {cell_i64(c->before.number), cell_i64(VERIFY_PAGE)};
        arena_reset(verify->page);
        int rc = verify_query(verify->settlement, "itiibbb",
                              "SELECT number, day, entries, debit_fen, heads, digest, signature FROM seal"
                              " WHERE number > $1 ORDER BY number LIMIT $2",
                              params, COUNT_OF(params), verify->page, &rows, err);
        for (size_t i = 0; !rc && i < rows.count; i++) rc = check_seal(c, &rows, i, err);
        if (rc) return rc;
        verify->looked_at += (long long)rows.count;
    } while (rows.count == VERIFY_PAGE);
    return E_OK;
}

int verify_seals(verify_t *verify, err_t *err) {
    checker_t c = {.verify = verify, .before = {.day = ""}};
    int rc = seal_key_load(&c.key, verify->keys_dir, false, err);
    if (rc == E_NOT_FOUND) {
        verify->skipped = "there is no seal.pub: days are not sealed (`tongchou fund key`)";
        return E_OK;
    }
    if (!rc) rc = chain_new(&c.chain, err);
    if (!rc) rc = check_all(&c, err);
    chain_destroy(&c.chain);
    seal_key_destroy(&c.key);
    return rc;
}
