// Section `routing` of a city file: which agency accepts, signs, supervises and settles a facility.
#pragma once
#include "tables.h"

typedef struct routing_rules {
    const char *rule;
} routing_rules_t;
