// Failures on order, for tests that let allocation, store call or send number n fail, n rising until there is no such
// one. Counted per thread. Compiled in only with TC_CRASH_POINTS, never in a release; without it nothing fails here.
#pragma once
#include <stdbool.h>

typedef enum fault {
    FAULT_MEMORY, // a piece of an arena
    FAULT_STORE,  // a call of the store, the commit among them (before it happens)
    FAULT_SEND,   // an event that goes out after the commit
    FAULT__COUNT
} fault_t;

#ifdef TC_CRASH_POINTS
void fault_arm(fault_t kind, long nth); // from now on the nth fails (1: the next), and only that one; the count begins
bool fault_disarm(fault_t kind);        // did it fail?
bool fault_now(fault_t kind);           // counts; true when this is the one
#else
static inline void fault_arm(fault_t kind, long nth) { (void)kind, (void)nth; }
static inline bool fault_disarm(fault_t kind) { return (void)kind, false; }
static inline bool fault_now(fault_t kind) { return (void)kind, false; }
#endif
