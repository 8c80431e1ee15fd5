// Numbered migrations. Every step is a transaction that takes the migration lock, reads the version again and applies
// the next step, so it does not matter who of several processes comes first or dies half-way.
#include "common/base/date.h"
#include "engine.h"
#include <string.h>

#define VERSION_TABLE                                                                                                  \
    "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL PRIMARY KEY, at_ms BIGINT NOT NULL)"

static int read_version(store_t *store, arena_t *arena, int64_t *version, err_t *err) {
    rows_t rows;
    int code = store_exec(store, VERSION_TABLE, NULL, 0, err);
    if (code == E_OK)
        code = store_query(store, "SELECT CAST(coalesce(max(version), 0) AS BIGINT) FROM schema_version", NULL, 0,
                           arena, &rows, err);
    if (code == E_OK) *version = row_i64(&rows, 0, 0);
    return code;
}

static int apply(store_t *store, const migration_t *step, err_t *err) {
    const char *other = store_is_postgres(store) ? SQLITE_ONLY : POSTGRES_ONLY;
    const bool skipped = strncmp(step->sql, other, strlen(other)) == 0;
    int code = skipped ? E_OK : store->engine->script(store, step->sql, err);
    if (code != E_OK) return err_prefix(err, "migration %d: ", step->version);
    cell_t params[] = {cell_i64(step->version), cell_i64(clock_now_ms())};
    return store_exec(store, "INSERT INTO schema_version (version, at_ms) VALUES ($1, $2)", params, 2, err);
}

// One transaction; `more` tells whether a step was applied, so that there may be another.
static int step_once(store_t *store, const migration_t *steps, size_t count, arena_t *arena, bool *more, err_t *err) {
    int64_t version = 0;
    *more = false;
    int code = store->engine->begin_migration(store, err);
    if (code != E_OK) return code;
    store->open = true;
    store->failure.code = E_OK;
    code = read_version(store, arena, &version, err);
    if (code == E_OK && version > (int64_t)count)
        code = err_set(err, E_STORE, "the schema has version %lld, this program knows %zu: it is older than the data",
                       (long long)version, count);
    if (code == E_OK && version < (int64_t)count) {
        code = apply(store, &steps[version], err);
        *more = true;
    }
    if (code == E_OK) return store_commit(store, err);
    store_rollback(store);
    return code;
}

int store_migrate(store_t *store, const migration_t *steps, size_t count, err_t *err) {
    CHECK(!store->open);
    for (size_t i = 0; i < count; i++) CHECK(steps[i].version == (int)i + 1);
    err_t failure; // err_prefix needs one
    arena_t *arena = arena_new(4096, 0);
    bool more = true;
    int code = arena ? E_OK : err_set(&failure, E_STORE, "out of memory");
    while (code == E_OK && more) code = step_once(store, steps, count, arena, &more, &failure);
    arena_destroy(&arena);
    if (code != E_OK && err) *err = failure;
    return code;
}
