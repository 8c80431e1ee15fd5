// Bills of the past decided again: what it would change (a dry run, from here), or a task of the suite followed to its
// end. Both count the same things in the same way.
#pragma once
#include "cli.h"
#include "readjudication.pb-c.h"

typedef struct recompute_options {
    bool json, quiet;
    int64_t window; // dry run; 0 = 32
} recompute_options_t;

// A policy file with overlays, kept by the suite without being put in force. E_POLICY and what the loader says.
int recompute_stage(suite_t *suite, const char *city_file, const char *const *overlays, char hash[static 65],
                    err_t *err) MUST_USE;
// Ask every person and year that fits what would change under the staged policy `hash` ("": the one in force), and
// print the sums. Exit status.
int recompute_dry(suite_t *suite, const Tc__FindAffected *what, const char *hash, const recompute_options_t *options);
// Follow a task until it has ended and print its sums. Exit status: 1 when something is parked.
int recompute_follow(suite_t *suite, int64_t number, const recompute_options_t *options);
void recompute_print_task(const Tc__Task *task); // a line and, when something is parked, why
