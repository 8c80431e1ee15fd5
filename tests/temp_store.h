// Where a test's tables live: a temporary folder with SQLite, or, compiled with ON_POSTGRES, a private PostgreSQL. The
// same test is built as two programs. One translation unit a program includes this.
#pragma once
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#ifdef ON_POSTGRES
#include "tests/postgres.h"
#endif

static char temp_store_text[256];
static char temp_store_folder[64];

static int temp_store_remove(const char *path, const struct stat *info, int flag, struct FTW *ftw) {
    (void)info, (void)flag, (void)ftw;
    return remove(path);
}

static inline void temp_store_stop(void) {
#ifdef ON_POSTGRES
    postgres_stop();
#endif
    if (temp_store_folder[0]) (void)nftw(temp_store_folder, temp_store_remove, 16, FTW_DEPTH | FTW_PHYS);
    temp_store_folder[0] = '\0';
}

// 0 when there is a store.
static inline int temp_store_start(void) {
    snprintf(temp_store_folder, sizeof temp_store_folder, "%s/tc-test-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(temp_store_folder)) return -1;
#ifdef ON_POSTGRES
    return postgres_start(temp_store_text);
#else
    snprintf(temp_store_text, sizeof temp_store_text, "sqlite:%s", temp_store_folder);
    return 0;
#endif
}

static inline const char *temp_store_url(void) { return temp_store_text; }
static inline const char *temp_store_dir(void) { return temp_store_folder; } // also for keys and other files
