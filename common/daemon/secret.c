// Written whole under a private name and then linked to its own: link() refuses when another process was first, and
// nobody ever reads half a file.
#include "secret.h"
#include "common/base/hash.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_MAX_BYTES = 512 };

static int read_secret(const char *path, uint8_t out[static SECRET_BYTES], err_t *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return err_set(err, errno == ENOENT ? E_NOT_FOUND : E_IO, "%s: %s", path, strerror(errno));
    uint8_t bytes[SECRET_BYTES + 1];
    ssize_t size = read(fd, bytes, sizeof bytes);
    close(fd);
    if (size != SECRET_BYTES) return err_set(err, E_IO, "%s: exactly %d bytes expected", path, SECRET_BYTES);
    memcpy(out, bytes, SECRET_BYTES);
    return E_OK;
}

static int write_secret(const char *dir, const char *path, err_t *err) {
    char draft[PATH_MAX_BYTES];
    uint8_t bytes[SECRET_BYTES];
    if (snprintf(draft, sizeof draft, "%s/.cache.secret.XXXXXX", dir) >= (int)sizeof draft)
        return err_set(err, E_IO, "%s: path too long", dir);
    int fd = mkstemp(draft); // mode 0600
    if (fd < 0) return err_set(err, E_IO, "%s: %s", draft, strerror(errno));
    random_bytes(bytes, sizeof bytes);
    bool good = write(fd, bytes, sizeof bytes) == (ssize_t)sizeof bytes && fsync(fd) == 0;
    good = close(fd) == 0 && good;
    good = good && (link(draft, path) == 0 || errno == EEXIST);
    int code = good ? E_OK : err_set(err, E_IO, "%s: %s", path, strerror(errno));
    unlink(draft);
    return code;
}

int secret_load(const char *dir, uint8_t out[static SECRET_BYTES], err_t *err) {
    char path[PATH_MAX_BYTES];
    if (snprintf(path, sizeof path, "%s/cache.secret", dir) >= (int)sizeof path)
        return err_set(err, E_IO, "%s: path too long", dir);
    int code = read_secret(path, out, err);
    if (code != E_NOT_FOUND) return code;
    code = write_secret(dir, path, err);
    return code ? code : read_secret(path, out, err);
}
