// A world for the deterministic simulator: virtual time, one seeded source of chance, nodes (what would be processes)
// and fibers (what would be their threads). One operating-system thread runs everything, one fiber at a time; a fiber
// gives way only where it waits: at a poll, a sleep, a lock of the store, or where a fault says so. The same seed makes
// the same run, step by step.
//
// A node that dies takes its fibers and sockets with it and closes its databases without a commit; what it had
// allocated is not given back, so a seed runs in a process of its own (sim.c).
#pragma once
#include "common/base/check.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct node node_t;
typedef struct fiber fiber_t;

// ---- the seed

void world_open(uint64_t seed);
uint64_t draw(void);
uint64_t draw_to(uint64_t end);                  // 0 … end − 1; end > 0
int64_t draw_between(int64_t low, int64_t high); // both ends included
bool chance(uint32_t ppm);                       // one of a million

// ---- time and the agenda

int64_t world_us(void); // virtual microseconds since the beginning, as the running fiber has it
// Run `act` at a moment; those of the same moment in the order in which they were put there.
typedef void act_t(void *self, uint64_t number);
void world_at(int64_t at_us, act_t *act, void *self, uint64_t number);
// Work through the agenda until `until_us` or until `enough` says so. False when it ended by the clock.
bool world_run(int64_t until_us, bool (*enough)(void));
uint64_t world_steps(void); // resumptions of fibers so far
// Called after every resumption of a fiber and every act; for the invariants.
void world_watch(void (*watch)(void));

// ---- nodes

typedef struct node_ops {
    int (*main)(node_t *node); // the process: returns its exit status
    void (*buried)(node_t *node);
} node_ops_t;

node_t *node_new(const char *name, const node_ops_t *ops, void *self);
const char *node_name(const node_t *node);
void *node_self(const node_t *node);
void node_start(node_t *node); // its main fiber begins within a millisecond
bool node_is_up(const node_t *node);
uint64_t node_life(const node_t *node); // counts its starts
int node_exit(const node_t *node);      // status of the last life that returned; −1 when it died
void node_kill(node_t *node);           // as by kill −9; from anywhere, also from the node itself
void node_stop(node_t *node);           // as by SIGTERM
bool node_stop_asked(const node_t *node);
int *node_stop_descriptor(node_t *node);         // what signalfd() gave it
void node_pause(node_t *node, int64_t until_us); // as by SIGSTOP
void node_skew(node_t *node, int64_t skew_us);   // its wall clock is so far ahead
int64_t node_skew_us(const node_t *node);
node_t *node_now(void); // whose fiber runs; NULL outside
size_t node_all(node_t *const **nodes);

// Hooks of the layers that a node's death concerns.
typedef struct layer {
    void (*dies)(node_t *node);                            // its fibers are gone
    void (*leaves)(node_t *node), (*enters)(node_t *node); // a fiber of the node stops, goes on
} layer_t;
void world_layer(const layer_t *layer);

// ---- fibers

fiber_t *fiber_new(node_t *node, void *(*run)(void *), void *argument);
fiber_t *fiber_now(void); // NULL outside
bool fiber_is_done(const fiber_t *fiber);
void fiber_work(int64_t us);       // the running fiber has used so much time; it pays at its next wait
void fiber_wait(int64_t until_us); // until then, or until somebody wakes it
void fiber_wake(fiber_t *fiber, int64_t at_us);
// While it is inside SQLite a fiber cannot be thrown away: a node's death waits for fiber_outside().
void fiber_inside(bool inside);
bool fiber_is_doomed(void);
void fiber_end_if_doomed(void);
_Noreturn void fiber_leave(void); // for ever

// ---- the record of a run

void trace_open(bool all);                                                 // all: print every line at once
void trace(const char *format, ...) __attribute__((format(printf, 1, 2))); // the last lines are kept for a failure
// Of a log: "event key=value …".
void trace_line(const char *who, const char *event, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));
bool trace_is_on(void);
void trace_last(void);       // prints what is kept
uint64_t trace_digest(void); // of all lines so far
// The run has failed: says why, once, and ends it.
_Noreturn void world_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void world_on_fail(void (*told)(const char *why));
