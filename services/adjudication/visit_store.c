// A revision keeps the registration as it was sent, beside what it adds up to.
#include "visit_store.h"
#include "common/wire/message.h"
#include <string.h>

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for visits"); }

static int take_visit(const rows_t *found, size_t row, arena_t *arena, visit_row_t *out, err_t *err) {
    ProtobufCMessage *message;
    size_t bytes;
    const void *body = row_blob(found, row, 5, &bytes);
    int rc = message_unpack(&message, &tc__register_visit__descriptor, body, bytes, arena, err);
    if (rc) return rc;
    *out = (visit_row_t){.revision = row_i64(found, row, 1),
                         .state = row_text(found, row, 2),
                         .line_count = row_i64(found, row, 3),
                         .amount_fen = row_i64(found, row, 4),
                         .asked = (const Tc__RegisterVisit *)message};
    return 0;
}

int visits_find(store_t *store, const rows_t *keys, arena_t *arena, visit_row_t *out, err_t *err) {
    rows_t found;
    for (size_t i = 0; i < keys->count; i++) out[i] = (visit_row_t){0};
    if (!keys->count) return 0;
    int rc = store_each_query(store,
                              "SELECT revision, state, line_count, amount_fen, body FROM visit WHERE bill = $1"
                              " ORDER BY revision DESC LIMIT 1",
                              keys, arena, &found, err);
    for (size_t row = 0; !rc && row < found.count; row++)
        rc = take_visit(&found, row, arena, &out[row_i64(&found, row, 0)], err);
    return rc;
}

int visits_insert(store_t *store, const visit_row_t *visits, size_t count, int64_t at_ms, arena_t *arena, err_t *err) {
    rows_t rows;
    rows_init(&rows, arena, 7);
    for (size_t i = 0; i < count; i++) {
        size_t bytes;
        cell_t *row = rows_add(&rows);
        const void *body = message_pack(&visits[i].asked->base, arena, &bytes);
        if (!row || !body) return no_memory(err);
        row[0] = cell_text(visits[i].asked->bill);
        row[1] = cell_i64(visits[i].revision);
        row[2] = cell_text(visits[i].state);
        row[3] = cell_i64(visits[i].line_count);
        row[4] = cell_i64(visits[i].amount_fen);
        row[5] = cell_i64(at_ms);
        row[6] = cell_blob(body, bytes);
    }
    if (!count) return 0;
    return store_insert(store, "visit", "bill, revision, state, line_count, amount_fen, at_ms, body", &rows,
                        CONFLICT_FAILS, err);
}

// ---- lines

int visit_lines_find(store_t *store, const rows_t *keys, arena_t *arena, rows_t *found, err_t *err) {
    return store_each_query(store,
                            "SELECT line, body FROM visit_line WHERE bill = $1 AND line > $2 ORDER BY line LIMIT $3",
                            keys, arena, found, err);
}

int visit_lines_find_some(store_t *store, const rows_t *keys, arena_t *arena, rows_t *found, err_t *err) {
    return store_each_query(store, "SELECT body FROM visit_line WHERE bill = $1 AND line = $2 LIMIT 1", keys, arena,
                            found, err);
}

int visit_lines_insert(store_t *store, const rows_t *rows, err_t *err) {
    return rows->count ? store_insert(store, "visit_line", "bill, line, body", rows, CONFLICT_FAILS, err) : 0;
}

int visit_lines_drop(store_t *store, const rows_t *keys, err_t *err) {
    return keys->count ? store_drop(store, "visit_line", "bill, line", keys, err) : 0;
}

// ---- splits

int visit_split_rows(rows_t *rows, const char *bill, int version, Tc__FeeLine *const *lines, err_t *err) {
    while (*lines) {
        Tc__SplitResult chunk = TC__SPLIT_RESULT__INIT;
        size_t bytes;
        chunk.lines = (Tc__FeeLine **)lines;
        while (chunk.n_lines < VISIT_SPLIT_LINES && lines[chunk.n_lines]) chunk.n_lines++;
        lines += chunk.n_lines;
        cell_t *row = rows_add(rows);
        const void *body = message_pack(&chunk.base, rows->arena, &bytes);
        if (!row || !body) return no_memory(err);
        row[0] = cell_text(bill);
        row[1] = cell_i64(version);
        row[2] = cell_i64(lines[-1]->line);
        row[3] = cell_blob(body, bytes);
    }
    return 0;
}

int visit_splits_insert(store_t *store, const rows_t *rows, err_t *err) {
    if (!rows->count) return 0;
    return store_insert(store, "visit_split", "bill, version, last_line, body", rows, CONFLICT_FAILS, err);
}

int visit_split_find(store_t *store, const char *bill, int version, int after, int limit, arena_t *arena, rows_t *found,
                     err_t *err) {
    // A page may begin and end inside a row.
    cell_t params[] = {cell_text(bill), cell_i64(version), cell_i64(after), cell_i64(limit / VISIT_SPLIT_LINES + 2)};
    return store_query(store,
                       "SELECT version, body FROM visit_split WHERE bill = $1 AND version = (SELECT MAX(version) FROM"
                       " visit_split WHERE bill = $1 AND version <= $2) AND last_line > $3 ORDER BY last_line LIMIT $4",
                       params, COUNT_OF(params), arena, found, err);
}
