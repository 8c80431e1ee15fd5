// The cache of the simulated city, for faults and for the auditor.
#pragma once
#include <stddef.h>
#include <stdint.h>

void redis_flush(void);
void redis_poison(void); // all that is there now
size_t redis_values(void);
extern int64_t redis_down_until_us;
