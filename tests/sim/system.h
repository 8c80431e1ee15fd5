// The operating system as the simulator has it, and the count of faults.
#pragma once
#include "world.h"

extern int64_t system_begin_ms;                    // unix time at which the world begins
extern uint32_t system_crash_ppm, system_rest_ppm; // at each crash point (common/base/crash_points.h)

bool system_stop_is_unread(void); // the running node was asked to stop, and has not read that yet

#define FAULTS(fault)                                                                                                  \
    fault(DROP, "message dropped") fault(DOUBLE, "message doubled") fault(REORDER, "message overtaken")                \
        fault(DELAY, "message delayed") fault(CUT, "partition") fault(RESET, "connection reset")                       \
            fault(CRASH_POINT, "crash at a crash point") fault(CRASH_STORE, "crash at a store boundary")               \
                fault(CRASH_SEND, "crash at a send") fault(CRASH_OUTSIDE, "kill -9 at any moment")                     \
                    fault(SILENT, "death that peers do not hear of") fault(STOP, "stop in order and start")            \
                        fault(PAUSE, "process stopped for a while") fault(TORN, "torn tail of a log")                  \
                            fault(STORE_FAILED, "store call failed")                                                   \
                                fault(COMMIT_UNKNOWN, "commit of unknown outcome") fault(SLOW_DISK, "slow commit")     \
                                    fault(CLOCK, "clock jump") fault(CACHE_FLUSHED, "cache flushed")                   \
                                        fault(CACHE_POISONED, "cache poisoned") fault(CACHE_DOWN, "cache unreachable") \
                                            fault(POLICY, "policy released") fault(ADDED, "instance added")            \
                                                fault(REMOVED, "instance removed")
#define FAULT_ENUM(name, text) FAULT_##name,
#define FAULT_NAME(name, text) text,

typedef enum fault { FAULTS(FAULT_ENUM) FAULT__COUNT } fault_t;
extern uint64_t system_faults[FAULT__COUNT];
void system_count(fault_t fault);
const char *fault_name(fault_t fault);
