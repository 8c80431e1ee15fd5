#include "digests.h"
#include "adjudication.h"
#include "common/wire/message.h"
#include <string.h>

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for digests"); }

static int changes_of_row(void *self, uint32_t partition, const void *body, size_t bytes, arena_t *arena,
                          rows_t *changes, standing_verdict_t *verdict, err_t *err) {
    ProtobufCMessage *message;
    (void)self, (void)partition, (void)verdict;
    int rc = message_unpack(&message, &tc__decision__descriptor, body, bytes, arena, err);
    return rc ? rc : digests_of_decision((const Tc__Decision *)message, changes, err);
}

static const standing_log_t decisions = {
    "SELECT number, body FROM decision WHERE partition = $1 AND number > $2 AND kind < 4 ORDER BY number LIMIT $3",
    changes_of_row, NULL};

// ---- methods

int digests_follow_log(store_t *store, arena_t *arena, Tc__Followed **out, err_t *err) {
    Tc__Followed *answer = arena_alloc(arena, sizeof *answer);
    bool done = false;
    if (!answer) return no_memory(err);
    tc__followed__init(answer);
    answer->positions = arena_alloc(arena, PARTITIONS * sizeof *answer->positions);
    if (!answer->positions) return no_memory(err);
    answer->n_positions = PARTITIONS;
    int rc = standing_follow(store, &decisions, arena, &answer->taken, &done, err);
    if (!rc) rc = standing_positions(store, arena, answer->positions, err);
    answer->done = done;
    *out = answer;
    return rc;
}

int digests_follow(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                   err_t *err) {
    adjudication_t *on = self;
    (void)request, (void)message;
    return digests_follow_log(on->store, on->arena, (Tc__Followed **)reply, err);
}

int digests_get(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                err_t *err) {
    adjudication_t *on = self;
    (void)request;
    return standing_digests(on->store, (const Tc__GetDigests *)message, on->arena, (Tc__Digests **)reply, err);
}

int digests_get_rows(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                     err_t *err) {
    adjudication_t *on = self;
    (void)request;
    return standing_rows(on->store, (const Tc__GetDigests *)message, on->arena, (Tc__DigestRows **)reply, err);
}
