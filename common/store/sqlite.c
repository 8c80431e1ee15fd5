// The SQLite engine: one file in WAL mode with synchronous FULL, shared by several processes. Waits for another writer
// by sleeping 0.1 to 0.4 ms at a time: a group commit lasts a few times that long, and the lock is free to nobody while
// all that wait for it sleep. The default of SQLite sleeps far longer. Checkpoints go on beside the writer
// (checkpoint.h).
#include "checkpoint.h"
#include "common/base/date.h"
#include "common/base/metrics.h"
#include "engine.h"
#include "statements.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ROWS_AT_ONCE 16 // of one INSERT
#define LITE_PARAMS_MAX (ROWS_AT_ONCE * STORE_PARAMS_MAX)
#define SLEEP_MIN_US 100
#define SLEEP_MAX_US 400
#define COPY_WAITS_MAX 2000 // of a millisecond

typedef struct lite {
    store_t base;
    sqlite3 *db;
    statements_t statements;
    int64_t wait_ms;       // for a lock
    int64_t wait_since_us; // when the present wait began
    metric_t *waits;
    checkpointer_t *checkpointer; // made when the log is long for the first time
} lite_t;

// A compiled statement and, for each of SQLite's parameters, the n of its $n.
typedef struct compiled {
    sqlite3_stmt *stmt;
    int count;
    uint16_t number[LITE_PARAMS_MAX];
} compiled_t;

static lite_t *lite_of(store_t *store) { return (lite_t *)store; }

static int told(lite_t *lite, err_t *err) {
    int code = sqlite3_extended_errcode(lite->db);
    bool race =
        code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_ROWID;
    return err_set(err, race ? E_RACE : E_STORE, "sqlite: %s (%d)", sqlite3_errmsg(lite->db), code);
}

static int wait_for_lock(void *self, int tries) {
    lite_t *lite = self;
    int64_t now_us = clock_mono_us();
    if (tries == 0) {
        lite->wait_since_us = now_us;
        metric_add(lite->waits, 1);
    }
    if (now_us - lite->wait_since_us >= lite->wait_ms * 1000) return 0;
    int us = tries < 5 ? SLEEP_MIN_US << tries : SLEEP_MAX_US;
    if (us > SLEEP_MAX_US) us = SLEEP_MAX_US;
    struct timespec pause = {.tv_nsec = us * 1000L};
    nanosleep(&pause, NULL);
    return 1;
}

// ---- statements ----

static void forget(void *self, statement_t *statement) {
    (void)self;
    compiled_t *compiled = statement->handle;
    if (compiled) sqlite3_finalize(compiled->stmt);
    free(compiled);
}

static int number_params(compiled_t *compiled, err_t *err) {
    compiled->count = sqlite3_bind_parameter_count(compiled->stmt);
    if (compiled->count > LITE_PARAMS_MAX)
        return err_set(err, E_STORE, "sqlite: a statement has %d parameters, at most %d", compiled->count,
                       LITE_PARAMS_MAX);
    for (int i = 0; i < compiled->count; i++) {
        const char *name = sqlite3_bind_parameter_name(compiled->stmt, i + 1);
        long n = name && name[0] == '$' ? strtol(name + 1, NULL, 10) : 0;
        if (n < 1 || n > LITE_PARAMS_MAX)
            return err_set(err, E_STORE, "sqlite: parameter \"%s\": expected $1 … $%d", name ? name : "?",
                           LITE_PARAMS_MAX);
        compiled->number[i] = (uint16_t)n;
    }
    return E_OK;
}

static int compile(lite_t *lite, const char *sql, compiled_t **out, err_t *err) {
    statement_t *known = statements_find(&lite->statements, sql, "");
    if (known) {
        *out = known->handle;
        return E_OK;
    }
    compiled_t *compiled = calloc(1, sizeof *compiled);
    if (!compiled) return err_set(err, E_STORE, "out of memory");
    const char *tail = "";
    int code = E_OK;
    if (sqlite3_prepare_v3(lite->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &compiled->stmt, &tail) != SQLITE_OK)
        code = told(lite, err);
    else if (!compiled->stmt || tail[strspn(tail, " \t\r\n;")])
        code = err_set(err, E_STORE, "sqlite: expected exactly one statement");
    else
        code = number_params(compiled, err);
    if (code == E_OK && !(known = statements_add(&lite->statements, sql, "")))
        code = err_set(err, E_STORE, "out of memory");
    if (code == E_OK) {
        known->handle = *out = compiled;
        return E_OK;
    }
    sqlite3_finalize(compiled->stmt);
    free(compiled);
    return code;
}

