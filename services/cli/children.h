// Child processes under one parent: start, notice the word "ready", restart what dies, stop in reverse order.
// A child gets SIGTERM when the parent dies and writes its log to DIR/log/NAME.log; its number stands in
// DIR/run/NAME.pid and, while it is ready, the address of its health and metrics in DIR/run/NAME.health.
#pragma once
#include "common/base/check.h"
#include "common/base/err.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { CHILDREN_MAX = 64, CHILD_ARGS_MAX = 24 };

typedef struct child {
    char name[48];
    char *argv[CHILD_ARGS_MAX]; // owned
    pid_t pid;                  // 0: not running
    int out;                    // its standard output, or −1; of one that does not say ready it goes to the log
    char line[512];             // of standard output, as far as it came
    size_t line_bytes;
    bool says_ready; // prints "ready …"; otherwise running is ready
    int stage;       // higher stages lean on lower ones and stop before them
    bool ready;
    char health[128]; // http://…, from the line that said ready; "" when it names none
    int64_t started_ms, restart_at_ms;
    int quick_deaths; // in a row, each within 5 s of its start
    int restarts;
} child_t;

typedef struct children {
    const char *dir;
    child_t child[CHILDREN_MAX];
    size_t count;
    bool stopping;
} children_t;

// Describe a child (arguments end with NULL and are copied) and start it.
int children_add(children_t *children, const char *name, int stage, bool says_ready, const char *const *argv,
                 err_t *err) MUST_USE;
// One turn: read outputs, collect the dead, restart what is due. Waits at most `timeout_ms`. Returns 1 when one died.
int children_turn(children_t *children, int timeout_ms);
bool children_all_ready(const children_t *children);
// SIGTERM to all of the highest stage, then the next; a stage has `grace_ms` before SIGKILL.
void children_stop(children_t *children, int grace_ms);
void children_free(children_t *children);
