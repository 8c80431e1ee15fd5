// Faults drawn from a seed, done to the processes of a running suite (DIR/run/NAME.pid) while a load runs: kill −9,
// SIGSTOP for a while, Redis flushed or poisoned, PostgreSQL restarted, an instance of adjudication added and removed,
// a policy released. Only processes whose command line names DIR are touched. Who restarts them is `tongchou up`.
#pragma once
#include "services/cli/cli.h"
#include "services/cli/sample_person.h"

enum { FAULTS_AT_ONCE = 16, FAULT_NAME_MAX = 64, FAULT_VICTIMS_MAX = 64 };

typedef enum fault_kind {
    FAULT_KILL,    // any process
    FAULT_STOP,    // any process, for one to four seconds
    FAULT_FLUSH,   // Redis forgets everything
    FAULT_POISON,  // Redis holds rubbish under the names of entitlements
    FAULT_STORE,   // the command given for it
    FAULT_JOIN,    // one more instance of adjudication
    FAULT_LEAVE,   // … ends it, in order or by kill −9
    FAULT_RELEASE, // the city's policy is released again
    FAULT__COUNT
} fault_kind_t;

typedef struct faults_conf {
    const char *dir, *bin;     // of the suite; of the programs
    const char *store_restart; // a shell command; NULL: no such fault
    const char *release;       // a shell command; NULL: no such fault
    int64_t seed, every_ms;    // the mean time between two
    bool quiet;
} faults_conf_t;

typedef struct faults {
    const faults_conf_t *conf;
    const conf_t *suite;
    draw_t draw;
    int64_t next_ms, start_ms;
    struct {
        pid_t pid;
        int64_t until_ms;
    } stopped[FAULTS_AT_ONCE];
    pid_t extra;                 // the instance that was added; 0: none
    pid_t aside[FAULTS_AT_ONCE]; // commands that run
    int64_t count[FAULT__COUNT];
    struct { // who was killed, and how often
        char name[FAULT_NAME_MAX];
        int64_t kills;
    } killed[FAULT_VICTIMS_MAX];
} faults_t;

void faults_begin(faults_t *faults, const faults_conf_t *conf, const conf_t *suite);
void faults_turn(void *self); // as offer_conf_t.meanwhile
// Lets go on what was stopped, ends what was added, waits for commands.
void faults_end(faults_t *faults);
void faults_print(const faults_t *faults, FILE *out);
