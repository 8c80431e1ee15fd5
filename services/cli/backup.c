// tongchou backup and tongchou restore: the SQLite files of a suite, copied while it runs, and put to use elsewhere.
// PostgreSQL has tools of its own (docker/backup.sh).
//
// Each file is a moment of its own, so the order matters: whoever listens is copied before those it listens to, and in
// the copy no consumer stands ahead of the log it follows. What was acknowledged before the first file was begun is in.
// backup.txt, in the form of sha256sum, is written last: without it a folder is no backup.
#include "cli.h"
#include "common/base/hash.h"
#include "common/store/store.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LIST_NAME "backup.txt"
#define LIST_HEAD "# tongchou backup 1, "
enum { COPY_BYTES = 1 << 16, DIGEST_TEXT = 2 * SHA256_BYTES + 1 };

static const char *const schemas[] = {"settlement", "adjudication", "collection", "facility", "enrollment"};

static int failed(err_t *err, const char *path) { return err_set(err, E_IO, "%s: %s", path, strerror(errno)); }

static int join(char out[static PATH_MAX], const char *dir, const char *name, const char *suffix, err_t *err) {
    if (snprintf(out, PATH_MAX, "%s/%s%s", dir, name, suffix) < PATH_MAX) return E_OK;
    return err_set(err, E_TOO_LARGE, "path too long: %s", dir);
}

// A folder of our own: made, or there and empty.
static int make_empty(const char *dir, err_t *err) {
    if (mkdir(dir, 0700) == 0) return E_OK;
    if (errno != EEXIST) return failed(err, dir);
    DIR *list = opendir(dir);
    if (!list) return failed(err, dir);
    int entries = 0;
    while (readdir(list)) entries++;
    closedir(list);
    return entries <= 2 ? E_OK : err_set(err, E_EXISTS, "%s is not empty", dir); // . and ..
}

static int sync_folder(const char *dir, err_t *err) {
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    if (!good) failed(err, dir);
    if (fd >= 0) close(fd);
    return good ? E_OK : E_IO;
}

// Read a file to its end for its digest and, when `to` is not NULL, into a new file that is synced.
static int read_through(const char *from, const char *to, char digest[static DIGEST_TEXT], err_t *err) {
    static uint8_t bytes[COPY_BYTES];
    uint8_t raw[SHA256_BYTES];
    crypto_hash_sha256_state state;
    ssize_t got = 0;
    int rc = E_OK, out = -1, in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0) return failed(err, from);
    if (to && (out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0) rc = failed(err, to);
    crypto_hash_sha256_init(&state);
    while (!rc && (got = read(in, bytes, sizeof bytes)) > 0) {
        crypto_hash_sha256_update(&state, bytes, (size_t)got);
        if (to && write(out, bytes, (size_t)got) != got) rc = failed(err, to);
    }
    if (!rc && got < 0) rc = failed(err, from);
    if (!rc && to && fsync(out)) rc = failed(err, to);
    if (out >= 0 && close(out) && !rc) rc = failed(err, to);
    close(in);
    crypto_hash_sha256_final(&state, raw);
    hex_encode(raw, sizeof raw, digest);
    return rc;
}

static void print_time(FILE *out, time_t at) {
    char text[40];
    struct tm local;
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S%z", localtime_r(&at, &local));
    fputs(text, out);
}

// ---- backup

static int write_list(const char *dir, time_t mark, char digests[][DIGEST_TEXT], err_t *err) {
    char path[PATH_MAX];
    int rc = join(path, dir, LIST_NAME, "", err);
    if (rc) return rc;
    FILE *file = fopen(path, "wxe");
    if (!file) return failed(err, path);
    fputs(LIST_HEAD "all that was acknowledged before ", file);
    print_time(file, mark);
    fputs(" is in it\n", file);
    for (size_t i = 0; i < COUNT_OF(schemas); i++) fprintf(file, "%s  %s.db\n", digests[i], schemas[i]);
    bool good = fflush(file) == 0 && fsync(fileno(file)) == 0;
    good = fclose(file) == 0 && good;
    return good ? sync_folder(dir, err) : failed(err, path);
}

static int back_up(const char *store, const char *dir, err_t *err) {
    char digests[COUNT_OF(schemas)][DIGEST_TEXT], path[PATH_MAX];
    time_t mark = time(NULL);
    int rc = make_empty(dir, err);
    for (size_t i = 0; !rc && i < COUNT_OF(schemas); i++) {
        rc = join(path, dir, schemas[i], ".db", err);
        if (!rc) rc = store_copy(store, schemas[i], path, err);
        if (!rc) rc = read_through(path, NULL, digests[i], err);
    }
    if (!rc) rc = write_list(dir, mark, digests, err);
    if (rc) return rc;
    printf("backup in %s: all that was acknowledged before ", dir);
    print_time(stdout, mark);
    printf(" is in it\n");
    return E_OK;
}

