// What plays with kills have in common (fund_crashes_test, clearing_crashes_test): the books at rest, the books as they
// must be in the end, and a point that must have been hit. One translation unit a program includes this.
#pragma once
#include "books.h"
#include "common/base/date.h"
#include "crash_dir.h"
#include "running.h"
#include "tests/check.h"
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { CRASH_PLAY_SETTLE_MS = 40000, CRASH_PLAY_PAUSE_MS = 100, CRASH_PLAY_QUIET_MS = 2500 };

// Until what settlement does by itself has come to rest, and `mark` stands in the books. The caller frees it.
static inline char *crash_play_rest(const books_t *books, const char *mark) {
    char *before = NULL, *now = books_told(books);
    do {
        free(before);
        before = now;
        poll(NULL, 0, CRASH_PLAY_QUIET_MS);
        now = books_told(books);
        NEED(now != NULL);
    } while (strcmp(before, now) != 0 || !strstr(now, mark));
    free(before);
    return now;
}

static inline void crash_play_tell_difference(const char *a, const char *b) {
    size_t line = 0, i = 0;
    for (; a[i] && a[i] == b[i]; i++)
        if (a[i] == '\n') line = i + 1;
    fprintf(stderr, "    undisturbed: %.*s\n    disturbed:   %.*s\n", (int)strcspn(a + line, "\n"), a + line,
            (int)strcspn(b + line, "\n"), b + line);
}

// The books become what they were undisturbed, and `tongchou verify` passes.
static inline void crash_play_expect(running_t *suite, const books_t *books, const char *undisturbed) {
    char said[4096] = "", *now = NULL;
    const int64_t until = clock_now_ms() + CRASH_PLAY_SETTLE_MS;
    bool same = false;
    while (!same && clock_now_ms() < until) {
        free(now);
        now = books_told(books);
        NEED(now != NULL);
        same = strcmp(now, undisturbed) == 0;
        if (!same) poll(NULL, 0, CRASH_PLAY_PAUSE_MS);
    }
    if (!same) crash_play_tell_difference(undisturbed, now);
    OK(same);
    free(now);
    const int status = running_command(suite, said, sizeof said, (const char *const[]){"verify", NULL});
    EQ(status, 0);
    if (status) fprintf(stderr, "%s\n", said);
}

// What comes after a reply is met when the caller has it already, so this waits. Then the point is disarmed.
static inline void crash_play_expect_hit(const crash_dir_t *dir, const char *point, int stage) {
    const int64_t until = clock_now_ms() + CRASH_PLAY_SETTLE_MS;
    while (crash_dir_is_armed(dir, point) && clock_now_ms() < until) poll(NULL, 0, CRASH_PLAY_PAUSE_MS);
    const bool was_hit = crash_dir_was_hit(dir, point);
    if (!was_hit) fprintf(stderr, "    %s was not hit at stage %d\n", point, stage);
    OK(was_hit);
    crash_dir_disarm(dir, point);
}
