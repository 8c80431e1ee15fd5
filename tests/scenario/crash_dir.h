// The directory where a scenario arms crash points (common/base/crash.h) for the processes it starts: a file named as
// the point holds the number of the meeting that kills; once hit it is called POINT.hit.
#pragma once
#include <stdbool.h>
#include <stdint.h>

typedef struct crash_dir {
    char path[256]; // "": none
} crash_dir_t;

// A new one (under TMPDIR, or /tmp), which suites that are started from here on look into. 0 or −1.
int crash_dir_make(crash_dir_t *dir);
// It and all in it; not an error when there is none.
void crash_dir_remove(crash_dir_t *dir);

int crash_dir_arm(const crash_dir_t *dir, const char *point, int nth); // 0 or −1
bool crash_dir_is_armed(const crash_dir_t *dir, const char *point);    // and not hit yet
bool crash_dir_was_hit(const crash_dir_t *dir, const char *point);
// As before it was armed, hit or not.
void crash_dir_disarm(const crash_dir_t *dir, const char *point);

// What meetings are drawn from: CRASH_SEED, or another number each time; told on standard error.
uint64_t crash_dir_seed(void);
