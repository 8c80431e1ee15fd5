// Counts over the whole city (obligations.h, target_report.h), which would keep everybody else waiting if they were
// made in one piece: each time one is asked for it goes on for a slice, partition by partition, and until it is whole
// the answer is E_UNAVAILABLE with field "count", which says how far it is. The same question goes on where it stands,
// whoever asks; a client that tries again by itself gets its answer before its deadline. What is told of a partition
// was so when it was counted. One count at a time: another question is E_BUSY until the first is whole or nobody has
// asked for it for COUNTING_STALE_MS.
#pragma once
#include "desk.h"

enum { COUNTING_SLICE_MS = 200, COUNTING_STALE_MS = 5000, COUNTING_QUESTION_MAX = 64 };

typedef struct counting_kind {
    const char *what; // "the obligations of 2018 are"
    // A new state; everything it keeps lives in `arena`, which is the count's own.
    int (*begin)(collection_t *c, const void *ask, arena_t *arena, void **state, err_t *err);
    int (*part)(void *state, int64_t partition, err_t *err); // partitions 0 to PARTITIONS - 1 in turn
    int (*rest)(void *state, err_t *err);                    // before each answer; NULL: nothing to be done
} counting_kind_t;

// `question`: which count of this kind. E_OK: `*state` has all partitions and lives until the next call; the next time
// the question is asked it is counted anew. Another failure ends the count.
int counting_go_on(collection_t *c, const counting_kind_t *kind, const char *question, const void *ask, void **state,
                   err_t *err) MUST_USE;
void counting_destroy(counting_t **counting);
