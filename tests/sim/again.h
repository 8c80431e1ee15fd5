// Which process common/daemon/service.c takes for its own.
#pragma once

void *again_running(void);
void again_run(void *process);
