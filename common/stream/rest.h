// How long a consumer rests after a batch, so that those it stands back for have the processors and the database to
// themselves meanwhile: `nice` does not reach a database server that both write to. Pure: no clock.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define REST_MAX_MS 1000
#define REST_BEHIND_MS 5000 // who is this far behind does not rest

typedef struct rest_batch {
    bool full;         // of a smaller one nobody is in the way
    int64_t took_ms;   // to apply it
    int64_t behind_ms; // since its newest event happened
} rest_batch_t;

// `percent` of the time that a full batch took.
int64_t rest_ms(int percent, const rest_batch_t *batch);
