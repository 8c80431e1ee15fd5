// The PostgreSQL engine: a transaction is BEGIN, its writes and COMMIT in one pipeline and, unless something is read in
// between, one round trip. BEGIN goes out with the first statement, so an empty transaction costs nothing.
#include "engine.h"
#include "link.h"
#include "sorted.h"
#include "values.h"
#include <stdlib.h>
#include <string.h>

typedef struct postgres {
    store_t base;
    link_t link;
    bool begun; // BEGIN was queued
} postgres_t;

static postgres_t *postgres_of(store_t *store) { return (postgres_t *)store; }

// ---- transactions ----

static int queue_plain(postgres_t *pg, const char *sql, err_t *err) {
    params_t none = {.count = 0};
    return link_queue(&pg->link, sql, &none, err);
}

// Before the first statement of a transaction, or before one outside any.
static int make_ready(postgres_t *pg, err_t *err) {
    if (!pg->base.open) return link_ready(&pg->link, err);
    if (pg->begun) return E_OK;
    pg->begun = true;
    return queue_plain(pg, "BEGIN", err);
}

static int postgres_begin(store_t *store, err_t *err) {
    postgres_t *pg = postgres_of(store);
    pg->begun = false;
    return link_ready(&pg->link, err);
}

static void postgres_rollback(store_t *store) {
    postgres_t *pg = postgres_of(store);
    err_t ignored;
    if (!pg->begun || !link_alive(&pg->link)) return;
    // What is queued fails or not: either way the server gets to the ROLLBACK that follows in a portion of its own.
    if (pg->link.queued || pg->link.copying) (void)!link_settle(&pg->link, NULL, &ignored);
    if (!link_alive(&pg->link)) return;
    if (queue_plain(pg, "ROLLBACK", &ignored) == E_OK) (void)!link_settle(&pg->link, NULL, &ignored);
}

static int postgres_begin_migration(store_t *store, err_t *err) {
    postgres_t *pg = postgres_of(store);
    int code = postgres_begin(store, err);
    if (code != E_OK) return code;
    pg->begun = true;
    code = queue_plain(pg, "BEGIN", err);
    if (code == E_OK) code = queue_plain(pg, "SET LOCAL lock_timeout = 600000", err);
    if (code == E_OK)
        code =
            queue_plain(pg, "SELECT pg_advisory_xact_lock(hashtextextended('migrate ' || current_schema(), 0))", err);
    if (code == E_OK) code = link_settle(&pg->link, NULL, err);
    if (code != E_OK) postgres_rollback(store);
    return code;
}

static int postgres_commit(store_t *store, err_t *err) {
    postgres_t *pg = postgres_of(store);
    PGresult *result = NULL;
    if (!pg->begun) return E_OK;
    int code = queue_plain(pg, "COMMIT", err);
    if (code == E_OK) code = link_settle(&pg->link, &result, err);
    // A server whose transaction had failed answers COMMIT with ROLLBACK, and not with an error.
    if (code == E_OK && strcmp(PQcmdStatus(result), "COMMIT") != 0)
        code = err_set(err, E_STORE, "postgresql: the transaction was rolled back");
    PQclear(result);
    if (code != E_OK) postgres_rollback(store);
    return code;
}

static int postgres_script(store_t *store, const char *sql, err_t *err) {
    postgres_t *pg = postgres_of(store);
    int code = make_ready(pg, err);
    if (code == E_OK) code = link_settle(&pg->link, NULL, err);
    if (code == E_OK) code = link_script(&pg->link, sql, err);
    return code;
}

// ---- statements ----

// Settle and read the rows of the last statement.
static int read_rows(postgres_t *pg, arena_t *arena, rows_t *out, err_t *err) {
    PGresult *result = NULL;
    int code = link_settle(&pg->link, &result, err);
    if (code == E_OK) {
        rows_init(out, arena, (size_t)PQnfields(result));
        code = rows_of_result(out, result, err);
    }
    PQclear(result);
    return code;
}

static int postgres_run(store_t *store, const char *sql, const cell_t *cells, size_t count, arena_t *arena, rows_t *out,
                        err_t *err) {
    postgres_t *pg = postgres_of(store);
    params_t params;
    int code = make_ready(pg, err);
    if (code != E_OK) return code;
    params_of_cells(&params, cells, count);
    code = link_queue(&pg->link, sql, &params, err);
    if (code == E_OK && out) return read_rows(pg, arena, out, err);
    if (!store->open && link_alive(&pg->link)) {
        int settled = link_settle(&pg->link, NULL, code == E_OK ? err : NULL);
        if (code == E_OK) code = settled;
    }
    return code;
}

// ---- set-based verbs ----

static int queue_columns(postgres_t *pg, const char *sql, const rows_t *rows, size_t from, size_t to, err_t *err) {
    params_t params;
    char *buffer;
    int code = params_of_columns(&params, rows, from, to, &buffer, err);
    if (code == E_OK) code = link_queue(&pg->link, sql, &params, err); // copies
    free(buffer);
    return code;
}

