// A private PostgreSQL for one test program: its own cluster in a temporary directory, reached by a Unix socket there,
// no TCP, so that any number of test programs run side by side. Stopped and removed at exit; a program that is killed
// takes its server with it and leaves the directory. fsync is off: tests kill processes, not the machine. As root the
// server runs as user postgres. Failures are told on standard error.
#pragma once
#include <stdbool.h>

int postgres_start(char url[static 256]); // 0 when it answers; the URL is for store_open()
void postgres_stop(void);                 // safe twice; runs at exit too

// Immediate: as after a crash, no shutdown of any kind. Otherwise sessions are ended and the cluster is closed cleanly.
int postgres_halt(bool immediate);
int postgres_resume(void); // after a halt, the same data
int postgres_restart(bool immediate);
