// Section `surplus` of a city file: how an old surplus of a county is handed over.
#pragma once
#include "tables.h"

enum { INSTALMENTS_MAX = 8 };

typedef struct instalment { // in order of their days; the last one is the rest
    date_t due;
    rate_t share; // of the sum, rounded half up to the fen; 0 in the last
    const char *rule;
} instalment_t;

typedef struct surplus_rules {
    const char *rule;
    date_t as_of;     // the day whose balance is handed over
    bool provisional; // all instalments but the last may have been paid on a provisional figure
    instalment_t instalments[INSTALMENTS_MAX];
    uint32_t instalment_count;
} surplus_rules_t;
