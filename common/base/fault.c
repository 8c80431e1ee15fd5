#include "fault.h"

#ifdef TC_CRASH_POINTS
static _Thread_local struct {
    long left; // 0: not armed, or it failed
    bool failed;
} armed[FAULT__COUNT];

void fault_arm(fault_t kind, long nth) {
    armed[kind].left = nth;
    armed[kind].failed = false;
}

bool fault_disarm(fault_t kind) {
    armed[kind].left = 0;
    return armed[kind].failed;
}

bool fault_now(fault_t kind) {
    if (armed[kind].left == 0 || --armed[kind].left > 0) return false;
    return armed[kind].failed = true;
}
#endif
