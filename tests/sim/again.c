// The life of a service process (common/daemon/service.c), compiled once more for the simulator: its one variable of
// the process changes hands with the fibers, because here are many processes in one.
#include "common/daemon/service.c" // NOLINT: on purpose

#include "again.h"

void *again_running(void) { return running; }
void again_run(void *process) { running = process; }
