#include "list_store.h"
#include "common/base/hash.h"

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

static int one_number(store_t *store, const char *sql, const cell_t *params, size_t count, arena_t *arena, int64_t *out,
                      err_t *err) {
    rows_t rows;
    int rc = store_query(store, sql, params, count, arena, &rows, err);
    if (rc == 0) *out = rows.count ? row_i64(&rows, 0, 0) : 0;
    return rc;
}

int list_find(store_t *store, const list_key_t *key, arena_t *arena, list_t *out, err_t *err) {
    cell_t params[] = {cell_text(key->file), cell_text(key->group), cell_text(key->source), cell_text(key->as_of),
                       cell_i64(key->dry)};
    rows_t rows;
    *out = (list_t){.at_person = ""};
    int rc = store_query(store,
                         "SELECT number, phase, at_row, at_partition, at_person FROM list"
                         " WHERE file = $1 AND group_name = $2 AND source = $3 AND as_of = $4 AND dry = $5",
                         params, COUNT_OF(params), arena, &rows, err);
    if (rc || rows.count == 0) return rc;
    *out = (list_t){.number = row_i64(&rows, 0, 0),
                    .phase = (list_phase_t)row_i64(&rows, 0, 1),
                    .at_row = row_i64(&rows, 0, 2),
                    .at_partition = row_i64(&rows, 0, 3),
                    .at_person = row_text(&rows, 0, 4)};
    return 0;
}

int list_newest(store_t *store, const list_key_t *key, int64_t number, arena_t *arena, const char **as_of, err_t *err) {
    cell_t params[] = {cell_text(key->group), cell_text(key->source), cell_i64(number), cell_i64(LIST_STAGED)};
    rows_t rows;
    int rc = store_query(store,
                         "SELECT COALESCE(max(as_of), '') FROM list WHERE group_name = $1 AND source = $2"
                         " AND number <> $3 AND dry = 0 AND phase > $4",
                         params, COUNT_OF(params), arena, &rows, err);
    if (rc == 0) *as_of = row_text(&rows, 0, 0);
    return rc;
}

int list_open_count(store_t *store, int64_t since_ms, arena_t *arena, int64_t *count, err_t *err) {
    cell_t params[] = {cell_i64(LIST_DONE), cell_i64(since_ms)};
    return one_number(store, "SELECT count(*) FROM list WHERE phase <> $1 AND touched_ms >= $2", params,
                      COUNT_OF(params), arena, count, err);
}

int list_forget_stale(store_t *store, int64_t before_ms, err_t *err) {
    cell_t params[] = {cell_i64(before_ms), cell_i64(LIST_STAGED)};
    int rc = store_exec(store,
                        "DELETE FROM list_row WHERE list IN"
                        " (SELECT number FROM list WHERE touched_ms < $1 AND (phase = $2 OR dry = 1))",
                        params, COUNT_OF(params), err);
    if (rc) return rc;
    return store_exec(store, "DELETE FROM list WHERE touched_ms < $1 AND (phase = $2 OR dry = 1)", params,
                      COUNT_OF(params), err);
}

int list_add(store_t *store, const list_key_t *key, int64_t at_ms, arena_t *arena, int64_t *number, err_t *err) {
    int rc = one_number(store, "SELECT COALESCE(max(number), 0) + 1 FROM list", NULL, 0, arena, number, err);
    if (rc) return rc;
    cell_t params[] = {cell_i64(*number),     cell_text(key->file), cell_text(key->group), cell_text(key->source),
                       cell_text(key->as_of), cell_i64(key->dry),   cell_i64(at_ms)};
    return store_exec(store,
                      "INSERT INTO list (number, file, group_name, source, as_of, dry, phase, at_row, at_partition,"
                      " at_person, touched_ms) VALUES ($1, $2, $3, $4, $5, $6, 0, 0, -1, '', $7)",
                      params, COUNT_OF(params), err);
}

