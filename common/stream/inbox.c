// Letters are single allocations: an event is copied once, on arrival, and freed once its effect is committed.
#include "inbox.h"
#include <string.h>

size_t inbox_most(const inbox_t *inbox) { return inbox->batch_most ? inbox->batch_most : CONSUMER_BATCH; }

bool inbox_full(const inbox_t *inbox) {
    return inbox->count >= inbox_most(inbox) || inbox->batch_bytes >= INBOX_BATCH_BYTES;
}

static letter_t *letter_new(const event_t *event, size_t topic_bytes) {
    letter_t *letter = malloc(sizeof *letter + event->body_bytes + topic_bytes + 1);
    if (!letter) return NULL;
    letter->next = NULL;
    letter->event = *event;
    if (event->body_bytes) memcpy(letter->bytes, event->body, event->body_bytes);
    char *topic = letter->bytes + event->body_bytes;
    memcpy(topic, event->topic, topic_bytes);
    topic[topic_bytes] = 0;
    letter->event.body = letter->bytes;
    letter->event.topic = topic;
    return letter;
}

static void append(inbox_t *inbox, letter_t *letter) {
    CHECK(inbox->count < CONSUMER_BATCH_MAX);
    inbox->batch[inbox->count++] = letter;
    inbox->batch_bytes += letter->event.body_bytes;
}

static void hold(inbox_t *inbox, letter_t *letter) {
    uint32_t partition = letter->event.partition;
    if (inbox->held[partition].last)
        inbox->held[partition].last->next = letter;
    else
        inbox->held[partition].first = letter;
    inbox->held[partition].last = letter;
    inbox->held_bytes += letter->event.body_bytes;
}

static letter_t *unhold(inbox_t *inbox, uint32_t partition) {
    letter_t *letter = inbox->held[partition].first;
    CHECK(letter);
    inbox->held[partition].first = letter->next;
    if (!letter->next) inbox->held[partition].last = NULL;
    letter->next = NULL;
    inbox->held_bytes -= letter->event.body_bytes;
    return letter;
}

void inbox_forget_held(inbox_t *inbox, uint32_t partition) {
    while (inbox->held[partition].first) free(unhold(inbox, partition));
}

cursor_verdict_t inbox_arrive(inbox_t *inbox, cursor_t *cursor, const event_t *event, size_t topic_bytes,
                              int64_t now_ms) {
    CHECK(!inbox_full(inbox));
    cursor_t before = *cursor;
    cursor_verdict_t verdict = cursor_arrive(cursor, event->number, now_ms);
    if (verdict != CURSOR_APPLY && verdict != CURSOR_HOLD) return verdict;
    bool room = verdict == CURSOR_APPLY || inbox->held_bytes + event->body_bytes <= INBOX_HELD_BYTES;
    letter_t *letter = room ? letter_new(event, topic_bytes) : NULL;
    if (!letter) {
        *cursor = before;
        if (event->number > cursor->head) cursor->head = event->number;
        return CURSOR_DROP;
    }
    if (verdict == CURSOR_HOLD) {
        hold(inbox, letter);
    } else {
        append(inbox, letter);
        inbox_release(inbox, cursor, event->partition, now_ms);
    }
    return verdict;
}

void inbox_release(inbox_t *inbox, cursor_t *cursor, uint32_t partition, int64_t now_ms) {
    while (!inbox_full(inbox)) {
        cursor_verdict_t verdict = cursor_next_held(cursor, now_ms);
        if (verdict == CURSOR_DROP) return;
        letter_t *letter = unhold(inbox, partition);
        if (verdict == CURSOR_APPLY)
            append(inbox, letter);
        else
            free(letter);
    }
}

void inbox_sort(inbox_t *inbox) {
    size_t start[PARTITIONS + 1] = {0};
    letter_t *sorted[CONSUMER_BATCH_MAX];
    for (size_t i = 0; i < inbox->count; i++) start[inbox->batch[i]->event.partition + 1]++;
    for (size_t p = 0; p < PARTITIONS; p++) start[p + 1] += start[p];
    for (size_t i = 0; i < inbox->count; i++) sorted[start[inbox->batch[i]->event.partition]++] = inbox->batch[i];
    memcpy(inbox->batch, sorted, inbox->count * sizeof *sorted);
}

void inbox_forget(inbox_t *inbox, uint32_t partition) {
    size_t kept = 0;
    inbox_forget_held(inbox, partition);
    for (size_t i = 0; i < inbox->count; i++) {
        letter_t *letter = inbox->batch[i];
        if (letter->event.partition != partition) {
            inbox->batch[kept++] = letter;
            continue;
        }
        inbox->batch_bytes -= letter->event.body_bytes;
        free(letter);
    }
    inbox->count = kept;
}

void inbox_forget_batch(inbox_t *inbox) {
    for (size_t i = 0; i < inbox->count; i++) free(inbox->batch[i]);
    inbox->count = inbox->batch_bytes = 0;
}

void inbox_clear(inbox_t *inbox) {
    inbox_forget_batch(inbox);
    for (uint32_t p = 0; p < PARTITIONS; p++) inbox_forget_held(inbox, p);
}
