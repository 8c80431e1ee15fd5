// tongchou collect import: a file of receipts of the tax bureau, taken in by collection.
#pragma once
#include "request.h"

typedef struct collect_import {
    const char *path, *report; // CSV of the rows refused or parked; NULL: on standard error
    bool dry, whole;           // whole: a dry pass first, and nothing when a row is refused
    const common_options_t *common;
} collect_import_t;

// Exit status: 0 all matched or known; 1 rows were refused or parked; 2 the file cannot be used, or it was broken off.
int collect_import_file(suite_t *suite, const collect_import_t *order);
