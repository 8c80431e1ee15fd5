// Databases of the nodes: the real SQLite engine on files in memory (tmpfs), behind the engine table that every store
// goes through (common/store/engine.h). Before and after every call the node may die; calls may fail, be slow, or let
// others run meanwhile. What dies inside a transaction is rolled back as SQLite does it after a crash: by its log,
// whose tail may be torn.
#pragma once
#include "world.h"

typedef struct disk_faults {
    uint32_t crash_ppm;   // at each boundary of a call
    uint32_t rest_ppm;    // others run between two calls
    uint32_t fail_ppm;    // the call fails with E_STORE, nothing done
    uint32_t unknown_ppm; // of commits: done, and told as failed
    uint32_t slow_ppm;    // of commits
    int64_t slow_max_us;
    uint32_t torn_ppm; // of deaths of the last user of a database: its log ends in rubbish
} disk_faults_t;

extern disk_faults_t disk_faults;

void disk_open(void);
uint64_t disk_commits(void);
// Before the files of a database are changed behind everybody's back: who reads them outside the nodes lets go.
void disk_on_change(void (*let_go)(void));
