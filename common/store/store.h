// One small database API over SQLite (WAL, synchronous FULL) and PostgreSQL (libpq, pipeline mode).
//
// Survives: kill −9 and power loss after store_commit() returned 0. Detects: a lost connection (E_STORE, everything
// since store_begin is gone; the next store_begin reconnects). Does not handle: a disk that lies about fsync.
//
// SQL is one text for both: parameters $1 … $n, types BIGINT / TEXT / BYTEA, ON CONFLICT as both know it. Statements
// are prepared on first use and kept. A store belongs to one thread.
//
// What both engines do not say alike: sum() of BIGINT is NUMERIC in PostgreSQL, so write CAST(sum(x) AS BIGINT).
// Results of other types than integers, bool, text and bytea are refused; there are no floating numbers. At most 64
// parameters.
//
// Writes inside a transaction may be queued (PostgreSQL pipeline): an error is told at once or, at the latest, by
// store_commit(). Whoever needs the outcome of one write before going on asks for its rows (RETURNING) or reads.
#pragma once
#include "common/base/arena.h"
#include "common/base/check.h"
#include "common/base/err.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct store store_t;

// ---- cells and rows: one shape for parameters, results and set-based input ----

typedef enum cell_type { CELL_I64, CELL_TEXT, CELL_BLOB } cell_type_t;

typedef struct cell {
    cell_type_t type;
    bool null;
    int64_t i64;      // CELL_I64
    const void *data; // CELL_TEXT (NUL-terminated in results) and CELL_BLOB; borrowed
    size_t size;      // bytes without the NUL
} cell_t;

cell_t cell_i64(int64_t value);
cell_t cell_text(const char *text); // NULL gives a null of type text
cell_t cell_blob(const void *data, size_t size);
cell_t cell_null(cell_type_t type);

// A table in memory, growing in an arena. Row-major; every row has `width` cells.
typedef struct rows {
    arena_t *arena;
    size_t width, count, room;
    cell_t *cells;
} rows_t;

void rows_init(rows_t *rows, arena_t *arena, size_t width);
bool rows_reserve(rows_t *rows, size_t count) MUST_USE; // room for `count` rows in all; false when memory is out
cell_t *rows_add(rows_t *rows); // a zeroed row of `width` cells to fill, or NULL when memory is out
static inline cell_t *rows_at(const rows_t *rows, size_t row) { return rows->cells + row * rows->width; }
// Typed readers for results; CHECK the type, a null gives 0 / "" / size 0.
int64_t row_i64(const rows_t *rows, size_t row, size_t column);
const char *row_text(const rows_t *rows, size_t row, size_t column);
const void *row_blob(const rows_t *rows, size_t row, size_t column, size_t *size);

// ---- opening ----

// `url`: "sqlite:DIR" (file DIR/<schema>.db, made if absent; "sqlite::memory:" for a private one in memory) or
// "postgresql://…" (schema <schema>, made if absent, first on the search path). `schema`: [a-z_]+.
// E_INVALID_FIELD for another URL or schema name, E_STORE when the database cannot be opened.
int store_open(store_t **out, const char *url, const char *schema, err_t *err) MUST_USE;
// For an auditor: what is there, or E_STORE; nothing is made and every write is refused (E_STORE). SQLite may leave its
// helper files (-wal, -shm) beside a database that nobody else has open.
int store_open_read_only(store_t **out, const char *url, const char *schema, err_t *err) MUST_USE;
// Copy the SQLite store `schema` of folder `dir` as it is at one moment to the new file `path` (mode 0600, synced),
// while others write to it. E_STORE; then there is no file.
int store_copy(const char *dir, const char *schema, const char *path, err_t *err) MUST_USE;
void store_close(store_t **store);
bool store_is_postgres(const store_t *store);
// The database works on rows that were inserted, and whoever has something else to do need not wait for it with the
// next call. Never on SQLite, which works in the caller.
bool store_is_working(const store_t *store);

