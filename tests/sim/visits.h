// Bills whose amounts the catalogues make of fee lines: a catalogue of three entries, and visits that collect lines
// before they are settled.
#pragma once
#include "caller.h"

enum { VISIT_LINES_BYTES = 900 };

void visits_load_catalogue(caller_t *caller);
// Lines as JSON, drawn; for `lines` of a bill or of add_lines.
void visit_draw_lines(char out[static VISIT_LINES_BYTES]);
// Register the visit, add the lines in two pieces and one that is taken away again. False: this hospital has not been
// heard of there yet, and no visit is registered.
bool visit_open(caller_t *caller, const char *bill, const char *person, const char *facility, const char *from,
                const char *lines);
