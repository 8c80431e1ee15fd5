// The engine table with a boundary around every call. A connection is known by its node, so that a death closes it; the
// call that gives way inside SQLite is the one that waits for a lock.
#include "disk.h"
#include "common/store/engine.h"
#include "system.h"
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 256,
    PATH_BYTES = 512,
    READ_US = 15,
    WRITE_US = 25,
    COMMIT_US = 250,
    TORN_MAX_BYTES = 3000,
    COMMIT_CRASHES = 20
};

disk_faults_t disk_faults;

static struct {
    struct {
        sqlite3 *db;
        node_t *node; // NULL: the auditor's
        int (*busy)(void *, int);
        void *busy_self;
    } connections[CONNECTIONS_MAX];
    const engine_t *real;
    uint64_t commits;
    void (*let_go)(void);
} disk;

// ---- locks of files

// One process has all connections, and its locks never meet another's: SQLite keeps its own account of them beside
// these, which are a large part of what a run costs.
static int fcntl_without_locks(int file, int command, struct flock *lock) {
    if (command == F_SETLK || command == F_SETLKW) return 0;
    return fcntl(file, command, lock);
}

static void free_of_locks(void) {
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    sqlite3_syscall_ptr call;
    CHECK(vfs && vfs->iVersion >= 3);
    int (*const ours)(int, int, struct flock *) = fcntl_without_locks;
    memcpy(&call, &ours, sizeof call);
    CHECK(vfs->xSetSystemCall(vfs, "fcntl", call) == SQLITE_OK);
}

// ---- connections

int __real_sqlite3_open_v2(const char *path, sqlite3 **out, int flags, const char *vfs);
int __wrap_sqlite3_open_v2(const char *path, sqlite3 **out, int flags, const char *vfs);
int __wrap_sqlite3_open_v2(const char *path, sqlite3 **out, int flags, const char *vfs) {
    int code = __real_sqlite3_open_v2(path, out, flags, vfs);
    size_t i = 0;
    if (!*out) return code;
    while (i < CONNECTIONS_MAX && disk.connections[i].db) i++;
    CHECK(i < CONNECTIONS_MAX);
    disk.connections[i].db = *out;
    disk.connections[i].node = node_now();
    return code;
}

int __real_sqlite3_close(sqlite3 *db);
int __wrap_sqlite3_close(sqlite3 *db);
int __wrap_sqlite3_close(sqlite3 *db) {
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (db && disk.connections[i].db == db) disk.connections[i].db = NULL;
    return __real_sqlite3_close(db);
}

// SQLite waits for a lock: others run meanwhile. A dying node's fiber comes out with SQLITE_BUSY.
static int wait_inside(void *self, int tries) {
    const size_t i = (size_t)(uintptr_t)self;
    if (!fiber_now() || fiber_is_doomed()) return 0;
    fiber_inside(true);
    int again = disk.connections[i].busy(disk.connections[i].busy_self, tries);
    fiber_inside(false);
    return fiber_is_doomed() ? 0 : again;
}

int __real_sqlite3_busy_handler(sqlite3 *db, int (*busy)(void *, int), void *self);
int __wrap_sqlite3_busy_handler(sqlite3 *db, int (*busy)(void *, int), void *self);
int __wrap_sqlite3_busy_handler(sqlite3 *db, int (*busy)(void *, int), void *self) {
    size_t i = 0;
    while (disk.connections[i].db != db) i++;
    disk.connections[i].busy = busy;
    disk.connections[i].busy_self = self;
    return __real_sqlite3_busy_handler(db, wait_inside, (void *)(uintptr_t)i);
}

// ---- boundaries

static void boundary_with(const char *when, const char *what, uint32_t crash_ppm) {
    if (!node_now()) return;
    fiber_end_if_doomed();
    if (chance(crash_ppm)) {
        system_count(FAULT_CRASH_STORE);
        trace("dies %s %s", when, what);
        node_kill(node_now());
    }
    if (chance(disk_faults.rest_ppm)) fiber_wait(world_us() + draw_between(1, 3000));
}

static void boundary(const char *when, const char *what) { boundary_with(when, what, disk_faults.crash_ppm); }

// Where most depends on it, most deaths are.
static void at_commit(const char *when) { boundary_with(when, "commit", disk_faults.crash_ppm * COMMIT_CRASHES); }

