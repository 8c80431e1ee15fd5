// The plan of a synthetic year (year.py) in memory: operations in the order of arrival, each with what is lawful to
// come of it and, once it was answered, with what came.
#pragma once
#include "services/cli/cli.h"
#include "common/base/hash.h"

enum { OPS_MAX = 4 * 1000 * 1000, NO_OP = -1 };

typedef struct op {
    const char *id, *person, *bill;
    void *body;
    size_t bytes;
    uint64_t lawful;       // bit of each code that may come of it
    int32_t hospital;      // who sends it
    int32_t after;         // an operation that must have been answered before; NO_OP
    int32_t same;          // an operation of the same id and body: the same answer to the byte; NO_OP
    int32_t next;          // of a list in which it waits; NO_OP ends it
    int32_t waiting;       // first of those that wait for this one
    bool reverses, stands; // `stands`: a bill that counts in the end
    bool done;
    int code;                     // of the answer, when done
    uint8_t digest[SHA256_BYTES]; // of the answer's bytes
    int32_t tries;
    int64_t due_us, latency_us; // of the first time it was sent; from there to its answer
} op_t;

typedef struct plan {
    arena_t *arena;
    op_t *ops;
    size_t count;
    int32_t hospitals;
} plan_t;

int plan_read(plan_t *plan, const char *path, err_t *err) MUST_USE;
void plan_release(plan_t *plan);