// COPY takes a row about twice as fast as INSERT, but two round trips of its own.
#define COPY_ROWS_MIN 128

static int copy_rows(postgres_t *pg, const char *table, const char *columns, const rows_t *rows, err_t *err) {
    char sql[1024];
    int length = snprintf(sql, sizeof sql, "COPY %s (%s) FROM STDIN (FORMAT binary)", table, columns);
    CHECK(length > 0 && (size_t)length < sizeof sql);
    int code = E_OK;
    size_t portion, size;
    for (size_t from = 0; code == E_OK && from < rows->count; from += portion) {
        portion = portion_of_rows(rows, from);
        char *data = copy_of_rows(rows, from, from + portion, &size, err);
        code = data ? link_copy(&pg->link, sql, data, size, err) : E_STORE;
        free(data);
    }
    return code;
}

// "unnest($1, $2) AS k(c1, c2)"
static void keys_sql(FILE *text, size_t width) {
    fputs("unnest(", text);
    for (size_t i = 1; i <= width; i++) fprintf(text, i == 1 ? "$%zu" : ", $%zu", i);
    fputs(") AS k(", text);
    for (size_t i = 1; i <= width; i++) fprintf(text, i == 1 ? "c%zu" : ", c%zu", i);
    fputs(")", text);
}

// "UPDATE t SET c = k.c3 FROM unnest($1, $2, $3) AS k(c1, c2, c3) WHERE t.a = k.c1 AND t.b = k.c2 AND (also)". NULL
// when memory is out.
static char *update_sql(const char *table, const char *columns, const char *keys, const char *also, size_t width) {
    char *sql = NULL;
    size_t size;
    FILE *text = open_memstream(&sql, &size);
    if (!text) return NULL;
    set_sql(text, table, columns, keys, "k.c");
    fputs(" FROM ", text);
    keys_sql(text, width);
    fputs(" WHERE ", text);
    match_sql(text, table, keys, "k.c");
    if (*also) fprintf(text, " AND (%s)", also);
    if (fclose(text) == 0) return sql;
    free(sql);
    return NULL;
}

// "DELETE FROM t USING unnest($1, $2) AS k(c1, c2) WHERE t.a = k.c1 AND t.b = k.c2". NULL when memory is out.
static char *drop_sql(const char *table, const char *columns, size_t width) {
    char *sql = NULL;
    size_t size;
    FILE *text = open_memstream(&sql, &size);
    if (!text) return NULL;
    fprintf(text, "DELETE FROM %s USING ", table);
    keys_sql(text, width);
    fputs(" WHERE ", text);
    match_sql(text, table, columns, "k.c");
    if (fclose(text) == 0) return sql;
    free(sql);
    return NULL;
}

// `sql` over all rows, as many at a time as one statement takes. `sql` NULL: memory is out; it is freed.
static int queue_portions(postgres_t *pg, char *sql, const rows_t *rows, err_t *err) {
    if (!sql) return err_set(err, E_STORE, "out of memory");
    int code = E_OK;
    size_t portion;
    for (size_t from = 0; code == E_OK && from < rows->count; from += portion) {
        portion = portion_of_rows(rows, from);
        code = queue_columns(pg, sql, rows, from, from + portion, err);
    }
    free(sql);
    return code;
}

static int postgres_insert(store_t *store, const char *table, const char *columns, const rows_t *rows,
                           const char *conflict, err_t *err) {
    postgres_t *pg = postgres_of(store);
    int code = make_ready(pg, err);
    if (code != E_OK) return code;
    sorted_t sorted = {.rows = *rows};
    // Of rows with one key the first is kept, so those keep their order.
    if (!strstr(conflict, "DO NOTHING")) code = sorted_make(&sorted, rows, err);
    if (code != E_OK) return code;
    if (!*conflict && rows->count >= COPY_ROWS_MIN)
        code = copy_rows(pg, table, columns, &sorted.rows, err);
    else
        code = queue_portions(pg, insert_sql(table, columns, rows->width, "SELECT * FROM unnest(", ")", conflict),
                              &sorted.rows, err);
    sorted_free(&sorted);
    return code;
}

// For a join with many keys the planner may read the whole table, which then costs more the larger the city is.
#define JOIN_ROWS_MIN 64
#define JOINS(how)                                                                                                     \
    "SELECT set_config('enable_hashjoin', '" how "', true), set_config('enable_mergejoin', '" how "', true),"          \
    " set_config('enable_seqscan', '" how "', true)"

