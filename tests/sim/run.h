// One seed, from its first step to its last: the run under faults and the undisturbed run that its end is compared
// with, each in a process of its own.
#pragma once
#include "system.h"

typedef struct outcome {
    bool finished, failed;
    char why[1024];
    int64_t simulated_us;
    uint64_t steps, commits, messages, operations, audits, digest;
    uint64_t faults[FAULT__COUNT];
} outcome_t;

typedef struct run_conf {
    const char *root;       // folder of the sources: the city's files
    const char *keys_dir;   // city_keys()
    const char *dir;        // of databases and pictures; made here, removed by the caller
    const char *tables_dir; // databases to begin with: run_make_tables()
    uint64_t seed;
    int length; // 0 short, 1 long
    bool trace;
} run_conf_t;

// Databases with all tables and nothing in them, in `dir`/tables; `dir` is there.
void run_make_tables(const run_conf_t *conf, outcome_t *out);

// Forks twice and waits; everything is told in `out`, which must be memory that is shared.
void run_seed(const run_conf_t *conf, outcome_t *out);
