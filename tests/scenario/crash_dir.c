#include "crash_dir.h"
#include "common/base/date.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATH_MAX_BYTES = 400 };

int crash_dir_make(crash_dir_t *dir) {
    const char *under = getenv("TMPDIR");
    const int bytes = snprintf(dir->path, sizeof dir->path, "%s/tongchou-crash-XXXXXX", under ? under : "/tmp");
    if (bytes < (int)sizeof dir->path && mkdtemp(dir->path)) return setenv("TC_CRASH_DIR", dir->path, 1);
    dir->path[0] = 0;
    return -1;
}

void crash_dir_remove(crash_dir_t *dir) {
    char command[PATH_MAX_BYTES];
    if (!dir->path[0]) return;
    snprintf(command, sizeof command, "rm -rf %s", dir->path);
    if (system(command)) fprintf(stderr, "%s is left\n", dir->path);
    dir->path[0] = 0;
}

static void path_of(const crash_dir_t *dir, const char *point, const char *ending, char out[static PATH_MAX_BYTES]) {
    snprintf(out, PATH_MAX_BYTES, "%s/%s%s", dir->path, point, ending);
}

int crash_dir_arm(const crash_dir_t *dir, const char *point, int nth) {
    char path[PATH_MAX_BYTES];
    path_of(dir, point, "", path);
    FILE *file = fopen(path, "w");
    if (!file) return -1;
    const bool is_written = fprintf(file, "%d\n", nth) > 0;
    return fclose(file) || !is_written ? -1 : 0;
}

bool crash_dir_is_armed(const crash_dir_t *dir, const char *point) {
    char path[PATH_MAX_BYTES];
    path_of(dir, point, "", path);
    return access(path, F_OK) == 0;
}

bool crash_dir_was_hit(const crash_dir_t *dir, const char *point) {
    char path[PATH_MAX_BYTES];
    path_of(dir, point, ".hit", path);
    return access(path, F_OK) == 0;
}

void crash_dir_disarm(const crash_dir_t *dir, const char *point) {
    static const char *const endings[] = {"", ".hit"};
    char path[PATH_MAX_BYTES];
    for (int i = 0; i < 2; i++) {
        path_of(dir, point, endings[i], path);
        unlink(path); // one of the two is there, or none
    }
}

uint64_t crash_dir_seed(void) {
    const char *given = getenv("CRASH_SEED");
    const uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)clock_mono_us() % 1000000;
    fprintf(stderr, "    CRASH_SEED=%llu repeats it\n", (unsigned long long)seed);
    return seed;
}