static int run_backup(int argc, char **argv, const command_t *self) {
    const char *data = cli_default_data;
    const option_spec_t specs[] = {{.name = "data", .text = &data}};
    words_t words = {0};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    conf_t *conf = NULL;
    err_t err = {0};
    char file[PATH_MAX] = "";
    char *own[] = {(char *)"tongchou", (char *)"--config", file};
    int rc = words.count == 1 ? join(file, data, "tongchou.yaml", "", &err)
                              : err_set(&err, E_INVALID_FIELD, "a folder for the backup was expected");
    if (!rc) rc = conf_load(&conf, COUNT_OF(own), own, &err);
    const char *store = rc ? "" : conf_text(conf, "store.url");
    if (!rc && strncmp(store, "sqlite:", 7) != 0)
        rc = err_set(&err, E_UNSUPPORTED,
                     "this suite's store is PostgreSQL: take a pg_dump (docs/operations.md, "
                     "Backup)");
    if (!rc) rc = back_up(store + 7, words.word[0], &err);
    conf_destroy(&conf);
    if (rc) fprintf(stderr, "tongchou backup: %s\n", err.text);
    return rc ? 2 : 0;
}

const command_t command_backup = {
    .name = "backup",
    .summary = "copy the SQLite files of a suite while it runs",
    .run = run_backup,
    .help = "usage: tongchou backup FOLDER [--data DIR]\n\n"
            "FOLDER must be empty or absent. All that was acknowledged before the command began is in the backup.\n"
            "Keys are not: keep them elsewhere. PostgreSQL: docs/operations.md, Backup.\n\n"
            "example:\n  tongchou backup /backup/2018-03-01 --data /srv/tongchou\n"};

// ---- restore

// The digests of the list, in the order of `schemas`.
static int read_list(const char *dir, char digests[][DIGEST_TEXT], err_t *err) {
    char path[PATH_MAX], line[256], expected[64];
    int rc = join(path, dir, LIST_NAME, "", err);
    if (rc) return rc;
    FILE *file = fopen(path, "re");
    if (!file) return err_set(err, E_NOT_FOUND, "%s is no whole backup: %s: %s", dir, LIST_NAME, strerror(errno));
    bool good = fgets(line, sizeof line, file) && strncmp(line, LIST_HEAD, strlen(LIST_HEAD)) == 0;
    for (size_t i = 0; good && i < COUNT_OF(schemas); i++) {
        snprintf(expected, sizeof expected, "  %s.db\n", schemas[i]);
        good = fgets(line, sizeof line, file) && strlen(line) == DIGEST_TEXT - 1 + strlen(expected) &&
               strcmp(line + DIGEST_TEXT - 1, expected) == 0;
        if (good) snprintf(digests[i], DIGEST_TEXT, "%.*s", DIGEST_TEXT - 1, line);
    }
    fclose(file);
    return good ? E_OK : err_set(err, E_POLICY, "%s is not the list of a backup", path);
}

static int copy_all(const char *dir, const char *draft, char digests[][DIGEST_TEXT], err_t *err) {
    char from[PATH_MAX], to[PATH_MAX], digest[DIGEST_TEXT];
    int rc = E_OK;
    for (size_t i = 0; !rc && i < COUNT_OF(schemas); i++) {
        rc = join(from, dir, schemas[i], ".db", err);
        if (!rc) rc = join(to, draft, schemas[i], ".db", err);
        if (!rc) rc = read_through(from, to, digest, err);
        if (!rc && strcmp(digest, digests[i]) != 0)
            rc = err_set(err, E_POLICY, "%s is not what was backed up: its SHA-256 is another", from);
    }
    return rc ? rc : sync_folder(draft, err);
}

static void remove_draft(const char *draft) {
    char path[PATH_MAX];
    err_t ignored;
    for (size_t i = 0; i < COUNT_OF(schemas); i++)
        if (!join(path, draft, schemas[i], ".db", &ignored)) unlink(path);
    rmdir(draft);
}

// Beside its place first, so that the store is there as a whole or not at all.
static int restore(const char *dir, const char *store, err_t *err) {
    char digests[COUNT_OF(schemas)][DIGEST_TEXT], draft[PATH_MAX];
    int rc = read_list(dir, digests, err);
    if (!rc) rc = make_empty(store, err);
    if (!rc && snprintf(draft, sizeof draft, "%s.new", store) >= (int)sizeof draft)
        rc = err_set(err, E_TOO_LARGE, "path too long: %s", store);
    if (!rc && mkdir(draft, 0700)) rc = failed(err, draft);
    if (rc) return rc;
    rc = copy_all(dir, draft, digests, err);
    if (!rc && rename(draft, store)) rc = failed(err, store);
    if (rc) remove_draft(draft);
    return rc;
}

static int run_restore(int argc, char **argv, const command_t *self) {
    const char *store = NULL;
    const option_spec_t specs[] = {{.name = "store", .text = &store}};
    words_t words = {0};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    err_t err = {0};
    int rc = words.count == 1 && store
                 ? restore(words.word[0], store, &err)
                 : err_set(&err, E_INVALID_FIELD, "the folder of a backup and --store FOLDER were expected");
    if (rc) fprintf(stderr, "tongchou restore: %s\n", err.text);
    if (!rc) printf("restored to %s; start the suite on it, then run tongchou verify\n", store);
    return rc ? 2 : 0;
}

const command_t command_restore = {
    .name = "restore",
    .summary = "make a store of SQLite files from a backup",
    .run = run_restore,
    .help = "usage: tongchou restore BACKUP --store FOLDER\n\n"
            "FOLDER must be empty or absent. Every file is held against its SHA-256 first. A Redis that was in use\n"
            "must be flushed before the suite starts on the restored store: what it holds may be newer.\n\n"
            "example:\n"
            "  mkdir /srv/tongchou && tongchou restore /backup/2018-03-01 --store /srv/tongchou/store\n"
            "  tongchou up --data /srv/tongchou --city config/cities/CITY.yaml\n"};
