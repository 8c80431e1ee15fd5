// The fault sweep of service_rig.h, which includes this. Off unless TC_SWEEP says how often a method or topic
// is swept in a program. A try ends in a rollback also when
// nothing failed, so that one kind of fault after the other can be tried on the same work; then the work is done.
#pragma once
#include "common/base/hash.h"
#include "tests/sweep_log.h"

enum {
    SWEEP_ALL_UNTIL = 48, // every n up to here, then every tenth part more
    SWEEP_WORKS_MAX = 256,
};

// ---- is everything as it was?

static inline void sweep_hash_rows(const rows_t *rows, uint64_t *sum) {
    for (size_t i = 0; i < rows->count * rows->width; i++) {
        const cell_t *cell = &rows->cells[i];
        const uint64_t part = cell->null               ? 1
                              : cell->type == CELL_I64 ? hash64(&cell->i64, sizeof cell->i64, 2)
                                                       : hash64(cell->data, cell->size, 3);
        *sum = hash64(&part, sizeof part, *sum);
    }
}

// What a question keeps of its answer, beside what it was worked out from (services/collection/public_sums.h): worked
// out again as soon as that changes, so a question that fails behind it has changed nothing.
static inline bool sweep_is_kept_answer(const char *table) { return strcmp(table, "public_sum") == 0; }

// Of all tables of the rig's schema.
static inline uint64_t sweep_digest(rig_t *rig) {
    uint64_t sum = 0;
    rows_t tables, rows;
    err_t err = {0};
    arena_t *arena = arena_new(1 << 16, 0);
    NEED(arena != NULL);
    const char *list = store_is_postgres(rig->ctx.store)
                           ? "SELECT CAST(table_name AS TEXT) FROM information_schema.tables WHERE table_schema ="
                             " current_schema() ORDER BY 1"
                           : "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
                             " ORDER BY name";
    NEED(store_query(rig->ctx.store, list, NULL, 0, arena, &tables, &err) == E_OK);
    for (size_t i = 0; i < tables.count; i++) {
        char sql[128];
        if (sweep_is_kept_answer(row_text(&tables, i, 0))) continue;
        snprintf(sql, sizeof sql, "SELECT * FROM %s ORDER BY 1, 2", row_text(&tables, i, 0));
        NEED(store_query(rig->ctx.store, sql, NULL, 0, arena, &rows, &err) == E_OK);
        sweep_hash_rows(&rows, &sum);
    }
    arena_destroy(&arena);
    return sum;
}

// ---- which work is swept

static inline bool sweep_wanted(const sweep_work_t *work) {
    static struct {
        const char *service, *name;
        int times;
    } seen[SWEEP_WORKS_MAX];
    static size_t count;
    const char *often = getenv("TC_SWEEP");
    if (!often) return false;
    const char *name = work->effect ? work->events[0].topic : work->method->name;
    size_t i = 0;
    while (i < count && (strcmp(seen[i].service, work->rig->ctx.name) != 0 || strcmp(seen[i].name, name) != 0)) i++;
    if (i == SWEEP_WORKS_MAX) return false;
    if (i == count) {
        seen[count].service = work->rig->ctx.name;
        seen[count++].name = strdup(name); // of a program's life
        sweep_tell(work->rig->ctx.name, name);
    }
    return seen[i].times++ < atoi(often);
}

static inline void sweep_check(const sweep_work_t *work, fault_t kind, long n, bool failed, int code, bool same) {
    static const char *const kinds[FAULT__COUNT] = {"allocation", "store call", "send"};
    const char *name = work->effect ? work->events[0].topic : work->method->name;
    const char *service = work->rig->ctx.name, *text = work->rig->err.text;
    if (failed && code == E_OK)
        fprintf(stderr, "%s.%s: %s %ld failed and nobody minded\n", service, name, kinds[kind], n);
    if (!same)
        fprintf(stderr, "%s.%s: %s %ld failed (%s) and something was changed\n", service, name, kinds[kind], n, text);
    if (code && !*text) fprintf(stderr, "%s.%s: %s %ld failed without a sentence\n", service, name, kinds[kind], n);
    OK(!failed || code != E_OK);
    OK(same);
    OK(code == E_OK || *text);
}

static inline void sweep_kind(const sweep_work_t *work, fault_t kind) {
    const uint64_t before = sweep_digest(work->rig);
    bool failed = true;
    for (long n = 1; failed; n += n < SWEEP_ALL_UNTIL ? 1 : n / 10) {
        fault_arm(kind, n);
        work->rig->failed = false;
        const int code = rig_try(work, true);
        failed = fault_disarm(kind) || work->rig->failed;
        sweep_check(work, kind, n, failed, code, sweep_digest(work->rig) == before);
    }
}

static inline int sweep(const sweep_work_t *work) {
    if (sweep_wanted(work)) {
        sweep_kind(work, FAULT_MEMORY);
        sweep_kind(work, FAULT_STORE);
        fault_arm(FAULT_SEND, 1); // what does not go out is replayed
    }
    const int code = rig_try(work, false);
    fault_disarm(FAULT_SEND);
    return code;
}
