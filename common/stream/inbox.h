// Events on their way to the effect: the batch, and per partition the run that is held until a replay closes the gap
// before it. Owns copies, so that a batch survives any number of failed tries. Bounded by count and bytes; what does
// not fit is left to replay.
#pragma once
#include "cursor.h"
#include "consumer.h"

#define INBOX_BATCH_BYTES (8 * 1024 * 1024)
#define INBOX_HELD_BYTES (16 * 1024 * 1024)

typedef struct letter letter_t;
struct letter {
    letter_t *next;
    event_t event; // points into `bytes`
    char bytes[];
};

typedef struct inbox {
    letter_t *batch[CONSUMER_BATCH_MAX];
    size_t count, batch_bytes;
    size_t batch_most; // full with so many; 0: CONSUMER_BATCH
    struct {
        letter_t *first, *last;
    } held[PARTITIONS];
    size_t held_bytes;
} inbox_t;

size_t inbox_most(const inbox_t *inbox); // events of a full batch
bool inbox_full(const inbox_t *inbox);
// Put an event where its cursor says. The strings are borrowed, `topic` need not be terminated. Out of memory counts as
// lost: the cursor is untouched. Not when full.
cursor_verdict_t inbox_arrive(inbox_t *inbox, cursor_t *cursor, const event_t *event, size_t topic_bytes,
                              int64_t now_ms);
// Move held events whose turn has come to the batch, as far as it has room.
void inbox_release(inbox_t *inbox, cursor_t *cursor, uint32_t partition, int64_t now_ms);
void inbox_sort(inbox_t *inbox);                       // one partition after another, each in order
void inbox_forget(inbox_t *inbox, uint32_t partition); // batch and held
void inbox_forget_held(inbox_t *inbox, uint32_t partition);
void inbox_forget_batch(inbox_t *inbox);
void inbox_clear(inbox_t *inbox);
