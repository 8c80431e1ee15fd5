// What an engine offers to store.c. An engine never looks at the sticky failure: store.c asks it nothing more once a
// transaction has failed, and gives it set-based writes only inside a transaction.
#pragma once
#include "store.h"
#include <stdio.h>

#define STORE_PARAMS_MAX 64            // cells of one statement or row
#define STORE_WAIT_MS 10000            // for a lock that another writer holds
#define STORE_MIGRATION_WAIT_MS 600000 // for another process that migrates

typedef struct engine {
    bool is_postgres;
    bool (*working)(const store_t *store); // NULL: never
    void (*close)(store_t *store);         // frees the store too
    int (*begin)(store_t *store, err_t *err);
    int (*begin_migration)(store_t *store, err_t *err); // begin, alone among all migrating processes
    int (*commit)(store_t *store, err_t *err);          // on failure rolled back
    void (*rollback)(store_t *store);
    int (*script)(store_t *store, const char *sql, err_t *err); // several statements, inside a transaction
    int (*run)(store_t *store, const char *sql, const cell_t *params, size_t count, arena_t *arena, rows_t *out,
               err_t *err); // `out` NULL: no rows wanted
    int (*insert)(store_t *store, const char *table, const char *columns, const rows_t *rows, const char *conflict,
                  err_t *err); // `conflict`: the clause after the values, "" for none
    int (*update)(store_t *store, const char *table, const char *columns, const char *keys, const char *also,
                  const rows_t *rows, err_t *err); // `columns` begin with `keys`; `also` "" or a condition
    int (*drop)(store_t *store, const char *table, const char *columns, const rows_t *keys, err_t *err);
    int (*each_query)(store_t *store, const char *sql, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err);
    int (*each_exec)(store_t *store, const char *sql, const rows_t *keys, err_t *err);
} engine_t;

// First member of every engine's own store.
struct store {
    const engine_t *engine;
    bool open;     // between store_begin and its end
    err_t failure; // the first failure of the open transaction; code 0 while it is sound
};

typedef enum access { ACCESS_WRITE, ACCESS_READ } access_t; // to write: what is missing is made

int sqlite_open(store_t **out, const char *dir, const char *schema, access_t access, err_t *err) MUST_USE;
int postgres_open(store_t **out, const char *url, const char *schema, access_t access, err_t *err) MUST_USE;

// "t.a = <before>1 AND t.b = <before>2 …" of columns "a, b".
void match_sql(FILE *text, const char *table, const char *columns, const char *before);
// "UPDATE t SET c = <before>3, …" of the `columns` "a, b, c …" behind `keys` "a, b".
void set_sql(FILE *text, const char *table, const char *columns, const char *keys, const char *before);
// The cell types of a set: those of its first row; CHECKs that every other row agrees (nulls of that type too).
void rows_check(const rows_t *rows);
// The text of the INSERT both engines share up to its source: "INSERT INTO t (a, b) " + source + conflict clause, where
// `source` stands around a list $1 … $width. NULL when memory is out; the caller frees.
char *insert_sql(const char *table, const char *columns, size_t width, const char *before, const char *after,
                 const char *conflict);
