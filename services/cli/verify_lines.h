// Part of the check of chains: lines of visits, kept with every version of a bill that took them.
#pragma once
#include "adjudication.pb-c.h"
#include "verify.h"
#include <string.h>

typedef struct verify_lines {
    int64_t kept_from_ms; // versions before have none
} verify_lines_t;

int verify_lines_begin(verify_t *verify, verify_lines_t *lines, err_t *err) MUST_USE;
int verify_lines_check(verify_t *verify, const verify_lines_t *lines, const Tc__Decision *decision,
                       err_t *err) MUST_USE;
