// Points are met by several threads, so the counts are atomic. The environment is read once, before the first count.
#include "crash.h"

#ifdef TC_CRASH_POINTS
#include "check.h"
#include "crash_points.h"
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ITS_NAME(name) name,
static const char *const names[] = {CRASH_POINTS(ITS_NAME) FUND_CRASH_POINTS(ITS_NAME) CLEARING_CRASH_POINTS(ITS_NAME)};
enum { POINTS = sizeof names / sizeof *names };

static atomic_long met[POINTS], met_armed[POINTS];
static pthread_once_t once = PTHREAD_ONCE_INIT;
static char wanted[64]; // of TC_CRASH
static long wanted_nth;
static const char *dir; // TC_CRASH_DIR

static void read_environment(void) {
    const char *given = getenv("TC_CRASH");
    dir = getenv("TC_CRASH_DIR");
    if (!given) return;
    const size_t length = strcspn(given, ":");
    snprintf(wanted, sizeof wanted, "%.*s", (int)length, given);
    wanted_nth = given[length] ? strtol(given + length + 1, NULL, 10) : 1;
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static size_t index_of(const char *name) {
    size_t i = 0;
    while (i < POINTS && strcmp(names[i], name) != 0) i++;
    CHECK(i < POINTS);
    return i;
}

// The number in DIR/name; 0: not armed.
static long armed_nth(const char *path) {
    long nth = 0;
    FILE *file = fopen(path, "re");
    if (!file) return 0;
    if (fscanf(file, "%ld", &nth) != 1) nth = 0;
    fclose(file);
    return nth;
}

static void look_at_file(size_t point) {
    char path[PATH_MAX], hit[PATH_MAX + 8];
    snprintf(path, sizeof path, "%s/%s", dir, names[point]);
    const long nth = armed_nth(path);
    if (!nth) {
        atomic_store(&met_armed[point], 0);
        return;
    }
    if (atomic_fetch_add(&met_armed[point], 1) + 1 < nth) return;
    snprintf(hit, sizeof hit, "%s.hit", path);
    if (rename(path, hit) == 0) die(); // else another process was faster
}

void crash_point(const char *name) {
    const int kept = errno;
    pthread_once(&once, read_environment);
    if (!dir && !wanted_nth) return;
    const size_t point = index_of(name);
    const long count = atomic_fetch_add(&met[point], 1) + 1;
    if (wanted_nth && count == wanted_nth && strcmp(wanted, name) == 0) die();
    if (dir) look_at_file(point);
    errno = kept;
}
#else
typedef int crash_nothing_t; // a translation unit may not be empty
#endif