static int bind_cell(sqlite3_stmt *stmt, int index, const cell_t *cell) {
    if (cell->null) return sqlite3_bind_null(stmt, index);
    switch (cell->type) {
    case CELL_I64: return sqlite3_bind_int64(stmt, index, cell->i64);
    case CELL_TEXT: return sqlite3_bind_text64(stmt, index, cell->data, cell->size, SQLITE_STATIC, SQLITE_UTF8);
    case CELL_BLOB:
        // A null pointer would bind a NULL.
        return sqlite3_bind_blob64(stmt, index, cell->size ? cell->data : "", cell->size, SQLITE_STATIC);
    }
    return SQLITE_MISUSE;
}

static int bind_all(lite_t *lite, compiled_t *compiled, const cell_t *params, size_t count, err_t *err) {
    for (int i = 0; i < compiled->count; i++) {
        size_t n = compiled->number[i];
        if (n > count)
            return err_set(err, E_STORE, "sqlite: the statement wants $%zu, %zu parameters were given", n, count);
        if (bind_cell(compiled->stmt, i + 1, &params[n - 1]) != SQLITE_OK) return told(lite, err);
    }
    return E_OK;
}

static int read_cell(sqlite3_stmt *stmt, int column, arena_t *arena, cell_t *out, err_t *err) {
    int type = sqlite3_column_type(stmt, column);
    if (type == SQLITE_NULL) {
        *out = cell_null(CELL_I64);
        return E_OK;
    }
    if (type == SQLITE_INTEGER) {
        *out = cell_i64(sqlite3_column_int64(stmt, column));
        return E_OK;
    }
    if (type == SQLITE_FLOAT)
        return err_set(err, E_STORE, "sqlite: column \"%s\" is a floating number: CAST it AS BIGINT",
                       sqlite3_column_name(stmt, column));
    bool text = type == SQLITE_TEXT;
    const void *data = text ? (const void *)sqlite3_column_text(stmt, column) : sqlite3_column_blob(stmt, column);
    size_t size = (size_t)sqlite3_column_bytes(stmt, column);
    char *copy = arena_room(arena, size + 1);
    if (!copy || (size && !data)) return err_set(err, E_STORE, "out of memory for a result");
    if (size) memcpy(copy, data, size);
    copy[size] = 0;
    *out = (cell_t){.type = text ? CELL_TEXT : CELL_BLOB, .data = copy, .size = size};
    return E_OK;
}

static int read_row(sqlite3_stmt *stmt, int64_t key, rows_t *out, err_t *err) {
    size_t lead = key >= 0;
    cell_t *cells = rows_add(out);
    if (!cells) return err_set(err, E_STORE, "out of memory for a result");
    if (lead) cells[0] = cell_i64(key);
    int code = E_OK;
    for (size_t i = lead; code == E_OK && i < out->width; i++)
        code = read_cell(stmt, (int)(i - lead), out->arena, &cells[i], err);
    return code;
}

// Bind, step to the end, reset. With `out`, rows are appended; `key` >= 0 goes in front of each.
static int execute(lite_t *lite, compiled_t *compiled, const cell_t *params, size_t count, int64_t key, rows_t *out,
                   err_t *err) {
    int code = bind_all(lite, compiled, params, count, err);
    if (code != E_OK) return code;
    int step;
    while ((step = sqlite3_step(compiled->stmt)) == SQLITE_ROW && code == E_OK)
        if (out) code = read_row(compiled->stmt, key, out, err);
    if (code == E_OK && step != SQLITE_DONE) code = told(lite, err);
    sqlite3_reset(compiled->stmt); // repeats the error of the step
    return code;
}

static int lite_run(store_t *store, const char *sql, const cell_t *params, size_t count, arena_t *arena, rows_t *out,
                    err_t *err) {
    lite_t *lite = lite_of(store);
    compiled_t *compiled = NULL;
    int code = compile(lite, sql, &compiled, err);
    if (code != E_OK) return code;
    if (out) rows_init(out, arena, (size_t)sqlite3_column_count(compiled->stmt));
    return execute(lite, compiled, params, count, -1, out, err);
}

