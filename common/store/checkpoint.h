// Moves the write-ahead log of a SQLite store into its file beside the writer, so that a commit does not wait for it.
//
// Survives: being slower than the writer (who at CHECKPOINT_BOUND_PAGES waits for it and copies the rest himself, as
// SQLite does by itself), several processes at one store (one copies, the others let it), any failure (the log is
// merely longer).
#pragma once
#include "common/base/check.h"
#include "common/base/err.h"
#include <stdbool.h>

enum {
    CHECKPOINT_PAGES = 4096,        // 16 MiB: a page that is written often goes to the file once, not every time
    CHECKPOINT_BOUND_PAGES = 16384, // 64 MiB
};

typedef struct checkpointer checkpointer_t;

// A thread with a connection of its own to the file `path`. E_STORE.
int checkpointer_new(checkpointer_t **out, const char *path, err_t *err) MUST_USE;
void checkpointer_destroy(checkpointer_t **checkpointer); // waits for a copy under way
void checkpointer_wake(checkpointer_t *checkpointer);     // there is something to copy
