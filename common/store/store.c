// The verbs of store.h over an engine: what holds for both engines alike. Arguments are checked, the first failure of a
// transaction sticks, and a set-based write outside a transaction becomes a transaction of its own.
#include "engine.h"
#include "common/base/fault.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool schema_valid(const char *schema) {
    size_t length = strspn(schema, "abcdefghijklmnopqrstuvwxyz_");
    return length > 0 && length < 64 && schema[length] == '\0';
}

static int open_as(store_t **out, const char *url, const char *schema, access_t access, err_t *err) {
    *out = NULL;
    if (!schema_valid(schema))
        return err_field(err, E_INVALID_FIELD, "schema", "schema \"%s\": expected 1..63 of a-z and _", schema);
    if (strncmp(url, "sqlite:", 7) == 0 && url[7]) return sqlite_open(out, url + 7, schema, access, err);
    if (strncmp(url, "postgresql://", 13) == 0 || strncmp(url, "postgres://", 11) == 0)
        return postgres_open(out, url, schema, access, err);
    return err_field(err, E_INVALID_FIELD, "url", "store URL: expected sqlite:DIR or postgresql://…");
}

int store_open(store_t **out, const char *url, const char *schema, err_t *err) {
    return open_as(out, url, schema, ACCESS_WRITE, err);
}

int store_open_read_only(store_t **out, const char *url, const char *schema, err_t *err) {
    return open_as(out, url, schema, ACCESS_READ, err);
}

void store_close(store_t **store) {
    if (!*store) return;
    store_rollback(*store);
    (*store)->engine->close(*store);
    *store = NULL;
}

// ---- transactions ----

bool store_is_postgres(const store_t *store) { return store->engine->is_postgres; }
bool store_is_working(const store_t *store) { return store->engine->working && store->engine->working(store); }

static int fails_on_order(err_t *err) {
    return fault_now(FAULT_STORE) ? err_set(err, E_STORE, "the store fails on order") : E_OK;
}

int store_begin(store_t *store, err_t *err) {
    CHECK(!store->open);
    int code = fails_on_order(err);
    if (code == E_OK) code = store->engine->begin(store, err);
    store->open = code == E_OK;
    store->failure.code = E_OK;
    return code;
}

void store_rollback(store_t *store) {
    if (!store->open) return;
    store->engine->rollback(store);
    store->open = false;
}

// Remember the first failure inside a transaction and tell the caller.
static int told(store_t *store, int code, const err_t *failure, err_t *err) {
    if (code == E_OK) return E_OK;
    if (store->open) store->failure = *failure;
    if (err) *err = *failure;
    return code;
}

// The failure that already doomed the open transaction, if any.
static int doomed(store_t *store, err_t *err) {
    err_t ordered;
    int code = fails_on_order(&ordered);
    if (code != E_OK && !(store->open && store->failure.code)) return told(store, code, &ordered, err);
    if (!store->open || store->failure.code == E_OK) return E_OK;
    if (err) *err = store->failure;
    return store->failure.code;
}

int store_commit(store_t *store, err_t *err) {
    CHECK(store->open);
    int code = doomed(store, err);
    if (code != E_OK) {
        store_rollback(store);
        return code;
    }
    code = store->engine->commit(store, err);
    store->open = false;
    return code;
}

// ---- statements ----

static int run(store_t *store, const char *sql, const cell_t *params, size_t count, arena_t *arena, rows_t *out,
               err_t *err) {
    CHECK(count <= STORE_PARAMS_MAX);
    int code = doomed(store, err);
    if (code != E_OK) return code;
    err_t failure;
    code = store->engine->run(store, sql, params, count, arena, out, &failure);
    return told(store, code, &failure, err);
}

int store_exec(store_t *store, const char *sql, const cell_t *params, size_t count, err_t *err) {
    return run(store, sql, params, count, NULL, NULL, err);
}

int store_query(store_t *store, const char *sql, const cell_t *params, size_t count, arena_t *arena, rows_t *out,
                err_t *err) {
    rows_init(out, arena, 0);
    return run(store, sql, params, count, arena, out, err);
}

// ---- set-based verbs ----

// End the transaction that a set-based write outside one was given.
static int end_own(store_t *store, bool own, int code, err_t *err) {
    if (!own) return code;
    if (code == E_OK) return store_commit(store, err);
    store_rollback(store);
    return code;
}

static int begin_set(store_t *store, const rows_t *rows, bool *own, err_t *err) {
    CHECK(rows->width > 0 && rows->width <= STORE_PARAMS_MAX);
    rows_check(rows);
    *own = !store->open;
    return *own ? store_begin(store, err) : doomed(store, err);
}

static int insert(store_t *store, const char *table, const char *columns, const rows_t *rows, const char *conflict,
                  err_t *err) {
    if (rows->count == 0) return doomed(store, err);
    bool own;
    int code = begin_set(store, rows, &own, err);
    if (code != E_OK) return code;
    err_t failure;
    code = store->engine->insert(store, table, columns, rows, conflict, &failure);
    return end_own(store, own, told(store, code, &failure, err), err);
}