static int fails(const char *what, err_t *err) {
    if (!node_now() || !chance(disk_faults.fail_ppm)) return E_OK;
    system_count(FAULT_STORE_FAILED);
    trace("store fails: %s", what);
    return err_set(err, E_STORE, "the store does not answer");
}

static int sim_begin(store_t *store, err_t *err) {
    boundary("before", "begin");
    int code = fails("begin", err);
    if (!code) code = disk.real->begin(store, err);
    fiber_work(READ_US);
    boundary("after", "begin");
    return code;
}

static int sim_begin_migration(store_t *store, err_t *err) {
    int code = disk.real->begin_migration(store, err);
    boundary("after", "begin of a migration");
    return code;
}

static int sim_commit(store_t *store, err_t *err) {
    at_commit("before");
    int code = fails("commit", err);
    if (code) {
        disk.real->rollback(store);
        return code;
    }
    if (chance(disk_faults.slow_ppm)) {
        system_count(FAULT_SLOW_DISK);
        fiber_wait(world_us() + draw_between(1000, disk_faults.slow_max_us));
    }
    code = disk.real->commit(store, err);
    fiber_work(COMMIT_US);
    disk.commits++;
    if (!code && node_now() && chance(disk_faults.unknown_ppm)) {
        system_count(FAULT_COMMIT_UNKNOWN);
        trace("commit done and told as failed");
        code = err_set(err, E_STORE, "the connection broke during the commit");
    }
    at_commit("after");
    return code;
}

static void sim_rollback(store_t *store) { disk.real->rollback(store); }

static int sim_script(store_t *store, const char *sql, err_t *err) {
    boundary("before", "script");
    int code = disk.real->script(store, sql, err);
    boundary("after", "script");
    return code;
}

static int sim_run(store_t *store, const char *sql, const cell_t *params, size_t count, arena_t *arena, rows_t *out,
                   err_t *err) {
    boundary("before", "statement");
    int code = fails(sql, err);
    if (!code) code = disk.real->run(store, sql, params, count, arena, out, err);
    fiber_work(READ_US);
    boundary("after", "statement");
    return code;
}

static int sim_insert(store_t *store, const char *table, const char *columns, const rows_t *rows, const char *conflict,
                      err_t *err) {
    boundary("before", "insert");
    int code = fails(table, err);
    if (!code) code = disk.real->insert(store, table, columns, rows, conflict, err);
    fiber_work(WRITE_US);
    boundary("after", "insert");
    return code;
}

static int sim_update(store_t *store, const char *table, const char *columns, const char *keys, const char *also,
                      const rows_t *rows, err_t *err) {
    boundary("before", "update");
    int code = fails(table, err);
    if (!code) code = disk.real->update(store, table, columns, keys, also, rows, err);
    fiber_work(WRITE_US);
    boundary("after", "update");
    return code;
}

static int sim_drop(store_t *store, const char *table, const char *columns, const rows_t *keys, err_t *err) {
    boundary("before", "delete");
    int code = disk.real->drop(store, table, columns, keys, err);
    fiber_work(WRITE_US);
    boundary("after", "delete");
    return code;
}

static int sim_each_query(store_t *store, const char *sql, const rows_t *keys, arena_t *arena, rows_t *out,
                          err_t *err) {
    boundary("before", "query");
    int code = fails(sql, err);
    if (!code) code = disk.real->each_query(store, sql, keys, arena, out, err);
    fiber_work(READ_US);
    boundary("after", "query");
    return code;
}

static int sim_each_exec(store_t *store, const char *sql, const rows_t *keys, err_t *err) {
    boundary("before", "writes");
    int code = fails(sql, err);
    if (!code) code = disk.real->each_exec(store, sql, keys, err);
    fiber_work(WRITE_US);
    boundary("after", "writes");
    return code;
}

static void sim_close(store_t *store) { disk.real->close(store); }

static const engine_t sim_engine = {
    .close = sim_close,
    .begin = sim_begin,
    .begin_migration = sim_begin_migration,
    .commit = sim_commit,
    .rollback = sim_rollback,
    .script = sim_script,
    .run = sim_run,
    .insert = sim_insert,
    .update = sim_update,
    .drop = sim_drop,
    .each_query = sim_each_query,
    .each_exec = sim_each_exec,
};

