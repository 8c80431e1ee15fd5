// What offices do beside the hospitals' bills: files of people, lists and receipts, two numbers of one human being,
// receipts that fit nothing. Each errand is about people of its own and says at each step what must be answered. What
// is left in the end does not depend on when it was run, so the undisturbed run runs the same errands.
#pragma once
#include "caller.h"

enum { ERRANDS_MAX = 24 };

void errand_run(caller_t *caller, int number); // from 0 to its end; the number says which and about whom
