// Keeps a log line that outsiders can cause from flooding the log: at most one a second, with the number left out.
#pragma once
#include "common/base/date.h"

typedef struct log_gate {
    int64_t next_us;
    uint64_t skipped;
} log_gate_t;

static inline bool log_gate_open(log_gate_t *gate, uint64_t *skipped) {
    int64_t now_us = clock_mono_us();
    if (now_us < gate->next_us) {
        gate->skipped++;
        return false;
    }
    *skipped = gate->skipped;
    *gate = (log_gate_t){.next_us = now_us + 1000000};
    return true;
}