int store_insert(store_t *store, const char *table, const char *columns, const rows_t *rows, on_conflict_t conflict,
                 err_t *err) {
    return insert(store, table, columns, rows, conflict == CONFLICT_SKIPS ? " ON CONFLICT DO NOTHING" : "", err);
}

// Is the column of `length` bytes one of "a, b, c"?
static bool is_among(const char *names, const char *column, size_t length) {
    for (; *names; names += strcspn(names, ", "), names += strspn(names, ", "))
        if (strcspn(names, ", ") == length && memcmp(names, column, length) == 0) return true;
    return false;
}

// " ON CONFLICT (keys) DO UPDATE SET c = excluded.c, …" of all columns that are no keys. The caller frees.
static char *replace_clause(const char *columns, const char *keys) {
    char *clause = NULL;
    size_t size, length;
    int count = 0;
    FILE *text = open_memstream(&clause, &size);
    if (!text) return NULL;
    fprintf(text, " ON CONFLICT (%s) DO UPDATE SET ", keys);
    for (const char *c = columns; *c; c += length, c += strspn(c, ", ")) {
        length = strcspn(c, ", ");
        if (is_among(keys, c, length)) continue;
        fprintf(text, "%s%.*s = excluded.%.*s", count++ ? ", " : "", (int)length, c, (int)length, c);
    }
    if (fclose(text) == 0) return clause;
    free(clause);
    return NULL;
}

int store_put(store_t *store, const char *table, const char *columns, const char *keys, const rows_t *rows,
              err_t *err) {
    char *clause = replace_clause(columns, keys);
    if (!clause) return err_set(err, E_STORE, "out of memory");
    int code = insert(store, table, columns, rows, clause, err);
    free(clause);
    return code;
}

int store_update(store_t *store, const char *table, const char *columns, const char *keys, const char *also,
                 const rows_t *rows, err_t *err) {
    CHECK(strncmp(columns, keys, strlen(keys)) == 0);
    if (rows->count == 0) return doomed(store, err);
    bool own;
    int code = begin_set(store, rows, &own, err);
    if (code != E_OK) return code;
    err_t failure;
    code = store->engine->update(store, table, columns, keys, also, rows, &failure);
    return end_own(store, own, told(store, code, &failure, err), err);
}

int store_drop(store_t *store, const char *table, const char *columns, const rows_t *keys, err_t *err) {
    if (keys->count == 0) return doomed(store, err);
    bool own;
    int code = begin_set(store, keys, &own, err);
    if (code != E_OK) return code;
    err_t failure;
    code = store->engine->drop(store, table, columns, keys, &failure);
    return end_own(store, own, told(store, code, &failure, err), err);
}

int store_each_exec(store_t *store, const char *sql, const rows_t *keys, err_t *err) {
    if (keys->count == 0) return doomed(store, err);
    bool own;
    int code = begin_set(store, keys, &own, err);
    if (code != E_OK) return code;
    err_t failure;
    code = store->engine->each_exec(store, sql, keys, &failure);
    return end_own(store, own, told(store, code, &failure, err), err);
}

int store_each_query(store_t *store, const char *sql, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    rows_init(out, arena, 0);
    int code = doomed(store, err);
    if (code != E_OK || keys->count == 0) return code;
    CHECK(keys->width > 0 && keys->width <= STORE_PARAMS_MAX);
    rows_check(keys);
    err_t failure;
    code = store->engine->each_query(store, sql, keys, arena, out, &failure);
    return told(store, code, &failure, err);
}

void match_sql(FILE *text, const char *table, const char *columns, const char *before) {
    size_t length;
    int n = 0;
    for (const char *c = columns; *c; c += length, c += strspn(c, ", ")) {
        length = strcspn(c, ", ");
        fprintf(text, "%s%s.%.*s = %s%d", n ? " AND " : "", table, (int)length, c, before, n + 1);
        n++;
    }
}

void set_sql(FILE *text, const char *table, const char *columns, const char *keys, const char *before) {
    size_t length;
    int n = 0, set = 0;
    fprintf(text, "UPDATE %s SET ", table);
    for (const char *c = columns; *c; c += length, c += strspn(c, ", ")) {
        length = strcspn(c, ", ");
        n++;
        if (!is_among(keys, c, length)) fprintf(text, "%s%.*s = %s%d", set++ ? ", " : "", (int)length, c, before, n);
    }
}

char *insert_sql(const char *table, const char *columns, size_t width, const char *before, const char *after,
                 const char *conflict) {
    char *sql = NULL;
    size_t size;
    FILE *text = open_memstream(&sql, &size);
    if (!text) return NULL;
    fprintf(text, "INSERT INTO %s (%s) %s", table, columns, before);
    for (size_t i = 1; i <= width; i++) fprintf(text, i == 1 ? "$%zu" : ", $%zu", i);
    fprintf(text, "%s%s", after, conflict);
    if (fclose(text) == 0) return sql;
    free(sql);
    return NULL;
}
