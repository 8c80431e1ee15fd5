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

// Behind the last row of a page; texts are kept, as its arena is the next page's.
static int go_behind(const rows_t *rows, size_t keys, char kept[][VERIFY_NAME_MAX], cell_t *params, err_t *err) {
    int rc = E_OK;
    for (size_t i = 0; !rc && rows->count && i < keys; i++) {
        params[i] = rows_at(rows, rows->count - 1)[i];
        if (params[i].type != CELL_TEXT) continue;
        rc = verify_keep(kept[i], row_text(rows, rows->count - 1, i), err);
        params[i] = cell_text(kept[i]);
    }
    return rc;
}

int verify_pages(verify_t *verify, const verify_pages_t *pages, verify_take_t take, void *self, err_t *err) {
    const size_t limit = pages->rows ? pages->rows : VERIFY_PAGE;
    arena_t *arena = pages->arena ? pages->arena : verify->page;
    char kept[VERIFY_KEYS_MAX][VERIFY_NAME_MAX];
    cell_t params[VERIFY_PARAMS_MAX + 1];
    rows_t rows = {0};
    int rc;
    CHECK(pages->keys <= VERIFY_KEYS_MAX && pages->key + pages->keys <= pages->count &&
          pages->count <= VERIFY_PARAMS_MAX);
    memcpy(params, pages->params, sizeof pages->params);
    params[pages->count] = cell_i64((int64_t)limit);
    do {
        arena_reset(arena);
        rc = verify_query(pages->store, pages->types, pages->sql, params, pages->count + 1, arena, &rows, err);
        if (!rc) rc = take(verify, self, &rows, err);
        if (!rc) rc = go_behind(&rows, pages->keys, kept, params + pages->key, err);
    } while (!rc && rows.count == limit);
    return rc;
}

int verify_events(verify_t *verify, store_t *store, int64_t partition, const char *topic, verify_take_t take,
                  void *self, err_t *err) {
    const verify_pages_t pages = {.store = store,
                                  .types = "ib",
                                  .sql = "SELECT number, body FROM event WHERE partition = $1 AND number > $2"
                                         " AND topic = $3 ORDER BY number LIMIT $4",
                                  .params = {cell_i64(partition), cell_i64(0), cell_text(topic)},
                                  .count = 3,
                                  .key = 1,
                                  .keys = 1};
    return verify_pages(verify, &pages, take, self, err);
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
