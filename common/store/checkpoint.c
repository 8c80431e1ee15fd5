// Passive checkpoints: writers and readers go on. The log begins anew when all of it was copied at the moment somebody
// writes; so what came meanwhile, which is less each time, is copied at once too.
#include "checkpoint.h"
#include "common/base/metrics.h"
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS_MAX = 4, LOOK_MS = 10 };

struct checkpointer {
    sqlite3 *db;
    pthread_t thread;
    bool started;
    _Atomic bool asked, ends; // looked at every LOOK_MS
    metric_t *copies;
};

// False: nothing is left, or nothing more can be done now.
static bool copy_log(checkpointer_t *it) {
    int pages = 0, copied = 0;
    int code = sqlite3_wal_checkpoint_v2(it->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &pages, &copied);
    metric_add(it->copies, 1);
    return code == SQLITE_OK && copied < pages;
}

static void *run(void *self) {
    checkpointer_t *it = self;
    while (!atomic_load(&it->ends)) {
        if (atomic_exchange(&it->asked, false))
            for (int i = 0; i < ROUNDS_MAX && copy_log(it); i++) continue;
        nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000L}, NULL);
    }
    return NULL;
}

int checkpointer_new(checkpointer_t **out, const char *path, err_t *err) {
    checkpointer_t *it = calloc(1, sizeof *it);
    if (!it) return err_set(err, E_STORE, "out of memory");
    it->copies =
        metric_counter("store_checkpoints_total", "", "Times the log of a SQLite store was copied to its file");
    int code = sqlite3_open_v2(path, &it->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK) code = sqlite3_exec(it->db, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
    if (code == SQLITE_OK) it->started = pthread_create(&it->thread, NULL, run, it) == 0;
    if (it->started) {
        *out = it;
        return E_OK;
    }
    checkpointer_destroy(&it);
    return err_set(err, E_STORE, "sqlite: no checkpoints beside the writer of %s", path);
}

void checkpointer_destroy(checkpointer_t **checkpointer) {
    checkpointer_t *it = *checkpointer;
    if (!it) return;
    atomic_store(&it->ends, true);
    if (it->started) pthread_join(it->thread, NULL);
    sqlite3_close(it->db);
    free(it);
    *checkpointer = NULL;
}

void checkpointer_wake(checkpointer_t *checkpointer) { atomic_store(&checkpointer->asked, true); }