static int lite_script(store_t *store, const char *sql, err_t *err) {
    lite_t *lite = lite_of(store);
    return sqlite3_exec(lite->db, sql, NULL, NULL, NULL) == SQLITE_OK ? E_OK : told(lite, err);
}

// ---- transactions ----

static int plain(lite_t *lite, const char *sql, err_t *err) {
    return lite_run(&lite->base, sql, NULL, 0, NULL, NULL, err);
}

static int lite_begin(store_t *store, err_t *err) { return plain(lite_of(store), "BEGIN IMMEDIATE", err); }

static int lite_begin_migration(store_t *store, err_t *err) {
    lite_t *lite = lite_of(store);
    lite->wait_ms = STORE_MIGRATION_WAIT_MS;
    int code = lite_begin(store, err);
    lite->wait_ms = STORE_WAIT_MS;
    return code;
}

static void lite_rollback(store_t *store) {
    lite_t *lite = lite_of(store);
    // A full disk or an I/O error has rolled back already.
    if (sqlite3_get_autocommit(lite->db)) return;
    err_t ignored;
    (void)!plain(lite, "ROLLBACK", &ignored);
}

static int lite_commit(store_t *store, err_t *err) {
    int code = plain(lite_of(store), "COMMIT", err);
    if (code != E_OK) lite_rollback(store);
    return code;
}

// By the writer himself, once a copy under way is done: so the log cannot outgrow a thread that gets no processor.
static void copy_log(sqlite3 *db, const char *name) {
    for (int i = 0; i < COPY_WAITS_MAX; i++) {
        if (sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) != SQLITE_BUSY) return;
        nanosleep(&(struct timespec){.tv_nsec = 1000000L}, NULL);
    }
}

// After each commit: `pages` stand in the log. Where no thread can be had, checkpoints are the writer's as before.
static int after_commit(void *self, sqlite3 *db, const char *name, int pages) {
    lite_t *lite = self;
    err_t ignored;
    if (pages < CHECKPOINT_PAGES) return SQLITE_OK;
    if (!lite->checkpointer && checkpointer_new(&lite->checkpointer, sqlite3_db_filename(db, name), &ignored))
        pages = CHECKPOINT_BOUND_PAGES;
    if (lite->checkpointer) checkpointer_wake(lite->checkpointer);
    if (pages >= CHECKPOINT_BOUND_PAGES) copy_log(db, name);
    return SQLITE_OK;
}

// ---- set-based verbs ----

static int lite_each_exec(store_t *store, const char *sql, const rows_t *keys, err_t *err) {
    lite_t *lite = lite_of(store);
    compiled_t *compiled = NULL;
    int code = compile(lite, sql, &compiled, err);
    for (size_t i = 0; code == E_OK && i < keys->count; i++)
        code = execute(lite, compiled, rows_at(keys, i), keys->width, -1, NULL, err);
    return code;
}

// FAIL, since whoever is refused rolls back the transaction: to undo this statement alone SQLite would keep a copy of
// each page it changes. NULL when memory is out; the caller frees.
static char *many_sql(const char *table, const char *columns, size_t width) {
    char *sql = NULL;
    size_t size;
    FILE *text = open_memstream(&sql, &size);
    if (!text) return NULL;
    fprintf(text, "INSERT OR FAIL INTO %s (%s) VALUES ", table, columns);
    for (size_t i = 0; i < ROWS_AT_ONCE * width; i++)
        fprintf(text, "%s$%zu%s", i % width ? ", " : i ? ", (" : "(", i + 1, i % width == width - 1 ? ")" : "");
    if (fclose(text) == 0) return sql;
    free(sql);
    return NULL;
}

// As many rows as make whole statements; *done: how many. Opening the trees of a table costs about as much as a row.
static int insert_many(lite_t *lite, const char *table, const char *columns, const rows_t *rows, size_t *done,
                       err_t *err) {
    compiled_t *compiled = NULL;
    char *sql = many_sql(table, columns, rows->width);
    if (!sql) return err_set(err, E_STORE, "out of memory");
    int code = compile(lite, sql, &compiled, err);
    for (; code == E_OK && *done + ROWS_AT_ONCE <= rows->count; *done += ROWS_AT_ONCE)
        code = execute(lite, compiled, rows_at(rows, *done), ROWS_AT_ONCE * rows->width, -1, NULL, err);
    free(sql);
    return code;
}

