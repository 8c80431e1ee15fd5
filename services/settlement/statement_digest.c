#include "statement_digest.h"
#include "common/wire/message.h"
#include <string.h>

enum { LINE_TEXT = 512 };

static int chain_text(statement_digest_t *digest, const char *text, int length, err_t *err) {
    uint8_t both[SHA256_BYTES + LINE_TEXT];
    if (length < 0 || length > LINE_TEXT)
        return err_set(err, E_TOO_LARGE, "a line of a statement is longer than %d bytes", LINE_TEXT);
    memcpy(both, digest->chain, SHA256_BYTES);
    memcpy(both + SHA256_BYTES, text, (size_t)length);
    sha256(both, SHA256_BYTES + (size_t)length, digest->chain);
    return 0;
}

int statement_digest_lines(statement_digest_t *digest, const rows_t *lines, err_t *err) {
    char text[LINE_TEXT + 1];
    int rc = 0;
    for (size_t i = 0; i < lines->count && !rc; i++) {
        const int length =
            snprintf(text, sizeof text, "%lld|%lld|%lld|%lld|%s|%s|%s|%s|%lld|%lld\n", (long long)row_i64(lines, i, 0),
                     (long long)row_i64(lines, i, 1), (long long)row_i64(lines, i, 2), (long long)row_i64(lines, i, 3),
                     row_text(lines, i, 4), row_text(lines, i, 5), row_text(lines, i, 6), row_text(lines, i, 7),
                     (long long)row_i64(lines, i, 8), (long long)row_i64(lines, i, 9));
        rc = chain_text(digest, text, length, err);
    }
    return rc;
}

int statement_digest_item(statement_digest_t *digest, const statement_item_t *item, err_t *err) {
    char text[LINE_TEXT + 1];
    const int length =
        snprintf(text, sizeof text, "%s|%s|%s|%s|%s|%lld|%lld\n", item->kind, item->reference, item->layer, item->fund,
                 item->county, (long long)item->year, (long long)item->amount_fen);
    return chain_text(digest, text, length, err);
}

int statement_digest_end(const statement_digest_t *digest, const Tc__FacilityStatement *said, arena_t *arena,
                         const char **hex, err_t *err) {
    Tc__FacilityStatement bare = *said;
    uint8_t both[2 * SHA256_BYTES], whole[SHA256_BYTES];
    char text[2 * SHA256_BYTES + 1];
    size_t bytes;
    bare.digest = (char *)protobuf_c_empty_string;
    const void *body = message_pack(&bare.base, arena, &bytes);
    if (!body) return err_set(err, E_IO, "out of memory for a statement");
    memcpy(both, digest->chain, SHA256_BYTES);
    sha256(body, bytes, both + SHA256_BYTES);
    sha256(both, sizeof both, whole);
    hex_encode(whole, SHA256_BYTES, text);
    *hex = arena_text(arena, "%s", text);
    return *hex ? 0 : err_set(err, E_IO, "out of memory for a statement");
}
