#include "digests.h"
#include "adjudication.h"
#include "common/wire/message.h"
#include <string.h>

static const char book[] = "bills", account_kind[] = "account";

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for digests"); }

// ---- from a version of a bill to rows

static int change(const Tc__Decision *decision, const char *layer, fen_t now, fen_t before, rows_t *changes,
                  err_t *err) {
    fen_t amount;
    if (fen_sub(now, before, &amount)) return err_field(err, E_OUT_OF_RANGE, "paid", "an amount is out of range");
    return standing_change(changes, book, decision->input->to, decision->facility, layer, decision->bill, amount, err);
}

int digests_of_decision(const Tc__Decision *decision, rows_t *changes, err_t *err) {
    const Tc__Previous *before = decision->previous;
    int rc = E_OK;
    if (strcmp(decision->kind, "tombstone") == 0) return E_OK;
    if (!decision->input) return err_field(err, E_MISSING_FIELD, "input", "the bill of a decision is missing");
    for (size_t i = 0; !rc && i < decision->n_paid; i++)
        rc = change(decision, decision->paid[i]->name, decision->paid[i]->amount_fen, 0, changes, err);
    for (size_t i = 0; !rc && before && i < before->n_paid; i++)
        rc = change(decision, before->paid[i]->name, 0, before->paid[i]->amount_fen, changes, err);
    if (!rc) rc = change(decision, account_kind, decision->account_fen, before ? before->account_fen : 0, changes, err);
    return rc;
}

static int changes_of_row(void *self, uint32_t partition, const void *body, size_t bytes, arena_t *arena,
                          rows_t *changes, standing_verdict_t *verdict, err_t *err) {
    ProtobufCMessage *message;
    (void)self, (void)partition, (void)verdict;
    int rc = message_unpack(&message, &tc__decision__descriptor, body, bytes, arena, err);
    return rc ? rc : digests_of_decision((const Tc__Decision *)message, changes, err);
}

static const standing_log_t decisions = {
    "SELECT number, body FROM decision WHERE partition = $1 AND number > $2 ORDER BY number LIMIT $3", changes_of_row,
    NULL};

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
