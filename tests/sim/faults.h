// Swarm: every seed draws which faults it has and how often, so that a rare one is not always drowned by a common one.
#pragma once
#include "world.h"

typedef struct plan {
    uint64_t seed;
    int brokers, adjudication, persons, employers, callers, operations, errands;
    int64_t begin_ms, think_max_us, safety_max_us, dense;
    bool accounts, other_law, agreement_ends, door, catalogue, books, bare,
        calm; // bare: no tables yet; calm: no faults at all
} plan_t;

// Draws the plan of a seed and the rates of its faults. `length`: 0 short, 1 long.
plan_t faults_draw(uint64_t seed, int length);
void faults_begin(const plan_t *plan); // from now on, until
void faults_end(void);                 // everything heals: what is down comes up, what is cut is joined
void faults_tell(void);                // the rates, into the trace