typedef struct migration {
    int version;     // 1, 2, 3 … without gaps
    const char *sql; // one or more statements; `{{blob}}`-style templating is not offered: write common SQL
} migration_t;

// In front of a step's SQL: on the other engine it is only counted.
#define POSTGRES_ONLY "--postgresql\n"
#define SQLITE_ONLY "--sqlite\n"

// Bring the schema to the last version, each step in a transaction of its own recorded in table `schema_version`.
// Several processes may call it at once: one migrates, the others wait. A newer version than we know: E_STORE.
int store_migrate(store_t *store, const migration_t *steps, size_t count, err_t *err) MUST_USE;

// ---- transactions ----

// Writers take the write lock at once (SQLite BEGIN IMMEDIATE, waits up to 10 s), so a transaction that read may write.
int store_begin(store_t *store, err_t *err) MUST_USE;
// 0 only when everything since store_begin is durable. E_RACE when a unique key or serialisation refused us; E_STORE
// otherwise. On failure the transaction is rolled back already; only when the connection broke during the commit itself
// nobody knows: whoever must know keeps an id in the transaction and asks for it.
// After the first failure inside a transaction nothing more is executed: every call, and the commit, tells that
// failure.
int store_commit(store_t *store, err_t *err) MUST_USE;
void store_rollback(store_t *store);

// ---- statements ----

// Run one statement with `count` parameters. `out` non-NULL: rows are read at once into it (initialised by the call
// with `arena`; column types follow the statement). `out` NULL: the write may be queued. E_RACE on a unique key, told
// here or by commit. Outside a transaction each call is its own.
int store_exec(store_t *store, const char *sql, const cell_t *params, size_t count, err_t *err) MUST_USE;
int store_query(store_t *store, const char *sql, const cell_t *params, size_t count, arena_t *arena, rows_t *out,
                err_t *err) MUST_USE;

// ---- set-based verbs: one round trip for many rows ----

typedef enum on_conflict { CONFLICT_FAILS, CONFLICT_SKIPS } on_conflict_t;

// Insert all rows into `table` (columns "a, b, c", as many as rows->width). PostgreSQL: INSERT … SELECT FROM unnest of
// binary arrays; SQLite: a prepared loop. The cell types of the first row hold for the column.
int store_insert(store_t *store, const char *table, const char *columns, const rows_t *rows, on_conflict_t conflict,
                 err_t *err) MUST_USE;

// The same, and a row whose `keys` ("a, b", unique in the table) are there already is replaced. No two of `rows` may
// have the same keys.
int store_put(store_t *store, const char *table, const char *columns, const char *keys, const rows_t *rows,
              err_t *err) MUST_USE;

// Rows that are there get new values: `columns` "a, b, c, d" begin with the `keys` "a, b" by which each is found, and
// which are unique in the table. A row that is not there, or of which the condition `also` ("" for none; of the table's
// columns and constants) does not hold, is left out. No two of `rows` may have the same keys. The table needs an index
// over the keys: PostgreSQL is kept from reading the whole table for many rows.
int store_update(store_t *store, const char *table, const char *columns, const char *keys, const char *also,
                 const rows_t *rows, err_t *err) MUST_USE;

// Delete the rows of `table` whose `columns` ("a, b") are those of a row of `keys`; that there is none is no error.
int store_drop(store_t *store, const char *table, const char *columns, const rows_t *keys, err_t *err) MUST_USE;

// Run `sql` once for each row of `keys` ($1 … $width) and collect all results in `out`, whose first column is the index
// of the key row they belong to (results in key order). PostgreSQL runs it as one statement over unnest(keys) LATERAL,
// so `sql` must be a plain SELECT in which $n stands only where a value may stand.
int store_each_query(store_t *store, const char *sql, const rows_t *keys, arena_t *arena, rows_t *out,
                     err_t *err) MUST_USE;

// Run the write `sql` once for each row of `keys`; queued in one flush on PostgreSQL.
int store_each_exec(store_t *store, const char *sql, const rows_t *keys, err_t *err) MUST_USE;
