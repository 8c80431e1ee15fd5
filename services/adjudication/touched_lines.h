// Entries of the catalogues that a load changed for days that are past: which lines of bills are to be looked at again.
// A load notes them in its own transaction; some seconds later, when every instance has the entries, one scan looks for
// them all (scan.h), however many loads there were.
#pragma once
#include "affected.h"

// Task 0 until a scan takes it; days since 1970-01-01.
#define TOUCHED_LINES_SQL                                                                                              \
    "CREATE TABLE catalogue_touched (task BIGINT NOT NULL, kind TEXT NOT NULL, code TEXT NOT NULL,"                    \
    " from_day BIGINT NOT NULL, until_day BIGINT NOT NULL, since_ms BIGINT NOT NULL, PRIMARY KEY (task, kind, code));"

// Of more codes than TOUCHED_LINES_MAX the scan looks at every line of their days.
enum { TOUCHED_LINES_DELAY_MS = 5000, TOUCHED_LINES_MAX = 2000 };

// rows: kind, code, first and last day that are touched. Inside the transaction.
int touched_lines_note(store_t *store, const rows_t *rows, int64_t now_ms, arena_t *arena, err_t *err) MUST_USE;
// Make one task of what was noted when the last note is old enough; none: 0.
int touched_lines_make_task(store_t *store, arena_t *arena, int64_t now_ms, int64_t *number, err_t *err) MUST_USE;
// What a task has to look for; *out NULL when it is no such task.
int touched_lines_of_task(store_t *store, int64_t number, arena_t *arena, const touched_lines_t **out,
                          err_t *err) MUST_USE;
int touched_lines_forget(store_t *store, err_t *err) MUST_USE; // what ended scans looked for
// What FindAffected.codes names: "drug XA02BC0001".
int touched_lines_of_codes(char *const *codes, size_t count, arena_t *arena, const touched_lines_t **out,
                           err_t *err) MUST_USE;
