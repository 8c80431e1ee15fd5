#include "tamper.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ANY_MAX = 64, TABLE_MAX = 64 };

// ---- in PostgreSQL's words

// 1 stands for any text up to the next quote.
static const struct {
    const char *from, *to;
} words[] = {{"instr(body, CAST('\1' AS BLOB)) > 0", "position(convert_to('\1', 'UTF8') IN body) > 0"},
             {"CAST(body || x'\1' AS BLOB)", "body || decode('\1', 'hex')"},
             {"CAST(state || x'\1' AS BLOB)", "state || decode('\1', 'hex')"},
             {"x'\1'", "decode('\1', 'hex')"}};

// How many bytes of `sql` are `from`, 0 when they are something else; `any` is what 1 stood for.
static size_t match(const char *sql, const char *from, char any[static ANY_MAX]) {
    const char *at = sql;
    *any = '\0';
    for (; *from; from++) {
        if (*from != '\1') {
            if (*at++ != *from) return 0;
            continue;
        }
        const size_t bytes = strcspn(at, "'");
        if (bytes >= ANY_MAX) return 0;
        snprintf(any, ANY_MAX, "%.*s", (int)bytes, at);
        at += bytes;
    }
    return (size_t)(at - sql);
}

static int write_words(const char *sql, FILE *out) {
    char any[ANY_MAX];
    while (*sql) {
        size_t bytes = 0, k = 0;
        while (k < sizeof words / sizeof *words && !(bytes = match(sql, words[k].from, any))) k++;
        if (!bytes) {
            fputc(*sql++, out);
            continue;
        }
        for (const char *to = words[k].to; *to; to++) *to == '\1' ? fputs(any, out) : fputc(*to, out);
        sql += bytes;
    }
    return ferror(out) ? -1 : 0;
}

static int in_words_of(const char *url, const char *sql, char *to, size_t room) {
    FILE *out = fmemopen(to, room, "w");
    if (!out) return -1;
    int rc = strncmp(url, "postgres", 8) == 0 ? write_words(sql, out) : fputs(sql, out) < 0 ? -1 : 0;
    if (fclose(out)) rc = -1;
    return rc || strlen(to) + 1 >= room ? -1 : 0;
}

// ---- statement by statement

static int execute(store_t *store, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int execute(store_t *store, const char *format, ...) {
    char sql[2048];
    err_t err = {0};
    va_list args;
    va_start(args, format);
    const int bytes = vsnprintf(sql, sizeof sql, format, args);
    va_end(args);
    if (bytes < 0 || (size_t)bytes >= sizeof sql) return -1;
    if (store_exec(store, sql, NULL, 0, &err)) fprintf(stderr, "%s: %s\n", sql, err.text);
    return err.code ? -1 : 0;
}

// The table that a statement changes; false: it changes none.
static bool changes(const char *statement, char table[static TABLE_MAX]) {
    return sscanf(statement, "UPDATE %63s", table) == 1 || sscanf(statement, "DELETE FROM %63s", table) == 1 ||
           sscanf(statement, "INSERT INTO %63s", table) == 1;
}

typedef enum step { KEEP, CHANGE, LOOK, GIVE_BACK } step_t;

// `*differs`: how many rows are other than they were.
static int look(store_t *store, const char *table, int64_t *differs) {
    char sql[512];
    err_t err = {0};
    rows_t rows;
    arena_t *arena = arena_new(1 << 12, 0);
    snprintf(sql, sizeof sql,
             "SELECT COUNT(*) FROM (SELECT * FROM (SELECT * FROM %s EXCEPT SELECT * FROM kept_%s) AS made"
             " UNION ALL SELECT * FROM (SELECT * FROM kept_%s EXCEPT SELECT * FROM %s) AS gone) AS other",
             table, table, table, table);
    int rc = arena ? store_query(store, sql, NULL, 0, arena, &rows, &err) : E_IO;
    if (rc) fprintf(stderr, "%s: %s\n", sql, err.text);
    if (!rc) *differs += row_i64(&rows, 0, 0);
    arena_destroy(&arena);
    return rc ? -1 : 0;
}

static int do_one(store_t *store, const char *statement, step_t step, int64_t *differs) {
    char table[TABLE_MAX];
    if (step == CHANGE) return execute(store, "%s", statement);
    if (!changes(statement, table)) return 0;
    if (step == LOOK) return look(store, table, differs);
    if (step == KEEP)
        return execute(store, "CREATE TEMP TABLE IF NOT EXISTS kept_%s AS SELECT * FROM %s", table, table);
    return execute(store, "DELETE FROM %s", table) ||
                   execute(store, "INSERT INTO %s SELECT * FROM kept_%s", table, table)
               ? -1
               : 0;
}

static int do_all(tamper_t *tamper, step_t step, int64_t *differs) {
    char statement[sizeof tamper->sql];
    int rc = 0;
    for (const char *at = tamper->sql; !rc && *at; at += strcspn(at, ";"), at += *at == ';') {
        snprintf(statement, sizeof statement, "%.*s", (int)strcspn(at, ";"), at);
        rc = do_one(tamper->store, statement, step, differs);
    }
    return rc;
}

int tamper_begin(tamper_t *tamper, const char *url, const char *schema, const char *sql) {
    err_t err = {0};
    int64_t differs = 0;
    *tamper = (tamper_t){0};
    int rc = in_words_of(url, sql, tamper->sql, sizeof tamper->sql);
    if (!rc && store_open(&tamper->store, url, schema, &err)) {
        fprintf(stderr, "%s\n", err.text);
        rc = -1;
    }
    if (!rc) rc = do_all(tamper, KEEP, NULL);
    if (!rc) rc = do_all(tamper, CHANGE, NULL);
    if (!rc) rc = do_all(tamper, LOOK, &differs);
    if (!rc && !differs) fprintf(stderr, "nothing was changed: %s\n", tamper->sql);
    return rc || !differs ? -1 : 0;
}

int tamper_give_back(tamper_t *tamper) {
    const int rc = do_all(tamper, GIVE_BACK, NULL);
    store_close(&tamper->store);
    return rc;
}
