// The online copy of a SQLite store. One step of SQLite's backup reads one snapshot of the write-ahead log: writers go
// on meanwhile, and what they commit is in the copy or not, transaction by transaction.
#include "store.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MS 10000 // for the moment in which a writer turns a new file to WAL

static int told(sqlite3 *db, const char *path, err_t *err) {
    return err_set(err, E_STORE, "sqlite: %s: %s", path, db ? sqlite3_errmsg(db) : "out of memory");
}

static int open_db(sqlite3 **out, const char *path, int flags, err_t *err) {
    if (sqlite3_open_v2(path, out, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) return told(*out, path, err);
    sqlite3_busy_timeout(*out, WAIT_MS);
    return E_OK;
}

static int copy_pages(sqlite3 *from, sqlite3 *to, const char *path, err_t *err) {
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    if (!backup) return told(to, path, err);
    int step = sqlite3_backup_step(backup, -1);
    if (sqlite3_backup_finish(backup) != SQLITE_OK) return told(to, path, err);
    return step == SQLITE_DONE ? E_OK : err_set(err, E_STORE, "sqlite: %s: %s", path, sqlite3_errstr(step));
}

// SQLite has synced the file; its name lasts when the folder is synced too.
static int sync_folder(const char *path, err_t *err) {
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    if (!good) err_set(err, E_STORE, "%s: %s", folder, strerror(errno));
    if (fd >= 0) close(fd);
    return good ? E_OK : E_STORE;
}

int store_copy(const char *dir, const char *schema, const char *path, err_t *err) {
    char source[PATH_MAX];
    sqlite3 *from = NULL, *to = NULL;
    if (snprintf(source, sizeof source, "%s/%s.db", dir, schema) >= (int)sizeof source || strlen(path) >= PATH_MAX)
        return err_set(err, E_STORE, "store file: the name is too long");
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600); // personal data: for its owner only
    if (fd < 0) return err_set(err, E_STORE, "%s: %s", path, strerror(errno));
    close(fd);
    int code = open_db(&from, source, SQLITE_OPEN_READONLY, err);
    if (!code) code = open_db(&to, path, SQLITE_OPEN_READWRITE, err);
    if (!code) code = copy_pages(from, to, path, err);
    sqlite3_close(to);
    sqlite3_close(from);
    if (!code) code = sync_folder(path, err);
    if (code) unlink(path);
    return code;
}