static int lite_insert(store_t *store, const char *table, const char *columns, const rows_t *rows, const char *conflict,
                       err_t *err) {
    rows_t rest = *rows;
    size_t done = 0;
    int code = E_OK;
    if (!*conflict && rows->count >= ROWS_AT_ONCE) code = insert_many(lite_of(store), table, columns, rows, &done, err);
    if (code != E_OK || done == rows->count) return code;
    char *sql = insert_sql(table, columns, rows->width, "VALUES (", ")", conflict);
    if (!sql) return err_set(err, E_STORE, "out of memory");
    rest.cells = rows_at(rows, done);
    rest.count -= done;
    code = lite_each_exec(store, sql, &rest, err);
    free(sql);
    return code;
}

// The text that was written, run for each row; the caller gives the stream up.
static int each_of_text(store_t *store, FILE *text, char **sql, const rows_t *rows, err_t *err) {
    int code = fclose(text) ? err_set(err, E_STORE, "out of memory") : lite_each_exec(store, *sql, rows, err);
    free(*sql);
    return code;
}

static int lite_update(store_t *store, const char *table, const char *columns, const char *keys, const char *also,
                       const rows_t *rows, err_t *err) {
    char *sql = NULL;
    size_t size;
    FILE *text = open_memstream(&sql, &size);
    if (!text) return err_set(err, E_STORE, "out of memory");
    set_sql(text, table, columns, keys, "$");
    fputs(" WHERE ", text);
    match_sql(text, table, keys, "$");
    if (*also) fprintf(text, " AND (%s)", also);
    return each_of_text(store, text, &sql, rows, err);
}

static int lite_drop(store_t *store, const char *table, const char *columns, const rows_t *keys, err_t *err) {
    char *sql = NULL;
    size_t size;
    FILE *text = open_memstream(&sql, &size);
    if (!text) return err_set(err, E_STORE, "out of memory");
    fprintf(text, "DELETE FROM %s WHERE ", table);
    match_sql(text, table, columns, "$");
    return each_of_text(store, text, &sql, keys, err);
}

static int lite_each_query(store_t *store, const char *sql, const rows_t *keys, arena_t *arena, rows_t *out,
                           err_t *err) {
    lite_t *lite = lite_of(store);
    compiled_t *compiled = NULL;
    // Outside a transaction all keys shall see one snapshot, as they do in one statement of PostgreSQL.
    bool own = sqlite3_get_autocommit(lite->db) != 0;
    int code = own ? plain(lite, "BEGIN", err) : E_OK;
    if (code != E_OK) return code;
    code = compile(lite, sql, &compiled, err);
    if (code == E_OK) rows_init(out, arena, 1 + (size_t)sqlite3_column_count(compiled->stmt));
    for (size_t i = 0; code == E_OK && i < keys->count; i++)
        code = execute(lite, compiled, rows_at(keys, i), keys->width, (int64_t)i, out, err);
    if (own) lite_rollback(store); // nothing was written
    return code;
}

// ---- opening ----

static void lite_close(store_t *store) {
    lite_t *lite = lite_of(store);
    checkpointer_destroy(&lite->checkpointer); // the last to close the file tidies up
    statements_clear(&lite->statements);
    sqlite3_close(lite->db);
    free(lite);
}

static const engine_t lite_engine = {
    .close = lite_close,
    .begin = lite_begin,
    .begin_migration = lite_begin_migration,
    .commit = lite_commit,
    .rollback = lite_rollback,
    .script = lite_script,
    .run = lite_run,
    .insert = lite_insert,
    .update = lite_update,
    .drop = lite_drop,
    .each_query = lite_each_query,
    .each_exec = lite_each_exec,
};

