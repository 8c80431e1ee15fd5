// The grants as a file: written beside and renamed, so that the door reads the old file or the new one, never half.
#include "grants.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static void print_list(FILE *file, const char *what, const grant_list_t *list) {
    fprintf(file, "    %s: ", what);
    if (list->all) {
        fputs("all\n", file);
        return;
    }
    fputc('[', file);
    for (size_t i = 0; i < list->count; i++) fprintf(file, "%s\"%s\"", i ? ", " : "", list->word[i]);
    fputs("]\n", file);
}

// Neither Z85 nor a word has a quote or a backslash, so a quoted scalar holds it as it is.
static void print_grant(FILE *file, const grant_t *grant) {
    const char *between = "";
    fprintf(file, "  - name: \"%s\"\n    key: \"%s\"\n", grant->name, grant->key);
    if (grant->revoked[0]) fprintf(file, "    revoked: %s\n", grant->revoked);
    print_list(file, "topics", &grant->topics);
    print_list(file, "counties", &grant->counties);
    print_list(file, "funds", &grant->funds);
    fputs("    fields: [", file);
    for (unsigned bit = 1; grant_field_name(bit); bit <<= 1) {
        if (!(grant->fields & bit)) continue;
        fprintf(file, "%s%s", between, grant_field_name(bit));
        between = ", ";
    }
    fputs("]\n", file);
}

int grants_write(const grants_t *grants, const char *path, err_t *err) {
    char temporary[PATH_MAX];
    if (snprintf(temporary, sizeof temporary, "%s.new", path) >= (int)sizeof temporary)
        return err_set(err, E_TOO_LARGE, "path too long: %s", path);
    FILE *file = fopen(temporary, "we");
    if (!file) return err_set(err, E_IO, "cannot write %s: %s", temporary, strerror(errno));
    fputs(
        "# Which agency receives which events (docs/events.md). Written by `tongchou agency`; may be edited: the door\n"
        "# reads it again within a second, and what is taken away here ends at once.\n"
        "agencies:",
        file);
    fputs(grants_count(grants) ? "\n" : " []\n", file);
    for (size_t i = 0; i < grants_count(grants); i++) print_grant(file, grants_at(grants, i));
    bool failed = fflush(file) != 0 || fsync(fileno(file)) != 0 || ferror(file);
    failed |= fclose(file) != 0;
    if (!failed && rename(temporary, path) == 0) return E_OK;
    err_set(err, E_IO, "cannot write %s: %s", path, strerror(errno));
    unlink(temporary);
    return E_IO;
}

int grants_lock(const char *path, err_t *err) {
    char lock[PATH_MAX];
    if (snprintf(lock, sizeof lock, "%s.lock", path) >= (int)sizeof lock) {
        err_set(err, E_TOO_LARGE, "path too long: %s", path);
        return -1;
    }
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0 && flock(fd, LOCK_EX) == 0) return fd;
    err_set(err, E_IO, "cannot lock %s: %s", lock, strerror(errno));
    if (fd >= 0) close(fd);
    return -1;
}
