// How the auditor reads what it does not trust.
#include "common/wire/message.h"
#include "verify.h"
#include <string.h>

static const char *const type_names[] = {[CELL_I64] = "a number", [CELL_TEXT] = "text", [CELL_BLOB] = "bytes"};

static int check_types(const rows_t *rows, const char *types, size_t lead, err_t *err) {
    size_t width = strlen(types);
    CHECK(rows->count == 0 || rows->width == width + lead);
    for (size_t row = 0; row < rows->count; row++)
        for (size_t i = 0; i < width; i++) {
            const cell_t *cell = rows_at(rows, row) + lead + i;
            cell_type_t type = types[i] == 'i' ? CELL_I64 : types[i] == 't' ? CELL_TEXT : CELL_BLOB;
            if (cell->null || cell->type != type)
                return err_set(err, E_STORE, "column %zu of a row is %s, %s was expected", i + 1,
                               cell->null ? "empty" : type_names[cell->type], type_names[type]);
        }
    return E_OK;
}

int verify_query(store_t *store, const char *types, const char *sql, const cell_t *params, size_t count, arena_t *arena,
                 rows_t *out, err_t *err) {
    int rc = store_query(store, sql, params, count, arena, out, err);
    return rc ? rc : check_types(out, types, 0, err);
}

int verify_each(store_t *store, const char *types, const char *sql, const rows_t *keys, arena_t *arena, rows_t *out,
                err_t *err) {
    int rc = store_each_query(store, sql, keys, arena, out, err);
    return rc ? rc : check_types(out, types, 1, err);
}

int verify_events(verify_t *verify, store_t *store, int64_t partition, const char *topic, verify_take_t take,
                  void *self, err_t *err) {
    rows_t rows = {0};
    int64_t after = 0;
    do {
        const cell_t params[] = {cell_i64(partition), cell_i64(after), cell_text(topic), cell_i64(VERIFY_PAGE)};
        arena_reset(verify->page);
        int rc = verify_query(store, "ib",
                              "SELECT number, body FROM event WHERE partition = $1 AND number > $2 AND topic = $3"
                              " ORDER BY number LIMIT $4",
                              params, COUNT_OF(params), verify->page, &rows, err);
        if (!rc) rc = take(verify, self, &rows, err);
        if (rc) return rc;
        if (rows.count) after = row_i64(&rows, rows.count - 1, 0);
    } while (rows.count == VERIFY_PAGE);
    return E_OK;
}

const ProtobufCMessage *verify_message(verify_t *verify, const ProtobufCMessageDescriptor *type, const rows_t *rows,
                                       size_t row, size_t column, const char *name) {
    size_t bytes;
    err_t err = {0};
    ProtobufCMessage *message = NULL;
    const void *body = row_blob(rows, row, column, &bytes);
    if (message_unpack(&message, type, body, bytes, verify->work, &err) == E_OK) return message;
    verify_broken(verify, "%s: its body cannot be read: %s", name, err.text);
    return NULL;
}

int verify_keep(char out[static VERIFY_NAME_MAX], const char *key, err_t *err) {
    if (strlen(key) >= VERIFY_NAME_MAX) return err_set(err, E_STORE, "the key %.40s… is too long", key);
    memcpy(out, key, strlen(key) + 1);
    return E_OK;
}

fen_t verify_sum(fen_t a, fen_t b) {
    fen_t sum;
    return fen_add(a, b, &sum) ? (b > 0 ? INT64_MAX : INT64_MIN) : sum;
}
