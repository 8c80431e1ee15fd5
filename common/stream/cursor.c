// The state machine of one partition of a consumer; the promises stand in cursor.h.
#include "cursor.h"
#include "common/base/check.h"

void cursor_init(cursor_t *cursor, int64_t applied) {
    CHECK(applied >= 0);
    *cursor = (cursor_t){.applied = applied, .taken = applied, .head = applied};
}

static void heard(cursor_t *cursor, int64_t number) {
    if (number > cursor->head) cursor->head = number;
}

static void check_level(cursor_t *cursor) {
    if (cursor->taken >= cursor->head) cursor->level = true;
}

static void take(cursor_t *cursor, int64_t number, int64_t now_ms) {
    CHECK(number == cursor->taken + 1);
    cursor->taken = number;
    cursor->asked_ms = now_ms;
    if (number >= cursor->asked_until) cursor->asking = false;
    check_level(cursor);
}

static cursor_verdict_t hold(cursor_t *cursor, int64_t number) {
    if (cursor->held_last == 0) {
        cursor->held_first = cursor->held_last = number;
        return CURSOR_HOLD;
    }
    if (number >= cursor->held_first && number <= cursor->held_last) return CURSOR_DUPLICATE;
    // Only an unbroken run is kept: what does not fit comes by replay.
    if (number != cursor->held_last + 1 || number - cursor->held_first >= CURSOR_HELD_MAX) return CURSOR_DROP;
    cursor->held_last = number;
    return CURSOR_HOLD;
}

cursor_verdict_t cursor_arrive(cursor_t *cursor, int64_t number, int64_t now_ms) {
    heard(cursor, number);
    if (cursor->stopped) return CURSOR_DROP;
    if (number <= cursor->taken) return CURSOR_DUPLICATE;
    if (number > cursor->taken + 1) return hold(cursor, number);
    take(cursor, number, now_ms);
    return CURSOR_APPLY;
}

cursor_verdict_t cursor_next_held(cursor_t *cursor, int64_t now_ms) {
    int64_t number = cursor->held_first;
    if (number == 0 || number > cursor->taken + 1) return CURSOR_DROP;
    cursor->held_first++;
    if (cursor->held_first > cursor->held_last) cursor_forget_held(cursor);
    if (number <= cursor->taken) return CURSOR_DUPLICATE;
    take(cursor, number, now_ms);
    return CURSOR_APPLY;
}

void cursor_forget_held(cursor_t *cursor) { cursor->held_first = cursor->held_last = 0; }

bool cursor_beat(cursor_t *cursor, int64_t head, int64_t now_ms) {
    heard(cursor, head);
    check_level(cursor);
    // Another instance's head may be seconds old, so it is compared with what we had applied when the lag began.
    if (head >= cursor->applied || (cursor->floor && head >= cursor->floor)) {
        cursor->floor = 0;
        return false;
    }
    if (cursor->floor == 0) {
        cursor->floor = cursor->applied;
        cursor->floor_ms = now_ms;
    }
    if (now_ms - cursor->floor_ms < CURSOR_SHORT_AFTER_MS) return false;
    cursor->floor_ms = now_ms;
    return true;
}

bool cursor_wants(cursor_t *cursor, int64_t now_ms) {
    if (cursor->stopped || cursor->asking || cursor->head <= cursor->taken) return false;
    if (now_ms < cursor->pause_until_ms) return false;
    if (!cursor->level) return true;
    if (cursor->mark <= cursor->taken) { // a new lag: give what is under way the time to come
        cursor->mark = cursor->head;
        cursor->mark_ms = now_ms;
    }
    return now_ms - cursor->mark_ms >= CURSOR_GRACE_MS;
}

void cursor_asked(cursor_t *cursor, uint64_t request, uint32_t credit, int64_t now_ms) {
    cursor->asking = true;
    cursor->request = request;
    cursor->asked_until = cursor->taken < INT64_MAX - credit ? cursor->taken + credit : INT64_MAX;
    cursor->asked_ms = now_ms;
}

int64_t cursor_expected(const cursor_t *cursor) {
    int64_t last = cursor->asked_until < cursor->head ? cursor->asked_until : cursor->head;
    return cursor->asking && last > cursor->taken ? last - cursor->taken : 0;
}

void cursor_answered(cursor_t *cursor, uint64_t request, int64_t next, bool more, int64_t now_ms) {
    if (!cursor->asking || request != cursor->request) return;
    cursor->asking = false;
    heard(cursor, next - 1);
    if (more) { // there is something at `next`, or the writer thinks so: the next answer will tell
        cursor->level = false;
        return;
    }
    // Part of the answer was lost: the rest is due at once. We have all of it and the head is still ahead: live events
    // are under way or were dropped, so the lag has its grace again (and a writer whose log is short is not asked in a
    // loop).
    cursor->level = cursor->taken >= next - 1;
    cursor->mark = cursor->head;
    cursor->mark_ms = now_ms;
}

bool cursor_refused(cursor_t *cursor, uint64_t request, int64_t now_ms) {
    if (!cursor->asking || request != cursor->request) return false;
    cursor->asking = false;
    cursor->pause_until_ms = now_ms + CURSOR_REFUSED_PAUSE_MS;
    return true;
}

bool cursor_timed_out(cursor_t *cursor, int64_t answered_ms, int64_t now_ms) {
    if (!cursor->asking || now_ms - cursor->asked_ms < CURSOR_ASK_TIMEOUT_MS) return false;
    if (now_ms - answered_ms < CURSOR_ASK_TIMEOUT_MS && now_ms - cursor->asked_ms < CURSOR_ASK_PATIENCE_MS)
        return false;
    cursor->asking = false;
    return true;
}

void cursor_commit(cursor_t *cursor, int64_t number) {
    CHECK(number >= cursor->applied && number <= cursor->taken);
    cursor->applied = number;
}

void cursor_stop(cursor_t *cursor) {
    cursor->stopped = true;
    cursor->asking = false;
    cursor->level = false;
    cursor->taken = cursor->applied;
    cursor_forget_held(cursor);
}

void cursor_resume(cursor_t *cursor) { cursor->stopped = false; }
