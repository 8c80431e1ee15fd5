#include "held.h"
#include "receipts_store.h"

const char held_parked[] = "parked", held_credit[] = "credit";

static int tell(collection_t *c, const held_change_t *change, err_t *err) {
    Tc__HeldMoney event;
    tc__held_money__init(&event);
    event.receipt = (char *)change->receipt;
    event.payer = (char *)payer_number(&change->payer);
    event.kind = (char *)change->kind;
    event.amount_fen = change->amount;
    event.on = (char *)change->on;
    event.reason = (char *)change->reason;
    return desk_tell(c, event.payer, "money.held", &event.base, err);
}

static int note_credit(const held_change_t *change, int64_t at_ms, rows_t *credits, rows_t *moves, err_t *err) {
    cell_t *credit = rows_add(credits), *move = rows_add(moves);
    if (!credit || !move) return err_set(err, E_IO, "out of memory");
    credit[0] = move[2] = cell_text(payer_kind(&change->payer));
    credit[1] = move[3] = cell_text(payer_number(&change->payer));
    credit[2] = move[4] = cell_i64(change->amount);
    move[0] = cell_text(change->receipt);
    move[1] = cell_text(change->reason);
    move[5] = cell_i64(at_ms);
    return 0;
}

int held_write(collection_t *c, const held_change_t *changes, size_t count, err_t *err) {
    rows_t credits, moves;
    int rc = 0;
    const int64_t at_ms = clock_now_ms();
    rows_init(&credits, c->ctx->arena, 3);
    rows_init(&moves, c->ctx->arena, 6);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (changes[i].amount == 0) continue;
        rc = tell(c, &changes[i], err);
        if (rc == 0 && changes[i].kind == held_credit) rc = note_credit(&changes[i], at_ms, &credits, &moves, err);
    }
    if (rc == 0 && credits.count) rc = credits_add(c->ctx->store, &credits, err);
    if (rc == 0 && moves.count) rc = credit_moves_insert(c->ctx->store, &moves, err);
    return rc;
}
