#include "canary.h"
#include <stddef.h>
#include <string.h>

#ifdef SIM_CANARIES
extern int canary_chosen;
int canary_chosen; // read by the sources that canaries/*.cmake changes

bool canary_choose(const char *name) {
    static const char *const names[] = {"", "reply_before_commit", "cursor_before_effect", "stale_accumulator"};
    for (int i = 1; i < (int)(sizeof names / sizeof *names); i++)
        if (strcmp(names[i], name) == 0) canary_chosen = i;
    return canary_chosen != 0;
}
#else
bool canary_choose(const char *name) {
    (void)name;
    return false;
}
#endif
