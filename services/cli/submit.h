// Send a file of commands: one JSON object a line, many in flight.
//
// Lines go out in their order. Before the first line of another method everything earlier has been answered, and two
// lines with one key are never in flight together, so a file means the same as sending it line by line. The request id
// is made from the command itself: sending a file twice changes nothing and gives the same answers.
#pragma once
#include "methods.h"

typedef struct submit_options {
    const char *service;
    const char *method; // lines are bodies of this method; NULL: lines are {"method": {body}}
    const char *path;   // "-" = standard input
    const char *out;    // NULL, or a file for the answers, a JSON line each, in order of arrival
    int64_t window;     // in flight; 0 = 64
    int64_t deadline_s; // per line; 0 = 60
    bool json;          // the summary as JSON
    bool quiet;         // no progress
} submit_options_t;

// Exit status: 0 all accepted, 1 some refused (told on standard error), 2 unusable file or no suite.
int submit_file(suite_t *suite, const submit_options_t *options);