int list_save(store_t *store, const list_t *list, int64_t at_ms, err_t *err) {
    cell_t params[] = {cell_i64(list->number),       cell_i64(list->phase),      cell_i64(list->at_row),
                       cell_i64(list->at_partition), cell_text(list->at_person), cell_i64(at_ms)};
    return store_exec(store,
                      "UPDATE list SET phase = $2, at_row = $3, at_partition = $4, at_person = $5, touched_ms = $6"
                      " WHERE number = $1",
                      params, COUNT_OF(params), err);
}

// ---- rows

int list_rows_add(store_t *store, int64_t number, int64_t first_row, const list_row_t *named, size_t count,
                  arena_t *arena, err_t *err) {
    rows_t rows;
    rows_init(&rows, arena, 5);
    for (size_t i = 0; i < count; i++) {
        cell_t *row = rows_add(&rows);
        if (!row) return no_memory(err);
        row[0] = cell_i64(number);
        row[1] = cell_i64(first_row + (int64_t)i);
        row[2] = cell_i64(partition_of(named[i].person));
        row[3] = cell_text(named[i].person);
        row[4] = cell_i64(named[i].fault);
    }
    return store_insert(store, "list_row", "list, row_number, partition, person, fault", &rows, CONFLICT_SKIPS, err);
}

int list_rows_count(store_t *store, int64_t number, arena_t *arena, int64_t *count, err_t *err) {
    cell_t params[] = {cell_i64(number)};
    return one_number(store, "SELECT count(*) FROM list_row WHERE list = $1", params, 1, arena, count, err);
}

int list_rows_next(store_t *store, const list_t *list, int64_t most, arena_t *arena, rows_t *out, err_t *err) {
    cell_t params[] = {cell_i64(list->number), cell_i64(list->at_row), cell_i64(most)};
    return store_query(store,
                       "SELECT row_number, person, fault FROM list_row WHERE list = $1 AND row_number > $2"
                       " ORDER BY row_number LIMIT $3",
                       params, COUNT_OF(params), arena, out, err);
}

int list_rows_forget(store_t *store, int64_t number, err_t *err) {
    cell_t params[] = {cell_i64(number)};
    return store_exec(store, "DELETE FROM list_row WHERE list = $1", params, 1, err);
}

// ---- members

int members_left_out(store_t *store, const list_t *list, const list_key_t *key, int64_t most, arena_t *arena,
                     rows_t *out, err_t *err) {
    cell_t params[] = {cell_text(key->group),        cell_text(key->source),     cell_i64(list->number),
                       cell_i64(list->at_partition), cell_text(list->at_person), cell_i64(most)};
    return store_query(store,
                       "SELECT m.partition, m.person FROM member m WHERE m.group_name = $1 AND m.source = $2"
                       " AND (m.partition, m.person) > ($4, $5) AND NOT EXISTS (SELECT 1 FROM list_row r"
                       " WHERE r.list = $3 AND r.partition = m.partition AND r.person = m.person)"
                       " ORDER BY m.partition, m.person LIMIT $6",
                       params, COUNT_OF(params), arena, out, err);
}

static int member_rows(const list_key_t *key, const char *const *persons, size_t count, arena_t *arena, rows_t *rows,
                       err_t *err) {
    rows_init(rows, arena, 4);
    for (size_t i = 0; i < count; i++) {
        cell_t *row = rows_add(rows);
        if (!row) return no_memory(err);
        row[0] = cell_text(key->group);
        row[1] = cell_text(key->source);
        row[2] = cell_i64(partition_of(persons[i]));
        row[3] = cell_text(persons[i]);
    }
    return 0;
}

int members_add(store_t *store, const list_key_t *key, const char *const *persons, size_t count, arena_t *arena,
                err_t *err) {
    rows_t rows;
    int rc = member_rows(key, persons, count, arena, &rows, err);
    return rc ? rc : store_insert(store, "member", "group_name, source, partition, person", &rows, CONFLICT_SKIPS, err);
}

int members_remove(store_t *store, const list_key_t *key, const char *const *persons, size_t count, arena_t *arena,
                   err_t *err) {
    rows_t rows;
    int rc = member_rows(key, persons, count, arena, &rows, err);
    if (rc) return rc;
    return store_each_exec(
        store, "DELETE FROM member WHERE group_name = $1 AND source = $2 AND partition = $3 AND person = $4", &rows,
        err);
}
