// Mistakes that are built into tongchou-sim-canaries and nowhere else: the simulator must find each.
#pragma once
#include <stdbool.h>

bool canary_choose(const char *name); // false when there is none of that name