int __real_sqlite_open(store_t **out, const char *dir, const char *schema, access_t access, err_t *err);
int __wrap_sqlite_open(store_t **out, const char *dir, const char *schema, access_t access, err_t *err);
int __wrap_sqlite_open(store_t **out, const char *dir, const char *schema, access_t access, err_t *err) {
    int code = fails("open", err);
    if (!code) code = __real_sqlite_open(out, dir, schema, access, err);
    fiber_end_if_doomed();
    if (code) return code;
    disk.real = (*out)->engine;
    (*out)->engine = &sim_engine;
    return E_OK;
}

// ---- death

typedef struct copy {
    char path[PATH_BYTES + 8];
    char *bytes;
    size_t size;
} copy_t;

static bool copy_take(copy_t *copy, const char *path, const char *suffix) {
    *copy = (copy_t){0};
    snprintf(copy->path, sizeof copy->path, "%s%s", path, suffix);
    FILE *file = fopen(copy->path, "rb");
    if (!file) return false;
    fseek(file, 0, SEEK_END);
    const long size = ftell(file);
    rewind(file);
    copy->bytes = malloc((size_t)size + TORN_MAX_BYTES);
    CHECK(copy->bytes && fread(copy->bytes, 1, (size_t)size, file) == (size_t)size);
    copy->size = (size_t)size;
    fclose(file);
    return true;
}

static void copy_put(copy_t *copy) {
    FILE *file = fopen(copy->path, "wb");
    CHECK(file && fwrite(copy->bytes, 1, copy->size, file) == copy->size && fclose(file) == 0);
    free(copy->bytes);
}

// As a machine leaves it that loses power while it appends: a part of a frame, with bytes that never were one.
static void tear(copy_t *log) {
    const size_t bytes = (size_t)draw_between(1, TORN_MAX_BYTES);
    for (size_t i = 0; i < bytes; i++) log->bytes[log->size++] = (char)draw();
}

static void shut(size_t i) {
    sqlite3 *db = disk.connections[i].db;
    sqlite3_stmt *statement;
    while ((statement = sqlite3_next_stmt(db, NULL)) != NULL) sqlite3_finalize(statement);
    disk.connections[i].db = NULL;
    CHECK(__real_sqlite3_close(db) == SQLITE_OK);
}

static bool is_of(size_t i, const node_t *node, const char *path) {
    if (!disk.connections[i].db || disk.connections[i].node != node) return false;
    return !path || strcmp(sqlite3_db_filename(disk.connections[i].db, "main"), path) == 0;
}

static bool used_by_others(const node_t *node, const char *path) {
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        const node_t *user = disk.connections[i].db ? disk.connections[i].node : NULL;
        if (user && user != node && is_of(i, user, path)) return true;
    }
    return false;
}

// Close what the node had open of one database, and leave the files as they were the moment before.
static void shut_as_torn(const node_t *node, const char *path) {
    copy_t main, log;
    char index[PATH_BYTES + 8];
    snprintf(index, sizeof index, "%s-shm", path);
    if (disk.let_go) disk.let_go();
    CHECK(copy_take(&main, path, ""));
    const bool has_log = copy_take(&log, path, "-wal");
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (is_of(i, node, path)) shut(i);
    copy_put(&main);
    unlink(index);
    if (!has_log) return;
    if (log.size > 32) tear(&log); // behind its header
    copy_put(&log);
    system_count(FAULT_TORN);
}

static void node_dies(node_t *node) {
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        char path[PATH_BYTES];
        if (!is_of(i, node, NULL)) continue;
        snprintf(path, sizeof path, "%s", sqlite3_db_filename(disk.connections[i].db, "main"));
        if (chance(disk_faults.torn_ppm) && node_exit(node) < 0 && !used_by_others(node, path))
            shut_as_torn(node, path);
        else
            shut(i);
    }
}

void disk_open(void) {
    static const layer_t layer = {.dies = node_dies};
    world_layer(&layer);
    free_of_locks();
}

uint64_t disk_commits(void) { return disk.commits; }
void disk_on_change(void (*let_go)(void)) { disk.let_go = let_go; }