// As queue_portions, each row found by an index; other statements of the transaction are planned as ever.
static int queue_by_index(postgres_t *pg, char *sql, const rows_t *rows, err_t *err) {
    const bool many = rows->count >= JOIN_ROWS_MIN;
    sorted_t sorted;
    int code = sorted_make(&sorted, rows, err);
    if (code == E_OK && many) code = queue_plain(pg, JOINS("off"), err);
    if (code == E_OK)
        code = queue_portions(pg, sql, &sorted.rows, err);
    else
        free(sql);
    if (code == E_OK && many) code = queue_plain(pg, JOINS("on"), err);
    sorted_free(&sorted);
    return code;
}

static int postgres_update(store_t *store, const char *table, const char *columns, const char *keys, const char *also,
                           const rows_t *rows, err_t *err) {
    postgres_t *pg = postgres_of(store);
    int code = make_ready(pg, err);
    return code != E_OK ? code : queue_by_index(pg, update_sql(table, columns, keys, also, rows->width), rows, err);
}

static int postgres_drop(store_t *store, const char *table, const char *columns, const rows_t *keys, err_t *err) {
    postgres_t *pg = postgres_of(store);
    int code = make_ready(pg, err);
    return code != E_OK ? code : queue_by_index(pg, drop_sql(table, columns, keys->width), keys, err);
}

static int postgres_each_exec(store_t *store, const char *sql, const rows_t *keys, err_t *err) {
    postgres_t *pg = postgres_of(store);
    params_t params;
    int code = make_ready(pg, err);
    for (size_t i = 0; code == E_OK && i < keys->count; i++) {
        params_of_cells(&params, rows_at(keys, i), keys->width);
        code = link_queue(&pg->link, sql, &params, err);
    }
    return code;
}

// Stable counting sort by the first column, a key index below `keys`. The planner nearly always keeps key order.
static int sort_by_key(rows_t *rows, size_t keys, err_t *err) {
    bool sorted = true;
    for (size_t i = 1; i < rows->count; i++) sorted &= rows_at(rows, i - 1)->i64 <= rows_at(rows, i)->i64;
    if (sorted) return E_OK;
    size_t *start = calloc(keys + 1, sizeof *start);
    cell_t *cells = arena_alloc(rows->arena, rows->count * rows->width * sizeof *cells);
    if (start && cells) {
        for (size_t i = 0; i < rows->count; i++) start[rows_at(rows, i)->i64 + 1]++;
        for (size_t key = 0; key < keys; key++) start[key + 1] += start[key];
        for (size_t i = 0; i < rows->count; i++)
            memcpy(cells + start[rows_at(rows, i)->i64]++ * rows->width, rows_at(rows, i), rows->width * sizeof *cells);
        rows->cells = cells;
        rows->room = rows->count;
    }
    free(start);
    return start && cells ? E_OK : err_set(err, E_STORE, "out of memory for a result");
}

static int postgres_each_query(store_t *store, const char *sql, const rows_t *keys, arena_t *arena, rows_t *out,
                               err_t *err) {
    postgres_t *pg = postgres_of(store);
    int code = make_ready(pg, err);
    if (code != E_OK) return code;
    sorted_t sorted;
    code = sorted_make(&sorted, keys, err);
    if (code != E_OK) return code;
    char *each = each_sql(sql, keys->width);
    code = each ? queue_columns(pg, each, &sorted.rows, 0, keys->count, err) : err_set(err, E_STORE, "out of memory");
    free(each);
    if (code == E_OK) code = read_rows(pg, arena, out, err);
    for (size_t i = 0; code == E_OK && sorted.places && i < out->count; i++)
        rows_at(out, i)->i64 = (int64_t)sorted.places[rows_at(out, i)->i64];
    if (code == E_OK) code = sort_by_key(out, keys->count, err);
    sorted_free(&sorted);
    return code;
}

// ---- opening ----

static void postgres_close(store_t *store) {
    postgres_t *pg = postgres_of(store);
    link_close(&pg->link);
    free(pg);
}

static bool postgres_working(const store_t *store) { return ((const postgres_t *)store)->link.copying; }

static const engine_t postgres_engine = {
    .is_postgres = true,
    .working = postgres_working,
    .close = postgres_close,
    .begin = postgres_begin,
    .begin_migration = postgres_begin_migration,
    .commit = postgres_commit,
    .rollback = postgres_rollback,
    .script = postgres_script,
    .run = postgres_run,
    .insert = postgres_insert,
    .update = postgres_update,
    .drop = postgres_drop,
    .each_query = postgres_each_query,
    .each_exec = postgres_each_exec,
};

int postgres_open(store_t **out, const char *url, const char *schema, access_t access, err_t *err) {
    postgres_t *pg = calloc(1, sizeof *pg);
    if (!pg) return err_set(err, E_STORE, "out of memory");
    pg->base.engine = &postgres_engine;
    int code = link_init(&pg->link, url, schema, access, err);
    if (code != E_OK) {
        postgres_close(&pg->base);
        return code;
    }
    *out = &pg->base;
    return E_OK;
}
