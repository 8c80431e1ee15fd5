// Which commands a test let fail call by call: lines "service method" in the file that TC_SWEEP_LOG names.
// tests/sweep_reach.c holds them against the services' tables.
#pragma once
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static inline void sweep_tell(const char *service, const char *name) {
    static bool begun;
    const char *path = getenv("TC_SWEEP_LOG");
    FILE *file = path ? fopen(path, begun ? "a" : "w") : NULL;
    if (!file) return;
    begun = true;
    fprintf(file, "%s %s\n", service, name);
    fclose(file);
}
