// Any bytes as a tax bureau's file of receipts, CSV or JSON lines: the reader ends, every row it gives is a message
// that can be sent, every fault says why.
#include "services/cli/receipt_file.h"
#include "common/wire/message.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static receipt_got_t read_row(receipt_file_t *file, arena_t *arena) {
    Tc__Receive *receipt = NULL;
    int64_t row = 0;
    size_t packed = 0;
    err_t why = {0};
    const receipt_got_t got = receipt_file_next(file, arena, &receipt, &row, &why);
    if (got == RECEIPT_ROW) CHECK(row > 0 && receipt && message_pack(&receipt->base, arena, &packed));
    if (got == RECEIPT_BAD_ROW || got == RECEIPT_REFUSED) CHECK(why.code != E_OK && why.text[0]);
    return got;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    static arena_t *arena;
    receipt_file_t *reader = NULL;
    err_t err = {0};
    char hex[2 * SHA256_BYTES + 1];
    receipt_got_t got;
    if (!arena) arena = arena_new(1 << 16, 1 << 26);
    if (!bytes) return 0;
    FILE *file = fmemopen((void *)(uintptr_t)data, bytes, "r");
    CHECK(arena && file);
    if (receipt_file_open(&reader, file, &err) == E_OK) {
        do {
            arena_reset(arena);
            got = read_row(reader, arena);
        } while (got == RECEIPT_ROW || got == RECEIPT_BAD_ROW);
        CHECK(receipt_file_digest(reader, hex, &err) != E_OK || strlen(hex) == 2 * SHA256_BYTES);
        receipt_file_close(&reader);
    }
    CHECK(fclose(file) == 0);
    return 0;
}