// A new directory must outlive a power loss as the file in it does: its parent is synced.
static int sync_parent(const char *path) {
    char parent[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (!slash)
        snprintf(parent, sizeof parent, ".");
    else
        snprintf(parent, sizeof parent, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -1;
    int result = fsync(fd);
    close(fd);
    return result;
}

static int make_one(const char *path) {
    if (mkdir(path, 0750) == 0) return sync_parent(path);
    return errno == EEXIST ? 0 : -1;
}

static int make_dir(const char *dir, err_t *err) {
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s", dir);
    if (length < 0 || (size_t)length >= sizeof path)
        return err_set(err, E_STORE, "store directory: the name is too long");
    while (length > 1 && path[length - 1] == '/') path[--length] = '\0';
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int made = make_one(path);
        *slash = '/';
        if (made != 0) return err_set(err, E_STORE, "store directory %s: %s", path, strerror(errno));
    }
    if (make_one(path) != 0) return err_set(err, E_STORE, "store directory %s: %s", path, strerror(errno));
    return E_OK;
}

// Where the file system has no shared memory SQLite silently keeps another journal mode, without our durability and
// speed.
static int check_journal(lite_t *lite, err_t *err) {
    sqlite3_stmt *stmt = NULL;
    int code = E_OK;
    if (sqlite3_prepare_v2(lite->db, "PRAGMA journal_mode", -1, &stmt, NULL) != SQLITE_OK ||
        sqlite3_step(stmt) != SQLITE_ROW) {
        code = told(lite, err);
    } else {
        const char *mode = (const char *)sqlite3_column_text(stmt, 0);
        if (!mode || (strcmp(mode, "wal") != 0 && strcmp(mode, "memory") != 0))
            code = err_set(err, E_STORE, "sqlite: this file system cannot hold a WAL database");
    }
    sqlite3_finalize(stmt);
    return code;
}

// Several processes may turn a new file to WAL at once; SQLite does not always ask the busy handler then.
static int set_up(lite_t *lite, err_t *err) {
    static const char pragmas[] =
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
        "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32768; PRAGMA mmap_size = 268435456;"
        "PRAGMA journal_size_limit = 67108864;";
    int64_t deadline_us = clock_mono_us() + (int64_t)STORE_WAIT_MS * 1000;
    for (;;) {
        int code = sqlite3_exec(lite->db, pragmas, NULL, NULL, NULL);
        if (code == SQLITE_OK) break;
        if ((code & 0xff) != SQLITE_BUSY || clock_mono_us() > deadline_us) return told(lite, err);
        nanosleep(&(struct timespec){.tv_nsec = SLEEP_MAX_US * 1000L}, NULL);
    }
    // A plan that looked at bound values (for a partial index, say) would be made anew at every other value.
    if (sqlite3_db_config(lite->db, SQLITE_DBCONFIG_ENABLE_QPSG, 1, NULL) != SQLITE_OK) return told(lite, err);
    sqlite3_wal_hook(lite->db, after_commit, lite); // in place of SQLite's own checkpoints
    return check_journal(lite, err);
}

// Sorts may spill to files here: an auditor groups whole tables.
static int set_up_reader(lite_t *lite, err_t *err) {
    static const char pragmas[] = "PRAGMA query_only = ON; PRAGMA cache_size = -32768; PRAGMA mmap_size = 268435456;";
    return sqlite3_exec(lite->db, pragmas, NULL, NULL, NULL) == SQLITE_OK ? E_OK : told(lite, err);
}

static int open_file(lite_t *lite, const char *dir, const char *schema, access_t access, err_t *err) {
    char path[PATH_MAX];
    bool memory = strcmp(dir, ":memory:") == 0, reads = access == ACCESS_READ;
    int code = memory || reads ? E_OK : make_dir(dir, err);
    if (code != E_OK) return code;
    int length = memory ? snprintf(path, sizeof path, "%s", dir) : snprintf(path, sizeof path, "%s/%s.db", dir, schema);
    if (length < 0 || (size_t)length >= sizeof path) return err_set(err, E_STORE, "store file: the name is too long");
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    flags |= reads ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    if (sqlite3_open_v2(path, &lite->db, flags, NULL) != SQLITE_OK)
        return err_set(err, E_STORE, "sqlite: %s: %s", path, lite->db ? sqlite3_errmsg(lite->db) : "out of memory");
    sqlite3_busy_handler(lite->db, wait_for_lock, lite);
    return reads ? set_up_reader(lite, err) : set_up(lite, err);
}

// Nobody asks SQLite how much memory it has; counting it takes a lock at every allocation.
static void configure(void) { (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

int sqlite_open(store_t **out, const char *dir, const char *schema, access_t access, err_t *err) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    lite_t *lite = calloc(1, sizeof *lite);
    if (!lite) return err_set(err, E_STORE, "out of memory");
    pthread_once(&once, configure);
    lite->base.engine = &lite_engine;
    lite->statements.forget = forget;
    lite->wait_ms = STORE_WAIT_MS;
    lite->waits = metric_counter("store_lock_waits_total", "", "Times a SQLite writer had to wait for another");
    int code = open_file(lite, dir, schema, access, err);
    if (code != E_OK) {
        lite_close(&lite->base);
        return code;
    }
    *out = &lite->base;
    return E_OK;
}
