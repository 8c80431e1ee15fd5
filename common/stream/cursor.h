// Where a consumer stands in one partition, and what to do with what arrives. Pure: no socket, no store, no clock.
//
// Promises, whatever the network drops, doubles or reorders: every number from `applied` + 1 on is told APPLY exactly
// once and in order; and as long as the head is ahead and the partition is not stopped, a replay is asked for sooner or
// later.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define CURSOR_HELD_MAX 64          // live events kept aside while a replay closes the gap before them
#define CURSOR_GRACE_MS 50          // how long a lag may be mere reordering between two instances
#define CURSOR_ASK_TIMEOUT_MS 1000  // a replay is asked of another instance when that one says no word for so long,
#define CURSOR_ASK_PATIENCE_MS 5000 // or answers others for so long (a writer answers one ask after the other)
#define CURSOR_REFUSED_PAUSE_MS 1000
#define CURSOR_SHORT_AFTER_MS 10000

typedef enum cursor_verdict { CURSOR_DROP, CURSOR_DUPLICATE, CURSOR_APPLY, CURSOR_HOLD } cursor_verdict_t;

typedef struct cursor {
    int64_t applied;               // last number whose effect is committed
    int64_t taken;                 // last number handed to the batch; >= applied
    int64_t head;                  // highest number heard of
    int64_t held_first, held_last; // the run kept aside, first > taken + 1 when it came; 0 when none
    bool stopped;                  // parked or resting: nothing is taken
    bool level;            // was level with the head since start or resume: from then on a lag has CURSOR_GRACE_MS
    int64_t mark, mark_ms; // a lag: heard of `mark` at mark_ms
    bool asking;
    uint64_t request;
    int64_t asked_until;     // the last number that may come in answer
    int64_t asked_ms;        // asked, or last sign of the answer
    int64_t pause_until_ms;  // after a refusal
    int64_t floor, floor_ms; // a beat was below `floor` since floor_ms
} cursor_t;

void cursor_init(cursor_t *cursor, int64_t applied);

// Event `number` came, live or replayed. APPLY: append it to the batch, then take held ones by cursor_next_held. HOLD:
// keep it aside at the end of the run.
cursor_verdict_t cursor_arrive(cursor_t *cursor, int64_t number, int64_t now_ms);
// Look at the first of the run: DUPLICATE (discard it) or APPLY; DROP when there is none or it is not its turn yet.
cursor_verdict_t cursor_next_held(cursor_t *cursor, int64_t now_ms);
void cursor_forget_held(cursor_t *cursor);

// A beat says `head`. True when the log has been shorter than our cursor for CURSOR_SHORT_AFTER_MS: the writer lost
// events that we have applied (a restored backup). Told once per period.
bool cursor_beat(cursor_t *cursor, int64_t head, int64_t now_ms);

// True when a replay from taken + 1 is due; the caller sends it and says so by cursor_asked.
bool cursor_wants(cursor_t *cursor, int64_t now_ms);
// `credit` events were asked for. When they are taken the answer is complete, whether or not its end mark was read.
void cursor_asked(cursor_t *cursor, uint64_t request, uint32_t credit, int64_t now_ms);
int64_t cursor_expected(const cursor_t *cursor); // events asked for that are known of and did not come yet
// The answer to `request` is complete: the log ends before `next`, or (more) the credit is used up. Others are ignored.
void cursor_answered(cursor_t *cursor, uint64_t request, int64_t next, bool more, int64_t now_ms);
// The answer is a refusal: ask again after a pause. False when it is not the current request.
bool cursor_refused(cursor_t *cursor, uint64_t request, int64_t now_ms);
// True once per request given up. Who was asked last answered anything at `answered_ms`.
bool cursor_timed_out(cursor_t *cursor, int64_t answered_ms, int64_t now_ms);

void cursor_commit(cursor_t *cursor, int64_t number); // effects up to `number` are durable
void cursor_stop(cursor_t *cursor);                   // back to `applied`, take nothing
void cursor_resume(cursor_t *cursor);
